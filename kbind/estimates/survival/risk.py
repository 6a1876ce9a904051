"""Who was at risk and who left at each time: what every survival estimate is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kbind.statistics.durations import Durations

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RiskTable:
    """Customers of one group at every distinct time at which one left or was last seen.

    Attributes
    ----------
    time : ndarray of float, shape (times,)
        Ascending.
    at_risk : ndarray of float, shape (times,)
        Customers with entry < time <= duration; those observed from the origin also at time 0. Who is last seen
        at a time is at risk at it: leaving comes before being lost from sight.
    events : ndarray of float, shape (causes, times)
        Customers who left, by cause.
    censored : ndarray of float, shape (times,)
        Customers last seen.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    entry: Floats  # ages at which customers came under observation late, ascending
    entered: Floats  # how many

    def at_risk_at(self, time: Floats) -> Floats:
        """Customers at risk at any times, between the table's own too."""
        gone = np.concatenate([[0.0], (self.left + self.censored).cumsum()])
        waiting = np.concatenate([self.entered[::-1].cumsum()[::-1], [0.0]])
        reached = gone[-1] - gone[np.searchsorted(self.time, time, side="left")]
        result: Floats = reached - waiting[np.searchsorted(self.entry, time, side="left")]
        return result

    @property
    def left(self) -> Floats:
        """Customers who left, whatever the cause."""
        total: Floats = self.events.sum(axis=0)
        return total


def risk_table(entry: Floats, duration: Floats, cause: Ints, n: Ints, causes: int = 1) -> RiskTable:
    """Count who was at risk and who left; `cause` is 0 for customers who are still there.

    Customers who would enter when they are last seen were never at risk and count nowhere.
    """
    seen = (entry <= 0) | (entry < duration)
    entry, duration, cause, n = entry[seen], duration[seen], cause[seen], n[seen]
    time, place = np.unique(duration, return_inverse=True)
    events = np.zeros((causes, len(time)))
    for k in range(causes):
        mine = cause == k + 1
        events[k] = np.bincount(place[mine], n[mine], minlength=len(time))
    lost = np.bincount(place, n, minlength=len(time)) - events.sum(axis=0)
    late, order = np.unique(entry[entry > 0], return_inverse=True)
    entered = np.bincount(order, n[entry > 0], minlength=len(late)).astype(float)
    table = RiskTable(time, np.zeros(len(time)), events, lost, late, entered)
    return replace(table, at_risk=table.at_risk_at(time))


def risk_tables(durations: Durations) -> list[RiskTable]:
    """One table a group."""
    d = durations
    masks = (d.group == g for g in range(len(d.groups)))
    return [risk_table(d.entry[m], d.duration[m], d.cause[m], d.n[m], len(d.causes)) for m in masks]
