"""When an occasion arose at a customer: one small rule each, over what was known at a date.

A rule is a SELECT of (customer_id, since, back): since when the occasion held, and when it was over (missing: not yet).
Its places `_table_column` are times on the clock on the wall, `_at` is the date.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from kbind.dataset.dataset import Dataset
from kbind.dataset.reading.base import kind_of
from kbind.engine.query import Query
from kbind.spells.lapses import Rule as LapseRule
from kbind.spells.lapses import list_alarms

#: Days before the end of a term from which on it ends soon; only terms at least twice as long do so at all.
SOON = 90
#: Questions about satisfaction, and answers before a fall that a customer's own level is known from.
SATISFACTION, LEVEL_FROM = ("nps", "csat", "ces"), 2
#: A ticket took long if longer than this share of all, and than two days.
SLOW, LEAST_DAYS = 0.9, 2
#: Days without one kind of use, after so many times of it, while the customer did other things.
DRIFT_DAYS, DRIFT_FROM = 90, 6
#: Days of activity that are a milestone, and days before a full year from which on an anniversary is near.
MILESTONES, NEAR = (25, 50, 100, 250, 500, 1000), 14

_NEVER = "CAST(NULL AS TIMESTAMP) AS back"


@dataclass(frozen=True)
class Occasion:
    """A kind of occasion.

    Attributes
    ----------
    key : str
    needs : tuple of str
        Tables and columns without which nobody can tell; of those with | between them one is enough.
    holds : int
        Days from `since` on for which it is an occasion.
    measure : tuple of str
        Keys of the measures that it starts, in B2B and in B2C.
    channel : {"meeting", "call", "email", "card"}
        By which the customer is approached.
    lag : int
        Days after `since` from which on its effect on leaving is looked at.
    measurable : bool
        Whether that effect can be told from the customer's age; an anniversary is nothing but age.
    arose : callable
        Data set that ends at the date -> table with customer_id, since, back.
    """

    key: str
    needs: tuple[str, ...]
    holds: int
    measure: tuple[str, str]
    channel: str
    arose: Callable[[Dataset], pa.Table]
    lag: int = 0
    measurable: bool = True


def _query(data: Dataset, **times: tuple[str, str]) -> Query:
    query = Query(data.engine).part(at=data.as_of)
    return query.part(**{name: data.wall_time(table, column) for name, (table, column) in times.items()})


def _term_ends(data: Dataset) -> pa.Table:
    """Terms of contracts begun by then, carried on by their length where a column `term` (months) says it."""
    start, term_end = ("subscriptions", "start"), ("subscriptions", "term_end")
    query = _query(data, start=start, term=term_end, end=("subscriptions", "end"))
    columns = data.tables["subscriptions"].columns
    known = "term" in columns and kind_of(columns["term"]) == "number"
    days = "term * 30.4375" if known else "date_diff('day', _start, _term)"
    steps = "unnest(range(-12, 13))" if known else "0"
    length = "CAST(term AS INTEGER)" if known else "0"
    query.step(
        "ends",
        f"SELECT customer_id, _start AS s, _end AS until, _term AS anchor, {steps} AS k, {length} AS months "
        f"FROM subscriptions WHERE _start < _at AND NOT _term IS NULL AND {days} >= {2 * SOON}",
    )
    query.step("moved", "SELECT customer_id, s, until, anchor + to_months(CAST(k * months AS INTEGER)) AS e FROM ends")
    return query.select(
        f"SELECT DISTINCT customer_id, e - INTERVAL {SOON} DAY AS since, {_NEVER} FROM moved "
        f"WHERE e > s AND e <= coalesce(until, e) AND e - INTERVAL {SOON} DAY < _at"
    )


def _contact_left(data: Dataset) -> pa.Table:
    query = _query(data, end=("contacts", "end"))
    return query.select(f"SELECT customer_id, _end AS since, {_NEVER} FROM contacts WHERE _end < _at")


def _ticket_bad(data: Dataset) -> pa.Table:
    query = _query(data, opened=("tickets", "opened"), closed=("tickets", "closed"))
    hours = "date_diff('hour', _opened, _closed)"
    query.step(
        "usual",
        f"SELECT greatest(quantile_cont({hours}, {SLOW}), {24 * LEAST_DAYS}) AS most FROM tickets WHERE _closed < _at",
    )
    made_up = "coalesce(goodwill, 0) <= 0" if data.has("tickets.goodwill") else "TRUE"
    return query.select(
        f"SELECT customer_id, _opened + to_hours(CAST(most AS BIGINT)) AS since, {_NEVER} FROM tickets "
        f"CROSS JOIN usual WHERE {made_up} AND date_diff('hour', _opened, least(coalesce(_closed, _at), _at)) > most"
    )


def _satisfaction_falls(data: Dataset) -> pa.Table:
    query = _query(data, time=("feedback", "timestamp"))
    query.part(asked=list(SATISFACTION))
    query.step(
        "given",
        "SELECT customer_id, instrument, CAST(score AS DOUBLE) AS x, _time AS t FROM feedback "
        "WHERE _time < _at AND NOT score IS NULL AND list_contains(_asked, lower(instrument))",
    )
    before = "OVER (PARTITION BY customer_id, instrument ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    query.step(
        "levels",
        f"SELECT customer_id, x, t, avg(x) {before} AS level, count(*) {before} AS n, "
        "stddev_samp(x) OVER (PARTITION BY instrument) AS spread FROM given",
    )
    return query.select(
        f"SELECT customer_id, t AS since, {_NEVER} FROM levels WHERE n >= {LEVEL_FROM} AND spread > 0 "
        "AND x <= level - spread"
    )


def _rhythm_broken(data: Dataset) -> pa.Table:
    end = datetime.combine(data.end_at(None), datetime.min.time())
    return list_alarms(data, LapseRule(28, 0.9, 8, 90), end)


def _profile_drifted(data: Dataset) -> pa.Table:
    """A kind or category that a customer came back to again and again, and then no more, while other use went on."""
    name = "category" if data.has("events.category") else "kind"
    query = _query(data, time=("events", "timestamp"))
    query.step(
        "days", f"SELECT DISTINCT customer_id, {name} AS c, CAST(_time AS DATE) AS d FROM events WHERE _time < _at"
    )
    own = "OVER (PARTITION BY customer_id, c ORDER BY d)"
    query.step(
        "gaps",
        f"SELECT customer_id, c, d, row_number() {own} AS n, lead(d) {own} AS next, "
        f"date_diff('day', min(d) {own}, d) AS lasted FROM days WHERE NOT c IS NULL",
    )
    # used more often than once in a third of that time, or the silence says nothing
    query.step(
        "dropped",
        f"SELECT customer_id, d, d + {DRIFT_DAYS} AS since, next FROM gaps WHERE n >= {DRIFT_FROM} "
        f"AND lasted < (n - 1) * {DRIFT_DAYS // 3} AND coalesce(next, CAST(_at AS DATE)) > d + {DRIFT_DAYS}",
    )
    return query.select(
        "SELECT DISTINCT g.customer_id, CAST(since AS TIMESTAMP) AS since, CAST(next AS TIMESTAMP) AS back "
        "FROM dropped AS g WHERE EXISTS (SELECT 1 FROM days AS o WHERE o.customer_id = g.customer_id "
        "AND o.d > since - 30 AND o.d <= since)"
    )


def _anniversary(data: Dataset) -> pa.Table:
    table, column = next(
        place
        for place in (("customers", "acquired_at"), ("subscriptions", "start"), ("events", "timestamp"))
        if data.has(".".join(place))
    )
    query = _query(data, time=(table, column))
    query.step("first", f"SELECT customer_id, min(_time) AS t FROM {table} WHERE _time < _at GROUP BY customer_id")
    query.step("years", "SELECT customer_id, t + to_years(CAST(unnest(range(1, 60)) AS INTEGER)) AS day FROM first")
    return query.select(
        f"SELECT customer_id, day - INTERVAL {NEAR} DAY AS since, {_NEVER} FROM years "
        f"WHERE day - INTERVAL {NEAR} DAY < _at"
    )


def _milestone(data: Dataset) -> pa.Table:
    query = _query(data, time=("events", "timestamp"))
    query.step("days", "SELECT DISTINCT customer_id, CAST(_time AS DATE) AS d FROM events WHERE _time < _at")
    query.step(
        "counted", "SELECT customer_id, d, row_number() OVER (PARTITION BY customer_id ORDER BY d) AS n FROM days"
    )
    query.part(steps=list(MILESTONES))
    return query.select(
        f"SELECT customer_id, CAST(d AS TIMESTAMP) AS since, {_NEVER} FROM counted WHERE list_contains(_steps, n)"
    )


#: The most urgent first.
OCCASIONS = (
    Occasion(
        "term_ends", ("subscriptions.term_end",), SOON + 7, ("next_phase", "triggered_messages"), "meeting", _term_ends
    ),
    Occasion("contact_left", ("contacts.end",), 92, ("shared_accounts", "one_conversation"), "call", _contact_left, 31),
    Occasion("ticket_bad", ("tickets.closed",), 60, ("service_recovery", "service_recovery"), "call", _ticket_bad),
    Occasion(
        "satisfaction_falls",
        ("feedback.score",),
        90,
        ("stakeholder_feedback", "open_results"),
        "call",
        _satisfaction_falls,
    ),
    Occasion("rhythm_broken", ("events",), 60, ("proactive_help", "triggered_messages"), "email", _rhythm_broken),
    Occasion(
        "profile_drifted", ("events.kind|events.category",), 60, ("anticipate", "anticipate"), "email", _profile_drifted
    ),
    Occasion("anniversary", (), 2 * NEAR, ("personal_cards", "personal_cards"), "card", _anniversary, measurable=False),
    Occasion("milestone", ("events",), 14, ("milestones", "milestones"), "email", _milestone),
)
