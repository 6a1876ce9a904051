"""What a point of retention is worth, and which figures that hangs on."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from kbind.figures.base import BLUE, INK, LINE, MIDBLUE, MIDBLUE_TEXT, finish, house_style, new_axes
from kbind.story.value import ValueStory
from kbind.wording import upper_first

#: Height of a bar's row, and of everything around the bars, in inches.
_ROW, _AROUND = 0.42, 1.0


def plot_tornado(story: ValueStory, *, ax: Axes | None = None) -> Axes:
    """How far the value moves when one input moves: bars from its lower to its upper end, the longest on top.

    Parameters
    ----------
    story : ValueStory
        What the points are worth.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, levers = story.voice, story.levers
    base = story.fact("value")
    points = []
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * max(len(levers), 1))
        for y, (_, row) in enumerate(levers.iterrows()):
            ends = story.ends(row)
            voice.note(*ends)
            inputs = [story.written(row["parameter"], row[end]) for end in ("low", "high")]
            for end, written, colour, ink in zip(ends, inputs, (MIDBLUE, BLUE), (MIDBLUE_TEXT, BLUE), strict=True):
                axes.barh(y, end.value - base.value, left=base.value, height=0.6, color=colour)
                right = end.value > base.value or (end.value == base.value and ends[0].value < ends[1].value)
                axes.annotate(written, (end.value, y), xytext=(4 if right else -4, 0), textcoords="offset points",
                              ha="left" if right else "right", va="center", color=ink, fontsize=8.5)  # fmt: skip
            told = {"at_low": voice.tell(ends[0]), "at_high": voice.tell(ends[1]), "low": inputs[0], "high": inputs[1]}
            points.append(voice.say("value.tornado.point", parameter=story.name_of(row["parameter"]), **told))
        axes.axvline(base.value, color=INK, linewidth=1.2)
        axes.set_yticks(range(len(levers)), [upper_first(story.name_of(name)) for name in levers["parameter"]])
        axes.set(ylim=(max(len(levers), 1) - 0.45, -0.55), xlabel=voice.say("value.tornado.axis", after=story.span))
        axes.margins(x=0.16)  # room for what stands at the ends of the bars
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: voice.money(x)))
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        text = voice.say("value.tornado.alt", value=base, points="; ".join(points) or voice.tell(base))
        return finish(axes, story.tornado_title(), text)
