"""The template: a workbook that a manager fills in, with live formulas, and that `open_dataset` reads back.

It stands in `data/template`, one a language. Its formulas say what `kb.period_rates` computes; tests recalculate them
with a spreadsheet program and compare.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kbind.dataset.workbook import PREFIX, REASONS
from kbind.errors import ArgumentError, ReportError, check_choice, check_flag, check_list, check_path, told
from kbind.shipped import shipped
from kbind.text.messages import LANGUAGES
from kbind.text.names import named

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell

#: What the workbooks are called in `data/template` and in their own guide, and the name of the guide's sentences.
_NAME, _GUIDE = "churn-rate", "guide"
#: A spreadsheet takes text that begins like this for a formula as soon as somebody edits it.
_ACTIVE = ("=", "+", "-", "@")


def write_template(
    path: str | Path, *, lang: str = "en", reasons: Sequence[str] | None = None, force: bool = False
) -> Path:
    """Write a workbook in which a manager fills in customers, revenue and reasons by period.

    Parameters
    ----------
    path : path
        Where to, ending in .xlsx.
    lang : {"de", "en"}
        Language of the workbook.
    reasons : sequence of str, optional
        At most eight reasons why customers leave, as headings; default six usual ones. They can be changed later.
    force : bool
        Whether a file of that name may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentError
        The name does not end in .xlsx, the file exists, or an argument is not usable.
    ReportError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_template(Path(folder) / "churn-rate.xlsx", lang="de").name
    'churn-rate.xlsx'
    """
    from openpyxl import load_workbook

    target = check_path("path", path)
    check_flag("force", force)
    if target.suffix.lower() != ".xlsx":
        raise ArgumentError(f"path={str(path)!r} is no name for a workbook; allowed: a name that ends in .xlsx")
    book = load_workbook(shipped("template", f"{_NAME}.{check_choice('lang', lang, LANGUAGES)}.xlsx"))
    if reasons is not None:
        _put_reasons(book, check_list("reasons", reasons, "texts"))
    for cell in _cells(book, _GUIDE):
        if f"{_NAME}.xlsx" in str(cell.value):
            cell.value = str(cell.value).replace(f"{_NAME}.xlsx", named(target.name))
    if target.exists() and not force:
        raise ArgumentError(f"{target} exists already and was left as it is; --force (force=True) replaces it")
    _put_in_place(book, target)
    return target


def _put_reasons(book: Workbook, given: Sequence[str]) -> None:
    cells = _cells(book, REASONS)
    headings = [named(reason) if isinstance(reason, str) else "" for reason in given]
    if len(given) > len(cells) or not all(headings) or len(set(headings)) < len(headings):
        allowed = f"allowed: up to {len(cells)} different texts, none empty"
        raise ArgumentError(f"reasons={told(given)} cannot be headings; {allowed}")
    for cell, heading in zip(cells, headings + [""] * (len(cells) - len(headings)), strict=True):
        cell.value, cell.data_type, cell.quotePrefix = heading, "s", heading.startswith(_ACTIVE)


def _cells(book: Workbook, name: str) -> list[Cell]:
    """The cells that a name inside the workbook stands for."""
    areas = book.defined_names[PREFIX + name].destinations
    return [cell for sheet, area in areas for row in book[sheet][area] for cell in row]


def _put_in_place(book: Workbook, target: Path) -> None:
    """Write under a temporary name beside the target, then replace it in one step."""
    staged = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".kbind-", suffix=".xlsx", delete=False) as file:
            staged = Path(file.name)
            book.save(file)
        mask = os.umask(0)
        os.umask(mask)
        staged.chmod(0o666 & ~mask)  # a temporary file is for its owner only
        staged.replace(target)
    except OSError as error:
        raise ReportError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        if staged is not None:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
