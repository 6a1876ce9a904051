"""Where a series of shares changes its level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kbind.typing import Floats, Ints

#: Periods on either side of a change.
LEAST = 2

#: Series drawn without a change, to compare with.
_DRAWS = 9999


@dataclass(frozen=True)
class Split:
    """The best place to cut a series in two.

    Attributes
    ----------
    place : int
        First period of the second part.
    statistic : float
        F of the two parts against one, the largest over all places.
    p_value : float
        How often a series without a change gives as much.
    """

    place: int
    statistic: float
    p_value: float


def best_split(count: Ints, n: Ints) -> Split | None:
    """The best place to cut a series of shares, and how often chance would give as good a one.

    Parameters
    ----------
    count, n : ndarray of int, shape (periods,)
        Customers counted, and customers who could have been; n above 0.

    Returns
    -------
    Split or None
        None for fewer than 5 periods, or where all shares are equal.

    Notes
    -----
    Shares are turned by the arcsine of their root, so that chance moves all of them alike but for 1 / n, and cut where
    the weighted F statistic is largest (Andrews 1993). What that largest F is without a change is drawn from normal
    noise of the same weights, so the p value is exact but for the normal approximation, however much the shares vary
    beyond the binomial; they have to vary independently from period to period.
    """
    if len(n) < 2 * LEAST + 1:
        return None
    values = np.arcsin(np.sqrt(count / n))
    weights = n.astype(float)
    found = _largest(values[None, :], weights)
    statistic, place = float(found[0][0]), int(found[1][0])
    if np.isnan(statistic):
        return None
    reference = _reference(tuple(weights / weights.sum()))
    beyond = len(reference) - int(np.searchsorted(reference, statistic * (1 - 1e-9)))
    return Split(place, statistic, (1 + beyond) / (1 + len(reference)))


def change_points(count: Ints, n: Ints, p_most: float) -> list[int]:
    """First periods of new levels, by cutting and cutting the parts again as long as p is at most `p_most`."""
    split = best_split(count, n)
    if split is None or split.p_value > p_most:
        return []
    k = split.place
    return [*change_points(count[:k], n[:k], p_most), k, *(k + j for j in change_points(count[k:], n[k:], p_most))]


@lru_cache(maxsize=256)
def _reference(weights: tuple[float, ...]) -> Floats:
    """The largest F of many series of pure noise, in order; always from the same numbers."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((_DRAWS, len(weights))) / np.sqrt(weights)
    return np.sort(_largest(noise, np.array(weights))[0])


def _largest(values: Floats, weights: Floats) -> tuple[Floats, Ints]:
    """The largest F over all places, and the place; shape (series,)."""
    total = weights.sum()
    centred = values - (values @ weights / total)[:, None]
    left = np.cumsum(weights)[LEAST - 1 : -LEAST]
    moved = np.cumsum(centred * weights, axis=1)[:, LEAST - 1 : -LEAST]
    between = moved**2 * total / (left * (total - left))
    whole = (centred**2 @ weights)[:, None]
    # what rounding leaves of nothing is nothing: a cut that explains all is as good from either end
    within = np.where(whole - between > 1e-12 * whole, whole - between, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = between / (within / (len(weights) - 2))
    place = np.argmax(statistic, axis=1)
    flat = (centred**2 @ weights) <= 1e-14 * total
    return np.where(flat, np.nan, statistic[np.arange(len(values)), place]), place + LEAST
