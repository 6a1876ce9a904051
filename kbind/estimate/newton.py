"""Newton's method for the largest likelihood, with the covariance that comes with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kbind.typing import Floats

#: Where outcomes are separated, the likelihood rises for ever, by one unit of log odds a round. After so many rounds
#: that still shows in a step, later it would drown in rounding and pass for a maximum.
_ROUNDS = 30
_PRECISION = 1e-9


def newton(look: Callable[[Floats], tuple[float, Floats, Floats]], start: Floats) -> tuple[Floats, Floats] | None:
    """Where a log likelihood is largest, and the covariance there; None if it has no maximum.

    Parameters
    ----------
    look : callable
        Value, slope and information (curvature, downwards) at a point; concave.
    start : ndarray of float, shape (parameters,)

    Returns
    -------
    point, covariance : ndarray of float, or None

    Examples
    --------
    The logarithm of a Poisson rate, from three events:

    >>> def look(x):
    ...     return float(3 * x[0] - np.exp(x[0])), 3 - np.exp(x), np.diag(np.exp(x))
    >>> point, covariance = newton(look, np.zeros(1))
    >>> np.exp(point).round(9), covariance.round(3)
    (array([3.]), array([[0.333]]))
    """
    # far out, where there is no maximum, numbers leave the range that a computer knows
    with np.errstate(over="ignore", invalid="ignore"):
        point, (value, slope, information) = start, look(start)
        for _ in range(_ROUNDS):
            try:
                covariance: Floats = np.linalg.inv(information).astype(np.float64)
            except np.linalg.LinAlgError:
                return None
            step = covariance @ slope
            error = np.sqrt(np.abs(np.diag(covariance)))
            if not np.isfinite(step).all():
                return None
            if (np.abs(step) <= _PRECISION * np.maximum(error, np.abs(point))).all():
                return point + step, covariance
            lowest = value - 1e-12 * abs(value)
            for _ in range(30):
                value, slope, information = look(point + step)
                if value >= lowest:
                    break
                step = step / 2
            point = point + step
    return None
