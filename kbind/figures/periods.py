"""Retention by period, from counts."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from kbind.errors import check_flag
from kbind.estimates.retention import PeriodRates
from kbind.facts.periods import in_period, kept, label, name, together
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
    speaker,
)
from kbind.wording import Voice, picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24
#: Names of irregular periods that fit below the axis.
_NAMES = 5


def plot_periods(
    result: PeriodRates,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    stands_out: bool = False,
) -> Axes:
    """Share of the customers at the start of each period who were there at its end, with intervals.

    Parameters
    ----------
    result : PeriodRates
        Of counts by period.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    stands_out : bool
        Whether the last period does.
    """
    speak = speaker(lang, voice, action="stay", period=result.kind or "month")
    frame = result.to_frame()
    facts = [in_period(result, i) for i in range(len(frame))]
    shown = np.array([speak.disclosure.fact(fact).known for fact in facts], dtype=bool)
    last = np.zeros(len(frame), dtype=bool)
    last[-1] = check_flag("stands_out", stands_out)
    with house_style():
        axes = new_axes(ax, 3.2)
        x = np.arange(len(frame))
        value, lower, upper = (frame[f"retention{end}"].to_numpy(dtype=float) for end in ("", "_ci_lower", "_ci_upper"))
        for part, colour, ink in ((~last, BLUE, BLUE), (last, SAND, SAND_TEXT)):
            part = part & shown
            axes.vlines(x[part], lower[part], upper[part], color=MIDBLUE if colour == BLUE else SAND, linewidth=2)
            axes.plot(x[part], value[part], "o", color=colour, markersize=7)
            for i in x[part] if len(frame) <= _NAMES or colour == SAND else ():
                axes.annotate(speak.tell(facts[i]), (i, value[i]), xytext=(9, 0), textcoords="offset points",
                              va="center", color=ink)  # fmt: skip
        mean = kept(result)
        if together(result) and speak.disclosure.fact(mean).known:
            axes.axhline(mean.value, color=MIDBLUE, linewidth=1.2, linestyle="--")
            axes.annotate(speak.tell(mean), (1.0, mean.value), xycoords=("axes fraction", "data"),
                          xytext=(6, 0), textcoords="offset points", va="center", color=MIDBLUE_TEXT,
                          annotation_clip=False)  # fmt: skip
        if result.kind:
            period_ticks(axes, speak, frame["first_day"].tolist(), [label(result, i) for i in range(len(frame))])
        else:
            places = picked(len(frame), _NAMES)
            axes.set_xticks(places, [name(result, i, speak).replace("\u2009–\u2009", " –\n") for i in places])
            axes.set_xlim(-0.6, len(frame) - 0.4)
        floor = float(np.min(lower[shown])) if shown.any() else 0.0
        low = max(0.0, np.floor(20 * floor - 0.5) / 20)
        axes.set_ylim(low, 1.02)
        percent_axis(axes, speak)
        axes.yaxis.set_major_locator(MultipleLocator(0.05 if low >= 0.6 else 0.1 if low >= 0.4 else 0.2))
        points = "; ".join(f"{name(result, i, speak)}: {speak.tell(facts[i])}" for i in picked(len(frame), TEXT_POINTS))
        title = speak.say("figure.periods") if title is None else title
        return finish(axes, title, speak.say("periods.alt", points=points))
