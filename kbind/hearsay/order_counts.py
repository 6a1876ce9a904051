"""Counts of purchases: the first of a customer against the later ones, and who came back after a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from kbind.calendar import Calendar
from kbind.dataset.arms import treated
from kbind.dataset.dataset import Dataset
from kbind.engine.query import Query
from kbind.hearsay.customer_counts import Share
from kbind.orders.order_table import purchase_tables


@dataclass(frozen=True)
class Paired:
    """Sums over customers of a first value, of the mean of the later ones, of their squares and their product."""

    n: int
    first: float
    first_squares: float
    later: float
    later_squares: float
    products: float


def days_between(data: Dataset, since: date | None = None) -> Paired:
    """Days from the first order to the second, against those between later ones, of customers with three or more.

    If a customer's gaps all came from one distribution, whatever it is, the first and the mean of the later ones would
    have the same expectation, although only gaps that fit into the data are seen: which of them comes first does not
    matter for whether they fit. Every customer counts once.

    Parameters
    ----------
    data : Dataset
        With events.
    since : date, optional
        Customers whose first order is older are left out.
    """
    with _orders(data, since) as query:
        query.step(
            "gaps",
            "SELECT orders.customer_id, k, CAST(date_diff('day', d, back) AS DOUBLE) AS g FROM orders "
            "JOIN buyers ON buyers.customer_id = orders.customer_id WHERE NOT back IS NULL",
        )
        return _paired(
            query,
            "SELECT customer_id, max(CASE WHEN k = 1 THEN g END) AS f, avg(CASE WHEN k > 1 THEN g END) AS l "
            "FROM gaps GROUP BY customer_id",
        )


def categories_by_day(data: Dataset, since: date | None = None) -> Paired:
    """Categories bought on the day of the first purchase, against those of a later day of purchase.

    Parameters
    ----------
    data : Dataset
        With events that have categories.
    since : date, optional
        Customers whose first order is older are left out.
    """
    with _orders(data, since) as query:
        query.step(
            "days",
            "SELECT customer_id, d, CAST(count(DISTINCT category) AS DOUBLE) AS c FROM raw "
            "WHERE amount > 0 AND NOT category IS NULL GROUP BY customer_id, d",
        )
        return _paired(
            query,
            "SELECT days.customer_id, max(CASE WHEN d = day THEN c END) AS f, "
            "avg(CASE WHEN d > day THEN c END) AS l FROM days JOIN buyers ON buyers.customer_id = days.customer_id "
            "GROUP BY days.customer_id",
        )


def won_by_campaign(data: Dataset, *, soon: int, within: int) -> Share:
    """Customers whose first order followed a campaign, and those of them who ordered again.

    Parameters
    ----------
    data : Dataset
        With events and campaigns.
    soon : int
        Days after the assignment in which the first order has to fall.
    within : int
        Days after the first order in which the next has to fall; customers whose time is not over do not count.
    """
    with _orders(data, None) as query:
        query.step(
            "asked",
            "SELECT customer_id, CAST(_assigned AS DATE) AS a FROM campaigns WHERE coalesce(_treated, TRUE)",
            assigned=data.wall_time("campaigns", "assigned_at"),
            treated=treated(data),
        )
        query.step(
            "firsts",
            "SELECT orders.customer_id, d, back FROM orders JOIN buyers ON buyers.customer_id = orders.customer_id "
            "WHERE k = 1 AND date_diff('day', d, _today) > _within",
            today=_end(data).date(),
            within=within,
        )
        query.step(
            "won",
            "SELECT DISTINCT firsts.customer_id, d, back FROM firsts "
            "JOIN asked ON asked.customer_id = firsts.customer_id WHERE a <= d AND date_diff('day', a, d) <= _soon",
            soon=soon,
        )
        row = query.select(
            "SELECT count(*) AS n, count(*) FILTER (WHERE date_diff('day', d, back) <= _within) AS again FROM won"
        ).to_pylist()[0]
    return Share(int(row["again"]), int(row["n"]))


def _end(data: Dataset) -> datetime:
    return datetime.combine(data.end_at(None), datetime.min.time())


@contextmanager
def _orders(data: Dataset, since: date | None) -> Iterator[Query]:
    """Orders and buyers of the whole data; periods do not matter here."""
    span = data.tables["events"].span
    assert span is not None
    calendar = Calendar.spanning("year", data.wall_clock(span[0]), _end(data), data.timezone)
    with purchase_tables(data, calendar, _end(data), {}, since) as tables:
        yield tables.query


def _paired(query: Query, people: str) -> Paired:
    """Sums over customers who have a first value `f` and later ones `l`."""
    row = (
        query.step("people", people)
        .select(
            "SELECT count(*) AS n, sum(f) AS first, sum(f * f) AS first_squares, sum(l) AS later, "
            "sum(l * l) AS later_squares, sum(f * l) AS products FROM people WHERE NOT f IS NULL AND NOT l IS NULL"
        )
        .to_pylist()[0]
    )
    sums = {name: float(value or 0.0) for name, value in row.items() if name != "n"}
    return Paired(int(row["n"]), **sums)
