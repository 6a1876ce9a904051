"""Judge several models on the same rows: every figure, its interval, and differences between models."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from kbind.estimates.churn.lists import SHARES, Groups, Lists, Outcome, lists_of
from kbind.estimates.churn.profit import Decision, maximum_profit
from kbind.estimates.churn.scores import MEASURES, Score, mean_of, variance
from kbind.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Figure:
    """One metric of several models.

    Attributes
    ----------
    metric : str
    value : ndarray of float, shape (models,)
    interval : ndarray of float, shape (models, 2)
    difference : ndarray of float, shape (models, models, 3)
        Row minus column with its interval; NaN where there is none.
    n, events : int
        Rows, and leavers among them.
    """

    metric: str
    value: Floats
    interval: Floats
    difference: Floats
    n: int
    events: int


@dataclass(frozen=True, eq=False)
class Rows:
    """Predicted rows.

    Attributes
    ----------
    outcome : Outcome
    customer, date, repeat : ndarray of int, shape (m,)
        Codes from 0.
    probability : ndarray of float, shape (m, models)
    """

    outcome: Outcome
    customer: Ints
    date: Ints
    repeat: Ints
    probability: Floats

    def pick(self, rows: Bools) -> Rows:
        """Some of the rows."""
        o = self.outcome
        outcome = Outcome(o.row[rows], o.left[rows], o.lost[rows], o.consent[rows])
        return Rows(outcome, self.customer[rows], self.date[rows], self.repeat[rows], self.probability[rows])

    @property
    def repeats(self) -> int:
        """How often a cross-validation was repeated."""
        return len(np.unique(self.repeat))


def judge_probabilities(rows: Rows, decision: Decision | None, conf_level: float) -> list[Figure]:
    """Scores of probabilities, of rows whose outcome is known, with intervals from what each customer adds."""
    known = rows.pick(~rows.outcome.lost)
    left, models = known.outcome.left, range(known.probability.shape[1])
    n, events = _counts(known, left)
    z = NormalDist().inv_cdf(0.5 + conf_level / 2)
    figures = []
    for metric in [*MEASURES, *(["empc"] if decision else [])]:
        side = (left != 1).astype(np.int64) if metric == "auc" else np.zeros(len(left), dtype=np.int64)
        scores = [_score(known, k, metric, decision) for k in models]
        spread = np.array([[_error(a.influence - b.influence, known.customer, side) for b in scores] for a in scores])
        own = np.array([_error(score.influence, known.customer, side) for score in scores])
        value = np.array([score.value for score in scores])
        apart = value[:, None] - value
        figures.append(
            Figure(
                metric,
                value,
                _bounded(metric, np.stack([value - z * own, value + z * own], axis=-1)),
                np.stack([apart, apart - z * spread, apart + z * spread], axis=-1),
                n,
                events,
            )
        )
    return figures


def _counts(rows: Rows, left: Floats) -> tuple[int, int]:
    """Rows and leavers; repeats are no new rows."""
    return len(left) // max(rows.repeats, 1), int(left.sum()) // max(rows.repeats, 1)


def _score(rows: Rows, model: int, metric: str, decision: Decision | None) -> Score:
    """One score of one model, averaged over repeats; each row's influence divided likewise."""
    value, influence = [], np.zeros(len(rows.customer))
    for code in np.unique(rows.repeat):
        part = rows.repeat == code
        left, p, date = rows.outcome.left[part], rows.probability[part, model], rows.date[part]
        score = _profit(rows, part, model, decision) if metric == "empc" else MEASURES[metric](left, p, date)
        value.append(score.value)
        influence[part] = score.influence
    return Score(float(np.mean(value)) if value else np.nan, influence / max(len(value), 1))


def _profit(rows: Rows, part: Bools, model: int, decision: Decision | None) -> Score:
    """Expected maximum profit a customer, at the mean value of a customer."""
    assert decision is not None
    value = float(decision.value[rows.outcome.row[part]].mean())
    terms = value, decision.offer, decision.cost, decision.acceptance
    return mean_of(maximum_profit(rows.outcome.left[part], rows.probability[part, model], *terms))


def _error(influence: Floats, customer: Ints, side: Ints) -> float:
    return float(np.sqrt(max(variance(influence, customer, side), 0.0))) if len(influence) else np.nan


def _bounded(metric: str, interval: Floats) -> Floats:
    """Limits that the metric itself cannot pass."""
    ends = {"auc": (0.0, 1.0), "brier": (0.0, 1.0), "log_loss": (0.0, np.inf)}
    return interval.clip(*ends[metric]) if metric in ends else interval


def judge_lists(
    rows: Rows, decision: Decision | None, conf_level: float, resamples: int, rng: np.random.Generator
) -> list[Figure]:
    """Lifts, profit and calibration error, with intervals from customers drawn anew with all their rows.

    The same draws serve all models, so that differences have intervals as well. A repeat of a cross-validation is drawn
    with the customer, and adds no certainty.
    """
    known = rows.pick(~rows.outcome.lost)
    models = range(rows.probability.shape[1])
    codes = rows.repeat * (rows.date.max(initial=0) + 1) + rows.date
    blocks = tuple(np.flatnonzero(codes == code) for code in np.unique(codes))
    lists = [lists_of(rows.probability[:, k], rows.outcome, blocks, decision) for k in models]
    groups = [Groups.of(known.probability[:, k], known.outcome.left, known.repeat) for k in models]
    value, gaps = _drawn(np.ones(rows.customer.max() + 1), rows, known, lists, groups)
    size = rows.customer.max() + 1
    drawn, wander = [], []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size).astype(float)
        figures, moved = _drawn(weight, rows, known, lists, groups)
        drawn.append(figures)
        wander.append([np.abs(a - b).sum() / g.repeats for a, b, g in zip(moved, gaps, groups, strict=True)])
    names = [*SHARES, *(["profit"] if decision else [])]
    counts = _counts(rows, np.where(rows.outcome.lost, 0.0, rows.outcome.left))
    made = [
        _percentiles(name, value[:, k], np.array(drawn)[:, :, k], conf_level, counts) for k, name in enumerate(names)
    ]
    error = np.array([group.error(gap) for group, gap in zip(groups, gaps, strict=True)])
    return [_calibration_error(error, np.array(wander), conf_level, _counts(known, known.outcome.left)), *made]


def _drawn(
    weight: Floats, rows: Rows, known: Rows, lists: list[Lists], groups: list[Groups]
) -> tuple[Floats, list[Floats]]:
    """Figures of lists, and gaps of calibration, of every model with so many copies of each customer."""
    all_rows, known_rows = weight[rows.customer], weight[known.customer]
    return np.array([one.figures(all_rows) for one in lists]), [group.gaps(known_rows) for group in groups]


def _percentiles(metric: str, value: Floats, drawn: Floats, conf_level: float, counts: tuple[int, int]) -> Figure:
    """Percentile intervals of each model and of differences."""
    ends = [(1 - conf_level) / 2, (1 + conf_level) / 2]
    interval = _quantiles(drawn, ends)
    apart = value[:, None] - value
    spread = _quantiles(drawn[:, :, None] - drawn[:, None, :], ends)
    return Figure(metric, value, interval, np.concatenate([apart[..., None], spread], axis=-1), *counts)


def _quantiles(drawn: Floats, ends: list[float]) -> Floats:
    """Limits in a new last axis; a resample in which the figure is not defined says nothing."""
    if len(drawn) == 0 or np.isnan(drawn).all():
        return np.full((*drawn.shape[1:], 2), np.nan)
    return np.moveaxis(np.nanquantile(drawn, ends, axis=0), 0, -1)


def _calibration_error(value: Floats, wander: Floats, conf_level: float, counts: tuple[int, int]) -> Figure:
    """ECE and limits that hold for certain where the groups' sampling errors are no larger than in most resamples.

    A mean of absolute values is too high by chance, most of all where calibration is good, and resampling adds to it.
    By the triangle inequality it is no further from the truth than the mean absolute sampling error of the groups.
    """
    reach = np.quantile(wander, conf_level, axis=0)
    models = len(value)
    interval = np.stack([(value - reach).clip(min=0.0), (value + reach).clip(max=1.0)], axis=-1)
    return Figure("ece", value, interval, np.full((models, models, 3), np.nan), *counts)
