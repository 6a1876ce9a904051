"""Real files in a folder of their own, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

KBIND = [sys.executable, "-c", "from kbind.cli import main; main()"]

Run = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files by name, text or bytes, into a new folder `shop`; returns it."""

    def _write(**files: str | bytes) -> Path:
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            ending = "" if name.endswith(("_parquet", "_yaml")) else ".csv"
            path = folder / (name.replace("_parquet", ".parquet").replace("_yaml", ".yaml") + ending)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return _write


@pytest.fixture
def run() -> Run:
    """Run `kbind` with arguments; whatever happens, it must not show a traceback."""

    def _run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        result = subprocess.run([*KBIND, *words], capture_output=True, text=True, check=False, **options)
        assert "Traceback" not in result.stderr
        return result

    return _run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount a disk of so many kilobytes; skipped where that is not allowed."""
    mounted: list[Path] = []

    def _mount(kilobytes: int) -> Path:
        place = tmp_path / f"disk-{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        try:
            allowed = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            allowed = False
        if not allowed:
            pytest.skip("a disk of a given size can only be mounted by root")
        mounted.append(place)
        return place

    yield _mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=False)
