"""How long customers stay, in which months they leave, and what they are lost to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.figures.base import (
    BLUE,
    GROUPS,
    INK,
    MIDBLUE,
    MUTE,
    PALE,
    SAND,
    SAND_TEXT,
    age_ticks,
    finish,
    house_style,
    new_axes,
    percent_axis,
    spread,
)
from kbind.story.base import picked
from kbind.story.survival import SurvivalStory
from kbind.wording import Voice

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24


def plot_survival(story: SurvivalStory, *, truth: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Share still there by age, with its interval as a band.

    Parameters
    ----------
    story : SurvivalStory
        Of all customers together.
    truth : DataFrame, optional
        For simulated data: columns time, survival; drawn as a dashed line.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice = story.voice
    last = max(int(story.months["month"].max()), 1) if len(story.months) else 1
    voice.note(*(story.at(month) for month in range(last + 1)))
    steps = story.curve.to_frame()
    steps = steps[steps["time"] <= last]
    with house_style():
        axes = new_axes(ax, 3.4)
        x = np.concatenate([[0.0], steps["time"]])
        band = [np.concatenate([[1.0], steps[f"survival_ci_{side}"]]) for side in ("lower", "upper")]
        axes.fill_between(x, band[0], band[1], step="post", color=PALE, linewidth=0)
        axes.step(x, np.concatenate([[1.0], steps["survival"]]), where="post", color=BLUE, linewidth=2)
        if truth is not None:
            axes.plot(truth["time"], truth["survival"], color=SAND, linewidth=1.5, linestyle="--")
            axes.annotate(voice.say("survival.curve.truth"), (0.98, 0.93), xycoords="axes fraction", ha="right",
                          color=SAND_TEXT)  # fmt: skip
        for month in story.marks:
            fact = story.at(month)
            if story.told(fact):
                axes.plot([month], [fact.value], "o", color=BLUE, markersize=5)
                axes.annotate(
                    voice.tell(fact), (month, fact.value), xytext=(4, 7), textcoords="offset points", color=BLUE
                )
        axes.set(ylim=(0, 1.02), xlim=(0, last), xlabel=voice.say("survival.axis"))
        age_ticks(axes, last)
        percent_axis(axes, voice)
        text = "; ".join(
            voice.say("survival.point", month=voice.number(month), share=voice.tell(story.at(month)))
            for month in picked(last + 1, TEXT_POINTS)
        )
        return finish(axes, story.curve_title(), voice.say("survival.curve.alt", points=text))


def plot_hazard(story: SurvivalStory, *, ax: Axes | None = None) -> Axes:
    """Share of those still there who leave in each month of age; dangerous months stand out.

    Parameters
    ----------
    story : SurvivalStory
        Of all customers together.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, frame = story.voice, story.months
    facts = [story.in_month(int(month)) for month in frame["month"]]
    voice.note(*facts)
    shown = np.array([story.told(fact) for fact in facts], dtype=bool)
    with house_style():
        axes = new_axes(ax, 3.0)
        x = frame["month"].to_numpy()
        high = np.where(shown, frame["hazard"], 0.0)
        spike = np.isin(x, story.spikes)
        axes.bar(x[~spike], high[~spike], color=MIDBLUE, width=0.72)
        axes.bar(x[spike], high[spike], color=SAND, width=0.72)
        lower, upper = (frame[f"hazard_ci_{side}"].to_numpy(dtype=float) for side in ("lower", "upper"))
        axes.vlines(x[shown], lower[shown], upper[shown], color=INK, linewidth=0.8)
        for month, top in zip(x[spike], upper[spike], strict=True):
            axes.annotate(voice.tell(story.in_month(int(month))), (month, top), xytext=(0, 3), ha="center",
                          textcoords="offset points", color=SAND_TEXT, fontsize=8.5)  # fmt: skip
        last = int(x.max()) if len(x) else 1
        axes.set(
            xlim=(-0.8 if len(x) and x[0] == 0 else 0.2, last + 0.8),
            ylim=(0, None),
            xlabel=voice.say("survival.axis.month"),
        )
        axes.set_xticks(
            [
                *([0] if len(x) and x[0] == 0 else []),
                1,
                *(tick for tick in range(6 if last < 40 else 12, last + 1, 6 if last < 40 else 12)),
            ]
        )
        percent_axis(axes, voice)
        axes.set_ylim(top=float(np.nanmax(upper[shown])) * 1.12 if shown.any() else 1.0)
        text = "; ".join(
            voice.say("survival.point", month=voice.number(int(x[i])), share=voice.tell(facts[i]))
            for i in sorted({*picked(len(x), TEXT_POINTS), *np.flatnonzero(spike).tolist()})
        )
        return finish(axes, story.hazard_title(), voice.say("survival.hazard.alt", points=text))


def plot_causes(story: SurvivalStory, *, ax: Axes | None = None) -> Axes:
    """Share lost to each cause by age, on top of each other.

    Parameters
    ----------
    story : SurvivalStory
        With several causes.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    assert story.incidence is not None
    voice = story.voice
    last = int(story.months["month"].max()) if len(story.months) else 1
    months = list(range(last + 1))
    frame = story.incidence.at(months)
    causes = list(story.incidence.durations.causes)
    wide = np.array([frame[frame["cause"] == cause]["incidence"].to_numpy(dtype=float) for cause in causes])
    with house_style():
        axes = new_axes(ax, 3.2)
        colours = [BLUE, SAND, MIDBLUE, MUTE, *GROUPS[2:]]
        axes.stackplot(months, wide, colors=colours[: len(causes)], step="post" if last <= 12 else None, alpha=0.85)
        tops = np.cumsum(wide[:, -1])
        middles = [float(t) for t in tops - wide[:, -1] / 2]
        total = float(tops[-1]) or 1.0
        inks = [BLUE, SAND_TEXT, *colours[2:]]
        for cause, y, ink in zip(causes, spread(middles, 0.08 * total, 0.0, total), inks, strict=False):
            axes.annotate(story.cause_name(cause), (1.0, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
                          textcoords="offset points", color=ink, va="center", annotation_clip=False)  # fmt: skip
        axes.set(xlim=(0, last), ylim=(0, total * 1.1), xlabel=voice.say("survival.axis"))
        age_ticks(axes, last)
        percent_axis(axes, voice)
        return finish(axes, story.causes_title(), _causes_alternative(story, causes, voice, story.marks))


def _causes_alternative(story: SurvivalStory, causes: Sequence[str], voice: Voice, months: Sequence[int]) -> str:
    points = []
    for month in months:
        for cause in causes:
            share = voice.tell(story.lost_to(cause, month))
            points.append(f"{story.cause_name(cause)}, {voice.after(month)}: {share}")
    return voice.say("survival.causes.alt", points="; ".join(points))
