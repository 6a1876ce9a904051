"""Small companies made at random: shops that record purchases, and firms with contracts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

import kbind as kb

#: Months from the first to the last that a company may have recorded.
SHORTEST, LONGEST = 6, 18
_START = pd.Timestamp(2023, 1, 1)


def company(seed: int, *, earlier: int = 0) -> kb.Dataset:
    """A company of 20 to 400 customers, a shop where the seed is even, else with contracts; always the same.

    Parameters
    ----------
    seed : int
        Which one.
    earlier : int
        So many months ago, when nothing was known of what came after.
    """
    rng = np.random.default_rng([17, seed])
    customers, months = int(np.exp(rng.uniform(np.log(20), np.log(400)))), int(rng.integers(SHORTEST, LONGEST + 1))
    tables = shop(rng, customers, months) if seed % 2 == 0 else firm(rng, customers, months)
    as_of = _START + pd.DateOffset(months=months - earlier)
    return kb.open_dataset(_until(tables, as_of), as_of=as_of)


def _until(tables: Mapping[str, pd.DataFrame], as_of: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """What was known at a time."""
    known = dict(tables)
    for name, column in (
        ("events", "timestamp"),
        ("feedback", "timestamp"),
        ("cancellations", "timestamp"),
        ("subscriptions", "start"),
    ):
        if name in known:
            known[name] = known[name][known[name][column] < as_of].reset_index(drop=True)
    if "subscriptions" in known:
        contracts = known["subscriptions"]
        known["subscriptions"] = contracts.assign(end=contracts["end"].where(contracts["end"] <= as_of))
    return {name: table for name, table in known.items() if len(table)}


def shop(rng: np.random.Generator, customers: int, months: int) -> dict[str, pd.DataFrame]:
    """Purchases; a customer buys again in a month with a chance of its own, or never again."""
    first = np.minimum(rng.geometric(rng.uniform(0.08, 0.4), customers) - 1, months - 1)
    chance, lost = rng.beta(1.5, 2.5, customers), rng.random(customers) < 0.3
    active = (rng.random((customers, months)) < chance[:, None]) & ~lost[:, None]
    active &= np.arange(months) > first[:, None]
    active[np.arange(customers), first] = True
    who, month = np.nonzero(active)
    day = pd.to_timedelta(rng.integers(0, 27, len(who)), unit="D")
    starts = np.array([_START + pd.DateOffset(months=k) for k in range(months)])
    return {"events": pd.DataFrame({"customer_id": who, "timestamp": pd.DatetimeIndex(starts[month]) + day})}


def firm(rng: np.random.Generator, customers: int, months: int) -> dict[str, pd.DataFrame]:
    """Contracts that begin on the first of a month and are ended at the end of one, with reasons and sizes."""
    first = np.minimum(rng.geometric(rng.uniform(0.08, 0.4), customers) - 1, months - 1)
    stays = rng.geometric(rng.uniform(0.03, 0.2), customers)
    starts = np.array([_START + pd.DateOffset(months=k) for k in range(2 * months + 200)])
    last = first + stays
    ended = last < months
    contracts = pd.DataFrame({
        "customer_id": np.arange(customers),
        "start": pd.DatetimeIndex(starts[first]),
        "end": pd.DatetimeIndex(starts[np.minimum(last, months)]).where(ended),
    })  # fmt: skip
    left = np.flatnonzero(ended & (rng.random(customers) < 0.9))
    reasons = np.array(["price", "product", "service", None], dtype=object)
    goodbyes = pd.DataFrame({
        "customer_id": left,
        "timestamp": contracts["end"].iloc[left].to_numpy(),
        "reason": reasons[rng.choice(4, len(left), p=[0.4, 0.25, 0.2, 0.15])],
    })  # fmt: skip
    sizes = np.array(["small", "medium", "large"])[rng.choice(3, customers, p=[0.5, 0.3, 0.2])]
    people = pd.DataFrame({"customer_id": np.arange(customers), "size": sizes})
    # at one price the money of a few customers tells how many they are
    contracts["mrr"] = 49.0 if rng.random() < 0.5 else rng.choice([49.0, 99.0, 199.0], customers)
    return {
        "subscriptions": contracts, "customers": people, "cancellations": goodbyes,
        "feedback": opinions(rng, contracts, starts[months]),
    }  # fmt: skip


def opinions(rng: np.random.Generator, contracts: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Answers from 0 to 10 of a third of the customers, while their contracts ran."""
    answering = contracts[rng.random(len(contracts)) < 1 / 3]
    lived = answering["end"].fillna(as_of) - answering["start"]
    at = answering["start"] + (lived * rng.random(len(answering))).dt.floor("D")
    score = rng.integers(3, 11, len(answering))
    return pd.DataFrame({"customer_id": answering["customer_id"], "timestamp": at, "instrument": "nps", "score": score})
