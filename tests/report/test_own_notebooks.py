"""Notebooks for a company's own data: they run from top to bottom, whatever tables the company has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import kbind as kb
from kbind.report.notebooks import fitted, shipped_notebooks, write_notebooks

CUSTOMERS = 900


def _some(data: kb.Dataset, name: str, ids: set[Any]) -> pd.DataFrame:
    frame = data.table(name)
    return frame[frame["customer_id"].isin(ids)]


def shop(folder: Path) -> dict[str, Any]:
    """A log of purchases and nothing else."""
    data = kb.datasets.load_grocery()
    ids = set(data.table("customers")["customer_id"].iloc[:300])
    _some(data, "events", ids).drop(columns=["category"]).round(2).to_csv(folder / "events.csv", index=False)
    return {"timezone": "America/New_York"}


def contracts(folder: Path) -> dict[str, Any]:
    """Contracts with customers, a cancellation list and personas."""
    data = kb.datasets.load_saas("clear_segments")
    ids = set(data.table("customers")["customer_id"].iloc[:CUSTOMERS])
    for name in ("customers", "subscriptions", "cancellations"):
        _some(data, name, ids).to_csv(folder / f"{name}.csv", index=False)
    (folder / "personas").mkdir()
    for persona in kb.datasets.load_personas("accounts"):
        persona.save(folder / "personas" / f"{persona.name}.yaml")
    return {"timezone": "Europe/Berlin", "as_of": str(data.as_of)}


def snapshot(folder: Path) -> dict[str, Any]:
    """One row a customer, with a flag of who has left."""
    data = kb.datasets.load_telco()
    data.table("customers").iloc[:CUSTOMERS].to_csv(folder / "customers.csv", index=False)
    (folder / "kbind.yaml").write_text(
        "roles:\n  churned: {column: churn, value: 'Yes'}\n  tenure: tenure\n  revenue: monthly_charges\n"
    )
    return {}


CHAPTERS = {
    shop: ["00", "01", "01d", "02", "03", "08"],
    contracts: ["00", "01", "02", "03", "04", "05", "06"],
    snapshot: ["00", "02", "03", "04", "05"],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", CHAPTERS, ids=lambda make: make.__name__)
def test_notebooks_for_own_data_run(
    make: Callable[[Path], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From top to bottom; a page takes the forecast of the cells above it."""
    monkeypatch.setattr("kbind.report.chapters.churn.forecast_churn", None)
    folder = tmp_path / "data"
    folder.mkdir()
    written = write_notebooks(folder, out=tmp_path / "out", lang="de", **make(folder))
    assert [path.name.split("_")[0] for path in written] == CHAPTERS[make]
    for path in written:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        assert f"kb.open_dataset({str(folder)!r}" in code[0]
        assert "kb.datasets" not in "".join(code)
        names: dict[str, Any] = {"display": lambda *_, **__: None}
        for source in code:
            exec(compile(source, f"{path.name}: {source.splitlines()[0]}", "exec"), names)
            plt.close("all")
        assert names["lang"] == "de"


def test_cells_that_need_more_or_are_about_the_example_are_left_out(toy: kb.Dataset) -> None:
    def cell(source: str, *tags: str) -> dict[str, Any]:
        return {"cell_type": "code", "id": source, "metadata": {"tags": list(tags)}, "source": source, "outputs": [1]}

    cells = [
        cell("data = kb.datasets.load_saas()", "source"),
        cell("everywhere"),
        cell("events", "needs:events"),
        cell("either", "needs:subscriptions|events"),
        cell("both", "needs:subscriptions", "needs:events"),
        cell("amounts", "needs:events.amount"),
        cell("personas", "needs:personas"),
        cell("truth", "example"),
    ]
    fresh = fitted({"cells": cells, "metadata": {}}, toy, "data = mine")
    assert [cell["source"] for cell in fresh["cells"]] == ["data = mine", "everywhere", "events", "either"]
    assert not any(cell["outputs"] for cell in fresh["cells"])


def test_notebooks_that_are_there_are_not_replaced_unless_asked(toy: kb.Dataset, tmp_path: Path) -> None:
    toy.table("events").to_csv(tmp_path / "events.csv", index=False)
    written = write_notebooks(tmp_path / "events.csv", out=tmp_path / "out")
    written[0].write_text("mine")
    with pytest.raises(kb.ArgumentError, match="out holds 00_data_quality.ipynb, .* already; nothing was written"):
        write_notebooks(tmp_path / "events.csv", out=tmp_path / "out")
    assert written[0].read_text() == "mine"
    write_notebooks(tmp_path / "events.csv", out=tmp_path / "out", force=True)
    assert json.loads(written[0].read_text())["cells"]


def test_notebooks_come_with_the_package() -> None:
    assert [path.suffix for path in shipped_notebooks()] == [".ipynb"] * 11
