"""Customers one by one: what they are like, whether they have left, what they paid last, why they left.

Segments are formed of whole customers, so this is the one statistic with a row for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from kbind.customers.customers import attribute_kind, attribute_names, customers, outcome_of, row_value
from kbind.customers.levels import Attribute, attribute_of, describing, naming, numbers_of
from kbind.customers.structure import Structural, find_structure
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import objects
from kbind.dataset.provenance import Provenance
from kbind.dataset.reading.base import kind_of
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, choices
from kbind.typing import Bools, Floats, Ints, Objects

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

    customer_id: Objects = field(repr=False)
    left: Bools = field(repr=False)
    columns: dict[str, Values] = field(repr=False)
    revenue: Floats | None = field(repr=False)
    revenue_from: str
    reason: Attribute | None = field(repr=False)
    structural: tuple[Structural, ...]
    same: dict[str, str]
    notes: tuple[str, ...]
    meaning: str
    provenance: Provenance
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
    leaving = outcome_of(data, outcome)
    names, notes = attribute_names(data, attributes, without=leaving.columns)
    table = customers(data, names, ("customer_id", "gone", "revenue_last", "reason"), leaving)
    found = table.query.select("SELECT * FROM people ORDER BY customer_id")
    left, one = found.column("gone"), np.ones(found.num_rows, dtype=np.int64)
    every = {name: _values(data, name, found.column(f"c{k}")) for k, name in enumerate(names)}
    columns, more = _usable(every, explicit=attributes is not None)
    levels = [values for values in columns.values() if isinstance(values, Attribute)]
    structural, same = find_structure(levels, one)
    tenure = data.roles["tenure"].column if "tenure" in data.roles else ""
    reason = attribute_of("reason", "text", found.column("reason"), one) if data.has("cancellations.reason") else None
    return Roster(
        customer_id=objects(found.column("customer_id")),
        left=np.array(left.to_pylist(), dtype=bool),
        columns=columns,
        revenue=numbers_of(found.column("revenue_last")) if table.revenue_from else None,
        revenue_from=table.revenue_from,
        reason=reason,
        structural=structural,
        same=same,
        notes=(*notes, *more),
        meaning=table.meaning,
        provenance=Provenance.of(data, data.as_of),
        tenure=tenure if tenure in columns else "",
    )


def read_columns(data: Dataset, names: Sequence[str], numeric: Sequence[str]) -> tuple[Objects, dict[str, Values]]:
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
            raise ArgumentError(
                f"new_data has no column {name!r}, of which segments were formed; {choices(name, known)}"
            )
        if name in numeric and kind_of(data.tables["customers"].columns[name]) != "number":
            raise ArgumentError(f"new_data: {name!r} holds no numbers, and did where segments were formed")
    selected = "".join(f", _c{k} AS c{k}" for k in range(len(names)))
    query = Query(data.engine).part(**{f"c{k}": row_value(data, name) for k, name in enumerate(names)})
    found = query.select(f"SELECT p.customer_id AS customer_id{selected} FROM customers AS p ORDER BY p.customer_id")
    columns = {
        name: numbers_of(found.column(f"c{k}")) if name in numeric else _levels(data, name, found.column(f"c{k}"))
        for k, name in enumerate(names)
    }
    return objects(found.column("customer_id")), columns


def _values(data: Dataset, name: str, values: pa.ChunkedArray) -> Values:
    if attribute_kind(data, name, "attributes") == "number":
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
