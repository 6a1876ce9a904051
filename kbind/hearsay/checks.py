"""How each claim is checked: from a small count of the data to an estimate with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.recording import recording_began
from kbind.errors import NotEnoughData
from kbind.estimate.intervals import floats, wilson
from kbind.estimate.sums import ratio_of_means
from kbind.hearsay.customer_counts import Referrals, Share, first_devices, kept_for_a_year, referrals_by_age
from kbind.hearsay.order_counts import Paired, categories_by_day, days_between, won_by_campaign
from kbind.orders.purchases import Purchases, purchases
from kbind.retention.rates import Rate, rate_of
from kbind.revenue.retention_value import retention_value

#: Years looked ahead where a claim says what retention brings.
YEARS = 5
#: Referrals, early or late, below which a ratio has no interval that could be believed.
_FEW = 10
#: Customers of each kind from which spending up to an age is compared, and the age in months that is best known.
LEAST, AGE = 30, 11
#: Days after a campaign within which a first order counts as its doing, and the next order as a return.
SOON, WITHIN = 30, 90


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


class Look:
    """What several checks of one data set share, made when first needed.

    Parameters
    ----------
    data : Dataset
        What the claims are held against.
    conf_level : float
        Level of the intervals.
    """

    def __init__(self, data: Dataset, conf_level: float) -> None:
        self.data, self.conf_level = data, conf_level

    @cached_property
    def devices(self) -> dict[tuple[str, str], int]:
        """Customers by the devices of their first two events."""
        return first_devices(self.data)

    @cached_property
    def seen_a_year(self) -> bool:
        """Whether leavers were recorded for the whole of the last year."""
        span, as_of = self.data.tables["subscriptions"].span, self.data.as_of
        if span is None or as_of is None:
            return False
        begin = pd.Timestamp(recording_began(self.data, "subscriptions"))
        return bool(begin <= pd.Timestamp(as_of) - pd.DateOffset(years=1))

    @cached_property
    def bought(self) -> Purchases | None:
        """Purchases of customers whose first one is known; None if there are none."""
        try:
            return purchases(self.data, since=self.since, conf_level=self.conf_level)
        except NotEnoughData:
            return None

    @cached_property
    def since(self) -> date | None:
        """Day from which on first orders are first ones: where the first month is full of old customers, the second."""
        try:
            every = purchases(self.data)
        except NotEnoughData:
            return None
        return every.calendar.starts[1] if every.starts_with_recording else None


def _growth(look: Look, points: float, *, lifetime: bool) -> Found:
    """Extra revenue by the company's own yearly churn; arithmetic, not observation."""
    over = "for as long as they stay" if lifetime else f"over {YEARS} years"
    definition = (
        f"computed, not observed: extra revenue from the customers of today {over} if {points:g} points more of them "
        "stay each year, divided by their revenue without; from the share of the customers with a contract a year "
        "before the end of the data who have none at its end, the same in every year"
    )
    kept = kept_for_a_year(look.data) if look.seen_a_year else Share(0, 0)
    churn = rate_of(kept.n - kept.count, kept.n, look.conf_level, "gone within the year")
    if not (churn.ci_lower > points / 100 and churn.value < 1):  # also where it is not known
        return Found(np.nan, np.nan, np.nan, kept.n, definition + _too_little(churn, points))
    if lifetime:
        return Found(*_lifetime_growth(churn, points / 100), kept.n, definition)
    worth = retention_value(customers=kept.n, price=1, margin=1, churn=churn, points=points, horizon=YEARS)
    return Found(worth.growth, *worth.interval("growth"), kept.n, definition)


def _lifetime_growth(churn: Rate, fall: float) -> tuple[float, float, float]:
    """Growth of the years that a customer stays, (1 - c) / c, and its range as churn c moves over its interval."""
    moving = np.concatenate([[churn.value], np.linspace(*churn.interval, 101)])
    growth = (1 - moving + fall) / (moving - fall) / ((1 - moving) / moving) - 1
    return float(growth[0]), float(growth.min()), float(growth.max())


def _too_little(churn: Rate, points: float) -> str:
    if np.isnan(churn.value):
        return "; leavers were not recorded for a year"
    if churn.value == 1:
        return "; nobody stayed"
    return f"; perhaps only {churn.ci_lower:.1%} leave in a year, so that {points:g} points cannot be gained"


def _share(count: int, n: int, definition: str, conf_level: float) -> Found:
    return Found(*floats(wilson(count, n, conf_level)), n, definition, count)


def _phone_first(look: Look) -> Found:
    counts = look.devices
    started = sum(n for (first, _), n in counts.items() if first == "phone")
    definition = "customers whose first event was on a phone, divided by customers with a device; Wilson score interval"
    return _share(started, sum(counts.values()), definition, look.conf_level)


def _continued(look: Look, kind: str) -> Found:
    counts = {after: n for (first, after), n in look.devices.items() if first == "phone" and after}
    definition = (
        f"customers whose second event was on a {kind}, divided by customers with a second event whose first was on "
        "a phone; Wilson score interval"
    )
    return _share(counts.get(kind, 0), sum(counts.values()), definition, look.conf_level)


def _recommend(look: Look) -> Found:
    counted = referrals_by_age(look.data)
    definition = (
        "referrals per customer and year after the first year of being a customer, divided by those within it; "
        "interval by the delta method on the log scale, over customers"
    )
    return rate_ratio(counted, look.conf_level, definition)


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


def _regulars(look: Look) -> Found:
    """Total spending up to one age, so that nobody had more time than others."""
    definition = "revenue per customer of those who bought at least twice, divided by that of those who bought once"
    if look.bought is None:
        return _nothing(0, definition)
    frame = look.bought.spending()
    enough = frame[(frame["n_once"] >= LEAST) & (frame["n_regular"] >= LEAST) & (frame["age"] <= AGE)]
    # a later age at which a few customers pay nearly everything has no limits, and takes nothing from an earlier one
    enough = enough[enough["ratio_ci_lower"].notna()]
    if enough.empty:
        return _nothing(int(frame["at_risk"].max()), definition)
    row = enough.iloc[-1]
    definition += (
        f", up to {int(row['age'])} months after the month of the first order, of customers observed for as long; "
        "who buys again has more orders by construction; interval by the delta method on the log scale"
    )
    return Found(*_ratio(row, "ratio"), int(row["at_risk"]), definition)


def _more(look: Look) -> Found:
    definition = (
        "mean value of a customer's later orders, divided by that of the first order of the same customers; every "
        "customer counts once; interval by the delta method on the log scale"
    )
    if look.bought is None:
        return _nothing(0, definition)
    row = look.bought.order_value().iloc[0]
    return Found(*_ratio(row, "ratio"), int(row["n_regular"]), definition)


def _often(look: Look) -> Found:
    definition = (
        "days between the first two orders, divided by the mean of a customer's later gaps, of customers with at least "
        "three orders; above 1 they come faster; every customer counts once; interval by the delta method on the log "
        "scale"
    )
    sums = days_between(look.data, look.since)
    return paired_ratio(sums, look.conf_level, definition, later_first=False)


def _across(look: Look) -> Found:
    definition = (
        "categories bought on a later day of purchase, divided by those of the first day, of customers with both; "
        "every customer counts once; interval by the delta method on the log scale"
    )
    return paired_ratio(categories_by_day(look.data, look.since), look.conf_level, definition, later_first=True)


def paired_ratio(sums: Paired, conf_level: float, definition: str, *, later_first: bool) -> Found:
    """Ratio of two means of the same customers."""
    # a ratio takes no notice of cubes
    later = sums.n, sums.later, sums.later_squares, np.nan
    first = sums.n, sums.first, sums.first_squares, np.nan
    above, below = (later, first) if later_first else (first, later)
    return Found(*floats(ratio_of_means(above, below, conf_level, products=sums.products)), sums.n, definition)


def _free_first(look: Look) -> Found:
    definition = (
        f"customers who ordered again within {WITHIN} days, divided by customers whose first order fell within {SOON} "
        f"days after a campaign and more than {WITHIN} days before the end of the data; whether that order was free is "
        "not in the data; Wilson score interval"
    )
    won = won_by_campaign(look.data, soon=SOON, within=WITHIN)
    return _share(won.count, won.n, definition, look.conf_level)


def _nothing(n: int, definition: str) -> Found:
    return Found(np.nan, np.nan, np.nan, n, definition)


def _ratio(row: pd.Series[Any], name: str) -> tuple[float, float, float]:
    return float(row[name]), float(row[f"{name}_ci_lower"]), float(row[f"{name}_ci_upper"])


#: Claim -> how it is checked.
CHECKS: dict[str, Callable[[Look], Found]] = {
    "five_points": lambda look: _growth(look, 5, lifetime=False),
    "five_points_lifetime": lambda look: _growth(look, 5, lifetime=True),
    "one_point": lambda look: _growth(look, 1, lifetime=False),
    "one_point_lifetime": lambda look: _growth(look, 1, lifetime=True),
    "regulars_spend": _regulars,
    "loyal_more": _more,
    "loyal_often": _often,
    "loyal_across": _across,
    "loyal_recommend": _recommend,
    "phone_first": _phone_first,
    "phone_computer": lambda look: _continued(look, "computer"),
    "phone_tablet": lambda look: _continued(look, "tablet"),
    "free_first": _free_first,
}
