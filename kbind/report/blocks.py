"""The few kinds of block a page is made of. Only text goes in, so nothing in the data can become markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kbind.text.marks import plain
from kbind.text.tables import Table

#: Pixels of the page on a phone, of a sign in a table there, and between two columns.
_PHONE, _SIGN, _BETWEEN = 350, 7, 10


@dataclass(frozen=True)
class Summary:
    """What opens a chapter: the question, the answer, and the figures that matter.

    Parameters
    ----------
    kicker : str
        Whom and what the page is about: "Kapitel 2 · Feinkost Müller".
    about : str
        The data in a line, for lists of pages.
    question, label, finding : str
        What is asked, what the answer's box is called, and the answer.
    rows : sequence of (str, str)
        What it means, what to do, how sure: label and text.
    tiles : sequence of (str, str, str)
        At most three figures: value, what it is, note.
    tiles_label : str
        What they are called for those who do not see them.
    made : str
        That the data is made up, where it is.
    day : str
        Up to when the data goes.
    """

    kind: ClassVar[str] = "summary"
    kicker: str
    about: str
    question: str
    label: str
    finding: str
    rows: Sequence[tuple[str, str]]
    tiles: Sequence[tuple[str, str, str]]
    tiles_label: str
    made: str = ""
    day: str = ""

    def plain(self) -> str:
        """The same as text."""
        lines = [self.question, "", self.finding, *(f"{label}: {text}" for label, text in self.rows)]
        return "\n".join([*lines, *(f"{value} {label} ({note})" for value, label, note in self.tiles)])


@dataclass(frozen=True)
class Picture:
    """A figure under its finding: drawn for a page and for a phone as SVG, and what it shows in words."""

    kind: ClassVar[str] = "picture"
    heading: str
    alt: str
    caption: str
    drawings: Sequence[Markup]

    def plain(self) -> str:
        """Heading, text alternative and caption."""
        return f"{self.heading}\n[Figure: {self.alt}]\n{self.caption}"


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs and perhaps a table; folded, a reader opens it with a click (on paper it is open)."""

    kind: ClassVar[str] = "section"
    heading: str
    paragraphs: Sequence[str]
    table: Table | None = None
    folded: bool = False

    @classmethod
    def of(cls, table: Table, *, folded: bool = False) -> Section:
        """A table under its own title."""
        return cls(table.title, (), table, folded)

    def plain(self) -> str:
        """The same as text."""
        rows = [] if self.table is None else [self.table.head, *self.table.rows]
        return "\n".join([self.heading, *self.paragraphs, *(" | ".join(row) for row in rows)])


@dataclass(frozen=True)
class Foot:
    """How it was computed, in plain words."""

    kind: ClassVar[str] = "foot"
    heading: str
    paragraphs: Sequence[str]

    def plain(self) -> str:
        """The same as text."""
        return "\n".join([self.heading, *self.paragraphs])


@dataclass(frozen=True)
class Cards:
    """A heading with paragraphs and cards: a title each, and rows of label and text."""

    kind: ClassVar[str] = "cards"
    heading: str
    paragraphs: Sequence[str]
    cards: Sequence[tuple[str, Sequence[tuple[str, str]]]]

    def plain(self) -> str:
        """The same as text."""
        lines = [self.heading, *self.paragraphs]
        for title, rows in self.cards:
            lines += ["", title, *(f"{label}: {text}" for label, text in rows)]
        return "\n".join(lines)


Block = Summary | Picture | Section | Cards | Foot


def render_block(block: Block, id: str = "") -> str:
    """HTML of one block, every value escaped; `id` is what links lead to."""
    return environment().get_template("blocks.html").render(block=block, id=id).strip()


def phone_form(table: Table) -> str:
    """How a table gets onto a phone: as it is (""), with cells in lines ("wrap"), rows below each other ("stack")."""
    words, cells = [], []
    for column, name in enumerate(table.head):
        name, texts = plain(name), [plain(row[column]) for row in table.rows]
        words.append(max(len(word) for text in (name, *texts) for word in f"{text} ".split(" ")))
        whole = [] if column == 0 or column in table.words else texts
        cells.append(max([words[-1], *map(len, whole)]))
    if len(set(table.words) - {0}) > 1 or not _fits(words):
        return "stack"
    return "" if _fits(cells) else "wrap"


def _fits(columns: Sequence[int]) -> bool:
    """Whether columns of so many signs stand side by side on a phone."""
    return sum(columns) * _SIGN + len(columns) * _BETWEEN <= _PHONE


@cache
def environment() -> Environment:
    """The templates; a name that is not given is an error, every value is escaped."""
    loader = PackageLoader("kbind.report", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["phone"] = phone_form
    return made
