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
from kbind.facts.personas import coverage, held, mark_kinds, pick, with_range
from kbind.personas.matching import reached, score
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


def test_summary_leads_with_the_figure_to_count_on(story: PersonasStory) -> None:
    there, facts = story.change.facts.measured, story.change.facts
    assert story.chosen is not None
    assert story.chosen.persona.name == "streaming"
    assert there.gain.value >= 0.15
    assert 0 < there.gain_adjusted.value < there.gain.value / 2
    assert facts.more.value == there.gain_adjusted.value
    more = story.voice.tell(facts.more, "per100")
    edits = "“Has a partner: no” is dropped; “Technical support: yes” is added"
    assert f"With new rules for “Film fans” ({edits}), {more} more of every 100 who fit stay" in story.finding()
    assert "among customers who have been here equally long" in story.finding()
    assert story.finding().startswith("Those who fit “")
    assert "do not fit the present ones" in story.change.outcome_text()
    assert story.tiles()[0][0] == f"+{more}"
    assert more in story.change.title()
    # what it is at first sight stands in the explanation only
    sight = story.voice.tell(facts.gain, "per100")
    assert f"At first sight it is {sight} of 100" in story.means()
    for said in (
        story.finding(),
        story.certainty(),
        story.change.title(),
        *(part for t in story.tiles() for part in t),
    ):
        assert f"{sight} of 100" not in said
    assert "sign only those who fit the new rules" in story.act()
    assert "make nobody more loyal" in story.means()


def test_money_is_that_of_a_year_like_with_like(story: PersonasStory) -> None:
    facts, parts = story.change.facts, story.change.facts.measured
    refined = story.chosen.refined
    assert refined is not None
    fits = reached(score(refined.rules, story.data.table("customers")), refined.min_match)
    fitting = int((fits & (story.data.table("customers")["churn"] == "No").to_numpy()).sum())
    assert facts.fitting.value == fitting
    assert facts.stake.value == pytest.approx(parts.gain_adjusted.value * fitting * 12 * parts.old.revenue)
    assert facts.stake.ci_lower < facts.stake.value < facts.stake.ci_upper
    assert story.tiles()[1][0] == story.voice.tell(facts.stake, "about")
    assert "as many as fit the new rules today" in story.tiles()[1][2]


def test_break_even_keeps_as_many_as_before(story: PersonasStory) -> None:
    facts = story.change.facts
    kept = story.voice.disclosure.estimate(facts.measured.old.retention).value
    assert facts.break_even.value * (kept + story.voice.disclosure.fact(facts.more).value) == pytest.approx(kept)
    least = story.voice.tell(facts.break_even, "per100")
    assert (
        f"at least {least} who fit the new rules, paying no less and costing no more to win; whether"
        in story.certainty()
    )
    assert facts.stake.ci_lower < facts.stake.value < facts.stake.ci_upper
    assert story.tiles()[1][0] == story.voice.tell(facts.stake, "about")
    assert "as many as fit the new rules today" in story.tiles()[1][2]


def test_what_is_only_agreed_on_with_the_contract_is_not_asked_before(story: PersonasStory) -> None:
    assert "tech_support" in story.questions.agreed
    assert "tech_support" in story.questions.to_frame()["attribute"].tolist()
    assert "tech_support" not in [question.attribute for question in story.asking.asked()]
    assert "cannot be asked before: Technical support" in story.act()
    assert "Technical support" not in story.asking.first()
    reasons = {name: row[1] for row in story.asking.do_not_ask_table().rows for name in row[0].split(", ")}
    assert reasons["Technical support"].startswith("Only settled with the contract")
    # a persona may word it as a question of its own, such as what somebody likes to watch
    told = replace(story.asking.questions.questions[0], attribute="tech_support", wording={"de": "Wie?", "en": "How?"})
    other = with_other(story, questions=replace(story.questions, questions=(told,)))
    assert [question.attribute for question in other.asking.asked()] == ["tech_support"]
    assert "in quotation marks are assumed" in other.asking.text()
    assert "in quotation marks" not in story.asking.text()


def test_certainty_counts_only_runs_that_led_to_a_change(story: PersonasStory) -> None:
    accepted = [one for one in story.again if one.verdict == "accept"]
    assert f"{len(accepted)} of 3 searches found a change" in story.certainty()
    times = sum((row.edit.kind, row.edit.attribute) == ("drop", "partner") and row.finding == "confirmed"
                for one in accepted for row in one.edits)  # fmt: skip
    often = "each time" if times == len(accepted) else f"{times} times"
    assert f"“Has a partner: no” is dropped ({often})" in story.certainty()
    # a run that confirmed an edit, and still came to no change, does not count
    refused = [replace(one, verdict="reject") for one in story.again[:1]]
    other = replace(story, again=[*refused, *story.again[1:]], voice=personas_story(story.data, None, {}).voice)
    assert f"{len(accepted) - (story.again[0].verdict == 'accept')} of 3 searches" in other.certainty()
    none = replace(story, again=refused, voice=personas_story(story.data, None, {}).voice)
    assert "none of 1 searches found a change" in none.certainty()


def test_a_figure_that_may_be_nothing_is_never_sure(story: PersonasStory) -> None:
    there = story.chosen.held_out
    weak = replace(story.chosen, held_out=replace(there, gain_adjusted=Estimate(0.05, -0.01, 0.11)))
    other = with_other(story, refinements={"streaming": weak})
    assert other.certainty().startswith("The figure: uncertain")


def test_the_row_of_the_summary(story: PersonasStory) -> None:
    for told in (story, in_german(story)):
        row = told.line()
        assert row.stake == told.change.facts.stake
        assert told.voice.tell(told.change.facts.more, "interval100") in row.answer
        assert all((row.question, row.sure, row.step, row.measure, row.unknown))
        assert len(row.answer) < 300
    assert "Effect: not tried" in story.line().sure


def test_every_figure_of_the_page_is_a_fact(story: PersonasStory) -> None:
    told = with_other(story)
    blocks = [told.finding(), told.means(), told.certainty(), told.tiles(), *told.body()]
    assert blocks
    facts = told.voice.told
    for question in told.asking.asked():
        name = f"personas.asked.{question.attribute}"
        assert told.voice.exact[name].value == question.difference_adjusted.value
        assert facts[name].value == pytest.approx(question.difference_adjusted.value, abs=0.01)
        assert facts[f"personas.lost.{question.attribute}"].known
    for name, found in told.refinements.items():
        for place, row in enumerate(found.edits, 1):
            assert told.voice.exact[f"personas.edit.{name}.{place}.gain"].value == row.weighed.gain.value
    for name in ("more", "gain", "stake", "break_even", "turned", "held.kept.old", "held.kept.more", "runs.accepted"):
        assert f"personas.{name}" in facts
    assert len(facts) > 35


def test_personas_are_described_in_words(story: PersonasStory) -> None:
    assert [words.split(":")[0] for words in story.described()] == ["“Phone only”", "“Families”", "“Film fans”"]
    assert story.described()[0].startswith("“Phone only”: Wants to be reachable")
    assert "Lives alone" in " ".join(story.described())
    bare = kb.Persona("films", 1, "Sales", "2026-01-01", "films", (kb.Rule("streaming_tv", in_=("Yes",)),))
    assert story.who(bare) == "TV streaming: yes"
    assert story.name(bare) == "films"


def test_customers_of_both_versions_are_those_who_match_both(story: PersonasStory, telco: kb.Dataset) -> None:
    there, both = story.change.facts.measured, story.change.facts.both
    assert both / (there.old.n + there.new.n - both) == pytest.approx(there.identity, abs=1e-9)
    assert story.change.facts.shared("turned").value == pytest.approx(1 - both / there.old.n)
    assert story.change.facts.shared("fresh").value == pytest.approx(1 - both / there.new.n)


def test_verdicts_of_good_and_poor_personas(story: PersonasStory) -> None:
    rows = {row[0]: row for row in story.verdicts_table().rows}
    assert list(rows) == ["Phone only", "Families", "Film fans", "all"]  # by retention
    assert rows["Phone only"][3].startswith("Keep")
    assert rows["Film fans"][3].startswith("Change")
    assert rows["Families"][3].startswith("Leave as it is")
    assert rows["all"][2].startswith("73.4%")


def test_rules_stand_side_by_side_with_what_they_rest_on(story: PersonasStory) -> None:
    rows = {row[0]: row[1:] for row in story.change.rules_table().rows}
    assert rows["Has a partner"][:2] == ("no", "does not matter")
    assert rows["Technical support"][:2] == ("does not matter", "yes")
    assert rows["Technical support"][2].startswith("measured: ")
    assert rows["TV streaming"] == ("yes", "yes", "assumed, unchanged")


def test_traps_are_named_where_they_bite(story: PersonasStory) -> None:
    became = [(row[0], row[3]) for row in story.traps.table().rows]
    assert any(name == "Families" and words.startswith("Loses revenue: ") and "−$" in words for name, words in became)
    assert any(words.startswith("Means other customers: ") for _, words in became)
    assert [name for name, words in became if words == "Confirmed."] == ["Film fans", "Film fans"]
    assert "(Contract)" in story.traps.text()[1]


def test_questions_and_what_not_to_ask(story: PersonasStory) -> None:
    assert story.questions is not None
    asked = story.asking.table().rows
    assert [row[0] for row in asked] == [story.asking.wording(question) for question in story.asking.asked()]
    assert len(asked) == len(story.questions.to_frame()) - 1  # technical support is an extra
    refused = {name for row in story.asking.do_not_ask_table().rows for name in row[0].split(", ")}
    assert {"Gender", "Age", "Contract", "Months as a customer"} <= refused
    reasons = {row[0]: row[1] for row in story.asking.do_not_ask_table().rows}
    assert reasons["Age"] == "Protected characteristic: age."


def test_german_page_says_the_same(story: PersonasStory) -> None:
    german = in_german(story)
    assert "Mit neuen Regeln für „Serienfans“ (" in german.finding()
    assert "„Lebt in Partnerschaft: nein“ entfällt" in german.finding()
    assert [row[0] for row in german.verdicts_table().rows][:-1] == ["Nur Telefon", "Familien", "Serienfans"]
    tables = (
        "verdicts_table",
        "change.rules_table",
        "change.outcome_table",
        "asking.table",
        "asking.do_not_ask_table",
        "traps.table",
    )
    for table in map(attrgetter, tables):
        for ours, theirs in zip(table(german)().rows, table(story)().rows, strict=True):
            assert len(ours) == len(theirs)


def test_figure_tells_its_numbers_as_text(story: PersonasStory) -> None:
    axes = story.evaluation.plot(**story.figure())
    assert "Phone only: " + with_range(story.fit("basic"), story.voice) in alt_text(axes)
    assert axes.get_title(loc="left").startswith("Those who fit “Phone only” stay most often")
    marks = [float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_marker() == "o"]
    assert marks == pytest.approx([story.voice.disclosure.fact(story.fit(p.name)).value for p in story.personas])
    # the share of all customers is dashed, and no label stands on it
    assert {text.xyann[0] for text in axes.texts if "%" in text.get_text()} <= {4, 6}


def test_all_personas_are_assumed_and_said_to_be(story: PersonasStory) -> None:
    heading, text = story.basis_text()
    kinds = [kind for persona in story.personas for kind in mark_kinds(persona)]
    assert set(kinds) == {"assumed"}
    assert heading == "What the personas rest on"
    assert f"0 are measured, 0 were said, and {len(kinds)} are assumed" in text


def test_few_customers_are_not_told_of(telco: kb.Dataset) -> None:
    story = told(telco, kb.datasets.load_personas(), threshold=1500)
    rows = {row[0]: row for row in story.verdicts_table().rows}
    assert rows["Film fans"][1] == rows["Film fans"][2] == "under 1,500"
    assert all(row[2] == "under 1,500" for row in story.traps.table().rows)
    assert story.tiles()[0][0] == "under 1,500"
    alike, stayed, kept = story.change.outcome_table().rows[:3]
    assert all("under 1,500" in cell for cell in (*stayed[1:], alike[3], *kept[1:]))
    assert story.line() is None
    assert alike[1:3] == ("–", "–")


def test_shared_customers_are_hidden_where_few_remain(story: PersonasStory) -> None:
    """Neither a few who fit both versions nor a few who fit one only: each would follow from the other."""
    assert story.chosen is not None
    there = story.change.facts.measured
    for both in (3, there.old.n - 3):
        identity = both / (there.old.n + there.new.n - both)
        other = with_other(
            story, refinements={"streaming": replace(story.chosen, held_out=replace(there, identity=identity))}
        )
        assert other.change.facts.both == both
        few = other.change.outcome_table().rows[-1][1]
        assert few in ("under 5", "not shown")
        assert not other.voice.disclosure.fact(other.change.facts.shared("turned")).known


def test_without_personas_the_page_says_what_to_write(telco: kb.Dataset) -> None:
    for lang, words in (("en", "It cannot be said yet"), ("de", "Das lässt sich noch nicht sagen")):
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
    assert same.finding().startswith("Those of today:")
    assert same.line() is None
    few = told(rated(60, {"a": 0.7, "b": 0.7}), [kinds("a", "a"), kinds("not_b", "b", negative=True)])
    assert few.finding().startswith("It cannot be said")
    rows = {row[0]: row[3] for row in few.verdicts_table().rows}
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
    assert held(story.chosen, "new").value == pytest.approx(0.9, abs=0.06)
    assert len(story.tiles()) == 2  # no revenue in this data
    assert story.line().stake is None


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
    assert "would stay in a year" in story.finding()
    # a persona that does not surely stay better than all is not put first; stricter rules fit nobody anew
    assert story.finding().startswith("With new rules for ")
    assert "do not fit the present ones" not in story.change.outcome_text()
    assert "Too few" not in story.change.outcome_text()
    assert story.change.how_compared == "year"
    assert story.verdicts_table().head[2] == "Of these there after the first year"
    assert [row[0] for row in story.change.outcome_table().rows][:2] == [
        "stay through an average year", "revenue a year that stays per fitting customer"]  # fmt: skip
    assert story.asking.table().head[2] == "So many more stay (of 100)"
    assert "vanishes after adjusting" not in story.questions.do_not_ask()["reason"].tolist()
    for said in (story.means(), story.asking.text(), *(note for *_, note in story.tiles())):
        assert "like with like" not in said


def test_whom_not_to_sell_to_is_open_where_the_others_are_few() -> None:
    data = rated(300, {"a": 0.9, "b": 0.4, "c": 0.4})
    few = told(data, [kinds("not_bc", "b", "c", negative=True)], threshold=400)
    assert few.verdict("not_bc").startswith("Still open")


def test_points_of_one_small_side_are_not_told(story: PersonasStory) -> None:
    gain = Estimate(0.1, 0.05, 0.15)
    assert story.words.points("a", gain, 100, 4) == story.words.points("b", gain, 4, 100) == "under 5"
    assert story.words.points("c", gain, 600, 100) == "10 (5 to 15)"
    assert story.voice.told["personas.a"].as_dict()["value"] is None


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
    there = story.change.facts.measured
    identity = 3 / (there.old.n + there.new.n - 3)
    few = replace(story.chosen, held_out=replace(there, identity=identity))
    assert "%" not in with_other(story, refinements={"streaming": few}).change.identity_text()
    assert "%" in with_other(story).change.identity_text()


def test_reasons_not_to_ask_say_what_is_the_matter(story: PersonasStory) -> None:
    assert story.questions is not None
    said = {
        "more than 30 levels": "Too many different answers to be compared.",
        "all customers are alike in it": "All give the same answer.",
        "says the same as tech_support": "Says the same as Technical support.",
        "grows with the time that a customer has been there": "The value grows with the time somebody has "
        "been a customer.",
    }
    for why, words in said.items():
        assert story.words.reason(why, story.questions.adjust) == words


def test_few_who_would_fit_both_are_in_no_trap(story: PersonasStory) -> None:
    name, found = next((n, one) for n, one in story.refinements.items()
                       if any(row.finding == "another persona" for row in one.edits))  # fmt: skip
    old, sizes = found.edits[0].coverage_before, found.sizes
    row = next(row for row in found.edits if row.finding == "another persona")
    for both, told in ((0, "under 5 fit both"), (3, "under 5 fit both"), (30, "% fit both")):
        identity = both / ((old + row.coverage) * sizes[1] - both)
        one = replace(found, edits=(found.edits[0], replace(row, identity=identity)))
        words = with_other(story, refinements={name: one}).traps.table().rows[-1][3]
        assert words.startswith("Means other customers: ")
        assert told in words
        assert ("%" in words) == (both == 30)


def test_facts_carry_the_definition_of_what_they_were_measured_by(story: PersonasStory) -> None:
    assert story.chosen is not None
    assert story.evaluation is not None
    for fact in (story.fit("basic"), coverage(story.evaluation, "basic")):
        assert fact.definition == story.evaluation.definition
    for fact in (story.change.facts.gain, held(story.chosen, "new"), story.change.facts.shared("turned")):
        assert fact.definition == story.chosen.definition
