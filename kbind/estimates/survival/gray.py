"""Gray's test: whether groups lose the same share of customers to a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kbind.errors import ArgumentError, check_choice
from kbind.estimates.survival.chi_squared import upper_tail
from kbind.statistics.durations import Durations
from kbind.statistics.durations.risk import risk_table
from kbind.typing import Ints

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def gray_test(durations: Durations, strata: str | None = None) -> pd.DataFrame:
    """Test every cause; see `CumulativeIncidence.gray_test`."""
    import pandas as pd

    layers = _layers(durations, strata)
    counts = [_count(durations, groups) for groups in layers]
    df = len(layers[0]) - 1
    rows = []
    for c, cause in enumerate(durations.causes):
        parts = [_score(at_risk, lost[:, c], lost.sum(axis=1) - lost[:, c]) for at_risk, lost in counts]
        score, variance = (np.sum(values, axis=0) for values in zip(*parts, strict=True))
        statistic = _chi_square(score[:-1], variance[:-1, :-1])
        rows.append({"cause": cause, "statistic": statistic, "df": df, "p_value": float(upper_tail(statistic, df))})
    return pd.DataFrame(rows)


def _layers(durations: Durations, strata: str | None) -> list[list[list[int]]]:
    """For every stratum the groups that are compared, each as indices into `durations.groups`."""
    at = None if strata is None else durations.by.index(check_choice("strata", strata, durations.by))
    known = [g for g in np.unique(durations.group).tolist() if None not in durations.groups[g]]
    layer = {g: None if at is None else durations.groups[g][at] for g in known}
    rest = {g: tuple(value for k, value in enumerate(durations.groups[g]) if k != at) for g in known}
    compared = list(dict.fromkeys(rest.values()))
    if len(compared) < 2:
        beside = f" beside strata={strata!r}" if strata else ""
        raise ArgumentError(
            f"Gray's test compares at least two groups and finds {len(compared)} known one{beside}; split the "
            "customers by a column: kb.durations(..., by=)"
        )
    return [
        [[g for g in known if (layer[g], rest[g]) == (stratum, group)] for group in compared]
        for stratum in dict.fromkeys(layer.values())
    ]


def _count(durations: Durations, groups: list[list[int]]) -> tuple[Ints, Ints]:
    """At risk by group and time, lost by group, cause and time, at all times at which anybody was lost."""
    members = [np.isin(durations.group, group) for group in groups]
    times = np.unique(durations.duration[np.any(members, axis=0) & (durations.cause > 0)])
    tables = [risk_table(durations, rows, times) for rows in members]
    return np.array([table.at_risk for table in tables]), np.array([table.events for table in tables])


def _score(at_risk: Ints, lost: Ints, elsewhere: Ints) -> tuple[Floats, Floats]:
    """Score of every group and its covariance, in the notation of Gray (1988).

    Parameters
    ----------
    at_risk, lost, elsewhere : ndarray of int, shape (groups, times)
        Customers at risk, lost to the cause that is tested, and lost to any other one.

    Returns
    -------
    score : ndarray of float, shape (groups,)
    covariance : ndarray of float, shape (groups, groups)
    """
    here = at_risk > 0
    y = np.where(here, at_risk, 1).astype(float)
    s = np.cumprod(np.where(here, (y - lost - elsewhere) / y, 1.0), axis=1, dtype=np.float64)
    s_before = _shift(s, 1.0)
    f_before = _shift(np.cumsum(s_before * lost / y, axis=1), 0.0)
    h = np.where(here, _divide(y, s_before), 0.0)
    h_sum, events = h.sum(axis=0), lost.sum(axis=0)

    # observed minus expected, had the groups one subdistribution hazard; those lost elsewhere stay in its risk set
    r = h * (1 - f_before)
    score = (lost - r * _divide(events, r.sum(axis=0))).sum(axis=1)

    # incidence under the hypothesis, common to all groups
    step = _divide(events, h_sum)
    f0 = np.cumsum(step)
    f0_before = _shift(f0, 0.0)
    # how the score of group i reacts to an increment of the incidence in group k, now (d) and later (c)
    d = (h[:, None] * np.eye(len(h))[:, :, None]) - h[:, None] * h[None] * _divide(np.ones_like(h_sum), h_sum)
    c = np.cumsum(d * _divide(step, 1 - f0_before), axis=2)
    later = c[:, :, -1:] - c
    ratio = _divide(1 - f0, s)
    own, other = d + np.where(s > 0, 1 - ratio, 1.0) * later, ratio * later
    # variances of these increments; the first factors are for draws without replacement at ties, and where R's
    # cmprsk would get a negative variance they are 0
    tied_own = 1 - _divide(np.maximum(events - 1, 0), np.maximum(h_sum * s_before - 1, 0.0))
    tied_other = 1 - _divide(np.maximum(elsewhere - 1, 0), np.maximum(y - 1, 0.0))
    own_variance = np.maximum(tied_own, 0.0) * _divide(step, h)
    other_variance = tied_other * s_before**2 * elsewhere / y**2
    covariance = np.einsum("ikt,jkt,kt->ij", own, own, own_variance, optimize=True)
    covariance += np.einsum("ikt,jkt,kt->ij", other, other, other_variance, optimize=True)
    return score, covariance


def _shift(values: Floats, first: float) -> Floats:
    """The values just before each time."""
    return np.concatenate([np.full((*values.shape[:-1], 1), first), values[..., :-1]], axis=-1)


def _divide(numerator: Floats | Ints, denominator: Floats | Ints) -> Floats:
    """The quotient, 0 where the denominator is 0."""
    there = denominator != 0
    return np.asarray(np.where(there, numerator, 0.0) / np.where(there, denominator, 1.0), dtype=np.float64)


def _chi_square(score: Floats, covariance: Floats) -> float:
    """The quadratic form, NaN where some contrast of the groups has no variance."""
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(score):
        return float("nan")
    return float(score @ np.linalg.solve(covariance, score))
