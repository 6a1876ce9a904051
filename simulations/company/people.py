"""Contact persons on both sides, coming and going."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .accounts import HISTORY, Accounts
from .course import Course
from .draws import Array, Draws
from .frames import coded, moment_in
from .spells import Spells

ROLES = ("account_manager", "consultant", "decision_maker", "user")

#: Numbers of people: ours by desk, theirs by account, with room for those who follow.
_OURS, _CONSULTANTS, _THEIRS, _ROOM = 0, 10_000_000, 100_000_000, 100


def number_of(role: int, place: Array, following: Array) -> Array:
    """The id of the k-th person in one place."""
    offset = (_OURS, _CONSULTANTS, _THEIRS, _THEIRS + _ROOM // 2)[role]
    return np.asarray(offset + place * _ROOM + following)


def contacts(accounts: Accounts, course: Course, spells: Spells, months: int, draws: Draws) -> pd.DataFrame:
    """One row a person and account, as long as both are there."""
    owner, end = spells.account, HISTORY + months
    last = np.minimum(np.minimum(spells.left, end - 1), spells.seen_until - 1)
    still = ~(spells.known & (spells.left < end))
    manager = _following(0, course.desk[owner], course.manager_lost[owner], spells.start, last, still, owner)
    decider = _following(2, owner, course.champion_lost[owner], spells.start, last, still, owner)
    second = np.flatnonzero(accounts.shared[owner])
    consultant = _staying(1, course.desk[owner[second]], spells.start[second], last[second], still[second])
    third = np.flatnonzero(accounts.levels["plan"][owner] > 0)
    user = _staying(3, owner[third], spells.start[third], last[third], still[third])
    parts = [manager, decider, {"owner": owner[second], **consultant}, {"owner": owner[third], **user}]
    stacked = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    begin = moment_in(stacked["from"] - HISTORY, draws, days=5)
    finish = moment_in(stacked["to"] - HISTORY, draws)
    begin = np.minimum(begin, finish)
    frame = pd.DataFrame(
        {
            "customer_id": stacked["owner"] + 1,
            "contact_id": stacked["person"],
            "side": coded((stacked["role"] > 1).astype(int), ["ours", "theirs"]),
            "role": coded(stacked["role"], ROLES),
            "start": begin,
            "end": np.where(stacked["open"], np.datetime64("NaT"), finish),
        }
    )
    return frame.sort_values(["customer_id", "start", "contact_id"], kind="stable", ignore_index=True)


def _following(
    role: int, place: Array, lost: Array, start: Array, last: Array, still: Array, owner: Array
) -> dict[str, Array]:
    """One person after the other: each stays until lost, the next one comes in the month after."""
    columns = np.arange(lost.shape[1])
    inside = (columns >= start[:, None]) & (columns <= last[:, None])
    order = np.cumsum(lost, axis=1) - lost  # how many went before
    comes = (columns == start[:, None]) | np.pad(lost[:, :-1], ((0, 0), (1, 0)))
    spell, c = np.nonzero(comes & inside)
    final = np.append(spell[1:] != spell[:-1], True)
    goes = np.where(final, last[spell], np.append(c[1:], 1) - 1)
    still_there = final & still[spell] & ~lost[spell, goes]
    return {
        "owner": owner[spell],
        "person": number_of(role, place[spell], order[spell, c]),
        "role": np.full(len(spell), role),
        "from": c,
        "to": goes,
        "open": still_there,
    }


def _staying(role: int, place: Array, start: Array, last: Array, still: Array) -> dict[str, Array]:
    """One person from start to end."""
    return {
        "person": number_of(role, place, np.zeros(len(place), dtype=np.int64)),
        "role": np.full(len(place), role),
        "from": start,
        "to": last,
        "open": still,
    }
