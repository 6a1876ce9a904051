"""Durations with fewer columns: groups that differ only in the others are taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kbind.errors import ArgumentError, did_you_mean
from kbind.statistics.durations import Durations
from kbind.statistics.groups import names_of


def regroup(durations: Durations, by: str | Sequence[str] | None) -> Durations:
    """The same customers, split by some of the columns only.

    Parameters
    ----------
    durations : Durations
        Split by these columns and perhaps others.
    by : str, sequence of str or None
        Columns to keep; None keeps all.

    Raises
    ------
    ArgumentError
        The durations are not split by such a column.
    """
    if by is None:
        return durations
    names = names_of(by)
    for name in names:
        if name not in durations.by:
            known = ", ".join(durations.by) or "none"
            hint = did_you_mean(str(name), durations.by)
            raise ArgumentError(
                f"by={name!r} is none of the columns the durations are split by; {hint}columns: {known}"
            )
    if names == durations.by:
        return durations
    kept = [tuple(group[durations.by.index(name)] for name in names) for group in durations.groups]
    groups = tuple(sorted(set(kept), key=lambda row: tuple((value is None, str(type(value)), value) for value in row)))
    code = np.array([groups.index(group) for group in kept], dtype=np.int64)
    return replace(durations, by=names, groups=groups, group=code[durations.group])
