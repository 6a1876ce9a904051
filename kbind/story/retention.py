"""Chapter 01: how many customers come back. Facts read from the estimates, and the sentences they call for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import product

import pandas as pd

from kbind.errors import ArgumentError
from kbind.estimates.retention import CohortRetention, Lifecycle, cohort_retention, lifecycle
from kbind.estimates.retention.compare import (
    early_and_late,
    rate_difference,
    return_rate,
    same_cohorts,
    starts_with_recording,
)
from kbind.estimates.retention.rates import rate_of
from kbind.statistics.activity import Activity
from kbind.story.base import Scope, picked
from kbind.wording import Disclosure, Fact, Table, Voice

#: Below this drop from the first to the last age a curve is said to hold.
HOLDS = 0.03
#: From this share of absent customers who return on, an absence is called a break.
MOSTLY = 0.5
#: An age is told of if so many customers, and this share of all, have lived it.
SOLID_CUSTOMERS, SOLID_SHARE = 50, 0.05
#: Half width of an interval up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.02, 0.05
#: Rows a manager's table has at most.
TABLE_ROWS = 14

STATES = ("retained", "resurrected", "new", "churned")


@dataclass(frozen=True, eq=False)
class RetentionStory:
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

    on: CohortRetention
    ever: CohortRetention
    cycle: Lifecycle
    voice: Voice

    def __post_init__(self) -> None:
        require_one_group(self.on.activity)
        if not self.on.activity is self.ever.activity is self.cycle.activity:
            raise ArgumentError("a story is told of one activity; these results were made from different ones")
        if (self.on.kind, self.ever.kind) != ("on", "on_or_after"):
            raise ArgumentError(
                f"a story needs the kinds 'on' and 'on_or_after', not {self.on.kind!r}, {self.ever.kind!r}"
            )

    @classmethod
    def of(
        cls, activity: Activity, voice: Voice | None = None, *, lang: str = "en", threshold: int = 5
    ) -> RetentionStory:
        """The story of an activity, in a language, silent about fewer customers than the threshold."""
        require_one_group(activity)
        speak = voice or voice_for(activity, lang, Disclosure(threshold))
        ever = cohort_retention(activity, kind="on_or_after")
        return cls(cohort_retention(activity), ever, lifecycle(activity), speak)

    def scope(self) -> Scope:
        """Who and when it is about."""
        calendar, as_of = self.activity.calendar, self.activity.provenance.as_of
        assert as_of is not None
        unfinished = calendar.lived < calendar.size
        return Scope(
            customers=self.activity.customers,
            first=calendar.starts[0],
            last=(as_of - timedelta(microseconds=1)).date(),
            by_month=calendar.period in ("month", "quarter", "year"),
            running=self._name(calendar.size - 1) if unfinished else "",
        )

    @property
    def activity(self) -> Activity:
        """What it is about."""
        return self.on.activity

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Both kinds by age, over all cohorts, as far as any customer has lived the age."""
        frame = self.on.pooled().join(self.ever.pooled().set_index("age").add_prefix("ever_"), on="age")
        return frame[frame["at_risk"] > 0]

    @cached_property
    def last_age(self) -> int:
        """The oldest age that enough customers have lived to speak of it."""
        enough = max(SOLID_CUSTOMERS, SOLID_SHARE * self.activity.customers)
        solid = self.pooled.loc[(self.pooled["at_risk"] >= enough) | (self.pooled["age"] <= 1), "age"]
        return int(solid.max()) if len(solid) else 0

    @property
    def short(self) -> bool:
        """Whether nobody has lived a second period yet."""
        return self.last_age < 1

    @cached_property
    def following(self) -> Fact:
        """Share active in the period after the first."""
        return Fact.of_rate("next.on", self.on.rate(1), _cell("on", 1))

    @cached_property
    def last(self) -> Fact:
        """Share active at the last solid age."""
        return Fact.of_rate("last.on", self.on.rate(self.last_age), _cell("on", self.last_age))

    @cached_property
    def again(self) -> Fact:
        """Share active in the period after the first or later."""
        return Fact.of_rate("next.on_or_after", self.ever.rate(1), _cell("on_or_after", 1))

    @cached_property
    def returned(self) -> Fact:
        """Of those who were missing in the period after their first, the share who came later."""
        return Fact.of_rate("returned", return_rate(self.on, self.ever), "return_rate(on, ever), age 1")

    @cached_property
    def extremes(self) -> tuple[Fact, Fact]:
        """Lowest and highest share from the second solid age on."""
        solid = self.pooled[self.pooled["age"].between(1, self.last_age)]
        shares = solid["retention"].to_numpy(dtype=float)
        ages = [int(solid["age"].iloc[i]) for i in (int(shares.argmin()), int(shares.argmax()))]
        low, high = (
            Fact.of_rate(name, self.on.rate(age), _cell("on", age))
            for name, age in zip(("lowest.on", "highest.on"), ages, strict=True)
        )
        return low, high

    def first_or_later(self, which: str, kind: str = "on") -> Fact:
        """Share in the period after the first, of the "first" cohort or of all "later" ones."""
        labels = self.activity.calendar.labels
        result = self.on if kind == "on" else self.ever
        rate = result.rate(1, exclude=labels[1:] if which == "first" else labels[:1])
        return Fact.of_rate(
            f"{which}.{kind}", rate, f"{_cell(kind, 1)}, cohorts {'=' if which == 'first' else 'after'} {labels[0]}"
        )

    @cached_property
    def panel_share(self) -> Fact:
        """Share of all customers who belong to the first cohort."""
        definition = "customers of the first cohort, divided by all customers"
        rate = rate_of(int(self.on.cohort_size[0][0]), self.activity.customers, self.on.conf_level, definition)
        return Fact.of_rate("panel.share", rate, "cohort_retention(...).to_frame(), cohort_size")

    @cached_property
    def panel_start(self) -> bool:
        """Whether the first cohort is the start of recording, and may be told apart from the later ones."""
        facts = [self.first_or_later(which, kind) for which, kind in product(("first", "later"), ("on", "on_or_after"))]
        return starts_with_recording(self.on) and all(self._told(fact) for fact in facts)

    @cached_property
    def panel_matters(self) -> bool:
        """Whether those who came later come back less often than those there from the start."""
        if not self.panel_start:
            return False
        labels = self.activity.calendar.labels
        apart = rate_difference(self.on.rate(1, exclude=labels[1:]), self.on.rate(1, exclude=labels[:1]))
        return apart.ci_lower > 0

    def cycle_mean(self, state: str) -> Fact:
        """Mean customers per period in a state, over the periods after the second."""
        frame = self.cycle.to_frame().iloc[2:]
        mean = float(frame[state].mean()) if len(frame) else math.nan
        definition = f"mean of {state} customers per {self.activity.calendar.period}, from the third on"
        return Fact(f"mean.{state}", mean, "customers", definition, source="lifecycle(...).to_frame()")

    def age_facts(self) -> list[Fact]:
        """Every share of the curves, by age."""
        ages = [int(age) for age in self.pooled["age"]]
        return [
            Fact.of_rate(f"age.{age}.{kind}", result.rate_in(row, prefix), _cell(kind, age))
            for kind, result, prefix in (("on", self.on, ""), ("on_or_after", self.ever, "ever_"))
            for age, (_, row) in zip(ages, self.pooled.iterrows(), strict=True)
        ]

    def cohort_facts(self) -> list[Fact]:
        """Every share of the cohort table that is lived, beyond age 0."""
        frame = self.on.to_frame()
        frame = frame[(frame["at_risk"] > 0) & (frame["age"] > 0)]
        return [
            Fact.of_rate(
                f"cohort.{row['cohort']}.{row['age']}", self.on.rate_in(row), "cohort_retention(...).to_frame()"
            )
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

    def question(self) -> str:
        """What the chapter asks."""
        return self.voice.say("retention.question")

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short:
            return self.voice.say("retention.finding.short")
        if self.panel_matters:
            later = self.first_or_later("later")
            return self.voice.say("retention.finding.panel", next=self.following, later=later)
        after = self.voice.after(self.last_age)
        words = {"after": after, "after_upper": after[:1].upper() + after[1:]}
        return self.voice.say(f"retention.finding.{self._trend}", next=self.following, last=self.last, **words)

    def means(self) -> str:
        """What the answer means."""
        if not self._told(self.returned):
            return self.voice.say("retention.means.short")
        return self.voice.say(f"retention.means.{self._absence}", returned=self.returned)

    def act(self) -> str:
        """What a manager should do."""
        churned, resurrected = self.cycle_mean("churned"), self.cycle_mean("resurrected")
        if not all(self._told(fact) for fact in (self.returned, churned, resurrected)):
            return self.voice.say("retention.act.short")
        if self._absence == "leaving":
            return self.voice.say("retention.act.leaving")
        return self.voice.say("retention.act.returning", churned=churned, resurrected=resurrected)

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if not self._told(self.following):
            return self.voice.say("retention.certainty.short")
        half = (self.following.ci_upper - self.following.ci_lower) / 2
        level = "high" if half <= HIGH else "medium" if half <= MEDIUM else "low"
        text = self.voice.say(f"retention.certainty.{level}", next=self.following)
        if self.panel_start:
            text += " " + self.voice.say("retention.certainty.panel", later=self.first_or_later("later"))
        return text

    def tiles(self) -> list[tuple[str, str, str]]:
        """The three figures that matter: value, what it is, interval and n."""
        if self.short:
            return []
        shown = [
            (self.following, "retention.tile.next", "retention.tile.note"),
            (self.again, "retention.tile.ever", "retention.tile.ever.note"),
            (self.returned, "retention.tile.returned", "retention.tile.returned.note"),
        ]
        say = self.voice.say
        return [
            (self.voice.tell(fact), say(label), say(note, fact=fact))
            for fact, label, note in shown
            if fact.n or fact.known
        ]

    def curve_title(self) -> str:
        """Finding of the retention curves."""
        if self.short:
            return self.voice.say("retention.curve.short")
        if self._trend == "falls":
            after = self.voice.after(self.last_age)
            return self.voice.say("retention.curve.falls", next=self.following, last=self.last, after=after)
        low, high = self.extremes
        return self.voice.say("retention.curve.holds", low=low, high=high)

    def cohort_title(self) -> str:
        """Finding of the cohort heat map of kind "on"."""
        if self.panel_matters:
            first, later = self.first_or_later("first"), self.first_or_later("later")
            return self.voice.say("retention.cohort.panel", first=first, later=later)
        early, late = early_and_late(self.on)
        apart = rate_difference(late, early)
        if math.isnan(apart.value):
            return self.voice.say("retention.cohort.short")
        order = "better" if apart.ci_lower > 0 else "worse" if apart.ci_upper < 0 else "same"
        facts = {
            name: Fact.of_rate(f"{name}.on", rate, f"{_cell('on', 1)}, {name} half of the cohorts after the first")
            for name, rate in (("early", early), ("late", late))
        }
        return self.voice.say(f"retention.cohort.{order}", **facts)

    def ever_title(self) -> str:
        """Finding of the cohort heat map of kind "on_or_after"."""
        if self.short:
            return self.voice.say("retention.cohort.short")
        return self.voice.say("retention.cohort.ever", ever=self.again)

    def cycle_title(self) -> str:
        """Finding of the life cycle."""
        churned, resurrected = self.cycle_mean("churned"), self.cycle_mean("resurrected")
        if math.isnan(churned.value) or churned.value == 0:
            return self.voice.say("retention.cycle.short")
        ratio = resurrected.value / churned.value
        form = "growing" if ratio > 1.05 else "balanced" if ratio >= 0.8 else "partly"
        return self.voice.say(f"retention.cycle.{form}", churned=churned, resurrected=resurrected)

    def curve_caption(self) -> str:
        """How to read the curves."""
        return self.voice.say("retention.curve.caption", level=self.voice.percent(self.on.conf_level))

    def cohort_caption(self) -> str:
        """How to read the heat map."""
        return self._with_dot(self.voice.say("retention.cohort.caption"), self.cohort_facts())

    def cycle_caption(self) -> str:
        """How to read the life cycle."""
        return self._with_dot(self.voice.say("retention.cycle.caption"), self.cycle_facts())

    def panel_title(self) -> str:
        """That recording starts in the middle of business."""
        return self.voice.say("retention.panel.title")

    def panel_text(self) -> str:
        """What the start of recording means."""
        later = self.first_or_later("later")
        return self.voice.say("retention.panel.text", share=self.panel_share, later=later, name=self._name(0))

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        say = self.voice.say
        level = self.voice.percent(self.on.conf_level)
        return [say("retention.foot.on"), say("retention.foot.ever"), say("retention.foot.interval", level=level)]

    # -- tables --------------------------------------------------------------------------------------

    def curve_table(self) -> Table:
        """The figures behind the curve, one row an age."""
        voice = self.voice
        facts = {fact.id: fact for fact in self.age_facts()}
        rows = []
        ages = [int(age) for age in self.pooled["age"] if age > 0]
        for age in (ages[position] for position in picked(len(ages), TABLE_ROWS)):
            on, ever = facts[f"age.{age}.on"], facts[f"age.{age}.on_or_after"]
            rows.append(
                (voice.number(age), voice.tell(on, "size"), voice.tell(on), voice.tell(on, "range"), voice.tell(ever))
            )
        return Table(voice.say("retention.table.title"), self._head("age", "size", "on", "interval", "ever"), rows)

    def panel_table(self) -> Table:
        """The share with and without the customers of the first cohort."""
        voice = self.voice
        rows = []
        for name in ("first", "later", "all"):
            on, ever = (
                (self.following, self.again)
                if name == "all"
                else (self.first_or_later(name), self.first_or_later(name, "on_or_after"))
            )
            cells = (voice.tell(on, "size"), voice.tell(on), voice.tell(on, "range"), voice.tell(ever))
            rows.append((voice.say(f"retention.panel.{name}"), *cells))
        return Table(voice.say("retention.table.panel"), self._head("group", "size", "next", "interval", "ever"), rows)

    def _head(self, *names: str) -> list[str]:
        level = self.voice.percent(self.on.conf_level)
        return [self.voice.say(f"retention.table.{name}", level=level) for name in names]

    def _with_dot(self, caption: str, facts: list[Fact]) -> str:
        """The caption, and what a dot means if one is drawn."""
        dots = any(self.voice.disclosure.fact(fact).hidden for fact in facts)
        return " ".join([caption, *([self.voice.say("retention.dot")] if dots else [])])

    def _name(self, position: int) -> str:
        calendar = self.activity.calendar
        return self.voice.period_name(calendar.starts[position], calendar.labels[position])

    def _told(self, fact: Fact) -> bool:
        return self.voice.disclosure.fact(fact).known

    @property
    def _trend(self) -> str:
        """Judged on the same customers, so that old cohorts do not pass for old ages."""
        early, late = same_cohorts(self.on, self.last_age)
        apart = rate_difference(late, early)
        return "falls" if apart.value < -HOLDS and apart.ci_upper < 0 else "holds"

    @property
    def _absence(self) -> str:
        return "returning" if self.returned.value >= MOSTLY else "leaving"


def voice_for(activity: Activity, lang: str, disclosure: Disclosure | None = None) -> Voice:
    """The way of speaking that fits what was counted."""
    return Voice(
        lang,
        customer=activity.customer,
        action=activity.action,
        period=activity.calendar.period,
        disclosure=disclosure,
    )


def require_one_group(activity: Activity) -> None:
    """Sentences and most figures speak of all customers together."""
    if activity.by:
        raise ArgumentError(f"this shows one group at a time; reduce without by={', '.join(activity.by)!r}")


def _cell(kind: str, age: int) -> str:
    return f"cohort_retention(kind={kind!r}).pooled(), age {age}"
