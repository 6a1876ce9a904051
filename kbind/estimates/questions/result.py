"""Questions to ask and not to ask, with what a wrong answer costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from kbind.data.personas import Persona, Rule
from kbind.errors import listed
from kbind.estimates.intervals import wilson
from kbind.estimates.refinement.matching import words_of
from kbind.estimates.refinement.traps import Limits
from kbind.statistics.result import Provenance, Shown

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
    retention_good, retention_other : tuple of (float, float, float)
        With interval.
    difference, difference_adjusted : tuple of (float, float, float)
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
    retention_good: Limits
    retention_other: Limits
    difference: Limits
    raw_p_value: float
    difference_adjusted: Limits
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
        names = ["attribute", "reason", *_limits("difference"), *_limits("difference_adjusted"), "q_value",
                 "turned_away"]  # fmt: skip
        others = pd.DataFrame({"attribute": list(self.barred), "reason": list(self.barred.values())}, dtype="str")
        filled = others.reindex(columns=names).astype(dict.fromkeys(names[2:], "float64"))
        parts = [part for part in (measured[names], filled) if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else filled

    def _against(self, question: Question) -> str:
        """Why not to ask; empty for questions to ask."""
        if self.q_values[question.attribute] <= self.fdr:
            return "" if question.difference_adjusted[0] > 0 else WORSE if question.in_persona else TURNED
        held = [name for name in self.adjust if name != question.attribute]
        told = bool(held) and question.raw_p_value <= self.fdr and question.difference[0] > 0
        return VANISHES if told else NO_EFFECT

    def _frame(self, rows: list[Question]) -> pd.DataFrame:
        import numpy as np

        columns: dict[str, Any] = {
            "attribute": pd.Series([row.attribute for row in rows], dtype="str"),
            "question": pd.Series([(row.wording or {}).get("en", "") for row in rows], dtype="str"),
            "good_answers": pd.Series([words_of(row.rule) for row in rows], dtype="str"),
            "in_persona": pd.Series([row.in_persona for row in rows], dtype=bool),
            "protected": pd.Series([row.protected for row in rows], dtype="str"),
            "n": pd.Series([row.n for row in rows], dtype="int64"),
        }
        found = {
            name: np.array([getattr(row, name) for row in rows], dtype=float).reshape(-1, 3).T
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
            columns |= dict(zip(_limits(name), found.pop(name), strict=True))
        columns["q_value"] = [self.q_values[row.attribute] for row in rows]
        for name, values in found.items():
            columns |= dict(zip(_limits(name), values, strict=True))
        return pd.DataFrame(columns)


def _limits(name: str) -> list[str]:
    return [name, f"{name}_ci_lower", f"{name}_ci_upper"]
