"""Habits of billing systems, shops and exports that users of other tools reported as wrong numbers."""

from itertools import pairwise

import pandas as pd
import pytest

import kbind as kb


def contracts(*rows, **more):
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "mrr"])
    return kb.open_dataset({"subscriptions": frame}, **more)


def months(data, **more):
    return kb.revenue_retention(data, **more).to_frame().set_index("period")


def left(data, **more):
    lives = kb.durations(data, **more).to_frame()
    return int((lives["event_observed"] * lives["n"]).sum())


def test_discount_that_expires_at_the_renewal_is_expansion_and_nothing_else():
    data = contracts(
        ("a", "2024-01-01", "2024-02-01", 10.0), ("a", "2024-02-01", None, 20.0), ("b", "2024-01-01", None, 10.0),
        as_of="2024-06-01",
    )  # fmt: skip
    table = months(data)
    moved = table[["new", "expansion", "contraction", "churn", "reactivation"]].sum()
    # customers of the first instant are there at the start, so they are new nowhere
    assert moved.to_dict() == {"new": 0, "expansion": 10, "contraction": 0, "churn": 0, "reactivation": 0}
    assert left(data) == 0


def test_renewals_of_the_31st_fall_on_the_last_day_of_shorter_months():
    anchors = ["2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
    steady = [("a", since, until, 30.0) for since, until in pairwise(anchors)]
    lost_anchor = ["2023-10-31", "2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29", "2024-03-29", "2024-04-29"]
    drifting = [("b", since, until, 30.0) for since, until in pairwise(lost_anchor)]
    data = contracts(*steady, *drifting, as_of="2024-04-15")
    assert left(data) == 0
    table = months(data)
    assert (table["churn"] == 0).all()
    assert (table["reactivation"] == 0).all()
    assert (table["start_mrr"].iloc[1:] == 60).all()


def test_customer_who_lapses_and_signs_again_within_a_window_left_nobody_behind():
    data = contracts(
        ("a", "2024-01-01", "2024-03-05", 10.0), ("a", "2024-03-25", None, 10.0), ("b", "2024-01-01", None, 10.0),
        as_of="2024-06-01",
    )  # fmt: skip
    march = months(data).loc["2024-03"]
    assert (march["churn"], march["reactivation"], march["start_mrr"], march["end_mrr"]) == (0, 0, 20, 20)
    # whoever asks when customers leave is told of it all the same
    assert left(data) == 1


def test_pause_of_a_month_is_churn_and_reactivation_unless_grace_covers_it():
    rows = [("a", "2024-01-01", "2024-03-01", 10.0), ("a", "2024-04-01", None, 10.0), ("b", "2024-01-01", None, 5.0)]
    strict = months(contracts(*rows, as_of="2024-07-01"))
    assert strict.loc["2024-03", "churn"] + strict.loc["2024-02", "churn"] == 10
    assert strict["reactivation"].sum() == 10
    patient = contracts(*rows, as_of="2024-07-01", grace="31D")
    assert months(patient)[["churn", "reactivation"]].sum().sum() == 0
    assert left(patient) == 0


def test_overlapping_contracts_are_one_stay_and_not_their_sum():
    data = contracts(
        ("a", "2024-01-01", "2024-07-01", 10.0), ("a", "2024-05-01", "2024-09-01", 10.0),
        ("b", "2024-01-01", None, 5.0),
        as_of="2025-01-01",
    )  # fmt: skip
    lives = kb.durations(data).to_frame()
    assert lives.loc[lives["event_observed"], "duration"].tolist() == [8]
    table = months(data)
    assert table["end_mrr"].max() == 25
    assert table["churn"].sum() == 10


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Pacific/Auckland", "America/Los_Angeles"])
def test_next_day_return_is_next_day_in_any_zone(zone):
    wall = pd.to_datetime(["2024-03-05 01:30", "2024-03-06 01:30", "2024-03-05 23:30", "2024-03-06 00:30"])
    moments = wall.tz_localize(zone).tz_convert("UTC")
    data = kb.open_dataset(
        {"events": pd.DataFrame({"customer_id": [1, 1, 2, 2], "timestamp": moments})}, timezone=zone, as_of="2024-03-08"
    )
    pooled = kb.cohort_retention(kb.activity(data, period="day")).pooled().set_index("age")
    assert pooled.loc[[0, 1, 2], "retention"].tolist() == [1, 1, 0]


@pytest.mark.parametrize("dates", [["01/04/2018", "05/06/2018"], ["3/4/18", "5/6/18"], ["01-04-2018", "02-05-2018"]])
def test_days_and_months_that_could_be_swapped_are_asked_for(dates, tmp_path):
    rows = "".join(f"{i},{day}\n" for i, day in enumerate(dates))
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n" + rows)
    with pytest.raises(kb.DatasetError, match="date_order|is not a date"):
        kb.open_dataset(tmp_path)


def test_refund_in_a_row_of_its_own_is_no_second_order():
    rows = [("a", "2024-01-05", 120.0, "o1"), ("a", "2024-01-20", -120.0, "o1"), ("b", "2024-01-07", 50.0, "o2"),
            ("b", "2024-02-07", 50.0, "o3")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount", "order_id"])
    data = kb.open_dataset({"events": frame}, as_of="2024-04-01")
    assert kb.purchases(data).repeat()["n"].tolist()[:3] == [2, 1, 0], "only customer b has ordered again"
    assert any("refund" in note for note in data.notes)


def test_entry_at_the_very_time_of_an_event_is_not_yet_at_risk():
    people = pd.DataFrame(
        {"customer_id": [1, 2, 3], "months": [5.0, 9.0, 9.0], "seen_from": [0.0, 5.0, 0.0], "gone": [True, True, False]}
    )
    roles = {"tenure": "months", "entry": "seen_from", "churned": "gone"}
    curve = kb.survival_curve(kb.open_dataset({"customers": people}, roles=roles)).to_frame().set_index("time")
    # at 5 the customers 1 and 3 are at risk; at 9 all who are left: 2 and 3; duration counts from age 0, not from entry
    assert curve.loc[5, "survival"] == pytest.approx(1 / 2)
    assert curve.loc[9, "survival"] == pytest.approx(1 / 4)
