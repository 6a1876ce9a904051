"""Edits of a persona's rules, looked for on one part of the customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from kbind.customers.at_signing import Prospects
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.influenced import Influenced
from kbind.estimate.intervals import benjamini_hochberg, normal
from kbind.personas.parts import Rule
from kbind.personas.refinement.measure import (
    LEAST_CUSTOMERS,
    Edit,
    Matcher,
    Rules,
    adjusted_difference,
    apply,
    first_year,
    jaccard,
    months_seen,
    retained_revenue,
    retention,
    share_of,
)
from kbind.typing import Bools, Ints

#: A level of fewer customers is not singled out.
_LEAST_LEVEL = 20

PROPOSED, OTHER_PERSONA = "proposed", "another persona"


@dataclass(frozen=True)
class Bounds:
    """What a proposal has to keep to.

    Attributes
    ----------
    coverage : float
        Least share of all customers that match.
    identity : float
        Least share of customers in both the old and the new persona, of those in either.
    gain : float
        Least gain in retention of one edit.
    edits : int
        Most edits.
    """

    coverage: float
    identity: float
    gain: float
    edits: int


@dataclass(frozen=True)
class Step:
    """An edit that was found, and the rules before and after it.

    Attributes
    ----------
    finding : str
        "proposed", or the trap that it is in although it wins more.
    """

    edit: Edit
    before: Rules
    after: Rules
    finding: str


@dataclass(frozen=True)
class _Option:
    edit: Edit
    after: Rules
    worth: float
    same: bool


def search(scale: Scale, rules: Rules, allowed: Sequence[str], bounds: Bounds) -> list[Step]:
    """Edits that win retention one after the other, at most one an attribute.

    Of all edits that keep to the bounds and are in no trap, the one with the largest gain times coverage comes first
    (weighted relative accuracy; Lavrac, Flach and Zupan 1999). Ranked by the gain alone, or by its lower limit, small
    groups that were lucky win: on Telco the promised gain was 3 to 5 points too high.

    Parameters
    ----------
    scale : Scale
        The part that is searched.
    rules : tuple of Rule
        Of the old persona.
    allowed : sequence of str
        Attributes that rules may be about; rules on others stay as they are.
    bounds : Bounds

    Returns
    -------
    list of Step
        Those proposed, in order; before each, what would have won more but is in a trap, the best of each kind.
    """
    steps: list[Step] = []
    left, current, proposed = list(allowed), rules, 0
    while proposed < bounds.edits:
        found: dict[str, Step] = {}
        for option in sorted(_options(scale, current, rules, left, bounds), key=lambda option: -option.worth):
            finding = OTHER_PERSONA
            if option.same:
                weighed = scale.weigh(current, option.after, option.edit.attribute)
                finding = weighed.trap(bounds.gain, dropped=option.edit.kind == "drop") or PROPOSED
            found.setdefault(finding, Step(option.edit, current, option.after, finding))
            if finding == PROPOSED:
                break
        known = {step.edit for step in steps}
        steps += [step for step in found.values() if step.edit not in known or step.finding == PROPOSED]
        if PROPOSED not in found:
            break
        left.remove(found[PROPOSED].edit.attribute)
        current, proposed = found[PROPOSED].after, proposed + 1
    return steps


def _options(scale: Scale, rules: Rules, first: Rules, allowed: Sequence[str], bounds: Bounds) -> Iterator[_Option]:
    """Edits of the rules that win enough on this part."""
    p, n, matcher = scale.p, scale.n, scale.matcher
    z = NormalDist().inv_cdf(0.5 + scale.conf_level / 2)
    now, old = matcher.match(rules), matcher.match(first)
    base = retention(p, n, now)
    for attribute in allowed:
        for edit in _edits(p, n, matcher, rules, attribute):
            after = apply(rules, edit)
            mask = matcher.match(after)
            coverage = share_of(n, mask)
            if (n * mask).sum() < LEAST_CUSTOMERS or coverage < bounds.coverage:
                continue
            gain = retention(p, n, mask).minus(base)
            if gain.value >= max(bounds.gain, z * gain.error(n)):
                yield _Option(edit, after, gain.value * coverage, jaccard(n, mask, old) >= bounds.identity)


def _edits(p: Prospects, n: Ints, matcher: Matcher, rules: Rules, attribute: str) -> Iterator[Edit]:
    """Drop the rule on an attribute, or replace it, or add one."""
    own = next((rule for rule in rules if rule.attribute == attribute), None)
    rest = tuple(rule for rule in rules if rule.attribute != attribute)
    if own is not None and rest:
        yield Edit("drop", own, None)
    weight = own.weight if own is not None else max(rule.weight for rule in rules)
    for rule in simple_rules(p, n, matcher.match(rest) if rest else np.ones(len(n), dtype=bool), attribute):
        new = replace(rule, weight=weight)
        if own is None:
            yield Edit("add", None, new)
        elif not np.array_equal(matcher.holds(new), matcher.holds(own)):
            yield Edit("change", own, new)


def simple_rules(p: Prospects, n: Ints, among: Bools, attribute: str) -> Iterator[Rule]:
    """Ranges between cut points, or the levels that keep most customers: the best, the two best, and so on."""
    column = p.attributes[attribute]
    if column.cuts:
        ends = (None, *column.cuts, None)
        for low, high in combinations(range(len(ends)), 2):
            if (low, high) != (0, len(ends) - 1):
                yield Rule(attribute, range=(ends[low], ends[high]))
        return
    kept: dict[int, float] = {}
    for code in range(len(column.levels)):
        rows = among & (column.codes == code)
        if code != p.structural.get(attribute) and (n * rows).sum() >= _LEAST_LEVEL:
            kept[code] = retention(p, n, rows).value
    best = sorted(kept, key=lambda code: (-kept[code], code))
    others = int((n * (among & ~np.isin(column.codes, best))).sum())
    for k in range(1, len(best) + (others > 0)):
        yield Rule(attribute, in_=tuple(column.levels[code] for code in sorted(best[:k])))


CONFOUNDED, LOCK_IN, SURVIVORS = "vanishes after adjusting", "lock-in in disguise", "selects survivors"
LOSES_REVENUE = "loses revenue"


@dataclass(frozen=True)
class Weighed:
    """New rules minus old ones, each with interval; NaN where it cannot be told.

    Attributes
    ----------
    gain, gain_adjusted, gain_same_bond : Estimate
        Of retention: as it is; among customers alike in what is adjusted for; and alike in the bond too.
    retained_revenue_difference, first_year_difference : Estimate
    p_value : float
        Of the gain.
    """

    gain: Estimate
    gain_adjusted: Estimate
    gain_same_bond: Estimate
    retained_revenue_difference: Estimate
    first_year_difference: Estimate
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
        before = self.gain if np.isnan(self.gain_adjusted.value) else self.gain_adjusted
        if _is_worse(self.gain_adjusted) if dropped else vanishes(self.gain_adjusted, self.gain):
            return CONFOUNDED
        if _is_worse(self.gain_same_bond) if dropped else self.gain_same_bond.ci_upper < before.value / 2:
            return LOCK_IN
        if self.first_year_difference.ci_upper < (0 if dropped else least):
            return SURVIVORS
        return LOSES_REVENUE if _is_worse(self.retained_revenue_difference) else ""


def _is_worse(difference: Estimate) -> bool:
    return difference.ci_upper < 0


def vanishes(rest: Estimate, whole: Estimate) -> bool:
    """Whether less than half is left, and that cannot be told from nothing."""
    return rest.value < whole.value / 2 and rest.ci_lower <= 0


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
        self, before: Rules, after: Rules, figure: Callable[[Prospects, Ints, Bools], Influenced] = retention
    ) -> Influenced:
        """A figure under the rules after, minus that before."""
        old, new = self.matcher.match(before), self.matcher.match(after)
        return figure(self.p, self.n, new).minus(figure(self.p, self.n, old))

    def weigh(self, before: Rules, after: Rules, attribute: str) -> Weighed:
        """Rules that differ in one attribute, which is not adjusted for."""
        figures = [self.difference(before, after, figure) for figure in (retention, retained_revenue, first_year)]
        gain, money, early = (figure.estimate(self.n, self.conf_level) for figure in figures)
        held = [name for name in self.adjust if name != attribute]
        bond = [name for name in self.bond if name != attribute and name not in held]
        adjusted = self.adjusted(before, after, held)
        same_bond = self.adjusted(before, after, [*held, *bond]) if bond else UNKNOWN
        return Weighed(gain, adjusted, same_bond, money, early, figures[0].p_value(self.n))

    def adjusted(self, before: Rules, after: Rules, columns: Sequence[str]) -> Estimate:
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
        return normal(*adjusted_difference(self.p, self.n, group, share, columns), self.conf_level)


CONFIRMED, CHANCE, SMALL = "confirmed", "not confirmed", "wins too little"


@dataclass(frozen=True)
class JudgedEdit:
    """An edit against the rules before it, on the part that confirms.

    Attributes
    ----------
    edit : Edit
    finding : str
        "confirmed"; proposed, but "not confirmed" or "wins too little" on this part; or in a trap, on the first part
        already or on this one: "another persona", "vanishes after adjusting", "lock-in in disguise", "selects
        survivors", "loses revenue".
    proposed : bool
        Whether it stood on the first part.
    weighed : Weighed
        What it wins.
    q_value : float
        Of the gain, by Benjamini-Hochberg over what was proposed; NaN for the others.
    coverage_before, coverage : float
        Share of customers that match.
    identity : float
        Customers in both the old persona and this one, of those in either.
    months_before, months : float
        Mean time that the matched customers have been there.
    """

    edit: Edit
    finding: str
    proposed: bool
    weighed: Weighed
    q_value: float
    coverage_before: float
    coverage: float
    identity: float
    months_before: float
    months: float


def judge(scale: Scale, rules: Rules, steps: Sequence[Step], *, fdr: float, least: float) -> tuple[JudgedEdit, ...]:
    """Every edit that was found, in order.

    Parameters
    ----------
    scale : Scale
        The part that confirms.
    rules : tuple of Rule
        Of the old persona.
    steps : sequence of Step
    fdr : float
        Share of false ones to allow.
    least : float
        Gain that is worth an edit.
    """
    weighed = [scale.weigh(step.before, step.after, step.edit.attribute) for step in steps]
    proposed = [k for k, step in enumerate(steps) if step.finding == PROPOSED]
    q_values = dict(zip(proposed, benjamini_hochberg([weighed[k].p_value for k in proposed]).tolist(), strict=True))
    old, result = scale.matcher.match(rules), []
    for k, (step, found) in enumerate(zip(steps, weighed, strict=True)):
        before, after = scale.matcher.match(step.before), scale.matcher.match(step.after)
        q_value = q_values.get(k, np.nan)
        result.append(
            JudgedEdit(
                edit=step.edit,
                finding=step.finding if k not in q_values else _finding(step, found, q_value, fdr, least),
                proposed=k in q_values,
                weighed=found,
                q_value=q_value,
                coverage_before=share_of(scale.n, before),
                coverage=share_of(scale.n, after),
                identity=jaccard(scale.n, after, old),
                months_before=months_seen(scale.p, scale.n, before),
                months=months_seen(scale.p, scale.n, after),
            )
        )
    return tuple(result)


def _finding(step: Step, found: Weighed, q_value: float, fdr: float, least: float) -> str:
    if not (q_value <= fdr and found.gain.value > 0):
        return CHANCE
    if found.gain.value < least:
        return SMALL
    return found.trap(least, dropped=step.edit.kind == "drop") or CONFIRMED
