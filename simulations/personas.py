"""One run each of what is claimed of personas."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb

MONTH, HORIZON = 30.4375, 12.0
HAZARD, PRICE, DEAR = {"grow": 0.02, "save": 0.06}, (20.0, 120.0), (1.4, 0.6)
PERSONA = kb.Persona(
    "grower", 1, "Sales", "2026-01-01", {"de": "Wächst", "en": "Grows"}, (kb.Rule("goal", in_=("grow",)),)
)


def company(
    rng: Generator, n: int, months: int = 48, recorded: int = 24, loyalty: tuple[float, float] = DEAR
) -> kb.Dataset:
    """Accounts that come evenly over the months; those who left before recording began are missing.

    Two in five want to grow. Half of each kind pay 20, the others 120 and leave less than half as often.
    """
    goal = np.where(rng.random(n) < 0.4, "grow", "save")
    dear = (rng.random(n) < 0.5).astype(int)
    hazard = np.where(goal == "grow", HAZARD["grow"], HAZARD["save"]) * np.array(loyalty)[dear]
    start = rng.uniform(0, months, n)
    end = start + rng.exponential(1 / hazard)
    there = end > recorded
    first = pd.Timestamp("2020-01-01")
    dates = [(first + pd.to_timedelta(np.floor(t * MONTH), unit="D")).normalize() for t in (start, end)]
    as_of = first + pd.Timedelta(days=int(months * MONTH))
    contracts = pd.DataFrame({"customer_id": np.arange(n), "start": dates[0], "end": dates[1],
                              "mrr": np.array(PRICE)[dear]})  # fmt: skip
    contracts["end"] = contracts["end"].where(contracts["end"] < as_of)
    people = pd.DataFrame({"customer_id": np.arange(n), "goal": goal})
    return kb.open_dataset(
        {"customers": people[there], "subscriptions": contracts[there]},
        as_of=as_of.date(),
        recorded_from=(first + pd.Timedelta(days=int(recorded * MONTH))).date(),
    )


def truth() -> tuple[float, float, float]:
    """Retention and retained revenue of those who want to grow, and their share among those who stay."""
    stay = {goal: np.exp(-HAZARD[goal] * HORIZON * np.array(DEAR)) for goal in HAZARD}
    own, others = 0.4 * stay["grow"].mean(), 0.6 * stay["save"].mean()
    return float(stay["grow"].mean()), float((stay["grow"] * PRICE).mean()), float(own / (own + others))


def covered(rng: Generator, n: int) -> tuple[bool, ...]:
    """Retention, retained revenue and recall, half of the accounts older than the records."""
    row = kb.evaluate_personas(PERSONA, company(rng, n)).to_frame().iloc[0]
    names = ("retention", "retained_revenue", "recall")
    return tuple(
        bool(row[f"{name}_ci_lower"] <= value <= row[f"{name}_ci_upper"])
        for name, value in zip(names, truth(), strict=True)
    )


def false_change(rng: Generator, n: int, lasting: bool) -> tuple[bool, ...]:
    """Whether anything is said to change where nothing does: arrivals, retention and three uses by quarter.

    If it is `lasting`, every account uses a thing in a quarter with a chance of its own, and leaves with one by price:
    quarters then have accounts in common, and those who are left differ more and more from those who came. If not, all
    are alike, and every quarter is drawn anew.
    """
    data = company(rng, n, months=60, recorded=0, loyalty=DEAR if lasting else (1.0, 1.0))
    chances = ("report", rng.beta(1, 1, n)), ("login", rng.beta(8, 1, n)), ("export", rng.beta(1, 4, n))
    if not lasting:
        chances = tuple((kind, np.full(n, chance.mean())) for kind, chance in chances)
    accounts = data.table("subscriptions").merge(data.table("customers"), on="customer_id")
    quarters = pd.date_range("2020-01-01", "2024-12-31", freq="QS") + pd.Timedelta(days=45)
    rows = []
    for kind, chance in chances:
        for day in quarters:
            here = accounts[(accounts["start"] <= day) & ~(accounts["end"] <= day)]["customer_id"].to_numpy()
            some = here[rng.random(len(here)) < chance[here]]
            rows.append(pd.DataFrame({"customer_id": some, "timestamp": day, "kind": kind}))
    tables = {name: data.table(name) for name in ("customers", "subscriptions")}
    events = pd.concat(rows, ignore_index=True)
    whole = kb.open_dataset({**tables, "events": events}, as_of=data.as_of, recorded_from="2020-01-01")
    return (bool(len(kb.persona_drift(PERSONA, whole).changes())),)
