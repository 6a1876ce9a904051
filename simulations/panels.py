"""Customers seen at several dates, with a score that is a little wrong, and what is true of it in the long run."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

import kbind as kb
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.provenance import Provenance
from kbind.typing import Floats

MONTH = 30
MONTHS, LEAD, HORIZON = 7, 1, 2
#: What `long_run()` gives; it takes half a minute, too long for every process of a simulation.
TRUTH = {
    "auc": 0.711581,
    "log_loss": 0.326531,
    "brier": 0.093349,
    "calibration_slope": 0.632462,
    "calibration_intercept": 0.110918,
    "empc": 1.174729,
    "ece": 0.028823,
    "lift_5": 2.575908,
    "lift_10": 2.325727,
    "lift_20": 2.009126,
    "profit": 0.593269,
}
TERMS = {"cost": 1.0, "offer": 10.0, "acceptance": 0.3, "value": 200.0}


def panel(rng: np.random.Generator, customers: int) -> Snapshots:
    """A snapshot a month of everybody still there; the log odds of leaving are steady and moving in equal parts.

    The score in the column `p` knows both with some noise, is too sure of itself, and is a little too low.
    """
    span = MONTHS + LEAD + HORIZON
    steady, noise = rng.normal(size=customers), rng.normal(size=(span, customers))
    moving = np.empty((span, customers))
    moving[0] = rng.normal(size=customers)
    for t in range(1, span):
        moving[t] = 0.7 * moving[t - 1] + np.sqrt(1 - 0.49) * rng.normal(size=customers)
    odds = -3 + 0.8 * steady + 0.8 * moving
    leaves = rng.random((span, customers)) < 1 / (1 + np.exp(-odds))
    gone = np.where(leaves.any(axis=0), leaves.argmax(axis=0), span)
    parts = [(t, np.flatnonzero(gone >= t)) for t in range(MONTHS)]
    who = np.concatenate([here for _, here in parts])
    when = np.concatenate([np.full(len(here), t) for t, here in parts])
    score = 1 / (1 + np.exp(-(-2.4 + 1.2 * steady[who] + 0.7 * moving[when, who] + 0.3 * noise[when, who])))
    left = (gone[who] >= when + LEAD) & (gone[who] < when + LEAD + HORIZON)
    unknown = np.full(len(who), np.nan)
    return Snapshots(
        customer=who.astype(object),
        as_of=np.datetime64("2024-01-01", "us") + (when * MONTH).astype("timedelta64[D]"),
        features=pd.DataFrame({"p": score}),
        target=left.astype(float),
        lost_in_lead=gone[who] < when + LEAD,
        value=unknown,
        consent=unknown,
        meanings=(),
        lead=LEAD * MONTH,
        horizon=HORIZON * MONTH,
        notes=(),
        provenance=Provenance("simulation", None, None),
    )


class Given(ClassifierMixin, BaseEstimator):
    """The probability stands in the column p; nothing is learned."""

    def fit(self, X: pd.DataFrame, y: Floats) -> Given:
        """Learn nothing."""
        return self

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """The column, and what is left to 1."""
        return np.column_stack([1 - X["p"], X["p"]])


def tested(rng: np.random.Generator, customers: int, resamples: int) -> pd.DataFrame:
    """Figures of the score with intervals; the budget reaches a tenth of the customers."""
    found = kb.backtest(
        panel(rng, customers),
        {"given": Given()},
        campaign=kb.Campaign(budget=1.1 * customers, **TERMS),
        rng=rng,
        validation=kb.Validation(resamples=resamples),
    )
    frame = found.to_frame()
    return frame[frame["model"] == "given"].set_index("metric")


def long_run(customers: int = 500_000) -> dict[str, float]:
    """The same figures of very many customers, the profit for each of them: what `TRUTH` was computed with."""
    value = tested(np.random.default_rng(20_26), customers, 1)["value"].to_dict()
    return value | {"profit": value["profit"] / customers}
