"""What the engine could not do, in the words of whoever asked it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kbind.errors import KbindError


class EngineError(KbindError):
    """The engine could not carry out a statement."""


@dataclass
class CsvError(EngineError):
    """A row of a CSV file cannot be read.

    Attributes
    ----------
    message, allowed : str
        What is wrong with the row, and what would be right.
    line : int or None
        Row as a spreadsheet shows it: a line break inside quotes does not count.
    original : str
        The line as it stands.
    rewritten : bool
        Whether another spelling of the file may be read: bytes are not UTF-8, or lines end in different ways.
    """

    message: str
    allowed: str
    line: int | None
    original: str
    rewritten: bool

    @classmethod
    def of(cls, message: str) -> CsvError:
        """What the engine's message says."""
        line = re.search(r"CSV Error on Line: (\d+)", message)
        original = re.search(r"Original Line: \s*(.*)", message)
        width = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
        rewritten, allowed = False, ""
        if width:
            wrong, allowed = f"has {width[2]} columns instead of {width[1]}", "quote what holds the delimiter"
        elif "unterminated quote" in message:
            wrong, allowed = "has a quote that is not closed", "a quote within text is written twice"
        else:
            wrong = f"cannot be read as CSV: {message.splitlines()[0]}"
            rewritten = "utf-8" in message or "state machine reached an invalid state" in message
        return cls(wrong, allowed, int(line[1]) if line else None, original[1] if original else "", rewritten)
