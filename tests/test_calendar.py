from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbind.calendar import PERIODS, Calendar, label
from kbind.errors import ArgumentError

moments = st.datetimes(datetime(1950, 1, 1), datetime(2080, 1, 1))


@pytest.mark.parametrize(
    ("period", "first", "as_of", "labels", "lived"),
    [
        ("month", "2023-12-31 23:59", "2024-03-01", ["2023-12", "2024-01", "2024-02"], 3),
        ("month", "2024-02-29", "2024-02-29 12:00", ["2024-02"], 0),
        ("week", "2024-12-29", "2025-01-07", ["2024-W52", "2025-W01", "2025-W02"], 2),
        ("week", "2020-12-31", "2021-01-04", ["2020-W53"], 1),
        ("quarter", "2024-03-31", "2024-07-01", ["2024-Q1", "2024-Q2"], 2),
        ("year", "2023-06-01", "2024-06-01", ["2023", "2024"], 1),
        ("day", "2024-02-28 05:00", "2024-03-01", ["2024-02-28", "2024-02-29"], 2),
    ],
)
def test_spanning(period: str, first: str, as_of: str, labels: list[str], lived: int) -> None:
    calendar = Calendar.spanning(period, datetime.fromisoformat(first), datetime.fromisoformat(as_of), None)
    assert calendar.labels == labels
    assert calendar.lived == lived


@given(st.sampled_from(PERIODS), moments, st.integers(1, 900))
def test_periods_follow_each_other_and_cover_the_data(period: str, first: datetime, days: int) -> None:
    as_of = first + timedelta(days=days)
    calendar = Calendar.spanning(period, first, as_of, None)
    starts = calendar.boundaries(instants=False)
    assert starts == sorted(set(starts))
    assert starts[0] <= first < starts[1]
    assert starts[-2] < as_of <= starts[-1]
    assert calendar.lived == sum(end <= as_of for end in starts[1:])
    assert len(calendar.labels) == len(set(calendar.labels)) == calendar.size


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia"]
)
def test_boundaries_in_world_time_are_local_midnights(zone: str) -> None:
    calendar = Calendar.spanning("day", datetime(2011, 10, 1), datetime(2012, 4, 1), zone)
    for start, instant in zip(calendar.starts, calendar.boundaries(instants=True), strict=True):
        local = instant.astimezone(ZoneInfo(zone))
        # where midnight does not exist, the day starts when the clock jumps past it
        assert local.replace(tzinfo=None) >= datetime.combine(start, datetime.min.time())
        before = (instant - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert before < datetime.combine(start, datetime.min.time())


def test_boundaries_follow_the_change_of_clocks() -> None:
    calendar = Calendar.spanning("month", datetime(2024, 3, 1), datetime(2024, 5, 1), "Europe/Berlin")
    assert calendar.boundaries(instants=True)[:2] == [
        datetime(2024, 2, 29, 23, tzinfo=UTC),
        datetime(2024, 3, 31, 22, tzinfo=UTC),
    ]


def test_labels() -> None:
    assert label("quarter", date(2024, 10, 1)) == "2024-Q4"
    with pytest.raises(ArgumentError, match="period='months' is not known; did you mean 'month'"):
        Calendar.spanning("months", datetime(2024, 1, 1), datetime(2024, 2, 1), None)
