"""Every level of every attribute against all others, raw and adjusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.estimates.contrasts.regression import Cells, Effect, effects, informative
from kbind.statistics.customers.levels import MISSING, Attribute
from kbind.statistics.customers.profiles import Profiles
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
    time, time_others : float
        Time at risk; NaN if not asked for.
    raw, adjusted : Effect
        Log odds ratios.
    raw_rate, adjusted_rate : Effect
        Log rate ratios.
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
    time: float
    time_others: float
    raw: Effect
    adjusted: Effect
    raw_rate: Effect
    adjusted_rate: Effect
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

    def without(self, names: set[str]) -> tuple[dict[str, Ints], dict[str, Floats]]:
        """What is left to adjust for without some columns."""
        return (
            {name: codes for name, codes in self.codes.items() if name not in names},
            {name: values for name, values in self.numbers.items() if name not in names},
        )


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
    return Strata(stratum, codes, {name: _scaled(values, weight) for name, values in numbers.items()})


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
    counts = [profiles.n, profiles.left] if profiles.time is None else [profiles.n, profiles.left, profiles.time]
    n, left, *times = (np.bincount(codes[rows], values[rows]) for values in counts)
    time = times[0] if times else np.full(len(n), np.nan)
    levels, nothing = list(labels), dict.fromkeys(labels, Effect(np.nan, np.nan, np.nan))
    raw = _raw(codes, rows, profiles, levels, rates=False)
    raw_rate = _raw(codes, rows, profiles, levels, rates=True) if times else nothing
    names: tuple[str, ...] = ()
    adjusted, adjusted_rate = nothing, nothing
    if strata is not None:
        first = {held: profiles.same.get(held, held) for held in (name, *profiles.levels, *profiles.numbers)}
        own = {held for held in first if first[held] == first[name]}
        names = tuple(held for held in (*profiles.levels, *profiles.numbers) if held not in own)
        # where nothing is left to adjust for, the raw effect is the adjusted one
        adjusted, adjusted_rate = raw, raw_rate
        if names:
            adjusted = _adjusted(profiles, strata, own, codes, rows, levels, rates=False)
            if times:
                adjusted_rate = _adjusted(profiles, strata, own, codes, rows, levels, rates=True)
    return [
        Comparison(
            attribute=name,
            level=label,
            left=int(left[k]),
            n=int(n[k]),
            left_others=int(left.sum() - left[k]),
            n_others=int(n.sum() - n[k]),
            time=float(time[k]),
            time_others=float(time.sum() - time[k]),
            raw=raw[k],
            adjusted=adjusted[k],
            raw_rate=raw_rate[k],
            adjusted_rate=adjusted_rate[k],
            adjusted_for=names,
            among=among,
            two=len(labels) == 2,
        )
        for k, label in labels.items()
    ]


def _raw(codes: Ints, rows: Bools, profiles: Profiles, levels: Sequence[int], *, rates: bool) -> dict[int, Effect]:
    used, place = np.unique(codes[rows], return_inverse=True)
    size = profiles.time if rates and profiles.time is not None else profiles.n
    cells = Cells(
        level=used,
        left=np.bincount(place, profiles.left[rows]).astype(float),
        size=np.bincount(place, size[rows]).astype(float),
        design=np.ones((len(used), 1)),
        rates=rates,
    )
    return effects(cells, levels)


def _adjusted(
    profiles: Profiles,
    strata: Strata,
    own: set[str],
    codes: Ints,
    rows: Bools,
    levels: Sequence[int],
    *,
    rates: bool,
) -> dict[int, Effect]:
    rows = rows & (strata.stratum >= 0)
    size = profiles.time if rates and profiles.time is not None else profiles.n
    width = int(codes.max()) + 1
    used, place = np.unique(strata.stratum[rows] * width + codes[rows], return_inverse=True)
    stratum = used // width
    with_levels, with_numbers = strata.without(own)
    groups = [column[stratum] for column in with_levels.values()]
    cells = Cells(
        level=used % width,
        left=np.bincount(place, profiles.left[rows]).astype(float),
        size=np.bincount(place, size[rows]).astype(float),
        design=np.empty((len(used), 0)),
        rates=rates,
    )
    kept = informative(cells, groups)
    columns = [np.ones(len(used))]
    for codes_of in groups:
        # against the most frequent level, for the sake of rounding
        frequent = int(np.bincount(codes_of, cells.size).argmax())
        columns += [(codes_of == code).astype(float) for code in np.unique(codes_of) if code != frequent]
    columns += [values[stratum] for values in with_numbers.values()]
    return effects(Cells(cells.level, cells.left, cells.size, np.column_stack(columns), rates).of(kept), levels)


def _scaled(values: Floats, weight: Floats) -> Floats:
    mean = np.average(values, weights=weight)
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    return np.asarray((values - mean) / spread if spread > 0 else values - mean)
