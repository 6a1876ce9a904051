"""What customers are worth: sums that have to agree, limits by another way, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kbind as kb
from kbind.value.fitting import Fit
from kbind.value.lifetime import LifetimeValue
from kbind.value.purchase_model import Alive
from kbind.value.spending import Spend

MODELS = ("bg_nbd", "mbg_nbd", "pareto_nbd")


@pytest.fixture(scope="module")
def parts(cdnow_paid: kb.Dataset) -> dict[str, tuple[Alive, Spend]]:
    amounts = kb.spend(cdnow_paid, calibration_end="1997-10-01")
    return {model: (kb.alive(cdnow_paid, model=model, calibration_end="1997-10-01"), amounts) for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_value_is_purchases_times_amount(model: str, parts: dict[str, tuple[Alive, Spend]]) -> None:
    found, amounts = parts[model]
    worth = kb.lifetime_value(found, amounts, months=6, discount=0.0)
    frame = worth.to_frame()
    weeks = 6 * 365.25 / 12 / 7
    bought = found.expected_purchases(weeks, frame["frequency"], frame["recency"], frame["T"])["expected_purchases"]
    assert frame["purchases"].to_numpy() == pytest.approx(bought.to_numpy(), rel=1e-9)
    means = found.cells.spent / found.cells.n / np.maximum(found.cells.frequency, 1)
    amount = amounts.expected_spend(frame["frequency"], means)["expected_spend"]
    assert frame["value"].to_numpy() == pytest.approx((bought * amount).to_numpy(), rel=1e-9)
    assert worth.total.value == pytest.approx(float(frame["n"] @ frame["value"]))


@pytest.mark.parametrize("model", MODELS)
def test_discount_is_taken_at_the_time_of_each_purchase(model: str, parts: dict[str, tuple[Alive, Spend]]) -> None:
    """Against many short spans of time, each discounted in its middle."""
    found, amounts = parts[model]
    frame = kb.lifetime_value(found, amounts, months=24, discount=0.2).to_frame().iloc[[0, 400, 900]]
    edges = np.linspace(0, 24 * 365.25 / 12 / 7, 401)
    histories = [frame[name].to_numpy() for name in ("frequency", "recency", "T")]
    so_far = [np.zeros(3)] + [
        found.expected_purchases(float(t), *histories)["expected_purchases"].to_numpy() for t in edges[1:]
    ]
    middle = (edges[1:] + edges[:-1]) / 2
    worth = 1.2 ** -(middle * 7 / 365.25)
    assert frame["purchases"].to_numpy() == pytest.approx(worth @ np.diff(np.array(so_far), axis=0), rel=1e-5)


def test_cohorts_and_tiers_add_up(parts: dict[str, tuple[Alive, Spend]]) -> None:
    worth = kb.lifetime_value(*parts["mbg_nbd"])
    cohorts, tiers = worth.cohorts(), worth.tiers()
    assert cohorts["cohort"].to_list() == ["1997-01", "1997-02", "1997-03"]
    for frame in (cohorts, tiers):
        assert frame["n"].sum() == worth.alive.n
        assert frame["value"].sum() == pytest.approx(worth.total.value)
    assert worth.cohorts("year")["value_ci_lower"][0] == pytest.approx(worth.total.ci_lower)
    assert tiers["n"].max() - tiers["n"].min() <= 1
    assert (np.diff(tiers["mean"]) <= 0).all()
    assert tiers["cumulative_share"].iloc[-1] == pytest.approx(1)
    assert tiers["share"][0] > 0.4
    assert worth.tiers(5)["share"][0] == pytest.approx(tiers["share"][:2].sum(), abs=0.002)


def test_margin_and_discount_lower_the_value(parts: dict[str, tuple[Alive, Spend]]) -> None:
    whole = kb.lifetime_value(*parts["bg_nbd"]).total
    assert kb.lifetime_value(*parts["bg_nbd"], margin=0.3).total.value == pytest.approx(0.3 * whole.value)
    assert kb.lifetime_value(*parts["bg_nbd"], discount=0.3).total.value < whole.value
    assert kb.lifetime_value(*parts["bg_nbd"], months=24).total.value > whole.value


def test_limits_are_those_of_draws_of_the_parameters(parts: dict[str, tuple[Alive, Spend]]) -> None:
    found, amounts = parts["pareto_nbd"]
    worth = kb.lifetime_value(found, amounts)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(300):
        first, second = (
            replace(part, fit=Fit(rng.multivariate_normal(part.fit.point, part.fit.covariance), part.fit.covariance, 0))
            for part in (found, amounts)
        )
        one = LifetimeValue(first, second, worth.months, worth.discount, None)
        bought = first.purchases_of_cells(np.exp(first.fit.point), 12 * 365.25 / 12 / 7, np.log(1.1) * 7 / 365.25)
        draws.append(float(found.cells.n @ (bought * one._amounts[0])))
    spread = np.log(draws).std()
    total = worth.total
    assert np.log(total.ci_upper / total.ci_lower) / 2 / 1.96 == pytest.approx(spread, rel=0.15)


def test_results_of_other_data_are_refused(parts: dict[str, tuple[Alive, Spend]], cdnow_paid: kb.Dataset) -> None:
    found, amounts = parts["bg_nbd"]
    with pytest.raises(kb.ArgumentError, match="allowed: the same data, calibration_end, as_of and since"):
        kb.lifetime_value(found, kb.spend(cdnow_paid))
    with pytest.raises(kb.ArgumentError, match=r"allowed: the result of kb.alive\(...\)"):
        kb.lifetime_value(amounts, found)  # type: ignore[arg-type]
    with pytest.raises(kb.ArgumentError, match="months=0"):
        kb.lifetime_value(found, amounts, months=0)


def test_what_speaks_against_either_model_is_handed_on(parts: dict[str, tuple[Alive, Spend]]) -> None:
    found, amounts = parts["bg_nbd"]
    assert kb.lifetime_value(found, amounts).concerns == (*found.concerns, *amounts.concerns)
    assert len(found.concerns) > 0
