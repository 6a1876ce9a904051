"""Shares of the customers there are now: heard, recommending, ready to be a reference, thanked."""

from __future__ import annotations

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import Expression, column, literal, parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.practices.clustered import share_of
from kbind.practices.staying import staying

#: Days that count as lately, and lowest score of who would recommend us.
YEAR, QUARTER, PROMOTER = 365, 91, 9
#: Without subscriptions, who began is told by events.
_BEGIN = {"subscriptions.start": "events.timestamp"}


def tells(data: Dataset, need: str) -> bool:
    """Whether there is a table, a column, or with `=value` a row that has it."""
    name, _, value = need.partition("=")
    name = _BEGIN[name] if name in _BEGIN and not data.has(name) else name
    if not data.has(name) or not value:
        return data.has(name)
    table, _, where = name.partition(".")
    same = parse("lower(CAST(_x AS VARCHAR)) = _value", x=column(where), value=literal(value))
    return bool(data.engine.size(table, same))


def references(data: Dataset, conf_level: float) -> tuple[Estimate, int]:
    """Customers whose last NPS answer was 9 or 10 and who agreed to be contacted, among those who answered."""
    query = _answers(data).part(consent=column("consent"), promoter=PROMOTER)
    query.step(
        "latest",
        "SELECT customer_id, max(struct_pack(t := at, s := score)).s AS score FROM said__rows "
        "WHERE lower(instrument) = 'nps' GROUP BY customer_id",
    )
    y, n = _two(
        query,
        "coalesce(_consent, FALSE) AND score >= _promoter",
        "stays JOIN latest USING (customer_id) LEFT JOIN customers USING (customer_id)",
    )
    who = data.card.customer
    text = f"{who}s whose last NPS answer was {PROMOTER} or 10 and who agreed to be contacted, of those who answered"
    return rate_of(y, n, conf_level, text), y


def heard(data: Dataset, conf_level: float) -> tuple[Estimate, int]:
    """Customers who answered with a score within a year, of those there now; concerned are the others."""
    query = _answers(data).step("latest", "SELECT customer_id, max(at) AS at FROM said__rows GROUP BY customer_id")
    y, n = _two(
        query, f"coalesce(at >= _data_end - to_days({YEAR}), FALSE)", "stays LEFT JOIN latest USING (customer_id)"
    )
    return rate_of(
        y, n, conf_level, f"{data.card.customer}s with an answer within {YEAR} days, of those there now"
    ), n - y


def events_lately(data: Dataset, conf_level: float, kind: str) -> tuple[Estimate, int]:
    """Customers with an event of a kind within a quarter, of those there now; concerned are the others."""
    query = staying(data).query.copy().table(seen__log="events").part(seen_kind=kind)
    query.step(
        "latest",
        "SELECT customer_id, max(_seen) AS at FROM seen__log WHERE lower(kind) = _seen_kind AND _seen < _data_end "
        "GROUP BY customer_id",
        seen=data.wall_time("events", "timestamp"),
    )
    y, n = _two(
        query, f"coalesce(at >= _data_end - to_days({QUARTER}), FALSE)", "stays LEFT JOIN latest USING (customer_id)"
    )
    text = f"{data.card.customer}s with an event {kind!r} within {QUARTER} days, of those there now"
    return rate_of(y, n, conf_level, text), n - y


def goodwill(data: Dataset, conf_level: float) -> tuple[Estimate, int]:
    """Customers who were given goodwill, of those there now with a ticket within a year; concerned are the others."""
    query = staying(data).query.copy().table(ticket__log="tickets")
    query.step(
        "lately",
        "SELECT customer_id, max(coalesce(goodwill, 0)) > 0 AS given FROM ticket__log "
        f"WHERE _asked_at >= _data_end - to_days({YEAR}) AND _asked_at < _data_end GROUP BY customer_id",
        asked_at=data.wall_time("tickets", "opened"),
    )
    y, n = _two(query, "given", "stays JOIN lately USING (customer_id)")
    text = f"{data.card.customer}s who were given goodwill, of those there now with a ticket within {YEAR} days"
    return rate_of(y, n, conf_level, text), n - y


def referrers(data: Dataset, conf_level: float) -> tuple[Estimate, int]:
    """Customers who have recommended us to another customer, of those there now; concerned are those who have."""
    query = staying(data).query.copy().part(referrer=column("referred_by"))
    query.step("sent", "SELECT DISTINCT _referrer AS customer_id, 1 AS sent FROM customers WHERE NOT _referrer IS NULL")
    y, n = _two(query, "NOT sent IS NULL", "stays LEFT JOIN sent USING (customer_id)")
    text = f"{data.card.customer}s by whose recommendation another came, of those there now"
    return rate_of(y, n, conf_level, text), y


def promises(data: Dataset, conf_level: float) -> tuple[Estimate, int]:
    """Tickets closed by the promised time, of those whose time has come; concerned: those let down, there now."""
    query = staying(data).query.copy().table(ticket__log="tickets").part(
        done=data.wall_time("tickets", "closed"), promised=_moment(data, "tickets", "promised"),
    )  # fmt: skip
    query.step(
        "promises",
        "SELECT customer_id, count(*) AS m, count(*) FILTER (WHERE _done <= _promised) AS y FROM ticket__log "
        "WHERE _promised < _data_end GROUP BY customer_id",
    )
    rows = query.select(
        "SELECT p.customer_id, m, y, coalesce(s.decided IS NULL AND NOT s.customer_id IS NULL, FALSE) AS here "
        "FROM promises AS p LEFT JOIN stays AS s ON s.customer_id = p.customer_id ORDER BY p.customer_id"
    )
    m, y, here = (rows.column(name).to_numpy(zero_copy_only=False) for name in ("m", "y", "here"))
    if not len(m):
        raise NotEnoughData(f"no ticket of {data.name!r} has a promised time that is over")
    return share_of(m, y, conf_level, "tickets closed by the promised time, of those whose time is over"), int(
        ((y < m) & here).sum()
    )


def _answers(data: Dataset) -> Query:
    """Steps up to `said__rows`: answers with a score."""
    return staying(data).query.copy().table(said__log="feedback").step(
        "said__rows",
        "SELECT customer_id, instrument, _said_at AS at, CAST(score AS DOUBLE) AS score FROM said__log "
        "WHERE NOT score IS NULL AND _said_at < _data_end",
        said_at=data.wall_time("feedback", "timestamp"),
    )  # fmt: skip


def _moment(data: Dataset, table: str, name: str) -> Expression:
    """A column that the contract does not know, as times where its text can be read as such."""
    if data.tables[table].columns[name].startswith(("TIMESTAMP", "DATE")):
        return data.wall_time(table, name)
    return parse("TRY_CAST(CAST(_x AS VARCHAR) AS TIMESTAMP)", x=column(name))


def _two(query: Query, condition: str, rows: str) -> tuple[int, int]:
    """Customers there now for whom it holds, and all of them."""
    found = query.select(
        f"SELECT count(*) FILTER (WHERE {condition}) AS y, count(*) AS n FROM {rows} WHERE decided IS NULL"
    ).to_pylist()[0]
    return int(found["y"]), int(found["n"])
