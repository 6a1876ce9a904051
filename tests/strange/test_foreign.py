"""Data from strangers: databases that reach outside or never end, links and pipes, declarations made to harm."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import kbind as kb
from kbind.engine.engine import Engine
from kbind.engine.failures import EngineError

from .conftest import KBIND, Write

H = "customer_id,timestamp\n"
ROWS = H + "1,2024-01-05\n2,2024-02-05\n"


def _database(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE log AS SELECT 1 AS nr, TIMESTAMP '2024-01-05' AS moment UNION ALL "
                           "SELECT 2, TIMESTAMP '2024-02-05'")  # fmt: skip
        for statement in statements:
            connection.execute(statement)
    return path


def _refused(source: object, **options: object) -> str:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(source, **options)
    message = str(caught.value)
    assert len(message) < 1000
    assert "\n" not in message
    return message


# -- databases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reads",
    [
        "SELECT customer_id, timestamp FROM read_csv('{}')",
        "SELECT customer_id, timestamp FROM '{}'",
        "SELECT size AS customer_id, last_modified AS timestamp FROM read_blob('{}')",
        "SELECT content AS customer_id, last_modified AS timestamp FROM read_text('{}')",
        "SELECT file AS customer_id, '2024-01-01' AS timestamp FROM glob('{}*')",
        "SELECT nr AS customer_id, moment AS timestamp FROM log WHERE nr < (SELECT count(*) FROM read_text('{}'))",
        "SELECT * FROM query('FROM read_' || 'csv(''{}'')')",
    ],
    ids=["csv", "name", "blob", "text", "glob", "inner", "hidden"],
)
def test_a_view_reads_nothing_but_its_database(tmp_path: Path, reads: str) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(ROWS)
    path = _database(tmp_path / "sent.duckdb", f"CREATE VIEW events AS {reads.format(mine)}")
    message = _refused(path)
    assert message.startswith(f"sent.duckdb: events: reads '{mine}")
    assert "which is not part of this database" in message


def test_macros_and_other_views_do_not_help(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(ROWS)
    path = _database(
        tmp_path / "sent.duckdb",
        f"CREATE MACRO harmless() AS TABLE SELECT * FROM read_csv('{mine}')",
        "CREATE VIEW between AS SELECT * FROM harmless()",
        "CREATE VIEW events AS SELECT * FROM between",
    )
    assert str(mine) in _refused(path)


def test_views_on_tables_of_the_database_are_read(tmp_path: Path) -> None:
    path = _database(
        tmp_path / "own.duckdb",
        "CREATE VIEW events AS SELECT nr AS customer_id, moment AS timestamp, sum(nr) OVER () AS amount FROM log",
        "CREATE TABLE customers (customer_id INT, twice INT GENERATED ALWAYS AS (2 * customer_id))",
        "INSERT INTO customers VALUES (1), (2)",
    )
    data = kb.open_dataset(path)
    assert data.table("events")["amount"].tolist() == [3, 3]
    assert data.table("customers")["twice"].tolist() == [2, 4]


@pytest.mark.parametrize(
    "query",
    [
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS customer_id FROM r",
        "SELECT count(*) AS customer_id FROM range(1000000000) AS a, range(1000000000) AS b",
        "SELECT 1 AS customer_id, repeat(repeat('x', 60000), 60000) AS timestamp",
    ],
    ids=["recursive", "cross join", "one value"],
)  # fmt: skip
def test_a_view_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setenv("KBIND_QUERY_SECONDS", "1")
    path = _database(tmp_path / "sent.duckdb", f"CREATE VIEW events AS {query}")
    assert "was stopped after 1 seconds (KBIND_QUERY_SECONDS)" in _refused(path)


def test_a_generated_column_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBIND_QUERY_SECONDS", "1")
    path = _database(
        tmp_path / "sent.duckdb",
        "CREATE TABLE events (customer_id INT, timestamp DATE, x TEXT GENERATED ALWAYS AS "
        "(md5(repeat(repeat('x', 60000), 60000 + customer_id))))",
        "INSERT INTO events VALUES (1, '2024-01-05')",
    )
    assert "sent.duckdb: events: was stopped after 1 seconds" in _refused(path)


def test_how_long_views_may_compute_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBIND_QUERY_SECONDS", "long")
    path = _database(
        tmp_path / "own.duckdb", "CREATE VIEW events AS SELECT nr AS customer_id, moment AS timestamp FROM log"
    )
    with pytest.raises(kb.ArgumentError, match="KBIND_QUERY_SECONDS='long' is not possible; allowed: whole numbers"):
        kb.open_dataset(path)


def test_an_engine_is_sealed_once_its_files_are_opened(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    engine = kb.open_dataset(write(events=ROWS)).engine
    for statement in (
        f"SELECT * FROM read_csv('{tmp_path}/mine.csv')",
        f"SELECT * FROM '{tmp_path}/mine.csv'",
        f"SELECT * FROM glob('{tmp_path}/*')",
        f"SELECT * FROM read_text('{tmp_path}/mine.csv')",
    ):
        with pytest.raises(EngineError, match="disabled by configuration"):
            engine.query(statement)
    with pytest.raises(EngineError, match="locked"):
        engine._run("SET enable_external_access = true")


def test_parquet_is_still_read_after_sealing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a [1]*" / "events"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-05")]})
    for name in ("x*.parquet", "x[0]?.parquet", "xy.parquet"):
        frame.to_parquet(folder / name)
    monkeypatch.chdir(tmp_path)
    data = kb.open_dataset("a [1]*")
    monkeypatch.chdir("/")
    assert len(data.table("events")) == 3


def test_sealed_engines_group_by_slots(tmp_path: Path) -> None:
    engine = Engine()
    engine.seal()
    found = engine.query("SELECT i % 5 AS k, count(*) AS n FROM range(10) AS t(i) GROUP BY 1", slots=1 << 13)
    assert found.num_rows == 5


# -- files that are none, or lie elsewhere -------------------------------------------------------------------------


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.chdir(path.parent)  # such names are short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


WRONG_FILES = {
    "pipe": (_pipe, "is a named pipe, not a file"),
    "socket": (_socket, "is a socket, not a file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
    "broken": (lambda path: path.symlink_to("gone.csv"), "is a link to 'gone.csv', which does not exist"),
    "loop": (lambda path: path.symlink_to(path.name), "is a link that leads back to itself"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files here")
@pytest.mark.parametrize("alone", [False, True], ids=["folder", "file"])
@pytest.mark.parametrize("kind", WRONG_FILES)
def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, alone: bool) -> None:
    monkeypatch.chdir(tmp_path)
    make, message = WRONG_FILES[kind]
    (tmp_path / "shop").mkdir()
    make(tmp_path / "shop" / "events.csv")
    said = _refused(tmp_path / "shop" / "events.csv" if alone else tmp_path / "shop")
    assert f"events.csv: {message}" in said


def test_a_pipe_as_declaration(write: Write) -> None:
    folder = write(events=ROWS)
    os.mkfifo(folder / "kbind.yaml")
    assert _refused(folder).startswith("kbind.yaml: is a named pipe, not a file")


@pytest.mark.parametrize("name", ["{}/mine.csv", "../mine.csv", "inner/mine.csv", "..", "./events.csv"])
def test_a_declared_file_lies_in_the_folder(write: Write, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.csv").write_text(ROWS)
    folder = write(customers="customer_id\n1\n", kbind_yaml=f"tables: {{events: {{file: {name.format(tmp_path)}}}}}")
    (folder / "inner").mkdir()
    (folder / "inner" / "mine.csv").write_text(ROWS)
    assert f"kbind.yaml: events: file '{name.format(tmp_path)}' is not the name of a file in the folder" in _refused(
        folder
    )


@pytest.mark.parametrize("place", ["events.csv", "events", "events/part.parquet", "kbind.yaml"])
def test_links_out_of_the_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere.csv").write_text(ROWS)
    link = tmp_path / "shop" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / ("elsewhere" if place == "events" else "elsewhere.csv"))
    (tmp_path / "shop" / "customers.csv").write_text("customer_id\n1\n")
    assert f"{link.name}: leads out of the folder, to '{tmp_path}/elsewhere" in _refused(tmp_path / "shop")


def test_links_within_the_folder_are_followed(write: Write) -> None:
    folder = write(orders=ROWS)
    (folder / "events.csv").symlink_to("orders.csv")
    assert kb.open_dataset(folder).tables["events"].rows == 2


@pytest.mark.parametrize("name", ["shop.db", "shop.sqlite", "shop.duckdb", "events.csv"])
def test_sqlite_is_called_by_its_name(tmp_path: Path, name: str) -> None:
    with sqlite3.connect(tmp_path / name) as connection:
        connection.execute("CREATE TABLE events (customer_id, timestamp)")
    connection.close()
    assert _refused(tmp_path / name) == (
        f"{name}: is an SQLite database, which is not read; "
        "allowed: CSV, Parquet or DuckDB; export each of its tables as CSV"
    )


def test_a_database_in_use(tmp_path: Path) -> None:
    path = _database(
        tmp_path / "own.duckdb", "CREATE TABLE events AS SELECT nr AS customer_id, moment AS timestamp FROM log"
    )
    holds = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holds, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert _refused(path).startswith("own.duckdb: is open in another program; allowed: close it there")
        other.communicate()


def test_a_path_that_the_locale_cannot_spell(tmp_path: Path) -> None:
    folder = tmp_path / "Müller"
    folder.mkdir()
    (folder / "events.csv").write_text(ROWS)
    frame = pd.DataFrame({"customer_id": [1, 2], "plan": ["s", "l"]})
    frame.to_parquet(folder / "customers.parquet")
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = subprocess.run([*KBIND, "check", folder], capture_output=True, env=ascii_only, check=False)
    assert result.returncode == 0, result.stderr
    assert b"events.csv     2" in result.stdout


def test_a_path_that_nothing_can_spell(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcll"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("such names are not allowed here")
    (folder / "events.csv").write_text(ROWS)
    assert _refused(folder).startswith("events.csv: its path is not UTF-8: ")


# -- declarations --------------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "line 1: a reference 'a'; write the value out where it is needed"),
        ("title: &t x\n", "line 1: a reference 't'"),
        ("roles:\n  <<: *none\n", "line 2: a reference 'none'"),
        (f"title: {'[' * 500}{']' * 500}\n", "line 1: more than 20 lists or mappings in each other"),
        (f"{'x' * 1000}: 1\n", "line 1: a name of 1,000 letters; allowed: 300"),
        (f"tables: {{events: {{columns: {{customer_id: {'x' * 5000}}}}}}}\n",
         "tables.events.columns.customer_id: a text of 5,000 letters; allowed: 300"),
        (f"currency: {'x' * 5000}\n", "currency: a text of 5,000 letters"),
        (f"title: {'x' * 50_000}\n", "line 1: a text of 50,000 letters"),
        (f"# {'x' * 300_000}\n", "is too large; allowed: 200,000 bytes"),
        (f"acquisition_cost: {'9' * 1000}\n", "acquisition_cost: a number of more than 300 digits"),
        ("title: a\ntitle: b\n", "line 2: 'title' is given twice"),
        ("tables:\n  events:\n    file: a.csv\n    file: b.csv\n", "line 4: 'file' is given twice"),
        ("acquisition_cost: .inf\n", "acquisition_cost: inf is no number"),
        ("margin: .nan\n", "margin: nan is no number"),
        ("roles: {churned: {column: x, value: -.inf}}\n", "value: -inf is no number"),
        ("as_of: 2024-02-31\n", "is not YAML: day"),
        ("title: !!python/object/apply:os.system [ls]\n", "is not YAML: could not determine a constructor"),
        ("title: a\n---\ntitle: b\n", "is not YAML: expected a single document"),
        ("? [a]\n: b\n", "line 1: a key that is no text"),
        ("as_of: [1, 2]\n", r"as_of=[1, 2] is not a date"),
        ("timezone: 5\n", "timezone=5 is not known"),
        ("as_of: 9999-12-31\n", "as_of=datetime.date(9999, 12, 31) is no moment of a company's data"),
        ("as_of: 0001-01-01\n", "is no moment of a company's data; allowed: 1900 to 2200"),
        ("as_of: 2023-12-31\n", "as_of=2023-12-31 lies not after the first record; "
                                "allowed: as the data spans 2024-01-05 to 2024-02-05, or soon after"),
        ("as_of: 2031-01-01\n", "as_of=2031-01-01 lies years after the last record"),
        ("recorded_from: 2024-03-01\n", "recorded_from=2024-03-01 lies after the last record"),
        ("recorded_from: 1950-01-01\n", "recorded_from=1950-01-01 lies years before the first record"),
    ],
)  # fmt: skip
def test_declarations_made_to_harm_are_one_short_message(write: Write, text: str, message: str) -> None:
    said = _refused(write(events=ROWS, kbind_yaml=text))
    assert said.startswith("kbind.yaml: ")
    assert message in said
    assert len(said) < 500


@pytest.mark.parametrize("as_of", ["9999-12-31", "0001-01-01T00:00+02:00", "2023-06-01", "2034-01-01"])
def test_moments_far_from_the_data_as_arguments(write: Write, as_of: str) -> None:
    folder = write(events=ROWS)
    with pytest.raises(kb.ArgumentError, match="as_of=.*allowed: "):
        kb.open_dataset(folder, as_of=as_of)
    assert kb.open_dataset(folder, as_of="2025-02-01").as_of is not None


def test_personas_are_read_by_the_same_rules(tmp_path: Path) -> None:
    for text, message in (
        (BOMB, "line 1: a reference 'a'"),
        ("a: [" * 500, "line 1: more than 20 lists"),
        (f"{'x' * 1000}: 1\n", "line 1: a name of 1,000 letters"),
        (f"name: {'x' * 50_000}\n", "line 1: a text of 50,000 letters"),
        ("name: a\nname: b\n", "line 2: 'name' is given twice"),
    ):
        path = tmp_path / "p.yaml"
        path.write_text(text)
        with pytest.raises(kb.DatasetError) as caught:
            kb.Persona.load(path)
        assert message in str(caught.value)
        assert len(str(caught.value)) < 500
