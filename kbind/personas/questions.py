"""What sales should ask before signing, and what it should not: questions on a persona, with what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kbind.customers.words import AGREED, names_one, protected_columns
from kbind.dataset.dataset import Dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, NotEnoughData, check_amount, check_rng, listed
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import (
    benjamini_hochberg,
    interval_columns,
    normal,
    stacked,
    two_sided,
    wilson,
    with_limits,
)
from kbind.personas.parts import Rule
from kbind.personas.persona import Persona
from kbind.personas.refinement.columns import Columns, columns_of
from kbind.personas.refinement.edits import simple_rules
from kbind.personas.refinement.measure import Matcher, adjusted_difference, enough, retention, share_of, words_of
from kbind.personas.refinement.settings import Refining
from kbind.result import Shown
from kbind.typing import Bools, Ints

NO_EFFECT, VANISHES = "no adjusted effect", "vanishes after adjusting"
WORSE, TURNED = "the persona's answer is the worse one", "the other way round after adjusting"


@dataclass(frozen=True)
class Question:
    """One attribute that sales can ask about, as measured on the second half.

    Attributes
    ----------
    attribute : str
    rule : Rule
        The good answers.
    in_persona : bool
        Whether the persona has this rule already.
    protected : str
        The protected characteristic that the user insists on asking about; empty for others.
    wording : dict of str to str or None
        How the persona asks it, by language.
    n, turned_away : int
        Leads who were asked, and those of them without a good answer.
    retention_good, retention_other : Estimate
        With interval.
    difference, difference_adjusted : Estimate
        Good answers minus others.
    raw_p_value, p_value : float
        Of the one and of the other.
    """

    attribute: str
    rule: Rule
    in_persona: bool
    protected: str
    wording: dict[str, str] | None
    n: int
    turned_away: int
    retention_good: Estimate
    retention_other: Estimate
    difference: Estimate
    raw_p_value: float
    difference_adjusted: Estimate
    p_value: float


@dataclass(frozen=True, eq=False)
class QualifyingQuestions(Shown):
    """What to ask leads of a persona. Made by `qualifying_questions`.

    Attributes
    ----------
    persona : Persona
    questions : tuple of Question
        All that were measured, the largest adjusted difference first.
    q_values : dict of str to float
        Benjamini-Hochberg over all of them, by attribute; NaN where no test was possible.
    barred : dict of str to str
        Columns that were not measured, and why.
    adjust : tuple of str
        Columns in which compared leads are alike.
    value, cost : float
        What a customer who stays is worth, and what winning one costs; NaN if not stated.
    agreed : tuple of str
        Columns that hold what is only agreed on with the contract: extras of a service, and such as plan or payment.
    """

    persona: Persona
    questions: tuple[Question, ...] = field(repr=False)
    q_values: dict[str, float] = field(repr=False)
    barred: dict[str, str] = field(repr=False)
    adjust: tuple[str, ...]
    value: float
    cost: float
    fdr: float
    conf_level: float
    rate: bool
    meaning: str
    n: int
    provenance: Provenance
    agreed: tuple[str, ...] = ()

    @property
    def definition(self) -> str:
        """What was asked of whom, and how it was measured, in a few sentences."""
        kept = "what the monthly rate of leaving per month at risk leaves after a year" if self.rate else (
            "share who stayed"
        )  # fmt: skip
        held = f", adjusted for {listed(self.adjust)} by regression" if self.adjust else ""
        return (
            f"Questions to leads of {self.persona.name}, version {self.persona.version}. Good answers were told from "
            f"others on one half of the {self.provenance.customer}s, all figures are from the other half ({self.n:,}). "
            f"Difference: retention with a good answer minus without{held}. Retention: {kept}. {self.meaning} q by "
            f"Benjamini-Hochberg over all questions; {self.conf_level:.0%} intervals. All leads here did sign: how "
            f"those who never did would have stayed is not known. {self.provenance}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Questions whose answer tells much, but not enough to turn anybody away, where money was stated."""
        frame = self.to_frame()
        dear = frame.loc[frame["gain_of_asking_ci_upper"] < 0, "attribute"]
        if not len(dear):
            return ()
        return (f"At this value and cost, turning leads away by the answer loses more than it saves: {listed(dear)}.",)

    def to_frame(self) -> pd.DataFrame:
        """Questions to ask, the largest adjusted difference first.

        Returns
        -------
        DataFrame
            Columns attribute, question (as the persona words it in English, else empty), good_answers, in_persona,
            protected, n, difference, difference_adjusted, q_value, retention_good, retention_other, turned_away (share
            of leads), good_turned_away and bad_taken (per 100 leads: turned away although they would have stayed, taken
            although they will leave), lost_turned_away and lost_taken (what these cost), gain_of_asking (per 100
            leads: what turning away saves in cost, minus the value it loses). Estimates with `_ci_lower` and
            `_ci_upper`. Money is NaN where value or cost was not stated.
        """
        return self._frame([question for question in self.questions if not self._against(question)])

    def do_not_ask(self) -> pd.DataFrame:
        """What not to ask, and why.

        Returns
        -------
        DataFrame
            Columns attribute, reason, difference and difference_adjusted (both with `_ci_lower` and `_ci_upper`),
            q_value, turned_away; NaN where it was not measured.
        """
        refused = [question for question in self.questions if self._against(question)]
        measured = self._frame(refused)
        measured.insert(1, "reason", [self._against(question) for question in refused])
        names = ["attribute", "reason", *with_limits("difference", "difference_adjusted"), "q_value",
                 "turned_away"]  # fmt: skip
        others = pd.DataFrame({"attribute": list(self.barred), "reason": list(self.barred.values())}, dtype="str")
        filled = others.reindex(columns=names).astype(dict.fromkeys(names[2:], "float64"))
        parts = [part for part in (measured[names], filled) if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else filled

    def _against(self, question: Question) -> str:
        """Why not to ask; empty for questions to ask."""
        if self.q_values[question.attribute] <= self.fdr:
            return "" if question.difference_adjusted.value > 0 else WORSE if question.in_persona else TURNED
        held = [name for name in self.adjust if name != question.attribute]
        told = bool(held) and question.raw_p_value <= self.fdr and question.difference.value > 0
        return VANISHES if told else NO_EFFECT

    def _frame(self, rows: list[Question]) -> pd.DataFrame:
        columns: dict[str, Any] = {
            "attribute": pd.Series([row.attribute for row in rows], dtype="str"),
            "question": pd.Series([(row.wording or {}).get("en", "") for row in rows], dtype="str"),
            "good_answers": pd.Series([words_of(row.rule) for row in rows], dtype="str"),
            "in_persona": pd.Series([row.in_persona for row in rows], dtype=bool),
            "protected": pd.Series([row.protected for row in rows], dtype="str"),
            "n": pd.Series([row.n for row in rows], dtype="int64"),
        }
        found = {
            name: stacked(getattr(row, name) for row in rows)
            for name in ("difference", "difference_adjusted", "retention_good", "retention_other")
        }
        n = np.array([row.n for row in rows], dtype=float)
        away = np.array([row.turned_away for row in rows], dtype=float)
        found["turned_away"] = np.array(wilson(away, n, self.conf_level))
        share, good, other = away / n, found["retention_good"], found["retention_other"]
        # what a limit of retention means for those who leave is the other limit
        leave, order = 1 - other, [0, 2, 1]
        found["good_turned_away"] = 100 * share * other
        found["bad_taken"] = 100 * (1 - share) * (1 - good)[order]
        found["lost_turned_away"] = found["good_turned_away"] * self.value
        found["lost_taken"] = found["bad_taken"] * self.cost
        found["gain_of_asking"] = (100 * share * (leave * self.cost - other * self.value))[order]
        for name in ("difference", "difference_adjusted"):
            columns |= interval_columns(name, found.pop(name))
        columns["q_value"] = [self.q_values[row.attribute] for row in rows]
        for name, values in found.items():
            columns |= interval_columns(name, values)
        return pd.DataFrame(columns)


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
        questions=tuple(sorted(asked, key=lambda question: -question.difference_adjusted.value)),
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
        agreed=tuple(name for name in p.attributes if name in p.structural or names_one(name, AGREED)),
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
            retention_good=kept.estimate(n, self.conf_level),
            retention_other=lost.estimate(n, self.conf_level),
            difference=kept.minus(lost).estimate(n, self.conf_level),
            raw_p_value=kept.minus(lost).p_value(n),
            difference_adjusted=normal(*adjusted, self.conf_level),
            p_value=two_sided(*adjusted),
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
