"""Open a company's data: find the tables, read, check, give them the contract's names and types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kbind.calendar import days_of
from kbind.dataset.checks import (
    CheckedTable,
    checked_table,
    dropped_rows,
    find_problems,
    one_clock,
    read_table,
    translated,
    without_rows,
)
from kbind.dataset.config import (
    CONFIG_NAME,
    ENDS,
    Config,
    Role,
    TableConfig,
    blamed,
    read_as_of,
    read_config,
    read_mapping,
    read_roles,
    read_timezone,
)
from kbind.dataset.currencies import with_currencies
from kbind.dataset.dataset import Card, Dataset
from kbind.dataset.ends import move_last_days
from kbind.dataset.flags import spellings, values_of
from kbind.dataset.frames import is_frame, numbered
from kbind.dataset.notes import noteworthy
from kbind.dataset.periods import check_periods
from kbind.dataset.places import check_exists
from kbind.dataset.reading.base import Reading, numbers_in
from kbind.dataset.reading.numbers import functions
from kbind.dataset.recording import check_span
from kbind.dataset.schema import TABLES, WITNESSES
from kbind.dataset.sources import Source, check_anchors, find_sources
from kbind.engine.engine import Engine, Expression
from kbind.errors import ArgumentError, DatasetError, Problem, check_choice, choices, listed, plain, told

#: Longest title of a data set: it stands above every page.
_TITLE = 100


def open_dataset(
    source: object,
    *,
    table: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    roles: Mapping[str, Any] | None = None,
    timezone: str | None = None,
    as_of: object = None,
    recorded_from: object = None,
    grace: str | None = None,
    lapse: str | None = None,
    ends: str | None = None,
) -> Dataset:
    """Open and check a company's data.

    Parameters
    ----------
    source : path, or dict of data frames
        A folder of CSV or Parquet files named after their table, one such file, a DuckDB file, a filled workbook that
        `kbind template` made, or data frames by table name: pandas, Polars, Arrow, DuckDB, or others that Narwhals
        knows. A `kbind.yaml` beside the files is read.
    table : str, optional
        Which table a single file is, unless its name says so; of a folder, the table whose Parquet parts it holds.
    mapping : mapping, optional
        Names of columns, ``{"events": {"customer_id": "Kundennr", "timestamp": "Datum"}}``; for a single file the
        inner mapping is enough. Goes before `kbind.yaml`.
    roles : mapping, optional
        Columns of `customers` that play a part: ``{"tenure": "months", "churned": {"column": "gone", "value": 1}}``.
        Goes before `kbind.yaml`.
    timezone : str, optional
        IANA name of the zone whose calendar cuts the periods. Time stamps with an offset are converted to it;
        those without are taken as wall-clock times in it. Default: the zone the frames carry, else UTC if any
        time stamp has an offset.
    as_of : date, datetime or ISO text, optional
        Moment up to which the data is complete; a date means its start. Default: the end of the last day on
        which something was recorded.
    recorded_from : date, datetime or ISO text, optional
        Moment from which on customers who left were recorded, if the data also holds earlier starts of customers who
        were still there then. Default: the first row.
    grace : str, optional
        So long after the end of a contract the next may begin without the customer having left, such as "14D" or "2W";
        until then nobody is said to have left. Default: "1D". Functions with an argument of that name inherit it.
    lapse : str, optional
        So long a customer without a contract may be silent without having left, such as "56D".
    ends : {"inclusive", "exclusive"}, optional
        Whether the end of a contract is the last day that belongs to it, or the moment from which on it is over.
        Default: what the contracts show, told in the notes.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        Lists every problem found, with file, column, row, value and what is allowed.
    ArgumentError
        An argument is not usable.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": [1, 1, 2], "timestamp": ["01.02.2024", "15.02.2024", "03.03.2024"]})
    >>> print(open_dataset({"events": orders}, timezone="Europe/Berlin"))
    data (complete up to 2024-03-04 00:00, time zone Europe/Berlin)
     table         source  rows  customers      first       last
    events frame 'events'     3          2 2024-02-01 2024-03-03
    """
    if table is not None:
        check_choice("table", table, tuple(TABLES))
    for name, given in (("mapping", mapping), ("roles", roles)):
        if not (given is None or isinstance(given, Mapping)):
            raise ArgumentError(f"{name}={told(given)} is no mapping; allowed: {{name: ...}}, see docs/data.md")
    config = _declared(source, table, mapping)
    where = dict.fromkeys(config.roles, CONFIG_NAME) | dict.fromkeys(roles or {}, "roles")
    arguments = zip(("timezone", "as_of", "recorded_from", "grace", "lapse", "ends"),
                    (timezone, as_of, recorded_from, grace, lapse, ends), strict=True)  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in arguments if value is not None}
    config = replace(config, **given, roles={**config.roles, **read_roles(roles or {}, "roles")})
    with blamed(on_config=timezone is None):
        zone = read_timezone(config.timezone)
    for name, moment in (("as_of", config.as_of), ("recorded_from", config.recorded_from)):
        with blamed(on_config=name not in given):
            read_as_of(moment, zone, name)  # wrong arguments fail before any file is read
    patience = days_of("grace", config.grace)
    silence = None if config.lapse is None else days_of("lapse", config.lapse, 1)
    if config.ends is not None:
        check_choice("ends", config.ends, ENDS)
    engine = Engine()
    for call, meaning in functions().items():
        engine.function(call, meaning)
    sources, unused = find_sources(engine, source, table, config)
    engine.seal()
    name = plain(config.title or _name_of(source), _TITLE)
    check_anchors(sources, name)

    problems: list[Problem] = []
    readings: dict[str, list[Reading]] = {}
    notes: list[str] = []
    for found in sources:
        read = read_table(engine, found, config)
        readings[found.table] = read.columns
        problems += read.problems
        notes += [*found.notes, *read.notes]
    zone = zone or next((found.timezone for found in sources if found.timezone), None)
    if zone is None and any(reading.instant for columns in readings.values() for reading in columns):
        zone = "UTC"
    dropped: dict[str, Expression] = {}
    for found in sources:
        readings[found.table] = one_clock(readings[found.table], zone or "UTC")
        rows, n = dropped_rows(engine, found, readings[found.table]) if config.drop_rows_without else (None, 0)
        if rows is not None:
            dropped[found.table] = rows
            readings[found.table] = without_rows(readings[found.table], rows)
            notes.append(
                f"{found.label}: {n:,} row{'s' if n > 1 else ''} without customer_id dropped, as kbind.yaml says"
            )
        wrong, tolerated = find_problems(engine, found, readings[found.table])
        problems += wrong
        notes += map(str, tolerated)
    systems = {table: entry.system for table, entry in config.tables.items() if entry.system and table in readings}
    if systems and "id_map" not in readings:
        table, system = next(iter(systems.items()))
        allowed = "needed: a table id_map with the columns system, system_id, customer_id"
        problems.append(
            Problem(CONFIG_NAME, f"{table}: its ids are those of {system!r}, and there is no id_map", allowed=allowed)
        )
    if problems:
        order = [found.label for found in sources]
        raise DatasetError(sorted(problems, key=lambda p: order.index(p.file) if p.file in order else len(order)))

    id_as_text = _ids_differ(engine, [found for found in sources if found.table not in systems], readings)
    tables = {
        found.table: checked_table(
            engine, found, readings[found.table], id_as_text=id_as_text, dropped=dropped.get(found.table)
        )
        for found in sources
    }
    if wrong := _wrong_roles(engine, config.roles, where, tables):
        raise DatasetError(wrong)
    check_periods(engine, sources)
    tables |= {name: translated(engine, tables[name], system) for name, system in systems.items()}
    card = Card(title=name, currency=config.currency, margin=config.margin, acquisition_cost=config.acquisition_cost)
    end, began = (read_as_of(moment, zone) for moment in (config.as_of, config.recorded_from))
    data = Dataset(name, engine, tables, zone, end, config.roles, (), card)
    data = replace(data, recorded_from=began, grace=patience, lapse=silence)
    with blamed(on_config=as_of is None and recorded_from is None):
        check_span(data)
    if data.as_of is None:
        data = replace(data, as_of=_last_complete(data))
    notes = [*([f"not used: {listed(unused)}"] if unused else []), *notes]
    notes += [f"{found.label}: read as {found.encoding}" for found in sources if found.encoding]
    notes += move_last_days(data, config.ends)
    data = with_currencies(replace(data, notes=tuple(notes)), config.currency)
    return replace(data, notes=(*data.notes, *noteworthy(data, default_end=config.as_of is None)))


def dataset_of(data: object, outcome: str) -> Dataset:
    """A data set as it is; of a data frame with a row a customer, the data set that holds nothing but these.

    Raises
    ------
    ArgumentError
        Neither of them, or a frame without the column that says who has left.
    """
    if isinstance(data, Dataset):
        return data
    if not is_frame(data):
        raise ArgumentError(
            f"data of type {type(data).__name__} is no data set and no data frame; open it first: kb.open_dataset(...)"
        )
    opened = open_dataset({"customers": numbered(data)})
    known = [name for name in opened.tables["customers"].columns if name != "customer_id"]
    if outcome not in known:
        raise ArgumentError(f"outcome={told(outcome)} is no column of the frame; {choices(outcome, known)}")
    return opened


def _declared(source: object, table: str | None, mapping: Mapping[str, Any] | None) -> Config:
    config = Config()
    if isinstance(source, (str, Path)):
        path = Path(source)
        check_exists(path)
        config = read_config((path if path.is_dir() else path.parent) / CONFIG_NAME)
    if mapping:
        if not any(key in TABLES for key in mapping):
            known = table or (Path(source).stem.lower() if isinstance(source, (str, Path)) else None)
            only = list(source) if isinstance(source, Mapping) else [known]
            if len(only) == 1 and only[0] in TABLES:
                mapping = {str(only[0]): mapping}
        given = read_mapping(mapping, "mapping")
        merged = {name: _merged(config.tables.get(name, TableConfig()), entry) for name, entry in given.items()}
        config = replace(config, tables={**config.tables, **merged})
    return config


def _merged(file: TableConfig, given: TableConfig) -> TableConfig:
    """What the file says, with what the caller says on top."""
    return TableConfig(given.source or file.source, {**file.columns, **given.columns}, given.system or file.system)


def _name_of(source: object) -> str:
    return Path(source).resolve().stem if isinstance(source, (str, Path)) else "data"


def _wrong_roles(
    engine: Engine, roles: Mapping[str, Role], where: Mapping[str, str], tables: Mapping[str, CheckedTable]
) -> list[Problem]:
    """Roles of columns that are not there, and declared values that tell nobody apart; `where` each was declared."""
    columns = list(tables["customers"].columns) if "customers" in tables else []
    problems = []
    for role, entry in roles.items():
        if entry.column not in columns:
            message = f"role {role!r}: no column {entry.column!r} in customers"
            problems.append(Problem(where[role], message, allowed=choices(entry.column, columns)))
        elif role == "churned" or entry.value is not None:
            _, fault = spellings(values_of(engine, "customers", entry.column), entry)
            problems += [Problem(where[role], f"role {role!r}: {fault}")] if fault else []
    return problems


def _ids_differ(engine: Engine, sources: list[Source], readings: Mapping[str, list[Reading]]) -> bool:
    """Whether customers are called by numbers in one table and by text in another."""
    numbers = {
        numbers_in(engine.columns(found.relation)[reading.source]) in ("whole", "float")
        for found in sources
        for reading in readings[found.table]
        if reading.name == "customer_id"
    }
    return len(numbers) > 1


def _last_complete(data: Dataset) -> datetime | None:
    """The end of the last day on which something was recorded.

    Where there are events, these and their like witness how far the data reaches: contracts may be entered before
    they start. Without events, starts count too.
    """
    spans = {name: data.wall_clock(table.span[1]) for name, table in data.tables.items() if table.span}
    last = [moment for name, moment in spans.items() if name in WITNESSES or "events" not in spans]
    if not last:
        return None
    day = max(last).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)
