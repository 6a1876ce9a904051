"""Rows of a log counted once by customer, kind and the stretch between two cuts; windows are sums of these cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset
from kbind.data.engine import Expression, column, literal, parse
from kbind.statistics.groups import Ints, integers
from kbind.statistics.snapshots.moments import DAY, Moments

Floats = NDArray[np.float64]

#: Amounts are added up in whole ten-thousandths, so that no order of rows changes a sum.
_DIGITS = 4
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

    def __len__(self) -> int:
        return len(self.who)


@dataclass(frozen=True, eq=False)
class Cells:
    """What a log holds of the customers of a scope, by stretch and level.

    Parameters
    ----------
    who, bucket, level : ndarray of int, shape (cells,)
        Customer; how many cuts are not after the rows; kind of row, 0 for any that is not named.
    n : ndarray of int
        Rows.
    latest : ndarray of int
        Microseconds of the last row.
    total, filled : ndarray of int
        Sum of the amounts times `factor`, and how many rows have one.
    final : ndarray of float
        Amount of the last row that has one.
    dates : ndarray of int, shape (dates,)
        Microseconds of the observation dates, on the clock of the log.
    """

    moments: Moments
    size: int
    who: Ints
    bucket: Ints
    level: Ints
    n: Ints
    latest: Ints
    total: Ints
    filled: Ints
    final: Floats
    factor: float
    dates: Ints

    def of(self, level: int) -> Cells:
        """The cells of one level."""
        kept = self.level == level
        arrays = {
            name: getattr(self, name)[kept]
            for name in ("who", "bucket", "level", "n", "latest", "total", "filled", "final")
        }
        return Cells(moments=self.moments, size=self.size, factor=self.factor, dates=self.dates, **arrays)

    def before(self, values: Ints) -> Ints:
        """Sums over all rows before every cut, shape (customers, cuts)."""
        cuts = len(self.moments.cuts)
        dense = np.zeros((self.size, cuts), dtype=np.int64)
        np.add.at(dense.reshape(-1), self.who * cuts + self.bucket, values)
        return np.cumsum(dense, axis=1, out=dense)

    def window(self, sums: Ints, rows: Rows, days: int | None, until: int = 0) -> Ints:
        """Sums over the days before the observation dates of rows; None: over all of the past."""
        found = sums[rows.who, self.moments.cut(until)[rows.when]]
        return found if days is None else found - sums[rows.who, self.moments.cut(days)[rows.when]]

    def days_since(self, rows: Rows) -> Floats:
        """Days from the last row to the observation date; NaN without any."""
        cuts = len(self.moments.cuts)
        dense = np.full((self.size, cuts), _NEVER, dtype=np.int64)
        np.maximum.at(dense.reshape(-1), self.who * cuts + self.bucket, self.latest)
        np.maximum.accumulate(dense, axis=1, out=dense)
        latest = dense[rows.who, self.moments.cut(0)[rows.when]]
        known = latest != _NEVER
        return np.where(known, (self.dates[rows.when] - np.where(known, latest, 0)) / DAY, np.nan)

    def last(self, rows: Rows) -> Floats:
        """The amount of the last row that has one; NaN without any. For cells of one level."""
        cuts = len(self.moments.cuts)
        has = self.filled > 0
        dense = np.zeros((self.size, cuts), dtype=np.int64)
        dense[self.who[has], self.bucket[has]] = np.arange(1, int(has.sum()) + 1)
        place = np.maximum.accumulate(np.where(dense > 0, np.arange(cuts), 0), axis=1)
        at = self.moments.cut(0)[rows.when]
        chosen = dense[rows.who, place[rows.who, at]]
        return np.concatenate(([np.nan], self.final[has]))[chosen]


def count_cells(
    scope: Scope,
    table: str,
    time: str,
    *,
    level: str = "",
    levels: Sequence[str] = (),
    amount: str = "",
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
    amount : str
        Column that is added up, if any.
    since : Expression, optional
        What stands for the time, if not the column itself.
    """
    data, moments = scope.data, scope.moments
    moment = column(time) if since is None else since
    factor = _factor(scope, table, moment, time, amount) if amount else 1.0
    parts = {
        "t": moment,
        "bucket": _placed(column("t"), [moments.constant(data, table, time, cut) for cut in moments.cuts]),
        "level": _numbered(column(level), levels) if levels else literal(0),
        "end": moments.constant(data, table, time, moments.cuts[-1]),
        **scope.range,
    }
    value, sums = "", ""
    if amount:
        parts |= {"v": parse("CAST(_x AS DOUBLE)", x=column(amount)), "factor": literal(factor)}
        value = ", _v AS v"
        sums = (
            ", count(v) AS filled, CAST(coalesce(sum(CAST(round(v * _factor) AS BIGINT)), 0) AS BIGINT) AS total, "
            "max(CASE WHEN NOT v IS NULL THEN struct_pack(us := epoch_us(t), v := v) END).v AS final"
        )
    found = data.engine.query(
        f"WITH ours AS (SELECT p.code__people - _low AS who, _t AS t, _level AS level{value} FROM log "
        "JOIN people AS p USING (customer_id) WHERE _t < _end AND p.code__people >= _low AND p.code__people < _high), "
        f"placed AS (SELECT who, level, t, _bucket AS bucket{', v' if amount else ''} FROM ours) "
        f"SELECT who, bucket, level, count(*) AS n, max(epoch_us(t)) AS latest{sums} FROM placed "
        "GROUP BY who, bucket, level",
        tables={"log": table, **scope.tables},
        parts=parts,
    )
    nothing = np.zeros(found.num_rows, dtype=np.int64)
    return Cells(
        moments=moments,
        size=scope.size,
        **{name: integers(found, name) for name in ("who", "bucket", "level", "n", "latest")},
        total=integers(found, "total") if amount else nothing,
        filled=integers(found, "filled") if amount else nothing,
        final=np.asarray(found.column("final").to_numpy(), dtype=float) if amount else nothing.astype(float),
        factor=factor,
        dates=moments.microseconds(data, instants=time in data.tables[table].instants),
    )


def _placed(value: Expression, cuts: Sequence[Expression], first: int = 0) -> Expression:
    """How many cuts are not after a time: a tree of comparisons, exact for any calendar and zone."""
    if not cuts:
        return literal(first)
    middle = len(cuts) // 2
    below, above = _placed(value, cuts[:middle], first), _placed(value, cuts[middle + 1 :], first + middle + 1)
    return parse("CASE WHEN _v < _c THEN _a ELSE _b END", v=value, c=cuts[middle], a=below, b=above)


def _numbered(value: Expression, levels: Sequence[str]) -> Expression:
    """Position of a level from 1 on, 0 for any other."""
    number = literal(0)
    for k, name in reversed(list(enumerate(levels, start=1))):
        number = parse(
            "CASE WHEN _x = _name THEN _k ELSE _rest END", x=value, name=literal(name), k=literal(k), rest=number
        )
    return number


def _factor(scope: Scope, table: str, moment: Expression, time: str, amount: str) -> float:
    """Ten-thousandths, or coarser where sums of these would not fit into 64 bits."""
    end = scope.moments.constant(scope.data, table, time, scope.moments.cuts[-1])
    found = scope.data.engine.query(
        "SELECT max(abs(CAST(_v AS DOUBLE))) AS most, count(*) AS n FROM log WHERE _t < _end",
        tables={"log": table},
        parts={"v": column(amount), "t": moment, "end": end},
    )
    most, n = found.column("most")[0].as_py() or 0.0, found.column("n")[0].as_py()
    return float(10.0 ** min(_DIGITS, 18 - int(np.ceil(np.log10(max(most, 1.0) * max(n, 1))))))
