from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare, ttest_ind

from kbind.experiments.arms import (
    adjusted,
    cuped,
    excludes,
    hazard_ratio,
    mean_time,
    outcome_values,
    placebo,
    plain,
    sample_ratio,
    width,
)
from kbind.experiments.campaign import Assigned
from kbind.experiments.covariates import covariates_of, independent, matrix
from simulations.effects import drawn


@pytest.fixture(scope="module")
def people() -> Assigned:
    return drawn(np.random.default_rng(7), 1500, 0.6)


def test_plain_is_newcombes_difference() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 873-890, table II (a), method 10: 56/70 against 48/80
    kept, treated = np.repeat([1.0, 0, 1, 0], [56, 14, 48, 32]), np.arange(150) < 70
    assert tuple(plain(kept, treated, "retained", 0.95)) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    found = ttest_ind(kept[treated], kept[~treated], equal_var=False).confidence_interval()
    assert plain(kept, treated, "mean", 0.95).interval == pytest.approx((found.low, found.high))


def test_cuped_with_one_column_is_what_tea_tasting_computes() -> None:
    # tea-tasting, Mean(covariate=...): theta of both arms together, means less theta (x - mean of all), Welch's test
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    treated = rng.random(400) < 0.4
    y = 0.3 * treated + x + rng.normal(size=400)
    theta = np.cov(x, y)[0, 1] / x.var(ddof=1)
    rest = y - theta * (x - x.mean())
    test = ttest_ind(rest[treated], rest[~treated], equal_var=False)
    low, high = test.confidence_interval()
    found = cuped(y, treated, x[:, None], 0.95)
    assert found.value == pytest.approx(rest[treated].mean() - rest[~treated].mean())
    wider = np.sqrt(399 / 398)  # for the slope
    assert found.ci_lower == pytest.approx(found.value + wider * (low - found.value))
    assert found.ci_upper == pytest.approx(found.value + wider * (high - found.value))


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 10), seed=st.integers(0, 50))
def test_cuped_does_not_hang_on_units(shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, treated = rng.normal(size=(60, 2)), rng.normal(size=60), np.arange(60) % 2 == 0
    one, other = cuped(y, treated, x, 0.95), cuped(scale * y + shift, treated, x * scale + shift, 0.95)
    assert np.array([*other]) == pytest.approx(scale * np.array([*one]), abs=1e-8)
    swapped = cuped(y, ~treated, x, 0.95)
    assert (-swapped.value, -swapped.ci_upper) == pytest.approx((one.value, one.ci_lower), abs=1e-8)


def test_adjusted_is_tighter_where_something_known_explains(people: Assigned) -> None:
    values, known = outcome_values(people, "retained")
    seen = people.take(known)
    found, naive = adjusted(seen, values[known], 0.95), plain(values[known], seen.treated, "mean", 0.95)
    assert 0 < 1 - width(found) / width(naive) < 0.2
    assert found.value == pytest.approx(naive.value, abs=0.02)


def test_mean_time_without_censoring_is_the_difference_of_means() -> None:
    people = drawn(np.random.default_rng(1), 400, 0.6)
    whole = np.full(len(people), True)
    shown = replace(people, duration=np.where(people.left, people.duration, 400.0), event_observed=people.left | whole)
    days = np.minimum(shown.duration, 182)
    gap = days[shown.treated].mean() - days[~shown.treated].mean()
    assert mean_time(shown, 0.95).value == pytest.approx(gap)


def test_hazard_ratio_is_of_leaving_within_the_horizon(people: Assigned) -> None:
    found = hazard_ratio(people, 0.95)
    assert found.ci_lower < 0.6 < found.ci_upper
    nobody = replace(people, event_observed=np.zeros(len(people), dtype=bool))
    assert np.isnan(hazard_ratio(nobody, 0.95).value)


def test_sample_ratio_is_exact_for_few_and_chi_square_for_many() -> None:
    assert sample_ratio(60, 100, 0.5) == pytest.approx(binomtest(60, 100).pvalue)
    assert sample_ratio(8000, 15_000, 0.5) == pytest.approx(chisquare([8000, 7000]).pvalue)
    assert np.isnan(sample_ratio(5, 10, float("nan")))


def test_placebo_takes_what_the_data_has(people: Assigned) -> None:
    found = placebo(people, people.lived | True, 0.95)
    assert "events in the 182 days before" in found.definition
    assert not excludes(found)
    none = replace(people, use=np.full(len(people), np.nan), revenue=np.full(len(people), np.nan))
    assert np.isnan(placebo(none, people.lived | True, 0.95).value)


def test_covariates_mark_what_is_missing_and_leave_out_what_repeats(people: Assigned) -> None:
    some = people.tenure.copy()
    some[:100] = np.nan
    known = replace(people, tenure=some, recent=people.use)
    covariates = covariates_of(known)
    names = [one.name for one in covariates]
    assert {"tenure", "tenure: missing", "use", "use: none", "size=large"} & set(names) >= {"tenure: missing", "use"}
    x = matrix(known, covariates)
    assert np.isfinite(x).all()
    assert independent(x).shape[1] < x.shape[1]  # use and recent say the same
    assert np.abs(independent(x).mean(axis=0)).max() < 1e-12
