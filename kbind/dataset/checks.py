"""Check a table against its contract: survey, choose how to read, count what is wrong. All in the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from kbind.dataset.config import CONFIG_NAME, Config, TableConfig
from kbind.dataset.keys import EXAMPLES, repeated_keys
from kbind.dataset.making import found_as, lay_out, product
from kbind.dataset.names import nearest
from kbind.dataset.reading.base import Breach, Hints, Raw, Reading, either, is_nested
from kbind.dataset.reading.columns import read_column, read_mark, survey, survey_attribute
from kbind.dataset.reading.numbers import decimal_shown, tidy_number
from kbind.dataset.rows import blind, nameless, picked
from kbind.dataset.schema import ROLE_KINDS, TABLES, Column, Kind
from kbind.dataset.sources import Source
from kbind.engine.engine import Engine, Expression, array, column, literal, parse
from kbind.errors import DatasetError, Problem, choices, did_you_mean, listed, plain, shown

_BATCH = 400  # columns surveyed in a statement
#: Rows up to which text of a typed source is looked at for numbers that words for nothing have made text.
_MANY_ROWS = 5_000_000


@dataclass(frozen=True)
class Translation:
    """How the ids of a system became customers by way of `id_map`.

    Parameters
    ----------
    system : str
        Whose ids the table carried.
    ids, found : int
        Different ids in the table, and how many of them `id_map` knows.
    rows_left_out : int
        Rows of the ids that it does not know: nobody can say whose they are.
    """

    system: str
    ids: int
    found: int
    rows_left_out: int


@dataclass(frozen=True)
class CheckedTable:
    """A table that keeps its contract.

    Parameters
    ----------
    name, label : str
        Name in the contract and in the engine, and what the user calls the source.
    columns : mapping of str to str
        Column -> type as the engine calls it.
    rows : int
        Number of rows.
    instants : frozenset of str
        Time columns that are moments in world time; the others are readings of a wall clock.
    span : tuple of datetime or None
        First and last recorded moment: aware for instants, naive for wall clocks.
    translation : Translation or None
        For tables that carried the ids of a system of their own.
    apart : mapping of str to str
        Column of amounts in several currencies, which is none of `columns` so that nobody adds them up -> type.
    currency : str
        The column that says which currency these are in.
    names : mapping of str to str
        Column -> what the source calls it.
    dropped : int
        Rows without customer that were left out because `kbind.yaml` says so.
    """

    name: str
    label: str
    columns: Mapping[str, str]
    rows: int
    instants: frozenset[str]
    span: tuple[datetime, datetime] | None
    translation: Translation | None = None
    apart: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    dropped: int = 0

    @property
    def every(self) -> dict[str, str]:
        """All columns, those of amounts set apart as well."""
        return {**self.columns, **self.apart}

    @property
    def names_customers(self) -> bool:
        """Whether its rows say whose they are; counts by period do not."""
        return "customer_id" in self.columns


@dataclass(frozen=True)
class Readings:
    """How the columns of a source are to be read, what is wrong with them, what is noted, and rows to leave out."""

    source: Source
    columns: list[Reading]
    problems: list[Problem]
    notes: list[str]
    dropped: Expression | None = None
    nameless: int = 0
    laid_out: bool = False


def read_table(engine: Engine, source: Source, config: Config) -> Readings:
    """How each column of a source is to be read, and which columns are missing."""
    contract = TABLES[source.table].columns
    declared = config.tables.get(source.table, TableConfig())
    spelled, scaled = lay_out(engine, source.relation, source.label, declared.made)
    physical = engine.columns(source.relation)
    declared = replace(declared, columns={**declared.columns, **spelled})
    names, problems = _rename(source, physical, declared)
    for absent in (name for name in declared.leave_out if name not in physical):
        message = f"leave_out names a column {absent!r} that is not there"
        problems.append(Problem(source.label, message, allowed=choices(absent, physical)))
    names = {name: of for name, of in names.items() if name not in scaled and of not in declared.leave_out}
    named = {*names.values(), *declared.leave_out, *_needed(declared)}
    hidden = [name for name in physical if name not in named]
    covered = f"{source.label}: left out, because the mapping gives their names to others: {listed(hidden)}"
    out, left_out, wrong = picked(engine, source, declared, {name: name for name in physical} | dict(declared.columns))
    problems += wrong
    strange = [original for name, original in names.items() if name not in contract]
    for missing in (name for name, spec in contract.items() if spec.required and name not in (*names, *scaled)):
        problems.append(
            Problem(source.label, f"no column {missing!r}", allowed=_remedy(source, missing, strange, names.values()))
        )
    nested = [original for name, original in names.items() if name not in contract and is_nested(physical[original])]
    left = f"{source.label}: left out, because they hold lists, structures or bytes: {listed(nested)}"
    names = {name: original for name, original in names.items() if original not in nested}
    roles = _role_kinds(source, config)
    known = {name: Column(kind) for name, kind in roles.items()} | {**contract}
    specs = {name: known[name] for name in names if name in known}
    raw = {name: Raw(name, original, physical[original]) for name, original in names.items()}
    counts = _surveyed(engine, source, raw, specs)
    attributes = {name: own for name, own in raw.items() if name not in specs and own.is_text}
    if not source.is_text and attributes and engine.size(source.relation) > _MANY_ROWS:
        attributes = {}  # what is text there stays text
    counts |= {name: {} for name in names.keys() - specs.keys()} | _survey_attributes(engine, source, attributes)
    shown_elsewhere = decimal_shown([c for c in counts.values() if "comma" in c and c["values"]])
    hints = Hints(source.delimiter, config.decimal, config.date_order, shown_elsewhere, config.times)
    columns = [
        read_column(replace(own, counts=counts[name], hints=hints), contract.get(name), roles.get(name))
        for name, own in raw.items()
    ]
    marked = [raw[n] for n, spec in contract.items() if spec.kind is Kind.NUMBER and counts.get(n, {}).get("marked")]
    for name, making in scaled.items():
        reading, marks = product(engine, source.relation, name, making, hints)
        columns.append(reading)
        marked += marks
    if marked and "currency" in contract and "currency" not in names:
        columns.append(read_mark(replace(marked[0], name="currency")))
    unread = f"{source.label}: left out, as kbind.yaml says: {listed(declared.leave_out)}"
    notes = [*([left] if nested else []), *([covered] if hidden else []), *([unread] if declared.leave_out else [])]
    return Readings(source, columns, problems, [*source.notes, *notes, *left_out], out, laid_out=bool(spelled))


def _remedy(source: Source, missing: str, strange: Sequence[str], there: Iterable[str]) -> str:
    """The column that probably is the missing one, where to say so, and all that are there."""
    near = did_you_mean(missing, strange)
    meant = None if near else nearest(source.table, missing, strange)
    if meant is None:
        return near + f"columns: {listed(there)}"
    said = f"in kbind.yaml, tables: {{{source.table}: {{columns: {{{missing}: {plain(meant)}}}}}}}"
    return (
        f"did you mean {shown(meant)}? then say so ({said}), or let 'kbind init' propose it; columns: {listed(there)}"
    )


def _needed(declared: TableConfig) -> set[str]:
    """Columns of the source that something is made of, or that rows are picked by."""
    made = {name for making in declared.made.values() for name in making.needs}
    return made | {*declared.only, *declared.without, *declared.filled}


def _role_kinds(source: Source, config: Config) -> dict[str, Kind]:
    """What columns of customers have to hold to play the parts they are given."""
    if source.table != "customers":
        return {}
    return {role.column: ROLE_KINDS[name] for name, role in config.roles.items() if name in ROLE_KINDS}


def _surveyed(
    engine: Engine, source: Source, raw: Mapping[str, Raw], specs: Mapping[str, Column]
) -> dict[str, dict[str, int]]:
    """What the columns with a contract or a role hold, counted in one pass."""
    surveys = {name: survey(raw[name], spec, from_text=source.is_text) for name, spec in specs.items()}
    flat = {
        f"{name}:{label}": parse("count(*) FILTER (WHERE _p)", p=condition)
        for name, conditions in surveys.items()
        for label, condition in conditions.items()
    }
    found = engine.aggregate(source.relation, flat)
    return {name: {c: found[f"{name}:{c}"] for c in conditions} for name, conditions in surveys.items()}


def _survey_attributes(engine: Engine, source: Source, names: Mapping[str, Raw]) -> dict[str, dict[str, int]]:
    """What kinds of numbers the other columns of text hold.

    All columns are laid below each other, so that a statement states each condition once and not once a column.
    """
    raw, value = column("raw"), column("value")
    conditions = survey_attribute(raw, value)
    counted = ", ".join(f"count(*) FILTER (WHERE _p{i}) AS c{i}" for i in range(len(conditions)))
    parts: dict[str, object] = {f"p{i}": condition for i, condition in enumerate(conditions.values())}
    result: dict[str, dict[str, int]] = {}
    rest = iter(names.items())
    while some := list(islice(rest, _BATCH)):
        texts = array(own.made("CAST(_x AS VARCHAR)") for _, own in some)
        found = engine.query(
            f"SELECT i, {counted} FROM (SELECT i, raw, _tidy AS value FROM "
            "(SELECT unnest(_columns) AS raw, unnest(range(_n)) AS i FROM source) AS below) AS tidied GROUP BY i",
            tables={"source": source.relation},
            parts=parts | {"n": len(some), "tidy": tidy_number(raw, attribute=True), "columns": texts},
        )
        for row in found.to_pylist():
            result[some[row["i"]][0]] = {label: row[f"c{i}"] for i, label in enumerate(conditions)}
    return {name: result.get(name, {}) for name in names}  # nothing is known of a table without rows


def _rename(source: Source, physical: Mapping[str, str], declared: TableConfig) -> tuple[dict[str, str], list[Problem]]:
    """Contract name -> source name for every column, and problems with the declared names."""
    problems, renamed = [], {}
    contract = TABLES[source.table].columns
    for name, original in declared.columns.items():
        meant = did_you_mean(name, [c for c in contract if c not in declared.columns and c not in physical])
        if name not in contract and name not in physical and meant and original in physical:
            message = f"the mapping names a column {name!r}, which {source.table} does not have"
            allowed = f"{meant}columns of {source.table}: {', '.join(contract)}"
            problems.append(Problem(source.label, message, allowed=allowed))
        elif original in physical:
            renamed[name] = original
        elif name in physical and original in contract:
            renamed[original] = name  # declared the other way round: their name -> ours
        else:
            message = f"the mapping names a column {original!r} that is not there"
            problems.append(Problem(source.label, message, allowed=choices(original, physical)))
    taken = set(renamed.values())
    names = {}
    for original in physical:
        if original in taken:
            names.update({name: o for name, o in renamed.items() if o == original})
        elif original not in renamed:
            tidy = _tidy(original, physical)
            names[original if tidy in renamed else tidy] = original
    return names, problems


def _tidy(name: str, physical: Mapping[str, str]) -> str:
    """`Customer_ID ` is customer_id, unless that would hide another column."""
    tidy = name.strip().lower()
    known = any(tidy in table.columns for table in TABLES.values())
    return tidy if known and (tidy == name or tidy not in physical) else name


def check_rows(engine: Engine, read: Readings, timezone: str, *, drop: bool) -> Readings:
    """The columns by one clock and without dropped rows, with what their rows break, and what of that is tolerated."""
    source, columns, notes = read.source, _one_clock(read.columns, timezone), list[str]()
    out = read.dropped
    if out is not None:
        columns = blind(columns, out)
    rows, n = nameless(engine, source, columns) if drop else (None, 0)
    if rows is not None:
        columns = blind(columns, rows)
        notes.append(f"{source.label}: {n:,} row{'s' if n > 1 else ''} without customer_id dropped, as kbind.yaml says")
        out = rows if out is None else either(out, rows)
    problems, tolerated = _find_problems(engine, source, columns)
    return replace(
        read, columns=columns, problems=problems, notes=[*notes, *map(str, tolerated)], dropped=out, nameless=n
    )


def _one_clock(readings: Sequence[Reading], timezone: str) -> list[Reading]:
    """The readings with all their times of one kind: where some are moments in world time, all become so.

    A wall-clock time is taken as one in the data's zone. Otherwise two columns of a row could not be compared.
    """
    if {reading.instant for reading in readings} >= {True, False}:
        return [
            replace(
                reading,
                expression=parse("timezone(_zone, _x)", zone=literal(timezone), x=reading.expression),
                instant=True,
                converted=True,
            )
            if reading.instant is False
            else reading
            for reading in readings
        ]
    return list(readings)


def _find_problems(engine: Engine, source: Source, readings: Sequence[Reading]) -> tuple[list[Problem], list[Problem]]:
    """Count every breach that leaves a trace in one pass, and fetch examples only of those that occur.

    The second list holds what is tolerated, and noted.
    """
    contract = TABLES[source.table]
    by_name = {reading.name: reading for reading in readings}
    found = [each for reading in readings for each in (reading, *reading.parts)]
    breaches = [(reading.source, breach) for reading in found for breach in reading.breaches]
    for earlier, later in contract.ordered:
        if earlier in by_name and later in by_name:
            where = parse("_later < _earlier", earlier=by_name[earlier].expression, later=by_name[later].expression)
            message = f"lies before {by_name[earlier].source!r}"
            breaches.append((by_name[later].source, Breach(where, message, f"allowed: {earlier} <= {later}")))
    traces = {str(i): breach.trace for i, (_, breach) in enumerate(breaches) if breach.trace is not None}
    hints = engine.aggregate(source.relation, traces | {"rows": parse("count(*)")})
    suspects = {str(i): breach for i, breach in enumerate(breaches) if hints.get(str(i), True)}
    counts = {i: parse("count(*) FILTER (WHERE _w)", w=breach.where) for i, (_, breach) in suspects.items()}
    met = [(*suspects[i], n) for i, n in engine.aggregate(source.relation, counts).items() if n]
    problems, tolerated = (
        [_describe(engine, source, name, breach, n) for name, breach, n in met if breach.tolerated is kind]
        for kind in (False, True)
    )
    if not hints["rows"]:
        problems.append(Problem(source.label, "has no rows", allowed="allowed: at least one row below the header"))
    if contract.key and all(name in by_name for name in contract.key):
        problems += repeated_keys(engine, source, [by_name[name] for name in contract.key])
    return problems, tolerated


def checked_table(engine: Engine, read: Readings, *, id_as_text: bool) -> CheckedTable:
    """Give a table the contract's names and types, without dropped rows; a view where nothing has to be computed."""
    source, readings, dropped = read.source, read.columns, read.dropped
    expressions = {
        reading.name: parse("CAST(_x AS VARCHAR)", x=reading.expression)
        if id_as_text and reading.name in ("customer_id", "referred_by")
        else reading.expression
        for reading in readings
    }
    stored = source.is_text or any(reading.converted for reading in readings)
    kept = None if dropped is None else parse("NOT _dropped", dropped=dropped)
    engine.define(source.table, source.relation, expressions, stored=stored, where=kept)
    instants = frozenset(reading.name for reading in readings if reading.instant)
    described = _described(engine, source.table, source.label, list(expressions), instants)
    if source.is_text:
        engine.drop(source.relation)
        if read.laid_out:
            engine.drop(found_as(source.relation))
    return replace(described, names={reading.name: reading.source for reading in readings}, dropped=read.nameless)


def _described(engine: Engine, name: str, label: str, columns: Sequence[str], instants: frozenset[str]) -> CheckedTable:
    """A relation of the engine as a checked table: its columns' types, its rows, its span."""
    time = TABLES[name].time
    ends = {"min": time, "max": TABLES[name].until or time} if time in columns else {}
    span = {which: parse(f"{which}(_t)", t=column(end)) for which, end in ends.items()}
    found = engine.aggregate(name, {"rows": parse("count(*)")} | span)
    first, last = found.get("min"), found.get("max")
    return CheckedTable(
        name=name,
        label=label,
        # the names of the contract, in the order of the columns: a view may keep another spelling
        columns=dict(zip(columns, engine.columns(name).values(), strict=True)),
        rows=found["rows"],
        instants=instants,
        span=(first, last) if isinstance(first, datetime) and isinstance(last, datetime) else None,
    )


def translated(engine: Engine, table: CheckedTable, system: str) -> CheckedTable:
    """The table with the customers that `id_map` knows for the ids of a system, without the rows it does not know.

    Raises
    ------
    DatasetError
        `id_map` knows no such system.
    """
    own = f"{table.name}__own"
    systems = engine.query("SELECT DISTINCT system FROM id_map ORDER BY system").column("system").to_pylist()
    if system not in systems:
        allowed = did_you_mean(system, systems) + f"systems in id_map: {', '.join(systems)}"
        raise DatasetError.of(CONFIG_NAME, f"{table.name}: unknown system {system!r}", allowed=allowed)
    engine.rename(table.name, own)
    same = "CAST(own.customer_id AS VARCHAR) = CAST(ids.system_id AS VARCHAR) AND ids.system = _system"
    names = ["customer_id", *(name for name in table.columns if name != "customer_id")]
    parts = {f"c{i}": column(name, "own") for i, name in enumerate(names[1:])}
    engine.create(
        table.name,
        f"SELECT {', '.join(['ids.customer_id', *(f'_{part}' for part in parts)])} FROM own "
        f"JOIN id_map AS ids ON {same}",
        tables={"own": own},
        parts={**parts, "system": system},
    )
    counted = engine.row(
        "SELECT count(DISTINCT own.customer_id) AS ids, count(DISTINCT own.customer_id) FILTER (WHERE NOT "
        f"ids.system_id IS NULL) AS found FROM own LEFT JOIN id_map AS ids ON {same}",
        parts={"system": system},
        own=own,
    )
    engine.drop(own)
    result = _described(engine, table.name, table.label, names, table.instants)
    found = Translation(system, counted["ids"], counted["found"], table.rows - result.rows)
    return replace(result, translation=found, names=table.names, dropped=table.dropped)


def _describe(engine: Engine, source: Source, name: str, breach: Breach, count: int) -> Problem:
    found = engine.query(
        "SELECT row, value FROM "
        "(SELECT row_number() OVER () AS row, CAST(_value AS VARCHAR) AS value, _where AS broken FROM raw) AS numbered "
        f"WHERE broken ORDER BY row LIMIT {EXAMPLES}",
        tables={"raw": source.relation},
        parts={"value": column(name), "where": breach.where},
    )
    numbers = source.rows_shown(found.column("row").to_pylist())
    rows = [
        (row, "empty" if value is None or not value.strip() else shown(value))
        for row, value in zip(numbers, found.column("value").to_pylist(), strict=True)
    ]
    return Problem(source.label, breach.message, name, rows, count, breach.allowed)
