"""How good probabilities of leaving are, each score with what every customer adds to it, and so with an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kbind.estimate.influenced import Influenced
from kbind.estimate.newton import newton
from kbind.typing import Floats, Ints

#: Probabilities are kept so far from 0 and 1 before taking logarithms.
EDGE = 1e-15


def unknown(rows: int) -> Influenced:
    """A score that is not defined."""
    return Influenced(np.nan, np.full(rows, np.nan))


def auc(left: Floats, probability: Floats, stratum: Ints) -> Influenced:
    """Share of pairs of a leaver and a stayer in which the leaver had the higher probability, ties counting half.

    Parameters
    ----------
    left, probability : ndarray of float, shape (n,)
    stratum : ndarray of int, shape (n,)
        Only pairs within a stratum, such as an observation date, are compared. Strata weigh by their leavers.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845.
    """
    wins, usable = np.full(len(left), np.nan), np.zeros(len(left), dtype=bool)
    strata = [stratum == code for code in np.unique(stratum)]
    for rows in strata:
        case, control = rows & (left == 1), rows & (left != 1)
        if case.any() and control.any():
            wins[case] = _beaten(probability[case], probability[control])
            wins[control] = _beaten(-probability[control], -probability[case])
            usable |= rows
    cases = usable & (left == 1)
    if not cases.any():
        return unknown(len(left))
    value, influence = wins[cases].mean(), np.zeros(len(left))
    influence[cases] = (wins[cases] - value) / cases.sum()
    for rows in strata:
        control = rows & usable & ~cases
        if control.any():
            weight = (rows & cases).sum() / cases.sum()
            influence[control] = weight * (wins[control] - wins[control].mean()) / control.sum()
    return Influenced(float(value), influence)


def _beaten(scores: Floats, others: Floats) -> Floats:
    """Share of the others with a lower score, equal ones counting half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(others)))


def mean_of(parts: Floats) -> Influenced:
    """A score that is a mean over rows."""
    value = parts.mean()
    return Influenced(float(value), (parts - value) / len(parts))


def log_loss(left: Floats, probability: Floats) -> Influenced:
    """Mean of the negative logarithm of the probability that was given to what happened."""
    p = probability.clip(EDGE, 1 - EDGE)
    return mean_of(-np.where(left == 1, np.log(p), np.log1p(-p)))


def brier(left: Floats, probability: Floats) -> Influenced:
    """Mean squared difference between what happened, 1 or 0, and the probability."""
    return mean_of((left - probability) ** 2)


def calibration(left: Floats, probability: Floats, *, slope: bool) -> Influenced:
    """Slope, or intercept, of what happened on the log odds of the probability, by logistic regression.

    Parameters
    ----------
    left, probability : ndarray of float, shape (n,)
    slope : bool
        True: the slope; 1 is right, less means that probabilities are too extreme. False: the intercept with the slope
        held at 1 (calibration in the large); 0 is right, less means that probabilities are too high.

    References
    ----------
    Van Calster et al. (2019), BMC Medicine 17, 230.
    """
    from scipy.special import expit

    odds = log_odds(probability)
    if len(np.unique(left)) < 2 or (slope and np.ptp(odds) < 1e-9):
        return unknown(len(left))
    design = np.column_stack([np.ones(len(odds)), odds]) if slope else np.ones((len(odds), 1))
    offset = np.zeros(len(odds)) if slope else odds
    found = fit_logistic(design, left, offset)
    if found is None:
        return unknown(len(left))
    coefficient, covariance = found
    residual = left - expit(offset + design @ coefficient)
    return Influenced(float(coefficient[-1]), (design * residual[:, None]) @ covariance[:, -1])


def log_odds(probability: Floats) -> Floats:
    """Logarithm of p / (1 - p), where p is kept off 0 and 1."""
    p = probability.clip(EDGE, 1 - EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


def fit_logistic(design: Floats, left: Floats, offset: Floats) -> tuple[Floats, Floats] | None:
    """Unpenalised logistic regression: coefficients and their covariance; None where outcomes are separated."""
    from scipy.special import expit

    def look(coefficient: Floats) -> tuple[float, Floats, Floats]:
        odds = offset + design @ coefficient
        fitted = expit(odds)
        value = float(left @ odds - np.logaddexp(0, odds).sum())
        return value, design.T @ (left - fitted), (design * (fitted * (1 - fitted))[:, None]).T @ design

    found = newton(look, np.zeros(design.shape[1]))
    return None if found is None or np.linalg.cond(found[1]) > 1e12 else found


def variance(influence: Floats, customer: Ints, side: Ints) -> float:
    """Variance of a score, rows of one customer taken together.

    Parameters
    ----------
    influence : ndarray of float, shape (n,)
        Of a score, or the difference of two.
    customer : ndarray of int, shape (n,)
        Codes from 0.
    side : ndarray of int, shape (n,)
        0 for all; of an AUC 0 for leavers and 1 for stayers, which DeLong counts apart.

    References
    ----------
    Obuchowski (1997), Biometrics 53, 567-578; DeLong's variance where every customer has one row.
    """
    sums, sizes = [], []
    for code in np.unique(side):
        rows = side == code
        sums.append(np.bincount(customer[rows], influence[rows], customer.max() + 1))
        sizes.append(len(np.unique(customer[rows])))
    own = sum(float(part @ part) * _spared(size) for part, size in zip(sums, sizes, strict=True))
    if len(sums) == 1:
        return own
    return own + 2 * float(sums[0] @ sums[1]) * _spared(len(np.unique(customer)))


def _spared(size: int) -> float:
    return size / (size - 1) if size > 1 else np.nan


Measure = Callable[[Floats, Floats, Ints], Influenced]

#: Scores of probabilities: of outcomes, probabilities and strata.
MEASURES: dict[str, Measure] = {
    "auc": auc,
    "log_loss": lambda left, probability, _: log_loss(left, probability),
    "brier": lambda left, probability, _: brier(left, probability),
    "calibration_slope": lambda left, probability, _: calibration(left, probability, slope=True),
    "calibration_intercept": lambda left, probability, _: calibration(left, probability, slope=False),
}
