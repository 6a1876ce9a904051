from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kbind as kb
from kbind.errors import NotEnoughData
from kbind.experiments.campaign import Assigned
from kbind.experiments.learners import censoring_weights
from kbind.experiments.uplift import Uplift, learn_uplift, ranked, staying
from simulations.effects import END, HORIZON, campaign, drawn, people


def world(n: int, seed: int = 0) -> tuple[Assigned, np.ndarray]:
    """Those who use little gain, those who use much lose; those at risk are the latter."""
    rng = np.random.default_rng(seed)
    who, treated = people(rng, n), rng.random(n) < 0.5
    little = who["use"] < 8
    gain = np.where(little, 0.14, -0.05)
    left = rng.random(n) < np.where(little, 0.2, 0.35) - gain * treated
    leaves = np.where(left, rng.integers(1, HORIZON + 1, n), 2 * END)
    return campaign(rng, who, treated, leaves), gain


@pytest.fixture(scope="module", params=["x", "t"])
def found(request: pytest.FixtureRequest) -> Uplift:
    return learn_uplift(world(6000)[0], share=0.3, chance=0.5, learner=request.param, folds=5, conf_level=0.95,
                        rng=np.random.default_rng(0))  # fmt: skip


def test_uplift_finds_whom_it_helps_where_risk_does_not(found: Uplift) -> None:
    gain = world(6000)[1][found.scores["customer_id"].astype(int)]
    best = found.scores["uplift"].rank(pct=True) > 0.7
    assert gain[best].mean() > 0.09
    assert found.tells_apart
    assert found.better.ci_lower > 0
    assert found.gain.ci_lower < gain[best].mean() < found.gain.ci_upper
    assert found.qini.value > 0 > found.qini_by_risk.value
    last = found.curve.iloc[-1]
    assert last["by_uplift"] == pytest.approx(last["at_random"]) == pytest.approx(last["by_risk"])
    assert found.everybody.value == pytest.approx(last["at_random"])


def test_uplift_scores_other_customers_alike_in_any_order(found: Uplift) -> None:
    other, gain = world(1000, seed=9)
    table = ranked(found.learned, other).set_index("customer_id")
    assert table["uplift"].is_monotonic_decreasing
    assert gain[list(table.index[:200])].mean() > gain[list(table.index[-200:])].mean() + 0.1
    some = ranked(found.learned, other.take(np.arange(500))).set_index("customer_id")
    assert np.allclose(some["uplift"], table["uplift"].loc[some.index])


def test_staying_weighs_up_those_who_are_not_seen_to_the_end() -> None:
    customers = drawn(np.random.default_rng(3), 20_000, 1.0)
    stayed, weight = staying(customers)
    assert weight.sum() == pytest.approx(len(customers), rel=0.01)
    share = (weight * stayed).sum() / weight.sum()
    assert share == pytest.approx(1 - customers.left[customers.lived].mean(), abs=0.01)
    assert (weight[customers.lived] > 1).any()


def test_censoring_weights_take_events_before_censorings() -> None:
    # day 2: of three at risk one leaves, and of the two then at risk one is lost from sight
    found = censoring_weights(np.array([1.0, 2.0, 2.0, 5.0]), np.array([True, True, False, True]))
    assert list(found) == [1.0, 1.0, 0.0, 2.0]
    assert list(censoring_weights(np.array([1.0, 2.0]), np.array([True, True]))) == [1.0, 1.0]


def test_uplift_refuses_what_chance_did_not_choose_and_too_few() -> None:
    with pytest.raises(NotEnoughData, match="chance did not choose"):
        kb.uplift(replace(kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer"), randomised=False))
    small = drawn(np.random.default_rng(0), 150, 1.0)
    with pytest.raises(NotEnoughData, match="needed: 30 each"):
        learn_uplift(small, share=0.2, chance=0.5, learner="x", folds=5, conf_level=0.95, rng=np.random.default_rng(0))
    nothing = replace(
        drawn(np.random.default_rng(0), 3000, 1.0), attributes={}, **dict.fromkeys(
            ("use", "recent", "tenure", "revenue"), np.zeros(3000))
    )  # fmt: skip
    with pytest.raises(NotEnoughData, match="nothing is known"):
        learn_uplift(
            nothing, share=0.2, chance=0.5, learner="x", folds=5, conf_level=0.95, rng=np.random.default_rng(0)
        )


def test_uplift_scores_everybody_of_today() -> None:
    data = kb.datasets.load_saas()
    found = kb.uplift(kb.measure_effect(data, "loyalty_offer"))
    table = found.score(data)
    assert table["customer_id"].is_unique
    assert len(table) > 3000
    assert table["risk"].between(0, 1).all()
