"""Did it work: one campaign judged, by chance where chance chose, else with what can be known all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.errors import ArgumentError, check_choice, check_conf_level, check_flag
from kbind.experiments.campaign import assigned as read_campaign
from kbind.experiments.effect import OUTCOMES, Effect
from kbind.experiments.observed import observe
from kbind.experiments.plan import Plan, departures
from kbind.experiments.randomised import chance_chose, judge


def measure_effect(
    data: Dataset,
    campaign: str,
    *,
    outcome: str | None = None,
    horizon: str | None = None,
    arm: str | None = None,
    looks: Any = None,
    by: Any = None,
    randomised: bool | None = None,
    plan: Plan | str | Path | None = None,
    conf_level: float | None = None,
) -> Effect:
    """What a campaign did to staying, to money or to time, and whether that is shown.

    Parameters
    ----------
    data : Dataset
        With `campaigns` (customer_id, campaign, assigned_at; arm, propensity and cost if there are any) and with
        contracts or events.
    campaign : str
        Its name.
    outcome : {"retained", "revenue", "time"}, optional
        Share retained at the horizon; revenue a month then, 0 for who has left; or days stayed up to it. Default: as
        planned, else "retained".
    horizon : str, optional
        Days after the assignment such as "182D", which is the default where nothing was planned.
    arm : str, optional
        Only this arm against those left alone. Default: all treated together.
    looks : list of days, optional
        Days on which somebody looked, or will have: the verdict goes by an interval that holds at all of them together.
    by : str, sequence of str, or mapping of str to Series, optional
        Columns of `customers`, or labels by customer id such as segments, in whose groups the effect is told apart.
        Randomised campaigns only.
    randomised : bool, optional
        Whether chance alone chose. Default: yes if some were held back and all had the same recorded propensity.
    plan : Plan or path, optional
        What was laid down before (`plan_experiment`): outcome, horizon, share and level are as planned, and what is
        asked otherwise stands in `.departures`.
    conf_level : float, optional
        Level of the intervals. Default: as planned, else 0.95.

    Returns
    -------
    Effect
        `.verdict`, `.reasons`, `.naive`, `.adjusted`, `.placebo`, `.to_frame()`, `.return_on()`.

    Raises
    ------
    ArgumentError
        No such campaign, arm, outcome, column, length or level; randomised=True where the data says otherwise.
    NotEnoughData
        Too few customers an arm whose horizon is over.

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
    planned = None if plan is None else Plan.of(plan)
    asked = {"outcome": outcome, "horizon": horizon, "conf_level": conf_level}
    if outcome is not None:
        check_choice("outcome", outcome, tuple(OUTCOMES))
    if conf_level is not None:
        check_conf_level(conf_level)
    if randomised is not None:
        check_flag("randomised", randomised)
    days = None if horizon is None else days_of("horizon", horizon, 1)
    outcome = outcome or (planned.outcome if planned else "retained")
    days = days or (planned.horizon if planned else days_of("horizon", "182D"))
    level = conf_level or (planned.conf_level if planned else 0.95)
    found = read_campaign(data, campaign, days, arm=arm)
    if planned is not None and randomised is None and found.held_back:
        randomised = True
    chance, how, share = chance_chose(found, randomised)
    if planned is not None and chance:
        how, share = f"dealt out as planned in {planned.name!r}", planned.share
    if arm is not None:
        share = float("nan")  # of those not in the other arms
    if chance:
        effect = judge(found, outcome=outcome, how=how, share=share, conf_level=level, looks=looks, by=by)
    else:
        for name, value in (("looks", looks), ("by", by)):
            if value is not None:
                raise ArgumentError(f"{name} goes with randomised campaigns, and chance did not choose here: {how}")
        effect = observe(found, outcome=outcome, how=how, conf_level=level)
    return effect if planned is None else replace(effect, departures=departures(planned, effect, asked, looks))
