"""What changing a persona brings and costs, in the words of a manager: like with like first, at first sight last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.facts.personas import ChangeFacts, held, persona_name, pick, with_range
from kbind.facts.rules import RuleWords
from kbind.personas.parts import Rule
from kbind.personas.refinement.edits import CONFIRMED
from kbind.personas.refinement.measure import Edit
from kbind.personas.refinement.refinement import Refinement
from kbind.report.blocks import Section
from kbind.report.chapters.base import Line, Speaker, needed, sureness
from kbind.report.chapters.questions import QuestionsStory
from kbind.report.chapters.traps import TrapsStory
from kbind.text.facts import Fact
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Lower limit of what more stay from which on certainty may be high.
_CLEAR = 0.01


@dataclass(frozen=True, eq=False)
class ChangeStory(Speaker):
    """Sentences about the persona that is to be changed.

    Parameters
    ----------
    chosen : Refinement
        An accepted one.
    again : sequence of Refinement
        Of the same persona, with customers dealt out anew.
    asking : QuestionsStory or None
        What to ask leads.
    traps : TrapsStory
        What became of every edit.
    words : RuleWords
        What readers call attributes and rules.
    how : str
        How staying is told: of a "snapshot", or a year on ("horizon").
    voice : Voice
        Who speaks.
    data : Dataset
        What it is about.
    """

    chosen: Refinement
    again: Sequence[Refinement]
    asking: QuestionsStory | None
    traps: TrapsStory
    words: RuleWords
    how: str
    voice: Voice = field(repr=False)
    data: Dataset = field(repr=False)

    @cached_property
    def facts(self) -> ChangeFacts:
        """Facts about the change."""
        return ChangeFacts(self.chosen, self.voice.disclosure, self.data)

    @property
    def name(self) -> str:
        """What readers call the persona."""
        return persona_name(self.chosen.persona, self.voice)

    @property
    def edits(self) -> list[Edit]:
        """The changes that were confirmed."""
        return _confirmed(self.chosen)

    @property
    def _edits(self) -> str:
        return "; ".join(map(self.words.edit, self.edits))

    @property
    def how_compared(self) -> str:
        """In what compared customers are alike: "tenure", "others" too, or only in a "year" or "snapshot"."""
        if not self.facts.alike:
            return "snapshot" if self.how == "snapshot" else "year"
        return "tenure" if tuple(self.chosen.adjust) == (self.words.tenure,) else "others"

    @property
    def _held(self) -> str:
        return self.words.attributes(self.chosen.adjust)

    # -- the answer ----------------------------------------------------------------------------------

    def finding(self) -> str:
        """How many more stay, like compared with like."""
        words = {"name": self.name, "edits": self._edits, "more": self.facts.more, "held": self._held}
        found = self.say(f"personas.change.{self.how_compared}", **words)
        turned = self.facts.shared("turned")
        return f"{found} {self.say('personas.change.turned', turned=turned)}" if self.told(turned) else found

    def means(self) -> str:
        """What the rules do, what that is worth, and what the difference is at first sight."""
        lines = [self.say("personas.means.change")]
        if self.told(self.facts.stake, self.facts.fitting):
            lines.append(self.say("personas.means.stake", stake=self.facts.stake, fitting=self.facts.fitting))
        if self.facts.alike and self.told(self.facts.gain):
            lines.append(self.say("personas.means.sight", gain=self.facts.gain, held=self._held))
        return " ".join(lines)

    def act(self) -> str:
        """Which rules to change, what to ask first, and what can only be settled with the contract."""
        words = self.say("personas.act.change", name=self.name)
        first = self.asking.first() if self.asking else ""
        lines = [words, *([self.say("personas.act.ask", what=first)] if first else [])]
        later = [edit for edit in self.edits if edit.new is not None and self._agreed(edit.attribute)]
        if later:
            what = self.voice.listed([self.words.attribute(edit.attribute) for edit in later])
            lines.append(self.say("personas.act.agreed", what=what))
        return " ".join(lines)

    def _agreed(self, attribute: str) -> bool:
        return self.asking is not None and self.asking.agreed(attribute)

    # -- how sure ------------------------------------------------------------------------------------

    def certainty(self) -> str:
        """How sure the figure is, how often it came again, and how sure it is that the step pays."""
        lines = [self.say("personas.certainty.change", level=self.level, more=self.facts.more)]
        if self.again:
            lines.append(self._repeated())
        if self.told(self.facts.break_even):
            lines.append(self.say("personas.certainty.step", least=self.facts.break_even))
        return " ".join(lines)

    @property
    def level(self) -> str:
        """How sure the figure is, in a word: what may be chance is not."""
        more = self.facts.more
        return self.say(f"personas.sure.{sureness(more) if more.ci_lower > 0 else 'low'}")

    @property
    def rules_level(self) -> str:
        """How sure the choice of rules is, in a word: what chance or single customers decide cannot be sure."""
        runs, rules = len(self.again), set(needed(self.chosen.refined).rules)
        ends = [persona for again in self.accepted if (persona := again.refined) is not None]
        same, accepted = sum(set(persona.rules) == rules for persona in ends), len(self.accepted)
        sure = "high" if runs and same >= 0.9 * runs else "medium" if accepted >= 0.7 * runs else "low"
        if not self.facts.more.ci_lower > 0:
            sure = "low"
        elif sure == "high" and self.facts.more.ci_lower < _CLEAR:
            sure = "medium"
        return self.say(f"personas.sure.{sure}")

    @property
    def accepted(self) -> list[Refinement]:
        """The repeats that led to a change."""
        return [again for again in self.again if pick([again]) is not None]

    def _repeated(self) -> str:
        """In how many repeats there was a change at all, and in how many of these each edit came again."""
        runs = [_confirmed(again) for again in self.accepted]
        words = {"level": self.rules_level, "runs": _counted("runs", len(self.again))}
        if not runs:
            return self.say("personas.certainty.never", **words)
        items = []
        for k, edit in enumerate(self.edits, 1):
            times = sum(edit in run for run in runs)
            key = "personas.edit.always" if times == len(runs) else "personas.edit.times"
            items.append(self.say(key, edit=self.words.edit(edit), n=_counted(f"runs.edit.{k}", times)))
        accepted = _counted("runs.accepted", len(runs))
        return self.say("personas.certainty.again", accepted=accepted, edits="; ".join(items), **words)

    def tiles(self) -> list[tuple[str, str, str]]:
        """How many more stay, what that is worth in a year, and who is turned away."""
        facts = self.facts
        plus = "+" if self.told(facts.more) and facts.more.value > 0 else ""
        label = self.say(f"personas.tile.more.{self.how_compared}")
        note = self.say("personas.tile.more_note", fact=facts.more)
        tiles = [(f"{plus}{self.tell(facts.more, 'per100')}", label, note)]
        if not np.isnan(facts.stake.value):
            worth = self.say("personas.tile.stake_note", fact=facts.stake, fitting=facts.fitting)
            tiles.append((self.tell(facts.stake, "about"), self.say("personas.tile.stake"), worth))
        turned = facts.shared("turned")
        return [*tiles, (self.tell(turned, "per100"), self.say("personas.tile.turned"),
                         self.say("personas.tile.note", fact=turned))]  # fmt: skip

    def line(self) -> Line:
        """The chapter's row on the summary of all chapters."""
        facts, edits = self.facts, self._edits
        words = {"name": self.name, "edits": edits, "more": facts.more, "held": self._held}
        known = not np.isnan(facts.stake.value) and self.told(facts.stake)
        measure = ""
        if self.told(facts.break_even):
            measure = self.say("personas.line.measure", name=self.name, edits=edits, least=facts.break_even)
        return Line(
            question=self.say("personas.line.question"),
            answer=self.say(f"personas.line.answer.{self.how_compared}", **words),
            sure=self.say("personas.line.sure", level=self.level, rules=self.rules_level),
            step=self.say("personas.line.step"),
            stake=facts.stake if known else None,
            measure=measure,
            unknown=self.say("personas.line.unknown"),
        )

    # -- sections ------------------------------------------------------------------------------------

    def rules_table(self) -> Table:
        """Rules of the old and the new version side by side, and what each rests on."""
        versions = (self.chosen.persona, needed(self.chosen.refined))
        old, new = ({rule.attribute: rule for rule in persona.rules} for persona in versions)
        confirmed = [row for row in self.chosen.edits if row.finding == CONFIRMED]
        gains = {row.edit.attribute: self.traps.alike(self.chosen, row) for row in confirmed}
        rows = []
        for name in dict.fromkeys((*old, *new)):
            rests = self.say("personas.rests.assumed")
            if name in gains:
                rests = self.say("personas.rests.measured", points=gains[name])
            rows.append((self.words.attribute(name), self._asks(old.get(name)), self._asks(new.get(name)), rests))
        names = ("attribute", "old", "new", "rests")
        return self.table_of("personas.rules.{}", names, rows, words=(1, 2, 3), name=self.name)

    def _asks(self, rule: Rule | None) -> str:
        return self.say("personas.rules.any") if rule is None else self.words.condition(rule)

    def outcome_table(self) -> Table:
        """Old and new version on the third part: what it brings and costs."""
        facts, say, parts = self.facts, self.say, self.facts.measured
        pair, sizes = {"old": parts.old, "new": parts.new}, (parts.old.n, parts.new.n)
        stay = [with_range(held(self.chosen, version), self.voice) for version in pair]
        apart = self.words.in_points(facts.gain)
        alike = self.words.points("held.alike", parts.gain_adjusted, *sizes) if facts.alike else DASH
        money = [self.words.revenue(f"held.kept.{version}", one) for version, one in pair.items()]
        more = self.words.money("held.kept.more", parts.retained_revenue_difference, *sizes)
        rows = [
            (say("personas.outcome.alike", held=self._held), DASH, DASH, alike),
            (say(f"personas.outcome.stay_{self.how}"), *stay, apart),
            (say("personas.outcome.kept"), *money, more),
            (say("personas.outcome.fit"), *(self.tell(facts.fits(name)) for name in pair), DASH),
            (say("personas.outcome.shared"), *[self._shared_count()] * 2, DASH),
        ]
        shown = [row for row in rows if row[3] != DASH or row[1] != DASH]
        names = ("what", "old", "new", "difference")
        return self.table_of("personas.outcome.{}", names, shown, words=(1, 2, 3), name=self.name)

    def _shared_count(self) -> str:
        """Customers of both versions; not told where the total would give away a few others."""
        both = self.facts.both
        few = self.hides(self.facts.measured.old.n - both, self.facts.measured.new.n - both)
        meaning = "customers of the third part who fit both versions"
        shared = Fact("personas.held.both.n", both, "customers", meaning, source="refine_persona(...).held_out")
        return self.say("personas.hidden") if few else self.tell(shared)

    def outcome_text(self) -> str:
        """What the change means for leads; where rules only get stricter, nobody fits anew, and nothing is said."""
        shares = {name: self.facts.shared(name) for name in ("turned", "fresh")}
        lines = [
            self.say(f"personas.outcome.{name}", **{name: fact}) for name, fact in shares.items() if self.told(fact)
        ]
        return " ".join([*lines, self.say("personas.outcome.signed")])

    def identity_text(self) -> str:
        """How far the two versions share their customers, and why shares differ from those of all customers."""
        lines = [self.say("personas.outcome.third")]
        if not self.hides(self.facts.both):
            both = self.facts.measured.identity
            meaning = "customers who fit both versions, divided by those who fit either"
            shared = Fact("personas.held.both", both, "share", meaning, n=self.facts.both)
            meaning = "share of those who fit either version that has to fit both"
            floor = Fact("personas.bounds.identity", self.chosen.bounds.identity, "share", meaning)
            lines.append(self.say("personas.outcome.identity", shared=shared, floor=self.tell(floor, "whole")))
        return " ".join(lines)

    def title(self) -> str:
        """Finding of the change: what it brings like with like, and whom it turns away."""
        words = {"more": self.facts.more, "turned": self.facts.shared("turned")}
        return self.say(f"personas.outcome.finding.{self.how_compared}", **words)

    def rules_section(self) -> Section:
        """The rules so far and the new ones, under the finding."""
        return Section(self.title(), [self.outcome_text()], self.rules_table())

    def outcome_section(self) -> Section:
        """The figures behind the change, folded."""
        outcome = self.outcome_table()
        return Section(outcome.title, [self.identity_text()], outcome, folded=True)


def _confirmed(refinement: Refinement) -> list[Edit]:
    return [row.edit for row in refinement.edits if row.finding == CONFIRMED]


def _counted(name: str, runs: int) -> Fact:
    return Fact(
        f"personas.{name}", runs, "count", "repeats with customers dealt out anew", source="refine_persona(...)"
    )
