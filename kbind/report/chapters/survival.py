"""Chapter 02: how long customers stay, and when they leave."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.facts.leaving import YEAR, LeavingFacts
from kbind.facts.survival import HALF_A_YEAR, by_month, contact_ratio, leaving, lost_to, staying
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, enough, needed, sureness, voice_of
from kbind.report.chapters.moments import Moments
from kbind.report.chapters.shop import silence_text
from kbind.survival.contact_loss import contact_loss
from kbind.survival.curve import SurvivalCurve, survival_curve
from kbind.survival.departures import Departures, departures
from kbind.survival.durations import Durations
from kbind.survival.hazard_curve import HazardCurve, hazard_curve
from kbind.survival.hazard_model import HazardModel
from kbind.survival.incidence import CumulativeIncidence, cumulative_incidence
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: An age is told of if so many customers were still under observation.
SOLID = 50
#: Months before a dangerous one in which acting pays.
AHEAD = 3


@dataclass(frozen=True, eq=False)
class SurvivalStory(Story):
    """Facts and sentences about how long customers stay.

    Parameters
    ----------
    data : Dataset
        What it is about.
    curve : SurvivalCurve
        Of all customers together.
    hazard : HazardCurve
        By month of age.
    incidence : CumulativeIncidence or None
        By cause, if there are several.
    contact : Fact or None
        Hazard ratio of customers who have lost their contact person at our house.
    departures : Departures or None
        Of the last year that is over, with their revenue.
    voice : Voice
        Who speaks.
    """

    asks = "survival.question"

    data: Dataset
    curve: SurvivalCurve
    hazard: HazardCurve
    incidence: CumulativeIncidence | None
    contact: Fact | None
    departures: Departures | None
    voice: Voice = field(repr=False)

    @property
    def durations(self) -> Durations:
        """What it is made of."""
        return self.curve.durations

    def scope(self) -> Scope:
        """Who and when it is about."""
        lives = self.durations
        return Scope.of_log(self.data, lives.customers, lives.log, lives.provenance.as_of)

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def facts(self) -> LeavingFacts:
        """When most are lost, in customers and in money."""
        months = by_month(self.hazard, SOLID)
        return LeavingFacts(self.curve, self.hazard, months, self.departures, self.voice.disclosure)

    @property
    def months(self) -> pd.DataFrame:
        """The hazard by month, up to the last that is known well enough; month 0 if anybody left on the first day."""
        return self.facts.months

    @cached_property
    def at_once(self) -> Fact | None:
        """Share that is never seen again after the first day; None if nobody, or if it may not be told."""
        if not (self.months["month"] == 0).any():
            return None
        fact = self.in_month(0)
        return fact if self.told(fact) else None

    @property
    def short(self) -> bool:
        """Whether too few customers were followed for half a year."""
        return len(self.facts.later) < HALF_A_YEAR

    @property
    def lack(self) -> str:
        """Why it is short: "few" customers, "young" data, or too few left because most have "gone"."""
        lives, scope = self.durations, self.scope()
        if lives.customers < SOLID:
            return "few"
        days = (scope.last - scope.first).days if scope.first and scope.last else 30 * float(lives.duration.max())
        return "gone" if days >= 30 * HALF_A_YEAR and 2 * lives.events > lives.customers else "young"

    @property
    def last(self) -> int:
        """The oldest age that figures show."""
        return max(self.facts.last, 1)

    @cached_property
    def marks(self) -> list[int]:
        """One or two ages to speak of: a year and two, or what has been observed."""
        last = self.facts.followed
        return [YEAR, 2 * YEAR] if last >= 2 * YEAR else [YEAR] if last >= YEAR else [last]

    def at(self, month: int) -> Fact:
        """Share still there after so many months."""
        return staying(self.curve, month)

    def in_month(self, month: int) -> Fact:
        """Share of those still there who leave in a month of age."""
        return leaving(self.hazard, self.months, month)

    def lost_to(self, cause: str, month: int) -> Fact:
        """Share lost to a cause by an age."""
        return lost_to(needed(self.incidence), cause, month)

    # -- when ----------------------------------------------------------------------------------------

    @cached_property
    def moments(self) -> Moments:
        """Names of the times at which most are lost."""
        return Moments(self.facts, self.voice)

    @property
    def both(self) -> bool:
        """Whether early months as well as later ones stand out."""
        return len(self.facts.times) == 2

    @property
    def year(self) -> str:
        """The year that money is told of: "2024"."""
        return str(needed(self.departures).start.year)

    def share_of(self, name: str) -> Fact:
        """Share of new customers who leave early, or in dangerous months, within the horizon."""
        return self.facts.left_by(self.facts.block) if name == "early" else self.facts.at_renewal

    # -- sentences -----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The answer in one sentence, or two where money and customers are both known."""
        facts, first = self.facts, self.facts.first
        if self.short or not self.told(self.at(self.marks[0])):
            month = max(self.marks[0], 1)
            if self.lack == "gone" and self.told(self.at(month)):
                return self.say("survival.finding.gone", one=self.at(month), after=self.voice.after(month))
            return self.say("survival.finding.young" if self.lack == "young" else "survival.finding.few")
        if not first:
            return self.say("survival.finding.even", one=self.at(self.marks[0]), after=self.voice.after(self.marks[0]))
        money, share = facts.lost(first), facts.share_lost(first)
        if not self.both or money is None or share is None:
            return self._of_new_customers()
        costliest = self.moments.costliest(first)
        dear = self.say("survival.finding.money", costliest=costliest, money=money, share=share, year=self.year)
        more, fewer = facts.in_order
        words = {"when": self.moments.at(more), "other": self.moments.at(fewer)}
        key = "survival.finding.also" if more == first else "survival.finding.more"
        return f"{dear} {self.say(key, more=self.share_of(more), fewer=self.share_of(fewer), **words)}"

    def _of_new_customers(self) -> str:
        """How many of 100 leave, and when most of them do."""
        facts = self.facts
        whole, span = facts.left_by(facts.horizon), self.moments.horizon()
        if facts.told_coarsely(*(facts.in_order if self.both else (facts.first,))):
            return self.say("survival.finding.even", one=self.at(self.marks[0]), after=self.voice.after(self.marks[0]))
        if not self.both:
            words = {"part": self.share_of(facts.first), "when": self.moments.at(facts.first)}
            return self.say("survival.finding.one", all=whole, span=span, **words)
        more, fewer = facts.in_order
        parts = {"part": self.share_of(more), "rest": self.share_of(fewer)}
        times = {"when": self.moments.at(more), "other": self.moments.at(fewer)}
        return self.say("survival.finding.two", all=whole, span=span, **parts, **times)

    def means(self) -> str:
        """What the answer means."""
        return " ".join([*([self._once("means")] if self.at_once else []), *self._money_lost(), self._by_month()])

    def _once(self, place: str) -> str:
        """A sentence about who left on the first day, by what leaving is."""
        key = f"survival.{place}.once.log" if self.durations.log == "events" else f"survival.{place}.once"
        return self.say(key, once=self.at_once, days=self.voice.number(self.durations.days))

    def _money_lost(self) -> list[str]:
        first = self.facts.first
        money, share = (self.facts.lost(first), self.facts.share_lost(first)) if first else (None, None)
        if self.short or money is None or share is None:
            return []
        part = [] if self.both else [self.say("survival.means.money", money=money, share=share, year=self.year)]
        key = "survival.means.whole.groups" if self.data.has("customers") else "survival.means.whole"
        return [*part, self.say(key, whole=needed(self.facts.lost("all")), year=self.year)]

    def _by_month(self) -> str:
        if self.short:
            return self.say(f"survival.means.{self.lack}")
        quiet = self.facts.a_month("quiet")
        if not self.facts.first:
            return self.say("survival.means.quiet", quiet=quiet)
        names = self.facts.times
        rates = {name: self.facts.a_month(name) for name in names}
        times = {f"when_{name}": self.moments.when(name) for name in names}
        which = "both" if self.both else names[0]
        return self.say(f"survival.means.{which}", quiet=quiet, **rates, **times)

    def act(self) -> str:
        """What a manager should do: first where most is lost."""
        if self.short:
            return self.say(f"survival.act.{self.lack}")
        if not self.facts.first:
            return self.say("survival.act.even")
        second = {"early": "renewal", "renewal": "early"}[self.facts.first]
        steps = [self._step("act", self.facts.first), *([self._step("also", second)] if self.both else [])]
        return " ".join(steps)

    def _step(self, place: str, name: str) -> str:
        if name == "early":
            return self.say(f"survival.{place}.early", when=self.moments.through())
        ahead = [month - AHEAD for month in self.facts.renewals if month > AHEAD]
        if not ahead:
            return self.say(f"survival.{place}.month", months=self.moments.named(self.facts.renewals))
        key = "renewal" if self.facts.yearly else "ahead"
        return self.say(f"survival.{place}.{key}", months=self.moments.named(ahead), ahead=self.voice.number(AHEAD))

    def certainty(self) -> str:
        """How sure the figure is, and how sure it is that the step pays."""
        fact = self.facts.left_by(self.facts.horizon)
        if self.short or not self.told(fact) or math.isnan(fact.ci_lower):
            return self.say("survival.certainty.few")
        spans = {"after": self.moments.horizon(), "after_upper": upper_first(self.moments.horizon())}
        figure = self.say(f"survival.certainty.{sureness(fact)}", left=fact, **spans)
        if not self.facts.first:
            return figure
        dearer = self.both and self.facts.lost("early") is not None and self.facts.lost("renewal") is not None
        lines = [self.say("survival.certainty.dearer.open")] if dearer and not self.facts.surely_dearer else []
        tenth, margin = self.facts.tenth(self.facts.first), self.data.card.margin or 0.0
        key = "survival.certainty.step.margin" if margin else "survival.certainty.step.money"
        words = {"tenth": tenth, "margin": self.facts.tenth(self.facts.first, margin)}
        return " ".join([figure, *lines, self.say("survival.certainty.step" if tenth is None else key, **words)])

    def tiles(self) -> list[tuple[str, str, str]]:
        """Who leaves within the first year, of them early and in dangerous months; else who is still there."""
        if self.short:
            return []
        if not self.facts.first:
            labels = {month: self.say("survival.tile.stay", after=self.voice.after(month)) for month in self.marks}
            return self.tiles_of(*((self.at(month), label, "survival.tile.note") for month, label in labels.items()))
        whole = self.facts.left_by(self.facts.horizon)
        label = self.say("survival.tile.left", when=self.moments.horizon())
        tiles = self.tiles_of((whole, label, "survival.tile.note"))
        for name in self.facts.times:
            label, money = self.say("survival.tile.left", when=self.moments.at(name, short=True)), self.facts.lost(name)
            kind = "part" if money is None else "months" if name == "renewal" and not self.facts.yearly else name
            words = {} if money is None else {"money": money, "year": self.year}
            words |= {"still": self.in_month(self.facts.renewals[0])} if kind == "renewal" else {}
            tiles += self.tiles_of((self.share_of(name), label, f"survival.tile.{kind}.note"), **words)
        return tiles

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters; None where no time stands out."""
        first = self.facts.first if not self.short and self.told(self.at(self.marks[0])) else ""
        if not first:
            return None
        tenth = self.facts.tenth(first)
        pays = [] if tenth is None else [self.say("survival.line.measure.pays", tenth=tenth)]
        return Line(
            question=self.say("survival.line.question"),
            answer=" ".join([*self._dearest(), self._of_new_customers()]),
            sure=self.say(f"survival.line.sure.{sureness(self.facts.left_by(self.facts.horizon))}"),
            step=self._step("act", first),
            stake=self.facts.lost(first),
            measure=" ".join([self.say(f"survival.line.measure.{first}"), *pays]),
            unknown=self.say(f"survival.line.unknown.{first}"),
        )

    def _dearest(self) -> list[str]:
        """Where most revenue goes, if two times stand out and their revenue is known."""
        share = self.facts.share_lost(self.facts.first) if self.both else None
        if share is None:
            return []
        words = {"costliest": self.moments.costliest(self.facts.first), "whole": needed(self.facts.lost("all"))}
        return [self.say("survival.line.answer", share=share, **words)]

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        lines = [self.say("survival.foot.curve"), self.say("survival.foot.month")]
        if self.durations.log == "events":
            rule = self.say("survival.foot.lapse", days=self.voice.number(self.durations.days))
            lines.append(f"{rule} {silence_text(self.voice, self.data, self.durations.days)}")
        if not self.short:
            lines += [self.say("survival.foot.early")] * bool(self.facts.block)
            lines += [self.say("survival.foot.peaks")] * bool(self.facts.renewals)
        if self.departures is not None and self.facts.first:
            lines.append(self.say("survival.foot.money", year=self.year))
        if self.durations.since is not None:
            lines.append(self.say("shop.foot.since", day=self.voice.day(self.durations.since)))
        if self.facts.late.value and self.told(self.facts.late):
            lines.append(self.say("survival.foot.late", late=self.counted(self.facts.late)))
        return [*lines, *self.of_truth(self.data)]

    # -- pictures ------------------------------------------------------------------------------------

    def curve_title(self) -> str:
        """Finding of the survival curve."""
        facts = [self.at(month) for month in self.marks]
        if self.short or not self.told(*facts):
            return self.say("survival.curve.short")
        after, later = upper_first(self.voice.after(self.marks[0])), self.voice.after(self.marks[-1])
        if len(facts) == 1:
            return self.say("survival.curve.one", one=facts[0], after=after)
        return self.say("survival.curve.two", one=facts[0], two=facts[1], after=after, later=later)

    def curve_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the curve."""
        return self.drawn(self.curve_title, map(self.at, range(self.last + 1)), marks=self.marks, until=self.last)

    def curve_caption(self) -> str:
        """How to read the survival curve."""
        once = [] if self.at_once is None else [self._once("curve")]
        return " ".join([self.say("survival.curve.caption"), *once])

    def hazard_title(self) -> str:
        """Finding of the shares by month."""
        if self.short:
            return self.say("survival.hazard.short")
        early = {"when": self.moments.when("early")} if self.facts.block else {}
        peaks = {"months": self.moments.named(self.facts.renewals)} if self.facts.renewals else {}
        which = "both" if self.both else self.facts.first or "even"
        return self.say(f"survival.hazard.{which}", **early, **peaks)

    def hazard_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the hazard."""
        facts = (self.in_month(int(month)) for month in self.months["month"])
        marks = {"marks": self.facts.renewals, "early": self.facts.block}
        return self.drawn(self.hazard_title, facts, least=SOLID, **marks)

    def hazard_caption(self) -> str:
        """How to read the shares by month, and what stands for those that are not told."""
        lines = [self.say("survival.hazard.caption")]
        lines += [self.say("survival.hazard.caption.early", when=self.moments.when("early"))] * bool(self.facts.block)
        which = "yearly" if self.facts.yearly else "peaks"
        lines += [self.say(f"survival.hazard.caption.{which}")] * bool(self.facts.renewals)
        left = self.months["events"]
        lines += [self.say("survival.hazard.caption.hidden")] * bool(left.map(self.hides).any())
        return " ".join(lines)

    def causes_title(self) -> str:
        """Finding of the losses by cause."""
        month = self.marks[-1]
        facts = {cause: self.lost_to(cause, month) for cause in needed(self.incidence).durations.causes}
        if set(facts) >= {"voluntary", "involuntary"} and self.told(*facts.values()):
            both = {cause: facts[cause] for cause in ("voluntary", "involuntary")}
            return self.say("survival.causes", after=upper_first(self.voice.after(month)), **both)
        return self.say("survival.causes.short")

    def causes_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the causes."""
        return self.drawn(self.causes_title, marks=self.marks, until=self.last)

    def contact_title(self) -> str:
        """Heading of what losing the contact person does."""
        ratio = needed(self.contact)
        sure = ratio.ci_lower > 1 or ratio.ci_upper < 1
        return self.say("survival.contact.sure" if sure else "survival.contact.open", ratio=ratio)

    def contact_text(self) -> str:
        """What the figure means, how sure it is, and what it does not say."""
        return self.say("survival.contact.text", ratio=needed(self.contact))

    def months_table(self) -> Table:
        """Share still there and share leaving: of the early months, each half year and the dangerous months."""
        half_years = range(HALF_A_YEAR, self.facts.followed + 1, HALF_A_YEAR)
        chosen = {*range(self.facts.block + 1), 0, 1, *half_years, *self.facts.renewals, self.facts.followed}
        rows = []
        for month in sorted(chosen & {int(month) for month in self.months["month"]}):
            leaving, staying = self.in_month(month), self.at(month)
            cells = self.tell(staying), self.tell(staying, "range"), self.tell(leaving)
            rows.append((self.voice.number(month), *cells, self.voice.count(staying.n or 0)))
        return self.table_of("survival.table.{}", ("month", "stay", "interval", "leave", "size"), rows)

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        yield self.picture(self.hazard, self.hazard_figure(), self.hazard_caption())
        yield self.picture(self.curve, self.curve_figure(), self.curve_caption())
        if self.contact is not None:
            yield Section(self.contact_title(), [self.contact_text()])
        if self.incidence is not None:
            yield self.picture(self.incidence, self.causes_figure(), self.say("survival.causes.caption"))
        if self.durations.log == "subscriptions" and not self.short:
            money = [self.say("bridge.money", year=self.year)] if self.facts.lost("all") and self.facts.first else []
            yield self.bridge(self.data.has("subscriptions.mrr"), *money)
        yield Section.of(self.months_table(), folded=True)


def survival_story(
    data: Dataset,
    curve: SurvivalCurve,
    hazard: HazardCurve,
    incidence: CumulativeIncidence | None = None,
    contact: HazardModel | None = None,
    departed: Departures | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> SurvivalStory:
    """The story of how long customers stay, in a language, silent about fewer customers than the threshold."""
    lost = None if contact is None else contact_ratio(contact)
    return SurvivalStory(data, curve, hazard, incidence, lost, departed, voice_of(data, lang, threshold))


class SurvivalChapter(Chapter):
    """When customers leave."""

    name = "02_when_customers_leave"
    needs = (("subscriptions", "events", "role:tenure"),)

    def compute(self) -> None:
        """Curves, causes, what losing the contact person does, and the revenue that went in the last year."""
        lives = self.study.durations
        self.curve, self.hazard = survival_curve(lives), hazard_curve(lives)
        self.incidence = cumulative_incidence(lives) if len(lives.causes) > 1 else None
        self.contact = enough(contact_loss, self.data)  # it happened to too few, or nobody wrote it down
        year = self.study.year if lives.log == "subscriptions" else None
        self.departed = None if year is None else enough(departures, self.data, *year)

    def story(self, lang: str) -> SurvivalStory:
        """The results in the words of a language."""
        results = self.curve, self.hazard, self.incidence, self.contact, self.departed
        return survival_story(self.data, *results, lang=lang, threshold=self.study.threshold)
