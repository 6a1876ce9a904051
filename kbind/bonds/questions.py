"""What each bond does to staying: one question a bond or two, each with an answer or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kbind.bonds.answers import Answer, Question
from kbind.bonds.questions_contracts import first_exit, price_rise
from kbind.bonds.questions_people import contagion, praise, recommending, stated_revealed
from kbind.bonds.questions_use import breadth, broken_rhythm, paying_unused, rhythm, sleeping_dogs
from kbind.calendar import days_of
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, check_conf_level, did_you_mean, told
from kbind.result import Shown

if TYPE_CHECKING:
    import pandas as pd

_LIVES = ("subscriptions", "events")

#: The questions, in the order of the scale from extrinsic to intrinsic.
QUESTIONS = (
    Question("first_exit", "forced", "hazard_ratio", (("subscriptions.term_end",),), first_exit),
    Question("paying_unused", "lethargic", "share", (("subscriptions",), ("events",)), paying_unused),
    Question("sleeping_dogs", "lethargic", "difference", (("campaigns.arm",), ("campaigns.assigned_at",), ("events",),
             ("subscriptions",)), sleeping_dogs),
    Question("price_rise", "economic", "hazard_ratio", (("subscriptions.mrr",),), price_rise),
    Question("rhythm", "habitual", "share", (("events",),), rhythm),
    Question("broken_rhythm", "habitual", "share", (("events",),), broken_rhythm),
    Question("breadth", "ecosystem", "hazard_ratio", (("events.category", "events.kind", "subscriptions.seats"),
             _LIVES), breadth),
    Question("praise", "affective", "hazard_ratio", (("feedback.score",), _LIVES), praise),
    Question("recommending", "affective", "hazard_ratio", (("customers.referred_by",), _LIVES), recommending),
    Question("contagion", "affective", "hazard_ratio", (("customers.referred_by",), _LIVES), contagion),
    Question("stated_revealed", "all", "ratio_of_hazard_ratios", (("feedback.score",), _LIVES), stated_revealed),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class BondQuestions(Shown):
    """Answers to what each bond does to staying. Made by `bond_questions`; indexed by the key of a question.

    Attributes
    ----------
    answers : tuple of Answer
        In the order of the scale.
    horizon : int
        Days.
    conf_level : float
    """

    answers: tuple[Answer, ...] = field(repr=False)
    horizon: int
    conf_level: float
    provenance: Provenance = field(repr=False)

    def __getitem__(self, question: str) -> Answer:
        """The answer to one question."""
        for answer in self.answers:
            if answer.question == question:
                return answer
        known = [answer.question for answer in self.answers]
        raise ArgumentError(f"{told(question)} is no question; {did_you_mean(str(question), known)}questions: {known}")

    def headline(self) -> str:
        """How many could be answered."""
        return f"{sum(answer.why is None for answer in self.answers)} of {len(self.answers)} questions answered"

    @property
    def definition(self) -> str:
        """What the numbers are."""
        return (
            "Each row says what was computed. Hazard ratios compare customers of the same age and, where known, plan "
            f"and term; above 1 they leave sooner. They are no effects of a measure. Horizon: {self.horizon} days; "
            f"{self.conf_level:.0%} intervals. {self.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a question.

        Returns
        -------
        DataFrame
            question, bond, measure, value, ci_lower, ci_upper, n, why (None where answered), definition.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "question": one.question, "bond": one.bond, "measure": one.measure, "value": one.estimate.value,
                    "ci_lower": one.estimate.ci_lower, "ci_upper": one.estimate.ci_upper, "n": one.estimate.n,
                    "why": None if one.why is None else str(one.why), "definition": one.estimate.definition,
                }
                for one in self.answers
            ]
        ).astype({"n": "Int64"})  # fmt: skip


def bond_questions(data: Dataset, *, horizon: str = "182D", conf_level: float = 0.95) -> BondQuestions:
    """What each bond does to staying, as far as the data tells.

    Parameters
    ----------
    data : Dataset
        Each question says what it needs; what is missing is an answer too.
    horizon : str
        How long a campaign, a broken rhythm, an answer or the loss of the one who recommended may act.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    BondQuestions
        An `Answer` a question: first_exit (do customers held by a term leave at the first exit), paying_unused,
        sleeping_dogs (does contacting idle customers make them leave), price_rise, rhythm, broken_rhythm, breadth (do
        customers who use more stay longer), praise, recommending, contagion, stated_revealed.

    Raises
    ------
    ArgumentError
        No such length or level.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.bond_questions(kb.datasets.load_telco())
    >>> str(found["sleeping_dogs"].why)
    'not measurable because campaigns.arm, campaigns.assigned_at, events, subscriptions is missing'
    """
    check_dataset(data)
    days, level = days_of("horizon", horizon, 1), check_conf_level(conf_level)
    answers = tuple(question.ask(data, days, level) for question in QUESTIONS)
    return BondQuestions(answers, days, level, Provenance.of(data, data.as_of))
