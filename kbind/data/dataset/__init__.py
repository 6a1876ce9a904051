"""Open a company's data: any source in, checked tables out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kbind.data.dataset.checks import CheckedTable, find_problems, is_id, read_table
from kbind.data.dataset.config import (
    CONFIG_NAME,
    Config,
    Role,
    read_as_of,
    read_config,
    read_mapping,
    read_timezone,
)
from kbind.data.dataset.reading import Reading, is_text
from kbind.data.dataset.schema import TABLES
from kbind.data.dataset.sources import Source, check_anchors, find_sources
from kbind.data.engine import Engine, parse
from kbind.errors import ArgumentError, DatasetError, Problem, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Card", "Dataset", "Role", "open_dataset"]


@dataclass(frozen=True)
class Card:
    """What a reader must know about a data set before believing a number from it.

    Parameters
    ----------
    title : str
        Name of the data set.
    source : str
        Where it comes from.
    licence : str
        As stated by the package it comes with.
    n : str
        Rows and customers.
    fields : mapping of str to str
        Column -> meaning.
    caveats : tuple of str
        What it must not be used for, and what is odd about it.
    customer : str
        What a customer is called in a report: "customer" or "household".
    key : str
        Name of what a report says about the data, if anything: "grocery".
    """

    title: str
    source: str = ""
    licence: str = ""
    n: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()
    customer: str = "customer"
    key: str = ""

    def __str__(self) -> str:
        lines = [self.title, f"Source: {self.source}", f"Licence: {self.licence}", f"Size: {self.n}", "Fields:"]
        lines += [f"  {name}: {meaning}" for name, meaning in self.fields.items()]
        lines += ["Caveats:"] + [f"  - {caveat}" for caveat in self.caveats]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Checked tables of one company, ready to be reduced.

    Made by `open_dataset` or by `kbind.data.datasets`; immutable.

    Attributes
    ----------
    name : str
        Title for reports.
    tables : mapping of str to CheckedTable
        What is there.
    timezone : str or None
        Zone of the calendar that periods are cut in; None if no time stamp has an offset and none was given.
    as_of : datetime or None
        Wall-clock moment in `timezone` up to which the data is complete; None without any time stamp.
    roles : mapping of str to Role
        Columns of `customers` that play a part.
    notes : tuple of str
        What was found and is worth knowing, but no error.
    card : Card
        Source, licence, size, fields, caveats.
    """

    name: str
    engine: Engine = field(repr=False)
    tables: Mapping[str, CheckedTable]
    timezone: str | None
    as_of: datetime | None
    roles: Mapping[str, Role]
    notes: tuple[str, ...]
    card: Card

    def table(self, name: str) -> pd.DataFrame:
        """One checked table as a pandas data frame.

        Raises
        ------
        ArgumentError
            The data set has no such table.
        """
        self.require(name)
        frame: pd.DataFrame = self.engine.query("SELECT * FROM t", tables={"t": name}).to_pandas()
        return frame

    def require(self, *names: str) -> str:
        """The first of the named tables that is there.

        Raises
        ------
        ArgumentError
            None of them is.
        """
        for name in names:
            if name in self.tables:
                return name
        wanted = " or ".join(repr(name) for name in names)
        raise ArgumentError(f"this needs a table {wanted}; {self.name!r} has: {', '.join(self.tables)}")

    def overview(self) -> pd.DataFrame:
        """Size and span of every table.

        Returns
        -------
        DataFrame
            Columns table, source, rows, customers, first, last (wall-clock times in `timezone`).
        """
        import pandas as pd

        rows = []
        for table in self.tables.values():
            counted = self.engine.query("SELECT count(DISTINCT customer_id) AS n FROM t", tables={"t": table.name})
            first, last = (self.wall_clock(moment) for moment in table.span) if table.span else (None, None)
            rows.append((table.name, table.label, table.rows, counted.column("n")[0].as_py(), first, last))
        frame = pd.DataFrame(rows, columns=["table", "source", "rows", "customers", "first", "last"])
        return frame.astype({"first": "datetime64[us]", "last": "datetime64[us]"})

    def wall_clock(self, moment: datetime) -> datetime:
        """A moment as the clock on the wall shows it in the data set's zone."""
        if moment.tzinfo is None:
            return moment
        return moment.astimezone(ZoneInfo(self.timezone or "UTC")).replace(tzinfo=None)

    def __str__(self) -> str:
        complete = "no time stamps" if self.as_of is None else f"complete up to {self.as_of:%Y-%m-%d %H:%M}"
        lines = [f"{self.name} ({complete}, time zone {self.timezone or 'not stated'})"]
        lines.append(self.overview().to_string(index=False, na_rep="–"))
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        head = escape(str(self).splitlines()[0])
        return f"<p>{head}</p>{self.overview().to_html(index=False, na_rep='–', border=0)}<ul>{notes}</ul>"


def open_dataset(
    source: object,
    *,
    table: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    timezone: str | None = None,
    as_of: object = None,
) -> Dataset:
    """Open and check a company's data.

    Parameters
    ----------
    source : path, or dict of data frames
        A folder of CSV or Parquet files named after their table, one such file, a DuckDB file, or pandas,
        Polars or Arrow frames by table name. A `kbind.yaml` beside the files is read.
    table : str, optional
        Which table a single file is, unless its name says so.
    mapping : mapping, optional
        Names of columns, ``{"events": {"customer_id": "Kundennr", "timestamp": "Datum"}}``; for a single file the
        inner mapping is enough. Goes before `kbind.yaml`.
    timezone : str, optional
        IANA name of the zone whose calendar cuts the periods. Time stamps with an offset are converted to it;
        those without are taken as wall-clock times in it. Default: the zone the frames carry, else UTC if any
        time stamp has an offset.
    as_of : date, datetime or ISO text, optional
        Moment up to which the data is complete; a date means its start. Default: the end of the last day on
        which something was recorded.

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
    engine = Engine()
    config = _declared(source, table, mapping)
    zone = read_timezone(timezone if timezone is not None else config.timezone)
    moment = read_as_of(as_of if as_of is not None else config.as_of, zone)  # cheap, so wrong arguments fail first
    sources, unused = find_sources(engine, source, table, config)
    name = config.title or _name_of(source)
    check_anchors(sources, name)

    readings: dict[str, list[Reading]] = {}
    tables: dict[str, CheckedTable] = {}
    problems: list[Problem] = []
    for found in sources:
        columns, wrong = read_table(engine, found, config)
        problems += wrong
        more, checked = find_problems(engine, found, columns)
        problems += more
        readings[found.table], tables[found.table] = columns, checked
    problems += _wrong_roles(config.roles, readings)
    if problems:
        raise DatasetError(problems)

    zone = zone or next((s.timezone for s in sources if s.timezone), None)
    if zone is None and any(t.instants for t in tables.values()):
        zone = "UTC"
    tables = _typed(engine, sources, readings, tables)
    notes = [f"not used: {', '.join(unused)}"] if unused else []
    notes += [f"{found.label}: read as {found.encoding}" for found in sources if found.encoding]
    dataset = Dataset(
        name=name,
        engine=engine,
        tables=tables,
        timezone=zone,
        as_of=None,
        roles=config.roles,
        notes=(),
        card=Card(title=name),
    )
    if as_of is None and config.as_of is None:
        moment = _last_complete(dataset)
    elif zone != timezone:  # the zone became known only with the data
        moment = read_as_of(as_of if as_of is not None else config.as_of, zone)
    dataset = replace(dataset, as_of=moment)
    return replace(dataset, notes=(*notes, *_worth_knowing(dataset)))


def _declared(source: object, table: str | None, mapping: Mapping[str, Any] | None) -> Config:
    config = Config()
    if isinstance(source, (str, Path)):
        path = Path(source)
        config = read_config((path if path.is_dir() else path.parent) / CONFIG_NAME)
    if mapping:
        if not any(key in TABLES for key in mapping):
            known = table or (Path(source).stem.lower() if isinstance(source, (str, Path)) else None)
            only = list(source) if isinstance(source, Mapping) else [known]
            if len(only) == 1 and only[0] in TABLES:
                mapping = {str(only[0]): mapping}
        config = replace(config, tables={**config.tables, **read_mapping(mapping, "mapping")})
    return config


def _name_of(source: object) -> str:
    return Path(source).resolve().stem if isinstance(source, (str, Path)) else "data"


def _wrong_roles(roles: Mapping[str, Role], readings: Mapping[str, list[Reading]]) -> list[Problem]:
    columns = [reading.name for reading in readings.get("customers", [])]
    return [
        Problem(CONFIG_NAME, f"role {role!r}: no column {entry.column!r} in customers",
                allowed=did_you_mean(entry.column, columns) + f"columns: {', '.join(columns)}")
        for role, entry in roles.items()
        if entry.column not in columns
    ]  # fmt: skip


def _typed(
    engine: Engine,
    sources: list[Source],
    readings: Mapping[str, list[Reading]],
    tables: Mapping[str, CheckedTable],
) -> dict[str, CheckedTable]:
    """Give every table the contract's names and types; a view where nothing has to be computed."""
    texts = [
        is_text(engine.columns(found.relation)[reading.source])
        for found in sources
        for reading in readings[found.table]
        if reading.name == "customer_id"
    ]
    mixed = any(texts) and not all(texts)
    result = {}
    for found in sources:
        columns = readings[found.table]
        expressions = {
            reading.name: parse("CAST(_x AS VARCHAR)", x=reading.expression)
            if mixed and is_id(found.table, reading.name)
            else reading.expression
            for reading in columns
        }
        stored = found.is_text or any(reading.converted for reading in columns)
        engine.define(found.table, found.relation, expressions, stored=stored)
        if found.is_text:
            engine.drop(found.relation)
        result[found.table] = replace(tables[found.table], columns=engine.columns(found.table))
    return result


def _last_complete(dataset: Dataset) -> datetime | None:
    """The end of the last day on which something was recorded."""
    last = [dataset.wall_clock(table.span[1]) for table in dataset.tables.values() if table.span]
    if not last:
        return None
    day = max(last).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def _worth_knowing(dataset: Dataset) -> list[str]:
    notes = []
    if "amount" in dataset.tables["events"].columns if "events" in dataset.tables else False:
        found = dataset.engine.query(
            "SELECT count(*) AS n, sum(amount) AS total FROM t WHERE amount < 0", tables={"t": "events"}
        )
        refunds, total = found.column("n")[0].as_py(), found.column("total")[0].as_py()
        if refunds:
            what = "refund (negative amount)" if refunds == 1 else "refunds (negative amounts)"
            notes.append(f"events: {refunds:,} {what}, {total:,.2f} in all; kept")
    late = [
        table.name
        for table in dataset.tables.values()
        if table.span and dataset.as_of and dataset.wall_clock(table.span[1]) >= dataset.as_of
    ]
    if late:
        notes.append(f"rows from {dataset.as_of:%Y-%m-%d} on are outside what was declared complete: {', '.join(late)}")
    return notes


def to_instant(moment: datetime, timezone: str | None) -> datetime:
    """A wall-clock time as a moment in world time; inside a gap of the clock, the moment of the change."""
    return moment.replace(tzinfo=ZoneInfo(timezone or "UTC")).astimezone(UTC)
