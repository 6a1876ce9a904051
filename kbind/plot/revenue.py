"""Where recurring revenue comes from and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from babel.numbers import get_currency_symbol
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.facts.revenue import GAINS, LOSSES, movements, shown_windows
from kbind.plot.base import (
    BLUE,
    INK,
    MIDBLUE,
    MIDBLUE_TEXT,
    MUTE,
    PALE,
    SAND,
    SAND_TEXT,
    Canvas,
    finish,
    one_group,
    period_ticks,
    stacked_bars,
    told_limits,
    value_axis,
    write_at,
)
from kbind.revenue.revenue_retention import RevenueRetention
from kbind.text.facts import Fact
from kbind.text.tables import picked
from kbind.text.voice import Voice

#: Windows up to which a text alternative names every one.
TEXT_POINTS = 12

#: Colour of bars, and of their names.
_LOOKS = {
    "new": (PALE, MUTE),
    "reactivation": (BLUE, BLUE),
    "expansion": (MIDBLUE, MIDBLUE_TEXT),
    "contraction": ("#e3b98f", SAND_TEXT),
    "churn": (SAND, SAND_TEXT),
}


#: Width of the names under the bars, in letters, and of a bar.
_NAME, _BAR = 10, 0.62
#: Amounts from which on a picture counts in so much, and what it is called.
_UNITS = ((1e6, "million"), (1e3, "thousand"))


def plot_movements(
    result: RevenueRetention, canvas: Canvas, *, steps: Sequence[tuple[str, Fact]] | None = None
) -> Axes:
    """Revenue gained above the line and lost below it, window by window, of all customers together.

    Parameters
    ----------
    result : RevenueRetention
        Of all customers together.
    canvas : Canvas
    steps : sequence of (str, Fact), optional
        Instead of the windows, as steps from the first amount to the last; see `waterfall`.
    """
    one_group(result.movements.by, "the picture of movements")
    speak = canvas.speaker(action="stay")
    if steps is not None:
        axes = canvas.axes(3.0)
        alternative = waterfall(axes, steps, voice=speak)
        return finish(axes, canvas.heading("figure.movements", speak), alternative)
    return _series(result, canvas, speak)


def waterfall(axes: Axes, steps: Sequence[tuple[str, Fact]], *, voice: Voice) -> str:
    """Draw amounts of money as steps from the first, a total, over what was gained and lost to the last, a total.

    Parameters
    ----------
    axes : Axes
        Where to draw; has no title afterwards.
    steps : sequence of (str, Fact)
        Name and amount of each; losses are negative.
    voice : Voice
        Who speaks.

    Returns
    -------
    str
        The text alternative.
    """
    amounts = [voice.disclosure.fact(fact).value for _, fact in steps]
    totals = [0, len(steps) - 1]
    ends = [amount if i in totals else sum(amounts[: i + 1]) for i, amount in enumerate(amounts)]
    bases = [0.0 if i in totals else ends[i - 1] for i in range(len(steps))]
    size, unit = next(((size, unit) for size, unit in _UNITS if max(ends) >= 10 * size), (1.0, "one"))
    digits = 0 if size == 1 or max(ends) >= 1000 * size else 1 if max(ends) >= 10 * size else 2
    for i, amount in enumerate(amounts):
        colour = BLUE if i in totals else MIDBLUE if amount >= 0 else SAND
        axes.bar(i, ends[i] - bases[i], bottom=bases[i], width=_BAR, color=colour)
        sign = "" if i in totals else "+" if amount >= 0 else "\u2212"
        text = f"{sign}{voice.number(abs(amount) / size, digits)}"
        ink = INK if i in totals else MIDBLUE_TEXT if amount >= 0 else SAND_TEXT
        write_at(axes, text, (i, max(ends[i], bases[i])), (0, 4), ha="center", color=ink, fontweight="bold")
        if i + 1 < len(steps):
            axes.plot([i + _BAR / 2, i + 1 - _BAR / 2], [ends[i]] * 2, color=MUTE, linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(steps)), [fill(name, _NAME) for name, _ in steps], parse_math=False)
    axes.set(xlim=(-0.5, len(steps) - 0.5), ylim=(0, 1.12 * max(*ends, 1e-9)), yticks=[])
    axes.axhline(0, color=INK, linewidth=0.8)
    sign = get_currency_symbol(voice.currency, locale=voice.lang) if voice.currency else ""
    label = " ".join(voice.say(f"revenue.unit.{unit}", currency=sign).split())
    write_at(axes, label, (0.0, 1.0), (0, 2), xycoords="axes fraction", color=MUTE, fontsize=8.5)
    points = ", ".join(f"{name} {voice.tell(fact)}" for name, fact in steps)
    return voice.say("revenue.steps.alt", points=points)


def _series(result: RevenueRetention, canvas: Canvas, speak: Voice) -> Axes:
    """Bars of every window."""
    bars, calendar, size = movements(result), result.movements.calendar, shown_windows(result)
    ticks = Voice(speak.lang, period=calendar.period)
    heights = {kind: np.nan_to_num(told_limits(facts, speak)[0]) for kind, facts in bars.items()}
    gains, losses = ({kind: heights[kind] for kind in kinds} for kinds in (GAINS, LOSSES))
    axes = canvas.axes(3.4)
    stacked_bars(axes, gains, losses, _LOOKS, {kind: speak.say(f"revenue.kind.{kind}") for kind in heights})
    period_ticks(axes, ticks, calendar.starts[:size], calendar.labels)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    value_axis(axes, lambda y: speak.money(abs(y)))
    points = [
        speak.say(
            "revenue.moves.point",
            name=ticks.period_name(calendar.starts[i], calendar.labels[i]),
            **{kind: speak.tell(facts[i]) for kind, facts in bars.items()},
        )
        for i in picked(size, TEXT_POINTS)
    ]
    title = canvas.heading("figure.movements", ticks)
    return finish(axes, title, speak.say("revenue.moves.alt", points="; ".join(points)))
