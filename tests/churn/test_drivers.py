from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

import kbind as kb
from kbind.churn.snapshots.snapshot_table import Snapshots


class Line(ClassifierMixin, BaseEstimator):
    """Risk .1 + .4 x, and .2 more on plan b; nothing is learned."""

    def fit(self, X: pd.DataFrame, y: Any) -> Line:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = 0.1 + 0.4 * X["x"].to_numpy(dtype=float) + 0.2 * (X["plan"] == "b").to_numpy()
        return np.column_stack([1 - p, p])


@pytest.fixture
def line(make_snapshots: Any) -> Snapshots:
    """x is 0, .1, ... .9 in turn, independent of the plan; noise says nothing."""
    n = 400
    frame = pd.DataFrame(
        {
            "x": np.arange(n) % 10 / 10,
            "plan": np.where(np.arange(n) // 10 % 2 == 0, "a", "b"),
            "noise": np.random.default_rng(0).normal(size=n),
        }
    )
    return make_snapshots(frame, np.arange(n) % 3 == 0)


def test_drivers_by_hand(line: Snapshots) -> None:
    """From its 10th percentile, about .1, to its 90th, about .8, x moves the risk by .4 times that; the plan by .2."""
    found = kb.drivers(Line(), line, folds=4)
    assert [group[0] for group in found.groups] == ["x", "plan", "noise"]
    assert found.effect[0] == pytest.approx(0.4 * 0.8, abs=0.05)
    np.testing.assert_allclose(found.effect[1:], [0.2, 0.0], atol=1e-12)
    assert found.value_low[1] + found.value_high[1] == ("a", "b")
    assert found.value_low[0][0] < 0.2 < 0.7 < found.value_high[0][0]
    # nothing is learned, so nothing varies
    np.testing.assert_allclose(found.effect_ci_upper - found.effect_ci_lower, 0, atol=1e-12)
    assert found.risk_high[1] - found.risk_low[1] == pytest.approx(0.2)


class Learned(Line):
    """The plan moves the risk by the share of leavers among those learned from."""

    shares: ClassVar[list[float]] = []

    def fit(self, X: pd.DataFrame, y: Any) -> Learned:
        self.share_ = float(np.mean(y))
        self.shares.append(self.share_)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = 0.1 + self.share_ * (X["plan"] == "b").to_numpy()
        return np.column_stack([1 - p, p])


def test_drivers_have_the_interval_of_the_jackknife(line: Snapshots) -> None:
    """Kott (2001): (G - 1) / G times the squared deviations of the G estimates, each without one part."""
    Learned.shares.clear()
    found = kb.drivers(Learned(), line, folds=4)
    whole, *parts = Learned.shares
    reach = student.ppf(0.975, 3) * np.sqrt(3 / 4 * ((np.array(parts) - np.mean(parts)) ** 2).sum())
    assert (len(parts), found.groups[0], reach > 0) == (4, ("plan",), True)
    assert found.effect[0] == pytest.approx(whole)
    assert (found.effect_ci_lower[0], found.effect_ci_upper[0]) == pytest.approx((whole - reach, whole + reach))


def test_drivers_of_one_customer_by_hand(line: Snapshots) -> None:
    """Customer 9 has x = .9 and plan a: risk .46, compared with the donors' values one group at a time."""
    found = kb.drivers(Line(), line, folds=4)
    own = found.of_customer(9)
    assert own.attrs["risk"] == pytest.approx(0.46)
    donors = line.features.iloc[found._donors]
    effect = own.set_index("feature")["effect"]
    assert effect["x"] == pytest.approx(0.4 * (0.9 - donors["x"].mean()))
    assert effect["plan"] == pytest.approx(-0.2 * (donors["plan"] == "b").mean())
    assert own["feature"].iloc[0] == "x"
    with pytest.raises(kb.ArgumentError, match="customer='nobody' is not in the snapshots"):
        found.of_customer("nobody")


def test_planted_effects_are_found_with_their_intervals(make_snapshots: Any) -> None:
    """Of eight features three matter; one has a twin, which is moved with it instead of sharing its effect."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(3000, 8)), columns=[f"f{k}" for k in range(8)])
    odds = -1 + 1.0 * frame["f0"] - 0.6 * frame["f1"] + 0.3 * frame["f2"]
    frame["twin"] = frame["f0"] + rng.normal(0, 0.05, 3000)
    left = rng.random(3000) < 1 / (1 + np.exp(-odds))
    found = kb.drivers(kb.ChurnClassifier(LogisticRegression()), make_snapshots(frame, left), folds=5)
    assert found.groups[0] == ("f0", "twin")
    assert [group[0] for group in found.groups[1:3]] == ["f1", "f2"]
    assert found.stability[:3].tolist() == [1, 1, 1]
    spread = np.quantile(rng.normal(size=20_000), [0.1, 0.9])
    rest = rng.normal(size=(4000, 2)) @ [-0.6, 0.3] - 1
    truth = np.diff([np.mean(1 / (1 + np.exp(-(rest + x)))) for x in spread])[0]
    assert found.effect[0] == pytest.approx(truth, abs=0.08)  # the percentiles are those of 40 customers
    assert (found.effect_ci_lower[:2] > 0.02).all()
    assert (found.effect[3:] < found.effect_ci_lower[1]).all()


def test_drivers_never_speak_of_causes_as_such(line: Snapshots) -> None:
    found = kb.drivers(Line(), line, folds=4)
    assert "not what brings it about" in found.definition
    assert list(found.to_frame().columns) == [
        "feature", "with", "effect", "effect_ci_lower", "effect_ci_upper", "risk_low", "risk_high", "value_low",
        "value_high", "stability",
    ]  # fmt: skip


def test_missing_values_and_dates(make_panel: Any) -> None:
    snapshots = make_panel(np.random.default_rng(2), 200, 4)
    snapshots.features.loc[::7, "moving"] = np.nan
    found = kb.drivers(kb.ChurnClassifier(), snapshots, folds=3)
    assert {"steady", "moving"} == {group[0] for group in found.groups[:2]}
    assert len(found.of_customer(snapshots.customer[-1])) == len(found.groups)


def test_drivers_refuse(line: Snapshots) -> None:
    with pytest.raises(kb.ArgumentError, match="folds=1 is not possible"):
        kb.drivers(Line(), line, folds=1)
    with pytest.raises(kb.NotEnoughData, match="folds=300 needs customers"):
        kb.drivers(Line(), line, folds=300)
    for rng in ("abc", -1, 1.5):
        with pytest.raises(kb.ArgumentError, match=f"rng={rng!r} starts no random numbers"):
            kb.drivers(Line(), line, rng=rng)
