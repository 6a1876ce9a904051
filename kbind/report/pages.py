"""Pages in HTML: of a chapter, of one that could not be written, and the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from kbind._version import __version__
from kbind.report.blocks import Block, Section, Summary, environment, render_block
from kbind.report.contents import shown_number
from kbind.report.telling import Telling
from kbind.text.messages import Catalogue

_NAMES = {"de": "Deutsch", "en": "English"}


@dataclass(frozen=True, repr=False)
class Page:
    """One chapter, or the card of a persona, in one language; it shows itself in a notebook.

    Parameters
    ----------
    chapter : str
        Name of the chapter, or of what the page is about.
    lang : str
        Language.
    html : str
        The page, which needs no other file.
    record : dict
        Facts and what the index needs, for JSON; empty for a page of its own.
    blocks : sequence of Block
        What it shows, in order.
    """

    chapter: str
    lang: str
    html: str
    record: Mapping[str, Any]
    blocks: Sequence[Block]

    def __repr__(self) -> str:
        return "\n\n".join(block.plain() for block in self.blocks)

    def _repr_html_(self) -> str:
        css = _safe(_css().replace(":root", ":scope").replace("body {", ":scope {"))
        template = environment().get_template("shown.html")
        return str(template.render(lang=self.lang, parts=[_part(block) for block in self.blocks], css=css))


def chapter_page(telling: Telling, languages: Sequence[str]) -> Page:
    """The page of one chapter."""
    summary, *rest = telling.blocks
    assert isinstance(summary, Summary)
    parts, contents = [_part(summary)], []
    for number, block in enumerate(rest, start=1):
        assert not isinstance(block, Summary)
        contents.append({"id": f"s{number}", "heading": block.heading})
        parts.append(_part(block, f"s{number}"))
    record = {
        "chapter": telling.chapter,
        "language": telling.lang,
        "question": summary.question,
        "finding": summary.finding,
        "data": summary.about,
        "facts": telling.facts,
    }
    html = _page(telling.chapter, telling.lang, languages, summary.question, parts, contents)
    return Page(telling.chapter, telling.lang, html, record, telling.blocks)


def block_page(name: str, blocks: Sequence[Block], lang: str, title: str) -> Page:
    """A page of its own, without links to others."""
    html = _page("", lang, (), title, [_part(block) for block in blocks], (), alone=True)
    return Page(name, lang, html, {}, blocks)


def missing_page(
    chapter: str, lang: str, languages: Sequence[str], needed: Sequence[str], present: Sequence[str]
) -> Page:
    """The page of a chapter that the data cannot fill: says which table it misses."""
    catalogue = Catalogue(lang)
    title = catalogue.text("missing.title")
    either = catalogue.text("missing.or")
    # a role is given to a column that is there; who has none needs a table
    wanted = f" {either} ".join(need for need in needed if ":" not in need)
    tables = ", ".join(present)
    finding = catalogue.text("index.missing", table=wanted, present=tables)
    return _bare_page(chapter, lang, languages, title, Section(finding, [catalogue.text("missing.what")]))


def short_page(chapter: str, lang: str, languages: Sequence[str]) -> Page:
    """The page of a chapter that the data has what it needs for, but too little of it."""
    text = Catalogue(lang).text
    told = Section(text("short.finding"), [text("short.what")])
    return _bare_page(chapter, lang, languages, text("missing.title"), told)


def failed_page(chapter: str, lang: str, languages: Sequence[str]) -> Page:
    """The page of a chapter whose computation failed: says so, and that the others stand."""
    text = Catalogue(lang).text
    told = Section(text("failed.finding"), [text("failed.what")])
    return _bare_page(chapter, lang, languages, text("failed.title"), told)


def _bare_page(chapter: str, lang: str, languages: Sequence[str], title: str, block: Section) -> Page:
    heading = environment().from_string("<h1>{{ title }}</h1>").render(title=title)
    parts = [{"html": _safe(heading)}, _part(block)]
    empty = {"data": "", "facts": []}
    record = {"chapter": chapter, "language": lang, "question": title, "finding": block.heading, **empty}
    return Page(chapter, lang, _page(chapter, lang, languages, title, parts, []), record, [block])


def _part(block: Block, id: str = "") -> dict[str, Any]:
    return {"html": _safe(render_block(block, id))}


def index_page(records: Sequence[Mapping[str, Any]]) -> str:
    """The page that lists all chapters, by language."""
    languages = []
    for lang in sorted({record["language"] for record in records}):
        mine = sorted((r for r in records if r["language"] == lang), key=lambda r: str(r["chapter"]))
        chapters = [
            {
                "href": f"{lang}/{record['chapter']}.html",
                "number": shown_number(str(record["chapter"])),
                **{key: record[key] for key in ("question", "finding", "data")},
            }
            for record in mine
        ]
        title = Catalogue(lang).text("index.title")
        languages.append({"lang": lang, "name": _NAMES[lang], "title": title, "chapters": chapters})
    html = environment().get_template("index.html").render(languages=languages, css=_css(), version=__version__)
    return str(html)


def _page(
    chapter: str,
    lang: str,
    languages: Sequence[str],
    title: str,
    parts: Sequence[Mapping[str, Any]],
    contents: Sequence[Mapping[str, str]],
    *,
    alone: bool = False,
) -> str:
    catalogue = Catalogue(lang)
    links = [] if alone else [{"href": "../index.html", "text": catalogue.text("page.back"), "lang": ""}]
    links += [
        {"href": f"../{other}/{chapter}.html", "text": catalogue.text("page.other_language"), "lang": other}
        for other in languages
        if other != lang
    ]
    html = (
        environment()
        .get_template("page.html")
        .render(
            lang=lang,
            title=title,
            subject=catalogue.text("page.subject"),
            css=_css(),
            links=links,
            parts=parts,
            contents=contents,
            contents_label=catalogue.text("page.contents"),
            version=__version__,
        )
    )
    return str(html)


def _css() -> Any:
    return _safe(files("kbind.report").joinpath("templates", "page.css").read_text(encoding="utf-8"))


def _safe(html: str) -> Any:
    """Text that our own templates made: not escaped again."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - made by our own templates, which escape every value
