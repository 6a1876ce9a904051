from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.churn.leakage import without_leaks
from kbind.churn.snapshots.snapshot_table import Feature, Snapshots

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


# -- proven ones are left out ---------------------------------------------------------------------------------------


def last_contact_reason(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """Everybody is asked for something; who leaves, to end the contract."""
    reason = np.where(rng.random(len(s.target)) < 0.3, "invoice", "question").astype(object)
    reason[left_of(s) & (rng.random(len(s.target)) < 0.6)] = "wants to leave"
    return reason


def an_end_date_as_text(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """Hardly two have the same; who stays has none."""
    day = np.array([f"2024-{m:02}-{d:02}" for m, d in rng.integers(1, 29, (len(s.target), 2)) % [12, 28] + 1])
    return np.where(left_of(s), day, None)


def an_end_date_far_ahead(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return np.where(left_of(s), rng.integers(20_240_101, 20_241_231, len(s.target)), 99_991_231).astype(float)


def next_invoice_of_who_stays(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    return np.where(left_of(s), np.nan, rng.integers(1, 31, len(s.target)))


PROVEN = [
    copied, copied_with_errors, turned_round, at_both_ends, missing_for_leavers, filled_for_leavers_only,
    a_status_of_some_leavers, a_number_that_marks_some_leavers, days_to_an_end_entered_in_advance,
    overwritten_and_carried_back, counted_until_today, last_contact_reason, an_end_date_as_text, an_end_date_far_ahead,
    next_invoice_of_who_stays,
]  # fmt: skip


@pytest.mark.parametrize("plant", PROVEN, ids=lambda plant: plant.__name__)
def test_a_proven_leak_is_removed_and_can_be_kept(clean: Snapshots, plant: Plant) -> None:
    spoiled = replace(clean, features=clean.features.assign(planted=plant(clean, np.random.default_rng(1))))
    reduced, removed = without_leaks(spoiled)
    assert list(removed) == ["planted"]
    assert reduced.features.columns.tolist() == clean.features.columns.tolist()
    assert reduced.notes == (f"left out: planted ({removed['planted']})",)
    assert without_leaks(spoiled, keep=["planted"]) == (spoiled, {})


def a_few_who_all_left(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """Fifteen leavers and nobody else: rare, and perhaps chance."""
    mark = np.full(len(s.target), "usual", dtype=object)
    mark[np.flatnonzero(left_of(s))[:15]] = "rare"
    return mark


def a_strong_honest_level(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """Two of three with it leave."""
    return np.where(left_of(s), rng.random(len(s.target)) < 0.5, rng.random(len(s.target)) < 0.033)


def a_strong_honest_number(s: Snapshots, rng: np.random.Generator) -> np.ndarray:
    """AUC .86, and near to certain at its end."""
    return s.target * 1.55 + rng.normal(size=len(s.target))


@pytest.mark.parametrize("plant", [a_few_who_all_left, a_strong_honest_level, a_strong_honest_number, a_name])
def test_what_is_not_proven_stays(clean: Snapshots, plant: Plant) -> None:
    seen = replace(clean, features=clean.features.assign(planted=plant(clean, np.random.default_rng(1))))
    assert without_leaks(seen) == (seen, {})


def test_honest_features_of_telco_stay(telco_snapshots: Snapshots) -> None:
    assert without_leaks(telco_snapshots)[1] == {}


def test_what_happened_before_a_date_is_no_leak_however_much_it_tells(clean: Snapshots) -> None:
    """Silence is how a leaver shows; the same as an attribute without a date is a leak."""
    silence = turned_round(clean, np.random.default_rng(1))
    for table, measure, leak in (("events", "days_since", False), ("customers", "attribute", True)):
        meanings = (*clean.meanings, Feature("planted", measure, table))
        seen = replace(clean, features=clean.features.assign(planted=silence), meanings=meanings)
        assert ("planted" in without_leaks(seen)[1]) is leak


def test_results_say_what_was_removed(clean: Snapshots) -> None:
    status = np.where(left_of(clean), "former", "current")
    spoiled = replace(clean, features=clean.features.assign(status=status))
    terms = {"budget": 100.0, "cost": 1.0, "offer": 1.0, "acceptance": 0.3, "value": 100.0}
    told = {
        "fit": kb.ChurnClassifier("logistic").fit(spoiled),
        "backtest": kb.backtest(spoiled, ["logistic"], validation=kb.Validation(folds=2, resamples=2)),
        "drivers": kb.drivers("logistic", spoiled, folds=2),
        "list": kb.contact_list("logistic", spoiled, kb.Campaign(**terms)),
    }
    why = "only leavers have 'former': "
    assert all(found.removed["status"].startswith(why) for found in told.values())
    assert "status" not in {name for group in told["drivers"].groups for name in group}
    assert "status" not in set(told["list"].reasons["feature"])
    assert "Left out, as they know the outcome: status." in told["backtest"].definition
    kept = kb.backtest(spoiled, ["logistic"], keep="status", validation=kb.Validation(folds=2, resamples=2))
    assert kept.removed == {}
    auc = [found.to_frame().query("metric == 'auc' and model == 'logistic'")["value"].item() for found in (
        told["backtest"], kept)]  # fmt: skip
    assert auc[0] < 0.9 < auc[1]
    with pytest.raises(kb.ArgumentError, match="keep='statsu' is no feature of the snapshots; did you mean 'status'"):
        kb.backtest(spoiled, keep="statsu")


def test_reports_name_what_is_proven(clean: Snapshots) -> None:
    found = kb.leakage_report(replace(clean, features=clean.features.assign(gone=clean.target)))
    assert [leak.column for leak in found.proven] == ["gone"]
    assert "Proven, and left out of models: gone (only leavers have '1.0': " in found.definition


def test_nothing_is_left_where_all_is_leaking(make_snapshots: Any) -> None:
    left = np.arange(200) % 2
    with pytest.raises(kb.NotEnoughData, match="every feature knows the outcome: a"):
        kb.backtest(
            make_snapshots(pd.DataFrame({"a": left * 1.0}), left), ["logistic"], validation=kb.Validation(folds=2)
        )
