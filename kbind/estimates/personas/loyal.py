"""Those who stay, given how long they were seen: how many of them fit, and how far those who fit are from them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.estimates.personas.staying import UNKNOWN, Estimate, Staying
from kbind.estimates.survival.curve import Curve
from kbind.statistics.customers.levels import cut_points
from kbind.statistics.customers.members import Members
from kbind.statistics.durations.risk import risk_table
from kbind.typing import Bools, Ints

#: Numbers with more different values are cut near their quartiles.
_MOST_VALUES = 6


def recall(whole: Members, fits: Bools, inside: Staying, outside: Staying, conf_level: float) -> Estimate:
    """Of those who stay, the share who fit.

    Parameters
    ----------
    whole : Members
    fits : ndarray of bool, shape (rows,)
    inside, outside : Staying
        Of those who fit, and of the others.
    conf_level : float

    Returns
    -------
    tuple of float
        Share with limits; NaN where one of the curves ends before the horizon.

    Notes
    -----
    With c the share who fit among those seen from their start on, and S the share who stay: c S1 / (c S1 + (1-c) S0).
    Who was there before recording began is left out of c, since of them only those who stayed are there. Interval on
    the logit, whose variance is 1 / (n c (1-c)) plus those of log S1 and log S0.
    """
    seen = whole.n * (whole.lives.entry <= 0)
    n, n_fit = float(seen.sum()), float(seen[fits].sum())
    stay, stay_others = inside.retention[0], outside.retention[0]
    if not 0 < n_fit < n or not stay > 0 or not stay_others > 0:
        return UNKNOWN
    share = n_fit / n
    logit = float(np.log(share / (1 - share)) + np.log(stay / stay_others))
    variance = 1 / (n * share * (1 - share)) + inside.retention_variance + outside.retention_variance
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * float(np.sqrt(variance))
    value, lower, upper = (1 / (1 + np.exp(-(logit + step))) for step in (0.0, -half, half))
    return float(value), float(lower), float(upper)


def distance(whole: Members, fits: Bools, attributes: Sequence[str], horizon: float) -> float:
    """How far those who fit are from those who stay: mean over attributes of the total variation, 0 to 1.

    Notes
    -----
    The share of a level among those who stay is its share among those who come, times the share of its customers who
    stay up to the horizon, over the sum of these. Where a level's curve ends before, its last value counts.
    """
    seen = whole.n * (whole.lives.entry <= 0)
    if not seen[fits].sum():
        return float("nan")
    parts = []
    for name in attributes:
        codes = level_codes(whole.known[name], whole.n)
        levels = int(codes.max()) + 1
        stay = np.array([_stay(whole, codes == level, horizon) for level in range(levels)])
        came = np.bincount(codes, seen, levels)
        loyal = came * stay
        own = np.bincount(codes[fits], seen[fits], levels)
        parts.append(0.5 * np.abs(own / own.sum() - loyal / loyal.sum()).sum() if loyal.sum() else np.nan)
    return float(np.mean(parts))


def level_codes(values: pd.Series[Any], n: Ints) -> Ints:
    """A code for every level, unknown ones last; numbers of many values in ranges."""
    known = values.notna().to_numpy(dtype=bool)
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_number and values.nunique() > _MOST_VALUES:
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        cuts = cut_points(numbers[known], n[known])
        codes = np.searchsorted(cuts, numbers, side="right")
        return np.asarray(np.where(known, codes, len(cuts) + 1), dtype=np.int64)
    codes, distinct = pd.factorize(values)
    return np.asarray(np.where(codes < 0, len(distinct), codes), dtype=np.int64)


def _stay(whole: Members, rows: Bools, horizon: float) -> float:
    curve = Curve.of(risk_table(whole.lives, rows))
    place = np.searchsorted(curve.risk.times, 1.0 if whole.snapshot else horizon, side="right")
    return float(curve.survival[place - 1]) if place else 1.0
