"""Whether customers buy at random while they are there, as the models say, or by a rhythm."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from kbind.estimate.estimate import Estimate
from kbind.typing import Floats
from kbind.value.cells import Cells

#: Shapes between which the search goes, as logarithms; beyond them gaps are all alike, or all but one are none.
_NARROW, _WIDE = -5.0, 6.0


def regularity(cells: Cells, conf_level: float = 0.95) -> Estimate:
    """How alike the gaps between the purchases of a customer are: the shape of a gamma distribution of gaps.

    1 is buying at random (exponential gaps), more is a rhythm, less is bursts. Of customers with at least two repeat
    purchases, by the sum of the squared gaps as a share of the squared time from the first purchase to the last. Given
    that time and the number of purchases, gaps at random split it like broken sticks of whole days; gamma gaps split
    it by a Dirichlet-multinomial distribution of that shape. How often a customer buys drops out.

    References
    ----------
    Wheat and Morrison (1990), Estimating purchase regularity with two interpurchase times, Journal of Marketing
    Research 27, 87-93, for the idea and for two gaps.
    """
    from scipy.optimize import brentq

    use = (cells.frequency >= 2) & (cells.recency > cells.frequency)
    x, days, n = (values[use].astype(float) for values in (cells.frequency, cells.recency, cells.n))
    gaps, squares = cells.gaps[use] / days**2, cells.squares[use] / days**4
    customers = int(n.sum())
    definition = (
        "Shape of the gaps between purchases: 1 at random, more by a rhythm, less in bursts; customers with two repeat "
        f"purchases or more, {conf_level:.0%} interval from the differences between customers."
    )
    if customers < 2:
        return Estimate(np.nan, n=customers, conf_level=conf_level, definition=definition)

    def expected(log_shape: float) -> Floats:
        """Sum of squared gaps as a share of the squared time, by cell."""
        shape, rest = np.exp(log_shape), days - x
        spread = rest / x * (1 - 1 / x) * (rest + shape * x) / (1 + shape * x)
        return np.asarray(x * ((rest / x + 1) ** 2 + spread) / days**2, dtype=np.float64)

    def shape_of(mean: float) -> float:
        """The shape whose expected mean is this one."""
        low, high = (float(n @ expected(log)) / customers - mean for log in (_NARROW, _WIDE))
        if low <= 0 or high >= 0:
            return 0.0 if low <= 0 else np.inf
        return float(np.exp(brentq(lambda log: float(n @ expected(log)) / customers - mean, _NARROW, _WIDE)))

    mean = float(gaps.sum()) / customers
    shape = shape_of(mean)
    model = expected(min(max(np.log(shape), _NARROW), _WIDE) if shape > 0 else _NARROW)
    around = float((squares - 2 * model * gaps + n * model**2).sum()) / customers
    margin = NormalDist().inv_cdf(0.5 + conf_level / 2) * np.sqrt(max(around, 0.0) / customers)
    limits = shape_of(mean + margin), shape_of(mean - margin)
    return Estimate(shape, *limits, n=customers, conf_level=conf_level, definition=definition)
