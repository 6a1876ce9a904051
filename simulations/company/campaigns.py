"""Campaigns: who is eligible, who is treated, and what would have happened either way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .accounts import HISTORY, Accounts
from .attributes import BONDS
from .draws import Array, Draws, logistic
from .frames import coded, month_start
from .hazards import Risk, attribute_part, first_true
from .scenario import Campaign, Scenario


@dataclass(frozen=True)
class Carried:
    """What the campaigns did.

    Parameters
    ----------
    extra : array
        Log hazard ratio by account and month, as it happened.
    table : DataFrame
        As recorded.
    outcomes : DataFrame
        The truth about it.
    """

    extra: Array
    table: pd.DataFrame
    outcomes: pd.DataFrame


def effect_of(campaign: Campaign, accounts: Accounts) -> Array:
    """Log hazard ratio of being treated, for every account."""
    economic = accounts.scores[:, BONDS.index("economic")]
    lethargic = accounts.scores[:, BONDS.index("lethargic")]
    return np.asarray(campaign.base + campaign.persuadable * (economic > 0.5) + campaign.sleeping * (lethargic > 1.0))


def observed_score(scenario: Scenario, accounts: Accounts, risk: Risk, column: int) -> Array:
    """A risk score from what is recorded: attributes, term, tickets and people lost; about standard normal."""
    recent = sum(
        getattr(scenario, name) * risk.covariates[name][:, column - HISTORY].astype(np.float64)
        for name in ("lost_manager", "lost_champion", "ticket_bad", "ticket_well")
    )
    return np.asarray((attribute_part(scenario, accounts) + recent + 0.4 * (accounts.term == 1) - 0.2) / 0.4)


def carry_out(
    scenario: Scenario, accounts: Accounts, risk: Risk, decide: Array, seen: Array, months: int, draws: Draws
) -> Carried:
    """Assign every campaign in turn; each meets the accounts that the earlier ones have left."""
    n, width = decide.shape
    extra = np.zeros((n, width))
    tables, outcomes = [], []
    for campaign in scenario.campaigns:
        begin = HISTORY + int(months * campaign.at)
        window = slice(begin, begin + campaign.horizon)
        left = first_true(decide < risk.total(extra=extra))
        column = np.minimum(left, width - 1)
        decided = left - np.where(risk.renewal[np.arange(n), column], risk.notice, 0)
        eligible = (accounts.start + HISTORY < begin) & (decided >= begin) & (seen > begin)
        rows = np.flatnonzero(eligible)

        score = observed_score(scenario, accounts, risk, begin)
        odds = np.log(campaign.propensity / (1 - campaign.propensity)) + campaign.slope * score
        recorded = np.round(np.clip(logistic(odds), 0.05, 0.95), 4)
        true = recorded
        if campaign.hidden_slope:
            true = np.round(np.clip(logistic(odds + campaign.hidden_slope * accounts.hidden), 0.05, 0.95), 4)
        arm = (draws.uniform(n) < true) & eligible
        effect = effect_of(campaign, accounts)
        cost = np.where(arm, campaign.cost, 0.0)

        treated = extra.copy()
        treated[:, window] += effect[:, None]
        settled = risk.renewal[:, window] & (np.arange(width)[window] - risk.notice[:, None] < begin)
        hazards = [np.where(settled, 0.0, risk.total(window, world)) for world in (extra, treated)]
        leaves = [np.any(decide[:, window] < hazard, axis=1).astype(np.int8) for hazard in hazards]
        chances = [1 - np.prod(1 - hazard, axis=1) for hazard in hazards]
        extra[:, window] += (arm * effect)[:, None]

        same = {"customer_id": rows + 1, "campaign": coded(np.zeros(len(rows), dtype=int), [campaign.name])}
        tables.append(
            pd.DataFrame(
                {
                    **same,
                    "assigned_at": month_start(np.full(len(rows), begin - HISTORY)),
                    "arm": coded(arm[rows].astype(int), ["control", "treatment"]),
                    "propensity": recorded[rows],
                    "cost": cost[rows],
                }
            )
        )
        outcomes.append(
            pd.DataFrame(
                {
                    **same,
                    "month": begin - HISTORY,
                    "horizon": campaign.horizon,
                    "arm": coded(arm[rows].astype(int), ["control", "treatment"]),
                    "propensity": true[rows],
                    "log_hazard_ratio": effect[rows],
                    "risk0": chances[0][rows],
                    "risk1": chances[1][rows],
                    "y0": leaves[0][rows],
                    "y1": leaves[1][rows],
                    "effect": leaves[1][rows] - leaves[0][rows],
                }
            )
        )
    return Carried(extra, _stacked(tables), _stacked(outcomes))


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([frame.astype({"campaign": str}) for frame in frames], ignore_index=True)
