"""A campaign whose customers chance chose: what it did, and whether that is shown."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

import numpy as np

from kbind.errors import ArgumentError, NotEnoughData
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.experiments.arms import (
    adjusted,
    excludes,
    hazard_ratio,
    mean_time,
    outcome_values,
    placebo,
    plain,
    sample_ratio,
    width,
)
from kbind.experiments.campaign import Assigned
from kbind.experiments.effect import NOT_IDENTIFIED, NOT_SHOWN, OUTCOMES, SHOWN, Effect, Reason
from kbind.experiments.looks import always_valid, look_at, read_looks

#: Sizes of the arms that chance brings about less often than this were not dealt out as planned.
MISMATCH = 0.001
#: Customers an arm whose outcome has to be known.
LEAST = 10


def chance_chose(assigned: Assigned, randomised: bool | None) -> tuple[bool, str, float]:
    """Whether chance chose who was treated, how that is known, and with which chance (NaN where nobody said).

    Raises
    ------
    ArgumentError
        Somebody says so where the data says otherwise.
    """
    chance = assigned.propensity
    recorded = bool(np.isfinite(chance).all()) and len(chance) > 0
    low, high = (float(chance.min()), float(chance.max())) if recorded else (nan, nan)
    even = recorded and high - low <= 1e-9 and 0 < low < 1
    if randomised is True:
        if not assigned.held_back:
            raise ArgumentError(
                f"randomised=True: nobody of campaign {assigned.campaign!r} was held back; allowed: None or False"
            )
        if recorded and not even:
            raise ArgumentError(
                f"randomised=True: the recorded chance of treatment goes from {low:g} to {high:g}; allowed: None or "
                "False, which weigh by it"
            )
        return True, "said so (randomised=True)", low if even else nan
    if randomised is False:
        return False, "said so (randomised=False)", nan
    if not assigned.held_back:
        return False, "nobody was held back", nan
    if even:
        return True, f"every customer had the same recorded chance of treatment, {low:g}", low
    if recorded:
        return False, f"the recorded chance of treatment goes from {low:g} to {high:g}", nan
    return False, "no chance of treatment is recorded, and nobody says that it was the same (randomised=True)", nan


def judge(
    assigned: Assigned,
    *,
    outcome: str,
    how: str,
    share: float,
    conf_level: float,
    looks: Any = None,
) -> Effect:
    """The effect of a randomised campaign.

    Parameters
    ----------
    assigned : Assigned
    outcome : {"retained", "revenue", "time"}
    how : str
        How it is known that chance chose.
    share : float
        Chance of treatment; NaN where it is not known.
    conf_level : float
    looks : list of days, optional

    Raises
    ------
    NotEnoughData
        Fewer than 10 customers an arm whose horizon is over.
    """
    values, known = outcome_values(assigned, outcome)
    kept, y = assigned.take(known), values[known]
    n = {str(arm): int((kept.arm == arm).sum()) for arm in sorted(set(kept.arm))}
    if min(kept.treated.sum(), (~kept.treated).sum()) < LEAST:
        raise NotEnoughData(
            f"campaign {assigned.campaign!r}: {int(kept.treated.sum())} treated and {int((~kept.treated).sum())} "
            f"others whose {assigned.horizon} days are over and whose outcome is known; needed: {LEAST} each"
        )
    naive = plain(y, kept.treated, outcome, conf_level)
    better = adjusted(kept, y, conf_level)
    straight = plain(y, kept.treated, "mean", conf_level)
    rmst = mean_time(assigned, conf_level)
    if outcome == "time" and isfinite(rmst.value):
        naive = rmst
    mismatch = sample_ratio(int(assigned.treated.sum()), len(assigned), share)
    days = None if looks is None else read_looks(assigned, looks)
    table = None if days is None else look_at(assigned, outcome, days, conf_level)
    valid = UNKNOWN if days is None else always_valid(better, float(known.mean()))
    before = placebo(kept, np.ones(len(kept), dtype=bool), conf_level)
    verdict, reasons = _verdict(better, valid if days is not None else None, mismatch, share, assigned, outcome)
    return Effect(
        verdict=verdict, reasons=(*reasons, *_beside(before, assigned, known)), naive=naive, adjusted=better,
        placebo=before, outcome=outcome, n=n, randomised=True, how=how, conf_level=conf_level, assigned=assigned,
        rmst=rmst, hazard_ratio=hazard_ratio(assigned, conf_level), sample_ratio=mismatch,
        tighter=1 - width(better) / width(straight) if width(straight) > 0 else nan, valid=valid, looks=table,
    )  # fmt: skip


def _verdict(
    better: Estimate, valid: Estimate | None, mismatch: float, share: float, assigned: Assigned, outcome: str
) -> tuple[str, tuple[Reason, ...]]:
    if mismatch < MISMATCH:
        n, treated = len(assigned), int(assigned.treated.sum())
        words = (
            f"{treated:,} of {n:,} were treated where {share:.0%} were planned (p = {mismatch:.1g}): they were not "
            "dealt out as planned, so something else decided too"
        )
        return NOT_IDENTIFIED, (Reason("sample_ratio", words),)
    judged = better if valid is None else valid
    how = "" if valid is None else ", an interval that holds however often one looks"
    unit = OUTCOMES[outcome]
    limits = f"{unit}: {judged.value:+.4g} [{judged.ci_lower:.4g}, {judged.ci_upper:.4g}]{how}"
    if excludes(judged):
        direction = "better" if judged.value > 0 else "worse"
        return SHOWN, (Reason(direction, f"the treated did {direction} than the others; {limits}"),)
    if not isfinite(judged.ci_lower):
        return NOT_SHOWN, (Reason("no_interval", f"nothing varies, so there is no interval; {limits}"),)
    return NOT_SHOWN, (Reason("interval_holds_zero", f"no difference is among what is possible; {limits}"),)


def _beside(before: Estimate, assigned: Assigned, known: np.ndarray) -> list[Reason]:
    """What is worth knowing beside the verdict."""
    found = []
    if excludes(before):
        words = f"the arms differed before the assignment already, as chance makes them do now and then: {before}"
        found.append(Reason("arms_differ_before", words))
    waiting = int((~known).sum())
    if waiting:
        found.append(Reason("horizon_not_over", f"{waiting:,} customers do not count yet: their horizon is not over"))
    return found
