"""Retention of a set of customers and how two sets differ, where the sets may share customers.

Every figure comes with its influence: by how much one customer of a row moves it. The variance of any difference of
figures is the sum of its squared influence over customers, so that customers in both sets count once (infinitesimal
jackknife).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kbind.contrasts.regression import Cells, adjusted_for, maximum, own_columns, scaled
from kbind.customers.at_signing import YEAR, Prospects
from kbind.estimate.influenced import Influenced
from kbind.personas.matching import rule_holds
from kbind.personas.parts import Rule
from kbind.typing import Bools, Floats, Ints

#: Fewer customers, or fewer leavers or stayers among them, say nothing.
LEAST_CUSTOMERS, LEAST_EVENTS = 100, 10


def retention(p: Prospects, n: Ints, mask: Bools) -> Influenced:
    """Retention given exposure of the marked rows, with `n` customers a row."""
    return _kept(p, n * mask, mask, p.gone.astype(float), p.size)


def first_year(p: Prospects, n: Ints, mask: Bools) -> Influenced:
    """The same of the first year alone, in which nobody is a survivor yet."""
    return _kept(p, n * mask, mask, p.first_gone, p.first_size)


def revenue(p: Prospects, n: Ints, mask: Bools) -> Influenced:
    """Monthly revenue per customer."""
    known = mask & np.isfinite(p.revenue)
    count = float((n * known).sum())
    if not count:
        return _nothing(p)
    value = np.where(known, p.revenue, 0.0)
    mean = float((n * value).sum()) / count
    return Influenced(mean, np.where(known, (value - mean) / count, 0.0))


def retained_revenue(p: Prospects, n: Ints, mask: Bools) -> Influenced:
    """Monthly revenue per customer that is still there: mean revenue times the retention of revenue."""
    known = mask & np.isfinite(p.revenue)
    value = np.where(known, p.revenue, 0.0)
    mean, share = revenue(p, n, mask), _kept(p, n * known, known, value * p.gone, value * p.size)
    return Influenced(mean.value * share.value, mean.influence * share.value + mean.value * share.influence)


def months_seen(p: Prospects, n: Ints, mask: Bools) -> float:
    """Mean months that customers have been seen for; NaN where the data does not say."""
    known = mask & np.isfinite(p.months)
    count = int((n * known).sum())
    return float((n * np.where(known, p.months, 0.0)).sum() / count) if count else float("nan")


def share_of(n: Ints, mask: Bools, of: Bools | None = None) -> float:
    """Share of the customers who are marked, of all or of some."""
    whole = n if of is None else n * of
    return float((whole * mask).sum() / whole.sum()) if whole.sum() else float("nan")


def jaccard(n: Ints, one: Bools, other: Bools) -> float:
    """Customers in both sets, of those in either."""
    return share_of(n, one & other, one | other)


def enough(p: Prospects, n: Ints, mask: Bools) -> bool:
    """Whether enough customers are marked, among them leavers and stayers, for anything to be said."""
    count, left = int((n * mask).sum()), int((n * (mask & p.gone)).sum())
    return count >= LEAST_CUSTOMERS and min(left, count - left) >= LEAST_EVENTS


def _kept(p: Prospects, weight: Ints, mask: Bools, gone: Floats, size: Floats) -> Influenced:
    whole = float((weight * size).sum())
    if not whole > 0:
        return _nothing(p)
    rate = float((weight * gone).sum()) / whole
    value = float(np.exp(-YEAR * rate)) if p.rate else 1 - rate
    slope = -YEAR * value if p.rate else -1.0
    return Influenced(value, np.where(mask, slope * (gone - rate * size) / whole, 0.0))


def _nothing(p: Prospects) -> Influenced:
    return Influenced(float("nan"), np.zeros(len(p.n)))


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


def adjusted_difference(
    p: Prospects, n: Ints, group: Ints, share: Mapping[int, float], columns: Sequence[str]
) -> tuple[float, float]:
    """Sum over groups of share times the retention that all customers would have in it.

    A regression of leaving (logistic, or Poisson per month at risk) on the groups and the columns gives everybody's
    chance in every group; these are averaged over the customers of all groups.

    Parameters
    ----------
    p : Prospects
    n : ndarray of int, shape (rows,)
        Customers of each row.
    group : ndarray of int, shape (rows,)
        -1 for rows that are left out.
    share : mapping of int to float
        One entry a group, adding up to 0: {1: 1, 0: -1} for the difference of two.
    columns : sequence of str
        Text by level, numbers linear; customers without a number are left out, as are levels of which everybody or
        nobody has left: they say nothing on the groups.

    Returns
    -------
    value, error : float
        NaN where a group is empty, or is separated by its outcome.
    """
    used = (group >= 0) & (n > 0) & (p.size > 0)
    for name in columns:
        if name in p.numbers:
            used &= np.isfinite(p.numbers[name])
    weight, which = n[used].astype(float), group[used]
    cells = Cells(which, weight * p.gone[used], weight * p.size[used], np.empty((len(which), 0)), p.rate)
    levels = [_levels(p, name)[used] for name in columns if name not in p.numbers]
    numbers = [scaled(p.numbers[name][used], weight) for name in columns if name in p.numbers]
    cells, kept = adjusted_for(cells, levels, numbers)
    weight, which = weight[kept], which[kept]
    if any(not weight[which == g].sum() for g in share):
        return np.nan, np.nan
    own = cells.design[:, own_columns(cells)]
    others = sorted(share)[1:]
    found = maximum(cells, np.column_stack([own, *[(which == g).astype(float) for g in others]]))
    if found is None:
        return np.nan, np.nan
    value, slope = 0.0, np.zeros(len(found[0]))
    for g, part in share.items():
        there = np.column_stack([own, *[np.full(len(which), float(g == other)) for other in others]])
        stay, change = _kept_at(there @ found[0], rate=p.rate)
        value += part * float(weight @ stay / weight.sum())
        slope += part * (weight * change) @ there / weight.sum()
    return value, float(np.sqrt(slope @ found[1] @ slope))


def _levels(p: Prospects, name: str) -> Ints:
    """Codes from 0, the last for unknown."""
    attribute = p.attributes[name]
    return np.where(attribute.codes < 0, len(attribute.levels), attribute.codes)


def _kept_at(line: Floats, *, rate: bool) -> tuple[Floats, Floats]:
    """Retention at a value of the linear predictor, and how it changes with it."""
    from scipy.special import expit

    if rate:
        hazard = YEAR * np.exp(line)
        return np.exp(-hazard), -hazard * np.exp(-hazard)
    chance = expit(line)
    return 1 - chance, -chance * (1 - chance)
