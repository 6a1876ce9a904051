"""The one door to the database engine.

No other module knows that the engine is DuckDB. Statements are written in its dialect with
`_name` where a column, value or expression goes in; the names are filled in as parsed expressions,
so nothing a user's file contains is ever pasted into a statement.
"""

from __future__ import annotations

import os
import re
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from kbind.engine.failures import CsvError, EngineError
from kbind.engine.filling import DIALECT, copied, filled, template
from kbind.engine.outside import compute
from kbind.errors import DatasetError, Problem, plain, temporary_folder

#: What may still be set once the configuration is locked.
_OPEN_SETTINGS = ("perfect_ht_threshold",)
#: Grouping with a slot for every number: how many slots it is worth it from, what one takes, what all may take.
_HASHED_BELOW, _SLOT_BYTES, _SLOT_MEMORY = 1 << 12, 32, 1 << 30

Expression = exp.Expr

_BATCH = 400  # aggregates a statement: wide tables take several


def column(name: str, of: str = "") -> Expression:
    """A column, quoted; of a named relation if there are several."""
    return exp.column(name, table=of or None, quoted=True)


def literal(value: object) -> Expression:
    """A constant: None, bool, number, text, date, naive or aware datetime, or a list of these."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "timestamp")
        text = value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ") + "+00"
        return exp.cast(exp.Literal.string(text), "timestamptz")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, (list, tuple)):
        return exp.Array(expressions=[literal(v) for v in value])
    return exp.convert(value)


def array(values: Iterable[Expression]) -> Expression:
    """A list of expressions as one value."""
    return exp.Array(expressions=list(values))


def parse(sql: str, **fill: Expression) -> Expression:
    """A fragment of a statement with its `_name` places filled in."""
    return filled(template(sql), fill)


def bucket(value: Expression, boundaries: Sequence[datetime]) -> Expression:
    """Index i of the half-open interval [boundaries[i], boundaries[i + 1]) that a time lies in.

    Time is cut into slots as long as the shortest interval, so that a slot holds at most one boundary: the slot's
    number finds the boundary, one comparison decides. Exact for any calendar and zone, without date arithmetic on
    any row (100 million rows, 60 months: .6 s; a tree of comparisons 1.3 s, year and month 3.1 s). An interval of no
    length is never found. Times must lie within the boundaries, and intervals be alike, as those of calendars are.
    """
    cuts = [_microseconds(boundary) for boundary in boundaries]
    width = min((b - a for a, b in pairwise(cuts) if b > a), default=1)
    slots = range(cuts[0], cuts[-1], width)
    if len(slots) > 50 * len(cuts):
        raise EngineError("intervals are too unlike for slots of one length")
    low = [bisect_right(cuts, slot) - 1 for slot in slots]
    cut = [cuts[i + 1] for i in low]
    high = [bisect_right(cuts, moment) - 1 for moment in cut]
    slot = parse("(epoch_us(_value) - _first) // _width + 1", value=value, first=literal(cuts[0]), width=literal(width))
    return parse(
        "CASE WHEN epoch_us(_value) < _cut[_slot] THEN _low[_slot] ELSE _high[_slot] END",
        value=value,
        cut=_integers(cut),
        low=_integers(low),
        high=_integers(high),
        slot=slot,
    )


def _microseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _integers(values: Sequence[int]) -> Expression:
    """A list of whole numbers as one constant: thousands of them are read by the engine, not by the parser."""
    return exp.cast(exp.Literal.string(str(list(values))), exp.DataType.build("BIGINT[]", dialect=DIALECT))


#: Among how many processes the machine is shared.
_SHARES = 1


def share_machine(processes: int) -> None:
    """Let every engine of this process take a share of processors and memory, as others do in theirs."""
    global _SHARES
    _SHARES = processes


class Engine:
    """An embedded database that holds a data set's tables under names of its own.

    Relations are views on files where the file can be scanned as it is, else tables. Once all files are opened, it is
    sealed: no statement can then reach another file, the network or an extension.
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:")
        self._set(
            TimeZone="UTC",
            temp_directory=str(Path(tempfile.gettempdir()) / f"kbind-{os.getpid()}"),
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
            python_enable_replacements=False,
        )
        cores = int(self._run("SELECT current_setting('threads')").column(0)[0].as_py())
        self.threads = max(cores // _SHARES, 1)
        if _SHARES > 1:
            self._set(threads=self.threads, memory_limit=f"{80 // _SHARES}%")
        self._frames: list[object] = []  # registered frames must outlive their views
        self._opened: list[str] = []  # files that are read again by every statement

    # -- relations ---------------------------------------------------------------------------------

    def read_csv(self, name: str, path: Path, names: Sequence[str], *, delimiter: str) -> None:
        """Copy a UTF-8 CSV file with a header line into a table, every column as text, in the order of its rows.

        Nothing is guessed: the caller gives names and delimiter, and a row of another width is a `CsvError`.
        """
        source = _call(
            "read_csv",
            literal(_no_glob(path)),
            columns=exp.Struct(expressions=_named(dict.fromkeys(names, "VARCHAR"), quoted=True)),
            auto_detect=False,
            header=True,
            delim=delimiter,
            quote='"',
            escape='"',
            strict_mode=True,
            null_padding=False,
        )
        try:
            self._create("TABLE", name, exp.select("*").from_(source))
        except EngineError as error:
            raise CsvError.of(str(error)) from error

    def read_parquet(self, name: str, paths: Sequence[Path]) -> None:
        """A view on Parquet files that share their columns."""
        patterns = [_no_glob(path) for path in paths]
        self._opened += [*(_spelled(path) for path in paths), *patterns]
        files = literal(patterns)
        self._create("VIEW", name, exp.select("*").from_(_call("read_parquet", files, union_by_name=len(paths) > 1)))

    def read_frame(self, name: str, frame: pa.Table) -> None:
        """A view on an Arrow table in memory."""
        self._frames.append(frame)
        self._connection.register(name, frame)

    def attach(self, path: Path, alias: str) -> dict[str, bool]:
        """Open a database file for reading; returns its tables and views, and whether they have to be computed.

        What a view or a generated column computes is a program of whoever made the file: see `compute_attached`.
        """
        file, schema = literal(_spelled(path)).sql(DIALECT), exp.to_identifier(alias, quoted=True).sql(DIALECT)
        self._run(f"ATTACH {file} AS {schema} (TYPE duckdb, READ_ONLY)")
        self._opened.append(_spelled(path))
        found = self.query(
            "SELECT table_name AS name, sql LIKE '%GENERATED ALWAYS AS%' AS computed FROM duckdb_tables() "
            "WHERE database_name = _alias AND schema_name = 'main' UNION ALL "
            "SELECT view_name, true FROM duckdb_views() "
            "WHERE database_name = _alias AND schema_name = 'main' AND NOT internal ORDER BY name",
            parts={"alias": alias},
        )
        return {str(row["name"]): bool(row["computed"]) for row in found.to_pylist()}

    def view_attached(self, name: str, alias: str, table: str) -> None:
        """A view on a table of an attached database."""
        self._create("VIEW", name, exp.select("*").from_(exp.table_(table, db="main", catalog=alias, quoted=True)))

    def compute_attached(self, name: str, path: Path, view: str) -> None:
        """Copy what a view of a database computes into a table; it sees its own database and nothing else.

        Raises
        ------
        EngineError
            It needs another file, takes too long (KBIND_QUERY_SECONDS), or cannot be computed.
        """
        with temporary_folder() as folder:
            target = folder / "computed.duckdb"
            compute(_spelled(path), view, target, library=Path(duckdb.__file__).parent.parent)
            self._run(f"ATTACH {literal(str(target)).sql(DIALECT)} AS computed (TYPE duckdb, READ_ONLY)")
            try:
                computed = exp.table_("computed", db="main", catalog="computed")
                self._create("TABLE", name, exp.select("*").from_(computed))
            finally:
                self._run("DETACH computed")

    def seal(self) -> None:
        """Allow nothing but the files that were opened, and lock that."""
        self._set(
            allowed_paths=list(dict.fromkeys(self._opened)),
            enable_external_access=False,
            allowed_configs=list(_OPEN_SETTINGS),
            lock_configuration=True,
        )

    def _set(self, **settings: object) -> None:
        for setting, value in settings.items():
            self._connection.execute(f"SET {setting} = {literal(value).sql(DIALECT)}")

    def define(
        self,
        name: str,
        source: str,
        columns: Mapping[str, Expression],
        *,
        stored: bool,
        where: Expression | None = None,
    ) -> None:
        """A relation with the given columns of some or all rows of `source`: a table if stored, else a view."""
        projections = [copied(expression).as_(alias, quoted=True, copy=False) for alias, expression in columns.items()]
        query = exp.select(*projections).from_(exp.table_(source, quoted=True))
        query = query if where is None else query.where(copied(where), copy=False)
        self._create("TABLE" if stored else "VIEW", name, query)

    def create(
        self,
        name: str,
        sql: str,
        *,
        tables: Mapping[str, str],
        parts: Mapping[str, object] | None = None,
        slots: int = 0,
    ) -> None:
        """Store what a statement returns as a table; the rest as for `query`."""
        with self._slotted(slots):
            self._create("TABLE", name, self._statement(sql, tables, parts))

    def rename(self, name: str, new: str) -> None:
        """Give a relation another name."""
        quoted = [exp.to_identifier(text, quoted=True).sql(DIALECT) for text in (name, new)]
        self._run(f"ALTER {self._kind(name)} {quoted[0]} RENAME TO {quoted[1]}")

    def drop(self, name: str) -> None:
        """Forget a relation."""
        self._run(f"DROP {self._kind(name)} {exp.to_identifier(name, quoted=True).sql(DIALECT)}")

    def _kind(self, name: str) -> str:
        found = self.row("SELECT count(*) AS n FROM duckdb_views() WHERE view_name = _name", parts={"name": name})
        return "VIEW" if found["n"] else "TABLE"

    def columns(self, name: str) -> dict[str, str]:
        """Column names of a relation and their types, as the engine calls them."""
        described = self._run(f"DESCRIBE {exp.table_(name, quoted=True).sql(DIALECT)}")
        return dict(zip(described.column(0).to_pylist(), described.column(1).to_pylist(), strict=True))

    def function(self, name: str, expression: Expression) -> None:
        """Give a long expression in the column `x` a short name, for statements that need it many times."""
        body = expression.transform(lambda node: exp.column("x") if isinstance(node, exp.Column) else node)
        self._run(f"CREATE OR REPLACE MACRO {exp.to_identifier(name).sql(DIALECT)}(x) AS {body.sql(DIALECT)}")

    def size(self, name: str, where: Expression | None = None) -> int:
        """Number of rows of a relation, perhaps of those that meet a condition only."""
        counted = parse("count(*)") if where is None else parse("count(*) FILTER (WHERE _w)", w=where)
        return int(self.aggregate(name, {"n": counted})["n"])

    # -- the one way to ask ------------------------------------------------------------------------

    def query(
        self,
        sql: str,
        *,
        tables: Mapping[str, str] | None = None,
        parts: Mapping[str, object] | None = None,
        slots: int = 0,
    ) -> pa.Table:
        """Run one statement.

        Parameters
        ----------
        sql : str
            A SELECT in the engine's dialect.
        tables : mapping
            Table name in the statement -> relation of this engine.
        parts : mapping
            What goes into `_name`: an expression, or a constant.
        slots : int
            Whole numbers that are grouped by may lie that far apart for each to get a slot of its own in memory,
            instead of being hashed (three times as fast for the customers of 100 million events). Worth it if most
            slots are used; fewer where there is not the memory for it.

        Returns
        -------
        pyarrow.Table

        Raises
        ------
        EngineError
            The statement could not be carried out.
        """
        statement = self._statement(sql, tables, parts).sql(DIALECT, copy=False)
        with self._slotted(slots):
            return self._run(statement)

    def row(self, sql: str, *, parts: Mapping[str, object] | None = None, **tables: str) -> dict[str, Any]:
        """The one row that a statement returns, by column; the rest as for `query`."""
        row: dict[str, Any] = self.query(sql, tables=tables, parts=parts).to_pylist()[0]
        return row

    @contextmanager
    def _slotted(self, slots: int) -> Iterator[None]:
        """So many slots for whole numbers that are grouped by, as far as there is memory."""
        if slots <= _HASHED_BELOW:
            yield
            return
        limit = min(slots, _SLOT_MEMORY // (_SLOT_BYTES * self.threads))
        self._run(f"SET perfect_ht_threshold = {max(limit, _HASHED_BELOW).bit_length() - 1}")
        try:
            yield
        finally:
            self._run("RESET perfect_ht_threshold")

    def aggregate(self, relation: str, aggregates: Mapping[str, Expression]) -> dict[str, Any]:
        """Aggregates over a whole relation, by name; of very many, some hundred a statement."""
        result: dict[str, Any] = {}
        rest = iter(aggregates.items())
        while some := list(islice(rest, _BATCH)):
            projection = ", ".join(f"_p{i} AS c{i}" for i in range(len(some)))
            parts = {f"p{i}": expression for i, (_, expression) in enumerate(some)}
            row = self.row(f"SELECT {projection} FROM raw", parts=parts, raw=relation)
            result |= dict(zip(dict(some), row.values(), strict=True))
        return result

    def _statement(self, sql: str, tables: Mapping[str, str] | None, parts: Mapping[str, object] | None) -> Expression:
        """A statement with its places filled in and its tables named."""
        fill = {name: part if isinstance(part, Expression) else literal(part) for name, part in (parts or {}).items()}
        return filled(template(sql), fill, tables)

    def _create(self, what: str, name: str, query: Expression) -> None:
        identifier = exp.to_identifier(name, quoted=True).sql(DIALECT)
        self._run(f"CREATE {what} {identifier} AS {query.sql(DIALECT, copy=False)}")

    def _run(self, sql: str) -> pa.Table:
        # Results are always fetched whole, so one connection serves every statement in turn. It cannot be
        # one cursor a statement: registered frames are known only to the connection that registered them.
        try:
            relation = self._connection.sql(sql)
            return pa.table({}) if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            damaged = re.search(r'Failed to read file "(.+?)": (.*)', str(error))
            if damaged:
                problem = Problem(Path(damaged[1]).name, f"is damaged: {damaged[2]}", allowed="copy or export it again")
                raise DatasetError([problem]) from error
            raise EngineError(str(error).split("\n\nLINE")[0]) from error


def _spelled(path: Path) -> str:
    """The path as the engine spells it, always in UTF-8, whatever the locale can spell."""
    try:
        return os.fsencode(path.absolute()).decode()
    except UnicodeError as error:
        message = f"its path is not UTF-8: {plain(path.absolute(), 1000)}"
        raise DatasetError.of(path.name, message, allowed="rename the file or folder") from error


def _no_glob(path: Path) -> str:
    """The path with the signs that the engine would take for a pattern written as themselves."""
    return re.sub(r"([*?\[])", r"[\1]", _spelled(path))


def _call(function: str, *arguments: Expression, **options: Any) -> Expression:
    return exp.Table(this=exp.Anonymous(this=function, expressions=[*arguments, *_named(options)]))


def _named(values: Mapping[str, object], *, quoted: bool = False) -> list[Expression]:
    return [
        exp.PropertyEQ(this=exp.to_identifier(key, quoted=quoted), expression=literal(value))
        for key, value in values.items()
    ]
