"""Shared by all tests: example data opened once, and golden values with their sources."""

from __future__ import annotations

import json
from fcntl import LOCK_EX, flock
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

import kbind as kb
from kbind.report.write import write_report

mpl.use("Agg")

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    return json.loads((GOLDEN / "retention.json").read_text())


@pytest.fixture(scope="session")
def grocery() -> kb.Dataset:
    return kb.datasets.load_grocery()


@pytest.fixture(scope="session")
def telco() -> kb.Dataset:
    return kb.datasets.load_telco()


@pytest.fixture(scope="session")
def lifetimes_csv() -> Path:
    """Transactions that ship with the package lifetimes; the package itself is not imported."""
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "example_transactions.csv"


@pytest.fixture(scope="session")
def grocery_report(tmp_path_factory: pytest.TempPathFactory, grocery: kb.Dataset) -> Path:
    """The chapters that a purchase log can fill."""
    return kb.Report(grocery).write(tmp_path_factory.mktemp("grocery"), chapters=["00", "01", "01d"]).parent


@pytest.fixture(scope="session")
def example_report(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The report on the example data: a minute of work, so made once for all processes that run tests."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "example-report"
    with folder.with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        return folder if (folder / "index.html").exists() else write_report(out=folder).parent


@pytest.fixture(scope="session")
def toy() -> kb.Dataset:
    """Six customers over four months, small enough to count by hand.

    ======== === === === ===
    customer Jan Feb Mar Apr
    ======== === === === ===
    a         x   x   x   x
    b         x   .   x   .
    c         x   .   .   .
    d         .   x   x   .
    e         .   x   .   x
    f         .   .   .   x
    ======== === === === ===
    """
    months = {"a": (1, 2, 3, 4), "b": (1, 3), "c": (1,), "d": (2, 3), "e": (2, 4), "f": (4,)}
    rows = [(name, f"2024-{month:02d}-15") for name, active in months.items() for month in active]
    events = pd.DataFrame(rows, columns=["customer_id", "timestamp"])
    customers = pd.DataFrame({"customer_id": list("abcdef"), "plan": ["s", "s", "l", "l", "l", None]})
    return kb.open_dataset({"events": events, "customers": customers}, as_of="2024-05-01")
