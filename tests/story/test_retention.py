"""The sentences must follow the numbers: planted logs, and what has to be said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.statistics.activity import suitable_period
from kbind.story.retention import RetentionStory, voice_for

MONTHS = 12


def _story(active: np.ndarray, lang: str = "en", threshold: int = 5, amount: bool = True) -> RetentionStory:
    """From a table customers x months of who is active."""
    rows = [(c, pd.Timestamp(2023, 1, 15) + pd.DateOffset(months=int(m))) for c, m in np.argwhere(active)]
    events = pd.DataFrame(rows, columns=["customer_id", "timestamp"])
    if amount:
        events["amount"] = 1.0
    end = pd.Timestamp(2023, 1, 1) + pd.DateOffset(months=active.shape[1])
    record = kb.activity(kb.open_dataset({"events": events}, as_of=end))
    return RetentionStory.of(record, lang=lang, threshold=threshold)


def _steady(rng: np.random.Generator, start: float, later: float, size: int = 2000) -> np.ndarray:
    """Customers of cohorts of equal size; active with a chance that goes from `start` to `later`."""
    first = rng.integers(0, MONTHS, size)
    age = np.arange(MONTHS) - first[:, None]
    chance = np.where(age > 0, start + (later - start) * (age - 1) / MONTHS, 0.0)
    return (rng.random((size, MONTHS)) < chance) | (age == 0)


def test_a_curve_that_holds_and_one_that_falls() -> None:
    rng = np.random.default_rng(1)
    holds, falls = _story(_steady(rng, 0.6, 0.6)), _story(_steady(rng, 0.6, 0.1))
    assert "stays that way" in holds.finding()
    assert "stays that way" not in falls.finding()
    assert "keeps falling" in falls.curve_title()
    assert holds.following.value == pytest.approx(0.6, abs=0.05)


def test_numbers_in_the_sentences_are_those_of_the_estimates() -> None:
    story = _story(_steady(np.random.default_rng(2), 0.5, 0.5))
    pooled = story.on.pooled()
    row = pooled[pooled["age"] == 1].iloc[0]
    assert f"Of 100 customers, {100 * row['retention']:.0f} buy again" in story.finding()
    assert story.tiles()[0][0] == f"{row['retention']:.1%}"
    assert f"{row['retention_ci_lower'] * 100:.1f} to {row['retention_ci_upper']:.1%}" in story.tiles()[0][2]


def test_breaks_and_farewells_ask_for_different_action() -> None:
    rng = np.random.default_rng(3)
    breaks = _story(_steady(rng, 0.5, 0.5))
    gone = np.zeros((600, MONTHS), dtype=bool)
    first = rng.integers(0, 6, 600)
    for customer, start in enumerate(first):
        gone[customer, start : start + (1 if rng.random() < 0.6 else 6)] = True
    farewells = _story(gone)
    assert "seldom a farewell" in breaks.means()
    assert "Do not chase" in breaks.act()
    assert "gone for good" in farewells.means()
    assert "Act early" in farewells.act()


def test_start_of_recording_is_recognised() -> None:
    rng = np.random.default_rng(4)
    table = _steady(rng, 0.5, 0.5, 400)
    panel = np.vstack([table, rng.random((2000, MONTHS)) < 0.9])
    assert _story(panel).panel_start
    assert not _story(table).panel_start
    assert "came later" in _story(panel).finding()
    assert "there from the start" in _story(panel).cohort_title()


def test_later_cohorts_better_worse_or_the_same() -> None:
    rng = np.random.default_rng(5)
    first = np.sort(rng.integers(0, MONTHS, 3000))
    age = np.arange(MONTHS) - first[:, None]

    def title(chance: np.ndarray) -> str:
        return _story(((rng.random(age.shape) < chance[:, None]) & (age > 0)) | (age == 0)).cohort_title()

    trend = first / MONTHS * 0.6
    assert "more often" in title(0.2 + trend)
    assert "less often" in title(0.8 - trend)
    assert "little difference" in title(np.full(3000, 0.5))


def test_small_data_says_so_and_does_not_break() -> None:
    for table in (np.ones((1, 1)), np.ones((3, 1)), np.ones((1, 2)), np.eye(2), np.ones((8, 3)), np.eye(6)):
        for lang in ("de", "en"):
            story = _story(table, lang)
            for sentence in (story.question, story.finding, story.means, story.act, story.certainty, story.curve_title,
                             story.cohort_title, story.cycle_title, story.panel_text):  # fmt: skip
                assert sentence().strip()
            story.tiles(), story.curve_table(), story.panel_table(), story.definitions()


def test_small_groups_are_not_told_of() -> None:
    table = np.zeros((104, 4), dtype=bool)
    table[:100] = True
    table[:97, 1] = False  # three of 104 come in the second month
    table[100:, 0] = True
    story = _story(table)
    assert "Too few customers" in story.finding()
    assert story.tiles()[0][0] == "under 5"
    assert "3" not in story.tiles()[0][0]


@pytest.mark.parametrize(("days", "period"), [(1, "day"), (20, "day"), (40, "week"), (200, "month")])
def test_suitable_period(days: int, period: str) -> None:
    events = pd.DataFrame(
        {"customer_id": 1, "timestamp": pd.to_datetime(["2024-01-01"]) + pd.to_timedelta([0], unit="D")}
    )
    data = kb.open_dataset({"events": events}, as_of=pd.Timestamp("2024-01-01") + pd.Timedelta(days=days))
    assert suitable_period(data) == period


def test_one_group_at_a_time(toy: kb.Dataset) -> None:
    record = kb.activity(toy, by="plan")
    with pytest.raises(kb.ArgumentError, match="one group at a time; reduce without by='plan'"):
        RetentionStory.of(record, voice_for(record, "en"))
