"""A chapter told in a language: its blocks in order, and the facts that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from babel.dates import format_interval, get_timezone_location

from kbind.report.blocks import Block, Foot, Summary
from kbind.report.chapters.base import Chapter, Story
from kbind.report.chapters.quality import cautions
from kbind.report.contents import number_of, shown_number
from kbind.report.record import record_of
from kbind.text.marks import Scribe, writing
from kbind.text.names import named


@dataclass(frozen=True)
class Telling:
    """One chapter in one language.

    Attributes
    ----------
    chapter, lang : str
        Name of the chapter, and the language.
    blocks : sequence of Block
        First the summary, last the foot.
    facts : sequence of dict
        For JSON; each with the number of the block that tells it first.
    record : dict
        For the summary of all chapters; see `record_of`.
    scribe : Scribe
        What the numbers are that stand between marks in the blocks.
    exact : sequence of dict
        The facts with nothing kept back, for those inside the company.
    """

    chapter: str
    lang: str
    blocks: Sequence[Block]
    facts: Sequence[dict[str, Any]]
    record: dict[str, Any]
    scribe: Scribe
    exact: Sequence[dict[str, Any]]


def tell(chapter: Chapter, lang: str) -> Telling:
    """Write a chapter down in a language, its numbers between marks."""
    with writing() as scribe:
        return _told(chapter, lang, scribe)


def _told(chapter: Chapter, lang: str, scribe: Scribe) -> Telling:
    blocks: list[Block] = []
    facts: list[dict[str, Any]] = []
    story = chapter.story(lang)
    frame = _PageFrame(chapter, story)

    def note() -> None:
        facts.extend({**fact.as_dict(), "block": len(blocks)} for fact in list(story.voice.told.values())[len(facts) :])

    for block in frame.blocks():
        note()
        blocks.append(block)
    opening = blocks[0]
    assert isinstance(opening, Summary)
    record = record_of(story, chapter.data, frame.title, opening, number_of(chapter.name))
    note()
    exact = [fact.as_dict() for fact in story.voice.exact.values()]
    return Telling(chapter.name, lang, blocks, facts, record, scribe, exact)


class _PageFrame:
    """What frames every chapter: its opening, what is to be settled about its data, and its foot."""

    def __init__(self, chapter: Chapter, story: Story) -> None:
        self.chapter, self.data, self.story, self.voice = chapter, chapter.data, story, story.voice
        self.number = shown_number(chapter.name)
        self.scope = story.scope()

    def blocks(self) -> Iterator[Block]:
        """The whole page, in order."""
        yield self.summary()
        yield from self.story.body()
        yield from cautions(self.chapter.study, number_of(self.chapter.name), self.voice)
        yield self.foot()

    def summary(self) -> Summary:
        """Question, answer, what it means, what to do, how sure, and three figures."""
        text, story, number = self.voice.catalogue.text, self.story, self.number
        made = text("page.made") if self.data.card.key else ""
        name = f"{self.title} ({made})" if made else self.title
        about = ", ".join(part for part in (name, self._size(), self._span()) if part)
        last = self.scope.last
        return Summary(
            kicker=text("page.kicker" if number else "page.kicker.data", number=number, about=self.title),
            about=about,
            question=story.question(),
            label=text("page.glance"),
            finding=story.finding(),
            rows=[
                (text("page.means"), story.means()),
                (text("page.act"), story.act()),
                (text("page.certainty"), story.certainty()),
            ],
            tiles=story.tiles(),
            tiles_label=text("page.figures"),
            made=text("page.made.apart") if self.data.card.apart else made,
            day="" if last is None else text("page.day", day=self.voice.day(last)),
        )

    def foot(self) -> Foot:
        """Definitions, what intervals and money of a year mean, data, calendar, threshold."""
        text, data, scope = self.voice.catalogue.text, self.data, self.scope
        held = data.tables[scope.log].rows
        rows = self.voice.number(held) if scope.log == "periods" else self.voice.count(held)
        lines = [*self.story.definitions()]
        lines += self._explained(lines)
        kinds = {"events": "buy" if data.has("events.amount") else "use", "subscriptions": "stay", "periods": "counts"}
        kind = kinds.get(scope.log, "snapshot")
        if scope.log == "subscriptions":
            days = self.voice.number(data.grace)
            lines.append(text(f"foot.grace.{self.voice.customer}", data.grace, n=days))
        lines.append(text(f"foot.data.{kind}", title=self.title, rows=rows, n=self._size(), span=self._span_told()))
        if data.card.key:
            lines.append(text(f"data.{data.card.key}.about"))
        if scope.last is not None:
            lines.append(text("foot.as_of", day=self.voice.day(scope.last)))
            lines.append(self._zone())
        if scope.running:
            lines.append(text("foot.running", name=scope.running))
        lines.append(self.voice.say("foot.threshold" if self.voice.disclosure.threshold > 1 else "foot.exact"))
        return Foot(text("page.foot"), lines)

    @property
    def title(self) -> str:
        """What the data set is called."""
        key = self.data.card.key
        return self.voice.catalogue.text(f"data.{key}.name") if key else named(self.data.name)

    def _size(self) -> str:
        return self.voice.customers(self.scope.customers)

    def _span(self) -> str:
        """From the first to the last day with data, as one range."""
        first, last = self.scope.first, self.scope.last
        if first is None or last is None:
            return ""
        skeleton = "yMMMM" if self.scope.by_month else "yMMMd"
        return str(format_interval(first, last, skeleton=skeleton, locale=self.voice.lang))

    def _span_told(self) -> str:
        """The same at the end of a sentence; empty without days."""
        return f", {self._span()}" if self._span() else ""

    def _explained(self, definitions: Sequence[str]) -> list[str]:
        """What the page says often, explained once: not where the chapter has done so already."""
        text, told = self.voice.catalogue.text, self.voice.told.values()
        spread = any(fact.ci_lower < fact.ci_upper for fact in told)
        yearly = self.data.has("subscriptions.mrr") and any(fact.unit == "money" for fact in told)
        yearly = yearly and not any(line.startswith(text("foot.year.term")) for line in definitions)
        return [text("foot.interval")] * spread + [text("foot.year")] * yearly

    def _zone(self) -> str:
        """By which clock days begin."""
        text, zone = self.voice.catalogue.text, str(self.data.timezone or "")
        if not zone:
            return text("foot.zone_unknown")
        if zone == "Europe/Berlin":
            return text("foot.zone_berlin")
        place = get_timezone_location(zone, locale=self.voice.lang, return_city=True) if "/" in zone else zone
        return text("foot.zone", zone=place)
