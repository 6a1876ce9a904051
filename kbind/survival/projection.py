"""Projecting the retention of a cohort beyond what has been observed: the shifted beta-geometric model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kbind.errors import ArgumentError, NotEnoughData, check_conf_level, told
from kbind.result import Shown
from kbind.survival.beta_geometric import fit
from kbind.survival.transformed import log_log_scale, log_scale
from kbind.typing import Floats

#: Periods of the longest projection.
_LONGEST = 1_000_000

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RetentionProjection(Shown):
    """Retention of a cohort as it was, and as a shifted beta-geometric model continues it.

    Made by `project_retention`. Inside, the model is written by `odds` and `spread`: of those who are still there
    after j periods, 1 / (1 + odds + j spread) leave in the next.

    Attributes
    ----------
    survivors : ndarray of float, shape (periods + 1,)
        What it was fitted to; the first is the size of the cohort.
    horizon : int
        Last period of the projection.
    conf_level : float
        Level of the intervals.
    log_likelihood : float
        At the estimates.
    odds : float
        beta / alpha: the odds of staying through the first period.
    spread : float
        1 / alpha: how different the customers are; 0 if retention does not rise with age.
    covariance : ndarray of float, shape (2, 2)
        Of log(odds) and log(spread), from the observed information.
    """

    survivors: Floats = field(repr=False)
    horizon: int
    conf_level: float
    log_likelihood: float
    odds: float
    spread: float
    covariance: Floats = field(repr=False)

    @property
    def alpha(self) -> float:
        """First parameter of the beta distribution of the probabilities of leaving; inf without spread."""
        return 1 / self.spread if self.spread else np.inf

    @property
    def beta(self) -> float:
        """Second parameter of the beta distribution of the probabilities of leaving; inf without spread."""
        return self.odds / self.spread if self.spread else np.inf

    @property
    def mean_churn(self) -> float:
        """Mean probability of leaving in the first period, alpha / (alpha + beta)."""
        return 1 / (1 + self.odds)

    @property
    def expected_lifetime(self) -> float:
        """Mean number of periods begun, (alpha + beta - 1) / (alpha - 1); inf where the mean does not exist."""
        return (1 + self.odds - self.spread) / (1 - self.spread) if self.spread < 1 else np.inf

    @property
    def definition(self) -> str:
        """What is projected, from what, and whether a lifetime can be had, in one sentence each."""
        lifetime = (
            f"Expected lifetime: {self.expected_lifetime:.4g} periods."
            if self.spread < 1
            else "The expected lifetime does not exist, because alpha <= 1: its sum over all periods has no limit."
        )
        return (
            f"Share of a cohort of {self.survivors[0]:,.0f} customers still there after each period: observed up to "
            f"period {len(self.survivors) - 1}, and by a shifted beta-geometric model fitted to it (every customer "
            "leaves with a probability of their own, the same in every period); "
            f"{self.conf_level:.0%} interval for the model's curve on the log(-log) scale, given that the model "
            f"holds. {lifetime}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a period from 0 to the horizon.

        Returns
        -------
        DataFrame
            period, survival (of the model), survival_ci_lower, survival_ci_upper, observed (share of the cohort, NaN
            behind what was observed), retention_rate (share of those there after the last period, by the model).
        """
        import pandas as pd

        period = np.arange(self.horizon + 1)
        survival, lower, upper = self._survival(self.horizon)
        observed = np.full(len(period), np.nan)
        known = min(len(period), len(self.survivors))
        observed[:known] = self.survivors[:known] / self.survivors[0]
        growing = self.odds + (period[1:] - 1) * self.spread
        return pd.DataFrame(
            {
                "period": period,
                "survival": survival,
                "survival_ci_lower": lower,
                "survival_ci_upper": upper,
                "observed": observed,
                "retention_rate": np.concatenate([[np.nan], growing / (1 + growing)]),
            }
        )

    def parameters(self) -> pd.DataFrame:
        """The estimates.

        Returns
        -------
        DataFrame
            Rows alpha and beta; columns parameter, estimate, std_error (observed information), ci_lower, ci_upper
            (on the log scale). Without spread both are inf and have no interval.
        """
        import pandas as pd

        # log alpha = -log spread, log beta = log odds - log spread
        turn = np.array([[0.0, -1.0], [1.0, -1.0]])
        error = np.sqrt(np.diag(turn @ self.covariance @ turn.T)) if self.spread else np.full(2, np.nan)
        estimate = np.array([self.alpha, self.beta])
        lower, upper = log_scale(estimate, error, self.conf_level)
        return pd.DataFrame(
            {
                "parameter": ["alpha", "beta"],
                "estimate": estimate,
                "std_error": estimate * error,
                "ci_lower": lower,
                "ci_upper": upper,
            }
        )

    def holdout(self, survivors_later: Sequence[float]) -> pd.DataFrame:
        """Compare the projection with periods it was not fitted to.

        Parameters
        ----------
        survivors_later : sequence of int, shape (later periods,)
            Customers still there after the periods that follow the fitted ones.

        Returns
        -------
        DataFrame
            period, survivors, observed (share of the cohort), survival, survival_ci_lower, survival_ci_upper, error
            (survival / observed - 1; NaN where nobody is left).

        Raises
        ------
        ArgumentError
            Counts that cannot follow the fitted ones.
        """
        import pandas as pd

        later = _counts("survivors_later", survivors_later, 1, self.survivors[-1])
        begin, end = len(self.survivors), len(self.survivors) + len(later)
        survival, lower, upper = (values[begin:] for values in self._survival(end - 1))
        observed = later / self.survivors[0]
        return pd.DataFrame(
            {
                "period": np.arange(begin, end),
                "survivors": later.astype(np.int64),
                "observed": observed,
                "survival": survival,
                "survival_ci_lower": lower,
                "survival_ci_upper": upper,
                "error": survival / np.where(observed > 0, observed, np.nan) - 1,
            }
        )

    def _survival(self, last: int) -> tuple[Floats, Floats, Floats]:
        """The model's curve from 0 to the last period, and its interval by the delta method."""
        age = np.arange(last)
        growing = self.odds + age * self.spread
        log_survival = np.cumsum(np.log(growing) - np.log1p(growing))
        slope = 1 / (growing * (1 + growing))
        gradient = np.cumsum([slope * self.odds, slope * age * self.spread], axis=1)
        variance = np.einsum("it,ij,jt->t", gradient, self.covariance, gradient)
        survival = np.exp(log_survival)
        # on the log(-log) scale, because there the estimate is closest to normal
        lower, upper = log_log_scale(survival, survival * np.sqrt(variance), self.conf_level)
        survival, lower, upper = (np.concatenate([[1.0], values]) for values in (survival, lower, upper))
        return survival, lower, upper


def project_retention(survivors: Sequence[float], *, horizon: int, conf_level: float = 0.95) -> RetentionProjection:
    """Project the retention of one cohort by the shifted beta-geometric model.

    Parameters
    ----------
    survivors : sequence of int, shape (periods + 1,)
        Customers still there after 0, 1, 2, ... periods; the first is the size of the cohort. At least three.
    horizon : int
        Last period to project to, counted from the start of the cohort.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    RetentionProjection
        `.alpha`, `.beta`, `.log_likelihood`, `.expected_lifetime`; `.parameters()` with intervals, `.to_frame()`,
        `.holdout(later)`.

    Raises
    ------
    ArgumentError
        Counts that rise, are negative, missing or no whole numbers, fewer than three of them, or losses in fewer
        than two periods, which leave nothing to fit.

    Warns
    -----
    UserWarning
        The expected lifetime does not exist (alpha <= 1); or retention does not rise with age, so that the model
        has become one constant churn rate (alpha and beta infinite).

    Notes
    -----
    Every customer leaves with a probability of their own in every period; the probabilities follow a beta
    distribution. Retention rises with age because those likely to leave leave first. Then S(t) = B(alpha, beta + t)
    / B(alpha, beta). The mean lifetime is the mean of 1 / probability, (alpha + beta - 1) / (alpha - 1), and finite
    only if alpha > 1.

    For a hold-out check fit the first periods only and hand the rest to `.holdout`.

    References
    ----------
    Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21, 76-90.

    Examples
    --------
    >>> projection = project_retention([1000, 700, 520, 402, 320, 260], horizon=8)
    >>> f"{projection.alpha:.2f} {projection.beta:.2f} {projection.log_likelihood:.1f}"
    '1.93 4.52 -1646.2'
    >>> projection.to_frame()[["period", "survival", "observed"]].tail(4).round(3)
       period  survival  observed
    5       5     0.260      0.26
    6       6     0.216       NaN
    7       7     0.183       NaN
    8       8     0.157       NaN
    >>> projection.holdout([219, 186])[["period", "survivors", "observed", "survival"]].round(3)
       period  survivors  observed  survival
    0       6        219     0.219     0.216
    1       7        186     0.186     0.183
    """
    check_conf_level(conf_level)
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)) or not 1 <= horizon <= _LONGEST:
        allowed = f"whole numbers from 1 to {_LONGEST}"
        raise ArgumentError(f"horizon={told(horizon)} is no number of periods; allowed: {allowed}")
    counts = _counts("survivors", survivors, 3, np.inf)
    lost = -np.diff(counts)
    if counts[0] == 0:
        raise ArgumentError("survivors[0]=0 is no cohort; allowed: the number of customers it began with")
    if not lost.any():
        raise NotEnoughData(f"survivors stay at {counts[0]:,.0f}: nobody left, so there is nothing to project")
    if not lost[1:].any():
        raise NotEnoughData(
            f"survivors stay at {counts[1]:,.0f} from position 1 on: customers left in the first period only, and "
            "the model needs losses in a later one"
        )
    odds, spread, log_likelihood, covariance = fit(counts)
    if spread == 0:
        warnings.warn(
            "retention does not rise with age, so the model has become one constant churn rate: alpha and beta are "
            "infinite and the customers' differences cannot be estimated",
            UserWarning,
            stacklevel=2,
        )
    if spread >= 1:
        warnings.warn(
            f"the expected lifetime does not exist: alpha = {1 / spread:.3g} is not above 1, and the mean number of "
            "periods has no limit; read the projected survival up to a horizon instead",
            UserWarning,
            stacklevel=2,
        )
    return RetentionProjection(counts, int(horizon), float(conf_level), log_likelihood, odds, spread, covariance)


def _counts(parameter: str, values: Sequence[float], least: int, first: float) -> Floats:
    """Numbers of customers that never rise; the error names the first that cannot be."""
    try:
        counts = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{parameter} holds something else than numbers: {error}") from error
    if counts.ndim != 1 or len(counts) < least:
        raise ArgumentError(f"{parameter} needs at least {least} numbers in a row and has shape {counts.shape}")
    before = np.concatenate([[first], counts[:-1]])
    for k, (count, limit) in enumerate(zip(counts, before, strict=True)):
        reason = ""
        if not (count >= 0 and np.isfinite(count) and count == np.floor(count)):
            reason = "no number of customers; allowed: whole numbers from 0, not shares"
        elif count > limit:
            reason = f"more than the {limit:,.0f} before; who has left does not come back in this model"
        if reason:
            raise ArgumentError(f"{parameter}[{k}]={count:g} is {reason}")
    return counts
