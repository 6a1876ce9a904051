"""The workbook that `kbind template` writes, read back: only what was typed in, never what a formula made of it.

The places to read are defined names inside the workbook, so that sheets may be renamed and headings changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import pyarrow as pa

from kbind.dataset.schema import TABLES
from kbind.errors import DatasetError, Problem, plain, shown

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

#: How the names begin under which a workbook says where each column stands.
PREFIX = "kbind_"
#: Names of the cells with the reasons, and of the block of customers lost for each, one row a period.
REASONS, REASON_CUSTOMERS = "reasons", "reason_customers"
#: Columns of `periods`, all of which the form has.
FIELDS = tuple(TABLES["periods"].columns)
#: Unpacked, no form is larger.
_LARGEST = 50_000_000
_SAVE = "allowed: a workbook without a password, saved as .xlsx; or tables as CSV files"
_DAYS = ("first_day", "last_day")
#: What is said of a formula that no spreadsheet program has computed.
NO_RESULT = "holds a formula without a result"
COMPUTE = "type the value, or open the file in a spreadsheet program and save it there"


class Place(NamedTuple):
    """Where a value stands: the sheet, the heading of its column, the cell."""

    sheet: str
    heading: str
    cell: str


@dataclass(frozen=True)
class FormTable:
    """One table of a filled form.

    Parameters
    ----------
    table : str
        Name in the contract.
    label : str
        File and sheet.
    frame : pa.Table
        The values.
    places : mapping of str to sequence of Place
        Where each value of a column was found, by row of the frame.
    """

    table: str
    label: str
    frame: pa.Table
    places: Mapping[str, Sequence[Place]]


@dataclass(frozen=True)
class _Block:
    """A named range: its cells with what stands in them and what a spreadsheet program last made of that."""

    typed: Worksheet
    computed: Worksheet
    left: int
    top: int
    right: int
    bottom: int

    @property
    def rows(self) -> int:
        return self.bottom - self.top + 1

    def place(self, row: int, across: int = 0) -> Place:
        at = self.typed.cell(self.top + row, self.left + across)
        heading = self.typed.cell(max(self.top - 1, 1), self.left + across).value
        return Place(self.typed.title, "" if heading is None else " ".join(str(heading).split()), at.coordinate)

    def below(self) -> list[tuple[Place, Any]]:
        """What was typed under the block, where nobody would read it."""
        rows = range(self.rows, self.typed.max_row - self.top + 1)
        found = [(row, self.value(row)) for row in rows]
        heading = self.place(0).heading
        return [(self.place(row)._replace(heading=heading), value) for row, value in found if value is not None]

    def value(self, row: int, across: int = 0) -> Any:
        """What a cell holds: of a formula that somebody typed, its stored result; of blank text, nothing."""
        at = (self.top + row, self.left + across)
        cell = self.typed.cell(*at)
        value = self.computed.cell(*at).value
        if cell.data_type == "f":
            return NoResult(str(cell.value)) if value is None else value
        return None if isinstance(cell.value, str) and not cell.value.strip() else cell.value


@dataclass(frozen=True)
class NoResult:
    """A formula whose result the file does not hold, because no spreadsheet program has computed it."""

    formula: str

    def __str__(self) -> str:
        return self.formula


def read_form(path: Path) -> list[FormTable]:
    """The tables of a filled form.

    Raises
    ------
    DatasetError
        It is no workbook, or was taken apart; nothing is filled in; or a value is of the wrong kind. Names the cells.
    """
    blocks = _blocks(path)
    below = [(place, shown(value)) for f in FIELDS if f in blocks for place, value in blocks[f].below()]
    if below:
        allowed = "allowed: the rows of the form; put further periods into a second form, or into a table as CSV file"
        raise DatasetError(tell(path.name, below, "stands below the last row of the form", allowed))
    filled = [row for row in range(blocks["first_day"].rows) if any(_value(blocks, f, row) is not None for f in FIELDS)]
    reasons = _reasons(path, blocks)
    filled = sorted({*filled, *(row for row, *_ in reasons)})
    if not filled:
        where = blocks["first_day"].place(0)
        message = f"nothing is filled in on the sheet {shown(where.sheet)}"
        raise DatasetError.of(path.name, message, allowed=f"fill in at least one row, from {where.cell} on")
    problems: list[Problem] = []
    columns = {field: _column(path, blocks, field, filled, problems) for field in FIELDS}
    customers = _numbers(path, [(place, count) for _, _, place, count in reasons], problems)
    if problems:
        raise DatasetError(problems)
    places = {field: [blocks[field].place(row) for row in filled] for field in FIELDS if field in blocks}
    label = f"{path.name}, sheet {shown(blocks['first_day'].typed.title)}"
    tables = [FormTable("periods", label, pa.table(columns), places)]
    if reasons:
        days = dict(zip(filled, columns["first_day"], strict=True))
        found = [place for _, _, place, _ in reasons]
        frame = pa.table(
            {
                "first_day": [days[row] for row, *_ in reasons],
                "reason": pa.array([reason for _, reason, _, _ in reasons], pa.string()),
                "customers": customers,
            }
        )
        label = f"{path.name}, sheet {shown(found[0].sheet)}"
        tables.append(FormTable("reasons", label, frame, dict.fromkeys(("first_day", "reason", "customers"), found)))
    return tables


def _blocks(path: Path) -> dict[str, _Block]:
    """The named ranges that are there; those of the sheet of customers have to be."""
    typed, computed = (load(path, data_only=stored) for stored in (False, True))
    found = {}
    for field in (*FIELDS, REASONS, REASON_CUSTOMERS):
        name = typed.defined_names.get(PREFIX + field)
        for sheet, area in [] if name is None else name.destinations:
            if sheet in typed.sheetnames:
                found[field] = _Block(typed[sheet], computed[sheet], *_corners(area))
    if not any(field in found for field in FIELDS):
        allowed = "allowed: a workbook that 'kbind template' wrote, filled in and saved as .xlsx"
        raise DatasetError.of(path.name, "the sheet with the customers is gone", allowed=allowed)
    needed = [field for field, column in TABLES["periods"].columns.items() if column.required]
    rows = {block.rows for field, block in found.items() if field != REASONS}
    if any(field not in found for field in needed) or len(rows) > 1:
        message = "columns or rows were taken out or put in, so that the sheets no longer fit together"
        raise DatasetError.of(path.name, message, allowed="copy what was filled in into a new template")
    return found


def load(path: Path, largest: int = _LARGEST, **how: bool) -> Any:
    """A workbook as openpyxl gives it; `largest` is the number of bytes that it may unpack to.

    Raises
    ------
    DatasetError
        It is damaged, protected, too large or something else.
    """
    from openpyxl import load_workbook

    with readable(path):
        with ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > largest:
            allowed = f"allowed: {largest // 1_000_000:,} MB; or tables as CSV files"
            raise DatasetError.of(path.name, f"unpacks to {size // 1_000_000:,} MB", allowed=allowed)
        return load_workbook(path, keep_links=False, **how)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What goes wrong while a workbook is read is told as one problem of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what Excel has added and we do not read
            yield
    except (DatasetError, PermissionError, MemoryError):
        raise
    except BadZipFile as error:
        hint = "is it protected by a password, or an older format? "
        raise DatasetError.of(path.name, "cannot be read as a workbook", allowed=hint + _SAVE) from error
    except Exception as error:  # a damaged workbook fails in openpyxl in many ways
        message = f"cannot be read as a workbook: {' '.join(str(error).split())[:200]}"
        raise DatasetError.of(path.name, message, allowed=_SAVE) from error


def _corners(area: str) -> tuple[int, int, int, int]:
    from openpyxl.utils import range_boundaries

    left, top, right, bottom = (int(corner or 1) for corner in range_boundaries(area))
    return left, top, right, bottom


def _value(blocks: Mapping[str, _Block], field: str, row: int) -> Any:
    return blocks[field].value(row) if field in blocks else None


def _column(
    path: Path, blocks: Mapping[str, _Block], field: str, rows: Sequence[int], problems: list[Problem]
) -> pa.Array:
    """The values of a column; what is of the wrong kind or missing goes to the problems."""
    day = field in _DAYS
    if field not in blocks:
        return pa.nulls(len(rows), pa.date32() if day else pa.float64())
    cells = [(blocks[field].place(row), blocks[field].value(row)) for row in rows]
    if TABLES["periods"].columns[field].required:
        empty = [(place, "empty") for place, value in cells if value is None]
        problems += tell(path.name, empty, "has no value", "allowed: a value in every row that is filled in")
    if not day:
        return _numbers(path, cells, problems)
    known = _without_result(path, cells, problems)
    wrong = [(place, shown(value)) for place, value in known if value is not None and _day(value) is None]
    allowed = "allowed: a date, such as 2024-01-31, typed so that the program knows it as a date"
    problems += tell(path.name, wrong, "is not a date", allowed)
    return pa.array([_day(value) for _, value in cells], pa.date32())


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date() if value == datetime(value.year, value.month, value.day) else None
    return value if isinstance(value, date) else None


def _numbers(path: Path, cells: Sequence[tuple[Place, Any]], problems: list[Problem]) -> pa.Array:
    def number(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    known = _without_result(path, cells, problems)
    wrong = [(place, shown(value)) for place, value in known if value is not None and not number(value)]
    # digits typed as text could be thousands or decimals: nobody but the writer knows
    problems += tell(path.name, wrong, "is not a number", "allowed: a number, typed as one and not as text")
    return pa.array([float(value) if number(value) else None for _, value in cells], pa.float64())


def _without_result(path: Path, cells: Sequence[tuple[Place, Any]], problems: list[Problem]) -> list[tuple[Place, Any]]:
    """The cells whose value is known; formulas without a result go to the problems."""
    unknown = [(place, shown(value)) for place, value in cells if isinstance(value, NoResult)]
    problems += tell(path.name, unknown, NO_RESULT, COMPUTE)
    return [(place, value) for place, value in cells if not isinstance(value, NoResult)]


def _reasons(path: Path, blocks: Mapping[str, _Block]) -> list[tuple[int, str, Place, Any]]:
    """Row, reason, place and value of every count that is filled in."""
    if REASONS not in blocks or REASON_CUSTOMERS not in blocks:
        return []
    names, counts = blocks[REASONS], blocks[REASON_CUSTOMERS]
    found, unnamed = [], []
    for across in range(counts.right - counts.left + 1):
        name = names.value(0, across)
        for row in range(counts.rows):
            value = counts.value(row, across)
            if value is None:
                continue
            if name is None or isinstance(name, NoResult):
                unnamed.append((names.place(0, across), "empty" if name is None else shown(name)))
            found.append((row, " ".join(str(name).split()), counts.place(row, across), value))
    if unnamed:
        allowed = "allowed: a reason in words above the counts"
        raise DatasetError(tell(path.name, list(dict.fromkeys(unnamed)), "has counts but no name", allowed))
    return found


def tell(file: str, cells: Sequence[tuple[Place, str]], message: str, allowed: str) -> list[Problem]:
    """One problem for each column of a sheet, with its cells."""
    columns: dict[tuple[str, str], list[tuple[int | str, str]]] = {}
    for place, value in cells:
        columns.setdefault((place.sheet, place.heading), []).append((f"cell {place.cell}", value))
    return [
        Problem(f"{file}, sheet '{plain(sheet)}'", message, heading or None, rows[:3], len(rows), allowed)
        for (sheet, heading), rows in columns.items()
    ]
