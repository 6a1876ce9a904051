"""What became of those whom the lists of a backtest would have called, and of risks of all heights."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kbind.estimates.churn.evaluation import Rows
from kbind.estimates.churn.profit import Decision
from kbind.estimates.lapse import clustered_share
from kbind.estimates.retention import Rate
from kbind.statistics.result import Provenance, Shown
from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Calls(Shown):
    """Lists as they would have been made at tested dates, and who on them left. Made by `Backtest.calls`.

    Attributes
    ----------
    model : str
    as_of : ndarray of datetime64, shape (dates,)
        NaT for data without dates.
    customers, leavers : ndarray of int, shape (dates,)
        There at the date; of these, who left within the horizon.
    called, left, gone : ndarray of int, shape (dates,)
        On the list; of these, who left within the horizon, and who had left before it began. The others stayed.
    money : ndarray of float, shape (dates,)
        What the list would have brought, costs deducted, if the stated share of leavers accepts.
    expected : ndarray of float, shape (dates,)
        What it was expected to bring on the day.
    leaving : Rate
        Of those called, the share who left.
    vain : Rate
        Of all calls, the share that found no leaver: who was called stays, or was gone before the horizon began.
    found : Rate
        Of those who left, the share who had been called.
    anyone : Rate
        Of all, the share who left. Like `leaving` and `Backtest.by_risk`, of those still there when the horizon begins,
        so that the three can be compared.
    """

    model: str
    as_of: NDArray[np.datetime64] = field(repr=False)
    customers: Ints = field(repr=False)
    leavers: Ints = field(repr=False)
    called: Ints = field(repr=False)
    left: Ints = field(repr=False)
    gone: Ints = field(repr=False)
    money: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    leaving: Rate
    vain: Rate
    found: Rate
    anyone: Rate
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What a list is."""
        return (
            "Lists by expected gain within the budget, of customers who may be contacted, as they would have been made "
            "at tested dates by models that had not seen these customers' outcome."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a tested date.

        Returns
        -------
        DataFrame
            as_of, customers, leavers, called, left, stayed, gone, missed (leavers who were not called), money,
            expected.
        """
        return pd.DataFrame(
            {
                "as_of": self.as_of,
                "customers": self.customers,
                "leavers": self.leavers,
                "called": self.called,
                "left": self.left,
                "stayed": self.called - self.left - self.gone,
                "gone": self.gone,
                "missed": self.leavers - self.left,
                "money": self.money,
                "expected": self.expected,
            }
        )


def calls_of(
    model: str,
    rows: Rows,
    risk: Floats,
    decision: Decision,
    as_of: NDArray[np.datetime64],
    provenance: Provenance,
    conf_level: float,
) -> Calls:
    """Make the lists of every tested date again, and count what became of those on them.

    Parameters
    ----------
    model : str
        Its name.
    rows : Rows
        Tested, of one repeat.
    risk : ndarray of float, shape (m,)
        Predicted by the model.
    decision : Decision
    as_of : ndarray of datetime64, shape (m,)
    provenance : Provenance
    conf_level : float
    """
    o, gain = rows.outcome, decision.gain(risk, rows.outcome.row)
    left = np.where(o.lost, 0.0, o.left) == 1
    called = np.zeros(len(left), dtype=bool)
    for code in np.unique(rows.date):
        worth = np.flatnonzero((rows.date == code) & o.consent & (gain > 0))
        order = worth[np.argsort(-gain[worth], kind="stable")]
        called[order[: int(min(len(order), decision.contacts))]] = True
    brings = decision.outcome(o.left, o.lost, o.row)
    dates, first = np.unique(rows.date, return_index=True)

    def by_date(chosen: Bools) -> Ints:
        return np.bincount(rows.date[chosen], minlength=len(dates))[dates].astype(np.int64)

    everybody, there = np.ones(len(left), dtype=bool), ~o.lost
    still, who = "still there when the horizon began", rows.customer
    return Calls(
        model=model,
        as_of=as_of[first],
        customers=by_date(everybody),
        leavers=by_date(left),
        called=by_date(called),
        left=by_date(called & left),
        gone=by_date(called & o.lost),
        money=np.array([brings[called & (rows.date == code)].sum() for code in dates]),
        expected=np.array([gain[called & (rows.date == code)].sum() for code in dates]),
        leaving=_share(left, called & there, who, conf_level, f"customers on the lists who left / those {still}"),
        vain=_share(~left, called, who, conf_level, "customers on lists who stayed or were gone / all on them"),
        found=_share(called, left, who, conf_level, "leavers who were on a list / all leavers"),
        anyone=_share(left, there, who, conf_level, f"leavers / customers {still}, at the tested dates"),
        provenance=provenance,
    )


def by_risk(rows: Rows, risk: Floats, groups: int, conf_level: float) -> pd.DataFrame:
    """Rows of known outcome in groups of equal size by risk within each date: what was predicted, what happened."""
    from scipy.stats import rankdata

    group = np.zeros(len(risk), dtype=np.int64)
    for code in np.unique(rows.date):
        there = rows.date == code
        middle = (rankdata(risk[there]) - 0.5) / there.sum()
        group[there] = np.minimum((middle * groups).astype(np.int64), groups - 1)
    found = []
    for k in range(groups):
        there = group == k
        rate = _share(rows.outcome.left == 1, there, rows.customer, conf_level, "")
        predicted = float(risk[there].mean()) if there.any() else np.nan
        found.append((k + 1, int(there.sum()), int(rate.numerator), predicted, rate.value, *rate.interval))
    columns = ["group", "n", "left", "predicted", "share", "share_ci_lower", "share_ci_upper"]
    return pd.DataFrame(found, columns=columns)


def _share(counted: Bools, among: Bools, customer: Ints, conf_level: float, definition: str) -> Rate:
    """A share of rows, with an interval that takes rows of one customer together."""
    m = np.bincount(customer[among], minlength=1)
    y = np.bincount(customer[among & counted], minlength=len(m))
    sums = {"judged": m, "false_alarms": y, "alarmed": (m > 0), "mm": m * m, "my": m * y, "yy": y * y}
    value, lower, upper = clustered_share({name: np.array([part.sum()]) for name, part in sums.items()}, conf_level)
    value, lower, upper = (part if m.sum() else np.array([np.nan]) for part in (value, lower, upper))
    return Rate(
        float(value[0]), float(lower[0]), float(upper[0]), float(y.sum()), float(m.sum()), conf_level, definition
    )
