"""What treating those whom it helps most would bring, beside treating those at risk."""

from __future__ import annotations

from matplotlib.axes import Axes

from kbind.errors import ArgumentError
from kbind.experiments.uplift import Uplift
from kbind.plot.base import BLUE, INK, MUTE, PALE, SAND, Canvas, finish, limits_of, value_axis

#: Height of the figure of curves, in inches.
_HEIGHT = 3.4


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
