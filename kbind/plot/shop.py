"""What new customers bring, and how often silence is a false alarm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.errors import check_choice, check_count, check_kind
from kbind.facts.shop import BEARABLE, alarm_curve, brought, false_alarms
from kbind.orders.lapse import Lapse
from kbind.orders.purchases import Purchases
from kbind.plot.base import (
    BLUE,
    MIDBLUE,
    MUTE,
    PALE,
    Canvas,
    age_ticks,
    finish,
    groups_of,
    name_lines,
    one_group,
    percent_axis,
    told_limits,
    value_axis,
    write_at,
)
from kbind.plot.heatmap import CohortMap
from kbind.text.tables import picked
from kbind.text.voice import Voice

#: Numbers up to which a text alternative names every one; of each group where there are several.
TEXT_POINTS, GROUP_POINTS = 12, 4


def plot_purchases(result: Purchases, canvas: Canvas, *, kind: str = "age", least: int = 1) -> Axes:
    """Revenue per new customer so far, by age, of which 1 is the first; one line a group, or a heat map of cohorts.

    Parameters
    ----------
    result : Purchases
        Of data with amounts.
    canvas : Canvas
    kind : {"age", "cohorts"}
        By age over all cohorts, with its interval as a band; or by cohort and age, of all customers together.
    least : int
        Ages that fewer customers have lived are left out of the curve.
    """
    speak = canvas.speaker(customer=result.provenance.customer, action="buy", period=result.calendar.period)
    check_choice("kind", kind, ("age", "cohorts"))
    if kind == "cohorts":
        one_group(result.by, "a heat map")
        return _cohorts(result, canvas, speak)
    frame = result.pooled()
    frame = frame[frame["at_risk"] >= check_count("least", least, 1)].reset_index(drop=True)
    last = max(int(frame["age"].max()) + 1, 2) if len(frame) else 2
    axes = canvas.axes(3.0)
    points = _ages_by_group(axes, frame, len(result.by), speak) if result.by else _ages(axes, frame, speak)
    axes.set(xlim=(1, last), ylim=(0, None), xlabel=speak.say("shop.revenue.axis"))
    age_ticks(axes, last, first=1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    value_axis(axes, speak.money)
    title = canvas.heading("figure.purchases", speak)
    return finish(axes, title, speak.say("shop.revenue.alt", points="; ".join(points)))


def _ages(axes: Axes, frame: pd.DataFrame, voice: Voice) -> list[str]:
    facts = [brought(frame, int(age)) for age in frame["age"]]
    x, (revenue, lower, upper) = frame["age"].to_numpy() + 1, told_limits(facts, voice)
    axes.fill_between(x, lower, upper, color=PALE, linewidth=0)
    axes.plot(x, revenue, color=BLUE, linewidth=2)
    for fact, age, amount in zip(facts[-1:], x[-1:], revenue[-1:], strict=True):
        axes.plot([age], [amount], "o", color=BLUE, markersize=5, clip_on=False)
        write_at(axes, voice.tell(fact), (age, amount), (-4, 7), color=BLUE, ha="right")
    return [
        voice.say("shop.revenue.point", month=voice.number(int(x[i])), amount=voice.tell(facts[i]))
        for i in picked(len(x), TEXT_POINTS)
    ]


def _ages_by_group(axes: Axes, frame: pd.DataFrame, by: int, voice: Voice) -> list[str]:
    ends, points = [], []
    for name, line, part in groups_of(frame, by):
        axes.plot(part["age"] + 1, part["revenue"], linewidth=1.8, **line)
        ends.append((float(part["revenue"].iloc[-1]), name, line["color"]))
        rows = [part.iloc[i] for i in picked(len(part), GROUP_POINTS)]
        amounts = [
            voice.say("shop.revenue.point", month=voice.number(row["age"] + 1), amount=voice.money(row["revenue"]))
            for row in rows
        ]
        points.append(f"{name}: {', '.join(amounts)}")
    name_lines(axes, ends, 0.0, float(np.nanmax(frame["revenue"])) if len(frame) else 1.0)
    return points


def _cohorts(result: Purchases, canvas: Canvas, voice: Voice) -> Axes:
    """Ages not lived yet stay empty, cohorts of too few are hatched."""
    frame, calendar = result.cohorts(), result.calendar
    cohorts = [i for i in range(calendar.lived) if frame["cohort_size"].iloc[i * calendar.size] > 0] or [0]
    ages = max(1, calendar.lived - cohorts[0])
    amount = frame["revenue"].to_numpy(dtype=float).reshape(calendar.size, -1)[cohorts, :ages]
    sizes = [int(frame["cohort_size"].iloc[i * calendar.size]) for i in cohorts]
    few = voice.disclosure.few(sizes)[:, np.newaxis]
    hidden = np.isfinite(amount) & few
    amount = np.where(hidden, np.nan, amount)
    names = [voice.period_name(calendar.starts[i], calendar.labels[i]) for i in cohorts]
    top = float(np.nanmax(amount)) if np.isfinite(amount).any() else 1.0
    cells = CohortMap(amount, hidden, names, list(map(voice.count, sizes)), 0, top or 1.0, voice.money, voice.number)
    axes = cells.draw(canvas, voice)
    title = canvas.heading("figure.purchases.cohorts", voice)
    return finish(axes, title, cells.alternative(voice, "figure.purchases.alt"), width=46)


def plot_false_alarms(
    result: Lapse, canvas: Canvas, *, curve: pd.DataFrame | None = None, mark: int | None = None
) -> Axes:
    """Share of false alarms by the silence after which the rule speaks.

    Parameters
    ----------
    result : Lapse
        Of all customers together.
    canvas : Canvas
    curve : DataFrame, optional
        As `Lapse.curve` returns it; default that of the usual silences and of the rule's own.
    mark : int, optional
        Days of silence that the share is written at; default those of the rule.
    """
    one_group(result.by, "the picture of false alarms")
    speak = canvas.speaker(customer=result.data.card.customer, action="buy")
    frame = alarm_curve(result) if curve is None else check_kind("curve", curve, pd.DataFrame, "Lapse.curve(...)")
    mark = result.rule.floor if mark is None else check_count("mark", mark, 1)
    facts = [false_alarms(frame, int(floor)) for floor in frame["floor"]]
    axes = canvas.axes(3.0)
    x, (rate, low, high) = frame["floor"].to_numpy(dtype=float), told_limits(facts, speak)
    axes.vlines(x, low, high, color=MIDBLUE, linewidth=1.2)
    axes.plot(x, rate, "o-", color=BLUE, linewidth=1.2, markersize=5)
    axes.axhline(BEARABLE, color=MUTE, linewidth=0.8, linestyle=":")
    write_at(axes, speak.say("figure.false_alarms.line"), (0.01, BEARABLE), (0, -11), color=MUTE, fontsize=8.5,
             xycoords=("axes fraction", "data"))  # fmt: skip
    for i in np.flatnonzero(x == mark):
        write_at(axes, speak.tell(facts[i]), (x[i], rate[i]), (3, 5), color=BLUE, fontsize=8.5)
    axes.set(ylim=(0, 1.02), xlabel=speak.say("shop.lapse.axis"), xticks=x)
    percent_axis(axes, speak)
    points = [
        speak.say("shop.lapse.point", floor=speak.number(x[i]), share=speak.tell(facts[i]))
        for i in picked(len(x), TEXT_POINTS)
    ]
    title = canvas.heading("figure.false_alarms", speak)
    return finish(axes, title, speak.say("shop.lapse.alt", points="; ".join(points)))
