"""Customers who buy or use: they are missing for a while, and come back or do not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

from kbind.report.chapters.retention.base import RetentionStory, cell
from kbind.retention.activity import starts_with_recording
from kbind.retention.cohorts import CohortRetention, follow_up, rate_difference, return_rate, same_cohorts
from kbind.retention.rates import rate_of
from kbind.text.facts import Fact
from kbind.text.tables import Table

#: Below this drop from the first to the last age, and within this range, a curve is said to hold.
HOLDS, RANGE = 0.03, 0.15
#: The half that returning customers are judged against.
HALF = 0.5


@dataclass(frozen=True, eq=False)
class ReturnStory(RetentionStory):
    """How many customers come back."""

    @property
    def curves(self) -> tuple[CohortRetention, ...]:
        """Active in that period, and in it or a later one."""
        return self.on, self.ever

    @cached_property
    def returned(self) -> Fact:
        """Of those who were missing in the period after their first, the share who came later."""
        return Fact.of_rate("returned", return_rate(self.on, self.ever), "return_rate(on, ever), age 1")

    def first_or_later(self, which: str, kind: str = "on") -> Fact:
        """Share in the period after the first, of the "first" cohort or of all "later" ones."""
        labels = self.activity.calendar.labels
        result = self.on if kind == "on" else self.ever
        rate = result.rate(1, exclude=labels[1:] if which == "first" else labels[:1])
        where = f"{cell(kind, 1)}, cohorts {'=' if which == 'first' else 'after'} {labels[0]}"
        return Fact.of_rate(f"{which}.{kind}", rate, where)

    @cached_property
    def panel_share(self) -> Fact:
        """Share of all customers who belong to the first cohort."""
        definition = "customers of the first cohort, divided by those of all cohorts"
        rate = rate_of(int(self.on.cohort_size[0][0]), int(self.on.cohort_size.sum()), self.on.conf_level, definition)
        return Fact.of_rate("panel.share", rate, "cohort_retention(...).to_frame(), cohort_size")

    @cached_property
    def _panel(self) -> bool:
        facts = [self.first_or_later(which, kind) for which, kind in product(("first", "later"), ("on", "on_or_after"))]
        sizes, lived = self.on.cohort_size.sum(axis=0), self.activity.calendar.lived
        return not self.activity.dated and starts_with_recording(sizes, lived) and self.told(*facts)

    @property
    def panel_start(self) -> bool:
        """Whether the first cohort is the start of recording, and may be told apart from the later ones."""
        return self._panel

    @cached_property
    def panel_matters(self) -> bool:
        """Whether those who came later come back less often than those there from the start."""
        if not self.panel_start:
            return False
        labels = self.activity.calendar.labels
        apart = rate_difference(self.on.rate(1, exclude=labels[1:]), self.on.rate(1, exclude=labels[:1]))
        return apart.ci_lower > 0

    # -- sentences -----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short:
            return self.nobody_yet()
        if not self.told(self.following):
            return self.say("retention.finding.few")
        if self.panel_matters:
            first, later = self.first_or_later("first"), self.first_or_later("later")
            return self.say("retention.finding.panel", first=first, later=later)
        after = self.voice.after(self.last_age)
        words = {"after": after, "after_upper": after[:1].upper() + after[1:]}
        low, high = self.extremes
        last = self.at(self.last_age)
        scarce = self._trend == "once" and self.lack(self.last_age + 1) == "few"
        trend = "scarce" if scarce else self._trend
        return self.say(f"retention.finding.{trend}", next=self.following, last=last, low=low, high=high, **words)

    def means(self) -> str:
        """What the answer means."""
        return self.say(f"retention.means.{self._absence}", **self._if_told(returned=self.returned))

    def act(self) -> str:
        """What a manager should do."""
        facts = {"churned": self.cycle_mean("churned"), "resurrected": self.cycle_mean("resurrected")}
        if self._absence == "returning" and not self.told(*facts.values()):
            return self.say("retention.act.open")
        if self._absence == "short":
            return self.advice(2)
        if self._absence == "returning":
            return self.say("retention.act.returning", **self.rhythm("churned", "resurrected"), **facts)
        return self.say(f"retention.act.{self._absence}")

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        fact = self.first_or_later("later") if self.panel_matters else self.following
        text = self.how_sure(fact, self.voice.word("period_following"))
        if not self.panel_start:
            return text
        panel = self.say("retention.certainty.panel", share=self.panel_share, next=self.following)
        return f"{text} {panel}"

    def tiles(self) -> list[tuple[str, str, str]]:
        """Share in the following period (of new customers first, if they differ), ever again, and of the missing."""
        if self.panel_matters:
            shown = [
                (self.first_or_later("later"), "retention.tile.later", "retention.tile.note"),
                (self.following, "retention.tile.all", "retention.tile.note"),
            ]
        else:
            shown = [
                (self.following, "retention.tile.next", "retention.tile.note"),
                (self.again, "retention.tile.ever", "retention.tile.ever.note"),
            ]
        shown.append((self.returned, "retention.tile.returned", "retention.tile.returned.note"))
        span = self.voice.periods(follow_up(self.on))
        return [self.tile_of(fact, self.say(label), note, span=span) for fact, label, note in shown if self.told(fact)]

    def curve_title(self) -> str:
        """Finding of the retention curves."""
        low_high = {} if self.short else dict(zip(("low", "high"), self.extremes, strict=True))
        facts = {"next": self.following, "last": self.at(self.last_age), **low_high}
        if self.short or not self.told(*facts.values()):
            return self.say("retention.curve.short")
        return self.say(f"retention.curve.{self._trend}", after=self.voice.after(self.last_age), **facts)

    def curve_caption(self) -> str:
        """How to read the curves, and that later ages rest on the oldest customers."""
        caption = super().curve_caption()
        return f"{caption} {self.say('retention.curve.mix')}" if self.panel_matters else caption

    def cohort_title(self) -> str:
        """Finding of the cohort heat map of kind "on"."""
        if self.panel_matters:
            first, later = self.first_or_later("first"), self.first_or_later("later")
            return self.say("retention.cohort.panel", first=first, later=later)
        return self.compared_cohorts(1, self.voice.word("period_following"))

    def cycle_title(self) -> str:
        """Finding of the life cycle."""
        churned, resurrected = self.cycle_mean("churned"), self.cycle_mean("resurrected")
        if not self.told(churned, resurrected) or churned.value == 0:
            return self.say("retention.cycle.short")
        ratio = resurrected.value / churned.value
        form = "growing" if ratio > 1.05 else "balanced" if ratio >= 0.8 else "partly"
        rhythm = self.rhythm("churned", "resurrected")
        return self.say(f"retention.cycle.{form}", churned=churned, resurrected=resurrected, **rhythm)

    def panel_title(self) -> str:
        """That recording starts in the middle of business."""
        return self.say("retention.panel.title", share=self.panel_share)

    def panel_text(self) -> str:
        """What the start of recording means."""
        later = self.first_or_later("later")
        return self.say("retention.panel.text", share=self.panel_share, later=later, name=self.name_of(0))

    def panel_table(self) -> Table:
        """The share with and without the customers of the first cohort."""
        rows = []
        for name in ("first", "later", "all"):
            on, ever = (
                (self.following, self.again)
                if name == "all"
                else (self.first_or_later(name), self.first_or_later(name, "on_or_after"))
            )
            cells = (self.tell(on, "size"), self.tell(on), self.tell(on, "range"), self.tell(ever))
            rows.append((self.say(f"retention.panel.{name}"), *cells))
        return self.by_age(("group", "size", "next", "interval", "ever"), rows, self.say("retention.table.panel"))

    def _if_told(self, **facts: Fact) -> dict[str, Fact]:
        return {name: fact for name, fact in facts.items() if self.told(fact)}

    @cached_property
    def _trend(self) -> str:
        """How the curve runs, judged on the same customers, so that old cohorts do not pass for old ages."""
        if self.last_age < 3:
            return "once"
        early, late = same_cohorts(self.on, self.last_age)
        apart = rate_difference(late, early)
        low, high = self.extremes
        if apart.value < -HOLDS and apart.ci_upper < 0:
            return "falls"
        return "holds" if high.value - low.value <= RANGE else "varies"

    @cached_property
    def _absence(self) -> str:
        """Whether those who are missing once come back, as far as that is settled."""
        fact = self.returned
        if not self.told(fact):
            return "short"
        if fact.value == 0:
            return "none"
        return "returning" if fact.ci_lower > HALF else "leaving" if fact.ci_upper < HALF else "open"
