"""Chapter 02: when customers leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.data.dataset import Dataset
from kbind.errors import ArgumentError
from kbind.estimates.intervals import newcombe
from kbind.estimates.survival import CumulativeIncidence, HazardCurve, SurvivalCurve, hazard_model
from kbind.statistics.durations import Durations
from kbind.statistics.durations.after import After
from kbind.story.base import Scope, picked
from kbind.wording import Disclosure, Fact, Table, Voice

#: An age is told of if so many customers were still under observation.
SOLID = 50
#: A month is dangerous if its share is surely above, and so many times, that of so many months on each side.
SPIKE, NEAR = 1.5, 2
#: Months before a dangerous one in which acting pays.
AHEAD = 3
#: Half width of an interval up to which certainty is called high, and medium.
HIGH, MEDIUM = 0.02, 0.05
#: Rows a manager's table has at most.
TABLE_ROWS = 14
#: Dangerous months that a sentence names.
NAMED = 3


@dataclass(frozen=True, eq=False)
class SurvivalStory:
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
        as_of = self.durations.provenance.as_of
        span = self.data.tables[self.durations.log].span
        if as_of is None or span is None:
            return Scope(customers=self.durations.customers, log=self.durations.log)
        first = max(self.data.wall_clock(span[0]), self.data.recorded_from or self.data.wall_clock(span[0]))
        last = (pd.Timestamp(as_of) - pd.Timedelta(microseconds=1)).date()
        return Scope(self.durations.customers, self.durations.log, first.date(), last)

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def months(self) -> pd.DataFrame:
        """The hazard by month, from the first to the last that is known well enough."""
        frame = self.hazard.to_frame().rename(columns={self.durations.unit: "month"})
        return frame[(frame["month"] > 0) & (frame["at_risk"] >= SOLID)].reset_index(drop=True)

    @property
    def short(self) -> bool:
        """Whether too few customers were followed for half a year."""
        return len(self.months) < 6

    @cached_property
    def marks(self) -> list[int]:
        """One or two ages to speak of: a year and two, or what has been observed."""
        last = int(self.months["month"].max()) if len(self.months) else 0
        return [12, 24] if last >= 24 else [12] if last >= 12 else [last]

    def at(self, month: int) -> Fact:
        """Share still there after so many months."""
        row = self.curve.at([month]).iloc[0]
        table = self.curve.curves[0].risk
        place = int(np.searchsorted(table.times, month, side="right")) - 1
        return Fact(
            f"stay.{month}",
            float(row["survival"]),
            "share",
            self.curve.definition,
            float(row["survival_ci_lower"]),
            float(row["survival_ci_upper"]),
            self.curve.conf_level,
            n=int(table.at_risk[max(place, 0)]),
            source=f"survival_curve(...).at([{month}])",
        )

    def in_month(self, month: int) -> Fact:
        """Share of those still there who leave in a month of age."""
        row = self.months[self.months["month"] == month].iloc[0]
        return Fact(
            f"month.{month}",
            float(row["hazard"]),
            "share",
            self.hazard.definition,
            float(row["hazard_ci_lower"]),
            float(row["hazard_ci_upper"]),
            self.hazard.conf_level,
            n=int(row["at_risk"]),
            count=int(row["events"]),
            source="hazard_curve(...).to_frame()",
        )

    @cached_property
    def spikes(self) -> list[int]:
        """Dangerous months: surely worse than the months around them."""
        frame = self.months
        if len(frame) < 6:
            return []
        left, seen = (frame[name].to_numpy(dtype=float) for name in ("events", "at_risk"))
        found = []
        for i in range(NEAR, len(frame)):
            month = int(frame["month"].iloc[i])
            sides = [slice(i - NEAR, i), slice(i + 1, i + 1 + NEAR)]
            # every month is looked at, so chance has that many tries
            level = 1 - 0.05 / len(frame)
            high = [
                newcombe(left[i], seen[i], left[side].sum(), seen[side].sum(), level)[1] > 0
                and left[i] / seen[i] > SPIKE * left[side].sum() / seen[side].sum()
                for side in sides
                if seen[side].sum() > 0
            ]
            if all(high) and self.told(self.in_month(month)):
                found.append(month)
        return found

    @cached_property
    def quiet(self) -> Fact:
        """Share that leaves in a month which is not dangerous, over all of them."""
        frame = self.months[~self.months["month"].isin(self.spikes)]
        left, seen = float(frame["events"].sum()), float(frame["at_risk"].sum())
        definition = "customers who leave in a month that is not dangerous, divided by those there when it begins"
        return Fact(
            "quiet",
            left / seen,
            "share",
            definition,
            n=int(seen),
            count=int(left),
            source="hazard_curve(...).to_frame()",
        )

    @cached_property
    def spiking(self) -> Fact:
        """Share that leaves in a dangerous month, over all of them."""
        frame = self.months[self.months["month"].isin(self.spikes)]
        left, seen = float(frame["events"].sum()), float(frame["at_risk"].sum())
        definition = "customers who leave in a dangerous month, divided by those there when it begins"
        share = left / seen if seen else float("nan")
        return Fact("spikes", share, "share", definition, n=int(seen), count=int(left), source="hazard_curve(...)")

    @cached_property
    def early(self) -> tuple[Fact, Fact]:
        """Mean share that leaves per month in the first quarter of a year of age, and after the first year."""
        facts = []
        for name, low, high in (("early", 1, 3), ("late", 13, 10**6)):
            frame = self.months[self.months["month"].between(low, high) & ~self.months["month"].isin(self.spikes)]
            left, seen = float(frame["events"].sum()), float(frame["at_risk"].sum())
            share = left / seen if seen else float("nan")
            definition = f"customers who leave in a month from {low} on, divided by those there when it begins"
            facts.append(
                Fact(name, share, "share", definition, n=int(seen), count=int(left), source="hazard_curve(...)")
            )
        return facts[0], facts[1]

    def lost_to(self, cause: str, month: int) -> Fact:
        """Share lost to a cause by an age."""
        assert self.incidence is not None
        frame = self.incidence.at([month])
        row = frame[frame["cause"] == cause].iloc[0]
        return Fact(
            f"lost.{cause}.{month}",
            float(row["incidence"]),
            "share",
            self.incidence.definition,
            float(row["incidence_ci_lower"]),
            float(row["incidence_ci_upper"]),
            self.incidence.conf_level,
            n=int(row["at_risk"]),
            source=f"cumulative_incidence(...).at([{month}])",
        )

    def told(self, fact: Fact) -> bool:
        """Whether a fact is known and may be told."""
        return self.voice.disclosure.fact(fact).known

    # -- sentences -----------------------------------------------------------------------------------

    def question(self) -> str:
        """What the chapter asks."""
        return self.voice.say("survival.question")

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.short or not self.told(self.at(self.marks[0])):
            return self.voice.say("survival.finding.short")
        facts = {"one": self.at(self.marks[0]), "after": self.voice.after(self.marks[0])}
        if self.spikes:
            return self.voice.say("survival.finding.spikes", months=self.named_months(), **facts)
        return self.voice.say("survival.finding.early" if self._falling else "survival.finding.even", **facts)

    @property
    def _falling(self) -> bool:
        early, late = self.early
        return self.told(early) and self.told(late) and early.value > SPIKE * late.value

    def named_months(self, months: list[int] | None = None) -> str:
        """Months of age in a row of words: "12. und 24. Monat"."""
        text = self.voice.catalogue.text
        names = [text("survival.nth", n=self.voice.number(m)) for m in (months or self.spikes)[:NAMED]]
        listed = names[0] if len(names) == 1 else text("survival.list", first=", ".join(names[:-1]), last=names[-1])
        return text("survival.month", months=listed)

    def means(self) -> str:
        """What the answer means."""
        if self.short:
            return self.voice.say("survival.means.short")
        if self.spikes:
            return self.voice.say("survival.means.spikes", spike=self.spiking, quiet=self.quiet)
        early, late = self.early
        if self.told(early) and self.told(late):
            return self.voice.say("survival.means.even", early=early, late=late)
        return self.voice.say("survival.means.quiet", quiet=self.quiet)

    def act(self) -> str:
        """What a manager should do."""
        if self.short:
            return self.voice.say("survival.act.short")
        if self.spikes:
            acting = [m - AHEAD for m in self.spikes if m > AHEAD]
            ahead = self.voice.number(AHEAD)
            if acting:
                return self.voice.say("survival.act.spikes", months=self.named_months(acting), ahead=ahead)
        return self.voice.say("survival.act.early" if self._falling else "survival.act.even")

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        fact = self.at(self.marks[-1])
        if self.short or not self.told(fact):
            return self.voice.say("survival.certainty.short")
        half = (fact.ci_upper - fact.ci_lower) / 2
        level = "high" if half <= HIGH else "medium" if half <= MEDIUM else "low"
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
            lines.append(say("survival.foot.lapse", days=self.voice.number(self.durations.days)))
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

    def curve_caption(self) -> str:
        """How to read the survival curve."""
        key = "survival.curve.caption" if self.data.truth is None else "survival.curve.caption.truth"
        return self.voice.say(key, level=self.voice.percent(self.curve.conf_level))

    def hazard_title(self) -> str:
        """Finding of the shares by month."""
        if self.short:
            return self.voice.say("survival.hazard.short")
        if self.spikes:
            return self.voice.say("survival.hazard.spikes", months=self.named_months())
        return self.voice.say("survival.hazard.early" if self._falling else "survival.hazard.even")

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

    def causes_caption(self) -> str:
        """How to read the losses by cause."""
        return self.voice.say("survival.causes.caption")

    def cause_name(self, cause: str) -> str:
        """What a reader calls a cause; one from the data is called as it stands there."""
        key = f"survival.cause.{cause}"
        return self.voice.say(key) if self.voice.catalogue.has(key) else cause

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
    contact: Fact | None = None,
    *,
    lang: str = "en",
    threshold: int = 5,
) -> SurvivalStory:
    """The story of how long customers stay, in a language, silent about fewer customers than the threshold."""
    voice = Voice(lang, customer=data.card.customer, action="stay", period="month", disclosure=Disclosure(threshold))
    return SurvivalStory(data, curve, hazard, incidence, contact, voice)


def ratio_fact(name: str, row: pd.Series[Any], definition: str, conf_level: float) -> Fact:
    """A hazard ratio of a model as a fact."""
    return Fact(
        name,
        float(row["hazard_ratio"]),
        "ratio",
        definition,
        float(row["hazard_ratio_ci_lower"]),
        float(row["hazard_ratio_ci_upper"]),
        conf_level,
        n=int(row["n"]),
        count=int(row["events"]),
        source="hazard_model(...).to_frame()",
    )


def contact_fact(data: Dataset) -> Fact | None:
    """Hazard ratio of the months after our contact person has left; None if it happened to too few.

    The first month does not count: contact persons of a customer who goes are closed with the contract.
    """
    plan = [name for name in ("plan",) if name in data.tables["subscriptions"].columns]
    lost = After("contacts", "end", where={"side": "ours"}, lag="31D", window="92D")
    try:
        model = hazard_model(data, plan, after={"contact person lost": lost})
    except ArgumentError:
        return None
    frame = model.to_frame()
    row = frame[frame["covariate"] == "contact person lost"].iloc[0]
    return ratio_fact("contact", row, model.definition, model.conf_level)
