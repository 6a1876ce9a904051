"""Rows by period, so that gaps in the recording are seen."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from kbind.figures.base import INK, MIDBLUE, SAND, SAND_TEXT, finish, house_style, new_axes, period_ticks, value_axis
from kbind.story.quality import QualityStory
from kbind.wording import picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24


def plot_rows(story: QualityStory, *, ax: Axes | None = None) -> Axes:
    """Rows of the main table by period as bars; periods with far fewer than usual stand out.

    Parameters
    ----------
    story : QualityStory
        Of a data set with time stamps.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    frame, speak = story.calendar, story.voice
    speak.note(*story.period_facts())
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
        return finish(axes, story.calendar_title(), _alternative(story))


def _alternative(story: QualityStory) -> str:
    frame, speak = story.calendar, story.voice
    points = []
    for i in picked(len(frame), TEXT_POINTS):
        name = speak.period_name(frame["start"].iloc[i].date(), frame["period"].iloc[i])
        points.append(f"{name}: {speak.number(frame['rows'].iloc[i])}")
    return speak.say("quality.calendar.alt", points="; ".join(points))
