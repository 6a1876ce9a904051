"""A short rule for each segment: a small tree over the attributes as people know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kbind.customers.roster import Roster
from kbind.segments.stability import Formed
from kbind.segments.traits import Coding, Trait
from kbind.typing import Floats, Ints

_DEPTH = 3


@dataclass(frozen=True)
class Rule:
    """Who is in a segment, in a few words.

    Attributes
    ----------
    text : str
        Empty if the tree has no place for the segment.
    right, picked, true : int
        Customers who left and whom the rule picks rightly, whom it picks, and who are in the segment.
    """

    text: str
    right: int
    picked: int
    true: int


def segment_rules(formed: Formed, left: Roster, segment: Ints, fold: Ints) -> tuple[tuple[Rule, ...], float]:
    """Rules of a tree grown on all, and how good rules are that were grown without those they are tried on."""
    k = formed.k
    if k == 1:
        return (Rule("everybody", len(left), len(left), len(left)),), 1.0
    x, names = _readable(formed.coding, left)
    held = np.empty(len(left), dtype=np.int64)
    for part in np.unique(fold):
        tried = fold == part
        held[tried] = _grow(x[~tried], segment[~tried], formed.seed).predict(x[tried])
    texts = _texts(_grow(x, segment, formed.seed), names)
    rules = tuple(
        Rule(
            texts.get(number, ""),
            int(((held == number) & (segment == number)).sum()),
            int((held == number).sum()),
            int((segment == number).sum()),
        )
        for number in range(k)
    )
    return rules, float((held == segment).mean())


def _grow(x: Floats, segment: Ints, seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    # leaves of a handful of customers would make rules for a handful of customers
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=max(5, len(x) // 100), random_state=seed % 2**31)
    return tree.fit(x, segment)


def _readable(coding: Coding, left: Roster) -> tuple[Floats, list[tuple[Trait, int]]]:
    """Numbers as they stand, levels as 0/1, and which trait and level each column is."""
    columns, names = [], []
    for trait, values in zip(coding.traits, coding.read(left.columns), strict=True):
        if not trait.levels:
            number = np.asarray(values, dtype=float)
            columns.append(np.exp(number) if trait.log else number)
            names.append((trait, -1))
        for code in trait.shown:
            columns.append((np.asarray(values) == code).astype(float))
            names.append((trait, code))
    return np.stack(columns, axis=1), names


def _texts(tree: Any, names: list[tuple[Trait, int]]) -> dict[int, str]:
    """The paths to the leaves of each segment, the largest leaf first."""
    grown = tree.tree_
    leaves: dict[int, list[tuple[int, str]]] = {}

    def numbers(node: int) -> set[int]:
        if grown.children_left[node] == grown.children_right[node]:
            return {int(tree.classes_[int(grown.value[node][0].argmax())])}
        return numbers(int(grown.children_left[node])) | numbers(int(grown.children_right[node]))

    def walk(node: int, path: list[tuple[int, bool, float]]) -> None:
        below = numbers(node)
        if len(below) == 1:
            # a split that does not matter for the segment is none
            number = below.pop()
            leaves.setdefault(number, []).append((int(grown.n_node_samples[node]), _path(path, names)))
            return
        column, cut = int(grown.feature[node]), float(grown.threshold[node])
        walk(int(grown.children_left[node]), [*path, (column, False, cut)])
        walk(int(grown.children_right[node]), [*path, (column, True, cut)])

    walk(0, [])
    return {
        number: " or ".join(f"({text})" if len(found) > 1 else text for _, text in sorted(found, reverse=True))
        for number, found in leaves.items()
    }


def _path(path: list[tuple[int, bool, float]], names: list[tuple[Trait, int]]) -> str:
    """The steps of a path; of several on a number, only the narrowest."""
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    for column, above, cut in path:
        if above:
            low[column] = max(cut, low.get(column, -np.inf))
        else:
            high[column] = min(cut, high.get(column, np.inf))
    parts = []
    for column in dict.fromkeys(step[0] for step in path):
        trait, code = names[column]
        name = trait.attribute
        if code >= 0:
            parts.append(_is(trait, code, column in low))
        elif column in low and column in high:
            parts.append(f"{name} from {low[column]:.4g} to {high[column]:.4g}")
        else:
            parts.append(f"{name} > {low[column]:.4g}" if column in low else f"{name} <= {high[column]:.4g}")
    return " and ".join(parts)


def _is(trait: Trait, code: int, yes: bool) -> str:
    if not yes and len(trait.levels) == 2:
        return f"{trait.attribute} is {trait.levels[1 - code]}"
    return f"{trait.attribute} is {'' if yes else 'not '}{trait.levels[code]}"
