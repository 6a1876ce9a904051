"""The days on which customers did anything: their own rhythm, and when a silence has become too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from kbind.churn.snapshots.cells import Rows
from kbind.churn.snapshots.held import Held
from kbind.churn.snapshots.logs import Log
from kbind.churn.snapshots.moments import DAY, NEVER, Moments, microseconds
from kbind.typing import Floats, Ints

#: A customer and a day, or a length in days, in one number: days take the lower bits, counted from far before 1970.
_BITS, _ZERO = 22, 1 << 20
#: So many customers fit into what is left beside two lengths.
MOST = 1 << 63 - 2 * _BITS - 1
_MASK = (1 << _BITS) - 1


@dataclass(frozen=True, eq=False)
class Rhythm:
    """Days with an event of some customers, in the order of customers and days.

    Parameters
    ----------
    moments : Moments
    size : int
        How many customers.
    key, goodbyes : ndarray of int, shape (days,)
        Customer, and day since 1970: of events, and of cancellations.
    end : int
        The day on which the data ends.
    """

    moments: Moments
    size: int
    key: Ints
    goodbyes: Ints
    end: int

    @classmethod
    def of(cls, logs: dict[str, Log], k: int) -> Rhythm:
        """Of one part of the customers, from the logs of events and of cancellations, if there are any."""
        scope = logs["events"].scope
        assert scope.data.as_of is not None
        goodbyes = _days(logs["cancellations"], k) if "cancellations" in logs else np.zeros(0, dtype=np.int64)
        end = (scope.data.as_of.date() - date(1970, 1, 1)).days
        return cls(scope.moments, scope.parts[k][1], _days(logs["events"], k), goodbyes, end)

    @cached_property
    def _begins(self) -> Ints:
        """Where in `key` the days of each customer begin, shape (customers + 1,)."""
        return np.searchsorted(self.key, np.arange(self.size + 1) << _BITS)

    @cached_property
    def _ends(self) -> Ints:
        """Where in `key` the days before each date end, shape (dates, customers)."""
        return self._before_dates(self.key)

    def _before_dates(self, keys: Ints) -> Ints:
        """The first place in some keys that is not before each date, shape (dates, customers)."""
        who, dates = np.arange(self.size), self.moments.days
        # customer by customer, so that what is looked for is in order: three times as fast as date by date
        return np.ascontiguousarray(np.searchsorted(keys, _packed(who[:, None], dates)).T)

    def _day(self, place: Ints) -> Ints:
        """The days at some places of `key`."""
        return (self.key[place] & _MASK) - _ZERO

    def last_day(self, rows: Rows) -> Floats:
        """The last day with an event before the days of the observation dates; NaN without any."""
        ends = self._ends[rows.when, rows.who]
        there = ends > self._begins[rows.who]
        found = np.full(len(rows), np.nan)
        found[there] = self._day(ends[there] - 1)
        return found

    def usual_gap(self, rows: Rows) -> Floats:
        """Median of a customer's gaps between days with an event, of those over before the date; NaN without any."""
        dates = len(self.moments.dates)
        # how many days each customer has up to the first date, from there to the second, ...
        edges = np.vstack((self._begins[:-1], self._ends, self._begins[1:]))
        over = np.repeat(np.tile(np.arange(dates + 1), self.size), (edges[1:] - edges[:-1]).T.reshape(-1))
        gap = self.key.copy()
        gap[1:] -= self.key[:-1]
        # the first day of a customer ends no gap
        firsts = self._begins[:-1][self._begins[:-1] < self._begins[1:]]
        gap[firsts], over[firsts] = 0, dates
        # by customer and length, the first date by which it was over carried along
        packed = np.sort((self.key >> _BITS << 2 * _BITS) | (gap << _BITS) | over)
        over = (packed & _MASK).astype(np.int16)
        result = np.full(len(rows), np.nan)
        for k in range(dates):
            mine = np.flatnonzero(rows.when == k)
            n = np.maximum(self._ends[k] - self._begins[:-1] - 1, 0)
            first, n = (np.cumsum(n) - n)[rows.who[mine]], n[rows.who[mine]]
            mine, first, n = mine[n > 0], first[n > 0], n[n > 0]
            known = np.flatnonzero(over <= k)
            low, high = (packed[known[first + place]] >> _BITS & _MASK for place in ((n - 1) // 2, n // 2))
            result[mine] = (low + high) / 2
        return result

    def held(self, lapse: int) -> Held:
        """Customers at the observation dates whose silence is not yet too long, and when it becomes so.

        A cancellation that no event follows ends it on its day.
        """
        days = self.moments.days
        known = self._ends > self._begins[:-1]
        latest = np.zeros_like(self._ends)
        latest[known] = self._day(self._ends[known] - 1)
        when, who = np.nonzero(known & (latest + lapse >= days[:, None]))
        said = _next(self.goodbyes, _packed(who, latest[when, who]))
        gone = (said >> _BITS == who) & ((said & _MASK) - _ZERO < days[when])
        # who is still there leaves after the last event, and not before today
        leaves = self._leaves(lapse)
        found = np.append(leaves, -1)[self._before_dates(leaves)[when, who]]
        decided = np.where(found >> _BITS == who, ((found & _MASK) - _ZERO) * DAY, microseconds([NEVER]))
        since = self._day(self._begins[who]) * DAY
        waits = np.full_like(decided, microseconds([NEVER])[0])
        return Held(Rows(who, when), decided, waits, since, pa.table({}), who[gone]).take(~gone)

    def _leaves(self, lapse: int) -> Ints:
        """Customers and the days on which they left, in order: a silence too long, or a cancellation before it is."""
        goodbyes = self.goodbyes
        lasts = self._begins[1:][self._begins[:-1] < self._begins[1:]] - 1
        left = np.ones(len(self.key), dtype=bool)
        left[:-1] = self.key[1:] - self.key[:-1] > lapse
        left[lasts] = True
        # a cancellation counts from the last day with an event on, unless the next event comes in time
        follows = np.searchsorted(self.key, goodbyes, side="right") - 1
        same = (follows >= 0) & (self.key[follows] >> _BITS == goodbyes >> _BITS)
        tells = same & (goodbyes - self.key[follows] <= lapse) & left[follows]
        follows, first = np.unique(follows[tells], return_index=True)
        # the end of the data is no event
        left[lasts] = self._day(lasts) + lapse < self.end
        left[follows] = True
        day = self.key + lapse + 1
        day[follows] = goodbyes[tells][first]
        return np.asarray(day[left])


def _days(log: Log, k: int) -> Ints:
    """Customers and the days on which they have rows, each once, in order."""
    key = np.sort(_packed(*log.days(k)))
    return key[np.append(True, key[1:] != key[:-1])] if len(key) else key


def _next(keys: Ints, at: Ints) -> Ints:
    """The first key that is not below each of some numbers; -1 if there is none."""
    return np.append(keys, -1)[np.searchsorted(keys, at)]


def _packed(who: Ints, day: Ints) -> Ints:
    return np.asarray((who << _BITS) | (day + _ZERO))
