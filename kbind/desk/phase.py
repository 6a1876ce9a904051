"""The phase that the relationship with one customer is in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from kbind.dataset.timeline import Timeline

#: Days of a new relationship, and days of use that show that it has begun.
NEW, USED = 90, 2
#: Days back in which growth counts, and days ahead in which the end of a term does.
GROWING = 180
#: In the order in which they follow each other; "ended" for who has no contract any more.
PHASES = ("plan", "build", "improve", "maintain", "ended")


def phase_of(customer: Timeline, at: datetime) -> str:
    """One of `PHASES`.

    plan: known, but neither contract nor use yet. build: in the first 90 days, or used on fewer than two days so far.
    improve: revenue or seats have grown within 180 days, or a kind or category was used for the first time. maintain:
    all others with a contract, or with use in the last 365 days where there are no contracts. ended: neither.
    """
    contracts, use = (customer.rows.get(name, pd.DataFrame()) for name in ("subscriptions", "events"))
    begun = contracts[contracts["start"] < at] if len(contracts) else contracts
    used = use[use["timestamp"] < at] if len(use) else use
    if not len(begun) and not len(used):
        return "plan"
    first = min(frame[name].min() for frame, name in ((begun, "start"), (used, "timestamp")) if len(frame))
    if len(begun):
        last = begun["end"].fillna(pd.Timestamp.max).max() if "end" in begun else pd.Timestamp.max
        if last <= at - timedelta(days=1):
            return "ended"
    elif used["timestamp"].max() < at - timedelta(days=365):
        return "ended"
    little = len(use) > 0 and used["timestamp"].dt.normalize().nunique() < USED
    if first >= at - timedelta(days=NEW) or little:
        return "build"
    return "improve" if _grew(begun, at) or _widened(used, at) else "maintain"


def _grew(contracts: pd.DataFrame, at: datetime) -> bool:
    """Whether revenue or seats are higher than before the last half-year; a new price alone is no growth."""
    name = "seats" if "seats" in contracts else "mrr"
    if name not in contracts or not len(contracts):
        return False
    before = contracts[contracts["start"] < at - timedelta(days=GROWING)].sort_values("start")[name].dropna()
    now = contracts.sort_values("start")[name].dropna()
    return len(before) > 0 and bool(now.iloc[-1] > before.iloc[-1])


def _widened(use: pd.DataFrame, at: datetime) -> bool:
    """Whether a kind or category was used for the first time in the last half-year."""
    name = next((name for name in ("category", "kind") if name in use), "")
    if not name or not len(use):
        return False
    first = use.groupby(use[name].astype(str))["timestamp"].min()
    return bool((first >= at - timedelta(days=GROWING)).any())
