"""Chapter 07: the campaign that is worth most leads, in money; what cannot be told is not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import kbind as kb
from kbind.estimate.estimate import Estimate
from kbind.experiments.effect import NOT_IDENTIFIED, NOT_SHOWN, SHOWN, Effect, Reason
from kbind.experiments.verdicts import Verdicts, judge_campaigns
from kbind.facts.experiments import CampaignFacts, campaign_facts
from kbind.report.blocks import Picture, Section
from kbind.report.chapters.base import voice_of
from kbind.report.chapters.experiments import ExperimentChapter, ExperimentStory
from kbind.report.chapters.study import Study
from kbind.text.disclosure import Disclosure
from kbind.text.marks import plain


@pytest.fixture(scope="module")
def chapter() -> ExperimentChapter:
    return ExperimentChapter(Study(kb.datasets.load_saas()))


@pytest.fixture(scope="module")
def story(chapter: ExperimentChapter) -> ExperimentStory:
    return chapter.story("en")


@pytest.fixture(scope="module")
def mailings() -> ExperimentChapter:
    return ExperimentChapter(Study(kb.datasets.load_grocery(campaigns=True)))


def told(chapter: ExperimentChapter, *effects: Effect, lang: str = "en", threshold: int = 5) -> ExperimentStory:
    """A story about effects of which all that matters is given."""
    known = Verdicts(effects, {}, 0, chapter.verdicts.provenance)
    return ExperimentStory(chapter.data, known, 5000, voice_of(chapter.data, lang, threshold))


def effect(chapter: ExperimentChapter, verdict: str, adjusted: Estimate, *codes: str, lot: bool = True) -> Effect:
    """The randomised campaign, with another result."""
    base = next(one for one in chapter.verdicts.effects if one.randomised)
    reasons = tuple(Reason(code, "so") for code in codes)
    return replace(base, verdict=verdict, adjusted=adjusted, reasons=reasons, randomised=lot)


def test_all_campaigns_are_judged(chapter: ExperimentChapter) -> None:
    frame = chapter.verdicts.to_frame().set_index("campaign")
    assert frame["verdict"].tolist() == ["shown", "shown"]
    assert frame["randomised"].to_dict() == {"save_call": False, "loyalty_offer": True}
    with pytest.raises(kb.NotEnoughData):
        judge_campaigns(kb.datasets.load_telco())


def test_the_campaign_worth_most_leads_in_money(story: ExperimentStory) -> None:
    money = [one.stake.value for one in story.campaigns if one.stake is not None]
    assert [one.effect.campaign for one in story.campaigns] == ["save_call", "loyalty_offer"]
    assert money == sorted(money, reverse=True)
    main = story.campaigns[0]
    assert main.stake is not None
    assert plain(story.finding()).startswith("“save_call” worked")
    assert plain(story.tell(main.stake, "about")) in plain(story.finding())
    line = story.line()
    assert line is not None
    assert line.stake is main.stake
    assert "draw by lot" in plain(story.act())  # somebody chose


def test_money_is_the_difference_times_who_got_it_times_what_they_pay(chapter: ExperimentChapter) -> None:
    found = CampaignFacts(effect(chapter, SHOWN, Estimate(0.06, 0.04, 0.08)), Disclosure(1), "c")
    arms = found.effect.assigned
    assert found.stake is not None
    assert found.spent is not None
    paid = float(np.nanmean(arms.revenue[arms.treated]))
    factor = 12 * paid * int(arms.treated.sum())
    assert found.stake.value == pytest.approx(0.06 * factor)
    assert (found.stake.ci_lower, found.stake.ci_upper) == pytest.approx((0.04 * factor, 0.08 * factor))
    assert found.spent.value == pytest.approx(20 * int(arms.treated.sum()))


def test_what_was_planted_is_found(chapter: ExperimentChapter) -> None:
    truth = chapter.data.truth
    assert truth is not None
    for one in chapter.verdicts.effects:
        mine = truth.outcomes[(truth.outcomes["campaign"] == one.campaign) & (truth.outcomes["arm"] == "treatment")]
        planted = (mine["risk0"] - mine["risk1"]).mean()
        assert 0 < planted < one.adjusted.ci_upper  # this company's draw favours the treated by two standard errors
        if not one.randomised:
            assert one.naive.ci_upper < 0  # the plain comparison points the wrong way
            assert abs(one.adjusted.value - planted) < abs(one.naive.value - planted)


def test_without_a_lot_no_figure_is_called_reliable(story: ExperimentStory) -> None:
    assert "The figure: fairly reliable" in plain(story.certainty())
    assert "The cause: likely" in plain(story.certainty())


def test_harm_is_told_with_what_it_cost(chapter: ExperimentChapter) -> None:
    told_of = told(chapter, effect(chapter, SHOWN, Estimate(-0.06, -0.08, -0.04), "worse"))
    assert "did harm: it cost customers who paid" in plain(told_of.finding())
    assert "6 fewer of 100" in plain(told_of.finding())
    assert plain(told_of.act()) == "Stop it."
    row = [plain(cell) for cell in told_of.campaigns_table().rows[0]]
    assert row[2] == "−6.0"
    assert row[4].startswith("lost: €")
    assert row[6] == "shown: fewer stay"


def test_money_for_nothing_is_told(chapter: ExperimentChapter) -> None:
    idle = told(chapter, effect(chapter, NOT_SHOWN, Estimate(0.01, -0.02, 0.04), "interval_holds_zero"))
    assert plain(idle.finding()).startswith("“loyalty_offer” cost €14,600 and is not shown to have kept anybody")
    assert "draw by lot who gets it" in plain(idle.act())
    assert "customers, half of them left out, a difference of" in plain(idle.act())
    hopeless = told(chapter, effect(chapter, NOT_SHOWN, Estimate(-0.01, -0.03, 0.001), "interval_holds_zero"))
    assert plain(hopeless.act()).startswith("Stop it: even at best it keeps less than it costs")
    line = hopeless.line()
    assert line is not None
    assert plain(line.step) == "Stop it."


def test_what_is_worth_most_comes_before_what_cost_most(chapter: ExperimentChapter) -> None:
    works = effect(chapter, SHOWN, Estimate(0.06, 0.04, 0.08), "better")
    idle = effect(chapter, NOT_SHOWN, Estimate(0.0, -0.02, 0.02), "interval_holds_zero")
    found = campaign_facts(Verdicts((idle, works), {}, 0, chapter.verdicts.provenance), Disclosure(5))
    assert [one.outcome for one in found] == ["works", "nothing"]


def test_every_obstacle_has_words_in_both_languages(chapter: ExperimentChapter) -> None:
    from kbind.facts.experiments import OBSTACLES

    for code in OBSTACLES:
        one = effect(chapter, NOT_IDENTIFIED, Estimate(0.06, 0.04, 0.08), code, lot=code == "sample_ratio")
        for lang in ("de", "en"):
            spoken = told(chapter, one, lang=lang)
            assert len(plain(spoken.certainty()).split(". ")) == 2
            assert spoken.campaigns_table().rows[0][2] == "–"
            assert all(isinstance(block, (Picture, Section)) for block in spoken.body())


def test_grocery_mailings_are_no_success(mailings: ExperimentChapter) -> None:
    spoken = mailings.story("en")
    assert spoken.line() is None  # no money was recorded
    assert "cannot be told from this data" in plain(spoken.finding())
    assert "12 more of 100" in plain(spoken.means())
    assert plain(spoken.certainty()).startswith("No figure can be relied on. Those who got it had changed their use")
    verdicts = {row["campaign"]: row["verdict"] for _, row in mailings.verdicts.to_frame().iterrows()}
    assert {verdicts[name] for name in ("A-08", "A-13", "A-18")} == {"not identified"}
    assert "shown" not in verdicts.values()


def test_the_page_in_both_languages_shows_the_same_numbers(
    chapter: ExperimentChapter, mailings: ExperimentChapter
) -> None:
    for made in (chapter, mailings):
        said = {}
        for lang in ("de", "en"):
            spoken = made.story(lang)
            blocks = list(spoken.body())
            assert isinstance(blocks[0], Picture)
            text = " ".join(map(plain, (spoken.finding(), spoken.means(), spoken.act(), spoken.certainty())))
            said[lang] = sorted(re.sub(r"\D", "", number) for number in re.findall(r"\d[\d.,]*", text))
        assert said["de"] == said["en"]


def test_few_customers_are_not_told_of(chapter: ExperimentChapter) -> None:
    hushed = told(chapter, *chapter.verdicts.effects, threshold=100_000)
    assert hushed.campaigns == []
    assert hushed.tiles() == []
    assert hushed.line() is None
    assert list(hushed.body()) == []
    assert plain(hushed.finding()).startswith("It is too early to judge")
