"""Straight lines that vary from customer to customer: restricted maximum likelihood from sums by customer.

y = (b0 + u0) + (b1 + u1) x + e, with (u0, u1) normal with any covariance between customers, e normal within. The
likelihood needs only each customer's sums (Laird and Ware 1982, Biometrics 38, 963-974), so single answers are never
seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lines:
    """A fitted model, its x counted from `origin`.

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
        Of their errors of prediction, that of `fixed` included, that of the variances not.
    loglik : float
        Restricted log-likelihood.
    """

    fixed: Floats
    between: Floats
    within: float
    line: Floats
    covariance: Floats
    loglik: float


def fit_lines(n: Floats, x: Floats, xx: Floats, y: Floats, xy: Floats, yy: Floats) -> Lines:
    """Fit from the sums of every customer, shapes (customers,)."""
    from scipy.optimize import minimize

    moments = np.stack([np.stack([n, x], axis=-1), np.stack([x, xx], axis=-1)], axis=-2).astype(float)
    products = np.stack([y, xy], axis=-1).astype(float)
    total, squares = float(n.sum()), float(yy.sum())

    def parts(root: Floats) -> tuple[Floats, Floats, Floats, Floats, float, float]:
        """Everything that follows from the covariance between customers, as a multiple of that within."""
        factor = np.array([[root[0], 0.0], [root[1], root[2]]])
        ratio = factor @ factor.T
        inner = np.eye(2) + moments @ ratio
        shrink = np.linalg.inv(inner)
        information = shrink @ moments
        scores = np.einsum("ijk,ik->ij", shrink, products)
        fixed = np.linalg.solve(information.sum(axis=0), scores.sum(axis=0))
        explained = float(np.einsum("ij,jk,ik->", products, ratio, scores))
        within = max(squares - explained - float(fixed @ scores.sum(axis=0)), 1e-12 * squares) / (total - 2)
        deviance = (
            (total - 2) * np.log(within)
            + float(np.log(np.linalg.det(inner)).sum())
            + float(np.linalg.slogdet(information.sum(axis=0))[1])
        )
        return ratio, shrink, information.sum(axis=0), fixed, within, deviance

    best = min(
        (
            minimize(lambda root: parts(root)[-1], start, method="L-BFGS-B", options={"ftol": 1e-13, "gtol": 1e-8})
            for start in ((1.0, 0.0, 0.3), (0.3, 0.0, 1.0))
        ),
        key=lambda found: float(found.fun),
    )
    ratio, shrink, information, fixed, within, deviance = parts(best.x)
    # u = D (I + S D)^-1 (r - S b), and what is left of its variance
    residual = products - np.einsum("ijk,k->ij", moments, fixed)
    effects = np.einsum("jk,ikl,il->ij", ratio, shrink, residual)
    # I - D S (I + D S)^-1 = (I + D S)^-1, the transpose of the shrinkage
    kept = np.swapaxes(shrink, -1, -2)
    covariance = within * (ratio @ shrink + kept @ np.linalg.inv(information) @ shrink)
    loglik = -0.5 * (deviance + (total - 2) * (1 + np.log(2 * np.pi)))
    return Lines(fixed, within * ratio, within, fixed + effects, covariance, loglik)
