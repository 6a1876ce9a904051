"""Life-cycle bars by period."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.estimates.retention import Lifecycle
from kbind.figures.base import (
    BLUE,
    INK,
    MIDBLUE,
    MIDBLUE_TEXT,
    PALE,
    SAND,
    SAND_TEXT,
    finish,
    house_style,
    new_axes,
    period_ticks,
    spread,
    value_axis,
)
from kbind.figures.retention.common import TEXT_POINTS, check_result, voice_of
from kbind.story.base import picked
from kbind.story.retention import STATES, require_one_group, retention_story
from kbind.wording import Voice


def plot_lifecycle(result: Lifecycle, *, ax: Axes | None = None, lang: str = "en", voice: Voice | None = None) -> Axes:
    """New, retained and resurrected customers as stacked bars, churned ones below the line.

    Parameters
    ----------
    result : Lifecycle
        Without groups.
    ax, lang, voice
        As for `plot_retention_curves`.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Groups.
    """
    check_result(result, Lifecycle, "kb.lifecycle(...)")
    require_one_group(result.activity)
    speak = voice_of(result.activity, lang, voice)
    calendar = result.activity.calendar
    states = list(STATES)
    story = retention_story(result.activity, speak)
    speak.note(*story.cycle_facts())
    frame = result.to_frame()
    frame = frame.assign(**{s: speak.disclosure.frame(frame, counts=[s], told=[s])[s] for s in states})
    colours = {"retained": PALE, "resurrected": BLUE, "new": MIDBLUE, "churned": SAND}
    inks = {"retained": MIDBLUE_TEXT, "resurrected": BLUE, "new": MIDBLUE_TEXT, "churned": SAND_TEXT}
    drawn = frame[states].fillna(0)
    with house_style():
        axes = new_axes(ax, 3.4)
        x = np.arange(len(frame))
        base = np.zeros(len(frame))
        middles = []
        for state in states[:3]:
            height = drawn[state].to_numpy(dtype=float)
            axes.bar(x, height, bottom=base, color=colours[state], width=0.72)
            middles.append(float(base[-1] + height[-1] / 2) if len(x) else 0.0)
            base = base + height
        below = -drawn["churned"].to_numpy(dtype=float)
        axes.bar(x, below, color=colours["churned"], width=0.72)
        middles.append(float(below[-1] / 2) if len(x) else 0.0)
        axes.axhline(0, color=INK, linewidth=0.8)
        extent = float(base.max(initial=0) - below.min(initial=0)) or 1.0
        for state, y in zip(states, spread(middles, 0.075 * extent, -extent, float(base.max(initial=0))), strict=True):
            axes.annotate(speak.say(f"retention.cycle.{state}"), (1.0, y), xycoords=("axes fraction", "data"),
                          xytext=(4, 0), textcoords="offset points", color=inks[state], va="center",
                          annotation_clip=False)  # fmt: skip
        names = [speak.period_name(calendar.starts[i], calendar.labels[i]) for i in range(len(frame))]
        period_ticks(axes, speak, calendar.starts[: len(frame)], calendar.labels)
        value_axis(axes, lambda y: speak.number(abs(y)))
        return finish(axes, story.cycle_title(), _cycle_alternative(frame, names, speak))


def _cycle_alternative(frame: pd.DataFrame, names: list[str], voice: Voice) -> str:
    points = []
    for i in picked(len(frame), TEXT_POINTS):
        row = frame.iloc[i]
        cells = {s: voice.under_threshold() if pd.isna(row[s]) else voice.number(row[s]) for s in STATES}
        points.append(voice.say("retention.cycle.point", name=names[i], **cells))
    return voice.say("retention.cycle.alt", points="; ".join(points))
