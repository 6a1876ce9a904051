"""The one scan: from a log in the engine to customers counted by their active periods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbind.data.calendar import Calendar
from kbind.data.dataset import Dataset
from kbind.data.dataset.clock import end_of_data, period_index
from kbind.data.dataset.recording import known_before, tells_before
from kbind.data.engine import Expression, column, literal, parse
from kbind.errors import ArgumentError, NotEnoughData
from kbind.statistics.activity.counts import WORD, Counts, Ints, MaskCounts, SilenceCounts
from kbind.statistics.groups import Groups, encode_groups, group_steps, integers

#: Up to so many words a customer's periods are kept as bit masks; beyond, masks hardly repeat.
MAX_WORDS = 4

#: Groups x periods x periods that fit into memory.
_MOST_CELLS = 2 * 10**8


def count_active(
    data: Dataset, log: str, calendar: Calendar, by: Mapping[str, str], values: Mapping[str, Expression] | None = None
) -> tuple[Groups, Counts, Counts]:
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

    Returns
    -------
    groups : tuple of tuple
        Values of the `by` columns, sorted, unknown last.
    counts : Counts
        The record, its groups in the same order.
    fresh : Counts
        Without those who were customers before recording began; the same record where nobody is known to.
    """
    wide = calendar.size > MAX_WORDS * WORD
    seen, parts = _log_rows(data, log, calendar)
    with_groups, group_names, group_parts = group_steps(data, by, values)
    parts |= group_parts
    told = tells_before(data, log)
    if told:
        with_groups["early"] = known_before(data, log, parts)
    names = [*group_names, *(["known__before"] if told else [])]
    selected = "".join(f", {name}" for name in names)
    joins = "".join(f" LEFT JOIN {name} USING (customer_id)" for name in with_groups)
    steps = [f"seen AS ({seen})", *(f"{name} AS ({sql})" for name, sql in with_groups.items())]
    if wide:
        steps += [
            "days AS (SELECT DISTINCT customer_id, i FROM seen)",
            "steps AS (SELECT customer_id, i, lead(i) OVER (PARTITION BY customer_id ORDER BY i) AS back, "
            "min(i) OVER (PARTITION BY customer_id) AS cohort FROM days)",
        ]
        sql = (
            f"SELECT cohort, i, coalesce(back, {calendar.size}) AS back, count(*) AS n{selected} FROM steps{joins} "
            f"WHERE back IS NULL OR back > i + 1 GROUP BY cohort, i, back{selected}"
        )
    else:
        words = -(-calendar.size // WORD)
        masks = ", ".join(f"{_mask(w, words)} AS w{w}" for w in range(words))
        kept = ", ".join(f"w{w}" for w in range(words))
        steps.append(f"masks AS (SELECT customer_id, {masks} FROM seen GROUP BY customer_id)")
        sql = f"SELECT {kept}, count(*) AS n{selected} FROM masks{joins} GROUP BY {kept}{selected}"
    tables = {"log": log, "customers": "customers"}
    rows = data.tables[log].rows
    result = data.engine.query(f"WITH {', '.join(steps)} {sql}", tables=tables, parts=parts, slots=rows)
    if not result.num_rows:
        raise NotEnoughData(f"{log} of {data.name!r} holds nobody who was active before as_of={data.as_of}")
    groups, group = encode_groups(result, group_names)
    if len(groups) * calendar.size**2 > _MOST_CELLS:
        raise ArgumentError(
            f"{calendar.size:,} periods for {len(groups):,} groups are too many; use a longer period than "
            f"{calendar.period!r}, or fewer groups"
        )
    count = _silences if wide else _masks
    counts = count(result, len(groups), calendar, group)
    new = pc.is_null(result.column("known__before")) if told else pa.array([True])
    if pc.all(new).as_py():
        return groups, counts, counts
    return groups, counts, count(result.filter(new), len(groups), calendar, group[new.to_numpy()])


def _mask(word: int, words: int) -> str:
    bit = f"CAST(1 AS BIGINT) << (i % {WORD})"
    return f"bit_or({bit})" if words == 1 else f"coalesce(bit_or({bit}) FILTER (WHERE i // {WORD} = {word}), 0)"


def _log_rows(data: Dataset, log: str, calendar: Calendar) -> tuple[str, dict[str, Expression]]:
    """SQL for one row per customer and active period (repeats allowed): customer_id, i."""
    time = "timestamp" if log == "events" else "start"
    parts = {
        "i": period_index(data, log, time, column(time), calendar),
        "time": column(time),
        "as_of": end_of_data(data, log, time),
    }
    if log == "events":
        return "SELECT customer_id, _i AS i FROM log WHERE _time < _as_of", parts
    # A contract covers the periods from its start to the last instant before its end; what runs on is cut
    # at as_of, and a contract that ends where it starts covers none.
    if "end" in data.tables[log].columns:
        limit = end_of_data(data, log, "end")
        until = parse("least(coalesce(_end, _limit), _limit)", end=column("end"), limit=limit)
        last = period_index(data, log, "end", parse("_until - INTERVAL 1 MICROSECOND", until=until), calendar)
    else:
        until = parts["as_of"]
        last = literal(calendar.size - 1)
    parts |= {"until": until, "last": last}
    return (
        "SELECT customer_id, unnest(range(_i, _last + 1)) AS i FROM log WHERE _time < _as_of AND _time < _until",
        parts,
    )


def _masks(result: pa.Table, groups: int, calendar: Calendar, group: Ints) -> Counts:
    words = np.column_stack([integers(result, f"w{w}") for w in range(-(-calendar.size // WORD))])
    return MaskCounts.ordered(groups, calendar.size, calendar.lived, group, words, integers(result, "n"))


def _silences(result: pa.Table, groups: int, calendar: Calendar, group: Ints) -> Counts:
    cohort, last, back, n = (integers(result, name) for name in ("cohort", "i", "back", "n"))
    size = np.zeros((groups, calendar.size), dtype=np.int64)
    final = back == calendar.size  # every customer has exactly one last silence
    np.add.at(size, (group[final], cohort[final]), n[final])
    return SilenceCounts(groups, calendar.size, calendar.lived, size, group, cohort, last, back, n)
