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
    reason : {"width", "quote", "encoding", "line ends", "other"}
        Another number of columns, a quote that is not closed, bytes that are not UTF-8, lines that end in different
        ways, or something else.
    line : int or None
        Row as a spreadsheet shows it: a line break inside quotes does not count.
    original : str
        The line as it stands.
    expected, found : int
        Columns, for "width".
    message : str
        What the engine said.
    """

    reason: str
    line: int | None
    original: str
    expected: int
    found: int
    message: str

    @classmethod
    def of(cls, message: str) -> CsvError:
        """What the engine's message says."""
        line = re.search(r"CSV Error on Line: (\d+)", message)
        original = re.search(r"Original Line: \s*(.*)", message)
        width = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
        reason = "other"
        if width:
            reason = "width"
        elif "unterminated quote" in message:
            reason = "quote"
        elif "utf-8" in message:
            reason = "encoding"
        elif "state machine reached an invalid state" in message:
            reason = "line ends"
        return cls(
            reason,
            int(line[1]) if line else None,
            original[1] if original else "",
            int(width[1]) if width else 0,
            int(width[2]) if width else 0,
            message.splitlines()[0],
        )
