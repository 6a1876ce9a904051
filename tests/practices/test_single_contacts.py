from __future__ import annotations

from math import exp, log

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.practices.service_recovery import MONTH


@pytest.fixture(scope="module")
def toy() -> kb.Dataset:
    """Four customers: one has two of ours, two share one of ours, one has left; one of theirs each but for the last."""
    contracts = {"customer_id": [1, 2, 3, 4], "start": ["2023-01-01"] * 4, "end": [None, None, None, "2023-06-01"],
                 "mrr": [100, 20, 50, 70]}  # fmt: skip
    people = [(1, 10, "ours", None), (1, 11, "ours", None), (2, 10, "ours", None), (3, 10, "ours", None),
              (3, 12, "ours", "2023-05-01"), (4, 10, "ours", "2023-05-20"), (1, 20, "theirs", None),
              (2, 21, "theirs", None), (3, 22, "theirs", None)]  # fmt: skip
    contacts = pd.DataFrame(people, columns=["customer_id", "contact_id", "side", "end"]).assign(start="2023-01-01")
    return kb.open_dataset({"subscriptions": pd.DataFrame(contracts), "contacts": contacts}, as_of="2024-01-01")


def test_single_contacts_by_hand(toy: kb.Dataset) -> None:
    found = kb.single_contacts(toy)
    frame = found.to_frame().set_index("side")
    assert frame[["customers", "single"]].values.tolist() == [[3, 2], [3, 3], [3, 3]]
    assert frame["revenue"].tolist() == [70, 170, 170]
    assert frame["hazard_ratio"].isna().all()  # too few lost anybody
    people = found.people()
    assert people.loc[people["contact_id"] == 10, ["accounts", "revenue"]].values.tolist() == [[2, 70]]
    leaves = found.if_leaves(10)
    assert (leaves.side, leaves.accounts, leaves.revenue) == ("ours", 2, 70)
    assert np.isnan(leaves.loss.value)
    with pytest.raises(kb.ArgumentError, match="contact_id=11: no account hangs on that person"):
        found.if_leaves(11)


def test_planted_effects_and_what_is_at_stake() -> None:
    """Losing the only one of ours: +0.90 in full in the month after; 0.20 where a consultant stayed; theirs 0.60."""
    data = kb.datasets.load_saas()
    assert data.truth is not None
    planted = data.truth.effects.set_index("name")["value"]
    found = kb.single_contacts(data, window="31D")
    expected = ((found.effects["ours"], "lost_manager"), (found.shared["ours"], "lost_manager_shared"),
                (found.effects["theirs"], "lost_champion"))  # fmt: skip
    for estimate, name in expected:
        assert log(estimate.ci_lower) < planted[name] < log(estimate.ci_upper), name
    most = found.if_leaves()
    mine = found.customers[found.customers["contact_id"] == most.contact_id]
    months = 31 / MONTH
    more = [exp(-h * months) - exp(-h * months * found.effects[most.side].value) for h in mine["hazard"]]
    assert most.leavers.value == pytest.approx(sum(more))
    assert most.loss.value == pytest.approx(np.dot(more, mine["revenue"]))
    assert 0 < most.loss.ci_lower < most.loss.value < most.loss.ci_upper < most.revenue
    people = found.people()
    assert people["loss"].is_monotonic_decreasing
    assert people["accounts"].sum() == len(found.customers)


def test_what_is_missing(toy: kb.Dataset) -> None:
    contacts, contracts = toy.table("contacts"), toy.table("subscriptions")
    without = kb.open_dataset({"subscriptions": contracts, "contacts": contacts.drop(columns="side")})
    with pytest.raises(kb.NotEnoughData, match="do not say on which side they are"):
        kb.single_contacts(without)
    free = kb.open_dataset({"subscriptions": contracts.drop(columns="mrr"), "contacts": contacts}, as_of="2024-01-01")
    assert np.isnan(kb.single_contacts(free).revenue["either"])
