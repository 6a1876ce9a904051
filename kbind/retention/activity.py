"""Who was active in which period: one scan of the log, kept as the sufficient statistic of retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from kbind.calendar import PERIODS, Calendar
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import names_of, place_columns, stack_groups
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import Expression
from kbind.errors import ArgumentError, NotEnoughData, check_choice
from kbind.result import Shown
from kbind.retention.activity_counts import Counts
from kbind.retention.activity_scan import count_active
from kbind.typing import Ints

__all__ = ["Activity", "activity", "as_activity", "starts_with_recording", "suitable_period"]

_LOGS = ("subscriptions", "events")
#: The first cohort is where recording starts if it is more than so many times the larger of the next two.
_PANEL_FACTOR = 3
#: Periods up to which their cohorts can be shown.
_MOST_PERIODS = 120


@dataclass(frozen=True, eq=False)
class Activity(Shown):
    """Customers by the periods in which they were active.

    Made by `activity`; functions such as `cohort_retention` and `lifecycle` take it.

    Attributes
    ----------
    calendar : Calendar
        The periods, and how many of them are over.
    by : tuple of str
        Columns that split the customers; empty for all together.
    groups : tuple of tuple
        Values of these columns, one tuple a group; None where unknown.
    counts : Counts
        The record itself.
    fresh : Counts
        The same without those who were customers before recording began, whose first activity is not in the data.
    log : str
        Table it comes from: "events" or "subscriptions".
    open : ndarray of int, shape (groups, periods)
        Of the active customers, those who are so only because grace is not over: their contract ended before the
        period, and another may still follow.
    grace : int
        Days within which a contract may follow another.
    provenance : Provenance
        Data set, zone of the calendar, and the moment up to which the data is complete.
    dated : bool
        Whether `acquired_at` says who was a customer before recording began, so that sizes of cohorts need not.
    early : int
        Periods that began before leavers were recorded (`recorded_from`).
    customer, action : str
        What sentences call the customers ("customer", "household") and being active ("buy", "use", "stay").
    """

    calendar: Calendar
    by: tuple[str, ...]
    groups: tuple[tuple[Any, ...], ...]
    counts: Counts = field(repr=False)
    fresh: Counts = field(repr=False)
    log: str
    open: Ints = field(repr=False)
    grace: int
    provenance: Provenance
    dated: bool = False
    early: int = 0
    action: str = "use"

    @property
    def customers(self) -> int:
        """Number of customers with any activity."""
        return int(self.counts.sizes().sum())

    @property
    def definition(self) -> str:
        """What "active" means here, in one sentence."""
        what = "an event" if self.log == "events" else "a contract that covers any moment of it"
        if self.log == "subscriptions":
            what += f", or between contracts that are at most {self.grace:,} day{'s' if self.grace != 1 else ''} apart"
        return f"A customer is active in a {self.calendar.period} with {what}. {self.provenance}"

    def to_frame(self) -> pd.DataFrame:
        """Active customers by period.

        Returns
        -------
        DataFrame
            Columns of `by`, period, start, end (dates, half-open), lived (bool), active (int).
        """
        active = by_period(self.counts.active())
        periods = pd.DataFrame(
            {
                "period": self.calendar.labels,
                "start": pd.to_datetime(self.calendar.starts[:-1]),
                "end": pd.to_datetime(self.calendar.starts[1:]),
                "lived": np.arange(self.calendar.size) < self.calendar.lived,
            }
        )
        return stack_groups(self.by, self.groups, [periods.assign(active=active[g]) for g in range(len(self.groups))])


def activity(
    data: Dataset,
    *,
    period: str = "month",
    by: str | Sequence[str] | None = None,
    log: str | None = None,
) -> Activity:
    """Reduce a data set to who was active in which calendar period.

    Parameters
    ----------
    data : Dataset
        With a table `events` or `subscriptions`.
    period : {"day", "week", "month", "quarter", "year"}
        Length of the calendar periods; weeks are ISO weeks.
    by : str or sequence of str, optional
        Columns that split the customers: attributes of `customers`, or columns of the log, of which the value at
        the customer's first row counts. Customers of unknown group form a group of their own (None). In frames a
        column whose name is taken, such as age, is called by_age.
    log : {"events", "subscriptions"}, optional
        Which table says who is active. Default: the contracts if there are any, else the events.

    Returns
    -------
    Activity

    Raises
    ------
    ArgumentError
        No such table or column, or no activity before `data.as_of`.

    Notes
    -----
    One pass over the log. Each customer becomes a bit mask of periods; equal masks are counted. More rows than
    fit into memory are no obstacle. Calendars of more than 248 periods are kept as silences instead.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, 1, 2], "timestamp": ["2024-01-31", "2024-02-01", "2024-02-29"]})
    >>> kb.activity(kb.open_dataset({"events": log})).to_frame()[["period", "lived", "active"]]
        period  lived  active
    0  2024-01   True       1
    1  2024-02   True       2
    """
    check_dataset(data)
    check_choice("period", period, PERIODS)
    table = data.require(*_LOGS) if log is None else data.require(check_choice("log", log, _LOGS), asked=True)
    names = names_of(by)
    placed = place_columns(data, table, names)
    return record(data, period, table, placed)


def record(
    data: Dataset,
    period: str,
    table: str,
    by: Mapping[str, str],
    values: Mapping[str, Expression] | None = None,
) -> Activity:
    """The activity in a log, by columns that stand in known tables; for `values` see `group_steps`."""
    span = data.tables[table].span
    if span is None or data.as_of is None or data.wall_clock(span[0]) >= data.as_of:
        raise NotEnoughData(f"{table} of {data.name!r} holds nothing before as_of={data.as_of}")
    calendar = Calendar.spanning(period, data.wall_clock(span[0]), data.as_of, data.timezone)
    groups, counts, fresh, waiting = count_active(data, table, calendar, by, values, grace=data.grace)
    sold = "amount" in (*data.tables[table].columns, *data.tables[table].apart)
    action = "stay" if table == "subscriptions" else "buy" if sold else "use"
    return Activity(
        calendar=calendar,
        by=tuple(by),
        groups=groups,
        counts=counts,
        fresh=fresh,
        log=table,
        open=waiting,
        grace=data.grace,
        provenance=Provenance.of(data, data.as_of),
        dated=data.has("customers.acquired_at"),
        early=_early(calendar, data.recorded_from),
        action=action,
    )


def _early(calendar: Calendar, recorded_from: datetime | None) -> int:
    """How many periods began before a moment."""
    if recorded_from is None:
        return 0
    return sum(datetime.combine(start, datetime.min.time()) < recorded_from for start in calendar.starts[:-1])


def as_activity(value: Activity | Dataset) -> Activity:
    """The record, or that of a data set by months. Called first by every function that takes either.

    Raises
    ------
    ArgumentError
        It is neither.
    """
    if isinstance(value, Activity):
        return value
    if isinstance(value, Dataset):
        return activity(value)
    raise ArgumentError(f"a {type(value).__name__} is neither kb.activity(...) nor kb.open_dataset(...)")


def suitable_period(data: Dataset) -> str:
    """The longest of month, week and day of which at least three are over in the log that `activity` would take.

    A log of more than ten years is cut into quarters, one of more than thirty into years, so that cohorts can be shown.
    """
    span = next((data.tables[name].span for name in _LOGS if name in data.tables), None)
    if span is not None and data.as_of is not None and data.wall_clock(span[0]) < data.as_of:
        lived = {
            period: Calendar.spanning(period, data.wall_clock(span[0]), data.as_of, data.timezone).lived
            for period in ("year", "quarter", "month", "week")
        }
        if lived["month"] > _MOST_PERIODS:
            return "quarter" if lived["quarter"] <= _MOST_PERIODS else "year"
        for period in ("month", "week"):
            if lived[period] >= 3:
                return period
    return "day"


def starts_with_recording(sizes: Ints, lived: int) -> bool:
    """Whether the first cohort is so much larger than the next two that it is no cohort of new customers.

    Where nobody comes in the next two periods, nothing tells the customers of a first cohort from those who were
    there before.

    Parameters
    ----------
    sizes : ndarray of int, shape (periods,)
        Customers by first active period.
    lived : int
        Periods that are over.

    Examples
    --------
    >>> starts_with_recording(np.array([500, 60, 40, 50]), 4), starts_with_recording(np.array([500, 480, 510, 0]), 4)
    (True, False)
    """
    following = int(sizes[1 : min(3, lived)].max(initial=0))
    return following > 0 and bool(sizes[0] > _PANEL_FACTOR * following)


def by_period(by_age: Ints) -> Ints:
    """Sums over cohorts of what lies in the same calendar period: [g, c, a] -> [g, c + a]."""
    groups, periods, _ = by_age.shape
    result = np.zeros((groups, periods), dtype=np.int64)
    for cohort in range(periods):
        result[:, cohort:] += by_age[:, cohort, : periods - cohort]
    return result
