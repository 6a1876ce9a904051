"""What new customers bring, and how often silence is a false alarm."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.figures.base import (
    BLUE,
    MIDBLUE,
    MUTE,
    PALE,
    age_ticks,
    finish,
    house_style,
    new_axes,
    percent_axis,
    value_axis,
)
from kbind.story.shop import BEARABLE, ShopStory
from kbind.wording import picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 12


def plot_revenue_by_age(story: ShopStory, *, ax: Axes | None = None) -> Axes:
    """Revenue per new customer so far, by age, with its interval as a band.

    Parameters
    ----------
    story : ShopStory
        Of all customers together.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, frame = story.voice, story.ages
    facts = [story.brought(int(age)) for age in frame["age"]]
    voice.note(*facts)
    with house_style():
        axes = new_axes(ax, 3.0)
        x = frame["age"].to_numpy()
        axes.fill_between(x, frame["revenue_ci_lower"], frame["revenue_ci_upper"], color=PALE, linewidth=0)
        axes.plot(x, frame["revenue"], color=BLUE, linewidth=2)
        for fact, age in zip(facts[-1:], x[-1:], strict=True):
            axes.plot([age], [fact.value], "o", color=BLUE, markersize=5)
            axes.annotate(voice.tell(fact), (age, fact.value), xytext=(-4, 7), textcoords="offset points", color=BLUE,
                          ha="right")  # fmt: skip
        last = max(story.oldest, 1)
        axes.set(xlim=(0, last), ylim=(0, None), xlabel=voice.say("shop.revenue.axis"))
        age_ticks(axes, last)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        value_axis(axes, voice.money)
        points = [
            voice.say("shop.revenue.point", month=voice.number(int(x[i])), amount=voice.tell(facts[i]))
            for i in picked(len(x), TEXT_POINTS)
        ]
        return finish(axes, story.revenue_title(), voice.say("shop.revenue.alt", points="; ".join(points)))


def plot_false_alarms(story: ShopStory, *, ax: Axes | None = None) -> Axes:
    """Share of false alarms by the silence after which the rule speaks.

    Parameters
    ----------
    story : ShopStory
        Of all customers together.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice, frame = story.voice, story.curve
    facts = [story.false_alarms(int(floor)) for floor in frame["floor"]]
    voice.note(*facts)
    with house_style():
        axes = new_axes(ax, 3.0)
        x = frame["floor"].to_numpy(dtype=float)
        low, high = (frame[f"false_alarm_rate_ci_{side}"] for side in ("lower", "upper"))
        axes.vlines(x, low, high, color=MIDBLUE, linewidth=1.2)
        axes.plot(x, frame["false_alarm_rate"], "o-", color=BLUE, linewidth=1.2, markersize=5)
        axes.axhline(BEARABLE, color=MUTE, linewidth=0.8, linestyle=":")
        chosen = np.flatnonzero(x == (story.standard or -1))
        for i in chosen:
            axes.annotate(voice.tell(facts[i]), (x[i], frame["false_alarm_rate"].iloc[i]), xytext=(6, 5),
                          textcoords="offset points", color=BLUE)  # fmt: skip
        axes.set(ylim=(0, 1.02), xlabel=voice.say("shop.lapse.axis"))
        axes.set_xticks(x)
        percent_axis(axes, voice)
        points = [
            voice.say("shop.lapse.point", floor=voice.number(x[i]), share=voice.tell(facts[i]))
            for i in picked(len(x), TEXT_POINTS)
        ]
        return finish(axes, story.lapse_title(), voice.say("shop.lapse.alt", points="; ".join(points)))
