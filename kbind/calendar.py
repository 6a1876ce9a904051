"""Calendar periods: their boundaries in a time zone, and what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from kbind.errors import ArgumentError, check_choice, told

PERIODS = ("day", "week", "month", "quarter", "year")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
#: Days of the longest length that may be asked for.
LONGEST = 36525


@dataclass(frozen=True)
class Calendar:
    """Consecutive calendar periods, half-open: each runs from its start to the start of the next.

    Parameters
    ----------
    period : {"day", "week", "month", "quarter", "year"}
        Length; weeks are ISO weeks.
    first : date
        First day of the first period.
    size : int
        Number of periods.
    lived : int
        How many of them are over at `as_of`; at most the last one is not.
    timezone : str or None
        Zone whose midnight starts a period.
    """

    period: str
    first: date
    size: int
    lived: int
    timezone: str | None

    @classmethod
    def spanning(cls, period: str, first: datetime, as_of: datetime, timezone: str | None) -> Calendar:
        """The periods from the one that contains `first` to the one that is running at `as_of`.

        >>> c = Calendar.spanning("month", datetime(2017, 1, 9), datetime(2017, 3, 20), None)
        >>> c.labels, c.lived
        (['2017-01', '2017-02', '2017-03'], 2)
        """
        check_choice("period", period, PERIODS)
        start = start_of(period, first.date())
        size = 0
        while datetime.combine(_shift(period, start, size), datetime.min.time()) < as_of:
            size += 1
        over = datetime.combine(_shift(period, start, size), datetime.min.time()) == as_of
        return cls(period, start, size, size if over else size - 1, timezone)

    @cached_property
    def starts(self) -> list[date]:
        """First day of every period, and of the one after the last."""
        return [_shift(self.period, self.first, i) for i in range(self.size + 1)]

    @cached_property
    def labels(self) -> list[str]:
        """What the periods are called: 2017-02-01, 2017-W05, 2017-02, 2017-Q1 or 2017."""
        return [label(self.period, start) for start in self.starts[:-1]]

    def boundaries(self, *, instants: bool) -> list[datetime]:
        """Start of every period and end of the last: as world time, or as wall-clock times."""
        midnights = [datetime.combine(start, datetime.min.time()) for start in self.starts]
        if not instants:
            return midnights
        zone = ZoneInfo(self.timezone or "UTC")
        return [midnight.replace(tzinfo=zone).astimezone(UTC) for midnight in midnights]


def label(period: str, start: date) -> str:
    """The name of the period that starts on a day.

    >>> label("week", date(2024, 12, 30)), label("quarter", date(2024, 4, 1))
    ('2025-W01', '2024-Q2')
    """
    if period == "week":
        year, week, _ = start.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if period == "quarter":
        return f"{start.year:04d}-Q{(start.month + 2) // 3}"
    return {"day": f"{start:%Y-%m-%d}", "month": f"{start:%Y-%m}", "year": f"{start:%Y}"}[period]


def start_of(period: str, day: date) -> date:
    """First day of the period that a day lies in."""
    if period == "day":
        return day
    if period == "week":
        return day - timedelta(days=day.weekday())
    months = _MONTHS[period]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _shift(period: str, start: date, periods: int) -> date:
    if period in _DAYS:
        return start + timedelta(days=_DAYS[period] * periods)
    month = start.year * 12 + start.month - 1 + _MONTHS[period] * periods
    return date(month // 12, month % 12 + 1, 1)


def days_of(parameter: str, length: object, least: int = 0) -> int:
    """Days of a length such as "56D", at least so many.

    >>> days_of("lapse", "8W")
    56
    """
    match = re.fullmatch(r"\s*(\d{1,5})\s*([DW])\s*", length, re.IGNORECASE) if isinstance(length, str) else None
    days = int(match[1]) * (7 if match[2].upper() == "W" else 1) if match else LONGEST + 1
    if not least <= days <= LONGEST:
        limits = f"from '{least}D' up to 100 years" if least else "up to 100 years"
        raise ArgumentError(
            f"{parameter}={told(length)} is no length; allowed: days or weeks such as '56D' or '8W', {limits}"
        )
    return days
