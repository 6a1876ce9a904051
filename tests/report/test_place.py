"""Pages in place: killed at any moment, a report is the old or the new one, and the next run leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kbind.errors import ReportError
from kbind.report import place
from kbind.report.place import check_out, placing, put

NAMES = ("index.html", "de/01_x.html", "de/01_x.json", "en/01_x.html")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are made another way here")


def _put(out: Path, text: str, names: tuple[str, ...] = NAMES) -> None:
    with placing(out) as where:
        put(dict.fromkeys(names, text), where)


def _texts(out: Path) -> set[str]:
    return {(out / name).read_text() if (out / name).exists() else "" for name in NAMES}


def _left(out: Path) -> list[str]:
    return [path.name for path in (*out.parent.iterdir(), *out.iterdir()) if place.STAGING in path.name]


def _and_exit(work: Callable[[], object]) -> None:
    """What a child does: work, and never come back to the tests."""
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def _killed_at(step: int, out: Path, text: str) -> bool:
    """Whether a process that puts pages in place was killed before its n-th act on the file system."""
    child = os.fork()
    if child == 0:
        acts = iter(range(step))

        def count(event: str, _: object) -> None:
            if event in ACTS and next(acts, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        _and_exit(lambda: _put(out, text))
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


ACTS = {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "os.scandir",
        "os.listdir", "tempfile.mkdtemp", "shutil.copystat", "os.chmod", "ctypes.dlsym"}  # fmt: skip


@needs_fork
@pytest.mark.parametrize("whole", [True, False], ids=["exchanged", "one by one"])
def test_killed_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    out = tmp_path / "out"
    if not whole:
        monkeypatch.setattr(place, "_movable", lambda _: False)
    _put(out, "0")
    was_new = set()
    for step in range(500):
        old, new = str(step), str(step + 1)
        killed = _killed_at(step, out, new)
        if whole and sys.platform == "linux":
            assert _texts(out) in ({old}, {new})
        check_out(out)  # what the next run does first
        assert _texts(out) in ({old}, {new})
        assert not _left(out)
        was_new.add(_texts(out) == {new})
        if not killed:
            break
        _put(out, new)
    assert step > 20
    assert was_new == {True, False}


@needs_fork
def test_killed_while_moving_beside_files_of_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _put(out, "0")
    (out / "mine").mkdir()
    (out / "mine" / "x.txt").write_text("mine")
    (out / "de" / "notes.txt").write_text("mine")
    for step in range(0, 200, 3):
        killed = _killed_at(step, out, str(step + 1))
        check_out(out)
        assert len(_texts(out)) == 1
        assert not _left(out)
        assert (out / "mine" / "x.txt").read_text() == (out / "de" / "notes.txt").read_text() == "mine"
        if not killed:
            break
        _put(out, "x")
    assert step > 20


def test_what_others_put_there_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    _put(out, "old")
    exchange = place._exchange

    def at_the_last_moment(new: Path, old: Path) -> bool:
        (old / "mine.txt").write_text("mine")
        return exchange(new, old)

    monkeypatch.setattr(place, "_exchange", at_the_last_moment)
    _put(out, "new")
    assert _texts(out) == {"new"}
    assert (out / "mine.txt").read_text() == "mine"
    assert not _left(out)


def test_where_folders_cannot_be_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_exchange", lambda *_: False)
    _put(tmp_path / "out", "old")
    _put(tmp_path / "out", "new")
    assert _texts(tmp_path / "out") == {"new"}
    assert not _left(tmp_path / "out")


def test_pages_that_stay_and_rights(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _put(out, "old")
    out.chmod(0o750)
    (out / "de").chmod(0o755)
    _put(out, "new", ("index.html", "en/01_x.html"))
    assert (out / "de" / "01_x.html").read_text() == "old"
    assert (out / "en" / "01_x.html").read_text() == "new"
    assert [path.stat().st_mode & 0o777 for path in (out, out / "de")] == [0o750, 0o755]


@pytest.mark.parametrize("whole", [True, False], ids=["exchanged", "one by one"])
def test_a_page_that_cannot_be_moved_brings_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    out = tmp_path / "out"
    _put(out, "old")
    monkeypatch.setattr(place, "_exchange", lambda *_: False)
    if not whole:
        (out / "mine.txt").write_text("mine")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if self.parent.parent.name == "new" and target.name == "01_x.json":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        _put(out, "new")
    assert _texts(out) == {"old"}
    assert not _left(out)


def test_a_link_to_the_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    for text in ("old", "new"):
        _put(tmp_path / "out", text)
        assert _texts(tmp_path / "real") == {text}
    assert (tmp_path / "out").is_symlink()


def test_the_folder_we_stand_in_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    before = Path.cwd().stat().st_ino
    _put(Path(), "new")
    assert Path.cwd().stat().st_ino == before
    assert _texts(tmp_path / "out") == {"new"}


@needs_fork
def test_two_runs_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    children = []
    for text in "abcd":
        child = os.fork()
        if child == 0:
            _and_exit(lambda text=text: [_put(out, text) for _ in range(50)])
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert len(_texts(out)) == 1
    assert not _left(out)


def test_a_mount_point_is_not_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    _put(out, "old")
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == out)
    before = out.stat().st_ino
    _put(out, "new")
    assert (out.stat().st_ino, _texts(out)) == (before, {"new"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda out: out.write_text(""), "out cannot be written: it is a file, not a folder"),
        (lambda out: out.symlink_to("gone"), "out cannot be written: it is a link to a place that does not exist"),
        (lambda out: out.symlink_to("out"), "out cannot be written: it is a link"),
        (lambda out: (out / "index.html").mkdir(parents=True), "index.html cannot be written: it is a folder"),
        (lambda out: (out.mkdir(), (out / "de").write_text("")), "out cannot be written: Not a directory"),
    ],
    ids=["file", "broken link", "loop", "index", "language"],
)  # fmt: skip
def test_places_that_cannot_be_written_are_noticed_first(tmp_path: Path, make: object, message: str) -> None:
    assert callable(make)
    make(tmp_path / "out")
    with pytest.raises(ReportError, match=message):
        check_out(tmp_path / "out")


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="out cannot be written: Not a directory"):
        check_out(tmp_path / "file" / "x" / "out")


def test_below_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> str:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(place.tempfile, "mkdtemp", closed)
    with pytest.raises(ReportError, match="new cannot be written: Read-only file system"):
        check_out(tmp_path / "deep" / "new")
