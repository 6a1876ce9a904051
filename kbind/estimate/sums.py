"""Means and ratios of means with intervals, from counts and sums of powers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import check_conf_level
from kbind.estimate.intervals import LEAST_EFFECTIVE
from kbind.typing import Floats

Sums = tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]

#: A variance of less, as a share of the squared mean, is what rounding leaves of none.
_EVEN = 1e-12
#: Fewer customers hardly show how much the dearest pay.
_FEW = 200


def mean_of_sums(sums: Sums, conf_level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Mean with an interval that allows for skewed values, as amounts of money are.

    Parameters
    ----------
    sums : tuple of array_like, shape (...)
        How many values, their sum, and the sums of their squares and cubes.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    mean, lower, upper : ndarray of float, shape (...)
        NaN where there are no values; no interval where there is one, or where all are the same.

    Notes
    -----
    Student's t with Hall's cubic transformation; without skewness the t interval. That alone holds the mean of 50
    gamma-distributed amounts (shape 0.8) in 93 % of cases instead of 95 %.

    References
    ----------
    Hall (1992), Journal of the Royal Statistical Society B 54, 221-228.

    Examples
    --------
    >>> mean, lower, upper = mean_of_sums((3, 6.0, 14.0, 36.0))  # 1, 2 and 3
    >>> f"{mean:.3f} [{lower:.3f}, {upper:.3f}]"
    '2.000 [-0.484, 4.484]'
    """
    from scipy.special import stdtrit

    n = np.asarray(sums[0], dtype=float)
    mean, variance = _moments(n, *sums[1:3])
    squares, cubes = (np.asarray(x, dtype=float) for x in sums[2:])
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.where(variance > _EVEN * mean**2, variance, np.nan) / n)
        third = cubes / n - 3 * mean * squares / n + 2 * mean**3
        skewness = np.where(variance > 0, third / (variance * (n - 1) / n) ** 1.5, 0.0)
        t = stdtrit(np.where(n > 1, n - 1, np.nan), 0.5 + check_conf_level(conf_level) / 2)
        bend = skewness / np.sqrt(n)
        return mean, mean - error * _unbent(t, bend), mean - error * _unbent(-t, bend)


def mean_of_money(sums: Sums, conf_level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Mean of amounts of money that customers may pay very unlike each other.

    Parameters
    ----------
    sums : tuple of array_like
        As for `mean_of_sums`.
    conf_level : float

    Returns
    -------
    mean, lower, upper : ndarray of float, shape (...)
        No interval where the customers are worth fewer than 30 of equal amounts (Kish): the few that pay most decide,
        and may not be among those seen.

    Notes
    -----
    The limits of `mean_of_sums`, or those of Student's t on the log scale where they are wider. Degrees of freedom:
    a quarter of the effective number of squared amounts, and in proportion less of fewer than 200
    customers that are worth less than half of their number, as the dearest may not be among them.

    Examples
    --------
    >>> x = np.arange(1.0, 41.0)
    >>> mean, lower, upper = mean_of_money((40, x.sum(), (x**2).sum(), (x**3).sum()))
    >>> f"{mean:.1f} [{lower:.1f}, {upper:.1f}]"
    '20.5 [16.4, 25.6]'
    """
    from scipy.special import stdtrit

    mean, lower, upper = mean_of_sums(sums, conf_level)
    n, total, squares, cubes = (np.asarray(x, dtype=float) for x in sums)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        worth = total**2 / squares
        error = np.sqrt(_moments(n, total, squares)[1] / n) / np.abs(mean)
        seen = np.where(worth < n / 2, np.minimum(n / _FEW, 1.0), 1.0)
        freedom = np.clip(seen * squares**3 / (4 * cubes**2), 1.0, np.maximum(n - 1, 1.0))
        factor = np.exp(stdtrit(freedom, 0.5 + conf_level / 2) * error)
    known = worth >= LEAST_EFFECTIVE * (1 - 1e-9)
    low, high = np.minimum(lower, mean / factor), np.maximum(upper, mean * factor)
    return mean, np.where(known, low, np.nan), np.where(known, high, np.nan)


def ratio_of_money(
    first: Sums, second: Sums, conf_level: float = 0.95, products: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """As `ratio_of_means`, without limits where either side is worth fewer than 30 customers of equal amounts."""
    ratio, lower, upper = ratio_of_means(first, second, conf_level, products)
    known = np.ones(np.shape(ratio), dtype=bool)
    for sums in (first, second):
        with np.errstate(invalid="ignore", divide="ignore"):
            worth = np.asarray(sums[1], dtype=float) ** 2 / np.asarray(sums[2], dtype=float)
        known &= worth >= LEAST_EFFECTIVE * (1 - 1e-9)
    return ratio, np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def _unbent(value: Floats, bend: Floats) -> Floats:
    """The x with x + bend x^2 / 3 + bend^2 x^3 / 27 + bend / 6 = value."""
    straight = np.abs(bend) < 1e-6
    safe = np.where(straight, 1.0, bend)
    return np.where(straight, value, 3 / safe * (np.cbrt(1 + safe * (value - safe / 6)) - 1))


def ratio_of_means(
    first: Sums, second: Sums, conf_level: float = 0.95, products: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Mean of the first divided by the mean of the second, with an interval on the log scale (delta method).

    Parameters
    ----------
    first, second : tuple of array_like
        As for `mean_of_sums`.
    conf_level : float
        Between 0 and 1.
    products : array_like, optional
        Sum of products, if both are values of the same customers.

    Returns
    -------
    ratio, lower, upper : ndarray of float, shape (...)
        NaN where a mean is not positive; no interval where n is 1, or where nothing varies.

    Examples
    --------
    >>> ratio, lower, upper = ratio_of_means((3, 6.0, 14.0, 36.0), (3, 3.0, 3.5, 4.5))
    >>> f"{ratio:.2f} [{lower:.2f}, {upper:.2f}]"
    '2.00 [0.90, 4.45]'
    """
    from scipy.special import ndtri

    (n1, s1, q1), (n2, s2, q2) = ([np.asarray(x, dtype=float) for x in sums[:3]] for sums in (first, second))
    (m1, v1), (m2, v2) = _moments(n1, s1, q1), _moments(n2, s2, q2)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where((m1 > 0) & (m2 > 0), m1 / m2, np.nan)
        variance = v1 / (n1 * m1**2) + v2 / (n2 * m2**2)
        if products is not None:
            covariance = (np.asarray(products, dtype=float) - s1 * s2 / n1) / (n1 - 1)
            variance = np.maximum(variance - 2 * covariance / (n1 * m1 * m2), 0.0)
        error = np.sqrt(np.where(variance > _EVEN, variance, np.nan))
        factor = np.exp(ndtri(0.5 + check_conf_level(conf_level) / 2) * error)
    return ratio, ratio / factor, ratio * factor


def _moments(n: Floats, total: ArrayLike, squares: ArrayLike) -> tuple[Floats, Floats]:
    """Mean and variance; NaN where there are too few values."""
    s, q = np.asarray(total, dtype=float), np.asarray(squares, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(n > 0, s / n, np.nan)
        # differences of large sums may fall below 0 by rounding
        variance = np.where(n > 1, np.maximum(q - s * s / n, 0.0) / (n - 1), np.nan)
    return mean, variance
