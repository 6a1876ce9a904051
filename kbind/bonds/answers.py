"""One question about what a bond does to staying: its answer with parts, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kbind.dataset.dataset import Dataset
from kbind.errors import NotEnoughData
from kbind.estimate.estimate import UNKNOWN, Estimate


@dataclass(frozen=True)
class Why:
    """Why something cannot be measured.

    Attributes
    ----------
    kind : {"missing", "too_few", "not_randomised", "no_contracts"}
        Tables or columns are missing; too few customers, or nothing tells the groups apart; no campaign held customers
        back by chance; leaving is known from silence only.
    needs : tuple of str
        Tables, or columns as table.column, of which the first that is missing comes first.
    said : str
        The same in words.
    """

    kind: str
    needs: tuple[str, ...] = ()
    said: str = ""

    def __str__(self) -> str:
        if self.kind == "missing":
            return f"not measurable because {', '.join(self.needs)} is missing"
        return f"not measurable because {self.said}"


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes
    ----------
    question, bond : str
    measure : {"share", "hazard_ratio", "difference", "ratio_of_hazard_ratios"}
        What `estimate` is.
    estimate : Estimate
        NaN where it cannot be measured.
    why : Why or None
        Why it cannot be measured; None where it can.
    parts : dict of str to Estimate or float
        What a sentence needs besides: comparison values, money a month, counts.
    """

    question: str
    bond: str
    measure: str
    estimate: Estimate = UNKNOWN
    why: Why | None = None
    parts: Mapping[str, Estimate | float] = field(default_factory=dict)


#: What a question finds: the estimate and its parts.
Found = tuple[Estimate, Mapping[str, Estimate | float]]


@dataclass(frozen=True)
class Question:
    """A question, what it needs, and how it is answered.

    Attributes
    ----------
    needs : tuple of tuple of str
        Tables or columns; of every inner tuple one has to be there.
    answer : callable
        From the data set, the horizon in days and the level of intervals. Raises `NotEnoughData`, or `Unanswered` with
        a reason.
    """

    key: str
    bond: str
    measure: str
    needs: tuple[tuple[str, ...], ...]
    answer: Callable[[Dataset, int, float], Found]

    def ask(self, data: Dataset, horizon: int, conf_level: float) -> Answer:
        """The answer, or why there is none."""
        missing = tuple(group[0] for group in self.needs if not any(data.has(need) for need in group))
        if missing:
            return Answer(self.key, self.bond, self.measure, why=Why("missing", missing))
        try:
            estimate, parts = self.answer(data, horizon, conf_level)
        except Unanswered as no:
            return Answer(self.key, self.bond, self.measure, why=no.why)
        except NotEnoughData as no:
            return Answer(self.key, self.bond, self.measure, why=Why("too_few", said=str(no)))
        return Answer(self.key, self.bond, self.measure, estimate, None, parts)


class Unanswered(NotEnoughData):
    """A question cannot be answered for a reason of its own."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(str(why))
