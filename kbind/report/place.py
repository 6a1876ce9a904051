"""Put pages in place: all of them at once, so that no reader finds a report half new and half old.

Where only pages of ours lie in the folder, a complete new folder is exchanged with it in one step. Where that cannot be
(files of others, a mount point, another file system), the pages are moved one by one by a journal, which the next run
carries to its end if this one is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kbind.errors import ReportError
from kbind.text.messages import LANGUAGES

#: How folders begin that hold pages which are not in place: in the folder, or beside it after its own name.
STAGING = ".kbind-"

_PAGE = re.compile(r"\d+[a-z]?_\w+\.(html|json)|index\.html|report\.pdf")
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def check_out(out: Path) -> None:
    """Fail before the chapters run where their pages could not be written; finish what a killed run left there."""
    try:
        if out.exists() and not out.is_dir():
            raise ReportError(f"{out} cannot be written: it is a file, not a folder")
        if out.is_symlink() and not out.exists():
            raise ReportError(f"{out} cannot be written: it is a link to a place that does not exist")
        nearest = next(place for place in (out, *out.absolute().parents) if place.exists())
        Path(tempfile.mkdtemp(prefix=STAGING, dir=nearest)).rmdir()
        for lang in LANGUAGES:
            if (out / lang).exists():
                Path(tempfile.mkdtemp(prefix=STAGING, dir=out / lang)).rmdir()
        if (out / "index.html").is_dir():
            raise ReportError(f"{out / 'index.html'} cannot be written: it is a folder, not a file")
        if out.exists():
            with _alone(out) as alone:
                if alone:
                    _recover(out.resolve())
    except RuntimeError as error:  # how Python says that links go round in circles
        raise ReportError(f"{out} cannot be written: it is a link that leads back to itself") from error
    except OSError as error:
        raise ReportError(f"{out} cannot be written: {error.strerror or error}") from error


@contextmanager
def placing(out: Path) -> Iterator[Path]:
    """Hold the folder, made if need be, while pages are written; yields where it really is."""
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out) as alone:
        if alone:
            _recover(out.resolve())
        yield out.resolve()


def put(texts: Mapping[str, str], out: Path) -> None:
    """Write files by their names relative to the folder, then put them in place together."""
    whole = _only_ours(out) and _movable(out)
    prefix, where = (f".{out.name}{STAGING}", out.parent) if whole else (STAGING, out)
    staging = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
    try:
        for name, text in texts.items():
            (staging / "new" / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / "new" / name).write_text(text, encoding="utf-8")
        with _unstoppable():
            if whole and _exchanged(staging, out):
                return
            if whole:
                staging = staging.rename(out / (STAGING + staging.name.rpartition("-")[2]))
            _move_all(list(texts), staging, out)
    finally:
        if not (staging / "undo.json").exists():  # else the next run goes on with it
            shutil.rmtree(staging, ignore_errors=True)


# -- as a whole ----------------------------------------------------------------------------------------------------


def _only_ours(out: Path) -> bool:
    """Whether nothing but pages of ours lies in the folder."""
    for entry in out.iterdir():
        if entry.is_symlink() or (entry.name not in LANGUAGES and entry.name not in ("index.html", "facts.json")):
            return False
        if entry.name in LANGUAGES and not (
            entry.is_dir() and all(_PAGE.fullmatch(e.name) and e.is_file() for e in entry.iterdir())
        ):
            return False
    return True


def _movable(out: Path) -> bool:
    """Whether the folder may be another one afterwards: it is ours, nothing is mounted on it, and we are not in it."""
    if sys.platform != "linux" or os.path.ismount(out) or not os.access(out.parent, os.W_OK | os.X_OK):
        return False
    try:
        inside = Path.cwd().is_relative_to(out)
    except OSError:
        inside = False
    return not inside and out.stat().st_uid == os.geteuid()


def _exchanged(staging: Path, out: Path) -> bool:
    """Whether the folders could be exchanged in one step; the new one has got the pages that stay, and the rights."""
    new = staging / "new"
    for folder in (out, *(path for path in out.iterdir() if path.is_dir())):
        there = new / folder.relative_to(out)
        there.mkdir(exist_ok=True)
        for page in folder.iterdir():
            if page.is_file() and not (there / page.name).exists():
                _link(page, there / page.name)
        shutil.copystat(folder, there)
    with suppress(OSError):
        os.chown(new, -1, out.stat().st_gid)
    with _alone(new):  # who opens the folder from now on waits until the old one is gone
        done = _exchange(new, out)
        if done:
            _retire(staging, out)
    return done


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names in one step, where the system and the file system can."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return call is not None and call(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0


def _retire(staging: Path, out: Path) -> None:
    """Remove a folder that is not in place, but for what others have put there meanwhile: that is moved into place."""
    for entry in (staging / "new").glob("*"):
        if entry.name not in (*LANGUAGES, "index.html") and not os.path.lexists(out / entry.name):
            with suppress(OSError):
                entry.rename(out / entry.name)
    shutil.rmtree(staging, ignore_errors=True)


# -- one by one ----------------------------------------------------------------------------------------------------


def _move_all(names: Sequence[str], staging: Path, out: Path) -> None:
    """Move the new pages to their places; if one cannot be moved, the old ones come back.

    From the moment the journal stands, the new report is complete, and a later run can move what is left. It becomes
    the journal of the way back by its name.
    """
    kept = [name for name in names if (out / name).is_file()]
    for name in names:
        for folder in (staging / "old", out):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
    for name in kept:
        _link(out / name, staging / "old" / name)
    draft = staging / "draft.json"
    draft.write_text(json.dumps({"names": list(names), "kept": kept}), encoding="utf-8")
    journal = draft.rename(staging / "journal.json")
    try:
        _finish(names, staging, out)
    except BaseException:
        journal.rename(staging / "undo.json")
        _undo(names, kept, staging, out)
        (staging / "undo.json").unlink()
        raise
    journal.unlink()


def _finish(names: Sequence[str], staging: Path, out: Path) -> None:
    for name in names:
        if (staging / "new" / name).exists():
            (staging / "new" / name).replace(out / name)


def _undo(names: Sequence[str], kept: Sequence[str], staging: Path, out: Path) -> None:
    for name in names:
        if (staging / "old" / name).exists():
            (staging / "old" / name).replace(out / name)
        elif name not in kept and not (staging / "new" / name).exists():
            (out / name).unlink(missing_ok=True)


def _recover(out: Path) -> None:
    """Carry to its end what a killed run began, and remove what it left."""
    for staging in out.glob(f"{STAGING}*"):
        for journal, way in (("journal.json", True), ("undo.json", False)):
            if (staging / journal).exists():
                record = json.loads((staging / journal).read_text(encoding="utf-8"))
                if way:
                    _finish(record["names"], staging, out)
                else:
                    _undo(record["names"], record["kept"], staging, out)
                (staging / journal).unlink()
        shutil.rmtree(staging, ignore_errors=True)
    for staging in out.parent.glob(f".{out.name}{STAGING}*"):
        _retire(staging, out)


def _link(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except OSError:  # not every file system has links
        shutil.copy2(old, new)


# -- alone, and not to be stopped ----------------------------------------------------------------------------------


@contextmanager
def _alone(out: Path) -> Iterator[bool]:
    """Wait until no other run puts pages into the folder; says whether that can be known here."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    while True:
        folder = os.open(out, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                alone = True
            except OSError:  # some network drives know no locks
                alone = False
            if not os.path.samestat(os.fstat(folder), out.stat()):
                continue  # it was exchanged while we waited
            yield alone
            return
        finally:
            os.close(folder)


@contextmanager
def _unstoppable() -> Iterator[None]:
    """Whoever stops the run in its last moment is too late: it ends as if nothing had been said."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {number: signal.getsignal(number) for name in names if (number := getattr(signal, name, None)) is not None}
    for number in before:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
