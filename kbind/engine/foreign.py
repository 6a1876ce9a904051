"""What a view of somebody's database computes, carried out in a process of its own.

A view is a program that came with the data. It runs without access to any other file or to the network, with limits of
time, memory and disk, and where it cannot be interrupted this process can be ended. Run as a script, with one argument
in JSON; imports nothing of kbind, so that it starts at once. What went wrong is printed as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import duckdb


def compute(database: str, view: str, target: str, seconds: int) -> None:
    """Store the rows of a view as the table `computed` of a new database."""
    _limit(Path(target).parent, seconds)
    connection = duckdb.connect(":memory:")
    for statement in (
        "SET TimeZone = 'UTC'",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET python_enable_replacements = false",
        f"SET temp_directory = {_text(str(Path(target).parent / 'spill'))}",
        f"ATTACH {_text(database)} AS source (TYPE duckdb, READ_ONLY)",
        f"ATTACH {_text(target)} AS target (TYPE duckdb)",
        # the engine keeps writing to what is attached; no statement may name another file
        "SET enable_external_access = false",
        f"SET max_execution_time = {seconds * 1000}",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
    name = view.replace('"', '""')
    connection.execute(f'CREATE TABLE target.computed AS SELECT * FROM source.main."{name}"')
    connection.close()


def _limit(folder: Path, seconds: int) -> None:
    """At most three quarters of the memory, half of the free disk, and as much time as all processors have."""
    try:
        import resource
    except ImportError:  # Windows: what does not end is still ended, by who started this
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for what, most in (
        (resource.RLIMIT_AS, memory * 3 // 4),
        (resource.RLIMIT_FSIZE, shutil.disk_usage(folder).free // 2),
        (resource.RLIMIT_CPU, (seconds + 10) * (os.cpu_count() or 1)),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, hard))


def _end_after(parent: int) -> None:
    """End with the process that began this one; on Windows, when time is over."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    threading.Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()
    try:
        compute(**json.loads(sys.argv[1]))
    except (duckdb.Error, MemoryError) as error:
        print(json.dumps({"kind": type(error).__name__, "message": str(error)}))
