from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

import kbind as kb
from kbind.facts.value import figure_of
from kbind.plot.base import alt_text
from kbind.report.chapters.value import ValueStory, value_story
from kbind.revenue.value_arithmetic import points_of_year
from kbind.text.voice import Voice

GIVEN: dict[str, Any] = {"customers": 1000, "price": 50, "margin": 0.6, "churn": 0.05}
MEASURED = kb.retention_rate(start=1000, end=950, gained=0).churn


def told(lang: str = "en", currency: str = "EUR", **changes: Any) -> ValueStory:
    later = {"discount": changes.pop("discount", 0)}
    return value_story(kb.retention_value(**{**GIVEN, **changes}).assuming(**later), lang=lang, currency=currency)


def test_points_are_told_as_those_of_a_year() -> None:
    """A point a month of 5 % is (0.96 ** 12 - 0.95 ** 12), 7.2 of 100 a year."""
    story = told()
    assert story.finding() == (
        "Keeping 7.2 more of every 100 customers is worth about €16,900 of margin in the first year."
    )
    yearly = told("de", points=points_of_year(0.05, 12), acquisition_cost=300)
    assert yearly.finding().startswith("Wenn von 100 Kunden einer mehr bleibt, bringt das im ersten Jahr rund")
    assert yearly.means().endswith("kosten würde.")
    assert "kosten würde" not in told("de").means()
    assert "about 72 more customers are then there" in told().means()


def test_points_of_year_are_what_it_takes_for_one_more_of_a_hundred() -> None:
    points = points_of_year(0.02, 12)
    assert (1 - 0.02 + points / 100) ** 12 - (1 - 0.02) ** 12 == pytest.approx(0.01)
    assert points_of_year(0.3, 1) == pytest.approx(1)
    assert np.isnan(points_of_year(0.0005, 12))  # fewer than one of a hundred leave


def test_cost_that_pays_is_told_for_a_crowd() -> None:
    story = told()
    worth = story.worth
    cost = story.voice.tell(figure_of(worth, "value_per_customer", 100), "about")
    assert f"should cost less than {cost} a year per 100 customers" in story.act()


def test_range_holds_every_input_that_is_not_sure() -> None:
    story = told(churn=MEASURED, price=(50, 40, 60), margin=(0.6, 0.5, 0.7))
    low, high = story.worth.extremes()
    alone = story.worth.interval("value")
    assert low < 40 / 50 * 0.5 / 0.6 * alone[1]
    assert high > alone[1] * 60 / 50
    assert (
        story.tile()[2] == f"{story.voice.tell(story.fact('value'), 'interval')}, depending on price, margin and churn"
    )
    assert "only a trial with a comparison group shows it" in story.certainty()
    assert told().certainty().startswith("Open")
    assert all(np.isnan(limit) for limit in told().worth.extremes())


def test_currency_that_is_not_known_is_said() -> None:
    assert "16.900 mehr Deckungsbeitrag" in told("de", currency="").finding()
    assert any("nicht angegeben" in line for line in told("de", currency="").definitions())
    assert not any("nicht angegeben" in line for line in told("de").definitions())


def test_inputs_are_listed_with_their_ranges() -> None:
    table = told(churn=MEASURED, discount=0.01).inputs_table()
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["Churn a month"][:2] == ("5.0%", "3.8% to 6.5%")
    assert rows["Price a month"] == ("€50.00", "–", "–")
    assert "Cost of winning one" not in rows
    assert "Number gained" not in rows
    assert "Discount a month" in rows


def test_table_holds_what_each_input_does_to_the_value() -> None:
    rows = {row[0]: row[1:] for row in told(churn=0.05, price=(50, 20, 60)).inputs_table().rows}
    assert rows["Price a month"] == ("€50.00", "€20.00 to €60.00", "€6,740 to €20,200")
    assert rows["Margin"] == ("60.0%", "–", "–")


def test_every_input_of_the_table_is_a_fact() -> None:
    story = told(churn=MEASURED)
    story.inputs_table()
    facts = story.voice.told
    assert (facts["value.input.customers"].value, facts["value.input.price"].value) == (1000, 50)
    assert (facts["value.input.churn"].ci_lower, facts["value.input.churn"].ci_upper) == (0.038, 0.065)


def test_tornado_carries_its_numbers() -> None:
    worth = told(churn=MEASURED, price=(50, 20, 60)).worth
    ax = worth.plot()
    text, voice = alt_text(ax), Voice("en")
    levers = worth.sensitivity()
    for _, row in levers.iterrows():
        assert voice.money(row["value_at_low"]) in text
        assert voice.money(row["value_at_high"]) in text
    ends = np.array([[bar.get_x(), bar.get_x() + bar.get_width()] for bar in ax.patches]).reshape(-1, 4)
    drawn = sorted(np.ptp(ends, axis=1), reverse=True)
    np.testing.assert_allclose(drawn, levers["span"])
    assert {"20.00", "60.00", "3.8%", "6.5%"} <= {text.get_text() for text in ax.texts}
    plt.close("all")


def test_no_points_are_worth_nothing() -> None:
    story = told(points=0)
    ax = story.worth.plot()
    assert alt_text(ax)
    assert "0 more of every 100 customers" in story.finding()
    plt.close("all")


@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_period_can_be_told(period: str, lang: str) -> None:
    story = value_story(kb.retention_value(**GIVEN, horizon=1), period=period, lang=lang, customer="household")
    for sentence in (story.finding(), story.means(), story.act(), story.certainty(), *story.tile()):
        assert sentence
        assert "{" not in sentence


def test_a_step_must_not_cost_more_than_winning_as_many() -> None:
    dear, cheap = told(acquisition_cost=30_000), told(acquisition_cost=1)
    assert "are cheaper to win" not in dear.act()
    assert "are cheaper to win" in cheap.act()
    saved, value = cheap.fact("acquisition_saved").value, cheap.fact("value").value
    limit = cheap.fact("value_per_customer", 100).value * saved / value
    assert cheap.voice.exact["value.limit"].value == pytest.approx(limit)
