"""The twelve practices by their indicators: how each goes, and which cannot be measured yet."""

from __future__ import annotations

from math import nan

from matplotlib.axes import Axes

from kbind.plot.base import INK, MUTE, Canvas, finish
from kbind.plot.rows import Row, draw_rows, points_of
from kbind.practices.practices import Practices
from kbind.text.voice import Voice


def plot_practices(result: Practices, canvas: Canvas) -> Axes:
    """Indicators that are shares, with their intervals, in the order of the practices; grey: not measurable.

    What is a difference or a ratio has no place on this axis, and is left to the frame.
    """
    speak = canvas.speaker(customer=result.provenance.customer, action="stay")
    rows, unknown = [], []
    for one in result.indicators:
        if one.measurable and (one.unit != "share" or speak.disclosure.hides(one.value.n or 0)):
            continue
        label = speak.say(f"practices.indicator.{one.key}")
        if one.measurable:
            rows.append(_row(label, tuple(one.value), speak))
        else:
            rows.append(Row(label, nan, nan, nan, speak.say("practices.unmeasurable"), ""))
            missing = ", ".join(one.needs) or speak.say("practices.too_little")
            unknown.append(speak.say("practices.missing", indicator=label, missing=missing))
    axes = draw_rows(canvas, rows, speak.percent)
    axes.set_xlim(-0.02, 1.03)
    for label_text, row in zip(axes.get_yticklabels(), rows, strict=True):
        label_text.set_color(INK if row.span else MUTE)
    for beside in axes.texts:
        if beside.get_text().replace("\n", " ") == speak.say("practices.unmeasurable"):
            beside.set_color(MUTE)
    known = points_of([row for row in rows if row.span], speak)
    none = speak.say("practices.none")
    text = speak.say("practices.alt", points=known or none, missing="; ".join(unknown) or none)
    return finish(axes, canvas.heading("figure.practices", speak), text)


def _row(label: str, value: tuple[float, ...], speak: Voice) -> Row:
    share, low, high = value
    span = speak.catalogue.text("range", low=speak.percent(low), high=speak.percent(high))
    return Row(label, share, low, high, speak.percent(share), span)
