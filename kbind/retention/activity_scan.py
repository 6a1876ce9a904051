"""The one scan: from a log in the engine to customers counted by their active periods."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbind.calendar import Calendar
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import Groups, encode_groups, group_columns, integers
from kbind.dataset.recording import known_before, tells_before
from kbind.engine.engine import Expression, bucket, column, literal, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData
from kbind.retention.activity_counts import WORD, Counts, MaskCounts, SilenceCounts
from kbind.spells.contracts import add_bridges
from kbind.typing import Ints

#: Up to so many words a customer's periods are kept as bit masks; beyond, masks hardly repeat.
MAX_WORDS = 4

#: Groups x periods x periods that fit into memory.
_MOST_CELLS = 2 * 10**8


def count_active(
    data: Dataset,
    log: str,
    calendar: Calendar,
    by: Mapping[str, str],
    values: Mapping[str, Expression] | None = None,
    *,
    grace: int = 0,
) -> tuple[Groups, Counts, Counts, Ints]:
    """Count the customers of a log by their active periods.

    Parameters
    ----------
    data : Dataset
        Holds the log.
    log : {"events", "subscriptions"}
        Table that says who is active.
    calendar : Calendar
        The periods.
    by : mapping of str to str
        Column that splits the customers -> table it stands in.
    values : mapping of str to Expression, optional
        What a name in `by` stands for, where it is no column.
    grace : int
        Days within which a contract may follow another.

    Returns
    -------
    groups : tuple of tuple
        Values of the `by` columns, sorted, unknown last.
    counts : Counts
        The record, its groups in the same order.
    fresh : Counts
        Without those who were customers before recording began; the same record where nobody is known to.
    waiting : ndarray of int, shape (groups, periods)
        Customers active only because another contract may still follow.
    """
    wide = calendar.size > MAX_WORDS * WORD
    # a gap within grace covers a whole period only where grace is that long
    bridges = log == "subscriptions" and "end" in data.tables[log].columns and grace + 1 >= _shortest(calendar)
    query = Query(data.engine).table(log=log)
    seen = _add_log_rows(query, data, log, calendar)
    if bridges:
        _add_bridge_rows(query, data, calendar, grace)
        seen = f"{seen} UNION ALL SELECT customer_id, unnest(range(a, z + 1)) AS i FROM covered"
    split = group_columns(query, data, by, values)
    waits = query.copy()
    selected, joins = split.selected, split.joins
    told = tells_before(data, log)
    if told:
        query.step("early", known_before(data, log, query.parts))
        selected += ", known__before"
        joins += " LEFT JOIN early USING (customer_id)"
    query.step("seen", seen)
    if wide:
        query.step("days", "SELECT DISTINCT customer_id, i FROM seen")
        query.step(
            "steps",
            "SELECT customer_id, i, lead(i) OVER (PARTITION BY customer_id ORDER BY i) AS back, "
            "min(i) OVER (PARTITION BY customer_id) AS cohort FROM days",
        )
        sql = (
            f"SELECT cohort, i, coalesce(back, {calendar.size}) AS back, count(*) AS n{selected} FROM steps{joins} "
            f"WHERE back IS NULL OR back > i + 1 GROUP BY cohort, i, back{selected}"
        )
    else:
        words = -(-calendar.size // WORD)
        masks = ", ".join(f"{_mask(w, words)} AS w{w}" for w in range(words))
        kept = ", ".join(f"w{w}" for w in range(words))
        query.step("masks", f"SELECT customer_id, {masks} FROM seen GROUP BY customer_id")
        sql = f"SELECT {kept}, count(*) AS n{selected} FROM masks{joins} GROUP BY {kept}{selected}"
    result = query.select(sql, slots=data.tables[log].rows)
    if not result.num_rows:
        raise NotEnoughData(f"{log} of {data.name!r} holds nobody who was active before as_of={data.as_of}")
    groups, group = encode_groups(result, split.names)
    if len(groups) * calendar.size**2 > _MOST_CELLS:
        raise ArgumentError(
            f"{calendar.size:,} periods for {len(groups):,} groups are too many; use a longer period than "
            f"{calendar.period!r}, or fewer groups"
        )
    count = _silences if wide else _masks
    counts = count(result, len(groups), calendar, group)
    waiting = np.zeros((len(groups), calendar.size), dtype=np.int64)
    if bridges:
        found = waits.select(
            f"SELECT a, z, count(*) AS n{split.selected} FROM covered{split.joins} WHERE waits "
            f"GROUP BY a, z{split.selected}"
        )
        place = {value: k for k, value in enumerate(groups)}
        known, code = encode_groups(found, split.names)
        for k, n, a, z in zip(code, *(integers(found, name) for name in ("n", "a", "z")), strict=True):
            waiting[place[known[k]], a : z + 1] += n
    new = pc.is_null(result.column("known__before")) if told else pa.array([True])
    if pc.all(new).as_py():
        return groups, counts, counts, waiting
    return groups, counts, count(result.filter(new), len(groups), calendar, group[new.to_numpy()]), waiting


def _mask(word: int, words: int) -> str:
    bit = f"CAST(1 AS BIGINT) << (i % {WORD})"
    return f"bit_or({bit})" if words == 1 else f"coalesce(bit_or({bit}) FILTER (WHERE i // {WORD} = {word}), 0)"


def _add_log_rows(query: Query, data: Dataset, log: str, calendar: Calendar) -> str:
    """SQL for one row per customer and active period (repeats allowed): customer_id, i."""
    time = "timestamp" if log == "events" else "start"
    until = data.constant(log, time)
    query.part(i=data.period_index(log, time, column(time), calendar), time=column(time), as_of=until)
    if log == "events":
        return "SELECT customer_id, _i AS i FROM log WHERE _time < _as_of"
    # A contract covers the periods from its start to the last instant before its end, and that of its start in any
    # case; what runs on is cut at as_of.
    if "end" in data.tables[log].columns:
        limit = data.constant(log, "end")
        until = parse("least(coalesce(_end, _limit), _limit)", end=column("end"), limit=limit)
        last = data.period_index(log, "end", parse("_until - INTERVAL 1 MICROSECOND", until=until), calendar)
    else:
        last = literal(calendar.size - 1)
    query.part(until=until, last=last)
    return (
        "SELECT customer_id, unnest(range(_i, greatest(_i, _last) + 1)) AS i FROM log "
        "WHERE _time < _as_of AND _time <= _until"
    )


def _shortest(calendar: Calendar) -> int:
    """Days of the shortest period."""
    return min((after - start).days for start, after in pairwise(calendar.starts))


def _add_bridge_rows(query: Query, data: Dataset, calendar: Calendar, grace: int) -> None:
    """Steps up to `covered` (customer_id, a, z, waits): whole periods between contracts at most grace apart."""
    assert data.as_of is not None
    boundaries = calendar.boundaries(instants=False)
    began = parse("greatest(reach, _first)", first=literal(boundaries[0]))
    last = parse("least(until, _e) - INTERVAL 1 MICROSECOND", e=literal(data.as_of))
    add_bridges(query, data, data.as_of, grace).step(
        "gaps",
        "SELECT customer_id, _since AS a, _edge AS z, until = _bridge_never AS waits, reach FROM bridges "
        "WHERE reach < _bridge_as_of",
        since=bucket(began, boundaries),
        edge=bucket(last, boundaries),
    )
    # a contract is active up to its end, so the period that it ended in needs nothing
    empty = "SELECT customer_id, a + CASE WHEN reach > _starts[a + 1] THEN 1 ELSE 0 END AS a, z, waits FROM gaps"
    query.step("empty", empty, starts=list(boundaries))
    query.step("covered", "SELECT customer_id, a, z, waits FROM empty WHERE a <= z")


def _masks(result: pa.Table, groups: int, calendar: Calendar, group: Ints) -> Counts:
    words = np.column_stack([integers(result, f"w{w}") for w in range(-(-calendar.size // WORD))])
    return MaskCounts.ordered(groups, calendar.size, calendar.lived, group, words, integers(result, "n"))


def _silences(result: pa.Table, groups: int, calendar: Calendar, group: Ints) -> Counts:
    cohort, last, back, n = (integers(result, name) for name in ("cohort", "i", "back", "n"))
    size = np.zeros((groups, calendar.size), dtype=np.int64)
    final = back == calendar.size  # every customer has exactly one last silence
    np.add.at(size, (group[final], cohort[final]), n[final])
    return SilenceCounts(groups, calendar.size, calendar.lived, size, group, cohort, last, back, n)
