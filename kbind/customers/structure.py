"""Levels that say "does not apply": customers without internet have neither online security nor lack it.

Such a level marks the very customers that a level of another column marks. Left in the comparison, it makes the lack
of an extra look like the lack of the whole service, and signs flip.

Only a category, a yes or no, or a missing value can say so. That values or ranges of two numbers mark the same
customers (minutes and what they cost) says that the numbers grow together, not that one of them does not apply.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.customers.levels import MISSING, Attribute
from kbind.typing import Ints

#: Fewer customers may coincide by chance.
_LEAST = 5

#: Code of unknown values; as a level it can mean "does not apply", but never be what that depends on.
_UNKNOWN = -1


@dataclass(frozen=True)
class Structural:
    """A level that means that the attribute does not apply.

    Attributes
    ----------
    attribute, level : str
        The column and its level; the level may be "(missing)".
    parent, parent_level : str
        The column and level that mark the same customers.
    code : int
        Of the level; -1 for "(missing)".
    n : int
        Customers.
    """

    attribute: str
    level: str
    parent: str
    parent_level: str
    code: int
    n: int


def find_structure(attributes: Sequence[Attribute], n: Ints) -> tuple[tuple[Structural, ...], dict[str, str]]:
    """Levels that coincide with a level of another column, and columns that say the same as an earlier one.

    Parameters
    ----------
    attributes : sequence of Attribute
    n : ndarray of int, shape (rows,)
        Customers that a row stands for.

    Returns
    -------
    structural : tuple of Structural
    same : dict of str to str
        Column -> earlier column that divides the customers in the same way.
    """
    marked = {a.name: _marks(a, n, _telling(a)) for a in attributes}
    divisions: dict[frozenset[bytes], str] = {}
    same = {
        a.name: divisions[division]
        for a in attributes
        if divisions.setdefault(division := frozenset(_marks(a, n, _every(a), least=1)), a.name) != a.name
    }
    alike: dict[bytes, list[tuple[Attribute, int, int]]] = defaultdict(list)
    for attribute in attributes:
        for key, (code, count) in marked[attribute.name].items():
            alike[key].append((attribute, code, count))
    found: dict[str, Structural] = {}
    for members in alike.values():
        parent = _parent(members) if len(members) > 1 else None
        if parent is None:
            continue
        first = same.get(parent[0].name, parent[0].name)
        for attribute, code, count in members:
            if same.get(attribute.name, attribute.name) == first or not _has_others(attribute, code):
                continue
            # of several, the one that concerns most customers
            if attribute.name not in found or found[attribute.name].n < count:
                found[attribute.name] = Structural(
                    attribute.name, label(attribute, code), parent[0].name, label(*parent), code, count
                )
    return tuple(found[a.name] for a in attributes if a.name in found), same


def label(attribute: Attribute, code: int) -> str:
    """What a level is called."""
    return MISSING if code == _UNKNOWN else attribute.levels[code]


def _every(attribute: Attribute) -> range:
    return range(_UNKNOWN, len(attribute.levels))


def _telling(attribute: Attribute) -> Sequence[int]:
    """Codes that can mean "does not apply", or be what that depends on: of numbers 0 and 1 alone, or the missing."""
    numeric = attribute.number and not set(attribute.levels) <= {"0", "1"}
    return (_UNKNOWN,) if numeric else _every(attribute)


def _marks(attribute: Attribute, n: Ints, codes: Sequence[int], least: int = _LEAST) -> dict[bytes, tuple[int, int]]:
    """Which rows each level marks, as a key -> its code and number of customers."""
    result = {}
    for code in codes:
        mask = attribute.codes == code
        count = int(n[mask].sum())
        if least <= count < n.sum():
            result[np.packbits(mask).tobytes()] = (code, count)
    return result


def _parent(members: list[tuple[Attribute, int, int]]) -> tuple[Attribute, int] | None:
    """The column that says so in its own right, among columns whose levels mark the same customers.

    The rows alone cannot tell. In this order: a column that would have nothing left to compare, one that the other
    levels name ("No internet service"), one whose level is worded unlike the others, the shortest wording, the first.
    """
    candidates = [(attribute, code) for attribute, code, _ in members if code != _UNKNOWN]
    if not candidates:
        return None
    words = [label(attribute, code).casefold() for attribute, code, _ in members]

    def doubt(candidate: tuple[Attribute, int]) -> tuple[bool, bool, int, int]:
        attribute, code = candidate
        own, name = label(attribute, code).casefold(), attribute.name.replace("_", " ").casefold()
        named = any(name in word for word in words if word != own)
        return (_has_others(attribute, code), not named, words.count(own), len(own))

    return min(candidates, key=doubt)


def _has_others(attribute: Attribute, code: int) -> bool:
    """Whether at least two known levels are left to compare."""
    return len(attribute.levels) - (code != _UNKNOWN) >= 2
