"""What is not told, so that no reader can recognise a single customer. The only place that decides it.

The rule: a count of customers from 1 to threshold - 1 is not shown, nor a share whose numerator or denominator
is such a count. Nobody (0) is shown: it points at no one. Results and method cells are never suppressed, only
what is written for managers. In a table with totals, further counts are hidden, so that none can be computed back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kbind.errors import check_threshold
from kbind.text.facts import Fact
from kbind.typing import Bools, Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Disclosure:
    """The rule with its threshold: the smallest number of customers that is shown."""

    threshold: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", check_threshold(self.threshold))

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

    def tells(self, *facts: Fact) -> bool:
        """Whether facts are known and may be told."""
        return all(self.fact(fact).known for fact in facts)

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

    def crossed(self, counts: Ints) -> Bools:
        """Which fields of a table with totals are not told.

        Parameters
        ----------
        counts : ndarray of int, shape (rows, columns)
            Customers by two things, without totals, which are told too.

        Returns
        -------
        ndarray of bool, shape (rows + 1, columns + 1)
            True where a count is hidden; the last row and column stand for the totals.

        Notes
        -----
        Small counts are hidden first. Then in each row and column the hidden counts have to add up to the threshold
        at least, or to nothing, else what the total leaves over would tell of too few; and no hidden count may follow
        from all rows and columns together. The smallest counts that are shown are hidden as well, until that is so.
        Within which bounds a hidden count lies can still be told.

        Examples
        --------
        >>> Disclosure(5).crossed(np.array([[2, 20, 30], [40, 9, 60]]))
        array([[ True,  True, False, False],
               [ True,  True, False, False],
               [False, False, False, False]])
        """
        whole = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1), dtype=np.int64)
        whole[:-1, :-1] = counts
        whole[-1, :-1], whole[:-1, -1] = counts.sum(axis=0), counts.sum(axis=1)
        whole[-1, -1] = counts.sum()
        hidden = (whole > 0) & (whole < self.threshold)
        while True:
            before = int(hidden.sum())
            # totals are the sum of their row or column, and of each other, so they are protected in the same way
            for values, mask in [*zip(whole, hidden, strict=True), *zip(whole.T, hidden.T, strict=True)]:
                self._protect(values, mask)
            if int(hidden.sum()) == before:
                for row, column in _given_away(hidden):
                    # nearby first; where all of that is hidden, anywhere
                    near = _hide_smallest(whole[row], hidden[row]) | _hide_smallest(whole[:, column], hidden[:, column])
                    if not near:
                        _hide_smallest(whole.reshape(-1), hidden.reshape(-1))
            if int(hidden.sum()) == before:
                return hidden

    def _protect(self, values: Ints, hidden: Bools) -> None:
        """Hide the smallest further counts of a line, the total last, until none of few can be computed back."""
        parts, mask = values[:-1], hidden[:-1]

        def safe() -> bool:
            if hidden[-1]:  # a total that is not told protects its parts, if they do not add up to it
                return bool(mask.any())
            return not mask.any() or bool(mask.sum() > 1 and parts[mask].sum() >= self.threshold)

        for k in np.argsort(parts, kind="stable"):
            if safe():
                return
            mask[k] |= parts[k] > 0
        hidden[-1] |= not safe()


def _hide_smallest(values: Ints, hidden: Bools) -> bool:
    """Hide the smallest count above 0 that is shown; whether there was one."""
    shown = np.flatnonzero(~hidden & (values > 0))
    if len(shown):
        hidden[shown[values[shown].argmin()]] = True
    return bool(len(shown))


def _given_away(hidden: Bools) -> Ints:
    """Row and column of the hidden counts that follow from all rows and columns together."""
    from scipy.linalg import null_space

    cells = np.argwhere(hidden)
    if not len(cells):
        return cells
    rows, columns = hidden.shape
    equations = np.zeros((rows + columns, len(cells)))
    which = np.arange(len(cells))
    # the parts of a line less its total are nothing
    equations[cells[:, 0], which] = np.where(cells[:, 1] == columns - 1, -1, 1)
    equations[rows + cells[:, 1], which] = np.where(cells[:, 0] == rows - 1, -1, 1)
    free = null_space(equations)
    return np.asarray(cells[~(np.abs(free) > 1e-9).any(axis=1)])
