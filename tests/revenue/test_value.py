from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.revenue.retention_value import FIGURES, RetentionValue

TOY: dict[str, Any] = {"customers": 100, "price": 10, "margin": 0.5, "churn": 0.2, "points": 10, "horizon": 2}


def worth_of(**given: Any) -> RetentionValue:
    later = {name: given.pop(name) for name in ("gained", "discount") if name in given}
    return kb.retention_value(**given).assuming(**later)


def test_retention_value_by_hand() -> None:
    """100 customers, a fifth leaves: 80, 64. A tenth leaves: 90, 81. So 10 and 17 more, who pay 10 each."""
    worth = worth_of(**TOY, acquisition_cost=30)
    path = worth.path()
    assert path["customers"].tolist() == pytest.approx([100, 80, 64])
    assert path["customers_with"].tolist() == pytest.approx([100, 90, 81])
    assert path["extra_margin"].tolist() == pytest.approx([0, 50, 85])
    assert worth.extra_customers == pytest.approx(17)
    assert worth.extra_customer_periods == pytest.approx(27)
    assert worth.extra_revenue == pytest.approx(270)
    assert worth.extra_margin == worth.value == pytest.approx(135)
    assert worth.growth == pytest.approx(27 / 144)
    assert worth.value_per_customer == pytest.approx(1.35)
    # 100 are there when the first period begins, 90 when the second does
    assert worth.break_even == pytest.approx(135 / 190)
    # without the points, 10 more must be won in period 1, and of the then 90 a tenth more leaves in period 2
    assert worth.acquisitions_replaced == pytest.approx(10 + 9)
    assert worth.acquisition_saved == pytest.approx(570)
    frame = worth.to_frame()
    assert frame["figure"].tolist() == list(FIGURES)
    assert frame["ci_lower"].isna().all()
    assert frame.set_index("figure").loc["extra_revenue", "value"] == pytest.approx(270)


def test_retention_value_discounted_by_hand() -> None:
    """At 25 % a period, 50 after one period are 40 today, and 85 after two are 54.4."""
    worth = worth_of(**TOY, acquisition_cost=30, discount=0.25)
    assert worth.value == pytest.approx(94.4)
    assert worth.extra_margin == pytest.approx(135)
    assert worth.break_even == pytest.approx(94.4 / (100 / 1.25 + 90 / 1.5625))
    assert worth.acquisition_saved == pytest.approx(30 * (10 / 1.25 + 9 / 1.5625))


def test_retention_value_of_those_gained_by_hand() -> None:
    """20 join in each period, and leave like the others: 80 + 20 = 100 again, against 90 + 20, 99 + 20."""
    path = worth_of(**TOY, gained=20).path()
    assert path["customers"].tolist() == pytest.approx([100, 100, 100])
    assert path["customers_with"].tolist() == pytest.approx([100, 110, 119])


@pytest.mark.parametrize(
    ("discount", "multiples"),
    [(0.10, (1.20, 1.75, 2.67, 4.50)), (0.12, (1.15, 1.67, 2.50, 4.09)), (0.14, (1.11, 1.59, 2.35, 3.75)),
     (0.16, (1.07, 1.52, 2.22, 3.46))],
)  # fmt: skip
def test_retention_value_is_the_difference_of_margin_multiples(discount: float, multiples: tuple[float, ...]) -> None:
    """Source: Gupta and Lehmann (2005), Managing Customers as Investments, margin multiples r / (1 + i - r)."""
    for r, low, high in zip((0.6, 0.7, 0.8), multiples[:-1], multiples[1:], strict=True):
        worth = worth_of(customers=1, price=1, margin=1, churn=1 - r, points=10, horizon=500, discount=discount)
        assert worth.value == pytest.approx(high - low, abs=0.01)
        exact = (r + 0.1) / (1 + discount - r - 0.1) - r / (1 + discount - r)
        assert worth.value == pytest.approx(exact, rel=1e-9)


def test_small_points_are_the_derivative() -> None:
    """For H periods without discount: d/dh of the sum of h^t is the sum of t h^(t-1)."""
    points = 1e-5
    worth = worth_of(customers=700, price=3, margin=0.4, churn=0.07, points=points, horizon=18)
    t = np.arange(1, 19)
    slope = 700 * 3 * 0.4 * (t * 0.93 ** (t - 1)).sum()
    assert worth.value / (points / 100) == pytest.approx(slope, rel=1e-5)


inputs = st.fixed_dictionaries(
    {
        "customers": st.floats(1, 1e6),
        "price": st.floats(0.01, 1e4),
        "margin": st.floats(0.01, 1),
        "churn": st.floats(0.02, 1),
        "gained": st.floats(0, 1e4),
        "horizon": st.integers(1, 60),
        "discount": st.floats(0, 0.5),
    }
)


@settings(max_examples=25, deadline=None)
@given(inputs, st.floats(0, 1), st.floats(0, 1))
def test_points_add_up_and_more_is_more(given_: dict[str, Any], first: float, second: float) -> None:
    both = worth_of(**given_, points=first + second)
    one = worth_of(**given_, points=first)
    two = worth_of(**{**given_, "churn": given_["churn"] - first / 100}, points=second)
    for name in ("extra_customers", "extra_customer_periods", "extra_revenue", "extra_margin", "value"):
        total = getattr(both, name)
        # differences of customers: rounding is that of the customers, not of the difference
        scale = max(total, 1e-6 * getattr(both, name.replace("extra_customers", "extra_customer_periods")), 1e-9)
        rounding = 1e-9 * (given_["customers"] + given_["gained"]) * 60 * given_["price"] + 1e-9 * given_["customers"]
        assert getattr(one, name) + getattr(two, name) == pytest.approx(total, rel=1e-6, abs=rounding + 1e-9 * scale)
        assert total >= getattr(one, name) - rounding >= -2 * rounding
    none = worth_of(**given_, points=0)
    zeros = none.to_frame().set_index("figure")["value"].drop("acquisition_saved")
    assert np.isnan(zeros["growth"]) if given_["churn"] == 1 and not given_["gained"] else zeros["growth"] == 0
    assert zeros.drop("growth").eq(0).all()
    assert none.sensitivity().empty
    assert both.extra_customers <= both.acquisitions_replaced * (1 + 1e-9)
    assert both.value <= both.extra_margin * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(inputs, st.floats(0.2, 1), st.floats(0.01, 1))
def test_customers_price_and_margin_scale_the_value(given_: dict[str, Any], part: float, points: float) -> None:
    whole = worth_of(**given_, points=points)
    people = {"customers": given_["customers"] * part, "gained": given_["gained"] * part}
    if people["customers"] > 0:
        fewer = worth_of(**{**given_, **people}, points=points)
        assert fewer.value == pytest.approx(part * whole.value, rel=1e-6)
    for name in ("price", "margin"):
        scaled = worth_of(**{**given_, name: given_[name] * part}, points=points)
        assert scaled.value == pytest.approx(part * whole.value, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(inputs, st.floats(0.1, 4), st.floats(0.0, 1), st.floats(0, 1), st.floats(0, 1))
def test_no_churn_inside_its_interval_leads_outside_the_interval(
    given_: dict[str, Any], points: float, low: float, high: float, inside: float
) -> None:
    churn = max(given_.pop("churn"), points / 100)
    lower, upper = low * churn, churn + high * (1 - churn)
    worth = worth_of(**given_, churn=(churn, lower, upper), points=points, acquisition_cost=7)
    assert worth.conf_level == 0.95
    between = max(lower + inside * (upper - lower), points / 100)
    if between > upper:
        return
    other = worth_of(**given_, churn=between, points=points, acquisition_cost=7)
    for name in FIGURES:
        low_end, high_end = worth.interval(name)
        value = getattr(other, name)
        if np.isinf(value):
            assert np.isinf(high_end)
            continue
        tolerance = 1e-4 * abs(value) + 1e-9
        assert low_end - tolerance <= value <= high_end + tolerance, name


def test_interval_comes_from_churn_alone() -> None:
    rate = kb.retention_rate(start=400, end=380, gained=0).churn
    worth = worth_of(customers=400, price=(50, 30, 80), margin=0.6, churn=rate)
    ends = [worth_of(customers=400, price=50, margin=0.6, churn=end).value for end in (rate.ci_upper, rate.ci_lower)]
    assert worth.interval("value") == pytest.approx(tuple(ends))
    assert worth.conf_level == rate.conf_level
    frame = worth.path()
    assert frame["extra_customers_ci_lower"].iloc[-1] == pytest.approx(worth.interval("extra_customers")[0])


def test_points_cannot_take_more_than_all_churn_within_the_interval() -> None:
    """At the lower limit fewer than a hundredth leave; all that a point can do there is that nobody leaves."""
    worth = worth_of(customers=100, price=1, margin=1, churn=(0.02, 0.004, 0.03), horizon=1)
    assert worth.interval("extra_customers") == pytest.approx((0.4, 1.0))


def test_sensitivity_moves_one_input_at_a_time() -> None:
    worth = worth_of(
        customers=100, price=10, margin=(0.5, 0.1, 0.6), churn=0.2, points=10, horizon=2, discount=0.25,
        acquisition_cost=30,
    )  # fmt: skip
    frame = worth.sensitivity(vary=0.1).set_index("parameter")
    assert frame.index.tolist() == ["margin", "customers", "price", "discount", "churn"]
    assert frame.loc["margin", ["value_at_low", "value_at_high"]].tolist() == pytest.approx([18.88, 113.28])
    assert frame.loc["price", ["low", "high", "value_at_low"]].tolist() == pytest.approx([9, 11, 84.96])
    assert frame["known"].tolist() == ["interval", *["varied"] * 4]
    # churn 18 %: 82, 67.24 against 92, 84.64, so 10 and 17.4 more
    assert frame.loc["churn", "value_at_low"] == pytest.approx(10 * 5 / 1.25 + 17.4 * 5 / 1.5625)
    saved = worth.sensitivity("acquisition_saved")["parameter"].tolist()
    assert "acquisition_cost" in saved
    assert "price" not in saved
    assert "margin" not in saved


def test_retention_value_says_what_it_assumes() -> None:
    text = worth_of(**TOY).definition
    for words in ("a churn of 10.00% a period against 20.00%", "the same for everybody in every period",
                  "what gaining the points costs is not subtracted", "not discounted"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 21}, "points=21 would take churn=0.2 below 0; allowed: up to 20"),
        ({"churn": 20}, r"churn=20 is not possible; allowed: numbers from 0 to 1 \(5 % is 0.05\)"),
        ({"churn": (0.2, 0.3, 0.1)}, "is not in order; allowed: "),
        ({"churn": (0.2, 0.1)}, "has 2 numbers; allowed: one, or"),
        ({"churn": kb.retention_rate(start=10, end=8, gained=0)}, "churn is a retention rate"),
        ({"churn": float("nan")}, "churn=nan is not possible"),
        ({"margin": 60}, "margin=60 is not possible"),
        ({"price": "10"}, "price='10' is not a number"),
        ({"price": -1}, "price=-1 is not possible"),
        ({"customers": 0}, "customers=0 is not possible; allowed: numbers above 0"),
        ({"gained": -1}, "gained=-1 is not possible"),
        ({"points": -1}, "points=-1 is not possible; allowed: numbers from 0 to 100"),
        ({"discount": -0.1}, "discount=-0.1 is not possible"),
        ({"horizon": 0}, "horizon=0 is not a number of periods; allowed: whole numbers from 1"),
        ({"horizon": 1.5}, "horizon=1.5 is not a number of periods"),
    ],
)
def test_retention_value_names_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        worth_of(**{**TOY, **change})


def test_unknown_figures_are_named() -> None:
    worth = worth_of(**TOY)
    with pytest.raises(kb.ArgumentError, match="vary=1 is not possible; allowed: above 0 and below 1"):
        worth.sensitivity(vary=1)
    for ask in (worth.interval, worth.sensitivity):
        with pytest.raises(kb.ArgumentError, match="figure='valeu' is not known; did you mean 'value'"):
            ask("valeu")
