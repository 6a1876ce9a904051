"""What one more point of retention means in customers and money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from kbind.errors import MOST, ArgumentError, check_choice, real, told
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns
from kbind.result import Shown
from kbind.revenue.value_arithmetic import Inputs, figures, paths

#: What comes out, and its unit.
FIGURES: Mapping[str, str] = {
    "extra_customers": "customers",
    "extra_customer_periods": "customer periods",
    "extra_revenue": "money",
    "extra_margin": "money",
    "growth": "share",
    "value": "money",
    "value_per_customer": "money",
    "break_even": "money",
    "acquisitions_replaced": "customers",
    "acquisition_saved": "money",
}

#: Inputs that may be known badly, and the largest value each can have.
_UNSURE = {
    "customers": MOST,
    "price": MOST,
    "margin": 1.0,
    "churn": 1.0,
    "acquisition_cost": MOST,
    "gained": MOST,
    "discount": 1.0,
}

#: By which share of itself an input without limits is changed in `sensitivity`.
VARY = 0.2
#: Values of churn at which figures are looked at over its interval.
_STEPS = 101
#: Periods of the longest horizon.
_LONGEST = 10_000

#: A number, or a number with its lower and upper limit.
Uncertain = float | Sequence[float]


@dataclass(frozen=True, eq=False)
class RetentionValue(Shown):
    """What some points of retention mean over a horizon.

    Made by `retention_value`. Every figure is an attribute; its interval stands in `to_frame` and `interval`.

    Attributes
    ----------
    inputs : Inputs
        What it was computed from.
    ranges : mapping of str to (float, float)
        Lower and upper limit of the inputs that came with them.
    conf_level : float
        Level of the interval of churn; NaN if it has none.
    """

    inputs: Inputs
    ranges: Mapping[str, tuple[float, float]] = field(repr=False)
    conf_level: float

    @property
    def extra_customers(self) -> float:
        """More customers at the end of the horizon; as many fewer have left until then."""
        return self._value("extra_customers")

    @property
    def extra_customer_periods(self) -> float:
        """Sum of the extra customers over the ends of all periods."""
        return self._value("extra_customer_periods")

    @property
    def extra_revenue(self) -> float:
        """Their revenue."""
        return self._value("extra_revenue")

    @property
    def extra_margin(self) -> float:
        """What is left of it, as it comes in."""
        return self._value("extra_margin")

    @property
    def growth(self) -> float:
        """Extra revenue divided by the revenue without the points; the same for the margin."""
        return self._value("growth")

    @property
    def value(self) -> float:
        """Extra margin, discounted to the start."""
        return self._value("value")

    @property
    def value_per_customer(self) -> float:
        """Value divided by the customers at the start: the most that may be spent once on each of them."""
        return self._value("value_per_customer")

    @property
    def break_even(self) -> float:
        """The most that may be spent in every period on each customer who is there when it begins."""
        return self._value("break_even")

    @property
    def acquisitions_replaced(self) -> float:
        """New customers that it would take to have as many customers in every period without the points."""
        return self._value("acquisitions_replaced")

    @property
    def acquisition_saved(self) -> float:
        """What winning these would cost, discounted to the start; NaN without a cost of acquisition."""
        return self._value("acquisition_saved")

    def _value(self, figure: str) -> float:
        return figures(self.inputs)[figure]

    def interval(self, figure: str) -> tuple[float, float]:
        """Lower and upper limit of a figure, as churn moves over its interval; NaN if churn has none.

        Parameters
        ----------
        figure : str
            One of the attributes, such as "value".
        """
        check_choice("figure", figure, tuple(FIGURES))
        values = [found[figure] for found in self._figures_over_churn]
        return (min(values), max(values)) if values else (np.nan, np.nan)

    def extremes(self, figure: str = "value") -> tuple[float, float]:
        """Smallest and largest value of a figure when every input with limits may lie anywhere between them.

        Parameters
        ----------
        figure : str
            One of the attributes.

        Returns
        -------
        tuple of float
            NaN where no input came with limits.

        Examples
        --------
        >>> given = {"customers": 1000, "margin": (0.6, 0.5, 0.7), "churn": 0.05}
        >>> [round(x) for x in retention_value(price=(50, 40, 60), **given).extremes()]
        [11236, 23596]
        """
        check_choice("figure", figure, tuple(FIGURES))
        if not self.ranges:
            return np.nan, np.nan
        others = {name: limits for name, limits in self.ranges.items() if name != "churn"}
        corners: list[dict[str, Any]] = [dict(zip(others, corner, strict=True)) for corner in product(*others.values())]
        courses = self._over_churn() or [self.inputs]
        values = [figures(replace(given, **corner))[figure] for given in courses for corner in corners]
        return min(values), max(values)

    @cached_property
    def _figures_over_churn(self) -> list[dict[str, float]]:
        return [figures(given) for given in self._over_churn()]

    def _over_churn(self) -> list[Inputs]:
        """The inputs with churn from the lower to the upper limit; none if it has no limits."""
        if "churn" not in self.ranges:
            return []
        # the ends are not enough: growth can be smallest in between, and a point is worth most where it takes all churn
        lower, upper = self.ranges["churn"]
        whole = np.clip(self.inputs.points / 100, lower, upper)
        return [replace(self.inputs, churn=float(x)) for x in (whole, *np.linspace(lower, upper, _STEPS))]

    @property
    def definition(self) -> str:
        """What is compared, and what is assumed."""
        given = self.inputs
        growing = f", {given.gained:,.4g} gained in each" if given.gained else ""
        value = f"discounted by {given.discount:.2%} a period" if given.discount else "not discounted"
        sure = f"interval: churn over its {self.conf_level:.0%} interval, all else as given; " if self.ranges else ""
        return (
            f"{given.customers:,.0f} customers over {given.horizon} periods{growing}: a churn of "
            f"{given.churn - given.fall:.2%} a period against {given.churn:.2%}, the same for everybody in every "
            f"period; who is there at the end of a period pays {given.price:,.4g} for it, of which {given.margin:.0%} "
            f"is margin; value {value}; {sure}what gaining the points costs is not subtracted"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a figure.

        Returns
        -------
        DataFrame
            figure, unit ("customers", "customer periods", "money", "share"), value, ci_lower, ci_upper (NaN unless
            churn has an interval).
        """
        values = figures(self.inputs)
        rows = [(name, unit, values[name], *self.interval(name)) for name, unit in FIGURES.items()]
        return pd.DataFrame(rows, columns=["figure", "unit", "value", "ci_lower", "ci_upper"])

    def path(self) -> pd.DataFrame:
        """Customers by period, with and without the points.

        Returns
        -------
        DataFrame
            period (0 is the start), customers (without), customers_with, extra_customers, extra_customers_ci_lower,
            extra_customers_ci_upper, extra_margin (of that period, not discounted).
        """
        both = paths(self.inputs)
        extra = both.with_points - both.without
        others = [paths(given) for given in self._over_churn()]
        band = np.array([other.with_points - other.without for other in others] or [np.full_like(extra, np.nan)])
        return pd.DataFrame(
            {
                "period": np.arange(len(extra)),
                "customers": both.without,
                "customers_with": both.with_points,
                **interval_columns("extra_customers", (extra, band.min(axis=0), band.max(axis=0))),
                "extra_margin": extra * self.inputs.price * self.inputs.margin,
            }
        )

    def assuming(self, *, gained: float | None = None, discount: float | None = None) -> RetentionValue:
        """The same with new customers, or with money that is worth less later.

        Parameters
        ----------
        gained : float, optional
            New customers in every period, the same in both courses. Default: as it is, at first 0.
        discount : float, optional
            Rate of discount per period, such as 0.01. Default: as it is, at first 0.

        Returns
        -------
        RetentionValue
        """
        given = self.inputs
        gained = given.gained if gained is None else _number("gained", gained)
        discount = given.discount if discount is None else _number("discount", discount, most=1)
        return replace(self, inputs=replace(given, gained=gained, discount=discount))

    def sensitivity(self, figure: str = "value", *, vary: float = VARY) -> pd.DataFrame:
        """How far a figure moves when one input moves and the others stay.

        The points and the horizon are what is asked and are not moved, nor is an input that was given as 0.

        Parameters
        ----------
        figure : str
            One of the attributes.
        vary : float
            Inputs without limits are changed by this share of themselves, up and down.

        Returns
        -------
        DataFrame
            One row an input that matters, the one that moves the figure most first: parameter, low, high (its
            values), value_at_low, value_at_high, span (distance of the two), known ("interval" if it came with
            limits, "varied" if it was changed by `vary`).

        Raises
        ------
        ArgumentError
            There is no such figure, or `vary` is no share.
        """
        check_choice("figure", figure, tuple(FIGURES))
        if not 0 < _number("vary", vary) < 1:
            raise ArgumentError(f"vary={vary!r} is not possible; allowed: above 0 and below 1")
        rows = []
        for name, most in _UNSURE.items():
            value = getattr(self.inputs, name)
            low, high = self.ranges.get(name, (value * (1 - vary), min(value * (1 + vary), most)))
            at_low, at_high = (figures(replace(self.inputs, **{name: x}))[figure] for x in (low, high))
            known = "interval" if name in self.ranges else "varied"
            rows.append((name, low, high, at_low, at_high, abs(at_high - at_low), known))
        columns = ["parameter", "low", "high", "value_at_low", "value_at_high", "span", "known"]
        frame = pd.DataFrame(rows, columns=columns)
        # nine digits, so that rounding neither lets in what does not enter nor orders what moves the figure alike
        order = (frame["span"] / max(abs(self._value(figure)), np.finfo(float).tiny)).round(9)
        return frame.loc[order[order > 0].sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def retention_value(
    *,
    customers: float,
    price: Uncertain,
    margin: Uncertain,
    churn: Uncertain | Estimate,
    acquisition_cost: Uncertain | None = None,
    points: float = 1.0,
    horizon: int = 12,
) -> RetentionValue:
    """What some points of retention more mean in customers and money over a horizon.

    Two courses are compared: churn as it is, and churn lower by `points` percentage points in every period. All
    rates and money belong to one period, be it a month or a year: a point a month is much more than a point a year.
    Assumed is the same churn for everybody in every period, and that those kept pay what the others pay; that nobody
    joins, and that money is worth as much later, until `assuming` says otherwise.

    Parameters
    ----------
    customers : float
        Customers at the start.
    price : float or (float, float, float)
        Revenue per customer and period; with limits as (value, lower, upper).
    margin : float or (float, float, float)
        Share of the revenue, 0 to 1, that is left after what serving a customer costs.
    churn : float, (float, float, float) or Estimate
        Share of the customers, 0 to 1, that leaves in a period. If it comes with limits, every figure has an
        interval from them; three numbers are taken for a value with its 95 % interval.
    acquisition_cost : float or (float, float, float), optional
        Cost of winning one new customer.
    points : float
        Percentage points by which retention rises, at most churn itself.
    horizon : int
        Periods looked ahead, from 1.

    Returns
    -------
    RetentionValue

    Raises
    ------
    ArgumentError
        A number is outside what it can be, or the points would take churn below 0.

    References
    ----------
    Reichheld and Sasser (1990), Zero defections, Harvard Business Review 68(5), 105-111, for the question; the
    arithmetic is that of customers with one retention rate, Gupta, Lehmann and Stuart (2004), Journal of Marketing
    Research 41, 7-18, over a finite horizon.

    Examples
    --------
    >>> point = retention_value(customers=1000, price=50, margin=0.6, churn=0.05, acquisition_cost=300, horizon=12)
    >>> round(point.extra_customers, 1), round(point.value), round(point.break_even, 2)
    (72.3, 16854, 1.74)
    >>> point.sensitivity()[["parameter", "low", "high", "value_at_low", "value_at_high"]].round(2)
       parameter     low     high  value_at_low  value_at_high
    0  customers  800.00  1200.00      13483.38       20225.07
    1      price   40.00    60.00      13483.38       20225.07
    2     margin    0.48     0.72      13483.38       20225.07
    3      churn    0.04     0.06      18123.94       15677.30

    From a data set, churn and price come out of `revenue_retention`, one row a period:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n_start": [400], "start_mrr": [20000.0], "logo_churn": [0.05],
    ...                       "logo_churn_ci_lower": [0.033], "logo_churn_ci_upper": [0.076]})
    >>> row = frame.iloc[-1]
    >>> churn = tuple(row[["logo_churn", "logo_churn_ci_lower", "logo_churn_ci_upper"]])
    >>> price = row["start_mrr"] / row["n_start"]
    >>> point = retention_value(customers=row["n_start"], price=price, margin=0.6, churn=churn)
    >>> print(f"{point.value:.0f}", [f"{limit:.0f}" for limit in point.interval("value")])
    6742 ['5588', '7629']
    """
    ranges: dict[str, tuple[float, float]] = {}
    level = np.nan
    if isinstance(churn, Estimate):
        if churn.kind == "retention":
            raise ArgumentError("churn is a retention rate; give its churn: kb.retention_rate(...).churn")
        level = churn.conf_level
        churn = churn.value if np.isnan(churn.ci_lower) else (churn.value, *churn.interval)
    elif isinstance(churn, (tuple, list)):
        level = 0.95
    given = Inputs(
        customers=_number("customers", customers, above=0),
        price=_ranged("price", price, ranges),
        margin=_ranged("margin", margin, ranges),
        churn=_ranged("churn", churn, ranges),
        acquisition_cost=np.nan if acquisition_cost is None else _ranged("acquisition_cost", acquisition_cost, ranges),
        gained=0.0,
        discount=0.0,
        points=_number("points", points, most=100),
        horizon=_periods(horizon),
    )
    if given.points / 100 > given.churn * (1 + 1e-12):
        raise ArgumentError(
            f"points={points!r} would take churn={given.churn:g} below 0; allowed: up to {100 * given.churn:g}"
        )
    return RetentionValue(given, ranges, level if "churn" in ranges else np.nan)


def _number(name: str, value: object, *, above: float | None = None, most: float = MOST) -> float:
    """A finite number from 0 (or above a limit) up to the most that it can be."""
    number = real(value)
    if np.isnan(number) and (isinstance(value, bool) or not isinstance(value, Real)):
        raise ArgumentError(f"{name}={told(value)} is not a number")
    low = number >= 0 if above is None else number > above
    if not (low and number <= most and np.isfinite(number)):
        allowed = "from 0" if above is None else f"above {above:g}"
        allowed += f" to {most:g}" + (" (5 % is 0.05)" if most == 1 else "") if most < MOST or number > MOST else ""
        raise ArgumentError(f"{name}={told(value)} is not possible; allowed: numbers {allowed}")
    return number


def _ranged(name: str, value: Uncertain, ranges: dict[str, tuple[float, float]]) -> float:
    """The value itself; limits that come with it are put into `ranges`."""
    most = _UNSURE[name]
    if not isinstance(value, (tuple, list)):
        return _number(name, value, most=most)
    if len(value) != 3:
        raise ArgumentError(f"{name}={value!r} has {len(value)} numbers; allowed: one, or (value, lower, upper)")
    middle, lower, upper = (_number(name, x, most=most) for x in value)
    if not lower <= middle <= upper:
        raise ArgumentError(f"{name}={value!r} is not in order; allowed: (value, lower, upper) with the value between")
    ranges[name] = (lower, upper)
    return middle


def _periods(horizon: object) -> int:
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or not 1 <= horizon <= _LONGEST:
        allowed = f"whole numbers from 1 to {_LONGEST}"
        raise ArgumentError(f"horizon={told(horizon)} is not a number of periods; allowed: {allowed}")
    return int(horizon)
