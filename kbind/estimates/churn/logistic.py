"""Logistic regression that finds out how far it has to be shrunk."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from kbind.typing import Floats, Ints

#: Inverse strengths of the penalty that are tried, strongest first; all columns have about variance 1.
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


class ShrunkLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Logistic regression with the ridge penalty that promises the best likelihood for customers not yet seen.

    How much better a fit looks on its own data than on new data is estimated by the trace of the inverse information
    times the variance of the scores (Takeuchi's criterion with a penalty). The scores of a customer's rows are added up
    first: the same leaver, seen at three observation dates, is one leaver and not three. One fit a strength is enough,
    where cross-validation would take many.

    Attributes
    ----------
    strength_ : float
        Inverse strength that was chosen.
    fitted_ : LogisticRegression

    References
    ----------
    Shibata (1989), Statistical aspects of model selection, section 3.4 (the regularised information criterion).
    """

    def fit(self, X: Floats, y: Any, groups: Any = None) -> ShrunkLogistic:
        """Fit ever weaker penalties, each from where the last one ended, until the prospect gets worse.

        Parameters
        ----------
        X : ndarray of float, shape (n, k)
        y : array_like of 0/1, shape (n,)
        groups : array_like, shape (n,), optional
            Whom a row is about; None: every row is about somebody else.
        """
        left = np.asarray(y, dtype=float)
        self.classes_ = np.array([0, 1])
        who = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        best, trial = np.inf, LogisticRegression(max_iter=1000, warm_start=True)
        for strength in STRENGTHS:
            trial.set_params(C=strength).fit(X, y)
            expected = _expected_loss(trial, X, left, who)
            if expected >= best:
                break
            best, self.strength_, self.fitted_ = expected, strength, deepcopy(trial)
        return self

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities of the two classes, shape (n, 2)."""
        return np.asarray(self.fitted_.predict_proba(X))

    def predict(self, X: Floats) -> Ints:
        """The more likely class."""
        return np.asarray(self.fitted_.predict(X))


def _expected_loss(fitted: LogisticRegression, X: Floats, left: Floats, who: Ints | None) -> float:
    """Log loss summed over the rows, plus what new customers would add to it."""
    design = np.column_stack([np.ones(len(X)), X])
    p = fitted.predict_proba(X)[:, 1].clip(1e-12, 1 - 1e-12)
    loss = -float(left @ np.log(p) + (1 - left) @ np.log1p(-p))
    information = (design * (p * (1 - p))[:, None]).T @ design
    information[np.diag_indices_from(information)] += np.append(0.0, np.full(X.shape[1], 1 / fitted.C))
    scores = design * (left - p)[:, None]
    if who is not None:
        order = np.argsort(who, kind="stable")
        scores = np.add.reduceat(scores[order], np.flatnonzero(np.diff(who[order], prepend=-1)), axis=0)
    return loss + float(np.trace(np.linalg.solve(information, scores.T @ scores)))
