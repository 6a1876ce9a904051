"""Segments of the customers who left, as facts that may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.truth import Truth
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.facts.losses import Losses
from kbind.segments.profile import SegmentProfile
from kbind.segments.segmentation import Segmentation
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.typing import Ints

#: Customers share what they have in common at least so many standard deviations more often, or higher, than others.
_CLEAR = 0.3
#: Traits and reasons that a card names.
_TRAITS, _REASONS = 3, 3


@dataclass(frozen=True)
class Shared:
    """One thing that the customers of a segment have in common.

    Attributes
    ----------
    attribute, level : str
        The level is empty for a number.
    more : bool
        Whether they have it more often, or have more of it, than the others who left.
    here, others : Fact
        Share with the level, or median, in the segment and among all others who left.
    """

    attribute: str
    level: str
    more: bool
    here: Fact
    others: Fact


@dataclass(frozen=True)
class Card:
    """One segment.

    Attributes
    ----------
    number : int
        From 1, the largest first.
    size : Fact
        Its share of those who left.
    churn, lift : Fact
        Share who left of all who would fall in it; that share over the share of all customers.
    present : Fact
        Customers who are there now and would fall in it.
    revenue, revenue_share, mean : Fact
        Revenue of a year that went with them, its share of all that was lost, and what one of them brought; unknown
        without revenue.
    shared : tuple of Shared
        What they have in common, the clearest first.
    reasons : tuple of (str, Fact)
        Stated reasons, the most frequent first.
    """

    number: int
    size: Fact
    churn: Fact
    lift: Fact
    present: Fact
    revenue: Fact
    revenue_share: Fact
    mean: Fact
    shared: tuple[Shared, ...]
    reasons: tuple[tuple[str, Fact], ...]

    def typical(self, everybody: Mapping[str, Fact]) -> str:
        """The reason that the segment surely names more often than all; else its most frequent one, or none."""
        more = [
            (fact.value - everybody[name].value, name)
            for name, fact in self.reasons
            if name in everybody and fact.ci_lower > everybody[name].value
        ]
        return max(more)[1] if more else self.reasons[0][0] if self.reasons else ""


@dataclass(frozen=True, eq=False)
class Segments:
    """A segmentation with its profile.

    Attributes
    ----------
    found : Segmentation
    profile : SegmentProfile
    losses : Losses or None
        Revenue that went with those who left; None where it is not known.
    """

    found: Segmentation = field(repr=False)
    profile: SegmentProfile = field(repr=False)
    losses: Losses | None = field(default=None, repr=False)

    @property
    def groups(self) -> bool:
        """Whether there are groups, and not only a useful division."""
        return self.found.verdict == "groups"

    @property
    def kind(self) -> str:
        """What is known of groups: "none", "fluid", "alike" (groups that leave like all others) or "groups"."""
        if self.found.k < 2 or self.found.verdict == "no stable segments":
            return "none"
        # of some segment, customers surely leave more often than the average
        stand_out = (self.frame["lift_ci_lower"] > 1).any()
        return "fluid" if not self.groups else "groups" if stand_out else "alike"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a segment."""
        return self.profile.to_frame()

    @cached_property
    def everybody(self) -> Fact:
        """Share of all customers who have left."""
        left = self.profile.roster.left
        meaning = "customers who have left, divided by customers"
        return Fact.of("segments.lost", rate_of(int(left.sum()), len(left), 0.95, meaning), "")

    @cached_property
    def again(self) -> Fact:
        """Share of those who left that fall in the same segment if it is formed without them."""
        meaning = "customers who fall in the same segment when it is formed without them, divided by those who left"
        return self._of_all("again", self.profile.same_segment, meaning)

    @cached_property
    def fidelity(self) -> Fact:
        """Share of those who left that short rules put in the right segment."""
        meaning = "customers whom short rules put in their segment, divided by those who left"
        return self._of_all("fidelity", self.profile.fidelity, meaning)

    def _of_all(self, name: str, share: float, meaning: str) -> Fact:
        n = self.found.n
        return Fact(name, share, "share", meaning, n=n, count=round(share * n), source="segment_churned(...)")

    def planted(self, number: int, truth: Truth | None) -> tuple[str, Fact] | None:
        """The planted segment that most of a segment's customers come from; None if there is no choice."""
        if truth is None:
            return None
        planted = truth.accounts.set_index("customer_id")["segment"]
        people = self.profile.roster
        here = people.left & (self.profile.segment == number - 1)
        own = planted.reindex(people.customer_id[here]).value_counts()
        if own.empty or len(planted.unique()) < 2:
            return None
        count, n = int(own.iloc[0]), int(own.sum())
        meaning = "customers of the segment who come from one planted segment, divided by those of the segment"
        return str(own.index[0]), Fact(f"planted.{number}", count / n, "share", meaning, n=n, count=count)

    def cards(self, disclosure: Disclosure) -> list[Card]:
        """One card a segment; nothing is told of one that too few left or stayed in."""
        frame = self.frame
        left = frame["n_churned"].to_numpy(dtype=np.int64)
        stayed = frame["n"].to_numpy(dtype=np.int64) - left
        hidden = disclosure.few(left) | disclosure.few(stayed)
        reasons, money = self._reasons(left, disclosure), self._money(len(left), disclosure)
        result = []
        for place, (_, row) in enumerate(frame.iterrows()):
            number = int(row["segment"])
            n, total = int(left[place]), int(left.sum())
            told = not hidden[place]
            result.append(
                Card(
                    number=number,
                    size=_fact(row, number, "share", "share", total, n, told),
                    churn=_fact(row, number, "churn_rate", "share", int(row["n"]), n, told),
                    lift=_fact(row, number, "lift", "ratio", int(row["n"]), n, told),
                    present=self._present(number, int(stayed[place]), told),
                    revenue=money[place][0],
                    revenue_share=money[place][1],
                    mean=money[place][2],
                    shared=self._shared(number, left, disclosure),
                    reasons=reasons[place],
                )
            )
        return result

    def _present(self, number: int, stayed: int, told: bool) -> Fact:
        meaning = "customers who have not left and would fall in the segment"
        return Fact(f"segment.{number}.present", stayed, "customers", meaning, hidden=not told)

    def _money(self, k: int, disclosure: Disclosure) -> list[tuple[Fact, Fact, Fact]]:
        """By segment: revenue lost, its share, and the mean of those who left; hidden of too few."""
        ids = [f"segment.{number}.{{}}" for number in range(1, k + 1)]
        if self.losses is None:
            return [
                (
                    Fact(one.format("lost_revenue"), np.nan, "money", "not known"),
                    Fact(one.format("lost_revenue_share"), np.nan, "share", "not known"),
                    Fact(one.format("lost_mean"), np.nan, "money", "not known"),
                )
                for one in ids
            ]
        masks = [self.profile.segment == number for number in range(k)]
        counts = np.array([int((mask & self.losses.gone).sum()) for mask in masks], dtype=np.int64)
        result = []
        for one, mask, few, count in zip(ids, masks, disclosure.few(counts), counts, strict=True):
            revenue = replace(self.losses.of_some(one.format("lost_revenue"), mask), hidden=bool(few))
            share = replace(self.losses.share_of(one.format("lost_revenue_share"), mask), hidden=bool(few))
            value = revenue.value / count if count else np.nan
            meaning = "revenue of a year that went with one of them, on average"
            mean = Fact(one.format("lost_mean"), value, "money", meaning, count=int(count), hidden=bool(few))
            result.append((revenue, share, mean))
        return result

    def _shared(self, number: int, left: Ints, disclosure: Disclosure) -> tuple[Shared, ...]:
        """What distinguishes a segment: one thing an attribute, what it has before what it lacks."""
        every = self.profile.traits()
        mine = every[(every["segment"] == number) & every["clear"] & (every["standardized"].abs() >= _CLEAR)]
        lacking = (mine["level"] != "") & (mine["standardized"] < 0)
        ranked = pd.concat([mine[~lacking], mine[lacking]]).drop_duplicates("attribute")
        result = []
        for _, row in ranked.iterrows():
            attribute, level = str(row["attribute"]), str(row["level"])
            same = every[(every["attribute"] == attribute) & (every["level"] == level)].set_index("segment")["value"]
            n = int(left[number - 1])
            others = int(left.sum()) - n
            name = f"segment.{number}.{attribute}.{level}"
            unit, meaning = "count", f"median of {attribute}"
            having: tuple[int | None, int | None] = (None, None)
            if level:
                # a segment that nobody falls in, seen on others, has no shares
                counts = np.array([round(same.get(k + 1, 0.0) * size) for k, size in enumerate(left)], dtype=np.int64)
                if disclosure.few([counts[number - 1], n - counts[number - 1]]).any():
                    continue
                unit, meaning = "share", f"{attribute} is {level}"
                having = int(counts[number - 1]), int(counts.sum() - counts[number - 1])
            here = Fact(name, float(row["value"]), unit, meaning, n=n, count=having[0])
            apart = Fact(f"{name}.others", float(row["value_others"]), unit, meaning, n=others, count=having[1])
            result.append(Shared(attribute, level, bool(row["standardized"] > 0), here, apart))
        return tuple(result[:_TRAITS])

    def _reasons(self, left: Ints, disclosure: Disclosure) -> list[tuple[tuple[str, Fact], ...]]:
        """Stated reasons of each segment that may be told, among those of it who gave one."""
        frame = self.profile.reasons()
        if frame.empty:
            return [()] * len(left)
        wide = frame.pivot(index="segment", columns="reason", values="n").reindex(range(1, len(left) + 1)).fillna(0)
        table = wide.to_numpy(dtype=np.int64)
        result = []
        for place in range(len(left)):
            stated = int(table[place].sum())
            own = frame[frame["segment"] == place + 1]
            told: list[tuple[str, Fact]] = []
            for _, row in own.iterrows():
                column = list(wide.columns).index(row["reason"])
                if not disclosure.few(table[place, column]) and row["n"] and len(told) < _REASONS:
                    name = f"segment.{place + 1}.reason.{row['reason']}"
                    meaning = "customers of the segment who gave this reason, divided by those of it who gave one"
                    fact = Fact.of(name, Estimate.in_row(row, "share", meaning, n=stated, count=int(row["n"])))
                    told.append((str(row["reason"]), fact))
            result.append(tuple(told))
        return result


def _fact(row: pd.Series[Any], number: int, name: str, unit: str, n: int, count: int | None, told: bool) -> Fact:
    meaning = f"{name.replace('_', ' ')} of the segment"
    source = "segment_churned(...).profile().to_frame()"
    estimate = Estimate.in_row(row, name, meaning, n=n, count=count)
    fact = Fact.of(f"segment.{number}.{name}", estimate, source, unit)
    return replace(fact, hidden=not told)
