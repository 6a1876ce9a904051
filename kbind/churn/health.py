"""Account health: the predicted chance to stay as a score from 0 to 100, and whether such a score predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from kbind.calendar import days_of
from kbind.churn.backtests import Backtest
from kbind.churn.contacts import last_rows, reasons_of, with_reasons
from kbind.churn.forecast import Forecast, forecast_churn
from kbind.churn.snapshots.picking import customer_codes
from kbind.dataset.dataset import Dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import NotEnoughData, check_conf_level, check_rng, check_share
from kbind.estimate.estimate import Estimate
from kbind.result import Shown
from kbind.typing import Bools, Floats, Objects

#: Times that customers are drawn anew for an interval.
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class AccountHealth(Shown):
    """A score for every account of the last date, and its test. Made by `account_health`.

    Attributes
    ----------
    customer : ndarray of object, shape (n,)
        The lowest score first.
    score : ndarray of float, shape (n,)
        100 times the predicted chance to stay.
    flagged : ndarray of bool, shape (n,)
        Score of `threshold` at most.
    threshold : float
        Score down from which no more than the wanted share of those who stayed was flagged in the test; NaN where any
        score would have flagged more, so that nobody is flagged.
    caught, precision, false_positive_rate : Estimate
        At the tested dates: of the leavers, those flagged; of those flagged, leavers; of those who stayed, flagged.
    calibration_slope, auc : Estimate
        Of the same predictions: 1 is right; .5 is chance.
    predicts : bool
        Whether the AUC is above chance beyond its interval.
    why : str
        Why the score is not to be used; empty if it predicts.
    forecast : Forecast
        What it was made from.
    """

    customer: Objects
    score: Floats = field(repr=False)
    flagged: Bools = field(repr=False)
    threshold: float
    caught: Estimate
    precision: Estimate
    false_positive_rate: Estimate
    calibration_slope: Estimate
    auc: Estimate
    predicts: bool
    why: str
    forecast: Forecast = field(repr=False)
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What a score is, how it was tested, and whether it predicts."""
        assert self.forecast.backtest is not None
        limit = "nobody" if np.isnan(self.threshold) else f"{self.threshold:.1f} at most"
        verdict = "" if self.predicts else f"Not to be used: {self.why}. "
        return (
            f"{verdict}Score: 100 times the predicted chance to stay. Flagged: {limit}, as "
            f"{self.false_positive_rate.value:.0%} of those who stayed were in the test; intervals by drawing "
            f"customers anew. {self.forecast.backtest.definition}"
        )

    def headline(self) -> str:
        """How many are flagged."""
        return f"{int(self.flagged.sum()):,} of {len(self.customer):,} flagged" if self.predicts else "does not predict"

    @cached_property
    def reasons(self) -> pd.DataFrame:
        """What goes with the risk of each flagged account; see `ContactList.reasons`."""
        seen, model = self.forecast.snapshots, self.forecast.model
        assert seen is not None
        everyone = last_rows(seen)
        place = dict(zip(seen.customer[everyone], everyone, strict=True))
        rows = np.array([place[customer] for customer in self.customer[self.flagged]], dtype=np.int64)
        return reasons_of(model, seen, everyone, rows, check_rng(0))

    def to_frame(self) -> pd.DataFrame:
        """One row an account, the lowest score first.

        Returns
        -------
        DataFrame
            customer_id, score, flagged, reason_1, reason_2, reason_3 (features that go with the risk of those
            flagged).
        """
        frame = pd.DataFrame({"customer_id": self.customer, "score": self.score, "flagged": self.flagged})
        return with_reasons(frame, self.reasons)

    def figures(self) -> pd.DataFrame:
        """The test: one row a figure with value, ci_lower, ci_upper, count, n."""
        names = ("caught", "precision", "false_positive_rate", "calibration_slope", "auc")
        rows = [getattr(self, name).to_frame().assign(figure=name) for name in names]
        table: pd.DataFrame = pd.concat(rows, ignore_index=True)
        return table.reindex(columns=["figure", "value", "ci_lower", "ci_upper", "count", "n"])

    def drivers(self, customer: Any) -> pd.DataFrame:
        """What goes with one account's risk; see `Drivers.of_customer`."""
        assert self.forecast.drivers is not None
        return self.forecast.drivers.of_customer(customer)


def account_health(
    data: Dataset | Forecast,
    *,
    lead: str = "60D",
    horizon: str = "90D",
    false_positive_rate: float = 0.2,
    keep: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
    rng: int | np.random.Generator = 0,
) -> AccountHealth:
    """A score from 0 to 100 for every account, from the predicted chance to stay, with its test forward in time.

    Parameters
    ----------
    data : Dataset or Forecast
        A forecast keeps its own lead, horizon and features.
    lead, horizon : str
        As for `snapshots`: leavers are to be seen so long ahead.
    false_positive_rate : float
        Share of those who stay that may be flagged.
    keep : str or sequence of str, optional
        As for `backtest`.
    conf_level : float
        Of intervals.
    rng : int or numpy.random.Generator
        Source of randomness.

    Returns
    -------
    AccountHealth

    Raises
    ------
    ArgumentError
        An argument is not usable.
    NotEnoughData
        Nothing can be forecast.

    Notes
    -----
    The model and its predictions are those of `forecast_churn`: nothing is fitted for the score. Predictions of the
    test were made by models that had not seen the outcome. Share of leavers caught: at the last score of all tested
    dates that keeps the false-positive rate, accounts of the same score together; percentile intervals from customers
    drawn anew with all their rows.

    References
    ----------
    Fawcett (2006), Pattern Recognition Letters 27, 861-874 (ROC); Van Calster et al. (2019), BMC Medicine 17, 230.

    Examples
    --------
    >>> import kbind as kb
    >>> found = kb.account_health(kb.datasets.load_telco())
    >>> found.predicts, round(found.caught.value, 1), round(found.calibration_slope.value, 1)
    (True, 0.7, 1.0)
    """
    check_share("false_positive_rate", false_positive_rate)
    check_conf_level(conf_level)
    days_of("lead", lead)
    days_of("horizon", horizon)
    generator = check_rng(rng)
    forecast = data if isinstance(data, Forecast) else forecast_churn(data, lead=lead, horizon=horizon, keep=keep)
    seen, model, tested = forecast.snapshots, forecast.model, forecast.backtest
    if seen is None or model is None or tested is None:
        raise NotEnoughData(f"nothing can be forecast: {forecast.why}")
    point = _point(tested, false_positive_rate, conf_level, generator)
    slope, auc = (_figure(tested, metric) for metric in ("calibration_slope", "auc"))
    rows = last_rows(seen)
    score = 100 * (1 - np.asarray(model.predict_proba(seen.features.iloc[rows])[:, 1], dtype=float))
    order = np.argsort(score, kind="stable")
    predicts = bool(auc.ci_lower > 0.5)
    why = f"at the tested dates leavers were told from others no better than by chance (AUC {auc})"
    return AccountHealth(
        customer=seen.customer[rows[order]],
        score=score[order],
        flagged=score[order] <= point.threshold,
        threshold=point.threshold,
        caught=point.caught,
        precision=point.precision,
        false_positive_rate=point.rate,
        calibration_slope=slope,
        auc=auc,
        predicts=predicts,
        why="" if predicts else why,
        forecast=forecast,
        provenance=seen.provenance,
    )


def _figure(tested: Backtest, metric: str) -> Estimate:
    """One figure of the model that the list is made with."""
    figure = next(one for one in tested.figures if one.metric == metric)
    return Estimate.of((figure.value[0], *figure.interval[0]), n=figure.n, conf_level=tested.conf_level)


@dataclass(frozen=True)
class _Point:
    """A point of the ROC curve: score from which down accounts are flagged, and what that catches."""

    threshold: float
    caught: Estimate
    precision: Estimate
    rate: Estimate


def _point(tested: Backtest, rate: float, conf_level: float, rng: np.random.Generator) -> _Point:
    every = tested.predictions
    known = every[(every["model"] == tested.models[0]) & (every["repeat"] == 0) & ~every["lost_in_lead"]]
    known = known.sort_values("probability", ascending=False, kind="stable")
    left, customer = known["target"].to_numpy(dtype=float), customer_codes(known["customer_id"].to_numpy(dtype=object))
    risk = known["probability"].to_numpy()
    last = np.append(risk[1:] != risk[:-1], True)  # rows of the same risk are flagged together
    size = int(customer.max(initial=-1)) + 1

    def at_rate(weight: Floats) -> tuple[float, float, float, int]:
        gone, stayed = (np.append(0.0, np.cumsum(weight * part)[last]) for part in (left, 1 - left))
        if not gone[-1] or not stayed[-1]:
            return np.nan, np.nan, np.nan, 0
        k = int(np.searchsorted(stayed, rate * stayed[-1] * (1 + 1e-12), side="right")) - 1
        flagged = gone[k] + stayed[k]
        return gone[k] / gone[-1], gone[k] / flagged if flagged else np.nan, stayed[k] / stayed[-1], k

    caught, precision, false, place = at_rate(np.ones(len(risk)))
    drawn = [
        at_rate(np.bincount(rng.integers(0, size, size), minlength=size)[customer].astype(float))[:2]
        for _ in range(RESAMPLES)
    ]
    ends = [(1 - conf_level) / 2, (1 + conf_level) / 2]
    points = [column[~np.isnan(column)] for column in np.array(drawn).T]
    limits = [np.quantile(column, ends) if len(column) else np.full(2, np.nan) for column in points]
    threshold = risk[last][place - 1] if place else np.nan
    share = partial(Estimate.of, conf_level=conf_level, kind="share")
    return _Point(
        threshold=float(100 * (1 - threshold)),
        caught=share((caught, *limits[0]), n=int(left.sum()), definition="leavers flagged / all leavers"),
        precision=share((precision, *limits[1]), definition="leavers flagged / all flagged"),
        rate=share((false, np.nan, np.nan), n=int((1 - left).sum()), definition="flagged / all who stayed; chosen"),
    )
