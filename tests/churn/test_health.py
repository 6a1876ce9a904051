"""Account health: the score, the point of its test, and a world without signal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.churn.health import _point


def people(n: int, seed: int, signal: float) -> kb.Dataset:
    rng = np.random.default_rng(seed)
    pull = rng.normal(size=n)
    gone = rng.random(n) < 1 / (1 + np.exp(1.5 - signal * pull))
    frame = pd.DataFrame(
        {"customer_id": np.arange(n), "pull": pull, "region": rng.choice(list("nsew"), n), "gone": gone}
    )
    return kb.open_dataset({"customers": frame}, roles={"churned": "gone"})


@pytest.fixture(scope="module")
def healthy() -> Any:
    return kb.account_health(people(900, 1, 1.5))


def backtest_of(risk: list[float], left: list[int]) -> Any:
    frame = pd.DataFrame({"customer_id": range(len(risk)), "model": "m", "repeat": 0, "probability": risk})
    return SimpleNamespace(models=("m",), predictions=frame.assign(target=left, lost_in_lead=False))


def test_point_of_the_roc_curve_by_hand() -> None:
    risk = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    left = [1, 1, 0, 1, 0, 0, 1, 0, 0]
    found = _point(backtest_of(risk, left), 0.2, 0.95, np.random.default_rng(0))
    # one of five who stayed is flagged down to .6; by then three of the four leavers are
    assert found.caught.value == pytest.approx(0.75)
    assert found.precision.value == pytest.approx(3 / 4)
    assert found.threshold == pytest.approx(40)
    assert found.caught.n == 4
    assert found.caught.ci_lower <= 0.75 <= found.caught.ci_upper


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=30), st.floats(0.05, 0.95))
def test_no_more_than_the_wanted_share_of_those_who_stayed_is_flagged(rows: list[Any], rate: float) -> None:
    risk, left = [round(chance, 1) for chance, _ in rows], [int(gone) for _, gone in rows]
    if 0 < sum(left) < len(left):
        found = _point(backtest_of(risk, left), rate, 0.95, np.random.default_rng(0))
        flagged = 100 * (1 - np.array(risk)) <= found.threshold
        stayed = np.array(left) == 0
        assert found.rate.value == pytest.approx((flagged & stayed).sum() / stayed.sum())
        assert found.rate.value <= rate + 1e-9
        assert found.caught.value == pytest.approx((flagged & ~stayed).sum() / (~stayed).sum())


def test_risk_without_differences_flags_nobody() -> None:
    found = _point(backtest_of([0.5] * 6, [1, 0, 0, 1, 0, 0]), 0.2, 0.95, np.random.default_rng(0))
    assert np.isnan(found.threshold)
    assert (found.caught.value, found.rate.value) == (0, 0)
    assert np.isnan(found.precision.value)


def test_score_is_the_chance_to_stay_and_the_lowest_comes_first(healthy: Any) -> None:
    frame = healthy.to_frame()
    assert frame["score"].between(0, 100).all()
    assert frame["score"].is_monotonic_increasing
    assert (frame["flagged"] == (frame["score"] <= healthy.threshold)).all()
    assert frame.loc[frame["flagged"], "reason_1"].notna().mean() > 0.9
    assert frame.loc[~frame["flagged"], "reason_1"].isna().all()


def test_score_with_signal_predicts_and_is_calibrated(healthy: Any) -> None:
    assert healthy.predicts
    assert healthy.why == ""
    assert 0.9 <= healthy.calibration_slope.value <= 1.1
    assert healthy.caught.ci_lower > 0.5
    assert healthy.drivers(healthy.customer[0])["feature"].iloc[0] == "pull"
    assert healthy.figures()["figure"].tolist()[0] == "caught"


@pytest.mark.parametrize("seed", [3, 4])
def test_score_without_signal_says_so(seed: int) -> None:
    found = kb.account_health(people(700, seed, 0.0))
    assert not found.predicts
    assert "no better than by chance" in found.why
    assert found.definition.startswith("Not to be used")
    assert found.caught.ci_lower < 0.2 < found.caught.ci_upper


def test_too_little_data_is_an_error() -> None:
    with pytest.raises(kb.NotEnoughData, match="nothing can be forecast"):
        kb.account_health(people(8, 1, 0.0))
