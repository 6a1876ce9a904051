"""Chapter 01d, for purchases without contracts: what customers bring, and when silence means that they are gone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.facts.shop import BEARABLE, alarm_curve, brought, false_alarms, row_fact
from kbind.hearsay.claims_checked import Claims
from kbind.orders.lapse import Lapse, lapse
from kbind.orders.purchases import Purchases, purchases
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Lead, Line, Scope, Story, last_day, needed, sureness, voice_of
from kbind.report.chapters.claims import claims_story
from kbind.spells.silence import SILENCE, silence_of
from kbind.text.facts import Fact
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: Days within which buying again counts, and after which an alarm is judged.
WITHIN = 90
#: Silences that have to be judged before a share of them is told.
JUDGED = 20
#: An age is told of if so many customers have lived it.
SOLID = 50
#: Rows a manager's table has at most.
TABLE_ROWS = 8
STATUSES = ("active", "at_risk", "lapsed", "too_few")


@dataclass(frozen=True, eq=False)
class ShopStory(Story):
    """Facts and sentences about customers who buy without a contract.

    Parameters
    ----------
    data : Dataset
        What it is about.
    bought : Purchases
        What customers bought, by month of age.
    rule : Lapse
        When silence counts as loss.
    voice : Voice
        Who speaks.
    since : date or None
        Customers first seen earlier are left out of what new customers buy.
    claims : Claims or None
        What articles claim, held against the data.
    """

    asks = "shop.question"

    data: Dataset
    bought: Purchases
    rule: Lapse
    voice: Voice = field(repr=False)
    since: date | None = None
    claims: Claims | None = None

    def scope(self) -> Scope:
        """Who and when it is about."""
        first = self.data.wall_clock(needed(self.data.tables["events"].span)[0]).date()
        everybody = int(sum(self.status(name).value for name in STATUSES))
        return Scope(everybody, "events", first, last_day(self.data.as_of))

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def ages(self) -> pd.DataFrame:
        """Revenue per new customer by age, as far as enough customers have lived it."""
        frame = self.bought.pooled()
        return frame[frame["at_risk"] >= SOLID].reset_index(drop=True)

    @cached_property
    def again(self) -> Fact:
        """Share of new customers who buy a second time in time."""
        row = self.bought.repeat(f"{WITHIN}D").iloc[0]
        definition = f"new customers with a second order within {WITHIN} days, divided by those followed that long"
        return row_fact("shop.again", row, "rate", "share", definition, "at_risk", count="repeated")

    def brought(self, age: int) -> Fact:
        """Revenue per new customer up to and including an age."""
        return brought(self.ages, age)

    @property
    def oldest(self) -> int:
        """The oldest age that is told of; -1 if there is none."""
        return int(self.ages["age"].max()) if len(self.ages) else -1

    @cached_property
    def curve(self) -> pd.DataFrame:
        """False alarms by the silence after which the rule speaks, as far as enough of them could be judged."""
        return alarm_curve(self.rule, JUDGED)

    def false_alarms(self, floor: int) -> Fact:
        """Share of past alarms that were false, for a silence of so many days."""
        return false_alarms(self.curve, floor)

    def _mostly_right(self) -> pd.Series[bool]:
        """Of every silence that could be judged, whether most alarms after it are right."""
        return self.curve.set_index("floor")["false_alarm_rate"] <= BEARABLE

    @cached_property
    def standard(self) -> int | None:
        """The silence that the rule was run with, or the longest shorter one that could be judged."""
        floors = [int(floor) for floor in self.curve["floor"]]
        wanted = [floor for floor in floors if floor <= self.rule.rule.floor]
        return wanted[-1] if wanted else floors[0] if floors else None

    def status(self, name: str) -> Fact:
        """Customers in a status."""
        row = self.rule.to_frame().iloc[0]
        definition = f"customers who are {name} by the rule"
        return Fact(f"shop.status.{name}", float(row[f"n_{name}"]), "customers", definition, source="lapse(...)")

    def _wait(self, order: int, days: float) -> Fact:
        definition = "days until half of the customers of an order have bought again (Kaplan-Meier)"
        return Fact(f"shop.wait.{order}", days, "count", definition, source="purchases(...).waiting((0.5,))")

    # -- sentences -----------------------------------------------------------------------------------

    def _days(self, days: int) -> str:
        return self.voice.number(days)

    def finding(self) -> str:
        """The answer in one sentence."""
        if not self.told(self.again) or self.oldest < 0:
            return self.say("shop.finding.few")
        facts = {"again": self.again, "brought": self.brought(self.oldest)}
        return self.say("shop.finding", days=self._days(WITHIN), after=self.voice.after(self.oldest + 1), **facts)

    def means(self) -> str:
        """What the answer means."""
        if self.standard is None:
            return self.say("shop.means.few")
        false = self.false_alarms(self.standard)
        return self.say("shop.means", floor=self._days(self.standard), days=self._days(WITHIN), false=false)

    def act(self) -> str:
        """What a manager should do."""
        if self.standard is None:
            return self.say(self._lack(), days=self._days(SILENCE + WITHIN))
        key = "shop.act.wait" if self._mostly_right()[self.standard] else "shop.act.never"
        return self.say(key, floor=self._days(self.standard))

    def _lack(self) -> str:
        """What it takes to judge silences: more time, or more customers who come regularly."""
        days = (needed(self.scope().last) - needed(self.scope().first)).days
        return "shop.act.young" if days < SILENCE + WITHIN else "shop.act.few"

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if not self.told(self.again) or math.isnan(self.again.ci_lower):
            return self.say("shop.certainty.few")
        figure = self.say(f"shop.certainty.{sureness(self.again)}", again=self.again)
        return " ".join([figure, self.say("shop.certainty.step")])

    def tiles(self) -> list[tuple[str, str, str]]:
        """Share who buy again, revenue per new customer, false alarms."""
        tiles = self._of_hundred(self.again, self.say("shop.tile.again", days=self._days(WITHIN)), "shop.tile.note")
        if self.oldest >= 0:
            label = self.say("shop.tile.brought", after=self.voice.after(self.oldest + 1))
            rows = self.tiles_of((self.brought(self.oldest), label, "shop.tile.note.money"))
            tiles += [(self.tell(self.brought(self.oldest), "about"), *row[1:]) for row in rows]
        if self.standard is not None:
            label = self.say("shop.tile.false", floor=self._days(self.standard))
            tiles += self._of_hundred(self.false_alarms(self.standard), label, "shop.tile.note.alarms")
        return tiles

    def _of_hundred(self, fact: Fact, label: str, note: str) -> list[tuple[str, str, str]]:
        """A share as a number of a hundred, if it may be told."""
        rows = self.tiles_of((fact, label, note))
        return [(self.say("shop.tile.of100", fact=fact), *row[1:]) for row in rows]

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters."""
        if self.standard is None:
            return None
        false = self.false_alarms(self.standard)
        level = sureness(false, 0.05, 0.15)
        sure = self.say(f"shop.line.sure.{level}")
        answer = self.say("shop.line.answer", floor=self._days(self.standard), false=false)
        return Line(self.say("shop.line.question"), answer, sure, self.act(), unknown=self.say("shop.line.unknown"))

    def lead(self) -> Lead | None:
        """What new customers bring, as the opening of all chapters."""
        tiles = self.tiles()
        return Lead(self.finding(), self.means(), tiles) if self.told(self.again) and tiles else None

    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""
        days = self._days(WITHIN)
        lines = [self.say(f"shop.foot.{name}", days=days) for name in ("order", "again", "revenue")]
        rule = self.say("shop.foot.lapse", floor=self._days(self.rule.rule.floor))
        lines.append(f"{rule} {silence_text(self.voice, self.data, self.rule.rule.floor)}")
        if self.since is not None:
            lines.append(self.say("shop.foot.since", day=self.voice.day(self.since)))
        return lines

    def revenue_title(self) -> str:
        """Finding of the revenue curve."""
        if self.oldest < 1:
            return self.say("shop.revenue.short")
        first, last = self.brought(0), self.brought(self.oldest)
        return self.say("shop.revenue.title", first=first, last=last, after=self.voice.after(self.oldest + 1))

    def revenue_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of revenue by age."""
        facts = (self.brought(int(age)) for age in self.ages["age"])
        return self.drawn(self.revenue_title, facts, kind="age", least=SOLID)

    def revenue_caption(self) -> str:
        """How to read the revenue curve."""
        return self.say("shop.revenue.caption")

    def lapse_title(self) -> str:
        """Finding of the curve of false alarms."""
        if self.standard is None:
            return self.say("shop.lapse.short")
        right, floor = self._mostly_right(), self._days(self.standard)
        if not right.any():
            return self.say("shop.lapse.never")
        if not right[self.standard]:
            return self.say("shop.lapse.wrong", floor=floor)
        first = bool(right.index[0] < self.standard) and not right[: self.standard - 1].any()
        return self.say("shop.lapse.title" if first else "shop.lapse.right", floor=floor)

    def lapse_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of false alarms."""
        facts = (self.false_alarms(int(floor)) for floor in self.curve["floor"])
        return self.drawn(self.lapse_title, facts, curve=self.curve, mark=self.standard)

    def lapse_caption(self) -> str:
        """How to read the curve of false alarms."""
        return self.say("shop.lapse.caption", days=self._days(WITHIN))

    def status_text(self) -> str:
        """How many customers the rule calls what."""
        known = {name: self.tell(self.status(name)) for name in STATUSES}
        return self.say("shop.status", floor=self._days(self.rule.rule.floor), **known)

    # -- tables --------------------------------------------------------------------------------------

    def orders_table(self) -> Table:
        """Who buys again after each order, and how long that takes."""
        voice = self.voice
        frame = self.bought.repeat(f"{WITHIN}D")
        frame = frame[frame["at_risk"] >= SOLID]
        waits = self.bought.waiting((0.5,)).set_index("after_order")["time"]
        rows = []
        for _, row in frame.head(TABLE_ROWS).iterrows():
            order = int(row["order"])
            fact = row_fact(f"shop.repeat.{order}", row, "rate", "share", "as shop.again", "at_risk", count="repeated")
            wait = self._wait(order, float(waits.loc[order]) if self.told(fact) else math.nan)
            cells = self.tell(fact), self.tell(fact, "range"), self.tell(wait), self.tell(fact, "size")
            rows.append((voice.number(order), *cells))
        names = ("order", "again", "interval", "wait", "size")
        return self.table_of("shop.table.{}", names, rows, days=self._days(WITHIN))

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        yield self.picture(self.bought, self.revenue_figure(), self.revenue_caption())
        yield self.picture(self.rule, self.lapse_figure(), f"{self.lapse_caption()} {self.status_text()}")
        yield Section.of(self.orders_table(), folded=True)
        if self.claims:
            yield from claims_story(self.data, self.claims, voice=self.voice).blocks()


def silence_text(voice: Voice, data: Dataset, days: int | None = None) -> str:
    """Where the length of silence comes from that counts as having left; `days` if it was asked for in a call."""
    rule = silence_of(data)
    origin = rule.origin if days in (None, rule.days) else "given"
    return voice.say(f"silence.origin.{origin}", days=voice.number(rule.days if days is None else days))


#: What new customers bring, when silence counts as loss, and since when customers are new.
Results = tuple[Purchases, Lapse, date | None]


def results_of(data: Dataset) -> Results:
    """What the chapter tells of a data set with `events` and their `amount`."""
    bought, start = purchases(data), None
    if bought.starts_with_recording and bought.calendar.size > 1:
        # most were customers already when recording began, so that their first order is not known
        start = bought.calendar.starts[1]
        bought = purchases(data, since=start)
    return bought, lapse(data), start


def shop_story(
    data: Dataset,
    results: Results | None = None,
    claims: Claims | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> ShopStory:
    """The story of a data set's purchases, in a language, silent about fewer customers than the threshold."""
    bought, rule, since = results or results_of(data)
    return ShopStory(data, bought, rule, voice_of(data, lang, threshold, action="buy"), since, claims)


class ShopChapter(Chapter):
    """What customers without a contract bring, and when silence means that they are gone."""

    name = "01d_shop"
    needs = (("events.amount",),)

    def compute(self) -> None:
        """Purchases and silences; claims of articles, unless the chapter on contracts tells of them."""
        self.results = results_of(self.data)
        self.claims = None if self.data.has("subscriptions.mrr") else self.study.claims

    def story(self, lang: str) -> ShopStory:
        """The results in the words of a language."""
        return shop_story(self.data, self.results, self.claims, lang=lang, threshold=self.study.threshold)
