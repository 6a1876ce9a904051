"""A classifier for churn whose probabilities can be believed, and the naive ones it has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, has_fit_parameter, validate_data

from kbind.errors import ArgumentError, NotEnoughData, check_choice
from kbind.estimates.churn.logistic import ShrunkLogistic
from kbind.estimates.churn.preparing import Curves, column_kinds, preparation, uniform_frame
from kbind.estimates.threads import threads_for

Floats = NDArray[np.float64]

#: Trees of so few leaves see interactions without learning single customers by heart.
TREES, LEAVES, RATE = 120, 6, 0.06
#: As many customers of average risk are added to each cell of a table of rates.
PRIOR = 10


class ChurnClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Probability that a customer leaves; takes data frames with categories and missing values as they are.

    Nothing is reweighted or oversampled, so that 20 of 100 customers with a probability of .2 leave. Frames may hold
    numbers, yes and no, and categories; levels not seen in training count as rare ones. Arrays of numbers are taken
    too.

    Parameters
    ----------
    model : {"logistic", "boosting"} or scikit-learn classifier
        "logistic": logistic regression with natural splines on numbers, one column a level, a flag for missing values
        and as much of a penalty as the data calls for. "boosting": histogram gradient boosting with small trees. A
        classifier gets numbers with variance 1, missing ones filled with the median and flagged, and one column a
        level.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The probability of the second one, such as 1, True or "Yes", is the risk.
    pipeline_ : Pipeline
        Steps "prepare" and "model", fitted.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If fitted on a frame.

    Raises
    ------
    ArgumentError
        Another model, columns with points in time, or only one class to learn from.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies; van den Goorbergh et al. (2022), JAMIA 29, 1525-1534, on what
    correcting for imbalance does to probabilities.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> customers = pd.DataFrame({"tenure": rng.integers(0, 60, 500), "plan": rng.choice(["basic", "pro"], 500)})
    >>> risk = 1 / (1 + np.exp(customers["tenure"] / 20 + (customers["plan"] == "pro")))
    >>> model = ChurnClassifier().fit(customers, rng.random(500) < risk)
    >>> asked = pd.DataFrame({"tenure": [1, 50, None], "plan": ["basic", "pro", "new"]})
    >>> [f"{p:.1f}" for p in model.predict_proba(asked)[:, 1]]
    ['0.3', '0.0', '0.1']
    """

    def __init__(self, model: Any = "logistic") -> None:
        self.model = model

    def fit(self, X: Any, y: Any, groups: Any = None) -> ChurnClassifier:
        """Learn from customers whose outcome is known.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, k)
        y : array_like, shape (n,)
            Two classes.
        groups : array_like, shape (n,), optional
            Customers, where one has several rows: "logistic" then knows that a leaver seen at three dates is one
            leaver. Without it, overlapping rows make it too sure of itself.

        Returns
        -------
        ChurnClassifier
            Itself.
        """
        numbers, model = self._parts()
        target = _two_classes(y)
        frame = _frame(self, X, reset=True)
        if len(frame) != len(target):
            raise ArgumentError(f"X has {len(frame)} rows and y {len(target)}; allowed: the same number")
        self.classes_, coded = np.unique(target, return_inverse=True)
        if len(self.classes_) < 2:
            raise NotEnoughData(
                f"y has only one class, {self.classes_[0]!r}; allowed: customers who left and who stayed"
            )
        self._kinds = column_kinds(frame)
        self.pipeline_ = Pipeline([("prepare", preparation(self._kinds, numbers)), ("model", model)])
        told = {"model__groups": groups} if has_fit_parameter(model, "groups") else {}
        with threads_for(len(frame)):
            self.pipeline_.fit(uniform_frame(frame, self._kinds), coded, **told)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the two classes, shape (n, 2)."""
        check_is_fitted(self)
        frame = uniform_frame(_frame(self, X, reset=False), self._kinds)
        with threads_for(len(frame)):
            return np.asarray(self.pipeline_.predict_proba(frame), dtype=float)

    def predict(self, X: Any) -> NDArray[Any]:
        """The more likely class, shape (n,); for a decision use the probability."""
        likely = self.predict_proba(X)[:, 1] > 0.5
        return np.asarray(self.classes_[likely.astype(int)])

    def _parts(self) -> tuple[Any, Any]:
        """What prepares numbers, and an unfitted model."""
        if hasattr(self.model, "predict_proba"):
            return Curves(bent=False), clone(self.model)
        if not isinstance(self.model, str):
            raise ArgumentError(
                f"model={self.model!r} gives no probabilities; allowed: 'logistic', 'boosting' or a classifier with "
                "predict_proba"
            )
        if check_choice("model", self.model, ["logistic", "boosting"]) == "logistic":
            return Curves(), ShrunkLogistic()
        trees = HistGradientBoostingClassifier(
            max_iter=TREES, max_leaf_nodes=LEAVES, learning_rate=RATE, early_stopping=False, random_state=0
        )
        return "passthrough", trees

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


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

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
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


def _frame(estimator: Any, X: Any, *, reset: bool) -> pd.DataFrame:
    """The features as a frame, checked as scikit-learn does."""
    if isinstance(X, pd.DataFrame):
        if len(X) == 0 or X.shape[1] == 0:
            raise ArgumentError(f"X has {len(X)} rows and {X.shape[1]} columns; allowed: at least 1 of each")
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X.set_axis([str(name) for name in X], axis=1)
    array = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
    return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])])


def _two_classes(y: Any) -> NDArray[Any]:
    """Outcomes of which there are at most two kinds."""
    if y is None:
        raise ArgumentError("y is None; ChurnClassifier requires y to be passed, but the target y is None")
    target = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True)
    check_classification_targets(target)
    kind = type_of_target(target, input_name="y")
    if kind != "binary":
        raise ArgumentError(f"Only binary classification is supported. The type of the target is {kind}.")
    return np.asarray(target)
