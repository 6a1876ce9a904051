"""Chapter 01: how many customers come back. Facts read from the estimates, and the sentences they call for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.data.dataset import Dataset
from kbind.errors import ArgumentError
from kbind.estimates.intervals import newcombe, wilson
from kbind.estimates.retention import CohortRetention, Lifecycle, cohort_retention, lifecycle
from kbind.statistics.activity import Activity
from kbind.statistics.calendar import Calendar
from kbind.wording import DASH, Disclosure, Fact, Table, Voice

#: Below this drop from the first to the last age a curve is said to hold.
HOLDS = 0.03
#: From this share of absent customers who return on, an absence is called a break.
MOSTLY = 0.5
#: The first cohort is the start of recording if it is so many times the median of the others.
PANEL_FACTOR = 3
#: An age is told of if so many customers, and this share of all, have lived it.
SOLID_CUSTOMERS, SOLID_SHARE = 50, 0.05
#: Rows a manager's table has at most.
TABLE_ROWS = 14
#: Half width of an interval up to which a share is called well known, and fairly known.
HIGH, MEDIUM = 0.02, 0.05


def voice_for(activity: Activity, lang: str, disclosure: Disclosure | None = None) -> Voice:
    """The way of speaking that fits what was counted."""
    return Voice(
        lang,
        customer=activity.customer,
        action=activity.action,
        period=activity.calendar.period,
        disclosure=disclosure,
    )


def suitable_period(data: Dataset) -> str:
    """The longest of month, week and day of which at least three are over."""
    spans = [t.span[0] for name, t in data.tables.items() if t.span and name in ("events", "subscriptions")]
    if spans and data.as_of:
        first = min(data.wall_clock(moment) for moment in spans)
        for period in ("month", "week"):
            if first < data.as_of and Calendar.spanning(period, first, data.as_of, None).lived >= 3:
                return period
    return "day"


@dataclass(frozen=True, eq=False)
class RetentionStory:
    """Facts and sentences about one ungrouped activity.

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

    @classmethod
    def of(cls, activity: Activity, voice: Voice) -> RetentionStory:
        """The story of an activity."""
        require_one_group(activity)
        ever = cohort_retention(activity, kind="on_or_after")
        return cls(cohort_retention(activity), ever, lifecycle(activity), voice)

    # -- facts -------------------------------------------------------------------------------------

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Both kinds by age, over all cohorts, as far as any customer has lived the age."""
        frame = self.on.pooled().join(self.ever.pooled().set_index("age").add_prefix("ever_"), on="age")
        return frame[frame["at_risk"] > 0]

    @cached_property
    def last_age(self) -> int:
        """The oldest age that enough customers have lived to speak of it."""
        enough = max(SOLID_CUSTOMERS, SOLID_SHARE * self.on.activity.customers)
        solid = self.pooled.loc[(self.pooled["at_risk"] >= enough) | (self.pooled["age"] <= 1), "age"]
        return int(solid.max())

    @property
    def short(self) -> bool:
        """Whether nobody has lived a second period yet."""
        return self.last_age < 1

    @cached_property
    def next(self) -> Fact:
        """Share active in the period after the first."""
        return self._pooled_fact("next.on", 1, "on")

    @cached_property
    def last(self) -> Fact:
        """Share active at the last solid age."""
        return self._pooled_fact("last.on", self.last_age, "on")

    @cached_property
    def ever_again(self) -> Fact:
        """Share active in the period after the first or later."""
        return self._pooled_fact("next.on_or_after", 1, "on_or_after")

    @cached_property
    def returned(self) -> Fact:
        """Of those who were missing in the period after their first, the share who came later."""
        row = self._row(1)
        missing = 0 if row is None else int(row["at_risk"] - row["active"])
        later = 0 if row is None else int(row["ever_active"] - row["active"])
        share, low, high = (float(x) for x in wilson(later, missing, self.on.conf_level))
        period = self.on.activity.calendar.period
        return Fact(
            "returned",
            share,
            "share",
            f"customers active in a later {period}, divided by those not active in the {period} after their first",
            low,
            high,
            self.on.conf_level,
            n=missing,
            count=later,
            source="cohort_retention(kind='on' and 'on_or_after').pooled(), age 1",
        )

    @cached_property
    def range(self) -> tuple[Fact, Fact]:
        """Lowest and highest share from the second solid age on."""
        solid = self.pooled[self.pooled["age"].between(1, self.last_age)]
        shares = solid["retention"].to_numpy(dtype=float)
        ages = [int(solid["age"].iloc[i]) for i in (int(shares.argmin()), int(shares.argmax()))]
        return self._pooled_fact("lowest.on", ages[0], "on"), self._pooled_fact("highest.on", ages[1], "on")

    @cached_property
    def panel_start(self) -> bool:
        """Whether the first cohort is where recording starts rather than a cohort of new customers."""
        sizes = self.on.cohort_size[0]
        others = sizes[1 : self.on.activity.calendar.lived]
        return len(others) > 0 and sizes[0] > PANEL_FACTOR * max(float(np.median(others)), 1.0)

    def first_or_later(self, *, first: bool, kind: str = "on") -> Fact:
        """Share in the period after the first, of the first cohort or of all later ones."""
        labels = self.on.activity.calendar.labels
        left_out = labels[1:] if first else labels[:1]
        result = self.on if kind == "on" else self.ever
        frame = result.pooled(exclude=left_out)
        name = f"{'first' if first else 'later'}.{kind}"
        return self._fact(
            name, frame[frame["age"] == 1], kind, f"age 1, cohorts {'= ' if first else 'after '}{labels[0]}"
        )

    @cached_property
    def panel_share(self) -> Fact:
        """Share of all customers who belong to the first cohort."""
        first, everybody = int(self.on.cohort_size[0][0]), self.on.activity.customers
        share, low, high = (float(x) for x in wilson(first, everybody, self.on.conf_level))
        definition = "customers of the first cohort, divided by all customers"
        return Fact("panel.share", share, "share", definition, low, high, self.on.conf_level, everybody, first,
                    "cohort_retention(...).to_frame(), cohort_size")  # fmt: skip

    @cached_property
    def early_late(self) -> tuple[Fact, Fact, str]:
        """Next-period share of the earlier and the later half of the cohorts after the first, and their order."""
        labels = self.on.activity.calendar.labels
        usable = [i for i in range(1, self.on.activity.calendar.lived - 1) if self.on.cohort_size[0][i] > 0]
        middle = len(usable) // 2
        facts = []
        for name, kept in (("early", usable[:middle]), ("late", usable[middle:])):
            frame = self.on.pooled(exclude=[label for i, label in enumerate(labels) if i not in kept])
            facts.append(self._fact(f"{name}.on", frame[frame["age"] == 1], "on", f"age 1, {name} half of the cohorts"))
        early, late = facts
        _, low, high = newcombe(late.count or 0, late.n or 0, early.count or 0, early.n or 0)
        order = "short" if not middle or math.isnan(low) else "better" if low > 0 else "worse" if high < 0 else "same"
        return early, late, order

    def cycle_mean(self, state: str) -> Fact:
        """Mean customers per period in a state, over the periods after the second."""
        frame = self.cycle.to_frame().iloc[2:]
        mean = float(frame[state].mean()) if len(frame) else math.nan
        definition = f"mean of {state} customers per {self.on.activity.calendar.period}, from the third on"
        return Fact(f"mean.{state}", mean, "customers", definition, source="lifecycle(...).to_frame()")

    def _row(self, age: int) -> pd.Series | None:
        rows = self.pooled[self.pooled["age"] == age]
        return rows.iloc[0] if len(rows) else None

    def _pooled_fact(self, name: str, age: int, kind: str) -> Fact:
        result = self.on if kind == "on" else self.ever
        frame = result.pooled()
        return self._fact(name, frame[frame["age"] == age], kind, f"age {age}")

    def _fact(self, name: str, row: pd.DataFrame, kind: str, cell: str) -> Fact:
        result = self.on if kind == "on" else self.ever
        known = len(row) and row["at_risk"].iloc[0] > 0
        value, low, high = (
            (float(row[f"retention{suffix}"].iloc[0]) for suffix in ("", "_ci_lower", "_ci_upper"))
            if known
            else (math.nan,) * 3
        )
        return Fact(
            name,
            value,
            "share",
            result.definition,
            low,
            high,
            result.conf_level,
            n=int(row["at_risk"].iloc[0]) if known else 0,
            count=int(row["active"].iloc[0]) if known else 0,
            source=f"cohort_retention(kind={kind!r}).pooled(), {cell}",
        )

    # -- sentences -----------------------------------------------------------------------------------

    def question(self) -> str:
        """What the chapter asks."""
        return self.voice.say("retention.question")

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short:
            return self.voice.say("retention.finding.short")
        after = self.voice.after(self.last_age)
        words = {"after": after, "after_upper": after[:1].upper() + after[1:]}
        return self.voice.say(f"retention.finding.{self._trend}", next=self.next, last=self.last, **words)

    def means(self) -> str:
        """What the answer means."""
        if self.short or math.isnan(self.returned.value):
            return self.voice.say("retention.means.short")
        return self.voice.say(f"retention.means.{self._absence}", returned=self.returned)

    def act(self) -> str:
        """What a manager should do."""
        churned, resurrected = self.cycle_mean("churned"), self.cycle_mean("resurrected")
        if self.short or math.isnan(self.returned.value) or math.isnan(churned.value):
            return self.voice.say("retention.act.short")
        if self._absence == "leaving":
            return self.voice.say("retention.act.leaving")
        return self.voice.say("retention.act.returning", churned=churned, resurrected=resurrected)

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.short:
            return self.voice.say("retention.means.short")
        half = (self.next.ci_upper - self.next.ci_lower) / 2
        level = "high" if half <= HIGH else "medium" if half <= MEDIUM else "low"
        text = self.voice.say(f"retention.certainty.{level}", next=self.next)
        if self.panel_start:
            text += " " + self.voice.say("retention.certainty.panel", later=self.first_or_later(first=False))
        return text

    def tiles(self) -> list[tuple[str, str, str]]:
        """The three figures that matter: value, what it is, interval and n."""
        if self.short:
            return []
        say = self.voice.say
        shown = [
            (self.next, "retention.tile.next", "retention.tile.note"),
            (self.ever_again, "retention.tile.ever", "retention.tile.ever.note"),
            (self.returned, "retention.tile.returned", "retention.tile.returned.note"),
        ]
        return [(self.voice.tell(fact), say(label), say(note, fact=fact)) for fact, label, note in shown]

    def curve_title(self) -> str:
        """Finding of the retention curves."""
        if self.short:
            return self.voice.say("retention.curve.short")
        if self._trend == "falls":
            return self.voice.say(
                "retention.curve.falls", next=self.next, last=self.last, after=self.voice.after(self.last_age)
            )
        low, high = self.range
        return self.voice.say("retention.curve.holds", low=low, high=high)

    def cohort_title(self) -> str:
        """Finding of the cohort heat map."""
        if self.panel_start and self.first_or_later(first=False).n:
            first, later = self.first_or_later(first=True), self.first_or_later(first=False)
            _, low, _ = newcombe(first.count or 0, first.n or 0, later.count or 0, later.n or 0)
            if low > 0:
                return self.voice.say("retention.cohort.panel", first=first, later=later)
        early, late, order = self.early_late
        if order == "short":
            return self.voice.say("retention.cohort.short")
        return self.voice.say(f"retention.cohort.{order}", early=early, late=late)

    def cycle_title(self) -> str:
        """Finding of the life cycle."""
        churned, resurrected = self.cycle_mean("churned"), self.cycle_mean("resurrected")
        if math.isnan(churned.value) or churned.value == 0:
            return self.voice.say("retention.cycle.short")
        ratio = resurrected.value / churned.value
        form = "growing" if ratio > 1.05 else "balanced" if ratio >= 0.8 else "partly"
        return self.voice.say(f"retention.cycle.{form}", churned=churned, resurrected=resurrected)

    def panel_text(self) -> str:
        """What the start of recording means."""
        start = self.on.activity.calendar
        name = self.voice.period_name(start.starts[0], start.labels[0])
        later = self.first_or_later(first=False)
        return self.voice.say("retention.panel.text", share=self.panel_share, later=later, name=name)

    def curve_caption(self) -> str:
        """How to read the curves."""
        return self.voice.say("retention.curve.caption", level=self.voice.percent(self.on.conf_level))

    def cohort_caption(self) -> str:
        """How to read the heat map."""
        return self.voice.say("retention.cohort.caption")

    def cycle_caption(self) -> str:
        """How to read the life cycle."""
        return self.voice.say("retention.cycle.caption")

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        say = self.voice.say
        level = self.voice.percent(self.on.conf_level)
        return [say("retention.foot.on"), say("retention.foot.ever"), say("retention.foot.interval", level=level)]

    # -- tables --------------------------------------------------------------------------------------

    def curve_table(self) -> Table:
        """The figures behind the curve, one row an age."""
        say, voice = self.voice.say, self.voice
        frame = voice.disclosure.shares(self.pooled)
        ever = voice.disclosure.shares(
            self.pooled.assign(active=self.pooled["ever_active"], retention=self.pooled["ever_retention"])
        )
        head = ("age", "size", "on", "interval", "ever")
        level = voice.percent(self.on.conf_level)
        rows = []
        for i in _picked(len(frame), TABLE_ROWS):
            row, later = frame.iloc[i], ever.iloc[i]
            span = voice.range(row["retention_ci_lower"], row["retention_ci_upper"])
            cells = (voice.number(row["age"]), voice.number(row["at_risk"]), voice.percent(row["retention"], 1))
            rows.append((*cells, span, voice.percent(later["retention"], 1)))
        return Table(say("retention.table.title"), [say(f"retention.table.{h}", level=level) for h in head], rows)

    def panel_table(self) -> Table:
        """The share with and without the customers of the first cohort."""
        say, voice = self.voice.say, self.voice
        head = ("group", "size", "next", "interval", "ever")
        level = voice.percent(self.on.conf_level)
        rows = []
        for name, facts in (
            ("first", [self.first_or_later(first=True, kind=kind) for kind in ("on", "on_or_after")]),
            ("later", [self.first_or_later(first=False, kind=kind) for kind in ("on", "on_or_after")]),
            ("all", [self.next, self.ever_again]),
        ):
            on, ever = facts
            told = voice.disclosure.fact(on)
            size, span = (
                (DASH, DASH) if told.hidden else (voice.number(on.n or 0), voice.range(on.ci_lower, on.ci_upper))
            )
            rows.append((say(f"retention.panel.{name}"), size, voice.tell(on), span, voice.tell(ever)))
        return Table(say("retention.table.panel"), [say(f"retention.table.{h}", level=level) for h in head], rows)

    @property
    def _trend(self) -> str:
        return "falls" if self.last.value < self.next.value - HOLDS else "holds"

    @property
    def _absence(self) -> str:
        return "returning" if self.returned.value >= MOSTLY else "leaving"


def _picked(n: int, most: int) -> list[int]:
    """Evenly spread positions, the first and the last among them."""
    return list(range(n)) if n <= most else sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})


def require_one_group(activity: Activity) -> None:
    """Sentences and most figures speak of all customers together."""
    if len(activity.groups) != 1 or activity.by:
        raise ArgumentError(f"this shows one group at a time; reduce without by={', '.join(activity.by)!r}")
