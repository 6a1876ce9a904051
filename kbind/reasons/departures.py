"""Customers who said goodbye: why they say they leave, what they are like, and what went before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from kbind.customers.customers import attribute_kind, attribute_names, row_value
from kbind.customers.levels import FEW_LEVELS, Attribute, attribute_of, describing, naming, numbers_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData
from kbind.reasons.before_leaving import Behaviour, Measure, add_behaviour
from kbind.reasons.themes import Hit, ThemeDictionary
from kbind.typing import Bools, Floats, Ints

__all__ = ["Hit", "Leavers", "Measure", "ThemeDictionary", "leavers"]


@dataclass(frozen=True, eq=False)
class Leavers:
    """Customers who said goodbye, one by one.

    Attributes
    ----------
    reasons : tuple of str
        As stated; the most frequent first.
    reason : ndarray of int, shape (leavers,)
        Index into `reasons`, -1 where none was given.
    voluntary : ndarray of bool, shape (leavers,)
        Whether they left of their own accord, as far as anybody says otherwise.
    attributes : tuple of Attribute
        What they are like.
    measures : tuple of Measure
        What was measured of the time before.
    values : dict of str to ndarray of float, shape (leavers,)
        Of every measure; NaN where unknown.
    notes : tuple of str
    """

    reasons: tuple[str, ...]
    reason: Ints = field(repr=False)
    voluntary: Bools = field(repr=False)
    attributes: tuple[Attribute, ...]
    measures: tuple[Measure, ...]
    values: dict[str, Floats] = field(repr=False)
    notes: tuple[str, ...]
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.reason)


def leavers(data: Dataset, by: str | Sequence[str] | None = None, *, as_of: object = None) -> Leavers:
    """One row a customer who said goodbye before the end of the data; of several times, the last one.

    Raises
    ------
    ArgumentError
        No cancellations with reasons, no such column, or nobody who gave a reason.
    """
    check_dataset(data)
    data.require("cancellations")
    data.require("customers")
    if "reason" not in data.tables["cancellations"].columns:
        raise NotEnoughData(f"cancellations of {data.name!r} has no column 'reason'; name it in kbind.yaml")
    flag = data.roles["churned"].column if "churned" in data.roles else ""
    names, notes = attribute_names(data, by, without=(flag,) if flag else (), parameter="by")
    kinds = {name: attribute_kind(data, name, "by") for name in names}
    end = data.end_at(as_of)
    behaviour, found = _query(data, names, end)
    one = np.ones(found.num_rows, dtype=np.int64)
    reasons, reason = _by_frequency(attribute_of("reason", "text", found.column("reason"), one), data.name)
    every = {name: attribute_of(name, kinds[name], found.column(f"c{k}"), one) for k, name in enumerate(names)}
    attributes, many, told = describing(every, one)
    if many and by is not None:
        raise ArgumentError(f"by={many[0]!r} {naming(every[many[0]])}")
    return Leavers(
        reasons=reasons,
        reason=reason,
        voluntary=np.array(found.column("voluntary").to_pylist(), dtype=bool),
        attributes=tuple(attributes.values()),
        measures=tuple(behaviour.measures),
        values={measure.name: numbers_of(found.column(f"m{k}")) for k, measure in enumerate(behaviour.measures)},
        notes=(*notes, *told),
        provenance=Provenance.of(data, end),
    )


def _query(data: Dataset, names: Sequence[str], end: datetime) -> tuple[Behaviour, pa.Table]:
    """Per leaver: reason, voluntary, attributes c0, c1, ... and measures m0, m1, ..."""
    said = "voluntary" in data.tables["cancellations"].columns
    query = Query(data.engine).step(
        "said",
        "SELECT customer_id, x.t AS t, x.v AS reason, x.w AS voluntary FROM (SELECT customer_id, "
        "max(struct_pack(t := _said_at, v := _reason, w := _voluntary)) AS x FROM cancellations "
        "WHERE _said_at < _as_of GROUP BY customer_id) AS last",
        said_at=data.wall_time("cancellations", "timestamp"),
        reason=parse("nullif(trim(_x), '')", x=column("reason")),
        voluntary=column("voluntary") if said else True,
        as_of=end,
    )
    behaviour = add_behaviour(query, data)
    query.part(**{f"c{k}": row_value(data, name) for k, name in enumerate(names)})
    selected = ["said.reason AS reason", "coalesce(said.voluntary, TRUE) AS voluntary"]
    selected += [f"_c{k} AS c{k}" for k in range(len(names))]
    selected += [f"{sql} AS m{k}" for k, sql in enumerate(behaviour.columns.values())]
    return behaviour, query.select(
        f"SELECT {', '.join(selected)} FROM said LEFT JOIN customers AS p ON p.customer_id = said.customer_id"
        f"{behaviour.joins} ORDER BY said.t, said.customer_id"
    )


def _by_frequency(said: Attribute, source: str) -> tuple[tuple[str, ...], Ints]:
    """Reasons, the most frequent first, and the code of every leaver."""
    if not said.levels:
        raise NotEnoughData(f"nobody in cancellations of {source!r} gave a reason")
    if len(said.levels) > FEW_LEVELS:
        raise NotEnoughData(
            f"cancellations.reason has {len(said.levels):,} levels; allowed: at most {FEW_LEVELS}; free text belongs "
            "into reason_text, see kb.code_reasons"
        )
    order = np.argsort(-np.bincount(said.codes[said.codes >= 0], minlength=len(said.levels)), kind="stable")
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return tuple(said.levels[k] for k in order), rank[said.codes]
