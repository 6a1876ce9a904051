"""The scan: who was active when, in every calendar, against plain counting in Python."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.retention import activity_scan as scan
from kbind.retention.activity import Activity
from kbind.retention.activity_counts import Counts, MaskCounts, SilenceCounts


def _start(period: str, day: date) -> date:
    """First day of the period a day lies in, by the definition."""
    if period == "week":
        return day - timedelta(days=day.isocalendar().weekday - 1)
    month = {"day": day.month, "month": day.month, "quarter": 3 * ((day.month - 1) // 3) + 1, "year": 1}[period]
    return date(day.year, month, day.day if period == "day" else 1)


def _active(record: Activity) -> dict[str, int]:
    frame = record.to_frame()
    return dict(zip(frame["period"], frame["active"], strict=True))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.datetimes(datetime(2023, 11, 1), datetime(2024, 6, 30))),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/St_Johns", "Pacific/Auckland"]),
)
def test_activity_in_any_zone_equals_converting_every_row(
    rows: list[tuple[int, datetime]], period: str, zone: str
) -> None:
    instants = [(customer, moment.replace(tzinfo=UTC)) for customer, moment in rows]
    data = kb.open_dataset({"events": pd.DataFrame(instants, columns=["customer_id", "timestamp"])}, timezone=zone)
    seen = {(customer, _start(period, moment.astimezone(ZoneInfo(zone)).date())) for customer, moment in instants}
    record = kb.activity(data, period=period)
    calendar = record.calendar
    periods = zip(calendar.labels, calendar.starts[:-1], strict=True)
    expected = {name: sum(start == day for _, day in seen) for name, start in periods}
    assert _active(record) == expected
    assert sum(expected.values()) == len(seen)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 150)), min_size=1, max_size=80),
    st.integers(0, 4),
    st.integers(0, 30),
)
def test_masks_and_silences_are_the_same_record(log: list[tuple[int, int]], length: int, unlived: int) -> None:
    """More than two words of 62 periods, counted both ways."""
    frame = pd.DataFrame(log, columns=["customer_id", "day"])
    frame["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    as_of = pd.Timestamp("2024-06-10") - pd.Timedelta(hours=unlived)
    data = kb.open_dataset({"events": frame}, as_of=as_of)
    masks = kb.activity(data, period="day").counts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "MAX_WORDS", 0)
        silences = kb.activity(data, period="day").counts
    assert isinstance(masks, MaskCounts)
    assert isinstance(silences, SilenceCounts)
    np.testing.assert_array_equal(masks.sizes(), silences.sizes())
    for window in (length, 0, None):
        np.testing.assert_array_equal(masks.active(window), silences.active(window))


def _brute(active: dict[int, set[int]], periods: int, lived: int, length: int | None) -> np.ndarray:
    result = np.zeros((1, periods, periods), dtype=int)
    for cohort in range(periods):
        for age in range(periods - cohort):
            stop = lived - 1 if length is None else cohort + age + length
            if stop >= (lived if length is None else periods) or cohort + age > stop:
                continue
            window = set(range(cohort + age, stop + 1))
            result[0, cohort, age] = sum(min(days) == cohort and bool(days & window) for days in active.values())
    return result


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(0, 6), st.sets(st.integers(0, 69), min_size=1, max_size=8), min_size=1),
    st.sampled_from([None, 0, 1, 5]),
    st.sampled_from([69, 70]),
)
def test_counts_equal_counting_one_by_one(active: dict[int, set[int]], length: int | None, lived: int) -> None:
    words = np.zeros((len(active), 2), dtype=np.int64)
    for row, days in enumerate(active.values()):
        for day in days:
            words[row, day // 62] |= 1 << (day % 62)
    ones = np.ones(len(active), dtype=np.int64)
    counts: Counts = MaskCounts.ordered(1, 70, lived, np.zeros_like(ones), words, ones)
    np.testing.assert_array_equal(counts.active(length), _brute(active, 70, lived, length))


@pytest.mark.parametrize(
    ("moment", "period"),
    [
        ("2024-01-31 22:59:59.999999+00:00", "2024-01"),
        ("2024-01-31 23:00:00+00:00", "2024-02"),
        ("2024-03-31 21:59:59.999999+00:00", "2024-03"),  # summer time since that morning
        ("2024-03-31 22:00:00+00:00", "2024-04"),
    ],
)
def test_events_exactly_on_a_boundary(moment: str, period: str) -> None:
    others = ["2023-12-15 12:00+00:00", "2024-04-15 12:00+00:00"]
    stamps = [pd.Timestamp(text) for text in (moment, *others)]
    frame = pd.DataFrame({"customer_id": [1, 2, 2], "timestamp": stamps})
    active = _active(kb.activity(kb.open_dataset({"events": frame}, timezone="Europe/Berlin")))
    mine = {label: n - (label in ("2023-12", "2024-04")) for label, n in active.items()}
    assert [label for label, n in mine.items() if n] == [period]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2024-03-31", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("America/Havana", "2023-11-05", 25),  # midnight occurs once, one o'clock twice
        ("America/St_Johns", "2009-11-01", 25),  # the clock is turned back at a minute past midnight
        ("America/Sao_Paulo", "2018-11-04", 23),  # a day without a midnight
        ("Pacific/Apia", "2011-12-30", 0),  # a day that was left out
    ],
)
def test_days_of_odd_length(zone: str, day: str, hours: int) -> None:
    """Every hour around a clock change lies in the day that the clock on the wall shows when the day began."""
    moments = pd.date_range(pd.Timestamp(day) - pd.Timedelta("3D"), periods=24 * 6, freq="h", tz="UTC")
    log = pd.DataFrame({"customer_id": range(len(moments)), "timestamp": moments})
    record = kb.activity(kb.open_dataset({"events": log}, timezone=zone), period="day").to_frame()
    assert record.set_index("period")["active"].get(day, 0) == hours


def test_wall_clock_times_are_not_shifted() -> None:
    frame = pd.DataFrame({"customer_id": [1, 1], "timestamp": ["2024-01-31 23:59", "2024-02-29 12:00"]})
    record = kb.activity(kb.open_dataset({"events": frame}, timezone="Asia/Tokyo"))
    assert _active(record) == {"2024-01": 1, "2024-02": 1}


@pytest.mark.parametrize(
    "ids",
    [
        [1, 1, 2],
        ["a", "a", "ü"],
        [1.0, 1.0, 2.0],
        [b"x", b"x", b"y"],
        [bytearray(b"x")] * 2 + [b"y"],
        [2**62, 2**62, -1],
        ["", "", "b"],
    ],
)
def test_identifiers_of_any_type(ids: list[Any]) -> None:
    frame = pd.DataFrame({"customer_id": ids, "timestamp": ["2024-01-05", "2024-02-05", "2024-02-06"]})
    if "" in ids:
        with pytest.raises(kb.DatasetError, match="column 'customer_id': has no value"):
            kb.open_dataset({"events": frame})
        return
    assert _active(kb.activity(kb.open_dataset({"events": frame}))) == {"2024-01": 1, "2024-02": 2}


# -- contracts -----------------------------------------------------------------------------------------------


def _contracts(rows: list[Any], as_of: str = "2024-07-01", grace: str | None = None) -> Activity:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    return kb.activity(kb.open_dataset({"subscriptions": frame}, as_of=as_of, ends="exclusive", grace=grace))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "2024-01-15", "2024-03-15")], [1, 1, 1, 0, 0, 0]),
        ([(1, "2024-01-15", "2024-03-01")], [1, 1, 0, 0, 0, 0]),  # ends as March begins: no instant of March
        ([(1, "2024-01-15", None)], [1, 1, 1, 1, 1, 1]),
        ([(1, "2024-01-15", "2024-02-10"), (1, "2024-02-05", "2024-04-02")], [1, 1, 1, 1, 0, 0]),  # overlap
        ([(1, "2024-01-15", "2024-02-10"), (1, "2024-05-05", "2030-01-01")], [1, 1, 0, 0, 1, 1]),  # gap, runs on
        (
            [(1, "2024-01-15", "2024-01-20"), (2, "2024-03-05", "2024-03-05")],
            [1, 0, 1, 0, 0, 0],
        ),  # left on the first day
        ([(1, "2024-01-15", "2024-01-20"), (2, "2024-07-05", None)], [1, 0, 0, 0, 0, 0]),  # begins after as_of
    ],
)
def test_contracts_cover_every_period_they_touch(rows: list[Any], expected: list[int]) -> None:
    assert list(_active(_contracts(rows)).values()) == expected


def test_a_gap_within_grace_is_none_in_the_life_cycle() -> None:
    rows = [(1, "2024-01-15", "2024-02-10"), (1, "2024-04-05", None), (2, "2024-01-15", "2024-02-10")]
    names = ["retained", "resurrected", "churned", "active", "open"]
    short = kb.lifecycle(_contracts(rows)).to_frame()[names].to_numpy().tolist()
    assert short == [
        [0, 0, 0, 2, 0],
        [2, 0, 0, 2, 0],
        [0, 0, 2, 0, 0],
        [0, 1, 0, 1, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 0],
    ]
    long = kb.lifecycle(_contracts(rows, grace="60D")).to_frame()[names].to_numpy().tolist()
    # the first is away for 55 days; of the second grace is over in April
    assert long == [
        [0, 0, 0, 2, 0],
        [2, 0, 0, 2, 0],
        [1, 0, 1, 1, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 0],
    ]


def test_who_may_still_renew_is_active_and_counted_as_open() -> None:
    rows = [(1, "2024-01-15", "2024-05-10"), (2, "2024-01-15", "2024-05-01"), (3, "2024-01-15", None)]
    names = ["retained", "churned", "active", "open"]
    found = kb.lifecycle(_contracts(rows, grace="90D")).to_frame()[names].to_numpy().tolist()
    assert found[-2:] == [[3, 0, 3, 1], [3, 0, 3, 2]]  # the second had no instant of May
    assert kb.lifecycle(_contracts(rows)).to_frame()[names].to_numpy().tolist()[-2:] == [[2, 1, 2, 0], [1, 1, 1, 0]]


def test_a_day_between_contracts_is_no_gap_day_by_day() -> None:
    rows = [(1, "2024-01-15", "2024-01-20"), (1, "2024-01-21", "2024-01-25"), (1, "2024-01-27", None)]
    found = kb.activity(kb.open_dataset({"subscriptions": pd.DataFrame(rows, columns=["customer_id", "start", "end"])},
                                        as_of="2024-02-01"), period="day").to_frame()  # fmt: skip
    assert found[found["active"] == 0]["period"].tolist() == ["2024-01-25", "2024-01-26"]


def test_contracts_go_before_events_unless_told_otherwise() -> None:
    events = pd.DataFrame({"customer_id": [1], "timestamp": ["2024-02-05"]})
    contracts = pd.DataFrame({"customer_id": [1], "start": ["2024-01-01"], "end": ["2024-03-01"]})
    data = kb.open_dataset({"events": events, "subscriptions": contracts}, as_of="2024-03-01")
    assert list(_active(kb.activity(data)).values()) == [1, 1]
    assert list(_active(kb.activity(data, log="events")).values()) == [1]
    assert "contract" in kb.activity(data).definition
    assert "event" in kb.activity(data, log="events").definition


# -- groups and mistakes ------------------------------------------------------------------------------------------


def test_by_a_column_of_the_log_takes_the_first_row() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3],
            "timestamp": ["2024-02-01", "2024-01-01", "2024-01-03", "2024-01-03", "2024-01-04"],
            "channel": ["shop", "web", "web", "app", None],
        }
    )
    record = kb.activity(kb.open_dataset({"events": frame}), by="channel")
    assert record.groups == (("app",), ("web",), (None,))
    assert record.to_frame().query("period == '2024-01'")["active"].tolist() == [1, 1, 1]


def test_by_several_columns() -> None:
    events = pd.DataFrame({"customer_id": [1, 2, 3], "timestamp": "2024-01-05"})
    customers = pd.DataFrame({"customer_id": [1, 2, 3], "size": ["s", "s", "l"], "vip": [True, False, True]})
    record = kb.activity(kb.open_dataset({"events": events, "customers": customers}), by=["size", "vip"])
    assert record.groups == (("l", True), ("s", False), ("s", True))
    assert list(record.to_frame().columns[:2]) == ["size", "vip"]


def test_mistakes(toy: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="by='plam' is no column; did you mean 'plan'"):
        kb.activity(toy, by="plam")
    with pytest.raises(kb.ArgumentError, match="open it first"):
        kb.activity({"events": None})
    later = pd.DataFrame({"customer_id": [1], "acquired_at": ["2022-01-01"]})
    early = kb.open_dataset({"events": toy.table("events"), "customers": later}, as_of="2023-01-01")
    with pytest.raises(kb.NotEnoughData, match="events of 'data' holds nothing before as_of=2023-01-01"):
        kb.activity(early)


def test_activity_frame(toy: kb.Dataset) -> None:
    frame = kb.activity(toy, period="quarter").to_frame()
    assert frame["period"].tolist() == ["2024-Q1", "2024-Q2"]
    assert frame["lived"].tolist() == [True, False]
    assert frame["end"].iloc[0] == pd.Timestamp("2024-04-01")
    assert frame["active"].tolist() == [5, 3]
