"""Why customers say they leave: by what they are like, against what went before, and in their own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.customers.levels import MISSING, Attribute
from kbind.dataset.dataset import Dataset
from kbind.errors import check_choice, check_conf_level, check_rng
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import (
    benjamini_hochberg,
    interval_columns,
    rate_of,
    welch,
    wilson,
    with_limits,
)
from kbind.reasons.coding import CodedReasons, code_reasons
from kbind.reasons.departures import Leavers, leavers
from kbind.result import Shown
from kbind.typing import Floats, Ints

__all__ = ["CodedReasons", "ReasonsByType", "code_reasons", "reason_by_type"]

#: Random tables with the same margins, where counts are too small for the chi-squared distribution.
_TABLES = 9999


@dataclass(frozen=True)
class Association:
    """Chi square of a table, and Cramér's V.

    Attributes
    ----------
    n, df : int
        Counted, and degrees of freedom.
    chi_square, p_value : float
    method : str
        "chi-squared", or "random tables" where more than a fifth of the fields expect fewer than 5, or one below 1.
    cramers_v : Estimate
        Corrected for bias; its interval by the noncentral chi-squared distribution.
    """

    n: int
    df: int
    chi_square: float
    p_value: float
    method: str
    cramers_v: Estimate


def association(table: Ints, conf_level: float, rng: np.random.Generator) -> Association:
    """Association of rows and columns.

    Parameters
    ----------
    table : ndarray of int, shape (rows, columns)
    conf_level : float
    rng : numpy.random.Generator
        For random tables.

    References
    ----------
    Bergsma (2013), Journal of the Korean Statistical Society 42, 323-328; Smithson (2003), Confidence Intervals, ch. 4.

    Examples
    --------
    >>> found = association(np.array([[30, 10], [10, 30]]), 0.95, np.random.default_rng(0))
    >>> print(f"{found.chi_square:.1f}, V {found.cramers_v}")
    20.0, V 0.4903 [0.2827, 0.7237]
    """
    from scipy.special import chdtrc

    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    n, df = int(table.sum()), (rows - 1) * (columns - 1)
    if min(rows, columns) < 2:
        return Association(n, 0, np.nan, np.nan, "none", UNKNOWN)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    chi_square = float(((table - expected) ** 2 / expected).sum())
    if (expected < 5).mean() > 0.2 or expected.min() < 1:
        p_value, method = _by_random_tables(table, expected, chi_square, rng), "random tables"
    else:
        p_value, method = float(chdtrc(df, chi_square)), "chi-squared"
    # the number of rows and of columns, and chi square, each as large as chance alone would not make it
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    if not least > 0:
        return Association(n, df, chi_square, p_value, method, UNKNOWN)
    cramers_v = float(np.sqrt(max(0.0, chi_square / n - df / (n - 1)) / least))
    limits = (_noncentrality(chi_square, df, tail) for tail in ((1 + conf_level) / 2, (1 - conf_level) / 2))
    numbers = (min(1.0, x) for x in (cramers_v, *(np.sqrt(limit / n / least) for limit in limits)))
    return Association(n, df, chi_square, p_value, method, Estimate.of(numbers, conf_level=conf_level))


def _by_random_tables(table: Ints, expected: Floats, chi_square: float, rng: np.random.Generator) -> float:
    from scipy.stats import random_table

    drawn = random_table(table.sum(axis=1), table.sum(axis=0)).rvs(_TABLES, random_state=rng)
    values = ((drawn - expected) ** 2 / expected).sum(axis=(1, 2))
    return float((1 + (values >= chi_square * (1 - 1e-12)).sum()) / (_TABLES + 1))


def _noncentrality(chi_square: float, df: int, share: float) -> float:
    """The noncentrality at which so large a share of the distribution lies below; 0 where even at 0 less does."""
    from scipy.special import chndtr, chndtrinc

    return float(chndtrinc(chi_square, df, share)) if chndtr(chi_square, df, 0.0) > share else 0.0


def behaviour_frame(leavers: Leavers, conf_level: float) -> pd.DataFrame:
    """One row a reason and measure; see `ReasonsByType.behaviour`."""
    rows = []
    for code in [*range(len(leavers.reasons)), -1]:
        own = leavers.reason == code
        others = (leavers.reason != code) & (leavers.reason >= 0) & leavers.voluntary
        if not own.any():
            continue
        for measure in leavers.measures:
            values = leavers.values[measure.name]
            known = np.isfinite(values)
            free = known & leavers.voluntary
            here, there = values[own & known], values[others & known]
            if measure.share:
                level, rest = (rate_of(int(part.sum()), len(part), conf_level) for part in (here, there))
                gap = level.minus(rest)
            else:
                level, gap = mean(here, conf_level), welch(here, there, conf_level)
            rows.append(
                {
                    "reason": leavers.reasons[code] if code >= 0 else MISSING,
                    "measure": measure.name,
                    "n": len(here),
                    **interval_columns("value", level),
                    "value_all": float(values[free].mean()) if free.any() else np.nan,
                    **interval_columns("difference", gap),
                }
            )
    columns = ["reason", "measure", "n", *with_limits("value"), "value_all", *with_limits("difference")]
    return pd.DataFrame(rows, columns=columns)


def mean(values: Floats, conf_level: float) -> Estimate:
    """Mean with Student's interval.

    >>> value, lower, upper = mean(np.array([1.0, 2.0, 3.0]), 0.95)
    >>> f"{value} [{lower:.3f}, {upper:.3f}]"
    '2.0 [-0.484, 4.484]'
    """
    from scipy.special import stdtrit

    n, middle = len(values), float(values.mean()) if len(values) else np.nan
    if n < 2:
        return Estimate(middle)
    half = float(stdtrit(n - 1, 0.5 + conf_level / 2) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(middle, middle - half, middle + half)


@dataclass(frozen=True, eq=False)
class ReasonsByType(Shown):
    """Stated reasons by what customers are like. Made by `reason_by_type`.

    Attributes
    ----------
    leavers : Leavers
        Customers who said goodbye.
    conf_level : float
        Level of the intervals.
    """

    leavers: Leavers = field(repr=False)
    conf_level: float
    rng: np.random.Generator = field(repr=False)

    @property
    def definition(self) -> str:
        """What was counted, in a few sentences."""
        silent = int((self.leavers.reason < 0).sum())
        return (
            f"{len(self.leavers):,} {self.leavers.provenance.customer}s who said goodbye, by the reason of their last "
            f"one; {silent:,} gave none: they are counted as {MISSING} among all, and left out of the shares of "
            f"reasons. {self.conf_level:.0%} Wilson intervals; the simultaneous ones hold for all fields of an "
            f"attribute at once (Bonferroni). {self.leavers.provenance}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Columns left out, and what was measured of the time before."""
        return (*self.leavers.notes, *(f"{m.name}: {m.meaning}." for m in self.leavers.measures))

    def counts(self, attribute: str) -> pd.DataFrame:
        """Leavers by level (rows) and reason (columns), unknown ones included, nothing suppressed."""
        known = {a.name: a for a in self.leavers.attributes}
        found = known[check_choice("attribute", attribute, tuple(known))]
        columns = pd.Index([*self.leavers.reasons, MISSING], name="reason")
        frame = pd.DataFrame(self._table(found), index=pd.Index([*found.levels, MISSING], name=attribute),
                             columns=columns)  # fmt: skip
        return frame.loc[frame.sum(axis=1) > 0]

    def to_frame(self) -> pd.DataFrame:
        """One row an attribute, level and reason; numbers for data scientists, small ones included.

        Returns
        -------
        DataFrame
            Columns attribute, level, reason, n, of, share (n / of) with `_ci_lower` and `_ci_upper`, with
            `_simultaneous_ci_lower` and `_upper`, and share_all (the same of all levels). `of` counts who gave a
            reason, and for the reason "(missing)" everybody with the level.
        """
        frames = []
        for a in self.leavers.attributes:
            table = self._table(a)
            stated = table[:, :-1].sum(axis=1, keepdims=True)
            everybody = table.sum(axis=1, keepdims=True)
            size = np.hstack([np.repeat(stated, len(self.leavers.reasons), axis=1), everybody])
            there = np.flatnonzero(everybody[:, 0])
            levels = [*a.levels, MISSING]
            fields = len(there) * len(self.leavers.reasons)
            joint = wilson(table, size, 1 - (1 - self.conf_level) / max(fields, 1))[1:]
            whole = wilson(table.sum(axis=0), size.sum(axis=0), self.conf_level)[0]
            columns = {"n": table, "of": size} | interval_columns("share", wilson(table, size, self.conf_level))
            columns |= dict(zip(with_limits("share_simultaneous")[1:], joint, strict=True))
            columns["share_all"] = np.broadcast_to(whole, table.shape)
            reasons = [*self.leavers.reasons, MISSING]
            frame = pd.DataFrame({name: values[there].ravel() for name, values in columns.items()})
            frame.insert(0, "attribute", a.name)
            frame.insert(1, "level", [levels[k] for k in there for _ in reasons])
            frame.insert(2, "reason", reasons * len(there))
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def _associations(self) -> pd.DataFrame:
        # who is unknown, or gave no reason, says nothing on how both go together
        found = [association(self._table(a)[:-1, :-1], self.conf_level, self.rng) for a in self.leavers.attributes]
        frame = pd.DataFrame([vars(one) | interval_columns("cramers_v", one.cramers_v) for one in found])
        frame.insert(0, "attribute", [a.name for a in self.leavers.attributes])
        frame["q_value"] = benjamini_hochberg(frame["p_value"].to_numpy())
        return frame.sort_values("cramers_v", ascending=False, kind="stable", ignore_index=True)

    def association(self) -> pd.DataFrame:
        """How closely stated reasons and each attribute go together, the closest first.

        Returns
        -------
        DataFrame
            Columns attribute, n (reason and level known), df, chi_square, p_value, method ("chi-squared", or "random
            tables" where counts are small), cramers_v (corrected for bias) with `_ci_lower` and `_ci_upper`, q_value
            (Benjamini-Hochberg over the attributes).
        """
        return self._associations.copy()

    def behaviour(self) -> pd.DataFrame:
        """What went before, by stated reason: whether those who say "price" behaved unlike the others.

        Returns
        -------
        DataFrame
            Columns reason, measure (see `notes`), n (leavers with the reason for whom it is known), value (mean, or
            share for what is yes or no; Student's or Wilson's interval), value_all (of all who left of their own
            accord), difference (to those of them with another stated reason; Welch's or Newcombe's interval). A
            reason that is given out of politeness hides others: the signs of these show in its row.
        """
        return behaviour_frame(self.leavers, self.conf_level)

    def _table(self, attribute: Attribute) -> Ints:
        """Counts by level and reason, the last of both for unknown."""
        rows, columns = len(attribute.levels) + 1, len(self.leavers.reasons) + 1
        level = np.where(attribute.codes < 0, rows - 1, attribute.codes)
        reason = np.where(self.leavers.reason < 0, columns - 1, self.leavers.reason)
        return np.bincount(level * columns + reason, minlength=rows * columns).reshape(rows, columns)


def reason_by_type(
    data: Dataset,
    by: str | Sequence[str] | None = None,
    *,
    as_of: object = None,
    conf_level: float = 0.95,
    rng: int | np.random.Generator | np.random.SeedSequence = 0,
) -> ReasonsByType:
    """Which reasons customers of which type give for leaving, and whether their behaviour agrees.

    Parameters
    ----------
    data : Dataset
        With `customers` and `cancellations.reason`; what went before is measured with the tables that are there
        (`events`, `tickets`, `subscriptions`, `feedback`).
    by : str or sequence of str, optional
        Columns of `customers`, each on its own; numbers are cut near their quartiles. Default: all but identifiers
        and times.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data.
    conf_level : float
        Level of the intervals, between 0 and 1.
    rng : int, numpy.random.Generator or numpy.random.SeedSequence
        For tests by random tables, where counts are small.

    Returns
    -------
    ReasonsByType

    Raises
    ------
    ArgumentError
        No such table or column, or nobody gave a reason.

    Notes
    -----
    Nothing is suppressed in these frames. What managers read is: see `kbind.text.disclosure.Disclosure`.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.reason_by_type(kb.datasets.load_saas(), by="company_size")
    >>> found.counts("company_size").shape
    (4, 7)
    >>> sorted(set(found.behaviour()["reason"]))
    ['(missing)', 'competitor', 'no_need', 'payment', 'price', 'product', 'service']
    """
    level, generator = check_conf_level(conf_level), check_rng(rng)
    return ReasonsByType(leavers(data, by, as_of=as_of), level, generator)
