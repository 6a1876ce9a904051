"""Intervals of scores from clustered answers: how many answers they are worth, and what follows from so many."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from kbind.errors import check_conf_level
from kbind.estimates.intervals import wilson
from kbind.statistics.feedback import Answers

Floats = NDArray[np.float64]

#: Answers that the adjusted Wald interval of an NPS adds: promoters, detractors, all.
ADDED, ADDED_ALL = 0.75, 3.0
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
    check_conf_level(conf_level)
    mean, variance = mean_and_variance(answers)
    size = worth(answers)
    quantile, shrink = _student(answers, conf_level)
    spread = variance > 0
    # few customers tell little about how their answers go together (Korn and Graubard)
    trials = np.where(spread & (answers.customers > 1), size * shrink, size)
    if answers.instrument.measure == "csat":
        _, lower, upper = wilson(mean * trials, np.nan_to_num(trials), conf_level)
    elif answers.instrument.measure == "nps":
        lower, upper = _adjusted_wald(answers, trials, conf_level)
    else:
        lower, upper = _mean_limits(answers, mean, variance, trials, quantile, conf_level)
    low, high = answers.instrument.limits
    return np.clip(np.minimum(lower, mean), low, high), np.clip(np.maximum(upper, mean), low, high)


def _adjusted_wald(answers: Answers, trials: Floats, conf_level: float) -> tuple[Floats, Floats]:
    n = np.where(answers.n > 0, answers.n, np.nan)
    promoters, detractors = (answers.squares + answers.total) / 2 / n, (answers.squares - answers.total) / 2 / n
    p, d = ((share * trials + ADDED) / (trials + ADDED_ALL) for share in (promoters, detractors))
    half = NormalDist().inv_cdf(0.5 + conf_level / 2) * np.sqrt((p + d - (p - d) ** 2) / (trials + ADDED_ALL))
    return p - d - half, p - d + half


def _mean_limits(
    answers: Answers, mean: Floats, variance: Floats, trials: Floats, quantile: Floats, conf_level: float
) -> tuple[Floats, Floats]:
    """Student's interval; where nothing varies, what so many equal answers leave open."""
    low, high = answers.instrument.limits
    n = answers.n.astype(float)
    usable = (variance > 0) & (answers.customers > 1)
    corrected = variance * n / np.where(usable, n - 1, 1.0)
    half = quantile * np.sqrt(corrected / np.where(usable, trials, np.nan))
    # the share of answers that could differ, by Wilson, and they could be as far off as the scale allows
    _, equal, _ = wilson(trials, np.nan_to_num(trials), conf_level)
    open_share = 1 - equal
    return (
        np.where(usable, mean - half, mean - open_share * (mean - low)),
        np.where(usable, mean + half, mean + open_share * (high - mean)),
    )


def _student(answers: Answers, conf_level: float) -> tuple[Floats, Floats]:
    """Student's quantile for the answers, and its squared ratio to the one for the customers."""
    from scipy.special import stdtrit

    upper = 0.5 + conf_level / 2
    by_answer, by_customer = (stdtrit(np.maximum(count - 1.0, 1.0), upper) for count in (answers.n, answers.customers))
    return np.asarray(by_answer), np.asarray((by_answer / by_customer) ** 2)
