"""What a Cox regression says: hazard ratios, tests, and curves for given customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import erfc, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import ArgumentError, check_conf_level, did_you_mean, shown
from kbind.estimates.survival.baseline import Baseline, survival_interval
from kbind.estimates.survival.chi_squared import ChiSquared, upper_tail
from kbind.estimates.survival.concordance import Concordance, concordance
from kbind.estimates.survival.proportional import ProportionalHazardsTest, proportional_hazards_test
from kbind.estimates.survival.risk_sets import Likelihood
from kbind.statistics.arrays import table, vector
from kbind.statistics.result import Shown
from kbind.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class CoxFit(Shown):
    """A fitted Cox regression, made by `fit_cox`.

    Attributes
    ----------
    names : tuple of str
        Covariates.
    coef : ndarray of float, shape (covariates,)
        Logarithms of hazard ratios, per unit of the covariate.
    cov : ndarray of float, shape (covariates, covariates)
        Inverse of the information.
    loglik_null, loglik : float
        Logarithm of the partial likelihood with all coefficients 0, and at its maximum.
    n, events : int
        Rows, and rows that end with the event.
    strata : tuple
        Labels of the strata; (None,) where there are none.
    """

    names: tuple[str, ...]
    coef: Floats
    cov: Floats = field(repr=False)
    loglik_null: float
    loglik: float
    n: int
    events: int
    strata: tuple[object, ...] = field(repr=False)
    centre: Floats = field(repr=False)
    scale: Floats = field(repr=False)
    fitted: Likelihood = field(repr=False)
    rows: tuple[Floats, Bools, Floats | None] = field(repr=False)
    ends: Floats = field(repr=False)

    def __post_init__(self) -> None:
        for values in (self.coef, self.cov, self.centre, self.scale, self.ends):
            values.setflags(write=False)

    @property
    def definition(self) -> str:
        """What was fitted to what."""
        within = f", within {len(self.strata)} strata" if len(self.strata) > 1 else ""
        return (
            f"Cox regression with ties by Efron{within}: {self.events:,} events in {self.n:,} rows. A hazard ratio "
            "above 1 goes with leaving earlier, other covariates being equal"
        )

    @property
    def std_error(self) -> Floats:
        """Standard errors of the coefficients, shape (covariates,)."""
        return np.sqrt(np.diag(self.cov))

    def to_frame(self, conf_level: float = 0.95) -> pd.DataFrame:
        """One row a covariate.

        Parameters
        ----------
        conf_level : float
            Of the Wald interval.

        Returns
        -------
        DataFrame
            covariate, coef, hazard_ratio, hazard_ratio_ci_lower, hazard_ratio_ci_upper, std_error, z, p_value.
        """
        import pandas as pd

        width = NormalDist().inv_cdf(0.5 + check_conf_level(conf_level) / 2) * self.std_error
        z = self.coef / self.std_error
        with np.errstate(over="ignore"):  # a limit without end is infinite
            columns = {
                "covariate": self.names,
                "coef": self.coef,
                "hazard_ratio": np.exp(self.coef),
                "hazard_ratio_ci_lower": np.exp(self.coef - width),
                "hazard_ratio_ci_upper": np.exp(self.coef + width),
                "std_error": self.std_error,
                "z": z,
                "p_value": [erfc(abs(value) / sqrt(2)) for value in z],
            }
        return pd.DataFrame(columns)

    def likelihood_ratio_test(self) -> ChiSquared:
        """Test of all covariates together: twice the gain in log-likelihood over no covariates."""
        statistic = 2 * (self.loglik - self.loglik_null)
        return ChiSquared(statistic, len(self.names), float(upper_tail(max(statistic, 0.0), len(self.names))))

    def concordance(self) -> Concordance:
        """Share of comparable pairs of rows that the linear predictor puts in the right order, within strata."""
        return concordance(self.fitted.sets, self.fitted.sets.predictor(self.coef * self.scale))

    def proportional_hazards_test(
        self, transform: str = "km", terms: Sequence[str] | None = None
    ) -> ProportionalHazardsTest:
        """Exact score test of whether coefficients change with time.

        Parameters
        ----------
        transform : {"km", "identity", "rank", "log"}
            Function of time with which they might: 1 - Kaplan-Meier estimate just before, time, its rank among all
            rows, its logarithm (needs events after time 0).
        terms : sequence of str, shape (covariates,), optional
            The term that each covariate belongs to, such as the factor whose level it marks: the covariates of a term
            are tested together. Default: each covariate is a term.

        Returns
        -------
        ProportionalHazardsTest
            One line a term, and GLOBAL.

        References
        ----------
        Grambsch and Therneau (1994), Biometrika 81, 515-526; as R's survival::cox.zph since version 3.0.
        """
        owners = self.names if terms is None else tuple(terms)
        if len(owners) != len(self.names):
            raise ArgumentError(f"terms has {len(owners)} names for {len(self.names)} covariates; allowed: one each")
        return proportional_hazards_test(self.fitted, owners, *self.rows, transform)

    @cached_property
    def _baseline(self) -> Baseline:
        return Baseline(self.fitted, self.coef * self.scale, self.cov * np.outer(self.scale, self.scale), self.ends)

    def cumulative_hazard_at(
        self, times: ArrayLike, covariates: ArrayLike, strata: Sequence[object] | None = None
    ) -> tuple[Floats, Floats]:
        """Cumulative hazard of given covariates (Efron's estimate, not Breslow's), with its standard error.

        Parameters
        ----------
        times : array_like, shape (times,)
        covariates : array_like, shape (rows, covariates)
            In the order of `names`, constant over time.
        strata : sequence, shape (rows,), optional
            Labels; needed if the model has strata.

        Returns
        -------
        hazard, std_error : ndarray of float, shape (rows, times)
            The error includes that of the coefficients. NaN after the last row of the stratum has ended.

        Raises
        ------
        ArgumentError
            Wrong shapes, missing values, or a stratum that was not fitted.
        """
        x = (table("covariates", covariates, self.names) - self.centre) / self.scale
        return self._baseline.hazard_at(vector("times", times), x, self._places(strata, len(x)))

    def survival_at(self, times: ArrayLike, covariates: ArrayLike, strata: Sequence[object] | None = None) -> Floats:
        """Share expected to be still there, exp(-cumulative hazard); as `cumulative_hazard_at`, (rows, times)."""
        return np.exp(-self.cumulative_hazard_at(times, covariates, strata)[0])

    def survival_interval_at(
        self,
        times: ArrayLike,
        covariates: ArrayLike,
        strata: Sequence[object] | None = None,
        *,
        conf_level: float = 0.95,
        conf_type: str = "log",
    ) -> tuple[Floats, Floats]:
        """Lower and upper limit of `survival_at`, each (rows, times).

        Parameters
        ----------
        times, covariates, strata
            As for `cumulative_hazard_at`.
        conf_level : float
        conf_type : {"log", "log-log"}
            "log", R's default, is symmetric in the cumulative hazard and cut at 1; "log-log" stays inside 0 to 1.
        """
        hazard, error = self.cumulative_hazard_at(times, covariates, strata)
        return survival_interval(hazard, error, conf_level, conf_type)

    def _places(self, strata: Sequence[object] | None, rows: int) -> Ints:
        if strata is None:
            if len(self.strata) > 1:
                raise ArgumentError(f"strata is missing: the model has {len(self.strata)} strata; give one a row")
            return np.zeros(rows, dtype=np.int64)
        if self.strata == (None,):
            raise ArgumentError("strata is given, but the model was fitted without")
        known = {label: place for place, label in enumerate(self.strata)}
        labels = np.asarray(strata).tolist()
        if len(labels) != rows:
            raise ArgumentError(f"strata has {len(labels)} values for {rows} rows; allowed: one a row")
        for label in labels:
            if label not in known:
                hint = did_you_mean(str(label), map(str, known))
                raise ArgumentError(f"stratum {shown(label)} was not fitted; {hint}{len(known)} strata were")
        return np.array([known[label] for label in labels], dtype=np.int64)
