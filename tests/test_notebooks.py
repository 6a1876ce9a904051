"""What nbval cannot see in a notebook: cells never executed, typed results, missing text alternatives, long cells."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LONGEST = 15


def problems(notebook: dict[str, Any]) -> list[str]:
    """Everything wrong with a notebook, by cell."""
    found = []
    cells = notebook["cells"]
    if notebook["metadata"]["kernelspec"]["display_name"] != "Python 3 (ipykernel)":
        found.append("kernelspec")
    if not any("parameters" in cell["metadata"].get("tags", []) for cell in cells):
        found.append("no parameters")
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            if "method" not in cell["metadata"].get("tags", []):
                found.append(f"{cell['id']}: not tagged method")
            if re.search(r"\d", source):
                found.append(f"{cell['id']}: digit in prose")
            continue
        if len(source.splitlines()) > LONGEST:
            found.append(f"{cell['id']}: long")
        if cell["execution_count"] is None:
            found.append(f"{cell['id']}: never executed")
        if source.rstrip().endswith(";"):
            found.append(f"{cell['id']}: trailing semicolon hides its output")
        for output in cell["outputs"]:
            if output["output_type"] in ("error", "stream") and output.get("name") != "stdout":
                found.append(f"{cell['id']}: {output['output_type']}")
            data = output.get("data", {})
            if "image/png" in data:
                text = "".join(data["text/plain"])
                alt = output["metadata"].get("image/png", {}).get("alt", "")
                if not text.startswith("[Figure: ") or alt not in text or not re.search(r"\d", alt):
                    found.append(f"{cell['id']}: no text alternative with numbers")
            if re.search(r"0x[0-9a-f]{8,}|/(home|root|tmp|work|Users)/", json.dumps(data.get("text/plain", ""))):
                found.append(f"{cell['id']}: address or path in output")
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    if counts != list(range(1, len(counts) + 1)):
        found.append("not executed from top to bottom")
    return found


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_fit_to_be_published(path: Path) -> None:
    assert problems(json.loads(path.read_text())) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[-2].update(execution_count=None), "never executed"),
        (lambda c: c[0].update(source=["Retention is 84 %."]), "digit in prose"),
        (lambda c: c[0]["metadata"].update(tags=[]), "not tagged method"),
        (lambda c: c[1].update(source=["x = 1\n"] * 16), "long"),
        (lambda c: c[2].update(outputs=[{"output_type": "error"}]), "error"),
        (lambda c: c[2].update(outputs=[{"output_type": "display_data", "metadata": {},
                                         "data": {"image/png": "", "text/plain": "<Figure size 640x480>"}}]),
         "no text alternative"),
    ],
    ids=["stripped", "typed number", "untagged", "long", "error", "picture without text"],
)  # fmt: skip
def test_static_check_finds(change: Any, message: str) -> None:
    notebook = json.loads(NOTEBOOKS[0].read_text())
    change(notebook["cells"])
    assert any(message in problem for problem in problems(notebook))
