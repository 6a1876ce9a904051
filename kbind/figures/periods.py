"""Retention by period, from counts."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from kbind.figures.base import (
    BLUE,
    MIDBLUE,
    MIDBLUE_TEXT,
    SAND,
    SAND_TEXT,
    finish,
    house_style,
    new_axes,
    percent_axis,
    period_ticks,
)
from kbind.story.periods import PeriodStory
from kbind.wording import picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24
#: Names of irregular periods that fit below the axis.
_NAMES = 5


def plot_periods(story: PeriodStory, *, ax: Axes | None = None) -> Axes:
    """Share of the customers at the start of each period who were there at its end, with intervals.

    Parameters
    ----------
    story : PeriodStory
        Of counts by period.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, frame = story.voice, story.frame
    facts = [story.in_period(i) for i in range(len(frame))]
    voice.note(*facts)
    shown = np.array([story.told(fact) for fact in facts], dtype=bool)
    stands_out = np.zeros(len(frame), dtype=bool)
    stands_out[-1] = story.trend in ("better", "worse")
    with house_style():
        axes = new_axes(ax, 3.2)
        x = np.arange(len(frame))
        value, lower, upper = (frame[f"retention{end}"].to_numpy(dtype=float) for end in ("", "_ci_lower", "_ci_upper"))
        for part, colour, ink in ((~stands_out, BLUE, BLUE), (stands_out, SAND, SAND_TEXT)):
            part = part & shown
            axes.vlines(x[part], lower[part], upper[part], color=MIDBLUE if colour == BLUE else SAND, linewidth=2)
            axes.plot(x[part], value[part], "o", color=colour, markersize=7)
            for i in x[part] if len(frame) <= _NAMES or colour == SAND else ():
                axes.annotate(voice.tell(facts[i]), (i, value[i]), xytext=(9, 0), textcoords="offset points",
                              va="center", color=ink)  # fmt: skip
        if story.together and story.told(story.kept):
            axes.axhline(story.kept.value, color=MIDBLUE, linewidth=1.2, linestyle="--")
            axes.annotate(voice.tell(story.kept), (1.0, story.kept.value), xycoords=("axes fraction", "data"),
                          xytext=(6, 0), textcoords="offset points", va="center", color=MIDBLUE_TEXT,
                          annotation_clip=False)  # fmt: skip
        if story.rates.kind:
            period_ticks(axes, voice, frame["first_day"].tolist(), [story.label(i) for i in range(len(frame))])
        else:
            places = picked(len(frame), _NAMES)
            axes.set_xticks(places, [story.name(i).replace("\u2009–\u2009", " –\n") for i in places])
            axes.set_xlim(-0.6, len(frame) - 0.4)
        floor = float(np.min(lower[shown])) if shown.any() else 0.0
        low = max(0.0, np.floor(20 * floor - 0.5) / 20)
        axes.set_ylim(low, 1.02)
        percent_axis(axes, voice)
        axes.yaxis.set_major_locator(MultipleLocator(0.05 if low >= 0.6 else 0.1 if low >= 0.4 else 0.2))
        points = "; ".join(f"{story.name(i)}: {voice.tell(facts[i])}" for i in picked(len(frame), TEXT_POINTS))
        return finish(axes, story.curve_title(), voice.say("periods.alt", points=points))
