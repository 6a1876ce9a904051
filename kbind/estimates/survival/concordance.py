"""Concordance: how often the one who leaves earlier was said to run the higher risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbind.estimates.survival.risk_sets import RiskSets
from kbind.typing import Floats, Ints


@dataclass(frozen=True)
class Concordance:
    """Share of comparable pairs in which who had the event first had the higher risk score.

    Attributes
    ----------
    value : float
        (concordant + tied / 2) / (concordant + discordant + tied); NaN without comparable pairs.
    std_error : float
        By the infinitesimal jackknife over rows.
    concordant, discordant, tied : float
        Pairs of a row with the event and another one at risk at that time that stays longer, or is censored then;
        counted with the product of weights, within strata. Two events at one time are not comparable.
    """

    value: float
    std_error: float
    concordant: float
    discordant: float
    tied: float


def concordance(sets: RiskSets, score: Floats) -> Concordance:
    """Concordance of a risk score with the durations.

    Parameters
    ----------
    sets : RiskSets
    score : ndarray of float, shape (rows,)
        Higher means an earlier event; exactly equal values are ties.

    Returns
    -------
    Concordance

    References
    ----------
    Therneau and Watson (2017), The concordance statistic and the Cox model; R survival::concordance.

    Notes
    -----
    Event times are numbers 0 to T - 1 here. A row can be compared with the events at `first` to `until` - 1: up to its
    end, without those at the same time as its own event. That makes both sides of all pairs counts of points in
    rectangles (time, rank of score), which `_weight_below` finds in n log n.
    """
    _, rank = np.unique(score, return_inverse=True)
    dead, weights = sets.dead, sets.weights
    until = sets.last.copy()
    until[dead] -= 1
    below, upto, every = (np.zeros(len(rank)) for _ in range(3))

    # rows with the event against those whom they are compared with
    limits = np.concatenate((rank[dead], rank[dead] + 1))
    for edge, sign in ((until, 1.0), (sets.first, -1.0)):
        rows = np.flatnonzero(edge > 0)
        rows = rows[np.argsort(edge[rows], kind="stable")]
        low = np.searchsorted(edge[rows], sets.dead_at, side="right")
        high = np.full(len(dead), len(rows))
        found = _weight_below(rank[rows], weights[rows], np.tile(low, 2), np.tile(high, 2), limits)
        total = np.concatenate(([0.0], weights[rows].cumsum()))
        below[dead] += sign * found[: len(dead)]
        upto[dead] += sign * found[len(dead) :]
        every[dead] += sign * (total[-1] - total[low])
    concordant, tied, pairs = below.copy(), upto - below, every.copy()
    sums = [float(weights[dead] @ part[dead]) for part in (concordant, tied, pairs)]

    # all rows against the events that come before their end
    low, high = (np.searchsorted(sets.dead_at, edge, side="left") for edge in (sets.first, until))
    limits = np.concatenate((rank, rank + 1))
    found = _weight_below(rank[dead], weights[dead], np.tile(low, 2), np.tile(high, 2), limits)
    less, not_more = found[: len(rank)], found[len(rank) :]
    total = np.concatenate(([0.0], weights[dead].cumsum()))
    against = total[high] - total[low]
    concordant += against - not_more
    tied += not_more - less
    pairs += against

    if not sums[2] > 0:
        return Concordance(np.nan, np.nan, 0.0, 0.0, 0.0)
    value = (sums[0] + sums[1] / 2) / sums[2]
    influence = weights * (concordant + tied / 2 - value * pairs) / sums[2]
    return Concordance(value, float(np.sqrt(influence @ influence)), sums[0], sums[2] - sums[0] - sums[1], sums[1])


def _weight_below(rank: Ints, weights: Floats, low: Ints, high: Ints, limit: Ints) -> Floats:
    """Weight of the points at positions low to high - 1 whose rank is below the limit, for many ranges at once.

    A wavelet matrix: points are sorted by one binary digit of their rank after the other, highest first, and ranges
    follow them. One round of array operations a digit, whatever the number of ranges.
    """
    found = np.zeros(len(limit))
    top = max(int(rank.max(initial=0)), int(limit.max(initial=0)))
    for digit in reversed(range(top.bit_length())):
        one = (rank >> digit & 1).astype(bool)
        zeros = np.concatenate(([0], np.cumsum(~one)))
        light = np.concatenate(([0.0], np.cumsum(np.where(one, 0.0, weights))))
        up = (limit >> digit & 1).astype(bool)
        # a limit with a one in this digit has all points with a zero below it
        found[up] += light[high[up]] - light[low[up]]
        low = np.where(up, zeros[-1] + low - zeros[low], zeros[low])
        high = np.where(up, zeros[-1] + high - zeros[high], zeros[high])
        order = np.concatenate((np.flatnonzero(~one), np.flatnonzero(one)))
        rank, weights = rank[order], weights[order]
    return found
