"""Features that may know the outcome: what predicts too well to be true, and rows on both sides of a split."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kbind.errors import NotEnoughData
from kbind.estimates.churn.folds import learnable
from kbind.estimates.churn.scores import auc, variance
from kbind.estimates.intervals import wilson
from kbind.statistics.result import Provenance, Shown
from kbind.statistics.snapshots import Snapshots

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: What each check measures, and from where on it gives an alarm.
LIMITS = {
    "alone": 0.85,
    "later": 0.85,
    "missing": 0.5,
    "level": 0.2,
    "identifier": 0.5,
    "duplicates": 0.02,
    "repeated": 0.0,
}
#: Numbers with more distinct values are cut into so many groups of equal size.
BINS = 40
#: A level is all but certain if with 97.5 % confidence more than so many of its customers have left.
CERTAIN = 0.9
#: As many average customers are added to each level's rate.
PRIOR = 5


@dataclass(frozen=True, eq=False)
class LeakageReport(Shown):
    """Signs that features know the outcome. Made by `leakage_report`.

    Attributes
    ----------
    check, feature : tuple of str
        One a measurement; the feature is empty where it is about rows.
    value : ndarray of float
        What was measured, see `leakage_report`.
    alarm : ndarray of bool
    notes : tuple of str
        Of the snapshots: what was left out because it may hold the future, and what carries no date.
    """

    check: tuple[str, ...] = field(repr=False)
    feature: tuple[str, ...] = field(repr=False)
    value: Floats = field(repr=False)
    alarm: Bools = field(repr=False)
    notes: tuple[str, ...] = field(repr=False)
    provenance: Provenance

    @property
    def definition(self) -> str:
        """How many alarms there are, and that they are no verdict."""
        count = int(self.alarm.sum())
        what = "No sign of leakage" if count == 0 else f"{count} sign(s) of leakage: find out when these values are set"
        return f"{what}. Measured were {len(set(self.feature) - {''})} features; a weak leak looks like a good feature."

    @property
    def alarms(self) -> pd.DataFrame:
        """Only what gives an alarm."""
        frame = self.to_frame()
        return frame[frame["alarm"]].reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement, alarms first.

        Returns
        -------
        DataFrame
            check, feature, value, limit, alarm.
        """
        import pandas as pd

        frame = pd.DataFrame(
            {
                "check": self.check,
                "feature": self.feature,
                "value": self.value,
                "limit": [LIMITS[check] for check in self.check],
                "alarm": self.alarm,
            }
        )
        return frame.sort_values(["alarm", "value"], ascending=False, kind="stable", ignore_index=True)


def leakage_report(snapshots: Snapshots) -> LeakageReport:
    """Look for features that know the outcome, and for rows that would stand on both sides of a split.

    Parameters
    ----------
    snapshots : Snapshots

    Returns
    -------
    LeakageReport

    Raises
    ------
    ArgumentError
        Nobody has left, or nobody has stayed.

    Notes
    -----
    Checks:

    - alone: lower limit of the AUC of one feature, its levels or forty groups of equal size scored by the rate of
      leavers among the other half of the customers; alarm above .85.
    - later: the same for stayers who leave at a later date against those who do not. A feature that tells them apart
      was overwritten after the fact and carried back.
    - missing: correlation (phi) of missing values with leaving, either way; alarm above .5. A reason of leaving is
      filled only for leavers.
    - level: share of all leavers who have one value of which it is certain that nine of ten have left, though most
      customers stay; alarm above .2.
    - identifier: distinct levels a customer, of categories; alarm above .5.
    - duplicates: share of rows of different customers that are equal in all features, beyond what chance gives if one
      feature is shuffled; alarm above .02.
    - repeated: share of rows whose customer stands at the same date more than once; any is an alarm.

    References
    ----------
    Kaufman, Rosset, Perlich and Stitelman (2012), ACM TKDD 6, 15; Kapoor and Narayanan (2023), Patterns 4, 100804.

    Examples
    --------
    >>> import kbind as kb
    >>> telco = kb.snapshots(kb.datasets.load_telco())
    >>> kb.leakage_report(telco).definition[:18]
    'No sign of leakage'
    """
    rows = np.flatnonzero(learnable(snapshots))
    left = snapshots.target[rows]
    if len(np.unique(left)) < 2:
        raise NotEnoughData("leakage_report needs customers who left and customers who stayed, and one kind is missing")
    seen = _Seen.of(snapshots, rows)
    found: list[tuple[str, str, float]] = []
    for name in snapshots.features:
        codes, levels, missing = _coded(snapshots.features[name].iloc[rows])
        found.append(("alone", str(name), seen.telling(codes, left, np.ones(len(rows), dtype=bool))))
        if seen.stays.any():
            found.append(("later", str(name), seen.telling(codes, seen.later, seen.stays)))
        found.append(("missing", str(name), _phi(missing, left)))
        found.append(("level", str(name), _certain(codes, left)))
        if levels is not None:
            found.append(("identifier", str(name), levels / (seen.customer.max() + 1)))
    found.append(("duplicates", "", _duplicates(snapshots, rows, seen.customer)))
    found.append(("repeated", "", _repeated(snapshots, rows)))
    checks, features, values = zip(*found, strict=True)
    value = np.array(values)
    return LeakageReport(
        check=checks,
        feature=features,
        value=value,
        alarm=value > np.array([LIMITS[check] for check in checks]),
        notes=snapshots.notes,
        provenance=snapshots.provenance,
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """Who the rows are about, which half each customer is in, and who leaves at a later date than the row's."""

    customer: Ints
    half: Bools
    date: Ints
    stays: Bools
    later: Floats

    @classmethod
    def of(cls, snapshots: Snapshots, rows: Ints) -> _Seen:
        _, customer = np.unique(snapshots.customer[rows].astype(str), return_inverse=True)
        _, date = np.unique(snapshots.as_of[rows], return_inverse=True)
        half = np.random.default_rng(0).random(customer.max() + 1) < 0.5
        left = snapshots.target[rows] == 1
        last = np.full(customer.max() + 1, -1)
        np.maximum.at(last, customer[left], date[left])
        later = last[customer] > date
        stays = ~left & (later.any() & ~later.all())
        # a date after which nobody is seen leaving cannot tell who will
        return cls(customer, half[customer], date, stays & (date < last.max()), later.astype(float))

    def telling(self, codes: Ints, outcome: Floats, among: Bools) -> float:
        """Lower limit of the AUC of one feature, scored by the rates of the other half of the customers."""
        score = np.zeros(len(codes))
        for side in (False, True):
            learned, scored = among & (self.half == side), among & (self.half != side)
            if not learned.any():
                return float("nan")
            size = np.bincount(codes[learned], minlength=codes.max() + 1)
            events = np.bincount(codes[learned], outcome[learned], codes.max() + 1)
            rate = outcome[learned].mean()
            score[scored] = ((events + PRIOR * rate) / (size + PRIOR))[codes[scored]]
        left = outcome[among]
        # rates of two halves cannot be compared, so each half is a stratum
        found = auc(left, score[among], (2 * self.date + self.half)[among])
        if np.isnan(found.value):
            return float("nan")
        error = np.sqrt(max(variance(found.influence, self.customer[among], (left != 1).astype(np.int64)), 0.0))
        return found.value - NormalDist().inv_cdf(0.975) * float(error)


def _coded(values: pd.Series[Any]) -> tuple[Ints, int | None, Bools]:
    """Codes of values, missing ones last; the number of levels of a category; what is missing."""
    import pandas as pd

    missing = values.isna().to_numpy()
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    codes, distinct = pd.factorize(values, sort=numeric)
    if numeric and len(distinct) > BINS:
        # a value that many share stays a group of its own
        array = values.to_numpy(dtype=float, na_value=np.nan)
        cuts = np.unique(np.nanquantile(array, np.arange(1, BINS) / BINS))
        codes = np.searchsorted(cuts, array, side="left") + np.searchsorted(cuts, array, side="right")
    codes = np.where(missing, codes.max() + 1, codes)
    return np.unique(codes, return_inverse=True)[1], None if numeric else len(distinct), missing


def _phi(missing: Bools, left: Floats) -> float:
    """Absolute correlation of two yes-or-no columns; 0 where one does not vary."""
    if missing.all() or not missing.any():
        return 0.0
    return float(abs(np.corrcoef(missing, left)[0, 1]))


def _certain(codes: Ints, left: Floats) -> float:
    """Share of the leavers who have a value with which all but everybody leaves."""
    if left.mean() > 0.5:
        return 0.0
    size, events = np.bincount(codes), np.bincount(codes, left)
    _, lower, _ = wilson(events, size)
    return float(events[lower > CERTAIN].sum() / left.sum())


def _duplicates(snapshots: Snapshots, rows: Ints, customer: Ints) -> float:
    """Share of rows that another customer's row repeats, less what is left if the most telling feature is shuffled."""
    features = snapshots.features.iloc[rows].reset_index(drop=True)
    most = max(features, key=lambda name: features[name].nunique())
    shuffled = np.random.default_rng(0).permutation(len(rows))
    other = features.assign(**{str(most): features[most].iloc[shuffled].to_numpy()})
    return _repeating(features, customer) - _repeating(other, customer)


def _repeating(features: pd.DataFrame, customer: Ints) -> float:
    key = features.groupby(list(features.columns), observed=True, dropna=False, sort=False).ngroup()
    owners = key.to_frame("key").assign(customer=customer).groupby("key")["customer"].nunique()
    return float((owners.to_numpy()[key.to_numpy()] > 1).mean())


def _repeated(snapshots: Snapshots, rows: Ints) -> float:
    import pandas as pd

    frame = pd.DataFrame({"customer": snapshots.customer[rows].astype(str), "as_of": snapshots.as_of[rows]})
    return float(frame.duplicated(keep=False).mean())
