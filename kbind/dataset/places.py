"""What is at a place in the file system: whether it is a file that can be read, and lies in the folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kbind.errors import DatasetError, Problem, did_you_mean, plain

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_SQLITE = b"SQLite format 3\0"


def check_exists(path: Path) -> None:
    """Refuse what is not there, closed to us or no file, before anything looks into it."""
    try:
        found = fault(path)
        if found is None and path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
            found = Problem(str(path), "cannot be read: Permission denied")
    except ValueError as error:  # a zero byte
        raise DatasetError.of(str(path), "is no path") from error
    if found is not None:
        raise DatasetError([found])


def fault(path: Path, inside: Path | None = None) -> Problem | None:
    """Why a path cannot be read as a file or folder; with `inside`, also that it leads out of that folder."""
    label = path.name if inside is not None else str(path)
    try:
        link = path.is_symlink()
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if link:
            return Problem(label, f"is a link to {plain(path.readlink(), 200)!r}, which does not exist")
        return Problem(label, "does not exist", allowed=nearby(path))
    except RuntimeError:  # how Python says that links go round in circles
        return Problem(label, "is a link that leads back to itself")
    except OSError as error:
        return Problem(label, f"cannot be read: {error.strerror or error}")
    kind = stat.S_IFMT(mode)
    if kind in _KINDS:
        return Problem(label, f"is {_KINDS[kind]}, not a file", allowed="allowed: a file that is complete")
    if inside is not None and not target.is_relative_to(inside.resolve()):
        message = f"leads out of the folder, to {plain(target, 200)!r}"
        return Problem(label, message, allowed="copy the file into the folder, or open it by its own path")
    rights = os.R_OK | os.X_OK * (kind == stat.S_IFDIR)
    if inside is not None and not os.access(path, rights):
        return Problem(label, "cannot be read: Permission denied")
    return None


def undeclared(folder: Path, name: str) -> Problem | None:
    """Why a name that `file:` gives is no file of the folder."""
    if Path(name).name != name or name in (".", ".."):
        return Problem("", f"file {plain(name, 200)!r} is not the name of a file in the folder",
                       allowed="allowed: a file that lies beside kbind.yaml itself, by its name")  # fmt: skip
    if not os.path.lexists(folder / name):
        return Problem("", f"file {plain(name, 200)!r} is not in the folder", allowed=nearby(folder / name))
    return None


def check_no_sqlite(path: Path) -> None:
    """Say what an SQLite file is, before an engine of another kind complains about it."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(_SQLITE))
    except OSError as error:
        raise DatasetError.of(path.name, f"cannot be read: {error.strerror}") from error
    if begins == _SQLITE:
        allowed = "allowed: CSV, Parquet or DuckDB; export each of its tables as CSV"
        raise DatasetError.of(path.name, "is an SQLite database, which is not read", allowed=allowed)


def nearby(path: Path) -> str:
    """A file of nearly that name beside it, in words."""
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, siblings).strip()
