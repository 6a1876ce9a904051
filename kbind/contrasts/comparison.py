"""Every level of every attribute against all others, raw and adjusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.contrasts.regression import UNKNOWN, Cells, Effect, adjusted_for, effects, scaled
from kbind.customers.levels import MISSING, Attribute
from kbind.customers.profiles import Profiles
from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True)
class Comparison:
    """One level against all others of its attribute.

    Attributes
    ----------
    attribute, level : str
    left, n : int
        Customers with the level who have left, and all with it.
    left_others, n_others : int
        The same of all other levels to whom the attribute applies.
    effects : dict of str to Effect
        Logs of "odds_ratio" and "odds_ratio_adjusted", "rate_ratio" and "rate_ratio_adjusted"; unknown if not asked
        for.
    adjusted_for : tuple of str
    among : str
        To whom the attribute applies; empty for everybody.
    two : bool
        Whether the other level says the same the other way round.
    """

    attribute: str
    level: str
    left: int
    n: int
    left_others: int
    n_others: int
    effects: dict[str, Effect]
    adjusted_for: tuple[str, ...]
    among: str
    two: bool


@dataclass(frozen=True, eq=False)
class Strata:
    """Distinct combinations of what is adjusted for.

    Attributes
    ----------
    stratum : ndarray of int, shape (rows,)
        Of every row of the profiles, -1 where a number is unknown.
    codes : dict of str to ndarray of int, shape (strata,)
        Columns with levels, unknown as the last code.
    numbers : dict of str to ndarray of float, shape (strata,)
        Numbers, scaled to mean 0 and variance 1.
    """

    stratum: Ints
    codes: dict[str, Ints]
    numbers: dict[str, Floats]

    def without(self, names: set[str]) -> Strata:
        """What is left to adjust for without some columns."""
        codes = {name: codes for name, codes in self.codes.items() if name not in names}
        return Strata(self.stratum, codes, {name: x for name, x in self.numbers.items() if name not in names})


def strata_of(profiles: Profiles) -> Strata:
    """Number the combinations of what is adjusted for."""
    known = np.ones(len(profiles.n), dtype=bool)
    columns: list[Floats] = [
        np.where(held.codes < 0, len(held.levels), held.codes).astype(float) for held in profiles.levels.values()
    ]
    for values in profiles.numbers.values():
        known &= np.isfinite(values)
        columns.append(values)
    stratum = np.full(len(profiles.n), -1, dtype=np.int64)
    number = np.zeros(int(known.sum()), dtype=np.int64)
    for column in columns:
        # one column at a time: sorting whole rows takes ten times as long
        place = np.unique(column[known], return_inverse=True)[1]
        number = np.unique(number * (place.max(initial=0) + 1) + place, return_inverse=True)[1]
    stratum[known] = number
    first = np.unique(number, return_index=True)[1]
    weight = np.bincount(number, profiles.n[known]).astype(float)
    distinct = [column[known][first] for column in columns]
    codes = {name: column.astype(np.int64) for name, column in zip(profiles.levels, distinct, strict=False)}
    numbers = dict(zip(profiles.numbers, distinct[len(codes) :], strict=True))
    return Strata(stratum, codes, {name: scaled(values, weight) for name, values in numbers.items()})


def compare(profiles: Profiles, attribute: Attribute, strata: Strata | None) -> list[Comparison]:
    """All levels of one attribute, and those of whom it is unknown against all others."""
    structural = next((found for found in profiles.structural if found.attribute == attribute.name), None)
    among = f"{structural.parent} is not {structural.parent_level!r}" if structural else ""
    applies = attribute.codes != structural.code if structural else np.ones(len(profiles.n), dtype=bool)
    known = applies & (attribute.codes >= 0)
    labels = {k: attribute.levels[k] for k in np.unique(attribute.codes[known]).tolist()}
    result = []
    if len(labels) > 1:
        result = _against_others(profiles, attribute.name, strata, attribute.codes, known, labels, among)
    if (applies & ~known).any() and known.any():
        unknown = (attribute.codes < 0).astype(np.int64)
        result += _against_others(profiles, attribute.name, strata, unknown, applies, {1: MISSING}, among)
    return result


def _against_others(
    profiles: Profiles,
    name: str,
    strata: Strata | None,
    codes: Ints,
    rows: Bools,
    labels: dict[int, str],
    among: str,
) -> list[Comparison]:
    """The labelled codes, each against all others in these rows."""
    n, left = (np.bincount(codes[rows], values[rows]) for values in (profiles.n, profiles.left))
    first = {held: profiles.same.get(held, held) for held in (name, *profiles.levels, *profiles.numbers)}
    own = {held for held in first if first[held] == first[name]}
    names = tuple(held for held in (*profiles.levels, *profiles.numbers) if held not in own) if strata else ()
    found: dict[str, dict[int, Effect]] = {}
    for ratio, size in (("odds_ratio", profiles.n), ("rate_ratio", profiles.time)):
        if size is None:
            continue
        plain = Strata(np.zeros(len(codes), dtype=np.int64), {}, {})
        found[ratio] = _effects(profiles, size, plain, codes, rows, list(labels))
        if strata is not None:
            # where nothing is left to adjust for, the raw effect is the adjusted one
            held = _effects(profiles, size, strata.without(own), codes, rows, list(labels)) if names else found[ratio]
            found[f"{ratio}_adjusted"] = held
        elif ratio == "odds_ratio":
            found["odds_ratio_adjusted"] = dict.fromkeys(labels, UNKNOWN)
    return [
        Comparison(
            attribute=name,
            level=label,
            left=int(left[k]),
            n=int(n[k]),
            left_others=int(left.sum() - left[k]),
            n_others=int(n.sum() - n[k]),
            effects={ratio: effect[k] for ratio, effect in found.items()},
            adjusted_for=names,
            among=among,
            two=len(labels) == 2,
        )
        for k, label in labels.items()
    ]


def _effects(
    profiles: Profiles, size: Ints | Floats, strata: Strata, codes: Ints, rows: Bools, levels: Sequence[int]
) -> dict[int, Effect]:
    """Effects of levels on the odds, where size counts customers, or on the rate, where it is time."""
    rows = rows & (strata.stratum >= 0)
    width = int(codes.max()) + 1
    used, place = np.unique(strata.stratum[rows] * width + codes[rows], return_inverse=True)
    stratum = used // width
    cells = Cells(
        level=used % width,
        left=np.bincount(place, profiles.left[rows]).astype(float),
        size=np.bincount(place, size[rows]).astype(float),
        design=np.ones((len(used), 1)),
        rates=size is profiles.time,
    )
    groups = [column[stratum] for column in strata.codes.values()]
    return effects(adjusted_for(cells, groups, [values[stratum] for values in strata.numbers.values()])[0], levels)
