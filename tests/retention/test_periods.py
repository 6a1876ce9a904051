from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.retention.period_rates import LateChange, PeriodRates, late_change
from kbind.retention.rates import rescale_churn

QUARTERS = (("2024-01-01", "2024-03-31"), ("2024-04-01", "2024-06-30"), ("2024-07-01", "2024-09-30"))


def rates(*counts: tuple[int, int, int], days: tuple[tuple[str, str], ...] = QUARTERS) -> PeriodRates:
    rows = [(*days[i], *row) for i, row in enumerate(counts)]
    frame = pd.DataFrame(rows, columns=["first_day", "last_day", "customers_start", "gained", "lost"])
    return kb.period_rates(kb.open_dataset({"periods": frame}))


def test_period_rates_of_the_worked_examples() -> None:
    """Start 20, +5, -1: 95 %; start 44, +12, -13: 70.45 % (examples of the articles the project began with).

    Limits: Wilson's formula by hand, k = 19 of 20 and 31 of 44 with z = 1.959964.
    """
    frame = rates((20, 5, 1), (44, 12, 13)).to_frame()
    assert frame["customers_end"].tolist() == [24, 43]
    assert frame["retention"].tolist() == [0.95, 31 / 44]
    assert frame["churn"].to_numpy() == pytest.approx([0.05, 13 / 44], abs=1e-15)
    assert frame["retention_ci_lower"].to_numpy() == pytest.approx([0.7638688, 0.5577980], abs=1e-7)
    assert frame["retention_ci_upper"].to_numpy() == pytest.approx([0.9911186, 0.8184447], abs=1e-7)
    assert frame["churn_ci_upper"].to_numpy() == pytest.approx(1 - frame["retention_ci_lower"].to_numpy(), abs=1e-15)


def test_period_rates_over_a_year_by_hand() -> None:
    """A calendar year is itself, leap year or not; a quarter of 91 days in a year of 366."""
    years = (("2023-01-01", "2023-12-31"), ("2024-01-01", "2024-12-31"))
    frame = rates((100, 0, 30), (100, 0, 30), days=years).to_frame()
    assert frame["churn_year"].to_numpy() == pytest.approx([0.3, 0.3], abs=1e-15)
    quarter = rates((20, 5, 1)).to_frame()
    assert quarter["churn_year"].iloc[0] == pytest.approx(1 - 0.95 ** (366 / 91), abs=1e-15)
    leap = rates((100, 0, 10), days=(("2024-02-29", "2025-02-27"),)).to_frame()
    assert leap["churn_year"].iloc[0] == pytest.approx(0.1, abs=1e-15)  # up to 28 February, which is not in it


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6), st.floats(0, 1)), min_size=1, max_size=3),
    st.integers(1, 800),
)
def test_period_rates_are_those_of_the_single_window(counts: list[tuple[int, int, float]], length: int) -> None:
    days, first = [], date(2020, 1, 1)
    for _ in counts:
        days.append((str(first), str(first + timedelta(days=length - 1))))
        first += timedelta(days=length)
    rows = [(start, gained, int(share * start)) for start, gained, share in counts]
    found = rates(*rows, days=tuple(days))
    frame = found.to_frame()
    for i, (start, gained, lost) in enumerate(rows):
        end = start + gained - lost
        stay = kb.retention_rate(start=start, end=end, gained=gained)
        leave = kb.retention_rate(start=start, end=end, gained=gained).churn
        row = frame.iloc[i]
        assert found.rate(i) == pytest.approx(found.rate(i))
        for name, rate in (("retention", stay), ("churn", leave)):
            limits = [row[f"{name}{end}"] for end in ("", "_ci_lower", "_ci_upper")]
            assert limits == pytest.approx([rate.value, *rate.interval], abs=1e-12)
        year = (pd.Timestamp(days[i][0]) + pd.DateOffset(years=1) - pd.Timestamp(days[i][0])).days
        whole = rescale_churn(leave, days_from=length, days_to=year)
        limits = [row[f"churn_year{end}"] for end in ("", "_ci_lower", "_ci_upper")]
        assert limits == pytest.approx([whole.value, *whole.interval], abs=1e-9)
        again = found.year(found.rate(i), i)
        assert [1 - again.value, 1 - again.ci_upper, 1 - again.ci_lower] == pytest.approx(limits, abs=1e-9)


def test_pooled_adds_up_periods_of_one_length() -> None:
    found = rates((100, 0, 10), (200, 0, 50), (0, 40, 0))
    assert (found.kind, found.alike) == ("quarter", True)
    whole = found.pooled()
    assert (whole.value, whole.count, whole.n) == (0.8, 240, 300)
    assert found.pooled(0, 1).value == 0.9


def test_pooled_is_unknown_for_periods_of_different_length() -> None:
    days = (("2024-01-01", "2024-03-31"), ("2024-04-01", "2024-04-30"))
    found = rates((100, 0, 10), (200, 0, 50), days=days)
    assert (found.kind, found.alike) == ("", False)
    assert np.isnan(found.pooled().value)
    assert np.isnan(found.year(found.pooled()).value)


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [
        ("2024-02-01", "2024-02-29", "month"),
        ("2024-04-01", "2024-06-30", "quarter"),
        ("2024-01-01", "2024-12-31", "year"),
        ("2024-01-01", "2024-01-07", "week"),
        ("2024-01-02", "2024-01-08", ""),  # from Tuesday
        ("2024-02-01", "2024-04-30", ""),  # three months, but no quarter
        ("2024-01-01", "2024-06-30", ""),
        ("2024-02-01", "2025-01-31", ""),
    ],
)
def test_kind_of_period(first: str, last: str, kind: str) -> None:
    assert rates((20, 5, 1), days=((first, last),)).kind == kind


def test_half_years_are_alike_without_a_name() -> None:
    days = (("2024-01-01", "2024-06-30"), ("2024-07-01", "2024-12-31"))
    found = rates((20, 5, 1), (24, 5, 1), days=days)
    assert (found.kind, found.alike) == ("", True)
    assert found.pooled().n == 44


def test_period_rates_without_anybody_at_the_start_are_unknown() -> None:
    row = rates((0, 5, 0)).to_frame().iloc[0]
    assert row[["retention", "retention_ci_lower", "churn", "churn_year"]].isna().all()
    assert row["customers_end"] == 5


def test_revenue_by_hand_and_unknown_where_not_given() -> None:
    """Ten customers at 10: one leaves, one shrinks to 5, one grows to 20: GRR 85 %, NRR 95 %."""
    frame = pd.DataFrame(
        {
            "first_day": ["2024-04-01", "2024-01-01", "2024-07-01"],
            "last_day": ["2024-06-30", "2024-03-31", "2024-09-30"],
            "customers_start": [10, 10, 10],
            "gained": 0,
            "lost": 1,
            "revenue_start": [100.0, None, 0.0],
            "revenue_lost": [10.0, None, 0.0],
            "revenue_contraction": [5.0, None, 0.0],
            "revenue_expansion": [10.0, None, 0.0],
        }
    )
    found = kb.period_rates(kb.open_dataset({"periods": frame})).to_frame()
    assert found["first_day"].tolist() == [date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1)]
    assert found["grr"].to_numpy() == pytest.approx([np.nan, 0.85, np.nan], nan_ok=True)
    assert found["nrr"].to_numpy() == pytest.approx([np.nan, 0.95, np.nan], nan_ok=True)


def test_reasons_are_added_up_over_periods() -> None:
    data = kb.datasets.load_counts()
    reasons = kb.period_rates(data).reasons
    assert reasons.iloc[0].tolist() == ["Price", 135]
    assert reasons["customers"].is_monotonic_decreasing


def test_period_rates_need_the_table(toy: kb.Dataset) -> None:
    with pytest.raises(kb.NotEnoughData, match="needs a table 'periods'"):
        kb.period_rates(toy)
    with pytest.raises(kb.ArgumentError, match="data of type str is no data set; open it first"):
        kb.period_rates("filled.xlsx")
    with pytest.raises(kb.ArgumentError, match="conf_level=95"):
        kb.period_rates(kb.datasets.load_counts(), conf_level=95)


def _changes(rng: np.random.Generator, stay: list[float], runs: int) -> list[LateChange]:
    firsts = pd.date_range("2022-01-01", periods=len(stay), freq="QS")
    frame = pd.DataFrame({"first_day": firsts, "last_day": firsts + pd.offsets.QuarterEnd(), "customers_start": 450,
                          "gained": 0, "lost": 0})  # fmt: skip
    rates, found = kb.period_rates(kb.open_dataset({"periods": frame})), []
    for _ in range(runs):
        lost = 450 - rng.binomial(450, stay)
        change = late_change(replace(rates, counts=rates.counts.assign(lost=lost)))
        assert change is not None
        found.append(change)
    return found


def test_late_change_is_seldom_found_where_nothing_changed_and_mostly_where_it_did() -> None:
    """Nominal is 5 % in both directions together; planted are two worse quarters, 86 instead of 92 of 100."""
    rng = np.random.default_rng(7)
    calm = _changes(rng, [0.92] * 8, 150)
    assert np.mean([change.chance < 0.05 for change in calm]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)
    worse = _changes(rng, [0.92] * 6 + [0.86] * 2, 40)
    assert np.mean([change.chance < 0.05 and change.late.value < change.before.value for change in worse]) > 0.9


def test_late_change_by_hand() -> None:
    """876 of 985 against 2,485 of 2,695: all tables with these margins that are no likelier, doubled for two looks."""
    change = late_change(kb.period_rates(kb.datasets.load_counts()))
    assert change is not None
    assert (change.periods, change.late.count, change.late.n, change.before.count, change.before.n) == (
        2, 876, 985, 2485, 2695,
    )  # fmt: skip
    ways = [comb(985, lost) * comb(2695, 319 - lost) for lost in range(320)]
    exact = sum(way for way in ways if way <= ways[109]) / comb(3680, 319)
    assert change.chance == pytest.approx(2 * exact)


def test_late_change_needs_an_earlier_period_of_the_same_length() -> None:
    one = pd.DataFrame({"first_day": ["2024-01-01"], "last_day": ["2024-03-31"], "customers_start": [100],
                        "gained": [0], "lost": [9]})  # fmt: skip
    assert late_change(kb.period_rates(kb.open_dataset({"periods": one}))) is None
