"""What the chapter knows about who is about to leave: its facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.data.dataset import Dataset
from kbind.estimates.churn import Backtest, ContactList, Drivers, Forecast
from kbind.estimates.churn.calls import Calls
from kbind.estimates.leaks import Leak
from kbind.facts.churn import GROUPS, hidden_groups, levers, risk_of
from kbind.statistics.snapshots.moments import LOOK_BACK
from kbind.story.base import Scope
from kbind.story.churn.signs import SignGroup, sign_groups
from kbind.wording import Fact, Voice

#: Leavers among the tested from which on there is something to tell.
ENOUGH = 50


@dataclass(frozen=True, eq=False)
class ChurnFacts:
    """Facts about who is about to leave.

    Parameters
    ----------
    forecast : Forecast
        What was computed.
    voice : Voice
        Who speaks.
    """

    forecast: Forecast
    voice: Voice = field(repr=False)

    @property
    def data(self) -> Dataset:
        """What it is about."""
        return self.forecast.data

    @property
    def dated(self) -> bool:
        """Whether customers were looked at on dates, and not once."""
        return "subscriptions" in self.data.tables or "events" in self.data.tables

    def scope(self) -> Scope:
        """Who and when it is about."""
        log = next(name for name in ("subscriptions", "events", "customers") if name in self.data.tables)
        seen = self.forecast.snapshots
        there = len(seen.customer) if seen is not None else 0
        if seen is not None and self.dated:
            there = int((seen.as_of == seen.as_of.max()).sum())
        as_of, span = self.data.as_of, self.data.tables[log].span
        if as_of is None or span is None or not self.dated:
            return Scope(customers=there, log=log)
        first = self.data.wall_clock(span[0])
        first = max(first, self.data.recorded_from or first)
        last = (pd.Timestamp(as_of) - pd.Timedelta(microseconds=1)).date()
        return Scope(there, log, min(first.date(), last), last)

    # -- what there is -------------------------------------------------------------------------------

    @cached_property
    def short(self) -> bool:
        """Whether too few customers have left, or been seen for long enough, to tell anything."""
        forecast = self.forecast
        return forecast.backtest is None or forecast.contacts is None or self.calls.leavers.sum() < self.enough

    @cached_property
    def left(self) -> int:
        """Departures in the time that could be tested."""
        seen = self.forecast.snapshots
        if self.forecast.backtest is not None and self.forecast.contacts is not None:
            return int(self.calls.leavers.sum())
        return 0 if seen is None else int(np.nansum(seen.target))

    @property
    def least_days(self) -> int:
        """Days that the data have to hold for a test: a look back, the lead and the horizon."""
        seen = self.forecast.snapshots
        return LOOK_BACK + (120 if seen is None else seen.lead + seen.horizon)

    @cached_property
    def lack(self) -> str:
        """Why nothing can be told: "small" number of customers, "young" data, or departures ("short")."""
        seen = self.forecast.snapshots
        if seen is not None and len(set(seen.customer)) < self.enough:
            return "small"
        return "young" if self.dated and (seen is None or not np.isfinite(seen.target).any()) else "short"

    @property
    def enough(self) -> int:
        """Leavers that it takes."""
        return max(ENOUGH, self.voice.disclosure.threshold)

    @property
    def tested(self) -> Backtest:
        """The test of the model."""
        assert self.forecast.backtest is not None
        return self.forecast.backtest

    @property
    def listed(self) -> ContactList:
        """The list of the last date."""
        assert self.forecast.contacts is not None
        return self.forecast.contacts

    @property
    def moved(self) -> Drivers:
        """What moves the risk."""
        assert self.forecast.drivers is not None
        return self.forecast.drivers

    @cached_property
    def calls(self) -> Calls:
        """Lists as they would have been made."""
        return self.tested.calls()

    @property
    def priced(self) -> bool:
        """Whether money is known."""
        return self.forecast.terms is not None and self.forecast.terms.priced

    @cached_property
    def nobody(self) -> bool:
        """Whether contacting nobody is best: the list is empty, or past ones would have cost more than they brought."""
        return self.size == 0 or (self.priced and self.calls.money.sum() <= 0)

    @property
    def tells(self) -> bool:
        """Whether the model surely tells more than chance."""
        return self.metric("auc").ci_lower > 0.5

    @property
    def size(self) -> int:
        """Customers on the list."""
        return len(self.listed.customer)

    # -- facts ---------------------------------------------------------------------------------------

    def metric(self, name: str, unit: str = "ratio") -> Fact:
        """A figure of the test."""
        frame = self.tested.to_frame()
        row = frame[(frame["metric"] == name) & (frame["model"] == self.tested.models[0])].iloc[0]
        definition = f"{name}: {self.tested.definition}"
        limits = float(row["ci_lower"]), float(row["ci_upper"])
        source = "backtest(...).to_frame()"
        level = self.tested.conf_level
        return Fact(f"test.{name}", float(row["value"]), unit, definition, *limits, level, source=source)

    @cached_property
    def hit(self) -> Fact:
        """Of those on the lists, still there when the horizon began, the share who left."""
        return Fact.of_rate("list.leaving", self.calls.leaving, "backtest(...).calls().leaving")

    @cached_property
    def miss(self) -> Fact:
        """Of all calls, the share in vain."""
        return Fact.of_rate("list.wrong", self.calls.vain, "backtest(...).calls().vain")

    @cached_property
    def found(self) -> Fact:
        """Of those who left, the share who were on a list."""
        return Fact.of_rate("list.found", self.calls.found, "backtest(...).calls().found")

    @cached_property
    def missed(self) -> Fact:
        """Of those who left, the share who were on no list."""
        rate = self.calls.found
        m, y = int(rate.denominator), int(rate.denominator - rate.numerator)
        limits, source = (1 - rate.ci_upper, 1 - rate.ci_lower), "backtest(...).calls().found"
        return Fact("list.missed", 1 - rate.value, "share", "leavers who were on no list / all leavers", *limits,
                    rate.conf_level, n=m, count=y, source=source)  # fmt: skip

    @cached_property
    def anyone(self) -> Fact:
        """Of all customers still there when the horizon began, the share who left."""
        return Fact.of_rate("base", self.calls.anyone, "backtest(...).calls().anyone")

    @cached_property
    def past(self) -> Fact:
        """What a list brought, on average over the tested dates."""
        return self.metric("profit", "money")

    @cached_property
    def expected(self) -> Fact:
        """What the list of the last date is expected to bring, if the probabilities are right."""
        one = self.listed
        source = "contact_list(...).expected"
        return Fact("list.expected", one.expected, "money", one.definition, one.expected_ci_lower,
                    one.expected_ci_upper, 0.95, n=self.size, source=source)  # fmt: skip

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

    @cached_property
    def hidden_groups(self) -> frozenset[int]:
        """Groups of few leavers, and others until none can be computed back from the total, which is told too."""
        return hidden_groups(self.risks, self.voice.disclosure)

    def risk(self, group: int) -> Fact:
        """Share of a group by risk, counted from 1, who left."""
        return risk_of(self.tested, self.risks, group, self.hidden_groups)

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

    @cached_property
    def signs(self) -> list[SignGroup]:
        """The list by its customers' strongest signs."""
        assert self.forecast.snapshots is not None
        return sign_groups(self.listed, self.forecast.snapshots, max(self.voice.disclosure.threshold, 2))

    @cached_property
    def levers(self) -> pd.DataFrame:
        """The strongest drivers."""
        return levers(self.moved)

    @property
    def dates(self) -> int:
        """Tested dates."""
        return len(self.calls.as_of)

    # -- columns that know the outcome -----------------------------------------------------------------

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Columns that are proven to know the outcome, and were left out."""
        return self.forecast.leaks

    @property
    def chosen(self) -> str:
        """The kind of model that the list is made with."""
        return self.forecast.model.chosen if self.forecast.model is not None else ""

    def told(self, fact: Fact) -> bool:
        """Whether a fact is known and may be told."""
        return self.voice.disclosure.fact(fact).known

    @property
    def consented(self) -> bool:
        """Whether the data says who may be contacted, and not everybody may."""
        return self.listed.n_contactable < self.listed.n_customers

    @property
    def surely_worth(self) -> bool:
        """Whether past lists surely brought more than they cost."""
        return bool(self.past.ci_lower > 0)
