"""A real spreadsheet program. Where there is none, every check is skipped by name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

#: As in the Makefile.
SOFFICE = next(filter(None, map(shutil.which, (os.environ.get("KBIND_SOFFICE") or "soffice", "libreoffice"))), None)

Recalculate = Callable[[Sequence[Path]], list[Path]]


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    if SOFFICE:
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason=f"no LibreOffice, so not checked: {item.function.__doc__}"))


@pytest.fixture(scope="session")
def recalculate(tmp_path_factory: pytest.TempPathFactory) -> Recalculate:
    """Let LibreOffice open workbooks, compute every formula and save them as Excel does; one start for all."""
    folder = tmp_path_factory.mktemp("office")

    def convert(paths: Sequence[Path]) -> list[Path]:
        out = folder / f"out-{len(list(folder.iterdir()))}"
        command = [
            str(SOFFICE),
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(out),
            *map(str, paths),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return [out / path.name for path in paths]

    return convert
