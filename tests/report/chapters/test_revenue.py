from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import kbind as kb
from kbind.dataset.dataset import Card
from kbind.facts.revenue import shown_windows
from kbind.plot.base import alt_text, finding
from kbind.report.chapters.revenue import RevenueStory, revenue_story

Row = tuple[int, str, str | None, float]


def company(rows: list[Row], as_of: str = "2025-01-01", **card: Any) -> kb.Dataset:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "mrr"])
    data = kb.open_dataset({"subscriptions": frame}, as_of=as_of)
    object.__setattr__(data, "card", Card(title="Toy", currency="EUR", **card))
    return data


def shrinking(**card: Any) -> kb.Dataset:
    """100 customers at 10 on 1 January 2024; in it 12 leave, 6 halve, 8 double, 20 join."""
    rows: list[Row] = [(i, "2023-06-15", None if i >= 26 else f"2024-0{1 + i % 9}-20", 10) for i in range(100)]
    rows += [(i, f"2024-0{1 + i % 9}-20", None, 5) for i in range(12, 18)]
    rows += [(i, f"2024-0{1 + i % 9}-20", None, 20) for i in range(18, 26)]
    rows += [(200 + i, "2024-05-05", None, 10) for i in range(20)]
    return company(rows, as_of="2025-01-01", **card)


@pytest.fixture(scope="module")
def story() -> RevenueStory:
    return revenue_story(shrinking(margin=0.5, acquisition_cost=100))


def test_rates_are_those_of_the_last_full_year(story: RevenueStory) -> None:
    grr, nrr, left = (story.rate(name) for name in ("grr", "nrr", "logo_churn"))
    assert (grr.value, nrr.value, left.value) == pytest.approx((0.85, 0.93, 0.12))
    assert (grr.n, left.count) == (100, 12)
    assert (
        story.finding()
        == "In 2024, 85% of monthly revenue stayed; with what customers who stayed paid on top it was 93%."
    )
    assert "New customers have to bring €70.00 a month" in story.means()
    assert "€120 went with those who left, €30.00 with those who pay less" in story.means()


def test_german_page_says_the_same() -> None:
    german = revenue_story(shrinking(), lang="de")
    assert german.finding().startswith("Im Jahr 2024 blieben 85\u00a0% des Monatsumsatzes")
    assert german.question().endswith("?")
    assert "Im Jahr" not in german.presets_table().title
    rows = {row[0]: row[1:] for row in german.presets_table().rows}
    assert rows["Stripe"][:2] == ("–", "–")
    assert rows["dieser Bericht"][0] == "85,0\u00a0%"


def test_worth_needs_a_margin_and_a_point_that_can_be_gained(story: RevenueStory) -> None:
    rows: list[Row] = [(i, "2023-06-15", None if i >= 24 else f"2024-0{1 + i % 9}-20", 10) for i in range(100)]
    rich = revenue_story(company(rows, margin=0.5, acquisition_cost=100))
    assert rich.value is not None
    given = rich.value.worth.inputs
    assert (given.customers, given.price, given.margin, given.acquisition_cost) == (76, 10, 0.5, 100)
    assert given.churn == pytest.approx(24 / sum(100 - sum(i % 9 < m for i in range(24)) for m in range(12)), rel=0.02)
    assert rich.tiles()[2] == rich.value.tile()
    without = revenue_story(company(rows))
    assert without.value is None
    assert "margin" in without.worth_missing()
    assert story.value is None  # nine in a thousand leave a month
    assert "hundred" in story.worth_missing()
    assert story.tiles()[2][0] == "12.0%"


def test_few_customers_are_not_told() -> None:
    rows: list[Row] = [(i, "2023-06-15", None if i else "2024-04-20", 10) for i in range(20)]
    story = revenue_story(company(rows))
    assert story.means() == "Too few customers left or changed their contract to say what that costs."
    axes = story.steps.plot(**story.moves_figure())
    assert "left under 5" in alt_text(axes)
    assert "€10" not in alt_text(axes)
    plt.close(axes.figure)


def test_figure_names_every_window_and_says_what_grows(story: RevenueStory) -> None:
    axes = story.steps.plot(**story.moves_figure())
    assert finding(axes) == "Revenue grows, but only because of new customers"
    assert alt_text(axes).startswith("Bars of monthly revenue gained and lost. Q2 2023: new €1,000")
    plt.close(axes.figure)


def test_last_window_without_its_gains_is_not_drawn() -> None:
    rows: list[Row] = [(k, f"2024-0{1 + k % 6}-01", None if k else "2024-07-01", 10) for k in range(30)]
    story = revenue_story(company(rows, as_of="2024-07-01"))
    assert shown_windows(story.steps) == story.steps.movements.calendar.lived - 1


def test_data_of_one_month_still_has_a_page() -> None:
    rows: list[Row] = [(k, "2024-01-05", None, 10) for k in range(10)]
    story = revenue_story(company(rows, as_of="2024-03-01"))
    assert story.certainty().startswith("Open")
    assert story.finding()
