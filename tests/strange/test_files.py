"""Files that are not what they seem: empty, cut, of another kind, too wide, closed."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

import kbind as kb
from kbind.engine.engine import Engine

from .conftest import Run, Write

H = "customer_id,timestamp\n"


def _zip() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.csv", H + "1,2024-01-05\n")
    return target.getvalue()


def _parquet(rows: int = 5_000) -> bytes:
    target = BytesIO()
    frame = pd.DataFrame({"customer_id": [f"c{i * i}" for i in range(rows)], "timestamp": pd.Timestamp("2024-01-05")})
    frame.to_parquet(target)
    return target.getvalue()


CUT = "cannot be read as Parquet: it is cut off, or something else under this name; copy or export it again"
NO_TEXT = "allowed: CSV in UTF-8 or Windows-1252"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("events.csv", b"", "is empty; allowed: a header and rows"),
        ("events.csv", b"\xef\xbb\xbf\r\n \t", "is empty; allowed: a header and rows"),
        ("events.csv", H.encode(), "has no rows; allowed: at least one row below the header"),
        ("events.csv", H.strip().encode(), "has no rows; allowed: at least one row below the header"),
        ("events.csv", (H + "\n\n\n").encode(), "has no rows; allowed: at least one row below the header"),
        ("events.csv", _zip(), f"is no text file but a ZIP archive or an Excel workbook; {NO_TEXT}"),
        ("events.csv", gzip.compress(H.encode()), f"is no text file but a gzip archive; {NO_TEXT}"),
        ("events.csv", _parquet(), f"is no text file but Parquet: end its name in .parquet; {NO_TEXT}"),
        ("events.csv", b"x" * 200_000, "has no line of names at its top: field larger than field limit (131072); "
                                       "allowed: names of columns, separated by a semicolon, comma, tab or bar"),
        ("events.csv", b"x," * 6_000_000, f"has no line of names at its top; {NO_TEXT}"),
        ("events.parquet", b"", CUT),
        ("events.parquet", H.encode(), CUT),
        ("events.parquet", _parquet()[:-1], CUT),
        ("events.parquet", _parquet()[: 4_000], CUT),
        ("events/part-1.parquet", _parquet()[: 4_000], CUT),
    ],
    ids=["empty", "blank", "header only", "header without end", "header and empty lines", "zip", "gzip", "parquet",
         "one word", "one line", "empty parquet", "text", "last byte cut", "half", "part"],
)  # fmt: skip
def test_one_message_and_exit_code_2(tmp_path: Path, run: Run, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(tmp_path)
    assert str(caught.value) == f"{name}: {message}"


@pytest.mark.parametrize("command", ["check", "report"])
def test_parquet_that_is_damaged_inside(write: Write, run: Run, tmp_path: Path, command: str) -> None:
    content = bytearray(_parquet())
    content[200:4_000] = b"\0" * 3_800
    folder = write(events_parquet=bytes(content))
    to = ["--out", tmp_path / "out", "--lang", "en"]
    result = run(*(["check", folder] if command == "check" else ["report", "--data", folder, *to]))
    assert result.returncode == 2
    message = r"1 problem in the data:\nevents.parquet: is damaged: .*; copy or export it again\n"
    assert re.fullmatch(message, re.sub(r"(?m)^Chapter.*\n", "", result.stderr))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 5_000], ids=["empty", "text", "zeros"])
def test_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "company.duckdb"
    path.write_bytes(content)
    with pytest.raises(kb.DatasetError, match="^company.duckdb: ") as caught:
        kb.open_dataset(path)
    assert "\n" not in str(caught.value)


def test_one_customer_one_event(write: Write, run: Run) -> None:
    folder = write(events=H + "1,2024-01-05")
    retention = kb.cohort_retention(kb.activity(kb.open_dataset(folder, as_of="2024-03-01"))).pooled()
    assert retention[["age", "at_risk", "active", "retention"]].to_numpy().tolist() == [[0, 1, 1, 1.0], [1, 1, 0, 0.0]]
    assert "events events.csv     1          1 2024-01-05 2024-01-05" in run("check", folder).stdout


def _wide(width: int) -> str:
    header = ";".join(["customer_id", "timestamp", *(f"c{i}" for i in range(width))])
    cells = ["x", "", "7", "{},5"]
    lines = [
        ";".join([str(row % 10), f"2024-0{row % 5 + 1}-05", *(cells[i % 4].format(row) for i in range(width))])
        for row in range(50)
    ]
    return "\n".join([header, *lines]) + "\n"


def test_thousands_of_columns(write: Write) -> None:
    data = kb.open_dataset(write(events=_wide(4_000)))
    assert kb.activity(data).to_frame()["active"].tolist() == [2] * 5
    found = data.engine.query("SELECT sum(c2) AS c2, sum(c3) AS c3 FROM t", tables={"t": "events"}).to_pylist()
    assert found == [{"c2": 350, "c3": 1250.0}]


def test_work_grows_with_the_columns_and_not_with_their_square(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    run = Engine._run

    def counted(engine: Engine, sql: str) -> object:
        sent.append(len(sql))
        return run(engine, sql)

    monkeypatch.setattr(Engine, "_run", counted)
    works = []
    for width in (200, 800):
        sent.clear()
        kb.activity(kb.open_dataset(write(events=_wide(width))))
        works.append((len(sent), sum(sent)))
    (few, short), (many, long) = works
    assert many <= 5 * few
    assert long <= 6 * short


def test_many_columns_in_a_message(write: Write) -> None:
    header = ",".join(["customer_nr", "timestamp", *(f"c{i}" for i in range(500))])
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(events=f"{header}\n1,2024-01-05{',' * 500}\n"))
    assert str(caught.value).startswith("events.csv: no column 'customer_id'; did you mean 'customer_nr'? columns: ")
    assert str(caught.value).endswith("c16, c17 and 482 more")


# -- closed to us: root may open everything, so the command is run as nobody -----------------------------------------

_AS_NOBODY = """
import contextlib, io, json, os, sys
import encodings.utf_8_sig  # nobody may not be allowed to load more
import rich.console, rich.progress, kbind.cli, kbind.dataset, kbind.report.write
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for line in sys.stdin:
    sys.argv = ["kbind", *json.loads(line)]
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            kbind.cli.main()
        except SystemExit as stop:
            code = stop.code
    print(json.dumps([code, said.getvalue()]))
"""

#: What is closed, what is asked, the exit code, the message; {} is the place.
CLOSED = [
    ("shop", ["check", "{}/shop"], 2, "{}/shop: cannot be read: Permission denied"),
    ("shop", ["check", "{}/shop/events.csv"], 2, "{}/shop/events.csv: cannot be read: Permission denied"),
    ("shop/events.csv", ["check", "{}/shop"], 2, "events.csv: cannot be read: Permission denied"),
    ("shop/events.csv", ["check", "{}/shop/events.csv"], 2, "events.csv: cannot be read: Permission denied"),
    ("shop/tickets", ["check", "{}/shop"], 2, "tickets: cannot be read: Permission denied"),
    ("shop/kbind.yaml", ["check", "{}/shop"], 2, "kbind.yaml: cannot be read: Permission denied"),
    ("", ["check", "{}/shop"], 2, "{}/shop: cannot be read: Permission denied"),
    ("", ["report", "--data", "{}/shop"], 2, "{}/shop: cannot be read: Permission denied"),
    ("out", ["report", "--data", "{}/shop", "--out", "{}/out"], 1, "{}/out cannot be written: Permission denied"),
    ("out", ["report", "--out", "{}/out/new"], 1, "{}/out/new cannot be written: Permission denied"),
]


@pytest.fixture
def places() -> Iterator[list[Path]]:
    """Folders with data and an old report, one a case; pytest's own may only be entered by their owner."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)  # the usual folder of reports can be made here
        places = [Path(name) / str(i) for i in range(len(CLOSED))]
        for place, (closed, *_) in zip(places, CLOSED, strict=True):
            (place / "shop" / "tickets").mkdir(parents=True)
            (place / "out").mkdir()
            (place / "shop" / "events.csv").write_text(H + "1,2024-01-05\n")
            (place / "shop" / "kbind.yaml").write_text("title: x\n")
            (place / "out" / "index.html").write_text("old")
            (place / closed).chmod(0)
        yield places
        for place in places:
            for path in (place, place / "shop", place / "shop" / "tickets", place / "out"):
                path.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are of another kind here")
def test_closed(places: list[Path]) -> None:
    asked = [
        json.dumps([word.format(place) for word in words]) for place, (_, words, *_) in zip(places, CLOSED, strict=True)
    ]
    result = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=places[0].parent,  # a report of root's in the usual folder would be in the way
    )
    assert result.stderr == ""
    assert [tuple(json.loads(line)) for line in result.stdout.splitlines()] == [
        (code, ("1 problem in the data:\n" if code == 2 else "") + message.format(place) + "\n")
        for place, (_, _, code, message) in zip(places, CLOSED, strict=True)
    ]
