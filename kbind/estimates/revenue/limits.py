"""Intervals of ratios of money, and below which effective number of customers there are none.

Kish's number says how many customers of equal revenue some customers are worth: (sum of revenue) squared / sum of
squared revenue. Where it is small, a few customers decide, and no interval holds what it promises.
"""

from __future__ import annotations

import numpy as np

from kbind.estimates.intervals import LEAST_EFFECTIVE, wilson
from kbind.typing import Bools, Floats


def effective_number(weights: Floats, *, single: bool = True) -> Floats:
    """Kish's effective number of customers, column by column; 0 where there are none.

    Of units of several customers put together at random, what the units differ by tells the sum of squares.

    >>> effective_number(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 8.0]])).round(2)
    array([3.  , 1.52])
    """
    total = weights.sum(axis=0)
    squares = ((weights if single else weights - weights.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.divide(total**2, squares, out=np.zeros(total.shape), where=squares > 0))


def enough(effective: Floats) -> Bools:
    """Whether limits are given; 30 equal customers are enough, whatever rounding says."""
    return effective >= LEAST_EFFECTIVE * (1 - 1e-9)


def share_limits(kept: Floats, whole: Floats, conf_level: float, *, single: bool) -> tuple[Floats, Floats]:
    """Limits of the share of revenue that is kept, where no unit keeps more than it had.

    Wilson's for as many customers as the data is worth: Kish's number, or fewer if those who pay more fare unlike the
    others. They have a width where nothing was lost.

    Parameters
    ----------
    kept, whole : ndarray of float, shape (units, windows)
    conf_level : float
    single : bool
        Whether a unit is one customer.
    """
    n, total = effective_number(whole, single=single), whole.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    share = kept.sum(axis=0) / total
    spread = _spread(kept, whole, share, total)
    worth = np.divide(share * (1 - share), spread, out=n.copy(), where=spread > 0)
    worth = np.where(enough(n), np.minimum(worth, n), 0.0)
    _, lower, upper = wilson(np.where(worth > 0, share * worth, 0.0), worth, conf_level)
    return lower, upper


def ratio_limits(above: Floats, below: Floats, conf_level: float, *, single: bool) -> tuple[Floats, Floats]:
    """Limits of a ratio of sums, by Student's t.

    The variance is the jackknife's, and of single customers at least what it would be if what happens to them did not
    depend on what they pay; the degrees of freedom are twice the effective number of squared deviations, so that a few
    large ones widen the limits. NaN where nothing varies.

    Parameters
    ----------
    above, below : ndarray of float, shape (units, windows)
    conf_level : float
    """
    from scipy.special import stdtrit

    n, total = effective_number(below, single=single), below.sum(axis=0)
    total = np.where(total > 0, total, np.nan)
    ratio = above.sum(axis=0) / total
    deviation = above - ratio * below
    variance = _spread(above, below, ratio, total)
    if single:
        squared = np.divide(deviation**2, below, out=np.zeros(above.shape), where=below > 0)
        variance = np.maximum(variance, squared.sum(axis=0) / total / np.where(n > 0, n, np.nan))
    freedom = np.maximum(2 * effective_number(deviation**2), 1.0)
    half = stdtrit(freedom, 0.5 + conf_level / 2) * np.sqrt(np.where((variance > 0) & enough(n), variance, np.nan))
    return np.maximum(ratio - half, 0.0), ratio + half


def log_ratio_limits(above: Floats, below: Floats, conf_level: float) -> tuple[Floats, Floats]:
    """Limits of a ratio of sums of which either may be small, by Student's t on its logarithm.

    The variance and the degrees of freedom are those of `ratio_limits`: what each unit moves the logarithm by. NaN
    where one of the sums is nothing.

    >>> lower, upper = log_ratio_limits(np.array([[4.0], [4.0], [0.0]]), np.array([[0.0], [0.0], [2.0]]), 0.95)
    >>> lower.round(3), upper.round(1)
    (array([0.133]), array([119.9]))
    """
    from scipy.special import stdtrit

    known = (above.sum(axis=0) > 0) & (below.sum(axis=0) > 0)
    gained, lost = (np.where(known, side.sum(axis=0), np.nan) for side in (above, below))
    moved = (above / gained - below / lost) ** 2
    freedom = np.maximum(2 * effective_number(moved), 1.0)
    factor = np.exp(stdtrit(freedom, 0.5 + conf_level / 2) * np.sqrt(moved.sum(axis=0)))
    return gained / lost / factor, gained / lost * factor


def _spread(above: Floats, below: Floats, ratio: Floats, total: Floats) -> Floats:
    """Jackknife variance of a ratio of sums; a unit that is everything has none."""
    left = np.where(below < total, 1 - below / total, np.nan)
    moved = (above - ratio * below) / total / left
    return np.asarray((moved**2).sum(axis=0))
