"""What went before, by the reason that customers gave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kbind.estimates.intervals import newcombe, wilson
from kbind.statistics.customers.levels import MISSING
from kbind.statistics.reasons import Leavers
from kbind.typing import Floats


@dataclass(frozen=True)
class Value:
    """A mean or share, or a difference, with its interval; NaN where nobody was measured."""

    value: float
    ci_lower: float
    ci_upper: float


def behaviour_frame(leavers: Leavers, conf_level: float) -> pd.DataFrame:
    """One row a reason and measure; see `ReasonsByType.behaviour`."""
    rows = []
    for code in [*range(len(leavers.reasons)), -1]:
        own = leavers.reason == code
        others = (leavers.reason != code) & (leavers.reason >= 0) & leavers.voluntary
        if not own.any():
            continue
        for measure in leavers.measures:
            values = leavers.values[measure.name]
            known = np.isfinite(values)
            free = known & leavers.voluntary
            here, there = values[own & known], values[others & known]
            level = share(here, conf_level) if measure.share else mean(here, conf_level)
            gap = (share_gap if measure.share else mean_gap)(here, there, conf_level)
            rows.append(
                {
                    "reason": leavers.reasons[code] if code >= 0 else MISSING,
                    "measure": measure.name,
                    "n": len(here),
                    **_named("value", level),
                    "value_all": float(values[free].mean()) if free.any() else np.nan,
                    **_named("difference", gap),
                }
            )
    columns = ["reason", "measure", "n", *_columns("value"), "value_all", *_columns("difference")]
    return pd.DataFrame(rows, columns=columns)


def mean(values: Floats, conf_level: float) -> Value:
    """Mean with Student's interval.

    >>> found = mean(np.array([1.0, 2.0, 3.0]), 0.95)
    >>> f"{found.value} [{found.ci_lower:.3f}, {found.ci_upper:.3f}]"
    '2.0 [-0.484, 4.484]'
    """
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return Value(float(values.mean()) if n else np.nan, np.nan, np.nan)
    half = float(stdtrit(n - 1, 0.5 + conf_level / 2) * values.std(ddof=1) / np.sqrt(n))
    return Value(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def share(values: Floats, conf_level: float) -> Value:
    """Share of ones with Wilson's interval."""
    return Value(*(float(part) for part in wilson(values.sum(), len(values), conf_level)))


def mean_gap(one: Floats, other: Floats, conf_level: float) -> Value:
    """Difference of means with Welch's interval."""
    from scipy.special import stdtrit

    if min(len(one), len(other)) < 2:
        return Value(np.nan, np.nan, np.nan)
    parts = np.array([one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)])
    gap, spread = float(one.mean() - other.mean()), float(parts.sum())
    if not spread > 0:
        return Value(gap, np.nan, np.nan)
    freedom = spread**2 / float((parts**2 / np.array([len(one) - 1, len(other) - 1])).sum())
    half = float(stdtrit(freedom, 0.5 + conf_level / 2) * np.sqrt(spread))
    return Value(gap, gap - half, gap + half)


def share_gap(one: Floats, other: Floats, conf_level: float) -> Value:
    """Difference of shares with Newcombe's interval."""
    return Value(*(float(part) for part in newcombe(one.sum(), len(one), other.sum(), len(other), conf_level)))


def _columns(name: str) -> list[str]:
    return [name, f"{name}_ci_lower", f"{name}_ci_upper"]


def _named(name: str, found: Value) -> dict[str, float]:
    return dict(zip(_columns(name), (found.value, found.ci_lower, found.ci_upper), strict=True))
