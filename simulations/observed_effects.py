"""One run each of what is claimed of offers with several arms, and of campaigns whose customers somebody chose."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb
from kbind.customers.levels import Attribute
from kbind.dataset.provenance import Provenance
from kbind.experiments.campaign import Assigned
from kbind.experiments.effect import Effect
from kbind.experiments.observed import observe
from kbind.experiments.offers import Offers
from kbind.typing import Bools, Ints

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


#: Days after the assignment.
HORIZON = 182
#: Chance of leaving within the horizon of large and of small customers, of being called, and what the call takes off.
LEAVES, CALLED, TAKES = (0.15, 0.40), (0.25, 0.65), (0.05, 0.12)
#: Of a hidden trouble of one standard deviation: change of the log odds of leaving and of being called, of the log of
#: use in the quarter before. Naive: the called leave more often whatever the call does.
WORSE, NOTICED, LESS = 0.8, 1.0, -0.15
#: Events a month of large and small customers.
USE = (4.0, 2.5)


def _chosen(rng: Generator, n: int, *, works: bool, hidden: bool) -> tuple[Effect, float]:
    """A campaign that called mostly small customers, perhaps those in trouble, and what it did to those called."""
    small, trouble = rng.random(n) < 0.5, rng.normal(size=n) * hidden
    chance = 1 / (1 + np.exp(-np.log(np.divide(CALLED, np.subtract(1, CALLED)))[small.astype(int)] - NOTICED * trouble))
    called = rng.random(n) < chance
    odds = np.log(np.divide(LEAVES, np.subtract(1, LEAVES)))[small.astype(int)] + WORSE * trouble
    alone = 1 / (1 + np.exp(-odds))
    better = np.minimum(np.array(TAKES)[small.astype(int)], alone) * works
    left = rng.random(n) < alone - better * called
    level = np.array(USE)[small.astype(int)] * rng.gamma(4, 0.25, n) / 30.4
    early, late = (rng.poisson(level * HORIZON / 2 * np.exp(moved)) for moved in (0, LESS * trouble))
    found = observe(_assigned(rng, called, left, small, early, late), outcome="retained", how="drawn", conf_level=0.95)
    return found, float(better[called].mean())


def _assigned(rng: Generator, called: Bools, left: Bools, small: Bools, early: Ints, late: Ints) -> Assigned:
    """The campaign customer by customer, as it is read from tables."""
    n, unknown = len(called), np.full(len(called), np.nan)
    size = Attribute("size", ("large", "small"), small.astype(int))
    region = Attribute("region", ("north", "south"), rng.integers(0, 2, n))
    return Assigned(
        campaign="call", horizon=HORIZON, customer_id=np.arange(n).astype(object),
        arm=np.where(called, "call", "control").astype(object), treated=called, propensity=unknown, cost=unknown,
        assigned_at=np.full(n, np.datetime64("2024-01-01", "D")), lived=np.ones(n, dtype=bool), left=left,
        duration=np.where(left, rng.integers(1, HORIZON, n), HORIZON + 1.0), event_observed=left,
        revenue=np.full(n, 10.0), revenue_after=np.where(left, 0.0, 10.0), use=(early + late).astype(float),
        spend=unknown, recent=rng.binomial(late, 30 / (HORIZON / 2)).astype(float), use_late=late.astype(float),
        spend_late=unknown, use_after=rng.poisson(late * 2.0).astype(float), tenure=rng.uniform(7, 16, n),
        attributes={"size": size, "region": region}, held_back=True, outside=0, meaning="under contract",
        provenance=Provenance("drawn", None, None),
    )  # fmt: skip


def targeted(rng: Generator, n: int) -> tuple[bool, ...]:
    """Measured cause, effect there: the truth within its limits; of the plain difference."""
    found, truth = _chosen(rng, n, works=True, hidden=False)
    return tuple(one.ci_lower <= truth <= one.ci_upper for one in (found.adjusted, found.weighted))


def not_shown(rng: Generator, n: int) -> tuple[bool, ...]:
    """Measured cause, effect there: the verdict is another than "shown"."""
    return (_chosen(rng, n, works=True, hidden=False)[0].verdict != "shown",)


def falsely_shown(rng: Generator, n: int) -> tuple[bool, ...]:
    """Measured cause, no effect: the verdict is "shown"."""
    return (_chosen(rng, n, works=False, hidden=False)[0].verdict == "shown",)


def hidden_missed(rng: Generator, n: int) -> tuple[bool, ...]:
    """Hidden cause that moves earlier use, too: the verdict is another than "not identified"."""
    return (_chosen(rng, n, works=False, hidden=True)[0].verdict != "not identified",)
