"""What to ask leads, and what not to ask, in the words of a manager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kbind.facts.rules import RuleWords
from kbind.personas.questions import QualifyingQuestions, Question
from kbind.report.blocks import Block, Section
from kbind.report.chapters.base import Speaker
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import Voice


@dataclass(frozen=True, eq=False)
class QuestionsStory(Speaker):
    """Sentences about questions that qualify leads.

    Parameters
    ----------
    questions : QualifyingQuestions
        What was computed.
    words : RuleWords
        What readers call attributes and rules.
    voice : Voice
        Who speaks.
    """

    questions: QualifyingQuestions
    words: RuleWords
    voice: Voice = field(repr=False)

    def asked(self) -> list[Question]:
        """Questions worth asking, those that tell most first."""
        names = self.questions.to_frame()["attribute"].tolist()
        return [question for question in self._told(names) if not self._later(question)]

    def _told(self, names: Sequence[str]) -> list[Question]:
        return [question for question in self.questions.questions if question.attribute in names]

    def _later(self, question: Question) -> bool:
        """Whether it asks for what is only agreed on with the contract, and nobody has worded it as a question."""
        return question.wording is None and self.agreed(question.attribute)

    def agreed(self, attribute: str) -> bool:
        """Whether an attribute is only settled with the contract."""
        return attribute in self.questions.agreed or attribute == self.words.tenure

    def wording(self, question: Question) -> str:
        """A question as sales asks it, or the attribute it is about."""
        if question.wording:
            return self.say("personas.quoted", text=named(question.wording[self.voice.lang]))
        return self.words.attribute(question.attribute)

    def first(self) -> str:
        """What to ask first, empty without any: what the rules ask about before what merely tells something."""
        ranked = sorted(self.asked(), key=lambda question: not question.in_persona)
        return self.wording(ranked[0]) if ranked else ""

    def table(self) -> Table:
        """What to ask: the good answer, what it tells, and what asking costs."""
        rows = []
        for question in self.asked():
            away, n = question.turned_away, question.n
            fact = Fact(f"personas.turned.{question.attribute}", away / n, "share", "leads without a good answer",
                        n=n, count=away, source="qualifying_questions(...)")  # fmt: skip
            stay = Fact(f"personas.lost.{question.attribute}", away / n * question.retention_other.value, "share",
                        "leads without a good answer who would have stayed", n=min(away, n - away))  # fmt: skip
            name = f"asked.{question.attribute}"
            points = self.words.points(name, question.difference_adjusted, away, n - away)
            told = (points, self.tell(fact, "per100"), self.tell(stay, "per100"))
            rows.append((self.wording(question), self.words.condition(question.rule), *told))
        tells = "tells" if self.questions.adjust else "tells_plain"
        return self.table_of("personas.ask.{}", ("question", "answer", tells, "turned", "lost"), rows, words=(1,))

    def text(self) -> str:
        """How to read the questions."""
        if not self.asked():
            return self.say("personas.ask.none")
        held = self.words.attributes(self.questions.adjust)
        key = "personas.ask.alike" if held else "personas.ask.plain"
        words = [self.say(key, held=held), self.say("personas.ask.text")]
        if any(question.wording for question in self.asked()):
            words.append(self.say("personas.ask.wording"))
        return " ".join(words)

    def do_not_ask_table(self) -> Table:
        """What not to ask, and why."""
        by_reason = dict[str, list[str]]()
        later = [q.attribute for q in self._told(self.questions.to_frame()["attribute"].tolist()) if self._later(q)]
        if later:
            by_reason[self.say("personas.reason.agreed")] = [self.words.about(name) for name in later]
        for name, why in self.questions.do_not_ask()[["attribute", "reason"]].itertuples(index=False):
            reason = self.words.reason(why, self.questions.adjust)
            by_reason.setdefault(reason, []).append(self.words.about(name))
        rows = [(", ".join(names), why) for why, names in by_reason.items()]
        heads = [self.say("personas.ask.question"), self.say("personas.not.why")]
        return Table(self.say("personas.not.title"), heads, rows, words=(1,))

    def blocks(self) -> Iterator[Block]:
        """What a page shows of it."""
        asked = self.table()
        yield Section(asked.title, [self.text()], asked if asked.rows else None)
        yield Section.of(self.do_not_ask_table(), folded=True)
