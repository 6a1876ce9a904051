"""Customers one by one: who has left, what they paid last, why they left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.customers.roster import read_columns, roster


def company() -> kb.Dataset:
    people = pd.DataFrame(
        {"customer_id": [3, 1, 2, 4], "industry": ["trade", " ", "health", "trade"], "seats": [5, 7, 9, None]}
    )
    contracts = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2, 3, 4],
            "start": ["2024-01-01", "2024-03-01", "2024-01-01", "2024-02-01", "2024-01-01", "2024-02-01"],
            "end": ["2024-03-01", "2024-05-01", "2024-04-01", "2024-04-01", None, "2024-03-01"],
            "mrr": [10, 15, 20, 5, 30, 40],
        }
    )
    goodbyes = pd.DataFrame(
        {"customer_id": [1, 1], "timestamp": ["2024-01-05", "2024-04-20"], "reason": ["price", "moved"]}
    )
    tables = {"customers": people, "subscriptions": contracts, "cancellations": goodbyes}
    return kb.open_dataset(tables, as_of="2024-07-01")


def test_roster_contracts_hand_computed() -> None:
    found = roster(company())
    assert list(found.customer_id) == [1, 2, 3, 4]
    assert list(found.left) == [True, True, False, True]
    # the last contract of 1, both contracts of 2 that end together
    assert found.revenue is not None
    assert list(found.revenue) == [15, 25, 30, 40]
    assert found.revenue_from == "subscriptions.mrr"
    assert found.reason is not None
    assert [found.reason.levels[code] if code >= 0 else None for code in found.reason.codes] == [
        "moved", None, None, None,
    ]  # fmt: skip
    industry = found.columns["industry"]
    assert not isinstance(industry, np.ndarray)
    assert list(industry.codes) == [-1, 0, 1, 1]
    assert np.array_equal(found.columns["seats"], [7, 9, 5, np.nan], equal_nan=True)


def test_roster_numbers_of_two_values_are_levels() -> None:
    people = pd.DataFrame({"customer_id": range(4), "flag": [0, 1, 1, 0], "churned": [True, False, True, False]})
    found = roster(kb.open_dataset({"customers": people}, roles={"churned": "churned"}))
    flag = found.columns["flag"]
    assert not isinstance(flag, np.ndarray)
    assert flag.levels == ("0", "1")


def test_roster_without_attributes_says_so() -> None:
    people = pd.DataFrame({"customer_id": range(2), "churned": [True, False]})
    with pytest.raises(kb.NotEnoughData, match="no attributes of customers are left"):
        roster(kb.open_dataset({"customers": people}, roles={"churned": "churned"}))


def test_roster_times_and_too_many_levels_are_refused() -> None:
    people = pd.DataFrame(
        {
            "customer_id": range(40),
            "name": [f"n{k}" for k in range(40)],
            "acquired_at": pd.Timestamp("2024-01-01"),
            "kind": ["a", "b"] * 20,
            "churned": [True, False] * 20,
        }
    )
    data = kb.open_dataset({"customers": people}, roles={"churned": "churned"})
    with pytest.raises(kb.ArgumentError, match="'acquired_at' holds times"):
        roster(data, attributes=["acquired_at"])
    with pytest.raises(kb.ArgumentError, match="'name' has 40 levels, and too few of 30 customers"):
        roster(data, attributes=["name"])
    found = roster(data)
    assert list(found.columns) == ["kind"]
    assert any("more than 30 levels" in note and note.endswith(": name.") for note in found.notes)


def test_read_columns_names_what_is_missing() -> None:
    with pytest.raises(kb.ArgumentError, match="new_data has no column 'industri'.*did you mean 'industry'"):
        read_columns(company(), ["industri"], [])
    with pytest.raises(kb.ArgumentError, match="'industry' holds no numbers"):
        read_columns(company(), ["industry"], ["industry"])
