"""One run each of what is claimed of segments of churned customers."""

from __future__ import annotations

from company import simulate_saas
from numpy.random import Generator

import kbind as kb
from kbind.segments.verdict import GROUPS, NOTHING


def false_groups(rng: Generator, n: int) -> tuple[bool, ...]:
    """One factor runs through all attributes, and there are no groups."""
    return (_verdict(rng, n, "continuum") == GROUPS,)


def false_segments(rng: Generator, n: int) -> tuple[bool, ...]:
    """Attributes have nothing to do with each other."""
    return (_verdict(rng, n, "no_segments") != NOTHING,)


def _verdict(rng: Generator, n: int, scenario: str) -> str:
    """Of a simulated company of whose customers about a third leave; fewer resamples than usual, to save time."""
    world = simulate_saas(n, 36, scenario=scenario, rng=rng)
    return kb.segment_churned(world, resamples=50, rng=rng).verdict
