"""Estimates with their intervals, one a row: what several pictures consist of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from kbind.plot.base import BLUE, INK, MUTE, SAND, SAND_TEXT, Canvas, row_axis, write_beside
from kbind.text.voice import Voice

#: Height of a row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.34, 0.95
#: Ratios that may stand on the axis, and the least that it spans.
_TICKS, _LEAST = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100), (0.8, 1.25)
#: Share of the axis that is left free beyond the outermost marks.
_MARGIN = 0.04
#: Signs up to which a label is written in full.
_LABEL = 40


@dataclass(frozen=True)
class Row:
    """One estimate.

    Parameters
    ----------
    label : str
        What it is of.
    value, lower, upper : float
        With its interval; NaN is not drawn.
    said, span : str
        The two in words.
    """

    label: str
    value: float
    lower: float
    upper: float
    said: str
    span: str


def draw_rows(canvas: Canvas, rows: Sequence[Row], write: Callable[[float], str], line: float | None = None) -> Axes:
    """Dots with intervals from the top down; orange surely above the line, blue surely below it, grey neither."""
    axes = canvas.axes(_AROUND + _ROW * max(len(rows), 1))
    for y, row in enumerate(rows):
        colour, ink = _look(row, line)
        axes.plot([row.lower, row.upper], [y, y], color=colour, linewidth=2)
        axes.plot([row.value], [y], "o", color=colour, markersize=6)
        write_beside(axes, row.said, y, color=ink, fontsize=8.5)
    if line is not None:
        axes.axvline(line, color=INK, linewidth=1)
    labels = [row.label if len(row.label) <= _LABEL else f"{row.label[: _LABEL - 1]}…" for row in rows]
    row_axis(axes, labels, write)
    return axes


def ratio_axis(axes: Axes, rows: Sequence[Row], voice: Voice) -> None:
    """An axis of ratios, on which half as much lies as far from 1 as twice as much."""
    marks = [mark for row in rows for mark in (row.lower, row.upper) if np.isfinite(mark)]
    low, high = min([*marks, _LEAST[0]]), max([*marks, _LEAST[1]])
    free = (high / low) ** _MARGIN
    axes.set(xscale="log", xlim=(low / free, high * free))
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if low <= tick <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda x, _: voice.number(x, 0 if x >= 1 else 1 if x >= 0.1 else 2))


def points_of(rows: Sequence[Row], voice: Voice) -> str:
    """The rows in words, for a text alternative."""
    words = ({"pair": row.label, "effect": row.said, "range": row.span} for row in rows)
    return "; ".join(voice.say("segments.contrast.point", **each) for each in words)


def _look(row: Row, line: float | None) -> tuple[str, str]:
    """Colour of the marks, and of what is written beside them."""
    if line is None or row.upper < line:
        return BLUE, BLUE
    return (SAND, SAND_TEXT) if row.lower > line else (MUTE, MUTE)
