"""Campaigns whose customers somebody chose: comparable others, placebo, verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.estimate import Estimate
from kbind.experiments.campaign import Assigned, assigned
from kbind.experiments.observed import chances_fit, observe, placebo_of, rebound
from kbind.experiments.weighting import Weighed, e_value, robust_effect, weigh, weighted_effect

FIRST = pd.Timestamp("2022-01-01")


def day(days: object) -> pd.DatetimeIndex:
    return FIRST + pd.to_timedelta(days, unit="D")  # type: ignore[arg-type]


def company(
    seed: int = 0, n: int = 3000, *, works: bool = True, hidden: bool = False, low: bool = False
) -> dict[str, pd.DataFrame]:
    """Small customers leave more often and are called more often; the call takes 12 and 5 points off.

    Hidden: trouble that nobody recorded does the same, and lowers use before. Low: those who used little were called.
    """
    rng = np.random.default_rng(seed)
    small, trouble = rng.random(n) < 0.5, rng.normal(size=n) * hidden
    level = np.where(small, 2.5, 4.0) / 30.4 * rng.gamma(4, 0.25, n)
    early, late = rng.poisson(level * 91), rng.poisson(level * 91 * np.exp(-0.15 * trouble))
    odds = np.where(small, 0.62, -1.1) + trouble
    if low:
        odds = 1.5 - 0.25 * late
    called = rng.random(n) < 1 / (1 + np.exp(-odds))
    leave = 1 / (1 + np.exp(-(np.where(small, -0.4, -1.73) + 0.8 * trouble)))
    left = rng.random(n) < np.maximum(leave - np.where(small, 0.12, 0.05) * called * works, 0)
    after = rng.poisson(level * 182)
    who = np.repeat(np.arange(n), early + late + after)
    parts = zip(early, late, after, strict=True)
    begin = np.concatenate([np.repeat([318.0, 409.0, 501.0], counts) for counts in parts])
    length = np.where(begin == 501, 180.0, 90.5)
    ids = np.arange(n)
    return {
        "customers": pd.DataFrame({"customer_id": ids, "size": np.where(small, "small", "large")}),
        "subscriptions": pd.DataFrame({"customer_id": ids, "start": day(rng.integers(0, 300, n)), "mrr": 10.0,
                                       "end": day(500 + rng.integers(5, 177, n)).where(left)}),
        "events": pd.DataFrame({"customer_id": who, "timestamp": day(begin + rng.random(len(who)) * length)}),
        "campaigns": pd.DataFrame({"customer_id": ids, "campaign": "call", "assigned_at": day([500])[0],
                                   "arm": np.where(called, "call", "control")}),
    }  # fmt: skip


def opened(tables: dict[str, pd.DataFrame]) -> kb.Dataset:
    return kb.open_dataset(tables, as_of=day([800])[0].date(), recorded_from=FIRST.date())


@pytest.fixture(scope="module")
def calls() -> kb.Dataset:
    return opened(company())


@pytest.fixture(scope="module")
def customers(calls: kb.Dataset) -> Assigned:
    return assigned(calls, "call", 182)


@pytest.fixture(scope="module")
def mailings() -> kb.Dataset:
    return kb.datasets.load_grocery(campaigns=True)


def codes(effect: object) -> list[str]:
    return [reason.code for reason in effect.reasons]  # type: ignore[attr-defined]


def weighed_by_hand() -> Weighed:
    """Two treated and three others, of whom the last stands for two."""
    treated = np.array([True, True, False, False, False])
    weight = np.array([1.0, 1.0, 0.5, 0.5, 2.0])
    return Weighed(np.zeros((5, 0)), (), treated, np.full(5, 0.5), weight, np.zeros(5, dtype=int))


def test_weighted_effect_is_as_by_hand() -> None:
    found = weighted_effect(weighed_by_hand(), np.array([1.0, 0.0, 1.0, 0.0, 0.0]), 0.95)
    assert found.value == pytest.approx(0.5 - 0.5 / 3)
    # (.5^2 + .5^2) / 2^2 of the treated, ((.5 x 5/6)^2 + (.5 x 1/6)^2 + (2 x 1/6)^2) / 3^2 of the others
    error = np.sqrt(0.5 / 4 + ((0.5 * 5 / 6) ** 2 + (0.5 / 6) ** 2 + (2 / 6) ** 2) / 9)
    assert found.ci_upper - found.value == pytest.approx(1.959964 * error)
    assert weighed_by_hand().effective == pytest.approx(9 / 4.5)


def test_e_value_is_the_published_one() -> None:
    # VanderWeele and Ding (2017): maternal smoking, risk ratio 3.9 with lower limit 1.8: E-values 7.26 and 3.0
    without, ratio, limit = 0.9, 3.9, 1.8
    effect = Estimate(0.1 - 0.1 * ratio, -0.5, 0.1 - 0.1 * limit)
    assert e_value(effect, without, 1.0) == pytest.approx((7.26, 3.0), abs=0.005)
    assert e_value(Estimate(0.01, -0.02, 0.04), 0.9, 1.0)[1] == 1.0  # its interval holds 0


def test_with_nothing_to_tell_customers_apart_the_plain_difference_is_left() -> None:
    rng = np.random.default_rng(0)
    treated, y = rng.random(400) < 0.4, rng.integers(0, 2, 400).astype(float)
    weight = np.where(treated, 1.0, treated.mean() / (1 - treated.mean()))
    same = Weighed(np.zeros((400, 0)), (), treated, np.full(400, treated.mean()), weight, np.arange(400) % 5)
    plain = y[treated].mean() - y[~treated].mean()
    assert robust_effect(same, y, 0.95).value == pytest.approx(plain, abs=0.01)
    assert weighted_effect(same, y, 0.95).value == pytest.approx(plain)


@settings(deadline=None, max_examples=10)
@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_amounts_in_another_unit_give_effects_in_that_unit(customers: Assigned, moved: float, times: float) -> None:
    part = customers.take(np.arange(400))
    weighed, y = weigh(part), part.use_after
    first, second = robust_effect(weighed, y, 0.95), robust_effect(weighed, moved + times * y, 0.95)
    assert np.array([*second]) == pytest.approx(np.array([*first]) * times, rel=1e-6, abs=1e-6)


def test_a_measured_cause_is_allowed_for(calls: kb.Dataset) -> None:
    found = kb.measure_effect(calls, "call")
    assert found.verdict == "shown"
    assert codes(found)[0] == "better"
    assert not found.randomised
    assert found.naive.value < found.adjusted.ci_lower  # the called leave more often anyhow
    assert found.adjusted.ci_lower < 0.1 < found.adjusted.ci_upper
    assert found.placebo.ci_lower < 0 < found.placebo.ci_upper
    assert found.overlap == 1
    assert found.balance is not None
    assert found.balance["covariate"].iloc[0].startswith("size")
    assert found.balance["difference_weighted"].abs().max() < 0.1 < found.balance["difference"].abs().max()
    assert found.e_value > 1.3
    assert "weighted" in found.to_frame()["estimate"].tolist()


def test_the_truth_is_met_within_a_point() -> None:
    found = kb.measure_effect(opened(company(1, 30_000)), "call")
    assert found.adjusted.value == pytest.approx(0.1, abs=0.01)
    assert found.naive.value < 0.02


def test_a_hidden_cause_that_moved_use_before_is_told() -> None:
    found = kb.measure_effect(opened(company(hidden=True, works=False)), "call")
    assert found.verdict == "not identified"
    assert codes(found)[0] == "placebo_differs"
    assert found.placebo.ci_upper < 0
    assert "before anybody was treated" in str(found.reasons[0])


def test_nothing_done_is_not_shown() -> None:
    found = kb.measure_effect(opened(company(works=False)), "call")
    assert found.verdict == "not shown"
    assert {"interval_holds_zero", "naive_misleads"} <= set(codes(found))


def test_recorded_chances_that_do_not_fit_are_told(customers: Assigned) -> None:
    small = customers.attributes["size"].codes == 1  # type: ignore[union-attr]
    true = np.where(small, customers.treated[small].mean(), customers.treated[~small].mean())
    right = replace(customers, propensity=true)
    wrong = replace(customers, propensity=np.where(small, 0.9, 0.1))
    assert chances_fit(right) > 0.5
    assert chances_fit(wrong) < 1e-6
    found = observe(wrong, outcome="retained", how="", conf_level=0.95)
    assert (found.verdict, codes(found)[0]) == ("not identified", "chances_do_not_fit")


def test_without_use_before_nothing_tests_the_comparison() -> None:
    tables = company()
    del tables["events"]
    found = kb.measure_effect(opened(tables), "call")
    assert (found.verdict, codes(found)[0]) == ("not identified", "no_placebo")
    assert np.isnan(found.placebo.value)


def test_who_has_nobody_comparable_is_told(customers: Assigned) -> None:
    only = replace(customers, propensity=np.where(customers.treated, 1.0, 0.5))
    found = observe(only, outcome="retained", how="", conf_level=0.95)
    assert "no_overlap" in codes(found)
    assert found.overlap == 0


def test_use_rises_again_where_little_use_chose() -> None:
    data = opened(company(low=True, works=False))
    found = kb.measure_effect(data, "call")
    assert "regression_to_the_mean" in codes(found)
    assert found.rebound is not None
    moved = found.rebound.set_index("group")
    assert moved.loc["others", "change_ci_lower"] > 0  # nobody called them
    assert moved.loc["others", "before"] == pytest.approx(moved.loc["treated", "before"], rel=0.2)


def test_outcomes_in_money_and_time_are_adjusted_too(calls: kb.Dataset) -> None:
    money, time = (kb.measure_effect(calls, "call", outcome=outcome) for outcome in ("revenue", "time"))
    assert money.verdict == time.verdict == "shown"
    assert money.adjusted.ci_lower < 1.0 < money.adjusted.ci_upper  # of 10 a month, a tenth more stay
    assert money.e_value > 1
    assert time.adjusted.value > time.naive.value


def test_grocery_mailings_went_to_heavy_shoppers(mailings: kb.Dataset) -> None:
    """The cautionary tale: naive +9 to +14 points, adjusted about zero, and use had risen before any mailing."""
    found = kb.measure_effect(mailings, "A-18", horizon="60D")
    assert found.verdict == "not identified"
    assert codes(found)[0] == "placebo_differs"
    assert "naive_misleads" in codes(found)
    assert 0.09 < found.naive.value < 0.14
    assert abs(found.adjusted.value) < 0.01
    assert found.adjusted.ci_lower < 0 < found.adjusted.ci_upper
    assert found.placebo.ci_lower > 0.2
    assert found.balance is not None
    assert found.balance["difference"].iloc[0] > 1  # standard deviations of use
    assert found.n == {"not chosen": 1319, "treatment": 1133}


def test_too_few_are_no_comparison() -> None:
    with pytest.raises(kb.NotEnoughData, match="needed: 50 each"):
        kb.measure_effect(opened(company(n=90)), "call")


def test_the_placebo_is_never_on_who_stays(customers: Assigned) -> None:
    other = replace(customers, left=~customers.left, use_after=customers.use_after * 2)
    assert placebo_of(other, 0.95) == placebo_of(customers, 0.95)
    assert rebound(weigh(customers), replace(customers, use_after=np.full(len(customers), np.nan)), 0.95) is None
