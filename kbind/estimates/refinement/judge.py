"""Edits on customers who were not used to find them: what holds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.estimates.many_tests import benjamini_hochberg
from kbind.estimates.refinement.matching import Edit, Rules
from kbind.estimates.refinement.measure import jaccard, months_seen, share_of
from kbind.estimates.refinement.search import PROPOSED, Step
from kbind.estimates.refinement.traps import Scale, Weighed

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
    if not (q_value <= fdr and found.gain[0] > 0):
        return CHANCE
    if found.gain[0] < least:
        return SMALL
    return found.trap(least, dropped=step.edit.kind == "drop") or CONFIRMED
