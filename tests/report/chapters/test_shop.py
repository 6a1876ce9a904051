from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import kbind as kb
from kbind.plot.base import alt_text
from kbind.report.chapters.shop import ShopStory, shop_story


@pytest.fixture(scope="module")
def story(grocery: kb.Dataset) -> ShopStory:
    return shop_story(grocery)


def test_facts_are_those_of_the_results(story: ShopStory, grocery: kb.Dataset) -> None:
    since = kb.purchases(grocery, since="2017-02-01")
    assert story.again.value == since.repeat("90D")["rate"].iloc[0]
    assert story.brought(3).value == since.pooled()["revenue"].iloc[3]
    curve = kb.lapse(grocery).curve().set_index("floor")
    assert story.false_alarms(112).value == curve.loc[112, "false_alarm_rate"]
    assert sum(story.status(name).value for name in ("active", "at_risk", "lapsed", "too_few")) == 2469


def test_start_of_recording_is_no_acquisition(story: ShopStory) -> None:
    assert story.bought.customers == 486
    assert any("February 1, 2017" in line for line in story.definitions())


@pytest.mark.parametrize("lang", ["de", "en"])
def test_sentences_are_whole(grocery: kb.Dataset, lang: str) -> None:
    told = shop_story(grocery, lang=lang)
    sentences = [told.question(), told.finding(), told.means(), told.act(), told.certainty(), told.status_text()]
    assert all(text.endswith((".", "?")) and "{" not in text for text in sentences)
    assert len(told.tiles()) == 3
    assert ("Haushalte" in told.finding()) == (lang == "de")
    assert all(len(row) == 5 for row in told.orders_table().rows)


def test_row_and_opening_of_the_summary_speak_of_the_same_numbers(story: ShopStory) -> None:
    line, lead = story.line(), story.lead()
    assert line is not None
    assert lead is not None
    assert line.answer.startswith("After 112 days without a purchase, 67 of 100 alarms are false")
    assert line.stake is None
    assert lead.sentence == story.finding()
    assert lead.tiles[0][0] == story.tiles()[0][0] == "87 of 100"
    assert lead.tiles[2][0] == "67 of 100"


def test_figures_hold_their_numbers_as_text(story: ShopStory) -> None:
    brought, alarms = story.bought.plot(**story.revenue_figure()), story.rule.plot(**story.lapse_figure())
    for axes, fact in ((brought, story.brought(0)), (alarms, story.false_alarms(112))):
        assert story.voice.tell(fact) in alt_text(axes)
        plt.close(axes.figure)


def test_months_of_the_figure_are_counted_as_in_its_heading(story: ShopStory) -> None:
    axes = story.bought.plot(**story.revenue_figure())
    assert axes.get_xlim() == (1, story.oldest + 1)
    assert list(axes.get_xticks())[:: len(axes.get_xticks()) - 1] == [1, story.oldest + 1]
    assert story.voice.after(story.oldest + 1) in story.revenue_title()
    assert f"after month 1 {story.voice.tell(story.brought(0))}" in alt_text(axes)
    plt.close(axes.figure)


def test_little_data_is_said_to_be_little() -> None:
    frame = pd.DataFrame(
        {"customer_id": [1, 1, 2], "timestamp": ["2024-01-05", "2024-02-05", "2024-02-09"], "amount": 5.0}
    )
    story = shop_story(kb.open_dataset({"events": frame}, as_of="2024-04-01"))
    assert story.finding() == "There are too few new customers yet to say what they bring."
    assert story.means() == "Too few silences are long and old enough to judge what they mean."
    assert "when the data hold 146 days" in story.act()
    assert story.tiles() == []
    assert (story.line(), story.lead()) == (None, None)
    for axes in (story.bought.plot(**story.revenue_figure()), story.rule.plot(**story.lapse_figure())):
        plt.close(axes.figure)
