"""Groups, a useful partition of a continuum, or nothing stable: how many segments, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kbind.estimates.segments.copula import fit_copula
from kbind.estimates.segments.methods import LatentClassMethod, Method
from kbind.estimates.segments.stability import STARTS, Stability, stability
from kbind.estimates.segments.traits import Coding
from kbind.statistics.groups import Ints
from kbind.statistics.profiles.levels import Floats

GROUPS = "groups"
CONTINUUM = "a useful partition of a continuum"
NOTHING = "no stable segments"

#: Numbers of segments that are tried.
TRIED = range(2, 9)

#: Level of both tests.
LEVEL = 0.05

#: Shuffles of the columns.
_SHUFFLES = 199

#: Resamples of a null sample.
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
        Of samples of the Gaussian copula, in as many segments, over 20 resamples each: what is left of chance in the
        resampling makes them spread a little more, so that the test errs on the side of no groups.
    p_value : float
        The larger of two: the share of null samples that are as stable; and the share in which the whole search, the
        choice of the number of segments included, ends in something as unusual.
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
    """What was found for one method.

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

    def of(self, k: int) -> Stability | None:
        """Stability of k segments, if that was looked at."""
        return next((found for found in self.stabilities if found.k == k), None)


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
    method: Method,
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
    x, counts = distinct(coding, method.prepare(values))
    bic = isinstance(method, LatentClassMethod)
    tried: Sequence[int] = [k] if k is not None else TRIED
    if bic and k is None:
        tried = [_by_bic(method, x, counts, seeds[1], report)]
    found = []
    for place, candidate in enumerate(tried):
        ticks = _Ticks(report, "resamples", effort.resamples * len(tried), effort.resamples * place)
        if candidate <= len(x):
            found.append(stability(method, x, counts, candidate, effort.resamples, seeds[1], ticks))
    passing = [s.k for s in found if s.passes]
    chosen = k if k is not None else max(passing, default=1)
    if association > LEVEL or not passing:
        return Judgement(tuple(found), k or 1, association, None, NOTHING)
    here = next(s for s in found if s.k == chosen)
    search = tried if k is None and not bic else ()
    null = null_test(method, coding, values, here, search, effort.null_samples, seeds[2], report)
    verdict = GROUPS if null.p_value <= LEVEL and null.ari > null.percentile else CONTINUUM
    return Judgement(tuple(found), chosen, association, null, verdict)


def association_p(coding: Coding, values: Sequence[Floats | Ints], rng: np.random.Generator, report: Report) -> float:
    """Whether attributes have to do with each other at all: sum of squared correlations, columns shuffled."""
    owners = coding.owners()
    apart = owners[:, None] != owners[None, :]
    x = coding.matrix(values)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    blocks = [np.flatnonzero(owners == owner) for owner in np.unique(owners)]

    def size(columns: Floats) -> float:
        return float((((columns.T @ columns) / len(columns))[apart] ** 2).sum())

    observed, exceeded = size(x), 1
    shuffled = np.empty_like(x)
    for done in range(_SHUFFLES):
        for block in blocks:
            shuffled[:, block] = x[rng.permutation(len(x))][:, block]
        exceeded += size(shuffled) >= observed
        report("shuffles", done + 1, _SHUFFLES)
    return exceeded / (_SHUFFLES + 1)


def null_test(
    method: Method,
    coding: Coding,
    values: Sequence[Floats | Ints],
    here: Stability,
    search: Sequence[int],
    samples: int,
    rng: np.random.Generator,
    report: Report,
) -> NullTest:
    """Compare with customers without groups; the number of segments is searched for in them as it was in the data.

    Notes
    -----
    An outcome of the search is a number of segments and how stable they are. It is the more unusual the fewer of all
    outcomes, those of the data included, have that number and at least that stability. Without this, a number of
    segments that is rarely stable by chance would look like groups whenever it is.

    The test ends early when 5 samples are as stable as the data (Besag and Clifford 1991), and the search is repeated
    only where it can still change the verdict.
    """
    copula = fit_copula(coding, values)
    ari = float(here.ari.mean())
    drawn: list[np.random.Generator] = []
    null: list[Stability] = []
    exceeded = 0
    while len(null) < samples and exceeded < _SETTLED:
        drawn += rng.spawn(1)
        again = np.random.default_rng(drawn[-1].bit_generator.seed_seq)  # type: ignore[attr-defined]
        x, counts = distinct(coding, method.prepare(copula.draw(again)))
        null.append(stability(method, x, counts, here.k, NULL_RESAMPLES, again))
        exceeded += null[-1].ari.mean() >= ari
        report("null samples", len(null), samples)
    reached = np.array([found.ari.mean() for found in null])
    if exceeded == _SETTLED:
        return NullTest(ari, reached, exceeded / len(null))
    p_value = (1 + exceeded) / (len(null) + 1)
    if not search or p_value > LEVEL:
        return NullTest(ari, reached, p_value)
    outcomes = [(here.k, ari)]
    for same, generator in zip(null, drawn, strict=True):
        x, counts = distinct(coding, method.prepare(copula.draw(generator)))
        outcomes.append(_search(method, x, counts, same, search, generator))
        report("searches of null samples", len(outcomes) - 1, samples)
    return NullTest(ari, reached, max(p_value, _unusual(outcomes)))


def _search(
    method: Method, x: Floats, counts: Floats, same: Stability, search: Sequence[int], rng: np.random.Generator
) -> tuple[int, float]:
    """The largest number of segments that meets the rule, and its stability; 1 if none does."""
    for k in sorted(search, reverse=True):
        found = same
        if k != same.k:
            found = stability(method, x, counts, k, NULL_RESAMPLES, rng, give_up=True)
        if found.passes:
            return k, float(found.ari.mean())
    return 1, 0.0


def _unusual(outcomes: Sequence[tuple[int, float]]) -> float:
    """Share of outcomes at least as unusual as the first; nothing stable is never unusual.

    >>> _unusual([(4, 0.9), (3, 0.8), (3, 0.9), (3, 0.95), (1, 0.0)])
    0.4
    """
    number, ari = np.array([k for k, _ in outcomes]), np.array([a for _, a in outcomes])
    alike = (number[None, :] == number[:, None]) & (ari[None, :] >= ari[:, None])
    rarity = np.where(number == 1, np.inf, alike.sum(axis=1))
    return float((rarity <= rarity[0]).mean())


def distinct(coding: Coding, x: Floats) -> tuple[Floats, Floats]:
    """Distinct rows and how many customers each stands for; numbers hardly repeat, so only where all are levels."""
    if coding.numeric:
        return x, np.ones(len(x))
    rows, counts = np.unique(x, axis=0, return_counts=True)
    return rows, counts.astype(float)


def _by_bic(method: Method, x: Floats, counts: Floats, rng: np.random.Generator, report: Report) -> int:
    assert isinstance(method, LatentClassMethod)
    values = []
    for done, k in enumerate(TRIED, start=1):
        values.append(method.bic(x, counts, k, STARTS, int(rng.integers(2**31 - 1))))
        report("numbers of classes", done, len(TRIED))
    return TRIED[int(np.argmin(values))]


class _Ticks:
    """Counts resamples for the report."""

    def __init__(self, report: Report, what: str, total: int, done: int) -> None:
        self._report, self._what, self._total, self._done = report, what, total, done

    def __call__(self) -> None:
        self._done += 1
        self._report(self._what, self._done, self._total)
