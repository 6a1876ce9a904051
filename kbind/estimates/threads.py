"""How many threads a computation gets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: Below so many rows, threads cost more than they bring.
MANY = 50_000


@contextmanager
def threads_for(rows: int) -> Iterator[None]:
    """Let numpy and scikit-learn use one thread, unless there are many rows.

    Notes
    -----
    Models of a few thousand customers are fitted in many short steps, after each of which the threads wait for one
    another. On two idle cores a second thread gained nothing; with other programs running, fits took thirty times as
    long, because threads spin while they wait for one that has no core. One thread also gives the same last digit on
    every machine.
    """
    if rows >= MANY:
        yield
        return
    with one_thread():
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numpy and scikit-learn use one thread each time they are called."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def workers_for(rows: int) -> int:
    """How many pieces of work go on at the same time: one for each processor, or one if there are few rows."""
    if rows < MANY:
        return 1
    # sched_getaffinity is missing on some systems; it knows of processors that others have been given
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
