"""Logs of many customers, read in one scan each, and taken apart into those of a few."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from kbind.churn.snapshots.cells import UNITS, Amounts, Cells
from kbind.churn.snapshots.choice import Choice
from kbind.churn.snapshots.moments import EARLY, Moments, microseconds
from kbind.dataset.dataset import Dataset
from kbind.dataset.reading.base import kind_of
from kbind.engine.engine import Expression, column, literal, parse
from kbind.errors import ArgumentError
from kbind.typing import Array, Ints

#: So many rows at a time are put in order, in what a processor has at hand.
_SHEET = 500_000
#: Largest amount; its whole ten-thousandths fit into 64 bits with room to add some up.
LARGEST = 1e14
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
class Sheet:
    """Some rows of a log: the columns in the order of pieces, and where each piece begins."""

    columns: dict[str, Array]
    edges: Ints

    @classmethod
    def of(cls, found: pa.Table, pieces: int) -> Sheet:
        """Put rows in order; numbers of 16 bits are sorted by counting."""
        piece = found.column("piece").to_numpy()
        order = np.argsort(piece, kind="stable")
        columns = {name: found.column(name).to_numpy()[order] for name in found.column_names if name != "piece"}
        return cls(columns, np.append(0, np.cumsum(np.bincount(piece, minlength=pieces))))


@dataclass(frozen=True, eq=False)
class Log:
    """Rows of a log that belong to the customers of a scope.

    A piece is what belongs to one part of the customers and one kind: kinds from 1 on, before them 0 for any other,
    behind them the rows after the last observation date.

    Parameters
    ----------
    scope : Scope
    cuts, dates : ndarray of int
        Microseconds of the cuts and of the observation dates, on the clock of the log.
    levels : int
        Kinds that are told apart.
    factors : dict of str to float
        By column of amounts, what they are multiplied by.
    sheets : list of Sheet
        Columns who, us, v0, v1, ... for amounts, and day (since 1970) if days are wanted.
    """

    scope: Scope
    cuts: Ints
    dates: Ints
    levels: int
    factors: dict[str, float]
    sheets: list[Sheet]

    def part(self, k: int) -> Cells:
        """The rows of one part of the scope's customers before the last observation date."""
        first, size = self.scope.parts[k]
        pieces = self._pieces(k)[:-1]
        sizes = sum(sheet.edges[pieces + 1] - sheet.edges[pieces] for sheet in self.sheets)
        us = self._gathered("us", pieces)
        return Cells(
            self.scope.moments,
            size,
            self.dates,
            self._gathered("who", pieces) - np.int32(first),
            np.searchsorted(self.cuts, us, side="right").astype(np.int16),
            us,
            {name: Amounts(self._gathered(f"v{j}", pieces), f) for j, (name, f) in enumerate(self.factors.items())},
            np.append(0, np.cumsum(sizes)),
        )

    def days(self, k: int) -> tuple[Ints, Ints]:
        """Customers of one part and days since 1970 of their rows, later ones too."""
        pieces = self._pieces(k)
        who, day = (self._gathered(name, pieces).astype(np.int64) for name in ("who", "day"))
        return who - self.scope.parts[k][0], day

    def _pieces(self, k: int) -> Ints:
        return np.arange(self.levels + 2) + k * (self.levels + 2)

    def _gathered(self, name: str, pieces: Ints) -> Array:
        found = [sheet.columns[name][slice(*sheet.edges[p : p + 2])] for p in pieces for sheet in self.sheets]
        return np.concatenate(found)


def read_logs(scope: Scope, choice: Choice, pool: Executor) -> dict[str, Log]:
    """All logs of a data set that features are made of, each in one scan."""
    has = {name: table.columns for name, table in scope.data.tables.items()}
    logs: dict[str, Log] = {}

    def read(name: str, table: str, time: str, amounts: Sequence[str] = (), **options: Any) -> None:
        if time in has.get(table, {}):
            there = [amount for amount in amounts if amount in has[table]]
            logs[name] = _read(scope, pool, table, time, amounts=there, **options)

    tickets, contacts = has.get("tickets", {}), has.get("contacts", {})
    read("started", "subscriptions", "start", ("mrr", "seats"))
    read("ended", "subscriptions", "end", ("mrr", "seats"))
    read("events", "events", "timestamp", ("amount",), kinds=("kind", choice.kinds), days=True)
    read(
        "tickets", "tickets", "opened", [n for n in ("severity", "goodwill") if kind_of(tickets.get(n, "")) == "number"]
    )
    read("closed", "tickets", "closed")
    if "score" in has.get("feedback", {}):
        read("feedback", "feedback", "timestamp", ["score"], kinds=("instrument", choice.instruments))
    if "start" in contacts:
        kinds = ("side", SIDES if "side" in contacts else ())
        # who has no start has always been there
        early = scope.data.constant("contacts", "start", EARLY)
        read("came", "contacts", "start", kinds=kinds, since=parse("coalesce(_t, _e)", t=column("start"), e=early))
        read("went", "contacts", "end", kinds=kinds)
    read("campaigns", "campaigns", "assigned_at")
    read("cancellations", "cancellations", "timestamp", days=True)
    return logs


def _read(
    scope: Scope, pool: Executor, table: str, time: str, kinds: tuple[str, Sequence[str]] = ("", ()),
    amounts: Sequence[str] = (), *, since: Expression | None = None, days: bool = False,
) -> Log:  # fmt: skip
    """Read a log's rows before the last observation date, in one scan.

    Parameters
    ----------
    scope : Scope
    pool : Executor
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
        parts["day"] = parse("CAST(_t AS DATE) - DATE '1970-01-01'", t=data.wall_time(table, time))
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
    sheets = (found.slice(at, _SHEET) for at in range(0, max(found.num_rows, 1), _SHEET))
    return Log(
        scope,
        cuts,
        microseconds(scope.moments.dates, data, instants=instants),
        len(levels),
        _factors(scope, table, us, cuts[-1], amounts),
        list(pool.map(partial(Sheet.of, pieces=len(scope.parts) * (len(levels) + 2)), sheets)),
    )


def _numbered(name: str, levels: Sequence[str]) -> Expression:
    """Position of a column's value among some from 1 on, 0 for any other."""
    if not levels:
        return literal(0)
    return parse("coalesce(list_position(_levels, CAST(_x AS VARCHAR)), 0)", levels=literal(levels), x=column(name))


def check_largest(data: Dataset, table: str, largest: Mapping[str, float | None]) -> None:
    """Refuse amounts so large that sums of them lose their last digits: column -> largest amount, whatever its sign."""
    for name, amount in largest.items():
        if amount is not None and amount > LARGEST:
            raise ArgumentError(
                f"{data.tables[table].label}, column {name!r} holds amounts up to {amount:.3g}; "
                f"allowed: up to {LARGEST:g} (state them in thousands or millions)"
            )


def _factors(scope: Scope, table: str, us: Expression, end: int, amounts: Sequence[str]) -> dict[str, float]:
    """What amounts are multiplied by: `UNITS`, or less where sums would not fit into 64 bits."""
    if not amounts:
        return {}
    most = ", ".join(f"max(abs(CAST(_v{k} AS DOUBLE))) AS m{k}" for k in range(len(amounts)))
    found = scope.data.engine.query(
        f"SELECT count(*) AS n, {most} FROM log WHERE _us < {end}",
        tables={"log": table},
        parts={"us": us} | {f"v{k}": column(name) for k, name in enumerate(amounts)},
    ).to_pylist()[0]
    check_largest(scope.data, table, {name: found[f"m{k}"] for k, name in enumerate(amounts)})
    sums = {name: max(found[f"m{k}"] or 0.0, 1.0) * max(found["n"], 1) for k, name in enumerate(amounts)}
    return {name: min(float(UNITS), 10.0 ** (18 - math.ceil(math.log10(one)))) for name, one in sums.items()}
