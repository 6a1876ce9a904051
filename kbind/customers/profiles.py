"""Customers counted by what they are like and whether they have left: the sufficient statistic of contrasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from kbind.customers.customers import Outcome, attribute_kind, attribute_names, check_both, customers, outcome_of
from kbind.customers.levels import Attribute, attribute_of, describing, naming, numbers_of
from kbind.customers.structure import Structural, find_structure
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import integers, names_of, objects
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column, parse
from kbind.errors import ArgumentError, NotEnoughData, listed, told
from kbind.typing import Array, Floats, Ints

#: As many dummies a regression can bear.
_MOST_HELD = 100


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
    values: dict[str, Array] = field(default_factory=dict, repr=False)


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
    leaving = outcome_of(data, outcome)
    names, notes = attribute_names(data, attributes, without=leaving.columns)
    held = names_of(adjust, "adjust")
    # what a level means shows in all columns, whichever of them are compared
    every, _ = attribute_names(data, None, without=leaving.columns)
    asked = dict.fromkeys(held, "adjust") | dict.fromkeys(names, "attributes")
    kinds = {name: attribute_kind(data, name, asked.get(name, "")) for name in dict.fromkeys((*every, *asked))}
    if leaving.column in held:
        raise ArgumentError(f"adjust={leaving.column!r} is the outcome itself; leave it out")
    if not names:
        raise NotEnoughData(f"customers of {data.name!r} has no attributes; there is nothing to compare")
    meaning, found, time = _count(data, tuple(kinds), leaving, exposure, as_of)
    n, left = integers(found, "n"), integers(found, "churned")
    check_both(data, left.sum(), n.sum())
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
        time=np.array(found.column("time").to_numpy(), dtype=np.float64) if time else None,
        structural=tuple(found for found in structural if found.attribute in compared),
        same=same,
        notes=(*notes, *thin, *more),
        meaning=meaning,
        exposure=time,
        provenance=Provenance.of(data, data.as_of if as_of is None else data.end_at(as_of)),
        values={
            name: numbers_of(found.column(f"c{k}")) if kinds[name] == "number" else objects(found.column(f"c{k}"))
            for k, name in enumerate(kinds) if name in compared
        },
    )  # fmt: skip


def _count(
    data: Dataset, names: tuple[str, ...], outcome: Outcome, exposure: str | bool | None, as_of: object
) -> tuple[str, pa.Table, str]:
    """What leaving means; a row a combination of c0, c1, ...: n, churned and time; what the time is, if asked for."""
    more, exposed, time = {}, "greatest(months - entry, 0)", ""
    if isinstance(exposure, str):
        if attribute_kind(data, exposure, "exposure") != "number":
            raise ArgumentError(f"exposure={exposure!r} is no number; allowed: a column with time at risk, or True")
        more["exposed"], exposed, time = parse("CAST(_x AS DOUBLE)", x=column(exposure, "p")), "exposed", exposure
    elif exposure is not None and not isinstance(exposure, bool):
        raise ArgumentError(f"exposure={told(exposure)} is not known; allowed: a column with time at risk, or True")
    timed = exposure is True
    columns = ("gone", "entry", "months") if timed else ("gone",)
    table = customers(data, names, columns, outcome, as_of=as_of, timed=timed, **more)
    if timed and table.lives:
        time = f"{table.lives.unit}s observed"
    sums = ", count(CASE WHEN gone THEN 1 END) AS churned"
    if time:
        sums += f", sum({exposed}) AS time, min({exposed}) AS shortest, count({exposed}) AS timed"
    found = table.count(sums=sums)
    if time:
        untimed = int(integers(found, "n").sum() - integers(found, "timed").sum())
        shortest = np.array(found.column("shortest").to_numpy(), dtype=np.float64)
        if untimed or (shortest < 0).any():
            raise ArgumentError(f"exposure={exposure!r} is missing or negative for some customers; complete them first")
    return table.meaning, found, time


def _comparable(attributes: Sequence[Attribute]) -> tuple[list[Attribute], list[str]]:
    """Attributes with two levels or more; the others are named."""
    alike = [a.name for a in attributes if len(a.levels) + bool((a.codes < 0).any()) < 2]
    kept = [a for a in attributes if a.name not in alike]
    if not kept:
        raise NotEnoughData("no attribute has two levels; there is nothing to compare")
    return kept, [f"Left out, because all customers are alike in them: {listed(alike)}."] if alike else []
