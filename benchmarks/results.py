"""Figures as Markdown: a table a file, a section a task; sections of tasks that were not run stay as they are."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

Figures = dict[str, float]

HEAD = """# Results

Written by `make bench`. Medians, the ways taking turns, each in a process of its own; libraries loaded before the
clock starts. Ratios travel between machines, seconds do not. Below 1 in the last column is faster than every library.
"""


def table(ways: ModuleType, found: dict[str, Figures]) -> list[str]:
    """One file, with ratios to the floor and to the fastest library."""
    best = min(figures["wall"] for way, figures in found.items() if way not in ways.NO_PEERS)
    lines = ["| way | wall s | CPU s | peak GB | × floor | × best library |", "|---|--:|--:|--:|--:|--:|"]
    for way, f in found.items():
        ratio = "" if way == "floor" else f"{f['wall'] / best:.2f}"
        lines.append(
            f"| {ways.WAYS[way][0]} | {f['wall']:.2f} | {f['cpu']:.2f} | {f['peak_gb']:.2f} "
            f"| {f['wall'] / found['floor']['wall']:.1f} | {ratio} |"
        )
    return lines


def preface(ways: ModuleType, repeats: int) -> list[str]:
    """When, how often, on what, with which versions."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ways.PACKAGES)
    return [
        f"Run on {datetime.now(UTC):%Y-%m-%d}, medians of {repeats}. Machine: {machine()}.",
        "",
        f"Versions: {versions}.",
    ]


def write(path: Path, sections: dict[str, str]) -> None:
    """Put sections, by title, into the file of results; the others in it are kept."""
    kept = {}
    if path.exists():
        parts = re.split(r"^## (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        kept = dict(zip(parts[1::2], parts[2::2], strict=True))
    whole = {title: text.strip("\n") for title, text in (kept | sections).items()}
    temporary = path.with_suffix(".part")
    temporary.write_text(
        "\n".join([HEAD, *(f"## {title}\n\n{text}\n" for title, text in whole.items())]), encoding="utf-8"
    )
    temporary.replace(path)


def machine() -> str:
    """Processor, cores, memory, system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"
