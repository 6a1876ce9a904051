"""Edits of a persona's rules, looked for on one part of the customers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from kbind.data.personas import Rule
from kbind.estimates.refinement.matching import Edit, Matcher, Rules, apply
from kbind.estimates.refinement.measure import LEAST_CUSTOMERS, jaccard, retention, share_of
from kbind.estimates.refinement.traps import Scale
from kbind.statistics.customers.prospects import Prospects
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
