"""Retention by period, from counts."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from kbind.errors import check_count
from kbind.facts.periods import in_period, kept, label, late_and_before, name, together
from kbind.plot.base import (
    BLUE,
    MIDBLUE,
    MIDBLUE_TEXT,
    SAND,
    SAND_TEXT,
    Canvas,
    finish,
    is_narrow,
    percent_axis,
    period_ticks,
    told_limits,
    write_at,
    write_beside,
)
from kbind.retention.period_rates import PeriodRates
from kbind.text.tables import picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24
#: Names of irregular periods that fit below the axis.
_NAMES = 5
#: Signs of a value that fits below its point on a phone.
_SHORT = 4
#: Upper end of the axis, and the share of it below the lowest interval that a value written there needs.
_TOP, _ROOM = 1.02, 0.12


def plot_periods(result: PeriodRates, canvas: Canvas, *, stands_out: int = 0) -> Axes:
    """Share of the customers at the start of each period who were there at its end, with intervals.

    Parameters
    ----------
    result : PeriodRates
        Of counts by period.
    canvas : Canvas
    stands_out : int
        How many of the last periods do.
    """
    speak = canvas.speaker(action="stay", period=result.kind or "month")
    frame, size = result.to_frame(), len(result.to_frame())
    facts = [in_period(result, i) for i in range(size)]
    last = np.zeros(size, dtype=bool)
    last[size - check_count("stands_out", stands_out, 0, size) :] = True
    axes = canvas.axes(3.2)
    x, (value, lower, upper) = np.arange(size), told_limits(facts, speak)
    shown = np.isfinite(value)
    for part, colour, line, ink in ((~last, BLUE, MIDBLUE, BLUE), (last, SAND, SAND, SAND_TEXT)):
        part = part & shown
        axes.vlines(x[part], lower[part], upper[part], color=line, linewidth=2)
        axes.plot(x[part], value[part], "o", color=colour, markersize=7)
        for i in x[part] if size <= _NAMES or colour == SAND else ():
            text, beside = speak.tell(facts[i]), size > _NAMES and (size - i) % 2 == 0
            if beside and is_narrow() and len(text) > _SHORT:  # no room beside the one that follows
                write_at(axes, text, (i, upper[i]), (0, 4), ha="center", va="bottom", color=ink)
            else:
                write_at(axes, text, (i, lower[i]), (0, -4), ha="center", va="top", color=ink)
    mean = late_and_before(result, stands_out)["before"] if 0 < stands_out < size else kept(result)
    level = speak.disclosure.fact(mean)
    if together(result) and level.known:
        axes.axhline(level.value, color=MIDBLUE, linewidth=1.2, linestyle="--")
        write_beside(axes, speak.tell(mean), level.value, color=MIDBLUE_TEXT)
    if result.kind:
        period_ticks(axes, speak, frame["first_day"].tolist(), [label(result, i) for i in range(size)])
    else:
        places = picked(size, _NAMES)
        axes.set_xticks(places, [name(result, i, speak).replace("\u2009–\u2009", " –\n") for i in places])
        axes.set_xlim(-0.6, size - 0.4)
    least = float(np.min(lower[shown], initial=1.0)) if shown.any() else 0.0
    low = max(0.0, np.floor(20 * (least - max(0.025, _ROOM * (_TOP - least)))) / 20)
    axes.set_ylim(low, _TOP)
    percent_axis(axes, speak)
    axes.yaxis.set_major_locator(MultipleLocator(0.05 if low >= 0.6 else 0.1 if low >= 0.4 else 0.2))
    points = "; ".join(f"{name(result, i, speak)}: {speak.tell(facts[i])}" for i in picked(size, TEXT_POINTS))
    return finish(axes, canvas.heading("figure.periods", speak), speak.say("periods.alt", points=points))
