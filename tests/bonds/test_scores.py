"""Bonding scores against what was planted, and against scores computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.bonds.contexts import BONDS, CONTEXTS, PLACES
from kbind.bonds.factors import from_signs, information, item_loadings, omega, sign_loadings
from kbind.bonds.response import weighted_mean
from kbind.bonds.scores import BondingScores, chances_to_lead

#: Bonds that behaviour shows.
SHOWN = ("forced", "lethargic", "economic", "habitual")
NO_EFFECT = "no_effect"  # 2,000 accounts: the smallest company that comes with kbind


@pytest.fixture(scope="module")
def data() -> kb.Dataset:
    return kb.datasets.load_saas(NO_EFFECT)


@pytest.fixture(scope="module")
def scores(data: kb.Dataset) -> BondingScores:
    return kb.bonding_scores(data)


def against_truth(scores: BondingScores) -> pd.DataFrame:
    assert scores.data.truth is not None
    planted = scores.data.truth.accounts.rename(columns=lambda name: name.removeprefix("bond_"))
    truth = planted[["customer_id", *BONDS]].melt("customer_id", var_name="bond", value_name="truth")
    return scores.frame.merge(truth, on=["customer_id", "bond"])


@pytest.mark.parametrize("name", [NO_EFFECT, "b2c"])
def test_scores_from_items_go_with_the_planted_ones(name: str, scores: BondingScores) -> None:
    found = against_truth(scores if name == NO_EFFECT else kb.bonding_scores(kb.datasets.load_saas(name)))
    asked = found[found["source"].isin(["items", "both"])]
    together = asked.groupby("bond")[["score", "truth"]].apply(lambda part: part.corr().iloc[0, 1])
    assert set(together.index) == set(BONDS)
    assert together.min() > 0.85


def test_scores_from_behaviour_go_with_the_planted_ones(scores: BondingScores) -> None:
    found = against_truth(scores)
    silent = found[found["source"] == "behaviour"]
    together = silent.groupby("bond")[["score", "truth"]].apply(lambda part: part.corr().iloc[0, 1])
    assert together[list(SHOWN)].min() > 0.5
    assert together["affective"] < 0.3  # behaviour hardly shows it, and says so: the interval stays wide
    width = (silent["ci_upper"] - silent["ci_lower"]).groupby(silent["bond"]).mean()
    assert width["affective"] == width.max()


def test_intervals_hold_the_planted_scores(scores: BondingScores) -> None:
    found = against_truth(scores)
    inside = found["truth"].between(found["ci_lower"], found["ci_upper"])
    rates = inside.groupby(found["source"]).mean()
    assert rates.between(0.92, 0.97).all()


def test_the_dominant_bond_is_the_planted_one_as_often_as_items_allow(scores: BondingScores) -> None:
    found = scores.dominant()
    assert scores.data.truth is not None
    planted = scores.data.truth.accounts.set_index("customer_id")["dominant_bond"].astype(str)
    right = found["bond"].to_numpy() == planted[found["customer_id"]].to_numpy()
    assert right.mean() == pytest.approx(found["probability"].mean(), abs=0.05)
    by_type = pd.Series(right).groupby(planted[found["customer_id"]].to_numpy()).mean()
    assert by_type.mean() > 0.7


def test_means_weigh_non_response(scores: BondingScores) -> None:
    assert scores.data.truth is not None
    planted = scores.data.truth.accounts.set_index("customer_id").loc[scores.customer]
    company = scores.company.set_index("bond")
    answered = scores.response.answered
    for bond in ("forced", "economic", "habitual", "value", "lethargic"):
        truth = 4 + 1.4 * 0.8 * planted[f"bond_{bond}"].mean()
        assert company.loc[bond, "ci_lower"] < truth < company.loc[bond, "ci_upper"]
    # who sleeps answers less: plain means understate it, weighted ones less so
    own = scores.answers.scores[:, scores.answers.of("lethargic")]
    truth = 4 + 1.4 * 0.8 * planted["bond_lethargic"].mean()
    assert abs(company.loc["lethargic", "mean"] - truth) < abs(np.nanmean(own[answered]) - truth)


def test_without_items_scores_rest_on_behaviour_and_no_level_is_told(data: kb.Dataset) -> None:
    feedback = data.table("feedback")
    tables = {name: data.table(name) for name in data.tables}
    tables["feedback"] = feedback[~feedback["instrument"].str.startswith("bond_")]
    bare = kb.open_dataset(tables, timezone=data.timezone, as_of=data.as_of, recorded_from=data.recorded_from)
    found = kb.bonding_scores(bare)
    assert set(found.frame["source"]) == {"behaviour"}
    assert np.isnan(found.position.value)
    assert found.company["mean"].isna().all()
    assert (found.company["n"] == 0).all()
    used = found.indicators.dropna(subset="loading")
    assert set(used["loading_from"]) == {"equal"}
    assert used.groupby("bond")["loading"].nunique().eq(1).all()
    checked = found.validity()
    assert not checked.passed
    assert checked.failed == ("no_items",)
    with pytest.raises(kb.NotEnoughData, match="fewer than two items were asked about: forced, lethargic"):
        found.dominant()
    with pytest.raises(kb.NotEnoughData, match="nothing to draw"):
        found.plot()


def test_signs_say_why_they_are_missing(scores: BondingScores) -> None:
    missing = scores.indicators.set_index("indicator")["missing"]
    assert missing["idle_seats"] == "there is no column events.user_id"
    assert missing["categories"] == "there is no column events.category"
    assert missing["products"] == "it is the same for all"
    assert missing["integrations"] == ""
    assert set(scores.indicators["bond"]) == set(BONDS)


def test_nothing_after_the_date_is_used(data: kb.Dataset) -> None:
    at = pd.Timestamp("2023-07-01")
    early = kb.bonding_scores(data, at=at)
    tables = {name: data.table(name) for name in data.tables}
    times = {"events": "timestamp", "feedback": "timestamp", "tickets": "opened", "subscriptions": "start",
             "customers": "acquired_at", "cancellations": "timestamp"}  # fmt: skip
    known = {name: tables[name][tables[name][time] < at] for name, time in times.items()}
    contracts = known["subscriptions"]
    known["subscriptions"] = contracts.assign(end=contracts["end"].where(contracts["end"] <= at))
    again = kb.bonding_scores(kb.open_dataset(known, timezone=data.timezone, as_of=at, recorded_from="2022-01-01"))
    assert len(early.frame) > 1000
    pd.testing.assert_frame_equal(early.frame, again.frame, rtol=1e-6)
    pd.testing.assert_frame_equal(early.company, again.company, rtol=1e-6)


def test_positions_by_a_column(scores: BondingScores) -> None:
    found = scores.positions("channel")
    assert list(found.columns) == ["channel", "value", "ci_lower", "ci_upper", "n"]
    assert found["n"].sum() == scores.position.n == scores.n_respondents
    assert found["value"].min() < scores.position.value < found["value"].max()
    assert -1 < scores.position.ci_lower < scores.position.ci_upper < 1
    with pytest.raises(kb.ArgumentError, match="by='chanel' is no column; did you mean 'channel'"):
        scores.positions("chanel")


def small(answers: dict[str, list[float | None]], **other: object) -> kb.Dataset:
    """Customers under contract, with answers by instrument; None: did not answer."""
    n = len(next(iter(answers.values())))
    rows = [(k, name, score) for name, several in answers.items() for k, score in enumerate(several)
            if score is not None]  # fmt: skip
    feedback = pd.DataFrame(rows, columns=["customer_id", "instrument", "score"]).assign(timestamp="2024-03-01")
    contracts = pd.DataFrame({"customer_id": range(n), "start": "2023-01-01", **other})
    return kb.open_dataset({"subscriptions": contracts, "feedback": feedback}, as_of="2024-06-01")


def test_one_item_by_hand() -> None:
    # mean 4, variance 4; one item has the assumed loading .7, so the score is z * .7 and the error sqrt(1 - .49)
    found = kb.bonding_scores(small({"bond_value_1": [2, 6, 2, 6, None]})).frame.set_index(["bond", "customer_id"])
    own = found.loc["value"]
    assert own["score"].tolist()[:4] == pytest.approx([-0.7, 0.7, -0.7, 0.7])
    assert (own["ci_upper"] - own["score"]).tolist()[:4] == pytest.approx([1.959964 * np.sqrt(0.51)] * 4)
    assert own["source"].tolist() == ["items"] * 4 + ["none"]
    assert np.isnan(own["score"].iloc[4])
    assert (found.loc["forced", "source"] == "none").all()


def test_two_equal_signs_by_hand() -> None:
    # discount alone: rank-normal 1 and -1, assumed loading .5
    found = kb.bonding_scores(small({"csat": [3, 3, 4, 4]}, discount=[0.0, 0.0, 0.2, 0.2]))
    own = found.frame[found.frame["bond"] == "economic"]
    assert own["score"].tolist() == pytest.approx([-0.5, -0.5, 0.5, 0.5])
    assert (own["ci_upper"] - own["score"]).tolist() == pytest.approx([1.959964 * np.sqrt(0.75)] * 4)


def test_level_and_position_by_hand() -> None:
    answers: dict[str, list[float | None]] = {f"bond_{bond}_1": [1, 1, 4] for bond in BONDS}
    answers |= {"bond_affective_1": [7, 4, 4], "bond_value_1": [1, 4, 7]}
    found = kb.bonding_scores(small(answers), context="b2c")
    company = found.company.set_index("bond")
    assert company["mean"].to_dict() == pytest.approx(dict.fromkeys(BONDS, 2.0) | {"value": 4, "affective": 5})
    # agreement from 0 to 1: only affective; value and affective alike; .5 to all but value, which has 1
    places = [1.0, (0.6 + 1) / 2, (0.5 * (-1 - 0.6 - 0.2 + 0.2 + 1) + 0.6) / 3.5]
    assert found.position.value == pytest.approx(np.mean(places))
    assert found.places == pytest.approx(places)
    assert company.index[company["wanted"]].tolist() == ["habitual", "value", "affective"]
    assert found.context is CONTEXTS["b2c"]
    assert list(company["place"]) == list(PLACES.values())


def test_a_combination_counts_by_precision() -> None:
    z, x = np.array([[1.0, 1.0], [np.nan, np.nan]]), np.array([[1.0], [1.0]])
    told, precision = information(z, np.array([0.8, 0.6]))
    mean, variance = from_signs(x, np.array([0.6]), equal=True)
    # 2 x 2 normal equations of three measures that are independent given the score
    loadings = np.array([0.8, 0.6, 0.6])
    r = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    weight = np.linalg.solve(r, loadings)
    assert (mean[0] / variance[0] + told[0]) / (1 / variance[0] + precision[0]) == pytest.approx(weight.sum())
    assert 1 / (1 / variance[0] + precision[0]) == pytest.approx(1 - weight @ loadings)
    assert (mean[1], variance[1]) == pytest.approx((0.6, 0.64))


def test_loadings_are_found_again() -> None:
    rng = np.random.default_rng(3)
    true, score = np.array([0.8, 0.6, 0.7]), rng.normal(size=(4000, 1))
    items = true * score + np.sqrt(1 - true**2) * rng.normal(size=(4000, 3))
    loadings, estimated = item_loadings((items - items.mean(axis=0)) / items.std(axis=0))
    assert estimated
    assert loadings == pytest.approx(true, abs=0.04)
    two, _ = item_loadings((items[:, :2] - items[:, :2].mean(axis=0)) / items[:, :2].std(axis=0))
    assert two == pytest.approx(np.sqrt(0.48), abs=0.04)
    told, precision = information(items, loadings)
    signs = np.array([0.5, 0.0]) * score + np.sqrt([0.75, 1.0]) * rng.normal(size=(4000, 2))
    found, _ = sign_loadings(signs, told / (1 + precision), precision / (1 + precision), np.ones(4000))
    assert found == pytest.approx([0.5, 0.0], abs=0.05)
    assert omega(loadings) == pytest.approx((2.1**2) / (2.1**2 + 0.36 + 0.64 + 0.51), abs=0.02)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=5),
    st.floats(0.1, 2),
)
def test_chances_to_lead_add_up_and_follow_the_scores(rows: list[tuple[float, float, float]], error: float) -> None:
    score = np.array(rows)
    chance = chances_to_lead(score, np.full(score.shape, error))
    assert chance.sum(axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-3)
    best = score.max(axis=1) == np.take_along_axis(score, chance.argmax(axis=1)[:, None], axis=1)[:, 0]
    close = score.max(axis=1) - np.take_along_axis(score, chance.argmax(axis=1)[:, None], axis=1)[:, 0] < 1e-6
    assert (best | close).all()


def test_a_weighted_mean_is_that_of_so_many_customers() -> None:
    x, w = np.array([1.0, 3.0, np.nan]), np.array([3.0, 1.0, 5.0])
    found = weighted_mean(x, w, 0.95)
    assert found.value == 1.5
    assert found.n == 2
    assert np.isnan(weighted_mean(np.array([np.nan]), np.ones(1), 0.95).value)
    assert np.isnan(weighted_mean(np.array([2.0]), np.ones(1), 0.95).ci_lower)


def test_measures_are_recommended_from_scores(scores: BondingScores) -> None:
    found = kb.recommend_measures(scores)
    assert set(found.gaps) == set(CONTEXTS["b2b"].wanted)
    actual = scores.company.set_index("bond")["mean"]
    assert found.gaps["value"].value == pytest.approx(actual.max() - actual["value"])


def test_the_picture_tells_the_numbers(scores: BondingScores) -> None:
    from kbind.plot.base import alt_text

    for lang, word in (("de", "Gewohnheit"), ("en", "Habit")):
        ax = scores.plot(lang=lang, wanted={"value": 5, "affective": 6})
        assert [tick.get_text() for tick in ax.get_yticklabels()][3] == word
        assert word in alt_text(ax)
    assert "Wanted: Shared values 5; Affection 6." in alt_text(ax)
    assert ax.get_xlim() == (1, 7)
    with pytest.raises(kb.ArgumentError, match=r"wanted: value=9 is not on the scale; allowed: 1 to 7"):
        scores.plot(wanted={"value": 9})
    with pytest.raises(kb.ArgumentError, match="says no bonds"):
        scores.plot(wanted={"love": 3})
