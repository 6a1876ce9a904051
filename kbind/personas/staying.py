"""How many of some customers stay, and what revenue stays with them, given how long they were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.levels import cut_points
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import LEAST_EFFECTIVE, rate_of
from kbind.personas.members import Members
from kbind.survival.at_risk import risk_table
from kbind.survival.comparison import mean_limits, restricted_mean
from kbind.survival.curve import Curve, log_log
from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True)
class Staying:
    """Customers, and each figure with its limits.

    Attributes
    ----------
    n : int
    retention : Estimate
        Share who stay up to the horizon, by Kaplan-Meier; of a snapshot the share who have not left.
    retention_variance : float
        Of the logarithm of retention.
    rate : Estimate
        Who leave, a month at risk.
    rmst : Estimate
        Months stayed up to the horizon, on average; unknown in a snapshot.
    revenue, retained_revenue : Estimate
        A customer and month, at first and at the horizon, those who have left counted with 0.
    """

    n: int
    retention: Estimate
    retention_variance: float
    rate: Estimate
    rmst: Estimate
    revenue: Estimate
    retained_revenue: Estimate


def staying(part: Members, horizon: float, conf_level: float) -> Staying:
    """Limits from some rows.

    Notes
    -----
    Intervals: log(-log) with Greenwood's variance, of a snapshot Wilson; rates exact Poisson; money by the sandwich
    over customers and Student's t on the log scale, none where they are worth fewer than 30 of equal revenue.
    """
    n = int(part.n.sum())
    left = part.lives.cause > 0
    rate = _rate(int(part.n[left].sum()), float(part.exposure @ part.n), conf_level)
    if not n:
        return Staying(0, UNKNOWN, float("nan"), UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    if part.snapshot:
        horizon = 1.0
        stayed = n - int(part.n[left].sum())
        stay = rate_of(stayed, n, conf_level)
        variance = (1 - stay.value) / (n * stay.value) if stayed else float("nan")
        rmst = UNKNOWN
    else:
        curve = Curve.of(risk_table(part.lives, np.ones(len(left), dtype=bool)))
        survival, spent = curve.at([horizon])
        limits = log_log(survival, spent, conf_level, curve.least_at_risk([horizon]))
        stay = Estimate.of(part[0] for part in (survival, *limits))
        variance = float(spent[0])
        rmst = Estimate(restricted_mean(curve, horizon)[0], *mean_limits(curve, horizon, conf_level))
    revenue, retained = revenue_kept(part, horizon)
    worth = part.worth
    first, kept = (_money(*found, worth, conf_level) for found in (revenue, retained))
    if stay.value == 1:  # nobody has left yet, so revenue does not tell how sure that is
        kept = replace(kept, ci_lower=kept.ci_lower * stay.ci_lower)
    return Staying(n, stay, variance, rate, rmst, first, kept)


def revenue_kept(part: Members, horizon: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Revenue a customer, at first and at the horizon, each with its standard error.

    Parameters
    ----------
    part : Members
    horizon : float

    Returns
    -------
    revenue, retained_revenue : tuple of (float, float)
        NaN where nobody's revenue is known; the second also where nobody was seen up to the horizon.

    Notes
    -----
    The mean is over those seen from their start on: of those who came before recording began only those who stayed are
    there, and they may pay more. Retained revenue is that mean times a Kaplan-Meier curve in which every customer
    counts with its revenue, so that it is right where those who pay more stay longer. In a snapshot it is the sum over
    those who stay, divided by all. The error is the sandwich over customers, of both parts together (infinitesimal
    jackknife).
    """
    lives = part.lives
    start = lives.entry <= 0
    n = part.n_revenue * start
    size = int(n.sum())
    if size < 2:
        return (float("nan"),) * 2, (float("nan"),) * 2
    mean = float(part.revenue[start].sum()) / size
    error = float(np.sqrt(max(part.revenue_squared[start].sum() / size - mean**2, 0) / (size - 1)))
    seen = (lives.entry < lives.duration) | (lives.entry <= 0)
    weight = np.where(seen, part.revenue, 0.0)
    left = (lives.cause > 0) & (lives.duration <= horizon) & seen
    unseen = not seen.any() or horizon > lives.duration[seen].max() + 1e-6
    if unseen or (part.revenue < 0).any():
        return (mean, error), (float("nan"),) * 2
    times = np.unique(lives.duration[left])
    entered = np.where(lives.entry <= 0, -np.inf, lives.entry)
    at_risk = _before(times, entered, weight) - _before(times, lives.duration, weight)
    lost = np.zeros(len(times))
    np.add.at(lost, np.searchsorted(times, lives.duration[left]), weight[left])
    stay = at_risk - lost
    if (stay <= 1e-12 * np.maximum(at_risk, 1)).any():  # all revenue is gone, and nothing says how sure that is
        return (mean, error), (0.0, float("nan"))
    survival = float(np.prod(stay / at_risk))
    # what one unit of weight does to log survival: by being at risk, and by leaving
    reached = np.concatenate([[0.0], np.cumsum(lost / (at_risk * stay))])
    pull = reached[np.searchsorted(times, lives.duration, side="right")]
    pull -= reached[np.searchsorted(times, entered, side="right")]
    pull[left] -= 1 / stay[np.searchsorted(times, lives.duration[left])]
    pull[~seen] = 0.0
    kept = mean * survival
    slope, centre = start * survival / size + kept * pull, start * survival * mean / size
    variance = float((slope**2 * part.revenue_squared - 2 * slope * centre * part.revenue + n * centre**2).sum())
    return (mean, error), (kept, float(np.sqrt(max(variance, 0))))


def _before(times: Floats, values: Floats, weight: Floats) -> Floats:
    """Weight of those whose value is smaller than each time."""
    order = np.argsort(values, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    return np.asarray(total[np.searchsorted(values[order], times)])


def _money(value: float, error: float, worth: float, conf_level: float) -> Estimate:
    """A mean of money with Student's t on the log scale; no limits where a few customers decide, or none varies."""
    from scipy.special import stdtrit

    if not (worth >= LEAST_EFFECTIVE * (1 - 1e-9) and error > 0 and value > 0):
        return Estimate(value)
    factor = float(np.exp(stdtrit(worth / 4, 0.5 + conf_level / 2) * error / value))
    return Estimate(value, value / factor, value * factor)


def _rate(events: int, exposure: float, conf_level: float) -> Estimate:
    """Events by time with Garwood's exact interval."""
    from scipy.special import gammaincinv

    if not exposure > 0:
        return UNKNOWN
    tail = (1 - conf_level) / 2
    lower = float(gammaincinv(events, tail)) if events else 0.0
    return Estimate(events / exposure, lower / exposure, float(gammaincinv(events + 1, 1 - tail)) / exposure)


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
    Estimate
        A share; NaN where one of the curves ends before the horizon.

    Notes
    -----
    With c the share who fit among those seen from their start on, and S the share who stay: c S1 / (c S1 + (1-c) S0).
    Who was there before recording began is left out of c, since of them only those who stayed are there. Interval on
    the logit, whose variance is 1 / (n c (1-c)) plus those of log S1 and log S0.
    """
    seen = whole.n * (whole.lives.entry <= 0)
    n, n_fit = float(seen.sum()), float(seen[fits].sum())
    stay, stay_others = inside.retention.value, outside.retention.value
    if not 0 < n_fit < n or not stay > 0 or not stay_others > 0:
        return UNKNOWN
    share = n_fit / n
    logit = float(np.log(share / (1 - share)) + np.log(stay / stay_others))
    variance = 1 / (n * share * (1 - share)) + inside.retention_variance + outside.retention_variance
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * float(np.sqrt(variance))
    return Estimate.of(1 / (1 + np.exp(-(logit + step))) for step in (0.0, -half, half))


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
