"""A number with what every row adds to it, and so with an interval, alone or against another of the same rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal, two_sided
from kbind.typing import Floats, Ints


@dataclass(frozen=True, eq=False)
class Influenced:
    """A number and its sensitivity to every row.

    Attributes
    ----------
    value : float
        NaN where it is not defined, such as an AUC without leavers, or a share of nobody.
    influence : ndarray of float, shape (rows,)
        How far one customer of a row moves the number, to first order; sums to 0.
    """

    value: float
    influence: Floats = field(repr=False)

    def minus(self, other: Influenced) -> Influenced:
        """The difference of two numbers of the same customers."""
        return Influenced(self.value - other.value, self.influence - other.influence)

    def error(self, n: Ints) -> float:
        """Standard error, with so many customers a row."""
        return float(np.sqrt((n * self.influence**2).sum()))

    def estimate(self, n: Ints, conf_level: float) -> Estimate:
        """The value with its interval."""
        return normal(self.value, self.error(n), conf_level)

    def p_value(self, n: Ints) -> float:
        """Two-sided, of the value being 0; NaN where it cannot be told."""
        return two_sided(self.value, self.error(n))
