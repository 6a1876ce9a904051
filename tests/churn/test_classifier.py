from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import kbind as kb
from kbind.churn.choosing import STRENGTHS, ShrunkLogistic
from kbind.churn.classifier import RateTable
from kbind.churn.preparing import KNOTS, Curves, _natural
from kbind.estimate.scores import calibration

MODELS = ("default", "logistic", "boosting")


@parametrize_with_checks([kb.ChurnClassifier(model) for model in MODELS])
def test_scikit_learn_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def customers(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.exponential(20, n),
            "logins": rng.poisson(3, n),
            "plan": rng.choice(["basic", "pro", "team"], n),
            "paperless": rng.random(n) < 0.5,
        }
    )
    odds = 0.5 - frame["tenure"] / 15 + (frame["plan"] == "basic")
    return frame, (rng.random(n) < 1 / (1 + np.exp(-odds))).to_numpy().astype(int)


def holes(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same customers with a tenth of all values missing."""
    missing = np.random.default_rng(seed).random(frame.shape) < 0.1
    return frame.astype(object).mask(missing).infer_objects()


# -- data frames as they come ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [*MODELS, RandomForestClassifier(20, random_state=0)])
def test_frames_with_categories_and_missing_values(model: Any) -> None:
    frame, left = customers()
    spoiled = holes(frame, 1)
    spoiled["tenure"] = pd.to_numeric(spoiled["tenure"])
    fitted = kb.ChurnClassifier(model).fit(spoiled, left)
    strange = pd.DataFrame({"tenure": [None], "logins": [None], "plan": ["never seen"], "paperless": [None]})
    for asked in (spoiled, frame.head(5), strange):
        p = fitted.predict_proba(asked)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        assert ((p > 0) & (p < 1)).all() or not isinstance(model, str)


@pytest.mark.parametrize("model", MODELS)
def test_types_of_columns_do_not_change_predictions(model: str) -> None:
    """Category, string and nullable columns hold what text, floats and booleans hold."""
    frame, left = customers()
    other = frame.astype({"plan": "category", "logins": "Int64", "paperless": "boolean", "tenure": "Float64"})
    plain = kb.ChurnClassifier(model).fit(frame, left).predict_proba(frame)
    np.testing.assert_allclose(kb.ChurnClassifier(model).fit(other, left).predict_proba(other), plain)
    arrow = frame.astype({"plan": "string"})
    np.testing.assert_allclose(kb.ChurnClassifier(model).fit(arrow, left).predict_proba(frame), plain)


def test_labels_may_be_words() -> None:
    frame, left = customers()
    words = np.where(left == 1, "Yes", "No")
    fitted = kb.ChurnClassifier().fit(frame, words)
    assert fitted.classes_.tolist() == ["No", "Yes"]
    plain = kb.ChurnClassifier().fit(frame, left)
    np.testing.assert_allclose(fitted.predict_proba(frame), plain.predict_proba(frame))
    assert ((fitted.predict(frame) == "Yes") == (plain.predict(frame) == 1)).all()


def test_rare_levels_are_pooled_and_the_unknown_counts_as_rare() -> None:
    frame, left = customers(2000)
    frame.loc[:7, "plan"] = ["a", "b", "c", "d", "e", "f", "g", "h"]
    fitted = kb.ChurnClassifier().fit(frame, left)
    asked = pd.concat([frame.head(1)] * 3, ignore_index=True).assign(plan=["a", "h", "unheard of"])
    p = fitted.predict_proba(asked)[:, 1]
    np.testing.assert_allclose(p, p[0])


@pytest.mark.parametrize("model", MODELS)
def test_probabilities_are_calibrated_and_not_balanced(model: str) -> None:
    frame, left = customers(3000)
    p = kb.ChurnClassifier(model).fit(frame, left).predict_proba(frame)[:, 1]
    assert p.mean() == pytest.approx(left.mean(), abs=0.002)


def test_a_wild_value_moves_no_curve() -> None:
    frame, left = customers()
    made = []
    for extreme in (1e3, 1e9):
        wild = pd.concat([frame, frame.tail(1).assign(tenure=extreme)], ignore_index=True)
        made.append(kb.ChurnClassifier().fit(wild, np.append(left, 0)).predict_proba(frame))
    np.testing.assert_allclose(made[0], made[1], atol=1e-6)


def test_a_column_without_any_value_says_nothing() -> None:
    frame, left = customers()
    plain = kb.ChurnClassifier().fit(frame, left).predict_proba(frame)
    empty = frame.assign(never=np.nan, same=1.0)
    np.testing.assert_allclose(kb.ChurnClassifier().fit(empty, left).predict_proba(empty), plain, atol=0.005)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": customers()[0].assign(day=pd.Timestamp("2024-01-01"))}, "X has points in time: day"),
        ({"X": customers()[0].assign(logins=np.inf)}, "column 'logins', has infinite values"),
        ({"y": np.arange(400) % 3}, "Only binary classification"),
        ({"y": np.zeros(3)}, "X has 400 rows and y 3"),
        ({"X": customers()[0][[]]}, "400 rows and 0 columns"),
    ],
)
def test_fit_refuses(change: dict[str, Any], message: str) -> None:
    frame, left = customers()
    with pytest.raises(kb.ArgumentError, match=message):
        kb.ChurnClassifier().fit(**{"X": frame, "y": left} | change)


def test_fit_needs_leavers_and_stayers() -> None:
    with pytest.raises(kb.NotEnoughData, match="only one class"):
        kb.ChurnClassifier().fit(customers()[0], np.ones(400))


def test_models_that_cannot_be_used() -> None:
    frame, left = customers()
    with pytest.raises(kb.ArgumentError, match="did you mean 'logistic'"):
        kb.ChurnClassifier("logistics").fit(frame, left)
    with pytest.raises(kb.ArgumentError, match="gives no probabilities"):
        kb.ChurnClassifier(LinearRegression()).fit(frame, left)
    fitted = kb.ChurnClassifier().fit(frame, left)
    with pytest.raises(kb.ArgumentError, match="column 'logins', held numbers when fitted"):
        fitted.predict_proba(frame.assign(logins="many"))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict_proba(frame.drop(columns="plan"))


def test_one_leaver_seen_several_times_is_one_leaver(make_panel: Callable[..., Any]) -> None:
    """A leaver is seen at up to six dates, and steady noise invites to be learned by heart."""
    rng = np.random.default_rng(3)
    seen, new = (make_panel(rng, n, 8, lead=0, horizon=6, noise=25) for n in (300, 4000))
    loss = {}
    for name, groups in (("rows", None), ("customers", seen.customer)):
        fitted = kb.ChurnClassifier("logistic").fit(seen.features, seen.target, groups=groups)
        loss[name] = log_loss(new.target, fitted.predict_proba(new.features)[:, 1]), fitted.pipeline_[-1].strength_
    assert loss["customers"][1] < loss["rows"][1]
    assert loss["customers"][0] < loss["rows"][0] - 0.01


def test_shrinkage_costs_little_more_than_the_best_on_new_customers() -> None:
    """Over 15 samples of 400 customers and 30 columns, three of which matter; the truth from 5,000 others."""
    beta = np.append([0.8, -0.5, 0.4], np.zeros(27))
    losses, chosen = [], []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        x, new = rng.normal(size=(400, 30)), rng.normal(size=(5000, 30))
        left, later = (rng.random(len(v)) < 1 / (1 + np.exp(1 - v @ beta)) for v in (x, new))
        models = [LogisticRegression(C=c).fit(x, left) for c in STRENGTHS]
        losses.append([log_loss(later, model.predict_proba(new)[:, 1]) for model in models])
        chosen.append(losses[-1][STRENGTHS.index(ShrunkLogistic().fit(x, left.astype(int)).strength_)])
    assert np.mean(chosen) < np.mean(losses, axis=0).min() + 0.005
    assert np.mean(chosen) < np.mean(losses, axis=0)[-1] - 0.01  # the weakest penalty


# -- splines --------------------------------------------------------------------------------------------------------


def test_natural_spline_by_hand() -> None:
    """Knots 0, 1, 2 and x = 3: (27 - 8 * 2 / 1 + 1 * 1 / 1) / 4 = 3, and a line from 2 on."""
    basis = _natural(np.array([-1.0, 1, 2, 3, 4]), np.array([0.0, 1, 2]))
    np.testing.assert_allclose(basis[:, 0], [-1, 1, 2, 3, 4])
    np.testing.assert_allclose(basis[:, 1], [0, 0.25, 1.5, 3, 4.5])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_curves_are_uncorrelated_and_do_not_depend_on_the_unit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.gamma(1.0, 10, (300, 1))
    made = Curves().fit_transform(x)
    assert made.shape == (300, len(KNOTS) - 1)
    np.testing.assert_allclose(np.cov(made.T, bias=True), np.eye(made.shape[1]), atol=1e-6)
    scaled = Curves().fit_transform(1000 * x + 5)
    np.testing.assert_allclose(made @ made.T, scaled @ scaled.T, atol=1e-4)  # up to a rotation


def test_curves_flag_what_is_missing() -> None:
    x = np.array([[1.0], [2.0], [np.nan], [4.0]])
    made = Curves(bent=False).fit_transform(x)
    assert made[:, 1].tolist() == [0, 0, 1, 0]
    assert made[2, 0] == made[1, 0]  # the median is 2


# -- tables of rates ------------------------------------------------------------------------------------------------


def test_rate_table_by_hand() -> None:
    """Plan a: 3 of 10 left, plan b: 1 of 10; of all, 4 of 20. Ten average customers are added to each."""
    frame = pd.DataFrame({"plan": ["a"] * 10 + ["b"] * 10, "tenure": np.arange(20)})
    left = np.array([1] * 3 + [0] * 7 + [1] + [0] * 9)
    p = RateTable(["plan"]).fit(frame, left).predict_proba(frame.iloc[[0, -1]])[:, 1]
    np.testing.assert_allclose(p, [(3 + 2) / 20, (1 + 2) / 20])
    assert RateTable().fit(frame, left).predict_proba(frame)[:, 1].tolist() == [0.2] * 20
    both = RateTable(["plan", "tenure"]).fit(frame, left)
    assert both.predict_proba(frame.assign(tenure=np.nan))[:, 1].tolist() == [0.2] * 20  # a cell never seen


def states(n: int, levels: int, seed: int, spread: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers of as many states, each with an effect of its own on the log odds."""
    effect = np.random.default_rng(0).normal(size=levels)
    rng = np.random.default_rng(seed)
    state, months = rng.integers(0, levels, n), rng.integers(0, 60, n)
    risk = 1 / (1 + np.exp(1 + months / 60 - spread * effect[state]))
    frame = pd.DataFrame({"months": months, "state": [f"s{k:03d}" for k in state]})
    return frame, (rng.random(n) < risk).astype(int)


@pytest.mark.parametrize("model", ["logistic", "boosting"])
@pytest.mark.parametrize("levels", [50, 120])
def test_a_planted_effect_of_states_is_found(model: str, levels: int) -> None:
    seen, new = (states(6000, levels, seed, 1.2) for seed in (1, 2))
    fitted = kb.ChurnClassifier(model).fit(*seen)
    alone = kb.ChurnClassifier(model).fit(seen[0][["months"]], seen[1])
    auc = [roc_auc_score(new[1], m.predict_proba(new[0][list(m.feature_names_in_)])[:, 1]) for m in (fitted, alone)]
    assert auc[0] > 0.70 > 0.60 > auc[1]


@pytest.mark.parametrize("model", ["logistic", "boosting"])
def test_states_that_do_not_matter_are_not_learned_by_heart(model: str) -> None:
    """Outcomes dealt out anew: nothing is found among new customers, and the probabilities stay near the average."""
    frame, left = states(3000, 100, 3, 1.2)
    dealt = np.random.default_rng(4).permutation(left)
    new, gone = states(6000, 100, 5, 0.0)
    gone = np.random.default_rng(6).permutation(gone)
    p = kb.ChurnClassifier(model).fit(frame, dealt).predict_proba(new)[:, 1]
    assert roc_auc_score(gone, p) == pytest.approx(0.5, abs=0.025)
    assert p.std() < 0.06


# -- the choice between regression and trees ------------------------------------------------------------------------


def crossed(n: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Who leaves is decided by whether two signs agree: no regression without interactions can tell."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    return frame, (rng.random(n) < np.where(frame["a"] * frame["b"] > 0, 0.6, 0.1)).astype(int)


def test_default_takes_trees_where_features_act_together() -> None:
    frame, left = crossed()
    new, later = crossed(4000, seed=1)
    loss = {}
    for model in MODELS:
        fitted = kb.ChurnClassifier(model).fit(frame, left)
        loss[model] = log_loss(later, fitted.predict_proba(new)[:, 1])
        assert fitted.chosen == ("logistic" if model == "logistic" else "boosting")
    assert loss["default"] == loss["boosting"] < loss["logistic"] - 0.05


def test_default_takes_the_regression_where_risks_add_up() -> None:
    frame, left = customers(1500)
    fitted = kb.ChurnClassifier().fit(frame, left)
    assert fitted.chosen == "logistic"
    plain = kb.ChurnClassifier("logistic").fit(frame, left)
    np.testing.assert_array_equal(fitted.predict_proba(frame), plain.predict_proba(frame))


def test_few_leavers_choose_nothing() -> None:
    frame, left = crossed(300)
    left[np.flatnonzero(left)[49:]] = 0
    assert kb.ChurnClassifier().fit(frame, left).chosen == "logistic"
    # rows of the same forty customers are forty leavers at most
    assert kb.ChurnClassifier().fit(*crossed(300), groups=np.arange(300) % 40).chosen == "logistic"


def test_trees_are_put_right_by_customers_held_out() -> None:
    """Their slope on new customers is near 1, also where they say little."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, new = rng.normal(size=(800, 6)), rng.normal(size=(4000, 6))
        left, later = (rng.random(len(v)) < 1 / (1 + np.exp(1 - v[:, 0])) for v in (x, new))
        fitted = kb.ChurnClassifier("boosting").fit(x, left)
        odds = fitted.predict_proba(new)[:, 1]
        slope = calibration(later.astype(float), odds, slope=True).value
        assert 0.75 < slope < 1.35
        assert fitted.setting_.slope != 1


def test_what_was_chosen_can_be_given_again() -> None:
    frame, left = crossed()
    first = kb.ChurnClassifier().fit(frame, left)
    again = kb.ChurnClassifier(first.setting_).fit(frame, left)
    assert again.chosen == "boosting"
    np.testing.assert_array_equal(first.predict_proba(frame), again.predict_proba(frame))


# -- features that say nothing --------------------------------------------------------------------------------------

NOTHING = {
    "no value at all": lambda n: np.full(n, np.nan),
    "no level at all": lambda n: pd.Categorical([None] * n),
    "one value": lambda n: np.ones(n),
    "one level": lambda n: np.array(["x"] * n, dtype=object),
    "one value, hardly ever": lambda n: np.where(np.arange(n) == 0, 1.0, np.nan),
    "only missing for who comes first": lambda n: np.where(np.arange(n) < n // 2, np.nan, 1.0),
}


@pytest.mark.parametrize("model", [*MODELS, LogisticRegression()])
@pytest.mark.parametrize("what", NOTHING)
def test_features_that_say_nothing_stop_no_model(model: Any, what: str) -> None:
    frame, left = customers()
    p = kb.ChurnClassifier(model).fit(frame.assign(e=NOTHING[what](400)), left).predict_proba(frame.assign(e=None))
    assert np.isfinite(p).all()


@pytest.mark.parametrize("model", MODELS)
def test_without_anything_to_tell_everybody_gets_the_mean(model: str) -> None:
    left = np.arange(200) % 4 == 0
    fitted = kb.ChurnClassifier(model).fit(pd.DataFrame({"e": np.full(200, np.nan), "f": ["x"] * 200}), left)
    np.testing.assert_allclose(fitted.predict_proba(pd.DataFrame({"e": [1.0], "f": ["y"]})), [[0.75, 0.25]])


# -- snapshots as they come -----------------------------------------------------------------------------------------


def test_fit_takes_snapshots_and_says_what_it_left_out(make_panel: Any) -> None:
    seen = make_panel(np.random.default_rng(0), 300, 4)
    target = seen.target.copy()
    target[seen.as_of == seen.as_of.max()] = np.nan
    seen = replace(seen, target=target)
    known = ~np.isnan(target) & ~seen.lost_in_lead
    fitted = kb.ChurnClassifier("logistic").fit(seen)
    by_hand = kb.ChurnClassifier("logistic").fit(
        seen.features[known], target[known].astype(int), groups=seen.customer[known].astype(str)
    )
    np.testing.assert_array_equal(fitted.predict_proba(seen), by_hand.predict_proba(seen.features))
    n, unknown = len(target), int(np.isnan(target).sum())
    lost = int((seen.lost_in_lead & ~np.isnan(target)).sum())
    assert fitted.notes_ == (
        f"not learned from: {unknown:,} of {n:,} rows whose outcome is not known yet",
        f"not learned from: {lost:,} of {n:,} rows of who was gone in the lead",
    )
    with pytest.raises(kb.ArgumentError, match="leave them out"):
        kb.ChurnClassifier().fit(seen, seen.target)
    with pytest.raises(kb.NotEnoughData, match="has a known outcome"):
        kb.ChurnClassifier().fit(replace(seen, target=np.full(n, np.nan)))
