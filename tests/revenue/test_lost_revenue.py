"""Who paid at the start of a window and no longer at its end."""

from datetime import datetime

import pandas as pd
import pytest

import kbind as kb
from kbind.revenue.lost_revenue import lost_revenue
from kbind.revenue.movements import movements

YEAR = datetime(2024, 1, 1), datetime(2025, 1, 1)


def contracts(*rows: tuple[str, str, str | None, float | None]) -> kb.Dataset:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "mrr"])
    return kb.open_dataset({"subscriptions": frame}, as_of="2025-03-01", grace="10D")


def test_lost_revenue_counts_what_was_paid_at_the_start() -> None:
    data = contracts(
        ("left", "2023-01-01", "2024-06-01", 10), ("two", "2023-01-01", "2024-02-01", 1),
        ("two", "2023-05-01", "2024-03-01", 2), ("stays", "2023-01-01", None, 100),
        ("new and gone", "2024-02-01", "2024-05-01", 40), ("gone before", "2023-01-01", "2023-12-01", 80),
        ("less", "2023-01-01", "2024-06-01", 70), ("less", "2024-05-01", None, 5),
    )  # fmt: skip
    who, revenue = lost_revenue(data, *YEAR)
    assert dict(zip(who.tolist(), revenue.tolist(), strict=True)) == {"left": 10, "two": 3}


def test_lost_revenue_bridges_gaps_within_grace() -> None:
    data = contracts(
        ("at the end", "2023-01-01", "2024-12-28", 10), ("at the end", "2025-01-05", None, 10),
        ("too late", "2023-01-01", "2024-12-20", 20), ("too late", "2025-01-05", None, 20),
        ("at the start", "2023-01-01", "2023-12-28", 30), ("at the start", "2024-01-03", "2024-04-01", 30),
    )  # fmt: skip
    who, revenue = lost_revenue(data, *YEAR)
    assert dict(zip(who.tolist(), revenue.tolist(), strict=True)) == {"at the start": 30, "too late": 20}


def test_lost_revenue_leaves_out_whose_amount_is_not_known() -> None:
    data = contracts(("a", "2023-01-01", "2024-06-01", None), ("b", "2023-01-01", "2024-06-01", 7))
    assert lost_revenue(data, *YEAR)[0].tolist() == ["b"]


@pytest.mark.parametrize("grace", ["1D", "30D"])
def test_lost_revenue_adds_up_to_the_churn_of_movements(grace: str) -> None:
    data = kb.datasets.load_saas("clear_segments").assuming(grace=grace)
    moved = movements(data, period="year")
    for place, label in enumerate(moved.calendar.labels[: moved.calendar.lived]):
        who, revenue = lost_revenue(data, datetime(int(label), 1, 1), datetime(int(label) + 1, 1, 1))
        assert len(who) == moved.counts["churn"][:, place].sum()
        assert revenue.sum() == pytest.approx(moved.amounts["churn"][:, place].sum() / moved.scale)
