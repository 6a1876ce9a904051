"""What sales should ask before signing, and what it should not: questions on a persona, with what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kbind.data.dataset import Dataset
from kbind.data.personas import Persona, Rule
from kbind.errors import ArgumentError, NotEnoughData, check_amount, check_rng
from kbind.estimates.many_tests import benjamini_hochberg
from kbind.estimates.questions.result import QualifyingQuestions, Question
from kbind.estimates.refinement.adjusted import adjusted_difference
from kbind.estimates.refinement.columns import Columns, columns_of
from kbind.estimates.refinement.matching import Matcher
from kbind.estimates.refinement.measure import enough, retention, share_of
from kbind.estimates.refinement.search import simple_rules
from kbind.estimates.refinement.settings import Refining
from kbind.statistics.customers.words import protected_columns
from kbind.typing import Bools, Ints

__all__ = ["QualifyingQuestions", "Question", "qualifying_questions"]

#: Customers who give the one answer or the other, below which nothing is said.
_LEAST = 30
_USUAL = Refining()


def qualifying_questions(
    persona: Persona,
    data: Dataset,
    *,
    exclude: str | Sequence[str] = (),
    settings: Refining = _USUAL,
    value: float | None = None,
    cost: float | None = None,
    rng: int | np.random.Generator | np.random.SeedSequence = 0,
) -> QualifyingQuestions:
    """What sales can ask before signing: how much the answer changes expected retention, and what it costs to ask.

    Parameters
    ----------
    persona : Persona
        Leads are customers who match it, on a question about one of its rules those who match the others.
    data : Dataset
        As for `refine_persona`; who is a customer now was a lead once.
    exclude : str or sequence of str
        Columns not to ask about.
    settings : Refining
        In what compared leads are alike, what is not asked about (the bond, and protected characteristics unless
        insisted on), and how sure a question has to be.
    value : float, optional
        What a customer who stays is worth, in money: lost with every good one who is turned away.
    cost : float, optional
        What winning a customer costs, in money: lost with every one who is taken and leaves.
    rng : int, numpy.random.Generator or numpy.random.SeedSequence
        Deals the customers out to two halves: on the first good answers are told from others, on the second measured.

    Returns
    -------
    QualifyingQuestions

    Raises
    ------
    ArgumentError
        No such column, an argument out of range, a persona of whom not to sell to, too few customers who match.

    Notes
    -----
    The difference is that in retention between leads with a good answer and the others, averaged over all leads by a
    regression on the answer and `adjust`. A question is to be asked if q is at most `fdr` and good answers are better.
    What those who were never signed would have done is not known: all figures are about those who were.

    Examples
    --------
    >>> import kbind as kb
    >>> rules = (kb.Rule("internet_service", in_=("Fiber optic",)), kb.Rule("streaming_tv", in_=("Yes",)))
    >>> films = kb.Persona("films", 1, "Sales", "2026-01-01", "Watches films", rules)
    >>> found = kb.qualifying_questions(films, kb.datasets.load_telco(), exclude="monthly_charges")
    >>> found.to_frame()["attribute"].tolist()
    ['paperless_billing', 'tech_support', 'payment_method']
    >>> found.do_not_ask().set_index("attribute").loc["senior_citizen", "reason"]
    'protected characteristic: age'
    """
    generator = check_rng(rng)
    for name, money in (("value", value), ("cost", cost)):
        if money is not None:
            check_amount(name, money)
    columns = columns_of(data, persona, exclude=exclude, settings=settings)
    if persona.negative:
        raise ArgumentError(f"persona={persona.name!r} says whom not to sell to; ask on those you mean to sell to")
    p, matcher = columns.p, Matcher(columns.p, persona.min_match)
    held = columns.adjust if settings.adjust is not None else tuple(dict.fromkeys((*columns.adjust, *columns.bond)))
    first, second = p.divide(2, generator)
    if not all(enough(p, half, matcher.match(persona.rules)) for half in (first, second)):
        raise NotEnoughData(f"persona={persona.name!r} matches too few {p.provenance.customer}s of {data.name!r}, or "
                            "too few who left or stayed, to tell one answer from another")  # fmt: skip
    asker = _Asker(columns, matcher, persona, first, second, held, float(settings.conf_level))
    grounds = protected_columns(p.attributes, settings.protected)
    found = {name: asker.ask(name, grounds.get(name, "")) for name in columns.allowed}
    asked = [question for question in found.values() if question is not None]
    q_values = benjamini_hochberg([question.p_value for question in asked])
    reasons = columns.barred | {name: "too few leads to tell" for name, question in found.items() if question is None}
    return QualifyingQuestions(
        persona=persona,
        questions=tuple(sorted(asked, key=lambda question: -question.difference_adjusted[0])),
        q_values=dict(zip((q.attribute for q in asked), q_values.tolist(), strict=True)),
        barred=reasons,
        adjust=held,
        value=float("nan") if value is None else float(value),
        cost=float("nan") if cost is None else float(cost),
        fdr=float(settings.fdr),
        conf_level=float(settings.conf_level),
        rate=p.rate,
        meaning=p.meaning,
        n=int(second.sum()),
        provenance=p.provenance,
    )


@dataclass(frozen=True, eq=False)
class _Asker:
    """Questions on one persona: good answers from the first half, figures from the second."""

    columns: Columns
    matcher: Matcher
    persona: Persona
    first: Ints
    second: Ints
    adjust: tuple[str, ...]
    conf_level: float

    def ask(self, attribute: str, ground: str) -> Question | None:
        """One question; None if too few leads give the one answer or the other."""
        p, n = self.columns.p, self.second
        own = next((rule for rule in self.persona.rules if rule.attribute == attribute), None)
        leads = self.matcher.match(tuple(rule for rule in self.persona.rules if rule.attribute != attribute))
        rule = own or self._good_answers(attribute, leads)
        if rule is None:
            return None
        holds = self.matcher.holds(rule)
        good, other = leads & (holds == 1), leads & (holds == 0)
        if min((n * good).sum(), (n * other).sum()) < _LEAST:
            return None
        group = np.select([good, other], [1, 0], default=-1)
        held = [name for name in self.adjust if name != attribute]
        adjusted = adjusted_difference(p, n, group, {1: 1.0, 0: -1.0}, held)
        kept, lost = retention(p, n, good), retention(p, n, other)
        wording = next((q.text for q in self.persona.qualifying_questions if q.attribute == attribute), None)
        return Question(
            attribute=attribute,
            rule=rule,
            in_persona=own is not None,
            protected=ground,
            wording=wording,
            n=int((n * (good | other)).sum()),
            turned_away=int((n * other).sum()),
            retention_good=kept.limits(n, self.conf_level),
            retention_other=lost.limits(n, self.conf_level),
            difference=kept.minus(lost).limits(n, self.conf_level),
            raw_p_value=kept.minus(lost).p_value(n),
            difference_adjusted=adjusted.limits(self.conf_level),
            p_value=adjusted.p_value,
        )

    def _good_answers(self, attribute: str, leads: Bools) -> Rule | None:
        """The answers that divide the leads of the first half best: difference in retention times both shares."""
        p, n = self.columns.p, self.first
        best, worth = None, 0.0
        for rule in simple_rules(p, n, leads, attribute):
            holds = self.matcher.holds(rule)
            good, other = leads & (holds == 1), leads & (holds == 0)
            if min((n * good).sum(), (n * other).sum()) < _LEAST:
                continue
            share = share_of(n, good, good | other)
            found = (retention(p, n, good).value - retention(p, n, other).value) * share * (1 - share)
            if found > worth:
                best, worth = rule, found
        return best
