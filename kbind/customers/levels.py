"""One attribute of customers as a few levels: its own values, or ranges of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from kbind.errors import listed
from kbind.typing import Bools, Floats, Ints

#: Label of customers of whom an attribute says nothing, and of those in levels too thin to stand on their own.
MISSING, OTHER = "(missing)", "(other)"

#: So few levels stand as they are. Of more, those of at least `THIN` customers do, the most frequent `MOST_LEVELS`.
FEW_LEVELS, THIN, MOST_LEVELS = 30, 30, 200
_NAMING = f"and too few of {THIN} customers or more to describe them"

#: Numbers with no more different values than this are levels as they stand; others are cut into ranges.
_MOST_VALUES = 6

#: Where ranges are cut, as shares of the customers: four ranges of about equal size.
_CUT_AT = (0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class Attribute:
    """A column with a few levels.

    Attributes
    ----------
    name : str
        Of the column.
    levels : tuple of str
        In order; ranges from low to high.
    codes : ndarray of int, shape (rows,)
        Index into `levels`, -1 where unknown.
    cuts : tuple of float
        Where ranges begin, but for the first; empty for levels.
    number : bool
        Whether the column holds numbers, as levels or in ranges.
    """

    name: str
    levels: tuple[str, ...]
    codes: Ints = field(repr=False)
    cuts: tuple[float, ...] = ()
    number: bool = False


def attribute_of(name: str, kind: str, values: pa.ChunkedArray, n: Ints) -> Attribute:
    """Levels and codes of a column of distinct rows, of which each stands for `n` customers."""
    if kind == "number":
        return _of_numbers(name, numbers_of(values), n)
    found = values.cast(pa.bool_()) if kind == "flag" else values
    encoded = found.dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # an empty one, or one in several chunks
        encoded = encoded.unify_dictionaries().chunk(0)
    words = encoded.dictionary.to_pylist()
    labels = [{True: "yes", False: "no"}.get(word, str(word)) if kind == "flag" else str(word) for word in words]
    order = sorted(range(len(labels)), key=labels.__getitem__)
    rank = np.empty(len(labels) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(labels)), -1
    codes = rank[encoded.indices.fill_null(len(labels)).to_numpy(zero_copy_only=False)]
    return Attribute(name, tuple(labels[k] for k in order), codes)


def standing(n: Ints, few: int = FEW_LEVELS) -> Bools | None:
    """Which levels of a column stand on their own; None if the column names customers rather than describing them.

    States, cities and plans describe customers; names, addresses and identifiers have hardly a level that many share.
    A column with more than `few` levels describes customers if at least two levels stand on their own, and hold at
    least half of the customers. The others are taken together.

    Parameters
    ----------
    n : ndarray of int, shape (levels,)
        Customers with each level.
    few : int
        So many levels stand as they are.

    Examples
    --------
    >>> standing(np.repeat(40, 50)).sum(), standing(np.repeat(2, 50))
    (np.int64(50), None)
    """
    if len(n) <= few:
        return np.ones(len(n), dtype=bool)
    kept = np.zeros(len(n), dtype=bool)
    kept[np.argsort(-n, kind="stable")[:MOST_LEVELS]] = True
    kept &= n >= THIN
    return kept if kept.sum() >= 2 and 2 * n[kept].sum() >= n.sum() else None


def pooled(attribute: Attribute, n: Ints) -> Attribute | None:
    """An attribute whose thin levels are taken together as "(other)"; None if it names customers."""
    known = attribute.codes >= 0
    kept = standing(np.bincount(attribute.codes[known], n[known], len(attribute.levels)).astype(np.int64))
    if kept is None or kept.all():
        return attribute if kept is not None else None
    place = np.append(np.where(kept, np.cumsum(kept) - 1, kept.sum()), -1)
    levels = (*(level for level, own in zip(attribute.levels, kept, strict=True) if own), OTHER)
    return replace(attribute, levels=levels, codes=place[attribute.codes])


def describing(attributes: Mapping[str, Attribute], n: Ints) -> tuple[dict[str, Attribute], list[str], list[str]]:
    """Attributes with thin levels taken together, those that name customers instead, and what to say about both."""
    found = {name: pooled(attribute, n) for name, attribute in attributes.items()}
    kept = {name: attribute for name, attribute in found.items() if attribute is not None}
    names = [name for name in found if name not in kept]
    thin = {name: len(attributes[name].levels) + 1 - len(own.levels) for name, own in kept.items()
            if len(own.levels) < len(attributes[name].levels)}  # fmt: skip
    notes = [f"Left out, because they have more than {FEW_LEVELS} levels, {_NAMING}: {listed(names)}."] if names else []
    told = [f"{count:,} of {name}" for name, count in thin.items()]
    if told:
        notes.append(f"Levels of fewer than {THIN} customers, taken together as {OTHER}: {listed(told)}.")
    return kept, names, notes


def naming(attribute: Attribute) -> str:
    """Why a column cannot be compared."""
    return f"has {len(attribute.levels):,} levels, {_NAMING}; group them first"


def numbers_of(values: pa.ChunkedArray) -> Floats:
    """A column of numbers, NaN where unknown."""
    return np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _of_numbers(name: str, values: Floats, n: Ints) -> Attribute:
    known = np.isfinite(values)
    codes = np.full(len(values), -1, dtype=np.int64)
    distinct, place = np.unique(values[known], return_inverse=True)
    if len(distinct) <= _MOST_VALUES:
        codes[known] = place
        return Attribute(name, tuple(_number(value) for value in distinct), codes, number=True)
    cuts = cut_points(values[known], n[known])
    codes[known] = np.searchsorted(cuts, values[known], side="right")
    return Attribute(name, range_labels(cuts), codes, cuts, number=True)


def cut_points(values: Floats, n: Ints) -> tuple[float, ...]:
    """Quartiles, rounded to two significant digits; fewer where these coincide or leave a range empty.

    >>> cut_points(np.arange(1000.0), np.ones(1000, dtype=int))
    (250.0, 500.0, 750.0)
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(n[order])
    quartiles = values[order][np.searchsorted(reached, np.array(_CUT_AT) * reached[-1])]
    rounded = sorted({float(f"{value:.2g}") for value in quartiles})
    cuts: list[float] = []
    for cut in rounded:
        below = cuts[-1] if cuts else -np.inf
        if ((values >= below) & (values < cut)).any() and (values >= cut).any():
            cuts.append(cut)
    return tuple(cuts)


def range_labels(cuts: tuple[float, ...]) -> tuple[str, ...]:
    """What half-open ranges are called.

    >>> range_labels((9, 29.5))
    ('< 9', '9 to < 29.5', '>= 29.5')
    """
    if not cuts:
        return ("any",)
    inner = [f"{_number(low)} to < {_number(high)}" for low, high in pairwise(cuts)]
    return (f"< {_number(cuts[0])}", *inner, f">= {_number(cuts[-1])}")


def _number(value: float) -> str:
    return f"{value:.15g}"
