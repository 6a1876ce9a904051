"""A real browser for the pages. Where there is none, every check is skipped by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Browser, sync_playwright

from kbind.report.write import write_report

#: As in the Makefile.
CHROMIUM = next(
    filter(
        None, map(shutil.which, (os.environ.get("KBIND_CHROMIUM") or "chromium", "chromium-browser", "google-chrome"))
    ),
    None,
)

#: What nobody should be called, and what a page must bear.
NAMES = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "\N{SHOPPING TROLLEY}\N{FAMILY}",
    "متجر الأمل",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil",
    "W" * 10_000,
)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    if CHROMIUM:
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason=f"no Chromium, so not checked: {item.function.__doc__}"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a file: as long as playwright runs, no other test on this worker could start an event loop."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers, groups and a data set with the names above."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(1)
    customers = [*NAMES, *(f"{name} {copy}" for copy in range(11) for name in NAMES[:5])]
    events = [
        (name, f"2024-{month:02d}-15")
        for i, name in enumerate(customers)
        for month in range(1 + i % 5, 13)
        if month == 1 + i % 5 or rng.random() < 0.5
    ]
    pd.DataFrame(events, columns=["customer_id", "timestamp"]).to_csv(folder / "events.csv", index=False)
    groups = [NAMES[i % len(NAMES)] for i in range(len(customers))]
    pd.DataFrame({"customer_id": customers, "group": groups}).to_csv(folder / "customers.csv", index=False)
    config = {"title": " ".join(NAMES), "as_of": "2025-01-01"}
    (folder / "kbind.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return write_report(folder, out=tmp_path_factory.mktemp("reports")).parent


@pytest.fixture(scope="session")
def missing_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No table that a chapter needs."""
    folder = tmp_path_factory.mktemp("missing")
    pd.DataFrame({"customer_id": [1, 2], "tenure": [3, 4]}).to_csv(folder / "customers.csv", index=False)
    return write_report(folder, out=tmp_path_factory.mktemp("reports")).parent
