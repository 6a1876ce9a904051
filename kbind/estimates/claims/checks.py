"""How each claim is checked: from a small count of the data to an estimate with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from kbind.data.dataset import Dataset
from kbind.estimates.intervals import wilson
from kbind.estimates.retention.rates import Rate, rate_of
from kbind.estimates.value import retention_value
from kbind.statistics.claimed import Referrals, Share, first_devices, kept_for_a_year, referrals_by_age

#: Years looked ahead where a claim says what retention brings; and so many that everybody has left.
YEARS, LIFETIME = 5, 2000
#: Referrals, early or late, below which a ratio has no interval that could be believed.
_FEW = 10


@dataclass(frozen=True)
class Found:
    """What the data says.

    Parameters
    ----------
    estimate, ci_lower, ci_upper : float
        NaN where the data cannot say.
    n : int
        Customers it rests on.
    definition : str
        How it was computed.
    count : int or None
        Of these customers, those in the numerator of a share.
    """

    estimate: float
    ci_lower: float
    ci_upper: float
    n: int
    definition: str
    count: int | None = None


def _growth(data: Dataset, points: float, horizon: int, conf_level: float) -> Found:
    """Extra revenue by the company's own yearly churn; arithmetic, not observation."""
    over = "for as long as they stay" if horizon == LIFETIME else f"over {horizon} years"
    definition = (
        f"computed, not observed: extra revenue from the customers of today {over} if {points:g} points more of them "
        "stay each year, divided by their revenue without; from the share of the customers with a contract a year "
        "before the end of the data who have none at its end, the same in every year"
    )
    kept = kept_for_a_year(data) if _seen_a_year(data) else Share(0, 0)
    churn = rate_of(kept.n - kept.count, kept.n, conf_level, "gone within the year")
    if not churn.ci_lower > points / 100:  # also where it is not known
        return Found(np.nan, np.nan, np.nan, kept.n, definition + _too_little(churn, points))
    worth = retention_value(customers=kept.n, price=1, margin=1, churn=churn, points=points, horizon=horizon)
    return Found(worth.growth, *worth.interval("growth"), kept.n, definition)


def _seen_a_year(data: Dataset) -> bool:
    """Whether leavers were recorded for the whole of the last year."""
    import pandas as pd

    span, as_of = data.tables["subscriptions"].span, data.as_of
    if span is None or as_of is None:
        return False
    begin = pd.Timestamp(data.recorded_from or data.wall_clock(span[0]))
    return bool(begin <= pd.Timestamp(as_of) - pd.DateOffset(years=1))


def _too_little(churn: Rate, points: float) -> str:
    if np.isnan(churn.value):
        return "; leavers were not recorded for a year"
    return f"; perhaps only {churn.ci_lower:.1%} leave in a year, so that {points:g} points cannot be gained"


def _share(count: int, n: int, definition: str, conf_level: float) -> Found:
    value, lower, upper = (float(x) for x in wilson(count, n, conf_level))
    return Found(value, lower, upper, n, definition, count)


def _phone_first(data: Dataset, conf_level: float) -> Found:
    counts = first_devices(data)
    started = sum(n for (first, _), n in counts.items() if first == "phone")
    definition = "customers whose first event was on a phone, divided by customers with a device; Wilson score interval"
    return _share(started, sum(counts.values()), definition, conf_level)


def _continued(data: Dataset, conf_level: float, kind: str) -> Found:
    counts = {after: n for (first, after), n in first_devices(data).items() if first == "phone" and after}
    definition = (
        f"customers whose second event was on a {kind}, divided by customers with a second event whose first was on "
        "a phone; Wilson score interval"
    )
    return _share(counts.get(kind, 0), sum(counts.values()), definition, conf_level)


def _recommend(data: Dataset, conf_level: float) -> Found:
    counted = referrals_by_age(data)
    definition = (
        "referrals per customer and year after the first year of being a customer, divided by those within it; "
        "interval by the delta method on the log scale, over customers"
    )
    return rate_ratio(counted, conf_level, definition)


def rate_ratio(counted: Referrals, conf_level: float, definition: str) -> Found:
    """Rate of referrals later over that of the first year; customers, not referrals, are what was drawn."""
    if min(counted.sums[0], counted.sums[2]) < _FEW or min(counted.sums) <= 0:
        return Found(np.nan, np.nan, np.nan, counted.customers, definition)
    early, early_days, late, late_days = counted.sums
    ratio = (late / late_days) / (early / early_days)
    # a customer's part in the log of the ratio is linear in these four, so its square is in their products
    weights = np.array([-1.0, 1.0, 1.0, -1.0]) / counted.sums
    error = float(np.sqrt(weights @ counted.products @ weights))
    z = NormalDist().inv_cdf(0.5 + conf_level / 2)
    return Found(ratio, ratio * np.exp(-z * error), ratio * np.exp(z * error), counted.customers, definition)


#: Claim -> how it is checked.
CHECKS: dict[str, Callable[[Dataset, float], Found]] = {
    "five_points": lambda data, level: _growth(data, 5, YEARS, level),
    "five_points_lifetime": lambda data, level: _growth(data, 5, LIFETIME, level),
    "one_point": lambda data, level: _growth(data, 1, YEARS, level),
    "one_point_lifetime": lambda data, level: _growth(data, 1, LIFETIME, level),
    "loyal_recommend": _recommend,
    "phone_first": _phone_first,
    "phone_computer": lambda data, level: _continued(data, level, "computer"),
    "phone_tablet": lambda data, level: _continued(data, level, "tablet"),
}
