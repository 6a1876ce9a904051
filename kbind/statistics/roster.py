"""Customers one by one: what they are like, whether they have left, what they paid last, why they left.

Segments are formed of whole customers, so this is the one statistic with a row for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbind.data.dataset import Dataset, check_dataset
from kbind.data.engine import Expression, column, literal, parse
from kbind.errors import ArgumentError, NotEnoughData, did_you_mean, listed
from kbind.statistics.durations import observed_lives
from kbind.statistics.durations.lives import wall_time
from kbind.statistics.groups import Ints
from kbind.statistics.profiles import attribute_names, outcome_of, row_value
from kbind.statistics.profiles.levels import Attribute, Floats, attribute_of, describing, kind_of, naming, numbers_of
from kbind.statistics.profiles.structure import Structural, find_structure
from kbind.statistics.result import Provenance

#: Levels with a code for each customer, or numbers with NaN where unknown.
Values = Attribute | Floats


@dataclass(frozen=True, eq=False)
class Roster:
    """One entry a customer, in the order of their ids.

    Attributes
    ----------
    customer_id : ndarray, shape (customers,)
    left : ndarray of bool, shape (customers,)
        Whether they have left.
    columns : dict of str to Attribute or ndarray of float
        What they are like; numbers of two values are levels.
    revenue : ndarray of float, shape (customers,) or None
        What they paid last; NaN where unknown.
    revenue_from : str
        Where that stands; empty if nowhere.
    reason : Attribute or None
        Why they left, in their words for those who said so.
    structural : tuple of Structural
        Levels that mean that an attribute does not apply.
    same : dict of str to str
        Columns that divide the customers as an earlier one does.
    notes : tuple of str
        Columns that were left out, and why.
    meaning : str
        What counts as having left.
    tenure : str
        The column that says how long they have been customers, if it is one of `columns`.
    """

    customer_id: NDArray[np.object_] = field(repr=False)
    left: NDArray[np.bool_] = field(repr=False)
    columns: dict[str, Values] = field(repr=False)
    revenue: Floats | None = field(repr=False)
    revenue_from: str
    reason: Attribute | None = field(repr=False)
    structural: tuple[Structural, ...]
    same: dict[str, str]
    notes: tuple[str, ...]
    meaning: str
    provenance: Provenance
    customer: str = "customer"
    tenure: str = ""

    def __len__(self) -> int:
        return len(self.customer_id)

    def take(self, rows: Ints) -> Roster:
        """Some of the customers."""
        return replace(
            self,
            customer_id=self.customer_id[rows],
            left=self.left[rows],
            columns=take_columns(self.columns, rows),
            revenue=None if self.revenue is None else self.revenue[rows],
            reason=None if self.reason is None else replace(self.reason, codes=self.reason.codes[rows]),
        )


def take_columns(columns: Mapping[str, Values], rows: Ints) -> dict[str, Values]:
    """The columns for some of the customers."""
    return {
        name: replace(values, codes=values.codes[rows]) if isinstance(values, Attribute) else values[rows]
        for name, values in columns.items()
    }


def roster(data: Dataset, outcome: str = "churned", *, attributes: str | Sequence[str] | None = None) -> Roster:
    """Read customers one by one; see `segment_churned` for the parameters.

    Raises
    ------
    ArgumentError
        No such column, columns of times or with too many levels, unreadable outcomes, nothing to go by.
    """
    check_dataset(data)
    data.require("customers")
    gone, told_by, meaning = outcome_of(data, outcome)
    names, notes = attribute_names(data, attributes, without=(told_by,) if told_by else ())
    tables, steps, parts = {"customers": "customers"}, {}, {}
    source, told = "customers AS p", "_gone"
    if gone is None:
        lives = observed_lives(data)
        tables |= lives.query.tables
        steps, parts, meaning = dict(lives.query.steps), dict(lives.query.parts), f"{lives.meaning}."
        source, told = "lives AS l JOIN customers AS p ON p.customer_id = l.customer_id", "NOT l.cause IS NULL"
    else:
        parts["gone"] = gone
    revenue_from = _add_revenue(data, tables, steps, parts)
    reasons = _add_reasons(data, tables, steps, parts)
    parts |= {f"c{k}": row_value(data, name) for k, name in enumerate(names)}
    selected = ["p.customer_id AS customer_id", f"{told} AS gone", *(f"_c{k} AS c{k}" for k in range(len(names)))]
    if revenue_from:
        selected.append("_paid AS revenue")
    if reasons:
        selected.append("r.reason AS reason")
    joins = " LEFT JOIN paid AS m ON m.customer_id = p.customer_id" if "paid" in steps else ""
    joins += " LEFT JOIN said_why AS r ON r.customer_id = p.customer_id" if reasons else ""
    whole = ", ".join(f"{name} AS ({sql})" for name, sql in steps.items())
    sql = f"{f'WITH {whole} ' if whole else ''}SELECT {', '.join(selected)} FROM {source}{joins} ORDER BY p.customer_id"
    used = {name: part for name, part in parts.items() if re.search(rf"\b_{name}\b", sql)}
    found = data.engine.query(sql, tables=tables, parts=used)
    left = found.column("gone")
    if left.null_count:
        raise ArgumentError(
            f"{left.null_count:,} customers of {data.name!r} have no readable outcome; complete or remove them"
        )
    every = {name: _values(data, name, found.column(f"c{k}")) for k, name in enumerate(names)}
    columns, more = _usable(every, explicit=attributes is not None)
    levels = [values for values in columns.values() if isinstance(values, Attribute)]
    structural, same = find_structure(levels, np.ones(found.num_rows, dtype=np.int64))
    tenure = data.roles["tenure"].column if "tenure" in data.roles else ""
    reason = found.column("reason") if reasons else None
    return Roster(
        customer_id=np.array(found.column("customer_id").to_pylist(), dtype=object),
        left=np.array(left.to_pylist(), dtype=bool),
        columns=columns,
        revenue=numbers_of(found.column("revenue")) if revenue_from else None,
        revenue_from=revenue_from,
        reason=None if reason is None else attribute_of("reason", "text", reason, np.ones(len(left), dtype=np.int64)),
        structural=structural,
        same=same,
        notes=(*notes, *more),
        meaning=meaning,
        provenance=Provenance(data.name, data.timezone, data.as_of),
        customer=data.card.customer,
        tenure=tenure if tenure in columns else "",
    )


def read_columns(
    data: Dataset, names: Sequence[str], numeric: Sequence[str]
) -> tuple[NDArray[np.object_], dict[str, Values]]:
    """Ids and the named columns of the customers of another data set, in the order of their ids.

    Raises
    ------
    ArgumentError
        A column is not there, or holds words where it held numbers.
    """
    data.require("customers")
    known = [name for name in data.tables["customers"].columns if name != "customer_id"]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ArgumentError(
                f"new_data has no column {name!r}, of which segments were formed; {hint}columns: {listed(known)}"
            )
        if name in numeric and kind_of(data.tables["customers"].columns[name]) != "number":
            raise ArgumentError(f"new_data: {name!r} holds no numbers, and did where segments were formed")
    selected = "".join(f", _c{k} AS c{k}" for k in range(len(names)))
    found = data.engine.query(
        f"SELECT p.customer_id AS customer_id{selected} FROM customers AS p ORDER BY p.customer_id",
        tables={"customers": "customers"},
        parts={f"c{k}": row_value(data, name) for k, name in enumerate(names)},
    )
    columns = {
        name: numbers_of(found.column(f"c{k}")) if name in numeric else _levels(data, name, found.column(f"c{k}"))
        for k, name in enumerate(names)
    }
    return np.array(found.column("customer_id").to_pylist(), dtype=object), columns


def _add_revenue(data: Dataset, tables: dict[str, str], steps: dict[str, str], parts: dict[str, Expression]) -> str:
    """Prepare what a customer paid last; where it comes from."""
    if "revenue" in data.roles:
        name = data.roles["revenue"].column
        parts["paid"] = parse("CAST(_x AS DOUBLE)", x=column(name, "p"))
        return name
    if "subscriptions" not in data.tables or "mrr" not in data.tables["subscriptions"].columns or data.as_of is None:
        return ""
    has_end = "end" in data.tables["subscriptions"].columns
    parts["paid_from"], parts["paid_to"] = wall_time(data, "subscriptions", "start"), literal(data.as_of)
    parts["paid_until"] = wall_time(data, "subscriptions", "end") if has_end else parse("CAST(NULL AS TIMESTAMP)")
    steps["contracts_paid"] = (
        "SELECT customer_id, mrr, least(coalesce(_paid_until, _paid_to), _paid_to) AS ended FROM contracts "
        "WHERE _paid_from < _paid_to"
    )
    steps["last_paid"] = "SELECT customer_id, max(ended) AS ended FROM contracts_paid GROUP BY customer_id"
    # several contracts that end together are lost together
    steps["paid"] = (
        "SELECT c.customer_id, sum(c.mrr) AS revenue FROM contracts_paid AS c JOIN last_paid AS l "
        "ON l.customer_id = c.customer_id AND l.ended = c.ended GROUP BY c.customer_id"
    )
    parts["paid"] = parse("CAST(_x AS DOUBLE)", x=column("revenue", "m"))
    tables["contracts"] = "subscriptions"
    return "subscriptions.mrr"


def _add_reasons(data: Dataset, tables: dict[str, str], steps: dict[str, str], parts: dict[str, Expression]) -> bool:
    """Prepare the last reason that a customer gave; whether there are any."""
    if "cancellations" not in data.tables or "reason" not in data.tables["cancellations"].columns:
        return False
    parts["said_at"] = wall_time(data, "cancellations", "timestamp")
    parts["given"] = parse("nullif(trim(_x), '')", x=column("reason"))
    steps["said_why"] = (
        "SELECT customer_id, max(struct_pack(t := _said_at, v := _given)).v AS reason FROM goodbyes "
        "GROUP BY customer_id"
    )
    tables["goodbyes"] = "cancellations"
    return True


def _values(data: Dataset, name: str, values: pa.ChunkedArray) -> Values:
    kind = kind_of(data.tables["customers"].columns[name])
    if kind == "other":
        raise ArgumentError(f"attributes={name!r} holds times; turn it into a number or a group first")
    if kind == "number":
        numbers = numbers_of(values)
        if len(np.unique(numbers[np.isfinite(numbers)])) > 2:
            return np.where(np.isfinite(numbers), numbers, np.nan)
    return _levels(data, name, values)


def _levels(data: Dataset, name: str, values: pa.ChunkedArray) -> Attribute:
    """Levels as words; numbers as they are written."""
    kind = kind_of(data.tables["customers"].columns[name])
    number = kind == "number"
    if number:
        words = ["" if value != value else f"{value:.15g}" for value in numbers_of(values)]
        values, kind = pa.chunked_array([pa.array([word or None for word in words], pa.string())]), "text"
    return replace(attribute_of(name, kind, values, np.ones(len(values), dtype=np.int64)), number=number)


def _usable(columns: dict[str, Values], *, explicit: bool) -> tuple[dict[str, Values], list[str]]:
    """Without columns that name customers, which are told, and with thin levels taken together."""
    levels = {name: values for name, values in columns.items() if isinstance(values, Attribute)}
    one = np.ones(max(map(len, (values.codes for values in levels.values())), default=0), dtype=np.int64)
    described, names, notes = describing(levels, one)
    if names and explicit:
        raise ArgumentError(f"attributes={names[0]!r} {naming(levels[names[0]])}")
    kept = {name: described.get(name, values) for name, values in columns.items() if name not in names}
    if not kept:
        raise NotEnoughData("no attributes of customers are left to form segments of")
    return kept, notes
