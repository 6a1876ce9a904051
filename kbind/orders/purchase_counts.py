"""Sums over customers from the tables of orders and buyers, as small arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kbind.calendar import Calendar
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import Groups, encode_groups, integers
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData
from kbind.orders.order_table import Tables, purchase_tables
from kbind.typing import Bools, Floats, Ints

#: Repeat rates and waiting times are kept for the first orders; those of later ones concern ever fewer customers.
ORDERS = 10

#: Sums, sums of squares and of cubes: means, their errors, and how skewed they are.
_POWERS = (1, 2, 3)

#: The rows of a customer in order, and those up to the present one.
_IN_ORDER = "OVER (PARTITION BY customer_id ORDER BY age)"
_SO_FAR = "OVER (PARTITION BY customer_id ORDER BY age ROWS UNBOUNDED PRECEDING)"

#: Groups x periods x periods that fit into memory several times.
_MOST_CELLS = 10**7


class Cells(NamedTuple):
    """Sums over customers, such as those of a cohort of what each had gathered up to an age.

    Attributes
    ----------
    n : ndarray of int, shape (groups, ...)
        Customers that the sums run over.
    total, squares, cubes : ndarray of float, shape (groups, ...)
        Sum, and sums of squares and cubes.
    """

    n: Ints
    total: Floats
    squares: Floats
    cubes: Floats


@dataclass(frozen=True, eq=False)
class Waits:
    """Days from the k-th order of a customer to the next, for k from 1 to `ORDERS`.

    Attributes
    ----------
    back : ndarray of int, shape (groups, orders, days)
        Customers whose next order came that many days later.
    followed, open : ndarray of int, shape (groups, orders, days)
        Customers with a next order, and without one, by the number of whole days that the data goes on after the k-th.
    """

    back: Ints = field(repr=False)
    followed: Ints = field(repr=False)
    open: Ints = field(repr=False)


@dataclass(frozen=True, eq=False)
class OrderValues:
    """Sums over customers of the value of their first order and of the mean of their later ones, one entry a group.

    Attributes
    ----------
    first_of_all : Cells
        The first order of all customers.
    first, later : Cells
        Of those with later orders, the first one, and the mean of the later ones.
    products : ndarray of float, shape (groups,)
        Sum of the products of both.
    """

    first_of_all: Cells
    first: Cells
    later: Cells
    products: Floats


@dataclass(frozen=True, eq=False)
class PurchaseCounts:
    """All that is kept of the purchases.

    Attributes
    ----------
    groups : tuple of tuple
        Values of the columns that split the customers.
    size : ndarray of int, shape (groups, cohorts)
        Customers by the period of their first order.
    left_out : int
        Buyers whose first order may not be the first of all.
    revenue : Cells
        Revenue up to an age, of all customers of the cohort.
    once, regular : Cells
        The same of those who had bought once by then, and of those who had bought again.
    categories : Cells or None
        Distinct categories bought up to an age; None without a column `category`.
    waits : Waits
    values : OrderValues
    """

    groups: Groups
    size: Ints = field(repr=False)
    left_out: int
    revenue: Cells = field(repr=False)
    once: Cells = field(repr=False)
    regular: Cells = field(repr=False)
    categories: Cells | None = field(repr=False)
    waits: Waits = field(repr=False)
    values: OrderValues = field(repr=False)


def count_purchases(
    data: Dataset, calendar: Calendar, end: datetime, by: Mapping[str, str], since: date | None
) -> PurchaseCounts:
    """Reduce the events to sums; see `purchase_tables` for the arguments."""
    with purchase_tables(data, calendar, end, by, since) as tables:
        chosen = tables.groups.selected
        buyers = tables.query.select(f"SELECT cohort, count(*) AS n{chosen} FROM buyers GROUP BY cohort{chosen}")
        if not buyers.num_rows:
            raise NotEnoughData(
                f"events of {data.name!r} hold no purchase before {end:%Y-%m-%d} by a customer whose first one is known"
            )
        groups, code = encode_groups(buyers, tables.groups.names)
        if len(groups) * calendar.size**2 > _MOST_CELLS:
            raise ArgumentError(
                f"{calendar.size:,} periods for {len(groups):,} groups are too many; use a longer period than "
                f"{calendar.period!r}, or fewer groups"
            )
        size = np.zeros((len(groups), calendar.size), dtype=np.int64)
        size[code, integers(buyers, "cohort")] = integers(buyers, "n")
        everyone = tables.query.select("SELECT count(*) AS n FROM orders WHERE k = 1").column("n")[0].as_py()
        revenue, once, regular = _revenue(tables, groups, size)
        return PurchaseCounts(
            groups=groups,
            size=size,
            left_out=int(everyone - size.sum()),
            revenue=revenue,
            once=once,
            regular=regular,
            categories=_categories(tables, groups, size) if data.has("events.category") else None,
            waits=_waits(tables, groups, end),
            values=_values(tables, groups),
        )


def _code(tables: Tables, found: pa.Table, groups: Groups) -> Ints:
    """Index of each row's group."""
    some, code = encode_groups(found, tables.groups.names)
    return np.array([groups.index(group) for group in some], dtype=np.int64)[code]


def _revenue(tables: Tables, groups: Groups, size: Ints) -> tuple[Cells, Cells, Cells]:
    """Revenue up to each age: of all, of those who had bought once by then, and of those who had bought again."""
    query = tables.query.copy()
    query.step("money", "SELECT customer_id, i, sum(amount) AS r FROM raw GROUP BY customer_id, i")
    query.step("placed", "SELECT customer_id, i, count(*) AS m FROM orders GROUP BY customer_id, i")
    query.step(
        "lived",
        f"SELECT b.customer_id, b.cohort{tables.groups.selected}, money.i - b.cohort AS age, "
        "coalesce(r, 0) AS r, coalesce(m, 0) AS m FROM buyers AS b JOIN money ON money.customer_id = b.customer_id "
        "LEFT JOIN placed ON placed.customer_id = b.customer_id AND placed.i = money.i WHERE money.i >= b.cohort",
    )
    query.step("totals", f"SELECT *, sum(r) {_SO_FAR} AS total, sum(m) {_SO_FAR} >= 2 AS regular FROM lived")
    found = _cells(query, tables.groups.selected, {"once": "NOT regular", "regular": "regular"})
    code = _code(tables, found, groups)
    once, regular = (_placed(found, name, code, size) for name in ("once", "regular"))
    everyone = Cells(once.n + regular.n, *(one + other for one, other in zip(once[1:], regular[1:], strict=True)))
    return everyone, once, regular


def _categories(tables: Tables, groups: Groups, size: Ints) -> Cells:
    """Distinct categories bought up to each age; a category counts from the period in which it was first bought."""
    chosen = tables.groups.selected
    query = tables.query.copy().step(
        "firsts",
        "SELECT customer_id, category, min(i) AS i FROM raw "
        "WHERE amount > 0 AND NOT category IS NULL GROUP BY customer_id, category",
    )
    query.step(
        "fresh",
        f"SELECT f.customer_id, cohort{chosen}, i - cohort AS age, count(*) AS c FROM firsts AS f "
        f"JOIN buyers ON buyers.customer_id = f.customer_id GROUP BY f.customer_id, cohort, i{chosen}",
    )
    query.step("totals", f"SELECT *, sum(c) {_SO_FAR} AS total FROM fresh")
    found = _cells(query, chosen, {"any": "TRUE"})
    cells = _placed(found, "any", _code(tables, found, groups), size)
    # who has bought nothing that has a category has bought none
    return cells._replace(n=np.repeat(size[:, :, None], size.shape[1], axis=2))


def _cells(query: Query, chosen: str, kinds: Mapping[str, str]) -> pa.Table:
    """From `totals` customers and powers of their totals by cohort and age, for each kind of customer.

    A customer's total changes only in periods with rows, and so do its powers: the changes are added up by cohort and
    age, and then over ages, so nobody is spread over all ages. They are added as whole numbers of a unit as small as
    38 digits allow: what comes and goes leaves nothing behind, where floating point would leave rounding errors of a
    million cubed when a large sum is refunded.
    """
    powers = {k: " * ".join(["CAST(total AS DOUBLE)"] * k) for k in _POWERS}
    units = ", ".join(f"greatest(max(abs({powers[k]})) * count(*), 1) / 1e36 AS u{k}" for k in _POWERS)
    whole = ", ".join(f"CAST({powers[k]} / u{k} AS DECIMAL(38, 0)) AS p{k}" for k in _POWERS)

    def up_to(column: str) -> str:
        return f"CAST(sum(sum({column})) OVER (PARTITION BY cohort{chosen} ORDER BY age) AS DOUBLE)"

    flags, columns, shown = [], [], []
    for name, condition in kinds.items():
        flags.append(f"CAST({condition} AS INTEGER) AS is_{name}")
        columns.append(f"is_{name} - coalesce(lag(is_{name}) {_IN_ORDER}, 0) AS n_{name}")
        shown.append(f"{up_to(f'n_{name}')} AS n_{name}")
        for k in _POWERS:
            power = f"CASE WHEN is_{name} = 1 THEN p{k} ELSE 0 END"
            columns.append(f"{power} - coalesce(lag({power}) {_IN_ORDER}, 0) AS {name}_{k}")
            shown.append(f"{up_to(f'{name}_{k}')} * u{k} AS {name}_{k}")
    all_units = "".join(f", u{k}" for k in _POWERS)
    query.step("units", f"SELECT {units} FROM totals")
    query.step(
        "fixed",
        f"SELECT customer_id, cohort, age{chosen}, {', '.join(flags)}, {whole}{all_units} FROM totals, units",
    )
    query.step("changes", f"SELECT cohort, age{chosen}{all_units}, {', '.join(columns)} FROM fixed")
    return query.select(
        f"SELECT cohort, age{chosen}, {', '.join(shown)} FROM changes GROUP BY cohort, age{chosen}{all_units}"
    )


def _placed(found: pa.Table, name: str, code: Ints, size: Ints) -> Cells:
    """Answer to `_cells` as arrays; at ages at which nothing changed it is what it was before."""
    shape = (*size.shape, size.shape[1])
    at = (code, integers(found, "cohort"), integers(found, "age"))
    changed = np.zeros(shape, dtype=np.int64)
    changed[at] = at[2]
    last = np.maximum.accumulate(changed, axis=2)

    def filled(column: str) -> Floats:
        result = np.zeros(shape)
        result[at] = found.column(column).to_numpy()
        kept: Floats = np.take_along_axis(result, last, axis=2)
        return kept

    return Cells(filled(f"n_{name}").astype(np.int64), *(filled(f"{name}_{k}") for k in _POWERS))


def _waits(tables: Tables, groups: Groups, end: datetime) -> Waits:
    query, chosen = tables.query.copy().part(today=end.date()), tables.groups.selected
    joined = f"FROM orders JOIN buyers ON buyers.customer_id = orders.customer_id WHERE k <= {ORDERS}"
    # the last whole day that is in the data is the one before its end
    left = "date_diff('day', d, _today) - 1"
    gaps = query.select(
        f"SELECT k, date_diff('day', d, back) AS days, count(*) AS n{chosen} {joined} AND NOT back IS NULL "
        f"GROUP BY k, date_diff('day', d, back){chosen}"
    )
    follow = query.select(
        f"SELECT k, {left} AS days, back IS NULL AS open, count(*) AS n{chosen} {joined} "
        f"GROUP BY k, {left}, back IS NULL{chosen}"
    )
    days = max((int(integers(part, "days").max(initial=0)) for part in (gaps, follow)), default=0) + 1
    shape = (len(groups), ORDERS, days)

    def counted(found: pa.Table, kept: Bools | None = None) -> Ints:
        result = np.zeros(shape, dtype=np.int64)
        at = (_code(tables, found, groups), integers(found, "k") - 1, integers(found, "days"))
        rows = np.ones(found.num_rows, dtype=bool) if kept is None else kept
        result[tuple(values[rows] for values in at)] = integers(found, "n")[rows]
        return result

    still = np.array(follow.column("open").to_pylist(), dtype=bool)
    return Waits(back=counted(gaps), followed=counted(follow, ~still), open=counted(follow, still))


def _values(tables: Tables, groups: Groups) -> OrderValues:
    """A customer's later orders count as their mean, so that every customer counts once."""
    values = {"first_of_all": "f", "first": "CASE WHEN NOT l IS NULL THEN f END", "later": "l"}
    sums = {f"{name}_{k}": " * ".join([value] * k) for name, value in values.items() for k in _POWERS}
    sums["products"] = "f * l"
    columns = ", ".join(f"CAST(coalesce(sum({sql}), 0) AS DOUBLE) AS {name}" for name, sql in sums.items())
    chosen = tables.groups.selected
    query = tables.query.copy().step(
        "people",
        f"SELECT o.customer_id{chosen}, max(CASE WHEN k = 1 THEN value END) AS f, "
        "avg(CASE WHEN k > 1 THEN value END) AS l FROM orders AS o "
        f"JOIN buyers ON buyers.customer_id = o.customer_id GROUP BY o.customer_id{chosen}",
    )
    grouped = f" GROUP BY {chosen[2:]}" if chosen else ""
    found = query.select(f"SELECT count(*) AS n, count(l) AS again, {columns}{chosen} FROM people{grouped}")
    order = np.argsort(_code(tables, found, groups))
    everyone, again = (integers(found, name)[order] for name in ("n", "again"))
    found_sums = {name: np.asarray(found.column(name).to_numpy(), dtype=float)[order] for name in sums}
    first_of_all, first, later = (
        Cells(n, *(found_sums[f"{name}_{k}"] for k in _POWERS))
        for name, n in zip(values, (everyone, again, again), strict=True)
    )
    return OrderValues(first_of_all, first, later, found_sums["products"])
