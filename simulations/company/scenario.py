"""What is planted: every parameter of the simulation, and the named variants.

Effects are log hazard ratios a month unless they say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .attributes import COMPANIES, PEOPLE, SEGMENTS, Attribute


@dataclass(frozen=True)
class Campaign:
    """One campaign, assigned in one month, that acts on decisions for some months.

    Parameters
    ----------
    name : str
        As in the table.
    at : float
        Share of the recorded months after which it begins.
    horizon : int
        Months in which it acts, and in which leaving counts as its outcome.
    propensity : float
        Chance of being treated at an average risk.
    slope : float
        Change of the log odds of being treated with the observed risk score (in standard deviations); 0 is random.
    hidden_slope : float
        The same with what nobody recorded.
    base, persuadable, sleeping : float
        Effect on everybody; added where the economic score exceeds 0.5; added where the lethargic one exceeds 1.
    cost : float
        Of treating one account, in EUR.
    """

    name: str
    at: float
    horizon: int = 6
    propensity: float = 0.5
    slope: float = 0.0
    hidden_slope: float = 0.0
    base: float = -0.45
    persuadable: float = -1.0
    sleeping: float = 0.9
    cost: float = 20.0


@dataclass(frozen=True)
class Scenario:
    """A world with known truth.

    Parameters
    ----------
    name : str
        Of the variant.
    attributes : tuple of Attribute
        Columns of customers, with the shares of their levels and their effects.
    segments, segment_shares, segment_effects : tuple
        Latent groups.
    bond_means : tuple of tuple of float
        Mean of the six bonding scores in each segment, before they are scaled to mean 0 and variance 1.
    bond_effects : tuple of float
        Effect of one standard deviation of each score.
    loading, bond_loading : float
        Loading of the attributes, and of the bonding scores, on one common factor.
    budget_centres, budget_effect : tuple of float, float
        log2 of the usual monthly budget (EUR) in each segment; effect of a doubling.
    goal_correct : float
        Share of accounts whose answer to the sales question (`goal`) shows their persona.
    contracts, contacts : bool
        Whether there are contracts with terms, and people on both sides.
    base, renewal, locked, tenure, returned : float
        log hazard of a monthly contract; added in the month a longer term ends, and in its other months; by log(1 +
        months so far); after coming back.
    payment, payment_small : float
        log hazard of a failed payment (-inf: never); added for accounts on the smallest plan.
    satisfaction, referred : float
        Effect of one standard deviation of satisfaction; of having been referred.
    lost_manager, lost_manager_shared, lost_champion, ticket_bad, ticket_well : float
        Effect in the month after the event, where the manager was our only contact, or not; then fading.
    fading : float
        What is left of these effects a month later.
    manager_leaves, champion_leaves, ticket_serious, ticket_routine : float
        Chances a month.
    intention : int
        Longest time in months from the intention to leave to the decision; use drops meanwhile.
    frailty, frailty_effect : bool, float
        Whether there is a hidden risk, and the effect of one standard deviation of it.
    vanish, vanish_slope : float
        log hazard of vanishing from the records without a word (-inf: never), and its slope in the hidden risk.
    comes_back : float
        Share of those who left on purpose and come back after 2 to 9 months.
    old_share : float
        About how many accounts have their contract since before recording began.
    polite : float
        Share of other reasons given as "price".
    reason_missing : float
        Share of cancellations without a reason.
    campaigns : tuple of Campaign
        In the order of time.
    """

    name: str = "baseline"
    attributes: tuple[Attribute, ...] = COMPANIES
    segments: tuple[str, ...] = SEGMENTS
    segment_shares: tuple[float, ...] = (0.3, 0.25, 0.25, 0.2)
    segment_effects: tuple[float, ...] = (0.0, 0.25, 0.0, -0.2)
    bond_means: tuple[tuple[float, ...], ...] = (
        (1.2, 0.0, 0.3, 0.0, -0.4, -0.5),
        (-0.6, -0.3, 1.2, -0.3, -0.4, -0.6),
        (0.0, 1.2, -0.3, 0.8, -0.3, 0.0),
        (-0.5, -0.5, -0.4, 0.2, 1.1, 1.2),
    )
    bond_effects: tuple[float, ...] = (-0.3, -0.2, -0.1, -0.2, -0.15, -0.25)
    loading: float = 0.0
    bond_loading: float = 0.0
    budget_centres: tuple[float, ...] = (11.0, 8.0, 9.0, 9.5)
    budget_effect: float = -0.1
    goal_correct: float = 0.85
    contracts: bool = True
    contacts: bool = True
    base: float = -3.6
    renewal: float = 1.7
    locked: float = -2.3
    tenure: float = -0.2
    returned: float = 0.3
    payment: float = -6.2
    payment_small: float = 0.7
    satisfaction: float = -0.35
    referred: float = -0.25
    lost_manager: float = 0.9
    lost_manager_shared: float = 0.2
    lost_champion: float = 0.6
    ticket_bad: float = 1.1
    ticket_well: float = -0.7
    fading: float = 0.7
    manager_leaves: float = 0.025
    champion_leaves: float = 0.015
    ticket_serious: float = 0.06
    ticket_routine: float = 0.12
    intention: int = 4
    frailty: bool = False
    frailty_effect: float = 0.0
    vanish: float = -np.inf
    vanish_slope: float = 0.0
    comes_back: float = 0.12
    old_share: float = 0.2
    polite: float = 0.1
    reason_missing: float = 0.2
    campaigns: tuple[Campaign, ...] = (
        Campaign("loyalty_offer", at=1 / 3),
        Campaign("save_call", at=2 / 3, propensity=0.4, slope=1.2, cost=60.0),
    )


_BASELINE = Scenario()


def _without_effect(attribute: Attribute) -> Attribute:
    return replace(attribute, effects=(0.0,) * len(attribute.levels))


def _alike(scenario: Scenario, attribute: Attribute) -> Attribute:
    """The attribute with the shares of the whole population in every segment."""
    if len(attribute.shares) == 1:
        return attribute
    mixed = tuple(
        sum(weight * row[k] for weight, row in zip(scenario.segment_shares, attribute.shares, strict=True))
        for k in range(len(attribute.levels))
    )
    return replace(attribute, shares=(mixed,))


def _sharper(attribute: Attribute, power: float) -> Attribute:
    """The attribute with larger shares larger and smaller ones smaller, where segments differ in it."""
    if len(attribute.shares) == 1:
        return attribute
    rows = []
    for row in attribute.shares:
        raised = [share**power for share in row]
        rows.append(tuple(value / sum(raised) for value in raised))
    return replace(attribute, shares=tuple(rows))


#: No segment differs from another: one group, attributes and scores independent of each other.
_UNGROUPED = replace(
    _BASELINE,
    attributes=tuple(_alike(_BASELINE, attribute) for attribute in COMPANIES),
    segments=("all",),
    segment_shares=(1.0,),
    segment_effects=(0.0,),
    bond_means=((0.0,) * 6,),
    budget_centres=(9.45,),
)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _BASELINE,
        replace(
            _BASELINE,
            name="b2c",
            attributes=PEOPLE,
            contracts=False,
            contacts=False,
            base=-2.9,
            payment=-np.inf,
            budget_centres=(6.5, 5.0, 5.5, 6.0),
        ),
        replace(
            _BASELINE,
            name="no_effect",
            attributes=tuple(_without_effect(attribute) for attribute in COMPANIES),
            segment_effects=(0.0,) * 4,
            budget_effect=0.0,
            referred=0.0,
            campaigns=tuple(replace(c, base=0.0, persuadable=0.0, sleeping=0.0) for c in _BASELINE.campaigns),
        ),
        replace(
            _BASELINE,
            name="no_types",
            bond_means=((0.0,) * 6,) * 4,
            bond_loading=0.98,
            bond_effects=(-0.1,) * 6,
        ),
        replace(_UNGROUPED, name="no_segments"),
        replace(_UNGROUPED, name="continuum", loading=0.75, bond_loading=0.75),
        replace(
            _BASELINE,
            name="clear_segments",
            attributes=tuple(_sharper(attribute, 2.0) for attribute in COMPANIES),
            # those who leave more often are fewer, so that all are well represented among those who left
            segment_shares=(0.35, 0.14, 0.23, 0.28),
            budget_centres=(12.0, 7.0, 9.0, 10.5),
        ),
        replace(
            _BASELINE,
            name="informative_censoring",
            frailty=True,
            frailty_effect=1.2,
            vanish=-4.2,
            vanish_slope=1.2,
        ),
        replace(
            _BASELINE,
            name="unmeasured_confounder",
            frailty=True,
            frailty_effect=0.9,
            campaigns=(_BASELINE.campaigns[0], replace(_BASELINE.campaigns[1], slope=0.6, hidden_slope=2.0)),
        ),
        replace(_BASELINE, name="polite_reasons", polite=0.65),
    )
}
