"""Chapter 06: what costs customers leads, in money; bonds and measures follow, and what is missing is said."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

import kbind as kb
from kbind.bonds.questions import bond_questions
from kbind.dataset.provenance import Provenance
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.facts.bonds import BondFacts, turned
from kbind.practices.service_recovery import ServiceRecovery
from kbind.report.blocks import Picture, Section
from kbind.report.chapters.base import voice_of
from kbind.report.chapters.bonds import BondChapter, BondStory
from kbind.report.chapters.study import Study
from kbind.text.disclosure import Disclosure
from kbind.text.marks import plain


@pytest.fixture(scope="module")
def chapter() -> BondChapter:
    return BondChapter(Study(kb.datasets.load_saas("clear_segments")))


@pytest.fixture(scope="module")
def story(chapter: BondChapter) -> BondStory:
    return chapter.story("en")


@cache
def provenance() -> Provenance:
    """Of any data."""
    return kb.durations(kb.datasets.load_telco()).provenance


def recovery(staying: Estimate, *, a_year: float = 0.5, left: int = 20, graded: bool = True) -> ServiceRecovery:
    """A result of which all that matters here is given."""
    rows = [("handled well", 40), ("handled as usual", 40), ("handled badly", left)]
    classes = pd.DataFrame({"handling": [row[0] for row in rows], "customers": 200, "left": [row[1] for row in rows]})
    ratio = Estimate(0.5, 0.25, 0.8, n=400)
    stay = {"well_vs_bad": staying}
    return ServiceRecovery(
        ratio, ratio, ratio, stay, UNKNOWN, classes, a_year, "severe", graded, 10**9, "well", 92, 0.95, provenance()
    )


def facts_of(found: ServiceRecovery | None, *, paid: float = 100.0) -> BondFacts:
    telco = kb.datasets.load_telco()
    known = replace(kb.practices(telco), results={} if found is None else {"service_recovery": found})
    return BondFacts(None, bond_questions(telco), known, 1000, paid, Disclosure(5))


def test_money_of_a_cause_is_customers_met_times_those_who_leave_times_what_they_pay() -> None:
    (cause,) = facts_of(recovery(Estimate(0.04, 0.02, 0.07))).causes
    assert cause.a_year.value == 500
    assert cause.stake is not None
    # 500 a year, 4 of 100 leave, 100 a month
    assert (cause.stake.value, cause.stake.ci_lower, cause.stake.ci_upper) == pytest.approx((24000, 12000, 42000))
    assert (cause.ratio.value, cause.ratio.ci_lower, cause.ratio.ci_upper) == pytest.approx((2, 1.25, 4))


def test_money_of_what_was_seen_seldom_has_a_wider_range() -> None:
    found = recovery(Estimate(0.04, 0.02, 0.07))
    (often,), (seldom,) = facts_of(found).causes, facts_of(replace(found, spells=25)).causes
    assert often.stake is not None
    assert seldom.stake is not None
    # a count of 25 has limits of 1.96 / 5 on the log; the share's lower one lies at log 2: together .7967
    assert seldom.stake.ci_lower == pytest.approx(24000 * math.exp(-math.hypot(math.log(2), 1.959964 / 5)))
    assert seldom.stake.ci_upper > often.stake.ci_upper


def test_problems_are_serious_only_where_somebody_says_so(story: BondStory) -> None:
    for graded, words in ((True, "serious problems"), (False, "help with problems")):
        facts = facts_of(recovery(Estimate(0.04, 0.02, 0.07), graded=graded))
        assert words in plain(replace(story, facts=facts, voice=voice_of(story.data, "en", 5)).finding())


@pytest.mark.parametrize(
    "found",
    [
        None,
        recovery(Estimate(0.04, -0.01, 0.07)),  # not shown
        recovery(UNKNOWN),
        recovery(Estimate(0.04, 0.02, 0.07), a_year=0.003),  # three customers a year
        recovery(Estimate(0.04, 0.02, 0.07), left=3),  # three left
    ],
)
def test_what_is_not_shown_or_rests_on_few_is_no_cause(found: ServiceRecovery | None) -> None:
    assert facts_of(found).causes == []


def test_a_cause_without_money_has_none() -> None:
    (cause,) = facts_of(recovery(Estimate(0.04, 0.02, 0.07)), paid=float("nan")).causes
    assert cause.stake is None


def test_a_ratio_is_turned_with_its_limits() -> None:
    assert tuple(turned(Estimate(0.5, 0.25, 0.8))) == pytest.approx((2, 1.25, 4))
    assert turned(UNKNOWN) is UNKNOWN


def test_the_finding_is_what_costs_most(story: BondStory) -> None:
    money = [cause.stake.value for cause in story.causes if cause.stake is not None]
    assert [cause.key for cause in story.causes] == ["complaint", "contact"]
    assert money == sorted(money, reverse=True)
    assert plain(story.finding()).startswith("After slow help more customers leave: ")
    main = story.causes[0]
    assert main.stake is not None
    assert plain(story.tell(main.stake, "about")) in plain(story.means())
    line = story.line()
    assert line is not None
    assert line.stake is main.stake


def test_what_was_planted_is_found(story: BondStory) -> None:
    # planted: a ratio of e^1.8 = 6 between badly and well in the first month, fading to 0.7 of it each month
    main = story.causes[0]
    assert 1.3 < main.ratio.ci_lower < main.ratio.value < 6


def test_measures_are_hypotheses_until_seen(story: BondStory) -> None:
    table = story.measures_table()
    grades = {plain(row[-1]) for row in table.rows}
    assert grades <= {"hypothesis", "observed here"}
    assert len(table.rows) == 6


def test_every_question_has_an_answer_or_a_reason(story: BondStory) -> None:
    rows = story.questions_table().rows
    assert len(rows) == 11
    assert all(plain(row[1]) for row in rows)
    few = next(row for row in rows if "recommender" in row[0])
    assert plain(few[1]) == "Not measurable: too few cases"


def test_the_page_in_both_languages_shows_the_same_numbers(chapter: BondChapter) -> None:
    told = {}
    for lang in ("de", "en"):
        spoken = chapter.story(lang)
        blocks = list(spoken.body())
        assert isinstance(blocks[0], Picture)
        assert sum(isinstance(block, Section) for block in blocks) == 4
        text = " ".join(map(plain, (spoken.finding(), spoken.means(), spoken.act(), spoken.certainty())))
        told[lang] = sorted(re.sub(r"\D", "", number) for number in re.findall(r"\d[\d.,]*", text))
    assert told["de"] == told["en"]


def test_without_causes_the_page_says_so_and_has_no_row() -> None:
    data = kb.datasets.load_telco()
    facts = facts_of(None)
    empty = BondStory(data, facts, None, None, voice_of(data, "en", 5))
    assert plain(empty.finding()).startswith("What costs customers who could be kept cannot be said")
    assert empty.line() is None
    assert empty.tiles() == []
    rows = empty.questions_table().rows
    assert all(re.search("lack|silence", plain(row[1])) for row in rows)


def test_few_customers_are_not_told_of(chapter: BondChapter) -> None:
    hushed = _like(chapter, 100_000).story("en")
    assert hushed.causes == []
    assert hushed.tiles() == []


def _like(chapter: BondChapter, threshold: int) -> BondChapter:
    """The same results, told with another threshold."""
    other = object.__new__(BondChapter)
    other.__dict__.update(chapter.__dict__)
    other.study = replace(chapter.study, threshold=threshold)
    return other
