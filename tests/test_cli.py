"""The command line as a user meets it: in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from kbind.cli import main

KBIND = [sys.executable, "-c", "from kbind.cli import main; main()"]

FIVE_KINDS = """customer_id,timestamp,amount,order_id
1,2024-01-05,10.50,a
,2024-01-06,11.00,b
3,2024-02-31,12.00,c
4,07.02.2024,13.00,d
5,2024-02-08,"13,50",e
6,2024-02-09,free,f
"""


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*KBIND, *arguments], capture_output=True, text=True, cwd=cwd, check=False)


def test_five_kinds_of_error_give_five_clear_lines(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(FIVE_KINDS)
    result = run("check", "events.csv", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "5 problems in the data:",
        "events.csv, column 'customer_id': has no value: row 3 (empty); allowed: a value in every row",
        "events.csv, column 'timestamp': is not a date or time: row 4 ('2024-02-31'); allowed: 2024-01-31, "
        "2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout",
        "events.csv, column 'timestamp': is written differently from the rest (like 2024-01-31): row 5 ('07.02.2024'); "
        "allowed: 2024-01-31, 2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout",
        "events.csv, column 'amount': is not a number: row 7 ('free'); allowed: 1234.5 or 1,234.5, or with decimal "
        "comma 1234,5 or 1.234,5; one way throughout the column",
        "events.csv, column 'amount': is written differently from the rest (decimal '.'): row 6 ('13,50'); allowed: "
        "1234.5 or 1,234.5, or with decimal comma 1234,5 or 1.234,5; one way throughout the column",
    ]


def test_check_prints_the_overview(shop_like: Path) -> None:
    result = run("check", str(shop_like), "--timezone", "Europe/Berlin", "--as-of", "2024-03-01")
    assert result.returncode == 0
    assert "(complete up to 2024-03-01 00:00, time zone Europe/Berlin)" in result.stdout
    assert "1 refund" in result.stdout


def test_check_says_what_runs_what_is_missing_and_what_comes_next(shop_like: Path) -> None:
    said = run("check", str(shop_like), "--timezone", "Europe/Berlin", "--as-of", "2024-03-01").stdout
    runs, missing = said.split("Chapters that run:\n")[1].split("What else would be possible:\n")
    assert "  01 how many customers come back, by age and cohort\n" in runs
    assert "  01 how many customers under contract stay: needs subscriptions\n" in missing
    assert said.endswith(f"Next: kbind report --data {shop_like}\n")


ORDERS = "Kundennr;Belegdatum;Belegnummer;Menge;Einzelpreis\n" + "".join(
    f"{n % 7:03};{1 + n % 28:02}.{1 + n % 12:02}.2024;R{n};{1 + n % 3};1{n % 10},50\n" for n in range(60)
)


def test_init_proposes_asks_and_writes(tmp_path: Path) -> None:
    (tmp_path / "Belege 2024.csv").write_text(ORDERS, encoding="cp1252")
    asked = run("init", str(tmp_path))
    assert asked.returncode == 0
    assert "'Kundennr' is customer_id, 'Belegdatum' is timestamp" in asked.stdout
    assert "the amount is 'Menge' times 'Einzelpreis'" in asked.stdout
    assert asked.stdout.endswith("Nothing is written yet; kbind init --yes writes it.\n")
    assert not (tmp_path / "kbind.yaml").exists()
    done = run("init", str(tmp_path), "--yes", "--currency", "EUR")
    assert done.stdout.endswith(f"Written: {tmp_path}/kbind.yaml\nNext: kbind report --data {tmp_path}\n")
    assert "currency: EUR\n" in (tmp_path / "kbind.yaml").read_text(encoding="utf-8")
    assert "60 " in run("check", str(tmp_path)).stdout
    again = run("init", str(tmp_path), "--yes")
    assert (again.returncode, again.stderr) == (2, f"{tmp_path}/kbind.yaml is there already; --force replaces it\n")


def test_init_names_the_option_that_settles_what_is_open(tmp_path: Path) -> None:
    rows = "".join(f"{n % 7};{1 + n % 12}/{1 + n % 11}/2024\n" for n in range(40))
    (tmp_path / "orders.csv").write_text("customer;order date\n" + rows)
    open_ = run("init", str(tmp_path), "--yes")
    assert open_.returncode == 2
    assert "can be read as day/month or month/day" in open_.stdout
    assert run("init", str(tmp_path), "--force", "--yes", "--date-order", "mdy").returncode == 0


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no file of tables; allowed: a folder with exports as CSV, Parquet or Excel workbooks (.xlsx)"),
        (
            {"a.csv": "x,y\n1,2\n"},
            "holds no table of customers that is recognised; needed: a column that names the cust",
        ),
        ({"a.xlsx": "PK nothing"}, "cannot be read as a workbook"),
    ],
)
def test_init_of_what_is_no_export(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    result = run("init", str(tmp_path))
    assert result.returncode == 2
    assert message in result.stderr


@pytest.fixture
def shop_like(tmp_path: Path) -> Path:
    (tmp_path / "events.csv").write_text("customer_id,timestamp,amount\n1,2024-01-05,10\n1,2024-02-05,-3\n")
    (tmp_path / "kunden.csv").write_text("customer_id\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check", "nothing.csv"], 2, "nothing.csv: does not exist"),
        (["check", ".", "--timezone", "Berlin"], 2, "--timezone 'Berlin' is not known"),
        (["check", ".", "--as-of", "soon"], 2, "--as-of 'soon' is not a date"),
        (["report", "--lang", "fr"], 2, "'fr' is not one of 'de', 'en', 'both'"),
        (["report", "--chapters", "99"], 2, "chapter '99' is not known"),
        (["report", "--threshold", "0"], 2, "--threshold 0 is not a count"),
        (["report", "--data", ".", "--out", "events.csv"], 1, "events.csv cannot be written: it is a file"),
        (["template", "t.csv"], 2, "allowed: a name that ends in .xlsx"),
        (["template", "t.xlsx", "--lang", "both"], 2, "'both' is not one of 'de', 'en'"),
        (["template", "nowhere/t.xlsx"], 1, "t.xlsx cannot be written: No such file or directory"),
        (["check", "kunden.csv"], 2, "name it after a table, or say --table 'events'"),
        (
            ["check", "kunden.csv", "--table", "custmers"],
            2,
            "--table 'custmers' is not known; did you mean",
        ),
        (["chek"], 2, "No such command 'chek'"),
    ],
)
def test_mistakes_are_one_message_and_an_exit_code(
    shop_like: Path, arguments: list[str], code: int, message: str
) -> None:
    result = run(*arguments, cwd=shop_like)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_report_takes_the_options_of_check(shop_like: Path) -> None:
    (shop_like / "events.csv").rename(shop_like / "log.csv")
    options = [
        "--table",
        "events",
        "--timezone",
        "Asia/Tokyo",
        "--as-of",
        "2024-02-01",
        "--period",
        "week",
        "--chapters",
        "1",
    ]
    result = run("report", "--data", "log.csv", *options, "--lang", "en", cwd=shop_like)
    assert result.returncode == 0, result.stderr
    page = (shop_like / "reports" / "en" / "01_retention_metrics.html").read_text(encoding="utf-8")
    assert "Complete up to January 31, 2024." in page
    assert "Times are local time in Tokyo." in page
    assert "per week" in page


def test_template_is_written_once_and_read_back_as_empty(tmp_path: Path) -> None:
    options = ["template", "churn-rate.xlsx", "--lang", "de", "--reasons", "Preis, Service"]
    first = run(*options, cwd=tmp_path)
    assert (first.returncode, first.stdout) == (0, "Written: churn-rate.xlsx\n")
    again = run(*options, cwd=tmp_path)
    assert again.returncode == 2
    assert "churn-rate.xlsx exists already and was left as it is; --force" in again.stderr
    assert run(*options, "--force", cwd=tmp_path).returncode == 0
    checked = run("check", "churn-rate.xlsx", cwd=tmp_path)
    assert checked.returncode == 2
    assert "nothing is filled in on the sheet 'Kunden'" in checked.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("kbind 0.")
    shown = run("--help").stdout
    assert "check" in shown
    assert "report" in shown
    assert "template" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of another kind here")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_interrupted_report_leaves_the_old_one(shop_like: Path, number: signal.Signals, code: int) -> None:
    (shop_like / "reports").mkdir()
    (shop_like / "reports" / "index.html").write_text("old")
    (shop_like / "temporary").mkdir()
    process = subprocess.Popen(
        [*KBIND, "report", "--data", "."],
        cwd=shop_like,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": "temporary"},
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # tests may run where it is ignored, as under nohup
    )
    workers = _workers_of(process)
    os.kill(process.pid, number)
    _, shown = process.communicate(timeout=600)
    assert process.returncode == code
    assert "interrupted; an earlier report is unchanged" in shown
    assert "Traceback" not in shown
    assert (shop_like / "reports" / "index.html").read_text() == "old"
    assert [path.name for path in (shop_like / "reports").iterdir()] == ["index.html"]
    assert list((shop_like / "temporary").iterdir()) == []  # nothing of a worker's either
    assert not [worker for worker in workers if worker.exists() and worker.read_bytes()]


def _workers_of(process: subprocess.Popen[str]) -> list[Path]:
    """The processes that write chapters, as soon as there are some; where they cannot be known, none after a while."""
    if not Path("/proc/self/task").exists():
        time.sleep(5)
        return []
    while process.poll() is None:
        time.sleep(0.2)
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        workers = [Path(f"/proc/{child}/cmdline") for task in tasks for child in task.read_text().split()]
        if any(b"spawn_main" in worker.read_bytes() for worker in workers):
            time.sleep(1)
            return workers
    return []


def test_sigterm_while_data_is_checked(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "sent.duckdb")) as connection:
        connection.execute("CREATE VIEW events AS SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b")
    process = subprocess.Popen(
        [*KBIND, "check", "sent.duckdb"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    while not list(tmp_path.glob("kbind-*/computed.duckdb")):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, shown = process.communicate(timeout=600)
    assert process.returncode == 143
    assert "interrupted" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["sent.duckdb"]


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("report", "--threshold 0"), ("report", "--threshold -1"), ("report", "--threshold 1e9"),
        ("report", "--threshold 1000000000000000000000"), ("report", "--threshold many"), ("report", "--threshold 2.5"),
        ("report", "--chapters 99"), ("report", "--chapters ,"), ("report", "--chapters 01,nonsense"),
        ("report", "--chapters -1"), ("report", "--period fortnight"), ("report", "--period 30D"),
        ("report", "--period "), ("report", "--lang xx"), ("report", "--lang "), ("report", "--lang DE,EN"),
        ("report", "--as-of soon"), ("report", "--as-of 0001-01-01"), ("report", "--as-of 9999-12-31"),
        ("report", "--timezone Mars/Olympus"), ("report", "--timezone ../../etc/passwd"), ("report", "--timezone "),
        ("report", "--table nonsense"), ("report", "--grace soon"), ("report", "--grace -1D"),
        ("report", "--lapse 0D"), ("report", "--lapse 999999W"), ("report", "--ends maybe"), ("report", "--nonsense 1"),
        ("report --data .", "--as-of soon"), ("report --data .", "--as-of 0001-01-01"),
        ("report --data .", "--as-of 9999-12-31"), ("report --data .", "--timezone Mars/Olympus"),
        ("report --data .", "--timezone ../../etc/passwd"), ("report --data .", "--table nonsense"),
        ("report --data .", "--grace soon"), ("report --data .", "--lapse 0D"), ("report --data .", "--ends maybe"),
        ("report --data .", "--period fortnight"), ("report --data .", "--threshold 0"),
        ("report --data .", "--chapters ,,"), ("report", "--data nowhere"),
        ("check .", "--as-of soon"), ("check .", "--as-of nan"), ("check .", "--timezone nonsense"),
        ("check .", "--table nonsense"), ("check .", "--grace 5"), ("check .", "--lapse -1"), ("check .", "--lapse 0W"),
        ("check .", "--ends both"), ("check", "nowhere"), ("check .", "--threshold 5"),
        ("template t.xlsx", "--lang both"), ("template t.xlsx", "--lang "), ("template t.xlsx", "--reasons ,"),
        ("template t.xlsx", "--reasons a,a"), ("template t.xlsx", "--reasons a,b,c,d,e,f,g,h,i"),
        ("template t.xlsx", "--force maybe"), ("template", "t.txt"), ("template", ".xlsx.csv"),
    ],
)  # fmt: skip
def test_nonsense_in_an_option_is_one_message(
    shop_like: Path, command: str, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def taken(*_: object) -> None:
        raise AssertionError("taken")

    monkeypatch.chdir(shop_like)
    monkeypatch.setattr("kbind.report.write.write_chapters", taken)
    monkeypatch.setattr("kbind.cli._end_like_interrupts", list)
    monkeypatch.setattr(sys, "argv", ["kbind", *command.split(), *option.split(" ")])
    before = sorted(shop_like.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2, said.err
    assert said.out == ""
    assert 0 < len(said.err) < 1000
    assert "Traceback" not in said.err
    assert not said.err.startswith("unexpected")
    assert sorted(shop_like.rglob("*")) == before
