"""What the card of a persona says: its rules, its statements with what each rests on, and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from kbind.errors import ArgumentError, listed
from kbind.personas.evaluation import ALL, PersonaEvaluation
from kbind.personas.parts import ASSUMED, Mark, Rule, Statement
from kbind.personas.persona import Persona
from kbind.personas.staying import Staying
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.tables import Table
from kbind.text.voice import Voice

_LONG = 400  # signs of a description or of what was said


class PersonaStory:
    """A persona for managers, with what the data says of it if it was evaluated.

    Parameters
    ----------
    persona : Persona
    evaluation : PersonaEvaluation or None
        Of this persona, perhaps among others.
    voice : Voice
    """

    def __init__(self, persona: Persona, evaluation: PersonaEvaluation | None, voice: Voice) -> None:
        self.persona, self.evaluation, self.voice = persona, evaluation, voice
        if evaluation is not None and persona not in evaluation.personas:
            known = listed(f"{other.name} version {other.version}" for other in evaluation.personas)
            raise ArgumentError(f"persona {persona.name!r} version {persona.version} was not evaluated; these: {known}")

    @property
    def _how(self) -> str:
        assert self.evaluation is not None
        return "snapshot" if self.evaluation.members.snapshot else "horizon"

    @property
    def _months(self) -> str:
        return "" if self.evaluation is None else self.voice.number(self.evaluation.horizon)

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """Coverage and retention of those who fit, and retention of all."""
        if self.evaluation is None:
            return {}
        found = self.evaluation
        frame = found.to_frame()
        row = frame[frame["persona"] == self.persona.name].iloc[0]
        own, every = found.staying[self.persona.name], found.staying[ALL]
        source = f"evaluate_personas(...).to_frame(), {self.persona.name}"
        coverage = [float(row[f"coverage{end}"]) for end in ("", "_ci_lower", "_ci_upper")]
        return {
            "coverage": Fact("coverage", coverage[0], "share", found.definition, coverage[1], coverage[2],
                             found.conf_level, n=every.n, count=own.n, source=source),
            "fit": self._retention("fit", own, source),
            "all": self._retention("all", every, source),
        }  # fmt: skip

    def _retention(self, name: str, staying: Staying, source: str) -> Fact:
        assert self.evaluation is not None
        value, lower, upper = staying.retention
        stayed = round(value * staying.n) if self.evaluation.members.snapshot and staying.n else None
        definition, level = self.evaluation.definition, self.evaluation.conf_level
        return Fact(name, value, "share", definition, lower, upper, level, n=staying.n, count=stayed, source=source)

    def kicker(self) -> str:
        """Name, version, owner, and from when on it is valid."""
        key = "persona.kicker.negative" if self.persona.negative else "persona.kicker"
        return self.voice.catalogue.text(
            key,
            name=named(self.persona.name),
            version=self.voice.number(self.persona.version),
            day=self.voice.day(self.persona.valid_from),
            owner=named(self.persona.owner),
        )

    def about(self) -> str:
        """The data it was measured on."""
        if self.evaluation is None:
            return self.voice.catalogue.text("persona.about.none")
        name = named(self.evaluation.members.lives.provenance.source)
        return self.voice.catalogue.text("persona.about.data", data=name)

    def question(self) -> str:
        """Who it is."""
        return named(self.persona.description[self.voice.lang], _LONG)

    def finding(self) -> str:
        """How many of those who fit stay, against all."""
        if self.evaluation is None:
            key = "persona.finding.none"
            if not any(mark.kind == "measured" for _, _, mark in self._statements()):
                return self.voice.catalogue.text(key)
            return self.voice.catalogue.text("persona.about.none")
        if not self.facts["fit"].n:
            return self.voice.catalogue.text("persona.finding.nobody")
        pair = {name: self.facts[name] for name in ("fit", "all")}
        return self.voice.say(f"persona.finding.{self._how}", months=self._months, **pair)

    def rows(self) -> list[tuple[str, str]]:
        """How much rests on what, and how sure it is."""
        text = self.voice.catalogue.text
        marks = [mark.kind for _, _, mark in self._statements()]
        marks += ["measured"] * len(self.tiles())
        counts = {kind: self.voice.number(marks.count(kind)) for kind in ("measured", "said", "assumed")}
        found = [(text("persona.data"), self.about()), (text("persona.rests"), text("persona.rests.counted", **counts))]
        if self.evaluation is not None:
            found.append((text("page.certainty"), text(f"persona.certainty.{self._how}")))
        return found

    def tiles(self) -> list[tuple[str, str, str]]:
        """What was measured: value, what it is, interval and n."""
        if self.evaluation is None:
            return []
        found = []
        labels = {"coverage": "persona.tile.coverage", "fit": f"persona.tile.retention.{self._how}"}
        for name, key in labels.items():
            fact = self.facts[name]
            found.append(
                (self.voice.tell(fact), self.voice.say(key, months=self._months),
                 self.voice.say("persona.tile.note", fact=fact))
            )  # fmt: skip
        return [*found, *self._money()]

    def _money(self) -> Iterator[tuple[str, str, str]]:
        assert self.evaluation is not None
        staying = self.evaluation.staying[self.persona.name]
        value, lower, upper = staying.retained_revenue
        # of few customers, or where few have left, the mean would tell what single ones pay
        disclosure = self.voice.disclosure
        if np.isnan(value) or disclosure.hides(staying.n) or disclosure.fact(self.facts["fit"]).hidden:
            return
        currency = "" if self.persona.revenue is None else f" {named(self.persona.revenue.currency, 10)}"
        limits = self.voice.catalogue.text("range", low=self.voice.number(lower), high=self.voice.number(upper))
        note = self.voice.catalogue.text(
            "persona.tile.note.money",
            level=self.voice.percent(self.evaluation.conf_level),
            range=limits if not np.isnan(lower) else self.voice.number(lower),
            n=self.voice.count(staying.n),
        )
        yield self.voice.number(value) + currency, self.voice.say("persona.tile.retained"), note

    def rules(self) -> tuple[str, str, Table]:
        """Heading, how the rules add up, and the rules."""
        text = self.voice.catalogue.text
        heading = text("persona.rules.heading")
        names = ("attribute", "value", "weight")
        head = [text(f"persona.rules.{name}") for name in names]
        rows = [
            (named(rule.attribute), named(self._condition(rule)), self._decimal(rule.weight))
            for rule in self.persona.rules
        ]
        share = self.voice.percent(self.persona.min_match)
        return heading, text("persona.rules.match", share=share), Table(heading, head, rows)

    def statements(self) -> tuple[str, Table]:
        """Heading, and every statement with what it rests on."""
        text = self.voice.catalogue.text
        heading = text("persona.statements.heading")
        head = [text("persona.statements.statement"), text("persona.statements.about"), text("persona.rests")]
        rows = [(said, text(f"persona.kind.{kind}"), self._mark(mark)) for kind, said, mark in self._statements()]
        return heading, Table(heading, head, rows)

    def definitions(self) -> Sequence[str]:
        """What the marks mean, and what is not told."""
        return [self.voice.say("persona.foot.marks"), self.voice.say("persona.foot.disclosure")]

    def _statements(self) -> Iterator[tuple[str, str, Mark]]:
        """What it is about, the words, and what they rest on."""
        persona, text = self.persona, self.voice.catalogue.text
        yield "description", self.question(), ASSUMED
        yield from self._listed("needs", "channels")
        if persona.bonding is not None:
            bond = text(f"persona.bond.{persona.bonding.primary}")
            words = text("persona.bond.primary", bond=bond)
            if persona.bonding.secondary is not None:
                other = text(f"persona.bond.{persona.bonding.secondary}")
                words = text("persona.bond.both", bond=bond, other=other)
            yield "bonding", words, persona.bonding.mark
        if persona.revenue is not None:
            currency = named(persona.revenue.currency, 10)
            words = text("persona.revenue", range=self._range(*persona.revenue.range), currency=currency)
            yield "revenue", words, persona.revenue.mark
        yield from self._listed("qualifying_questions", "evidence")

    def _listed(self, *kinds: str) -> Iterator[tuple[str, str, Mark]]:
        for kind in kinds:
            for statement in getattr(self.persona, kind):
                yield kind, self._words(statement), statement.mark

    def _words(self, statement: Statement) -> str:
        words = named(statement.text[self.voice.lang], _LONG)
        if statement.mark.kind != "said":
            return words
        return self.voice.catalogue.text("persona.said", text=words, wording=named(statement.mark.wording, _LONG))

    def _mark(self, mark: Mark) -> str:
        text = self.voice.catalogue.text
        if mark.kind == "assumed":
            return text("persona.mark.assumed")
        assert mark.n is not None
        if mark.kind == "said":
            return text("persona.mark.said", n=self.voice.count(mark.n))
        if self.voice.disclosure.hides(mark.n):
            return text("persona.mark.hidden")
        # a measured one has them all
        assert mark.estimate is not None
        assert mark.ci_lower is not None
        assert mark.ci_upper is not None
        limits = text("range", low=self._decimal(mark.ci_lower), high=self._decimal(mark.ci_upper))
        value = self._decimal(mark.estimate)
        return text("persona.mark.measured", value=value, range=limits, n=self.voice.number(mark.n))

    def _condition(self, rule: Rule) -> str:
        return self._range(*rule.range) if rule.range is not None else listed(rule.in_ or ())

    def _range(self, low: float | None, high: float | None) -> str:
        text = self.voice.catalogue.text
        if high is None:
            return text("persona.rules.from", low=self._decimal(low or 0.0))
        if low is None:
            return text("persona.rules.below", high=self._decimal(high))
        return text("persona.rules.between", low=self._decimal(low), high=self._decimal(high))

    def _decimal(self, value: float) -> str:
        """A number with as many decimals as it needs, three at most."""
        return self.voice.number(value, next((k for k in range(3) if round(value, k) == round(value, 3)), 3))
