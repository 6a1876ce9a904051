"""What a test of a churn model and its drivers say, as facts, and what features are called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.churn.backtests import Backtest
from kbind.churn.contacts import ContactList
from kbind.churn.evaluation import Calls
from kbind.churn.risk_drivers import Drivers
from kbind.churn.snapshots.snapshot_table import Feature, Snapshots
from kbind.customers.leaks import Leak
from kbind.estimate.estimate import Estimate
from kbind.facts.features import feature_name
from kbind.facts.names import MONEY, Names
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.names import named
from kbind.text.voice import DASH, Voice

#: Groups of equal size by risk; features shown as drivers.
GROUPS, SHOWN = 10, 8
#: Levels of a column that are named.
_LEVELS = 3
#: Measures in days, and in money.
_IN_DAYS, _IN_MONEY = ("tenure", "days_since", "days_to", "gap"), ("sum", "sum_change", "price_per_seat")


def risk_of(tested: Backtest, risks: pd.DataFrame, group: int) -> Fact:
    """Share of a group by risk, counted from 1, who left; `risks` as `Backtest.by_risk`."""
    row = risks.iloc[group - 1]
    definition = f"leavers / customers, among those in tenth {group} by predicted risk"
    counts, source = {"n": int(row["n"]), "count": int(row["left"])}, "backtest(...).by_risk()"
    share = Estimate.in_row(row, "share", definition, tested.conf_level, **counts)
    return Fact.of(f"risk.{group}", share, source)


def predicted_of(risks: pd.DataFrame, group: int) -> Fact:
    """Mean predicted risk of a group by risk, counted from 1; `risks` as `Backtest.by_risk`."""
    row, definition = risks.iloc[group - 1], f"mean predicted risk in tenth {group} by predicted risk"
    numbers = float(row["predicted"]), "share", definition
    return Fact(f"risk.{group}.predicted", *numbers, n=int(row["n"]), source="backtest(...).by_risk()")


@dataclass(frozen=True, eq=False)
class ListFacts:
    """Facts about a test of a churn model, and about the list made with it.

    Parameters
    ----------
    tested : Backtest
    listed : ContactList
    disclosure : Disclosure
        What may be told of groups by risk.
    """

    tested: Backtest
    listed: ContactList
    disclosure: Disclosure

    @cached_property
    def calls(self) -> Calls:
        """Lists as they would have been made."""
        return self.tested.calls()

    def metric(self, name: str, unit: str = "ratio") -> Fact:
        """A figure of the test."""
        frame = self.tested.to_frame()
        row = frame[(frame["metric"] == name) & (frame["model"] == self.tested.models[0])].iloc[0]
        numbers = float(row["value"]), unit, f"{name}: {self.tested.definition}"
        limits = float(row["ci_lower"]), float(row["ci_upper"])
        return Fact(f"test.{name}", *numbers, *limits, self.tested.conf_level, source="backtest(...).to_frame()")

    @property
    def tells(self) -> bool:
        """Whether the model surely tells more than chance."""
        return self.metric("auc").ci_lower > 0.5

    @cached_property
    def hit(self) -> Fact:
        """Of those on the lists, still there when the horizon began, the share who left."""
        return Fact.of("list.leaving", self.calls.leaving, "backtest(...).calls().leaving")

    @cached_property
    def miss(self) -> Fact:
        """Of all calls, the share in vain."""
        return Fact.of("list.wrong", self.calls.vain, "backtest(...).calls().vain")

    @cached_property
    def found(self) -> Fact:
        """Of those who left, the share who were on a list."""
        return Fact.of("list.found", self.calls.found, "backtest(...).calls().found")

    @cached_property
    def missed(self) -> Fact:
        """Of those who left, the share who were on no list."""
        rest = replace(self.calls.found.complement(), definition="leavers who were on no list / all leavers")
        return Fact.of("list.missed", rest, self.found.source)

    @cached_property
    def anyone(self) -> Fact:
        """Of all customers still there when the horizon began, the share who left."""
        return Fact.of("base", self.calls.anyone, "backtest(...).calls().anyone")

    @cached_property
    def past(self) -> Fact:
        """What a list brought, on average over the tested dates."""
        return self.metric("profit", "money")

    @cached_property
    def expected(self) -> Fact:
        """What the list of the last date is expected to bring, if the probabilities are right."""
        own = replace(self.listed.expected, n=len(self.listed.customer), definition=self.listed.definition)
        return Fact.of("list.expected", own, "contact_list(...).expected", "money")

    @cached_property
    def kept(self) -> Fact:
        """Of what past lists were expected to bring, the share they brought."""
        promised, brought = float(self.calls.expected.sum()), float(self.calls.money.sum())
        share = brought / promised if promised > 0 else float("nan")
        definition = "money that the lists of tested dates would have brought / money expected of them on the day"
        return Fact("list.kept", share, "share", definition, source="backtest(...).calls().to_frame()")

    @cached_property
    def risks(self) -> pd.DataFrame:
        """Groups of customers by predicted risk: what was predicted, what happened."""
        return self.tested.by_risk(groups=GROUPS)

    @property
    def few_left(self) -> bool:
        """Whether so few left in one of the groups by risk that it is not told."""
        return bool(self.disclosure.few(self.risks["left"]).any())

    def risk(self, group: int) -> Fact:
        """Share of a group by risk, counted from 1, who left."""
        return risk_of(self.tested, self.risks, group)

    @property
    def lower_half(self) -> Fact:
        """Share who left of the half with the lower risk."""
        frame = self.risks.head(GROUPS // 2)
        left, n = int(frame["left"].sum()), int(frame["n"].sum())
        definition, share = (
            "leavers / customers, among the half with the lower predicted risk",
            left / n if n else np.nan,
        )
        return Fact("risk.lower", share, "share", definition, n=n, count=left, source="backtest(...).by_risk()")

    @cached_property
    def announced(self) -> Fact:
        """Leavers that the probabilities add up to, among the tested."""
        total = float((self.risks["predicted"] * self.risks["n"]).sum())
        return Fact("risk.announced", total, "customers", "sum of the predicted probabilities", source="by_risk()")

    @cached_property
    def happened(self) -> Fact:
        """Leavers among the tested."""
        total = int(self.risks["left"].sum())
        return Fact("risk.happened", total, "customers", "customers who left", source="by_risk()")

    @property
    def calibrated(self) -> bool:
        """Whether as many left as announced, at all heights of the risk."""
        slope = self.metric("calibration_slope")
        near = abs(self.announced.value / max(self.happened.value, 1) - 1) <= 0.1
        return near and slope.ci_lower <= 1.05 and slope.ci_upper >= 0.95


def levers(moved: Drivers) -> pd.DataFrame:
    """The strongest drivers."""
    frame = moved.to_frame()
    return frame[frame["effect"] > 0].head(SHOWN)


def lever(moved: Drivers, row: pd.Series[Any]) -> Fact:
    """By how much a group of features moves the risk."""
    name, definition = f"driver.{row['feature']}", f"{row['feature']}: {moved.definition}"
    return Fact.of(name, Estimate.in_row(row, "effect", definition, moved.conf_level), "drivers(...).to_frame()")


def lever_name(seen: Snapshots, voice: Voice, feature: str, example: str = "") -> str:
    """A feature in words; an attribute of example data as every other chapter calls it."""
    meaning = _meaning(seen, feature)
    own = Names(voice, example).own_attribute(meaning.column) if meaning.measure == "attribute" else ""
    return upper_first(own) or feature_name(meaning, voice.lang)


def lever_values(seen: Snapshots, voice: Voice, row: pd.Series[Any], example: str = "") -> str:
    """Values that go with high and with low risk: "hohes Risiko: 27 Tage, niedriges: 345 Tage"."""
    high, low = (
        feature_value(seen, voice, row[f"value_{end}"], row["feature"], example, name=f"driver.{row['feature']}.{end}")
        for end in ("high", "low")
    )
    if high == low or DASH in (high, low):
        return ""
    return voice.say("churn.driver.values", high=high, low=low)


def _meaning(seen: Snapshots, feature: str) -> Feature:
    return {one.name: one for one in seen.meanings}[feature]


def feature_value(
    seen: Snapshots, voice: Voice, value: Any, feature: str, example: str = "", *, name: str = "driver.value"
) -> str:
    """A feature's value as a reader expects it, with its unit.

    Parameters
    ----------
    seen : Snapshots
    voice : Voice
    value : object
    feature : str
        One of the features of the snapshots.
    example : str
        Key of example data, whose levels have names in both languages; else empty.
    name : str
        Of the fact that a number becomes.
    """
    if pd.isna(value):
        return DASH
    if _yes_or_no(seen, feature):
        return voice.say("churn.yes" if value else "churn.no")
    meaning = _meaning(seen, feature)
    if not isinstance(value, (int, float, np.number)):
        word = {"yes": "churn.yes", "no": "churn.no"}.get(str(value).casefold())
        return voice.say(word) if word else Names(voice, example).level(meaning.column, str(value))
    number = float(value)
    definition = f"a value of {feature} that is typical of a high or a low risk"
    if meaning.measure in _IN_MONEY or meaning.column in MONEY:
        return voice.tell(Fact(name, number, "money", definition))
    if meaning.column == "discount" and abs(number) <= 1:
        return voice.tell(Fact(name, number, "share", definition), "whole")
    short = round(number, 0 if abs(number) >= 10 else 1)
    written = voice.tell(Fact(name, short, "count", definition), "short")
    if meaning.measure in _IN_DAYS:
        unit = "months" if meaning.table == "customers" else "days"
        return voice.catalogue.text(f"churn.value.{unit}", 1 if number == 1 else 2, n=written)
    return written


def _yes_or_no(seen: Snapshots, feature: str) -> bool:
    values = seen.features[feature].dropna()
    return pd.api.types.is_numeric_dtype(values.dtype) and bool(values.isin([0, 1]).all())


def leak_text(leak: Leak, voice: Voice) -> str:
    """How a column shows the outcome; levels of few customers, such as dates, are not named."""
    column = upper_first(named(leak.column))
    if leak.check not in ("level", "ever"):
        return voice.say(f"leaks.{leak.check}", column=column)
    enough = [
        named(level) if level != "(missing)" else voice.say("leaks.missing")
        for level, n in zip(leak.levels, leak.counts, strict=True)
        if not voice.disclosure.hides(n)
    ][:_LEVELS]
    if not enough:
        return voice.say(f"leaks.{leak.check}.many", column=column, listed=voice.customers(int(leak.value)))
    levels = ", ".join(enough) + ", ..." * (len(enough) < len(leak.levels))
    return voice.say(f"leaks.{leak.check}", column=column, levels=levels, listed=voice.customers(int(leak.value)))
