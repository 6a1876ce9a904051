"""The days on which customers did anything: their own rhythm, and when a silence has become too long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kbind.data.engine import literal
from kbind.statistics.durations.lives import wall_time
from kbind.statistics.groups import Ints, integers
from kbind.statistics.snapshots.cells import Floats, Rows, Scope
from kbind.statistics.snapshots.held import NEVER, Held
from kbind.statistics.snapshots.moments import DAY, epoch

#: A customer and a day, or a length in days, in one number: days take the lower bits, counted from far before 1970.
_BITS, _ZERO = 22, 1 << 20
#: So many customers fit into what is left beside two lengths.
MOST = 1 << 63 - 2 * _BITS - 1
_MASK = (1 << _BITS) - 1


@dataclass(frozen=True, eq=False)
class Rhythm:
    """Days with an event of the customers of a scope, in the order of customers and days.

    Parameters
    ----------
    key : ndarray of int, shape (days,)
        Customer, and day since 1970.
    """

    scope: Scope
    key: Ints

    @classmethod
    def of(cls, scope: Scope) -> Rhythm:
        """Read them: one scan."""
        data = scope.data
        assert data.as_of is not None
        found = data.engine.query(
            "SELECT DISTINCT p.code__people - _low AS who, CAST(_time AS DATE) AS day FROM log "
            "JOIN people AS p USING (customer_id) WHERE p.code__people >= _low AND p.code__people < _high "
            "AND _time < _end",
            tables={"log": "events", **scope.tables},
            parts={**scope.range, "time": wall_time(data, "events", "timestamp"), "end": literal(data.as_of)},
        )
        day = found.column("day").cast(pa.int32()).to_numpy().astype(np.int64)
        return cls(scope, np.sort(_packed(integers(found, "who"), day)))

    def last_day(self, rows: Rows) -> Floats:
        """The last day with an event before the day of the observation date; NaN without any."""
        if not len(self.key):
            return np.full(len(rows), np.nan)
        place = np.searchsorted(self.key, _packed(rows.who, self.scope.moments.days[rows.when])) - 1
        found = self.key[np.maximum(place, 0)]
        return np.where((place >= 0) & (found >> _BITS == rows.who), (found & _MASK) - _ZERO, np.nan)

    def usual_gap(self, rows: Rows) -> Floats:
        """Median of a customer's gaps between days with an event, of those over before the date; NaN without any."""
        same = self.key[1:] >> _BITS == self.key[:-1] >> _BITS
        gap = (self.key[1:] - self.key[:-1])[same]
        over = (self.key[1:] & _MASK)[same]
        who = (self.key[1:] >> _BITS)[same]
        # by customer and length, the day on which it was over carried along
        packed = np.sort((who << 2 * _BITS) | (gap << _BITS) | over)
        result = np.full(len(rows), np.nan)
        for k, day in enumerate(self.scope.moments.days):
            mine = rows.when == k
            known = packed[(packed & _MASK) < day + _ZERO]
            counted = np.bincount(known >> 2 * _BITS, minlength=self.scope.size)
            begin = np.cumsum(counted) - counted
            n, first = counted[rows.who[mine]], begin[rows.who[mine]]
            length = np.append(((known >> _BITS) & _MASK).astype(float), np.nan)
            low = np.where(n > 0, first + (n - 1) // 2, len(known))
            high = np.where(n > 0, first + n // 2, len(known))
            result[mine] = (length[low] + length[high]) / 2
        return result

    def held(self, lapse: int) -> Held:
        """Customers at the observation dates whose silence is not yet too long, and when it becomes so."""
        scope = self.scope
        assert scope.data.as_of is not None
        dates = len(scope.moments.dates)
        every = Rows(np.tile(np.arange(scope.size), dates), np.repeat(np.arange(dates), scope.size))
        # a comparison with NaN is false: who has not done anything is no customer yet
        there = self.last_day(every) + lapse >= scope.moments.days[every.when]
        rows = Rows(every.who[there], every.when[there])
        last = np.append(self.key[1:] >> _BITS != self.key[:-1] >> _BITS, np.ones(min(len(self.key), 1), dtype=bool))
        end = (np.datetime64(scope.data.as_of, "D") - np.datetime64("1970-01-01", "D")).astype(np.int64) + _ZERO
        back = np.where(last, end, np.append(self.key[1:], 0) & _MASK)
        lapsed = self.key[(self.key & _MASK) + lapse < back] + lapse + 1
        place = np.searchsorted(lapsed, _packed(rows.who, scope.moments.days[rows.when]), side="right")
        found = np.append(lapsed, -1)[place]
        never = epoch(NEVER)
        decided = np.where(found >> _BITS == rows.who, ((found & _MASK) - _ZERO) * DAY, never)
        first = self.key[np.searchsorted(self.key, rows.who << _BITS)]
        return Held(rows, decided, ((first & _MASK) - _ZERO) * DAY, pa.table({}))


def _packed(who: Ints, day: Ints) -> Ints:
    return np.asarray((who << _BITS) | (day + _ZERO))
