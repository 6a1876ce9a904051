"""Tests whose statistic follows the chi-squared distribution if there is no effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kbind.typing import Floats


@dataclass(frozen=True)
class ChiSquared:
    """A test of several things at once.

    Attributes
    ----------
    statistic : float
    df : int
        Degrees of freedom.
    p_value : float
    """

    statistic: float
    df: int
    p_value: float


def upper_tail(statistic: ArrayLike, df: ArrayLike) -> Floats:
    """Chance of a larger statistic; exact far out in the tail.

    Examples
    --------
    >>> upper_tail([3.841459, 1163.87], [1, 4]).round(6).tolist()
    [0.05, 0.0]
    """
    # costs a tenth of a second, which only those pay who test
    from scipy.special import chdtrc

    return np.asarray(chdtrc(df, statistic), dtype=np.float64)
