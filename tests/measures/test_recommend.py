"""The catalogue of measures, and which of them fit a gap."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.bonds.answers import Answer
from kbind.bonds.contexts import BONDS, CONTEXTS
from kbind.bonds.questions import QUESTIONS, BondQuestions
from kbind.dataset.provenance import Provenance
from kbind.dataset.schema import TABLES
from kbind.estimate.estimate import Estimate
from kbind.measures.catalogue import Measure, load_measures
from kbind.measures.rules import OCCASIONS

CATALOGUE = load_measures()
ACTUAL = {"forced": 1.0, "lethargic": 0.5, "economic": 0.5, "habitual": 0.0, "value": 0.0, "affective": -1.0}


def test_catalogue_holds_what_the_trade_names() -> None:
    assert [len(CATALOGUE.of_kind(kind)) for kind in ("family", "instrument", "practice")] == [6, 25, 12]
    families = {one.key for one in CATALOGUE.of_kind("family")}
    assert {one.family for one in CATALOGUE.of_kind("instrument")} == families


@pytest.mark.parametrize("measure", CATALOGUE.measures.values(), ids=CATALOGUE.measures)
def test_every_measure_is_whole(measure: Measure) -> None:
    assert set(measure.name) == set(measure.text) == {"de", "en"}
    assert all(measure.name.values())
    assert all(text.endswith(".") for text in measure.text.values())
    assert measure.bonds
    assert set(measure.bonds) <= set(BONDS)
    assert set(measure.fit) <= {"b2b", "b2c"}
    assert measure.fit
    assert set(measure.risks) <= set(CATALOGUE.risks)
    assert measure.risks
    assert set(measure.triggers) <= {one.key for one in OCCASIONS}
    assert measure.indicator or measure.kind == "family"
    for need in measure.needs:
        table, _, column = need.partition(".")
        if need.startswith("ability:"):
            assert need.removeprefix("ability:") in CATALOGUE.abilities
        elif need != "customers.attributes":
            assert table in TABLES
            assert not column or column in TABLES[table].columns


def test_risks_and_abilities_have_words_in_both_languages() -> None:
    for words in (*CATALOGUE.risks.values(), *CATALOGUE.abilities.values()):
        assert set(words) == {"de", "en"}


def test_indicators_are_questions_practices_or_figures() -> None:
    named = {one.indicator for one in CATALOGUE.measures.values()} - {""}
    questions = {question.key for question in QUESTIONS}
    practices = {one.indicator for one in CATALOGUE.of_kind("practice")}
    assert named <= questions | practices | {"onboarding", "personas", "score_affective", "service_recovery"}


def test_keys_are_unique() -> None:
    assert len(CATALOGUE.measures) == 6 + 25 + 12  # one key twice would have hidden a measure


def test_occasions_start_measures_that_name_them() -> None:
    for one in OCCASIONS:
        for key, context in zip(one.measure, ("b2b", "b2c"), strict=True):
            assert context in CATALOGUE.measures[key].fit


def test_fit_is_the_mean_gap_of_the_bonds_that_a_measure_builds() -> None:
    found = kb.recommend_measures(ACTUAL, wanted={"affective": 1.0, "value": 0.5})
    fit = {one.measure.key: one.fit.value for one in found.ranked}
    assert fit["personal_cards"] == pytest.approx(2.0)  # affective alone: 1 - (-1)
    assert fit["groups"] == pytest.approx((2.0 + 0.5) / 2)
    assert fit["shared_accounts"] == pytest.approx(2.0 / 2)  # nobody wants habitual
    assert "switching_costs" not in fit
    assert "points" not in fit  # for consumers


def test_bonds_to_be_strengthened_should_be_as_strong_as_the_strongest() -> None:
    found = kb.recommend_measures(ACTUAL, wanted=["value"])
    assert found.gaps["value"].value == 1.0
    assert set(kb.recommend_measures(ACTUAL, context="b2c").gaps) == set(CONTEXTS["b2c"].wanted)


def test_what_there_is_too_much_of_speaks_against_a_measure() -> None:
    found = kb.recommend_measures(ACTUAL, wanted={"value": 1.0, "forced": 0.0})
    assert found.ranked
    # network effects would close 1 and add to 1 too much
    assert all("forced" not in one.measure.bonds for one in found.ranked)


def test_limits_of_scores_become_limits_of_the_fit() -> None:
    frame = pd.DataFrame(
        {"bond": ["affective", "forced"], "mean": [0.0, 1.0], "ci_lower": -0.2, "ci_upper": [1.3, 1.1]}
    )
    found = kb.recommend_measures(SimpleNamespace(company=frame, context="b2b"), wanted={"affective": 1.0})
    cards = next(one for one in found.ranked if one.measure.key == "personal_cards")
    assert cards.fit.interval == pytest.approx((-0.3, 1.2))
    assert ("unsure", "affective") in cards.reasons


def test_what_was_not_measured_is_told() -> None:
    found = kb.recommend_measures({"forced": 1.0, "affective": 0.0}, wanted=["affective", "value"])
    groups = next(one for one in found.ranked if one.measure.key == "groups")
    assert ("unknown", "value") in groups.reasons


def test_only_results_of_this_data_raise_a_grade() -> None:
    seen = kb.Finding(Estimate(0.6, 0.4, 0.9), neutral=1, lower_is_better=True)
    trial = kb.Finding(Estimate(0.05, 0.01, 0.09), trial=True)
    worse = kb.Finding(Estimate(-0.05, -0.09, -0.01), trial=True)
    observed = {"service_recovery": seen, "milestones": trial, "personal_cards": worse}
    plain = kb.recommend_measures(ACTUAL, wanted=["affective"])
    found = kb.recommend_measures(ACTUAL, wanted=["affective"], observed=observed)
    grade = {one.measure.key: one.grade for one in found.ranked}
    assert all(one.is_hypothesis for one in plain.ranked)
    assert grade["service_recovery"] == "observed"
    assert grade["milestones"] == "shown"
    assert grade["personal_cards"] == "refuted"
    assert ("fails", "personal_cards") in next(x for x in found.ranked if x.measure.key == "personal_cards").reasons
    assert found.ranked[-1].measure.key == "personal_cards"  # whatever gap it would close
    assert found.ranked[0].measure.key == "milestones"  # of those that fit alike, what is shown comes first


def test_answers_about_bonds_count_where_they_are_about_leaving() -> None:
    answers = (
        Answer("praise", "affective", "hazard_ratio", Estimate(0.7, 0.6, 0.9)),
        Answer("first_exit", "forced", "hazard_ratio", Estimate(3.0, 2.0, 4.0)),
        Answer("rhythm", "habitual", "share", Estimate(0.4, 0.3, 0.5)),
    )
    asked = BondQuestions(answers, 182, 0.95, Provenance("made by hand", None, None))
    found = kb.recommend_measures(ACTUAL, wanted={"affective": 1.0, "forced": 2.0}, observed=asked)
    judged = {one.measure.key: one for one in found.ranked}
    assert judged["public_praise"].grade == "observed"
    assert judged["switching_costs"].grade == "claimed"
    assert ("fails", "first_exit") in judged["switching_costs"].reasons
    assert judged["service_recovery"].grade == "claimed"


def test_frame_calls_hypotheses_hypotheses() -> None:
    frame = kb.recommend_measures(ACTUAL).to_frame()
    assert frame["is_hypothesis"].all()
    assert frame["fit"].is_monotonic_decreasing


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(BONDS), st.floats(-3, 3), min_size=1), st.sampled_from(["b2b", "b2c"]))
def test_nothing_is_recommended_that_closes_no_gap(actual: dict[str, float], context: str) -> None:
    found = kb.recommend_measures(actual, context=context)
    for one in found.ranked:
        assert one.fit.value > 0
        assert context in one.measure.fit
        assert any(reason == "closes" for reason, _ in one.reasons)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": {"afective": 1}}, "did you mean 'affective'"),
        ({"scores": {}}, "scores is empty"),
        ({"scores": {"value": float("nan")}}, "holds no number"),
        ({"scores": 3}, "holds no bonds"),
        ({"scores": ACTUAL, "wanted": ["nonsense"]}, "no bond 'nonsense'"),
        ({"scores": ACTUAL, "context": "b2g"}, "allowed: 'b2b', 'b2c'"),
        ({"scores": ACTUAL, "observed": {"points": 3}}, "is no Finding"),
        ({"scores": ACTUAL, "observed": {"nonsense": kb.Finding(Estimate(1))}}, "no measure or indicator"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.recommend_measures(**arguments)  # type: ignore[arg-type]
