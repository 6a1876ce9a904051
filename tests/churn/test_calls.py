from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.churn.backtests import Backtest
from kbind.churn.evaluation import Calls, by_risk, calls_of
from kbind.churn.profit import Decision, Rows
from kbind.dataset.provenance import Provenance

MADE = Provenance("made by hand", None, None)


def rows_of(left: Any, lost: Any, date: Any, consent: Any = None, customer: Any = None) -> Rows:
    n = len(left)
    agreed = np.ones(n, dtype=bool) if consent is None else np.asarray(consent, dtype=bool)
    known = np.arange(n), np.asarray(left, dtype=float), np.asarray(lost, dtype=bool), agreed
    who = np.arange(n) if customer is None else np.asarray(customer)
    return Rows(*known, who, np.asarray(date), np.zeros(n, dtype=np.int64), np.zeros((n, 1)))


def called(rows: Rows, risk: Any, **terms: Any) -> Calls:
    given_terms = {"budget": 22.0, "cost": 1.0, "offer": 10.0, "acceptance": 0.5} | terms
    decision = Decision(**given_terms, value=np.full(len(rows.date), 110.0))
    dates = np.array(["2024-01-01", "2024-04-01"], dtype="datetime64[us]")[rows.date]
    return calls_of("m", rows, np.asarray(risk, dtype=float), decision, dates, MADE, 0.95)


def test_calls_by_hand() -> None:
    """Two calls a date: at the first a leaver and one gone already; at the second, a leaver, one without consent."""
    rows = rows_of([1, 0, 1, 0, 1, 0, 1], [0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1, 0])
    found = called(rows, [0.9, 0.8, 0.7, 0.1, 0.6, 0.5, 0.95])
    frame = found.to_frame()
    assert frame[["customers", "leavers", "called", "left", "stayed", "gone", "missed"]].to_numpy().tolist() == [
        [4, 2, 2, 1, 0, 1, 1],
        [3, 2, 2, 1, 1, 0, 1],
    ]
    # a leaver brings .5 * (110 - 10) - 1, one gone costs the call, a stayer also takes the offer
    assert frame["money"].tolist() == [49 - 1, 49 - 11]
    # the one gone is a call in vain, and no customer of whom it is asked who leaves: as among all and by risk
    assert found.leaving.value == 2 / 3
    assert found.vain.value == 2 / 4
    assert found.found.value == 2 / 4
    assert found.anyone.value == 4 / 6
    assert found.leaving.ci_lower < 2 / 3 < found.leaving.ci_upper


def test_calls_of_nobody_have_no_share() -> None:
    found = called(rows_of([1, 0], [0, 0], [0, 0]), [0.01, 0.01])
    assert found.to_frame()["called"].tolist() == [0]
    assert np.isnan(found.leaving.value)
    assert np.isnan(found.leaving.ci_lower)
    assert found.found.value == 0


def test_groups_by_risk_by_hand() -> None:
    rows = rows_of([0, 0, 1, 1], [0] * 4, [0, 0, 0, 0])
    frame = by_risk(rows, np.array([0.1, 0.2, 0.6, 0.8]), 2, 0.95)
    assert frame[["group", "n", "left"]].to_numpy().tolist() == [[1, 2, 0], [2, 2, 2]]
    assert frame["predicted"].tolist() == pytest.approx([0.15, 0.7])
    assert frame["share"].tolist() == [0, 1]


def test_rows_of_one_customer_widen_the_interval() -> None:
    left = np.repeat([1, 0], 20)
    width = []
    for customer in (np.repeat(np.arange(10), 4), np.arange(40)):
        row = by_risk(rows_of(left, [0] * 40, [0] * 40, customer=customer), np.zeros(40), 2, 0.95).iloc[-1]
        assert row["n"] == 40
        width.append(row["share_ci_upper"] - row["share_ci_lower"])
    assert width[0] > 1.5 * width[1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 300))
def test_calls_add_up_whatever_the_budget(seed: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    rows = rows_of(rng.random(n) < 0.3, rng.random(n) < 0.1, np.repeat([0, 1], 30), rng.random(n) < 0.8)
    frame = called(rows, rng.random(n), budget=budget).to_frame()
    assert (frame["called"] == frame["left"] + frame["stayed"] + frame["gone"]).all()
    assert (frame["called"] <= budget // 11 + 1).all()
    assert (frame["leavers"] == frame["left"] + frame["missed"]).all()
    assert (frame[["stayed", "missed"]] >= 0).all(axis=None)


@pytest.fixture(scope="module")
def tested() -> Backtest:
    telco = kb.snapshots(kb.datasets.load_telco())
    terms = {"budget": 5000, "cost": 1, "offer": 10, "acceptance": 0.3, "value": 200}
    return kb.backtest(
        telco, ["logistic"], campaign=kb.Campaign(**terms), validation=kb.Validation(folds=2, repeats=1, resamples=10)
    )


def test_money_of_calls_is_the_profit_of_the_backtest(tested: Backtest) -> None:
    frame = tested.to_frame().set_index(["model", "metric"])["value"]
    assert tested.calls().money.mean() == pytest.approx(frame["logistic", "profit"])
    risks = tested.by_risk()
    assert risks["n"].sum() == 7043
    assert risks["left"].sum() == 1869
    assert risks["share"].iloc[-1] / (1869 / 7043) == pytest.approx(frame["logistic", "lift_10"], abs=0.02)
    assert isinstance(risks, pd.DataFrame)


def test_calls_need_terms_and_a_known_model(tested: Backtest) -> None:
    with pytest.raises(kb.ArgumentError, match="model='forest' is not known; .*allowed: 'logistic', 'base_rate'"):
        tested.calls("forest")
    plain = kb.backtest(
        kb.snapshots(kb.datasets.load_telco()), ["logistic"], validation=kb.Validation(folds=2, repeats=1, resamples=1)
    )
    with pytest.raises(kb.ArgumentError, match="calls need budget, cost, offer and acceptance"):
        plain.calls()
    with pytest.raises(kb.ArgumentError, match="groups"):
        plain.by_risk(groups=1)
