"""Every error kbind raises on purpose, and the words they share."""

from __future__ import annotations

import errno
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

#: No amount, count or length that somebody means is larger.
MOST = 1e15
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

    @classmethod
    def of(
        cls,
        file: str,
        message: str,
        column: str | None = None,
        rows: Sequence[tuple[int | str, str]] = (),
        count: int = 0,
        allowed: str = "",
    ) -> DatasetError:
        """An error of one problem."""
        return cls([Problem(file, message, column, rows, count, allowed)])


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


def choices(name: object, known: Iterable[str], what: str = "columns") -> str:
    """The nearest of the known names, if one is near, and all of them.

    >>> choices("custmer_id", ["customer_id", "timestamp"])
    "did you mean 'customer_id'? columns: customer_id, timestamp"
    """
    names = list(known)
    return f"{did_you_mean(str(name), names)}{what}: {listed(names)}"


def told(value: object, width: int = 60) -> str:
    """A value as it would be typed, on one line and not too long.

    >>> told([1, 2]), told("x" * 100, width=10)
    ('[1, 2]', "'xxxxxxxx…")
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever a stranger's class raises, or a whole number of thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= width else text[: width - 1] + "…"


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
    raise ArgumentError(f"{parameter}={told(value)} is not known; {hint}allowed: {options}")


def check_flag(parameter: str, value: object) -> bool:
    """Return what is True or False; what only counts as such is a slip.

    >>> check_flag("force", "no")
    Traceback (most recent call last):
    kbind.errors.ArgumentError: force='no' is neither yes nor no; allowed: True, False
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):  # Python's or NumPy's
        return bool(value)
    raise ArgumentError(f"{parameter}={told(value)} is neither yes nor no; allowed: True, False")


def check_count(parameter: str, value: object, least: int, most: int | None = None) -> int:
    """Return a whole number; refuse what is none, too small or too large a one.

    >>> check_count("folds", 1, 2)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: folds=1 is not possible; allowed: whole numbers from 2
    """
    number = least - 1 if isinstance(value, bool) or not isinstance(value, Integral) else int(value)
    if number < least or (most is not None and number > most):
        allowed = f"whole numbers from {least}" + ("" if most is None else f" to {most}")
        raise ArgumentError(f"{parameter}={told(value)} is not possible; allowed: {allowed}")
    return number


def check_threshold(threshold: object) -> int:
    """The smallest number of customers that is shown, as a whole number.

    >>> check_threshold(0)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: threshold=0 is not a count; allowed: whole numbers from 1 to a million
    """
    if not isinstance(threshold, bool) and isinstance(threshold, Integral) and 1 <= int(threshold) <= 1_000_000:
        return int(threshold)
    raise ArgumentError(f"threshold={told(threshold)} is not a count; allowed: whole numbers from 1 to a million")


def real(value: object) -> float:
    """A number as a float, NaN if it is none.

    >>> real(2), real(True), real("2")
    (2.0, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def check_number(
    parameter: str, value: object, least: float = -math.inf, most: float = MOST, *, above: float | None = None
) -> float:
    """Return a finite number within limits, `above` being one that is not reached.

    >>> check_number("horizon", 0, above=0, most=1200)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: horizon=0 is not possible; allowed: numbers above 0 to 1200
    """
    number = real(value)
    low = number >= max(least, -MOST) if above is None else number > above
    if low and number <= most:
        return number
    begin = f" above {above:g}" if above is not None else f" from {least:g}" if least > -MOST else ""
    raise ArgumentError(f"{parameter}={told(value)} is not possible; allowed: numbers{begin} to {most:g}")


def check_amount(parameter: str, value: object) -> float:
    """Return an amount of money: a number from 0 that somebody can mean.

    >>> check_amount("budget", -1)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: budget=-1 is no amount; allowed: a number from 0
    """
    number = real(value)
    if not 0 <= number <= MOST:
        most = f" to {MOST:g}" if number > MOST else ""
        raise ArgumentError(f"{parameter}={told(value)} is no amount; allowed: a number from 0{most}")
    return number


def check_share(parameter: str, value: object) -> float:
    """Return a number strictly between 0 and 1.

    >>> check_share("fdr", 5)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: fdr=5 is no share; allowed: between 0 and 1, such as 0.05
    """
    number = real(value)
    if not 0 < number < 1:
        raise ArgumentError(f"{parameter}={told(value)} is no share; allowed: between 0 and 1, such as 0.05")
    return number


def check_name(parameter: str, value: object, what: str = "a name") -> str:
    """Return text that is not empty.

    >>> check_name("channel", ["web"])
    Traceback (most recent call last):
    kbind.errors.ArgumentError: channel=['web'] is no text; allowed: a name
    """
    if isinstance(value, str) and value.strip():
        return value
    raise ArgumentError(f"{parameter}={told(value)} is no text; allowed: {what}")


def check_path(parameter: str, value: object) -> Path:
    """Return the path of a file or folder.

    >>> check_path("path", 3)
    Traceback (most recent call last):
    kbind.errors.ArgumentError: path=3 is no path; allowed: text or a Path
    """
    text = fspath(value) if isinstance(value, (str, PathLike)) else b""
    if isinstance(text, str) and text.strip() and "\0" not in text:
        return Path(text)
    raise ArgumentError(f"{parameter}={told(value)} is no path; allowed: text or a Path")


@contextmanager
def written(parameter: str, path: Path) -> Iterator[None]:
    """Say which file could not be written, and why."""
    try:
        yield
    except OSError as error:
        raise ArgumentError(f"{parameter}={str(path)!r} cannot be written: {error.strerror or error}") from error


def check_kind(parameter: str, value: Any, kind: type, made_by: str) -> Any:
    """Return what is of a class, else say how such a thing is made.

    >>> check_kind("snapshots", "2024", dict, "kb.snapshots(...)")
    Traceback (most recent call last):
    kbind.errors.ArgumentError: snapshots of type str is not possible; allowed: the result of kb.snapshots(...)
    """
    if isinstance(value, kind):
        return value
    raise ArgumentError(f"{parameter} of type {type(value).__name__} is not possible; allowed: the result of {made_by}")


def check_list(parameter: str, value: Any, allowed: str) -> list[Any]:
    """The members of a list or of an array with one dimension; text, mappings and tables are none.

    >>> check_list("texts", "too expensive", "a list of texts")
    Traceback (most recent call last):
    kbind.errors.ArgumentError: texts='too expensive' is no list; allowed: a list of texts
    """
    strange = (str, bytes, Mapping, type)
    flat = getattr(value, "ndim", 1) == 1
    if isinstance(value, Iterable) and not isinstance(value, strange) and flat:
        return list(value)
    raise ArgumentError(f"{parameter}={told(value)} is no list; allowed: {allowed}")


def check_numbers(parameter: str, value: Any, least: float = 0.0, most: float = MOST) -> list[float]:
    """One number or a list of them, each within limits.

    >>> check_numbers("times", [1, -2])
    Traceback (most recent call last):
    kbind.errors.ArgumentError: times=-2 is not possible; allowed: numbers from 0 to 1e+15
    """
    several = [value] if isinstance(value, Real) else check_list(parameter, value, "numbers, or a list of them")
    if not several:
        raise ArgumentError(f"{parameter} is empty; allowed: a number or more")
    return [check_number(parameter, one, least, most) for one in several]


def check_rng(rng: object) -> Generator:
    """Return the generator, or the one that a seed starts.

    >>> check_rng("today")
    Traceback (most recent call last):
    kbind.errors.ArgumentError: rng='today' starts no random numbers; allowed: a whole number from 0, or a Generator
    """
    from numpy.random import BitGenerator, Generator, SeedSequence, default_rng

    seed: Any = rng
    whole = isinstance(rng, Integral) and not isinstance(rng, bool)
    if isinstance(rng, (BitGenerator, Generator, SeedSequence)) or (whole and seed >= 0):
        return default_rng(seed)
    allowed = "allowed: a whole number from 0, or a Generator"
    raise ArgumentError(f"rng={told(rng)} starts no random numbers; {allowed}")


def check_conf_level(conf_level: object) -> float:
    """Return the confidence level if it lies strictly between 0 and 1."""
    number = real(conf_level)
    if 0 < number < 1:
        return number
    raise ArgumentError(
        f"conf_level={told(conf_level)} is not a confidence level; allowed: between 0 and 1, such as 0.95"
    )
