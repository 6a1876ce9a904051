"""Open a company's data: find the tables, read, check, give them the contract's names and types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kbind.calendar import days_of
from kbind.dataset.checks import CheckedTable, Readings, check_rows, checked_table, read_table, translated
from kbind.dataset.config import (
    CONFIG_NAME,
    ENDS,
    Config,
    Role,
    blamed,
    read_arguments,
    read_as_of,
    read_declared,
    read_timezone,
)
from kbind.dataset.currencies import with_currencies
from kbind.dataset.dataset import Card, Dataset
from kbind.dataset.ends import move_last_days
from kbind.dataset.frames import is_frame, numbered
from kbind.dataset.notes import noteworthy
from kbind.dataset.periods import check_periods
from kbind.dataset.reading.base import numbers_in
from kbind.dataset.reading.numbers import functions
from kbind.dataset.recording import check_span
from kbind.dataset.schema import TABLES, WITNESSES
from kbind.dataset.sources import check_anchors, find_sources
from kbind.dataset.spellings import spellings, values_of
from kbind.engine.engine import Engine
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
    **declared: Any,
) -> Dataset:
    """Open and check a company's data.

    Parameters
    ----------
    source : path, or dict of data frames
        A folder of CSV, Parquet or Excel files named after their table, one such file, a workbook with a sheet a table,
        a DuckDB file, a filled workbook that `kbind template` made, or data frames by table name: pandas, Polars,
        Arrow, DuckDB, or others that Narwhals knows. A `kbind.yaml` beside the files is read.
    table : str, optional
        Which table a single file is, unless its name or that of a sheet says so; of a folder, the table whose Parquet
        parts it holds.
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
    **declared
        The other keys of `kbind.yaml`; what is said here goes before the file. See docs/data.md for all of them.

        - recorded_from : moment from which on customers who left were recorded, if the data also holds earlier starts
          of customers who were still there then. Default: the first row.
        - grace : so long after the end of a contract the next may begin without the customer having left, such as "14D"
          or "2W"; until then nobody is said to have left. Default: "1D".
        - lapse : so long a customer without a contract may be silent without having left, such as "56D". Default: what
          the data's own past tells, see `lapse`.
        - ends : "inclusive" or "exclusive", whether the end of a contract is the last day that belongs to it, or the
          moment from which on it is over. Default: what the contracts show, told in the notes.
        - title, currency, margin, acquisition_cost : what stands above a page, and what money is worth.
        - rates : what one unit of another currency is worth in that of the data, ``{"USD": 0.92}``. Default: amounts of
          several currencies are kept apart.
        - owners : who is responsible for what a chapter of the report asks for, by its number.
        - decimal, date_order, times, drop_rows_without : how values of a file are read.

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
    config, where = read_declared(source, table, mapping, roles)
    said = read_arguments({"timezone": timezone, "as_of": as_of, **declared})
    return opened(source, replace(config, **said), table=table, where=where, said=said)


def opened(
    source: object,
    config: Config,
    *,
    table: str | None = None,
    where: Mapping[str, str] | None = None,
    said: Collection[str] = (),
) -> Dataset:
    """The data that a source holds with all that is declared of it; a `kbind.yaml` beside it is not read.

    Parameters
    ----------
    where : mapping of str to str, optional
        Where each role was declared. Default: in `kbind.yaml`.
    said : collection of str
        Settings that are arguments of a caller, so that what is wrong with them is no fault of `kbind.yaml`.
    """
    where = dict.fromkeys(config.roles, CONFIG_NAME) if where is None else where
    with blamed(on_config="timezone" not in said):
        zone = read_timezone(config.timezone)
    with blamed(on_config="as_of" not in said):
        read_as_of(config.as_of, zone)  # wrong arguments fail before any file is read
    with blamed(on_config="recorded_from" not in said):
        read_as_of(config.recorded_from, zone, "recorded_from")
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

    read = [read_table(engine, found, config) for found in sources]
    zone = zone or next((found.timezone for found in sources if found.timezone), None)
    if zone is None and any(column.instant for each in read for column in each.columns):
        zone = "UTC"
    checked = [check_rows(engine, each, zone or "UTC", drop=bool(config.drop_rows_without)) for each in read]
    problems = [problem for each in (*read, *checked) for problem in each.problems]
    order = [found.label for found in sources]
    present = {found.table for found in sources}
    systems = {table: entry.system for table, entry in config.tables.items() if entry.system and table in present}
    if systems and "id_map" not in present:
        table, system = next(iter(systems.items()))
        message = f"{table}: its ids are those of {system!r}, and there is no id_map"
        allowed = "needed: a table id_map with the columns system, system_id, customer_id"
        problems.append(Problem(CONFIG_NAME, message, allowed=allowed))
    if problems:
        raise DatasetError(sorted(problems, key=lambda p: order.index(p.file) if p.file in order else len(order)))

    as_text = _ids_differ(engine, [each for each in checked if each.source.table not in systems])
    tables = {each.source.table: checked_table(engine, each, id_as_text=as_text) for each in checked}
    if wrong := _wrong_roles(engine, config.roles, where, tables):
        raise DatasetError(wrong)
    check_periods(engine, sources)
    tables |= {name: translated(engine, tables[name], system) for name, system in systems.items()}
    worth = {key: getattr(config, key) for key in ("currency", "margin", "acquisition_cost")}
    card = Card(title=name, **worth, owners=config.owners)
    data = Dataset(name, engine, tables, zone, read_as_of(config.as_of, zone), config.roles, (), card)
    began = read_as_of(config.recorded_from, zone, "recorded_from")
    data = replace(data, recorded_from=began, grace=patience, lapse=silence, labels=config.labels)
    data = replace(data, personas=_personas_beside(source))
    with blamed(on_config=not set(said) & {"as_of", "recorded_from"}):
        check_span(data)
    if data.as_of is None:
        data = replace(data, as_of=_last_complete(data))
    notes = [f"not used: {listed(unused)}"] if unused else []
    notes += [note for each in (*read, *checked) for note in each.notes]
    notes += [f"{found.label}: read as {found.encoding}" for found in sources if found.encoding]
    notes += move_last_days(data, config.ends)
    data = with_currencies(replace(data, notes=tuple(notes)), config.currency, config.rates)
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


def _name_of(source: object) -> str:
    return Path(source).resolve().stem if isinstance(source, (str, Path)) else "data"


def _personas_beside(source: object) -> Path | None:
    """The folder `personas` in the folder that was opened, or beside the file."""
    if not isinstance(source, (str, Path)):
        return None
    place = Path(source)
    folder = (place if place.is_dir() else place.parent) / "personas"
    return folder if folder.is_dir() else None


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


def _ids_differ(engine: Engine, tables: list[Readings]) -> bool:
    """Whether customers are called by numbers in one table and by text in another."""
    numbers = {
        numbers_in(engine.columns(each.source.relation)[column.source]) in ("whole", "float")
        for each in tables
        for column in each.columns
        if column.name == "customer_id"
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
