"""Purchases: by hand, against R, against pandas counting one customer at a time, and on real data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew
from scipy.stats import t as student

import kbind as kb
from kbind.estimate.sums import mean_of_money, mean_of_sums, ratio_of_means

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "purchases.json").read_text())
NAN = np.nan


def powers(values: Any) -> tuple[int, float, float, float]:
    x = np.asarray(values, dtype=float)
    return len(x), x.sum(), (x**2).sum(), (x**3).sum()


def log(rows: list[tuple[Any, ...]], names: str = "customer_id timestamp amount") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names.split())


@pytest.fixture
def shop() -> kb.Dataset:
    """Complete up to 1 May: a buys three times, b once and returns half of it, c once, d returns what nobody saw."""
    rows = [
        ("a", "2024-01-05 10:00", 10.0, 1, "food"), ("a", "2024-01-05 10:00", 20.0, 1, "wine"),
        ("a", "2024-01-05 12:00", 5.0, 2, "food"), ("a", "2024-03-05 10:00", 40.0, 3, "toys"),
        ("b", "2024-01-20 10:00", 60.0, 4, "toys"), ("b", "2024-02-20 10:00", -30.0, 5, "toys"),
        ("c", "2024-02-11 10:00", 8.0, 6, None), ("c", "2024-04-11 10:00", 0.0, 7, "food"),
        ("d", "2024-04-12 10:00", -3.0, 8, "food"),
    ]  # fmt: skip
    return kb.open_dataset({"events": log(rows, "customer_id timestamp amount order_id category")}, as_of="2024-05-01")


def table(frame: pd.DataFrame, name: str) -> list[list[float]]:
    return frame.pivot(index="cohort", columns="age", values=name).to_numpy().tolist()


def test_cohorts_by_hand(shop: kb.Dataset) -> None:
    frame = kb.purchases(shop).cohorts()
    revenue = [[47.5, 32.5, 52.5, 52.5], [8, 8, 8, NAN], [NAN] * 4, [NAN] * 4]
    np.testing.assert_allclose(table(frame, "revenue"), revenue)
    assert table(frame, "at_risk") == [[2, 2, 2, 2], [1, 1, 1, 0], [0] * 4, [0] * 4]
    # two customers, and one, are worth fewer than 30 of equal amounts
    assert frame[["revenue_ci_lower", "revenue_ci_upper"]].isna().all(axis=None)
    assert kb.purchases(shop).notes[0].startswith("No limits of revenue at 4 of 4 ages")


def test_pooled_sums_over_the_cohorts_that_have_lived_the_age(shop: kb.Dataset) -> None:
    frame = kb.purchases(shop).pooled()
    assert frame["at_risk"].tolist() == [3, 3, 3, 2]
    np.testing.assert_allclose(frame["revenue"], [103 / 3, 73 / 3, 113 / 3, 52.5])


def test_spending_by_hand(shop: kb.Dataset) -> None:
    """a has bought twice from the first month on."""
    frame = kb.purchases(shop).spending()
    assert frame["n_once"].tolist() == [2, 2, 2, 1]
    assert frame["n_regular"].tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(frame["once"], [34, 19, 19, 30])
    np.testing.assert_allclose(frame["regular"], [35, 35, 75, 75])
    np.testing.assert_allclose(frame["ratio"], [35 / 34, 35 / 19, 75 / 19, 2.5])
    assert frame["ratio_ci_lower"].isna().all()


def test_order_value_by_hand(shop: kb.Dataset) -> None:
    row = kb.purchases(shop).order_value().iloc[0]
    assert row[["n", "n_regular"]].tolist() == [3, 1]
    assert row["first_of_all"] == pytest.approx((30 + 60 + 8) / 3)
    assert row[["first", "later", "ratio"]].tolist() == pytest.approx([30, (5 + 40) / 2, 0.75])


def test_order_value_first_is_by_the_clock_and_not_by_the_number() -> None:
    rows = [("a", "2024-01-05 10:00", 30.0, 9), ("a", "2024-01-05 12:00", 5.0, 2)]
    data = kb.open_dataset({"events": log(rows, "customer_id timestamp amount order_id")}, as_of="2024-02-01")
    assert kb.purchases(data).order_value().loc[0, ["first", "later"]].tolist() == [30, 5]


def test_since_includes_its_day(shop: kb.Dataset) -> None:
    assert kb.purchases(shop, since="2024-01-20").customers == 2  # b on that very day, and c
    assert kb.purchases(shop, since="2024-01-21").customers == 1


def test_categories_by_hand(shop: kb.Dataset) -> None:
    """What came back, what cost nothing and what has no category are no purchases of a category."""
    frame = kb.purchases(shop).categories()
    np.testing.assert_allclose(frame["categories"], [3 / 3, 3 / 3, 4 / 3, 4 / 2])
    assert frame["at_risk"].tolist() == [3, 3, 3, 2]


def test_repeat_by_hand(shop: kb.Dataset) -> None:
    frame = kb.purchases(shop).repeat("60D").set_index("order")
    assert frame.loc[1, ["n", "at_risk", "repeated"]].tolist() == [3, 3, 1]
    assert frame.loc[2, ["n", "at_risk", "repeated"]].tolist() == [1, 1, 1]  # 5 January to 5 March is 60 days
    assert kb.purchases(shop).repeat("59D").loc[1, "repeated"] == 0
    assert frame.loc[3, ["n", "at_risk"]].tolist() == [1, 0]
    assert frame.loc[3, ["repeated", "rate", "rate_ci_lower", "rate_ci_upper"]].isna().all()
    # 5 March has 56 whole days behind it that are in the data, not 57
    assert kb.purchases(shop).repeat("56D").loc[2, "at_risk"] == 1
    assert kb.purchases(shop).repeat("57D").loc[2, "at_risk"] == 0


def test_waiting_does_not_forget_who_never_came_back() -> None:
    """Nine customers, three of whom return after 10, 20 and 30 days: the median is not 20, it is not reached."""
    rows = [(i, "2024-01-01", 1.0) for i in range(9)]
    rows += [(i, f"2024-01-{d}", 1.0) for i, d in ((0, 11), (1, 21), (2, 31))]
    bought = kb.purchases(kb.open_dataset({"events": log(rows)}, as_of="2024-07-01"))
    frame = bought.waiting([0.1, 0.3, 0.5]).query("after_order == 1")
    np.testing.assert_array_equal(frame["time"], [10, 30, NAN])
    curve = kb.survival_curve(bought.waits).to_frame().query("after_order == 1")
    assert curve[["time", "at_risk", "events", "censored"]].to_numpy().tolist() == [
        [10, 9, 1, 0], [20, 8, 1, 0], [30, 7, 1, 0], [181, 6, 0, 6],
    ]  # fmt: skip


def test_first_orders_that_are_not_the_first_are_left_out() -> None:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "acquired_at": ["2023-05-01", "2024-01-03", None]})
    rows = [(i, f"2024-0{m}-03", 1.0) for i in (1, 2, 3) for m in (1, 3)]
    data = kb.open_dataset({"events": log(rows), "customers": people})
    bought = kb.purchases(data)
    assert bought.customers == 2
    assert "Left out: 1 customers whose first order may be older than the data" in bought.definition
    with pytest.raises(kb.NotEnoughData, match="no purchase before 2024-03-04 by a customer whose first one is known"):
        kb.purchases(data, since="2024-02-01")


def test_groups_are_counted_apart() -> None:
    rows = [(1, "2024-01-01", 1.0, "app"), (1, "2024-01-09", 2.0, "web"), (2, "2024-01-02", 7.0, "web")]
    data = kb.open_dataset({"events": log(rows, "customer_id timestamp amount channel")}, as_of="2024-02-01")
    bought = kb.purchases(data, by="channel")
    assert bought.pooled()[["channel", "at_risk", "revenue"]].to_numpy().tolist() == [["app", 1, 3.0], ["web", 1, 7.0]]
    assert bought.order_value()["n_regular"].tolist() == [1, 0]
    waiting = bought.waiting([0.5])[["channel", "after_order"]].to_numpy().tolist()
    assert waiting[9:11] == [["app", 10], ["web", 1]]
    parts = [kb.purchases(data, by="channel").repeat("7D"), kb.purchases(data).repeat("7D")]
    assert parts[0]["n"].sum() == parts[1]["n"].sum()


def test_without_amounts_every_order_is_a_purchase() -> None:
    data = kb.open_dataset({"events": log([(1, "2024-01-01"), (1, "2024-01-05")], "customer_id timestamp")})
    bought = kb.purchases(data)
    assert bought.to_frame()["n"].tolist()[:3] == [1, 1, 0]
    for method in ("cohorts", "pooled", "spending", "order_value"):
        with pytest.raises(kb.NotEnoughData, match=rf"{method}\(\) needs a column 'amount' in events"):
            getattr(bought, method)()
    with pytest.raises(kb.NotEnoughData, match=r"categories\(\) needs a column 'category'"):
        bought.categories()


def test_days_are_those_of_the_zone() -> None:
    """23:30 in New York is the next day in London: one order there, two here."""
    rows = [(1, "2024-01-01T23:30:00-05:00", 1.0), (1, "2024-01-02T09:00:00-05:00", 1.0)]
    for zone, orders in (("America/New_York", 2), ("Europe/London", 1)):
        data = kb.open_dataset({"events": log(rows)}, timezone=zone)
        assert kb.purchases(data).repeat("1D")["n"].sum() == orders


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"period": "mont"}, "did you mean 'month'"),
        ({"by": "chanel"}, "by='chanel' is no column"),
        ({"as_of": "2030-01-01"}, "lies behind the end of the data"),
        ({"since": "soon"}, "since='soon' is not a date"),
        ({"conf_level": 95}, "conf_level=95"),
    ],
)
def test_purchases_argument(shop: kb.Dataset, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.purchases(shop, **arguments)
    with pytest.raises(kb.ArgumentError, match="within='soon' is no length"):
        kb.purchases(shop).repeat("soon")
    with pytest.raises(kb.NotEnoughData, match="holds nothing before as_of=2020-01-01"):
        kb.purchases(shop, as_of="2020-01-01")


# -- against R and pandas --------------------------------------------------------------------------


def test_repeat_lifetimes_as_in_r(lifetimes_csv: Path) -> None:
    rows = pd.read_csv(lifetimes_csv).rename(columns={"id": "customer_id", "date": "timestamp"})
    by_day = kb.purchases(kb.open_dataset({"events": rows}))
    by_row = kb.purchases(kb.open_dataset({"events": rows.assign(order_id=range(len(rows)))}))
    for bought, name in ((by_day, "repeat_rate_days"), (by_row, "repeat_rate_orders")):
        counts = bought.counts.waits
        assert bought.customers == GOLDEN["customers"]
        assert counts.followed[0, 0].sum() / bought.customers == pytest.approx(GOLDEN[name], abs=1e-12)


def count_in_pandas(frame: pd.DataFrame, as_of: str) -> dict[str, Any]:
    """One customer at a time."""
    end = pd.Timestamp(as_of)
    frame = frame.assign(d=frame["timestamp"].dt.normalize(), m=frame["timestamp"].dt.to_period("M"))
    lived = end.to_period("M")
    cumulative: dict[tuple[Any, int], list[float]] = {}
    breadth: dict[tuple[Any, int], list[int]] = {}
    gaps = []
    for _, rows in frame.groupby("customer_id"):
        bought = rows[rows["amount"] > 0]
        if bought.empty:
            continue
        cohort = bought["m"].min()
        for age in range((lived - cohort).n):
            upto = rows[(rows["m"] >= cohort) & (rows["m"] <= cohort + age)]
            cumulative.setdefault((str(cohort), age), []).append(upto["amount"].sum())
            breadth.setdefault((str(cohort), age), []).append(upto[upto["amount"] > 0]["category"].nunique())
        days = sorted(bought.groupby("order_id")["d"].min())
        for k, day in enumerate(days, start=1):
            gap = (days[k] - day).days if k < len(days) else None
            gaps.append((k, gap, (end - day).days - 1))
    return {"revenue": cumulative, "categories": breadth, "gaps": gaps}


ROW = st.tuples(
    st.integers(1, 5),
    st.integers(0, 119),
    st.integers(-20, 60),
    st.integers(1, 6),
    st.sampled_from(["x", "y", "z", None]),
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=40), within=st.integers(0, 60))
def test_purchases_as_counted_one_by_one(rows: list[Any], within: int) -> None:
    frame = log(rows, "customer_id day amount order_id category")
    frame["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    if not (frame["amount"] > 0).any():
        return
    data = kb.open_dataset({"events": frame}, as_of="2024-05-01")
    expected = count_in_pandas(frame, "2024-05-01")
    bought = kb.purchases(data)
    cells = bought.cohorts().set_index(["cohort", "age"])
    known = cells[cells["at_risk"] > 0]
    assert set(known.index) == set(expected["revenue"])
    for key, values in expected["revenue"].items():
        assert known.loc[key, "at_risk"] == len(values)
        assert known.loc[key, "revenue"] == pytest.approx(np.mean(values))
        limits = known.loc[key, ["revenue_ci_lower", "revenue_ci_upper"]].astype(float)
        np.testing.assert_allclose(limits, mean_of_money(powers(values))[1:], atol=1e-5)
    categories = bought.categories().set_index("age")
    for age in categories.index[categories["at_risk"] > 0]:
        values = [n for (_, a), ns in expected["categories"].items() if a == age for n in ns]
        assert categories.loc[age, "categories"] == pytest.approx(np.mean(values))
    spending = bought.spending()
    assert (spending["n_once"] + spending["n_regular"]).tolist() == spending["at_risk"].tolist()
    repeat = bought.repeat(f"{within}D").set_index("order")
    for k in repeat.index:
        had = [gap for order, gap, left in expected["gaps"] if order == k and left >= within]
        assert repeat.loc[k, "at_risk"] == len(had)
        if had:
            assert repeat.loc[k, "repeated"] == sum(gap is not None and gap <= within for gap in had)


def test_purchases_grocery(grocery: kb.Dataset) -> None:
    """Counted by pandas; the households of January were customers before the data begins."""
    everyone = kb.purchases(grocery)
    assert everyone.starts_with_recording
    assert "2017-01 cohort is where recording starts" in everyone.definition
    bought = kb.purchases(grocery, since="2017-02-01")
    assert not bought.starts_with_recording
    assert (bought.customers, bought.counts.left_out) == (486, 1983)
    rows = grocery.table("events")
    rows["day"] = rows["timestamp"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    paid = rows[rows["amount"] > 0]
    first = paid.groupby("customer_id")["day"].min()
    new = first[first >= "2017-02-01"].index
    orders = paid[paid["customer_id"].isin(new)].groupby(["customer_id", "order_id"])["day"].min().reset_index()
    counted = orders.groupby("customer_id").size()
    assert bought.repeat()["n"].tolist() == [int((counted >= k).sum()) for k in range(1, 11)]
    february = rows[rows["customer_id"].isin(first[(first >= "2017-02-01") & (first < "2017-03-01")].index)]
    cell = bought.cohorts().query("cohort == '2017-02' and age == 10").iloc[0]
    assert cell["revenue"] == pytest.approx(february["amount"].sum() / cell["at_risk"])


def test_revenue_adds_up(grocery: kb.Dataset) -> None:
    """Every cent of customers who count falls into one cell."""
    frame = kb.purchases(grocery).cohorts().query("cohort_size > 0 and at_risk > 0")
    last = frame.groupby("cohort").tail(1)
    total = grocery.engine.query("SELECT sum(amount) AS s FROM t", tables={"t": "events"}).column("s")[0].as_py()
    assert (last["revenue"] * last["at_risk"]).sum() == pytest.approx(total, rel=1e-9)


# -- means and ratios ------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=2, max_size=30))
def test_mean_of_sums_and_paired_ratio(values: list[tuple[float, float]]) -> None:
    x, y = np.array(values).T
    n = len(x)
    mean, lower, upper = mean_of_sums(powers(x))
    assert mean == pytest.approx(x.mean())
    assert lower <= mean <= upper or x.std() < 1e-5 * mean  # amounts that are all the same have no interval
    ratio, _, high = ratio_of_means(powers(x), powers(y), products=(x * y).sum())
    error = np.std(x / x.mean() - y / y.mean(), ddof=1) / np.sqrt(n)
    assert ratio == pytest.approx(x.mean() / y.mean())
    assert error < 1e-5 or np.log(high / ratio) == pytest.approx(1.959963984540054 * error, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(0, 100), min_size=3, max_size=30), level=st.sampled_from([0.8, 0.95]))
def test_mean_of_sums_is_where_the_bent_t_is_that_of_student(values: list[float], level: float) -> None:
    """Put the limits into Hall's cubic; and without skewness they are Student's."""
    x = np.array(values)
    n, spread = len(x), float(x.std(ddof=1))
    if spread < 0.1:
        return
    t = student.ppf(0.5 + level / 2, n - 1)
    bend = float(skew(x)) / np.sqrt(n)
    _, *limits = mean_of_sums(powers(x), level)
    for limit, expected in zip(limits, (t, -t), strict=True):
        found = (x.mean() - limit) / (spread / np.sqrt(n))
        assert found + bend * found**2 / 3 + bend**2 * found**3 / 27 + bend / 6 == pytest.approx(expected, abs=1e-4)
    even = np.concatenate([x, -x])
    half = student.ppf(0.5 + level / 2, 2 * n - 1) * even.std(ddof=1) / np.sqrt(2 * n)
    np.testing.assert_allclose(mean_of_sums(powers(even), level), [0, -half, half], atol=1e-6)


def test_ratio_of_means_undefined_where_a_mean_is_not_positive() -> None:
    assert np.isnan(ratio_of_means(powers([-1.0, -2.0, -3.0]), powers([1.0, 2.0, 3.0]))).all()
    assert np.isnan(mean_of_sums((0, 0.0, 0.0, 0.0))).all()


def test_nothing_is_left_behind_in_the_engine(shop: kb.Dataset) -> None:
    """The tables made on the way are gone, also after an error, so that the next call can make its own."""
    first = kb.purchases(shop).cohorts()
    with pytest.raises(kb.NotEnoughData, match="whose first one is known"):
        kb.purchases(shop, since="2024-04-30")
    with pytest.raises(kb.ArgumentError, match="are too many; use a longer period"):
        kb.purchases(log_of_years(), period="day")
    pd.testing.assert_frame_equal(kb.purchases(shop).cohorts(), first)
    names = shop.engine.query("SELECT table_name FROM information_schema.tables").column(0).to_pylist()
    assert not [name for name in names if ":" in name]


def log_of_years() -> kb.Dataset:
    return kb.open_dataset({"events": log([(1, "2000-01-01", 1.0), (1, "2020-01-01", 1.0)])})


def test_a_large_sum_that_is_refunded_later_leaves_no_trace() -> None:
    """Rounding errors of a million cubed would be larger than all that is left of three small sums."""
    rows = [(f"k{k}", "2024-01-05", 1.0 + 2 * (k % 2)) for k in range(40)] + [("c", "2024-01-05", 1000002.10)]
    data = kb.open_dataset({"events": log([*rows, ("c", "2024-02-05", -1000000.10)])}, as_of="2024-03-01")
    later = kb.purchases(data).pooled().loc[1, ["revenue", "revenue_ci_lower", "revenue_ci_upper"]]
    expected = mean_of_money(powers([1.0, 3.0] * 20 + [2.0]))
    np.testing.assert_allclose(later.astype(float), expected, rtol=1e-6)


@pytest.mark.parametrize("spread", [0.3, 0.8, 1.2])
def test_mean_of_money_is_wider_than_that_of_numbers_or_has_no_limits(spread: float) -> None:
    x = np.random.default_rng(2).lognormal(3, spread, 60)
    worth = x.sum() ** 2 / (x**2).sum()
    mean, low, high = mean_of_money(powers(x))
    _, *inner = mean_of_sums(powers(x))
    assert mean == pytest.approx(x.mean())
    assert np.isnan(low) == np.isnan(high) == (worth < 30)
    assert worth < 30 or (low <= inner[0] and inner[1] <= high)


def test_spending_of_a_few_is_not_drowned_by_that_of_many() -> None:
    rng = np.random.default_rng(0)
    n = 5000
    many = pd.DataFrame({
        "customer_id": np.repeat([f"r{i}" for i in range(n)], 2), "timestamp": np.tile(["2024-01-05", "2024-01-09"], n),
        "amount": rng.lognormal(8, 1.5, 2 * n),
    })  # fmt: skip
    few = log([("a", "2024-01-05", 1.0), ("b", "2024-01-05", 3.0)])
    found = [
        kb.purchases(kb.open_dataset({"events": events}, as_of="2024-02-01")).spending()
        for events in (pd.concat([many, few]), pd.concat([many.head(4), few]))
    ]
    once = ["n_once", "once", "once_ci_lower", "once_ci_upper"]
    pd.testing.assert_frame_equal(found[0][once], found[1][once], rtol=1e-12)
