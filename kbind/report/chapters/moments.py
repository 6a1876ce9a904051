"""What the times are called at which most customers are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kbind.facts.leaving import YEAR, LeavingFacts
from kbind.report.chapters.base import Speaker
from kbind.text.voice import Voice

#: Dangerous months that a sentence names: all of them up to so many, of more that follow each other yearly the first.
ALL, NAMED = 6, 3


@dataclass(frozen=True, eq=False)
class Moments(Speaker):
    """Times of loss as adverbs.

    Parameters
    ----------
    facts : LeavingFacts
        Which early months, and which dangerous ones.
    voice : Voice
        Who speaks.
    """

    facts: LeavingFacts
    voice: Voice = field(repr=False)

    def when(self, name: str) -> str:
        """The time of a loss, "early" or at "renewal": "in den ersten 5 Monaten", "bei der jährlichen Verlängerung"."""
        if name == "early":
            self.voice.note(self.facts.early_months)
            return self._span("survival.first", self.facts.block)
        if not self.facts.yearly:
            return self.named(self.facts.renewals)
        if len(self.facts.renewals) > 1:
            return self.voice.catalogue.text("survival.renewals")
        return self.first_renewal()

    def costliest(self, name: str) -> str:
        """The same as the subject of a sentence: "Die jährliche Verlängerung ist der teuerste Zeitpunkt"."""
        if name == "early":
            return self._span("survival.costliest.early", self.facts.block)
        if not self.facts.yearly:
            return self.voice.catalogue.text("survival.costliest.months", when=self.when(name))
        many = len(self.facts.renewals) > 1
        return self.voice.catalogue.text("survival.costliest.renewals" if many else "survival.costliest.renewal")

    def first_renewal(self) -> str:
        """The first dangerous month: "bei der ersten Verlängerung im 12. Monat"."""
        month = self.named(self.facts.renewals[:1])
        return self.voice.catalogue.text("survival.renewal.first", month=month) if self.facts.yearly else month

    def at(self, name: str, *, short: bool = False) -> str:
        """The same for new customers, of whom the first dangerous month is told; short: without its number."""
        if name == "early":
            return self.when(name)
        return (
            self.voice.catalogue.text("survival.renewal.short") if short and self.facts.yearly else self.first_renewal()
        )

    def horizon(self) -> str:
        """The time over which departures are counted: "im ersten Jahr"."""
        if self.facts.horizon == YEAR:
            return self.voice.catalogue.text("survival.year")
        return self._span("survival.first", self.facts.horizon)

    def through(self) -> str:
        """The early months, as customers are guided through them: "in den ersten 5 Monaten"."""
        return self._span("survival.through", self.facts.block)

    def named(self, months: Sequence[int]) -> str:
        """Months of age in a row of words: "im 12. und 24. Monat"."""
        text = self.voice.catalogue.text
        further = len(months) > ALL and {after - before for before, after in pairwise(months)} == {YEAR}
        shown = months[:NAMED] if further else months
        names = self.voice.listed([text("survival.nth", n=self.voice.number(month)) for month in shown])
        return (
            text("survival.month.yearly", months=names) if further else text("survival.month", len(shown), months=names)
        )

    def _span(self, key: str, months: int) -> str:
        return self.voice.catalogue.text(key, months, n=self.voice.number(months))
