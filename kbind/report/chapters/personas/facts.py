"""Facts of the chapter on personas, and rules in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kbind.churn.snapshots.snapshot_table import Feature
from kbind.dataset.dataset import Dataset
from kbind.estimate.intervals import Limits, wilson
from kbind.facts.features import feature_name
from kbind.facts.personas import fit, held, in_order, persona_fact, with_range
from kbind.personas.evaluation import ALL, PersonaEvaluation
from kbind.personas.parts import Rule
from kbind.personas.persona import Persona
from kbind.personas.questions import QualifyingQuestions
from kbind.personas.refinement.edits import JudgedEdit
from kbind.personas.refinement.refinement import ACCEPT, HeldOut, Refinement
from kbind.report.chapters.base import Scope, Story, needed
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.names import named
from kbind.text.voice import Voice


@dataclass(frozen=True, eq=False)
class PersonasFacts(Story):
    """What the chapter is told from.

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
        if self.evaluation is None:
            return ()
        return in_order(self.evaluation)

    @cached_property
    def chosen(self) -> Refinement | None:
        """The persona to change: of the accepted ones the one that gains most on the third part."""
        return pick(self.refinements.values())

    @property
    def there(self) -> HeldOut:
        """The chosen persona, old and new, on the third part."""
        return needed(needed(self.chosen).held_out)

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

    # -- facts ---------------------------------------------------------------------------------------

    def fit(self, name: str = ALL) -> Fact:
        """How many of those who fit stay."""
        return fit(needed(self.evaluation), name)

    def coverage(self, name: str) -> Fact:
        """How many of all fit."""
        assert self.evaluation is not None
        total, n = self.evaluation.staying[ALL].n, self.evaluation.staying[name].n
        limits = [float(value) for value in wilson(n, total, self.evaluation.conf_level)]
        return persona_fact(f"coverage.{name}", limits, "share", total, n, self.evaluation)

    def held(self, version: str) -> Fact:
        """How many of those stay who match the old or the new version, on the third part."""
        return held(needed(self.chosen), version, snapshot=self.how == "snapshot")

    @cached_property
    def gain(self) -> Fact:
        """Retention of the new version minus that of the old one, in points."""
        points = [100 * value for value in self.there.gain]
        return persona_fact("gain", points, "ratio", self.there.old.n, self.there.new.n, needed(self.chosen))

    @property
    def both(self) -> int:
        """Customers of the third part who match both versions."""
        either = (self.there.old.n + self.there.new.n) / (1 + self.there.identity)
        return round(either * self.there.identity)

    def shared(self, name: str) -> Fact:
        """Of those who matched the old version: turned away by the new one; of the new one's: not there before."""
        before = self.there.old if name == "turned" else self.there.new
        count = before.n - self.both
        limits = [float(value) for value in wilson(count, before.n, self._level)]
        # a few who remain would follow from the others
        counted = self.both if self.hides(self.both) else count
        return persona_fact(name, limits, "share", before.n, counted, needed(self.chosen))

    @property
    def _level(self) -> float:
        return next(iter(self.refinements.values())).conf_level

    # -- words ---------------------------------------------------------------------------------------

    def attribute(self, column: str) -> str:
        """What a column is called."""
        tenure = self.data.roles.get("tenure")
        if tenure is not None and column == tenure.column:
            return feature_name(Feature(column, "tenure", "customers"), self.voice.lang)
        return feature_name(Feature(column, "attribute", "customers", column), self.voice.lang)

    def condition(self, rule: Rule | None) -> str:
        """What a rule asks for, in words; a dash without one."""
        if rule is None:
            return "–"
        if rule.in_ is not None:
            levels = [self.level(rule.attribute, level) for level in rule.in_]
            several = {"first": ", ".join(levels[:-1]), "last": levels[-1]}
            words = levels[0] if len(levels) == 1 else self.text("personas.or", **several)
        else:
            low, high = rule.range or (None, None)
            key = "below" if low is None else "from" if high is None else "between"
            limits = {name: self.number(value) for name, value in (("low", low), ("high", high)) if value is not None}
            words = self.voice.catalogue.text(f"persona.rules.{key}", **limits)
        return (
            words if rule.weight == 1 else self.text("personas.weighted", rule=words, weight=self.number(rule.weight))
        )

    def rule(self, rule: Rule | None) -> str:
        """A rule as "Internet: fibre"."""
        return "–" if rule is None else f"{self.attribute(rule.attribute)}: {self.condition(rule)}"

    def level(self, attribute: str, level: str) -> str:
        """An answer in words; one that we have no word for as the data has it."""
        keys = [f"personas.level.{attribute}.{slug(level)}", f"personas.level.{slug(level)}"]
        found = next((key for key in keys if self.voice.catalogue.has(key)), None)
        return named(level) if found is None else self.voice.catalogue.text(found)

    def number(self, value: float) -> str:
        """A number with as many decimals as it needs, two at most."""
        return self.voice.number(value, next((k for k in range(2) if round(value, k) == round(value, 2)), 2))

    def points(self, limits: Limits, *counts: int) -> str:
        """A difference in retention with its range: "20.7 (16.1 to 25.3)"; nothing of too few."""
        if any(self.hides(n) for n in counts):
            return self.voice.under_threshold()
        if np.isnan(limits[0]):
            return "–"
        value, low, high = (self.voice.number(100 * x + 0.0, 1) for x in limits)
        return self.text(
            "personas.with_range", value=value, range=self.voice.catalogue.text("range", low=low, high=high)
        )

    def money(self, limits: Limits, n: int) -> str:
        """An amount with its range; nothing of too few."""
        if self.hides(n):
            return self.voice.under_threshold()
        if np.isnan(limits[0]):
            return "–"
        value, low, high = (self.voice.money(x) for x in limits)
        limits_text = self.voice.catalogue.text("range", low=low, high=high)
        return value if np.isnan(limits[1]) else self.text("personas.with_range", value=value, range=limits_text)

    def with_range(self, fact: Fact) -> str:
        """A share with its range."""
        return with_range(fact, self.voice)

    def text(self, key: str, **values: str) -> str:
        """A phrase of this chapter."""
        return self.say(key, **values)

    def edited(self, row: JudgedEdit) -> str:
        """An edit in words."""
        edit = row.edit
        return self.text(f"personas.edit.{edit.kind}", old=self.rule(edit.old), new=self.rule(edit.new))

    def basis(self) -> Counter[str]:
        """How many statements of all personas are measured, said or assumed."""
        found: Counter[str] = Counter()
        for persona in self.personas:
            lists = (persona.needs, persona.channels, persona.qualifying_questions, persona.evidence)
            found.update(said.mark.kind for many in lists for said in many)
            found.update(part.mark.kind for part in (persona.bonding, persona.revenue) if part is not None)
            found["assumed"] += 1  # the description
        return found

    def heading(self, key: str) -> str:
        """Heading of a section, with the chosen persona's name."""
        name = "" if self.chosen is None else self.chosen.persona.name
        return upper_first(self.text(key, name=named(name)))


def pick(refinements: Iterable[Refinement]) -> Refinement | None:
    """Of the accepted refinements the one that gains most on the third part."""
    gains = [(one.held_out.gain[0], one) for one in refinements if one.verdict == ACCEPT and one.held_out is not None]
    return max(gains, key=lambda pair: pair[0])[1] if gains else None


def slug(words: str) -> str:
    """Words as they stand in keys of messages."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
