"""Rows of a log in cells, by customer and the stretch between two cuts; windows are differences of running sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset
from kbind.data.engine import Expression, column, literal, parse
from kbind.statistics.groups import Ints, integers
from kbind.statistics.snapshots.moments import DAY, WINDOWS, Moments, microseconds

Floats = NDArray[np.float64]
Whole = NDArray[np.integer[Any]]

#: Amounts are added up in whole ten-thousandths, so that no order of rows changes a sum.
UNITS = 10_000
#: Before any time, and far enough from the smallest number for differences.
_NEVER = -(1 << 62)
_NONE = np.zeros(0)


@dataclass(frozen=True)
class Scope:
    """The customers that are looked at together.

    Parameters
    ----------
    data : Dataset
    moments : Moments
    people : str
        Relation of the engine: customer_id, code__people.
    first, size : int
        Their codes are first, ..., first + size - 1.
    """

    data: Dataset
    moments: Moments
    people: str
    first: int
    size: int

    @property
    def tables(self) -> dict[str, str]:
        """What statements call the relation of the customers."""
        return {"people": self.people}

    @property
    def range(self) -> dict[str, Expression]:
        """First code, and the one after the last."""
        return {"low": literal(self.first), "high": literal(self.first + self.size)}


@dataclass(frozen=True, eq=False)
class Rows:
    """Snapshots: customer (code less the first of the scope) and position of the observation date."""

    who: Ints
    when: Ints
    _places: dict[tuple[int, int], Ints] = field(default_factory=dict, repr=False)

    def places(self, moments: Moments, days: int, size: int) -> Ints:
        """Where a table of cuts x customers, flat, has what lies some days before each observation date."""
        key = (days, size)
        if key not in self._places:
            self._places[key] = (moments.cut(days) * size)[self.when] + self.who
        return self._places[key]

    def __len__(self) -> int:
        return len(self.who)


@dataclass(frozen=True, eq=False)
class Amounts:
    """A column of amounts.

    Parameters
    ----------
    units, filled : ndarray of int, shape (logged,)
        Amount times `factor`, 0 where there is none; 1 where there is one, else 0.
    factor : float
        Usually `UNITS`.
    exact : ndarray of float, shape (logged,) or (0,)
        The amounts as they are, if the last one is wanted.
    """

    units: Ints
    filled: NDArray[np.int32]
    factor: float
    exact: Floats

    def take(self, rows: Ints) -> Amounts:
        """Those of some rows."""
        return Amounts(self.units[rows], self.filled[rows], self.factor, self.exact[rows] if self.exact.size else _NONE)


@dataclass(frozen=True, eq=False)
class Cells:
    """The rows of a log that belong to the customers of a scope, each with the cell it lies in.

    Rows are put into cells here and not in the engine: most cells of a log hold one row or two, and so many groups
    are hashed in three times the time that it takes to add rows up at their places in memory.

    Parameters
    ----------
    moments : Moments
    size : int
        Customers of the scope.
    dates : ndarray of int, shape (dates,)
        Microseconds of the observation dates, on the clock of the log.
    who, bucket, level : ndarray of int, shape (logged,)
        Customer; how many cuts are not after the row; kind of row in order, 0 for any that is not named.
    us : ndarray of int, shape (logged,)
        Microseconds of the row.
    amounts : dict of str to Amounts
        By column.
    """

    moments: Moments
    size: int
    dates: Ints
    who: NDArray[np.int32]
    bucket: NDArray[np.int16]
    level: NDArray[np.int16]
    us: Ints
    amounts: dict[str, Amounts]

    def of(self, level: int) -> Cells:
        """The rows of one level."""
        rows = np.flatnonzero(self.level == level)
        logged = {name: getattr(self, name)[rows] for name in ("who", "bucket", "level", "us")}
        return replace(self, **logged, amounts={name: one.take(rows) for name, one in self.amounts.items()})

    def before(self, values: Whole | None = None) -> Whole:
        """Sums over all rows before every cut, how many there are by default; shape (cuts, customers)."""
        place = self.bucket * np.int64(self.size) + self.who
        # memory is what takes time, so counts get numbers of half the size
        values = np.ones(len(place), dtype=np.int32) if values is None else values
        dense = np.zeros((len(self.moments.cuts), self.size), dtype=values.dtype)
        np.add.at(dense.reshape(-1), place, values)
        return _accumulated(np.add, dense)

    def window(self, sums: Whole, rows: Rows, days: int | None, until: int = 0) -> Whole:
        """Sums over days before the observation dates of rows, up to some days before; None: over all of the past."""
        flat = sums.reshape(-1)
        found = flat.take(rows.places(self.moments, until, self.size))
        return found if days is None else found - flat.take(rows.places(self.moments, days, self.size))

    def windows(self, sums: Whole, rows: Rows) -> dict[int, Whole]:
        """Sums over each of the usual windows."""
        now = self.window(sums, rows, None)
        flat = sums.reshape(-1)
        return {days: now - flat.take(rows.places(self.moments, days, self.size)) for days in WINDOWS}

    def count(self, rows: Rows, days: int | None) -> Floats:
        """Rows in a window."""
        return self.window(self.before(), rows, days).astype(float)

    def sum(self, name: str, rows: Rows, days: int) -> Floats:
        """Sum of a column over a window."""
        amounts = self.amounts[name]
        return np.asarray(self.window(self.before(amounts.units), rows, days) / amounts.factor)

    def mean(self, name: str, rows: Rows, days: int) -> Floats:
        """Mean of a column over a window; NaN without any."""
        n = self.window(self.before(self.amounts[name].filled), rows, days)
        return np.asarray(self.sum(name, rows, days) / np.where(n > 0, n, np.nan))

    def days_since(self, rows: Rows) -> Floats:
        """Days from the last row to the observation date; NaN without any."""
        latest = self._greatest(self.us, slice(None), rows)
        since = np.asarray((self.dates[rows.when] - latest) / DAY)
        since[latest == _NEVER] = np.nan
        return since

    def last(self, name: str, rows: Rows) -> Floats:
        """The amount of the last row that has one, of several at once the largest; NaN without any."""
        amounts = self.amounts[name]
        has = np.flatnonzero(amounts.filled)
        order = has[np.lexsort((amounts.exact[has], self.us[has]))]
        chosen = self._greatest(np.arange(len(order)), order, rows)
        return np.append(amounts.exact[order], np.nan)[np.where(chosen == _NEVER, len(order), chosen)]

    def _greatest(self, values: Ints, logged: Ints | slice, rows: Rows) -> Whole:
        """The greatest value of some rows of the log before the observation dates; `_NEVER` without any."""
        # stretches between observation dates will do, a few instead of all those between cuts
        date = np.searchsorted(self.moments.cut(0), np.arange(len(self.moments.cuts)))
        dense = np.full((len(self.dates), self.size), _NEVER, dtype=np.int64)
        np.maximum.at(dense.reshape(-1), (date * self.size)[self.bucket[logged]] + self.who[logged], values)
        return _accumulated(np.maximum, dense).reshape(-1).take(rows.when * self.size + rows.who)


def count_cells(
    scope: Scope,
    table: str,
    time: str,
    *,
    level: str = "",
    levels: Sequence[str] = (),
    amounts: Sequence[str] = (),
    last: Sequence[str] = (),
    since: Expression | None = None,
) -> Cells:
    """Read a log's rows before the last observation date, in one scan.

    Parameters
    ----------
    scope : Scope
    table, time : str
        Log, and its column of times.
    level, levels : str, sequence of str
        Column of kinds, and the kinds that are told apart.
    amounts : sequence of str
        Columns that are added up.
    last : sequence of str
        Those of them whose last value is wanted.
    since : Expression, optional
        What stands for the time, if not the column itself.
    """
    data, instants = scope.data, time in scope.data.tables[table].instants
    cuts = microseconds(scope.moments.cuts, data, instants=instants)
    text = parse("CAST(_x AS VARCHAR)", x=column(level)) if levels else literal(None)
    parts = {
        "us": parse("epoch_us(_t)", t=column(time) if since is None else since),
        "level": _numbered(text, levels),
        **scope.range,
    }
    factors = _factors(scope, table, parts["us"], cuts[-1], amounts)
    for k, name in enumerate(amounts):
        parts[f"v{k}"] = parse("CAST(_x AS DOUBLE)", x=column(name))
        parts[f"f{k}"] = literal(factors[k])
    values = "".join(f", _v{k} AS v{k}" for k in range(len(amounts)))
    chosen = "".join(
        f", CAST(round(v{k} * _f{k}) AS BIGINT) AS units{k}{f', v{k}' if name in last else ''}"
        for k, name in enumerate(amounts)
    )
    found = data.engine.query(
        f"WITH ours AS (SELECT p.code__people - _low AS who, _us AS us, _level AS level{values} FROM log "
        "JOIN people AS p USING (customer_id) WHERE p.code__people >= _low AND p.code__people < _high "
        f"AND _us < {cuts[-1]}) SELECT CAST(who AS INTEGER) AS who, CAST(level AS SMALLINT) AS level, us{chosen} "
        "FROM ours",
        tables={"log": table, **scope.tables},
        parts=parts,
    )
    us = integers(found, "us")
    return Cells(
        scope.moments,
        scope.size,
        microseconds(scope.moments.dates, data, instants=instants),
        found.column("who").to_numpy(),
        np.searchsorted(cuts, us, side="right").astype(np.int16),
        found.column("level").to_numpy(),
        us,
        {
            name: Amounts(
                np.asarray(found.column(f"units{k}").fill_null(0).to_numpy()),
                found.column(f"units{k}").is_valid().cast("int32").to_numpy(),
                factors[k],
                np.asarray(found.column(f"v{k}").to_numpy(), dtype=float) if name in last else _NONE,
            )
            for k, name in enumerate(amounts)
        },
    )


def _accumulated(add: np.ufunc, dense: Whole) -> Whole:
    """Running sums or maxima over the first axis, in place: whole rows at a time, which is much the fastest."""
    for before, row in pairwise(dense):
        add(before, row, out=row)
    return dense


def _numbered(value: Expression, levels: Sequence[str]) -> Expression:
    """Position of a level from 1 on, 0 for any other."""
    if not levels:
        return literal(0)
    cases = "".join(f" WHEN _x = _x{k} THEN {k}" for k in range(1, len(levels) + 1))
    names = {f"x{k}": literal(name) for k, name in enumerate(levels, start=1)}
    return parse(f"CASE{cases} ELSE 0 END", x=value, **names)


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
