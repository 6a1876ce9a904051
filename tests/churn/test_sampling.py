"""A forecast of very many customers learns from some of them and tests all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kbind as kb
from kbind.churn import forecast
from kbind.churn.snapshots.picking import customer_codes, picked, rows_of_some
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.report.chapters.churn import churn_story


@given(st.lists(st.one_of(st.integers(-50, 50), st.text(max_size=3)), min_size=1))
def test_codes_are_those_of_the_names_in_order(names: list[int | str]) -> None:
    customer = np.array(names, dtype=object)
    assert customer_codes(customer).tolist() == np.unique(customer.astype(str), return_inverse=True)[1].tolist()


@given(st.integers(1, 400), st.integers(1, 8), st.integers(1, 2000))
def test_customers_are_drawn_whole(customers: int, dates: int, most: int) -> None:
    customer = np.repeat(np.arange(customers), dates)
    rows = rows_of_some(customer, most)
    taken, counts = np.unique(customer[rows], return_counts=True)
    assert (counts == dates).all()
    if len(customer) <= most:
        assert len(taken) == customers


def test_picked_rows_keep_everything_together(telco_snapshots: Snapshots) -> None:
    some = picked(telco_snapshots, np.array([5, 2]))
    assert some.customer.tolist() == telco_snapshots.customer[[5, 2]].tolist()
    assert some.features.equals(telco_snapshots.features.iloc[[5, 2]].reset_index(drop=True))
    assert some.to_frame()["target"].tolist() == telco_snapshots.target[[5, 2]].tolist()


def _company(n: int = 4000) -> kb.Dataset:
    rng = np.random.default_rng(1)
    pull = rng.normal(size=n)
    left = rng.random(n) < 1 / (1 + np.exp(1.5 - 1.5 * pull))
    frame = pd.DataFrame({"customer_id": np.arange(n), "pull": pull, "gone": np.where(left, "yes", "no")})
    return kb.open_dataset({"customers": frame}, roles={"churned": {"column": "gone", "value": "yes"}})


def test_all_are_tested_and_listed_though_some_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _company()
    whole = kb.forecast_churn(data, campaign=kb.Campaign(value=100))
    monkeypatch.setattr(forecast, "MOST", 1000)
    monkeypatch.setattr(forecast, "_TESTED", kb.Validation(folds=5, repeats=1, resamples=100, most=1000))
    part = kb.forecast_churn(data, campaign=kb.Campaign(value=100))
    assert whole.learned_from is None
    assert part.learned_from == pytest.approx(1000, abs=100)
    assert part.backtest is not None
    assert whole.backtest is not None
    assert len(part.backtest.predictions) == len(whole.backtest.predictions) == 2 * 4000  # by two models
    figures = (found.backtest.to_frame().set_index(["model", "metric"])["value"] for found in (part, whole))
    few, all_of_them = (table["default", "auc"] for table in figures)
    assert few == pytest.approx(all_of_them, abs=0.02)  # hardly better, for one feature
    assert any("chosen at random" in line for line in churn_story(part).definitions())
    assert not any("chosen at random" in line for line in churn_story(whole).definitions())


def test_a_limit_is_a_number_of_rows() -> None:
    with pytest.raises(kb.ArgumentError, match="most="):
        kb.Validation(most=5)
