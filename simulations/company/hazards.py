"""The planted hazard of every account and month, as the sum of named parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .accounts import HISTORY, NOTICE, Accounts
from .attributes import BONDS
from .course import Course, fading
from .draws import Array
from .scenario import Scenario

#: Centre of log2(budget), where its effect is 0.
BUDGET_CENTRE = 9.0


def attribute_part(scenario: Scenario, accounts: Accounts) -> Array:
    """Log hazard ratio from what a company can know about an account from the start."""
    total = scenario.budget_effect * (accounts.log_budget - BUDGET_CENTRE) + scenario.referred * accounts.referred
    for attribute in scenario.attributes:
        if attribute.name not in ("persona", "plan"):
            total = total + np.asarray(attribute.effects)[accounts.levels[attribute.name]]
    return np.asarray(total)


def latent_part(scenario: Scenario, accounts: Accounts) -> Array:
    """Log hazard ratio from what no table holds: segment, persona, bonds, hidden risk."""
    persona = next(a for a in scenario.attributes if a.name == "persona")
    total = np.asarray(scenario.segment_effects)[accounts.segment]
    total = total + np.asarray(persona.effects)[accounts.levels["persona"]]
    for k in range(len(BONDS)):
        total = total + scenario.bond_effects[k] * accounts.scores[:, k]
    return np.asarray(total + scenario.frailty_effect * scenario.frailty * accounts.hidden)


@dataclass(frozen=True)
class Risk:
    """Hazards of accounts x months; column 0 is `HISTORY` months before recording began.

    Parameters
    ----------
    covariates : dict of str to array
        What moves: exposures in the month the contract ends, as they stood when notice was due.
    renewal : array of bool
        Months at whose end a term longer than a month ends.
    dynamic : array
        Log hazard ratio of all that moves, before it is put back by the notice.
    fixed : array
        The rest of the log hazard; -inf before the start.
    payment : array
        Hazard of a failed payment, one entry an account.
    notice : array of int
        Months of notice of each account.
    """

    covariates: dict[str, Array]
    renewal: Array
    dynamic: Array
    fixed: Array
    payment: Array
    notice: Array

    def voluntary(self, columns: slice = slice(None), extra: Array | None = None) -> Array:
        """Cumulative hazard of leaving on purpose in each month; `extra` is added to what moves."""
        dynamic = self.dynamic if extra is None else self.dynamic + extra
        return np.asarray(np.exp(self.fixed[:, columns] + self.put_back(dynamic)[:, columns]))

    def put_back(self, moving: Array) -> Array:
        """What moves, as it stood when the decision was due."""
        return delayed(moving, self.renewal, self.notice)

    def total(self, columns: slice = slice(None), extra: Array | None = None) -> Array:
        """Chance of leaving in each month, for whatever cause: 1 - exp(-sum of the causes' hazards)."""
        sums = self.voluntary(columns, extra) + self.payment[:, None]
        return np.asarray(np.where(np.isneginf(self.fixed[:, columns]), 0.0, -np.expm1(-sums)))


def delayed(moving: Array, renewal: Array, notice: Array) -> Array:
    """What moves, as it stood when the decision was due: earlier by the notice where a term ends."""
    result = moving.copy()
    for months in sorted(set(NOTICE.values()) - {0}):
        earlier = np.zeros_like(moving)
        earlier[:, months:] = moving[:, :-months]
        cells = renewal & (notice == months)[:, None]
        result[cells] = earlier[cells]
    return result


def build_risk(
    scenario: Scenario, accounts: Accounts, course: Course, plan: Array, start: Array, *, again: bool = False
) -> Risk:
    """The hazard of contracts that begin in the months `start`.

    Parameters
    ----------
    plan : array of int
        Plan by account and month.
    start : array of int
        First column of the contract.
    again : bool
        The account has been a customer before.
    """
    width = course.satisfaction.shape[1]
    age = np.arange(width)[None, :] - start[:, None]
    long_term = (accounts.term > 1)[:, None]
    renewal = long_term & (age >= 0) & ((age + 1) % accounts.term[:, None] == 0)

    plans = next(a for a in scenario.attributes if a.name == "plan")
    fixed = (attribute_part(scenario, accounts) + latent_part(scenario, accounts))[:, None]
    fixed = fixed + scenario.base + scenario.returned * again + np.asarray(plans.effects)[plan]
    fixed += scenario.tenure * np.log1p(np.maximum(age, 0))
    fixed += np.where(renewal, scenario.renewal, np.where(long_term, scenario.locked, 0.0))
    fixed[age < 0] = -np.inf

    lost = fading(course.manager_lost, start, scenario.fading)
    alone = ~accounts.shared[:, None]
    moving = {
        "satisfaction": course.satisfaction,
        "lost_manager": lost * alone,
        "lost_manager_shared": lost * ~alone,
        "lost_champion": fading(course.champion_lost, start, scenario.fading),
        "ticket_bad": fading(course.serious == 1, start, scenario.fading),
        "ticket_well": fading(course.serious == 3, start, scenario.fading),
    }
    dynamic = np.zeros((len(accounts), width))
    for name, exposure in moving.items():
        dynamic += getattr(scenario, name) * exposure
    small = scenario.payment_small * (accounts.levels["plan"] == 0) * scenario.contracts
    notice = accounts.notice
    covariates = {
        name: delayed(exposure, renewal, notice)[:, HISTORY:].astype(np.float32) for name, exposure in moving.items()
    }
    return Risk(covariates, renewal, dynamic, fixed, np.exp(scenario.payment + small), notice)


def first_true(cells: Array) -> Array:
    """Column of the first true cell in each row; the number of columns if there is none."""
    return np.asarray(np.where(cells.any(axis=1), cells.argmax(axis=1), cells.shape[1]))
