"""Cancellations: the true reason, the one that is given, and what is written."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .accounts import HISTORY, Accounts
from .draws import Array, Draws
from .frames import coded
from .hazards import BUDGET_CENTRE, Risk
from .scenario import Scenario
from .spells import Spells
from .texts import FAREWELLS, REASONS

#: Share of the cancellations with free text, and share of the texts that tell the true reason.
WRITTEN, CANDID = 0.5, 0.7

#: Without contracts, share of those leaving who say so.
TELLS = 0.25


def weights(accounts: Accounts, risk: Risk, spells: Spells) -> Array:
    """How likely each reason is, from what the account went through: rows x reasons without payment."""
    owner = spells.account
    column = np.clip(spells.left - HISTORY, 0, risk.covariates["satisfaction"].shape[1] - 1)
    moving = {name: exposure[owner, column].astype(np.float64) for name, exposure in risk.covariates.items()}
    bad = moving["ticket_bad"] + moving["lost_manager"] + 0.5 * moving["lost_champion"]
    saver = accounts.levels["persona"][owner] == 2
    poor = -0.3 * (accounts.log_budget[owner] - BUDGET_CENTRE)
    logits = np.stack(
        [
            -0.3 + poor + 0.7 * saver,
            -0.2 - 0.6 * moving["satisfaction"],
            -1.0 + 2.5 * bad,
            np.full(len(owner), -0.4),
            -0.6 + 0.4 * (accounts.term[owner] == 1),
        ],
        axis=1,
    )
    return np.asarray(np.exp(logits))


def goodbyes(
    scenario: Scenario, accounts: Accounts, risk: Risk, spells: Spells, draws: Draws
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of cancellations, and the truth about it."""
    n, payment = len(spells), REASONS.index("payment")
    true = np.where(spells.failed, payment, draws.pick(weights(accounts, risk, spells)))
    polite = (draws.uniform(n) < scenario.polite) & (true != payment)
    stated = np.where(polite, 0, true)
    missing = draws.uniform(n) < scenario.reason_missing
    variant, candid, writes = draws.whole(0, 2, n), draws.uniform(n) < CANDID, draws.uniform(n) < WRITTEN
    told = draws.uniform(n) < (1.0 if scenario.contracts else TELLS)
    about = np.where(candid, true, stated)
    language = accounts.levels["language"][spells.account]
    text = np.where(writes & (true != payment), (language * payment + about) * 3 + variant, -1)
    written = [line for tongue in ("de", "en") for reason in REASONS[:payment] for line in FAREWELLS[tongue][reason]]

    rows = np.flatnonzero(spells.known & told)
    rows = rows[np.lexsort((spells.account[rows], spells.noticed_at[rows]))]
    when = {"customer_id": spells.account[rows] + 1, "timestamp": spells.noticed_at[rows]}
    table = pd.DataFrame(
        {
            **when,
            "reason": coded(np.where(missing & (true != payment), -1, stated)[rows], REASONS),
            "reason_text": coded(text[rows], written),
            "voluntary": ~spells.failed[rows],
        }
    )
    truth = pd.DataFrame(
        {**when, "true_reason": coded(true[rows], REASONS), "stated_reason": coded(stated[rows], REASONS)}
    )
    return table, truth
