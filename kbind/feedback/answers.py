"""Answers counted by group and period, with what is needed to know how far one customer's answers go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from kbind.calendar import PERIODS, Calendar
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import Groups, encode_groups, integers, stack_groups
from kbind.dataset.provenance import Provenance
from kbind.errors import NotEnoughData, check_choice
from kbind.feedback.instrument import Instrument, read_instrument
from kbind.feedback.scan import CONTACT, Split, Window, first_answer, read_split, sums, there
from kbind.result import Shown
from kbind.typing import Floats, Ints

__all__ = ["CONTACT", "Answers", "Pairs", "answers"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sums over the customers whose answers stand in two groups in one period; both orders of two groups.

    Attributes
    ----------
    group, other, period : ndarray of int, shape (pairs,)
    mm, mt, tt : ndarray of float, shape (pairs,)
        Sums of products, with m the answers and t the sum of their values: m m', m t', t t', the dash for `other`.
    """

    group: Ints
    other: Ints
    period: Ints
    mm: Floats
    mt: Floats
    tt: Floats


@dataclass(frozen=True, eq=False)
class Answers(Shown):
    """Answers to one instrument, counted by group and period.

    Attributes
    ----------
    instrument : Instrument
        What was asked.
    periods : tuple of str
        Labels of the periods that are over; one, "all", for all time together.
    by, groups : tuple
        Columns that split the answers, and their values; None where unknown.
    n, missing, customers, respondents : ndarray of int, shape (groups, periods)
        Answers with a score and without, customers and people who gave a score. Respondents are -1 where not known.
    total, squares : ndarray of float, shape (groups, periods)
        Sums of the answers' values and of their squares: 1, 0, -1 for NPS, 1 or 0 for CSAT, else the scores.
    mm, mt, tt : ndarray of float, shape (groups, periods)
        Sums over customers of m m, m t and t t, with m a customer's answers and t the sum of their values.
    there, reached : ndarray of float, shape (groups, periods)
        Customers there were, and those of them who answered; NaN where not known.
    pairs : Pairs
        The same sums over customers who answer in two groups.
    """

    instrument: Instrument
    period: str | None
    periods: tuple[str, ...]
    by: tuple[str, ...]
    groups: Groups
    n: Ints = field(repr=False)
    missing: Ints = field(repr=False)
    customers: Ints = field(repr=False)
    respondents: Ints = field(repr=False)
    total: Floats = field(repr=False)
    squares: Floats = field(repr=False)
    mm: Floats = field(repr=False)
    mt: Floats = field(repr=False)
    tt: Floats = field(repr=False)
    there: Floats = field(repr=False)
    reached: Floats = field(repr=False)
    pairs: Pairs = field(repr=False)
    present: str | None
    by_contact: bool
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What was counted, in one sentence."""
        return f"Answers to {self.instrument.name!r}, by customer. {self.provenance}"

    def to_frame(self) -> pd.DataFrame:
        """One row a group and period.

        Returns
        -------
        DataFrame
            Columns of `by`, period if there are periods, n, n_missing, customers.
        """
        columns = {"n": self.n, "n_missing": self.missing, "customers": self.customers}
        labels = {} if self.period is None else {"period": self.periods}
        frames = [
            pd.DataFrame(labels | {name: values[g] for name, values in columns.items()})
            for g in range(len(self.groups))
        ]
        return stack_groups(self.by, self.groups, frames)


def answers(
    data: Dataset,
    instrument: str,
    *,
    by: str | Sequence[str] | None = None,
    period: str | None = None,
    measure: str | None = None,
    scale: tuple[int, int] | None = None,
) -> Answers:
    """Reduce feedback to counts; see `kb.feedback_score` for the parameters."""
    asked = read_instrument(data, instrument, measure=measure, scale=scale)
    split = read_split(data, by)
    first, as_of = first_answer(data, asked), data.as_of
    assert as_of is not None
    periods: Calendar | Window = Window(first, as_of, data.timezone)
    labels = ["all"]
    if period is not None:
        check_choice("period", period, PERIODS)
        periods = Calendar.spanning(period, first, as_of, data.timezone)
        if not periods.lived:
            raise NotEnoughData(f"period={period!r}: no {period} since the first answer is over at {as_of:%Y-%m-%d}")
        labels = periods.labels[: periods.lived]
    found = sums(data, asked, split, periods)
    present = None if split.of("contacts") else there(data, split, periods)
    groups, place, other, expected = _encode(found, present, split, len(labels))
    own, i = place == other, integers(found, "i")
    shape = (max(len(groups), 1), len(labels))

    def filled(name: str, start: float = 0) -> Floats:
        result = np.full(shape, start, dtype=float)
        result[place[own], i[own]] = found.column(name).to_numpy()[own]
        return result

    counts = {name: filled(name).astype(np.int64) for name in ("n", "missing", "customers", "people")}
    if "respondent_id" not in data.tables["feedback"].columns:
        counts["people"] = np.full(shape, -1)
    known = expected if expected is not None else np.full(shape, np.nan)
    between = {name: np.asarray(found.column(name).to_numpy(), dtype=float)[~own] for name in ("mm", "mt", "tt")}
    log = next((name for name in ("subscriptions", "events") if name in data.tables), None)
    return Answers(
        instrument=asked,
        period=period,
        periods=tuple(labels),
        by=split.by,
        groups=groups,
        n=counts["n"],
        missing=counts["missing"],
        customers=counts["customers"],
        respondents=counts["people"],
        **{name: filled(name) for name in ("total", "squares", "mm", "mt", "tt")},
        there=known,
        reached=np.where(np.isnan(known), np.nan, filled("reached")),
        pairs=Pairs(place[~own], other[~own], i[~own], **between),
        present=log,
        by_contact=bool(split.of("contacts")),
        provenance=Provenance.of(data, as_of),
    )


def _encode(
    found: pa.Table, present: pa.Table | None, split: Split, periods: int
) -> tuple[Groups, Ints, Ints, Floats | None]:
    """Groups, the code of each row's group and of the one it is paired with, and the customers there were.

    Customers of a group that never answers make a group too, where all columns are attributes of customers.
    """
    g = [f"g{k}" for k in range(len(split.by))]
    attributes = split.of("customers")
    tables = [found.select(g), found.select([f"h{k}" for k in range(len(g))]).rename_columns(g)]
    silent = present is not None and len(attributes) == len(g)
    if present is not None and silent:
        tables.append(present.select(g))
    groups, code = encode_groups(pa.concat_tables(tables), g) if g else (((),), np.zeros(0, dtype=np.int64))
    rows = found.num_rows
    if not g:
        code = np.zeros(2 * rows, dtype=np.int64)
    place, other = code[:rows], code[rows : 2 * rows]
    if present is None:
        return groups, place, other, None
    # customers by the columns that they have themselves, told to every group that shares these
    own = [tuple(group[k] for k in attributes) for group in groups]
    who, at = encode_groups(present, [f"g{k}" for k in attributes])
    counted = np.zeros((len(who), periods))
    counted[at, integers(present, "i")] = integers(present, "n")
    where = {values: k for k, values in enumerate(who)}
    nobody = np.zeros(periods)
    return groups, place, other, np.array([counted[where[v]] if v in where else nobody for v in own])
