"""The purchases of the CDNOW customers that ship with the package lifetimes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kbind as kb
from kbind.value.purchase_model import Alive

#: First day after the 39 weeks of calibration, and after the 78 weeks of all.
CALIBRATION, END = "1997-10-01", "1998-07-01"


@pytest.fixture(scope="session")
def published() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "golden" / "value.json").read_text())


@pytest.fixture(scope="session")
def cdnow_rows(lifetimes_csv: Path) -> pd.DataFrame:
    """One row a purchase; the second column is the number of a customer of the sample."""
    names = ["number", "customer_id", "timestamp", "discs", "amount"]
    rows = pd.read_csv(lifetimes_csv.parent / "CDNOW_sample.txt", sep=r"\s+", header=None, names=names)
    return rows.assign(timestamp=pd.to_datetime(rows["timestamp"].astype(str)))


@pytest.fixture(scope="session")
def cdnow_summary(lifetimes_csv: Path) -> pd.DataFrame:
    """The published customers: ID, x, t_x, T and the mean amount of a repeat purchase."""
    return pd.read_csv(lifetimes_csv.parent / "cdnow_customers_summary_with_transactions.csv")


@pytest.fixture(scope="session")
def cdnow(cdnow_rows: pd.DataFrame) -> kb.Dataset:
    """Without amounts, so that the eight purchases of nothing count, as in the published figures."""
    return kb.open_dataset({"events": cdnow_rows[["customer_id", "timestamp"]]}, as_of=END)


@pytest.fixture(scope="session")
def cdnow_paid(cdnow_rows: pd.DataFrame) -> kb.Dataset:
    return kb.open_dataset({"events": cdnow_rows[["customer_id", "timestamp", "amount"]]}, as_of=END)


@pytest.fixture(scope="session")
def fits(cdnow: kb.Dataset) -> dict[str, Alive]:
    models = ("bg_nbd", "mbg_nbd", "pareto_nbd")
    return {model: kb.alive(cdnow, model=model, calibration_end=CALIBRATION) for model in models}
