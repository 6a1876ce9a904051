"""The summary of all chapters: built from what they recorded, money first, and shorter with less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

import kbind as kb
from kbind.errors import ReportError
from kbind.report.changes import changes_since, facts_file, read_facts
from kbind.report.summary import ROWS, sheet_of, summary_page
from kbind.text.facts import Fact

CHAPTERS = {
    "01": "01_retention_metrics",
    "01b": "01b_revenue_and_value",
    "02": "02_when_customers_leave",
    "03": "03_who_is_about_to_leave",
    "04": "04_what_the_lost_have_in_common",
}


def _line(worth: float | None, **more: str) -> dict[str, Any]:
    told = {"question": "When?", "answer": f"Answer {worth}.", "sure": "Sure.", "step": "Call.", "measure": ""}
    return {**told, "unknown": "", "stake": f"€{worth}" if worth else "", "worth": worth, **more}


def _record(number: str, *, firm: str = "Firm", **more: Any) -> dict[str, Any]:
    head = {"chapter": CHAPTERS[number], "language": "en", "question": "Q", "finding": f"Finding {number}.", "data": ""}
    about = {"firm": firm, "made": "", "day": "As of today", "as_of": "2025-12-31", "currency": "EUR", "owner": ""}
    return {**head, **about, "state": "told", "line": None, "lead": None, "facts": [], **more}


def _kept(value: float, half: float = 0.02, name: str = "kept") -> dict[str, Any]:
    return Fact(name, value, "share", "customers who stay", value - half, value + half, n=900).as_dict()


def _opening(value: float = 0.83, *, as_of: str = "2025-12-31", unknown: str = "", **more: Any) -> dict[str, Any]:
    tile = [f"{value:.0%}", "customers who stayed", "note"]
    lead = {
        "sentence": "We lose 17 of 100.",
        "under": "",
        "tiles": [tile],
        "figures": [["customers who stayed", "kept"]],
        "heading": "Grows",
        "unknown": unknown,
    }
    return _record("01b", as_of=as_of, lead={**lead, "steps": []}, facts=[_kept(value)], **more)


def test_rows_are_ranked_by_money_and_what_is_not_measured_comes_last() -> None:
    records = [
        _record("02", line=_line(None)),
        _record("03", line=_line(5.0, measure="Try it.", unknown="Whether it works."), owner="Sales"),
        _record("04", line=_line(90.0, stake_range="€80 to €100")),
        _opening(unknown="Who renews."),
    ]
    sheet = sheet_of(records, "en")
    assert [row.chapter[:2] for row in sheet.rows] == ["04", "03", "02"]
    assert [row.stake for row in sheet.rows] == ["€90.0", "€5.0", "not measured"]
    assert [row.limits for row in sheet.rows] == ["€80 to €100", "", ""]
    assert [measure for _, measure in sheet.measures] == ["Try it."]
    assert list(sheet.unknown) == ["Who renews.", "Whether it works."]
    page = BeautifulSoup(summary_page(sheet, ["en"]), "html.parser")
    assert page.h1.get_text() == "We lose 17 of 100."
    assert [cell.get_text() for cell in page.select("td.stake")] == ["€90.0 (€80 to €100)", "€5.0", "not measured"]
    assert [row.select("td")[-1].get_text() for row in page.select("tbody tr")] == ["Call.", "Call. (Sales)", "Call."]


def test_other_data_enters_no_row() -> None:
    sheet = sheet_of([_opening(), _record("04", firm="A shop", line=_line(99.0))], "en")
    assert not sheet.rows
    assert [note for *_, note in sheet.chapters] == ["", "other data"]


def test_with_less_data_it_gets_shorter() -> None:
    page = BeautifulSoup(summary_page(sheet_of([_record("02", line=_line(None))], "en"), ["en"]), "html.parser")
    assert page.h1.get_text() == "Answer None."
    assert not page.select(".tiles, .chart, ol, .unknown")
    bare = [_record("01"), _record("04", state="failed"), _record("03", state="missing")]
    page = BeautifulSoup(summary_page(sheet_of(bare, "en"), ["en"]), "html.parser")
    assert page.h1.get_text() == "Finding 01."
    assert not page.select("table")
    assert "Risk (data missing)" in page.nav.get_text()
    assert "Common traits (failed)" in page.nav.get_text()


def test_no_more_rows_than_fit() -> None:
    records = [_record(number, line=_line(float(i))) for i, number in enumerate(CHAPTERS)] * 3
    assert len(sheet_of(records, "en").rows) == ROWS


def test_text_cannot_become_markup() -> None:
    sheet = sheet_of([_opening(firm="<b>", made="<i>")], "en")
    assert "<b>" not in summary_page(sheet, ["de", "en"])


# -- compared with an earlier report -------------------------------------------------------------------------------


def _changes(before: dict[str, Any], now: dict[str, Any], tmp_path: Path) -> list[str]:
    (tmp_path / "facts.json").write_text(facts_file([before]), encoding="utf-8")
    return changes_since(read_facts(tmp_path / "facts.json"), [now], "en")


@pytest.mark.parametrize(
    ("value", "as_of", "said"),
    [
        (0.90, "2024-12-31", "more than chance"),
        (0.84, "2024-12-31", "may be chance"),
        (0.90, "2025-09-30", "overlap"),
        (0.83, "2024-12-31", "None of the figures"),
    ],
)
def test_what_has_changed_and_whether_it_is_chance(value: float, as_of: str, said: str, tmp_path: Path) -> None:
    (sentence,) = _changes(_opening(value, as_of=as_of), _opening(), tmp_path)
    assert said in sentence


def test_without_intervals_nothing_is_said_of_chance(tmp_path: Path) -> None:
    before, now = (_opening(value, as_of=day) for value, day in ((0.9, "2024-12-31"), (0.8, "2025-12-31")))
    for record in (before, now):
        record["facts"][0].update(ci_lower=None, ci_upper=None)
    (sentence,) = _changes(before, now, tmp_path)
    assert sentence == "customers who stayed: 80%, before 90% (as of December 31, 2024)."


def test_whether_it_is_chance_minds_which_side_of_an_interval_is_wide(tmp_path: Path) -> None:
    """Of .90 now and .85 before: the limit of the gap is made of the lower side now and the upper side before."""
    before, now = (_opening(value, as_of=day) for value, day in ((0.85, "2024-12-31"), (0.90, "2025-12-31")))
    for record, (lower, upper), said in (
        (now, (0.87, 0.99), "more than chance"),  # .05 - hypot(.03, .02) > 0
        (now, (0.80, 0.91), "may be chance"),  # .05 - hypot(.10, .02) < 0
    ):
        record["facts"][0].update(ci_lower=lower, ci_upper=upper)
        (sentence,) = _changes(before, now, tmp_path)
        assert said in sentence


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"chapters": {"01": 5}}'])
def test_a_file_that_holds_no_facts_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(text)
    with pytest.raises(ReportError, match=r"facts\.json holds no facts of a report; allowed: the facts\.json of"):
        read_facts(tmp_path / "facts.json")
    with pytest.raises(ReportError, match="cannot be read"):
        read_facts(tmp_path / "nothing.json")


# -- of real chapters ----------------------------------------------------------------------------------------------


def test_of_counts(tmp_path: Path) -> None:
    kb.Report(kb.datasets.load_counts()).write(tmp_path, lang="en", chapters=["01c"])
    again = kb.Report(kb.datasets.load_counts()).write(
        tmp_path, lang="en", chapters=["01c"], compare=tmp_path / "facts.json"
    )
    assert again == tmp_path / "index.html"
    page = BeautifulSoup((tmp_path / "en" / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert page.h1.get_text()
    assert page.select_one(".made").get_text() == "Example data: made up"
    choice = BeautifulSoup((tmp_path / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert choice.select_one(".made").get_text() == "Example data: made up"


def test_every_number_of_the_example_is_a_fact(example_report: Path) -> None:
    """The steps and figures of the opening stand among the facts of their chapter."""
    record = json.loads((example_report / "en" / "01b_revenue_and_value.json").read_text(encoding="utf-8"))
    known = {fact["id"] for fact in record["facts"]}
    assert {name for _, name in record["lead"]["steps"]} <= known
    assert {name for _, name in record["lead"]["figures"]} <= known
    assert len(record["lead"]["figures"]) == len(record["lead"]["tiles"]) == 3


def test_a_page_leads_on_and_back(example_report: Path) -> None:
    page = BeautifulSoup((example_report / "de" / f"{CHAPTERS['02']}.html").read_text(encoding="utf-8"), "html.parser")
    links = {link.get("rel", [""])[0]: link["href"] for link in page.select("footer a")}
    assert links == {"": "index.html", "prev": "01d_shop.html", "next": f"{CHAPTERS['03']}.html"}


def test_owners_are_read_and_refused(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("customer_id,timestamp\n1,2024-01-01\n")
    (tmp_path / "kbind.yaml").write_text("owners: {2: ' Customer  success ', 01b: Finance}\n")
    assert kb.open_dataset(tmp_path).card.owners == {"02": "Customer success", "01b": "Finance"}
    for wrong, why in (("{9: Sales}", "unknown chapter 9"), ("{02: 5}", "chapter 2: 5"), ("Sales", "owners: 'Sales'")):
        (tmp_path / "kbind.yaml").write_text(f"owners: {wrong}\n")
        with pytest.raises(kb.DatasetError, match=f"kbind.yaml.*{why}.*allowed"):
            kb.open_dataset(tmp_path)
