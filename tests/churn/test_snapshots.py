from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.churn.snapshots.snapshot_table import Snapshots
from simulations.company import simulate_saas

Table = dict[str, list[Any]]
LOG: Table = {"customer_id": [1], "timestamp": ["2023-01-01"]}


def opened(as_of: str = "2025-01-01", **tables: Table) -> kb.Dataset:
    return kb.open_dataset({name: pd.DataFrame(table) for name, table in tables.items()}, as_of=as_of)


def contracts(*rows: tuple[Any, ...], columns: str = "customer_id start end mrr") -> Table:
    return {name: list(values) for name, values in zip(columns.split(), zip(*rows, strict=True), strict=True)}


def one(found: Snapshots, *names: str) -> list[float]:
    assert len(found.features) == 1
    return [found.features[name].iloc[0] for name in names]


RUNS = contracts((1, "2023-01-01", None, 10.0))


def test_snapshots_counts_events_in_half_open_windows() -> None:
    times = ["2023-05-31", "2024-03-03", "2024-05-02", "2024-05-31 23:59", "2024-06-01"]
    log: Table = {"customer_id": [1] * 5, "timestamp": times, "amount": [1.0, 0.1, 0.2, 0.3, 99.0]}
    found = kb.snapshots(opened(subscriptions=RUNS, events=log), as_of="2024-06-01")
    # 30 days before is 2 May, 90 days before 3 March: both inside; 365 days before is 2 June 2023
    assert one(found, "events_count_30", "events_count_90", "events_count_365") == [2, 3, 3]
    # exact, although .1 + .2 + .3 is not .6 in floating point
    sums = ("events_amount_sum_30", "events_amount_sum_90", "events_amount_sum_365", "events_amount_sum_change_90")
    assert one(found, *sums) == [0.5, 0.6, 0.6, 0.6]
    assert one(found, "events_change_90", "events_trend_30") == [3, 2 / (3 / 3)]
    assert one(found, "events_days_since") == [pytest.approx(1 / 1440)]
    # days apart: 277, 60, 29; two hundred and more are as usual as one
    assert one(found, "events_gap", "events_rhythm") == [60, 1 / 60]


def test_snapshots_separates_kinds_and_knows_no_last_one_without_any() -> None:
    log: Table = {
        "customer_id": [1, 1, 2],
        "timestamp": ["2024-05-20", "2024-05-31", "2024-01-01"],
        "kind": ["login", "login", "export"],
    }
    runs = contracts((1, "2023-01-01", None, 1.0), (2, "2023-01-01", None, 1.0), (3, "2023-01-01", None, 1.0))
    frame = kb.snapshots(opened(subscriptions=runs, events=log), as_of="2024-06-01").features
    assert frame["events_count_login_30"].tolist() == [2, 0, 0]
    assert frame["events_count_export_365"].tolist() == [0, 1, 0]
    np.testing.assert_array_equal(frame["events_days_since_login"], [1, np.nan, np.nan])
    np.testing.assert_array_equal(frame["events_days_since"], [1, 152, np.nan])
    np.testing.assert_array_equal(frame["events_trend_30"], [3, np.nan, np.nan])


def test_snapshots_reads_price_seats_and_their_change() -> None:
    rows = (
        (1, "2023-01-01", "2024-03-15", 100.0, 10, "small", 0.1),
        (1, "2024-03-15", "2024-09-01", 150.0, 12, "large", 0.0),
    )
    table = contracts(*rows, columns="customer_id start end mrr seats plan discount")
    found = kb.snapshots(opened(subscriptions=table), as_of="2024-06-01")
    assert one(found, "subscriptions_mrr", "subscriptions_seats", "subscriptions_discount") == [150, 12, 0]
    assert one(found, "subscriptions_mrr_change_90", "subscriptions_seats_change_365") == [50, 2]
    assert one(found, "subscriptions_mrr_price_per_seat", "subscriptions_plan") == [12.5, "large"]
    assert one(found, "subscriptions_number", "subscriptions_count_365", "tenure") == [1, 1, 517]
    assert found.value.tolist() == [150]


def test_snapshots_counts_tickets_that_close_later_as_open() -> None:
    table: Table = {
        "customer_id": [1] * 4,
        "opened": ["2023-01-01", "2024-04-01", "2024-05-30", "2024-06-01"],
        "closed": ["2023-02-01", None, "2024-06-01", None],
        "severity": [9, 1, 4, 9],
        "goodwill": [5.0, 7.0, None, 50.0],
    }
    found = kb.snapshots(opened(subscriptions=RUNS, tickets=table), as_of="2024-06-01")
    assert one(found, "tickets_open", "tickets_count_90", "tickets_days_since") == [2, 2, 2]
    names = ("tickets_severity_mean_365", "tickets_severity_last", "tickets_goodwill_sum_365")
    assert one(found, *names) == [2.5, 4, 7]


def test_snapshots_tells_on_how_few_answers_a_mean_rests() -> None:
    table: Table = {
        "customer_id": [1] * 5,
        "timestamp": ["2022-05-01", "2024-01-01", "2024-03-01", "2024-05-02", "2024-06-01"],
        "instrument": ["nps", "nps", "nps", "csat", "nps"],
        "score": [0, 8, 9, 4, 0],
    }
    found = kb.snapshots(opened(subscriptions=RUNS, feedback=table), as_of="2024-06-01")
    assert one(found, "feedback_score_last_nps", "feedback_score_mean_nps_365", "feedback_count_nps_365") == [9, 8.5, 2]
    assert one(found, "feedback_score_last_csat", "feedback_days_since_csat") == [4, 30]


def test_snapshots_counts_contacts_and_those_who_left() -> None:
    table: Table = {
        "customer_id": [1] * 5,
        "contact_id": [1, 2, 3, 4, 5],
        "side": ["ours", "ours", "theirs", "theirs", "theirs"],
        "start": [None, "2023-01-01", "2023-01-01", "2023-01-01", "2024-06-01"],
        "end": [None, "2024-05-01", "2024-06-01", "2024-01-01", None],
    }
    found = kb.snapshots(opened(subscriptions=RUNS, contacts=table), as_of="2024-06-01")
    assert one(found, "contacts_number_ours", "contacts_left_ours_90") == [1, 1]
    assert one(found, "contacts_number_theirs", "contacts_left_theirs_90") == [1, 0]


@pytest.mark.parametrize(
    ("end", "notice", "target", "lost"),
    [
        (None, None, 0, False),
        ("2024-12-31", "2024-07-01", 1, False),  # the notice counts, not the end
        ("2024-08-01", None, 1, False),  # without notice, the end
        ("2024-07-15", "2024-06-30", 0, True),  # given in the lead
        ("2024-06-01", None, 0, True),
        ("2024-12-31", "2024-06-01", 0, True),  # at the very moment: not known yet
        ("2024-12-31", "2024-09-29", 0, False),  # the first day after the window
        ("2024-12-31", "2024-09-28", 1, False),
    ],
)
def test_snapshots_takes_the_decision_for_the_target(end: str, notice: str, target: float, lost: bool) -> None:
    table = contracts((1, "2023-01-01", end, notice), columns="customer_id start end notice_at")
    found = kb.snapshots(opened(subscriptions=table, events=LOG), as_of="2024-06-01")
    assert found.target.tolist() == [target]
    assert found.lost_in_lead.tolist() == [lost]


def test_snapshots_leaves_out_who_is_gone_or_has_decided_or_is_not_there_yet() -> None:
    rows = (
        (1, "2023-01-01", None, None),
        (2, "2023-01-01", "2024-05-01", None),  # gone
        (3, "2023-01-01", "2024-09-01", "2024-05-31"),  # has given notice
        (4, "2024-06-01", None, None),  # begins at that moment
        (5, "2023-01-01", "2023-06-01", None),  # left, and is back
        (5, "2024-05-01", None, None),
        (6, "2023-01-01", None, None),  # has said so elsewhere
        (7, "2023-01-01", None, None),  # acquired later, whatever the contract says
        (8, "2023-01-01", None, None),  # acquired at that very moment
    )
    table = contracts(*rows, columns="customer_id start end notice_at")
    said: Table = {"customer_id": [5, 6], "timestamp": ["2023-05-01", "2024-05-01"]}
    acquired = ["2023-01-01"] * 6 + ["2024-07-01", "2024-06-01"]
    people: Table = {"customer_id": list(range(1, 9)), "acquired_at": acquired}
    found = kb.snapshots(opened(subscriptions=table, cancellations=said, customers=people), as_of="2024-06-01")
    assert found.customer.tolist() == [1, 5]
    assert found.features["cancellations_count"].tolist() == [0, 1]
    assert any("2 snapshots" in note for note in found.notes)


def test_snapshots_keeps_who_may_renew_within_the_grace_period() -> None:
    # ends that include their last day: nobody would be there on the first of a month
    rows = ((1, "2023-06-01", "2024-05-31", 1.0), (1, "2024-06-01", None, 2.0), (2, "2023-06-01", "2024-05-31", 3.0))
    found = kb.snapshots(opened(subscriptions=contracts(*rows), events=LOG), as_of="2024-06-01")
    assert found.customer.tolist() == [1, 2]
    assert found.value.tolist() == [1, 3]
    assert found.lost_in_lead.tolist() == [False, True]
    strict = kb.snapshots(opened(subscriptions=contracts(*rows), events=LOG).assuming(grace="0D"), as_of="2024-06-02")
    assert strict.customer.tolist() == [1]


def test_snapshots_needs_the_notice_of_every_contract() -> None:
    rows = ((1, "2023-01-01", "2024-12-01", "2024-05-01"), (1, "2023-01-01", "2024-12-01", "2024-07-10"))
    table = contracts(*rows, columns="customer_id start end notice_at")
    found = kb.snapshots(opened(subscriptions=table), as_of="2024-06-01")
    assert found.target.tolist() == [1]
    assert one(found, "subscriptions_number") == [2]


def test_snapshots_target_is_unknown_where_the_window_is_not_over() -> None:
    ends = contracts((1, "2023-01-01", "2024-08-01", 1.0), (2, "2023-01-01", "2024-06-10", 1.0))
    data = opened("2024-09-28", subscriptions=ends)
    np.testing.assert_array_equal(kb.snapshots(data, as_of="2024-06-01").target, [np.nan, np.nan])
    assert kb.snapshots(data, as_of="2024-06-01").lost_in_lead.tolist() == [False, True]
    np.testing.assert_array_equal(kb.snapshots(data, as_of="2024-05-31").target, [1, 0])


def test_snapshots_without_contracts_follows_the_lapse_rule() -> None:
    times = {
        1: ["2024-05-01", "2024-06-15", "2024-07-20", "2024-10-01"],  # silent from 20 July: too long on 15 September
        2: ["2024-05-30"],  # on 26 July
        3: ["2024-04-06"],  # 56 days of silence by then: not yet too long, but in the lead
        4: ["2024-04-05"],  # 57 days: gone
        5: ["2024-06-01"],  # not there yet
        6: ["2024-05-20", "2024-06-20", "2024-07-10"],  # tells us on 20 July
    }
    log = {"customer_id": [k for k, v in times.items() for _ in v], "timestamp": [t for v in times.values() for t in v]}
    said: Table = {"customer_id": [6], "timestamp": ["2024-07-20 12:00"]}
    found = kb.snapshots(opened(events=log, cancellations=said), as_of=["2024-06-01"])
    assert found.customer.tolist() == [1, 2, 3, 6]
    assert found.target.tolist() == [1, 1, 0, 1]
    assert found.lost_in_lead.tolist() == [False, False, True, False]
    later = kb.snapshots(opened(events=log, cancellations=said), as_of=["2024-07-25"])
    assert later.customer.tolist() == [1, 2, 5]  # who has said goodbye is left out, 2 leaves on the next day
    assert later.lost_in_lead.tolist() == [False, True, True]
    longer = kb.snapshots(opened(events=log, cancellations=said).assuming(lapse="57D"), as_of=["2024-06-01"])
    assert longer.customer.tolist() == [1, 2, 3, 4, 6]


def test_snapshots_silence_of_just_the_lapse_is_not_too_long() -> None:
    days = ["2024-05-30", "2024-07-25", "2024-09-10", "2024-10-20"]  # 56 days from the first to the second
    data = opened("2024-11-01", events={"customer_id": [1] * 4, "timestamp": days})
    assert kb.snapshots(data, as_of="2024-06-01").target.tolist() == [0]
    assert kb.snapshots(data.assuming(lapse="55D"), as_of="2024-06-01").target.tolist() == [1]


def test_snapshots_silence_that_is_not_over_with_the_data_is_not_known() -> None:
    log: Table = {"customer_id": [1], "timestamp": ["2024-05-30"]}  # 25 July is the 56th day of silence
    for end, lost in (("2024-07-25", False), ("2024-07-26", True)):
        found = kb.snapshots(opened(end, events=log), as_of="2024-06-01", lead="60D")
        assert found.lost_in_lead.tolist() == [lost]


def test_snapshots_goodbye_on_the_day_itself_is_not_known_yet() -> None:
    log: Table = {"customer_id": [1, 2], "timestamp": ["2024-05-20", "2024-05-20"]}
    said: Table = {"customer_id": [1, 2], "timestamp": ["2024-06-01", "2024-05-31"]}
    found = kb.snapshots(opened(events=log, cancellations=said), as_of="2024-06-01")
    assert found.customer.tolist() == [1]
    assert found.lost_in_lead.tolist() == [True]


def test_snapshots_value_without_contracts_is_revenue_a_month() -> None:
    log: Table = {
        "customer_id": [1, 1, 2],
        "timestamp": ["2022-01-01", "2024-05-20", "2024-05-22"],
        "amount": [500.0, 120.0, 7.0],
    }
    found = kb.snapshots(opened(events=log), as_of="2024-06-01")
    assert found.value.tolist() == [pytest.approx(120 / (365 / (365.25 / 12))), 7]


def test_snapshots_leaves_out_what_may_hold_the_future() -> None:
    people: Table = {
        "customer_id": [1, 2],
        "acquired_at": ["2023-01-01"] * 2,
        "churned": ["yes", "no"],
        "status": ["gone", "here"],
        "last_login": ["2024-06-30", "2024-12-30"],
        "birthday": ["1990-01-01", "1991-01-01"],
        "total_spent": [5, 6],
        "industry": ["trade", "health"],
        "consent": ["yes", "no"],
        "referred_by": [2, None],
    }
    frame = pd.DataFrame(people).astype({"birthday": "datetime64[us]", "last_login": "datetime64[us]"})
    runs = pd.DataFrame(contracts((1, "2023-01-01", None, 1.0), (2, "2023-01-01", None, 1.0)))
    data = kb.open_dataset(
        {"customers": frame, "subscriptions": runs}, as_of="2025-01-01", roles={"churned": "churned"}
    )
    found = kb.snapshots(data, as_of="2024-06-01")
    assert [meaning.name for meaning in found.meanings if meaning.table == "customers"] == [
        "industry",
        "customers_referred_by_flag",
    ]
    told = " ".join(found.notes)
    assert all(f"customers.{name}" in told for name in ("churned", "status", "last_login", "birthday", "total_spent"))
    assert found.consent.tolist() == [1, 0]
    assert found.features["customers_referred_by_flag"].tolist() == [1, 0]


@pytest.mark.parametrize(("first", "later", "kept"), [("yes", "no", True), ("no", "no", False), ("no", "yes", False)])
def test_snapshots_uses_auto_renew_only_if_notice_does_not_change_it(first: str, later: str, kept: bool) -> None:
    """What is said of notices after the date is not looked at."""
    rows = (
        (1, "2023-01-01", "2024-04-01", "2024-03-01", first),
        (2, "2023-01-01", None, None, "yes"),
        (3, "2023-01-01", "2024-10-01", "2024-08-01", later),
    )
    table = contracts(*rows, columns="customer_id start end notice_at auto_renew")
    found = kb.snapshots(opened(subscriptions=table), as_of="2024-06-01")
    assert ("subscriptions_auto_renew_flag" in found.features) == kept
    assert any("auto_renew" in note for note in found.notes) != kept


def test_snapshots_uses_the_end_of_a_term_only_if_it_is_not_moved_on() -> None:
    kept = contracts((1, "2023-01-01", None, "2024-01-01"), (2, "2024-01-01", None, "2024-12-31"),
                     (3, "2023-06-01", None, "2024-06-01"), columns="customer_id start end term_end")  # fmt: skip
    found = kb.snapshots(opened(subscriptions=kept), as_of="2024-06-01")
    np.testing.assert_array_equal(found.features["subscriptions_term_end_days_to"], [np.nan, 213, 0])
    # months of each other length: terms that were moved on until the customer left
    moved = [(k, "2023-01-01", None, f"{2024 + k // 12}-{k % 12 + 1:02d}-01") for k in range(6, 18)]
    found = kb.snapshots(
        opened(subscriptions=contracts(*moved, columns="customer_id start end term_end")), as_of="2024-06-01"
    )
    assert "subscriptions_term_end_days_to" not in found.features
    assert any("term_end" in note for note in found.notes)
    # with the length of a term, the next end is known all the same
    monthly = [(*row, 1) for row in moved]
    table = contracts(*monthly, columns="customer_id start end term_end term")
    found = kb.snapshots(opened(subscriptions=table), as_of="2024-06-02")
    assert set(found.features["subscriptions_term_end_days_to"]) == {29}


def test_snapshots_of_data_with_time_zones_uses_its_midnights() -> None:
    # 23:30 in New York on 31 May is 3:30 world time on 1 June
    log: Table = {"customer_id": [1, 1], "timestamp": ["2024-05-31T23:30:00-04:00", "2024-06-01T00:00:00-04:00"]}
    data = kb.open_dataset({"events": pd.DataFrame(log)}, timezone="America/New_York", as_of="2025-01-01")
    found = kb.snapshots(data, as_of="2024-06-01")
    assert one(found, "events_count_30", "events_days_since") == [1, pytest.approx(0.5 / 24)]


def test_snapshots_of_one_table_are_its_flag_and_attributes(telco: kb.Dataset) -> None:
    found = kb.snapshots(telco)
    assert found.features.shape == (7043, 19)
    assert np.isnat(found.as_of).all()
    assert found.target.sum() == 1869
    assert found.value[0] == found.features["monthly_charges"].iloc[0]
    assert [meaning.name for meaning in found.meanings if meaning.measure == "tenure"] == ["tenure"]
    assert found.features["contract"].cat.categories.tolist() == ["Month-to-month", "One year", "Two year"]
    assert np.isnan(found.features["total_charges"]).sum() == 11
    assert found.definition.startswith("One row per customer; target")


@pytest.mark.parametrize("bounds", [{"_CELLS": 400}, {"_NEAR_CELLS": 400}, {"_CELLS": 800, "_NEAR_ROWS": 500}])
def test_snapshots_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch, bounds: dict[str, int]) -> None:
    data = simulate_saas(200, rng=1)
    whole = kb.snapshots(data, as_of=["2024-01-01", "2024-03-01"])
    for name, most in bounds.items():
        monkeypatch.setattr(f"kbind.churn.snapshots.make.{name}", most)
    parts = kb.snapshots(data, as_of=["2024-01-01", "2024-03-01"])
    assert whole.customer.tolist() == parts.customer.tolist()
    pd.testing.assert_frame_equal(whole.features, parts.features, check_exact=True)
    np.testing.assert_array_equal(whole.target, parts.target)
    assert whole.notes == parts.notes
    # and nothing is left behind in the engine
    kb.snapshots(data, as_of="2024-01-01")


def test_dates_are_picked_one_horizon_apart_up_to_the_end_of_the_data() -> None:
    """Recorded from 2023-01-01 on, complete to 2025-01-01: none earlier than 90 days after the first."""
    data = opened(subscriptions=RUNS)
    found = kb.snapshots(data, horizon="200D")
    dates = ["2023-05-12", "2023-11-28", "2024-06-15", "2025-01-01"]
    pd.testing.assert_frame_equal(found.to_frame(), kb.snapshots(data, as_of=dates, horizon="200D").to_frame())
    assert found.notes[0] == f"as_of was not given; looked at {', '.join(dates)}, one horizon apart"


def test_snapshots_says_what_is_wrong(telco: kb.Dataset) -> None:
    data = opened(subscriptions=RUNS)
    with pytest.raises(kb.ArgumentError, match="lies behind the end of the data, 2025-01-01"):
        kb.snapshots(data, as_of=["2024-01-01", "2025-01-02"])
    with pytest.raises(kb.NotEnoughData, match="nobody who was a customer at as_of=2022-01-01"):
        kb.snapshots(data, as_of="2022-01-01")
    with pytest.raises(kb.ArgumentError, match="horizon='0D' leaves no window"):
        kb.snapshots(data, as_of="2024-01-01", horizon="0D")
    with pytest.raises(kb.ArgumentError, match="lead='soon' is no length"):
        kb.snapshots(data, as_of="2024-01-01", lead="soon")
    with pytest.raises(kb.ArgumentError, match="has no dates and so one snapshot"):
        kb.snapshots(telco, as_of="2024-01-01")
    with pytest.raises(kb.ArgumentError, match="is no data set"):
        kb.snapshots(pd.DataFrame(), as_of="2024-01-01")


@pytest.mark.parametrize(("lead", "target", "lost"), [("31D", 1, False), ("32D", 0, True)])
def test_snapshots_silence_is_too_long_on_the_day_after_the_lapse(lead: str, target: float, lost: bool) -> None:
    # 56 days after 30 May are 25 July: gone on the 26th, 31 days after 25 June
    log: Table = {"customer_id": [1], "timestamp": ["2024-05-30 18:00"]}
    found = kb.snapshots(opened(events=log), as_of="2024-06-25", lead=lead)
    assert found.target.tolist() == [target]
    assert found.lost_in_lead.tolist() == [lost]


def test_infinite_values_are_missing_and_told() -> None:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "ratio": [1.0, np.inf, -np.inf], "gone": [True, False, True]})
    data = kb.open_dataset({"customers": people}, roles={"churned": "gone"})
    assert kb.snapshots(data).features["ratio"].isna().tolist() == [False, True, True]
    told = "column 'ratio': is endless and counts as missing: row"
    assert data.notes == (f"frame 'customers', {told} 2 ('inf'), row 3 ('-inf')",)
    dated = opened(subscriptions=RUNS, customers={"customer_id": [1], "ratio": [np.inf]})
    assert f"frame 'customers', {told} 1 ('inf')" in dated.notes
    assert not any("infinite" in note for note in kb.snapshots(dated, as_of="2024-01-01").notes)


@pytest.mark.parametrize(("table", "name", "amount"), [
    ("subscriptions", "mrr", 1e200), ("subscriptions", "seats", 1e15), ("events", "amount", 1.7e308),
    ("events", "amount", -2e14),
])  # fmt: skip
def test_amounts_too_large_to_be_added_up_are_refused(table: str, name: str, amount: float) -> None:
    contracts = pd.DataFrame({"customer_id": [1, 2], "start": "2023-01-01", "end": [None, "2024-02-01"], "mrr": 1.0})
    log = pd.DataFrame({"customer_id": [1, 2], "timestamp": "2023-05-05", "amount": 1.0})
    tables = {"subscriptions": contracts, "events": log}
    tables[table][name] = [1.0, amount]
    with pytest.raises(kb.ArgumentError, match=f"{table}.*column '{name}' holds amounts up to .*allowed: up to 1e.14"):
        kb.snapshots(kb.open_dataset(tables, as_of="2024-06-01"), as_of=["2024-01-01"])
