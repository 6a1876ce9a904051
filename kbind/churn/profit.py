"""What contacting customers costs and brings: the model behind every figure in money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.errors import ArgumentError, NotEnoughData, check_amount, check_kind, check_share
from kbind.typing import Bools, Floats, Ints

#: Months of a customer's own money that keeping the customer is worth, where no value is given.
MONTHS_KEPT = 12
#: How sure the stated acceptance is, as so many observed offers: at .3 the Beta(6, 14) of Verbraken et al.
ACCEPTANCE_WEIGHT = 20


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Money of a campaign that contacts customers who may leave.

    Parameters
    ----------
    budget : float, optional
        Money for one observation date. Every contact reserves `cost + offer`.
    cost, offer : float, optional
        Money a contact, and money an accepted offer.
    acceptance : float, optional
        Chance that somebody who would have left accepts, between 0 and 1.
    value : float, optional
        Money that keeping a customer is worth; None: a year of the customer's own.

    Notes
    -----
    `backtest` and `contact_list` need the first four; `forecast_churn` assumes what is not given, and says so.

    Examples
    --------
    >>> import kbind as kb
    >>> kb.Campaign(budget=550, cost=1, offer=10, acceptance=3)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: acceptance=3 is no share; allowed: between 0 and 1, such as 0.05
    """

    budget: float | None = None
    cost: float | None = None
    offer: float | None = None
    acceptance: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if number is not None:
                check_share(name, number) if name == "acceptance" else check_amount(name, number)


@dataclass(frozen=True, eq=False)
class Decision:
    """Terms of an offer to customers who may leave.

    Every contact costs `cost`. A customer who would have left accepts with the chance `acceptance`, gets the offer and
    is kept; one who would have stayed always takes it. This is the profit model of Verbraken, Verbeke and Baesens
    (2013). A customer who is gone when called costs the contact only.

    Attributes
    ----------
    budget : float
        Money for one observation date. Every contact reserves `cost + offer`, so that it holds whatever they answer.
    cost, offer : float
        Money a contact, and money an accepted offer.
    acceptance : float
        Between 0 and 1.
    value : ndarray of float, shape (n,)
        Money that keeping each customer is worth.
    """

    budget: float
    cost: float
    offer: float
    acceptance: float
    value: Floats

    @property
    def contacts(self) -> float:
        """How many customers the budget reaches."""
        reserved = self.cost + self.offer
        return float(np.floor(self.budget / reserved * (1 + 1e-12))) if reserved > 0 else np.inf

    def gain(self, probability: Floats, rows: Any = slice(None)) -> Floats:
        """Expected money from contacting customers, by their probability of leaving."""
        kept = self.acceptance * (self.value[rows] - self.offer)
        return np.asarray(probability * kept - (1 - probability) * self.offer - self.cost)

    def outcome(self, left: Floats, lost: Bools, rows: Any = slice(None)) -> Floats:
        """Money from having contacted customers, now that it is known who left; lost ones were gone already."""
        return np.where(lost, -self.cost, self.gain(np.where(lost, 0.0, left), rows))


def decision_of(snapshots: Snapshots, campaign: Campaign) -> Decision:
    """The campaign with a value for every row.

    Raises
    ------
    ArgumentError
        Something is missing, or no value is known.
    """
    check_kind("campaign", campaign, Campaign, "kb.Campaign(...)")
    needed = ("budget", "cost", "offer", "acceptance")
    missing = [name for name in needed if getattr(campaign, name) is None]
    if missing:
        raise ArgumentError(f"{missing[0]} is not given; a figure in money needs budget, cost, offer and acceptance")
    numbers = {name: float(getattr(campaign, name)) for name in needed}
    return Decision(**numbers, value=_values(snapshots, campaign.value))


def contactable(snapshots: Snapshots) -> Bools:
    """Who may be contacted: where consent is recorded, those who gave it; else everybody."""
    recorded = ~np.isnan(snapshots.consent).all()
    return np.asarray(snapshots.consent == 1) if recorded else np.ones(len(snapshots.customer), dtype=bool)


def _values(snapshots: Snapshots, value: float | None) -> Floats:
    """The stated value for everybody, or a year of each customer's money; the mean where that is unknown."""
    n = len(snapshots.customer)
    if value is not None:
        return np.full(n, float(value))
    own = MONTHS_KEPT * snapshots.value
    if np.isnan(own).all():
        raise NotEnoughData("value=None takes a year of a customer's money, and the snapshots have none; give a value")
    return np.where(np.isnan(own), np.nanmean(own), own)


def maximum_profit(
    left: Floats, probability: Floats, value: float, offer: float, cost: float, acceptance: float
) -> Floats:
    """What each customer adds to the expected maximum profit (EMPC); its mean is the EMPC.

    Acceptance is uncertain: a Beta law with the given mean and the weight of 20 observations. For each acceptance the
    most profitable share of the customers is contacted, those with the highest probabilities first.

    Parameters
    ----------
    left : ndarray of float, shape (n,)
        1 for those who left, 0 for others.
    probability : ndarray of float, shape (n,)
        Any score that rises with the risk.
    value, offer, cost, acceptance : float
        As in `Decision`.

    Returns
    -------
    ndarray of float, shape (n,)

    References
    ----------
    Verbraken, Verbeke and Baesens (2013), IEEE TKDE 25, 961-973. Equals empulse.metrics.empc_score.

    Notes
    -----
    A stretch of the ROC curve's convex hull is where isotonic regression of `left` on the rank is flat. Its share of
    leavers decides from which acceptance on it pays to contact it, so that no curve has to be integrated.

    Examples
    --------
    >>> left, score = [0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
    >>> terms = {"value": 200, "offer": 10, "cost": 1, "acceptance": 0.3}
    >>> f"{maximum_profit(np.array(left), np.array(score), **terms).mean():.6f}"
    '23.875593'
    """
    from scipy.optimize import isotonic_regression
    from scipy.special import betainc

    kept = value - offer
    if kept <= 0 or not left.any():
        return np.zeros(len(left))
    _, group = np.unique(probability, return_inverse=True)
    size, events = np.bincount(group), np.bincount(group, left)
    share = isotonic_regression(events / size, weights=size).x[group]
    with np.errstate(divide="ignore"):
        worth_from = np.minimum((cost + (1 - share) * offer) / (share * kept), 1.0)
    a, b = ACCEPTANCE_WEIGHT * acceptance, ACCEPTANCE_WEIGHT * (1 - acceptance)
    contacted = 1 - betainc(a, b, worth_from)
    accepted = acceptance * (1 - betainc(a + 1, b, worth_from))
    return np.asarray(np.where(left == 1, kept * accepted - cost * contacted, -(offer + cost) * contacted))


#: Shares of the customers, those with the highest risk first.
SHARES = {"lift_5": 0.05, "lift_10": 0.10, "lift_20": 0.20}
#: Groups of equal size in which calibration is compared.
BINS = 10


@dataclass(frozen=True, eq=False)
class Rows:
    """Predicted rows of a backtest, and what became of them.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        Places in the snapshots.
    left : ndarray of float
        1 or 0; of no meaning where lost.
    lost, consent : ndarray of bool
        Gone in the lead, so a lost call; may be contacted.
    customer, date, repeat : ndarray of int
        Codes from 0.
    probability : ndarray of float, shape (m, models)
    """

    row: Ints
    left: Floats
    lost: Bools
    consent: Bools
    customer: Ints
    date: Ints
    repeat: Ints
    probability: Floats

    def pick(self, rows: Bools) -> Rows:
        """Some of the rows."""
        return Rows(**{name: values[rows] for name, values in vars(self).items()})

    @property
    def repeats(self) -> int:
        """How often a cross-validation was repeated."""
        return len(np.unique(self.repeat))


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows of one observation date in the order in which they would be called, those of equal score together.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        Called from the highest on.
    gained : ndarray of float, shape (n,)
        What calling a row brings: 1 for a leaver, or money.
    """

    order: Ints
    ends: Ints
    gained: Floats

    @classmethod
    def of(cls, score: Floats, gained: Floats) -> Ranking:
        """Sort rows once for all resamples."""
        order = np.argsort(-score, kind="stable")
        last = np.append(np.flatnonzero(np.diff(score[order]) != 0), len(order) - 1) if len(order) else order
        return cls(order, last, gained[order])

    def collected(self, weight: Floats, calls: Floats | float, *, share: bool = False) -> Floats:
        """What so many calls bring; of rows with equal score, the share that chance would pick.

        Parameters
        ----------
        weight : ndarray of float, shape (n,)
            How often each row is there.
        calls : float or ndarray of float
            Number of calls, or with `share` their share of all rows, rounded to whole calls.
        """
        if len(self.order) == 0:
            return np.zeros(np.shape(calls))
        ordered = weight[self.order]
        called = np.concatenate(([0.0], ordered.cumsum()[self.ends]))
        gained = np.concatenate(([0.0], (ordered * self.gained).cumsum()[self.ends]))
        wanted = np.round(np.asarray(calls) * called[-1]) if share else np.asarray(calls)
        return np.asarray(np.interp(wanted, called, gained))


def lift(score: Floats, left: Floats, share: float) -> float:
    """Leavers among the given share with the highest scores, divided by what that share would hold by chance.

    Parameters
    ----------
    score, left : ndarray of float, shape (n,)
    share : float
        Between 0 and 1; rounded to whole customers.

    Examples
    --------
    >>> lift(np.array([.9, .8, .3, .2]), np.array([1.0, 0.0, 1.0, 0.0]), 0.25)
    2.0
    """
    found = float(Ranking.of(score, left).collected(np.ones(len(left)), share, share=True))
    expected = float(left.mean() * np.round(share * len(left)))
    return found / expected if expected > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Lists:
    """What it takes to judge one model's lists again in any resample of the customers.

    Attributes
    ----------
    blocks : tuple of ndarray of int
        Rows of each repeat and observation date.
    by_risk, by_gain : tuple of Ranking
        One a block; by gain only where there is a decision.
    calls : float
        That the budget reaches.
    """

    blocks: tuple[Ints, ...]
    by_risk: tuple[Ranking, ...]
    by_gain: tuple[Ranking, ...]
    calls: float

    def figures(self, weight: Floats) -> Floats:
        """Lifts, then profit by date where there is a decision, if each row is there so many times."""
        shares = np.array(list(SHARES.values()))
        found, expected, money = np.zeros(len(shares)), np.zeros(len(shares)), 0.0
        for k, (rows, ranking) in enumerate(zip(self.blocks, self.by_risk, strict=True)):
            there = weight[rows]
            size, events = there.sum(), there[ranking.order] @ ranking.gained
            if size > 0:
                found += ranking.collected(there, shares, share=True)
                expected += events * np.round(shares * size) / size
            if self.by_gain:
                money += float(self.by_gain[k].collected(there, self.calls))
        lifts = np.divide(found, expected, out=np.full(len(shares), np.nan), where=expected > 0)
        return np.append(lifts, money / len(self.blocks)) if self.by_gain else lifts


def lists_of(rows: Rows, model: int, blocks: tuple[Ints, ...], decision: Decision | None) -> Lists:
    """Order the rows of every repeat and date by risk, and by gain.

    Parameters
    ----------
    rows : Rows
    model : int
        Place of the model whose probabilities are taken.
    blocks : tuple of ndarray of int
        Rows of each repeat and date.
    decision : Decision or None
    """
    probability, leavers = rows.probability[:, model], np.where(rows.lost, 0.0, rows.left)
    by_risk = tuple(Ranking.of(probability[block], leavers[block]) for block in blocks)
    if decision is None:
        return Lists(blocks, by_risk, (), 0.0)
    gain = decision.gain(probability, rows.row)
    # nobody is called at an expected loss, or without consent
    worth = (gain > 0) & rows.consent
    brings = np.where(worth, decision.outcome(rows.left, rows.lost, rows.row), 0.0)
    order = np.where(worth, gain, -1.0)
    by_gain = tuple(Ranking.of(order[block], brings[block]) for block in blocks)
    return Lists(blocks, by_risk, by_gain, decision.contacts)


def equal_groups(risk: Floats, within: Ints, groups: int) -> Ints:
    """Groups of equal size by risk, from 0, rows of each code apart."""
    from scipy.stats import rankdata

    group = np.zeros(len(risk), dtype=np.int64)
    for code in np.unique(within):
        rows = within == code
        middle = (rankdata(risk[rows]) - 0.5) / rows.sum()
        group[rows] = np.minimum((middle * groups).astype(np.int64), groups - 1)
    return group


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows of known outcome in ten groups of equal size by probability, each repeat apart.

    Rows of equal probability share a group. The expected calibration error (ECE) is the mean absolute difference
    between the share that left and the mean probability, over the groups by their size.
    """

    group: Ints
    gap: Floats
    repeats: int

    @classmethod
    def of(cls, probability: Floats, left: Floats, repeat: Ints) -> Groups:
        """Put rows into groups."""
        group, codes = equal_groups(probability, repeat, BINS), np.unique(repeat, return_inverse=True)
        return cls(codes[1] * BINS + group, left - probability, len(codes[0]))

    def gaps(self, weight: Floats) -> Floats:
        """Leavers above those expected, as a share of all rows, by group."""
        gap = np.bincount(self.group, weight * self.gap, self.repeats * BINS)
        return np.asarray(gap * self.repeats / weight.sum())

    def error(self, gaps: Floats) -> float:
        """ECE, averaged over repeats."""
        return float(np.abs(gaps).sum() / self.repeats)
