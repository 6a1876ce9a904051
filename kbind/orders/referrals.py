"""New customers who were referred: their share, and whether they stay longer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kbind.calendar import PERIODS
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import group_value
from kbind.engine.engine import parse
from kbind.errors import NotEnoughData, check_choice, check_conf_level
from kbind.estimate.intervals import interval_columns, newcombe, wilson
from kbind.result import Shown
from kbind.retention.activity import Activity, record
from kbind.retention.cohorts import CohortRetention, check_cohorts, cohort_retention
from kbind.typing import Ints


@dataclass(frozen=True, eq=False)
class Referrals(Shown):
    """New customers who were referred and others, by the period of their first activity.

    Attributes
    ----------
    activity : Activity
        What it was computed from, split by `referred`: True, False, or None for customers who are not known. Periods
        that began before leavers were recorded hold only who had not left before, and are left out.
    conf_level : float
        Level of the intervals.
    """

    activity: Activity = field(repr=False)
    conf_level: float

    @property
    def definition(self) -> str:
        """Numerator and denominator, and who is not counted, in one sentence."""
        unknown = self.activity.customers - int((self._sizes(True) + self._sizes(False)).sum())
        out = (
            f" Left out: {unknown:,} {self.activity.provenance.customer}s who are not among the customers or were won "
            "before recording began."
            if unknown
            else ""
        )
        return (
            f"New {self.activity.provenance.customer}s with an entry in referred_by, divided by all whose first "
            f"activity falls into the {self.activity.calendar.period}; {self.conf_level:.0%} Wilson score "
            f"interval.{out} {self.activity.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Share of new customers who were referred, by period.

        Returns
        -------
        DataFrame
            Columns period, new, referred, share, share_ci_lower, share_ci_upper; of periods that are over.
        """
        told = slice(len(self._early), self.activity.calendar.lived)
        referred, others = self._sizes(True)[told], self._sizes(False)[told]
        columns = {"period": self.activity.calendar.labels[told], "new": referred + others, "referred": referred}
        return pd.DataFrame(columns | interval_columns("share", wilson(referred, referred + others, self.conf_level)))

    def retention(self, *, kind: str = "on", exclude: Collection[str] = ()) -> pd.DataFrame:
        """Retention of referred customers against the others, by age.

        Parameters
        ----------
        kind : {"on", "on_or_after"}
            As for `cohort_retention`.
        exclude : collection of str
            Labels of cohorts to leave out, such as the first, which may hold customers won long before.

        Returns
        -------
        DataFrame
            Columns age, at_risk_referred, referred, at_risk_others, others (shares retained), difference (referred
            minus others, Newcombe), each estimate with _ci_lower and _ci_upper. A difference is no effect of the
            referral: who is referred may be another kind of customer, or of other periods.
        """
        result: CohortRetention = cohort_retention(self.activity, kind=kind, conf_level=self.conf_level)
        pooled = result.pooled(exclude=[*check_cohorts(exclude, self.activity.calendar.labels), *self._early])
        columns: dict[str, object] = {"age": np.array(result.ages)}
        counts = []
        for name, value in (("referred", True), ("others", False)):
            rows = pooled[[known is value for known in pooled["referred"]]]
            at_risk, active = (rows[c].to_numpy(dtype=float) for c in ("at_risk", "active"))
            if not len(rows):  # there is nobody of this kind
                at_risk, active = np.zeros(len(result.ages)), np.full(len(result.ages), np.nan)
            counts += [active, at_risk]
            columns |= {f"at_risk_{name}": at_risk.astype(np.int64)}
            columns |= interval_columns(name, wilson(active, at_risk, self.conf_level))
        found = newcombe(counts[0], counts[1], counts[2], counts[3], self.conf_level)
        return pd.DataFrame(columns | interval_columns("difference", found))

    @property
    def _early(self) -> list[str]:
        """Labels of the periods that begin before recording."""
        return list(self.activity.calendar.labels[: self.activity.early])

    def _sizes(self, referred: bool | None) -> Ints:
        """Customers by first period; none of a kind that nobody is of."""
        sizes = self.activity.fresh.sizes()
        rows = [k for k, (value,) in enumerate(self.activity.groups) if value is referred]
        total: Ints = sizes[rows].sum(axis=0)
        return total


def referrals(data: Dataset, *, period: str = "month", conf_level: float = 0.95) -> Referrals:
    """Share of new customers who were referred by others, and how long they stay.

    Parameters
    ----------
    data : Dataset
        With a column `referred_by` in `customers`, and `subscriptions` or `events`.
    period : {"day", "week", "month", "quarter", "year"}
        Length of periods and ages.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Referrals

    Raises
    ------
    ArgumentError
        No such table or column.

    Notes
    -----
    New in the period of the first contract or event. Customers with an `acquired_at` before recording began
    (`recorded_from`, else the first row) are not new and left out; without that column the first period may hold them.
    An empty `referred_by` counts as not referred: if nobody asked, the share is too low.

    Examples
    --------
    >>> import kbind as kb
    >>> shop = kb.datasets.load_saas("b2c")
    >>> kb.referrals(shop, period="year").to_frame()[["period", "new", "referred"]]
      period  new  referred
    0   2022  415        51
    1   2023  567        72
    2   2024  638        90
    """
    check_dataset(data)
    check_choice("period", period, PERIODS)
    check_conf_level(conf_level)
    data.require("customers")
    columns = data.tables["customers"].columns
    if "referred_by" not in columns:
        raise NotEnoughData("referrals needs a column 'referred_by' in customers; name it by mapping= or in kbind.yaml")
    log = data.require("subscriptions", "events")
    told = parse("NOT _x IS NULL", x=group_value(data, "customers", "referred_by"))
    return Referrals(record(data, period, log, {"referred": "customers"}, {"referred": told}), conf_level)
