"""Whether the same segments come back when the customers are drawn again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kbind.customers.roster import Values
from kbind.estimate.threads import threads_for
from kbind.segments.traits import Coding
from kbind.typing import Floats, Ints

#: Starts for the segments themselves, and for each resample: the more luck it takes, the less stable.
STARTS, STARTS_AGAIN = 10, 3

#: A segment that does not come back at least this well (Hennig 2007: "valid, stable cluster") is none.
LEAST_JACCARD = 0.75

#: A segment with a smaller share of the customers is not looked for.
LEAST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Stability:
    """How well k segments come back.

    Attributes
    ----------
    k : int
    sizes : ndarray of int, shape (k,)
        Customers in each segment, the largest first.
    ari : ndarray of float, shape (resamples,)
        Adjusted Rand index of the segments and those of each resample.
    jaccard : ndarray of float, shape (resamples, k)
        Overlap of each segment with the most similar one of each resample.
    """

    k: int
    sizes: Ints = field(repr=False)
    ari: Floats = field(repr=False)
    jaccard: Floats = field(repr=False)

    @property
    def smallest(self) -> float:
        """Share of the smallest segment."""
        return float(self.sizes.min() / self.sizes.sum())

    @property
    def least_jaccard(self) -> float:
        """Mean overlap of the segment that comes back worst."""
        return float(self.jaccard.mean(axis=0).min())

    @property
    def passes(self) -> bool:
        """Whether every segment comes back and is large enough."""
        return self.least_jaccard >= LEAST_JACCARD and self.smallest >= LEAST_SHARE


def adjusted_rand(table: Floats | Ints) -> float:
    """Agreement of two divisions, given how many customers fall in each pair of groups; 1 if they are the same.

    Parameters
    ----------
    table : ndarray, shape (groups, other groups)

    Returns
    -------
    float
        0 is expected of two divisions that have nothing to do with each other.

    References
    ----------
    Hubert and Arabie (1985), Journal of Classification 2, 193-218.

    Notes
    -----
    Written out for customers that are counted; scikit-learn wants one entry each.

    Examples
    --------
    >>> round(adjusted_rand(np.array([[2, 0], [0, 1], [0, 1]])), 4)
    0.5714
    """
    counts = np.asarray(table, dtype=float)

    def pairs(n: Floats) -> float:
        return float((n * (n - 1) / 2).sum())

    together, rows, columns = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    every = pairs(counts.sum(keepdims=True))
    expected, most = (rows * columns / every if every else 0.0), (rows + columns) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def crossed(one: Ints, other: Ints, k: int, counts: Floats) -> Floats:
    """How many customers fall in each pair of segments."""
    return np.asarray(np.bincount(one * k + other, weights=counts, minlength=k * k).reshape(k, k), dtype=float)


def fit_segments(x: Floats, weights: Floats, k: int, starts: int, seed: int) -> Any:
    """k-means of weighted rows, the best of several starts; fewer than k where there are not so many rows."""
    from sklearn.cluster import KMeans

    return KMeans(min(k, len(x)), n_init=starts, random_state=seed, algorithm="lloyd").fit(x, sample_weight=weights)


def stability(
    x: Floats,
    counts: Floats,
    k: int,
    resamples: int,
    rng: np.random.Generator,
    tick: Callable[[], None] = lambda: None,
) -> Stability:
    """Form k segments, draw the customers again, form segments of these, and compare; again and again.

    Parameters
    ----------
    x : ndarray, shape (rows, columns)
        Distinct customers.
    counts : ndarray, shape (rows,)
        How many customers a row stands for.
    k : int
        Segments.
    resamples : int
        Bootstrap samples.
    rng : numpy.random.Generator
    tick : callable
        Called after every resample.

    References
    ----------
    Hennig (2007), Computational Statistics & Data Analysis 52, 258-271.
    """
    labels = ordered(fit_segments(x, counts, k, STARTS, _seed(rng)).predict(x), k, counts)
    sizes = np.bincount(labels, weights=counts, minlength=k).astype(np.int64)
    n = int(counts.sum())
    ari, jaccard = np.empty(resamples), np.empty((resamples, k))
    for b in range(resamples):
        weights = rng.multinomial(n, counts / n).astype(float)
        drawn = weights > 0
        again = fit_segments(x[drawn], weights[drawn], k, STARTS_AGAIN, _seed(rng)).predict(x)
        table = crossed(labels, again, k, counts)
        either = table.sum(axis=1)[:, None] + table.sum(axis=0)[None, :] - table
        ari[b] = adjusted_rand(table)
        jaccard[b] = (table / np.maximum(either, 1)).max(axis=1)
        tick()
    return Stability(k, sizes, ari, jaccard)


def ordered(labels: Ints, k: int, counts: Floats) -> Ints:
    """The same segments with the largest as number 0."""
    return rank_by_size(labels, k, counts)[labels]


def rank_by_size(labels: Ints, k: int, counts: Floats) -> Ints:
    """Number of each segment when the largest is 0."""
    sizes = np.bincount(labels, weights=counts, minlength=k)
    return np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 1))


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
