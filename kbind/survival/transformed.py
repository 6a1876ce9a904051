"""Intervals that are made on another scale, so that they stay within what the number can be."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from kbind.typing import Floats


def log_scale(value: Floats, std_error: Floats, conf_level: float) -> tuple[Floats, Floats]:
    """Interval on the log scale, for positive numbers; `std_error` is that of the logarithm.

    >>> lower, upper = log_scale(np.array([2.0]), np.array([0.1]), 0.95)
    >>> f"{lower[0]:.3f} {upper[0]:.3f}"
    '1.644 2.433'
    """
    # a parameter that the data hardly hold may well reach from 0 to infinity
    with np.errstate(over="ignore"):
        factor = np.exp(_quantile(conf_level) * std_error)
    return value / factor, value * factor


def log_log_scale(share: Floats, std_error: Floats, conf_level: float) -> tuple[Floats, Floats]:
    """Interval on the log(-log) scale, for shares; NaN at 0 and 1, where that scale has no value.

    >>> lower, upper = log_log_scale(np.array([0.1, 0.0]), np.array([0.03, 0.0]), 0.95)
    >>> f"{lower[0]:.4f} {upper[0]:.4f} {lower[1]:.4f}"
    '0.0512 0.1680 nan'
    """
    inside = np.where((share > 0) & (share < 1), share, np.nan)
    # -log falls as the share grows, hence its upper limit gives the lower one of the share
    lower, upper = log_scale(-np.log(inside), std_error / (inside * -np.log(inside)), conf_level)
    return np.exp(-upper), np.exp(-lower)


def _quantile(conf_level: float) -> float:
    return NormalDist().inv_cdf(0.5 + conf_level / 2)
