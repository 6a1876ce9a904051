"""Who answers: weights by which respondents stand for all customers, and means under them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kbind.bonds.behaviour import Behaviour, rank_normal
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.typing import Bools, Floats

#: No respondent stands for more than so many times as many customers as the average one.
MOST = 5.0


@dataclass(frozen=True, eq=False)
class Response:
    """Respondents and their weights.

    Attributes
    ----------
    answered : ndarray of bool, shape (customers,)
    weight : ndarray of float, shape (customers,)
        Mean 1 over respondents; 0 for the others.
    weighted : bool
        False: too few answered, or too few did not, for a model of answering; all weights are 1.
    trimmed : int
        Respondents whose weight was cut.
    """

    answered: Bools = field(repr=False)
    weight: Floats = field(repr=False)
    weighted: bool
    trimmed: int


def weigh_response(behaviour: Behaviour, answered: Bools) -> Response:
    """Inverse probabilities of answering, by a logistic model of signs, tenure and how often one answers otherwise.

    Signs that are unknown count as average. Coefficients are drawn to 0 as scikit-learn does by default. Weights above
    5 times the mean are cut.
    """
    from sklearn.linear_model import LogisticRegression

    n, some = len(answered), int(answered.sum())
    columns = [*behaviour.signs.values(), rank_normal(behaviour.tenure), rank_normal(behaviour.answers)]
    columns += [np.isnan(x).astype(float) for x in behaviour.signs.values() if np.isnan(x).any()]
    design = np.nan_to_num(np.column_stack(columns))
    plain = Response(answered, answered.astype(float), False, 0)
    if min(some, n - some) < max(30, design.shape[1]):
        return plain
    chance = LogisticRegression(tol=1e-8, max_iter=1000).fit(design, answered).predict_proba(design)[:, 1]
    weight = np.where(answered, 1 / chance, 0.0)
    most = MOST * weight[answered].mean()
    trimmed = int((weight > most).sum())
    weight = np.minimum(weight, most)
    return Response(answered, weight / weight[answered].mean(), True, trimmed)


def weighted_mean(x: Floats, weight: Floats, conf_level: float, definition: str = "") -> Estimate:
    """Weighted mean of the known values, with the limits of a ratio estimator (linearised, t).

    Weights count as known, which makes the interval a little wide where they were estimated.

    >>> print(weighted_mean(np.array([1.0, 2.0, 3.0]), np.ones(3), 0.95))
    2 [-0.4841, 4.484]
    """
    from scipy.special import stdtrit

    known = ~np.isnan(x) & (weight > 0)
    n = int(known.sum())
    if not n:
        return Estimate(UNKNOWN.value, n=0, conf_level=conf_level, definition=definition)
    own, w = x[known], weight[known]
    mean = float(own @ w / w.sum())
    if n < 2:
        return Estimate(mean, n=n, conf_level=conf_level, definition=definition)
    error = float(np.sqrt(n / (n - 1) * ((w * (own - mean)) ** 2).sum()) / w.sum())
    half = float(stdtrit(n - 1, 0.5 + conf_level / 2)) * error
    return Estimate(mean, mean - half, mean + half, n=n, conf_level=conf_level, definition=definition)
