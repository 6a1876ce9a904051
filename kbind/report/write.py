"""Write a report: run the chapters, then put all pages in place at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kbind.calendar import PERIODS
from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import open_dataset
from kbind.errors import ArgumentError, ReportError, check_choice, did_you_mean, told
from kbind.report.execute import chapter_notebooks, execute, read_notebook, set_parameters
from kbind.report.pages import Page, chapter_page, index_page, missing_page
from kbind.report.place import check_out, placing, put
from kbind.text.disclosure import Disclosure
from kbind.text.messages import LANGUAGES

#: Told with what is being done and how much of it is: "01 de", 3, 12.
Progress = Callable[[str, int, int], None]


def write_report(
    source: str | Path | None = None,
    *,
    table: str | None = None,
    timezone: str | None = None,
    as_of: str | None = None,
    grace: str | None = None,
    lapse: str | None = None,
    ends: str | None = None,
    period: str | None = None,
    out: str | Path = "reports",
    lang: str = "both",
    chapters: Sequence[str] = (),
    threshold: int = 5,
    progress: Progress | None = None,
) -> Path:
    """Execute the chapters on a data set and write their pages.

    Parameters
    ----------
    source : path, optional
        A folder, a file or a DuckDB file, as for `open_dataset`; default: each chapter's own example.
    table, timezone, as_of, grace, lapse, ends : str, optional
        As for `open_dataset`.
    period : {"day", "week", "month", "quarter", "year"}, optional
        Length of the periods; default what fits the data.
    out : path
        Folder for `index.html`, `<lang>/<chapter>.html` and, beside each page, its facts as JSON.
    lang : {"de", "en", "both"}
        Languages to write.
    chapters : sequence of str
        Numbers or names of chapters; default all.
    threshold : int
        Smallest number of customers that is shown.
    progress : callable, optional
        Told what is being done.

    Returns
    -------
    Path
        The index page.

    Raises
    ------
    DatasetError, ArgumentError
        The data or an argument cannot be used.
    ReportError
        A chapter failed, or the folder cannot be written. Pages written earlier are left whole.
    """
    check_choice("lang", lang, (*LANGUAGES, "both"))
    Disclosure(threshold)
    languages = LANGUAGES if lang == "both" else (lang,)
    chosen = _chosen(chapters)
    present = None
    if period is not None:
        check_choice("period", period, PERIODS)
    check_out(Path(out))
    values: dict[str, object] = {"threshold": threshold, "period": period}
    declared = {"table": table, "timezone": timezone, "as_of": as_of, "grace": grace, "lapse": lapse, "ends": ends}
    if source is None:
        for name, value in declared.items():
            if value is not None:
                raise ArgumentError(f"{name}={told(value)} is about data of your own; say which by --data (source=)")
    else:
        present = open_dataset(source, table=table, timezone=timezone, as_of=as_of, grace=grace, lapse=lapse, ends=ends)
        values |= {"source": str(Path(source).resolve()), **declared}
    pages = [
        _make_page(path, language, languages, present, values, progress) for path in chosen for language in languages
    ]
    return _put_in_place(pages, Path(out))


def _chosen(chapters: Sequence[str]) -> list[Path]:
    known = chapter_notebooks()
    if not chapters:
        return list(known.values())
    names = {**known, **{path.stem: path for path in known.values()}}
    wanted = [re.sub(r"^(\d)(?=[a-z]?$)", r"0\1", chapter) for chapter in chapters]
    for chapter in wanted:
        if chapter not in names:
            hint = did_you_mean(chapter, names)
            raise ArgumentError(f"chapter {chapter!r} is not known; {hint}chapters: {', '.join(known)}")
    return list(dict.fromkeys(names[chapter] for chapter in wanted))


def _make_page(
    path: Path,
    lang: str,
    languages: Sequence[str],
    present: Dataset | None,
    values: Mapping[str, object],
    progress: Progress | None,
) -> Page:
    """One chapter in one language; `present` is the user's data, None for the chapter's example."""
    notebook = read_notebook(path)
    for alternatives in notebook.metadata.get("kbind", {}).get("needs", []):
        if present is not None and not any(present.has(need) for need in alternatives):
            return missing_page(path.stem, lang, languages, alternatives, list(present.tables))
    set_parameters(notebook, {**values, "lang": lang})
    label = f"{path.stem.split('_')[0]} {lang}"

    def step(done: int, total: int) -> None:
        if progress is not None:
            progress(label, done, total)

    execute(notebook, path.name, step)
    return chapter_page(notebook, path.stem, lang, languages)


def _put_in_place(pages: Sequence[Page], out: Path) -> Path:
    """Write everything, then put it in place together; other files in the folder are not touched."""
    try:
        with placing(out) as place:
            texts = {}
            for page in pages:
                record = json.dumps(page.record, ensure_ascii=False, indent=1, allow_nan=False)
                texts[f"{page.lang}/{page.chapter}.html"] = page.html + "\n"
                texts[f"{page.lang}/{page.chapter}.json"] = record + "\n"
            texts["index.html"] = index_page(_all_records(pages, place)) + "\n"
            put(texts, place)
    except OSError as error:
        raise ReportError(
            f"{out} cannot be written: {error.strerror or error}; an earlier report is unchanged"
        ) from error
    return out / "index.html"


def _all_records(pages: Sequence[Page], out: Path) -> list[dict[str, Any]]:
    """Records of the new pages, and of pages of other chapters or languages that are there already."""
    records = {(page.lang, page.chapter): dict(page.record) for page in pages}
    for lang in LANGUAGES:
        for path in sorted((out / lang).glob("[0-9]*_*.json")):
            if (lang, path.stem) not in records and path.with_suffix(".html").exists():
                try:
                    earlier = json.loads(path.read_text(encoding="utf-8"))
                    records[(lang, path.stem)] = {
                        key: str(earlier[key]) for key in ("chapter", "language", "question", "finding", "data")
                    }
                except (ValueError, KeyError, TypeError):
                    continue  # not a record of ours
    return list(records.values())
