"""What a point of retention is worth, and which figures that hangs on."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.facts.value import ends, figure_of, name_of, written
from kbind.plot.base import BLUE, INK, MIDBLUE, MIDBLUE_TEXT, Canvas, finish, is_narrow, row_axis, write_at
from kbind.revenue.retention_value import RetentionValue
from kbind.text.messages import upper_first

#: Height of a bar's row, and of everything around the bars, in inches.
_ROW, _AROUND = 0.42, 1.0


def plot_tornado(result: RetentionValue, canvas: Canvas) -> Axes:
    """How far the value moves when one input moves: bars from its lower to its upper end, the longest on top."""
    speak, levers = canvas.speaker(action="stay"), result.sensitivity()
    base, after = figure_of(result, "value"), speak.after(result.inputs.horizon)
    points = []
    axes = canvas.axes(_AROUND + _ROW * max(len(levers), 1))
    for y, (_, row) in enumerate(levers.iterrows()):
        both = ends(result, row)
        speak.note(*both)
        inputs = {end: written(row["parameter"], row[end], speak) for end in ("low", "high")}
        colours = (MIDBLUE, MIDBLUE_TEXT), (BLUE, BLUE)
        for end, text, (colour, ink) in zip(both, inputs.values(), colours, strict=True):
            axes.barh(y, end.value - base.value, left=base.value, height=0.6, color=colour)
            right = end.value > base.value or (end.value == base.value and both[0].value < both[1].value)
            offset, side = ((4, 0), "left") if right else ((-4, 0), "right")
            write_at(axes, text, (end.value, y), offset, ha=side, va="center", color=ink, fontsize=8.5)
        values = inputs | {"at_low": speak.tell(both[0]), "at_high": speak.tell(both[1])}
        points.append(speak.say("value.tornado.point", parameter=name_of(row["parameter"], speak), **values))
    axes.axvline(base.value, color=INK, linewidth=1.2)
    row_axis(axes, [upper_first(name_of(name, speak)) for name in levers["parameter"]], speak.money)
    axes.set_xlabel(speak.say("value.tornado.axis", after=after))
    axes.margins(x=0.36 if is_narrow() else 0.16)  # room for what stands at the ends of the bars
    axes.xaxis.set_major_locator(MaxNLocator(5))
    alternative = speak.say("value.tornado.alt", value=base, points="; ".join(points) or speak.tell(base))
    return finish(axes, canvas.heading("figure.tornado", speak, value=base, after=after), alternative)
