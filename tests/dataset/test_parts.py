"""Rows of one table that lie in several files or sheets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import kbind as kb

HEAD = "customer_id,timestamp,amount\n"
FIRST, SECOND = HEAD + "1,2023-01-05,10\n2,2023-02-05,11\n", HEAD + "1,2024-01-05,12\n3,2024-02-05,13\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders_2023.csv").write_text(FIRST)
    (tmp_path / "orders_2024.csv").write_text(SECOND)
    (tmp_path / "kbind.yaml").write_text("tables: {events: {file: [orders_2023.csv, orders_2024.csv]}}\n")
    return tmp_path


def test_files_one_below_the_other(folder: Path) -> None:
    data = kb.open_dataset(folder)
    assert data.table("events")["amount"].tolist() == [10, 11, 12, 13]
    assert data.tables["events"].label == "orders_2023.csv and 1 more"
    assert kb.activity(data, period="year").to_frame()["active"].tolist() == [2, 2]


def test_same_as_one_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = tmp_path_factory.mktemp("whole") / "events.csv"
    whole.write_text(FIRST + SECOND.removeprefix(HEAD))
    pd.testing.assert_frame_equal(kb.open_dataset(folder).table("events"), kb.open_dataset(whole).table("events"))


def test_columns_in_another_order_are_the_same(folder: Path) -> None:
    (folder / "orders_2024.csv").write_text("amount;timestamp;customer_id\n12;2024-01-05;1\n13;2024-02-05;3\n")
    assert kb.open_dataset(folder).table("events")["amount"].tolist() == [10, 11, 12, 13]


def test_rows_are_named_with_their_file(folder: Path) -> None:
    (folder / "orders_2024.csv").write_text(SECOND.replace("12", "twelve"))
    with pytest.raises(kb.DatasetError, match=r"and 1 more, column 'amount': .* orders_2024.csv row 2 \('twelve'\)"):
        kb.open_dataset(folder)


def test_other_columns_are_an_error(folder: Path) -> None:
    (folder / "orders_2024.csv").write_text(SECOND.replace("amount", "total"))
    message = "orders_2024.csv: has other columns than orders_2023.csv: lacks amount; also has total; allowed: the same"
    with pytest.raises(kb.DatasetError, match=message):
        kb.open_dataset(folder)


def test_a_file_that_is_not_there(folder: Path) -> None:
    (folder / "orders_2024.csv").unlink()
    with pytest.raises(kb.DatasetError, match="orders_2024.csv"):
        kb.open_dataset(folder)


def test_files_that_nobody_named_are_still_two(folder: Path) -> None:
    (folder / "kbind.yaml").unlink()
    (folder / "events.csv").write_text(FIRST)
    (folder / "events.tsv").write_text(SECOND.replace(",", "\t"))
    with pytest.raises(kb.DatasetError, match="both claim to be 'events'"):
        kb.open_dataset(folder)


def test_sheets_one_below_the_other(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Kunde": [1, 2], "Datum": pd.to_datetime(["2023-01-05", "2023-02-05"])})
    with pd.ExcelWriter(tmp_path / "Orders.xlsx") as book:
        frame.to_excel(book, sheet_name="2023", index=False)
        frame.assign(Kunde=[2, 3]).to_excel(book, sheet_name="2024", index=False)
    mapping = {"events": {"file": "Orders.xlsx", "sheet": ["2023", "2024"],
                          "columns": {"customer_id": "Kunde", "timestamp": "Datum"}}}  # fmt: skip
    assert kb.open_dataset(tmp_path, mapping=mapping).table("events")["customer_id"].tolist() == [1, 2, 2, 3]
    with pytest.raises(kb.DatasetError, match="events: sheet .*allowed: the name of a sheet in the workbook"):
        kb.open_dataset(tmp_path, mapping={"events": {"file": "Orders.xlsx", "sheet": ["2023", "2023"]}})
