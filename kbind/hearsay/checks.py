"""How each claim is checked: from a small count of the data to an estimate with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.recording import recording_began
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.estimate.sums import ratio_of_means
from kbind.hearsay.customer_counts import Referrals, Share, first_devices, kept_for_a_year, referrals_by_age
from kbind.hearsay.order_counts import Paired, categories_by_day, days_between, won_by_campaign
from kbind.orders.purchases import Purchases, purchases
from kbind.revenue.retention_value import retention_value

#: Years looked ahead where a claim says what retention brings.
YEARS = 5
#: Referrals, early or late, below which a ratio has no interval that could be believed.
_FEW = 10
#: Customers of each kind from which spending up to an age is compared, and the age in months that is best known.
LEAST, AGE = 30, 11
#: Days after a campaign within which a first order counts as its doing, and the next order as a return.
SOON, WITHIN = 30, 90


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


def _growth(look: Look, points: float, *, lifetime: bool) -> Estimate:
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
        return _nothing(kept.n, definition + _too_little(churn, points))
    if lifetime:
        return replace(_lifetime_growth(churn, points / 100), n=kept.n, definition=definition)
    worth = retention_value(customers=kept.n, price=1, margin=1, churn=churn, points=points, horizon=YEARS)
    return Estimate(worth.growth, *worth.interval("growth"), kept.n, definition=definition)


def _lifetime_growth(churn: Estimate, fall: float) -> Estimate:
    """Growth of the years that a customer stays, (1 - c) / c, and its range as churn c moves over its interval."""
    moving = np.concatenate([[churn.value], np.linspace(*churn.interval, 101)])
    growth = (1 - moving + fall) / (moving - fall) / ((1 - moving) / moving) - 1
    return Estimate.of((growth[0], growth.min(), growth.max()))


def _too_little(churn: Estimate, points: float) -> str:
    if np.isnan(churn.value):
        return "; leavers were not recorded for a year"
    if churn.value == 1:
        return "; nobody stayed"
    return f"; perhaps only {churn.ci_lower:.1%} leave in a year, so that {points:g} points cannot be gained"


def _phone_first(look: Look) -> Estimate:
    counts = look.devices
    started = sum(n for (first, _), n in counts.items() if first == "phone")
    definition = "customers whose first event was on a phone, divided by customers with a device; Wilson score interval"
    return rate_of(started, sum(counts.values()), look.conf_level, definition)


def _continued(look: Look, kind: str) -> Estimate:
    counts = {after: n for (first, after), n in look.devices.items() if first == "phone" and after}
    definition = (
        f"customers whose second event was on a {kind}, divided by customers with a second event whose first was on "
        "a phone; Wilson score interval"
    )
    return rate_of(counts.get(kind, 0), sum(counts.values()), look.conf_level, definition)


def _recommend(look: Look) -> Estimate:
    counted = referrals_by_age(look.data)
    definition = (
        "referrals per customer and year after the first year of being a customer, divided by those within it; "
        "interval by the delta method on the log scale, over customers"
    )
    return rate_ratio(counted, look.conf_level, definition)


def rate_ratio(counted: Referrals, conf_level: float, definition: str) -> Estimate:
    """Rate of referrals later over that of the first year; customers, not referrals, are what was drawn."""
    if min(counted.sums[0], counted.sums[2]) < _FEW or min(counted.sums) <= 0:
        return _nothing(counted.customers, definition)
    early, early_days, late, late_days = counted.sums
    ratio = (late / late_days) / (early / early_days)
    # a customer's part in the log of the ratio is linear in these four, so its square is in their products
    weights = np.array([-1.0, 1.0, 1.0, -1.0]) / counted.sums
    error = float(np.sqrt(weights @ counted.products @ weights))
    step = NormalDist().inv_cdf(0.5 + conf_level / 2) * error
    return Estimate.of(ratio * np.exp([0.0, -step, step]), n=counted.customers, definition=definition)


def _regulars(look: Look) -> Estimate:
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
    return _ratio(row, "at_risk", definition)


def _more(look: Look) -> Estimate:
    definition = (
        "mean value of a customer's later orders, divided by that of the first order of the same customers; every "
        "customer counts once; interval by the delta method on the log scale"
    )
    if look.bought is None:
        return _nothing(0, definition)
    row = look.bought.order_value().iloc[0]
    return _ratio(row, "n_regular", definition)


def _often(look: Look) -> Estimate:
    definition = (
        "days between the first two orders, divided by the mean of a customer's later gaps, of customers with at least "
        "three orders; above 1 they come faster; every customer counts once; interval by the delta method on the log "
        "scale"
    )
    sums = days_between(look.data, look.since)
    return paired_ratio(sums, look.conf_level, definition, later_first=False)


def _across(look: Look) -> Estimate:
    definition = (
        "categories bought on a later day of purchase, divided by those of the first day, of customers with both; "
        "every customer counts once; interval by the delta method on the log scale"
    )
    return paired_ratio(categories_by_day(look.data, look.since), look.conf_level, definition, later_first=True)


def paired_ratio(sums: Paired, conf_level: float, definition: str, *, later_first: bool) -> Estimate:
    """Ratio of two means of the same customers."""
    # a ratio takes no notice of cubes
    later = sums.n, sums.later, sums.later_squares, np.nan
    first = sums.n, sums.first, sums.first_squares, np.nan
    above, below = (later, first) if later_first else (first, later)
    limits = ratio_of_means(above, below, conf_level, products=sums.products)
    return Estimate.of(limits, n=sums.n, definition=definition)


def _free_first(look: Look) -> Estimate:
    definition = (
        f"customers who ordered again within {WITHIN} days, divided by customers whose first order fell within {SOON} "
        f"days after a campaign and more than {WITHIN} days before the end of the data; whether that order was free is "
        "not in the data; Wilson score interval"
    )
    won = won_by_campaign(look.data, soon=SOON, within=WITHIN)
    return rate_of(won.count, won.n, look.conf_level, definition)


def _nothing(n: int, definition: str) -> Estimate:
    return Estimate(np.nan, n=n, definition=definition)


def _ratio(row: pd.Series[Any], n: str, definition: str) -> Estimate:
    return Estimate.in_row(row, "ratio", definition, n=int(row[n]))


#: Claim -> how it is checked.
CHECKS: dict[str, Callable[[Look], Estimate]] = {
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
