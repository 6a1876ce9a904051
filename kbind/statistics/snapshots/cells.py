"""Rows of a log counted once by customer, kind and the stretch between two cuts; windows are sums of these cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset
from kbind.data.engine import Expression, column, literal, parse
from kbind.statistics.groups import Ints, integers
from kbind.statistics.snapshots.moments import DAY, Moments, microseconds

Floats = NDArray[np.float64]

#: Amounts are added up in whole ten-thousandths, so that no order of rows changes a sum.
UNITS = 10_000
_NEVER = np.iinfo(np.int64).min


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
    """What the rows of cells sum up to.

    Parameters
    ----------
    total, filled : ndarray of int, shape (cells,)
        Sum times `factor`, and how many rows have an amount.
    final : ndarray of float, shape (cells,)
        Amount of the last row that has one, of several at once the largest; NaN if nobody asked for it.
    factor : float
        Usually `UNITS`.
    """

    total: Ints
    filled: Ints
    final: Floats
    factor: float


@dataclass(frozen=True, eq=False)
class Cells:
    """What a log holds of the customers of a scope, by stretch and level.

    Parameters
    ----------
    moments : Moments
    size : int
        Customers of the scope.
    dates : ndarray of int, shape (dates,)
        Microseconds of the observation dates, on the clock of the log.
    who, bucket, level : ndarray of int, shape (cells,)
        Customer; how many cuts are not after the rows; kind of row in order, 0 for any that is not named.
    n, latest : ndarray of int, shape (cells,)
        Rows, and microseconds of the last one.
    amounts : dict of str to Amounts
        By column.
    alone : bool
        There is one level, so that no two cells share customer and stretch.
    """

    moments: Moments
    size: int
    dates: Ints
    who: Ints
    bucket: Ints
    level: Ints
    n: Ints
    latest: Ints
    amounts: dict[str, Amounts]
    alone: bool

    def of(self, level: int) -> Cells:
        """The cells of one level."""
        kept = slice(*np.searchsorted(self.level, [level, level + 1]))
        amounts = {
            name: Amounts(one.total[kept], one.filled[kept], one.final[kept], one.factor)
            for name, one in self.amounts.items()
        }
        names = ("who", "bucket", "level", "n", "latest")
        return replace(self, **{name: getattr(self, name)[kept] for name in names}, amounts=amounts, alone=True)

    def before(self, values: Ints) -> Ints:
        """Sums over all rows before every cut, shape (cuts, customers)."""
        dense = np.zeros((len(self.moments.cuts), self.size), dtype=np.int64)
        self._put(np.add, dense, values)
        return _accumulated(np.add, dense)

    def _put(self, join: np.ufunc, dense: Ints, values: Ints) -> None:
        """Put the cells into a table of cuts x customers."""
        place = self.bucket * self.size + self.who
        if self.alone:
            dense.reshape(-1)[place] = values
        else:
            join.at(dense.reshape(-1), place, values)

    def window(self, sums: Ints, rows: Rows, days: int | None, until: int = 0) -> Ints:
        """Sums over days before the observation dates of rows, up to some days before; None: over all of the past."""
        flat = sums.reshape(-1)
        found = flat.take(rows.places(self.moments, until, self.size))
        return found if days is None else found - flat.take(rows.places(self.moments, days, self.size))

    def count(self, rows: Rows, days: int | None) -> Floats:
        """Rows in a window."""
        return self.window(self.before(self.n), rows, days).astype(float)

    def sum(self, name: str, rows: Rows, days: int) -> Floats:
        """Sum of a column over a window."""
        amounts = self.amounts[name]
        return np.asarray(self.window(self.before(amounts.total), rows, days) / amounts.factor)

    def mean(self, name: str, rows: Rows, days: int) -> Floats:
        """Mean of a column over a window; NaN without any."""
        n = self.window(self.before(self.amounts[name].filled), rows, days)
        return np.asarray(self.sum(name, rows, days) / np.where(n > 0, n, np.nan))

    def days_since(self, rows: Rows) -> Floats:
        """Days from the last row to the observation date; NaN without any."""
        dense = np.full((len(self.moments.cuts), self.size), _NEVER, dtype=np.int64)
        self._put(np.maximum, dense, self.latest)
        latest = _accumulated(np.maximum, dense).reshape(-1).take(rows.places(self.moments, 0, self.size))
        known = latest != _NEVER
        return np.where(known, (self.dates[rows.when] - np.where(known, latest, 0)) / DAY, np.nan)

    def last(self, name: str, rows: Rows) -> Floats:
        """The amount of the last row that has one; NaN without any. For cells of one level."""
        cuts, amounts = len(self.moments.cuts), self.amounts[name]
        has = amounts.filled > 0
        # the later the stretch, the higher the number
        order = np.argsort(self.bucket[has], kind="stable")
        dense = np.zeros((cuts, self.size), dtype=np.int64)
        dense[self.bucket[has][order], self.who[has][order]] = np.arange(1, len(order) + 1)
        chosen = _accumulated(np.maximum, dense).reshape(-1).take(rows.places(self.moments, 0, self.size))
        return np.concatenate(([np.nan], amounts.final[has][order]))[chosen]


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
    """Count a log's rows before the last observation date, in one scan.

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
        Those of them whose last value is wanted; it takes as long as everything else together.
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
    parts |= {f"v{k}": parse("CAST(_x AS DOUBLE)", x=column(name)) for k, name in enumerate(amounts)}
    factors = _factors(scope, table, parts["us"], cuts[-1], amounts)
    parts |= {f"f{k}": literal(factor) for k, factor in enumerate(factors)}
    sums = "".join(
        f", count(v{k}) AS filled{k}, CAST(coalesce(sum(CAST(round(v{k} * _f{k}) AS BIGINT)), 0) AS BIGINT) AS total{k}"
        for k in range(len(amounts))
    )
    sums += "".join(
        f", max(CASE WHEN NOT v{k} IS NULL THEN struct_pack(us := us, v := v{k}) END).v AS final{k}"
        for k, name in enumerate(amounts)
        if name in last
    )
    values = "".join(f", _v{k} AS v{k}" for k in range(len(amounts)))
    # the cuts are whole numbers of our own
    found = data.engine.query(
        f"WITH ours AS (SELECT p.code__people - _low AS who, _us AS us, _level AS level{values} FROM log "
        "JOIN people AS p USING (customer_id) WHERE p.code__people >= _low AND p.code__people < _high "
        f"AND _us < {cuts[-1]}), placed AS (SELECT *, {_placed(cuts.tolist())} AS bucket FROM ours) "
        f"SELECT who, bucket, level, count(*) AS n, max(us) AS latest{sums} FROM placed GROUP BY who, bucket, level",
        tables={"log": table, **scope.tables},
        parts=parts,
    )
    if levels:
        found = found.take(np.argsort(integers(found, "level").astype(np.int8), kind="stable"))
    return Cells(
        scope.moments,
        scope.size,
        microseconds(scope.moments.dates, data, instants=instants),
        **{name: integers(found, name) for name in ("who", "bucket", "level", "n", "latest")},
        amounts={
            name: Amounts(
                integers(found, f"total{k}"),
                integers(found, f"filled{k}"),
                np.asarray(found.column(f"final{k}").to_numpy(), dtype=float)
                if name in last
                else np.full(found.num_rows, np.nan),
                factors[k],
            )
            for k, name in enumerate(amounts)
        },
        alone=not levels,
    )


def _accumulated(add: np.ufunc, dense: Ints) -> Ints:
    """Running sums or maxima over the first axis, in place: whole rows at a time, which is much the fastest."""
    for before, row in pairwise(dense):
        add(before, row, out=row)
    return dense


def _placed(cuts: Sequence[int], first: int = 0) -> str:
    """How many cuts are not after `us`: a tree of comparisons, exact for any calendar and zone."""
    if not cuts:
        return str(first)
    middle = len(cuts) // 2
    below, above = _placed(cuts[:middle], first), _placed(cuts[middle + 1 :], first + middle + 1)
    return f"CASE WHEN us < {cuts[middle]} THEN {below} ELSE {above} END"


def _numbered(value: Expression, levels: Sequence[str]) -> Expression:
    """Position of a level from 1 on, 0 for any other."""
    number = literal(0)
    for k, name in reversed(list(enumerate(levels, start=1))):
        parts = {"x": value, "name": literal(name), "k": literal(k), "rest": number}
        number = parse("CASE WHEN _x = _name THEN _k ELSE _rest END", **parts)
    return number


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
