"""The notebooks in JupyterLab, as a data scientist opens them."""

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

from kbind.report.contents import NAMES

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
#: Run from top to bottom in JupyterLab; the others, which compute for a minute, are opened as they are.
RUN = [path for path in NOTEBOOKS if path.name.startswith(("00", "01", "02"))]
PATIENCE = 120  # seconds; only a run that hangs waits so long


def _wait(what: str, found: Callable[[], Any], pause: Callable[[], None] = lambda: time.sleep(0.2)) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if result := found():
            return result
        pause()
    raise AssertionError(f"waited {PATIENCE} s for {what}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the notebooks; those that are run have no outputs, so that the ones found later were made here."""
    place = tmp_path_factory.mktemp("lab") / "notebooks"
    place.mkdir()
    for path in NOTEBOOKS:
        content = nbformat.read(path, as_version=4)
        for cell in content.cells:
            if cell.cell_type == "code" and path in RUN:
                cell.outputs, cell.execution_count = [], None
        nbformat.write(content, place / path.name)
    return place


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[str]:
    """Address of a running JupyterLab that knows nothing of the user's settings and asks nobody for news."""
    home = folder.parent
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(home / name) for name in folders}
    own |= {f"JUPYTERLAB_{name}_DIR": str(home / name) for name in ("SETTINGS", "WORKSPACES")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
               f"--ServerApp.root_dir={folder}", "--LabApp.extension_manager=readonly",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    log = home / "lab.log"
    with log.open("w") as lines:
        server = subprocess.Popen(command, env=os.environ | own, cwd=home, stdout=lines, stderr=subprocess.STDOUT)
        try:
            runtime = Path(own["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{server.pid}.json"
            _wait("JupyterLab", lambda: runtime.exists() or server.poll() is not None)
            assert server.poll() is None, log.read_text()
            running = _wait("its address", lambda: _read(runtime))
            yield f"{running['url']}{{}}?token={running['token']}"
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


def _kernel_is_connected(page: Page, lab: str, name: str) -> bool:
    """The page alone does not tell: it shows an idle kernel while there is none yet."""
    sessions = page.request.get(lab.format("api/sessions")).json()
    kernels = [session["kernel"] for session in sessions if session["path"] == name]
    return any(kernel["execution_state"] == "idle" and kernel["connections"] for kernel in kernels)


def _executed_and_saved(page: Page, notebook: Path) -> list[Any]:
    """The code cells of the file, once all of them were executed."""
    page.keyboard.press("Control+s")
    cells = _code(_read(notebook))
    failed = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert not failed, failed[0]["evalue"]
    return cells if all(cell["execution_count"] for cell in cells) else []


def _opened(browser: Browser, lab: str, name: str) -> Page:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(lab.format(f"lab/workspaces/{name[:3].strip('_')}/tree/{name}"))
    _wait("the kernel", lambda: _kernel_is_connected(page, lab, name), lambda: page.wait_for_timeout(200))
    status = page.locator(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator")
    expect(status).to_have_attribute("data-status", "idle", timeout=PATIENCE * 1000)
    return page


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_notebook_runs_in_jupyterlab(lab: str, folder: Path, browser: Browser, path: Path) -> None:
    """a notebook run and saved in JupyterLab"""
    page = _opened(browser, lab, path.name)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    saved = folder / path.name
    cells = _wait("all cells", lambda: _executed_and_saved(page, saved), lambda: page.wait_for_timeout(1000))
    page.close()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert _shown(cells) == _shown(_code(_read(path)))


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path not in RUN], ids=lambda path: path.stem)
def test_notebook_shows_its_pictures_and_page_in_jupyterlab(lab: str, browser: Browser, path: Path) -> None:
    """a notebook opened in JupyterLab"""
    page = _opened(browser, lab, path.name)
    cells = page.locator(".jp-NotebookPanel .jp-Notebook .jp-Cell")
    outputs = [output for cell in _code(_read(path)) for output in cell["outputs"]]
    for _ in range(cells.count() + len(outputs)):  # what is not in sight is not drawn yet
        page.keyboard.press("PageDown")
    if path.stem in NAMES:  # 08 has no page
        page.locator("article.kbind h1").first.scroll_into_view_if_needed()
        expect(page.locator("article.kbind h1").first).to_be_visible()
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    assert pictures
    assert (
        page.locator(".jp-OutputArea-output.jp-mod-error, [data-mime-type='application/vnd.jupyter.stderr']").count()
        == 0
    )
    page.close()
