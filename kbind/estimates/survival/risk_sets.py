"""Who is compared with whom in a Cox regression, and the sums over them that everything else is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kbind.typing import Bools, Floats, Ints

#: Smallest hazard, as a share of the largest, whose square can still be told from 0.
_SMALLEST = 1e-140


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Rows (start, stop] and, for each distinct event time of each stratum, which of them are at risk.

    A row is at risk at the event times `first[i]` to `last[i] - 1`, counted over all strata; a sum over a risk set is
    then a difference of cumulative sums over event times, and no row is looked at twice. Rows that are at risk at no
    event time are left out.

    Attributes
    ----------
    x : ndarray of float, shape (rows, covariates)
        Centred, and scaled so that the largest is 1.
    weights : ndarray of float, shape (rows,)
    first, last : ndarray of int, shape (rows,)
        Range of event times at which the row is at risk.
    dead : ndarray of int, shape (events,)
        Rows that end with the event, in the order of event times.
    dead_at : ndarray of int, shape (events,)
        Event time of each of them.
    times : ndarray of float, shape (event times,)
        Ascending within strata, which follow each other.
    bounds : ndarray of int, shape (strata + 1,)
        Where the event times of each stratum begin, and the end.
    """

    x: Floats
    weights: Floats
    first: Ints
    last: Ints
    dead: Ints
    dead_at: Ints
    times: Floats
    bounds: Ints

    @cached_property
    def deaths(self) -> Ints:
        """Number of events at each event time."""
        return np.bincount(self.dead_at, minlength=len(self.times))

    @cached_property
    def mean_weight(self) -> Floats:
        """Mean weight of those with the event at each event time, as Efron's method shares it out."""
        return np.asarray(np.bincount(self.dead_at, self.weights[self.dead], len(self.times)) / self.deaths)

    @cached_property
    def _late(self) -> Ints:
        """Rows that enter after the first event time of their stratum."""
        begin = self.bounds[np.searchsorted(self.bounds, self.last - 1, side="right") - 1]
        return np.flatnonzero(self.first > begin)

    def at_risk(self, values: Floats) -> Floats:
        """Sum of `values` (rows,) over those at risk at each event time."""
        size = len(self.times)
        change = np.asarray(np.bincount(self.last - 1, values, size), dtype=np.float64)
        if len(self._late):
            change -= np.bincount(self.first[self._late] - 1, values[self._late], size)
        for low, high in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            # from the end, so that without late entries nothing is ever subtracted
            change[low:high] = change[low:high][::-1].cumsum()[::-1]
        return change

    def at_event(self, values: Floats) -> Floats:
        """Sum of `values` (rows,) over those with the event at each event time."""
        return np.asarray(np.bincount(self.dead_at, values[self.dead], len(self.times)), dtype=np.float64)

    def over_risk(self, increments: Floats) -> Floats:
        """Sum of `increments` (event times,) over the event times at which each row is at risk."""
        total = np.concatenate(([0.0], increments.cumsum()))
        return np.asarray(total[self.last] - total[self.first])

    def predictor(self, theta: Floats) -> Floats:
        """Linear predictor, column by column, so that equal rows get exactly equal values."""
        eta = np.zeros(len(self.x))
        for column, value in zip(self.x.T, theta, strict=True):
            eta += column * value
        return eta


def risk_sets(
    duration: Floats, event: Bools, x: Floats, entry: Floats | None, stratum: Ints, strata: int, weights: Floats
) -> RiskSets:
    """Sort out who is at risk when: entry < t <= duration, within strata.

    Parameters
    ----------
    duration, event, x, weights : ndarray
        Checked; x centred and scaled.
    entry : ndarray of float, shape (rows,), optional
        Where it is 0 or less the row is observed from the origin on, time 0 included.
    stratum : ndarray of int, shape (rows,)
        0 to strata - 1.

    Returns
    -------
    RiskSets
    """
    grid, at = np.unique(duration[event], return_inverse=True)
    step = len(grid) + 1
    dead_key = stratum[event] * step + at + 1
    keys = np.unique(dead_key)
    last = np.searchsorted(keys, stratum * step + np.searchsorted(grid, duration, side="right"), side="right")
    begin = stratum * step
    if entry is not None:
        begin = begin + np.where(entry > 0, np.searchsorted(grid, entry, side="right"), 0)
    first = np.searchsorted(keys, begin, side="right")
    used = last > first
    rows, seen = np.flatnonzero(used), event[used]
    order = np.argsort(last[rows][seen], kind="stable")
    dead = np.flatnonzero(seen)[order]
    return RiskSets(
        x=x[rows],
        weights=weights[rows],
        first=first[rows],
        last=last[rows],
        dead=dead,
        dead_at=last[rows][dead] - 1,
        times=grid[keys % step - 1],
        bounds=np.searchsorted(keys, np.arange(strata + 1) * step),
    )


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Efron's partial likelihood at given coefficients, and the pieces of its derivatives.

    Of d events at one time the k-th (k = 0 to d - 1) is compared with everybody at risk less the share k / d of those
    who have the event at that time.

    Attributes
    ----------
    sets : RiskSets
    theta : ndarray of float, shape (covariates,)
        Coefficients of the scaled covariates.
    value : float
        Logarithm of the partial likelihood.
    shift : float
        Largest linear predictor; hazards are relative to it, so that nothing overflows.
    risk : ndarray of float, shape (rows,)
        weight * exp(linear predictor - shift).
    tied : ndarray of int, shape (events,)
        Event time of each event.
    share, denominator : ndarray of float, shape (events,)
        k / d, and what the event is compared with.
    """

    sets: RiskSets
    theta: Floats
    value: float
    shift: float
    risk: Floats
    tied: Ints
    share: Floats
    denominator: Floats

    def _by_time(self, power: int, share: int) -> Floats:
        """Sum over k of weight * (k / d) ** share / denominator ** power, for each event time."""
        parts = self.sets.mean_weight[self.tied] * self.share**share / self.denominator**power
        return np.asarray(np.bincount(self.tied, parts, len(self.sets.times)), dtype=np.float64)

    @cached_property
    def hazard(self) -> tuple[Floats, Floats]:
        """Increments of the cumulative hazard at each event time, and what of it those with the event do not bear."""
        return self._by_time(1, 0), self._by_time(1, 1)

    @cached_property
    def squares(self) -> tuple[Floats, Floats, Floats]:
        """The same with squared denominators and the shares to the power of 0, 1 and 2."""
        return self._by_time(2, 0), self._by_time(2, 1), self._by_time(2, 2)

    @cached_property
    def sums(self) -> tuple[Floats, Floats]:
        """Covariates, weighted by risk, summed over those at risk and over those with the event; (event times, p)."""
        columns = [self.risk * column for column in self.sets.x.T]
        at_risk = np.column_stack([self.sets.at_risk(column) for column in columns])
        return at_risk, np.column_stack([self.sets.at_event(column) for column in columns])

    def _expected(self, times: Floats) -> Floats:
        """Events to be expected of each row, with weights for event times."""
        every, spared = self.hazard
        borne = self.sets.over_risk(every * times)
        borne[self.sets.dead] -= (spared * times)[self.sets.dead_at]
        return np.asarray(self.risk * borne)

    def score(self, times: Floats | None = None) -> Floats:
        """First derivative; `times` (event times,) weights what each event time contributes."""
        sets, weights = self.sets, self._weights(times)
        residual = -self._expected(weights)
        residual[sets.dead] += sets.weights[sets.dead] * weights[sets.dead_at]
        return np.asarray(sets.x.T @ residual)

    def information(self, times: Floats | None = None) -> Floats:
        """Minus the second derivative; `times` (event times,) weights what each event time contributes.

        The mean of squares is summed over rows rather than over event times: one product of matrices instead of a
        cumulative sum for each pair of covariates.
        """
        weights, x, (risk, event) = self._weights(times), self.sets.x, self.sums
        none, once, twice = (piece * weights for piece in self.squares)
        cross = (risk.T * once) @ event
        means = (risk.T * none) @ risk - cross - cross.T + (event.T * twice) @ event
        return np.asarray((x.T * self._expected(weights)) @ x - means)

    def _weights(self, times: Floats | None) -> Floats:
        return np.ones(len(self.sets.times)) if times is None else times


def likelihood(sets: RiskSets, theta: Floats) -> Likelihood:
    """Efron's partial likelihood at the coefficients `theta` (covariates,) of the scaled covariates."""
    eta = sets.predictor(theta)
    shift = float(eta.max())
    risk = sets.weights * np.exp(eta - shift)
    tied = np.repeat(np.arange(len(sets.times)), sets.deaths)
    rank = np.arange(len(tied)) - np.repeat(np.cumsum(sets.deaths) - sets.deaths, sets.deaths)
    share = rank / sets.deaths[tied]
    events = sets.at_event(risk)
    # rounding in a difference of sums must not leave less at risk than have the event
    denominator = np.maximum(sets.at_risk(risk), events)[tied] - share * events[tied]
    value = -np.inf  # where hazards differ too much to be added up: there is no maximum out there
    if denominator.min() > _SMALLEST * sets.weights.min():
        seen = sets.weights[sets.dead] @ (eta[sets.dead] - shift)
        value = float(seen - sets.mean_weight[tied] @ np.log(denominator))
    return Likelihood(sets, theta, value, shift, risk, tied, share, denominator)
