"""One table of customers: what they are like, whether and when they left, what they paid, why they left.

Segments take its rows (`roster`); contrasts, personas and their refinement count them (`profiles`, `members`,
`prospects`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from kbind.dataset.config import Role
from kbind.dataset.dataset import Dataset
from kbind.dataset.flags import says_yes
from kbind.dataset.groups import names_of
from kbind.dataset.reading.base import kind_of
from kbind.dataset.schema import TABLES, Kind
from kbind.engine.engine import Expression, column, parse
from kbind.engine.query import Query
from kbind.errors import ArgumentError, NotEnoughData, check_name, choices, did_you_mean, listed
from kbind.survival.durations import observed_lives
from kbind.survival.lifetimes import Lives

#: Roles of columns that tell the outcome rather than what a customer is like.
_TELLING = ("churned", "entry", "cause")

#: What was paid a month, where contracts say it: those that began first, or ended last, of several together the sum.
_PAID = {
    "revenue_first": ("_paid_from", "CASE WHEN count(*) = count(mrr) THEN sum(mrr) END", "min"),
    "revenue_last": ("least(coalesce(_paid_until, _paid_to), _paid_to)", "sum(mrr)", "max"),
}


@dataclass(frozen=True)
class Outcome:
    """How the data tells who has left.

    Parameters
    ----------
    flag : Expression or None
        Of a row of customers, called p; None where contracts or a log tell.
    column : str
        The column that tells; empty for contracts and logs.
    meaning : str
    """

    flag: Expression | None = None
    column: str = ""
    meaning: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that tells, if one does."""
        return (self.column,) if self.column else ()


@dataclass(frozen=True)
class Customers:
    """A statement whose last step `people` has a row a customer: the columns asked for, and attributes c0, c1, ...

    Parameters
    ----------
    query : Query
    keys : tuple of str
        c0, c1, ...
    meaning : str
        What counts as having left.
    revenue_from : str
        Where it stands what customers pay; empty if nowhere.
    lives : Lives or None
        What entry, months and cause are from; None where only a flag tells who has left.
    """

    query: Query
    keys: tuple[str, ...]
    meaning: str
    revenue_from: str
    lives: Lives | None

    def count(self, by: Sequence[str] = (), sums: str = "") -> pa.Table:
        """One row a combination of columns and attributes, with the number of customers `n` and sums over them."""
        keys = ", ".join((*by, *self.keys))
        return self.query.select(f"SELECT {keys}, count(*) AS n{sums} FROM people GROUP BY {keys} ORDER BY {keys}")


def customers(
    data: Dataset,
    attributes: Sequence[str],
    columns: Sequence[str],
    outcome: Outcome | None = None,
    *,
    as_of: object = None,
    timed: bool = False,
    **more: Expression,
) -> Customers:
    """The table of customers.

    Parameters
    ----------
    data : Dataset
    attributes : sequence of str
        Columns of `customers`, checked before.
    columns : sequence of str
        Which there shall be of customer_id, gone, entry, months (when observation began and ended), cause,
        revenue_first, revenue_last (a month) and reason (stated last); unknown where the data does not tell.
    outcome : Outcome, optional
        Default: as contracts, a log or roles tell it.
    as_of : date, datetime or ISO text, optional
        An earlier end of contracts and logs.
    timed : bool
        Whether entry and months have to be known, whatever tells who has left.
    **more
        Further columns: values of a row of customers, called p.

    Raises
    ------
    ArgumentError
        Somebody's outcome cannot be read.
    """
    flag, meaning = (outcome.flag, outcome.meaning) if outcome else (None, "")
    lives = observed_lives(data, as_of=as_of) if flag is None or timed else None
    query = Query(data.engine) if lives is None else lives.query
    values = {"customer_id": "p.customer_id", "gone": "NOT l.cause IS NULL"}
    if flag is not None:
        query.part(flag=flag)
        values["gone"] = "_flag"
    if lives is not None:
        values |= {"entry": "greatest(l.entry, 0)", "months": "l.duration", "cause": "l.cause"}
        source = "lives AS l JOIN customers AS p ON p.customer_id = l.customer_id"
    else:
        tenure = data.roles.get("tenure")
        query.part(tenure=column(tenure.column, "p") if tenure else None)
        values |= {"entry": "CAST(0 AS DOUBLE)", "months": "CAST(_tenure AS DOUBLE)"}
        source = "customers AS p"
    for name in columns:
        if name in _PAID:
            values[name] = _add_revenue(query, data, name, as_of)
        elif name == "reason":
            values[name] = _add_reason(query, data)
        if name in query.steps:
            source += f" LEFT JOIN {name} ON {name}.customer_id = p.customer_id"
    keys = tuple(f"c{k}" for k in range(len(attributes)))
    query.part(**dict(zip(keys, (row_value(data, name) for name in attributes), strict=True)), **more)
    selected = [f"{values[name]} AS {name}" for name in columns] + [f"_{name} AS {name}" for name in (*more, *keys)]
    query.step("people", f"SELECT {', '.join(selected)} FROM {source}")
    if flag is not None:
        _check_outcomes(query, data)
    if lives is not None and not meaning:
        meaning = f"{lives.meaning}."
    return Customers(query, keys, meaning, revenue_from(data), lives)


def _check_outcomes(query: Query, data: Dataset) -> None:
    unknown = query.select("SELECT count(*) - count(gone) AS n FROM people").column("n")[0].as_py()
    if unknown:
        raise ArgumentError(f"{unknown:,} customers of {data.name!r} have no readable outcome; complete or remove them")


def revenue_from(data: Dataset) -> str:
    """Where it stands what customers pay a month: the column with that role, else contracts; empty if nowhere."""
    if "revenue" in data.roles:
        return data.roles["revenue"].column
    return "subscriptions.mrr" if data.has("subscriptions.mrr") and data.as_of is not None else ""


def _add_revenue(query: Query, data: Dataset, name: str, as_of: object) -> str:
    """What a customer paid first or last; what is paid later grows with the time that a customer stays."""
    if "revenue" in data.roles:
        query.part(revenue=column(data.roles["revenue"].column, "p"))
        return "CAST(_revenue AS DOUBLE)"
    if not revenue_from(data):
        return "CAST(NULL AS DOUBLE)"
    time, paid, which = _PAID[name]
    begin, end = data.wall_time("subscriptions", "start"), data.wall_time("subscriptions", "end")
    query.step(
        f"{name}_at",
        f"SELECT customer_id, {time} AS t, CAST({paid} AS DOUBLE) AS v FROM subscriptions WHERE _paid_from < _paid_to "
        f"GROUP BY customer_id, {time}",
        paid_from=begin,
        paid_until=end,
        paid_to=data.end_at(as_of),
    )
    query.step(
        name, f"SELECT customer_id, {which}(struct_pack(t := t, v := v)).v AS v FROM {name}_at GROUP BY customer_id"
    )
    return f"{name}.v"


def _add_reason(query: Query, data: Dataset) -> str:
    if not data.has("cancellations.reason"):
        return "CAST(NULL AS VARCHAR)"
    query.step(
        "reason",
        "SELECT customer_id, max(struct_pack(t := _said_at, v := _given)).v AS v FROM cancellations "
        "GROUP BY customer_id",
        said_at=data.wall_time("cancellations", "timestamp"),
        given=parse("nullif(trim(_x), '')", x=column("reason")),
    )
    return "reason.v"


def outcome_of(data: Dataset, outcome: str) -> Outcome:
    """How it is told who has left: by a column of customers, else by contracts or a log."""
    columns = data.tables["customers"].columns
    role = data.roles.get("churned")
    check_name("outcome", outcome, "'churned' or a column of customers")
    if outcome == "churned" and role is None and outcome not in columns:
        return Outcome()
    if role is None or outcome not in ("churned", role.column):
        role = Role(outcome)
    name = role.column
    if name not in columns or name == "customer_id":
        known = [c for c in columns if c != "customer_id"]
        hint = did_you_mean(str(name), ("churned", *known))
        raise ArgumentError(
            f"outcome={outcome!r} is neither 'churned' nor a column of customers; {hint}columns: {listed(known)}"
        )
    return Outcome(says_yes(data, role, "p"), name, f"A {data.card.customer} has left if {name} says so.")


def attribute_names(
    data: Dataset, attributes: str | Sequence[str] | None, *, without: Sequence[str] = (), parameter: str = "attributes"
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of `customers` asked for, or all that can be compared; and what was left out."""
    columns = data.tables["customers"].columns
    if attributes is not None:
        names = names_of(attributes, parameter)
        for name in names:
            check_attribute(data, name, parameter)
            if name in without:
                raise ArgumentError(f"{parameter}={name!r} is the outcome itself; leave it out")
        return names, ()
    telling = {data.roles[role].column for role in _TELLING if role in data.roles} | set(without)
    identifies = {name for name, column in TABLES["customers"].columns.items() if column.kind is Kind.ID}
    usable = [name for name in columns if name not in telling | identifies]
    times = [name for name in usable if kind_of(columns[name]) == "other"]
    notes = (f"Left out, because they hold times: {listed(times)}.",) if times else ()
    return tuple(name for name in usable if name not in times), notes


def check_attribute(data: Dataset, name: str, parameter: str) -> None:
    """Refuse what is no column of customers."""
    known = [c for c in data.tables["customers"].columns if c != "customer_id"]
    if name not in known:
        raise ArgumentError(f"{parameter}={name!r} is no column of customers; {choices(name, known)}")


def attribute_kind(data: Dataset, name: str, parameter: str) -> str:
    """What a column of customers holds: "number", "flag" or "text"; times cannot be compared."""
    check_attribute(data, name, parameter)
    kind = kind_of(data.tables["customers"].columns[name])
    if kind == "other":
        raise ArgumentError(f"{parameter}={name!r} holds times; turn it into a number or a group first")
    return kind


def check_both(data: Dataset, left: int, n: int) -> None:
    """Refuse customers of whom nobody has left, or nobody has stayed."""
    if not 0 < left < n:
        nobody = "has left" if not left else "has stayed"
        raise NotEnoughData(f"nobody of {n:,} customers of {data.name!r} {nobody}; there is nothing to compare")


def row_value(data: Dataset, name: str) -> Expression:
    """The value of a row of customers, which is called p in the statement; blank text is none."""
    value = column(name, "p")
    if kind_of(data.tables["customers"].columns[name]) != "text":
        return value
    return parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=value)
