"""What stands on the pages, read as a browser and as a manager would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

import kbind as kb
from kbind.report.blocks import Foot, Picture, Section, Summary, phone_form, render_block
from kbind.report.pages import Around, block_page, short_page
from kbind.text.disclosure import Disclosure
from kbind.text.messages import Catalogue
from kbind.text.tables import Table

NAME = "01_retention_metrics"


def _page(report: Path, lang: str) -> BeautifulSoup:
    return BeautifulSoup((report / lang / f"{NAME}.html").read_text(encoding="utf-8"), "html.parser")


def _alternatives(page: BeautifulSoup) -> list[str]:
    return [str(chart["aria-label"]) for chart in page.select("[role=img]")]


def _record(report: Path, lang: str) -> dict[str, Any]:
    return json.loads((report / lang / f"{NAME}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", ["de", "en"])
@pytest.mark.parametrize("which", ["shop_report", "grocery_report"])
def test_page_is_one_file_without_script_code_or_request(request: pytest.FixtureRequest, which: str, lang: str) -> None:
    report = request.getfixturevalue(which)
    page = _page(report, lang)
    assert page.html is not None
    assert page.html["lang"] == lang
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert policy["content"] == "default-src 'none'; font-src data:; style-src 'unsafe-inline'"
    assert not page.find_all(["script", "iframe", "link", "object", "form", "pre", "code", "img", "image"])
    assert all(re.fullmatch(r"(\.\./(de|en)/)?\w+\.html", link["href"]) for link in page.find_all("a"))
    assert not [tag for tag in page.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
    assert "://" not in str(page)


@pytest.mark.parametrize("lang", ["de", "en"])
def test_structure(grocery_report: Path, lang: str) -> None:
    page = _page(grocery_report, lang)
    assert len(page.find_all("main")) == len(page.find_all("h1")) == 1
    headings = [heading.get_text(strip=True) for heading in page.find_all("h2")]
    assert len(headings) == len(set(headings))
    assert all(headings)
    assert page.find(re.compile("^h[1-6]$")).name == "h1"
    assert page.select(".opening > .glance, .opening > .tiles, .opening > .picture")[-1].name == "section"
    assert len(page.select(".tiles li")) == 3
    assert len(page.find_all("figure")) == 3
    for figure in page.find_all("figure"):
        assert figure.select_one("[role=img]").get("aria-label", "")[80:]
        wide, slim = figure.find_all("svg")
        assert (wide["class"], slim["class"], slim["width"]) == (["wide"], ["slim"], "350")
        assert figure.figcaption.get_text(strip=True)
    for table in page.find_all("table"):
        assert all(cell["scope"] == "col" for cell in table.select("thead th"))
        assert all(cell["scope"] == "row" for cell in table.select("tbody th"))
        assert all(cell.get_text(strip=True) for cell in table.find_all(["td", "th"]))


def test_numbers_on_the_page_are_the_estimates(grocery_report: Path, grocery: kb.Dataset) -> None:
    pooled = kb.cohort_retention(kb.activity(grocery)).pooled().set_index("age")
    share = pooled.loc[1, "retention"]
    english, german = (_page(grocery_report, lang).get_text(" ", strip=True) for lang in ("en", "de"))
    assert f"{100 * share:.0f} of 100 households overall buy again in the following month" in english
    assert f"{100 * share:.0f} von 100 Haushalten insgesamt kaufen im Folgemonat wieder" in german
    told = Disclosure().frame(pooled, "retention", n="at_risk", count="active")
    for age, row in told.loc[1:].iterrows():
        low, high = 100 * row["retention_ci_lower"], row["retention_ci_upper"]
        assert f"{age} {row['at_risk']:,.0f} {row['retention']:.1%} {low:.1f} to {high:.1%}" in english


def test_languages_do_not_leak_into_each_other(grocery_report: Path, shop_report: Path) -> None:
    for report in (grocery_report, shop_report):
        german = _page(report, "de")
        for link in german.select(".bar a[lang=en]"):
            link.decompose()
        text = german.get_text(" ") + " ".join(_alternatives(german))
        text = text.replace("The Complete Journey", "")
        assert not re.search(r"\b(the|of|and|households?|customers?|share|months?|which|retention|cohort)\b", text)
        assert not re.search(r"\d\.\d{1,2}\s?%|\d{1,3},\d{3}\b|\d%", text)
        english = _page(report, "en")
        for link in english.select(".bar a[lang=de]"):
            link.decompose()
        text = english.get_text(" ").replace("Laden & <b>Söhne</b>", "")
        assert not re.search(r"\b(und|der|die|das|Haushalte?|Kunden?|Monate?|Anteil)\b|[äöüß]", text)
        assert not re.search(r"\d,\d\s?%|\d\.\d{3}\b", text)


def test_facts_stand_beside_the_page(grocery_report: Path) -> None:
    german, english = _record(grocery_report, "de"), _record(grocery_report, "en")
    facts = {fact["id"]: fact for fact in english["facts"]}
    assert len(facts) == len(english["facts"])
    following = facts["age.1.on"]
    assert (following["n"], following["count"], following["unit"]) == (2460, 2060, "share")
    assert following["value"] == pytest.approx(2060 / 2460)
    assert following["ci_lower"] < following["value"] < following["ci_upper"]
    assert "divided by" in following["definition"]
    assert following["block"] == 0
    assert {"age.11.on", "cohort.2017-02.3", "cycle.2017-05.churned", "panel.share", "mean.churned"} <= set(facts)
    assert german["facts"] == english["facts"]
    assert german["finding"] != english["finding"]


# -- disclosure ------------------------------------------------------------------------------------------


def test_no_customer_id_on_any_page(shop_report: Path) -> None:
    for path in shop_report.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"Kunde-\d", text)
        assert "alert(" not in text


def test_names_from_the_data_are_text(shop_report: Path) -> None:
    page = _page(shop_report, "de")
    assert "Laden & <b>Söhne</b>" in page.select_one("p.kicker").get_text()
    assert not page.find_all("b")


def test_small_counts_are_hidden_everywhere(shop: Path, shop_report: Path) -> None:
    record = kb.activity(kb.open_dataset(shop))
    cells = kb.cohort_retention(record).to_frame()
    small = cells[(cells["age"] > 0) & cells["active"].between(1, 4)]
    assert len(small) > 3  # the planted data has such cells
    for lang in ("de", "en"):
        facts = {fact["id"]: fact for fact in _record(shop_report, lang)["facts"]}
        for _, row in small.iterrows():
            fact = facts[f"cohort.{row['cohort']}.{row['age']}"]
            assert fact["hidden"]
            assert fact["value"] is fact["n"] is fact["count"] is None
        for fact in facts.values():
            assert fact["hidden"] or all(not 0 < (fact[k] or 0) < 5 for k in ("n", "count"))
            assert fact["hidden"] or fact["unit"] != "customers" or not 0 < fact["value"] < 5
    page = _page(shop_report, "en")
    assert "·" in " ".join(_alternatives(page))
    assert "Hatched: not told, because nearly all are there or too few." in page.get_text(" ")


# -- the frame ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "made"), [("de", "Beispieldaten, erfunden"), ("en", "Example data: made up")])
def test_example_data_says_that_it_is_made_up(grocery_report: Path, shop_report: Path, lang: str, made: str) -> None:
    page = _page(grocery_report, lang)
    assert page.select_one(".kicker .made").get_text() == made
    assert page.get_text(" ").count(made) == 1
    assert not _page(shop_report, lang).select(".made")


def test_every_example_is_marked_as_made_up() -> None:
    for load in (kb.datasets.load_telco, kb.datasets.load_counts, kb.datasets.load_saas, kb.datasets.load_grocery):
        assert all(Catalogue(lang).has(f"data.{load().card.key}.about") for lang in ("de", "en"))


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("de", "„Zwischen … und …“: In 95 von 100 Fällen liegt der wahre Wert in einem so berechneten Bereich."),
        ("en", "“Between … and …”: in 95 of 100 cases the true value lies within a range computed like this."),
    ],
)
def test_the_foot_explains_once_what_a_range_means(grocery_report: Path, lang: str, told: str) -> None:
    assert _page(grocery_report, lang).get_text(" ").count(told) == 1


@pytest.mark.parametrize(("lang", "term"), [("de", "Jahresumsatz"), ("en", "Annual revenue")])
def test_the_foot_says_once_what_revenue_a_year_is(lang: str, term: str) -> None:
    contracts = kb.Report(kb.datasets.load_saas()).page("01b", lang).blocks[-1]
    assert isinstance(contracts, Foot)
    assert sum(line.startswith(term) for line in contracts.paragraphs) == 1
    counts = kb.Report(kb.datasets.load_counts(lang)).page("01c", lang).blocks[-1]
    assert Catalogue(lang).text("foot.year") not in counts.plain()


@pytest.mark.parametrize(
    ("zone", "german", "english"),
    [
        ("Europe/Berlin", "Zeitangaben in Berliner Zeit.", "Times are Berlin time."),
        ("Europe/Vienna", "Zeitangaben in der Ortszeit von Wien.", "Times are local time in Vienna."),
        (None, "Zeitangaben wie in den Daten; eine Zeitzone ist dort nicht angegeben.",
         "Times are as in the data, which states no time zone."),
    ],
)  # fmt: skip
def test_the_foot_says_by_which_clock(toy: kb.Dataset, zone: str | None, german: str, english: str) -> None:
    data = kb.open_dataset({"events": toy.table("events")}, timezone=zone)
    report = kb.Report(data)
    for lang, told in (("de", german), ("en", english)):
        assert told in report.page("01", lang).html


def test_a_page_links_to_its_neighbours() -> None:
    around = Around("01b_revenue_and_value", "03_who_is_about_to_leave", "index.html")
    page = BeautifulSoup(short_page("02_when_customers_leave", "de", ("de", "en"), around).html, "html.parser")
    links = [[(link["href"], link.get_text()) for link in nav.find_all("a")] for nav in page.select("nav.bar")]
    onward = [
        ("index.html", "Übersicht"),
        ("01b_revenue_and_value.html", "← Kapitel 1b"),
        ("03_who_is_about_to_leave.html", "Kapitel 3 →"),
    ]
    assert links == [[*onward, ("../en/02_when_customers_leave.html", "English version")], onward]
    first = short_page("01_retention_metrics", "en", ("en",), Around(before="00_data_quality")).html
    assert "← The data" in first
    assert "→" not in first


def test_the_first_picture_is_part_of_the_opening() -> None:
    summary = Summary("k", "a", "q", "l", "f", [], [], "t")
    picture = Picture("h", "alt", "c", [Markup("<svg></svg>")])
    section = Section("s", ["p"], folded=True)
    with_picture = block_page("x", [summary, picture, section], "en", "t").html
    without = block_page("x", [summary, section, picture], "en", "t").html
    for html, inside in ((with_picture, 1), (without, 0)):
        page = BeautifulSoup(html, "html.parser")
        assert len(page.select(".opening .picture")) == inside
        assert page.select_one(".parts details > summary > h2").get_text() == "s"
        assert not page.select("details[open]")


@pytest.mark.parametrize(
    ("head", "row", "words", "form"),
    [
        (["Month", "Share"], ["12", "84 %"], (), ""),
        (["Month", "Share", "Range", "Observed"], ["12", "84.0 %", "82.5 to 85.4 %", "2,415"], (), ""),
        (["Beginning", "Observed", "Returned", "Range", "Whenever"], ["1", "9", "8%", "82.5 to 85.4%", ""], (), "wrap"),
        (["Group", *["Something"] * 6], ["a", *["1"] * 6], (), "stack"),
        (["Claim", "Here", "Result"], ["a", "b", "c"], (1, 2), "stack"),
    ],
)  # fmt: skip
def test_tables_get_onto_a_phone(head: list[str], row: list[str], words: tuple[int, ...], form: str) -> None:
    assert phone_form(Table("t", head, [row], words)) == form


# -- blocks ---------------------------------------------------------------------------------------------------


def test_blocks_escape_everything() -> None:
    nasty = "<img src=x onerror=alert(1)>&\"'"
    blocks = [
        Summary(nasty, nasty, nasty, nasty, nasty, [(nasty, nasty)], [(nasty, nasty, nasty)], nasty),
        Picture(nasty, nasty, nasty, [nasty]),
        Section(nasty, [nasty], Table(nasty, [nasty, nasty], [[nasty, nasty]])),
    ]
    for block in blocks:
        html = render_block(block)
        assert "<img src=x" not in html
        parsed = BeautifulSoup(html, "html.parser")
        assert not [tag for tag in parsed.find_all(True) if "onerror" in tag.attrs]
        assert nasty in parsed.get_text()
        assert nasty in block.plain()
