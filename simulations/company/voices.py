"""Feedback: NPS every quarter, CSAT after tickets, bonding items once a year; the satisfied answer more often."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .accounts import HISTORY, Accounts
from .attributes import BONDS
from .course import Course, fading
from .draws import Array, Draws, logistic
from .frames import FIRST_MONTH, coded, moment_in
from .people import number_of
from .scenario import Scenario
from .texts import REMARKS

#: Log odds of answering: level, by satisfaction, by the affective and the lethargic score.
ANSWERS, BY_SATISFACTION, BY_AFFECTION, BY_LETHARGY = -1.6, 0.6, 0.25, -0.25

#: What a bad or good experience does to the satisfaction that people voice.
SHAKEN, MENDED = -1.2, 0.8

#: Items a type of bond, and how far an item follows the score.
ITEMS, ITEM_LOADING = 3, 0.8

INSTRUMENTS = ("nps", "csat", *(f"bond_{bond}_{k + 1}" for bond in BONDS for k in range(ITEMS)))
PROJECTS, RESPONDENTS = ("onboarding", "operations"), ("decision_maker", "user")


def voiced(accounts: Accounts, course: Course, months: int, keep: float) -> Array:
    """Satisfaction as people would tell it, by account and recorded month."""
    start = accounts.start + HISTORY
    bad, well = (fading(course.serious == how, start, keep) for how in (1, 3))
    lost = fading(course.manager_lost, start, keep)
    told = course.satisfaction + SHAKEN * np.maximum(bad, 0.5 * lost) + MENDED * well
    return told[:, HISTORY : HISTORY + months]


def feedback(
    scenario: Scenario, accounts: Accounts, course: Course, tickets: pd.DataFrame, present: Array, draws: Draws
) -> pd.DataFrame:
    """One row an answer and instrument."""
    n, months = present.shape
    told = voiced(accounts, course, months, scenario.fading)
    affective, lethargic = (accounts.scores[:, BONDS.index(name)] for name in ("affective", "lethargic"))
    willing = logistic(ANSWERS + BY_SATISFACTION * told + (BY_AFFECTION * affective + BY_LETHARGY * lethargic)[:, None])
    month = np.arange(months)

    asked = present & (month % 3 == 2)[None, :]
    account, c = np.nonzero(asked & (draws.uniform(n, months) < willing))
    nps = np.rint(7.2 + 1.5 * told[account, c] + 0.7 * affective[account] + 1.2 * draws.normal(len(account)))
    parts = [_answers(accounts, course, account, c, moment_in(c, draws), np.clip(nps, 0, 10), 0, draws)]
    parts[0]["text"] = _remarks(accounts, account, parts[0]["score"], draws)

    closed = tickets.loc[tickets["closed"].notna(), ["customer_id", "opened", "closed"]]
    account = closed["customer_id"].to_numpy() - 1
    c = (closed["opened"].to_numpy().astype("datetime64[M]") - FIRST_MONTH).astype(int)
    answered = draws.uniform(len(closed)) < willing[account, c]
    account, c, at = account[answered], c[answered], closed["closed"].to_numpy()[answered]
    hours = (at - closed["opened"].to_numpy()[answered]) / np.timedelta64(1, "h")
    csat = np.rint(4.2 + 0.5 * told[account, c] - 0.9 * (hours > 300) + 0.8 * draws.normal(len(account)))
    parts.append(_answers(accounts, course, account, c, at, np.clip(csat, 1, 5), 1, draws))

    asked = present & (month % 12 == 6)[None, :]
    account, c = np.nonzero(asked & (draws.uniform(n, months) < willing))
    at = moment_in(c, draws)
    sheet = _answers(accounts, course, account, c, at, np.zeros(len(account)), 2, draws)
    for k in range(len(BONDS) * ITEMS):
        score = accounts.scores[account, k // ITEMS]
        item = 4 + 1.4 * (ITEM_LOADING * score + np.sqrt(1 - ITEM_LOADING**2) * draws.normal(len(account)))
        parts.append({**sheet, "score": np.clip(np.rint(item), 1, 7), "instrument": np.full(len(account), 2 + k)})
    return _table(scenario, parts)


def _answers(
    accounts: Accounts, course: Course, account: Array, month: Array, at: Array, score: Array, instrument: int,
    draws: Draws,
) -> dict[str, Array]:  # fmt: skip
    """Who answers what: the decision maker of that month, or a user where there is one."""
    n = len(account)
    user = (draws.uniform(n) < 0.4) & (accounts.levels["plan"][account] > 0)
    lost = np.cumsum(course.champion_lost, axis=1) - course.champion_lost
    following = lost[account, month + HISTORY]
    person = np.where(user, number_of(3, account, np.zeros_like(following)), number_of(2, account, following))
    return {
        "account": account,
        "at": at,
        "score": score,
        "instrument": np.full(n, instrument),
        "person": person,
        "user": user.astype(int),
        "project": (month - accounts.start[account] >= 6).astype(int),
        "text": np.full(n, -1),
    }


def _remarks(accounts: Accounts, account: Array, score: Array, draws: Draws) -> Array:
    """Number of the remark that goes with a score; most people add none."""
    n = len(account)
    extreme = (score <= 6) | (score >= 9)
    which = draws.whole(0, 2, n) + 3 * (score >= 9) + 6 * accounts.levels["language"][account]
    return np.where(extreme & (draws.uniform(n) < 0.25), which, -1)


def _table(scenario: Scenario, parts: list[dict[str, Array]]) -> pd.DataFrame:
    stacked = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    remarks = [text for language in ("de", "en") for side in REMARKS[language] for text in side]
    order = np.lexsort((stacked["instrument"], stacked["account"], stacked["at"]))
    stacked = {name: column[order] for name, column in stacked.items()}
    frame = pd.DataFrame(
        {
            "customer_id": stacked["account"] + 1,
            "timestamp": stacked["at"],
            "instrument": coded(stacked["instrument"], INSTRUMENTS),
            "score": stacked["score"],
            "text": coded(stacked["text"], remarks),
        }
    )
    if not scenario.contacts:
        return frame
    return frame.assign(
        respondent_id=stacked["person"],
        respondent_role=coded(stacked["user"], RESPONDENTS),
        project=coded(stacked["project"], PROJECTS),
    )
