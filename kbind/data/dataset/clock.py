"""Times in statements: a column is a wall clock or a moment in world time, and constants must be of its kind."""

from __future__ import annotations

from kbind.data.calendar import Calendar
from kbind.data.dataset.model import Dataset, to_instant
from kbind.data.engine import Expression, bucket, column, literal, parse


def end_of_data(data: Dataset, table: str, name: str) -> Expression:
    """The end of the data as a constant that a time column can be compared with."""
    assert data.as_of is not None
    return literal(to_instant(data.as_of, data.timezone) if name in data.tables[table].instants else data.as_of)


def period_index(data: Dataset, table: str, name: str, value: Expression, calendar: Calendar) -> Expression:
    """Index of the period that a time lies in; boundaries are converted to the zone, not every row."""
    return bucket(value, calendar.boundaries(instants=name in data.tables[table].instants))


def wall_time(data: Dataset, table: str, name: str, of: str = "") -> Expression:
    """A time as the clock on the wall of the data set's zone shows it."""
    time = column(name, of)
    if name in data.tables[table].instants:
        return parse("timezone(_zone, _t)", zone=literal(data.timezone or "UTC"), t=time)
    return time
