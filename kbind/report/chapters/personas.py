"""Chapter 05: which persona to change, and what that brings and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.facts.personas import ChangeFacts, borne_out, coverage, fit, held, in_order, mark_kinds, pick, with_range
from kbind.facts.rules import RuleWords, slug
from kbind.personas.evaluation import ALL, PersonaEvaluation, evaluate_personas
from kbind.personas.matching import reached, score
from kbind.personas.parts import Rule
from kbind.personas.persona import Persona
from kbind.personas.questions import QualifyingQuestions, qualifying_questions
from kbind.personas.refinement.edits import CONFIRMED
from kbind.personas.refinement.measure import Edit
from kbind.personas.refinement.refine import refine_persona
from kbind.personas.refinement.refinement import ACCEPT, NOT_ENOUGH, Refinement
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Scope, Story, enough, needed, voice_of
from kbind.report.chapters.questions import QuestionsStory
from kbind.report.chapters.traps import TrapsStory
from kbind.report.lists import Lists, marked
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice


@dataclass(frozen=True, eq=False)
class PersonasStory(Story):
    """Sentences about personas.

    Parameters
    ----------
    data : Dataset
    evaluation : PersonaEvaluation or None
        None where there are no personas.
    refinements : mapping of str to Refinement
        By persona; those of whom not to sell to have none.
    questions : QualifyingQuestions or None
        On the persona that is to be changed, else on the one the chapter speaks of.
    again : sequence of Refinement
        Of the persona that is to be changed, with customers dealt out anew.
    voice : Voice
    """

    asks = "personas.question"

    data: Dataset
    evaluation: PersonaEvaluation | None
    refinements: Mapping[str, Refinement]
    questions: QualifyingQuestions | None
    again: Sequence[Refinement]
    voice: Voice = field(repr=False)

    @cached_property
    def personas(self) -> tuple[Persona, ...]:
        """Those who stay best on top, those not to sell to at the end."""
        return () if self.evaluation is None else in_order(self.evaluation)

    @cached_property
    def chosen(self) -> Refinement | None:
        """The persona to change: of the accepted ones the one that gains most on the third part."""
        return pick(self.refinements.values())

    @cached_property
    def change(self) -> ChangeFacts:
        """Facts about the change of the chosen persona."""
        return ChangeFacts(needed(self.chosen), self.voice.disclosure)

    @cached_property
    def words(self) -> RuleWords:
        """What readers call attributes and rules."""
        tenure = self.data.roles.get("tenure")
        return RuleWords(self.voice, "" if tenure is None else tenure.column)

    @cached_property
    def asking(self) -> QuestionsStory | None:
        """What is told of questions, if there are any."""
        return None if self.questions is None else QuestionsStory(self.questions, self.words, self.voice)

    @cached_property
    def traps(self) -> TrapsStory:
        """What is told of edits."""
        return TrapsStory(self.personas, self.refinements, self.chosen, self.words, self.voice)

    @property
    def how(self) -> str:
        """How staying is told: of a snapshot, or a year on."""
        return "snapshot" if self.evaluation is None or self.evaluation.members.snapshot else "horizon"

    def scope(self) -> Scope:
        """Who and when it is about."""
        provenance = None if self.evaluation is None else self.evaluation.members.lives.provenance
        log = next(name for name in ("subscriptions", "events", "customers") if name in self.data.tables)
        customers = self.data.tables["customers"].rows
        return Scope.of_log(self.data, customers, log, None if provenance is None else provenance.as_of)

    def fit(self, name: str = ALL) -> Fact:
        """How many of those who fit stay."""
        return fit(needed(self.evaluation), name)

    def held(self, version: str) -> Fact:
        """How many of those stay who match the old or the new version, on the third part."""
        return held(needed(self.chosen), version)

    # -- the answer ----------------------------------------------------------------------------------

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
        words = self.say("personas.means.change", turned=self.change.shared("turned"))
        if np.isnan(self.change.measured.gain_adjusted.value) or not self.told(self.change.gain):
            return words
        figures = {"points": self._alike(), "gain": self.tell(self.change.gain)}
        return f"{words} {self.say('personas.means.alike', held=self._held, **figures)}"

    def act(self) -> str:
        """What a manager should do."""
        if self.chosen is None:
            return self.say(f"personas.act.{self._state}")
        edits = "; ".join(map(self.words.edit, _confirmed(self.chosen)))
        words = self.say("personas.act.change", name=named(self.chosen.persona.name), edits=edits)
        first = self.asking.first() if self.asking else ""
        return f"{words} {self.say('personas.act.ask', what=first)}" if first else words

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        if self.chosen is None:
            return self.say(f"personas.certainty.{self._state}")
        words = self.say("personas.certainty.change", gain=self.change.gain, level=self._repeats())
        if not self.again:
            return words
        numbers = {"runs": self.voice.number(len(self.again)), "accepted": self.voice.number(len(self._accepted))}
        return f"{words} {self.say('personas.certainty.again', edits=self._recurring(), **numbers)}"

    @property
    def _held(self) -> str:
        """What compared customers are alike in."""
        return self.words.attributes(needed(self.chosen).adjust)

    def _alike(self) -> str:
        """What is left of the gain among customers who are alike."""
        parts = self.change.measured
        return self.words.points(parts.gain_adjusted, parts.old.n, parts.new.n)

    def _recurring(self) -> str:
        """Each confirmed edit with the number of runs that confirmed it too."""
        runs = [_confirmed(again) for again in self.again]
        times = {edit: self.voice.number(sum(edit in run for run in runs)) for edit in _confirmed(needed(self.chosen))}
        return "; ".join(self.say("personas.edit.times", edit=self.words.edit(edit), n=n) for edit, n in times.items())

    @property
    def _accepted(self) -> list[Refinement]:
        return [again for again in self.again if pick([again]) is not None]

    def _repeats(self) -> str:
        """How sure, in a word: what single customers decide cannot be sure, however narrow the interval."""
        runs, rules = len(self.again), set(needed(needed(self.chosen).refined).rules)
        ends = [persona for again in self._accepted if (persona := again.refined) is not None]
        same, accepted = sum(set(persona.rules) == rules for persona in ends), len(self._accepted)
        sure = "high" if runs and same >= 0.9 * runs else "medium" if accepted >= 0.7 * runs else "low"
        return self.say(f"personas.sure.{sure}")

    def tiles(self) -> list[tuple[str, str, str]]:
        """What it brings and costs: points, revenue that stays, and who is turned away."""
        if self.chosen is None:
            return []
        parts, gain, turned = self.change.measured, self.change.gain, self.change.shared("turned")
        words = {"level": self.voice.percent(gain.conf_level), "range": self.tell(gain, "range")}
        note = self.say("personas.tile.gain_note", n=self.voice.count(parts.new.n), **words)
        if not np.isnan(parts.gain_adjusted.value):
            alike = self.say("personas.tile.alike", points=self._alike())
            note = f"{note}; {alike}"
        plus = "+" if self.told(gain) and gain.value > 0 else ""
        tiles = [(f"{plus}{self.tell(gain)}", self.say("personas.tile.gain"), note)]
        if not np.isnan(parts.retained_revenue_difference.value):
            before, after = map(self.words.revenue, (parts.old, parts.new))
            note = self.say("personas.tile.money_note", before=before, by=self._more_revenue())
            tiles.append((after, self.say("personas.tile.money"), note))
        return [*tiles, self.tile_of(turned, self.say("personas.tile.turned"), "personas.tile.note")]

    def _more_revenue(self) -> str:
        parts = self.change.measured
        return self.words.money(parts.retained_revenue_difference, min(parts.old.n, parts.new.n))

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
        texts = [self.say(f"personas.write.{part}") for part in ("folder", "rules", "example", "rest")]
        return self.say("personas.write.heading"), texts

    def figure_title(self) -> str:
        """Finding of the figure."""
        known = [p for p in self.personas if self.told(self.fit(p.name))]
        if len(known) < 2:
            return self.say("personas.figure.short")
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
        return words if self.how == "snapshot" else f"{words} {self.say('personas.figure.average')}"

    def verdicts_table(self) -> Table:
        """All personas: who fits, who stays, revenue that stays, and the verdict."""
        rows = []
        for name in [*(persona.name for persona in self.personas), ALL]:
            staying = needed(self.evaluation).staying[name]
            label, verdict = (self.say("personas.all"), DASH) if name == ALL else (named(name), self.verdict(name))
            share = DASH if name == ALL else self.tell(coverage(needed(self.evaluation), name))
            rows.append((label, share, with_range(self.fit(name), self.voice), self.words.revenue(staying), verdict))
        names = ("persona", "fit", f"stay_{self.how}", "kept", "verdict")
        return self.table_of("personas.table.{}", names, rows, words=(4,))

    def verdict(self, name: str) -> str:
        """What to do with a persona, in words."""
        judged = self.refinements.get(name)
        if judged is None:
            borne = borne_out(needed(self.evaluation), name, self.voice.disclosure)
            return self.say(f"personas.verdict.negative.{borne}")
        key = {ACCEPT: "accept", NOT_ENOUGH: "short"}.get(judged.verdict, "reject")
        mine, every = (needed(self.evaluation).staying[part].retention for part in (name, ALL))
        if key == "reject" and not judged.edits and mine.ci_lower > every.value:
            key = "good"
        # another persona, and those who fit this one clearly stay less than all
        elif (
            key == "reject"
            and mine.ci_upper < every.value
            and any(row.finding == "another persona" for row in judged.edits)
        ):
            key = "other"
        return self.say(f"personas.verdict.{key}")

    def rules_table(self) -> Table:
        """Rules of the old and the new version side by side, and what each rests on."""
        assert self.chosen is not None
        versions = (self.chosen.persona, needed(self.chosen.refined))
        old, new = ({rule.attribute: rule for rule in persona.rules} for persona in versions)
        confirmed = [row for row in self.chosen.edits if row.finding == CONFIRMED]
        gains = {row.edit.attribute: self.traps.gained(self.chosen, row) for row in confirmed}
        rows = []
        for name in dict.fromkeys((*old, *new)):
            rests = self.say("personas.rests.assumed")
            if name in gains:
                rests = self.say("personas.rests.measured", points=gains[name])
            rows.append((self.words.attribute(name), self._asks(old.get(name)), self._asks(new.get(name)), rests))
        names, name = ("attribute", "old", "new", "rests"), named(self.chosen.persona.name)
        return self.table_of("personas.rules.{}", names, rows, words=(1, 2, 3), name=name)

    def _asks(self, rule: Rule | None) -> str:
        return self.say("personas.rules.any") if rule is None else self.words.condition(rule)

    def outcome_table(self) -> Table:
        """Old and new version on the third part: what it brings and costs."""
        parts, say = self.change.measured, self.say
        pair = (parts.old, parts.new)
        stay = [with_range(self.held(version), self.voice) for version in ("old", "new")]
        apart = say("personas.outcome.points", points=self.words.points(parts.gain, parts.old.n, parts.new.n))
        alike = DASH if np.isnan(parts.gain_adjusted.value) else say("personas.outcome.points", points=self._alike())
        rows = [
            (say(f"personas.outcome.stay_{self.how}"), *stay, apart),
            (say("personas.outcome.alike", held=self._held), DASH, DASH, alike),
            (say("personas.outcome.kept"), *map(self.words.revenue, pair), self._more_revenue()),
            (say("personas.outcome.fit"), *(self.voice.count(version.n) for version in pair), DASH),
            (say("personas.outcome.shared"), *[self._shared_count()] * 2, DASH),
        ]
        shown = [row for row in rows if row[3] != DASH or row[1] != DASH]
        names, name = ("what", "old", "new", "difference"), named(needed(self.chosen).persona.name)
        return self.table_of("personas.outcome.{}", names, shown, words=(1, 2, 3), name=name)

    def _shared_count(self) -> str:
        """Customers of both versions; not told where the total would give away a few others."""
        both = self.change.both
        few = self.hides(self.change.measured.old.n - both, self.change.measured.new.n - both)
        return self.say("personas.hidden") if few else self.voice.count(both)

    def outcome_text(self) -> str:
        """What the table says on leads."""
        words = self.say("personas.outcome.text", **{name: self.change.shared(name) for name in ("turned", "fresh")})
        if self.hides(self.change.both):
            return words
        shares = {"shared": self.change.measured.identity, "floor": needed(self.chosen).bounds.identity}
        alike = self.say("personas.outcome.identity", **{key: self.voice.percent(x) for key, x in shares.items()})
        return f"{words} {alike}"

    def basis_text(self) -> tuple[str, str]:
        """Heading, and how much of the personas is measured, said or assumed."""
        marks = [kind for persona in self.personas for kind in mark_kinds(persona)]
        counts = {kind: self.voice.number(marks.count(kind)) for kind in ("measured", "said", "assumed")}
        return self.say("personas.basis.heading"), self.say("personas.basis", **counts)

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.evaluation is None:
            heading, texts = self.missing()
            yield Section(heading, texts)
            return
        yield self.picture(self.evaluation, self.figure(), self.caption())
        yield Section.of(self.verdicts_table())
        if self.chosen:
            yield Section.of(self.rules_table())
            outcome = self.outcome_table()
            yield Section(outcome.title, [self.outcome_text()], outcome)
        if self.asking:
            yield from self.asking.blocks()
        yield from self.traps.blocks()
        heading, text = self.basis_text()
        yield Section(heading, [text])


def _confirmed(refinement: Refinement) -> list[Edit]:
    return [row.edit for row in refinement.edits if row.finding == CONFIRMED]


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


#: How often the customers are dealt out anew, to see how stable the choice of rules is.
_DEALS = 10


class PersonasChapter(Chapter):
    """Which persona fits those who stay."""

    name = "05_personas"
    needs = (("customers",), ("subscriptions", "events", "role:tenure"))

    def compute(self) -> None:
        """Personas held against customers, refined, and what to ask leads."""
        data, personas, exclude = self.data, self.study.known_personas, self.study.exclude
        self.evaluation = evaluate_personas(personas, data) if personas else None
        wanted = [persona for persona in personas if not persona.negative]
        self.refined = {persona.name: refine_persona(persona, data, exclude=exclude) for persona in wanted}
        chosen = pick(self.refined.values())
        deals = range(1, _DEALS + 1) if chosen else ()
        self.again = [refine_persona(needed(chosen).persona, data, exclude=exclude, rng=k) for k in deals]
        about = chosen.refined if chosen else wanted[0] if wanted else None
        self.questions = None if about is None else enough(qualifying_questions, about, data, exclude=exclude)

    def story(self, lang: str) -> PersonasStory:
        """The results in the words of a language."""
        return personas_story(
            self.data,
            self.evaluation,
            self.refined,
            self.questions,
            self.again,
            lang=lang,
            threshold=self.study.threshold,
        )

    def lists(self) -> Lists:
        """Customers who fit each persona with its refined rules."""
        people = self.data.table("customers")
        lists = {}
        for name, refinement in self.refined.items():
            persona = refinement.refined
            if persona is None:
                continue
            fits = reached(score(persona.rules, people), persona.min_match)
            lists[f"persona_{slug(name)}"] = marked(people["customer_id"].to_numpy(dtype=object)[fits], self.study.here)
        return lists
