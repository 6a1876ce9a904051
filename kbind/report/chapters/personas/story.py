"""What the chapter says about personas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.personas.evaluation import ALL, PersonaEvaluation
from kbind.personas.parts import Rule
from kbind.personas.persona import Persona
from kbind.personas.questions import QualifyingQuestions, Question
from kbind.personas.refinement.edits import CONFIRMED, JudgedEdit
from kbind.personas.refinement.refinement import ACCEPT, NOT_ENOUGH, Refinement
from kbind.report.chapters.base import needed, voice_of
from kbind.report.chapters.personas.facts import PersonasFacts, pick, slug
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table

#: Reasons not to ask that name something of the data: how they begin, and what is said of them.
_BEGINNINGS = {"grows with": "grows", "more than": "many", "all ": "alike", "says the same as ": "same"}


class PersonasStory(PersonasFacts):
    """Facts and sentences about personas."""

    @property
    def _state(self) -> str:
        """What the answer is: a change, none, too little data, or nothing to answer with."""
        if not self.personas:
            return "missing"
        if self.chosen is not None:
            return "change"
        verdicts = {found.verdict for found in self.refinements.values()}
        return "short" if verdicts <= {NOT_ENOUGH} else "none"

    def finding(self) -> str:
        """The answer in one sentence."""
        if self.chosen is None:
            return self.say(f"personas.finding.{self._state}")
        facts = {"old": self.held("old"), "new": self.held("new")}
        return self.say(f"personas.finding.change.{self.how}", name=named(self.chosen.persona.name), **facts)

    def means(self) -> str:
        """What the answer means."""
        if self.chosen is None:
            return self.say(f"personas.means.{self._state}")
        words = self.say("personas.means.change", turned=self.shared("turned"))
        if np.isnan(self.there.gain_adjusted[0]) or not self.told(self.gain):
            return words
        figures = {"points": self._alike(), "gain": self.tell(self.gain)}
        return f"{words} {self.text('personas.means.alike', held=self._held, **figures)}"

    def act(self) -> str:
        """What a manager should do."""
        if self.chosen is None:
            return self.say(f"personas.act.{self._state}")
        edits = [self.edited(row) for row in self.chosen.edits if row.finding == CONFIRMED]
        words = self.say("personas.act.change", name=named(self.chosen.persona.name), edits="; ".join(edits))
        # what the rules ask about goes before what merely tells something
        first = next(iter(sorted(self.asked(), key=lambda question: not question.in_persona)), None)
        return words if first is None else f"{words} {self.say('personas.act.ask', what=self.wording(first))}"

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.chosen is None:
            return self.say(f"personas.certainty.{self._state}")
        words = self.say("personas.certainty.change", gain=self.gain, level=self._repeats())
        if not self.again:
            return words
        numbers = {"runs": self.voice.number(len(self.again)), "accepted": self.voice.number(self._accepted)}
        return f"{words} {self.text('personas.certainty.again', edits=self._recurring(), **numbers)}"

    @property
    def _held(self) -> str:
        """What compared customers are alike in."""
        return ", ".join(self.attribute(name) for name in needed(self.chosen).adjust)

    def _alike(self) -> str:
        """What is left of the gain among customers who are alike."""
        return self.points(self.there.gain_adjusted, self.there.old.n, self.there.new.n)

    def _recurring(self) -> str:
        """Each confirmed edit with the number of runs that confirmed it too."""
        edits = [[row.edit for row in one.edits if row.finding == CONFIRMED] for one in self.again]
        return "; ".join(
            self.text(
                "personas.edit.times", edit=self.edited(row), n=self.voice.number(sum(row.edit in run for run in edits))
            )
            for row in needed(self.chosen).edits
            if row.finding == CONFIRMED
        )

    @property
    def _accepted(self) -> int:
        return sum(pick([one]) is not None for one in self.again)

    @property
    def _same(self) -> int:
        """Runs that end with the same rules."""
        rules = set(needed(needed(self.chosen).refined).rules)
        return sum(pick([one]) is not None and one.refined is not None and set(one.refined.rules) == rules
                   for one in self.again)  # fmt: skip

    def _repeats(self) -> str:
        """How sure, in a word: what single customers decide cannot be sure, however narrow the interval."""
        runs = len(self.again)
        sure = "high" if runs and self._same >= 0.9 * runs else "medium" if self._accepted >= 0.7 * runs else "low"
        return self.text(f"personas.sure.{sure}")

    def tiles(self) -> list[tuple[str, str, str]]:
        """What it brings and costs: points, revenue that stays, and who is turned away."""
        if self.chosen is None:
            return []
        there, turned = self.there, self.shared("turned")
        note = self.text("personas.tile.gain_note", level=self.voice.percent(self.gain.conf_level),
                         range=self.tell(self.gain, "range"), n=self.voice.count(there.new.n))  # fmt: skip
        if not np.isnan(there.gain_adjusted[0]):
            alike = self.text("personas.tile.alike", points=self._alike())
            note = f"{note}; {alike}"
        plus = "+" if self.told(self.gain) and self.gain.value > 0 else ""
        tiles = [(f"{plus}{self.tell(self.gain)}", self.say("personas.tile.gain"), note)]
        if not np.isnan(there.retained_revenue_difference[0]):
            before, after = (self.money((m.retained_revenue[0], np.nan, np.nan), m.n) for m in (there.old, there.new))
            difference = self.money(there.retained_revenue_difference, min(there.old.n, there.new.n))
            note = self.text("personas.tile.money_note", before=before, by=difference)
            tiles.append((after, self.say("personas.tile.money"), note))
        tiles.append(self.tile_of(turned, self.say("personas.tile.turned"), "personas.tile.note"))
        return tiles

    def definitions(self) -> list[str]:
        """What was counted, in plain words."""
        lines = [self.say("personas.foot.selection"), self.say("personas.foot.marks")]
        if self.personas:
            keys = ("personas.foot.fit", f"personas.foot.stay.{self.how}", "personas.foot.parts", "personas.foot.kept")
            lines[:0] = map(self.say, keys)
        return lines

    # -- sections ------------------------------------------------------------------------------------

    def missing(self) -> tuple[str, list[str]]:
        """Heading and paragraphs: what to write where there are no personas."""
        texts = [self.text(f"personas.write.{part}") for part in ("folder", "rules", "example", "rest")]
        return self.text("personas.write.heading"), texts

    def figure_title(self) -> str:
        """Finding of the figure."""
        known = [p for p in self.personas if self.voice.disclosure.fact(self.fit(p.name)).known]
        if len(known) < 2:
            return self.text("personas.figure.short")
        best, worst = (choose(known, key=lambda p: self.fit(p.name).value) for choose in (max, min))
        facts = {"high": self.fit(best.name), "low": self.fit(worst.name)}
        return self.say("personas.figure", best=named(best.name), worst=named(worst.name), **facts)

    def figure(self) -> dict[str, Any]:
        """What the page adds to the figure."""
        versions = [] if self.chosen is None else [self.held("old"), self.held("new")]
        facts = self.fit(), *(self.fit(persona.name) for persona in self.personas), *versions
        return self.drawn(self.figure_title, facts, refinement=self.chosen)

    def caption(self) -> str:
        """How to read the figure."""
        level = self.voice.percent(needed(self.evaluation).conf_level)
        if self.chosen is None:
            return self.say("personas.figure.caption", level=level, all=self.fit())
        words = self.say("personas.figure.caption.change", level=level, all=self.fit())
        return words if self.how == "snapshot" else f"{words} {self.text('personas.figure.average')}"

    def verdicts_table(self) -> Table:
        """All personas: who fits, who stays, revenue that stays, and the verdict."""
        rows = []
        for name in [*(persona.name for persona in self.personas), ALL]:
            staying = needed(self.evaluation).staying[name]
            label, verdict = (self.text("personas.all"), "–") if name == ALL else (named(name), self.verdict(name))
            share = "–" if name == ALL else self.tell(self.coverage(name))
            kept = self.money((staying.retained_revenue[0], np.nan, np.nan), staying.n)
            rows.append((label, share, self.with_range(self.fit(name)), kept, verdict))
        heads = [
            self.text(f"personas.table.{name}") for name in ("persona", "fit", f"stay_{self.how}", "kept", "verdict")
        ]
        return Table(self.text("personas.table.title"), heads, rows, words=(4,))

    def verdict(self, name: str) -> str:
        """What to do with a persona, in words."""
        found = self.refinements.get(name)
        if found is None:
            return self.text(f"personas.verdict.negative.{self._borne_out(name)}")
        if found.verdict == ACCEPT:
            return self.text("personas.verdict.accept")
        if found.verdict == NOT_ENOUGH:
            return self.text("personas.verdict.short")
        bad = {row.finding for row in found.edits}
        if not bad:
            staying = needed(self.evaluation).staying
            good = staying[name].retention[1] > staying[ALL].retention[0]
            return self.text("personas.verdict.good" if good else "personas.verdict.reject")
        return self.text(
            "personas.verdict.other" if "another persona" in bad and self._below(name) else "personas.verdict.reject"
        )

    def _borne_out(self, name: str) -> str:
        """Whether those who are not to be sold to stay clearly less than the others."""
        assert self.evaluation is not None
        fits, others = (self.evaluation.fits[name], ~self.evaluation.fits[name])
        if any(self.hides(int(self.evaluation.members.n[rows].sum())) for rows in (fits, others)):
            return "open"
        value, _, upper = self.evaluation.differences[name]
        return "open" if np.isnan(value) else "yes" if upper < 0 else "no"

    def _below(self, name: str) -> bool:
        """Whether those who fit clearly stay less than all."""
        return needed(self.evaluation).staying[name].retention[2] < needed(self.evaluation).staying[ALL].retention[0]

    def rules_table(self) -> Table:
        """Rules of the old and the new version side by side, and what each rests on."""
        assert self.chosen is not None
        versions = (self.chosen.persona, needed(self.chosen.refined))
        old, new = ({rule.attribute: rule for rule in persona.rules} for persona in versions)
        gains = {
            row.edit.attribute: self._gained(self.chosen, row) for row in self.chosen.edits if row.finding == CONFIRMED
        }
        rows = []
        for name in dict.fromkeys((*old, *new)):
            rests = (
                self.text("personas.rests.measured", points=gains[name])
                if name in gains
                else self.text("personas.rests.assumed")
            )
            before, after = self._asks(old.get(name)), self._asks(new.get(name))
            rows.append((self.attribute(name), before, after, rests))
        heads = [self.text(f"personas.rules.{name}") for name in ("attribute", "old", "new", "rests")]
        return Table(self.heading("personas.rules.title"), heads, rows, words=(1, 2, 3))

    def _asks(self, rule: Rule | None) -> str:
        return self.text("personas.rules.any") if rule is None else self.condition(rule)

    def outcome_table(self) -> Table:
        """Old and new version on the third part: what it brings and costs."""
        assert self.chosen is not None
        there = self.there
        pair = (there.old, there.new)
        count = [self.voice.count(one.n) for one in pair]
        kept = [self.money((one.retained_revenue[0], np.nan, np.nan), one.n) for one in pair]
        alike = "–" if np.isnan(there.gain_adjusted[0]) else self.say("personas.outcome.points", points=self._alike())
        rows = [
            (self.say(f"personas.outcome.stay_{self.how}"), *(self.with_range(self.held(v)) for v in ("old", "new")),
             self.say("personas.outcome.points", points=self.points(there.gain, there.old.n, there.new.n))),
            (self.say("personas.outcome.alike", held=self._held), "–", "–", alike),
            (self.say("personas.outcome.kept"), *kept,
             self.money(there.retained_revenue_difference, min(there.old.n, there.new.n))),
            (self.say("personas.outcome.fit"), *count, "–"),
            (self.say("personas.outcome.shared"), *[self._shared_count()] * 2, "–"),
        ]  # fmt: skip
        shown = [row for row in rows if row[3] != "–" or row[1] != "–"]
        heads = [self.text(f"personas.outcome.{name}") for name in ("what", "old", "new", "difference")]
        return Table(self.heading("personas.outcome.title"), heads, shown, words=(1, 2, 3))

    def _shared_count(self) -> str:
        """Customers of both versions; not told where the total would give away a few others."""
        few = any(self.hides(one.n - self.both) for one in (self.there.old, self.there.new))
        return self.say("personas.hidden") if few else self.voice.count(self.both)

    def outcome_text(self) -> str:
        """What the table says on leads."""
        words = self.say("personas.outcome.text", turned=self.shared("turned"), fresh=self.shared("fresh"))
        if self.hides(self.both):
            return words
        shares = {"shared": self.there.identity, "floor": needed(self.chosen).bounds.identity}
        numbers = {name: self.voice.percent(share) for name, share in shares.items()}
        return f"{words} {self.text('personas.outcome.identity', **numbers)}"

    def asked(self) -> list[Question]:
        """Questions worth asking, those that tell most first."""
        if self.questions is None:
            return []
        names = self.questions.to_frame()["attribute"].tolist()
        return [question for question in self.questions.questions if question.attribute in names]

    def wording(self, question: Question) -> str:
        """A question as sales asks it, or the attribute it is about."""
        if question.wording:
            return self.text("personas.quoted", text=named(question.wording[self.voice.lang]))
        return self.attribute(question.attribute)

    def questions_table(self) -> Table:
        """What to ask: the good answer, what it tells, and what asking costs."""
        rows = []
        for question in self.asked():
            away, n = question.turned_away, question.n
            fact = Fact(f"personas.turned.{question.attribute}", away / n, "share", "leads without a good answer",
                        n=n, count=away, source="qualifying_questions(...)")  # fmt: skip
            hidden = self.hides(away) or self.hides(n - away)
            told = self.voice.under_threshold() if hidden else self.points(question.difference_adjusted)
            lost = (
                self.voice.under_threshold()
                if hidden
                else self.voice.number(100 * away / n * question.retention_other[0])
            )
            rows.append((self.wording(question), self.condition(question.rule), told, self.tell(fact), lost))
        tells = "tells" if self.questions is not None and self.questions.adjust else "tells_plain"
        heads = [self.text(f"personas.ask.{name}") for name in ("question", "answer", tells, "turned", "lost")]
        return Table(self.heading("personas.ask.title"), heads, rows, words=(1,))

    def questions_text(self) -> str:
        """How to read the questions."""
        if not self.asked():
            return self.say("personas.ask.none")
        level = self.voice.percent(needed(self.questions).conf_level)
        held = ", ".join(self.attribute(name) for name in needed(self.questions).adjust)
        words = (
            self.text("personas.ask.alike", held=held, level=level)
            if held
            else self.text("personas.ask.plain", level=level)
        )
        return f"{words} {self.text('personas.ask.text')}"

    def do_not_ask_table(self) -> Table:
        """What not to ask, and why."""
        by_reason: dict[str, list[str]] = {}
        for name, why in needed(self.questions).do_not_ask()[["attribute", "reason"]].itertuples(index=False):
            by_reason.setdefault(self.reason(why), []).append(self.attribute(name))
        rows = [(", ".join(names), why) for why, names in by_reason.items()]
        heads = [self.text("personas.ask.question"), self.text("personas.not.why")]
        return Table(self.heading("personas.not.title"), heads, rows, words=(1,))

    def reason(self, why: str) -> str:
        """Why not to ask."""
        kind, _, ground = why.partition(": ")
        begins = next((begin for begin in _BEGINNINGS if why.startswith(begin)), "")
        key = _BEGINNINGS.get(begins, slug(kind))
        other = self.attribute(why.removeprefix(begins)) if key == "same" else ""
        held = ", ".join(self.attribute(name) for name in (self.questions.adjust if self.questions else ()))
        ground_key = f"personas.ground.{slug(ground)}"
        ground = self.voice.catalogue.text(ground_key) if self.voice.catalogue.has(ground_key) else named(ground)
        return self.text(f"personas.reason.{key}", ground=ground, held=held, other=other)

    def traps_table(self) -> Table:
        """Every edit that was found, and what became of it; the traps are named where they bite."""
        rows = [(named(name), self.edited(row), self._gained(found, row), self._became(row, found))
                for name, found in self._found() for row in found.edits]  # fmt: skip
        heads = [self.text(f"personas.traps.{name}") for name in ("persona", "edit", "gain", "became")]
        return Table(self.text("personas.traps.title"), heads, rows, words=(1, 3))

    def _found(self) -> Iterator[tuple[str, Refinement]]:
        for persona in self.personas:
            if persona.name in self.refinements:
                yield persona.name, self.refinements[persona.name]

    def _gained(self, found: Refinement, row: JudgedEdit) -> str:
        return self.points(row.weighed.gain, *self._sizes(found, row))

    def _sizes(self, found: Refinement, row: JudgedEdit) -> tuple[int, int]:
        """Customers of the second part who fit before and after an edit."""
        return round(row.coverage_before * found.sizes[1]), round(row.coverage * found.sizes[1])

    def _became(self, row: JudgedEdit, found: Refinement) -> str:
        held = ", ".join(self.attribute(name) for name in found.adjust)
        sizes = self._sizes(found, row)
        last = "_before" if row.finding == CONFIRMED and found.verdict != ACCEPT else ""
        return self.text(
            f"personas.became.{slug(row.finding)}{last}",
            shared=self._identity(found, row),
            money=self.money(row.weighed.retained_revenue_difference, min(sizes)),
            adjusted=self.points(row.weighed.gain_adjusted, *sizes),
            same=self.points(row.weighed.gain_same_bond, *sizes),
            early=self.points(row.weighed.first_year_difference, *sizes),
            held=held,
        )

    def _identity(self, found: Refinement, row: JudgedEdit) -> str:
        """Of those who fit the old version or the one after an edit, the share who fit both; nothing of too few."""
        old, new = found.edits[0].coverage_before, row.coverage  # the first edit is one of the old version
        both = round((old + new) * found.sizes[1] * row.identity / (1 + row.identity))
        return self.voice.under_threshold() if self.hides(both) else self.voice.percent(row.identity)

    def traps_text(self) -> list[str]:
        """What was looked out for, and what rules on the bond itself would have won."""
        texts = [self.text("personas.traps.text")]
        bonds = [found.with_bond for found in self.refinements.values() if found.with_bond is not None]
        if bonds:
            columns = ", ".join(dict.fromkeys(self.attribute(name) for bond in bonds for name in bond.columns))
            texts.append(self.text("personas.traps.bond", columns=columns))
        own = None if self.chosen is None else self.chosen.with_bond
        if own is not None and own.edits and not np.isnan(own.gain_without[0]):
            gains = {"gain": self.points(own.gain), "without": self.points(own.gain_without)}
            texts.append(self.text("personas.traps.bond_gain", **gains))
        return texts

    def basis_text(self) -> tuple[str, str]:
        """Heading, and how much of the personas is measured, said or assumed."""
        found = self.basis()
        counts = {kind: self.voice.number(found[kind]) for kind in ("measured", "said", "assumed")}
        return self.text("personas.basis.heading"), self.say("personas.basis", **counts)


def personas_story(
    data: Dataset,
    evaluation: PersonaEvaluation | None,
    refinements: Mapping[str, Refinement],
    questions: QualifyingQuestions | None = None,
    again: Sequence[Refinement] = (),
    *,
    lang: str = "en",
    threshold: int = 5,
) -> PersonasStory:
    """The story of personas, in a language, silent about fewer customers than the threshold."""
    personas: tuple[Persona, ...] = () if evaluation is None else evaluation.personas
    currencies = {persona.revenue.currency for persona in personas if persona.revenue is not None}
    action = "stay" if "subscriptions" in data.tables or "events" not in data.tables else "use"
    currency = currencies.pop() if len(currencies) == 1 else ""
    voice = voice_of(data, lang, threshold, action=action, currency=currency)
    return PersonasStory(data, evaluation, refinements, questions, again, voice)
