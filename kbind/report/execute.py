"""Run a chapter's notebook with given parameters, in a kernel of its own."""

from __future__ import annotations

import ast
import asyncio
import atexit
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from kbind.errors import DatasetError, ReportError, did_you_mean, temporary_folder

#: Letters of a folder below which sockets can still be made: their whole names may have a hundred or so.
_LONGEST_PLACE = 70

Progress = Callable[[int, int], None]


def chapter_notebooks() -> dict[str, Path]:
    """Chapter number -> notebook, in order: those installed with kbind, or those of the checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        found = {path.name.split("_")[0]: path for path in sorted(folder.glob("[0-9]*_*.ipynb"))}
        if found:
            return found
    raise ReportError("the chapters' notebooks are not installed; reinstall kbind")


def read_notebook(path: Path) -> NotebookNode:
    """The notebook as it stands."""
    return nbformat.read(path, as_version=4)


def set_parameters(notebook: NotebookNode, values: Mapping[str, object]) -> None:
    """Insert a cell with the values behind the cell tagged `parameters`.

    Raises
    ------
    ReportError
        No such cell, or a name that it does not set.
    """
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise ReportError("the notebook has no cell tagged 'parameters'")
    known = [
        target.id
        for node in ast.parse(notebook.cells[tagged[0]].source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    for name in values:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ReportError(f"the notebook has no parameter {name!r}; {hint}parameters: {', '.join(known)}")
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    notebook.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(source))


def execute(notebook: NotebookNode, name: str, progress: Progress | None = None) -> None:
    """Run all cells in place.

    Parameters
    ----------
    notebook : NotebookNode
        Is filled with outputs.
    name : str
        For messages.
    progress : callable, optional
        Called with the number of cells done and of all cells.

    Raises
    ------
    ReportError
        A cell failed; says which and why, without a traceback.
    DatasetError
        The data turned out to be damaged when it was read.
    """
    cells = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]

    def done(cell: Any, cell_index: int, **_: Any) -> None:
        if progress is not None and cell_index in cells:
            progress(cells.index(cell_index) + 1, len(cells))

    with temporary_folder() as folder, _short_folder() as sockets:
        client = NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            on_cell_executed=done,
            record_timing=False,
        )
        _use_sockets(client, sockets)
        try:
            _run(client)
        except CellExecutionError as error:
            if error.ename.rpartition(".")[2] == DatasetError.__name__:  # found only when the rows were read
                file, _, what = error.evalue.partition(": ")
                raise DatasetError.of(file, what) from error
            raise ReportError(f"{name}: {error.ename.rpartition('.')[2]}: {error.evalue}") from error
        except DeadKernelError as error:
            raise ReportError(f"{name}: the process that ran it died; is there enough memory?") from error


def _use_sockets(client: NotebookClient, folder: Path) -> None:
    """Speak with the kernel through files that only this user can open, not through ports of the machine."""
    manager = client.create_kernel_manager()
    manager.kernel_spec.argv = [sys.executable, "-P", "-m", "kbind.report.kernel", "-f", "{connection_file}"]
    manager.connection_file = str(folder / "k.json")
    if sys.platform != "win32":  # there are no such files there: ports of 127.0.0.1, with a key
        manager.transport = "ipc"


@contextmanager
def _short_folder() -> Iterator[Path]:
    """A folder for sockets, whose whole name may have a hundred letters only: else in a place that is always short."""
    usual = tempfile.gettempdir()
    place = usual if len(os.fsencode(usual)) < _LONGEST_PLACE else "/tmp"  # noqa: S108 - a folder of our own is made
    with tempfile.TemporaryDirectory(prefix="kbind-", dir=place, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _end(process: int) -> None:
    """End a kernel and what it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process, signal.SIGTERM)
        else:
            os.kill(process, signal.SIGTERM)


def _run(client: NotebookClient) -> None:
    """Run the client in a thread: in the main one it would take Ctrl-C for itself."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        # the kernel's own words are not for this terminal
        running = pool.submit(lambda: asyncio.run(client.async_execute(stderr=subprocess.DEVNULL)))
        try:
            running.result()
        except KeyboardInterrupt:
            if client.km is not None and client.km.provisioner is not None and client.km.provisioner.pid:
                _end(client.km.provisioner.pid)
            raise
        finally:
            atexit.unregister(client._cleanup_kernel)  # it is cleaned up here; at exit it would complain
