"""Share of customers still there by age: Kaplan-Meier, with intervals, quantiles and conditional survival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.errors import ArgumentError, check_conf_level, check_number, check_numbers, told
from kbind.estimate.intervals import all_stay
from kbind.result import Shown
from kbind.survival.at_risk import RiskTable, risk_tables
from kbind.survival.durations import Durations
from kbind.survival.plain_durations import durations_by
from kbind.survival.transformed import log_log_scale
from kbind.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

#: Who is still there at a month's end is last seen just before it.
_NEAR = 1e-6


@dataclass(frozen=True)
class Curve:
    """The curve of one group.

    Attributes
    ----------
    risk : RiskTable
        What it is made of.
    survival : ndarray of float, shape (times,)
        Share still there after each time.
    variance : ndarray of float, shape (times,)
        Greenwood's sum: variance of log survival.
    """

    risk: RiskTable
    survival: Floats
    variance: Floats

    @classmethod
    def of(cls, risk: RiskTable) -> Curve:
        """Kaplan-Meier."""
        left, at_risk = risk.left, risk.at_risk
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(left > 0, 1 - left / at_risk, 1.0)
            term = np.where(left > 0, left / (at_risk * (at_risk - left)), 0.0)
        return cls(risk, step.cumprod(), term.cumsum())

    def least_at_risk(self, times: Sequence[float] | Floats, start: float = 0.0) -> Ints:
        """Fewest customers observed at any moment between `start` and each time."""
        first = np.searchsorted(self.risk.times, start, side="right")
        last = np.searchsorted(self.risk.times, np.asarray(times, dtype=float) - _NEAR, side="left")
        fewest = np.minimum.accumulate(self.risk.after[first:])
        return np.asarray(fewest[np.clip(last - first, 0, len(fewest) - 1)])

    def at(self, times: Sequence[float] | Floats) -> tuple[Floats, Floats]:
        """Survival and Greenwood's sum at any times; NaN behind the last one."""
        asked = np.asarray(times, dtype=float)
        place = np.searchsorted(self.risk.times, asked, side="right")
        known = asked <= (self.risk.times[-1] + _NEAR if len(self.risk.times) else -np.inf)
        survival, variance = np.concatenate([[1.0], self.survival]), np.concatenate([[0.0], self.variance])
        return np.where(known, survival[place], np.nan), np.where(known, variance[place], np.nan)


@dataclass(frozen=True, eq=False)
class SurvivalCurve(Shown):
    """Share of customers still there by age, for every group.

    Attributes
    ----------
    durations : Durations
        What it was computed from.
    conf_level : float
        Level of the intervals.
    curves : tuple of Curve
        One a group.
    """

    durations: Durations
    conf_level: float
    curves: tuple[Curve, ...] = field(repr=False)

    def headline(self) -> str:
        """How many customers, and the age by which half of them have left."""
        if self.durations.by:
            return self.durations.headline()
        half = float(self.quantiles((0.5,))["time"].iloc[0])
        reached = "not reached" if np.isnan(half) else f"{half:.1f} {self.durations.unit}s"
        return f"{self.durations.headline()}; median {reached}"

    @property
    def definition(self) -> str:
        """What was estimated and how, in one sentence."""
        level = f"{self.conf_level:.0%}"
        how = f"{level} log-log intervals, exact ones while nobody has left"
        return f"Kaplan-Meier estimate of staying, {how}. {self.durations.definition}"

    def to_frame(self) -> pd.DataFrame:
        """One row a group and distinct time.

        Returns
        -------
        DataFrame
            Columns of `by`, time, survival, survival_ci_lower, survival_ci_upper, at_risk, events, censored.
        """
        import pandas as pd

        frames = []
        for curve in self.curves:
            at_risk = curve.least_at_risk(curve.risk.times)
            lower, upper = log_log(curve.survival, curve.variance, self.conf_level, at_risk)
            frames.append(
                pd.DataFrame(
                    {
                        "time": curve.risk.times,
                        "survival": curve.survival,
                        "survival_ci_lower": lower,
                        "survival_ci_upper": upper,
                        "at_risk": curve.risk.at_risk,
                        "events": curve.risk.left,
                        "censored": curve.risk.censored,
                    }
                )
            )
        return stack_groups(self.durations.by, self.durations.groups, frames)

    def quantiles(self, shares: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Ages by which given shares of the customers have left.

        Parameters
        ----------
        shares : sequence of float
            Between 0 and 1; 0.5 gives the median.

        Returns
        -------
        DataFrame
            Columns of `by`, share, time, time_ci_lower, time_ci_upper; NaN where the curve does not fall that far.

        Notes
        -----
        The first time at which survival is at most 1 - share; the middle of the step where it is exactly that. Limits
        are those times of the interval's own curves (Brookmeyer and Crowley 1982).
        """
        import pandas as pd

        try:
            asked = np.asarray(shares, dtype=float)
        except (TypeError, ValueError):
            asked = np.array(np.nan)
        if asked.ndim != 1 or not len(asked) or not ((asked > 0) & (asked < 1)).all():
            raise ArgumentError(f"shares={told(shares)} are no shares; allowed: a list of numbers between 0 and 1")
        frames = []
        for curve in self.curves:
            lower, upper = log_log(curve.survival, curve.variance, self.conf_level)
            found = [
                [_falls_to(curve.risk.times, values, 1 - share) for values in (curve.survival, lower, upper)]
                for share in asked
            ]
            frame = pd.DataFrame(found, columns=["time", "time_ci_lower", "time_ci_upper"])
            frame.insert(0, "share", asked)
            frames.append(frame)
        return stack_groups(self.durations.by, self.durations.groups, frames)

    def cumulative_hazard(self) -> pd.DataFrame:
        """Sum of the shares that leave at each time, of those at risk then (Nelson-Aalen).

        Returns
        -------
        DataFrame
            Columns of `by`, time, cumulative_hazard, std_error.
        """
        import pandas as pd

        frames = []
        for curve in self.curves:
            at_risk = np.maximum(curve.risk.at_risk, 1)
            columns = {"cumulative_hazard": curve.risk.left / at_risk, "std_error": curve.risk.left / at_risk**2}
            frame = pd.DataFrame(columns).cumsum().assign(std_error=lambda f: np.sqrt(f["std_error"]))
            frame.insert(0, "time", curve.risk.times)
            frames.append(frame)
        return stack_groups(self.durations.by, self.durations.groups, frames)

    def at(self, times: float | Sequence[float], *, given: float = 0.0) -> pd.DataFrame:
        """Survival at chosen times, perhaps of customers who have reached an age already.

        Parameters
        ----------
        times : float or sequence of float
            Ages; with `given`, times beyond that age.
        given : float
            Age that the customers have reached; 0: all of them.

        Returns
        -------
        DataFrame
            Columns of `by`, given, time, survival, survival_ci_lower, survival_ci_upper; NaN behind the last time of
            the group, and where nobody reached the age.
        """
        import pandas as pd

        asked, given = np.array(check_numbers("times", times)), check_number("given", given, 0.0)
        frames = []
        for curve in self.curves:
            start, spent = curve.at([given]) if given > 0 else (np.ones(1), np.zeros(1))
            survival, variance = curve.at(asked + given)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(start > 0, survival / start, np.nan)
            at_risk = curve.least_at_risk(asked + given, given)
            lower, upper = log_log(share, variance - spent, self.conf_level, at_risk)
            columns = {"survival": share, "survival_ci_lower": lower, "survival_ci_upper": upper}
            frames.append(pd.DataFrame({"given": given, "time": asked, **columns}))
        return stack_groups(self.durations.by, self.durations.groups, frames)


def survival_curve(
    durations: Durations | Dataset | ArrayLike,
    event_observed: ArrayLike | None = None,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    by: Any = None,
    conf_level: float = 0.95,
) -> SurvivalCurve:
    """Estimate the share of customers still there by age.

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
    SurvivalCurve

    Raises
    ------
    ArgumentError
        The durations are not split by such a column.

    References
    ----------
    Kaplan and Meier (1958), JASA 53, 457-481; intervals by log(-log S) with Greenwood's variance, as
    R's ``survfit(conf.type="log-log")``. While nobody has left, where that scale has no value: Clopper and Pearson's
    (1934, Biometrika 26, 404-413) for the fewest customers that were observed at any age up to then. No interval where
    nobody is left.

    Examples
    --------
    >>> import kbind as kb
    >>> curve = kb.survival_curve(kb.datasets.load_telco())
    >>> curve.at([12, 24])[["time", "survival"]].round(4)
       time  survival
    0  12.0    0.8432
    1  24.0    0.7887
    >>> kb.survival_curve([1, 2, 2, 3], [True, True, False, False]).at([2])[["time", "survival"]]
       time  survival
    0   2.0       0.5
    """
    check_conf_level(conf_level)
    split = durations_by(durations, by, event_observed=event_observed, entry=entry, weights=weights)
    return SurvivalCurve(split, conf_level, tuple(map(Curve.of, risk_tables(split))))


def log_log(
    survival: Floats, variance: Floats, conf_level: float, at_risk: Ints | None = None
) -> tuple[Floats, Floats]:
    """Limits of survival on the scale of log(-log S); NaN where nobody is left.

    That scale has no value where nobody has left: there the limits are exact for the number of customers at risk, and
    1 where that is not given.

    >>> lower, upper = log_log(np.array([1.0, 1.0]), np.zeros(2), 0.95, np.array([6, 0]))
    >>> f"{lower[0]:.4f} {upper[0]:.4f} {lower[1]:.4f}"
    '0.5407 1.0000 nan'
    """
    with np.errstate(invalid="ignore"):  # where nobody is left the variance is infinite
        lower, upper = log_log_scale(survival, survival * np.sqrt(variance), conf_level)
    lowest, highest = (1.0, 1.0) if at_risk is None else all_stay(at_risk, conf_level)
    return np.where(survival == 1, lowest, lower), np.where(survival == 1, highest, upper)


def _falls_to(time: Floats, survival: Floats, level: float) -> float:
    """The first time at which a falling curve is at most a level; the middle of the step if it is exactly that."""
    near = 1e-8  # survival of one half, computed as a product, is seldom exactly that
    reached = np.flatnonzero(survival <= level + near)
    if not len(reached):
        return float("nan")
    first = int(reached[0])
    below = np.flatnonzero(survival < level - near)
    if survival[first] >= level - near and len(below):
        return float((time[first] + time[below[0]]) / 2)
    return float(time[first])
