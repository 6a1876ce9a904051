"""What a purchase brings: published figures, a case counted by hand, what always holds, and another package."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.value.fitting import Fit
from kbind.value.spending import Spend, fit_spend, likelihood


@pytest.fixture(scope="module")
def spent(cdnow_paid: kb.Dataset) -> Spend:
    return kb.spend(cdnow_paid, calibration_end="1997-10-01")


def test_published_parameters_of_cdnow(cdnow_summary: pd.DataFrame, published: dict[str, Any]) -> None:
    rows = cdnow_summary[cdnow_summary["x"] > 0]
    assert len(rows) == 946
    x, mean = rows["x"].to_numpy(dtype=float), rows["zbar"].to_numpy()
    found = np.exp(fit_spend(x, x * mean, np.ones(len(rows))).point)
    assert found == pytest.approx(np.array(list(published["gamma_gamma"].values())), abs=0.005)
    assert found[2] == pytest.approx(published["exact"]["gamma"], abs=0.001)


def test_the_log_gives_the_published_parameters_but_for_rounded_means(
    spent: Spend, published: dict[str, Any], cdnow_summary: pd.DataFrame
) -> None:
    """The published means are rounded to cents, which moves gamma in the third digit after the point."""
    assert (spent.n, spent.left_out) == (946, 0)
    found = spent.parameters().set_index("parameter")["estimate"]
    assert found.to_numpy() == pytest.approx(np.array(list(published["gamma_gamma"].values())), abs=0.007)
    theirs = cdnow_summary[cdnow_summary["x"] > 0].groupby("x")["zbar"].mean()
    assert spent.to_frame()["mean"][:6].to_numpy() == pytest.approx(theirs[:6].to_numpy(), abs=0.005)


def test_likelihood_counted_by_hand() -> None:
    """With p = 1, q = 2, gamma = 3: one purchase of 3, and two of 3 together, whose mean is 1.5."""
    value, slopes = likelihood(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert np.exp(value) == pytest.approx(np.array([1 / 12, 1 / 4]))
    for k in range(3):
        low, high = (
            likelihood(np.array([1.0, 2, 3]) * np.exp(h * np.eye(3)[k]), np.array([1.0, 2]), np.full(2, 3.0))[0]
            for h in (-1e-6, 1e-6)
        )
        assert (high - low) / 2e-6 == pytest.approx(slopes[k], abs=1e-7)


def test_expected_amount_lies_between_own_and_all(spent: Spend) -> None:
    mean = spent.mean.value
    p, q, scale = np.exp(spent.fit.point)
    assert mean == pytest.approx(p * scale / (q - 1))
    frame = spent.expected_spend([0, 1, 50, 50], [0, 60, 60, 10])
    once, often, little = frame["expected_spend"][1:]
    assert frame["expected_spend"][0] == pytest.approx(mean)
    assert mean < once < often < 60
    assert 10 < little < mean
    assert (frame["expected_spend_ci_lower"] < frame["expected_spend"]).all()


def test_the_currency_changes_nothing_but_gamma(cdnow_rows: pd.DataFrame, spent: Spend) -> None:
    cents = cdnow_rows.assign(amount=100 * cdnow_rows["amount"])[["customer_id", "timestamp", "amount"]]
    other = kb.spend(kb.open_dataset({"events": cents}, as_of="1998-07-01"), calibration_end="1997-10-01")
    assert np.exp(other.fit.point) == pytest.approx(np.exp(spent.fit.point) * [1, 1, 100], rel=1e-7)
    assert other.log_likelihood == pytest.approx(spent.log_likelihood - 946 * np.log(100), rel=1e-9)
    assert other.independence.value == pytest.approx(spent.independence.value)


def test_independence_is_the_correlation(spent: Spend) -> None:
    each = np.repeat(np.arange(len(spent.customers)), spent.customers)
    x, z = spent.frequency[each], (spent.total / spent.frequency)[each]
    assert spent.independence.value == pytest.approx(np.corrcoef(x, z)[0, 1])
    assert spent.independence.value == pytest.approx(0.11, abs=0.005)  # as Fader and Hardie give it
    rng = np.random.default_rng(1)
    resampled = [np.corrcoef(x[take], z[take])[0, 1] for take in rng.integers(0, len(x), (1500, len(x)))]
    assert spent.independence.interval == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.04)
    assert spent.concerns == ()


def test_who_buys_often_and_spends_more_is_a_concern(spent: Spend) -> None:
    dear = replace(spent, total=spent.total * spent.frequency**0.5)
    assert "Who buys more often spends more a purchase" in dear.concerns[-1]
    endless = replace(spent, fit=Fit(np.log([2.0, 0.9, 5.0]), np.eye(3) / 100, 0.0))
    assert "does not exist" in endless.concerns[0]
    assert np.isnan(endless.mean.value)


@pytest.mark.filterwarnings("ignore")
def test_other_data_as_in_lifetimes() -> None:
    import lifetimes

    rng = np.random.default_rng(2)
    x = rng.integers(1, 12, 700)
    mean = 40 / rng.gamma(5, 1.0, 700)
    total = rng.gamma(4 * x) * mean
    found = fit_spend(x.astype(float), total, np.ones(700))
    fitter = lifetimes.GammaGammaFitter(penalizer_coef=0.0)
    fitter.fit(pd.Series(x), pd.Series(total / x))
    theirs = np.array([fitter.params_[name] for name in "pqv"])
    at_theirs = likelihood(theirs, x.astype(float), total)[0].sum()
    assert found.log_likelihood >= at_theirs - 1e-6
    assert np.exp(found.point) == pytest.approx(theirs, rel=0.02)


def test_what_cannot_be_is_refused(cdnow: kb.Dataset, spent: Spend) -> None:
    with pytest.raises(kb.NotEnoughData, match="needs a column 'amount'"):
        kb.spend(cdnow)
    with pytest.raises(kb.ArgumentError, match="differ in number"):
        spent.expected_spend([1, 2], [1, 2, 3])
    with pytest.raises(kb.ArgumentError, match="whole numbers"):
        spent.expected_spend(1.5, 3)
    rows = pd.DataFrame({"customer_id": [1, 1, 2, 2], "timestamp": ["2024-01-01", "2024-01-09"] * 2, "amount": 5.0})
    with pytest.raises(kb.NotEnoughData, match="have repeat purchases that brought something"):
        kb.spend(kb.open_dataset({"events": rows}))
    several = rows.assign(currency=["EUR", "EUR", "USD", "USD"])
    with pytest.raises(kb.ArgumentError, match="several currencies"):
        kb.spend(kb.open_dataset({"events": several}))
