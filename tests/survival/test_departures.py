from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

import kbind as kb
from kbind.survival.departures import departures

YEAR = datetime(2023, 1, 1), datetime(2024, 1, 1)


def contracts(*rows: tuple[int, str, str | None, float]) -> kb.Dataset:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "mrr"])
    return kb.open_dataset({"subscriptions": frame}, as_of="2024-07-01")


def test_departures_by_hand() -> None:
    """One at the end of a year's contract, one in month 3, one whose contract is followed by another, one later on."""
    data = contracts(
        (1, "2022-05-01", "2023-05-01", 100),
        (2, "2023-02-01", "2023-04-11", 20),
        (3, "2022-01-01", "2023-06-01", 50),
        (3, "2023-06-01", None, 70),
        (4, "2023-01-01", "2024-02-01", 90),
    )
    found = departures(data, *YEAR).to_frame()
    assert found.values.tolist() == [[3, 1, 20], [12, 1, 100]]


def test_who_pays_for_two_contracts_at_once_takes_both_along() -> None:
    data = contracts((1, "2023-01-01", "2023-07-01", 10), (1, "2023-02-01", "2023-07-01", 30))
    found = departures(data, *YEAR)
    assert (found.month.tolist(), found.revenue.tolist(), found.squares.tolist()) == ([6], [40], [1600])


def test_end_of_the_year_counts_and_its_start_does_not() -> None:
    data = contracts((1, "2022-07-01", "2023-01-01", 10), (2, "2023-07-01", "2024-01-01", 30))
    assert departures(data, *YEAR).revenue.tolist() == [30]


def test_departures_need_revenue() -> None:
    frame = pd.DataFrame({"customer_id": [1], "start": ["2023-01-01"], "end": ["2023-07-01"]})
    with pytest.raises(kb.NotEnoughData, match="does not tell what customers pay"):
        departures(kb.open_dataset({"subscriptions": frame}, as_of="2024-07-01"), *YEAR)
