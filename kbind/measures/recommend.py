"""Which measures fit: from the gap between the bonds that customers have and those that are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kbind.bonds.contexts import BONDS, CONTEXTS, Context
from kbind.bonds.questions import BondQuestions
from kbind.errors import ArgumentError, check_choice, check_list, check_number, choices, told
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.measures.catalogue import Measure, load_measures
from kbind.measures.evidence import CLAIMED, GRADES, REFUTED, Finding, together
from kbind.measures.learning_log import learned as read_log
from kbind.result import Shown

#: Questions about bonds whose answer is an effect on leaving of what measures would change.
ON_LEAVING = ("first_exit", "breadth", "praise", "recommending", "contagion")


@dataclass(frozen=True)
class Recommendation:
    """One measure, and why it is where it is.

    Attributes
    ----------
    measure : Measure
    fit : Estimate
        Mean gap that its bonds close, on the scale of the scores; the limits are those of the gaps.
    reasons : tuple of (str, str)
        What speaks for or against it, and the bond or result that it is about: ("closes", bond), ("unsure", bond: the
        interval of the gap holds 0), ("beyond", bond: there is more of it than wanted), ("unwanted", bond),
        ("unknown", bond: not measured), ("works", key), ("fails", key).
    grade : {"refuted", "claimed", "observed", "shown"}
        Of evidence, in this data and in the learning log.
    """

    measure: Measure
    fit: Estimate
    reasons: tuple[tuple[str, str], ...]
    grade: str

    @property
    def is_hypothesis(self) -> bool:
        """Whether nothing but what the trade says speaks for it."""
        return self.grade == CLAIMED


@dataclass(frozen=True, eq=False)
class Recommendations(Shown):
    """Measures by how well they fit. Made by `recommend_measures`.

    Attributes
    ----------
    context : {"b2b", "b2c"}
    gaps : dict of str to Estimate
        By bond that is wanted: wanted minus actual.
    ranked : tuple of Recommendation
        Those that close a gap, the best first: families, instruments and practices together.
    """

    context: str
    gaps: dict[str, Estimate]
    ranked: tuple[Recommendation, ...] = field(repr=False)

    @property
    def definition(self) -> str:
        """What a fit is, and what it is not."""
        return (
            "Fit: mean over the bonds that a measure is said to build of the gap (wanted minus actual score; 0 for "
            f"bonds that nobody wants), in {self.context}. A measure without a result of this data is a hypothesis: "
            "that it builds a bond is claimed, not shown; observed: what it would change goes with staying here; "
            "shown: a trial here had that effect; refuted: a trial here leaves no room for one worth having, and the "
            "measure stands last."
        )

    def headline(self) -> str:
        """The first measure."""
        return self.ranked[0].measure.key if self.ranked else "nothing fits"

    def of_kind(self, kind: str) -> tuple[Recommendation, ...]:
        """Families, instruments or practices only, in order."""
        check_choice("kind", kind, ("family", "instrument", "practice"))
        return tuple(one for one in self.ranked if one.measure.kind == kind)

    def to_frame(self) -> pd.DataFrame:
        """One row a measure, the best first.

        Returns
        -------
        DataFrame
            key, kind, family, fit, fit_ci_lower, fit_ci_upper, closes, against (bonds and results, in words that
            `Recommendation.reasons` explains), risks, triggers, needs, indicator, grade, is_hypothesis.
        """
        columns = [
            "key", "kind", "family", "fit", "fit_ci_lower", "fit_ci_upper", "closes", "against", "risks", "triggers",
            "needs", "indicator", "grade", "is_hypothesis",
        ]  # fmt: skip
        rows = []
        for one in self.ranked:
            m = one.measure
            closes = ", ".join(bond for reason, bond in one.reasons if reason == "closes")
            against = ", ".join(f"{reason} {what}" for reason, what in one.reasons if reason not in ("closes", "works"))
            lists = [", ".join(values) for values in (m.risks, m.triggers, m.needs)]
            rows.append((m.key, m.kind, m.family, *one.fit, closes, against, *lists, m.indicator, one.grade))
        return pd.DataFrame([(*row, row[-1] == CLAIMED) for row in rows], columns=columns)


def recommend_measures(
    scores: Any,
    *,
    wanted: Mapping[str, float] | Sequence[str] | None = None,
    context: str | None = None,
    observed: Mapping[str, Finding] | BondQuestions | None = None,
    learned: str | Path | None = None,
) -> Recommendations:
    """Families, instruments and practices that fit the gap between the bonds customers have and those wanted.

    Parameters
    ----------
    scores : BondingScores, or mapping of str to float
        Bonds that customers have: forced, lethargic, economic, habitual, value, affective. NaN where unknown.
    wanted : mapping of str to float, or sequence of str, optional
        Scores that are wanted; or the bonds that should be as strong as the strongest one is now. Default: those that
        are said to be wanted in the context.
    context : {"b2b", "b2c"}, optional
        Default: that of the scores, else "b2b".
    observed : mapping of str to Finding, or BondQuestions, optional
        What this data says, by the key of a measure or of its indicator. Of questions about bonds those count whose
        answer is a ratio of hazards.
    learned : str or Path, optional
        The learning log, see `kb.learned`: what its experiments say of a measure. Nothing but `observed` and the log
        raises or lowers a grade of evidence.

    Returns
    -------
    Recommendations

    Raises
    ------
    ArgumentError
        No such bond, or no scores.
    DatasetError
        The learning log holds what it must not.

    Notes
    -----
    Which bonds a measure builds is what the trade says. The order is a list of hypotheses to try first, not a forecast
    of effects.

    Examples
    --------
    >>> import kbind as kb
    >>> actual = {"forced": 0.6, "lethargic": 0.4, "economic": 0.5, "habitual": 0.3, "value": 0.0, "affective": -0.2}
    >>> found = kb.recommend_measures(actual, wanted=["affective"])
    >>> found.ranked[0].measure.key, round(found.ranked[0].fit.value, 1), found.ranked[0].grade
    ('service_recovery', 0.8, 'claimed')
    """
    actual = _actual(scores)
    own = getattr(scores, "context", None)
    asked = (own.name if isinstance(own, Context) else own) if context is None else context
    where = check_choice("context", "b2b" if asked is None else asked, tuple(CONTEXTS))
    goal = _goal(CONTEXTS[where].wanted if wanted is None else wanted, actual)
    gaps = {bond: _gap(actual[bond], value) for bond, value in goal.items()}
    seen = {key: [finding] for key, finding in _findings(observed).items()}
    for key, findings in (read_log(learned).findings() if learned is not None else {}).items():
        seen.setdefault(key, []).extend(findings)
    judged = [_judge(m, gaps, seen) for m in load_measures().measures.values() if where in m.fit]
    fitting = [one for one in judged if one.fit.value > 0]
    fitting.sort(key=lambda one: (one.grade == REFUTED, -one.fit.value, -GRADES.index(one.grade)))
    return Recommendations(where, gaps, tuple(fitting))


def _actual(scores: Any) -> dict[str, Estimate]:
    """Mean of each bond with its limits; unknown where nobody says it."""
    frame = getattr(scores, "company", None)
    if isinstance(frame, pd.DataFrame) and {"bond", "mean"} <= set(frame.columns):
        given = {
            str(row["bond"]): Estimate.of(float(row.get(name, nan)) for name in ("mean", "ci_lower", "ci_upper"))
            for _, row in frame.iterrows()
        }
    elif isinstance(scores, Mapping):
        given = {str(bond): Estimate(_score("scores", bond, value)) for bond, value in scores.items()}
    else:
        raise ArgumentError(
            f"scores={told(scores)} holds no bonds; allowed: the result of kb.bonding_scores(...), or {{bond: score}}"
        )
    _check_bonds("scores", given)
    if all(isnan(one.value) for one in given.values()):
        raise ArgumentError("scores holds no number; allowed: one bond or more with a score")
    return {bond: given.get(bond, UNKNOWN) for bond in BONDS}


def _goal(wanted: Any, actual: Mapping[str, Estimate]) -> dict[str, float]:
    if isinstance(wanted, Mapping):
        goal = {str(bond): check_number(f"wanted[{told(bond)}]", value) for bond, value in wanted.items()}
    else:
        most = float(np.nanmax([one.value for one in actual.values()]))
        goal = dict.fromkeys(map(str, check_list("wanted", wanted, "bonds, or {bond: score}")), most)
    _check_bonds("wanted", goal)
    return goal


def _check_bonds(parameter: str, given: Mapping[str, Any]) -> None:
    for bond in given:
        if bond not in BONDS:
            raise ArgumentError(f"{parameter}: no bond {told(bond)}; {choices(bond, BONDS, 'bonds')}")
    if not given:
        raise ArgumentError(f"{parameter} is empty; allowed: bonds of {', '.join(BONDS)}")


def _score(parameter: str, bond: object, value: Any) -> float:
    missing = value is None or (isinstance(value, (float, np.floating)) and isnan(value))
    return nan if missing else check_number(f"{parameter}[{told(bond)}]", value)


def _gap(actual: Estimate, wanted: float) -> Estimate:
    return Estimate(wanted - actual.value, wanted - actual.ci_upper, wanted - actual.ci_lower, actual.n)


def _findings(observed: Any) -> dict[str, Finding]:
    if observed is None:
        return {}
    if isinstance(observed, BondQuestions):
        answers = (answer for answer in observed.answers if answer.why is None and answer.question in ON_LEAVING)
        return {one.question: Finding(one.estimate, neutral=1, lower_is_better=True) for one in answers}
    if not isinstance(observed, Mapping):
        raise ArgumentError(f"observed={told(observed)} is no mapping; allowed: {{key: Finding(...)}}")
    measures = load_measures().measures
    known = {*measures, *(measure.indicator for measure in measures.values())} - {""}
    for key, finding in observed.items():
        if key not in known:
            raise ArgumentError(f"observed: no measure or indicator {told(key)}; {choices(key, sorted(known), 'keys')}")
        if not isinstance(finding, Finding):
            raise ArgumentError(f"observed[{key!r}]={told(finding)} is no Finding; allowed: Finding(effect, ...)")
    return dict(observed)


def _judge(measure: Measure, gaps: Mapping[str, Estimate], seen: Mapping[str, list[Finding]]) -> Recommendation:
    """Fit, reasons and grade of one measure."""
    closed, reasons = [], []
    for bond in measure.bonds:
        gap = gaps.get(bond)
        if gap is None or isnan(gap.value):
            reasons.append(("unwanted" if gap is None else "unknown", bond))
            continue
        closed.append((gap.value, *(gap.value if isnan(end) else end for end in gap.interval)))
        if gap.value > 0:
            reasons.append(("closes", bond))
            reasons += [("unsure", bond)] if gap.ci_lower <= 0 else []
        else:
            reasons += [("beyond", bond)] if gap.value < 0 else []
    value, low, high = (sum(part) / len(measure.bonds) for part in zip(*closed, strict=True)) if closed else (nan,) * 3
    limits = (low, high) if any(not isnan(gaps[b].ci_lower) for b in measure.bonds if b in gaps) else (nan, nan)
    keys = [key for key in dict.fromkeys((measure.key, measure.indicator)) if key in seen]
    grades = {key: {one.grade for one in seen[key]} for key in keys}
    reasons += [("works", key) for key in keys if grades[key] - {CLAIMED, REFUTED}]
    reasons += [("fails", key) for key in keys if REFUTED in grades[key] or any(one.against for one in seen[key])]
    grade = together(one for key in keys for one in seen[key])
    return Recommendation(measure, Estimate(value, *limits), tuple(reasons), grade)
