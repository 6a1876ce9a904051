"""What a campaign did, with its interval; and what treating those whom it helps most would bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any

from matplotlib.axes import Axes

from kbind.errors import ArgumentError
from kbind.estimate.estimate import Estimate
from kbind.experiments.effect import Effect
from kbind.experiments.uplift import Uplift
from kbind.plot.base import BLUE, INK, MUTE, PALE, SAND, Canvas, finish, limits_of, value_axis
from kbind.plot.rows import Row, draw_rows, points_of
from kbind.text.facts import Fact
from kbind.text.voice import Voice

#: Height of the figure of curves, in inches.
_HEIGHT = 3.4


def plot_effect(result: Effect, canvas: Canvas, *, by: Any = None) -> Axes:
    """Treated less the others, as they are and adjusted; or in groups of customers.

    Parameters
    ----------
    result : Effect
    canvas : Canvas
    by : see `Effect.by`
        Columns or labels in whose groups the effect is drawn.
    """
    speak = canvas.speaker(customer=result.assigned.provenance.customer, action="stay")
    write = _writer(result, speak)
    if by is None:
        rows = [
            _row(speak.say(f"effect.{name}"), _told(result, getattr(result, name), speak), write, speak)
            for name in ("naive", "adjusted")
        ]
    else:
        table = result.by(by)
        limits = limits_of(table, "difference")
        names = [f"{row.column}: {row.group}" for row in table.itertuples()]
        rows = [
            _row(name, Estimate.of(one), write, speak)
            for name, one, n in zip(names, zip(*limits, strict=True), table["n_treated"], strict=True)
            if not speak.disclosure.hides(int(n))
        ]
    rows = [row for row in rows if isfinite(row.value)]
    axes = draw_rows(canvas, rows, write)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlabel(speak.say(f"effect.axis.{result.outcome}"))
    points = points_of(rows, speak) or speak.say("effect.none")
    key = {"shown": result.reasons[0].code, "not shown": "not_shown"}.get(result.verdict, "not_identified")
    text = speak.say("effect.alt", campaign=result.campaign, points=points)
    return finish(axes, canvas.heading(f"effect.title.{key}", speak, campaign=result.campaign), text, width=46)


def plot_uplift(result: Uplift, canvas: Canvas) -> Axes:
    """Customers kept of every hundred, by how many are treated: first those helped most, those at risk, or anybody."""
    speak = canvas.speaker(customer=result.assigned.provenance.customer, action="stay")
    if speak.disclosure.hides(len(result.assigned)):
        raise ArgumentError("too few customers to draw whom to treat next")
    axes, curve = canvas.axes(_HEIGHT), result.curve
    share = [0.0, *curve["share"]]
    value, low, high = ([0.0, *(100 * limit)] for limit in limits_of(curve, "by_uplift"))
    risk, random = ([0.0, *(100 * curve[name])] for name in ("by_risk", "at_random"))
    axes.fill_between(share, low, high, color=PALE, linewidth=0)
    lines = (("uplift", value, BLUE, "-"), ("risk", risk, SAND, "-"), ("random", random, MUTE, "--"))
    for name, heights, colour, style in lines:
        axes.plot(share, heights, color=colour, linestyle=style, linewidth=2, label=speak.say(f"uplift.{name}"))
    axes.axvline(result.share, color=INK, linewidth=0.8)
    value_axis(axes, lambda y: speak.number(y, 0 if y == int(y) else 1))
    axes.xaxis.set_major_formatter(lambda x, _: speak.percent(x))
    axes.set(xlim=(0, 1), xlabel=speak.say("uplift.axis"), ylabel=speak.say("uplift.axis.kept"))
    axes.legend(loc="lower right", frameon=False)
    said = {name: speak.number(100 * one.value, 1) for name, one in (
        ("uplift", result.gain), ("risk", result.gain_by_risk), ("everybody", result.everybody))}  # fmt: skip
    shown = {"share": speak.percent(result.share), **said}
    key = "better" if result.better.ci_lower > 0 else "apart" if result.tells_apart else "not"
    text = speak.say("uplift.alt", **shown)
    return finish(axes, canvas.heading(f"uplift.title.{key}", speak, **shown), text, width=46)


def _told(result: Effect, one: Estimate, speak: Voice) -> Estimate:
    """A difference as it may be told: shares as coarsely as the smaller arm asks for."""
    if result.outcome != "retained":
        return one
    n = int(min(result.assigned.treated.sum(), result.assigned.controls.sum()))
    fact = speak.disclosure.fact(Fact("", one.value, "share", "", *one.interval, n=n))
    return replace(one, value=fact.value, ci_lower=fact.ci_lower, ci_upper=fact.ci_upper)


def _row(label: str, one: Estimate, write: Callable[[float], str], speak: Voice) -> Row:
    span = (
        speak.catalogue.text("range", low=write(one.ci_lower), high=write(one.ci_upper))
        if one.ci_lower == one.ci_lower
        else ""
    )
    return Row(label, one.value, one.ci_lower, one.ci_upper, write(one.value), span)


def _writer(result: Effect, speak: Voice) -> Callable[[float], str]:
    """How values of the outcome are written: points of retention, money, days."""
    if result.outcome == "retained":
        return lambda value: speak.number(100 * value, 1)
    return speak.money if result.outcome == "revenue" else (lambda value: speak.number(value, 1))
