"""How good a list of customers to call would have been, with intervals from resampled customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kbind.estimates.churn.profit import Decision
from kbind.typing import Bools, Floats, Ints

#: Shares of the customers, those with the highest risk first.
SHARES = {"lift_5": 0.05, "lift_10": 0.10, "lift_20": 0.20}
#: Groups of equal size in which calibration is compared.
BINS = 10


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of rows of a backtest.

    Attributes
    ----------
    row : ndarray of int, shape (m,)
        Row of the snapshots.
    left : ndarray of float, shape (m,)
        1 or 0; of no meaning where lost.
    lost, consent : ndarray of bool, shape (m,)
        Gone in the lead, so a lost call; may be contacted.
    """

    row: Ints
    left: Floats
    lost: Bools
    consent: Bools


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


def lists_of(probability: Floats, outcome: Outcome, blocks: tuple[Ints, ...], decision: Decision | None) -> Lists:
    """Order the rows of every repeat and date by risk, and by gain.

    Parameters
    ----------
    probability : ndarray of float, shape (m,)
    outcome : Outcome
        Of the same rows.
    blocks : tuple of ndarray of int
        Rows of each repeat and date.
    decision : Decision or None
    """
    leavers = np.where(outcome.lost, 0.0, outcome.left)
    by_risk = tuple(Ranking.of(probability[rows], leavers[rows]) for rows in blocks)
    if decision is None:
        return Lists(blocks, by_risk, (), 0.0)
    gain = decision.gain(probability, outcome.row)
    # nobody is called at an expected loss, or without consent
    worth = (gain > 0) & outcome.consent
    brings = np.where(worth, decision.outcome(outcome.left, outcome.lost, outcome.row), 0.0)
    order = np.where(worth, gain, -1.0)
    by_gain = tuple(Ranking.of(order[rows], brings[rows]) for rows in blocks)
    return Lists(blocks, by_risk, by_gain, decision.contacts)


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
        from scipy.stats import rankdata

        group, codes = np.zeros(len(left), dtype=np.int64), np.unique(repeat)
        for k, code in enumerate(codes):
            rows = repeat == code
            middle = (rankdata(probability[rows]) - 0.5) / rows.sum()
            group[rows] = k * BINS + np.minimum((middle * BINS).astype(np.int64), BINS - 1)
        return cls(group, left - probability, len(codes))

    def gaps(self, weight: Floats) -> Floats:
        """Leavers above those expected, as a share of all rows, by group."""
        gap = np.bincount(self.group, weight * self.gap, self.repeats * BINS)
        return np.asarray(gap * self.repeats / weight.sum())

    def error(self, gaps: Floats) -> float:
        """ECE, averaged over repeats."""
        return float(np.abs(gaps).sum() / self.repeats)
