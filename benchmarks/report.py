"""How long the command line takes, and how much memory: `python report.py [--repeats 3]`; writes into RESULTS.md.

Wall seconds from the start of the process to its end, imports included; CPU seconds and memory of it and of all
processes that it begins.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import results
from results import Figures

import kbind as kb

KBIND = (sys.executable, "-c", "from kbind.cli import main; main()")
CUSTOMERS, EVENTS = 500_000, 10_000_000


def two_rows(folder: Path) -> Path:
    """The smallest log."""
    folder.mkdir()
    (folder / "events.csv").write_text("customer_id,timestamp\n1,2024-01-01\n2,2024-02-01\n")
    return folder


def grocery(folder: Path) -> Path:
    """The purchases that come with a package, as files."""
    folder.mkdir()
    data = kb.datasets.load_grocery()
    for name in data.tables:
        data.table(name).to_parquet(folder / f"{name}.parquet")
    (folder / "kbind.yaml").write_text(f"timezone: {data.timezone}\nas_of: 2018-01-01\n")
    return folder


def company(folder: Path) -> Path:
    """Contracts and usage of many customers, made up."""
    folder.mkdir()
    rng, end = np.random.default_rng(0), np.datetime64("2025-01-01", "s")
    size = rng.choice(["small", "medium", "large"], CUSTOMERS, p=[0.5, 0.3, 0.2])
    industry = rng.choice(["retail", "health", "software", "public"], CUSTOMERS)
    start = np.datetime64("2021-01-01", "s") + rng.integers(0, 1300, CUSTOMERS) * np.timedelta64(86_400, "s")
    risk = np.where(size == "small", 0.03, 0.012) * np.where(industry == "retail", 1.6, 1)
    left = start + rng.geometric(risk) * 30 * np.timedelta64(86_400, "s")
    attributes = {"size": size, "industry": industry, "region": rng.choice(list("nswe"), CUSTOMERS)}
    frame = pd.DataFrame({"customer_id": np.arange(CUSTOMERS), **attributes, "seats": rng.integers(1, 200, CUSTOMERS)})
    frame.to_parquet(folder / "customers.parquet")
    price = np.round(rng.gamma(2, 60, CUSTOMERS) + 5, 2)
    contract = {"start": start, "end": pd.Series(left).where(left < end), "mrr": price}
    pd.DataFrame({"customer_id": np.arange(CUSTOMERS), **contract}).to_parquet(folder / "subscriptions.parquet")
    who = rng.integers(0, CUSTOMERS, EVENTS)
    lived = (np.minimum(left, end) - start)[who].astype("int64")
    when = start[who] + (rng.random(EVENTS) * lived).astype("timedelta64[s]")
    kinds = rng.choice(["login", "report", "export"], EVENTS)
    log = pd.DataFrame({"customer_id": who, "timestamp": when, "kind": kinds})
    log.to_parquet(folder / "events.parquet")
    (folder / "kbind.yaml").write_text("as_of: 2025-01-01\ntimezone: Europe/Berlin\ncurrency: EUR\nmargin: 0.7\n")
    return folder


def measured(words: list[str], repeats: int) -> Figures:
    """Medians of wall and CPU seconds and of the peak of memory."""
    runs = [once(words) for _ in range(repeats)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def once(words: list[str]) -> Figures:
    """One run, looked at ten times a second."""
    before, begun, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0.0
    process = subprocess.Popen([*KBIND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(0.1)
    wall = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{words}: {process.stderr.read() if process.stderr else ''}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall": wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "peak_gb": peak}


def memory(process: int) -> float:
    """GB of a process and of those that it began, shared pages counted once."""
    total, waiting = 0.0, [process]
    while waiting:
        place = Path(f"/proc/{waiting.pop()}")
        try:
            for task in (place / "task").glob("*/children"):
                waiting += map(int, task.read_text().split())
            lines = (place / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 2**20
        except OSError:
            continue  # ended meanwhile
    return total


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as name:
        place, out = Path(name), ["--out", str(Path(name) / "out")]
        jobs = {
            "`kbind check`, a log of two rows": ["check", str(two_rows(place / "two"))],
            "`kbind report --chapters 01`, grocery log of 1.5 million rows": [
                "report", "--data", str(grocery(place / "grocery")), "--chapters", "01", *out],
            "`kbind report`, the example: nine chapters in two languages": ["report", *out],
            f"`kbind report`, {EVENTS:,} events of {CUSTOMERS:,} customers with contracts": [
                "report", "--data", str(company(place / "company")), *out],
        }  # fmt: skip
        rows = []
        for title, words in jobs.items():
            found = measured(words, repeats)
            rows.append(f"| {title} | {found['wall']:.1f} | {found['cpu']:.1f} | {found['peak_gb']:.2f} |")
            print(rows[-1], flush=True)
    when = f"Run on {datetime.now(UTC):%Y-%m-%d}, medians of {repeats}. Machine: {results.machine()}."
    head = ["| command | wall s | CPU s | peak GB |", "|---|--:|--:|--:|"]
    text = "\n".join([when, "", *head, *rows])
    results.write(Path(__file__).parent / "RESULTS.md", {"The command line": text})


if __name__ == "__main__":
    main()
