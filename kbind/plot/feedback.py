"""How satisfied customers are, and which way it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from kbind.feedback.score import FeedbackScore
from kbind.feedback.trend import SatisfactionTrend
from kbind.plot.base import MIDBLUE, MUTE, SAND, Canvas, finish, group_line, group_names, name_lines, value_axis
from kbind.plot.rows import Row, draw_rows, points_of
from kbind.text.tables import picked
from kbind.text.voice import Voice

#: Names of periods below the axis.
_LABELS = 5


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


def plot_score(result: FeedbackScore, canvas: Canvas) -> Axes:
    """The score of each group with its interval; over time where it is by period."""
    a = result.answers
    speak = canvas.speaker(customer=a.provenance.customer, action="stay", period=a.period or "month")
    write = _writer(a.instrument.measure, speak)
    names = group_names(a.groups) if a.by else [a.instrument.name]
    hidden = np.vectorize(speak.disclosure.hides, otypes=[bool])(a.customers) | (a.customers < result.threshold)
    rows = []
    for g, i in np.argwhere(np.isfinite(result.score) & ~hidden):
        score, low, high = (float(each[g, i]) for each in (result.score, result.score_ci_lower, result.score_ci_upper))
        label = names[g] if a.period is None else f"{names[g]}, {a.periods[i]}"
        span = speak.catalogue.text("range", low=write(low), high=write(high))
        rows.append(Row(label, score, low, high, write(score), span))
    if a.period is None:
        axes, key = draw_rows(canvas, rows, write), "figure.score"
    else:
        axes, key = _over_time(result, canvas, names, hidden), "figure.score.by_period"
        value_axis(axes, write)
    text = speak.say("figure.score.alt", asked=a.instrument.name, points=points_of(rows, speak))
    return finish(axes, canvas.heading(key, speak, asked=a.instrument.name), text)


def _over_time(result: FeedbackScore, canvas: Canvas, names: Sequence[str], hidden: NDArray[np.bool_]) -> Axes:
    """A line a group, with intervals."""
    axes, periods, ends = canvas.axes(3.2), result.answers.periods, []
    for g, name in enumerate(names):
        x, line = np.flatnonzero(np.isfinite(result.score[g]) & ~hidden[g]), group_line(g)
        axes.vlines(x, result.score_ci_lower[g, x], result.score_ci_upper[g, x], color=line["color"], linewidth=1)
        axes.plot(x, result.score[g, x], marker="o", markersize=4, **line)
        if len(x) and result.answers.by:
            ends.append((float(result.score[g, x[-1]]), name, line["color"]))
    places = picked(len(periods), _LABELS)
    axes.set_xticks(places, [periods[i] for i in places])
    name_lines(axes, ends, *axes.get_ylim())
    return axes


def _writer(measure: str, voice: Voice) -> Callable[[float], str]:
    """How a score is written: the NPS in points of 100, a share in per cent, a mean as it is."""
    if measure == "nps":
        return lambda x: voice.number(100 * x)
    return voice.percent if measure == "csat" else lambda x: voice.number(x, 1)
