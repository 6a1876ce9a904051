"""From a fitted Cox model back to curves: cumulative hazard and survival of given customers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from kbind.errors import check_choice, check_conf_level
from kbind.estimates.survival.risk_sets import Likelihood
from kbind.typing import Floats, Ints


@dataclass(frozen=True, eq=False)
class Baseline:
    """Efron's estimate of the cumulative hazard, and of its variance, at each event time.

    Attributes
    ----------
    fitted : Likelihood
        At its maximum.
    theta : ndarray of float, shape (covariates,)
        Coefficients of the scaled covariates.
    cov : ndarray of float, shape (covariates, covariates)
        Their covariance matrix.
    ends : ndarray of float, shape (strata,)
        Time at which the last row of each stratum ends; later nothing is known.
    """

    fitted: Likelihood
    theta: Floats
    cov: Floats
    ends: Floats

    @cached_property
    def _steps(self) -> tuple[Floats, Floats, Floats]:
        """Per event time: hazard, variance of it, and hazard times the mean of the covariates at risk."""
        none, once, _ = self.fitted.squares
        at_risk, at_event = self.fitted.sums
        return self.fitted.hazard[0], none, at_risk * none[:, None] - at_event * once[:, None]

    def hazard_at(self, times: Floats, x: Floats, stratum: Ints) -> tuple[Floats, Floats]:
        """Cumulative hazard and its standard error.

        Parameters
        ----------
        times : ndarray of float, shape (times,)
        x : ndarray of float, shape (rows, covariates)
            Scaled as in the risk sets.
        stratum : ndarray of int, shape (rows,)

        Returns
        -------
        hazard, std_error : ndarray of float, shape (rows, times)
            NaN after the end of the stratum.

        References
        ----------
        Tsiatis (1981), Annals of Statistics 9, 93-108; with Efron's handling of ties as in R's survival::survfit.
        """
        hazard, error = np.full((2, len(x), len(times)), np.nan)
        bounds = self.fitted.sets.bounds
        for s in np.unique(stratum):
            rows, steps = np.flatnonzero(stratum == s), slice(bounds[s], bounds[s + 1])
            at = np.searchsorted(self.fitted.sets.times[steps], times, side="right")
            every, own, mean = (
                np.concatenate((np.zeros((1, *step.shape[1:])), step[steps].cumsum(axis=0)))[at] for step in self._steps
            )
            relative = np.exp(x[rows] @ self.theta - self.fitted.shift)[:, None]
            # variance of the increments, and what the error of the coefficients adds: q = x H - sum of mean covariates
            known = x[rows] @ self.cov
            spread = (known * x[rows]).sum(axis=1)[:, None] * every**2 - 2 * (known @ mean.T) * every
            spread += ((mean @ self.cov) * mean).sum(axis=1)
            late = times > self.ends[s]
            hazard[rows] = np.where(late, np.nan, relative * every)
            error[rows] = np.where(late, np.nan, relative * np.sqrt(np.maximum(own + spread, 0.0)))
        return hazard, error


def survival_interval(hazard: Floats, error: Floats, conf_level: float, conf_type: str) -> tuple[Floats, Floats]:
    """Interval of exp(-hazard).

    Parameters
    ----------
    hazard, error : ndarray of float
        Cumulative hazard and its standard error.
    conf_level : float
    conf_type : {"log", "log-log"}
        Symmetric in the cumulative hazard, cut at a survival of 1, or in its logarithm, which cannot leave 0 to 1.

    Returns
    -------
    lower, upper : ndarray of float
        NaN where the hazard is 0, of which the model does not say how sure it is, or NaN.

    Examples
    --------
    >>> lower, upper = survival_interval(np.array([0.5]), np.array([0.2]), 0.95, "log-log")
    >>> f"{lower[0]:.4f} {upper[0]:.4f}"
    '0.3345 0.7959'
    """
    z = NormalDist().inv_cdf(0.5 + check_conf_level(conf_level) / 2)
    if check_choice("conf_type", conf_type, ("log", "log-log")) == "log":
        some = np.where(hazard > 0, hazard, np.nan)
        return np.exp(-some - z * error), np.minimum(np.exp(-some + z * error), 1.0)
    some = np.where(hazard > 0, hazard, np.nan)
    factor = np.exp(z * error / some)
    return np.exp(-hazard * factor), np.exp(-hazard / factor)
