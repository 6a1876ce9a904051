"""Retention metrics: rates over a window, cohorts by age, and the life cycle by period."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kbind.errors import ArgumentError, check_choice, check_conf_level, did_you_mean
from kbind.estimates.intervals import wilson
from kbind.statistics.activity import Activity, by_period, stack_groups
from kbind.statistics.activity.counts import Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CohortRetention",
    "Lifecycle",
    "Rate",
    "churn_rate",
    "cohort_retention",
    "lifecycle",
    "rescale_churn",
    "retention_rate",
]

_KINDS = ("on", "on_or_after")


# -- a rate over one window ------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """A share with its interval.

    Attributes
    ----------
    value, ci_lower, ci_upper : float
        Share between 0 and 1, and its interval; NaN where unknown.
    numerator, denominator : float
        What was counted; NaN for a rate that was only handed on.
    conf_level : float
        Level of the interval.
    definition : str
        What the rate is.
    """

    value: float
    ci_lower: float
    ci_upper: float
    numerator: float
    denominator: float
    conf_level: float
    definition: str

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper limit."""
        return self.ci_lower, self.ci_upper

    def __str__(self) -> str:
        text = f"{self.value:.2%}"
        if not np.isnan(self.ci_lower):
            text += f" [{self.ci_lower:.2%}, {self.ci_upper:.2%}]"
        if not np.isnan(self.denominator):
            text += f" ({self.numerator:g} of {self.denominator:g})"
        return text

    def to_frame(self) -> pd.DataFrame:
        """One row: value, ci_lower, ci_upper, numerator, denominator."""
        import pandas as pd

        names = ("value", "ci_lower", "ci_upper", "numerator", "denominator")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(str(self))}</b><br>{escape(self.definition)}</p>"


def retention_rate(*, start: int, end: int, gained: int, conf_level: float = 0.95) -> Rate:
    """Share of the customers at the start of a window who are still there at its end.

    Parameters
    ----------
    start : int
        Customers at the start, S.
    end : int
        Customers at the end, E.
    gained : int
        Customers at the end who were not there at the start, N; who joined and left in between counts nowhere.
    conf_level : float
        Level of the Wilson interval.

    Returns
    -------
    Rate
        (E - N) / S.

    Raises
    ------
    ArgumentError
        The counts cannot be: one is negative or no whole number, S is 0, N > E, or E - N > S.

    Examples
    --------
    >>> print(retention_rate(start=20, end=24, gained=5))
    95.00% [76.39%, 99.11%] (19 of 20)
    >>> print(retention_rate(start=44, end=43, gained=12))
    70.45% [55.78%, 81.84%] (31 of 44)
    """
    kept = _check_counts(start, end, gained)
    definition = "(customers at the end - gained) / customers at the start; Wilson score interval"
    return _rate(kept, start, conf_level, definition)


def churn_rate(*, start: int, end: int, gained: int, conf_level: float = 0.95) -> Rate:
    """Share of the customers at the start of a window who are gone at its end: 1 - retention rate.

    Parameters and errors are those of `retention_rate`.

    Examples
    --------
    >>> print(churn_rate(start=20, end=24, gained=5))
    5.00% [0.89%, 23.61%] (1 of 20)
    """
    kept = _check_counts(start, end, gained)
    definition = "1 - (customers at the end - gained) / customers at the start; Wilson score interval"
    return _rate(start - kept, start, conf_level, definition)


def rescale_churn(rate: float | Rate, *, days_from: float, days_to: float) -> Rate:
    """A churn rate for another length of window, if the hazard is the same every day.

    Parameters
    ----------
    rate : float or Rate
        Churn rate between 0 and 1 over `days_from` days; a Rate brings its interval along.
    days_from, days_to : float
        Lengths of the windows in days.

    Returns
    -------
    Rate
        1 - (1 - rate) ** (days_to / days_from).

    Raises
    ------
    ArgumentError
        The rate lies outside 0 to 1 or a length is not positive.

    Examples
    --------
    >>> print(rescale_churn(0.05, days_from=30, days_to=360))
    45.96%
    """
    given = rate if isinstance(rate, Rate) else Rate(float(rate), np.nan, np.nan, np.nan, np.nan, 0.95, "given")
    if not 0 <= given.value <= 1:
        raise ArgumentError(f"rate={given.value!r} is not a share; allowed: 0 to 1 (5 % is 0.05)")
    for name, days in (("days_from", days_from), ("days_to", days_to)):
        if not days > 0 or not np.isfinite(days):
            raise ArgumentError(f"{name}={days!r} is not a length; allowed: days above 0")
    value, lower, upper = (1 - (1 - x) ** (days_to / days_from) for x in (given.value, *given.interval))
    definition = f"churn over {days_from:g} days rescaled to {days_to:g} days, assuming the same hazard every day"
    return Rate(value, lower, upper, given.numerator, given.denominator, given.conf_level, definition)


def _check_counts(start: int, end: int, gained: int) -> int:
    for name, count in (("start", start), ("end", end), ("gained", gained)):
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
            raise ArgumentError(f"{name}={count!r} is not a count; allowed: whole numbers from 0")
    if start == 0:
        raise ArgumentError("start=0: without customers at the start there is no rate")
    if gained > end:
        raise ArgumentError(
            f"gained={gained} is more than end={end}: gained counts only customers who are there at the end"
        )
    if end - gained > start:
        raise ArgumentError(f"end={end} - gained={gained} leaves {end - gained} old customers, more than start={start}")
    return int(end - gained)


def _rate(count: int, nobs: int, conf_level: float, definition: str) -> Rate:
    value, lower, upper = wilson(count, nobs, conf_level)
    return Rate(float(value), float(lower), float(upper), float(count), float(nobs), conf_level, definition)


# -- cohorts by age --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class CohortRetention:
    """Retention of every cohort at every age.

    Attributes
    ----------
    activity : Activity
        What it was computed from.
    kind : {"on", "on_or_after", "bracket"}
        What counts as retained.
    bracket : tuple of int or None
        First and last age of a bracket.
    conf_level : float
        Level of the Wilson intervals.
    cohort_size, lived, active : ndarray
        By group and cohort; by cohort and age; by group, cohort and age. `active` means nothing where not lived.
    """

    activity: Activity
    kind: str
    bracket: tuple[int, int] | None
    conf_level: float
    ages: tuple[int, ...]
    cohort_size: Ints = field(repr=False)
    lived: NDArray[np.bool_] = field(repr=False)
    active: Ints = field(repr=False)

    @property
    def definition(self) -> str:
        """Numerator, denominator and interval, in one sentence."""
        period = self.activity.calendar.period
        numerator = {
            "on": f"customers active in the k-th {period} after their first",
            "on_or_after": f"customers active in the k-th {period} after their first or in any later one",
            "bracket": f"customers active in at least one {period} of the bracket {self.bracket} after their first",
        }[self.kind]
        return f"{numerator}, divided by all customers who have lived it; {self.conf_level:.0%} Wilson score interval"

    def to_frame(self) -> pd.DataFrame:
        """One row per cohort and age.

        Returns
        -------
        DataFrame
            Columns of `by`, cohort (label), age (periods; of a bracket its first), cohort_size, at_risk, active,
            retention, retention_ci_lower, retention_ci_upper. Cells not lived yet have at_risk 0 and NaN.
        """
        import pandas as pd

        labels = np.array(self.activity.calendar.labels, dtype=object)
        cohorts, ages = self.lived.shape
        frames = []
        for g in range(len(self.activity.groups)):
            at_risk = np.where(self.lived, self.cohort_size[g][:, None], 0)
            known = at_risk > 0
            frame = pd.DataFrame(
                {
                    "cohort": np.repeat(labels, ages),
                    "age": np.tile(np.array(self.ages), cohorts),
                    "cohort_size": np.repeat(self.cohort_size[g], ages),
                    "at_risk": at_risk.ravel(),
                    "active": np.where(known, self.active[g], np.nan).ravel(),
                }
            )
            frames.append(self._with_rates(frame))
        return stack_groups(self.activity, frames)

    def pooled(self, *, exclude: Collection[str] = ()) -> pd.DataFrame:
        """The curve over all cohorts: sum of active / sum of at risk, over the cohorts that have lived the age.

        Parameters
        ----------
        exclude : collection of str
            Labels of cohorts to leave out, such as the first, which may hold customers won long before.

        Returns
        -------
        DataFrame
            Columns of `by`, age, at_risk, active, retention, retention_ci_lower, retention_ci_upper; ages that no
            cohort has lived are NaN with at_risk 0.
        """
        import pandas as pd

        labels = self.activity.calendar.labels
        for name in exclude:
            if name not in labels:
                hint = did_you_mean(name, labels)
                raise ArgumentError(f"exclude={name!r} is no cohort; {hint}cohorts: {labels[0]} to {labels[-1]}")
        kept = self.lived & ~np.isin(labels, list(exclude))[:, None]
        frames = []
        for g in range(len(self.activity.groups)):
            at_risk = np.where(kept, self.cohort_size[g][:, None], 0).sum(axis=0)
            active = np.where(kept, self.active[g], 0).sum(axis=0)
            frame = pd.DataFrame(
                {"age": list(self.ages), "at_risk": at_risk, "active": np.where(at_risk > 0, active, np.nan)}
            )
            frames.append(self._with_rates(frame))
        return stack_groups(self.activity, frames)

    def _with_rates(self, frame: pd.DataFrame) -> pd.DataFrame:
        share, lower, upper = wilson(frame["active"], frame["at_risk"], self.conf_level)
        return frame.assign(retention=share, retention_ci_lower=lower, retention_ci_upper=upper)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.definition)}.</p>{self.pooled().to_html(index=False, border=0)}"


def cohort_retention(
    activity: Activity, *, kind: str = "on", bracket: tuple[int, int] | None = None, conf_level: float = 0.95
) -> CohortRetention:
    """Retention by cohort (period of the first activity) and age (periods since then).

    Parameters
    ----------
    activity : Activity
        From `kb.activity`.
    kind : {"on", "on_or_after"}
        Active in exactly that period of age, or in it or any later one that is over. The latter sags near the
        end of the data, because late returns have not happened yet.
    bracket : (int, int), optional
        First and last age; active in any of them counts. Replaces `kind`.
    conf_level : float
        Level of the Wilson intervals.

    Returns
    -------
    CohortRetention
        `.to_frame()` by cohort, `.pooled()` over cohorts.

    Raises
    ------
    ArgumentError
        Unknown kind, or a bracket that is no pair of ages in order.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"],
    ...     "timestamp": ["2024-01-05", "2024-02-09", "2024-01-20", "2024-03-31", "2024-02-01"],
    ... })
    >>> record = kb.activity(kb.open_dataset({"events": log}))
    >>> kb.cohort_retention(record).pooled()[["age", "at_risk", "active", "retention"]]
       age  at_risk  active  retention
    0    0        3     3.0   1.000000
    1    1        3     1.0   0.333333
    2    2        2     1.0   0.500000
    """
    check_conf_level(conf_level)
    calendar = activity.calendar
    cohort, age = np.indices((calendar.size, calendar.size))
    sizes = activity.counts.sizes()
    if bracket is None:
        check_choice("kind", kind, _KINDS)
        lived = cohort + age < calendar.lived
        counted = activity.counts.active(0 if kind == "on" else None)
        return CohortRetention(activity, kind, None, conf_level, tuple(range(calendar.size)), sizes, lived, counted)
    first, last = _check_bracket(bracket)
    lived = cohort[:, :1] + last < calendar.lived
    counted = np.zeros((len(activity.groups), calendar.size, 1), dtype=np.int64)
    if last < calendar.size:
        counted = activity.counts.active(last - first)[:, :, first : first + 1]
    return CohortRetention(activity, "bracket", (first, last), conf_level, (first,), sizes, lived, counted)


def _check_bracket(bracket: tuple[int, int]) -> tuple[int, int]:
    try:
        first, last = (int(age) for age in bracket)
    except (TypeError, ValueError):
        first, last = 0, -1
    if not 0 <= first <= last or (first, last) != tuple(bracket):
        raise ArgumentError(f"bracket={bracket!r} is no range of ages; allowed: two whole numbers 0 <= a <= b")
    return first, last


# -- life cycle by period --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lifecycle:
    """New, retained, resurrected and churned customers of every period that is over.

    Attributes
    ----------
    activity : Activity
        What it was computed from.
    new, retained, resurrected, churned, active : ndarray of int, shape (groups, periods)
        Counts.
    """

    activity: Activity
    new: Ints = field(repr=False)
    retained: Ints = field(repr=False)
    resurrected: Ints = field(repr=False)
    churned: Ints = field(repr=False)
    active: Ints = field(repr=False)

    @property
    def definition(self) -> str:
        """What the four states mean."""
        period = self.activity.calendar.period
        return (
            f"new: first {period} with activity; retained: active now and in the {period} before; resurrected: active "
            f"now, not in the {period} before, not new; churned: active in the {period} before, not now"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per period that is over.

        Returns
        -------
        DataFrame
            Columns of `by`, period (label), new, retained, resurrected, churned, active. Always
            active = new + retained + resurrected = active before - churned + new + resurrected.
        """
        import pandas as pd

        lived = self.activity.calendar.lived
        names = ("new", "retained", "resurrected", "churned", "active")
        frames = [
            pd.DataFrame(
                {"period": self.activity.calendar.labels[:lived]} | {n: getattr(self, n)[g, :lived] for n in names}
            )
            for g in range(len(self.activity.groups))
        ]
        return stack_groups(self.activity, frames)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.definition)}.</p>{self.to_frame().to_html(index=False, border=0)}"


def lifecycle(activity: Activity) -> Lifecycle:
    """How the active customers of every period are made up.

    Parameters
    ----------
    activity : Activity
        From `kb.activity`.

    Returns
    -------
    Lifecycle
        `.to_frame()` has one row per period that is over at `as_of`.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"],
    ...     "timestamp": ["2024-01-05", "2024-02-09", "2024-01-20", "2024-03-31", "2024-02-01"],
    ... })
    >>> kb.lifecycle(kb.activity(kb.open_dataset({"events": log}))).to_frame()
        period  new  retained  resurrected  churned  active
    0  2024-01    2         0            0        0       2
    1  2024-02    1         1            0        1       2
    2  2024-03    0         0            1        2       1
    """
    on = activity.counts.active(0)
    new = activity.counts.sizes()
    active = by_period(on)
    before = np.zeros_like(active)
    before[:, 1:] = active[:, :-1]
    # active in t - 1 or t, of the cohorts that existed in t - 1
    either = np.zeros_like(active)
    either[:, 1:] = by_period(activity.counts.active(1))[:, :-1]
    retained = np.where(np.arange(active.shape[1]) > 0, before + (active - new) - either, 0)
    return Lifecycle(activity, new, retained, active - new - retained, before - retained, active)
