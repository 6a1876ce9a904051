"""Retention of a set of customers and how two sets differ, where the sets may share customers.

Every figure comes with its influence: by how much one customer of a row moves it. The variance of any difference of
figures is the sum of its squared influence over customers, so that customers in both sets count once (infinitesimal
jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from kbind.statistics.customers.prospects import YEAR, Prospects
from kbind.typing import Bools, Floats, Ints

#: Fewer customers, or fewer leavers or stayers among them, say nothing.
LEAST_CUSTOMERS, LEAST_EVENTS = 100, 10


@dataclass(frozen=True, eq=False)
class Figure:
    """A number and what each customer adds to it.

    Attributes
    ----------
    value : float
        NaN where nobody is there to tell.
    influence : ndarray of float, shape (rows,)
        Of one customer of each row.
    """

    value: float
    influence: Floats = field(repr=False)

    def minus(self, other: Figure) -> Figure:
        """The difference of two figures of the same customers."""
        return Figure(self.value - other.value, self.influence - other.influence)

    def error(self, n: Ints) -> float:
        """Standard error, with so many customers a row."""
        return float(np.sqrt((n * self.influence**2).sum()))

    def limits(self, n: Ints, conf_level: float) -> tuple[float, float, float]:
        """The value with its interval."""
        half = NormalDist().inv_cdf(0.5 + conf_level / 2) * self.error(n)
        return self.value, self.value - half, self.value + half

    def p_value(self, n: Ints) -> float:
        """Two-sided, of the value being 0; NaN where it cannot be told."""
        error = self.error(n)
        if not error > 0:
            return float("nan")
        return 2 * NormalDist().cdf(-abs(self.value) / error)


def kept_of(rate: float | Floats, *, is_rate: bool) -> float | Floats:
    """Share who stay: 1 minus the share who left, or what a monthly rate of leaving leaves after a year."""
    return np.exp(-YEAR * rate) if is_rate else 1 - rate


def retention(p: Prospects, n: Ints, mask: Bools) -> Figure:
    """Retention given exposure of the marked rows, with `n` customers a row."""
    return _kept(p, n * mask, mask, p.gone.astype(float), p.size)


def first_year(p: Prospects, n: Ints, mask: Bools) -> Figure:
    """The same of the first year alone, in which nobody is a survivor yet."""
    return _kept(p, n * mask, mask, p.first_gone, p.first_size)


def revenue(p: Prospects, n: Ints, mask: Bools) -> Figure:
    """Monthly revenue per customer."""
    known = mask & np.isfinite(p.revenue)
    count = float((n * known).sum())
    if not count:
        return _nothing(p)
    value = np.where(known, p.revenue, 0.0)
    mean = float((n * value).sum()) / count
    return Figure(mean, np.where(known, (value - mean) / count, 0.0))


def retained_revenue(p: Prospects, n: Ints, mask: Bools) -> Figure:
    """Monthly revenue per customer that is still there: mean revenue times the retention of revenue."""
    known = mask & np.isfinite(p.revenue)
    value = np.where(known, p.revenue, 0.0)
    mean, share = revenue(p, n, mask), _kept(p, n * known, known, value * p.gone, value * p.size)
    return Figure(mean.value * share.value, mean.influence * share.value + mean.value * share.influence)


def months_seen(p: Prospects, n: Ints, mask: Bools) -> float:
    """Mean months that customers have been seen for; NaN where the data does not say."""
    known = mask & np.isfinite(p.months)
    count = int((n * known).sum())
    return float((n * np.where(known, p.months, 0.0)).sum() / count) if count else float("nan")


def share_of(n: Ints, mask: Bools, of: Bools | None = None) -> float:
    """Share of the customers who are marked, of all or of some."""
    whole = n if of is None else n * of
    return float((whole * mask).sum() / whole.sum()) if whole.sum() else float("nan")


def jaccard(n: Ints, one: Bools, other: Bools) -> float:
    """Customers in both sets, of those in either."""
    return share_of(n, one & other, one | other)


def enough(p: Prospects, n: Ints, mask: Bools) -> bool:
    """Whether enough customers are marked, among them leavers and stayers, for anything to be said."""
    count, left = int((n * mask).sum()), int((n * (mask & p.gone)).sum())
    return count >= LEAST_CUSTOMERS and min(left, count - left) >= LEAST_EVENTS


def _kept(p: Prospects, weight: Ints, mask: Bools, gone: Floats, size: Floats) -> Figure:
    whole = float((weight * size).sum())
    if not whole > 0:
        return _nothing(p)
    rate = float((weight * gone).sum()) / whole
    value = float(kept_of(rate, is_rate=p.rate))
    slope = -YEAR * value if p.rate else -1.0
    return Figure(value, np.where(mask, slope * (gone - rate * size) / whole, 0.0))


def _nothing(p: Prospects) -> Figure:
    return Figure(float("nan"), np.zeros(len(p.n)))
