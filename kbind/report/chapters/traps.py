"""What became of every edit of a persona that was tried, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kbind.facts.rules import RuleWords, slug
from kbind.personas.persona import Persona
from kbind.personas.refinement.edits import CONFIRMED, JudgedEdit
from kbind.personas.refinement.refinement import ACCEPT, Refinement
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import Voice


@dataclass(frozen=True, eq=False)
class TrapsStory(Speaker):
    """Sentences about edits, and the traps that some of them lead into.

    Parameters
    ----------
    personas : sequence of Persona
        In the order of the page.
    refinements : mapping of str to Refinement
        By persona; some may have none.
    chosen : Refinement or None
        Of the persona that is to be changed.
    words : RuleWords
        What readers call attributes and rules.
    voice : Voice
        Who speaks.
    """

    personas: Sequence[Persona]
    refinements: Mapping[str, Refinement]
    chosen: Refinement | None
    words: RuleWords
    voice: Voice = field(repr=False)

    def table(self) -> Table:
        """Every edit that was found, and what became of it; the traps are named where they bite."""
        judged = {p.name: self.refinements[p.name] for p in self.personas if p.name in self.refinements}
        rows = [
            (named(name), self.words.edit(row.edit), self.gained(refinement, row), self._became(row, refinement))
            for name, refinement in judged.items()
            for row in refinement.edits
        ]
        return self.table_of("personas.traps.{}", ("persona", "edit", "gain", "became"), rows, words=(1, 3))

    def gained(self, found: Refinement, row: JudgedEdit) -> str:
        """Points of retention that an edit was found to bring."""
        return self.words.points(row.weighed.gain, *self._sizes(found, row))

    def _sizes(self, found: Refinement, row: JudgedEdit) -> tuple[int, int]:
        """Customers of the second part who fit before and after an edit."""
        return round(row.coverage_before * found.sizes[1]), round(row.coverage * found.sizes[1])

    def _became(self, row: JudgedEdit, found: Refinement) -> str:
        sizes, weighed = self._sizes(found, row), row.weighed
        last = "_before" if row.finding == CONFIRMED and found.verdict != ACCEPT else ""
        return self.say(
            f"personas.became.{slug(row.finding)}{last}",
            shared=self._identity(found, row),
            money=self.words.money(weighed.retained_revenue_difference, min(sizes)),
            adjusted=self.words.points(weighed.gain_adjusted, *sizes),
            same=self.words.points(weighed.gain_same_bond, *sizes),
            early=self.words.points(weighed.first_year_difference, *sizes),
            held=self.words.attributes(found.adjust),
        )

    def _identity(self, found: Refinement, row: JudgedEdit) -> str:
        """Of those who fit the old version or the one after an edit, the share who fit both; nothing of too few."""
        old, new = found.edits[0].coverage_before, row.coverage  # the first edit is one of the old version
        both = round((old + new) * found.sizes[1] * row.identity / (1 + row.identity))
        return self.voice.under_threshold() if self.hides(both) else self.voice.percent(row.identity)

    def text(self) -> list[str]:
        """What was looked out for, and what rules on the bond itself would have won."""
        texts = [self.say("personas.traps.text")]
        bonds = [found.with_bond for found in self.refinements.values() if found.with_bond is not None]
        if bonds:
            columns = ", ".join(dict.fromkeys(self.words.attribute(name) for bond in bonds for name in bond.columns))
            texts.append(self.say("personas.traps.bond", columns=columns))
        own = None if self.chosen is None else self.chosen.with_bond
        if own is not None and own.edits and not np.isnan(own.gain_without.value):
            gains = {"gain": self.words.points(own.gain), "without": self.words.points(own.gain_without)}
            texts.append(self.say("personas.traps.bond_gain", **gains))
        return texts

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it."""
        traps = self.table()
        yield Section(traps.title, self.text(), traps if traps.rows else None)
