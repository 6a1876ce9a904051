"""A fitted model of buying at random and leaving unseen: what it says of customers, and whether to believe it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kbind.calendar import Calendar
from kbind.dataset.provenance import Provenance
from kbind.errors import (
    ArgumentError,
    NotEnoughData,
    check_number,
    check_numbers,
)
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns
from kbind.result import Shown
from kbind.retention.activity import starts_with_recording
from kbind.survival.transformed import log_scale
from kbind.typing import Floats
from kbind.value.cells import UNITS, Cells, seen_of
from kbind.value.fitting import Fit, errors_of, parameter_frame, runs_off, slopes_of
from kbind.value.models import MODELS, History, Model
from kbind.value.rhythm import regularity

if TYPE_CHECKING:
    import pandas as pd

_OfTheta = Callable[[Floats], Floats]

#: Frequencies from this one on make the last class of the hold-out.
_LAST_CLASS = 7
#: A shape of the gaps beyond these is a rhythm, or bursts; forecasts off by more than that share are bad.
_RHYTHM, _BURSTS, _OFF = 1.5, 2 / 3, 0.1
#: Whom the model takes for gone rather than there.
_DOUBTED = 0.5
#: Longest time ahead, in years.
_LONGEST = 100


@dataclass(frozen=True, eq=False)
class Alive(Shown):
    """A model of buying at random and leaving unseen, fitted to a log of purchases.

    Made by `alive`. Times are counted in `unit`, in whole days divided by its length.

    Attributes
    ----------
    model : str
        Key of the model.
    unit : {"day", "week", "month", "year"}
        Unit of time.
    cells : Cells
        What it was fitted to.
    fit : Fit
        Logarithms of the parameters, their covariance, and the logarithm of the likelihood.
    conf_level : float
        Level of the intervals.
    """

    model: str
    unit: str
    cells: Cells = field(repr=False)
    fit: Fit = field(repr=False)
    conf_level: float
    provenance: Provenance
    dated: bool = False

    @property
    def n(self) -> int:
        """Number of customers."""
        return self.cells.customers

    @property
    def log_likelihood(self) -> float:
        """At the estimates; it depends on the unit of time, and compares models with the same one."""
        return self.fit.log_likelihood

    @property
    def held_out(self) -> bool:
        """Whether purchases after the calibration period can be held against the fit."""
        return self.cells.window.end > self.cells.window.until

    @property
    def definition(self) -> str:
        """What the model says, what was counted, and where from."""
        used = MODELS[self.model]
        leaves = {
            "bg_nbd": "may leave after each purchase but the first; who has bought once counts as there",
            "mbg_nbd": "may leave after each purchase, the first among them",
            "pareto_nbd": "may leave at any moment",
        }[self.model]
        who = self.provenance.customer
        return (
            f"{used.name}: a {who} buys at random at a rate of its own and {leaves}. Frequency: days with a purchase "
            f"after the first; recency and T: time from the first purchase to the last and to the last day before "
            f"{self.cells.window.until}, in {self.unit}s. {self.conf_level:.0%} intervals from the observed "
            f"information, given that the model holds. {self.provenance}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the model's answers."""
        if self.model != "bg_nbd":
            return ()
        once = int(self.cells.n[self.cells.frequency == 0].sum())
        return (
            f"By BG/NBD nobody leaves after the first purchase: the {once:,} of {self.n:,} {self.provenance.customer}s "
            "who bought once count as there with certainty, however long ago that was; model='mbg_nbd' lets them "
            "leave.",
        )

    @cached_property
    def regularity(self) -> Estimate:
        """How alike the gaps between purchases are: 1 at random, more by a rhythm, less in bursts."""
        return regularity(self.cells.rhythm, self.conf_level)

    @cached_property
    def concerns(self) -> tuple[str, ...]:
        """Why this fit should not be relied on; empty where nothing speaks against it."""
        who = self.provenance.customer
        said = runs_off(self._model.parameters, self.fit, f"how {who}s differ in buying or in leaving")
        shape = self.regularity
        if shape.ci_lower > _RHYTHM:
            said.append(
                f"Purchases follow a rhythm (shape of the gaps {shape.value:.2f}, at random it is 1): a regular buyer "
                "who misses a turn or two has probably left, and this model takes longer to see it."
            )
        if shape.ci_upper < _BURSTS:
            said.append(
                f"Purchases come in bursts (shape of the gaps {shape.value:.2f}, at random it is 1): after a burst the "
                "model takes a pause for a loss."
            )
        if self._starts_with_recording:
            said.append(
                "So many first purchases lie where recording starts that they are not the first: recency and T are too "
                "short for them. Choose since= some time after it."
            )
        expected, actual = (part[-1] for part in self._course((self.cells.window.until - self.cells.begin).days))
        if actual and abs(expected / actual - 1) > _OFF:
            said.append(
                f"Even where it was fitted, the model expects {expected:,.0f} repeat purchases, and {actual:,.0f} came."
            )
        if self.held_out:
            expected, actual = (part.sum() for part in self._later())
            if actual and abs(expected / actual - 1) > _OFF:
                said.append(
                    f"After the calibration period {actual:,.0f} purchases came where {expected:,.0f} were expected "
                    f"({expected / actual - 1:+.0%})."
                )
            said += self._returns()
        return tuple(said)

    def headline(self) -> str:
        """Customers, and how many of them are expected to be there."""
        return f"{self.n:,} {self.provenance.customer}s, {MODELS[self.model].name}; still there: {self.share_alive}"

    @cached_property
    def share_alive(self) -> Estimate:
        """Share of the customers who are still there, expected: the mean of P(alive)."""

        def share(point: Floats) -> Floats:
            from scipy.special import expit

            there = expit(-self._model.odds_gone(np.exp(point), self._seen))
            return np.array([self.cells.n @ there / self.n])

        value = share(self.fit.point)
        odds = value / (1 - value) if value < 1 else np.array([np.inf])
        error = errors_of(slopes_of(share, self.fit.point), self.fit.covariance)
        lower, upper = log_scale(odds, error / (value * (1 - value)) if value < 1 else error * 0, self.conf_level)
        limits = [value[0], *(1 / (1 + 1 / end[0]) for end in (lower, upper))]
        return Estimate.of(limits, n=self.n, conf_level=self.conf_level, kind="retention", definition=self.definition)

    def parameters(self) -> pd.DataFrame:
        """The estimates.

        Returns
        -------
        DataFrame
            Rows r, alpha, a, b, or r, alpha, s, beta; columns parameter, estimate, std_error (observed information),
            ci_lower, ci_upper (on the log scale; NaN for a parameter that runs off, see `concerns`). alpha and beta
            are lengths of time in `unit`.
        """
        return parameter_frame(self._model.parameters, self.fit, self.conf_level)

    def probability_alive(
        self,
        frequency: Sequence[float] | float,
        recency: Sequence[float] | float,
        T: Sequence[float] | float,  # noqa: N803
    ) -> pd.DataFrame:
        """Probability that customers with such a history are still there.

        Parameters
        ----------
        frequency : number or sequence, shape (customers,)
            Repeat purchases.
        recency, T : number or sequence, shape (customers,)
            Time from the first purchase to the last, and to now, in `unit`.

        Returns
        -------
        DataFrame
            Columns frequency, recency, T, probability_alive with _ci_lower and _ci_upper (on the logit scale).
        """
        seen = _history(frequency, recency, T)
        return _frame_of(seen, interval_columns("probability_alive", self._alive(seen)))

    def expected_purchases(
        self,
        t: float,
        frequency: Sequence[float] | float | None = None,
        recency: Sequence[float] | float | None = None,
        T: Sequence[float] | float | None = None,  # noqa: N803
    ) -> pd.DataFrame:
        """Purchases to be expected within a time.

        Parameters
        ----------
        t : float
            Time ahead, in `unit`.
        frequency, recency, T : number or sequence, optional
            As for `probability_alive`. Default: a new customer, on the day of the first purchase.

        Returns
        -------
        DataFrame
            Columns frequency, recency, T, expected_purchases with _ci_lower and _ci_upper (on the log scale): of the
            mean, not of what a single customer will buy.
        """
        ahead = check_number("t", t, above=0, most=_LONGEST * UNITS["year"] / UNITS[self.unit])
        new = [name for name, given in (("frequency", frequency), ("recency", recency), ("T", T)) if given is None]
        if 0 < len(new) < 3:
            raise ArgumentError(f"{' and '.join(new)} missing; allowed: all of frequency, recency and T, or none")
        if frequency is None or recency is None or T is None:
            expected = self._limits(lambda theta: np.log(self._model.of_new(theta, np.array([ahead]))))
            return _frame_of(History(*np.zeros((3, 1))), interval_columns("expected_purchases", expected))
        seen = _history(frequency, recency, T)
        return _frame_of(seen, interval_columns("expected_purchases", self._expected(seen, ahead)))

    def to_frame(self) -> pd.DataFrame:
        """The customers, one row a cell.

        Returns
        -------
        DataFrame
            Columns frequency, recency, T, n, probability_alive and expected_purchases (within a year), both with
            _ci_lower and _ci_upper.
        """
        columns = {"n": self.cells.n} | interval_columns("probability_alive", self._alive(self._seen))
        year = UNITS["year"] / UNITS[self.unit]
        return _frame_of(self._seen, columns | interval_columns("expected_purchases", self._expected(self._seen, year)))

    def holdout(self) -> pd.DataFrame:
        """Purchases after the calibration period, expected and actual, by frequency in the calibration period.

        Returns
        -------
        DataFrame
            Columns frequency ("0" to "7+"), n, expected, actual (purchases of all customers of the class),
            expected_mean and actual_mean (a customer), error (expected / actual - 1; NaN where none came), back (how
            many of the customers bought).

        Raises
        ------
        NotEnoughData
            The fit took all there is: give `calibration_end`.
        """
        import pandas as pd

        self._need_holdout()
        expected, actual = self._later()
        classes = np.minimum(self.cells.frequency, _LAST_CLASS)
        rows = []
        for one in np.unique(classes):
            those = classes == one
            rows.append((f"{one}{'+' * int(one == _LAST_CLASS)}", self.cells.n[those].sum(), expected[those].sum(),
                         actual[those].sum(), self.cells.back[those].sum()))  # fmt: skip
        frame = pd.DataFrame(rows, columns=["frequency", "n", "expected", "actual", "back"])
        frame["expected_mean"], frame["actual_mean"] = frame["expected"] / frame["n"], frame["actual"] / frame["n"]
        frame["error"] = frame["expected"] / frame["actual"].where(frame["actual"] > 0) - 1
        return frame

    def cumulative(self) -> pd.DataFrame:
        """Repeat purchases so far, expected and actual, by time since the first purchase of all.

        Returns
        -------
        DataFrame
            Columns time (in `unit`), expected, actual, held_out (whether the fit did not know it), error
            (expected / actual - 1). Of the customers who were fitted.
        """
        import pandas as pd

        window, length = self.cells.window, UNITS[self.unit]
        days = (window.end - self.cells.begin).days
        # a last unit that lacks no more than a day in seven is over
        steps = np.arange(1, int(days / length + 1 / 7) + 1)
        ends = np.minimum(np.round(steps * length).astype(np.int64), days)
        expected, actual = self._course(days)
        columns = {"time": steps, "expected": expected[ends - 1], "actual": actual[ends - 1]}
        frame = pd.DataFrame(columns | {"held_out": ends > (window.until - self.cells.begin).days})
        frame["error"] = frame["expected"] / frame["actual"].where(frame["actual"] > 0) - 1
        return frame

    def purchases_of_cells(self, theta: Floats, t: float, force: float = 0.0) -> Floats:
        """Purchases expected within t of a customer of each cell, each worth exp(-force u) when it comes after u."""
        return self._model.purchases(theta, self._seen, t, force)

    @property
    def _model(self) -> Model:
        return MODELS[self.model]

    @cached_property
    def _seen(self) -> History:
        return seen_of(self.cells, UNITS[self.unit])

    @property
    def _starts_with_recording(self) -> bool:
        firsts = self.cells.firsts
        begin, until = (datetime.combine(day, time.min) for day in (self.cells.begin, self.cells.window.until))
        calendar = Calendar.spanning("month", begin, until, None)
        months = np.zeros(calendar.size, dtype=np.int64)
        starts = [(start - self.cells.begin).days for start in calendar.starts]
        np.add.at(months, np.searchsorted(starts, np.arange(len(firsts)), side="right") - 1, firsts)
        return not self.dated and starts_with_recording(months, calendar.lived)

    def _returns(self) -> list[str]:
        """The concern that customers who were taken for gone bought again, more of them than can have been there."""
        from scipy.special import expit

        there = expit(-self._model.odds_gone(np.exp(self.fit.point), self._seen))
        doubted = there < _DOUBTED
        n, there = self.cells.n[doubted], there[doubted]
        most, back = float(n @ there), int(self.cells.back[doubted].sum())
        if back <= most + 2 * np.sqrt(n @ (there * (1 - there))):
            return []
        return [
            f"Of {n.sum():,} {self.provenance.customer}s with P(alive) below {_DOUBTED:.0%} {back:,} bought after the "
            f"calibration period, and at most {most:,.0f} should still have been there: some silences are pauses."
        ]

    def _need_holdout(self) -> None:
        if not self.held_out:
            raise NotEnoughData("holdout() needs purchases that the fit did not know; give calibration_end=")

    def _limits(self, log_of: _OfTheta, *, logit: bool = False) -> tuple[Floats, Floats, Floats]:
        """A positive number (or odds) from its logarithm, with limits from the errors of the logarithm."""
        log = log_of(np.exp(self.fit.point))
        error = errors_of(slopes_of(lambda point: log_of(np.exp(point)), self.fit.point), self.fit.covariance)
        lower, upper = log_scale(np.exp(log), error, self.conf_level)
        if not logit:
            return np.exp(log), lower, upper
        sure = np.isneginf(log)
        return tuple(np.where(sure, 1.0, 1 / (1 + odds)) for odds in (np.exp(log), upper, lower))  # type: ignore[return-value]

    def _alive(self, seen: History) -> tuple[Floats, Floats, Floats]:
        return self._limits(lambda theta: self._model.odds_gone(theta, seen), logit=True)

    def _expected(self, seen: History, t: float) -> tuple[Floats, Floats, Floats]:
        return self._limits(lambda theta: np.log(self._model.purchases(theta, seen, t)))

    def _later(self) -> tuple[Floats, Floats]:
        """Purchases after the calibration period, expected and actual, by cell."""
        ahead = (self.cells.window.end - self.cells.window.until).days / UNITS[self.unit]
        expected = self.cells.n * self._model.purchases(np.exp(self.fit.point), self._seen, ahead)
        return expected, self.cells.later.astype(float)

    def _course(self, days: int) -> tuple[Floats, Floats]:
        """Repeat purchases up to each day, expected and actual."""
        actual = [self.cells.repeats.get(day, 0) for day in range(days)]
        one = self._model.of_new(np.exp(self.fit.point), np.arange(days) / UNITS[self.unit])
        return np.convolve(self.cells.firsts, one)[:days], np.cumsum(actual)


def _history(frequency: object, recency: object, T: object) -> History:  # noqa: N803
    """Histories that can be; single numbers go with every other."""
    given = {"frequency": frequency, "recency": recency, "T": T}
    values = [np.array(check_numbers(name, value), dtype=float) for name, value in given.items()]
    try:
        x, tx, end = np.broadcast_arrays(*values)
    except ValueError:
        sizes = ", ".join(f"{len(value)} of {name}" for name, value in zip(given, values, strict=True))
        raise ArgumentError(f"frequency, recency and T differ in number ({sizes})") from None
    if (x != np.floor(x)).any():
        raise ArgumentError(f"frequency={x[x != np.floor(x)][0]:g} is no number of purchases; allowed: whole numbers")
    if (tx > end).any():
        raise ArgumentError(f"recency={tx[tx > end][0]:g} is longer than T={end[tx > end][0]:g}: both from the first")
    if ((x > 0) != (tx > 0)).any():
        raise ArgumentError("recency is 0 without repeat purchases, and above 0 with them")
    return History(x, tx, end)


def _frame_of(seen: History, columns: dict[str, object]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"frequency": seen.x.astype(np.int64), "recency": seen.tx, "T": seen.T} | columns)
