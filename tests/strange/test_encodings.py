"""Bytes to text: encodings, line ends, empty lines."""

from __future__ import annotations

import pytest

import kbind as kb

from .conftest import Write

ROWS = "Kunde;Datum;Betrag\nMüller;05.01.2024;1.234,50 €\nGroß & Söhne;06.01.2024;7,00 €\n"
NAMES = {"customer_id": "Kunde", "timestamp": "Datum", "amount": "Betrag"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize(
    ("encoding", "notes"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("cp1252", ("events.csv: read as Windows-1252",)),
        ("utf-16", ("events.csv: read as UTF-16",)),
    ],
)
def test_names_and_euros_survive(write: Write, encoding: str, notes: tuple[str, ...], end: str) -> None:
    data = kb.open_dataset(write(events=ROWS.replace("\n", end).encode(encoding)), mapping={"events": NAMES})
    frame = data.table("events")
    assert frame["customer_id"].tolist() == ["Müller", "Groß & Söhne"]
    assert frame["amount"].tolist() == [1234.5, 7.0]
    assert data.notes == notes


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_lines_that_end_in_different_ways(write: Write, encoding: str) -> None:
    text = "customer_id,timestamp,note\r\nMüller,2024-01-05,a\n"
    text += 'B,2024-01-06,"two\r\nlines"\r\nC,2024-01-07,c\rD,2024-01-08,d'
    frame = kb.open_dataset(write(events=text.encode(encoding))).table("events")
    assert frame["customer_id"].tolist() == ["Müller", "B", "C", "D"]
    assert frame["note"].tolist() == ["a", "two\nlines", "c", "d"]


H = "customer_id,timestamp,note\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (H + "1,2024-01-05,a\n2,soon,ä\n", "row 3 ('soon')"),
        (H + "\n1,2024-01-05,a\n\n\n2,soon,ä\n", "row 6 ('soon')"),
        (H + '1,2024-01-05,"a\nb\n\nc"\n2,soon,ä\n', "row 3 ('soon')"),
        (
            H + "\n1,soon,a\n\n2,late,ä\n3,2024-01-05,x\n\n\n4,never,x",
            "row 3 ('soon'), row 5 ('late'), row 9 ('never')",
        ),
        (H + '1,2024-01-05,5" pipe\n\n2,soon,ä\n', "row 4 ('soon')"),
    ],
    ids=["plain", "empty lines", "break in quotes", "several", "inch"],
)
def test_rows_are_those_of_a_spreadsheet(write: Write, text: str, rows: str, end: str, encoding: str) -> None:
    with pytest.raises(kb.DatasetError, match="column 'timestamp': is not a date or time") as caught:
        kb.open_dataset(write(events=text.replace("\n", end).encode(encoding)))
    assert f": {rows}; allowed: 2024-01-31" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n" + H.encode() + b"1,2024-01-05,a\n",
         "events.csv: starts with an empty line; remove it: names come first"),
        (H.encode() + b"\n1,2024-01-05,a\n2,2024-01-05\n",
         "events.csv: has 2 columns instead of 3: row 4 ('2,2024-01-05'); quote what holds the delimiter"),
        (H.encode() + b"1,2024-01-05,a\r\n2,2024-01-05,b,c\n",
         "events.csv: has 4 columns instead of 3: row 3 ('2,2024-01-05,b,c'); quote what holds the delimiter"),
        ((H + "\nMüller,2024-01-05,a\n").encode() + "Jörg,2024-01-06,b\n".encode("cp1252"),
         "events.csv: holds rows in UTF-8 and rows in Windows-1252, such as: row 4 ('Jörg,2024-01-06,b'); "
         "allowed: one encoding; save it again as UTF-8"),
        (H.encode() + b"M\x81ller,2024-01-05,a\n",
         "events.csv: is neither UTF-8 nor Windows-1252; allowed: CSV in UTF-8 or Windows-1252"),
        ((H + "1,2024-01-05,a\n").encode("utf-16-le"),
         "events.csv: is no text file; allowed: CSV in UTF-8 or Windows-1252"),
        ((H + "1,2024-01-05,a\n").encode("utf-16")[:-1],
         "events.csv: is neither UTF-8 nor Windows-1252; allowed: CSV in UTF-8 or Windows-1252"),
    ],
    ids=["empty first line", "short row", "long row", "two encodings", "no encoding", "utf-16 unmarked", "utf-16 cut"],
)  # fmt: skip
def test_what_cannot_be_read_is_one_message(write: Write, content: bytes, message: str) -> None:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(events=content))
    assert str(caught.value) == message


def test_windows_quotes_after_capitals_are_no_utf8(write: Write) -> None:
    text = "customer_id;timestamp;note\nCAFÉ»;2024-01-05;„MENÜ“\n"  # É» and Ü“ would be letters in UTF-8
    data = kb.open_dataset(write(events=text.encode("cp1252")))
    assert data.table("events").iloc[0].tolist()[::2] == ["CAFÉ»", "„MENÜ“"]
