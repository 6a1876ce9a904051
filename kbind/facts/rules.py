"""Rules of personas in words, and estimates with their ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kbind.churn.snapshots.snapshot_table import Feature
from kbind.estimate.estimate import Estimate
from kbind.facts.features import feature_name
from kbind.facts.losses import MONTHS
from kbind.personas.parts import Rule
from kbind.personas.refinement.measure import Edit
from kbind.personas.refinement.refinement import Measured
from kbind.personas.staying import Staying
from kbind.text.facts import Fact
from kbind.text.messages import upper_first
from kbind.text.names import named
from kbind.text.voice import DASH, Voice

#: Reasons not to ask that name something of the data: how they begin, and what is said of them.
_BEGINNINGS = {"grows with": "grows", "more than": "many", "all ": "alike", "says the same as ": "same"}


@dataclass(frozen=True, eq=False)
class RuleWords:
    """What readers call the attributes and rules of personas.

    Parameters
    ----------
    voice : Voice
        Who speaks.
    tenure : str
        Column that holds how long customers have been there; empty if there is none.
    example : str
        Key of example data, whose columns and levels have names in both languages.
    """

    voice: Voice
    tenure: str = ""
    example: str = ""

    def attribute(self, column: str) -> str:
        """What a column is called."""
        own = self.voice.labels.column(column, self.voice.lang) or self._own(f"attribute.{self.example}.{column}")
        if own:
            return upper_first(own)
        measure = "tenure" if column == self.tenure else "attribute"
        return feature_name(Feature(column, measure, "customers", column), self.voice.lang)

    def about(self, column: str) -> str:
        """What a question on a column is about: "Gender" of a column that says who is a woman."""
        key = f"personas.about.{column}"
        return self.voice.catalogue.text(key) if self.voice.catalogue.has(key) else self.attribute(column)

    def attributes(self, columns: Iterable[str]) -> str:
        """Several of them in a row."""
        return ", ".join(map(self.attribute, columns))

    def condition(self, rule: Rule) -> str:
        """What a rule asks for, in words."""
        if rule.in_ is not None:
            levels = [self.level(rule.attribute, level) for level in rule.in_]
            several = {"first": ", ".join(levels[:-1]), "last": levels[-1]}
            words = levels[0] if len(levels) == 1 else self.voice.say("personas.or", **several)
        else:
            unit = f"amount.{self.example}.{rule.attribute}"
            words = span(self.voice, *(rule.range or (None, None)), unit=unit, about=rule.attribute)
        if rule.weight == 1:
            return words
        return self.voice.say("personas.weighted", rule=words, weight=weight_of(self.voice, rule, 2))

    def rule(self, rule: Rule | None) -> str:
        """A rule as "Internet: fibre"; a dash without one."""
        return DASH if rule is None else f"{self.attribute(rule.attribute)}: {self.condition(rule)}"

    def level(self, attribute: str, level: str) -> str:
        """An answer in words; one that we have no word for as the data has it."""
        own = self.voice.labels.level(attribute, level, self.voice.lang)
        own = own or self._own(f"level.{self.example}.{attribute}.{slug(level)}")
        if own:
            return own
        keys = [f"personas.level.{attribute}.{slug(level)}", f"personas.level.{slug(level)}"]
        known = next((key for key in keys if self.voice.catalogue.has(key)), None)
        return named(level) if known is None else self.voice.catalogue.text(known)

    def edit(self, edit: Edit) -> str:
        """A change of rules."""
        return self.voice.say(f"personas.edit.{edit.kind}", old=self.rule(edit.old), new=self.rule(edit.new))

    def reason(self, why: str, adjust: Sequence[str]) -> str:
        """Why not to ask, as `QualifyingQuestions.do_not_ask` says it; `adjust` is what compared leads are alike in."""
        kind, _, ground = why.partition(": ")
        begins = next((begin for begin in _BEGINNINGS if why.startswith(begin)), "")
        key, ground_key = _BEGINNINGS.get(begins, slug(kind)), f"personas.ground.{slug(ground)}"
        other = self.attribute(why.removeprefix(begins)) if key == "same" else ""
        ground = self.voice.catalogue.text(ground_key) if self.voice.catalogue.has(ground_key) else named(ground)
        return self.voice.say(f"personas.reason.{key}", ground=ground, held=self.attributes(adjust), other=other)

    def points(self, name: str, estimate: Estimate, *counts: int) -> str:
        """A difference in retention of 100 with its range: "20.7 (16.1 to 25.3)"; nothing of too few."""
        return self.in_points(fact_of(name, estimate, "share", *counts))

    def in_points(self, fact: Fact) -> str:
        """A share of 100 with its range, as exactly as it is told."""
        decimals = self.voice.disclosure.decimals(fact.n or 0)
        return self._ranged(fact, lambda share: self.voice.number(100 * share + 0.0, decimals))

    def money(self, name: str, estimate: Estimate, *counts: int) -> str:
        """An amount of a year with its range, from one a month; nothing of too few."""
        return self._ranged(fact_of(name, of_year(estimate), "money", *counts), self.voice.money)

    def revenue(self, name: str, staying: Staying | Measured) -> str:
        """Revenue of a year that stays, without its range."""
        return self.money(name, Estimate(staying.retained_revenue.value), staying.n)

    def _ranged(self, fact: Fact, write: Callable[[float], str]) -> str:
        (safe,) = self.voice.note(fact)
        if safe.hidden:
            return self.voice.under_threshold()
        value, low, high = map(write, (safe.value, safe.ci_lower, safe.ci_upper))
        if np.isnan(safe.ci_lower):
            return value
        return self.voice.say("personas.with_range", value=value, range=self.voice.between(low, high))

    def _own(self, key: str) -> str:
        return self.voice.catalogue.text(key) if self.example and self.voice.catalogue.has(key) else ""


def fact_of(name: str, estimate: Estimate, unit: str, *counts: int) -> Fact:
    """An estimate of a persona as a fact, resting on the fewest of some counts of customers."""
    fact = Fact.of(f"personas.{name}", estimate, "refine_persona(...), qualifying_questions(...)", unit)
    return replace(fact, n=min(counts, default=estimate.n))


def of_year(estimate: Estimate) -> Estimate:
    """An amount a month as one a year."""
    return replace(estimate, **{name: MONTHS * getattr(estimate, name) for name in ("value", "ci_lower", "ci_upper")})


def stated(voice: Voice, name: str, number: float, definition: str, decimals: int = 2) -> str:
    """A number that somebody set, as a fact named after it: it may be another one elsewhere."""
    value = round(float(number), decimals)
    return voice.tell(Fact(f"personas.{name}.{value:.10g}", value, "count", definition), "short")


def weight_of(voice: Voice, rule: Rule, decimals: int) -> str:
    """The weight of a rule."""
    return stated(voice, f"weight.{rule.attribute}", rule.weight, f"weight of a rule on {rule.attribute}", decimals)


def span(voice: Voice, low: float | None, high: float | None, decimals: int = 2, unit: str = "", *, about: str) -> str:
    """Two limits of which one may be open: "from 3 to 5", "below 3".

    Parameters
    ----------
    voice : Voice
    low, high : float or None
    decimals : int
        At most.
    unit : str
        Key of what they are written with.
    about : str
        What they limit, for the names of the facts that they become.
    """
    key = "below" if low is None else "from" if high is None else "between"
    ends = {
        name: stated(voice, f"limit.{about}", end, f"limit of {about} that a persona asks for", decimals)
        for name, end in (("low", low), ("high", high))
        if end is not None
    }
    if unit and voice.catalogue.has(unit):
        ends = {name: voice.catalogue.text(unit, number=number) for name, number in ends.items()}
    return voice.say(f"persona.rules.{key}", **ends)


def slug(words: str) -> str:
    """Words as they stand in keys of messages."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
