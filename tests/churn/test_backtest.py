from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

import kbind as kb
from kbind.churn.backtests import Backtest
from kbind.churn.folds import fit_on, make_folds
from kbind.churn.profit import decision_of
from kbind.churn.snapshots.snapshot_table import Snapshots
from simulations.company import simulate_saas

TERMS = {"budget": 33.0, "cost": 1.0, "offer": 10.0, "acceptance": 0.3, "value": 200.0}


class Given(ClassifierMixin, BaseEstimator):
    """The probability stands in a column; nothing is learned."""

    def __init__(self, column: str = "p") -> None:
        self.column = column

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Given:
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = X[self.column].to_numpy()
        return np.column_stack([1 - p, p])


def cell(frame: pd.DataFrame, model: str, metric: str, column: str = "value") -> float:
    return float(frame.set_index(["model", "metric"]).loc[(model, metric), column])


def days(*numbers: int) -> np.ndarray:
    return np.datetime64("2024-01-01", "us") + np.array(numbers).astype("timedelta64[D]")


@pytest.fixture
def dated(make_snapshots: Callable[..., Snapshots]) -> Snapshots:
    """Dates 0, 30, 60 and 90 days; lead 10 and horizon 20, so an outcome is complete exactly at the next date.

    At each date: a leaver with probability .9, two stayers with .5 and .1, and one gone in the lead with .7.
    """
    frame = pd.DataFrame({"p": np.tile([0.9, 0.5, 0.1, 0.7], 4)})
    target = np.tile([1.0, 0, 0, np.nan], 4)
    return make_snapshots(
        frame,
        target,
        customer=np.arange(16).astype(object),
        as_of=np.repeat(days(0, 30, 60, 90), 4),
        lost_in_lead=np.tile([False, False, False, True], 4),
        lead=10,
        horizon=20,
    )


# -- by hand: folds -------------------------------------------------------------------------------------------------


def test_forward_learns_only_from_outcomes_that_were_complete(dated: Snapshots) -> None:
    scheme, folds = make_folds(dated, kb.Validation(repeats=1), 0)
    assert scheme == "forward"
    assert [fold.test.tolist() for fold in folds] == [[4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
    # lost ones (3, 7, 11) are tested and never learned from
    assert [fold.train.tolist() for fold in folds] == [[0, 1, 2], [0, 1, 2, 4, 5, 6], [0, 1, 2, 4, 5, 6, 8, 9, 10]]
    # one day more, and the snapshot before is purged
    longer = make_folds(replace(dated, horizon=21), kb.Validation(repeats=1), 0)[1]
    assert [fold.train.tolist() for fold in longer] == [[0, 1, 2], [0, 1, 2, 4, 5, 6]]
    assert [fold.test.min() for fold in make_folds(dated, kb.Validation(folds=2, repeats=1), 0)[1]] == [8, 12]


def test_forward_needs_a_complete_date_before(dated: Snapshots) -> None:
    never = replace(dated, horizon=1000)
    assert make_folds(replace(never, customer=np.arange(16) % 8), kb.Validation(folds=2, repeats=1), 0)[0] == "grouped"
    with pytest.raises(kb.NotEnoughData, match=r"lead 10 \+ horizon 1000 days"):
        make_folds(never, kb.Validation(scheme="forward", folds=2, repeats=1), 0)


def test_unknown_outcomes_are_neither_learned_nor_tested(dated: Snapshots) -> None:
    target = dated.target.copy()
    target[12:15] = np.nan
    folds = make_folds(replace(dated, target=target), kb.Validation(repeats=1), 0)[1]
    assert [fold.test.max() for fold in folds] == [7, 11]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
def test_grouped_keeps_customers_whole_and_tests_everybody_once(make_panel: Any, seed: int) -> None:
    snapshots = make_panel(np.random.default_rng(seed), 80, 4)
    _, folds = make_folds(snapshots, kb.Validation(scheme="grouped", folds=3), seed)
    for fold in folds:
        assert not set(snapshots.customer[fold.train]) & set(snapshots.customer[fold.test])
        assert not snapshots.lost_in_lead[fold.train].any()
    for repeat in (0, 1):
        tested = np.concatenate([fold.test for fold in folds if fold.repeat == repeat])
        assert sorted(tested) == list(range(len(snapshots.target)))


# -- by hand: figures -----------------------------------------------------------------------------------------------


def test_lost_calls_count_in_lists_and_not_in_probabilities(dated: Snapshots) -> None:
    """Three tested dates, four customers each. By date the list of 3 calls (33 / 11) is .9, .7 (gone) and .5.

    .9 leaves: .3 * 190 - 1 = 56; .7 is gone: -1; .5 stays: -11. Altogether 44. A call to .1 would gain
    .1 * .3 * 190 - .9 * 10 - 1 < 0, so more money would change nothing.
    """
    found = kb.backtest(
        dated, {"given": Given()}, campaign=kb.Campaign(**TERMS), validation=kb.Validation(resamples=50)
    )
    frame = found.to_frame()
    assert found.n_lost == 3
    assert cell(frame, "given", "auc") == 1
    assert cell(frame, "given", "brier") == pytest.approx((0.01 + 0.25 + 0.01) / 3)
    assert (cell(frame, "given", "auc", "n"), cell(frame, "given", "lift_20", "n")) == (9, 12)
    assert cell(frame, "given", "auc", "events") == cell(frame, "given", "lift_20", "events") == 3
    assert cell(frame, "given", "lift_20") == 4  # 1 of 4 rows is called, and is the one who leaves
    assert cell(frame, "given", "profit") == pytest.approx(44)
    richer = kb.backtest(
        dated,
        {"given": Given()},
        campaign=kb.Campaign(**TERMS | {"budget": 1e6}),
        validation=kb.Validation(resamples=50),
    ).to_frame()
    assert cell(richer, "given", "profit") == pytest.approx(44)
    assert np.isnan(found.predictions.query("lost_in_lead")["target"]).all()


def test_nobody_is_called_without_consent_or_at_a_loss(dated: Snapshots) -> None:
    silent = replace(dated, consent=np.tile([0.0, 1, 1, 1], 4))
    frame = kb.backtest(
        silent, {"given": Given()}, campaign=kb.Campaign(**TERMS), validation=kb.Validation(resamples=20)
    ).to_frame()
    assert cell(frame, "given", "profit") == pytest.approx(-1 - 11)
    dear = kb.backtest(
        dated,
        {"given": Given()},
        campaign=kb.Campaign(**TERMS | {"cost": 80.0}),
        validation=kb.Validation(resamples=20),
    ).to_frame()
    assert cell(dear, "given", "profit") == 0
    assert cell(dear, "given", "profit", "ci_upper") == 0


def test_value_none_takes_a_year_of_the_customers_own_money(dated: Snapshots) -> None:
    value = np.tile([10.0, np.nan, 30.0, 20.0], 4)
    decision = decision_of(replace(dated, value=value), kb.Campaign(budget=33, cost=1, offer=10, acceptance=0.3))
    assert decision.value[:4].tolist() == [120, 240, 360, 240]
    assert decision.contacts == 3
    np.testing.assert_allclose(decision.gain(np.full(16, 0.5))[:2], [0.5 * 0.3 * 110 - 6, 0.5 * 0.3 * 230 - 6])


def test_baseline_gives_everybody_the_rate_before(dated: Snapshots) -> None:
    found = kb.backtest(dated, {"given": Given()}, validation=kb.Validation(resamples=20))
    assert found.models == ("given", "base_rate")
    table = found.predictions.query("model == 'base_rate'")
    np.testing.assert_allclose(table["probability"], 1 / 3)
    assert cell(found.to_frame(), "base_rate", "auc") == 0.5
    assert cell(found.to_frame(), "base_rate", "lift_10", "ci_upper") == pytest.approx(1)
    assert "empc" not in set(found.to_frame()["metric"])


def test_by_tenure_compares_within_bands(make_snapshots: Any) -> None:
    rng = np.random.default_rng(0)
    tenure = rng.integers(0, 60, 800).astype(float)
    p = 1 / (1 + np.exp(tenure / 15))
    left = rng.random(800) < p
    found = kb.backtest(
        make_snapshots(pd.DataFrame({"p": p, "tenure": tenure}), left),
        {"given": Given()},
        validation=kb.Validation(resamples=20),
    )
    bands = found.by_tenure([12, 24]).query("model == 'given' and metric == 'auc'")
    assert bands["n"].sum() == 800
    assert bands["tenure_from"].tolist()[1:] == [12, 24]
    young = tenure < 12
    assert bands["value"].iloc[0] == pytest.approx(roc_auc_score(left[young], p[young]))
    assert (bands["value"] < cell(found.to_frame(), "given", "auc")).all()
    assert len(found.by_tenure().query("model == 'given' and metric == 'brier'")) == 4
    with pytest.raises(kb.ArgumentError, match="do not rise"):
        found.by_tenure([24, 12])


# -- intervals ------------------------------------------------------------------------------------------------------


def test_repeats_add_no_certainty(make_snapshots: Any) -> None:
    """The same probabilities, tested once and four times: intervals may differ by chance of resampling only."""
    rng = np.random.default_rng(2)
    p = rng.uniform(0.05, 0.6, 600)
    snapshots = make_snapshots(pd.DataFrame({"p": p}), rng.random(600) < p)
    once, often = (
        kb.backtest(snapshots, {"given": Given()}, validation=kb.Validation(repeats=r, resamples=400)).to_frame()
        for r in (1, 4)
    )
    for metric in ("auc", "log_loss", "brier", "calibration_slope", "lift_10", "lift_20", "ece"):
        widths = [cell(f, "given", metric, "ci_upper") - cell(f, "given", metric, "ci_lower") for f in (once, often)]
        assert widths[1] == pytest.approx(widths[0], rel=0.15), metric
        assert cell(once, "given", metric, "n") == cell(often, "given", metric, "n") == 600


def test_several_rows_a_customer_widen_the_interval(make_snapshots: Any) -> None:
    """Four copies of each customer are no more certain than one."""
    rng = np.random.default_rng(5)
    p = rng.uniform(0.05, 0.6, 300)
    frame, left = pd.DataFrame({"p": p}), rng.random(300) < p
    copies = make_snapshots(
        pd.concat([frame] * 4, ignore_index=True), np.tile(left, 4), customer=np.tile(np.arange(300), 4).astype(object)
    )
    single = kb.backtest(
        make_snapshots(frame, left), {"given": Given()}, validation=kb.Validation(resamples=400)
    ).to_frame()
    copied = kb.backtest(copies, {"given": Given()}, validation=kb.Validation(resamples=400)).to_frame()
    for metric in ("auc", "brier", "calibration_intercept", "lift_20"):
        a, b = (cell(f, "given", metric, "ci_upper") - cell(f, "given", metric, "ci_lower") for f in (single, copied))
        assert b == pytest.approx(a, rel=0.15), metric


def test_differences_use_that_models_saw_the_same_customers(make_snapshots: Any) -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(0.05, 0.6, 2000)
    frame = pd.DataFrame({"p": p, "q": (p + rng.normal(0, 0.02, 2000)).clip(0.01, 0.99)})
    snapshots = make_snapshots(frame, rng.random(2000) < p)
    found = kb.backtest(snapshots, {"a": Given("p"), "b": Given("q")}, validation=kb.Validation(resamples=300))
    apart = found.differences().set_index(["model", "against", "metric"]).loc[("a", "b")]
    frame = found.to_frame()
    for metric in ("auc", "brier", "lift_10"):
        row = apart.loc[metric]
        assert row["difference"] == pytest.approx(cell(frame, "a", metric) - cell(frame, "b", metric))
        width = cell(frame, "a", metric, "ci_upper") - cell(frame, "a", metric, "ci_lower")
        assert 0 < row["ci_upper"] - row["ci_lower"] < 0.7 * width, metric
    assert len(found.differences()) == 3 * 8  # three pairs; all metrics without money but the calibration error


def test_same_seed_same_result(make_panel: Any) -> None:
    snapshots = make_panel(np.random.default_rng(1), 150, 4)
    first, second = (
        kb.backtest(snapshots, ["logistic"], rng=3, validation=kb.Validation(resamples=50)).to_frame() for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)


# -- no leakage -----------------------------------------------------------------------------------------------------


def test_what_happens_after_a_test_date_does_not_change_its_predictions(make_panel: Any) -> None:
    snapshots = make_panel(np.random.default_rng(7), 200, 5)
    date = np.unique(snapshots.as_of)[3]
    span = np.timedelta64(snapshots.lead + snapshots.horizon, "D")
    target, features = snapshots.target.copy(), snapshots.features.copy()
    unknown = snapshots.as_of + span > date
    target[unknown] = 1 - target[unknown]
    features.loc[snapshots.as_of > date] *= -5
    spoiled = replace(snapshots, target=target, features=features)
    plain, other = (
        kb.backtest(s, ["logistic"], validation=kb.Validation(resamples=2)).predictions for s in (snapshots, spoiled)
    )
    at = [f[(f["as_of"] == date) & (f["model"] == "logistic")]["probability"] for f in (plain, other)]
    assert len(at[0]) > 50
    np.testing.assert_array_equal(*at)


def test_random_split_overstates_and_forward_covers_the_future(make_panel: Any) -> None:
    """A forest learns customers by heart. The truth: the same forest, fitted as in the last fold, on new customers."""
    rng = np.random.default_rng(11)
    snapshots = make_panel(rng, 700, 10, horizon=4, noise=4)
    forest = {
        "forest": kb.ChurnClassifier(RandomForestClassifier(60, min_samples_leaf=2, random_state=0, max_depth=12))
    }
    honest = kb.backtest(snapshots, forest, validation=kb.Validation(folds=3, resamples=50))
    split = kb.backtest(snapshots, forest, validation=kb.Validation(scheme="random", folds=5, repeats=1, resamples=50))
    assert honest.scheme == "forward"
    assert "overstates" in split.definition
    known = ~np.isnan(snapshots.target) & ~snapshots.lost_in_lead
    past = known & (snapshots.as_of + np.timedelta64(snapshots.lead + snapshots.horizon, "D") <= snapshots.as_of.max())
    fitted = forest["forest"].fit(snapshots.features[past], snapshots.target[past])
    world = make_panel(rng, 20_000, 10, horizon=4, noise=4)
    last = (world.as_of == world.as_of.max()) & ~world.lost_in_lead
    truth = roc_auc_score(world.target[last], fitted.predict_proba(world.features[last])[:, 1])
    frame = honest.to_frame()
    assert cell(frame, "forest", "auc", "ci_lower") < truth < cell(frame, "forest", "auc", "ci_upper")
    assert cell(split.to_frame(), "forest", "auc", "ci_lower") > truth + 0.03


def test_simulated_company_is_told_as_well_as_its_twin() -> None:
    """The truth: models fitted on one company, judged at the same dates on a larger one under the same law."""
    dates = [f"2023-{month:02d}-01" for month in range(1, 13)] + ["2024-03-01", "2024-06-01"]
    company, twin = (kb.snapshots(simulate_saas(n, 36, rng=seed), as_of=dates) for n, seed in ((1200, 4), (4000, 99)))
    found = kb.backtest(company, ["logistic"], validation=kb.Validation(folds=2, resamples=20)).to_frame()
    aucs, events = [], []
    for fold in make_folds(company, kb.Validation(scheme="forward", folds=2, repeats=1), 0)[1]:
        fitted = fit_on(kb.ChurnClassifier(), company, fold.train)
        rows = (twin.as_of == company.as_of[fold.test][0]) & ~twin.lost_in_lead
        asked = twin.features[rows].reindex(columns=company.features.columns)
        aucs.append(roc_auc_score(twin.target[rows], fitted.predict_proba(asked)[:, 1]))
        events.append(twin.target[rows].sum())
    truth = np.average(aucs, weights=events)
    assert cell(found, "logistic", "auc", "ci_lower") < truth < cell(found, "logistic", "auc", "ci_upper")
    trees = kb.ChurnClassifier(RandomForestClassifier(40, min_samples_leaf=3, random_state=0))
    split = kb.backtest(
        company, {"forest": trees}, validation=kb.Validation(scheme="random", folds=3, repeats=1, resamples=20)
    ).to_frame()
    assert cell(split, "forest", "auc", "ci_lower") > truth + 0.05


# -- Telco ----------------------------------------------------------------------------------------------------------


def test_default_model_on_telco_reaches_what_is_known(telco_snapshots: Snapshots, reference: dict[str, Any]) -> None:
    wanted = reference["telco.models"]["expected"]
    found = kb.backtest(telco_snapshots, ["logistic"], rng=1, validation=kb.Validation(resamples=100))
    frame = found.to_frame()
    assert cell(frame, "logistic", "auc") >= wanted["auc"]
    assert cell(frame, "logistic", "log_loss") <= wanted["log_loss"]
    assert wanted["slope"][0] <= cell(frame, "logistic", "calibration_slope") <= wanted["slope"][1]
    assert cell(frame, "logistic", "lift_10") >= wanted["top_decile_lift"]
    assert cell(frame, "logistic", "auc", "n") == 7043
    assert cell(frame, "base_rate", "auc") == 0.5
    bands = found.by_tenure().query("model == 'logistic' and metric == 'auc'")["value"]
    assert bands.between(0.75, 0.83).all()


# -- what is refused ------------------------------------------------------------------------------------------------


def tried(seen: Snapshots, change: dict[str, Any]) -> Backtest:
    """A backtest, with settings where they belong."""
    money = {name: value for name, value in change.items() if name in TERMS}
    ways = {name: value for name, value in change.items() if name in ("scheme", "folds", "repeats", "resamples")}
    rest = {name: value for name, value in change.items() if name not in money | ways}
    campaign = kb.Campaign(**money) if money else None
    validation = kb.Validation(**ways)
    return kb.backtest(seen, **{"models": {"given": Given()}} | rest, campaign=campaign, validation=validation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": "logistic"}, "models='logistic' is not usable"),
        ({"models": ["logistik"]}, "did you mean 'logistic'"),
        ({"models": {"mine": 3}}, r"models\['mine'\]=3 gives no probabilities; allowed: a name, or a classifier"),
        ({"scheme": "forwards"}, "did you mean 'forward'"),
        ({"folds": 1}, "folds=1 is not possible"),
        ({"repeats": 0}, "repeats=0 is not possible"),
        ({"resamples": 0}, "resamples=0 is not possible"),
        ({"conf_level": 95}, "conf_level=95"),
        ({"rng": -1}, "rng=-1 starts no random numbers"),
        ({"rng": "abc"}, "rng='abc' starts no random numbers"),
        ({"budget": 100}, "cost is not given"),
        (TERMS | {"acceptance": 30}, "acceptance=30 is no share"),
        (TERMS | {"cost": -1}, "cost=-1 is no amount"),
    ],
)
def test_backtest_refuses(dated: Snapshots, change: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        tried(dated, change)


def test_backtest_says_what_the_data_lacks(dated: Snapshots) -> None:
    for change, message in (
        (TERMS | {"value": None}, "the snapshots have none; give a value"),
        ({"scheme": "grouped", "folds": 9}, "folds=9 needs at least 9 leavers"),
    ):
        with pytest.raises(kb.NotEnoughData, match=message):
            tried(dated, change)


@pytest.mark.parametrize("model", ["default", "logistic", "boosting"])
def test_degenerate_features_stop_no_backtest(make_panel: Any, model: str) -> None:
    seen = make_panel(np.random.default_rng(0), 250, 6)
    early = seen.as_of <= np.unique(seen.as_of)[3]
    number = np.arange(len(early)) % 7.0
    features = seen.features.assign(
        never=np.nan, same=1.0, none=pd.Categorical([None] * len(early)), begun=np.where(early, np.nan, number)
    )
    found = kb.backtest(replace(seen, features=features), [model], validation=kb.Validation(folds=3, resamples=2))
    assert found.to_frame().query("metric == 'auc'")["value"].between(0, 1).all()
    assert set(found.chosen[model]) <= {"logistic", "boosting"}
    wild = features.assign(wild=np.where(np.arange(len(early)) == 5, np.inf, 1.0))
    with pytest.raises(kb.ArgumentError, match="feature 'wild' has 1 infinite values"):
        kb.backtest(replace(seen, features=wild), [model])


def test_parts_have_leavers_that_are_customers(make_snapshots: Any) -> None:
    """Two customers who leave, seen five times each, cannot be spread over three parts."""
    left = np.repeat([1, 0, 0, 0, 0, 0, 0, 1], 5)
    seen = make_snapshots(
        pd.DataFrame({"a": np.arange(40.0)}), left, customer=np.repeat(np.arange(8), 5).astype(object)
    )
    with pytest.raises(kb.NotEnoughData, match="folds=3 needs at least 3 leavers and 3 stayers; there are 2"):
        kb.backtest(seen, ["logistic"], validation=kb.Validation(folds=3))


def test_default_comes_first_and_says_what_it_took(make_panel: Any) -> None:
    found = kb.backtest(make_panel(np.random.default_rng(1), 100, 4), validation=kb.Validation(resamples=2, folds=2))
    assert found.models == ("default", "logistic", "boosting", "base_rate")
    assert found.chosen == {name: (name.replace("default", "logistic"),) * 2 for name in found.models[:3]}
