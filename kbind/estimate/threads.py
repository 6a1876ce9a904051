"""How many threads a computation gets."""

from __future__ import annotations

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
    from threadpoolctl import threadpool_limits

    if rows >= MANY:
        yield
        return
    with threadpool_limits(limits=1):
        yield
