"""What the stories of customers who stay and of those who come back have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from kbind.facts.retention import NUMBERED_COHORTS, RetentionFacts
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Lead, Scope, Story, last_day, sureness
from kbind.report.chapters.value import PER_YEAR
from kbind.retention.activity import Activity
from kbind.retention.cohorts import CohortRetention
from kbind.retention.lifecycle import Lifecycle
from kbind.text.facts import Fact
from kbind.text.tables import Table, picked
from kbind.text.voice import Voice

#: Rows a manager's table has at most.
TABLE_ROWS = 14


@dataclass(frozen=True, eq=False)
class RetentionStory(Story):
    """Sentences about one activity of all customers together.

    Parameters
    ----------
    on, ever : CohortRetention
        Retention of the kinds "on" and "on_or_after".
    cycle : Lifecycle
        Its life cycle.
    voice : Voice
        Who speaks.
    revenue : bool
        Whether another chapter tells what it costs.
    """

    asks = "retention.question"
    #: Whether the chapter draws the share at an age and that at it or any later one.
    both: ClassVar[bool]

    on: CohortRetention
    ever: CohortRetention
    cycle: Lifecycle
    voice: Voice
    revenue: bool = False

    @cached_property
    def facts(self) -> RetentionFacts:
        """What was counted and estimated."""
        return RetentionFacts(self.on, self.ever, self.cycle, self.voice.disclosure)

    @property
    def activity(self) -> Activity:
        """What it is about."""
        return self.on.activity

    @property
    def panel_start(self) -> bool:
        """Whether the page has to say that the first cohort is the start of recording."""
        return self.facts.panel_start

    @property
    def short(self) -> bool:
        """Whether nobody has lived a second period yet."""
        return self.facts.last_age < 1

    def scope(self) -> Scope:
        """Who and when it is about."""
        calendar, as_of = self.activity.calendar, self.activity.provenance.as_of
        running = self.name_of(calendar.size - 1) if calendar.lived < calendar.size else ""
        by_month = calendar.period in ("month", "quarter", "year")
        new = self.on.cohort_size.sum(axis=0) > 0  # older contracts are in the calendar, and nobody is new in them
        span = calendar.starts[int(new.argmax())], last_day(as_of)
        return Scope(self.activity.customers, self.activity.log, *span, by_month=by_month, running=running)

    # -- sentences -----------------------------------------------------------------------------------

    @abstractmethod
    def curve_title(self) -> str:
        """Finding of the retention curves."""

    @abstractmethod
    def cohort_title(self) -> str:
        """Finding of the cohort heat map of kind "on"."""

    @abstractmethod
    def cycle_title(self) -> str:
        """Finding of the life cycle."""

    def advice(self, age: int) -> str:
        """What to do where an age cannot be told of."""
        lived = self.voice.periods(self.activity.calendar.lived)
        return self.say(f"retention.act.{self.facts.lack(age)}", lived=lived)

    def nobody_yet(self) -> str:
        """That nothing is known of new customers: all were there before, or time is too short."""
        return self.say("retention.finding.short" if self.on.cohort_size.any() else "retention.finding.known")

    def how_sure(self, fact: Fact, when: str) -> str:
        """How well a share is known."""
        last = self.facts.last_new
        ended = [] if last is None else [self.say("retention.new.ended", name=self.name_of(last))]
        if not self.told(fact):
            return " ".join([self.say(f"retention.certainty.{self.facts.lack(1)}"), *ended])
        figure = self.say(f"retention.certainty.{sureness(fact)}", next=fact, when=when)
        return " ".join([figure, *ended, self.say("retention.certainty.step")])

    def compared_cohorts(self, age: int, when: str) -> str:
        """Whether those who came later do better at an age."""
        facts, order = self.facts.halves(age)
        if not self.told(*facts.values()):
            return self.say("retention.cohort.short")
        return self.say(f"retention.cohort.{order}", when=when, **facts)

    def rhythm(self, *states: str) -> dict[str, str]:
        """What goes around an average.

        Before it "every month", or "on average" if two months drive it or some are hidden; after it, if it is not one
        of all periods, of which.
        """
        rhythm = self.voice.word("period_each" if all(map(self.facts.even, states)) else "period_mean")
        recent = self.facts.recent
        which = self.say("retention.recent", span=self.voice.periods(recent)) if recent else ""
        return {"rhythm": rhythm, "recent": f" {which}" if which else ""}

    def of_hundred(self, *figures: tuple[Fact, str, str], **values: object) -> list[tuple[str, str, str]]:
        """Figures of the opening that count customers of a hundred, as far as they may be told; see `tiles_of`."""
        tiles = []
        for fact, label, note in figures:
            if self.told(fact):
                _, label, note = self.tile_of(fact, label, note, **values)
                tiles.append((self.say("retention.tile.of100", fact=fact), label, note))
        return tiles

    def lead(self) -> Lead | None:
        """How many stay or come back, as the opening of all chapters."""
        tiles = self.tiles()
        return Lead(self.finding(), self.means(), tiles) if tiles else None

    def curve_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the curves."""
        options = {"kind": "curves", "on_or_after": self.ever if self.both else None, "until": self.facts.last_age}
        return self.drawn(self.curve_title, self.facts.ages(), **options)

    def cohort_figure(self) -> dict[str, Any]:
        """What the page adds to the heat map."""
        return self.drawn(self.cohort_title, self.facts.cohorts(), kind="heatmap")

    def cycle_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the life cycle."""
        return self.drawn(self.cycle_title, self.facts.states())

    def curve_caption(self) -> str:
        """How to read the curves."""
        key = "retention.curve.caption" if self.both else "retention.curve.caption.one"
        return self.say(key)

    def cohort_caption(self) -> str:
        """How to read the heat map."""
        sizes, lived = self.on.cohort_size[0], self.activity.calendar.lived
        drawn = sum(1 for i, n in enumerate(sizes) if n > 0 and i + 1 < lived)
        kind = "numbers" if drawn <= NUMBERED_COHORTS else "shades"
        keys = ["caption", kind, *(["hidden"] if self._hide_some(self.facts.cohorts()) else [])]
        return " ".join(self.say(f"retention.cohort.{key}") for key in keys)

    def cycle_caption(self) -> str:
        """How to read the life cycle."""
        parts = [self.say("retention.cycle.caption")]
        two = self.facts.driving("churned")
        if two and self.told(self.facts.mean("churned")):
            first, second = (self.name_of(self.activity.early + i) for i in two)
            parts.append(self.say("retention.cycle.driven", first=first, second=second))
        before = self.facts.before
        if before.value and self.told(before):
            parts.append(self.say("retention.new.known", before=self.counted(before)))
        if self._hide_some(self.facts.states()):
            parts.append(self.say("retention.cycle.hidden"))
        return " ".join(parts)

    def _hide_some(self, facts: Sequence[Fact]) -> bool:
        return any(self.voice.disclosure.fact(fact).hidden for fact in facts)

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        parts = [self.say("retention.foot.on"), *([self.say("retention.foot.ever")] if self.both else [])]
        waiting = self.facts.waiting
        if waiting.value and self.told(waiting):
            parts.append(self.say("retention.foot.open", n=self.counted(waiting, dative=True)))
        return [*parts, self.say("retention.foot.interval", level=self.voice.percent(self.on.conf_level))]

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        yield self.picture(self.on, self.curve_figure(), self.curve_caption())
        yield self.picture(self.on, self.cohort_figure(), self.cohort_caption())
        yield from self.recording()
        yield self.picture(self.cycle, self.cycle_figure(), self.cycle_caption())
        if self.activity.action == "stay" and self.told(self.facts.churn):
            yield self.bridge(self.revenue)
        yield Section.of(self.curve_table(), folded=True)

    def recording(self) -> Iterator[Block]:
        """What the page says of a first cohort that is the start of recording."""
        yield from ()

    # -- tables --------------------------------------------------------------------------------------

    def curve_table(self) -> Table:
        """The figures behind the curve, one row an age."""
        facts = {fact.id: fact for fact in self.facts.ages()}
        ages = [int(age) for age in self.facts.pooled["age"] if age > 0]
        rows = []
        years = PER_YEAR[self.activity.calendar.period]
        chosen = {ages[position] for position in picked(len(ages), TABLE_ROWS)}
        for age in sorted(chosen | {age for age in ages if years > 1 and not age % years}):
            on, ever = facts[f"age.{age}.on"], facts[f"age.{age}.on_or_after"]
            cells = (self.tell(on, "size"), self.tell(on), self.tell(on, "range"))
            rows.append((self.voice.number(age), *cells, *([self.tell(ever)] if self.both else [])))
        return self.by_age(("age", "size", "on", "interval", *(("ever",) if self.both else ())), rows)

    def by_age(self, names: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
        """A table of shares by age."""
        level = self.voice.percent(self.on.conf_level)
        return self.table_of("retention.table.{}", names, rows, title=title, level=level)

    def name_of(self, position: int) -> str:
        """What a reader calls a period."""
        calendar = self.activity.calendar
        return self.voice.period_name(calendar.starts[position], calendar.labels[position])
