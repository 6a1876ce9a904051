"""Heat maps of cohorts by age: retention, and revenue per customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from seaborn.utils import relative_luminance

from kbind.errors import ArgumentError
from kbind.facts.retention import NUMBERED_COHORTS
from kbind.plot.base import BLUE, HATCH, INK, Canvas, is_narrow
from kbind.text.tables import picked
from kbind.text.voice import Voice
from kbind.typing import Bools, Floats

#: Rows that a heat map can show, and those that a text alternative names.
_MOST_COHORTS, TEXT_POINTS = 130, 24
#: From the lightest to the darkest: as many as an eye can tell apart.
SHADES = sns.light_palette(BLUE, as_cmap=True).resampled(51)
#: Columns with numbers, or with names, that fit a phone.
_PHONE_NUMBERS, _PHONE_NAMES = 12, 6


@dataclass(frozen=True)
class CohortMap:
    """What a heat map shows.

    Parameters
    ----------
    values : ndarray of float, shape (cohorts, ages)
        NaN where nothing is known.
    hidden : ndarray of bool, shape (cohorts, ages)
        What is known but not shown.
    names, sizes : sequence of str, shape (cohorts,)
        Of the cohorts, as readers know them.
    first : int
        Age of the first column.
    top : float
        Value of the darkest shade.
    write, write_short : callable
        A value in words, and as it stands in a cell.
    """

    values: Floats
    hidden: Bools
    names: Sequence[str]
    sizes: Sequence[str]
    first: int
    top: float
    write: Callable[[float], str]
    write_short: Callable[[float], str]

    def __post_init__(self) -> None:
        if len(self.names) > _MOST_COHORTS:
            raise ArgumentError(f"{len(self.names)} cohorts are too many for a picture; use a longer period")

    @property
    def annotated(self) -> bool:
        """Whether there is room for numbers in the cells."""
        return len(self.names) <= NUMBERED_COHORTS and not (is_narrow() and self.values.shape[1] > _PHONE_NUMBERS)

    def draw(self, canvas: Canvas, voice: Voice) -> Axes:
        """Draw it; the axes still lack a title."""
        (cohorts, ages), annotated = self.values.shape, self.annotated
        axes = canvas.axes((0.29 if annotated else 0.12) * cohorts + 1.1)
        sns.heatmap(
            self.values,
            ax=axes,
            cmap=SHADES,
            vmin=0,
            vmax=self.top,
            annot=np.vectorize(self._short, otypes=[object])(self.values) if annotated else None,
            annot_kws={"fontsize": 8.5},
            fmt="",
            linewidths=1.2 if annotated else 0,
            linecolor="white",
            cbar=not annotated,
            cbar_kws={"format": FuncFormatter(lambda y, _: self.write(y)), "shrink": 0.6},
        )
        bar = axes.collections[0].colorbar
        if bar is not None and bar.solids is not None:
            bar.solids.set_rasterized(False)
        for text, value in zip(axes.texts, self.values[np.isfinite(self.values)], strict=False):
            text.set_color(_readable(value / self.top))
        for row, column in np.argwhere(self.hidden):
            axes.add_patch(
                Rectangle((column, row), 1, 1, facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0)
            )
        rows = range(0, cohorts, 1 if annotated else int(np.ceil(cohorts / 20)))
        axes.set_yticks([r + 0.5 for r in rows], [f"{self.names[r]}  ({self.sizes[r]})" for r in rows], rotation=0)
        each, most = (_PHONE_NUMBERS, _PHONE_NAMES) if is_narrow() else (19, 12)
        columns = range(0, ages, 1 if ages <= each else int(np.ceil((ages + 1) / most)))
        axes.set_xticks([c + 0.5 for c in columns], [voice.number(c + self.first) for c in columns], rotation=0)
        axes.set(xlabel=voice.say("retention.axis.age"), ylabel="")
        return axes

    def _short(self, value: float) -> str:
        return self.write_short(value) if np.isfinite(value) else ""

    def alternative(self, voice: Voice, key: str = "retention.cohort.alt") -> str:
        """Its numbers as text, in a sentence of that key."""
        rows = []
        for i in picked(len(self.names), TEXT_POINTS):
            cells = [
                "·" if h else self.write(x)
                for x, h in zip(self.values[i], self.hidden[i], strict=True)
                if h or np.isfinite(x)
            ]
            shares = ", ".join(cells[j] for j in picked(len(cells), 12))
            rows.append(voice.say("retention.cohort.row", name=self.names[i], n=self.sizes[i], shares=shares))
        return voice.say(key, rows="; ".join(rows))


def _readable(share: float) -> str:
    """Whichever of ink and white reads better on a shade, by the accessibility guidelines (WCAG 2)."""
    shade, ink = relative_luminance(SHADES(share)), relative_luminance(INK)
    return "white" if 1.05 / (shade + 0.05) > (shade + 0.05) / (ink + 0.05) else INK
