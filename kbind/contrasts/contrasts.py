"""What churned customers have that retained ones have not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.contrasts.comparison import Comparison
from kbind.contrasts.regression import Effect
from kbind.customers.leaks import Leak
from kbind.customers.profiles import Profiles
from kbind.errors import listed
from kbind.estimate.intervals import interval_columns, newcombe, wilson, with_limits
from kbind.result import Shown
from kbind.typing import Floats

_REVERSED, _OTHER_WAY, _GONE, _ONLY_ADJUSTED = (
    "the other way round",
    "no longer clear, and rather the other way round",
    "no longer clear",
    "clear only after adjusting",
)


@dataclass(frozen=True, eq=False)
class Contrasts(Shown):
    """Every level of every attribute, churned against retained customers. Made by `contrast`.

    Attributes
    ----------
    comparisons : tuple of Comparison
        By effect, the largest first.
    adjust : tuple of str
        Columns that were adjusted for, an attribute itself excepted.
    fdr : float
        Share of false ones allowed among the findings.
    conf_level : float
        Level of the intervals.
    profiles : Profiles
        What was counted.
    q_values : ndarray of float, shape (comparisons,)
        NaN where no test was made.
    leaks : tuple of Leak
        Columns that were left out, because they are proven to know the outcome.
    """

    comparisons: tuple[Comparison, ...] = field(repr=False)
    adjust: tuple[str, ...]
    fdr: float
    conf_level: float
    profiles: Profiles = field(repr=False)
    q_values: Floats = field(repr=False)
    leaks: tuple[Leak, ...] = ()

    @property
    def removed(self) -> dict[str, str]:
        """Columns that were left out, because they are proven to know the outcome, and how."""
        return {leak.column: leak.reason for leak in self.leaks}

    @property
    def effect(self) -> str:
        """The column that rows are ranked by and that q values are about."""
        return effect_name(self.adjust, self.profiles)

    @property
    def definition(self) -> str:
        """What was compared and how, in a few sentences."""
        held = f", adjusted for {listed(self.adjust)} (an attribute itself excepted, numbers linear)"
        person_time = f" Rates by time at risk: {self.profiles.exposure}." if self.profiles.exposure else ""
        return (
            f"{int(self.profiles.left.sum()):,} of {int(self.profiles.n.sum()):,} {self.profiles.provenance.customer}s "
            "have left; each level against all others of its attribute among those to whom it applies. Shares of "
            "those who left and of those who stayed that have the level (Wilson); risk difference: share who left, "
            "with the level minus without (Newcombe); odds ratios by logistic regression "
            f"(Wald){held if self.adjust else ''}; {self.conf_level:.0%} intervals.{person_time} Ranked by the size of "
            f"{self.effect} on the log scale; q by Benjamini-Hochberg over the score tests of all attributes, those of "
            f"two levels counting once. {self.profiles.meaning} What goes with leaving need not be its cause. "
            f"{self.profiles.provenance}"
        )

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing: levels that do not apply, columns left out, levels without estimate, reversals."""
        return (
            *self._structure_notes(),
            *self.profiles.notes,
            *self._range_notes(),
            *self._unknown_notes(),
            *self._reason_notes(),
            *self._reversal_notes(),
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a level, the largest effect first; levels without a test last.

        Returns
        -------
        DataFrame
            Columns attribute, level, n, share_churned and share_retained (share of the churned, of the retained with
            the level), risk_difference, odds_ratio, odds_ratio_adjusted, with exposure rate_ratio (and
            rate_ratio_adjusted, where adjusted for something), each with `_ci_lower` and `_ci_upper`, and q_value.
        """
        rows = self.comparisons
        counts = {name: np.array([getattr(c, name) for c in rows], dtype=float)
                  for name in ("left", "n", "left_others", "n_others")}  # fmt: skip
        left, n, left_others, n_others = counts.values()
        columns: dict[str, Any] = {
            "attribute": [c.attribute for c in rows],
            "level": [c.level for c in rows],
            "n": n.astype(np.int64),
        }
        stayed, stayed_others = n - left, n_others - left_others
        columns |= interval_columns("share_churned", wilson(left, left + left_others, self.conf_level))
        columns |= interval_columns("share_retained", wilson(stayed, stayed + stayed_others, self.conf_level))
        columns |= interval_columns("risk_difference", newcombe(left, n, left_others, n_others, self.conf_level))
        for name in rows[0].effects if rows else ():
            columns |= self._ratio(name, [c.effects[name] for c in rows])
        return pd.DataFrame({**columns, "q_value": self.q_values})

    def findings(self) -> pd.DataFrame:
        """The rows of `to_frame` that hold up: among them, about a share `fdr` is expected to be chance."""
        frame = self.to_frame()
        return frame[frame["q_value"] <= self.fdr].reset_index(drop=True)

    def details(self) -> pd.DataFrame:
        """How each row came about, in the order of `to_frame`.

        Returns
        -------
        DataFrame
            Columns attribute, level, adjusted_for, among (to whom the attribute applies; empty for everybody),
            n_churned, n_others, n_churned_others, p_value, q_value, reason (why there is no ratio or no test).
        """
        return pd.DataFrame(
            {
                "attribute": [c.attribute for c in self.comparisons],
                "level": [c.level for c in self.comparisons],
                "adjusted_for": [", ".join(c.adjusted_for) for c in self.comparisons],
                "among": [c.among for c in self.comparisons],
                "n_churned": [c.left for c in self.comparisons],
                "n_others": [c.n_others for c in self.comparisons],
                "n_churned_others": [c.left_others for c in self.comparisons],
                "p_value": [c.effects[self.effect].p_value for c in self.comparisons],
                "q_value": self.q_values,
                "reason": [c.effects[self.effect].reason for c in self.comparisons],
            }
        )

    def reversals(self) -> pd.DataFrame:
        """Levels that look different once adjusted: the raw interval and the adjusted one tell another story.

        Returns
        -------
        DataFrame
            Columns attribute, level, raw and adjusted ratio with limits, and change: "the other way round" (both
            intervals exclude 1, on opposite sides), "no longer clear" (the adjusted one includes 1), the same "and
            rather the other way round" (its estimate lies on the other side of 1), or "clear only after adjusting".
        """
        raw, adjusted = ("rate_ratio", "rate_ratio_adjusted") if self.profiles.exposure else (
            "odds_ratio", "odds_ratio_adjusted")  # fmt: skip
        names = with_limits(raw, adjusted)
        frame = self.to_frame()
        if adjusted not in frame:
            return frame.reindex(columns=["attribute", "level", *names]).iloc[:0].assign(change=[])
        frame = frame[["attribute", "level", *names]]
        change = [_change(*(float(row[name]) for name in names)) for _, row in frame.iterrows()]
        return frame.assign(change=change)[[bool(text) for text in change]].reset_index(drop=True)

    def _ratio(self, name: str, effects: Sequence[Effect]) -> dict[str, Floats]:
        estimate, error = (np.array([getattr(e, part) for e in effects]) for part in ("estimate", "error"))
        step = NormalDist().inv_cdf(0.5 + self.conf_level / 2) * error
        return interval_columns(name, np.exp([estimate, estimate - step, estimate + step]))

    def _structure_notes(self) -> list[str]:
        found = [
            f"{s.attribute}: {s.level!r} marks the same {s.n:,} {self.profiles.provenance.customer}s as {s.parent} "
            f"{s.parent_level!r}. It is taken for 'does not apply': the other levels of {s.attribute} are compared "
            f"without them, and {s.parent} stands for them."
            for s in self.profiles.structural
        ]
        compared = [a.name for a in self.profiles.attributes]
        same = {a: self.profiles.same[a] for a in compared if a in self.profiles.same}
        return found + [
            f"{a} divides the {self.profiles.provenance.customer}s just as {b} does." for a, b in same.items()
        ]

    def _range_notes(self) -> list[str]:
        cut = [f"{a.name} at {listed(f'{c:.15g}' for c in a.cuts)}" for a in self.profiles.attributes if a.cuts]
        return [f"Numbers are cut near their quartiles: {'; '.join(cut)}."] if cut else []

    def _unknown_notes(self) -> list[str]:
        numbers = self.profiles.numbers
        lost = {name: int(self.profiles.n[np.isnan(values)].sum()) for name, values in numbers.items()}
        return [
            f"{count:,} {self.profiles.provenance.customer}s without {name} are left out where {name} is adjusted for."
            for name, count in lost.items()
            if count
        ]

    def _reason_notes(self) -> list[str]:
        without: dict[str, list[str]] = {}
        for c in self.comparisons:
            reason = c.effects[self.effect].reason
            if reason:
                without.setdefault(reason, []).append(f"{c.attribute} {c.level!r}")
        return [f"No {self.effect} or no test ({reason}): {listed(rows)}." for reason, rows in without.items()]

    def _reversal_notes(self) -> list[str]:
        found = self.reversals()
        two = {c.attribute for c in self.comparisons if c.two}
        # of two levels, one says it all
        found = found[~(found["attribute"].isin(two) & found["attribute"].duplicated())]
        raw, adjusted = (found.columns[2], found.columns[5]) if len(found) else ("", "")
        return [
            f"{row['attribute']} {row['level']!r}: {raw.replace('_', ' ')} {row[raw]:.2f}, adjusted "
            f"{row[adjusted]:.2f}: {row['change']}."
            for _, row in found.iterrows()
        ]


def effect_name(adjust: Sequence[str], profiles: Profiles) -> str:
    """The effect that was asked for: of rates where there is time at risk, adjusted where there is something to."""
    return ("rate_ratio" if profiles.exposure else "odds_ratio") + ("_adjusted" if adjust else "")


def _change(raw: float, raw_low: float, raw_high: float, adjusted: float, low: float, high: float) -> str:
    """How the adjusted ratio differs from the raw one in what it says; empty if it does not."""
    if np.isnan(raw_low) or np.isnan(low):
        return ""
    told, told_after = not raw_low <= 1 <= raw_high, not low <= 1 <= high
    other_side = (raw > 1) != (adjusted > 1)
    if told and told_after:
        return _REVERSED if other_side else ""
    if told:
        return _OTHER_WAY if other_side else _GONE
    return _ONLY_ADJUSTED if told_after else ""
