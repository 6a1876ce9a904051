"""First activity is not acquisition: who was there before recording began is new nowhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kbind as kb

EVENTS = [("old", "2024-02-03"), ("old", "2024-03-05"), ("sleeper", "2024-04-20"), ("fresh", "2024-02-10"),
          ("fresh", "2024-04-02"), ("later", "2024-03-11"), ("unknown", "2024-03-30")]  # fmt: skip
WON = {"old": "2019-05-01", "sleeper": "2024-01-31", "fresh": "2024-02-03", "later": "2024-03-01", "unknown": None}


def shop(**more: object) -> kb.Dataset:
    log = pd.DataFrame(EVENTS, columns=["customer_id", "timestamp"]).assign(amount=5.0)
    people = pd.DataFrame({"customer_id": list(WON), "acquired_at": list(WON.values())})
    return kb.open_dataset({"events": log, "customers": people}, as_of="2024-05-01", **more)  # type: ignore[arg-type]


def test_who_was_won_before_the_log_begins_comes_back_and_is_not_new() -> None:
    """The log begins on 3 February: `old` and `sleeper` were won before, `fresh` on that very day."""
    found = kb.lifecycle(shop())
    frame = found.to_frame().set_index("period")
    assert frame["new"].tolist() == [1, 2, 0]
    assert frame["resurrected"].tolist() == [1, 0, 2]
    assert frame["retained"].tolist() == [0, 1, 0]
    assert frame["churned"].tolist() == [0, 1, 3]
    assert "2 customers were there before recording began: not new" in found.definition


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_the_accounts_of_the_life_cycle_still_balance(period: str) -> None:
    """Days of a year are more than masks hold, so that silences are counted instead."""
    rng = np.random.default_rng(5)
    log = pd.DataFrame({"customer_id": rng.integers(0, 60, 900), "timestamp": pd.Timestamp("2023-02-01")})
    log["timestamp"] += pd.to_timedelta(rng.integers(0, 330, 900), unit="D")
    won = pd.Timestamp("2023-02-01") + pd.to_timedelta(rng.integers(-200, 100, 60), unit="D")
    people = pd.DataFrame({"customer_id": range(60), "acquired_at": won, "side": ["a", "b"] * 30})
    data = kb.open_dataset({"events": log, "customers": people}, as_of="2024-01-01")
    frame = kb.lifecycle(kb.activity(data, period=period, by="side")).to_frame()
    first = log["timestamp"].min()
    firsts = log.groupby("customer_id")["timestamp"].min()
    fresh = firsts[(won[firsts.index] >= first)]
    assert 0 < len(fresh) < len(firsts)
    for side, group in frame.groupby("side"):
        before = group["active"].shift(fill_value=0)
        assert (group["active"] == group["new"] + group["retained"] + group["resurrected"]).all()
        assert (group["active"] == before - group["churned"] + group["new"] + group["resurrected"]).all()
        mine = fresh[[("a", "b")[i % 2] == side for i in fresh.index]]
        assert group["new"].sum() == (mine < pd.Timestamp("2024-01-01")).sum()


def test_they_are_of_no_cohort() -> None:
    cohorts = kb.cohort_retention(shop())
    sizes = cohorts.to_frame().drop_duplicates("cohort").set_index("cohort")["cohort_size"]
    assert sizes.tolist() == [1, 2, 0]
    assert "left out: 2 customers who came before recording began" in cohorts.definition
    assert kb.purchases(shop()).customers == 3
    assert kb.cohort_retention(shop(), bracket=(0, 1)).to_frame()["cohort_size"].tolist() == [1, 2, 0]


def test_the_data_set_says_so() -> None:
    assert any("2 customers were there before" in note and "as new" in note for note in shop().notes)
    young = kb.open_dataset({"events": pd.DataFrame(EVENTS, columns=["customer_id", "timestamp"])})
    assert not any("as new" in note for note in young.notes)


def test_a_stated_start_of_recording_goes_before_the_first_row() -> None:
    """From 1 March on: whoever has a row or a date of acquisition before is known."""
    data = shop(recorded_from="2024-03-01")
    frame = kb.lifecycle(data).to_frame().set_index("period")
    assert frame.index.tolist() == ["2024-03", "2024-04"]
    assert frame["new"].tolist() == [2, 0]
    assert frame["active"].tolist() == [3, 2]
    assert any("3 customers were there before" in note for note in data.notes)


CONTRACTS = [("old", "2024-01-05", None, 10.0), ("back", "2024-02-10", None, 7.0), ("fresh", "2024-01-06", None, 5.0),
             ("open", "2024-03-02", None, 2.0)]  # fmt: skip


def test_contracts_of_old_customers_are_no_new_revenue() -> None:
    log = pd.DataFrame(CONTRACTS, columns=["customer_id", "start", "end", "mrr"])
    won = ["2020-01-01", "2023-12-31", "2024-01-06", None]
    people = pd.DataFrame({"customer_id": log["customer_id"], "acquired_at": won})
    data = kb.open_dataset({"subscriptions": log, "customers": people}, as_of="2024-04-01")
    frame = kb.revenue_retention(data).to_frame()
    assert frame["new"].tolist() == [5, 0, 2]
    assert frame["reactivation"].tolist() == [10, 7, 0]
    assert kb.lifecycle(data).to_frame()["new"].tolist() == [1, 0, 1]
    entries = kb.durations(data).to_frame()["entry"]
    assert (entries > 0).sum() == 2
    alone = kb.open_dataset({"subscriptions": log}, as_of="2024-04-01")
    assert kb.revenue_retention(alone).to_frame()["new"].tolist() == [15, 7, 2]


def test_referred_customers_are_the_same_new_ones() -> None:
    log = pd.DataFrame(EVENTS, columns=["customer_id", "timestamp"])
    people = pd.DataFrame({"customer_id": list(WON), "acquired_at": list(WON.values()), "referred_by": None})
    people.loc[people["customer_id"].isin(["old", "later"]), "referred_by"] = "fresh"
    data = kb.open_dataset({"events": log, "customers": people}, as_of="2024-05-01")
    found = kb.referrals(data)
    assert found.to_frame()["new"].tolist() == kb.lifecycle(data).to_frame()["new"].tolist()
    assert found.to_frame()["referred"].tolist() == [0, 1, 0]
    assert "Left out: 2 customers" in found.definition
