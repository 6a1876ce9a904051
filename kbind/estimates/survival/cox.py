"""Cox regression: which covariates go with leaving earlier, with Efron's handling of ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import ArgumentError, NotEnoughData, shown
from kbind.estimates.survival.cox_fit import CoxFit
from kbind.estimates.survival.newton import maximise
from kbind.estimates.survival.risk_sets import risk_sets
from kbind.statistics.arrays import durations_of, table, vector
from kbind.typing import Floats, Ints

__all__ = ["CoxFit", "fit_cox"]


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
        Case weights, as in R: tied events with weights are not the same as repeated rows. Rows with 0 are left out.
    names : sequence of str, optional
        Of the covariates. Default: x1, x2, ...

    Returns
    -------
    CoxFit

    Raises
    ------
    ArgumentError
        Shapes that do not fit, missing values, no events, a covariate that is constant or a combination of others, or
        one that separates those with the event from the others, so that no estimate exists.

    References
    ----------
    Cox (1972), JRSS B 34, 187-220; Efron (1977), JASA 72, 557-565; Andersen and Gill (1982), Annals of Statistics 10,
    1100-1120.

    Notes
    -----
    lifelines gives the same coefficients; its test of proportional hazards and its survival curves differ from R's.

    Examples
    --------
    Four customers, two of them with a contract. With r for the hazard ratio the partial likelihood is
    1 / (2 + 2r) x r / (1 + 2r) x 1 / (1 + r), which is largest at r = (sqrt(17) - 1) / 8.

    >>> fit = fit_cox([1, 2, 3, 4], [1, 1, 1, 0], [[0], [1], [0], [1]], names=["contract"])
    >>> f"{fit.to_frame()['hazard_ratio'][0]:.6f} {(17 ** 0.5 - 1) / 8:.6f}"
    '0.390388 0.390388'
    """
    times, seen = durations_of(duration, event)
    x, labels = _covariates(covariates, names, len(times))
    begin = None if entry is None else _entry(entry, times)
    place, strata_known = _strata(strata, len(times))
    weight = np.ones(len(times)) if weights is None else vector("weights", weights, len(times))
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ArgumentError("weights has negative or infinite values; allowed: 0 and above")
    keep = weight > 0
    if not keep.all():
        times, seen, x, place, weight = times[keep], seen[keep], x[keep], place[keep], weight[keep]
        begin = None if begin is None else begin[keep]
    if not seen.any():
        raise NotEnoughData("event holds no event, so there is nothing to compare")
    centre = np.average(x, axis=0, weights=weight)
    scale = np.abs(x - centre).max(axis=0)
    constant = [name for name, s, c in zip(labels, scale, centre, strict=True) if s <= 1e-12 * max(abs(c), 1e-300)]
    if constant:
        raise NotEnoughData(f"covariate {shown(constant[0])} is constant; leave it out")
    sets = risk_sets(times, seen, (x - centre) / scale, begin, place, len(strata_known), weight)
    theta, cov, fitted, null = maximise(sets, labels)
    ends = np.full(len(strata_known), -np.inf)
    np.maximum.at(ends, place, times)
    return CoxFit(
        names=labels,
        coef=theta / scale,
        cov=cov / np.outer(scale, scale),
        loglik_null=null,
        loglik=fitted.value,
        n=len(times),
        events=int(seen.sum()),
        strata=strata_known,
        centre=centre,
        scale=scale,
        fitted=fitted,
        rows=(times, seen, begin),
        ends=ends,
    )


def _covariates(covariates: ArrayLike, names: Sequence[str] | None, rows: int) -> tuple[Floats, tuple[str, ...]]:
    shape = np.shape(covariates)
    if len(shape) != 2 or shape[1] == 0:
        raise ArgumentError(f"covariates has shape {shape}; allowed: ({rows}, p) with p >= 1, a column a covariate")
    labels = tuple(f"x{j + 1}" for j in range(shape[1])) if names is None else tuple(str(name) for name in names)
    if len(labels) != shape[1] or len(set(labels)) != len(labels):
        raise ArgumentError(f"names={list(labels)!r} does not name {shape[1]} covariates; allowed: one name each, once")
    return table("covariates", covariates, labels, rows), labels


def _entry(entry: ArrayLike, duration: Floats) -> Floats:
    begin = vector("entry", entry, len(duration))
    wrong = np.flatnonzero((begin > 0) & (begin >= duration))
    if len(wrong):
        first = int(wrong[0])
        raise ArgumentError(
            f"entry is not before duration in {len(wrong):,} rows, such as row {first} "
            f"({begin[first]:g} and {duration[first]:g}); a row is at risk at entry < t <= duration"
        )
    return begin


def _strata(strata: Sequence[object] | None, rows: int) -> tuple[Ints, tuple[object, ...]]:
    if strata is None:
        return np.zeros(rows, dtype=np.int64), (None,)
    labels = np.asarray(strata)
    if labels.shape != (rows,):
        raise ArgumentError(f"strata has shape {labels.shape}; allowed: ({rows},), a label a row")
    missing = int((labels != labels).sum()) + sum(label is None for label in labels if labels.dtype == object)
    if missing:
        raise ArgumentError(f"strata has {missing:,} missing values; give them a label of their own or remove them")
    try:
        known, place = np.unique(labels, return_inverse=True)
    except TypeError:
        raise ArgumentError("strata mixes labels that cannot be sorted; make all of them text") from None
    return place, tuple(known.tolist())
