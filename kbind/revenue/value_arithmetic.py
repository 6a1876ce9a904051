"""Customers by period with and without the points, and what the difference comes to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbind.typing import Floats


@dataclass(frozen=True)
class Inputs:
    """What the arithmetic needs; shares are fractions of 1, money and rates are those of one period.

    Parameters
    ----------
    customers, gained : float
        Customers at the start, and new ones in every period.
    price, margin : float
        Revenue per customer and period, and the share of it that is left after what serving the customer costs.
    churn : float
        Share that leaves in every period.
    acquisition_cost : float
        Cost of winning one customer; NaN if not known.
    discount : float
        By how much money of one period later is worth less.
    points : float
        Percentage points by which churn falls.
    horizon : int
        Periods looked ahead.
    """

    customers: float
    price: float
    margin: float
    churn: float
    acquisition_cost: float
    gained: float
    discount: float
    points: float
    horizon: int

    @property
    def fall(self) -> float:
        """By how much churn falls; where less than that leaves, nobody leaves any more."""
        return min(self.points / 100, self.churn)


@dataclass(frozen=True)
class Paths:
    """Customers at the end of each period, from period 0 on."""

    without: Floats
    with_points: Floats


def paths(given: Inputs) -> Paths:
    """Customers by period: those of the start, and everybody gained since, less who has left."""
    return Paths(_path(given, given.churn), _path(given, given.churn - given.fall))


def _path(given: Inputs, churn: float) -> Floats:
    kept = (1.0 - churn) ** np.arange(given.horizon + 1)
    # somebody gained in period s is there at its end, and has lived t - s periods by the end of period t
    joined = np.concatenate([[0.0], np.cumsum(kept[:-1])])
    return np.asarray(given.customers * kept + given.gained * joined, dtype=float)


def figures(given: Inputs) -> dict[str, float]:
    """Every figure by name; see `FIGURES`."""
    path = paths(given)
    extra = (path.with_points - path.without)[1:]
    worth_today = (1 + given.discount) ** -np.arange(1.0, given.horizon + 1)
    served = path.with_points[:-1]  # there when a period begins: whom the effort goes to, and who stays more often
    revenue, value = given.price * extra.sum(), given.price * given.margin * (extra @ worth_today)
    before = path.without[1:].sum()
    return {
        "extra_customers": float(extra[-1]),
        "extra_customer_periods": float(extra.sum()),
        "extra_revenue": float(revenue),
        "extra_margin": float(revenue * given.margin),
        "growth": float(extra.sum() / before) if before > 0 else np.inf if extra.sum() > 0 else np.nan,
        "value": float(value),
        "value_per_customer": float(value / given.customers),
        "break_even": float(value / (served @ worth_today)),
        # without the points, so many more must be won in each period to have the same customers in every one of them
        "acquisitions_replaced": float(given.fall * served.sum()),
        "acquisition_saved": float(given.fall * (served @ worth_today) * given.acquisition_cost),
    }


def points_of_year(churn: float, periods: int, points: float = 1.0) -> float:
    """Points by which churn has to fall in every period, so that so many more of 100 customers are there a year later.

    NaN where not so many leave in a year.

    >>> round(points_of_year(0.02, 12), 3), points_of_year(0.0, 12)
    (0.103, nan)
    """
    stay = (1 - churn) ** periods + points / 100
    return 100 * (churn - 1 + stay ** (1 / periods)) if stay <= 1 else float("nan")
