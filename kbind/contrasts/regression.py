"""Logistic and Poisson regression on counts: one fit without the level that is asked about, one with it.

Written out because the data comes as counts and dozens of levels share one fit: statsmodels, which gives the same
numbers, cannot start from it and takes two to five times as long; and it warns, but answers, where a level follows from
what is adjusted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kbind.estimate.newton import newton
from kbind.typing import Bools, Floats, Ints

#: A column of which less than this share is its own follows from the others.
_OWN = 1e-8

#: A log ratio with a larger standard error says nothing, and its limits would be no numbers.
_WIDEST = 100.0
#: Customers expected in the smallest of the four fields below which no test is made (Cochran's rule).
LEAST_EXPECTED = 5.0


@dataclass(frozen=True, eq=False)
class Cells:
    """Customers counted by their level and by what is adjusted for.

    Attributes
    ----------
    level : ndarray of int, shape (cells,)
        Level of the attribute that is asked about.
    left, size : ndarray of float, shape (cells,)
        Customers who have left; all of them for odds, their time at risk for rates.
    design : ndarray of float, shape (cells, columns)
        The constant, and what is adjusted for.
    rates : bool
        Whether `size` is time at risk.
    """

    level: Ints
    left: Floats
    size: Floats
    design: Floats = field(repr=False)
    rates: bool = False

    def of(self, rows: Bools) -> Cells:
        """Some of the cells."""
        return replace(
            self, level=self.level[rows], left=self.left[rows], size=self.size[rows], design=self.design[rows]
        )

    def expected(self, x: Floats, beta: Floats) -> tuple[Floats, Floats]:
        """Customers expected to leave, and the variance of their number."""
        slope = x @ beta
        if self.rates:
            mean = self.size * np.exp(slope)
            return mean, mean
        from scipy.special import expit

        chance = expit(slope)
        return self.size * chance, self.size * chance * (1 - chance)

    def likelihood(self, x: Floats, beta: Floats) -> float:
        """Logarithm, up to a constant."""
        slope = x @ beta
        whole = np.exp(slope) if self.rates else np.logaddexp(0, slope)
        return float(self.left @ slope - self.size @ whole)


def informative(cells: Cells, groups: Sequence[Ints]) -> Bools:
    """Cells of which something can be learned about others.

    Where everybody with some level that is adjusted for left, or nobody did, the best estimate for that level is
    infinite, and its customers say nothing on what is asked.

    Parameters
    ----------
    cells : Cells
    groups : sequence of ndarray of int, shape (cells,)
        Codes of every column with levels that is adjusted for, from 0.
    """
    kept = np.ones(len(cells.left), dtype=bool)
    while True:
        before = int(kept.sum())
        for codes in groups:
            left = np.bincount(codes, cells.left * kept)[codes]
            size = np.bincount(codes, cells.size * kept)[codes]
            kept &= (left > 0) if cells.rates else (left > 0) & (left < size)
        if int(kept.sum()) == before:
            return kept


def own_columns(cells: Cells) -> list[int]:
    """Columns of the design that do not follow from those before them."""
    weighted = cells.design * np.sqrt(cells.size)[:, None]
    gram = weighted.T @ weighted
    kept: list[int] = []
    for j in range(gram.shape[1]):
        rest = gram[j, j]
        if kept:
            share = np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, j])
            rest = gram[j, j] - share @ gram[kept, j]
        if gram[j, j] > 0 and rest > _OWN * gram[j, j]:
            kept.append(j)
    return kept


def adjusted_for(cells: Cells, groups: Sequence[Ints], numbers: Sequence[Floats]) -> tuple[Cells, Bools]:
    """Cells with a design of levels and numbers, those from which nothing can be learned left out; and which are kept.

    Parameters
    ----------
    cells : Cells
    groups : sequence of ndarray of int, shape (cells,)
        Codes of each column of levels.
    numbers : sequence of ndarray of float, shape (cells,)
    """
    kept = informative(cells, groups)
    columns = [np.ones(len(cells.left))]
    for codes in groups:
        # against the most frequent level, for the sake of rounding
        frequent = int(np.bincount(codes, cells.size).argmax()) if len(codes) else 0
        columns += [(codes == code).astype(float) for code in np.unique(codes) if code != frequent]
    return replace(cells, design=np.column_stack([*columns, *numbers])).of(kept), kept


def scaled(values: Floats, weight: Floats) -> Floats:
    """Numbers with mean 0 and variance 1; without variance only the mean is taken off."""
    mean = np.average(values, weights=weight)
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    return np.asarray((values - mean) / spread if spread > 0 else values - mean)


def maximum(cells: Cells, x: Floats, start: Floats | None = None) -> tuple[Floats, Floats] | None:
    """Coefficients of the largest likelihood and their covariance, by Newton's method; None if there is none.

    Without a start, the first column is one, and its coefficient begins at the share or rate of all.
    """
    if start is None:
        share = cells.left.sum() / cells.size.sum()
        if not 0 < share < (np.inf if cells.rates else 1):
            return None
        start = np.zeros(x.shape[1])
        start[0] = np.log(share) if cells.rates else np.log(share / (1 - share))

    def look(beta: Floats) -> tuple[float, Floats, Floats]:
        mean, variance = cells.expected(x, beta)
        return cells.likelihood(x, beta), x.T @ (cells.left - mean), (x * variance[:, None]).T @ x

    return newton(look, start)


@dataclass(frozen=True)
class Effect:
    """What a level does, on the log scale.

    Attributes
    ----------
    estimate, error : float
        Log odds or rate ratio and its standard error; NaN where `reason` says why.
    p_value : float
        Of Rao's score test; NaN where too few customers are expected in a field for it to hold.
    reason : str
    """

    estimate: float
    error: float
    p_value: float
    reason: str = ""


UNKNOWN = Effect(np.nan, np.nan, np.nan)


def effects(cells: Cells, levels: Sequence[int]) -> dict[int, Effect]:
    """Effect of every level against all others together, given the columns of the design.

    Parameters
    ----------
    cells : Cells
        Without uninformative cells; the first column of the design is constant.
    levels : sequence of int

    Returns
    -------
    dict of int to Effect
    """
    own = own_columns(cells)
    if not own or not cells.left.sum():
        return {level: replace(UNKNOWN, reason="nothing is left to compare after adjusting") for level in levels}
    x = cells.design[:, own]
    null = maximum(cells, x)
    if null is None:
        reason = "what is adjusted for separates those who left from those who stayed"
        return {level: replace(UNKNOWN, reason=reason) for level in levels}
    mean, variance = cells.expected(x, null[0])
    return {level: _effect(cells, x, null, mean, variance, level) for level in levels}


def _effect(cells: Cells, x: Floats, null: tuple[Floats, Floats], mean: Floats, variance: Floats, level: int) -> Effect:
    from scipy.special import chdtrc

    marked = cells.level == level
    shared = x.T @ (variance * marked)
    whole = float(variance[marked].sum())
    information = whole - float(shared @ null[1] @ shared)
    if not information > _OWN * max(whole, np.finfo(float).tiny):
        return replace(UNKNOWN, reason="cannot be told apart from what is adjusted for")
    p_value, reason = float(chdtrc(1, (cells.left - mean)[marked].sum() ** 2 / information)), ""
    fields = [values[rows].sum() for values in ((mean,) if cells.rates else (mean, cells.size - mean))
              for rows in (marked, ~marked)]  # fmt: skip
    if min(fields) < LEAST_EXPECTED:
        p_value, reason = np.nan, f"fewer than {LEAST_EXPECTED:g} customers expected in a field: not tested"
    empty = _one_sided(cells, marked)
    if empty:
        return Effect(np.nan, np.nan, p_value, f"{empty}; {reason}" if reason else empty)
    found = maximum(cells, np.column_stack([x, marked]), np.append(null[0], 0.0))
    if found is None:
        return Effect(np.nan, np.nan, p_value, "separates those who left from those who stayed")
    # rounding can leave no variance, or any, where nearly all that is adjusted for is the same
    if not 0 < found[1][-1, -1] < _WIDEST**2:
        return Effect(np.nan, np.nan, p_value, "cannot be told apart from what is adjusted for")
    return Effect(float(found[0][-1]), float(np.sqrt(found[1][-1, -1])), p_value, reason)


def _one_sided(cells: Cells, marked: Bools) -> str:
    """Why a ratio would be 0 or infinite, if it would."""
    for rows, whose in ((marked, "of this level"), (~marked, "of the other levels")):
        if not cells.left[rows].sum():
            return f"nobody {whose} has left"
        if not cells.rates and cells.left[rows].sum() == cells.size[rows].sum():
            return f"everybody {whose} has left"
    return ""
