"""What every story of retention is made of: facts read from the estimates, captions, tables."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.errors import ArgumentError
from kbind.facts.retention import NUMBERED_COHORTS, STATES
from kbind.report.chapters.base import Scope, Story, last_day, sureness
from kbind.retention.activity import Activity
from kbind.retention.cohorts import CohortRetention, early_and_late, rate_difference
from kbind.retention.lifecycle import Lifecycle
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.tables import Table, picked
from kbind.text.voice import Voice

#: An age is told of if so many customers, and this share of all, have lived it, and its interval is no wider.
SOLID_CUSTOMERS, SOLID_SHARE, SOLID_HALF = 100, 0.05, 0.08
#: Periods without anybody new from which on that is said.
QUIET = 6
#: An average is that of every period if those without the two largest have this share of it.
ALIKE = 0.75
#: Rows a manager's table has at most.
TABLE_ROWS = 14


@dataclass(frozen=True, eq=False)
class RetentionStory(Story):
    """Facts and sentences about one activity of all customers together.

    Parameters
    ----------
    on, ever : CohortRetention
        Retention of the kinds "on" and "on_or_after".
    cycle : Lifecycle
        Its life cycle.
    voice : Voice
        Who speaks.
    """

    asks = "retention.question"

    on: CohortRetention
    ever: CohortRetention
    cycle: Lifecycle
    voice: Voice

    def __post_init__(self) -> None:
        require_one_group(self.on.activity)
        if not self.on.activity is self.ever.activity is self.cycle.activity:
            raise ArgumentError("a story is told of one activity; these results were made from different ones")
        if (self.on.kind, self.ever.kind) != ("on", "on_or_after"):
            kinds = f"{self.on.kind!r}, {self.ever.kind!r}"
            raise ArgumentError(f"a story needs the kinds 'on' and 'on_or_after', not {kinds}")

    @property
    def activity(self) -> Activity:
        """What it is about."""
        return self.on.activity

    @property
    @abstractmethod
    def curves(self) -> tuple[CohortRetention, ...]:
        """The results that the chapter draws as curves."""

    def scope(self) -> Scope:
        """Who and when it is about."""
        calendar, as_of = self.activity.calendar, self.activity.provenance.as_of
        unfinished = calendar.lived < calendar.size
        return Scope(
            customers=self.activity.customers,
            log=self.activity.log,
            first=calendar.starts[0],
            last=last_day(as_of),
            by_month=calendar.period in ("month", "quarter", "year"),
            running=self.name_of(calendar.size - 1) if unfinished else "",
        )

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Both kinds by age, over all cohorts, as far as any customer has lived the age."""
        frame = self.on.pooled().join(self.ever.pooled().set_index("age").add_prefix("ever_"), on="age")
        return frame[frame["at_risk"] > 0]

    @cached_property
    def last_age(self) -> int:
        """The oldest age that is known well enough to speak of it."""
        frame = self.pooled
        enough = max(SOLID_CUSTOMERS, SOLID_SHARE * self.activity.customers)
        half = (frame["retention_ci_upper"] - frame["retention_ci_lower"]) / 2
        solid = frame.loc[((frame["at_risk"] >= enough) & (half <= SOLID_HALF)) | (frame["age"] <= 1), "age"]
        return int(solid.max()) if len(solid) else 0

    @property
    def short(self) -> bool:
        """Whether nobody has lived a second period yet."""
        return self.last_age < 1

    def at(self, age: int, kind: str = "on") -> Fact:
        """Share active at an age, or at it or any later one."""
        result, prefix = (self.on, "") if kind == "on" else (self.ever, "ever_")
        rows = self.pooled[self.pooled["age"] == age]
        rate = result.rate_in(rows.iloc[0], prefix) if len(rows) else result.rate(age)
        return Fact.of_rate(f"age.{age}.{kind}", rate, cell(kind, age))

    @cached_property
    def following(self) -> Fact:
        """Share active in the period after the first."""
        return self.at(1)

    @cached_property
    def again(self) -> Fact:
        """Share active in the period after the first or later."""
        return self.at(1, "on_or_after")

    @cached_property
    def extremes(self) -> tuple[Fact, Fact]:
        """Lowest and highest share from the second solid age on."""
        solid = self.pooled[self.pooled["age"].between(1, self.last_age)]
        shares = solid["retention"].to_numpy(dtype=float)
        low, high = (self.at(int(solid["age"].iloc[i])) for i in (int(shares.argmin()), int(shares.argmax())))
        return low, high

    def cycle_mean(self, state: str) -> Fact:
        """Mean customers per period in a state, over the periods after the second."""
        frame = self.cycle.to_frame().iloc[2:]
        mean = float(frame[state].mean()) if len(frame) else math.nan
        definition = f"mean of {state} customers per {self.activity.calendar.period}, from the third on"
        return Fact(f"mean.{state}", mean, "customers", definition, source="lifecycle(...).to_frame()")

    def _without_two(self, state: str) -> tuple[pd.Series[int], list[int]]:
        """Customers in a state by period, over those of an average, and the two periods that have most."""
        counts = self.cycle.to_frame()[state].iloc[2:]
        return counts, sorted(int(i) for i in counts.nlargest(2).index)

    def driving(self, state: str) -> list[int]:
        """The two periods that hold more than half of all in a state, if there are five or more; else none."""
        counts, two = self._without_two(state)
        return two if len(counts) >= 5 and counts.loc[two].sum() > counts.sum() / 2 else []

    def rhythm(self, *states: str) -> dict[str, str]:
        """What goes before an average: "every month", or "on average" if two months drive it or some are hidden."""
        return {"rhythm": self.voice.word("period_each" if all(map(self._alike, states)) else "period_mean")}

    def _alike(self, state: str) -> bool:
        counts, two = self._without_two(state)
        if any(self.hides(int(n)) for n in counts):
            return False
        return len(counts) < 3 or bool(counts.drop(two).mean() >= ALIKE * counts.mean())

    @cached_property
    def last_new(self) -> str:
        """The last period in which anybody new came, if that is long ago; else empty."""
        came = np.flatnonzero(self.activity.fresh.sizes().sum(axis=0))
        if not len(came):
            return ""
        lived = self.activity.calendar.lived
        quiet = lived - 1 - int(came[-1])
        return self.name_of(int(came[-1])) if quiet >= QUIET or (quiet >= QUIET / 2 and 2 * quiet >= lived) else ""

    def lack(self, age: int) -> str:
        """What is missing where an age cannot be told of: "short" time, or customers ("few")."""
        return "short" if self.activity.calendar.lived <= age else "few"

    def advice(self, age: int) -> str:
        """What to do where an age cannot be told of."""
        return self.say(f"retention.act.{self.lack(age)}", lived=self.voice.periods(self.activity.calendar.lived))

    def nobody_yet(self) -> str:
        """That nothing is known of new customers: all were there before, or time is too short."""
        return self.say("retention.finding.short" if self.on.cohort_size.any() else "retention.finding.known")

    def age_facts(self) -> list[Fact]:
        """Every share of the curves, by age."""
        return [self.at(int(age), kind) for kind in ("on", "on_or_after") for age in self.pooled["age"]]

    def cohort_facts(self) -> list[Fact]:
        """Every share of the cohort table that is lived, beyond age 0."""
        frame = self.on.to_frame()
        frame, source = frame[(frame["at_risk"] > 0) & (frame["age"] > 0)], "cohort_retention(...).to_frame()"
        return [
            Fact.of_rate(f"cohort.{row['cohort']}.{row['age']}", self.on.rate_in(row), source)
            for _, row in frame.iterrows()
        ]

    def cycle_facts(self) -> list[Fact]:
        """Every count of the life cycle."""
        return [
            Fact(f"cycle.{row['period']}.{state}", float(row[state]), "customers", self.cycle.definition,
                 source="lifecycle(...).to_frame()")
            for _, row in self.cycle.to_frame().iterrows()
            for state in STATES
        ]  # fmt: skip

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

    @property
    def panel_start(self) -> bool:
        """Whether the page has to say that the first cohort is the start of recording."""
        return False

    def how_sure(self, fact: Fact, when: str) -> str:
        """How well a share is known."""
        ended = [self.say("retention.new.ended", name=self.last_new)] if self.last_new else []
        if not self.told(fact):
            return " ".join([self.say(f"retention.certainty.{self.lack(1)}"), *ended])
        return " ".join([self.say(f"retention.certainty.{sureness(fact)}", next=fact, when=when), *ended])

    def compared_cohorts(self, age: int, when: str) -> str:
        """Whether those who came later do better at an age."""
        early, late = early_and_late(self.on, age)
        facts = {
            name: Fact.of_rate(f"{name}.on", rate, f"{cell('on', age)}, {name} half of the cohorts after the first")
            for name, rate in (("early", early), ("late", late))
        }
        if not self.told(*facts.values()):
            return self.say("retention.cohort.short")
        apart = rate_difference(late, early)
        order = "better" if apart.ci_lower > 0 else "worse" if apart.ci_upper < 0 else "same"
        return self.say(f"retention.cohort.{order}", when=when, **facts)

    def curve_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the curves."""
        second = self.ever if len(self.curves) > 1 else None
        options = {"kind": "curves", "on_or_after": second, "until": self.last_age}
        return self.drawn(self.curve_title, self.age_facts(), **options)

    def cohort_figure(self) -> dict[str, Any]:
        """What the page adds to the heat map."""
        return self.drawn(self.cohort_title, self.cohort_facts(), kind="heatmap")

    def cycle_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the life cycle."""
        return self.drawn(self.cycle_title, self.cycle_facts())

    def curve_caption(self) -> str:
        """How to read the curves."""
        key = "retention.curve.caption" if len(self.curves) > 1 else "retention.curve.caption.one"
        return self.say(key, level=self.voice.percent(self.on.conf_level))

    def cohort_caption(self) -> str:
        """How to read the heat map."""
        kind = "numbers" if self.drawn_cohorts <= NUMBERED_COHORTS else "shades"
        parts = [self.say("retention.cohort.caption"), self.say(f"retention.cohort.{kind}")]
        if any(self.voice.disclosure.fact(fact).hidden for fact in self.cohort_facts()):
            parts.append(self.say("retention.cohort.hidden"))
        return " ".join(parts)

    def cycle_caption(self) -> str:
        """How to read the life cycle."""
        parts = [self.say("retention.cycle.caption")]
        two = self.driving("churned")
        if two and self.told(self.cycle_mean("churned")):
            first, second = (self.name_of(self.activity.early + i) for i in two)
            parts.append(self.say("retention.cycle.driven", first=first, second=second))
        before = int(self.cycle.known.sum())
        if before and not self.hides(before):
            parts.append(self.say("retention.new.known", before=self.voice.customers(before)))
        if any(self.voice.disclosure.fact(fact).hidden for fact in self.cycle_facts()):
            parts.append(self.say("retention.cycle.hidden"))
        return " ".join(parts)

    @property
    def drawn_cohorts(self) -> int:
        """Cohorts with a lived age beyond 0."""
        return sum(1 for i, n in enumerate(self.on.cohort_size[0]) if n > 0 and i + 1 < self.activity.calendar.lived)

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        parts = [self.say("retention.foot.on"), *([self.say("retention.foot.ever")] if len(self.curves) > 1 else [])]
        lived = self.activity.calendar.lived
        waiting = int(self.activity.open[:, lived - 1].sum()) if lived else 0
        if waiting and not self.hides(waiting):
            parts.append(self.say("retention.foot.open", n=self.voice.customers(waiting, dative=True)))
        return [*parts, self.say("retention.foot.interval", level=self.voice.percent(self.on.conf_level))]

    # -- tables --------------------------------------------------------------------------------------

    def curve_table(self) -> Table:
        """The figures behind the curve, one row an age."""
        both = len(self.curves) > 1
        facts = {fact.id: fact for fact in self.age_facts()}
        ages = [int(age) for age in self.pooled["age"] if age > 0]
        rows = []
        for age in (ages[position] for position in picked(len(ages), TABLE_ROWS)):
            on, ever = facts[f"age.{age}.on"], facts[f"age.{age}.on_or_after"]
            cells = (self.tell(on, "size"), self.tell(on), self.tell(on, "range"))
            rows.append((self.voice.number(age), *cells, *([self.tell(ever)] if both else [])))
        names = ("age", "size", "on", "interval", *(("ever",) if both else ()))
        return self.by_age(names, rows)

    def by_age(self, names: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
        """A table of shares by age."""
        level = self.voice.percent(self.on.conf_level)
        return self.table_of("retention.table.{}", names, rows, title=title, level=level)

    def name_of(self, position: int) -> str:
        """What a reader calls a period."""
        calendar = self.activity.calendar
        return self.voice.period_name(calendar.starts[position], calendar.labels[position])


def voice_for(activity: Activity, lang: str, disclosure: Disclosure | None = None) -> Voice:
    """The way of speaking that fits what was counted."""
    return Voice(
        lang,
        customer=activity.provenance.customer,
        action=activity.action,
        period=activity.calendar.period,
        disclosure=disclosure,
    )


def require_one_group(activity: Activity) -> None:
    """Sentences and most figures speak of all customers together."""
    if activity.by:
        raise ArgumentError(f"this shows one group at a time; reduce without by={', '.join(activity.by)!r}")


def cell(kind: str, age: int) -> str:
    """Where a share is read from."""
    return f"cohort_retention(kind={kind!r}).pooled(), age {age}"
