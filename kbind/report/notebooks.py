"""The notebooks that come with kbind, for a company's own data: what cannot run there is left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import open_dataset
from kbind.errors import ArgumentError, ReportError, check_choice
from kbind.text.messages import LANGUAGES

#: Cells with this tag are about the example only: its truth, other data sets.
EXAMPLE = "example"
#: The cell that opens the data.
SOURCE = "source"
_NEEDS = "needs:"


def shipped_notebooks() -> list[Path]:
    """The notebooks, in order: those installed with kbind, or those of the checkout.

    Raises
    ------
    ReportError
        There are none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if notebooks := sorted(folder.glob("[0-9]*_*.ipynb")):
            return notebooks
    raise ReportError("the notebooks are not installed; reinstall kbind")


def write_notebooks(
    source: str | Path, *, out: str | Path = "notebooks", lang: str = "en", force: bool = False, **declared: Any
) -> list[Path]:
    """Write the notebooks whose questions a company's data can answer, ready to be run on it from top to bottom.

    Parameters
    ----------
    source : path
        As for `open_dataset`.
    out : path
        Folder to write to.
    lang : {"de", "en"}
        Language of the managers' pages at their ends.
    force : bool
        Whether notebooks of the same name may be replaced.
    **declared
        Further arguments of `open_dataset`; they stand in the notebooks as well.

    Returns
    -------
    list of Path
        What was written. Cells that need tables or columns which are not there, and what is about the example only,
        are left out.

    Raises
    ------
    DatasetError, ArgumentError
        The data or an argument cannot be used, or a notebook of that name is there already.
    ReportError
        The folder cannot be written.
    """
    check_choice("lang", lang, LANGUAGES)
    given = {name: value for name, value in declared.items() if value is not None}
    data, folder = open_dataset(source, **given), Path(out)
    setup = _setup(Path(source).resolve(), lang, given)
    texts = {}
    for path in shipped_notebooks():
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if _met(notebook["metadata"].get("kbind", {}).get("needs", []), data):
            texts[folder / path.name] = json.dumps(fitted(notebook, data, setup), ensure_ascii=False, indent=1) + "\n"
    if there := [path.name for path in texts if path.exists() and not force]:
        raise ArgumentError(
            f"{folder} holds {', '.join(there)} already; nothing was written, replace them with --force"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            fresh = path.with_name(f".{path.name}")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
    except OSError as error:
        raise ReportError(f"{folder} cannot be written: {error.strerror or error}") from error
    return list(texts)


def fitted(notebook: Mapping[str, Any], data: Dataset, setup: str) -> dict[str, Any]:
    """A notebook for other data: without outputs, with its source filled in, and without what the data has not."""
    cells = []
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        needs = [tag.removeprefix(_NEEDS).split("|") for tag in tags if tag.startswith(_NEEDS)]
        if EXAMPLE in tags or not _met(needs, data):
            continue
        fresh = {**cell, "source": setup if SOURCE in tags else cell["source"]}
        cells.append(fresh | ({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}))
    return {**notebook, "cells": cells}


def _met(needs: Iterable[Iterable[str]], data: Dataset) -> bool:
    """Whether the data has one of every group of alternatives."""
    return all(any(data.personas is not None if need == "personas" else data.has(need) for need in either)
               for either in needs)  # fmt: skip


def _setup(source: Path, lang: str, declared: Mapping[str, Any]) -> str:
    """The cell that opens the data."""
    arguments = "".join(f", {name}={value!r}" for name, value in declared.items())
    lines = [
        "import kbind as kb",
        "",
        f'lang = "{lang}"  # language of the manager\'s page: "de" or "en"',
        f"data = kb.open_dataset({str(source)!r}{arguments})",
        "data",
    ]
    return "\n".join(lines)
