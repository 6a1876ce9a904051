"""Covariates that change with time: 1 for a while after something happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset
from kbind.dataset.schema import TABLES
from kbind.engine.engine import Expression, column, literal, parse
from kbind.errors import ArgumentError, NotEnoughData, check_name, did_you_mean, listed, told
from kbind.survival.lifetimes import Lives, months_between

#: So many levels of a column are looked through for a near miss.
_LOOK_THROUGH = 1000


@dataclass(frozen=True)
class After:
    """A covariate that changes with time: 1 after something happened to the customer, else 0.

    Parameters
    ----------
    table : str
        Table whose rows say what happened, such as "contacts"; several rows a customer are fine.
    time : str
        Its column that says when, such as "end". Rows without a time count as not happened.
    where : mapping, optional
        Column -> value, or list of values, that a row must have.
    window : str, optional
        How long it holds, such as "90D". Windows that overlap are one. Default: from then on.
    lag : str
        How long after its time it begins to hold. Give one where leaving itself makes such rows: the contact
        persons of a customer who goes are closed shortly before the contract is.

    Notes
    -----
    It holds strictly after the day of the row, so that what happens on the day of leaving explains nothing.

    Examples
    --------
    >>> import kbind as kb
    >>> kb.After("tickets", "opened", where={"severity": [3, 4]}, window="90D")
    After(table='tickets', time='opened', where={'severity': [3, 4]}, window='90D', lag='0D')
    """

    table: str
    time: str
    where: Mapping[str, object] | None = None
    window: str | None = None
    lag: str = "0D"

    def __post_init__(self) -> None:
        check_name("table", self.table, "the name of a table")
        check_name("time", self.time, "the name of a column")
        if self.where is not None and not isinstance(self.where, Mapping):
            raise ArgumentError(f"where={told(self.where)} is no mapping; allowed: {{column: value}}")
        days_of("lag", self.lag)
        if self.window is not None and not days_of("window", self.window):
            raise ArgumentError(f"window={self.window!r} is empty; allowed: at least a day, or None for good")

    def __str__(self) -> str:
        rows = "".join(f", {name} {_said(value)}" for name, value in (self.where or {}).items())
        begins = "" if not days_of("lag", self.lag) else f" from {self.lag} on"
        how_long = "" if self.window is None else f" for {self.window}"
        return f"after {self.table}.{self.time}{rows}{begins}{how_long}"


def _said(value: object) -> str:
    return " or ".join(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else str(value)


def spans_of(data: Dataset, lives: Lives, name: str, after: After, end: datetime | None) -> pa.Table:
    """Ages at which the covariate begins and ceases to hold: customer_id, begin, until (missing: never).

    Raises
    ------
    ArgumentError
        No such table, column or level, or durations without days.
    """
    if not isinstance(after, After):
        raise ArgumentError(f"after[{name!r}] is a {type(after).__name__}; allowed: kb.After(table, time, ...)")
    if lives.time is None or end is None:
        raise ArgumentError(
            f"after[{name!r}] needs to know when customers began: contracts or events; {data.name!r} has durations only"
        )
    if after.table not in data.tables:
        hint = did_you_mean(str(after.table), data.tables)
        raise ArgumentError(
            f"after[{name!r}]: {after.table!r} is no table; {hint}{data.name!r} has: {listed(data.tables)}"
        )
    _check_column(data, name, after.table, after.time)
    if not data.tables[after.table].columns[after.time].startswith(("TIMESTAMP", "DATE")):
        raise ArgumentError(f"after[{name!r}]: {after.time!r} of {after.table} holds no times")
    conditions = {f"having{k}": _condition(data, name, after.table, *one) for k, one in enumerate(_where(after))}
    until = "CAST(NULL AS DATE)" if after.window is None else "CAST(_when AS DATE) + _lag + _window"
    query = lives.query.copy().table(happenings=after.table).part(**conditions)
    query.step(
        "happened",
        f"SELECT customer_id, CAST(_when AS DATE) + _lag AS begins, {until} AS ends FROM happenings "
        f"WHERE _when < _as_of{''.join(f' AND _{key}' for key in conditions)}",
        when=data.wall_time(after.table, after.time),
        as_of=end,
        lag=days_of("lag", after.lag),
        window=None if after.window is None else days_of("window", after.window),
    )
    query.part(begin_age=months_between("since", "begins"), until_age=months_between("since", "ends"))
    return query.select(
        "SELECT customer_id, CAST(_begin_age AS DOUBLE) AS begin, CAST(_until_age AS DOUBLE) AS until "
        "FROM happened JOIN dated USING (customer_id) ORDER BY customer_id, begin, until"
    )


def _where(after: After) -> list[tuple[str, list[object]]]:
    return [
        (key, list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value])
        for key, value in (after.where or {}).items()
    ]


def _check_column(data: Dataset, name: str, table: str, wanted: str) -> None:
    known = [key for key in data.tables[table].columns if key != "customer_id"]
    if wanted not in known:
        raise ArgumentError(
            f"after[{name!r}]: {wanted!r} is no column of {table}; {did_you_mean(str(wanted), known)}"
            f"columns: {listed(known)}"
        )


def _condition(data: Dataset, name: str, table: str, wanted: str, values: list[object]) -> Expression:
    """That a column has one of some values, each of which has to occur."""
    _check_column(data, name, table, wanted)
    sql = "SELECT DISTINCT _x AS v FROM happenings WHERE NOT _x IS NULL ORDER BY v"
    found = data.engine.query(sql, tables={"happenings": table}, parts={"x": column(wanted)}).column("v").to_pylist()
    known = set(found)
    for value in values:
        if value not in known:
            if wanted in TABLES[table].columns and value in TABLES[table].columns[wanted].levels:
                raise NotEnoughData(f"after[{name!r}]: no row of {table} has {wanted}={value!r} yet")
            words = [str(level) for level in found[:_LOOK_THROUGH]]
            raise ArgumentError(
                f"after[{name!r}]: no row of {table} has {wanted}={value!r}; {did_you_mean(str(value), words)}"
                f"levels: {listed(words)}"
            )
    if not values:
        raise ArgumentError(f"after[{name!r}]: where[{wanted!r}] is empty; allowed: a value, or a list of them")
    return parse("list_contains(_values, _x)", values=literal(values), x=column(wanted))
