"""What one more of a hundred customers who stay each year is worth, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.facts.value import ends, figure_of, input_of, name_of, written
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker
from kbind.revenue.retention_value import RetentionValue
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.marks import plain
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Customers that a cost is told for.
CROWD = 100
#: Periods that make a year.
PER_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}


@dataclass(frozen=True, eq=False)
class ValueStory(Speaker):
    """Facts and sentences about what it is worth that more of a hundred customers stay each year.

    Parameters
    ----------
    worth : RetentionValue
        What was computed.
    voice : Voice
        Who speaks; its period is the one that churn and price belong to.
    """

    worth: RetentionValue
    voice: Voice = field(repr=False)

    # -- facts ---------------------------------------------------------------------------------------

    def fact(self, figure: str, times: float = 1) -> Fact:
        """A figure of the result, with its range; for money, of so many customers."""
        return figure_of(self.worth, figure, times)

    @cached_property
    def levers(self) -> pd.DataFrame:
        """How far the value moves with each input that is known with limits only, the strongest first."""
        levers = self.worth.sensitivity()
        return levers[levers["known"] == "interval"].reset_index(drop=True)

    # -- sentences -----------------------------------------------------------------------------------

    @property
    def points(self) -> str:
        """How many more of a hundred stay a year: "one more of every 100 customers"."""
        given, periods = self.worth.inputs, PER_YEAR[self.voice.period]
        more = 100 * ((1 - given.churn + given.fall) ** periods - (1 - given.churn) ** periods)
        number = self.voice.short(more, 1)
        words = {name: self.voice.word(name) for name in ("customers", "customers_dative")}
        return self.voice.catalogue.text("value.points", 1 if plain(number) == "1" else 2, n=number, **words)

    @property
    def span(self) -> str:
        """The horizon: "nach 12 Monaten"."""
        return self.voice.after(self.worth.inputs.horizon)

    @property
    def within(self) -> str:
        """The horizon of a sum: "im ersten Jahr", or "nach 18 Monaten"."""
        return self.say("value.year") if self.worth.inputs.horizon == PER_YEAR[self.voice.period] else self.span

    @property
    def inputs(self) -> str:
        """The inputs that the range is about, in a row of words."""
        return self.voice.listed([self.say(f"value.short.{name}") for name in self.levers["parameter"]])

    def finding(self) -> str:
        """What the points are worth, in one sentence."""
        value = self.fact("value")
        limits = "" if np.isnan(value.ci_lower) else f" ({self.tell(value, 'interval')})"
        return self.say("value.finding", points=self.points, within=self.within, value=value, limits=limits)

    def means(self) -> str:
        """The same in customers, and what it would take to win as many instead."""
        facts = {"extra": self.fact("extra_customers"), "replaced": self.fact("acquisitions_replaced")}
        saved = self.fact("acquisition_saved")
        if saved.known:
            key = "value.means.cheaper" if saved.value < self.fact("value").value else "value.means.cost"
            return self.say(key, after_upper=upper_first(self.span), saved=saved, **facts)
        return self.say("value.means", after_upper=upper_first(self.span), **facts)

    def act(self) -> str:
        """Up to which cost a measure pays: what it brings, or what winning as many costs where that is less."""
        cost, key = self.fact("value_per_customer", CROWD), "value.act"
        saved, value = self.fact("acquisition_saved"), self.fact("value")
        if saved.known and 0 < saved.value < value.value:
            meaning = "what winning as many new customers costs a year, for so many customers reached"
            cost, key = (
                Fact("value.limit", cost.value * saved.value / value.value, "money", meaning),
                "value.act.cheaper",
            )
        return self.say(key, points=self.points, crowd=self.voice.number(CROWD), cost=cost)

    def certainty(self) -> str:
        """Between which amounts the value lies and on what that hangs, and that no measure was tried."""
        value = self.fact("value")
        if np.isnan(value.ci_lower) or not value.value:
            return self.say("value.certainty.none")
        return self.say("value.certainty", value=value, inputs=self.inputs)

    def tile(self) -> tuple[str, str, str]:
        """Value, what it is, and its range or horizon, for the opening of a chapter."""
        value = self.fact("value")
        note = self.span if np.isnan(value.ci_lower) else self.say("value.tile.note", value=value, inputs=self.inputs)
        label = self.labelled(self.say("value.tile", points=self.points, within=self.within), value)
        return self.tell(value, "about"), label, note

    def title(self) -> str:
        """Heading of what the points are worth."""
        return self.say("value.title", points=self.points, within=self.within, value=self.fact("value"))

    def inputs_table(self) -> Table:
        """What the value was computed from: every input, its limits, and what the value would be at these."""
        given, moved = self.worth.inputs, self.levers.set_index("parameter")
        rows = []
        for name in ("customers", "gained", "churn", "price", "margin", "acquisition_cost", "discount"):
            value = getattr(given, name)
            if np.isnan(value) or (not value and name in ("gained", "discount")):
                continue
            self.voice.note(input_of(self.worth, name))
            limits, worth = DASH, DASH
            if name in self.worth.ranges:
                low, high = (written(name, limit, self.voice) for limit in self.worth.ranges[name])
                limits = self.voice.between(low, high)
            if name in moved.index:
                both = ends(self.worth, self.levers[self.levers["parameter"] == name].iloc[0])
                low, high = (self.tell(end, "about") for end in sorted(both, key=lambda end: end.value))
                worth = low if plain(low) == plain(high) else self.voice.between(low, high)
            rows.append((upper_first(name_of(name, self.voice)), written(name, value, self.voice), limits, worth))
        return self.table_of("value.table.{}", ("input", "value", "limits", "worth"), rows)

    def definitions(self) -> Sequence[str]:
        """How it was computed, in plain words."""
        given = self.worth.inputs
        lines = [self.say("value.foot.course"), self.say("value.foot.replaced")]
        if given.discount:
            lines.append(self.say("value.foot.discount", rate=self.voice.percent(given.discount, 1)))
        if not self.voice.currency:
            lines.append(self.say("value.foot.currency"))
        return lines

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it."""
        yield Section(self.title(), [self.means(), self.certainty()])
        yield Section.of(self.inputs_table(), folded=True)


def value_story(
    worth: RetentionValue,
    *,
    period: str = "month",
    currency: str = "",
    customer: str = "customer",
    lang: str = "en",
    voice: Voice | None = None,
    threshold: int = 5,
) -> ValueStory:
    """The story of what points of retention are worth, in a language.

    Parameters
    ----------
    worth : RetentionValue
        What was computed.
    period : {"day", "week", "month", "quarter", "year"}
        The period that its churn and price belong to.
    currency : str
        Code of the currency of its money, such as `data.card.currency`; empty if not known.
    customer : {"customer", "household"}
        What a customer is called, such as `data.card.customer`.
    lang : {"de", "en"}
        Language.
    voice : Voice, optional
        Who speaks, instead of the last four.
    threshold : int
        Smallest number of customers that is told.
    """
    speak = voice or Voice(
        lang, customer=customer, action="stay", period=period, disclosure=Disclosure(threshold), currency=currency
    )
    return ValueStory(worth, speak)
