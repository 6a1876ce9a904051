"""Which columns and kinds become features, and which are left out because they may hold the future."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kbind.churn.snapshots.moments import LONG, NEVER, Moments
from kbind.customers.levels import standing
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import integers
from kbind.dataset.reading.base import kind_of
from kbind.dataset.schema import TABLES
from kbind.engine.engine import column, literal, parse
from kbind.errors import listed, plain

#: So many kinds of events and instruments of feedback are told apart.
_KINDS, _INSTRUMENTS = 8, 4
#: Asked everywhere, so they come first.
_KNOWN_INSTRUMENTS = ("nps", "csat", "ces")
#: Of a column of text with more levels it is asked whether it names customers rather than describing them.
_LEVELS = 50

#: Words in the name of a column without dates that tell of what becomes of customers later.
_LATER = frozenset((
    "churn", "churned", "status", "active", "inactive", "cancel", "canceled", "cancelled", "cancellation", "closed",
    "ended", "left", "lost", "gone", "last", "latest", "lastlogin", "recent", "updated", "modified", "total",
    "lifetime", "ltv", "clv", "tenure", "gekuendigt", "gekündigt", "kuendigung", "kündigung", "storniert", "beendet",
    "aktiv", "inaktiv", "verloren", "letzte", "letzter", "letztes", "gesamt", "gesamtumsatz", "zuletzt",
))  # fmt: skip

#: Shares of contracts that show a column to have been filled in when the contract began.
_OUTLIVED, _STILL_YES, _REGULAR, _TERMS = 0.05, 0.1, 0.9, 3


@dataclass(frozen=True)
class Choice:
    """What becomes features.

    Parameters
    ----------
    kinds, instruments : tuple of str
        Kinds of events and instruments of feedback that are told apart.
    attributes, terms : tuple of str
        Further columns of customers and of contracts.
    auto_renew : bool
        Whether that column may be used.
    renewal : {"", "term_end", "term"}
        Where the next renewal is read from; "term": counted in terms up to term_end.
    notes : tuple of str
        What was left out, and why.
    """

    kinds: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    auto_renew: bool = False
    renewal: str = ""
    notes: tuple[str, ...] = ()


def choose(data: Dataset, moments: Moments, people: str) -> Choice:
    """Look at names, types and what was there before the dates, of the customers in a relation of the engine."""
    notes: list[str] = []
    kinds = _levels(data, moments, "events", "timestamp", "kind", _KINDS, notes)
    instruments = _levels(data, moments, "feedback", "timestamp", "instrument", _INSTRUMENTS, notes, _KNOWN_INSTRUMENTS)
    roles = {role.column: name for name, role in data.roles.items() if name != "acquired_at"}
    attributes = _attributes(data, "customers", people, roles, notes)
    if attributes:
        notes.append(f"customers: {listed(attributes)} carry no date and are taken as they stand now")
    terms = _attributes(data, "subscriptions", people, {}, notes)
    return Choice(
        kinds,
        instruments,
        attributes,
        terms,
        _auto_renew(data, moments, notes),
        _renewal(data, moments, notes),
        (*notes, *_short_records(data, moments)),
    )


def _levels(
    data: Dataset, moments: Moments, table: str, time: str, name: str, most: int, notes: list[str],
    first: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """The most frequent kinds of rows before the last observation date."""
    if table not in data.tables or name not in data.tables[table].columns:
        return ()
    found = data.engine.query(
        "SELECT _level AS level, count(*) AS n FROM log WHERE _t < _end AND trim(_level) <> '' "
        "GROUP BY _level ORDER BY n DESC, level",
        tables={"log": table},
        parts={
            "level": parse("CAST(_x AS VARCHAR)", x=column(name)),
            "t": column(time),
            "end": data.constant(table, time, moments.cuts[-1]),
        },
    )
    names = found.column("level").to_pylist()
    chosen = sorted(names, key=lambda level: level.lower() not in first)[:most]
    if len(names) > most:
        notes.append(
            f"{table}: {len(names) - most:,} of {len(names):,} values of {name} are too rare for columns of their own"
        )
    return tuple(chosen)


def _attributes(data: Dataset, table: str, people: str, roles: dict[str, str], notes: list[str]) -> tuple[str, ...]:
    """Columns that are no part of the contract, without those that may hold the future."""
    if table not in data.tables:
        return ()
    acquired = data.roles["acquired_at"].column if "acquired_at" in data.roles else "acquired_at"
    chosen = []
    for name, kind in data.tables[table].columns.items():
        if name in TABLES[table].columns or name == acquired:
            continue
        why = ""
        if name in roles:
            why = f"it has the role {roles[name]} and no date"
        elif kind.startswith(("TIME", "DATE", "INTERVAL")):
            why = "a time that may have been entered later"
        elif _LATER & set(re.split(r"[^a-zäöüß]+", name.lower())):
            why = "by its name it may have been changed after the observation dates"
        why = why or too_many(data, table, name, people)
        if why:
            notes.append(f"left out: {table}.{plain(name)} ({why})")
        else:
            chosen.append(name)
    return tuple(chosen)


def too_many(data: Dataset, table: str, name: str, people: str = "") -> str:
    """Why a column of text is no feature, if it is none; `people`: only their rows are looked at."""
    kind = data.tables[table].columns[name]
    if kind_of(kind) in ("number", "flag"):
        return ""
    theirs = " JOIN people USING (customer_id)" if people else ""
    found = data.engine.query(
        "WITH named AS (SELECT customer_id, nullif(trim(CAST(_x AS VARCHAR)), '') AS level FROM log) "
        f"SELECT count(DISTINCT customer_id) AS n FROM named{theirs} WHERE NOT level IS NULL GROUP BY level",
        tables={"log": table, "people": people},
        parts={"x": column(name)},
    )
    names = standing(integers(found, "n"), _LEVELS) is None
    return f"{found.num_rows:,} values name customers rather than describing them" if names else ""


def _auto_renew(data: Dataset, moments: Moments, notes: list[str]) -> bool:
    """Whether contracts that were given notice before the first date still say that they renew.

    If none does, the column is changed with the notice, and would tell of notices to come.
    """
    if "subscriptions" not in data.tables or "auto_renew" not in data.tables["subscriptions"].columns:
        return False
    columns = data.tables["subscriptions"].columns
    name = next((name for name in ("notice_at", "end") if name in columns), "")
    if name:
        # of a customer's contracts that began before the first date, the one that ends last
        found = data.engine.query(
            "WITH known AS (SELECT auto_renew, _ended AS ended, coalesce(_ended, _never) AS e, "
            "max(coalesce(_ended, _never)) OVER (PARTITION BY customer_id) AS until FROM log WHERE _start < _first) "
            "SELECT avg(CASE WHEN auto_renew THEN 1.0 ELSE 0.0 END) AS yes FROM known "
            "WHERE NOT auto_renew IS NULL AND ended < _first AND (_is_notice OR e = until)",
            tables={"log": "subscriptions"},
            parts={
                "start": data.wall_time("subscriptions", "start"),
                "ended": data.wall_time("subscriptions", name),
                "never": literal(NEVER),
                "first": literal(moments.dates[0]),
                "is_notice": literal(name == "notice_at"),
            },
        )
        if (found.column("yes")[0].as_py() or 0.0) >= _STILL_YES:
            return True
    notes.append("left out: subscriptions.auto_renew (it may have been changed when notice was given)")
    return False


def _renewal(data: Dataset, moments: Moments, notes: list[str]) -> str:
    """Whether `term_end` was written when the contract began, and not moved on with every renewal.

    A table whose ends of terms are moved on tells how long the contract will go on. It was not moved if contracts
    have outlived it, or if terms have a few lengths. With a column `term` (months) the next end of a term follows
    from any of them.
    """
    if "subscriptions" not in data.tables or "term_end" not in data.tables["subscriptions"].columns:
        return ""
    columns = data.tables["subscriptions"].columns
    if "term" in columns and kind_of(columns["term"]) == "number":
        return "term"
    found = data.engine.query(
        "WITH terms AS (SELECT round(date_diff('day', _start, _term) / 30.4375) AS months, "
        "_term < least(coalesce(_end, _never), _first) AS outlived FROM log "
        "WHERE _start < _first AND NOT _term IS NULL), "
        "counted AS (SELECT months, count(*) AS n FROM terms GROUP BY months), "
        "lengths AS (SELECT n, row_number() OVER (ORDER BY n DESC) AS place FROM counted) "
        "SELECT (SELECT avg(CASE WHEN outlived THEN 1.0 ELSE 0.0 END) FROM terms) AS outlived, "
        f"(SELECT sum(CASE WHEN place <= {_TERMS} THEN n ELSE 0 END) / sum(n) FROM lengths) AS regular",
        tables={"log": "subscriptions"},
        parts={
            "start": data.wall_time("subscriptions", "start"),
            "term": data.wall_time("subscriptions", "term_end"),
            "end": data.wall_time("subscriptions", "end"),
            "never": literal(NEVER),
            "first": literal(moments.dates[0]),
        },
    ).to_pylist()[0]
    if (found["outlived"] or 0.0) >= _OUTLIVED or (found["regular"] or 0.0) >= _REGULAR:
        return "term_end"
    notes.append("left out: subscriptions.term_end (it may be moved on with every renewal, and so tell who renews)")
    return ""


def _short_records(data: Dataset, moments: Moments) -> list[str]:
    """Logs that begin less than the longest window before the first date."""
    notes = []
    for table in ("events", "tickets", "feedback"):
        span = data.tables[table].span if table in data.tables else None
        if span is not None:
            short = (moments.dates[0] - data.wall_clock(span[0])).days
            if short < LONG:
                notes.append(f"{table}: recorded for {max(short, 0):,} days before the first date, less than {LONG}")
    return notes
