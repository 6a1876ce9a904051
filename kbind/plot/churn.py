"""How well one could tell who leaves, and what moves the predicted risk."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.churn.backtests import Backtest
from kbind.churn.risk_drivers import Drivers
from kbind.errors import check_choice, check_count
from kbind.facts.churn import GROUPS, lever, lever_name, lever_values, levers, predicted_of, risk_of
from kbind.plot.base import (
    BLUE,
    INK,
    MIDBLUE,
    MUTE,
    SAND,
    SAND_TEXT,
    Canvas,
    finish,
    is_narrow,
    percent_axis,
    row_axis,
    told_limits,
    write_at,
)
from kbind.text.facts import Fact
from kbind.text.voice import Voice

#: Height of a driver's row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.5, 0.9
#: On a phone: signs in a line from one edge to the other; heights of a name's line, of a value's line, of a bar and
#: between rows, in inches.
_LINE, _NAME_HEIGHT, _VALUE_HEIGHT, _BAR_HEIGHT, _BETWEEN = 44, 0.2, 0.17, 0.15, 0.15
#: How far a driver's bar stands above the middle of its row, as its values are written below.
_RAISED = 0.14


def plot_backtest(
    result: Backtest, canvas: Canvas, *, kind: str = "groups", model: str | None = None, groups: int = GROUPS
) -> Axes:
    """Share who left by predicted risk, with intervals, against what had been predicted.

    Parameters
    ----------
    result : Backtest
        Of one model or more.
    canvas : Canvas
    kind : {"groups", "calibration"}
        Bars of groups of equal size by risk, with what had been predicted as dots; or what happened over what had been
        predicted, which would lie on the dashed line.
    model : str, optional
        None: the first one.
    groups : int
        Of equal size by predicted risk.
    """
    check_choice("kind", kind, ("groups", "calibration"))
    speak = canvas.speaker(action="stay")
    risks = result.by_risk(model, groups=check_count("groups", groups, 2, 1000))
    facts = [risk_of(result, risks, int(group)) for group in risks["group"]]
    axes = canvas.axes(3.1)
    (_bars if kind == "groups" else _calibration)(axes, risks, facts, speak)
    points = []
    for group, fact in zip(risks["group"], facts, strict=True):
        shares = {"share": speak.tell(fact), "predicted": speak.tell(predicted_of(risks, int(group)))}
        points.append(speak.say("churn.risk.point", group=speak.number(int(group)), **shares))
    title = canvas.heading(f"figure.backtest.{kind}", speak)
    return finish(axes, title, speak.say("churn.risk.alt", points="; ".join(points)))


def _bars(axes: Axes, risks: pd.DataFrame, facts: list[Fact], voice: Voice) -> None:
    x, predicted = risks["group"].to_numpy(), risks["predicted"].to_numpy(dtype=float).round(3)
    share, lower, upper = told_limits(facts, voice)
    shown = np.isfinite(share)
    colours = np.array([*[MIDBLUE] * (len(x) - 1), BLUE])
    axes.bar(x[shown], share[shown], color=colours[shown].tolist(), width=0.72)
    hidden = x[~shown]
    axes.plot(hidden, np.zeros(len(hidden)), "o", markersize=4, color="white", markeredgecolor=MUTE, clip_on=False)
    axes.vlines(x[shown], lower[shown], upper[shown], color=INK, linewidth=0.8)
    axes.plot(x, predicted, "o", color=SAND, markersize=5)
    top = float(np.nanmax(np.concatenate([upper[shown], predicted])))
    label = voice.say("churn.risk.predicted")
    # on the left, where the risk is low, there is room
    write_at(axes, f"\u25cf {label}", (0.01, 0.88), (0, 0), xycoords="axes fraction", color=SAND_TEXT)
    if shown[-1]:
        write_at(axes, voice.tell(facts[-1]), (x[-1], upper[-1]), (0, 3), ha="center", color=BLUE)
    axes.set(xlim=(x[0] - 0.6, x[-1] + 0.6), ylim=(0, top * 1.14), xlabel=voice.say("churn.risk.axis"))
    axes.set_xticks([x[0], x[-1]], [voice.say("churn.risk.lowest"), voice.say("churn.risk.highest")])
    percent_axis(axes, voice)


def _calibration(axes: Axes, risks: pd.DataFrame, facts: list[Fact], voice: Voice) -> None:
    share, low, high = told_limits(facts, voice)
    x = risks["predicted"].to_numpy(dtype=float)
    top = 1.05 * float(np.nanmax(np.concatenate([x, high, [0.01]])))
    axes.plot([0, top], [0, top], color=MUTE, linewidth=1, linestyle="--")
    axes.vlines(x, low, high, color=MIDBLUE, linewidth=1.4)
    axes.plot(x, share, "o", color=BLUE, markersize=6)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel=voice.say("figure.calibration.x"))
    axes.set_ylabel(voice.say("figure.calibration.y"))
    percent_axis(axes, voice)
    axes.xaxis.set_major_formatter(axes.yaxis.get_major_formatter())


def plot_drivers(result: Drivers, canvas: Canvas, *, example: str = "") -> Axes:
    """By how much each group of like features moves the predicted risk, with intervals, the strongest on top.

    Parameters
    ----------
    result : Drivers
        The eight strongest are shown; below each the values that go with high and with low risk.
    canvas : Canvas
    example : str
        Key of example data, whose levels have names in both languages; else empty.
    """
    seen, rows = result.snapshots, levers(result)
    speak = canvas.speaker(customer=seen.provenance.customer, action="stay")
    facts = [lever(result, row) for _, row in rows.iterrows()]
    names = [lever_name(seen, speak, row["feature"], example) for _, row in rows.iterrows()]
    values = [lever_values(seen, speak, row, example) for _, row in rows.iterrows()]
    slim = is_narrow()  # there is no room for names on the left: they stand above the bars
    axes = (_stacked_drivers if slim else _driver_rows)(canvas, facts, names, values)
    points = []
    for fact, name, value in zip(facts, names, values, strict=True):
        words = {"feature": name, "effect": speak.number(100 * fact.value, 1), "values": value}
        points.append(speak.say("churn.driver.point" if value else "churn.driver.point.short", **words))
    furthest = max((fact.ci_upper for fact in facts), default=0.1)
    beside = [""] * len(names) if slim else [fill(name, 34) for name in names]
    row_axis(axes, beside, lambda v: speak.number(100 * v, 0 if furthest > 0.05 else 1))
    axes.set_xlim(0, furthest * 1.05)
    axes.set_xlabel(speak.say("churn.driver.axis"), loc="left")
    title = canvas.heading("figure.drivers", speak)
    return finish(axes, title, speak.say("churn.drivers.alt", points="; ".join(points)), note=_LINE)


def _driver_rows(canvas: Canvas, facts: Sequence[Fact], names: Sequence[str], values: Sequence[str]) -> Axes:
    """Bars with the values below them; the names go on the left."""
    axes = canvas.axes(_AROUND + _ROW * max(len(names), 1))
    for y, (fact, value) in enumerate(zip(facts, values, strict=True)):
        _driver(axes, fact, y - _RAISED, 0.42)
        write_at(axes, value, (0, y + _RAISED + 0.1), (2, 0), va="center", color=INK, fontsize=8.5)
    return axes


def _stacked_drivers(canvas: Canvas, facts: Sequence[Fact], names: Sequence[str], values: Sequence[str]) -> Axes:
    """Each name above its bar and the values below it, in rows high enough for the one with the most lines."""
    above, below = ([fill(text, _LINE, break_long_words=False) for text in texts] for texts in (names, values))
    most = [max((text.count("\n") + 1 for text in texts), default=1) for texts in (above, below)]
    room = _NAME_HEIGHT * most[0] + _BETWEEN / 2
    row = room + _BAR_HEIGHT + _VALUE_HEIGHT * most[1] + _BETWEEN / 2
    axes = canvas.axes(_AROUND + row * (max(len(names), 1) + 0.2))  # the axis ends a tenth of a row beyond them
    thick, at = _BAR_HEIGHT / row, (room + _BAR_HEIGHT / 2) / row - 0.5
    for y, (fact, name, value) in enumerate(zip(facts, above, below, strict=True)):
        _driver(axes, fact, y + at, thick)
        write_at(axes, name, (0, y + at - thick / 2), (0, 2), va="bottom", color=MUTE)
        write_at(axes, value, (0, y + at + thick / 2), (0, -2), va="top", color=INK, fontsize=8.5)
    return axes


def _driver(axes: Axes, fact: Fact, y: float, thick: float) -> None:
    """One bar with its interval."""
    axes.barh(y, fact.value, height=thick, color=MIDBLUE)
    axes.hlines(y, fact.ci_lower, fact.ci_upper, color=INK, linewidth=0.9)
