"""Cumulative incidence: how many customers have been lost to each cause by each age."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.errors import ArgumentError, check_conf_level, told
from kbind.result import Shown
from kbind.survival.at_risk import RiskTable, risk_table, risk_tables
from kbind.survival.durations import Durations
from kbind.survival.plain_durations import durations_by
from kbind.survival.transformed import log_log_scale
from kbind.typing import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Incidence:
    """The curves of one group.

    Attributes
    ----------
    table : RiskTable
        What they were computed from.
    incidence, std_error, naive : ndarray of float, shape (causes, times)
        Share lost to each cause by each time, its standard error, and 1 - Kaplan-Meier.
    """

    table: RiskTable
    incidence: Floats = field(repr=False)
    std_error: Floats = field(repr=False)
    naive: Floats = field(repr=False)


@dataclass(frozen=True, eq=False)
class CumulativeIncidence(Shown):
    """Share of the customers lost to each cause by each age.

    Made by `cumulative_incidence`.

    Attributes
    ----------
    durations : Durations
        What it was computed from, by the columns asked for.
    conf_level : float
        Level of the intervals.
    curves : tuple of Incidence
        One a group, in the order of `durations.groups`.
    """

    durations: Durations
    conf_level: float
    curves: tuple[Incidence, ...] = field(repr=False)

    def headline(self) -> str:
        """How many customers, and the causes."""
        return f"{self.durations.headline()}; causes: {', '.join(self.durations.causes)}"

    @property
    def definition(self) -> str:
        """What was estimated, how its interval is made and which column not to read, in one sentence."""
        return (
            "Share of all customers lost to each cause by each age; who is lost to one cause can no longer be lost to "
            f"another (Aalen-Johansen); {self.conf_level:.0%} interval on the log(-log) scale. Not to be read: the "
            "column naive, 1 - Kaplan-Meier, which takes those lost to other causes for customers who may still leave, "
            f"and is too high. {self.durations.definition}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a cause and time at which the observation of somebody ended.

        Returns
        -------
        DataFrame
            Columns of `by`, cause, time (in `durations.unit`), incidence, incidence_ci_lower, incidence_ci_upper,
            std_error, naive, at_risk, events (lost to the cause at that time). No interval while nobody is lost.
        """
        return self._stacked([self._frame(curve, np.arange(len(curve.table.times))) for curve in self.curves])

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """The curves at chosen times.

        Parameters
        ----------
        times : float or array_like of float, shape (times,)
            In `durations.unit`, from 0.

        Returns
        -------
        DataFrame
            As `to_frame`; NaN behind the last observed time of a group. at_risk and events belong to that moment.

        Raises
        ------
        ArgumentError
            A time that is negative or no number.
        """
        try:
            wanted = np.atleast_1d(np.asarray(times, dtype=float))
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"times={told(times)} holds something else than numbers") from error
        if wanted.ndim > 1 or not len(wanted) or isinstance(times, bool):
            raise ArgumentError(f"times={told(times)} is no list; allowed: numbers from 0")
        wrong = wanted[~(np.isfinite(wanted) & (wanted >= 0))]
        if len(wrong):
            raise ArgumentError(f"times={wrong[0]:g} is no age; allowed: numbers from 0")
        frames = []
        for g, curve in enumerate(self.curves):
            # -1: before anybody's end, where nobody is lost
            frame = self._frame(curve, np.searchsorted(curve.table.times, wanted, side="right") - 1)
            moments, back = np.unique(wanted, return_inverse=True)
            there = risk_table(self.durations, self.durations.group == g, moments)
            causes = len(self.durations.causes)
            frame["time"] = np.tile(wanted, causes)
            frame["at_risk"], frame["events"] = np.tile(there.at_risk[back], causes), there.events[:, back].ravel()
            beyond = frame["time"] > curve.table.times.max(initial=-np.inf)
            estimates = ["incidence", "incidence_ci_lower", "incidence_ci_upper", "std_error", "naive"]
            frames.append(frame.assign(**{name: frame[name].mask(beyond) for name in estimates}))
        return self._stacked(frames)

    def _frame(self, curve: Incidence, position: NDArray[np.intp]) -> pd.DataFrame:
        """Rows at positions in the curve; -1 stands before its first time."""
        import pandas as pd

        causes, shape = self.durations.causes, (len(self.durations.causes), len(position))
        none = np.zeros((len(causes), 1))
        share, error, naive = (
            np.hstack([values, none])[:, position] for values in (curve.incidence, curve.std_error, curve.naive)
        )
        lower, upper = log_log_scale(share, error, self.conf_level)
        table = curve.table
        return pd.DataFrame(
            {
                "cause": np.repeat(np.array(causes, dtype=object), len(position)),
                "time": np.broadcast_to(np.append(table.times, 0.0)[position], shape).ravel(),
                "incidence": share.ravel(),
                "incidence_ci_lower": lower.ravel(),
                "incidence_ci_upper": upper.ravel(),
                "std_error": error.ravel(),
                "naive": naive.ravel(),
                "at_risk": np.broadcast_to(np.append(table.at_risk, 0)[position], shape).ravel(),
                "events": np.hstack([table.events, none.astype(np.int64)])[:, position].ravel(),
            }
        )

    def _stacked(self, frames: list[pd.DataFrame]) -> pd.DataFrame:
        return stack_groups(self.durations.by, self.durations.groups, frames)


def cumulative_incidence(
    durations: Durations | Dataset | ArrayLike,
    event_observed: ArrayLike | None = None,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    by: Any = None,
    conf_level: float = 0.95,
) -> CumulativeIncidence:
    """Share of customers lost to each cause by each age, in the presence of the other causes.

    Parameters
    ----------
    durations : Durations, Dataset or array_like, shape (n,)
        From `kb.durations`; a data set is reduced first; or plain times, together with `event_observed`.
    event_observed : array_like, shape (n,), optional
        Beside plain times: what the customer was lost to, a code or text; 0 or missing for who is still there.
    entry, weights : array_like, shape (n,), optional
        Beside plain times: age at which observation began, and the number of customers that a row stands for.
    by : str or sequence of str, or array_like, shape (n,)
        Which of the durations' own columns split the customers; the others are summed over. Default: all of them.
        Beside plain times: labels of the rows, or a frame of them.
    conf_level : float
        Level of the pointwise intervals.

    Returns
    -------
    CumulativeIncidence
        `.to_frame()`, `.at(times)`.

    Raises
    ------
    ArgumentError
        A column the durations are not split by, or a level outside 0 to 1.

    Notes
    -----
    Aalen-Johansen: the sum over times of (share still there just before) x (lost to the cause / at risk). At a tie
    all causes leave at once and before censorings; nothing is broken up at random. Together with the share still
    there the causes sum to 1.

    The standard error takes the causes at each time as a multinomial draw from those at risk. It equals the
    infinitesimal jackknife of R's `survfit`, as long as nobody is observed only from a later age on, and the
    binomial one as long as nobody is censored. The interval is on the log(-log) scale of the incidence, as R's
    `survfit(conf.type="log-log")` has it.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = {"customer_id": [1, 2, 3, 4], "start": ["2023-01-01"] * 4,
    ...              "end": ["2023-03-01", "2023-04-01", "2023-04-01", None]}
    >>> reasons = {"customer_id": [1, 2, 3], "timestamp": ["2023-03-01", "2023-04-01", "2023-04-01"],
    ...            "voluntary": [True, True, False]}
    >>> data = kb.open_dataset({"subscriptions": pd.DataFrame(contracts), "cancellations": pd.DataFrame(reasons)},
    ...                        as_of="2023-07-01")
    >>> incidence = kb.cumulative_incidence(kb.durations(data))
    >>> incidence.to_frame()[["cause", "time", "incidence", "std_error", "naive", "at_risk", "events"]].round(3)
             cause  time  incidence  std_error  naive  at_risk  events
    0    voluntary   2.0       0.25      0.217  0.250        4       1
    1    voluntary   3.0       0.50      0.250  0.500        3       1
    2    voluntary   6.0       0.50      0.250  0.500        1       0
    3  involuntary   2.0       0.00      0.000  0.000        4       0
    4  involuntary   3.0       0.25      0.217  0.333        3       1
    5  involuntary   6.0       0.25      0.217  0.333        1       0
    """
    check_conf_level(conf_level)
    record = durations_by(durations, by, event_observed=event_observed, entry=entry, weights=weights, codes=True)
    curves = tuple(map(_curve, risk_tables(record)))
    return CumulativeIncidence(record, float(conf_level), curves)


def _curve(table: RiskTable) -> Incidence:
    at_risk = np.maximum(table.at_risk, 1).astype(float)
    hazard = table.events / at_risk
    total = hazard.sum(axis=0)
    # whole customers decide whether anybody stays: a sum of quotients may miss 1 by a rounding error
    stay = np.where(table.at_risk > 0, (table.at_risk - table.events.sum(axis=0)) / at_risk, 1.0)
    before = np.concatenate([[1.0], np.cumprod(stay)[:-1]])
    share = np.cumsum(before * hazard, axis=1)
    return Incidence(
        table,
        share,
        np.sqrt(_variance(share, hazard, total, stay, before, at_risk)),
        1 - np.cumprod(1 - hazard, axis=1),
    )


def _variance(share: Floats, hazard: Floats, total: Floats, stay: Floats, before: Floats, at_risk: Floats) -> Floats:
    """Variance of the incidence by cause and time.

    One customer at risk at s moves F(t) by gain - loss if lost to the cause, by -loss if lost to another one, with
    gain = S(s-) / Y(s) and loss = (F(t) - F(s)) / (Y(s) (1 - h(s))). The variances of these draws, summed over s <= t,
    are a polynomial of second degree in F(t), so that running sums of its coefficients do.
    """
    weight = np.divide(1.0, at_risk * stay, out=np.zeros_like(stay), where=stay > 0)
    gain = before / at_risk
    # what being lost does is (base - F(t) weight) for the cause and (other - F(t) weight) for any other one
    other = share * weight
    base = gain + other
    rest = total - hazard
    mean = base * hazard + other * rest
    constant = np.cumsum(at_risk * (base**2 * hazard + other**2 * rest - mean**2), axis=1)
    linear = np.cumsum(at_risk * weight * (mean - mean * total), axis=1)
    square = np.cumsum(at_risk * weight**2 * total * stay)
    return np.asarray(np.maximum(constant - 2 * share * linear + share**2 * square, 0.0), dtype=np.float64)
