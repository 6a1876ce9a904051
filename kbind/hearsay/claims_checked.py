"""What is said about loyal customers in general, held against one company's own data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import check_choice, check_conf_level
from kbind.estimate.estimate import Estimate
from kbind.hearsay.checks import CHECKS, LEAST, Look
from kbind.result import Shown


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


CHECKED, TOO_LITTLE, NEEDS = "checked", "not enough data", "needs data"


@dataclass(frozen=True)
class Check:
    """One claim, and what the data says about it.

    Attributes
    ----------
    claim : Claim
        What is claimed.
    status : {"checked", "not enough data", "needs data"}
        Whether it could be checked.
    estimate : Estimate
        What the data says, and how that was computed; NaN where it says nothing.
    needs : str
        Tables and columns that it takes, and what it takes besides.
    missing : str
        What of this is not there.
    """

    claim: Claim
    status: str
    estimate: Estimate
    needs: str
    missing: str

    @property
    def verdict(self) -> str:
        """How claim and data go together; empty where nothing was checked.

        "borne out": the whole interval lies within the claim. "higher", "lower": the whole interval lies beyond it, to
        that side. "open": the interval reaches from within the claim to beyond it; for a claim of a single number
        this is the most that data can say for it.
        """
        if self.status != CHECKED:
            return ""
        low, high = self.estimate.interval
        if low > self.claim.high:
            return "higher"
        if high < self.claim.low:
            return "lower"
        inside = self.claim.low <= low and high <= self.claim.high
        return "borne out" if inside else "open"


@dataclass(frozen=True, eq=False)
class Claims(Shown):
    """Every claim, checked as far as the tables at hand allow.

    Made by `claims`.

    Attributes
    ----------
    checks : tuple of Check
        In the order of the source documents.
    conf_level : float
        Level of the intervals.
    provenance : Provenance
        Where the numbers come from.
    """

    checks: tuple[Check, ...]
    conf_level: float
    provenance: Provenance = field(repr=False)

    @property
    def definition(self) -> str:
        """What the table holds, in one sentence."""
        return (
            "Claims of articles on retention against data of one company: a claim is a hypothesis, and "
            f"{CHECKED!r} says that it was looked at, not that it is true; {self.conf_level:.0%} intervals, each for "
            "itself, so that of twenty claims one may fail by chance. "
            f"{self.provenance}"
        )

    def __getitem__(self, key: str) -> Check:
        """The check of one claim, by the key of the claim."""
        check_choice("key", key, [check.claim.key for check in self.checks])
        return next(check for check in self.checks if check.claim.key == key)

    def to_frame(self) -> pd.DataFrame:
        """One row a claim.

        Returns
        -------
        DataFrame
            key, claim, says (the number claimed, in words), says_lower, says_upper, unit ("share", "ratio" or empty),
            status ("checked", "not enough data", "needs data"), estimate, ci_lower, ci_upper, n, verdict ("borne
            out", "higher", "lower", "open" or empty), needs, missing, definition.
        """
        rows = [
            {
                "key": check.claim.key,
                "claim": check.claim.text,
                "says": check.claim.says,
                "says_lower": check.claim.low,
                "says_upper": check.claim.high,
                "unit": check.claim.unit,
                "status": check.status,
                "estimate": check.estimate.value,
                "ci_lower": check.estimate.ci_lower,
                "ci_upper": check.estimate.ci_upper,
                "n": check.estimate.n,
                "verdict": check.verdict,
                "needs": check.needs,
                "missing": check.missing,
                "definition": check.estimate.definition,
            }
            for check in self.checks
        ]
        return pd.DataFrame(rows)


def claims(data: Dataset, *, conf_level: float = 0.95) -> Claims:
    """Hold the claims of articles on retention against a company's own data.

    Every claim is a hypothesis. What can be checked with the tables at hand is checked, with an interval; for the rest
    the table says what data it would take.

    Parameters
    ----------
    data : Dataset
        Any tables.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Claims

    Raises
    ------
    ArgumentError
        No data set, or a level that is not between 0 and 1.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.claims(kb.datasets.load_saas())
    >>> frame = found.to_frame().set_index("key")
    >>> frame.loc[["five_points", "phone_first", "brand_share"], ["says", "status", "n", "verdict"]]
                   says      status     n verdict
    key
    five_points  25% to 95%     checked  2668   lower
    phone_first         65%     checked  4157   lower
    brand_share   up to 30%  needs data     0
    >>> print(f"{found['phone_first'].estimate.value:.3f}")
    0.327
    """
    check_dataset(data)
    level = check_conf_level(conf_level)
    provenance = Provenance.of(data, data.as_of)
    look = Look(data, level)
    return Claims(tuple(_check(claim, look) for claim in CLAIMS), level, provenance)


def _check(claim: Claim, look: Look) -> Check:
    lacking = [group for group in claim.needs if not any(look.data.has(need) for need in group)]
    needs, missing = (_listed(groups, claim.lacks) for groups in (claim.needs, lacking))
    if claim.lacks or lacking:
        return Check(claim, NEEDS, Estimate(np.nan, n=0), needs, missing)
    found = CHECKS[claim.key](look)
    if (found.n or 0) < LEAST or np.isnan([*found]).any():
        nothing = Estimate(np.nan, n=found.n, definition=found.definition)
        return Check(claim, TOO_LITTLE, nothing, needs, missing)
    return Check(claim, CHECKED, found, needs, missing)


def _listed(groups: Sequence[Sequence[str]], lacks: str) -> str:
    return ", ".join([*(" or ".join(group) for group in groups), *([lacks] if lacks else [])])
