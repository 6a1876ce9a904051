"""Every error kbind raises on purpose, and the words they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class KbindError(Exception):
    """Base class of all errors raised by kbind."""


class ArgumentError(KbindError, ValueError):
    """An argument is outside what the function allows."""


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
    rows : sequence of (int, str)
        A few examples: row as a spreadsheet shows it (a CSV header is row 1), and the value found.
    count : int
        How many rows are concerned.
    allowed : str
        What would have been right, or what to do.
    """

    file: str
    message: str
    column: str | None = None
    rows: Sequence[tuple[int, str]] = ()
    count: int = 0
    allowed: str = ""

    def __str__(self) -> str:
        where = self.file if self.column is None else f"{self.file}, column {shown(self.column)}"
        text = f"{where}: {self.message}"
        if self.rows:
            examples = ", ".join(f"row {row} ({value})" for row, value in self.rows)
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


def check_conf_level(conf_level: float) -> float:
    """Return the confidence level if it lies strictly between 0 and 1."""
    if isinstance(conf_level, (int, float)) and 0 < conf_level < 1:
        return float(conf_level)
    raise ArgumentError(f"conf_level={conf_level!r} is not a confidence level; allowed: between 0 and 1, such as 0.95")
