"""Check claimed rates by simulation and write docs/simulations.md; `python run.py [--runs 2000] [--only TEXT]`.

Every run has a random generator of its own, made from the names of what is claimed and the number of the run, so that
neither the number of processes nor other claims change a result.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from datetime import UTC, datetime
from multiprocessing import Pool
from pathlib import Path
from zlib import crc32

import numpy as np
from claims import CLAIMS, COVERAGE, Claim
from money import MARK

ROOT = Path(__file__).parent.parent
CHUNK = 50
COLUMNS = ("what", "customers", "nominal", "runs", "found", "standard error", "verdict", "commit", "date")

HEAD = """# Simulated coverage and error rates

Written by `make simulate`. Data is drawn from known laws, and each interval or test is computed as a user would. A
coverage holds if it lies within 2 Monte-Carlo standard errors of the nominal level, an error rate if it is at most 2
above it. Of many rows that hold, one in twenty lies outside by chance. A run without an interval counts as not covered.
"""


def happened(task: tuple[int, int, int]) -> tuple[int, np.ndarray]:
    """In how many of some runs of a claim it happened, by name."""
    index, first, last = task
    claim = CLAIMS[index]
    seed = crc32("".join(claim.names).encode()) + claim.n
    counts = sum(np.array(claim.run(np.random.default_rng([seed, run])), dtype=int) for run in range(first, last))
    return index, np.asarray(counts)


def verdict(claim: Claim, rate: float, error: float) -> str:
    """Whether the rate is the claimed one, and why not."""
    far = (rate - claim.nominal) / error
    if abs(far) <= 2:
        return "holds"
    reason = f": {claim.reason}" if claim.reason else ""
    if claim.nominal != COVERAGE:
        return f"**too many**{reason}" if far > 0 else "holds, conservative"
    return f"**too {'high' if far > 0 else 'low'}**{reason}"


def commit() -> str:
    """The commit the results belong to, with a + if files that matter differ from it."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if name.returncode:
        return "unknown"
    status = [*git, "status", "--porcelain", "--", "kbind", "simulations"]
    changed = subprocess.run(status, capture_output=True, text=True, check=False).stdout.strip()
    return name.stdout.strip() + ("+" if changed else "")


def rows(totals: dict[int, np.ndarray], planned: dict[int, int]) -> dict[tuple[str, str], list[str]]:
    """Cells of the table, by what is claimed and the number of customers."""
    state, day = commit(), f"{datetime.now(UTC):%Y-%m-%d}"
    result = {}
    for index, counts in totals.items():
        claim, runs = CLAIMS[index], planned[index]
        error = float(np.sqrt(claim.nominal * (1 - claim.nominal) / runs))
        for name, count in zip(claim.names, counts, strict=True):
            rate = count / runs
            cells = [f"{claim.nominal:.2f}", f"{runs:,}", f"{rate:.4f}", f"{error:.4f}", verdict(claim, rate, error)]
            result[name, f"{claim.n:,}"] = [name, f"{claim.n:,}", *cells, state, day]
    return result


def kept(path: Path) -> dict[tuple[str, str], list[str]]:
    """The rows of an earlier run."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8").partition(MARK)[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(row[0], row[1]): row for row in cells}


def main() -> None:
    """Simulate, print, write; rows that were not asked for stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "simulations.md")
    options = parser.parse_args()
    asked = [i for i, claim in enumerate(CLAIMS) if any(options.only.lower() in name.lower() for name in claim.names)]
    planned = {i: min(options.runs, CLAIMS[i].most) for i in asked}
    # slow claims stand last in the list: begun first, they leave no process alone at the end
    tasks = [(i, first, min(first + CHUNK, n)) for i, n in reversed(planned.items()) for first in range(0, n, CHUNK)]
    totals: dict[int, np.ndarray] = {}
    with Pool(options.jobs) as pool:
        for done, (index, counts) in enumerate(pool.imap_unordered(happened, tasks), start=1):
            totals[index] = totals.get(index, 0) + counts
            if done % 40 == 0:
                print(f"{done} of {len(tasks)} parts", flush=True)
    found = rows({i: totals[i] for i in asked}, planned)
    before = kept(options.out)
    known = [(name, f"{claim.n:,}") for claim in CLAIMS for name in claim.names]
    table = [found.get(key) or before[key] for key in known if key in found or key in before]
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|--:|--:|--:|--:|--:|---|---|---|"]
    lines += [f"| {' | '.join(cells)} |" for cells in table]
    _, mark, tails = options.out.read_text(encoding="utf-8").partition(MARK) if options.out.exists() else ("", "", "")
    more = f"\n{mark}{tails}" if mark else ""
    options.out.write_text(HEAD + "\n" + "\n".join(lines) + "\n" + more, encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
