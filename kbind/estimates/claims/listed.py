"""The claims of the source documents, as they were made: none of them is taken for a truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Claim:
    """One claim.

    Parameters
    ----------
    key : str
        Short name.
    text : str
        What is claimed, in one clause.
    unit : {"share", "ratio", ""}
        Of the number claimed; empty where the claim is not about a number.
    low, high : float
        What is claimed, from and to; the same where one number is named, infinite where one side is open.
    needs : tuple of tuple of str
        Tables, columns as `table.column`; of every inner tuple one has to be there.
    lacks : str
        What it would take that none of kbind's tables holds; empty where the tables suffice.
    """

    key: str
    text: str
    unit: str
    low: float = np.nan
    high: float = np.nan
    needs: tuple[tuple[str, ...], ...] = ()
    lacks: str = ""

    @property
    def says(self) -> str:
        """The number claimed: "7", "5 to 25", "more than 1", "up to 30%"."""
        if not self.unit:
            return ""
        low, high = (f"{x:.0%}" if self.unit == "share" else f"{x:g}" for x in (self.low, self.high))
        if np.isinf(self.high):
            return f"more than {low}"
        if np.isinf(self.low):
            return f"up to {high}"
        return low if self.low == self.high else f"{low} to {high}"


_FIVE = "5 points more retention bring 25 to 95 per cent more revenue"
_ONE = "1 point more retention brings 7 per cent more revenue"
_DEVICE = (("events.device",),)
_BOUGHT = (("events.timestamp",), ("events.amount",))

CLAIMS = (
    Claim(
        "acquisition_cost",
        "winning a new customer costs 5 to 25 times as much as keeping one",
        "ratio",
        5,
        25,
        (("campaigns.cost",),),
        "what winning customers cost, by period or by customer",
    ),
    # the sources do not say over what time, and the answer hangs on it: both readings are checked
    Claim("five_points", f"{_FIVE}, within 5 years", "share", 0.25, 0.95, (("subscriptions",),)),
    Claim("five_points_lifetime", f"{_FIVE}, over their whole time", "share", 0.25, 0.95, (("subscriptions",),)),
    Claim("one_point", f"{_ONE}, within 5 years", "share", 0.07, 0.07, (("subscriptions",),)),
    Claim("one_point_lifetime", f"{_ONE}, over their whole time", "share", 0.07, 0.07, (("subscriptions",),)),
    Claim(
        "brand_share",
        "brand quality brings up to 30 per cent more market share",
        "share",
        -np.inf,
        0.30,
        (),
        "market shares and brand ratings of several companies",
    ),
    Claim(
        "experience",
        "user experience is up to 7 times as important as product features",
        "ratio",
        -np.inf,
        7,
        (("feedback",),),
        "survey items on user experience and on product features",
    ),
    Claim(
        "regulars_spend",
        "regular customers spend about 7 times what first-time buyers spend",
        "ratio",
        7,
        7,
        _BOUGHT,
    ),
    Claim("loyal_more", "loyal customers buy more", "ratio", 1, np.inf, _BOUGHT),
    Claim("loyal_often", "loyal customers buy more often", "ratio", 1, np.inf, _BOUGHT),
    Claim(
        "loyal_across",
        "loyal customers buy across categories",
        "ratio",
        1,
        np.inf,
        (("events.timestamp",), ("events.category",)),
    ),
    Claim(
        "loyal_recommend",
        "loyal customers recommend",
        "ratio",
        1,
        np.inf,
        (("customers.acquired_at",), ("customers.referred_by",)),
    ),
    Claim("phone_first", "65 per cent of buying processes start on a phone", "share", 0.65, 0.65, _DEVICE),
    Claim("phone_computer", "61 per cent of those begun there continue on a computer", "share", 0.61, 0.61, _DEVICE),
    Claim("phone_tablet", "4 per cent of those begun there continue on a tablet", "share", 0.04, 0.04, _DEVICE),
    Claim(
        "free_first",
        "of those whose first order was free, 5 per cent came back",
        "share",
        0.05,
        0.05,
        (("events.amount", "events.order_id"), ("campaigns.assigned_at",)),
    ),
    Claim(
        "business_economic",
        "business customers decide by price and performance",
        "",
        needs=(("feedback",),),
        lacks="survey items on price, performance and attachment, with who answered",
    ),
    Claim(
        "business_emotion",
        "business customers want emotion rather than premiums or rebates",
        "",
        needs=(("feedback",),),
        lacks="survey items on price, performance and attachment, with who answered",
    ),
)
