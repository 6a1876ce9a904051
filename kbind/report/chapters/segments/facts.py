"""What the chapter knows about the customers who left: its facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.contrasts.contrasts import Contrasts
from kbind.customers.levels import MISSING
from kbind.dataset.dataset import Dataset
from kbind.estimate.intervals import wilson
from kbind.facts.contrasts import by_rates, comparable, effect, holding, is_adjusted, raw
from kbind.facts.names import Names
from kbind.reasons.by_type import ReasonsByType
from kbind.report.chapters.base import Scope, Story, needed
from kbind.report.chapters.segments.cards import Segments
from kbind.text.facts import Fact
from kbind.text.voice import Voice

#: An attribute is called striking if its effect is surely larger than this.
STRIKING = 1.25
#: A reason is shared if so many of those who gave one give it.
SHARED = 0.5


@dataclass(frozen=True, eq=False)
class SegmentFacts(Story):
    """Facts about what the customers who left have in common.

    Parameters
    ----------
    data : Dataset
        What it is about.
    contrasts : Contrasts or None
        Churned against retained; None where there is nothing to compare.
    reasons : ReasonsByType or None
        Why they say they left, if anybody asked.
    segments : Segments or None
        Segments of those who left; None where there are too few.
    voice : Voice
        Who speaks.
    """

    asks = "segments.question"

    data: Dataset
    contrasts: Contrasts | None
    reasons: ReasonsByType | None
    segments: Segments | None
    voice: Voice = field(repr=False)

    @cached_property
    def names(self) -> Names:
        """What readers call things."""
        attributes = () if self.contrasts is None else self.contrasts.profiles.attributes
        flags = frozenset(a.name for a in attributes if len(a.levels) == 2)
        return Names(self.voice, self.data.card.key, flags)

    def scope(self) -> Scope:
        """Who and when it is about."""
        log = "customers"
        if "churned" not in self.data.roles:
            log = next((name for name in ("subscriptions", "events") if name in self.data.tables), "customers")
        rows = self.data.tables["customers"].rows
        customers = rows if self.contrasts is None else int(self.contrasts.profiles.n.sum())
        return Scope.of_log(self.data, customers, log, None if log == "customers" else self.data.as_of)

    # -- churned against retained --------------------------------------------------------------------

    @cached_property
    def lost(self) -> Fact:
        """Share of the customers who have left."""
        counted = needed(self.contrasts).profiles
        left, n = int(counted.left.sum()), int(counted.n.sum())
        return self._share("lost", left, n, "customers who have left, divided by customers")

    @property
    def rates(self) -> bool:
        """Whether effects are ratios of rates, so that "x times as often" can be said."""
        return self.contrasts is not None and by_rates(self.contrasts)

    @property
    def adjusted(self) -> bool:
        """Whether customers are compared who are alike in other attributes."""
        return self.contrasts is not None and is_adjusted(self.contrasts)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The contrasts that may be told, by effect; see `comparable`."""
        return comparable(needed(self.contrasts), self.voice.disclosure)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """The contrasts that hold up."""
        if self.contrasts is None:
            return pd.DataFrame(columns=["attribute", "level", "effect", "effect_ci_lower", "place"])
        return holding(self.contrasts, self.frame)

    @cached_property
    def striking(self) -> pd.DataFrame:
        """Findings that go with leaving and are surely not small, the largest first."""
        frame = self.findings
        known = frame["level"] != MISSING
        return frame[known & (frame["effect_ci_lower"] > STRIKING)].reset_index(drop=True)

    def effect(self, place: int) -> Fact:
        """The ratio of one comparison, adjusted where that was asked for."""
        return effect(needed(self.contrasts), place)

    def raw(self, place: int) -> Fact:
        """The same as it looks at first sight."""
        return raw(needed(self.contrasts), place)

    def left_of(self, place: int) -> tuple[Fact, Fact]:
        """Share who left of those with a level, and of all others."""
        own = needed(self.contrasts).comparisons[place]
        name = f"{own.attribute}.{own.level}"
        with_it = f"customers with {own.attribute} {own.level!r} who have left, divided by all with it"
        others = f"customers without {own.attribute} {own.level!r} who have left, divided by all without it"
        return (
            self._share(f"left.{name}", own.left, own.n, with_it),
            self._share(f"left.not.{name}", own.left_others, own.n_others, others),
        )

    @cached_property
    def reversals(self) -> pd.DataFrame:
        """What looks different once customers are compared who are alike otherwise; column place as in `frame`."""
        if self.contrasts is None or not self.adjusted:
            return pd.DataFrame(columns=["attribute", "level", "change", "place"])
        found = self.contrasts.reversals()[["attribute", "level", "change"]]
        found = found.merge(self.frame[["attribute", "level", "place"]], on=["attribute", "level"])
        seen = [self._visible(int(place)) for place in found["place"]]
        return found[np.array(seen, dtype=bool)].reset_index(drop=True)

    def _visible(self, place: int) -> bool:
        """Whether the raw or the adjusted ratio is large enough for a difference to be seen without decimals."""
        raw, adjusted = self.raw(place), self.effect(place)
        sizes = [
            max(f.value, 1 / f.value) for f in (raw, adjusted) if not f.ci_lower <= 1 <= f.ci_upper and f.value > 0
        ]
        return max(sizes, default=1.0) >= STRIKING

    # -- reasons -------------------------------------------------------------------------------------

    @cached_property
    def stated(self) -> list[tuple[str, Fact]]:
        """Every stated reason with its share among those who gave one, the most frequent first."""
        if self.reasons is None:
            return []
        people = self.reasons.leavers
        counts = np.bincount(people.reason[people.reason >= 0], minlength=len(people.reasons))
        meaning = "customers who gave this reason, divided by those who gave one"
        return [
            (reason, self._share(f"reason.{reason}", int(count), int(counts.sum()), meaning))
            for reason, count in zip(people.reasons, counts, strict=True)
        ]

    @cached_property
    def silent(self) -> Fact:
        """Share of those who said goodbye that gave no reason."""
        people = needed(self.reasons).leavers
        meaning = "customers who said goodbye without a reason, divided by all who said goodbye"
        return self._share("reason.none", int((people.reason < 0).sum()), len(people), meaning)

    @property
    def one_reason(self) -> bool:
        """Whether most of those who gave a reason gave the same."""
        return bool(self.stated) and self.stated[0][1].ci_lower > SHARED and self.told(self.stated[0][1])

    # -- the answer ----------------------------------------------------------------------------------

    @property
    def answer(self) -> str:
        """Whether the lost share a type or a reason: "yes", "partly", "no", or "short" if nobody can tell."""
        if self.contrasts is None or not self.told(self.lost):
            return "short"
        grouped = self.segments is not None and self.segments.groups and self.segments.stand_out
        if grouped and len(self.striking):
            return "yes"
        return "partly" if len(self.striking) or self.one_reason else "no"

    def _share(self, name: str, count: int, n: int, definition: str) -> Fact:
        value, lower, upper = (float(part) for part in wilson(count, n))
        return Fact(name, value, "share", definition, lower, upper, n=n, count=count)
