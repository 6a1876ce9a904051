"""Customers with contracts: they stay until they leave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kbind.report.chapters.retention.base import RetentionStory
from kbind.retention.cohorts import CohortRetention
from kbind.retention.rates import rate_of
from kbind.text.facts import Fact

#: Periods that make a span a manager thinks in: a year, or a month of days.
_SPAN = {"day": 30, "week": 52, "month": 12, "quarter": 4, "year": 1}


@dataclass(frozen=True, eq=False)
class ContractStory(RetentionStory):
    """How many customers stay."""

    @property
    def curves(self) -> tuple[CohortRetention, ...]:
        """With a contract in that period; in it or a later one would be nearly the same line."""
        return (self.on,)

    @cached_property
    def marks(self) -> list[int]:
        """One or two ages to speak of: a year and two, or what has been lived."""
        span = _SPAN[self.activity.calendar.period]
        if self.last_age < span:
            return [self.last_age]
        return [span, 2 * span] if self.last_age >= 2 * span else [span]

    @cached_property
    def churn(self) -> Fact:
        """Share of the customers of a period who are gone in the next, over all periods."""
        frame = self.cycle.to_frame()
        before = int(frame["active"].iloc[:-1].sum())
        period = self.activity.calendar.period
        definition = f"customers gone in a {period}, divided by customers of the {period} before, over all"
        rate = rate_of(int(frame["churned"].iloc[1:].sum()), before, self.on.conf_level, definition)
        return Fact.of_rate("churn", rate, "lifecycle(...).to_frame(), sums of churned and active")

    @cached_property
    def steepest(self) -> int:
        """The age at which the curve loses most."""
        solid = self.pooled[self.pooled["age"] <= self.last_age]
        return int(solid["retention"].diff().fillna(0).to_numpy(dtype=float).argmin())

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
        if not self.told(self.churn):
            return self.say("retention.means.contract.short")
        return self.say("retention.means.contract", churn=self.churn)

    def act(self) -> str:
        """What a manager should do."""
        if self.last_age < 3 or not self.told(self.churn):
            return self.advice(3)
        return self.say("retention.act.contract", k=self.voice.number(self.steepest))

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        return self.how_sure(self.at(self.marks[-1]), self.voice.after(self.marks[-1]))

    def tiles(self) -> list[tuple[str, str, str]]:
        """Shares at the marked ages, and the share that leaves per period."""
        shown = [] if self.short else [self.at(age) for age in self.marks]
        tiles = [
            self.tile_of(fact, self.say("retention.tile.contract", after=self.voice.after(age)), "retention.tile.note")
            for age, fact in zip(self.marks, shown, strict=False)
            if self.told(fact)
        ]
        if self.told(self.churn):
            tiles.append(self.tile_of(self.churn, self.say("retention.tile.churn"), "retention.tile.churn.note"))
        return tiles

    def curve_title(self) -> str:
        """Finding of the retention curve."""
        facts = self._marked()
        if self.short or not self.told(*facts.values()):
            return self.say("retention.curve.short")
        return self.say(f"retention.curve.contract.{len(facts)}", **self._after(), **facts)

    def cohort_title(self) -> str:
        """Finding of the cohort heat map."""
        return self.compared_cohorts(self.marks[0], self.voice.after(self.marks[0]))

    def cycle_title(self) -> str:
        """Finding of the life cycle."""
        churned, new = self.cycle_mean("churned"), self.cycle_mean("new")
        if self.last_new and self.told(churned):
            return self.say("retention.cycle.ended", churned=churned, name=self.last_new, **self.rhythm("churned"))
        if not self.told(churned, new):
            return self.say("retention.cycle.short")
        return self.say("retention.cycle.contract", churned=churned, new=new, **self.rhythm("churned", "new"))

    def _marked(self) -> dict[str, Fact]:
        return {name: self.at(age) for name, age in zip(("one", "two"), self.marks, strict=False)}

    def _after(self) -> dict[str, str]:
        words = {f"after_{name}": self.voice.after(age) for name, age in zip(("one", "two"), self.marks, strict=False)}
        return words | {f"{key}_upper": text[:1].upper() + text[1:] for key, text in words.items()}
