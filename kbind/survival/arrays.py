"""Checks that arrays of durations pass before anything is estimated from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import ArgumentError, NotEnoughData
from kbind.typing import Bools, Floats


def vector(parameter: str, values: ArrayLike, size: int | None = None) -> Floats:
    """Values as floats, one a row; an error names the parameter, what is wrong and how often.

    Parameters
    ----------
    parameter : str
        As the caller calls it.
    values : array_like, shape (size,)
        Numbers without NaN; infinite ones pass.
    size : int, optional
        How many there have to be.

    Returns
    -------
    ndarray of float, shape (size,)

    Raises
    ------
    ArgumentError
        No numbers, another shape, or NaN.

    Examples
    --------
    >>> vector("duration", [3, 5], size=2)
    array([3., 5.])
    >>> vector("duration", [3, None])
    Traceback (most recent call last):
    kbind.errors.ArgumentError: duration has 1 missing value; complete or remove these rows first
    """
    array = _numbers(parameter, values)
    if array.ndim != 1 or (size is not None and len(array) != size):
        wanted = "one value a row" if size is None else f"shape ({size},), one value a row"
        raise ArgumentError(f"{parameter} has shape {array.shape}; allowed: {wanted}")
    refuse(parameter, int(np.isnan(array).sum()), "missing value")
    return array


def durations_of(
    duration: ArrayLike, event: ArrayLike, called: str = "duration", event_called: str = "event"
) -> tuple[Floats, Bools]:
    """Durations and whether the event was seen, checked.

    Parameters
    ----------
    duration : array_like, shape (n,)
        Time at which observation ended, at least 0.
    event : array_like of bool or 0/1, shape (n,)
        Whether it ended with the event.
    called, event_called : str
        The two as the caller calls them.

    Returns
    -------
    duration : ndarray of float, shape (n,)
    event : ndarray of bool, shape (n,)

    Raises
    ------
    ArgumentError
        Shapes differ, a duration is negative or infinite, or `event` holds something else than 0 and 1.
    """
    times = vector(called, duration)
    if not len(times):
        raise NotEnoughData(f"{called} is empty; at least one row is needed")
    refuse(called, int((times < 0).sum()), "negative value")
    refuse(called, int(np.isinf(times).sum()), "infinite value")
    seen = vector(event_called, event, len(times))
    refuse(event_called, int(((seen != 0) & (seen != 1)).sum()), "value other than 0 and 1")
    return times, seen == 1


def _numbers(parameter: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{parameter} holds something else than numbers, or rows of different lengths") from None


def refuse(where: str, count: int, what: str) -> None:
    """Say what is wrong in how many rows, if in any."""
    if count:
        several = what if count == 1 else what.replace("value", "values", 1)
        raise ArgumentError(f"{where} has {count:,} {several}; complete or remove these rows first")
