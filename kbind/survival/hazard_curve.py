"""Share of those still there who leave in each month: where renewals show as spikes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.errors import ArgumentError, check_conf_level
from kbind.estimate.intervals import wilson
from kbind.result import Shown
from kbind.survival.at_risk import risk_tables
from kbind.survival.curve import Curve
from kbind.survival.durations import Durations
from kbind.survival.plain_durations import durations_by

if TYPE_CHECKING:
    import pandas as pd

#: Months of the longest life, so that a unit such as seconds is told and not computed.
_LONGEST = 100_000


@dataclass(frozen=True, eq=False)
class HazardCurve(Shown):
    """Share of the customers of each month of age who leave in it.

    Attributes
    ----------
    durations : Durations
        What it was computed from.
    conf_level : float
        Level of the Wilson intervals.
    """

    durations: Durations
    conf_level: float
    curves: tuple[Curve, ...] = field(repr=False)

    def headline(self) -> str:
        """How many customers and months."""
        return f"{self.durations.headline()}; {len(self.to_frame())} {self.durations.unit}s"

    @property
    def definition(self) -> str:
        """Numerator, denominator and interval, in one sentence."""
        unit = self.durations.unit
        return (
            f"Hazard: customers who leave in the k-th {unit}, divided by those still there when it begins, "
            f"{self.conf_level:.0%} Wilson intervals; {unit} k runs from age k - 1 (not included) to k. "
            f"{self.durations.definition}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a group and month.

        Returns
        -------
        DataFrame
            Columns of `by`, month (named after the unit), hazard, hazard_ci_lower, hazard_ci_upper, at_risk, events.
            `at_risk` is the number of customers that the share stands for: who is lost from sight or enters within
            the month counts with a part of it. Month 0 holds those who left on the first day.
        """
        frames = [_by_month(curve, self.durations.unit, self.conf_level) for curve in self.curves]
        return stack_groups(self.durations.by, self.durations.groups, frames)


def hazard_curve(
    durations: Durations | Dataset | ArrayLike,
    event_observed: ArrayLike | None = None,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    by: Any = None,
    conf_level: float = 0.95,
) -> HazardCurve:
    """Estimate in which months of age customers leave.

    Parameters
    ----------
    durations : Durations, Dataset or array_like, shape (n,)
        From `durations`; of a data set the default ones; or plain times, together with `event_observed`.
    event_observed : array_like of bool, shape (n,), optional
        Beside plain times: whether the customer has left.
    entry, weights : array_like, shape (n,), optional
        Beside plain times: age at which observation began, and the number of customers that a row stands for.
    by : str or sequence of str, or array_like, shape (n,)
        Columns to compare; default those the durations are split by. Beside plain times: labels of the rows, or a
        frame of them.
    conf_level : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    HazardCurve

    Examples
    --------
    >>> import kbind as kb
    >>> kb.hazard_curve(kb.datasets.load_telco()).to_frame().head(3).round(4)
       month  hazard  hazard_ci_lower  hazard_ci_upper  at_risk  events
    0      0  0.0000           0.0000           0.0005   7043.0       0
    1      1  0.0540           0.0490           0.0596   7032.0     380
    2      2  0.0192           0.0161           0.0228   6419.0     123
    """
    check_conf_level(conf_level)
    split = durations_by(durations, by, event_observed=event_observed, entry=entry, weights=weights)
    longest = float(split.duration.max(initial=0.0))
    if longest > _LONGEST:
        raise ArgumentError(
            f"durations reach {longest:,.0f} {split.unit}s; allowed: up to {_LONGEST:,}; measure them in a longer unit"
        )
    return HazardCurve(split, conf_level, tuple(map(Curve.of, risk_tables(split))))


def _by_month(curve: Curve, unit: str, conf_level: float) -> pd.DataFrame:
    import pandas as pd

    time, left = curve.risk.times, curve.risk.left
    last = int(np.ceil(time[-1])) if len(time) else 0
    month = np.arange(last + 1)
    place = np.ceil(time).astype(np.int64)
    events = np.bincount(place, left, minlength=last + 1)
    # survival over the month, so that who is lost from sight within it counts for the part that was seen
    after, _ = curve.at(np.minimum(month, time[-1] if len(time) else 0))
    before = np.concatenate([[1.0], after[:-1]])
    first = np.minimum(np.searchsorted(time, month - 1, side="right"), len(time) - 1)
    starts = curve.risk.at_risk[first]
    starts = np.where(month == 0, curve.risk.at_risk[0] if len(time) else 0.0, starts)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(before > 0, 1 - after / before, np.nan)
        at_risk = np.where(events > 0, events / hazard, starts)
    at_risk = np.where(before > 0, at_risk, 0.0)
    hazard, lower, upper = wilson(events, at_risk, conf_level)
    columns = {"hazard": hazard, "hazard_ci_lower": lower, "hazard_ci_upper": upper}
    return pd.DataFrame({unit: month, **columns, "at_risk": at_risk.round(6), "events": events.astype(np.int64)})
