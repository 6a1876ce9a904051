from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

import kbind as kb
from kbind.facts.periods import together
from kbind.plot.base import alt_text
from kbind.report.chapters.periods import PeriodStory, period_story
from kbind.report.example import example
from kbind.text.messages import LANGUAGES


def told(*rows: tuple[int, int, int], lang: str = "en", threshold: int = 1, days: int | None = None) -> PeriodStory:
    """Counts by month of 2024, or by periods of so many days."""
    firsts = [
        date(2024, i + 1, 1) if days is None else date(2024, 1, 2) + i * timedelta(days) for i in range(len(rows))
    ]
    lasts = [
        (pd.Timestamp(f) + pd.offsets.MonthEnd(0)).date() if days is None else f + timedelta(days - 1) for f in firsts
    ]
    frame = pd.DataFrame(rows, columns=["customers_start", "gained", "lost"]).assign(first_day=firsts, last_day=lasts)
    return period_story(kb.open_dataset({"periods": frame}), lang=lang, threshold=threshold)


def test_example_says_the_alarm_first() -> None:
    """Of the last two quarters together 876 of 985 stayed, of the six before 2,485 of 2,695."""
    english, german = (period_story(kb.datasets.load_counts(lang), lang=lang) for lang in ("en", "de"))
    assert english.finding() == (
        "Recently (Q3 2024 and Q4 2024) fewer have stayed: 89 of 100 customers every quarter, against 92 before that."
    )
    assert german.finding() == (
        "Zuletzt (3. Quartal 2024 und 4. Quartal 2024) blieben weniger: pro Quartal 89 von 100 Kunden, zuvor waren es "
        "92."
    )
    assert german.means() == (
        "Geht es so weiter, sind nach "
        "zwölf Monaten von 100 noch 62 da; bei der früheren Quote wären es 73. Gegenüber der früheren Quote gingen "
        "insgesamt 36.000\u00a0€ mehr Jahresumsatz verloren. Zuletzt wurden 90 gewonnen und 110 verloren: "
        "Der Bestand schrumpft."
    )
    assert english.act().endswith(
        "Begin with “Price”: over all periods it is the reason stated most often (44% of the losses)."
    )
    assert english.certainty().endswith("The cause: open; the numbers do not show it.")
    assert "in höchstens 1 von 100 Fällen" in german.certainty()
    assert [tile[0] for tile in german.tiles()] == ["89 von 100", "62 von 100", "89\u00a0%"]
    assert german.tiles()[0][2] == "zwischen 87 und 91 von 100; zuvor 92 ▼"
    assert "(4. Quartal 2024)" in german.tiles()[2][1]
    assert german.reasons_table().rows[0] == ("Preis", "140", "44\u00a0%")
    assert german.reasons_table().rows[-1] == ("Ohne Angabe", "30", "9\u00a0%")


def test_money_without_a_currency_is_said_to_have_none() -> None:
    data = kb.datasets.load_counts()
    assert "€36,000 more annual revenue has been lost in all." in period_story(data).means()
    bare = replace(data, card=replace(data.card, currency=""))
    assert (
        "36,000 more annual revenue has been lost in all (in the currency of the template" in period_story(bare).means()
    )


def test_a_page_of_another_company_says_so_at_the_top() -> None:
    page = kb.Report(example("01c_from_the_template", "en")).page("01c").html
    assert "made up; this chapter is about a different company" in page
    alone = kb.Report(kb.datasets.load_counts()).page("01c").html
    assert "Example data: made up" in alone
    assert "a different company" not in alone


def test_row_of_the_summary_is_about_what_was_lost_beyond_the_usual() -> None:
    data = kb.datasets.load_counts()
    story = period_story(data)
    frame = data.table("periods").sort_values("first_day")
    gone = frame["revenue_lost"] + frame["revenue_contraction"]
    usual = gone.iloc[:-2].sum() / frame["revenue_start"].iloc[:-2].sum()
    line = story.line()
    assert line is not None
    assert line.stake is not None
    assert line.stake.value == pytest.approx(4 * (gone - usual * frame["revenue_start"]).iloc[-2:].sum())
    assert line.answer == story.finding()
    assert line.unknown
    calm = told((1000, 100, 100), (1000, 100, 100), (1000, 100, 105)).line()
    assert calm is not None
    assert (calm.stake, calm.unknown) == (None, "")


@pytest.mark.parametrize(
    ("last", "trend", "title"),
    [
        ((1000, 50, 40), "better", "In March 2024, more stayed than before: 96% instead of 90%"),
        ((1000, 50, 160), "worse", "In March 2024, fewer stayed than before: 84% instead of 90%"),
        ((1000, 50, 105), "same", "In March 2024, 89.5% stayed, before that 90.0%: no sure difference"),
    ],
)
def test_trend_is_told_only_if_it_is_sure(last: tuple[int, int, int], trend: str, title: str) -> None:
    story = told((1000, 100, 100), (1000, 100, 100), last)
    assert (story.trend, story.curve_title()) == (trend, title)
    assert story.act().startswith("First find out") == (trend == "worse")
    assert ("fewer have stayed" in story.finding()) == (trend == "worse")
    assert ("▼" in story.tiles()[0][2]) == (trend == "worse")


def test_two_last_periods_are_an_alarm_where_neither_is_one_alone() -> None:
    story = told(*[(500, 40, 40)] * 6, (500, 40, 54), (500, 40, 54))
    assert story.alarm is not None
    assert story.alarm.periods == 2
    assert "July 2024 and August 2024" in story.finding()
    assert "better again" not in story.means()
    assert told(*[(500, 40, 40)] * 7, (500, 40, 54)).alarm is None
    assert told(*[(500, 40, 40)] * 8).alarm is None


def test_one_period_is_told_as_one() -> None:
    story = told((44, 12, 13))
    assert story.finding().startswith("Of 100 customers who were there at the start, 70 were still there at the end")
    assert story.curve_title() == "70.5% stayed until the end (January 2024)"
    assert story.certainty().startswith("The figure: uncertain")
    assert story.voice.tell(story.in_period(0), "interval") == "between 56 and 82%"


def test_periods_of_different_length_are_not_added_up() -> None:
    frame = pd.DataFrame(
        {
            "first_day": ["2024-01-01", "2024-04-01"],
            "last_day": ["2024-03-31", "2024-12-31"],
            "customers_start": [100, 100],
            "gained": [10, 10],
            "lost": [10, 20],
        }
    )
    story = period_story(kb.open_dataset({"periods": frame}))
    assert not together(story.rates)
    assert "(Apr 1\u2009–\u2009Dec 31, 2024)" in story.finding()
    assert story.curve_title().startswith("The periods differ in length")
    assert [row[0] for row in story.periods_table().rows] == [
        "Jan 1\u2009–\u2009Mar 31, 2024",
        "Apr 1\u2009–\u2009Dec 31, 2024",
    ]


def test_periods_of_one_length_without_a_name_are_added_up() -> None:
    story = told((500, 10, 50), (460, 10, 46), days=28)
    assert story.finding() == "Of 100 customers, 90 stay every period."
    assert "Jan 2\u2009–\u200929, 2024" in alt_text(story.rates.plot(**story.curve_figure()))


def test_small_numbers_are_not_told() -> None:
    assert told((40, 10, 10), (40, 10, 10), threshold=5).finding() == "Of 100 customers, 75 stay every month."
    tiny = told((3, 0, 1), threshold=5)
    assert tiny.finding() == "There are too few customers to say how many stay."
    assert tiny.tiles() == []
    assert tiny.periods_table().rows[0][1:5] == ("under 5", "under 5", "under 5", "under 5")
    story = told((20, 5, 1), threshold=5)
    assert story.periods_table().rows[0][3] == "under 5"
    assert "lost" not in story.means()


def test_a_break_in_the_count_is_pointed_out() -> None:
    story = told((100, 10, 10), (100, 10, 10), (117, 0, 10))
    assert story.breaks.value == 1
    assert "differs from the end of the period before (cases: 1)" in story.certainty()
    assert "cases" not in told((100, 10, 10), (100, 10, 10)).certainty()


def test_nobody_at_the_start_is_no_error() -> None:
    story = told((0, 10, 0), (10, 2, 0))
    assert story.periods_table().rows[0][4:] == ("–", "–", "–")
    assert story.trend == "none"
    assert "–" in alt_text(story.rates.plot(**story.curve_figure()))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_figure_carries_its_numbers_as_text(lang: str) -> None:
    story = period_story(kb.datasets.load_counts(lang), lang=lang)
    axes = story.rates.plot(**story.curve_figure())
    text = alt_text(axes)
    for i in range(8):
        assert f"{story.name(i)}: {story.voice.tell(story.in_period(i))}" in text
    low, high = axes.get_ylim()
    assert low <= 0.845
    assert high > 1
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(labels)) == len(labels)


def test_revenue_is_hidden_where_few_left() -> None:
    data = kb.datasets.load_counts()
    story = period_story(data, threshold=40)
    assert story.latest_revenue == 7
    shown = dict(row[:2] for row in story.revenue_table().rows)
    assert shown["Q4 2023"] == "under 40"  # 29 left
    assert shown["Q4 2024"] == "90%"
