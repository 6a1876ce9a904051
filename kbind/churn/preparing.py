"""Features made fit for a model: splines on numbers, one column a level, nothing lost where a value is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

from kbind.customers.levels import MOST_LEVELS, THIN
from kbind.errors import ArgumentError, listed, shown
from kbind.typing import Floats, Ints, Objects

#: Numbers with fewer distinct values stay straight lines.
CURVED_FROM = 10
#: Harrell's places for five knots.
KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)
#: What lies beyond these shares is taken as lying there, so that one wild value moves no curve.
OUTER = (0.005, 0.995)
#: Levels with a smaller share of the rows, or fewer rows where these are many, are pooled; of more levels the rarest.
RARE, LEVELS = 0.005, MOST_LEVELS


def column_kinds(frame: pd.DataFrame) -> dict[str, bool]:
    """Whether each column holds numbers; the others hold categories.

    Raises
    ------
    ArgumentError
        A column holds points in time.
    """
    times = [name for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name].dtype)]
    if times:
        raise ArgumentError(f"X has points in time: {listed(times)}; allowed: numbers and categories")
    return {str(name): pd.api.types.is_numeric_dtype(frame[name].dtype) for name in frame}


def uniform_frame(frame: pd.DataFrame, kinds: dict[str, bool]) -> pd.DataFrame:
    """The columns as floats, or as text with NaN where missing, whatever their types were.

    Raises
    ------
    ArgumentError
        Text or infinite values in a column that held numbers when the model was fitted.
    """
    made = {name: _numbers(frame[name]) if number else _levels(frame[name]) for name, number in kinds.items()}
    return pd.DataFrame(made, index=frame.index)


def varying(frame: pd.DataFrame, kinds: dict[str, bool]) -> dict[str, bool]:
    """The columns of a uniform frame that have two values or more, of which a missing one may be one."""
    return {name: number for name, number in kinds.items() if len(frame[name].unique()) > 1}


def _numbers(values: pd.Series[Any]) -> Floats:
    try:
        array = values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"X, column {shown(values.name)}, held numbers when fitted: {error}") from error
    if np.isinf(array).any():
        raise ArgumentError(f"X, column {shown(values.name)}, has infinite values; allowed: numbers, or NaN if missing")
    return np.asarray(array)


def _levels(values: pd.Series[Any]) -> Objects:
    codes, distinct = pd.factorize(values)
    names = np.array([*(str(value) for value in distinct), np.nan], dtype=object)
    return np.asarray(names[codes])  # -1, where there is no value, is the last


class Curves(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Natural cubic splines of numbers, uncorrelated within each column, and a flag where a value is missing.

    Between the knots a cubic, beyond the outer ones a straight line. The columns made of one number are rotated so that
    they are uncorrelated with variance 1: a penalty then shrinks a bend as much as a slope.

    Parameters
    ----------
    bent : bool
        False: straight lines only.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, section 2.4.5.
    """

    def __init__(self, bent: bool = True) -> None:
        self.bent = bent

    def fit(self, X: Any, y: Any = None) -> Curves:
        """Learn medians, knots and rotations."""
        values = np.asarray(X, dtype=float)
        missing = np.isnan(values)
        self.flagged_ = np.flatnonzero(missing.any(axis=0))
        self.median_ = np.array([np.median(v[~np.isnan(v)]) if not np.isnan(v).all() else 0.0 for v in values.T])
        filled = np.where(missing, self.median_, values)
        self.limits_ = np.array([_limits(column) for column in filled.T])
        self.knots_ = [self._places(column) for column in filled.T]
        self.centre_, self.rotation_ = [], []
        for k, column in enumerate(filled.T):
            basis = self._basis(column, k)
            centre, (rotation, _) = basis.mean(axis=0), _whitening(basis)
            self.centre_.append(centre)
            self.rotation_.append(rotation)
        return self

    def transform(self, X: Any) -> Floats:
        """The columns of the curves, then the flags."""
        values = np.asarray(X, dtype=float)
        missing = np.isnan(values)
        filled = np.where(missing, self.median_, values)
        made = [(self._basis(column, k) - self.centre_[k]) @ self.rotation_[k] for k, column in enumerate(filled.T)]
        return np.hstack([*made, missing[:, self.flagged_].astype(float)])

    def _places(self, column: Floats) -> Floats:
        """Knots of one column; fewer than three make a straight line."""
        if not self.bent or len(np.unique(column)) < CURVED_FROM:
            return np.empty(0)
        places = np.unique(np.quantile(column, KNOTS))
        return places if len(places) >= 3 else np.empty(0)

    def _basis(self, column: Floats, k: int) -> Floats:
        knots = self.knots_[k]
        inside = column.clip(*self.limits_[k])
        return inside[:, None] if len(knots) == 0 else _natural(inside, knots)


def _limits(column: Floats) -> tuple[float, float]:
    """Where a column is cut off; a column with hardly any variation is left whole."""
    low, high = np.quantile(column, OUTER)
    return (low, high) if low < high else (column.min(), column.max())


def _natural(x: Floats, knots: Floats) -> Floats:
    """Restricted cubic spline in the truncated power basis, as R's rms::rcspline.eval."""
    span, last, before = (knots[-1] - knots[0]) ** 2, knots[-1], knots[-2]
    above = np.maximum(x[:, None] - knots, 0)
    cubes = above * above * above  # a power takes ten times as long
    tails = np.outer(cubes[:, -2], last - knots[:-2]) - np.outer(cubes[:, -1], before - knots[:-2])
    return np.column_stack([x, (cubes[:, :-2] - tails / (last - before)) / span])


def _whitening(basis: Floats) -> tuple[Floats, Floats]:
    """Rotation that makes columns uncorrelated with variance 1, and their spread; what does not vary is dropped."""
    spread = basis.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12 * np.abs(basis).max(initial=1e-300))
    _, sizes, directions = np.linalg.svd((basis - basis.mean(axis=0)) * scale, full_matrices=False)
    kept = sizes > max(1e-4 * sizes.max(initial=0.0), 1e-12)
    return scale[:, None] * directions[kept].T / sizes[kept] * np.sqrt(len(basis)), sizes


class Levels(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """One column a level; rare ones and those not seen before are one together.

    Levels are numbered before they are counted, which takes a tenth of the time that counting text does.
    """

    def fit(self, X: Any, y: Any = None) -> Levels:
        """Learn which levels are not rare: states or cities of `THIN` rows stand on their own in any data."""
        self.levels_ = [pd.factorize(values, sort=True)[1] for _, values in pd.DataFrame(X).items()]
        self.encoder_ = OneHotEncoder(
            min_frequency=int(np.clip(np.ceil(RARE * len(X)), 1, THIN)),
            max_categories=LEVELS,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
        ).fit(self._codes(X))
        return self

    def transform(self, X: Any) -> Floats:
        """Zeros and ones."""
        return np.asarray(self.encoder_.transform(self._codes(X)))

    def _codes(self, X: Any) -> Ints:
        """Places of the levels; a missing one comes last, one not seen before is -1."""
        columns = zip(self.levels_, pd.DataFrame(X).items(), strict=True)
        codes = [
            np.where(pd.isna(values), len(known), known.get_indexer(pd.Index(values))) for known, (_, values) in columns
        ]
        return np.column_stack(codes)


def preparation(kinds: dict[str, bool], numbers: Any) -> ColumnTransformer:
    """What turns a uniform frame into the columns of a model.

    Parameters
    ----------
    kinds : dict of str to bool
        Whether each column holds numbers.
    numbers : transformer or "passthrough"
        What is done with those.
    """
    parts = [
        ("numbers", numbers, [name for name, number in kinds.items() if number]),
        ("levels", Levels(), [name for name, number in kinds.items() if not number]),
    ]
    return ColumnTransformer([part for part in parts if part[2]])
