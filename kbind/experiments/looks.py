"""Looking several times: intervals that hold at all looks together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from kbind.dataset.config import read_as_of
from kbind.errors import ArgumentError, check_list, told
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.experiments.arms import adjusted, excludes, outcome_values
from kbind.experiments.campaign import Assigned

if TYPE_CHECKING:
    import pandas as pd

#: Customers an arm below which a look says nothing: the intervals are asymptotic.
LEAST = 30


def always_valid(one: Estimate, share: float) -> Estimate:
    """The interval that holds at all times together, from one that holds at a single time.

    Parameters
    ----------
    one : Estimate
        With limits from a normal law.
    share : float
        Share of the customers assigned that it rests on: the interval is narrowest when it is 1.

    Notes
    -----
    Asymptotic confidence sequence with a normal mixture: a half width of
    s sqrt(2 (v + 1) / v log(sqrt(v + 1) / alpha)), where s is the standard error and v grows with the number of
    customers; at share 1 it is chosen as in eq. (26) there.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Annals of Statistics 52, 2613-2640.

    Examples
    --------
    >>> print(always_valid(Estimate(0.1, 0.002, 0.198), share=1))
    0.1 [-0.05178, 0.2518]
    """
    if not (isfinite(one.ci_lower) and one.ci_upper > one.ci_lower and share > 0):
        return replace(UNKNOWN, conf_level=one.conf_level)
    half = (one.ci_upper - one.ci_lower) / 2 * widening(share, one.conf_level)
    return replace(one, ci_lower=one.value - half, ci_upper=one.value + half)


def widening(share: float, conf_level: float) -> float:
    """How many times wider an interval is that holds at all times together; see `always_valid`.

    >>> round(widening(1, 0.95), 3), round(widening(0.2, 0.95), 3)
    (1.549, 1.692)
    """
    alpha = 1 - conf_level
    v = share * (-2 * log(alpha) + log(-2 * log(alpha)) + 1)
    return sqrt(2 * (v + 1) / v * log(sqrt(v + 1) / alpha)) / NormalDist().inv_cdf(1 - alpha / 2)


def read_looks(assigned: Assigned, looks: object) -> np.ndarray:
    """Days of the looks, in order."""
    as_of = assigned.provenance.as_of
    days = []
    for look in check_list("looks", looks, "days, such as ['2024-06-30', '2024-12-31']"):
        moment = read_as_of(look, assigned.provenance.timezone)
        if moment is None or as_of is None or moment > as_of:
            raise ArgumentError(f"looks={told(look)} is no day up to the end of the data; allowed: up to {as_of}")
        days.append(np.datetime64(moment, "D"))
    if not days:
        raise ArgumentError("looks is empty; allowed: one day or more")
    return np.unique(np.array(days, dtype="datetime64[D]"))


def look_at(assigned: Assigned, outcome: str, days: Sequence[object] | np.ndarray, conf_level: float) -> pd.DataFrame:
    """What was known at each look, with intervals that hold at all of them together.

    Returns
    -------
    DataFrame
        look, n (customers whose horizon was over and known by then), difference, ci_lower, ci_upper (always valid),
        shown; NaN where an arm had fewer than 30.
    """
    import pandas as pd

    values, known = outcome_values(assigned, outcome)
    settled = assigned.assigned_at + np.timedelta64(assigned.horizon + assigned.settles, "D")
    rows = []
    for day in np.asarray(days, dtype="datetime64[D]"):
        seen = known & (settled < day)
        found = adjusted(assigned.take(seen), values[seen], conf_level) if _enough(assigned.treated[seen]) else UNKNOWN
        found = always_valid(found, float(seen.mean())) if isfinite(found.value) else found
        rows.append((pd.Timestamp(day), int(seen.sum()), *found, excludes(found)))
    return pd.DataFrame(rows, columns=["look", "n", "difference", "ci_lower", "ci_upper", "shown"])


def _enough(treated: np.ndarray) -> bool:
    return bool(min(treated.sum(), (~treated).sum()) >= LEAST)
