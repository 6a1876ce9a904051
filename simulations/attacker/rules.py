"""What a reader who knows the program concludes from a number that is told, or that is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kbind.estimate.intervals import wilson
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: A fact as JSON holds it.
Told = Mapping[str, Any]
#: What shares are rounded to that come without a count of those who have it.
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


#: Sizes that a hidden share is thought through for.
_SIZES = 4


@dataclass(frozen=True)
class Rule:
    """A rule of disclosure, turned round.

    It is tried on every count, so the attacker knows it as well as who wrote it.

    Parameters
    ----------
    disclosure : Disclosure
        The rule by which a report was written.
    most : int
        No count is larger.

    Examples
    --------
    >>> Rule(Disclosure(1)).bounds(7)
    (7, 7)
    """

    disclosure: Disclosure
    most: int = 10_000
    _counts: dict[float, list[int]] = field(default_factory=dict, init=False, repr=False)
    _shares: dict[float, dict[float, list[tuple[int, int]]]] = field(default_factory=dict, init=False, repr=False)
    _rests: dict[tuple[float, float], tuple[float, float]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for count in range(self.most + 3 * self.disclosure.threshold):
            told = self.disclosure.fact(Fact("count", float(count), "customers", ""))
            self._counts.setdefault(-1.0 if told.hidden else told.value, []).append(count)

    def bounds(self, shown: float) -> tuple[float, float]:
        """Between what a count lies of which this is shown."""
        could = self._counts[float(shown)]
        return could[0], could[-1]

    def part(self, n: float, count: float) -> tuple[float, float]:
        """Between what the numerator of a share lies that is told with this n and this count."""
        could = self._parts(n)[float(count)]
        return could[0][0], could[-1][1]

    def rest(self, n: float, count: float) -> tuple[float, float]:
        """The same of those who are not in the numerator."""
        self._parts(n)
        return self._rests[float(n), float(count)]

    def hidden_part(self, low: float, high: float) -> list[tuple[float, float]]:
        """The same of a share that is hidden, of a group whose size lies between two limits: one pair, or two."""
        sizes = [shown for shown, could in self._counts.items() if could[0] <= high and could[-1] >= low]
        if -1.0 in sizes or len(sizes) > _SIZES:
            return [(0, high)]  # perhaps there are too few in all, or too little is known of the size
        groups = [self._parts(size)[-1.0] for size in sizes if -1.0 in self._parts(size)]
        if not groups or any(group[0][0] > self.hidden[0] or len(group) > 2 for group in groups):
            return [(0, high)]
        small = (self.hidden[0], max(group[0][1] for group in groups))
        large = [group[1] for group in groups if len(group) > 1]
        return [small, (min(pair[0] for pair in large), max(pair[1] for pair in large))] if large else [small]

    def _parts(self, size: float) -> dict[float, list[tuple[int, int]]]:
        """By the count that is told with a size, -1 where hidden: pairs of limits between which counts are told so."""
        if size not in self._shares:
            sizes = np.array(self._counts[float(size)], dtype=float)
            n, count = (each.ravel() for each in np.meshgrid(sizes, np.arange(sizes.max() + 1), indexing="ij"))
            n, count = n[count <= n], count[count <= n]
            *_, hidden = self.disclosure.shares(*wilson(count, n), n, count)
            shown = np.where(hidden, -1.0, self.disclosure.part(count, n))
            found = self._shares.setdefault(size, {})
            for told in np.unique(shown):
                those = shown == told
                found[float(told)] = _runs(np.unique(count[those]).astype(int))
                rest = (n - count)[those]
                self._rests[float(size), float(told)] = float(rest.min()), float(rest.max())
        return self._shares[size]

    def mean(self, shown: float) -> tuple[float, float]:
        """The same of a mean, which is no whole number."""
        if self.exact:
            return shown, shown
        low, high = self.bounds(shown)
        return (0, 0) if not high else (max(low - 1, 0), high + 1)

    @cached_property
    def exact(self) -> bool:
        """Whether what is told at all is told as it is."""
        return all(shown < 0 or len(could) == 1 for shown, could in self._counts.items())

    @cached_property
    def hidden(self) -> tuple[float, float]:
        """Between what a count lies that is hidden because it is small; beyond any where none is."""
        could = self._counts.get(-1.0, [1, 0])
        return could[0], could[-1]

    def share(self, fact: Told) -> tuple[float, float]:
        """Between what a share lies that was told without a count of those who have it."""
        value = float(fact["value"])
        if self.exact or fact["n"] is None:
            return value, value
        few = max(self.bounds(fact["n"])[0], 1)
        # the step follows from the exact number and share, which are not known
        half = max(_step(self.disclosure.threshold, few, near) for near in (value, value - 0.05, value + 0.05)) / 2
        return max(value - half, 0.0), min(value + half, 1.0)


def _step(threshold: int, n: float, share: float) -> float:
    least = threshold * min(max(share, 1 - share), 1.0) / n
    return next((step for step in _STEPS if step >= least - 1e-12), _STEPS[-1])


def _runs(counts: np.ndarray) -> list[tuple[int, int]]:
    """First and last of each run of whole numbers.

    >>> _runs(np.array([0, 1, 2, 5, 6]))
    [(0, 2), (5, 6)]
    """
    ends = np.flatnonzero(np.diff(counts) > 1)
    return [(int(low), int(high)) for low, high in zip(counts[[0, *(ends + 1)]], counts[[*ends, -1]], strict=True)]
