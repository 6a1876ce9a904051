"""Write a report: chapters side by side, then all pages in place at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kbind.dataset.opening import open_dataset
from kbind.errors import ArgumentError, ReportError, told
from kbind.report.changes import read_facts
from kbind.report.contents import chosen, number_of
from kbind.report.internal import check_internal, write_internal
from kbind.report.lists import check_lists, write_lists
from kbind.report.pdf import find_browser, print_report
from kbind.report.place import check_out
from kbind.report.publish import put_in_place
from kbind.report.report import check_options, languages_of
from kbind.report.workers import Job, OnProgress, write_chapters


def write_report(
    source: str | Path | None = None,
    *,
    period: str | None = None,
    out: str | Path = "reports",
    lang: str = "both",
    chapters: Sequence[str] = (),
    threshold: int = 5,
    compare: str | Path | None = None,
    lists: str | Path | None = None,
    internal: str | Path | None = None,
    pdf: bool = False,
    progress: OnProgress | None = None,
    **declared: Any,
) -> Path:
    """Compute the chapters of a data set side by side, and write their pages.

    Parameters
    ----------
    source : path, optional
        A folder, a file or a DuckDB file, as for `open_dataset`; default: the example.
    period : {"day", "week", "month", "quarter", "year"}, optional
        Length of the periods; default what fits the data.
    out : path
        Folder for `<lang>/index.html` (the summary), `<lang>/<chapter>.html` and, beside each page, its facts as JSON;
        all of them in `facts.json`.
    lang : {"de", "en", "both"}
        Languages to write.
    chapters : sequence of str
        Numbers or names of chapters; default all.
    threshold : int
        Smallest number of customers that is shown.
    compare : path, optional
        The `facts.json` of an earlier report; the summary says what has changed since.
    lists : path, optional
        Folder, outside of `out`, for lists of customers; see `Report.write`.
    internal : path, optional
        File, outside of `out`, for exact facts by chapter: not rounded, none hidden, not to be handed on.
    pdf : bool
        Whether all pages of a language are printed into `<lang>/report.pdf` as well, by a browser that is there.
    progress : callable, optional
        Told what is being done, how much of all the work is done, and how much there is.
    **declared
        Further arguments of `open_dataset`.

    Returns
    -------
    Path
        The page that leads to the summary in each language.

    Raises
    ------
    DatasetError, ArgumentError
        The data or an argument cannot be used.
    ReportError
        A chapter failed: its page says so, the others are written. Or the folder cannot be written, or no chapter
        could be: pages written earlier are left whole.
    """
    languages = languages_of(lang)
    names = chosen(chapters)
    check_options(period, threshold)
    check_out(Path(out))
    earlier = None if compare is None else Path(compare)
    if earlier is not None:
        read_facts(earlier)  # told before any chapter runs
    if lists is not None:
        check_lists(Path(lists), Path(out))
    if internal is not None:
        check_internal(Path(internal), Path(out))
    if pdf:
        find_browser()
    if source is not None:
        open_dataset(source, **declared)  # wrong data or arguments are told before any chapter runs
    elif name := next((name for name, value in declared.items() if value is not None), None):
        raise ArgumentError(f"{name}={told(declared[name])} is about data of your own; say which by --data (source=)")
    job = Job(
        None if source is None else str(Path(source).absolute()),
        declared,
        {"period": period, "threshold": threshold},
        languages,
        names,
        lists is not None,
    )
    outcomes = write_chapters(names, job, progress)
    failed = [f"{number_of(each.name)}: {each.why}" for each in outcomes if each.why]
    if len(failed) == len(outcomes):
        raise ReportError("\n".join(["no chapter could be written, an earlier report is unchanged:", *failed]))
    pages = [page for each in outcomes for page in each.pages]
    index = put_in_place(pages, Path(out), earlier)
    if internal is not None:
        write_internal(pages, Path(internal))
    if lists is not None:
        write_lists({name: frame for each in outcomes for name, frame in each.lists.items()}, Path(lists))
    for language in languages if pdf else ():
        print_report(Path(out), language)
    if failed:
        raise ReportError("\n".join([f"written: {index}, but for", *failed]))
    return index
