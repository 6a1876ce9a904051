"""Text to values: one convention a column, never a guess."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb


def _events(**columns: list[object]) -> kb.Dataset:
    size = len(next(iter(columns.values())))
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(size)], "timestamp": "2024-01-05"} | columns)
    return kb.open_dataset({"events": frame})


def _csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "events.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["1.5", "2.25"], [1.5, 2.25]),
        (["1.500", "2.250"], [1.5, 2.25]),
        (["1,5", "1.234,50"], [1.5, 1234.5]),
        (["1.234.567,8", "1.234"], [1234567.8, 1234.0]),
        (["1,234,567.8", "1,234"], [1234567.8, 1234.0]),
        (["0.125", "1.234"], [0.125, 1.234]),
        (["0,125", "1.234"], [0.125, 1234.0]),
        (["-3,50", "−2,00"], [-3.5, -2.0]),
        (["1.234,50 €", "5,00\u00a0€"], [1234.5, 5.0]),
        (["7", "-12"], [7.0, -12.0]),
        (["7", None], [7.0, math.nan]),
        (["1e3", "2.5e-1"], None),
        (["12 50", "1"], None),
        (["12€50", "1"], None),
        (["1.8e309"], None),
        (["1 234 567", "12"], [1234567.0, 12.0]),
        (["€ 5.50", " 7 "], [5.5, 7.0]),
    ],
)
def test_numbers(written: list[object], meant: list[float] | None) -> None:
    if meant is None:
        with pytest.raises(kb.DatasetError, match="is not a number"):
            _events(amount=written)
        return
    assert _events(amount=written).table("events")["amount"].tolist() == pytest.approx(meant, nan_ok=True)


@pytest.mark.parametrize(
    "written", [["1.5", "1,5"], ["1,234.5", "1.234,5"], ["0.5", "7,25"]], ids=["decimals", "groups", "both"]
)
def test_two_conventions_in_a_column_are_an_error(written: list[object]) -> None:
    with pytest.raises(kb.DatasetError, match=r"column 'amount': is written differently from the rest .*row 2"):
        _events(amount=written)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.decimals(-99999, 99999, places=2), min_size=1, max_size=8))
def test_german_and_english_spelling_mean_the_same(values: list[object]) -> None:
    english = [f"{value:,.2f}" for value in values]
    german = [text.translate(str.maketrans(",.", ".,")) for text in english]
    for written in (english, german, [f"{value:.2f}" for value in values]):
        read = _events(amount=written).table("events")["amount"]
        assert read.tolist() == pytest.approx([float(str(value)) for value in values])


def test_a_point_between_semicolons_is_not_guessed(tmp_path: Path) -> None:
    path = _csv(tmp_path, "customer_id;timestamp;amount\n1;2024-01-05;1.234\n")
    with pytest.raises(kb.DatasetError, match="can be read as a decimal or as thousands.*kbind.yaml: decimal"):
        kb.open_dataset(path)
    (tmp_path / "kbind.yaml").write_text("decimal: ','\n")
    assert kb.open_dataset(path).table("events")["amount"].tolist() == [1234.0]
    (tmp_path / "kbind.yaml").write_text("decimal: '.'\n")
    assert kb.open_dataset(path).table("events")["amount"].tolist() == [1.234]


def test_another_column_of_the_file_settles_the_decimal_sign(tmp_path: Path) -> None:
    path = _csv(tmp_path, "customer_id;timestamp;amount;rabatt\n1;2024-01-05;1.234;0,5\n")
    assert kb.open_dataset(path).table("events")["amount"].tolist() == [1234.0]


def test_codes_keep_their_leading_zeros(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,zip,age\n007,01067,41\n008,80331,52\n")
    frame = kb.open_dataset(tmp_path).table("customers")
    assert frame["customer_id"].tolist() == ["007", "008"]
    assert frame["zip"].tolist() == ["01067", "80331"]
    assert frame["age"].tolist() == [41, 52]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-03-01", "2024-03-01"),
        ("2024-03-01T18:30", "2024-03-01 18:30"),
        ("2024-03-01 18:30:05.250", "2024-03-01 18:30:05.250"),
        ("01.03.2024", "2024-03-01"),
        ("1.3.2024 8:05", "2024-03-01 08:05"),
        ("01.03.2024, 18:30:05", "2024-03-01 18:30:05"),
        ("2024/03/01", "2024-03-01"),
        ("20240301", "2024-03-01"),
        ("29.02.2024", "2024-02-29"),
    ],
)
def test_times(written: str, meant: str) -> None:
    assert _events(timestamp=[written]).table("events")["timestamp"].tolist() == [pd.Timestamp(meant)]


@pytest.mark.parametrize(
    "written", ["31.02.2024", "29.02.2023", "2024-13-01", "yesterday", "01.03.24", "25:00", "45000"]
)
def test_what_is_no_date_is_named(written: str) -> None:
    with pytest.raises(kb.DatasetError, match=f"column 'timestamp': is not a date or time: row 2 .'{written}'"):
        _events(timestamp=["2024-01-01" if "-" in written else "01.01.2024", written])


def test_day_and_month_are_not_guessed(tmp_path: Path) -> None:
    assert _events(timestamp=["1/2/2024", "13/2/2024"]).table("events")["timestamp"].dt.month.tolist() == [2, 2]
    assert _events(timestamp=["1/2/2024", "1/13/2024"]).table("events")["timestamp"].dt.month.tolist() == [1, 1]
    assert _events(timestamp=["1/2/2024", "1/13/2024 3:04 PM"]).table("events")["timestamp"].dt.hour.tolist() == [0, 15]
    for undecided in (["1/2/2024"], ["13/1/2024", "1/13/2024"]):
        with pytest.raises(kb.DatasetError, match="day/month or month/day.*date_order"):
            _events(timestamp=undecided)


def test_mixed_date_styles_are_an_error() -> None:
    with pytest.raises(
        kb.DatasetError, match="written differently from the rest .like 2024-01-31.: row 3 .'01.02.2024'"
    ):
        _events(timestamp=["2024-01-01", "2024-01-02", "01.02.2024"])


def test_offsets_are_respected_and_not_mixed_with_wall_clocks() -> None:
    frame = pd.DataFrame({"customer_id": [1, 1], "timestamp": ["2024-01-31T23:30:00Z", "2024-01-31T20:00:00-0500"]})
    data = kb.open_dataset({"events": frame}, timezone="Europe/Berlin")
    assert kb.activity(data).to_frame()["active"].tolist() == [1]
    assert kb.activity(data).calendar.labels == ["2024-02"]
    with pytest.raises(kb.DatasetError, match="written differently"):
        _events(timestamp=["2024-01-31T23:30:00Z", "2024-01-31T23:30:00"])


def test_attributes_from_text_keep_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(
        "customer_id,code,employees,share\n1,1234567890123456789,10115,1.5\n2,1,7,2\n"
    )
    frame = kb.open_dataset(tmp_path).table("customers")
    assert frame["code"].tolist() == ["1234567890123456789", "1"]
    assert frame["employees"].tolist() == [10115, 7]
    assert str(frame["employees"].dtype) == "int64"
    assert frame["share"].tolist() == [1.5, 2.0]


def test_flags(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,consent\n1,ja\n2,Nein\n3,TRUE\n4,0\n5,\n")
    assert kb.open_dataset(tmp_path).table("customers")["consent"].tolist()[:4] == [True, False, True, False]
    (tmp_path / "customers.csv").write_text("customer_id,consent\n1,ja\n2,perhaps\n")
    with pytest.raises(kb.DatasetError, match="column 'consent': is neither yes nor no: row 3 .'perhaps'"):
        kb.open_dataset(tmp_path)
