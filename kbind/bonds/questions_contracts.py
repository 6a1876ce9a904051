"""Questions of the forced and the economic bond: exits from a term, and rises of the price."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pyarrow as pa

from kbind.bonds.answers import Found, Unanswered, Why
from kbind.dataset.dataset import Dataset
from kbind.dataset.reading.base import kind_of
from kbind.engine.engine import column, literal, parse
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal, rate_of
from kbind.survival.exposure import FEWEST, Exposure, by_what, exposure, stretches
from kbind.typing import Bools

FIRST, LATER, HELD = "first exit", "later exit", "held"
#: Rises of the price by size, and the share above which each begins.
RISES = {"up_to_5": 0.0, "5_to_10": 0.05, "over_10": 0.10}
#: A price that rises by less has not risen.
_ROUNDING = 0.002
#: Days after a rise in which somebody may leave because of it.
_AFTER = 92


def first_exit(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Hazard of leaving in the month in which a term ends for the first time, against the other months of the held."""
    time = exposure(data, exits(data), smooth=False)
    held = time.holds(HELD)  # not before the term was signed, when nobody can have left who signed it
    first, later = held & time.holds(FIRST), held & time.holds(LATER)
    rest = held & ~first & ~later
    for name, rows in ((FIRST, first), ("the other months", rest)):
        if time.events(rows) < FEWEST:
            raise NotEnoughData(f"{time.events(rows)} left in {name} of a term; needed: {FEWEST}")
    parts: dict[str, Estimate | float] = {
        "share_first": _share(time, first, conf_level, "customers who left at the first exit, of those who reached it"),
        "share_later": _share(time, later, conf_level, "leaving at a later exit, of all later exits reached"),
        "monthly_between": _per_month(time, rest, conf_level),
    }
    if time.events(later) >= FEWEST:
        parts["first_against_later"] = _rate_ratio(time, first, later, conf_level, "hazard at the first exit to later")
        parts["later_against_between"] = _rate_ratio(time, later, rest, conf_level, "hazard at later exits to others")
    definition = (
        "leaving per month at risk in the month that ends with the first end of a term, divided by that in all months "
        "of customers held by a term of more than a month that do not end with one; limits on the log scale"
    )
    return _rate_ratio(time, first, rest, conf_level, definition), parts


def exits(data: Dataset) -> dict[str, pa.Table]:
    """Months that end with the end of a term, the first one of a customer and later ones, and all time of the held.

    A term's length is `subscriptions.term` in months, where there is such a column: the day in `term_end` may move with
    a contract that runs from month to month.
    """
    columns = data.tables["subscriptions"].columns
    known = "term" in columns and kind_of(columns["term"]) == "number"
    steps = {
        "terms": "SELECT customer_id, CAST(_begun AS DATE) AS s, CAST(_until AS DATE) AS e, CAST(_term AS INTEGER) "
        "AS m FROM contracts WHERE _begun < _as_of AND NOT _until IS NULL AND _long",
        "turns": "SELECT DISTINCT customer_id, CAST(e - to_months(m * k) AS DATE) AS day FROM (SELECT *, "
        "unnest(range(0, greatest(1, 1 + date_diff('month', s, e) // m))) AS k FROM terms) AS t "
        "WHERE CAST(e - to_months(m * k) AS DATE) > s",
        "numbered": "SELECT customer_id, day, row_number() OVER (PARTITION BY customer_id ORDER BY day) AS j "
        "FROM turns",
        "stretches": "SELECT customer_id, CASE WHEN j = 1 THEN 'first exit' ELSE 'later exit' END AS what, "
        "CAST(day - to_months(1) AS DATE) + _days AS begins, day + _days AS ends FROM numbered UNION ALL "
        "SELECT customer_id, 'held' AS what, min(s) AS begins, CAST(NULL AS DATE) AS ends FROM terms "
        "GROUP BY customer_id",
    }
    term = parse("coalesce(_x, 1)", x=column("term")) if known else parse(
        "greatest(1, date_diff('month', CAST(_b AS DATE), CAST(_u AS DATE)))",
        b=data.wall_time("subscriptions", "start"), u=data.wall_time("subscriptions", "term_end"),
    )  # fmt: skip
    table = stretches(
        data, steps, {"contracts": "subscriptions"}, begun=data.wall_time("subscriptions", "start"),
        until=data.wall_time("subscriptions", "term_end"), term=term, long=parse("_x > 1", x=term),
        days=literal(data.grace),
    )  # fmt: skip
    return by_what(table, (FIRST, LATER, HELD))


def price_rise(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Hazard in the three months after the price rose for the same plan and seats, against other time."""
    if not data.has("subscriptions.plan") and not data.has("subscriptions.seats"):
        raise Unanswered(Why("missing", ("subscriptions.plan",)))  # else a new price may be another offer
    same = "".join(
        f" AND {name} IS NOT DISTINCT FROM {name}_before"
        for name in ("plan", "seats")
        if data.has(f"subscriptions.{name}")
    )
    carried = "".join(f", _{name}x AS {name}" for name in ("plan", "seats"))
    before = "".join(f", lag({name}) OVER w AS {name}_before" for name in ("plan", "seats"))
    sizes = " ".join(f"WHEN up > {least} THEN '{name}'" for name, least in reversed(RISES.items()))
    steps = {
        "prices": f"SELECT customer_id, CAST(_begun AS DATE) AS s, CAST(_over AS DATE) AS e, _mrr AS mrr{carried} "
        "FROM contracts WHERE _begun < _as_of AND _mrr > 0",
        "followed": f"SELECT *, lag(mrr) OVER w AS mrr_before, lag(e) OVER w AS e_before{before} FROM prices "
        "WINDOW w AS (PARTITION BY customer_id ORDER BY s, e)",
        "rises": "SELECT customer_id, s, mrr / mrr_before - 1 AS up FROM followed WHERE mrr > mrr_before * _least "
        f"AND s >= e_before AND s <= e_before + _days{same}",
        "stretches": f"SELECT customer_id, CASE {sizes} END AS what, up, s AS begins, s + _after AS ends FROM rises",
    }
    parts_of = {
        f"{name}x": column(name) if data.has(f"subscriptions.{name}") else parse("CAST(NULL AS VARCHAR)")
        for name in ("plan", "seats")
    }
    table = stretches(
        data, steps, {"contracts": "subscriptions"}, begun=data.wall_time("subscriptions", "start"),
        over=data.wall_time("subscriptions", "end"), mrr=parse("CAST(_x AS DOUBLE)", x=column("mrr")),
        least=1 + _ROUNDING, after=_AFTER, days=data.grace, **parts_of,
    )  # fmt: skip
    if not table.num_rows:
        raise NotEnoughData("no price rose for the same plan and seats")
    held = {"risen": table, **by_what(table, tuple(RISES))}
    terms = exits(data) if data.has("subscriptions.term_end") else {}
    time = exposure(data, held | terms, smooth=True)
    ends = [name for name in terms if time.events(time.holds(name)) >= FEWEST]
    n = time.customers(time.holds("risen"))
    definition = (
        f"hazard of leaving in the {_AFTER} days after a rise of mrr at the same plan and seats, divided by that at "
        "other times, at the same age (a power of it) and, where terms are known, distance from the end of a term; "
        "Poisson regression"
    )
    ratio = time.smooth(["risen", *ends]).ratio("risen", conf_level=conf_level, n=n, definition=definition)
    median = float(np.median(table.column("up").to_numpy()))
    parts: dict[str, Estimate | float] = {"rises": float(table.num_rows), "median_rise": median}
    sizes_known = [name for name in RISES if time.events(time.holds(name)) >= FEWEST]
    out = np.any(
        [time.holds(name) for name in set(RISES) - set(sizes_known)] or [np.zeros(len(time.left), bool)], axis=0
    )
    if sizes_known:
        fitted = time.take(~out).smooth([*sizes_known, *ends])
        for name in sizes_known:
            who = time.customers(time.holds(name))
            parts[name] = fitted.ratio(name, conf_level=conf_level, n=who, definition=f"{definition}; rises {name}")
    return ratio, parts


def _share(time: Exposure, rows: Bools, conf_level: float, definition: str) -> Estimate:
    """Of the exits that somebody reached or left with, those left with."""
    seen = rows & (time.left | (time.duration - time.entry > 0.9))
    return rate_of(time.events(rows), int(seen.sum()), conf_level, definition)


def _per_month(time: Exposure, rows: Bools, conf_level: float) -> Estimate:
    events, months = time.events(rows), time.months(rows)
    limits = [exp(x) for x in normal(log(events / months), 1 / sqrt(events), conf_level)]
    return Estimate.of(limits, n=time.customers(rows), conf_level=conf_level, definition="leaving per month at risk")


def _rate_ratio(time: Exposure, rows: Bools, others: Bools, conf_level: float, definition: str) -> Estimate:
    """Ratio of two hazards, each events by months at risk, with limits on the log scale."""
    counts = [time.events(some) for some in (rows, others)]
    value = log(counts[0] / time.months(rows)) - log(counts[1] / time.months(others))
    limits = [exp(x) for x in normal(value, sqrt(sum(1 / count for count in counts)), conf_level)]
    return Estimate.of(limits, n=time.customers(rows), conf_level=conf_level, definition=definition)
