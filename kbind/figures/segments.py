"""What goes with leaving: every attribute that stands out, with its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kbind.figures.base import BLUE, INK, LINE, MUTE, SAND, SAND_TEXT, finish, house_style, new_axes
from kbind.story.segments import SegmentStory

#: Height of a row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.34, 0.95
#: Ratios that may stand on the axis.
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
#: Signs up to which a label is written in full.
_LABEL = 40


def plot_contrasts(story: SegmentStory, *, ax: Axes | None = None) -> Axes:
    """How much more or less often customers with an attribute leave: points with their intervals, 1 is no difference.

    Parameters
    ----------
    story : SegmentStory
        With contrasts.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, frame = story.voice, story.shown
    points = []
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * max(len(frame), 1))
        labels = []
        ends = [0.8, 1.25]
        for y, place in enumerate(frame["place"]):
            effect, raw = story.effect(int(place)), story.raw(int(place))
            voice.note(effect)
            sure = effect.ci_lower > 1 or effect.ci_upper < 1
            colour = MUTE if not sure else SAND if effect.value > 1 else BLUE
            ink = MUTE if not sure else SAND_TEXT if effect.value > 1 else BLUE
            axes.plot([effect.ci_lower, effect.ci_upper], [y, y], color=colour, linewidth=2)
            axes.plot([effect.value], [y], "o", color=colour, markersize=6)
            if story.adjusted and np.isfinite(raw.value):
                voice.note(raw)
                axes.plot([raw.value], [y], "o", markerfacecolor="none", markeredgecolor=MUTE, markersize=6)
                ends.append(raw.value)
            axes.annotate(voice.tell(effect), (1.0, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
                          textcoords="offset points", va="center", color=ink, fontsize=8.5,
                          annotation_clip=False)  # fmt: skip
            labels.append(story.label(int(place)))
            ends += [effect.ci_lower, effect.ci_upper]
            words = {"pair": labels[-1], "effect": voice.tell(effect), "range": voice.tell(effect, "range")}
            points.append(voice.say("segments.contrast.point", **words))
        axes.axvline(1, color=INK, linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(min(ends) / 1.08, max(ends) * 1.08)
        ticks = [tick for tick in _TICKS if min(ends) <= tick <= max(ends)]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: voice.number(x, 0 if x >= 1 else 1 if x >= 0.1 else 2))
        )
        short = [label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…" for label in labels]
        axes.set_yticks(range(len(frame)), short, parse_math=False)
        axes.set(ylim=(max(len(frame), 1) - 0.4, -0.6), xlabel=voice.say(f"segments.contrast.axis_{story.kind}"))
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        text = voice.say("segments.contrast.alt", points="; ".join(points) or voice.say("segments.contrast.none"))
        return finish(axes, story.contrast_title(), text)
