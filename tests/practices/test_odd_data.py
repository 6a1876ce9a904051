"""Data as companies have it: shops, several words for those held back, terms that move on, prices that are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import kbind as kb
from kbind.bonds.items import read_items
from kbind.dataset.arms import treated
from kbind.engine.query import Query
from kbind.revenue.paying import mean_paid

ASKED_OF_CONTRACTS: dict[str, Callable[..., Any]] = {
    "early_warning": lambda data: kb.early_warning(data, "nps", threshold=6),
    "incident_effect": kb.incident_effect,
    "contact_pressure": kb.contact_pressure,
    "service_recovery": kb.service_recovery,
}


@pytest.fixture(scope="module")
def shop() -> kb.Dataset:
    events = pd.DataFrame(
        {"customer_id": [1, 1, 2, 2], "timestamp": ["2023-01-05", "2023-03-01", "2023-01-07", "2023-06-01"],
         "kind": ["order", "incident", "order", "order"]}
    )  # fmt: skip
    answers = pd.DataFrame({"customer_id": [1, 2], "timestamp": "2023-02-01", "instrument": "nps", "score": [3, 9]})
    tickets = pd.DataFrame({"customer_id": [1, 2], "opened": "2023-02-01", "closed": "2023-02-09", "kind": "fault"})
    sent = pd.DataFrame({"customer_id": [1, 2], "campaign": "spring", "assigned_at": "2023-02-01", "arm": "treatment"})
    tables = {"events": events, "feedback": answers, "tickets": tickets, "campaigns": sent}
    return kb.open_dataset(tables, as_of="2024-01-01")


@pytest.mark.parametrize("name", ASKED_OF_CONTRACTS)
def test_what_goes_before_leaving_is_not_asked_of_a_shop(shop: kb.Dataset, name: str) -> None:
    with pytest.raises(kb.NotEnoughData, match="has no contracts: leaving is the last event then"):
        ASKED_OF_CONTRACTS[name](shop)


@pytest.mark.parametrize(
    ("arm", "expected"),
    [("control", False), (" Kontrolle", False), ("Kontrollgruppe", False), ("HOLDOUT", False), ("0", False),
     ("false", False), ("treatment", True), ("voucher", True), ("1", True), ("  ", None), (None, None)],
)  # fmt: skip
def test_treated_knows_every_word_for_those_held_back(arm: str | None, expected: bool | None) -> None:
    sent = pd.DataFrame({"customer_id": [1, 2], "campaign": "c", "assigned_at": "2023-02-01", "arm": [arm, "x"]})
    data = kb.open_dataset({"campaigns": sent, "customers": pd.DataFrame({"customer_id": [1, 2]})}, as_of="2024-01-01")
    query = Query(data.engine).part(in_arm=treated(data))
    rows = query.select("SELECT _in_arm AS t FROM campaigns ORDER BY customer_id LIMIT 1")
    assert rows.column("t").to_pylist() == [expected]


def test_milestones_first_renewal_of_a_term_that_moved_on() -> None:
    # signed for a year and renewed twice: the day in term_end is the third; gone before it, but not before the first
    contracts = pd.DataFrame(
        {"customer_id": [1, 2], "start": "2020-01-01", "end": [None, "2022-06-01"],
         "term_end": ["2023-01-01", "2023-01-01"], "term": [12, 12]}
    )  # fmt: skip
    data = kb.open_dataset({"subscriptions": contracts}, as_of="2023-07-01")
    found = kb.milestones(data).customers().query("milestone == 'first_renewal'")
    assert found["due"].dt.strftime("%Y-%m-%d").tolist() == ["2021-01-01", "2021-01-01"]
    assert found["status"].tolist() == ["reached", "reached"]


def test_milestones_first_renewal_at_the_day_itself_without_a_length() -> None:
    contracts = pd.DataFrame({"customer_id": [1], "start": "2020-01-01", "end": [None], "term_end": ["2021-01-01"]})
    found = kb.milestones(kb.open_dataset({"subscriptions": contracts}, as_of="2023-07-01")).customers()
    assert found.query("milestone == 'first_renewal'")["due"].dt.year.tolist() == [2021]


def test_mean_paid_leaves_out_whom_nothing_is_known_of() -> None:
    contracts = {"customer_id": [1, 2, 3], "start": "2023-01-01", "mrr": [30.0, None, 50.0]}
    assert mean_paid(kb.open_dataset({"subscriptions": pd.DataFrame(contracts)}, as_of="2024-01-01")) == 40.0


def test_items_on_five_points_are_read_as_such() -> None:
    rows = [(k, "2023-02-01", f"bond_{bond}_{j}", 1 + (k + j) % 5)
            for k in range(40) for bond in ("affective", "forced") for j in (1, 2)]  # fmt: skip
    answers = pd.DataFrame(rows, columns=["customer_id", "timestamp", "instrument", "score"])
    contracts = pd.DataFrame({"customer_id": range(40), "start": "2022-01-01"})
    data = kb.open_dataset({"subscriptions": contracts, "feedback": answers}, as_of="2024-01-01")
    assert read_items(data, None).scale is None
    assert kb.bonding_scores(data).answers.scale == (1.0, 5.0)
