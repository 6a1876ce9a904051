from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.dataset.groups import encode_groups
from kbind.retention.rates import rescale_churn

COLUMNS = [
    "cohort", "age", "cohort_size", "at_risk", "active",
    "retention", "retention_ci_lower", "retention_ci_upper",
]  # fmt: skip


# -- by hand ---------------------------------------------------------------------------------------


def test_cohort_retention_toy(toy: kb.Dataset) -> None:
    frame = kb.cohort_retention(kb.activity(toy)).to_frame()
    assert list(frame.columns) == COLUMNS
    active = frame.pivot(index="cohort", columns="age", values="active")
    nan = np.nan
    expected = [[3, 1, 2, 1], [2, 1, 1, nan], [nan, nan, nan, nan], [1, nan, nan, nan]]
    np.testing.assert_array_equal(active.to_numpy(), expected)
    at_risk = frame.pivot(index="cohort", columns="age", values="at_risk").to_numpy()
    np.testing.assert_array_equal(at_risk, [[3, 3, 3, 3], [2, 2, 2, 0], [0, 0, 0, 0], [1, 0, 0, 0]])


def test_cohort_retention_on_or_after_toy(toy: kb.Dataset) -> None:
    frame = kb.cohort_retention(kb.activity(toy), kind="on_or_after").to_frame()
    active = frame.pivot(index="cohort", columns="age", values="active").to_numpy()
    np.testing.assert_array_equal(active[0], [3, 2, 2, 1])
    np.testing.assert_array_equal(active[1], [2, 2, 1, np.nan])


def test_cohort_retention_bracket_toy(toy: kb.Dataset) -> None:
    frame = kb.cohort_retention(kb.activity(toy), bracket=(1, 2)).to_frame()
    assert frame["age"].tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(frame["active"], [2, 2, np.nan, np.nan])  # March and April have not lived age 2
    assert frame["at_risk"].tolist() == [3, 2, 0, 0]


def test_pooled_toy(toy: kb.Dataset) -> None:
    pooled = kb.cohort_retention(kb.activity(toy)).pooled()
    assert list(pooled.columns) == ["age", *COLUMNS[3:]]
    assert pooled["at_risk"].tolist() == [6, 5, 5, 3]
    assert pooled["active"].tolist() == [6, 2, 3, 1]
    without = kb.cohort_retention(kb.activity(toy)).pooled(exclude=["2024-01"])
    assert without["at_risk"].tolist() == [3, 2, 2, 0]
    assert np.isnan(without["retention"].iloc[3])


def test_pooled_unknown_cohort(toy: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="'2024-1' is no cohort; did you mean '2024-01'"):
        kb.cohort_retention(kb.activity(toy)).pooled(exclude=["2024-1"])
    with pytest.raises(kb.ArgumentError, match="exclude='2024-01' is no list of cohorts; allowed: such as"):
        kb.cohort_retention(kb.activity(toy)).pooled(exclude="2024-01")


def test_lifecycle_toy(toy: kb.Dataset) -> None:
    frame = kb.lifecycle(kb.activity(toy)).to_frame()
    assert list(frame.columns) == ["period", "new", "retained", "resurrected", "churned", "active"]
    assert frame.to_numpy().tolist() == [
        ["2024-01", 3, 0, 0, 0, 3],
        ["2024-02", 2, 1, 0, 2, 3],
        ["2024-03", 0, 2, 1, 1, 3],
        ["2024-04", 1, 1, 1, 2, 3],
    ]


def test_unlived_period_is_unknown_and_not_zero(toy: kb.Dataset) -> None:
    early = kb.open_dataset({"events": toy.table("events")}, as_of="2024-04-20")
    frame = kb.cohort_retention(kb.activity(early)).to_frame().set_index(["cohort", "age"])
    assert frame.loc[("2024-01", 3), "at_risk"] == 0
    assert frame.loc[("2024-01", 3), ["active", "retention", "retention_ci_lower", "retention_ci_upper"]].isna().all()
    assert frame.loc[("2024-04", 0), "cohort_size"] == 1
    assert kb.lifecycle(kb.activity(early)).to_frame()["period"].tolist() == ["2024-01", "2024-02", "2024-03"]


def test_running_period_counts_for_nobody_on_or_after(toy: kb.Dataset) -> None:
    # in April, not over on the 20th, a and e come: that must not make them "retained in March or later"
    early = kb.open_dataset({"events": toy.table("events")}, as_of="2024-04-20")
    frame = kb.cohort_retention(kb.activity(early), kind="on_or_after").to_frame().set_index(["cohort", "age"])
    assert frame.loc[("2024-02", 1), "active"] == 1  # d in March; e comes only in April


def test_groups_toy(toy: kb.Dataset) -> None:
    frame = kb.cohort_retention(kb.activity(toy, by="plan")).pooled()
    assert frame.columns[0] == "plan"
    first = frame[frame["age"] == 0]
    assert list(zip(first["plan"], first["at_risk"], strict=True)) == [("l", 3), ("s", 2), (None, 1)]
    cycle = kb.lifecycle(kb.activity(toy, by="plan")).to_frame()
    assert cycle.groupby("period")["active"].sum().tolist() == [3, 3, 3, 3]


# -- against published and independent values ------------------------------------------------------------


def test_cohort_example_equals_r(lifetimes_csv: Path, golden: dict[str, Any]) -> None:
    case = golden["cohort_example"]
    data = kb.open_dataset(lifetimes_csv, table="events", mapping={"customer_id": "id", "timestamp": "date"})
    record = kb.activity(data)
    on, ever = kb.cohort_retention(record), kb.cohort_retention(record, kind="on_or_after")
    assert data.tables["events"].rows == case["n_rows"]
    assert record.customers == case["n_customers"]
    sizes = on.to_frame().drop_duplicates("cohort")["cohort_size"].tolist()
    assert sizes == case["cohort_sizes"]
    np.testing.assert_allclose(on.pooled()["retention"], case["n_month_retention"], atol=case["tolerance"])
    np.testing.assert_allclose(ever.pooled()["retention"], case["unbounded_retention"], atol=case["tolerance"])
    cycle = kb.lifecycle(record).to_frame().rename(columns={"period": "month"})
    assert cycle.to_dict("records") == case["lifecycle"]


def test_grocery_equals_figures_counted_with_pandas(grocery: kb.Dataset) -> None:
    """The same numbers by the plainest route: convert every row, cross-tabulate."""
    local = grocery.table("events")["timestamp"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    table = pd.DataFrame({"id": grocery.table("events")["customer_id"], "m": local.dt.month - 1}).drop_duplicates()
    first = table.groupby("id")["m"].transform("min")
    cells = pd.crosstab(first, table["m"] - first)
    record = kb.activity(grocery)
    frame = kb.cohort_retention(record).to_frame()
    mine = frame.pivot(index="cohort", columns="age", values="active").fillna(0).to_numpy()
    np.testing.assert_array_equal(mine, cells.to_numpy())
    assert record.customers == 2469
    assert frame["cohort_size"].iloc[0] == 1983


# -- what always holds ------------------------------------------------------------------------------------

days = st.integers(0, 420)
logs = st.lists(st.tuples(st.integers(0, 7), days), min_size=1, max_size=60)
periods = st.sampled_from(["day", "week", "month", "quarter", "year"])
START = pd.Timestamp("2023-11-13")


def _data(log: list[tuple[int, int]], as_of: int | None = None) -> kb.Dataset:
    frame = pd.DataFrame(log, columns=["customer_id", "day"])
    frame["timestamp"] = START + pd.to_timedelta(frame.pop("day"), unit="D") + pd.Timedelta(hours=13)
    return kb.open_dataset({"events": frame}, as_of=None if as_of is None else START + pd.Timedelta(days=as_of))


@settings(deadline=None, max_examples=15)
@given(logs, periods)
def test_on_or_after_is_never_below_on(log: list[tuple[int, int]], period: str) -> None:
    record = kb.activity(_data(log), period=period)
    on = kb.cohort_retention(record).to_frame()
    ever = kb.cohort_retention(record, kind="on_or_after").to_frame()
    lived = on["at_risk"] > 0
    assert (on["at_risk"] == ever["at_risk"]).all()
    assert (ever.loc[lived, "active"] >= on.loc[lived, "active"]).all()
    assert (on.loc[lived, "active"] <= on.loc[lived, "cohort_size"]).all()


@settings(deadline=None, max_examples=15)
@given(logs, periods)
def test_life_cycle_adds_up(log: list[tuple[int, int]], period: str) -> None:
    frame = kb.lifecycle(kb.activity(_data(log, as_of=800), period=period)).to_frame()
    assert (frame["active"] == frame["new"] + frame["retained"] + frame["resurrected"]).all()
    before = frame["active"].shift(fill_value=0)
    assert (frame["active"] == before - frame["churned"] + frame["new"] + frame["resurrected"]).all()
    assert frame["new"].sum() == len({customer for customer, _ in log})
    assert (frame.drop(columns="period") >= 0).all(axis=None)


@settings(deadline=None, max_examples=15)
@given(logs, st.integers(1, 420), st.sampled_from(["week", "month"]), st.sampled_from([None, (1, 2), (0, 3)]))
def test_truncating_changes_no_settled_cell(log: list, cut: int, period: str, bracket: Any) -> None:
    if all(day >= cut for _, day in log):
        return
    later = kb.cohort_retention(kb.activity(_data(log, as_of=800), period=period), bracket=bracket).to_frame()
    early = kb.cohort_retention(kb.activity(_data(log, as_of=cut), period=period), bracket=bracket).to_frame()
    settled = early[early["at_risk"] > 0]
    both = settled.merge(later, on=["cohort", "age"], suffixes=("", "_later"), how="left")
    assert (both["active"] == both["active_later"]).all()
    assert (both["at_risk"] == both["at_risk_later"]).all()


@settings(deadline=None, max_examples=15)
@given(logs, st.randoms(use_true_random=False), periods)
def test_order_of_rows_and_names_of_customers_do_not_matter(log: list, random: Any, period: str) -> None:
    shuffled = [(customer, day) for customer, day in log]
    random.shuffle(shuffled)
    names = {customer: f"k{customer * 7919 % 101}" for customer, _ in log}
    renamed = [(names[customer], day) for customer, day in shuffled]
    expected = kb.cohort_retention(kb.activity(_data(log), period=period)).to_frame()
    actual = kb.cohort_retention(kb.activity(_data(renamed), period=period)).to_frame()
    pd.testing.assert_frame_equal(actual, expected)


def test_groups_of_which_a_scan_found_none() -> None:
    nothing = pa.chunked_array([pa.nulls(2), pa.nulls(1)])  # in parts, as several threads leave it
    groups, code = encode_groups(pa.table({"kind": nothing}), ["kind"])
    assert groups == ((None,),)
    assert code.tolist() == [0, 0, 0]


@settings(deadline=None, max_examples=15)
@given(logs, st.lists(st.sampled_from(["x", "y", None]), min_size=8, max_size=8))
def test_groups_add_up_to_the_whole(log: list, kinds: list[str | None]) -> None:
    events = _data(log).table("events")
    customers = pd.DataFrame({"customer_id": range(8), "kind": pd.Series(kinds, dtype=object)})
    data = kb.open_dataset({"events": events, "customers": customers})
    whole = kb.cohort_retention(kb.activity(data)).to_frame()
    parts = kb.cohort_retention(kb.activity(data, by="kind")).to_frame()
    sums = parts.groupby(["cohort", "age"], sort=False)[["cohort_size", "at_risk"]].sum().reset_index(drop=True)
    pd.testing.assert_frame_equal(sums, whole[["cohort_size", "at_risk"]])
    active = parts.groupby(["cohort", "age"], sort=False)["active"].sum().to_numpy()
    np.testing.assert_array_equal(active, whole["active"].fillna(0))


# -- rates over one window ----------------------------------------------------------------------------------


def test_retention_rate_worked_examples() -> None:
    first = kb.retention_rate(start=20, end=24, gained=5)
    assert (first.value, first.count, first.n) == (0.95, 19, 20)
    assert kb.retention_rate(start=44, end=43, gained=12).value == pytest.approx(31 / 44)
    assert kb.retention_rate(start=44, end=43, gained=12).churn.value == pytest.approx(13 / 44)
    assert first.interval == (first.ci_lower, first.ci_upper)
    with pytest.raises(kb.ArgumentError, match="a number of kind 'churn' has no churn"):
        _ = first.churn.churn


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_churn_is_one_minus_retention(start: int, kept: int, gained: int) -> None:
    kept = min(kept, start)
    stay = kb.retention_rate(start=start, end=kept + gained, gained=gained)
    leave = kb.retention_rate(start=start, end=kept + gained, gained=gained).churn
    assert leave.value == pytest.approx(1 - stay.value)
    assert leave.ci_lower == pytest.approx(1 - stay.ci_upper, abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"start": 0, "end": 5, "gained": 5}, "start=0"),
        ({"start": 20, "end": 3, "gained": 5}, "gained=5 is more than end=3"),
        ({"start": 20, "end": 30, "gained": 5}, "leaves 25 old customers, more than start=20"),
        ({"start": -1, "end": 0, "gained": 0}, "start=-1 is not a count"),
        ({"start": 20, "end": 10.5, "gained": 0}, "end=10.5 is not a count"),
        ({"start": True, "end": 1, "gained": 0}, "start=True is not a count"),
    ],
)
def test_impossible_counts_say_which_and_why(counts: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.retention_rate(**counts)


@given(st.floats(0, 1), st.floats(0.5, 1000), st.floats(0.5, 1000))
def test_rescale_churn_there_and_back(rate: float, a: float, b: float) -> None:
    there = rescale_churn(rate, days_from=a, days_to=b)
    assert 0 <= there.value <= 1
    if 1e-6 < there.value < 1 - 1e-6:
        assert rescale_churn(there, days_from=b, days_to=a).value == pytest.approx(rate, rel=1e-4, abs=1e-9)


def test_rescale_churn_carries_the_interval() -> None:
    monthly = kb.retention_rate(start=200, end=190, gained=0).churn
    yearly = rescale_churn(monthly, days_from=30, days_to=360)
    assert yearly.value == pytest.approx(1 - 0.95**12)
    assert yearly.ci_lower == pytest.approx(1 - (1 - monthly.ci_lower) ** 12)
    assert "same hazard" in yearly.definition


@pytest.mark.parametrize("arguments", [(5, 30, 360), (-0.1, 30, 360), (0.1, 0, 360), (0.1, 30, float("inf"))])
def test_rescale_churn_impossible(arguments: tuple[float, float, float]) -> None:
    rate, days_from, days_to = arguments
    with pytest.raises(kb.ArgumentError):
        rescale_churn(rate, days_from=days_from, days_to=days_to)


@pytest.mark.parametrize("bracket", [(2, 1), (-1, 2), (1,), (1.5, 2), "ab"])
def test_impossible_bracket(toy: kb.Dataset, bracket: Any) -> None:
    with pytest.raises(kb.ArgumentError, match="bracket"):
        kb.cohort_retention(kb.activity(toy), bracket=bracket)


def test_bracket_beyond_the_data_is_unknown(toy: kb.Dataset) -> None:
    frame = kb.cohort_retention(kb.activity(toy), bracket=(2, 9)).to_frame()
    assert (frame["at_risk"] == 0).all()
    assert frame["retention"].isna().all()


def test_unknown_kind_suggests_the_near_miss(toy: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="did you mean 'on_or_after'"):
        kb.cohort_retention(kb.activity(toy), kind="on_or_afer")


def test_results_show_themselves_in_a_notebook(toy: kb.Dataset) -> None:
    record = kb.activity(toy)
    for result in (record, kb.cohort_retention(record), kb.lifecycle(record)):
        assert "<table" in result._repr_html_()
        assert result.definition
    assert "95.00%" in kb.retention_rate(start=20, end=24, gained=5)._repr_html_()
    assert kb.retention_rate(start=20, end=24, gained=5).to_frame().shape == (1, 5)


@pytest.mark.parametrize("rate", ["0.05", True, None, kb.retention_rate(start=20, end=24, gained=5)])
def test_rescale_churn_takes_churn_rates_only(rate: Any) -> None:
    with pytest.raises(kb.ArgumentError, match="rate"):
        rescale_churn(rate, days_from=30, days_to=360)


def test_rescale_churn_keeps_small_rates_and_drops_counts() -> None:
    assert rescale_churn(1e-17, days_from=1, days_to=365).value == pytest.approx(3.65e-15)
    rescaled = rescale_churn(kb.retention_rate(start=20, end=19, gained=0).churn, days_from=30, days_to=360)
    assert rescaled.n is rescaled.count is None


def test_endless_bracket(toy: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="bracket"):
        kb.cohort_retention(kb.activity(toy), bracket=(0, float("inf")))
    assert kb.cohort_retention(kb.activity(toy), bracket=(0, 10**400)).to_frame()["retention"].isna().all()
