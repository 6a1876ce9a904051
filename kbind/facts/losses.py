"""Revenue that went with customers who left, as facts: in all, and of some of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from statistics import NormalDist

import numpy as np

from kbind.customers.levels import Attribute
from kbind.customers.roster import Roster
from kbind.dataset.dataset import Dataset
from kbind.revenue.lost_revenue import lost_revenue
from kbind.text.facts import Fact
from kbind.typing import Bools, Floats

#: Months of a year: revenue a month is told as that of a year.
MONTHS = 12
_CONF = 0.95
#: How the statistics write a range of numbers.
_NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"(?:>= )?(?P<low>{_NUMBER})?(?: to )?(?:< (?P<high>{_NUMBER}))?")


@dataclass(frozen=True, eq=False)
class Losses:
    """What customers who left had paid, as revenue of a year.

    Attributes
    ----------
    amount : ndarray of float, shape (customers,)
        Revenue of a year of those who count as lost, 0 for the others; in the order of a roster.
    gone : ndarray of bool, shape (customers,)
        Who counts as lost.
    year : int or None
        The calendar year within which they left; None: whenever they left.
    """

    amount: Floats = field(repr=False)
    gone: Bools = field(repr=False)
    year: int | None = None

    @classmethod
    def of(cls, data: Dataset, people: Roster, window: tuple[datetime, datetime] | None) -> Losses | None:
        """Of a window where contracts tell it, else of all who ever left; None where no revenue is known.

        Parameters
        ----------
        data : Dataset
        people : Roster
        window : tuple of datetime, optional
            Start and end of a calendar year.
        """
        if people.revenue is None:
            return None
        gone, year = people.left, None
        amount = np.where(gone, np.nan_to_num(people.revenue), 0.0)
        if window is not None and people.revenue_from == "subscriptions.mrr":
            found = dict(zip(*(values.tolist() for values in lost_revenue(data, *window)), strict=True))
            amount = np.array([found.get(customer, 0.0) for customer in people.customer_id.tolist()])
            gone, year = amount > 0, window[0].year
        return cls(MONTHS * amount, gone, year) if amount.sum() > 0 else None

    def of_level(self, people: Roster, attribute: str, level: str) -> tuple[Fact, Fact] | None:
        """Revenue and share that went with customers of a level; None for levels that a roster does not hold."""
        rows = with_level(people, attribute, level)
        if rows is None:
            return None
        name = f"{attribute}.{level}"
        return self.of_some(f"lost.revenue.{name}", rows), self.share_of(f"lost.share.{name}", rows)

    @property
    def total(self) -> Fact:
        """Revenue of a year that went with all of them."""
        return self.of_some("lost.revenue", np.ones(len(self.gone), dtype=bool))

    def of_some(self, name: str, rows: Bools) -> Fact:
        """Revenue of a year that went with some customers; its range is what chance alone would make of it."""
        lost = self.amount[rows & self.gone]
        half = _half(np.sqrt((lost**2).sum()))
        meaning = f"12 x monthly revenue at the start of {self.year}, of customers lost in it" if self.year else (
            "12 x monthly revenue last paid, of customers who have left"
        )  # fmt: skip
        value = float(lost.sum())
        return Fact(name, value, "money", meaning, max(value - half, 0.0), value + half, _CONF, count=len(lost),
                    source="lost_revenue(...)")  # fmt: skip

    def share_of(self, name: str, rows: Bools) -> Fact:
        """Share of the lost revenue that went with some customers."""
        lost, mine = self.amount[self.gone], rows[self.gone]
        share = float(lost[mine].sum() / lost.sum())
        half = _half(np.sqrt(((lost * (mine - share)) ** 2).sum()) / lost.sum())
        meaning = "lost revenue of these customers, divided by all lost revenue"
        limits = max(share - half, 0.0), min(share + half, 1.0)
        return Fact(name, share, "share", meaning, *limits, _CONF, n=len(lost), count=int(mine.sum()),
                    source="lost_revenue(...)")  # fmt: skip


def with_level(people: Roster, attribute: str, level: str) -> Bools | None:
    """Who of a roster has a level, or lies in a range such as "520 to < 1600"; None where neither can be told."""
    values = people.columns.get(attribute)
    if isinstance(values, Attribute):
        return values.codes == values.levels.index(level) if level in values.levels else None
    span = _RANGE.fullmatch(level)
    if values is None or span is None:
        return None
    low, high = (float(span[name]) if span[name] else limit for name, limit in (("low", -np.inf), ("high", np.inf)))
    return np.asarray((values >= low) & (values < high))


def _half(error: float) -> float:
    """Half the width of an interval by normal theory."""
    return NormalDist().inv_cdf(0.5 + _CONF / 2) * float(error)
