"""Exports in their vendors' layouts become tables without hand work, and the tables hold what the rows say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import kbind as kb
from kbind.dataset.schema import TABLES
from kbind.exports.proposal import propose, write

HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = yaml.safe_load((HERE / "expected.yaml").read_text(encoding="utf-8"))


#: Tables that say nothing of who is a customer: they come with others.
ALONE = {"tickets", "feedback"}


def _folder(tmp_path: Path, name: str) -> Path:
    source = HERE / name / EXPECTED[name]["file"]
    folder = tmp_path / "export"
    folder.mkdir()
    shutil.copy(source if source.exists() else HERE / "unknown" / EXPECTED[name]["file"], folder)
    if set(EXPECTED[name]["tables"]) <= ALONE:
        (folder / "customers.csv").write_text("customer_id,size\nk@example.com,small\nl@example.com,large\n")
    return folder


@pytest.mark.parametrize("name", EXPECTED)
def test_export_becomes_tables(tmp_path: Path, name: str) -> None:
    folder = _folder(tmp_path, name)
    proposal = propose(folder)
    assert proposal.data is not None, proposal.problems
    write(proposal)
    data = kb.open_dataset(folder)
    assert set(data.tables) == set(EXPECTED[name]["tables"]) | (set(data.tables) & {"customers"})
    for table, wanted in EXPECTED[name]["tables"].items():
        frame = data.table(table)
        assert len(frame) == wanted["rows"]
        assert frame["customer_id"].nunique() == wanted["customers"]
        for money in ("amount", "mrr", "goodwill"):
            if money in wanted:
                assert round(float(frame[money].sum()), 2) == pytest.approx(wanted[money], abs=0.005)
        if "first" in wanted:
            days = pd.to_datetime(frame[TABLES[table].time])
            assert [f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}"] == [str(wanted["first"]), str(wanted["last"])]
        if "ended" in wanted:
            assert int(frame["end"].notna().sum()) == wanted["ended"]


UNKNOWN: dict[str, Any] = yaml.safe_load((HERE / "unknown" / "expected.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", UNKNOWN)
def test_file_that_no_recogniser_knows_is_guessed(tmp_path: Path, name: str) -> None:
    shutil.copy(HERE / "unknown" / UNKNOWN[name]["file"], tmp_path)
    proposal = propose(tmp_path)
    assert proposal.data is not None, proposal.problems
    for table, wanted in UNKNOWN[name]["tables"].items():
        assert proposal.tables[table]["columns"] == wanted["columns"]
        frame = proposal.data.table(table)
        assert (len(frame), frame["customer_id"].nunique()) == (wanted["rows"], wanted["customers"])
        for money in ("amount", "mrr"):
            if money in wanted:
                assert float(frame[money].sum()) == pytest.approx(wanted[money], abs=0.005)


@pytest.mark.parametrize("name", [*EXPECTED, *UNKNOWN])
def test_what_is_written_says_what_was_proposed(tmp_path: Path, name: str) -> None:
    if name in EXPECTED:
        folder = _folder(tmp_path, name)
    else:
        folder = tmp_path
        shutil.copy(HERE / "unknown" / UNKNOWN[name]["file"], folder)
    proposal = propose(folder)
    content = yaml.safe_load(write(proposal).read_text(encoding="utf-8"))
    assert content.pop("tables") == proposal.tables
    assert content == dict(proposal.settings)
    with pytest.raises(kb.ArgumentError, match="is there already; --force replaces it"):
        write(proposal)
