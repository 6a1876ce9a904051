"""One row a customer with what is known about it, and what happened to it on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import group_columns, objects, place_columns
from kbind.dataset.provenance import Provenance
from kbind.dataset.reading.base import kind_of
from kbind.errors import ArgumentError, NotEnoughData
from kbind.survival.after import After, spans_of
from kbind.survival.durations import observed_lives
from kbind.survival.lifetimes import Lives
from kbind.survival.windows import Pieces, Windows, cut
from kbind.typing import Array, Bools, Floats, Ints, Objects

__all__ = ["After", "Histories", "Pieces", "histories"]


@dataclass(frozen=True, eq=False)
class Histories:
    """Customers one by one: how long observed, how it ended, attributes, and the ages at which something happened.

    Attributes
    ----------
    customer_id : ndarray of object, shape (customers,)
    entry, duration : ndarray of float, shape (customers,)
        Age at which observation began (0: from the origin on) and ended.
    cause : ndarray of object, shape (customers,)
        What the customer was lost to; None for customers who are still there.
    columns : dict of str to ndarray, shape (customers,)
        Attributes: numbers with NaN where unknown, or text with None.
    kinds : dict of str to {"number", "flag", "text"}
        What each column holds.
    windows : dict of str to Windows
        Stretches of age in which a covariate that changes is 1.
    causes : tuple of str
        What `cause` may be.
    meaning : str
        What counts as leaving.
    left_out : int
        Customers whose observation began when it ended, so that they were never at risk.
    unknown : mapping of str to int
        Customers who were left out because a number is missing, by its column.
    unit : str
        Of entry and duration.
    """

    customer_id: Objects
    entry: Floats
    duration: Floats
    cause: Objects
    columns: dict[str, Array]
    kinds: dict[str, str]
    windows: dict[str, Windows]
    causes: tuple[str, ...]
    meaning: str
    left_out: int
    provenance: Provenance = field(repr=False)
    unknown: Mapping[str, int] = field(default_factory=dict)
    unit: str = "month"

    def __len__(self) -> int:
        return len(self.customer_id)

    @property
    def definition(self) -> str:
        """What counts as leaving, in one sentence."""
        late = int((self.entry > 0).sum())
        delayed = f" {late:,} {self.provenance.customer}s are observed only from a later age on." if late else ""
        gone = f" Left out, because never observed at risk: {self.left_out:,}." if self.left_out else ""
        gone += "".join(f" Left out, because {name} is missing: {n:,}." for name, n in self.unknown.items() if n)
        return f"{self.meaning}; {self.unit}s since the origin.{delayed}{gone} {self.provenance}"

    def pieces(self) -> Pieces:
        """Every customer's time at risk, cut where a covariate changes."""
        return cut(self.entry, self.duration, list(self.windows.values()))

    def gone(self, cause: str | None = None) -> Bools:
        """Who has left, perhaps for one cause only."""
        if cause is not None:
            return np.asarray(self.cause == cause, dtype=bool)
        return np.array([value is not None for value in self.cause], dtype=bool)


def histories(
    data: Dataset,
    columns: Mapping[str, str],
    after: Mapping[str, After] | None = None,
    *,
    complete: bool = False,
) -> Histories:
    """One row a customer.

    Parameters
    ----------
    data : Dataset
    columns : mapping of str to str
        Column of `customers`, or of the log (then its first value counts) -> the argument that asks for it, for errors.
    after : mapping of str to After, optional
        Covariates that change with time.
    complete : bool
        Leave out customers of whom one of the numbers is missing, and count them.

    Returns
    -------
    Histories

    Raises
    ------
    ArgumentError
        No such table or column, a column of times, or nobody before the end of the data.
    """
    check_dataset(data)
    lives = observed_lives(data)
    places: dict[str, str] = {}
    for name, parameter in columns.items():
        places |= place_columns(data, lives.log, [name], parameter)
    kinds = {name: _kind(data, places[name], name, columns[name]) for name in places}
    found = _query(data, lives, places)
    if not found.num_rows:
        raise NotEnoughData(f"{lives.log} of {data.name!r} holds nobody before as_of={data.as_of}")
    entry, duration = (np.array(found.column(name).to_numpy(), dtype=float) for name in ("entry", "duration"))
    # who enters at the moment of leaving was never at risk
    kept = at_risk = (entry < duration) | (entry <= 0)
    read = {name: _values(found.column(f"g{k}"), kinds[name]) for k, name in enumerate(places)}
    unknown = {name: np.isnan(read[name]) for name in places if complete and kinds[name] == "number"}
    for name, missing in unknown.items():
        if missing[kept].all():
            raise NotEnoughData(f"{columns[name]}={name!r} is missing for every customer; leave it out")
        kept = kept & ~missing
    identifiers = objects(found.column("customer_id"))[kept]
    values = {name: column[kept] for name, column in read.items()}
    spans = {name: spans_of(data, lives, name, one, data.as_of) for name, one in (after or {}).items()}
    return Histories(
        customer_id=identifiers,
        entry=np.maximum(entry[kept], 0.0),
        duration=duration[kept],
        cause=objects(found.column("cause"))[kept],
        columns=values,
        kinds=kinds,
        windows={name: windows_of(table, identifiers) for name, table in spans.items()},
        causes=lives.causes,
        meaning=lives.meaning,
        left_out=int((~at_risk).sum()),
        provenance=Provenance.of(data, data.as_of),
        unknown={name: int((missing & at_risk).sum()) for name, missing in unknown.items()},
    )


def _query(data: Dataset, lives: Lives, places: Mapping[str, str]) -> pa.Table:
    query = lives.query.copy()
    if lives.time is not None:
        query.part(time=data.wall_time(lives.log, lives.time))
    values = group_columns(query, data, places)
    return query.select(
        f"SELECT customer_id, entry, duration, cause{values.selected} FROM lives{values.joins} ORDER BY customer_id"
    )


def _kind(data: Dataset, table: str, name: str, parameter: str) -> str:
    physical = data.tables[table].columns[name]
    if physical.startswith(("TIME", "DATE", "INTERVAL")):
        raise ArgumentError(f"{parameter}={name!r} holds times; turn it into a number or a group first")
    kind = kind_of(physical)
    return kind if kind in ("number", "flag") else "text"


def _values(values: pa.ChunkedArray, kind: str) -> Array:
    if kind == "text":
        return np.array([None if value is None else str(value) for value in values.to_pylist()], dtype=object)
    whole = values.cast(pa.int8()) if kind == "flag" else values
    return np.array(whole.cast(pa.float64(), safe=False).to_numpy(), dtype=float)


def windows_of(spans: pa.Table, identifiers: Sequence[object] | Objects) -> Windows:
    """Spans of customers by their position."""
    position = {identifier: k for k, identifier in enumerate(identifiers)}
    who: Ints = np.array([position.get(value, -1) for value in spans.column("customer_id").to_pylist()], dtype=np.int64)
    begin = np.array(spans.column("begin").to_numpy(), dtype=float)
    until = np.array(spans.column("until").to_numpy(), dtype=float)
    known = who >= 0
    return Windows(who[known], begin[known], np.where(np.isnan(until), np.inf, until)[known])
