"""Bootstrap intervals of ratios of sums over customers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REPLICATES = 2000
_CHUNK = 200  # replicates whose weights are in memory at the same time


def resampled_sums(values: Floats, rng: Generator, replicates: int = REPLICATES) -> Floats:
    """Sums over units drawn with replacement, as many as there are.

    Parameters
    ----------
    values : ndarray of float, shape (units, columns)
        What is added up.
    rng : Generator
        Source of randomness.
    replicates : int
        How often.

    Returns
    -------
    ndarray of float, shape (replicates, columns)
    """
    return np.concatenate([weights @ values for weights in _weights(len(values), rng, replicates)])


def _weights(units: int, rng: Generator, replicates: int) -> Iterator[Floats]:
    """How often each unit is drawn."""
    for first in range(0, replicates, _CHUNK):
        size = min(_CHUNK, replicates - first)
        drawn = rng.integers(units, size=(size, units)) + units * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(float)


def percentile_limits(replicates: Floats, conf_level: float) -> tuple[Floats, Floats]:
    """Percentile interval of every column; replicates that are NaN say nothing.

    Returns
    -------
    lower, upper : ndarray of float, shape (columns,)
        NaN where a limit is unknown: no replicate differs from another, which says nothing about the uncertainty, or
        the limit is infinite.
    """
    ordered = np.sort(replicates, axis=0)  # NaN last
    known = np.count_nonzero(~np.isnan(ordered), axis=0)
    tail = (1 - conf_level) / 2
    low = np.floor(tail * (known - 1)).clip(0).astype(int)
    high = np.ceil((1 - tail) * (known - 1)).clip(0).astype(int)
    columns = np.arange(ordered.shape[1])
    last = ordered[(known - 1).clip(0), columns]
    lower, upper = ordered[low, columns], ordered[high, columns]
    varies = (known > 0) & (ordered[0] < last)
    lower, upper = (np.where(varies & np.isfinite(limit), limit, np.nan) for limit in (lower, upper))
    return lower, upper
