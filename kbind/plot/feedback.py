"""How satisfied customers are, and which way it goes."""

from __future__ import annotations

from matplotlib.axes import Axes

from kbind.feedback.trend import SatisfactionTrend
from kbind.plot.base import MIDBLUE, MUTE, SAND, Canvas, finish


def plot_trend(result: SatisfactionTrend, canvas: Canvas) -> Axes:
    """Every customer's level and slope; those whose slope is surely below zero stand out, an early warning."""
    speak, asked = canvas.speaker(customer=result.courses.provenance.customer, action="stay"), result.courses.instrument
    warned = result.slope_ci_upper < 0
    axes = canvas.axes(3.4)
    for part, colour, size in ((~warned, MIDBLUE, 3), (warned, SAND, 5)):
        axes.plot(result.level[part], result.slope[part], "o", color=colour, markersize=size, alpha=0.5)
    axes.axhline(0, color=MUTE, linewidth=0.8)
    axes.grid()
    axes.set(xlabel=speak.say("feedback.trend.level", asked=asked.name), ylabel=speak.say("feedback.trend.slope"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: speak.number(value, 1))
    counts = {"n": speak.count(len(warned)), "warned": speak.count(int(warned.sum()))}
    means = {"level": speak.number(result.mean_level, 2), "slope": speak.number(result.mean_slope, 2)}
    title = canvas.heading("figure.trend", speak, asked=asked.name)
    return finish(axes, title, speak.say("feedback.trend.alt", asked=asked.name, **counts, **means))
