"""Reading a filled template: every mistake by its cell, and nothing but what was typed in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook

import kbind as kb
from kbind.report.template import write_template

Q1, Q2 = (date(2024, 1, 1), date(2024, 3, 31)), (date(2024, 4, 1), date(2024, 6, 30))
Fill = Callable[..., Path]


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_template(tmp_path_factory.mktemp("form") / "churn-rate.xlsx", lang="de")


@pytest.fixture
def fill(blank: Path, tmp_path: Path) -> Fill:
    """A German template with two quarters, and changes of single cells as "Kunden!C6"."""

    def _fill(changes: dict[str, Any] | None = None, edit: Callable[[Workbook], object] | None = None) -> Path:
        book = load_workbook(blank)
        for row, values in enumerate(((*Q1, 44, 12, 13), (*Q2, 43, 5, 2)), start=6):
            for letter, value in zip("ABCDE", values, strict=True):
                book["Kunden"][f"{letter}{row}"] = value
        for place, value in (changes or {}).items():
            sheet, cell = place.split("!")
            book[sheet][cell] = value
        if edit is not None:
            edit(book)
        path = tmp_path / "filled.xlsx"
        book.save(path)
        return path

    return _fill


def message(path: Path, **options: Any) -> str:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(path, **options)
    return str(caught.value)


def test_filled_form_becomes_the_tables_periods_and_reasons(fill: Fill) -> None:
    cells = {"Umsatz!C6": 1000, "Umsatz!D6": 100, "Umsatz!E6": 50.5, "Umsatz!F6": 300, "Gründe!D6": 9, "Gründe!E7": 1}
    data = kb.open_dataset(fill(cells))
    assert data.name == "filled"
    assert data.as_of == datetime(2024, 7, 1)  # the last day is over
    periods = data.table("periods")
    assert periods[["customers_start", "gained", "lost"]].to_numpy().tolist() == [[44, 12, 13], [43, 5, 2]]
    assert periods["revenue_contraction"].iloc[0] == 50.5
    assert periods["revenue_contraction"].isna().iloc[1]
    assert data.table("reasons")[["reason", "customers"]].to_numpy().tolist() == [["Preis", 9], ["Produkt", 1]]
    assert "filled.xlsx, sheet 'Kunden'" in str(data)


def test_a_form_that_was_not_filled_in_says_so(blank: Path) -> None:
    expected = "churn-rate.xlsx: nothing is filled in on the sheet 'Kunden'; fill in at least one row, from A6 on"
    assert message(blank) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Kunden!C7": 12.5}, "sheet 'Kunden', column 'Kunden am Anfang': is no count: cell C7 (12.5); allowed: whole"),
        ({"Kunden!D6": -1}, "column 'Gewonnen': is no count: cell D6 (-1)"),
        ({"Kunden!E6": 45}, "column 'Verloren': is more than the customers at the start: cell E6 (45)"),
        ({"Kunden!C7": "1.234"}, "'Kunden am Anfang': is not a number: cell C7 ('1.234'); allowed: a number, typed"),
        ({"Kunden!C7": True}, "is not a number: cell C7 ('True')"),
        ({"Kunden!A7": "01.04.2024"}, "column 'Erster Tag': is not a date: cell A7 ('01.04.2024')"),
        ({"Kunden!A7": "=today"}, "holds a formula without a result: cell A7 ('=today')"),
        ({"Kunden!A7": datetime(2024, 4, 1, 18, 30)}, "is not a date: cell A7 ('2024-04-01 18:30:00')"),
        ({"Kunden!A7": None}, "has no value: cell A7 (empty); allowed: a value in every row that is filled in"),
        ({"Kunden!B7": date(2024, 3, 1)}, "column 'Letzter Tag': lies before the first day: cell B7 ('2024-03-01')"),
        ({"Kunden!A7": Q1[1]}, "column 'Erster Tag': lies in another period: cell A7 ('2024-03-31')"),
        ({"Kunden!D9": 4}, "column 'Erster Tag': has no value: cell A9 (empty)"),
        ({"Umsatz!C9": 4}, "sheet 'Kunden', column 'Erster Tag': has no value: cell A9 (empty)"),
        ({"Umsatz!D6": -4}, "'Verloren durch Abgänge': is negative or without end: cell D6 (-4)"),
        ({"Umsatz!C6": 9, "Umsatz!D6": 5, "Umsatz!E6": 5}, "together more than the revenue at the start: cell C6 (9)"),
        ({"Gründe!D6": 12, "Gründe!E6": 2}, "'Produkt': makes the reasons more than the customers lost: cell E6"),
        ({"Gründe!D6": 1.5}, "sheet 'Gründe', column 'Preis': is no count: cell D6 (1.5)"),
        ({"Gründe!K6": 1}, "sheet 'Gründe': has counts but no name: cell K5 (empty); allowed: a reason"),
        ({"Kunden!D7": "=2+3"}, "'Gewonnen': holds a formula without a result: cell D7 ('=2+3'); type"),
    ],
)  # fmt: skip
def test_mistakes_are_named_by_cell(fill: Fill, changes: dict[str, Any], expected: str) -> None:
    assert expected in message(fill(changes))


def test_several_mistakes_are_told_at_once(fill: Fill) -> None:
    text = message(fill({"Kunden!C6": "x", "Kunden!C7": "y", "Kunden!A7": "z"}))
    assert "cell C6 ('x'), cell C7 ('y')" in text
    assert len(text.splitlines()) == 2


def test_sheets_may_be_renamed_and_headings_changed(fill: Fill) -> None:
    def edit(book: Workbook) -> None:
        book["Kunden"].title = "Bestand"
        book["Bestand"]["C5"] = "=Kundschaft"
        book.move_sheet("Gründe", -3)
        for name in book.defined_names.values():
            name.attr_text = name.attr_text.replace("Kunden!", "Bestand!").replace("'Kunden'!", "'Bestand'!")

    assert kb.open_dataset(fill(edit=edit)).table("periods")["customers_start"].tolist() == [44, 43]


def test_optional_sheets_may_be_deleted_but_not_the_customers(fill: Fill) -> None:
    def optional(book: Workbook) -> None:
        del book["Umsatz"], book["Gründe"]

    assert "revenue_start" in kb.open_dataset(fill(edit=optional)).table("periods")
    text = message(fill(edit=lambda book: book.__delitem__("Kunden")))
    assert "filled.xlsx: columns or rows were taken out" in text


def test_a_column_taken_out_is_told(fill: Fill) -> None:
    text = message(fill(edit=lambda book: book.defined_names.__delitem__("kbind_lost")))
    assert "columns or rows were taken out or put in" in text


def test_text_that_looks_like_a_formula_stays_text(fill: Fill) -> None:
    def edit(book: Workbook) -> None:
        cell = book["Gründe"]["D5"]
        cell.value = '=HYPERLINK("http://x","y")'
        cell.data_type = "s"
        book["Gründe"]["D6"] = 5

    assert kb.open_dataset(fill(edit=edit)).table("reasons")["reason"].tolist() == ['=HYPERLINK("http://x","y")']


def test_a_form_is_no_other_table(blank: Path) -> None:
    with pytest.raises(kb.ArgumentError, match="table='events': a template of kbind's holds counts by period"):
        kb.open_dataset(blank, table="events")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.xlsx", b"", "cannot be read as a workbook; is it protected by a password"),
        ("a.xlsx", b"PK\x03\x04 cut off", "cannot be read as a workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0 old or encrypted", "cannot be read as a workbook; is it protected"),
        ("a.ods", b"PK", "is a workbook of a kind that is not read: .ods; allowed: save it as .xlsx"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "is a workbook of a kind that is not read: .xls"),
    ],
)
def test_damaged_and_foreign_files_are_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert expected in message(tmp_path / name)


def test_a_zip_that_is_no_workbook_and_a_form_that_is_huge(fill: Fill, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as packed:
        packed.writestr("hello.txt", "hello")
    assert "cannot be read as a workbook: " in message(tmp_path / "a.xlsx")
    path = fill()
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/more.xml", b" " * 60_000_000)
    assert message(path) == "filled.xlsx: unpacks to 60 MB; allowed: 50 MB; or tables as CSV files"


HEAD = "first_day;last_day;customers_start;gained;lost\n"


def test_counts_may_come_as_csv(tmp_path: Path) -> None:
    (tmp_path / "periods.csv").write_text(HEAD + "01.01.2024;31.03.2024;1.044;12;13\n")
    (tmp_path / "reasons.csv").write_text("first_day;reason;customers\n01.01.2024;Preis;3\n")
    (tmp_path / "kbind.yaml").write_text("decimal: ','\n")
    data = kb.open_dataset(tmp_path)
    assert kb.period_rates(data).to_frame()["customers_end"].tolist() == [1043]
    assert data.overview()["customers"].isna().all()
    assert data.quality().tables["duplicates"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("2024-01-01;2024-03-31;20;5;21\n", "column 'lost': is more than the customers at the start: row 2 (21)"),
        ("2024-01-01;2024-03-31;20;5;1\n\n2024-02-01;2024-02-29;20;5;1\n", "lies in another period: row 4"),
        ("2024-01-01;2024-03-31;20;5.5;1\n", "column 'gained': is no count: row 2 (5.5)"),
        ("2024-01-01 08:00;2024-03-31 08:00;20;5;1\n", "is not a day: row 2 ('2024-01-01 08:00:00')"),
        ("2024-01-01;2024-03-31;20;5;\n", "column 'lost': has no value: row 2 (empty)"),
    ],
)  # fmt: skip
def test_counts_that_cannot_be_are_named_by_row(tmp_path: Path, rows: str, expected: str) -> None:
    (tmp_path / "periods.csv").write_text(HEAD + rows)
    assert expected in message(tmp_path / "periods.csv")


def test_reasons_without_their_period_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"first_day": ["2024-01-01"], "last_day": ["2024-03-31"], "customers_start": 9, "gained": 0, "lost": 2}
    )
    reasons = pd.DataFrame({"first_day": ["2024-02-01"], "reason": ["x"], "customers": [1]})
    with pytest.raises(kb.DatasetError, match="'first_day': is not the first day of a period: row 1"):
        kb.open_dataset({"periods": frame, "reasons": reasons})
    with pytest.raises(kb.DatasetError, match="needed: one of customers, events, subscriptions, periods"):
        kb.open_dataset({"reasons": reasons})
