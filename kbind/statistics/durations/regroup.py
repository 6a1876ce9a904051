"""Durations by fewer columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from kbind.errors import ArgumentError, did_you_mean
from kbind.statistics.durations import Durations
from kbind.statistics.groups import encode_groups, names_of


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
    return counted(replace(durations, by=names, groups=groups, group=group))


def counted(durations: Durations) -> Durations:
    """The same customers, equal rows put together."""
    keys = (durations.group, durations.entry, durations.cause, durations.duration)
    order = np.lexsort(keys)
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.any([values[order][1:] != values[order][:-1] for values in keys], axis=0)
    kept = order[first]
    return replace(
        durations,
        group=durations.group[kept],
        entry=durations.entry[kept],
        duration=durations.duration[kept],
        cause=durations.cause[kept],
        n=np.add.reduceat(durations.n[order], np.flatnonzero(first)),
    )
