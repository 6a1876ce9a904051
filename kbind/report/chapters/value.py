"""What a point of retention is worth, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.facts.value import ends, figure_of, name_of, written
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker, sureness
from kbind.revenue.retention_value import VARY, RetentionValue
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Half width of the interval, as a share of the value, up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.1, 0.25
#: Customers that a cost is told for: that of one customer and month is a matter of cents.
CROWD = 100
#: Spans alike up to this share are told of together.
_ALIKE = 1e-6


@dataclass(frozen=True, eq=False)
class ValueStory(Speaker):
    """Facts and sentences about what some points of retention are worth.

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
        """A figure of the result; for money, of so many customers."""
        return figure_of(self.worth, figure, times)

    @cached_property
    def levers(self) -> pd.DataFrame:
        """The sensitivity of the value, the strongest input first."""
        return self.worth.sensitivity()

    # -- sentences -----------------------------------------------------------------------------------

    @property
    def points(self) -> str:
        """The points with their noun: "1 Prozentpunkt"."""
        points = self.worth.inputs.points
        number = self.voice.number(points, 0 if points == round(points) else 1)
        return self.voice.catalogue.text("value.points", 1 if number == "1" else 2, n=number)

    @property
    def span(self) -> str:
        """The horizon: "nach 12 Monaten"."""
        return self.voice.after(self.worth.inputs.horizon)

    def finding(self) -> str:
        """What the points are worth, in one sentence."""
        return self.say("value.finding", points=self.points, after=self.span, value=self.fact("value"))

    def means(self) -> str:
        """The same in customers, and what it would take to win as many instead."""
        facts = {"extra": self.fact("extra_customers"), "replaced": self.fact("acquisitions_replaced")}
        saved = self.fact("acquisition_saved")
        if saved.known:
            return self.say("value.means.cost", after_upper=upper_first(self.span), saved=saved, **facts)
        return self.say("value.means", after_upper=upper_first(self.span), **facts)

    def act(self) -> str:
        """Up to which cost a measure pays."""
        return self.say("value.act", crowd=self.voice.number(CROWD), cost=self.fact("break_even", CROWD))

    def certainty(self) -> str:
        """How sure the value is, and what was assumed."""
        value = self.fact("value")
        if np.isnan(value.ci_lower) or not value.value:
            return self.say("value.certainty.none")
        level = sureness(value, HIGH, MEDIUM, of=value.value)
        return self.say(f"value.certainty.{level}", value=value)

    def tile(self) -> tuple[str, str, str]:
        """Value, what it is, and its interval or horizon, for the opening of a chapter."""
        value = self.fact("value")
        note = self.span if np.isnan(value.ci_lower) else self.tell(value, "interval")
        return self.tell(value, "about"), self.say("value.tile", points=self.points), note

    def tornado_title(self) -> str:
        """Finding of the sensitivity: which inputs the value hangs on most."""
        if self.levers.empty:
            return self.say("value.tornado.nothing")
        low, high = sorted(ends(self.worth, self.levers.iloc[0]), key=lambda fact: fact.value)
        widest = self.levers["span"].iloc[0]
        names = [name_of(p, self.voice) for p in self.levers["parameter"][self.levers["span"] >= widest * (1 - _ALIKE)]]
        return self.say("value.tornado.title", low=low, high=high, parameters=self.voice.listed(names))

    def tornado_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the sensitivity."""
        return self.drawn(
            self.tornado_title, (end for _, row in self.levers.iterrows() for end in ends(self.worth, row))
        )

    def tornado_caption(self) -> str:
        """How to read the sensitivity."""
        return self.say("value.tornado.caption", vary=self.voice.percent(VARY))

    def inputs_table(self) -> Table:
        """What the value was computed from: every input, its limits, and where they come from."""
        given = self.worth.inputs
        rows = []
        for name in ("customers", "gained", "churn", "price", "margin", "acquisition_cost", "discount"):
            value = getattr(given, name)
            if np.isnan(value) or (not value and name in ("gained", "discount")):
                continue
            limits = DASH
            if name in self.worth.ranges:
                low, high = (written(name, limit, self.voice) for limit in self.worth.ranges[name])
                limits = self.voice.between(low, high)
            rows.append((upper_first(name_of(name, self.voice)), written(name, value, self.voice), limits))
        return self.table_of("value.table.{}", ("input", "value", "limits"), rows)

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
        yield self.picture(self.worth, self.tornado_figure(), f"{self.tornado_caption()} {self.act()}")
        yield Section.of(self.inputs_table())


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
