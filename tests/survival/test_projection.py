from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import betaln

import kbind as kb
from kbind.survival.projection import RetentionProjection

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival_projection.json").read_text())
COLUMNS = ["period", "survival", "survival_ci_lower", "survival_ci_upper", "observed", "retention_rate"]
NO_LIFETIME = "expected lifetime does not exist"


def quietly(survivors: Any, horizon: int = 12, **options: Any) -> RetentionProjection:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return kb.project_retention(survivors, horizon=horizon, **options)


def log_likelihood(survivors: np.ndarray, alpha: float, beta: float) -> float:
    """As the paper writes it: who left in period t, and who is still there."""
    t = np.arange(1, len(survivors))
    left = betaln(alpha + 1, beta + t - 1) - betaln(alpha, beta)
    stayed = betaln(alpha, beta + t[-1]) - betaln(alpha, beta)
    return float(-np.diff(survivors) @ left + survivors[-1] * stayed)


@pytest.fixture(scope="module")
def high_end() -> RetentionProjection:
    return quietly(GOLDEN["high_end"]["survivors"][:8])


# -- against the paper -----------------------------------------------------------------------------


def test_project_retention_high_end(high_end: RetentionProjection) -> None:
    golden = GOLDEN["high_end"]
    parameters = high_end.parameters().set_index("parameter")
    for name in ("alpha", "beta"):
        assert getattr(high_end, name) == parameters.loc[name, "estimate"]
        assert parameters.loc[name, "estimate"] == pytest.approx(golden[name], rel=golden["tolerance"])
        assert parameters.loc[name, "std_error"] == pytest.approx(golden[f"se_{name}"], rel=golden["tolerance"])
        assert parameters.loc[name, "ci_lower"] < golden[name] < parameters.loc[name, "ci_upper"]
    assert high_end.log_likelihood == pytest.approx(golden["log_likelihood"], abs=1e-8)
    assert high_end.mean_churn == pytest.approx(golden["mean_churn"], rel=golden["tolerance"])
    frame = high_end.to_frame()
    assert list(frame.columns) == COLUMNS
    np.testing.assert_allclose(frame["survival"], golden["survival"], atol=1e-7)
    np.testing.assert_allclose(frame["retention_rate"][1:], golden["retention_rate"], atol=1e-7)
    np.testing.assert_allclose(frame["observed"][:8], np.array(golden["survivors"][:8]) / 1000)
    assert frame["observed"][8:].isna().all()
    for alpha, beta, expected in golden["log_likelihood_at"]:
        assert log_likelihood(np.array(golden["survivors"][:8]), alpha, beta) == pytest.approx(expected)


def test_project_retention_regular() -> None:
    golden = GOLDEN["regular"]
    regular = quietly(golden["survivors"][:8])
    assert regular.alpha == pytest.approx(golden["alpha"], abs=golden["tolerance"])
    assert regular.beta == pytest.approx(golden["beta"], abs=golden["tolerance"])


def test_holdout_of_years_8_to_12(high_end: RetentionProjection) -> None:
    golden = GOLDEN["high_end"]
    check = high_end.holdout(golden["survivors"][8:])
    assert check["period"].tolist() == [8, 9, 10, 11, 12]
    assert check["survivors"].tolist() == golden["survivors"][8:]
    np.testing.assert_allclose(check["survival"], golden["survival"][8:], atol=1e-7)
    assert check["error"].iloc[-1] == pytest.approx(golden["year_12_error"], abs=1e-6)
    regular = quietly(GOLDEN["regular"]["survivors"][:8]).holdout(GOLDEN["regular"]["survivors"][8:])
    for row in (*check.itertuples(), *regular.itertuples()):
        assert row.survival_ci_lower < row.observed < row.survival_ci_upper
        assert abs(row.error) < 0.05


# -- where the model ends --------------------------------------------------------------------------


def test_expected_lifetime_is_the_sum_of_the_curve() -> None:
    projection = kb.project_retention([1000, 600, 390, 270, 195], horizon=200_000)
    assert projection.alpha > 2
    assert projection.expected_lifetime == pytest.approx(projection.to_frame()["survival"].sum(), rel=1e-3)
    alpha, beta = projection.alpha, projection.beta
    assert projection.expected_lifetime == pytest.approx((alpha + beta - 1) / (alpha - 1))
    assert f"Expected lifetime: {projection.expected_lifetime:.4g} periods" in projection.definition


def test_expected_lifetime_that_does_not_exist() -> None:
    with pytest.warns(UserWarning, match=f"{NO_LIFETIME}: alpha = 0.668"):
        projection = kb.project_retention(GOLDEN["high_end"]["survivors"][:8], horizon=12)
    assert projection.expected_lifetime == np.inf
    assert NO_LIFETIME in projection.definition
    assert NO_LIFETIME in projection._repr_html_()


def test_retention_that_does_not_rise_is_one_constant_rate() -> None:
    with pytest.warns(UserWarning, match="does not rise with age"):
        projection = kb.project_retention([1000, 900, 700], horizon=3)
    churn = 300 / 1900
    frame = projection.to_frame()
    np.testing.assert_allclose(frame["survival"], (1 - churn) ** np.arange(4))
    assert projection.expected_lifetime == pytest.approx(1 / churn)
    assert (projection.alpha, projection.beta, projection.mean_churn) == (np.inf, np.inf, pytest.approx(churn))
    assert projection.parameters()["ci_lower"].isna().all()
    # one binomial rate on the log(-log) scale
    half = 1.959964 * np.sqrt(churn / (1900 * (1 - churn))) / -np.log(1 - churn)
    assert frame["survival_ci_lower"][1] == pytest.approx((1 - churn) ** np.exp(half), abs=1e-6)


def test_horizon_within_what_was_observed() -> None:
    frame = quietly(GOLDEN["high_end"]["survivors"], horizon=2).to_frame()
    assert frame["period"].tolist() == [0, 1, 2]
    assert frame["observed"].tolist() == [1, 0.869, 0.743]
    assert frame.loc[0, ["survival", "survival_ci_lower", "survival_ci_upper"]].tolist() == [1, 1, 1]


def test_nobody_left_at_the_end_and_a_hold_out_of_nobody() -> None:
    projection = quietly([100, 20, 12, 0], horizon=4)
    assert projection.to_frame()["survival"].between(0, 1).all()
    assert projection.holdout([0])["error"].isna().all()


# -- always ----------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 40), min_size=2, max_size=8), st.integers(1, 200))
@settings(max_examples=150, deadline=None)
def test_fit_is_the_maximum(losses: list[int], rest: int) -> None:
    assume(any(losses[1:]))
    survivors = np.cumsum([rest, *losses[::-1]])[::-1].astype(float)
    projection = quietly(survivors, horizon=20)
    if projection.spread:
        found = log_likelihood(survivors, projection.alpha, projection.beta)
        assert found == pytest.approx(projection.log_likelihood, rel=1e-5)
    grid = np.exp(np.linspace(-7, 9, 33))
    best = max(log_likelihood(survivors, alpha, beta) for alpha in grid for beta in grid)
    assert projection.log_likelihood >= best - 1e-6 * abs(best)
    frame = projection.to_frame()
    inner = frame.iloc[1:]
    assert (inner["survival_ci_lower"] <= inner["survival"]).all()
    assert (inner["survival"] <= inner["survival_ci_upper"]).all()
    assert frame["survival"].is_monotonic_decreasing
    assert inner["retention_rate"].diff().iloc[1:].ge(-1e-12).all()


@given(st.integers(2, 50))
@settings(max_examples=20, deadline=None)
def test_a_larger_cohort_with_the_same_shares_narrows_the_intervals(times: int) -> None:
    survivors = np.array(GOLDEN["high_end"]["survivors"][:8])
    one, many = quietly(survivors), quietly(survivors * times)
    np.testing.assert_allclose(many.to_frame()["survival"], one.to_frame()["survival"], atol=1e-9)
    np.testing.assert_allclose(
        many.parameters()["std_error"] * np.sqrt(times), one.parameters()["std_error"], rtol=1e-6
    )


# -- arguments -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("survivors", "message"),
    [
        ([100, 80, 81], r"survivors\[2\]=81 is more than the 80 before"),
        ([100, -1, -2], r"survivors\[1\]=-1 is no number of customers"),
        ([100, None, 80], r"survivors\[1\]=nan is no number"),
        ([1, 0.8, 0.7], r"survivors\[1\]=0.8 is no number of customers; allowed: whole numbers from 0, not shares"),
        ([np.inf, 5, 4], r"survivors\[0\]=inf"),
        ([100, 80], r"at least 3 numbers in a row and has shape \(2,\)"),
        (100, r"has shape \(\)"),
        (["a", "b", "c"], "something else than numbers"),
        ([0, 0, 0], r"survivors\[0\]=0 is no cohort"),
    ],
)
def test_survivors_that_cannot_be(survivors: Any, message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.project_retention(survivors, horizon=5)


def test_survivors_that_say_too_little() -> None:
    for survivors, message in (
        ([100, 100, 100], "stay at 100: nobody left"),
        ([100, 80, 80], "stay at 80 from position 1 on"),
    ):
        with pytest.raises(kb.NotEnoughData, match=message):
            kb.project_retention(survivors, horizon=5)


def test_other_arguments_that_cannot_be(high_end: RetentionProjection) -> None:
    for horizon in (0, 2.5, True, "12"):
        with pytest.raises(kb.ArgumentError, match="is no number of periods"):
            kb.project_retention([100, 80, 70], horizon=horizon)
    with pytest.raises(kb.ArgumentError, match="conf_level=2"):
        kb.project_retention([100, 80, 70], horizon=3, conf_level=2)
    with pytest.raises(kb.ArgumentError, match=r"survivors_later\[0\]=500 is more than the 491 before"):
        high_end.holdout([500])


# -- error rates -----------------------------------------------------------------------------------


def test_intervals_cover() -> None:
    rng = np.random.default_rng(3)
    alpha, beta, runs = 1.5, 4.0, 2000
    periods = np.arange(1, 13)
    truth = np.exp(betaln(alpha, beta + periods) - betaln(alpha, beta))
    left = -np.diff([1, *truth[:7]])
    covered, covered_parameters = np.zeros(12), np.zeros(2)
    for _ in range(runs):
        losses = rng.multinomial(1500, [*left, truth[6]])[:-1]
        projection = quietly(1500 - np.concatenate([[0], np.cumsum(losses)]))
        frame = projection.to_frame().iloc[1:]
        covered += (frame["survival_ci_lower"] <= truth) & (truth <= frame["survival_ci_upper"])
        parameters = projection.parameters()
        covered_parameters += (parameters["ci_lower"] <= [alpha, beta]) & ([alpha, beta] <= parameters["ci_upper"])
    tolerance = 3 * np.sqrt(0.95 * 0.05 / runs)
    assert np.all(np.abs(covered / runs - 0.95) <= tolerance), covered / runs
    assert np.all(np.abs(covered_parameters / runs - 0.95) <= tolerance), covered_parameters / runs
