"""Runs that fail, are killed, or meet another: an earlier report stays whole, byte for byte."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kbind.errors import ReportError
from kbind.report import place
from kbind.report import publish as writing
from kbind.report.pages import Page

from .conftest import KBIND, Run, Write

EVENTS = "customer_id,timestamp\n" + "".join(f"{i % 40},2024-{i % 6 + 1:02d}-{i % 28 + 1:02d}\n" for i in range(400))

#: No chapter can be computed from these, so that their report takes no time; it is written like any other.
CUSTOMERS = "customer_id,size\n1,s\n"

#: What is said of a chapter that the data does not answer.
UNANSWERED = "this data does not answer it; the page says what that would take"


def _place(out: Path, text: str, size: int = 1) -> None:
    """Put two pages in place, as a report does at its end."""
    record = {"chapter": "01_x", "question": "Q", "finding": text, "data": "", "facts": []}
    pages = [
        Page("01_x", lang, f"<html>{text * size}</html>", {**record, "language": lang}, []) for lang in ("de", "en")
    ]
    writing.put_in_place(pages, out)


def _start(out: Path, text: str, size: int = 1, before: str = "") -> subprocess.Popen[str]:
    """The same in a process of its own, after a line of one's own."""
    lines = [
        "import os, resource, signal, time",
        "from pathlib import Path",
        "from kbind.report import place",
        "from kbind.report import publish as writing",
        "from kbind.report.pages import Page",
        inspect.getsource(_place),
        before,
        f"_place(Path({str(out)!r}), {text!r}, {size})",
    ]
    code = "\n".join(lines)
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def _content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _says(out: Path, text: str) -> bool:
    return all(text in (out / name).read_text() for name in ("de/01_x.html", "en/01_x.html", "index.html"))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A report, and a file of the user's beside it."""
    out = tmp_path / "out"
    _place(out, "old")
    (out / "mine.txt").write_text("mine")
    return out


# -- full disks ------------------------------------------------------------------------------------------------------


def test_report_on_a_full_disk(write: Write, run: Run, small_disk: Callable[[int], Path]) -> None:
    out = small_disk(512) / "out"
    _place(out, "old")
    (out / "mine").write_bytes(b"x" * 250_000)
    before = _content(out)
    result = run("report", "--data", write(customers=CUSTOMERS), "--out", out, "--chapters", "01")
    assert result.returncode == 1
    said = f"{out} cannot be written: No space left on device; an earlier report is unchanged\n"
    assert result.stderr == f"Chapter 01 written: {UNANSWERED}\n{said}"
    assert _content(out) == before
    (out / "mine").unlink()
    assert (
        run("report", "--data", write(customers=CUSTOMERS), "--lang", "en", "--out", out, "--chapters", "01").returncode
        == 0
    )


def test_files_that_may_not_grow(old: Path) -> None:
    before = _content(old)
    process = _start(old, "new", 100_000, "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))")
    said = process.communicate()[1]
    assert said.splitlines()[-1].endswith("cannot be written: File too large; an earlier report is unchanged")
    assert _content(old) == before


def test_no_room_for_temporary_files(write: Write, run: Run, small_disk: Callable[[int], Path]) -> None:
    full = small_disk(64)
    folder = write(events=(EVENTS + "9,2024-06-30\n" * 10_000).encode("utf-16"))
    result = run("check", folder, env={**os.environ, "TMPDIR": str(full)})
    assert result.returncode == 1
    assert result.stderr == (
        f"no temporary file could be written in {full}: No space left on device; "
        "make room, or set TMPDIR to another folder\n"
    )
    assert not list(full.iterdir())


# -- stopped half way ------------------------------------------------------------------------------------------------

KILL = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    "moment",
    [
        f"writing.language_page = lambda *_: {KILL}",
        "text = Path.write_text\n"
        f"Path.write_text = lambda self, *a, **k: {KILL} if self.name == 'index.html' else text(self, *a, **k)",
        f"place._move_all = lambda *_: {KILL}",
    ],
    ids=["before writing", "while writing", "before placing"],
)
def test_killed(old: Path, moment: str) -> None:
    before = _content(old)
    process = _start(old, "new", before=moment)
    assert process.communicate() == (None, "")
    assert process.returncode == -signal.SIGKILL
    assert {name: content for name, content in _content(old).items() if not name.startswith(".")} == before
    _place(old, "newer")
    assert _says(old, "newer")
    assert sorted(path.name for path in old.iterdir()) == ["de", "en", "facts.json", "index.html", "mine.txt"]


@pytest.mark.parametrize("stop", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("name", ["01_x.html", "index.html"])
@pytest.mark.parametrize("first", [True, False], ids=["first report", "second report"])
def test_stopped_while_pages_are_placed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, name: str, *, first: bool
) -> None:
    out = tmp_path / "fresh" if first else old
    before = {} if first else _content(out)
    replace = Path.replace

    def stopped(self: Path, target: Any) -> Path:
        if self.name == name and "new" in self.parts and (self.parent.name != "de"):
            raise stop
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(place, "_exchange", lambda *_: False)  # a file system on which folders are not exchanged
        patch.setattr(Path, "replace", stopped)
        with pytest.raises((ReportError, KeyboardInterrupt)):
            _place(out, "new")
    assert _content(out) == before
    _place(out, "newer")
    assert _says(out, "newer")


def test_a_folder_in_the_place_of_a_page(old: Path) -> None:
    (old / "en" / "01_x.html").unlink()
    (old / "en" / "01_x.html").mkdir()
    before = _content(old)
    with pytest.raises(ReportError, match="out cannot be written: Is a directory; an earlier report is unchanged"):
        _place(old, "new")
    assert _content(old) == before


@pytest.mark.parametrize("moment", [0.5, 4.0])
def test_a_killed_report_leaves_the_old_one(write: Write, tmp_path: Path, old: Path, moment: float) -> None:
    folder, before = write(events=EVENTS), _content(old)
    words = [*KBIND, "report", "--data", str(folder), "--out", str(old)]
    left = tmp_path / "left"  # temporary files of the killed run are pytest's to remove
    left.mkdir()
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(left)})
    time.sleep(moment)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert _content(old) == before


# -- two at once -----------------------------------------------------------------------------------------------------


def test_runs_at_once_leave_the_report_of_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    processes = [_start(out, f"run-{i}", 50_000) for i in range(3)]
    assert [process.communicate()[1] for process in processes] == [""] * 3
    assert [_says(out, f"run-{i}") for i in range(3)].count(True) == 1
    assert sorted(path.name for path in out.iterdir()) == ["de", "en", "facts.json", "index.html"]


def test_a_run_waits_for_the_one_that_is_placing_pages(old: Path) -> None:
    late = "move = place._move_all\nplace._move_all = lambda *a: (time.sleep(2), move(*a))"
    process = _start(old, "first", before=late)
    deadline = time.monotonic() + 600
    while not list(old.glob(".kbind-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    _place(old, "second")
    assert process.communicate()[1] == ""
    assert _says(old, "second")


def test_two_reports_at_once(write: Write, tmp_path: Path) -> None:
    folder, out = write(customers=CUSTOMERS), tmp_path / "out"
    words = [*KBIND, "report", "--data", str(folder), "--out", str(out), "--chapters", "01"]
    processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [
        (f"Chapter 01 written: {UNANSWERED}\n", 0)
    ] * 2
    for page in out.rglob("*.html"):
        assert page.read_text(encoding="utf-8").endswith("</html>\n")
    assert sorted(path.name for path in out.iterdir()) == ["de", "en", "facts.json", "index.html"]
