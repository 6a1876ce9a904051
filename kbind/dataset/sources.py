"""Find the tables in whatever the user points at, and put each before the engine as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kbind.dataset.books import Book, Sheet
from kbind.dataset.config import CONFIG_NAME, Config, TableConfig
from kbind.dataset.csvfile import read_csv, rows_shown
from kbind.dataset.frames import is_frame, read_frame, zone_of
from kbind.dataset.places import check_no_sqlite, fault, undeclared
from kbind.dataset.schema import ANCHORS, TABLES
from kbind.dataset.sheets import read_sheet
from kbind.dataset.workbook import Place, read_form
from kbind.engine.engine import Engine
from kbind.engine.failures import EngineError
from kbind.errors import ArgumentError, DatasetError, Problem, choices, did_you_mean, listed, plain

_CSV = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")
_DATABASE = (".duckdb", ".db", ".ddb")
_WORKBOOK = (".xlsx", ".xlsm")
_OTHER_WORKBOOK = (".xls", ".xlsb", ".ods", ".numbers")


@dataclass(frozen=True)
class Source:
    """One table as it was found.

    Parameters
    ----------
    table : str
        Name in the contract.
    label : str
        What the user calls it: a file name, or a frame.
    delimiter : str or None
        For CSV files.
    encoding : str or None
        For CSV files that are not UTF-8.
    timezone : str or None
        Zone the source itself declares (frames with zoned time stamps).
    path : Path or None
        For CSV files, so that rows can be found again.
    places : mapping of str to sequence of Place
        For templates of kbind's: the cell that each value of a column stands in.
    rows : sequence of int
        For sheets: the row that a spreadsheet shows for each row.
    notes : tuple of str
        What was found when it was read.
    parts : tuple of (Source, int)
        Where the rows lie in several files: each of these with its rows, one below the other.
    """

    table: str
    label: str
    delimiter: str | None = None
    encoding: str | None = None
    timezone: str | None = None
    path: Path | None = None
    places: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    rows: Sequence[int] = ()
    notes: tuple[str, ...] = ()
    parts: tuple[tuple[Source, int], ...] = ()

    def rows_shown(self, rows: Sequence[int]) -> list[int | str]:
        """Rows as the user counts them, from rows as the engine does: a spreadsheet counts header and empty lines."""
        if self.parts:
            return [self._row_of_part(row) for row in rows]
        if self.rows:
            return [self.rows[row - 1] for row in rows]
        if self.path is None or self.delimiter is None or not rows:
            return list(rows)
        return list(rows_shown(self.path, self.encoding, self.delimiter, rows))

    def _row_of_part(self, row: int) -> str:
        for part, rows in self.parts:
            if row <= rows:
                return f"{part.label} row {part.rows_shown([row])[0]}"
            row -= rows
        raise AssertionError("a row lies in one of the parts")

    @property
    def relation(self) -> str:
        """Relation of the engine that shows it unchanged."""
        return _raw(self.table)

    @property
    def file(self) -> str:
        """The file alone, where the label also names a part of it."""
        return self.path.name if self.path is not None else self.label

    @property
    def is_text(self) -> bool:
        """Whether the source is a text file that was copied into the engine."""
        return self.delimiter is not None


def _raw(table: str) -> str:
    return f"{table}__raw"


def find_sources(
    engine: Engine, source: object, table: str | None, config: Config
) -> tuple[list[Source], tuple[str, ...]]:
    """Load every table found; returns them and the names of files that were not used."""
    if isinstance(source, Mapping):
        return _from_frames(engine, source), ()
    if table is not None and is_frame(source):
        return _from_frames(engine, {table: source}), ()
    if not isinstance(source, (str, Path)):
        raise ArgumentError(
            f"source of type {type(source).__name__} cannot be opened; allowed: a folder, a CSV, Parquet or DuckDB "
            "file, a workbook, or a dict of data frames by table name"
        )
    path = Path(source)
    if path.is_dir() and table is None:
        with ExitStack() as books:
            return _from_folder(engine, path, config, books)
    if path.is_file():
        check_no_sqlite(path)
    if path.suffix.lower() in _DATABASE:
        return _from_database(engine, path, config)
    if path.suffix.lower() in _WORKBOOK + _OTHER_WORKBOOK:
        return _from_workbook(engine, path, table, config)
    return [read_file(engine, path, name) for name in _tables_of(path, table, config)], ()


def _from_frames(engine: Engine, frames: Mapping[Any, Any]) -> list[Source]:
    def read(name: Any, frame: Any) -> Source:
        label = f"frame {name!r}"
        if name not in TABLES:
            raise DatasetError([_unknown_table(label, str(name))])
        arrow, notes = read_frame(label, frame)
        engine.read_frame(_raw(name), arrow)
        return Source(str(name), label, timezone=zone_of(arrow), notes=tuple(notes))

    return _each(read, frames.items())


def _each(read: Callable[..., Source], places: Iterable[tuple[Any, Any]]) -> list[Source]:
    """What is read at every place; the problems of all of them are told at once."""
    sources, problems = [], list[Problem]()
    for place in places:
        try:
            sources.append(read(*place))
        except DatasetError as error:
            problems += error.problems
    if problems:
        raise DatasetError(problems)
    return sources


def _from_folder(
    engine: Engine, folder: Path, config: Config, books: ExitStack
) -> tuple[list[Source], tuple[str, ...]]:
    declared = config.sources
    chosen: dict[str, list[Path | Sheet]] = {}
    unused, problems = [], []
    try:
        content = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name != CONFIG_NAME)
        folder.joinpath(CONFIG_NAME).exists()  # a folder can be listed and yet be closed
    except OSError as error:
        raise DatasetError.of(str(folder), f"cannot be read: {error.strerror}") from error
    for path in content:
        table, *more = config.tables_of(path.name, path.stem.lower())
        wrong = fault(path, folder) if table in TABLES else None
        if wrong is not None:
            problems.append(wrong)
        elif path.suffix.lower() in _WORKBOOK + _OTHER_WORKBOOK:
            try:
                sheets, left = _sheets_of(path, folder, config, books)
            except DatasetError as error:
                sheets, left = {}, [] if table in TABLES else [path.name]  # nobody has asked for it
                problems += error.problems if table in TABLES else ()
            for one, some in sheets.items():
                chosen.setdefault(one, []).extend(some)
            unused += left
        elif not (path.suffix.lower() in _CSV + _PARQUET or (path.is_dir() and any(path.rglob("*.parquet")))):
            unused.append(path.name)
        elif table in TABLES:
            for one in (table, *more):
                chosen.setdefault(one, []).append(path)
        elif did_you_mean(table, TABLES) and path.name not in declared:
            problems.append(_unknown_table(path.name, table))
        else:
            unused.append(path.name)
    for name, tables in declared.items():
        wrong = undeclared(folder, name)
        if wrong is not None:
            problems.append(replace(wrong, file=CONFIG_NAME, message=f"{', '.join(tables)}: {wrong.message}"))
    for table, entry in config.tables.items():
        if entry.sheet and not problems and not any(isinstance(place, Sheet) for place in chosen.get(table, ())):
            message = f"{table}: no workbook of the folder has a sheet {plain(entry.sheet)!r}"
            problems.append(Problem(CONFIG_NAME, message, allowed="allowed: with file:, the workbook's name"))
    for table, paths in chosen.items():
        entry = config.tables.get(table, TableConfig())
        if len(paths) > max(len(entry.files), len(entry.sheets), 1):
            problems.append(
                Problem(paths[0].name, f"and {paths[1].name} both claim to be {table!r}", allowed="keep one of them")
            )
    if not chosen and not problems:
        allowed = f"allowed: CSV, Parquet or Excel files named after a table: {', '.join(TABLES)}; "
        allowed += f"found: {listed(unused) or 'nothing'}; 'kbind init' proposes what is what"
        raise DatasetError.of(str(folder), "holds no table", allowed=allowed)
    if problems:
        raise DatasetError(problems)
    read = partial(_read_parts, engine)
    return _each(read, ((paths, table) for table, paths in chosen.items())), tuple(unused)


def _read_parts(engine: Engine, paths: Sequence[Path | Sheet], table: str) -> Source:
    """A table whose rows lie in one file, or one below the other in several."""
    if len(paths) == 1:
        return read_file(engine, paths[0], table)
    parts = [read_file(engine, path, f"{table}__{number}") for number, path in enumerate(paths)]
    columns = [engine.columns(part.relation) for part in parts]
    for part, mine in zip(parts[1:], columns[1:], strict=True):
        if mine.keys() != columns[0].keys():
            lacks = [name for name in columns[0] if name not in mine]
            more = [name for name in mine if name not in columns[0]]
            said = [f"{word} {listed(names)}" for word, names in (("lacks", lacks), ("also has", more)) if names]
            message = f"has other columns than {parts[0].label}: {'; '.join(said)}"
            raise DatasetError.of(part.label, message, allowed=f"allowed: the same columns in all files of {table!r}")
    rows = [engine.size(part.relation) for part in parts]
    names = {f"p{number}": part.relation for number, part in enumerate(parts)}
    engine.create(_raw(table), " UNION ALL BY NAME ".join(f"SELECT * FROM {name}" for name in names), tables=names)
    for part in parts:
        engine.drop(part.relation)
    text = parts[0].delimiter if all(part.is_text for part in parts) else None
    said_of = [f"{part.label}: read as {part.encoding}" for part in parts if part.encoding]
    return Source(
        table,
        f"{parts[0].label} and {len(parts) - 1} more",
        delimiter=text,
        notes=tuple(note for part in parts for note in part.notes) + tuple(said_of),
        parts=tuple(zip(parts, rows, strict=True)),
    )


def _sheets_of(path: Path, folder: Path, config: Config, books: ExitStack) -> tuple[dict[str, list[Sheet]], list[str]]:
    """The sheets of a workbook in a folder that are tables, and what is not used of it."""
    if wrong := fault(path, folder):
        raise DatasetError([wrong])
    book = books.enter_context(closing(_open_book(path)))
    if book.is_form:
        allowed = "allowed: in a folder, other workbooks; open this one by its own path"
        raise DatasetError.of(path.name, "is a template of kbind's", allowed=allowed)
    sheets = book.tables(config)
    return sheets, book.unused(sheets) if sheets else [path.name]


def _open_book(path: Path) -> Book:
    if path.suffix.lower() in _OTHER_WORKBOOK:
        allowed = "allowed: save it as .xlsx, or its tables as CSV"
        raise DatasetError.of(path.name, f"is a workbook of a kind that is not read: {path.suffix}", allowed=allowed)
    try:
        return Book(path)
    except OSError as error:
        raise DatasetError.of(path.name, f"cannot be read: {error.strerror or error}") from error


def _from_sheet(engine: Engine, sheet: Sheet, table: str) -> Source:
    found = read_sheet(sheet)
    engine.read_frame(_raw(table), found.frame)
    return Source(table, sheet.name, path=sheet.book.path, rows=found.rows, notes=found.notes)


def read_file(engine: Engine, path: Path | Sheet, table: str) -> Source:
    """One file, or sheet of a workbook, put before the engine as it stands."""
    if isinstance(path, Sheet):
        return _from_sheet(engine, path, table)
    relation, suffix = _raw(table), path.suffix.lower()
    try:
        if path.is_dir():
            parts = sorted(path.rglob("*.parquet"))
            if not parts:
                allowed = "allowed: with table=..., a folder whose *.parquet files are the parts of that table"
                raise DatasetError.of(path.name, "holds no Parquet file", allowed=allowed)
            if wrong := [found for part in parts if (found := fault(part, path))]:
                raise DatasetError(wrong)
            _check_parts(path, parts)
            engine.read_parquet(relation, parts)
            return Source(table, path.name)
        if suffix in _PARQUET:
            _check_whole(path, path.name)
            engine.read_parquet(relation, [path])
            return Source(table, path.name)
        check_no_sqlite(path)
        delimiter, encoding = read_csv(engine, relation, path)
        return Source(table, path.name, delimiter=delimiter, encoding=encoding, path=path)
    except EngineError as error:
        raise DatasetError.of(path.name, f"cannot be read as Parquet: {_first_line(error)}") from error
    except OSError as error:
        raise DatasetError.of(path.name, f"cannot be read: {error.strerror}") from error


def _from_workbook(
    engine: Engine, path: Path, table: str | None, config: Config
) -> tuple[list[Source], tuple[str, ...]]:
    with closing(_open_book(path)) as book:
        if book.is_form:
            return _from_form(engine, path, table), ()
        sheets = book.tables(config, table, alone=True)
        if not sheets:
            allowed = (
                "allowed: sheets named after a table, table='events', or file: and sheet: in kbind.yaml; "
                f"sheets: {listed(book.titles.values())}; tables: {', '.join(TABLES)}"
            )
            raise DatasetError.of(path.name, "does not say which sheet is which table", allowed=allowed)
        sources = _each(partial(_read_parts, engine), ((some, name) for name, some in sheets.items()))
        return sources, tuple(book.unused(sheets))


def _from_form(engine: Engine, path: Path, table: str | None) -> list[Source]:
    if table not in (None, "periods"):
        raise ArgumentError(
            f"table={table!r}: a template of kbind's holds counts by period; allowed for other tables: other workbooks"
        )
    try:
        tables = read_form(path)
    except OSError as error:
        raise DatasetError.of(path.name, f"cannot be read: {error.strerror or error}") from error
    for found in tables:
        engine.read_frame(_raw(found.table), found.frame)
    return [Source(found.table, found.label, path=path, places=found.places) for found in tables]


def _check_whole(path: Path, label: str) -> None:
    """A Parquet file begins and ends with the same four letters."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(path.stat().st_size - 4, 0))
        end = file.read()
    if start != end or start not in (b"PAR1", b"PARE") or path.stat().st_size < 12:
        message = "cannot be read as Parquet: it is cut off, or something else under this name"
        raise DatasetError.of(label, message, allowed="copy or export it again")


def _check_parts(folder: Path, parts: Sequence[Path]) -> None:
    """Every part must be whole, and times have a zone in all parts or in none: the engine would drop it silently."""
    zoned: dict[str, dict[bool, str]] = {}
    for part in parts:
        label = part.relative_to(folder.parent).as_posix()
        _check_whole(part, label)
        if len(parts) > 1:
            for field in pq.read_schema(part):
                if pa.types.is_timestamp(field.type):
                    zoned.setdefault(field.name, {}).setdefault(field.type.tz is not None, label)
    problems = [
        Problem(found[False], f"has times without a zone, unlike {found[True]}", name, allowed="allowed: one kind")
        for name, found in zoned.items()
        if len(found) > 1
    ]
    if problems:
        raise DatasetError(problems)


def _from_database(engine: Engine, path: Path, config: Config) -> tuple[list[Source], tuple[str, ...]]:
    declared = config.sources
    try:
        names = engine.attach(path, "source")
    except EngineError as error:
        if "lock" in str(error):
            allowed = "allowed: close it there, or copy the file"
            raise DatasetError.of(path.name, "is open in another program", allowed=allowed) from error
        raise DatasetError.of(path.name, f"cannot be opened as DuckDB: {_first_line(error)}") from error
    problems = []
    for name, tables in declared.items():
        if name not in names:
            message = f"{', '.join(tables)}: no table {name!r} in {path.name}"
            problems.append(Problem(CONFIG_NAME, message, allowed=did_you_mean(name, names).strip()))
    if problems:
        raise DatasetError(problems)
    sources, unused = [], []
    for name in names:
        known = [table for table in config.tables_of(name, name.lower()) if table in TABLES]
        for table in known:
            _show_attached(engine, _raw(table), path, name, computed=names[name])
            sources.append(Source(table, f"{path.name}: {name}"))
        if not known:
            unused.append(name)
    if not sources:
        allowed = f"tables: {', '.join(TABLES)}; found: {listed(unused)}"
        raise DatasetError.of(path.name, "holds no table of a known name", allowed=allowed)
    return sources, tuple(unused)


def _show_attached(engine: Engine, relation: str, path: Path, name: str, *, computed: bool) -> None:
    """A table of a database as it stands; what a view computes is computed once, where it reaches nothing else."""
    if not computed:
        engine.view_attached(relation, "source", name)
        return
    try:
        engine.compute_attached(relation, path, name)
    except EngineError as error:
        allowed = "allowed: tables, and views on tables of this database; store what it shows in a table"
        raise DatasetError.of(f"{path.name}: {plain(name)}", str(error), allowed=allowed) from error


def _tables_of(path: Path, table: str | None, config: Config) -> tuple[str, ...]:
    """The tables that a single file is."""
    names = (table,) if table is not None else config.tables_of(path.name, path.stem.lower())
    name = names[0]
    if name in TABLES:
        return names
    hint = did_you_mean(name, TABLES)
    allowed = f"{hint}name it after a table, or say table='events'; tables: {', '.join(TABLES)}"
    raise DatasetError.of(path.name, "does not say which table it is", allowed=allowed)


def _unknown_table(label: str, name: str) -> Problem:
    return Problem(label, "is not a known table", allowed=choices(name, TABLES, "tables"))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def check_anchors(sources: list[Source], name: str) -> None:
    """There must be somebody to study."""
    if not any(source.table in ANCHORS for source in sources):
        allowed = f"needed: one of {', '.join(ANCHORS)}; found: {', '.join(source.table for source in sources)}"
        raise DatasetError.of(name, "has no table of customers", allowed=allowed)
