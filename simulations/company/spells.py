"""Who leaves when, who comes back, and who vanishes from the records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .accounts import HISTORY, Accounts
from .draws import Array, Draws
from .frames import moment_in
from .hazards import Risk, first_true
from .scenario import Scenario


@dataclass(frozen=True)
class Spells:
    """One entry a spell: the time from a contract's start to its end. Months count as columns.

    Parameters
    ----------
    account : array of int
        Row of the account.
    again : array of bool
        The account has been a customer before.
    start, left : array of int
        First month, and the month at whose end the account left; beyond all months if it did not.
    decided : array of int
        Month in which notice was given or a payment failed.
    intended : array of int
        First month of those in which use drops.
    failed : array of bool
        The cause was a failed payment.
    known : array of bool
        The records show that it left, or will leave.
    seen_until : array of int
        First month of which nothing is recorded any more.
    noticed_at : array of datetime64
        Moment of the notice or the failed payment.
    """

    account: Array
    again: Array
    start: Array
    left: Array
    decided: Array
    intended: Array
    failed: Array
    known: Array
    seen_until: Array
    noticed_at: Array

    def __len__(self) -> int:
        return len(self.account)


def seen_until(scenario: Scenario, accounts: Accounts, width: int, draws: Draws) -> Array:
    """First month of which nothing is recorded: late, unless accounts vanish, the risky ones sooner."""
    waiting = -np.log1p(-draws.uniform(len(accounts)))
    if np.isneginf(scenario.vanish):
        return np.full(len(accounts), width)
    rate = np.exp(scenario.vanish + scenario.vanish_slope * accounts.hidden)
    entered = np.maximum(accounts.start + HISTORY, HISTORY)
    return np.asarray(np.minimum(entered + 1 + np.floor(waiting / rate), width).astype(np.int64))


def one_spell(
    scenario: Scenario, owner: Array, start: Array, risk: Risk, extra: Array, decide: Array, seen: Array,
    months: int, draws: Draws, *, again: bool,
) -> Spells:  # fmt: skip
    """Leave in the first month whose uniform number lies below the hazard."""
    n, width = decide.shape
    left = first_true(decide < risk.total(extra=extra))
    rows, column = np.arange(n), np.minimum(left, width - 1)
    voluntary = risk.voluntary(extra=extra)[rows, column]
    failed = draws.uniform(n) * (voluntary + risk.payment) >= voluntary
    ahead = np.where(risk.renewal[rows, column] & ~failed, risk.notice, 0)
    decided = left - ahead
    lead = draws.whole(1, scenario.intention, n)
    intended = np.where(failed, decided + 1, np.maximum(decided - lead, start))
    known = (left < width) & (decided < np.minimum(HISTORY + months, seen))
    at = moment_in(decided - HISTORY, draws)
    return Spells(owner, np.full(n, again), start, left, decided, intended, failed, known, seen, at)


def joined(first: Spells, second: Spells) -> Spells:
    """First spells, then those of accounts that came back."""
    parts = ((getattr(first, name), getattr(second, name)) for name in Spells.__dataclass_fields__)
    return Spells(*(np.concatenate(pair) for pair in parts))


def returners(scenario: Scenario, first: Spells, months: int, draws: Draws) -> tuple[Array, Array]:
    """Rows of the accounts that come back, and the first month of their second spell."""
    n = len(first)
    willing = (draws.uniform(n) < scenario.comes_back) & ~first.failed & first.known
    start = first.left + 1 + draws.whole(2, 9, n)
    rows = np.flatnonzero(willing & (start < np.minimum(HISTORY + months, first.seen_until)))
    return rows, start[rows]


def present(spells: Spells, n: int, months: int) -> Array:
    """Accounts x recorded months: under contract, and recorded."""
    columns = np.arange(HISTORY, HISTORY + months)[None, :]
    until = np.minimum(spells.left + 1, spells.seen_until)
    inside = (columns >= spells.start[:, None]) & (columns < until[:, None])
    result = np.zeros((n, months), dtype=bool)
    for again in (False, True):
        rows = spells.again == again
        result[spells.account[rows]] |= inside[rows]
    return result
