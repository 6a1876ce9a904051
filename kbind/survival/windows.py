"""Stretches of age in which something holds, and lives cut where it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Windows:
    """Stretches of age (begin, until] of some customers; a customer may have several, and they may overlap.

    Attributes
    ----------
    customer : ndarray of int, shape (windows,)
        Position of the customer.
    begin, until : ndarray of float, shape (windows,)
        Ages in months; infinite if there is no end.
    """

    customer: Ints = field(repr=False)
    begin: Floats = field(repr=False)
    until: Floats = field(repr=False)

    def hold(self, customer: Ints, age: Floats) -> Bools:
        """Whether a customer's age lies in one of its windows: begin < age <= until.

        >>> windows = Windows(np.array([0, 0]), np.array([2.0, 3.0]), np.array([4.0, 6.0]))
        >>> windows.hold(np.zeros(4, dtype=np.int64), np.array([2.0, 3.0, 6.0, 7.0])).tolist()
        [False, True, True, False]
        """
        distinct, code = np.unique(np.concatenate((age, self.begin, self.until)), return_inverse=True)
        place = customer * len(distinct) + code[: len(age)]
        edges = np.tile(self.customer, 2) * len(distinct) + code[len(age) :]
        begins, ends = np.sort(edges[: len(self.begin)]), np.sort(edges[len(self.begin) :])
        # windows of customers before this one have begun and ended alike, so they cancel out
        begun, over = np.searchsorted(begins, place), np.searchsorted(ends, place)
        return np.asarray(begun > over)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Lives in pieces (entry, duration] in which nothing changes, in the order of customers and ages.

    Attributes
    ----------
    customer : ndarray of int, shape (pieces,)
        Position of the customer.
    entry, duration : ndarray of float, shape (pieces,)
        An entry of 0 includes age 0.
    last : ndarray of bool, shape (pieces,)
        The customer's last piece, at whose end it left if it did.
    values : ndarray of float, shape (pieces, covariates)
        1 where the windows hold.
    """

    customer: Ints
    entry: Floats
    duration: Floats
    last: Bools
    values: Floats


def cut(entry: Floats, duration: Floats, covariates: Sequence[Windows]) -> Pieces:
    """Cut lives at the edges of windows.

    Parameters
    ----------
    entry, duration : ndarray of float, shape (customers,)
    covariates : sequence of Windows

    Returns
    -------
    Pieces
    """
    everyone = np.arange(len(entry))
    who, age = [everyone], [duration]
    for windows in covariates:
        for edge in (windows.begin, windows.until):
            since, end = entry[windows.customer], duration[windows.customer]
            # what happens on the very day of the origin does not hold at age 0, where somebody may leave
            inside = ((edge > since) | ((edge == 0) & (since <= 0))) & (edge < end)
            who.append(windows.customer[inside])
            age.append(edge[inside])
    customer, stop = np.concatenate(who), np.concatenate(age)
    order = np.lexsort((stop, customer))
    customer, stop = customer[order], stop[order]
    values = np.empty((len(stop), len(covariates)))
    for k, windows in enumerate(covariates):
        values[:, k] = windows.hold(customer, stop)
    last = np.append(customer[1:] != customer[:-1], True)
    same_age = np.append(stop[1:] == stop[:-1], False) & ~last
    # windows that overlap leave edges at which nothing changes
    changes = np.append((values[1:] != values[:-1]).any(axis=1), True) | last
    kept = changes & ~same_age
    customer, stop, values, last = customer[kept], stop[kept], values[kept], last[kept]
    first = np.append(True, customer[1:] != customer[:-1])
    before = np.append(0.0, stop[:-1])
    # an entry of 0 would include age 0 once more
    start = np.where(first, entry[customer], np.where(before > 0, before, np.nextafter(0.0, 1.0)))
    return Pieces(customer, start, stop, last, values)
