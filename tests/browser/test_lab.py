"""A chapter in JupyterLab, as a data scientist opens it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

CHAPTER = sorted((Path(__file__).parents[2] / "notebooks").glob("01_*.ipynb"))[0]
PATIENCE = 120  # seconds; only a run that hangs waits so long


def _wait(what: str, found: Callable[[], Any], pause: Callable[[], None] = lambda: time.sleep(0.2)) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if result := found():
            return result
        pause()
    raise AssertionError(f"waited {PATIENCE} s for {what}")


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A copy of the chapter without outputs, so that those found later were made here."""
    content = nbformat.read(CHAPTER, as_version=4)
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    path = tmp_path / "notebooks" / CHAPTER.name
    path.parent.mkdir()
    nbformat.write(content, path)
    return path


@pytest.fixture
def lab(notebook: Path, tmp_path: Path) -> Iterator[str]:
    """Address of a running JupyterLab that knows nothing of the user's settings and asks nobody for news."""
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(tmp_path / name) for name in folders}
    own |= {f"JUPYTERLAB_{name}_DIR": str(tmp_path / name) for name in ("SETTINGS", "WORKSPACES")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
               f"--ServerApp.root_dir={notebook.parent}", "--LabApp.extension_manager=readonly",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    log = tmp_path / "lab.log"
    with log.open("w") as lines:
        server = subprocess.Popen(command, env=os.environ | own, cwd=tmp_path, stdout=lines, stderr=subprocess.STDOUT)
        try:
            runtime = Path(own["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{server.pid}.json"
            _wait("JupyterLab", lambda: runtime.exists() or server.poll() is not None)
            assert server.poll() is None, log.read_text()
            running = _wait("its address", lambda: _read(runtime))
            yield f"{running['url']}lab/tree/{notebook.name}?token={running['token']}"
        finally:
            server.terminate()  # ends its kernels too
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _read(path: Path) -> Any:
    """The JSON, once it is written to the end."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _code(content: Any) -> list[Any]:
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"] if content else []


def _shown(cells: list[Any]) -> list[Any]:
    """What the cells put out: blocks for the page, and kinds of everything."""
    outputs = [output for cell in cells for output in cell["outputs"]]
    return [(output.get("metadata", {}).get("kbind"), sorted(output.get("data", {}))) for output in outputs]


def _kernel_is_connected(page: Page, lab: str) -> bool:
    """The page alone does not tell: it shows an idle kernel while there is none yet."""
    kernels = page.request.get(lab.replace("lab/tree/" + CHAPTER.name, "api/kernels")).json()
    return any(kernel["execution_state"] == "idle" and kernel["connections"] for kernel in kernels)


def _executed_and_saved(page: Page, notebook: Path) -> list[Any]:
    """The code cells of the file, once all of them were executed."""
    page.keyboard.press("Control+s")
    cells = _code(_read(notebook))
    failed = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert not failed, failed[0]["evalue"]
    return cells if all(cell["execution_count"] for cell in cells) else []


def test_chapter_runs_in_jupyterlab(lab: str, notebook: Path, browser: Browser) -> None:
    """a chapter run and saved in JupyterLab"""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(lab)
    _wait("the kernel", lambda: _kernel_is_connected(page, lab), lambda: page.wait_for_timeout(200))
    status = page.locator(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator")
    expect(status).to_have_attribute("data-status", "idle", timeout=PATIENCE * 1000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    cells = _wait("all cells", lambda: _executed_and_saved(page, notebook), lambda: page.wait_for_timeout(1000))
    page.close()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert _shown(cells) == _shown(_code(_read(CHAPTER)))
