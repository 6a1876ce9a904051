"""The life cycle: how the active customers of every period are made up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import stack_groups
from kbind.result import Shown
from kbind.retention.activity import Activity, as_activity, by_period
from kbind.typing import Ints


@dataclass(frozen=True, eq=False)
class Lifecycle(Shown):
    """New, retained, resurrected and churned customers of every period that is over.

    Attributes
    ----------
    activity : Activity
        What it was computed from.
    new, retained, resurrected, churned, active : ndarray of int, shape (groups, periods)
        Counts.
    known : ndarray of int, shape (groups, periods)
        Of the resurrected, those who were customers before recording began, by their first recorded period.
    open : ndarray of int, shape (groups, periods)
        Of the retained, those whose contract has ended: until grace is over, nobody knows whether they have left.
    """

    activity: Activity
    new: Ints = field(repr=False)
    retained: Ints = field(repr=False)
    resurrected: Ints = field(repr=False)
    churned: Ints = field(repr=False)
    active: Ints = field(repr=False)
    known: Ints = field(repr=False)
    open: Ints = field(repr=False)

    @property
    def definition(self) -> str:
        """What the four states mean."""
        period = self.activity.calendar.period
        return (
            f"new: first {period} with activity; retained: active now and in the {period} before; resurrected: active "
            f"now, not in the {period} before, not new; churned: active in the {period} before, not now"
        ) + self._known

    @property
    def _known(self) -> str:
        """How many came before recording began, and where they are counted."""
        n, who = int(self.known.sum()), self.activity.provenance.customer
        if not n:
            return ""
        were = f"1 {who} was" if n == 1 else f"{n:,} {who}s were"
        period = self.activity.calendar.period
        return f". {were} there before recording began: not new, but resurrected in the first {period} recorded of them"

    def to_frame(self) -> pd.DataFrame:
        """One row per period that is over; without those that began before leavers were recorded.

        Returns
        -------
        DataFrame
            Columns of `by`, period (label), new, retained, resurrected, churned, active. Always
            active = new + retained + resurrected = active before - churned + new + resurrected. For contracts also
            open: of the retained, those whose contract ended before the period, at most grace before the end of the
            data.
        """
        kept = slice(self.activity.early, self.activity.calendar.lived)
        contracts = ("open",) if self.activity.log == "subscriptions" else ()
        names = ("new", "retained", "resurrected", "churned", "active", *contracts)
        frames = [
            pd.DataFrame(
                {"period": self.activity.calendar.labels[kept]} | {n: getattr(self, n)[g, kept] for n in names}
            )
            for g in range(len(self.activity.groups))
        ]
        return stack_groups(self.activity.by, self.activity.groups, frames)


def lifecycle(activity: Activity | Dataset) -> Lifecycle:
    """How the active customers of every period are made up.

    Parameters
    ----------
    activity : Activity or Dataset
        From `kb.activity`; a data set is reduced by months.

    Returns
    -------
    Lifecycle
        `.to_frame()` has one row per period that is over at `as_of`.

    Notes
    -----
    First activity is not acquisition: who was acquired before recording began (`acquired_at` or a first row before
    `recorded_from`, else before the first row) is not new, but resurrected in the first period recorded of him.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"],
    ...     "timestamp": ["2024-01-05", "2024-02-09", "2024-01-20", "2024-03-31", "2024-02-01"],
    ... })
    >>> kb.lifecycle(kb.activity(kb.open_dataset({"events": log}))).to_frame()
        period  new  retained  resurrected  churned  active
    0  2024-01    2         0            0        0       2
    1  2024-02    1         1            0        1       2
    2  2024-03    0         0            1        2       1
    """
    record = as_activity(activity)
    on = record.counts.active(0)
    first, new = record.counts.sizes(), record.fresh.sizes()
    active = by_period(on)
    before = np.zeros_like(active)
    before[:, 1:] = active[:, :-1]
    # active in t - 1 or t, of the cohorts that existed in t - 1
    either = np.zeros_like(active)
    either[:, 1:] = by_period(record.counts.active(1))[:, :-1]
    retained = np.where(np.arange(active.shape[1]) > 0, before + (active - first) - either, 0)
    return Lifecycle(
        record, new, retained, active - new - retained, before - retained, active, first - new, record.open
    )
