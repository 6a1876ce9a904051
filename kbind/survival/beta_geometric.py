"""Maximum likelihood of the shifted beta-geometric model."""

from __future__ import annotations

import numpy as np

from kbind.typing import Floats


def fit(survivors: Floats) -> tuple[float, float, float, Floats]:
    """Estimate the two parameters of the model.

    Parameters
    ----------
    survivors : ndarray of float, shape (periods + 1,)
        Customers still there after each period, not rising, with losses in a period after the first.

    Returns
    -------
    odds, spread : float
        beta / alpha and 1 / alpha; a spread of 0 is one constant rate.
    log_likelihood : float
    covariance : ndarray of float, shape (2, 2)
        Of log(odds) and log(spread), the inverse of the observed information; 0 for a spread of 0.

    Notes
    -----
    The likelihood is a product over ages j of binomial draws: of survivors[j] customers survivors[j + 1] stay, each
    with probability g / (1 + g), g = odds + j spread. That it is the one of the beta-geometric distribution follows
    from B(alpha, beta + j + 1) / B(alpha, beta + j) = (beta + j) / (alpha + beta + j).
    """
    from scipy.optimize import minimize

    there, stay, age = survivors[:-1], survivors[1:], np.arange(len(survivors) - 1.0)
    design = np.array([np.ones_like(age), age])
    size = float(survivors[0])

    def value(log: Floats) -> float:
        growing = np.exp(log) @ design
        return float(there @ np.log1p(growing) - stay @ np.log(growing)) / size

    def slope(log: Floats) -> Floats:
        parts = np.exp(log)[:, None] * design
        growing = parts.sum(axis=0)
        return np.asarray(parts @ (there / (1 + growing) - stay / growing) / size, dtype=np.float64)

    def curvature(log: Floats) -> Floats:
        parts = np.exp(log)[:, None] * design
        growing = parts.sum(axis=0)
        bend = (parts * (stay / growing**2 - there / (1 + growing) ** 2)) @ parts.T / size
        return np.asarray(bend + np.diag(slope(log)), dtype=np.float64)

    # one constant rate is the edge of the model; it is the answer if the likelihood does not rise from there
    constant = float(stay.sum() / (there.sum() - stay.sum()))
    rise = age @ (stay / constant - there / (1 + constant))
    if rise <= 1e-9 * (age @ there):
        variance = 1 / (size * curvature(np.array([np.log(constant), -np.inf]))[0, 0])
        covariance = np.array([[variance, 0.0], [0.0, 0.0]])
        return constant, 0.0, -size * value(np.array([np.log(constant), -np.inf])), covariance
    start = np.log([constant, 0.1 * (1 + constant)])
    found = minimize(value, start, jac=slope, hess=curvature, method="trust-exact", options={"gtol": 1e-10})
    odds, spread = (float(part) for part in np.exp(found.x))
    return odds, spread, -size * float(found.fun), _inverse(curvature(found.x) * size)


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
