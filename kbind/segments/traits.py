"""Attributes as numbers that distances can be measured in; learned from some customers, applied to any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from kbind.customers.levels import MISSING, OTHER, Attribute
from kbind.customers.roster import Roster, Values
from kbind.customers.structure import Structural
from kbind.dataset.reading.columns import NO
from kbind.errors import NotEnoughData, listed
from kbind.typing import Bools, Floats, Ints

#: Level of customers to whom an attribute does not apply.
NOT_APPLICABLE = "(does not apply)"

#: Numbers that correlate more than this with another, or with the product of two, say nothing of their own.
_REDUNDANT = 0.99

#: Positive numbers more skewed than this are taken by their logarithm.
_SKEWED = 1.5


@dataclass(frozen=True, eq=False)
class Trait:
    """One attribute, or that it is missing, as segments see it.

    Attributes
    ----------
    attribute : str
        The column.
    levels : tuple of str
        Empty for a number.
    shown : tuple of int
        Levels that have a 0/1 column of their own.
    centre : ndarray of float
        Of its columns, among the customers it was learned from.
    spread : float
        Standard deviation of a number; 1 for levels.
    usual : float
        What an unknown value counts as: the median of a number, the code of the most frequent level.
    log : bool
        Whether the number is taken by its logarithm.
    missing : bool
        Whether it tells where a number is missing.
    codes : dict of str to int
        Level as it stands in the data -> code.
    """

    attribute: str
    centre: Floats
    usual: float
    levels: tuple[str, ...] = ()
    shown: tuple[int, ...] = ()
    spread: float = 1.0
    log: bool = False
    missing: bool = False
    codes: Mapping[str, int] = field(default_factory=dict, repr=False)

    def columns(self, values: Floats | Ints) -> Floats:
        """Its columns: numbers to mean 0 and variance 1, levels as 0/1, only centred; shape (customers, columns)."""
        if not self.levels:
            return np.asarray(((values - self.centre) / self.spread)[:, None])
        return np.asarray((values[:, None] == np.array(self.shown)) - self.centre)

    def read(self, values: Values) -> tuple[Floats | Ints, Bools]:
        """Values as segments see them, and of whom nothing is known that could be used."""
        if isinstance(values, Attribute):
            other = self.codes.get(OTHER, -1)  # of levels that were too thin, or are new
            code = np.array([*(self.codes.get(level, other) for level in values.levels), self.codes.get(MISSING, -1)])
            found = code[values.codes]
            return np.where(found < 0, int(self.usual), found), found < 0
        unknown = np.isnan(values)
        if self.missing:
            return unknown.astype(np.int64), np.zeros(len(values), dtype=bool)
        if self.log:
            # zero and less did not occur where the trait was learned
            unknown |= ~(values > 0)
            values = np.log(np.where(unknown, 1.0, values))
        return np.where(unknown, self.usual, values), unknown


@dataclass(frozen=True, eq=False)
class Coding:
    """All traits, in the order of their columns.

    Attributes
    ----------
    traits : tuple of Trait
    notes : tuple of str
        What was left out or recoded, and why.
    """

    traits: tuple[Trait, ...]
    notes: tuple[str, ...]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The columns that segments are formed of."""
        return tuple(dict.fromkeys(trait.attribute for trait in self.traits))

    @property
    def numeric(self) -> tuple[str, ...]:
        """Those of them that hold numbers."""
        return tuple(dict.fromkeys(t.attribute for t in self.traits if not t.levels or t.missing))

    def read(self, columns: Mapping[str, Values]) -> list[Floats | Ints]:
        """The values of every trait."""
        return [trait.read(columns[trait.attribute])[0] for trait in self.traits]

    def unknown(self, columns: Mapping[str, Values]) -> dict[str, Bools]:
        """By attribute: whose value is missing or not known from forming, and so counts as the usual one."""
        flagged = {trait.attribute for trait in self.traits if trait.missing}
        return {
            trait.attribute: trait.read(columns[trait.attribute])[1]
            for trait in self.traits
            if not trait.missing and trait.attribute not in flagged
        }

    def matrix(self, values: Sequence[Floats | Ints]) -> Floats:
        """All columns beside each other."""
        return np.hstack([trait.columns(found) for trait, found in zip(self.traits, values, strict=True)])

    def owners(self) -> Ints:
        """Number of the attribute that each column of the matrix belongs to."""
        place = {name: k for k, name in enumerate(self.attributes)}
        return np.repeat([place[t.attribute] for t in self.traits], [max(len(t.shown), 1) for t in self.traits])


def learn_coding(people: Roster) -> Coding:
    """Traits of the customers that segments are formed of.

    Raises
    ------
    ArgumentError
        They are alike in all attributes.
    """
    notes: list[str] = []
    columns = {name: values for name, values in people.columns.items() if name not in people.same}
    notes += [f"{name} is left out, because it divides the customers just as {other} does."
              for name, other in people.same.items() if name in people.columns]  # fmt: skip
    numbers = {name: values for name, values in columns.items() if not isinstance(values, Attribute)}
    for name, others in redundant(numbers).items():
        notes.append(f"{name} is left out, because it is nearly {' x '.join(others)}.")
        del columns[name]
    structural = {found.attribute: found for found in people.structural}
    traits: list[Trait] = []
    alike = []
    for name, values in columns.items():
        if isinstance(values, Attribute):
            learned = _learn_levels(values, structural.get(name))
            if name in structural and learned:
                notes.append(_structural_note(structural[name], learned[0]))
        else:
            learned = _learn_number(name, values)
        traits += learned
        if not learned:
            alike.append(name)
    if alike:
        notes.append(f"Left out, because the customers are alike in them: {listed(alike)}.")
    if not traits:
        raise NotEnoughData("the customers who left are alike in all attributes; there is nothing to form segments of")
    logs = [trait.attribute for trait in traits if trait.log]
    if logs:
        notes.append(f"Taken by their logarithm, because they are skewed: {listed(logs)}.")
    gaps = [trait.attribute for trait in traits if trait.missing or (MISSING in trait.codes and
            trait.attribute not in structural)]  # fmt: skip
    if gaps:
        notes.append(
            f"Missing values in {listed(gaps)}: a level of its own; for numbers the median, and a column that tells."
        )
    return Coding(tuple(traits), tuple(notes))


def redundant(numbers: Mapping[str, Floats]) -> dict[str, tuple[str, ...]]:
    """Numbers that are nearly another one, or the product of two others.

    >>> months, price = np.arange(1.0, 50.0), np.tile([10.0, 20.0, 30.0, 15.0, 40.0, 25.0, 5.0], 7)
    >>> redundant({"months": months, "price": price, "paid": months * price, "cents": 100 * price})
    {'paid': ('months', 'price'), 'cents': ('price',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    names = list(numbers)
    products = list(combinations(names, 2))
    for place, name in enumerate(names):
        # of two that are the same the second goes; a product goes wherever it stands
        candidates = [*((other,) for other in names[:place]), *(pair for pair in products if name not in pair)]
        for others in candidates:
            if set(others) & set(found):
                continue
            if abs(_correlation(numbers[name], np.prod([numbers[other] for other in others], axis=0))) > _REDUNDANT:
                found[name] = others
                break
    return found


def _correlation(x: Floats, y: Floats) -> float:
    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < 3 or x[known].std() == 0 or y[known].std() == 0:
        return 0.0
    return float(np.corrcoef(x[known], y[known])[0, 1])


def _learn_number(name: str, values: Floats) -> list[Trait]:
    """A number, and where it is missing."""
    from scipy.stats import skew

    known = values[~np.isnan(values)]
    traits = []
    if len(known) and known.min() < known.max():
        log = bool(known.min() > 0 and skew(known) > _SKEWED)
        filled = np.log(known) if log else known
        usual = float(np.median(filled))
        every = np.concatenate([filled, np.full(len(values) - len(known), usual)])
        traits.append(Trait(name, np.array([every.mean()]), usual, spread=float(every.std()), log=log))
    if 0 < len(known) < len(values):
        share = 1 - len(known) / len(values)
        traits.append(Trait(name, np.array([share]), 0.0, levels=("known", MISSING), shown=(1,), missing=True))
    return traits


def _learn_levels(values: Attribute, structural: Structural | None) -> list[Trait]:
    """Levels that occur; "does not apply" counts as no where there is a no, else it has no column."""
    codes = values.codes
    present = [k for k in range(len(values.levels)) if (codes == k).any()]
    apart = None if structural is None else structural.code
    plain = [k for k in present if k != apart]
    no = next((k for k in plain if len(plain) == 2 and values.levels[k].strip().casefold() in NO), None)
    levels = [values.levels[k] for k in plain]
    lookup = {values.levels[k]: place for place, k in enumerate(plain)}
    if structural is not None and (codes == apart).any():
        if no is None:
            levels.append(NOT_APPLICABLE)
        lookup[structural.level] = lookup[values.levels[no]] if no is not None else len(levels) - 1
    if (codes < 0).any() and apart != -1:
        levels.append(MISSING)
        lookup[MISSING] = len(levels) - 1
    if len(levels) < 2:
        return []
    reference = lookup[values.levels[no]] if no is not None else 0 if len(levels) == 2 else None
    shown = tuple(k for k, level in enumerate(levels) if k != reference and level != NOT_APPLICABLE)
    trait = Trait(values.name, np.zeros(len(shown)), 0, levels=tuple(levels), shown=shown, codes=lookup)
    found = trait.read(values)[0]
    share = np.bincount(found.astype(np.int64), minlength=len(levels)) / len(found)
    return [
        Trait(values.name, share[list(shown)], int(share.argmax()), levels=tuple(levels), shown=shown, codes=lookup)
    ]


def _structural_note(found: Structural, trait: Trait) -> str:
    as_what = "counts as no" if NOT_APPLICABLE not in trait.levels else "has no column of its own"
    return (
        f"{found.attribute} {found.level!r} marks the same customers as {found.parent} {found.parent_level!r}: it does "
        f"not apply to them, and {as_what}."
    )
