"""Where recurring revenue comes from and where it goes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.figures.base import (
    BLUE,
    INK,
    MIDBLUE,
    MIDBLUE_TEXT,
    MUTE,
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
from kbind.story.revenue import GAINS, LOSSES, RevenueStory
from kbind.wording import Voice, picked

#: Windows up to which a text alternative names every one.
TEXT_POINTS = 12

_FILL = {"new": PALE, "reactivation": BLUE, "expansion": MIDBLUE, "contraction": "#e3b98f", "churn": SAND}
_INK = {"new": MUTE, "reactivation": BLUE, "expansion": MIDBLUE_TEXT, "contraction": SAND_TEXT, "churn": SAND_TEXT}


def plot_movements(story: RevenueStory, *, ax: Axes | None = None) -> Axes:
    """Revenue gained above the line and lost below it, window by window.

    Parameters
    ----------
    story : RevenueStory
        Of all customers together.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, bars = story.voice, story.step_facts()
    voice.note(*(fact for facts in bars.values() for fact in facts))
    calendar = story.steps.movements.calendar
    ticks = Voice(voice.lang, period=calendar.period)
    heights = {kind: np.array([f.value if story.told(f) else 0.0 for f in facts]) for kind, facts in bars.items()}
    with house_style():
        axes = new_axes(ax, 3.4)
        x = np.arange(story.shown)
        ends = {}
        for kinds, sign in ((GAINS, 1), (LOSSES, -1)):
            base = np.zeros(len(x))
            for kind in kinds:
                axes.bar(x, sign * heights[kind], bottom=base, color=_FILL[kind], width=0.72)
                ends[kind] = float(base[-1] + sign * heights[kind][-1] / 2)
                base = base + sign * heights[kind]
        axes.axhline(0, color=INK, linewidth=0.8)
        low, high = axes.get_ylim()
        order = [*GAINS, *LOSSES]
        for kind, y in zip(order, spread([ends[k] for k in order], 0.085 * (high - low), low, high), strict=True):
            axes.annotate(story.kind(kind), (1.0, y), xycoords=("axes fraction", "data"), xytext=(4, 0),
                          textcoords="offset points", color=_INK[kind], va="center", annotation_clip=False)  # fmt: skip
        period_ticks(axes, ticks, calendar.starts[: len(x)], calendar.labels)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        value_axis(axes, lambda y: voice.money(abs(y)))
        points = [
            voice.say(
                "revenue.moves.point",
                name=ticks.period_name(calendar.starts[i], calendar.labels[i]),
                **{kind: voice.tell(facts[i]) for kind, facts in bars.items()},
            )
            for i in picked(len(x), TEXT_POINTS)
        ]
        return finish(axes, story.moves_title(), voice.say("revenue.moves.alt", points="; ".join(points)))
