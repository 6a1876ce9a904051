"""Grace, lapse and the meaning of ends: as arguments, in kbind.yaml and on the command line."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import kbind as kb
from kbind.cli import app

CONTRACTS = "customer_id,start,end\na,2023-01-01,2023-03-15\na,2023-04-01,\nb,2023-01-01,2023-03-01\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "subscriptions.csv").write_text(CONTRACTS)
    return tmp_path


def test_without_a_word_grace_is_a_day_and_no_lapse_is_declared(folder: Path) -> None:
    data = kb.open_dataset(folder, as_of="2023-07-01")
    assert (data.grace, data.lapse) == (1, None)


def test_the_file_declares_grace_and_lapse_and_arguments_go_before_it(folder: Path) -> None:
    (folder / "kbind.yaml").write_text("grace: 30D\nlapse: 8W\nas_of: 2023-07-01\nends: exclusive\n")
    data = kb.open_dataset(folder)
    assert (data.grace, data.lapse) == (30, 56)
    assert kb.durations(data).events == 1  # the gap of a is bridged, b has left
    assert kb.durations(data.assuming(grace="1D")).events == 2
    data = kb.open_dataset(folder, grace="1D", lapse="90D")
    assert (data.grace, data.lapse) == (1, 90)
    assert kb.durations(data).events == 2


@pytest.mark.parametrize("line", ["grace: 7", "grace: soon", "lapse: -1D", "lapse: 9999999D", "grace: [1D]"])
def test_what_is_no_length_in_the_file_is_an_error(folder: Path, line: str) -> None:
    (folder / "kbind.yaml").write_text(line + "\n")
    with pytest.raises(kb.DatasetError, match="kbind.yaml.*allowed: days or weeks"):
        kb.open_dataset(folder)


@pytest.mark.parametrize("given", [{"grace": 7}, {"lapse": "-1D"}, {"grace": "1M"}])
def test_what_is_no_length_is_an_error(folder: Path, given: dict[str, object]) -> None:
    with pytest.raises(kb.ArgumentError, match="is no length"):
        kb.open_dataset(folder, **given)  # type: ignore[arg-type]


def test_what_ends_may_be_is_said(folder: Path) -> None:
    with pytest.raises(kb.ArgumentError, match="ends='last'.*'inclusive', 'exclusive'"):
        kb.open_dataset(folder, ends="last")
    (folder / "kbind.yaml").write_text("ends: last\n")
    with pytest.raises(kb.DatasetError, match="ends: 'last'.*inclusive, exclusive"):
        kb.open_dataset(folder)


def test_a_declared_lapse_counts_for_durations_and_snapshots() -> None:
    log = pd.DataFrame(
        {"customer_id": ["a"] * 3 + ["b"], "timestamp": ["2023-01-01", "2023-03-20", "2023-06-20", "2023-01-01"]}
    )
    at = {"as_of": "2023-07-01"}
    assert kb.durations(kb.open_dataset({"events": log}, **at)).events == 2  # 78 days, and 181
    assert kb.durations(kb.open_dataset({"events": log}, lapse="100D", **at)).events == 1
    rows = kb.snapshots(
        kb.open_dataset({"events": log}, lapse="100D", **at), as_of="2023-03-15", lead="0D", horizon="90D"
    )
    assert list(rows.customer) == ["a", "b"]  # after 56 days of silence nobody would be a customer


def test_the_command_line_takes_them(folder: Path) -> None:
    found = CliRunner().invoke(app, ["check", str(folder), "--grace", "2W", "--lapse", "8W", "--ends", "exclusive"])
    assert found.exit_code == 0
    wrong = CliRunner().invoke(app, ["check", str(folder), "--grace", "soon"])
    assert isinstance(wrong.exception, kb.ArgumentError)
