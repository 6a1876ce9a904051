"""Every error kbind raises on purpose, and the words they share."""

from __future__ import annotations

import errno
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class KbindError(Exception):
    """Base class of all errors raised by kbind."""


class ArgumentError(KbindError, ValueError):
    """An argument is outside what the function allows: whoever calls has to change the call."""


class NotEnoughData(KbindError, ValueError):  # noqa: N818 (it is no fault of anybody)
    """The data holds too little for an answer: with more of it the same call would be right.

    Only this may become a sentence about the data; a wrong argument never does.
    """


class TemporaryError(KbindError):
    """There is no room, or no right, to write temporary files."""

    def __init__(self, error: OSError) -> None:
        where = f" in {tempfile.tempdir}" if tempfile.tempdir else ""
        remedy = "make room, or set TMPDIR to another folder"
        super().__init__(f"no temporary file could be written{where}: {error.strerror or error}; {remedy}")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for temporary files; that there is no room for them is not taken for a fault of the data."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="kbind-", ignore_cleanup_errors=True)
    except OSError as error:
        raise TemporaryError(error) from error
    with folder as name:
        try:
            yield Path(name)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise TemporaryError(error) from error
            raise


class ReportError(KbindError):
    """A report could not be written, or a chapter is not fit to be one."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the data.

    Parameters
    ----------
    file : str
        File or frame as the user knows it.
    message : str
        What is wrong, in one clause.
    column : str, optional
        Column as it is called in that file.
    rows : sequence of (int or str, str)
        A few examples: row as a spreadsheet shows it (a CSV header is row 1) or words for the place ("cell C9"), and
        the value found.
    count : int
        How many rows are concerned.
    allowed : str
        What would have been right, or what to do.
    """

    file: str
    message: str
    column: str | None = None
    rows: Sequence[tuple[int | str, str]] = ()
    count: int = 0
    allowed: str = ""

    def __str__(self) -> str:
        where = plain(self.file, 1000) + ("" if self.column is None else f", column {shown(self.column)}")
        text = f"{where}: {self.message}"
        if self.rows:
            places = [(place if isinstance(place, str) else f"row {place}", value) for place, value in self.rows]
            examples = ", ".join(f"{place} ({value})" for place, value in places)
            more = self.count - len(self.rows)
            text += f": {examples}" + (f" and {more:,} more" if more > 0 else "")
        if self.allowed:
            text += f"; {self.allowed}"
        return text


class DatasetError(KbindError, ValueError):
    """The data cannot be used as it is; lists every problem found.

    Parameters
    ----------
    problems : iterable of Problem
        All problems, in the order of tables and columns.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def shown(value: object, width: int = 60) -> str:
    """Quote a value for a message: printable, on one line, not too long.

    >>> shown("31.02.2024"), shown("x" * 100, width=10)
    ("'31.02.2024'", "'xxxxxxxxx…'")
    """
    text = str(value)
    if len(text) > width:
        text = text[: width - 1] + "…"
    return repr(text)


def plain(value: object, width: int = 60) -> str:
    r"""A name without quotes: nothing in it that steers a terminal or turns text around, not too long.

    >>> plain("Müller \x1b[31m", width=10)
    'Müller \\x…'
    """
    text = str(value)[: width + 1]
    joiners = "\u200c\u200d"  # parts of letters and of emoji
    text = "".join(c if c.isprintable() or c in joiners else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= width else text[: width - 1] + "…"


def listed(names: Iterable[object], most: int = 20) -> str:
    """Names in a row, the first of them if there are many.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    every = list(names)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(plain(name) for name in every[:most]) + more


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Words that point at the nearest known name, empty if none is near.

    >>> did_you_mean("custmer_id", ["customer_id", "timestamp"])
    "did you mean 'customer_id'? "
    """
    near = get_close_matches(name.lower(), {k.lower(): k for k in known}, n=1, cutoff=0.75)
    original = {k.lower(): k for k in known}
    return f"did you mean {shown(original[near[0]])}? " if near else ""


def check_choice(parameter: str, value: object, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the allowed words, else say which are.

    >>> check_choice("kind", "onn", ["on", "on_or_after"])
    Traceback (most recent call last):
    kbind.errors.ArgumentError: kind='onn' is not known; did you mean 'on'? allowed: 'on', 'on_or_after'
    """
    if isinstance(value, str) and value in allowed:
        return value
    hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
    options = ", ".join(repr(a) for a in allowed)
    raise ArgumentError(f"{parameter}={value!r} is not known; {hint}allowed: {options}")


def check_count(parameter: str, value: object, least: int, most: int | None = None) -> None:
    """Refuse what is no whole number, too small or too large a one.

    >>> check_count("folds", 1, 2)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: folds=1 is not possible; allowed: whole numbers from 2
    """
    number = least - 1 if isinstance(value, bool) or not isinstance(value, Integral) else int(value)
    if number < least or (most is not None and number > most):
        allowed = f"whole numbers from {least}" + ("" if most is None else f" to {most}")
        raise ArgumentError(f"{parameter}={value!r} is not possible; allowed: {allowed}")


def check_amount(parameter: str, value: object) -> float:
    """Return an amount of money: a finite number from 0.

    >>> check_amount("budget", -1)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: budget=-1 is no amount; allowed: a number from 0
    """
    number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    if not 0 <= number < math.inf:
        raise ArgumentError(f"{parameter}={value!r} is no amount; allowed: a number from 0")
    return number


def check_share(parameter: str, value: object) -> None:
    """Refuse what is no number strictly between 0 and 1.

    >>> check_share("fdr", 5)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: fdr=5 is no share; allowed: between 0 and 1, such as 0.05
    """
    number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    if not 0 < number < 1:
        raise ArgumentError(f"{parameter}={value!r} is no share; allowed: between 0 and 1, such as 0.05")


def check_rng(rng: object) -> Generator:
    """Return the generator, or the one that a seed starts.

    >>> check_rng("today")
    Traceback (most recent call last):
    kbind.errors.ArgumentError: rng='today' starts no random numbers; allowed: a whole number from 0, or a Generator
    """
    from numpy.random import default_rng

    seed: Any = rng
    try:
        return default_rng(seed)
    except (TypeError, ValueError) as error:
        allowed = "allowed: a whole number from 0, or a Generator"
        raise ArgumentError(f"rng={rng!r} starts no random numbers; {allowed}") from error


def check_conf_level(conf_level: float) -> float:
    """Return the confidence level if it lies strictly between 0 and 1."""
    if isinstance(conf_level, (int, float)) and 0 < conf_level < 1:
        return float(conf_level)
    raise ArgumentError(f"conf_level={conf_level!r} is not a confidence level; allowed: between 0 and 1, such as 0.95")
