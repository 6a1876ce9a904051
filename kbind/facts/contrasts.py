"""Churned against retained customers as facts: which comparisons are told, and their ratios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.contrasts.comparison import Comparison
from kbind.contrasts.contrasts import Contrasts
from kbind.customers.levels import MISSING
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: Rows of the figure of contrasts.
ROWS = 10
#: An attribute is called striking if its effect is surely larger than this.
STRIKING = 1.25
_COLUMNS = ("attribute", "level", "effect", "effect_ci_lower", "effect_ci_upper", "change", "place")


@dataclass(frozen=True, eq=False)
class ContrastFacts:
    """Facts about churned against retained customers; there are none where nothing could be compared.

    Parameters
    ----------
    contrasts : Contrasts or None
    disclosure : Disclosure
        What may be told of.
    """

    contrasts: Contrasts | None
    disclosure: Disclosure

    @property
    def result(self) -> Contrasts:
        """What was compared."""
        assert self.contrasts is not None
        return self.contrasts

    @property
    def kind(self) -> str:
        """Of which ratio effects are: "rates", so that "x times as often" can be said, or "odds"."""
        return "rates" if self.result.effect.startswith("rate") else "odds"

    @property
    def adjusted(self) -> bool:
        """Whether customers are compared who are alike in other attributes."""
        return self.contrasts is not None and self.contrasts.effect.endswith("adjusted")

    @property
    def flags(self) -> frozenset[str]:
        """Attributes of two levels, which may say yes or no."""
        attributes = () if self.contrasts is None else self.contrasts.profiles.attributes
        return frozenset(attribute.name for attribute in attributes if len(attribute.levels) == 2)

    @cached_property
    def lost(self) -> Fact:
        """Share of the customers who have left."""
        counted, meaning = self.result.profiles, "customers who have left, divided by customers"
        return Fact.of("lost", rate_of(int(counted.left.sum()), int(counted.n.sum()), 0.95, meaning), "")

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The contrasts that may be told, by effect: one row of an attribute with two levels, and what was tested.

        Columns of `Contrasts.to_frame` and place (in `comparisons`), effect, effect_ci_lower, effect_ci_upper.
        """
        if self.contrasts is None:
            return pd.DataFrame(columns=_COLUMNS, dtype=float)
        frame, hidden = self.contrasts.to_frame(), hidden_levels(self.contrasts, self.disclosure)
        for end in ("", "_ci_lower", "_ci_upper"):
            frame[f"effect{end}"] = frame[f"{self.contrasts.effect}{end}"]
        frame["place"] = np.arange(len(frame))
        kept = []
        seen: set[str] = set()
        for place, row in enumerate(self.contrasts.comparisons):
            repeats = row.attribute in self.contrasts.profiles.same
            if np.isnan(self.contrasts.q_values[place]) or repeats or (row.attribute, row.level) in hidden:
                continue
            if row.two and row.attribute in seen:
                continue
            if row.two and not frame["effect"].iloc[place] >= 1 and _other_of(self.contrasts, row, hidden) is not None:
                continue  # the other level says it as something that goes with leaving
            seen.add(row.attribute)
            kept.append(place)
        return frame.iloc[kept].reset_index(drop=True)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """Those that hold up."""
        if self.contrasts is None:
            return self.frame
        return self.frame[self.frame["q_value"] <= self.contrasts.fdr].reset_index(drop=True)

    @cached_property
    def striking(self) -> pd.DataFrame:
        """Findings that go with leaving and are surely not small, the largest first."""
        frame = self.findings
        return frame[(frame["level"] != MISSING) & (frame["effect_ci_lower"] > STRIKING)].reset_index(drop=True)

    @cached_property
    def headline(self) -> int | None:
        """Place of the most striking level that is striking at first sight, too."""
        places = map(int, self.striking["place"])
        clear = (p for p in places if self.raw(p).ci_lower > 1 and self.disclosure.tells(*self.left_of(p)))
        return next(clear, None)

    @property
    def first(self) -> int:
        """Place of the most striking level, where there is one."""
        return int(self.striking["place"].iloc[0])

    @property
    def places(self) -> list[int]:
        """Places of `shown`."""
        return [int(place) for place in self.shown["place"]]

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Rows of a figure: the largest effects, from those who leave most to those who stay.

        Those that look the other way round at first sight are left out: they are told apart, with the reason.
        """
        frame = self.findings if len(self.findings) else self.frame
        frame = frame[np.isfinite(frame["effect_ci_lower"]) & np.isfinite(frame["effect_ci_upper"])]
        alike = [self._same_way(int(place)) for place in frame["place"]]
        frame = frame[np.array(alike, dtype=bool)].head(ROWS)
        ranked: pd.DataFrame = frame.sort_values("effect", ascending=False, kind="stable")
        return ranked.reset_index(drop=True)

    @cached_property
    def reversals(self) -> pd.DataFrame:
        """What looks different once customers are compared who are alike otherwise; column place as in `frame`."""
        if not self.adjusted:
            return pd.DataFrame(columns=_COLUMNS)
        changed = self.result.reversals()[["attribute", "level", "change"]]
        changed = changed.merge(self.frame[["attribute", "level", "place"]], on=["attribute", "level"])
        seen = [self._visible(int(place)) for place in changed["place"]]
        return changed[np.array(seen, dtype=bool)].reset_index(drop=True)

    def _visible(self, place: int) -> bool:
        """Whether the raw or the adjusted ratio is large enough for a difference to be seen without decimals."""
        ratios = self.raw(place), self.effect(place)
        clear = (f.value for f in ratios if not f.ci_lower <= 1 <= f.ci_upper and f.value > 0)
        return max((max(value, 1 / value) for value in clear), default=1.0) >= STRIKING

    def _same_way(self, place: int) -> bool:
        """Whether the shares who left differ in the direction of the effect."""
        here, rest = self.left_of(place)
        return bool((here.value - rest.value) * (self.effect(place).value - 1) >= 0)

    def alike(self, place: int) -> Fact:
        """Share of all others who would have left, were they alike in the other attributes.

        The share that left of those with the level, brought down by the ratio: of rates by way of the hazard that the
        share stands for, of odds by the odds.
        """
        here, effect = self.left_of(place)[0], self.effect(place)
        ends = (effect.value, effect.ci_upper, effect.ci_lower)
        value, low, high = (_brought_down(here.value, ratio, rates=self.kind == "rates") for ratio in ends)
        own = self.result.comparisons[place]
        meaning = f"share who left of comparable customers without {own.attribute} {own.level!r}, by the ratio"
        name, source = f"alike.{own.attribute}.{own.level}", "contrast(...).to_frame()"
        return Fact(name, value, "share", meaning, low, high, self.result.conf_level, own.n_others, source=source)

    def effect(self, place: int) -> Fact:
        """The ratio of one comparison, adjusted where that was asked for."""
        return self._ratio("effect", place, self.result.effect)

    def raw(self, place: int) -> Fact:
        """The same as it looks at first sight."""
        return self._ratio("raw", place, "rate_ratio" if self.kind == "rates" else "odds_ratio")

    def _ratio(self, kind: str, place: int, column: str) -> Fact:
        row, own = self.result.to_frame().iloc[place], self.result.comparisons[place]
        name, source = f"{kind}.{own.attribute}.{own.level}", "contrast(...).to_frame()"
        definition = f"{column.replace('_', ' ')} of {own.attribute} {own.level!r} against all others"
        told = definition, self.result.conf_level
        return Fact.of(name, Estimate.in_row(row, column, *told, n=own.n, count=own.left), source, "ratio")

    def level(self, place: int) -> tuple[str, str]:
        """Attribute and level of a comparison."""
        own = self.result.comparisons[place]
        return own.attribute, own.level

    def left_of(self, place: int) -> tuple[Fact, Fact]:
        """Share who left of those with a level, and of all others."""
        own = self.result.comparisons[place]
        name, pair = f"{own.attribute}.{own.level}", f"{own.attribute} {own.level!r}"
        with_it = f"customers with {pair} who have left, divided by all with it"
        others = f"customers without {pair} who have left, divided by all without it"
        return (
            Fact.of(f"left.{name}", rate_of(own.left, own.n, 0.95, with_it), ""),
            Fact.of(f"left.not.{name}", rate_of(own.left_others, own.n_others, 0.95, others), ""),
        )


def _brought_down(share: float, ratio: float, *, rates: bool) -> float:
    """The share of the others, of whom a share is so many times theirs.

    >>> round(_brought_down(0.5, 2.0, rates=False), 3), round(_brought_down(0.75, 2.0, rates=True), 3)
    (0.333, 0.5)
    """
    if not ratio > 0 or not 0 < share < 1:
        return float("nan")
    odds = share / (1 - share) / ratio
    return float(1 - (1 - share) ** (1 / ratio)) if rates else odds / (1 + odds)


def _other_of(contrasts: Contrasts, row: Comparison, hidden: set[tuple[str, str]]) -> Comparison | None:
    """The other of two levels, if it may be told."""
    others = [c for c in contrasts.comparisons if c.attribute == row.attribute and c.level != row.level]
    return next((c for c in others if c.two and (c.attribute, c.level) not in hidden), None)


def hidden_levels(contrasts: Contrasts, disclosure: Disclosure) -> set[tuple[str, str]]:
    """Levels of which too few customers left or stayed."""
    return {(c.attribute, c.level) for c in contrasts.comparisons if disclosure.few([c.left, c.n - c.left]).any()}
