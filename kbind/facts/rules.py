"""Rules of personas in words, and estimates with their ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kbind.churn.snapshots.snapshot_table import Feature
from kbind.estimate.estimate import Estimate
from kbind.facts.features import feature_name
from kbind.personas.parts import Rule
from kbind.personas.refinement.measure import Edit
from kbind.personas.refinement.refinement import Measured
from kbind.personas.staying import Staying
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
    """

    voice: Voice
    tenure: str = ""

    def attribute(self, column: str) -> str:
        """What a column is called."""
        own = self.voice.labels.column(column, self.voice.lang)
        if own:
            return upper_first(own)
        measure = "tenure" if column == self.tenure else "attribute"
        return feature_name(Feature(column, measure, "customers", column), self.voice.lang)

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
            words = span(self.voice, *(rule.range or (None, None)))
        if rule.weight == 1:
            return words
        return self.voice.say("personas.weighted", rule=words, weight=self.voice.short(rule.weight))

    def rule(self, rule: Rule | None) -> str:
        """A rule as "Internet: fibre"; a dash without one."""
        return DASH if rule is None else f"{self.attribute(rule.attribute)}: {self.condition(rule)}"

    def level(self, attribute: str, level: str) -> str:
        """An answer in words; one that we have no word for as the data has it."""
        own = self.voice.labels.level(attribute, level, self.voice.lang)
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

    def points(self, estimate: Estimate, *counts: int) -> str:
        """A difference in retention with its range: "20.7 (16.1 to 25.3)"; nothing of too few."""
        return self._ranged(estimate, lambda share: self.voice.number(100 * share + 0.0, 1), *counts)

    def money(self, estimate: Estimate, n: int) -> str:
        """An amount with its range; nothing of too few."""
        return self._ranged(estimate, self.voice.money, n)

    def revenue(self, staying: Staying | Measured) -> str:
        """Revenue that stays, without its range."""
        return self.money(Estimate(staying.retained_revenue.value), staying.n)

    def _ranged(self, estimate: Estimate, write: Callable[[float], str], *counts: int) -> str:
        if any(map(self.voice.disclosure.hides, counts)):
            return self.voice.under_threshold()
        value, low, high = map(write, estimate)
        if np.isnan(estimate.ci_lower):
            return value
        return self.voice.say("personas.with_range", value=value, range=self.voice.between(low, high))


def span(voice: Voice, low: float | None, high: float | None, decimals: int = 2) -> str:
    """Two limits of which one may be open: "from 3 to 5", "below 3"."""
    key = "below" if low is None else "from" if high is None else "between"
    ends = {name: voice.short(end, decimals) for name, end in (("low", low), ("high", high)) if end is not None}
    return voice.say(f"persona.rules.{key}", **ends)


def slug(words: str) -> str:
    """Words as they stand in keys of messages."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
