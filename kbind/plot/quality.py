"""Rows by period, so that gaps in the recording are seen."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from kbind.dataset.quality import Quality
from kbind.facts.quality import by_period, main_table
from kbind.plot.base import INK, MIDBLUE, SAND, SAND_TEXT, Canvas, finish, period_ticks, value_axis, write_at
from kbind.text.tables import picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24


def plot_rows(result: Quality, canvas: Canvas) -> Axes:
    """Rows of the main table by period as bars; periods with far fewer than usual stand out."""
    frame, speak = by_period(result), canvas.speaker(period=result.period)
    starts, labels = [start.date() for start in frame["start"]], list(frame["period"])
    axes = canvas.axes(2.6)
    x = np.arange(len(frame))
    rows, gap = np.nan_to_num(speak.disclosure.counts(frame["rows"])), frame["gap"].to_numpy(dtype=bool)
    axes.bar(x, rows, color=np.where(gap, SAND, MIDBLUE).tolist(), width=0.72)
    axes.hlines(speak.disclosure.rounded(frame["usual"])[gap], x[gap] - 0.36, x[gap] + 0.36, color=INK, linewidth=1.4)
    for i in np.flatnonzero(gap) if gap.sum() <= 6 else ():
        at = float(x[i]), rows[i]
        write_at(axes, speak.count(frame["rows"].iloc[i]), at, (0, 2), ha="center", fontsize=8.5, color=SAND_TEXT)
    period_ticks(axes, speak, starts, labels)
    axes.set_ylim(bottom=0)
    value_axis(axes, speak.number)
    points = [
        f"{speak.period_name(starts[k], labels[k])}: {speak.count(frame['rows'].iloc[k])}"
        for k in picked(len(frame), TEXT_POINTS)
    ]
    title = canvas.heading("figure.rows", speak, table=main_table(result))
    return finish(axes, title, speak.say("quality.calendar.alt", points="; ".join(points)))
