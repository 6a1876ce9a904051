"""The sentences must follow the numbers: planted logs, and what has to be said of them."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.plot.base import alt_text
from kbind.report.chapters.retention import RetentionStory, retention_story
from kbind.retention.activity import suitable_period

MONTHS = 12


def _story(active: np.ndarray, lang: str = "en", threshold: int = 5, amount: bool = True) -> RetentionStory:
    """From a table customers x months of who is active."""
    rows = [(c, pd.Timestamp(2023, 1, 15) + pd.DateOffset(months=int(m))) for c, m in np.argwhere(active)]
    events = pd.DataFrame(rows, columns=["customer_id", "timestamp"])
    if amount:
        events["amount"] = 1.0
    end = pd.Timestamp(2023, 1, 1) + pd.DateOffset(months=active.shape[1])
    record = kb.activity(kb.open_dataset({"events": events}, as_of=end))
    return retention_story(record, lang=lang, threshold=threshold)


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
    assert holds.facts.following.value == pytest.approx(0.6, abs=0.05)


def test_numbers_in_the_sentences_are_those_of_the_estimates() -> None:
    story = _story(_steady(np.random.default_rng(2), 0.5, 0.5))
    pooled = story.on.pooled()
    row = pooled[pooled["age"] == 1].iloc[0]
    assert f"Of 100 customers, {100 * row['retention']:.0f} buy again" in story.finding()
    assert story.tiles()[0][0] == f"{100 * row['retention']:.0f} of 100"
    low, high = (round(100 * row[f"retention_ci_{end}"]) for end in ("lower", "upper"))
    assert f"between {low} and {high} of 100" in story.tiles()[0][2]


def test_breaks_and_farewells_ask_for_different_action() -> None:
    rng = np.random.default_rng(3)
    breaks = _story(_steady(rng, 0.5, 0.5))
    gone = np.zeros((600, MONTHS), dtype=bool)
    first = rng.integers(0, 6, 600)
    for customer, start in enumerate(first):
        gone[customer, start : start + (1 if rng.random() < 0.6 else 6)] = True
        gone[customer, start + 4] |= rng.random() < 0.1
    farewells = _story(gone)
    assert "rarely means goodbye" in breaks.means()
    assert "Do not chase" in breaks.act()
    assert "have not come back" in farewells.means()
    assert "Act early" in farewells.act()


def test_start_of_recording_is_recognised() -> None:
    rng = np.random.default_rng(4)
    table = _steady(rng, 0.5, 0.5, 400)
    panel = np.vstack([table, rng.random((2000, MONTHS)) < 0.9])
    assert _story(panel).panel_start
    assert not _story(table).panel_start
    assert "Of 100 new customers" in _story(panel).finding()
    assert "New ones buy again less often" in _story(panel).curve_title()
    assert "New ones" not in _story(table).curve_title()


def test_where_new_customers_differ_the_page_speaks_and_draws_them_apart() -> None:
    """The new ones come back with half, those there before nearly all: no sentence adds the two up."""
    rng = np.random.default_rng(4)
    story = _story(np.vstack([_steady(rng, 0.5, 0.5, 600), rng.random((2000, MONTHS)) < 0.9]))
    rule = story.voice.disclosure
    first, later = (rule.fact(story.facts.first_or_later(which)) for which in ("first", "later"))
    assert story.finding() == (
        f"Of 100 new customers, {100 * later.value:.0f} buy again in the following month; of 100 existing ones, "
        f"{100 * first.value:.0f} do."
    )
    assert story.act().startswith("Get new customers to buy a second time within the first month")
    assert "chapter 1d" in story.act().lower()
    assert story.facts.returned.n < 600  # of the new ones only
    assert "probably there before" in story.certainty()
    axes = story.on.plot(**story.curve_figure())
    assert f"1: new {later.value:.1%}, existing {first.value:.1%}" in alt_text(axes)
    assert {text.get_text() for text in axes.texts} == {"new", "probably existing"}
    plt.close(axes.figure)
    line = story.line()
    assert line is not None
    assert line.answer == story.finding()
    lead = story.lead()
    assert lead is not None
    assert (lead.sentence, len(lead.tiles)) == (story.finding(), 3)


@pytest.mark.parametrize("sizes", [(300, 290, 310, 0, 0, 0, 5, 0, 4), (900, 0, 0, 40, 35, 44, 38, 41, 30), (300, 250),
                                   (120, 30, 41, 1, 2, 1, 1, 2, 1)])  # fmt: skip
def test_a_first_cohort_like_the_next_two_shows_no_start_of_recording(sizes: tuple[int, ...]) -> None:
    """However small the later ones are: nothing says that the first were there before."""
    months = len(sizes)
    rng = np.random.default_rng(14)
    first = np.repeat(np.arange(months), sizes)
    age = np.arange(months) - first[:, None]
    story = _story(((rng.random(age.shape) < 0.6) & (age > 0)) | (age == 0))
    assert not story.panel_start
    assert "recording began" not in story.certainty()


def test_dates_of_acquisition_say_who_was_there_before() -> None:
    """A large first cohort that is dated is one: what was won in the first month is new."""
    rows = [(c, "2024-01-10") for c in range(200)] + [(c, "2024-02-10") for c in range(150, 230)]
    rows += [(c, f"2024-{m:02}-15") for m in (3, 4) for c in range(100, 230)]
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp"]).assign(amount=1.0)
    won = ["2024-01-10"] * 200 + ["2024-02-01"] * 30
    people = pd.DataFrame({"customer_id": range(230), "acquired_at": won})
    told = retention_story(kb.activity(kb.open_dataset({"events": log, "customers": people}, as_of="2024-05-01")))
    assert not told.panel_start
    assert retention_story(kb.activity(kb.open_dataset({"events": log}, as_of="2024-05-01")), threshold=1).panel_start


def test_later_cohorts_better_worse_or_the_same() -> None:
    rng = np.random.default_rng(5)
    first = np.sort(rng.integers(0, MONTHS, 3000))
    age = np.arange(MONTHS) - first[:, None]

    def title(chance: np.ndarray) -> str:
        return _story(((rng.random(age.shape) < chance[:, None]) & (age > 0)) | (age == 0)).cohort_title()

    trend = first / MONTHS * 0.6
    assert "more often" in title(0.2 + trend)
    assert "less often" in title(0.8 - trend)
    assert "No clear difference" in title(np.full(3000, 0.5))


def _sentences(story: RetentionStory) -> list[str]:
    speech = ("question", "finding", "means", "act", "certainty")
    titles = ("curve_title", "cohort_title", "cycle_title")
    names = (*speech, *titles, "curve_caption", "cohort_caption", "cycle_caption")
    story.curve_table()
    tiles = [text for tile in story.tiles() for text in tile]
    return [*(getattr(story, name)() for name in names), *tiles, *story.definitions()]


def test_small_data_says_so_and_does_not_break() -> None:
    for table in (np.ones((1, 1)), np.ones((3, 1)), np.ones((1, 2)), np.eye(2), np.ones((8, 3)), np.eye(6)):
        for lang in ("de", "en"):
            story = _story(table, lang)
            for sentence in _sentences(story):
                assert sentence.strip()


def test_small_groups_are_not_told_of() -> None:
    table = np.zeros((104, 4), dtype=bool)
    table[:, 0] = True
    table[:3, 1] = True  # three of 104 come in the second month
    story = _story(table)
    assert story.finding() == "There are too few customers to say who comes back."
    assert not re.search(r"\b3 of|2\.9|\b3%", " ".join(_sentences(story)))
    assert all("missing" in tile[1] or "at some point" in tile[1] for tile in story.tiles())


def test_no_sides_are_taken_while_the_interval_holds_the_half() -> None:
    table = np.zeros((60, 8), dtype=bool)
    table[:, 0] = True
    table[:33, 4] = True
    story = _story(table)
    assert story.facts.returned.value == pytest.approx(0.55)
    assert "whether most will is open" in story.means()
    nobody = _story(np.repeat([[True, False, False, False, False, False]], 60, axis=0))
    assert "hardly anybody has returned so far" in nobody.means()


def test_who_had_no_time_to_return_does_not_count_as_lost() -> None:
    """Everybody skips one month and comes back in the next; most start too late to show it."""
    table = np.zeros((400, 12), dtype=bool)
    for customer in range(400):
        start = customer % 12
        table[customer, start::2] = True
    story = _story(table)
    assert story.facts.returned.value == 1.0
    assert story.facts.returned.n == sum(1 for customer in range(400) if customer % 12 <= 12 - 2 - 3)


def test_curves_that_vary_are_not_said_to_hold() -> None:
    age = np.arange(10)
    chance = np.where(age % 2 == 0, 0.8, 0.4)
    rng = np.random.default_rng(8)
    table = (rng.random((3000, 10)) < chance) | (age == 0)
    assert "varies between" in _story(table).finding()
    assert "does not reach much further" in _story(table[:, :2]).finding()


def _closed(months: int = 18) -> np.ndarray:
    """Customers of three months, then none: most are never seen again."""
    rng = np.random.default_rng(15)
    age = np.arange(months) - rng.integers(0, 3, 3000)[:, None]
    return ((rng.random(age.shape) < 0.03) & (age > 0)) | (age == 0)


@pytest.mark.parametrize(
    ("lang", "ended"),
    [
        ("en", "No new customers have come since March 2023"),
        ("de", "Seit März 2023 sind keine neuen Kunden dazugekommen"),
    ],
)
def test_no_new_customers_for_long_is_said(lang: str, ended: str) -> None:
    assert ended in _story(_closed(), lang).certainty()
    assert ended not in _story(_steady(np.random.default_rng(2), 0.5, 0.5), lang).certainty()


def test_an_average_that_two_months_drive_is_not_that_of_every_month() -> None:
    driven = _story(_closed(14))
    assert driven.cycle_title().startswith("On average per month about")
    assert "March 2023 and April 2023 hold more than half of all who stayed away" in driven.cycle_caption()
    assert _story(_closed(14), "de").cycle_title().startswith("Im Monatsdurchschnitt bleiben rund")
    steady = _story(_steady(np.random.default_rng(3), 0.5, 0.5))
    assert steady.cycle_title().startswith("Every month about")
    assert "more than half" not in steady.cycle_caption()


def _growing(months: int, *, revenue: bool = False) -> RetentionStory:
    """Each month 20 more customers come than in the month before; each leaves after three."""
    started = np.repeat(np.arange(months), 20 * np.arange(1, months + 1))
    frame = pd.DataFrame({"customer_id": range(len(started))})
    frame["start"] = [pd.Timestamp("2022-01-10") + pd.DateOffset(months=int(month)) for month in started]
    frame["end"] = [start + pd.DateOffset(months=3) for start in frame["start"]]
    as_of = pd.Timestamp("2022-01-01") + pd.DateOffset(months=months)
    return retention_story(kb.activity(kb.open_dataset({"subscriptions": frame}, as_of=as_of)), revenue=revenue)


def test_averages_of_a_base_that_grew_are_about_the_last_year() -> None:
    story = _growing(24, revenue=True)
    assert story.facts.mean("new").value == pytest.approx(20 * np.arange(13, 25).mean())
    assert story.cycle_title().endswith("and about 370 new ones join (last 12 months)")
    assert story.means().endswith("What that costs is in chapter 1b.")
    young = _growing(13)
    assert "(last" not in young.cycle_title()
    assert "1b" not in young.means()


def test_an_average_over_hidden_months_is_not_that_of_every_month() -> None:
    """Eight stay away in most months, but three in one: of that month the page tells nothing."""
    table = np.zeros((90, 10), dtype=bool)
    table[:, 0] = True
    away = [8, 9, 8, 3, 9, 8, 9, 8, 8]
    for month in range(1, 10):
        table[sum(away[:month]) :, month] = True
    assert (_story(table).cycle.to_frame()["churned"] < 5).any()
    assert _story(table).rhythm("churned")["rhythm"] == "On average per month"


def test_what_is_short_is_said_time_or_customers() -> None:
    few = _story(np.ones((4, 12), dtype=bool), threshold=5)
    assert "too few customers" in few.certainty()
    assert "it takes more customers" in few.act()
    young = _story(np.ones((300, 1), dtype=bool))
    assert "the time is too short" in young.certainty()
    assert "so far the data hold 1 month" in young.act()
    some = _steady(np.random.default_rng(6), 0.5, 0.5, 60)
    assert "too few customers tell" in _story(some).finding()
    assert "does not reach much further" in _story(_steady(np.random.default_rng(6), 0.5, 0.5)[:, :2]).finding()


def test_where_all_were_there_before_nothing_is_said_of_new_ones() -> None:
    log = pd.DataFrame({"customer_id": list(range(50)) * 4, "amount": 1.0})
    log["timestamp"] = pd.Timestamp("2024-01-10") + pd.to_timedelta(np.repeat([0, 31, 62, 93], 50), unit="D")
    people = pd.DataFrame({"customer_id": range(50), "acquired_at": "2020-05-05"})
    data = kb.open_dataset({"events": log, "customers": people}, as_of="2024-05-01")
    story = retention_story(kb.activity(data))
    assert story.finding() == "All customers were there before recording began; of new ones nothing is known yet."
    assert "50 customers were there before recording began" in story.cycle_caption()
    for sentence in _sentences(story):
        assert sentence.strip()


# -- contracts --------------------------------------------------------------------------------------------


def _contracts(months: np.ndarray, lived: int = 36, lang: str = "en") -> RetentionStory:
    start = pd.Timestamp("2021-01-10")
    ends = [None if m >= lived else start + pd.DateOffset(months=int(m)) for m in months]
    frame = pd.DataFrame({"customer_id": range(len(months)), "start": start, "end": pd.to_datetime(pd.Series(ends))})
    return retention_story(kb.activity(kb.open_dataset({"subscriptions": frame}, as_of="2024-01-01")), lang=lang)


def test_contracts_are_spoken_of_as_contracts() -> None:
    rng = np.random.default_rng(9)
    story = _contracts(rng.geometric(0.04, 2000))
    pooled = story.on.pooled().set_index("age")["retention"]
    year, two = (f"{100 * pooled[age]:.0f}" for age in (12, 24))
    assert (
        story.finding()
        == f"Of 100 new customers, {year} still have a contract after 12 months, and {two} after 24 months."
    )
    assert story.facts.churn.value == pytest.approx(0.04, abs=0.005)
    assert story.facts.yearly.value == pytest.approx(
        1 - (1 - story.voice.disclosure.fact(story.facts.churn).value) ** 12
    )
    assert f"{100 * story.facts.yearly.value:.0f} of 100 leave in a year" in story.means()
    assert story.line() is None
    text = " ".join(_sentences(story))
    for wrong in ("come back", "buy", "return later", "stay away", "recording"):
        assert wrong not in text.replace("returned", "")
    assert not story.both
    assert not story.panel_start
    bridge = [block for block in story.body() if "give different numbers" in block.heading]
    assert [block.heading for block in bridge] == ["Why chapters 1 and 2 give different numbers"]
    german = " ".join(_sentences(_contracts(rng.geometric(0.04, 2000), lang="de")))
    assert "einen Vertrag" in german
    assert "wiederkommen" not in german


def test_the_steepest_fall_is_found() -> None:
    months = np.repeat([13, 13, 13, 40], 200)
    assert _contracts(months).facts.steepest == 14
    assert "before month 14" in _contracts(months).act()


@pytest.mark.parametrize(
    ("days", "period"), [(1, "day"), (20, "day"), (40, "week"), (200, "month"), (4_000, "quarter"), (15_000, "year")]
)
def test_suitable_period(days: int, period: str) -> None:
    events = pd.DataFrame(
        {"customer_id": 1, "timestamp": pd.to_datetime("2024-01-01") + pd.to_timedelta([0, days - 1], unit="D")}
    )
    data = kb.open_dataset({"events": events}, as_of=pd.Timestamp("2024-01-01") + pd.Timedelta(days=days))
    assert suitable_period(data) == period


def test_one_group_at_a_time(toy: kb.Dataset) -> None:
    record = kb.activity(toy, by="plan")
    with pytest.raises(kb.ArgumentError, match="one group at a time; reduce without by='plan'"):
        retention_story(record)
