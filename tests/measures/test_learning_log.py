"""The learning log: what is added, what is refused, and what it does to measures."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.estimate import Estimate
from kbind.measures.evidence import GRADES, together
from kbind.measures.learning_log import Experiment, append

ACTUAL = {"affective": -1.0, "value": 0.0, "habitual": 0.0, "economic": 0.5}
PLAN = Experiment("cards-2024", "planned", date(2024, 1, 8), measure="personal_cards", smallest=0.02)


def judged(name: str = "cards-2024", **changes: Any) -> Experiment:
    """A trial that worked."""
    values: dict[str, Any] = {
        "experiment": name, "status": "judged", "date": date(2024, 9, 1), "measure": "personal_cards",
        "randomised": True, "horizon": 182.0, "effect": 0.05, "ci_lower": 0.02, "ci_upper": 0.08, "n": 1200,
        "verdict": "shown",
    }  # fmt: skip
    return Experiment(**values | changes)


def test_a_log_is_only_added_to(tmp_path: Path) -> None:
    log = tmp_path / "learned.yaml"
    log.write_text("# ours\n- experiment: first\n  status: planned\n  date: 2023-02-01", encoding="utf-8")
    before = log.read_text(encoding="utf-8")
    append(append(log, PLAN), judged(reasons=("Überraschend klar.",)))
    text = log.read_text(encoding="utf-8")
    assert text.startswith(before + "\n")
    assert "Überraschend klar." in text
    found = kb.learned(log)
    assert found.experiments[1:] == (PLAN, judged(reasons=("Überraschend klar.",)))
    frame = found.to_frame().set_index("experiment")
    assert frame.loc["cards-2024", ["known", "looks", "registered"]].tolist() == ["shown here", 1, True]
    assert frame.loc["first", "known"] == "planned"
    claims = found.to_frame()
    assert set(claims.loc[claims["experiment"].isna(), "known"]) == {"only claimed"}
    assert "personal_cards" not in set(claims.loc[claims["experiment"].isna(), "measure"])


def test_nothing_is_written_twice_or_over(tmp_path: Path) -> None:
    log = append(tmp_path / "learned.yaml", PLAN)
    text = log.read_text(encoding="utf-8")
    with pytest.raises(kb.ArgumentError, match="holds 'cards-2024' as planned"):
        append(log, Experiment("cards-2024", "planned", date(2024, 2, 1)))
    append(log, judged())
    with pytest.raises(kb.ArgumentError, match="as judged on 2024-09-01"):
        append(log, judged(effect=0.07))
    append(log, judged(date=date(2024, 12, 1), effect=0.03, ci_lower=0.01))
    assert log.read_text(encoding="utf-8").startswith(text)
    row = kb.learned(log).to_frame().iloc[0]
    assert (row["looks"], row["effect"]) == (2, 0.03)
    with pytest.raises(kb.ArgumentError, match="name ends in .yaml"):
        append(tmp_path / "learned.csv", PLAN)


@pytest.mark.parametrize(
    ("changes", "known", "grade"),
    [
        ({}, "shown here", "shown"),
        ({"randomised": False}, "observed here", "observed"),
        ({"randomised": False, "verdict": "not identified"}, "only claimed", "claimed"),
        ({"randomised": False, "verdict": "not shown"}, "only claimed", "claimed"),
        ({"ci_lower": -0.01, "verdict": "not shown"}, "only claimed", "claimed"),
        ({"effect": 0.0, "ci_lower": -0.01, "ci_upper": 0.01, "verdict": "not shown", "smallest": 0.02},
         "shown not to work here", "refuted"),
        ({"effect": -0.05, "ci_lower": -0.08, "ci_upper": -0.02}, "shown not to work here", "refuted"),
    ],
)  # fmt: skip
def test_grades_follow_the_log(tmp_path: Path, changes: dict[str, Any], known: str, grade: str) -> None:
    log = append(tmp_path / "learned.yaml", judged(**changes))
    assert kb.learned(log).to_frame()["known"].iloc[0] == known
    found = kb.recommend_measures(ACTUAL, wanted=["affective", "value"], learned=log)
    cards = next(one for one in found.ranked if one.measure.key == "personal_cards")
    assert cards.grade == grade
    assert (cards is found.ranked[-1]) == (grade == "refuted")
    assert (("works", "personal_cards") in cards.reasons) == (grade in ("shown", "observed"))


def test_trials_that_disagree_leave_a_claim(tmp_path: Path) -> None:
    log = append(tmp_path / "learned.yaml", judged())
    append(log, judged("cards-2025", effect=-0.05, ci_lower=-0.08, ci_upper=-0.02))
    found = kb.recommend_measures(ACTUAL, wanted=["affective"], learned=log)
    cards = next(one for one in found.ranked if one.measure.key == "personal_cards")
    assert cards.grade == "claimed"
    assert {("works", "personal_cards"), ("fails", "personal_cards")} <= set(cards.reasons)


def test_data_and_log_count_together(tmp_path: Path) -> None:
    log = append(tmp_path / "learned.yaml", judged())
    seen = {"milestones": kb.Finding(Estimate(0.05, 0.01, 0.09))}
    found = kb.recommend_measures(ACTUAL, wanted=["affective", "value"], observed=seen, learned=log)
    grades = {one.measure.key: one.grade for one in found.ranked}
    assert (grades["personal_cards"], grades["milestones"]) == ("shown", "observed")


def test_plans_and_effects_write_themselves_down(tmp_path: Path) -> None:
    log = tmp_path / "learned.yaml"
    plan = kb.plan_experiment(0.9, effect=0.03, name="loyalty_offer")
    plan.record(log, date="2022-12-01", measure="points")
    effect = kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer")
    effect.record(log)
    row = kb.learned(log).to_frame().iloc[0]
    assert row[["measure", "known", "registered", "n"]].tolist() == ["points", "shown here", True, 1502]
    assert row["effect"] == pytest.approx(effect.adjusted.value)
    assert kb.learned(log).latest()[0].smallest == 0.03
    with pytest.raises(kb.ArgumentError, match="holds 'loyalty_offer' as judged"):
        effect.record(log)


HEAD = "- experiment: cards\n  status: judged\n  date: 2024-09-01\n"
WHOLE = HEAD + "  randomised: yes\n  effect: 0.05\n  ci_lower: 0.02\n  ci_upper: 0.08\n  n: 100\n  verdict: shown\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just words", "log.yaml: is no list of experiments"),
        ("- experiment: a\n  status: planned\n", r"entry 1 \(a\), date: is missing"),
        (HEAD, r"entry 1 \(cards\), verdict: is missing in a judged experiment"),
        (WHOLE.replace("2024-09-01", "soon"), "date: 'soon' is no day; allowed: a day such as"),
        (WHOLE.replace("judged", "done"), "status: 'done' is not known"),
        (WHOLE.replace("verdict: shown", "verdict: proven"), "verdict: 'proven' is not known; allowed: shown"),
        (WHOLE.replace("0.02", "-0.02"), "'shown' with 0 in the interval"),
        (WHOLE.replace("0.05", "0.5"), "0.5 lies outside 0.02 to 0.08"),
        (WHOLE.replace("0.05", "much"), "effect: 'much' is no number"),
        (WHOLE.replace("n: 100", "n: 10.5"), "n: 10.5 is no whole number"),
        (WHOLE + "  mesure: points\n", r"mesure: no such key in a learning log; did you mean 'measure'"),
        (WHOLE + "  measure: point\n", "measure: 'point' is not known; did you mean 'points'"),
        (WHOLE + "- 3\n", "entry 2, entry: '3' has no fields"),
        (WHOLE.replace("judged", "planned"), "verdict: stands in a plan"),
        (WHOLE + "  reasons: none\n", "reasons: 'none' is no list"),
    ],
)
def test_faults_of_a_file_say_where_they_are(tmp_path: Path, text: str, message: str) -> None:
    log = tmp_path / "log.yaml"
    log.write_text(text, encoding="utf-8")
    with pytest.raises(kb.DatasetError, match=message):
        kb.learned(log)
    with pytest.raises(kb.DatasetError, match=r"log\.yaml"):
        kb.recommend_measures(ACTUAL, learned=log)
    with pytest.raises(kb.DatasetError):
        append(log, PLAN)
    assert log.read_text(encoding="utf-8") == text


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 0.5), st.booleans()), max_size=6))
def test_more_findings_never_come_in_an_order_that_matters(several: list[tuple[float, float, bool]]) -> None:
    findings = [kb.Finding(Estimate(x, x - half, x + half), trial=trial) for x, half, trial in several]
    assert together(findings) == together(findings[::-1]) in GRADES
