from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.dataset.quality import usual_rows
from kbind.dataset.schema import USES
from kbind.report.contents import NAMES, chapter_of, number_of
from kbind.report.notebooks import shipped_notebooks


def log_of(rows: list[int], start: str = "2022-01-01") -> kb.Dataset:
    """Events, so many in each month; every event another day and customer."""
    months = pd.period_range(start, periods=len(rows), freq="M")
    times = [m.start_time + pd.Timedelta(hours=i % 600) for m, n in zip(months, rows, strict=True) for i in range(n)]
    frame = pd.DataFrame({"customer_id": range(len(times)), "timestamp": times})
    return kb.open_dataset({"events": frame}, as_of=(months[-1] + 1).start_time)


def test_toy_by_hand() -> None:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "industry": ["trade", " ", None], "size": [1.0, 2.0, None]})
    log = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 9, 9],
            "timestamp": ["2024-01-05", "2024-01-05", "2024-02-07", "2024-02-08", "2024-02-09"],
            "amount": [1.0, 1.0, None, 4.0, 5.0],
        }
    )
    found = kb.open_dataset({"customers": people, "events": log}).quality()
    events = found.tables.set_index("table").loc["events"]
    assert events[["rows", "customers", "duplicates", "unknown_rows", "unknown_customers"]].tolist() == [5, 2, 1, 2, 1]
    assert events["without_rows"] == 2  # customers 2 and 3 never appear
    assert found.tables["unknown_rows"].isna().tolist() == [True, False]
    missing = found.incomplete.set_index(["table", "column"])
    assert missing["missing"].to_dict() == {
        ("customers", "industry"): 2,  # blank is no value
        ("customers", "size"): 1,
        ("events", "amount"): 1,
    }
    assert missing.loc[("customers", "industry"), "share"] == pytest.approx(2 / 3)
    assert found.to_frame() is found.tables


def test_gap_is_a_month_with_far_fewer_rows() -> None:
    found = log_of([90, 100, 100, 20, 110, 0, 0, 120, 120, 60]).quality()
    assert found.period == "month"
    assert found.gaps["period"].tolist() == ["2022-04", "2022-06", "2022-07"]
    assert found.gaps["usual"].tolist() == [105.0, 105.0, 105.0]
    assert found.calendar["rows"].sum() == 720


@pytest.mark.parametrize(("rows", "gaps"), [(49, 1), (50, 0), (60, 0)])
def test_gap_begins_below_half_of_the_usual_rows(rows: int, gaps: int) -> None:
    assert len(log_of([100, 100, 100, rows, 100, 100, 100]).quality().gaps) == gaps


def test_first_and_running_period_are_no_gap() -> None:
    frame = log_of([3, *[100] * 8, 5])
    assert frame.quality().gaps["period"].tolist() == ["2022-10"]
    running = kb.open_dataset({"events": frame.table("events")}, as_of="2022-10-20")
    assert running.quality().gaps.empty


@pytest.mark.parametrize("mean", [3, 12, 40, 300])
def test_chance_is_hardly_ever_taken_for_a_gap(mean: int) -> None:
    """Steady, growing and seasonal recordings without any gap."""
    rng = np.random.default_rng(11)
    months = np.arange(48)
    shapes = [np.ones(48), 1.04**months, 1 + 0.3 * np.sin(months * np.pi / 6)]
    flagged = total = 0
    for shape in shapes:
        for _ in range(200):
            rows = rng.poisson(mean * shape)
            usual = np.array(usual_rows(rows.tolist()))
            flagged += int(((rows < usual / 2) & (usual - rows > 4 * np.sqrt(usual)))[1:].sum())
            total += len(rows) - 1
    assert flagged / total < 0.001


def test_periods_follow_the_length_of_the_data() -> None:
    days = pd.date_range("2024-01-01", periods=60, freq="D").repeat(30)
    frame = pd.DataFrame({"customer_id": range(len(days)), "timestamp": days})
    assert kb.open_dataset({"events": frame}).quality().period == "week"
    assert kb.open_dataset({"events": frame[:300]}).quality().period == "day"


def test_data_without_time_has_no_calendar() -> None:
    found = kb.datasets.load_telco().quality()
    assert found.calendar.empty
    assert found.gaps.empty
    assert found.chapters.loc[found.chapters["possible"], "use"].tolist() == [
        "leaving",
        "prediction",
        "common",
        "personas",
    ]  # by its roles
    assert found.incomplete[["column", "missing"]].to_numpy().tolist() == [["total_charges", 11]]
    assert "total_charges" in str(found)
    assert "total_charges" in found._repr_html_()


def systems(folder: Path, id_map: str, config: str) -> Path:
    """A shop whose orders and requests carry numbers of their own."""
    files = {
        "customers.csv": "customer_id,industry\nK1,a\nK2,b\nK3,c\n",
        "events.csv": "customer_id,timestamp,amount\n"
        "101,2024-01-03,5\n101,2024-02-03,5\n102,2024-02-04,6\n103,2024-02-05,6\n",
        "tickets.csv": "customer_id,opened\nA7,2024-01-05\nA8,2024-01-06\n",
        "id_map.csv": "system,system_id,customer_id\n" + id_map,
        "kbind.yaml": config,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


MAP = "shop,101,K1\nshop,102,K2\nhelp,A7,K3\nhelp,A8,K3\n"
CONFIG = "tables:\n  events: {system: shop}\n  tickets: {system: help}\n"


def test_ids_of_other_systems_become_customers(tmp_path: Path) -> None:
    data = kb.open_dataset(systems(tmp_path, MAP, CONFIG))
    events = data.table("events").sort_values("timestamp")
    assert events["customer_id"].tolist() == ["K1", "K1", "K2"]
    assert events["amount"].tolist() == [5, 5, 6]
    assert data.table("tickets")["customer_id"].tolist() == ["K3", "K3"]
    assert data.quality().id_map.to_numpy().tolist() == [["events", "shop", 3, 2, 1], ["tickets", "help", 2, 2, 0]]
    assert "events.csv: 1 of 3 ids of 'shop' without a partner in id_map; rows left out: 1" in data.notes
    assert kb.activity(data).customers == 2


@pytest.mark.parametrize(
    ("id_map", "config", "message"),
    [
        (MAP + "shop,101,K3\n", CONFIG, "column 'system + system_id': occurs more than once: row 6 ('shop, 101')"),
        (MAP, CONFIG.replace("help", "hepl"), "system 'hepl'; did you mean 'help'? systems in id_map: help, shop"),
    ],
)  # fmt: skip
def test_mistakes_in_translation(tmp_path: Path, id_map: str, config: str, message: str) -> None:
    with pytest.raises(kb.DatasetError) as caught:
        kb.open_dataset(systems(tmp_path, id_map, config))
    assert message in str(caught.value)


def test_translation_needs_an_id_map(tmp_path: Path) -> None:
    folder = systems(tmp_path, MAP, CONFIG)
    (folder / "id_map.csv").unlink()
    with pytest.raises(kb.DatasetError, match="there is no id_map; needed: a table id_map with the columns system"):
        kb.open_dataset(folder)


def test_chapters_need_what_their_uses_need() -> None:
    for name in NAMES:
        needs, uses = chapter_of(name).needs, [use for use in USES if use.chapter == number_of(name)]
        if uses:  # a chapter can be written as soon as one of its uses is possible
            whole = [use.needs for use in uses]
            assert needs in whole or {n for group in needs for n in group} == {n for use in uses for n in use.needs[0]}
        else:  # whether the data is good enough can be asked of rows, not of counts
            assert needs == (("customers", "events", "subscriptions"),)


def test_notebooks_need_what_their_chapters_need() -> None:
    for path in (path for path in shipped_notebooks() if path.stem in NAMES):  # 08 has no page
        needs = json.loads(path.read_text(encoding="utf-8"))["metadata"]["kbind"]["needs"]
        assert needs == [list(either) for either in chapter_of(path.stem).needs]


def test_rows_that_count_otherwise_are_listed(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "customer_id,timestamp,amount,order_id\n1,2024-01-05,9,A1\n1,2024-01-06,-9,C11\n2,2024-01-07,-4,C12\n"
        ",2024-01-08,1,A2\n3,2024-05-01,1,A3\n1,2024-01-09,2,A4\n"
    )
    (tmp_path / "kbind.yaml").write_text("drop_rows_without: customer_id\nas_of: 2024-03-01\n")
    found = kb.open_dataset(tmp_path).quality()
    assert found.treated.to_numpy().tolist() == [
        ["events", "refunds", 2, ""],
        ["events", "refunds only", 1, ""],
        ["events", "cancelled", 2, "C11"],
        ["events", "dropped", 1, ""],
        ["events", "behind", 1, ""],
    ]
    assert "refunds only" in str(found)
    assert log_of([9] * 7).quality().treated.empty


@pytest.mark.parametrize(
    ("contracts", "said", "n"),
    [
        ([(1, "2023-01-01", None), (2, "2023-01-01", None)], [(1, "2023-03-15")], 1),
        ([(1, "2023-01-01", "2023-04-01"), (2, "2023-01-01", None)], [(1, "2023-03-15")], 0),  # it ended
        ([(1, "2023-01-01", None), (1, "2023-05-01", None)], [(1, "2023-03-15")], 0),  # signed again
        ([(1, "2023-01-01", "2023-03-31"), (1, "2023-01-01", None)], [(1, "2023-03-15")], 0),  # of two, one ended
        (
            [(1, "2023-01-01", None), (2, "2023-02-01", None)],
            [(1, "2023-03-15"), (2, "2023-05-01"), (9, "2023-05-01")],
            2,
        ),
        ([(1, "2023-01-01", None)], [(1, "2023-08-15")], 0),  # said after the end of the data
    ],
)
def test_cancelled_while_the_contract_has_no_end_is_told(contracts: list[Any], said: list[Any], n: int) -> None:
    tables = {
        "subscriptions": pd.DataFrame(contracts, columns=["customer_id", "start", "end"]),
        "cancellations": pd.DataFrame(said, columns=["customer_id", "timestamp"]),
    }
    data = kb.open_dataset(tables, as_of="2023-07-01")
    assert data.quality().unended == n
    told = [note for note in data.notes if "a contract without an end" in note]
    assert len(told) == bool(n)
    if n:
        assert f"{n} customer" in told[0]
