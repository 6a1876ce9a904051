"""Facts with nothing kept back, in a file that is for those inside the company: never beside the pages.

What chapters compute from a share as it is told, such as a rate over a year, is in it as they tell it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kbind.errors import ReportError
from kbind.report.pages import Page

#: What the file says of itself.
_WARNING = "internal: exact numbers, also of few customers; not to be handed on with the report"


def check_internal(path: Path, out: Path) -> None:
    """Refuse a file that lies where pages are, which are handed on.

    Raises
    ------
    ReportError
        It lies in the folder of the report, or is a folder itself.
    """
    if path.resolve().is_relative_to(out.resolve()):
        raise ReportError(
            f"{path} lies in the folder of the report, {out}, which is handed on; exact facts stay inside the company: "
            "allowed: a file elsewhere"
        )
    if path.is_dir():
        raise ReportError(f"{path} is a folder; allowed: a file for exact facts")


def write_internal(pages: Sequence[Page], path: Path) -> None:
    """Write the exact facts of every chapter as JSON.

    Raises
    ------
    ReportError
        The file cannot be written.
    """
    chapters = {page.chapter: list(page.exact) for page in pages}  # the same in every language
    text = json.dumps({"warning": _WARNING, "exact": chapters}, ensure_ascii=False, indent=1, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from error
