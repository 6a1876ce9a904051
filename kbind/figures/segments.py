"""What goes with leaving: every attribute that stands out, with its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kbind.estimates.contrasts import Contrasts
from kbind.facts.contrasts import by_rates, comparable, effect, is_adjusted, raw, shown_contrasts
from kbind.facts.names import Names
from kbind.figures.base import BLUE, INK, LINE, MUTE, SAND, SAND_TEXT, finish, house_style, new_axes, speaker
from kbind.wording import Voice

#: Height of a row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.34, 0.95
#: Ratios that may stand on the axis.
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
#: Signs up to which a label is written in full.
_LABEL = 40


def plot_contrasts(
    result: Contrasts,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    names: Names | None = None,
) -> Axes:
    """How much more or less often customers with an attribute leave: points with their intervals, 1 is no difference.

    Parameters
    ----------
    result : Contrasts
        Of those that hold up the ten largest are shown; of all, where none does.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    names : Names, optional
        What columns and levels are called; default as in the data.
    """
    speak = speaker(lang, voice, customer=result.profiles.provenance.customer, action="stay")
    names = names or Names(speak, flags=frozenset(a.name for a in result.profiles.attributes if len(a.levels) == 2))
    frame = shown_contrasts(result, comparable(result, speak.disclosure))
    kind = "rates" if by_rates(result) else "odds"
    points = []
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * max(len(frame), 1))
        labels = []
        ends = [0.8, 1.25]
        for y, place in enumerate(frame["place"]):
            ratio, first = effect(result, int(place)), raw(result, int(place))
            own = result.comparisons[int(place)]
            sure = ratio.ci_lower > 1 or ratio.ci_upper < 1
            colour = MUTE if not sure else SAND if ratio.value > 1 else BLUE
            ink = MUTE if not sure else SAND_TEXT if ratio.value > 1 else BLUE
            axes.plot([ratio.ci_lower, ratio.ci_upper], [y, y], color=colour, linewidth=2)
            axes.plot([ratio.value], [y], "o", color=colour, markersize=6)
            if is_adjusted(result) and np.isfinite(first.value):
                axes.plot([first.value], [y], "o", markerfacecolor="none", markeredgecolor=MUTE, markersize=6)
                ends.append(first.value)
            axes.annotate(speak.tell(ratio), (1.0, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
                          textcoords="offset points", va="center", color=ink, fontsize=8.5,
                          annotation_clip=False)  # fmt: skip
            labels.append(names.pair(own.attribute, own.level))
            ends += [ratio.ci_lower, ratio.ci_upper]
            words = {"pair": labels[-1], "effect": speak.tell(ratio), "range": speak.tell(ratio, "range")}
            points.append(speak.say("segments.contrast.point", **words))
        axes.axvline(1, color=INK, linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(min(ends) / 1.08, max(ends) * 1.08)
        ticks = [tick for tick in _TICKS if min(ends) <= tick <= max(ends)]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: speak.number(x, 0 if x >= 1 else 1 if x >= 0.1 else 2))
        )
        short = [label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…" for label in labels]
        axes.set_yticks(range(len(frame)), short, parse_math=False)
        axes.set(ylim=(max(len(frame), 1) - 0.4, -0.6), xlabel=speak.say(f"segments.contrast.axis_{kind}"))
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        text = speak.say("segments.contrast.alt", points="; ".join(points) or speak.say("segments.contrast.none"))
        title = speak.say(f"figure.contrasts.{kind}") if title is None else title
        return finish(axes, title, text)
