"""Opening data: every kind of source, every kind of mistake."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kbind as kb

EVENTS = pd.DataFrame(
    {
        "customer_id": [1, 1, 2, 3],
        "timestamp": pd.to_datetime(["2024-01-05 10:00", "2024-02-29 23:59", "2024-01-31 00:00", "2024-03-31 00:00"]),
        "amount": [10.0, -4.0, 20.5, 7.25],
        "shop": ["a", "b", "a", "b"],
    }
)
ACTIVE = [2, 1, 1]


def _active(data: kb.Dataset) -> list[int]:
    return kb.activity(data).to_frame()["active"].tolist()


# -- sources -----------------------------------------------------------------------------------------


def test_frames_of_every_library() -> None:
    arrow = pa.Table.from_pandas(EVENTS)
    for frame in (
        EVENTS,
        arrow,
        pl.from_pandas(EVENTS),
        EVENTS.convert_dtypes(),
        EVENTS.convert_dtypes(dtype_backend="pyarrow"),
    ):
        data = kb.open_dataset({"events": frame})
        assert _active(data) == ACTIVE
        assert data.table("events")["amount"].sum() == pytest.approx(33.75)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_time_stamps_of_every_resolution(unit: str) -> None:
    naive = EVENTS.assign(timestamp=EVENTS["timestamp"].astype(f"datetime64[{unit}]"))
    zoned = EVENTS.assign(timestamp=naive["timestamp"].dt.tz_localize("UTC"))
    assert _active(kb.open_dataset({"events": naive})) == ACTIVE
    assert _active(kb.open_dataset({"events": zoned})) == ACTIVE


def test_categories_dates_and_missing_values() -> None:
    frame = EVENTS.assign(shop=EVENTS["shop"].astype("category"), timestamp=EVENTS["timestamp"].dt.date)
    frame.loc[2, "amount"] = np.nan
    data = kb.open_dataset({"events": frame})
    assert _active(data) == ACTIVE
    assert data.table("events")["amount"].isna().tolist() == [False, False, True, False]


def test_folder_of_csv_and_parquet(tmp_path: Path) -> None:
    EVENTS.to_parquet(tmp_path / "events.parquet")
    pd.DataFrame({"customer_id": [1, 2, 3], "size": ["s", "m", None]}).to_csv(tmp_path / "customers.csv", index=False)
    (tmp_path / "readme.md").write_text("not data")
    data = kb.open_dataset(tmp_path)
    assert list(data.tables) == ["customers", "events"]
    assert data.notes[0] == "not used: readme.md"
    assert kb.activity(data, by="size").groups == (
        ("m",),
        ("s",),
        (None,),
    )  # ids: text in one file, numbers in the other


def test_folder_of_parquet_parts(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    EVENTS.iloc[:2].to_parquet(tmp_path / "events" / "part-1.parquet")
    EVENTS.iloc[2:].to_parquet(tmp_path / "events" / "part-2.parquet")
    assert _active(kb.open_dataset(tmp_path)) == ACTIVE


def test_single_file(tmp_path: Path) -> None:
    EVENTS.to_csv(tmp_path / "orders.csv", index=False)
    assert _active(kb.open_dataset(tmp_path / "orders.csv", table="events")) == ACTIVE
    with pytest.raises(kb.DatasetError, match=r"orders.csv: does not say which table it is; .*table='events'"):
        kb.open_dataset(tmp_path / "orders.csv")
    with pytest.raises(kb.ArgumentError, match="table='event' is not known; did you mean 'events'"):
        kb.open_dataset(tmp_path / "orders.csv", table="event")


def test_duckdb_file(tmp_path: Path) -> None:
    path = tmp_path / "company.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", EVENTS)
        connection.execute("CREATE TABLE events AS SELECT * FROM frame")
        connection.execute("CREATE TABLE other AS SELECT 1 AS x")
    data = kb.open_dataset(path)
    assert _active(data) == ACTIVE
    assert data.notes[0] == "not used: other"


GERMAN = (
    "Kundennr;Kaufdatum;Umsatz;Filiale\r\n"
    '007;31.01.2024 23:10;1.234,50;"Köln; Mitte"\r\n'
    "007;03.02.2024 08:00;-12,00;Bonn\r\n"
    "012;05.03.2024 10:00;5,5;Köln\r\n"
)
NAMES = {"customer_id": "Kundennr", "timestamp": "Kaufdatum", "amount": "Umsatz"}


@pytest.mark.parametrize("mapping", [{"events": NAMES}, NAMES, {"events": {v: k for k, v in NAMES.items()}}])
def test_german_excel_csv(tmp_path: Path, mapping: dict[str, Any]) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GERMAN.encode())
    data = kb.open_dataset(path, mapping=mapping, timezone="Europe/Berlin")
    frame = data.table("events")
    assert frame["customer_id"].tolist() == ["007", "007", "012"]
    assert frame["amount"].tolist() == [1234.5, -12.0, 5.5]
    assert frame["timestamp"].iloc[0] == pd.Timestamp("2024-01-31 23:10")
    assert frame["Filiale"].iloc[0] == "Köln; Mitte"
    assert data.notes == ("events: 1 refund (negative amount), -12.00 in all; kept, and counted as activity",)


def test_kbind_yaml(tmp_path: Path) -> None:
    (tmp_path / "Bestellungen.csv").write_text(GERMAN, encoding="utf-8")
    (tmp_path / "customers.csv").write_text("customer_id;Treue\n007;3\n012;1\n")
    (tmp_path / "kbind.yaml").write_text(
        "title: Kölner Laden\ncurrency: EUR\nmargin: 0.4\nacquisition_cost: 20\n"
        "timezone: Europe/Berlin\nas_of: 2024-04-01\n"
        "tables:\n  events:\n    file: Bestellungen.csv\n    columns:\n"
        + "".join(f"      {k}: {v}\n" for k, v in NAMES.items())
        + "roles:\n  tenure: Treue\n"
    )
    data = kb.open_dataset(tmp_path)
    assert (data.name, data.timezone, data.as_of) == ("Kölner Laden", "Europe/Berlin", datetime(2024, 4, 1))
    assert data.roles["tenure"].column == "Treue"
    assert (data.card.currency, data.card.margin, data.card.acquisition_cost) == ("EUR", 0.4, 20)
    assert _active(data) == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tabels: {}", "unknown key 'tabels'; did you mean 'tables'"),
        ("tables: {event: {}}", "unknown table 'event'; did you mean 'events'"),
        ("roles: {churn: x}", "unknown role 'churn'; did you mean 'churned'"),
        ("roles: {tenure: Tenur}", "role 'tenure': no column 'Tenur' in customers; did you mean 'tenure'"),
        ("decimal: ';'", "decimal: ';'; allowed: ., ,"),
        ("margin: 80", "margin: 80; allowed: a share from 0 to 1"),
        ("acquisition_cost: much", "acquisition_cost: 'much'; allowed: 0 or more"),
        ("currency: Euro", "currency: 'Euro'; allowed: a code of three letters, such as EUR"),
        ("a: [", "is not YAML"),
        ("- x", "holds a list"),
        ("tables: {events: {file: gone.csv}}", "file 'gone.csv' is not in the folder"),
    ],
)
def test_kbind_yaml_mistakes(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,tenure\n1,2\n")
    (tmp_path / "kbind.yaml").write_text(text)
    with pytest.raises(kb.DatasetError, match=message):
        kb.open_dataset(tmp_path)


# -- mistakes ------------------------------------------------------------------------------------------


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "customer_id,timestamp,amount\n1,2024-01-05,10\n,2024-01-06,12x\n2,31.02.2024,5\n2,,6\n"
    )
    (tmp_path / "subscriptions.csv").write_text("customer_id,start,end\n1,2024-05-01,2024-04-01\n")
    (tmp_path / "customers.csv").write_text("custmer_id,name\n1,x\n")
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines == [
        "customers.csv: no column 'customer_id'; did you mean 'custmer_id'? columns: custmer_id, name",
        "events.csv, column 'customer_id': has no value: row 3 (empty); allowed: a value in every row",
        "events.csv, column 'timestamp': is written differently from the rest (like 2024-01-31): row 4 ('31.02.2024'); "
        "allowed: 2024-01-31, 2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout",
        "events.csv, column 'timestamp': has no value: row 5 (empty); allowed: a value in every row",
        "events.csv, column 'amount': is not a number: row 3 ('12x'); allowed: 1234.5 or 1,234.5, or with decimal "
        "comma 1234,5 or 1.234,5; one way throughout the column",
        "subscriptions.csv, column 'end': lies before 'start': row 2 ('2024-04-01'); allowed: start <= end",
    ]
    assert len(caught.value.problems) == 6
    assert caught.value.problems[1].column == "customer_id"


def test_many_wrong_rows_are_counted_and_three_shown() -> None:
    frame = pd.DataFrame({"customer_id": range(1500), "timestamp": "2024-01-05", "amount": "n/a"})
    with pytest.raises(kb.DatasetError, match=r"row 1 \('n/a'\), row 2 \('n/a'\), row 3 \('n/a'\) and 1,497 more"):
        kb.open_dataset({"events": frame})


def test_repeated_customers() -> None:
    frame = pd.DataFrame({"customer_id": ["a", "b", "a", "a"]})
    with pytest.raises(kb.DatasetError, match=r"occurs more than once: row 4 \('a'\) and 1 more"):
        kb.open_dataset({"customers": frame})


@pytest.mark.parametrize("ids", [[7, 8, 9], [-3, 0, 5], [1, 2**62], [-(2**63), 2**63 - 1], [2**64 - 1, 1], [1.0, 2.0]])
def test_repeated_numbers_are_found_wherever_they_lie(ids: list[float]) -> None:
    """Close to each other they have a bit each, far apart they are hashed."""
    assert kb.open_dataset({"customers": pd.DataFrame({"customer_id": ids})}).tables["customers"].rows == len(ids)
    frame = pd.DataFrame({"customer_id": [*ids, ids[0], ids[0]]})
    with pytest.raises(kb.DatasetError, match=rf"occurs more than once: row {len(frame)} .* and 1 more"):
        kb.open_dataset({"customers": frame})


def test_levels() -> None:
    contacts = pd.DataFrame({"customer_id": [1], "contact_id": [1], "side": ["our"]})
    with pytest.raises(
        kb.DatasetError, match="column 'side': is not a known level: row 1 .'our'.; allowed: 'ours', 'theirs'"
    ):
        kb.open_dataset({"events": EVENTS, "contacts": contacts})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("event.csv", "customer_id\n1\n", "event.csv: is not a known table; did you mean 'events'"),
        ("events.csv", 'customer_id,timestamp\n1,"2024-01-01\n', "has a quote that is not closed: row 2"),
        (
            "events.csv",
            "customer_id,Timestamp,timestamp\n1,2,3\n",
            "columns of the same name: 'Timestamp', 'timestamp'",
        ),
        ("events.csv", 'customer_id,"time\nstamp"\n1,2\n', "has a line break in its header"),
        ("notes.txt", "hello", "holds no table"),
        ("feedback.csv", "customer_id,timestamp,instrument\n1,2024-01-01,nps\n", "has no table of customers"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(kb.DatasetError, match=message):
        kb.open_dataset(tmp_path)


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    EVENTS.to_csv(tmp_path / "events.csv", index=False)
    with pytest.raises(kb.DatasetError, match="does not exist; did you mean 'events.csv'"):
        kb.open_dataset(tmp_path / "event.csv")
    with pytest.raises(kb.ArgumentError, match="source of type int"):
        kb.open_dataset(42)
    with pytest.raises(kb.DatasetError, match="frame 'orders': is not a known table"):
        kb.open_dataset({"orders": EVENTS})
    with pytest.raises(kb.DatasetError, match="frame 'events': cannot be read: a list is not a data frame"):
        kb.open_dataset({"events": [1, 2]})
    with pytest.raises(kb.DatasetError, match="the mapping names a column 'Kunde' that is not there"):
        kb.open_dataset({"events": EVENTS}, mapping={"events": {"customer_id": "Kunde"}})
    with pytest.raises(kb.DatasetError, match="has the type DOUBLE: row 1 .*allowed: a date or time"):
        kb.open_dataset({"events": EVENTS.assign(timestamp=[1.0, 2.0, 3.0, 4.0])})


def test_unknown_table_of_a_data_set() -> None:
    with pytest.raises(kb.ArgumentError, match="needs a table 'customers'; 'data' has: events"):
        kb.open_dataset({"events": EVENTS}).table("customers")


# -- time ----------------------------------------------------------------------------------------------


def test_as_of_defaults_to_the_end_of_the_last_day() -> None:
    assert kb.open_dataset({"events": EVENTS}).as_of == datetime(2024, 4, 1)
    zoned = EVENTS.assign(timestamp=EVENTS["timestamp"].dt.tz_localize("UTC"))
    assert kb.open_dataset({"events": zoned}, timezone="America/New_York").as_of == datetime(2024, 3, 31)


@pytest.mark.parametrize(
    "as_of", ["2024-03-01", date(2024, 3, 1), datetime(2024, 3, 1), pd.Timestamp("2024-03-01"), "2024-02-29T23:00:00Z"]
)
def test_as_of_in_every_form(as_of: Any) -> None:
    data = kb.open_dataset({"events": EVENTS}, as_of=as_of, timezone="Europe/Berlin")
    assert data.as_of == datetime(2024, 3, 1)
    assert _active(data) == [2, 1]
    assert data.notes[-1] == "rows from 2024-03-01 on lie behind the end of the data: events (1)"


@pytest.mark.parametrize("as_of", ["31.12.2024", 20240101, pd.NaT, "soon"])
def test_as_of_that_is_no_date(as_of: Any) -> None:
    with pytest.raises(kb.ArgumentError, match="as_of"):
        kb.open_dataset({"events": EVENTS}, as_of=as_of)


def test_unknown_time_zone() -> None:
    with pytest.raises(kb.ArgumentError, match="timezone='Berlin' is not known"):
        kb.open_dataset({"events": EVENTS}, timezone="Berlin")


def test_the_zone_of_a_frame_is_kept() -> None:
    frame = EVENTS.assign(timestamp=EVENTS["timestamp"].dt.tz_localize("Europe/Berlin"))
    data = kb.open_dataset({"events": frame})
    assert data.timezone == "Europe/Berlin"
    assert _active(data) == ACTIVE
    assert kb.open_dataset({"events": frame}, as_of="2024-03-01").as_of == datetime(2024, 3, 1)


def test_overview_and_notes() -> None:
    data = kb.open_dataset({"events": EVENTS})
    frame = data.overview()
    assert frame[["rows", "customers"]].to_numpy().tolist() == [[4, 3]]
    assert str(data).endswith("- events: 1 refund (negative amount), -4.00 in all; kept, and counted as activity")
    assert "<table" in data._repr_html_()


# -- found by trying to break it ---------------------------------------------------------------------------


def test_capitals_in_a_database_do_not_hide_a_column(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute('CREATE TABLE subscriptions("Customer_ID" INT, "Start" TIMESTAMP, "End" TIMESTAMP)')
        connection.execute("INSERT INTO subscriptions VALUES (1, '2024-01-05', '2024-02-05')")
    assert _active(kb.open_dataset(path, as_of="2024-04-01")) == [1, 1, 0]


def test_paths_are_no_patterns(tmp_path: Path) -> None:
    for name, rows in (("export 1", EVENTS), ("export [1]", EVENTS.iloc[:1])):
        (tmp_path / name).mkdir()
        rows.to_csv(tmp_path / name / "events.csv", index=False)
        rows.to_parquet(tmp_path / name / "e.parquet")
    assert kb.open_dataset(tmp_path / "export [1]" / "events.csv").tables["events"].rows == 1
    assert kb.open_dataset(tmp_path / "export [1]" / "e.parquet", table="events").tables["events"].rows == 1


def test_the_last_nanosecond_belongs_to_its_month() -> None:
    last = pd.Period("2024-01").end_time
    for moment in (last, last.tz_localize("UTC")):
        frame = pd.DataFrame({"customer_id": [1], "timestamp": pd.DatetimeIndex([moment])})
        assert kb.activity(kb.open_dataset({"events": frame})).calendar.labels == ["2024-01"]


def test_a_frame_changed_later_changes_nothing() -> None:
    frame = EVENTS.copy()
    data = kb.open_dataset({"events": frame})
    frame.loc[0, "timestamp"] = pd.Timestamp("2020-01-01")
    frame.loc[1, "customer_id"] = 99
    assert _active(data) == ACTIVE


def test_a_declared_column_goes_before_one_of_the_right_name(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("customer_id,paid_at,Timestamp\n1,2024-01-05,2020-01-01\n")
    data = kb.open_dataset(path, mapping={"timestamp": "paid_at"})
    assert kb.activity(data).calendar.labels == ["2024-01"]


def test_nested_parquet_parts_are_read(tmp_path: Path) -> None:
    (tmp_path / "events" / "2024").mkdir(parents=True)
    EVENTS.iloc[:2].to_parquet(tmp_path / "events" / "a.parquet")
    EVENTS.iloc[2:].to_parquet(tmp_path / "events" / "2024" / "b.parquet")
    assert kb.open_dataset(tmp_path).tables["events"].rows == 4


def test_near_misses_of_optional_columns_and_unknown_customers_are_noted() -> None:
    contracts = pd.DataFrame({"customer_id": [1, 2], "start": "2024-01-01", "ende": "2024-02-01"})
    data = kb.open_dataset({"subscriptions": contracts, "customers": pd.DataFrame({"customer_id": [1]})})
    assert "column 'ende' is an attribute of no meaning to kbind; did you mean 'end'?" in data.notes[0]
    assert data.notes[1] == "frame 'subscriptions': 1 customers are not in customers"


def test_contracts_entered_ahead_do_not_move_the_end_of_the_events() -> None:
    contracts = pd.DataFrame({"customer_id": [1], "start": ["2025-06-01"]})
    assert kb.open_dataset({"events": EVENTS, "subscriptions": contracts}).as_of == datetime(2024, 4, 1)
    tickets = pd.DataFrame({"customer_id": [1], "opened": ["2021-03-03"]})
    assert kb.open_dataset({"tickets": tickets, "subscriptions": contracts}).as_of == datetime(2025, 6, 2)


@pytest.mark.parametrize("year", ["0001", "1753", "9999"])
def test_placeholder_dates_are_named(year: str) -> None:
    frame = pd.DataFrame({"customer_id": [1, 2], "timestamp": ["2024-01-05", f"{year}-12-31"]})
    with pytest.raises(kb.DatasetError, match=f"lies far outside any business: row 2 .'{year}-12-31'"):
        kb.open_dataset({"events": frame})
    contracts = pd.DataFrame({"customer_id": [1], "start": ["2024-01-05"], "end": ["9999-12-31"]})
    assert _active(kb.open_dataset({"subscriptions": contracts}, as_of="2024-03-01")) == [1, 1]


def test_ids_of_different_number_types_meet() -> None:
    ids = pa.array([1, 2, 3], pa.int32()).cast(pa.decimal128(12, 2))
    decimals = pa.table({"customer_id": ids, "kind": ["a", "b", "c"]})
    data = kb.open_dataset({"events": EVENTS, "customers": decimals})
    assert kb.activity(data, by="kind").groups == (("a",), ("b",), ("c",))


def test_groups_of_nothing_are_one() -> None:
    customers = pa.table({"customer_id": [1, 2, 3], "x": [float("nan"), None, 1.0], "y": ["", None, "z "]})
    data = kb.open_dataset({"events": EVENTS, "customers": customers})
    assert kb.activity(data, by="x").groups == ((1.0,), (None,))
    assert kb.activity(data, by="y").groups == (("z",), (None,))


def test_too_many_cells_are_refused_before_they_fill_the_memory() -> None:
    events = pd.DataFrame({"customer_id": [1, 2], "timestamp": ["1950-01-01", "2024-01-01"]})
    with pytest.raises(kb.ArgumentError, match="use a longer period than 'day'"):
        kb.activity(kb.open_dataset({"events": events}), period="day")


def test_nobody_active_is_an_error() -> None:
    contracts = pd.DataFrame({"customer_id": [1], "start": ["2024-03-05"], "end": ["2024-04-05"]})
    data = kb.open_dataset({"subscriptions": contracts, "events": EVENTS}, as_of="2024-03-01")
    with pytest.raises(kb.NotEnoughData, match="holds nothing before as_of=2024-03-01"):
        kb.activity(data, log="subscriptions")


@pytest.mark.parametrize(("stray", "note"), [
    ("2032-01-22", "frame 'events': 1 row lies 2,853 days after all others (2032-01-22); a mistyped year?"),
    ("1924-03-01", "frame 'events': 1 row lies 36,469 days before all others (1924-03-01); a mistyped year?"),
])  # fmt: skip
def test_a_mistyped_year_is_noted(stray: str, note: str) -> None:
    row = pd.DataFrame({"customer_id": [1], "timestamp": [pd.Timestamp(stray)], "amount": [1.0], "shop": ["a"]})
    assert note in kb.open_dataset({"events": pd.concat([EVENTS, row])}).notes
    assert not [n for n in kb.open_dataset({"events": EVENTS}).notes if "mistyped" in n]


def test_mapping_goes_on_top_of_the_file_beside_the_data(tmp_path: Path) -> None:
    (tmp_path / "Orders.csv").write_text("Kunde,Datum,Zeit,Wert\n1,2020-01-01,2024-01-05,2\n")
    (tmp_path / "kbind.yaml").write_text(
        "tables: {events: {file: Orders.csv, columns: {customer_id: Kunde, timestamp: Datum, amount: Wert}}}"
    )
    data = kb.open_dataset(tmp_path, mapping={"events": {"timestamp": "Zeit"}})
    assert kb.activity(data).calendar.labels == ["2024-01"]
    assert data.table("events")["amount"].tolist() == [2]
