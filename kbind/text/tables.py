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


def picked(n: int, most: int) -> list[int]:
    """Positions of at most `most` out of `n`, evenly spread, the first and the last among them.

    >>> picked(3, 5), picked(10, 4)
    ([0, 1, 2], [0, 3, 6, 9])
    """
    return list(range(n)) if n <= most else sorted({round(i * (n - 1) / (most - 1)) for i in range(most)})
