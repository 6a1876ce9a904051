"""Sheets of ordinary workbooks as tables: chosen, read, and every mistake by the row that Excel shows."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

import kbind as kb
from kbind.dataset import books
from kbind.dataset.sheets import read_sheet
from kbind.report.template import write_template

Rows = Iterable[Sequence[Any]]
HEADER = ("customer_id", "timestamp", "amount", "shop")
ROWS = [
    HEADER,
    ("007", datetime(2024, 1, 5, 10), 10.5, "a"),
    ("007", datetime(2024, 2, 29, 23, 59), -4, "b"),
    ("8", datetime(2024, 1, 31), 20.5, None),
    ("9", datetime(2024, 3, 31), 7, "b"),
]
BARE = [HEADER[:2], (1, date(2024, 1, 5)), (2, date(2024, 2, 5))]


def save(path: Path, **sheets: Rows) -> Path:
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def rewrite(path: Path, old: str, new: str) -> Path:
    """The workbook with other XML in its first sheet, such as programs other than openpyxl write."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old.encode() in parts[sheet]
    parts[sheet] = parts[sheet].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


def message(source: Path, **options: Any) -> str:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(source, **options)
    return str(caught.value)


def types(data: kb.Dataset, table: str = "events") -> dict[str, str]:
    return dict(data.tables[table].columns)


# -- what is read ----------------------------------------------------------------------------------------------------


def test_sheet_and_csv_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "customer_id,timestamp,amount,shop\n007,2024-01-05 10:00:00,10.5,a\n007,2024-02-29 23:59:00,-4,b\n"
        "8,2024-01-31 00:00:00,20.5,\n9,2024-03-31 00:00:00,7,b\n"
    )
    one = kb.open_dataset(tmp_path / "events.csv")
    other = kb.open_dataset(save(tmp_path / "events.xlsx", Tabelle1=ROWS))
    assert other.table("events").equals(one.table("events"))
    assert kb.activity(other).to_frame().equals(kb.activity(one).to_frame())
    assert other.as_of == one.as_of
    assert "events.xlsx, sheet 'Tabelle1'" in str(other)


def test_columns_of_one_kind_are_typed(tmp_path: Path) -> None:
    rows = [
        (*HEADER[:2], "whole", "number", "day", "yes", "none", "span"),
        (1.0, datetime(2024, 1, 5, 8), 3.0, 1.5, date(2024, 1, 5), True, None, time(8, 30)),
        (2, datetime(2024, 1, 6), 4, 2, datetime(2024, 1, 6), False, None, timedelta(hours=26)),
        (3, datetime(2024, 1, 7), None, None, None, None, None, None),
    ]
    data = kb.open_dataset(save(tmp_path / "events.xlsx", x=rows))
    assert types(data) == {
        "customer_id": "BIGINT", "timestamp": "TIMESTAMP", "whole": "BIGINT", "number": "DOUBLE", "day": "DATE",
        "yes": "BOOLEAN", "none": "VARCHAR", "span": "VARCHAR",
    }  # fmt: skip
    assert data.table("events")["span"].tolist() == ["08:30:00", "1 day, 2:00:00", None]
    assert not [note for note in data.notes if "header" in note]


def test_mixed_columns_become_text_that_means_the_same(tmp_path: Path) -> None:
    mixed = [7.0, "a", 1.5, 1e-7, True, date(2024, 1, 5), datetime(2024, 1, 5, 8), " b ", None, 1.234]
    rows = [(*HEADER[:2], "mixed"), *((i, date(2024, 1, 5), value) for i, value in enumerate(mixed))]
    read = kb.open_dataset(save(tmp_path / "events.xlsx", x=rows)).table("events")["mixed"].tolist()
    expected = ["7", "a", "1.5", "0.0000001", "TRUE", "2024-01-05", "2024-01-05 08:00:00", "b", None, "1.2340"]
    assert read == expected


def test_ids_stay_as_they_are_in_the_sheet(tmp_path: Path) -> None:
    rows = [HEADER[:2], *((value, date(2024, 1, 5)) for value in ("007", 7, 8.0, "A-1", 123_000_000_000))]
    path = rewrite(save(tmp_path / "events.xlsx", x=rows), "<v>123000000000</v>", "<v>1.23E+11</v>")
    read = kb.open_dataset(path).table("events")["customer_id"].tolist()
    assert read == ["007", "7", "8", "A-1", "123000000000"]
    rows = [HEADER[:2], ("1.23E+11", date(2024, 1, 5)), ("A-1", date(2024, 1, 5))]
    text = message(save(tmp_path / "events.xlsx", x=rows))
    assert "column 'customer_id': was rounded by a spreadsheet: row 2 ('1.23E+11')" in text


@pytest.mark.parametrize("other", [5, "A-1"], ids=["numbers", "text"])
def test_numbers_longer_than_those_of_a_spreadsheet_are_no_ids(tmp_path: Path, other: object) -> None:
    rows = [HEADER[:2], (other, date(2024, 1, 5)), (1_234_567_890_123_456_789, date(2024, 1, 5))]
    text = message(save(tmp_path / "events.xlsx", x=rows))
    assert "was rounded" in text
    assert "row 3" in text


def test_rows_above_the_header_and_blank_rows(tmp_path: Path) -> None:
    rows = [["Orders of 2024"], [], *ROWS[:2], [], [None, "  "], *ROWS[2:]]
    data = kb.open_dataset(save(tmp_path / "events.xlsx", x=rows))
    assert data.table("events")["amount"].tolist() == [10.5, -4, 20.5, 7]
    assert data.notes[0] == "events.xlsx, sheet 'x': row 3 is the header; left out above it: row 1"


def test_customers_of_a_single_column(tmp_path: Path) -> None:
    save(tmp_path / "customers.xlsx", x=[["customer_id"], ["a"], [], ["b"]])
    save(tmp_path / "events.xlsx", x=BARE)
    assert kb.open_dataset(tmp_path).table("customers")["customer_id"].tolist() == ["a", "b"]


def test_empty_columns_are_left_out_and_cells_merged_count_once(tmp_path: Path) -> None:
    header = ("customer_id", None, "timestamp", "shop", "shop", " ", "note")
    rows = [header, (1, None, date(2024, 1, 5), "a", None, " ", None), (1, None, date(2024, 1, 6))]
    path = save(tmp_path / "events.xlsx", x=rows)
    data = kb.open_dataset(path)
    assert list(types(data)) == ["customer_id", "timestamp", "shop", "note"]
    book = Workbook()
    for row in (header, (1, None, date(2024, 1, 5), "a"), (2, None, date(2024, 1, 6), "b")):
        book.active.append(row)
    book.active.merge_cells("D2:D3")
    book.save(path)
    assert kb.open_dataset(path).table("events")["shop"].tolist() == ["a", None]


def test_errors_of_cells_are_missing_values_and_told(tmp_path: Path) -> None:
    rows = [(*HEADER[:3], "points", "score"), (1, date(2024, 1, 5), 1.234, 5, 0.25),
            (2, date(2024, 1, 6), "#N/A", "#REF!", "#DIV/0!"), (3, date(2024, 1, 7), 2.5, 6, 1.5)]  # fmt: skip
    data = kb.open_dataset(save(tmp_path / "events.xlsx", x=rows), decimal=",")  # of other files
    read = data.table("events")
    assert read["amount"].fillna(-1).tolist() == [1.234, -1, 2.5]
    assert read["points"].fillna(-1).tolist() == [5, -1, 6]
    assert read["score"].fillna(-1).tolist() == [0.25, -1, 1.5]
    where, said = "events.xlsx, sheet 'x', column", "stands for a missing value and counts as one: row 3"
    assert f"{where} 'amount': {said} ('#N/A')" in data.notes
    assert f"{where} 'points': {said} ('#REF!')" in data.notes
    rows[2] = ("#N/A", date(2024, 1, 6), 1, 2, 3)
    text = message(save(tmp_path / "events.xlsx", x=rows))
    assert "column 'customer_id': stands for a missing value: row 3 ('#N/A')" in text


def test_numbers_typed_as_text_among_numbers_are_never_guessed(tmp_path: Path) -> None:
    rows = [HEADER[:3], (1, date(2024, 1, 5), 1.234), (2, date(2024, 1, 6), "1,5")]
    text = message(save(tmp_path / "events.xlsx", x=rows))
    assert "column 'amount': is written differently from the rest (decimal '.'): row 3 ('1,5')" in text


def test_results_of_formulas_count_and_their_absence_is_told_by_cell(tmp_path: Path) -> None:
    rows = [*BARE, (3, date(2024, 3, 5))]
    rows = [[*row, extra] for row, extra in zip(rows, ("amount", "=1+1", '=IF(A1="","","")', 5), strict=True)]
    path = save(tmp_path / "events.xlsx", x=[["Title"], *rows])
    text = message(path)
    assert text.startswith(
        "events.xlsx, sheet 'x', column 'amount': holds a formula without a result: cell C3 ('=1+1')"
    )
    assert ", cell C4 (" in text
    assert text.endswith("; type the value, or open the file in a spreadsheet program and save it there")
    rewrite(path, "<f>1+1</f><v />", "<f>1+1</f><v>2</v>")
    rewrite(path, '<c r="C4"><f>', '<c r="C4" t="str"><f>')
    assert kb.open_dataset(path).table("events")["amount"].fillna(-1).tolist() == [2, -1, 5]


def test_nothing_is_lost_where_kinds_change_between_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kbind.dataset.sheets._CHUNK", 2)
    extra = [1, 2, 2.5, None, None, None, date(2024, 1, 5), None, "x"]
    numbers = [1, 2, 2.5, None, None, None, 3, None, "#N/A"]
    rows = [(*HEADER[:2], "mixed", "number"),
            *((i, date(2024, 1, 5), *both) for i, both in enumerate(zip(extra, numbers, strict=True)))]  # fmt: skip
    read = kb.open_dataset(save(tmp_path / "events.xlsx", x=rows)).table("events")
    assert read["mixed"].tolist() == ["1", "2", "2.5", None, None, None, "2024-01-05", None, "x"]
    assert read["number"].fillna(-1).tolist() == [1, 2, 2.5, -1, -1, -1, 3, -1, -1]
    rows[7] = (*rows[7], "stray")
    assert "has values but no heading: cell E1 ('')" in message(save(tmp_path / "events.xlsx", x=rows))


_CELLS = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.floats(-1e9, 1e9).map(lambda value: round(value, 4)),
    st.booleans(),
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    st.text("aÄ0.,-/ '", max_size=5),
)


_ALIKE = [st.integers(-99, 99), st.booleans(), st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0)), st.floats(-1e6, 1e6).map(
    lambda value: round(value, 2))]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.lists(_CELLS, min_size=1, max_size=8), *(st.lists(kind, min_size=1) for kind in _ALIKE)))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    rows = [(*HEADER[:2], "extra"), *((1, date(2024, 1, 5), value) for value in values)]
    path = save(tmp_path_factory.mktemp("round") / "events.xlsx", x=rows)
    with closing(books.Book(path)) as book:
        column = read_sheet(books.Sheet(book, "x")).frame["extra"]
    assert all(_means(*pair) for pair in zip(column.to_pylist(), values, strict=True))
    if len({type(value) for value in values}) == 1 and values[0] is not None:
        assert pa.types.is_string(column.type) == isinstance(values[0], str)


def _means(read: Any, given: Any) -> bool:
    """Whether a value is what stood in the cell, in the words of a column of text if it is one."""
    if isinstance(given, str):
        word = given.strip()
        return read == (word or None) or (read is None and word in ("-", "."))
    if given is None or isinstance(given, bool):
        return read is given or read == str(given).upper()
    if isinstance(given, datetime):
        return datetime.fromisoformat(str(read)) == given
    return float(read) == given


# -- which sheet is which table ----------------------------------------------------------------------------------------


def test_sheets_named_after_tables(tmp_path: Path) -> None:
    sheets = {"Events": BARE, "CUSTOMERS": [("customer_id", "plan"), (1, "s"), (2, "l")], "Notes": [["by hand"]]}
    path = save(tmp_path / "Book.xlsx", **sheets, Empty=[])
    for source in (path, tmp_path):
        data = kb.open_dataset(source)
        assert sorted(data.tables) == ["customers", "events"]
        assert data.notes[0] == "not used: Book.xlsx, sheet 'Notes'"


def test_a_file_named_after_a_table_in_a_folder_is_that_table_only(tmp_path: Path) -> None:
    save(tmp_path / "events.xlsx", events=BARE, customers=[("customer_id", "plan"), (1, "s")])
    (tmp_path / "customers.csv").write_text("customer_id,plan\n1,l\n")
    data = kb.open_dataset(tmp_path)
    assert data.table("customers")["plan"].tolist() == ["l"]
    assert data.notes[0] == "not used: events.xlsx, sheet 'customers'"


def test_sheets_declared_beside_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "Orders.xlsx", Orders=[("Kunde", "timestamp"), *BARE[1:]], Rest=[["a", "b"]])
    declared = "tables:\n  events: {file: Orders.xlsx, sheet: orders, columns: {customer_id: Kunde}}\n"
    (tmp_path / "kbind.yaml").write_text(declared)
    for source in (path, tmp_path):
        assert kb.open_dataset(source).tables["events"].rows == 2
    (tmp_path / "kbind.yaml").write_text(declared.replace("orders", "Ordrs"))
    for source in (path, tmp_path):
        assert message(source) == "Orders.xlsx: events: no sheet 'Ordrs'; did you mean 'Orders'? sheets: Orders, Rest"
    (tmp_path / "kbind.yaml").write_text(declared.replace("orders", "3"))
    allowed = "allowed: the name of a sheet in the workbook, or a list of such names"
    assert message(path) == f"kbind.yaml: events: sheet 3; {allowed}"
    (tmp_path / "kbind.yaml").unlink()
    mapping = {"events": {"sheet": "Orders", "columns": {"customer_id": "Kunde"}}}
    assert kb.open_dataset(path, mapping=mapping).tables["events"].rows == 2


def test_a_declared_sheet_that_no_workbook_has(tmp_path: Path) -> None:
    save(tmp_path / "Book.xlsx", customers=[("customer_id", "plan"), (1, "s")])
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n1,2024-01-05\n")
    (tmp_path / "kbind.yaml").write_text("tables:\n  events: {sheet: Orders}\n")
    expected = (
        "kbind.yaml: events: no workbook of the folder has a sheet 'Orders'; allowed: with file:, the workbook's name"
    )
    assert message(tmp_path) == expected
    (tmp_path / "kbind.yaml").write_text("tables:\n  events: {sheet: Customers}\n")
    assert message(tmp_path).startswith("Book.xlsx, sheet 'customers': and events.csv both claim to be 'events'")


def test_the_only_sheet_with_anything_in_it(tmp_path: Path) -> None:
    path = save(tmp_path / "Book.xlsx", Sheet1=BARE, Sheet2=[], Sheet3=[["  "]])
    assert kb.open_dataset(path, table="events").tables["events"].rows == 2
    text = message(path)
    assert text.startswith("Book.xlsx: does not say which sheet is which table; allowed: sheets named after a table, ")
    assert "sheets: Sheet1, Sheet2, Sheet3; tables: customers, events," in text
    path = save(tmp_path / "Book.xlsx", Sheet1=BARE, Sheet2=[["x"]])
    expected = (
        "Book.xlsx: has several sheets, and none is called 'events'; "
        "call one 'events', or say which in kbind.yaml (sheet:); sheets: Sheet1, Sheet2"
    )
    assert message(path, table="events") == expected
    assert message(save(tmp_path / "events.xlsx", a=[])) == "events.xlsx: is empty; allowed: a header and rows"
    assert "has no rows; allowed: at least one row" in message(save(tmp_path / "events.xlsx", a=[HEADER]))


def test_hidden_sheets_are_read_only_by_name(tmp_path: Path) -> None:
    path = tmp_path / "events.xlsx"
    book = Workbook()
    book.active.append(HEADER)
    book.active.append(ROWS[1])
    book.active.title, book.active.sheet_state = "kept", "hidden"
    sheet = book.create_sheet("b")
    for row in BARE:
        sheet.append(row)
    book.save(path)
    assert "sheet 'b'" in str(kb.open_dataset(path))
    assert "sheet 'kept'" in str(kb.open_dataset(path, mapping={"events": {"sheet": "kept"}}))


def test_workbooks_that_nobody_asked_for(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n1,2024-01-05\n")
    save(tmp_path / "Budget.xlsx", a=[["x", "y"]])
    write_template(tmp_path / "churn-rate.xlsx", lang="en")
    for name in ("~$events.xlsx", "Broken.xlsx", "Old.xls"):
        (tmp_path / name).write_bytes(b"no workbook")
    data = kb.open_dataset(tmp_path)
    assert data.notes[0] == "not used: Broken.xlsx, Budget.xlsx, Old.xls, churn-rate.xlsx, ~$events.xlsx"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("events.xlsx", b"\xd0\xcf\x11\xe0", "cannot be read as a workbook; is it protected by a password"),
        ("events.xlsx", b"", "cannot be read as a workbook"),
        ("events.xls", b"\xd0\xcf\x11\xe0", "is a workbook of a kind that is not read: .xls; allowed: save it"),
        ("events.ods", b"PK", "is a workbook of a kind that is not read: .ods"),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)
    for source in (tmp_path, tmp_path / name):
        assert message(source).startswith(f"{name}: {expected}")


def test_a_template_in_a_folder_and_a_table_that_two_files_claim(tmp_path: Path) -> None:
    write_template(tmp_path / "periods.xlsx", lang="en")
    assert message(tmp_path) == (
        "periods.xlsx: is a template of kbind's; allowed: in a folder, other workbooks; open this one by its own path"
    )
    (tmp_path / "periods.xlsx").unlink()
    save(tmp_path / "Book.xlsx", events=BARE)
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n1,2024-01-05\n")
    assert message(tmp_path) == (
        "Book.xlsx, sheet 'events': and events.csv both claim to be 'events'; keep one of them"
    )


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_rows_in_messages_are_those_of_excel(tmp_path: Path) -> None:
    rows = [["Title"], *BARE, [], ["", None], (3, "31.02.2024"), (None, date(2024, 1, 5))]
    text = message(save(tmp_path / "events.xlsx", x=rows))
    assert (
        "events.xlsx, sheet 'x', column 'timestamp': is written differently from the rest (like 2024-01-31): " in text
    )
    assert ": row 7 ('31.02.2024')" in text
    assert "events.xlsx, sheet 'x', column 'customer_id': has no value: row 8 (empty)" in text
    rows = [["Title"], ("customer_id", "plan"), ("a", 1), [], ("b", 1), [], ("a", 2)]
    text = message(save(tmp_path / "customers.xlsx", x=rows))
    assert text.startswith("customers.xlsx, sheet 'x', column 'customer_id': occurs more than once: row 7 ('a')")


def test_counts_by_period_are_told_by_row(tmp_path: Path) -> None:
    header = ("first_day", "last_day", "customers_start", "gained", "lost")
    first, second = (date(2024, 1, 1), date(2024, 3, 31)), (date(2024, 4, 1), date(2024, 6, 30))
    rows = [["Title"], header, (*first, 20, 5, 1), [], (*second, 20, 5, 21)]
    text = message(save(tmp_path / "periods.xlsx", a=rows))
    assert text.startswith(
        "periods.xlsx, sheet 'a', column 'lost': is more than the customers at the start: row 5 ('21')"
    )


def test_headings_that_are_missing_or_twice_are_told_by_cell(tmp_path: Path) -> None:
    rows = [["Title"], ("customer_id", "timestamp", None, "Shop", "shop ", "=x"),
            (1, date(2024, 1, 5), "a", "b", "c", "d", "e")]  # fmt: skip
    label = "events.xlsx, sheet 'x'"
    assert message(save(tmp_path / "events.xlsx", x=rows)).splitlines() == [
        f"{label}: has values but no heading: cell C2 (''), cell G2 (''); "
        "allowed: a name in the header above every column, or an empty column",
        f"{label}: has columns of the same name: cell E2 ('shop'); rename one of them",
        f"{label}: holds a formula without a result: cell F2 ('=x'); "
        "type the value, or open the file in a spreadsheet program and save it there",
    ]


def test_workbooks_without_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rewrite(save(tmp_path / "events.xlsx", x=BARE), '<row r="3">', '<row r="2000000000">')
    text = "events.xlsx, sheet 'x': has more rows than Excel can show; allowed: 1,048,576"
    assert message(rewrite(path, 'r="A3"', 'r="A2000000000"')) == text
    monkeypatch.setattr(books, "_LARGEST", 1_000_000)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/bomb.xml", b" " * 3_000_000)
    assert message(path) == "events.xlsx: unpacks to 3 MB; allowed: 1 MB; or tables as CSV files"


def test_a_sheet_that_is_damaged_inside(tmp_path: Path) -> None:
    path = rewrite(save(tmp_path / "events.xlsx", x=BARE), "</sheetData>", "</sheet>")
    assert message(path).startswith("events.xlsx: cannot be read as a workbook: ")


def test_importing_kbind_does_not_import_openpyxl() -> None:
    code = "import sys, kbind; raise SystemExit('openpyxl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
