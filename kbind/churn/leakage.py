"""Features that may know the outcome: what predicts too well to be true, and rows on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from kbind.churn.folds import learnable
from kbind.churn.snapshots.picking import customer_codes
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.customers.leaks import PROVEN_LEVEL, Column, Leak, Rows, proven
from kbind.dataset.groups import names_of
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, NotEnoughData, check_kind, did_you_mean, listed
from kbind.result import Shown
from kbind.typing import Bools, Floats, Ints

#: What each check measures, and from where on it gives an alarm.
LIMITS = {
    "alone": 0.85,
    "later": 0.85,
    "missing": 0.5,
    "level": PROVEN_LEVEL,
    "ever": PROVEN_LEVEL,
    "identifier": 0.5,
    "duplicates": 0.02,
    "repeated": 0.0,
}
#: What a table says without a date can have been written after the fact.
_UNDATED, _SAID = ("customers", "subscriptions"), ("attribute", "flag", "value")


@dataclass(frozen=True, eq=False)
class LeakageReport(Shown):
    """Signs that features know the outcome. Made by `leakage_report`.

    Attributes
    ----------
    measured : DataFrame
        As `to_frame` gives it.
    proven : tuple of Leak
        Features that surely know the outcome; models leave them out, unless told to keep them.
    notes : tuple of str
        Of the snapshots: what was left out because it may hold the future, and what carries no date.
    """

    measured: pd.DataFrame = field(repr=False)
    proven: tuple[Leak, ...]
    notes: tuple[str, ...] = field(repr=False)
    provenance: Provenance

    @property
    def definition(self) -> str:
        """How many alarms there are, and which of them prove a leak."""
        count = int(self.measured["alarm"].sum())
        what = "No sign of leakage" if count == 0 else f"{count} sign(s) of leakage: find out when these values are set"
        surely = "; ".join(f"{leak.column} ({leak.reason})" for leak in self.proven)
        what += f". Proven, and left out of models: {surely}" if surely else ""
        n = len(set(self.measured["feature"]) - {""})
        return f"{what}. Measured were {n} features; a weak leak looks like a good feature."

    @property
    def alarms(self) -> pd.DataFrame:
        """Only what gives an alarm."""
        return self.measured[self.measured["alarm"]].reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """One row a measurement, alarms first.

        Returns
        -------
        DataFrame
            check, feature, value, limit, alarm.
        """
        return self.measured.copy()


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
    - level: levels that in one half of the customers only leavers have (but for 5 % slips), counted in the other half:
      share of the stayers one would expect there that is surely lacking; alarm above .8. Missing is a level.
    - ever: the same, where a leaver is who leaves at any date.
    - identifier: distinct levels a customer, of categories; alarm above .5.
    - duplicates: share of rows of different customers that are equal in all features, beyond what chance gives if one
      feature is shuffled; alarm above .02.
    - repeated: share of rows whose customer stands at the same date more than once; any is an alarm.

    A leak is proven by level or ever with hardly any stayer, or by alone or later above .9, of what is written into
    `customers` and `subscriptions` without a date. What happened before a date was known at it, however much it tells.

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
    check_kind("snapshots", snapshots, Snapshots, "kb.snapshots(...)")
    _check_finite(snapshots)
    rows = np.flatnonzero(learnable(snapshots))
    left = snapshots.target[rows]
    if len(np.unique(left)) < 2:
        raise NotEnoughData("leakage_report needs customers who left and customers who stayed, and one kind is missing")
    seen = _rows(snapshots, rows)
    stays = seen.later[1]
    found: list[tuple[str, str, float]] = []
    for name in snapshots.features:
        column = Column.of(snapshots.features[name].iloc[rows])
        found.append(("alone", str(name), seen.telling(column.codes, left, np.ones(len(rows), dtype=bool))))
        if stays.any():
            found.append(("later", str(name), seen.telling(column.codes, seen.later[0], stays)))
            found.append(("ever", str(name), seen.marked(column.spikes, seen.gone).lack))
        found.append(("missing", str(name), _phi(column.missing, left)))
        found.append(("level", str(name), seen.marked(column.spikes, left == 1).lack))
        if column.distinct is not None:
            found.append(("identifier", str(name), column.distinct / (seen.customer.max() + 1)))
    found.append(("duplicates", "", _duplicates(snapshots, rows, seen.customer)))
    found.append(("repeated", "", _repeated(snapshots, rows)))
    measured = pd.DataFrame(found, columns=["check", "feature", "value"])
    measured["limit"] = measured["check"].map(LIMITS)
    measured["alarm"] = measured["value"] > measured["limit"]
    ordered = measured.sort_values(["alarm", "value"], ascending=False, kind="stable", ignore_index=True)
    return LeakageReport(ordered, proven_leaks(snapshots), snapshots.notes, snapshots.provenance)


def proven_leaks(snapshots: Snapshots, passing: Sequence[str] = ()) -> tuple[Leak, ...]:
    """Features that surely know the outcome, passing some by; none where nobody has left or nobody has stayed."""
    rows = np.flatnonzero(learnable(snapshots))
    if len(np.unique(snapshots.target[rows])) < 2:
        return ()
    seen = _rows(snapshots, rows)
    meaning = {feature.name: feature for feature in snapshots.meanings}
    dated = not np.isnat(snapshots.as_of).all()
    found: list[Leak] = []
    for name in map(str, snapshots.features):
        if name in passing:
            continue
        of = meaning.get(name)
        if dated and of is not None and not (of.table in _UNDATED and of.measure in _SAID):
            continue
        # what a contract says was so while it ran, though it tells of a later date
        contract = of is not None and of.table == "subscriptions"
        column = Column.of(snapshots.features[name].iloc[rows])
        found += proven([(name, column)], replace(seen, date=0 * seen.date) if contract else seen)
    return tuple(found)


def without_leaks(snapshots: Snapshots, keep: str | Sequence[str] | None = None) -> tuple[Snapshots, dict[str, str]]:
    """Snapshots without the features that are proven to know the outcome, and why each was removed.

    Parameters
    ----------
    snapshots : Snapshots
    keep : str or sequence of str, optional
        Features that stay whatever is proven.

    Raises
    ------
    ArgumentError
        There is no such feature to keep, or nothing is left.
    """
    _check_finite(snapshots)
    kept = names_of(keep, "keep")
    known = [str(name) for name in snapshots.features]
    strange = [name for name in kept if name not in known]
    if strange:
        hint = did_you_mean(str(strange[0]), known)
        raise ArgumentError(f"keep={strange[0]!r} is no feature of the snapshots; {hint}features: {listed(known)}")
    removed = {leak.column: leak.reason for leak in proven_leaks(snapshots, kept)}
    if removed and len(removed) == len(known):
        raise NotEnoughData(
            f"every feature knows the outcome: {listed(removed)}; give others, or keep some by keep=[...]"
        )
    return without(snapshots, removed), removed


def _check_finite(snapshots: Snapshots) -> None:
    for name in snapshots.features:
        values = snapshots.features[name]
        if values.dtype.kind == "f" and (n := int(np.isinf(values.to_numpy()).sum())):
            raise ArgumentError(f"feature {name!r} has {n:,} infinite values; allowed: numbers, or NaN if missing")


def without(snapshots: Snapshots, removed: dict[str, str]) -> Snapshots:
    """Snapshots without some features; `notes` says why."""
    if not removed:
        return snapshots
    return replace(
        snapshots,
        features=snapshots.features.drop(columns=list(removed)),
        meanings=tuple(feature for feature in snapshots.meanings if feature.name not in removed),
        notes=(*snapshots.notes, *(f"left out: {name} ({why})" for name, why in removed.items())),
    )


def _rows(snapshots: Snapshots, rows: Ints) -> Rows:
    customer = customer_codes(snapshots.customer[rows])
    _, date = np.unique(snapshots.as_of[rows], return_inverse=True)
    left = snapshots.target[rows]
    gone = np.bincount(customer, left == 1) > 0
    return Rows(left, customer, date, gone[customer])


def _phi(missing: Bools, left: Floats) -> float:
    """Absolute correlation of two yes-or-no columns; 0 where one does not vary."""
    if missing.all() or not missing.any():
        return 0.0
    return float(abs(np.corrcoef(missing, left)[0, 1]))


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
    frame = pd.DataFrame({"customer": customer_codes(snapshots.customer[rows]), "as_of": snapshots.as_of[rows]})
    return float(frame.duplicated(keep=False).mean())
