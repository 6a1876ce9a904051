"""Churned against retained customers as facts: which comparisons are told, and their ratios."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kbind.contrasts.comparison import Comparison
from kbind.contrasts.contrasts import Contrasts
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: Rows of the figure of contrasts.
ROWS = 10


def by_rates(contrasts: Contrasts) -> bool:
    """Whether effects are ratios of rates, so that "x times as often" can be said."""
    return contrasts.effect.startswith("rate")


def is_adjusted(contrasts: Contrasts) -> bool:
    """Whether customers are compared who are alike in other attributes."""
    return contrasts.effect.endswith("adjusted")


def comparable(contrasts: Contrasts, disclosure: Disclosure) -> pd.DataFrame:
    """The contrasts that may be told, by effect: one row of an attribute with two levels, and what was tested.

    Columns of `Contrasts.to_frame` and place (in `comparisons`), effect, effect_ci_lower, effect_ci_upper.
    """
    frame, hidden = contrasts.to_frame(), hidden_levels(contrasts, disclosure)
    for end in ("", "_ci_lower", "_ci_upper"):
        frame[f"effect{end}"] = frame[f"{contrasts.effect}{end}"]
    frame["place"] = np.arange(len(frame))
    kept = []
    seen: set[str] = set()
    for place, row in enumerate(contrasts.comparisons):
        repeats = row.attribute in contrasts.profiles.same
        if np.isnan(contrasts.q_values[place]) or repeats or (row.attribute, row.level) in hidden:
            continue
        if row.two and row.attribute in seen:
            continue
        if row.two and not frame["effect"].iloc[place] >= 1 and _other_of(contrasts, row, hidden) is not None:
            continue  # the other level says it as something that goes with leaving
        seen.add(row.attribute)
        kept.append(place)
    return frame.iloc[kept].reset_index(drop=True)


def _other_of(contrasts: Contrasts, row: Comparison, hidden: set[tuple[str, str]]) -> Comparison | None:
    """The other of two levels, if it may be told."""
    others = [c for c in contrasts.comparisons if c.attribute == row.attribute and c.level != row.level]
    return next((c for c in others if c.two and (c.attribute, c.level) not in hidden), None)


def hidden_levels(contrasts: Contrasts, disclosure: Disclosure) -> set[tuple[str, str]]:
    """Levels of which too few customers left or stayed, or would follow from the others."""
    hidden: set[tuple[str, str]] = set()
    for name in dict.fromkeys(c.attribute for c in contrasts.comparisons):
        rows = [c for c in contrasts.comparisons if c.attribute == name]
        mask = disclosure.crossed(np.array([[c.left, c.n - c.left] for c in rows], dtype=np.int64))
        hidden |= {(name, c.level) for c, row in zip(rows, mask[:-1], strict=True) if row.any()}
    return hidden


def holding(contrasts: Contrasts, frame: pd.DataFrame) -> pd.DataFrame:
    """Those of `comparable` that hold up."""
    return frame[frame["q_value"] <= contrasts.fdr].reset_index(drop=True)


def shown_contrasts(contrasts: Contrasts, frame: pd.DataFrame) -> pd.DataFrame:
    """Those of `comparable` that a figure shows: the largest effects, from those who leave most to those who stay."""
    holds = holding(contrasts, frame)
    frame = holds if len(holds) else frame
    frame = frame[np.isfinite(frame["effect_ci_lower"]) & np.isfinite(frame["effect_ci_upper"])].head(ROWS)
    ranked: pd.DataFrame = frame.sort_values("effect", ascending=False, kind="stable")
    return ranked.reset_index(drop=True)


def effect(contrasts: Contrasts, place: int) -> Fact:
    """The ratio of one comparison, adjusted where that was asked for."""
    return _ratio(contrasts, "effect", place, contrasts.effect)


def raw(contrasts: Contrasts, place: int) -> Fact:
    """The same as it looks at first sight."""
    return _ratio(contrasts, "raw", place, "rate_ratio" if by_rates(contrasts) else "odds_ratio")


def _ratio(contrasts: Contrasts, kind: str, place: int, column: str) -> Fact:
    row, own = contrasts.to_frame().iloc[place], contrasts.comparisons[place]
    name, source = f"{kind}.{own.attribute}.{own.level}", "contrast(...).to_frame()"
    definition = f"{column.replace('_', ' ')} of {own.attribute} {own.level!r} against all others"
    told = definition, contrasts.conf_level
    return Fact.of_row(name, row, column, "ratio", *told, n=own.n, count=own.left, source=source)
