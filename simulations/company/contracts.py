"""What is sold: plan, seats and price month by month, and the table of contracts that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .accounts import HISTORY, Accounts
from .attributes import BONDS
from .course import Course
from .draws import Array, Draws
from .frames import coded, month_start
from .scenario import Scenario
from .spells import Spells

#: EUR a seat and month, fewest and most seats at the start, by plan; prices rise once a year.
PRICES, SEATS, RISE = (19.0, 29.0, 49.0), ((1, 5), (5, 25), (20, 150)), 1.04


@dataclass(frozen=True)
class Deal:
    """Plan and seats of accounts x months, and the discount of each account."""

    plan: Array
    seats: Array
    discount: Array

    def take(self, rows: Array) -> Deal:
        """The deals of some accounts."""
        return Deal(self.plan[rows], self.seats[rows], self.discount[rows])


def draw_deal(scenario: Scenario, accounts: Accounts, course: Course, draws: Draws) -> Deal:
    """Seats and plan at the start, and what expansion and contraction make of them."""
    n, width = course.satisfaction.shape
    level, u = accounts.levels["plan"], draws.uniform(n)
    low, high = np.asarray(SEATS, dtype=float).T
    count = np.floor(low[level] * (high[level] / low[level]) ** u).astype(np.int64)
    level = level.astype(np.int8)
    steps = draws.uniform(n, width) < 0.25
    top = len(next(a for a in scenario.attributes if a.name == "plan").levels) - 1
    begin = accounts.start + HISTORY
    plan, seats = np.empty((n, width), dtype=np.int8), np.empty((n, width), dtype=np.int32)
    for c in range(width):
        up, down = course.expand[:, c] & (c > begin), course.contract[:, c] & (c > begin)
        step_up, step_down = up & steps[:, c] & (level < top), down & steps[:, c] & (level > 0)
        level = (level + step_up - step_down).astype(np.int8)
        more = np.where(up & ~step_up, count + np.maximum(1, count * 3 // 10), count)
        count = np.where(down & ~step_down, np.maximum(1, more * 3 // 4), more)
        plan[:, c], seats[:, c] = level, count
    cheap = accounts.levels["channel"] == 3
    economic = accounts.scores[:, BONDS.index("economic")]
    bargained = draws.uniform(n) < 0.15 + 0.15 * (economic > 0.5)
    discount = np.where(cheap, 0.25, np.where(bargained, 0.1, 0.0))
    return Deal(plan, seats, discount)


def subscriptions(scenario: Scenario, accounts: Accounts, deal: Deal, spells: Spells, months: int) -> pd.DataFrame:
    """One row for every stretch of time in which plan, seats and price stayed the same."""
    owner, end = spells.account, HISTORY + months
    columns = np.arange(deal.plan.shape[1])
    last = np.minimum(np.minimum(spells.left, end - 1), spells.seen_until - 1)
    age = columns[None, :] - spells.start[:, None]
    inside = (age >= 0) & (columns[None, :] <= last[:, None])
    plan, seats = deal.plan[owner], deal.seats[owner]
    fresh = age % 12 == 0  # the start, and every rise of the price
    fresh[:, 1:] |= (plan[:, 1:] != plan[:, :-1]) | (seats[:, 1:] != seats[:, :-1])
    spell, c = np.nonzero(fresh & inside)
    final = np.append(spell[1:] != spell[:-1], True)
    until = np.where(final, np.where(spells.known[spell], spells.left[spell] + 1, -1), np.append(c[1:], 0))

    # the term that the last month of the row lies in
    shown = np.where(until < 0, end, np.minimum(until, end)) - 1
    term = accounts.term[owner[spell]]
    begin = spells.start[spell]
    term_end = begin + ((shown - begin) // term + 1) * term
    level, discount = plan[spell, c], deal.discount[owner[spell]]
    price = np.asarray(PRICES)[level] * RISE ** ((c - begin) // 12)
    noticed = final & spells.known[spell] & ~spells.failed[spell]
    # 0.005 of a cent decide nowhere: rounding happens on whole cents
    mrr = np.round(seats[spell, c] * np.round(price, 2) * (1 - discount), 2)
    names = next(a for a in scenario.attributes if a.name == "plan").levels
    frame = pd.DataFrame(
        {
            "customer_id": owner[spell] + 1,
            "start": month_start(c - HISTORY),
            "end": month_start(until - HISTORY, until >= 0),
            "mrr": mrr,
            "plan": coded(level, names),
            "term": term,
            "term_end": month_start(term_end - HISTORY),
            "notice_at": np.where(noticed, spells.noticed_at[spell], np.datetime64("NaT")),
            "auto_renew": ~noticed,
            "seats": seats[spell, c].astype(np.int64),
            "discount": discount,
        }
    )
    return frame.sort_values(["customer_id", "start"], kind="stable", ignore_index=True)
