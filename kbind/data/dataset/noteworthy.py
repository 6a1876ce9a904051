"""What was found in a data set that is no error but should be known: the notes it opens with."""

from __future__ import annotations

import re
from datetime import timedelta

from kbind.data.dataset.checks import CheckedTable
from kbind.data.dataset.model import Dataset
from kbind.data.dataset.recording import before_notes
from kbind.data.dataset.refunds import refund_notes
from kbind.data.dataset.schema import TABLES
from kbind.data.engine import column, literal, parse
from kbind.errors import did_you_mean, plain

#: Names of columns that speak of a year.
_YEAR = re.compile(r"year|annual|annum|jahr|jährl|(?<![a-z])(arr|acv|p\.? ?a\.?)(?![a-z])")

#: So far from all others, and so few, rows are worth a note.
_FAR, _FEW = timedelta(days=200), 3

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
    return int(data.engine.aggregate(table, {"n": parse("count(*) FILTER (WHERE _w)", w=condition)})["n"])


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
    for name, table in data.tables.items():
        if (
            "customers" not in data.tables
            or name == "customers"
            or table.rows > _MANY_ROWS
            or not table.names_customers
        ):
            continue
        found = data.engine.query(
            "SELECT count(*) AS n FROM (SELECT DISTINCT customer_id FROM t) AS d "
            "WHERE NOT customer_id IN (SELECT customer_id FROM customers)",
            tables={"t": name, "customers": "customers"},
        )
        unknown = found.column("n")[0].as_py()
        if unknown:
            notes.append(f"{table.label}: {unknown:,} customers are not in customers")
    return notes


def _strays(data: Dataset) -> list[str]:
    """A few rows long after or before all others: mostly a mistyped year, which would stretch every calendar."""
    notes = []
    for name, table in data.tables.items():
        time = TABLES[name].time
        if not time or table.span is None or not 4 <= table.rows <= _MANY_ROWS or not table.names_customers:
            continue
        first, last = table.span
        found = data.engine.query(
            "SELECT max(_t) FILTER (WHERE _t < _late) AS before, count(*) FILTER (WHERE _t >= _late) AS after_n, "
            "min(_t) FILTER (WHERE _t >= _late) AS late_first, min(_t) FILTER (WHERE _t > _early) AS after, "
            "count(*) FILTER (WHERE _t <= _early) AS before_n, max(_t) FILTER (WHERE _t <= _early) AS early_last "
            "FROM t",
            tables={"t": name},
            columns={"t": time},
            values={"late": last - _FAR, "early": first + _FAR},
        ).to_pylist()[0]
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
    found = data.engine.query(
        "WITH said AS (SELECT customer_id, max(_said) AS t FROM cancellations WHERE _said < _as_of "
        "GROUP BY customer_id), "
        "held AS (SELECT customer_id, _start AS s, _end AS e, coalesce(_term > _as_of, FALSE) AS runs_out FROM log) "
        "SELECT count(*) AS n FROM (SELECT h.customer_id FROM held AS h JOIN said AS k "
        "ON k.customer_id = h.customer_id GROUP BY h.customer_id "
        "HAVING count(*) FILTER (WHERE h.s <= k.t AND h.e IS NULL AND NOT h.runs_out) > 0 "
        "AND count(*) FILTER (WHERE h.s > k.t OR h.e >= k.t - INTERVAL 1 DAY) = 0) AS open",
        tables={"log": "subscriptions", "cancellations": "cancellations"},
        parts={
            "said": data.wall_time("cancellations", "timestamp"),
            "as_of": literal(data.as_of),
            "start": data.wall_time("subscriptions", "start"),
            "end": data.wall_time("subscriptions", "end"),
            "term": data.wall_time("subscriptions", "term_end"),
        },
    )
    return int(found.column("n")[0].as_py())
