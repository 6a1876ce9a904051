"""Columns made of others, rows picked by their values, and currencies converted, as kbind.yaml says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb

ORDERS = """Nr;Stk;Preis;Tag;Wer;Sonst;Stand;props;amount
A1;2;1,50;2024-01-05;c1;;paid;"{""plan"": ""gold"", ""$x"": {""y"": 3}}";7
A1;1;10,00;2024-01-05;c1;;Paid ;{};8
A2;3;2,00;2024-02-05;;z2;refunded;not json;9
A3;4;2,00;2024-03-05;c3;;test;;1
"""
COLUMNS = {"customer_id": {"first_of": ["Wer", "Sonst"]}, "timestamp": "Tag", "amount": {"product": ["Stk", "Preis"]}}
Open = Callable[..., kb.Dataset]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def opened(text: str = ORDERS, table: str = "events", **entry: Any) -> kb.Dataset:
        (tmp_path / "source.csv").write_text(text, encoding="utf-8")
        declared = {name: entry.pop(name) for name in ("currency", "rates", "drop_rows_without") if name in entry}
        columns = entry.pop("columns", COLUMNS)
        return kb.open_dataset(
            tmp_path, mapping={table: {"file": "source.csv", "columns": columns, **entry}}, **declared
        )

    return opened


def test_amount_of_quantity_and_price(opened: Open) -> None:
    frame = opened().table("events")
    assert frame["amount"].tolist() == [3.0, 10.0, 6.0, 8.0]
    assert frame["customer_id"].tolist() == ["c1", "c1", "z2", "c3"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 10_000)), min_size=1, max_size=20))
def test_product_is_that_of_the_numbers(rows: list[tuple[int, int]]) -> None:
    log = pd.DataFrame({"customer_id": range(len(rows)), "timestamp": "2024-01-01",
                        "n": [n for n, _ in rows], "cents": [p for _, p in rows]})  # fmt: skip
    mapping = {"events": {"columns": {"amount": {"product": ["n", "cents"], "divided_by": 100}}}}
    found = kb.open_dataset({"events": log}, mapping=mapping).table("events")["amount"]
    assert found.tolist() == pytest.approx([n * p / 100 for n, p in rows])


@pytest.mark.parametrize(
    ("making", "values"),
    [
        ({"json": "props", "key": "plan"}, ["gold", None, None, None]),
        ({"json": "props", "key": "$x.y"}, [3, None, None, None]),
        ({"value": "order"}, ["order"] * 4),
        ({"row": "number"}, [1, 2, 3, 4]),
        ({"column": "Preis", "divided_by": 100}, [0.015, 0.1, 0.02, 0.02]),
    ],
    ids=str,
)
def test_made_columns(opened: Open, making: dict[str, Any], values: list[Any]) -> None:
    frame = opened(
        columns={**COLUMNS, "extra": making} if "divided_by" not in making else {**COLUMNS, "amount": making}
    )
    found = frame.table("events")["amount" if "divided_by" in making else "extra"]
    assert [None if pd.isna(value) else value for value in found] == values


def test_amount_per_interval_becomes_one_a_month(opened: Open) -> None:
    fees = ("120,year", "10,Monatlich", "30,quarterly", "60,6", "7,week")
    text = "customer_id,start,fee,every\n" + "".join(f"{i},2024-01-01,{fee}\n" for i, fee in enumerate(fees))
    data = opened(text, "subscriptions", columns={"mrr": {"column": "fee", "per": "every"}})
    assert data.table("subscriptions")["mrr"].tolist() == pytest.approx([10, 10, 10, 10, 7 * 52.1775 / 12])
    with pytest.raises(kb.DatasetError, match=r"column 'every': is no interval between payments: row 2 \('decade'\)"):
        opened("customer_id,start,fee,every\n1,2024-01-01,120,decade\n", "subscriptions",
               columns={"mrr": {"column": "fee", "per": "every"}})  # fmt: skip


def test_rows_are_picked_with_a_note(opened: Open) -> None:
    data = opened(only={"Stand": ["paid", "refunded", "pending"]}, filled=["Wer"])
    assert data.table("events")["amount"].tolist() == [3.0, 10.0]
    assert [note for note in data.notes if "do not count" in note] == [
        "source.csv: 1 of 4 rows do not count, because 'Stand' is not 'paid', 'refunded', 'pending' (kbind.yaml)",
        "source.csv: 1 of 4 rows do not count, because 'Wer' is empty (kbind.yaml)",
    ]
    assert opened(without={"Stand": "test"}).table("events")["Nr"].tolist() == ["A1", "A1", "A2"]
    assert len(opened(without={"Stand": "cancelled"}).table("events")) == 4


def test_faults_of_rows_that_do_not_count_are_none(opened: Open) -> None:
    text = ORDERS + "A5;x;-;never;;;test;;\n"
    assert len(opened(text, without={"Stand": "test"}).table("events")) == 3
    with pytest.raises(kb.DatasetError, match="'Stk': is not a number"):
        opened(text)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"only": {"Stand": "pait"}}, "only: column 'Stand': no row has the value 'pait'; did you mean 'paid'"),
        ({"only": {"Staand": "paid"}}, "rows are picked by a column 'Staand' that is not there; did you mean 'Stand'"),
        ({"without": {"Wer": ["c1", "c3"], "Stand": "refunded"}}, "no row is left"),
        (
            {"columns": {**COLUMNS, "amount": {"product": ["Stk", "Price"]}}},
            "makes 'amount' of a column 'Price' that is",
        ),
        ({"columns": {**COLUMNS, "amount": {"times": ["Stk"]}}}, "events: amount: .*allowed: the name of a column, "),
        ({"columns": {**COLUMNS, "amount": {"column": "Stk"}}}, "events: amount"),
        ({"columns": {**COLUMNS, "amount": {"column": "Stk", "divided_by": 0}}}, "events: amount"),
        ({"only": ["Stand"]}, "events: only: .*allowed: columns of the file, each with a value or a list of values"),
        ({"filled": 3}, "events: filled: 3; allowed: a column of the file, or a list of them"),
        ({"leave_out": ["nothing"]}, "leave_out names a column 'nothing' that is not there"),
    ],
)
def test_wrong_words_are_named(opened: Open, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.DatasetError, match=message):
        opened(**entry)


def test_what_is_left_out_is_said(opened: Open) -> None:
    data = opened(leave_out=["props"])
    assert "props" not in data.table("events")
    assert "source.csv: left out, as kbind.yaml says: props" in data.notes
    assert "source.csv: left out, because the mapping gives their names to others: amount" in data.notes


MONEY = "customer_id,timestamp,amount,currency\n1,2024-01-01,10,EUR\n2,2024-01-02,10,usd\n3,2024-01-03,10,\n"


def test_currencies_are_converted_by_given_rates(opened: Open) -> None:
    data = opened(MONEY, columns={}, currency="EUR", rates={"USD": 0.5})
    assert data.table("events")["amount"].tolist() == [10.0, 5.0, 10.0]
    assert data.card.currency == "EUR"
    assert kb.purchases(data).by == ()
    note = "source.csv: 'amount' is converted to EUR: EUR (1 row), USD (1 row, x 0.5), unknown (1 row)"
    assert note in data.notes


def test_without_a_rate_nothing_is_converted(opened: Open) -> None:
    with pytest.raises(kb.DatasetError, match=r"'amount' is also in USD, for which kbind.yaml gives no rate"):
        opened(MONEY, columns={}, currency="EUR", rates={"CHF": 1.04})
    with pytest.raises(kb.DatasetError, match="rates: into which currency"):
        opened(MONEY, columns={}, rates={"USD": 0.5})
    with pytest.raises(kb.ArgumentError, match="rates="):
        opened(MONEY, columns={}, currency="EUR", rates={"USD": -1})
    assert opened(MONEY, columns={}).tables["events"].apart == {"amount": "DOUBLE"}


def test_near_names_of_columns_are_told(tmp_path: Path) -> None:
    for name in ("date", "event_time", "InvoiceDate", "Bestelldatum"):
        (tmp_path / "events.csv").write_text(f"customer_id,{name}\n1,2024-01-01\n")
        with pytest.raises(kb.DatasetError, match=f"no column 'timestamp'; did you mean '{name}'.*in kbind.yaml"):
            kb.open_dataset(tmp_path)


def test_a_sign_of_several_currencies_is_the_declared_one(opened: Open) -> None:
    text = "customer_id,timestamp,amount\n1,2024-01-01,$10.50\n2,2024-01-02,$3.00\n"
    assert opened(text, columns={}, currency="USD").card.currency == "USD"
    with pytest.raises(kb.DatasetError, match=r"'amount' is in \$ \(2 rows\), and kbind.yaml says currency: EUR"):
        opened(text, columns={}, currency="EUR")


def test_signs_and_codes_of_one_currency_are_counted_together(opened: Open) -> None:
    text = "customer_id,timestamp,amount,currency\n1,2024-01-01,10,$\n2,2024-01-02,4,USD\n3,2024-01-03,10,EUR\n"
    data = opened(text, columns={}, currency="USD", rates={"EUR": 2})
    assert data.table("events")["amount"].tolist() == [10.0, 4.0, 20.0]
    assert "source.csv: 'amount' is converted to USD: USD (2 rows), EUR (1 row, x 2)" in data.notes


def test_different_columns_that_would_be_called_alike_stay_apart(opened: Open) -> None:
    text = 'customer_id,timestamp,a,a.b\n1,2024-01-01,"{""b"": {""c"": ""x""}}","{""c"": ""y""}"\n'
    columns = {"p": {"json": "a", "key": "b.c"}, "q": {"json": "a.b", "key": "c"}}
    frame = opened(text, columns=columns).table("events")
    assert (frame["p"].tolist(), frame["q"].tolist()) == (["x"], ["y"])


@pytest.mark.parametrize("interval", ["-3", "0", "inf", "nan"])
def test_an_interval_is_longer_than_nothing(opened: Open, interval: str) -> None:
    with pytest.raises(kb.DatasetError, match="is no interval between payments"):
        opened(f"customer_id,start,fee,every\n1,2024-01-01,120,{interval}\n", "subscriptions",
               columns={"mrr": {"column": "fee", "per": "every"}})  # fmt: skip


def test_what_was_found_is_forgotten_once_it_is_read(opened: Open) -> None:
    data = opened()
    every = (
        "SELECT table_name AS name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
    )
    left = data.engine.query(every).column("name").to_pylist()
    assert not [name for name in left if name.startswith("events__")]
