"""Comparable others for the treated of a campaign: chances, weights, balance, and doubly robust effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd

from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal
from kbind.estimate.scores import log_odds
from kbind.experiments.campaign import Assigned
from kbind.experiments.covariates import Covariate, covariates_of, matrix
from kbind.typing import Bools, Floats, Ints

#: Parts into which customers are dealt; the models for each are learnt from the others.
FOLDS = 5
#: Treated customers with a larger chance of treatment have nobody to be compared with.
MOST = 0.95
#: No other customer stands for more treated ones than so many; penalty on squared slopes of logistic regressions.
HEAVIEST, SHRINKAGE = 10.0, 10.0
#: Squares of numbers are taken up to so many standard deviations.
_FAR = 3.0


@dataclass(frozen=True, eq=False)
class Weighed:
    """Treated customers and others who are made to look like them.

    Attributes
    ----------
    x : ndarray of float, shape (customers, columns)
        What was known at the assignment.
    names : tuple of str
        Of the columns.
    treated : ndarray of bool, shape (customers,)
    chance : ndarray of float, shape (customers,)
        Of being treated, from models that did not see the customer.
    weight : ndarray of float, shape (customers,)
        1 for the treated, odds of treatment (up to 10) for the others, 0 for who has nobody comparable.
    fold : ndarray of int, shape (customers,)
    """

    x: Floats = field(repr=False)
    names: tuple[str, ...]
    treated: Bools = field(repr=False)
    chance: Floats = field(repr=False)
    weight: Floats = field(repr=False)
    fold: Ints = field(repr=False)

    @property
    def overlap(self) -> float:
        """Share of the treated who have comparable others."""
        return float((self.weight[self.treated] > 0).mean())

    @property
    def effective(self) -> float:
        """How many others of equal weight the weighted ones are worth (Kish)."""
        weight = self.weight[~self.treated]
        return float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0

    def balance(self) -> pd.DataFrame:
        """Standardised differences of the treated and the others, as they are and weighted.

        Returns
        -------
        DataFrame
            covariate, treated, others, weighted (means), difference, difference_weighted: in standard deviations, the
            largest difference first.

        References
        ----------
        Austin (2009), Statistics in Medicine 28, 3083-3107.
        """
        one, other = self.x[self.treated], self.x[~self.treated]
        like = np.average(other, axis=0, weights=self.weight[~self.treated]) if self.effective else other.mean(axis=0)
        inside = one[self.weight[self.treated] > 0].mean(axis=0) if self.overlap else one.mean(axis=0)
        spread = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 2)
        spread = np.where(spread > 0, spread, nan)
        frame = pd.DataFrame(
            {
                "covariate": self.names,
                "treated": one.mean(axis=0),
                "others": other.mean(axis=0),
                "weighted": like,
                "difference": (one.mean(axis=0) - other.mean(axis=0)) / spread,
                "difference_weighted": (inside - like) / spread,
            }
        )
        order = frame["difference"].abs().sort_values(ascending=False, kind="stable").index
        return frame.loc[order].reset_index(drop=True)


def weigh(assigned: Assigned) -> Weighed:
    """Chances of treatment from what was known, and the weights that follow.

    Logistic regression on the covariates and the squares of numbers, cross-fitted; a recorded chance is one of the
    covariates, by its log odds. Others weigh by the odds of treatment, up to 10, so that they stand for the treated.
    """
    x, names = columns_of(assigned)
    treated = assigned.treated
    fold = _folds(treated)
    chance = np.full(len(treated), treated.mean())
    if x.shape[1]:
        for part in range(FOLDS):
            rows = fold == part
            chance[rows] = _fitted(x[~rows], treated[~rows].astype(float), "share", x[rows])
    chance = np.clip(chance, 1e-4, 1 - 1e-4)
    inside = chance <= MOST
    certain = np.isfinite(assigned.propensity) & ((assigned.propensity <= 0) | (assigned.propensity >= 1))
    inside &= ~certain
    weight = np.where(treated, 1.0, np.minimum(chance / (1 - chance), HEAVIEST)) * inside
    return Weighed(x, names, treated, chance, weight, fold)


def columns_of(assigned: Assigned) -> tuple[Floats, tuple[str, ...]]:
    """Covariates in standard deviations, with squares of numbers and the log odds of a recorded chance."""
    covariates = covariates_of(assigned)
    x = matrix(assigned, covariates)
    names = [one.name for one in covariates]
    columns = [x]
    numbers = [k for k, one in enumerate(covariates) if _curved(one)]
    if numbers:
        columns.append(np.clip(x[:, numbers], -_FAR, _FAR) ** 2)
        names += [f"{names[k]} squared" for k in numbers]
    chance = assigned.propensity
    if np.isfinite(chance).all() and len(chance) and np.ptp(chance) > 0:
        columns.append(log_odds(np.clip(chance, 1e-4, 1 - 1e-4))[:, None])
        names.append("recorded chance")
    made = np.hstack(columns)
    spread = made.std(axis=0)
    varies = spread > 0
    return (made[:, varies] - made[:, varies].mean(axis=0)) / spread[varies], tuple(
        name for name, kept in zip(names, varies, strict=True) if kept
    )


def _curved(one: Covariate) -> bool:
    return one.what == "number"


def _folds(treated: Bools) -> Ints:
    """A part for every customer, the treated and the others dealt out evenly."""
    from sklearn.model_selection import StratifiedKFold

    fold = np.zeros(len(treated), dtype=np.int64)
    dealt = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(np.zeros((len(treated), 1)), treated)
    for part, (_, rows) in enumerate(dealt):
        fold[rows] = part
    return fold


def _fitted(x: Floats, y: Floats, kind: str, new: Floats) -> Floats:
    """Expected outcome of new customers: a share by logistic, else an amount by ridge regression."""
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if np.ptp(y) == 0 or not x.shape[1]:
        return np.full(len(new), y.mean())
    if kind == "share":
        model: Any = LogisticRegression(C=1 / SHRINKAGE, max_iter=1000).fit(x, y)
        return np.asarray(model.predict_proba(new)[:, 1])
    return np.asarray(RidgeCV(alphas=np.logspace(-1, 4, 11)).fit(x, y).predict(new))


def weighted_effect(weighed: Weighed, y: Floats, conf_level: float) -> Estimate:
    """Treated less the weighted others (inverse probability weighting): the effect on the treated."""
    treated, weight = weighed.treated, weighed.weight
    arms = treated & (weight > 0), ~treated & (weight > 0)
    if min(arm.sum() for arm in arms) < 2:
        return Estimate(nan)
    means = [float(np.average(y[arm], weights=weight[arm])) for arm in arms]
    parts = [np.where(arm, weight * (y - mean), 0) / weight[arm].sum() for arm, mean in zip(arms, means, strict=True)]
    error = sqrt(float(((parts[0] - parts[1]) ** 2).sum()))
    return _named(means[0] - means[1], error, conf_level, int((arms[0] | arms[1]).sum()), "weighted")


def robust_effect(weighed: Weighed, y: Floats, conf_level: float) -> Estimate:
    """The effect on the treated, doubly robust: right if the chances or the expected outcomes are.

    Parameters
    ----------
    weighed : Weighed
    y : ndarray of float, shape (customers,)
    conf_level : float

    Notes
    -----
    What the treated did less what the others make expect of them, less the weighted error of that expectation among
    the others; both models are learnt from other customers (cross-fitting). Limits from the influence function.

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), JASA 89, 846-866; Chernozhukov et al. (2018), Econometrics Journal 21, C1-C68.
    """
    treated, weight = weighed.treated, weighed.weight
    one, other = treated & (weight > 0), ~treated & (weight > 0)
    if min(one.sum(), other.sum()) < FOLDS:
        return Estimate(nan)
    expected = np.zeros(len(y))
    kind = "share" if np.isin(y, (0.0, 1.0)).all() else "amount"
    for part in range(FOLDS):
        rows = weighed.fold == part
        learnt = ~rows & ~treated
        expected[rows] = _fitted(weighed.x[learnt], y[learnt], kind, weighed.x[rows])
    rest = y - expected
    n, total = int(one.sum()), weight[other].sum()
    value = float(rest[one].mean() - (weight[other] * rest[other]).sum() / total)
    part_one = np.where(one, rest - rest[one].mean(), 0) / n
    part_other = np.where(other, weight * (rest - np.average(rest[other], weights=weight[other])), 0) / total
    error = sqrt(float(((part_one - part_other) ** 2).sum()))
    return _named(value, error, conf_level, n + int(other.sum()), "doubly robust")


def _named(value: float, error: float, conf_level: float, n: int, how: str) -> Estimate:
    limits = normal(value, error, conf_level)
    return Estimate.of(limits, n=n, conf_level=conf_level, definition=f"effect on the treated, {how}")


def e_value(effect: Estimate, without: float, spread: float) -> tuple[float, float]:
    """How strong something unmeasured had to be to explain an effect away, and to let its interval hold none.

    Parameters
    ----------
    effect : Estimate
        Of a share that stays, or of an amount.
    without : float
        The share that would have stayed without; NaN for an amount.
    spread : float
        Standard deviation of the amount.

    Returns
    -------
    estimate, limit : float
        Risk ratio that it had to have both with being chosen and with the outcome; 1: nothing is needed.

    References
    ----------
    VanderWeele and Ding (2017), Annals of Internal Medicine 167, 268-274; of amounts by exp(0.91 d).

    Examples
    --------
    >>> [round(x, 2) for x in e_value(Estimate(-0.1, -0.14, -0.06), 0.9, 1)]  # 20 instead of 10 of 100 leave
    [3.41, 2.58]
    """
    low, high = effect.interval
    limit = low if low > 0 else high if high < 0 else 0.0
    return _strength(effect.value, without, spread), _strength(limit, without, spread)


def _strength(effect: float, without: float, spread: float) -> float:
    if not isfinite(effect):
        return nan
    if isfinite(without):
        leave, left = 1 - without, 1 - without - effect
        ratio = max(leave, 1e-6) / max(left, 1e-6)
    else:
        ratio = float(np.exp(0.91 * effect / spread)) if spread > 0 else nan
    ratio = max(ratio, 1 / ratio)
    return ratio + sqrt(ratio * (ratio - 1))
