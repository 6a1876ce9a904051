from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.survival.at_risk import risk_table
from kbind.survival.durations import Durations
from kbind.survival.plain_durations import regroup


@pytest.fixture
def by_two() -> Durations:
    customers = {"customer_id": range(6), "plan": [*list("ababa"), None], "region": [2, 1, 1, 2, 2, 1]}
    contracts = {
        "customer_id": range(6),
        "start": ["2023-01-01"] * 6,
        "end": ["2023-03-01", "2023-03-01", "2023-03-01", None, "2023-04-01", "2023-03-01"],
    }
    tables = {"customers": pd.DataFrame(customers), "subscriptions": pd.DataFrame(contracts)}
    return kb.durations(kb.open_dataset(tables, as_of="2023-06-01"), by=["plan", "region"])


def test_regroup_sums_over_what_is_dropped(by_two: Durations) -> None:
    plans = regroup(by_two, "plan")
    assert plans.by == ("plan",)
    assert plans.groups == (("a",), ("b",), (None,))
    rows = sorted(
        zip(plans.group.tolist(), plans.duration.round(6).tolist(), plans.cause.tolist(), plans.n.tolist(), strict=True)
    )
    assert rows == [(0, 2, 1, 2), (0, 3, 1, 1), (1, 2, 1, 1), (1, 5, 0, 1), (2, 2, 1, 1)]
    everybody = regroup(by_two, ())
    assert (everybody.by, everybody.groups) == ((), ((),))
    assert everybody.n.tolist() == [4, 1, 1]
    assert (everybody.customers, everybody.events) == (by_two.customers, by_two.events)


def test_regroup_keeps_what_was_asked_for(by_two: Durations) -> None:
    assert regroup(by_two, None) is by_two
    assert regroup(by_two, ["plan", "region"]) is by_two
    turned = regroup(by_two, ["region", "plan"])
    assert turned.groups[0] == (1, "a")
    assert turned.customers == 6
    with pytest.raises(
        kb.ArgumentError, match=r"by='regoin' does not split.*did you mean 'region'\? columns: plan, region"
    ):
        regroup(by_two, "regoin")
    with pytest.raises(kb.ArgumentError, match="they have no columns"):
        regroup(regroup(by_two, ()), "plan")


def test_risk_table_counts_who_is_there(by_two: Durations) -> None:
    table = risk_table(by_two, np.ones(len(by_two.n), dtype=bool))
    assert table.times.round(6).tolist() == [2, 3, 5]
    assert table.at_risk.tolist() == [6, 2, 1]
    assert table.events.tolist() == [[4, 1, 0]]
    chosen = risk_table(by_two, np.ones(len(by_two.n), dtype=bool), np.array([0.0, 2.5, 3.0, 9.0]))
    assert chosen.at_risk.tolist() == [6, 2, 2, 0]
    assert chosen.events.tolist() == [[0, 0, 1, 0]]
