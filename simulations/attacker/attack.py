"""One company attacked: what its pages tell, and which small counts follow from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from kbind.dataset.dataset import Dataset
from kbind.report.chapters.retention import results_of, retention_story
from kbind.report.chapters.study import Study
from kbind.report.chapters.survival import survival_story
from kbind.survival.curve import survival_curve
from kbind.survival.hazard_curve import hazard_curve
from kbind.text.facts import Fact

from . import cohorts, months
from .knowledge import Knowledge
from .rules import Rule, Told

#: What counts are called together, by the first word of their names; others are steps on the way.
FAMILIES = {
    "on": "cohorts", "gone": "cohorts, gone", "pooled": "ages", "at_risk": "ages", "new": "life cycle",
    "retained": "life cycle", "resurrected": "life cycle", "churned": "life cycle", "leave": "months",
    "cell": "reasons by type",
}  # fmt: skip


@dataclass
class Target:
    """What a company's pages tell, and the truth behind them.

    Attributes
    ----------
    retention, survival : list of dict
        Facts of chapters 01 and 02, as JSON holds them.
    truth : dict of str to int
        True counts under the names that the readers give them.
    month : str
        What ends the names of counts that another month's report has otherwise.
    """

    retention: list[Told]
    survival: list[Told]
    truth: dict[str, int] = field(repr=False)
    month: str

    @classmethod
    def of(cls, data: Dataset, threshold: int) -> Target:
        """The facts that the pages of a company may tell, silent about fewer customers than the threshold."""
        study = Study(data, threshold=threshold)
        results = results_of(study.activity)
        story = retention_story(study.activity, results, threshold=threshold)
        known, voice = story.facts, story.voice
        means = (known.mean(state) for state in cohorts.STATES)
        size = Fact("customers", float(study.activity.customers), "customers", "all")
        told = voice.note(*known.cohorts(), *known.ages(), *known.states(), known.churn, *means, size)
        if known.panel_start:
            told += voice.note(known.panel_share, *known.apart("first"), *known.apart("later"))
        curve, hazard = survival_curve(study.durations), hazard_curve(study.durations)
        leaving = survival_story(data, curve, hazard, threshold=threshold)
        stays = [*map(leaving.at, range(leaving.last + 1)), *map(leaving.in_month, map(int, leaving.months["month"]))]
        stays += [] if leaving.facts.times else [leaving.facts.a_month("quiet")]
        month = f"@{study.activity.calendar.lived}"
        truth = cohorts.truth_of(*results) | months.truth_of(hazard, month)
        return cls(_records(told), _records(leaving.voice.note(*stays)), truth, month)

    @property
    def facts(self) -> list[Told]:
        """Of both chapters."""
        return [*self.retention, *self.survival]

    def read(self, known: Knowledge, rule: Rule) -> None:
        """Add what the pages tell."""
        cohorts.CohortReader(self.retention, rule).read(known)
        months.read_months(known, self.survival, rule, self.month)


def compare(known: Knowledge) -> None:
    """What holds between reports of different months: whoever has come back by then has so for good."""
    stems: dict[str, list[int]] = {}
    for name in known.names:
        stem, _, lived = name.partition("@")
        if lived and stem.startswith("ever."):
            stems.setdefault(stem, []).append(int(lived))
    for stem, horizons in stems.items():
        for earlier, later in pairwise(sorted(horizons)):
            known.at_most(f"{stem}@{earlier}", f"{stem}@{later}")


def _records(facts: Iterable[Fact]) -> list[Told]:
    return [fact.as_dict() for fact in facts]


def recovered(known: Knowledge, truth: Mapping[str, int], threshold: int) -> list[str]:
    """Names of counts of too few customers that follow from what is known.

    Raises
    ------
    AssertionError
        The truth is no solution: then the attacker reasons wrongly, and what he finds means nothing.
    """
    wrong = known.fits(truth)
    assert not wrong, wrong[:5]
    return known.recovered({name: n for name, n in truth.items() if name.split(".")[0] in FAMILIES}, threshold)


def by_family(names: Iterable[str]) -> Counter[str]:
    """How many counts of each kind."""
    return Counter(FAMILIES[name.split(".")[0]] for name in names)
