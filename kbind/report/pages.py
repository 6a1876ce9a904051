"""Pages from executed notebooks: pick the blocks, refuse what is not fit, write HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from nbformat import NotebookNode

from kbind._version import __version__
from kbind.errors import ReportError
from kbind.report.blocks import environment, render_block
from kbind.text.messages import Catalogue

_NAMES = {"de": "Deutsch", "en": "English"}


@dataclass(frozen=True)
class Page:
    """One chapter in one language.

    Parameters
    ----------
    chapter : str
        Name of the notebook, without its ending.
    lang : str
        Language.
    html : str
        The page.
    record : dict
        Facts and what the index needs, for JSON.
    """

    chapter: str
    lang: str
    html: str
    record: Mapping[str, Any]


def harvest(notebook: NotebookNode, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Blocks and facts that a notebook emitted for managers.

    Raises
    ------
    ReportError
        A cell was not executed or failed, a figure has no text alternative, or there is no summary.
    """
    blocks: list[dict[str, Any]] = []
    facts: list[dict[str, Any]] = []
    for cell in notebook.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            raise ReportError(f"{name}: cell {cell.id} was never executed")
        for output in cell.outputs:
            if output.output_type == "error":
                raise ReportError(f"{name}: cell {cell.id} failed: {output.ename}")
            emitted = output.get("metadata", {}).get("kbind")
            if emitted is None:
                continue
            block = dict(emitted["block"])
            if block["kind"] == "picture":
                if not block["alt"].strip():
                    raise ReportError(f"{name}: a figure in cell {cell.id} has no text alternative")
                block["image"] = output.data["image/png"].replace("\n", "")
            blocks.append(block)
            facts += [{**fact, "cell": cell.id} for fact in emitted["facts"]]
    if not blocks or blocks[0]["kind"] != "summary" or sum(b["kind"] == "summary" for b in blocks) != 1:
        raise ReportError(f"{name}: a page opens with its summary, and has one only")
    return blocks, facts


def chapter_page(notebook: NotebookNode, chapter: str, lang: str, languages: Sequence[str]) -> Page:
    """The page of one executed chapter."""
    blocks, facts = harvest(notebook, chapter)
    summary = blocks[0]
    contents = []
    for number, block in enumerate(blocks[1:], start=1):
        block["id"] = f"s{number}"
        contents.append({"id": block["id"], "heading": block["heading"]})
    parts = [
        {"html": _safe(render_block({k: v for k, v in b.items() if k != "image"}, b.get("image")))} for b in blocks
    ]
    record = {
        "chapter": chapter,
        "language": lang,
        "question": summary["question"],
        "finding": summary["finding"],
        "data": summary["about"],
        "facts": facts,
    }
    return Page(chapter, lang, _page(chapter, lang, languages, summary["question"], parts, contents), record)


def block_page(blocks: Sequence[Mapping[str, Any]], lang: str, title: str) -> str:
    """A page of its own, without links to others."""
    parts = [{"html": _safe(render_block(dict(block)))} for block in blocks]
    return _page("", lang, (), title, parts, (), alone=True)


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
    block = {"kind": "section", "heading": finding, "paragraphs": [catalogue.text("missing.what")], "table": None}
    heading = environment().from_string("<h1>{{ title }}</h1>").render(title=title)
    parts = [{"html": _safe(heading)}, {"html": _safe(render_block(block))}]
    record = {"chapter": chapter, "language": lang, "question": title, "finding": finding, "data": "", "facts": []}
    return Page(chapter, lang, _page(chapter, lang, languages, title, parts, []), record)


def index_page(records: Sequence[Mapping[str, Any]]) -> str:
    """The page that lists all chapters, by language."""
    languages = []
    for lang in sorted({record["language"] for record in records}):
        mine = sorted((r for r in records if r["language"] == lang), key=lambda r: str(r["chapter"]))
        chapters = [
            {
                "href": f"{lang}/{record['chapter']}.html",
                "number": str(record["chapter"]).split("_")[0].lstrip("0"),
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
