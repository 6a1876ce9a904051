"""How many customers an experiment takes, how long, and what it can show: laid down as a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, nan
from typing import Any

import numpy as np

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import names_of
from kbind.errors import (
    ArgumentError,
    NotEnoughData,
    check_choice,
    check_conf_level,
    check_count,
    check_flag,
    check_kind,
    check_name,
    check_number,
    listed,
    told,
)
from kbind.experiments.campaign import everybody
from kbind.experiments.effect import OUTCOMES
from kbind.experiments.plan import EDGE, Plan, check_plan
from kbind.experiments.sizes import customers_for, detectable, leaving


@dataclass(frozen=True, kw_only=True)
class Design:
    """How an experiment is laid out where it is not as usual.

    Parameters
    ----------
    share : float
        Of the customers who are treated.
    conf_level : float
        Level of the interval that it is judged by.
    looks : bool
        Whether somebody looks before the end. The interval then holds at all looks together, and takes more customers.
    strata : str or sequence of str
        Columns within whose groups the share is kept up to one customer.
    salt : str, optional
        Makes the assignment, with the id. Default: the name of the campaign. Two experiments need two.

    Examples
    --------
    >>> import kbind as kb
    >>> kb.plan_experiment(0.9, effect=0.05, design=kb.Design(share=0.3)).treated
    324
    """

    share: float = 0.5
    conf_level: float = 0.95
    looks: bool = False
    strata: str | Sequence[str] = ()
    salt: str | None = None

    def __post_init__(self) -> None:
        check_number("share", self.share, above=0, most=1 - EDGE)
        check_conf_level(self.conf_level)
        check_flag("looks", self.looks)
        names_of(self.strata, "strata")
        if self.salt is not None:
            check_name("salt", self.salt, "a text")


def plan_experiment(
    data_or_rates: Dataset | float | Mapping[str, float],
    *,
    effect: float | None = None,
    outcome: str = "retained",
    horizon: str = "182D",
    power: float = 0.8,
    name: str = "experiment",
    design: Design | None = None,
) -> Plan:
    """Lay an experiment down: how many customers it takes, how long, who is treated, and by which rule it is judged.

    Parameters
    ----------
    data_or_rates : Dataset, float or mapping
        What is expected of those left alone: a data set, of which it is read over the last `horizon`; the share
        retained; or numbers by name: "retained", or "mean" and "sd" of the revenue a month; "customers" who are
        available, and the "arrival" of more a month.
    effect : float, optional
        What is to be found: 0.03 are three points of retention; money a month for "revenue"; a hazard ratio such as 0.8
        for "time". Default: the smallest that the customers available show.
    outcome : {"retained", "revenue", "time"}
        Share retained at the horizon; revenue a month then, 0 for who has left; or time to leaving.
    horizon : str
        Days after the assignment at which it is judged.
    power : float
        Chance to find the effect if it is there.
    name : str
        Of the campaign.
    design : Design, optional
        Share of the treated, level, looks, strata, salt. Default: halves, 95 %, no looks before the end.

    Returns
    -------
    Plan
        `.customers`, `.days`, `.detectable`, `.assign(...)`, `.write(path)`.

    Raises
    ------
    ArgumentError
        No such outcome; shares, effects or numbers outside of what they can be; neither effect nor customers.
    NotEnoughData
        The data set is too short, or too few to show anything.

    Examples
    --------
    >>> import kbind as kb
    >>> plan = kb.plan_experiment(0.5, effect=0.25, power=0.9)
    >>> plan.customers, plan.treated
    (154, 77)
    """
    check_choice("outcome", outcome, tuple(OUTCOMES))
    days = days_of("horizon", horizon, 1)
    power = check_number("power", power, 0.5, 0.999)
    laid = Design() if design is None else check_kind("design", design, Design, "kb.Design(...)")
    share = laid.share
    read = _read(data_or_rates, days, outcome) if isinstance(data_or_rates, Dataset) else None
    base, n, come = _given(data_or_rates, outcome) if read is None else read
    terms: dict[str, Any] = {"share": share, "conf_level": laid.conf_level, "power": power, "looks": laid.looks}
    smallest = nan if n is None else detectable(outcome, base, n, **terms)
    if effect is None:
        if n is None:
            raise ArgumentError(
                "effect is missing, and nothing says how many customers there are; allowed: a number, or a data set"
            )
        if not isfinite(smallest):
            raise NotEnoughData(f"{n:,} customers show no effect of any size with a power of {power:.0%}")
        effect = smallest
    effect = _possible(effect, outcome, base)
    needed = customers_for(outcome, base, effect, **terms)
    if not needed < 1e12:
        raise ArgumentError(f"effect={effect!r} takes more customers than there can be; allowed: a larger one")
    size = ceil(needed - 1e-6)
    size += outcome == "retained" and share == 0.5 and size % 2  # both arms alike
    plan = Plan(
        name=check_name("name", name, "the name of a campaign"), outcome=outcome, horizon=days, effect=float(effect),
        base=base, customers=size, available=n, arrival=come, detectable=smallest,
        leavers=needed * leaving(base["retained"], effect, share) if outcome == "time" else nan,
        strata=names_of(laid.strata, "strata"), salt=name if laid.salt is None else laid.salt, **terms,
    )  # fmt: skip
    check_plan(plan)
    return plan


def _read(data: Dataset, days: int, outcome: str) -> tuple[dict[str, float], int, float]:
    """What is expected of those left alone, how many there are, and how many come a month."""
    people = everybody(data, days)
    base = {"retained": float(1 - people.left.mean())}
    if outcome == "revenue":
        known = people.revenue_after[np.isfinite(people.revenue_after)]
        if len(known) < 2 or not known.std() > 0:
            raise NotEnoughData(f"{data.name!r} does not say what customers pay, or all pay the same")
        base = {"mean": float(known.mean()), "sd": float(known.std(ddof=1))}
    elif not 0 < base["retained"] < 1:
        raise NotEnoughData(f"of {len(people):,} customers {'nobody' if base['retained'] == 1 else 'everybody'} left "
                            f"within {days} days; there is no rate to plan with")  # fmt: skip
    return base, len(people), float((people.tenure <= 12).sum() / 12)


def _given(rates: object, outcome: str) -> tuple[dict[str, float], int | None, float]:
    """The same, of numbers that somebody has given."""
    needs = ("mean", "sd") if outcome == "revenue" else ("retained",)
    given = rates if isinstance(rates, Mapping) else {"retained": rates}
    for name in given:
        check_choice("data_or_rates", name, ("retained", "mean", "sd", "customers", "arrival"))
    for name in needs:
        if name not in given:
            raise ArgumentError(
                f"data_or_rates={told(rates)} has no {name!r}; outcome={outcome!r} needs {listed(needs)}"
            )
    n = check_count("customers", given["customers"], 2, 10**12) if "customers" in given else None
    come = check_number("arrival", given["arrival"], 0) if "arrival" in given else nan
    if outcome == "revenue":
        return {"mean": check_number("mean", given["mean"]), "sd": check_number("sd", given["sd"], above=0)}, n, come
    return {"retained": check_number("data_or_rates", given["retained"], above=0, most=1 - EDGE)}, n, come


def _possible(effect: object, outcome: str, base: Mapping[str, float]) -> float:
    """The effect, if there can be one like it."""
    if outcome == "time":
        found = check_number("effect", effect, above=0, most=50)
        if found == 1:
            raise ArgumentError("effect=1 is no effect; allowed: a hazard ratio other than 1, such as 0.8")
        return found
    low, high = (-base["retained"], 1 - base["retained"]) if outcome == "retained" else (-1e12, 1e12)
    found = check_number("effect", effect, low, high)
    if found == 0:
        raise ArgumentError("effect=0 is no effect; allowed: a difference other than 0")
    return found
