"""What a test of a churn model and its drivers say, as facts, and what features are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kbind.estimates.churn import Backtest, Drivers
from kbind.statistics.snapshots import Snapshots
from kbind.wording import DASH, Disclosure, Fact, Voice, feature_name, named

#: Groups of equal size by risk; features shown as drivers.
GROUPS, SHOWN = 10, 8


def hidden_groups(risks: pd.DataFrame, disclosure: Disclosure) -> frozenset[int]:
    """Groups of few leavers, and others until none can be computed back from the total, which is told too."""
    left = risks["left"].to_numpy()
    hidden = {k for k, count in enumerate(left) if disclosure.hides(int(count))}
    for k in sorted(range(len(left)), key=lambda k: int(left[k])):
        if not hidden or (len(hidden) > 1 and left[list(hidden)].sum() >= disclosure.threshold):
            break
        if left[k] > 0:
            hidden.add(k)
    return frozenset(k + 1 for k in hidden)


def risk_of(tested: Backtest, risks: pd.DataFrame, group: int, hidden: frozenset[int] = frozenset()) -> Fact:
    """Share of a group by risk, counted from 1, who left; `risks` as `Backtest.by_risk`."""
    row = risks.iloc[group - 1]
    limits = float(row["share_ci_lower"]), float(row["share_ci_upper"])
    definition = f"leavers / customers, among those in tenth {group} by predicted risk"
    return Fact(f"risk.{group}", float(row["share"]), "share", definition, *limits, tested.conf_level,
                n=int(row["n"]), count=int(row["left"]), source="backtest(...).by_risk()",
                hidden=group in hidden)  # fmt: skip


def levers(moved: Drivers) -> pd.DataFrame:
    """The strongest drivers."""
    frame = moved.to_frame()
    return frame[frame["effect"] > 0].head(SHOWN)


def lever(moved: Drivers, row: pd.Series[Any]) -> Fact:
    """By how much a group of features moves the risk."""
    limits = float(row["effect_ci_lower"]), float(row["effect_ci_upper"])
    definition = f"{row['feature']}: {moved.definition}"
    return Fact(f"driver.{row['feature']}", float(row["effect"]), "share", definition, *limits, moved.conf_level,
                source="drivers(...).to_frame()")  # fmt: skip


def lever_name(seen: Snapshots, voice: Voice, feature: str, others: str = "") -> str:
    """A feature in words, and how many go with it."""
    meaning = {one.name: one for one in seen.meanings}[feature]
    name = feature_name(meaning, voice.lang)
    more = len([other for other in others.split(", ") if other])
    if not more:
        return name
    return voice.catalogue.text("churn.driver.more", more, name=name, n=voice.number(more))


def lever_values(seen: Snapshots, voice: Voice, row: pd.Series[Any]) -> str:
    """Values that go with high and with low risk: "27 statt 345"."""
    high, low = (feature_value(seen, voice, row[f"value_{end}"], row["feature"]) for end in ("high", "low"))
    if high == low or DASH in (high, low):
        return ""
    return voice.say("churn.driver.values", high=high, low=low)


def feature_value(seen: Snapshots, voice: Voice, value: Any, feature: str) -> str:
    """A feature's value as a reader expects it."""
    if pd.isna(value):
        return DASH
    if _yes_or_no(seen, feature):
        return voice.say("churn.yes" if value else "churn.no")
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return voice.number(number, 0 if abs(number) >= 10 or number == round(number) else 1)
    return named(str(value))


def _yes_or_no(seen: Snapshots, feature: str) -> bool:
    values = seen.features[feature].dropna()
    return pd.api.types.is_numeric_dtype(values.dtype) and bool(values.isin([0, 1]).all())
