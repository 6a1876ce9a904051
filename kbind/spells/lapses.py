"""Silences of customers, past and present, judged by a lapse rule in the engine.

A silence begins on a day of activity and ends with the next one, or is open. The rule judges it by what was known when
it began: the customer's own gaps up to that day, never later ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import GroupColumns, Groups, encode_groups, group_columns
from kbind.engine.engine import column, literal, parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData
from kbind.typing import Ints

#: Name of a table while it exists; no table of a data set is called so.
_GAPS = "lapse: gaps"

#: 0.1 * 30 is more than 3 in floating point; a rank must not be.
_NEAR = 1e-9

#: Sums over customers of what the rule said about their silences, by name; y of m were false alarms.
_PAST = {
    "silences": "sum(silences)",
    "returned": "sum(returned)",
    "judged": "sum(m)",
    "false_alarms": "sum(y)",
    "alarmed": "count(*) FILTER (WHERE m > 0)",
    "mm": "sum(m * m)",
    "my": "sum(m * y)",
    "yy": "sum(y * y)",
}
_PRESENT = {
    "customers": "count(*)",
    "active": "count(*) FILTER (WHERE status = 'active')",
    "at_risk": "count(*) FILTER (WHERE status = 'at risk')",
    "lapsed": "count(*) FILTER (WHERE status = 'lapsed')",
    "too_few": "count(*) FILTER (WHERE status = 'too few events to tell')",
    "limits": "coalesce(sum(CASE WHEN status <> 'too few events to tell' THEN allowed END), 0)",
}


@dataclass(frozen=True)
class Rule:
    """Silent for longer than the floor and than a quantile of the customer's own gaps so far.

    Parameters
    ----------
    floor : int
        Days.
    quantile : float or None
        Share of the own gaps that the quantile is not smaller than; None: the floor alone.
    min_events : int
        Days of activity that a customer must have had before a silence is judged.
    maturity : int
        Days after the limit in which a return shows that the alarm was false.
    """

    floor: int
    quantile: float | None
    min_events: int
    maturity: int


@dataclass(frozen=True, eq=False)
class LapseCounts:
    """What a rule says, for several floors; every array has shape (groups, floors).

    Attributes
    ----------
    groups : tuple of tuple
        Values of the columns that split the customers.
    past, present : dict of str to ndarray of int
        Sums over customers: silences beyond the limit, returned, judged and so on; customers by status, `limits` the
        sum of the limits of those whom the rule can tell.
    """

    groups: Groups
    past: dict[str, Ints] = field(repr=False)
    present: dict[str, Ints] = field(repr=False)


def count_lapses(data: Dataset, rule: Rule, floors: Sequence[int], by: Mapping[str, str], end: datetime) -> LapseCounts:
    """Judge every silence, past and present, by a rule with each of several floors.

    Parameters
    ----------
    data : Dataset
        With events.
    rule : Rule
        Its own floor is not used.
    floors : sequence of int
        Days.
    by : mapping of str to str
        Column that splits the customers -> table it stands in.
    end : datetime
        Midnight at which the data ends.
    """
    with _gap_table(data, rule, by, end) as (query, split):
        _try_floors(query, floors)
        selected, joins = split.selected, split.joins
        present = (
            query.copy()
            .step("states", _states(rule))
            .select(f"SELECT floor, {_summed(_PRESENT)}{selected} FROM states{joins} GROUP BY floor{selected}")
        )
        past = _with_alarms(query, rule).select(
            f"SELECT floor, {_summed(_PAST)}{selected} FROM people__alarms{joins} GROUP BY floor{selected}"
        )
    if not present.num_rows:
        raise NotEnoughData(f"events of {data.name!r} hold nobody before {end:%Y-%m-%d}")
    groups, _ = encode_groups(present, split.names)

    def table(found: pa.Table, sums: Mapping[str, str]) -> dict[str, Ints]:
        some, code = encode_groups(found, split.names)
        group = np.array([groups.index(values) for values in some], dtype=np.int64)[code]
        place = np.array([floors.index(floor) for floor in found.column("floor").to_pylist()], dtype=np.int64)
        result = {name: np.zeros((len(groups), len(floors)), dtype=np.int64) for name in sums}
        for name, values in result.items():
            values[group, place] = found.column(name).to_numpy()
        return result

    return LapseCounts(groups, table(past, _PAST), table(present, _PRESENT))


def count_past(
    data: Dataset, rules: Sequence[Rule], floors: Sequence[int], end: datetime, sample: int
) -> list[tuple[Ints, Ints]]:
    """Silences judged and false alarms among them, by floor, for each of several rules; of every `sample`-th customer.

    The rules share the quantile that is asked for, or have none.
    """
    found = []
    with _gap_table(data, rules[0], {}, end, sample=sample) as (query, _):
        _try_floors(query, floors)
        for rule in rules:
            sums = ", ".join(
                f"CAST(coalesce({_PAST[name]}, 0) AS BIGINT) AS {name}" for name in ("judged", "false_alarms")
            )
            rows = _with_alarms(query, rule).select(f"SELECT floor, {sums} FROM people__alarms GROUP BY floor")
            place = [floors.index(floor) for floor in rows.column("floor").to_pylist()]
            counts = np.zeros((2, len(floors)), dtype=np.int64)
            counts[:, place] = [rows.column(name).to_numpy() for name in ("judged", "false_alarms")]
            found.append((counts[0], counts[1]))
    return found


def list_customers(data: Dataset, rule: Rule, by: Mapping[str, str], end: datetime) -> pa.Table:
    """One row a customer: customer_id, the groups as g0, g1, ..., status, last, days_active, silent, own, allowed."""
    with _gap_table(data, rule, by, end) as (query, split):
        query.step("floors", "SELECT _floors AS floor", floors=rule.floor).step("states", _states(rule))
        return query.select(
            f"SELECT customer_id{split.selected}, status, last, days_active, silent, own, allowed "
            f"FROM states{split.joins} ORDER BY customer_id"
        )


def list_alarms(data: Dataset, rule: Rule, end: datetime) -> pa.Table:
    """One row a silence beyond the rule's limit, past or present, judged by what was known on that day.

    Columns customer_id, since (the day after which it was beyond the limit), back (the day of the return; missing while
    the silence lasts).
    """
    with _gap_table(data, rule, {}, end) as (query, _):
        _try_floors(query, [rule.floor])
        return _with_alarms(query, rule).select(
            "SELECT customer_id, _end - CAST(seen - allowed AS INTEGER) AS since, "
            "_end - CAST(seen - gap AS INTEGER) AS back FROM alarms ORDER BY customer_id, since"
        )


def _try_floors(query: Query, floors: Sequence[int]) -> None:
    query.step("floors", "SELECT _floors AS floor", floors=parse("unnest(_x)", x=literal(list(floors))))
    query.part(least=min(floors))


@contextmanager
def _gap_table(
    data: Dataset, rule: Rule, by: Mapping[str, str], end: datetime, *, sample: int = 1
) -> Iterator[tuple[Query, GroupColumns]]:
    """Keep `gaps` for as long as it is needed: a row a customer and day of activity, the j-th, with the gap after it.

    Of `sample` customers one is read, always the same.
    """
    some = f" AND hash(customer_id) % {sample} = 0" if sample > 1 else ""
    query = Query(data.engine).table(log="events").part(time=column("timestamp"), quantile=rule.quantile)
    query.part(end=end.date())
    days = query.copy().step(
        "days",
        f"SELECT DISTINCT customer_id, CAST(_wall AS DATE) AS d FROM log WHERE _time < _cut{some}",
        wall=data.wall_time("events", "timestamp"),
        cut=data.constant("events", "timestamp", end),
    )
    days.create(
        _GAPS,
        "SELECT customer_id, d, row_number() OVER (PARTITION BY customer_id ORDER BY d) AS j, "
        "date_diff('day', d, lead(d) OVER (PARTITION BY customer_id ORDER BY d)) AS gap, "
        "date_diff('day', d, _end) AS seen FROM days",
    )
    try:
        yield query, group_columns(query.table(gaps=_GAPS), data, by)
    finally:
        data.engine.drop(_GAPS)


def _rank(gaps: str) -> str:
    """Place of the quantile among so many gaps in order: the smallest that has a share of them at or below it."""
    return f"greatest(CAST(ceil(_quantile * ({gaps}) - {_NEAR}) AS BIGINT), 1)"


def _states(rule: Rule) -> str:
    """SELECT of every customer's status at the end of the data, for every floor."""
    last = (
        "SELECT customer_id, max(j) AS days_active, min(seen) AS silent, max(d) AS last FROM gaps GROUP BY customer_id"
    )
    if rule.quantile is None:
        return (
            "SELECT *, CASE WHEN silent > floor THEN 'lapsed' ELSE 'active' END AS status, "
            f"CAST(NULL AS BIGINT) AS own, floor AS allowed FROM ({last}) AS l CROSS JOIN floors"
        )
    ranked = (
        "SELECT customer_id, gap, row_number() OVER (PARTITION BY customer_id ORDER BY gap) AS r, "
        "count(*) OVER (PARTITION BY customer_id) AS gaps FROM gaps WHERE NOT gap IS NULL"
    )
    own = (
        f"SELECT l.*, CASE WHEN days_active >= {rule.min_events} THEN gap END AS own FROM ({last}) AS l "
        f"LEFT JOIN (SELECT customer_id, gap FROM ({ranked}) AS q WHERE r = {_rank('gaps')}) AS k "
        "ON k.customer_id = l.customer_id"
    )
    return (
        "SELECT *, CASE WHEN own IS NULL THEN 'too few events to tell' "
        "WHEN silent > greatest(floor, own) THEN 'lapsed' "
        "WHEN silent > least(floor, own) THEN 'at risk' ELSE 'active' END AS status, "
        f"CASE WHEN NOT own IS NULL THEN greatest(floor, own) END AS allowed FROM ({own}) AS o CROSS JOIN floors"
    )


def _with_alarms(query: Query, rule: Rule) -> Query:
    """Go on to `people__alarms`: what the rule said about all silences of a customer, for every floor.

    Only silences beyond the smallest floor are compared with the gaps before them: there are few.
    """
    query = query.copy().step(
        "long",
        f"SELECT customer_id, j, gap, seen FROM gaps WHERE coalesce(gap, seen) > _least AND j >= {rule.min_events}",
    )
    if rule.quantile is None:
        judged = "SELECT customer_id, gap, seen, floor, floor AS allowed FROM long CROSS JOIN floors"
    else:
        query.step(
            "before",
            "SELECT l.customer_id, l.j, l.gap, l.seen, g.gap AS own, "
            "row_number() OVER (PARTITION BY l.customer_id, l.j ORDER BY g.gap) AS r "
            "FROM long AS l JOIN gaps AS g ON g.customer_id = l.customer_id AND g.j < l.j",
        )
        judged = (
            "SELECT customer_id, gap, seen, floor, greatest(floor, own) AS allowed FROM before CROSS JOIN floors "
            f"WHERE r = {_rank('j - 1')}"
        )
    query.step("alarms", f"SELECT * FROM ({judged}) AS judged WHERE coalesce(gap, seen) > allowed")
    return query.step(
        "people__alarms",
        "SELECT customer_id, floor, count(*) AS silences, count(gap) AS returned, "
        f"count(*) FILTER (WHERE seen > allowed + {rule.maturity}) AS m, "
        f"count(*) FILTER (WHERE seen > allowed + {rule.maturity} AND gap <= allowed + {rule.maturity}) AS y "
        "FROM alarms GROUP BY customer_id, floor",
    )


def _summed(sums: Mapping[str, str]) -> str:
    return ", ".join(f"CAST({sql} AS BIGINT) AS {name}" for name, sql in sums.items())
