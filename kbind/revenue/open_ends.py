"""Contracts that have ended while another may still follow: gaps within grace across the end of a window."""

from __future__ import annotations

from datetime import datetime

from kbind.calendar import Calendar
from kbind.dataset.dataset import Dataset
from kbind.engine.engine import bucket, column, literal, parse
from kbind.engine.query import Query
from kbind.spells.contracts import add_bridges, bridged

#: Contracts that cover any instant up to the end of the last window.
COVERING = "_start <= _last"


def spans(calendar: Calendar, has_bridges: bool, known: str) -> tuple[dict[str, str], str]:
    """Contracts by the boundaries that they begin before and have ended at; and what adds the rows of those open."""
    rows = f"FROM log WHERE _money > 0 AND {COVERING}{known}"
    if not has_bridges:
        return {"spans": f"SELECT customer_id, _lo AS lo, _hi AS hi, CAST(_money AS BIGINT) AS m {rows}"}, ""
    never = calendar.lived + 1
    ended = "CAST(sum(m) AS BIGINT) AS m FROM spans WHERE waits GROUP BY customer_id, ended"
    return {
        "entered": f"SELECT customer_id, _lo AS lo, _hi AS hi, CAST(_money AS BIGINT) AS m, _bridge_end AS e {rows}",
        "spans": f"SELECT c.customer_id, c.lo, c.hi AS ended, CASE WHEN b.until = _bridge_never THEN {never} "
        "WHEN NOT b.until IS NULL THEN greatest(_bridged, c.hi) ELSE c.hi END AS hi, c.m, "
        f"NOT b.until IS NULL AND b.until = _bridge_never AND c.hi < {never} AS waits FROM entered AS c {bridged('c')}",
        "open": f"SELECT customer_id, ended AS i, {ended}",
    }, (" UNION ALL SELECT CAST({unit} AS BIGINT) AS unit, i, m AS amount, {kind} AS kind{selected} FROM open{joins}")


def find_bridges(data: Dataset, calendar: Calendar, grace: int, as_of: datetime) -> Query:
    """Steps up to `bridges`; none where none lies across the end of a window."""
    none = Query(data.engine).table(log="subscriptions")
    if "end" not in data.tables["subscriptions"].columns:
        return none
    boundaries = calendar.boundaries(instants=False)
    first, last = boundaries[0], boundaries[calendar.lived]
    before = bucket(parse("_t - INTERVAL 1 MICROSECOND", t=data.wall_time("subscriptions", "end")), boundaries)
    inside = bucket(parse("_t - INTERVAL 1 MICROSECOND", t=column("until", "b")), boundaries)
    bridged_to = parse(
        "CASE WHEN _t > _last THEN _never WHEN _t <= _first THEN 0 ELSE _inside + 1 END", t=column("until", "b"),
        last=literal(last), never=literal(calendar.lived + 1), first=literal(first), inside=inside,
    )  # fmt: skip
    near = (
        "SELECT DISTINCT customer_id FROM log WHERE _bridge_end > _first_edge - to_days(_days) "
        "AND _bridge_end <= _last_edge AND (_bridge_end <= _first_edge OR _next_edge <= _bridge_end + to_days(_days))"
    )
    query = none.copy().step("near", near)
    query.part(
        days=grace + 1,
        first_edge=first,
        last_edge=last,
        next_edge=parse("_edges[_before + 2]", edges=literal(boundaries), before=before),
        bridged=bridged_to,
    )
    add_bridges(query, data, as_of, grace, known="_bridge_start <= _bridge_as_of", near="near")
    return query if query.select("SELECT 1 AS one FROM bridges LIMIT 1").num_rows else none
