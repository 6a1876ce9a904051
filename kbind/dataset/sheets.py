"""A sheet of an ordinary workbook as a table: its header, and columns of one kind or of text."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from kbind.dataset.books import EXACT, Sheet, lines_of
from kbind.dataset.reading.base import NO_VALUE
from kbind.dataset.workbook import COMPUTE, NO_RESULT, NoResult
from kbind.errors import DatasetError, Problem, listed, shown

#: Rows that are held as Python's objects at a time.
_CHUNK = 1 << 14
_KINDS = {int: "whole", float: "number", bool: "flag", datetime: "time", NoResult: "formula"}
_TYPES = {
    "whole": pa.int64(),
    "number": pa.float64(),
    "number whole": pa.float64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("us"),
}


@dataclass(frozen=True)
class SheetTable:
    """What a sheet holds: its columns, the row of Excel that each row stands in, and what was found on the way."""

    frame: pa.Table
    rows: Sequence[int]
    notes: tuple[str, ...]


@dataclass
class _Examples:
    """The first cells or rows of many."""

    first: list[tuple[int | str, str]] = field(default_factory=list)
    count: int = 0

    def add(self, place: int | str, value: object) -> None:
        self.count += 1
        if self.count <= 3:
            self.first.append((place, shown(value)))


@dataclass
class _Column:
    """A column while it is read: finished parts in Arrow, or as they are where kinds are mixed."""

    letter: str
    heading: Any  # text, or a formula that nobody has computed
    parts: list[pa.Array | list[Any]]
    values: list[Any]
    kinds: set[str] = field(default_factory=set)
    clock: bool = False
    words: _Examples = field(default_factory=_Examples)
    unknown: _Examples = field(default_factory=_Examples)

    def finish(self, rows: Sequence[int]) -> None:
        """Put away what was read of some rows."""
        values, self.values = self.values, []
        texts = {value for value in values if type(value) is str}
        words = {text for text in texts if text.casefold() in NO_VALUE}
        kinds = {_KINDS[type(value)] for value in values if value is not None and type(value) is not str}
        kinds |= ({"word"} if words else set()) | ({"text"} if texts - words else set())
        for row, value in zip(rows, values, strict=True) if words or "formula" in kinds else ():
            if isinstance(value, NoResult):
                self.unknown.add(f"cell {self.letter}{row}", value)
            elif value in words:
                self.words.add(row, value)
        if "time" in kinds:
            self.clock |= any(isinstance(value, datetime) and value.time() != time.min for value in values)
        self.kinds |= kinds
        kind = pa.string() if kinds <= {"word", "text"} else _TYPES.get(" ".join(sorted(kinds)))
        self.parts.append(values if kind is None else pa.array(values, kind))

    @property
    def loses_words(self) -> bool:
        """Whether only words for nothing stand among fractions, which as text might be taken for thousands."""
        return {"number", "word"} <= self.kinds <= {"number", "whole", "word"}

    def array(self) -> pa.ChunkedArray:
        """The whole column: of one kind, or as text."""
        if self.loses_words:
            numbers = [[None if type(value) is str else value for value in _listed(part)] for part in self.parts]
            return pa.chunked_array([pa.array(part, pa.float64()) for part in numbers], pa.float64())
        kind = _TYPES.get(" ".join(sorted(self.kinds)))
        if kind is None:
            return pa.chunked_array([_texts(part) for part in self.parts], pa.string())
        typed = [part.cast(kind) if isinstance(part, pa.Array) else pa.array(part, kind) for part in self.parts]
        whole = pa.chunked_array(typed, kind)
        return whole.cast(pa.date32()) if pa.types.is_timestamp(kind) and not self.clock else whole


def read_sheet(sheet: Sheet) -> SheetTable:
    """Read a sheet whose header is the first row with at least two filled cells.

    Raises
    ------
    DatasetError
        It is empty or damaged, a column has no name of its own, or a formula no result; names the cells.
    """
    rows = array("I")
    top, header, above, lines = _header(sheet)
    columns = [_Column(*_head(i, top, header), [], []) for i in range(len(header))]
    for row, values in lines:
        for i in range(len(columns), len(values)):  # nothing stood there before
            old = [pa.nulls(len(rows) // _CHUNK * _CHUNK, pa.string())]
            columns.append(_Column(*_head(i, top, header), old, [None] * (len(rows) % _CHUNK)))
        for column, value in zip_longest(columns, values):
            column.values.append(value)
        rows.append(row)
        if len(rows) % _CHUNK == 0:
            _finish(columns, rows)
    _finish(columns, rows)
    kept = _named(sheet, columns, top)
    notes = []
    if above:
        rest = f"left out above it: row{'s' if len(above) > 1 else ''} {listed(above)}"
        notes.append(f"{sheet.name}: row {top} is the header; {rest}")
    message = "stands for a missing value and counts as one"
    lost = [column for column in kept if column.loses_words]
    notes += [str(Problem(sheet.name, message, c.heading, c.words.first, c.words.count)) for c in lost]
    frame = pa.table([column.array() for column in kept], names=[column.heading for column in kept])
    return SheetTable(frame, rows, tuple(notes))


def _finish(columns: Sequence[_Column], rows: Sequence[int]) -> None:
    for column in columns:
        column.finish(rows[len(rows) - len(column.values) :])


def _header(sheet: Sheet) -> tuple[int, list[Any], list[int], Iterable[tuple[int, list[Any]]]]:
    """Row and values of the header, the rows above it, and what follows; a table of one column has one filled cell."""
    lines = lines_of(sheet)
    above: list[tuple[int, list[Any]]] = []
    for row, values in lines:
        if sum(value is not None for value in values) > 1:
            return row, values, [line for line, _ in above], lines
        above.append((row, values))
    if not above:
        raise DatasetError.of(sheet.name, "is empty", allowed="allowed: a header and rows")
    return *above[0], [], above[1:]


def _head(place: int, top: int, header: Sequence[Any]) -> tuple[str, Any]:
    """Letter and heading of a column."""
    from openpyxl.utils import get_column_letter

    value = header[place] if place < len(header) else None
    if not isinstance(value, NoResult):
        value = "" if value is None else re.sub(r"\s*\n\s*", " ", _text(value))
    return get_column_letter(place + 1), value


def _named(sheet: Sheet, columns: Sequence[_Column], top: int) -> list[_Column]:
    """The columns that have a name of their own; others have to be empty."""
    problems, kept = [], []
    unnamed, twice, formulas = _Examples(), _Examples(), _Examples()
    used = Counter(str(column.heading).lower() for column in columns if column.kinds)
    seen = set[str]()
    for column in columns:
        name, cell = str(column.heading).lower(), f"cell {column.letter}{top}"
        if not column.kinds and (not name or used[name] or name in seen):
            continue
        if isinstance(column.heading, NoResult):
            formulas.add(cell, column.heading)
        elif not name:
            unnamed.add(cell, "")
        elif name in seen:
            twice.add(cell, column.heading)
        if column.unknown.count:
            c = column.unknown
            problems.append(Problem(sheet.name, NO_RESULT, name and str(column.heading), c.first, c.count, COMPUTE))
        seen.add(name)
        kept.append(column)
    for found, message, allowed in (
        (unnamed, "has values but no heading", "allowed: a name in the header above every column, or an empty column"),
        (twice, "has columns of the same name", "rename one of them"),
        (formulas, NO_RESULT, COMPUTE),
    ):
        if found.count:
            problems.append(Problem(sheet.name, message, None, found.first, found.count, allowed))
    if problems:
        raise DatasetError(problems)
    return kept


def _listed(part: pa.Array | list[Any]) -> list[Any]:
    return part.to_pylist() if isinstance(part, pa.Array) else part


def _texts(part: pa.Array | list[Any]) -> pa.Array:
    if isinstance(part, pa.Array) and pa.types.is_string(part.type):
        return part
    return pa.array([None if value is None else _text(value) for value in _listed(part)], pa.string())


def _text(value: Any) -> str:
    """A value of a column of mixed kinds as text, written so that it is read as what it was."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ")
    if isinstance(value, float) and abs(value) < EXACT:
        number = format(Decimal(repr(value)), "f").removesuffix(".0")
        return f"{number}0" if re.fullmatch(r".*\.\d{3}", number) else number  # 1.234 might be taken for thousands
    return str(value)
