from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, CoxTimeVaryingFitter
from lifelines.datasets import load_stanford_heart_transplants

import kbind as kb
from kbind.survival.cox import CoxFit, fit_cox

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival_cox.json").read_text())


def telco_covariates(customers: pd.DataFrame) -> np.ndarray:
    fiber = customers["internet_service"] == "Fiber optic"
    columns = [fiber, customers["senior_citizen"], customers["partner"], customers["monthly_charges"] / 10]
    return np.column_stack(columns).astype(float)


@pytest.fixture(scope="module")
def telco_fit(telco: kb.Dataset) -> CoxFit:
    customers = telco.table("customers")
    names = GOLDEN["telco_cox"]["names"]
    return fit_cox(customers["tenure"], customers["churn"] == "Yes", telco_covariates(customers), names=names)


def null_of(fit: CoxFit) -> float:
    """Logarithm of the partial likelihood with all coefficients 0."""
    return fit.lifelines.log_likelihood_ - fit.lifelines.log_likelihood_ratio_test().test_statistic / 2


def random_lives(seed: int, n: int = 60, months: int = 8) -> dict[str, np.ndarray]:
    """Monthly lives with ties, duration 0, late entries, strata and weights."""
    rng = np.random.default_rng(seed)
    duration = rng.integers(0, months, n).astype(float)
    entry = np.where(rng.random(n) < 0.4, np.floor(rng.random(n) * duration), 0.0)
    return {
        "duration": duration,
        "event": rng.random(n) < 0.6,
        "covariates": np.column_stack([rng.normal(size=n), rng.random(n) < 0.5]),
        "entry": entry,
        "strata": rng.integers(0, 2, n),
        "weights": rng.choice([0.5, 1.0, 2.0], n),
    }


def loglik_by_definition(lives: dict[str, np.ndarray], beta: np.ndarray) -> float:
    """Efron's partial likelihood, written down as in the textbook."""
    eta, total = lives["covariates"] @ beta, 0.0
    risk = lives["weights"] * np.exp(eta)
    for stratum in np.unique(lives["strata"]):
        here = lives["strata"] == stratum
        for t in np.unique(lives["duration"][here & lives["event"]]):
            start = np.where(lives["entry"] <= 0, -np.inf, lives["entry"])
            at_risk = here & (start < t) & (t <= lives["duration"])
            dead = np.flatnonzero(here & lives["event"] & (lives["duration"] == t))
            total += float(lives["weights"][dead] @ eta[dead])
            for k in range(len(dead)):
                compared = risk[at_risk].sum() - k / len(dead) * risk[dead].sum()
                total -= lives["weights"][dead].mean() * np.log(compared)
    return total


# -- by hand ---------------------------------------------------------------------------------------


def test_fit_cox_tied_toy() -> None:
    """Two of four leave at 1 (x = 1 and 0), one at 2 (x = 0), one (x = 1) is still there at 3.

    With r = exp(coef): at 1 all are at risk, 2r + 2, then by Efron less half of those who leave, 1.5 (r + 1); at 2
    one of each, r + 1. L = r / (2 (r + 1) 1.5 (r + 1) (r + 1)), largest where 1 / r = 3 / (1 + r): r = 1/2, L = 4/81.
    Each of the three has the information r / (1 + r)^2 = 2/9.
    """
    fit = fit_cox([1, 1, 2, 3], [1, 1, 1, 0], [[1], [0], [0], [1]])
    assert np.exp(fit.coef[0]) == pytest.approx(0.5, rel=1e-12)
    assert fit.lifelines.log_likelihood_ == pytest.approx(np.log(4 / 81), rel=1e-12)
    assert null_of(fit) == pytest.approx(-np.log(4 * 3 * 2), rel=1e-12)
    assert fit.cov[0, 0] == pytest.approx(1.5, rel=1e-10)
    assert (fit.n, fit.events, fit.names) == (4, 3, ("x1",))
    frame = fit.to_frame()
    assert list(frame.columns) == [
        "covariate", "coef", "hazard_ratio", "hazard_ratio_ci_lower", "hazard_ratio_ci_upper", "std_error", "z",
        "p_value",
    ]  # fmt: skip
    assert frame["hazard_ratio_ci_upper"][0] == pytest.approx(0.5 * np.exp(1.959964 * np.sqrt(1.5)), rel=1e-6)


def test_fit_cox_counts_duration_zero() -> None:
    # leaving at once is an event like any other: shifting all times by one changes nothing
    covariates = [[1], [0], [0], [1]]
    at_once = fit_cox([0, 0, 2, 3], [1, 1, 1, 0], covariates)
    assert at_once.coef[0] == pytest.approx(np.log(0.5), rel=1e-12)
    with_entry = fit_cox([0, 0, 2, 3], [1, 1, 1, 0], covariates, entry=[0, 0, 0, -np.inf])
    assert with_entry.coef[0] == at_once.coef[0]


def test_fit_cox_entry_at_event_time_is_not_at_risk() -> None:
    # the late one would be the fourth at 1, but is only in the comparison at 2: three rows at 1, three at 2
    fit = fit_cox([1, 2, 3, 3], [1, 1, 0, 0], [[1], [0], [1], [0]], entry=[0, 0, 0, 1])
    assert null_of(fit) == pytest.approx(-np.log(3 * 3), rel=1e-12)


# -- against R ---------------------------------------------------------------------------------------------


def test_fit_cox_telco_equals_r(telco_fit: CoxFit) -> None:
    case, frame = GOLDEN["telco_cox"], telco_fit.to_frame()
    np.testing.assert_allclose(telco_fit.coef, case["coef"], rtol=case["tolerance"])
    np.testing.assert_allclose(frame["std_error"], case["se"], rtol=case["tolerance"])
    np.testing.assert_allclose(frame["z"], case["z"], rtol=case["tolerance"])
    np.testing.assert_allclose(frame["p_value"], case["p"], rtol=1e-8)
    assert telco_fit.lifelines.log_likelihood_ == pytest.approx(case["loglik"], rel=case["tolerance"])
    assert null_of(telco_fit) == pytest.approx(case["loglik_null"], rel=case["tolerance"])
    ratio = telco_fit.lifelines.log_likelihood_ratio_test()
    assert (ratio.test_statistic, ratio.degrees_freedom) == (pytest.approx(case["lr_chisq"], rel=case["tolerance"]), 4)
    assert ratio.p_value < 1e-200
    assert (telco_fit.n, telco_fit.events) == (case["n"], case["nevent"])


def test_fit_cox_freireich_equals_textbook() -> None:
    case = GOLDEN["freireich"]
    fit = fit_cox(case["time"], case["event"], np.array(case["treated"])[:, None])
    assert fit.coef[0] == pytest.approx(case["coef"], abs=case["tolerance"])
    assert fit.std_error[0] == pytest.approx(case["se"], abs=case["tolerance"])
    assert round(fit.coef[0], 3) == case["published"]


def test_fit_cox_stratified_equals_r() -> None:
    case = GOLDEN["stratified"]
    fit = fit_cox(case["time"], case["event"], np.array(case["x"])[:, None], strata=case["stratum"])
    _assert_printed(fit, case)


def test_fit_cox_start_stop_equals_r() -> None:
    case = GOLDEN["start_stop"]
    fit = fit_cox(case["stop"], case["event"], np.array(case["x"])[:, None], entry=case["start"])
    assert fit.coef[0] == pytest.approx(case["coef"], abs=5e-6)
    assert fit.std_error[0] == pytest.approx(case["se"], abs=5e-6)


def test_fit_cox_weighted_equals_r() -> None:
    case = GOLDEN["weighted"]
    rows = fit_cox(
        case["time"], case["event"], np.array(case["x"])[:, None], entry=case["begin"], weights=case["weight"]
    )
    one = case["single"]
    single = fit_cox(one["time"], one["event"], np.array(one["x"])[:, None], weights=one["weight"])
    _assert_printed(rows, case)
    _assert_printed(single, case)
    assert rows.coef[0] == pytest.approx(single.coef[0], rel=1e-12)


def _assert_printed(fit: CoxFit, case: dict[str, Any]) -> None:
    ratio = fit.lifelines.log_likelihood_ratio_test()
    found = (fit.coef[0], fit.std_error[0], ratio.test_statistic, ratio.p_value)
    for value, name, tolerance in zip(found, ("coef", "se", "lr_chisq", "lr_p"), case["tolerance"], strict=True):
        assert value == pytest.approx(case[name], abs=tolerance), name


# -- against lifelines, where it agrees with R ---------------------------------------------------------------


def _lifelines(lives: dict[str, np.ndarray], **kwargs: Any) -> CoxPHFitter:
    frame = pd.DataFrame(lives["covariates"], columns=["a", "b"])
    frame["t"], frame["e"] = lives["duration"], lives["event"]
    for name in ("entry", "strata"):
        if f"{name}_col" in kwargs or name in kwargs:
            frame[name] = lives[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CoxPHFitter().fit(frame, "t", "e", fit_options={"precision": 1e-10}, **kwargs)


@pytest.mark.parametrize("parts", [(), ("strata",), ("entry",), ("entry", "strata")])
def test_fit_cox_equals_lifelines(parts: tuple[str, ...]) -> None:
    lives = random_lives(7, n=300, months=20)
    lives["duration"] += 1
    options = {"entry": {"entry_col": "entry"}, "strata": {"strata": ["strata"]}}
    theirs = _lifelines(lives, **{k: v for part in parts for k, v in options[part].items()})
    mine = fit_cox(lives["duration"], lives["event"], lives["covariates"], **{part: lives[part] for part in parts})
    np.testing.assert_allclose(mine.coef, theirs.params_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(mine.std_error, theirs.standard_errors_, rtol=1e-6)
    assert mine.lifelines.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-8)


def test_fit_cox_equals_lifelines_on_changing_covariates() -> None:
    heart = load_stanford_heart_transplants()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = CoxTimeVaryingFitter().fit(heart, id_col="id", event_col="event", start_col="start", stop_col="stop")
    columns = ["age", "year", "surgery", "transplant"]
    mine = fit_cox(heart["stop"], heart["event"], heart[columns], entry=heart["start"], names=columns)
    np.testing.assert_allclose(mine.coef, theirs.params_[columns], rtol=1e-4)
    np.testing.assert_allclose(mine.std_error, theirs.standard_errors_[columns], rtol=1e-5)
    assert mine.lifelines.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-9)


# -- what always holds ----------------------------------------------------------------------------------------

seeds = st.integers(0, 10_000)


def _same(first: CoxFit, second: CoxFit) -> None:
    np.testing.assert_allclose(first.coef, second.coef, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(first.cov, second.cov, rtol=1e-7, atol=1e-12)
    assert first.lifelines.log_likelihood_ == pytest.approx(second.lifelines.log_likelihood_, rel=1e-10)
    assert null_of(first) == pytest.approx(null_of(second), rel=1e-10)


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_fit_cox_is_the_maximum_of_the_likelihood_by_definition(seed: int) -> None:
    lives = random_lives(seed)
    fit, h = fit_cox(**lives), 1e-4
    assert fit.lifelines.log_likelihood_ == pytest.approx(loglik_by_definition(lives, fit.coef), rel=1e-10)
    assert null_of(fit) == pytest.approx(loglik_by_definition(lives, np.zeros(2)), rel=1e-10)
    information = np.linalg.inv(fit.cov)
    for j, unit in enumerate(np.eye(2)):
        up, down = (loglik_by_definition(lives, fit.coef + sign * h * unit) for sign in (1, -1))
        assert (up - down) / (2 * h) == pytest.approx(0, abs=1e-4)
        assert -(up + down - 2 * fit.lifelines.log_likelihood_) / h**2 == pytest.approx(information[j, j], rel=1e-4)


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_order_of_rows_does_not_matter(seed: int) -> None:
    lives, order = random_lives(seed), np.random.default_rng(seed).permutation(60)
    _same(fit_cox(**lives), fit_cox(**{name: values[order] for name, values in lives.items()}))


@settings(deadline=None, max_examples=25)
@given(seeds, st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_origin_and_unit_of_covariates_do_not_matter(seed: int, shift: float, unit: float) -> None:
    lives = random_lives(seed)
    plain = fit_cox(**lives)
    moved = fit_cox(**lives | {"covariates": lives["covariates"] * unit + shift})
    np.testing.assert_allclose(moved.coef * unit, plain.coef, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moved.cov * unit**2, plain.cov, rtol=1e-5, atol=1e-9)
    assert moved.lifelines.log_likelihood_ == pytest.approx(plain.lifelines.log_likelihood_, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(seeds, st.floats(0.05, 0.95))
def test_splitting_a_row_changes_nothing(seed: int, share: float) -> None:
    lives = random_lives(seed)
    cut = lives["entry"] + share * (lives["duration"] - lives["entry"])
    long = lives["duration"] > lives["entry"]
    first = {name: values[long] for name, values in lives.items()}
    first |= {"duration": cut[long], "event": np.zeros(long.sum(), bool)}
    second = lives | {"entry": np.where(long, cut, lives["entry"])}
    _same(fit_cox(**lives), fit_cox(**{name: np.concatenate((first[name], second[name])) for name in lives}))


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_only_the_order_of_times_matters(seed: int) -> None:
    lives = random_lives(seed)
    _same(fit_cox(**lives), fit_cox(**lives | {"duration": lives["duration"] ** 2, "entry": lives["entry"] ** 2}))


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_strata_and_weights_add_up(seed: int) -> None:
    lives = random_lives(seed)
    fit = fit_cox(**lives)
    double = {name: np.concatenate((values, values)) for name, values in lives.items()}
    double["strata"] = np.concatenate((lives["strata"], lives["strata"] + 2))
    for twice in (fit_cox(**double), fit_cox(**lives | {"weights": 2 * lives["weights"]})):
        np.testing.assert_allclose(twice.coef, fit.coef, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(2 * twice.cov, fit.cov, rtol=1e-7)


def test_intervals_cover_as_often_as_they_say() -> None:
    """300 simulated monthly data sets of 200 customers; true coefficients .7 and -.5."""
    rng, true, runs = np.random.default_rng(20240501), np.array([0.7, -0.5]), 300
    inside = np.zeros(2)
    for _ in range(runs):
        x = np.column_stack([rng.random(200) < 0.4, rng.normal(size=200)]).astype(float)
        left = rng.exponential(1 / (0.02 * np.exp(x @ true)))
        watched = rng.uniform(10, 60, 200)
        # weeks: so few ties that Efron's method is all but exact
        duration = np.ceil(np.minimum(left, watched) * 4.35)
        fit = fit_cox(duration, left <= watched, x)
        inside += np.abs(fit.coef - true) <= 1.959964 * fit.std_error
    assert np.all(np.abs(inside / runs - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / runs))


# -- what is refused -------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "duration": [1, 2, 3, 4, 5, 6], "event": [1, 1, 0, 1, 1, 0],
    "covariates": np.array([[1, 3], [0, 1], [1, 4], [0, 1], [1, 5], [0, 9.0]]), "names": ["a", "b"],
}  # fmt: skip
B = GOOD["covariates"][:, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event": [0] * 6}, "no event"),
        ({"covariates": np.column_stack([np.full(6, 0.1), B])}, "'a' is constant"),
        ({"covariates": np.column_stack([2 * B + 1, B])}, "'b' is a combination of 'a'"),
        ({"covariates": np.column_stack([[1, 1, 1, 0, 0, 0], B]), "strata": [1, 1, 1, 2, 2, 2]}, "'a' never differs"),
        ({"covariates": np.column_stack([[1, 1, 0, 1, 1, 0], B])}, "no estimate exists for covariate 'a'"),
    ],
)
def test_fit_cox_says_what_the_data_lacks(change: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.NotEnoughData, match=message):
        fit_cox(**GOOD | change)


def test_fit_cox_names_only_the_separating_covariate() -> None:
    rng = np.random.default_rng(3)
    noise, group = rng.normal(size=400), rng.random(400) < 0.3
    event = (rng.random(400) < 0.5) & ~group  # nobody of the group has left
    with pytest.raises(kb.NotEnoughData, match="covariate 'loyal': it separates"):
        fit_cox(rng.integers(1, 12, 400), event, np.column_stack([noise, group]), names=["noise", "loyal"])


@pytest.mark.parametrize("shape", ["ordered", "first", "combination"])
def test_fit_cox_refuses_what_has_no_estimate(shape: str) -> None:
    rng, n = np.random.default_rng(3), 2000
    duration, event, other = np.ceil(rng.exponential(10, n)), rng.random(n) < 0.5, rng.normal(size=n)
    covariates = {
        "ordered": -duration[:, None],  # the higher it is, the earlier everybody left
        "first": (np.arange(n) == 0)[:, None],  # one customer, who was the first to leave
        "combination": np.column_stack([other - duration, other]),
    }[shape]
    if shape == "first":
        duration[0], event[0] = 0, True
    with pytest.raises(kb.NotEnoughData, match="no estimate exists for covariate"):
        fit_cox(duration, event, covariates)


def test_fit_cox_finds_large_effects() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2000, 1))
    left = rng.exponential(np.exp(-10 * x[:, 0]))
    fit = fit_cox(np.minimum(left, 1), left < 1, x)
    assert abs(fit.coef[0] - 10) < 3 * fit.std_error[0] < 1


def test_fit_cox_finds_rare_and_unscaled_covariates() -> None:
    # one customer in 5,000 has the attribute, charges are in cents, and a time stamp is far from zero
    rng, n = np.random.default_rng(5), 5000
    rare, cents, stamp = np.arange(n) < 3, rng.normal(size=n) * 1e6, 1.7e9 + rng.uniform(0, 1e7, n)
    event = rng.random(n) < 0.3
    event[0] = True
    fit = fit_cox(rng.integers(0, 24, n), event, np.column_stack([rare, cents, stamp]))
    assert np.isfinite(fit.std_error).all()
    assert np.all(np.abs(fit.coef / fit.std_error) < 4)
