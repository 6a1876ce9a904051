"""What customers are worth from today on: purchases to come, times what a purchase brings, discounted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kbind.calendar import PERIODS, label, start_of
from kbind.errors import (
    ArgumentError,
    NotEnoughData,
    check_choice,
    check_count,
    check_kind,
    check_number,
    check_share,
)
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns
from kbind.result import Shown
from kbind.survival.transformed import log_scale
from kbind.typing import Floats, Ints
from kbind.value.cells import UNITS
from kbind.value.fitting import errors_of, slopes_of
from kbind.value.purchase_model import Alive
from kbind.value.spending import Spend, expected_amount

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 1200


@dataclass(frozen=True, eq=False)
class LifetimeValue(Shown):
    """Expected discounted value of the customers from the end of the calibration period on.

    Made by `lifetime_value`.

    Attributes
    ----------
    alive : Alive
    spend : Spend
    months : float
        How far ahead.
    discount : float
        What a year takes off, as a rate.
    margin : float or None
        Share of the revenue that stays; None: the value is revenue.
    """

    alive: Alive = field(repr=False)
    spend: Spend = field(repr=False)
    months: float
    discount: float
    margin: float | None

    @property
    def definition(self) -> str:
        """What is added up, and how far its limits go."""
        share = "revenue" if self.margin is None else f"margin of {self.margin:.0%} of the revenue"
        return (
            f"Expected {share} of the {self.months:g} months from {self.alive.cells.window.until} on, "
            f"of {self.alive.n:,} {self.alive.provenance.customer}s who have bought before, discounted by "
            f"{self.discount:.1%} a year: purchases to come ({self.alive.model}) times what a purchase brings "
            f"(gamma-gamma), taken for independent; {self.alive.conf_level:.0%} intervals by the delta method for the "
            f"expected value, given that both models hold. {self.alive.provenance}"
        )

    @property
    def concerns(self) -> tuple[str, ...]:
        """Why these values should not be relied on: what speaks against either model."""
        return (*self.alive.concerns, *self.spend.concerns)

    def headline(self) -> str:
        """Months ahead and the value."""
        return f"{self.months:g} months; {self.total}"

    @cached_property
    def total(self) -> Estimate:
        """Value of all customers together."""
        found = self._summed(np.zeros(len(self.alive.cells.n), dtype=np.int64), 1)
        return Estimate.of(
            (end[0] for end in found),
            n=self.alive.n,
            conf_level=self.alive.conf_level,
            definition=self.definition,
        )

    def to_frame(self) -> pd.DataFrame:
        """Value of a customer by cell.

        Returns
        -------
        DataFrame
            Columns frequency, recency, T, n, probability_alive, purchases (discounted, to be expected of a customer),
            spend (expected amount of a purchase; of customers whose totals differ, their mean), value (of a customer)
            with _ci_lower and _ci_upper (on the log scale).
        """
        frame = self.alive.to_frame()[["frequency", "recency", "T", "n", "probability_alive"]]
        bought, amount = self._purchases[0], self._amounts[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.hstack([self._purchases[1] / bought[:, np.newaxis], self._amounts[1] / amount[:, np.newaxis]])
        error = errors_of(slopes, self._covariance)
        value = self._share * bought * amount
        found = (value, *log_scale(value, error, self.alive.conf_level))
        return frame.assign(purchases=bought, spend=amount, **interval_columns("value", found))

    def cohorts(self, period: str = "month") -> pd.DataFrame:
        """Value by the period of the first purchase.

        Parameters
        ----------
        period : {"day", "week", "month", "quarter", "year"}

        Returns
        -------
        DataFrame
            Columns cohort, n, value (of all its customers) with _ci_lower and _ci_upper, mean (of a customer).
        """
        import pandas as pd

        check_choice("period", period, PERIODS)
        cells = self.alive.cells
        ages = np.unique(cells.age)
        firsts = [cells.window.until - timedelta(days=int(age) + 1) for age in ages]
        names = [label(period, start_of(period, day)) for day in firsts]
        cohorts = sorted(set(names))
        code = np.array([cohorts.index(name) for name in names])[np.searchsorted(ages, cells.age)]
        n = np.bincount(code, weights=cells.n).astype(np.int64)
        found = self._summed(code, len(cohorts))
        columns = {"cohort": cohorts, "n": n} | interval_columns("value", found)
        return pd.DataFrame(columns | {"mean": found[0] / n})

    def tiers(self, count: int = 10) -> pd.DataFrame:
        """How the value is spread: customers in parts of equal size, the most valuable first.

        Parameters
        ----------
        count : int
            Parts; 10 makes tenths.

        Returns
        -------
        DataFrame
            Columns tier (1 for the most valuable), n, value (of all its customers), share (of the value of all),
            cumulative_share, mean (of a customer), probability_alive (mean), purchases (to be expected of a customer).
            Customers of a cell count with their mean; a cell that reaches over an edge is divided there. How unlike
            the customers turn out is more than this, for these are expectations.
        """
        import pandas as pd

        parts = check_count("count", count, 2, 100)
        frame = self.to_frame().sort_values("value", ascending=False, kind="stable")
        if not frame["value"].sum() > 0:
            raise NotEnoughData("tiers() needs values above 0: nobody is expected to bring anything")
        ends = np.cumsum(frame["n"].to_numpy())
        edges = np.round(np.arange(parts + 1) / parts * ends[-1])
        sizes = np.diff(edges)
        columns: dict[str, object] = {"tier": np.arange(1, parts + 1), "n": sizes.astype(np.int64)}

        def summed(name: str) -> Floats:
            """Sums over the customers of each part."""
            so_far = np.concatenate([[0.0], np.cumsum(frame["n"] * frame[name])])
            return np.diff(np.interp(edges, np.concatenate([[0], ends]), so_far))

        value = summed("value")
        with np.errstate(invalid="ignore"):
            columns |= {"value": value, "share": value / value.sum(), "cumulative_share": value.cumsum() / value.sum()}
            columns |= {"mean": value / sizes}
            columns |= {name: summed(name) / sizes for name in ("probability_alive", "purchases")}
        return pd.DataFrame(columns)

    @property
    def _share(self) -> float:
        return 1.0 if self.margin is None else self.margin

    @cached_property
    def _purchases(self) -> tuple[Floats, Floats]:
        """Discounted purchases to be expected of a customer of each cell, and their slopes in the parameters."""
        days = self.months * UNITS["month"]
        length, force = UNITS[self.alive.unit], np.log1p(self.discount) / UNITS["year"]

        def bought(point: Floats) -> Floats:
            return self.alive.purchases_of_cells(np.exp(point), days / length, force * length)

        return bought(self.alive.fit.point), slopes_of(bought, self.alive.fit.point)

    @cached_property
    def _amounts(self) -> tuple[Floats, Floats]:
        """Amount to be expected of a purchase of a customer of each cell, and its slopes in the parameters."""
        cells = self.alive.cells
        x, mean = cells.frequency.astype(float), cells.spent / cells.n

        # linear in what was spent, so that the mean of a cell's customers is that of their mean total
        def amount(point: Floats) -> Floats:
            return expected_amount(np.exp(point), x, mean)

        return amount(self.spend.fit.point), slopes_of(amount, self.spend.fit.point)

    @property
    def _covariance(self) -> Floats:
        """Of the logarithms of all parameters; those of purchases and of amounts are estimated independently."""
        first, second = self.alive.fit.covariance, self.spend.fit.covariance
        k = len(first)
        both = np.zeros((k + len(second), k + len(second)))
        both[:k, :k], both[k:, k:] = first, second
        return both

    def _summed(self, code: Ints, groups: int) -> tuple[Floats, Floats, Floats]:
        """Value of groups of cells with its limits (on the log scale)."""
        (bought, by_rate), (amount, by_amount) = self._purchases, self._amounts
        weight = self._share * self.alive.cells.n
        value: Floats = np.bincount(code, weights=weight * bought * amount, minlength=groups).astype(np.float64)
        by_cell = np.hstack([by_rate * amount[:, np.newaxis], by_amount * bought[:, np.newaxis]])
        slopes = np.stack([np.bincount(code, weights=weight * one, minlength=groups) for one in by_cell.T], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = errors_of(slopes.astype(np.float64), self._covariance) / value
        return (value, *log_scale(value, error, self.alive.conf_level))


def lifetime_value(
    alive: Alive,
    spend: Spend,
    *,
    months: float = 12,
    discount: float = 0.1,
    margin: float | None = None,
) -> LifetimeValue:
    """Expected discounted value of customers: purchases to come, times what a purchase brings.

    Parameters
    ----------
    alive : Alive
        Result of `alive`.
    spend : Spend
        Result of `spend`, of the same data and days.
    months : float
        How far ahead; a month is a twelfth of 365.25 days.
    discount : float
        What money loses in a year, as a rate: 0.1 makes 110 in a year worth 100 today. Compounded continuously, at the
        time of each purchase.
    margin : float, optional
        Share of the revenue that stays, between 0 and 1. Default: the value is revenue.

    Returns
    -------
    LifetimeValue
        `.total`, `.to_frame()` by cell, `.cohorts()`, `.tiers()`; `.concerns`.

    Raises
    ------
    ArgumentError
        Results of other data or days, or numbers that cannot be.

    Notes
    -----
    Everything from the end of what was fitted on; what was paid before counts for nothing. With purchases expected at
    a rate m(u), the value is the sum over customers of E[amount] times the integral of m(u) (1 + discount)^-u. The
    intervals are those of the expected value. What single customers, or all of them in one year, will bring varies
    more, by chance and because no model holds for ever.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, Journal of Marketing
    Research 42, 415-430.

    Examples
    --------
    >>> import kbind as kb
    >>> shop = kb.datasets.load_saas("b2c")
    >>> worth = kb.lifetime_value(kb.alive(shop, model="mbg_nbd"), kb.spend(shop), months=12, discount=0.1)
    >>> worth.tiers(4)[["tier", "n", "share"]].round(2)
       tier    n  share
    0     1  405   0.65
    1     2  405   0.31
    2     3  405   0.04
    3     4  405   0.00
    """
    check_kind("alive", alive, Alive, "kb.alive(...)")
    check_kind("spend", spend, Spend, "kb.spend(...)")
    if alive.cells.window != spend.window or alive.provenance != spend.provenance:
        raise ArgumentError(
            f"alive is of {alive.provenance.source!r}, {alive.cells.window}, and spend of "
            f"{spend.provenance.source!r}, {spend.window}; allowed: the same data, calibration_end, as_of and since"
        )
    return LifetimeValue(
        alive=alive,
        spend=spend,
        months=check_number("months", months, above=0, most=_LONGEST),
        discount=check_number("discount", discount, 0, 10),
        margin=None if margin is None else check_share("margin", margin),
    )
