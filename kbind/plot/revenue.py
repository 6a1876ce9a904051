"""Where recurring revenue comes from and where it goes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.facts.revenue import GAINS, LOSSES, movements, shown_windows
from kbind.plot.base import (
    BLUE,
    MIDBLUE,
    MIDBLUE_TEXT,
    MUTE,
    PALE,
    SAND,
    SAND_TEXT,
    Canvas,
    finish,
    one_group,
    period_ticks,
    stacked_bars,
    value_axis,
)
from kbind.revenue.revenue_retention import RevenueRetention
from kbind.text.tables import picked
from kbind.text.voice import Voice

#: Windows up to which a text alternative names every one.
TEXT_POINTS = 12

#: Colour of bars, and of their names.
_LOOKS = {
    "new": (PALE, MUTE),
    "reactivation": (BLUE, BLUE),
    "expansion": (MIDBLUE, MIDBLUE_TEXT),
    "contraction": ("#e3b98f", SAND_TEXT),
    "churn": (SAND, SAND_TEXT),
}


def plot_movements(result: RevenueRetention, canvas: Canvas) -> Axes:
    """Revenue gained above the line and lost below it, window by window, of all customers together."""
    one_group(result.movements.by, "the picture of movements")
    speak = canvas.speaker(action="stay")
    bars, calendar, size = movements(result), result.movements.calendar, shown_windows(result)
    ticks = Voice(speak.lang, period=calendar.period)
    heights = {
        kind: np.array([f.value if speak.disclosure.fact(f).known else 0.0 for f in facts])
        for kind, facts in bars.items()
    }
    gains, losses = ({kind: heights[kind] for kind in kinds} for kinds in (GAINS, LOSSES))
    axes = canvas.axes(3.4)
    stacked_bars(axes, gains, losses, _LOOKS, {kind: speak.say(f"revenue.kind.{kind}") for kind in heights})
    period_ticks(axes, ticks, calendar.starts[:size], calendar.labels)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    value_axis(axes, lambda y: speak.money(abs(y)))
    points = [
        speak.say(
            "revenue.moves.point",
            name=ticks.period_name(calendar.starts[i], calendar.labels[i]),
            **{kind: speak.tell(facts[i]) for kind, facts in bars.items()},
        )
        for i in picked(size, TEXT_POINTS)
    ]
    title = canvas.heading("figure.movements", ticks)
    return finish(axes, title, speak.say("revenue.moves.alt", points="; ".join(points)))
