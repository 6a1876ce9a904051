"""Customers as they were when they signed, and whether they stayed: the sufficient statistic of refining personas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.customers.customers import attribute_kind, attribute_names, check_both, customers, outcome_of
from kbind.customers.levels import FEW_LEVELS, Attribute, attribute_of, describing, numbers_of
from kbind.customers.structure import find_structure
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import integers
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, listed
from kbind.typing import Bools, Floats, Ints

__all__ = ["YEAR", "Bools", "Prospects", "prospects"]

#: Months of the first year, and of the year that rates are turned into.
YEAR = 12.0

#: Rank correlation with the time a customer has been there, from which on a number is taken to have grown with it.
_GROWS = 0.7


@dataclass(frozen=True, eq=False)
class Prospects:
    """Distinct combinations of everything that matters, with how many customers have them.

    Attributes
    ----------
    attributes : dict of str to Attribute
        Columns of `customers`, one code a row.
    numbers : dict of str to ndarray of float, shape (rows,)
        Columns of numbers as they are; NaN where unknown.
    n : ndarray of int, shape (rows,)
        Customers.
    gone : ndarray of bool, shape (rows,)
        Whether they have left.
    size : ndarray of float, shape (rows,)
        What leavers are divided by: 1 a customer, or the months at risk.
    months : ndarray of float, shape (rows,)
        How long they have been seen as customers; NaN where the data does not say.
    first_gone, first_size : ndarray of float, shape (rows,)
        The same of the first year alone: only those who are in it, or only its months at risk.
    revenue : ndarray of float, shape (rows,)
        A month; NaN where unknown.
    rate : bool
        Whether `size` is time.
    structural : dict of str to int
        Code that means that an attribute does not apply.
    barred : dict of str to str
        Columns that cannot tell at the time of sale who will stay, and why.
    notes : tuple of str
        Columns that were left out, and why.
    meaning : str
        What counts as having left.
    """

    attributes: dict[str, Attribute] = field(repr=False)
    numbers: dict[str, Floats] = field(repr=False)
    n: Ints = field(repr=False)
    gone: Bools = field(repr=False)
    size: Floats = field(repr=False)
    months: Floats = field(repr=False)
    first_gone: Floats = field(repr=False)
    first_size: Floats = field(repr=False)
    revenue: Floats = field(repr=False)
    rate: bool
    structural: dict[str, int]
    barred: dict[str, str]
    notes: tuple[str, ...]
    meaning: str
    provenance: Provenance

    def column(self, name: str) -> pd.DataFrame:
        """One column as a frame, one row a row; missing where unknown."""
        if name in self.numbers:
            return pd.DataFrame({name: self.numbers[name]})
        if name not in self.attributes:
            raise ArgumentError(
                f"{name!r} is no column that customers are known by; columns: {listed(self.attributes)}"
            )
        attribute = self.attributes[name]
        return pd.DataFrame({name: np.array([*attribute.levels, None], dtype=object)[attribute.codes]})

    def divide(self, parts: int, rng: np.random.Generator) -> Ints:
        """Deal the customers out at random, those who left and those who stayed each in equal shares.

        Customers of a row are alike in everything that is looked at, so dividing their number divides them.

        Returns
        -------
        ndarray of int, shape (parts, rows)
            Customers of each row in each part.
        """
        result = np.zeros((parts, len(self.n)), dtype=np.int64)
        for who in (self.gone, ~self.gone):
            rows = np.flatnonzero(who)
            dealt = rng.permutation(np.repeat(rows, self.n[rows]))
            for part in range(parts):
                result[part] += np.bincount(dealt[part::parts], minlength=len(self.n))
        return result


def prospects(data: Dataset, *, needed: Sequence[str] = ()) -> Prospects:
    """Count customers by what was known when they signed, and by what became of them.

    Parameters
    ----------
    data : Dataset
        With `customers`. Who has left is told by the column with the role churned; without one, by contracts or
        events as for `durations`, and then rates are per month at risk.
    needed : sequence of str
        Columns that must be there, such as those of a persona's rules.

    Raises
    ------
    ArgumentError
        No such column, unreadable outcomes, nobody left or nobody stayed.
    """
    check_dataset(data)
    data.require("customers")
    outcome = outcome_of(data, "churned")
    attribute_names(data, tuple(needed), parameter="attribute")
    every, notes = attribute_names(data, None, without=outcome.columns)
    kinds = {name: attribute_kind(data, name, "attribute") for name in dict.fromkeys((*every, *needed))}
    names, by = tuple(kinds), ("gone", "entry", "months", "revenue_first")
    table = customers(data, names, by, outcome)
    found = table.count(by)
    n, rate = integers(found, "n"), outcome.flag is None
    left = np.array(found.column("gone").to_numpy(zero_copy_only=False), dtype=bool)
    check_both(data, n[left].sum(), n.sum())
    encoded = {name: attribute_of(name, kinds[name], found.column(f"c{k}"), n) for k, name in enumerate(names)}
    numbers = {
        name: numbers_of(found.column(f"c{k}")) for k, name in enumerate(names) if kinds[name] == "number"
    }  # fmt: skip
    described, naming_them, _ = describing(encoded, n)
    structural, same = find_structure([encoded[name] for name in described], n)
    months, entry = numbers_of(found.column("months")), numbers_of(found.column("entry"))
    size, first_size, first_gone = _at_risk(left, months, entry, rate=rate)
    return Prospects(
        attributes=encoded,
        numbers=numbers,
        n=n,
        gone=left,
        size=size,
        months=months,
        first_gone=first_gone,
        first_size=first_size,
        revenue=numbers_of(found.column("revenue_first")),
        rate=rate,
        structural={found.attribute: found.code for found in structural},
        barred=_barred(data, encoded, numbers, n, months, same, naming_them),
        notes=notes,
        meaning=table.meaning,
        provenance=Provenance.of(data, data.as_of),
    )


def _at_risk(gone: Bools, months: Floats, entry: Floats, *, rate: bool) -> tuple[Floats, Floats, Floats]:
    """What leavers are divided by: overall, and in the first year, with who left in it."""
    in_first = months <= YEAR
    if not rate:
        return np.ones(len(gone)), in_first.astype(float), (gone & in_first).astype(float)
    size = np.maximum(months - entry, 0.0)
    first = np.maximum(np.minimum(months, YEAR) - np.minimum(entry, YEAR), 0.0)
    return size, first, (gone & in_first).astype(float)


def _barred(
    data: Dataset,
    attributes: dict[str, Attribute],
    numbers: dict[str, Floats],
    n: Ints,
    months: Floats,
    same: dict[str, str],
    names: Sequence[str],
) -> dict[str, str]:
    """Columns that cannot be asked about at the time of sale, or need not be."""
    from scipy.stats import rankdata

    roles = {role.column: name for name, role in data.roles.items() if name in ("tenure", "entry", "cause")}
    timed = np.isfinite(months)
    result: dict[str, str] = {}
    for name, attribute in attributes.items():
        if name in roles:
            result[name] = "not known at the time of sale"
        elif name in names:
            result[name] = f"more than {FEW_LEVELS} levels"
        elif len(attribute.levels) < 2:
            result[name] = f"all {data.card.customer}s are alike in it"
        elif name in same:
            result[name] = f"says the same as {same[name]}"
        elif name in numbers and len(np.unique(months[timed])) > 1:
            rows = np.repeat(*(values[timed & np.isfinite(numbers[name])] for values in (np.arange(len(n)), n)))
            ranks = [rankdata(values[rows]) for values in (numbers[name], months)]
            if len(rows) > 2 and min(r.std() for r in ranks) > 0 and np.corrcoef(*ranks)[0, 1] >= _GROWS:
                result[name] = f"grows with the time that a {data.card.customer} has been there"
    return result
