"""A log of purchases reduced to cells: how often, until when and for how long each customer was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np

from kbind.dataset.config import read_as_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import integers
from kbind.dataset.recording import known_before
from kbind.engine.engine import column
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData
from kbind.typing import Floats, Ints
from kbind.value.models import History

#: Days of each unit of time; a month is a twelfth of a year.
UNITS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}

#: One row a customer and day with a purchase: whatever is bought on one day is one purchase.
_DAYS = (
    "SELECT customer_id, CAST(_time AS DATE) AS d, sum(_amount) AS value FROM log WHERE _raw < _end "
    "GROUP BY customer_id, CAST(_time AS DATE) HAVING max(_amount) > 0"
)
_PLACED = (
    "SELECT customer_id, d, value, min(d) OVER (PARTITION BY customer_id) AS first, "
    "d - lag(d) OVER (PARTITION BY customer_id ORDER BY d) AS gap FROM days"
)
#: Those whose first purchase is known and lies before the end of the calibration period.
_MEANT = (
    "SELECT placed.* FROM placed LEFT JOIN early USING (customer_id) "
    "WHERE known__before IS NULL AND first < _until AND first >= _since"
)
_CUSTOMERS = """
SELECT customer_id, first, count(*) FILTER (WHERE d < _until) - 1 AS x, max(d) FILTER (WHERE d < _until) - first AS tx,
  count(*) FILTER (WHERE d >= _until) AS later,
  CAST(coalesce(sum(value) FILTER (WHERE d < _until AND d > first), 0) AS DOUBLE) AS spent,
FROM meant GROUP BY customer_id, first
"""
_PAIRS = (
    "SELECT customer_id, gap, lag(gap) OVER (PARTITION BY customer_id ORDER BY d) AS before FROM meant WHERE d < _until"
)
_ALIKE = """
SELECT avg(((s - 2) * (s - 2) - e * e) / (s * s)) AS u, avg(2 * (e * e - s + 2) / (s * s)) AS v
FROM (SELECT customer_id, CAST(gap + before AS DOUBLE) AS s, CAST(gap - before AS DOUBLE) AS e FROM pairs) AS both
WHERE s > 2 GROUP BY customer_id
"""
_SUMS = (
    "SELECT count(*) AS n, sum(u) AS u, sum(v) AS v, sum(u * u) AS uu, sum(u * v) AS uv, sum(v * v) AS vv FROM alike"
)


@dataclass(frozen=True)
class Window:
    """Which purchases count.

    Attributes
    ----------
    since, until, end : date
        Customers whose first purchase falls into [since, until); their purchases before `until` are what is fitted,
        those from there to `end` what the fit is held against.
    """

    since: date
    until: date
    end: date


class GapSums(NamedTuple):
    """Sums over customers that tell how alike two gaps in a row are; see `rhythm`.

    Attributes
    ----------
    n : int
        Customers with two gaps in a row of more than two days together.
    u, v : float
        Sums over customers of the means over such pairs of (m^2 - d^2) / s^2 and of 2 (d^2 - m) / s^2, where s is the
        sum of both gaps, d their difference and m = s - 2.
    uu, uv, vv : float
        Sums of the products.
    """

    n: int
    u: float
    v: float
    uu: float
    uv: float
    vv: float


@dataclass(frozen=True, eq=False)
class Cells:
    """Customers by what they bought until the end of the calibration period, one entry a cell.

    Attributes
    ----------
    frequency : ndarray of int
        Days with a purchase after the day of the first.
    recency, age : ndarray of int
        Days from the first purchase to the last, and to the last day of the period.
    n : ndarray of int
        Customers.
    later, back : ndarray of int
        Their purchases after the calibration period, and how many of them bought then.
    spent : ndarray of float
        What they spent on the purchases after the first.
    window : Window
    repeats : mapping of int to int
        All purchases but the first ones, by days since the first day of all.
    rhythm : GapSums
        How alike gaps in a row are.
    """

    frequency: Ints = field(repr=False)
    recency: Ints = field(repr=False)
    age: Ints = field(repr=False)
    n: Ints = field(repr=False)
    later: Ints = field(repr=False)
    back: Ints = field(repr=False)
    spent: Floats = field(repr=False)
    window: Window
    repeats: Mapping[int, int] = field(repr=False)
    rhythm: GapSums = field(repr=False)

    @property
    def customers(self) -> int:
        """Number of customers."""
        return int(self.n.sum())

    @property
    def begin(self) -> date:
        """Day of the first purchase of all."""
        return self.window.until - timedelta(days=int(self.age.max()) + 1)

    @property
    def firsts(self) -> Ints:
        """Customers by days between the first purchase of all and theirs."""
        result = np.zeros(int(self.age.max()) + 1, dtype=np.int64)
        np.add.at(result, int(self.age.max()) - self.age, self.n)
        return result


def window_of(data: Dataset, calibration_end: object, as_of: object, since: object) -> Window:
    """The days that count, checked."""
    end = data.end_at(as_of).date()
    inner = read_as_of(calibration_end, data.timezone, "calibration_end")
    until = end if inner is None else inner.date()
    begin = read_as_of(since, data.timezone, "since")
    if until > end:
        raise ArgumentError(f"calibration_end={until} lies behind the end of the data, {end}")
    start = date.min if begin is None else begin.date()
    if start >= until:
        raise ArgumentError(f"since={start} does not lie before the end of the purchases that are fitted, {until}")
    return Window(start, until, end)


def purchase_days(data: Dataset, window: Window) -> Query:
    """Steps up to `meant`, one row a purchase (customer_id, d, value, first, gap), and `customers`, one a customer."""
    check_dataset(data)
    data.require("events")
    query = Query(data.engine, tables={"log": "events"}).step(
        "days",
        _DAYS,
        raw=column("timestamp"),
        time=data.wall_time("events", "timestamp"),
        # of several currencies too: whether anything was paid needs no sum
        amount=column("amount") if "amount" in data.tables["events"].every else 1,
        end=data.constant("events", "timestamp", datetime.combine(window.end, time.min)),
    )
    query.step("placed", _PLACED)
    if data.tables["events"].span is None:
        raise NotEnoughData(f"events of {data.name!r} are empty")
    query.step("early", known_before(data, "events", query.parts))
    query.step("meant", _MEANT, until=window.until, since=window.since)
    return query.step("customers", _CUSTOMERS)


def count_cells(data: Dataset, window: Window) -> Cells:
    """Reduce the log to cells."""
    query = purchase_days(data, window)
    rows = query.select(
        "SELECT x, tx, _until - first - 1 AS age, count(*) AS n, CAST(sum(later) AS BIGINT) AS later, "
        "count(*) FILTER (WHERE later > 0) AS back, "
        "sum(spent) AS spent FROM customers GROUP BY ALL ORDER BY x, tx, age"
    )
    if not rows.num_rows:
        raise NotEnoughData(
            f"events of {data.name!r} hold no purchase before {window.until} by a customer whose first one is known"
        )
    frequency, recency, age, n, later, back = (
        integers(rows, name) for name in ("x", "tx", "age", "n", "later", "back")
    )
    query.part(begin=window.until - timedelta(days=int(age.max()) + 1))
    found = query.select("SELECT d - _begin AS day, count(*) AS n FROM meant WHERE d > first GROUP BY d")
    (alike,) = query.copy().step("pairs", _PAIRS).step("alike", _ALIKE).select(_SUMS).to_pylist()
    return Cells(
        frequency=frequency,
        recency=recency,
        age=age,
        n=n,
        later=later,
        back=back,
        spent=rows.column("spent").to_numpy().astype(float),
        window=window,
        repeats=dict(zip(integers(found, "day").tolist(), integers(found, "n").tolist(), strict=True)),
        rhythm=GapSums(**{name: value or 0 for name, value in alike.items()}),
    )


def one_currency(data: Dataset) -> None:
    """Refuse amounts that cannot be added up."""
    if data.tables["events"].apart:
        raise ArgumentError(
            f"events of {data.name!r} are in several currencies; state rates= (what each is worth in one of them)"
        )


def seen_of(cells: Cells, length: float) -> History:
    """Histories of the cells, times in units of so many days."""
    return History(cells.frequency.astype(float), cells.recency / length, cells.age / length)
