"""Columns that know the outcome: how surely, and which of them are proven to, so that nothing is learned from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kbind.errors import NotEnoughData
from kbind.estimate.intervals import wilson
from kbind.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from kbind.customers.profiles import Profiles
    from kbind.dataset.dataset import Dataset


#: A column is proven to know the outcome if its AUC is surely above this, alone or of leaving at a later date.
PROVEN_AUC = 0.9
#: Levels are proven to be those of leavers if they surely lack so much of the usual stayers,
PROVEN_LEVEL = 0.8
#: and so few of their customers have stayed; by slips of the pen, say.
SLIPS = 0.05
#: Fewer leavers or stayers prove nothing.
LEAST = 20
#: Numbers with more distinct values are cut into so many groups of equal size.
BINS = 40
#: As many average customers are added to each level's rate.
PRIOR = 5
#: Fewer rows of a level in what is learned from say nothing; such levels are taken together.
FEW = 5


@dataclass(frozen=True)
class Leak:
    """A column that is proven to know the outcome.

    Attributes
    ----------
    column : str
    check : {"alone", "later", "level", "ever"}
        See `Checked`.
    value : float
        Lower limit of the AUC, or customers with the levels of leavers.
    levels : tuple of str
        Levels that only leavers have, the most frequent first.
    counts : tuple of int
        Customers with each of them.
    """

    column: str
    check: str
    value: float
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def reason(self) -> str:
        """Why the column is left out."""
        if self.check in ("level", "ever"):
            named = ", ".join(repr(level) for level in self.levels[:3]) + ", ..." * (len(self.levels) > 3)
            return f"only leavers have {named}: {self.value:,.0f} customers"
        what = {"alone": "alone it tells who leaves", "later": "it tells at earlier dates who leaves at a later one"}
        return f"{what[self.check]}, with an AUC of {self.value:.2f} at least"


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows whose outcome is known.

    Attributes
    ----------
    left : ndarray of float, shape (n,)
        1 for who left, 0 for who stayed.
    customer, date : ndarray of int, shape (n,)
        Codes from 0: whom a row is about, and when.
    gone : ndarray of bool, shape (n,)
        Whose customer is seen leaving at any date.
    """

    left: Floats
    customer: Ints
    date: Ints
    gone: Bools

    @classmethod
    def of(cls, left: Floats) -> Rows:
        """One row a customer."""
        return cls(left, np.arange(len(left)), np.zeros(len(left), dtype=np.int64), left == 1)

    @cached_property
    def half(self) -> Bools:
        """A half of the customers, at random: what is learned of one half is judged by the other."""
        return np.asarray(np.random.default_rng(0).random(int(self.customer.max()) + 1) < 0.5)[self.customer]

    @cached_property
    def later(self) -> tuple[Floats, Bools]:
        """Who leaves at a later date than the row's, and among which stayers that can be told."""
        left = self.left == 1
        last = np.full(int(self.customer.max()) + 1, -1)
        np.maximum.at(last, self.customer[left], self.date[left])
        later = last[self.customer] > self.date
        stays = ~left & (later.any() & ~later.all())
        # a date after which nobody is seen leaving cannot tell who will
        return later.astype(float), stays & (self.date < last.max())

    def telling(self, codes: Ints, outcome: Floats, among: Bools) -> float:
        """Lower limit of the AUC of a column, scored by the rates of the other half of the customers."""
        # scores are those of the models, which take a while to import
        from kbind.estimate.scores import auc, variance

        score = np.zeros(len(codes))
        for side in (False, True):
            learned, scored = among & (self.half == side), among & (self.half != side)
            if not learned.any():
                return float("nan")
            size = np.bincount(codes[learned], minlength=codes.max() + 1)
            events = np.bincount(codes[learned], outcome[learned], codes.max() + 1)
            rate = outcome[learned].mean()
            score[scored] = ((events + PRIOR * rate) / (size + PRIOR))[codes[scored]]
        left = outcome[among]
        # rates of two halves cannot be compared, so each half is a stratum
        found = auc(left, score[among], (2 * self.date + self.half)[among])
        if np.isnan(found.value):
            return float("nan")
        error = np.sqrt(max(variance(found.influence, self.customer[among], (left != 1).astype(np.int64)), 0.0))
        return found.value - NormalDist().inv_cdf(0.975) * float(error)

    def marked(self, codes: Ints, outcome: Bools) -> Marked:
        """Levels that in one half only leavers have, and who has them in the other half."""
        places = [self._pure(codes, outcome, self.half == side) for side in (False, True)]
        theirs = np.where(self.half, places[0][codes], places[1][codes])
        n, events = self.customers(theirs), self.customers(theirs & outcome)
        everybody = np.ones(len(codes), dtype=bool)
        base = self.customers(outcome) / max(self.customers(everybody), 1)
        if events == 0 or base == 1:
            nothing = np.zeros(0, dtype=np.int64)
            return Marked(0.0, 0, 0, nothing, nothing)
        lower = float(wilson(np.array([float(events)]), np.array([float(n)]), 0.98)[1][0])
        levels = np.unique(codes[theirs & outcome])
        counts = np.array([self.customers(codes == level) for level in levels], dtype=np.int64)
        order = np.argsort(-counts, kind="stable")
        return Marked(1 - (1 - lower) / (1 - base), n, n - events, levels[order], counts[order])

    def _pure(self, codes: Ints, outcome: Bools, learned: Bools) -> Bools:
        """By code, whether some rows say that only leavers have it; rare codes are judged together."""
        size = np.bincount(codes[learned], minlength=codes.max() + 1)
        events = np.bincount(codes[learned], outcome[learned], codes.max() + 1)
        rare = size < FEW
        size, events = np.where(rare, size[rare].sum(), size), np.where(rare, events[rare].sum(), events)
        return (events >= 2) & (size - events <= SLIPS * size)

    def customers(self, rows: Bools) -> int:
        """How many customers some rows are about."""
        return len(np.unique(self.customer[rows]))


@dataclass(frozen=True, eq=False)
class Marked:
    """Levels of leavers.

    Attributes
    ----------
    lack : float
        How much of the stayers one would expect with these levels is surely not there: 1 if none is.
    n, stayed : int
        Customers with these levels; of these, who stayed.
    levels, counts : ndarray of int
        Codes, the most frequent first, and customers who have each.
    """

    lack: float
    n: int
    stayed: int
    levels: Ints
    counts: Ints

    @property
    def proven(self) -> bool:
        """Whether it is no chance that hardly anybody with these levels stayed."""
        return self.lack > PROVEN_LEVEL and self.stayed <= SLIPS * self.n


@dataclass(frozen=True, eq=False)
class Column:
    """A column as codes.

    Attributes
    ----------
    codes : ndarray of int, shape (n,)
        Levels, values, or groups of equal size of many numbers; missing ones last.
    spikes : ndarray of int, shape (n,)
        Levels and values of which each may be that of leavers: of many numbers, single values that many share. The
        ends of a range are near to certain also where nobody has cheated.
    names : tuple of str
        Of the codes of `spikes`.
    distinct : int or None
        Levels; None for numbers.
    missing : ndarray of bool, shape (n,)
    """

    codes: Ints
    spikes: Ints
    names: tuple[str, ...]
    distinct: int | None
    missing: Bools

    @classmethod
    def of(cls, values: pd.Series[Any]) -> Column:
        """The codes of a column of a frame."""
        missing = values.isna().to_numpy()
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        codes, distinct = pd.factorize(values, sort=numeric)
        names = [str(value) for value in distinct]
        spikes = codes
        if numeric and len(distinct) > BINS:
            # a value that many share stays a group of its own
            array = values.to_numpy(dtype=float, na_value=np.nan)
            cuts = np.unique(np.nanquantile(array, np.arange(1, BINS) / BINS))
            shared = np.bincount(codes[~missing], minlength=len(distinct)) > len(values) / BINS
            place = np.append(np.cumsum(shared), 0)
            spikes = np.where(np.append(shared, False)[codes], place[codes], 0)
            names = ["other values", *(name for name, many in zip(names, shared, strict=True) if many)]
            codes = np.searchsorted(cuts, array, side="left") + np.searchsorted(cuts, array, side="right")
        whole = np.unique(np.where(missing, codes.max() + 1, codes), return_inverse=True)[1]
        spikes = np.where(missing, len(names), spikes)
        return cls(whole, spikes, (*names, "(missing)"), None if numeric else len(distinct), missing)


def proven(columns: Mapping[str, Column] | Iterable[tuple[str, Column]], rows: Rows) -> tuple[Leak, ...]:
    """Columns that are proven to know the outcome, each with its strongest proof.

    Parameters
    ----------
    columns : mapping of str to Column, or pairs
    rows : Rows
    """
    if min(rows.customers(rows.left == 1), rows.customers(rows.left != 1)) < LEAST:
        return ()
    pairs = columns.items() if isinstance(columns, Mapping) else columns
    return tuple(leak for name, column in pairs if (leak := _proof(name, column, rows)) is not None)


def _proof(name: str, column: Column, rows: Rows) -> Leak | None:
    later, stays = rows.later
    for check, outcome in (("level", rows.left == 1), ("ever", rows.gone)):
        found = rows.marked(column.spikes, outcome)
        if found.proven:
            return Leak(
                name, check, found.n, tuple(column.names[k] for k in found.levels), tuple(found.counts.tolist())
            )
        if not stays.any():
            break
    everybody = np.ones(len(rows.left), dtype=bool)
    for check, outcome, among in (("alone", rows.left, everybody), ("later", later, stays)):
        told = rows.telling(column.codes, outcome, among) if among.any() else np.nan
        if told > PROVEN_AUC:
            return Leak(name, check, told)
    return None


def leaks_of(counted: Profiles, passing: Sequence[str] = ()) -> tuple[Leak, ...]:
    """Attributes of counted customers that are proven to know who has left, passing some by."""
    row = np.repeat(np.arange(len(counted.n)), counted.n)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counted.n) - counted.n, counted.n)
    rows = Rows.of((place < counted.left[row]).astype(float))
    names = [name for name in counted.values if name not in passing]
    return proven(((name, Column.of(pd.Series(counted.values[name])[row])) for name in names), rows)


def leaks_in(data: Dataset, outcome: str = "churned", keep: Sequence[str] = ()) -> tuple[Leak, ...]:
    """Columns of `customers` that are proven to know who has left, but for some; none where nothing can be compared."""
    from kbind.customers.profiles import profiles

    try:
        return leaks_of(profiles(data, outcome), keep)
    except NotEnoughData:
        return ()
