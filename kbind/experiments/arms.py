"""Two arms compared: differences of shares and means, adjusted ones, time stayed, hazards, and sizes as planned."""

from __future__ import annotations

from dataclasses import replace
from math import exp, isfinite, nan, sqrt

import numpy as np

from kbind.errors import NotEnoughData
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import newcombe, normal, welch
from kbind.experiments.campaign import Assigned
from kbind.experiments.covariates import covariates_of, independent, matrix
from kbind.typing import Bools, Floats

#: Fewer customers who left in an arm give no hazard ratio.
FEWEST = 5
#: Up to so many customers the sizes of the arms are tested exactly.
_EXACT = 10_000


def outcome_values(assigned: Assigned, outcome: str) -> tuple[Floats, Bools]:
    """The outcome of every customer, and of whom it is known."""
    if outcome == "retained":
        return (~assigned.left).astype(np.float64), assigned.lived
    if outcome == "time":
        return np.minimum(assigned.duration, float(assigned.horizon)), assigned.lived
    return assigned.revenue_after, np.asarray(assigned.lived & np.isfinite(assigned.revenue_after))


def plain(values: Floats, treated: Bools, outcome: str, conf_level: float) -> Estimate:
    """Treated less the others: shares with Newcombe's interval, means with Welch's.

    Examples
    --------
    >>> kept, treated = np.repeat([1.0, 0, 1, 0], [56, 14, 48, 32]), np.arange(150) < 70
    >>> print(plain(kept, treated, "retained", 0.95))
    0.2 [0.05243, 0.3339]
    """
    one, other = values[treated], values[~treated]
    if outcome == "retained":
        found = newcombe(one.sum(), len(one), other.sum(), len(other), conf_level)
        estimate = Estimate.of(found)
    else:
        estimate = welch(one, other, conf_level)
    return replace(estimate, n=len(values), conf_level=conf_level)


def cuped(values: Floats, treated: Bools, x: Floats, conf_level: float) -> Estimate:
    """Treated less the others in what the columns known before do not explain.

    Parameters
    ----------
    values : ndarray of float, shape (customers,)
    treated : ndarray of bool, shape (customers,)
    x : ndarray of float, shape (customers, columns)
        Known at the assignment.
    conf_level : float

    Notes
    -----
    Slopes of the outcome on the columns from both arms together; the difference of what is left has Welch's interval,
    wider by sqrt((n - 1) / (n - 1 - k)) for k slopes. Where chance chose the arms, it estimates the same effect as the
    plain difference.

    References
    ----------
    Deng, Xu, Kohavi and Walker (2013), WSDM; for one column it is what the package tea-tasting computes.

    Examples
    --------
    >>> before = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    >>> treated = np.array([True] * 3 + [False] * 3)
    >>> print(cuped(before + treated + [0.1, -0.1, 0, 0, 0, 0], treated, before[:, None], 0.95))
    1 [0.7706, 1.229]
    """
    own = independent(x)
    n, k = own.shape
    if n - 1 - k < 2:
        return UNKNOWN
    rest = values - own @ np.linalg.lstsq(own, values - values.mean(), rcond=None)[0] if k else values
    found = welch(rest[treated], rest[~treated], conf_level)
    wider = sqrt((n - 1) / (n - 1 - k))
    low, high = (found.value + wider * (limit - found.value) for limit in found.interval)
    return Estimate(found.value, low, high, n=n, conf_level=conf_level)


def adjusted(assigned: Assigned, values: Floats, conf_level: float) -> Estimate:
    """Treated less the others, adjusted for what was known at the assignment; a slope for each 20 customers at most."""
    x = matrix(assigned, covariates_of(assigned))[:, : len(assigned) // 20]
    return cuped(values, assigned.treated, x, conf_level)


def width(one: Estimate) -> float:
    """From the lower to the upper limit."""
    return one.ci_upper - one.ci_lower


def mean_time(assigned: Assigned, conf_level: float) -> Estimate:
    """Difference of the days stayed up to the horizon, restricted means of Kaplan and Meier's curves.

    Unknown where an arm was not seen up to the horizon, without limits where nobody left.
    """
    from kbind.survival.comparison import compare_survival

    labels = np.where(assigned.treated, "treated", "others")
    found = compare_survival(assigned.duration, assigned.event_observed, by=labels, horizon=float(assigned.horizon))
    frame = found.to_frame()
    first = frame["group"].to_numpy() == "treated"
    mean, errors = (frame[name].to_numpy(dtype=float) for name in ("rmst", "rmst_se"))
    value = float(mean[first][0] - mean[~first][0])
    error = float(np.hypot(*errors))
    said = f"days stayed within {assigned.horizon} days, treated less others"
    return replace(normal(value, error, conf_level), n=len(assigned), definition=said)


def hazard_ratio(assigned: Assigned, conf_level: float) -> Estimate:
    """Hazard of leaving within the horizon, treated against the others, by Cox regression; unknown where few left."""
    gone = assigned.event_observed & (assigned.duration <= assigned.horizon)
    if min(gone[assigned.treated].sum(), gone[~assigned.treated].sum()) < FEWEST:
        return UNKNOWN
    from kbind.survival.cox import fit_cox  # lifelines takes a second to load

    duration = np.minimum(assigned.duration, float(assigned.horizon))
    try:
        fit = fit_cox(duration, gone, assigned.treated.astype(float)[:, None], names=["treated"])
    except NotEnoughData:
        return UNKNOWN
    limits = [exp(limit) for limit in normal(float(fit.coef[0]), sqrt(float(fit.cov[0, 0])), conf_level)]
    said = f"hazard of leaving within {assigned.horizon} days, treated divided by others"
    return Estimate.of(limits, n=len(assigned), conf_level=conf_level, definition=said)


def sample_ratio(treated: int, n: int, share: float) -> float:
    """The p value of so many treated of n, if each had that chance: exact up to 10,000 customers, else chi-square.

    Examples
    --------
    >>> round(sample_ratio(60, 100, 0.5), 4)  # R: binom.test(60, 100)
    0.0569
    >>> f"{sample_ratio(821_588, 821_588 + 815_482, 0.5):.1e}"  # Kohavi, Tang and Xu (2020), chapter 3
    '1.8e-06'
    """
    from scipy.stats import binomtest, chisquare

    if not (0 < share < 1 and n):
        return nan
    if n <= _EXACT:
        return float(binomtest(treated, n, share).pvalue)
    return float(chisquare([treated, n - treated], [n * share, n * (1 - share)]).pvalue)


def placebo(assigned: Assigned, known: Bools, conf_level: float) -> Estimate:
    """Treated less others in what happened before the assignment: spend, else use, else money a month at it."""
    names = {
        "spend": f"spend in the {assigned.horizon} days before the assignment",
        "use": f"events in the {assigned.horizon} days before the assignment",
        "revenue": "revenue a month at the assignment",
    }
    for name, said in names.items():
        values = getattr(assigned, name)
        rows = known & np.isfinite(values)
        if rows.all() and np.ptp(values) > 0:
            found = welch(values[assigned.treated], values[~assigned.treated], conf_level)
            return replace(found, n=len(values), conf_level=conf_level, definition=f"{said}, treated less others")
    return UNKNOWN


def excludes(one: Estimate, neutral: float = 0.0) -> bool:
    """Whether the interval is known and holds no "nothing happened"."""
    return isfinite(one.ci_lower) and isfinite(one.ci_upper) and not one.ci_lower <= neutral <= one.ci_upper
