"""Edits on customers who were not used to find them: what holds up, and the traps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kbind.estimates.refinement.adjusted import adjusted_difference
from kbind.estimates.refinement.matching import Edit, Matcher
from kbind.estimates.refinement.measure import (
    Figure,
    first_year,
    jaccard,
    months_seen,
    retained_revenue,
    retention,
    share_of,
)
from kbind.estimates.refinement.search import LOSES_REVENUE, PROPOSED, Step
from kbind.statistics.groups import Ints
from kbind.statistics.prospects import Flags, Prospects

Limits = tuple[float, float, float]

CONFIRMED, CHANCE, SMALL = "confirmed", "not confirmed", "wins too little"
CONFOUNDED, LOCK_IN, SURVIVORS = "vanishes after adjusting", "lock-in in disguise", "selects survivors"
UNKNOWN: Limits = (float("nan"),) * 3


@dataclass(frozen=True)
class JudgedEdit:
    """An edit against the rules before it, on the part that confirms.

    Attributes
    ----------
    edit : Edit
    finding : str
        "confirmed"; proposed, but "not confirmed", "wins too little", "vanishes after adjusting", "lock-in in
        disguise", "selects survivors" or "loses revenue"; or never proposed, being "another persona" or one that
        "loses revenue".
    gain, gain_adjusted, gain_same_bond : tuple of (float, float, float)
        Retention after minus before, with interval: as it is; among customers alike in what is adjusted for; and
        alike in the bond too.
    p_value, q_value : float
        Of the gain; q by Benjamini-Hochberg over what was proposed, NaN for the others.
    coverage_before, coverage : float
        Share of customers that match.
    identity : float
        Customers in both the old persona and this one, of those in either.
    retained_revenue_difference, first_year_difference : tuple of (float, float, float)
        The same of retained revenue per matched customer, and of retention in the first year.
    months_before, months : float
        Mean time that the matched customers have been there.
    """

    edit: Edit
    finding: str
    gain: Limits
    gain_adjusted: Limits
    gain_same_bond: Limits
    p_value: float
    q_value: float
    coverage_before: float
    coverage: float
    identity: float
    retained_revenue_difference: Limits
    first_year_difference: Limits
    months_before: float
    months: float


@dataclass(frozen=True)
class Judge:
    """How edits are judged.

    Attributes
    ----------
    p : Prospects
    n : ndarray of int, shape (rows,)
        Customers of the part that confirms.
    matcher : Matcher
    adjust, bond : tuple of str
        Columns in which customers should be alike; columns that are the bond itself.
    fdr, conf_level, gain : float
        Share of false ones to allow, level of intervals, least gain.
    """

    p: Prospects
    n: Ints
    matcher: Matcher
    adjust: tuple[str, ...]
    bond: tuple[str, ...]
    fdr: float
    conf_level: float
    gain: float

    def judge(self, steps: Sequence[Step], old: Flags) -> tuple[JudgedEdit, ...]:
        """Every edit that was found, in order."""
        p_values = [self._difference(step, retention).p_value(self.n) for step in steps]
        proposed = [k for k, step in enumerate(steps) if step.finding == PROPOSED]
        q_values = dict(zip(proposed, benjamini_hochberg([p_values[k] for k in proposed]), strict=True))
        return tuple(self._one(step, old, p_values[k], q_values.get(k, np.nan)) for k, step in enumerate(steps))

    def _one(self, step: Step, old: Flags, p_value: float, q_value: float) -> JudgedEdit:
        before, after = self.matcher.match(step.before), self.matcher.match(step.after)
        held = [name for name in self.adjust if name != step.edit.attribute]
        bond = [name for name in self.bond if name != step.edit.attribute]
        gain, money, early = (
            self._difference(step, figure).limits(self.n, self.conf_level)
            for figure in (retention, retained_revenue, first_year)
        )
        adjusted = self._adjusted(before, after, held)
        same_bond = self._adjusted(before, after, list(dict.fromkeys((*held, *bond)))) if bond else UNKNOWN
        finding = step.finding
        if finding == PROPOSED:
            finding = self._finding(gain, adjusted, same_bond, money, early, q_value)
        return JudgedEdit(
            edit=step.edit,
            finding=finding,
            gain=gain,
            gain_adjusted=adjusted,
            gain_same_bond=same_bond,
            p_value=p_value,
            q_value=q_value,
            coverage_before=share_of(self.n, before),
            coverage=share_of(self.n, after),
            identity=jaccard(self.n, after, old),
            retained_revenue_difference=money,
            first_year_difference=early,
            months_before=months_seen(self.p, self.n, before),
            months=months_seen(self.p, self.n, after),
        )

    def _difference(self, step: Step, figure: Callable[[Prospects, Ints, Flags], Figure]) -> Figure:
        before, after = self.matcher.match(step.before), self.matcher.match(step.after)
        return figure(self.p, self.n, after).minus(figure(self.p, self.n, before))

    def _adjusted(self, before: Flags, after: Flags, columns: Sequence[str]) -> Limits:
        """The gain among customers who are alike in some columns: those who stay in, leave and enter as groups."""
        if not columns:
            return UNKNOWN
        group = np.select([before & after, before, after], [0, 1, 2], default=-1)
        share = {
            g: share_of(self.n, group == g, after) * (g != 1) - share_of(self.n, group == g, before) * (g != 2)
            for g in (0, 1, 2)
            if (self.n * (group == g)).any()
        }
        return adjusted_difference(self.p, self.n, group, share, columns).limits(self.conf_level)

    def _finding(
        self, gain: Limits, adjusted: Limits, same_bond: Limits, money: Limits, early: Limits, q_value: float
    ) -> str:
        """What holds of a proposed edit; what is not known (NaN) speaks against nothing."""
        if not (q_value <= self.fdr and gain[0] > 0):
            return CHANCE
        if gain[0] < self.gain:
            return SMALL
        if adjusted[1] <= 0:
            return CONFOUNDED
        if same_bond[1] <= 0:
            return LOCK_IN
        if early[2] < self.gain:
            return SURVIVORS
        return LOSES_REVENUE if money[2] < 0 else CONFIRMED


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Q values; NaN where there is no p value.

    >>> benjamini_hochberg([0.01, float("nan"), 0.04])
    [0.02, nan, 0.04]
    """
    known = [k for k, p in enumerate(p_values) if not np.isnan(p)]
    result = [float("nan")] * len(p_values)
    if known:
        from statsmodels.stats.multitest import multipletests

        found = multipletests([p_values[k] for k in known], method="fdr_bh")[1]
        for k, q in zip(known, found, strict=True):
            result[k] = float(q)
    return result
