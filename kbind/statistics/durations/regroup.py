"""Durations by fewer columns, and who of them was at risk when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbind.errors import ArgumentError, did_you_mean
from kbind.statistics.durations import Durations, Floats
from kbind.statistics.groups import Ints, encode_groups, names_of


def regroup(durations: Durations, by: str | Sequence[str] | None) -> Durations:
    """The same customers, split by some of the columns only; the others are summed over.

    Parameters
    ----------
    durations : Durations
        From `kb.durations`.
    by : str or sequence of str, optional
        Columns to keep. Default: all that the durations have; an empty sequence: none, all customers together.

    Returns
    -------
    Durations

    Raises
    ------
    ArgumentError
        A column that the durations are not split by.
    """
    if by is None:
        return durations
    names = names_of(by)
    for name in names:
        if name not in durations.by:
            have = f"columns: {', '.join(durations.by)}" if durations.by else "they have no columns"
            hint = did_you_mean(str(name), durations.by)
            raise ArgumentError(f"by={name!r} does not split these durations; {hint}{have}; see kb.durations(..., by=)")
    if names == durations.by:
        return durations
    columns = {name: [values[k] for values in durations.groups] for k, name in enumerate(durations.by)}
    groups, code = encode_groups(pa.table(columns), names)
    group = code[durations.group] if names else np.zeros(len(durations.group), dtype=np.int64)
    # rows that differed only in what was dropped become one
    order = np.lexsort((group, durations.entry, durations.cause, durations.duration))
    keys = [values[order] for values in (group, durations.entry, durations.cause, durations.duration)]
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.any([values[1:] != values[:-1] for values in keys], axis=0)
    kept = order[first]
    return replace(
        durations,
        by=names,
        groups=groups,
        group=group[kept],
        entry=durations.entry[kept],
        duration=durations.duration[kept],
        cause=durations.cause[kept],
        n=np.add.reduceat(durations.n[order], np.flatnonzero(first)),
    )


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
    """

    times: Floats = field(repr=False)
    at_risk: Ints = field(repr=False)
    events: Ints = field(repr=False)


def risk_table(durations: Durations, rows: NDArray[np.bool_], times: Floats | None = None) -> RiskTable:
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
    cause = durations.cause[rows] - 1
    times = np.unique(duration) if times is None else times
    entered = _count_before(times, np.where(entry <= 0, -np.inf, entry), n)
    events = np.zeros((len(durations.causes), len(times)), dtype=np.int64)
    position = np.searchsorted(times, duration)
    lost = (cause >= 0) & (position < len(times))
    lost[lost] = times[position[lost]] == duration[lost]
    np.add.at(events, (cause[lost], position[lost]), n[lost])
    return RiskTable(times, entered - _count_before(times, duration, n), events)


def _count_before(times: Floats, values: Floats, n: Ints) -> Ints:
    """Customers whose value is smaller than each time."""
    order = np.argsort(values, kind="stable")
    total = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(n[order])])
    return np.asarray(total[np.searchsorted(values[order], times)], dtype=np.int64)
