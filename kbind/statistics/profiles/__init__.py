"""Customers counted by what they are like and whether they have left: the sufficient statistic of contrasts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kbind.data.dataset import Dataset, check_dataset
from kbind.data.dataset.config import Role
from kbind.data.dataset.flags import says_yes
from kbind.data.dataset.schema import TABLES, Kind
from kbind.data.engine import Expression, column, parse
from kbind.errors import ArgumentError, NotEnoughData, check_name, did_you_mean, listed, told
from kbind.statistics.durations import end_of, observed_lives
from kbind.statistics.groups import Ints, integers, names_of
from kbind.statistics.profiles.levels import (
    MISSING,
    Attribute,
    Floats,
    attribute_of,
    describing,
    kind_of,
    naming,
    numbers_of,
)
from kbind.statistics.profiles.structure import Structural, find_structure
from kbind.statistics.result import Provenance

__all__ = ["MISSING", "Attribute", "Profiles", "Structural", "attribute_names", "outcome_of", "profiles", "row_value"]

#: As many dummies a regression can bear.
_MOST_HELD = 100

#: Roles of columns that tell the outcome rather than what a customer is like.
_TELLING = ("churned", "entry", "cause")


@dataclass(frozen=True, eq=False)
class Profiles:
    """Distinct combinations of attributes, with how many customers have them and how many of these have left.

    Attributes
    ----------
    attributes : tuple of Attribute
        What is compared; their codes have one entry a row.
    levels : dict of str to Attribute
        What is adjusted for, where it has levels.
    numbers : dict of str to ndarray of float, shape (rows,)
        What is adjusted for, where it is a number; NaN where unknown.
    n, left : ndarray of int, shape (rows,)
        Customers, and those of them who have left.
    time : ndarray of float, shape (rows,) or None
        Time at risk of all of them, where it was asked for.
    structural : tuple of Structural
        Levels that mean that an attribute does not apply.
    same : dict of str to str
        Columns that divide the customers as an earlier one does.
    notes : tuple of str
        Columns that were left out, and why.
    meaning : str
        What counts as having left.
    exposure : str
        What the time at risk is; empty without.
    values : dict of str to ndarray, shape (rows,)
        Of what is compared, the values themselves: numbers before they are cut into ranges, NaN or None where unknown.
    """

    attributes: tuple[Attribute, ...]
    levels: dict[str, Attribute] = field(repr=False)
    numbers: dict[str, Floats] = field(repr=False)
    n: Ints = field(repr=False)
    left: Ints = field(repr=False)
    time: Floats | None = field(repr=False)
    structural: tuple[Structural, ...]
    same: dict[str, str]
    notes: tuple[str, ...]
    meaning: str
    exposure: str
    provenance: Provenance
    customer: str = "customer"
    values: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)


def profiles(
    data: Dataset,
    outcome: str = "churned",
    *,
    attributes: str | Sequence[str] | None = None,
    adjust: str | Sequence[str] | None = None,
    exposure: str | bool | None = None,
    as_of: object = None,
) -> Profiles:
    """Count customers by their attributes; see `contrast` for the parameters.

    Raises
    ------
    ArgumentError
        No such column, columns of times, unreadable outcomes, nobody left or nobody stayed, nothing to compare.
    """
    check_dataset(data)
    data.require("customers")
    gone, told_by, meaning = outcome_of(data, outcome)
    names, notes = attribute_names(data, attributes, without=(told_by,))
    held = names_of(adjust, "adjust")
    # what a level means shows in all columns, whichever of them are compared
    every, _ = attribute_names(data, None, without=(told_by,))
    asked = dict.fromkeys(held, "adjust") | dict.fromkeys(names, "attributes")
    kinds = {name: _kind(data, name, asked.get(name, "")) for name in dict.fromkeys((*every, *asked))}
    if told_by in held:
        raise ArgumentError(f"adjust={told_by!r} is the outcome itself; leave it out")
    if not names:
        raise NotEnoughData(f"customers of {data.name!r} has no attributes; there is nothing to compare")
    found, time, meaning = _count(data, tuple(kinds), gone, meaning, exposure, as_of)
    n, left = integers(found, "n"), integers(found, "churned")
    if not 0 < left.sum() < n.sum():
        nobody = "has left" if not left.sum() else "has stayed"
        raise NotEnoughData(f"nobody of {n.sum():,} customers of {data.name!r} {nobody}; there is nothing to compare")
    encoded = {name: attribute_of(name, kinds[name], found.column(f"c{k}"), n) for k, name in enumerate(kinds)}
    crowded = [name for name in held if kinds[name] != "number" and len(encoded[name].levels) > _MOST_HELD]
    if crowded:
        raise ArgumentError(
            f"adjust={crowded[0]!r} has {len(encoded[crowded[0]].levels):,} levels; allowed: at most {_MOST_HELD}; "
            "group them first"
        )
    described, naming_them, thin = describing(encoded, n)
    if attributes is not None and set(naming_them) & set(names):
        name = next(name for name in names if name in naming_them)
        raise ArgumentError(f"attributes={name!r} {naming(encoded[name])}")
    kept, more = _comparable([described[name] for name in names if name in described])
    structural, same = find_structure(list(described.values()), n)
    compared = {a.name for a in kept}
    return Profiles(
        attributes=tuple(kept),
        levels={name: encoded[name] for name in held if kinds[name] != "number"},
        numbers={
            name: numbers_of(found.column(f"c{k}")) for k, name in enumerate(kinds) if name in held and
            kinds[name] == "number"
        },
        n=n,
        left=left,
        time=None if time is None else np.array(found.column("time").to_numpy(), dtype=np.float64),
        structural=tuple(found for found in structural if found.attribute in compared),
        same=same,
        notes=(*notes, *thin, *more),
        meaning=meaning,
        exposure=time or "",
        provenance=Provenance(data.name, data.timezone, data.as_of if as_of is None else end_of(data, as_of)),
        customer=data.card.customer,
        values={
            name: numbers_of(found.column(f"c{k}")) if kinds[name] == "number" else _objects(found.column(f"c{k}"))
            for k, name in enumerate(kinds) if name in compared
        },
    )  # fmt: skip


def _objects(values: pa.ChunkedArray) -> NDArray[np.object_]:
    result = np.empty(len(values), dtype=object)
    result[:] = values.to_pylist()
    return result


def attribute_names(
    data: Dataset, attributes: str | Sequence[str] | None, *, without: Sequence[str] = (), parameter: str = "attributes"
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of `customers` asked for, or all that can be compared; and what was left out."""
    columns = data.tables["customers"].columns
    contract = TABLES["customers"].columns
    if attributes is not None:
        names = names_of(attributes, parameter)
        for name in names:
            if name not in columns or name == "customer_id":
                known = [c for c in columns if c != "customer_id"]
                hint = did_you_mean(str(name), known)
                raise ArgumentError(f"{parameter}={name!r} is no column of customers; {hint}columns: {listed(known)}")
            if name in without:
                raise ArgumentError(f"{parameter}={name!r} is the outcome itself; leave it out")
        return names, ()
    telling = {data.roles[role].column for role in _TELLING if role in data.roles} | set(without)
    identifies = {name for name, column in contract.items() if column.kind is Kind.ID}
    usable = [name for name in columns if name not in telling | identifies]
    times = [name for name in usable if kind_of(columns[name]) == "other"]
    notes = (f"Left out, because they hold times: {listed(times)}.",) if times else ()
    return tuple(name for name in usable if name not in times), notes


def _kind(data: Dataset, name: str, parameter: str) -> str:
    columns = data.tables["customers"].columns
    if name not in columns or name == "customer_id":
        known = [c for c in columns if c != "customer_id"]
        hint = did_you_mean(str(name), known)
        raise ArgumentError(f"{parameter}={name!r} is no column of customers; {hint}columns: {listed(known)}")
    kind = kind_of(columns[name])
    if kind == "other":
        raise ArgumentError(f"{parameter}={name!r} holds times; turn it into a number or a group first")
    return kind


def outcome_of(data: Dataset, outcome: str) -> tuple[Expression | None, str, str]:
    """Whether a row of customers says that it has left, the column that tells, and what that means.

    None where contracts or a log have to tell.
    """
    columns = data.tables["customers"].columns
    role = data.roles.get("churned")
    check_name("outcome", outcome, "'churned' or a column of customers")
    if outcome == "churned" and role is None and outcome not in columns:
        return None, "", ""
    if role is None or outcome not in ("churned", role.column):
        role = Role(outcome)
    name = role.column
    if name not in columns or name == "customer_id":
        known = [c for c in columns if c != "customer_id"]
        hint = did_you_mean(str(name), ("churned", *known))
        raise ArgumentError(
            f"outcome={outcome!r} is neither 'churned' nor a column of customers; {hint}columns: {listed(known)}"
        )
    told = says_yes(data, role, "p")
    return told, name, f"A {data.card.customer} has left if {name} says so."


def _count(
    data: Dataset, names: tuple[str, ...], gone: Expression | None, meaning: str, exposure: str | bool | None,
    as_of: object,
) -> tuple[pa.Table, str | None, str]:  # fmt: skip
    """One row a combination of the columns c0, c1, ...: n, churned and, where asked for, time."""
    lives = observed_lives(data, as_of=as_of) if gone is None or exposure is True else None
    parts = {f"c{k}": row_value(data, name) for k, name in enumerate(names)}
    parts["gone"] = parse("NOT l.cause IS NULL") if gone is None else gone
    tables, steps, source, time = {"customers": "customers"}, {}, "customers AS p", None
    if lives is not None:
        steps, source = dict(lives.query.steps), "lives AS l JOIN customers AS p ON p.customer_id = l.customer_id"
        parts |= lives.query.parts
        tables |= lives.query.tables
        meaning = meaning or f"{lives.meaning}."
    if exposure is True and lives is not None:
        parts["exposed"], time = parse("greatest(l.duration - greatest(l.entry, 0), 0)"), f"{lives.unit}s observed"
    elif isinstance(exposure, str):
        if _kind(data, exposure, "exposure") != "number":
            raise ArgumentError(f"exposure={exposure!r} is no number; allowed: a column with time at risk, or True")
        parts["exposed"], time = parse("CAST(_x AS DOUBLE)", x=column(exposure, "p")), exposure
    elif exposure is not None and not (isinstance(exposure, bool) and not exposure):
        raise ArgumentError(f"exposure={told(exposure)} is not known; allowed: a column with time at risk, or True")
    columns = ", ".join(f"c{k}" for k in range(len(names)))
    chosen = "".join(f", _c{k} AS c{k}" for k in range(len(names)))
    exposed = ", _exposed AS exposed" if time else ""
    summed = ", sum(exposed) AS time, min(exposed) AS shortest, count(exposed) AS timed" if time else ""
    steps["people"] = f"SELECT _gone AS gone{exposed}{chosen} FROM {source}"
    whole = ", ".join(f"{name} AS ({sql})" for name, sql in steps.items())
    found = data.engine.query(
        f"WITH {whole} SELECT {columns}, count(*) AS n, count(gone) AS known, "
        f"count(CASE WHEN gone THEN 1 END) AS churned{summed} FROM people GROUP BY {columns} ORDER BY {columns}",
        tables=tables,
        parts={name: part for name, part in parts.items() if re.search(rf"\b_{name}\b", whole)},
    )
    n = integers(found, "n")
    unknown = int(n.sum() - integers(found, "known").sum())
    if unknown:
        raise ArgumentError(f"{unknown:,} customers of {data.name!r} have no readable outcome; complete or remove them")
    if time:
        untimed = int(n.sum() - integers(found, "timed").sum())
        shortest = np.array(found.column("shortest").to_numpy(), dtype=np.float64)
        if untimed or (shortest < 0).any():
            raise ArgumentError(f"exposure={exposure!r} is missing or negative for some customers; complete them first")
    return found, time, meaning


def row_value(data: Dataset, name: str) -> Expression:
    """The value of a row of customers, which is called p in the statement; blank text is none."""
    value = column(name, "p")
    if kind_of(data.tables["customers"].columns[name]) != "text":
        return value
    return parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=value)


def _comparable(attributes: Sequence[Attribute]) -> tuple[list[Attribute], list[str]]:
    """Attributes with two levels or more; the others are named."""
    alike = [a.name for a in attributes if len(a.levels) + bool((a.codes < 0).any()) < 2]
    kept = [a for a in attributes if a.name not in alike]
    if not kept:
        raise NotEnoughData("no attribute has two levels; there is nothing to compare")
    return kept, [f"Left out, because all customers are alike in them: {listed(alike)}."] if alike else []
