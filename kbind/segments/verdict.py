"""Groups, a useful partition of a continuum, or nothing stable: how many segments, and what they are worth."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import numpy as np
from scipy.special import ndtr, ndtri

from kbind.segments.stability import Stability, stability
from kbind.segments.traits import Coding
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


GROUPS = "groups"
CONTINUUM = "a useful partition of a continuum"
NOTHING = "no stable segments"

#: Numbers of segments that are tried.
TRIED = range(2, 9)

#: Level of both tests.
LEVEL = 0.05

#: Shuffles of the columns.
_SHUFFLES = 199

#: Resamples of a null sample: as many as time allows.
NULL_RESAMPLES = 20

#: As many null samples that are as stable as the data settle it.
_SETTLED = 5

#: What is reported to whoever waits: what is being done, and how much of how much.
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class NullTest:
    """Segments of the data against segments of made-up customers without groups.

    Attributes
    ----------
    ari : float
        Of the data, over all its resamples.
    null : ndarray of float, shape (null samples,)
        Of samples of the Gaussian copula, in as many segments, over fewer resamples each: what is left of chance in the
        resampling makes them spread a little more, so that the test errs on the side of no groups.
    p_value : float
        Share of null samples that are as stable as the data, these included.
    """

    ari: float
    null: Floats = field(repr=False)
    p_value: float

    @property
    def mean(self) -> float:
        """Mean of the null samples."""
        return float(self.null.mean())

    @property
    def percentile(self) -> float:
        """95th percentile of the null samples."""
        return float(np.quantile(self.null, 1 - LEVEL))


@dataclass(frozen=True, eq=False)
class Judgement:
    """What was found.

    Attributes
    ----------
    stabilities : tuple of Stability
        By number of segments.
    k : int
        Segments; 1 if none are stable and no number was asked for.
    association : float
        p value of the test whether attributes have to do with each other at all.
    null : NullTest or None
        None where the verdict does not depend on it.
    verdict : {"groups", "a useful partition of a continuum", "no stable segments"}
    """

    stabilities: tuple[Stability, ...]
    k: int
    association: float
    null: NullTest | None
    verdict: str


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes
    ----------
    resamples : int
        Of the data.
    null_samples : int
        At most.
    """

    resamples: int
    null_samples: int


def judge(
    coding: Coding,
    values: Sequence[Floats | Ints],
    k: int | None,
    effort: Effort,
    rng: np.random.Generator,
    report: Report,
) -> Judgement:
    """Choose the number of segments and say what they are worth.

    No stable segments: attributes have nothing to do with each other (a cut through one of them would be stable, and
    mean nothing), or no number of segments meets the rule. Groups: more stable than data of the same margins and
    correlations without groups. A continuum: stable, but no more than that.
    """
    seeds = rng.spawn(4)
    association = association_p(coding, values, seeds[0], report)
    x, counts = distinct(coding, coding.matrix(values))
    tried: Sequence[int] = [k] if k is not None else TRIED
    found = []
    for place, candidate in enumerate(tried):
        done = count(1 + effort.resamples * place)
        if candidate <= len(x):
            tick = partial(_tick, report, done, effort.resamples * len(tried))
            found.append(stability(x, counts, candidate, effort.resamples, seeds[1], tick))
    passing = [s.k for s in found if s.passes]
    chosen = k if k is not None else max(passing, default=1)
    if association > LEVEL or not passing:
        return Judgement(tuple(found), k or 1, association, None, NOTHING)
    here = next(s for s in found if s.k == chosen)
    null = null_test(coding, values, here, effort.null_samples, seeds[2], report)
    verdict = GROUPS if null.p_value <= LEVEL and null.ari > null.percentile else CONTINUUM
    return Judgement(tuple(found), chosen, association, null, verdict)


def association_p(coding: Coding, values: Sequence[Floats | Ints], rng: np.random.Generator, report: Report) -> float:
    """Whether attributes have to do with each other at all: sum of squared correlations, columns shuffled."""
    owners = coding.owners()
    apart = owners[:, None] != owners[None, :]
    x = coding.matrix(values)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    blocks = [(np.flatnonzero(owners == owner), x[:, owners == owner]) for owner in np.unique(owners)]

    def size(columns: Floats) -> float:
        return float((((columns.T @ columns) / len(columns))[apart] ** 2).sum())

    observed, exceeded = size(x), 1
    shuffled = np.empty_like(x)
    for done in range(_SHUFFLES):
        for place, block in blocks:
            shuffled[:, place] = block[rng.permutation(len(x))]
        exceeded += size(shuffled) >= observed
        report("shuffles", done + 1, _SHUFFLES)
    return exceeded / (_SHUFFLES + 1)


def null_test(
    coding: Coding,
    values: Sequence[Floats | Ints],
    here: Stability,
    samples: int,
    rng: np.random.Generator,
    report: Report,
) -> NullTest:
    """Compare with made-up customers without groups, in as many segments.

    Notes
    -----
    The number of segments was chosen on the same data, which the null samples do not repeat. By simulation that does
    not raise the rate of false groups (docs/decisions/0011-segments.md).

    The test ends early when 5 samples are as stable as the data (Besag and Clifford 1991).
    """
    copula = fit_copula(coding, values)
    ari = float(here.ari.mean())
    null: list[float] = []
    exceeded = 0
    while len(null) < samples and exceeded < _SETTLED:
        x, counts = distinct(coding, coding.matrix(copula.draw(rng)))
        null.append(float(stability(x, counts, here.k, NULL_RESAMPLES, rng).ari.mean()))
        exceeded += null[-1] >= ari
        report("null samples", len(null), samples)
    reached = np.array(null)
    if exceeded == _SETTLED:
        return NullTest(ari, reached, exceeded / len(null))
    return NullTest(ari, reached, (1 + exceeded) / (len(null) + 1))


def distinct(coding: Coding, x: Floats) -> tuple[Floats, Floats]:
    """Distinct rows and how many customers each stands for; numbers hardly repeat, so only where all are levels."""
    if coding.numeric:
        return x, np.ones(len(x))
    rows, counts = np.unique(x, axis=0, return_counts=True)
    return rows, counts.astype(float)


def _tick(report: Report, done: Iterator[int], total: int) -> None:
    report("resamples", next(done), total)
