"""k-means of many weighted samples of the same customers at once.

scikit-learn forms the segments of one sample a call, and for a few hundred customers the call costs more than the
segments. Here samples take each step together: one product of matrices gives the distances to the centres of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kbind.statistics.groups import Ints
from kbind.statistics.profiles.levels import Floats

#: Numbers that are worked on at a time; more of them would not stay near the processor.
CELLS = 2**17

#: But no fewer customers.
_LEAST_ROWS = 256

#: As in scikit-learn: centres that move less, relative to the mean variance of the columns, have arrived.
_TOLERANCE, _MOST_STEPS = 1e-4, 300

_Codes = NDArray[np.int8]


def best_of_starts(
    x: Floats, weights: Floats, k: int, starts: int, rngs: Sequence[np.random.Generator]
) -> tuple[Floats, Ints]:
    """Centres of each of several weighted samples, the best of several starts, and the segments of all customers.

    Parameters
    ----------
    x : ndarray, shape (customers, columns)
    weights : ndarray, shape (samples, customers)
        How often each customer is in each sample.
    k : int
        Segments, 127 at most.
    starts : int
        By greedy k-means++.
    rngs : sequence of numpy.random.Generator
        One a sample, so that a sample does not depend on those it is computed with.

    Returns
    -------
    tuple of ndarray
        Centres, shape (samples, k, columns); number of the nearest, shape (samples, customers).

    References
    ----------
    Lloyd (1982), IEEE Transactions on Information Theory 28, 129-137; Arthur and Vassilvitskii (2007), k-means++.
    """
    samples = len(weights)
    numbers = np.stack([rng.random((starts, k, _trials(k))) for rng in rngs]).reshape(samples * starts, k, -1)
    drawn = weights.any(axis=0)
    inside, every = x[drawn], np.repeat(weights[:, drawn], starts, axis=0)
    still = _TOLERANCE * float(x.var(axis=0).mean())
    centres = lloyd(inside, every, plus_plus(inside, every, k, numbers), still)
    best = _near(inside, every, centres).reshape(samples, starts).argmax(axis=1) + starts * np.arange(samples)
    found = centres[:, best]
    return found.transpose(1, 0, 2), assign(x, found)


def assign(x: Floats, centres: Floats) -> Ints:
    """Number of the nearest centre.

    Parameters
    ----------
    x : ndarray, shape (customers, columns)
    centres : ndarray, shape (k, runs, columns)

    Returns
    -------
    ndarray of int, shape (runs, customers)
    """
    k, runs, _ = centres.shape
    columns = np.ascontiguousarray(x.T)
    parts = _parts(len(x), k * runs)
    return np.concatenate([nearest(columns[:, part], centres)[0] for part in parts], axis=1).astype(np.int64)


def plus_plus(x: Floats, weights: Floats, k: int, drawn: Floats) -> Floats:
    """Centres to start from: customers far from those chosen before; each time the best of several.

    Parameters
    ----------
    x : ndarray, shape (customers, columns)
    weights : ndarray, shape (runs, customers)
    k : int
    drawn : ndarray, shape (runs, k, trials)
        Random numbers between 0 and 1.

    Returns
    -------
    ndarray, shape (k, runs, columns)
    """
    runs = np.arange(len(weights))
    squares = (x**2).sum(axis=1)
    first = _pick(weights, drawn[:, 0, :1])[:, 0]
    chosen = [first]
    away = _distances(x, squares, first)
    for step in range(1, k):
        tried = _pick(weights * away, drawn[:, step]).T
        closer = np.minimum(_distances(x, squares, tried.ravel()).reshape(*tried.shape, -1), away)
        best = np.einsum("trn,rn->tr", closer, weights).argmin(axis=0)
        away = closer[best, runs]
        chosen.append(tried[best, runs])
    return x[np.stack(chosen)]


def lloyd(x: Floats, weights: Floats, centres: Floats, still: float) -> Floats:
    """Move centres to the means of those nearest to them, until nobody changes sides or hardly anything moves.

    Parameters
    ----------
    x : ndarray, shape (customers, columns)
    weights : ndarray, shape (runs, customers)
    centres : ndarray, shape (k, runs, columns)
    still : float
        Sum of the squared ways of all centres of a run from which it has arrived.

    Returns
    -------
    ndarray, shape (k, runs, columns)
    """
    centres = centres.copy()
    columns = np.ascontiguousarray(x.T)
    room = np.empty((2, max(CELLS, _LEAST_ROWS * centres.shape[0] * centres.shape[1])))
    before = np.full(weights.shape, -1, dtype=np.int8)
    moving = np.arange(len(weights))
    for _ in range(_MOST_STEPS):
        now, moved = _step(x, columns, weights[moving], centres[:, moving], room)
        settled = (now == before[moving]).all(axis=1) | (((moved - centres[:, moving]) ** 2).sum(axis=(0, 2)) <= still)
        before[moving], centres[:, moving] = now, moved
        moving = moving[~settled]
        if not len(moving):
            break
    return centres


def nearest(columns: Floats, centres: Floats, room: Floats | None = None) -> tuple[_Codes, Floats]:
    """Number of the nearest centre in each run, and how near: half the squares of x less half the squared distance.

    Parameters
    ----------
    columns : ndarray, shape (columns, customers)
    centres : ndarray, shape (k, runs, columns)
    room : ndarray, optional
        Where to compute, of k times runs times customers numbers; new memory takes longer to get than to fill.

    Returns
    -------
    tuple of ndarray, shape (runs, customers)
    """
    k, runs, _ = centres.shape
    customers = columns.shape[1]
    flat = centres.reshape(k * runs, -1)
    size = k * runs * customers
    into = np.empty(size) if room is None else room[:size]
    near = np.matmul(flat, columns, out=into.reshape(k * runs, customers))
    near -= ((flat**2).sum(axis=1) / 2)[:, None]
    near = near.reshape(k, runs, customers)
    labels, best = np.zeros((runs, customers), dtype=np.int8), near[0]
    for number in range(1, k):
        # the number where it is nearer, else 0; a masked assignment takes ten times as long
        labels = np.maximum(labels, (near[number] > best).view(np.int8) * np.int8(number))
        np.maximum(best, near[number], out=best)
    return labels, best


def _trials(k: int) -> int:
    """As many candidates as in scikit-learn."""
    return 2 + int(np.log(k))


def _pick(mass: Floats, drawn: Floats) -> Ints:
    """Customers drawn in proportion to their mass, run by run; shape (runs, trials)."""
    runs, n = mass.shape
    up_to = mass.cumsum(axis=1)
    total = up_to[:, -1:]
    # where all mass is used up, whoever comes first
    up_to /= np.where(total > 0, total, 1)
    up_to += np.arange(runs)[:, None]
    found = np.searchsorted(up_to.ravel(), drawn + np.arange(runs)[:, None], side="right")
    return np.asarray(np.clip(found - n * np.arange(runs)[:, None], 0, n - 1), dtype=np.int64)


def _distances(x: Floats, squares: Floats, rows: Ints) -> Floats:
    """Squared distances of all customers from some of them; shape (rows, customers)."""
    found = x[rows] @ x.T
    found *= -2
    found += squares
    found += squares[rows][:, None]
    return np.maximum(found, 0, out=found)


def _parts(customers: int, distances: int) -> list[slice]:
    """Customers in parts whose distances, so many each, stay near the processor."""
    rows = max(CELLS // distances, _LEAST_ROWS)
    return [slice(first, first + rows) for first in range(0, customers, rows)]


def _near(x: Floats, weights: Floats, centres: Floats) -> Floats:
    """How near the customers of each run are to their centres; shape (runs,)."""
    total = np.zeros(len(weights))
    columns = np.ascontiguousarray(x.T)
    for part in _parts(len(x), centres.shape[0] * centres.shape[1]):
        total += np.einsum("rn,rn->r", nearest(columns[:, part], centres)[1], weights[:, part])
    return total


def _step(x: Floats, columns: Floats, weights: Floats, centres: Floats, room: Floats) -> tuple[_Codes, Floats]:
    """Everybody to the nearest centre, and the means of those who are with each."""
    k, runs, width = centres.shape
    labels = np.empty(weights.shape, dtype=np.int8)
    sums, mass = np.zeros((k * runs, width)), np.zeros((k, runs))
    for part in _parts(len(x), k * runs):
        found = labels[:, part] = nearest(columns[:, part], centres, room[0])[0]
        here = room[1, : k * found.size].reshape(k, *found.shape)
        for number in range(k):
            np.multiply(found == number, weights[:, part], out=here[number])
        mass += here.sum(axis=2)
        sums += here.reshape(k * runs, -1) @ x[part]
    means = sums.reshape(centres.shape) / np.maximum(mass, 1e-300)[:, :, None]
    for run in np.flatnonzero((mass == 0).any(axis=0)):
        _fill(x, weights[run], centres[:, run], mass[:, run] == 0, means[:, run])
    return labels, means


def _fill(x: Floats, weights: Floats, centres: Floats, empty: NDArray[np.bool_], means: Floats) -> None:
    """Centres nobody is with go to whoever is farthest from theirs; as in scikit-learn."""
    away = np.where(weights > 0, (x**2).sum(axis=1) - 2 * nearest(x.T, centres[:, None])[1][0], 0)
    means[empty] = centres[empty]
    far = np.argsort(-away, kind="stable")[: empty.sum()]
    # fewer different customers than centres: the others stay where they are
    far = far[away[far] > 1e-9]
    means[np.flatnonzero(empty)[: len(far)]] = x[far]
