"""The template: a workbook that a manager fills in, with live formulas, and that `open_dataset` reads back.

The formulas say what `kb.period_rates` computes; tests recalculate them with a spreadsheet program and compare.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kbind.errors import ArgumentError, ReportError, check_flag, check_list, check_path, told
from kbind.report.form.columns import REASON_COLUMNS
from kbind.report.form.sheets import Form
from kbind.wording import Catalogue, named

if TYPE_CHECKING:
    from openpyxl import Workbook

_USUAL_REASONS = ("price", "product", "service", "competitor", "need", "payment")


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
    target = check_path("path", path)
    check_flag("force", force)
    if target.suffix.lower() != ".xlsx":
        raise ArgumentError(f"path={str(path)!r} is no name for a workbook; allowed: a name that ends in .xlsx")
    words = Catalogue(lang)
    given = (
        [words.text(f"template.reason.{name}") for name in _USUAL_REASONS]
        if reasons is None
        else check_list("reasons", reasons, "texts")
    )
    headings = [named(reason) if isinstance(reason, str) else "" for reason in given]
    if len(given) > REASON_COLUMNS or not all(headings) or len(set(headings)) < len(headings):
        allowed = f"allowed: up to {REASON_COLUMNS} different texts, none empty"
        raise ArgumentError(f"reasons={told(given)} cannot be headings; {allowed}")
    if target.exists() and not force:
        raise ArgumentError(f"{target} exists already and was left as it is; --force (force=True) replaces it")
    _put_in_place(_workbook(words, headings, target.name), target)
    return target


def _workbook(words: Catalogue, reasons: Sequence[str], name: str) -> Workbook:
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator, book.properties.title = "kbind", words.text("template.title")
    form = Form(book, words)
    form.guide(name)
    form.customers()
    form.revenue()
    form.reasons(reasons)
    form.example()
    book.active = book.sheetnames.index(form.names["customers"])
    for sheet in book.worksheets:
        sheet.sheet_view.tabSelected = sheet.title == form.names["customers"]
    return book


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
