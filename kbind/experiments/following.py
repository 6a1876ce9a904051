"""What was known of the customers of a campaign, and what came of them: steps of a statement."""

from __future__ import annotations

from collections.abc import Mapping

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import column, parse
from kbind.engine.query import Query
from kbind.spells.contracts import over, parted
from kbind.survival.lifetimes import months_between

#: Days of a month, on average.
MONTH = 365.25 / 12
#: What is counted of events.
_BEFORE = ("use", "spend", "recent", "spend_after", "use_late", "spend_late", "use_after")


def known_before(query: Query, data: Dataset) -> None:
    """Step `before`: what was known of each customer at its assignment from events."""
    parts: Mapping[str, object] = {"tenure_of": months_between("d.since", "c.day")}
    counted = ", ".join(f"CAST(NULL AS DOUBLE) AS {name}" for name in _BEFORE)
    join = ""
    if "events" in data.tables:
        amount = data.has("events.amount")
        near = "used >= c.moment - to_days(CAST({} AS INTEGER)) AND used < c.moment"
        earlier, lately, late = (near.format(days) for days in ("_horizon", "_recently", "_horizon / 2"))
        later = "used > c.moment AND used <= c.moment + to_days(CAST(_horizon AS INTEGER))"
        query.table(log_of_use="events").step(
            "uses", "SELECT customer_id, _used AS used, _amount AS amount FROM log_of_use WHERE _used < _as_of",
            used=data.wall_time("events", "timestamp"),
            amount=parse("CAST(_x AS DOUBLE)", x=column("amount")) if amount else parse("CAST(NULL AS DOUBLE)"),
        )  # fmt: skip
        money = "coalesce(sum(amount) FILTER (WHERE {}), 0)" if amount else "CAST(NULL AS DOUBLE)"
        counted = (
            f"CAST(count(used) FILTER (WHERE {earlier}) AS DOUBLE) AS use, {money.format(earlier)} AS spend, "
            f"CAST(count(used) FILTER (WHERE {lately}) AS DOUBLE) AS recent, {money.format(later)} AS spend_after, "
            f"CAST(count(used) FILTER (WHERE {late}) AS DOUBLE) AS use_late, {money.format(late)} AS spend_late, "
            "CASE WHEN c.day + _horizon < CAST(_as_of AS DATE) THEN "
            f"CAST(count(used) FILTER (WHERE {later}) AS DOUBLE) END AS use_after"
        )
        join = " LEFT JOIN uses AS u ON u.customer_id = c.customer_id"
    query.step("counted", f"SELECT c.customer_id, {counted} FROM chosen AS c{join} GROUP BY c.customer_id, c.day")
    query.step(
        "before",
        f"SELECT c.*, {', '.join(f'n.{name}' for name in _BEFORE)}, CASE WHEN d.since <= c.day THEN "
        "CAST(_tenure_of AS DOUBLE) END AS tenure FROM chosen AS c JOIN counted AS n ON n.customer_id = c.customer_id "
        "LEFT JOIN dated AS d ON d.customer_id = c.customer_id",
        **parts,
    )


def under_contract(query: Query, data: Dataset, grace: int) -> None:
    """Step `outcomes` of contracts: the spell that ran on the day, and how it ended."""
    query.step(
        "covered",
        "SELECT b.customer_id, max(CASE WHEN o.s <= b.day THEN o.e END) AS cover, max(o.e) AS until, "
        f"coalesce(min(CASE WHEN o.s > b.day AND {parted(grace)} THEN o.reach END), "
        f"CASE WHEN {over('max(o.e)', '_as_of', grace)} THEN max(o.e) END) AS gone "
        "FROM before AS b JOIN ordered AS o ON o.customer_id = b.customer_id GROUP BY b.customer_id",
    )
    paying = "CAST(NULL AS DOUBLE) AS revenue, CAST(NULL AS DOUBLE) AS revenue_at_end"
    join = ""
    if data.has("subscriptions.mrr"):
        runs = "begins <= b.day + to_days(CAST({0} AS INTEGER)) AND (ends IS NULL OR ends > b.day + "
        runs += "to_days(CAST({0} AS INTEGER)))"
        paying = (
            f"coalesce(sum(mrr) FILTER (WHERE {runs.format(0)}), 0) AS revenue, "
            f"coalesce(sum(mrr) FILTER (WHERE {runs.format('_horizon')}), 0) AS revenue_at_end"
        )
        query.step(
            "contracts",
            "SELECT customer_id, _begins AS begins, _ends AS ends, _mrr AS mrr FROM log WHERE _begins < _as_of",
            begins=parse("CAST(_x AS DATE)", x=data.wall_time("subscriptions", "start")),
            ends=parse("CAST(_x AS DATE)", x=data.wall_time("subscriptions", "end")),
            mrr=parse("CAST(_x AS DOUBLE)", x=column("mrr")),
        )
        join = " LEFT JOIN contracts AS k ON k.customer_id = b.customer_id"
    query.step("paying", f"SELECT b.customer_id, {paying} FROM before AS b{join} GROUP BY b.customer_id")
    query.step(
        "outcomes",
        "SELECT b.*, coalesce(c.cover > b.day, FALSE) AS inside, "
        f"b.day + _horizon + {grace} < CAST(_as_of AS DATE) AS lived, coalesce(c.gone <= b.day + _horizon, FALSE) "
        "AS left, NOT c.gone IS NULL AS event_observed, CAST(coalesce(c.gone, c.until) - b.day AS DOUBLE) AS duration, "
        f"p.revenue, CASE WHEN b.day + _horizon + {grace} < CAST(_as_of AS DATE) THEN p.revenue_at_end END AS "
        "revenue_after FROM before AS b LEFT JOIN covered AS c ON c.customer_id = b.customer_id "
        "LEFT JOIN paying AS p ON p.customer_id = b.customer_id",
    )


def buying(query: Query, data: Dataset, silence: int) -> None:
    """Step `outcomes` without contracts: whether and how long a customer bought on, counted from the assignment."""
    query.step(
        "afterwards",
        "SELECT b.customer_id, b.day AS d FROM before AS b UNION ALL SELECT b.customer_id, x.d FROM before AS b "
        "JOIN days AS x ON x.customer_id = b.customer_id AND x.d > b.day",
    )
    query.step(
        "silences",
        "SELECT customer_id, d, lead(d) OVER (PARTITION BY customer_id ORDER BY d) AS back, "
        "row_number() OVER (PARTITION BY customer_id ORDER BY d) AS k FROM afterwards",
    )
    query.step(
        "stayed",
        "SELECT customer_id, max(CASE WHEN k = 1 THEN back END) AS again, "
        f"min(CASE WHEN d + {silence} < coalesce(back, CAST(_as_of AS DATE)) THEN d END) AS gone "
        "FROM silences GROUP BY customer_id",
    )
    monthly = f"CAST(_horizon AS DOUBLE) / {MONTH}"
    query.step(
        "outcomes",
        "SELECT b.*, TRUE AS inside, b.day + _horizon < CAST(_as_of AS DATE) AS lived, "
        "NOT coalesce(s.again <= b.day + _horizon, FALSE) AS left, NOT s.gone IS NULL AS event_observed, "
        f"CAST(coalesce(s.gone, greatest(b.day, CAST(_as_of AS DATE) - {silence})) - b.day AS DOUBLE) AS duration, "
        f"b.spend / ({monthly}) AS revenue, CASE WHEN b.day + _horizon < CAST(_as_of AS DATE) THEN "
        f"b.spend_after / ({monthly}) END AS revenue_after FROM before AS b "
        "JOIN stayed AS s ON s.customer_id = b.customer_id",
    )
