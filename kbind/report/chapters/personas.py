"""Chapter 05: which persona to change, and what that brings and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kbind.dataset.dataset import Dataset
from kbind.facts.personas import (
    borne_out,
    coverage,
    fit,
    fitting_customers,
    in_order,
    mark_kinds,
    persona_name,
    pick,
    with_range,
)
from kbind.facts.rules import RuleWords, slug
from kbind.personas.evaluation import ALL, PersonaEvaluation, evaluate_personas
from kbind.personas.persona import Persona
from kbind.personas.questions import QualifyingQuestions, qualifying_questions
from kbind.personas.refinement.refine import refine_persona
from kbind.personas.refinement.refinement import ACCEPT, NOT_ENOUGH, Refinement
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Chapter, Line, Scope, Story, enough, needed, voice_of
from kbind.report.chapters.change import ChangeStory
from kbind.report.chapters.questions import QuestionsStory
from kbind.report.chapters.traps import TrapsStory
from kbind.report.lists import Lists, marked
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import DASH, Voice

#: Signs of a description.
_LONG = 200


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
    def words(self) -> RuleWords:
        """What readers call attributes and rules."""
        tenure = self.data.roles.get("tenure")
        return RuleWords(self.voice, "" if tenure is None else tenure.column, self.data.card.key)

    @cached_property
    def asking(self) -> QuestionsStory | None:
        """What is told of questions, if there are any."""
        return None if self.questions is None else QuestionsStory(self.questions, self.words, self.voice)

    @cached_property
    def traps(self) -> TrapsStory:
        """What is told of edits."""
        return TrapsStory(self.personas, self.refinements, self.chosen, self.words, self.voice)

    @cached_property
    def change(self) -> ChangeStory | None:
        """What is told of the change, if there is one."""
        if self.chosen is None:
            return None
        return ChangeStory(
            self.chosen, self.again, self.asking, self.traps, self.words, self.how, self.voice, self.data
        )

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
        if self.change is None:
            return self.say(f"personas.finding.{self._state}")
        return " ".join([*self._best(), self.change.finding()])

    def _best(self) -> list[str]:
        """Whom to win, before what to change: the persona that stays best, if surely more stay than of all."""
        known = [each for each in self.personas if not each.negative and self.told(self.fit(each.name))]
        best = max(known, key=lambda each: self.fit(each.name).value, default=None)
        if best is None or not self.fit(best.name).ci_lower > self.fit().value:
            return []
        return [self.say(f"personas.finding.best.{self.how}", name=self.name(best), stay=self.fit(best.name))]

    def means(self) -> str:
        """What the answer means."""
        if self.change is None:
            return self.say(f"personas.means.{self._state}")
        return self.change.means()

    def act(self) -> str:
        """What a manager should do."""
        return self.say(f"personas.act.{self._state}") if self.change is None else self.change.act()

    def certainty(self) -> str:
        """How sure the answer is, and what it rests on."""
        return self.say(f"personas.certainty.{self._state}") if self.change is None else self.change.certainty()

    def tiles(self) -> list[tuple[str, str, str]]:
        """What it brings, like with like, and costs."""
        return [] if self.change is None else self.change.tiles()

    def line(self) -> Line | None:
        """The chapter's row on the summary of all chapters; None where no persona is to be changed."""
        return None if self.change is None or not self.told(self.change.facts.more) else self.change.line()

    def name(self, persona: Persona) -> str:
        """What readers call a persona."""
        return persona_name(persona, self.voice)

    def who(self, persona: Persona) -> str:
        """Who is meant, in a sentence: as it was described, else by its rules."""
        words = named(persona.description[self.voice.lang], _LONG).rstrip(".")
        if words.casefold() in (persona.name.casefold(), self.name(persona).casefold()) or " " not in words:
            words = "; ".join(map(self.words.rule, persona.rules))
        return words

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
        return self.say("personas.figure", best=self.name(best), worst=self.name(worst), **facts)

    def figure(self) -> dict[str, Any]:
        """What the page adds to the figure."""
        facts = self.fit(), *(self.fit(persona.name) for persona in self.personas)
        return self.drawn(self.figure_title, facts)

    def caption(self) -> str:
        """How to read the figure."""
        return self.say("personas.figure.caption", all=self.fit())

    def verdicts_table(self) -> Table:
        """All personas: who fits, who stays, and the verdict."""
        rows = []
        for persona in self.personas:
            share, stay = coverage(needed(self.evaluation), persona.name), self.fit(persona.name)
            told = (self.tell(share, "whole"), with_range(stay, self.voice))
            rows.append((self.name(persona), *told, self.verdict(persona.name)))
        rows.append((self.say("personas.all"), DASH, with_range(self.fit(), self.voice), DASH))
        names = ("persona", "fit", f"stay_{self.how}", "verdict")
        return self.table_of("personas.table.{}", names, rows, words=(3,))

    def described(self) -> list[str]:
        """Who is meant by each persona, a sentence each."""
        return [self.say("personas.means.who", name=self.name(each), who=self.who(each)) for each in self.personas]

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

    def basis_text(self) -> tuple[str, str]:
        """Heading, and how much of the personas is measured, said or assumed."""
        marks = [kind for persona in self.personas for kind in mark_kinds(persona)]
        counts = {
            kind: Fact(f"personas.basis.{kind}", marks.count(kind), "count", f"statements of personas that are {kind}")
            for kind in ("measured", "said", "assumed")
        }
        return self.say("personas.basis.heading"), self.say("personas.basis", **counts)

    # -- the page ------------------------------------------------------------------------------------

    def body(self) -> Iterator[Block]:
        """What the page shows between its opening and its foot, in order."""
        if self.evaluation is None:
            heading, texts = self.missing()
            yield Section(heading, texts)
            return
        yield self.picture(self.evaluation, self.figure(), self.caption())
        verdicts = self.verdicts_table()
        yield Section(verdicts.title, self.described(), verdicts)
        if self.change:
            yield self.change.rules_section()
        if self.asking:
            yield from self.asking.blocks()
        if self.change:
            yield self.change.outcome_section()
        yield from self.traps.blocks()
        heading, text = self.basis_text()
        yield Section(heading, [text], folded=True)


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
        lists = {}
        for name, refinement in self.refined.items():
            persona = refinement.refined
            if persona is None:
                continue
            lists[f"persona_{slug(name)}"] = marked(fitting_customers(self.data, persona), self.study.here)
        return lists
