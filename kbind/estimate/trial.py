"""How many customers a trial takes in each of its two groups, so that it shows what it is meant to show."""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist


def trial_size(first: float, second: float, *, power: float = 0.8, conf_level: float = 0.95) -> int | None:
    """Customers in each of two groups of equal size, so that a difference of two shares shows.

    Parameters
    ----------
    first, second : float
        Shares in the two groups, between 0 and 1.
    power : float
        Chance that a test finds the difference.
    conf_level : float
        One minus the chance that a two-sided test finds a difference where there is none.

    Returns
    -------
    int or None
        None where the shares do not differ.

    Notes
    -----
    Normal approximation with the pooled variance under no difference, as R's ``power.prop.test``.

    Examples
    --------
    >>> trial_size(0.20, 0.25)  # R: power.prop.test(p1 = .2, p2 = .25, power = .8) gives 1093.739
    1094
    """
    if first == second:
        return None
    z, mean = NormalDist().inv_cdf, (first + second) / 2
    none = z(0.5 + conf_level / 2) * sqrt(2 * mean * (1 - mean))
    some = z(power) * sqrt(first * (1 - first) + second * (1 - second))
    return ceil(((none + some) / (first - second)) ** 2)
