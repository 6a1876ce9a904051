"""What was found in a data set, column by column, with what each means: the words of `kbind check`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kbind.dataset.checks import CheckedTable
from kbind.dataset.dataset import Dataset
from kbind.dataset.reading.base import kind_of
from kbind.dataset.schema import TABLES, Kind
from kbind.dataset.spellings import spellings, values_of
from kbind.engine.engine import column, parse
from kbind.errors import listed, plain

#: Columns whose typical value tells which unit they are in, and what that unit is.
_TYPICAL = {("subscriptions", "mrr"): "a month"}


def describe(data: Dataset) -> str:
    """Every column that is used, with its meaning and what it holds; the others; the roles with their counts.

    Examples
    --------
    >>> import pandas as pd
    >>> from kbind.dataset.opening import open_dataset
    >>> terms = pd.DataFrame({"customer_id": [1, 2], "start": "2024-01-01", "mrr": [120, 240], "shop": ["a", "b"]})
    >>> print(describe(open_dataset({"subscriptions": terms})))
    subscriptions: frame 'subscriptions', 2 rows
      customer_id: whose contract it is | 2 filled
      start: first day or moment of the contract | 2 filled, 2024-01-01 to 2024-01-01
      mrr: revenue of the contract a month, in the currency of the data (yearly price / 12) | 2 filled, 120 to 240; \
half of them up to 180 a month
      of no meaning of their own, kept as attributes: shop
    """
    lines = [line for table in data.tables.values() for line in _table(data, table)]
    return "\n".join([*lines, *_roles(data)])


def _table(data: Dataset, table: CheckedTable) -> Iterator[str]:
    contract = TABLES[table.name].columns
    yield f"{table.name}: {table.label}, {table.rows:,} rows"
    known = {name: kind for name, kind in table.every.items() if name in contract}
    found = _found(data, table, known)
    for name in (name for name in contract if name in known):
        named = table.names.get(name, name)
        origin = "" if named == name else f" (from {plain(named)!r})"
        apart = ", in several currencies and not added up" if name in table.apart else ""
        yield f"  {name}{origin}: {contract[name].meaning} | {found[name]}{apart}"
    others = [name for name in table.columns if name not in contract]
    if others:
        yield f"  of no meaning of their own, kept as attributes: {listed(others)}"


def _found(data: Dataset, table: CheckedTable, columns: dict[str, str]) -> dict[str, str]:
    """How many rows have a value, and from where to where the values reach."""
    contract = TABLES[table.name].columns
    asked = {f"{name}:n": parse("count(_x)", x=column(name)) for name in columns}
    for name, kind in columns.items():
        if contract[name].kind is Kind.TIME or (kind_of(kind) == "number" and contract[name].kind is Kind.NUMBER):
            asked |= {f"{name}:{part}": parse(f"{part}(_x)", x=column(name)) for part in ("min", "max")}
        if (table.name, name) in _TYPICAL:
            asked[f"{name}:half"] = parse("median(_x)", x=column(name))
    seen = data.engine.aggregate(table.name, asked)
    result = {}
    for name in columns:
        filled = int(seen[f"{name}:n"])
        of = "" if filled == table.rows else f" of {table.rows:,}"
        result[name] = f"{filled:,}{of} filled"
        if seen.get(f"{name}:min") is not None:
            low, high = (_value(data, seen[f"{name}:{part}"]) for part in ("min", "max"))
            result[name] += f", {low} to {high}"
        if seen.get(f"{name}:half") is not None:
            result[name] += f"; half of them up to {_value(data, seen[f'{name}:half'])} {_TYPICAL[table.name, name]}"
    return result


def _value(data: Dataset, value: object) -> str:
    if isinstance(value, datetime):
        return f"{data.wall_clock(value):%Y-%m-%d}"
    return f"{value:,.10g}"


def _roles(data: Dataset) -> Iterator[str]:
    """The columns that play a part, and how many customers they say it of."""
    rows = data.tables["customers"].rows if "customers" in data.tables else 0
    for role, entry in data.roles.items():
        name = plain(entry.column)
        if role == "churned" or entry.value is not None:
            values = values_of(data.engine, "customers", entry.column)
            meant = spellings(values, entry)[0]
            n = sum(values[value] for value in meant)
            yield f"{role}: {n:,} of {rows:,} ({name}: {', '.join(plain(value, 20) for value in meant) or 'none'})"
        else:
            filled = data.engine.aggregate("customers", {"n": parse("count(_x)", x=column(entry.column))})["n"]
            yield f"{role}: {filled:,} of {rows:,} filled ({name})"
