"""The report on one data set: every chapter computed once, told in any language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kbind.calendar import PERIODS
from kbind.churn.profit import Campaign
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.errors import (
    ArgumentError,
    check_choice,
    check_kind,
    check_list,
    check_name,
    check_path,
    choices,
)
from kbind.personas.persona import Persona
from kbind.report.chapters.base import Chapter, enough
from kbind.report.chapters.study import Study
from kbind.report.contents import NAMES, chapter_of, chosen, number_of
from kbind.report.internal import check_internal, write_internal
from kbind.report.lists import Lists, check_lists, write_lists
from kbind.report.pages import Around, Page, chapter_page, missing_page, short_page
from kbind.report.place import check_out
from kbind.report.publish import put_in_place
from kbind.report.telling import tell
from kbind.text.disclosure import Disclosure
from kbind.text.messages import LANGUAGES

if TYPE_CHECKING:
    from kbind.churn.forecast import Forecast


class Report:
    """What managers read about one data set: chapters that are computed once, as pages in German and English.

    Parameters
    ----------
    data : Dataset or Forecast
        What it is about. A forecast that was made of it before is told in chapter 03 instead of made again.
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
    How many customers stay, by your own count?
    """

    def __init__(
        self,
        data: Dataset | Forecast,
        *,
        period: str | None = None,
        threshold: int = 5,
        adjust: str | Sequence[str] | None = None,
        campaign: Campaign | None = None,
        personas: Sequence[Persona] | None = None,
        exclude: str | Sequence[str] = (),
    ) -> None:
        data, forecast = _parted(data, campaign)
        check_options(period, threshold)
        if campaign is not None:
            check_kind("campaign", campaign, Campaign, "kb.Campaign(...)")
        if personas is not None:
            personas = check_list("personas", personas, "a list of personas")
            for persona in personas:
                check_kind("personas", persona, Persona, "kb.Persona(...)")
        _check_columns(data, adjust=adjust, exclude=exclude)
        self.data, self.threshold = data, threshold
        self._study = Study(data, period, threshold, adjust, campaign, personas, exclude, forecast)
        self._chapters: dict[str, Chapter | None] = {}

    def __repr__(self) -> str:
        numbers = ", ".join(number_of(name) for name in NAMES if not self._lacks(name))
        return f"Report on {self.data.name}: {numbers}"

    def _lacks(self, name: str) -> tuple[str, ...]:
        """What a chapter needs of which the data has nothing, as alternatives; empty if it can be written."""
        needs = chapter_of(name).needs
        return next((either for either in needs if not any(map(self.data.has, either))), ())

    def _chapter(self, name: str) -> Chapter | None:
        """A chapter with its results, which are computed once; None where the data holds too little."""
        if name not in self._chapters:
            self._chapters[name] = enough(chapter_of(name), self._study)
        return self._chapters[name]

    def page(self, chapter: str, lang: str = "en") -> Page:
        """One chapter's page in a language; it shows itself in a notebook.

        Parameters
        ----------
        chapter : str
            Number or name, such as "04".
        lang : {"de", "en"}

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
        (name,) = chosen([check_name("chapter", chapter)])
        return self.page_of(name, lang)

    def page_of(self, name: str, lang: str, languages: Sequence[str] = (), names: Sequence[str] = ()) -> Page:
        """The page of a chapter by its name, which links to the same in other languages and to its neighbours."""
        around = Around.of(name, names)
        if lacking := self._lacks(name):
            return missing_page(name, lang, languages, lacking, list(self.data.tables), around)
        chapter = self._chapter(name)
        if chapter is None:
            return short_page(name, lang, languages, around)
        return chapter_page(tell(chapter, lang), languages, around)

    def lists_of(self, name: str) -> Lists:
        """Customers that a chapter speaks of, by the name of the list."""
        chapter = None if self._lacks(name) else self._chapter(name)
        return {} if chapter is None else chapter.lists()

    def write(
        self,
        out: str | Path = "reports",
        lang: str = "both",
        chapters: Sequence[str] = (),
        *,
        compare: str | Path | None = None,
        lists: str | Path | None = None,
        internal: str | Path | None = None,
    ) -> Path:
        """Write pages as files, all at once when all are made.

        Parameters
        ----------
        out : path
            Folder for `<lang>/index.html` (the summary), `<lang>/<chapter>.html` and, beside each page, its facts as
            JSON; all of them in `facts.json`.
        lang : {"de", "en", "both"}
        chapters : sequence of str
            Numbers or names; default all.
        compare : path, optional
            The `facts.json` of an earlier report; the summary says what has changed since.
        lists : path, optional
            Folder, outside of `out`, for lists of customers as CSV and workbooks: whom to contact, the tenth with the
            highest risk, who is like those lost in each segment, who fits each refined persona.
        internal : path, optional
            File, outside of `out`, for exact facts by chapter: not rounded, none hidden, not to be handed on.

        Returns
        -------
        Path
            The page that leads to the summary in each language.

        Raises
        ------
        ArgumentError
            There is no such chapter or language.
        ReportError
            The folder cannot be written. Pages written earlier are left whole.
        """
        languages, folder = languages_of(lang), check_path("out", out)
        names = chosen(check_list("chapters", chapters, "numbers or names of chapters, such as ['01', '04']"))
        earlier = None if compare is None else check_path("compare", compare)
        check_out(folder)
        target = None if lists is None else check_path("lists", lists)
        if target is not None:
            check_lists(target, folder)
        exact = None if internal is None else check_path("internal", internal)
        if exact is not None:
            check_internal(exact, folder)
        pages = [self.page_of(name, each, languages, names) for name in names for each in languages]
        index = put_in_place(pages, folder, earlier)
        if exact is not None:
            write_internal(pages, exact)
        if target is not None:
            write_lists({key: frame for name in names for key, frame in self.lists_of(name).items()}, target)
        return index


def _parted(data: Dataset | Forecast, campaign: Campaign | None) -> tuple[Dataset, Forecast | None]:
    """The data, and its forecast where one was made before; a campaign has to be part of that already."""
    forecast: Forecast | None = None
    source: object = data
    if type(data).__name__ == "Forecast":  # its module is heavy, and other chapters do without
        from kbind.churn.forecast import Forecast

        if isinstance(data, Forecast):
            source, forecast = data.data, data
            if campaign is not None:
                raise ArgumentError("campaign: this forecast was made before; give the campaign to forecast_churn")
    check_kind("data", source, Dataset, "kb.open_dataset(...)")
    return cast("Dataset", source), forecast


def _check_columns(data: Dataset, **given: str | Sequence[str] | None) -> None:
    """Refuse names that are no columns of customers."""
    known = (
        [name for name in data.tables["customers"].columns if name != "customer_id"] if data.has("customers") else []
    )
    for parameter, names in given.items():
        for name in names_of(names, parameter):
            if name not in known:
                raise ArgumentError(f"{parameter}={name!r} is no column of customers; {choices(name, known)}")


def check_options(period: str | None, threshold: int) -> None:
    """Refuse a period or a threshold that a report cannot have."""
    if period is not None:
        check_choice("period", period, PERIODS)
    Disclosure(threshold)


def languages_of(lang: str) -> tuple[str, ...]:
    """The languages that "de", "en" or "both" mean."""
    check_choice("lang", lang, (*LANGUAGES, "both"))
    return LANGUAGES if lang == "both" else (lang,)
