"""What became of every edit of a persona that was tried, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kbind.facts.personas import persona_name
from kbind.facts.rules import RuleWords, slug
from kbind.personas.persona import Persona
from kbind.personas.refinement.edits import (
    CONFIRMED,
    CONFOUNDED,
    LOCK_IN,
    LOSES_REVENUE,
    OTHER_PERSONA,
    SURVIVORS,
    JudgedEdit,
)
from kbind.personas.refinement.refinement import ACCEPT, Refinement
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker
from kbind.text.facts import Fact
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
            (
                persona_name(refinement.persona, self.voice),
                self.words.edit(row.edit),
                self.gained(refinement, row),
                self._became(row, refinement),
            )
            for refinement in judged.values()
            for row in refinement.edits
        ]
        return self.table_of("personas.traps.{}", ("persona", "edit", "gain", "became"), rows, words=(1, 3))

    def gained(self, found: Refinement, row: JudgedEdit) -> str:
        """Points of retention that an edit was found to bring."""
        return self.words.points(_name(found, row, "gain"), row.weighed.gain, *self._sizes(found, row))

    def alike(self, found: Refinement, row: JudgedEdit) -> str:
        """The same among customers who are alike, where they can be compared."""
        if np.isnan(row.weighed.gain_adjusted.value):
            return self.gained(found, row)
        return self.words.points(_name(found, row, "alike"), row.weighed.gain_adjusted, *self._sizes(found, row))

    def _sizes(self, found: Refinement, row: JudgedEdit) -> tuple[int, int]:
        """Customers of the second part who fit before and after an edit."""
        return round(row.coverage_before * found.sizes[1]), round(row.coverage * found.sizes[1])

    def _became(self, row: JudgedEdit, found: Refinement) -> str:
        sizes, weighed = self._sizes(found, row), row.weighed
        last = "_before" if row.finding == CONFIRMED and found.verdict != ACCEPT else ""
        key, figures = f"personas.became.{slug(row.finding)}{last}", dict[str, str]()
        if row.finding == OTHER_PERSONA:
            figures["shared"] = self._identity(found, row)
        if row.finding == LOSES_REVENUE:
            money = weighed.retained_revenue_difference
            figures["money"] = self.words.money(_name(found, row, "money"), money, *sizes)
        for name, finding, points in (
            ("adjusted", CONFOUNDED, weighed.gain_adjusted),
            ("same", LOCK_IN, weighed.gain_same_bond),
            ("early", SURVIVORS, weighed.first_year_difference),
        ):
            if row.finding == finding:
                figures[name] = self.words.points(_name(found, row, name), points, *sizes)
        return self.say(key, held=self.words.attributes(found.adjust), **figures)

    def _identity(self, found: Refinement, row: JudgedEdit) -> str:
        """Of those who fit the old version or the one after an edit, the share who fit both; nothing of too few."""
        old, new = found.edits[0].coverage_before, row.coverage  # the first edit is one of the old version
        either = round((old + new) * found.sizes[1] / (1 + row.identity))
        both = round(either * row.identity)
        meaning = "customers who fit both versions, divided by those who fit either"
        name, share = f"personas.{_name(found, row, 'both')}", both / either if either else float("nan")
        return self.tell(Fact(name, share, "share", meaning, n=either, count=both), "whole")

    def text(self) -> list[str]:
        """What was looked out for, and what rules on the bond itself would have won."""
        texts = [self.say("personas.traps.text")]
        bonds = [found.with_bond for found in self.refinements.values() if found.with_bond is not None]
        if bonds:
            columns = ", ".join(dict.fromkeys(self.words.attribute(name) for bond in bonds for name in bond.columns))
            texts.append(self.say("personas.traps.bond", columns=columns))
        own = None if self.chosen is None else self.chosen.with_bond
        if own is not None and own.edits and not np.isnan(own.gain_without.value):
            gains = {"gain": self.words.points("bond.gain", own.gain)}
            gains["without"] = self.words.points("bond.without", own.gain_without)
            texts.append(self.say("personas.traps.bond_gain", **gains))
        return texts

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it."""
        traps = self.table()
        yield Section(traps.title, self.text(), traps if traps.rows else None, folded=True)


def _name(found: Refinement, row: JudgedEdit, figure: str) -> str:
    """Of a fact on an edit: which one of which persona."""
    return f"edit.{found.persona.name}.{found.edits.index(row) + 1}.{figure}"
