"""What a purchase brings: the gamma-gamma model of spending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.groups import integers
from kbind.dataset.provenance import Provenance
from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, check_numbers
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns
from kbind.result import Shown
from kbind.survival.transformed import log_scale
from kbind.typing import Floats, Ints
from kbind.value.cells import Window, one_currency, purchase_days, window_of
from kbind.value.fitting import Fit, errors_of, maximise, parameter_frame, runs_off, slopes_of

if TYPE_CHECKING:
    import pandas as pd

#: Frequencies from this one on make the last row of the frame.
_LAST_CLASS = 7
#: A correlation of spending and frequency beyond this one is more than a blemish.
_TOGETHER = 0.2
#: Customers with repeat purchases that four numbers can be told from.
_LEAST = 10


@dataclass(frozen=True, eq=False)
class Spend(Shown):
    """The gamma-gamma model of what a purchase brings, fitted to customers with repeat purchases.

    Made by `spend`.

    Attributes
    ----------
    frequency : ndarray of int, shape (cells,)
        Repeat purchases.
    total : ndarray of float, shape (cells,)
        What was spent on them.
    customers : ndarray of int, shape (cells,)
        How many customers share both.
    left_out : int
        Customers whose repeat purchases brought nothing.
    fit : Fit
        Logarithms of the parameters, their covariance, and the logarithm of the likelihood.
    window : Window
        Which purchases count.
    conf_level : float
        Level of the intervals.
    """

    frequency: Ints = field(repr=False)
    total: Floats = field(repr=False)
    customers: Ints = field(repr=False)
    left_out: int
    fit: Fit = field(repr=False)
    window: Window
    conf_level: float
    provenance: Provenance

    @property
    def n(self) -> int:
        """Number of customers with repeat purchases that brought something."""
        return int(self.customers.sum())

    @property
    def log_likelihood(self) -> float:
        """At the estimates."""
        return self.fit.log_likelihood

    @property
    def definition(self) -> str:
        """What was averaged, by which model, and where from."""
        out = f" Left out: {self.left_out:,} whose repeat purchases brought nothing." if self.left_out else ""
        return (
            f"Gamma-gamma model of the mean amount of a repeat purchase, {self.n:,} {self.provenance.customer}s with "
            f"repeat purchases before {self.window.until}; the amount of a purchase is the sum of a day's rows, less "
            f"what was returned that day.{out} {self.conf_level:.0%} intervals from the observed information, given "
            f"that the model holds. {self.provenance}"
        )

    @cached_property
    def concerns(self) -> tuple[str, ...]:
        """Why this fit should not be relied on; empty where nothing speaks against it."""
        said = runs_off(("p", "q", "gamma"), self.fit, "how amounts differ between and within customers")
        if np.exp(self.fit.point[1]) <= 1:
            said.append("The mean amount over all customers does not exist (q is not above 1): a few pay too much.")
        together = self.independence
        if abs(together.value) > _TOGETHER and together.ci_lower * together.ci_upper > 0:
            said.append(
                f"Who buys more often spends {'more' if together.value > 0 else 'less'} a purchase (correlation "
                f"{together}); the model takes both for independent."
            )
        return tuple(said)

    def headline(self) -> str:
        """Customers, and the mean amount."""
        return f"{self.n:,} {self.provenance.customer}s; a purchase brings {self.mean}"

    @cached_property
    def mean(self) -> Estimate:
        """Mean amount of a purchase over all customers, p gamma / (q - 1); NaN where it does not exist."""
        found = self._expected(np.zeros(1), np.zeros(1))
        return Estimate.of((end[0] for end in found), n=self.n, conf_level=self.conf_level, definition=self.definition)

    @cached_property
    def independence(self) -> Estimate:
        """Correlation of the number of repeat purchases and their mean amount, over customers.

        Interval on Fisher's scale, with an error that allows for skewed values.
        """
        n, weight = self.n, self.customers / self.n
        x, z = (values - weight @ values for values in (self.frequency.astype(float), self.total / self.frequency))
        x2, z2 = weight @ x**2, weight @ z**2
        definition = "Pearson correlation of repeat purchases and their mean amount."
        if min(x2, z2) <= 0 or n < 3:
            return Estimate(np.nan, n=n, conf_level=self.conf_level, definition=definition)
        x, z = x / np.sqrt(x2), z / np.sqrt(z2)
        r = float(weight @ (x * z))
        influence = x * z - r / 2 * (x**2 + z**2)
        error = np.sqrt(weight @ influence**2 / n) / (1 - r**2)
        lower, upper = log_scale(np.exp([np.arctanh(r)]), np.array([error]), self.conf_level)
        limits = (r, *np.tanh(np.log([lower[0], upper[0]])))
        return Estimate.of(limits, n=n, conf_level=self.conf_level, definition=definition)

    def parameters(self) -> pd.DataFrame:
        """The estimates.

        Returns
        -------
        DataFrame
            Rows p, q, gamma (an amount of money; later papers write v); columns parameter, estimate, std_error
            (observed information), ci_lower, ci_upper (on the log scale).
        """
        return parameter_frame(("p", "q", "gamma"), self.fit, self.conf_level)

    def expected_spend(self, frequency: Sequence[float] | float, mean: Sequence[float] | float) -> pd.DataFrame:
        """Amount to be expected of a purchase of customers with such a history.

        Parameters
        ----------
        frequency : number or sequence, shape (customers,)
            Repeat purchases.
        mean : number or sequence, shape (customers,)
            Their mean amount; not used where there were none.

        Returns
        -------
        DataFrame
            Columns frequency, mean, expected_spend with _ci_lower and _ci_upper (on the log scale). The fewer
            purchases are known of somebody, the closer to the mean of all.
        """
        import pandas as pd

        given = [np.array(check_numbers(name, one), dtype=float) for name, one in (("frequency", frequency),
                                                                                    ("mean", mean))]  # fmt: skip
        if len({len(one) for one in given} - {1}) > 1:
            raise ArgumentError(f"frequency and mean differ in number ({len(given[0])} and {len(given[1])})")
        x, amount = np.broadcast_arrays(*given)
        if (x != np.floor(x)).any():
            raise ArgumentError(f"frequency={x[x != np.floor(x)][0]:g} is no number; allowed: whole numbers from 0")
        columns = {"frequency": x, "mean": amount}
        return pd.DataFrame(columns | interval_columns("expected_spend", self._expected(x, x * amount)))

    def to_frame(self) -> pd.DataFrame:
        """Customers by their number of repeat purchases.

        Returns
        -------
        DataFrame
            Columns frequency ("1" to "7+"), n, mean (of the customers' mean amounts), expected_spend (of the next
            purchase, mean over them).
        """
        import pandas as pd

        classes = np.minimum(self.frequency, _LAST_CLASS)
        expected = self._expected(self.frequency.astype(float), self.total)[0]
        rows = []
        for one in np.unique(classes):
            those = classes == one
            n = self.customers[those]
            means = (n @ values[those] / n.sum() for values in (self.total / self.frequency, expected))
            rows.append((f"{one}{'+' * int(one == _LAST_CLASS)}", n.sum(), *means))
        return pd.DataFrame(rows, columns=["frequency", "n", "mean", "expected_spend"])

    def _expected(self, x: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
        """Expected amount of a purchase with its limits."""

        def log_of(point: Floats) -> Floats:
            return np.log(expected_amount(np.exp(point), x, total))

        log = log_of(self.fit.point)
        error = errors_of(slopes_of(log_of, self.fit.point), self.fit.covariance)
        return (np.exp(log), *log_scale(np.exp(log), error, self.conf_level))


def expected_amount(theta: Floats, x: Floats, total: Floats) -> Floats:
    """Mean amount of a purchase given so many with such a total, p (gamma + total) / (p x + q - 1); NaN without one."""
    p, q, scale = theta
    below = p * x + q - 1
    return np.asarray(np.where(below > 0, p * (scale + total) / np.where(below > 0, below, 1.0), np.nan))


def spend(
    data: Dataset,
    *,
    calibration_end: object = None,
    as_of: object = None,
    since: object = None,
    conf_level: float = 0.95,
) -> Spend:
    """Say what a purchase of each customer brings, drawing those of whom little is known towards the mean.

    Parameters
    ----------
    data : Dataset
        With a table `events` that has a column `amount`.
    calibration_end, as_of, since : date, datetime or ISO text, optional
        As for `alive`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Spend
        `.parameters()`, `.expected_spend(...)`, `.mean`, `.independence`, `.to_frame()`; `.concerns`.

    Raises
    ------
    ArgumentError
        No such table, or amounts of several currencies.
    NotEnoughData
        No amounts, or hardly anybody with repeat purchases.

    Notes
    -----
    Amounts of a customer's purchases vary around a mean of its own by a gamma distribution of shape p; the means vary
    over customers by an inverse gamma distribution with q and gamma. The first purchase counts neither in the number
    nor in the amount, as in `alive`. That spending and frequency go together is not foreseen: see `.independence`.

    References
    ----------
    Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, Journal of Marketing
    Research 42, 415-430; Fader and Hardie (2013), The gamma-gamma model of monetary value.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.spend(kb.datasets.load_saas("b2c"))
    >>> found.parameters()[["parameter", "estimate"]].round(1)
      parameter  estimate
    0         p       2.7
    1         q      28.9
    2     gamma     392.0
    >>> found.expected_spend([0, 1, 20], [0, 60, 60])[["frequency", "expected_spend"]].round(1)
       frequency  expected_spend
    0        0.0            38.2
    1        1.0            40.1
    2       20.0            52.6
    """
    check_dataset(data)
    data.require("events")
    one_currency(data)
    if not data.has("events.amount"):
        raise NotEnoughData("spend needs a column 'amount' in events; name it by mapping= or in kbind.yaml")
    level, window = check_conf_level(conf_level), window_of(data, calibration_end, as_of, since)
    rows = purchase_days(data, window).select(
        "SELECT x, spent, count(*) AS n FROM customers WHERE x > 0 GROUP BY x, spent ORDER BY x, spent"
    )
    x, n = integers(rows, "x"), integers(rows, "n")
    total = rows.column("spent").to_numpy().astype(float)
    some = total > 0
    if n[some].sum() < _LEAST:
        raise NotEnoughData(
            f"{n[some].sum():,} customers of {data.name!r} have repeat purchases that brought something; "
            f"needed: {_LEAST}"
        )
    return Spend(
        frequency=x[some],
        total=total[some],
        customers=n[some],
        left_out=int(n[~some].sum()),
        fit=fit_spend(x[some].astype(float), total[some], n[some].astype(float)),
        window=window,
        conf_level=level,
        provenance=Provenance.of(data, datetime.combine(window.end, time.min)),
    )


def fit_spend(x: Floats, total: Floats, n: Floats) -> Fit:
    """Maximum likelihood on cells of customers with so many purchases of such a total."""
    # fitted in units of the mean amount, so that the currency cannot matter
    unit = float(n @ (total / x)) / float(n.sum())

    def slope_of(point: Floats) -> tuple[float, Floats]:
        value, slopes = likelihood(np.exp(point), x, total / unit)
        return float(n @ value), slopes @ n

    found = maximise(slope_of, [np.log([p, q, (q - 1) / p]) for p, q in ((3.0, 4.0), (1.0, 2.0), (10.0, 6.0))])
    point = found.point + np.array([0.0, 0.0, np.log(unit)])
    return found._replace(point=point, log_likelihood=found.log_likelihood - float(n.sum()) * np.log(unit))


def likelihood(theta: Floats, x: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the density of each mean amount, and its slopes in the logarithms of p, q and gamma."""
    from scipy.special import digamma, gammaln

    p, q, scale = theta
    shape, more, known = p * x, np.log(total + scale), np.log(scale)
    value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * known
    value += shape * np.log(total) - (shape + q) * more - np.log(total / x)
    both = digamma(shape + q)
    slopes = [
        shape * (both - digamma(shape) + np.log(total) - more),
        q * (both - digamma(q) + known - more),
        q - (shape + q) * scale / (total + scale),
    ]
    return value, np.stack(slopes)
