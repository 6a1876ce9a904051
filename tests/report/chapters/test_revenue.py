from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import kbind as kb
from kbind.dataset.dataset import Card
from kbind.facts.revenue import shown_windows
from kbind.plot.base import alt_text, finding
from kbind.report.chapters import revenue
from kbind.report.chapters.base import needed
from kbind.report.chapters.revenue import RevenueStory

Row = tuple[int, str, str | None, float]


def revenue_story(data: kb.Dataset, **options: Any) -> RevenueStory:
    """The story with exact numbers, so that a few customers do for a sentence."""
    return revenue.revenue_story(data, **{"threshold": 1, **options})


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


def test_the_year_tells_what_was_lost_won_and_grew(story: RevenueStory) -> None:
    facts = story.facts
    grr, nrr, left = (facts.rate(name) for name in ("grr", "nrr", "logo_churn"))
    assert (grr.value, nrr.value, left.value) == pytest.approx((0.85, 0.93, 0.12))
    assert (grr.n, left.count) == (100, 12)
    assert story.finding() == (
        "In 2024, we lost 12 of every 100 customers we had at the start, and with them, new customers aside, €1,440 of "
        "annual revenue. Revenue still grew by 13%, because new customers brought in €2,400."
    )
    assert story.means() == (
        "Smaller contracts cost another €360, larger ones brought €960, leaving a gap of €840 for new customers to "
        "fill. Keeping one more of every 100 customers is worth about €38.00 of margin in the first year (between "
        "€29.00 and €50.00)."
    )
    assert story.tiles()[:2] == [
        ("88 of 100", "customers were still there a year later (2024)", "between 80 and 93 of 100"),
        ("85%", "of revenue stayed in 2024", story.voice.tell(grr, "interval")),
    ]


def test_steps_lead_from_the_start_to_the_end(story: RevenueStory) -> None:
    """12 x (1,000 + 200 + 80 - 30 - 120): each movement once, losses below zero."""
    assert [(name, fact.value) for name, fact in story.steps] == [
        ("Start of 2024", 12_000), ("new customers", 2_400), ("pay more", 960), ("pay less", -360), ("left", -1_440),
        ("End of 2024", 13_560),
    ]  # fmt: skip
    lead = story.lead()
    assert lead is not None
    assert (lead.sentence, lead.steps) == (story.finding(), story.steps)
    assert lead.heading == "Revenue grows, but only because of new customers"


def test_revenue_that_falls_is_not_said_to_grow() -> None:
    rows: list[Row] = [(i, "2023-06-15", None if i >= 30 else f"2024-0{1 + i % 9}-20", 10) for i in range(100)]
    story = revenue_story(company([*rows, *((200 + i, "2024-05-05", None, 10) for i in range(6))]))
    assert story.finding().endswith("New customers brought in only €720; revenue fell by 24%.")
    assert story.moves_title() == "New customers do not make up for what is lost"
    nobody = revenue_story(company(rows))
    assert nobody.finding().endswith("No new customers came; revenue fell by 30%.")
    even = revenue_story(company([*rows, *((200 + i, "2024-05-05", None, 10) for i in range(30))]))
    assert even.finding().endswith("Revenue stayed as it was, because new customers brought in €3,600.")


def test_the_year_before_is_compared_and_an_arrow_shows_which_way() -> None:
    rows: list[Row] = [(i, "2022-06-15", None if i >= 20 else f"2024-0{1 + i % 9}-20", 10) for i in range(100)]
    rows += [(200 + i, "2022-06-15", f"2023-0{1 + i % 9}-20", 10) for i in range(10)]
    note = revenue_story(company(rows)).tiles()[0][2]
    assert note == "between 71 and 87 of 100; year before 91 ▼"
    assert "Vorjahr 91 ▼" in revenue_story(company(rows), lang="de").tiles()[0][2]
    ends = ["2023-05-20"] * 10 + ["2024-05-20"] * 9 + [None] * 81
    alike: list[Row] = [(i, "2022-06-15", end, 10) for i, end in enumerate(ends)]
    assert not set("▲▼") & set(revenue_story(company(alike)).tiles()[0][2])


def test_contracts_that_have_just_ended_are_open_and_no_progress() -> None:
    """8 end with the year: nobody knows yet whether they go on, so that the year is not said to be better."""
    ends = ["2023-05-20"] * 12 + ["2024-05-20"] * 6 + [None] * 82 + ["2025-01-01"] * 8
    rows: list[Row] = [(i, "2022-06-15", end, 10) for i, end in enumerate(ends)]
    story = revenue_story(company(rows))
    assert story.finding().startswith("In 2024, we lost at least 6 of every 100 customers we had")
    assert story.tiles()[0][2] == "between 87 and 97 of 100; year before 89"
    worst = "Whether the 8 customers whose contract has just ended renew: if none does, 85 of 100 are still there."
    assert needed(story.lead()).unknown == worst
    assert "If none does, 85 of 100 are still there." in story.moves_caption()
    assert "the contracts of 8 customers with €960 of annual revenue have only just ended" in story.moves_caption()
    settled = revenue_story(company([row for row in rows if row[2] != "2025-01-01"]))
    assert "at least" not in settled.finding()
    assert "Still open" not in settled.moves_caption()


def test_a_last_month_that_is_not_wholly_there_enters_no_average() -> None:
    """Ten join each month, on its first; those of the next first are not in the data."""
    rows: list[Row] = [(100 * m + i, f"2024-{m:02}-01", None, 10) for m in range(1, 13) for i in range(10)]
    rows += [(5000 + i, "2023-01-01", f"2024-{2 + i % 11:02}-01", 10) for i in range(22)]
    story = revenue_story(company(rows, margin=0.5))
    assert story.facts.lacking
    assert story.facts.gained == pytest.approx(10)
    assert story.facts.churn.count == 22
    assert "The last month is left out of all averages." in story.moves_caption()


def test_few_who_came_back_are_told_with_the_new() -> None:
    rows: list[Row] = [(i, "2023-06-15", None if i >= 20 else f"2024-0{1 + i % 9}-20", 10) for i in range(100)]
    rows += [(i, "2023-01-15", "2023-04-20", 10) for i in range(300, 303)] + [
        (200 + i, "2024-05-05", None, 10) for i in range(9)
    ]
    story = revenue_story(company([*rows, *((i, "2024-04-20", None, 10) for i in range(300, 303))]), threshold=5)
    steps = dict(story.steps)
    assert steps["new or returning"].value == 12 * 10 * 12
    assert "revenue.new" not in story.voice.told


def test_german_page_says_the_same() -> None:
    german = revenue_story(shrinking(), lang="de")
    assert german.finding() == (
        "Im Jahr 2024 sind von 100 Kunden, die zu Beginn da waren, 12 gegangen und mit ihnen 1.440\u00a0€ "
        "Jahresumsatz. Der Umsatz wuchs trotzdem um 13\u00a0%, weil neue Kunden 2.400\u00a0€ einbrachten."
    )
    assert german.question().endswith("?")
    assert "Im Jahr" not in german.presets_table().title
    rows = {row[0]: row[1:] for row in german.presets_table().rows}
    assert rows["Stripe"][:2] == ("–", "–")
    assert rows["dieser Bericht"][0] == "85,0\u00a0%"


def test_worth_is_that_of_a_yearly_point_at_the_price_of_those_who_left() -> None:
    rows: list[Row] = [(i, "2023-06-15", None if i >= 24 else f"2024-0{1 + i % 9}-20", 10) for i in range(60)]
    rows += [(100 + i, "2023-06-15", None, 30) for i in range(40)]
    rich = revenue_story(company(rows, margin=0.5, acquisition_cost=100))
    assert rich.value is not None
    given, ranges = rich.value.worth.inputs, rich.value.worth.ranges
    assert (given.customers, given.price, given.margin, given.acquisition_cost) == (76, 10, 0.5, 100)
    assert ranges["price"] == (10, pytest.approx((36 * 10 + 40 * 30) / 76))
    assert ranges["margin"] == pytest.approx((0.4, 0.6))
    stay = 1 - given.churn
    assert (stay + given.fall) ** 12 - stay**12 == pytest.approx(0.01)
    assert rich.tiles()[2] == rich.value.tile()
    low, high = rich.value.worth.extremes()
    value = rich.value.fact("value")
    assert (value.ci_lower, value.ci_upper) == (low, high)
    assert high / low > 2.5  # what is assumed, not only what is estimated


def test_worth_needs_a_margin_and_a_point_that_can_be_gained(story: RevenueStory) -> None:
    without = revenue_story(shrinking())
    assert (story.value is None, without.value) == (False, None)
    assert "margin" in without.worth_missing()
    loyal = revenue_story(company([(i, "2023-06-15", None, 10) for i in range(100)], margin=0.5))
    assert loyal.value is None
    assert "hundred" in loyal.worth_missing()


def test_few_customers_are_not_told() -> None:
    rows: list[Row] = [(i, "2023-06-15", None if i else "2024-04-20", 10) for i in range(20)]
    story = revenue_story(company(rows), threshold=5)
    assert story.means() == "Too few customers left or changed their contract to say what that costs."
    assert story.steps == []
    assert story.tiles() == []
    axes = story.series.plot(**story.moves_figure())
    assert "left under 5" in alt_text(axes)
    assert "€10" not in alt_text(axes)
    plt.close(axes.figure)


def test_figure_shows_the_steps_and_says_what_grows(story: RevenueStory) -> None:
    axes = story.series.plot(**story.moves_figure())
    assert finding(axes) == "Revenue grows, but only because of new customers"
    assert alt_text(axes).startswith("Waterfall of annual revenue: Start of 2024 €12,000, new customers €2,400")
    heights = [(bar.get_y(), bar.get_height()) for bar in axes.patches]
    assert heights[0] == (0, 12_000)
    assert heights[-1] == (0, 13_560)
    tops = [bottom + height for bottom, height in heights]
    assert tops[1:5] == [14_400, 15_360, 15_000, 13_560]  # the running amount after each step
    plt.close(axes.figure)
    axes = story.series.plot()
    assert alt_text(axes).startswith("Bars of monthly revenue gained and lost. Q2 2023: new 1,000")
    plt.close(axes.figure)


def test_last_window_without_its_gains_is_not_drawn() -> None:
    rows: list[Row] = [(k, f"2024-0{1 + k % 6}-01", None if k else "2024-07-01", 10) for k in range(30)]
    story = revenue_story(company(rows, as_of="2024-07-01"))
    assert shown_windows(story.series) == story.series.movements.calendar.lived - 1


def test_data_of_one_month_still_has_a_page() -> None:
    rows: list[Row] = [(k, "2024-01-05", None, 10) for k in range(10)]
    story = revenue_story(company(rows, as_of="2024-03-01"))
    assert story.certainty().startswith("Open")
    assert story.finding()
