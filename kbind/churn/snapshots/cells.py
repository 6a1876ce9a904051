"""Rows of a log in cells, by customer and the stretch between two cuts; windows are differences of running sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbind.churn.snapshots.moments import DAY, WINDOWS, Moments
from kbind.typing import Floats, Ints

Whole = NDArray[np.integer[Any]]

#: Amounts are added up in whole ten-thousandths, so that no order of rows changes a sum.
UNITS = 10_000
#: Before any time, and far enough from the smallest number for differences.
_NEVER = -(1 << 62)


@dataclass(frozen=True, eq=False)
class Rows:
    """Snapshots: customer (counted from the first of those looked at) and position of the observation date."""

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
    exact : ndarray of float, shape (logged,)
        NaN where there is none.
    factor : float
        What they are multiplied by to be added up as whole numbers, usually `UNITS`.
    """

    exact: Floats
    factor: float

    @cached_property
    def filled(self) -> NDArray[np.int32]:
        """1 where there is an amount, else 0."""
        return (~np.isnan(self.exact)).astype(np.int32)

    @cached_property
    def units(self) -> Ints:
        """Amount times factor to the nearest whole number, halves away from zero; 0 where there is none."""
        scaled = np.where(self.filled, self.exact, 0.0) * self.factor
        whole = np.trunc(scaled)
        # adding a half before cutting off would round what is just below a half up
        return (whole + np.trunc(2 * (scaled - whole))).astype(np.int64)

    def take(self, rows: Ints | slice) -> Amounts:
        """Those of some rows."""
        return Amounts(self.exact[rows], self.factor)


@dataclass(frozen=True, eq=False)
class Cells:
    """The rows of a log that belong to some customers, each with the cell it lies in.

    Rows are put into cells here and not in the engine: most cells of a log hold one row or two, and so many groups
    are hashed in three times the time that it takes to add rows up at their places in memory.

    Parameters
    ----------
    moments : Moments
    size : int
        How many customers.
    dates : ndarray of int, shape (dates,)
        Microseconds of the observation dates, on the clock of the log.
    who, bucket : ndarray of int, shape (logged,)
        Customer; how many cuts are not after the row.
    us : ndarray of int, shape (logged,)
        Microseconds of the row.
    amounts : dict of str to Amounts
        By column.
    edges : ndarray of int, shape (levels + 2,)
        Where rows of each kind begin, first those of none that is named; the end of the last.
    """

    moments: Moments
    size: int
    dates: Ints
    who: NDArray[np.int32]
    bucket: NDArray[np.int16]
    us: Ints
    amounts: dict[str, Amounts]
    edges: Ints

    def of(self, level: int) -> Cells:
        """The rows of one kind."""
        rows = slice(*self.edges[level : level + 2])
        logged = {name: getattr(self, name)[rows] for name in ("who", "bucket", "us")}
        return replace(self, **logged, amounts={name: one.take(rows) for name, one in self.amounts.items()})

    @cached_property
    def _place(self) -> Ints:
        return np.asarray(self.bucket * np.int64(self.size) + self.who)

    def before(self, values: Whole | None = None) -> Whole:
        """Sums over all rows before every cut, how many there are by default; shape (cuts, customers)."""
        # memory is what takes time, so counts get numbers of half the size
        values = np.ones(len(self.who), dtype=np.int32) if values is None else values
        dense = np.zeros((len(self.moments.cuts), self.size), dtype=values.dtype)
        np.add.at(dense.reshape(-1), self._place, values)
        return _accumulated(np.add, dense)

    def window(self, sums: Whole, rows: Rows, days: int | None, until: int = 0) -> Whole:
        """Sums over days before the observation dates of rows, up to some days before; None: over all of the past."""
        flat = sums.reshape(-1)
        found = flat.take(rows.places(self.moments, until, self.size))
        return found if days is None else found - flat.take(rows.places(self.moments, days, self.size))

    def windows(self, sums: Whole, rows: Rows) -> dict[int, Whole]:
        """Sums over each of the usual windows."""
        return {days: self.window(sums, rows, days) for days in WINDOWS}

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


def _accumulated(add: np.ufunc, dense: Whole) -> Whole:
    """Running sums or maxima over the first axis, in place: whole rows at a time, which is much the fastest."""
    for before, row in pairwise(dense):
        add(before, row, out=row)
    return dense
