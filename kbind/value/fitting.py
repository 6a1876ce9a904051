"""Largest likelihood of a model with positive parameters, and what follows from the parameters, with limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kbind.estimate.newton import newton
from kbind.survival.transformed import log_scale
from kbind.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

#: Step in the logarithm of a parameter over which slopes are compared.
_STEP = 1e-4
#: Logarithms of parameters beyond which the search does not go: there the data do not hold them.
_FAR = 9.0


class Fit(NamedTuple):
    """Logarithms of the parameters where the likelihood is largest, their covariance, and the logarithm of it.

    Where the likelihood has no maximum, `held` is the parameter that runs off. It is held where the search stopped: by
    then the likelihood hardly rises any more, so what follows from the parameters stays the same, and its covariances
    are 0. If there is none for the others either, all of it is NaN.
    """

    point: Floats
    covariance: Floats
    log_likelihood: float
    held: int | None = None


def maximise(slope_of: Callable[[Floats], tuple[float, Floats]], starts: Sequence[Floats]) -> Fit:
    """Find the maximum: roughly from several starts, exactly by Newton's method from the best.

    Parameters
    ----------
    slope_of : callable
        Logarithm of the likelihood and its slopes, at logarithms of the parameters.
    starts : sequence of ndarray of float, shape (parameters,)
    """
    from scipy.optimize import minimize

    size = max(abs(slope_of(starts[0])[0]), 1.0)

    def falling(point: Floats) -> tuple[float, Floats]:
        value, slope = slope_of(point)
        return -value / size, -slope / size

    def look(point: Floats) -> tuple[float, Floats, Floats]:
        return (*slope_of(point), _information(slope_of, point))

    box = [(-_FAR, _FAR)] * len(starts[0])
    options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500}
    found = [minimize(falling, start, jac=True, method="L-BFGS-B", bounds=box, options=options) for start in starts]
    best = min(found, key=lambda one: float(one.fun))
    point = np.asarray(best.x, dtype=np.float64)
    exact = None if (np.abs(point) > _FAR - 0.5).any() else _polished(look, point)
    if exact is not None:
        return Fit(*exact, slope_of(exact[0])[0])
    held = int(np.argmax(np.abs(point)))
    free = np.arange(len(point)) != held

    def look_at_others(others: Floats) -> tuple[float, Floats, Floats]:
        whole = point.copy()
        whole[free] = others
        value, slope, information = look(whole)
        return value, slope[free], information[np.ix_(free, free)]

    covariance = np.full((len(point), len(point)), np.nan)
    rest = _polished(look_at_others, point[free])
    if rest is not None:
        point[free], covariance[:] = rest[0], 0.0
        covariance[np.ix_(free, free)] = rest[1]
    return Fit(point, covariance, slope_of(point)[0], held)


def _polished(look: Callable[[Floats], tuple[float, Floats, Floats]], point: Floats) -> tuple[Floats, Floats] | None:
    """The maximum that Newton's method finds near a point, with its covariance; None where there is none."""
    with np.errstate(divide="ignore"):  # where there is no maximum, parameters may become 0
        exact = newton(look, point)
    if exact is None or not (np.linalg.eigvalsh(exact[1]) > 0).all() or (np.abs(exact[0] - point) > 1).any():
        return None
    return exact


def _information(slope_of: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    """Curvature, downwards, from slopes on both sides."""
    return -slopes_of(lambda at: slope_of(at)[1], point, symmetric=True)


def slopes_of(of: Callable[[Floats], Floats], point: Floats, *, symmetric: bool = False) -> Floats:
    """Slopes of several numbers, shape (numbers, parameters)."""
    columns = []
    for k in range(len(point)):
        step = np.zeros_like(point)
        step[k] = _STEP
        with np.errstate(invalid="ignore"):  # infinite odds stay what they are, and have no slope
            columns.append((of(point + step) - of(point - step)) / (2 * _STEP))
    found = np.stack(columns, axis=-1)
    return (found + found.T) / 2 if symmetric else found


def errors_of(slopes: Floats, covariance: Floats) -> Floats:
    """Standard errors by the delta method, from slopes in the parameters, shape (numbers, parameters)."""
    variance = np.einsum("...i,ij,...j->...", slopes, covariance, slopes)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def parameter_frame(names: Sequence[str], fit: Fit, conf_level: float) -> pd.DataFrame:
    """Rows of parameters: parameter, estimate, std_error, ci_lower, ci_upper (log scale; NaN if it runs off)."""
    import pandas as pd

    estimate, error = np.exp(fit.point), np.sqrt(np.diag(fit.covariance))
    if fit.held is not None:
        error[fit.held] = np.nan
    lower, upper = log_scale(estimate, error, conf_level)
    columns = {"estimate": estimate, "std_error": estimate * error, "ci_lower": lower, "ci_upper": upper}
    return pd.DataFrame({"parameter": list(names)} | columns)


def runs_off(names: Sequence[str], fit: Fit, what: str) -> list[str]:
    """The concern that the likelihood has no maximum, if it has none."""
    if fit.held is None:
        return []
    name, way = names[fit.held], "large" if fit.point[fit.held] > 0 else "small"
    limits = f"Limits are given {name} as it is" if np.isfinite(fit.covariance).all() else "There are no limits"
    return [
        f"The likelihood has no maximum: {name} becomes as {way} as it may, for the data hardly show {what}. {limits}."
    ]
