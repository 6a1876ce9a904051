"""How satisfied each customer is and which way it goes, with the uncertainty of few answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from statistics import NormalDist

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.errors import NotEnoughData, check_conf_level
from kbind.feedback.courses import Courses, courses
from kbind.feedback.instrument import read_instrument
from kbind.result import Shown
from kbind.typing import Floats

#: Points a dimension that the covariance between customers is averaged over.
_POINTS = 5
#: Powers of the root's diagonal by which a flat prior on the covariance weighs its logarithms.
_FLAT = np.array([3.0, 0.0, 2.0])
#: Limits of the root, in standard deviations of an answer; how flat the likelihood may at most be taken to be.
_BOUNDS = ((-12.0, 7.0), (-1000.0, 1000.0), (-12.0, 7.0))
_LEAST_CURVATURE = 1.0
_STEP = 1e-2


@dataclass(frozen=True, eq=False)
class Lines:
    """A fitted model.

    Attributes
    ----------
    fixed : ndarray of float, shape (2,)
        Level and slope of the average customer.
    between : ndarray of float, shape (2, 2)
        Covariance of levels and slopes between customers.
    within : float
        Variance of an answer about its customer's line.
    line : ndarray of float, shape (customers, 2)
        Shrunken level and slope of every customer.
    covariance : ndarray of float, shape (customers, 2, 2)
        Of their errors of prediction.
    """

    fixed: Floats
    between: Floats
    within: float
    line: Floats
    covariance: Floats


class CustomerSums:
    """Sums of every customer: n, x, x^2, y, x y, y^2, shapes (customers,)."""

    def __init__(self, n: Floats, x: Floats, xx: Floats, y: Floats, xy: Floats, yy: Floats) -> None:
        self.moments = np.stack([np.stack([n, x], axis=-1), np.stack([x, xx], axis=-1)], axis=-2).astype(float)
        self.products = np.stack([y, xy], axis=-1).astype(float)
        self.total, self.squares = float(n.sum()), float(yy.sum())

    def given(self, root: Floats) -> tuple[float, Lines]:
        """Restricted deviance and all that follows from the covariance between, in units of that within.

        Its root is lower triangular; given are the logarithm of its first entry, the entry below, the logarithm of the
        last. The deviance lacks a constant; within is at its best.
        """
        factor = np.array([[np.exp(root[0]), 0.0], [root[1], np.exp(root[2])]])
        ratio = factor @ factor.T
        inner = np.eye(2) + self.moments @ ratio
        shrink = np.linalg.inv(inner)
        information = (shrink @ self.moments).sum(axis=0)
        scores = np.einsum("ijk,ik->ij", shrink, self.products)
        fixed = np.linalg.solve(information, scores.sum(axis=0))
        explained = float(np.einsum("ij,jk,ik->", self.products, ratio, scores) + fixed @ scores.sum(axis=0))
        within = max(self.squares - explained, 1e-12 * self.squares) / (self.total - 2)
        deviance = (
            (self.total - 2) * np.log(within)
            + float(np.log(np.linalg.det(inner)).sum())
            + float(np.linalg.slogdet(information)[1])
        )
        residual = self.products - np.einsum("ijk,k->ij", self.moments, fixed)
        line = fixed + np.einsum("jk,ikl,il->ij", ratio, shrink, residual)
        # what the average's error adds: I - D S (I + D S)^-1 is the transpose of the shrinkage
        kept = np.swapaxes(shrink, -1, -2)
        covariance = within * (ratio @ shrink + kept @ np.linalg.inv(information) @ shrink)
        return deviance, Lines(fixed, within * ratio, within, line, covariance)

    def likeliest(self, prior: Floats) -> Floats:
        """Root that is most likely: without a prior (zeros) that of restricted maximum likelihood."""
        from scipy.optimize import minimize

        start = np.array([0.0, 0.0, -1.0])
        options = {"ftol": 1e-13, "gtol": 1e-7}
        found = minimize(lambda root: self.given(root)[0] / 2 - prior @ root, start, method="L-BFGS-B",
                         bounds=_BOUNDS, options=options)  # fmt: skip
        return np.asarray(found.x)


def fit_lines(sums: CustomerSums) -> Lines:
    """Fit, averaged over the covariances between customers that the answers leave open.

    With few customers the likeliest covariance is often too small, or none at all, and intervals that take it for
    true cover far too little. So the restricted likelihood is averaged over with a flat prior on the covariance, which
    is known to give empirical Bayes intervals that cover (Morris and Tang 2011, Statistical Science 26, 271-287), at
    Gauss-Hermite points about its mode (Naylor and Smith 1982, Applied Statistics 31, 214-225).
    """
    best = sums.likeliest(_FLAT)
    values, vectors = np.linalg.eigh(_curvature(sums, best))
    steps = vectors / np.sqrt(np.maximum(values, _LEAST_CURVATURE))
    points, weights = np.polynomial.hermite_e.hermegauss(_POINTS)
    fits, logs = [], []
    for place in product(range(_POINTS), repeat=3):
        z = points[list(place)]
        root = best + steps @ z
        deviance, lines = sums.given(root)
        fits.append(lines)
        logs.append(float(np.log(weights[list(place)]).sum() + z @ z / 2 + _FLAT @ root - deviance / 2))
    share = np.exp(np.array(logs) - max(logs))
    return _average(fits, share / share.sum())


def _average(fits: list[Lines], share: Floats) -> Lines:
    """Means over fits; errors are those within a fit and the spread of the fits."""

    def mean(name: str) -> Floats:
        return np.asarray(sum(w * getattr(fit, name) for w, fit in zip(share, fits, strict=True)))

    line = mean("line")
    covariance = mean("covariance")
    for weight, fit in zip(share, fits, strict=True):
        off = fit.line - line
        covariance = covariance + weight * off[:, :, None] * off[:, None, :]
    return Lines(mean("fixed"), mean("between"), float(mean("within")), line, covariance)


def _curvature(sums: CustomerSums, root: Floats) -> Floats:
    """Second derivatives of half the deviance."""
    result = np.empty((3, 3))
    step = _STEP * np.eye(3)
    for i in range(3):
        for j in range(i + 1):
            corners = [sums.given(root + a * step[i] + b * step[j])[0] * a * b for a in (1, -1) for b in (1, -1)]
            result[i, j] = result[j, i] = sum(corners) / (8 * _STEP**2)
    return result


#: Customers with answers at two times or more that it takes to tell customers from chance.
ENOUGH = 20


@dataclass(frozen=True, eq=False)
class SatisfactionTrend(Shown):
    """Level and slope of every customer's score, shrunken towards all customers.

    Made by `satisfaction_trend`.

    Attributes
    ----------
    courses : Courses
        What it was computed from.
    level, level_ci_lower, level_ci_upper : ndarray of float, shape (customers,)
        Expected score at the end of the data.
    slope, slope_ci_lower, slope_ci_upper : ndarray of float, shape (customers,)
        Change of the expected score in a year.
    mean_level, mean_slope : float
        Of the average customer.
    sd_level, sd_slope : float
        How far customers differ.
    sd_answer : float
        How far one answer lies from its customer's line.
    conf_level : float
        Level of the intervals.
    """

    courses: Courses
    level: Floats = field(repr=False)
    level_ci_lower: Floats = field(repr=False)
    level_ci_upper: Floats = field(repr=False)
    slope: Floats = field(repr=False)
    slope_ci_lower: Floats = field(repr=False)
    slope_ci_upper: Floats = field(repr=False)
    mean_level: float
    mean_slope: float
    sd_level: float
    sd_slope: float
    sd_answer: float
    conf_level: float

    @property
    def definition(self) -> str:
        """What level and slope are, and what is assumed."""
        c = self.courses
        low, high = c.instrument.scale
        return (
            f"Level: expected score of {c.instrument.name} ({low} to {high}) at the end of the data; slope: its change "
            f"in a year. Assumed: each {c.provenance.customer}'s scores follow a straight line, lines vary normally "
            f"between {c.provenance.customer}s and answers normally about them, and whether somebody answers does not "
            f"depend on what the answer would be. Estimates are shrunken towards the average of {len(c.n):,} "
            f"{c.provenance.customer}s, the more the fewer answers there are. {c.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a customer with a score, by id.

        Returns
        -------
        DataFrame
            Columns customer_id, n (answers), mean, level, level_ci_lower, level_ci_upper, slope, slope_ci_lower,
            slope_ci_upper (per year).
        """
        names = ("level", "level_ci_lower", "level_ci_upper", "slope", "slope_ci_lower", "slope_ci_upper")
        return pd.DataFrame(
            {
                "customer_id": list(self.courses.customer_id),
                "n": self.courses.n,
                "mean": self.courses.y / self.courses.n,
                **{name: getattr(self, name) for name in names},
            }
        )


def satisfaction_trend(
    data: Dataset,
    instrument: str,
    *,
    scale: tuple[int, int] | None = None,
    conf_level: float = 0.95,
) -> SatisfactionTrend:
    """Level and slope of every customer's score, with the uncertainty of few answers.

    Parameters
    ----------
    data : Dataset
        With a table `feedback`.
    instrument : str
        As the column `instrument` has it. The scores themselves are taken, also for "nps".
    scale : (int, int), optional
        As for `feedback_score`.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    SatisfactionTrend

    Raises
    ------
    ArgumentError
        As for `feedback_score`, or fewer than 20 customers who answered at two times or more.

    Notes
    -----
    A linear mixed model with random level and slope [1]_, fitted from sums by customer; levels and slopes are its
    predictions, averaged over the variances between customers that the restricted likelihood leaves open. A customer
    with one answer gets nearly the average slope and a wide interval. The intervals cover the stated share of
    customers on average, not of each. Limits of the level are cut at the scale.

    Moods that come and go are no straight lines: a short run of bad answers is read as a slope, within its interval.
    Satisfied people answer more often, so the average is that of customers who answer.

    References
    ----------
    .. [1] Laird and Ware (1982), Random-effects models for longitudinal data, Biometrics 38, 963-974.

    Examples
    --------
    >>> import kbind as kb
    >>> data = kb.datasets.load_saas()
    >>> trend = kb.satisfaction_trend(data, "nps").to_frame()
    >>> list(trend.columns)[:5]
    ['customer_id', 'n', 'mean', 'level', 'level_ci_lower']
    """
    check_conf_level(conf_level)
    return trend_of(courses(data, read_instrument(data, instrument, measure="mean", scale=scale)), conf_level)


def trend_of(found: Courses, conf_level: float = 0.95) -> SatisfactionTrend:
    """The trend of answers that are summed already."""
    moved = found.tt - found.t**2 / found.n
    repeated = int((moved > 1e-9 * np.maximum(found.tt, 1e-9)).sum())
    if repeated < ENOUGH:
        raise NotEnoughData(
            f"instrument={found.instrument.name!r}: {repeated:,} {found.provenance.customer}s answered at two times or "
            f"more; a trend needs {ENOUGH}, or what is chance cannot be told from how they differ"
        )
    n = found.n.astype(float)
    # sums about the middle of time and scale, for the sake of exactness; the line is told at the end of the data
    x0, y0 = float(found.t.sum() / n.sum()), float(found.y.sum() / n.sum())
    sums = CustomerSums(
        n,
        found.t - n * x0,
        found.tt - 2 * x0 * found.t + n * x0**2,
        found.y - n * y0,
        found.ty - x0 * found.y - y0 * found.t + n * x0 * y0,
        found.yy - 2 * y0 * found.y + n * y0**2,
    )
    lines = fit_lines(sums)
    at = np.array([1.0, -x0])
    level = y0 + lines.line @ at
    slope = lines.line[:, 1]
    z = NormalDist().inv_cdf(0.5 + conf_level / 2)
    off = z * np.sqrt(np.maximum(np.einsum("j,ijk,k->i", at, lines.covariance, at), 0.0))
    turn = z * np.sqrt(np.maximum(lines.covariance[:, 1, 1], 0.0))
    low, high = found.instrument.scale
    level = np.clip(level, low, high)
    return SatisfactionTrend(
        courses=found,
        level=level,
        level_ci_lower=np.clip(level - off, low, high),
        level_ci_upper=np.clip(level + off, low, high),
        slope=slope,
        slope_ci_lower=slope - turn,
        slope_ci_upper=slope + turn,
        mean_level=y0 + float(lines.fixed @ at),
        mean_slope=float(lines.fixed[1]),
        sd_level=float(np.sqrt(max(at @ lines.between @ at, 0.0))),
        sd_slope=float(np.sqrt(max(lines.between[1, 1], 0.0))),
        sd_answer=float(np.sqrt(lines.within)),
        conf_level=conf_level,
    )
