"""The files of a folder as `kbind init` sees them: their columns, and what a sample of the values looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kbind.dataset.books import Book, Sheet
from kbind.dataset.config import CONFIG_NAME
from kbind.dataset.reading.base import NO_VALUE, is_nested, kind_of
from kbind.dataset.reading.columns import NO, YES
from kbind.dataset.reading.times import looks_like_time
from kbind.dataset.sources import read_file
from kbind.engine.engine import Engine, column, parse
from kbind.errors import DatasetError

_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".xlsx", ".xlsm")
_SAMPLE = 2_000
#: Shares of the values of a sample that have to be of a kind.
_MOST = 0.95
_NUMBER = re.compile(r"[-+(]?[$€£]? ?[-+]?\d[\d.,' ]*([eE]\d+)? ?[€$£]?[-)]?")


@dataclass(frozen=True)
class Seen:
    """One column of a file.

    Parameters
    ----------
    kind : {"time", "epoch_s", "epoch_ms", "epoch_us", "number", "flag", "json", "text", "other", "empty"}
        What its values look like; `epoch_*`: numbers that count since 1970.
    filled : float
        Share of the rows with a value.
    values : tuple of str
        Different values of the sample, the most frequent first.
    unique : bool
        No value occurs twice in the whole file.
    """

    kind: str
    filled: float
    values: tuple[str, ...]
    unique: bool

    @property
    def is_time(self) -> bool:
        """Whether it can hold times."""
        return self.kind == "time" or self.kind.startswith("epoch")


@dataclass(frozen=True)
class Found:
    """A file, or a sheet of a workbook, with its columns."""

    file: str
    sheet: str | None
    rows: int
    columns: Mapping[str, Seen]

    @property
    def label(self) -> str:
        """What the user calls it."""
        return self.file if self.sheet is None else f"{self.file}, sheet {self.sheet!r}"


def look(folder: Path) -> tuple[list[Found], list[str]]:
    """The tables that lie in a folder, and a line for each file that cannot be read.

    Raises
    ------
    DatasetError
        The folder holds no file of tables.
    """
    found, unread = list[Found](), list[str]()
    files = [path for path in _files(folder) if path.suffix.lower() in _TABLES]
    if not files:
        allowed = "allowed: a folder with exports as CSV, Parquet or Excel workbooks (.xlsx)"
        raise DatasetError.of(str(folder), "holds no file of tables", allowed=allowed)
    for path in files:
        for read in _tables(path):
            try:
                found.append(read())
            except DatasetError as error:
                unread += [str(problem) for problem in error.problems]
    return found, unread


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name != CONFIG_NAME)
    except OSError as error:
        raise DatasetError.of(str(folder), f"cannot be read: {error.strerror}") from error


def _tables(path: Path) -> Iterator[Callable[[], Found]]:
    """What reads each table of a file, or says why it cannot be read."""
    engine = Engine()
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        yield lambda: _found(engine, path.name, None, read_file(engine, path, "seen").relation)
        return
    try:
        book = Book(path)
    except DatasetError as error:
        yield partial(_fail, error)
        return
    with closing(book):
        sheets = [] if book.is_form else book.sheets()
        for number, sheet in enumerate(sheets):
            name = sheet.title if len(sheets) > 1 else None
            yield partial(_found_in, engine, sheet, name, f"seen{number}")


def _found_in(engine: Engine, sheet: Sheet, name: str | None, table: str) -> Found:
    return _found(engine, sheet.book.path.name, name, read_file(engine, sheet, table).relation)


def _fail(error: DatasetError) -> Found:
    raise error


def _found(engine: Engine, file: str, sheet: str | None, relation: str) -> Found:
    physical = engine.columns(relation)
    plain = {name: kind for name, kind in physical.items() if not is_nested(kind)}
    asked = {"rows": parse("count(*)")}
    for i, name in enumerate(plain):
        asked[f"n{i}"] = parse("count(nullif(trim(CAST(_x AS VARCHAR)), ''))", x=column(name))
        asked[f"d{i}"] = parse("count(DISTINCT nullif(trim(CAST(_x AS VARCHAR)), ''))", x=column(name))
    counts = engine.aggregate(relation, asked)
    parts = {f"c{i}": column(name) for i, name in enumerate(plain)}
    texts = ", ".join(f"CAST(_c{i} AS VARCHAR) AS c{i}" for i in range(len(plain)))
    sample = engine.query(f"SELECT {texts} FROM t LIMIT {_SAMPLE}", tables={"t": relation}, parts=parts).to_pydict()
    columns = {}
    for i, (name, kind) in enumerate(plain.items()):
        values = [value.strip() for value in sample[f"c{i}"] if value and value.strip()]
        rows, filled = counts["rows"], counts[f"n{i}"]
        unique = filled == rows == counts[f"d{i}"] and rows > 1
        columns[name] = Seen(_kind(values, kind), filled / rows if rows else 0.0, _frequent(values), unique)
    return Found(file, sheet, counts["rows"], columns)


def _frequent(values: list[Any]) -> tuple[str, ...]:
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    return tuple(sorted(counted, key=lambda value: (-counted[value], value)))[:200]


def _kind(values: list[str], physical: str) -> str:
    """What the values of a sample are."""
    if physical.startswith(("TIMESTAMP", "DATE")):
        return "time"
    said = [value for value in values if value.casefold() not in NO_VALUE]
    if not said:
        return "empty"

    def most(test: Any) -> bool:
        return sum(map(bool, map(test, said))) >= _MOST * len(said)

    numeric = kind_of(physical) == "number"
    if physical == "BOOLEAN" or most(lambda value: value.casefold() in (*YES, *NO)):
        return "flag"
    if not numeric and most(looks_like_time):
        return "time"
    if numeric or most(_NUMBER.fullmatch):
        return _epoch(said) or "number"
    if most(lambda value: value[:1] in "{[" and value[-1:] in "}]"):
        return "json"
    return "text"


def _epoch(values: list[str]) -> str:
    """Which unit numbers count since 1970, if they lie between 1979 and 2065 in it."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return ""
    for unit, size in (("epoch_s", 1), ("epoch_ms", 1e3), ("epoch_us", 1e6)):
        if all(3e8 * size <= number < 3e9 * size for number in numbers):
            return unit
    return ""
