from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from sklearn.base import BaseEstimator, ClassifierMixin

import kbind as kb
from kbind.churn.risk_drivers import contributions, feature_groups
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.provenance import Provenance
from kbind.measures.occasions import Occasions

TERMS = {"cost": 1.0, "offer": 10.0, "acceptance": 0.3}


class Sum(ClassifierMixin, BaseEstimator):
    """The risk is the sum of the columns a and b; whatever else there is does not matter."""

    def fit(self, X: Any, y: Any) -> Sum:
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = (X["a"] + X["b"]).to_numpy()
        return np.column_stack([1 - p, p])


@pytest.fixture
def four(make_snapshots: Callable[..., Snapshots]) -> Snapshots:
    """Risks .8, .5, .3 and .0."""
    frame = pd.DataFrame({"a": [0.5, 0.2, 0.3, 0.0], "b": [0.3, 0.3, 0.0, 0.0], "c": [1.0, 2, 3, 4]})
    return make_snapshots(frame, np.full(4, np.nan), customer=np.array(["w", "x", "y", "z"], dtype=object))


# -- by hand --------------------------------------------------------------------------------------------------------


def test_contact_list_by_hand(four: Snapshots) -> None:
    """Worth 100 each: gain .8 * 27 - .2 * 10 - 1 = 18.6, .5 * 27 - 5 - 1 = 7.5, .3 * 27 - 7 - 1 = .1, -11."""
    found = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, **TERMS))
    assert found.customer.tolist() == ["w", "x", "y"]
    np.testing.assert_allclose(found.expected_gain, [18.6, 7.5, 0.1])
    assert found.expected.value == pytest.approx(26.2)
    assert (found.n_customers, found.n_contactable, found.n_worthwhile) == (4, 4, 3)
    # 90 with the chance .3 p, -10 with 1 - p, else nothing
    p = np.array([0.8, 0.5, 0.3])
    mean = 27 * p - 10 * (1 - p)
    half = 1.959963984540054 * np.sqrt((0.3 * p * 90**2 + (1 - p) * 10**2 - mean**2).sum())
    assert found.expected.interval == pytest.approx((26.2 - half, 26.2 + half))
    small = kb.contact_list(Sum(), four, kb.Campaign(budget=32.99, value=100, **TERMS))
    assert small.customer.tolist() == ["w", "x"]  # 11 for each; the third does not fit


def test_nobody_is_contacted_who_would_bring_nothing(four: Snapshots) -> None:
    free = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, cost=0, offer=0, acceptance=0.3))
    assert free.customer.tolist() == ["w", "x", "y"]  # a call to z costs nothing and gains nothing


def test_expected_gain_goes_before_risk(four: Snapshots) -> None:
    """A year of money: 60, 240, 1200, 12. The riskiest brings .8 * 15 - 2 - 1 = 9, the third .3 * 357 - 8 = 99.1."""
    found = kb.contact_list(Sum(), replace(four, value=np.array([5.0, 20, 100, 1])), kb.Campaign(budget=1000, **TERMS))
    assert found.customer.tolist() == ["y", "x", "w"]
    np.testing.assert_allclose(found.expected_gain, [99.1, 28.5, 9.0])


def test_nobody_is_the_answer_where_that_is_best(four: Snapshots) -> None:
    found = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=20, **TERMS))
    assert len(found.customer) == len(found.to_frame()) == 0
    assert found.definition.startswith("Contact nobody: no customer")
    assert found.expected.value == 0
    poor = kb.contact_list(Sum(), four, kb.Campaign(budget=10, value=100, **TERMS))
    assert poor.definition.startswith("Contact nobody: the budget of 10")


def test_only_customers_with_consent_where_it_is_recorded(four: Snapshots) -> None:
    asked = replace(four, consent=np.array([0.0, 1.0, np.nan, 1.0]))
    found = kb.contact_list(Sum(), asked, kb.Campaign(budget=1000, value=100, **TERMS))
    assert found.customer.tolist() == ["x"]  # the third never said
    assert (found.n_contactable, found.n_worthwhile) == (2, 1)


def occasions_of(rows: list[tuple[str, str]], sleeping: list[str]) -> Occasions:
    """Occasions of customers, the most urgent first."""
    frame = pd.DataFrame(rows, columns=["customer_id", "occasion"]).assign(
        measure="next_phase", channel="call", not_before=pd.Timestamp("2024-07-01")
    )
    return Occasions(
        at=datetime(2024, 7, 1),
        frame=frame,
        effects={},
        missing={},
        n_customers=4,
        n_no_consent=0,
        n_sleeping=len(sleeping),
        sleeping=np.array(sleeping, dtype=object),
        every=30,
        provenance=Provenance("made by hand", None, None),
    )


def test_customers_on_the_list_get_their_most_urgent_occasion(four: Snapshots) -> None:
    given_ = occasions_of([("w", "term_ends"), ("y", "ticket_bad"), ("w", "milestone"), ("z", "milestone")], ["x"])
    found = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, **TERMS), occasions=given_)
    assert found.customer.tolist() == ["w", "y"]  # x pays without using
    assert found.n_contactable == 3
    frame = found.to_frame()
    assert frame["occasion"].tolist() == ["term_ends", "ticket_bad"]
    assert frame["channel"].tolist() == ["call", "call"]
    plain = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, **TERMS))
    assert "occasion" not in plain.to_frame()


def test_who_is_woken_for_a_proven_occasion_is_on_the_list(four: Snapshots) -> None:
    given_ = occasions_of([("x", "term_ends")], ["x", "y"])
    found = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, **TERMS), occasions=given_)
    frame = found.to_frame()
    assert frame["customer_id"].tolist() == ["w", "x"]
    assert frame["occasion"].isna().tolist() == [True, False]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=4, max_size=4), st.sets(st.sampled_from("wxyz")))
def test_no_list_with_occasions_holds_a_customer_without_consent(
    make_snapshots: Any, consent: list[float], sleeping: set[str]
) -> None:
    frame = pd.DataFrame({"a": [0.9, 0.8, 0.7, 0.6], "b": 0.0})
    people = np.array(list("wxyz"), dtype=object)
    seen = make_snapshots(frame, np.full(4, np.nan), customer=people, consent=np.array(consent))
    given_ = occasions_of([(customer, "term_ends") for customer in "wxyz" if customer not in sleeping], [*sleeping])
    found = kb.contact_list(Sum(), seen, kb.Campaign(budget=1000, value=100, **TERMS), occasions=given_)
    allowed = dict(zip("wxyz", consent, strict=True))
    recorded = not np.isnan(consent).all()
    assert all(customer not in sleeping for customer in found.customer)
    assert not recorded or all(allowed[customer] == 1 for customer in found.customer)


def test_the_last_date_counts(four: Snapshots) -> None:
    dates = np.array(["2024-01-01", "2024-01-01", "2024-02-01", "2024-02-01"], dtype="datetime64[us]")
    found = kb.contact_list(Sum(), replace(four, as_of=dates), kb.Campaign(budget=1000, value=100, **TERMS))
    assert found.customer.tolist() == ["y"]
    assert found.as_of == dates[-1]
    assert found.n_customers == 2


def test_reasons_are_what_raises_the_risk(four: Snapshots) -> None:
    """Of w, a is .25 above the mean of all and b .15; c does not matter. Of y, only a is above."""
    found = kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, **TERMS))
    frame = found.to_frame()
    assert frame["reason_1"].tolist() == ["a", "b", "a"]
    assert frame["reason_2"].fillna("").tolist() == ["b", "", ""]
    first = found.reasons.query("customer_id == 'w'")
    np.testing.assert_allclose(first["effect"], [0.25, 0.15])
    assert first["value"].tolist() == [0.5, 0.3]
    assert "causes" not in found.definition


def test_a_model_by_name_is_fitted_here_and_who_has_left_is_not_called(make_snapshots: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    left = rng.random(400) < 1 / (1 + np.exp(1 - 2 * x))
    seen = make_snapshots(pd.DataFrame({"x": x, "never": np.nan}), left)
    for name, chosen in (("logistic", "logistic"), ("boosting", "boosting"), ("default", "logistic")):
        found = kb.contact_list(name, seen, kb.Campaign(budget=1e6, value=100, **TERMS))
        assert found.chosen == chosen
        assert found.n_customers == (~left).sum()
        assert not left[found.customer.astype(int)].any()
    by_hand = kb.contact_list(kb.ChurnClassifier().fit(seen), seen, kb.Campaign(budget=1e6, value=100, **TERMS))
    pd.testing.assert_frame_equal(by_hand.to_frame(), found.to_frame())
    with pytest.raises(kb.ArgumentError, match="is for models by name"):
        kb.contact_list(kb.ChurnClassifier().fit(seen), seen, kb.Campaign(budget=1e6, value=100, **TERMS), keep="x")


def test_model_has_to_be_fitted(four: Snapshots) -> None:
    with pytest.raises(kb.ArgumentError, match="ChurnClassifier is not fitted"):
        kb.contact_list(kb.ChurnClassifier(), four, kb.Campaign(budget=1000, value=100, **TERMS))
    with pytest.raises(kb.ArgumentError, match="gives no probabilities"):
        kb.contact_list(3, four, kb.Campaign(budget=1000, value=100, **TERMS))
    with pytest.raises(kb.ArgumentError, match="did you mean 'logistic'"):
        kb.contact_list("logistics", four, kb.Campaign(budget=1000, value=100, **TERMS))
    with pytest.raises(kb.NotEnoughData, match="none of 4 snapshots has a known outcome"):
        kb.contact_list("logistic", four, kb.Campaign(budget=1000, value=100, **TERMS))
    with pytest.raises(kb.ArgumentError, match="budget=-1 is no amount"):
        kb.contact_list(Sum(), four, kb.Campaign(budget=-1, value=100, **TERMS))


@pytest.mark.parametrize("rng", ["abc", -1, 1.5])
def test_contact_list_refuses_what_starts_no_random_numbers(four: Snapshots, rng: Any) -> None:
    with pytest.raises(kb.ArgumentError, match=f"rng={rng!r} starts no random numbers"):
        kb.contact_list(Sum(), four, kb.Campaign(budget=1000, value=100, **TERMS), rng=rng)


# -- what always holds ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(1, 300), st.floats(0, 5000))
def test_no_other_list_within_the_budget_is_expected_to_bring_more(
    make_snapshots: Any, seed: int, value: float, budget: float
) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.uniform(0, 0.9, 60), "b": 0.05})
    found = kb.contact_list(
        Sum(), make_snapshots(frame, np.full(60, np.nan)), kb.Campaign(budget=budget, value=value, **TERMS)
    )
    gains = found.terms.gain((frame["a"] + frame["b"]).to_numpy())
    assert len(found.customer) * 11 <= budget + 1e-9
    other = rng.permutation(60)[: len(found.customer)]
    assert gains[other].sum() <= found.expected.value + 1e-9
    assert found.expected.value >= 0
    assert found.expected.ci_lower <= found.expected.value <= found.expected.ci_upper


def test_interval_holds_what_lists_bring_if_probabilities_are_right(make_snapshots: Any) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.uniform(0.2, 0.9, 300), "b": 0.05})
    found = kb.contact_list(
        Sum(), make_snapshots(frame, np.full(300, np.nan)), kb.Campaign(budget=2200, value=200, **TERMS)
    )
    leaves = rng.random((4000, len(found.customer))) < found.probability
    accepts = rng.random(leaves.shape) < 0.3
    money = np.where(leaves, accepts * 190.0, -10.0) - 1.0
    inside = (money.sum(axis=1) >= found.expected.ci_lower) & (money.sum(axis=1) <= found.expected.ci_upper)
    assert money.sum(axis=1).mean() == pytest.approx(found.expected.value, rel=0.02)
    assert inside.mean() == pytest.approx(0.95, abs=0.015)


# -- features that go together --------------------------------------------------------------------------------------


def test_feature_groups_put_together_what_says_the_same() -> None:
    rng = np.random.default_rng(0)
    base, word = rng.normal(size=2000), rng.choice(["x", "y"], 2000)
    frame = pd.DataFrame(
        {
            "one": base,
            "two": -base + rng.normal(0, 0.2, 2000),
            "alone": rng.normal(size=2000),
            "word": word,
            "same": np.where(word == "x", "internet", "none"),
            "constant": 1.0,
            "unknown": np.nan,
        }
    )
    assert feature_groups(frame) == [["one", "two"], ["alone"], ["word", "same"], ["constant"], ["unknown"]]
    assert feature_groups(frame[["one"]]) == [["one"]]


def test_contributions_exchange_a_group_together() -> None:
    """With a and b in one group their sum is exchanged: .8 - mean(.8, 0) = .4."""
    frame = pd.DataFrame({"a": [0.5, 0.0], "b": [0.3, 0.0]})
    found = contributions(Sum(), frame, np.array([0]), [["a", "b"], ["a"], ["b"]], np.array([0, 1]))
    np.testing.assert_allclose(found, [[0.4, 0.25, 0.15]])


# -- files ----------------------------------------------------------------------------------------------------------


def test_files_are_safe_to_open(make_snapshots: Any, tmp_path: Path) -> None:
    names = ["=1+1", "+49 89", "-5", "@SUM(A1)", "\tx", "\rx", "plain", 12, "a\x00b"]
    frame = pd.DataFrame({"a": np.linspace(0.9, 0.5, 9), "b": 0.05, "=danger": 1.0})
    snapshots = make_snapshots(frame, np.full(9, np.nan), customer=np.array(names, dtype=object))
    found = kb.contact_list(Sum(), snapshots, kb.Campaign(budget=1e6, value=1000, **TERMS))
    found.to_csv(tmp_path / "list.csv")
    with (tmp_path / "list.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:7]] == ["'=1+1", "'+49 89", "'-5", "'@SUM(A1)", "'\tx", "'\rx"]
    assert [row[0] for row in rows[7:9]] == ["plain", "12"]
    assert not any(cell.startswith(("=", "@", "\t", "\r")) for row in rows for cell in row)
    found.to_excel(tmp_path / "list.xlsx")
    sheet = load_workbook(tmp_path / "list.xlsx").active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells[:4]] == names[:4]  # as they are, and as text
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert cells[7].value == 12
    assert cells[8].value == "a\ufffdb"
    assert sheet["B2"].value == pytest.approx(0.95)
