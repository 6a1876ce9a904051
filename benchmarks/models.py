"""Classifiers side by side on Telco, same folds; `python models.py [--folds 10] [--repeats 2]` writes into RESULTS.md.

CatBoost and skrub are not part of kbind: `make bench-models` puts them into a folder of their own. CatBoost is tuned
within each training part, on a fifth of it held out, as somebody would who has no second data set.
"""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import results
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import kbind as kb
from kbind.estimates.churn.classifier import RateTable

TITLE = "Churn models on Telco"
METRICS = ("auc", "log_loss", "brier", "lift_10", "calibration_slope")
#: Depth, rate of learning, number of trees.
GRID = ((4, 0.03, 600), (3, 0.05, 500), (6, 0.03, 300), (4, 0.1, 150))


class TunedCatBoost(ClassifierMixin, BaseEstimator):
    """CatBoost with the best of a few settings by log loss on a held-out fifth, then fitted on everything."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> TunedCatBoost:
        self.classes_ = np.unique(y)
        frame, words = self._plain(X), [name for name in X if not pd.api.types.is_numeric_dtype(X[name].dtype)]
        train, test, left, later = train_test_split(frame, y, test_size=0.2, stratify=y, random_state=0)
        tried = [self._model(*setting, words).fit(train, left) for setting in GRID]
        losses = [log_loss(later, model.predict_proba(test)[:, 1]) for model in tried]
        self.model_ = self._model(*GRID[int(np.argmin(losses))], words).fit(frame, y)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model_.predict_proba(self._plain(X)))

    @staticmethod
    def _plain(frame: pd.DataFrame) -> pd.DataFrame:
        words = {name: str for name in frame if not pd.api.types.is_numeric_dtype(frame[name].dtype)}
        return frame.astype(words)

    @staticmethod
    def _model(depth: int, rate: float, trees: int, words: list[str]) -> Any:
        from catboost import CatBoostClassifier

        return CatBoostClassifier(
            depth=depth, learning_rate=rate, iterations=trees, cat_features=words, random_seed=0, thread_count=1,
            verbose=False, allow_writing_files=False,
        )  # fmt: skip


class Timed(ClassifierMixin, BaseEstimator):
    """Any classifier, with the CPU seconds its fits took."""

    spent: ClassVar[dict[str, list[float]]] = {}

    def __init__(self, name: str = "", model: Any = None) -> None:
        self.name = name
        self.model = model

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Timed:
        start = time.process_time()
        self.model_ = clone(self.model).fit(X, y)
        self.spent.setdefault(self.name, []).append(time.process_time() - start)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model_.predict_proba(X))


def models() -> dict[str, Any]:
    """What is compared, by the name it has in the table."""
    from skrub import tabular_pipeline

    return {
        "kbind, logistic": kb.ChurnClassifier(),
        "kbind, boosting": kb.ChurnClassifier("boosting"),
        "kbind around a plain logistic regression": kb.ChurnClassifier(LogisticRegression()),
        "contract x tenure table": RateTable(["contract", "tenure"]),
        "CatBoost, tuned": TunedCatBoost(),
        "skrub tabular_pipeline, boosting": tabular_pipeline("classifier"),
        "skrub tabular_pipeline, logistic": tabular_pipeline(LogisticRegression(max_iter=1000)),
    }


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "RESULTS.md")
    options = parser.parse_args()
    telco = kb.snapshots(kb.datasets.load_telco())
    timed = {name: Timed(name, model) for name, model in models().items()}
    found = kb.backtest(telco, timed, folds=options.folds, repeats=options.repeats, resamples=500)
    figures = found.to_frame().pivot(index="model", columns="metric", values="value")
    apart = found.differences().query("metric == 'auc'").set_index(["model", "against"])
    heads = ["AUC", "log loss", "Brier", "lift in 10 %", "calibration slope", "CPU s a fit"]
    heads.append("AUC of kbind's default minus its")
    lines = [f"| model | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
    default = next(iter(timed))
    for name in timed:
        cells = [f"{figures.loc[name, metric]:.4f}" for metric in METRICS] + [f"{np.median(Timed.spent[name]):.2f}"]
        d = None if name == default else apart.loc[(default, name)]
        cells.append("" if d is None else f"{d['difference']:+.4f} [{d['ci_lower']:+.4f}, {d['ci_upper']:+.4f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    versions = ", ".join(f"{p} {version(p)}" for p in ("catboost", "scikit-learn", "skrub"))
    how = f"{options.folds}-fold cross-validation, {options.repeats} times, 7,043 customers, the same parts for all."
    text = "\n".join([how, "", f"Versions: {versions}. Machine: {results.machine()}.", "", *lines])
    print(text)
    results.write(options.out, {TITLE: text})


if __name__ == "__main__":
    main()
