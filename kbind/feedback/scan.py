"""SQL for feedback: sums of every customer's answers, their products over customers, and the customers there were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from kbind.calendar import Calendar
from kbind.dataset.dataset import Dataset, to_instant
from kbind.dataset.groups import group_value, names_of, place_columns
from kbind.engine.engine import Expression, bucket, column, literal, parse
from kbind.engine.query import Query
from kbind.errors import NotEnoughData
from kbind.feedback.instrument import Instrument

#: Name that splits answers by our contact at the time.
CONTACT = "contact"


@dataclass(frozen=True)
class Split:
    """Columns that split the answers, and what kind each is of.

    Parameters
    ----------
    by : tuple of str
        All of them.
    tables : mapping of str to str
        Column -> "customers", "feedback" or "contacts".
    """

    by: tuple[str, ...]
    tables: Mapping[str, str]

    def of(self, table: str) -> list[int]:
        """Positions of the columns that stand in a table."""
        return [k for k, name in enumerate(self.by) if self.tables[name] == table]


@dataclass(frozen=True)
class Window:
    """All time from the first answer to the end of the data, as one period."""

    first: datetime
    as_of: datetime
    timezone: str | None
    size: int = 1
    lived: int = 1

    def boundaries(self, *, instants: bool) -> list[datetime]:
        """Begin and end: as world time, or as wall-clock times."""
        ends = [self.first, self.as_of]
        return [to_instant(end, self.timezone) for end in ends] if instants else ends


def read_split(data: Dataset, by: str | Sequence[str] | None) -> Split:
    """Where the columns stand.

    Raises
    ------
    ArgumentError
        No such column, or no contacts of ours.
    """
    names = names_of(by)
    columns = [c for table in ("customers", "feedback") if table in data.tables for c in data.tables[table].columns]
    if CONTACT in names and CONTACT not in columns:
        data.require("contacts")
    if CONTACT in names and "contacts" in data.tables:
        missing = [name for name in ("side", "contact_id") if name not in data.tables["contacts"].columns]
        if missing:
            raise NotEnoughData(f"by={CONTACT!r} needs a column {missing[0]} of contacts, to tell ours from theirs")
        tables = place_columns(data, "feedback", [name for name in names if name != CONTACT])
        return Split(names, {**tables, CONTACT: "contacts"})
    return Split(names, place_columns(data, "feedback", names))


def first_answer(data: Dataset, asked: Instrument) -> datetime:
    """Wall-clock time of the instrument's first row."""
    query = Query(data.engine).table(log="feedback").part(name=asked.name, time=column("timestamp"))
    found = query.select("SELECT min(_time) AS t FROM log WHERE instrument = _name")
    return data.wall_clock(found.column("t")[0].as_py())


def sums(data: Dataset, asked: Instrument, split: Split, periods: Calendar | Window) -> pa.Table:
    """Sums over customers, one row a pair of groups (g..., h...) that share customers in a period.

    A group's row with itself holds its counts. Rows of others hold only the products over the customers they share:
    mm = sum m_g m_h, mt = sum m_g t_h, tt = sum t_g t_h, with m answers and t the sum of their values.
    """
    query = _answers(data, asked, split, periods)
    g = [f"g{k}" for k in range(len(split.by))]
    keys = "".join(f", {name}" for name in g)
    query.step(
        "summed",
        "SELECT customer_id, i, count(v) AS m, coalesce(sum(v), 0) AS t, coalesce(sum(v * v), 0) AS q, "
        "count(*) - count(v) AS missing, count(DISTINCT CASE WHEN NOT v IS NULL THEN who END) AS people"
        f"{keys} FROM answers WHERE i < {periods.lived} GROUP BY customer_id, i{keys}",
    )
    here, join = "0", ""
    if _add_present(query, data, periods):
        here = "count(*) FILTER (WHERE a.m > 0 AND NOT p.i IS NULL)"
        join = " LEFT JOIN present AS p ON p.customer_id = a.customer_id AND p.i = a.i"
    own = "".join(f", a.{name}" for name in g)
    both = own + "".join(f", b.{name}" for name in g)
    named = own + "".join(f", b.g{k} AS h{k}" for k in range(len(g)))
    counts = {"n": "a.m", "missing": "a.missing", "people": "a.people"}
    products = {"total": "a.t", "squares": "a.q", "mm": "a.m * b.m", "mt": "a.m * b.t", "tt": "a.t * b.t"}
    selected = [f"CAST(sum({sql}) AS BIGINT) AS {name}" for name, sql in counts.items()]
    selected += [f"CAST(sum({sql}) AS DOUBLE) AS {name}" for name, sql in products.items()]
    return query.select(
        f"SELECT a.i AS i, count(*) FILTER (WHERE a.m > 0) AS customers, {here} AS reached, "
        f"{', '.join(selected)}{named} FROM summed AS a JOIN summed AS b ON a.customer_id = b.customer_id AND a.i = b.i"
        f"{join} GROUP BY a.i{both}"
    )


def there(data: Dataset, split: Split, periods: Calendar | Window) -> pa.Table | None:
    """How many customers there were, by period and the columns that stand in `customers`; None if not known."""
    query = Query(data.engine)
    if not _add_present(query, data, periods):
        return None
    names = "".join(f", g{k}" for k in split.of("customers"))
    people = _join_people(query, data, split)
    return query.select(
        f"SELECT i, count(*) AS n{names} FROM present{people} WHERE i < {periods.lived} GROUP BY i{names}"
    )


def _join_people(query: Query, data: Dataset, split: Split) -> str:
    """The join of the columns that stand in `customers`, if any do."""
    columns = split.of("customers")
    if not columns:
        return ""
    query.part(**{f"by{k}": group_value(data, "customers", split.by[k]) for k in columns})
    query.step("people", f"SELECT customer_id{''.join(f', _by{k} AS g{k}' for k in columns)} FROM customers")
    return " LEFT JOIN people USING (customer_id)"


def _answers(data: Dataset, asked: Instrument, split: Split, periods: Calendar | Window) -> Query:
    """Steps that end in `answers` (customer_id, i, v, who, g...): one row an answer, or an answer and contact."""
    known = data.tables["feedback"].columns
    own = split.of("feedback")
    query = Query(data.engine).table(log="feedback")
    query.part(**{f"by{k}": group_value(data, "feedback", split.by[k]) for k in own})
    extra = "".join(f", _by{k} AS g{k}" for k in own)
    contact = split.of("contacts")
    if contact:
        extra += ", row_number() OVER () AS a, _wall AS at"
    query.step(
        "given",
        f"SELECT customer_id, _i AS i, _v AS v, _who AS who{extra} FROM log "
        "WHERE instrument = _name AND _time < _as_of",
        i=_index(data, "feedback", "timestamp", column("timestamp"), periods),
        v=asked.value(column("score")),
        who=column("respondent_id") if "respondent_id" in known else parse("CAST(NULL AS INTEGER)"),
        wall=data.wall_time("feedback", "timestamp"),
        name=asked.name,
        time=column("timestamp"),
        as_of=data.constant("feedback", "timestamp"),
    )
    joins = _join_people(query, data, split)
    if contact:
        query.part(begin=data.wall_time("contacts", "start", "c"), finish=data.wall_time("contacts", "end", "c"))
        # somebody listed twice is one contact
        query.step(
            "ours",
            f"SELECT DISTINCT f.a, c.contact_id AS g{contact[0]} FROM given AS f JOIN contacts AS c "
            "ON c.customer_id = f.customer_id AND c.side = 'ours' "
            "WHERE (_begin IS NULL OR _begin <= f.at) AND (_finish IS NULL OR f.at < _finish)",
        )
        joins += " LEFT JOIN ours USING (a)"
    names = "".join(f", g{k}" for k in range(len(split.by)))
    return query.step("answers", f"SELECT customer_id, i, v, who{names} FROM given{joins}")


def _add_present(query: Query, data: Dataset, periods: Calendar | Window) -> bool:
    """A step with a row a customer and period in which it was under contract or active, if that is known."""
    log = next((name for name in ("subscriptions", "events") if name in data.tables), None)
    if log is None:
        return False
    time = "start" if log == "subscriptions" else "timestamp"
    first, ends = _literal_first(data, log, time, periods), data.constant(log, time)
    query.table(presence=log).part(when=column(time), ends=ends)
    if log == "events":
        query.step(
            "present",
            "SELECT DISTINCT customer_id, _p AS i FROM presence WHERE _when >= _since AND _when < _ends",
            p=_index(data, log, time, column(time), periods),
            since=first,
        )
        return True
    begin = parse("greatest(_x, _y)", x=column("start"), y=first)
    until, after = ends, first
    last: Expression = literal(periods.size - 1)
    if "end" in data.tables[log].columns:
        limit = data.constant(log, "end")
        until = parse("least(coalesce(_x, _y), _y)", x=column("end"), y=limit)
        after = _literal_first(data, log, "end", periods)
        final = parse("greatest(_x - INTERVAL 1 MICROSECOND, _y)", x=until, y=after)
        last = _index(data, log, "end", final, periods)
    query.step(
        "present",
        "SELECT DISTINCT customer_id, unnest(range(_p, _last + 1)) AS i FROM presence "
        "WHERE _when < _ends AND _when < _until AND _until > _since",
        p=_index(data, log, time, begin, periods),
        last=last,
        until=until,
        since=after,
    )
    return True


def _literal_first(data: Dataset, log: str, name: str, periods: Calendar | Window) -> Expression:
    return literal(periods.boundaries(instants=name in data.tables[log].instants)[0])


def _index(data: Dataset, table: str, name: str, value: Expression, periods: Calendar | Window) -> Expression:
    return bucket(value, periods.boundaries(instants=name in data.tables[table].instants))
