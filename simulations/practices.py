"""One run each of what is claimed of complaints, of people who leave, and of what bonds do to staying."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.random import Generator

import kbind as kb
from kbind.bonds.questions_contracts import price_rise
from kbind.bonds.questions_use import sleeping_dogs
from kbind.estimate.estimate import Estimate
from kbind.typing import Bools, Floats, Ints

FIRST = pd.Timestamp("2022-01-01")
#: Days observed, and before that in which customers may have come.
DAYS, BEFORE = 1096, 365
MONTH = 365.25 / 12
#: Chance of leaving in a month, of a complaint and of the loss of a contact; ratios of the hazard from 31 days after.
HAZARD, ASKS, LOSES = 0.03, 0.05, 0.03
RATIOS = {"bad": 3.0, "well": 0.5, "alone": 2.5, "shared": 1.2, "theirs": 1.8, "rise": 2.0}
LAG, WINDOW = 31, 92
#: Three in ten complain four times as often, and leave more often whatever happens.
FRAIL, MORE, WORSE = 0.3, 4.0, 1.6


def held(events: Bools) -> Bools:
    """Customers x days: whether something happened 32 to 123 days before the end of the day."""
    total = np.pad(np.cumsum(events, axis=1), ((0, 0), (LAG + WINDOW + 1, 0)))
    width = events.shape[1]
    # 0 on the left: nothing happened before the first day
    return np.asarray(total[:, WINDOW : WINDOW + width] > total[:, :width])


def dates(days: Ints) -> pd.DatetimeIndex:
    """Days since recording began, as dates."""
    return FIRST + pd.to_timedelta(days, unit="D")


def live(rng: Generator, start: Ints, log_ratio: Floats, hazard: Floats) -> Ints:
    """The day on which each customer leaves, at a hazard that changes by day; long after the data for who stays."""
    daily = hazard[:, None] / MONTH * np.exp(log_ratio)
    daily[np.arange(daily.shape[1])[None, :] < (start + BEFORE)[:, None]] = 0.0
    gone = np.cumsum(daily, axis=1) >= rng.exponential(size=len(start))[:, None]
    return np.asarray(np.where(gone.any(axis=1), gone.argmax(axis=1) + 1, 10**6)) - BEFORE


def contracts(start: Ints, end: Ints) -> tuple[pd.DataFrame, Bools]:
    """The table of who was there when recording began or later, and who that is."""
    seen = end > 0
    frame = pd.DataFrame({"customer_id": np.flatnonzero(seen), "start": dates(start[seen]), "mrr": 10.0, "plan": "one"})
    frame["end"] = dates(np.minimum(end[seen], DAYS + 1))
    frame["end"] = frame["end"].where(end[seen] < DAYS)
    return frame, seen


def opened(tables: dict[str, pd.DataFrame]) -> kb.Dataset:
    """The data set of such tables."""
    return kb.open_dataset(tables, as_of=(FIRST + pd.Timedelta(DAYS, "D")).date(), recorded_from=FIRST.date())


def covers(estimate: Estimate, truth: float) -> bool:
    """Whether the interval holds the truth."""
    return bool(estimate.ci_lower <= truth <= estimate.ci_upper)


def recovery(rng: Generator, n: int, frail: bool) -> tuple[bool, ...]:
    """Complaints handled badly, as usual and well; perhaps by customers who leave more often anyhow."""
    start = rng.integers(-BEFORE, DAYS - 60, n)
    shape = n, DAYS + BEFORE
    kind = (rng.random(n) < FRAIL) & frail
    asked = rng.random(shape) < ASKS / MONTH * np.where(kind, MORE, 1.0)[:, None]
    asked &= np.arange(shape[1])[None, :] >= (start + BEFORE)[:, None]
    how = rng.integers(0, 3, shape)
    log_ratio = np.log(RATIOS["bad"]) * held(asked & (how == 1)) + np.log(RATIOS["well"]) * held(asked & (how == 2))
    end = live(rng, start, log_ratio, HAZARD * np.where(kind, WORSE, 1.0))
    frame, seen = contracts(start, end)
    who, day = np.nonzero(
        asked & seen[:, None] & (np.arange(shape[1])[None, :] - BEFORE < np.minimum(end, DAYS)[:, None])
    )
    hours = np.array([120, 480, 20])[how[who, day]]
    when = dates(day - BEFORE) + pd.Timedelta("1h")
    tickets = pd.DataFrame({"customer_id": who, "opened": when, "closed": when + pd.to_timedelta(hours, unit="h")})
    found = kb.service_recovery(opened({"subscriptions": frame, "tickets": tickets}))
    ratios = (
        covers(found.well_vs_bad, RATIOS["well"] / RATIOS["bad"]),
        covers(found.bad_vs_none, RATIOS["bad"]),
        covers(found.well_vs_none, RATIOS["well"]),
    )
    if frail:
        return ratios
    stay = {name: np.exp(-HAZARD * WINDOW / MONTH * ratio) for name, ratio in {**RATIOS, "none": 1.0}.items()}
    return (
        *ratios,
        covers(found.staying["well_vs_bad"], stay["well"] - stay["bad"]),
        covers(found.staying["bad_vs_none"], stay["bad"] - stay["none"]),
        covers(found.complainers, 1.0),
    )


def people(rng: Generator, n: int) -> tuple[bool, ...]:
    """One of ours, for half of the customers a second one who stays; one of theirs; who goes is followed at once."""
    start = rng.integers(-BEFORE, DAYS - 60, n)
    shape = n, DAYS + BEFORE
    second = rng.random(n) < 0.5
    after = np.arange(shape[1])[None, :] >= (start + BEFORE + 1)[:, None]
    lost = {side: after & (rng.random(shape) < LOSES / MONTH) for side in ("ours", "theirs")}
    first = np.where(second, np.log(RATIOS["shared"]), np.log(RATIOS["alone"]))[:, None]
    log_ratio = first * held(lost["ours"]) + np.log(RATIOS["theirs"]) * held(lost["theirs"])
    end = live(rng, start, log_ratio, np.full(n, HAZARD))
    frame, seen = contracts(start, end)
    rows = []
    for number, side in enumerate(lost):
        for k in np.flatnonzero(seen):
            last = min(int(end[k]), DAYS)
            ends = np.flatnonzero(lost[side][k]) - BEFORE
            ends = ends[ends < last]
            begins = np.concatenate([[start[k]], ends + 1])
            stops = np.append(ends.astype(float), float(last) if end[k] < DAYS else np.nan)
            rows += [
                (k, 1000 * k + 100 * number + j, side, b, e) for j, (b, e) in enumerate(zip(begins, stops, strict=True))
            ]
    rows += [(k, 1000 * k + 999, "ours", start[k], end[k] if end[k] < DAYS else np.nan)
             for k in np.flatnonzero(second & seen)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["customer_id", "contact_id", "side", "b", "e"])
    times = {
        "start": FIRST + pd.to_timedelta(table["b"], unit="D"),
        "end": FIRST + pd.to_timedelta(table["e"], unit="D"),
    }
    contacts = table[["customer_id", "contact_id", "side"]].assign(**times)
    found = kb.single_contacts(opened({"subscriptions": frame, "contacts": contacts}))
    mine = found.people().query("side == 'ours'")
    months = WINDOW / MONTH * HAZARD
    more = len(mine) * (np.exp(-months) - np.exp(-months * RATIOS["alone"]))
    return (
        covers(found.effects["ours"], RATIOS["alone"]),
        covers(found.shared["ours"], RATIOS["shared"]),
        covers(found.effects["theirs"], RATIOS["theirs"]),
        bool(mine["leavers_ci_lower"].sum() <= more <= mine["leavers_ci_upper"].sum()),
    )


def dogs(rng: Generator, n: int) -> tuple[bool, ...]:
    """A campaign whose propensity goes with the risk; contacting the idle makes a tenth more of them leave."""
    risky, idle = rng.random(n) < 0.4, rng.random(n) < 0.3
    chance = np.where(risky, 0.7, 0.3)
    treated = rng.random(n) < chance
    share = np.where(risky, 0.3, 0.1) + treated * np.where(idle, 0.1, -0.05)
    end = np.where(rng.random(n) < share, 200, DAYS + 1)
    frame, _ = contracts(np.full(n, 10), end)
    events = pd.DataFrame({"customer_id": np.flatnonzero(~idle), "timestamp": dates(np.array([90]))[0]})
    sent = pd.DataFrame({"customer_id": np.arange(n), "campaign": "call", "assigned_at": dates(np.array([100]))[0],
                         "arm": np.where(treated, "treatment", "control"), "propensity": chance})  # fmt: skip
    data = opened({"subscriptions": frame, "events": events, "campaigns": sent})
    idle_ones, parts = sleeping_dogs(data, 182, 0.95)
    found = parts["idle_less_active"], idle_ones, parts["active"]
    return tuple(
        covers(one, truth) for one, truth in zip(found, (0.15, 0.1, -0.05), strict=True) if isinstance(one, Estimate)
    )


def prices(rng: Generator, n: int) -> tuple[bool, ...]:
    """Prices rise once, a year after the start, for half of the customers by a fifth, which doubles the hazard."""
    start = rng.integers(0, DAYS - 60, n)
    rise = start + rng.integers(300, 430, n)
    dear = rng.random(n) < 0.5
    day = np.arange(DAYS + BEFORE)[None, :] - BEFORE
    after = (day >= rise[:, None]) & (day < rise[:, None] + WINDOW)
    end = live(rng, start, np.log(RATIOS["rise"]) * (after & dear[:, None]), np.full(n, HAZARD))
    frame, _ = contracts(start, end)
    late = np.flatnonzero((end > rise) & (rise < DAYS))
    more = frame.iloc[late].assign(start=dates(rise[late]), mrr=np.where(dear[late], 12.0, 10.3))
    frame.loc[late, "end"] = more["start"]
    _, parts = price_rise(opened({"subscriptions": pd.concat([frame, more])}), 182, 0.95)
    found = parts["over_10"], parts["up_to_5"]
    return tuple(
        covers(one, t) for one, t in zip(found, (RATIOS["rise"], 1.0), strict=True) if isinstance(one, Estimate)
    )
