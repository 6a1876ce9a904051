"""Edits of a persona's rules, looked for on one part of the customers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from kbind.data.personas import Rule
from kbind.estimates.refinement.matching import Edit, Matcher, Rules, apply
from kbind.estimates.refinement.measure import LEAST_CUSTOMERS, jaccard, retained_revenue, retention, share_of
from kbind.statistics.groups import Ints
from kbind.statistics.prospects import Flags, Prospects

#: A level of fewer customers is not singled out.
_LEAST_LEVEL = 20

#: Level of the interval of a gain that has to lie above 0 for an edit to be proposed.
_CAUTION = 0.9

PROPOSED, OTHER_PERSONA, LOSES_REVENUE = "proposed", "another persona", "loses revenue"


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
        "proposed", or why it was not although it wins more: "another persona", "loses revenue".
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
    finding: str


def search(p: Prospects, n: Ints, matcher: Matcher, rules: Rules, allowed: Sequence[str], bounds: Bounds) -> list[Step]:
    """Edits that win retention one after the other, at most one an attribute.

    Of all edits that keep to the bounds, the one with the largest gain times coverage comes first (weighted relative
    accuracy; Lavrac, Flach and Zupan 1999). Ranked by the gain alone, or by its lower limit, small groups that were
    lucky win: on Telco the promised gain was 3 to 5 points too high, and with this measure 1.

    Parameters
    ----------
    p : Prospects
    n : ndarray of int, shape (rows,)
        Customers of the part that is searched.
    matcher : Matcher
    rules : tuple of Rule
        Of the old persona.
    allowed : sequence of str
        Attributes that rules may be about; rules on others stay as they are.
    bounds : Bounds

    Returns
    -------
    list of Step
        Those proposed, in order; between them the best of those that would win more but are barred.
    """
    steps: list[Step] = []
    left, current, proposed = list(allowed), rules, 0
    while proposed < bounds.edits:
        options = list(_options(p, n, matcher, current, rules, left, bounds))
        best = {
            finding: max((o for o in options if o.finding == finding), key=lambda o: o.worth, default=None)
            for finding in (PROPOSED, OTHER_PERSONA, LOSES_REVENUE)
        }
        chosen = best.pop(PROPOSED)
        least = chosen.worth if chosen else 0.0
        known = {step.edit for step in steps}
        steps += [
            Step(o.edit, current, o.after, o.finding)
            for o in best.values()
            if o is not None and o.worth > least and o.edit not in known
        ]
        if chosen is None:
            break
        steps.append(Step(chosen.edit, current, chosen.after, PROPOSED))
        left.remove(chosen.edit.attribute)
        current, proposed = chosen.after, proposed + 1
    return steps


def _options(
    p: Prospects, n: Ints, matcher: Matcher, rules: Rules, first: Rules, allowed: Sequence[str], bounds: Bounds
) -> Iterator[_Option]:
    """Edits of the rules that win enough on this part."""
    z = NormalDist().inv_cdf(0.5 + _CAUTION / 2)
    now, old = matcher.match(rules), matcher.match(first)
    base, money = retention(p, n, now), retained_revenue(p, n, now)
    for attribute in allowed:
        for edit in _edits(p, n, matcher, rules, attribute):
            after = apply(rules, edit)
            mask = matcher.match(after)
            if (n * mask).sum() < LEAST_CUSTOMERS or share_of(n, mask) < bounds.coverage:
                continue
            gain = retention(p, n, mask).minus(base)
            if not gain.value >= max(bounds.gain, z * gain.error(n)):
                continue
            finding = PROPOSED
            if jaccard(n, mask, old) < bounds.identity:
                finding = OTHER_PERSONA
            else:
                lost = retained_revenue(p, n, mask).minus(money)
                if lost.value + z * lost.error(n) < 0:
                    finding = LOSES_REVENUE
            yield _Option(edit, after, gain.value * share_of(n, mask), finding)


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


def simple_rules(p: Prospects, n: Ints, among: Flags, attribute: str) -> Iterator[Rule]:
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
