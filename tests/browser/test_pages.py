"""Pages as a browser shows them: on a phone, a tablet and a desk, in the dark, by keyboard and on paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from kbind.report.blocks import Section
from kbind.report.contents import NAMES as CHAPTERS
from kbind.report.pages import block_page
from kbind.text.messages import LANGUAGES

REPORTS = ("example_report", "hostile_report", "missing_report")
NAMES = ["index.html", *(f"{lang}/{chapter}.html" for chapter in ("index", *CHAPTERS) for lang in LANGUAGES)]
WIDTHS = (360, 768, 1280)
NARROWEST, ZOOMED = 320, 640  # a desk's 1280 pixels at 400 and at 200 %
PAPER = 665  # A4 without margins, in CSS pixels

#: What the keyboard gets to; tables that are folded come when they are opened.
FOCUSED = "a, summary, [tabindex='0']:not(details *)"
#: A laptop's screen and a phone's, and how small type may be on it.
LAPTOP, PHONE, LEAST_TYPE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}, 11

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Visit:
    """A page, and what it did that a reader should not notice."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    contexts = []

    def open_page(path: Path, width: int = 1280, **options: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
        seen.page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
        seen.page.on("dialog", lambda dialog: (seen.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        seen.page.goto(path.as_uri())
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(params=[(report, name) for report in REPORTS for name in NAMES], ids=lambda p: "-".join(p))
def path(request: pytest.FixtureRequest) -> Path:
    report, name = request.param
    return Path(request.getfixturevalue(report)) / name


# -- checks: each returns what is wrong -------------------------------------------------------------------


def beyond_itself(visit: Visit) -> list[str]:
    """Requests and messages, once all layouts have been shown."""
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
    for scheme in ("dark", "light"):
        visit.page.emulate_media(color_scheme=scheme)
    visit.page.emulate_media(media="print")
    visit.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return [*(url for url in visit.asked if url != visit.page.url), *visit.said]


def violations(page: Page, **options: Any) -> list[str]:
    """What axe-core finds."""
    options = options or {"runOnly": STANDARDS}
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {node['target']}" for rule in found for node in rule["nodes"]]


def contrast(page: Page) -> list[str]:
    """Text that is hard to tell from its ground."""
    return violations(page, runOnly={"type": "rule", "values": ["color-contrast"]})


def sticking_out(page: Page) -> list[str]:
    """What does not fit: into the window, or text into its own box. What can be scrolled in a box of its own may."""
    return page.evaluate(
        """() => {
          const root = document.scrollingElement, width = root.clientWidth, found = []
          const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
          const inside = e => e && (scrolls(e) || inside(e.parentElement))
          if (root.scrollWidth > width) found.push(`page: ${root.scrollWidth} of ${width}`)
          for (const e of document.body.querySelectorAll("svg text")) {
            const box = e.getBoundingClientRect(), whole = e.ownerSVGElement.getBoundingClientRect()
            if (box.right > whole.right + 1 || box.left < whole.left - 1) found.push(`clipped: ${e.textContent}`)
          }
          for (const e of document.body.querySelectorAll("*:not(svg *)")) {
            const box = e.getBoundingClientRect(), name = `${e.tagName} ${e.className}: ${e.textContent.slice(0, 30)}`
            if (!box.width || inside(e.parentElement)) continue
            if (box.right > width + 1 || box.left < -1) found.push(`${name}: ${box.left} to ${box.right} of ${width}`)
            if (!scrolls(e) && e.clientWidth && e.scrollWidth > e.clientWidth + 1) found.push(`${name}: its own box`)
          }
          return found
        }"""
    )


def on_paper(page: Page) -> list[str]:
    """What printing loses or tears apart."""
    page.emulate_media(media="print")
    told = ":is(h1, h2, p, dt, dd, li > span, caption, th, td, figcaption):not(nav *)"
    blocks = page.locator(told).all_inner_texts()
    headings = tuple(_solid(text) for text in page.locator("h2:not(nav *)").all_inner_texts())
    figures = [[_solid(text) for text in figure.locator("svg.wide text").all_text_contents()]
               for figure in page.locator("figure").all()]  # fmt: skip
    sections = page.locator("main :is(section, details)").count()
    reader = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True, tagged=True)))
    # the number of the sheet comes first or last
    sheets = [re.sub(r"^\d+ / \d+\s+|\s*\d+ / \d+\s*$", "", sheet.extract_text()) for sheet in reader.pages]
    text = _solid("".join(sheets))
    found = [f"not printed: {block}" for block in blocks if _solid(block) not in text]
    found += [f"torn to pieces: {texts}" for texts in figures if sum("".join(texts) in _solid(s) for s in sheets) != 1]
    for number, sheet in enumerate(sheets, start=1):
        if not sheet.strip():
            found.append(f"sheet {number} is empty")
        if _solid(sheet).endswith(headings):
            found.append(f"sheet {number} ends with a heading")
    if len(sheets) > sections + 1:
        found.append(f"{sections} sections on {len(sheets)} sheets")
    return found


def _solid(text: str) -> str:
    """Without white space (of no width, too), ligatures and kinds of hyphen: a PDF knows places and shapes."""
    return re.sub(r"[\s\u2060]+", "", re.sub("[\u2010\u2011]", "-", unicodedata.normalize("NFKC", text)))


# -- every page passes ------------------------------------------------------------------------------------


def test_page_asks_for_nothing_and_says_nothing(path: Path, visit: Open) -> None:
    """requests, console, scripts and dialogs of the pages"""
    assert beyond_itself(visit(path)) == []
    unguarded = visit(path, bypass_csp=True)  # the policy must not be what keeps the page quiet
    assert beyond_itself(unguarded) == []
    assert unguarded.page.evaluate("document.scripts.length") == 0


def test_page_is_accessible(path: Path, visit: Open) -> None:
    """accessibility of the pages (axe-core: WCAG 2.2 A and AA, best practice)"""
    page = visit(path).page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page) == [], width


def test_dark_page_has_contrast(path: Path, visit: Open) -> None:
    """contrast of the pages in the dark"""
    page = visit(path, 768, color_scheme="dark").page
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert contrast(page) == []


def test_nothing_sticks_out(path: Path, visit: Open) -> None:
    """overflow of the pages at every width and with text twice as large"""
    page = visit(path).page
    for width in (NARROWEST, ZOOMED, *WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        assert sticking_out(page) == [], width
    page.add_style_tag(content="html { font-size: 200% }")
    assert sticking_out(page) == []


def test_keyboard_reaches_everything_and_shows_where_it_is(path: Path, visit: Open) -> None:
    """keyboard use of the pages"""
    page = visit(path, 360).page
    for _ in range(page.locator(FOCUSED).count()):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect()
              e.dataset.reached = ""
              return [e.tagName, style.outlineStyle, parseFloat(style.outlineWidth) >= 2, box.top < innerHeight]
            }"""
        )
        assert seen[1:] == ["solid", True, True], seen
    assert page.locator(f":is({FOCUSED}):not([data-reached])").count() == 0
    for link in page.locator("a").all():
        target = str(link.get_attribute("href"))
        exists = page.locator(target).count() if target.startswith("#") else (path.parent / target).exists()
        assert exists, target


def test_print_is_black_on_white(path: Path, visit: Open) -> None:
    """colours of the printed pages, also when the screen is dark"""
    page = visit(path, PAPER, color_scheme="dark").page
    page.emulate_media(media="print")
    colours = "(e => [e.color, e.backgroundColor])(getComputedStyle(document.body))"
    assert page.evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert contrast(page) == []
    assert sticking_out(page) == []


def test_print_is_complete(path: Path, visit: Open, request: pytest.FixtureRequest) -> None:
    """text, figures and page breaks of the printed pages"""
    found = on_paper(visit(path).page)
    if "hostile" in request.node.name:  # a PDF gives back right-to-left text in another order
        found = [problem for problem in found if "script" not in problem]
    assert found == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_first_screen_holds_the_opening(example_report: Path, chapter: str, lang: str, visit: Open) -> None:
    """what a laptop and a phone show at first"""
    page = visit(example_report / lang / f"{chapter}.html").page
    bottom = "Math.max(0, ...[...document.querySelectorAll(%r)].map(e => e.getBoundingClientRect().bottom))"
    page.set_viewport_size(LAPTOP)
    assert page.evaluate(bottom % ".opening > *") <= LAPTOP["height"]
    page.set_viewport_size(PHONE)
    assert page.evaluate(bottom % ".glance") <= PHONE["height"]
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("svg.slim text")].map(e => {
          const svg = e.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
          return parseFloat(getComputedStyle(e).fontSize) * scale
        })"""
    )
    assert min(sizes, default=LEAST_TYPE) >= LEAST_TYPE


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_summary_is_one_sheet(example_report: Path, lang: str, visit: Open) -> None:
    """what all chapters come to, on one sheet of paper"""
    page = visit(example_report / lang / "index.html").page
    (sheet,) = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True))).pages
    assert [round(side) for side in sheet.mediabox[2:]] == [595, 842]
    assert 4 <= page.locator(".stakes tbody tr").count() <= 6


def test_folded_parts_open_with_a_click(tmp_path: Path, visit: Open) -> None:
    """folded sections of the pages"""
    blocks = [Section("Folded", ["Behind it."], folded=True), Section("Open", ["Before it."])]
    path = tmp_path / "page.html"
    path.write_text(block_page("x", blocks, "en", "A title").html, encoding="utf-8")
    page = visit(path).page
    assert [page.get_by_text(text).is_visible() for text in ("Before it.", "Behind it.")] == [True, False]
    page.locator("summary").click()
    assert page.get_by_text("Behind it.").is_visible()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_do_not_turn_numbers_around(hostile_report: Path, lang: str, visit: Open) -> None:
    """order of the numbers after names that run from right to left"""
    page = visit(hostile_report / lang / f"{CHAPTERS[0]}.html").page
    places = page.evaluate(
        """() => {
          const line = [...document.querySelectorAll(".foot p")].find(e => e.textContent.includes(" 60 "))
          const text = line.firstChild, start = text.data.lastIndexOf("60 ")
          const range = document.createRange()
          return [0, 1, 3].map(i => {
            range.setStart(text, start + i); range.setEnd(text, start + i + 1)
            const box = range.getBoundingClientRect()
            return box.top * 10000 + box.left
          })
        }"""
    )
    assert places == sorted(places)


# -- and the checks find what they are for ------------------------------------------------------------------


TALL = (
    '<figure><svg class="wide" viewBox="0 0 9 90" style="height: 400mm"><text y="9">a</text><text y="90">b</text></svg>'
)


@pytest.mark.parametrize(
    ("check", "fault", "problem"),
    [
        (beyond_itself, '<img alt="x" src="http://192.0.2.1/x.png">', "violates the following Content Security Policy"),
        (lambda v: violations(v.page), '<img src="data:,">', "image-alt"),
        (lambda v: violations(v.page), "<h4>Too deep</h4>", "heading-order"),
        (lambda v: violations(v.page), '<a href="#s1" style="font-size: 8px">a</a><a href="#s1">b</a>', "target-size"),
        (lambda v: contrast(v.page), '<p style="color: #24313e">hard to see</p>', "color-contrast"),
        (lambda v: sticking_out(v.page), '<table style="width: 2000px"><td>x</td></table>', "TABLE"),
        (lambda v: sticking_out(v.page), '<svg width="9"><text>too long for it</text></svg>', "clipped"),
        (lambda v: sticking_out(v.page), '<div style="width: 3rem; white-space: nowrap">long text</div>', "its own"),
        (lambda v: on_paper(v.page), '<p class="bar">only on screen</p>', "not printed"),
        (lambda v: on_paper(v.page), '<div style="height: 999mm"></div>', "is empty"),
        (lambda v: on_paper(v.page), '<h2>Alone</h2><p style="break-before: page">x</p>', "ends with a heading"),
        (lambda v: on_paper(v.page), TALL, "pieces"),
    ],
    ids=[
        "request",
        "alt",
        "heading",
        "target",
        "contrast",
        "table",
        "picture",
        "text",
        "print",
        "sheet",
        "lonely",
        "torn",
    ],
)
def test_checks_find(check: Callable[[Visit], list[str]], fault: str, problem: str, missing_report: Path,
                     tmp_path: Path, visit: Open) -> None:  # fmt: skip
    """the checks of the pages themselves"""
    name = f"en/{CHAPTERS[0]}.html"
    faulty = tmp_path / "page.html"
    html = (missing_report / name).read_text(encoding="utf-8")
    faulty.write_text(html.replace("</main>", f"{fault}</main>"), encoding="utf-8")
    assert any(problem in found for found in check(visit(faulty, 360, color_scheme="dark")))


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ('<img alt="x" src="http://192.0.2.1/x.png">', "http://192.0.2.1/x.png"),
        ("<script>console.error('x')</script>", "error: x"),
        ("<script>throw Error('x')</script>", "error: x"),
        ("<script>alert('x')</script>", "dialog: x"),
    ],
    ids=["request", "console", "error", "dialog"],
)
def test_checks_find_without_a_policy(fault: str, problem: str, tmp_path: Path, visit: Open) -> None:
    """the checks of requests, console and dialogs themselves"""
    faulty = tmp_path / "page.html"
    faulty.write_text(f"<!doctype html><title>x</title>{fault}", encoding="utf-8")
    assert problem in beyond_itself(visit(faulty))
