"""Lists of customers: for those who act, apart from the pages that are handed on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

import kbind as kb
from kbind.churn.contacts import customers_here
from kbind.errors import ReportError
from kbind.report.lists import check_lists, marked, write_lists


@pytest.fixture(scope="module")
def telco_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    kb.Report(kb.datasets.load_telco()).write(folder / "out", "en", ["03"], lists=folder / "lists")
    return folder


def test_the_list_and_the_tenth_are_written_apart_from_the_pages(telco_lists: Path) -> None:
    names = sorted(path.name for path in (telco_lists / "lists").iterdir())
    assert names == ["contact_list.csv", "contact_list.xlsx", "highest_risk.csv", "highest_risk.xlsx"]
    listed = pd.read_csv(telco_lists / "lists" / "contact_list.csv")
    assert listed["expected_gain"].is_monotonic_decreasing
    tenth = pd.read_csv(telco_lists / "lists" / "highest_risk.csv")
    assert len(tenth) == 5174 // 10  # of those who have not left
    assert tenth["probability"].is_monotonic_decreasing
    assert not list((telco_lists / "out").rglob("*.csv"))


def test_customers_who_are_still_there_come_first() -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"], "start": "2023-01-01", "end": [None, "2023-06-01", None]})
    data = kb.open_dataset({"subscriptions": frame}, as_of="2024-01-01")
    here = customers_here(data)
    assert sorted(here) == ["a", "c"]
    listed = marked(frame["customer_id"].to_numpy(dtype=object), here)
    assert listed.to_dict("list") == {"customer_id": ["a", "c", "b"], "still_customer": [True, True, False]}


def test_of_a_table_with_a_flag_those_are_here_who_have_not_left() -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b"], "gone": ["no", "yes"], "tenure": [3, 4]})
    data = kb.open_dataset({"customers": frame}, roles={"churned": {"column": "gone", "value": "yes"}})
    assert list(customers_here(data)) == ["a"]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"customer_id": ["=1+1", "@x", "plain"], "score": [-1.5, 2.0, 3.0]})
    write_lists({"risky": frame}, tmp_path / "lists")
    text = (tmp_path / "lists" / "risky.csv").read_text()
    assert '"\'=1+1",-1.5' in text
    cells = load_workbook(tmp_path / "lists" / "risky.xlsx").active
    assert cells is not None
    assert [cells.cell(row, 1).data_type for row in (2, 3, 4)] == ["s"] * 3
    assert cells.cell(2, 1).value == "=1+1"


@pytest.mark.parametrize("where", ["out", "out/lists", "out/../out/de"])
def test_lists_do_not_lie_where_pages_are(tmp_path: Path, where: str) -> None:
    with pytest.raises(ReportError, match="lies in the folder of the report.*allowed: a folder elsewhere"):
        check_lists(tmp_path / where, tmp_path / "out")
    with pytest.raises(ReportError, match="lies in the folder of the report"):
        kb.Report(kb.datasets.load_counts()).write(tmp_path / "out", "en", ["01c"], lists=tmp_path / where)
    assert not (tmp_path / "out").exists()


def test_a_link_into_the_report_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "lists").symlink_to(tmp_path / "out")
    with pytest.raises(ReportError, match="lies in the folder of the report"):
        check_lists(tmp_path / "lists", tmp_path / "out")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "lists").write_text("")
    with pytest.raises(ReportError, match="is a file"):
        check_lists(tmp_path / "lists", tmp_path / "out")
