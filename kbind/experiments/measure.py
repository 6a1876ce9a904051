"""Did it work: one campaign judged, by chance where chance chose, else with what can be known all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.errors import ArgumentError, check_choice, check_conf_level, check_flag, check_name
from kbind.experiments.campaign import Assigned
from kbind.experiments.campaign import assigned as read_campaign
from kbind.experiments.effect import OUTCOMES, Effect
from kbind.experiments.observed import observe
from kbind.experiments.plan import Plan, dealt_as_planned, departures
from kbind.experiments.randomised import chance_chose, judge


def measure_effect(
    data: Dataset,
    campaign: str | Plan | Path,
    *,
    outcome: str | None = None,
    horizon: str | None = None,
    looks: Any = None,
    randomised: bool | None = None,
    conf_level: float | None = None,
) -> Effect:
    """What a campaign did to staying, to money or to time, and whether that is shown.

    Parameters
    ----------
    data : Dataset
        With `campaigns` (customer_id, campaign, assigned_at; arm, propensity and cost if there are any) and with
        contracts or events.
    campaign : str, Plan or Path
        Its name; or what was laid down before by `plan_experiment`, as it is or as the path of its file. Outcome,
        horizon and level are then as planned, and what is asked otherwise stands in `.departures`.
    outcome : {"retained", "revenue", "time"}, optional
        Share retained at the horizon; revenue a month then, 0 for who has left; or days stayed up to it. Default: as
        planned, else "retained".
    horizon : str, optional
        Days after the assignment such as "182D", which is the default where nothing was planned.
    looks : list of days, optional
        Days on which somebody looked: the verdict goes by an interval that holds at all of them together. Default:
        none, or the end of the data where looks were planned.
    randomised : bool, optional
        Whether chance alone chose. Default: yes if some were held back and all had the same recorded propensity, or
        the arms were dealt out by the plan.
    conf_level : float, optional
        Level of the intervals. Default: as planned, else 0.95.

    Returns
    -------
    Effect
        `.verdict`, `.reasons`, `.naive`, `.adjusted`, `.placebo`, `.to_frame()`, `.return_on()`, `.by()`.

    Raises
    ------
    ArgumentError
        No such campaign, outcome, day, length or level; randomised=True where the data says otherwise.
    NotEnoughData
        Too few customers an arm whose horizon is over.
    DatasetError
        The file holds no plan.

    Notes
    -----
    Customers count as they were assigned, whatever they got, and only once their horizon is over. The verdict goes by
    the adjusted difference, which was settled before looking: "shown" if its interval excludes 0.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer")
    >>> found.verdict, found.how
    ('shown', 'every customer had the same recorded chance of treatment, 0.5')
    >>> print(found.naive)
    0.06804 [0.04014, 0.0963]
    """
    check_dataset(data)
    plan = Plan.of(campaign) if isinstance(campaign, (Plan, Path)) else None
    asked = {"outcome": outcome, "horizon": horizon, "conf_level": conf_level}
    if outcome is not None:
        check_choice("outcome", outcome, tuple(OUTCOMES))
    if conf_level is not None:
        check_conf_level(conf_level)
    if randomised is not None:
        check_flag("randomised", randomised)
    name = check_name("campaign", campaign if plan is None else plan.name, "the name of a campaign")
    days = None if horizon is None else days_of("horizon", horizon, 1)
    outcome = outcome or (plan.outcome if plan else "retained")
    days = days or (plan.horizon if plan else days_of("horizon", "182D"))
    level = conf_level or (plan.conf_level if plan else 0.95)
    found = read_campaign(data, name, days)
    if plan is None:
        return _judged(found, outcome, level, looks, chance_chose(found, randomised))
    dealt = dealt_as_planned(plan, found) if randomised is None else randomised
    chance, how, share = chance_chose(found, dealt)
    if chance:
        how, share = f"dealt out as planned in {plan.name!r}", plan.share
    ends = [data.end_at(None)] if plan.looks and looks is None and chance else looks
    effect = _judged(found, outcome, level, ends, (chance, how, share))
    return replace(effect, departures=departures(plan, effect, asked, looks))


def _judged(found: Assigned, outcome: str, level: float, looks: Any, chosen: tuple[bool, str, float]) -> Effect:
    chance, how, share = chosen
    if chance:
        return judge(found, outcome=outcome, how=how, share=share, conf_level=level, looks=looks)
    if looks is not None:
        raise ArgumentError(f"looks goes with randomised campaigns, and chance did not choose here: {how}")
    return observe(found, outcome=outcome, how=how, conf_level=level)
