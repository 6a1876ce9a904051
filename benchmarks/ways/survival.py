"""Each way from a Parquet file of customers to a Kaplan-Meier curve a group with intervals, and the log-rank test.

Every way gives the same small answer: survival of every group after some months, and the statistic of the test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from generate import generate_customers

GROUP, MONTHS = "segment", (6, 12, 24, 48, 72)
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read the four columns and nothing else."""
    import duckdb

    columns = f"sum(customer_id), sum(tenure), count(*) FILTER (WHERE churned), sum(strlen({GROUP}))"
    duckdb.connect().sql(f"SELECT {columns} FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API, checks included."""
    import kbind as kb

    data = kb.open_dataset(path, table="customers", roles={"tenure": "tenure", "churned": "churned"})
    record = kb.durations(data, by=GROUP)
    frame = kb.survival_curve(record).to_frame()
    test = kb.compare_survival(record, by=GROUP)
    curves = {name: (part["time"], part["survival"]) for name, part in frame.groupby(GROUP)}
    return _answer(curves, test.statistic, test.p_value)


def lifelines(path: str) -> Answer:
    """A fitter a group, then the test of all groups."""
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import multivariate_logrank_test

    frame = _read(path)
    curves = {}
    for name, part in frame.groupby(GROUP, observed=True):
        fitted = KaplanMeierFitter().fit(part["tenure"], part["churned"])
        survival = fitted.survival_function_.iloc[:, 0]
        _ = fitted.confidence_interval_
        curves[name] = (survival.index, survival)
    test = multivariate_logrank_test(frame["tenure"], frame[GROUP].cat.codes, frame["churned"])
    return _answer(curves, test.test_statistic, test.p_value)


def sksurv(path: str) -> Answer:
    """scikit-survival: an estimate a group, then the test of all groups."""
    from sksurv.compare import compare_survival
    from sksurv.nonparametric import kaplan_meier_estimator
    from sksurv.util import Surv

    frame = _read(path)
    curves = {}
    for name, part in frame.groupby(GROUP, observed=True):
        time, survival, _ = kaplan_meier_estimator(part["churned"], part["tenure"], conf_type="log-log")
        curves[name] = (time, survival)
    statistic, p = compare_survival(Surv.from_dataframe("churned", "tenure", frame), frame[GROUP].cat.codes)
    return _answer(curves, statistic, p)


def survival(path: str) -> Answer:
    """The package of that name: both parts from arrays, all groups in one call each."""
    import numpy as np
    from survival import surv_analysis, validation

    frame = _read(path)
    time, status = frame["tenure"].to_numpy(float), frame["churned"].to_numpy(np.int32)
    group, names = frame[GROUP].cat.codes.to_numpy(np.int64), list(frame[GROUP].cat.categories)
    del frame
    fitted = surv_analysis.survfitkm(time, status, strata=group, conf_type="log-log")
    ends = np.cumsum(fitted.strata)
    parts = [np.split(np.asarray(values), ends[:-1]) for values in (fitted.time, fitted.surv)]
    test = validation.logrank_test(time, status, group)
    return _answer(dict(zip(names, zip(*parts, strict=True), strict=True)), test.statistic, test.p_value)


def _read(path: str) -> Any:
    """The columns that the peers need, the groups as codes: the cheapest way to hand them over."""
    import pandas as pd

    return pd.read_parquet(path, columns=["tenure", "churned", GROUP], read_dictionary=[GROUP])


def _answer(curves: Any, statistic: float, p: float) -> Answer:
    """Survival at some months by group, rounded to what the order of additions can change."""
    import numpy as np

    found = {}
    for name, (time, share) in sorted(curves.items()):
        place = np.searchsorted(np.asarray(time), MONTHS, side="right") - 1
        found[str(name)] = [round(float(value), 9) for value in np.asarray(share)[place]]
    return {"survival": found, "statistic": float(f"{statistic:.7g}"), "p": float(f"{p:.6g}")}


def small(path: Path) -> None:
    """A file to warm up on."""
    generate_customers(path, 1000)


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: all columns read, nothing else", floor),
    "kbind": ("kbind, public API, checks included", kbind),
    "survival": ("survival (PyPI)", survival),
    "lifelines": ("lifelines", lifelines),
    "sksurv": ("scikit-survival", sksurv),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "kbind")
PACKAGES = ("kbind", "duckdb", "survival", "lifelines", "scikit-survival", "pandas", "pyarrow", "numpy")
