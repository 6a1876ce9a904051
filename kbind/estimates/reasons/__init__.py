"""Why customers say they leave: by what they are like, against what went before, and in their own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.data.dataset import Dataset
from kbind.errors import check_choice, check_conf_level, check_rng
from kbind.estimates.intervals import wilson
from kbind.estimates.many_tests import benjamini_hochberg
from kbind.estimates.reasons.association import association
from kbind.estimates.reasons.behaviour import behaviour_frame
from kbind.estimates.reasons.coding import CodedReasons, code_reasons
from kbind.statistics.customers.levels import MISSING, Attribute
from kbind.statistics.reasons import Leavers, leavers
from kbind.statistics.result import Shown
from kbind.typing import Ints

__all__ = ["CodedReasons", "ReasonsByType", "code_reasons", "reason_by_type"]


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
            part, low, high = wilson(table, size, self.conf_level)
            fields = len(there) * len(self.leavers.reasons)
            _, joint_low, joint_high = wilson(table, size, 1 - (1 - self.conf_level) / max(fields, 1))
            whole = wilson(table.sum(axis=0), size.sum(axis=0), self.conf_level)[0]
            columns = {"n": table, "of": size, "share": part, "share_ci_lower": low, "share_ci_upper": high,
                       "share_simultaneous_ci_lower": joint_low, "share_simultaneous_ci_upper": joint_high,
                       "share_all": np.broadcast_to(whole, table.shape)}  # fmt: skip
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
        frame = pd.DataFrame([asdict(one) for one in found])
        frame = frame.rename(columns={"ci_lower": "cramers_v_ci_lower", "ci_upper": "cramers_v_ci_upper"})
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
    Nothing is suppressed in these frames. What managers read is: see `kbind.wording.Disclosure.crossed`.

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
