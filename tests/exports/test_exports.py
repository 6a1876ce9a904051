"""Exports in their vendors' layouts become tables without hand work, and the tables hold what the rows say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import kbind as kb
from kbind.dataset.schema import TABLES
from kbind.exports.proposal import propose, write
from kbind.exports.recognisers import recognisers

HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = yaml.safe_load((HERE / "expected.yaml").read_text(encoding="utf-8"))


#: Tables that say nothing of who is a customer: they come with others.
ALONE = {"tickets", "feedback"}


def _folder(tmp_path: Path, name: str) -> Path:
    source = HERE / name / EXPECTED[name]["file"]
    folder = tmp_path / "export"
    folder.mkdir()
    shutil.copy(source if source.exists() else HERE / "unknown" / EXPECTED[name]["file"], folder)
    if set(EXPECTED[name]["tables"]) <= ALONE:
        (folder / "customers.csv").write_text("customer_id,size\nk@example.com,small\nl@example.com,large\n")
    return folder


@pytest.mark.parametrize("name", EXPECTED)
def test_export_becomes_tables(tmp_path: Path, name: str) -> None:
    folder = _folder(tmp_path, name)
    proposal = propose(folder)
    assert proposal.data is not None, proposal.problems
    write(proposal)
    data = kb.open_dataset(folder)
    assert set(data.tables) == set(EXPECTED[name]["tables"]) | (set(data.tables) & {"customers"})
    for table, wanted in EXPECTED[name]["tables"].items():
        frame = data.table(table)
        assert len(frame) == wanted["rows"]
        assert frame["customer_id"].nunique() == wanted["customers"]
        for money in ("amount", "mrr", "goodwill"):
            if money in wanted:
                assert round(float(frame[money].sum()), 2) == pytest.approx(wanted[money], abs=0.005)
        if "first" in wanted:
            days = pd.to_datetime(frame[TABLES[table].time])
            assert [f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}"] == [str(wanted["first"]), str(wanted["last"])]
        if "ended" in wanted:
            assert int(frame["end"].notna().sum()) == wanted["ended"]


UNKNOWN: dict[str, Any] = yaml.safe_load((HERE / "unknown" / "expected.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", UNKNOWN)
def test_file_that_no_recogniser_knows_is_guessed(tmp_path: Path, name: str) -> None:
    shutil.copy(HERE / "unknown" / UNKNOWN[name]["file"], tmp_path)
    proposal = propose(tmp_path)
    assert proposal.data is not None, proposal.problems
    for table, wanted in UNKNOWN[name]["tables"].items():
        assert proposal.tables[table]["columns"] == wanted["columns"]
        frame = proposal.data.table(table)
        assert (len(frame), frame["customer_id"].nunique()) == (wanted["rows"], wanted["customers"])
        for money in ("amount", "mrr"):
            if money in wanted:
                assert float(frame[money].sum()) == pytest.approx(wanted[money], abs=0.005)


@pytest.mark.parametrize("name", [*EXPECTED, *UNKNOWN])
def test_what_is_written_says_what_was_proposed(tmp_path: Path, name: str) -> None:
    if name in EXPECTED:
        folder = _folder(tmp_path, name)
    else:
        folder = tmp_path
        shutil.copy(HERE / "unknown" / UNKNOWN[name]["file"], folder)
    proposal = propose(folder)
    content = yaml.safe_load(write(proposal).read_text(encoding="utf-8"))
    assert content.pop("tables") == proposal.tables
    assert content == dict(proposal.settings)
    with pytest.raises(kb.ArgumentError, match="is there already; --force replaces it"):
        write(proposal)


def test_files_called_like_tables_are_these_tables(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(
        "customer_id,contact_id,start,end\nA,p,2024-01-01,\nB,q,2024-01-02,2024-02-01\n"
    )
    (tmp_path / "subscriptions.csv").write_text("customer_id,start,end\nA,2024-01-01,\nB,2024-01-02,2024-03-01\n")
    proposal = propose(tmp_path)
    assert proposal.tables == {table: {"file": f"{table}.csv"} for table in ("contacts", "subscriptions")}
    assert proposal.data is not None


def test_years_in_files_of_their_own_become_one_table(tmp_path: Path) -> None:
    for year in (2022, 2023):
        rows = "".join(f"{n % 5};{n % 28 + 1:02}.03.{year};{n},50\n" for n in range(20))
        (tmp_path / f"umsatz_{year}.csv").write_text("Kunde;Datum;Betrag\n" + rows)
    proposal = propose(tmp_path)
    assert proposal.tables["events"]["file"] == ["umsatz_2022.csv", "umsatz_2023.csv"]
    assert proposal.data is not None
    assert len(proposal.data.table("events")) == 40


OWN = """
name: Our billing
signs: [Vertragsnr, [Kdnr, Kundennr]]
tables:
  subscriptions:
    columns: {customer_id: [Kdnr, Kundennr], start: Beginn, mrr: {column: Preis, per: Zahlweise}}
    without: {Status: Test}
"""


def test_a_recogniser_of_ones_own_goes_first(tmp_path: Path) -> None:
    exports, folder = tmp_path / "exports", tmp_path / "data"
    exports.mkdir()
    folder.mkdir()
    (exports / "own.yaml").write_text(OWN)
    rows = "V1;7;01.02.2024;120;jährlich;ok\nV2;8;01.03.2024;10;monatlich;Test\n"
    (folder / "v.csv").write_text("Vertragsnr;Kundennr;Beginn;Preis;Zahlweise;Status\n" + rows, encoding="utf-8")
    proposal = propose(folder, exports=exports)
    assert proposal.parts[0].by == "Our billing"
    assert proposal.data is not None
    assert proposal.data.table("subscriptions")["mrr"].tolist() == [10.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nsign: [a]\n", "unknown key 'sign'; did you mean 'signs'"),
        ("name: x\nsigns: [a]\n", "tables: None; needed: what it becomes"),
        ("name: x\nsigns: [a]\ntables: {orders: {columns: {customer_id: a}}}\n", "unknown table 'orders'"),
        ("name: x\nsigns: [a]\ntables: {events: {columns: {amount: [a, {times: 3}]}}}\n", "events: amount"),
        ("name: x\nsigns: [a]\ntables: {events: {columns: [a]}}\n", "events: columns"),
        ("- x\n", "is no recogniser"),
    ],
)
def test_a_wrong_recogniser_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(kb.DatasetError, match=f"own.yaml: .*{message}"):
        recognisers(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "months", "sure"),
    [("tenure_months", 24, 24, "sure"), ("Tenure (days)", 365, 12, "sure"), ("Years as customer", 2, 24, "sure"),
     ("Tenure", 3, 0, "sure")],
)  # fmt: skip
def test_tenure_is_in_months_or_asked_for(tmp_path: Path, name: str, value: int, months: int, sure: str) -> None:
    rows = "".join(f"{n},{value},{'yes' if n % 3 else 'no'}\n" for n in range(30))
    (tmp_path / "crm.csv").write_text(f"client_id,{name},churned\n" + rows)
    proposal = propose(tmp_path)
    assert proposal.parts[0].guess.sure == sure
    assert proposal.data is not None
    if not months:
        assert "tenure" not in proposal.data.roles
        assert "not in which unit" in proposal.parts[0].guess.reasons[-1]
        return
    column = proposal.data.roles["tenure"].column
    assert proposal.data.table("customers")[column].tolist() == pytest.approx([months] * 30, rel=0.002)


def test_rows_that_are_no_order_are_proposed_to_be_left_out(tmp_path: Path) -> None:
    states = ("bezahlt", "offen", "storniert")
    rows = "".join(f"R{n};{n % 28 + 1:02}.03.2024;{n % 6};{n},50;{states[n % 3]}\n" for n in range(30))
    (tmp_path / "rechnungen.csv").write_text("Rechnungsnummer;Rechnungsdatum;Kundennummer;Betrag;Status\n" + rows)
    proposal = propose(tmp_path)
    assert proposal.tables["events"]["without"] == {"Status": "storniert"}
    assert proposal.parts[0].guess.sure == "likely"
    assert proposal.data is not None
    assert len(proposal.data.table("events")) == 20


def test_end_amount_and_interval_of_a_billing_system(tmp_path: Path) -> None:
    head = "account_code,state,activated_at,canceled_at,expires_at,unit_amount,plan_interval_length,coupon\n"
    rows = "a,active,2023-01-01,,,120,12,\nb,expired,2023-02-01,2023-05-20,2023-06-01,10,1,x\n"
    (tmp_path / "subscriptions.csv").write_text(head + rows + "c,future,2024-09-01,,,10,1,\n")
    proposal = propose(tmp_path)
    columns = proposal.tables["subscriptions"]["columns"]
    assert (columns["end"], columns["notice_at"]) == ("expires_at", "canceled_at")
    assert columns["mrr"] == {"column": "unit_amount", "per": "plan_interval_length"}
    assert proposal.tables["subscriptions"]["without"] == {"state": "future"}
    assert proposal.parts[0].rest == ["coupon"]
    assert "columns without a meaning of their own, kept as they are: coupon" in str(proposal)


def test_an_old_kbind_yaml_does_not_bear_on_the_proposal_that_replaces_it(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("customer_id,order_date\n1,2024-01-01\n1,2024-02-01\n2,2024-02-02\n")
    old = "as_of: 2024-01-15\ntables: {events: {columns: {customer_id: nobody}}}\n"
    (tmp_path / "kbind.yaml").write_text(old)
    proposal = propose(tmp_path)
    assert (tmp_path / "kbind.yaml").read_text() == old
    assert proposal.data is not None, proposal.problems
    assert f"{proposal.data.as_of:%Y-%m-%d}" == "2024-02-03"
    write(proposal, force=True)
    assert kb.open_dataset(tmp_path).as_of == proposal.data.as_of


def test_rows_without_customer_are_proposed_to_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n1,2024-01-01\n,2024-01-02\n2,2024-01-03\n")
    proposal = propose(tmp_path)
    assert proposal.settings == {"drop_rows_without": "customer_id"}
    assert proposal.data is not None
    assert "events.csv: 1 row without customer_id dropped, as kbind.yaml says" in proposal.data.notes
