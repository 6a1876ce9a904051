"""Ends of contracts that are their last day: recognised, declared, asked for, and moved."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import kbind as kb

Row = tuple[Any, Any, Any]
DAY = pd.Timedelta(days=1)


def opened(rows: list[Row], as_of: str = "2024-01-01", **options: Any) -> kb.Dataset:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"]).assign(mrr=10.0)
    return kb.open_dataset({"subscriptions": frame}, as_of=as_of, **options)


def terms(step: Any, gap: Any = DAY, customers: int = 6, n: int = 5, first: str = "2023-01-10") -> list[Row]:
    """Contracts of customers who begin on different days and renew, each ending a gap before the next."""
    rows: list[Row] = []
    for k in range(customers):
        start = pd.Timestamp(first) + pd.Timedelta(days=k)
        for _ in range(n):
            following = start + step
            rows.append((k, start, following - gap))
            start = following
    return rows


def ends(data: kb.Dataset) -> list[pd.Timestamp]:
    return list(data.table("subscriptions")["end"])


@pytest.mark.parametrize(
    "step", [pd.DateOffset(months=1), pd.DateOffset(weeks=1), pd.DateOffset(weeks=2), pd.DateOffset(years=1)]
)
def test_renewals_on_the_day_after_show_that_ends_are_last_days(step: Any) -> None:
    rows = terms(step, n=3)
    data = opened(rows, as_of=str(rows[-1][2].date() + 9 * DAY))
    assert ends(data) == [end + pd.Timedelta(days=1) for _, _, end in rows]
    (note,) = data.notes
    assert "12 of 12 contracts that another one follows are followed on the day after their end" in note
    assert "18 of 18 ends count as the start of the day after" in note
    assert "ends: exclusive" in note
    assert ends(opened(rows, as_of=str(rows[-1][2].date() + 9 * DAY), ends="exclusive")) == [end for _, _, end in rows]
    assert opened(rows, as_of=str(rows[-1][2].date() + 9 * DAY), ends="exclusive").notes == ()


def test_renewals_on_the_same_day_show_that_ends_are_exclusive() -> None:
    rows = terms(pd.DateOffset(months=1), gap=pd.Timedelta(0))
    assert ends(opened(rows)) == [end for _, _, end in rows]
    assert opened(rows).notes == ()


@pytest.mark.parametrize("step", [pd.DateOffset(months=1), pd.DateOffset(weeks=1), pd.DateOffset(years=1)])
def test_without_renewals_the_terms_show_it(step: Any) -> None:
    last = terms(step, n=1)
    assert ends(opened(last, as_of="2025-01-01")) == [end + pd.Timedelta(days=1) for _, _, end in last]
    first = terms(step, gap=pd.Timedelta(0), n=1)
    assert ends(opened(first, as_of="2025-01-01")) == [end for _, _, end in first]
    assert opened(first, as_of="2025-01-01").notes == ()


def test_ends_on_the_last_day_of_a_month_are_last_days() -> None:
    rows = [(k, f"2023-01-{10 + k}", f"2023-0{2 + k}-{28 if k == 0 else 31 if k % 2 else 30}") for k in range(6)]
    data = opened(rows)
    assert [end.day for end in ends(data)] == [1] * 6
    assert "6 of 6 contracts end on the last day of a calendar month" in data.notes[0]


def test_ends_in_the_last_minute_of_a_day_are_last_days() -> None:
    rows = terms(pd.DateOffset(months=1), gap=pd.Timedelta(seconds=1), n=2)
    data = opened(rows)
    assert ends(data) == [end + pd.Timedelta(seconds=1) for _, _, end in rows]
    assert "12 of 12 contracts end in the last minute of a day" in data.notes[0]


def test_ends_with_a_clock_time_are_moments() -> None:
    rows = [
        (k, start + pd.Timedelta(hours=9), end + pd.Timedelta(hours=9))
        for k, start, end in terms(pd.DateOffset(months=1))
    ]
    assert ends(opened(rows)) == [end for _, _, end in rows]
    data = opened([*rows, (99, pd.Timestamp("2023-01-05"), pd.Timestamp("2023-01-31"))], ends="inclusive")
    assert ends(data)[-1] == pd.Timestamp("2023-02-01")
    assert ends(data)[:-1] == [end for _, _, end in rows]
    assert "1 of 31 ends count as the start of the day after; 30 with a clock time stay as they are" in data.notes[0]


def test_a_few_days_in_between_settle_nothing_and_are_asked_for() -> None:
    rows = [("a", "2023-01-10", "2023-02-09"), ("a", "2023-02-10", "2023-03-04"), ("b", "2023-01-05", "2023-04-17")]
    data = opened(rows)
    assert ends(data) == [pd.Timestamp(end) for _, _, end in rows]
    assert "1 of 1 contracts that another one follows are followed on the day after their end" in data.notes[0]
    assert "declare ends: inclusive; else ends: exclusive" in data.notes[0]
    assert ends(opened(rows, ends="inclusive"))[0] == pd.Timestamp("2023-02-10")


def test_both_ways_of_writing_settle_nothing() -> None:
    rows = terms(pd.DateOffset(months=1)) + [
        (k + 100, s, e) for k, s, e in terms(pd.DateOffset(months=1), gap=pd.Timedelta(0))
    ]
    data = opened(rows)
    assert ends(data) == [end for _, _, end in rows]
    assert "24 of 48 contracts" in data.notes[0]


def test_ends_at_any_time_after_the_start_are_left_alone() -> None:
    rows = [(k, f"2023-01-{1 + k:02}", f"2023-0{2 + k % 7}-{3 + 2 * k:02}") for k in range(12)]
    assert opened(rows).notes == ()
    assert ends(opened(rows)) == [pd.Timestamp(end) for _, _, end in rows]


def test_days_of_another_zone_are_those_on_the_wall() -> None:
    rows = terms(pd.DateOffset(months=1))
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    zone = "America/New_York"
    there = frame.assign(start=frame["start"].dt.tz_localize(zone), end=frame["end"].dt.tz_localize(zone))
    data = kb.open_dataset({"subscriptions": there}, as_of="2024-01-01", timezone=zone)
    moved = [end.tz_convert(zone).tz_localize(None) for end in data.table("subscriptions")["end"]]
    assert moved == [end + pd.Timedelta(days=1) for _, _, end in rows]
    mixed = kb.open_dataset({"subscriptions": there.assign(end=frame["end"])}, as_of="2024-01-01", timezone=zone)
    assert [end.tz_convert(zone).tz_localize(None) for end in mixed.table("subscriptions")["end"]] == moved


def test_the_end_of_the_term_goes_with_the_end() -> None:
    rows = terms(pd.DateOffset(months=1))
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    alike = kb.open_dataset({"subscriptions": frame.assign(term_end=frame["end"])}, as_of="2024-01-01")
    table = alike.table("subscriptions")
    assert (table["term_end"] == table["end"]).all()
    other = frame.assign(term_end=pd.Timestamp("2025-01-01"))
    table = kb.open_dataset({"subscriptions": other}, as_of="2024-01-01").table("subscriptions")
    assert (table["term_end"] == pd.Timestamp("2025-01-01")).all()


def test_a_contract_of_one_day_is_a_day_long() -> None:
    rows = [*terms(pd.DateOffset(months=1)), (99, pd.Timestamp("2023-03-05"), pd.Timestamp("2023-03-05"))]
    found = kb.durations(opened(rows)).to_frame()
    assert found["duration"].min() == pytest.approx(1 / 31)


def test_nobody_has_left_at_the_end_of_renewed_terms() -> None:
    """Terms from a day to the day before it a month later; data complete up to the end of the last ones."""
    rows = [(k, s, e) for k, s, e in terms(pd.DateOffset(months=1), first="2023-01-01", customers=1, n=6)]
    rows = [(c, s, e) for c in range(8) for _, s, e in rows]
    data = opened(rows, as_of="2023-07-01")
    assert kb.durations(data).events == 0
    frame = kb.revenue_retention(data).to_frame()
    assert frame["churn"].tolist() == [0] * 6
    assert frame["n_open"].tolist() == [0, 0, 0, 0, 0, 8]
    weeks = kb.revenue_retention(data, period="week").to_frame()
    assert weeks[["churn", "reactivation"]].to_numpy().sum() == 0
    assert kb.lifecycle(data).to_frame()["churned"].sum() == 0
    found = kb.snapshots(opened(rows, as_of="2023-07-02"), as_of="2023-05-15", lead="0D", horizon="48D")
    assert pd.isna(found.target).all()  # it is open whether they renew
    assert "target unknown: 8 snapshots" in found.notes[-1]
