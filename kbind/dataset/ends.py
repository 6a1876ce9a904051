"""Ends of contracts that are entered as their last day: recognised or declared, and moved to the moment after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import Expression, column, literal, parse
from kbind.engine.query import Query

#: Fewer contracts than that settle nothing.
_ENOUGH = 5
#: Share from which on something is usual, and up to which it is rare.
_USUAL, _RARE = 0.9, 0.1
#: Of more contracts than that, only some customers' are looked at.
_LOOKED_AT = 500_000

#: An end in the last minute of its day is its last day too.
_LAST_MINUTE = "CAST({0} AS TIME) >= CAST('23:59:00' AS TIME)"
#: A day lies whole months, or whole weeks, after the start of the contract.
_MONTHS = "{0} > s AND CAST(s + to_months(CAST(date_diff('month', s, {0}) AS INTEGER)) AS DATE) = {0}"
_WEEKS = "{0} > s AND ({0} - s) % 7 = 0"


def move_last_days(data: Dataset, declared: str | None) -> tuple[str, ...]:
    """Make the end of every contract the moment after it, where it is its last day; what is to be said of that.

    Parameters
    ----------
    data : Dataset
        Its table of contracts is replaced.
    declared : {"inclusive", "exclusive"} or None
        What the user says; None: what the contracts show.
    """
    table = data.tables.get("subscriptions")
    if table is None or "end" not in table.columns or declared == "exclusive":
        return ()
    inclusive, told = (True, "as declared, an end is the last day of a contract") if declared else _recognised(data)
    if not inclusive:
        ask = "if an end is the last day of a contract, declare ends: inclusive; else ends: exclusive"
        return (f"{table.label}: {told}; {ask}",) if told else ()
    if not declared:
        told += ", so an end is taken as the last day of a contract (else declare ends: exclusive)"
    moved, ends = _move(data)
    if not ends:
        return ()
    kept = f"; {ends - moved:,} with a clock time stay as they are" if moved < ends else ""
    return (f"{table.label}: {told}; {moved:,} of {ends:,} ends count as the start of the day after{kept}",)


def _recognised(data: Dataset) -> tuple[bool, str]:
    """Whether ends are last days, and what shows it; or what leaves a doubt, if anything does."""
    found = _looked_at(data)
    ends, days, minutes = found["ends"], found["days"], found["minutes"]
    if ends >= _ENOUGH and minutes >= _USUAL * ends:
        return True, f"{minutes:,} of {ends:,} contracts end in the last minute of a day"
    if not days or days < _USUAL * ends:
        return False, ""
    followed, next_day, same_day = found["followed"], found["next_day"], found["same_day"]
    if next_day or same_day:
        told = (
            f"{next_day:,} of {followed:,} contracts that another one follows are followed on the day after their end"
        )
        if next_day >= _ENOUGH and 2 * next_day > followed and same_day <= _RARE * next_day:
            return True, told
        return False, told if next_day > _RARE * followed else ""
    last, first, of_month = found["last"], found["first"], found["of_month"]
    if days >= _ENOUGH and last >= _USUAL * days and first <= _RARE * days:
        return True, f"{last:,} of {days:,} contracts end on the last day of a term of whole months or weeks"
    if days >= _ENOUGH and of_month >= _USUAL * days and found["whole_months"] <= _RARE * days:
        return True, f"{of_month:,} of {days:,} contracts end on the last day of a calendar month"
    return False, ""


def _looked_at(data: Dataset) -> Mapping[str, Any]:
    """What ends look like and what follows them, for some of the customers."""
    rows = data.tables["subscriptions"].rows
    some = f" WHERE hash(customer_id) % {rows // _LOOKED_AT + 1} = 0" if rows > _LOOKED_AT else ""
    last, first = "e + 1", "e"
    steps = {
        "looked_at": f"SELECT customer_id, _start AS s, _end AS e FROM log{some}",
        "all_ends": "SELECT CAST(s AS DATE) AS s, CAST(e AS DATE) AS e, date_trunc('day', e) = e AS plain, "
        f"{_LAST_MINUTE.format('e')} AS minute, CAST(lead(s) OVER (PARTITION BY customer_id ORDER BY s, e) AS DATE) "
        "- CAST(e AS DATE) AS later FROM looked_at",
        "told": "SELECT *, CASE WHEN NOT plain THEN NULL "
        f"WHEN {_MONTHS.format(last)} THEN 1 WHEN {_MONTHS.format(first)} THEN 0 "
        f"WHEN {_WEEKS.format(last)} THEN 3 WHEN {_WEEKS.format(first)} THEN 2 END AS term FROM all_ends",
    }
    sql = (
        "SELECT count(e) AS ends, count(*) FILTER (WHERE minute) AS minutes, count(*) FILTER (WHERE plain) AS days, "
        "count(*) FILTER (WHERE plain AND later >= 0) AS followed, "
        "count(*) FILTER (WHERE plain AND later = 0) AS same_day, "
        "count(*) FILTER (WHERE plain AND later = 1) AS next_day, count(*) FILTER (WHERE term IN (1, 3)) AS last, "
        "count(*) FILTER (WHERE term IN (0, 2)) AS first, count(*) FILTER (WHERE term = 0) AS whole_months, "
        "count(*) FILTER (WHERE plain AND last_day(e) = e) AS of_month "
        "FROM told"
    )
    parts = {"start": data.wall_time("subscriptions", "start"), "end": data.wall_time("subscriptions", "end")}
    row: dict[str, Any] = Query(data.engine, steps, parts, {"log": "subscriptions"}).select(sql).to_pylist()[0]
    return row


def _move(data: Dataset) -> tuple[int, int]:
    """Put moved ends in the place of the others; how many were moved, of how many."""
    engine, table, entered = data.engine, data.tables["subscriptions"], "subscriptions__entered"
    engine.rename("subscriptions", entered)
    columns: dict[str, Expression] = {name: column(name) for name in table.columns}
    columns["end"] = _day_after(data, "end")
    alike = parse("avg(CASE WHEN _end = _term THEN 1.0 ELSE 0.0 END) FILTER (WHERE NOT _end IS NULL AND NOT _term "
                  "IS NULL)", end=column("end"), term=column("term_end"))  # fmt: skip
    if "term_end" in columns and (engine.aggregate(entered, {"alike": alike})["alike"] or 0.0) > 0.5:
        columns["term_end"] = _day_after(data, "term_end")
    engine.define("subscriptions", entered, columns, stored=False)
    counts = {
        "ends": parse("count(_x)", x=column("end")),
        "moved": parse("count(*) FILTER (WHERE _x <> _y)", x=column("end"), y=columns["end"]),
    }
    found = engine.aggregate(entered, counts)
    return int(found["moved"]), int(found["ends"])


def _day_after(data: Dataset, name: str) -> Expression:
    """The midnight after a day, and after a time in its last minute; other times stay as they are."""
    wall = data.wall_time("subscriptions", name)
    moved = parse("CAST(date_trunc('day', _t) AS TIMESTAMP) + INTERVAL 1 DAY", t=wall)
    if name in data.tables["subscriptions"].instants:
        moved = parse("timezone(_zone, _t)", zone=literal(data.timezone or "UTC"), t=moved)
    whole = parse(f"date_trunc('day', _t) = _t OR {_LAST_MINUTE.format('_t')}", t=wall)
    return parse("CASE WHEN _whole THEN _moved ELSE _entered END", whole=whole, moved=moved, entered=column(name))
