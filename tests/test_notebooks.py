"""What nbval cannot see in a notebook: cells never executed, typed results, missing text alternatives, long cells."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LONGEST = 15
TAGS = r"source|page|example|needs:[\w.:|]+"


def problems(notebook: dict[str, Any]) -> list[str]:
    """Everything wrong with a notebook, by cell."""
    found = []
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    if notebook["metadata"]["kernelspec"]["display_name"] != "Python 3 (ipykernel)":
        found.append("kernelspec")
    if _tags(code[0]) != ["source"] or "page" not in _tags(code[-1]):
        found.append("does not begin with its data and end with the page")
    for cell in cells:
        source = "".join(cell["source"])
        if unknown := [tag for tag in _tags(cell) if not re.fullmatch(TAGS, tag)]:
            found.append(f"{cell['id']}: unknown tags {unknown}")
        if cell["cell_type"] == "markdown":
            if re.search(r"\d", re.sub(r"`[^`]*`|[Cc]hapters? [\da-d, and]+", "", source)):
                found.append(f"{cell['id']}: digit in prose")
            continue
        found += [f"{cell['id']}: {problem}" for problem in (*_in_code(source), *_in_outputs(cell))]
    counts = [cell["execution_count"] for cell in code]
    if counts != list(range(1, len(counts) + 1)):
        found.append("not executed from top to bottom")
    return found


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def _in_code(source: str) -> list[str]:
    """What a walk-through does not do."""
    found = ["long"] * (len(source.splitlines()) > LONGEST)
    nodes = list(ast.walk(ast.parse(source)))
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    if any(module.startswith("kbind.") for module in modules):
        found.append("imports from inside kbind")
    if any(isinstance(node, (ast.If, ast.Try)) for node in nodes) or "None if" in source or "else None" in source:
        found.append("asks what there is")
    if source.rstrip().endswith(";"):
        found.append("trailing semicolon hides its output")
    return found


def _in_outputs(cell: dict[str, Any]) -> list[str]:
    """What an output must not hold, or lacks."""
    found = ["never executed"] * (cell["execution_count"] is None)
    tabled = any(output["output_type"] == "execute_result" for output in cell["outputs"])  # its numbers as a table
    for output in cell["outputs"]:
        if output["output_type"] in ("error", "stream") and output.get("name") != "stdout":
            found.append(output["output_type"])
        data = output.get("data", {})
        text = "".join(data.get("text/plain", ""))
        if "image/png" in data and not tabled and not re.match(r"\[Figure: [^\]]*\d", text):
            found.append("no text alternative with numbers")
        if re.search(r"0x[0-9a-f]{8,}|/(home|root|tmp|work|Users)/", text):
            found.append("address or path in output")
    return found


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_is_fit_to_be_published(path: Path) -> None:
    assert problems(json.loads(path.read_text())) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[1].update(execution_count=None), "never executed"),
        (lambda c: c[0].update(source=["Retention is 84 %."]), "digit in prose"),
        (lambda c: c[0]["metadata"].update(tags=["method"]), "unknown tags"),
        (lambda c: c[1]["metadata"].update(tags=[]), "does not begin with its data"),
        (lambda c: c[1].update(source=["x = 1\n"] * 16), "long"),
        (lambda c: c[1].update(source=["from kbind.errors import told"]), "imports from inside"),
        (lambda c: c[1].update(source=["if data.has('events'):\n", "    data"]), "asks what there is"),
        (lambda c: c[1].update(source=["data;"]), "trailing semicolon"),
        (lambda c: c[1].update(outputs=[{"output_type": "error"}]), "error"),
        (lambda c: c[1].update(outputs=[{"output_type": "display_data", "metadata": {},
                                         "data": {"image/png": "", "text/plain": "<Figure size 640x480>"}}]),
         "no text alternative"),
    ],
    ids=["stripped", "typed number", "unknown tag", "no source", "long", "inside", "condition", "semicolon", "error",
         "picture without text"],
)  # fmt: skip
def test_static_check_finds(change: Any, message: str) -> None:
    notebook = json.loads(NOTEBOOKS[0].read_text())
    change(notebook["cells"])
    assert any(message in problem for problem in problems(notebook))
