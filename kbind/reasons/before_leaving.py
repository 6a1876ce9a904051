"""SQL for what customers went through before they said goodbye: use, tickets, price, satisfaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from kbind.dataset.dataset import Dataset
from kbind.dataset.recording import recording_began
from kbind.engine.engine import Expression, parse
from kbind.engine.query import Query

#: Days before the goodbye that are looked at, and days before these that they are compared with.
WINDOW = 90
#: Days over which a change of price is looked for, and over which answers count.
YEAR, ASKED = 365, 180
#: Questions that are about satisfaction.
_INSTRUMENTS = ("nps", "csat", "ces")


@dataclass(frozen=True)
class Measure:
    """One thing that is measured of every leaver.

    Attributes
    ----------
    name : str
    meaning : str
    share : bool
        Whether it is yes or no.
    """

    name: str
    meaning: str
    share: bool = False


@dataclass
class Behaviour:
    """A statement that goes on from its step `said` (customer_id, t, reason), and what it measures.

    Attributes
    ----------
    query : Query
    columns : dict of str to str
        Measure -> expression over the joined steps.
    measures : list of Measure
    joins : str
        What joins a row a customer from each step to `said`.
    """

    query: Query
    columns: dict[str, str] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)
    joins: str = ""

    def join(self, name: str, sql: str, **parts: object) -> None:
        """One more step with a row a customer."""
        self.query.step(name, sql, **parts)
        self.joins += f" LEFT JOIN {name} ON {name}.customer_id = said.customer_id"

    def add(self, name: str, column: str, meaning: str, *, share: bool = False) -> None:
        """One more measure."""
        self.columns[name] = f"CAST({column} AS DOUBLE)"
        self.measures.append(Measure(name, meaning, share))


def add_behaviour(query: Query, data: Dataset) -> Behaviour:
    """What can be measured with the tables that are there."""
    steps = Behaviour(query.part(window=_days(WINDOW), both=_days(2 * WINDOW)))
    _first_seen(data, steps)
    if "events" in data.tables:
        _use(data, steps)
    if "tickets" in data.tables:
        _tickets(data, steps)
    if "subscriptions" in data.tables and "mrr" in data.tables["subscriptions"].columns:
        _price(data, steps)
    if "feedback" in data.tables and "score" in data.tables["feedback"].columns:
        _satisfaction(data, steps)
    return steps


def _first_seen(data: Dataset, steps: Behaviour) -> None:
    """Since when a customer is known, so that nothing is expected of the time before."""
    times = {
        table: name for table, name in (("subscriptions", "start"), ("events", "timestamp")) if table in data.tables
    }
    steps.query.part(**{f"{table}_at": data.wall_time(table, name) for table, name in times.items()})
    union = " UNION ALL ".join(f"SELECT customer_id, _{table}_at AS since FROM {table}" for table in times)
    never = "SELECT customer_id, CAST(NULL AS TIMESTAMP) AS since FROM said"
    steps.join("seen", f"SELECT customer_id, min(since) AS since FROM ({union or never}) AS logs GROUP BY customer_id")


def _use(data: Dataset, steps: Behaviour) -> None:
    steps.join(
        "use",
        "SELECT e.customer_id, count(CASE WHEN e.at >= s.t - _window THEN 1 END) AS late, "
        "count(CASE WHEN e.at < s.t - _window THEN 1 END) AS early FROM said AS s "
        "JOIN (SELECT customer_id, _events_at AS at FROM events) AS e ON e.customer_id = s.customer_id "
        "AND e.at < s.t AND e.at >= s.t - _both GROUP BY e.customer_id",
        events_from=recording_began(data, "events"),
    )
    known = "since <= t - _both AND t - _both >= _events_from AND use.early + use.late > 0"
    steps.add(
        "usage_trend",
        f"CASE WHEN {known} THEN (use.late - use.early) / CAST(use.late + use.early AS DOUBLE) END",
        f"(events in the last {WINDOW} days - events in the {WINDOW} before) / their sum: 0 is no change, -1/3 is "
        "half, -1 is none at all",
    )
    steps.add(
        "usage_halved",
        f"CASE WHEN {known} THEN CASE WHEN 2 * use.late <= use.early THEN 1 ELSE 0 END END",
        f"at most half as many events in the last {WINDOW} days as in the {WINDOW} before",
        share=True,
    )


def _tickets(data: Dataset, steps: Behaviour) -> None:
    closes = "closed" in data.tables["tickets"].columns
    closed = ", _closed AS closed" if closes else ""
    slowest = (
        ", max(CASE WHEN k.closed < s.t THEN epoch_us(k.closed) ELSE epoch_us(s.t) END - epoch_us(k.opened)) AS slowest"
    )
    steps.join(
        "asked",
        f"SELECT k.customer_id, count(*) AS tickets{slowest if closes else ''} FROM said AS s "
        f"JOIN (SELECT customer_id, _opened AS opened{closed} FROM tickets) AS k ON k.customer_id = s.customer_id "
        "AND k.opened < s.t AND k.opened >= s.t - _window GROUP BY k.customer_id",
        opened=data.wall_time("tickets", "opened"),
        tickets_from=recording_began(data, "tickets"),
    )
    known = "(since IS NULL OR since <= t - _window) AND t - _window >= _tickets_from"
    steps.add("tickets", f"CASE WHEN {known} THEN coalesce(asked.tickets, 0) END", f"tickets in the last {WINDOW} days")
    steps.add(
        "had_ticket",
        f"CASE WHEN {known} THEN CASE WHEN asked.tickets > 0 THEN 1 ELSE 0 END END",
        f"a ticket in the last {WINDOW} days",
        share=True,
    )
    if closes:
        steps.query.part(closed=data.wall_time("tickets", "closed"))
        steps.add(
            "slowest_ticket",
            f"CASE WHEN {known} THEN asked.slowest / 86400000000.0 END",
            f"days for which the longest of these tickets was open, of {data.card.customer}s with one",
        )


def _price(data: Dataset, steps: Behaviour) -> None:
    columns = data.tables["subscriptions"].columns
    seats = "sum(c.seats)" if "seats" in columns else "1"
    taken = ", seats" if "seats" in columns else ""
    steps.query.step(
        "contracts",
        f"SELECT customer_id, _subscriptions_at AS s, _contract_end AS e, mrr{taken} FROM subscriptions",
        contract_end=data.wall_time("subscriptions", "end"),
        year=_days(YEAR),
    )
    for name, moment in (("paid", "said.t"), ("paid_before", "said.t - _year")):
        steps.join(
            name,
            f"SELECT c.customer_id, sum(c.mrr) / nullif({seats}, 0) AS price FROM said JOIN contracts AS c "
            f"ON c.customer_id = said.customer_id AND c.s < {moment} AND (c.e IS NULL OR c.e >= {moment}) "
            "GROUP BY c.customer_id",
        )
    per = " per seat" if seats != "1" else ""
    steps.add("price_change", "paid.price / nullif(paid_before.price, 0) - 1",
              f"monthly price{per} compared with a year before, as a share of it")  # fmt: skip
    steps.add(
        "price_rose",
        "CASE WHEN paid.price IS NULL OR paid_before.price IS NULL THEN NULL "
        "WHEN paid.price > paid_before.price * 1.001 THEN 1 ELSE 0 END",
        f"a higher monthly price{per} than a year before",
        share=True,
    )


def _satisfaction(data: Dataset, steps: Behaviour) -> None:
    """The mean answer; instruments have scales of their own and stay apart."""
    steps.query.part(asked_for=_days(ASKED), answered=data.wall_time("feedback", "timestamp"))
    known = Query(data.engine).select("SELECT DISTINCT lower(instrument) AS i FROM feedback").column("i").to_pylist()
    for instrument in [name for name in _INSTRUMENTS if name in known]:
        steps.join(
            f"told_{instrument}",
            "SELECT f.customer_id, avg(f.score) AS score FROM said AS s JOIN (SELECT customer_id, score, "
            f"_answered AS at FROM feedback WHERE lower(instrument) = _is_{instrument}) AS f "
            "ON f.customer_id = s.customer_id AND f.at < s.t AND f.at >= s.t - _asked_for GROUP BY f.customer_id",
            **{f"is_{instrument}": instrument},
        )
        steps.add(f"satisfaction_{instrument}", f"told_{instrument}.score",
                  f"mean answer to {instrument} in the last {ASKED} days, of those who answered")  # fmt: skip


def _days(count: int) -> Expression:
    return parse(f"INTERVAL '{count} days'")
