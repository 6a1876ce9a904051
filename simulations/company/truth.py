"""What was planted, written down for those who test with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kbind.dataset.truth import Truth

from .accounts import HISTORY, Accounts
from .attributes import BONDS
from .contracts import Deal
from .draws import Array
from .frames import coded
from .hazards import Risk, attribute_part, latent_part
from .scenario import Scenario
from .spells import Spells


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Planted(Truth):
    """The truth with everything that moved it, for tests.

    Attributes
    ----------
    parameters : mapping
        Every planted parameter by name.
    hazard : array of float32, shape (spells, months)
        Chance of leaving at the end of each month, given still there; also for the months after the customer left,
        had it stayed. NaN before the start.
    covariates : mapping of str to array of float32, shape (spells, months)
        What moves the hazard from month to month, as it stood when the decision was due: satisfaction, exposures
        (1 in the month after the event, then fading), renewal, locked, plan, tenure, campaign (log hazard ratio).
    """

    parameters: Mapping[str, Any]
    hazard: NDArray[np.float32]
    covariates: Mapping[str, NDArray[np.float32]]


#: Parameter, table and column it shows in, what it means.
_MEANINGS = (
    ("renewal", "subscriptions", "term_end", "the month in which a term of 12 or 24 months ends"),
    ("locked", "subscriptions", "term_end", "the other months of such a term"),
    ("tenure", "subscriptions", "start", "by log(1 + months so far)"),
    ("returned", "subscriptions", "start", "has been a customer before"),
    ("referred", "customers", "referred_by", "came by a referral"),
    ("budget_effect", "customers", "budget", "by doubling of the monthly budget"),
    ("satisfaction", "feedback", "score", "by standard deviation of satisfaction, which is latent"),
    ("lost_manager", "contacts", "end", "our account manager left, and nobody else of us knew the customer"),
    ("lost_manager_shared", "contacts", "end", "the same, and a consultant stayed"),
    ("lost_champion", "contacts", "end", "the decision maker left the customer"),
    ("ticket_bad", "tickets", "closed", "a serious ticket took 15 days or more, no goodwill"),
    ("ticket_well", "tickets", "goodwill", "a serious ticket solved within 36 hours, with goodwill"),
)


def effects_table(scenario: Scenario) -> pd.DataFrame:
    """Every effect on leaving, those that are zero included.

    >>> from simulations.company.scenario import SCENARIOS
    >>> table = effects_table(SCENARIOS["baseline"])
    >>> table.loc[table["name"] == "ticket_bad", ["column", "value", "scale"]].to_string(index=False, header=False)
    'closed 1.1 log hazard ratio'
    """
    rows: list[tuple[str, str, str, str, float, str]] = []
    for attribute in scenario.attributes:
        table = "truth" if attribute.name == "persona" else "subscriptions" if attribute.name == "plan" else "customers"
        for level, value in zip(attribute.levels, attribute.effects, strict=True):
            meaning = f"{attribute.name} is {level}"
            rows.append((f"{attribute.name}:{level}", table, attribute.name, level, value, meaning))
    rows.append(("goal", "customers", "goal", "", 0.0, "none of its own: it shows the persona"))
    rows.append(("consent", "customers", "consent", "", 0.0, "agreed to be contacted"))
    for segment, value in zip(scenario.segments, scenario.segment_effects, strict=True):
        rows.append((f"segment:{segment}", "truth", "segment", segment, value, f"segment is {segment}"))
    for bond, value in zip(BONDS, scenario.bond_effects, strict=True):
        meaning = f"by standard deviation of the {bond} score"
        rows.append((f"bond:{bond}", "truth", f"bond_{bond}", "", value, meaning))
    for name, table, column, meaning in _MEANINGS:
        if (scenario.contracts or table != "subscriptions") and (scenario.contacts or table != "contacts"):
            rows.append((name, table, column, "", getattr(scenario, name), meaning))
    if scenario.frailty:
        rows.append(("hidden", "truth", "hidden", "", scenario.frailty_effect, "by standard deviation, never recorded"))
    for campaign in scenario.campaigns:
        for part, meaning in (
            ("base", "treated"),
            ("persuadable", "added where the economic score exceeds 0.5"),
            ("sleeping", "added where the lethargic score exceeds 1"),
        ):
            name = f"{campaign.name}:{part}"
            rows.append((name, "campaigns", "arm", campaign.name, getattr(campaign, part), meaning))
    frame = pd.DataFrame(rows, columns=["name", "table", "column", "level", "value", "meaning"])
    frame.insert(5, "scale", "log hazard ratio")
    return frame


def build_truth(
    scenario: Scenario, accounts: Accounts, deal: Deal, spells: Spells, risks: tuple[Risk, Risk], extra: Array,
    months: int, outcomes: pd.DataFrame, cancellations: pd.DataFrame,
) -> Planted:  # fmt: skip
    """Put the parts of both kinds of spells below each other."""
    recorded = slice(HISTORY, HISTORY + months)
    width = extra.shape[1]
    again = spells.account[spells.again]
    totals = (risks[0].total(extra=extra)[:, recorded], risks[1].total()[:, recorded])
    hazard = np.concatenate(totals).astype(np.float32)
    columns = np.arange(width)[recorded][None, :]
    hazard[columns < spells.start[:, None]] = np.nan

    age = np.maximum(columns - spells.start[:, None], 0)
    renewal = np.concatenate([risk.renewal[:, recorded] for risk in risks])
    long_term = (accounts.term[spells.account] > 1)[:, None]
    covariates = {
        name: np.concatenate([risk.covariates[name][:, :months] for risk in risks]) for name in risks[0].covariates
    }
    treated = risks[0].put_back(extra)[:, recorded]
    covariates |= {
        "renewal": renewal.astype(np.float32),
        "locked": (long_term & ~renewal).astype(np.float32),
        "plan": deal.plan[spells.account][:, recorded].astype(np.float32),
        "tenure": age.astype(np.float32),
        "campaign": np.concatenate([treated, np.zeros((len(again), months))]).astype(np.float32),
    }
    table = _spells(spells, risks, width, months)
    return Planted(
        scenario=scenario.name,
        parameters=asdict(scenario),
        effects=effects_table(scenario),
        accounts=_accounts(scenario, accounts),
        spells=table,
        months=_months(table, hazard),
        hazard=hazard,
        covariates=covariates,
        outcomes=outcomes,
        cancellations=cancellations,
    )


def _accounts(scenario: Scenario, accounts: Accounts) -> pd.DataFrame:
    named = {a.name: coded(accounts.levels[a.name], a.levels) for a in scenario.attributes if a.hidden}
    return pd.DataFrame(
        {
            "customer_id": np.arange(1, len(accounts) + 1),
            "segment": coded(accounts.segment, scenario.segments),
            **named,
            **{f"bond_{bond}": accounts.scores[:, k] for k, bond in enumerate(BONDS)},
            "dominant_bond": coded(accounts.scores.argmax(axis=1), BONDS),
            "log_budget": accounts.log_budget,
            "satisfaction": accounts.content,
            "hidden": accounts.hidden,
            "term": accounts.term,
            "shared": accounts.shared,
            "start_month": accounts.start,
            "attribute_part": attribute_part(scenario, accounts),
            "latent_part": latent_part(scenario, accounts),
        }
    )


def _spells(spells: Spells, risks: tuple[Risk, Risk], width: int, months: int) -> pd.DataFrame:
    over = spells.left < width
    month = {name: np.where(over, getattr(spells, name) - HISTORY, np.nan) for name in ("decided", "left", "intended")}
    return pd.DataFrame(
        {
            "customer_id": spells.account + 1,
            "spell": spells.again + 1,
            "start_month": spells.start - HISTORY,
            "entry_month": np.maximum(spells.start - HISTORY, 0),
            "decided_month": month["decided"],
            "left_month": month["left"],
            "cause": coded(np.where(over, spells.failed.astype(int), -1), ["voluntary", "payment"]),
            "intended_month": month["intended"],
            "seen_until": np.minimum(spells.seen_until - HISTORY, months),
            "payment_hazard": np.concatenate([risk.payment for risk in risks]),
        }
    )


def _months(spells: pd.DataFrame, hazard: Array) -> pd.DataFrame:
    row, month = np.nonzero(~np.isnan(hazard))
    left = spells["left_month"].fillna(np.inf).to_numpy()[row]
    recorded = month < spells["seen_until"].to_numpy()[row]
    return pd.DataFrame(
        {
            "customer_id": spells["customer_id"].to_numpy()[row],
            "spell": spells["spell"].to_numpy()[row],
            "month": month.astype(np.int32),
            "tenure": (month - spells["start_month"].to_numpy()[row]).astype(np.int32),
            "at_risk": (month <= left) & recorded,
            "left": (month == left) & recorded,
            "hazard": hazard[row, month],
        }
    )
