"""The one scan behind retention by events: who had lived which windows, and in which of them they came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kbind.calendar import Calendar
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import Groups, encode_groups, group_columns, integers
from kbind.dataset.recording import known_before
from kbind.engine.engine import Expression, column, literal, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData
from kbind.typing import Ints

#: Nobody reads more windows, and more of them times groups do not fit into a frame.
_MOST_WINDOWS, _MOST_CELLS = 10**5, 10**6
_MICROSECONDS = 3_600_000_000  # of an hour


@dataclass(frozen=True, eq=False)
class ReturnCounts:
    """Customers by windows since their first start event.

    Parameters
    ----------
    groups : tuple of tuple
        Values of the columns that split the customers.
    at_risk, on, on_or_after : ndarray of int, shape (groups, windows)
        Customers who have lived the window; of these, those who came back in it; or in it or a later one they have
        lived. There are as many windows as have begun for somebody.
    customers, left_out : int
        Customers counted, and those left out for being there before recording began.
    """

    groups: Groups
    at_risk: Ints
    on: Ints
    on_or_after: Ints
    customers: int
    left_out: int


def count_returns(
    data: Dataset,
    start: Sequence[str],
    returns: Sequence[str],
    *,
    times: int,
    hours: int | None,
    period: str,
    by: Mapping[str, str],
) -> ReturnCounts:
    """Count customers by the windows in which they came back.

    Parameters
    ----------
    data : Dataset
        With `events`.
    start, returns : sequence of str
        Kinds of event; empty for any.
    times : int
        Returning events that a window needs.
    hours : int or None
        Length of rolling windows; None for calendar periods.
    period : str
        The calendar period where there are no hours.
    by : mapping of str to str
        Column that splits the customers -> table it stands in.
    """
    span = data.tables["events"].span
    if span is None or data.as_of is None or data.wall_clock(span[0]) >= data.as_of:
        raise NotEnoughData(f"events of {data.name!r} holds nothing before as_of={data.as_of}")
    first, end, query = data.wall_clock(span[0]), data.constant("events", "timestamp"), Query(data.engine)
    # where an event lies, where what is over ends, the last place there is, and how long a window is: in microseconds,
    # or in calendar periods
    if hours is None:
        calendar = Calendar.spanning(period, first, data.as_of, data.timezone)
        at = data.period_index("events", "timestamp", column("timestamp"), calendar)
        query.part(at=at, until=calendar.lived, newest=calendar.size - 1, width=1)
    else:
        windows = (data.as_of - first).total_seconds() / 3600 / hours
        if windows > _MOST_WINDOWS:
            raise ArgumentError(f"{windows:,.0f} windows of {hours} h are too many; take longer ones")
        until, at = (parse("epoch_us(_t)", t=time) for time in (end, column("timestamp")))
        query.part(at=at, until=until, newest=parse("_t - 1", t=until), width=hours * _MICROSECONDS)
    query.table(log="events").part(time=column("timestamp"), as_of=end, times=times)
    split = group_columns(query, data, by)
    query.step("early", known_before(data, "events", query.parts))
    query.step(
        "happened",
        "SELECT customer_id, _time AS t, _at AS i, _starts AS starts, _comes AS comes FROM log WHERE _time < _as_of",
        starts=_is_of(start),
        comes=_is_of(returns),
    )
    query.step(
        "began", "SELECT customer_id, min(t) AS t0, min(i) AS i0 FROM happened WHERE starts GROUP BY customer_id"
    )
    query.step(
        "entered",
        "SELECT customer_id, t0, i0, (_until - i0) // _width AS lived, (_newest - i0) // _width + 1 AS begun, "
        f"known__before IS NULL AS fresh{split.selected} FROM began LEFT JOIN early USING (customer_id){split.joins}",
    )
    query.step(
        "reached",
        "SELECT h.customer_id, (h.i - e.i0) // _width AS k FROM happened AS h JOIN entered AS e USING (customer_id) "
        "WHERE h.comes AND h.t > e.t0 AND h.i < e.i0 + e.lived * _width "
        "GROUP BY h.customer_id, k HAVING count(*) >= _times",
    )
    query.step("marked", "SELECT customer_id, k, k = max(k) OVER (PARTITION BY customer_id) AS final FROM reached")
    # each customer has one row that is its last, or that says it never came back: only there stands what it has lived
    query.step(
        "told",
        "SELECT fresh, begun, coalesce(k, -1) AS k, CASE WHEN coalesce(final, TRUE) THEN lived ELSE -1 END AS over"
        f"{split.selected} FROM entered LEFT JOIN marked USING (customer_id)",
    )
    result = query.select(
        f"SELECT fresh, k, over, count(*) AS n, max(begun) AS begun{split.selected} FROM told "
        f"GROUP BY fresh, k, over{split.selected}",
        slots=data.tables["events"].rows,
    )
    return _by_window(result, split.names)


def _is_of(kinds: Sequence[str]) -> Expression:
    """Whether an event is of one of these kinds; of none, any event."""
    if not kinds:
        return literal(True)
    return parse("coalesce(list_contains(_kinds, _kind), FALSE)", kinds=literal(list(kinds)), kind=column("kind"))


def _by_window(result: pa.Table, names: Sequence[str]) -> ReturnCounts:
    """From customers by their windows with a return, and by how many they have lived, to counts by window."""
    groups, group = encode_groups(result, names)
    k, over, n, begun = (integers(result, name) for name in ("k", "over", "n", "begun"))
    fresh = np.asarray(result.column("fresh").to_numpy(zero_copy_only=False), dtype=bool)
    last, back = over >= 0, k >= 0
    windows = int(begun[fresh].max(initial=1))
    if len(groups) * windows > _MOST_CELLS:
        raise ArgumentError(f"{windows:,} windows for {len(groups):,} groups are too many; take longer windows")

    def counted(place: Ints, rows: np.ndarray) -> Ints:
        cells = np.zeros((len(groups), windows + 1), dtype=np.int64)
        np.add.at(cells, (group[rows], place[rows]), n[rows])
        return cells

    return ReturnCounts(
        groups=groups,
        at_risk=_from_here_on(counted(over, fresh & last))[:, 1:],
        on=counted(k, fresh & back)[:, :-1],
        on_or_after=_from_here_on(counted(k, fresh & last & back))[:, :-1],
        customers=int(n[fresh & last].sum()),
        left_out=int(n[~fresh & last].sum()),
    )


def _from_here_on(cells: Ints) -> Ints:
    """Sums over each column and all later ones."""
    return np.asarray(np.cumsum(cells[:, ::-1], axis=1)[:, ::-1])
