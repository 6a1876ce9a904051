"""How the share kept goes with the dose of an offer, and which dose to try next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isnan, nan, sqrt
from statistics import NormalDist

import numpy as np

from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import wilson
from kbind.estimate.scores import fit_logistic
from kbind.experiments.offer_arms import Arm
from kbind.typing import Floats

#: A trial of doses nearer to each other than this share of their range is not worth it, unless somebody says so.
FINEST = 0.1


@dataclass(frozen=True)
class Step:
    """What to do next with an offer.

    Attributes
    ----------
    decision : {"try", "keep", "stop", "unpriced"}
    dose : float
        To try next; NaN unless that is the decision.
    potential : float
        Money a customer that this dose could return more than the best arm, if it kept as many as it can be hoped to.
    """

    decision: str
    dose: float = nan
    potential: float = nan

    def __str__(self) -> str:
        return self.decision if isnan(self.dose) else f"{self.decision} {self.dose:g}"


def rising(arms: Sequence[Arm]) -> Floats:
    """Shares kept if a larger dose never keeps fewer: isotonic regression; NaN without doses.

    Parameters
    ----------
    arms : sequence of Arm
        By dose.

    Returns
    -------
    ndarray of float, shape (arms,)

    Examples
    --------
    >>> rising([Arm("none", 0, 0, 100, 20), Arm("half", 0.5, 0, 100, 40), Arm("free", 1, 0, 100, 30)])
    array([0.2 , 0.35, 0.35])
    """
    from sklearn.isotonic import IsotonicRegression

    if isnan(arms[0].dose):
        return np.full(len(arms), nan)
    share = [arm.kept / arm.n for arm in arms]
    fit = IsotonicRegression().fit([arm.dose for arm in arms], share, sample_weight=[arm.n for arm in arms])
    return np.asarray(fit.predict([arm.dose for arm in arms]), dtype=float)


def smooth(arms: Sequence[Arm]) -> Floats:
    """Shares kept by a logistic regression on the dose; NaN where it cannot be fitted."""
    fit = _logistic(arms)
    if fit is None:
        return np.full(len(arms), nan)
    (level, slope), _ = fit
    return np.asarray(1 / (1 + np.exp(-(level + slope * _scaled(arms)))))


def odds_ratio(arms: Sequence[Arm], conf_level: float) -> Estimate:
    """Odds of being kept at the highest dose against those at the lowest, by that regression (Wald's limits)."""
    fit = _logistic(arms)
    if fit is None:
        return UNKNOWN
    coefficient, covariance = fit
    z = NormalDist().inv_cdf(0.5 + conf_level / 2) * sqrt(covariance[1, 1])
    limits = [exp(coefficient[1] + side * z) for side in (0, -1, 1)]
    said = "odds of keeping at the highest dose / at the lowest"
    return Estimate.of(limits, n=sum(arm.n for arm in arms), conf_level=conf_level, definition=said)


def _scaled(arms: Sequence[Arm]) -> Floats:
    """Doses from 0 to 1."""
    doses = np.array([arm.dose for arm in arms], dtype=float)
    return np.asarray((doses - doses[0]) / (doses[-1] - doses[0]))


def _logistic(arms: Sequence[Arm]) -> tuple[Floats, Floats] | None:
    if isnan(arms[0].dose):
        return None
    kept, n = np.array([arm.kept for arm in arms]), np.array([arm.n for arm in arms])
    if not 0 < kept.sum() < n.sum():
        return None
    dose = np.concatenate([np.repeat(_scaled(arms), kept), np.repeat(_scaled(arms), n - kept)])
    stayed = np.repeat([1.0, 0.0], [kept.sum(), (n - kept).sum()])
    return fit_logistic(np.column_stack([np.ones(len(dose)), dose]), stayed, np.zeros(len(dose)))


def next_step(arms: Sequence[Arm], best: Arm, value: float, level: float, finest: float) -> Step:
    """Which dose beside the best arm could return more, or that none could.

    Parameters
    ----------
    arms : sequence of Arm
        By dose.
    best : Arm
        Of these, the one with the largest return.
    value : float
        What a kept customer is worth; NaN: what the customers themselves say.
    level : float
        Of the upper limits that are hoped for.
    finest : float
        Smallest step; NaN: a tenth of the range.
    """
    settled = Step("stop" if best is arms[0] else "keep")
    if isnan(best.dose):
        return settled
    worth = value if not isnan(value) else _worth(arms)
    place = list(arms).index(best)
    least = FINEST * (arms[-1].dose - arms[0].dose) if isnan(finest) else finest
    dose, hoped, cost = _beside(arms, place, worth, level)
    if isnan(dose) or abs(dose - best.dose) < least * (1 - 1e-9):
        return settled
    potential = worth * (hoped - best.kept / best.n) - (cost - best.cost)
    return Step("try", dose, potential) if potential > 0 else settled


def _beside(arms: Sequence[Arm], place: int, value: float, level: float) -> tuple[float, float, float]:
    """A dose beside the best arm, the share it can be hoped to keep, and what it would cost."""
    best = arms[place]
    above = arms[place + 1] if place + 1 < len(arms) else None
    below = arms[place - 1] if place else None
    upper = above is not None and (below is None or _leans_up(below, best, above, value))
    low, high = (best, above) if upper else (below, best)
    assert low is not None
    assert high is not None
    return (low.dose + high.dose) / 2, float(wilson(high.kept, high.n, level)[2]), (low.cost + high.cost) / 2


def _leans_up(below: Arm, best: Arm, above: Arm, value: float) -> bool:
    """Whether the vertex of a parabola through three returns lies above the dose in the middle."""
    returns = [value * arm.kept / arm.n - arm.cost for arm in (below, best, above)]
    rise = (returns[1] - returns[0]) / (best.dose - below.dose)
    fall = (returns[2] - returns[1]) / (above.dose - best.dose)
    # slope of the parabola at the dose in the middle
    left, right = best.dose - below.dose, above.dose - best.dose
    return (rise * right + fall * left) > 0


def _worth(arms: Sequence[Arm]) -> float:
    """Mean worth of a kept customer, where customers differ in it."""
    kept = sum(arm.kept for arm in arms)
    total = sum(float(arm.net.sum()) + arm.cost * arm.n for arm in arms if arm.net is not None)
    return total / kept if kept else nan
