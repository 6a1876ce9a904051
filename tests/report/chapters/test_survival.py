from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.facts.survival import contact_ratio
from kbind.plot.base import alt_text
from kbind.report.chapters.survival import SurvivalStory, survival_story
from kbind.survival.contact_loss import contact_loss
from simulations.company import simulate_saas


def told(data: kb.Dataset, lang: str = "en", threshold: int = 5) -> SurvivalStory:
    lives = kb.durations(data)
    incidence = kb.cumulative_incidence(lives) if len(lives.causes) > 1 else None
    curve, hazard = kb.survival_curve(lives), kb.hazard_curve(lives)
    return survival_story(data, curve, hazard, incidence, lang=lang, threshold=threshold)


@pytest.fixture(scope="module")
def saas() -> kb.Dataset:
    return simulate_saas(6000, rng=2)


def lives(hazard: np.ndarray, n: int = 4000) -> kb.Dataset:
    """Customers who leave in each month with a given chance, last seen after as many months."""
    rng = np.random.default_rng(1)
    leaves = rng.random((n, len(hazard))) < hazard
    gone = leaves.any(axis=1)
    tenure = np.where(gone, leaves.argmax(axis=1) + 1, len(hazard))
    frame = pd.DataFrame({"customer_id": range(n), "tenure": tenure, "gone": gone})
    return kb.open_dataset({"customers": frame}, roles={"tenure": "tenure", "churned": "gone"})


def test_renewals_are_found_where_they_were_planted(saas: kb.Dataset) -> None:
    story = told(saas)
    assert story.spikes[:2] == [12, 24]
    assert set(story.spikes) <= {12, 24, 36, 48}
    assert "the danger peaks in month 12, 24" in story.finding()
    assert "Speak to customers in month 9, 21" in story.act()
    assert story.quiet.value < 0.5 * story.spiking.value


def test_german_says_the_same(saas: kb.Dataset) -> None:
    story = told(saas, "de")
    assert "gefährlich wird es im 12., 24." in story.finding()
    assert story.certainty().startswith("Hoch: Nach 24 Monaten sind noch")


def test_figures_carry_their_numbers_as_text(saas: kb.Dataset) -> None:
    story = told(saas)
    truth = saas.truth.survival_by_age()
    assert story.incidence is not None
    curve = story.curve.plot(**story.curve_figure(truth))
    bars, causes = story.hazard.plot(**story.hazard_figure()), story.incidence.plot(**story.causes_figure())
    assert "month 12:" in alt_text(bars)
    assert story.voice.tell(story.at(0)) == "100.0%"
    assert "month 0: 100.0%" in alt_text(curve)
    assert "cancelled, after 24 months" in alt_text(causes)
    assert curve.get_title(loc="left").startswith("After 12 months,")


@pytest.mark.parametrize(
    ("hazard", "finding"),
    [
        (np.full(24, 0.02), "no month is much more dangerous than the others"),
        (np.r_[np.full(3, 0.15), np.full(21, 0.02)], "most of the danger lies in the first months"),
        (np.r_[np.full(11, 0.01), 0.2, np.full(12, 0.01)], "the danger peaks in month 12."),
    ],
    ids=["even", "early", "one spike"],
)
def test_shape_of_leaving_is_named(hazard: np.ndarray, finding: str) -> None:
    assert finding in told(lives(hazard)).finding()


def test_chance_makes_no_dangerous_months() -> None:
    """Even hazards, 60 data sets of 36 months: hardly ever a spike."""
    rng = np.random.default_rng(9)
    found = 0
    for _ in range(60):
        tenure = np.minimum(rng.geometric(0.03, 1500), 36)
        frame = pd.DataFrame({"customer_id": range(1500), "tenure": tenure, "gone": tenure < 36})
        data = kb.open_dataset({"customers": frame}, roles={"tenure": "tenure", "churned": "gone"})
        found += len(told(data).spikes)
    assert found <= 3


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


def test_lost_contact_person_is_told_with_its_range(saas: kb.Dataset) -> None:
    fact = contact_ratio(contact_loss(saas))
    assert 1 < fact.ci_lower < fact.value < fact.ci_upper < 2.5  # planted: 2.5 in the first month, then fading
    story = replace(told(saas, "de"), contact=fact)
    assert f"geht {story.voice.number(fact.value, 1)}-mal so häufig" in story.contact_title()
    assert "beweist nicht" in story.contact_text()


def test_log_without_contracts_says_what_leaving_means() -> None:
    story = told(kb.datasets.load_grocery(), "de")
    assert any("mehr als 112 Tage" in line and "ließ sich nicht beurteilen" in line for line in story.definitions())
