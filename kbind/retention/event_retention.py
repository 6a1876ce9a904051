"""Retention by events: one kind of event lets a customer in, another counts as coming back."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kbind.calendar import LONGEST
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import names_of, place_columns, stack_groups
from kbind.dataset.provenance import Provenance
from kbind.errors import (
    ArgumentError,
    NotEnoughData,
    check_choice,
    check_conf_level,
    check_count,
    choices,
    listed,
    told,
)
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, rate_of, wilson
from kbind.result import Shown
from kbind.retention.event_scan import ReturnCounts, count_returns

#: Column of the frame that holds each kind of share, and that of its numerator.
KINDS = {"on": ("retention", "returned"), "on_or_after": ("on_or_after", "returned_or_later")}
#: Windows that follow the calendar; all others have a length.
_PERIODS = ("day", "week", "month")
_HOURS = {"H": 1, "D": 24, "W": 168}
#: Nobody means more events in a window.
_MOST_TIMES = 10**6


@dataclass(frozen=True, eq=False)
class EventRetention(Shown):
    """Customers who came back, by windows since their first start event. Made by `event_retention`.

    Attributes
    ----------
    start, returns : tuple of str
        Kinds of event that let a customer in, and that count as coming back; empty for any event.
    times : int
        Returning events that a window needs.
    window : str
        A calendar period ("day", "week", "month"), or a length such as "24h".
    hours : int or None
        Length of the windows in hours; None for calendar periods.
    by : tuple of str
        Columns that split the customers; empty for all together.
    counts : ReturnCounts
        Customers by window, for each group.
    conf_level : float
        Level of the Wilson intervals.
    """

    start: tuple[str, ...]
    returns: tuple[str, ...]
    times: int
    window: str
    hours: int | None
    by: tuple[str, ...]
    counts: ReturnCounts = field(repr=False)
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """Numerator, denominator, windows and interval."""
        who, left = self.provenance.customer, self.counts.left_out
        least = "an event" if self.times == 1 else f"at least {self.times:,} events"
        start = f"the {who}'s first event{_of_kinds(self.start)}"
        if self.hours is None:
            windows = f"window k is the k-th calendar {self.window} after that of {start}"
        else:
            w = f"{self.hours // 24:,} days" if self.hours > 24 and self.hours % 24 == 0 else f"{self.hours:,} h"
            windows = f"t is the moment of {start}, window k runs from t + k times {w} up to t + (k + 1) times {w}"
        out = f"; left out: {left:,} {who}{'s' if left != 1 else ''} who came before recording began" if left else ""
        return (
            f"{who}s with {least}{_of_kinds(self.returns)} in window k (on_or_after: in window k or any later one that "
            f"is over), divided by all {who}s whose window k is over; {windows}; only what is later than that first "
            f"event counts; {self.conf_level:.0%} Wilson score interval{out}. {self.provenance}"
        )

    def headline(self) -> str:
        """How many came, and the share that came back in window 1."""
        who = self.provenance.customer
        n = self.counts.customers
        came = f"{n:,} {who}{'s' if n != 1 else ''}"
        share = self.rate(1).value
        return came if np.isnan(share) else f"{came}; {share:.0%} came back in window 1 ({self.window})"

    def to_frame(self) -> pd.DataFrame:
        """One row a window.

        Returns
        -------
        DataFrame
            Columns of `by`, age (number of the window, from 0), at_risk, returned, retention, retention_ci_lower,
            retention_ci_upper, returned_or_later, on_or_after, on_or_after_ci_lower, on_or_after_ci_upper. A window
            that nobody has lived yet has at_risk 0 and NaN.
        """
        counts, frames = self.counts, []
        for at_risk, *counted in zip(counts.at_risk, counts.on, counts.on_or_after, strict=True):
            frame = pd.DataFrame({"age": np.arange(len(at_risk)), "at_risk": at_risk})
            for (share, count), n in zip(KINDS.values(), counted, strict=True):
                limits = interval_columns(share, wilson(n, at_risk, self.conf_level))
                frame = frame.assign(**{count: np.where(at_risk > 0, n, np.nan)}, **limits)
            frames.append(frame)
        return stack_groups(self.by, counts.groups, frames)

    def rate(self, age: int, *, kind: str = "on") -> Estimate:
        """The share in one window, of all customers together.

        Parameters
        ----------
        age : int
            Number of the window, from 0.
        kind : {"on", "on_or_after"}
            Came back in that window, or in it or any later one that is over.

        Returns
        -------
        Estimate
            NaN if nobody has lived the window.
        """
        check_count("age", age, 0)
        check_choice("kind", kind, tuple(KINDS))
        cells = self.counts.at_risk, self.counts.on if kind == "on" else self.counts.on_or_after
        n, count = (int(each[:, age].sum()) if age < each.shape[1] else 0 for each in cells)
        return rate_of(count, n, self.conf_level, f"{self.definition} Kind {kind}, window {age}.")


def event_retention(
    data: Dataset,
    *,
    start: str | Sequence[str] | None = None,
    returns: str | Sequence[str] | None = None,
    times: int = 1,
    window: str = "24h",
    by: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> EventRetention:
    """Who comes back, where one kind of event is the start and another the return.

    Parameters
    ----------
    data : Dataset
        With `events`; with `events.kind` where kinds are named.
    start : str or sequence of str, optional
        Kinds of event of which a customer's first lets it in. Default: any event.
    returns : str or sequence of str, optional
        Kinds of event that count as coming back. Default: any event.
    times : int
        A customer has come back in a window with at least so many of these events in it.
    window : str
        Rolling windows have a length in hours, days or weeks, such as "24h", "7D", "4W", and begin with each customer:
        window k is [t + k w, t + (k + 1) w), where t is the moment of the first start event. "day", "week" (ISO) and
        "month" are calendar periods in `data.timezone`: window k is the k-th after the one of the first start event.
    by : str or sequence of str, optional
        Columns that split the customers, as for `activity`.
    conf_level : float
        Level of the Wilson intervals.

    Returns
    -------
    EventRetention
        `.to_frame()`, `.rate(age)`.

    Raises
    ------
    ArgumentError
        No such kind of event, no such column, or a window that is neither a length nor a calendar period.
    NotEnoughData
        No events, none that lets anybody in, or no column `events.kind` although kinds are named.

    Notes
    -----
    Only events later than t count, so the start is never its own return, nor is anything at the same moment. At risk
    in window k is whose window k is over at `data.as_of`; windows still running count nowhere. On or after window k
    counts the windows from k on that are over for that customer, one of which needs all `times` events. A customer is
    at risk in a window once: later start events open no windows of their own. Who was a customer before recording
    began is left out, as in `cohort_retention`, which gives the same numbers from age 1 on for events of any kind and
    calendar periods.

    With time stamps that are moments in world time, 24 hours are 24 hours also when the clocks change; without an
    offset they are hours on the clock on the wall.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"],
    ...     "timestamp": ["2024-01-01 18:00", "2024-01-02 17:00", "2024-01-01 09:00", "2024-01-02 09:00", "2024-01-03"],
    ...     "kind": ["trial", "order", "trial", "order", "order"],
    ... })
    >>> data = kb.open_dataset({"events": log}, as_of="2024-01-04")
    >>> kb.event_retention(data, start="trial", returns="order").to_frame()[["age", "at_risk", "returned"]]
       age  at_risk  returned
    0    0        2       1.0
    1    1        2       1.0
    2    2        0       NaN
    >>> print(kb.event_retention(data, start="trial", returns="order", window="day").rate(1))
    100.00% [34.24%, 100.00%] (2 of 2)
    """
    check_dataset(data)
    data.require("events")
    check_conf_level(conf_level)
    check_count("times", times, 1, _MOST_TIMES)
    hours = _hours(window)
    places = place_columns(data, "events", names_of(by))
    kinds = {name: _kinds(data, name, value) for name, value in (("start", start), ("returns", returns))}
    counts = count_returns(data, **kinds, times=times, hours=hours, period=window, by=places)
    if not counts.customers:
        early = " of anybody who came after recording began" if counts.left_out else ""
        raise NotEnoughData(f"events of {data.name!r} holds no event{_of_kinds(kinds['start'])}{early} before as_of")
    return EventRetention(
        **kinds,
        times=times,
        window=window.strip(),
        hours=hours,
        by=tuple(places),
        counts=counts,
        conf_level=conf_level,
        provenance=Provenance.of(data, data.as_of),
    )


def _hours(window: object) -> int | None:
    """Hours of a window that has a length, None for a calendar period."""
    if isinstance(window, str) and window in _PERIODS:
        return None
    match = re.fullmatch(r"\s*(\d{1,6})\s*([HDW])\s*", window, re.IGNORECASE) if isinstance(window, str) else None
    hours = int(match[1]) * _HOURS[match[2].upper()] if match else 0
    if not 0 < hours <= 24 * LONGEST:
        raise ArgumentError(
            f"window={told(window)} is no window; allowed: hours, days or weeks such as '24h', '7D' or '4W', up to 100 "
            f"years, or the calendar periods {', '.join(map(repr, _PERIODS))}"
        )
    return hours


def _kinds(data: Dataset, parameter: str, value: object) -> tuple[str, ...]:
    """The kinds of event that somebody names, if all of them occur; none for any event."""
    if value is None:
        return ()
    if isinstance(value, bytes) or not isinstance(value, (str, Sequence)):
        raise ArgumentError(f"{parameter}={told(value)} is no kind of event; allowed: a kind, a list of kinds, or None")
    kinds = (value,) if isinstance(value, str) else tuple(value)
    if not kinds:
        raise ArgumentError(f"{parameter} is empty; allowed: a kind of event, a list of kinds, or None for any event")
    if not data.has("events.kind"):
        raise NotEnoughData(f"events of {data.name!r} has no column kind; name it by mapping= or in kbind.yaml")
    found = data.engine.query(
        "SELECT DISTINCT kind FROM t WHERE kind IS NOT NULL ORDER BY kind", tables={"t": "events"}
    )
    known: Collection[Any] = found.column("kind").to_pylist()
    for kind in kinds:
        if not isinstance(kind, str) or kind not in known:
            raise ArgumentError(f"{parameter}={told(kind)} is no kind of event; {choices(kind, known, 'kinds')}")
    return tuple(dict.fromkeys(kinds))


def _of_kinds(kinds: Sequence[str]) -> str:
    """Words for kinds of event, to follow "event"."""
    return f" of kind {listed(kinds)}" if kinds else ""
