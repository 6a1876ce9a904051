"""Judge several models on the same rows: every figure, its interval, and differences between models."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pandas as pd

from kbind.churn.profit import SHARES, Decision, Groups, Lists, Rows, equal_groups, lists_of, maximum_profit
from kbind.dataset.provenance import Provenance
from kbind.estimate.estimate import Estimate
from kbind.estimate.influenced import Influenced
from kbind.estimate.scores import MEASURES, mean_of, variance
from kbind.orders.lapse import clustered_share
from kbind.result import Shown
from kbind.typing import Bools, Dates, Floats, Ints


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


def judge_probabilities(rows: Rows, decision: Decision | None, conf_level: float) -> list[Figure]:
    """Scores of probabilities, of rows whose outcome is known, with intervals from what each customer adds."""
    known = rows.pick(~rows.lost)
    left, models = known.left, range(known.probability.shape[1])
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


def _score(rows: Rows, model: int, metric: str, decision: Decision | None) -> Influenced:
    """One score of one model, averaged over repeats; each row's influence divided likewise."""
    value, influence = [], np.zeros(len(rows.customer))
    for code in np.unique(rows.repeat):
        part = rows.repeat == code
        left, p, date = rows.left[part], rows.probability[part, model], rows.date[part]
        score = _profit(rows, part, model, decision) if metric == "empc" else MEASURES[metric](left, p, date)
        value.append(score.value)
        influence[part] = score.influence
    return Influenced(float(np.mean(value)) if value else np.nan, influence / max(len(value), 1))


def _profit(rows: Rows, part: Bools, model: int, decision: Decision | None) -> Influenced:
    """Expected maximum profit a customer, at the mean value of a customer."""
    assert decision is not None
    value = float(decision.value[rows.row[part]].mean())
    terms = value, decision.offer, decision.cost, decision.acceptance
    return mean_of(maximum_profit(rows.left[part], rows.probability[part, model], *terms))


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
    known = rows.pick(~rows.lost)
    models = range(rows.probability.shape[1])
    codes = rows.repeat * (rows.date.max(initial=0) + 1) + rows.date
    blocks = tuple(np.flatnonzero(codes == code) for code in np.unique(codes))
    lists = [lists_of(rows, k, blocks, decision) for k in models]
    groups = [Groups.of(known.probability[:, k], known.left, known.repeat) for k in models]
    value, gaps = _drawn(np.ones(rows.customer.max() + 1), rows, known, lists, groups)
    size = rows.customer.max() + 1
    drawn, wander = [], []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, size, size), minlength=size).astype(float)
        figures, moved = _drawn(weight, rows, known, lists, groups)
        drawn.append(figures)
        wander.append([np.abs(a - b).sum() / g.repeats for a, b, g in zip(moved, gaps, groups, strict=True)])
    names = [*SHARES, *(["profit"] if decision else [])]
    counts = _counts(rows, np.where(rows.lost, 0.0, rows.left))
    made = [
        _percentiles(name, value[:, k], np.array(drawn)[:, :, k], conf_level, counts) for k, name in enumerate(names)
    ]
    error = np.array([group.error(gap) for group, gap in zip(groups, gaps, strict=True)])
    return [_calibration_error(error, np.array(wander), conf_level, _counts(known, known.left)), *made]


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


@dataclass(frozen=True, eq=False)
class Calls(Shown):
    """Lists as they would have been made at tested dates, and who on them left. Made by `Backtest.calls`.

    Attributes
    ----------
    model : str
    as_of : ndarray of datetime64, shape (dates,)
        NaT for data without dates.
    customers, leavers : ndarray of int, shape (dates,)
        There at the date; of these, who left within the horizon.
    called, left, gone : ndarray of int, shape (dates,)
        On the list; of these, who left within the horizon, and who had left before it began. The others stayed.
    money : ndarray of float, shape (dates,)
        What the list would have brought, costs deducted, if the stated share of leavers accepts.
    expected : ndarray of float, shape (dates,)
        What it was expected to bring on the day.
    leaving : Estimate
        Of those called, the share who left.
    vain : Estimate
        Of all calls, the share that found no leaver: who was called stays, or was gone before the horizon began.
    found : Estimate
        Of those who left, the share who had been called.
    anyone : Estimate
        Of all, the share who left. Like `leaving` and `Backtest.by_risk`, of those still there when the horizon begins,
        so that the three can be compared.
    """

    model: str
    as_of: Dates = field(repr=False)
    customers: Ints = field(repr=False)
    leavers: Ints = field(repr=False)
    called: Ints = field(repr=False)
    left: Ints = field(repr=False)
    gone: Ints = field(repr=False)
    money: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    leaving: Estimate
    vain: Estimate
    found: Estimate
    anyone: Estimate
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What a list is."""
        return (
            "Lists by expected gain within the budget, of customers who may be contacted, as they would have been made "
            "at tested dates by models that had not seen these customers' outcome."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a tested date.

        Returns
        -------
        DataFrame
            as_of, customers, leavers, called, left, stayed, gone, missed (leavers who were not called), money,
            expected.
        """
        return pd.DataFrame(
            {
                "as_of": self.as_of,
                "customers": self.customers,
                "leavers": self.leavers,
                "called": self.called,
                "left": self.left,
                "stayed": self.called - self.left - self.gone,
                "gone": self.gone,
                "missed": self.leavers - self.left,
                "money": self.money,
                "expected": self.expected,
            }
        )


def calls_of(
    model: str,
    rows: Rows,
    risk: Floats,
    decision: Decision,
    as_of: Dates,
    provenance: Provenance,
    conf_level: float,
) -> Calls:
    """Make the lists of every tested date again, and count what became of those on them.

    Parameters
    ----------
    model : str
        Its name.
    rows : Rows
        Tested, of one repeat.
    risk : ndarray of float, shape (m,)
        Predicted by the model.
    decision : Decision
    as_of : ndarray of datetime64, shape (m,)
    provenance : Provenance
    conf_level : float
    """
    gain = decision.gain(risk, rows.row)
    left = np.where(rows.lost, 0.0, rows.left) == 1
    called = np.zeros(len(left), dtype=bool)
    for code in np.unique(rows.date):
        worth = np.flatnonzero((rows.date == code) & rows.consent & (gain > 0))
        order = worth[np.argsort(-gain[worth], kind="stable")]
        called[order[: int(min(len(order), decision.contacts))]] = True
    brings = decision.outcome(rows.left, rows.lost, rows.row)
    dates, first = np.unique(rows.date, return_index=True)

    def by_date(chosen: Bools) -> Ints:
        return np.bincount(rows.date[chosen], minlength=len(dates))[dates].astype(np.int64)

    everybody, there = np.ones(len(left), dtype=bool), ~rows.lost
    still, who = "still there when the horizon began", rows.customer
    return Calls(
        model=model,
        as_of=as_of[first],
        customers=by_date(everybody),
        leavers=by_date(left),
        called=by_date(called),
        left=by_date(called & left),
        gone=by_date(called & rows.lost),
        money=np.array([brings[called & (rows.date == code)].sum() for code in dates]),
        expected=np.array([gain[called & (rows.date == code)].sum() for code in dates]),
        leaving=_share(left, called & there, who, conf_level, f"customers on the lists who left / those {still}"),
        vain=_share(~left, called, who, conf_level, "customers on lists who stayed or were gone / all on them"),
        found=_share(called, left, who, conf_level, "leavers who were on a list / all leavers"),
        anyone=_share(left, there, who, conf_level, f"leavers / customers {still}, at the tested dates"),
        provenance=provenance,
    )


def by_risk(rows: Rows, risk: Floats, groups: int, conf_level: float) -> pd.DataFrame:
    """Rows of known outcome in groups of equal size by risk within each date: what was predicted, what happened."""
    group = equal_groups(risk, rows.date, groups)
    found = []
    for k in range(groups):
        there = group == k
        rate = _share(rows.left == 1, there, rows.customer, conf_level, "")
        predicted = float(risk[there].mean()) if there.any() else np.nan
        found.append((k + 1, int(there.sum()), rate.count, predicted, *rate))
    columns = ["group", "n", "left", "predicted", "share", "share_ci_lower", "share_ci_upper"]
    return pd.DataFrame(found, columns=columns)


def _share(counted: Bools, among: Bools, customer: Ints, conf_level: float, definition: str) -> Estimate:
    """A share of rows, with an interval that takes rows of one customer together."""
    m = np.bincount(customer[among], minlength=1)
    y = np.bincount(customer[among & counted], minlength=len(m))
    sums = {"judged": m, "false_alarms": y, "alarmed": (m > 0), "mm": m * m, "my": m * y, "yy": y * y}
    limits = clustered_share({name: np.array([part.sum()]) for name, part in sums.items()}, conf_level)
    known = [part[0] if m.sum() else np.nan for part in limits]
    counts = {"n": int(m.sum()), "count": int(y.sum())}
    return Estimate.of(known, **counts, conf_level=conf_level, definition=definition, kind="share")
