"""A drawn figure as a block of a page."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
from markupsafe import Markup
from matplotlib.axes import Axes

from kbind.errors import ReportError
from kbind.plot.base import alt_text, finding, narrow
from kbind.report.blocks import Picture
from kbind.report.drawing import svg_of
from kbind.text.marks import drawing


def picture_of(draw: Callable[[], Axes], caption: str) -> Picture:
    """A figure under its finding, drawn for a page and for a phone: its title becomes the heading.

    Parameters
    ----------
    draw : callable
        Draws it on a figure of its own, which is closed.
    caption : str
        How to read it, and what could mislead.

    Raises
    ------
    ReportError
        The figure has no text alternative.
    """
    heading, alternative, wide = _drawn(draw, "wide")
    with narrow():
        _, _, slim = _drawn(draw, "slim")
    return Picture(heading, alternative, caption, [wide, slim])


def _drawn(draw: Callable[[], Axes], kind: str) -> tuple[str, str, Markup]:
    """Finding, text alternative, and the drawing without a title."""
    with drawing():  # what stands on the axes is written when it is saved
        ax = draw()
        heading, alternative, figure = finding(ax), alt_text(ax), ax.get_figure(root=True)
        if not alternative.strip() or figure is None:
            raise ReportError(f"the figure {heading!r} has no text alternative")
        ax.set_title("", loc="left")
        svg = svg_of(figure, kind)
    figure.clear()
    plt.close(figure)
    return heading, alternative, svg
