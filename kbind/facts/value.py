"""What a point of retention is worth, as facts, and what its inputs are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kbind.revenue.retention_value import RetentionValue
from kbind.text.facts import Fact
from kbind.text.voice import Voice

#: How an input is written.
_WRITTEN = {
    "price": "money", "acquisition_cost": "money", "margin": "share", "churn": "share", "discount": "share",
    "customers": "customers", "gained": "customers",
}  # fmt: skip


def figure_of(worth: RetentionValue, figure: str, times: float = 1) -> Fact:
    """A figure of the result, with the range of all inputs that are known with limits only; money of so many."""
    frame = worth.to_frame()
    row = frame[frame["figure"] == figure].iloc[0]
    value, lower, upper = (x * times for x in (float(row["value"]), *worth.extremes(figure)))
    unit = str(row["unit"]) if row["unit"] in ("money", "share") else "count"  # computed, so nobody in particular
    source = f"retention_value(...).to_frame(), {figure}; limits: .extremes({figure!r})"
    level = 0.95 if np.isnan(worth.conf_level) else worth.conf_level
    return Fact(f"value.{figure}", value, unit, worth.definition, lower, upper, level, source=source)


def ends(worth: RetentionValue, row: pd.Series[Any]) -> tuple[Fact, Fact]:
    """The value at the lower and at the upper end of an input, which is a row of `sensitivity`."""
    both = []
    for end in ("low", "high"):
        definition = f"value with {row['parameter']} at {row[end]:.3g} and all else as given; {worth.definition}"
        name, source = f"value.{row['parameter']}.{end}", "retention_value(...).sensitivity()"
        both.append(Fact(name, float(row[f"value_at_{end}"]), "money", definition, source=source))
    return both[0], both[1]


def input_of(worth: RetentionValue, parameter: str) -> Fact:
    """An input with its limits, as far as it came with any."""
    kind = _WRITTEN.get(parameter, "count")
    low, high = worth.ranges.get(parameter, (np.nan, np.nan))
    value, source = float(getattr(worth.inputs, parameter)), "retention_value(...).inputs"
    return Fact(f"value.input.{parameter}", value, kind, f"{parameter} that the value was computed with", low, high,
                source=source)  # fmt: skip


def name_of(parameter: str, voice: Voice) -> str:
    """What a reader calls an input."""
    return voice.say(f"value.parameter.{parameter}")


def written(parameter: str, value: float, voice: Voice) -> str:
    """An input's value as a reader expects it."""
    kind = _WRITTEN.get(parameter, "number")
    if kind == "share":
        return voice.percent(value, 1)
    if kind == "customers":
        return voice.count(value)
    return voice.money(value) if kind == "money" else voice.number(value)
