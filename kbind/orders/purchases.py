"""Purchases from a log of transactions: money, repetition, time between orders and breadth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from kbind.calendar import PERIODS, Calendar, days_of
from kbind.dataset.config import read_as_of
from kbind.dataset.currencies import by_currency
from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import names_of, place_columns, stack_groups
from kbind.dataset.provenance import Provenance
from kbind.errors import NotEnoughData, check_choice, check_conf_level
from kbind.estimate.intervals import LEAST_EFFECTIVE, interval_columns, wilson
from kbind.estimate.sums import mean_of_money, mean_of_sums, ratio_of_money
from kbind.orders.purchase_counts import ORDERS, Cells, PurchaseCounts, count_purchases
from kbind.result import Shown
from kbind.retention.activity import starts_with_recording
from kbind.survival.curve import SurvivalCurve, survival_curve
from kbind.survival.durations import Durations
from kbind.typing import Array, Bools

_Sums = tuple[Array, Array, Array, Array]
_MISSING = "{}() needs a column {!r} in events; name it by mapping= or in kbind.yaml"


@dataclass(frozen=True, eq=False)
class Purchases(Shown):
    """What was bought, by cohort and age and from order to order.

    Made by `purchases`. Ages are whole calendar periods since the period of the first order. Frames begin with the
    columns of `by`.

    Attributes
    ----------
    calendar : Calendar
        The periods.
    by : tuple of str
        Columns that split the customers.
    counts : PurchaseCounts
        What everything is computed from.
    conf_level : float
        Level of the intervals.
    has_amount : bool
        Whether the rows say what was paid.
    order : str
        What an order is, in words.
    dated : bool
        Whether `acquired_at` says who was a customer before recording began, so that sizes of cohorts need not.
    """

    calendar: Calendar
    by: tuple[str, ...]
    counts: PurchaseCounts = field(repr=False)
    conf_level: float
    has_amount: bool
    order: str
    provenance: Provenance
    dated: bool = False

    @property
    def customers(self) -> int:
        """Number of customers with a purchase."""
        return int(self.counts.size.sum())

    @property
    def starts_with_recording(self) -> bool:
        """Whether the first cohort is so large that it shows where recording starts rather than new customers."""
        return not self.dated and starts_with_recording(self.counts.size.sum(axis=0), self.calendar.lived)

    @property
    def definition(self) -> str:
        """What counts as a purchase, and whose are counted."""
        paid = "an order with a positive amount" if self.has_amount else "an order"
        money = (
            " Refunds lower the revenue of the period they fall into and are no purchases." if self.has_amount else ""
        )
        left = self.counts.left_out
        out = (
            f" Left out: {left:,} {self.provenance.customer}s whose first order may be older than the data."
            if left
            else ""
        )
        start = (
            f" The {self.calendar.labels[0]} cohort is where recording starts: its first orders may not be the first."
            if self.starts_with_recording
            else ""
        )
        return f"A purchase is {paid}; an order is {self.order}.{money}{out}{start} {self.provenance}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Where amounts have no limits."""
        if not self.has_amount:
            return ()
        frame = self.pooled()
        few = frame[(frame["at_risk"] > 0) & frame["revenue_ci_lower"].isna()]
        if not len(few):
            return ()
        return (
            f"No limits of revenue at {len(few):,} of {int((frame['at_risk'] > 0).sum()):,} ages: its customers are "
            f"worth fewer than {LEAST_EFFECTIVE} of equal amounts (Kish's effective number), or pay all the same.",
        )

    def to_frame(self) -> pd.DataFrame:
        """Revenue by cohort and age if the data has amounts, else repeat purchases; see `cohorts` and `repeat`."""
        return self.cohorts() if self.has_amount else self.repeat()

    def cohorts(self) -> pd.DataFrame:
        """Cumulative revenue per acquired customer, by cohort and age.

        Returns
        -------
        DataFrame
            Columns cohort, age, cohort_size, at_risk, revenue, revenue_ci_lower, revenue_ci_upper (interval of the
            mean over the customers of the cohort, made for skewed amounts). What has not been lived yet is NaN with
            at_risk 0.

        Raises
        ------
        ArgumentError
            The events have no amount.
        """
        self._need_amount("cohorts")
        labels = np.array(self.calendar.labels, dtype=object)
        periods = self.calendar.size
        frames = []
        for g in range(len(self.counts.groups)):
            at_risk = np.where(self._lived(), self.counts.revenue.n[g], 0)
            cells = self.counts.revenue
            frame = {
                "cohort": np.repeat(labels, periods),
                "age": np.tile(np.arange(periods), periods),
                "cohort_size": np.repeat(self.counts.size[g], periods),
                "at_risk": at_risk.ravel(),
            }
            found = mean_of_money((at_risk, cells.total[g], cells.squares[g], cells.cubes[g]), self.conf_level)
            frames.append(pd.DataFrame(frame | interval_columns("revenue", [x.ravel() for x in found])))
        return stack_groups(self.by, self.counts.groups, frames)

    def pooled(self) -> pd.DataFrame:
        """Cumulative revenue per acquired customer by age, over all cohorts that have lived it.

        Returns
        -------
        DataFrame
            Columns age, at_risk, revenue, revenue_ci_lower, revenue_ci_upper. Later ages rest on older cohorts only, so
            the curve may fall where these spent less.
        """
        self._need_amount("pooled")
        return self._by_age("revenue", self.counts.revenue)

    def categories(self) -> pd.DataFrame:
        """Mean number of distinct categories bought up to an age (cross-buying).

        Returns
        -------
        DataFrame
            Columns age, at_risk, categories, categories_ci_lower, categories_ci_upper, over all cohorts that have
            lived the age; rows without category count for none.

        Raises
        ------
        ArgumentError
            The events have no category.
        """
        if self.counts.categories is None:
            raise NotEnoughData(_MISSING.format("categories", "category"))
        return self._by_age("categories", self.counts.categories)

    def spending(self) -> pd.DataFrame:
        """What customers who bought once spent up to an age, against those who bought again, all observed for as long.

        Returns
        -------
        DataFrame
            Columns age, at_risk, n_once, n_regular, once, regular (revenue per customer up to that age), ratio
            (regular / once), each with _ci_lower and _ci_upper. Who buys again has more orders by construction: the
            ratio describes the two groups and is not what a second order brings.
        """
        self._need_amount("spending")
        frames = []
        for g in range(len(self.counts.groups)):
            once, regular = (self._summed(cells, g) for cells in (self.counts.once, self.counts.regular))
            columns: dict[str, object] = {"age": np.arange(self.calendar.size), "at_risk": once[0] + regular[0]}
            columns |= {"n_once": once[0], "n_regular": regular[0]}
            columns |= interval_columns("once", mean_of_money(once, self.conf_level))
            columns |= interval_columns("regular", mean_of_money(regular, self.conf_level))
            columns |= interval_columns("ratio", ratio_of_money(regular, once, self.conf_level))
            frames.append(pd.DataFrame(columns))
        return stack_groups(self.by, self.counts.groups, frames)

    def order_value(self) -> pd.DataFrame:
        """Value of the first order against that of later ones, of the same customers.

        Returns
        -------
        DataFrame
            One row a group. Columns n (all customers) and first_of_all (their first order); n_regular (those with later
            orders), first, later (their mean) and ratio (later / first), each estimate with _ci_lower and _ci_upper.
            Every customer counts once, however many orders there are. What an order returned under the same number
            lowers its value.
        """
        self._need_amount("order_value")
        sums, level = self.counts.values, self.conf_level
        columns: dict[str, object] = {"n": sums.first_of_all.n}
        columns |= interval_columns("first_of_all", mean_of_money(sums.first_of_all, level))
        columns |= {"n_regular": sums.later.n}
        columns |= interval_columns("first", mean_of_money(sums.first, level))
        columns |= interval_columns("later", mean_of_money(sums.later, level))
        columns |= interval_columns("ratio", ratio_of_money(sums.later, sums.first, level, products=sums.products))
        frame = pd.DataFrame(columns)
        rows = [frame.iloc[[g]].copy() for g in range(len(self.counts.groups))]
        return stack_groups(self.by, self.counts.groups, rows)

    def repeat(self, within: str = "90D") -> pd.DataFrame:
        """Share of customers who order again within a time, after their first, second, ... order.

        Parameters
        ----------
        within : str
            Days or weeks, such as "90D".

        Returns
        -------
        DataFrame
            Columns order (1 for the first), n (customers who placed it), at_risk (of whom the whole time after it is
            in the data), repeated, rate, rate_ci_lower, rate_ci_upper (Wilson). NaN where nobody is at risk.
        """
        days = days_of("within", within)
        waits = self.counts.waits
        frames = []
        for g in range(len(self.counts.groups)):
            n = (waits.followed[g] + waits.open[g]).sum(axis=1)
            at_risk = (waits.followed[g] + waits.open[g])[:, days:].sum(axis=1)
            # of those who came back in time, the ones whose time is not over have to go: they came back before its end
            repeated = waits.back[g][:, : days + 1].sum(axis=1) - waits.followed[g][:, :days].sum(axis=1)
            rate = wilson(repeated, at_risk, self.conf_level)
            columns = {"order": np.arange(1, ORDERS + 1), "n": n, "at_risk": at_risk}
            columns["repeated"] = np.where(at_risk > 0, repeated, np.nan)
            frames.append(pd.DataFrame(columns | interval_columns("rate", rate)))
        return stack_groups(self.by, self.counts.groups, frames)

    @property
    def waits(self) -> Durations:
        """Days from an order to the next, split by the number of the order (`after_order`), for survival estimates."""
        waits = self.counts.waits
        group, duration, cause, n = [], [], [], []
        for code, values in ((1, waits.back), (0, waits.open)):
            g, k, days = np.nonzero(values)
            group.append(g * ORDERS + k)
            duration.append(days.astype(float))
            cause.append(np.full(len(g), code))
            n.append(values[g, k, days])
        return Durations(
            unit="day",
            by=(*self.by, "after_order"),
            groups=tuple((*values, k) for values in self.counts.groups for k in range(1, ORDERS + 1)),
            causes=("ordered again",),
            group=np.concatenate(group),
            entry=np.zeros(sum(map(len, group))),
            duration=np.concatenate(duration),
            cause=np.concatenate(cause),
            n=np.concatenate(n),
            log="events",
            meaning="An order stays the last one of its customer until the next",
            provenance=self.provenance,
        )

    def waiting(self, shares: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Days until given shares of the customers have ordered again, by the number of the order.

        Parameters
        ----------
        shares : sequence of float
            Between 0 and 1; 0.5 gives the median.

        Returns
        -------
        DataFrame
            Columns after_order, share, time (days), time_ci_lower, time_ci_upper; NaN where not so many come back.

        Notes
        -----
        Kaplan-Meier estimates: customers who have not ordered again yet count for as long as they were observed. The
        mean or median of the gaps that are over would be too short, for it leaves out who takes long or never returns.
        `kb.survival_curve(purchases.waits)` has the whole curves.
        """
        curve: SurvivalCurve = survival_curve(self.waits, conf_level=self.conf_level)
        return curve.quantiles(shares)

    def _need_amount(self, method: str) -> None:
        if not self.has_amount:
            raise NotEnoughData(_MISSING.format(method, "amount"))

    def _lived(self) -> Bools:
        """Which ages the cohorts have lived, shape (cohorts, ages)."""
        cohort, age = np.indices((self.calendar.size, self.calendar.size))
        lived: Bools = cohort + age < self.calendar.lived
        return lived

    def _summed(self, cells: Cells, group: int) -> _Sums:
        """Customers, and sums of powers, by age, over the cohorts that have lived it."""
        lived = self._lived()
        n, total, squares, cubes = (np.where(lived, x[group], 0).sum(axis=0) for x in cells)
        return n, total, squares, cubes

    def _by_age(self, name: str, cells: Cells) -> pd.DataFrame:
        frames = []
        for g in range(len(self.counts.groups)):
            sums = self._summed(cells, g)
            columns = {"age": np.arange(self.calendar.size), "at_risk": sums[0]}
            mean = mean_of_money if name == "revenue" else mean_of_sums
            frames.append(pd.DataFrame(columns | interval_columns(name, mean(sums, self.conf_level))))
        return stack_groups(self.by, self.counts.groups, frames)


def purchases(
    data: Dataset,
    *,
    period: str = "month",
    by: str | Sequence[str] | None = None,
    as_of: object = None,
    since: object = None,
    conf_level: float = 0.95,
) -> Purchases:
    """Reduce a log of transactions to what its customers bought, and when again.

    Parameters
    ----------
    data : Dataset
        With a table `events`.
    period : {"day", "week", "month", "quarter", "year"}
        Length of cohorts and ages.
    by : str or sequence of str, optional
        Columns that split the customers, as for `activity`.
    as_of : date, datetime or ISO text, optional
        An earlier end of the data. Default: that of the data set. A day that is not over then is left out.
    since : date, datetime or ISO text, optional
        Only customers whose first order falls on this day or later. Where recording starts with customers won long
        before, choose a day some time after it. Default: everybody but those with an `acquired_at` before recording
        began (`recorded_from`, else the first event), whose first orders are not in the data.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Purchases

    Raises
    ------
    ArgumentError
        No such table or column, or no purchase.

    Notes
    -----
    An order is what shares an `order_id`; without one, all rows of a customer on one day of the data set's calendar.
    It is a purchase if one of its rows has a positive amount, on the day of the first such row: refunds, coupons and
    rows without amount are none, but their amounts count in the revenue of their own period. Refunds in periods before
    a customer's first purchase count nowhere. Where there is no column `amount`, every order is a purchase. Amounts of
    several currencies are not added up: customers are then split by `currency`, and count once in each of theirs.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "b", "b", "c"],
    ...     "timestamp": ["2024-01-05", "2024-02-09", "2024-01-20", "2024-02-20", "2024-02-01"],
    ...     "amount": [10.0, 30.0, 20.0, -5.0, 40.0],
    ... })
    >>> bought = kb.purchases(kb.open_dataset({"events": log}, as_of="2024-03-01"))
    >>> bought.cohorts()[["cohort", "age", "at_risk", "revenue"]]
        cohort  age  at_risk  revenue
    0  2024-01    0        2     15.0
    1  2024-01    1        2     27.5
    2  2024-02    0        1     40.0
    3  2024-02    1        0      NaN
    >>> bought.repeat("28D")[["order", "n", "at_risk", "repeated", "rate"]].head(2)
       order  n  at_risk  repeated  rate
    0      1  3        3       0.0   0.0
    1      2  1        0       NaN   NaN
    """
    check_dataset(data)
    check_choice("period", period, PERIODS)
    data, names, _ = by_currency(data, data.require("events"), names_of(by))
    placed = place_columns(data, "events", names)
    end = datetime.combine(data.end_at(as_of), datetime.min.time())
    span = data.tables["events"].span
    if span is None or data.wall_clock(span[0]) >= end:
        raise NotEnoughData(f"events of {data.name!r} holds nothing before as_of={end:%Y-%m-%d}")
    start = read_as_of(since, data.timezone, "since")
    calendar = Calendar.spanning(period, data.wall_clock(span[0]), end, data.timezone)
    return Purchases(
        calendar=calendar,
        by=names,
        counts=count_purchases(data, calendar, end, placed, start.date() if start else None),
        conf_level=check_conf_level(conf_level),
        has_amount=data.has("events.amount"),
        order="what shares an order_id" if data.has("events.order_id") else "all rows of a customer on one day",
        provenance=Provenance.of(data, end),
        dated=data.has("customers.acquired_at"),
    )
