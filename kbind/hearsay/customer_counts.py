"""Counts of customers: who stayed, where they began, whom they referred."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.dataset.recording import known_before, tells_before
from kbind.engine.engine import array, column, literal, parse
from kbind.engine.query import Query
from kbind.spells.contracts import add_bridges, bridged
from kbind.typing import Floats

#: Words that data has for the kinds of device.
DEVICES = {
    "phone": ("phone", "mobile", "mobile phone", "smartphone", "handy", "iphone", "android"),
    "computer": ("computer", "desktop", "pc", "laptop", "notebook", "mac"),
    "tablet": ("tablet", "ipad"),
}


@dataclass(frozen=True)
class Share:
    """So many of so many customers."""

    count: int
    n: int


def kept_for_a_year(data: Dataset) -> Share:
    """Customers with a contract a year before the end of the data, and those of them with one at its end.

    Of whom a contract ended at most grace earlier and another follows, or may still follow, has one.
    """
    assert data.as_of is not None
    query = Query(data.engine).table(log="subscriptions")
    add_bridges(query, data, data.as_of, data.grace, known="_bridge_start <= _bridge_as_of")
    query.step("lasting", f"SELECT c.customer_id, c.s, coalesce(b.until, c.e) AS until FROM held AS c {bridged('c')}")
    covers = "max(CASE WHEN s <= {t} AND until > {t} THEN 1 ELSE 0 END)"
    query.step(
        "states",
        f"SELECT customer_id, {covers.format(t='_then')} AS before, {covers.format(t='_bridge_as_of')} AS now "
        "FROM lasting GROUP BY customer_id",
        then=parse("_x - INTERVAL 1 YEAR", x=literal(data.as_of)),
    )
    row = query.select("SELECT count(*) AS n, count(*) FILTER (WHERE now = 1) AS kept FROM states WHERE before = 1")
    return Share(int(row.column("kept")[0].as_py()), int(row.column("n")[0].as_py()))


def first_devices(data: Dataset) -> dict[tuple[str, str], int]:
    """Customers by the kinds of device of their first event and of the next one.

    Returns
    -------
    dict
        (first, next) -> customers; kinds as in `DEVICES`, "other", or "" where there is no second event. Customers who
        came before recording began are left out, for their first event is not known, and so are events without device.
    """
    name = parse("lower(trim(_d))", d=column("device"))
    kind = parse(
        "CASE WHEN list_contains(_phone, _n) THEN 'phone' WHEN list_contains(_computer, _n) THEN 'computer' "
        "WHEN list_contains(_tablet, _n) THEN 'tablet' ELSE 'other' END",
        n=name,
        **{word: array(literal(value) for value in DEVICES[word]) for word in DEVICES},
    )
    query, known = Query(data.engine).table(log="events"), ""
    if tells_before(data, "events"):
        early = known_before(data, "events", query.parts)
        known = f" AND NOT customer_id IN (SELECT customer_id FROM ({early}) AS k)"
    query.step(
        "rows",
        "SELECT customer_id, _time AS t, _kind AS kind FROM log "
        f"WHERE _time < _as_of AND NOT nullif(_name, '') IS NULL{known}",
        time=data.wall_time("events", "timestamp"),
        as_of=data.as_of,
        kind=kind,
        name=name,
    )
    # of several events at one moment, the smallest kind, so that the answer is always the same
    query.step("firsts", "SELECT customer_id, min(struct_pack(t := t, k := kind)) AS f FROM rows GROUP BY customer_id")
    query.step(
        "nexts",
        "SELECT r.customer_id, min(struct_pack(t := r.t, k := r.kind)) AS s FROM rows AS r "
        "JOIN firsts AS a ON a.customer_id = r.customer_id AND r.t > a.f.t GROUP BY r.customer_id",
    )
    query.step(
        "both",
        "SELECT a.f.k AS first, coalesce(b.s.k, '') AS next FROM firsts AS a "
        "LEFT JOIN nexts AS b ON a.customer_id = b.customer_id",
    )
    result = query.select("SELECT first, next, count(*) AS n FROM both GROUP BY first, next ORDER BY first, next")
    return {(row["first"], row["next"]): int(row["n"]) for row in result.to_pylist()}


@dataclass(frozen=True)
class Referrals:
    """Referrals in the first year of being a customer and later, and the time at risk of each.

    Attributes
    ----------
    customers : int
        Who could have referred somebody.
    sums : ndarray of float, shape (4,)
        Referrals in the first year, days of it, referrals later, days later.
    products : ndarray of float, shape (4, 4)
        Sums over customers of the products of the four: what the interval needs, because some customers refer many.
    """

    customers: int
    sums: Floats = field(repr=False)
    products: Floats = field(repr=False)


def referrals_by_age(data: Dataset) -> Referrals:
    """Count referrals by whether the one who refers is in the first year, within what has been recorded.

    A customer can refer from `acquired_at` on until the last contract ends; without contracts, until the end of the
    data. A referral happens when the referred customer is acquired.
    """
    begin: datetime | None = data.recorded_from
    query = Query(data.engine).part(
        came=data.wall_time("customers", "acquired_at"),
        as_of=data.as_of,
        begin=parse("CAST('0001-01-01' AS TIMESTAMP)") if begin is None else begin,
    )
    until, join = "_as_of", ""
    if data.has("subscriptions.end"):
        ends = "SELECT customer_id, max(coalesce(_end, _as_of)) AS e FROM subscriptions GROUP BY customer_id"
        query.step("ends", ends, end=data.wall_time("subscriptions", "end"))
        until, join = "least(coalesce(e, _as_of), _as_of)", " LEFT JOIN ends USING (customer_id)"
    days = "CAST(greatest(date_diff('day', greatest({since}, _begin), least({to}, e)), 0) AS DOUBLE)"
    names = ("early", "early_days", "late", "late_days")
    pairs = [(i, j) for i in range(4) for j in range(i, 4)]
    sums = [f"sum({name}) AS s{i}" for i, name in enumerate(names)]
    sums += [f"sum({names[i]} * {names[j]}) AS p{i}{j}" for i, j in pairs]
    query.step(
        "lives",
        f"SELECT customer_id, _came AS a, _came + INTERVAL 1 YEAR AS b, {until} AS e FROM customers{join} "
        "WHERE NOT _came IS NULL",
    )
    query.step(
        "given",
        "SELECT referred_by AS customer_id, _came AS t FROM customers "
        "WHERE NOT referred_by IS NULL AND _came >= _begin AND _came < _as_of",
    )
    query.step(
        "counted",
        "SELECT l.customer_id, CAST(count(*) FILTER (WHERE g.t < l.b) AS DOUBLE) AS early, "
        "CAST(count(*) FILTER (WHERE g.t >= l.b) AS DOUBLE) AS late "
        "FROM lives AS l JOIN given AS g ON g.customer_id = l.customer_id AND g.t >= l.a AND g.t < l.e "
        "GROUP BY l.customer_id",
    )
    query.step(
        "every",
        f"SELECT coalesce(early, 0) AS early, {days.format(since='a', to='b')} AS early_days, "
        f"coalesce(late, 0) AS late, {days.format(since='b', to='e')} AS late_days "
        "FROM lives LEFT JOIN counted USING (customer_id)",
    )
    row = query.select(
        f"SELECT count(*) AS n, {', '.join(sums)} FROM every WHERE early_days + late_days > 0"
    ).to_pylist()[0]
    products = np.zeros((4, 4))
    for i, j in pairs:
        products[i, j] = products[j, i] = row[f"p{i}{j}"] or 0.0
    return Referrals(int(row["n"]), np.array([row[f"s{i}"] or 0.0 for i in range(4)]), products)
