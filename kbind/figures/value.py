"""What a point of retention is worth, and which figures that hangs on."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from kbind.estimates.value import RetentionValue
from kbind.facts.value import ends, figure_of, name_of, written
from kbind.figures.base import BLUE, INK, LINE, MIDBLUE, MIDBLUE_TEXT, finish, house_style, new_axes, speaker
from kbind.wording import Voice, upper_first

#: Height of a bar's row, and of everything around the bars, in inches.
_ROW, _AROUND = 0.42, 1.0


def plot_tornado(
    result: RetentionValue,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
) -> Axes:
    """How far the value moves when one input moves: bars from its lower to its upper end, the longest on top.

    Parameters
    ----------
    result : RetentionValue
        What the points are worth.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    """
    speak, levers = speaker(lang, voice, action="stay"), result.sensitivity()
    base, after = figure_of(result, "value"), speak.after(result.inputs.horizon)
    points = []
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * max(len(levers), 1))
        for y, (_, row) in enumerate(levers.iterrows()):
            both = ends(result, row)
            speak.note(*both)
            inputs = [written(row["parameter"], row[end], speak) for end in ("low", "high")]
            for end, text, colour, ink in zip(both, inputs, (MIDBLUE, BLUE), (MIDBLUE_TEXT, BLUE), strict=True):
                axes.barh(y, end.value - base.value, left=base.value, height=0.6, color=colour)
                right = end.value > base.value or (end.value == base.value and both[0].value < both[1].value)
                axes.annotate(text, (end.value, y), xytext=(4 if right else -4, 0), textcoords="offset points",
                              ha="left" if right else "right", va="center", color=ink, fontsize=8.5)  # fmt: skip
            values = {
                "at_low": speak.tell(both[0]),
                "at_high": speak.tell(both[1]),
                "low": inputs[0],
                "high": inputs[1],
            }
            points.append(speak.say("value.tornado.point", parameter=name_of(row["parameter"], speak), **values))
        axes.axvline(base.value, color=INK, linewidth=1.2)
        axes.set_yticks(range(len(levers)), [upper_first(name_of(name, speak)) for name in levers["parameter"]])
        axes.set(ylim=(max(len(levers), 1) - 0.45, -0.55), xlabel=speak.say("value.tornado.axis", after=after))
        axes.margins(x=0.16)  # room for what stands at the ends of the bars
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: speak.money(x)))
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        alternative = speak.say("value.tornado.alt", value=base, points="; ".join(points) or speak.tell(base))
        title = speak.say("figure.tornado", value=base, after=after) if title is None else title
        return finish(axes, title, alternative)
