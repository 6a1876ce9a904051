from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.hearsay.customer_counts import Share, first_devices, kept_for_a_year, referrals_by_age


def test_kept_for_a_year_by_hand() -> None:
    """As of 1 March 2024: a, b, c, d had a contract on 1 March 2023; b has a new one, c has left, d is open."""
    rows = [
        ("a", "2022-01-01", None),
        ("b", "2022-01-01", "2023-06-01"),
        ("b", "2023-09-01", None),
        ("c", "2023-03-01", "2023-12-01"),
        ("d", "2021-05-01", "2024-03-01"),
        ("e", "2022-01-01", "2023-03-01"),  # gone that very day
        ("f", "2023-03-02", None),
    ]
    contracts = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    data = kb.open_dataset({"subscriptions": contracts}, as_of="2024-03-01")
    assert kept_for_a_year(data) == Share(3, 4)
    running = kb.open_dataset({"subscriptions": contracts.drop(columns="end").iloc[:2]}, as_of="2024-03-01")
    assert kept_for_a_year(running) == Share(2, 2)


def test_first_devices_by_hand() -> None:
    rows = [
        ("a", "2024-01-01 10:00", " Mobile "), ("a", "2024-01-01 10:05", "desktop"), ("a", "2024-01-02", "tablet"),
        ("b", "2024-01-01", "Smartphone"),
        ("c", "2024-01-01", None), ("c", "2024-01-02", "iPad"), ("c", "2024-01-03", "phone"),
        ("d", "2024-01-01", "fridge"), ("d", "2024-01-01", "laptop"), ("d", "2024-01-04", "pc"),
        ("e", "2024-01-09", "phone"),
    ]  # fmt: skip
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "device"])
    data = kb.open_dataset({"events": log}, as_of="2024-01-08")
    assert first_devices(data) == {
        ("phone", "computer"): 1,
        ("phone", ""): 1,
        ("tablet", "phone"): 1,
        ("computer", "computer"): 1,  # of two at once, the first in the alphabet
    }


def test_first_events_from_before_recording_are_not_known() -> None:
    log = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["2024-01-05"] * 2, "device": ["phone"] * 2})
    people = pd.DataFrame({"customer_id": ["a", "b"], "acquired_at": ["2020-01-01", "2024-01-04"]})
    tables = {"events": log, "customers": people}
    assert first_devices(kb.open_dataset({"events": log})) == {("phone", ""): 2}
    assert first_devices(kb.open_dataset(tables)) == {}  # both were won before the first row
    assert first_devices(kb.open_dataset(tables, recorded_from="2024-01-01")) == {("phone", ""): 1}


def test_referrals_by_age_by_hand() -> None:
    """a refers b within the first year and d after it; b refers c; c's referral of e comes after c has left."""
    people = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "acquired_at": ["2020-01-01", "2020-07-01", "2020-08-01", "2021-06-01", "2021-12-31"],
            "referred_by": [None, "a", "b", "a", "c"],
        }
    )
    contracts = pd.DataFrame(
        {"customer_id": ["a", "c"], "start": ["2020-01-01", "2020-08-01"], "end": [None, "2021-10-31"]}
    )
    data = kb.open_dataset({"customers": people, "subscriptions": contracts}, as_of="2022-01-01")
    found = referrals_by_age(data)
    first_years = [366, 365, 365, 214, 1]
    later = [365, 184, 91, 0, 0]
    assert found.customers == 5
    assert found.sums.tolist() == [2, sum(first_years), 1, sum(later)]
    parts = np.array([[1, 1, 0, 0, 0], first_years, [1, 0, 0, 0, 0], later], dtype=float)
    np.testing.assert_allclose(found.products, parts @ parts.T)
    late = referrals_by_age(
        kb.open_dataset(
            {"customers": people, "subscriptions": contracts}, as_of="2022-01-01", recorded_from="2021-01-01"
        )
    )
    assert late.sums.tolist() == [0, 0 + 181 + 212 + 214 + 1, 1, sum(later)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.sampled_from(["phone", "pc", "tablet", "x"]))))
def test_first_devices_counts_every_customer_once(rows: list[tuple[Any, ...]]) -> None:
    rows = [*rows, (9, 0, "phone")]
    log = pd.DataFrame(rows, columns=["customer_id", "minute", "device"])
    log["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(log.pop("minute"), unit="min")
    counted = first_devices(kb.open_dataset({"events": log}))
    assert sum(counted.values()) == log["customer_id"].nunique()
    names = {"phone": "phone", "pc": "computer", "tablet": "tablet", "x": "other"}
    wanted: Counter[tuple[str, str]] = Counter()
    for _, own in log.groupby("customer_id"):
        moments = (
            own.groupby("timestamp")["device"].agg(lambda device: min(names[name] for name in device)).sort_index()
        )
        wanted[moments.iloc[0], moments.iloc[1] if len(moments) > 1 else ""] += 1
    assert counted == dict(wanted)
