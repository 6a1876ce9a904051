"""How many customers an experiment takes, and what it can find with so many."""

from __future__ import annotations

from math import exp, log, nan, sqrt
from statistics import NormalDist

from kbind.experiments.looks import widening

#: Formulas by outcome.
FORMULAS = {
    "retained": "two shares, variance pooled under no effect, as R's power.prop.test",
    "revenue": "two means, as R's power.t.test",
    "time": "log-rank test, events by Schoenfeld's formula (z_a + z_b)^2 / (p (1 - p) log(hazard ratio)^2)",
}
_NORMAL = NormalDist()
#: Customers from which on Student's law is as good as the normal one.
_MANY = 2000


def critical(conf_level: float, looks: bool) -> float:
    """How many standard errors an effect has to lie from nothing; more if somebody looks before the end."""
    z = _NORMAL.inv_cdf(0.5 + conf_level / 2)
    return z * widening(1.0, conf_level) if looks else z


def for_shares(
    base: float, other: float, share: float = 0.5, conf_level: float = 0.95, power: float = 0.8, *, looks: bool = False
) -> float:
    """Customers in all, so that a difference of two shares is found.

    Parameters
    ----------
    base, other : float
        Shares among those left alone, and among the treated.
    share : float
        Of the treated among all.
    conf_level, power : float
    looks : bool

    Examples
    --------
    >>> round(for_shares(0.5, 0.75, power=0.9) / 2, 2)  # R: power.prop.test(p1 = .5, p2 = .75, power = .9) gives 76.7
    76.71
    """
    a, b = critical(conf_level, looks), _NORMAL.inv_cdf(power)
    pooled = share * other + (1 - share) * base
    none = a * sqrt(pooled * (1 - pooled) / (share * (1 - share)))
    some = b * sqrt(other * (1 - other) / share + base * (1 - base) / (1 - share))
    return float(((none + some) / (other - base)) ** 2)


def for_means(
    sd: float, gap: float, share: float = 0.5, conf_level: float = 0.95, power: float = 0.8, *, looks: bool = False
) -> float:
    """Customers in all, so that a difference of two means is found.

    Examples
    --------
    >>> round(for_means(1.0, 1.0, power=0.9) / 2, 2)  # R: power.t.test(delta = 1, sd = 1, power = .9) gives 22.02
    22.02
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    a, b = critical(conf_level, looks), _NORMAL.inv_cdf(power)
    alpha, apart = 2 * _NORMAL.cdf(-a), abs(gap) / sd * sqrt(share * (1 - share))
    rough = ((a + b) / apart) ** 2 + a**2 / 2
    if rough > _MANY:  # Guenther's correction of the normal law, right to a hundredth of a customer by then
        return float(rough)

    def missing(n: float) -> float:
        return float(nct.sf(t.isf(alpha / 2, n - 2), n - 2, apart * sqrt(n))) - power

    return float(brentq(missing, 2.5, rough + 50)) if missing(2.5) < 0 else 2.5


def events_for(
    hazard_ratio: float, share: float = 0.5, conf_level: float = 0.95, power: float = 0.8, *, looks: bool = False
) -> float:
    """Customers who have to leave, in both arms together, so that a log-rank test finds a hazard ratio.

    References
    ----------
    Schoenfeld (1983), Biometrics 39, 499-503.

    Examples
    --------
    >>> round(events_for(0.5), 1)  # (1.960 + 0.842)^2 / (0.25 log(0.5)^2)
    65.3
    """
    a, b = critical(conf_level, looks), _NORMAL.inv_cdf(power)
    return (a + b) ** 2 / (share * (1 - share) * log(hazard_ratio) ** 2)


def leaving(retained: float, hazard_ratio: float, share: float) -> float:
    """Share of all who leave within the horizon, where so many stay if left alone."""
    return float(1 - (1 - share) * retained - share * retained**hazard_ratio)


def customers_for(
    outcome: str, base: dict[str, float], effect: float, share: float, conf_level: float, power: float, *, looks: bool
) -> float:
    """Customers in all that an effect takes; infinite where it is none, or where nobody leaves."""
    if outcome == "retained":
        retained = base["retained"]
        return (
            for_shares(retained, retained + effect, share, conf_level, power, looks=looks) if effect else float("inf")
        )
    if outcome == "revenue":
        return for_means(base["sd"], effect, share, conf_level, power, looks=looks) if effect else float("inf")
    gone = leaving(base["retained"], effect, share)
    if effect == 1 or not gone > 0:
        return float("inf")
    return events_for(effect, share, conf_level, power, looks=looks) / gone


def detectable(
    outcome: str, base: dict[str, float], n: float, share: float, conf_level: float, power: float, *, looks: bool
) -> float:
    """The smallest effect for the better that so many customers show with that power; NaN where none would do.

    Examples
    --------
    >>> round(detectable("retained", {"retained": 0.5}, 2 * 76.7069, 0.5, 0.95, 0.9, looks=False), 3)
    0.25
    """
    from scipy.optimize import brentq

    def missing(effect: float) -> float:
        needed = customers_for(outcome, base, effect, share, conf_level, power, looks=looks)
        return log(needed) - log(n)

    if outcome == "retained":
        low, high = 1e-6, 1 - base["retained"] - 1e-9
    elif outcome == "revenue":
        low, high = 1e-4 * base["sd"], 3 * base["sd"]
    else:  # ratios below 1, found on their logarithm
        return detectable_ratio(missing)
    if high <= low or missing(high) > 0 or missing(low) < 0:
        return nan
    return float(brentq(missing, low, high, xtol=1e-9))


def detectable_ratio(missing: object) -> float:
    """The hazard ratio below 1 that so many customers show."""
    from scipy.optimize import brentq

    assert callable(missing)
    low, high = log(0.02), log(0.9999)
    if missing(exp(low)) > 0 or missing(exp(high)) < 0:
        return nan
    return exp(float(brentq(lambda x: missing(exp(x)), low, high, xtol=1e-9)))
