"""Write a report: run the chapters, then put all pages in place at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kbind.data.calendar import PERIODS
from kbind.data.dataset import Dataset, open_dataset
from kbind.errors import ArgumentError, ReportError, check_choice, did_you_mean
from kbind.report.execute import chapter_notebooks, execute, read_notebook, set_parameters
from kbind.report.pages import Page, chapter_page, index_page, missing_page
from kbind.wording import LANGUAGES, Disclosure

#: How the folder begins that new pages are written to before they are put in place.
_STAGING = ".kbind-"

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
    _check_out(Path(out))
    values: dict[str, object] = {"threshold": threshold, "period": period}
    if source is not None:
        declared = {"table": table, "timezone": timezone, "as_of": as_of, "grace": grace, "lapse": lapse, "ends": ends}
        present = open_dataset(source, table=table, timezone=timezone, as_of=as_of, grace=grace, lapse=lapse, ends=ends)
        values |= {"source": str(Path(source).resolve()), **declared}
    pages = [
        _make_page(path, language, languages, present, values, progress) for path in chosen for language in languages
    ]
    return _put_in_place(pages, Path(out))


def _check_out(out: Path) -> None:
    """Fail before the chapters run where it is plain that their pages could not be written."""
    try:
        there = out.exists()
        if there and not out.is_dir():
            raise ReportError(f"{out} cannot be written: it is a file, not a folder")
    except OSError as error:
        raise ReportError(f"{out} cannot be written: {error.strerror or error}") from error
    if there and not os.access(out, os.W_OK | os.X_OK):
        raise ReportError(f"{out} cannot be written: Permission denied")


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
    """Write everything under a temporary name first; then replace, file by file, the index last.

    Each replacement is atomic, so a reader finds the old page or the new one, and whoever stops the run before
    the last moment leaves the earlier report as it was. Other files in the folder are not touched.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _alone(out) as alone:
            for left in out.glob(f"{_STAGING}*") if alone else ():  # by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            _write_all(pages, out)
    except OSError as error:
        raise ReportError(
            f"{out} cannot be written: {error.strerror or error}; an earlier report is unchanged"
        ) from error
    return out / "index.html"


@contextmanager
def _alone(out: Path) -> Iterator[bool]:
    """Wait until no other run puts pages into the folder; says whether that can be known here."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    folder = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            alone = True
        except OSError:  # some network drives know no locks
            alone = False
        yield alone
    finally:
        os.close(folder)


def _write_all(pages: Sequence[Page], out: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=out))
    try:
        texts = {}
        for page in pages:
            texts[f"{page.lang}/{page.chapter}.html"] = page.html
            texts[f"{page.lang}/{page.chapter}.json"] = json.dumps(
                page.record, ensure_ascii=False, indent=1, allow_nan=False
            )
        texts["index.html"] = index_page(_all_records(pages, out))
        for name, text in texts.items():
            for folder in (staging / "new", staging / "old", out):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / "new" / name).write_text(text + "\n", encoding="utf-8")
        _replace(list(texts), staging / "new", staging / "old", out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace(names: Sequence[str], new: Path, old: Path, out: Path) -> None:
    """Move the new pages to their places; if one cannot be moved, or somebody interrupts, the old ones come back."""
    for name in names:
        if (out / name).is_file():
            try:
                (old / name).hardlink_to(out / name)
            except OSError:  # not every file system has links
                shutil.copy2(out / name, old / name)
    try:
        for name in names:
            (new / name).replace(out / name)
    except BaseException:
        for name in names:
            with suppress(OSError):
                if (old / name).exists():
                    (old / name).replace(out / name)
                elif not (new / name).exists():
                    (out / name).unlink()
        raise


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
