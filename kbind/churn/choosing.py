"""Which model suits the data, the spline regression or boosted trees: judged by customers held out of its training."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from kbind.churn.preparing import Curves, preparation, varying
from kbind.churn.snapshots.picking import rows_of_some
from kbind.estimate.scores import fit_logistic, log_loss, log_odds
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


#: Leaves of a tree, rate of learning, and share of the columns that a split looks at, so that columns which say little
#: do not crowd out others; trees are added so many at a time, up to a most.
LEAVES, RATE, SEEN, STEP, MOST_TREES = 16, 0.06, 0.5, 20, 600
#: Adding trees ends after so many steps that did not help.
PATIENCE = 2
#: Parts of the customers that are held out in turn, and rows that the choice is made on at most.
PARTS, ROWS = 4, 15_000
#: Fewer leavers or stayers cannot choose between models: the regression is taken, or so many trees.
ENOUGH, FEW_TREES = 50, 60


class Trees(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Histogram gradient boosting whose log odds are put right by what held-out customers did.

    Parameters
    ----------
    trees : int
    slope, intercept : float
        The log odds of the trees are multiplied by the slope, then the intercept is added.
    """

    def __init__(self, trees: int = FEW_TREES, slope: float = 1.0, intercept: float = 0.0) -> None:
        self.trees = trees
        self.slope = slope
        self.intercept = intercept

    def fit(self, X: Floats, y: Any) -> Trees:
        """Grow the trees."""
        self.fitted_ = _boosting(self.trees).fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities of the two classes, shape (n, 2)."""
        odds = self.slope * log_odds(self.fitted_.predict_proba(X)[:, 1]) + self.intercept
        risk = 1 / (1 + np.exp(-odds))
        return np.column_stack([1 - risk, risk])

    def predict(self, X: Floats) -> Ints:
        """The more likely class."""
        return np.asarray(self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)


@dataclass(frozen=True)
class Setting:
    """A model with everything that was chosen for it; can be given to `ChurnClassifier` in place of a name.

    Attributes
    ----------
    name : {"logistic", "boosting"}
    trees : int
    slope, intercept : float
        See `Trees`.
    """

    name: str
    trees: int = FEW_TREES
    slope: float = 1.0
    intercept: float = 0.0

    def parts(self) -> tuple[Any, Any]:
        """What prepares numbers, and an unfitted model."""
        if self.name == "logistic":
            return Curves(), ShrunkLogistic()
        return "passthrough", Trees(self.trees, self.slope, self.intercept)


def choose(wanted: str, frame: pd.DataFrame, kinds: dict[str, bool], left: Ints, groups: Any) -> Setting:
    """The setting that predicts held-out customers best, by log loss.

    Parameters
    ----------
    wanted : {"default", "logistic", "boosting"}
        "default": the better one of the other two.
    frame : DataFrame
        Uniform, see `uniform_frame`.
    kinds : dict of str to bool
    left : ndarray of int, shape (n,)
    groups : array_like, shape (n,), or None
        Whom a row is about: rows of one customer are held out together.
    """
    if wanted == "logistic":
        return Setting("logistic")
    who = np.arange(len(left)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    rows = rows_of_some(who, ROWS)
    some, y, who = frame.iloc[rows], left[rows], who[rows]
    parts = _parts(y, who)
    if not parts:
        return Setting("logistic" if wanted == "default" else "boosting")
    boosted, loss = _boosted(some, kinds, y, parts)
    if wanted == "boosting":
        return boosted
    held = np.empty(len(y))
    for train, test in parts:
        told = who[train] if groups is not None else None
        fitted = fit_pipeline(Setting("logistic").parts(), some.iloc[train], kinds, y[train], told)
        held[test] = fitted.predict_proba(some.iloc[test])[:, 1]
    return boosted if loss < log_loss(y.astype(float), held).value else Setting("logistic")


def fit_pipeline(
    parts: tuple[Any, Any], frame: pd.DataFrame, kinds: dict[str, bool], left: Ints, groups: Any
) -> Pipeline:
    """Prepare a uniform frame and fit a model; columns that do not vary in it say nothing and are passed by."""
    numbers, model = parts
    used = varying(frame, kinds)
    if not used:
        model = DummyClassifier(strategy="prior")
    told = {"model__groups": groups} if groups is not None and has_fit_parameter(model, "groups") else {}
    return Pipeline([("prepare", preparation(used, numbers)), ("model", model)]).fit(frame, left, **told)


def _boosting(trees: int, **more: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=LEAVES,
        learning_rate=RATE,
        max_features=SEEN,
        early_stopping=False,
        random_state=0,
        **more,
    )


def _parts(left: Ints, who: Ints) -> list[tuple[Ints, Ints]]:
    """Rows to learn from and rows held out, customers whole; none where there are too few of either kind."""
    if min((len(np.unique(who[left == kind])) for kind in (0, 1)), default=0) < ENOUGH:
        return []
    several = len(np.unique(who)) < len(who)
    split = (StratifiedGroupKFold if several else StratifiedKFold)(PARTS, shuffle=True, random_state=0)
    return list(split.split(left, left, who if several else None))


def _boosted(
    frame: pd.DataFrame, kinds: dict[str, bool], left: Ints, parts: Sequence[tuple[Ints, Ints]]
) -> tuple[Setting, float]:
    """How many trees, how their log odds are put right, and the log loss of what was held out before that."""
    prepared = []
    for train, test in parts:
        ready = preparation(varying(frame.iloc[train], kinds), "passthrough").fit(frame.iloc[train], left[train])
        prepared.append((ready.transform(frame.iloc[train]), left[train], ready.transform(frame.iloc[test]), test))
    if any(x.shape[1] == 0 for x, *_ in prepared):
        return Setting("boosting"), np.inf
    growing = [_boosting(STEP, warm_start=True) for _ in parts]
    y, best, loss, since = left.astype(float), (0, np.empty(0)), np.inf, 0
    for trees in range(STEP, MOST_TREES + 1, STEP):
        held = np.empty(len(y))
        for model, (x, outcome, asked, test) in zip(growing, prepared, strict=True):
            held[test] = model.set_params(max_iter=trees).fit(x, outcome).predict_proba(asked)[:, 1]
        now = log_loss(y, held).value
        if now < loss:
            best, loss, since = (trees, held), now, 0
        else:
            since += 1
        if since == PATIENCE:
            break
    return Setting("boosting", best[0], *_put_right(y, best[1])), loss


def _put_right(left: Floats, held: Floats) -> tuple[float, float]:
    """Slope and intercept of what happened on the log odds; without a rise everybody gets the mean."""
    odds = log_odds(held)
    found = fit_logistic(np.column_stack([odds, np.ones(len(odds))]), left, np.zeros(len(odds)))
    if found is None:
        return 1.0, 0.0
    coefficient = found[0]
    if coefficient[0] <= 0:
        return 0.0, float(log_odds(left.mean(keepdims=True))[0])
    return float(coefficient[0]), float(coefficient[1])
