"""Chances of staying with and without a campaign, customer by customer, and their difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kbind.estimate.threads import threads_for
from kbind.experiments.campaign import Assigned
from kbind.experiments.covariates import Covariate, covariates_of, matrix
from kbind.typing import Bools, Floats

#: How the difference is learnt, in words.
LEARNERS = {
    "x": "X-learner: logistic regressions of staying in each arm, ridge regressions of what the other arm makes expect",
    "t": "T-learner: boosted trees of staying in each arm, and their difference",
}
#: Customers that are scored at a time.
_CHUNK = 100_000


@dataclass(frozen=True, eq=False)
class Learned:
    """Models of staying in both arms.

    Attributes
    ----------
    covariates : tuple of Covariate
    share : float
        Chance of treatment.
    alone, treated : model
        Of staying, by arm.
    gains : tuple of models
        X-learner only: of the difference, from those left alone and from the treated.
    """

    covariates: tuple[Covariate, ...]
    share: float
    alone: Any = field(repr=False)
    treated: Any = field(repr=False)
    gains: tuple[Any, Any] | None = field(repr=False)

    def chances(self, x: Floats) -> tuple[Floats, Floats]:
        """Chances of staying, left alone and treated."""
        return _staying(self.alone, x), _staying(self.treated, x)

    def uplift(self, x: Floats) -> Floats:
        """What being treated adds to the chance of staying."""
        if self.gains is None:
            alone, treated = self.chances(x)
            return treated - alone
        from_alone, from_treated = (model.predict(x) for model in self.gains)
        return np.asarray(self.share * from_alone + (1 - self.share) * from_treated)

    def predict(self, customers: Assigned) -> tuple[Floats, Floats]:
        """Uplift, and risk of leaving if left alone, of other customers."""
        uplift, risk = np.empty(len(customers)), np.empty(len(customers))
        for first in range(0, len(customers), _CHUNK):
            rows = np.arange(first, min(first + _CHUNK, len(customers)))
            x = matrix(customers.take(rows), self.covariates)
            uplift[rows], risk[rows] = self.uplift(x), 1 - _staying(self.alone, x)
        return uplift, risk


def learn(
    x: Floats, treated: Bools, stayed: Floats, weight: Floats, share: float, learner: str,
    covariates: tuple[Covariate, ...] = (),
) -> Learned:  # fmt: skip
    """Fit the models.

    Parameters
    ----------
    x : ndarray of float, shape (customers, covariates)
    treated : ndarray of bool, shape (customers,)
    stayed : ndarray of float, shape (customers,)
        1 or 0.
    weight : ndarray of float, shape (customers,)
        0 for those of whom it is not known, else the inverse of the chance that it is.
    share : float
        Chance of treatment.
    learner : {"x", "t"}
    covariates : tuple of Covariate, optional
        What the columns are, to score other customers.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), PNAS 116, 4156-4165.
    """
    arms = [treated == side for side in (False, True)]
    with threads_for(len(x)):
        alone, other = (_classifier(learner).fit(x[arm], stayed[arm], sample_weight=weight[arm]) for arm in
                        (rows & (weight > 0) for rows in arms))  # fmt: skip
        if learner == "t":
            return Learned(covariates, share, alone, other, None)
        gains = []
        for arm, model, sign in ((arms[0], other, -1.0), (arms[1], alone, 1.0)):
            rows = arm & (weight > 0)
            gap = sign * (stayed[rows] - _staying(model, x[rows]))
            gains.append(_ridge().fit(x[rows], gap, sample_weight=weight[rows]))
    return Learned(covariates, share, alone, other, (gains[0], gains[1]))


def columns_for(customers: Assigned) -> tuple[tuple[Covariate, ...], Floats]:
    """What customers are told apart by, and the columns."""
    covariates = covariates_of(customers)
    return covariates, matrix(customers, covariates)


def censoring_weights(duration: Floats, known: Bools) -> Floats:
    """Inverse of the chance to be observed so long, 0 for those who were not (inverse probability of censoring).

    Parameters
    ----------
    duration : ndarray of float, shape (customers,)
        Until leaving, the horizon, or the last day on which something was known.
    known : ndarray of bool, shape (customers,)
        Whether one of the first two ended it.

    Examples
    --------
    Of four customers one is lost from sight on day 2; the two that go on stand for it:

    >>> censoring_weights(np.array([1.0, 2.0, 3.0, 9.0]), np.array([True, False, True, True]))
    array([1. , 0. , 1.5, 1.5])
    """
    times = np.unique(duration[~known])
    if not len(times):
        return np.ones(len(duration))
    ordered, gone = np.sort(duration), np.sort(duration[known])
    # events before censorings: who left on the same day is no longer at risk of being lost from sight
    at_risk = len(ordered) - np.searchsorted(ordered, times, "left")
    at_risk = at_risk - (np.searchsorted(gone, times, "right") - np.searchsorted(gone, times, "left"))
    lost = np.bincount(np.searchsorted(times, duration[~known]), minlength=len(times))
    seen = np.concatenate([[1.0], np.cumprod(1 - lost / at_risk)])
    chance = seen[np.searchsorted(times, duration, "left")]
    return np.where(known, 1 / np.where(known, chance, 1.0), 0.0)


def _classifier(learner: str) -> Any:
    if learner == "x":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=0.1, max_iter=1000)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=4, learning_rate=0.08, min_samples_leaf=40, l2_regularization=5.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip


def _ridge() -> Any:
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=np.logspace(0, 5, 11))


def _staying(model: Any, x: Floats) -> Floats:
    """Chance of staying by a fitted model."""
    return np.asarray(model.predict_proba(x)[:, list(model.classes_).index(1.0)])
