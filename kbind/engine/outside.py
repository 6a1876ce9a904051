"""Views of databases that somebody sent: started in a process of their own, and ended where they do not end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from kbind.engine.failures import EngineError
from kbind.errors import ArgumentError, plain

#: Seconds that the views of a database may compute, unless KBIND_QUERY_SECONDS says otherwise.
_SECONDS = 600


def compute(database: str, view: str, target: Path, *, library: Path) -> None:
    """Let a process of its own compute a view, and end it where it does not end; `library` is where the engine is."""
    seconds = _query_seconds()
    job = {"database": database, "view": view, "target": str(target), "seconds": seconds}
    packages = os.pathsep.join([str(library), *filter(None, sys.path)])
    environment = {**os.environ, "HOME": str(target.parent), "PYTHONPATH": packages}
    command = [sys.executable, "-P", str(Path(__file__).with_name("foreign.py")), json.dumps(job)]
    endless = EngineError(f"was stopped after {seconds:,} seconds (KBIND_QUERY_SECONDS): it does not end, or not soon")
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            command,
            cwd=target.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds + 5,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise endless from error
    failure = json.loads(done.stdout) if done.stdout else {}
    kind, message = failure.get("kind", ""), failure.get("message", "").split("\n")[0]
    outside = re.search(r'Cannot access (?:file|directory) "(.*?)" - ', message)
    if kind == "InterruptException":
        raise endless
    if outside:
        raise EngineError(f"reads {plain(outside[1], 200)!r}, which is not part of this database")
    if done.returncode or kind in ("MemoryError", "OutOfMemoryException", "IOException"):
        raise EngineError("needs more memory or disk than there is")
    if failure:
        raise EngineError(f"cannot be computed: {plain(message, 300)}")


def _query_seconds() -> int:
    given = os.environ.get("KBIND_QUERY_SECONDS", "").strip()
    if not given:
        return _SECONDS
    if not given.isdecimal() or not 1 <= int(given) <= 10**6:
        raise ArgumentError(f"KBIND_QUERY_SECONDS={given!r} is not possible; allowed: whole numbers from 1 to 1000000")
    return int(given)
