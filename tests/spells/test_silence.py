"""One length of silence for a data set: from its own past, declared, or assumed; the same in every figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.report.chapters.churn import churn_story
from kbind.report.chapters.shop import shop_story
from kbind.report.chapters.survival import survival_story
from kbind.spells.silence import Silence, silence_of

Gap = Callable[[np.random.Generator, int], float]


def shop(gap: Gap, n: int = 300, days: int = 1000, leave: float = 0.1, **more: object) -> kb.Dataset:
    """Customers who buy with such gaps, and after each purchase leave with a chance; complete up to the 1,000th day."""
    rng = np.random.default_rng(3)
    rows = []
    for customer in range(n):
        day = float(rng.integers(0, days // 2))
        while day < days:
            rows.append((customer, pd.Timestamp("2021-01-01") + pd.Timedelta(days=int(day)), 1.0))
            if rng.random() < leave:
                break
            day += max(1.0, gap(rng, customer))
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])
    return kb.open_dataset({"events": frame}, as_of="2023-09-28", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gap", "least", "most"),
    [
        (lambda rng, _: rng.gamma(3, 7 / 3), 56, 56),
        (lambda rng, _: rng.normal(90, 10), 98, 126),
        (lambda rng, _: rng.normal(180, 15), 182, 182),
        (lambda rng, customer: 7.0 if customer % 2 else rng.normal(180, 15), 168, 182),
    ],
    ids=["weekly", "each quarter", "twice a year", "half of them twice a year"],
)
def test_the_length_follows_the_rhythm(gap: Gap, least: int, most: int) -> None:
    assert least <= silence_of(shop(gap)).days <= most


def test_where_it_comes_from() -> None:
    weekly: Gap = lambda rng, _: rng.gamma(3, 7 / 3)  # noqa: E731
    assert silence_of(shop(weekly)).origin == "data"
    assert silence_of(shop(weekly, lapse="70D")) == Silence(70, "given")
    assert silence_of(shop(weekly, n=10)) == Silence(56, "assumed")
    assert silence_of(kb.datasets.load_telco()) == Silence(56, "assumed")


def test_every_figure_and_page_says_the_same(grocery: kb.Dataset) -> None:
    """Of the groceries, no silence could be judged after which most stay away; 112 days are the longest."""
    assert silence_of(grocery) == Silence(112, "longest")
    assert kb.durations(grocery).days == 112
    assert kb.lapse(grocery).rule.floor == 112
    assert any("longer than 112 days" in note for note in kb.snapshots(grocery, as_of="2017-06-01").notes)
    sold = shop_story(grocery)
    lives = kb.durations(grocery)
    stays = survival_story(grocery, kb.survival_curve(lives), kb.hazard_curve(lives))
    said = "The 112 days come from the data: no longer silence could be judged"
    for lines in (sold.definitions(), stays.definitions()):
        assert any(said in line for line in lines)
    assert "even after 112 days" in sold.act()
    assert lives.customers == sold.bought.customers == 486
    assert [line for line in stays.definitions() if "first seen" in line] == [
        line for line in sold.definitions() if "first seen" in line
    ]


def test_a_declared_length_reaches_every_page() -> None:
    data = shop(lambda rng, _: rng.exponential(30), lapse="77D")
    sold, lives = shop_story(data), kb.durations(data)
    stays = survival_story(data, kb.survival_curve(lives), kb.hazard_curve(lives))
    calls = churn_story(kb.forecast_churn(data))
    for lines in (sold.definitions(), stays.definitions(), calls.definitions()):
        assert any("The 77 days were set for this report." in line for line in lines)
    assert lives.days == 77
    assert "77 days" in sold.act()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_who_comes_once_is_in_curve_picture_and_words(lang: str) -> None:
    data = shop(lambda rng, _: rng.normal(20, 4), n=1500, leave=0.3)
    lives = kb.durations(data)
    story = survival_story(data, kb.survival_curve(lives), kb.hazard_curve(lives), lang=lang)
    once = (lives.n[(lives.duration == 0) & (lives.cause > 0)]).sum() / lives.customers
    assert once > 0.25
    assert story.at(0).value == pytest.approx(1 - once)
    assert story.at_once is not None
    assert story.at_once.value == pytest.approx(once)
    written = story.voice.percent(once)
    assert written in story.means()
    assert written in story.curve_caption()
    assert story.months_table().rows[0][0] == "0"
