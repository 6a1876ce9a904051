"""Whether customers buy at random while they are there, as the models say, or by a rhythm."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from kbind.estimate.estimate import Estimate
from kbind.value.cells import GapSums


def regularity(sums: GapSums, conf_level: float = 0.95) -> Estimate:
    """How alike the gaps between the purchases of a customer are: the shape of a gamma distribution of gaps.

    1 is buying at random (exponential gaps), more is a rhythm, less is bursts. It rests on two gaps in a row: given
    their sum, purchases at random split it anywhere alike, gamma gaps by a beta distribution of that shape, and here in
    whole days by a beta-binomial one. So neither how often a customer buys counts, nor that this changes slowly.

    Parameters
    ----------
    sums : GapSums
        Every customer counts once.
    conf_level : float
        Of Fieller's interval, with customers as clusters.

    References
    ----------
    Wheat and Morrison (1990), Estimating purchase regularity with two interpurchase times, Journal of Marketing
    Research 27, 87-93; in whole days by the same argument.

    Examples
    --------
    >>> print(regularity(GapSums(n=40, u=26.0, v=6.0, uu=17.4, uv=3.6, vv=1.6)))
    4.333 [3.286, 6.171]
    """
    n = sums.n
    definition = (
        "Shape of the gaps between purchases: 1 at random, more by a rhythm, less in bursts; from two gaps in a row, "
        f"each customer counted once, {conf_level:.0%} Fieller interval."
    )
    if n < 2:
        return Estimate(np.nan, n=n, conf_level=conf_level, definition=definition)
    u, v = sums.u / n, sums.v / n
    z2 = NormalDist().inv_cdf(0.5 + conf_level / 2) ** 2 / (n - 1)
    uu, uv, vv = sums.uu / n - u**2, sums.uv / n - u * v, sums.vv / n - v**2
    # values w = 1 / shape with |v - w u| within its error: a w^2 - 2 b w + c <= 0; of gaps all alike w is 0 or less
    a, b, c = u**2 - z2 * uu, u * v - z2 * uv, v**2 - z2 * vv
    root = np.sqrt(max(b**2 - a * c, 0.0))
    low, high = ((b - root) / a, (b + root) / a) if a > 0 else (-np.inf, np.inf)
    shapes = (1 / w if w > 0 else np.inf for w in (v / u if u > 0 else 0.0, high, low))
    return Estimate.of(shapes, n=n, conf_level=conf_level, definition=definition)
