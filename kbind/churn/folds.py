"""Which snapshots a model learns from and which it is tested on, so that nothing of the test is known before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kbind.churn.snapshots.picking import customer_codes, rows_of_some
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.errors import NotEnoughData, check_choice, check_count
from kbind.estimate.threads import threads_for
from kbind.typing import Bools, Ints

SCHEMES = ("forward", "grouped", "random")


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How models are tested.

    Parameters
    ----------
    scheme : {"forward", "grouped", "random"}, optional
        "forward": at each observation date, models learn from snapshots with as_of + lead + horizon at or before it.
        "grouped": cross-validation with customers kept whole, for a single snapshot. "random": rows split at random;
        only to show how much that overstates. None: forward if the dates allow it, else grouped.
    folds : int
        Parts of a cross-validation; forward, at most so many dates are tested, the last ones.
    repeats : int
        Of a cross-validation. They smooth the split's chance and add no customers, which intervals respect.
    resamples : int
        Of the customers, for intervals of lifts, profit and calibration error.
    most : int, optional
        Rows that are learned from at most in each part: those of customers drawn at random. None: all.

    Examples
    --------
    >>> import kbind as kb
    >>> kb.Validation(folds=5, repeats=1)
    Validation(scheme=None, folds=5, repeats=1, resamples=2000, most=None)
    """

    scheme: str | None = None
    folds: int = 10
    repeats: int = 2
    resamples: int = 2000
    most: int | None = None

    def __post_init__(self) -> None:
        if self.scheme is not None:
            check_choice("scheme", self.scheme, SCHEMES)
        check_count("folds", self.folds, 2, 1000)
        check_count("repeats", self.repeats, 1, 1000)
        check_count("resamples", self.resamples, 1, 100_000)
        if self.most is not None:
            check_count("most", self.most, 100, 10**9)


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to learn from, rows to test on, which part this is, and of which repeat of a cross-validation."""

    train: Ints
    test: Ints
    number: int
    repeat: int = 0


def learnable(snapshots: Snapshots) -> Bools:
    """Rows that may be learned from: outcome known, and not gone in the lead."""
    return ~np.isnan(snapshots.target) & ~snapshots.lost_in_lead


def fit_on(model: Any, snapshots: Snapshots, rows: Ints) -> Any:
    """A fresh copy of a classifier, fitted on rows of known outcome; it is told whom they are about if it asks."""
    from sklearn.base import clone
    from sklearn.utils.validation import has_fit_parameter

    told = {"groups": customer_codes(snapshots.customer[rows])} if has_fit_parameter(model, "groups") else {}
    with threads_for(len(rows)):
        return clone(model).fit(snapshots.features.iloc[rows], snapshots.target[rows].astype(int), **told)


def make_folds(snapshots: Snapshots, validation: Validation, seed: int) -> tuple[str, list[Fold]]:
    """The scheme, chosen if None, and its folds.

    Raises
    ------
    NotEnoughData
        The data does not allow the scheme.
    """
    scheme, folds = _folds(snapshots, validation, seed)
    most = validation.most
    return scheme, folds if most is None else [
        replace(fold, train=_some(snapshots, fold.train, most)) for fold in folds
    ]


def _some(snapshots: Snapshots, rows: Ints, most: int) -> Ints:
    """Of some rows those that are learned from."""
    return rows if len(rows) <= most else rows[rows_of_some(customer_codes(snapshots.customer[rows]), most)]


def _folds(snapshots: Snapshots, validation: Validation, seed: int) -> tuple[str, list[Fold]]:
    scheme = validation.scheme
    forward = _forward(snapshots, validation.folds) if scheme in (None, "forward") else []
    if forward:
        return "forward", forward
    if scheme == "forward":
        raise NotEnoughData(
            "scheme='forward' needs an observation date whose outcome was complete before a later one "
            f"(lead {snapshots.lead} + horizon {snapshots.horizon} days), with leavers and stayers at both; "
            "give snapshots earlier dates, or scheme='grouped'"
        )
    return scheme or "grouped", _crossed(snapshots, validation, seed, by_customer=scheme != "random")


def _forward(snapshots: Snapshots, folds: int) -> list[Fold]:
    """One fold a test date, the last ones if there are many."""
    known, dates = learnable(snapshots), snapshots.as_of
    tested = known | snapshots.lost_in_lead
    span = np.timedelta64(snapshots.lead + snapshots.horizon, "D")
    found = []
    for date in np.unique(dates[~np.isnat(dates)]):
        # purged: what had not happened by the test date was not there to learn from
        train, test = np.flatnonzero(known & (dates + span <= date)), np.flatnonzero(tested & (dates == date))
        both = (np.unique(snapshots.target[rows[known[rows]]]) for rows in (train, test))
        if all(len(classes) == 2 for classes in both):
            found.append((train, test))
    return [Fold(*rows, number) for number, rows in enumerate(found[-folds:])]


def _crossed(snapshots: Snapshots, validation: Validation, seed: int, *, by_customer: bool) -> list[Fold]:
    """Cross-validation with the same share of leavers everywhere; customers whole, unless split at random."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    known, folds = learnable(snapshots), validation.folds
    rows = np.flatnonzero(known | snapshots.lost_in_lead)
    customer = customer_codes(snapshots.customer[rows])
    several = by_customer and len(customer) > customer.max(initial=-1) + 1
    # those gone in the lead are no leavers to learn from, and spread like a class of their own
    kind = np.where(known[rows], np.nan_to_num(snapshots.target[rows]), 2).astype(int)
    # rows of one customer go together, so that customers are what there has to be enough of
    least = min(len(np.unique(customer[kind == k])) if by_customer else int((kind == k).sum()) for k in (0, 1))
    if least < folds:
        raise NotEnoughData(f"folds={folds} needs at least {folds} leavers and {folds} stayers; there are {least}")
    kind = np.where((kind == 2) & ((kind == 2).sum() < folds), 0, kind)
    result = []
    for repeat in range(validation.repeats):
        split = StratifiedGroupKFold if several else StratifiedKFold
        parts = split(folds, shuffle=True, random_state=(seed + repeat) % 2**32)
        for number, (train, test) in enumerate(parts.split(rows, kind, customer if several else None)):
            result.append(Fold(rows[train][known[rows[train]]], rows[test], number, repeat))
    return result
