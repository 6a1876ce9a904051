"""One run each of what is claimed of offers with several arms."""

from __future__ import annotations

import pandas as pd
from numpy.random import Generator

import kbind as kb
from kbind.experiments.offers import Offers

#: An offer in four arms: what each keeps and costs. A kept customer is worth 400, so that a customer returns 40, 56, 66
#: and 48: the best two lie 10 apart, which is what keeping 2.5 more of 100 would bring.
ARMS = pd.DataFrame({"arm": ["none", "quarter", "half", "free"], "dose": [0, 0.25, 0.5, 1], "cost": [0, 8, 16, 40]})
KEPT, WORTH = (0.10, 0.16, 0.205, 0.22), 400
RETURNS = [WORTH * share - cost for share, cost in zip(KEPT, ARMS["cost"], strict=True)]


def _offered(rng: Generator, n: int) -> Offers:
    return kb.compare_offers(ARMS.assign(n=n // 4, kept=rng.binomial(n // 4, KEPT)), value=WORTH)


def best_missed(rng: Generator, n: int) -> tuple[bool, ...]:
    """Whether another arm than the best is called the best."""
    return (_offered(rng, n).best != "half",)


def returns_held(rng: Generator, n: int) -> tuple[bool, ...]:
    """Whether all limits of the returns hold at once."""
    found = _offered(rng, n)
    limits = [found.returns(arm) for arm in ARMS["arm"][1:]]
    held = [one.ci_lower <= truth - RETURNS[0] <= one.ci_upper for one, truth in zip(limits, RETURNS[1:], strict=True)]
    return (all(held),)


def alike(rng: Generator, n: int) -> tuple[bool, ...]:
    """Whether an arm is called the best for sure where all do the same and cost nothing."""
    return (kb.compare_offers(ARMS.assign(n=n // 4, kept=rng.binomial(n // 4, 0.2), cost=0), value=WORTH).sure,)
