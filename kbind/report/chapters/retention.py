"""Chapter 01: how many customers come back, or stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kbind.errors import ArgumentError
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, sureness
from kbind.report.chapters.cohorts import RetentionStory
from kbind.retention.activity import Activity
from kbind.retention.cohorts import CohortRetention, cohort_retention, follow_up
from kbind.retention.lifecycle import Lifecycle, lifecycle
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import Voice


class ContractStory(RetentionStory):
    """Customers with contracts: they stay until they leave."""

    both = False  # with a contract in a period, or in it or a later one: nearly the same line

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short:
            return self.nobody_yet()
        facts = self._marked()
        if not self.told(*facts.values()):
            return self.say("retention.finding.few")
        return self.say(f"retention.finding.contract.{len(facts)}", **self._after(), **facts)

    def means(self) -> str:
        """What the answer means."""
        if not self.told(self.facts.churn):
            return self.say("retention.means.contract.short")
        cost = [self.say("retention.means.contract.cost")] if self.revenue else []
        if self.activity.calendar.period == "year":
            return " ".join([self.say("retention.means.contract", churn=self.facts.churn), *cost])
        yearly = self.say("retention.means.contract.year", churn=self.facts.churn, year=self.facts.yearly)
        return " ".join([yearly, *cost])

    def act(self) -> str:
        """What a manager should do."""
        if self.facts.last_age < 3 or not self.told(self.facts.churn):
            return self.advice(3)
        if self.facts.steepest <= 1:
            return self.say("retention.act.contract.first")
        return self.say("retention.act.contract", k=self.voice.number(self.facts.steepest))

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        last = self.facts.marks[-1]
        return self.how_sure(self.facts.at(last), self.voice.after(last))

    def tiles(self) -> list[tuple[str, str, str]]:
        """Shares at the marked ages, and the share that leaves per period."""
        tiles = []
        for age in [] if self.short else self.facts.marks:
            label = self.say("retention.tile.contract", after=self.voice.after(age))
            tiles += self.of_hundred((self.facts.at(age), label, "retention.tile.note"))
        churn = self.facts.churn, self.say("retention.tile.churn"), "retention.tile.churn.note"
        return [*tiles, *self.tiles_of(churn)]

    def curve_title(self) -> str:
        """Finding of the retention curve."""
        facts = self._marked()
        if self.short or not self.told(*facts.values()):
            return self.say("retention.curve.short")
        return self.say(f"retention.curve.contract.{len(facts)}", **self._after(), **facts)

    def cohort_title(self) -> str:
        """Finding of the cohort heat map."""
        first = self.facts.marks[0]
        return self.compared_cohorts(first, self.voice.after(first))

    def cycle_title(self) -> str:
        """Finding of the life cycle."""
        churned, new, last = self.facts.mean("churned"), self.facts.mean("new"), self.facts.last_new
        if last is not None and self.told(churned):
            words = {"name": self.name_of(last), **self.rhythm("churned")}
            return self.say("retention.cycle.ended", churned=churned, **words)
        if not self.told(churned, new):
            return self.say("retention.cycle.short")
        return self.say("retention.cycle.contract", churned=churned, new=new, **self.rhythm("churned", "new"))

    def _marked(self) -> dict[str, Fact]:
        return dict(zip(("one", "two"), map(self.facts.at, self.facts.marks), strict=False))

    def _after(self) -> dict[str, str]:
        spans = map(self.voice.after, self.facts.marks)
        words = dict(zip(("after_one", "after_two"), spans, strict=False))
        return words | {f"{key}_upper": upper_first(text) for key, text in words.items()}


class ReturnStory(RetentionStory):
    """Customers who buy or use: they are missing for a while, and come back or do not."""

    both = True

    def finding(self) -> str:
        """The answer in one sentence."""
        facts = self.facts
        if self.short:
            return self.nobody_yet()
        if not self.told(facts.following):
            return self.say("retention.finding.few")
        if facts.panel_matters:
            return self.say("retention.finding.panel", **self._apart())
        after = self.voice.after(facts.last_age)
        words = {"after": after, "after_upper": upper_first(after)}
        low, high = facts.extremes
        trend = "scarce" if facts.trend == "once" and facts.lack(facts.last_age + 1) == "few" else facts.trend
        shares = {"next": facts.following, "last": facts.at(facts.last_age), "low": low, "high": high}
        return self.say(f"retention.finding.{trend}", **shares, **words)

    def means(self) -> str:
        """What the answer means."""
        returned = {"returned": self.facts.returned} if self.told(self.facts.returned) else {}
        if self.facts.panel_matters and self.facts.absence == "returning":
            return self.say("retention.means.new", **returned)
        return self.say(f"retention.means.{self.facts.absence}", **returned)

    def act(self) -> str:
        """What a manager should do."""
        absence, both = self.facts.absence, ("churned", "resurrected")
        means = {state: self.facts.mean(state) for state in both}
        if absence == "short":
            return self.advice(2)
        if absence != "returning":
            return self.say(f"retention.act.{absence}")
        if not self.told(*means.values()):
            return self.say("retention.act.open")
        words = self.rhythm(*both)
        words["rhythm_lower"] = words["rhythm"][:1].lower() + words["rhythm"][1:]
        waiting = self.say("retention.act.returning", **words, **means)
        return " ".join([self.say("retention.act.new"), waiting]) if self.facts.panel_matters else waiting

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        fact = self.facts.first_or_later("later") if self.facts.panel_matters else self.facts.following
        text = self.how_sure(fact, self.voice.word("period_following"))
        if not self.panel_start:
            return text
        panel = self.say("retention.certainty.panel", share=self.facts.panel_share, next=self.facts.following)
        return f"{text} {panel}"

    def tiles(self) -> list[tuple[str, str, str]]:
        """Share in the following period (of new customers first, if they differ), ever again, and of the missing."""
        facts, span = self.facts, self.voice.periods(follow_up(self.on))
        shown = {"next": facts.following, "ever": facts.again, "returned": facts.returned}
        if facts.panel_matters:
            shown = {"later": facts.first_or_later("later"), "all": facts.following, "returned": facts.returned}
        notes = {"ever": "retention.tile.ever.note", "returned": "retention.tile.returned.note"}
        rows = [
            (fact, self.say(f"retention.tile.{key}"), notes.get(key, "retention.tile.note"))
            for key, fact in shown.items()
        ]
        return self.of_hundred(*rows, span=span)

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters."""
        fact = self.facts.first_or_later("later") if self.facts.panel_matters else self.facts.following
        if self.short or not self.told(fact):
            return None
        sure = self.say(f"retention.line.sure.{sureness(fact)}")
        return Line(self.say("retention.line.question"), self.finding(), sure, self.act())

    def curve_title(self) -> str:
        """Finding of the retention curves."""
        if self.facts.panel_matters:
            return self.say("retention.curve.panel", **self._apart())
        facts = {"next": self.facts.following, "last": self.facts.at(self.facts.last_age)}
        if not self.short:
            facts |= dict(zip(("low", "high"), self.facts.extremes, strict=True))
        if self.short or not self.told(*facts.values()):
            return self.say("retention.curve.short")
        return self.say(f"retention.curve.{self.facts.trend}", after=self.voice.after(self.facts.last_age), **facts)

    def curve_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the curves: new and existing customers, where they differ."""
        if not self.facts.panel_matters:
            return super().curve_figure()
        facts = [fact for which in ("first", "later") for fact in self.facts.apart(which)]
        return self.drawn(self.curve_title, facts, kind="curves", until=self.facts.last_age, apart=True)

    def curve_caption(self) -> str:
        """How to read the curves."""
        if not self.facts.panel_matters:
            return super().curve_caption()
        return self.say("retention.curve.caption.apart", share=self.facts.panel_share)

    def cohort_title(self) -> str:
        """Finding of the cohort heat map of kind "on"."""
        return self.compared_cohorts(1, self.voice.word("period_following"))

    def _apart(self) -> dict[str, Fact]:
        return {which: self.facts.first_or_later(which) for which in ("first", "later")}

    def cycle_title(self) -> str:
        """Finding of the life cycle."""
        churned, resurrected = self.facts.mean("churned"), self.facts.mean("resurrected")
        if not self.told(churned, resurrected) or churned.value == 0:
            return self.say("retention.cycle.short")
        ratio = resurrected.value / churned.value
        form = "growing" if ratio > 1.05 else "balanced" if ratio >= 0.8 else "partly"
        rhythm = self.rhythm("churned", "resurrected")
        return self.say(f"retention.cycle.{form}", churned=churned, resurrected=resurrected, **rhythm)

    def recording(self) -> Iterator[Block]:
        """What the page says of a first cohort that is the start of recording."""
        if self.panel_start:
            yield Section(self.panel_title(), [self.panel_text()], self.panel_table(), folded=True)

    def panel_title(self) -> str:
        """That recording starts in the middle of business."""
        return self.say("retention.panel.title", share=self.facts.panel_share)

    def panel_text(self) -> str:
        """What the start of recording means."""
        facts = {"share": self.facts.panel_share, "later": self.facts.first_or_later("later")}
        return self.say("retention.panel.text", name=self.name_of(0), **facts)

    def panel_table(self) -> Table:
        """The share with and without the customers of the first cohort."""
        rows = []
        for name in ("first", "later", "all"):
            on, ever = self.facts.following, self.facts.again
            if name != "all":
                on, ever = (self.facts.first_or_later(name, kind) for kind in ("on", "on_or_after"))
            cells = (self.tell(on, "size"), self.tell(on), self.tell(on, "range"), self.tell(ever))
            rows.append((self.say(f"retention.panel.{name}"), *cells))
        return self.by_age(("group", "size", "next", "interval", "ever"), rows, self.say("retention.table.panel"))


#: Retention of the kinds "on" and "on_or_after", and the life cycle.
Results = tuple[CohortRetention, CohortRetention, Lifecycle]


def results_of(activity: Activity) -> Results:
    """What the chapter tells of an activity."""
    return cohort_retention(activity), cohort_retention(activity, kind="on_or_after"), lifecycle(activity)


def retention_story(
    activity: Activity,
    results: Results | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
    revenue: bool = False,
) -> RetentionStory:
    """The story of an activity, in a language, silent about fewer customers than the threshold.

    With `revenue`, another chapter tells what it costs.
    """
    if activity.by:
        raise ArgumentError(f"this shows one group at a time; reduce without by={', '.join(activity.by)!r}")
    kind = ContractStory if activity.action == "stay" else ReturnStory
    words = {
        "customer": activity.provenance.customer,
        "action": activity.action,
        "period": activity.calendar.period,
    }
    return kind(*(results or results_of(activity)), Voice(lang, **words, disclosure=Disclosure(threshold)), revenue)


class RetentionChapter(Chapter):
    """How many customers come back, or stay."""

    name = "01_retention_metrics"
    needs = (("events", "subscriptions"),)

    def compute(self) -> None:
        """Cohorts and life cycle."""
        self.record = self.study.activity
        self.results = results_of(self.record)

    def story(self, lang: str) -> RetentionStory:
        """The results in the words of a language."""
        threshold, revenue = self.study.threshold, self.data.has("subscriptions.mrr")
        return retention_story(self.record, self.results, lang=lang, threshold=threshold, revenue=revenue)
