from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.intervals import wilson
from kbind.plot.base import alt_text

COLUMNS = [
    "age", "at_risk",
    "returned", "retention", "retention_ci_lower", "retention_ci_upper",
    "returned_or_later", "on_or_after", "on_or_after_ci_lower", "on_or_after_ci_upper",
]  # fmt: skip
FIRST = datetime(2024, 1, 29)


def opened(rows: list[tuple[Any, ...]], as_of: object, **more: Any) -> kb.Dataset:
    """A data set of rows (customer, time, kind)."""
    events = pd.DataFrame(rows, columns=["customer_id", "timestamp", "kind"])
    tables = {"events": events} | {name: more.pop(name) for name in ("customers",) if name in more}
    return kb.open_dataset(tables, as_of=as_of, **more)


@pytest.fixture(scope="module")
def trials() -> kb.Dataset:
    """Three customers, small enough to count by hand; complete up to the fifth of January, noon.

    a: trial on the 1st at 12:00; orders on the 1st at 18:00, on the 2nd at 12:00 (24 hours later) and 13:00.
    b: order on the 1st, trial on the 2nd at 12:00, order at the same moment, order on the 4th at 13:00.
    c: trial on the 3rd at 18:00, a visit an hour later.
    d: orders only.
    """
    rows = [
        ("a", "2024-01-01 12:00", "trial"), ("a", "2024-01-01 18:00", "order"), ("a", "2024-01-02 12:00", "order"),
        ("a", "2024-01-02 13:00", "order"), ("b", "2024-01-01 12:00", "order"), ("b", "2024-01-02 12:00", "trial"),
        ("b", "2024-01-02 12:00", "order"), ("b", "2024-01-04 13:00", "order"), ("c", "2024-01-03 18:00", "trial"),
        ("c", "2024-01-03 19:00", "visit"), ("d", "2024-01-01 12:00", "order"), ("d", "2024-01-03 12:00", "order"),
    ]  # fmt: skip
    plans = pd.DataFrame({"customer_id": list("abcd"), "plan": ["s", "l", "l", None]})
    return opened(rows, "2024-01-05 12:00", customers=plans)


# -- by hand ---------------------------------------------------------------------------------------


def test_event_retention_rolling_toy(trials: kb.Dataset) -> None:
    frame = kb.event_retention(trials, start="trial", returns="order").to_frame()
    assert list(frame) == COLUMNS
    # a has lived four windows, b three, c one of 24 hours and is in its second
    assert frame["at_risk"].tolist() == [3, 2, 2, 1]
    assert frame["returned"].tolist() == [1, 1, 1, 0]
    assert frame["returned_or_later"].tolist() == [2, 2, 1, 0]
    for share, count in (("retention", "returned"), ("on_or_after", "returned_or_later")):
        limits = np.column_stack(wilson(frame[count], frame["at_risk"]))
        np.testing.assert_array_equal(frame[[share, f"{share}_ci_lower", f"{share}_ci_upper"]], limits)


def test_event_retention_calendar_toy(trials: kb.Dataset) -> None:
    """Of the 1st to the 4th; the 5th is not over, so that a has four days behind it and the last is unknown."""
    frame = kb.event_retention(trials, start="trial", returns="order", window="day").to_frame()
    assert frame["at_risk"].tolist() == [3, 3, 2, 1, 0]
    np.testing.assert_array_equal(frame["returned"], [1, 1, 1, 0, np.nan])
    assert frame["retention_ci_upper"].isna().tolist() == [False] * 4 + [True]


def test_event_retention_times_are_counted_within_one_window(trials: kb.Dataset) -> None:
    twice = kb.event_retention(trials, start="trial", returns="order", times=2).to_frame()
    assert twice["returned"].tolist() == [0, 1, 0, 0]
    assert twice["returned_or_later"].tolist() == [1, 1, 0, 0]


def test_event_retention_several_kinds_and_any(trials: kb.Dataset) -> None:
    both = kb.event_retention(trials, start="trial", returns=["order", "visit"]).to_frame()
    assert both["returned"].tolist() == [2, 1, 1, 0]
    anything = kb.event_retention(trials, start="trial").to_frame()
    pd.testing.assert_frame_equal(both, anything)
    everybody = kb.event_retention(trials)
    assert everybody.counts.customers == 4
    assert everybody.to_frame()["at_risk"].tolist() == [4, 3, 3, 3]


def test_event_retention_by_group(trials: kb.Dataset) -> None:
    result = kb.event_retention(trials, start="trial", returns="order", by="plan")
    frame = result.to_frame()
    assert frame["plan"].tolist() == ["l"] * 4 + ["s"] * 4
    assert frame["at_risk"].tolist() == [2, 1, 1, 0, 1, 1, 1, 1]
    assert frame.loc[frame["plan"] == "s", "returned"].tolist() == [1, 1, 0, 0]
    assert result.rate(1).count == 1
    assert result.rate(1).n == 2


# -- windows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("offset", "window"), [(-1, 0), (0, 1), (86_400_000_000 - 1, 1)])
def test_windows_are_half_open_to_the_microsecond(offset: int, window: int) -> None:
    start = datetime(2024, 1, 1, 10, 30)
    back = start + timedelta(days=1, microseconds=offset)
    data = opened([("a", start, "x"), ("a", back, "y")], "2024-02-01")
    frame = kb.event_retention(data, start="x", returns="y").to_frame().set_index("age")
    assert frame.index[frame["returned"] == 1].tolist() == [window]


@pytest.mark.parametrize(("micro", "lived"), [(-1, 1), (0, 2), (1, 2)])
def test_window_is_lived_when_it_ends_at_as_of(micro: int, lived: int) -> None:
    start = datetime(2024, 1, 1, 10, 30)
    rows = [("a", start, "x"), ("a", start + timedelta(hours=47), "x")]
    frame = kb.event_retention(opened(rows, start + timedelta(days=2, microseconds=micro))).to_frame()
    assert (frame["at_risk"] > 0).sum() == lived
    # what happened in a window that is not over counts nowhere, not even as a later return
    assert frame["returned_or_later"].iloc[0] == (1 if lived == 2 else 0)
    assert len(frame) == (3 if micro == 1 else 2)
    assert frame["retention"].isna().sum() == len(frame) - lived


def test_day_when_clocks_change_has_24_hours_for_moments_and_not_on_the_wall() -> None:
    wall = [("a", "2024-03-30 12:00", "x"), ("a", "2024-03-31 12:30", "x")]
    moments = [("a", "2024-03-30T12:00+01:00", "x"), ("a", "2024-03-31T12:30+02:00", "x")]
    for rows, window in ((moments, 0), (wall, 1)):
        data = opened(rows, "2024-04-05", timezone="Europe/Berlin")
        rolling = kb.event_retention(data).to_frame()
        assert rolling.loc[rolling["returned"] == 1, "age"].tolist() == [window]
        by_day = kb.event_retention(data, window="day").to_frame()
        assert by_day.loc[by_day["returned"] == 1, "age"].tolist() == [1]


def test_lengths_in_other_units_are_the_same_windows(trials: kb.Dataset) -> None:
    days, hours = (kb.event_retention(trials, window=window).to_frame() for window in ("1d", " 24 H "))
    pd.testing.assert_frame_equal(days, hours)
    assert kb.event_retention(trials, window="1W").hours == 168


def test_who_came_before_recording_began_is_left_out() -> None:
    rows = [("a", "2024-01-10", "x"), ("b", "2024-01-11", "x"), ("b", "2024-01-12 10:00", "x")]
    people = pd.DataFrame({"customer_id": ["a", "b"], "acquired_at": ["2020-01-01", "2024-01-11"]})
    result = kb.event_retention(opened(rows, "2024-02-01", customers=people))
    assert (result.counts.customers, result.counts.left_out) == (1, 1)
    assert "left out: 1 customer who came before recording began" in result.definition
    assert result.rate(1).n == 1
    early = opened(rows[:1], "2024-02-01", customers=people)
    with pytest.raises(kb.NotEnoughData, match="no event of anybody who came after recording began"):
        kb.event_retention(early)


# -- properties ------------------------------------------------------------------------------------

LOGS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 24 * 75), st.sampled_from(["a", "b", "c", None])),
    min_size=1,
    max_size=40,
)


def _dataset(log: list[tuple[int, int, str | None]], end: int, *, instants: bool = False) -> kb.Dataset:
    rows = [(who, FIRST + timedelta(hours=hour), kind) for who, hour, kind in log]
    data = pd.DataFrame(rows, columns=["customer_id", "timestamp", "kind"]).astype({"kind": "object"})
    if instants:
        data["timestamp"] = data["timestamp"].dt.tz_localize("UTC")
    zone = "America/New_York" if instants else None  # clocks change on the tenth of March
    first = min(hour for _, hour, _ in log)
    return kb.open_dataset({"events": data}, as_of=FIRST + timedelta(hours=first + end), timezone=zone)


@settings(max_examples=60, deadline=None)
@given(LOGS, st.integers(24, 24 * 80), st.sampled_from(["day", "week", "month"]), st.booleans())
def test_any_event_by_calendar_is_cohort_retention(
    log: list[tuple[int, int, str | None]], end: int, period: str, instants: bool
) -> None:
    data = _dataset(log, end, instants=instants)
    frame = kb.event_retention(data, window=period).to_frame()
    record = kb.activity(data, period=period)
    for kind, share, count in (("on", "retention", "returned"), ("on_or_after", "on_or_after", "returned_or_later")):
        ours = frame[["age", "at_risk", count, share, f"{share}_ci_lower", f"{share}_ci_upper"]]
        pooled = kb.cohort_retention(record, kind=kind).pooled()
        pd.testing.assert_frame_equal(ours.iloc[1:].set_axis(pooled.columns, axis=1), pooled.iloc[1:], check_exact=True)
        assert ours["at_risk"].tolist() == pooled["at_risk"].tolist()


def _oracle(
    data: kb.Dataset, start: str | None, returns: str | None, times: int, hours: int
) -> tuple[list[int], list[int], list[int]]:
    """At risk, on, on or after, by one customer at a time."""
    log = data.table("events").sort_values("timestamp")
    log = log[log["timestamp"] < data.as_of]
    width, spans = timedelta(hours=hours), []
    for _, rows in log.groupby("customer_id"):
        began = rows.loc[(rows["kind"] == start) | (start is None), "timestamp"]
        if not len(began):
            continue
        t0 = began.min()
        lived = (data.as_of - t0) // width
        back = rows.loc[((rows["kind"] == returns) | (returns is None)) & (rows["timestamp"] > t0), "timestamp"]
        counted = Counter((t - t0) // width for t in back)
        spans.append(
            (lived, -((t0 - data.as_of) // width), {k for k, n in counted.items() if n >= times and k < lived})
        )
    ages = range(max((begun for _, begun, _ in spans), default=0))
    return (
        [sum(lived > k for lived, _, _ in spans) for k in ages],
        [sum(lived > k and k in hits for lived, _, hits in spans) for k in ages],
        [sum(lived > k and any(hit >= k for hit in hits) for lived, _, hits in spans) for k in ages],
    )


@settings(max_examples=80, deadline=None)
@given(
    LOGS,
    st.integers(24, 24 * 80),
    st.sampled_from([None, "a"]),
    st.sampled_from([None, "a", "b"]),
    st.integers(1, 3),
    st.sampled_from([1, 24, 100, 168]),
)
def test_rolling_windows_are_those_of_a_plain_count(
    log: list[tuple[int, int, str | None]], end: int, start: str | None, returns: str | None, times: int, hours: int
) -> None:
    log = [(1, log[0][1], "a"), (1, log[0][1], "b"), *log]
    data = _dataset(log, end)
    at_risk, on, ever = _oracle(data, start, returns, times, hours)
    if not at_risk:
        with pytest.raises(kb.NotEnoughData, match="no event of kind a before as_of"):
            kb.event_retention(data, start=start, returns=returns, window=f"{hours}h")
        return
    result = kb.event_retention(data, start=start, returns=returns, times=times, window=f"{hours}h")
    assert result.counts.at_risk.tolist() == [at_risk]
    assert result.counts.on.tolist() == [on]
    assert result.counts.on_or_after.tolist() == [ever]
    frame = result.to_frame()
    assert (frame["returned"].isna() == (frame["at_risk"] == 0)).all()
    known = frame[frame["at_risk"] > 0]
    assert (known["retention"] <= known["on_or_after"]).all()
    more = kb.event_retention(data, start=start, returns=returns, times=times + 1, window=f"{hours}h").counts
    assert (more.at_risk == result.counts.at_risk).all()
    assert (more.on <= result.counts.on).all()
    assert (more.on_or_after <= result.counts.on_or_after).all()


# -- what it says, and wrong arguments ---------------------------------------------------------------


def test_event_retention_says_what_it_counts(trials: kb.Dataset) -> None:
    result = kb.event_retention(trials, start="trial", returns=["order", "visit"], times=2, window="7D")
    assert result.definition.startswith(
        "customers with at least 2 events of kind order, visit in window k (on_or_after: in window k or any later one "
        "that is over), divided by all customers whose window k is over; t is the moment of the customer's first event "
        "of kind trial, window k runs from t + k times 7 days up to t + (k + 1) times 7 days; only what is later than"
    )
    assert "after that of the customer's first event;" in kb.event_retention(trials, window="month").definition
    assert repr(result) == "EventRetention(dataset: 3 customers)".replace("dataset", trials.name)
    assert repr(kb.event_retention(trials, start="trial", returns="order")).endswith("50% came back in window 1 (24h))")
    assert result.definition.replace("'", "&#x27;") in result._repr_html_()


def test_rate_of_one_window(trials: kb.Dataset) -> None:
    result = kb.event_retention(trials, start="trial", returns="order")
    assert (result.rate(1).count, result.rate(1).n) == (1, 2)
    assert result.rate(1, kind="on_or_after").count == 2
    assert np.isnan(result.rate(4).value)
    assert np.isnan(result.rate(10**9).value)
    with pytest.raises(kb.ArgumentError, match="age=-1 is not possible"):
        result.rate(-1)
    with pytest.raises(kb.ArgumentError, match="kind='onn' is not known; did you mean 'on'"):
        result.rate(1, kind="onn")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": "trail"}, "start='trail' is no kind of event; did you mean 'trial'\\? kinds: order, trial, visit"),
        ({"returns": ["order", "x"]}, "returns='x' is no kind of event; kinds: order, trial, visit"),
        ({"returns": []}, "returns is empty; allowed: a kind of event, a list of kinds, or None"),
        ({"start": 3}, "start=3 is no kind of event; allowed: a kind, a list of kinds, or None"),
        ({"times": 0}, "times=0 is not possible; allowed: whole numbers from 1 to 1000000"),
        ({"window": "1 month"}, "window='1 month' is no window; allowed: hours, days or weeks such as '24h', '7D'"),
        ({"window": "0h"}, "window='0h' is no window"),
        ({"window": "quarter"}, "window='quarter' is no window; .*calendar periods 'day', 'week', 'month'"),
        ({"by": "plann"}, "by='plann' is no column; did you mean 'plan'"),
        ({"conf_level": 95}, "conf_level=95 is not a confidence level"),
    ],
)
def test_wrong_arguments_are_refused(trials: kb.Dataset, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.event_retention(trials, **wrong)


def test_windows_too_many_to_read_are_refused() -> None:
    data = opened([("a", "2000-01-01", "x"), ("a", "2024-01-01", "x")], "2024-02-01")
    with pytest.raises(kb.ArgumentError, match=r"211,128 windows of 1 h are too many"):
        kb.event_retention(data, window="1h")


def test_data_without_events_or_kinds_is_not_enough(toy: kb.Dataset) -> None:
    with pytest.raises(kb.NotEnoughData, match="has no column kind; name it by mapping="):
        kb.event_retention(toy, start="trial")
    contracts = pd.DataFrame({"customer_id": [1], "start": ["2024-01-01"]})
    with pytest.raises(kb.NotEnoughData, match="this needs a table 'events'"):
        kb.event_retention(kb.open_dataset({"subscriptions": contracts}))
    late = opened([("a", "2024-01-01", "y"), ("a", "2024-01-03", "x")], "2024-01-05").assuming(as_of="2024-01-02")
    with pytest.raises(kb.NotEnoughData, match="holds no event of kind x before as_of"):
        kb.event_retention(late, start="x")
    with pytest.raises(kb.ArgumentError, match="data of type str is no data set"):
        kb.event_retention("events.csv")  # type: ignore[arg-type]


# -- drawn -----------------------------------------------------------------------------------------


def test_event_retention_draws_itself_without_windows_not_lived(trials: kb.Dataset) -> None:
    result = kb.event_retention(trials, start="trial", returns="order", window="day")
    axes = result.plot()
    assert axes.get_title(loc="left") == "Share of customers that came back, by calendar days"
    assert alt_text(axes).endswith("0: 33.3% of 3; 1: 33.3% of 3; 2: 50.0% of 2; 3: 0.0% of 1.")
    assert axes.lines[0].get_xdata().tolist() == [0, 1, 2, 3]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["At risk", "3", "3", "2", "1"]
    later = result.plot(kind="on_or_after", lang="de")
    assert "dann oder später wiederkamen, nach Tagen" in later.get_title(loc="left").replace("\n", " ")
    grouped = kb.event_retention(trials, start="trial", returns="order", by="plan").plot(until=1)
    assert "l: 0: 0.0% of 2; 1: 0.0% of 1. s: 0: 100.0% of 1" in alt_text(grouped)
    assert "windows of 24 hours" in alt_text(grouped)
    with pytest.raises(kb.ArgumentError, match="kind='heatmap' is not known"):
        result.plot(kind="heatmap")
    plt.close("all")
