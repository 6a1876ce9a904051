"""Retention by cohort and age."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.errors import ArgumentError, check_choice, check_conf_level, check_count, did_you_mean, told
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, rate_of, wilson
from kbind.result import Shown
from kbind.retention.activity import Activity, as_activity
from kbind.typing import Bools, Ints

KINDS = ("on", "on_or_after")


@dataclass(frozen=True, eq=False)
class CohortRetention(Shown):
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
    lived: Bools = field(repr=False)
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
        interval = f"{self.conf_level:.0%} Wilson score interval"
        return f"{numerator}, divided by all customers who have lived it; {interval}{self._left_out}"

    @property
    def _left_out(self) -> str:
        """Who is of no cohort, because the first activity is not in the data."""
        n, who = self.activity.customers - int(self.cohort_size.sum()), self.activity.provenance.customer
        if not n:
            return ""
        return f"; left out: {n:,} {who}{'s' if n != 1 else ''} who came before recording began"

    def to_frame(self) -> pd.DataFrame:
        """One row per cohort and age.

        Returns
        -------
        DataFrame
            Columns of `by`, cohort (label), age (periods; of a bracket its first), cohort_size, at_risk, active,
            retention, retention_ci_lower, retention_ci_upper. Cells not lived yet have at_risk 0 and NaN.
        """
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
        return stack_groups(self.activity.by, self.activity.groups, frames)

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
        labels = self.activity.calendar.labels
        check_cohorts(exclude, labels)
        kept = self.lived & ~np.isin(labels, list(exclude))[:, None]
        frames = []
        for g in range(len(self.activity.groups)):
            at_risk = np.where(kept, self.cohort_size[g][:, None], 0).sum(axis=0)
            active = np.where(kept, self.active[g], 0).sum(axis=0)
            frame = pd.DataFrame(
                {"age": list(self.ages), "at_risk": at_risk, "active": np.where(at_risk > 0, active, np.nan)}
            )
            frames.append(self._with_rates(frame))
        return stack_groups(self.activity.by, self.activity.groups, frames)

    def rate_in(self, row: pd.Series, prefix: str = "") -> Estimate:
        """A row of `to_frame` or `pooled` as a rate; `prefix` if its columns were renamed with one."""
        told, active = (self.definition, self.conf_level), float(row[f"{prefix}active"])
        n, count = int(row[f"{prefix}at_risk"]), None if np.isnan(active) else int(active)
        return Estimate.in_row(row, f"{prefix}retention", *told, n=n, count=count)

    def _with_rates(self, frame: pd.DataFrame) -> pd.DataFrame:
        share = wilson(frame["active"], frame["at_risk"], self.conf_level)
        return frame.assign(**interval_columns("retention", share))

    def rate(self, age: int, *, exclude: Collection[str] = ()) -> Estimate:
        """The pooled share at one age, of all customers together.

        Parameters
        ----------
        age : int
            Periods since the first.
        exclude : collection of str
            Labels of cohorts to leave out.

        Returns
        -------
        Estimate
            NaN if nobody has lived the age.
        """
        check_count("age", age, 0)
        frame = self.pooled(exclude=exclude)
        cell = frame[frame["age"] == age]
        at_risk, active = int(cell["at_risk"].sum()), float(cell["active"].sum())
        return rate_of(int(active), at_risk, self.conf_level, f"{self.definition}; age {age}")

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.definition)}</p>{self.pooled().to_html(index=False, border=0, na_rep='–')}"


def cohort_retention(
    activity: Activity | Dataset, *, kind: str = "on", bracket: tuple[int, int] | None = None, conf_level: float = 0.95
) -> CohortRetention:
    """Retention by cohort (period of the first activity) and age (periods since then).

    Parameters
    ----------
    activity : Activity or Dataset
        From `kb.activity`; a data set is reduced by months.
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
    record = as_activity(activity)
    calendar = record.calendar
    cohort, age = np.indices((calendar.size, calendar.size))
    fresh = record.fresh
    sizes = fresh.sizes()
    if bracket is None:
        check_choice("kind", kind, KINDS)
        lived = cohort + age < calendar.lived
        counted = fresh.active(0 if kind == "on" else None)
        return CohortRetention(record, kind, None, conf_level, tuple(range(calendar.size)), sizes, lived, counted)
    first, last = _check_bracket(bracket)
    lived = cohort[:, :1] < calendar.lived - last
    counted = np.zeros((len(record.groups), calendar.size, 1), dtype=np.int64)
    if last < calendar.size:
        counted = fresh.active(last - first)[:, :, first : first + 1]
    return CohortRetention(record, "bracket", (first, last), conf_level, (first,), sizes, lived, counted)


def _check_bracket(bracket: tuple[int, int]) -> tuple[int, int]:
    try:
        first, last = (int(age) for age in bracket)
    except (TypeError, ValueError, OverflowError):
        first, last = 0, -1
    if not 0 <= first <= last or (first, last) != tuple(bracket):
        raise ArgumentError(f"bracket={told(bracket)} is no range of ages; allowed: two whole numbers 0 <= a <= b")
    return first, last


def check_cohorts(exclude: Collection[str], labels: Sequence[str]) -> Collection[str]:
    """Return the cohorts to leave out if all are there, else say which is not."""
    if isinstance(exclude, (str, bytes)) or not isinstance(exclude, Collection):
        raise ArgumentError(f"exclude={told(exclude)} is no list of cohorts; allowed: such as [{labels[0]!r}]")
    for name in exclude:
        if not isinstance(name, str) or name not in labels:
            hint = did_you_mean(str(name), labels)
            raise ArgumentError(f"exclude={told(name)} is no cohort; {hint}cohorts: {labels[0]} to {labels[-1]}")
    return exclude


#: Periods after an absence that a customer must have been observed for.
FOLLOW_UP = 3


def follow_up(result: CohortRetention) -> int:
    """Periods for which an absence is followed before it counts: three, or half of what has been lived."""
    return max(1, min(FOLLOW_UP, (result.activity.calendar.lived - 2) // 2))


def return_rate(on: CohortRetention, ever: CohortRetention, *, exclude: Collection[str] = ()) -> Estimate:
    """Of those who were not active in the period after their first, the share who were active later.

    Only customers count who have been observed for some periods after the absence (see `follow_up`): who was
    missing just before the data ends has had no time to return.

    Parameters
    ----------
    on, ever : CohortRetention
        Kinds "on" and "on_or_after" of the same activity.
    exclude : collection of str
        Cohorts left out.
    """
    if on.activity is not ever.activity or (on.kind, ever.kind) != ("on", "on_or_after"):
        raise ArgumentError("return_rate needs the kinds 'on' and 'on_or_after' of one activity")
    calendar = on.activity.calendar
    young = [*exclude, *calendar.labels[max(calendar.lived - 1 - follow_up(on), 0) :]]
    here, later = on.rate(1, exclude=young), ever.rate(1, exclude=young)
    period = calendar.period
    definition = (
        f"customers active later, divided by those not active in the {period} after their first and observed for at "
        f"least {follow_up(on)} more"
    )
    missing = (here.n or 0) - (here.count or 0)
    return rate_of((later.count or 0) - (here.count or 0), missing, on.conf_level, definition)


def early_and_late(on: CohortRetention, age: int = 1) -> tuple[Estimate, Estimate]:
    """Share at an age of the earlier and of the later half of the cohorts after the first that have lived it."""
    calendar = on.activity.calendar
    usable = [i for i in range(1, calendar.lived - age) if on.cohort_size[0][i] > 0]
    middle = len(usable) // 2
    halves = usable[:middle], usable[middle:]
    first, second = (
        on.rate(age, exclude=[label for i, label in enumerate(calendar.labels) if i not in half]) for half in halves
    )
    return first, second


def same_cohorts(on: CohortRetention, age: int) -> tuple[Estimate, Estimate]:
    """Share at age 1 and at a later age of those customers who have lived the later age."""
    calendar = on.activity.calendar
    young = calendar.labels[max(calendar.lived - age, 0) :]
    return on.rate(1, exclude=young), on.rate(age, exclude=young)
