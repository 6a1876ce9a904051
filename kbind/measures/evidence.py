"""What the company's own data says about whether a measure works, and how good that evidence is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kbind.errors import check_flag, check_kind, check_number
from kbind.estimate.estimate import Estimate

#: Grades of evidence, the worst first: a trial of one's own shows that it does not work; said by the trade; seen in
#: this data; shown by a trial of one's own.
GRADES = ("refuted", "claimed", "observed", "shown")
REFUTED, CLAIMED, OBSERVED, SHOWN = GRADES


@dataclass(frozen=True)
class Finding:
    """What the data says about whether a measure works.

    Parameters
    ----------
    effect : Estimate
        With its interval.
    neutral : float
        The effect that means none: 0 for a difference, 1 for a ratio.
    lower_is_better : bool
        Whether an effect below the neutral one is good, as for a hazard ratio of leaving.
    trial : bool
        Whether chance decided who got the measure; else it was only seen.
    smallest : float, optional
        The smallest effect that would have been worth the measure, on the scale of the effect.

    Examples
    --------
    >>> Finding(Estimate(0.6, 0.4, 0.9), neutral=1, lower_is_better=True, trial=True).grade
    'shown'
    >>> Finding(Estimate(0.02, -0.01, 0.05)).grade
    'claimed'
    >>> Finding(Estimate(0.002, -0.006, 0.01), trial=True, smallest=0.02).grade
    'refuted'
    """

    effect: Estimate
    neutral: float = 0.0
    lower_is_better: bool = False
    trial: bool = False
    smallest: float | None = None

    def __post_init__(self) -> None:
        check_kind("effect", self.effect, Estimate, "Estimate(value, ci_lower, ci_upper)")
        check_number("neutral", self.neutral)
        check_flag("lower_is_better", self.lower_is_better)
        check_flag("trial", self.trial)
        if self.smallest is not None:
            check_number("smallest", self.smallest)

    @property
    def grade(self) -> str:
        """Grade of evidence.

        "claimed" while the interval holds no effect, and where something was only seen to go with a bad one; "refuted"
        where a trial leaves room for nothing but bad effects, or for none that would have been worth it.
        """
        low, high = sorted(self.effect.interval)
        good = high < self.neutral if self.lower_is_better else low > self.neutral
        if good:
            return SHOWN if self.trial else OBSERVED
        return REFUTED if self.trial and (self.against or self._too_small) else CLAIMED

    @property
    def against(self) -> bool:
        """Whether the interval holds nothing but bad effects."""
        low, high = sorted(self.effect.interval)
        return low > self.neutral if self.lower_is_better else high < self.neutral

    @property
    def _too_small(self) -> bool:
        """Whether the interval holds no effect that would have been worth it."""
        if self.smallest is None:
            return False
        low, high = sorted(self.effect.interval)
        return low > self.smallest if self.lower_is_better else high < self.smallest


def together(findings: Iterable[Finding]) -> str:
    """The grade of several findings about one measure: trials count more than what was seen.

    Trials that contradict each other leave the measure a claim.

    Examples
    --------
    >>> good, bad = (Finding(Estimate(x, x - 0.01, x + 0.01), trial=True) for x in (0.05, -0.05))
    >>> together([good]), together([bad]), together([good, bad]), together([])
    ('shown', 'refuted', 'claimed', 'claimed')
    """
    grades = {one.grade for one in findings}
    if {SHOWN, REFUTED} <= grades:
        return CLAIMED
    return next((grade for grade in (SHOWN, REFUTED, OBSERVED) if grade in grades), CLAIMED)
