"""Whether groups of customers stay equally long: log-rank tests and mean time stayed up to a horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import Groups, names_of
from kbind.errors import MOST, ArgumentError, NotEnoughData, check_conf_level, check_number, real, told
from kbind.estimate.intervals import all_stay
from kbind.result import Shown
from kbind.survival.at_risk import risk_table, risk_tables
from kbind.survival.chi_squared import upper_tail
from kbind.survival.curve import Curve
from kbind.survival.durations import Durations
from kbind.survival.plain_durations import columns_of, durations_by, regroup
from kbind.typing import Bools, Floats

#: Exponents of weights beyond which all weight is on one event.
_STEEPEST = 100.0

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class SurvivalComparison(Shown):
    """Groups compared over their whole curves, and by the mean time stayed up to a horizon.

    Attributes
    ----------
    durations : Durations
        Split by the groups, and by the strata if there are any.
    by, strata : tuple of str
        Columns that are compared, and columns within which they are compared.
    horizon : float
        Up to which time the mean is taken.
    rho, gamma : float
        Fleming-Harrington weights S^rho (1 - S)^gamma; both 0: the log-rank test.
    observed, expected : ndarray of float, shape (groups,)
        Customers who left, and who would have left if the groups did not differ; weighted.
    covariance : ndarray of float, shape (groups, groups)
        Of observed minus expected.
    conf_level : float
        Level of the intervals.
    """

    durations: Durations
    by: tuple[str, ...]
    strata: tuple[str, ...]
    horizon: float
    rho: float
    gamma: float
    observed: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    covariance: Floats = field(repr=False)
    conf_level: float = 0.95

    @property
    def definition(self) -> str:
        """What was tested, in one sentence."""
        test = (
            "log-rank test" if self.rho == self.gamma == 0 else f"Fleming-Harrington({self.rho:g}, {self.gamma:g}) test"
        )
        within = f" within {', '.join(self.strata)}" if self.strata else ""
        unknown = [None in group for group in self.durations.groups]
        lost = int(self.durations.n[np.array(unknown)[self.durations.group]].sum())
        left_out = f" {lost:,} customers of unknown group are left out." if lost else ""
        return (
            f"Two-sided {test} of equal hazards{within}; mean time stayed up to {self.horizon:g} "
            f"{self.durations.unit}s as the area under the curve, {self.conf_level:.0%} intervals.{left_out} "
            f"{self.durations.definition}"
        )

    @property
    def statistic(self) -> float:
        """Chi square of the test."""
        return _chi_square(self.observed - self.expected, self.covariance)[0]

    @property
    def degrees_of_freedom(self) -> int:
        """Groups less one; groups in which nobody could be compared do not count."""
        return _chi_square(self.observed - self.expected, self.covariance)[1]

    @property
    def p_value(self) -> float:
        """Chance of so large a statistic if the groups do not differ; NaN with one group."""
        return _p_value(self.statistic, self.degrees_of_freedom)

    def weighted(self, *, rho: float = 0.0, gamma: float = 0.0) -> SurvivalComparison:
        """The same groups by the test of Fleming and Harrington, for differences that are early or late.

        Parameters
        ----------
        rho, gamma : float
            Weights S^rho (1 - S)^gamma: rho=1 looks at early differences, gamma=1 at late ones.

        Returns
        -------
        SurvivalComparison
        """
        rho, gamma = check_number("rho", rho, 0.0, _STEEPEST), check_number("gamma", gamma, 0.0, _STEEPEST)
        observed, expected, covariance = _log_rank(self.durations, self.by, self.strata, rho, gamma)
        return replace(self, rho=rho, gamma=gamma, observed=observed, expected=expected, covariance=covariance)

    def with_conf_level(self, conf_level: float) -> SurvivalComparison:
        """The same with intervals of another level, between 0 and 1."""
        return replace(self, conf_level=check_conf_level(conf_level))

    def to_frame(self) -> pd.DataFrame:
        """One row a group.

        Returns
        -------
        DataFrame
            Columns of `by`, customers, observed, expected, rmst (restricted mean time stayed), rmst_se,
            rmst_ci_lower, rmst_ci_upper; NaN where a curve ends before the horizon. Where nobody left before it the
            standard error is NaN, and the interval reaches from the horizon times the lower limit of survival to it.
        """
        import pandas as pd

        split, known = regroup(self.durations, self.by), known_groups(self.durations, self.by)
        mean, se, lower, upper = self._means()
        sizes = dict(zip(split.groups, np.bincount(split.group, split.n, len(split.groups)), strict=True))
        frame = pd.DataFrame(
            {
                "customers": [int(sizes[group]) for group in known],
                "observed": self.observed,
                "expected": self.expected,
                "rmst": mean,
                "rmst_se": se,
                "rmst_ci_lower": lower,
                "rmst_ci_upper": upper,
            }
        )
        for position, name in enumerate(self.by):
            frame.insert(position, name, [group[position] for group in known])
        return frame

    def pairwise(self) -> pd.DataFrame:
        """Every pair of groups, tested on its own.

        Returns
        -------
        DataFrame
            Columns group, other, statistic, p_value, p_holm, p_bh (Benjamini-Hochberg), rmst_difference (group minus
            other) with standard error, interval and p, rmst_ratio with interval and p.
        """
        import pandas as pd

        known = known_groups(self.durations, self.by)
        names = [group[0] if len(group) == 1 else group for group in known]
        mean, se, *_ = self._means()
        rows = []
        for i, j in combinations(range(len(names)), 2):
            observed, expected, covariance = _log_rank(
                self.durations, self.by, self.strata, self.rho, self.gamma, (i, j)
            )
            statistic, freedom = _chi_square(observed - expected, covariance)
            row = {"group": names[i], "other": names[j], "statistic": statistic}
            rows.append(row | {"p_value": _p_value(statistic, freedom)} | self._mean_contrast(mean, se, i, j))
        frame = pd.DataFrame(rows)
        if len(frame):
            # takes a second to load, which only those pay who compare pairs
            from statsmodels.stats.multitest import multipletests

            for position, (name, method) in enumerate({"p_holm": "holm", "p_bh": "fdr_bh"}.items(), start=4):
                frame.insert(position, name, multipletests(frame["p_value"].to_numpy(), method=method)[1])
        return frame

    def _means(self) -> tuple[Floats, Floats, Floats, Floats]:
        split = regroup(self.durations, self.by)
        tables = zip(split.groups, risk_tables(split), strict=True)
        curves = [Curve.of(risk) for group, risk in tables if None not in group]
        found = np.array([restricted_mean(curve, self.horizon) for curve in curves])
        limits = np.array([mean_limits(curve, self.horizon, self.conf_level) for curve in curves])
        return found[:, 0], found[:, 1], limits[:, 0], limits[:, 1]

    def _mean_contrast(self, mean: Floats, se: Floats, i: int, j: int) -> dict[str, float]:
        z = NormalDist().inv_cdf(0.5 + self.conf_level / 2)
        difference, spread = mean[i] - mean[j], float(np.hypot(se[i], se[j]))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio, log_spread = mean[i] / mean[j], float(np.hypot(se[i] / mean[i], se[j] / mean[j]))
            log_ratio = np.log(ratio)
        return {
            "rmst_difference": difference,
            "rmst_difference_se": spread,
            "rmst_difference_ci_lower": difference - z * spread,
            "rmst_difference_ci_upper": difference + z * spread,
            "rmst_difference_p_value": _two_sided(difference, spread),
            "rmst_ratio": ratio,
            "rmst_ratio_ci_lower": float(np.exp(log_ratio - z * log_spread)),
            "rmst_ratio_ci_upper": float(np.exp(log_ratio + z * log_spread)),
            "rmst_ratio_p_value": _two_sided(float(log_ratio), log_spread),
        }


def compare_survival(
    durations: Durations | Dataset | ArrayLike,
    event_observed: ArrayLike | None = None,
    *,
    by: Any,
    strata: Any = None,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    horizon: float | None = None,
) -> SurvivalComparison:
    """Test whether groups stay equally long, and by how much they differ.

    Parameters
    ----------
    durations : Durations, Dataset or array_like, shape (n,)
        Split by the columns of `by` and `strata`; or plain times, together with `event_observed`.
    event_observed : array_like of bool, shape (n,), optional
        Beside plain times: whether the customer has left.
    by : str or sequence of str, or array_like, shape (n,)
        Columns to compare. Beside plain times: labels of the rows, or a frame of them.
    strata : str or sequence of str, or array_like, shape (n,), optional
        Columns within which the groups are compared, or labels.
    entry, weights : array_like, shape (n,), optional
        Beside plain times: age at which observation began, and the number of customers that a row stands for.
    horizon : float, optional
        Up to which age the mean time stayed is taken. Default: the largest that every group reaches.

    Returns
    -------
    SurvivalComparison

    Raises
    ------
    ArgumentError
        No such column, one group only, or a horizon that is not above 0.

    References
    ----------
    Harrington and Fleming (1982), Biometrika 69, 553-566, as R's ``survdiff``; standard error of the restricted mean
    as the R package survRM2.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.compare_survival(kb.datasets.load_telco(), by="internet_service", horizon=24)
    >>> f"{found.statistic:.2f} on {found.degrees_of_freedom} df"
    '520.12 on 2 df'
    """
    columns: Any = None
    if event_observed is not None and not isinstance(durations, (Durations, Dataset)):
        columns, apart = columns_of("by", by), columns_of("strata", strata)
        by, strata, columns = list(columns), list(apart), columns | apart
    names, within = names_of(by), names_of(strata, "strata")
    if horizon is not None and not 0 < real(horizon) <= MOST:
        allowed = "above 0, up to where a group was observed"
        raise ArgumentError(f"horizon={told(horizon)} is no time span; allowed: {allowed}")
    if not names:
        raise ArgumentError("by is empty; say which column is compared")
    if set(names) & set(within):
        raise ArgumentError(f"strata={list(within)!r} names a column that by compares")
    split = durations_by(
        durations, columns or (*names, *within), event_observed=event_observed, entry=entry, weights=weights
    )
    compared = regroup(split, names)
    if len(known_groups(split, names)) < 2:
        raise NotEnoughData(f"by={list(names)!r} gives fewer than two known groups; there is nothing to compare")
    tables = [table for group, table in zip(compared.groups, risk_tables(compared), strict=True) if None not in group]
    if horizon is None:
        horizon = min(float(table.times[-1]) for table in tables if len(table.times))
    if not horizon > 0:
        raise NotEnoughData(
            f"a group of {list(names)!r} was not observed beyond its start; there is nothing to compare"
        )
    return SurvivalComparison(
        split, names, within, float(horizon), 0.0, 0.0, *_log_rank(split, names, within, 0.0, 0.0)
    )


def restricted_mean(curve: Curve, horizon: float) -> tuple[float, float]:
    """Area under a curve up to a horizon, and its standard error; NaN where the curve ends before it.

    The error is NaN as well where nothing varies, because nobody left before the horizon or all did at once.
    """
    time, survival, risk = curve.risk.times, curve.survival, curve.risk
    if not len(time) or (horizon > time[-1] and survival[-1] > 0):
        return float("nan"), float("nan")
    inside = time < horizon
    edges = np.concatenate([[0.0], time[inside], [horizon]])
    area = np.concatenate([[1.0], survival[inside]]) * np.diff(edges)
    after = area[1:][::-1].cumsum()[::-1]  # area beyond each time
    left, at_risk = risk.left[inside], risk.at_risk[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.where((left > 0) & (at_risk > left), after**2 * left / (at_risk * (at_risk - left)), 0.0)
    return float(area.sum()), float(np.sqrt(term.sum())) if term.sum() > 0 else float("nan")


def mean_limits(curve: Curve, horizon: float, conf_level: float) -> tuple[float, float]:
    """Limits of the area under a curve up to a horizon.

    Where nobody has left before the horizon, the area lies between the horizon times the lower limit of survival there
    and the horizon.
    """
    mean, se = restricted_mean(curve, horizon)
    if abs(mean - horizon) <= 1e-9 * horizon:
        lower, upper = all_stay(curve.least_at_risk([horizon]), conf_level)
        return horizon * float(lower[0]), horizon * float(upper[0])
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * se
    return mean - half, mean + half


def _log_rank(
    split: Durations,
    by: tuple[str, ...],
    strata: tuple[str, ...],
    rho: float,
    gamma: float,
    only: tuple[int, ...] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Observed, expected and covariance, summed over strata; `only` some of the groups."""
    known = known_groups(split, by)
    chosen = [known[g] for g in (range(len(known)) if only is None else only)]
    whole = regroup(split, (*strata, *by))
    size, depth = len(chosen), len(strata)
    observed, expected, covariance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    for stratum in dict.fromkeys(group[:depth] for group in whole.groups):
        if None in stratum:
            continue
        rows = [np.isin(whole.group, [g for g, name in enumerate(whole.groups) if name == (*stratum, *group)])
                for group in chosen]  # fmt: skip
        for total, part in zip((observed, expected, covariance), _one_stratum(whole, rows, rho, gamma), strict=True):
            total += part
    return observed, expected, covariance


def known_groups(split: Durations, by: tuple[str, ...]) -> Groups:
    """The groups that can be compared: those without an unknown value."""
    return tuple(group for group in regroup(split, by).groups if None not in group)


def _one_stratum(whole: Durations, rows: Sequence[Bools], rho: float, gamma: float) -> tuple[Floats, Floats, Floats]:
    times = np.unique(whole.duration[np.any(rows, axis=0) & (whole.cause > 0)])
    tables = [risk_table(whole, mask, times) for mask in rows]
    left = np.array([table.left for table in tables], dtype=float)
    at_risk = np.array([table.at_risk for table in tables], dtype=float)
    all_left, all_at_risk = left.sum(axis=0), at_risk.sum(axis=0)
    survival = np.concatenate([[1.0], np.cumprod(1 - all_left / all_at_risk)])[: len(times)]
    weight = survival**rho * (1 - survival) ** gamma
    share = at_risk / all_at_risk
    tied = np.where(all_at_risk > 1, (all_at_risk - all_left) / np.maximum(all_at_risk - 1, 1), 0.0)
    spread = weight**2 * all_left * tied
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return (left * weight).sum(axis=1), (share * all_left * weight).sum(axis=1), covariance


def _chi_square(difference: Floats, covariance: Floats) -> tuple[float, int]:
    """Quadratic form of the differences, and its rank; groups that were never at risk drop out."""
    known = np.diag(covariance) > 0
    size = int(known.sum())
    if size < 2:
        return float("nan"), 0
    d, v = difference[known][:-1], covariance[np.ix_(known, known)][:-1, :-1]
    return float(d @ np.linalg.solve(v, d)), size - 1


def _p_value(statistic: float, freedom: int) -> float:
    return float(upper_tail(statistic, freedom)) if freedom else float("nan")


def _two_sided(value: float, se: float) -> float:
    from scipy.stats import norm

    return float(2 * norm.sf(abs(value) / se)) if se > 0 else float("nan")
