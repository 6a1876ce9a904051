"""Run every way side by side and write RESULTS.md; `python run.py [--only TASK] [--repeats 3] ...`.

The ways take turns, each in a process of its own; of each figure the median counts. Files already generated are kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import results
from generate import generate, generate_churned, generate_contracts, generate_customers, generate_lives, generate_usage
from results import Figures
from ways import cox, events, revenue, segments, snapshots, survival

HERE = Path(__file__).parent
#: A data set larger than this is too much for what keeps every row in memory several times.
SMALL = 20_000_000
KINDS = {"int": "integer", "str": "string"}


def run(task: str, way: str, file: Path) -> Figures:
    """One run in a process of its own."""
    command = [sys.executable, HERE / "one.py", task, way, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"ended with {done.returncode} and said nothing"]
        raise SystemExit(f"{way}: {told[-1]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def measure(task: str, ways: Iterable[str], file: Path, repeats: int) -> dict[str, Figures]:
    """Median figures of every way, the ways taking turns."""
    runs: dict[str, list[Figures]] = {way: [] for way in ways}
    for turn in range(repeats):
        for way, taken in runs.items():
            taken.append(run(task, way, file))
            print(f"  {turn + 1}/{repeats} {way:12s} {taken[-1]['wall']:7.2f} s", flush=True)
    return {way: {k: statistics.median(r[k] for r in taken) for k in taken[0]} for way, taken in runs.items()}


def made(file: Path, make: Callable[[Path], None]) -> Path:
    """A generated file, unless it is there already."""
    if not file.exists():
        print(f"generating {file} ...", flush=True)
        make(file)
    print(file.name, flush=True)
    return file


def run_events(options: argparse.Namespace) -> dict[str, str]:
    """Cohort table and life cycle, by number of events and kind of ids."""
    sizes = sorted(int(float(size)) for size in options.sizes.split(","))
    walls: dict[tuple[str, int, str], float] = {}
    lines = [*results.preface(events, options.repeats), "", "Time zone Europe/Berlin."]
    for ids, kind in KINDS.items():
        for size in sizes:
            file = made(options.folder / f"events-{size}-{ids}.parquet", partial(generate, events=size, ids=ids))
            ways = [way for way in events.WAYS if way != "repeatradar" or size <= SMALL]
            found = measure("events", ways, file, options.repeats)
            walls |= {(ids, size, way): figures["wall"] for way, figures in found.items()}
            megabytes = file.stat().st_size / 2**20
            lines += ["", f"### {size:,} events, {kind} ids ({megabytes:,.0f} MB)", "", *results.table(events, found)]
    if len(sizes) > 1:
        first, last = sizes[0], sizes[-1]
        lines += ["", f"### Growth from {first:,} to {last:,} events (wall)", ""]
        lines += ["| way | " + " | ".join(f"{kind} ids" for kind in KINDS.values()) + " |", "|---|--:|--:|"]
        for way in (way for ids, size, way in walls if (ids, size) == ("int", last)):
            cells = [f"{walls[ids, last, way] / walls[ids, first, way]:.1f}" for ids in KINDS]
            lines.append(f"| {events.WAYS[way][0]} | {' | '.join(cells)} |")
    return {"Cohort table and life cycle, from events": "\n".join(lines)}


def run_survival(options: argparse.Namespace) -> dict[str, str]:
    """Kaplan-Meier by four groups and the log-rank test."""
    size = int(float(options.customers))
    file = made(options.folder / f"customers-{size}.parquet", partial(generate_customers, customers=size))
    found = measure("survival", survival.WAYS, file, options.repeats)
    lines = [*results.preface(survival, options.repeats), "", *results.table(survival, found)]
    return {f"Kaplan-Meier and log-rank, {size:,} customers, 4 groups": "\n".join(lines)}


def run_cox(options: argparse.Namespace) -> dict[str, str]:
    """Cox regression on five covariates."""
    lines = results.preface(cox, options.repeats)
    for size in (200_000, 1_000_000):
        file = made(options.folder / f"lives-{size}.parquet", partial(generate_lives, customers=size))
        found = measure("cox", cox.WAYS, file, options.repeats)
        lines += ["", f"### {size:,} customers", "", *results.table(cox, found)]
    return {"Cox regression on 5 covariates": "\n".join(lines)}


def run_revenue(options: argparse.Namespace) -> dict[str, str]:
    """Movements of recurring revenue by month."""
    size = int(float(options.contracts))
    file = made(options.folder / f"contracts-{size}.parquet", partial(generate_contracts, contracts=size))
    found = measure("revenue", revenue.WAYS, file, options.repeats)
    lines = [*results.preface(revenue, options.repeats), "", *results.table(revenue, found)]
    return {f"Recurring revenue by month, {size:,} contracts": "\n".join(lines)}


def run_segments(options: argparse.Namespace) -> dict[str, str]:
    """How well four segments of customers who left come back in 100 resamples."""
    size = int(float(options.churned))
    file = made(options.folder / f"churned-{size}.parquet", partial(generate_churned, churned=size))
    found = measure("segments", segments.WAYS, file, options.repeats)
    lines = [*results.preface(segments, options.repeats), "", *results.table(segments, found)]
    return {f"Stability of 4 segments, {size:,} customers who left": "\n".join(lines)}


def run_snapshots(options: argparse.Namespace) -> dict[str, str]:
    """Twelve observation dates from one log; the ways agree on the features that several of them make."""
    lines = results.preface(snapshots, options.repeats)
    few = ("floor", "kbind", "pandas")
    sizes = {SMALL // 200: tuple(snapshots.WAYS), SMALL // 20: (*few, "featuretools"), SMALL // 2: few}
    for size, ways in sizes.items():
        file = made(options.folder / f"usage-{size}.parquet", partial(generate_usage, events=size))
        if size == SMALL // 200:
            agree(file)
        found = measure("snapshots", ways, file, options.repeats)
        lines += ["", f"### {size:,} events", "", *results.table(snapshots, found)]
    return {"Snapshots at 12 dates, from events": "\n".join(lines)}


def agree(file: Path) -> None:
    """Stop if a way gives another answer than kbind to what both tell."""
    command = [sys.executable, HERE / "one.py", "snapshots"]
    answers = {}
    for way in ("kbind", "pandas", "featuretools_since"):
        done = subprocess.run([*command, way, file, "--answer"], capture_output=True, text=True, check=True)
        answers[way] = json.loads(done.stdout)["answer"]
    for way, answer in answers.items():
        for date, found in answer.items():
            other = {name: answers["kbind"][date][name] for name in found}
            if other != found:
                raise SystemExit(f"{way} and kbind disagree at {date}")


TASKS = {
    "events": run_events,
    "survival": run_survival,
    "cox": run_cox,
    "revenue": run_revenue,
    "snapshots": run_snapshots,
    "segments": run_segments,
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "kbind-benchmarks")
    parser.add_argument("--sizes", default="1e7,1e8", help="numbers of events")
    parser.add_argument("--customers", default="1e7")
    parser.add_argument("--contracts", default="1e7")
    parser.add_argument("--churned", default="1e5", help="customers who left")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for task in [options.only] if options.only else TASKS:
        results.write(options.out, TASKS[task](options))
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
