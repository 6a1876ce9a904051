"""CSV files as people have them: their encoding, their delimiter, their header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kbind.engine.engine import Engine
from kbind.engine.failures import CsvError
from kbind.errors import DatasetError, listed, shown, temporary_folder

_DELIMITERS = (";", ",", "\t", "|")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 1 << 20
#: Lines that show whether blanks alone separate the columns.
_LINES_LOOKED_AT = 50
_LONGEST_HEADER = 10_000_000
_ALLOWED = "allowed: CSV in UTF-8 or Windows-1252"
#: How files begin that are often called CSV.
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "Parquet: end its name in .parquet",
}
#: UTF-8's Western letters, typographic signs and euro sign: in Windows-1252 hardly ever next to each other.
_UTF8_LETTERS = re.compile(rb"\xc3[\x80-\xbf]|\xe2[\x80-\x82][\x80-\xbf]")


def read_csv(engine: Engine, relation: str, path: Path) -> tuple[str, str | None]:
    """Copy a CSV file into the engine as text; returns its delimiter, and its encoding unless that is UTF-8.

    Raises
    ------
    DatasetError
        It is empty, its header is not usable, a row has another width, or its bytes are no text.
    """
    with path.open("rb") as file:
        start = file.read(_CHUNK)
    if not start.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise DatasetError.of(path.name, "is empty", allowed="allowed: a header and rows")
    for sign, kind in _OTHERS.items():
        if start.startswith(sign):
            raise DatasetError.of(path.name, f"is no text file but {kind}", allowed=_ALLOWED)
    if b"\0" in start and not start.startswith(_UTF16):
        raise DatasetError.of(path.name, "is no text file", allowed=_ALLOWED)
    if start.startswith(_UTF16):
        return _copied(engine, relation, path, "utf-16"), "UTF-16"
    if _is_aligned(start):
        return _copied(engine, relation, path, "utf-8-sig", aligned=True), None
    try:
        return _read_utf8(engine, relation, path, path.name), None
    except (CsvError, UnicodeDecodeError) as error:
        if isinstance(error, CsvError) and not error.rewritten:
            raise _row_error(path.name, error) from error
    if _is_utf8(path):
        return _copied(engine, relation, path, "utf-8-sig"), None
    return _copied(engine, relation, path, "cp1252"), "Windows-1252"


def rows_shown(path: Path, encoding: str | None, delimiter: str, records: Sequence[int]) -> list[int]:
    """Rows of a CSV file as a spreadsheet shows them, where the engine counted its records from 1.

    Empty lines are no records; a line break inside quotes makes no row. Only asked for the few rows of a message.
    """
    wanted = {record: record + 1 for record in records}  # if there are no empty lines
    with path.open(encoding=encoding or "utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        record = -1  # the header is record 0
        width = 0
        with suppress(csv.Error):
            for row, fields in enumerate(reader, start=1):
                width = width or len(fields)
                record += bool(fields) or width == 1  # an empty line of a single column is an empty value
                if fields or width == 1:
                    wanted.update({record: row} if record in wanted else {})
                if record >= max(records):
                    break
    return [wanted[record] for record in records]


def _is_aligned(start: bytes) -> bool:
    """Whether columns are separated by blanks alone: several words a line, in all lines as many, and no other sign."""
    lines = [line for line in start.decode("utf-8", "ignore").splitlines()[:_LINES_LOOKED_AT] if line.strip()][:-1]
    if len(lines) < 2 or any(sign in line for line in lines for sign in (*_DELIMITERS, '"')):
        return False
    widths = {len(line.split()) for line in lines}
    return len(widths) == 1 and widths.pop() > 2


def _is_utf8(path: Path) -> bool:
    """Whether the whole file is UTF-8; a file that is so only in part is an error, for its names would be garbled."""
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(_CHUNK):
                pass
    except UnicodeDecodeError:
        with path.open("rb") as raw:
            if not any(_UTF8_LETTERS.search(line) for line in raw):
                return False
        rows = _not_utf8(path)
        message = "holds rows in UTF-8 and rows in Windows-1252, such as"
        allowed = "allowed: one encoding; save it again as UTF-8"
        raise DatasetError.of(path.name, message, None, rows[:3], len(rows), allowed) from None
    return True


def _not_utf8(path: Path) -> list[tuple[int, str]]:
    rows = []
    with path.open(encoding="latin-1", newline="") as file, suppress(csv.Error):
        for number, fields in enumerate(csv.reader(file), start=1):
            raw = ",".join(fields).encode("latin-1")
            try:
                raw.decode()
            except UnicodeDecodeError:
                rows.append((number, shown(raw.decode("cp1252", "replace"))))
    return rows


def _read_utf8(engine: Engine, relation: str, path: Path, label: str) -> str:
    delimiter, names = _header(path, label)
    engine.read_csv(relation, path, names, delimiter=delimiter)
    return delimiter


def _copied(engine: Engine, relation: str, path: Path, encoding: str, *, aligned: bool = False) -> str:
    """Read by way of a temporary copy in UTF-8 whose lines all end alike; columns of blanks become those of tabs."""
    with temporary_folder() as folder:
        copy = folder / "copy.csv"
        with path.open(encoding=encoding) as old, copy.open("w", encoding="utf-8", newline="\n") as new:
            while True:
                try:
                    chunk = old.read(_CHUNK)
                except UnicodeError as error:
                    message = "is neither UTF-8 nor Windows-1252"
                    raise DatasetError.of(path.name, message, allowed=_ALLOWED) from error
                if not chunk:
                    break
                new.write(chunk)
        if aligned:
            lines = [line.split() for line in copy.read_text(encoding="utf-8").splitlines()]
            copy.write_text("".join("\t".join(words) + "\n" for words in lines), encoding="utf-8")
        try:
            return _read_utf8(engine, relation, copy, path.name)
        except CsvError as error:
            raise _row_error(path.name, error) from error


def _header(path: Path, label: str) -> tuple[str, list[str]]:
    """Delimiter and column names. The delimiter is the sign that separates the first line best."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline(_LONGEST_HEADER)
    if not line.strip():
        raise DatasetError.of(label, "starts with an empty line", allowed="remove it: names come first")
    if len(line) == _LONGEST_HEADER:
        raise DatasetError.of(label, "has no line of names at its top", allowed=_ALLOWED)
    if re.fullmatch(r"sep=.\s*", line):
        raise DatasetError.of(label, f"starts with {line.strip()!r}", allowed="remove that line: names come first")
    try:
        parsed = {d: next(csv.reader([line], delimiter=d), []) for d in _DELIMITERS}
    except csv.Error as error:
        allowed = "allowed: names of columns, separated by a semicolon, comma, tab or bar"
        raise DatasetError.of(label, f"has no line of names at its top: {error}", allowed=allowed) from error
    delimiter = max(_DELIMITERS, key=lambda d: len(parsed[d]))
    names = [name.strip() for name in parsed[delimiter]]
    if line.count('"') % 2:
        raise DatasetError.of(label, "has a line break in its header", allowed="allowed: names on one line")
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    frequent = Counter(name.lower() for name in names)
    twice = sorted({name for name in names if frequent[name.lower()] > 1})
    if twice:
        names_twice = listed([shown(name) for name in twice])
        message = f"has columns of the same name: {names_twice}"
        raise DatasetError.of(label, message, allowed="rename one of them")
    return delimiter, names


def _row_error(label: str, error: CsvError) -> DatasetError:
    rows = [] if error.line is None else [(error.line, shown(error.original))]
    return DatasetError.of(label, error.message, None, rows, 1, error.allowed)
