"""Who comes, who is there, who leaves and what they use, by period and by what was known when they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from kbind.calendar import Calendar
from kbind.customers.customers import attribute_names, row_value
from kbind.customers.levels import FEW_LEVELS
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import integers
from kbind.dataset.provenance import Provenance
from kbind.dataset.recording import recording_began
from kbind.engine.engine import bucket, column, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, check_name, choices
from kbind.survival.durations import observed_lives
from kbind.typing import Dates, Ints

#: Columns of `events` that say what is bought or used; the first that is there.
_USES = ("category", "kind")


@dataclass(frozen=True, eq=False)
class Counted:
    """Combinations of attributes with one count a period each.

    Attributes
    ----------
    known : DataFrame
        One column an attribute, one row a combination.
    counts : dict of str to ndarray of int, shape (rows, periods)
    """

    known: pd.DataFrame = field(repr=False)
    counts: dict[str, Ints] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Periods:
    """Customers by period and combination of attributes.

    Attributes
    ----------
    labels, starts : tuple
        Of the periods, all of them over.
    period : {"day", "week", "month", "quarter", "year"}
    lives : Counted
        new (who came), there (at its start), left (of these, up to its end).
    settled : int
        Periods, from the first on, of which it is known who has left.
    uses : Counted or None
        active (with an event), and by level those with an event of that level.
    column : str or None
        Column of `events` that the levels are from.
    notes : tuple of str
    """

    labels: tuple[str, ...]
    starts: tuple[date, ...]
    lives: Counted
    settled: int
    uses: Counted | None
    column: str | None
    meaning: str
    provenance: Provenance
    period: str
    notes: tuple[str, ...] = ()


def periods_of(
    data: Dataset, attributes: Sequence[str], period: str, *, uses: str | None = None, as_of: object = None
) -> Periods:
    """Count customers by period.

    Parameters
    ----------
    data : Dataset
        With `customers`, and contracts or events.
    attributes : sequence of str
        Columns of `customers`.
    period : {"day", "week", "month", "quarter", "year"}
    uses : str, optional
        Column of `events` that says what is bought or used. Default: category or kind, if there.
    as_of : date, datetime or ISO text, optional

    Raises
    ------
    ArgumentError
        No such column, no time in the data, or not one period that is over.
    """
    check_dataset(data)
    data.require("customers")
    log = data.require("subscriptions", "events")
    attribute_names(data, attributes)
    end = data.end_at(as_of)
    began = recording_began(data, log)
    calendar = Calendar.spanning(period, began, end, data.timezone)
    # a period that recording began in is not seen whole
    first = int(began > _midnight(calendar.starts[0]))
    kept = range(first, calendar.lived)
    if not kept:
        raise NotEnoughData(f"period={period!r}: no whole one between {began:%Y-%m-%d} and {end:%Y-%m-%d}")
    starts = calendar.starts[first : calendar.lived + 1]
    lives, meaning, days = _lives(data, attributes, log, starts, as_of)
    # who leaves at the very moment at which the data ends is not seen to leave
    settled = sum(_midnight(after) + timedelta(days=days) < end for after in starts[1:])
    found, name, notes = _uses(data, attributes, uses, calendar, first, end)
    return Periods(
        labels=tuple(calendar.labels[k] for k in kept),
        starts=tuple(starts[:-1]),
        lives=lives,
        settled=settled,
        uses=found,
        column=name,
        meaning=meaning,
        provenance=Provenance.of(data, end),
        period=period,
        notes=notes,
    )


def _lives(
    data: Dataset, attributes: Sequence[str], log: str, starts: Sequence[date], as_of: object
) -> tuple[Counted, str, int]:
    """New, there and left by period; what leaving means; days until it is known that somebody has left."""
    lives = observed_lives(data, as_of=as_of, log=log)
    query = lives.query.part(**{f"c{k}": row_value(data, name) for k, name in enumerate(attributes)})
    chosen = "".join(f", _c{k} AS c{k}" for k in range(len(attributes)))
    grouped = ", ".join(["since", "first", "gone", *(f"c{k}" for k in range(len(attributes)))])
    query.step(
        "people",
        f"SELECT d.since, d.first, d.gone{chosen} FROM dated AS d JOIN customers AS p ON p.customer_id = d.customer_id",
    )
    found = query.select(f"SELECT {grouped}, count(*) AS n FROM people GROUP BY {grouped} ORDER BY {grouped}")
    n = integers(found, "n")
    since, came, gone = (_days(found.column(name)) for name in ("since", "first", "gone"))
    edges = np.array(starts, dtype="datetime64[D]")
    begin, after = edges[:-1, None], edges[1:, None]
    there = (came <= begin) & ~(gone <= begin)  # not gone at all is no date, and comparing with it is false
    counts = {
        "new": ((since >= begin) & (since < after)).T * n[:, None],
        "there": there.T * n[:, None],
        "left": (there & (gone <= after)).T * n[:, None],
    }
    frame = found.select([f"c{k}" for k in range(len(attributes))]).to_pandas().set_axis(list(attributes), axis=1)
    return Counted(frame, counts), lives.meaning, lives.days


def _uses(
    data: Dataset, attributes: Sequence[str], uses: str | None, calendar: Calendar, first: int, end: datetime
) -> tuple[Counted | None, str | None, tuple[str, ...]]:
    """Customers with an event, and by what it was about."""
    if "events" not in data.tables:
        if uses is not None:
            data.require("events", asked=True)
        return None, None, ("No events: nothing says what is bought or used.",)
    columns = data.tables["events"].columns
    name = (
        check_name("uses", uses, "a column of events")
        if uses is not None
        else next((name for name in _USES if name in columns), None)
    )
    if name is None:
        return None, None, ("No column of events says what is bought or used.",)
    if name not in columns or name in ("customer_id", "timestamp"):
        known = [c for c in columns if c not in ("customer_id", "timestamp")]
        raise ArgumentError(f"uses={name!r} is no column of events; {choices(name, known)}")
    instants = "timestamp" in data.tables["events"].instants
    boundaries = calendar.boundaries(instants=instants)[: calendar.lived + 1]
    time = column("timestamp", "e")
    query = Query(data.engine).part(**{f"c{k}": row_value(data, named) for k, named in enumerate(attributes)})
    chosen = "".join(f", _c{k} AS c{k}" for k in range(len(attributes)))
    grouped = "".join(f", c{k}" for k in range(len(attributes)))
    query.step(
        "seen",
        f"SELECT DISTINCT e.customer_id, _period AS k, _level AS level{chosen} FROM events AS e "
        "JOIN customers AS p ON p.customer_id = e.customer_id WHERE _time >= _start AND _time < _until",
        period=bucket(time, boundaries),
        level=parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=column(name, "e")),
        time=time,
        start=boundaries[first],
        until=boundaries[-1],
    )
    active = query.select(
        f"SELECT k{grouped}, count(DISTINCT customer_id) AS n FROM seen GROUP BY k{grouped} ORDER BY k{grouped}"
    )
    by_level = query.select(
        f"SELECT k, level{grouped}, count(*) AS n FROM seen WHERE NOT level IS NULL "
        f"GROUP BY k, level{grouped} ORDER BY k, level{grouped}"
    )
    sizes: dict[str, int] = {}
    for level, n in zip(by_level.column("level").to_pylist(), integers(by_level, "n"), strict=True):
        sizes[level] = sizes.get(level, 0) + int(n)
    levels = sorted(sizes, key=lambda level: (-sizes[level], level))[:FEW_LEVELS]
    more = len(sizes) - len(levels)
    notes = (f"{name}: the {FEW_LEVELS} most frequent levels, {more:,} more left out.",) if more else ()
    return _counted(attributes, first, calendar.lived, active, by_level, sorted(levels)), name, notes


def _counted(
    attributes: Sequence[str], first: int, lived: int, active: Any, by_level: Any, levels: Sequence[str]
) -> Counted:
    names = [f"c{k}" for k in range(len(attributes))]
    tables = [active.to_pandas(), by_level.to_pandas()]
    rows = pd.concat([table[names] for table in tables], ignore_index=True)
    code = rows.groupby(names, dropna=False, sort=False).ngroup().to_numpy()
    distinct = rows.drop_duplicates().reset_index(drop=True).set_axis(list(attributes), axis=1)
    counts = {name: np.zeros((len(distinct), lived - first), dtype=np.int64) for name in ("", *levels)}
    for table, codes in zip(tables, (code[: len(tables[0])], code[len(tables[0]) :]), strict=True):
        place = table["k"].to_numpy(dtype=np.int64) - first
        n = table["n"].to_numpy(dtype=np.int64)
        which = table["level"].to_numpy() if "level" in table else np.full(len(table), "")
        for level in counts:
            here = which == level
            np.add.at(counts[level], (codes[here], place[here]), n[here])
    return Counted(distinct, counts)


def _days(values: Any) -> Dates:
    return np.array(values.to_pylist(), dtype="datetime64[D]")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())
