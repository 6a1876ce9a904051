"""Randomised campaigns with a known effect: intervals, looks, groups, and whom to treat next."""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from kbind.customers.levels import Attribute
from kbind.dataset.provenance import Provenance
from kbind.experiments.arms import excludes
from kbind.experiments.campaign import Assigned
from kbind.experiments.randomised import judge
from kbind.experiments.uplift import learn_uplift

#: Days: over which it is judged, over which customers are assigned, and after the first of which the data ends.
HORIZON, ENROLLED, END = 182, 240, 365
#: The hazard of leaving a day, what treatment makes of it, and points of retention that it adds where all gain alike.
HAZARD, RATIO, POINTS = 0.0009, 0.65, 0.05
DAYS = [f"2024-{month}-01" for month in ("08", "09", "10", "11", "12")]
_SIZES, _REGIONS = ("large", "middle", "small"), ("east", "north", "south", "west")


def people(rng: Generator, n: int) -> dict[str, np.ndarray]:
    """What is known of customers, and how much more or less often they leave than usual."""
    use, tenure, paid = rng.poisson(rng.gamma(1.5, 8, n)), rng.exponential(14, n), rng.lognormal(4, 1, n)
    size, region = rng.integers(0, 3, n), rng.integers(0, 4, n)
    often = np.exp(0.5 * (size - 1) - 0.02 * np.minimum(use, 40) + 0.6 * (tenure < 6))
    return {"use": use, "tenure": tenure, "paid": paid, "size": size, "region": region, "often": often}


def campaign(rng: Generator, who: dict[str, np.ndarray], treated: np.ndarray, leaves: np.ndarray) -> Assigned:
    """Customers assigned one after the other, who leave after so many days, as known at the end of the data."""
    n = len(leaves)
    day = rng.integers(0, ENROLLED, n)
    seen = END - 1 - day
    gone = leaves <= seen
    lived = seen > HORIZON
    duration = np.where(gone, leaves, seen).astype(float)
    attributes = {name: Attribute(name, levels, who[name]) for name, levels in
                  (("size", _SIZES), ("region", _REGIONS))}  # fmt: skip
    first = np.datetime64("2024-01-01")
    known: dict[str, object] = {
        "campaign": "call", "horizon": HORIZON, "customer_id": np.arange(n).astype(object),
        "arm": np.where(treated, "treatment", "control").astype(object), "treated": treated,
        "assigned_at": first + day, "propensity": np.full(n, 0.5), "cost": 20.0 * treated, "lived": lived,
        "left": gone & (leaves <= HORIZON), "duration": duration, "event_observed": gone, "revenue": who["paid"],
        "use": who["use"].astype(float), "recent": (who["use"] // 6).astype(float), "tenure": who["tenure"],
        "attributes": attributes, "held_back": True, "outside": 0, "meaning": "under contract",
        "provenance": Provenance("simulated", None, (first + END).astype("datetime64[us]").item()),
    }  # fmt: skip
    rest = [one.name for one in fields(Assigned) if one.name not in known and one.default is MISSING]
    return Assigned(**known | dict.fromkeys(rest, np.full(n, np.nan)))  # type: ignore[arg-type]


def drawn(rng: Generator, n: int, ratio: float) -> Assigned:
    """A campaign that multiplies the hazard of the treated."""
    who, treated = people(rng, n), rng.random(n) < 0.5
    hazard = HAZARD * who["often"] * np.where(treated, ratio, 1.0)
    return campaign(rng, who, treated, np.ceil(rng.exponential(1 / hazard)))


def alike(rng: Generator, n: int) -> tuple[Assigned, np.ndarray]:
    """A campaign that adds the same points of retention to everybody."""
    who, treated = people(rng, n), rng.random(n) < 0.5
    risk = 1 - np.exp(-HAZARD * HORIZON * np.clip(who["often"], 0.7, None)) - POINTS * treated
    left = rng.random(n) < risk
    leaves = np.where(left, rng.integers(1, HORIZON + 1, n), 2 * END)
    return campaign(rng, who, treated, leaves), risk


@lru_cache
def truth(ratio: float) -> tuple[float, float]:
    """Differences of the share retained and of the days stayed, over all customers there could be."""
    hazard = HAZARD * people(np.random.default_rng(0), 1_000_000)["often"]
    stays, days = [], []
    for h in (hazard * ratio, hazard):
        each = np.exp(-h)
        stays.append(np.mean(each**HORIZON))
        days.append(np.mean((1 - each**HORIZON) / (1 - each)))  # whole days
    return float(stays[0] - stays[1]), float(days[0] - days[1])


def covers(one: object, value: float) -> bool:
    """Whether the interval holds the truth."""
    _, lower, upper = one  # type: ignore[misc]
    return bool(lower <= value <= upper)


def covered(rng: Generator, n: int) -> tuple[bool, ...]:
    """Difference of retention, of the time stayed, and the adjusted difference."""
    points, days = truth(RATIO)
    found = judge(drawn(rng, n, RATIO), outcome="retained", how="", share=0.5, conf_level=0.95)
    return covers(found.naive, points), covers(found.rmst, days), covers(found.adjusted, points)


def tighter(rng: Generator, n: int) -> float:
    """By how much adjusting narrows the interval."""
    return judge(drawn(rng, n, RATIO), outcome="retained", how="", share=0.5, conf_level=0.95).tighter


def nothing(rng: Generator, n: int) -> tuple[bool, ...]:
    """A campaign without effect: shown at its end, and at one of five looks."""
    found = judge(drawn(rng, n, 1.0), outcome="retained", how="", share=0.5, conf_level=0.95, looks=DAYS)
    assert found.looks is not None
    return excludes(found.adjusted), bool(found.looks["shown"].any())


def same_in_groups(rng: Generator, n: int) -> tuple[bool, ...]:
    """Everybody gains alike: a group said to differ, and the order by uplift said to tell customers apart."""
    people_, _ = alike(rng, n)
    found = judge(people_, outcome="retained", how="", share=0.5, conf_level=0.95)
    return (bool(found.by(["size", "region"])["differs"].any()),)


def told_apart(rng: Generator, n: int) -> tuple[bool, ...]:
    """Everybody gains alike: the order by uplift said to tell customers apart."""
    found = learn_uplift(alike(rng, n)[0], share=0.2, chance=0.5, learner="x", folds=5, conf_level=0.95, rng=rng)
    return (found.tells_apart,)


def kept(rng: Generator, n: int) -> tuple[bool, ...]:
    """Those who use little gain, the others lose: customers kept among those with the largest uplift."""
    who, treated = people(rng, n), rng.random(n) < 0.5
    gain = np.where(who["use"] < 8, 0.12, -0.04)
    risk = 0.25 - gain * treated
    leaves = np.where(rng.random(n) < risk, rng.integers(1, HORIZON + 1, n), 2 * END)
    found = learn_uplift(campaign(rng, who, treated, leaves), share=0.2, chance=0.5, learner="x", folds=5,
                         conf_level=0.95, rng=rng)  # fmt: skip
    best = found.scores.assign(gain=gain[found.scores["customer_id"].astype(int)])
    chosen = best["uplift"].rank(pct=True) > 0.8
    return (covers(found.gain, float(best.loc[chosen, "gain"].mean())),)
