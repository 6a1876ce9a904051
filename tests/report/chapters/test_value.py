from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

import kbind as kb
from kbind.plot.base import alt_text
from kbind.report.chapters.value import ValueStory, value_story

GIVEN: dict[str, Any] = {"customers": 1000, "price": 50, "margin": 0.6, "churn": 0.05}
MEASURED = kb.retention_rate(start=1000, end=950, gained=0).churn


def told(lang: str = "en", currency: str = "EUR", **changes: Any) -> ValueStory:
    later = {"discount": changes.pop("discount", 0)}
    return value_story(kb.retention_value(**{**GIVEN, **changes}).assuming(**later), lang=lang, currency=currency)


def test_what_a_point_is_worth_in_both_languages() -> None:
    assert (
        told().finding()
        == "If churn falls by 1 percentage point a month, that adds up to €17,000 more margin after 12 months."
    )
    german = told("de", points=1.5, acquisition_cost=300)
    assert german.finding().startswith("Sinkt die Abwanderung um 1,5 Prozentpunkte je Monat, bringt das nach 12")
    assert german.means().endswith("zusätzlich gewinnen, was 45.000\u00a0€ kosten würde.")
    assert "kosten würde" not in told("de").means()
    assert "about 72 more customers are then there" in told().means()


def test_cost_that_pays_is_told_for_a_crowd() -> None:
    story = told()
    worth = story.worth
    assert f"may cost up to {story.voice.money(100 * worth.break_even)} a month for 100 customers" in story.act()


@pytest.mark.parametrize(
    ("churn", "start"),
    [(0.05, "Open"), ((0.05, 0.048, 0.052), "High"), (MEASURED, "High"), ((0.05, 0.02, 0.09), "Medium"),
     ((0.05, 0.001, 0.2), "Low")],
)  # fmt: skip
def test_certainty_follows_the_interval(churn: Any, start: str) -> None:
    assert told(churn=churn).certainty().startswith(start)


def test_currency_that_is_not_known_is_said() -> None:
    assert "17.000 mehr Deckungsbeitrag" in told("de", currency="").finding()
    assert any("nicht angegeben" in line for line in told("de", currency="").definitions())
    assert not any("nicht angegeben" in line for line in told("de").definitions())


def test_inputs_are_listed_with_their_ranges() -> None:
    table = told(churn=MEASURED, discount=0.01).inputs_table()
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Churn a month"] == ("5.0%", "3.8% to 6.5%")
    assert rows["Revenue a month"] == ("€50.00", "–")
    assert "Cost of winning one" not in rows
    assert "Number gained" not in rows
    assert "Discount a month" in rows


def test_tornado_states_the_finding_and_carries_its_numbers() -> None:
    story = told(churn=MEASURED, price=(50, 20, 60))
    ax = story.worth.plot(**story.tornado_figure())
    assert ax.get_title(loc="left") == "Between €6,700 and €20,000, depending on revenue a month"
    text = alt_text(ax)
    levers = story.worth.sensitivity()
    for _, row in levers.iterrows():
        assert story.voice.money(row["value_at_low"]) in text
        assert story.voice.money(row["value_at_high"]) in text
    ends = np.array([[bar.get_x(), bar.get_x() + bar.get_width()] for bar in ax.patches]).reshape(-1, 4)
    drawn = sorted(np.ptp(ends, axis=1), reverse=True)
    np.testing.assert_allclose(drawn, levers["span"])
    assert {"€20.00", "€60.00", "3.8%", "6.5%"} <= {text.get_text() for text in ax.texts}
    plt.close("all")


def test_inputs_that_move_the_value_alike_are_named_together() -> None:
    title = told("de").tornado_title()
    assert title.startswith("Je nach Zahl der Kunden, Umsatz je Monat und Marge sind es 13.000")


def test_no_points_are_worth_nothing() -> None:
    story = told(points=0)
    ax = story.worth.plot(**story.tornado_figure())
    assert ax.get_title(loc="left") == "Without less churn nothing is gained"
    assert alt_text(ax)
    plt.close("all")


@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_period_can_be_told(period: str, lang: str) -> None:
    story = value_story(kb.retention_value(**GIVEN, horizon=1), period=period, lang=lang, customer="household")
    for sentence in (story.finding(), story.means(), story.act(), story.certainty(), *story.tile()):
        assert sentence
        assert "{" not in sentence
