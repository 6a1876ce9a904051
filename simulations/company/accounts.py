"""Who the accounts are: segment, attributes, bonds, budget, first month, terms."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import ndtr

from .attributes import BONDS, GOALS, Attribute
from .draws import Array, Draws
from .scenario import Scenario

#: Months before recording began in which the oldest contracts can have started.
HISTORY = 24

#: Months between the end of a contract and the last day on which notice can be given, by term.
NOTICE = {1: 0, 12: 1, 24: 3}

#: Months that are simulated beyond the end, because notice is given ahead.
TAIL = max(NOTICE.values())


@dataclass(frozen=True)
class Accounts:
    """One entry an account.

    Parameters
    ----------
    start : array of int
        Month of the first contract; recording begins in month 0.
    segment : array of int
        Number of the segment.
    levels : dict of str to array of int
        Number of the level of each attribute.
    goal : array of int
        Answer to the sales question: number of a persona.
    scores : array, shape (n, 6)
        Bonding scores, mean 0 and variance 1.
    log_budget : array
        log2 of the monthly budget in EUR.
    content : array
        Lasting part of satisfaction.
    hidden : array
        What nobody recorded; standard normal.
    term : array of int
        1, 12 or 24 months.
    referred, shared, consent : array of bool
        Came by a referral; knows a second person of ours; agreed to be contacted.
    """

    start: Array
    segment: Array
    levels: dict[str, Array]
    goal: Array
    scores: Array
    log_budget: Array
    content: Array
    hidden: Array
    term: Array
    referred: Array
    shared: Array
    consent: Array

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Array) -> Accounts:
        """The accounts of some rows."""
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        levels = {name: level[rows] for name, level in parts.pop("levels").items()}
        return Accounts(levels=levels, **{name: part[rows] for name, part in parts.items()})

    @property
    def notice(self) -> Array:
        """Months of notice."""
        return np.select([self.term == term for term in NOTICE], list(NOTICE.values()))


#: Share of the variance of satisfaction that lasts.
LASTING = 0.5


def draw_accounts(scenario: Scenario, n: int, months: int, draws: Draws) -> Accounts:
    """Candidates; those who left before recording began are taken out later."""
    old = draws.uniform(n) < scenario.old_share
    growing = np.floor(months * draws.uniform(n) ** 0.8)  # a little more each month
    start = np.where(old, -1 - np.floor(HISTORY * draws.uniform(n)), growing).astype(np.int64)
    segment = draws.pick(np.tile(scenario.segment_shares, (n, 1)))
    common = draws.normal(n)

    levels = {a.name: _level(a, segment, common, scenario.loading, draws) for a in scenario.attributes}
    honest = draws.uniform(n) < scenario.goal_correct
    goal = np.where(honest, levels["persona"], np.floor(len(GOALS) * draws.uniform(n))).astype(np.int64)

    scores = _scores(scenario, segment, common, draws)
    noise = _mixed(common, draws.normal(n), scenario.loading)
    log_budget = np.asarray(scenario.budget_centres)[segment] + 0.8 * noise
    content = np.sqrt(LASTING) * draws.normal(n)
    hidden = draws.normal(n)

    forced = scores[:, BONDS.index("forced")]
    binding = 0.6 * forced + 0.4 * levels["plan"] + draws.normal(n)
    term = np.select([binding > 1.7, binding > 0.5], [24, 12], 1) if scenario.contracts else np.ones(n, dtype=np.int64)
    keen = scores[:, BONDS.index("value")]
    referred = (start >= 0) & (draws.uniform(n) < 0.12 + 0.06 * (keen > 0.5))
    shared = draws.uniform(n) < 0.25 + 0.15 * levels["plan"]
    consent = draws.uniform(n) < 0.8
    return Accounts(
        start, segment, levels, goal, scores, log_budget, content, hidden, term, referred, shared, consent
    )  # fmt: skip


def _mixed(common: Array, own: Array, loading: float) -> Array:
    """Standard normal with the given loading on the common factor."""
    return np.asarray(loading * common + np.sqrt(1 - loading**2) * own)


def _level(attribute: Attribute, segment: Array, common: Array, loading: float, draws: Draws) -> Array:
    """Cut a normal number where the shares of the account's segment say."""
    shares = np.asarray(attribute.shares)
    rows = segment if len(shares) > 1 else np.zeros_like(segment)
    position = ndtr(_mixed(common, draws.normal(len(segment)), loading))
    limits = np.cumsum(shares, axis=1)[:, :-1]
    return np.asarray((position[:, None] >= limits[rows]).sum(axis=1))


def _scores(scenario: Scenario, segment: Array, common: Array, draws: Draws) -> Array:
    """Six bonding scores, scaled by the planted mean and variance and not by those that happened."""
    means, shares = np.asarray(scenario.bond_means), np.asarray(scenario.segment_shares)
    centre = (shares[:, None] * means).sum(axis=0)
    spread = np.sqrt(1 + (shares[:, None] * (means - centre) ** 2).sum(axis=0))
    columns = []
    for k in range(len(BONDS)):
        own = _mixed(common, draws.normal(len(segment)), scenario.bond_loading)
        columns.append((means[segment, k] - centre[k] + own) / spread[k])
    return np.stack(columns, axis=1)
