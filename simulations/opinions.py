"""One run of each claim on feedback: whether an interval covers what was planted."""

from __future__ import annotations

import numpy as np
from draws import alike, said
from numpy.random import Generator

from kbind.dataset.provenance import Provenance
from kbind.feedback.courses import Courses
from kbind.feedback.instrument import Instrument
from kbind.feedback.score import score_of
from kbind.feedback.trend import trend_of

NPS, CSAT = Instrument("nps", "nps", (0, 10)), Instrument("csat", "csat", (1, 5))
CES = Instrument("ces", "mean", (1, 7))
#: How far one customer's answers go together, on the scale behind the answers.
TOGETHER = 0.5
#: Shares of the answers 1 to 7 where nearly all are content.
CONTENT = np.array([0.01, 0.01, 0.01, 0.02, 0.05, 0.2, 0.7])


def score(rng: Generator, n: int, extreme: bool, several: bool) -> tuple[bool, ...]:
    """NPS, CSAT and mean of n customers; extreme: nearly all answers at one end, the truth drawn anew in every run."""
    customer, rank = alike(rng, 1 + rng.poisson(2, n) if several else np.ones(n, dtype=np.int64), TOGETHER * several)
    if extreme:
        most = rng.uniform(0.9, 1)
        other = (1 - most) * rng.random()
        p, d = (most, other) if rng.random() < 0.5 else (other, most)
        levels = CONTENT
    else:
        p, _, d = rng.dirichlet([2, 2, 2])
        levels = rng.dirichlet(np.full(7, 2.0))
    thirds = np.where(rank < d, -1.0, np.where(rank > 1 - p, 1.0, 0.0))
    steps = 1.0 + np.minimum(np.searchsorted(np.cumsum(levels), rank), 6)
    drawn = ((NPS, thirds, p - d), (CSAT, (rank > 1 - p).astype(float), p), (CES, steps, levels @ np.arange(1, 8)))
    found = [(score_of(said(customer, value, asked)), truth) for asked, value, truth in drawn]
    return tuple(bool(s.score_ci_lower[0, 0] <= truth <= s.score_ci_upper[0, 0]) for s, truth in found)


def roles(rng: Generator, n: int) -> tuple[bool, ...]:
    """Difference of the NPS of two roles at the same customers, whose answers go together."""
    customer, rank = alike(rng, 1 + rng.poisson(2, n), TOGETHER)
    role = rng.integers(2, size=len(customer))
    p, d = np.array([0.45, 0.6])[role], np.array([0.25, 0.15])[role]
    value = np.where(rank < d, -1.0, np.where(rank > 1 - p, 1.0, 0.0))
    found = score_of(said(customer, value, NPS, role, 2)).compare("group", 0, 1).to_frame()
    return (bool(found["difference_ci_lower"][0] <= -0.25 <= found["difference_ci_upper"][0]),)


def trend(rng: Generator, n: int) -> tuple[bool, ...]:
    """Level and slope of a customer drawn at random, and the level of one who answered once."""
    answers = np.minimum(1 + rng.poisson(2, n), 8)
    answers[0] = 1
    line = rng.multivariate_normal([7.5, -0.2], [[1.2, 0.1], [0.1, 0.25]], size=n)
    who = np.repeat(np.arange(n), answers)
    t = rng.uniform(-3, 0, len(who))
    y = line[who, 0] + line[who, 1] * t + rng.normal(0, 1.2, len(who))

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(who, weights=values, minlength=n)

    # a scale so wide that nothing is cut at its ends
    asked = Instrument("item", "mean", (-100, 100))
    sums = {"t": total(t), "tt": total(t * t), "y": total(y), "ty": total(t * y), "yy": total(y * y)}
    ids = np.arange(n).astype(object)
    found = trend_of(Courses(asked, ids, answers, **sums, provenance=Provenance("simulation", None, None)))
    any_one = int(rng.integers(n))

    def covers(name: str, customer: int, truth: float) -> bool:
        return bool(
            getattr(found, f"{name}_ci_lower")[customer] <= truth <= getattr(found, f"{name}_ci_upper")[customer]
        )

    return (
        covers("level", any_one, line[any_one, 0]),
        covers("slope", any_one, line[any_one, 1]),
        covers("level", 0, line[0, 0]),
    )
