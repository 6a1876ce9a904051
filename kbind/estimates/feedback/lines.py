"""Straight lines that vary from customer to customer, from sums by customer; single answers are never seen.

y = (b0 + u0) + (b1 + u1) x + e, with (u0, u1) normal with any covariance between customers, e normal within. Given
the covariance between, everything else follows in closed form (Laird and Ware 1982, Biometrics 38, 963-974).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

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
