"""One customer of a data set: attributes, and what happened to it, in the order of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.schema import TABLES, Kind
from kbind.engine.engine import parse
from kbind.errors import ArgumentError, listed, shown
from kbind.result import Shown

_COLUMNS = ["when", "table", "what", "value"]
#: Times of things to come, which are known when the row begins.
_AHEAD = ("term_end",)


@dataclass(frozen=True, eq=False)
class Timeline(Shown):
    """One customer. Made by `Dataset.customer`.

    Attributes
    ----------
    customer_id : str
    attributes : dict of str to object
        What `customers` says of it, without what is empty.
    rows : dict of str to DataFrame
        Its rows in every other table, times on the clock on the wall.
    as_of : datetime or None
        End of the data.
    """

    customer_id: str
    attributes: Mapping[str, Any]
    rows: Mapping[str, pd.DataFrame] = field(repr=False)
    as_of: datetime | None
    _frame: pd.DataFrame = field(repr=False)

    @property
    def definition(self) -> str:
        """What the rows are."""
        return (
            f"Everything recorded of customer {self.customer_id}: a row for each time in each table, oldest first; for "
            "internal use."
        )

    def headline(self) -> str:
        """Who, and how many rows."""
        return f"customer {self.customer_id}, {len(self._frame):,} rows"

    def to_frame(self) -> pd.DataFrame:
        """One row a moment.

        Returns
        -------
        DataFrame
            when (on the clock on the wall), table, what (the column that holds the time: start, opened ...), value
            (the other columns of the row, as text).
        """
        return self._frame.copy()


def timeline(data: Dataset, customer_id: Any) -> Timeline:
    """What a data set holds of one customer; see `Dataset.customer`."""
    check_dataset(data)
    named = isinstance(customer_id, (str, int)) and not isinstance(customer_id, bool)
    if not named and type(customer_id).__name__ not in ("int64", "int32"):
        raise ArgumentError(f"customer_id={shown(customer_id)} names no customer; allowed: an id as the data has it")
    rows = {name: _rows(data, name, str(customer_id)) for name, table in data.tables.items() if table.names_customers}
    rows = {name: frame for name, frame in rows.items() if len(frame)}
    if not rows:
        raise ArgumentError(f"customer_id={shown(customer_id)} is in no table; tables: {listed(data.tables)}")
    people = rows.get("customers", pd.DataFrame())
    first = people.iloc[0].dropna().to_dict() if len(people) else {}
    attributes = {str(name): value for name, value in first.items() if name != "customer_id"}
    moments = [part for name, frame in rows.items() for part in _moments(name, frame)]
    frame = pd.concat(moments, ignore_index=True) if moments else pd.DataFrame(columns=_COLUMNS)
    if data.as_of is not None and len(frame):
        frame = frame[(frame["when"] < data.as_of) | frame["what"].isin(_AHEAD)]
    frame = frame.sort_values(["when", "table", "what"], kind="stable", ignore_index=True)
    others = {name: part for name, part in rows.items() if name != "customers"}
    return Timeline(str(customer_id), attributes, others, data.as_of, frame)


def _rows(data: Dataset, table: str, customer_id: str) -> pd.DataFrame:
    """The customer's rows that were there by the end of the data, in order."""
    times = _times(table)
    parts: dict[str, object] = {"id": customer_id, "as_of": data.as_of}
    known = {name: data.wall_time(table, name) for name in times if name in data.tables[table].columns}
    selected = ", ".join(f"_{name} AS {name}" for name in known)
    replaced = f" REPLACE ({selected})" if known else ""
    happened = TABLES[table].time
    until = " AND (_happened IS NULL OR _happened < _as_of)" if data.as_of is not None and happened in known else ""
    parts |= {**known, "happened": known.get(happened, parse("NULL"))}
    used = {name: part for name, part in parts.items() if f"_{name}" in f"{replaced}{until} _id"}
    sql = f"SELECT *{replaced} FROM t WHERE CAST(customer_id AS VARCHAR) = _id{until}"
    frame: pd.DataFrame = data.engine.query(sql, tables={"t": table}, parts=used).to_pandas()
    return frame


def _times(table: str) -> list[str]:
    return [name for name, column in TABLES[table].columns.items() if column.kind is Kind.TIME]


def _moments(table: str, frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows once for each of their times."""
    times = [name for name in _times(table) if name in frame]
    rest = [name for name in frame if name not in times and name != "customer_id"] if table != "customers" else []
    value = frame[rest].apply(
        lambda row: ", ".join(f"{name}={cell}" for name, cell in row.items() if not pd.isna(cell)), axis=1
    )
    found = []
    for name in times:
        there = frame[name].notna()
        if there.any():
            when = pd.to_datetime(frame.loc[there, name]).astype("datetime64[us]")
            said = value[there] if rest else ""
            found.append(pd.DataFrame({"when": when, "table": table, "what": name, "value": said})[_COLUMNS])
    return found
