"""Counts by period, as somebody filled them in: whether they can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from kbind.dataset.sources import Source
from kbind.dataset.workbook import tell
from kbind.engine.engine import Engine
from kbind.errors import DatasetError, Problem, shown

Row = dict[str, Any]

_EXAMPLES = 3
_COUNTS = ("customers_start", "gained", "lost")
_REVENUE = ("revenue_start", "revenue_lost", "revenue_contraction", "revenue_expansion")
_WHOLE = "allowed: whole numbers from 0"


def check_periods(engine: Engine, sources: Sequence[Source]) -> None:
    """Refuse counts that cannot be: broken, more lost than there were, periods that overlap.

    Raises
    ------
    DatasetError
        Lists every problem, by cell where the counts come from a workbook.
    """
    found = {source.table: source for source in sources}
    problems: list[Problem] = []
    lost: dict[date, float] = {}
    if "periods" in found:
        rows = _rows(engine, found["periods"], ("first_day", "last_day"), problems)
        if not problems:
            problems += _wrong_counts(found["periods"], rows) + _wrong_days(found["periods"], rows)
            lost = {row["first_day"]: row["lost"] for row in rows}
    if "reasons" in found and not problems:
        source = found["reasons"]
        rows = _rows(engine, source, ("first_day",), problems)
        problems = problems or _wrong_reasons(source, rows, lost)
    if problems:
        raise DatasetError(problems)


def _rows(engine: Engine, source: Source, days: Sequence[str], problems: list[Problem]) -> list[Row]:
    """The rows in their order, days as dates; a day with a clock goes to the problems."""
    rows: list[Row] = engine.query("SELECT * FROM t", tables={"t": source.table}).to_pylist()
    for name in days:
        clocked = [
            (i, row[name])
            for i, row in enumerate(rows)
            if isinstance(row[name], datetime) and (row[name].tzinfo or row[name].time() != datetime.min.time())
        ]
        problems += _told(source, name, clocked, "is not a day", "allowed: days without a clock")
        for row in rows:
            if isinstance(row[name], datetime):
                row[name] = row[name].date()
    return rows


def _wrong_counts(source: Source, rows: Sequence[Row]) -> list[Problem]:
    problems = []
    for name in _COUNTS:
        broken = [(i, row[name]) for i, row in enumerate(rows) if not _is_count(row[name])]
        problems += _told(source, name, broken, "is no count", _WHOLE)
    more = [(i, row["lost"]) for i, row in enumerate(rows) if row["lost"] > row["customers_start"]]
    allowed = "allowed: of the customers at the start, those who are gone at the end"
    problems += _told(source, "lost", more, "is more than the customers at the start", allowed)
    for name in _REVENUE:
        values = [(i, row.get(name)) for i, row in enumerate(rows)]
        negative = [(i, value) for i, value in values if value is not None and not 0 <= value < math.inf]
        problems += _told(source, name, negative, "is negative or without end", "allowed: amounts from 0")
    for i, row in enumerate(rows):
        start, gone = row.get("revenue_start"), (row.get("revenue_lost") or 0) + (row.get("revenue_contraction") or 0)
        if start is not None and gone > start * (1 + 1e-12):
            message = "lost and contracted revenue are together more than the revenue at the start"
            problems += _told(source, "revenue_start", [(i, start)], message, "")
    return problems


def _wrong_days(source: Source, rows: Sequence[Row]) -> list[Problem]:
    backwards = [(i, row["last_day"]) for i, row in enumerate(rows) if row["last_day"] < row["first_day"]]
    problems = _told(source, "last_day", backwards, "lies before the first day", "allowed: first_day <= last_day")
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["first_day"], rows[i]["last_day"]))
    pairs = pairwise(order)
    again = [(j, rows[j]["first_day"]) for i, j in pairs if rows[j]["first_day"] <= rows[i]["last_day"]]
    allowed = "allowed: periods that follow each other; a year and its quarters would count customers twice"
    return problems + _told(source, "first_day", again, "lies in another period", allowed)


def _wrong_reasons(source: Source, rows: Sequence[Row], lost: dict[date, float]) -> list[Problem]:
    broken = [(i, row["customers"]) for i, row in enumerate(rows) if not _is_count(row["customers"])]
    problems = _told(source, "customers", broken, "is no count", _WHOLE)
    unknown = [(i, row["first_day"]) for i, row in enumerate(rows) if row["first_day"] not in lost]
    problems += _told(source, "first_day", unknown, "is not the first day of a period", "needed: its row in periods")
    named: dict[date, float] = dict.fromkeys(lost, 0.0)
    over = []
    for i, row in enumerate(rows):
        if row["first_day"] in named:
            before = named[row["first_day"]]
            named[row["first_day"]] += row["customers"]
            if before <= lost[row["first_day"]] < named[row["first_day"]]:
                over.append((i, row["customers"]))
    message = "makes the reasons more than the customers lost"
    return problems + _told(source, "customers", over, message, "allowed: one reason for each lost customer")


def _is_count(value: float) -> bool:
    return math.isfinite(value) and value >= 0 and value == math.floor(value)


def _told(source: Source, name: str, rows: Sequence[tuple[int, Any]], message: str, allowed: str) -> list[Problem]:
    """A problem with its rows, or with its cells where there are any; nothing if there are no rows."""
    if not rows:
        return []
    if source.places:
        return tell(source.file, [(source.places[name][i], _written(value)) for i, value in rows], message, allowed)
    numbers = source.rows_shown([i + 1 for i, _ in rows[:_EXAMPLES]])
    examples = [(number, _written(value)) for number, (_, value) in zip(numbers, rows, strict=False)]
    return [Problem(source.label, message, name, examples, len(rows), allowed)]


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else shown(value)
