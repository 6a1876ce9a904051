"""Columns that split the customers: where they stand, what a customer's value is, and one code a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import Expression, column, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, choices
from kbind.typing import Ints, Objects

Groups = tuple[tuple[Any, ...], ...]


def names_of(by: str | Sequence[str] | None, parameter: str = "by") -> tuple[str, ...]:
    """The columns, each once."""
    if by is not None and not (isinstance(by, Sequence) and all(isinstance(name, str) for name in by)):
        raise ArgumentError(f"{parameter}={by!r} names no columns; allowed: a name, or a list of names")
    names = (by,) if isinstance(by, str) else tuple(by or ())
    if len(set(names)) < len(names):
        raise ArgumentError(f"{parameter}={list(names)!r} names a column twice")
    return names


def place_columns(data: Dataset, log: str, names: Sequence[str], parameter: str = "by") -> dict[str, str]:
    """Column -> table it stands in: `customers`, else the log.

    Raises
    ------
    ArgumentError
        There is no such column.
    """
    return {name: _table_with(data, log, name, parameter) for name in names}


def _table_with(data: Dataset, log: str, name: str, parameter: str) -> str:
    places = list(dict.fromkeys(table for table in ("customers", log) if table in data.tables))
    for table in places:
        if name in data.tables[table].columns and name != "customer_id":
            return table
    known = [c for table in places for c in data.tables[table].columns if c != "customer_id"]
    raise ArgumentError(f"{parameter}={name!r} is no column; {choices(name, known)}")


def group_value(data: Dataset, table: str, name: str) -> Expression:
    """The value that a row gives its customer; blank text is no value."""
    is_text = data.tables[table].columns[name].startswith("VARCHAR")
    return parse("nullif(trim(_x), '')", x=column(name)) if is_text else column(name)


@dataclass(frozen=True)
class GroupColumns:
    """Columns of a statement that hold the groups.

    Parameters
    ----------
    names : tuple of str
        g0, g1, ...
    selected : str
        The same, as they follow other columns.
    joins : str
        What joins them to rows with a customer_id.
    """

    names: tuple[str, ...]
    selected: str
    joins: str


def group_columns(
    query: Query, data: Dataset, places: Mapping[str, str], values: Mapping[str, Expression] | None = None
) -> GroupColumns:
    """Add steps to a statement that give every customer's group.

    In a log the value at the customer's first row counts; `_time` has to be filled with its time. A name in `values`
    is no column but what is computed there from a row of its table.
    """
    own = values or {}
    joins = []
    for k, (name, table) in enumerate(places.items()):
        value = own[name] if name in own else group_value(data, table, name)
        if table == "customers":
            step, sql = f"people{k}", f"SELECT customer_id, _by{k} AS g{k} FROM customers"
        else:
            # of several rows at once, the smallest value, so that the answer is always the same
            step, first = f"first{k}", f"min(struct_pack(t := _time, v := _by{k})).v"
            sql = f"SELECT customer_id, {first} AS g{k} FROM log GROUP BY customer_id"
        query.step(step, sql, **{f"by{k}": value})
        joins.append(f" LEFT JOIN {step} USING (customer_id)")
    names = tuple(f"g{k}" for k in range(len(places)))
    return GroupColumns(names, "".join(f", {name}" for name in names), "".join(joins))


def encode_groups(result: pa.Table, names: Sequence[str]) -> tuple[Groups, Ints]:
    """Distinct group values in a stable order, unknown last, and the code of each row."""
    if not names:
        return ((),), np.zeros(result.num_rows, dtype=np.int64)
    code = np.zeros(result.num_rows, dtype=np.int64)
    first = code[:0]
    for name in names:
        # numbers for the combinations of the columns so far, and a row that has each
        column_code = _encode(result.column(name))
        code = code * (column_code.max(initial=0) + 1) + column_code
        _, first, code = np.unique(code, return_index=True, return_inverse=True)
    columns = [result.column(name).take(pa.array(first)).to_pylist() for name in names]
    rows = [tuple(None if value != value else value for value in row) for row in zip(*columns, strict=True)]
    distinct = sorted(set(rows), key=lambda row: tuple((value is None, str(type(value)), value) for value in row))
    place = {row: k for k, row in enumerate(distinct)}
    return tuple(distinct), np.array([place[row] for row in rows], dtype=np.int64)[code]


def _encode(values: pa.ChunkedArray) -> Ints:
    """A number for every distinct value, 0 where there is none."""
    if not len(values) or pa.types.is_null(values.type):  # nothing at all has no dictionary to be unified
        return np.zeros(len(values), dtype=np.int64)
    chunks = values.dictionary_encode().unify_dictionaries().chunks
    codes = [np.zeros(0, dtype=np.int64)]
    codes += [chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
    return np.concatenate(codes) + 1


def integers(result: pa.Table, name: str) -> Ints:
    """A column of whole numbers."""
    return np.asarray(result.column(name).to_numpy(), dtype=np.int64)


def objects(values: pa.ChunkedArray) -> Objects:
    """A column of anything, identifiers for one."""
    result = np.empty(len(values), dtype=object)
    result[:] = values.to_pylist()
    return result


def stack_groups(by: Sequence[str], groups: Groups, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame a group, on top of each other, the group's values in front; by_age where age is taken."""
    for values, frame in zip(groups, frames, strict=True):
        taken = set(frame.columns)
        for position, (name, value) in enumerate(zip(by, values, strict=True)):
            frame.insert(position, f"by_{name}" if name in taken else name, [value] * len(frame))
    return pd.concat(frames, ignore_index=True)
