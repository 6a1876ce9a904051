"""Who was at risk and who left at each time: what every survival estimate is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kbind.survival.durations import Durations
from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class RiskTable:
    """How many customers were at risk at each time, and how many were lost to what.

    Attributes
    ----------
    times : ndarray of float, shape (times,)
        Increasing.
    at_risk : ndarray of int, shape (times,)
        Customers observed just before: entry < time or entry 0, and duration >= time.
    events : ndarray of int, shape (causes, times)
        Customers lost at that time.
    censored : ndarray of int, shape (times,)
        Customers last seen at that time, who had not left.
    after : ndarray of int, shape (times + 1,)
        Customers observed just after the origin, and just after each time.
    """

    times: Floats = field(repr=False)
    at_risk: Ints = field(repr=False)
    events: Ints = field(repr=False)
    censored: Ints = field(repr=False)
    after: Ints = field(repr=False)

    @property
    def left(self) -> Ints:
        """Customers lost at each time, whatever the cause."""
        total: Ints = self.events.sum(axis=0)
        return total


def risk_table(durations: Durations, rows: Bools, times: Floats | None = None) -> RiskTable:
    """Count some rows of the durations at the given times.

    Parameters
    ----------
    durations : Durations
        From `kb.durations`.
    rows : ndarray of bool, shape (rows,)
        Which to count, such as those of a group.
    times : ndarray of float, shape (times,), optional
        Increasing. Default: every time at which the observation of one of these customers ended.

    Returns
    -------
    RiskTable
        Events between the given times count nowhere.
    """
    # who enters at the moment of leaving was never at risk
    rows = rows & ((durations.entry < durations.duration) | (durations.entry <= 0))
    entry, duration, n = durations.entry[rows], durations.duration[rows], durations.n[rows]
    cause = durations.cause[rows]
    times = np.unique(duration) if times is None else times
    begun = np.where(entry <= 0, -np.inf, entry)
    edges = np.nextafter(np.concatenate([[0.0], times]), np.inf)
    after = _count_before(edges, begun, n) - _count_before(edges, duration, n)
    ended = np.zeros((len(durations.causes) + 1, len(times)), dtype=np.int64)
    position = np.searchsorted(times, duration)
    counted = position < len(times)
    counted[counted] = times[position[counted]] == duration[counted]
    np.add.at(ended, (cause[counted], position[counted]), n[counted])
    at_risk = _count_before(times, begun, n) - _count_before(times, duration, n)
    return RiskTable(times, at_risk, ended[1:], ended[0], after)


def risk_tables(durations: Durations, times: Floats | None = None) -> list[RiskTable]:
    """One table a group."""
    return [risk_table(durations, durations.group == g, times) for g in range(len(durations.groups))]


def _count_before(times: Floats, values: Floats, n: Ints) -> Ints:
    """Customers whose value is smaller than each time."""
    order = np.argsort(values, kind="stable")
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(n[order])])
    return np.asarray(total[np.searchsorted(values[order], times)], dtype=np.int64)
