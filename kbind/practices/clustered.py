"""Shares, slopes and adjusted differences of things that happen several times to one customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.orders.lapse import clustered_share
from kbind.typing import Bools, Floats, Ints


def share_of(m: Floats | Ints, y: Floats | Ints, conf_level: float, definition: str = "") -> Estimate:
    """Share sum(y) / sum(m) with a Wilson interval for as many trials as they are worth, customers as clusters.

    Parameters
    ----------
    m, y : ndarray, shape (customers,)
        Trials and successes of every customer.
    conf_level : float
    definition : str

    Examples
    --------
    >>> print(share_of(np.array([2, 1, 1]), np.array([1, 1, 0]), 0.95))
    50.00% [15.00%, 85.00%] (2 of 4)
    """
    m, y = np.asarray(m, dtype=float), np.asarray(y, dtype=float)
    sums = {"judged": m.sum(), "false_alarms": y.sum(), "alarmed": (m > 0).sum(), "mm": m @ m, "my": m @ y, "yy": y @ y}
    found = clustered_share({name: np.array([value]) for name, value in sums.items()}, conf_level)
    counts = {"n": int(m.sum()), "count": int(y.sum()), "conf_level": conf_level, "kind": "share"}
    return Estimate.of((values[0] for values in found), definition=definition, **counts)


def from_scores(value: float, scores: Floats, conf_level: float, n: int | None = None, few: int = 0) -> Estimate:
    """A number with the limits that the scores of independent customers give it.

    Parameters
    ----------
    value : float
    scores : ndarray of float, shape (customers,)
        How far each customer moves the number.
    conf_level : float
    n : int, optional
    few : int
        Customers of the smaller group, whose number less one are the degrees of freedom; 0: all.
    """
    from scipy.special import stdtrit

    size = len(scores)
    least = few or size
    if size < 2 or least < 2 or not np.isfinite(value):
        return Estimate(value, n=n, conf_level=conf_level)
    error = float(np.sqrt((scores**2).sum() * size / (size - 1)))
    half = float(stdtrit(least - 1.0, 0.5 + conf_level / 2)) * error
    return Estimate(value, value - half, value + half, n=n, conf_level=conf_level)


def slope_of(sums: dict[str, Floats], conf_level: float) -> Estimate:
    """Slope of y on t by least squares, with customers as clusters.

    Parameters
    ----------
    sums : dict of str to ndarray of float, shape (customers,)
        m, t, tt, y, ty: how many rows, and sums over them.
    conf_level : float
    """
    total = {name: float(values.sum()) for name, values in sums.items()}
    moments = np.array([[total["m"], total["t"]], [total["t"], total["tt"]]])
    if total["m"] < 3 or np.linalg.det(moments) <= 1e-9 * max(total["m"] * total["tt"], 1e-300):
        return UNKNOWN
    inverse = np.linalg.inv(moments)
    line = inverse @ np.array([total["y"], total["ty"]])
    off = np.stack([sums["y"] - line[0] * sums["m"] - line[1] * sums["t"],
                    sums["ty"] - line[0] * sums["t"] - line[1] * sums["tt"]])  # fmt: skip
    return from_scores(float(line[1]), inverse[1] @ off, conf_level, int(total["m"]))


@dataclass(frozen=True)
class Difference:
    """What happened to those whom something befell, against others of the same strata.

    Attributes
    ----------
    exposed : Estimate
        Share among them.
    difference : Estimate
        Share less that of the others in the same strata.
    n_exposed, n_others : int
        Rows in strata that hold both.
    """

    exposed: Estimate
    difference: Estimate
    n_exposed: int
    n_others: int

    @property
    def expected(self) -> float:
        """Share that the others make expect."""
        return self.exposed.value - self.difference.value


def adjusted_difference(
    customer: Ints, stratum: Ints, exposed: Bools, happened: Bools, conf_level: float
) -> Difference:
    """Difference of shares within strata, weighted as Mantel and Haenszel do, with customers as clusters.

    Least squares with an effect of every stratum: strata count by n1 n0 / n, and those without one side say nothing.

    Parameters
    ----------
    customer, stratum : ndarray of int, shape (rows,)
    exposed, happened : ndarray of bool, shape (rows,)
    conf_level : float

    Examples
    --------
    >>> found = adjusted_difference(np.arange(8), np.repeat([0, 1], 4), np.tile([True, True, False, False], 2),
    ...                             np.array([True, False, False, False, True, True, True, False]), 0.95)
    >>> found.difference.value, found.expected
    (0.5, 0.25)
    """
    place = np.unique(stratum, return_inverse=True)[1]
    d, y = np.asarray(exposed, dtype=float), np.asarray(happened, dtype=float)
    size = np.bincount(place)
    treated = np.bincount(place, d)
    kept = ((treated > 0) & (treated < size))[place]
    if not kept.any():
        return Difference(UNKNOWN, UNKNOWN, 0, 0)
    place, d, y = np.unique(place[kept], return_inverse=True)[1], d[kept], y[kept]
    who = np.unique(customer[kept], return_inverse=True)[1]
    size = np.bincount(place)
    apart, rest = (x - (np.bincount(place, x) / size)[place] for x in (d, y))
    weight = float(apart @ apart)
    gap = float(apart @ rest) / weight
    scores = np.bincount(who, apart * (rest - gap * apart)) / weight
    few = min(len(np.unique(who[d == side])) for side in (0, 1))
    share = share_of(np.bincount(who, d), np.bincount(who, d * y), conf_level)
    n1 = int(d.sum())
    return Difference(share, from_scores(gap, scores, conf_level, n1, few), n1, len(d) - n1)
