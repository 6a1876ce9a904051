"""What is told of customers, so that no reader can recognise a single one. The only place that decides it.

The rule looks at one number alone, and holds for every number of a page, its figures and its facts alike:

- A count of customers under the threshold, 0 included, is not told, nor a share of so few.
- Every other count of customers is rounded to a multiple of twice the threshold.
- A share of counted customers is computed anew from rounded counts, with its interval: of those in it, or of the
  others where they are fewer. Few others are told as one less than the threshold; of a small group nothing is told.
- Other shares and money are rounded to what the threshold's number of customers make up; where that is much of the
  share, nothing is told.

Counts, and what of them is hidden, follow from rounded counts: whoever adds up, subtracts or divides what a page tells
knows each to within the threshold. What follows from a share is computed from the share as it is told (`estimate`),
for a rounding of its own would tell more. Results are never rounded, only what is written for managers; a threshold of
1 tells all. See decision 23.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import check_threshold
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import wilson
from kbind.text.facts import Fact
from kbind.typing import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

#: What shares are rounded to: the first that is not less than what the threshold's number of customers make up.
_STEPS = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1])
#: What says of how many in a definition, or so exactly that it could be worked out.
_COUNTED = re.compile(r"\b\d[\d,.]* (of|customers?|households?|rows|leavers|gave|gained|would)\b|missing: \d|\d\.\d{4}")
#: A share that few customers move by more than this is not told at all.
_COARSEST = 0.1
#: A group is small if it holds fewer than so many times the threshold; tenths of a per cent hold from so many times on.
_SMALL, _EXACT = 20, 200
#: Money that rests on nobody in particular has so many digits, and ratios have so many decimals.
_DIGITS, _DECIMALS = 3, 2


@dataclass(frozen=True)
class Disclosure:
    """The rule with its threshold: the smallest number of customers that is told."""

    threshold: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", check_threshold(self.threshold))

    def hides(self, count: float | None) -> bool:
        """Whether a count of customers is too small to tell; nobody is, so that "under 5" never means one to four.

        >>> [Disclosure(5).hides(n) for n in (0, 1, 4, 5)]
        [True, True, True, False]
        """
        return self.threshold > 1 and count is not None and count < self.threshold

    @property
    def base(self) -> int:
        """What counts are rounded to multiples of."""
        return 2 * self.threshold if self.threshold > 1 else 1

    def rounded(self, counts: ArrayLike) -> Floats:
        """Counts rounded to multiples of twice the threshold; where that gives 0, they are too small to tell.

        >>> Disclosure(5).rounded([4, 5, 14, 148])
        array([  0.,  10.,  10., 150.])
        """
        exact = np.asarray(counts, dtype=float)
        return exact if self.threshold == 1 else np.floor(exact / self.base + 0.5) * self.base

    def decimals(self, n: int | None) -> int:
        """How many decimals a share of so many customers bears in per cent: one rounded customer moves it by less.

        >>> Disclosure(5).decimals(800), Disclosure(5).decimals(1000), Disclosure(1).decimals(20)
        (0, 1, 1)
        """
        return 0 if self.threshold > 1 and n is not None and n < _EXACT * self.threshold else 1

    def counts(self, counts: ArrayLike) -> Floats:
        """Counts as they are told: rounded, NaN where hidden."""
        return np.where(self.few(counts), np.nan, self.rounded(counts))

    def few(self, counts: ArrayLike) -> Bools:
        """Where counts of customers are too small to tell; see `hides`."""
        return (np.asarray(counts, dtype=float) < self.threshold) & (self.threshold > 1)

    def fact(self, fact: Fact) -> Fact:
        """The fact as it is told: rounded, or hidden if it tells of too few customers."""
        if self.threshold == 1 or fact.hidden:
            return fact
        counts = [fact.n, fact.count, fact.value if fact.unit == "customers" else None]
        if fact.unit == "rows" and fact.value > 0:  # that a table has none of them points at no one
            counts.append(fact.value)
        clean = replace(fact, definition=_without_counts(fact.definition))
        value, lower, upper = self._told(fact)
        if any(map(self.hides, counts)) or (isnan(value) and not isnan(fact.value)):
            return replace(clean, hidden=True)
        size, part = (None if number is None else int(self.rounded(number)) for number in (fact.n, fact.count))
        if fact.unit == "share" and fact.n is not None and fact.count is not None:
            part = int(self.part(fact.count, fact.n))
        return replace(clean, value=value, ci_lower=lower, ci_upper=upper, n=size, count=part)

    def part(self, count: ArrayLike, n: ArrayLike) -> Floats:
        """Numerators of shares as they are told: the smaller of both parts is rounded, and few are never told as none.

        Examples
        --------
        >>> Disclosure(5).part([48, 432, 478], [480, 480, 480])
        array([ 50., 430., 476.])
        """
        count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
        if self.threshold == 1:
            return count
        rest, size = self.rounded(n - count), self.rounded(n)
        rest = np.where(rest == 0, self.threshold - 1, rest)
        return np.where(2 * count > n, size - rest, self.rounded(count))

    def estimate(self, estimate: Estimate) -> Estimate:
        """A share as it is told, to compute with; without a value where it is hidden.

        What follows from such a share tells no more than the share.
        """
        told = self.fact(Fact.of("", estimate))
        if told.hidden:
            return replace(estimate, value=nan, ci_lower=nan, ci_upper=nan)
        return replace(
            estimate, value=told.value, ci_lower=told.ci_lower, ci_upper=told.ci_upper, n=told.n, count=told.count
        )

    def _told(self, fact: Fact) -> tuple[float, float, float]:
        """Value and limits of a fact, rounded by what it is."""
        numbers = fact.value, fact.ci_lower, fact.ci_upper
        if fact.unit in ("customers", "rows"):
            value, lower, upper = map(float, self.rounded(numbers))
        elif fact.unit == "share":
            n, count = (np.nan if number is None else float(number) for number in (fact.n, fact.count))
            value, lower, upper = (float(x) for x in self.shares(*numbers, n, count, fact.conf_level)[:3])
        elif fact.unit == "money":
            many = fact.n or fact.count
            step = _nice(self.threshold * abs(fact.value) / many) if many else _last_digit(fact.value)
            value, lower, upper = map(float, _to_step(np.array(numbers), step)) if step else numbers
        elif fact.unit == "ratio":
            decimals = _DECIMALS if fact.n is None or fact.n >= _SMALL * self.threshold else 1
            value, lower, upper = (round(x, decimals) for x in numbers)
        elif not float(fact.value).is_integer():  # a mean or something computed, that a computer holds to 16 digits
            step = _last_digit(fact.value)
            value, lower, upper = map(float, _to_step(np.array(numbers), step)) if step else numbers
        else:
            value, lower, upper = numbers
        return value, lower, upper

    def shares(
        self,
        value: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        n: ArrayLike,
        count: ArrayLike = np.nan,
        conf_level: float = 0.95,
    ) -> tuple[Floats, Floats, Floats, Bools]:
        """Shares of customers as they are told.

        Parameters
        ----------
        value, lower, upper : array_like of float, shape (...)
            Shares with their limits.
        n, count : array_like of float, shape (...)
            Customers they rest on, and those in the numerator; NaN where that was not counted.
        conf_level : float
            Level of the limits.

        Returns
        -------
        value, lower, upper : ndarray of float, shape (...)
            NaN where hidden.
        hidden : ndarray of bool, shape (...)
            Where too few customers are counted.
        """
        parts = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (value, lower, upper, n, count)))
        value, lower, upper, n, count = parts
        told, hidden = [value, lower, upper], np.zeros(n.shape, dtype=bool)
        if self.threshold > 1:
            size, part = self.rounded(n), self.part(count, n)
            whole = ((self.rounded(n - count) == 0) | (part >= size)) & (size < _SMALL * self.threshold)
            hidden = (size == 0) | (part <= 0) | whole
            # how much one customer moves a share is known as far as the larger part of it
            most = np.where(np.isnan(value), 1.0, np.maximum(value, 1 - value))
            weight = self.threshold * most / np.where(size > 0, size, np.inf)
            step = _STEPS[np.minimum(np.searchsorted(_STEPS, weight - 1e-12), len(_STEPS) - 1)]
            told = [_to_step(x, step) for x in told]
            with np.errstate(invalid="ignore"):  # counts of something else than the share
                plain, anew = wilson(count, n, conf_level), wilson(part, size, conf_level)
            counted = np.isclose(value, plain[0], atol=1e-9, rtol=0)
            hidden |= ~counted & (weight > _COARSEST)
            for k, limit in enumerate(parts[:3]):
                wilsons = counted & np.isclose(limit, plain[k], atol=1e-9, rtol=0)
                moved = np.clip(_to_step(limit + anew[0] - value, step), 0, 1)  # of another kind: with their share
                told[k] = np.where(wilsons, anew[k], np.where(counted, moved, told[k]))
        value, lower, upper = (np.where(hidden, np.nan, x) for x in told)
        return value, lower, upper, hidden

    def tells(self, *facts: Fact) -> bool:
        """Whether facts are known and may be told."""
        return all(self.fact(fact).known for fact in facts)

    def frame(
        self, frame: pd.DataFrame, figure: str, *, n: str, count: str = "", also: Sequence[str] = ()
    ) -> pd.DataFrame:
        """A frame of shares as they are told.

        Parameters
        ----------
        frame : DataFrame
            One row a share; is not changed.
        figure : str
            Column of the share; its limits stand in columns that end in `_ci_lower` and `_ci_upper`.
        n, count : str
            Columns of the customers it rests on, and of those in the numerator.
        also : sequence of str
            Further columns that count customers; where one of them is too small, the share is hidden too.

        Returns
        -------
        DataFrame
            Rounded, NaN where hidden, with a column `hidden` that says where.
        """
        names = [f"{figure}{end}" for end in ("", "_ci_lower", "_ci_upper")]
        limits = [frame[name] if name in frame else np.full(len(frame), np.nan) for name in names]
        value, lower, upper = limits
        *told, hidden = self.shares(value, lower, upper, frame[n], frame[count] if count else np.nan)
        for name in also:
            hidden = hidden | self.few(frame[name])
        columns = {name: np.where(hidden, np.nan, x) for name, x in zip(names, told, strict=True) if name in frame}
        counts = {name: np.where(hidden, np.nan, self.rounded(frame[name])) for name in (n, *also)}
        if count:
            counts[count] = np.where(hidden, np.nan, self.part(frame[count], frame[n]))
        return frame.assign(**columns, **counts, hidden=hidden)


def _without_counts(definition: str) -> str:
    """What was counted, less clauses that say of how many.

    >>> _without_counts("active / all; left out: 2 customers who came before. Kept: months from 3 on.")
    'active / all; Kept: months from 3 on.'
    """
    clauses = re.split(r"(?<=[;.])\s+", definition)
    return " ".join(clause for clause in clauses if not _COUNTED.search(clause))


def _to_step(numbers: Floats, step: Floats | float) -> Floats:
    """Numbers rounded to multiples of a step, without what computers add to them."""
    return np.round(np.round(numbers / step) * step, 6)


def _nice(most: float) -> float:
    """The last of 1, 2, 5, 10, 20 ... that is not more; 0 of nothing.

    >>> _nice(14_400.0), _nice(0.3)
    (10000.0, 0.2)
    """
    if not most > 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(k * power for k in (1, 2, 5) if k * power <= most * (1 + 1e-12)))


def _last_digit(value: float) -> float:
    """What the last of the digits that are told counts."""
    return 0.0 if isnan(value) or abs(value) < 1e-6 else float(10.0 ** (np.floor(np.log10(abs(value))) - _DIGITS + 1))
