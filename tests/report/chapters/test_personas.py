from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.estimate.estimate import Estimate
from kbind.facts.personas import coverage, mark_kinds, pick, with_range
from kbind.plot.base import alt_text
from kbind.report.chapters.personas import PersonasStory, personas_story

EXCLUDED = ("payment_method", "paperless_billing", "monthly_charges")
WORDS = {"de": "Wer", "en": "Who"}


@pytest.fixture(scope="module")
def telco() -> kb.Dataset:
    return kb.datasets.load_telco()


def told(
    data: kb.Dataset, personas: Sequence[kb.Persona], lang: str = "en", threshold: int = 5, runs: int = 0
) -> PersonasStory:
    exclude = [name for name in EXCLUDED if name in data.tables["customers"].columns]
    found = {p.name: kb.refine_persona(p, data, exclude=exclude) for p in personas if not p.negative}
    chosen = pick(found.values())
    asked = kb.qualifying_questions(chosen.refined, data, exclude=exclude) if chosen and chosen.refined else None
    seeds = range(1, runs + 1)
    again = [kb.refine_persona(chosen.persona, data, exclude=exclude, rng=k) for k in seeds] if chosen else []
    evaluation = kb.evaluate_personas(personas, data)
    return personas_story(data, evaluation, found, asked, again, lang=lang, threshold=threshold)


@pytest.fixture(scope="module")
def story(telco: kb.Dataset) -> PersonasStory:
    return told(telco, kb.datasets.load_personas(), runs=3)


def in_german(story: PersonasStory) -> PersonasStory:
    return personas_story(
        story.data, story.evaluation, story.refinements, story.questions, story.again, lang="de", threshold=5
    )


def with_other(story: PersonasStory, **changes: object) -> PersonasStory:
    """The same story of other findings, told by a voice that has not said anything yet."""
    given = {"refinements": story.refinements, "questions": story.questions, **changes}
    return personas_story(story.data, story.evaluation, given["refinements"], given["questions"], story.again)


def rated(n: int, stays: dict[str, float], rng: int = 0, bulk: int = 0) -> kb.Dataset:
    """Customers of a few kinds, each with its own chance to stay, all there for equally long."""
    draw = np.random.default_rng(rng)
    kind = np.repeat(list(stays), n)
    left = draw.random(len(kind)) > np.repeat(list(stays.values()), n)
    frame = pd.DataFrame({"customer_id": range(len(kind)), "kind": kind, "tenure": 12, "churned": left})
    return kb.open_dataset({"customers": frame}, roles={"tenure": "tenure", "churned": "churned"})


def kinds(name: str, *levels: str, negative: bool = False) -> kb.Persona:
    return kb.Persona(name, 1, "Sales", date(2026, 1, 1), WORDS, (kb.Rule("kind", in_=levels),), negative=negative)


def test_summary_names_the_persona_to_change_and_both_figures(story: PersonasStory) -> None:
    there = story.change.measured
    assert story.chosen is not None
    assert story.chosen.persona.name == "streaming"
    assert there.gain.value >= 0.15
    assert there.gain.ci_lower > 0
    old, new = (story.voice.tell(story.held(v), "per100") for v in ("old", "new"))
    assert story.finding() == (
        f"Change “streaming”: of 100 customers who fit this persona, {old} have stayed; "
        f"of 100 who fit the new rules, {new}."
    )
    assert "“Has a partner: no” is dropped; “Technical support: yes” is added" in story.act()
    assert story.act().endswith("Technical support.")
    assert "make nobody more loyal" in story.means()


def test_certainty_counts_runs_that_come_out_alike(story: PersonasStory) -> None:
    accepted = sum(one.verdict == "accept" for one in story.again)
    assert f"{accepted} of 3 runs led to a change" in story.certainty()
    times = sum((row.edit.kind, row.edit.attribute) == ("drop", "partner") and row.finding == "confirmed"
                for one in story.again for row in one.edits)  # fmt: skip
    assert f"“Has a partner: no” is dropped ({times} times)" in story.certainty()


def test_customers_of_both_versions_are_those_who_match_both(story: PersonasStory, telco: kb.Dataset) -> None:
    there, both = story.change.measured, story.change.both
    assert both / (there.old.n + there.new.n - both) == pytest.approx(there.identity, abs=1e-9)
    assert story.change.shared("turned").value == pytest.approx(1 - both / there.old.n)
    assert story.change.shared("fresh").value == pytest.approx(1 - both / there.new.n)


def test_verdicts_of_good_and_poor_personas(story: PersonasStory) -> None:
    rows = {row[0]: row for row in story.verdicts_table().rows}
    assert list(rows) == ["basic", "family", "streaming", "all"]  # by retention
    assert rows["basic"][4].startswith("Keep")
    assert rows["streaming"][4].startswith("Change")
    assert rows["family"][4].startswith("Leave as it is")
    assert rows["all"][2].startswith("73.5%")


def test_rules_stand_side_by_side_with_what_they_rest_on(story: PersonasStory) -> None:
    rows = {row[0]: row[1:] for row in story.rules_table().rows}
    assert rows["Has a partner"][:2] == ("no", "does not matter")
    assert rows["Technical support"][:2] == ("does not matter", "yes")
    assert rows["Technical support"][2].startswith("measured: ")
    assert rows["TV streaming"] == ("yes", "yes", "assumed, unchanged")


def test_traps_are_named_where_they_bite(story: PersonasStory) -> None:
    became = [(row[0], row[3]) for row in story.traps.table().rows]
    assert any(name == "family" and words.startswith("Trap, revenue: ") and "-$" in words for name, words in became)
    assert any(words.startswith("Trap, identity: ") for _, words in became)
    assert [name for name, words in became if words == "Confirmed."] == ["streaming", "streaming"]
    assert "(Contract)" in story.traps.text()[1]


def test_questions_and_what_not_to_ask(story: PersonasStory) -> None:
    assert story.questions is not None
    asked = story.asking.table().rows
    assert [row[0] for row in asked] == [story.asking.wording(question) for question in story.asking.asked()]
    assert len(asked) == len(story.questions.to_frame())
    refused = {name for row in story.asking.do_not_ask_table().rows for name in row[0].split(", ")}
    assert {"Woman", "Senior citizen", "Contract", "Months as a customer"} <= refused
    reasons = {row[0]: row[1] for row in story.asking.do_not_ask_table().rows}
    assert reasons["Senior citizen"] == "Protected characteristic: age."


def test_german_page_says_the_same(story: PersonasStory) -> None:
    german = in_german(story)
    assert german.finding().startswith("„streaming“ ändern: Von 100 Kunden")
    assert "„Lebt in Partnerschaft: nein“ entfällt" in german.act()
    assert [row[0] for row in german.verdicts_table().rows][:-1] == ["basic", "family", "streaming"]
    tables = (
        "verdicts_table",
        "rules_table",
        "outcome_table",
        "asking.table",
        "asking.do_not_ask_table",
        "traps.table",
    )
    for table in map(attrgetter, tables):
        for ours, theirs in zip(table(german)().rows, table(story)().rows, strict=True):
            assert len(ours) == len(theirs)


def test_figure_tells_its_numbers_as_text(story: PersonasStory) -> None:
    axes = story.evaluation.plot(**story.figure())
    assert "streaming, new: " + with_range(story.held("new"), story.voice) in alt_text(axes)
    assert axes.get_title(loc="left").startswith("Those who fit “basic” stay most often")
    marks = [float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_marker() == "o"]
    assert marks == pytest.approx([*(story.fit(p.name).value for p in story.personas),
                                   story.held("old").value, story.held("new").value])  # fmt: skip


def test_all_personas_are_assumed_and_said_to_be(story: PersonasStory) -> None:
    heading, text = story.basis_text()
    kinds = [kind for persona in story.personas for kind in mark_kinds(persona)]
    assert set(kinds) == {"assumed"}
    assert heading == "What the personas rest on"
    assert f"0 are measured, 0 were said, and {len(kinds)} are assumed" in text


def test_few_customers_are_not_told_of(telco: kb.Dataset) -> None:
    story = told(telco, kb.datasets.load_personas(), threshold=1500)
    rows = {row[0]: row for row in story.verdicts_table().rows}
    assert rows["streaming"][1] == rows["streaming"][2] == "under 1,500"
    assert rows["streaming"][3] == "under 1,500"
    assert all(row[2] == "under 1,500" for row in story.traps.table().rows)
    assert story.tiles()[0][0] == "under 1,500"
    stayed, alike, kept = story.outcome_table().rows[:3]
    assert all("under 1,500" in cell for cell in (*stayed[1:], alike[3], *kept[1:]))
    assert alike[1:3] == ("–", "–")


def test_shared_customers_are_hidden_where_few_remain(story: PersonasStory) -> None:
    """Neither a few who fit both versions nor a few who fit one only: each would follow from the other."""
    assert story.chosen is not None
    there = story.change.measured
    for both in (3, there.old.n - 3):
        identity = both / (there.old.n + there.new.n - both)
        other = replace(
            story, refinements={"streaming": replace(story.chosen, held_out=replace(there, identity=identity))}
        )
        assert other.change.both == both
        few = other.outcome_table().rows[-1][1]
        assert few in ("under 5", "not shown")
        assert not other.voice.disclosure.fact(other.change.shared("turned")).known


def test_without_personas_the_page_says_what_to_write(telco: kb.Dataset) -> None:
    for lang, words in (("en", "None yet"), ("de", "Noch keine")):
        story = personas_story(telco, None, {}, lang=lang)
        assert story.finding().startswith(words)
        heading, texts = story.missing()
        assert any("personas" in text for text in texts)
        assert heading
        assert story.tiles() == []
        assert story.scope().customers == 7043
        for said in (story.means(), story.act(), story.certainty(), *story.definitions()):
            assert said


def test_nothing_to_change_and_too_little_data() -> None:
    same = told(rated(900, {"a": 0.7, "b": 0.7, "c": 0.7}), [kinds("ab", "a", "b")])
    assert same.finding().startswith("None:")
    few = told(rated(60, {"a": 0.7, "b": 0.7}), [kinds("a", "a"), kinds("not_b", "b", negative=True)])
    assert few.finding().startswith("It cannot be said")
    rows = {row[0]: row[4] for row in few.verdicts_table().rows}
    assert rows["not_b"].startswith("Check again: it says not to sell to them, but")
    assert [row[0] for row in few.verdicts_table().rows] == ["a", "not_b", "all"]
    assert "too few" in rows["a"]
    assert few.evaluation.plot(**few.figure()).get_title(loc="left").startswith("Those who fit")


def test_whom_not_to_sell_to_is_judged_by_whether_they_stay_less() -> None:
    worse = rated(300, {"a": 0.9, "b": 0.4})
    story = told(worse, [kinds("a", "a"), kinds("not_b", "b", negative=True)])
    assert story.verdict("not_b").startswith("Keep turning away")
    silent = told(worse, [kinds("a", "a"), kinds("not_b", "b", negative=True)], threshold=10_000)
    assert silent.verdict("not_b").startswith("Still open")


def test_planted_kind_is_found_and_told() -> None:
    story = told(rated(900, {"stays": 0.9, "leaves": 0.5, "other": 0.8}), [kinds("both", "stays", "leaves")])
    assert story.chosen is not None
    assert story.held("new").value == pytest.approx(0.9, abs=0.06)
    assert story.verdicts_table().rows[0][3] == "–"  # no revenue in this data
    assert len(story.tiles()) == 2


def test_contracts_are_told_by_an_average_year_and_without_what_nothing_is_adjusted_for() -> None:
    draw, n = np.random.default_rng(2), 3000
    plan = draw.integers(0, 2, n)
    begun = pd.Timestamp("2021-01-01") + pd.to_timedelta(draw.integers(0, 500, n), "D")
    stay = draw.exponential(np.where(plan == 1, 1600.0, 500.0), n).astype(int) + 1
    end, today = begun + pd.to_timedelta(stay, "D"), pd.Timestamp("2023-06-01")
    people = pd.DataFrame({"customer_id": range(n), "kind": draw.choice(["a", "b"], n),
                           "plan": np.array(["s", "l"])[plan], "size": draw.choice(["u", "v"], n)})  # fmt: skip
    contracts = pd.DataFrame({"customer_id": range(n), "start": begun, "end": end.where(end < today), "mrr": 10.0})
    story = told(kb.open_dataset({"customers": people, "subscriptions": contracts}, as_of=today), [kinds("a", "a")])
    assert story.chosen is not None
    assert story.questions is not None
    assert story.questions.adjust == story.chosen.adjust == ()
    assert "stay through an average year" in story.finding()
    assert "average year instead of the first" in story.caption()
    assert story.verdicts_table().head[2] == "Of these there after the first year"
    assert [row[0] for row in story.outcome_table().rows][:2] == [
        "stay through an average year", "revenue that stays per fitting customer and month"]  # fmt: skip
    assert story.asking.table().head[2] == "More stay (points)"
    assert "vanishes after adjusting" not in story.questions.do_not_ask()["reason"].tolist()
    for said in (story.means(), story.asking.text(), *(note for *_, note in story.tiles())):
        assert "like with like" not in said


def test_whom_not_to_sell_to_is_open_where_the_others_are_few() -> None:
    data = rated(300, {"a": 0.9, "b": 0.4, "c": 0.4})
    few = told(data, [kinds("not_bc", "b", "c", negative=True)], threshold=400)
    assert few.verdict("not_bc").startswith("Still open")


def test_points_of_one_small_side_are_not_told(story: PersonasStory) -> None:
    gain = Estimate(0.1, 0.05, 0.15)
    assert story.words.points(gain, 100, 4) == story.words.points(gain, 4, 100) == "under 5"
    assert story.words.points(gain, 100, 5) == "10.0 (5.0 to 15.0)"


def test_questions_that_few_answer_in_one_way_are_not_told(story: PersonasStory) -> None:
    assert story.questions is not None
    first = story.asking.asked()[0]
    for away in (3, 37):
        one = replace(first, n=40, turned_away=away)
        few = with_other(story, questions=replace(story.questions, questions=(one,)))
        (row,) = few.asking.table().rows
        assert row[2] == row[4] == "under 5"


def test_few_who_fit_both_versions_are_in_no_sentence(story: PersonasStory) -> None:
    assert story.chosen is not None
    there = story.change.measured
    identity = 3 / (there.old.n + there.new.n - 3)
    held = replace(story.chosen, held_out=replace(there, identity=identity))
    assert "%" not in with_other(story, refinements={"streaming": held}).outcome_text()
    assert "%" in with_other(story).outcome_text()


def test_reasons_not_to_ask_say_what_is_the_matter(story: PersonasStory) -> None:
    assert story.questions is not None
    said = {
        "more than 30 levels": "Too many different answers to be compared.",
        "all customers are alike in it": "All give the same answer.",
        "says the same as tech_support": "Says the same as Technical support.",
        "grows with the time that a customer has been there": "Trap, survivors: the value grows with the time "
        "somebody has been there.",
    }
    for why, words in said.items():
        assert story.words.reason(why, story.questions.adjust) == words


def test_few_who_would_fit_both_are_in_no_trap(story: PersonasStory) -> None:
    name, found = next((n, one) for n, one in story.refinements.items()
                       if any(row.finding == "another persona" for row in one.edits))  # fmt: skip
    old, sizes = found.edits[0].coverage_before, found.sizes
    row = next(row for row in found.edits if row.finding == "another persona")
    for both, told in ((0, "0% fit both"), (3, "under 5 fit both"), (5, "% fit both")):
        identity = both / ((old + row.coverage) * sizes[1] - both)
        one = replace(found, edits=(found.edits[0], replace(row, identity=identity)))
        words = with_other(story, refinements={name: one}).traps.table().rows[-1][3]
        assert words.startswith("Trap, identity: ")
        assert told in words
        assert ("%" in words) == (both != 3)


def test_facts_carry_the_definition_of_what_they_were_measured_by(story: PersonasStory) -> None:
    assert story.chosen is not None
    assert story.evaluation is not None
    for fact in (story.fit("basic"), coverage(story.evaluation, "basic")):
        assert fact.definition == story.evaluation.definition
    for fact in (story.change.gain, story.held("new"), story.change.shared("turned")):
        assert fact.definition == story.chosen.definition
