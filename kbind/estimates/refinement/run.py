"""The three parts of one refinement, each looked at for one thing only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kbind.estimates.intervals import wilson
from kbind.estimates.refinement.judge import CHANCE, CONFIRMED, UNKNOWN, Judge, JudgedEdit, Limits
from kbind.estimates.refinement.matching import Matcher, Rules, apply, words_of
from kbind.estimates.refinement.measure import (
    LEAST_CUSTOMERS,
    LEAST_EVENTS,
    Figure,
    enough,
    first_year,
    jaccard,
    months_seen,
    retained_revenue,
    retention,
    revenue,
    share_of,
)
from kbind.estimates.refinement.result import ACCEPT, NOT_ENOUGH, REJECT, HeldOut, Measured, WithBond
from kbind.estimates.refinement.search import PROPOSED, Bounds, search
from kbind.statistics.groups import Ints
from kbind.statistics.prospects import Flags, Prospects


@dataclass(frozen=True)
class Outcome:
    """What a refinement came to; see `Refinement`. `proposed` are the rules after all edits that were proposed."""

    verdict: str
    reason: str
    edits: tuple[JudgedEdit, ...] = ()
    rules: Rules | None = None
    found: Limits = UNKNOWN
    promised: Limits = UNKNOWN
    held_out: HeldOut | None = None
    proposed: Rules | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """One persona on customers who were dealt out to three parts.

    Attributes
    ----------
    p : Prospects
    parts : ndarray of int, shape (3, rows)
        Customers of each row in each part.
    matcher : Matcher
    rules : tuple of Rule
        Of the old persona.
    allowed : tuple of str
        Columns that rules may be about.
    bounds : Bounds
    judge : Judge
        On the second part.
    """

    p: Prospects
    parts: Ints
    matcher: Matcher
    rules: Rules
    allowed: tuple[str, ...]
    bounds: Bounds
    judge: Judge

    def refine(self) -> Outcome:
        """Find, confirm, measure."""
        old = self.matcher.match(self.rules)
        if not all(enough(self.p, part, old) for part in self.parts):
            return Outcome(NOT_ENOUGH, f"In each part at least {LEAST_CUSTOMERS} {self.p.customer}s have to match, "
                           f"{LEAST_EVENTS} of them leavers and {LEAST_EVENTS} stayers.")  # fmt: skip
        steps = search(self.p, self.parts[0], self.matcher, self.rules, self.allowed, self.bounds)
        edits = self.judge.judge(steps, old)
        proposed = [step for step in steps if step.finding == PROPOSED]
        if not proposed:
            return Outcome(
                REJECT, f"No edit within the bounds wins {100 * self.bounds.gain:.3g} points of retention.", edits
            )
        tried = Outcome("", "", edits, None, self._gain(self.parts[0], proposed[-1].after), proposed=proposed[-1].after)
        rules = self.rules
        for row in edits:
            rules = apply(rules, row.edit) if row.finding == CONFIRMED else rules
        if rules == self.rules:
            # an interval that leaves room for a worthwhile gain does not speak against it
            doubt = any(row.finding == CHANCE and row.gain[2] >= self.bounds.gain for row in edits)
            reason = f"No proposed edit was confirmed on the second part{', which is too small to tell' * doubt}."
            return replace(tried, verdict=NOT_ENOUGH if doubt else REJECT, reason=reason)
        kept = replace(tried, rules=rules, promised=self._gain(self.parts[1], rules))
        if jaccard(self.parts[1], self.matcher.match(rules), old) < self.bounds.identity:
            return replace(kept, verdict=REJECT, reason="The confirmed edits alone make another persona.")
        there = self._held_out(rules)
        verdict, reason = self._verdict(there)
        return replace(kept, verdict=verdict, reason=reason, held_out=there)

    def with_bond(self, bond: Sequence[str], proposed: Rules | None) -> WithBond | None:
        """What could be won on the second part if rules about the bond were allowed."""
        if not bond:
            return None
        allowed = (*self.allowed, *(name for name in bond if name not in self.allowed))
        steps = search(self.p, self.parts[0], self.matcher, self.rules, allowed, self.bounds)
        taken = [step for step in steps if step.finding == PROPOSED]
        return WithBond(
            columns=tuple(bond),
            edits=tuple(f"{s.edit.kind} {s.edit.attribute}: {words_of(s.edit.new)}" for s in taken),
            gain=self._gain(self.parts[1], taken[-1].after) if taken else UNKNOWN,
            gain_without=UNKNOWN if proposed is None else self._gain(self.parts[1], proposed),
        )

    def _gain(self, n: Ints, rules: Rules) -> Limits:
        return self._difference(n, rules, retention)

    def _difference(self, n: Ints, rules: Rules, figure: Callable[[Prospects, Ints, Flags], Figure]) -> Limits:
        new, old = self.matcher.match(rules), self.matcher.match(self.rules)
        return figure(self.p, n, new).minus(figure(self.p, n, old)).limits(n, self.judge.conf_level)

    def _held_out(self, rules: Rules) -> HeldOut:
        n = self.parts[2]
        new, old = self.matcher.match(rules), self.matcher.match(self.rules)
        gain, money, early = (self._difference(n, rules, f) for f in (retention, retained_revenue, first_year))
        return HeldOut(self._measured(n, old), self._measured(n, new), gain, money, early, jaccard(n, new, old))

    def _measured(self, n: Ints, mask: Flags) -> Measured:
        count = int((n * mask).sum())
        return Measured(
            n=count,
            coverage=share_of(n, mask),
            retention=self._limits(n, mask, self.p.gone, retention),
            revenue=revenue(self.p, n, mask).value,
            retained_revenue=retained_revenue(self.p, n, mask).limits(n, self.judge.conf_level),
            first_year_retention=self._limits(n, mask & (self.p.first_size > 0), self.p.first_gone > 0, first_year),
            months=months_seen(self.p, n, mask),
        )

    def _limits(self, n: Ints, mask: Flags, gone: Flags, figure: Callable[[Prospects, Ints, Flags], Figure]) -> Limits:
        """Wilson's interval of a share, and that of the influence of a rate."""
        if self.p.rate:
            value, low, high = figure(self.p, n, mask).limits(n, self.judge.conf_level)
            return value, max(low, 0.0), min(high, 1.0)
        stayed, count = float((n * (mask & ~gone)).sum()), float((n * mask).sum())
        share, lower, upper = wilson(stayed, count, self.judge.conf_level)
        return float(share), float(lower), float(upper)

    def _verdict(self, there: HeldOut) -> tuple[str, str]:
        gain, low, _ = there.gain
        if there.retained_revenue_difference[2] < 0:
            return REJECT, "What is won in retention is lost in retained revenue."
        if there.first_year_difference[2] < 0:
            return REJECT, "The new persona does worse in the first year: it selects survivors."
        if np.isnan(gain):
            return NOT_ENOUGH, "On the third part nobody matches."
        if gain < self.bounds.gain:
            return REJECT, f"On the third part less than {100 * self.bounds.gain:.3g} points of retention are won."
        if not low > 0:
            return NOT_ENOUGH, "On the third part the gain cannot be told from nothing."
        return ACCEPT, "The gain holds up on customers who had no part in finding it."
