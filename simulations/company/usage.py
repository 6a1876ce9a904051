"""What accounts do: events by kind and device, or purchases; less of it once somebody intends to leave."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .accounts import HISTORY, Accounts
from .attributes import BONDS
from .course import Course
from .draws import Array, Draws
from .frames import coded, moment_in
from .scenario import Scenario
from .spells import Spells

#: Kinds of use, with the bond that makes each more frequent; events a month of an average account.
KINDS = (("login", "habitual", 1.8), ("report", "economic", 0.4), ("integration", "forced", 0.5),
         ("community", "value", 0.3))  # fmt: skip

#: Change of the log of use with the bond of its kind, with satisfaction, and with inertia.
BY_BOND, BY_SATISFACTION, BY_LETHARGY = 0.45, 0.15, -0.25

#: What is left of use a month later, once somebody intends to leave.
FADE = 0.6

#: Purchases a month, their usual amount (log EUR) and its spread, and what is bought.
PURCHASES, AMOUNT, SPREAD = 1.6, 3.4, 0.6
CATEGORIES = ("food", "household", "clothing", "leisure")


def fade(spells: Spells, n: int, months: int) -> Array:
    """Accounts x months: by how much the intention to leave lowers use."""
    columns = np.arange(HISTORY, HISTORY + months)[None, :]
    result = np.ones((n, months))
    for again in (False, True):
        rows = spells.again == again
        since = columns - spells.intended[rows][:, None] + 1
        leaves = (spells.left[rows] + 1)[:, None]
        inside = (since > 0) & (columns < leaves) & ~spells.failed[rows][:, None]
        result[spells.account[rows]] *= np.where(inside, FADE ** np.maximum(since, 0), 1.0)
    return result


def events(
    scenario: Scenario, accounts: Accounts, course: Course, spells: Spells, present: Array, draws: Draws
) -> pd.DataFrame:
    """One row an event, in the order of months."""
    n, months = present.shape
    mood = BY_SATISFACTION * course.satisfaction[:, HISTORY : HISTORY + months]
    lazy = BY_LETHARGY * accounts.scores[:, BONDS.index("lethargic")]
    level = np.exp(mood + lazy[:, None]) * fade(spells, n, months)
    kinds = KINDS if scenario.contracts else (("purchase", "habitual", PURCHASES),)
    rates = [rate * np.exp(BY_BOND * accounts.scores[:, BONDS.index(bond)]) for _, bond, rate in kinds]

    month, account = np.nonzero(present.T)
    counts = np.stack([draws.counts(level[account, month] * rate[account]) for rate in rates], axis=1)
    kind = np.repeat(np.tile(np.arange(len(kinds), dtype=np.int8), len(month)), counts.ravel())
    account, month = (np.repeat(part, counts.sum(axis=1)) for part in (account, month))
    devices = next(a for a in scenario.attributes if a.name == "device").levels
    usual = accounts.levels["device"][account]
    device = np.where(draws.uniform(len(account)) < 0.8, usual, draws.whole(0, len(devices) - 1, len(account)))
    frame = pd.DataFrame(
        {
            "customer_id": account + 1,
            "timestamp": moment_in(month, draws),
            "kind": coded(kind, [name for name, _, _ in kinds]),
            "device": coded(device, devices),
        }
    )
    return frame if scenario.contracts else _bought(scenario, accounts, account, frame, draws)


def _bought(scenario: Scenario, accounts: Accounts, account: Array, frame: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """What a purchase has besides: number, amount, category, channel."""
    n = len(frame)
    usual = 0.2 * (accounts.log_budget - 5.8)[account]
    channels = next(a for a in scenario.attributes if a.name == "channel").levels
    return frame.assign(
        amount=np.round(np.exp(AMOUNT + usual + SPREAD * draws.normal(n)), 2),
        order_id=np.arange(1, n + 1),
        category=coded(draws.whole(0, len(CATEGORIES) - 1, n), CATEGORIES),
        channel=coded(accounts.levels["channel"][account], channels),
    )
