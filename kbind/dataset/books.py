"""Ordinary workbooks: which of their sheets is which table, and what stands in their rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from kbind.dataset.config import Config, TableConfig
from kbind.dataset.reading.base import BLANKS
from kbind.dataset.schema import TABLES
from kbind.dataset.workbook import PREFIX, NoResult, load, readable
from kbind.errors import DatasetError, choices, listed, shown

#: Bytes that a workbook may unpack to, and rows that Excel can show.
_LARGEST, _ROWS = 2_000_000_000, 1_048_576
_BATCH = 256
#: From here on not every whole number is a number of a spreadsheet.
EXACT = 2**53
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]|\0")  # zeros: an encoding in which it would look different


class Book:
    """A workbook that is open for reading; who opens it closes it.

    Raises
    ------
    DatasetError
        It is damaged, protected, too large or something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stored = load(path, _LARGEST, read_only=True, data_only=True)

    def close(self) -> None:
        """Let go of the file."""
        for book in (self.stored, self.__dict__.get("typed")):
            if book is not None:
                book.close()

    @property
    def is_form(self) -> bool:
        """Whether it is a template of kbind's."""
        return any(name.startswith(PREFIX) for name in self.stored.defined_names)

    @cached_property
    def typed(self) -> Any:
        """The workbook with its formulas instead of their results; None where there are none."""
        with readable(self.path), ZipFile(self.path) as packed:
            sheets = [part for part in packed.namelist() if "worksheets/" in part]
            some = not sheets or any(_has_formulas(packed, part) for part in sheets)
        return load(self.path, _LARGEST, read_only=True) if some else None

    @cached_property
    def _every(self) -> dict[str, str]:
        """All sheets by their names in small letters, also those that are hidden."""
        return {sheet.title.strip().lower(): sheet.title for sheet in self.stored.worksheets}

    @cached_property
    def titles(self) -> dict[str, str]:
        """The sheets that are shown, by their names in small letters."""
        return {name: title for name, title in self._every.items() if self.stored[title].sheet_state == "visible"}

    def tables(self, config: Config, table: str | None = None, *, alone: bool = False) -> dict[str, list[Sheet]]:
        """The sheets that are tables: as declared, or by their names, or by that of the file.

        Parameters
        ----------
        config : Config
            What `kbind.yaml` says.
        table : str, optional
            The only table that is wanted.
        alone : bool
            Whether the workbook is all there is; otherwise one that is called like a table is that table only.

        Raises
        ------
        DatasetError
            Nothing says which sheet a table is.
        """
        if table is not None:
            return {table: self._sheets(table, config)}
        stem, declared = self.path.stem.lower(), config.sources.get(self.path.name, ())
        asked = [name for name in config.tables_of(self.path.name, stem) if name in TABLES]
        named = {}
        for name in TABLES if alone or stem not in asked else ():
            entry = config.tables.get(name, TableConfig())
            title = self._every.get(entry.sheet.strip().lower()) if entry.sheet else self.titles.get(name)
            if entry.source is None and title is not None:
                named[name] = self._sheets(name, config) if entry.sheet else [Sheet(self, title)]
        if named and alone:
            asked = list(declared)
        return named | {name: self._sheets(name, config) for name in asked}

    def unused(self, sheets: Mapping[str, Sequence[Sheet]]) -> list[str]:
        """Sheets that are shown and hold something, but are none of some tables."""
        used = {sheet.title for some in sheets.values() for sheet in some}
        return [sheet.name for sheet in self.sheets() if sheet.title not in used]

    def sheets(self) -> list[Sheet]:
        """Sheets that are shown and hold something."""
        return [Sheet(self, title) for title in self.titles.values() if self._is_filled(title)]

    def _is_filled(self, title: str) -> bool:
        return any(True for _ in lines_of(Sheet(self, title)))

    def _sheets(self, table: str, config: Config) -> list[Sheet]:
        entry = config.tables.get(table, TableConfig())
        declared = entry.sheets or ((entry.sheet,) if entry.sheet else ())
        for title in declared:
            if title.strip().lower() not in self._every:
                allowed = choices(title, self._every.values(), "sheets")
                raise DatasetError.of(self.path.name, f"{table}: no sheet {shown(title)}", allowed=allowed)
        if declared:
            return [Sheet(self, self._every[title.strip().lower()]) for title in declared]
        if table in self.titles:
            return [Sheet(self, self.titles[table])]
        filled = [title for title in self.titles.values() if self._is_filled(title)]
        if len(filled) == 1:
            return [Sheet(self, filled[0])]
        if not filled:
            raise DatasetError.of(self.path.name, "is empty", allowed="allowed: a header and rows")
        allowed = f"call one {table!r}, or say which in kbind.yaml (sheet:); sheets: {listed(filled)}"
        raise DatasetError.of(self.path.name, f"has several sheets, and none is called {table!r}", allowed=allowed)


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook."""

    book: Book
    title: str

    @property
    def name(self) -> str:
        """File and sheet."""
        return f"{self.book.path.name}, sheet {shown(self.title)}"


def lines_of(sheet: Sheet) -> Iterator[tuple[int, list[Any]]]:
    """The rows of a sheet that hold anything, by the number that Excel shows."""
    book, title = sheet.book, sheet.title
    stored = book.stored[title]
    stored.reset_dimensions()  # what a program wrote of the size is often wrong
    if book.typed is None:
        lines = ([_value(value) for value in line] for line in stored.iter_rows(values_only=True))
    else:
        typed = book.typed[title]
        typed.reset_dimensions()
        pairs = zip(stored.iter_rows(), typed.iter_rows(), strict=True)
        lines = ([_result(*cells) for cells in zip(*pair, strict=True)] for pair in pairs)
    before = 0
    while True:
        with readable(book.path):
            some = list(islice(lines, _BATCH))
        for row, values in enumerate(some, start=before + 1):
            if row > _ROWS:
                raise DatasetError.of(sheet.name, "has more rows than Excel can show", allowed=f"allowed: {_ROWS:,}")
            if any(value is not None for value in values):
                yield row, values
        before += _BATCH
        if len(some) < _BATCH:
            return


def _value(value: Any) -> Any:
    """What a cell holds: text without blanks around it, a whole number even where it is stored as a float."""
    if isinstance(value, str):
        return value.replace("_x000D_", "").strip(BLANKS) or None  # so a line break of Windows is written
    if value is None or isinstance(value, (bool, datetime)):
        return value
    if isinstance(value, (int, float)):
        return int(value) if -EXACT < value < EXACT and value == int(value) else float(value)
    return datetime.combine(value, time.min) if isinstance(value, date) else str(value)


def _result(stored: Any, typed: Any) -> Any:
    """What a cell holds; text that is empty has a type, a result that nobody has computed has none."""
    if typed.data_type == "f" and stored.value is None and stored.data_type != "str":
        return NoResult(str(getattr(typed.value, "text", typed.value)))
    return _value(stored.value)


def _has_formulas(packed: ZipFile, part: str) -> bool:
    with packed.open(part) as file:
        rest = b""
        while chunk := file.read(1 << 20):
            if _FORMULA.search(rest + chunk):
                return True
            rest = chunk[-100:]
    return False
