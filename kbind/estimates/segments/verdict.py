"""Groups, a useful partition of a continuum, or nothing stable: how many segments, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kbind.estimates.segments.copula import fit_copula
from kbind.estimates.segments.stability import Stability, stability
from kbind.estimates.segments.traits import Coding
from kbind.typing import Floats, Ints

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
        ticks = _Ticks(report, "resamples", effort.resamples * len(tried), effort.resamples * place)
        if candidate <= len(x):
            found.append(stability(x, counts, candidate, effort.resamples, seeds[1], ticks))
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


class _Ticks:
    """Counts resamples for the report."""

    def __init__(self, report: Report, what: str, total: int, done: int) -> None:
        self._report, self._what, self._total, self._done = report, what, total, done

    def __call__(self) -> None:
        self._done += 1
        self._report(self._what, self._done, self._total)
