"""A chapter told in a language: its blocks in order, and the facts that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from babel.dates import format_interval, get_timezone_location

from kbind.dataset.dataset import Dataset
from kbind.report.blocks import Block, Foot, Summary
from kbind.report.chapters.base import Chapter, Lead, Line, Story
from kbind.report.contents import shown_number
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
    line, lead : Line or None, Lead or None
        For the summary of all chapters.
    """

    chapter: str
    lang: str
    blocks: Sequence[Block]
    facts: Sequence[dict[str, Any]]
    line: Line | None = None
    lead: Lead | None = None


def tell(chapter: Chapter, lang: str) -> Telling:
    """Write a chapter down in a language."""
    blocks: list[Block] = []
    facts: list[dict[str, Any]] = []
    story = chapter.story(lang)
    frame = _PageFrame(chapter.data, story, shown_number(chapter.name))

    def note() -> None:
        facts.extend({**fact.as_dict(), "block": len(blocks)} for fact in list(story.voice.told.values())[len(facts) :])

    for block in frame.blocks():
        note()
        blocks.append(block)
    line, lead = story.line(), story.lead()
    note()
    return Telling(chapter.name, lang, blocks, facts, line, lead)


class _PageFrame:
    """What frames every chapter: its opening and its foot."""

    def __init__(self, data: Dataset, story: Story, number: str) -> None:
        self.data, self.story, self.voice, self.number = data, story, story.voice, number
        self.scope = story.scope()

    def blocks(self) -> Iterator[Block]:
        """The whole page, in order."""
        yield self.summary()
        yield from self.story.body()
        yield self.foot()

    def summary(self) -> Summary:
        """Question, answer, what it means, what to do, how sure, and three figures."""
        text, story, number = self.voice.catalogue.text, self.story, self.number
        about = ", ".join(part for part in (self.title, self._size(), self._span()) if part)
        return Summary(
            kicker=text("page.kicker" if number else "page.kicker.data", number=number, about=about),
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
        )

    def foot(self) -> Foot:
        """Definitions, data, calendar, threshold."""
        text, data, scope = self.voice.catalogue.text, self.data, self.scope
        rows = self.voice.number(data.tables[scope.log].rows)
        lines = [*self.story.definitions()]
        kinds = {"events": "buy" if data.has("events.amount") else "use", "subscriptions": "stay", "periods": "counts"}
        kind = kinds.get(scope.log, "snapshot")
        if scope.log == "subscriptions":
            days = self.voice.number(data.grace)
            lines.append(text(f"foot.grace.{self.voice.customer}", data.grace, n=days))
        lines.append(text(f"foot.data.{kind}", title=named(data.card.title), rows=rows, n=self._size()))
        if data.card.key:
            lines.append(text(f"data.{data.card.key}.about"))
        if scope.last is not None:
            lines.append(text("foot.as_of", day=self.voice.day(scope.last)))
            lines.append(text("foot.zone", zone=self._zone()) if data.timezone else text("foot.zone_unknown"))
        if scope.running:
            lines.append(text("foot.running", name=scope.running))
        lines.append(self.voice.say("foot.threshold"))
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

    def _zone(self) -> str:
        zone = str(self.data.timezone)
        return get_timezone_location(zone, locale=self.voice.lang, return_city=True) if "/" in zone else zone
