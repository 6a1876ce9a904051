from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.errors import ArgumentError, NotEnoughData
from kbind.experiments.campaign import assigned, campaigns_of, everybody


def company(**more: pd.DataFrame) -> kb.Dataset:
    contracts = pd.DataFrame(
        [
            (1, "2023-01-01", None, 10),
            (2, "2023-01-01", "2024-04-01", 10),
            (3, "2023-01-01", "2024-03-15", 10),
            (3, "2024-03-15", None, 20),
            (4, "2023-01-01", "2024-02-15", 10),
            (5, "2023-01-01", "2024-03-01", 10),
            (6, "2023-01-01", "2024-05-30", 10),
            (7, "2023-01-01", "2023-06-01", 10),
            (7, "2024-01-01", None, 10),
            (8, "2023-01-01", None, 10),
            (9, "2023-01-01", "2024-05-31", 10),
        ],
        columns=["customer_id", "start", "end", "mrr"],
    )
    arms = ["treatment", "control", "treatment", "treatment", "control", "control", "treatment", "control", "control"]
    sent = pd.DataFrame({"customer_id": range(1, 10), "campaign": "call", "assigned_at": "2024-03-01", "arm": arms})
    again = pd.DataFrame({"customer_id": [8], "campaign": "call", "assigned_at": "2024-04-01", "arm": ["treatment"]})
    events = pd.DataFrame({"customer_id": 1, "timestamp": ["2023-12-15", "2024-02-15", "2024-03-05"]})
    frames = {"subscriptions": contracts, "campaigns": pd.concat([sent, again]), "events": events} | more
    return kb.open_dataset(frames, as_of="2024-12-01")


def test_assigned_counts_who_was_under_contract_and_how_it_ended() -> None:
    found = assigned(company(), "call", 90)
    assert list(found.customer_id) == [1, 2, 3, 6, 7, 8, 9]
    assert found.outside == 2
    assert list(found.treated) == [True, False, True, False, True, False, False]
    assert list(found.left) == [False, True, False, True, False, False, False]  # day 90 is within, day 91 is not
    assert list(found.duration[:4]) == [275, 31, 275, 90]
    assert list(found.event_observed) == [False, True, False, True, False, False, True]
    assert list(found.use) == [2, 0, 0, 0, 0, 0, 0]
    assert list(found.recent) == [1, 0, 0, 0, 0, 0, 0]
    assert list(found.revenue) == [10] * 7
    assert list(found.revenue_after) == [10, 0, 20, 0, 10, 10, 10]
    assert found.tenure[0] == pytest.approx(14)
    assert found.lived.all()
    assert np.isnan(found.propensity).all()


def test_assigned_knows_the_outcome_only_when_the_horizon_and_grace_are_over() -> None:
    # 275 days from the assignment to the end, of which grace takes one
    assert assigned(company(), "call", 273).lived.all()
    late = assigned(company(), "call", 274)
    assert not late.lived.any()
    assert np.isnan(late.revenue_after).all()


def shop(campaigns: pd.DataFrame) -> kb.Dataset:
    days = {1: ["2024-01-10", "2024-03-20"], 2: ["2024-01-10"], 3: ["2024-02-01", "2024-06-20"], 4: ["2024-05-01"]}
    rows = [(who, day, 10.0) for who, when in days.items() for day in when]
    events = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])
    return kb.open_dataset({"events": events, "campaigns": campaigns}, as_of="2024-12-01", lapse="60D")


def test_assigned_of_a_shop_asks_who_bought_again_and_compares_with_all_others() -> None:
    sent = pd.DataFrame({"customer_id": [1, 2], "campaign": "mail", "assigned_at": "2024-03-01"})
    found = assigned(shop(sent), "mail", 90)
    assert not found.held_back
    assert list(found.customer_id) == [1, 2, 3]  # the fourth became a customer later
    assert list(found.arm) == ["treatment", "treatment", "not chosen"]
    assert list(found.left) == [False, True, True]
    assert list(found.duration) == [19, 0, 0]  # the purchase before 60 days of silence; none: at once
    assert found.event_observed.all()
    assert list(found.spend) == [10, 10, 10]
    assert found.revenue_after[0] == pytest.approx(10 / (90 / (365.25 / 12)))


def test_assigned_takes_an_arm_with_those_left_alone() -> None:
    arms = ["25 %", "50 %", "Control"]
    sent = pd.DataFrame({"customer_id": [1, 2, 3], "campaign": "mail", "assigned_at": "2024-03-01", "arm": arms})
    found = assigned(shop(sent), "mail", 90, arm="50 %")
    assert list(found.arm) == ["50 %", "Control"]
    with pytest.raises(ArgumentError, match="arm='60 %' is no arm that was treated.*arms: 25 %, 50 %"):
        assigned(shop(sent), "mail", 90, arm="60 %")


def test_assigned_refuses_unknown_campaigns_and_empty_sides() -> None:
    with pytest.raises(ArgumentError, match="campaign='cal' is no campaign.*did you mean 'call'"):
        assigned(company(), "cal", 90)
    sent = pd.DataFrame({"customer_id": [4, 1], "campaign": "call", "assigned_at": "2024-03-01",
                         "arm": ["treatment", "control"]})  # fmt: skip
    with pytest.raises(NotEnoughData, match="nobody treated who was a customer on the day"):
        assigned(company(campaigns=sent), "call", 90)
    assert campaigns_of(company()) == ["call"]


def test_assigned_agrees_with_the_planted_outcomes() -> None:
    data = kb.datasets.load_saas()
    assert data.truth is not None
    for campaign in campaigns_of(data):
        found = assigned(data, campaign, 182)
        planted = (
            data.truth.outcomes.query("campaign == @campaign").set_index("customer_id").loc[list(found.customer_id)]
        )
        left = np.where(planted["arm"] == "treatment", planted["y1"], planted["y0"]).astype(bool)
        assert (left == found.left).all()


def test_everybody_are_the_customers_of_a_day() -> None:
    assert list(everybody(company(), 90).customer_id) == [1, 3, 7, 8]  # 92 days before the end
    assert list(everybody(company(), 250).customer_id) == [1, 2, 3, 6, 7, 8, 9]
    assert list(everybody(company(), 90, today=True).customer_id) == [1, 3, 7, 8]
