"""Customers whom things happen to, with planted effects, for the indicators of the practices."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb

#: First day, and the end of the data.
FIRST, END = np.datetime64("2023-01-01"), np.datetime64("2025-01-01")
DAYS = int((END - FIRST) / np.timedelta64(1, "D"))
#: Chance to come again within 30 days, by customer evenly from 0 to twice that; of then choosing another channel.
AGAIN, SWITCH = 0.25, 0.4
#: Chance to answer, and to be content, by moment: before 31 days, up to 90, up to 365, later.
ANSWERS, CONTENT = (0.6, 0.5, 0.4, 0.3), (0.9, 0.8, 0.75, 0.7)
#: Share of answers that are an alarm, of those who leave within 90 days and of others; leavers among those who answer.
HIT, FALSE, LEAVERS = 0.6, 0.15, 0.2
#: Chance of first use on each day, and of leaving without it on each day.
USE, GIVE_UP = 0.05, 0.01
#: Variance of the logarithm of hours to close, within and between customers.
WITHIN, BETWEEN = 0.8, 0.3
#: Share that leaves within 90 days: not hit, by tenure below and from 180 days on, and added by the incident.
UNHIT, ADDED = (0.2, 0.1), 0.15
#: Share that leaves within 90 days by number of contacts so far, of those held back, and what one more adds for each.
HELD, MORE = (0.10, 0.10, 0.10), (-0.04, 0.0, 0.08)


def days(values: np.ndarray, start: np.datetime64 = FIRST) -> pd.Series:
    """Days since the first one, to the second, as times."""
    return pd.Series(start + np.round(np.asarray(values, dtype=float) * 86400).astype("timedelta64[s]"))


def opened(**tables: pd.DataFrame) -> kb.Dataset:
    """A data set that ends with 2024."""
    if not {"subscriptions", "events"} & tables.keys():
        tables["customers"] = tables["tickets"][["customer_id"]].drop_duplicates()
    return kb.open_dataset(tables, as_of="2025-01-01")


def repeats(rng: Generator, n: int) -> kb.Dataset:
    """Matters of customers who differ, each with further contacts in the 30 days after, far from the next matter."""
    chance = rng.uniform(0, 2 * AGAIN, n)
    who = np.repeat(np.arange(n), 1 + rng.poisson(2, n))
    # a matter a hundred days after the one before, so that only repeats fall within 60 days
    number = np.arange(len(who)) - np.searchsorted(who, who)
    at = 5 + number * 100 + rng.uniform(0, 30, n)[who]
    rows, channel = [], rng.integers(2, size=len(who))
    live = at < DAYS + 60
    who, at, channel = who[live], at[live], channel[live]
    again = rng.random(len(who)) < chance[who]
    wait, other = rng.uniform(1, 30, len(who)), rng.random(len(who)) < SWITCH
    for here, when, told in ((np.ones(len(who), dtype=bool), at, channel),
                             (again, at + 0.5 + wait * 0.98, np.where(other, 1 - channel, channel))):  # fmt: skip
        times = {"opened": days(when[here]), "closed": days(when[here] + 0.5)}
        way = np.array(["mail", "phone"])[told[here]]
        rows.append(pd.DataFrame({"customer_id": who[here], **times, "kind": "fault", "channel": way}))
    early = pd.DataFrame(
        {"customer_id": [n], "opened": days([-40]), "closed": days([-39]), "kind": "other", "channel": "mail"}
    )
    tickets = pd.concat([*rows, early], ignore_index=True)
    tickets = tickets[tickets["opened"] < END]
    return opened(tickets=tickets.assign(closed=tickets["closed"].where(tickets["closed"] < END)))


def moments(rng: Generator, n: int) -> kb.Dataset:
    """Customers asked at several ages, who answer the less and the less content the longer they are there."""
    start = rng.integers(0, 300, n)
    who = np.repeat(np.arange(n), 3)
    age = rng.choice([10, 60, 200, 400], len(who)) + rng.integers(0, 10, len(who))
    place = np.searchsorted([30, 90, 365], age, side="left")
    mood = np.repeat(rng.normal(0, 0.5, n), 3)
    from scipy.special import ndtr, ndtri

    shift = ndtri(np.array(CONTENT)) * np.sqrt(1.25)
    content = rng.normal(size=len(who)) + mood < shift[place]
    answered = rng.random(len(who)) < np.array(ANSWERS)[place]
    assert ndtr(0) == 0.5
    feedback = pd.DataFrame({"customer_id": who, "timestamp": days(start[who] + age + 0.5), "instrument": "csat",
                             "score": np.where(answered, np.where(content, 5, 2), np.nan)})  # fmt: skip
    contracts = pd.DataFrame({"customer_id": np.arange(n), "start": days(start)})
    return opened(feedback=feedback[feedback["timestamp"] < END], subscriptions=contracts)


def warnings(rng: Generator, n: int) -> kb.Dataset:
    """Customers who answer every hundred days, and leave 10 to 80 days after an answer if they do."""
    rows, ends = [], np.full(n, np.nan)
    alive = np.ones(n, dtype=bool)
    for at in range(20, DAYS - 120, 100):
        when = at + rng.uniform(0, 5, n)
        leaves = alive & (rng.random(n) < LEAVERS)
        alarm = rng.random(n) < np.where(leaves, HIT, FALSE)
        rows.append(pd.DataFrame({"customer_id": np.arange(n), "timestamp": days(when), "instrument": "nps",
                                  "score": np.where(alarm, 4, 9)})[alive])  # fmt: skip
        ends = np.where(leaves, np.floor(when) + rng.integers(10, 81, n), ends)
        alive &= ~leaves
    end = days(np.nan_to_num(ends)).where(~np.isnan(ends))
    return opened(
        feedback=pd.concat(rows), subscriptions=pd.DataFrame({"customer_id": np.arange(n), "start": FIRST, "end": end})
    )


def first_uses(rng: Generator, n: int) -> kb.Dataset:
    """New customers who use it for the first time, or give up, on a day drawn by chance."""
    start = rng.integers(1, DAYS - 1, n)
    use, leave = rng.geometric(USE, n) - 1, rng.geometric(GIVE_UP, n)
    used = use < leave
    ends = np.where(used, np.inf, start + leave)
    left = ends < DAYS
    end = days(np.where(left, ends, 0)).where(left)
    at = start + use
    events = pd.DataFrame({"customer_id": np.arange(n), "timestamp": days(at + 0.5), "kind": "login"})[
        used & (at < DAYS)
    ]
    first = pd.DataFrame({"customer_id": [n], "timestamp": days([0.1]), "kind": "login"})
    contracts = pd.DataFrame({"customer_id": np.arange(n), "start": days(start), "end": end})
    return opened(events=pd.concat([events, first]), subscriptions=contracts)


def handled(rng: Generator, n: int) -> kb.Dataset:
    """Tickets whose time to close differs within and between customers."""
    who = np.repeat(np.arange(n), 1 + rng.poisson(2, n))
    log = 4.5 + rng.normal(0, np.sqrt(BETWEEN), n)[who] + rng.normal(0, np.sqrt(WITHIN), len(who))
    at = rng.uniform(0, DAYS, len(who))
    closed = at + np.exp(log) / 24
    tickets = pd.DataFrame({"customer_id": who, "opened": days(at), "closed": days(np.minimum(closed, DAYS - 0.001))})
    return opened(tickets=tickets.assign(closed=tickets["closed"].where(closed < DAYS)))


def struck(rng: Generator, n: int) -> kb.Dataset:
    """An incident that hits the old more than the young, who leave more anyhow; and one that hits by chance."""
    at = np.array([300, 500])
    start = np.where(rng.random(n) < 0.5, rng.integers(0, 100, n), rng.integers(250, 290, n))
    ends, rows = np.full(n, np.inf), []
    for day in at:
        here = (start < day) & (ends > day)
        old = day - start >= 180
        hit = here & (rng.random(n) < np.where(old, 0.4, 0.15))
        leaves = here & (rng.random(n) < np.where(old, UNHIT[1], UNHIT[0]) + ADDED * hit)
        ends = np.where(leaves, day + rng.integers(5, 85, n), ends)
        rows.append(pd.DataFrame({"customer_id": np.flatnonzero(hit), "timestamp": days(np.full(hit.sum(), day + 0.4)),
                                  "kind": "incident"}))  # fmt: skip
    left = np.isfinite(ends)
    end = days(np.where(left, ends, 0)).where(left)
    return opened(
        events=pd.concat(rows),
        subscriptions=pd.DataFrame({"customer_id": np.arange(n), "start": days(start), "end": end}),
    )


def contacted(rng: Generator, n: int) -> kb.Dataset:
    """Two mailings and a campaign of one quarter, each to half of all by lot; only the last does anything."""
    before, rows = np.zeros(n, dtype=np.int64), []
    for number, day in enumerate((200, 225, 250)):
        treated = rng.random(n) < 0.5
        arm = np.where(treated, "treatment", "control")
        times, opted = days(np.full(n, day)), treated & (rng.random(n) < 0.1)
        told = pd.DataFrame({"customer_id": np.arange(n), "campaign": f"c{number}", "assigned_at": times, "arm": arm})
        told["opted_out"] = opted
        # the mailings have nobody held back
        rows.append(told if number == 2 else told[treated])
        before = before + treated
    k = before - treated
    leaves = rng.random(n) < np.array(HELD)[k] + np.where(treated, np.array(MORE)[k], 0)
    end = days(np.where(leaves, rng.integers(316, 340, n), 0)).where(leaves)
    contracts = pd.DataFrame({"customer_id": np.arange(n), "start": FIRST, "end": end})
    return opened(campaigns=pd.concat(rows), subscriptions=contracts)
