"""Effects of what was no experiment: weighted, doubly robust, with a placebo and a measure of what stays unseen."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, nan

import numpy as np
import pandas as pd

from kbind.errors import NotEnoughData
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import LEAST_EFFECTIVE, interval_columns, normal
from kbind.estimate.scores import fit_logistic, log_odds
from kbind.experiments.arms import excludes, outcome_values, plain
from kbind.experiments.campaign import Assigned
from kbind.experiments.effect import NOT_IDENTIFIED, NOT_SHOWN, OUTCOMES, SHOWN, Effect, Reason
from kbind.experiments.following import MONTH
from kbind.experiments.weighting import Weighed, e_value, robust_effect, weigh, weighted_effect

#: Customers an arm whose outcome has to be known.
LEAST = 50
#: Share of the treated that needs comparable others, and the largest standardised difference that weights may leave.
OVERLAP, BALANCE = 0.8, 0.25
#: Recorded chances that fit who was treated no better than this (p value) are not the chances it was done by.
UNFIT = 0.01
#: Standardised difference of use from which on customers were chosen for it.
CHOSEN = 0.2


def observe(assigned: Assigned, *, outcome: str, how: str, conf_level: float) -> Effect:
    """The effect of a campaign whose customers somebody chose.

    Parameters
    ----------
    assigned : Assigned
    outcome : {"retained", "revenue", "time"}
    how : str
        How it was decided that chance did not choose.
    conf_level : float

    Raises
    ------
    NotEnoughData
        Fewer than 50 customers treated, or others, whose horizon is over.

    Notes
    -----
    The effect is that on the treated who have comparable others. Placebo: change of use in the second half of the days
    before the assignment, in which nobody had been treated, adjusted for what was known in the middle of them. It is
    never on staying: who was assigned was still a customer.

    The verdict is "not identified" if nothing is known by which to compare; if fewer than 80 % of the treated have
    comparable others, or these are worth fewer than 30; if weights leave a standardised difference above 0.25; if a
    recorded chance of treatment does not fit who was treated (logistic calibration, p below 0.01); if the placebo's
    interval excludes 0; or if there is neither a placebo nor a recorded chance. Else it is "shown" if the interval of
    the doubly robust effect excludes 0. Hidden causes that move neither earlier use nor the recorded chance stay
    unseen: `e_value` says how strong they had to be.
    """
    values, known = outcome_values(assigned, outcome)
    kept, y = assigned.take(known), values[known]
    sizes = int(kept.treated.sum()), int((~kept.treated).sum())
    if min(sizes) < LEAST:
        raise NotEnoughData(
            f"campaign {assigned.campaign!r}: {sizes[0]} treated and {sizes[1]} others whose {assigned.horizon} days "
            f"are over and whose outcome is known; not randomised, so needed: {LEAST} each"
        )
    weighed = weigh(kept)
    naive, better = plain(y, kept.treated, outcome, conf_level), robust_effect(weighed, y, conf_level)
    before = placebo_of(kept, conf_level)
    balance = weighed.balance()
    obstacles = [*_comparable(weighed, balance), *_placebo(before, kept)]
    inside = weighed.treated & (weighed.weight > 0)
    without = float(y[inside].mean()) - better.value if inside.any() and outcome == "retained" else nan
    strength = e_value(better, without, float(y.std()))
    moved = rebound(weighed, kept, conf_level)
    verdict = NOT_IDENTIFIED if obstacles else SHOWN if excludes(better) else NOT_SHOWN
    reasons = [*obstacles, _judged(better, outcome), *_beside(naive, better, strength, outcome)]
    reasons += _regression(moved, weighed, kept)
    waiting = int((~known).sum())
    if waiting:
        reasons.append(Reason("horizon_not_over", f"{waiting:,} customers do not count yet: their horizon is not over"))
    return Effect(
        verdict=verdict, reasons=tuple(reasons), naive=naive, adjusted=better, placebo=before, outcome=outcome,
        n={str(arm): int((kept.arm == arm).sum()) for arm in sorted(set(kept.arm))}, randomised=False, how=how,
        conf_level=conf_level, assigned=assigned, balance=balance, overlap=weighed.overlap, e_value=strength[0],
        weighted=weighted_effect(weighed, y, conf_level), effective=weighed.effective, rebound=moved,
    )  # fmt: skip


def placebo_of(assigned: Assigned, conf_level: float) -> Estimate:
    """What the campaign did to use before it began, estimated like its effect; unknown without a log of use."""
    early, late = assigned.use - assigned.use_late, assigned.use_late
    if not np.isfinite(late).all() or not (late > 0).any() or not (early > 0).any():
        return UNKNOWN
    empty = np.full(len(assigned), nan)
    then = replace(
        assigned, use=early, spend=assigned.spend - assigned.spend_late, recent=empty,
        revenue=empty if assigned.shop else assigned.revenue,
    )  # fmt: skip
    found = robust_effect(weigh(then), np.log1p(late), conf_level)
    half = assigned.horizon // 2
    said = (
        f"log of (1 + events) in the {half} days before the assignment, treated less comparable others {half} days ago"
    )
    return replace(found, definition=said)


def chances_fit(assigned: Assigned) -> float:
    """The p value of who was treated if the recorded chances were right; NaN where none are recorded.

    Logistic regression of treatment on the log odds of the recorded chance: level 0 and slope 1 if they fit (Cox 1958).
    """
    from scipy.stats import chi2

    chance = assigned.propensity
    rows = np.isfinite(chance) & (chance > 0) & (chance < 1)
    if not rows.all() or not np.ptp(chance) > 0:
        return nan
    odds = log_odds(chance)
    fit = fit_logistic(np.column_stack([np.ones(len(odds)), odds]), assigned.treated.astype(float), np.zeros(len(odds)))
    if fit is None:
        return 0.0
    off = fit[0] - [0.0, 1.0]
    return float(chi2.sf(off @ np.linalg.solve(fit[1], off), 2))


def rebound(weighed: Weighed, assigned: Assigned, conf_level: float) -> pd.DataFrame | None:
    """Use before and after, of the treated and of others who had used as much: regression to the mean.

    Returns
    -------
    DataFrame or None
        Rows treated, others (weighted to look like them): before, after, change (with limits) in events a month, n.
        None without a log of use, or while the days after are not over.
    """
    late, after = assigned.use_late * 2, assigned.use_after
    if not (np.isfinite(late).all() and np.isfinite(after).all()) or not np.ptp(late) > 0:
        return None
    monthly = MONTH / assigned.horizon
    rows = []
    for name, arm in (("treated", weighed.treated), ("others", ~weighed.treated)):
        weight = np.where(arm, weighed.weight, 0.0)
        if not weight.any():
            return None
        change = (after - late) * monthly
        mean = float(np.average(change, weights=weight))
        error = float(np.sqrt(((weight * (change - mean)) ** 2).sum()) / weight.sum())
        levels = {
            when: float(np.average(x * monthly, weights=weight)) for when, x in (("before", late), ("after", after))
        }
        limits = interval_columns("change", normal(mean, error, conf_level))
        rows.append({"group": name} | levels | limits | {"n": int((weight > 0).sum())})
    return pd.DataFrame(rows)


def _comparable(weighed: Weighed, balance: pd.DataFrame) -> list[Reason]:
    """What keeps the treated and the others from being compared."""
    found = []
    if not weighed.x.shape[1]:
        words = "nothing is known of the customers before the assignment by which to find comparable ones"
        return [Reason("nothing_known", words)]
    if weighed.overlap < OVERLAP:
        words = f"only {weighed.overlap:.0%} of the treated have comparable others; needed: {OVERLAP:.0%}"
        found.append(Reason("no_overlap", words))
    if weighed.effective < LEAST_EFFECTIVE:
        words = f"the comparable others are worth {weighed.effective:.0f} customers; needed: {LEAST_EFFECTIVE}"
        found.append(Reason("few_comparable", words))
    left = balance["difference_weighted"].to_numpy(dtype=float)
    worst = int(np.nanargmax(np.abs(left)))
    if abs(left[worst]) > BALANCE:
        words = (
            f"even comparable others differ in {balance['covariate'].iloc[worst]} by {left[worst]:+.2f} standard "
            f"deviations; allowed: {BALANCE:g}"
        )
        found.append(Reason("imbalance", words))
    return found


def _placebo(before: Estimate, assigned: Assigned) -> list[Reason]:
    """Whether something else than what is known chose the customers."""
    found = []
    fit = chances_fit(assigned)
    if fit < UNFIT:
        words = f"the recorded chances do not fit who was treated (p = {fit:.1g}): something else decided, too"
        found.append(Reason("chances_do_not_fit", words))
    if excludes(before):
        words = (
            f"use of the treated had changed by {np.expm1(before.value):+.1%} more than that of comparable others "
            f"before anybody was treated ({before})"
        )
        found.append(Reason("placebo_differs", words))
    if not isfinite(before.value) and not isfinite(fit):
        words = "there is neither a log of earlier use to test the comparison by nor a recorded chance of treatment"
        found.append(Reason("no_placebo", words))
    return found


def _judged(better: Estimate, outcome: str) -> Reason:
    limits = f"{OUTCOMES[outcome]}: {better.value:+.4g} [{better.ci_lower:.4g}, {better.ci_upper:.4g}]"
    if not excludes(better):
        return Reason(
            "interval_holds_zero", f"against comparable others, no difference is among what is possible; {limits}"
        )
    side = "better" if better.value > 0 else "worse"
    return Reason(side, f"the treated did {side} than comparable others; {limits}")


def _beside(naive: Estimate, better: Estimate, strength: tuple[float, float], outcome: str) -> list[Reason]:
    found = []
    if excludes(naive) and not (excludes(better) and (better.value > 0) == (naive.value > 0)):
        words = f"as they are, the treated differ from the others by {naive.value:+.4g}: that is who was chosen"
        found.append(Reason("naive_misleads", words))
    if excludes(better):
        words = (
            "something unmeasured would explain it if it went with being chosen and with the outcome by a risk ratio "
            f"of {strength[0]:.2f} each ({strength[1]:.2f} would do to leave none among what is possible)"
        )
        found.append(Reason("unmeasured", words))
    return found


def _regression(moved: pd.DataFrame | None, weighed: Weighed, assigned: Assigned) -> list[Reason]:
    """Whether the treated were chosen while they used little, and how others like them went on."""
    if moved is None:
        return []
    use = np.log1p(assigned.use_late)
    apart = float(use[weighed.treated].mean() - use[~weighed.treated].mean()) / max(float(use.std()), 1e-12)
    others, own = moved.set_index("group").loc["others"], moved.set_index("group").loc["treated"]
    if apart > -CHOSEN or not others["change_ci_lower"] > 0:
        return []
    words = (
        f"the treated were chosen while they used little: use rose by {own['change']:.2g} events a month afterwards, "
        f"and by {others['change']:.2g} among others left alone who had used as little (regression to the mean)"
    )
    return [Reason("regression_to_the_mean", words)]
