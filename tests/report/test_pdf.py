"""Pages as one PDF, printed by a real browser where one is installed."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

import kbind.report.pdf as printing
from kbind.errors import ReportError
from kbind.report.blocks import Section, Summary
from kbind.report.pages import block_page, short_page
from kbind.report.pdf import find_browser, one_document, write_pdf
from kbind.text.tables import Table

A4 = (595, 842)


def _browser() -> str | None:
    try:
        return find_browser()
    except ReportError:
        return None


needs_browser = pytest.mark.skipif(_browser() is None, reason="no Chromium, so not checked: the PDF")


def _pages() -> list[str]:
    summary = Summary("The firm", "about", "What do we lose?", "At a glance", "Much.", [("Do", "Act")], [], "figures")
    rows = [[f"row {i}", str(i)] for i in range(90)]
    table = Section("Every row", [], Table("All", ["Row", "Number"], rows), folded=True)
    last = short_page("02_when_customers_leave", "en", ("en",)).html
    return [block_page("x", [summary], "en", "t").html, block_page("y", [summary, table], "en", "t").html, last]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    out = tmp_path_factory.mktemp("pdf") / "report.pdf"
    assert write_pdf(_pages(), out, "en", "Customer retention") == out
    assert [path.name for path in out.parent.iterdir()] == ["report.pdf"]
    return PdfReader(out)


@needs_browser
def test_pdf_is_tagged_and_has_a_language_a_title_and_an_outline(printed: PdfReader) -> None:
    root: Any = printed.trailer["/Root"]
    assert (root["/Lang"], bool(root["/MarkInfo"]["/Marked"])) == ("en", True)
    assert printed.metadata is not None
    assert printed.metadata.title == "Customer retention"
    top = [entry.title for entry in printed.outline if not isinstance(entry, list)]
    assert top == ["What do we lose?", "What do we lose?", "Data is missing for this chapter"]
    assert "Every row" in str(printed.outline)


@needs_browser
def test_every_page_begins_a_sheet_of_a4_and_numbers_run_through(printed: PdfReader) -> None:
    texts = [sheet.extract_text() for sheet in printed.pages]
    assert {tuple(round(float(side)) for side in sheet.mediabox[2:]) for sheet in printed.pages} == {A4}
    assert all(f"{number} / {len(texts)}" in text for number, text in enumerate(texts, start=1))
    assert [("What do we lose?" in text, "Data is missing" in text) for text in (texts[0], texts[1], texts[-1])] == [
        (True, False), (True, False), (False, True)
    ]  # fmt: skip


@needs_browser
def test_what_is_folded_on_screen_is_printed_whole(printed: PdfReader) -> None:
    text = "".join(sheet.extract_text() for sheet in printed.pages)
    assert all(re.search(rf"row {i}\b", text) for i in range(90))
    assert "Overview" not in text  # links are for the screen


def test_pages_keep_their_own_rules_and_ids() -> None:
    first = '<html><head><style>:root { --x: 1 } body { color: red } @page { margin: 1mm; @top-left { content: "a" } }'
    first += '@font-face { src: url(data:x) }</style></head><body class="sheet"><nav>n</nav><main>'
    first += '<a href="de/02_when.html">go</a>'
    first += '<a href="elsewhere.html">no</a><h1 id="s1">One</h1><a href="#s1">up</a></main></body></html>'
    second = '<html><head><style>p { margin: 0 }</style></head><body><main data-name="02_when"><h1 id="s1">Two</h1>'
    second += '<p aria-labelledby="s1" style="fill:url(#s1)">x</p></main><footer>f</footer></body></html>'
    html = one_document([first, second, second], "de", "Der <Bericht>")
    assert "<title>Der &lt;Bericht&gt;</title>" in html
    assert html.count("@scope (.kind-") == 2
    assert "@page kind-0 { margin: 1mm;" in html
    assert re.search(r"@scope \(\.kind-0\) \{\s*:scope \{ --x: 1 \} :scope \{ color: red \}\s*\}", html)
    assert re.findall(r'<div class="([^"]+)"', html) == ["printed kind-0", "sheet", "printed kind-1", "printed kind-1"]
    assert html.index("@font-face") < html.index("@scope")
    assert re.findall(r'<h1 id="([^"]+)"', html) == ["p0-s1", "p1-s1", "p2-s1"]
    assert '<a href="#p1">go</a><a>no</a>' in html
    assert '<a href="#p0-s1">up</a>' in html
    assert '<p aria-labelledby="p2-s1" style="fill:url(#p2-s1)">' in html
    assert not re.search(r"<nav|<footer", html)


# -- where there is none, or it fails ----------------------------------------------------------------------------


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty path, on which programs can be put."""
    for name in ("KBIND_CHROMIUM", "PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(printing, "_MAC", ())
    return folder


Program = Callable[[Path, str], Path]


@pytest.fixture
def program() -> Program:
    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


def test_without_a_browser_it_is_said_how_to_get_one(nowhere: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ReportError, match="needs Chromium, Chrome or Edge, and none was found; install one .* KBIND_CHROMIUM"
    ):
        write_pdf([], tmp_path / "r.pdf", "de", "t")
    assert not (tmp_path / "r.pdf").exists()


def test_a_browser_is_found_by_its_name_its_place_or_the_environment(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    installed = program(tmp_path / "Google/Chrome/Application/chrome.exe", "")
    monkeypatch.setenv("PROGRAMFILES", str(tmp_path))
    assert find_browser() == str(installed)
    edge = program(nowhere / "msedge", "")
    assert find_browser() == str(edge)
    chromium = program(nowhere / "chromium", "")
    assert find_browser() == str(chromium)
    named = program(tmp_path / "mine", "")
    monkeypatch.setenv("KBIND_CHROMIUM", str(named))
    assert find_browser() == str(named)
    monkeypatch.setenv("KBIND_CHROMIUM", "gone")
    with pytest.raises(ReportError, match="KBIND_CHROMIUM='gone' is no program"):
        find_browser()


def test_a_browser_that_fails_leaves_an_earlier_file(nowhere: Path, tmp_path: Path, program: Program) -> None:
    out = tmp_path / "r.pdf"
    out.write_bytes(b"earlier")
    program(nowhere / "chromium", "import sys; sys.exit('the display is gone')")
    with pytest.raises(ReportError, match="could not print the PDF: the display is gone"):
        write_pdf(["<html></html>"], out, "de", "t")
    program(nowhere / "chromium", "import sys; sys.exit(3)")
    with pytest.raises(ReportError, match="it ended with 3"):
        write_pdf(["<html></html>"], out, "de", "t")
    assert out.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "r.pdf"]


def test_a_browser_that_hangs_is_given_up(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    monkeypatch.setattr(printing, "_PATIENCE", 0.5)
    program(nowhere / "chromium", "import time; time.sleep(60)")
    with pytest.raises(ReportError, match="did not print the PDF within 0.5 seconds"):
        write_pdf(["<html></html>"], tmp_path / "r.pdf", "de", "t")


def test_a_folder_that_is_not_there_is_told(nowhere: Path, tmp_path: Path, program: Program) -> None:
    program(nowhere / "chromium", "")
    with pytest.raises(ReportError, match="cannot be written: No such file or directory"):
        write_pdf([], tmp_path / "no" / "r.pdf", "de", "t")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no users of that kind here")
@pytest.mark.parametrize(("user", "sandbox"), [(0, True), (1000, False)])
def test_only_root_prints_without_a_sandbox(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Program, user: int, sandbox: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    program(nowhere / "chromium", "import sys\nsys.exit(' '.join(sys.argv))")
    with pytest.raises(ReportError) as told:
        write_pdf(["<html></html>"], tmp_path / "r.pdf", "de", "t")
    assert ("--no-sandbox" in str(told.value)) is sandbox
