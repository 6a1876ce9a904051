"""Questions of the lethargic and habitual bond and of the ecosystem: who uses what, and how regularly."""

from __future__ import annotations

from dataclasses import replace
from math import nan, sqrt

import numpy as np
import pandas as pd

from kbind.bonds.answers import Found, Unanswered, Why
from kbind.dataset.arms import treated
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import group_value
from kbind.engine.engine import column, literal, parse
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import normal, rate_of
from kbind.orders.lapse import clustered_share
from kbind.survival.exposure import exposure, known_from, stretches
from kbind.typing import Floats

#: Days without use after which a customer is idle.
IDLE = 30
#: A rhythm: the quantile of the own gaps that a silence has to exceed, as in `kb.lapse`, and days of use it takes.
QUANTILE, DAYS = 0.9, 8
#: Silences of fewer days break no rhythm.
FLOOR = 28
#: At this level a customer's rhythm is more regular than chance.
LEVEL = 0.05
#: Days of use before the landmark that count, and days from it to the end of the data.
YEAR = 365
_USED = "SELECT DISTINCT customer_id, CAST(_used AS DATE) AS d FROM log_of_use WHERE _used < _as_of"


def paying_unused(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Share of the customers under contract without any use in the last days, and what they pay."""
    mrr = data.has("subscriptions.mrr")
    table = stretches(
        data,
        {
            "paying": "SELECT customer_id, sum(_mrr) AS revenue FROM contracts WHERE _begun < _as_of "
            "AND (_over IS NULL OR _over > _as_of) AND _begun <= _as_of - to_days(CAST(_idle AS INTEGER)) "
            "GROUP BY customer_id",
            "used": "SELECT customer_id, max(_used) AS last FROM log_of_use WHERE _used < _as_of GROUP BY customer_id",
            "stretches": "SELECT p.customer_id, p.revenue, "
            "coalesce(u.last < _as_of - to_days(CAST(_idle AS INTEGER)), TRUE) AS unused, "
            "CAST(_as_of AS DATE) AS begins, CAST(NULL AS DATE) AS ends "
            "FROM paying AS p LEFT JOIN used AS u ON u.customer_id = p.customer_id",
        },
        {"contracts": "subscriptions", "log_of_use": "events"},
        mrr=parse("CAST(_x AS DOUBLE)", x=column("mrr")) if mrr else literal(nan),
        begun=data.wall_time("subscriptions", "start"), over=data.wall_time("subscriptions", "end"), idle=IDLE,
        used=data.wall_time("events", "timestamp"),
    ).to_pandas()  # fmt: skip
    if not len(table):
        raise NotEnoughData("nobody is under contract")
    unused = table["unused"].to_numpy(dtype=bool)
    definition = (
        f"customers under contract for {IDLE} days or more without an event in the last {IDLE} days, of all such ones"
    )
    paid = table["revenue"].to_numpy(dtype=float)
    parts: dict[str, Estimate | float] = {"days": float(IDLE)}
    if mrr:
        parts |= {"revenue": float(paid[unused].sum()), "revenue_share": float(paid[unused].sum() / paid.sum())}
    return rate_of(int(unused.sum()), len(unused), conf_level, definition), parts


def sleeping_dogs(data: Dataset, horizon: int, conf_level: float) -> Found:
    """What a randomised contact does to leaving of idle customers; beside it that of the active, and the difference."""
    in_arm = treated(data)
    share = data.has("campaigns.propensity")
    table = stretches(
        data,
        {
            "assigned": "SELECT customer_id, campaign, CAST(_when AS DATE) AS day, _when AS moment, "
            "CAST(_treated AS INTEGER) AS treated, _chance AS chance FROM sent "
            "WHERE _when < _as_of AND NOT _treated IS NULL",
            "recent": "SELECT a.customer_id, a.campaign, a.moment, count(*) AS uses FROM assigned AS a "
            "JOIN log_of_use AS u ON u.customer_id = a.customer_id AND _used < a.moment "
            "AND _used >= a.moment - to_days(CAST(_idle AS INTEGER)) GROUP BY a.customer_id, a.campaign, a.moment",
            "stretches": "SELECT a.customer_id, a.campaign, a.treated, a.chance, r.uses IS NULL AS idle, "
            "coalesce(d.gone <= a.day + _horizon, FALSE) AS went, a.day AS begins, a.day + _horizon AS ends "
            "FROM assigned AS a JOIN dated AS d ON d.customer_id = a.customer_id LEFT JOIN recent AS r "
            "ON r.customer_id = a.customer_id AND r.campaign = a.campaign AND r.moment = a.moment "
            "WHERE (d.gone IS NULL OR d.gone > a.day) AND a.day + _horizon <= CAST(_as_of AS DATE)",
        },
        {"sent": "campaigns", "log_of_use": "events"},
        when=data.wall_time("campaigns", "assigned_at"), treated=in_arm, idle=IDLE, horizon=horizon,
        chance=parse("CAST(_x AS DOUBLE)", x=column("propensity")) if share else literal(nan),
        used=data.wall_time("events", "timestamp", "u"),
    ).to_pandas()  # fmt: skip
    chosen = _randomised(table, share)
    effects: dict[str, tuple[float, Floats]] = {}
    risks: dict[str, Estimate | float] = {}
    for name, mine in (("idle", chosen["idle"]), ("active", ~chosen["idle"])):
        rows = chosen[mine]
        if min((rows["treated"] > 0).sum(), (rows["treated"] == 0).sum(), rows["went"].sum()) < 10:
            raise NotEnoughData(f"too few {name} customers in a randomised campaign: fewer than 10 an arm, or who left")
        value, influence, means = _effect(rows)
        effects[name] = value, np.zeros(len(chosen))
        effects[name][1][mine.to_numpy()] = influence
        risks |= {f"{name}_treated": means[0], f"{name}_control": means[1], f"n_{name}": float(len(rows))}
    who = chosen["customer_id"]

    def estimate(value: float, influence: Floats, definition: str) -> Estimate:
        per_customer = pd.Series(influence).groupby(who.to_numpy()).sum()
        error = sqrt(float((per_customer**2).sum()))
        found = normal(value, error, conf_level)
        return Estimate.of(found, n=who.nunique(), conf_level=conf_level, definition=definition)

    how = "weighted by the inverse of the propensity" if share else "of campaigns with both arms, taken as randomised"
    definition = f"share who left within {horizon} days, contacted less held back, {how}; idle: no event in {IDLE} days"
    idle, active = (estimate(*effects[name], f"{name}: {definition}") for name in ("idle", "active"))
    value = effects["idle"][0] - effects["active"][0]
    total = estimate(value, effects["idle"][1] - effects["active"][1], f"idle less active: {definition}")
    return idle, {"active": active, "idle_less_active": total} | risks


def _randomised(table: pd.DataFrame, given: bool) -> pd.DataFrame:
    """Rows of campaigns that held some back by chance, with the chance of treatment."""
    if given:
        kept = table[(table["chance"] > 0) & (table["chance"] < 1)]
    else:
        kept = table.assign(chance=table.groupby("campaign", observed=True)["treated"].transform("mean"))
    arms = kept.groupby("campaign", observed=True)["treated"].transform("nunique")
    kept = kept[arms.to_numpy() > 1].reset_index(drop=True)
    if not len(kept):
        said = "no campaign whose horizon is over held customers back by chance"
        raise Unanswered(Why("not_randomised", ("campaigns.arm", "campaigns.propensity"), said))
    return kept


def _effect(rows: pd.DataFrame) -> tuple[float, Floats, tuple[float, float]]:
    """Difference of the weighted shares who left (Hajek), and what every row adds to it."""
    in_arm, went, chance = (rows[name].to_numpy(dtype=float) for name in ("treated", "went", "chance"))
    influence, means = np.zeros(len(rows)), []
    for arm, weight, sign in ((in_arm, 1 / chance, 1.0), (1 - in_arm, 1 / (1 - chance), -1.0)):
        w = arm * weight
        mean = float((w * went).sum() / w.sum())
        influence += sign * w * (went - mean) / w.sum()
        means.append(mean)
    return means[0] - means[1], influence, (means[0], means[1])


def rhythm(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Share of the customers whose days of use lie more regularly than chance would lay them."""
    table = stretches(
        data,
        {
            "use_days": _USED,
            "use_gaps": "SELECT customer_id, d, date_diff('day', lag(d) OVER (PARTITION BY customer_id ORDER BY d), d) "
            "AS gap FROM use_days",
            "stretches": "SELECT customer_id, count(gap) AS n, sum(gap) AS total, sum((gap - 1) * (gap - 1)) AS "
            "squares, stddev_samp(gap) / avg(gap) AS cv, min(d) AS begins, max(d) AS ends FROM use_gaps GROUP BY "
            "customer_id HAVING count(gap) >= _least",
        },
        {"log_of_use": "events"},
        used=data.wall_time("events", "timestamp"), least=DAYS - 1,
    )  # fmt: skip
    if not table.num_rows:
        raise NotEnoughData(f"nobody has used it on {DAYS} days")
    n, total, squares, cv = (
        np.array(table.column(name).to_numpy(), dtype=float) for name in ("n", "total", "squares", "cv")
    )
    regular = squares <= limit_of_chance(n, total)
    definition = (
        f"customers with {DAYS} days of use or more whose gaps between them vary less than {1 - LEVEL:.0%} of gaps of "
        f"as many days laid at random into the same time, of all such customers; by chance alone at most {LEVEL:.0%}"
    )
    parts: dict[str, Estimate | float] = {
        "by_chance": LEVEL, "median_cv": float(np.median(cv)), "median_gap": float(np.median(total / n)),
    }  # fmt: skip
    return rate_of(int(regular.sum()), len(regular), conf_level, definition), parts


def limit_of_chance(gaps: Floats, days: Floats) -> Floats:
    """What the sum of squares of (gap - 1) stays under with a chance of at most `LEVEL` if days of use lie at random.

    The gaps less one are then a Dirichlet-multinomial with parameters 1. Mean and variance are exact; the tail is that
    of a gamma distribution from the least possible sum on, which errs on the safe side (0.02 to 0.04 for 0.05).
    """
    from scipy.special import gammaincinv

    free = days - gaps
    # factorial moments of one part, and of two: the same falling and rising products
    part = [np.prod([(free - i) / (gaps + i) for i in range(k)], axis=0) for k in range(5)]
    mean = gaps * 2 * part[2] + free
    own, cross = 24 * part[4] + 24 * part[3] + 4 * part[2], 4 * part[4]
    variance = gaps * own + gaps * (gaps - 1) * cross - (gaps * 2 * part[2]) ** 2
    least = free**2 / gaps
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = (mean - least) ** 2 / variance
        limit = least + gammaincinv(shape, LEVEL) * variance / (mean - least)
    # whoever used it every day leaves nothing to chance
    return np.asarray(np.where(variance > 0, limit, -1.0))


def broken_rhythm(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Of the silences longer than the own rhythm, the share that a loss followed within the horizon."""
    if not data.has("subscriptions"):
        return _broken_in_shop(data, horizon, conf_level)
    steps = {
        "use_days": _USED,
        "use_gaps": "SELECT customer_id, d, row_number() OVER w AS j, date_diff('day', lag(d) OVER w, d) AS before, "
        "lead(d) OVER w AS back FROM use_days WINDOW w AS (PARTITION BY customer_id ORDER BY d)",
        "own": "SELECT customer_id, d, j, back, greatest(_floor, CAST(quantile_disc(before, _quantile) OVER "
        "(PARTITION BY customer_id ORDER BY d ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT)) AS "
        "allowed FROM use_gaps",
        "breaks": "SELECT customer_id, CAST(d + CAST(allowed AS INTEGER) AS DATE) AS b FROM own WHERE j >= _least "
        "AND date_diff('day', d, coalesce(back, CAST(_as_of AS DATE))) > allowed",
        "stretches": "SELECT x.customer_id, coalesce(t.gone <= x.b + _horizon, FALSE) AS went, "
        "x.b + _horizon <= CAST(_as_of AS DATE) AS judged, x.b AS begins, x.b + _horizon AS ends FROM breaks AS x "
        "JOIN dated AS t ON t.customer_id = x.customer_id WHERE t.gone IS NULL OR t.gone > x.b",
    }
    table = stretches(
        data, steps, {"log_of_use": "events"}, used=data.wall_time("events", "timestamp"), floor=FLOOR,
        quantile=QUANTILE, least=DAYS, horizon=horizon,
    )  # fmt: skip
    broken = table.to_pandas()
    judged = broken[broken["judged"]]
    if len(judged) < 10:
        raise NotEnoughData(f"{len(judged)} silences broke a rhythm long enough ago; needed: 10")
    each = judged.groupby("customer_id")["went"].agg(["size", "sum"])
    m, false = each["size"].to_numpy(), (each["size"] - each["sum"]).to_numpy()
    sums = {"judged": m.sum(), "false_alarms": false.sum(), "alarmed": len(m), "mm": (m * m).sum(),
            "my": (m * false).sum(), "yy": (false * false).sum()}  # fmt: skip
    limits = clustered_share({name: np.array([value]) for name, value in sums.items()}, conf_level)
    definition = (
        f"silences of more than {FLOOR} days and more than the {QUANTILE:.0%} quantile of the customer's own gaps so "
        f"far that leaving followed within {horizon} days, of all such ones that old; customers as clusters"
    )
    alarms = Estimate.of([float(x[0]) for x in limits], n=len(m), conf_level=conf_level,
                         definition=f"1 - {definition}", kind="share")  # fmt: skip
    time = exposure(data, {"broken": table})
    n = time.customers(time.holds("broken"))
    said = f"hazard in the {horizon} days after a rhythm broke, divided by that at other times at the same age"
    parts: dict[str, Estimate | float] = {"false_alarm_rate": alarms, "breaks": float(len(judged))}
    try:
        parts["hazard_ratio"] = time.cox(["broken"]).ratio("broken", conf_level=conf_level, n=n, definition=said)
    except NotEnoughData:  # where everybody leaves after it, or nobody, there is no ratio
        parts["hazard_ratio"] = UNKNOWN
    return replace(alarms.complement(), definition=definition), parts


def _broken_in_shop(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Without contracts a loss is a silence that did not end: what `kb.lapse` says."""
    from kbind.orders.lapse import lapse

    found = lapse(data, floor=f"{FLOOR}D", quantile=QUANTILE, maturity=f"{horizon}D", conf_level=conf_level)
    row = found.to_frame().iloc[0]
    if not row["judged"]:
        raise NotEnoughData("no silence is old enough to be judged")
    alarms = Estimate.in_row(row, "false_alarm_rate", found.definition, conf_level, n=int(row["n_customers"]))
    definition = f"silences beyond the own rhythm that did not end within {horizon} days, of all that old"
    lost = replace(alarms.complement(), definition=definition, kind="share")
    return lost, {"false_alarm_rate": replace(alarms, kind="share"), "breaks": float(row["judged"])}


def breadth(data: Dataset, horizon: int, conf_level: float) -> Found:
    """Hazard ratio of one more kind of goods or use in the year before a day a year ago, at the same age."""
    assert data.as_of is not None
    kind = next((name for name in ("category", "kind") if data.has(f"events.{name}") and _levels(data, name) > 1), None)
    seats = data.has("subscriptions.seats")
    if kind is None and not seats:
        raise NotEnoughData("all events are of one kind, and contracts tell no seats")
    steps = {
        "there": "SELECT customer_id, gone FROM dated WHERE first <= _landmark AND (gone IS NULL OR gone > _landmark)"
    }
    columns, joins = [], ""
    if kind is not None:
        steps["kinds"] = (
            "SELECT customer_id, count(DISTINCT _what) AS kinds FROM log_of_use WHERE _used < _landmark_moment "
            "AND _used >= _landmark_moment - to_days(CAST(_year AS INTEGER)) GROUP BY customer_id"
        )
        columns.append("coalesce(k.kinds, 0) AS breadth")
        joins += " LEFT JOIN kinds AS k ON k.customer_id = t.customer_id"
    if seats:
        steps["places"] = (
            "SELECT customer_id, sum(_seats) AS seats FROM contracts WHERE _begun <= _landmark_moment AND "
            "(_over IS NULL OR _over > _landmark_moment) GROUP BY customer_id"
        )
        columns.append("CASE WHEN s.seats > 0 THEN log2(s.seats) END AS seats")
        joins += " LEFT JOIN places AS s ON s.customer_id = t.customer_id"
    steps["stretches"] = (
        f"SELECT t.customer_id, {', '.join(columns)}, _landmark AS begins, CAST(NULL AS DATE) AS ends FROM there AS "
        f"t{joins}"
    )
    landmark = pd.Timestamp(data.as_of).normalize() - pd.Timedelta(days=YEAR)
    parts_of: dict[str, object] = {
        "landmark": landmark.date(),
        "landmark_moment": landmark.to_pydatetime(),
        "year": YEAR,
    }
    relations = {}
    if kind is not None:
        relations["log_of_use"] = "events"
        parts_of |= {"used": data.wall_time("events", "timestamp"), "what": group_value(data, "events", kind)}
    if seats:
        relations["contracts"] = "subscriptions"
        parts_of |= {"begun": data.wall_time("subscriptions", "start"), "over": data.wall_time("subscriptions", "end"),
                     "seats": parse("CAST(_x AS DOUBLE)", x=column("seats"))}  # fmt: skip
    table = stretches(data, steps, relations, **parts_of)
    names = [*(["breadth"] if kind else []), *(["seats"] if seats else [])]
    time = known_from(data, table, names)
    if not len(time.left):
        raise NotEnoughData(f"nobody was there on {landmark:%Y-%m-%d}")
    ratios = time.cox(names)
    since = f"as known on {landmark:%Y-%m-%d}, for leaving after that day, at the same age"
    said = {
        "breadth": f"hazard ratio of one more {kind} in the {YEAR} days before, {since}",
        "seats": f"hazard ratio of twice the seats, {since}",
    }
    n = time.customers(np.ones(len(time.left), dtype=bool))
    found = {name: ratios.ratio(name, conf_level=conf_level, n=n, definition=said[name]) for name in names}
    main = found.pop(names[0])
    return main, {**found, "mean": float(time.values[:, 0].mean()), "left": float(time.left.sum())}


def _levels(data: Dataset, name: str) -> int:
    return int(data.engine.row("SELECT count(DISTINCT _x) AS n FROM t", parts={"x": column(name)}, t="events")["n"])
