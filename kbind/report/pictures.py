"""A drawn figure as a block of a page."""

from __future__ import annotations

import base64
from io import BytesIO

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from kbind.errors import ReportError
from kbind.plot.base import alt_text, finding
from kbind.report.blocks import Picture

_DPI = 200


def picture_of(ax: Axes, caption: str) -> Picture:
    """The figure under its finding: its title becomes the heading and is taken from the picture, which is closed.

    Raises
    ------
    ReportError
        The figure has no text alternative.
    """
    heading, alternative, figure = finding(ax), alt_text(ax), ax.get_figure(root=True)
    if not alternative.strip() or figure is None:
        raise ReportError(f"the figure {heading!r} has no text alternative")
    ax.set_title("", loc="left")
    image = BytesIO()
    figure.savefig(image, format="png", dpi=_DPI, metadata={"Software": None})
    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    figure.clear()
    plt.close(figure)
    return Picture(heading, alternative, caption, base64.b64encode(image.getvalue()).decode(), width, height)
