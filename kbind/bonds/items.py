"""Survey items: which instrument asks about which bond, and what customers last answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kbind.bonds.contexts import BONDS
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.engine.engine import column
from kbind.engine.query import Query
from kbind.errors import ArgumentError, check_path, did_you_mean, listed, real, told
from kbind.shipped import shipped
from kbind.typing import Floats, Objects
from kbind.yamlfile import read_values

#: Answers to an item that were given so many days before the last one count with it: those of other people.
TOGETHER = 180

#: Usual scales, the narrowest first; that of the ready items; answers from which on they tell which it is.
SCALES = ((1.0, 5.0), (1.0, 7.0), (1.0, 10.0), (0.0, 10.0), (0.0, 100.0))
READY, TELLING = (1.0, 7.0), 30

_SHAPE = "allowed: {bond: [instruments]}, or a file such as data/items/bonding_items.yaml"
_KEYS = ("bonds", "scale", "title", "status")


@dataclass(frozen=True)
class Item:
    """One question.

    Parameters
    ----------
    bond : str
        What it asks about.
    instrument : str
        As `feedback` calls it.
    reversed : bool
        Whether agreement speaks against the bond.
    text : mapping of str to str
        The question, by language.
    """

    bond: str
    instrument: str
    reversed: bool = False
    text: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemSet:
    """Questions on one scale.

    Parameters
    ----------
    items : tuple of Item
    scale : (float, float) or None
        Lowest and highest answer; None: the usual one that holds all answers, as far as they tell.
    """

    items: tuple[Item, ...]
    scale: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What customers answered.

    Parameters
    ----------
    items : tuple of Item
        Those with answers.
    scale : (float, float)
        Lowest and highest answer; NaN without any.
    scores : ndarray of float, shape (customers, items)
        Reversed ones turned round; NaN where a customer did not answer.
    """

    items: tuple[Item, ...]
    scale: tuple[float, float]
    scores: Floats

    def of(self, bond: str) -> list[int]:
        """Columns of a bond."""
        return [k for k, item in enumerate(self.items) if item.bond == bond]


def ready_items() -> ItemSet:
    """The items that come with kbind, in German and English; not yet validated in the field.

    >>> [item.text["en"] for item in ready_items().items if item.bond == "affective"][0]
    'We like this provider.'
    """
    return _item_set(read_values(shipped("items", "bonding_items.yaml")), "bonding_items.yaml")


def read_items(data: Dataset, items: object) -> ItemSet:
    """The items that somebody names; else those of `feedback` that are called bond_<bond>_<number>.

    Raises
    ------
    ArgumentError
        No items, or instruments that `feedback` does not have.
    """
    known = _instruments(data)
    if items is None:
        named = [re.fullmatch(rf"bond_({'|'.join(BONDS)})_\d+", name) for name in known]
        return ItemSet(tuple(Item(found[1], found[0]) for found in named if found))
    if isinstance(items, Mapping):
        found = _item_set(items, "items")
    elif isinstance(items, (str, Path)):
        path = check_path("items", items)
        found = _item_set(read_values(path), path.name)
    else:
        raise ArgumentError(f"items={told(items)} names no items; {_SHAPE}")
    for item in found.items:
        if item.instrument not in known:
            near = did_you_mean(item.instrument, known)
            raise ArgumentError(
                f"items: instrument {told(item.instrument)} is not in feedback; {near}instruments: {listed(known)}"
            )
    return found


def read_answers(data: Dataset, asked: ItemSet, customers: Objects) -> Answers:
    """The last answer of each customer to each item; several people of a customer count alike.

    Raises
    ------
    ArgumentError
        An answer outside the scale.
    """
    if not asked.items:
        return Answers((), (np.nan, np.nan), np.empty((len(customers), 0)))
    query = Query(data.engine).part(
        names=[item.instrument for item in asked.items],
        time=column("timestamp"),
        end=data.constant("feedback", "timestamp"),
    )
    query.step(
        "given",
        "SELECT customer_id, instrument, _time AS t, CAST(score AS DOUBLE) AS score, "
        "max(_time) OVER (PARTITION BY customer_id, instrument) AS final FROM feedback "
        "WHERE list_contains(_names, instrument) AND NOT score IS NULL AND _time < _end",
    )
    found = query.select(
        f"SELECT customer_id, instrument, avg(score) AS score, min(score) AS low, max(score) AS high FROM given "
        f"WHERE t > final - INTERVAL {TOGETHER} DAY GROUP BY customer_id, instrument"
    )
    place = {customer: k for k, customer in enumerate(customers)}
    position = {item.instrument: k for k, item in enumerate(asked.items)}
    scores = np.full((len(customers), len(asked.items)), np.nan)
    low, high = (found.column(name).to_numpy() for name in ("low", "high"))
    names = found.column("instrument").to_pylist()
    scale = asked.scale or usual_scale(low, high)
    for k in np.flatnonzero((low < scale[0]) | (high > scale[1]))[:1]:
        value = low[k] if low[k] < scale[0] else high[k]
        ends = f"{scale[0]:g} to {scale[1]:g}"
        raise ArgumentError(f"feedback: {value:g} is no answer to {names[k]!r}; allowed: its scale, {ends}")
    for customer, name, score in zip(objects(found.column("customer_id")), names, found.column("score").to_numpy(),
                                     strict=True):  # fmt: skip
        if customer in place:
            turned = asked.items[position[name]].reversed
            scores[place[customer], position[name]] = sum(scale) - score if turned else score
    kept = [k for k in range(len(asked.items)) if np.unique(scores[~np.isnan(scores[:, k]), k]).size > 1]
    return Answers(tuple(asked.items[k] for k in kept), scale, scores[:, kept])


def usual_scale(low: Floats, high: Floats) -> tuple[float, float]:
    """The narrowest usual scale that holds all answers; that of the ready items as long as few tell.

    >>> usual_scale(np.ones(40), np.full(40, 5.0)), usual_scale(np.ones(3), np.full(3, 5.0))
    ((1.0, 5.0), (1.0, 7.0))
    """
    scales = [scale for scale in SCALES if len(low) >= TELLING or scale == READY]
    ends = float(low.min(initial=READY[0])), float(high.max(initial=READY[0]))
    return next((scale for scale in (*scales, *SCALES) if scale[0] <= ends[0] and ends[1] <= scale[1]), ends)


def _instruments(data: Dataset) -> list[str]:
    if not (data.has("feedback.instrument") and data.has("feedback.score")):
        return []
    query = Query(data.engine).part(time=column("timestamp"), end=data.constant("feedback", "timestamp"))
    found = query.select("SELECT DISTINCT instrument AS name FROM feedback WHERE _time < _end ORDER BY name")
    return [str(name) for name in found.column("name").to_pylist()]


def _item_set(value: Any, source: str) -> ItemSet:
    """Items of a mapping, as a file or an argument holds them."""
    if not isinstance(value, Mapping) or not value:
        raise ArgumentError(f"{source}: {told(value)} names no items; {_SHAPE}")
    whole = value if "bonds" in value else {"bonds": value}
    for key in whole:
        if key not in _KEYS:
            raise ArgumentError(f"{source}: {told(key)} is not known; allowed: {', '.join(_KEYS)}")
    bonds = whole["bonds"]
    if not isinstance(bonds, Mapping) or not bonds:
        raise ArgumentError(f"{source}: bonds={told(bonds)} names no items; {_SHAPE}")
    items = tuple(
        _item(bond, each, source) for bond, several in bonds.items() for each in _several(bond, several, source)
    )
    twice = [item.instrument for item in items]
    for name in twice:
        if twice.count(name) > 1:
            raise ArgumentError(f"{source}: instrument {told(name)} is named twice; allowed: once, for one bond")
    return ItemSet(items, _scale(whole.get("scale"), source))


def _several(bond: Any, several: Any, source: str) -> list[Any]:
    if bond not in BONDS:
        raise ArgumentError(f"{source}: {told(bond)} is no bond; allowed: {', '.join(BONDS)}")
    if not isinstance(several, (list, tuple)) or not several:
        raise ArgumentError(f"{source}: {bond}={told(several)} is no list of instruments; {_SHAPE}")
    return list(several)


def _item(bond: str, value: Any, source: str) -> Item:
    if isinstance(value, str) and value.strip():
        return Item(bond, value)
    if isinstance(value, Mapping) and isinstance(value.get("instrument"), str) and not set(value) - {
        "instrument", "reversed", "text"
    }:  # fmt: skip
        turned, text = value.get("reversed", False), value.get("text", {})
        if isinstance(turned, bool) and isinstance(text, Mapping):
            return Item(bond, value["instrument"], turned, dict(text))
    raise ArgumentError(f"{source}: {bond}: {told(value)} is no item; allowed: a name, or instrument, reversed, text")


def _scale(value: Any, source: str) -> tuple[float, float] | None:
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and len(value) == 2:
        low, high = real(value[0]), real(value[1])
        if low < high:
            return low, high
    raise ArgumentError(
        f"{source}: scale={told(value)} is no scale; allowed: lowest and highest answer, such as [1, 7]"
    )
