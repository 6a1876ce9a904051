"""Customers without any groups: made up with the same attributes, and as much in common between them.

A Gaussian copula: each attribute is a normal number, cut or bent so that its values are those of the data, and the
normal numbers correlate so that the attributes do as in the data. What is left out is any grouping beyond that.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from kbind.estimates.segments.traits import Coding
from kbind.typing import Floats, Ints

#: Where the first of two numbers is looked at, in equal parts of its distribution.
_PROBABILITIES = (np.arange(600) + 0.5) / 600

#: Correlations tried; between them, straight lines.
_TRIED = 41
_CORRELATIONS = np.linspace(-0.98, 0.98, _TRIED)

#: Numbers of more different values are taken in so many groups.
_MOST_STEPS = 50

#: Least eigenvalue of a correlation matrix.
_LEAST = 1e-4


@dataclass(frozen=True, eq=False)
class Copula:
    """What made-up customers are drawn from.

    Attributes
    ----------
    values : tuple of ndarray
        Of each trait, in the order of its scores.
    scores : tuple of ndarray of float
        The same as scores: numbers stand for themselves, levels for their place on the main axis.
    correlation : ndarray, shape (traits, traits)
        Of the normal numbers.
    """

    values: tuple[Floats | Ints, ...] = field(repr=False)
    scores: tuple[Floats, ...] = field(repr=False)
    correlation: Floats

    def draw(self, rng: np.random.Generator) -> list[Floats | Ints]:
        """As many customers as in the data; every trait has exactly the values it has there."""
        n = len(self.values[0])
        normal = rng.standard_normal((n, len(self.values))) @ np.linalg.cholesky(self.correlation).T
        drawn = []
        for column, values in zip(normal.T, self.values, strict=True):
            made = np.empty_like(values)
            made[np.argsort(column)] = values
            drawn.append(made)
        return drawn


def fit_copula(coding: Coding, values: Sequence[Floats | Ints]) -> Copula:
    """Margins and correlations of the data.

    Notes
    -----
    The levels of an attribute are put in order by their mean on the first principal axis of all columns (for levels
    alone: the first axis of correspondence analysis) and scored by it. For each pair of traits the correlation of the
    normal numbers is solved for that gives the scores the correlation they have in the data; the matrix is then made
    positive definite (Cario and Nelson 1997: NORTA).
    """
    scored = _scores(coding, values)
    order = [np.argsort(scores, kind="stable") for scores in scored]
    placed = [scores[rows] for scores, rows in zip(scored, order, strict=True)]
    wanted = np.atleast_2d(np.corrcoef(np.stack(scored)))
    latent = np.eye(len(scored))
    for i in range(len(scored)):
        for j in range(i):
            latent[i, j] = latent[j, i] = _latent(placed[i], placed[j], wanted[i, j])
    return Copula(
        tuple(found[rows] for found, rows in zip(values, order, strict=True)), tuple(placed), _definite(latent)
    )


def _scores(coding: Coding, values: Sequence[Floats | Ints]) -> list[Floats]:
    """Numbers as they are, levels by their mean on the first principal axis."""
    x = coding.matrix(values)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    _, vectors = np.linalg.eigh(x.T @ x)
    axis = x @ vectors[:, -1]
    found = []
    for trait, codes in zip(coding.traits, values, strict=True):
        if not trait.levels:
            found.append(np.asarray(codes, dtype=float))
            continue
        k = len(trait.levels)
        code = codes.astype(np.int64)
        n = np.bincount(code, minlength=k)
        mean = np.bincount(code, weights=axis, minlength=k) / np.maximum(n, 1)
        # levels of the same mean stay apart
        found.append(mean[code] + 1e-9 * code)
    return found


def _latent(one: Floats, other: Floats, wanted: float) -> float:
    """Correlation of two normal numbers that gives the two sorted scores theirs.

    By quadrature over the first; what the second is then expected to be is exact, as it moves in steps.
    """
    (jumps, cuts), (more_jumps, more_cuts) = _steps(one), _steps(other)
    if len(jumps) < len(more_jumps):
        one, other, more_jumps, more_cuts = other, one, jumps, cuts
    first = one[np.minimum((_PROBABILITIES * len(one)).astype(np.int64), len(one) - 1)]
    z = ndtri(_PROBABILITIES)
    reached = np.empty(_TRIED)
    for place, r in enumerate(_CORRELATIONS):
        above = ndtr((r * z[:, None] - more_cuts[None, :]) / np.sqrt(1 - r**2))
        reached[place] = (first - first.mean()) @ (above @ more_jumps) / len(z)
    spread = one.std() * other.std()
    return float(np.interp(wanted, np.maximum.accumulate(reached / max(spread, 1e-300)), _CORRELATIONS))


def _steps(values: Floats) -> tuple[Floats, Floats]:
    """By how much sorted values jump, and at which quantiles of the normal distribution; many in equal groups."""
    distinct, first = np.unique(values, return_index=True)
    if len(distinct) > _MOST_STEPS:
        groups = np.array_split(values, _MOST_STEPS)
        distinct = np.array([group.mean() for group in groups])
        first = np.cumsum([0, *(len(group) for group in groups[:-1])])
    return np.diff(distinct), np.asarray(ndtri(first[1:] / len(values)))


def _definite(matrix: Floats) -> Floats:
    """The nearest correlation matrix that is positive definite."""
    from statsmodels.stats.correlation_tools import corr_nearest
    from statsmodels.tools.sm_exceptions import IterationLimitWarning

    if np.linalg.eigvalsh(matrix).min() >= _LEAST:
        return matrix
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IterationLimitWarning)
        near = corr_nearest(matrix, threshold=_LEAST)
    size, vectors = np.linalg.eigh(near)
    # what an early end of its steps leaves
    fixed = (vectors * np.maximum(size, _LEAST)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    return np.asarray(fixed / scale[:, None] / scale[None, :])
