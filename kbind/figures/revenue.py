"""Where recurring revenue comes from and where it goes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.estimates.revenue import RevenueRetention
from kbind.facts.revenue import GAINS, LOSSES, movements, shown_windows
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
    one_group,
    period_ticks,
    speaker,
    spread,
    value_axis,
)
from kbind.wording import Voice, picked

#: Windows up to which a text alternative names every one.
TEXT_POINTS = 12

_FILL = {"new": PALE, "reactivation": BLUE, "expansion": MIDBLUE, "contraction": "#e3b98f", "churn": SAND}
_INK = {"new": MUTE, "reactivation": BLUE, "expansion": MIDBLUE_TEXT, "contraction": SAND_TEXT, "churn": SAND_TEXT}


def plot_movements(
    result: RevenueRetention,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
) -> Axes:
    """Revenue gained above the line and lost below it, window by window.

    Parameters
    ----------
    result : RevenueRetention
        Of all customers together.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    """
    one_group(result.movements.by, "the picture of movements")
    speak = speaker(lang, voice, action="stay")
    bars, calendar = movements(result), result.movements.calendar
    ticks = Voice(speak.lang, period=calendar.period)
    heights = {
        kind: np.array([f.value if speak.disclosure.fact(f).known else 0.0 for f in facts])
        for kind, facts in bars.items()
    }
    with house_style():
        axes = new_axes(ax, 3.4)
        x = np.arange(shown_windows(result))
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
            axes.annotate(speak.say(f"revenue.kind.{kind}"), (1.0, y), xycoords=("axes fraction", "data"),
                          xytext=(4, 0), textcoords="offset points", color=_INK[kind], va="center",
                          annotation_clip=False)  # fmt: skip
        period_ticks(axes, ticks, calendar.starts[: len(x)], calendar.labels)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        value_axis(axes, lambda y: speak.money(abs(y)))
        points = [
            speak.say(
                "revenue.moves.point",
                name=ticks.period_name(calendar.starts[i], calendar.labels[i]),
                **{kind: speak.tell(facts[i]) for kind, facts in bars.items()},
            )
            for i in picked(len(x), TEXT_POINTS)
        ]
        title = ticks.say("figure.movements") if title is None else title
        return finish(axes, title, speak.say("revenue.moves.alt", points="; ".join(points)))
