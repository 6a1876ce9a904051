from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from sklearn.metrics import roc_auc_score

import kbind as kb
from kbind.estimates.survival.scores import brier_score, time_dependent_auc

CASE = json.loads((Path(__file__).parents[2] / "golden" / "survival_cox.json").read_text())["telco_scores"]
TIMES = CASE["time"]


@pytest.fixture(scope="module")
def scored(telco: kb.Dataset) -> pd.DataFrame:
    """Telco with a fixed score and the predicted survival that belongs to it, rounded as in the reference."""
    customers = telco.table("customers")
    month = customers["contract"] == "Month-to-month"
    fiber = customers["internet_service"] == "Fiber optic"
    score = 1.6 * month + 0.7 * fiber + 0.3 * customers["senior_citizen"] - 0.4 * customers["partner"]
    score = np.round(score + 0.005 * customers["monthly_charges"] / 10, 6)
    stay = [1 - np.round(1 / (1 + np.exp(2.6 - score)), 8), 1 - np.round(1 / (1 + np.exp(2.3 - score)), 8)]
    event = customers["churn"] == "Yes"
    return pd.DataFrame({"duration": customers["tenure"], "event": event, "lp": score, "s24": stay[0], "s36": stay[1]})


def _plain(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return frame["duration"].to_numpy(), frame["event"].to_numpy()


# -- by hand -----------------------------------------------------------------------------------------------


def test_brier_score_takes_events_before_censorings() -> None:
    """Four at 1, one of whom leaves and one is censored then; one leaves at 2, one is there until 3.

    Three are at risk of being censored at 1, so the chance of being observed later is 2/3. With the prediction 1/2
    for all, each of the three with a known state at 2 adds 1/4 times 1, 3/2, 3/2. The other way round it would be 3/4,
    4/3, 4/3.
    """
    score = brier_score([1, 1, 2, 3], [1, 0, 1, 0], np.full((4, 1), 0.5), [2])
    assert score.value[0] == pytest.approx((1 + 1.5 + 1.5) / 16)
    assert score.value[0] != pytest.approx((1 + 4 / 3 + 4 / 3) / 16)


def test_time_dependent_auc_toy() -> None:
    """Left by 2: risks 3 (at 1, weight 1) and 1 (at 2, weight 4/3); there after 2: risks 1 and 2, weight 4/3 both.

    Of five the first leaves at 1, so that four are at risk when one is censored then: 3/4 are observed later. The
    first who left beats both who are there; the second ties with one and loses to the other, which counts 1/4.
    """
    score = time_dependent_auc([1, 1, 2, 3, 4], [1, 0, 1, 0, 0], [3, 9, 1, 1, 2], [2])
    assert score.value[0] == pytest.approx((1 + 4 / 3 * 0.25) / (1 + 4 / 3))
    frame = score.to_frame()
    assert list(frame.columns) == ["time", "auc", "auc_ci_lower", "auc_ci_upper", "std_error"]


# -- against R ------------------------------------------------------------------------------------------------


def test_brier_score_telco_equals_r(scored: pd.DataFrame) -> None:
    score = brier_score(*_plain(scored), scored[["s24", "s36"]], TIMES)
    np.testing.assert_allclose(score.value, CASE["brier"], rtol=CASE["tolerance"])
    # riskRegression's errors are .3 % too small here, see test_std_error_is_that_of_the_jackknife
    np.testing.assert_allclose(score.std_error, CASE["brier_se"], rtol=0.005)


def test_brier_score_of_kaplan_meier_equals_r(scored: pd.DataFrame) -> None:
    curve = KaplanMeierFitter().fit(scored["duration"], scored["event"]).survival_function_at_times(TIMES)
    score = brier_score(*_plain(scored), np.tile(curve, (len(scored), 1)), TIMES)
    np.testing.assert_allclose(score.value, CASE["brier_null"], rtol=CASE["tolerance"])
    np.testing.assert_allclose(score.std_error, CASE["brier_null_se"], rtol=0.006)


def test_time_dependent_auc_telco_equals_r(scored: pd.DataFrame) -> None:
    score = time_dependent_auc(*_plain(scored), scored["lp"], TIMES)
    np.testing.assert_allclose(score.value, CASE["auc"], rtol=CASE["tolerance"])
    np.testing.assert_allclose(score.std_error, CASE["auc_se"], rtol=1e-6)
    each = time_dependent_auc(*_plain(scored), 1 - scored[["s24", "s36"]], TIMES)
    np.testing.assert_allclose(each.value, score.value, rtol=1e-12)  # the same order at both horizons


def test_brier_score_is_not_that_of_the_plain_censoring_curve(scored: pd.DataFrame) -> None:
    """Kaplan-Meier with the flag turned round takes censorings first: .12270 at 24 months instead of .12308."""
    duration, event = _plain(scored)
    reverse = KaplanMeierFitter().fit(duration, ~event)
    left, there = event & (duration <= 24), duration > 24
    before = reverse.survival_function_at_times(duration - 1e-9).to_numpy()
    weight = np.where(left, 1 / before, there / reverse.predict(24))
    wrong = float((weight * (there - scored["s24"]) ** 2).mean())
    assert wrong == pytest.approx(CASE["wrong_order"]["brier"][0], rel=1e-9)
    right = brier_score(duration, event, scored[["s24"]], [24]).value[0]
    assert (round(wrong, 5), round(float(right), 5)) == (0.1227, 0.12308)


# -- what always holds ------------------------------------------------------------------------------------------


def random_lives(seed: int, n: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n).round(1)
    left = np.ceil(rng.exponential(8 * np.exp(-0.7 * risk)))
    watched = rng.integers(0, 25, n)
    return np.minimum(left, watched), left <= watched, risk


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_without_censoring_scores_are_the_plain_ones(seed: int) -> None:
    duration, _, risk = random_lives(seed)
    stay = 1 / (1 + np.exp(risk))[:, None]
    there = duration > 4
    assert brier_score(duration, np.ones(80), stay, [4]).value[0] == pytest.approx(((there - stay[:, 0]) ** 2).mean())
    auc = time_dependent_auc(duration, np.ones(80), risk, [4]).value[0]
    assert auc == pytest.approx(roc_auc_score(~there, risk))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_auc_depends_on_order_only_and_turns_round(seed: int) -> None:
    duration, event, risk = random_lives(seed)
    plain, order = time_dependent_auc(duration, event, risk, [3, 6]), np.random.default_rng(seed).permutation(80)
    bent = time_dependent_auc(duration[order], event[order], np.exp(risk)[order], [3, 6])
    np.testing.assert_allclose(bent.value, plain.value, rtol=1e-12)
    np.testing.assert_allclose(bent.std_error, plain.std_error, rtol=1e-10)
    turned = time_dependent_auc(duration, event, -risk, [3, 6])
    np.testing.assert_allclose(turned.value, 1 - plain.value, rtol=1e-10)
    np.testing.assert_allclose(turned.std_error, plain.std_error, rtol=1e-8)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_repeating_all_customers_changes_no_score(seed: int) -> None:
    duration, event, risk = random_lives(seed)
    stay = 1 / (1 + np.exp(risk))[:, None] ** [1.0, 2.0]
    twice = [np.concatenate((a, a)) for a in (duration, event, stay, risk)]
    for plain, double in (
        (brier_score(duration, event, stay, [3, 6]), brier_score(*twice[:3], [3, 6])),
        (time_dependent_auc(duration, event, risk, [3, 6]), time_dependent_auc(*twice[:2], twice[3], [3, 6])),
    ):
        np.testing.assert_allclose(double.value, plain.value, rtol=1e-12)
        np.testing.assert_allclose(double.std_error * np.sqrt(159), plain.std_error * np.sqrt(79), rtol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_influence_sums_to_zero_and_weights_to_one(seed: int) -> None:
    duration, event, risk = random_lives(seed)
    nobody_stays = brier_score(duration, event, np.zeros((80, 2)), [3, 6])
    all_stay = brier_score(duration, event, np.ones((80, 2)), [3, 6])
    # with events before censorings the weights of those who left and of those who are there add up to n
    np.testing.assert_allclose(nobody_stays.value + all_stay.value, 1, rtol=1e-12)
    for score in (nobody_stays, all_stay, time_dependent_auc(duration, event, risk, [3, 6])):
        np.testing.assert_allclose(score.influence.mean(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("measure", ["brier", "auc"])
def test_std_error_is_that_of_the_jackknife(measure: str) -> None:
    """Leave out one after the other; monthly data, so that what is done at ties shows."""
    duration, event, risk = random_lives(1, n=1000)
    stay = 1 / (1 + np.exp(risk))[:, None]

    def score(rows: np.ndarray) -> Any:
        if measure == "brier":
            return brier_score(duration[rows], event[rows], stay[rows], [6])
        return time_dependent_auc(duration[rows], event[rows], risk[rows], [6])

    everybody = np.arange(1000)
    without = np.array([score(np.delete(everybody, k)).value[0] for k in everybody])
    jackknife = np.sqrt(999 / 1000 * ((without - without.mean()) ** 2).sum())
    assert score(everybody).std_error[0] == pytest.approx(jackknife, rel=1e-3 if measure == "brier" else 5e-3)


def test_scores_are_unbiased_and_intervals_cover() -> None:
    """400 simulated data sets, half of the customers censored; the truth from the same world without censoring."""
    rng, runs, n = np.random.default_rng(8), 400, 250

    def world(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        risk = rng.normal(size=size)
        left = np.ceil(rng.exponential(12 * np.exp(-0.8 * risk)))
        return left, np.ceil(rng.uniform(0, 20, size)), risk

    def stay(risk: np.ndarray) -> np.ndarray:
        return np.exp(-0.6 * np.exp(0.8 * risk))[:, None]

    left, _, risk = world(400_000)
    truth = np.array([np.square((left > 6) - stay(risk)[:, 0]).mean(), roc_auc_score(left <= 6, risk)])
    values, inside = np.empty((runs, 2)), np.zeros(2)
    for run in range(runs):
        left, watched, risk = world(n)
        duration, event = np.minimum(left, watched), left <= watched
        scores = brier_score(duration, event, stay(risk), [6]), time_dependent_auc(duration, event, risk, [6])
        values[run] = [score.value[0] for score in scores]
        inside += [abs(s.value[0] - t) <= 1.96 * s.std_error[0] for s, t in zip(scores, truth, strict=True)]
    assert np.all(np.abs(values.mean(axis=0) - truth) < 3 * values.std(axis=0) / np.sqrt(runs) + 5e-4)
    assert np.all(np.abs(inside / runs - 0.95) <= 3 * np.sqrt(0.95 * 0.05 / runs))


def test_integrated_is_the_trapezoidal_average() -> None:
    duration, event, risk = random_lives(2)
    stay = 1 / (1 + np.exp(risk))[:, None] ** [0.5, 1.0, 2.0]
    score = brier_score(duration, event, stay, [2, 4, 10])
    average = score.integrated()
    first, second, third = score.value
    assert average.value == pytest.approx(((first + second) / 2 * 2 + (second + third) / 2 * 6) / 8)
    assert 0 < average.std_error < score.std_error.max()
    same = brier_score(duration, event, stay[:, :1], [4])
    with pytest.raises(kb.ArgumentError, match="at least two"):
        same.integrated()


# -- what is unknown, and what is refused ---------------------------------------------------------------------------


def test_beyond_the_data_is_unknown() -> None:
    duration, event = [1, 2, 3, 4], [1, 0, 1, 0]
    score = brier_score(duration, event, np.full((4, 4), 0.5), [3, 4, 5, 0.5])
    assert np.isnan(score.value).tolist() == [False, True, True, False]  # at 4 the last one is censored
    assert np.isnan(time_dependent_auc(duration, event, [4, 3, 2, 1], [0.5, 4]).value).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predicted_survival": np.full((4, 2), 0.5)}, r"predicted_survival has shape \(4, 2\); allowed: \(4, 1\)"),
        ({"predicted_survival": [[1.2], [0], [0], [0]]}, "outside 0 to 1"),
        ({"predicted_survival": [[np.nan], [0], [0], [0]]}, "column '2', has 1 missing value"),
        ({"event": [1, 0, 1]}, "event has shape"),
        ({"duration": [1, 2, np.inf, 3]}, "duration has 1 infinite value"),
        ({"times": [np.nan]}, "times has 1 missing value"),
    ],
)
def test_brier_score_refuses(change: dict[str, Any], message: str) -> None:
    good = {"duration": [1, 2, 3, 4], "event": [1, 0, 1, 0], "predicted_survival": np.full((4, 1), 0.5), "times": [2]}
    with pytest.raises(kb.ArgumentError, match=message):
        brier_score(**good | change)
