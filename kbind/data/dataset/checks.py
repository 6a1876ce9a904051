"""Check a table against its contract: survey, choose how to read, count what is wrong. All in the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kbind.data.dataset.config import Config, TableConfig
from kbind.data.dataset.reading import Breach, Hints, Reading, is_text, read_column, survey
from kbind.data.dataset.schema import TABLES, Kind
from kbind.data.dataset.sources import Source
from kbind.data.engine import Engine, Expression, column, parse
from kbind.errors import Problem, did_you_mean, shown

_EXAMPLES = 3


@dataclass(frozen=True)
class CheckedTable:
    """A table that keeps its contract.

    Parameters
    ----------
    name, label : str
        Name in the contract, and what the user calls the source.
    relation : str
        Relation of the engine with the contract's column names and types.
    columns : mapping of str to str
        Column -> type as the engine calls it.
    rows : int
        Number of rows.
    instants : frozenset of str
        Time columns that are moments in world time; the others are readings of a wall clock.
    span : tuple of datetime or None
        First and last recorded moment: aware for instants, naive for wall clocks.
    """

    name: str
    label: str
    relation: str
    columns: Mapping[str, str]
    rows: int
    instants: frozenset[str]
    span: tuple[datetime, datetime] | None


def read_table(engine: Engine, source: Source, config: Config) -> tuple[list[Reading], list[Problem]]:
    """How each column of a source is to be read, and which columns are missing."""
    contract = TABLES[source.table].columns
    physical = engine.columns(source.relation)
    names, problems = _rename(source, physical, config.tables.get(source.table, TableConfig()))
    for missing in (name for name, spec in contract.items() if spec.required and name not in names):
        problems.append(
            Problem(
                source.label,
                f"no column {missing!r}",
                allowed=did_you_mean(missing, [s for n, s in names.items() if n not in contract])
                + f"columns: {', '.join(names.values())}",
            )
        )
    surveys = {
        name: survey(contract.get(name), original, physical[original])
        for name, original in names.items()
        if is_text(physical[original])
    }
    flat = {f"{i}:{label}": e for i, counts in enumerate(surveys.values()) for label, e in counts.items()}
    counted = _aggregate(engine, source.relation, flat)
    surveyed = {
        name: {label: int(str(counted[f"{i}:{label}"])) for label in counts}
        for i, (name, counts) in enumerate(surveys.items())
    }
    elsewhere = _decimal_elsewhere(list(surveyed.values()))
    hints = Hints(source.delimiter, config.decimal, config.date_order, elsewhere)
    readings = [
        read_column(name, contract.get(name), original, physical[original], surveyed.get(name, {}), hints)
        for name, original in names.items()
    ]
    return readings, problems


def _decimal_elsewhere(surveyed: Sequence[Mapping[str, int]]) -> str | None:
    """The decimal sign that the file's other columns show; None where none does or they differ."""
    numbers = [c for c in surveyed if "comma" in c and c["values"]]
    commas = any(c["comma"] + c["comma_groups"] for c in numbers)
    points = any(c["point"] + c["point_groups"] for c in numbers)
    return None if commas == points else "," if commas else "."


def _rename(source: Source, physical: Mapping[str, str], declared: TableConfig) -> tuple[dict[str, str], list[Problem]]:
    """Contract name -> source name for every column, and problems with the declared names."""
    problems, renamed = [], {}
    for name, original in declared.columns.items():
        if original in physical:
            renamed[name] = original
        elif name in physical and original in TABLES[source.table].columns:
            renamed[original] = name  # declared the other way round: their name -> ours
        else:
            hint = did_you_mean(original, physical)
            problems.append(
                Problem(source.label, f"no column {original!r}", allowed=f"{hint}columns: {', '.join(physical)}")
            )
    taken = set(renamed.values())
    names = {}
    for original in physical:
        if original in taken:
            names.update({name: o for name, o in renamed.items() if o == original})
        elif original not in renamed:
            names[_tidy(original, physical)] = original
    return names, problems


def _tidy(name: str, physical: Mapping[str, str]) -> str:
    """`Customer_ID ` is customer_id, unless that would hide another column."""
    tidy = name.strip().lower()
    known = any(tidy in table.columns for table in TABLES.values())
    return tidy if known and (tidy == name or tidy not in physical) else name


def find_problems(engine: Engine, source: Source, readings: Sequence[Reading]) -> tuple[list[Problem], CheckedTable]:
    """Count every breach in one pass, and fetch examples only of those that occur."""
    contract = TABLES[source.table]
    by_name = {reading.name: reading for reading in readings}
    breaches = [breach for reading in readings for breach in reading.breaches]
    for earlier, later in contract.ordered:
        if earlier in by_name and later in by_name:
            where = parse("_later < _earlier", earlier=by_name[earlier].expression, later=by_name[later].expression)
            original = by_name[later].source
            message = f"lies before {by_name[earlier].source!r}"
            breaches.append(Breach(where, message, f"allowed: {earlier} <= {later}", original))
    counts = {f"b{i}": parse("count(*) FILTER (WHERE _w)", w=breach.where) for i, breach in enumerate(breaches)}
    counts["rows"] = parse("count(*)")
    happened = [by_name[n] for n, spec in contract.columns.items() if spec.happened and n in by_name]
    for i, reading in enumerate(happened):
        counts |= {
            f"first{i}": parse("min(_t)", t=reading.expression),
            f"last{i}": parse("max(_t)", t=reading.expression),
        }
    found = _aggregate(engine, source.relation, counts)
    problems = [
        _describe(engine, source, breach, int(str(found[f"b{i}"])))
        for i, breach in enumerate(breaches)
        if found[f"b{i}"]
    ]
    if not found["rows"]:
        problems.append(Problem(source.label, "has no rows", allowed="allowed: at least one row below the header"))
    if contract.key and contract.key in by_name:
        problems += _repeated_keys(engine, source, by_name[contract.key])
    moments = [found[f"{end}{i}"] for i in range(len(happened)) for end in ("first", "last")]
    known = [moment for moment in moments if isinstance(moment, datetime)]
    table = CheckedTable(
        name=source.table,
        label=source.label,
        relation=source.table,
        columns={},
        rows=int(str(found["rows"])),
        instants=frozenset(reading.name for reading in readings if reading.instant),
        span=(min(known), max(known)) if known else None,
    )
    return problems, table


def _aggregate(engine: Engine, relation: str, counts: Mapping[str, Expression]) -> dict[str, object]:
    if not counts:
        return {}
    projection = ", ".join(f"_p{i} AS c{i}" for i in range(len(counts)))
    parts = {f"p{i}": expression for i, expression in enumerate(counts.values())}
    row = engine.query(f"SELECT {projection} FROM raw", tables={"raw": relation}, parts=parts)
    return {key: row.column(i)[0].as_py() for i, key in enumerate(counts)}


def _describe(engine: Engine, source: Source, breach: Breach, count: int) -> Problem:
    found = engine.query(
        "SELECT row, value FROM "
        "(SELECT row_number() OVER () AS row, CAST(_value AS VARCHAR) AS value, _where AS broken FROM raw) AS numbered "
        f"WHERE broken ORDER BY row LIMIT {_EXAMPLES}",
        tables={"raw": source.relation},
        parts={"value": column(breach.column or ""), "where": breach.where},
    )
    rows = [
        (row - 1 + source.first_row, "empty" if value is None or not value.strip() else shown(value))
        for row, value in zip(found.column("row").to_pylist(), found.column("value").to_pylist(), strict=True)
    ]
    return Problem(source.label, breach.message, breach.column, rows, count, breach.allowed)


def _repeated_keys(engine: Engine, source: Source, key: Reading) -> list[Problem]:
    found = engine.query(
        "WITH numbered AS (SELECT row_number() OVER () AS row, _key AS id FROM raw), "
        "repeated AS (SELECT id, count(*) AS n, max(row) AS row FROM numbered WHERE NOT id IS NULL "
        "GROUP BY id HAVING count(*) > 1) "
        f"SELECT id, row, sum(n - 1) OVER () AS extra FROM repeated ORDER BY row LIMIT {_EXAMPLES}",
        tables={"raw": source.relation},
        parts={"key": key.expression},
    )
    if not found.num_rows:
        return []
    rows = [
        (row - 1 + source.first_row, shown(value))
        for row, value in zip(found.column("row").to_pylist(), found.column("id").to_pylist(), strict=True)
    ]
    extra = int(found.column("extra")[0].as_py())
    return [Problem(source.label, "occurs more than once", key.source, rows, extra, "allowed: one row a customer")]


def is_id(table: str, name: str) -> bool:
    """Whether a column of the contract holds customers' identifiers."""
    spec = TABLES[table].columns.get(name)
    return spec is not None and spec.kind is Kind.ID and name in ("customer_id", "referred_by")
