"""A table for readers: every cell already written, so that nothing is formatted twice or forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of text.

    Parameters
    ----------
    title : str
        What it shows.
    head : sequence of str
        Column names.
    rows : sequence of sequences of str
        Cells; the first of a row names it.
    words : sequence of int
        Columns, counted from 0, that hold words rather than numbers: set to the left and broken into lines.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = ()
