"""Values as companies write them: declared ones, words for nothing, rounded ids, lists, money, times of tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kbind as kb

NULLS = ["NULL", "NA", "n/a", "#N/A", "None", "nan", "-", "–", "?", " null "]


def customers(**columns: Any) -> dict[str, pd.DataFrame]:
    """A frame of customers with some columns."""
    size = len(next(iter(columns.values())))
    return {"customers": pd.DataFrame({"customer_id": [f"k{i}" for i in range(size)]} | columns)}


def events(**columns: Any) -> pd.DataFrame:
    """What is read of a frame of events with some columns."""
    size = len(next(iter(columns.values())))
    frame = pd.DataFrame({"customer_id": [f"k{i}" for i in range(size)], "timestamp": "2024-01-05"} | columns)
    return kb.open_dataset({"events": frame}).table("events")


def refusal(**columns: Any) -> str:
    """The error that a frame of events with some columns ends in."""
    with pytest.raises(kb.DatasetError) as caught:
        events(**columns)
    return str(caught.value)


# -- declared values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        (("Yes", "No"), True), (("ja", "nein"), True), (("Y", "N"), "yes"), (("TRUE", "FALSE"), "true"),
        (("1", "0"), True), ((1.0, 0.0), 1), ((1, 0), "1.0"), ((True, False), "ja"), ((" Gone ", "here"), "gone"),
        (("no", "yes"), False), ((2, 1), 2.0), (("left", "stays"), ["left"]),
    ],
)  # fmt: skip
def test_a_declared_value_is_found_however_it_is_written(written: tuple[Any, Any], declared: object) -> None:
    flags = [written[0]] * 3 + [written[1]] * 5
    roles = {"churned": {"column": "state", "value": declared}, "tenure": "months"}
    data = kb.open_dataset(customers(state=flags, months=range(1, 9)), roles=roles)
    assert kb.durations(data).to_frame().query("event_observed")["n"].sum() == 3
    assert kb.snapshots(data).target.sum() == 3


def test_an_exact_spelling_goes_before_words_of_the_same_meaning() -> None:
    """T for terminated is not the same as Y for young."""
    roles = {"churned": {"column": "state", "value": "T"}, "tenure": "months"}
    data = kb.open_dataset(customers(state=["T", "Y", "N", "Y"], months=[1, 2, 3, 4]), roles=roles)
    assert kb.snapshots(data).target.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("flags", "declared", "message"),
    [
        (["gone", "here"], "gon", "no row has the value 'gon'; did you mean 'gone'? values: 'gone' (1), 'here' (1)"),
        ([1, 2], 0, "no row has the value '0'; values: '1' (1), '2' (1)"),
        (["gone", "gone"], "gone", "every row with a value has 'gone', so that nobody is told apart"),
        (["here", "gone"], ["gone", "lost"], "no row has the value 'lost'"),
        (["here", "gone"], None, "holds neither yes nor no in all rows: 'gone' (1), 'here' (1); say which value"),
    ],
)
def test_a_declared_value_that_tells_nobody_apart_is_an_error(
    tmp_path: Path, flags: list[Any], declared: object, message: str
) -> None:
    roles = {"churned": {"column": "state", "value": declared}}
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(customers(state=flags), roles=roles)
    assert str(caught.value).startswith("roles: role 'churned': column 'state': ")
    assert message in str(caught.value)
    customers(state=flags)["customers"].to_csv(tmp_path / "customers.csv", index=False)
    value = "" if declared is None else f", value: {declared}"
    (tmp_path / "kbind.yaml").write_text(f"roles: {{churned: {{column: state{value}}}}}\n")
    with pytest.raises(kb.DatasetError, match="^kbind.yaml: role 'churned': column 'state': "):
        kb.open_dataset(tmp_path)


def test_roles_of_numbers_are_read_as_numbers() -> None:
    with pytest.raises(kb.DatasetError, match=r"column 'months': is not a number: row 2 \('a year'\)"):
        kb.open_dataset(customers(months=["1,5", "a year", "2,5"]), roles={"tenure": "months"})
    data = kb.open_dataset(customers(months=["1,5", "12"]), roles={"tenure": "months"})
    assert data.table("customers")["months"].tolist() == [1.5, 12]


def test_an_endless_tenure_is_refused_with_its_customers() -> None:
    frame = pl.DataFrame({"customer_id": ["a", "b"], "months": [3.0, np.inf], "gone": [True, False]})
    data = kb.open_dataset({"customers": frame}, roles={"tenure": "months", "churned": "gone"})
    for estimate in (kb.durations, kb.survival_curve, kb.hazard_curve):
        with pytest.raises(kb.ArgumentError, match="1 customers of 'data' have an endless months, such as 'b'"):
            estimate(data)


# -- identifiers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        np.array([1.0, 2.0**53]), np.array([1, -(2**24)], dtype="float32"), ["5", "9007199254740993.0"],
        ["a", "9.95279394541916e+17"], pa.array([1.0, 1e18]), pd.array([1, 2**60], dtype="Float64"),
    ],
    ids=["double", "float", "text", "small e", "arrow", "nullable"],
)  # fmt: skip
@pytest.mark.parametrize("column", ["customer_id", "order_id"])
def test_rounded_ids_are_refused_with_their_rows(tmp_path: Path, ids: Any, column: str) -> None:
    frame = pa.table({"customer_id": ["x", "y"], "timestamp": ["2024-01-05"] * 2} | {column: ids})
    path = tmp_path / "events.parquet"
    pa.parquet.write_table(frame, path)
    for source in ({"events": frame}, path):
        with pytest.raises(kb.DatasetError, match=rf"column '{column}': was rounded .*: row 2 \(.*may have become"):
            kb.open_dataset(source)


def test_floats_that_are_exact_stay_ids() -> None:
    assert events(order_id=[2.0**53 - 1, np.nan])["order_id"].tolist()[0] == 2**53 - 1
    assert events(order_id=np.array([2**24 - 1, 7], dtype="float32"))["order_id"].tolist() == [2**24 - 1, 7]


def test_a_word_for_nothing_is_no_order() -> None:
    assert events(order_id=["A1", "NULL", "nan"])["order_id"].isna().tolist() == [False, True, True]


# -- words for nothing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", NULLS)
def test_words_for_nothing_are_missing_where_numbers_stand(tmp_path: Path, word: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"customer_id,age,share,land\n1,40,1.5,{word}\n2,{word},{word},DE\n3,50,2.5,DE\n", encoding="utf-8")
    for data in (
        kb.open_dataset(path),
        kb.open_dataset(customers(age=["40", word, "50"], share=[1.5, word, 2.5], land=[word, "DE", "DE"])),
    ):
        frame = data.table("customers")
        assert frame["age"].isna().tolist() == frame["share"].isna().tolist() == [False, True, False]
        assert frame["age"].dropna().tolist() == [40, 50]
        assert frame["land"].tolist()[0].strip() == word.strip()
        assert sorted(note.split("column ")[1].split(":")[0] for note in data.notes) == ["'age'", "'share'"]
        assert all(f"({word!r})" in note and "stands for a missing value" in note for note in data.notes)
        assert data.quality().incomplete.set_index("column")["missing"].to_dict() == {"age": 1, "share": 1}


def test_words_for_nothing_in_times_amounts_and_flags(tmp_path: Path) -> None:
    (tmp_path / "subscriptions.csv").write_text(
        "customer_id,start,end,mrr,auto_renew\n1,2024-01-05,NULL,10,yes\n2,2024-01-05,2024-03-01,?,-\n"
        "3,2024-01-05,0000-00-00 00:00:00,12,no\n"
    )
    data = kb.open_dataset(tmp_path, as_of="2024-05-01")
    frame = data.table("subscriptions")
    assert frame["end"].isna().tolist() == [True, False, True]
    assert frame["mrr"].isna().tolist() == [False, True, False]
    assert frame["auto_renew"].isna().tolist() == [False, True, False]
    assert len([note for note in data.notes if "stands for a missing value" in note]) == 3


def test_needed_values_must_be_there_and_words_alone_are_no_numbers(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n1,NULL\n2,2024-01-05\n")
    with pytest.raises(kb.DatasetError, match="is not a date or time: row 2 .'NULL'"):
        kb.open_dataset(tmp_path)
    assert "'amount': is not a number: row 1 ('NULL'), row 2 ('NA')" in refusal(amount=["NULL", "NA"])


def test_a_flag_of_customers_with_words_for_nothing_has_no_third_level() -> None:
    data = kb.open_dataset(customers(partner=["yes", "N/A", "no"], plan=["none", "gold", "NA"]))
    assert data.table("customers")["partner"].isna().tolist() == [False, True, False]
    assert data.table("customers")["plan"].tolist() == ["none", "gold", "NA"]


# -- lists, bytes, endless numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        pa.array([["a"], ["b", "c"]]), pa.array([{"a": 1}, {"a": 2}]), pa.array([b"x", b"y"]),
        pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())), pa.array([[1, 2]] * 2, pa.list_(pa.int64(), 2)),
    ],
    ids=["list", "struct", "bytes", "map", "array"],
)  # fmt: skip
def test_what_holds_several_values_a_row_is_left_out_and_told(tmp_path: Path, values: pa.Array) -> None:
    frame = pa.table({"customer_id": ["a", "b"], "tags": values, "size": [1, 2]})
    pa.parquet.write_table(frame, tmp_path / "customers.parquet")
    for source in ({"customers": frame}, tmp_path):
        data = kb.open_dataset(source)
        assert list(data.tables["customers"].columns) == ["customer_id", "size"]
        assert data.notes[0].endswith("left out, because they hold lists, structures or bytes: tags")
        assert "tags" not in str(data.quality())
    if pa.types.is_binary(values.type):
        return  # bytes can name a customer
    with pytest.raises(kb.DatasetError, match="column 'customer_id': has the type .*; allowed: an identifier"):
        kb.open_dataset({"customers": pa.table({"customer_id": values})})


def test_bytes_name_customers_like_text(tmp_path: Path) -> None:
    """Some tools write text to Parquet as bytes."""
    ids = pa.table({"customer_id": pa.array([b"x", b"y", b"\x00\xff", b"\x00\xfe"]), "size": [1, 2, 3, 4]})
    pa.parquet.write_table(ids, tmp_path / "customers.parquet")
    for source in ({"customers": ids}, tmp_path):
        table = kb.open_dataset(source).table("customers")
        assert table["customer_id"].iloc[:2].tolist() == ["x", "y"]
        assert table["customer_id"].nunique() == 4


@pytest.mark.parametrize("values", [[{1}, {2}], [["a"], None], [{"a": 1}, {"b": "x"}], [b"a", b"b"], [(1,), "x"]])
def test_objects_in_columns_of_pandas_are_left_out(values: list[Any]) -> None:
    data = kb.open_dataset(customers(odd=pd.Series(values, dtype=object), size=[1, 2]))
    assert list(data.tables["customers"].columns) == ["customer_id", "size"]
    assert "odd" in data.notes[0]


def test_endless_numbers_are_refused_in_the_contract_and_missing_in_attributes() -> None:
    assert "column 'amount': is endless: row 2 ('inf')" in refusal(amount=[1.0, np.inf])
    data = kb.open_dataset(customers(ratio=[1.0, -np.inf, 2.0], half=np.array([1, 2, 3], dtype="float16")))
    assert data.table("customers")["ratio"].isna().tolist() == [False, True, False]
    assert data.notes == ("frame 'customers', column 'ratio': is endless and counts as missing: row 2 ('-inf')",)
    assert data.table("customers")["half"].tolist() == [1, 2, 3]


# -- money and times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["$12.50", "-$3", "$-4.25"], [12.5, -3, -4.25]),
        (["12,50-", "7,25"], [-12.5, 7.25]),
        (["(12.50)", "($1,200.50)", "3.1"], [-12.5, -1200.5, 3.1]),
        (["1.234,56 €", "5,00 EUR"], [1234.56, 5]),
        (["USD 12.50", "usd 1,000.25"], [12.5, 1000.25]),
        (["CHF 1'234.50", "12"], [1234.5, 12]),
        (["12,-", "3,50"], [12, 3.5]),
        (["- 12.50", "£1"], [-12.5, 1]),
        (["12.50 kr", "1.5"], [12.5, 1.5]),
    ],
)
def test_money_as_it_is_written(written: list[object], meant: list[float]) -> None:
    assert events(amount=written)["amount"].tolist() == meant


@pytest.mark.parametrize("written", ["12 50", "12€50", "(12", "TOP 10", "--3", "$", "12-3"])
def test_what_is_no_money_is_refused(written: str) -> None:
    assert "is not a number: row 2" in refusal(amount=["1", written])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2023-07-08 06:13:16 +0200", "2023-07-08 04:13:16Z"),
        ("2023-07-08 06:13:16 UTC", "2023-07-08 06:13:16Z"),
        ("2023-07-08 06:13:16.250+02", "2023-07-08 04:13:16.250Z"),
        ("2023-07-08T06:13:16+02:00[Europe/Berlin]", "2023-07-08 04:13:16Z"),
        ("Sat, 08 Jul 2023 06:13:16 +0200", "2023-07-08 04:13:16Z"),
        ("Sat Jul 08 2023 06:13:16 GMT-0500 (Central Daylight Time)", "2023-07-08 11:13:16Z"),
        ("08/Jul/2023:06:13:16 +0200", "2023-07-08 04:13:16Z"),
        ("Jul 8, 2023", "2023-07-08"),
        ("8 Jul 2023", "2023-07-08"),
        ("July 8, 2023 06:13 PM", "2023-07-08 18:13"),
        ("08-Dec-2023 06:13:16", "2023-12-08 06:13:16"),
        ("8. März 2023", "2023-03-08"),
        ("March 1st, 2024", "2024-03-01"),
    ],
)
def test_times_as_tools_export_them(written: str, meant: str) -> None:
    assert events(timestamp=[written])["timestamp"].tolist() == [pd.Timestamp(meant)]


@pytest.mark.parametrize("written", ["Feb 30, 2023", "Foo 3, 2024", "8 Jul 23", "2023-07-08 06:13:16 CEST"])
def test_times_that_cannot_be_meant_are_named(written: str) -> None:
    assert "column 'timestamp': is not a date or time: row 1" in refusal(timestamp=[written])


@pytest.mark.parametrize(
    ("unit", "factor"), [("epoch_s", 1), ("epoch_ms", 10**3), ("epoch_us", 10**6), ("epoch_ns", 10**9)]
)
def test_declared_seconds_since_1970(tmp_path: Path, unit: str, factor: int) -> None:
    moment = pd.Timestamp("2023-07-08 06:13:16Z")
    number = 1_688_796_796 * factor
    frame = pd.DataFrame({"customer_id": [1], "at": [number]})
    tables = "tables: {events: {columns: {timestamp: at}}}\n"
    for write in (frame.to_parquet, lambda path: frame.to_csv(path.with_suffix(".csv"), index=False)):
        for old in tmp_path.glob("events.*"):
            old.unlink()
        write(tmp_path / "events.parquet")
        (tmp_path / "kbind.yaml").write_text(tables)
        with pytest.raises(kb.DatasetError, match="say so in kbind.yaml: times: epoch_s or epoch_ms"):
            kb.open_dataset(tmp_path)
        for times in (unit, f"{{at: {unit}}}", f"{{timestamp: {unit}}}"):
            (tmp_path / "kbind.yaml").write_text(f"times: {times}\n" + tables)
            data = kb.open_dataset(tmp_path, timezone="Europe/Berlin")
            assert data.table("events")["timestamp"].tolist() == [moment]
    wrong = "epoch_s" if unit != "epoch_s" else "epoch_ns"
    (tmp_path / "kbind.yaml").write_text(f"times: {wrong}\n" + tables)
    with pytest.raises(kb.DatasetError, match="is not a time in|far outside"):
        kb.open_dataset(tmp_path)


# -- currencies ------------------------------------------------------------------------------------------------------


def contracts(currency: list[str | None], name: str = "currency", mrr: Any = (100.0, 9000.0, 40.0, 60.0)) -> Any:
    """Contracts of three customers, the first with two; the second has left in March."""
    return {
        "subscriptions": pd.DataFrame(
            {"customer_id": ["a", "b", "c", "a"], "start": "2022-12-01", "end": [None, "2023-03-05", None, None],
             "mrr": mrr, name: currency}
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "name", "codes"),
    [
        (["EUR", "JPY", "USD", "EUR"], "currency", ["EUR", "JPY", "USD"]),
        (["€", "¥", "$", "€"], "Währung", ["EUR", "¥", "$"]),
        (["eur", "jpy", "EUR", "EUR "], "billing_currency_code", ["EUR", "JPY"]),
        (["Euro", "Franken", "Euro", "Euro"], "ccy", ["EUR", "Franken"]),
        (["EUR", "CHF", "CHF", "EUR"], "unit", ["CHF", "EUR"]),
        (["EUR", "JPY", None, "EUR"], "devise", ["EUR", "JPY", "unknown"]),
    ],
)
def test_currencies_are_never_added_up(currency: list[str | None], name: str, codes: list[str]) -> None:
    data = kb.open_dataset(contracts(currency, name), as_of="2023-05-01")
    assert "currencies, which are not added up" in data.notes[0]
    assert all(code in data.notes[0] for code in codes)
    result = kb.revenue_retention(data)
    frame = result.to_frame()
    assert sorted(frame["currency"].unique()) == sorted(codes)
    first = frame.drop_duplicates("currency").set_index("currency")["start_mrr"]
    assert first["EUR"] == sum(m for m, c in zip((100, 9000, 40, 60), currency, strict=True) if c and c[0] in "eE€")
    assert any("not added up" in note for note in result.notes)
    assert not data.has("subscriptions.mrr")
    assert data.table("subscriptions")["mrr"].tolist() == [100, 9000, 40, 60]
    assert data.quality().columns.query("column == 'mrr'")["missing"].tolist() == [0]


def test_a_customer_of_two_currencies_counts_in_each() -> None:
    result = kb.revenue_retention(kb.open_dataset(contracts(["EUR", "EUR", "EUR", "USD"]), as_of="2023-05-01"))
    frame = result.to_frame().drop_duplicates("currency").set_index("currency")
    assert frame["n_start"].to_dict() == {"EUR": 3, "USD": 1}
    assert frame["start_mrr"].to_dict() == {"EUR": 9140, "USD": 60}
    assert "customers count once in each of their currencies: 3 customers as 4" in result.notes


def test_marks_in_amounts_are_currencies() -> None:
    data = kb.open_dataset(contracts([None] * 4, "x", ["5 €", "$3", "USD 4", "€1"]), as_of="2023-05-01")
    assert "EUR (2 rows), $ (1 row), USD (1 row)" in data.notes[0]
    one = kb.open_dataset(contracts([None] * 4, "x", ["5 €", "3", "4 EUR", "€1"]), as_of="2023-05-01")
    assert one.card.currency == "EUR"
    assert one.notes == ("frame 'subscriptions': 1 rows of 'mrr' name no currency and are taken as EUR",)


def test_one_currency_is_that_of_the_data_and_must_be_the_declared_one(tmp_path: Path) -> None:
    data = kb.open_dataset(contracts(["CHF"] * 4), as_of="2023-05-01")
    assert (data.card.currency, data.notes) == ("CHF", ())
    assert "currency" not in kb.revenue_retention(data).to_frame()
    contracts(["CHF"] * 4)["subscriptions"].to_csv(tmp_path / "subscriptions.csv", index=False)
    (tmp_path / "kbind.yaml").write_text("currency: EUR\n")
    with pytest.raises(kb.DatasetError, match=r"column 'currency': 'mrr' is in CHF \(4 rows\), and kbind.yaml says"):
        kb.open_dataset(tmp_path, as_of="2023-05-01")
    (tmp_path / "kbind.yaml").write_text("currency: CHF\n")
    assert kb.open_dataset(tmp_path, as_of="2023-05-01").card.currency == "CHF"


def test_purchases_in_several_currencies_are_split_with_the_columns_asked_for() -> None:
    log = pd.DataFrame(
        {"customer_id": [1, 1, 2, 2], "timestamp": ["2024-01-05", "2024-02-09", "2024-01-20", "2024-02-20"],
         "amount": [10.0, 30.0, 20.0, -5.0], "currency": ["EUR", "USD", "EUR", "EUR"]}
    )  # fmt: skip
    people = pd.DataFrame({"customer_id": [1, 2], "size": ["s", "m"], "currency": ["EUR", "EUR"]})
    data = kb.open_dataset({"events": log, "customers": people}, as_of="2024-03-01")
    found = kb.purchases(data, by="size").cohorts().query("at_risk > 0").groupby(["currency", "size"])["revenue"].sum()
    assert found.to_dict() == {("EUR", "m"): 35.0, ("EUR", "s"): 20.0, ("USD", "s"): 30.0}
    assert kb.activity(data).action == "buy"
    assert "events: 1 refund (negative amount) in several currencies; kept, and counted as activity" in data.notes


def test_revenue_of_customers_in_several_currencies_plays_no_part() -> None:
    people = customers(paid=[10.0, 20.0], waehrung=["EUR", "SEK"], gone=[True, False], months=[3, 4])
    data = kb.open_dataset(people, roles={"revenue": "paid", "churned": "gone", "tenure": "months"})
    assert "revenue" not in data.roles
    assert "'paid' is in 2 currencies, which are not added up: EUR (1 row), SEK (1 row)" in data.notes[0]
    assert "paid" not in kb.snapshots(data).features


def test_codes_of_countries_are_no_currencies() -> None:
    data = kb.open_dataset(contracts(["EUR", "AT", "DE", "EUR"], "region"), as_of="2023-05-01")
    assert data.notes == ()


# -- rows without customers, tables of one file ----------------------------------------------------------------------

WITHOUT = "customer_id,timestamp,amount\n1,2024-01-05,3\n,2024-01-06,x\nNULL,,4\n2,2024-02-05,5\n  ,2024-02-06,6\n"


def test_rows_without_customer_are_refused_or_dropped_with_a_count(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(WITHOUT)
    with pytest.raises(kb.DatasetError, match="has no value: row 3 .empty., row 6"):
        kb.open_dataset(tmp_path)
    (tmp_path / "kbind.yaml").write_text("drop_rows_without: customer_id\n")
    data = kb.open_dataset(tmp_path)
    assert data.table("events")["amount"].tolist() == [3, 5]
    assert data.notes == ("events.csv: 3 rows without customer_id dropped, as kbind.yaml says",)
    (tmp_path / "events.csv").write_text(WITHOUT + "3,soon,7\n")
    with pytest.raises(kb.DatasetError, match="is not a date or time: row 7 .'soon'") as caught:
        kb.open_dataset(tmp_path)
    assert len(caught.value.problems) == 1
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n,2024-01-05\n")
    with pytest.raises(kb.DatasetError, match="column 'customer_id': has no value: row 2"):
        kb.open_dataset(tmp_path)


def test_dropped_rows_of_parquet_customers_and_contracts(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": [1.0, np.nan, np.nan, 2.0], "size": list("abcd")})
    people.to_parquet(tmp_path / "customers.parquet")
    terms = pd.DataFrame({"customer_id": [1, None], "start": ["2024-01-05", "2024-02-01"], "end": [None, "2024-01-01"]})
    terms.convert_dtypes().to_parquet(tmp_path / "subscriptions.parquet")
    (tmp_path / "kbind.yaml").write_text("drop_rows_without: customer_id\n")
    data = kb.open_dataset(tmp_path)
    assert {name: table.rows for name, table in data.tables.items()} == {"customers": 2, "subscriptions": 1}
    assert [note.split(" dropped")[0] for note in data.notes] == [
        "customers.parquet: 2 rows without customer_id", "subscriptions.parquet: 1 row without customer_id"
    ]  # fmt: skip
    (tmp_path / "kbind.yaml").write_text("drop_rows_without: order_id\n")
    with pytest.raises(kb.DatasetError, match="drop_rows_without: 'order_id'; allowed: customer_id"):
        kb.open_dataset(tmp_path)


def test_two_tables_of_one_file_are_two_tables(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("id,von,mrr\n1,2024-01-05,4\n2,2024-02-05,5\n")
    tables = {"customers": {"file": "all.csv", "customer_id": "id"},
              "subscriptions": {"file": "all.csv", "customer_id": "id", "start": "von"}}  # fmt: skip
    assert list(kb.open_dataset(tmp_path, mapping=tables).tables) == ["customers", "subscriptions"]
    (tmp_path / "kbind.yaml").write_text(
        "tables:\n  customers: {file: all.csv, columns: {customer_id: id}}\n"
        "  subscriptions: {file: all.csv, columns: {customer_id: id, start: von}}\n"
    )
    for source in (tmp_path, tmp_path / "all.csv"):
        data = kb.open_dataset(source)
        assert {name: table.rows for name, table in data.tables.items()} == {"customers": 2, "subscriptions": 2}
    (tmp_path / "all.csv").rename(tmp_path / "events.csv")
    (tmp_path / "kbind.yaml").write_text(
        "tables:\n  customers: {file: events.csv, columns: {customer_id: id}}\n"
        "  events: {columns: {customer_id: id, timestamp: von}}\n"
    )
    assert list(kb.open_dataset(tmp_path).tables) == ["customers", "events"]


def test_two_tables_of_one_table_of_a_database(tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "crm.duckdb")) as connection:
        connection.execute("CREATE TABLE deals AS SELECT 1 AS customer_id, DATE '2024-01-05' AS start")
    tables = {name: {"file": "deals"} for name in ("customers", "subscriptions")}
    assert list(kb.open_dataset(tmp_path / "crm.duckdb", mapping=tables).tables) == ["customers", "subscriptions"]
