"""What a model of purchases expects against what came: over time, and by how often customers had bought."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.errors import check_choice
from kbind.plot.base import BLUE, INK, MIDBLUE, MUTE, Canvas, finish, name_lines, value_axis, write_at
from kbind.text.tables import picked
from kbind.text.voice import Voice
from kbind.value.purchase_model import Alive

#: Numbers up to which a text alternative names every one.
_TEXT_POINTS = 8


def plot_alive(result: Alive, canvas: Canvas, *, kind: str = "course") -> Axes:
    """Repeat purchases so far by time, or after the calibration period by frequency class; expected and actual.

    Parameters
    ----------
    result : Alive
    canvas : Canvas
    kind : {"course", "holdout"}
        Over time, dashed where the fit did not know what came; or a mean per customer after the calibration period, by
        the number of repeat purchases before, which needs `calibration_end`.
    """
    speak = canvas.speaker(customer=result.provenance.customer, action="buy", period=result.unit)
    if check_choice("kind", kind, ("course", "holdout")) == "holdout":
        return _holdout(result, canvas, speak)
    frame, axes = result.cumulative(), canvas.axes(3.2)
    known = int((~frame["held_out"]).sum())
    axes.plot(frame["time"], frame["actual"], color=INK, linewidth=1.6)
    axes.plot(frame["time"][:known], frame["expected"][:known], color=BLUE, linewidth=2)
    if known < len(frame):
        last = max(known - 1, 0)
        axes.plot(frame["time"][last:], frame["expected"][last:], color=BLUE, linewidth=2, linestyle=(0, (4, 2)))
        axes.axvline(frame["time"].iloc[last], color=MUTE, linewidth=0.8, linestyle=":")
        write_at(axes, speak.say("figure.alive.unknown"), (frame["time"].iloc[last], 0.02), (4, 0), color=MUTE,
                 fontsize=8.5, xycoords=("data", "axes fraction"))  # fmt: skip
    top = float(np.nanmax(frame[["expected", "actual"]].to_numpy(), initial=1.0))
    ends = [(float(frame[name].iloc[-1]), speak.say(f"figure.alive.{name}"), colour)
            for name, colour in (("expected", BLUE), ("actual", INK))]  # fmt: skip
    name_lines(axes, ends, 0.0, top)
    axes.set(xlim=(0, max(len(frame), 1)), ylim=(0, top * 1.05), xlabel=speak.say("figure.alive.axis"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    value_axis(axes, speak.number)
    rows = (frame.iloc[i] for i in sorted({*picked(len(frame), _TEXT_POINTS), max(known - 1, 0)}))
    points = [
        speak.say(
            "figure.alive.point",
            time=speak.number(row["time"]),
            expected=speak.number(row["expected"]),
            actual=speak.number(row["actual"]),
        )
        for row in rows
    ]
    text = speak.say("figure.alive.alt", known=speak.number(known), points="; ".join(points))
    return finish(axes, canvas.heading("figure.alive", speak), text)


def _holdout(result: Alive, canvas: Canvas, speak: Voice) -> Axes:
    """Two bars a class; classes of too few customers are left out."""
    frame = result.holdout()
    frame = frame[[not speak.disclosure.hides(n) for n in frame["n"]]].reset_index(drop=True)
    axes, x = canvas.axes(3.2), np.arange(len(frame))
    bars = (("expected", MIDBLUE, -0.2), ("actual", INK, 0.2))
    for name, colour, offset in bars:
        axes.bar(x + offset, frame[f"{name}_mean"], width=0.38, color=colour, label=speak.say(f"figure.alive.{name}"))
    axes.set_xticks(x, frame["frequency"])
    axes.set_xlabel(speak.say("figure.holdout.axis"))
    axes.legend(frameon=False, loc="upper left")
    value_axis(axes, speak.short)
    points = [
        speak.say(
            "figure.alive.point",
            time=row["frequency"],
            expected=speak.number(row["expected_mean"], 2),
            actual=speak.number(row["actual_mean"], 2),
        )
        for _, row in frame.iterrows()
    ]
    text = speak.say("figure.holdout.alt", points="; ".join(points))
    return finish(axes, canvas.heading("figure.holdout", speak), text)
