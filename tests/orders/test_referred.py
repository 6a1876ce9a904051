"""Referred customers: by hand, and by channel and device what cohort retention says already."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.estimate.intervals import newcombe, wilson
from simulations.company import simulate_saas

NAN = np.nan


def shop(referred_by: list[object], **columns: list[object]) -> kb.Dataset:
    """Customers 1 to 6 come in January and February, 1 to 3 buy again the month after; complete up to April."""
    rows = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (3, 3), (4, 1), (5, 2), (6, 2)]
    events = pd.DataFrame(
        [(i, f"2024-{m:02d}-10", f"2024-{m}") for i, m in rows], columns=["customer_id", "timestamp", "x"]
    )
    people = pd.DataFrame({"customer_id": range(1, len(referred_by) + 1), "referred_by": referred_by} | columns)
    return kb.open_dataset({"events": events, "customers": people}, as_of="2024-04-01")


def test_referrals_by_hand() -> None:
    found = kb.referrals(shop([9, None, 1, None, None, 1]))
    frame = found.to_frame()
    assert frame["period"].tolist() == ["2024-01", "2024-02", "2024-03"]
    assert frame["new"].tolist() == [3, 3, 0]
    assert frame["referred"].tolist() == [1, 2, 0]
    np.testing.assert_array_equal(frame["share"], [1 / 3, 2 / 3, NAN])
    _, lower, upper = wilson([1, 2], [3, 3])
    np.testing.assert_allclose(frame[["share_ci_lower", "share_ci_upper"]].iloc[:2], np.column_stack([lower, upper]))


def test_referrals_retention_by_hand() -> None:
    """Referred 1, 3, 6: two of three come back; others 2, 4, 5: one of three."""
    frame = kb.referrals(shop([9, None, 1, None, None, 1])).retention().set_index("age")
    row = frame.loc[1]
    assert row[["at_risk_referred", "at_risk_others"]].tolist() == [3, 3]
    assert row[["referred", "others", "difference"]].tolist() == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    limits = [float(x) for x in newcombe(2, 3, 1, 3)]
    assert row[["difference", "difference_ci_lower", "difference_ci_upper"]].tolist() == pytest.approx(limits)
    without = kb.referrals(shop([9, None, 1, None, None, 1])).retention(exclude=["2024-01"]).set_index("age")
    assert without.loc[1, ["at_risk_referred", "at_risk_others"]].tolist() == [2, 1]
    assert without.loc[2, "at_risk_referred"] == 0
    assert without.loc[2, ["referred", "others", "difference", "difference_ci_upper"]].isna().all()


def test_referrals_leave_out_who_is_not_new() -> None:
    """1 was won before the data begins; 6 is not among the customers."""
    dates = ["2023-12-31", "2024-01-10", None, "2024-01-10", "2024-02-01"]
    found = kb.referrals(shop([9, None, 1, None, None], acquired_at=dates))
    assert found.to_frame()["new"].tolist() == [2, 2, 0]
    assert found.to_frame()["referred"].tolist() == [0, 1, 0]
    assert "Left out: 2 customers" in found.definition


def test_referrals_leave_out_periods_before_recording() -> None:
    data = shop([9, None, 1, None, None, 1])
    late = kb.open_dataset(
        {name: data.table(name) for name in data.tables}, as_of="2024-04-01", recorded_from="2024-01-15"
    )
    found = kb.referrals(late)
    assert found.to_frame()["period"].tolist() == ["2024-02", "2024-03"]
    assert found.retention().loc[1, ["at_risk_referred", "at_risk_others"]].tolist() == [2, 1]


def test_referrals_when_nobody_was_referred() -> None:
    frame = kb.referrals(shop([None, None, " ", None, None, None])).retention()
    assert frame["at_risk_referred"].eq(0).all()
    assert frame[["referred", "difference"]].isna().all().all()
    assert frame.loc[1, "others"] == pytest.approx(1 / 2)


def test_referrals_argument(toy: kb.Dataset) -> None:
    with pytest.raises(kb.NotEnoughData, match="referrals needs a column 'referred_by' in customers"):
        kb.referrals(toy)
    with pytest.raises(kb.ArgumentError, match="did you mean 'year'"):
        kb.referrals(toy, period="yaer")


def test_referrals_agree_with_the_activity_of_each_kind() -> None:
    """A column that says the same splits cohort retention into the same counts; referral does no harm, as planted."""
    data = kb.datasets.load_saas("b2c")
    people = data.table("customers")
    new = people["acquired_at"] >= data.recorded_from
    people["kind"] = np.where(new, np.where(people["referred_by"].isna(), "others", "referred"), None)
    again = kb.open_dataset(
        {"customers": people, "events": data.table("events")}, as_of=data.as_of, timezone=data.timezone
    )
    pooled = kb.cohort_retention(kb.activity(again, by="kind")).pooled().set_index(["kind", "age"])
    frame = kb.referrals(data).retention().set_index("age")
    for kind in ("referred", "others"):
        assert frame[f"at_risk_{kind}"].tolist() == pooled.loc[kind, "at_risk"].tolist()
        np.testing.assert_array_equal(frame[kind], pooled.loc[kind, "retention"])
    assert frame.loc[12, "difference_ci_upper"] > 0


@pytest.mark.parametrize("column", ["channel", "device"])
def test_cohort_retention_by_channel_and_device(column: str) -> None:
    """The channel or device of the first event, where customers have no such column."""
    data = simulate_saas(n_accounts=500, scenario="b2c")
    events = data.table("events")
    only = kb.open_dataset({"events": events}, as_of=data.as_of, timezone=data.timezone)
    pooled = kb.cohort_retention(kb.activity(only, by=column)).pooled().query("age == 0").set_index(column)["at_risk"]
    first = events.sort_values("timestamp").groupby("customer_id")[column].first()
    assert pooled.to_dict() == first.value_counts().to_dict()
