"""A classifier for churn whose probabilities can be believed, and the naive ones it has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from kbind.churn.choosing import Setting, choose, fit_pipeline
from kbind.churn.folds import learnable
from kbind.churn.leakage import without_leaks
from kbind.churn.preparing import Curves, column_kinds, uniform_frame
from kbind.churn.snapshots.picking import customer_codes
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.frames import as_pandas
from kbind.errors import ArgumentError, NotEnoughData, check_choice, told
from kbind.estimate.threads import threads_for
from kbind.typing import Array, Floats

#: Models that go by a name.
NAMES = ("default", "logistic", "boosting")
#: As many customers of average risk are added to each cell of a table of rates.
PRIOR = 10


class ChurnClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Probability that a customer leaves; takes data frames with categories and missing values as they are.

    Nothing is reweighted or oversampled, so that 20 of 100 customers with a probability of .2 leave. Frames of pandas,
    Polars, Arrow or DuckDB may hold numbers, yes and no, and categories; levels not seen in training count as rare
    ones. Arrays of numbers are taken too.

    Parameters
    ----------
    model : {"default", "logistic", "boosting"} or scikit-learn classifier
        "logistic": logistic regression with natural splines on numbers, one column a level, a flag for missing values
        and as much of a penalty as the data calls for. "boosting": histogram gradient boosting, as many trees as
        customers held out of the training call for, its log odds put right by what these did. "default": the one of
        the two that predicts held-out customers better. A classifier gets numbers with variance 1, missing ones
        filled with the median and flagged, and one column a level.
    keep : str or sequence of str, optional
        Features that a fit on snapshots keeps though they are proven to know the outcome, see `leakage_report`.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The probability of the second one, such as 1, True or "Yes", is the risk.
    pipeline_ : Pipeline
        Steps "prepare" and "model", fitted.
    setting_ : Setting
        What was chosen. Given as `model`, it is taken as it is, without choosing again.
    removed : dict of str to str
        Of a fit on snapshots: features that are proven to know the outcome, and how; they are passed by.
    notes_ : tuple of str
        Of a fit on snapshots: which rows were not learned from, which features were removed.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If fitted on a frame.

    Raises
    ------
    ArgumentError
        Another model, columns with points in time, or only one class to learn from.

    Notes
    -----
    To choose, a quarter of the customers at a time is held out (of many customers, those with 15,000 rows in all); log
    loss decides. With fewer than 50 leavers or stayers nothing can be chosen, and the regression is taken. Features
    that have one value throughout are passed by.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies; Friedman (2001), Annals of Statistics 29, 1189-1232; Platt (1999),
    Advances in Large Margin Classifiers, 61-74; van den Goorbergh et al. (2022), JAMIA 29, 1525-1534, on what
    correcting for imbalance does to probabilities.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> customers = pd.DataFrame({"tenure": rng.integers(0, 60, 500), "plan": rng.choice(["basic", "pro"], 500)})
    >>> risk = 1 / (1 + np.exp(customers["tenure"] / 20 + (customers["plan"] == "pro")))
    >>> model = ChurnClassifier().fit(customers, rng.random(500) < risk)
    >>> asked = pd.DataFrame({"tenure": [1, 50, None], "plan": ["basic", "pro", "new"]})
    >>> [f"{p:.1f}" for p in model.predict_proba(asked)[:, 1]], model.chosen
    (['0.3', '0.0', '0.1'], 'logistic')
    """

    def __init__(self, model: Any = "default", keep: Any = None) -> None:
        self.model = model
        self.keep = keep

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> ChurnClassifier:
        """Learn from customers whose outcome is known.

        Parameters
        ----------
        X : Snapshots, DataFrame or array_like, shape (n, k)
            Of snapshots, rows of unknown outcome and of customers gone in the lead are not learned from; `notes_` says
            how many. They bring y and groups with them.
        y : array_like, shape (n,)
            Two classes.
        groups : array_like, shape (n,), optional
            Customers, where one has several rows: a leaver seen at three dates is then one leaver. Without it,
            overlapping rows make the model too sure of itself.

        Returns
        -------
        ChurnClassifier
            Itself.
        """
        self._check_model()
        self.notes_: tuple[str, ...] = ()
        self.removed_: dict[str, str] = {}
        if isinstance(X, Snapshots):
            X, y, groups = self._of_snapshots(X, y, groups)
        target = _two_classes(y)
        frame = _frame(self, as_pandas(X), reset=True)
        if len(frame) != len(target):
            raise ArgumentError(f"X has {len(frame)} rows and y {len(target)}; allowed: the same number")
        if groups is not None and np.shape(np.asarray(groups, dtype=object)) != target.shape:
            raise ArgumentError(f"groups={told(groups)} does not name the customer of each of {len(target)} rows")
        self.classes_, coded = np.unique(target, return_inverse=True)
        if len(self.classes_) < 2:
            raise NotEnoughData(
                f"y has only one class, {self.classes_[0]!r}; allowed: customers who left and who stayed"
            )
        self._kinds = column_kinds(frame)
        uniform = uniform_frame(frame, self._kinds)
        with threads_for(len(frame)):
            parts: tuple[Any, Any] = Curves(bent=False), self.model
            if isinstance(self.model, (str, Setting)):
                known = self.model if isinstance(self.model, Setting) else None
                self.setting_ = known or choose(str(self.model), uniform, self._kinds, coded, groups)
                parts = self.setting_.parts()
            self.pipeline_ = fit_pipeline((parts[0], clone(parts[1])), uniform, self._kinds, coded, groups)
        return self

    @property
    def removed(self) -> dict[str, str]:
        """Features that were left out because they know the outcome, and why."""
        check_is_fitted(self)
        return dict(self.removed_)

    @property
    def chosen(self) -> str:
        """The model that probabilities come from: "logistic", "boosting", or the name of a classifier's class."""
        check_is_fitted(self)
        return str(self.setting_.name) if isinstance(self.model, (str, Setting)) else type(self.model).__name__

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the two classes, shape (n, 2); of a frame, an array, or the rows of snapshots."""
        check_is_fitted(self)
        X = X.features if isinstance(X, Snapshots) else as_pandas(X)
        if isinstance(X, pd.DataFrame):
            X = X.drop(columns=[name for name in self.removed_ if name in X])
        frame = uniform_frame(_frame(self, X, reset=False), self._kinds)
        with threads_for(len(frame)):
            return np.asarray(self.pipeline_.predict_proba(frame), dtype=float)

    def predict(self, X: Any) -> Array:
        """The more likely class, shape (n,); for a decision use the probability."""
        likely = self.predict_proba(X)[:, 1] > 0.5
        return np.asarray(self.classes_[likely.astype(int)])

    def _check_model(self) -> None:
        if isinstance(self.model, str):
            check_choice("model", self.model, NAMES)
        elif not isinstance(self.model, Setting) and not hasattr(self.model, "predict_proba"):
            raise ArgumentError(
                f"model={self.model!r} gives no probabilities; allowed: {', '.join(map(repr, NAMES))} or a classifier "
                "with predict_proba"
            )

    def _of_snapshots(self, seen: Snapshots, y: Any, groups: Any) -> tuple[pd.DataFrame, Any, Any]:
        """Features, outcomes and customers of the rows that can be learned from."""
        if y is not None or groups is not None:
            raise ArgumentError("fit(snapshots) takes y and groups from the snapshots; leave them out")
        known = learnable(seen)
        unknown, lost = int(np.isnan(seen.target).sum()), int((~known & ~np.isnan(seen.target)).sum())
        if unknown:
            self.notes_ += (f"not learned from: {unknown:,} of {len(known):,} rows whose outcome is not known yet",)
        if lost:
            self.notes_ += (f"not learned from: {lost:,} of {len(known):,} rows of who was gone in the lead",)
        if not known.any():
            raise NotEnoughData(f"none of {len(known):,} snapshots has a known outcome; give earlier observation dates")
        reduced, self.removed_ = without_leaks(seen, self.keep)
        self.notes_ += tuple(f"left out: {name} ({why})" for name, why in self.removed_.items())
        return reduced.features[known], seen.target[known].astype(int), customer_codes(seen.customer[known])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


def model_of(model: Any, parameter: str = "model") -> Any:
    """A classifier, given as such or by name."""
    if isinstance(model, str):
        return ChurnClassifier(check_choice(parameter, model, NAMES))
    if isinstance(model, type) or not hasattr(model, "predict_proba"):
        raise ArgumentError(f"{parameter}={told(model)} gives no probabilities; allowed: a name, or a classifier")
    return model


def settled(model: Any, fitted: Any) -> Any:
    """The same classifier with what a fit has chosen, so that it need not choose again."""
    if isinstance(fitted, ChurnClassifier) and isinstance(fitted.model, str):
        return ChurnClassifier(fitted.setting_, fitted.keep)
    return model


def chosen_by(model: Any) -> str:
    """The kind of model that a fitted classifier's probabilities come from."""
    return model.chosen if isinstance(model, ChurnClassifier) else type(model).__name__


class RateTable(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What anybody could say without a model: the share who left before, of all or of customers alike in a few columns.

    Parameters
    ----------
    columns : sequence of str
        Numbers are cut into tenths. None: one rate for everybody.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"plan": ["a"] * 50 + ["b"] * 50})
    >>> table = RateTable(["plan"]).fit(seen, [1] * 30 + [0] * 70)
    >>> table.predict_proba(pd.DataFrame({"plan": ["a", "b", "c"]}))[:, 1]  # (30 + 10 * .3) / (50 + 10), ...
    array([0.55, 0.05, 0.3 ])
    """

    def __init__(self, columns: Any = None) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any) -> RateTable:
        """Count who left."""
        self.classes_, coded = np.unique(np.asarray(y), return_inverse=True)
        self.rate_ = float(coded.mean())
        names = list(self.columns or ())
        kinds = column_kinds(X[names])
        self.edges_ = {
            name: np.unique(np.nanquantile(uniform_frame(X[[name]], {name: True})[name], np.arange(1, 10) / 10))
            for name in names
            if kinds[name]
        }
        counts = pd.Series(coded).groupby(self._cells(X)).agg(["sum", "size"])
        self.cells_ = ((counts["sum"] + PRIOR * self.rate_) / (counts["size"] + PRIOR)).to_dict()
        return self

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """The rate of the customer's cell, or of everybody where that cell was never seen."""
        risk = np.array([self.cells_.get(cell, self.rate_) for cell in self._cells(X)], dtype=float)
        return np.column_stack([1 - risk, risk])

    def predict(self, X: pd.DataFrame) -> Array:
        """The more likely class."""
        return np.asarray(self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)])

    def _cells(self, X: pd.DataFrame) -> NDArray[np.str_]:
        parts = [np.full(len(X), "")]
        for name in self.columns or ():
            numeric = name in self.edges_
            column = uniform_frame(X[[name]], {name: numeric})[name]
            if numeric:
                place = np.searchsorted(self.edges_[name], column.to_numpy(), side="right")
                column = pd.Series(np.where(np.isnan(column), -1, place))
            parts.append(np.asarray([str(value) for value in column]))
        return np.array(["\x1f".join(cell) for cell in zip(*parts, strict=True)])


class _TypeError(ArgumentError, TypeError):
    """What scikit-learn promises to be a TypeError."""


@contextmanager
def _refusing() -> Iterator[None]:
    """What scikit-learn finds wrong with an argument."""
    try:
        yield
    except TypeError as error:
        raise _TypeError(str(error)) from error
    except ValueError as error:
        raise ArgumentError(str(error)) from error


def _frame(estimator: Any, X: Any, *, reset: bool) -> pd.DataFrame:
    """The features as a frame, checked as scikit-learn does."""
    if isinstance(X, pd.DataFrame):
        if len(X) == 0 or X.shape[1] == 0:
            raise ArgumentError(f"X has {len(X)} rows and {X.shape[1]} columns; allowed: at least 1 of each")
        with _refusing():
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X.set_axis([str(name) for name in X], axis=1)
    with _refusing():
        array = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
    return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])])


def _two_classes(y: Any) -> Array:
    """Outcomes of which there are at most two kinds."""
    if y is None:
        raise ArgumentError("y is None; ChurnClassifier requires y to be passed, but the target y is None")
    with _refusing():
        target = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True)
        check_classification_targets(target)
        kind = type_of_target(target, input_name="y")
    if kind != "binary":
        raise ArgumentError(f"Only binary classification is supported. The type of the target is {kind}.")
    return np.asarray(target)
