"""How good predicted survival is where many customers are still there: Brier score and AUC at horizons."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kbind.errors import ArgumentError, check_conf_level
from kbind.statistics.arrays import durations_of, table, vector
from kbind.statistics.result import Shown
from kbind.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AverageScore:
    """A score averaged over horizons from `first` to `last`, with its standard error."""

    value: float
    std_error: float
    first: float
    last: float


@dataclass(frozen=True, eq=False)
class Score(Shown):
    """A score of predictions at horizons.

    Attributes
    ----------
    measure : {"brier_score", "auc"}
    times : ndarray of float, shape (times,)
        Horizons.
    value, std_error : ndarray of float, shape (times,)
        NaN where the data does not reach.
    n : int
        Customers.
    influence : ndarray of float, shape (n, times)
        What each customer adds to the score, around 0; its standard deviation over the root of n is the standard
        error. The difference of two models on the same customers has the difference of their influences.
    """

    measure: str
    times: Floats
    value: Floats
    std_error: Floats
    n: int
    influence: Floats = field(repr=False)

    def __post_init__(self) -> None:
        for values in (self.times, self.value, self.std_error, self.influence):
            values.setflags(write=False)

    @property
    def definition(self) -> str:
        """What is averaged over whom."""
        what = {
            "brier_score": "mean squared difference between who is still there (1 or 0) and the predicted survival",
            "auc": "share of pairs of one who has left by the horizon and one who has not in which the first had the "
            "higher risk (equal risks count half)",
        }
        return f"{what[self.measure]}; customers are weighted by the inverse chance of being observed until then"

    def to_frame(self, conf_level: float = 0.95) -> pd.DataFrame:
        """One row a horizon.

        Parameters
        ----------
        conf_level : float
            Of the normal interval.

        Returns
        -------
        DataFrame
            time, the measure with `_ci_lower` and `_ci_upper`, std_error.
        """
        import pandas as pd

        width = NormalDist().inv_cdf(0.5 + check_conf_level(conf_level) / 2) * self.std_error
        return pd.DataFrame(
            {
                "time": self.times,
                self.measure: self.value,
                f"{self.measure}_ci_lower": self.value - width,
                f"{self.measure}_ci_upper": self.value + width,
                "std_error": self.std_error,
            }
        )

    def integrated(self) -> AverageScore:
        """Average over the horizons by the trapezoidal rule, such as the integrated Brier score."""
        if len(self.times) < 2 or not (np.diff(self.times) > 0).all():
            raise ArgumentError("an average over horizons needs at least two, in ascending order")
        span = float(self.times[-1] - self.times[0])
        weights = np.convolve(np.diff(self.times), [0.5, 0.5]) / span
        error = float(_std_error(self.influence @ weights))
        return AverageScore(float(self.value @ weights), error, float(self.times[0]), float(self.times[-1]))


def brier_score(duration: ArrayLike, event: ArrayLike, predicted_survival: ArrayLike, times: ArrayLike) -> Score:
    """Brier score at horizons, weighted by the inverse probability of censoring.

    Parameters
    ----------
    duration : array_like, shape (n,)
    event : array_like of bool or 0/1, shape (n,)
    predicted_survival : array_like, shape (n, times)
        Predicted share still there at each horizon, between 0 and 1; made without these customers.
    times : array_like, shape (times,)
        Horizons.

    Returns
    -------
    Score
        NaN at horizons that nobody is observed to reach.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, missing values, or predictions outside 0 to 1.

    References
    ----------
    Graf et al. (1999), Statistics in Medicine 18, 2529-2545; Gerds and Schumacher (2006), Biometrical Journal 48,
    1029-1040. As R's riskRegression::Score with a Kaplan-Meier curve of the censoring.

    Notes
    -----
    Somebody who leaves at t was not censored at t: at a tie events come first in the curve of the censoring. A plain
    Kaplan-Meier fit with the event flag turned round does the opposite, and monthly data is all ties.

    Examples
    --------
    Two have left by 2, one was censored at 1, one is still there. The censoring curve falls to 2/3 at 1, when three
    are left after the event, so the customers count 1, 0, 3/2 and 3/2.

    >>> score = brier_score([1, 1, 2, 3], [1, 0, 1, 0], [[0.5], [0.5], [0.5], [0.8]], [2])
    >>> round(float(score.value[0]), 6), round((1 * 0.25 + 1.5 * 0.25 + 1.5 * 0.04) / 4, 6)
    (0.17125, 0.17125)
    """
    durations, seen = durations_of(duration, event)
    horizons = vector("times", times)
    predicted = _by_horizon("predicted_survival", predicted_survival, horizons, len(durations))
    if ((predicted < 0) | (predicted > 1)).any():
        raise ArgumentError("predicted_survival has values outside 0 to 1")
    censoring = _censoring(durations, seen)
    value, influence = np.full(len(horizons), np.nan), np.full(predicted.shape, np.nan)
    for k, horizon in enumerate(horizons):
        case, control, weight = censoring.weights(horizon)
        if weight is not None:
            part = weight * np.where(control, 1 - predicted[:, k], predicted[:, k]) ** 2
            value[k] = part.mean()
            influence[:, k] = part - value[k] + censoring.influence(horizon, case, control, part)
    return _score("brier_score", horizons, value, influence)


def time_dependent_auc(duration: ArrayLike, event: ArrayLike, risk: ArrayLike, times: ArrayLike) -> Score:
    """Cumulative/dynamic AUC at horizons, weighted by the inverse probability of censoring.

    Parameters
    ----------
    duration : array_like, shape (n,)
    event : array_like of bool or 0/1, shape (n,)
    risk : array_like, shape (n,) or (n, times)
        Higher means leaving earlier; one score, or one a horizon.
    times : array_like, shape (times,)
        Horizons.

    Returns
    -------
    Score
        NaN at horizons by which nobody has left, or that nobody is observed to pass.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, or missing values.

    References
    ----------
    Uno et al. (2007), JASA 102, 527-537; Blanche, Dartigues and Jacqmin-Gadda (2013), Statistics in Medicine 32,
    5381-5397. As R's riskRegression::Score with a Kaplan-Meier curve of the censoring.

    Examples
    --------
    >>> score = time_dependent_auc([1, 2, 3, 4], [1, 1, 0, 0], [0.9, 0.3, 0.4, 0.1], [2])
    >>> float(score.value[0])  # .9 beats .4 and .1, .3 beats .1
    0.75
    """
    durations, seen = durations_of(duration, event)
    horizons = vector("times", times)
    scores = np.asarray(risk)
    if scores.ndim == 1:
        scores = np.repeat(scores[:, None], len(horizons), axis=1)
    scores = _by_horizon("risk", scores, horizons, len(durations))
    censoring = _censoring(durations, seen)
    value, influence = np.full(len(horizons), np.nan), np.full(scores.shape, np.nan)
    for k, horizon in enumerate(horizons):
        case, control, weight = censoring.weights(horizon)
        if weight is None or not case.any() or not control.any():
            continue
        cases, controls = weight[case].sum(), weight[control].sum()
        wins = np.zeros(
            len(durations)
        )  # weighted share of the other side that each customer is in the right order with
        wins[case] = _beaten(scores[case, k], scores[control, k], weight[control]) / controls
        wins[control] = _beaten(-scores[control, k], -scores[case, k], weight[case]) / cases
        value[k] = weight[case] @ wins[case] / cases
        part = len(durations) * weight * (wins - value[k]) * np.where(case, 1 / cases, 1 / controls)
        influence[:, k] = part + censoring.influence(horizon, case, control, part)
    return _score("auc", horizons, value, influence)


def _score(measure: str, times: Floats, value: Floats, influence: Floats) -> Score:
    return Score(measure, times, value, _std_error(influence), len(influence), influence)


def _std_error(influence: Floats) -> Floats:
    n = len(influence)
    return np.asarray(np.sqrt((influence**2).sum(axis=0) / (n * max(n - 1, 1))))


def _by_horizon(parameter: str, values: ArrayLike, times: Floats, rows: int) -> Floats:
    return table(parameter, values, tuple(f"{time:g}" for time in times), rows)


def _beaten(scores: Floats, others: Floats, weights: Floats) -> Floats:
    """Weight of the others with a lower score, equal ones counting half, for each score."""
    order = np.argsort(others, kind="stable")
    ordered, total = others[order], np.concatenate(([0.0], weights[order].cumsum()))
    below, upto = (total[np.searchsorted(ordered, scores, side=side)] for side in ("left", "right"))
    return np.asarray((below + upto) / 2)


@dataclass(frozen=True, eq=False)
class _Censoring:
    """Kaplan-Meier curve of the censoring: chance of still being observed, events before censorings at a tie."""

    duration: Floats
    event: Bools
    times: Floats
    at_risk: Ints
    share: Floats
    observed: Floats

    def weights(self, horizon: float) -> tuple[Bools, Bools, Floats | None]:
        """Who has left by the horizon, who is still there, and weights; None where the data does not reach."""
        case, control = self.event & (self.duration <= horizon), self.duration > horizon
        at_horizon = self.observed[np.searchsorted(self.times, horizon, side="right")]
        if horizon < 0 or horizon > self.duration.max() or at_horizon <= 0:
            return case, control, None
        before = self.observed[np.searchsorted(self.times, self.duration, side="left")]
        weight = np.zeros(len(self.duration))
        weight[case] = 1 / before[case]
        weight[control] = 1 / at_horizon
        return case, control, weight

    def influence(self, horizon: float, case: Bools, control: Bools, part: Floats) -> Floats:
        """What each customer adds to a weighted mean of `part` through the estimate of the curve.

        One who is censored at u raises the weights of all who are observed beyond u; those at risk at u lower them.
        This is the derivative of the very curve that is used. riskRegression counts those with an event at u as at
        risk here, though not in its curve; on monthly data that makes errors of Brier scores .3 % too small.
        """
        reach = np.zeros(len(part), dtype=np.int64)  # how many censoring times are in each weight
        reach[case] = np.searchsorted(self.times, self.duration[case], side="left")
        reach[control] = np.searchsorted(self.times, horizon, side="right")
        beyond = np.bincount(reach, part, len(self.times) + 1)[::-1].cumsum()[::-1][1:]
        left = self.at_risk * (1 - self.share)  # n_risk (1 - share): the derivative of log(1 - share)
        effect = np.divide(beyond, left, out=np.zeros(len(beyond)), where=left > 0)
        spent = np.concatenate(([0.0], (effect * self.share).cumsum()))
        at = np.searchsorted(self.times, self.duration, side="left")
        last = at + ~self.event  # the censored are at risk at their own time, those with the event no longer
        added = -spent[last]
        added[~self.event] += effect[at[~self.event]]
        return np.asarray(added)


def _censoring(duration: Floats, event: Bools) -> _Censoring:
    times, count = np.unique(duration[~event], return_counts=True)
    ended, gone = np.sort(duration), np.sort(duration[event])
    at_risk = len(duration) - np.searchsorted(ended, times, side="left")
    at_risk -= np.searchsorted(gone, times, side="right") - np.searchsorted(gone, times, side="left")
    share = count / at_risk
    return _Censoring(duration, event, times, at_risk, share, np.concatenate(([1.0], np.cumprod(1 - share))))
