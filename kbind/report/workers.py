"""Chapters side by side: each worker is a process that opens the data once and writes chapters one after the other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import matplotlib as mpl
from threadpoolctl import threadpool_limits

from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import open_dataset
from kbind.errors import DatasetError, KbindError
from kbind.report.contents import number_of
from kbind.report.example import example
from kbind.report.pages import Page, failed_page
from kbind.report.report import Report

#: CPU seconds that chapters take, about, of the example; only for the time left, and for what goes first.
_EFFORT = {"04": 45, "05": 25, "03": 15, "01b": 5, "02": 4, "01d": 4, "01": 3, "00": 3, "01c": 1}
#: Seconds between two looks at whether anything has happened.
_GLANCE = 0.2
#: Told with what is being done, and how much of all the work is done.
Progress = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Job:
    """What is written, of which data, and how.

    Parameters
    ----------
    source : str or None
        As for `open_dataset`; None: the example.
    declared : mapping
        Further arguments of `open_dataset`.
    options : mapping
        Arguments of `Report`.
    languages : sequence of str
    """

    source: str | None
    declared: Mapping[str, Any]
    options: Mapping[str, Any]
    languages: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """A chapter's pages; of one that failed, pages that say so, and why."""

    name: str
    pages: Sequence[Page]
    why: str = ""
    damage: Sequence[Any] = field(default=())


def write_chapters(names: Sequence[str], job: Job, progress: Progress | None = None) -> list[Outcome]:
    """Write chapters on all cores; what comes back is in the order of the names.

    Raises
    ------
    DatasetError
        The data turned out to be damaged when it was read.
    """
    order = sorted(names, key=lambda name: -_EFFORT[number_of(name)])
    watch = _Watch(order, len(job.languages), progress)
    outcomes = _side_by_side(order, job, watch)
    for name in (name for name in order if name not in outcomes):  # a process died, and took its neighbours along
        outcomes |= _side_by_side([name], job, watch)
    for name in (name for name in order if name not in outcomes):
        outcomes[name] = _failed(name, job, "the process that ran it died; is there enough memory?")
    if damage := next((found.damage for found in outcomes.values() if found.damage), None):
        raise DatasetError(damage)
    return [outcomes[name] for name in names]


def _side_by_side(names: Sequence[str], job: Job, watch: _Watch) -> dict[str, Outcome]:
    """Outcomes of chapters, as far as no process died."""
    outcomes: dict[str, Outcome] = {}
    context = multiprocessing.get_context("spawn")
    steps, workers = context.SimpleQueue(), min(_cores(), len(names))
    begin = (job, steps, max(_cores() // workers, 1))
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=begin)
    with pool, _ended_with_us():
        running = {}
        with suppress(BrokenProcessPool), _deaf_children():
            for name in names:
                running[pool.submit(_write, name)] = name
        while running:
            done, _ = wait(running, timeout=_GLANCE, return_when=FIRST_COMPLETED)
            while not steps.empty():
                watch.step(*steps.get())
            for future in done:
                name = running.pop(future)
                with suppress(BrokenProcessPool):
                    outcomes[name] = future.result()
                    watch.finish(name)
    return outcomes


class _Watch:
    """How much of the work is done, by the effort of chapters and the steps that they have taken."""

    def __init__(self, names: Sequence[str], languages: int, progress: Progress | None) -> None:
        self.share = dict.fromkeys(names, 0.0)
        self.steps, self.progress = languages, progress

    def step(self, name: str, number: int, what: str) -> None:
        """A step of a chapter has begun."""
        self.share[name] = max(self.share[name], number / self.steps)
        self._tell(f"{number_of(name)} {what}")

    def finish(self, name: str) -> None:
        """A chapter is written."""
        self.share[name] = 1.0
        self._tell(f"{number_of(name)} written")

    def _tell(self, what: str) -> None:
        if self.progress is not None:
            effort = {name: float(_EFFORT[number_of(name)]) for name in self.share}
            done = sum(effort[name] * share for name, share in self.share.items())
            self.progress(what, done, sum(effort.values()))


def _failed(name: str, job: Job, why: str) -> Outcome:
    return Outcome(name, [failed_page(name, lang, job.languages) for lang in job.languages], why)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _ended_with_us() -> Iterator[None]:
    """End the workers at once where we are interrupted, instead of waiting for their chapters."""
    before = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Begin processes that Ctrl-C does not reach: it is for us, and we end them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in a worker ---------------------------------------------------------------------------------------------------

_WORK: dict[str, Any] = {}


def _begin(job: Job, steps: Any, threads: int) -> None:
    """Begin to work: in silence, on some threads, until the process that began us ends us or ends."""
    if not os.environ.get("KBIND_DEBUG"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # warnings of libraries are not for this terminal
    mpl.use("Agg")
    import sklearn.ensemble  # noqa: F401 - what is loaded later would not be limited

    threadpool_limits(threads)
    threading.Thread(target=_end_after, args=(multiprocessing.parent_process(),), daemon=True).start()
    _WORK.update(job=job, steps=steps)


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


@cache
def _own_data() -> Dataset:
    job: Job = _WORK["job"]
    return open_dataset(job.source, **job.declared)


@cache
def _report_on(data: Dataset) -> Report:
    return Report(data, **_WORK["job"].options)


def _write(name: str) -> Outcome:
    """One chapter in all languages."""
    job, pages = _WORK["job"], []
    try:
        for number, lang in enumerate(job.languages):
            _WORK["steps"].put((name, number, lang))
            report = _report_on(example(name, lang) if job.source is None else _own_data())
            pages.append(report.page_of(name, lang, job.languages))
        return Outcome(name, pages)
    except DatasetError as error:
        return Outcome(name, [], str(error), error.problems)
    except KbindError as error:
        return _failed(name, job, str(error))
    except Exception as error:
        if os.environ.get("KBIND_DEBUG"):
            raise
        return _failed(name, job, f"unexpected {type(error).__name__}: {error}; KBIND_DEBUG=1 shows where")
