"""What the user says about the data: `kbind.yaml` beside it, and the keyword `mapping`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from kbind.calendar import days_of
from kbind.dataset.labels import read_labels
from kbind.dataset.making import Making, read_making
from kbind.dataset.places import check_exists, fault
from kbind.dataset.reading.times import EPOCHS
from kbind.dataset.schema import ROLES, TABLES
from kbind.errors import MOST, ArgumentError, DatasetError, choices, listed, plain, real, told
from kbind.text.labels import Labels
from kbind.yamlfile import read_values

CONFIG_NAME = "kbind.yaml"
#: Years that a company's data can speak of.
_YEARS = range(1900, 2201)
#: Keys of an entry of `tables` beside which its columns may stand.
_ROWS = ("file", "sheet", "system", "only", "without", "filled", "leave_out")
#: What the end of a contract may be: the last day that belongs to it, or the moment from which on it is over.
ENDS = ("inclusive", "exclusive")


#: Numbers of the chapters of a report.
CHAPTERS = ("00", "01", "01b", "01c", "01d", "02", "03", "04", "05", "06", "07")


@dataclass(frozen=True)
class Role:
    """A column of `customers` that plays a part, and for flags the value that means yes."""

    column: str
    value: object = None


@dataclass(frozen=True)
class TableConfig:
    """Where a table comes from and what its columns are called there (contract name -> source name).

    `system` names the system whose own ids the table carries; `id_map` translates them. `sheet` is one of a workbook.
    `files` and `sheets` are all of them where the table's rows lie in several.
    `made` holds columns that the source does not have as such. Rows count that have one of the values in `only`, none
    of those in `without`, and a value in all columns of `filled`. Columns in `leave_out` are not read.
    """

    source: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    system: str | None = None
    sheet: str | None = None
    made: Mapping[str, Making] = field(default_factory=dict)
    only: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    without: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    filled: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()

    def under(self, other: TableConfig) -> TableConfig:
        """What another entry says, and where that is nothing, what this one does."""
        parts = {each.name: getattr(other, each.name) or getattr(self, each.name) for each in fields(TableConfig)}
        columns = {name: of for name, of in self.columns.items() if name not in other.made} | dict(other.columns)
        made = {name: of for name, of in self.made.items() if name not in other.columns} | dict(other.made)
        return TableConfig(**{**parts, "columns": columns, "made": made})


@dataclass(frozen=True)
class Config:
    """Everything declared about a data set."""

    title: str | None = None
    currency: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)
    margin: float | None = None
    acquisition_cost: float | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    timezone: str | None = None
    as_of: object = None
    recorded_from: object = None
    decimal: str | None = None
    date_order: str | None = None
    times: Mapping[str, str] = field(default_factory=dict)
    drop_rows_without: tuple[str, ...] = ()
    grace: str = "1D"
    lapse: str | None = None
    ends: str | None = None
    tables: Mapping[str, TableConfig] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """Declared file or table name -> tables of the contract that are made of it."""
        named = {table: entry.files or (entry.source,) for table, entry in self.tables.items() if entry.source}
        sources = dict.fromkeys(source for files in named.values() for source in files)
        return {
            source: tuple(table for table, files in named.items() if source in files) for source in sources if source
        }

    def tables_of(self, name: str, own: str) -> tuple[str, ...]:
        """Tables that are made of a file or table; its own name counts where nothing else is declared for it."""
        declared = self.sources.get(name, ())
        wanted = own in self.tables and self.tables[own].source is None
        return (*declared, own) if own not in declared and (not declared or wanted) else declared


def read_config(path: Path) -> Config:
    """Read `kbind.yaml`; an empty configuration if there is none."""
    if not os.path.lexists(path):  # or the folder itself is closed, and that will be said
        return Config()
    wrong = fault(path, path.parent)
    if wrong is not None:
        raise DatasetError([wrong])
    return config_of(read_values(path), path.name)


def config_of(content: object, where: str) -> Config:
    """What the values of a `kbind.yaml` say; nothing if there are none."""
    keys = [each.name for each in fields(Config)]
    if content is None:
        return Config()
    if not isinstance(content, dict):
        raise _wrong(where, f"holds a {type(content).__name__}", f"allowed: the keys {listed(keys)}")
    for key, value in content.items():
        if key not in keys:
            raise _wrong(where, f"unknown key {key!r}", choices(key, keys, "allowed"))
        fits, allowed = _CHECKS.get(key, (lambda _: True, ""))
        if value is not None and not fits(value):
            raise _wrong(where, f"{key}: {value!r}", f"allowed: {allowed}")
    given = {key: value for key, value in content.items() if value is not None}
    read = {name: _READERS[name](given[name], where) for name in _READERS if name in given}
    return Config(**{**given, **read})


def read_declared(
    source: object, table: str | None, mapping: Mapping[str, Any] | None, roles: Mapping[str, Any] | None
) -> tuple[Config, dict[str, str]]:
    """What `kbind.yaml` beside the source says, with columns and roles on top, and where each role was declared."""
    for name, given in (("mapping", mapping), ("roles", roles)):
        if not (given is None or isinstance(given, Mapping)):
            raise ArgumentError(f"{name}={told(given)} is no mapping; allowed: {{name: ...}}, see docs/data.md")
    config = Config()
    if isinstance(source, (str, Path)):
        path = Path(source)
        check_exists(path)
        config = read_config((path if path.is_dir() else path.parent) / CONFIG_NAME)
    where = dict.fromkeys(config.roles, CONFIG_NAME) | dict.fromkeys(roles or {}, "roles")
    tables = dict(config.tables)
    for name, entry in read_mapping(_by_table(mapping or {}, source, table), "mapping").items():
        tables[name] = tables.get(name, TableConfig()).under(entry)
    return replace(config, tables=tables, roles={**config.roles, **read_roles(roles or {}, "roles")}), where


def _by_table(mapping: Mapping[str, Any], source: object, table: str | None) -> Mapping[str, Any]:
    """A mapping by table; for a single one, that of its columns is enough."""
    if not mapping or any(key in TABLES for key in mapping):
        return mapping
    known = table or (Path(source).stem.lower() if isinstance(source, (str, Path)) else None)
    only = list(source) if isinstance(source, Mapping) else [known]
    return {str(only[0]): mapping} if len(only) == 1 and only[0] in TABLES else mapping


def read_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller says by keyword, as `kbind.yaml` would say it; None is no word.

    Raises
    ------
    ArgumentError
        Another keyword, or a value that it cannot have.
    """
    allowed = [each.name for each in fields(Config) if each.name not in ("tables", "roles")]
    said = {name: value for name, value in given.items() if value is not None}
    for name, value in said.items():
        if name not in allowed:
            raise ArgumentError(f"{name}= is no setting; {choices(name, allowed, 'settings')}")
        if name in ("grace", "lapse", "ends"):
            continue  # checked where they are read
        fits, like = _CHECKS.get(name, (lambda _: True, "see docs/data.md"))
        try:
            right = fits(value)
            said[name] = _READERS[name](value, name) if right and name in _READERS else value
        except (DatasetError, TypeError, ValueError):  # a frame, say, that is compared with a word
            right = False
        if not right:
            raise ArgumentError(f"{name}={told(value)} is not possible; allowed: {like}")
    return said


@contextmanager
def blamed(*, on_config: bool) -> Iterator[None]:
    """What `kbind.yaml` says wrongly is no fault of an argument."""
    try:
        yield
    except ArgumentError as error:
        if on_config:
            raise DatasetError.of(CONFIG_NAME, str(error)) from error
        raise


def _read_owners(owners: object, where: str) -> dict[str, str]:
    """Who is responsible for what a chapter asks for, by its number."""
    if not isinstance(owners, Mapping):
        raise _wrong(where, f"owners: {owners!r}", f"allowed: chapters ({listed(CHAPTERS)}), each with a name")
    result = {}
    for chapter, name in owners.items():
        number = re.sub(r"^(?=\d(\D|$))", "0", str(chapter))
        if number not in CHAPTERS:
            raise _wrong(where, f"owners: unknown chapter {chapter!r}", f"allowed: {listed(CHAPTERS)}")
        if not isinstance(name, str) or not name.strip():
            raise _wrong(where, f"owners: chapter {chapter}: {name!r}", "allowed: who is responsible, as text")
        result[number] = plain(" ".join(name.split()), 60)
    return result


def _read_times(times: object, where: str) -> dict[str, str]:
    """What numbers in columns of times count since 1970: by column, or under "" for all of them."""
    given = times if isinstance(times, Mapping) else {"": times}
    for name, unit in given.items():
        if unit not in EPOCHS:
            raise _wrong(where, f"times: {unit!r}", f"allowed: {listed(EPOCHS)}; for some columns {{name: unit}}")
        if not isinstance(name, str):
            raise _wrong(where, f"times: {name!r}", "allowed: names of columns")
    return {str(name): str(unit) for name, unit in given.items()}


def read_mapping(mapping: Mapping[str, Any], where: str) -> dict[str, TableConfig]:
    """Table name -> columns (contract name -> source name, or what it is made of), with the source and its rows.

    With `file`, `sheet`, `system`, `only`, `without` or `filled` the columns stand under `columns`, or beside these.

    >>> read_mapping({"events": {"file": "Orders.csv", "columns": {"customer_id": "Who"}}}, "mapping")["events"].columns
    {'customer_id': 'Who'}
    """
    result = {}
    if not isinstance(mapping, Mapping):
        raise _wrong(where, f"tables: {mapping!r}", "allowed: table names, each with its columns")
    for table, entry in mapping.items():
        if table not in TABLES:
            raise _wrong(where, f"unknown table {table!r}", choices(table, TABLES, "tables"))
        if not isinstance(entry, Mapping):
            raise _wrong(where, f"{table}: {entry!r}", "allowed: columns as 'customer_id: their name'")
        if "columns" in entry and (odd := [key for key in entry if key not in (*_ROWS, "columns")]):
            raise _wrong(where, f"{table}: unknown key {odd[0]!r}", choices(odd[0], (*_ROWS, "columns"), "allowed"))
        nested = entry.get("columns", {k: v for k, v in entry.items() if k not in _ROWS})
        if not isinstance(nested, Mapping) or not all(isinstance(v, (str, Mapping)) for v in nested.values()):
            raise _wrong(where, f"{table}: columns {nested!r}", "allowed: 'customer_id: their name', one a line")
        files, sheets = (
            _read_places(entry.get(key), where, f"{table}: {key}", like)
            for key, like in (("file", "a file in the folder"), ("sheet", "a sheet in the workbook"))
        )
        made = {str(k): read_making(of, where, f"{table}: {k}") for k, of in nested.items() if isinstance(of, Mapping)}
        only, without = (_read_values(entry.get(k) or {}, where, f"{table}: {k}") for k in ("only", "without"))
        filled, left = (_read_names(entry.get(k) or [], where, f"{table}: {k}") for k in ("filled", "leave_out"))
        result[str(table)] = TableConfig(
            source=files[0] if files else None,
            columns={str(name): of for name, of in nested.items() if isinstance(of, str)},
            system=entry.get("system"),
            sheet=sheets[0] if sheets else None,
            made=made,
            only=only,
            without=without,
            filled=filled,
            leave_out=left,
            files=files if len(files) > 1 else (),
            sheets=sheets if len(sheets) > 1 else (),
        )
    return result


def _read_places(given: object, where: str, name: str, like: str) -> tuple[str, ...]:
    """The files or sheets that a table's rows lie in; none if nothing is said."""
    places = [] if given is None else given if isinstance(given, list) else [given]
    if not all(isinstance(place, str) for place in places) or (given == [] or len(set(places)) < len(places)):
        raise _wrong(where, f"{name} {given!r}", f"allowed: the name of {like}, or a list of such names")
    return tuple(places)


def _read_values(given: object, where: str, name: str) -> dict[str, tuple[object, ...]]:
    """Column -> values of it."""
    plain_kinds = (str, int, float, date)
    values = {
        column: tuple(of) if isinstance(of, list) else (of,)
        for column, of in (given.items() if isinstance(given, Mapping) else [])
    }
    wrong = [v for of in values.values() for v in of if not isinstance(v, plain_kinds)] or not all(values.values())
    if not isinstance(given, Mapping) or wrong or not all(isinstance(column, str) for column in values):
        raise _wrong(where, f"{name}: {given!r}", "allowed: columns of the file, each with a value or a list of values")
    return values


def _read_names(given: object, where: str, name: str) -> tuple[str, ...]:
    """Names of columns."""
    columns = [given] if isinstance(given, str) else given
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise _wrong(where, f"{name}: {given!r}", "allowed: a column of the file, or a list of them")
    return tuple(columns)


def read_roles(roles: Mapping[str, Any], where: str) -> dict[str, Role]:
    """Role -> column of `customers`, with the value that means yes where it is a flag."""
    result = {}
    if not isinstance(roles, Mapping):
        raise _wrong(where, f"{roles!r}", f"allowed: roles ({listed(ROLES)}), each with its column")
    for role, entry in roles.items():
        if role not in ROLES:
            raise _wrong(where, f"unknown role {role!r}", choices(role, ROLES, "roles"))
        if isinstance(entry, str):
            result[str(role)] = Role(entry)
        elif isinstance(entry, Mapping) and isinstance(entry.get("column"), str) and set(entry) <= {"column", "value"}:
            result[str(role)] = Role(entry["column"], entry.get("value"))
        else:
            raise _wrong(where, f"role {role}: {entry!r}", "allowed: a column, or {column: ..., value: ...}")
    return result


def read_timezone(timezone: str | None) -> str | None:
    """The name of an existing time zone, or None."""
    if timezone is None:
        return None
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise ArgumentError(
            f"timezone={plain(repr(timezone), 80)} is not known; "
            "allowed: a name from the IANA list, such as 'Europe/Berlin'"
        ) from error
    return timezone


def read_as_of(as_of: object, timezone: str | None, parameter: str = "as_of") -> datetime | None:
    """The moment up to which the data is complete, as a wall-clock time in the data's zone.

    A date means the start of that day: data through 31 December is complete as of 1 January.

    >>> read_as_of("2018-01-01", "Europe/Berlin")
    datetime.datetime(2018, 1, 1, 0, 0)
    >>> read_as_of("2018-01-01T00:00:00Z", "Europe/Berlin")
    datetime.datetime(2018, 1, 1, 1, 0)
    """
    if as_of is None:
        return None
    moment: datetime
    said = f"{parameter}={plain(repr(as_of), 80)}"
    if isinstance(as_of, np.datetime64):
        as_of = as_of.astype("datetime64[us]").item()
    if isinstance(as_of, str):
        try:
            moment = datetime.fromisoformat(as_of.strip())
        except ValueError as error:
            raise ArgumentError(f"{said} is not a date; allowed: 2018-01-01 or 2018-01-01T00:00") from error
    elif isinstance(as_of, datetime):  # pandas.Timestamp is one
        moment = as_of.to_pydatetime(warn=False) if hasattr(as_of, "to_pydatetime") else as_of
    elif isinstance(as_of, date):
        moment = datetime(as_of.year, as_of.month, as_of.day)
    else:
        raise ArgumentError(f"{said} is not a date; allowed: a date, a datetime or ISO text")
    if not isinstance(moment, datetime) or moment != moment:
        raise ArgumentError(f"{said} is not a date; allowed: a date, a datetime or ISO text")
    if moment.year not in _YEARS:
        raise ArgumentError(f"{said} is no moment of a company's data; allowed: {_YEARS[0]} to {_YEARS[-1]}")
    if moment.tzinfo is not None:
        moment = moment.astimezone(ZoneInfo(timezone or "UTC")).replace(tzinfo=None)
    return moment


def _is_days(value: object) -> bool:
    try:
        return days_of("grace", value) >= 0
    except ArgumentError:
        return False


#: What the value of a key has to be like, and how to say so.
_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "title": (lambda value: isinstance(value, (str, int, float, date)), "text"),
    "currency": (
        lambda value: isinstance(value, str) and re.fullmatch("([A-Z]{3})?", value) is not None,
        "a code of three letters, such as EUR",
    ),
    "rates": (
        lambda value: (
            isinstance(value, Mapping)
            and all(re.fullmatch("[A-Z]{3}", str(code)) and 0 < real(worth) <= MOST for code, worth in value.items())
        ),
        "what one unit of each currency is worth in that of the data, such as {USD: 0.92}",
    ),
    "margin": (lambda value: 0 <= real(value) <= 1, "a share from 0 to 1"),
    "acquisition_cost": (lambda value: 0 <= real(value) <= MOST, "0 or more"),
    "decimal": (lambda value: value in (".", ","), "., ,"),
    "date_order": (lambda value: value in ("dmy", "mdy"), "dmy, mdy"),
    "drop_rows_without": (lambda value: value in ("customer_id", ["customer_id"]), "customer_id"),
    "grace": (_is_days, "days or weeks, such as 1D"),
    "lapse": (_is_days, "days or weeks, such as 56D"),
    "ends": (lambda value: value in ENDS, ", ".join(ENDS)),
}
#: How the value of a key is read, where it does not stand for itself.
_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "title": lambda value, _: str(value),
    "drop_rows_without": lambda *_: ("customer_id",),
    "times": _read_times,
    "tables": read_mapping,
    "owners": _read_owners,
    "roles": read_roles,
    "labels": read_labels,
}


def _wrong(where: str, message: str, allowed: str) -> DatasetError:
    return DatasetError.of(where, plain(message, 200), allowed=allowed)
