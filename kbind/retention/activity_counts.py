"""Two compact records of who was active when; both answer the same question.

The question: of the customers whose first active period is c, how many were active in at least one of the
periods c + a ... c + a + length? Retention of every kind and the life cycle are sums of the answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from kbind.typing import Bools, Ints

WORD = 62  # periods in one 64-bit word: a shift by 63 is an error in some engines and negative in others


@dataclass(frozen=True, eq=False)
class Counts(ABC):
    """What an estimator may ask of the record.

    Parameters
    ----------
    groups, periods, lived : int
        Number of groups, of calendar periods, and of those that are over.
    """

    groups: int
    periods: int
    lived: int

    @abstractmethod
    def sizes(self) -> Ints:
        """Customers by group and first active period, shape (groups, periods)."""

    @abstractmethod
    def _active(self, length: int | None) -> Ints: ...

    @cached_property
    def _known(self) -> dict[int | None, Ints]:
        return {}

    def active(self, length: int | None = 0) -> Ints:
        """Customers active in a window of ages, shape (groups, periods, periods).

        Parameters
        ----------
        length : int or None
            The window is age a to a + length; None: to the last period that is over.

        Returns
        -------
        ndarray of int
            [group, first period c, age a]; 0 where c + a + length lies outside the calendar.
        """
        if length not in self._known:
            self._known[length] = self._active(length)
            self._known[length].flags.writeable = False  # shared by all results made from this record
        return self._known[length]


@dataclass(frozen=True, eq=False)
class MaskCounts(Counts):
    """Customers counted by the bit mask of their active periods.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
        Group of each mask.
    words : ndarray of int, shape (n, ceil(periods / 62))
        Bit i of word w: active in period 62 w + i.
    n : ndarray of int, shape (n,)
        Customers who have this mask; every mask has at least one bit.
    """

    group: Ints
    words: Ints
    n: Ints

    @classmethod
    def ordered(cls, groups: int, periods: int, lived: int, group: Ints, words: Ints, n: Ints) -> MaskCounts:
        """The same record sorted by group and first active period, as the methods need it."""
        order = np.lexsort((_first_bit(words), group))
        return cls(groups, periods, lived, group[order], words[order], n[order])

    def _slices(self) -> list[tuple[int, int, slice]]:
        key = self.group * self.periods + _first_bit(self.words)
        edges = np.flatnonzero(np.diff(key, prepend=-1, append=-1))
        return [
            (int(key[a]) // self.periods, int(key[a]) % self.periods, slice(int(a), int(b))) for a, b in pairwise(edges)
        ]

    def sizes(self) -> Ints:
        """See `Counts`."""
        key = self.group * self.periods + _first_bit(self.words)
        flat = np.zeros(self.groups * self.periods, dtype=np.int64)
        np.add.at(flat, key, self.n)
        return flat.reshape(self.groups, self.periods)

    def _active(self, length: int | None) -> Ints:
        result = np.zeros((self.groups, self.periods, self.periods), dtype=np.int64)
        for group, cohort, rows in self._slices():
            words, n = self.words[rows], self.n[rows]
            alone = bool((n == 1).all())
            starts = range(cohort, self.lived if length is None else self.periods - length)
            for start in starts:
                stop = self.lived - 1 if length is None else start + length
                hit = _any_bit(words, start, stop)
                result[group, cohort, start - cohort] = np.count_nonzero(hit) if alone else n[hit].sum()
        return result


def _first_bit(words: Ints) -> Ints:
    """Index of the lowest set bit over all words of a row."""
    result = np.full(len(words), -1, dtype=np.int64)
    for w in range(words.shape[1]):
        word = words[:, w]
        fresh = (result < 0) & (word != 0)
        lowest = word[fresh] & -word[fresh]
        # exact: powers of two up to 2**61 are represented exactly as floats
        result[fresh] = w * WORD + np.log2(lowest.astype(np.float64)).astype(np.int64)
    return result


def _any_bit(words: Ints, start: int, stop: int) -> Bools:
    """Rows with a set bit from `start` to `stop`, both included."""
    hit: Bools | None = None
    for w in range(start // WORD, stop // WORD + 1):
        low = max(start - w * WORD, 0)
        high = min(stop - w * WORD, WORD - 1)
        window = ((1 << (high - low + 1)) - 1) << low
        found = (words[:, w] & window) != 0
        hit = found if hit is None else hit | found
    assert hit is not None
    return hit


@dataclass(frozen=True, eq=False)
class SilenceCounts(Counts):
    """Customers counted by their silences, for calendars too long for masks.

    Parameters
    ----------
    size : ndarray of int, shape (groups, periods)
        Customers by first active period.
    group, cohort, last, back, n : ndarray of int, shape (m,)
        `n` customers of a group and cohort were active in period `last`, not between, and again in `back`
        (`back` = `periods` if never); adjacent active periods are left out.
    """

    size: Ints
    group: Ints
    cohort: Ints
    last: Ints
    back: Ints
    n: Ints

    def sizes(self) -> Ints:
        """See `Counts`."""
        return self.size

    def _active(self, length: int | None) -> Ints:
        # A customer is missing from the window that starts at age a if one silence covers it:
        # last < c + a and c + a + length < back. Count starts and ends of these runs of a, then add up.
        ends = np.zeros((self.groups, self.periods, self.periods + 2), dtype=np.int64)
        first = self.last - self.cohort + 1
        never = self.back >= (self.lived if length is None else self.periods)
        after = np.where(never, self.periods + 1, self.back - self.cohort - (length or 0))
        rows = never | (length is not None) & (after > first)
        np.add.at(ends, (self.group[rows], self.cohort[rows], first[rows]), self.n[rows])
        np.add.at(ends, (self.group[rows], self.cohort[rows], after[rows]), -self.n[rows])
        missing = np.cumsum(ends, axis=2)[:, :, : self.periods]
        cohort, age = np.indices((self.periods, self.periods))
        inside = cohort + age < (self.lived if length is None else self.periods - length)
        return np.where(inside, self.size[:, :, None] - missing, 0)
