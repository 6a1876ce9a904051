"""How well one could tell who leaves, and what moves the predicted risk."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from kbind.figures.base import (
    BLUE,
    INK,
    LINE,
    MIDBLUE,
    MUTE,
    SAND,
    SAND_TEXT,
    finish,
    house_style,
    new_axes,
    percent_axis,
)
from kbind.story.churn import ChurnStory

#: Height of a driver's row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.5, 0.9


def plot_risk_groups(story: ChurnStory, *, ax: Axes | None = None) -> Axes:
    """Share who left by predicted risk, with intervals, and what had been predicted as dots.

    Parameters
    ----------
    story : ChurnStory
        With a tested model.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, frame = story.voice, story.risks
    facts = [story.risk(int(group)) for group in frame["group"]]
    shown = np.array([story.told(fact) for fact in facts], dtype=bool)
    with house_style():
        axes = new_axes(ax, 3.1)
        x = frame["group"].to_numpy()
        high = np.where(shown, frame["share"], 0.0)
        axes.bar(x[:-1], high[:-1], color=MIDBLUE, width=0.72)
        axes.bar(x[-1:], high[-1:], color=BLUE, width=0.72)
        lower, upper = (frame[f"share_ci_{side}"].to_numpy(dtype=float) for side in ("lower", "upper"))
        axes.vlines(x[shown], lower[shown], upper[shown], color=INK, linewidth=0.8)
        predicted = frame["predicted"].to_numpy(dtype=float)
        axes.plot(x, predicted, "o", color=SAND, markersize=5)
        top = float(np.nanmax(np.concatenate([upper[shown], predicted])))
        axes.annotate(voice.say("churn.risk.predicted"), (x[-1], predicted[-1]), xytext=(-9, 0), ha="right",
                      va="center", textcoords="offset points", color=SAND_TEXT)  # fmt: skip
        if shown[-1]:
            axes.annotate(voice.tell(facts[-1]), (x[-1], upper[-1]), xytext=(0, 3), ha="center",
                          textcoords="offset points", color=BLUE)  # fmt: skip
        axes.set(xlim=(x[0] - 0.6, x[-1] + 0.6), ylim=(0, top * 1.14), xlabel=voice.say("churn.risk.axis"))
        axes.set_xticks([x[0], x[-1]], [voice.say("churn.risk.lowest"), voice.say("churn.risk.highest")])
        percent_axis(axes, voice)
        points = []
        for group, fact, chance in zip(x, facts, predicted, strict=True):
            said = {"share": voice.tell(fact), "predicted": voice.percent(chance, 1)}
            points.append(voice.say("churn.risk.point", group=voice.number(int(group)), **said))
        return finish(axes, story.risk_title(), voice.say("churn.risk.alt", points="; ".join(points)))


def plot_drivers(story: ChurnStory, *, ax: Axes | None = None) -> Axes:
    """By how much each group of like features moves the predicted risk, with intervals, the strongest on top.

    Parameters
    ----------
    story : ChurnStory
        With drivers.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, levers = story.voice, story.levers
    facts = [story.lever(row) for _, row in levers.iterrows()]
    voice.note(*facts)
    names, points = [], []
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * max(len(levers), 1))
        for y, ((_, row), fact) in enumerate(zip(levers.iterrows(), facts, strict=True)):
            axes.barh(y, fact.value, height=0.5, color=MIDBLUE)
            axes.hlines(y, fact.ci_lower, fact.ci_upper, color=INK, linewidth=0.9)
            name, values = story.lever_name(row["feature"], row["with"]), story.lever_values(row)
            axes.annotate(values, (fact.ci_upper, y), xytext=(5, 0), textcoords="offset points", va="center",
                          color=MUTE, fontsize=8.5, parse_math=False)  # fmt: skip
            names.append(fill(name, 34))
            said = {"feature": name, "effect": voice.number(100 * fact.value, 1), "values": values}
            points.append(voice.say("churn.driver.point" if values else "churn.driver.point.short", **said))
        axes.set_yticks(range(len(names)), names, parse_math=False)
        furthest = max((fact.ci_upper for fact in facts), default=0.1)
        # values stand to the right of the bars
        axes.set(ylim=(max(len(names), 1) - 0.4, -0.6), xlim=(0, furthest * 1.75))
        axes.set_xlabel(voice.say("churn.driver.axis"), loc="left")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: voice.number(100 * v, 0 if furthest > 0.05 else 1)))
        ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= furthest * 1.05]
        axes.set_xticks(ticks)
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        return finish(axes, story.drivers_title(), voice.say("churn.drivers.alt", points="; ".join(points)))
