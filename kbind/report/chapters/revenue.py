"""Chapter 01b: what is lost of the recurring revenue in a year, and whether it grows all the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.facts.revenue import YEAR, YearOfRevenue, movements, rate_of_window
from kbind.hearsay.claims_checked import Claims
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Lead, Scope, Story, enough, last_day, sureness, voice_of
from kbind.report.chapters.claims import claims_story
from kbind.report.chapters.value import ValueStory, value_story
from kbind.revenue.definitions import PRESETS
from kbind.revenue.retention_value import RetentionValue, retention_value
from kbind.revenue.revenue_retention import RevenueRetention, retention_of, revenue_retention
from kbind.revenue.value_arithmetic import points_of_year
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: The series of movements shows quarters if it has so many of them, else months.
_QUARTERS = 6
#: By how much a margin that was stated without limits may be off.
MARGIN_OFF = 0.1
#: What the vendors call themselves.
_NAMES = {"chartmogul": "ChartMogul", "baremetrics": "Baremetrics", "stripe": "Stripe"}


@dataclass(frozen=True, eq=False)
class RevenueStory(Story):
    """Facts and sentences about recurring revenue, with amounts of a year.

    Parameters
    ----------
    data : Dataset
        What it is about.
    long : mapping of str to RevenueRetention
        By preset: the long windows that the answer is given for.
    series : RevenueRetention
        Shorter windows, for the figure where the steps of the long one may not be told.
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
    series: RevenueRetention
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
    def facts(self) -> YearOfRevenue:
        """What was counted and estimated."""
        return YearOfRevenue(self.long["standard"], self.months, self.voice.disclosure)

    @cached_property
    def steps(self) -> list[tuple[str, Fact]]:
        """From the revenue at the start of the window to that at its end, with their names; empty if not told."""
        return [(self.say(f"revenue.step.{kind}", name=self.window_name), fact) for kind, fact in self.facts.steps()]

    def worth(self) -> RetentionValue | None:
        """What it is worth if one more of a hundred customers stays each year, by the last months.

        None where nobody has said what the margin is, or where less than one of a hundred leaves in a year.
        """
        card, facts, rule = self.data.card, self.facts, self.voice.disclosure
        churn, customers = rule.estimate(facts.churn), int(rule.rounded(facts.end.count or 0))  # as they are told
        points = points_of_year(churn.value, YEAR)
        if card.margin is None or not customers or math.isnan(points):
            return None
        limits = max(card.margin - MARGIN_OFF, 0.0), min(card.margin + MARGIN_OFF, 1.0)
        return retention_value(
            customers=customers,
            price=facts.prices(),
            margin=(card.margin, *limits),
            churn=churn,
            acquisition_cost=card.acquisition_cost,
            points=points,
            horizon=YEAR,
        ).assuming(gained=float(rule.rounded(facts.gained)))

    @cached_property
    def value(self) -> ValueStory | None:
        """What that is worth, if it can be told."""
        worth = self.worth()
        return value_story(worth, voice=self.voice) if worth else None

    # -- sentences -----------------------------------------------------------------------------------

    @property
    def window_name(self) -> str:
        """The long window: "2024"."""
        calendar = self.long["standard"].movements.calendar
        last = len(self.facts.frame) - 1
        # a voice of its own, because the chapter's speaks of months
        return Voice(self.voice.lang, period=calendar.period).period_name(calendar.starts[last], calendar.labels[last])

    @property
    def kind(self) -> str:
        """What the long window is: "year", "quarter" or "month"."""
        return self.long["standard"].movements.calendar.period

    @property
    def when(self) -> str:
        """The long window with its preposition: "im Jahr 2024"."""
        return self.say(f"revenue.when.{self.kind}", name=self.window_name)

    @property
    def unsettled(self) -> bool:
        """Whether more may have left than are counted, so many that the number of a hundred would be another."""
        facts = self.facts
        if not facts.open.count or not self.told(facts.open, facts.least):
            return False
        return round(100 * facts.least.value) < round(100 * facts.stayed().value)

    def finding(self) -> str:
        """The answer in one sentence or two."""
        left, churn = self.facts.rate("logo_churn"), self.facts.moved("churn")
        if not self.told(left, churn):
            grr = self.facts.rate("grr")
            if not self.told(grr):
                return self.say("revenue.finding.few")
            return self.say("revenue.finding.kept", when_upper=upper_first(self.when), grr=grr)
        key = "revenue.finding.least" if self.unsettled else "revenue.finding.left"
        lost = self.say(key, when_upper=upper_first(self.when), left=left, churn=churn)
        return f"{lost} {self.growth()}" if self.steps else lost

    def growth(self) -> str:
        """Whether revenue grows all the same, and why."""
        facts, words = self.facts, {"new": self.facts.won, "growth": self.facts.growth, **self.won()}
        start, end = facts.start.value, facts.end.value
        if round(facts.growth.value, 2) == 0:
            return self.say("revenue.growth.same", **words)
        if end < start:
            return self.say("revenue.growth.falls" if facts.won.value else "revenue.growth.none", **words)
        return self.say(f"revenue.growth.{'old' if facts.rate('nrr').value >= 1 else 'new'}", **words)

    def won(self) -> dict[str, str]:
        """Who brought what was won: new customers, and those who came back where they are not told of apart."""
        who = self.say("revenue.won.gained" if self.facts.together else "revenue.won.new")
        return {"won": who, "won_upper": upper_first(who)}

    def means(self) -> str:
        """What new customers have to make up for, and what one more of a hundred who stays is worth."""
        facts = {name: self.facts.moved(name) for name in ("churn", "contraction", "expansion")}
        facts["new"] = self.facts.won
        if not self.told(self.facts.rate("grr"), *facts.values()):
            return self.say("revenue.means.few")
        moved = facts["contraction"].value or facts["expansion"].value
        key = "new" if not moved else "gap" if self.facts.rate("nrr").value < 1 else "gain"
        sentence = self.say(f"revenue.means.{key}", gap=self.facts.gap, **facts)
        return f"{sentence} {self.value.finding()}" if self.value else sentence

    def act(self) -> str:
        """What a manager should do."""
        churn, less = self.facts.moved("churn"), self.facts.moved("contraction")
        if not self.told(churn):
            return self.say("revenue.act.few")
        if less.value > churn.value and self.told(less):
            first = self.say("revenue.act.less")
        else:
            first = self.say("revenue.act.which" if self.data.has("customers") else "revenue.act.leaving")
        return f"{first} {self.value.act()}" if self.value else first

    def certainty(self) -> str:
        """How sure the figure is, and how sure it is that a step pays."""
        grr = self.facts.rate("grr")
        if not self.told(grr) or math.isnan(grr.ci_lower):
            return self.say("revenue.certainty.few")
        figure = self.say(f"revenue.certainty.{sureness(grr)}", grr=grr)
        return " ".join([figure, self.say("revenue.certainty.step")])

    def before(self, now: Fact, earlier: Fact, *, sure: bool = True) -> str:
        """The window before in the words of a note, with an arrow where the last one lies on another side of it."""
        if not self.told(earlier):
            return ""
        clear = not now.ci_lower <= earlier.value <= now.ci_upper
        gap = round(100 * now.value) - round(100 * earlier.value)
        arrow = "" if not gap or not sure or not clear else " ▲" if gap > 0 else " ▼"
        return self.say(f"revenue.before.{self.kind}", earlier=earlier, arrow=arrow)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Customers who stayed, revenue that stayed, and what one more of a hundred customers is worth."""
        return [*self._customers_tile(), *self._revenue_tile(), *([self.value.tile()] if self.value else [])]

    def _customers_tile(self) -> list[tuple[str, str, str]]:
        facts, windows = self.facts, len(self.facts.frame)
        stayed, left = facts.stayed(), facts.rate("logo_churn")
        if not self.told(stayed, left):
            return []
        notes = [self.say("revenue.tile.note", fact=stayed)]
        sure = True
        if windows > 1 and self.told(facts.rate("logo_churn", -2)):
            earlier = facts.stayed(-2)
            if self.unsettled:
                sure = (facts.least.value > earlier.value) == (stayed.value > earlier.value)
            notes.append(self.before(stayed, earlier, sure=sure))
        value = self.say("revenue.tile.of100", fact=stayed)
        label = self.labelled(self.say(f"revenue.tile.stayed.{self.kind}", name=self.window_name), stayed)
        return [(value, label, "; ".join(filter(None, notes)))]

    def _revenue_tile(self) -> list[tuple[str, str, str]]:
        facts, grr = self.facts, self.facts.rate("grr")
        if not self.told(grr, facts.rate("logo_churn")):
            return []
        notes = [self.say("revenue.tile.grr.note", fact=grr)]
        if len(facts.frame) > 1:
            earlier = facts.rate("grr", -2)
            # what is open can only be lost in addition
            notes.append(self.before(grr, earlier, sure=not self.unsettled or grr.value < earlier.value))
        label = self.labelled(self.say("revenue.tile.grr", when=self.when), grr)
        return [(self.say("revenue.tile.whole", fact=grr), label, "; ".join(filter(None, notes)))]

    def _open_customers(self, *, dative: bool = True) -> str:
        return self.voice.customers(self.facts.open.count or 0, dative=dative)

    def lead(self) -> Lead | None:
        """What is lost in a year and whether revenue grows all the same, as the opening of all chapters."""
        if not self.told(self.facts.rate("grr")):
            return None
        under = self.value.finding() if self.value else self.means()
        unknown = ""
        if self.unsettled:
            customers = self._open_customers(dative=False)
            unknown = self.say("revenue.unknown.open", least=self.facts.least, open=customers)
        heading = self.moves_title() if self.steps else ""
        return Lead(self.finding(), under, self.tiles(), heading, self.steps, unknown)

    def definitions(self) -> Sequence[str]:
        """What was counted, in plain words."""
        lines = [self.say(f"revenue.foot.{key}") for key in ("year", "left", "grr", "instants", "intervals")]
        return [*lines, *((self.say("revenue.foot.range"), *self.value.definitions()) if self.value else ())]

    def moves_title(self) -> str:
        """Finding of the figure: what makes revenue grow or fall."""
        if self.facts.end.value < self.facts.start.value:
            return self.say("revenue.moves.falls", **self.won())
        return self.say("revenue.moves.old" if self.facts.rate("nrr").value >= 1 else "revenue.moves.new", **self.won())

    def moves_figure(self) -> dict[str, Any]:
        """What the page adds to the figure: the steps of the window, or where they may not be told the series."""
        if self.steps:
            return self.drawn(self.moves_title, (fact for _, fact in self.steps), steps=self.steps)
        return self.drawn(self.moves_title, (fact for facts in movements(self.series).values() for fact in facts))

    def moves_caption(self) -> str:
        """How to read the figure, and what is not settled yet."""
        key = f"revenue.moves.caption.{self.series.movements.calendar.period}"
        parts = [self.say("revenue.steps.caption" if self.steps else key)]
        if self.facts.open.count and self.told(self.facts.open):
            known = {"n": self._open_customers(), "money": self.facts.open, "least": self.facts.least}
            parts.append(self.say("revenue.unsettled.open" if self.unsettled else "revenue.unsettled.few", **known))
        if self.facts.lacking:
            parts.append(self.say("revenue.unsettled.lacking"))
        return " ".join(parts)

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
            facts = [rate_of_window(self.long[preset], figure) for figure in figures]
            cells = [self.tell(fact) if not np.isnan(fact.value) else DASH for fact in facts]
            rows.append((_NAMES.get(preset) or self.say("revenue.preset.standard"), *cells))
        return self.table_of("revenue.table.{}", ("preset", *figures), rows, when=self.when)

    def presets_note(self) -> str:
        """What the table is good for, and what is in the column of those who pay more."""
        return f"{self.say('revenue.table.note')} {self.say('revenue.foot.nrr')}"

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        yield self.picture(self.series, self.moves_figure(), self.moves_caption())
        if self.value:
            yield from self.value.blocks()
        else:
            yield Section(self.worth_title(), [self.worth_missing()])
        if self.told(self.facts.rate("logo_churn")):
            yield self.bridge(revenue=True)
        presets = self.presets_table()
        yield Section(presets.title, [self.presets_note()], presets, folded=True)
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
    series = quarters if quarters is not None and quarters.movements.calendar.lived >= _QUARTERS else months
    return long, series, months


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
    """What is lost of the recurring revenue in a year, and what one more of a hundred customers is worth."""

    name = "01b_revenue_and_value"
    needs = (("subscriptions.mrr",),)

    def compute(self) -> None:
        """Movements of revenue, and claims of articles."""
        self.results, self.claims = results_of(self.data), self.study.claims

    def story(self, lang: str) -> RevenueStory:
        """The results in the words of a language."""
        return revenue_story(self.data, self.results, self.claims, lang=lang, threshold=self.study.threshold)
