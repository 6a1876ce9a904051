"""What goes with leaving: every attribute that stands out, with its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from kbind.contrasts.contrasts import Contrasts
from kbind.facts.contrasts import ContrastFacts
from kbind.facts.names import Names
from kbind.plot.base import BLUE, INK, MUTE, SAND, SAND_TEXT, Canvas, finish, row_axis, write_beside

#: Height of a row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.34, 0.95
#: Ratios that may stand on the axis.
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
#: Signs up to which a label is written in full.
_LABEL = 40


def plot_contrasts(result: Contrasts, canvas: Canvas, *, names: Names | None = None) -> Axes:
    """How much more or less often customers with an attribute leave: points with their intervals, 1 is no difference.

    Parameters
    ----------
    result : Contrasts
        Of those that hold up the ten largest are shown; of all, where none does.
    canvas : Canvas
    names : Names, optional
        What columns and levels are called; default as in the data.
    """
    speak = canvas.speaker(customer=result.profiles.provenance.customer, action="stay")
    facts = ContrastFacts(result, speak.disclosure)
    names = names or Names(speak, flags=facts.flags)
    labels, points, ends = [], [], [0.8, 1.25]
    axes = canvas.axes(_AROUND + _ROW * max(len(facts.places), 1))
    for y, place in enumerate(facts.places):
        ratio, first, own = facts.effect(place), facts.raw(place), result.comparisons[place]
        sure = ratio.ci_lower > 1 or ratio.ci_upper < 1
        colour, ink = (MUTE, MUTE) if not sure else (SAND, SAND_TEXT) if ratio.value > 1 else (BLUE, BLUE)
        axes.plot([ratio.ci_lower, ratio.ci_upper], [y, y], color=colour, linewidth=2)
        axes.plot([ratio.value], [y], "o", color=colour, markersize=6)
        if facts.adjusted and np.isfinite(first.value):
            axes.plot([first.value], [y], "o", markerfacecolor="none", markeredgecolor=MUTE, markersize=6)
            ends.append(first.value)
        write_beside(axes, speak.tell(ratio), y, color=ink, fontsize=8.5)
        labels.append(names.pair(own.attribute, own.level))
        ends += [ratio.ci_lower, ratio.ci_upper]
        words = {"pair": labels[-1], "effect": speak.tell(ratio), "range": speak.tell(ratio, "range")}
        points.append(speak.say("segments.contrast.point", **words))
    axes.axvline(1, color=INK, linewidth=1)
    axes.set(xscale="log", xlim=(min(ends) / 1.08, max(ends) * 1.08))
    axes.set_xlabel(speak.say(f"segments.contrast.axis_{facts.kind}"))
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if min(ends) <= tick <= max(ends)]))
    axes.xaxis.set_minor_locator(NullLocator())
    short = [label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…" for label in labels]
    row_axis(axes, short, lambda x: speak.number(x, 0 if x >= 1 else 1 if x >= 0.1 else 2))
    text = speak.say("segments.contrast.alt", points="; ".join(points) or speak.say("segments.contrast.none"))
    return finish(axes, canvas.heading(f"figure.contrasts.{facts.kind}", speak), text)
