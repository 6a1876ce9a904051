from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.statistics.snapshots import Snapshots

Plant = Callable[[Snapshots, np.random.Generator], Any]


@pytest.fixture(scope="module")
def clean(make_panel: Any) -> Snapshots:
    """3,000 rows or so of 600 customers at six dates, with real predictors, noise, holes and categories."""
    rng = np.random.default_rng(0)
    snapshots = make_panel(rng, 600, 6, horizon=2)
    n, steady = len(snapshots.target), snapshots.features["steady"].to_numpy()
    plan = np.where(steady + rng.normal(size=n) > 0.5, "basic", "pro")
    holes = np.where(rng.random(n) < 0.1, np.nan, snapshots.features["moving"])
    return replace(snapshots, features=snapshots.features.assign(plan=plan, moving=holes))


def left_of(snapshots: Snapshots) -> np.ndarray:
    return snapshots.target == 1


def ever(snapshots: Snapshots) -> np.ndarray:
    """Who leaves at any date, carried back to all dates of the customer."""
    return np.isin(snapshots.customer.astype(int), snapshots.customer[left_of(snapshots)].astype(int))


def copied(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return s.target


def copied_with_errors(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(s.target)) < 0.05, 1 - s.target, s.target)


def turned_round(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return -5.0 * s.target + rng.normal(0, 1, len(s.target))


def at_both_ends(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """Leavers lie far out on either side, so that no straight line tells."""
    return np.where(left_of(s), rng.choice([-4.0, 4.0], len(s.target)), 0) + rng.normal(0, 0.5, len(s.target))


def missing_for_leavers(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return np.where(left_of(s), np.nan, rng.normal(size=len(s.target)))


def filled_for_leavers_only(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """A reason of leaving, given by two of three."""
    given = left_of(s) & (rng.random(len(s.target)) < 0.67)
    return np.where(given, rng.choice(["price", "service"], len(s.target)), None)


def a_status_of_some_leavers(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    given = left_of(s) & (rng.random(len(s.target)) < 0.5)
    return np.where(given, "closing", rng.choice(["active", "trial"], len(s.target)))


def a_number_that_marks_some_leavers(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    given = left_of(s) & (rng.random(len(s.target)) < 0.5)
    return np.where(given, -1.0, rng.gamma(2.0, 10, len(s.target)))


def days_to_an_end_entered_in_advance(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return np.where(left_of(s), rng.integers(30, 90, len(s.target)), rng.integers(60, 700, len(s.target))).astype(float)


def numbered_in_the_order_of_leaving(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    rank = np.argsort(np.argsort(-s.target + rng.normal(0, 0.2, len(s.target))))
    return rank.astype(float)


def overwritten_and_carried_back(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """The table of customers says today who has left, at all dates."""
    flipped = rng.random(1000)[s.customer.astype(int)] < 0.03
    return np.where(ever(s) ^ flipped, "former", "current")


def counted_until_today(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """Logins over all time: those who leave later have fewer, whatever the date."""
    return rng.poisson(np.where(ever(s), 5, 25)).astype(float)


def a_name(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return np.array([f"account {number}" for number in s.customer], dtype=object)


FEATURES = {
    copied: "alone",
    copied_with_errors: "alone",
    turned_round: "alone",
    at_both_ends: "alone",
    missing_for_leavers: "missing",
    filled_for_leavers_only: "missing",
    a_status_of_some_leavers: "level",
    a_number_that_marks_some_leavers: "level",
    days_to_an_end_entered_in_advance: "alone",
    numbered_in_the_order_of_leaving: "alone",
    overwritten_and_carried_back: "later",
    counted_until_today: "later",
    a_name: "identifier",
}


@pytest.mark.parametrize(("plant", "check"), FEATURES.items(), ids=lambda v: getattr(v, "__name__", v))
def test_planted_leaks_are_caught(clean: Snapshots, plant: Plant, check: str) -> None:
    rng = np.random.default_rng(1)
    spoiled = replace(clean, features=clean.features.assign(planted=plant(clean, rng)))
    alarms = kb.leakage_report(spoiled).alarms
    assert check in set(alarms.query("feature == 'planted'")["check"])
    assert set(alarms["feature"]) <= {"planted", ""}  # nothing else is accused


def test_customers_repeated_under_other_names_are_caught(clean: Snapshots) -> None:
    features, customer = clean.features.copy(), clean.customer.copy()
    again = np.arange(100)
    features.iloc[again + 200] = features.iloc[again].to_numpy()
    alarms = kb.leakage_report(replace(clean, features=features, customer=customer)).alarms
    assert alarms["check"].tolist() == ["duplicates"]


def test_a_customer_twice_at_one_date_is_caught(clean: Snapshots) -> None:
    customer = clean.customer.copy()
    customer[1] = customer[0]
    alarms = kb.leakage_report(replace(clean, customer=customer)).alarms
    assert alarms["check"].tolist() == ["repeated"]
    assert alarms["value"][0] == pytest.approx(2 / (~clean.lost_in_lead).sum())


def test_clean_data_gives_no_alarm(clean: Snapshots, telco_snapshots: Snapshots) -> None:
    for snapshots in (clean, telco_snapshots):
        found = kb.leakage_report(snapshots)
        assert found.alarms.empty, found.alarms
        assert found.definition.startswith("No sign of leakage")


def test_pure_noise_gives_no_alarm_whatever_the_draw(make_snapshots: Any) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(rng.normal(size=(150, 4)), columns=list("abcd")).assign(e=rng.choice(list("xyz"), 150))
        frame = frame.mask(rng.random(frame.shape) < 0.1)
        assert kb.leakage_report(make_snapshots(frame, rng.random(150) < 0.2)).alarms.empty


def test_measures_by_hand(make_snapshots: Any) -> None:
    """Forty customers, ten left: `reason` is filled for eight of these and nobody else; phi = .8 * .75 / ..."""
    left = np.arange(40) < 10
    frame = pd.DataFrame({"reason": np.where(np.arange(40) < 8, "price", None), "number": np.arange(40.0)})
    table = kb.leakage_report(make_snapshots(frame, left)).to_frame().set_index(["check", "feature"])["value"]
    # 8 filled and left, 2 empty and left, 30 empty and stayed
    assert table["missing", "reason"] == pytest.approx((8 * 30 - 0 * 2) / np.sqrt(8 * 32 * 10 * 30))
    assert table["identifier", "reason"] == pytest.approx(1 / 40)
    assert table["duplicates", ""] == 0


def test_leakage_report_needs_both_outcomes(make_snapshots: Any) -> None:
    with pytest.raises(kb.NotEnoughData, match="one kind is missing"):
        kb.leakage_report(make_snapshots(pd.DataFrame({"a": [1.0, 2.0]}), [1, 1]))
