"""Chapter 02: how long customers stay, and when they leave."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.facts.survival import HALF_A_YEAR, SPIKE, by_month, contact_ratio, leaving, lost_to, spikes, staying
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Scope, Story, enough, needed, sureness, voice_of
from kbind.report.chapters.shop import silence_text
from kbind.survival.contact_loss import contact_loss
from kbind.survival.curve import SurvivalCurve, survival_curve
from kbind.survival.durations import Durations
from kbind.survival.hazard_curve import HazardCurve, hazard_curve
from kbind.survival.hazard_model import HazardModel
from kbind.survival.incidence import CumulativeIncidence, cumulative_incidence
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.tables import Table, picked
from kbind.text.voice import Voice

#: An age is told of if so many customers were still under observation.
SOLID = 50
#: Months before a dangerous one in which acting pays.
AHEAD = 3
#: Rows a manager's table has at most.
TABLE_ROWS = 14
#: Dangerous months that a sentence names.
NAMED = 3


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
    voice : Voice
        Who speaks.
    """

    asks = "survival.question"

    data: Dataset
    curve: SurvivalCurve
    hazard: HazardCurve
    incidence: CumulativeIncidence | None
    contact: Fact | None
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
    def months(self) -> pd.DataFrame:
        """The hazard by month, up to the last that is known well enough; month 0 if anybody left on the first day."""
        return by_month(self.hazard, SOLID)

    @cached_property
    def later(self) -> pd.DataFrame:
        """The same after the first day."""
        return self.months[self.months["month"] > 0].reset_index(drop=True)

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
        return len(self.later) < HALF_A_YEAR

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
        return int(self.months["month"].max()) if len(self.months) else 1

    @cached_property
    def marks(self) -> list[int]:
        """One or two ages to speak of: a year and two, or what has been observed."""
        seen = self.curve.curves[0].risk.times  # a month that nobody has seen to its end is not told of
        last = min(int(self.months["month"].max()), int(seen[-1])) if len(self.months) else 0
        return [12, 24] if last >= 24 else [12] if last >= 12 else [last]

    def at(self, month: int) -> Fact:
        """Share still there after so many months."""
        return staying(self.curve, month)

    def in_month(self, month: int) -> Fact:
        """Share of those still there who leave in a month of age."""
        return leaving(self.hazard, self.months, month)

    @cached_property
    def spikes(self) -> list[int]:
        """Dangerous months: surely worse than the months around them."""
        return [month for month in spikes(self.later) if self.told(self.in_month(month))]

    @cached_property
    def quiet(self) -> Fact:
        """Share that leaves in a month which is not dangerous, over all of them."""
        return self._leaving("quiet", ~self.later["month"].isin(self.spikes), "a month that is not dangerous")

    @cached_property
    def spiking(self) -> Fact:
        """Share that leaves in a dangerous month, over all of them."""
        return self._leaving("spikes", self.later["month"].isin(self.spikes), "a dangerous month")

    @cached_property
    def early(self) -> tuple[Fact, Fact]:
        """Mean share that leaves per month in the first quarter of a year of age, and after the first year."""
        month = self.later["month"]
        calm = ~month.isin(self.spikes)
        return (
            self._leaving("early", calm & month.between(1, 3), "a month from 1 to 3"),
            self._leaving("late", calm & (month >= 13), "a month from 13 on"),
        )

    def _leaving(self, name: str, months: pd.Series[bool], which: str) -> Fact:
        """Share that leaves in one of some months of age, over all of them."""
        frame = self.later[months]
        left, seen = float(frame["events"].sum()), float(frame["at_risk"].sum())
        definition = f"customers who leave in {which}, divided by those there when it begins"
        share = left / seen if seen else float("nan")
        source = "hazard_curve(...).to_frame()"
        return Fact(name, share, "share", definition, n=int(seen), count=int(left), source=source)

    def lost_to(self, cause: str, month: int) -> Fact:
        """Share lost to a cause by an age."""
        return lost_to(needed(self.incidence), cause, month)

    # -- sentences -----------------------------------------------------------------------------------

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short or not self.told(self.at(self.marks[0])):
            month = max(self.marks[0], 1)
            if self.lack == "gone" and self.told(self.at(month)):
                return self.say("survival.finding.gone", one=self.at(month), after=self.voice.after(month))
            return self.say("survival.finding.young" if self.lack == "young" else "survival.finding.few")
        facts = {"one": self.at(self.marks[0]), "after": self.voice.after(self.marks[0])}
        if self.spikes:
            return self.say("survival.finding.spikes", months=self.named_months(), **facts)
        return self.say("survival.finding.early" if self._falling else "survival.finding.even", **facts)

    @property
    def _falling(self) -> bool:
        early, late = self.early
        once = self.at_once.value if self.at_once is not None else 0.0
        return self.told(early, late) and max(early.value, once) > SPIKE * late.value

    def named_months(self, months: list[int] | None = None) -> str:
        """Months of age in a row of words: "12. und 24. Monat"."""
        text = self.voice.catalogue.text
        names = [text("survival.nth", n=self.voice.number(m)) for m in (months or self.spikes)[:NAMED]]
        return text("survival.month", months=self.voice.listed(names))

    def means(self) -> str:
        """What the answer means."""
        once = [] if self.at_once is None else [self._once("means")]
        return " ".join([*once, self._by_month()])

    def _once(self, place: str) -> str:
        """A sentence about who left on the first day, by what leaving is."""
        key = f"survival.{place}.once.log" if self.durations.log == "events" else f"survival.{place}.once"
        return self.say(key, once=self.at_once, days=self.voice.number(self.durations.days))

    def _by_month(self) -> str:
        if self.short:
            return self.say(f"survival.means.{self.lack}")
        if self.spikes:
            return self.say("survival.means.spikes", spike=self.spiking, quiet=self.quiet)
        early, late = self.early
        if self.told(early, late):
            return self.say("survival.means.even", early=early, late=late)
        return self.say("survival.means.quiet", quiet=self.quiet)

    def act(self) -> str:
        """What a manager should do."""
        if self.short:
            return self.say(f"survival.act.{self.lack}")
        if self.spikes:
            acting = [m - AHEAD for m in self.spikes if m > AHEAD]
            ahead = self.voice.number(AHEAD)
            if acting:
                return self.say("survival.act.spikes", months=self.named_months(acting), ahead=ahead)
        return self.say("survival.act.early" if self._falling else "survival.act.even")

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        fact = self.at(self.marks[-1])
        if self.short or not self.told(fact) or math.isnan(fact.ci_lower):
            return self.say("survival.certainty.few")
        after = self.voice.after(self.marks[-1])
        words = {"after": after, "after_upper": upper_first(after)}
        return self.say(f"survival.certainty.{sureness(fact)}", stay=fact, **words)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Shares still there at the marked ages, and the share that leaves in a dangerous or usual month."""
        if self.short:
            return []
        labels = {month: self.say("survival.tile.stay", after=self.voice.after(month)) for month in self.marks}
        tiles = self.tiles_of(*((self.at(month), label, "survival.tile.note") for month, label in labels.items()))
        if not self.spikes:
            return tiles
        label = self.say("survival.tile.spike", months=self.named_months())
        return [*tiles, *self.tiles_of((self.spiking, label, "survival.tile.spike.note"), quiet=self.quiet)]

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        level = self.voice.percent(self.curve.conf_level)
        lines = [self.say("survival.foot.curve", level=level), self.say("survival.foot.month")]
        if self.durations.log == "events":
            rule = self.say("survival.foot.lapse", days=self.voice.number(self.durations.days))
            lines.append(f"{rule} {silence_text(self.voice, self.data, self.durations.days)}")
        if self.durations.since is not None:
            lines.append(self.say("shop.foot.since", day=self.voice.day(self.durations.since)))
        late = int(self.durations.n[self.durations.entry > 0].sum())
        if late and not self.hides(late):
            lines.append(self.say("survival.foot.late", late=self.voice.customers(late)))
        return [*lines, *self.of_truth(self.data)]

    def curve_title(self) -> str:
        """Finding of the survival curve."""
        facts = [self.at(month) for month in self.marks]
        if self.short or not self.told(*facts):
            return self.say("survival.curve.short")
        after, later = upper_first(self.voice.after(self.marks[0])), self.voice.after(self.marks[-1])
        if len(facts) == 1:
            return self.say("survival.curve.one", one=facts[0], after=after)
        return self.say("survival.curve.two", one=facts[0], two=facts[1], after=after, later=later)

    def curve_figure(self, truth: pd.DataFrame | None = None) -> dict[str, Any]:
        """What the page adds to the figure of the curve; `truth` is the planted curve of simulated data."""
        last = max(self.last, 1)
        return self.drawn(self.curve_title, map(self.at, range(last + 1)), marks=self.marks, until=last, truth=truth)

    def curve_caption(self) -> str:
        """How to read the survival curve."""
        key = "survival.curve.caption" if self.data.truth is None else "survival.curve.caption.truth"
        once = [] if self.at_once is None else [self._once("curve")]
        return " ".join([self.say(key, level=self.voice.percent(self.curve.conf_level)), *once])

    def hazard_title(self) -> str:
        """Finding of the shares by month."""
        if self.short:
            return self.say("survival.hazard.short")
        if self.spikes:
            return self.say("survival.hazard.spikes", months=self.named_months())
        return self.say("survival.hazard.early" if self._falling else "survival.hazard.even")

    def hazard_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the hazard."""
        facts = (self.in_month(int(month)) for month in self.months["month"])
        return self.drawn(self.hazard_title, facts, marks=self.spikes, least=SOLID)

    def hazard_caption(self) -> str:
        """How to read the shares by month."""
        return self.say("survival.hazard.caption", level=self.voice.percent(self.hazard.conf_level))

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

    def causes_caption(self) -> str:
        """How to read the losses by cause."""
        return self.say("survival.causes.caption")

    def contact_title(self) -> str:
        """Heading of what losing the contact person does."""
        ratio = needed(self.contact)
        sure = ratio.ci_lower > 1 or ratio.ci_upper < 1
        return self.say("survival.contact.sure" if sure else "survival.contact.open", ratio=ratio)

    def contact_text(self) -> str:
        """What the figure means, how sure it is, and what it does not say."""
        return self.say("survival.contact.text", ratio=needed(self.contact))

    # -- tables --------------------------------------------------------------------------------------

    def months_table(self) -> Table:
        """Share still there and share leaving, by month of age."""
        all_months = [int(month) for month in self.months["month"]]
        chosen = sorted({*(all_months[i] for i in picked(len(all_months), TABLE_ROWS)), *self.spikes[:NAMED]})
        rows = []
        for month in chosen:
            leaving, staying = self.in_month(month), self.at(month)
            cells = self.tell(staying), self.tell(staying, "range"), self.tell(leaving), self.tell(staying, "size")
            rows.append((self.voice.number(month), *cells))
        return self.table_of("survival.table.{}", ("month", "stay", "interval", "leave", "size"), rows)

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        truth = None if self.data.truth is None else self.data.truth.survival_by_age()
        yield self.picture(self.curve, self.curve_figure(truth), self.curve_caption())
        yield self.picture(self.hazard, self.hazard_figure(), self.hazard_caption())
        if self.incidence is not None:
            yield self.picture(self.incidence, self.causes_figure(), self.causes_caption())
        if self.contact is not None:
            yield Section(self.contact_title(), [self.contact_text()])
        yield Section.of(self.months_table())


def survival_story(
    data: Dataset,
    curve: SurvivalCurve,
    hazard: HazardCurve,
    incidence: CumulativeIncidence | None = None,
    contact: HazardModel | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> SurvivalStory:
    """The story of how long customers stay, in a language, silent about fewer customers than the threshold."""
    lost = None if contact is None else contact_ratio(contact)
    return SurvivalStory(data, curve, hazard, incidence, lost, voice_of(data, lang, threshold))


class SurvivalChapter(Chapter):
    """When customers leave."""

    name = "02_when_customers_leave"
    needs = (("subscriptions", "events", "role:tenure"),)

    def compute(self) -> None:
        """Curves, causes, and what losing the contact person does."""
        lives = self.study.durations
        self.curve, self.hazard = survival_curve(lives), hazard_curve(lives)
        self.incidence = cumulative_incidence(lives) if len(lives.causes) > 1 else None
        self.contact = enough(contact_loss, self.data)  # it happened to too few, or nobody wrote it down

    def story(self, lang: str) -> SurvivalStory:
        """The results in the words of a language."""
        return survival_story(
            self.data,
            self.curve,
            self.hazard,
            self.incidence,
            self.contact,
            lang=lang,
            threshold=self.study.threshold,
        )
