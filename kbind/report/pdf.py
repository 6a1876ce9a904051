"""Pages of a report as one PDF, printed by a browser that is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from kbind.errors import ReportError, check_choice
from kbind.report.blocks import environment
from kbind.text.messages import LANGUAGES, Catalogue

#: Names of browsers that print as Chromium does, and where they lie on macOS and Windows.
_COMMANDS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge",
)  # fmt: skip
_MAC = ("Google Chrome", "Chromium", "Microsoft Edge")
_WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe",
            "Chromium/Application/chrome.exe")  # fmt: skip
#: Seconds after which a browser that does not come to an end is given up.
_PATIENCE = 180

_HOISTED = re.compile(r"@font-face\s*\{[^}]*\}|@page\s+[a-z]+\s*\{[^{}]*\}")
_SHEET = re.compile(r"@page\s*(\{(?:[^{}]|\{[^{}]*\})*\})")
_BODY = re.compile(r'<body(?: class="([^"]*)")?>(.*)</body>', re.DOTALL)
_ON_SCREEN = re.compile(r"<(nav|footer)\b.*?</\1>", re.DOTALL)
_IDS = re.compile(r'(\s(?:id|aria-labelledby|aria-describedby)="|href="#|url\(#)')


def write_pdf(pages: Sequence[str], out: str | Path, lang: str, title: str) -> Path:
    """Print pages as one PDF: A4, tagged, with an outline and numbers that run through.

    Parameters
    ----------
    pages : sequence of str
        HTML of each page, in order; the summary first.
    out : path
        The PDF.
    lang : {"de", "en"}
        Language of the pages.
    title : str
        Of the document.

    Returns
    -------
    Path

    Raises
    ------
    ReportError
        No browser is there that can print, it fails, or the file cannot be written; an earlier file is unchanged.
    """
    check_choice("lang", lang, LANGUAGES)
    out, browser = Path(out), find_browser()
    try:
        with tempfile.TemporaryDirectory(prefix="kbind-pdf-", dir=out.parent, ignore_cleanup_errors=True) as folder:
            source, printed = Path(folder, "report.html"), Path(folder, "report.pdf")
            source.write_text(one_document(pages, lang, title), encoding="utf-8")
            _print(browser, source, printed)
            printed.replace(out)
    except OSError as error:
        raise ReportError(f"{out} cannot be written: {error.strerror or error}") from error
    return out


def find_browser() -> str:
    """A browser that can print a PDF: the one that KBIND_CHROMIUM names, or else the first that is installed.

    Raises
    ------
    ReportError
        There is none; says how to get one.
    """
    if named := os.environ.get("KBIND_CHROMIUM"):
        if path := shutil.which(named):
            return path
        raise ReportError(
            f"KBIND_CHROMIUM={named!r} is no program that can be run; a PDF needs Chromium, Chrome or Edge"
        )
    path = next((path for path in map(shutil.which, (*_COMMANDS, *_places())) if path), None)
    if path is None:
        raise ReportError(
            "a PDF needs Chromium, Chrome or Edge, and none was found; install one (Debian: apt install chromium), or "
            "name it in the environment variable KBIND_CHROMIUM; the pages can be printed from any browser"
        )
    return path


def _places() -> Iterator[str]:
    """Where browsers lie that are not on the path."""
    if sys.platform == "darwin":
        yield from (f"/Applications/{name}.app/Contents/MacOS/{name}" for name in _MAC)
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if folder := os.environ.get(variable):
            yield from (str(Path(folder, name)) for name in _WINDOWS)


def _print(browser: str, source: Path, printed: Path) -> None:
    """Have the browser print a file, with a profile of its own, so that one that is open is left alone."""
    command = [
        browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer",
        "--generate-pdf-document-outline", "--export-tagged-pdf", f"--user-data-dir={source.parent / 'profile'}",
        f"--print-to-pdf={printed.absolute()}", source.absolute().as_uri(),
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # it refuses to run as root with it
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False)  # noqa: S603 - a browser, and files of ours
    except subprocess.TimeoutExpired:
        raise ReportError(f"{browser} did not print the PDF within {_PATIENCE} seconds") from None
    if not printed.exists() or not printed.read_bytes().startswith(b"%PDF"):
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise ReportError(f"{browser} could not print the PDF: {said}")


def one_document(pages: Sequence[str], lang: str, title: str) -> str:
    """All pages in one file: each with its own rules and ids, and links between them within it."""
    names = [found[1] if (found := re.search(r'<main[^>]* data-name="([^"]+)"', page)) else "" for page in pages]
    styles: dict[str, str] = {}
    sheets, first = [], []
    for number, page in enumerate(pages):
        css = "\n".join(re.findall(r"<style>(.*?)</style>", page.partition("</head>")[0], re.DOTALL))
        if css not in styles:
            kind = f"kind-{len(styles)}"
            first += _HOISTED.findall(css)
            first += [f"@page {kind} {sheet}" for sheet in _SHEET.findall(css)] + [f".{kind} {{ page: {kind}; }}"]
            styles[css] = kind
        found = _BODY.search(page)
        looks, body = ("", "") if found is None else (found[1] or "", _ON_SCREEN.sub("", found[2]))
        html = _linked(_IDS.sub(rf"\g<1>p{number}-", body), names)
        sheets.append({"id": f"p{number}", "kind": styles[css], "looks": looks, "html": html})
    rules = [f"@scope (.{kind}) {{\n{_scoped(css)}\n}}" for css, kind in styles.items()]
    template = environment().get_template("print.html")
    whole = _markup("\n".join([*dict.fromkeys(first), *rules]))
    return str(template.render(lang=lang, title=title, css=whole, sheets=sheets))


def _scoped(css: str) -> str:
    """The rules of a page as they hold inside its part of the document."""
    css = _SHEET.sub("", _HOISTED.sub("", css))
    return css.replace(":root", ":scope").replace("body {", ":scope {").replace("body{", ":scope{")


def _linked(body: str, names: Sequence[str]) -> object:
    """Links to pages of the document lead there; those to other files lead nowhere on paper."""

    def within(found: re.Match[str]) -> str:
        name = found[1].rpartition("/")[2].removesuffix(".html")
        return f' href="#p{names.index(name)}"' if name in names else ""

    return _markup(re.sub(r'\shref="([^"#][^"]*)"', within, body))


def _markup(text: str) -> object:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - pages of ours, in which every value is escaped


def print_report(out: Path, lang: str) -> Path:
    """Print the summary and all chapters of a report that lies in a folder, in a language, into one PDF beside them."""
    folder = out / lang
    paths = [folder / "index.html", *sorted(folder.glob("[0-9]*_*.html"))]
    title = Catalogue(lang).text("index.title")
    return write_pdf([path.read_text(encoding="utf-8") for path in paths], folder / "report.pdf", lang, title)
