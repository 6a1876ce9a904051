"""Randomness: only uniform numbers are drawn, everything else is made from them by inversion.

So a draw depends on nothing but its seed and its place: scenarios that differ in one parameter share their random
numbers, both potential outcomes of a campaign can be compared account by account, and no rejection sampler can
fall out of step where a processor rounds the last digit differently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from kbind.errors import check_rng

Array = NDArray[Any]

#: One stream a part, in this order; a new part goes to the end, so that the others keep their numbers.
STREAMS = (
    "accounts", "course", "leaving", "campaigns", "return", "contracts", "people", "tickets", "usage", "feedback",
    "goodbyes",
)  # fmt: skip


class Draws:
    """Random numbers of one part of the simulation.

    Parameters
    ----------
    generator : numpy.random.Generator
        Its stream.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def uniform(self, *shape: int) -> Array:
        """Uniform on [0, 1)."""
        return self._generator.random(shape)

    def normal(self, *shape: int) -> Array:
        """Standard normal."""
        return np.asarray(ndtri(np.maximum(self._generator.random(shape), 2.0**-54)))  # 0 would be -inf

    def whole(self, low: Any, high: Any, *shape: int) -> Array:
        """Whole numbers from low to high, both included."""
        return np.asarray(low + np.floor(self._generator.random(shape) * (high - low + 1))).astype(np.int64)

    def pick(self, weights: Array) -> Array:
        """One column a row, with probability in proportion to the weights (rows x columns)."""
        cumulated = np.cumsum(weights, axis=1)
        drawn = self._generator.random(len(weights)) * cumulated[:, -1]
        return np.asarray(np.minimum((drawn[:, None] >= cumulated).sum(axis=1), weights.shape[1] - 1))

    def counts(self, mean: Array) -> Array:
        """Poisson counts with the given means."""
        drawn = self._generator.random(mean.size)
        result = np.zeros(mean.size, dtype=np.int64)
        chance = np.exp(-mean.ravel())
        cumulated, rate, rows = chance.copy(), mean.ravel(), np.arange(mean.size)
        k = 0
        while rows.size and k < 200:
            k += 1
            keep = drawn >= cumulated
            rows, drawn, rate = rows[keep], drawn[keep], rate[keep]
            result[rows] += 1
            chance = chance[keep] * rate / k
            cumulated = cumulated[keep] + chance
        return result.reshape(mean.shape)


def streams(rng: int | np.random.Generator | np.random.SeedSequence) -> dict[str, Draws]:
    """One independent stream for every part."""
    children = check_rng(rng).spawn(len(STREAMS))
    return {name: Draws(child) for name, child in zip(STREAMS, children, strict=True)}


def logistic(x: Array) -> Array:
    """The inverse of the logit."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))
