"""Two tables in the engine that everything about purchases is counted from: orders, and who bought first when.

An order is what shares an `order_id`, or where there is none all rows of a customer on one day. It is a purchase if
one of its rows has a positive amount; without a column `amount` every order is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from kbind.calendar import Calendar
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import GroupColumns, group_columns, group_value
from kbind.dataset.recording import known_before
from kbind.engine.engine import column, parse
from kbind.engine.query import Query

#: Names of the two tables while they exist; no table of a data set is called so.
_ORDERS, _BUYERS = "purchases: orders", "purchases: buyers"

#: All rows before the end: customer_id, t, d, i, amount, o, category.
_ROWS = (
    "SELECT customer_id, _time AS t, _day AS d, _i AS i, _amount AS amount, _order AS o, _category AS category "
    "FROM log WHERE _time < _end"
)


@dataclass(frozen=True)
class Tables:
    """What a statement about purchases is made from.

    Parameters
    ----------
    query : Query
        Its tables are `orders` (customer_id, k, d, i, value, back), one row a purchase, the k-th of its customer, on
        day d in period i, followed by the next on day back; and `buyers` (customer_id, day, cohort and the groups),
        one row a customer. Its step `raw` has all rows before the end: customer_id, t, d, i, amount, o, category.
    groups : GroupColumns
        Columns of `buyers` that hold the groups.
    """

    query: Query
    groups: GroupColumns


@contextmanager
def purchase_tables(
    data: Dataset, calendar: Calendar, end: datetime, by: Mapping[str, str], since: date | None
) -> Iterator[Tables]:
    """Orders and buyers, for as long as they are needed.

    Parameters
    ----------
    data : Dataset
        With events.
    calendar : Calendar
        The periods.
    end : datetime
        Midnight at which the data ends.
    by : mapping of str to str
        Column that splits the customers -> table it stands in.
    since : date, optional
        Buyers whose first order is older are left out.
    """
    day = parse("CAST(_t AS DATE)", t=data.wall_time("events", "timestamp"))
    query = Query(data.engine, tables={"log": "events", "orders": _ORDERS, "buyers": _BUYERS}).step(
        "raw",
        _ROWS,
        time=column("timestamp"),
        day=day,
        i=data.period_index("events", "timestamp", column("timestamp"), calendar),
        amount=column("amount") if data.has("events.amount") else 1,
        order=column("order_id") if data.has("events.order_id") else parse("CAST(NULL AS INTEGER)"),
        # blank text is no category
        category=group_value(data, "events", "category") if data.has("events.category") else None,
        end=data.constant("events", "timestamp", end),
    )
    # the clock decides which of two orders of a day was first, their number which of two at the same moment
    query.create(
        _ORDERS,
        "SELECT customer_id, d, i, value, row_number() OVER (PARTITION BY customer_id ORDER BY t, o) AS k, "
        "lead(d) OVER (PARTITION BY customer_id ORDER BY t, o) AS back FROM (SELECT customer_id, o, "
        "sum(amount) AS value, min(CASE WHEN amount > 0 THEN t END) AS t, min(CASE WHEN amount > 0 THEN d END) AS d, "
        "min(CASE WHEN amount > 0 THEN i END) AS i "
        "FROM raw GROUP BY customer_id, o, CASE WHEN o IS NULL THEN d END HAVING max(amount) > 0) AS placed",
    )
    try:
        groups = _create_buyers(data, by, since)
        try:
            yield Tables(query, groups)
        finally:
            data.engine.drop(_BUYERS)
    finally:
        data.engine.drop(_ORDERS)


def _create_buyers(data: Dataset, by: Mapping[str, str], since: date | None) -> GroupColumns:
    """Store one row a customer who counts; returns the group columns."""
    query = Query(data.engine, tables={"log": "events", "orders": _ORDERS})
    query.part(time=column("timestamp"), since=since)
    groups = group_columns(query, data, by)
    query.step("early", known_before(data, "events", query.parts))
    old = "" if since is None else " AND d >= _since"
    query.create(
        _BUYERS,
        f"SELECT customer_id, d AS day, i AS cohort{groups.selected} FROM orders{groups.joins} "
        f"LEFT JOIN early USING (customer_id) WHERE k = 1 AND known__before IS NULL{old}",
    )
    return groups
