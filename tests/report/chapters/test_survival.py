from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.facts.survival import contact_ratio
from kbind.plot.base import alt_text
from kbind.report.chapters.survival import SurvivalStory, survival_story
from kbind.survival.contact_loss import contact_loss
from kbind.survival.curve import SurvivalCurve
from kbind.survival.departures import Departures
from kbind.survival.hazard_curve import HazardCurve
from kbind.survival.incidence import CumulativeIncidence
from simulations.company import simulate_saas


def told(data: kb.Dataset, lang: str = "en", threshold: int = 5, departed: Departures | None = None) -> SurvivalStory:
    curve, hazard, incidence = results(data)
    return survival_story(data, curve, hazard, incidence, None, departed, lang=lang, threshold=threshold)


@lru_cache(maxsize=4)
def results(data: kb.Dataset) -> tuple[SurvivalCurve, HazardCurve, CumulativeIncidence | None]:
    """What a story is told from; several tests tell the same in their way."""
    lives = kb.durations(data)
    incidence = kb.cumulative_incidence(lives) if len(lives.causes) > 1 else None
    return kb.survival_curve(lives), kb.hazard_curve(lives), incidence


def paid(early: float, renewal: float) -> Departures:
    """The departures of 2024: so much a month by those who left in month 2 and in month 12, a hundred each."""
    left = np.array([100, 100])
    revenue = np.array([early, renewal])
    return Departures(datetime(2024, 1, 1), datetime(2025, 1, 1), np.array([2, 12]), left, revenue, revenue**2 / left)


@pytest.fixture(scope="module")
def saas() -> kb.Dataset:
    return simulate_saas(6000, rng=2)


def lives(hazard: np.ndarray, n: int = 4000) -> kb.Dataset:
    """Customers who leave in each month with a given chance, last seen after as many months."""
    return _lives(tuple(hazard), n)


@cache
def _lives(hazard: tuple[float, ...], n: int) -> kb.Dataset:
    rng = np.random.default_rng(1)
    leaves = rng.random((n, len(hazard))) < hazard
    gone = leaves.any(axis=1)
    tenure = np.where(gone, leaves.argmax(axis=1) + 1, len(hazard))
    frame = pd.DataFrame({"customer_id": range(n), "tenure": tenure, "gone": gone})
    return kb.open_dataset({"customers": frame}, roles={"tenure": "tenure", "churned": "gone"})


def test_renewals_are_found_where_they_were_planted(saas: kb.Dataset) -> None:
    story = told(saas)
    assert story.facts.spikes[:2] == [12, 24]
    assert set(story.facts.spikes) <= {12, 24, 36, 48}
    assert story.facts.renewals[:4] == [12, 24, 36, 48]  # also those of too few to be sure of
    assert story.facts.yearly
    assert "at the first renewal in month 12" in story.finding()
    assert "(in months 9, 21, 33 and 45)" in story.act()
    assert story.facts.a_month("quiet").value < 0.5 * story.facts.a_month("renewal").value


def test_more_renewals_than_a_sentence_holds_are_said_to_go_on(saas: kb.Dataset) -> None:
    moments = told(saas).moments
    assert moments.named([12, 24, 36, 48]) == "in months 12, 24, 36 and 48"
    assert moments.named(range(12, 97, 12)) == "in months 12, 24 and 36 and every 12 months after that"
    assert moments.named([12]) == "in month 12"
    assert moments.named([1, 2, 3, 4, 5, 6, 9]).endswith("5, 6 and 9")
    assert told(saas, "de").moments.named(range(9, 97, 12)) == "im 9., 21. und 33. Monat und danach alle 12 Monate"


def test_other_chapters_with_other_numbers_are_bridged(saas: kb.Dataset) -> None:
    """Only where there are contracts, and only with money that the page tells."""
    heading = "Why chapters 1, 1b and 2 give different numbers"
    story = told(saas, departed=paid(1000, 9000))
    (bridge,) = [block for block in story.body() if block.heading == heading]
    assert len(bridge.paragraphs) == 2
    assert "everybody who left in 2024, at what they paid last" in bridge.paragraphs[1]
    (bridge,) = [block for block in told(saas).body() if block.heading == heading]
    assert len(bridge.paragraphs) == 1
    assert not [block for block in told(lives(BOTH)).body() if "give different numbers" in block.heading]


def test_german_says_the_same(saas: kb.Dataset) -> None:
    story = told(saas, "de")
    assert "bei der ersten Verlängerung im 12. Monat" in story.finding()
    assert story.certainty().startswith("Die Zahl der Abgänge: verlässlich, im ersten Jahr gehen zwischen")


def test_figures_carry_their_numbers_as_text(saas: kb.Dataset) -> None:
    story = told(saas)
    assert story.incidence is not None
    curve = story.curve.plot(**story.curve_figure())
    bars, causes = story.hazard.plot(**story.hazard_figure()), story.incidence.plot(**story.causes_figure())
    assert "month 12:" in alt_text(bars)
    assert story.voice.tell(story.at(0)) == "100.0%"
    assert "month 0: 100.0%" in alt_text(curve)
    assert "cancelled, after 24 months" in alt_text(causes)
    assert curve.get_title(loc="left").startswith("After 12 months,")


EVEN = np.full(24, 0.02)
EARLY = np.r_[np.full(3, 0.15), np.full(21, 0.02)]
RENEWAL = np.r_[np.full(11, 0.01), 0.2, np.full(12, 0.01)]
BOTH = np.r_[np.full(4, 0.06), np.full(7, 0.01), 0.1, np.full(11, 0.01), 0.1]


@pytest.mark.parametrize(
    ("hazard", "block", "peaks", "finding"),
    [
        (EVEN, 0, [], "no month is much more dangerous than the others"),
        (EARLY, 3, [], "of them in the first 3 months."),
        (RENEWAL, 0, [12], "of them in month 12."),
        (BOTH, 4, [12, 24], "in the first 4 months, "),
        (0.05 * 0.85 ** np.arange(24) + 0.01, 5, [], "of them in the first 5 months."),
        (np.r_[np.full(2, 0.1), np.full(6, 0.02)], 2, [], "leave in the first 8 months"),
    ],
    ids=["even", "early", "renewal", "both", "slowly falling", "young"],
)
def test_shape_of_leaving_is_named(hazard: np.ndarray, block: int, peaks: list[int], finding: str) -> None:
    story = told(lives(hazard))
    assert (story.facts.block, story.facts.renewals) == (block, peaks)
    assert finding in story.finding()
    assert (story.line() is None) == (hazard is EVEN)


def test_first_year_adds_up_from_its_parts() -> None:
    """Of those who came, counted by hand: who left by month 4, and in month 12; the rest of the year is calm."""
    data = lives(BOTH)
    table, story = data.table("customers"), told(data)
    gone = table[table["gone"]]["tenure"]
    assert story.facts.left_by(4).value == pytest.approx((gone <= 4).sum() / 4000)
    assert story.facts.at_renewal.value == pytest.approx((gone == 12).sum() / 4000)
    assert story.facts.left_by(12).value == pytest.approx((gone <= 12).sum() / 4000)
    assert story.facts.at_renewal.ci_lower < story.facts.at_renewal.value < story.facts.at_renewal.ci_upper
    assert len(story.tiles()) == 3


@pytest.mark.parametrize(("early", "renewal", "first"), [(1000, 9000, "renewal"), (9000, 1000, "early")])
def test_larger_loss_in_money_goes_first(early: float, renewal: float, first: str) -> None:
    """More customers leave in the first 4 months; the step follows the money, and the finding says both."""
    story = told(lives(BOTH), departed=paid(early, renewal))
    assert story.facts.first == first
    assert "110,000 of annual revenue in 2024 (between 85,000 and 130,000), 92% of all revenue lost." in story.finding()
    assert "In all, 120,000 of annual revenue was lost in 2024; chapters 1b and 4 leave out" in story.means()
    assert ("More customers leave then, too:" in story.finding()) == (first == "early")
    begins = "Guide new customers" if first == "early" else "Speak to customers in months 9 and 21"
    assert story.act().startswith(begins)
    assert "Second: " in story.act()
    assert "Which of the two costs more" not in story.certainty()
    line = story.line()
    assert line is not None
    assert line.stake is not None
    assert line.stake.value == 108_000
    dearest = "The costliest losses come in months" if first == "renewal" else "The first 4 months are the costliest"
    assert line.answer.startswith(dearest)
    assert story.finding().startswith(dearest)
    assert story.certainty().endswith(
        "the step must cost less than the margin on that, for half of them half as much."
    )  # which is not stated
    assert "(92% of 120,000, new customers included). Of 100 new customers" in line.answer
    assert "11,000" in line.measure


def test_the_limit_of_cost_is_told_in_money_where_the_margin_is_stated(saas: kb.Dataset) -> None:
    """A tenth of 12 x 9,000, of which four fifths are margin; and the tile bridges to the share in the figure."""
    data = replace(saas, card=replace(saas.card, margin=0.8))
    story = told(data, departed=paid(1000, 9000))
    tenth, kept = story.facts.tenth("renewal"), story.facts.tenth("renewal", 0.8)
    assert tenth is not None
    assert kept is not None
    assert (tenth.value, kept.value) == pytest.approx((10_800, 8_640))
    assert "must cost less than the margin on that, " + story.voice.tell(kept, "about") in story.certainty()
    assert story.finding().startswith("The yearly renewal is the single costliest moment: ")
    note = story.tiles()[2][2]
    assert f"{story.voice.tell(story.in_month(12))} of those still there by then; all renewals: " in note


def test_losses_that_hardly_differ_are_not_said_to_differ() -> None:
    story = told(lives(BOTH), departed=paid(1000, 1050))
    assert not story.facts.surely_dearer
    assert "Which of the two costs more is not sure." in story.certainty()


def test_departures_of_few_have_no_money() -> None:
    story = told(lives(BOTH), threshold=101, departed=paid(1000, 9000))
    assert story.facts.lost("early") is None
    assert "revenue" not in story.finding()
    assert story.facts.first == "early"


def test_even_hazards_have_no_early_months() -> None:
    """100 data sets of 36 months: the chance of a false alarm is below 5 %."""
    rng = np.random.default_rng(9)
    blocks, peaks = 0, 0
    for _ in range(100):
        tenure = np.minimum(rng.geometric(0.03, 1500), 36)
        frame = pd.DataFrame({"customer_id": range(1500), "tenure": tenure, "gone": tenure < 36})
        data = kb.open_dataset({"customers": frame}, roles={"tenure": "tenure", "churned": "gone"})
        story = told(data)
        blocks, peaks = blocks + bool(story.facts.block), peaks + len(story.facts.spikes)
    assert blocks <= 5
    assert peaks <= 5


def test_few_customers_are_not_told_of() -> None:
    story = told(lives(np.full(12, 0.05), n=30))
    assert story.short
    assert story.finding() == "There are too few customers to say when they leave."
    assert "it takes more customers" in story.act()
    assert story.tiles() == []


def test_small_months_are_hidden(saas: kb.Dataset) -> None:
    rows = told(saas, threshold=40).months_table().rows
    assert any("under 40" in row for row in rows)
    assert all("under 40" not in row[4] for row in rows)  # how many were observed is no secret


def test_a_month_of_few_or_nobody_is_a_ring(saas: kb.Dataset) -> None:
    story = told(saas, threshold=40)
    axes = story.hazard.plot(**story.hazard_figure())
    small = [int(month) for month, left in zip(story.months["month"], story.months["events"], strict=True) if left < 40]
    rings = next(line for line in axes.lines if line.get_marker() == "o")
    assert sorted(rings.get_xdata()) == small
    bars = {round(bar.get_x() + bar.get_width() / 2) for bar in axes.patches}
    assert not bars & set(small)
    assert all(bar.get_height() > 0 for bar in axes.patches)
    assert "A ring: fewer than 40 left" in story.hazard_caption()
    assert "A ring" not in told(lives(EVEN)).hazard_caption()


def test_months_that_nobody_was_seen_to_the_end_of_are_not_told() -> None:
    """Households of a year: the first month stands out, and departures are counted as far as anybody was followed."""
    story = told(kb.datasets.load_grocery())
    assert (story.facts.block, story.facts.horizon) == (1, story.facts.followed)
    assert "leave in the first 7 months" in story.finding()
    assert all("–" not in row for row in story.months_table().rows)
    assert "in the first month" in story.means()


def test_table_holds_early_months_half_years_and_renewals() -> None:
    rows = [int(row[0]) for row in told(lives(BOTH)).months_table().rows]
    assert rows == [1, 2, 3, 4, 6, 12, 18, 24]
    assert list(told(lives(BOTH)).body())[-1].folded


def test_lost_contact_person_is_told_with_its_range(saas: kb.Dataset) -> None:
    fact = contact_ratio(contact_loss(saas))
    assert 1 < fact.ci_lower < fact.value < fact.ci_upper < 2.5  # planted: 2.5 in the first month, then fading
    story = replace(told(saas, "de"), contact=fact)
    assert f"gehen Kunden {story.voice.number(fact.value, 1)}-mal so häufig" in story.contact_title()
    assert "beweist nicht" in story.contact_text()


def test_log_without_contracts_says_what_leaving_means() -> None:
    story = told(kb.datasets.load_grocery(), "de")
    assert any("mehr als 112 Tage" in line and "ließ sich nicht beurteilen" in line for line in story.definitions())
