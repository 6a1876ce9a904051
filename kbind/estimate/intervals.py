"""Intervals for counted shares, vectorised and without a value where nothing was observed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import check_conf_level
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.typing import Floats

T = TypeVar("T")
#: Money of customers that are worth fewer of equal amounts has no limits; found by simulation, see docs/simulations.md.
LEAST_EFFECTIVE = 30


def wilson(count: ArrayLike, nobs: ArrayLike, conf_level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Share with its Wilson score interval.

    Parameters
    ----------
    count, nobs : array_like of int, shape (...)
        Successes and trials.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    share, lower, upper : ndarray of float, shape (...)
        NaN where `nobs` is 0.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 857-872, method 3.

    Notes
    -----
    Written out here because statsmodels, which gives the same numbers, takes two seconds to import.

    Examples
    --------
    >>> share, lower, upper = wilson(81, 263)
    >>> f"{share:.4f} [{lower:.4f}, {upper:.4f}]"
    '0.3080 [0.2553, 0.3662]'
    """
    z = NormalDist().inv_cdf(0.5 + check_conf_level(conf_level) / 2)
    k, n = np.broadcast_arrays(np.asarray(count, dtype=float), np.asarray(nobs, dtype=float))
    known = n > 0
    trials = np.where(known, n, 1.0)
    share = np.where(known, k, 0.0) / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    # exactly 0 and 1 where that is the limit, without the rounding error
    lower, upper = np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)
    return np.where(known, share, np.nan), np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def all_stay(nobs: ArrayLike, conf_level: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of a share of which no exception was seen; `nobs` may be an effective number.

    Clopper and Pearson's: the lower limit is the share with which `nobs` customers without exception are as unlikely
    as half of what is left of the level.

    >>> lower, upper = all_stay([6, 100, 0])
    >>> lower.round(4), upper
    (array([0.5407, 0.9638,    nan]), array([ 1.,  1., nan]))
    """
    n = np.asarray(nobs, dtype=float)
    n = np.where(n > 0, n, np.nan)
    return ((1 - check_conf_level(conf_level)) / 2) ** (1 / n), np.where(n > 0, 1.0, np.nan)


def newcombe(
    count1: ArrayLike, nobs1: ArrayLike, count2: ArrayLike, nobs2: ArrayLike, conf_level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Difference of two independent shares (first minus second) with Newcombe's hybrid score interval.

    Parameters
    ----------
    count1, nobs1, count2, nobs2 : array_like of int, shape (...)
        Successes and trials of the two groups.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    difference, lower, upper : ndarray of float, shape (...)
        NaN where one of the groups is empty.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.

    Examples
    --------
    >>> difference, lower, upper = newcombe(56, 70, 48, 80)
    >>> f"{difference:.4f} [{lower:.4f}, {upper:.4f}]"
    '0.2000 [0.0524, 0.3339]'
    """
    p1, l1, u1 = wilson(count1, nobs1, conf_level)
    p2, l2, u2 = wilson(count2, nobs2, conf_level)
    below = np.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    above = np.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    return p1 - p2, p1 - p2 - below, p1 - p2 + above


def rate_of(count: int, n: int, conf_level: float, definition: str = "", kind: str = "share") -> Estimate:
    """A counted share with its Wilson interval; NaN where nobody was counted."""
    value, lower, upper = map(float, wilson(count, n, conf_level))
    return Estimate(value, lower, upper, n, count, conf_level, definition, kind)


def normal(value: float, error: float, conf_level: float) -> Estimate:
    """A value with the limits that its standard error gives it."""
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * error
    return Estimate(value, value - half, value + half, conf_level=conf_level)


def two_sided(value: float, error: float) -> float:
    """Two-sided p value of a value being 0; NaN where nothing varies."""
    return 2 * NormalDist().cdf(-abs(value) / error) if error > 0 else float("nan")


def welch(first: Floats, second: Floats, conf_level: float) -> Estimate:
    """Difference of two means, first minus second, with Welch's interval; without limits where nothing varies."""
    from scipy.special import stdtrit

    if min(len(first), len(second)) < 2:
        return UNKNOWN
    parts = np.array([first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)])
    gap, spread = float(first.mean() - second.mean()), float(parts.sum())
    if spread <= 1e-24:
        return Estimate(gap)
    freedom = spread**2 / float((parts**2 / np.array([len(first) - 1, len(second) - 1])).sum())
    half = float(stdtrit(freedom, 0.5 + conf_level / 2) * np.sqrt(spread))
    return Estimate(gap, gap - half, gap + half, conf_level=conf_level)


def with_limits(*names: str) -> list[str]:
    """Columns of estimates with their limits."""
    return [f"{name}{end}" for name in names for end in ("", "_ci_lower", "_ci_upper")]


def interval_columns(name: str, values: Iterable[T]) -> dict[str, T]:
    """An estimate and its limits by column.

    >>> interval_columns("share", (0.5, 0.4, 0.6))
    {'share': 0.5, 'share_ci_lower': 0.4, 'share_ci_upper': 0.6}
    """
    return dict(zip(with_limits(name), values, strict=True))


def stacked(estimates: Iterable[Estimate]) -> Floats:
    """Estimates one below the other: all values, all lower and all upper limits."""
    return np.array([[*estimate] for estimate in estimates], dtype=float).reshape(-1, 3).T


def benjamini_hochberg(p_values: Sequence[float] | Floats) -> Floats:
    """Smallest false discovery rate at which each test is a finding; tests without p value do not count.

    Parameters
    ----------
    p_values : array_like of float, shape (tests,)
        NaN where there is none.

    Returns
    -------
    ndarray of float, shape (tests,)
        NaN where there is no p value.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, float("nan"), 0.04])
    array([0.02,  nan, 0.04])
    """
    p = np.asarray(p_values, dtype=float)
    known = ~np.isnan(p)
    q = np.full(p.shape, np.nan)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q
