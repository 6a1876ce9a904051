"""The summary of all chapters on one sheet, from what the chapters recorded and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib.pyplot as plt

from kbind._version import __version__
from kbind.plot.base import Canvas, finish, house_style, is_narrow
from kbind.plot.revenue import waterfall
from kbind.report.blocks import Picture, environment
from kbind.report.contents import NAMES, number_of
from kbind.report.pages import css
from kbind.report.pictures import picture_of
from kbind.report.record import recorded_voice
from kbind.text.facts import Fact
from kbind.text.marks import plain, shown
from kbind.text.messages import LANGUAGES, Catalogue

#: Rows of the table, and measures below it, at most.
ROWS, STEPS = 6, 3
#: Chapters whose opening the summary takes, the first that has one.
_LEADS = ("01b", "01", "01c", "02", "01d")
#: Width and height of the picture in inches, and its height on a phone.
_SIZE, _HEIGHT = (9.6, 1.6), 2.6

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A row of the table: a chapter's answer, what is at stake in money and its range, how sure, and what to do."""

    chapter: str
    question: str
    answer: str
    stake: str
    limits: str
    sure: str
    step: str
    owner: str


@dataclass(frozen=True)
class Sheet:
    """What stands on the summary in a language.

    Attributes
    ----------
    lang, firm, made, day : str
        Language; whom it is about; that the data is made up, if so; up to when the data goes.
    sentence, under : str
        The finding, and a smaller sentence.
    tiles : sequence of (str, str, str)
    picture : Picture or None
    rows : sequence of Row
        The most money first, what is not measured last.
    measures, unknown : sequence of str
        What to try, and what nobody knows.
    changes : sequence of str
        What is different from an earlier report.
    chapters : sequence of (str, str, str)
        File, name, and what is wrong with it, of every chapter.
    """

    lang: str
    firm: str
    made: str
    day: str
    sentence: str
    under: str
    tiles: Sequence[Sequence[str]]
    picture: Picture | None
    rows: Sequence[Row]
    measures: Sequence[tuple[str, str]]
    unknown: Sequence[str]
    changes: Sequence[str]
    chapters: Sequence[tuple[str, str, str]]


def sheet_of(records: Sequence[Record], lang: str, changes: Sequence[str] = ()) -> Sheet:
    """The summary of the chapters that were recorded in a language, about the company of the opening alone."""
    ordered = sorted(records, key=lambda record: NAMES.index(record["chapter"]) if record["chapter"] in NAMES else 99)
    opening = opening_of(ordered)
    told = [r for r in ordered if r.get("state", "told") == "told"]
    main: Record = opening or next((r for r in told if r.get("line")), (told or ordered)[0])
    mine = [r for r in told if r.get("firm") == main.get("firm")]
    lead = main.get("lead") or {}
    lines = sorted((r for r in mine if r.get("line")), key=lambda r: -(r["line"]["worth"] or 0))
    unknown = [lead.get("unknown", ""), *(r["line"]["unknown"] for r in lines)]
    sentence = lead.get("sentence") or (lines[0]["line"]["answer"] if lines else main["finding"])
    return Sheet(
        lang,
        main.get("firm", ""),
        main.get("made", ""),
        main.get("day", ""),
        sentence,
        lead.get("under", ""),
        lead.get("tiles", ()),
        _picture(main) if lead.get("steps") else None,
        [_row(record, lang) for record in lines[:ROWS]],
        [(r["line"]["question"], r["line"]["measure"]) for r in lines if r["line"]["measure"]][:STEPS],
        list({plain(said): said for said in unknown if said}.values())[:STEPS],
        changes,
        [_chapter(record, main, lang) for record in ordered],
    )


def opening_of(records: Sequence[Record]) -> Record | None:
    """The record of the chapter that opens the summary."""
    by_number = {number_of(r["chapter"]): r for r in records if r.get("lead")}
    return next((by_number[number] for number in _LEADS if number in by_number), None)


def summary_page(sheet: Sheet, languages: Sequence[str]) -> str:
    """The summary as HTML."""
    text = Catalogue(sheet.lang).text
    others = [(f"../{lang}/index.html", lang) for lang in languages if lang != sheet.lang]
    heads = {name: text(f"index.table.{name}") for name in ("question", "answer", "stake", "sure", "step")}
    template = environment().get_template("summary.html")
    html = template.render(sheet=sheet, heads=heads, others=others, text=text, css=css(), version=__version__)
    return str(html)


def language_page(sheets: Sequence[Sheet]) -> str:
    """The page that lets a reader choose the language."""
    said = [(sheet.lang, Catalogue(sheet.lang).text("index.choice"), sheet.sentence) for sheet in sheets]
    first = sheets[0]
    template = environment().get_template("index.html")
    html = template.render(lang=first.lang, firm=first.firm, made=first.made, said=said, css=css(), version=__version__)
    return str(html)


def _row(record: Record, lang: str) -> Row:
    line = record["line"]
    stake = line["stake"] or Catalogue(lang).text("index.unmeasured")
    told = {key: line[key] for key in ("question", "answer", "sure", "step")}
    about = {"stake": stake, "limits": line.get("stake_range", ""), "owner": record.get("owner", "")}
    return Row(chapter=f"{record['chapter']}.html", **about, **told)


def _chapter(record: Record, main: Record, lang: str) -> tuple[str, str, str]:
    """File, name, and what a reader must know before opening it."""
    catalogue, name = Catalogue(lang), str(record["chapter"])
    key = f"index.chapter.{number_of(name)}"
    state = record.get("state", "told")
    if state == "told" and record.get("firm") != main.get("firm"):
        state = "other"
    note = "" if state == "told" else catalogue.text(f"index.state.{state}")
    return f"{name}.html", catalogue.text(key) if catalogue.has(key) else str(record["question"]), note


def fact_of(record: Record, name: str) -> Fact:
    """A recorded fact by its id."""
    return Fact.from_dict(next(fact for fact in record["facts"] if fact["id"] == name))


def _picture(record: Record) -> Picture:
    """The steps from the revenue at the start to that at the end, drawn from facts."""
    lead, lang = record["lead"], record["language"]
    assert lang in LANGUAGES
    prefix = number_of(record["chapter"])
    facts = [(name, fact_of(record, fact)) for name, fact in lead["steps"]]
    steps = [(shown(name), replace(fact, id=f"{prefix}/{fact.id}")) for name, fact in facts]
    voice = recorded_voice(record, lang)

    def draw() -> Any:
        with house_style():
            wide = None if is_narrow() else plt.figure(figsize=_SIZE, layout="constrained").add_subplot()
            axes = Canvas(wide, lang, None, voice).axes(_HEIGHT)
            return finish(axes, lead["heading"], waterfall(axes, steps, voice=voice))

    return picture_of(draw, "")
