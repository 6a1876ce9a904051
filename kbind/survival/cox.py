"""Cox regression by lifelines, whose rows are made so that late entries cost no more than others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import erfc, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError
from lifelines.fitters.coxph_fitter import SemiParametricPHFitter
from numpy.typing import ArrayLike

from kbind.errors import NotEnoughData, shown
from kbind.typing import Bools, Floats, Ints

#: Columns of lifelines' frame, named as no covariate is.
_TIME, _EVENT, _WEIGHT, _STRATUM = "(time)", "(event)", "(weight)", "(stratum)"

#: Until the likelihood stands still; by default lifelines stops after about six digits.
_EXACT = {"precision": 1e-20, "r_precision": 1e-15, "max_steps": 100, "step_size": 1.0}

#: Standard error, over the range of a covariate, of what has no estimate.
_WITHOUT_LIMIT = 100.0

#: A covariate of which less than this share of its sum of squares is its own is a combination of the others.
_OWN = 1e-10

#: Rows a distinct time from which on lifelines is faster a time at once than a row at once.
_BATCH = 20


class _Signed(SemiParametricPHFitter):  # type: ignore[misc]
    """lifelines' regression without its checks of single rows: `fit_cox` has made them, and weights may be negative."""

    def _check_values_pre_fitting(self, *columns: Any) -> None:
        pass


class _CoxPHFitter(CoxPHFitter):  # type: ignore[misc]
    def _fit_model_breslow(self, *args: Any, **kwargs: Any) -> SemiParametricPHFitter:
        return _Signed(strata=self.strata, alpha=self.alpha, label=self._label).fit(*args, **kwargs)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows at risk at every time up to their own, those of negative weight taking others out of it.

    Somebody who enters late is two rows: one until the end, and one of the opposite weight that ends at the entry.

    Attributes
    ----------
    time, weight : ndarray of float, shape (rows,)
    event : ndarray of bool, shape (rows,)
    x : ndarray of float, shape (rows, covariates)
    stratum : ndarray of int, shape (rows,)
    """

    time: Floats
    event: Bools
    x: Floats
    weight: Floats
    stratum: Ints

    @classmethod
    def of(cls, time: Floats, event: Bools, x: Floats, weight: Floats, stratum: Ints, entry: Floats) -> Rows:
        """With a row more for each late entry."""
        late = entry > 0
        return cls(
            np.concatenate([time, entry[late]]),
            np.concatenate([event, np.zeros(late.sum(), dtype=bool)]),
            np.concatenate([x, x[late]]),
            np.concatenate([weight, -weight[late]]),
            np.concatenate([stratum, stratum[late]]),
        )


@dataclass(frozen=True, eq=False)
class CoxFit:
    """A fitted Cox regression, made by `fit_cox`.

    Attributes
    ----------
    names : tuple of str
        Covariates.
    lifelines : CoxPHFitter
        The fitted regression.
    rows : Rows
        What it was fitted to.
    n, events : int
        Rows, and rows that end with the event.
    """

    names: tuple[str, ...]
    lifelines: CoxPHFitter = field(repr=False)
    rows: Rows = field(repr=False)
    n: int
    events: int

    @property
    def coef(self) -> Floats:
        """Logarithms of hazard ratios, per unit of the covariate, shape (covariates,)."""
        return np.asarray(self.lifelines.params_, dtype=float)

    @property
    def cov(self) -> Floats:
        """Inverse of the information, shape (covariates, covariates)."""
        return np.asarray(self.lifelines.variance_matrix_, dtype=float)

    @property
    def std_error(self) -> Floats:
        """Standard errors of the coefficients, shape (covariates,)."""
        return np.sqrt(np.diag(self.cov))

    def to_frame(self, conf_level: float = 0.95) -> pd.DataFrame:
        """One row a covariate.

        Parameters
        ----------
        conf_level : float
            Of the Wald intervals.

        Returns
        -------
        DataFrame
            covariate, coef, hazard_ratio, hazard_ratio_ci_lower, hazard_ratio_ci_upper (Wald), std_error, z, p_value.
        """
        z = self.coef / self.std_error
        half = NormalDist().inv_cdf(0.5 + conf_level / 2) * self.std_error
        with np.errstate(over="ignore"):  # a limit without end is infinite
            lower, upper = np.exp(self.coef - half), np.exp(self.coef + half)
        return pd.DataFrame(
            {
                "covariate": self.names,
                "coef": self.coef,
                "hazard_ratio": np.exp(self.coef),
                "hazard_ratio_ci_lower": lower,
                "hazard_ratio_ci_upper": upper,
                "std_error": self.std_error,
                "z": z,
                "p_value": [erfc(abs(value) / sqrt(2)) for value in z],
            }
        )


def fit_cox(
    duration: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: Sequence[object] | None = None,
    weights: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> CoxFit:
    """Fit a Cox regression by maximum partial likelihood, ties by Efron's method.

    Parameters
    ----------
    duration : array_like, shape (n,)
        Time at which a row ends; 0 is legal.
    event : array_like of bool or 0/1, shape (n,)
        Whether it ends with the event.
    covariates : array_like, shape (n, p)
        Numbers, constant over a row. A customer whose covariates change has several rows, (entry, duration] each.
    entry : array_like, shape (n,), optional
        Time after which a row is at risk: entry < t <= duration. 0 or less means from the origin on, time 0 included.
        Default: all from the origin on.
    strata : sequence, shape (n,), optional
        Labels of groups with hazards of their own; rows are compared within them only.
    weights : array_like, shape (n,), optional
        Case weights above 0, as in R: tied events with weights are not the same as repeated rows.
    names : sequence of str, optional
        Of the covariates. Default: x1, x2, ...

    Returns
    -------
    CoxFit

    Raises
    ------
    NotEnoughData
        No events, a covariate that is constant or a combination of others, or one that separates those with the event
        from the others, so that no estimate exists.

    References
    ----------
    Cox (1972), JRSS B 34, 187-220; Efron (1977), JASA 72, 557-565; Andersen and Gill (1982), Annals of Statistics 10,
    1100-1120.

    Examples
    --------
    Four customers, two of them with a contract. With r for the hazard ratio the partial likelihood is
    1 / (2 + 2r) x r / (1 + 2r) x 1 / (1 + r), which is largest at r = (sqrt(17) - 1) / 8.

    >>> fit = fit_cox([1, 2, 3, 4], [1, 1, 1, 0], [[0], [1], [0], [1]], names=["contract"])
    >>> f"{fit.to_frame()['hazard_ratio'][0]:.6f} {(17 ** 0.5 - 1) / 8:.6f}"
    '0.390388 0.390388'
    """
    time, seen, x = np.asarray(duration, dtype=float), np.asarray(event, dtype=bool), np.asarray(covariates, float)
    labels = tuple(f"x{j + 1}" for j in range(x.shape[1])) if names is None else tuple(names)
    weight = np.ones(len(time)) if weights is None else np.asarray(weights, dtype=float)
    begin = np.zeros(len(time)) if entry is None else np.asarray(entry, dtype=float)
    known, stratum = np.unique(np.zeros(len(time)) if strata is None else np.asarray(strata), return_inverse=True)
    if not seen.any():
        raise NotEnoughData("event holds no event, so there is nothing to compare")
    _check_told_apart(x, stratum, labels)
    rows = Rows.of(time, seen, x, weight, stratum, begin)
    fitter = _fitted(rows, labels, len(known) > 1)
    return CoxFit(labels, fitter, rows, len(time), int(seen.sum()))


def _fitted(rows: Rows, names: tuple[str, ...], strata: bool) -> CoxPHFitter:
    frame = pd.DataFrame(rows.x, columns=list(names))
    frame[_TIME], frame[_EVENT], frame[_WEIGHT] = rows.time, rows.event, rows.weight
    if strata:
        frame[_STRATUM] = rows.stratum
    fitter = _CoxPHFitter()
    with warnings.catch_warnings(record=True) as noted, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            fitter.fit(
                frame,
                _TIME,
                _EVENT,
                weights_col=_WEIGHT,
                strata=[_STRATUM] if strata else None,
                batch_mode=True if len(np.unique(rows.time)) * _BATCH < len(frame) else None,
                fit_options=_EXACT,
            )
        except ConvergenceError:
            raise _without_limit(names, None) from None
    spread = np.ptp(rows.x, axis=0)
    cov = np.asarray(fitter.variance_matrix_, dtype=float) * np.outer(spread, spread)
    lost = any("Newton-Raphson" in str(warning.message) for warning in noted)
    if lost or not ((np.diag(cov) > 0) & (np.diag(cov) < _WITHOUT_LIMIT**2)).all():
        raise _without_limit(names, cov)
    return fitter


def _check_told_apart(x: Floats, stratum: Ints, names: tuple[str, ...]) -> None:
    """Each covariate has to vary within strata, and not only as others before it do."""
    scale = np.abs(x - x.mean(axis=0)).max(axis=0)
    for name, largest, spread in zip(names, np.abs(x).max(axis=0), scale, strict=True):
        if spread <= 1e-12 * largest:
            raise NotEnoughData(f"covariate {shown(name)} is constant; leave it out")
    size = np.bincount(stratum)
    means = np.column_stack([np.bincount(stratum, column) / size for column in x.T])
    own = (x - means[stratum]) / scale
    products = own.T @ own
    for j, name in enumerate(names):
        if products[j, j] <= 1e-13 * len(x):
            raise NotEnoughData(
                f"covariate {shown(name)} never differs between customers at risk together; leave it out (is it "
                "constant within strata?)"
            )
        others = products[:j, :j]
        share = np.linalg.lstsq(others, products[:j, j], rcond=None)[0]
        if j and products[j, j] - share @ products[:j, j] <= _OWN * products[j, j]:
            part = np.abs(share) * np.sqrt(np.diag(others) / products[j, j]) > 1e-6
            made_of = ", ".join(shown(other) for other, used in zip(names[:j], part, strict=True) if used)
            raise NotEnoughData(f"covariate {shown(name)} is a combination of {made_of}; leave one of them out")


def _without_limit(names: tuple[str, ...], cov: Floats | None) -> NotEnoughData:
    """Names what moves in the direction that is known least; all covariates where the fit broke off."""
    moving = np.ones(len(names), dtype=bool)
    if cov is not None and np.isfinite(cov).all():
        size, directions = np.linalg.eigh(cov)
        direction = np.abs(directions[:, np.abs(size).argmax()])
        moving = direction > 0.1 * direction.max()
    guilty = ", ".join(shown(name) for name, moves in zip(names, moving, strict=True) if moves)
    return NotEnoughData(
        f"no estimate exists for covariate {guilty}: it separates those who have the event from the others at risk, so "
        "that the likelihood grows without limit; leave it out or merge its levels"
    )
