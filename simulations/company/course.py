"""What happens to the accounts month by month, whether they stay or not: nothing here knows who will leave."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .accounts import HISTORY, LASTING, TAIL, Accounts
from .draws import Array, Draws
from .scenario import Scenario

#: How long a mood lasts: its correlation from one month to the next.
_PERSISTENCE = 0.8

#: Accounts that one of our managers looks after.
_DESK = 25


@dataclass(frozen=True)
class Course:
    """Matrices of accounts x months; column 0 is `HISTORY` months before recording began.

    Parameters
    ----------
    desk : array of int
        Which of our desks looks after the account; its manager is lost to all of its accounts at once.
    satisfaction : array
        Standard normal over all accounts and months, before anything shakes it.
    manager_lost, champion_lost : array of bool
        The account manager leaves us; the decision maker leaves the customer.
    serious : array of int
        A serious ticket: 0 none, 1 handled badly, 2 handled as usual, 3 handled well.
    expand, contract : array of bool
        The account takes more, or less.
    leaving, returning : array
        Uniform numbers that decide who leaves, in the first contract and after coming back.
    """

    desk: Array
    satisfaction: Array
    manager_lost: Array
    champion_lost: Array
    serious: Array
    expand: Array
    contract: Array
    leaving: Array
    returning: Array

    def take(self, rows: Array) -> Course:
        """The course of some accounts."""
        return Course(*(getattr(self, f.name)[rows] for f in fields(self)))


def draw_course(scenario: Scenario, accounts: Accounts, months: int, draws: Draws, leaving: Draws) -> Course:
    """Moods, people lost, tickets and changes."""
    n, width = len(accounts), HISTORY + months + TAIL
    mood = draws.normal(n, width)
    for c in range(1, width):
        mood[:, c] = _PERSISTENCE * mood[:, c - 1] + np.sqrt(1 - _PERSISTENCE**2) * mood[:, c]
    satisfaction = accounts.content[:, None] + np.sqrt(1 - LASTING) * mood

    desks = n // _DESK + 1
    desk = np.arange(n) % desks
    manager = (draws.uniform(desks, width) < scenario.manager_leaves)[desk]
    champion = draws.uniform(n, width) < scenario.champion_leaves
    if not scenario.contacts:
        manager, champion = np.zeros_like(manager), np.zeros_like(champion)

    handled = 1 + np.floor(3 * draws.uniform(n, width)).astype(np.int8)
    serious = np.where(draws.uniform(n, width) < scenario.ticket_serious, handled, 0).astype(np.int8)

    tilt = np.exp(0.3 * accounts.content)[:, None] * scenario.contracts
    expand = draws.uniform(n, width) < 0.012 * tilt
    contract = draws.uniform(n, width) < 0.008 / np.where(tilt > 0, tilt, np.inf)
    first, second = leaving.uniform(n, width), leaving.uniform(n, width)
    return Course(desk, satisfaction, manager, champion, serious, expand, contract, first, second)


def fading(shock: Array, start: Array, keep: float) -> Array:
    """What is left of past events in each month: 1 in the month after, then less; from `start` on."""
    left = np.zeros(shock.shape)
    for c in range(1, shock.shape[1]):
        counted = shock[:, c - 1] & (c - 1 >= start)
        left[:, c] = np.where(counted, 1.0, keep * left[:, c - 1])
    return left
