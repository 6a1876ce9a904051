"""The maximum of a partial likelihood, or a clear word on why there is none."""

from __future__ import annotations

import numpy as np

from kbind.errors import NotEnoughData, shown
from kbind.estimates.survival.risk_sets import Likelihood, RiskSets, likelihood
from kbind.typing import Floats

_ROUNDS = 100
_PRECISION = 1e-10
#: Change in the logarithm of a relative hazard that is not just rounding.
_FELT = 1e-3
#: A covariate of which less than this share of the information is its own is a combination of the others.
_OWN = 1e-10


def maximise(sets: RiskSets, names: tuple[str, ...]) -> tuple[Floats, Floats, Likelihood, float]:
    """Maximise the partial likelihood by Newton's method with step halving.

    Parameters
    ----------
    sets : RiskSets
    names : tuple of str
        Covariates, for messages.

    Returns
    -------
    theta, cov : ndarray of float, shape (covariates,) and (covariates, covariates)
        Of the scaled covariates; exact to 1e-10 of the value or of its standard error.
    fitted : Likelihood
        At the maximum.
    null : float
        Logarithm of the likelihood with all coefficients 0.

    Raises
    ------
    ArgumentError
        Covariates cannot be told apart, or the likelihood grows without limit.
    """
    theta = np.zeros(len(names))
    current = likelihood(sets, theta)
    null = current.value
    unit = float(sets.mean_weight.mean())
    _check_told_apart(current.information(), unit * len(sets.dead), names)
    before, flat = np.inf, 0
    for _ in range(_ROUNDS):
        cov = _inverse(current.information())
        if cov is None:
            raise _without_limit(theta, names)
        score = current.score()
        step = cov @ score
        gain = float(score @ step)
        size = float(np.abs(step).max())
        # where a maximum exists, steps shrink as soon as the likelihood is nearly flat; where none does, they do not
        flat = flat + 1 if gain < 1e-6 * unit and size > max(before / 2, _FELT) else 0
        if flat >= 3 or (gain < 1e-12 * unit and size > _FELT):
            raise _without_limit(step, names)
        error = np.sqrt(np.diag(cov))
        exact = bool((np.abs(step) <= _PRECISION * np.maximum(np.abs(theta), error)).all())
        rounding = gain < 1e-14 * unit and size >= before / 2
        done = size <= _FELT and (exact or rounding)
        before = size
        there = _climb(sets, theta, step, current, gain)
        if there is None:
            raise _without_limit(step, names)
        theta, current = there.theta, there
        if done:
            cov = _inverse(current.information())
            if cov is not None:
                return theta, cov, current, null
    raise NotEnoughData(f"no maximum of the likelihood was found in {_ROUNDS} rounds; covariates: {', '.join(names)}")


def _climb(sets: RiskSets, theta: Floats, step: Floats, current: Likelihood, gain: float) -> Likelihood | None:
    """As much of the step as brings a tenth of what its slope promises; None if next to nothing of it does.

    Going uphill is not enough: a step far out on a plateau would be taken for a maximum there.
    """
    slack = 1e-12 * abs(current.value)
    for halvings in range(25):
        part = 0.5**halvings
        there = likelihood(sets, theta + part * step)
        if there.value >= current.value + 0.1 * part * gain - slack:
            return there
    return None


def _inverse(information: Floats) -> Floats | None:
    """Inverse of a positive definite matrix whose rows may differ much in size; None if it is none."""
    diagonal = np.diag(information)
    if not (np.isfinite(information).all() and (diagonal > 0).all()):
        return None
    scale = np.sqrt(diagonal)
    try:
        root = np.linalg.inv(np.linalg.cholesky(information / np.outer(scale, scale)))
    except np.linalg.LinAlgError:
        return None
    return np.asarray(root.T @ root / np.outer(scale, scale))


def _check_told_apart(information: Floats, events: float, names: tuple[str, ...]) -> None:
    """Each covariate has to vary among those at risk together, and not only as others before it do."""
    for j, name in enumerate(names):
        # scaled covariates are at most 1, so only where those compared are alike all of it is rounding
        if information[j, j] <= 1e-13 * events:
            raise NotEnoughData(
                f"covariate {shown(name)} never differs between customers at risk together; leave it out (is it "
                "constant within strata?)"
            )
        if j:
            others = information[:j, :j]
            share = np.linalg.lstsq(others, information[:j, j], rcond=None)[0]
            own = information[j, j] - share @ information[:j, j]
            if own <= _OWN * information[j, j]:
                part = np.abs(share) * np.sqrt(np.diag(others) / information[j, j]) > 1e-6
                made_of = ", ".join(shown(other) for other, used in zip(names[:j], part, strict=True) if used)
                raise NotEnoughData(f"covariate {shown(name)} is a combination of {made_of}; leave one of them out")


def _without_limit(direction: Floats, names: tuple[str, ...]) -> NotEnoughData:
    moving = np.abs(direction) > 0.1 * np.abs(direction).max()
    guilty = ", ".join(shown(name) for name, moves in zip(names, moving, strict=True) if moves)
    return NotEnoughData(
        f"no estimate exists for covariate {guilty}: it separates those who have the event from the others at risk, so "
        "that the likelihood grows without limit; leave it out or merge its levels"
    )
