"""Customers counted by what was known when they came, how long they stayed, and what they paid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.customers import attribute_names, customers
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import integers
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, NotEnoughData, check_name
from kbind.personas.persona import Persona
from kbind.survival.durations import Durations
from kbind.typing import Array, Floats, Ints

#: Columns of `customers` that may say how a customer was won; the first that is there.
_CHANNELS = ("acquired_through", "channel")

#: What revenue is, by where it stands; else it is the column that a role names.
_MEANINGS = {"": "", "subscriptions.mrr": "mrr of the first contract recorded"}


@dataclass(frozen=True, eq=False)
class Members:
    """Distinct combinations of attributes and lives, with how many customers have them.

    Attributes
    ----------
    known : DataFrame
        One column an attribute, one row a combination.
    channel : str or None
        The one of them that says how customers were won.
    lives : Durations
        Of the same rows, without groups. In a snapshot everybody who has left left at 1, the one time that there is.
    exposure : ndarray of float, shape (rows,)
        Months at risk of one customer.
    n_revenue : ndarray of int, shape (rows,)
        Customers whose revenue is known.
    revenue, revenue_squared : ndarray of float, shape (rows,)
        Sums over them.
    snapshot : bool
        Only who has left is known, not when.
    meaning_revenue : str
        What revenue is; empty where none is known.
    """

    known: pd.DataFrame = field(repr=False)
    channel: str | None
    lives: Durations
    exposure: Floats = field(repr=False)
    n_revenue: Ints = field(repr=False)
    revenue: Floats = field(repr=False)
    revenue_squared: Floats = field(repr=False)
    snapshot: bool
    meaning_revenue: str

    @property
    def n(self) -> Ints:
        """Customers, shape (rows,)."""
        return self.lives.n

    @property
    def worth(self) -> float:
        """How many customers of equal revenue those with known revenue are worth (Kish)."""
        squares = float(self.revenue_squared.sum())
        return float(self.revenue.sum()) ** 2 / squares if squares > 0 else 0.0


def as_personas(personas: Persona | Sequence[Persona]) -> tuple[Persona, ...]:
    """One persona or several, each name once. Called first by every function that takes personas."""
    many: tuple[Any, ...] = (personas,)
    if isinstance(personas, Iterable) and not isinstance(personas, (str, bytes, type)):
        many = tuple(personas)
    strange = [p for p in many if not isinstance(p, Persona)]
    if strange or not many:
        what = "nothing" if not many else f"a {type(strange[0]).__name__}"
        raise ArgumentError(f"personas: {what} is no persona; read one first: kb.Persona.load(...)")
    names = [persona.name for persona in many]
    if len(set(names)) < len(names):
        raise ArgumentError(f"personas={names!r} names a persona twice")
    return many


def members(data: Dataset, attributes: Sequence[str], *, channel: str | None = None, as_of: object = None) -> Members:
    """Count customers by some columns of `customers`, how long they stayed, and what they paid.

    Parameters
    ----------
    data : Dataset
        With `customers`, and what `durations` needs.
    attributes : sequence of str
        Columns known at the time of sale.
    channel : str, optional
        Column that says how customers were won. Default: acquired_through or channel, if there.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data.

    Raises
    ------
    ArgumentError
        No such column, or what `durations` raises.
    """
    check_dataset(data)
    data.require("customers")
    columns = data.tables["customers"].columns
    if channel is None:
        channel = next((name for name in _CHANNELS if name in columns), None)
    else:
        attribute_names(data, check_name("channel", channel, "a column of customers"), parameter="channel")
    names = tuple(dict.fromkeys((*attributes, *((channel,) if channel else ()))))
    attribute_names(data, names)
    by = ("entry", "months", "cause")
    table = customers(data, names, (*by, "revenue_first"), as_of=as_of)
    lives = table.lives
    assert lives is not None
    paid = "revenue_first"
    found = table.count(
        by,
        f", count({paid}) AS n_paid, coalesce(sum({paid}), 0) AS paid, coalesce(sum({paid} * {paid}), 0) AS squared",
    )
    if not found.num_rows:
        raise NotEnoughData(f"{data.name!r} holds nobody before as_of={data.end_at(as_of)}")
    frame = found.to_pandas()
    left = frame["cause"].notna().to_numpy(dtype=bool)
    entry, duration = (np.array(frame[name], dtype=float) for name in ("entry", "months"))
    snapshot = lives.log == "customers"
    rows = len(frame)
    whole_lives = Durations(
        unit=lives.unit, by=(), groups=((),), causes=("left",), group=np.zeros(rows, dtype=np.int64),
        entry=np.zeros(rows) if snapshot else entry, duration=np.ones(rows) if snapshot else duration,
        cause=left.astype(np.int64), n=integers(found, "n").copy(), log=lives.log, meaning=lives.meaning,
        provenance=Provenance.of(data, data.end_at(as_of) if lives.time else data.as_of),
        days=lives.days,
    )  # fmt: skip
    return Members(
        known=frame[[f"c{k}" for k in range(len(names))]].set_axis(list(names), axis=1),
        channel=channel,
        lives=whole_lives,
        exposure=np.maximum(duration - entry, 0),
        n_revenue=integers(found, "n_paid"),
        revenue=np.array(frame["paid"], dtype=float),
        revenue_squared=np.array(frame["squared"], dtype=float),
        snapshot=snapshot,
        meaning_revenue=_MEANINGS.get(table.revenue_from, f"{table.revenue_from}, a month"),
    )


def part_of(whole: Members, rows: Array) -> Members:
    """Some rows only."""
    lives = whole.lives
    values = {name: getattr(lives, name)[rows] for name in ("group", "entry", "duration", "cause", "n")}
    own = {name: getattr(whole, name)[rows] for name in ("exposure", "n_revenue", "revenue", "revenue_squared")}
    return replace(whole, known=whole.known[rows].reset_index(drop=True), lives=replace(lives, **values), **own)
