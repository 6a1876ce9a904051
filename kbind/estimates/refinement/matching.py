"""Rules laid over customers, and edits of rules."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kbind.data.personas import Rule
from kbind.statistics.customers.prospects import Prospects
from kbind.statistics.personas.matching import rule_holds
from kbind.typing import Bools

Rules = tuple[Rule, ...]

#: Weights are added up; a score this close to min_match reaches it.
_CLOSE = 1e-9


@dataclass(frozen=True)
class Edit:
    """One rule added, dropped or changed.

    Attributes
    ----------
    kind : {"add", "drop", "change"}
    old, new : Rule or None
    """

    kind: str
    old: Rule | None
    new: Rule | None

    @property
    def attribute(self) -> str:
        """The column that the rule is about."""
        rule = self.new or self.old
        assert rule is not None
        return rule.attribute


def apply(rules: Rules, edit: Edit) -> Rules:
    """The rules after an edit; a changed rule keeps its place."""
    if edit.new is None:
        return tuple(rule for rule in rules if rule != edit.old)
    if edit.old is None:
        return (*rules, edit.new)
    return tuple(edit.new if rule == edit.old else rule for rule in rules)


@dataclass(frozen=True, eq=False)
class Matcher:
    """Which customers match rules; every rule is laid over them once.

    Attributes
    ----------
    p : Prospects
    min_match : float
        Least share of the weights of rules that hold, among those whose attribute is known.
    """

    p: Prospects
    min_match: float
    _held: dict[tuple[object, ...], NDArray[np.int8]] = field(default_factory=dict, repr=False)

    def holds(self, rule: Rule) -> NDArray[np.int8]:
        """1 where a rule holds, 0 where it does not, -1 where its attribute is unknown."""
        key = (rule.attribute, rule.in_, rule.range)
        if key not in self._held:
            held = rule_holds(rule, self.p.column(rule.attribute))
            self._held[key] = np.where(np.isnan(held), -1, held).astype(np.int8)
        return self._held[key]

    def match(self, rules: Rules) -> Bools:
        """Who reaches `min_match`; everybody where there are no rules, nobody of whom nothing is known."""
        if not rules:
            return np.ones(len(self.p.n), dtype=bool)
        held = np.array([self.holds(rule) for rule in rules])
        weights = np.array([rule.weight for rule in rules])
        known = weights @ (held >= 0)
        return np.asarray((known > 0) & (weights @ (held == 1) >= (self.min_match - _CLOSE) * known))


def words_of(rule: Rule | None) -> str:
    """A rule on one line, without its attribute.

    >>> words_of(Rule("budget", range=(500, None))), words_of(Rule("plan", in_=("basic", "pro"), weight=2))
    ('>= 500', 'basic or pro (weight 2)')
    """
    if rule is None:
        return "–"
    weight = "" if rule.weight == 1 else f" (weight {rule.weight:g})"
    if rule.in_ is not None:
        return " or ".join(rule.in_) + weight
    assert rule.range is not None
    low, high = rule.range
    if low is None or high is None:
        return (f"< {high:.15g}" if low is None else f">= {low:.15g}") + weight
    return f"{low:.15g} to < {high:.15g}{weight}"
