"""Offers compared: which of several doses keeps most for its cost, which dose to try next, or whether to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any

import numpy as np
import pandas as pd

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset
from kbind.errors import NotEnoughData, check_amount, check_choice, check_conf_level, check_number
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import interval_columns, newcombe, rate_of, welch
from kbind.experiments.offer_arms import Arm, arms_of, campaign_arms, check_frame
from kbind.experiments.offer_doses import Step, next_step, odds_ratio, rising, smooth
from kbind.result import Shown


@dataclass(frozen=True, eq=False)
class Offers(Shown):
    """Arms of an offer, what each keeps and what it returns. Made by `compare_offers`.

    Attributes
    ----------
    arms : tuple of Arm
        By dose, the reference first.
    best, second : str
        Arms with the largest and second largest return a customer; without a value, with the largest share kept.
    gap : Estimate
        Return a customer of the best less that of the second; in shares kept without a value.
    sure : bool
        Whether the best is better than every other one, all of them looked at together.
    slope : Estimate
        Odds of keeping at the highest dose against those at the lowest, by a logistic regression on the dose; NaN
        where nothing says the doses.
    step : Step
        What to do next: `step.decision` and `step.dose`.
    value : float
        What a customer who is kept is worth; NaN if that was not said.
    conf_level : float
    source : str
        What the arms come from.
    """

    arms: tuple[Arm, ...] = field(repr=False)
    best: str
    second: str
    gap: Estimate
    sure: bool
    slope: Estimate
    step: Step
    value: float
    conf_level: float
    source: str = field(default="", repr=False)

    @property
    def reference(self) -> str:
        """The arm that the others are held against: the one with the lowest dose."""
        return self.arms[0].name

    @property
    def n(self) -> int:
        """Customers in all arms."""
        return sum(arm.n for arm in self.arms)

    @property
    def definition(self) -> str:
        """What was counted and divided."""
        return (
            f"Share kept by arm with Wilson's {self.conf_level:.0%} interval; extra: less that of {self.reference!r}. "
            "Return: extra share x what a kept customer is worth, less what the arm costs more, for each customer that "
            f"was offered it. Limits of extra and return hold for all {len(self.arms) - 1} arms together (Bonferroni). "
            f"{self.source}"
        ).strip()

    def headline(self) -> str:
        """The best arm, and what to do next."""
        return f"best {self.best!r}, {self.step}"

    def difference(self, arm: str, against: str | None = None) -> Estimate:
        """Difference of the shares kept of two arms; by default against the reference."""
        one, other = self._pair(arm, against)
        return _extra(one, other, self._level)

    def returns(self, arm: str, against: str | None = None) -> Estimate:
        """Difference of what a customer returns in two arms; by default against the reference."""
        one, other = self._pair(arm, against)
        return _returns(one, other, self.value, self._level)

    @property
    def _level(self) -> float:
        return 1 - (1 - self.conf_level) / (len(self.arms) - 1)

    def _pair(self, arm: str, against: str | None) -> tuple[Arm, Arm]:
        named = {one.name: one for one in self.arms}
        other = self.reference if against is None else check_choice("against", against, tuple(named))
        return named[check_choice("arm", arm, tuple(named))], named[other]

    def to_frame(self) -> pd.DataFrame:
        """One row an arm, by dose.

        Returns
        -------
        DataFrame
            arm, dose, cost (a customer), n, kept, share, rising (the share if more of the offer never keeps fewer),
            smooth (by the logistic regression), extra and return (each with _ci_lower and _ci_upper),
            returned (worth of the extra customers for each unit of money spent on the arm).
        """
        shares = rising(self.arms), smooth(self.arms)
        rows = []
        for arm, up, curve in zip(self.arms, *shares, strict=True):
            share = rate_of(arm.kept, arm.n, self.conf_level)
            first = arm.name == self.reference
            extra, back = (UNKNOWN, UNKNOWN) if first else (self.difference(arm.name), self.returns(arm.name))
            spent = arm.cost - self.arms[0].cost
            rows.append(
                {"arm": arm.name, "dose": arm.dose, "cost": arm.cost, "n": arm.n, "kept": arm.kept}
                | interval_columns("share", share)
                | {"rising": up, "smooth": curve}
                | interval_columns("extra", extra)
                | interval_columns("return", back)
                | {"returned": (back.value + spent) / spent if spent > 0 else nan}
            )
        return pd.DataFrame(rows)


def compare_offers(
    arms: Any,
    campaign: str | None = None,
    *,
    doses: Mapping[str, float] | None = None,
    value: float | None = None,
    horizon: str = "182D",
    finest: float | None = None,
    conf_level: float = 0.95,
) -> Offers:
    """Which arm of an offer returns most, how the dose works, and which dose to try next, or that it should stop.

    Parameters
    ----------
    arms : DataFrame or Dataset
        One row an arm (arm, n, kept; dose, cost) or one a customer (arm, kept as yes or no; dose, cost, value). Cost is
        that of a customer who was offered it, whether or not the customer stays. Or a data set with `campaigns`. Arms
        have to have been drawn by lot.
    campaign : str, optional
        Of a data set: which campaign.
    doses : mapping of str to float, optional
        By arm, where no column says it: how much is given, such as 0.25 of the price.
    value : float, optional
        What a kept customer is worth in money, before the cost of the offer. Default: as a column `value` says; of a
        data set a year of the mean revenue of its customers.
    horizon : str
        Of a data set: days after the assignment at which a customer counts as kept.
    finest : float, optional
        Smallest difference of doses that is worth a trial. Default: a tenth of the range of the doses.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Offers

    Raises
    ------
    ArgumentError
        An argument or a column is not usable.
    NotEnoughData
        Fewer than two arms, or an arm of fewer than 10 customers.

    Notes
    -----
    The best arm is the one with the largest return; `sure` says whether it beats every other by more than chance
    (Newcombe's, or Welch's intervals, at Bonferroni's level). What is next:

    - "try": a dose beside the best, midway to the neighbour to which a parabola through the three returns leans. It has
      to be able to pay: were it to keep as many as the upper limit of the dose above it, it would return more than the
      best arm.
    - "keep": the best arm, for no dose nearby is both possible and far enough away.
    - "stop": no offer returns more than none, and no dose between could.
    - "unpriced": nobody said what a kept customer is worth.

    Examples
    --------
    >>> import pandas as pd
    >>> free = pd.DataFrame({"arm": ["none", "free"], "dose": [0, 1], "cost": [0, 40], "n": 1000, "kept": [30, 80]})
    >>> found = compare_offers(free, value=300)
    >>> found.best, found.step.decision, found.step.dose  # 50 a thousand more x 300 do not pay 40 each
    ('none', 'try', 0.5)
    >>> round(found.returns("free").value, 2)
    -25.0
    """
    check_conf_level(conf_level)
    worth = nan if value is None else check_amount("value", value)
    days = days_of("horizon", horizon, 1)
    near = nan if finest is None else check_number("finest", finest, above=0)
    if isinstance(arms, Dataset):
        frame, worth, source = campaign_arms(arms, campaign, days, worth)
    else:
        frame, source = check_frame(arms, campaign), ""
    table = arms_of(frame, doses, worth)
    if len(table) < 2:
        raise NotEnoughData("fewer than two arms; a comparison takes an offer and those who got none, or another one")
    small = [arm for arm in table if arm.n < 10]
    if small:
        raise NotEnoughData(f"arm {small[0].name!r} has {small[0].n} customers; needed: 10")
    level = 1 - (1 - conf_level) / (len(table) - 1)
    priced = not isnan(worth) or all(arm.net is not None for arm in table)
    ranked = sorted(table, key=lambda arm: -_mean(arm, worth, priced))
    best, second = ranked[:2]
    between = _returns if priced else _extra_of
    gaps = [between(best, other, worth, level) for other in ranked[1:]]
    return Offers(
        arms=tuple(table),
        best=best.name,
        second=second.name,
        gap=gaps[0],
        sure=all(gap.ci_lower > 0 for gap in gaps),
        slope=odds_ratio(table, conf_level),
        step=next_step(table, best, worth, level, near) if priced else Step("unpriced"),
        value=worth,
        conf_level=conf_level,
        source=source,
    )


def _mean(arm: Arm, value: float, priced: bool) -> float:
    """What a customer of the arm returns, or the share kept."""
    if not priced:
        return arm.kept / arm.n
    return float(arm.net.mean()) if arm.net is not None else value * arm.kept / arm.n - arm.cost


def _extra(arm: Arm, other: Arm, level: float) -> Estimate:
    limits = newcombe(arm.kept, arm.n, other.kept, other.n, level)
    return Estimate.of(limits, n=arm.n + other.n, conf_level=level, definition="difference of shares kept")


def _extra_of(arm: Arm, other: Arm, value: float, level: float) -> Estimate:
    return _extra(arm, other, level)


def _returns(arm: Arm, other: Arm, value: float, level: float) -> Estimate:
    said = "difference of the returns a customer"
    if arm.net is not None and other.net is not None:
        return replace(welch(arm.net, other.net, level), n=arm.n + other.n, conf_level=level, definition=said)
    moved = np.array([*_extra(arm, other, level)]) * value - (arm.cost - other.cost)
    return Estimate.of(moved, n=arm.n + other.n, conf_level=level, definition=said)
