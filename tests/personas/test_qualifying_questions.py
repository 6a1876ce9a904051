from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.dataset.provenance import Provenance
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import wilson
from kbind.personas.parts import Rule, Statement
from kbind.personas.persona import Persona
from kbind.personas.questions import QualifyingQuestions, Question, _Asker
from kbind.personas.refinement.columns import columns_of
from kbind.personas.refinement.measure import Matcher


def persona(*rules: Rule, **more: object) -> Persona:
    return Persona("toy", 1, "Sales", "2026-01-01", "toy", rules, **more)


KIND_X = persona(Rule("kind", in_=("x",)))


def company(n: int = 6000) -> pd.DataFrame:
    """Need b keeps customers, budget and gender do nothing, region goes with the contract, and only that matters."""
    rng = np.random.default_rng(7)
    need, contract = rng.integers(0, 2, n), rng.integers(0, 2, n)
    region = np.where(rng.random(n) < 0.85, contract, 1 - contract)
    stay = 0.4 + 0.2 * need + 0.3 * contract
    return pd.DataFrame(
        {
            "customer_id": range(n),
            "kind": rng.choice(["x", "y"], n),
            "need": np.array(["a", "b"])[need],
            "region": np.array(["north", "south"])[region],
            "contract": np.array(["short", "long"])[contract],
            "budget": rng.normal(100, 20, n).round(),
            "gender": rng.choice(["f", "m"], n),
            "rare": np.where(rng.random(n) < 0.005, "yes", "no"),
            "churned": rng.random(n) > stay,
        }
    )


def opened(frame: pd.DataFrame) -> kb.Dataset:
    return kb.open_dataset({"customers": frame}, roles={"churned": "churned"})


@pytest.fixture(scope="module")
def found() -> QualifyingQuestions:
    words = {"de": "Was brauchen Sie?", "en": "What do you need?"}
    who = persona(Rule("kind", in_=("x",)), qualifying_questions=(Statement(words, attribute="need"),))
    return kb.qualifying_questions(who, opened(company()), value=1000, cost=400)


def test_qualifying_questions_asks_what_matters(found: QualifyingQuestions) -> None:
    frame = found.to_frame()
    assert frame["attribute"].tolist() == ["need"]
    row = frame.iloc[0]
    assert (row["good_answers"], row["question"], row["in_persona"]) == ("b", "What do you need?", False)
    assert row["difference_adjusted_ci_lower"] < 0.2 < row["difference_adjusted_ci_upper"]
    assert row["q_value"] < 1e-6


def test_qualifying_questions_says_what_not_to_ask(found: QualifyingQuestions) -> None:
    frame = found.do_not_ask().set_index("attribute")
    assert frame.loc["region", "reason"] == "vanishes after adjusting"
    # where nothing is adjusted for, nothing vanishes by it
    plain = replace(found, adjust=()).do_not_ask().set_index("attribute")
    assert plain.loc["region", "reason"] == "no adjusted effect"
    assert frame.loc["region", "difference_ci_lower"] > 0.1
    assert frame.loc["budget", "reason"] == "no adjusted effect"
    assert frame.loc["kind", "reason"] == "no adjusted effect"
    assert frame.loc["gender", "reason"] == "protected characteristic: gender"
    assert frame.loc["contract", "reason"] == "the bond itself"
    assert frame.loc["rare", "reason"] == "too few leads to tell"
    assert np.isnan(frame.loc["gender", "difference"])
    assert set(frame.index) | {"need"} == set(company().columns) - {"customer_id", "churned"}


def test_qualifying_questions_asks_about_gender_only_if_the_user_insists() -> None:
    frame = company()
    frame["churned"] = np.random.default_rng(1).random(len(frame)) > np.where(frame["gender"] == "f", 0.8, 0.5)
    usual = kb.qualifying_questions(KIND_X, opened(frame))
    assert "gender" not in usual.to_frame()["attribute"].tolist()
    insisted = (
        kb.qualifying_questions(KIND_X, opened(frame), settings=kb.Refining(insist="gender"))
        .to_frame()
        .set_index("attribute")
    )
    assert insisted.loc["gender", "protected"] == "gender"
    assert insisted.loc["gender", "good_answers"] == "f"


def question(n: int, away: int, good: float, other: float) -> Question:
    kept = (Estimate(good, good - 0.1, good + 0.1), Estimate(other, other - 0.1, other + 0.1))
    difference = Estimate(good - other, 0.1, 0.5)
    return Question(
        "need", Rule("need", in_=("b",)), False, "", None, n, away, *kept, difference, 0.01, difference, 0.01
    )


def test_qualifying_questions_costs_by_hand() -> None:
    """Of 100 leads 40 are turned away, of whom half would have stayed; of the 60 taken a fifth leaves."""
    result = QualifyingQuestions(
        persona=KIND_X, questions=(question(200, 80, 0.8, 0.5),), q_values={"need": 0.01}, barred={}, adjust=(),
        value=1000.0, cost=400.0, fdr=0.05, conf_level=0.95, rate=False, meaning="", n=200,
        provenance=Provenance("toy", None, None),
    )  # fmt: skip
    row = result.to_frame().iloc[0]
    assert row["turned_away"] == pytest.approx(0.4)
    assert row["turned_away_ci_lower"] == pytest.approx(float(wilson(80, 200)[1]))
    assert row["good_turned_away"] == pytest.approx(20)
    assert row["bad_taken"] == pytest.approx(12)
    assert (row["bad_taken_ci_lower"], row["bad_taken_ci_upper"]) == pytest.approx((6, 18))
    assert row["lost_turned_away"] == pytest.approx(20_000)
    assert row["lost_taken"] == pytest.approx(4_800)
    # turning 40 away saves the cost of the 20 who would leave, and loses the value of the 20 who would stay
    assert row["gain_of_asking"] == pytest.approx(20 * 400 - 20 * 1000)
    assert row["gain_of_asking_ci_lower"] == pytest.approx(16 * 400 - 24 * 1000)
    assert row["gain_of_asking_ci_upper"] == pytest.approx(24 * 400 - 16 * 1000)
    assert "need" in result.notes[0]


def test_questions_to_ask_are_those_of_the_fdr_asked_for(found: QualifyingQuestions) -> None:
    doubtful = replace(found, q_values=dict.fromkeys(found.q_values, 0.2))
    assert doubtful.to_frame().empty
    assert "need" in replace(doubtful, fdr=0.3).to_frame()["attribute"].tolist()


def test_intervals_of_questions_are_of_the_level_asked_for() -> None:
    data = opened(company(2000))
    usual, narrow = (
        kb.qualifying_questions(KIND_X, data, settings=kb.Refining(conf_level=level)).questions for level in (0.95, 0.8)
    )
    for name in ("difference", "difference_adjusted", "retention_good", "retention_other"):
        (value, lower, _), (same, low, _) = getattr(usual[0], name), getattr(narrow[0], name)
        assert same == value
        assert (value - low) / (value - lower) == pytest.approx(1.2815516 / 1.959964)


def test_good_answers_are_those_of_the_first_half_and_measured_on_the_second() -> None:
    """Need b keeps customers in the first half, and loses them in the second."""
    rng = np.random.default_rng(0)
    need, stayed = rng.integers(0, 2, 2000), rng.random(2000) < 0.5
    frame = pd.DataFrame({"customer_id": range(2000), "kind": rng.choice(["x", "y"], 2000),
                          "need": np.array(["a", "b"])[need], "churned": ~stayed})  # fmt: skip
    columns = columns_of(opened(frame), KIND_X, exclude=(), settings=kb.Refining())
    p = columns.p
    b = p.attributes["need"].codes == p.attributes["need"].levels.index("b")
    kept = b != p.gone
    first, second = p.n * np.where(kept, 4, 1), p.n * np.where(kept, 1, 4)
    asked = _Asker(columns, Matcher(p, 1.0), KIND_X, first, second, (), 0.95).ask("need", "")
    assert asked is not None
    assert asked.rule == Rule("need", in_=("b",))
    assert asked.difference.ci_upper < 0
    assert asked.n == (second * (p.attributes["kind"].codes == 0)).sum()


def test_qualifying_questions_without_money_leaves_it_unknown() -> None:
    result = kb.qualifying_questions(KIND_X, opened(company(2000)))
    frame = result.to_frame()
    assert frame[["lost_turned_away", "lost_taken", "gain_of_asking"]].isna().all(axis=None)
    assert frame["good_turned_away"].notna().all()
    assert result.notes == ()


def test_qualifying_questions_of_the_personas_own_rule_is_about_leads_without_it() -> None:
    frame = company()
    who = persona(Rule("kind", in_=("x",)), Rule("need", in_=("a",)))
    result = kb.qualifying_questions(who, opened(frame))
    row = result.do_not_ask().set_index("attribute").loc["need"]
    assert row["reason"] == "the persona's answer is the worse one"
    asked = next(q for q in result.questions if q.attribute == "need")
    assert asked.in_persona
    assert asked.n == pytest.approx((frame["kind"] == "x").sum() / 2, rel=0.1)


def test_qualifying_questions_of_telco(telco: kb.Dataset) -> None:
    """Partner and device protection say nothing once contract and tenure are alike (odds ratios 1.05 and .96)."""
    who = persona(Rule("internet_service", in_=("DSL", "Fiber optic")))
    result = kb.qualifying_questions(who, telco)
    asked, refused = result.to_frame().set_index("attribute"), result.do_not_ask().set_index("attribute")
    assert {"online_security", "tech_support"} <= set(asked.index)
    assert refused.loc["partner", "reason"] == "vanishes after adjusting"
    assert refused.loc["female", "reason"] == "protected characteristic: gender"
    assert refused.loc["tenure", "reason"] == "not known at the time of sale"
    assert result.adjust == ("tenure", "contract")
    assert "adjusted for tenure, contract" in result.definition
    assert (asked["difference_adjusted_ci_lower"] > 0).all()


def test_qualifying_questions_depends_on_rng_only() -> None:
    one, same = (kb.qualifying_questions(KIND_X, opened(company(2000)), rng=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.to_frame(), same.to_frame())
    turned = company(2000).iloc[::-1]
    pd.testing.assert_frame_equal(kb.qualifying_questions(KIND_X, opened(turned), rng=3).to_frame(), one.to_frame())


def test_qualifying_questions_finds_nothing_where_nothing_matters() -> None:
    frame = company(4000)
    asked = 0
    for seed in range(8):
        frame["churned"] = np.random.default_rng(seed).permutation(frame["churned"])
        asked += len(kb.qualifying_questions(KIND_X, opened(frame), rng=seed).to_frame())
    assert asked <= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": -1}, "value=-1 is no amount"),
        ({"cost": float("nan")}, "cost=nan"),
        ({"settings": 5}, "settings of type int is not possible"),
        ({"exclude": "regin"}, "did you mean 'region'"),
    ],
)
def test_qualifying_questions_names_what_is_wrong(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.qualifying_questions(KIND_X, opened(company(500)), **arguments)


def test_qualifying_questions_needs_enough_leads() -> None:
    with pytest.raises(kb.NotEnoughData, match="matches too few customers"):
        kb.qualifying_questions(persona(Rule("rare", in_=("yes",))), opened(company(1000)))
    with pytest.raises(kb.ArgumentError, match="whom not to sell to"):
        kb.qualifying_questions(persona(Rule("kind", in_=("x",)), negative=True), opened(company(500)))
