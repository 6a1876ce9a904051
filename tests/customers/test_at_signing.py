from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.customers.at_signing import Prospects, prospects
from kbind.customers.levels import Attribute
from kbind.customers.words import BOND, PROTECTED, names_one, protected_columns
from simulations.company import simulate_saas

ROLES = {"churned": "churned", "tenure": "tenure", "revenue": "paid"}


def flagged() -> kb.Dataset:
    """Five customers with a flag; two are alike in everything."""
    people = {
        "customer_id": range(5),
        "plan": ["s", "s", "s", "l", None],
        "tenure": [3, 3, 14, 12, 30],
        "paid": [10.0, 10.0, 20.0, 5.0, None],
        "churned": [True, True, False, True, False],
    }
    return kb.open_dataset({"customers": pd.DataFrame(people)}, roles=ROLES)


def contracts() -> kb.Dataset:
    """Three customers with contracts: one leaves after half a year, one after two, one is still there after three."""
    rows = {
        "customer_id": [1, 2, 2, 3, 3],
        "start": ["2021-01-01", "2021-01-01", "2022-01-01", "2021-01-01", "2021-01-01"],
        "end": ["2021-07-01", "2022-01-01", "2023-01-01", None, None],
        "mrr": [10.0, 20.0, 30.0, 40.0, 5.0],
    }
    people = {"customer_id": [1, 2, 3], "plan": ["s", "s", "l"]}
    tables = {"customers": pd.DataFrame(people), "subscriptions": pd.DataFrame(rows)}
    return kb.open_dataset(tables, as_of="2024-01-01")


def by_months(p: Prospects, **columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"months": p.months, **columns}).sort_values("months").reset_index(drop=True)


def test_prospects_counts_customers_with_a_flag() -> None:
    p = prospects(flagged())
    assert not p.rate
    assert sorted(p.n.tolist()) == [1, 1, 1, 2]  # two are alike
    found = by_months(p, n=p.n, gone=p.gone, size=p.size, first=p.first_size, first_gone=p.first_gone, paid=p.revenue)
    assert found["months"].tolist() == [3, 12, 14, 30]
    assert found["n"].tolist() == [2, 1, 1, 1]
    assert found["gone"].tolist() == [True, True, False, False]
    assert found["size"].tolist() == [1, 1, 1, 1]
    assert found["first"].tolist() == [1, 1, 0, 0]
    assert found["first_gone"].tolist() == [1, 1, 0, 0]
    assert found["paid"].tolist()[:3] == [10, 5, 20]
    assert np.isnan(found["paid"].iloc[3])


def test_prospects_counts_months_at_risk_under_contracts() -> None:
    p = prospects(contracts())
    assert p.rate
    found = by_months(p, gone=p.gone, size=p.size, first=p.first_size, first_gone=p.first_gone, paid=p.revenue)
    assert found["months"].tolist() == pytest.approx([6, 24, 36])
    assert found["gone"].tolist() == [True, True, False]
    assert found["size"].tolist() == pytest.approx([6, 24, 36])
    assert found["first"].tolist() == pytest.approx([6, 12, 12])
    assert found["first_gone"].tolist() == [1, 0, 0]
    assert found["paid"].tolist() == [10, 20, 45]  # of the first contract; of two that begin together, the sum


def test_prospects_counts_from_entry_on() -> None:
    """Who came before recording began was not at risk of being seen to leave."""
    people = {"customer_id": [1, 2], "plan": ["s", "l"], "acquired_at": ["2020-01-01", "2021-06-01"]}
    rows = {"customer_id": [1, 2], "start": ["2020-01-01", "2021-06-01"], "end": ["2021-07-01", None]}
    tables = {"customers": pd.DataFrame(people), "subscriptions": pd.DataFrame(rows)}
    p = prospects(kb.open_dataset(tables, as_of="2022-06-01", recorded_from="2021-01-01"))
    found = by_months(p, size=p.size, first=p.first_size)
    assert found["months"].tolist() == pytest.approx([12, 18])
    assert found["size"].tolist() == pytest.approx([12, 6])
    assert found["first"].tolist() == pytest.approx([12, 0])


def test_prospects_agrees_with_the_rate_of_leaving_by_durations() -> None:
    data = simulate_saas(1000, 24)
    p, lives = prospects(data), kb.durations(data)
    assert (p.n * p.gone).sum() == lives.n[lives.cause > 0].sum()
    assert (p.n * p.size).sum() == pytest.approx((lives.n * (lives.duration - lives.entry)).sum())


def test_prospects_knows_what_cannot_be_asked_at_sale(telco: kb.Dataset) -> None:
    barred = prospects(telco).barred
    assert barred["tenure"] == "not known at the time of sale"
    assert barred["total_charges"].startswith("grows with the time")
    assert "monthly_charges" not in barred
    assert "contract" not in barred


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), parts=st.integers(2, 5))
def test_divide_deals_out_every_customer_once(telco: kb.Dataset, seed: int, parts: int) -> None:
    p = prospects(telco)
    dealt = p.divide(parts, np.random.default_rng(seed))
    assert (dealt.sum(axis=0) == p.n).all()
    for who in (p.gone, ~p.gone):
        sizes = dealt[:, who].sum(axis=1)
        assert sizes.max() - sizes.min() <= 1


def test_divide_does_not_depend_on_the_order_of_rows(telco: kb.Dataset) -> None:
    turned = telco.table("customers").iloc[::-1].reset_index(drop=True)
    roles = {"churned": {"column": "churn", "value": "Yes"}, "tenure": "tenure", "revenue": "monthly_charges"}
    one, other = prospects(telco), prospects(kb.open_dataset({"customers": turned}, roles=roles))
    assert (one.divide(3, np.random.default_rng(1)) == other.divide(3, np.random.default_rng(1))).all()
    assert (one.revenue == other.revenue).all()


def test_prospects_needs_somebody_who_left() -> None:
    people = pd.DataFrame({"customer_id": [1, 2], "plan": ["a", "b"], "churned": [False, False]})
    with pytest.raises(kb.NotEnoughData, match="nobody of 2 customers.*has left"):
        prospects(kb.open_dataset({"customers": people}, roles={"churned": "churned"}))
    people = people.assign(churned=[None, True])
    with pytest.raises(kb.ArgumentError, match="1 customers.*no readable outcome"):
        prospects(kb.open_dataset({"customers": people}, roles={"churned": "churned"}))


@pytest.mark.parametrize(
    ("name", "ground"),
    [
        ("age", "age"), ("customer_age", "age"), ("AgeGroup", "age"), ("Geburtsjahr", "age"), ("Alter (Jahre)", "age"),
        ("senior_citizen", "age"), ("gender", "gender"), ("Geschlecht", "gender"), ("female", "gender"),
        ("Anrede", "gender"), ("Männlich", "gender"), ("Staatsangehörigkeit", "origin"), ("nationality", "origin"),
        ("country of birth", "origin"), ("Muttersprache", "origin"), ("Konfession", "religion"),
        ("Schwerbehinderung", "disability"), ("sexual_orientation", "sexual identity"),
        ("Gewerkschaftsmitglied", "opinion"),
    ],
)  # fmt: skip
def test_protected_columns_are_known_by_name(name: str, ground: str) -> None:
    assert protected_columns({name: Attribute(name, ("a", "b"), np.array([0, 1]))}, None) == {name: ground}


@pytest.mark.parametrize(
    "name", ["average_order", "storage", "package", "stage", "manager", "sextant", "verwaltung", "region", "industry"]
)
def test_protected_columns_leaves_others_alone(name: str) -> None:
    assert protected_columns({name: Attribute(name, ("a", "b"), np.array([0, 1]))}, None) == {}


def test_protected_columns_are_known_by_their_answers() -> None:
    columns = {"c7": Attribute("c7", ("Frau", "Herr"), np.array([0, 1])), "x": Attribute("x", ("m",), np.array([0]))}
    assert protected_columns(columns, None) == {"c7": "gender"}


def test_protected_columns_minds_an_edited_list_and_insistence() -> None:
    columns = {name: Attribute(name, ("0", "1"), np.array([0, 1])) for name in ("age", "Familienstand", "gender")}
    words = dict(PROTECTED) | {"family": ("Familienstand",)}
    del words["age"]
    assert protected_columns(columns, words) == {"Familienstand": "family", "gender": "gender"}
    assert protected_columns(columns, None, insist=["gender"]) == {"age": "age"}
    with pytest.raises(kb.ArgumentError, match="protected"):
        protected_columns(columns, {"age": "age"})


@pytest.mark.parametrize("name", ["contract", "Vertragslaufzeit", "notice_period", "Kündigungsfrist", "auto_renew"])
def test_bond_is_known_by_name(name: str) -> None:
    assert names_one(name, BOND)
    assert not names_one("terminal", BOND)


def test_prospects_knows_no_price_of_a_contract_that_begins_when_the_data_ends() -> None:
    people = {"customer_id": [1, 2], "plan": ["s", "l"], "churned": [True, False]}
    rows = {"customer_id": [1, 2], "start": ["2021-01-01", "2024-01-01"], "mrr": [10.0, 20.0]}
    tables = {"customers": pd.DataFrame(people), "subscriptions": pd.DataFrame(rows)}
    p = prospects(kb.open_dataset(tables, as_of="2024-01-01", roles={"churned": "churned"}))
    assert p.revenue[p.gone].tolist() == [10]
    assert np.isnan(p.revenue[~p.gone]).all()
