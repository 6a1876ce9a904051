"""One run each of what is claimed of columns that know the outcome: honest ones stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

from kbind.customers.leaks import Column, Rows, proven

#: Honest columns: nothing to do with leaving; a plan with which three of four leave; a number with an AUC of .86, near
#: to certain at its end; a rare level of leavers only; a hundred places that have nothing to do with it; and, close to
#: a leak, a level with which nine of ten leave.
HONEST = ("noise", "strong plan", "strong number", "fifteen who all left", "a hundred places", "nine of ten leave")


def removed(rng: Generator, n: int) -> tuple[bool, ...]:
    """Which of the honest columns is removed."""
    left = rng.random(n) < 0.25
    rare = np.zeros(n, dtype=bool)
    rare[np.flatnonzero(left)[:15]] = True
    columns = (
        rng.normal(size=n),
        _level(rng, left, 0.15, 0.75),
        1.55 * left + rng.normal(size=n),
        np.where(rare, "rare", "usual"),
        rng.integers(0, 100, n).astype(str),
        _level(rng, left, 0.05, 0.9),
    )
    rows = Rows.of(left.astype(float))
    return tuple(bool(proven([("x", Column.of(pd.Series(values)))], rows)) for values in columns)


def _level(rng: Generator, left: np.ndarray, share: float, leaving: float) -> np.ndarray:
    """A level of so many customers, of whom so many leave."""
    chance = np.where(left, share * leaving / left.mean(), share * (1 - leaving) / (1 - left.mean()))
    return np.where(rng.random(len(left)) < chance, "marked", "usual")
