"""What the card of a persona says: its rules, its statements with what each rests on, and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kbind.errors import ArgumentError, listed
from kbind.facts.personas import coverage, fit, mark_kinds, persona_name
from kbind.facts.rules import fact_of, of_year, span, stated, weight_of
from kbind.personas.evaluation import PersonaEvaluation
from kbind.personas.parts import ASSUMED, Mark, Rule, Statement
from kbind.personas.persona import Persona
from kbind.report.chapters.base import Speaker, needed
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import Voice

_LONG = 400  # signs of a description or of what was said
_DECIMALS = 3


@dataclass(frozen=True, eq=False)
class PersonaStory(Speaker):
    """A persona for managers, with what the data says of it if it was evaluated.

    Parameters
    ----------
    persona : Persona
    evaluation : PersonaEvaluation or None
        Of this persona, perhaps among others.
    voice : Voice
    """

    persona: Persona
    evaluation: PersonaEvaluation | None
    voice: Voice

    def __post_init__(self) -> None:
        if self.evaluation is not None and self.persona not in self.evaluation.personas:
            known = listed(f"{other.name} version {other.version}" for other in self.evaluation.personas)
            asked = f"persona {self.persona.name!r} version {self.persona.version}"
            raise ArgumentError(f"{asked} was not evaluated; these: {known}")

    @property
    def _how(self) -> str:
        return "snapshot" if needed(self.evaluation).members.snapshot else "horizon"

    @property
    def _months(self) -> str:
        return stated(self.voice, "horizon", needed(self.evaluation).horizon, "months of staying that are counted")

    @cached_property
    def fit(self) -> Fact:
        """How many of those who fit stay."""
        return fit(needed(self.evaluation), self.persona.name)

    def kicker(self) -> str:
        """Name, version, owner, and from when on it is valid."""
        words = {"name": persona_name(self.persona, self.voice), "owner": named(self.persona.owner)}
        words |= {
            "version": self._stated("version", self.persona.version),
            "day": self.voice.day(self.persona.valid_from),
        }
        return self.say("persona.kicker.negative" if self.persona.negative else "persona.kicker", **words)

    @property
    def _example(self) -> str:
        """Key of the example data it was measured on; empty for data of a user."""
        return "" if self.evaluation is None else self.evaluation.members.lives.provenance.example

    def about(self) -> str:
        """The data it was measured on."""
        if self.evaluation is None:
            return self.say("persona.about.none")
        if self._example:
            return f"{self.say(f'data.{self._example}.name')} ({self.made()})"
        return self.say("persona.about.data", data=named(self.evaluation.members.lives.provenance.source))

    def made(self) -> str:
        """That the data is made up, where it is."""
        return self.say("page.made") if self._example else ""

    def question(self) -> str:
        """Who it is."""
        return named(self.persona.description[self.voice.lang], _LONG)

    def finding(self) -> str:
        """How many of those who fit stay, against all."""
        if self.evaluation is None:
            measured = "measured" in mark_kinds(self.persona)
            return self.say("persona.about.none" if measured else "persona.finding.none")
        if not self.fit.n:
            return self.say("persona.finding.nobody")
        facts = {"fit": self.fit, "all": fit(self.evaluation)}
        return self.say(f"persona.finding.{self._how}", months=self._months, **facts)

    def rows(self) -> list[tuple[str, str]]:
        """How much rests on what, and how sure it is."""
        marks = [*mark_kinds(self.persona), *["measured"] * len(self.tiles())]
        kinds, meaning = ("measured", "said", "assumed"), "statements and figures of the card that are {}"
        counts = {
            kind: Fact(f"personas.basis.{kind}", marks.count(kind), "count", meaning.format(kind)) for kind in kinds
        }
        rests = self.say("persona.rests.counted", **counts)
        rows = [(self.say("persona.data"), self.about()), (self.say("persona.rests"), rests)]
        if self.evaluation is not None:
            rows.append((self.say("page.certainty"), self.say(f"persona.certainty.{self._how}")))
        return rows

    def tiles(self) -> list[tuple[str, str, str]]:
        """What was measured: value, what it is, interval and n."""
        if self.evaluation is None:
            return []
        share, stay = self.say("persona.tile.coverage"), f"persona.tile.retention.{self._how}"
        return [
            self.tile_of(coverage(self.evaluation, self.persona.name), share, "persona.tile.note"),
            self.tile_of(self.fit, self.say(stay, months=self._months), "persona.tile.note"),
            *self._money(self.evaluation),
        ]

    def _money(self, evaluation: PersonaEvaluation) -> Iterator[tuple[str, str, str]]:
        staying = evaluation.staying[self.persona.name]
        kept = fact_of("kept", of_year(staying.retained_revenue), "money", staying.n)
        # of few customers, or where few have left, the mean would tell what single ones pay
        if np.isnan(kept.value) or self.hides(staying.n) or self.voice.disclosure.fact(self.fit).hidden:
            return
        yield self.tell(kept), self.say("persona.tile.retained"), self.say("persona.tile.note.money", fact=kept)

    def rules(self) -> tuple[str, str, Table]:
        """Heading, how the rules add up, and the rules."""
        rows = [
            (named(rule.attribute), named(self._condition(rule)), weight_of(self.voice, rule, _DECIMALS))
            for rule in self.persona.rules
        ]
        meaning = "share of the weight of the known attributes that has to be met"
        least = Fact("personas.min_match", self.persona.min_match, "share", meaning)
        title, share = self.say("persona.rules.heading"), self.tell(least, "whole")
        table = self.table_of("persona.rules.{}", ("attribute", "value", "weight"), rows, title=title)
        return title, self.say("persona.rules.match", share=share), table

    def statements(self) -> tuple[str, Table]:
        """Heading, and every statement with what it rests on."""
        heading = self.say("persona.statements.heading")
        head = [*(self.say(f"persona.statements.{key}") for key in ("statement", "about")), self.say("persona.rests")]
        rows = [(said, self.say(f"persona.kind.{kind}"), self._mark(mark)) for kind, said, mark in self._statements()]
        return heading, Table(heading, head, rows)

    def definitions(self) -> Sequence[str]:
        """What the marks mean, what data it is where that is made up, and what is not told."""
        data = [self.say(f"data.{self._example}.about")] if self._example else []
        return [self.say("persona.foot.marks"), *data, self.say("persona.foot.disclosure")]

    def _statements(self) -> Iterator[tuple[str, str, Mark]]:
        """What it is about, the words, and what they rest on."""
        bonding, revenue = self.persona.bonding, self.persona.revenue
        yield "description", self.question(), ASSUMED
        yield from self._listed("needs", "channels")
        if bonding is not None:
            bond = self.say(f"persona.bond.{bonding.primary}")
            words = self.say("persona.bond.primary", bond=bond)
            if bonding.secondary is not None:
                words = self.say("persona.bond.both", bond=bond, other=self.say(f"persona.bond.{bonding.secondary}"))
            yield "bonding", words, bonding.mark
        if revenue is not None:
            limits = span(self.voice, *revenue.range, _DECIMALS, about="revenue")
            currency = named(revenue.currency, 10)
            yield "revenue", self.say("persona.revenue", range=limits, currency=currency), revenue.mark
        yield from self._listed("qualifying_questions", "evidence")

    def _listed(self, *kinds: str) -> Iterator[tuple[str, str, Mark]]:
        for kind in kinds:
            for statement in getattr(self.persona, kind):
                yield kind, self._words(statement), statement.mark

    def _words(self, statement: Statement) -> str:
        words = named(statement.text[self.voice.lang], _LONG)
        if statement.mark.kind != "said":
            return words
        return self.say("persona.said", text=words, wording=named(statement.mark.wording, _LONG))

    def _mark(self, mark: Mark) -> str:
        if mark.kind == "assumed":
            return self.say("persona.mark.assumed")
        if mark.kind == "said":
            said = Fact(f"personas.said.{needed(mark.n)}", needed(mark.n), "customers", "people who said so")
            return self.say("persona.mark.said", n=self.tell(said))
        if self.hides(needed(mark.n)):
            return self.say("persona.mark.hidden")
        # a measured one has them all
        numbers = map(needed, (mark.estimate, mark.ci_lower, mark.ci_upper))
        value, low, high = (self._stated("measured", number) for number in numbers)
        n = self._stated("cases", needed(mark.n))
        return self.say("persona.mark.measured", value=value, range=self.voice.between(low, high), n=n)

    def _condition(self, rule: Rule) -> str:
        if rule.range is None:
            return listed(rule.in_ or ())
        return span(self.voice, *rule.range, _DECIMALS, about=rule.attribute)

    def _stated(self, name: str, number: float) -> str:
        """A number that stands in the persona's file."""
        return stated(self.voice, name, number, f"{name}, as the file of the persona says", _DECIMALS)
