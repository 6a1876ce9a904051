"""Each way from a Parquet file of customers to a Cox regression on five covariates.

Every way gives the same small answer: coefficients and their standard errors.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from generate import generate_lives

COVARIATES = ("seats", "tickets", "price", "partner", "app")
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read the columns and nothing else."""
    import duckdb

    columns = ", ".join(f"sum({name})" for name in ("customer_id", "tenure", "churned::INTEGER", *COVARIATES))
    duckdb.connect().sql(f"SELECT {columns} FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API, checks included."""
    import kbind as kb

    data = kb.open_dataset(path, table="customers", roles={"tenure": "tenure", "churned": "churned"})
    frame = kb.hazard_model(data, list(COVARIATES)).to_frame()
    return _answer(frame["coef"], frame["std_error"])


def lifelines(path: str) -> Answer:
    """CoxPHFitter on the rows, as its documentation has it."""
    import pandas as pd
    from lifelines import CoxPHFitter

    frame = pd.read_parquet(path, columns=["tenure", "churned", *COVARIATES])
    fitted = CoxPHFitter().fit(frame, "tenure", "churned")
    return _answer(fitted.params_, fitted.standard_errors_)


def _answer(coef: Any, errors: Any) -> Answer:
    """Rounded to what the libraries agree on."""
    return {"coef": [round(float(value), 5) for value in coef], "se": [round(float(value), 6) for value in errors]}


def small(path: Path) -> None:
    """A file to warm up on."""
    generate_lives(path, 1000)


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: all columns read, nothing else", floor),
    "kbind": ("kbind, public API, checks included", kbind),
    "lifelines": ("lifelines, on the rows", lifelines),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "kbind")
PACKAGES = ("kbind", "duckdb", "lifelines", "pandas", "pyarrow", "numpy")
