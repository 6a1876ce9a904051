"""Intervals of scores from clustered answers: how many answers they are worth, and what follows from so many."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from kbind.estimate.intervals import wilson
from kbind.feedback.answers import Answers
from kbind.typing import Floats

#: Pseudo-answers that the adjusted Wald interval adds: at either end of the scale, and in its middle.
AT_ENDS, IN_MIDDLE = 0.75, 1.5
#: Below this share of the squared scores a variance is a rounding error.
_ROUNDING = 1e-12


def mean_and_variance(answers: Answers) -> tuple[Floats, Floats]:
    """Mean of the answers' values and their variance, (p + d - (p - d)^2) for NPS; NaN without answers."""
    n = np.where(answers.n > 0, answers.n, np.nan)
    mean = answers.total / n
    square = answers.squares / n
    variance = square - mean**2
    return mean, np.where(variance > _ROUNDING * square, variance, np.where(np.isnan(mean), np.nan, 0.0))


def between_customers(answers: Answers, mean: Floats) -> Floats:
    """Sum over customers of the squared deviation of their sum from what their number of answers makes expect."""
    return np.asarray(np.maximum(answers.tt - 2 * mean * answers.mt + mean**2 * answers.mm, 0.0))


def worth(answers: Answers) -> Floats:
    """How many independent answers the answers are worth, NaN without any.

    Their number divided by the design effect: the variance of the ratio estimator over customers, divided by that of
    as many answers of different customers. It lies between the number that remains if all answers of a customer are
    one and the same (Kish) and the number of answers; where the variance cannot be estimated, because there is one
    customer only or all answers are equal, it is the former. If everyone answers once, it is the number of answers.
    """
    mean, variance = mean_and_variance(answers)
    n = np.where(answers.n > 0, answers.n, np.nan)
    fewest = n**2 / np.where(answers.n > 0, answers.mm, np.nan)
    c = answers.customers.astype(float)
    known = (c > 1) & (variance > 0)
    plain = np.where(known, variance * n**2 / np.where(known, n - 1, 1.0), 1.0)
    clustered = between_customers(answers, mean) * c / np.where(known, c - 1, 1.0)
    # customers whose sums are all as expected leave nothing to divide by: each answer counts
    effect = np.where(known, np.maximum(clustered / plain, 1.0), np.inf)
    return np.asarray(np.where(np.isnan(n), np.nan, np.maximum(n / effect, fewest)))


def score_limits(answers: Answers, conf_level: float) -> tuple[Floats, Floats]:
    """Lower and upper limit of the score of every group and period, NaN without answers."""
    mean, variance = mean_and_variance(answers)
    size = worth(answers)
    # few customers tell little about how their answers go together (Korn and Graubard)
    known = (variance > 0) & (answers.customers > 1)
    trials = np.where(known, size * _fewer_degrees(answers, conf_level), size)
    low, high = answers.instrument.limits
    if answers.instrument.measure == "csat":
        _, lower, upper = wilson(mean * trials, np.nan_to_num(trials), conf_level)
    else:
        lower, upper = adjusted_wald(mean, variance, trials, (low, high), conf_level)
    return np.clip(np.minimum(lower, mean), low, high), np.clip(np.maximum(upper, mean), low, high)


def adjusted_wald(
    mean: Floats, variance: Floats, n: Floats, limits: tuple[float, float], conf_level: float
) -> tuple[Floats, Floats]:
    """Limits of a mean on a bounded scale, with three pseudo-answers added: 3/4 at each end, 3/2 in the middle.

    On the scale -1, 0, 1 this is the adjusted Wald interval of an NPS (Rocks 2016). Student's interval of an item
    covers 75 to 90 % where 30 answers crowd at the end of the scale, and has no width where they are all equal; this
    one keeps to its level (docs/simulations.md).
    """
    low, high = limits
    middle = (low + high) / 2
    added = 2 * AT_ENDS + IN_MIDDLE
    centre = (mean * n + added * middle) / (n + added)
    # squares about the middle of the scale
    squares = ((variance + (mean - middle) ** 2) * n + 2 * AT_ENDS * (high - middle) ** 2) / (n + added)
    spread = np.sqrt((squares - (centre - middle) ** 2) / (n + added))
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * spread
    return centre - half, centre + half


def _fewer_degrees(answers: Answers, conf_level: float) -> Floats:
    """Squared ratio of Student's quantile for so many answers to the one for so many customers."""
    from scipy.special import stdtrit

    upper = 0.5 + conf_level / 2
    by_answer, by_customer = (stdtrit(np.maximum(count - 1.0, 1.0), upper) for count in (answers.n, answers.customers))
    return np.asarray((by_answer / by_customer) ** 2)
