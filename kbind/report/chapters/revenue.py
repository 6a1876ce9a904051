"""Chapter 01b: how much recurring revenue stays, and where it goes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.facts.revenue import movements
from kbind.hearsay.claims_checked import Claims
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Scope, Story, enough, last_day, sureness, voice_of
from kbind.report.chapters.claims import claims_story
from kbind.report.chapters.value import ValueStory, value_story
from kbind.revenue.definitions import PRESETS
from kbind.revenue.retention_value import RetentionValue, retention_value
from kbind.revenue.revenue_retention import RevenueRetention, retention_of, revenue_retention
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: The figure shows quarters if it has so many of them, else months.
_QUARTERS = 6
#: One point of retention.
POINT = 0.01
#: Months that price, churn and new customers are averaged over.
RECENT = 12
#: What the vendors call themselves.
_NAMES = {"chartmogul": "ChartMogul", "baremetrics": "Baremetrics", "stripe": "Stripe"}


@dataclass(frozen=True, eq=False)
class RevenueStory(Story):
    """Facts and sentences about recurring revenue.

    Parameters
    ----------
    data : Dataset
        What it is about.
    long : mapping of str to RevenueRetention
        By preset: the long windows that the answer is given for.
    steps : RevenueRetention
        Shorter windows, for the figure.
    months : RevenueRetention
        By month.
    voice : Voice
        Who speaks.
    claims : Claims or None
        What articles claim, held against the data.
    """

    asks = "revenue.question"

    data: Dataset
    long: Mapping[str, RevenueRetention]
    steps: RevenueRetention
    months: RevenueRetention
    voice: Voice = field(repr=False)
    claims: Claims | None = None

    def scope(self) -> Scope:
        """Who and when it is about."""
        moved = self.months.movements
        return Scope(self.customers, "subscriptions", moved.calendar.starts[0], last_day(moved.provenance.as_of))

    @cached_property
    def customers(self) -> int:
        """Customers who paid at the start of the recorded time or began to later."""
        moved = self.months.movements
        return int(moved.n_opening.sum() + moved.counts["new"].sum())

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The long windows, by the standard definitions."""
        return self.long["standard"].to_frame()

    def rate(self, figure: str, preset: str = "standard") -> Fact:
        """A rate of the last long window, by a preset."""
        result = self.long[preset]
        row, moved = result.to_frame().iloc[-1], result.movements
        name, unit = f"revenue.{figure}.{preset}", "ratio" if figure == "quick_ratio" else "share"
        gone = int(moved.counts["churn"][0, -1]) if figure == "logo_churn" else None
        source = f"revenue_retention(data, period={moved.calendar.period!r}, definition={preset!r})"
        told = result.definition, result.conf_level
        return Fact.of(name, Estimate.in_row(row, figure, *told, n=int(row["n_start"]), count=gone), source, unit)

    def moved(self, kind: str) -> Fact:
        """Revenue that moved in the last long window; negative movements count as positive amounts."""
        result = self.long["standard"]
        count = int(result.movements.counts[kind][0, -1])
        source = f"revenue_retention(...).to_frame(), {kind}"
        definition = f"monthly revenue of {kind} between the two ends of the window"
        amount = float(self.frame[kind].iloc[-1])
        return Fact(f"revenue.{kind}", amount, "money", definition, count=count, source=source)

    @cached_property
    def lost(self) -> Fact:
        """Revenue that customers who were there at the start no longer pay, less what they pay more."""
        parts = {name: self.moved(name) for name in ("churn", "contraction", "expansion")}
        gap = parts["churn"].value + parts["contraction"].value - parts["expansion"].value
        definition = "churn + contraction - expansion between the two ends of the window"
        return Fact("revenue.gap", abs(gap), "money", definition, source="revenue_retention(...).to_frame()")

    @cached_property
    def churn(self) -> Estimate:
        """Share of the paying customers who are gone a month later, over the last months."""
        frame, counts = self.months.to_frame().tail(RECENT), self.months.movements.counts["churn"][0]
        definition = "customers gone at the end of a month, divided by those paying at its start, over the last months"
        seen = int(frame["n_start"].sum())
        gone = int(counts[: self.months.movements.calendar.lived][-RECENT:].sum())
        return rate_of(gone, seen, self.months.conf_level, definition)

    def worth(self) -> RetentionValue | None:
        """What a point of retention is worth with the price, churn and new customers of the last months.

        None where nobody has said what the margin is, or where less than a point of the customers leaves.
        """
        card = self.data.card
        frame = self.months.to_frame()
        counts = {name: self.months.movements.counts[name][0] for name in ("new", "reactivation", "churn")}
        last = int(self.months.movements.n_start()[0, len(frame) - 1] + sum(
            sign * counts[name][len(frame) - 1] for name, sign in (("new", 1), ("reactivation", 1), ("churn", -1))
        ))  # fmt: skip
        if card.margin is None or not last or not self.churn.value >= POINT:
            return None
        return retention_value(
            customers=last,
            price=float(frame["end_mrr"].iloc[-1]) / last,
            margin=card.margin,
            churn=self.churn,
            acquisition_cost=card.acquisition_cost,
        ).assuming(gained=float(counts["new"][: len(frame)][-RECENT:].mean()))

    @cached_property
    def value(self) -> ValueStory | None:
        """What a point of retention is worth, if that can be told."""
        worth = self.worth()
        return value_story(worth, voice=self.voice) if worth else None

    # -- sentences -----------------------------------------------------------------------------------

    @property
    def when(self) -> str:
        """The long window: "im Jahr 2024"."""
        calendar = self.long["standard"].movements.calendar
        last = len(self.frame) - 1
        # a voice of its own, because the chapter's speaks of months
        name = Voice(self.voice.lang, period=calendar.period).period_name(calendar.starts[last], calendar.labels[last])
        return self.say(f"revenue.when.{calendar.period}", name=name)

    def finding(self) -> str:
        """The answer in one sentence."""
        grr, nrr = self.rate("grr"), self.rate("nrr")
        if not self.told(grr, nrr):
            return self.say("revenue.finding.few")
        more = "more" if round(nrr.value, 2) > round(grr.value, 2) else "same"
        return self.say(f"revenue.finding.{more}", when_upper=upper_first(self.when), grr=grr, nrr=nrr)

    def means(self) -> str:
        """What the answer means."""
        facts = {name: self.moved(name) for name in ("churn", "contraction", "expansion")}
        if not self.told(*facts.values()):
            return self.say("revenue.means.few")
        key = "revenue.means.gap" if self.rate("nrr").value < 1 else "revenue.means.gain"
        return self.say(key, gap=self.lost, **facts)

    def act(self) -> str:
        """What a manager should do."""
        churn, less = self.moved("churn"), self.moved("contraction")
        if not self.told(churn, less):
            return self.say("revenue.act.few")
        first = self.say("revenue.act.leaving" if churn.value >= less.value else "revenue.act.less")
        return f"{first} {self.value.finding()}" if self.value else first

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        grr = self.rate("grr")
        if not self.told(grr) or math.isnan(grr.ci_lower):
            return self.say("revenue.certainty.few")
        return self.say(f"revenue.certainty.{sureness(grr)}", grr=grr)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Revenue that stayed, the same with raises, and customers who left."""
        names = ("grr", "nrr") if self.value else ("grr", "nrr", "logo_churn")
        labels = {name: self.say(f"revenue.tile.{name}", when=self.when) for name in names}
        tiles = self.tiles_of(*((self.rate(name), label, "revenue.tile.note") for name, label in labels.items()))
        return [*tiles, self.value.tile()] if self.value else tiles

    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""
        lines = [self.say(f"revenue.foot.{key}") for key in ("grr", "nrr", "instants", "intervals")]
        moved = self.months.movements
        n, revenue = int(moved.n_open[:, -1].sum()), float(moved.open[:, -1].sum()) / moved.scale
        if n and not self.hides(n):
            money = Fact("revenue.open", revenue, "money", "monthly revenue of contracts that have ended", count=n)
            lines.append(self.say("revenue.foot.open", n=self.voice.customers(n, dative=True), money=money))
        return [*lines, *(self.value.definitions() if self.value else ())]

    def moves_title(self) -> str:
        """Finding of the figure: what makes revenue grow or fall."""
        first, last = self.frame["start_mrr"].iloc[-1], self.frame["end_mrr"].iloc[-1]
        if self.rate("nrr").value >= 1:
            return self.say("revenue.moves.old")
        return self.say("revenue.moves.new" if last > first else "revenue.moves.falls")

    def moves_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of movements."""
        return self.drawn(self.moves_title, (fact for facts in movements(self.steps).values() for fact in facts))

    def moves_caption(self) -> str:
        """How to read the figure and what could mislead."""
        return self.say(f"revenue.moves.caption.{self.steps.movements.calendar.period}")

    def worth_title(self) -> str:
        """Heading where the worth of a point cannot be told."""
        return self.say("revenue.worth.title")

    def worth_missing(self) -> str:
        """What it would take to tell it."""
        return self.say("revenue.worth.margin" if self.data.card.margin is None else "revenue.worth.churn")

    # -- tables --------------------------------------------------------------------------------------

    def presets_table(self) -> Table:
        """The same window by four sets of definitions."""
        figures, rows = ("grr", "nrr", "logo_churn", "quick_ratio"), []
        for preset in PRESETS:
            facts = [self.rate(figure, preset) for figure in figures]
            cells = [self.tell(fact) if not np.isnan(fact.value) else DASH for fact in facts]
            rows.append((_NAMES.get(preset) or self.say("revenue.preset.standard"), *cells))
        return self.table_of("revenue.table.{}", ("preset", *figures), rows, when=self.when)

    def presets_note(self) -> str:
        """What the table is good for."""
        return self.say("revenue.table.note")

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        yield self.picture(self.steps, self.moves_figure(), self.moves_caption())
        presets = self.presets_table()
        yield Section(presets.title, [self.presets_note()], presets)
        if self.value:
            yield from self.value.blocks()
        else:
            yield Section(self.worth_title(), [self.worth_missing()])
        if self.claims:
            yield from claims_story(self.data, self.claims, voice=self.voice).blocks()


#: By preset the long windows that the answer is given for; shorter windows for the figure; months.
Results = tuple[Mapping[str, RevenueRetention], RevenueRetention, RevenueRetention]


def results_of(data: Dataset) -> Results:
    """What the chapter tells of a data set.

    Raises
    ------
    ArgumentError
        No contracts with revenue, or no month that is over.
    """
    months = revenue_retention(data, period="month")
    longer = ("quarter", "year") if months.movements.calendar.lived >= 3 else ()
    results = [months, *(enough(revenue_retention, data, period=period) for period in longer)]  # None: none is over
    longest = [result for result in results if result is not None][-1]
    moved, level = longest.movements, longest.conf_level
    long = {preset: longest if preset == "standard" else retention_of(moved, preset, level) for preset in PRESETS}
    quarters = results[1] if longer else None
    steps = quarters if quarters is not None and quarters.movements.calendar.lived >= _QUARTERS else months
    return long, steps, months


def revenue_story(
    data: Dataset,
    results: Results | None = None,
    claims: Claims | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> RevenueStory:
    """The story of a data set's recurring revenue, in a language, silent about fewer customers than the threshold."""
    return RevenueStory(data, *(results or results_of(data)), voice_of(data, lang, threshold), claims)


class RevenueChapter(Chapter):
    """How much recurring revenue stays, and what a point of retention is worth."""

    name = "01b_revenue_and_value"
    needs = (("subscriptions.mrr",),)

    def compute(self) -> None:
        """Movements of revenue, and claims of articles."""
        self.results, self.claims = results_of(self.data), self.study.claims

    def story(self, lang: str) -> RevenueStory:
        """The results in the words of a language."""
        return revenue_story(self.data, self.results, self.claims, lang=lang, threshold=self.study.threshold)
