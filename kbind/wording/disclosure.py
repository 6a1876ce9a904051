"""What is not told, so that no reader can recognise a single customer. The only place that decides it.

The rule: a count of customers from 1 to threshold - 1 is not shown, nor a share whose numerator or denominator
is such a count. Nobody (0) is shown: it points at no one. Results and method cells are never suppressed, only
what is written for managers. What could be computed back from sums is not covered yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kbind.errors import ArgumentError
from kbind.wording.facts import Fact

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Disclosure:
    """The rule with its threshold: the smallest number of customers that is shown."""

    threshold: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int) or self.threshold < 1:
            raise ArgumentError(f"threshold={self.threshold!r} is not a count; allowed: whole numbers from 1")

    def hides(self, count: float | None) -> bool:
        """Whether a count of customers is too small to show.

        >>> [Disclosure(5).hides(n) for n in (0, 1, 4, 5)]
        [False, True, True, False]
        """
        return count is not None and 0 < count < self.threshold

    def fact(self, fact: Fact) -> Fact:
        """The fact, hidden if it tells of too few customers."""
        counts = [fact.n, fact.count, fact.value if fact.unit == "customers" else None]
        return replace(fact, hidden=True) if any(self.hides(count) for count in counts) else fact

    def frame(self, frame: pd.DataFrame, *, counts: Sequence[str], told: Sequence[str]) -> pd.DataFrame:
        """A frame with what rests on too few customers emptied.

        Parameters
        ----------
        frame : DataFrame
            One row a cell; is not changed.
        counts : sequence of str
            Columns that count customers.
        told : sequence of str
            Columns emptied where any of the counts is too small.

        Returns
        -------
        DataFrame
            With a column `hidden` that says where.
        """
        small = np.any([(frame[name] > 0) & (frame[name] < self.threshold) for name in counts], axis=0)
        return frame.assign(**{name: frame[name].astype(float).where(~small) for name in told}, hidden=small)
