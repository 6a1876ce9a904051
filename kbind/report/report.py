"""The report on one data set: every chapter computed once, told in any language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kbind.calendar import PERIODS
from kbind.churn.profit import Campaign
from kbind.dataset.dataset import Dataset
from kbind.errors import NotEnoughData, check_choice, check_kind
from kbind.personas.persona import Persona
from kbind.report.chapters.base import Chapter
from kbind.report.chapters.study import Study
from kbind.report.contents import NAMES, chapter_of, chosen, number_of
from kbind.report.pages import Page, chapter_page, missing_page, short_page
from kbind.report.place import check_out
from kbind.report.publish import put_in_place
from kbind.report.telling import tell
from kbind.text.disclosure import Disclosure
from kbind.text.messages import LANGUAGES


class Report:
    """What managers read about one data set: chapters that are computed once, as pages in German and English.

    Parameters
    ----------
    data : Dataset
        What it is about.
    period : {"day", "week", "month", "quarter", "year"}, optional
        Length of the periods of chapter 01; default what fits the data.
    threshold : int
        Smallest number of customers that is shown.
    adjust : str or sequence of str, optional
        Chapter 04: in what compared customers are alike, as for `contrast`.
    campaign : Campaign, optional
        Chapter 03: money of a campaign, as for `forecast_churn`.
    personas : sequence of Persona, optional
        Chapter 05; default those in the folder `personas` beside the data.
    exclude : str or sequence of str
        Chapter 05: columns that rules must not be about, as for `refine_persona`.

    Raises
    ------
    ArgumentError
        An argument is not usable.

    Examples
    --------
    >>> import kbind as kb
    >>> report = kb.Report(kb.datasets.load_counts())
    >>> print(str(report.page("01c")).splitlines()[0])
    How many customers stay, by one's own count?
    """

    def __init__(
        self,
        data: Dataset,
        *,
        period: str | None = None,
        threshold: int = 5,
        adjust: str | Sequence[str] | None = None,
        campaign: Campaign | None = None,
        personas: Sequence[Persona] | None = None,
        exclude: str | Sequence[str] = (),
    ) -> None:
        check_kind("data", data, Dataset, "kb.open_dataset(...)")
        check_options(period, threshold)
        self.data, self.threshold = data, threshold
        self._study = Study(data, period, threshold, adjust, campaign, personas, exclude)
        self._chapters: dict[str, Chapter] = {}

    def __repr__(self) -> str:
        numbers = ", ".join(number_of(name) for name in NAMES if not self.lacks(name))
        return f"Report on {self.data.name}: {numbers}"

    def lacks(self, name: str) -> tuple[str, ...]:
        """What a chapter needs of which the data has nothing, as alternatives; empty if it can be written."""
        needs = chapter_of(name).needs
        return next((either for either in needs if not any(map(self.data.has, either))), ())

    def chapter(self, name: str) -> Chapter:
        """A chapter with its results; they are computed once.

        Raises
        ------
        NotEnoughData
            The data holds too little for it.
        """
        if name not in self._chapters:
            self._chapters[name] = chapter_of(name)(self._study)
        return self._chapters[name]

    def page(self, chapter: str, lang: str = "en", *, languages: Sequence[str] = ()) -> Page:
        """One chapter's page in a language; it shows itself in a notebook.

        Parameters
        ----------
        chapter : str
            Number or name, such as "04".
        lang : {"de", "en"}
        languages : sequence of str
            Languages that it links to.

        Returns
        -------
        Page
            Where the data has nothing or too little for the chapter, a page that says so.

        Raises
        ------
        ArgumentError
            There is no such chapter or language.
        """
        check_choice("lang", lang, LANGUAGES)
        (name,) = chosen([chapter])
        if lacking := self.lacks(name):
            return missing_page(name, lang, languages, lacking, list(self.data.tables))
        try:
            found = self.chapter(name)
        except NotEnoughData:
            return short_page(name, lang, languages)
        return chapter_page(tell(found, lang), languages)

    def write(self, out: str | Path = "reports", lang: str = "both", chapters: Sequence[str] = ()) -> Path:
        """Write pages as files, all at once when all are made.

        Parameters
        ----------
        out : path
            Folder for `index.html`, `<lang>/<chapter>.html` and, beside each page, its facts as JSON.
        lang : {"de", "en", "both"}
        chapters : sequence of str
            Numbers or names; default all.

        Returns
        -------
        Path
            The index page.

        Raises
        ------
        ArgumentError
            There is no such chapter or language.
        ReportError
            The folder cannot be written. Pages written earlier are left whole.
        """
        languages = languages_of(lang)
        check_out(Path(out))
        pages = [self.page(name, each, languages=languages) for name in chosen(chapters) for each in languages]
        return put_in_place(pages, Path(out))


def check_options(period: str | None, threshold: int) -> None:
    """Refuse a period or a threshold that a report cannot have."""
    if period is not None:
        check_choice("period", period, PERIODS)
    Disclosure(threshold)


def languages_of(lang: str) -> tuple[str, ...]:
    """The languages that "de", "en" or "both" mean."""
    check_choice("lang", lang, (*LANGUAGES, "both"))
    return LANGUAGES if lang == "both" else (lang,)
