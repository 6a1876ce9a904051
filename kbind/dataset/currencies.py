"""Amounts of several currencies: found however the column is called, set apart, and never added up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kbind.dataset.checks import CheckedTable
from kbind.dataset.config import CONFIG_NAME
from kbind.dataset.dataset import Dataset
from kbind.dataset.reading.base import is_text
from kbind.dataset.reading.money import CODES, SHARED, code_of, is_currency
from kbind.engine.engine import Engine, Expression, column, literal, parse
from kbind.errors import DatasetError, listed, plain

#: Columns of money, by table; in customers it is the one with the role revenue.
_MONEY = {"subscriptions": "mrr", "events": "amount", "tickets": "goodwill", "campaigns": "cost"}
#: How companies call the column that says which currency an amount is in.
_NAMED = re.compile(r"currenc|w(ä|ae|a)hrung|devise|moneda|valuta|divisa|^ccy|ccy$|^curr?$|iso_?4217|waluta")
#: Rows up to which other columns of text are looked at for codes of currencies; values that may be.
_MANY_ROWS, _MOST = 5_000_000, 60
#: Group of amounts of which nobody says the currency.
UNKNOWN = "unknown"


def with_currencies(data: Dataset, declared: str, rates: Mapping[str, float] | None = None) -> Dataset:
    """The data set with amounts of several currencies converted or set apart, its one currency known, and notes on it.

    Parameters
    ----------
    rates : mapping of str to float, optional
        What one unit of a currency is worth in the declared one. Without it currencies are kept apart.

    Raises
    ------
    DatasetError
        `kbind.yaml` declares another currency than the rows do, or gives no rate for one of them.
    """
    tables, notes, known = dict(data.tables), list[str](), list[str]()
    if rates and not declared:
        raise DatasetError.of(CONFIG_NAME, "rates: into which currency?", allowed="needed: currency, such as EUR")
    roles = dict(data.roles)
    for name, table in data.tables.items():
        money = roles["revenue"].column if name == "customers" and "revenue" in roles else _MONEY.get(name, "")
        place, rows = _stated(data.engine, table, money) if money in table.columns else ("", {})
        rows = _meant(rows, declared)
        codes = [code for code in rows if code != UNKNOWN]
        foreign = [code for code in codes if code != declared]
        if rates and foreign:
            tables[name], note = _converted(data.engine, table, money, place, declared, rates)
            notes.append(note)
            known.append(declared)
            continue
        known += codes
        counted = ", ".join(f"{plain(code, 10)} ({n:,} row{'s' if n != 1 else ''})" for code, n in rows.items())
        if declared and codes and codes != [declared]:
            message = f"{money!r} is in {counted}, and kbind.yaml says currency: {declared}"
            worth = f"{{{', '.join(f'{code}: ...' for code in foreign)}}}"
            allowed = f"say what each is worth in {declared} (rates: {plain(worth)}), or leave that key out"
            raise DatasetError.of(table.label, message, place, allowed=allowed)
        if len(codes) > 1:
            kinds = {column: kind for column, kind in table.columns.items() if column != money}
            tables[name] = replace(table, columns=kinds, apart={money: table.columns[money]}, currency=place)
            if name == "customers":
                del roles["revenue"]
            notes.append(_told(table.label, money, len(codes), counted, name))
        elif codes and UNKNOWN in rows:
            unstated = f"{rows[UNKNOWN]:,} rows of {money!r} name no currency"
            notes.append(f"{table.label}: {unstated} and are taken as {codes[0]}")
    one = known[0] if len(set(known)) == 1 and known[0] in CODES else ""
    card = replace(data.card, currency=declared or one)
    return replace(data, tables=tables, roles=roles, card=card, notes=(*data.notes, *notes))


def _told(label: str, money: str, currencies: int, counted: str, table: str) -> str:
    split = table in ("subscriptions", "events")
    how = "results are given by currency where they can be, and" if split else "it"
    left = f"{how} left out of all others" if split else f"{how} is left out"
    return (
        f"{label}: {money!r} is in {currencies} currencies, which are not added up: {counted}; {left} "
        "(rates in kbind.yaml convert them to one)"
    )


def _meant(rows: Mapping[str, int], declared: str) -> dict[str, int]:
    """Rows by currency, where the sign of several currencies is that of the declared one."""
    result: dict[str, int] = {}
    for code, n in rows.items():
        own = declared if declared in SHARED.get(code.casefold(), ()) else code
        result[own] = result.get(own, 0) + n
    return result


def _converted(
    engine: Engine, table: CheckedTable, money: str, place: str, declared: str, rates: Mapping[str, float]
) -> tuple[CheckedTable, str]:
    """A table with its amounts in the declared currency, and the note on that."""
    rows = _meant(_rows(engine, table, place, money), declared)
    missing = [code for code in rows if code not in (declared, UNKNOWN, *rates)]
    if missing:
        message = f"{money!r} is also in {listed(missing)}, for which kbind.yaml gives no rate"
        raise DatasetError.of(table.label, message, place, allowed=f"needed: rates in {declared} for each")
    worth = {**rates, declared: 1.0, UNKNOWN: 1.0}
    words = engine.query(
        "SELECT DISTINCT trim(CAST(_x AS VARCHAR)) AS word FROM t WHERE trim(CAST(_x AS VARCHAR)) <> '' ORDER BY word",
        tables={"t": table.name},
        parts={"x": column(place)},
    ).column("word").to_pylist()  # fmt: skip
    own = f"{table.name}__foreign"
    amount = parse(
        "CAST(_money AS DOUBLE) * coalesce(_rates[list_position(_words, trim(CAST(_x AS VARCHAR)))], 1)",
        money=column(money), words=literal(words), x=column(place),
        rates=literal([float(worth.get(code_of(word), 1.0)) for word in words]),
    )  # fmt: skip
    code = literal(declared)
    engine.rename(table.name, own)
    engine.define(
        table.name,
        own,
        {name: amount if name == money else code if name == place else column(name) for name in table.columns},
        stored=False,
    )
    told = ", ".join(
        f"{plain(code, 10)} ({n:,} row{'s' if n != 1 else ''}"
        + ("" if worth[code] == 1 else f", x {worth[code]:g}")
        + ")"
        for code, n in rows.items()
    )
    columns = dict(zip(table.columns, engine.columns(table.name).values(), strict=True))
    return replace(table, columns=columns), f"{table.label}: {money!r} is converted to {declared}: {told}"


def _stated(engine: Engine, table: CheckedTable, money: str) -> tuple[str, dict[str, int]]:
    """The column that says the currency of amounts, and the rows with an amount in each; the most frequent first."""
    texts = [name for name, kind in table.columns.items() if is_text(kind) and name != "customer_id"]
    named = sorted((name for name in texts if _NAMED.search(name.strip().lower())), key=lambda name: name != "currency")
    found = [(name, _rows(engine, table, name, money)) for name in named]
    if not found and texts and table.rows <= _MANY_ROWS:
        found = [(name, _rows(engine, table, name, money)) for name in _of_codes(engine, table, texts)]
        found = [(name, rows) for name, rows in found if len(rows) > 1]
    return max(found, key=lambda each: len(each[1]), default=("", {}))


def _of_codes(engine: Engine, table: CheckedTable, texts: Sequence[str]) -> list[str]:
    """Columns of text all of whose values are codes or signs of currencies."""
    short = {name: parse("max(strlen(trim(_x))) <= 5", x=column(name)) for name in texts}
    candidates = [name for name, yes in engine.aggregate(table.name, short).items() if yes]
    result = []
    for name in candidates:
        found = engine.query(
            f"SELECT DISTINCT trim(_x) AS v FROM t WHERE trim(_x) <> '' LIMIT {_MOST + 1}",
            tables={"t": table.name},
            parts={"x": column(name)},
        )
        words = found.column("v").to_pylist()
        if 1 < len(words) <= _MOST and all(is_currency(word) for word in words):
            result.append(name)
    return result


def _rows(engine: Engine, table: CheckedTable, name: str, money: str) -> dict[str, int]:
    found = engine.query(
        "SELECT trim(CAST(_x AS VARCHAR)) AS word, count(*) AS n FROM t WHERE NOT _money IS NULL "
        "GROUP BY word ORDER BY n DESC, word",
        tables={"t": table.name},
        parts={"x": column(name), "money": column(money)},
    )
    rows: dict[str, int] = {}
    for word, n in zip(found.column("word").to_pylist(), found.column("n").to_pylist(), strict=True):
        code = code_of(word) if word else UNKNOWN
        rows[code] = rows.get(code, 0) + n
    return rows


def codes_of(engine: Engine, table: CheckedTable) -> list[str]:
    """The currencies of amounts that are in several, the most frequent first; empty where there is one at most."""
    return list(_rows(engine, table, table.currency, next(iter(table.apart)))) if table.apart else []


def _code_in(engine: Engine, table: CheckedTable) -> Expression:
    """The code of the currency that a row of a table with several is in."""
    found = engine.query(
        "SELECT DISTINCT trim(CAST(_x AS VARCHAR)) AS word FROM t WHERE trim(CAST(_x AS VARCHAR)) <> '' ORDER BY word",
        tables={"t": table.name},
        parts={"x": column(table.currency)},
    )
    words = found.column("word").to_pylist()
    return parse(
        "coalesce(_codes[list_position(_words, trim(CAST(_x AS VARCHAR)))], _unknown)",
        codes=literal([code_of(word) for word in words]),
        words=literal(words),
        x=column(table.currency),
        unknown=literal(UNKNOWN),
    )


def by_currency(data: Dataset, name: str, by: Sequence[str]) -> tuple[Dataset, tuple[str, ...], tuple[str, ...]]:
    """Where a table has amounts of several currencies: the data with its customers once a currency, and split by it.

    Returns
    -------
    tuple
        The data set, the columns that split its customers, and what is to be known of the split. The same data set
        where there is one currency at most.
    """
    table = data.tables[name]
    if not table.apart:
        return data, tuple(by), ()
    engine = Engine()
    code = {"code": _code_in(data.engine, table)}
    theirs = "(SELECT DISTINCT customer_id, _code AS code FROM log)"
    sources = {
        name: "(SELECT *, _code AS code FROM log) AS p",
        "customers": f"customers AS p JOIN {theirs} AS m USING (customer_id)",
    }
    tables: dict[str, CheckedTable] = {}
    for copied in (name, "customers"):
        if copied not in data.tables:
            continue
        old = data.tables[copied]
        own = [one for one in (*old.columns, *old.apart) if one not in ("customer_id", "currency")]
        found = data.engine.query(
            "SELECT concat(code, ' ', CAST(p.customer_id AS VARCHAR)) AS customer_id, code AS currency"
            f"{''.join(f', _c{k} AS c{k}' for k in range(len(own)))} FROM {sources[copied]}",
            tables={"log": name, "customers": "customers"},
            parts={f"c{k}": column(one, "p") for k, one in enumerate(own)} | code,
        ).rename_columns(["customer_id", "currency", *own])
        engine.read_frame(copied, found if copied == name else found.drop_columns(["currency"]))
        tables[copied] = replace(old, columns=engine.columns(copied), apart={}, currency="")
    count = "SELECT count(DISTINCT customer_id) AS n FROM t"
    apart, people = (e.row(count, t=name)["n"] for e in (engine, data.engine))
    codes = engine.query("SELECT DISTINCT currency FROM t ORDER BY currency", tables={"t": name}).column(0).to_pylist()
    notes = [f"{next(iter(table.apart))} is in {len(codes)} currencies, which are not added up: {listed(codes)}"]
    if apart > people:
        notes.append(f"customers count once in each of their currencies: {people:,} customers as {apart:,}")
    return replace(data, engine=engine, tables=tables), ("currency", *(b for b in by if b != "currency")), tuple(notes)
