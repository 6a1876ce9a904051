"""CSV files as people have them: their encoding, their delimiter, their header."""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from pathlib import Path

from kbind.data.engine import CsvError, Engine
from kbind.errors import DatasetError, Problem, shown

_DELIMITERS = (";", ",", "\t", "|")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 1 << 20


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
        raise DatasetError([Problem(path.name, "is empty", allowed="allowed: a header and rows")])
    if b"\0" in start and not start.startswith(_UTF16):
        raise DatasetError([Problem(path.name, "is no text file", allowed="allowed: CSV in UTF-8 or Windows-1252")])
    if start.startswith(_UTF16):
        return _transcoded(engine, relation, path, "utf-16"), "UTF-16"
    try:
        return _read_utf8(engine, relation, path, path.name), None
    except (CsvError, UnicodeDecodeError) as error:
        if isinstance(error, CsvError) and error.reason != "encoding":
            raise DatasetError([_row_problem(path.name, error)]) from error
        return _transcoded(engine, relation, path, "cp1252"), "Windows-1252"


def _read_utf8(engine: Engine, relation: str, path: Path, label: str) -> str:
    delimiter, names = _header(path, label)
    engine.read_csv(relation, path, names, delimiter=delimiter)
    return delimiter


def _transcoded(engine: Engine, relation: str, path: Path, encoding: str) -> str:
    """Read by way of a temporary copy in UTF-8."""
    with tempfile.TemporaryDirectory(prefix="kbind-") as folder:
        copy = Path(folder) / "copy.csv"
        try:
            with path.open(encoding=encoding, newline="") as old, copy.open("w", encoding="utf-8", newline="") as new:
                while chunk := old.read(_CHUNK):
                    new.write(chunk)
        except UnicodeError as error:
            allowed = "allowed: CSV in UTF-8 or Windows-1252"
            raise DatasetError([Problem(path.name, "is neither UTF-8 nor Windows-1252", allowed=allowed)]) from error
        try:
            return _read_utf8(engine, relation, copy, path.name)
        except CsvError as error:
            raise DatasetError([_row_problem(path.name, error)]) from error


def _header(path: Path, label: str) -> tuple[str, list[str]]:
    """Delimiter and column names. The delimiter is the sign that separates the first line best."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline()
    if re.fullmatch(r"sep=.\s*", line):
        raise DatasetError(
            [Problem(label, f"starts with {line.strip()!r}", allowed="remove that line: names come first")]
        )
    parsed = {d: next(csv.reader([line], delimiter=d), []) for d in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda d: len(parsed[d]))
    names = [name.strip() for name in parsed[delimiter]]
    if line.count('"') % 2:
        raise DatasetError([Problem(label, "has a line break in its header", allowed="allowed: names on one line")])
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    frequent = Counter(name.lower() for name in names)
    twice = sorted({name for name in names if frequent[name.lower()] > 1})
    if twice:
        listed = ", ".join(shown(name) for name in twice)
        raise DatasetError([Problem(label, f"has columns of the same name: {listed}", allowed="rename one of them")])
    return delimiter, names


def _row_problem(label: str, error: CsvError) -> Problem:
    rows = [] if error.line is None else [(error.line, shown(error.original))]
    if error.reason == "width":
        message = f"has {error.found} columns instead of {error.expected}"
        return Problem(label, message, None, rows, 1, "quote what holds the delimiter")
    if error.reason == "quote":
        return Problem(label, "has a quote that is not closed", None, rows, 1, "a quote within text is written twice")
    return Problem(label, f"cannot be read as CSV: {error.message}", None, rows, 1)
