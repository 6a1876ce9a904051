"""What `kbind check` says of columns, and what is noted of the time after the end."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import kbind as kb
from kbind.dataset.describe import describe
from kbind.dataset.schema import TABLES
from simulations.company import simulate_saas

DOCS = Path(__file__).parents[2] / "docs" / "data.md"


def test_every_column_has_a_meaning_and_the_documentation_says_the_same() -> None:
    told = re.findall(r"^\| (\w+) \| (\w+) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    known = [(name, column, spec.meaning) for name, t in TABLES.items() for column, spec in t.columns.items()]
    assert [row for row in told if row != ("table", "column", "what it holds")] == known
    assert all(spec.meaning for table in TABLES.values() for spec in table.columns.values())


def test_the_overview_in_the_documentation_has_every_column() -> None:
    told = dict(re.findall(r"^\| (\w+) \| (\*\*.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    for name, table in TABLES.items():
        columns = [f"**{column}**" if spec.required else column for column, spec in table.columns.items()]
        assert sorted(told[name].split(", ")) == sorted(columns)


def shop(folder: Path) -> kb.Dataset:
    """Contracts with yearly prices under a name of the company's own, and customers of whom two have left."""
    (folder / "subscriptions.csv").write_text(
        "customer_id,start,end,Jahrespreis,region\n1,2024-01-05,2024-12-31,1200,N\n2,2024-02-05,,2400,S\n"
        "3,2024-03-01,2024-03-02,,S\n"
    )
    (folder / "customers.csv").write_text("customer_id,state,months\n1,Gone,3\n2,here,4\n3, gone,5\n")
    (folder / "kbind.yaml").write_text(
        "tables: {subscriptions: {columns: {mrr: Jahrespreis}}}\n"
        "roles: {churned: {column: state, value: gone}, tenure: months}\n"
    )
    return kb.open_dataset(folder)


def test_check_says_what_columns_mean_and_hold(tmp_path: Path) -> None:
    lines = describe(shop(tmp_path)).splitlines()
    assert "subscriptions: subscriptions.csv, 3 rows" in lines
    meaning = "revenue of the contract a month, in the currency of the data (yearly price / 12)"
    found = "2 of 3 filled, 1,200 to 2,400; half of them up to 1,800 a month"
    assert f"  mrr (from 'Jahrespreis'): {meaning} | {found}" in lines
    meaning = "moment from which on it no longer holds; empty while it runs"
    assert f"  end: {meaning} | 2 of 3 filled, 2024-03-02 to 2024-12-31" in lines
    assert "  of no meaning of their own, kept as attributes: region" in lines
    assert lines[-2:] == ["churned: 2 of 3 (state: Gone, gone)", "tenure: 3 of 3 filled (months)"]


@pytest.mark.parametrize("name", ["annual_fee", "price_per_year", "Jahresbeitrag", "ARR", "Preis p.a.", "mrr"])
def test_a_yearly_amount_read_as_revenue_a_month_is_told(name: str) -> None:
    frame = pd.DataFrame({"customer_id": [1], "start": ["2024-01-05"], name: [1200]})
    data = kb.open_dataset({"subscriptions": frame}, mapping={"mrr": name})
    told = [note for note in data.notes if "whose name speaks of a year; divide it by 12" in note]
    assert len(told) == (name != "mrr")


def test_ends_that_the_default_end_of_the_data_hides_are_counted(tmp_path: Path) -> None:
    notes = shop(tmp_path).notes
    assert (
        "subscriptions.csv: 1 contract ends after 2024-03-02, the end of the data, and counts as running; if that is "
        "over, set as_of"
    ) in notes
    assert not any("counts as running" in note for note in kb.open_dataset(tmp_path, as_of="2024-06-01").notes)
    terms = pd.DataFrame({"customer_id": [1], "start": ["2024-01-05"], "end": ["9999-12-31"]})
    assert kb.open_dataset({"subscriptions": terms}).notes == ()


def test_rows_behind_the_end_are_counted() -> None:
    log = pd.DataFrame({"customer_id": [1, 2, 3], "timestamp": ["2024-01-05", "2024-02-05", "2024-03-05"]})
    data = kb.open_dataset({"events": log}, as_of="2024-02-01")
    assert data.notes == ("rows from 2024-02-01 on lie behind the end of the data: events (2)",)


def test_every_scenario_and_example_can_be_described() -> None:
    for data in (kb.datasets.load_telco(), simulate_saas(200, 24)):
        assert describe(data)
