"""What the chapter says about how long customers stay."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from kbind.data.dataset import Dataset
from kbind.estimates.survival import CumulativeIncidence, HazardCurve, HazardModel, SurvivalCurve
from kbind.story.base import sureness
from kbind.story.shop import silence_text
from kbind.story.survival.facts import SOLID, SPIKE, SurvivalFacts, contact_fact
from kbind.wording import Disclosure, Table, Voice, picked

#: Months before a dangerous one in which acting pays.
AHEAD = 3
#: Half width of an interval up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.02, 0.05
#: Rows a manager's table has at most.
TABLE_ROWS = 14
#: Dangerous months that a sentence names.
NAMED = 3


class SurvivalStory(SurvivalFacts):
    """Facts and sentences about how long customers stay."""

    def question(self) -> str:
        """What the chapter asks."""
        return self.voice.say("survival.question")

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short or not self.told(self.at(self.marks[0])):
            month = max(self.marks[0], 1)
            if self.lack == "gone" and self.told(self.at(month)):
                return self.voice.say("survival.finding.gone", one=self.at(month), after=self.voice.after(month))
            return self.voice.say("survival.finding.young" if self.lack == "young" else "survival.finding.few")
        facts = {"one": self.at(self.marks[0]), "after": self.voice.after(self.marks[0])}
        if self.spikes:
            return self.voice.say("survival.finding.spikes", months=self.named_months(), **facts)
        return self.voice.say("survival.finding.early" if self._falling else "survival.finding.even", **facts)

    @property
    def _falling(self) -> bool:
        early, late = self.early
        once = self.at_once.value if self.at_once is not None else 0.0
        return self.told(early) and self.told(late) and max(early.value, once) > SPIKE * late.value

    def named_months(self, months: list[int] | None = None) -> str:
        """Months of age in a row of words: "12. und 24. Monat"."""
        text = self.voice.catalogue.text
        names = [text("survival.nth", n=self.voice.number(m)) for m in (months or self.spikes)[:NAMED]]
        listed = names[0] if len(names) == 1 else text("survival.list", first=", ".join(names[:-1]), last=names[-1])
        return text("survival.month", months=listed)

    def means(self) -> str:
        """What the answer means."""
        once = [] if self.at_once is None else [self._once("means")]
        return " ".join([*once, self._by_month()])

    def _once(self, place: str) -> str:
        """A sentence about who left on the first day, by what leaving is."""
        key = f"survival.{place}.once.log" if self.durations.log == "events" else f"survival.{place}.once"
        return self.voice.say(key, once=self.at_once, days=self.voice.number(self.durations.days))

    def _by_month(self) -> str:
        if self.short:
            return self.voice.say(f"survival.means.{self.lack}")
        if self.spikes:
            return self.voice.say("survival.means.spikes", spike=self.spiking, quiet=self.quiet)
        early, late = self.early
        if self.told(early) and self.told(late):
            return self.voice.say("survival.means.even", early=early, late=late)
        return self.voice.say("survival.means.quiet", quiet=self.quiet)

    def act(self) -> str:
        """What a manager should do."""
        if self.short:
            return self.voice.say(f"survival.act.{self.lack}")
        if self.spikes:
            acting = [m - AHEAD for m in self.spikes if m > AHEAD]
            ahead = self.voice.number(AHEAD)
            if acting:
                return self.voice.say("survival.act.spikes", months=self.named_months(acting), ahead=ahead)
        return self.voice.say("survival.act.early" if self._falling else "survival.act.even")

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        fact = self.at(self.marks[-1])
        if self.short or not self.told(fact) or math.isnan(fact.ci_lower):
            return self.voice.say("survival.certainty.few")
        half = (fact.ci_upper - fact.ci_lower) / 2
        level = sureness(half, HIGH, MEDIUM)
        after = self.voice.after(self.marks[-1])
        words = {"after": after, "after_upper": after[:1].upper() + after[1:]}
        return self.voice.say(f"survival.certainty.{level}", stay=fact, **words)

    def tiles(self) -> list[tuple[str, str, str]]:
        """Shares still there at the marked ages, and the share that leaves in a dangerous or usual month."""
        say, tell = self.voice.say, self.voice.tell
        tiles = []
        for month in [] if self.short else self.marks:
            fact = self.at(month)
            if self.told(fact):
                note = say("survival.tile.note", fact=fact)
                tiles.append((tell(fact), say("survival.tile.stay", after=self.voice.after(month)), note))
        if not self.short and self.spikes and self.told(self.spiking):
            note = say("survival.tile.spike.note", quiet=self.quiet)
            tiles.append((tell(self.spiking), say("survival.tile.spike", months=self.named_months()), note))
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        say = self.voice.say
        lines = [
            say("survival.foot.curve", level=self.voice.percent(self.curve.conf_level)),
            say("survival.foot.month"),
        ]
        if self.durations.log == "events":
            rule = say("survival.foot.lapse", days=self.voice.number(self.durations.days))
            lines.append(f"{rule} {silence_text(self.voice, self.data, self.durations.days)}")
        if self.durations.since is not None:
            lines.append(say("shop.foot.since", day=self.voice.day(self.durations.since)))
        late = int(self.durations.n[self.durations.entry > 0].sum())
        if late and not self.voice.disclosure.hides(late):
            lines.append(say("survival.foot.late", late=self.voice.customers(late)))
        if self.data.truth is not None:
            lines.append(say("survival.foot.truth"))
        return lines

    def curve_title(self) -> str:
        """Finding of the survival curve."""
        facts = [self.at(month) for month in self.marks]
        if self.short or not all(map(self.told, facts)):
            return self.voice.say("survival.curve.short")
        words = {"after": self.voice.after(self.marks[0]), "later": self.voice.after(self.marks[-1])}
        words = {name: word[:1].upper() + word[1:] if name == "after" else word for name, word in words.items()}
        if len(facts) == 1:
            return self.voice.say("survival.curve.one", one=facts[0], after=words["after"])
        return self.voice.say("survival.curve.two", one=facts[0], two=facts[1], **words)

    def curve_figure(self, truth: pd.DataFrame | None = None) -> dict[str, Any]:
        """What the page adds to the figure of the curve; `truth` is the planted curve of simulated data."""
        last = max(self.last, 1)
        self.voice.note(*map(self.at, range(last + 1)))
        return {"voice": self.voice, "title": self.curve_title(), "marks": self.marks, "until": last, "truth": truth}

    def curve_caption(self) -> str:
        """How to read the survival curve."""
        key = "survival.curve.caption" if self.data.truth is None else "survival.curve.caption.truth"
        once = [] if self.at_once is None else [self._once("curve")]
        return " ".join([self.voice.say(key, level=self.voice.percent(self.curve.conf_level)), *once])

    def hazard_title(self) -> str:
        """Finding of the shares by month."""
        if self.short:
            return self.voice.say("survival.hazard.short")
        if self.spikes:
            return self.voice.say("survival.hazard.spikes", months=self.named_months())
        return self.voice.say("survival.hazard.early" if self._falling else "survival.hazard.even")

    def hazard_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the hazard."""
        self.voice.note(*(self.in_month(int(month)) for month in self.months["month"]))
        return {"voice": self.voice, "title": self.hazard_title(), "marks": self.spikes, "least": SOLID}

    def hazard_caption(self) -> str:
        """How to read the shares by month."""
        return self.voice.say("survival.hazard.caption", level=self.voice.percent(self.hazard.conf_level))

    def causes_title(self) -> str:
        """Finding of the losses by cause."""
        assert self.incidence is not None
        month = self.marks[-1]
        facts = {cause: self.lost_to(cause, month) for cause in self.incidence.durations.causes}
        if set(facts) >= {"voluntary", "involuntary"} and all(map(self.told, facts.values())):
            after = self.voice.after(month)
            both = {"voluntary": facts["voluntary"], "involuntary": facts["involuntary"]}
            return self.voice.say("survival.causes", after=after[:1].upper() + after[1:], **both)
        return self.voice.say("survival.causes.short")

    def causes_figure(self) -> dict[str, Any]:
        """What the page adds to the figure of the causes."""
        return {"voice": self.voice, "title": self.causes_title(), "marks": self.marks, "until": self.last}

    def causes_caption(self) -> str:
        """How to read the losses by cause."""
        return self.voice.say("survival.causes.caption")

    def contact_title(self) -> str:
        """Heading of what losing the contact person does."""
        assert self.contact is not None
        sure = self.contact.ci_lower > 1 or self.contact.ci_upper < 1
        return self.voice.say("survival.contact.sure" if sure else "survival.contact.open", ratio=self.contact)

    def contact_text(self) -> str:
        """What the figure means, how sure it is, and what it does not say."""
        assert self.contact is not None
        return self.voice.say("survival.contact.text", ratio=self.contact)

    # -- tables --------------------------------------------------------------------------------------

    def months_table(self) -> Table:
        """Share still there and share leaving, by month of age."""
        voice = self.voice
        all_months = [int(month) for month in self.months["month"]]
        chosen = sorted({*(all_months[i] for i in picked(len(all_months), TABLE_ROWS)), *self.spikes[:NAMED]})
        rows = []
        for month in chosen:
            leaving, staying = self.in_month(month), self.at(month)
            size = voice.tell(staying, "size")
            rows.append(
                (voice.number(month), voice.tell(staying), voice.tell(staying, "range"), voice.tell(leaving), size)
            )
        heads = [voice.say(f"survival.table.{name}") for name in ("month", "stay", "interval", "leave", "size")]
        return Table(voice.say("survival.table.title"), heads, rows)


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
    voice = Voice(lang, customer=data.card.customer, action="stay", period="month", disclosure=Disclosure(threshold))
    lost = None if contact is None else contact_fact(contact)
    return SurvivalStory(data, curve, hazard, incidence, lost, voice)
