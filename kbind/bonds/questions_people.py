"""Questions of the affective bond: praise, recommending, contagion; and of what is stated against what is revealed."""

from __future__ import annotations

from math import sqrt

import numpy as np

from kbind.bonds.answers import Found, Unanswered, Why
from kbind.bonds.contexts import BONDS
from kbind.dataset.dataset import Dataset
from kbind.engine.engine import literal, parse
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import normal
from kbind.survival.exposure import exposure, known_from, stretches

#: NPS from which on an answer is praise, and from which on it is passive.
PRAISE, PASSIVE = 9, 7


def _needs_contracts(data: Dataset) -> None:
    """Without contracts leaving is the last event: whatever comes after it, a bad answer too, would be left out."""
    if not data.has("subscriptions"):
        raise Unanswered(Why("no_contracts", ("subscriptions",), "leaving is known from silence only"))


def praise(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Hazard after an answer of 9 or 10 against one of 7 or 8, for the same mean of earlier answers."""
    _needs_contracts(data)
    table = stretches(
        data,
        {
            "answers": "SELECT customer_id, CAST(_spoken AS DATE) AS day, avg(CAST(score AS DOUBLE)) AS score FROM "
            "voices WHERE lower(instrument) = 'nps' AND NOT score IS NULL AND _spoken < _as_of "
            "GROUP BY customer_id, CAST(_spoken AS DATE)",
            "ordered_answers": "SELECT *, avg(score) OVER (PARTITION BY customer_id ORDER BY day ROWS BETWEEN "
            "UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier, lead(day) OVER (PARTITION BY customer_id ORDER BY day) "
            "AS following FROM answers",
            "stretches": "SELECT customer_id, CAST(score >= _praise AS DOUBLE) AS praise, "
            "CAST(score < _passive AS DOUBLE) AS critical, earlier, day AS begins, "
            "least(coalesce(following, day + _horizon), day + _horizon) AS ends FROM ordered_answers",
        },
        {"voices": "feedback"}, spoken=data.wall_time("feedback", "timestamp"), praise=PRAISE, passive=PASSIVE,
        horizon=horizon,
    )  # fmt: skip
    if not table.num_rows:
        raise Unanswered(Why("missing", ("feedback: nps",)))
    plain = known_from(data, table, ["praise", "critical"])
    time = known_from(data, table, ["praise", "critical", "earlier"])
    if not len(time.left):
        raise NotEnoughData("nobody answered NPS twice")
    n = time.customers(np.ones(len(time.left), dtype=bool))
    definition = (
        f"hazard in the {horizon} days after an NPS of {PRAISE} or 10 (or until the next answer), divided by that "
        f"after {PASSIVE} or {PRAISE - 1}, for the same mean of the customer's earlier answers and the same age"
    )
    ratios = time.cox(["praise", "critical", "earlier"])
    parts: dict[str, Estimate | float] = {
        "critical": ratios.ratio("critical", conf_level=conf_level, n=n, definition=f"below {PASSIVE}: {definition}"),
        "earlier": ratios.ratio("earlier", conf_level=conf_level, n=n,
                                definition="hazard ratio of a point more in the mean of earlier answers"),
        "unadjusted": plain.cox(["praise", "critical"]).ratio("praise", conf_level=conf_level,
                                                              definition="the same without earlier answers"),
    }  # fmt: skip
    return ratios.ratio("praise", conf_level=conf_level, n=n, definition=definition), parts


def recommending(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Hazard from the day on which the first customer came by a recommendation, against time before it or without."""
    table = stretches(
        data,
        {
            "came": "SELECT p.referred_by AS customer_id, min(n.since) AS begins FROM persons AS p "
            "JOIN dated AS n ON n.customer_id = p.customer_id WHERE NOT p.referred_by IS NULL GROUP BY p.referred_by",
            "stretches": "SELECT customer_id, begins, CAST(NULL AS DATE) AS ends FROM came",
        },
        {"persons": "customers"},
    )  # fmt: skip
    if not table.num_rows:
        raise NotEnoughData("no customer came by another one who is in the data")
    time = exposure(data, {"recommended": table})
    n = time.customers(time.holds("recommended"))
    definition = (
        "hazard from the day after the first customer came who was recommended by this one, divided by that of the "
        "same age before it or without"
    )
    return time.cox(["recommended"]).ratio("recommended", conf_level=conf_level, n=n, definition=definition), {}


def contagion(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Hazard of the recommended after the one who recommended them left, against the recommended before that."""
    _needs_contracts(data)
    table = stretches(
        data,
        {
            "led": "SELECT p.customer_id, g.gone FROM persons AS p JOIN dated AS g ON g.customer_id = p.referred_by",
            "stretches": "SELECT customer_id, gone AS begins, gone + _horizon AS ends, gone IS NULL AS there FROM led",
        },
        {"persons": "customers"}, horizon=horizon,
    )  # fmt: skip
    frame = table.to_pandas()
    if not len(frame):
        raise NotEnoughData("no customer came by another one who is in the data")
    gone = table.filter(~frame["there"].to_numpy())
    time = exposure(data, {"left_alone": gone})
    led = set(frame["customer_id"])
    mine = np.array([one in led for one in time.lives.customer_id])
    time = time.take(mine[time.customer])
    n = time.customers(time.holds("left_alone"))
    definition = (
        f"hazard of recommended customers in the {horizon} days after the one who recommended them left, divided by "
        "that of recommended customers of the same age at other times"
    )
    found = time.cox(["left_alone"]).ratio("left_alone", conf_level=conf_level, n=n, definition=definition)
    return found, {"recommended": float(len(led)), "left": float(time.events(time.holds("left_alone")))}


def stated_revealed(data: Dataset, horizon: int, conf_level: float) -> Found:
    """What the items of the bonds say, and what each bond, as answered, goes with."""
    _needs_contracts(data)
    pattern = parse("regexp_extract(lower(instrument), '^bond_(' || _names || ')_', 1)", names=literal("|".join(BONDS)))
    means = ", ".join(f"avg(CASE WHEN bond = '{name}' THEN score END) AS {name}" for name in BONDS)
    table = stretches(
        data,
        {
            "items": "SELECT customer_id, CAST(date_trunc('month', _spoken) AS DATE) AS month, "
            "CAST(_spoken AS DATE) AS day, CAST(score AS DOUBLE) AS score, _bond AS bond FROM voices "
            "WHERE NOT score IS NULL AND _spoken < _as_of",
            "rounds": f"SELECT customer_id, max(day) AS day, {means} FROM items WHERE bond <> '' "
            "GROUP BY customer_id, month",
            "stretches": "SELECT *, day AS begins, least(day + _year, coalesce(lead(day) OVER (PARTITION BY "
            "customer_id ORDER BY day), day + _year)) AS ends FROM rounds",
        },
        {"voices": "feedback"}, spoken=data.wall_time("feedback", "timestamp"), bond=pattern, year=365,
    )  # fmt: skip
    if not table.num_rows:
        raise Unanswered(Why("missing", tuple(f"feedback: bond_{name}_1" for name in ("economic", "affective"))))
    frame = table.to_pandas()
    known = [name for name in BONDS if frame[name].notna().any()]
    if not {"economic", "affective"} <= set(known):
        raise Unanswered(
            Why("missing", tuple(f"feedback: bond_{n}_1" for n in ("economic", "affective") if n not in known))
        )
    time = known_from(data, table, known)
    if not len(time.left):
        raise NotEnoughData("nobody who answered the items is observed afterwards")
    latest = frame.sort_values("begin").groupby("customer_id")[known].last()
    parts: dict[str, Estimate | float] = {}
    for name in known:
        said = latest[name].dropna()
        mean = normal(float(said.mean()), float(said.std() / sqrt(len(said))), conf_level)
        parts[f"stated_{name}"] = Estimate.of(mean, n=len(said), conf_level=conf_level, definition="mean of the items")
    gap = (latest["affective"] - latest["economic"]).dropna()
    stated = normal(float(gap.mean()), float(gap.std() / sqrt(len(gap))), conf_level)
    definition = "mean of the affective items less that of the economic ones"
    parts["stated_gap"] = Estimate.of(stated, n=len(gap), conf_level=conf_level, definition=definition)
    spread = time.values.std(axis=0)
    time.values[:] = (time.values - time.values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    ratios = time.cox(known)
    n = time.customers(np.ones(len(time.left), dtype=bool))
    for name in known:
        definition = f"hazard ratio of a standard deviation more in the {name} items, in the year after, others alike"
        parts[f"revealed_{name}"] = ratios.ratio(name, conf_level=conf_level, n=n, definition=definition)
    for kind, sign in (("stated", -1.0), ("revealed", 1.0)):  # the highest mean and the lowest ratio hold best
        found = np.array([sign * next(iter(parts[f"{kind}_{name}"])) for name in known])  # type: ignore[arg-type]
        parts |= {f"{kind}_rank_{name}": 1.0 + float((found < found[k]).sum()) for k, name in enumerate(known)}
    definition = (
        "hazard ratio of a standard deviation more in the affective items divided by that of the economic ones, in the "
        "year after the answers, other bonds and age alike; below 1 the affective bond holds better"
    )
    return ratios.ratio("affective", "economic", conf_level=conf_level, n=n, definition=definition), parts
