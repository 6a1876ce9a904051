from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kbind as kb
from kbind.plot.base import alt_text
from kbind.report.blocks import Section
from kbind.report.chapters import quality
from kbind.report.chapters.quality import QualityStory, cautions
from kbind.report.chapters.study import Study
from kbind.text.voice import Voice


def quality_story(data: kb.Dataset, **options: Any) -> QualityStory:
    """The story with exact numbers, so that a few rows do for a sentence."""
    return quality.quality_story(data, **{"threshold": 1, **options})


@pytest.fixture(scope="module")
def thin() -> kb.Dataset:
    """A year of 400 rows a month, but 40 in May; every tenth row twice, a fifth of the customers unknown."""
    months = pd.period_range("2023-01", periods=12, freq="M")
    rows = []
    for month in months:
        n = 40 if month.month == 5 else 400
        times = [month.start_time + pd.Timedelta(hours=i) for i in range(n)]
        rows.append(pd.DataFrame({"customer_id": [i % 100 for i in range(n)], "timestamp": times}))
    log = pd.concat(rows)
    log = pd.concat([log, log.iloc[::10]])
    people = pd.DataFrame({"customer_id": range(80), "industry": [None] * 40 + ["trade"] * 40, "size": range(80)})
    return kb.open_dataset({"customers": people, "events": log}, as_of="2024-01-01")


def test_every_planted_fault_is_named(thin: kb.Dataset) -> None:
    story = quality_story(thin)
    assert {concern.text for concern in story.concerns} == {
        "Customers: in 1 of 2 columns more than 20% of the values are missing, most of all in “industry” (50.0%).",
        "Events: in 1 of 12 months, far fewer rows were recorded than in the neighbouring ones (May 2023).",
        "Events: 19.8% of the rows belong to customers who are missing from the table of customers.",
        "Events: 9.1% of the rows repeat another row in every column.",
    }
    assert story.finding() == (
        "Yes, by and large. 4 things need clearing up, above all: “Events” has far fewer rows than usual in 1 of 12 "
        "months."
    )
    assert story.means().startswith("This affects only chapters 1, 2, 3, 4 and 5.")
    axes = story.found.plot(**story.calendar_figure())
    assert axes.get_title(loc="left").replace("\n", " ") == (
        "In 1 of 12 months, far fewer rows were recorded than usual"
    )
    assert "May 2023: 44;" in alt_text(axes)


def test_german_says_the_same(thin: kb.Dataset) -> None:
    story = quality_story(thin, lang="de")
    assert (
        "Ereignisse: In 1 von 12 Monaten wurden weit weniger Zeilen aufgezeichnet als in den benachbarten (Mai 2023)."
    ) in [concern.text for concern in story.concerns]
    assert story.act().startswith("Fragen Sie die Stelle, die „Ereignisse“ liefert, ob ")
    assert "Klären Sie auch die übrigen Punkte unten" in story.act()


def test_one_concern_is_named_with_the_chapters_that_it_touches() -> None:
    """Half of an attribute is missing: that touches groups and personas, and not how many come back."""
    days = pd.date_range("2023-01-01", "2023-12-31 23:00", freq="h")
    log = pd.DataFrame({"customer_id": [i % 50 for i in range(len(days))], "timestamp": days})
    people = pd.DataFrame({"customer_id": range(50), "industry": [None] * 25 + ["trade"] * 25})
    data = kb.open_dataset({"events": log, "customers": people})
    story = quality_story(data)
    assert story.finding() == (
        "Yes, by and large. One thing needs clearing up: many values are missing in “Customers”, most of all "
        "“industry” (50%)."
    )
    assert story.means().startswith("This affects only chapters 3, 4 and 5.")
    german = quality_story(data, lang="de")
    assert german.finding().startswith("Im Großen und Ganzen ja. Nur eines ist zu klären: In „Kunden“ fehlen")
    assert story.act() == (
        "Ask whoever supplies “Customers” whether the missing values exist anywhere else, then run the report again."
    )
    line = story.line()
    assert line is not None
    assert "This affects only chapters 3, 4 and 5" in line.answer
    assert line.stake is None


def test_a_chapter_is_told_what_is_to_be_settled_about_its_data(thin: kb.Dataset) -> None:
    study, voice = Study(thin), Voice("en")
    (section,) = cautions(study, "04", voice)
    assert isinstance(section, Section)
    (text,) = section.paragraphs  # chapter 04 does not rest on events
    assert text.startswith("Customers: in 1 of 2")
    assert voice.told["customers.missing.industry"].value == 0.5
    assert not any(".gaps" in name for name in voice.told)
    days = pd.date_range("2023-01-01", "2023-12-31 23:00", freq="h")
    log = pd.DataFrame({"customer_id": [i % 50 for i in range(len(days))], "timestamp": days})
    assert cautions(Study(kb.open_dataset({"events": log})), "03", Voice("en")) == []


def test_faultless_data_is_praised() -> None:
    days = pd.date_range("2023-01-01", "2023-12-31 23:00", freq="h")
    log = pd.DataFrame({"customer_id": [i % 50 for i in range(len(days))], "timestamp": days})
    story = quality_story(kb.open_dataset({"events": log}))
    assert story.concerns == []
    assert story.line() is None
    assert "affected" not in story.means()
    assert story.finding().startswith("Yes. The records run over 12 months without a gap")
    assert story.uses_table().rows[1][-1] == "no; missing: Contracts"


def test_snapshot_has_no_calendar() -> None:
    story = quality_story(kb.datasets.load_telco(), lang="de")
    assert story.finding() == "Nur zum Teil. Sie zeigen 7.043 Kunden zu einem einzigen Zeitpunkt, aber keinen Verlauf."
    assert len(story.tiles()) == 2


def test_few_unknown_customers_stay_untold() -> None:
    people = pd.DataFrame({"customer_id": range(20)})
    log = pd.DataFrame({"customer_id": range(22), "timestamp": ["2024-01-05"] * 22})
    story = quality_story(kb.open_dataset({"customers": people, "events": log}), threshold=5)
    assert story.tables_table().rows[1][-1] == "under 5"
    assert all(cell != "2" for row in story.tables_table().rows for cell in row)


def test_refunds_cancelled_orders_and_rows_left_out_are_told(tmp_path: Path) -> None:
    rows = [f"{i % 30},2024-01-{1 + i % 28:02d},10,A{i}" for i in range(90)]
    rows += [f"{100 + i},2024-01-05,-3,C{i}" for i in range(6)] + [",2024-01-05,1,A1"] * 7 + ["1,2024-09-01,5,A2"] * 8
    (tmp_path / "events.csv").write_text("customer_id,timestamp,amount,order_id\n" + "\n".join(rows) + "\n")
    (tmp_path / "kbind.yaml").write_text("drop_rows_without: customer_id\nas_of: 2024-02-01\n")
    data = kb.open_dataset(tmp_path)
    assert quality_story(data).treated == [
        "Events: rows with a negative amount (refunds): 6. They are kept: they count as activity but not as a "
        "purchase, and they lower revenue.",
        "Events: customers who have nothing but refunds: 6. They too count as active.",
        "Events: orders that look cancelled (with a number such as C0): 6. Their rows count as activity.",
        "Events: rows that do not say whose they are: 7. They are left out, as was decided for this data.",
        "Events: rows after the end of the data: 8. They are left out.",
    ]
    german = quality_story(data, lang="de").treated
    assert german[1] == "Ereignisse: Kunden, von denen es nur Erstattungen gibt: 6. Auch sie gelten als aktiv."
    few = kb.open_dataset({"events": data.table("events").query("customer_id != '100' or amount > 0")[:92]})
    assert "nothing but refunds: under 5" in " ".join(quality_story(few, threshold=5).treated)


def test_several_currencies_are_to_be_settled() -> None:
    log = pd.DataFrame({"customer_id": range(40), "timestamp": "2024-01-05", "amount": 5.0, "ccy": ["EUR", "CHF"] * 20})
    story = quality_story(kb.open_dataset({"events": log}))
    assert [concern.text for concern in story.concerns] == [
        "Events: the amounts are in several currencies (CHF, EUR). They are not added up, so revenue is missing from "
        "the other chapters until they are converted into one."
    ]
    assert story.treated == []
