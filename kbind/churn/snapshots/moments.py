"""Observation dates, and the moments at which windows before them begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np

from kbind.dataset.config import read_as_of
from kbind.dataset.dataset import Dataset, to_instant
from kbind.errors import ArgumentError
from kbind.typing import Bools, Ints

#: Days that windows look back, and where the window before the middle one begins.
WINDOWS, PRIOR = (30, 90, 365), 180
SHORT, MIDDLE, LONG = WINDOWS

#: Before anything that is recorded.
EARLY = datetime(1900, 1, 1)

#: The end of a contract that runs on, and the decision of a customer who stays.
NEVER = datetime(9999, 1, 1)

#: Microseconds of a day.
DAY = 86_400_000_000

#: Days that most windows of features look back: no observation date before so much has been recorded.
LOOK_BACK = 90
#: Observation dates that are picked at most, and rows of all of them together; but so many whatever there are.
_DATES, _ROWS, _LEAST = 12, 400_000, 5


@dataclass(frozen=True)
class Moments:
    """Observation dates in order, as the clock on the wall shows them, and where their windows begin.

    Parameters
    ----------
    dates : tuple of datetime
        Observation dates.
    lead, horizon : int
        Days before the window in which leaving counts, and its length.
    """

    dates: tuple[datetime, ...]
    lead: int
    horizon: int

    @cached_property
    def cuts(self) -> tuple[datetime, ...]:
        """All moments at which a window begins or ends, in order; the last is the last observation date."""
        return tuple(sorted({d - timedelta(days=w) for d in self.dates for w in (0, *WINDOWS, PRIOR)}))

    def cut(self, days: int) -> Ints:
        """For every date the position of the cut that lies so many days before it."""
        place = {moment: k for k, moment in enumerate(self.cuts)}
        return np.array([place[d - timedelta(days=days)] for d in self.dates], dtype=np.int64)

    @cached_property
    def days(self) -> Ints:
        """The calendar day of every date, counted from 1970."""
        return np.array([(d.date() - date(1970, 1, 1)).days for d in self.dates], dtype=np.int64)

    def later(self, days: int) -> Ints:
        """Microseconds of every date some days later, on the clock on the wall."""
        return microseconds(d + timedelta(days=days) for d in self.dates)

    def lived(self, end: datetime) -> Bools:
        """For which dates the window in which leaving counts is over."""
        return np.array([d + timedelta(days=self.lead + self.horizon) <= end for d in self.dates], dtype=bool)


def microseconds(moments: Iterable[datetime], data: Dataset | None = None, *, instants: bool = False) -> Ints:
    """Moments counted from 1970: as the clock on the wall shows them, or for `instants` in world time."""
    start = datetime(1970, 1, 1, tzinfo=UTC)
    world = [
        to_instant(moment, data.timezone) if instants and data is not None else moment.replace(tzinfo=UTC)
        for moment in moments
    ]
    return np.array([(moment - start) // timedelta(microseconds=1) for moment in world], dtype=np.int64)


def read_moments(data: Dataset, as_of: object, lead: int, horizon: int) -> Moments:
    """Observation dates as they were given, each once, or as they are picked.

    Raises
    ------
    ArgumentError
        One lies behind the end of the data, or the data ends when time begins.
    """
    assert data.as_of is not None
    if as_of is None:
        return Moments(tuple(pick_dates(data, horizon)), lead, horizon)
    several = list(as_of) if isinstance(as_of, Iterable) and not isinstance(as_of, str) else [as_of]
    moments = []
    for given in several:
        moment = read_as_of(given, data.timezone)
        if moment is None or moment > data.as_of:
            raise ArgumentError(f"as_of={given!r} lies behind the end of the data, {data.as_of:%Y-%m-%d %H:%M}")
        moments.append(moment)
    if not moments:
        raise ArgumentError(f"as_of is empty; allowed: dates such as ['{data.as_of:%Y-%m-%d}']")
    return Moments(tuple(sorted(set(moments))), lead, horizon)


def pick_dates(data: Dataset, horizon: int) -> list[datetime]:
    """The end of the data and dates one horizon apart before it, so that no leaver counts at two of them.

    None lies before the windows of features can look back; of very many customers there are fewer dates.
    """
    assert data.as_of is not None
    span = data.tables[data.require("subscriptions", "events")].span
    begins = data.wall_clock(span[0]) if span is not None else data.as_of
    earliest = max(begins, data.recorded_from or begins) + timedelta(days=LOOK_BACK)
    people = data.tables["customers"].rows if "customers" in data.tables else 0
    most = max(_LEAST, min(_DATES, _ROWS // max(people, 1)))
    dates = [data.as_of - k * timedelta(days=horizon) for k in range(most)]
    return [date for date in reversed(dates) if date >= earliest] or [data.as_of]
