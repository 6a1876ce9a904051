"""One way alone in this process: `python one.py TASK WAY FILE [--answer]`; the tasks are those of `run.py`.

It runs once on a small file first, so that loading its libraries is not measured.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def measured(task: str, way: str, file: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Wall and CPU seconds, peak memory of the process in GB, and the answer."""
    ways = importlib.import_module(f"ways.{task}")
    _, run = ways.WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.parquet"
        ways.small(small)
        run(str(small))
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    answer = run(file)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "peak_gb": after.ru_maxrss / 2**20}, answer


if __name__ == "__main__":
    figures, found = measured(*sys.argv[1:4])
    print(json.dumps(figures | ({"answer": found} if "--answer" in sys.argv else {})))
