"""Rows by period, so that gaps in the recording are seen."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from kbind.data.dataset.quality import Quality
from kbind.facts.quality import by_period, main_table
from kbind.figures.base import (
    INK,
    MIDBLUE,
    SAND,
    SAND_TEXT,
    finish,
    house_style,
    new_axes,
    period_ticks,
    speaker,
    value_axis,
)
from kbind.wording import Voice, picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24


def plot_rows(
    result: Quality,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
) -> Axes:
    """Rows of the main table by period as bars; periods with far fewer than usual stand out.

    Parameters
    ----------
    result : Quality
        Of a data set with time stamps.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    """
    frame, speak = by_period(result), speaker(lang, voice, period=result.period)
    starts = [start.date() for start in frame["start"]]
    labels = list(frame["period"])
    with house_style():
        axes = new_axes(ax, 2.6)
        x = np.arange(len(frame))
        rows = frame["rows"].to_numpy(dtype=float)
        gap = frame["gap"].to_numpy(dtype=bool)
        axes.bar(x[~gap], rows[~gap], color=MIDBLUE, width=0.72)
        axes.bar(x[gap], rows[gap], color=SAND, width=0.72)
        usual = frame["usual"].to_numpy(dtype=float)
        axes.hlines(usual[gap], x[gap] - 0.36, x[gap] + 0.36, color=INK, linewidth=1.4)
        if gap.any() and gap.sum() <= 6:
            for i in np.flatnonzero(gap):
                axes.annotate(speak.number(rows[i]), (float(x[i]), rows[i]), xytext=(0, 2), ha="center", fontsize=8.5,
                              textcoords="offset points", color=SAND_TEXT)  # fmt: skip
        period_ticks(axes, speak, starts, labels)
        axes.set_ylim(bottom=0)
        value_axis(axes, speak.number)
        points = [
            f"{speak.period_name(starts[k], labels[k])}: {speak.number(rows[k])}"
            for k in picked(len(frame), TEXT_POINTS)
        ]
        title = speak.say("figure.rows", table=main_table(result)) if title is None else title
        return finish(axes, title, speak.say("quality.calendar.alt", points="; ".join(points)))
