"""Logs of many customers, read in one scan each, and taken apart into those of a few."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset
from kbind.data.engine import Expression, column, literal, parse
from kbind.statistics.durations.lives import wall_time
from kbind.statistics.groups import Ints, integers
from kbind.statistics.snapshots.cells import UNITS, Amounts, Cells, Floats
from kbind.statistics.snapshots.choice import Choice, is_number
from kbind.statistics.snapshots.moments import EARLY, Moments, microseconds

#: Of contacts.
SIDES = ("ours", "theirs")


@dataclass(frozen=True)
class Scope:
    """The customers whose logs are read together.

    Parameters
    ----------
    data : Dataset
    moments : Moments
    people : str
        Relation of the engine: customer_id, code__people.
    first, size : int
        Their codes are first, ..., first + size - 1.
    step : int
        So many at a time are computed, in what a processor has at hand.
    """

    data: Dataset
    moments: Moments
    people: str
    first: int
    size: int
    step: int

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The customers taken apart: how many of the scope come before them, and how many they are."""
        return [(first, min(self.step, self.size - first)) for first in range(0, self.size, self.step)]

    @property
    def tables(self) -> dict[str, str]:
        """What statements call the relation of the customers."""
        return {"people": self.people}

    @property
    def range(self) -> dict[str, Expression]:
        """First code, and the one after the last."""
        return {"low": literal(self.first), "high": literal(self.first + self.size)}


@dataclass(frozen=True, eq=False)
class Log:
    """Rows of a log that belong to the customers of a scope.

    Parameters
    ----------
    scope : Scope
    cuts, dates : ndarray of int
        Microseconds of the cuts and of the observation dates, on the clock of the log.
    levels : int
        Kinds that are told apart.
    piece : ndarray of int, shape (logged,)
        Part of the scope and kind of row in one number: kinds from 1 on, 0 for any other, the last for rows after the
        last observation date.
    who, us : ndarray of int, shape (logged,)
        Customer and microseconds of the row.
    day : ndarray of int, shape (logged,) or (0,)
        Day since 1970, if days are wanted.
    amounts : dict of str to ndarray of float
        By column; NaN where there is none.
    factors : list of float
        What amounts are multiplied by.
    """

    scope: Scope
    cuts: Ints
    dates: Ints
    levels: int
    piece: NDArray[np.uint16]
    who: NDArray[np.int32]
    us: Ints
    day: NDArray[np.int32]
    amounts: dict[str, Floats]
    factors: list[float]

    @cached_property
    def _order(self) -> Ints:
        """Rows in the order of pieces: numbers of 16 bits are sorted by counting."""
        return np.argsort(self.piece, kind="stable")

    @cached_property
    def _edges(self) -> Ints:
        """Where each piece begins in that order, shape (parts, levels + 3)."""
        pieces = self.levels + 2
        ends = np.cumsum(np.bincount(self.piece, minlength=len(self.scope.parts) * pieces)).reshape(-1, pieces)
        return np.column_stack((np.append(0, ends[:-1, -1]), ends))

    def part(self, k: int) -> Cells:
        """The rows of one part of the scope's customers."""
        first, size = self.scope.parts[k]
        edges = self._edges[k]
        rows = self._order[edges[0] : edges[-1]]
        who = self.who[rows] - np.int32(first)
        active = np.stack((who, self.day[rows])) if len(self.day) else np.zeros((2, 0), dtype=np.int32)
        past = rows[: edges[-2] - edges[0]]
        us = self.us[past]
        return Cells(
            self.scope.moments,
            size,
            self.dates,
            who[: len(past)],
            np.searchsorted(self.cuts, us, side="right").astype(np.int16),
            us,
            {name: Amounts(self.amounts[name][past], f) for name, f in zip(self.amounts, self.factors, strict=True)},
            edges[:-1] - edges[0],
            active,
        )


def read_logs(scope: Scope, choice: Choice) -> dict[str, Log]:
    """All logs of a data set that features are made of, each in one scan."""
    has = {name: table.columns for name, table in scope.data.tables.items()}
    logs: dict[str, Log] = {}
    if "subscriptions" in has:
        summed = [name for name in ("mrr", "seats") if name in has["subscriptions"]]
        logs["started"] = _read(scope, "subscriptions", "start", amounts=summed)
        if "end" in has["subscriptions"]:
            logs["ended"] = _read(scope, "subscriptions", "end", amounts=summed)
    if "events" in has:
        paid = [name for name in ("amount",) if name in has["events"]]
        logs["events"] = _read(scope, "events", "timestamp", ("kind", choice.kinds), paid, days=True)
    if "tickets" in has:
        amounts = [name for name in ("severity", "goodwill") if is_number(has["tickets"].get(name, ""))]
        logs["tickets"] = _read(scope, "tickets", "opened", amounts=amounts)
        if "closed" in has["tickets"]:
            logs["closed"] = _read(scope, "tickets", "closed")
    if "score" in has.get("feedback", {}):
        logs["feedback"] = _read(scope, "feedback", "timestamp", ("instrument", choice.instruments), ["score"])
    if "start" in has.get("contacts", {}):
        sides = ("side", SIDES if "side" in has["contacts"] else ())
        # who has no start has always been there
        early = scope.moments.constant(scope.data, "contacts", "start", EARLY)
        since = parse("coalesce(_t, _early)", t=column("start"), early=early)
        logs["came"] = _read(scope, "contacts", "start", sides, since=since)
        if "end" in has["contacts"]:
            logs["went"] = _read(scope, "contacts", "end", sides)
    if "assigned_at" in has.get("campaigns", {}):
        logs["campaigns"] = _read(scope, "campaigns", "assigned_at")
    if "cancellations" in has:
        logs["cancellations"] = _read(scope, "cancellations", "timestamp", days=True)
    return logs


def _read(
    scope: Scope, table: str, time: str, kinds: tuple[str, Sequence[str]] = ("", ()), amounts: Sequence[str] = (), *,
    since: Expression | None = None, days: bool = False,
) -> Log:  # fmt: skip
    """Read a log's rows before the last observation date, in one scan.

    Parameters
    ----------
    scope : Scope
    table, time : str
        Log, and its column of times.
    kinds : tuple
        Column of kinds, and the kinds that are told apart.
    amounts : sequence of str
        Columns of amounts.
    since : Expression, optional
        What stands for the time, if not the column itself.
    days : bool
        Whether days are wanted, those of later rows too.
    """
    data, instants = scope.data, time in scope.data.tables[table].instants
    level, levels = kinds
    assert data.as_of is not None
    cuts = microseconds(scope.moments.cuts, data, instants=instants)
    end = microseconds([data.as_of], data, instants=instants)[0] if days else cuts[-1]
    us = parse("epoch_us(_t)", t=column(time) if since is None else since)
    parts = {"us": us, "level": _numbered(level, levels), **scope.range}
    if days:
        parts["day"] = parse("CAST(_t AS DATE) - DATE '1970-01-01'", t=wall_time(data, table, time))
    parts |= {f"v{k}": parse("CAST(_x AS DOUBLE)", x=column(name)) for k, name in enumerate(amounts)}
    chosen = [name for name in parts if re.fullmatch(r"us|level|day|v\d+", name)]
    found = data.engine.query(
        f"WITH ours AS (SELECT p.code__people - _low AS who{''.join(f', _{name} AS {name}' for name in chosen)} "
        f"FROM log JOIN people AS p USING (customer_id) WHERE p.code__people >= _low AND p.code__people < _high "
        f"AND _us < {end}) SELECT CAST(who AS INTEGER) AS who, us, "
        f"CAST(who // {scope.step} * {len(levels) + 2} + CASE WHEN us < {cuts[-1]} THEN level "
        f"ELSE {len(levels) + 1} END AS USMALLINT) AS piece"
        f"{', CAST(day AS INTEGER) AS day' if days else ''}{''.join(f', v{k}' for k in range(len(amounts)))} FROM ours",
        tables={"log": table, **scope.tables},
        parts=parts,
    )
    return Log(
        scope,
        cuts,
        microseconds(scope.moments.dates, data, instants=instants),
        len(levels),
        found.column("piece").to_numpy(),
        found.column("who").to_numpy(),
        integers(found, "us"),
        found.column("day").to_numpy() if days else np.zeros(0, dtype=np.int32),
        {name: np.asarray(found.column(f"v{k}").to_numpy(), dtype=float) for k, name in enumerate(amounts)},
        _factors(scope, table, us, cuts[-1], amounts),
    )


def _numbered(name: str, levels: Sequence[str]) -> Expression:
    """Position of a column's value among some from 1 on, 0 for any other."""
    if not levels:
        return literal(0)
    return parse("coalesce(list_position(_levels, CAST(_x AS VARCHAR)), 0)", levels=literal(levels), x=column(name))


def _factors(scope: Scope, table: str, us: Expression, end: int, amounts: Sequence[str]) -> list[float]:
    """What amounts are multiplied by: `UNITS`, or less where sums would not fit into 64 bits."""
    if not amounts:
        return []
    most = ", ".join(f"max(abs(CAST(_v{k} AS DOUBLE))) AS m{k}" for k in range(len(amounts)))
    found = scope.data.engine.query(
        f"SELECT count(*) AS n, {most} FROM log WHERE _us < {end}",
        tables={"log": table},
        parts={"us": us} | {f"v{k}": column(name) for k, name in enumerate(amounts)},
    ).to_pylist()[0]
    sums = [max(found[f"m{k}"] or 0.0, 1.0) * max(found["n"], 1) for k in range(len(amounts))]
    return [min(float(UNITS), 10.0 ** (18 - math.ceil(math.log10(one)))) for one in sums]
