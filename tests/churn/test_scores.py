from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

import kbind as kb
from kbind.churn.profit import Groups, Ranking, lift, maximum_profit
from kbind.estimate.scores import auc, brier, calibration, fit_logistic, log_loss, variance


def one(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.int64)


def alone(n: int) -> np.ndarray:
    return np.arange(n)


def delong(left: np.ndarray, influence: np.ndarray) -> float:
    return variance(influence, alone(len(left)), (left != 1).astype(int))


def drawn(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and probabilities with ties."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.98, n).round(2)
    left = (rng.random(n) < p).astype(float)
    left[:2] = [0, 1]
    return left, p


# -- by hand --------------------------------------------------------------------------------------------------------


def test_auc_toy() -> None:
    """Leavers .9 and .4, stayers .4 and .1: four pairs, one tie."""
    left, p = np.array([1.0, 1, 0, 0]), np.array([0.9, 0.4, 0.4, 0.1])
    assert auc(left, p, one(4)).value == 3.5 / 4


def test_auc_compares_only_within_a_date_and_weighs_by_leavers() -> None:
    """First date: one leaver who beats half. Second: two leavers who beat all. Between dates nothing is compared."""
    left = np.array([1.0, 0, 0, 1, 1, 0])
    p = np.array([0.5, 0.6, 0.4, 0.03, 0.02, 0.01])
    date = np.array([0, 0, 0, 1, 1, 1])
    assert auc(left, p, date).value == pytest.approx((0.5 + 1 + 1) / 3)


def test_auc_of_one_class_is_unknown() -> None:
    assert np.isnan(auc(np.ones(3), np.array([0.1, 0.2, 0.3]), one(3)).value)
    # a date without leavers is left out, not counted as undecided
    assert auc(np.array([1.0, 0, 0]), np.array([0.9, 0.1, 0.5]), np.array([0, 0, 1])).value == 1


def test_brier_and_log_loss_toy() -> None:
    left, p = np.array([1.0, 0.0]), np.array([0.8, 0.4])
    assert brier(left, p).value == pytest.approx((0.04 + 0.16) / 2)
    assert log_loss(left, p).value == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)


def test_lift_toy_with_ties() -> None:
    """Ten customers, four leave. Two of them share the second place with a stayer: a list of 2 holds 1 + 2/3."""
    score = np.array([0.9, 0.8, 0.8, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    left = np.array([1.0, 1, 1, 0, 0, 1, 0, 0, 0, 0])
    assert lift(score, left, 0.2) == pytest.approx((1 + 2 / 3) / (0.4 * 2))
    assert np.isnan(lift(score, left, 0.01))


def test_ranking_with_weights_is_the_ranking_of_repeated_rows() -> None:
    score, gained, weight = np.array([3.0, 2, 2, 1]), np.array([5.0, 1, 0, 7]), np.array([2.0, 1, 3, 0])
    twice = np.repeat(np.arange(4), weight.astype(int))
    calls = np.arange(7.0)
    whole = Ranking.of(score[twice], gained[twice]).collected(np.ones(6), calls)
    np.testing.assert_allclose(Ranking.of(score, gained).collected(weight, calls), whole)
    np.testing.assert_allclose(whole, [0, 5, 10, 10.25, 10.5, 10.75, 11])


def test_calibration_error_toy() -> None:
    """Two groups of the ten are not empty: 10 customers at .2, of whom 3 left, and 10 at .6, of whom 5 did."""
    p = np.repeat([0.2, 0.6], 10)
    left = np.concatenate([np.arange(10) < 3, np.arange(10) < 5]).astype(float)
    groups = Groups.of(p, left, one(20))
    assert groups.error(groups.gaps(np.ones(20))) == pytest.approx((0.1 + 0.1) / 2)


# -- against references ---------------------------------------------------------------------------------------------


def test_auc_variance_and_paired_difference_equal_r(reference: dict[str, Any]) -> None:
    case = reference["vec20.delong"]
    left = np.array(case["inputs"]["y"], float)
    first, second = (auc(left, np.array(case["inputs"][name]), one(20)) for name in ("p1", "p2"))
    found = [first.value, delong(left, first.influence), second.value, delong(left, second.influence)]
    wanted = case["expected"]
    np.testing.assert_allclose(found, [wanted[k] for k in ("auc1", "var1", "auc2", "var2")], rtol=case["tol"])
    apart = delong(left, first.influence - second.influence)
    assert apart == pytest.approx(wanted["var1"] + wanted["var2"] - 2 * wanted["cov"], rel=case["tol"])
    z = (first.value - second.value) / np.sqrt(apart)
    assert z == pytest.approx(wanted["z"], rel=1e-9)
    assert 2 * norm.sf(z) == pytest.approx(wanted["p"], rel=1e-9)


def test_brier_log_loss_and_calibration_equal_r(reference: dict[str, Any]) -> None:
    case = reference["vec20.brier_calibration"]
    left, p = np.array(case["inputs"]["y"], float), np.array(case["inputs"]["p"])
    wanted, close = case["expected"], case["tol"]
    assert brier(left, p).value == pytest.approx(wanted["brier"], rel=close)
    assert log_loss(left, p).value == pytest.approx(wanted["logloss"], rel=close)
    assert calibration(left, p, slope=True).value == pytest.approx(wanted["slope"], rel=close)
    assert calibration(left, p, slope=False).value == pytest.approx(wanted["citl"], rel=close)
    odds = np.log(p / (1 - p))
    design = np.column_stack([np.ones(20), odds])
    coefficient, covariance = fit_logistic(design, left, np.zeros(20))
    assert coefficient[0] == pytest.approx(wanted["intercept_joint"], rel=close)
    assert np.sqrt(covariance[1, 1]) == pytest.approx(wanted["slope_se"], rel=1e-7)
    _, covariance = fit_logistic(np.ones((20, 1)), left, odds)
    assert np.sqrt(covariance[0, 0]) == pytest.approx(wanted["citl_se"], rel=close)


def test_calibration_error_bars_are_those_of_the_fit() -> None:
    """Where the model holds, influences and information agree on the variance."""
    rng = np.random.default_rng(3)
    odds = rng.normal(-1, 1, 40_000)
    left = (rng.random(40_000) < 1 / (1 + np.exp(-0.2 - 0.9 * odds))).astype(float)
    p = 1 / (1 + np.exp(-odds))
    score = calibration(left, p, slope=True)
    _, covariance = fit_logistic(np.column_stack([np.ones(40_000), odds]), left, np.zeros(40_000))
    assert variance(score.influence, alone(40_000), one(40_000)) == pytest.approx(covariance[1, 1], rel=0.03)
    assert abs(score.value - 0.9) < 3 * np.sqrt(covariance[1, 1])


def test_outcomes_that_are_separated_have_no_fit() -> None:
    """Nor have those that are but for ties at the border, nor a constant beside the constant."""
    odds = np.linspace(-3, 3, 60)
    tied = np.where(np.abs(odds) < 0.3, 0.0, odds)
    parted = (odds > 0).astype(float)
    mixed = np.where(tied == 0, np.arange(60) % 2, parted)
    for column, left in ((odds, parted), (tied, mixed), (np.full(60, 2.0), mixed)):
        assert fit_logistic(np.column_stack([np.ones(60), column]), left, np.zeros(60)) is None
    assert np.isnan(calibration(parted, 1 / (1 + np.exp(-odds)), slope=True).value)


def test_lift_equals_references(reference: dict[str, Any]) -> None:
    case = reference["lift200"]
    score, left = np.array(case["inputs"]["score"]), np.array(case["inputs"]["y"], float)
    wanted = case["expected"]
    for share, name in ((0.05, "lift05"), (0.1, "tdl"), (0.2, "lift20"), (0.3, "lift30")):
        assert lift(score, left, share) == pytest.approx(wanted[name], rel=1e-10), name
    shares = np.arange(1, 11) / 10
    gains = Ranking.of(score, left).collected(np.ones(200), shares, share=True) / left.sum()
    np.testing.assert_allclose(gains, wanted["gains"], rtol=1e-10)
    assert auc(left, score, one(200)).value == pytest.approx(wanted["auc"], rel=1e-10)
    ranks = np.arange(1000.0)
    arithmetic = np.concatenate([np.zeros(830), np.ones(70), np.zeros(70), np.ones(30)])
    assert lift(ranks, arithmetic, 0.1) == pytest.approx(reference["lift.arithmetic"]["expected"])


def test_scores_of_a_logistic_regression_on_telco_equal_r(reference: dict[str, Any], telco: kb.Dataset) -> None:
    case = reference["telco.logit"]["expected"]
    d = telco.table("customers")
    coded = {
        "(Intercept)": 1.0,
        "fiber": d["internet_service"] == "Fiber optic",
        "no_internet": d["internet_service"] == "No",
        "contract_one": d["contract"] == "One year",
        "contract_two": d["contract"] == "Two year",
        "senior": d["senior_citizen"],
        "partner": d["partner"],
        "dependents": d["dependents"],
        "paperless": d["paperless_billing"],
        "echeck": d["payment_method"] == "Electronic check",
        "monthly10": d["monthly_charges"] / 10,
        "time": d["tenure"],
    }
    odds = sum(case["coef"][name] * values for name, values in coded.items())
    left, p = (d["churn"] == "Yes").to_numpy(dtype=float), (1 / (1 + np.exp(-odds))).to_numpy()
    score = auc(left, p, one(len(left)))
    assert score.value == pytest.approx(case["auc"], rel=1e-9)
    assert delong(left, score.influence) == pytest.approx(case["auc_var_delong"], rel=1e-7)
    assert brier(left, p).value == pytest.approx(case["brier"], rel=1e-9)
    assert log_loss(left, p).value == pytest.approx(case["logloss"], rel=1e-9)
    assert lift(p, left, 0.1) == pytest.approx(case["top_decile_lift"], rel=1e-9)
    # in the sample it was fitted on, a logistic regression is calibrated without error
    assert calibration(left, p, slope=True).value == pytest.approx(1, abs=1e-6)
    assert calibration(left, p, slope=False).value == pytest.approx(0, abs=1e-6)


def test_maximum_profit_equals_references(reference: dict[str, Any]) -> None:
    from empulse.metrics import empc_score

    case = reference["empc.vec8"]
    terms = case["inputs"]
    left, score = np.array(terms["y"], float), np.array(terms["score"])
    found = maximum_profit(left, score, terms["clv"], terms["d"], terms["f"], terms["alpha"] / 20)
    assert found.mean() == pytest.approx(case["expected"]["EMP"], rel=1e-9)
    for seed, (value, offer, cost) in enumerate([(200, 10, 1), (50, 20, 5), (1000, 10, 1), (30, 25, 10), (100, 0, 3)]):
        left, p = drawn(seed, 200)
        wanted = empc_score(left, p, alpha=6, beta=14, clv=value, incentive_cost=offer, contact_cost=cost)
        assert maximum_profit(left, p, value, offer, cost, 0.3).mean() == pytest.approx(wanted, rel=1e-6, abs=1e-9)


# -- what always holds ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_scores_equal_scikit_learn(seed: int) -> None:
    left, p = drawn(seed)
    assert auc(left, p, one(60)).value == pytest.approx(roc_auc_score(left, p))
    assert brier(left, p).value == pytest.approx(brier_score_loss(left, p))
    assert log_loss(left, p).value == pytest.approx(sklearn_log_loss(left, p))
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], left)
    assert calibration(left, p, slope=True).value == pytest.approx(fit.coef_[0, 0], rel=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_influences_sum_to_zero_and_are_the_jackknife(seed: int) -> None:
    left, p = drawn(seed, 300)
    whole = alone(300)
    for score in (
        lambda r: auc(left[r], p[r], one(len(r))),
        lambda r: log_loss(left[r], p[r]),
        lambda r: calibration(left[r], p[r], slope=True),
        lambda r: calibration(left[r], p[r], slope=False),
    ):
        found = score(whole)
        assert found.influence.sum() == pytest.approx(0, abs=1e-9)
        dropped = seed % 300
        without = score(np.delete(whole, dropped)).value
        # leaving a row out takes its influence away; the rest is of second order
        assert found.value - without == pytest.approx(found.influence[dropped], rel=0.2, abs=5e-4)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_repeating_a_customers_rows_adds_no_certainty(seed: int) -> None:
    left, p = drawn(seed)
    customer, stayed = alone(60), (left != 1).astype(int)
    twice = np.tile(customer, 2)
    for single, double, side in (
        (auc(left, p, one(60)), auc(left[twice], p[twice], one(120)), stayed),
        (log_loss(left, p), log_loss(left[twice], p[twice]), one(60)),
    ):
        assert double.value == pytest.approx(single.value)
        plain = variance(single.influence, customer, side)
        assert variance(double.influence, twice, side[twice]) == pytest.approx(plain)
        if side.any():
            assert variance(double.influence, alone(120), side[twice]) < 0.6 * plain


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.floats(1, 500))
def test_maximum_profit_is_never_negative_and_grows_with_the_value(seed: int, acceptance: float, value: float) -> None:
    left, p = drawn(seed)
    low, high = (maximum_profit(left, p, v, 10, 1, acceptance).mean() for v in (value, 1.5 * value))
    assert 0 <= low <= high + 1e-9
    best = maximum_profit(left, left, value, 10, 1, acceptance).mean()
    assert low <= best + 1e-9  # nobody does better than one who knows


def test_calibration_is_unknown_where_it_cannot_be_told() -> None:
    left = np.array([0.0, 0, 1, 1])
    assert np.isnan(calibration(left, np.full(4, 0.3), slope=True).value)  # no spread
    assert np.isnan(calibration(left, np.array([0.1, 0.2, 0.8, 0.9]), slope=True).value)  # separated
    assert np.isnan(calibration(np.zeros(4), np.array([0.1, 0.2, 0.8, 0.9]), slope=False).value)  # nobody left
    assert calibration(left, np.full(4, 0.5), slope=False).value == pytest.approx(0, abs=1e-12)
