"""Heat maps of cohorts by age: retention, and revenue per customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from kbind.errors import ArgumentError
from kbind.facts.retention import NUMBERED_COHORTS
from kbind.figures.base import BLUE, HATCH, INK, house_style, new_axes
from kbind.wording import Voice, picked

#: Rows that a heat map can show, and those that a text alternative names.
_MOST_COHORTS, TEXT_POINTS = 130, 24
_SHADES = sns.light_palette(BLUE, as_cmap=True)


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

    values: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    names: Sequence[str]
    sizes: Sequence[str]
    first: int
    top: float
    write: Callable[[float], str]
    write_short: Callable[[float], str]

    def __post_init__(self) -> None:
        if len(self.names) > _MOST_COHORTS:
            raise ArgumentError(f"{len(self.names)} cohorts are too many for a picture; use a longer period")

    def draw(self, ax: Axes | None, voice: Voice) -> Axes:
        """Draw it; the axes still lack a title."""
        cohorts, ages = self.values.shape
        annotated = cohorts <= NUMBERED_COHORTS
        with house_style():
            axes = new_axes(ax, (0.29 if annotated else 0.12) * cohorts + 1.1)
            sns.heatmap(
                self.values,
                ax=axes,
                cmap=_SHADES,
                vmin=0,
                vmax=self.top,
                linewidths=1.2 if annotated else 0,
                linecolor="white",
                cbar=not annotated,
                cbar_kws={"format": FuncFormatter(lambda y, _: self.write(y)), "shrink": 0.6},
            )
            for row, column in np.argwhere(self.hidden):
                axes.add_patch(
                    Rectangle((column, row), 1, 1, facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0)
                )
            if annotated:
                self._annotate(axes)
            rows = range(0, cohorts, 1 if annotated else int(np.ceil(cohorts / 20)))
            axes.set_yticks([r + 0.5 for r in rows], [f"{self.names[r]}  ({self.sizes[r]})" for r in rows], rotation=0)
            columns = range(0, ages, 1 if ages <= 19 else int(np.ceil((ages + 1) / 12)))
            axes.set_xticks([c + 0.5 for c in columns], [voice.number(c + self.first) for c in columns], rotation=0)
            axes.set(xlabel=voice.say("retention.axis.age"), ylabel="")
        return axes

    def _annotate(self, ax: Axes) -> None:
        """Each cell's value in whichever of ink and white reads better on its shade."""
        for row, column in np.argwhere(np.isfinite(self.values)):
            x = self.values[row, column]
            ax.text(column + 0.5, row + 0.5, self.write_short(x), ha="center", va="center",
                    color=_readable(x / self.top), fontsize=8.5)  # fmt: skip

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
    shade = _luminance(_SHADES(share)[:3])
    white, ink = 1.05 / (shade + 0.05), (shade + 0.05) / (_luminance(to_rgb(INK)) + 0.05)
    return "white" if white > ink else INK


def _luminance(rgb: tuple[float, ...]) -> float:
    """Relative luminance as the accessibility guidelines (WCAG 2) define it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
