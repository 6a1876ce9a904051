"""Times in statements: a column is a wall clock or a moment in world time, and constants must be of its kind."""

from __future__ import annotations

from kbind.data.dataset import Dataset, to_instant
from kbind.data.engine import Expression, bucket, literal, parse
from kbind.statistics.calendar import Calendar

#: Up to so many periods a comparison tree finds the period faster than date arithmetic does.
_MAX_TREE = 500


def end_of_data(data: Dataset, table: str, name: str) -> Expression:
    """The end of the data as a constant that a time column can be compared with."""
    assert data.as_of is not None
    return literal(to_instant(data.as_of, data.timezone) if name in data.tables[table].instants else data.as_of)


def period_index(data: Dataset, table: str, name: str, value: Expression, calendar: Calendar) -> Expression:
    """Index of the period that a time lies in; boundaries are converted to the zone, not every row."""
    instants = name in data.tables[table].instants
    if calendar.size <= _MAX_TREE:
        return bucket(value, calendar.boundaries(instants=instants))
    local = parse("timezone(_zone, _t)", zone=literal(data.timezone or "UTC"), t=value) if instants else value
    first = literal(calendar.boundaries(instants=False)[0])
    if calendar.period in ("day", "week"):
        days = parse("date_diff('day', _first, _t)", first=first, t=local)
        return days if calendar.period == "day" else parse("_days // 7", days=days)
    return parse(f"date_diff('{calendar.period}', _first, _t)", first=first, t=local)
