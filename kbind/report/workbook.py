"""Cells, colours and protection of the workbooks we write: the house's look, and text that stays text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from kbind.figures.base import BLUE, HATCH, INK, LINE, MUTE, PALE, SAND_TEXT

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

_FONT = "Arial"
#: A spreadsheet takes text that begins like this for a formula as soon as somebody edits it.
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")
_A4 = 9


def put_text(cell: Cell, text: str) -> Cell:
    """Write text that can never become a formula, whatever it begins with.

    >>> from openpyxl import Workbook
    >>> cell = put_text(Workbook().active["A1"], "=1+1")
    >>> cell.data_type, cell.value, bool(cell.quotePrefix)
    ('s', '=1+1', True)
    """
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type = "s"
    if text.startswith(_ACTIVE):
        cell.quotePrefix = True
    return cell


def at(sheet: Worksheet, row: int, column: int) -> Cell:
    """A cell that is not inside a merged area."""
    return cast("Cell", sheet.cell(row, column))


def look(
    cell: Cell,
    *,
    colour: str = INK,
    size: float = 10,
    bold: bool = False,
    fill: str = "",
    across: str = "",
    indent: int = 0,
) -> Cell:
    """Give a cell the house's type, and a ground where one is named; `across="beyond"` lets text run over its edge."""
    from openpyxl.styles import Alignment, Font, PatternFill

    cell.font = Font(name=_FONT, size=size, bold=bold, color=colour.lstrip("#"))
    horizontal = "center" if across == "center" else "left" if indent else None
    cell.alignment = Alignment(wrap_text=across != "beyond", vertical="center", horizontal=horizontal, indent=indent)
    if fill:
        cell.fill = PatternFill("solid", fgColor=fill.lstrip("#"))
    return cell


def heading(sheet: Worksheet, title: str, line: str, *, columns: int) -> None:
    """Title and a few words at the top of a sheet, over so many columns."""
    look(put_text(at(sheet, 1, 1), title), colour=BLUE, size=16, bold=True, across="beyond")
    look(put_text(at(sheet, 2, 1), line), colour=MUTE)
    sheet.merge_cells(start_row=2, end_row=2, start_column=1, end_column=columns)
    for row in (1, 2):
        sheet.row_dimensions[row].height = 28


def head_cell(cell: Cell, text: str, *, typed: bool, locked: bool = True) -> None:
    """A column's name: on blue where something is typed in below, on grey where it is computed."""
    colour, fill = ("#ffffff", BLUE) if typed else (INK, LINE)
    look(put_text(cell, text), colour=colour, fill=fill, bold=True, across="center")
    _edged(cell)
    _protect(cell, locked)


def body_cell(cell: Cell, number_format: str, *, typed: bool, warns: bool = False, locked: bool = False) -> None:
    """A cell below a heading: open and pale blue to type in, locked and white where it is computed."""
    if warns:
        look(cell, colour=SAND_TEXT, size=9, indent=1)
    else:
        look(cell, fill=PALE if typed else "")
    cell.number_format = number_format
    _edged(cell)
    _protect(cell, locked or not typed)


def _edged(cell: Cell) -> None:
    from openpyxl.styles import Border, Side

    side = Side(style="thin", color=HATCH.lstrip("#"))
    cell.border = Border(left=side, right=side, top=side, bottom=side)


def _protect(cell: Cell, locked: bool) -> None:
    from openpyxl.styles import Protection

    cell.protection = Protection(locked=locked)


def close_sheet(sheet: Worksheet, widths: Sequence[float], *, freeze: str = "", repeat: str = "") -> None:
    """Widths, what stays in view, protection without a password, and A4 across when printed."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    for number, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.sheet_view.showGridLines = False
    if freeze:
        sheet.freeze_panes = freeze
    if repeat:
        sheet.print_title_rows = repeat
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False  # False: allowed
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.page_margins.top, sheet.page_margins.bottom, sheet.page_margins.footer = 0.6, 0.8, 0.4
    if sheet.oddFooter is not None:
        sheet.oddFooter.right.text = "&P / &N"
