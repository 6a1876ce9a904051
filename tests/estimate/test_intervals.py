from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from kbind.errors import ArgumentError
from kbind.estimate.intervals import newcombe, wilson


def test_wilson_published_values(golden: dict[str, Any]) -> None:
    case = golden["wilson"]
    _, lower, upper = wilson(case["x"], case["n"])
    np.testing.assert_allclose(lower, case["lower"], atol=case["tolerance"])
    np.testing.assert_allclose(upper, case["upper"], atol=case["tolerance"])


def test_newcombe_published_values(golden: dict[str, Any]) -> None:
    case = golden["newcombe"]
    difference, lower, upper = newcombe(case["x1"], case["n1"], case["x2"], case["n2"])
    np.testing.assert_allclose(lower, case["lower"], atol=case["tolerance"])
    np.testing.assert_allclose(upper, case["upper"], atol=case["tolerance"])
    assert difference[0] == pytest.approx(56 / 70 - 48 / 80)


def test_wilson_equals_statsmodels() -> None:
    k, n = np.meshgrid(np.arange(0, 41), np.arange(40, 60))
    for level in (0.8, 0.95, 0.999):
        expected = proportion_confint(k, n, 1 - level, "wilson")
        np.testing.assert_allclose(wilson(k, n, level)[1:], expected, atol=1e-14)


def test_wilson_by_hand() -> None:
    # n = 4, k = 2, z = 1.96: centre .5, half width z sqrt(1/16 + z^2/64) / (1 + z^2/4)
    z = 1.959963984540054
    half = z * np.sqrt(1 / 16 + z**2 / 64) / (1 + z**2 / 4)
    assert [float(x) for x in wilson(2, 4)] == pytest.approx([0.5, 0.5 - half, 0.5 + half])


def test_wilson_without_observations_is_unknown() -> None:
    assert all(np.isnan(x) for x in wilson(0, 0))


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.5, 0.999))
def test_wilson_invariants(k: int, n: int, level: float) -> None:
    k = min(k, n)
    share, lower, upper = (float(x) for x in wilson(k, n, level))
    assert 0 <= lower <= share <= upper <= 1
    mirrored = wilson(n - k, n, level)
    assert float(mirrored[1]) == pytest.approx(1 - upper, abs=1e-12)


@pytest.mark.parametrize("conf_level", [0, 1, 95, -0.1, float("nan"), "0.95"])
def test_wilson_impossible_level(conf_level: Any) -> None:
    with pytest.raises(ArgumentError, match="conf_level"):
        wilson(1, 2, conf_level)


def test_wilson_coverage_is_near_its_level() -> None:
    """Exact, by summing over all outcomes: average coverage over p of the 95 % interval at n = 50."""
    n, shares = 50, np.linspace(0.02, 0.98, 193)
    _, lower, upper = wilson(np.arange(n + 1), np.full(n + 1, n))
    inside = (lower[:, None] <= shares) & (shares <= upper[:, None])
    coverage = (binom.pmf(np.arange(n + 1)[:, None], n, shares) * inside).sum(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage.min() > 0.88
