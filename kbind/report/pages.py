"""Pages in HTML: of a chapter, of one that could not be written, and the index."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from kbind._version import __version__
from kbind.report.binding import bind
from kbind.report.blocks import Block, Picture, Section, Summary, environment, render_block
from kbind.report.contents import shown_number
from kbind.report.telling import Telling
from kbind.text.marks import plainly, references
from kbind.text.messages import Catalogue


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
    exact : sequence of dict
        Its facts with nothing kept back; never part of what is handed on.
    """

    chapter: str
    lang: str
    html: str
    record: Mapping[str, Any]
    blocks: Sequence[Block]
    exact: Sequence[Mapping[str, Any]] = ()

    def __repr__(self) -> str:
        return "\n\n".join(block.plain() for block in self.blocks)

    def _repr_html_(self) -> str:
        rules = _safe(_rules().replace(":root", ":scope").replace("body {", ":scope {"))
        template = environment().get_template("shown.html")
        return str(template.render(lang=self.lang, **_body(self.blocks), css=rules, fonts=_safe(_fonts())))


@dataclass(frozen=True)
class Around:
    """What a page of a report links to besides itself.

    Parameters
    ----------
    before, after : str
        Names of the chapters before and after it; empty where there is none.
    summary : str
        Where the summary of all chapters lies, as seen from the page.
    """

    before: str = ""
    after: str = ""
    summary: str = "index.html"

    @classmethod
    def of(cls, name: str, names: Sequence[str]) -> Around:
        """A chapter among the chapters of a report.

        >>> Around.of("b", ["a", "b", "c"])
        Around(before='a', after='c', summary='index.html')
        """
        place = list(names).index(name) if name in names else 0
        known = ["", *names, ""]
        return cls(known[place], known[place + 2]) if name in names else cls()


def chapter_page(telling: Telling, languages: Sequence[str], around: Around | None = None) -> Page:
    """The page of one chapter."""
    summary = telling.blocks[0]
    assert isinstance(summary, Summary)
    record = {
        "chapter": telling.chapter,
        "language": telling.lang,
        "question": summary.question,
        "finding": summary.finding,
        "data": summary.about,
        **telling.record,
        "state": "told",
        "facts": telling.facts,
    }
    html = _page(telling.chapter, telling.lang, languages, summary.question, _body(telling.blocks), around)
    bound = bind(html, telling.scribe.drawn)
    said = references(record)
    bound.references |= {reference for text in said.values() for reference, _ in text}
    record = {**plainly(record), "numbers": bound.small_facts(telling.scribe.numbers), "bound": said}
    return Page(telling.chapter, telling.lang, bound.html, record, plainly(telling.blocks), telling.exact)


def block_page(name: str, blocks: Sequence[Block], lang: str, title: str) -> Page:
    """A page of its own, without links to others."""
    return Page(name, lang, _page("", lang, (), title, _body(blocks), alone=True), {}, blocks)


def missing_page(
    chapter: str,
    lang: str,
    languages: Sequence[str],
    needed: Sequence[str],
    present: Sequence[str],
    around: Around | None = None,
) -> Page:
    """The page of a chapter that the data cannot fill: says which table it misses."""
    catalogue = Catalogue(lang)
    title = catalogue.text("missing.title")
    either = catalogue.text("missing.or")
    # a role is given to a column that is there; who has none needs a table
    wanted = f" {either} ".join(need for need in needed if ":" not in need)
    tables = ", ".join(present)
    finding = catalogue.text("index.missing", table=wanted, present=tables)
    told = Section(finding, [catalogue.text("missing.what")])
    return _bare_page(chapter, lang, languages, title, told, around, "missing")


def short_page(chapter: str, lang: str, languages: Sequence[str], around: Around | None = None) -> Page:
    """The page of a chapter that the data has what it needs for, but too little of it."""
    text = Catalogue(lang).text
    told = Section(text("short.finding"), [text("short.what")])
    return _bare_page(chapter, lang, languages, text("missing.title"), told, around, "missing")


def failed_page(chapter: str, lang: str, languages: Sequence[str], around: Around | None = None) -> Page:
    """The page of a chapter whose computation failed: says so, and that the others stand."""
    text = Catalogue(lang).text
    told = Section(text("failed.finding"), [text("failed.what")])
    return _bare_page(chapter, lang, languages, text("failed.title"), told, around, "failed")


def _bare_page(
    chapter: str,
    lang: str,
    languages: Sequence[str],
    title: str,
    block: Section,
    around: Around | None,
    state: str,
) -> Page:
    heading = environment().from_string("<h1>{{ title }}</h1>").render(title=title)
    body = {"opening": [], "parts": [{"html": _safe(heading)}, _part(block)]}
    empty = {"data": "", "state": state, "facts": []}
    record = {"chapter": chapter, "language": lang, "question": title, "finding": block.heading, **empty}
    bound = bind(_page(chapter, lang, languages, title, body, around), {})
    return Page(chapter, lang, bound.html, record | {"numbers": bound.small_facts({})}, [block])


def _body(blocks: Sequence[Block]) -> dict[str, list[dict[str, Any]]]:
    """The parts of a page: what is seen first, a picture among it if it comes next, and the rest."""
    first = 0
    if blocks and isinstance(blocks[0], Summary):
        first = 2 if len(blocks) > 1 and isinstance(blocks[1], Picture) else 1
    parts = [_part(block, f"s{number}" if number else "") for number, block in enumerate(blocks)]
    return {"opening": parts[:first], "parts": parts[first:]}


def _part(block: Block, id: str = "") -> dict[str, Any]:
    return {"html": _safe(render_block(block, id))}


def _page(
    chapter: str,
    lang: str,
    languages: Sequence[str],
    title: str,
    body: Mapping[str, Sequence[Mapping[str, Any]]],
    around: Around | None = None,
    *,
    alone: bool = False,
) -> str:
    text, around = Catalogue(lang).text, around or Around()
    onward = [] if alone else _onward(around, lang)
    others = [
        {"href": f"../{other}/{chapter}.html", "text": text("page.other_language"), "lang": other, "rel": ""}
        for other in languages
        if other != lang
    ]
    html = (
        environment()
        .get_template("page.html")
        .render(
            lang=lang,
            title=title,
            name=chapter,
            subject=text("page.subject"),
            css=css(),
            links=[*onward, *others],
            onward=onward,
            onward_label=text("page.onward"),
            **body,
            version=__version__,
        )
    )
    return str(html)


def _onward(around: Around, lang: str) -> list[dict[str, str]]:
    """Links to the summary, and to the chapters before and after."""
    text = Catalogue(lang).text
    links = [{"href": around.summary, "text": text("page.back"), "rel": ""}]
    for name, rel, sign in ((around.before, "prev", "← {}"), (around.after, "next", "{} →")):
        if name:
            number = shown_number(name)
            told = text("page.chapter", number=number) if number else text("page.chapter.data")
            links.append({"href": f"{name}.html", "text": sign.format(told), "rel": rel})
    return links


def css() -> Any:
    """Typeface and rules of a page."""
    return _safe(_fonts() + _rules())


@cache
def _rules() -> str:
    return files("kbind.report").joinpath("templates", "page.css").read_text(encoding="utf-8")


@cache
def _fonts() -> str:
    """The typeface, regular and bold, as a page holds it."""
    faces = []
    for name, weight in (("Regular", "400"), ("Bold", "600 700")):
        data = files("kbind.plot").joinpath("fonts", f"KbindSans-{name}.woff2").read_bytes()
        source = f'url(data:font/woff2;base64,{base64.b64encode(data).decode()}) format("woff2")'
        faces.append(f'@font-face {{ font-family: "Kbind Sans"; font-weight: {weight}; src: {source}; }}\n')
    return "".join(faces)


def _safe(html: str) -> Any:
    """Text that our own templates made: not escaped again."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 - made by our own templates, which escape every value
