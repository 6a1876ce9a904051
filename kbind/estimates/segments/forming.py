"""Segments formed of some customers by k-means on their coded attributes, and others put into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kbind.estimates.segments.stability import STARTS, fit_segments, rank_by_size
from kbind.estimates.segments.traits import Coding
from kbind.estimates.threads import threads_for
from kbind.statistics.customers.roster import Values
from kbind.typing import Ints


@dataclass(frozen=True, eq=False)
class Formed:
    """Segments ready to be used.

    Attributes
    ----------
    coding : Coding
        How attributes were made comparable.
    seed : int
        Of all randomness.
    model : fitted KMeans or None
        None for a single segment.
    numbers : ndarray of int, shape (k,)
        Number of each of the model's segments, from 0, the largest first.
    """

    coding: Coding
    seed: int
    model: Any = field(repr=False)
    numbers: Ints = field(repr=False)

    @property
    def k(self) -> int:
        """How many there are."""
        return len(self.numbers)

    def assign(self, columns: dict[str, Values]) -> Ints:
        """Number of the segment of each customer, from 0."""
        x = self.coding.matrix(self.coding.read(columns))
        if self.model is None:
            return np.zeros(len(x), dtype=np.int64)
        return np.asarray(self.numbers[self.model.predict(x)], dtype=np.int64)


def form(coding: Coding, columns: dict[str, Values], k: int, seed: int) -> Formed:
    """Segments of some customers, the largest first."""
    if k == 1:
        return Formed(coding, seed, None, np.zeros(1, dtype=np.int64))
    x = coding.matrix(coding.read(columns))
    counts = np.ones(len(x))
    with threads_for(len(x)):
        model = fit_segments(x, counts, k, STARTS, int(np.random.default_rng([seed, 2]).integers(2**31 - 1)))
    return Formed(coding, seed, model, rank_by_size(model.predict(x), k, counts))
