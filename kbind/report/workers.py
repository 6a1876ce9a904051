"""Chapters side by side: each worker is a process that opens the data once and writes chapters one after the other."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
from threadpoolctl import threadpool_limits

from kbind.dataset.dataset import Dataset
from kbind.dataset.opening import open_dataset
from kbind.engine.engine import share_machine
from kbind.errors import DatasetError, KbindError, Problem, temporary_folder
from kbind.report.blocks import Summary
from kbind.report.contents import number_of
from kbind.report.example import example
from kbind.report.lists import Lists
from kbind.report.pages import Around, Page, failed_page
from kbind.report.report import Report
from kbind.text.marks import plain

#: CPU seconds that chapters take, about, of the example; only for the time left, and for what goes first.
_EFFORT = {"04": 45, "05": 25, "03": 45, "06": 25, "07": 8, "01b": 5, "02": 4, "01d": 4, "01": 3, "00": 3, "01c": 1}
#: A chapter of so little effort comes first.
_QUICK = 3
#: Seconds between two looks at whether anything has happened.
_GLANCE = 0.2
#: Told with what is being done, and how much of all the work is done.
OnProgress = Callable[[str, float, float], None]


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
    names : sequence of str
        Chapters of the report.
    lists : bool
        Whether lists of customers are wanted.
    """

    source: str | None
    declared: Mapping[str, Any]
    options: Mapping[str, Any]
    languages: Sequence[str]
    names: Sequence[str] = ()
    lists: bool = False


@dataclass(frozen=True)
class Outcome:
    """A chapter's pages, what it found in a sentence, and lists; of one that failed, pages that say so, and why."""

    name: str
    pages: Sequence[Page]
    why: str = ""
    damage: Sequence[Problem] = ()
    lists: Lists = field(default_factory=dict)
    finding: str = ""


def write_chapters(names: Sequence[str], job: Job, progress: OnProgress | None = None) -> list[Outcome]:
    """Write chapters on all cores; what comes back is in the order of the names.

    Raises
    ------
    DatasetError
        The data turned out to be damaged when it was read.
    """
    # the quick ones first, so that there is something to read; then the slowest, so that nobody waits for it at the end
    order = sorted(names, key=lambda name: (_effort(name) > _QUICK, -_effort(name) if _effort(name) > _QUICK else 0))
    watch = _Watch(order, progress)
    outcomes = _side_by_side(order, job, watch)
    for name in order:
        if name not in outcomes:  # a process died, and took its neighbours along: once more, alone
            again = _side_by_side([name], job, watch)
            outcomes |= again or {name: _failed(name, job, "the process that ran it died; is there enough memory?")}
            watch.finish(outcomes[name])
    return [outcomes[name] for name in names]


def _side_by_side(names: Sequence[str], job: Job, watch: _Watch) -> dict[str, Outcome]:
    """Outcomes of chapters, as far as no process died.

    Outcomes come as files in a folder that is removed however the workers end: a process that died while it sent much
    through a pipe would keep us waiting for the rest.
    """
    outcomes: dict[str, Outcome] = {}
    context = multiprocessing.get_context("spawn")
    # the queue comes first: it begins a helper process, which undoes that Ctrl-C is held back
    steps, workers = context.SimpleQueue(), min(_cores(), len(names))
    with temporary_folder() as folder:
        begin = (job, steps, workers, folder)
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker, initargs=begin)
        with pool, _ended_with_us():
            running = {}
            with suppress(BrokenProcessPool), _without_main(), _deaf_children():
                for name in names:
                    running[pool.submit(_work, name)] = name
            while running:
                done, _ = wait(running, timeout=_GLANCE, return_when=FIRST_COMPLETED)
                while not steps.empty():
                    watch.step(*steps.get())
                for future in done:
                    name = running.pop(future)
                    with suppress(BrokenProcessPool):
                        future.result()
                        outcomes[name] = pickle.loads((folder / name).read_bytes())  # noqa: S301 - of our own worker
                        watch.finish(outcomes[name])
    return outcomes


class _Watch:
    """How much of the work is done, by the effort of chapters."""

    def __init__(self, names: Sequence[str], progress: OnProgress | None) -> None:
        self.finished: set[str] = set()
        self.total, self.progress = sum(map(_effort, names)), progress

    def step(self, name: str, what: str) -> None:
        """A step of a chapter has begun."""
        if self.progress is not None:
            self.progress(f"{number_of(name)} {what}", sum(map(_effort, self.finished)), self.total)

    def finish(self, outcome: Outcome) -> None:
        """A chapter is written, or has failed; damaged data ends the report.

        Raises
        ------
        DatasetError
        """
        if outcome.damage:
            raise DatasetError(outcome.damage)
        if outcome.name not in self.finished:
            self.finished.add(outcome.name)
            found = f"written: {outcome.finding}" if outcome.finding else "written"
            self.step(outcome.name, "failed" if outcome.why else found)


def _effort(name: str) -> float:
    return _EFFORT.get(number_of(name), 5)


def _failed(name: str, job: Job, why: str) -> Outcome:
    around = Around.of(name, job.names)
    return Outcome(name, [failed_page(name, lang, job.languages, around) for lang in job.languages], why)


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
            child.kill()  # nothing of theirs has to be put away: it lies in our folder
        raise


@contextmanager
def _without_main() -> Iterator[None]:
    """Begin processes that do not run the caller's script once more."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Begin processes that Ctrl-C does not reach: it is for us, and we end them. On Windows it reaches them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in a worker ---------------------------------------------------------------------------------------------------

_STATE: dict[str, Any] = {}


def _begin_worker(job: Job, steps: Any, workers: int, folder: Path) -> None:
    """Begin to work: in silence, on a share of the machine, until the process that began us ends us or ends."""
    threading.Thread(target=_end_after, args=(multiprocessing.parent_process(),), daemon=True).start()
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)  # removed with it, however we end
    if not os.environ.get("KBIND_DEBUG"):
        _silence()
    mpl.use("Agg")
    import sklearn.ensemble  # noqa: F401 - what is loaded later would not be limited

    threadpool_limits(max(_cores() // workers, 1))
    share_machine(workers)
    _STATE.update(job=job, steps=steps, folder=folder)


def _silence() -> None:
    """What libraries print and warn of is not for this terminal."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    os.close(quiet)


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


@cache
def _own_data() -> Dataset:
    job: Job = _STATE["job"]
    return open_dataset(job.source, **job.declared)


@cache
def _report_on(data: Dataset) -> Report:
    return Report(data, **_STATE["job"].options)


def _work(name: str) -> None:
    """Write one chapter in all languages, and leave what came of it in the folder."""
    try:
        pages, finding = _pages(name)
        outcome = Outcome(name, pages, lists=_lists(name) if _STATE["job"].lists else {}, finding=finding)
    except DatasetError as error:
        outcome = Outcome(name, (), str(error), error.problems)
    except KbindError as error:
        outcome = _failed(name, _STATE["job"], str(error))
    except Exception as error:
        if os.environ.get("KBIND_DEBUG"):
            traceback.print_exc()
        why = f"unexpected {type(error).__name__}: {error}; KBIND_DEBUG=1 shows where"
        outcome = _failed(name, _STATE["job"], why)
    (_STATE["folder"] / name).write_bytes(pickle.dumps(outcome))


def _pages(name: str) -> tuple[list[Page], str]:
    """The pages of a chapter, and what it found in the words of the first."""
    job, pages, finding = _STATE["job"], list[Page](), ""
    for lang in job.languages:
        _STATE["steps"].put((name, lang))
        report = _report_on(example(name, lang) if job.source is None else _own_data())
        page = report.page_of(name, lang, job.languages, job.names)
        finding = finding or next((plain(block.finding) for block in page.blocks if isinstance(block, Summary)), "")
        pages.append(replace(page, blocks=()))  # blocks are for notebooks
    return pages, finding or "this data does not answer it; the page says what that would take"


def _lists(name: str) -> Lists:
    job: Job = _STATE["job"]
    return _report_on(example(name, job.languages[0]) if job.source is None else _own_data()).lists_of(name)
