"""Which attributes go with leaving, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kbind.facts.contrasts import ContrastFacts
from kbind.facts.names import Names
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker
from kbind.text.facts import Fact
from kbind.text.tables import Table
from kbind.text.voice import Voice

#: Reversals that are named.
REVERSALS = 5
#: What becomes of a difference, as `Contrasts.reversals` says it.
_CHANGES = {"the other way round": "reversed", "clear only after adjusting": "appears"}


@dataclass(frozen=True, eq=False)
class ComparedStory(Speaker):
    """Sentences about churned against retained customers, as shares who left.

    Parameters
    ----------
    facts : ContrastFacts
    names : Names
        What readers call things.
    voice : Voice
        Who speaks.
    """

    facts: ContrastFacts
    names: Names
    voice: Voice = field(repr=False)

    def title(self) -> str:
        """Finding of the contrasts."""
        facts = self.facts
        if not len(facts.findings):
            return self.say("segments.contrast.none")
        if not len(facts.striking):
            return self.say("segments.contrast.small")
        if facts.headline is None:
            return self.say("segments.contrast.first", pair=self.names.pair(*facts.level(facts.first)))
        here, rest = facts.left_of(facts.headline)
        those = self.names.those(*facts.level(facts.headline))
        return self.say("segments.contrast.shares", those=those, here=here, rest=rest)

    def figure(self) -> dict[str, Any]:
        """What the page adds to the figure."""
        shown = [fact for place in self.facts.places for fact in self.facts.left_of(place)]
        return self.drawn(self.title, shown, names=self.names)

    def caption(self) -> str:
        """How to read the contrasts, and once what is left among customers who are alike."""
        return " ".join(
            filter(None, [self.say("segments.contrast.caption"), self._alike(), self.say("segments.contrast.cause")])
        )

    def _alike(self) -> str:
        place = self.facts.headline
        if place is None or not self.facts.adjusted:
            return ""
        here, alike = self.facts.left_of(place)[0], self.facts.alike(place)
        if not self.told(here, alike):
            return ""
        return self.say(
            "segments.contrast.alike", those=self.names.those(*self.facts.level(place)), here=here, alike=alike
        )

    def table(self) -> Table:
        """The contrasts as a table: shares who left, and that of others who are alike, with its range."""
        rows, facts = [], self.facts
        for place in facts.places:
            shares, alike = map(self.tell, facts.left_of(place)), facts.alike(place)
            more = (self.tell(alike), self.tell(alike, "range")) if facts.adjusted else ()
            rows.append([self.names.pair(*facts.level(place)), *shares, *more])
        extra = ("alike", "range") if facts.adjusted else ()
        return self.table_of("segments.table.{}", ("attribute", "here", "rest", *extra), rows)

    def reversal_title(self) -> str:
        """Finding of the second look."""
        return self.say("segments.reversal.title")

    def reversal_text(self) -> list[str]:
        """What looks different once customers are compared who are alike otherwise, one sentence a kind of change."""
        facts, alike = self.facts, dict[tuple[str, str, str], list[str]]()
        for change, place in facts.reversals[["change", "place"]].head(REVERSALS).itertuples(index=False):
            raw, adjusted, (here, rest) = facts.raw(place), facts.effect(place), facts.left_of(place)
            if self.told(raw, adjusted, here, rest, facts.alike(place)):
                kind = _CHANGES.get(str(change), "gone")
                # what is not clear has no direction
                first = "" if kind == "appears" else self.say(_direction(raw))
                second = "" if kind == "gone" else self.say(_direction(adjusted))
                words = {"pair": self.names.pair(*facts.level(place)), "here": here}
                item = self.say("segments.reversal.item", rest=rest, alike=facts.alike(place), **words)
                alike.setdefault((kind, first, second), []).append(item)
        lines = [
            self.say(f"segments.reversal.{kind}", first=first, second=second, items="; ".join(items))
            for (kind, first, second), items in alike.items()
        ]
        return [*lines, self.say("segments.reversal.why")] if lines else []

    def details(self) -> Iterator[Block]:
        """What stands behind the picture, folded."""
        texts = self.reversal_text()
        if texts:
            yield Section(self.reversal_title(), texts, folded=True)
        if self.facts.places:
            yield Section.of(self.table(), folded=True)


def _direction(ratio: Fact) -> str:
    return "segments.more" if ratio.value > 1 else "segments.less"
