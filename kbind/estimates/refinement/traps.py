"""What an edit wins on some customers, and the four traps it may have stepped into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kbind.estimates.refinement.adjusted import adjusted_difference
from kbind.estimates.refinement.matching import Matcher, Rules
from kbind.estimates.refinement.measure import Figure, first_year, retained_revenue, retention, share_of
from kbind.statistics.customers.prospects import Prospects
from kbind.typing import Bools, Ints

Limits = tuple[float, float, float]

CONFOUNDED, LOCK_IN, SURVIVORS = "vanishes after adjusting", "lock-in in disguise", "selects survivors"
LOSES_REVENUE = "loses revenue"

UNKNOWN: Limits = (float("nan"),) * 3


@dataclass(frozen=True)
class Weighed:
    """New rules minus old ones, each with interval; NaN where it cannot be told.

    Attributes
    ----------
    gain, gain_adjusted, gain_same_bond : tuple of (float, float, float)
        Of retention: as it is; among customers alike in what is adjusted for; and alike in the bond too.
    retained_revenue_difference, first_year_difference : tuple of (float, float, float)
    p_value : float
        Of the gain.
    """

    gain: Limits
    gain_adjusted: Limits
    gain_same_bond: Limits
    retained_revenue_difference: Limits
    first_year_difference: Limits
    p_value: float

    def trap(self, least: float, *, dropped: bool) -> str:
        """The first trap that the edit is in, if any; what is not known speaks against nothing.

        Parameters
        ----------
        least : float
            Gain that is worth an edit.
        dropped : bool
            Whether a rule was dropped. A rule has to earn its place: it may go if customers are not clearly worse
            without it, while one that comes or changes has to win something among customers who are alike.
        """
        before = self.gain if np.isnan(self.gain_adjusted[0]) else self.gain_adjusted
        if _is_worse(self.gain_adjusted) if dropped else vanishes(self.gain_adjusted, self.gain):
            return CONFOUNDED
        if _is_worse(self.gain_same_bond) if dropped else self.gain_same_bond[2] < before[0] / 2:
            return LOCK_IN
        if self.first_year_difference[2] < (0 if dropped else least):
            return SURVIVORS
        return LOSES_REVENUE if _is_worse(self.retained_revenue_difference) else ""


def _is_worse(limits: Limits) -> bool:
    return limits[2] < 0


def vanishes(rest: Limits, whole: Limits) -> bool:
    """Whether less than half is left, and that cannot be told from nothing."""
    return rest[0] < whole[0] / 2 and rest[1] <= 0


@dataclass(frozen=True, eq=False)
class Scale:
    """Some of the customers, on which rules are weighed against each other.

    Attributes
    ----------
    p : Prospects
    n : ndarray of int, shape (rows,)
        Customers of each row.
    matcher : Matcher
    adjust, bond : tuple of str
        Columns in which customers should be alike; columns that are the bond itself.
    conf_level : float
    """

    p: Prospects
    n: Ints
    matcher: Matcher
    adjust: tuple[str, ...]
    bond: tuple[str, ...]
    conf_level: float

    def difference(
        self, before: Rules, after: Rules, figure: Callable[[Prospects, Ints, Bools], Figure] = retention
    ) -> Figure:
        """A figure under the rules after, minus that before."""
        old, new = self.matcher.match(before), self.matcher.match(after)
        return figure(self.p, self.n, new).minus(figure(self.p, self.n, old))

    def weigh(self, before: Rules, after: Rules, attribute: str) -> Weighed:
        """Rules that differ in one attribute, which is not adjusted for."""
        figures = [self.difference(before, after, figure) for figure in (retention, retained_revenue, first_year)]
        gain, money, early = (figure.limits(self.n, self.conf_level) for figure in figures)
        held = [name for name in self.adjust if name != attribute]
        bond = [name for name in self.bond if name != attribute and name not in held]
        adjusted = self.adjusted(before, after, held)
        same_bond = self.adjusted(before, after, [*held, *bond]) if bond else UNKNOWN
        return Weighed(gain, adjusted, same_bond, money, early, figures[0].p_value(self.n))

    def adjusted(self, before: Rules, after: Rules, columns: Sequence[str]) -> Limits:
        """The gain among customers who are alike in some columns: those who stay in, leave and enter as groups."""
        if not columns:
            return UNKNOWN
        old, new = self.matcher.match(before), self.matcher.match(after)
        group = np.select([old & new, old, new], [0, 1, 2], default=-1)
        share = {
            g: share_of(self.n, group == g, new) * (g != 1) - share_of(self.n, group == g, old) * (g != 2)
            for g in (0, 1, 2)
            if (self.n * (group == g)).any()
        }
        return adjusted_difference(self.p, self.n, group, share, columns).limits(self.conf_level)
