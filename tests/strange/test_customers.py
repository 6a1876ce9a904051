"""Identifiers and names in real files: duplicates, floats, blanks, nothing, and names that try to do harm."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import kbind as kb
from kbind.plot.base import alt_text

from .conftest import Run, Write

H = "customer_id,timestamp\n"


def _ids(data: kb.Dataset) -> list[str]:
    return [str(value) for value in data.table("events")["customer_id"]]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["A1", " A1", "A1 ", "\tA1", "\u00a0A1\u00a0", "\ufeffA1", "A1\u200b"], ["A1"] * 7),
        (["A 1", "A  1", "a 1"], ["A 1", "A  1", "a 1"]),
        (["1.0", "1", "1,00", "12.000"], ["1", "1", "1", "12"]),
        (["007", "7", "7.0", "007.0"], ["007", "7", "7", "007.0"]),
        (["1.5", "v1.0", "1.0.0"], ["1.5", "v1.0", "1.0.0"]),
        (["Nana", "NA", "Nullmeier", "0"], ["Nana", "NA", "Nullmeier", "0"]),
        (["12345678901234567890123", "1234567890123456"], ["12345678901234567890123", "1234567890123456"]),
    ],
    ids=["blanks around", "blanks inside", "floats", "leading zeros", "versions", "nearly nothing", "long"],
)
def test_who_is_who(write: Write, written: list[str], meant: list[str]) -> None:
    rows = "".join(f'"{name}";2024-01-05\n' for name in written)
    folder = write(events="customer_id;timestamp\n" + rows)
    assert _ids(kb.open_dataset(folder)) == meant
    pd.DataFrame({"customer_id": written, "timestamp": "2024-01-05"}).to_parquet(folder / "events.parquet")
    (folder / "events.csv").unlink()
    assert _ids(kb.open_dataset(folder)) == meant


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["1", "", "  ", "2"], "has no value: row 3 (empty), row 4 (empty); allowed: a value in every row"),
        (["nan", "a", "NULL", "None", " #N/A "],
         "stands for a missing value: row 2 ('nan'), row 4 ('NULL'), row 5 ('None') and 1 more; "
         "allowed: a value in every row"),
        (["a", "#NV", "<NA>"],
         "stands for a missing value: row 3 ('#NV'), row 4 ('<NA>'); allowed: a value in every row"),
        (["1.23457E+11", "a", "4,5E+12"],
         "was rounded by a spreadsheet: row 2 ('1.23457E+11'), row 4 ('4,5E+12'); export it again as text: "
         "different numbers may have become the same"),
    ],
    ids=["empty", "words for nothing", "of spreadsheets", "rounded"],
)  # fmt: skip
def test_ids_that_are_none(write: Write, ids: list[str], message: str) -> None:
    rows = "".join(f'"{name}",2024-01-05\n' for name in ids)
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(events=H + rows))
    assert str(caught.value) == f"events.csv, column 'customer_id': {message}"


def test_duplicates_are_named_however_they_are_written(write: Write) -> None:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(customers="customer_id,size\n1,s\n\n2,m\n 1 ,l\n2.0,s\n1.0,s\n"))
    assert str(caught.value) == (
        "customers.csv, column 'customer_id': occurs more than once: row 6 ('2'), row 7 ('1') and 1 more; "
        "allowed: one row a customer"
    )


@pytest.mark.parametrize("events", ["1.0,2024-01-05\n2.0,2024-01-06\n", "1,2024-01-05\n2,2024-01-06\n"])
def test_floats_text_and_numbers_meet_across_tables(write: Write, events: str) -> None:
    folder = write(events=H + events)
    customers = pd.DataFrame({"customer_id": [1.0, 2.0], "size": ["s", "m"], "referred_by": [float("nan"), 1.0]})
    customers.to_parquet(folder / "customers.parquet")
    data = kb.open_dataset(folder)
    assert kb.activity(data, by="size").groups == (("m",), ("s",))
    assert data.table("customers")["referred_by"].tolist()[1:] == ["1"]
    assert data.notes == ()


def test_end_before_start(write: Write) -> None:
    contracts = "customer_id;start;end\n1;01.02.2024;31.01.2024\n2;01.02.2024;01.02.2024\n3;01.02.2024;\n"
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(write(subscriptions=contracts))
    assert str(caught.value) == (
        "subscriptions.csv, column 'end': lies before 'start': row 2 ('31.01.2024'); allowed: start <= end"
    )


# -- names that try to do harm ---------------------------------------------------------------------------------------

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "formula": '=HYPERLINK("http://example.org","x")',
    "emoji": "👩‍👩‍👧 Käthe 🚀",
    "right to left": "مرحبا \u202egnp.exe",
    "terminal": "\x1b[31mred\x07",
    "template": "{{ 7 * 7 }} {x} %s $\\frac{1}{0}$ __class__",
    "sql": "'; DROP TABLE events; --\"",
    "long": "x" * 10_000,
}


def _hostile_events(names: dict[str, str], months: int = 3) -> pd.DataFrame:
    """Every name buys every month, and has a shop of its own name, in a column whose name is as bad."""
    rows = [(n, f"2024-{m:02d}-05", n, n) for n in names.values() for m in range(1, months + 1) for _ in range(2)]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "shop", HOSTILE["script"]])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def _harmless(html: str) -> None:
    parser = _Tags()
    parser.feed(html)
    assert "script" not in parser.tags
    assert not [name for name in parser.attributes if name.startswith("on")]
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "x" * 200 not in html


def test_hostile_names_are_customers_like_others(tmp_path: Path) -> None:
    _hostile_events(HOSTILE).to_csv(tmp_path / "events.csv", index=False)
    data = kb.open_dataset(tmp_path)
    record = kb.activity(data, by="shop")
    assert record.to_frame().groupby("shop")["active"].sum().to_dict() == dict.fromkeys(HOSTILE.values(), 3)
    assert {value for (value,) in record.groups} == set(HOSTILE.values())


@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_groups_are_drawn_and_told(tmp_path: Path) -> None:
    names = HOSTILE | {"as long": "x" * 9_999}
    _hostile_events(names).to_csv(tmp_path / "events.csv", index=False)
    curves = kb.cohort_retention(kb.activity(kb.open_dataset(tmp_path), by="shop"))
    ax = curves.plot()
    ax.figure.canvas.draw()
    said = alt_text(ax)
    assert "x" * 39 + "… (2)" in said
    assert "x" * 40 not in said
    assert "\x1b" not in said
    assert "\u202e" not in said


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_in_messages_are_short_and_printable(write: Write, name: str) -> None:
    rows = pd.DataFrame({name: ["x", "y"], "timestamp": [name, "2024-01-05"], "custmer": [name, name]})
    folder = write()
    rows.to_csv(folder / "events.csv", index=False)
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(folder)
    missing, wrong = str(caught.value).splitlines()
    assert missing.startswith("events.csv: no column 'customer_id'; did you mean 'custmer'? columns: ")
    assert wrong.startswith("events.csv, column 'timestamp': is not a date or time: row 2 (")
    for line in (missing, wrong):
        assert len(line) < 300
        assert "\x1b" not in line
        assert "\u202e" not in line


@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_hostile_titles(write: Write, title: str) -> None:
    data = kb.open_dataset(write(events=H + "1,2024-01-05\n", kbind_yaml=f"title: {json.dumps(title)}\n"))
    assert len(data.name) <= 100
    _harmless(data._repr_html_())
    _harmless(kb.activity(data)._repr_html_())
    assert "\x1b" not in str(data)
    assert "\u202e" not in str(data)


@pytest.mark.parametrize("title", ["[1]", "{a: b}", "true or false: yes"])
def test_titles_that_are_none(write: Write, title: str) -> None:
    with pytest.raises(kb.DatasetError, match="^kbind.yaml"):
        kb.open_dataset(write(events=H + "1,2024-01-05\n", kbind_yaml=f"title: {title}\n"))


def test_hostile_columns_do_not_reach_statements(write: Write) -> None:
    names = ["_x", "_p0", "_value", "_columns", "raw", "source", "i", 'a"b', "c;d", "SELECT", "'; --", "{y}"]
    header = ",".join(["customer_id", "timestamp", *(f'"{n.replace(chr(34), chr(34) * 2)}"' for n in names)])
    folder = write(events=f"{header}\n1,2024-01-05,{','.join(str(i) for i in range(len(names)))}\n")
    frame = kb.open_dataset(folder).table("events")
    assert frame[names].iloc[0].tolist() == list(range(len(names)))


def test_report_and_check_of_hostile_customers(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / f"shop {HOSTILE['script'].replace('/', '|')}"
    folder.mkdir()
    names = HOSTILE | {f"k{i}": f"{HOSTILE['script']}{i}" for i in range(20)}
    _hostile_events(names, months=6).to_csv(folder / "events.csv", index=False)
    checked = run("check", folder)
    assert checked.returncode == 0
    assert "\x1b" not in checked.stdout
    assert f"shop {HOSTILE['script'].replace('/', '|')}" in checked.stdout
    result = run("report", "--data", folder, "--lang", "de", "--chapters", "00,01,02,03", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    pages = list((tmp_path / "out").rglob("*.html"))
    assert len(pages) == 6  # with the summary, and the page that leads to it
    for page in pages:
        html = page.read_text(encoding="utf-8")
        _harmless(html)
        assert "shop &lt;script&gt;alert(1)&lt;|script&gt;" in html
    facts = json.loads(next((tmp_path / "out").rglob("*.json")).read_text(encoding="utf-8"))
    assert "HYPERLINK" not in json.dumps(facts)
