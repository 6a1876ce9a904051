"""Run every way side by side and write RESULTS.md; `python run.py [--folder F] [--sizes 1e7,1e8] [--repeats 3]`.

The ways take turns, each in a process of its own; of each figure the median counts. Files already generated are kept.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from generate import generate

HERE = Path(__file__).parent
PACKAGES = ("kbind", "duckdb", "polars", "pandas", "pyarrow", "numpy", "repeatradar")
TITLES = {
    "floor": "the floor: both columns read, nothing else",
    "kbind": "kbind, public API, checks included",
    "duckdb": "DuckDB, best statement by hand, no checks",
    "polars": "Polars, streaming",
    "pandas": "pandas",
    "repeatradar": "repeatradar (cohorts only)",
}
#: A data set larger than this is too much for what keeps every row in memory several times.
SMALL = 20_000_000

Figures = dict[str, float]


def ways(events: int) -> list[str]:
    """Ways that are run on so many events."""
    return [way for way in TITLES if way != "repeatradar" or events <= SMALL]


def run(way: str, file: Path) -> Figures:
    """One run in a process of its own."""
    done = subprocess.run([sys.executable, HERE / "ways.py", way, file], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr.strip().splitlines()[-1]}")
    result: Figures = json.loads(done.stdout)
    return result


def measure(file: Path, events: int, repeats: int) -> dict[str, Figures]:
    """Median figures of every way, the ways taking turns."""
    runs: dict[str, list[Figures]] = {way: [] for way in ways(events)}
    for turn in range(repeats):
        for way, taken in runs.items():
            taken.append(run(way, file))
            print(f"  {turn + 1}/{repeats} {way:12s} {taken[-1]['wall']:7.2f} s", flush=True)
    return {way: {k: statistics.median(r[k] for r in taken) for k in taken[0]} for way, taken in runs.items()}


def table(found: dict[str, Figures]) -> list[str]:
    """One data set as a Markdown table, with ratios to the floor and to the best peer."""
    peers = [way for way in found if way not in ("floor", "kbind")]
    best = min(found[way]["wall"] for way in peers if way != "duckdb")
    lines = ["| way | wall s | CPU s | peak GB | × floor | × best library |", "|---|--:|--:|--:|--:|--:|"]
    for way, f in found.items():
        ratio = "" if way == "floor" else f"{f['wall'] / best:.2f}"
        lines.append(
            f"| {TITLES[way]} | {f['wall']:.2f} | {f['cpu']:.2f} | {f['peak_gb']:.2f} "
            f"| {f['wall'] / found['floor']['wall']:.1f} | {ratio} |"
        )
    return lines


def machine() -> str:
    """Processor, cores, memory, system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"


def versions() -> str:
    """Versions of the packages that take part."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "kbind-benchmarks")
    parser.add_argument("--sizes", default="1e7,1e8")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sizes = sorted(int(float(size)) for size in options.sizes.split(","))
    walls: dict[tuple[str, int, str], float] = {}
    lines: list[str] = []
    for ids in ("int", "str"):
        for events in sizes:
            file = options.folder / f"events-{events}-{ids}.parquet"
            if not file.exists():
                print(f"generating {file} ...", flush=True)
                generate(file, events, ids)
            kind = "integer" if ids == "int" else "string"
            print(f"{events:,} events, {kind} ids", flush=True)
            found = measure(file, events, options.repeats)
            walls |= {(ids, events, way): figures["wall"] for way, figures in found.items()}
            lines += [
                "",
                f"## {events:,} events, {kind} ids ({file.stat().st_size / 2**20:,.0f} MB)",
                "",
                *table(found),
            ]
    growth = ["| way | " + " | ".join(f"{ids} ids" for ids in ("integer", "string")) + " |", "|---|--:|--:|"]
    for way in ways(sizes[-1]):
        cells = [f"{walls[ids, sizes[-1], way] / walls[ids, sizes[0], way]:.1f}" for ids in ("int", "str")]
        growth.append(f"| {TITLES[way]} | {' | '.join(cells)} |")
    head = [
        "# Results",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}. Medians of {options.repeats} runs, the ways taking "
        "turns; time zone Europe/Berlin; libraries loaded before the clock starts. Ratios travel between machines, "
        "seconds do not. Below 1 in the last column is faster than every library.",
        "",
        f"Machine: {machine()}.",
        "",
        f"Versions: {versions()}.",
    ]
    tail = ["", f"## Growth from {sizes[0]:,} to {sizes[-1]:,} events (wall)", "", *growth]
    text = "\n".join([*head, *lines, *(tail if len(sizes) > 1 else [])]) + "\n"
    temporary = options.out.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(options.out)
    print(text)


if __name__ == "__main__":
    main()
