"""Retention and churn rates over one window, from counts."""

from __future__ import annotations

import numpy as np

from kbind.errors import MOST, ArgumentError, real, told
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of


def retention_rate(*, start: int, end: int, gained: int, conf_level: float = 0.95) -> Estimate:
    """Share of the customers at the start of a window who are still there at its end.

    Parameters
    ----------
    start : int
        Customers at the start, S.
    end : int
        Customers at the end, E.
    gained : int
        Customers at the end who were not there at the start, N; who joined and left in between counts nowhere.
    conf_level : float
        Level of the Wilson interval.

    Returns
    -------
    Estimate
        (E - N) / S; its `churn` is 1 - (E - N) / S.

    Raises
    ------
    ArgumentError
        The counts cannot be: one is negative or no whole number, S is 0, N > E, or E - N > S.

    Examples
    --------
    >>> print(retention_rate(start=20, end=24, gained=5))
    95.00% [76.39%, 99.11%] (19 of 20)
    >>> print(retention_rate(start=44, end=43, gained=12))
    70.45% [55.78%, 81.84%] (31 of 44)
    >>> print(retention_rate(start=44, end=43, gained=12).churn)
    29.55% [18.16%, 44.22%] (13 of 44)
    """
    kept = _check_counts(start, end, gained)
    definition = "(customers at the end - gained) / customers at the start; Wilson score interval"
    return rate_of(kept, start, conf_level, definition, "retention")


def rescale_churn(rate: float | Estimate, *, days_from: float, days_to: float) -> Estimate:
    """A churn rate for another length of window, if the hazard is the same every day.

    Parameters
    ----------
    rate : float or Estimate
        Churn rate between 0 and 1 over `days_from` days; an Estimate brings its interval along.
    days_from, days_to : float
        Lengths of the windows in days.

    Returns
    -------
    Estimate
        1 - (1 - rate) ** (days_to / days_from).

    Raises
    ------
    ArgumentError
        The rate lies outside 0 to 1 or a length is not positive.

    Examples
    --------
    >>> print(rescale_churn(0.05, days_from=30, days_to=360))
    45.96%
    """
    if isinstance(rate, Estimate) and rate.kind == "retention":
        raise ArgumentError("rate is a retention rate; give its churn: kb.retention_rate(...).churn")
    given = rate if isinstance(rate, Estimate) else Estimate(_number("rate", rate))
    if not 0 <= given.value <= 1:
        raise ArgumentError(f"rate={given.value!r} is not a share; allowed: 0 to 1 (5 % is 0.05)")
    for name, days in (("days_from", days_from), ("days_to", days_to)):
        if not 0 < _number(name, days) <= MOST:
            raise ArgumentError(f"{name}={told(days)} is not a length; allowed: days above 0")
    times = days_to / days_from
    limits = (1.0 if x == 1 else -np.expm1(times * np.log1p(-x)) for x in given)
    definition = f"churn over {days_from:g} days rescaled to {days_to:g} days, assuming the same hazard every day"
    return Estimate.of(limits, conf_level=given.conf_level, definition=definition, kind="churn")


def _number(name: str, value: float) -> float:
    number = real(value)
    if np.isnan(number):
        raise ArgumentError(f"{name}={told(value)} is not a number")
    return number


def _check_counts(start: int, end: int, gained: int) -> int:
    for name, count in (("start", start), ("end", end), ("gained", gained)):
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 0 <= count <= MOST:
            raise ArgumentError(f"{name}={told(count)} is not a count; allowed: whole numbers from 0")
    if start == 0:
        raise ArgumentError("start=0: without customers at the start there is no rate")
    if gained > end:
        raise ArgumentError(
            f"gained={gained} is more than end={end}: gained counts only customers who are there at the end"
        )
    if end - gained > start:
        raise ArgumentError(f"end={end} - gained={gained} leaves {end - gained} old customers, more than start={start}")
    return int(end - gained)
