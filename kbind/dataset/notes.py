"""What was found in a data set that is no error but should be known: the notes it opens with."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from kbind.dataset.checks import CheckedTable
from kbind.dataset.dataset import Dataset
from kbind.dataset.recording import before_notes
from kbind.dataset.schema import TABLES
from kbind.engine.engine import column, literal, parse
from kbind.errors import did_you_mean, plain

#: Names of columns that speak of a year.
_YEAR = re.compile(r"year|annual|annum|jahr|jährl|(?<![a-z])(arr|acv|p\.? ?a\.?)(?![a-z])")

#: So far from all others, and so few, rows are worth a note.
_FAR, _FEW = timedelta(days=200), 3

#: Order numbers of cancellations in many shop systems: that of the order, with a C in front.
_CANCELLED = r"C\d+"
#: Rows up to which customers are looked up one by one when a data set is opened.
_MANY_ROWS = 5_000_000


def _untranslated(table: CheckedTable) -> str:
    """What was left out because `id_map` does not know whose it is."""
    found = table.translation
    if found is None or not found.rows_left_out:
        return ""
    ids = f"{found.ids - found.found:,} of {found.ids:,} ids of {found.system!r} without a partner in id_map"
    return f"{table.label}: {ids}; rows left out: {found.rows_left_out:,}"


def noteworthy(data: Dataset, *, default_end: bool) -> list[str]:
    """What was found that is no error but should be known."""
    notes = [note for table in data.tables.values() if (note := _untranslated(table))] + refund_notes(data)
    for name, table in data.tables.items():
        contract = TABLES[name].columns
        for found in table.columns:
            meant = did_you_mean(found, [c for c in contract if c not in table.columns]).strip()
            if found not in contract and meant:
                notes.append(f"{table.label}: column {found!r} is an attribute of no meaning to kbind; {meant}")
    notes += _yearly(data) + _orphans(data) + _strays(data) + before_notes(data)
    n = unended(data)
    if n:
        who = "1 customer has" if n == 1 else f"{n:,} customers have"
        label = data.tables["cancellations"].label
        notes.append(
            f"{label}: {who} cancelled, and a contract without an end: counted as still there, and in predictions as "
            "having decided to leave"
        )
    return notes + _behind(data, default_end=default_end)


def _behind(data: Dataset, *, default_end: bool) -> list[str]:
    """What is known of the time after the end of the data, and so plays no part."""
    notes, late = [], rows_behind(data)
    if late:
        counted = ", ".join(f"{name} ({n:,})" for name, n in late.items())
        notes.append(f"rows from {data.as_of:%Y-%m-%d} on lie behind the end of the data: {counted}")
    if default_end and data.as_of is not None and data.has("subscriptions.end"):
        n = _from(data, "subscriptions", "end", "_t > _end AND date_part('year', _t) < 2200")  # 9999 is no end
        if n:
            ends = "1 contract ends" if n == 1 else f"{n:,} contracts end"
            count = "counts" if n == 1 else "count"
            label = data.tables["subscriptions"].label
            notes.append(
                f"{label}: {ends} after {data.as_of:%Y-%m-%d}, the end of the data, and {count} as running; "
                "if that is over, set as_of"
            )
    return notes


def rows_behind(data: Dataset) -> dict[str, int]:
    """Rows from the end of the data on, by table; tables without any are left out."""
    late = {}
    for name, table in data.tables.items():
        if data.as_of is None or table.span is None or data.wall_clock(table.span[1]) < data.as_of:
            continue
        time = TABLES[name].until or TABLES[name].time
        late[name] = _from(data, name, time)
    return late


def _from(data: Dataset, table: str, time: str, when: str = "_t >= _end") -> int:
    condition = parse(when, t=column(time), end=data.constant(table, time))
    return data.engine.size(table, condition)


def _yearly(data: Dataset) -> list[str]:
    """Columns of revenue a month whose name in the file speaks of a year."""
    table = data.tables.get("subscriptions")
    name = "" if table is None or "mrr" not in table.every else table.names.get("mrr", "mrr")
    if table is None or not _YEAR.search(name.lower()):
        return []
    read = f"mrr, which is revenue a month, is read from {plain(name)!r}, whose name speaks of a year"
    return [f"{table.label}: {read}; divide it by 12 if it is"]


def _orphans(data: Dataset) -> list[str]:
    """Customers of other tables that `customers` does not know; not counted in very long tables."""
    notes = []
    for table in data.tables.values():
        unknown = unknown_in(data, table) if table.rows <= _MANY_ROWS else {}
        if unknown.get("unknown_customers"):
            notes.append(f"{table.label}: {unknown['unknown_customers']:,} customers are not in customers")
    return notes


def unknown_in(data: Dataset, table: CheckedTable) -> dict[str, int]:
    """Rows whose customer `customers` does not know, and how many customers that are; empty where nobody can say."""
    if "customers" not in data.tables or table.name == "customers" or not table.names_customers:
        return {}
    return data.engine.row(
        "SELECT count(*) AS unknown_rows, count(DISTINCT customer_id) AS unknown_customers FROM t "
        "WHERE NOT customer_id IN (SELECT customer_id FROM customers)",
        t=table.name,
    )


def _strays(data: Dataset) -> list[str]:
    """A few rows long after or before all others: mostly a mistyped year, which would stretch every calendar."""
    notes = []
    for name, table in data.tables.items():
        time = TABLES[name].time
        if not time or table.span is None or not 4 <= table.rows <= _MANY_ROWS or not table.names_customers:
            continue
        first, last = table.span
        found = data.engine.row(
            "SELECT max(_t) FILTER (WHERE _t < _late) AS before, count(*) FILTER (WHERE _t >= _late) AS after_n, "
            "min(_t) FILTER (WHERE _t >= _late) AS late_first, min(_t) FILTER (WHERE _t > _early) AS after, "
            "count(*) FILTER (WHERE _t <= _early) AS before_n, max(_t) FILTER (WHERE _t <= _early) AS early_last "
            "FROM t",
            parts={"t": column(time), "late": last - _FAR, "early": first + _FAR},
            t=name,
        )
        for n, inner, outer, edge, others, word in (
            (found["after_n"], found["before"], found["late_first"], last, first, "after"),
            (found["before_n"], found["after"], found["early_last"], first, last, "before"),
        ):
            # few rows, and farther away than all others are from each other
            if (
                inner is None
                or n > max(_FEW, table.rows // 1000)
                or abs(outer - inner) <= max(_FAR, abs(inner - others))
            ):
                continue
            rows = "1 row lies" if n == 1 else f"{n:,} rows lie"
            days = f"{abs(outer - inner).days:,} days {word} all others"
            notes.append(f"{table.label}: {rows} {days} ({edge:%Y-%m-%d}); a mistyped year?")
    return notes


def unended(data: Dataset) -> int:
    """Customers with a cancellation on record whose contract of that time has no end, and is not known to run out.

    One that a contract of theirs ended with, or that another contract began after, is answered for.
    """
    if not data.has("subscriptions") or not data.has("cancellations") or data.as_of is None:
        return 0
    found = data.engine.row(
        "WITH said AS (SELECT customer_id, max(_said) AS t FROM cancellations WHERE _said < _as_of "
        "GROUP BY customer_id), "
        "held AS (SELECT customer_id, _start AS s, _end AS e, coalesce(_term > _as_of, FALSE) AS runs_out "
        "FROM subscriptions) "
        "SELECT count(*) AS n FROM (SELECT h.customer_id FROM held AS h JOIN said AS k "
        "ON k.customer_id = h.customer_id GROUP BY h.customer_id "
        "HAVING count(*) FILTER (WHERE h.s <= k.t AND h.e IS NULL AND NOT h.runs_out) > 0 "
        "AND count(*) FILTER (WHERE h.s > k.t OR h.e >= k.t - INTERVAL 1 DAY) = 0) AS open",
        parts={
            "said": data.wall_time("cancellations", "timestamp"),
            "as_of": literal(data.as_of),
            "start": data.wall_time("subscriptions", "start"),
            "end": data.wall_time("subscriptions", "end"),
            "term": data.wall_time("subscriptions", "term_end"),
        },
    )
    return int(found["n"])


@dataclass(frozen=True)
class Refunds:
    """What of a log was given back.

    Parameters
    ----------
    rows, only : int
        Rows with a negative amount, and customers who have no others.
    total : float or None
        What these rows add up to; None for amounts in several currencies.
    orders, cancelled : int
        Orders whose number says that they were cancelled, and their rows.
    example : str
        One of these numbers.
    """

    rows: int = 0
    only: int = 0
    total: float | None = None
    orders: int = 0
    cancelled: int = 0
    example: str = ""


def refunds_of(data: Dataset) -> Refunds:
    """Count refunds and cancelled orders of the events."""
    if "events" not in data.tables:
        return Refunds()
    table = data.tables["events"]
    found = Refunds()
    if "amount" in table.every:
        given = data.engine.row("SELECT count(*) AS n, sum(amount) AS total FROM events WHERE amount < 0")
        total = None if "amount" in table.apart else given["total"]
        found = Refunds(given["n"], _with_refunds_only(data) if given["n"] else 0, total)
    if table.columns.get("order_id", "").startswith("VARCHAR"):
        called = data.engine.row(
            "SELECT count(*) FILTER (WHERE c) AS n, count(DISTINCT order_id) FILTER (WHERE c) AS orders, "
            "count(*) FILTER (WHERE NOT c) AS others, min(order_id) FILTER (WHERE c) AS example "
            "FROM (SELECT order_id, regexp_full_match(order_id, _pattern) AS c FROM events) AS marked",
            parts={"pattern": _CANCELLED},
        )
        if 0 < called["n"] <= called["others"]:  # where most numbers have the C, it means something else
            return replace(found, orders=called["orders"], cancelled=called["n"], example=called["example"])
    return found


def refund_notes(data: Dataset) -> list[str]:
    """What notes say of refunds and cancelled orders; they count as activity, which must be known."""
    found, notes = refunds_of(data), []
    if found.rows:
        what = "refund (negative amount)" if found.rows == 1 else "refunds (negative amounts)"
        total = " in several currencies" if found.total is None else f", {found.total:,.2f} in all"
        note = f"events: {found.rows:,} {what}{total}; kept, and counted as activity"
        who = "customer has" if found.only == 1 else "customers have"
        notes.append(note + (f"; {found.only:,} {who} nothing else" if found.only else ""))
    if found.orders:
        rows = "1 row" if found.cancelled == 1 else f"{found.cancelled:,} rows"
        orders = "1 order looks" if found.orders == 1 else f"{found.orders:,} orders look"
        notes.append(f"events: {orders} cancelled (order_id like {found.example}, {rows}); counted as activity")
    return notes


def _with_refunds_only(data: Dataset) -> int:
    """Customers all of whose rows are refunds; counting customers takes long, so nobody does it without need."""
    found = data.engine.row(
        "SELECT (SELECT count(DISTINCT customer_id) FROM events) - "
        "(SELECT count(DISTINCT customer_id) FROM events WHERE amount >= 0 OR amount IS NULL) AS n"
    )
    return int(found["n"])
