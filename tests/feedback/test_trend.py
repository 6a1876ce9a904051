from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import kbind as kb
from kbind.dataset.provenance import Provenance
from kbind.feedback.courses import Courses, courses
from kbind.feedback.instrument import Instrument
from kbind.feedback.trend import CustomerSums, fit_lines, trend_of
from simulations.company import simulate_saas

WIDE = Instrument("item", "mean", (-100, 100))


def planted(seed: int, n: int, *, slope_sd: float = 0.5) -> tuple[Courses, Any, pd.DataFrame]:
    """Customers on straight lines, one to eight answers each, the first customer one only."""
    rng = np.random.default_rng(seed)
    count = np.minimum(1 + rng.poisson(2.5, n), 8)
    count[0] = 1
    line = np.column_stack([rng.normal(7.5, 1.1, n), rng.normal(-0.2, slope_sd, n)])
    who = np.repeat(np.arange(n), count)
    t = rng.uniform(-3, 0, len(who))
    y = line[who, 0] + line[who, 1] * t + rng.normal(0, 1.2, len(who))
    return summed(who, t, y), line, pd.DataFrame({"who": who, "t": t, "y": y})


def summed(who: Any, t: Any, y: Any) -> Courses:
    sums = {
        name: np.bincount(who, weights=v) for name, v in {"t": t, "tt": t * t, "y": y, "ty": t * y, "yy": y * y}.items()
    }
    ids = np.arange(who.max() + 1).astype(object)
    return Courses(WIDE, ids, np.bincount(who), **sums, provenance=Provenance("planted", None, None))


def sums_of(c: Courses) -> CustomerSums:
    return CustomerSums(c.n.astype(float), c.t, c.tt, c.y, c.ty, c.yy)


def test_courses_by_hand() -> None:
    rows = [
        (1, "2023-07-02", 5),
        (1, "2024-01-01", 7),
        (2, "2024-01-01", None),
        (3, "2023-01-01", 1),
        (1, "2024-06-01", 6),
    ]
    feedback = pd.DataFrame(rows, columns=["customer_id", "timestamp", "score"]).assign(instrument="ces")
    data = kb.open_dataset(
        {"feedback": feedback, "customers": pd.DataFrame({"customer_id": [1, 2, 3]})}, as_of="2024-01-02"
    )
    found = courses(data, Instrument("ces", "mean", (1, 7)))
    assert found.customer_id.tolist() == [1, 3]  # 2 gave no score, and the answer of June is not known yet
    assert found.n.tolist() == [2, 1]
    days = np.array([[184, 1], [366, 0]]) / -365.25
    np.testing.assert_allclose(found.t, days.sum(axis=1))
    np.testing.assert_allclose(found.tt, (days**2).sum(axis=1))
    np.testing.assert_allclose(found.ty, [days[0] @ [5, 7], days[1, 0]])
    np.testing.assert_allclose((found.y, found.yy), [[12, 1], [74, 1]])


def test_likeliest_equals_the_mixed_model_of_statsmodels() -> None:
    found, _, rows = planted(4, 150)
    model = sm.MixedLM(rows["y"], sm.add_constant(rows["t"]), rows["who"], exog_re=sm.add_constant(rows["t"]))
    fit = model.fit(reml=True)
    sums = sums_of(found)
    _, lines = sums.given(sums.likeliest(np.zeros(3)))
    np.testing.assert_allclose(lines.fixed, fit.fe_params, rtol=1e-4)
    np.testing.assert_allclose(lines.between, fit.cov_re, rtol=5e-3)
    assert lines.within == pytest.approx(fit.scale, rel=1e-3)
    effects = np.array([fit.random_effects[k] for k in range(150)])
    np.testing.assert_allclose(lines.line, fit.fe_params.to_numpy() + effects, atol=5e-3)


def test_satisfaction_trend_covers_what_was_planted() -> None:
    """A quick look over customers of four companies; docs/simulations.md has 2,000 runs."""
    covered: list[tuple[float, float, bool]] = []
    for seed in range(4):
        found, line, _ = planted(seed, 300)
        trend = trend_of(found)
        inside = [
            (getattr(trend, f"{name}_ci_lower") <= line[:, k]) & (line[:, k] <= getattr(trend, f"{name}_ci_upper"))
            for k, name in enumerate(("level", "slope"))
        ]
        covered.append((inside[0].mean(), inside[1].mean(), bool(inside[0][0])))
    level, slope, single = np.mean(covered, axis=0)
    assert level == pytest.approx(0.95, abs=0.02)
    assert slope == pytest.approx(0.95, abs=0.03)
    assert single >= 0.5
    assert trend.sd_level == pytest.approx(1.1, abs=0.25)
    assert trend.sd_slope == pytest.approx(0.5, abs=0.2)
    assert trend.sd_answer == pytest.approx(1.2, abs=0.1)


def test_satisfaction_trend_of_one_answer_is_wide_and_near_the_average() -> None:
    found, _, _ = planted(7, 200)
    trend = trend_of(found)
    frame = trend.to_frame()
    width = frame["level_ci_upper"] - frame["level_ci_lower"]
    assert frame["n"][0] == 1
    assert frame.notna().all(axis=None)
    assert width[0] > 1.5 * width[frame["n"] == 8].mean()
    assert width[0] < 2 * 1.96 * (trend.sd_level + 1.2)
    turn = frame["slope_ci_upper"][0] - frame["slope_ci_lower"][0]
    assert 0.5 < turn / (2 * 1.96 * trend.sd_slope) < 1.1  # its level tells a little about its slope
    assert abs(frame["slope"][0] - trend.mean_slope) < 0.5 * trend.sd_slope
    # nearer to the average than its own answer
    assert abs(frame["level"][0] - trend.mean_level) < abs(frame["mean"][0] - trend.mean_level)


def test_satisfaction_trend_where_customers_do_not_turn() -> None:
    """Nobody has a slope of its own: none is found, and intervals still have width."""
    found, _, _ = planted(9, 400, slope_sd=0.0)
    trend = trend_of(found)
    assert trend.sd_slope < 0.3
    frame = trend.to_frame()
    assert (frame["slope"] - trend.mean_slope).abs().max() < 0.35
    assert (frame["slope_ci_upper"] - frame["slope_ci_lower"]).min() > 0.05


@pytest.mark.parametrize("shift", [-3.0, 50.0])
def test_satisfaction_trend_moves_with_the_scores(shift: float) -> None:
    found, _, rows = planted(2, 60)
    one, two = (
        trend_of(found),
        trend_of(summed(rows["who"].to_numpy(), rows["t"].to_numpy(), rows["y"].to_numpy() + shift)),
    )
    np.testing.assert_allclose(two.level, one.level + shift, atol=1e-4)
    np.testing.assert_allclose(two.slope, one.slope, atol=1e-4)
    np.testing.assert_allclose(
        two.level_ci_upper - two.level_ci_lower, one.level_ci_upper - one.level_ci_lower, atol=1e-4
    )


def test_fit_lines_of_answers_without_chance_follow_them() -> None:
    who = np.repeat(np.arange(40), 4)
    t = np.tile([-3.0, -2.0, -1.0, 0.0], 40)
    line = np.random.default_rng(0).normal(size=(40, 2))
    y = line[who, 0] + line[who, 1] * t + 1e-3 * np.random.default_rng(1).normal(size=len(who))
    np.testing.assert_allclose(fit_lines(sums_of(summed(who, t, y))).line, line, atol=5e-3)


def test_satisfaction_trend_limits_lie_on_the_scale() -> None:
    found, _, _ = planted(3, 100)
    trend = trend_of(replace(found, instrument=Instrument("nps", "mean", (0, 8))))
    for values in (trend.level, trend.level_ci_lower, trend.level_ci_upper):
        assert values.max() <= 8


def test_satisfaction_trend_follows_planted_satisfaction() -> None:
    data = simulate_saas(n_accounts=800, months=24)
    assert data.truth is not None
    trend = kb.satisfaction_trend(data, "nps")
    frame = trend.to_frame().merge(data.truth.accounts[["customer_id", "satisfaction"]], on="customer_id")
    assert frame["level"].corr(frame["satisfaction"]) > 0.4
    assert frame["customer_id"].is_monotonic_increasing
    assert "straight line" in trend.definition


def test_satisfaction_trend_needs_repeated_answers() -> None:
    ids = list(range(50))
    feedback = pd.DataFrame({"customer_id": ids, "timestamp": "2024-03-05", "instrument": "ces", "score": [3, 5] * 25})
    twice = feedback.assign(timestamp="2024-03-09").head(19)
    data = kb.open_dataset({"feedback": pd.concat([feedback, twice]), "customers": pd.DataFrame({"customer_id": ids})})
    enough = feedback.assign(timestamp="2024-03-09").head(20)
    people = pd.DataFrame({"customer_id": ids})
    assert (
        kb.satisfaction_trend(kb.open_dataset({"feedback": pd.concat([feedback, enough]), "customers": people}), "ces")
        .to_frame()["level"]
        .notna()
        .all()
    )
    with pytest.raises(kb.NotEnoughData, match="19 customers answered at two times or more; a trend needs 20"):
        kb.satisfaction_trend(data, "ces")
    with pytest.raises(kb.ArgumentError, match="did you mean 'ces'"):
        kb.satisfaction_trend(data, "cess")
