"""What new customers bring, and how often silence is a false alarm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kbind.errors import check_choice, check_count, check_kind
from kbind.estimates.lapse import Lapse
from kbind.estimates.purchases import Purchases
from kbind.facts.shop import BEARABLE, alarm_curve, brought, false_alarms
from kbind.figures.base import (
    BLUE,
    MIDBLUE,
    MUTE,
    PALE,
    age_ticks,
    finish,
    group_line,
    group_names,
    house_style,
    name_lines,
    new_axes,
    one_group,
    percent_axis,
    speaker,
    value_axis,
)
from kbind.figures.heatmap import CohortMap
from kbind.wording import Voice, picked

#: Numbers up to which a text alternative names every one; of each group where there are several.
TEXT_POINTS, GROUP_POINTS = 12, 4


def plot_purchases(
    result: Purchases,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    kind: str = "age",
    least: int = 1,
) -> Axes:
    """Revenue per new customer so far, by age; one line a group, or a heat map of cohorts.

    Parameters
    ----------
    result : Purchases
        Of data with amounts.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    kind : {"age", "cohorts"}
        By age over all cohorts, with its interval as a band; or by cohort and age, of all customers together.
    least : int
        Ages that fewer customers have lived are left out of the curve.
    """
    speak = speaker(lang, voice, customer=result.provenance.customer, action="buy", period=result.calendar.period)
    check_choice("kind", kind, ("age", "cohorts"))
    if kind == "cohorts":
        one_group(result.by, "a heat map")
        return _cohorts(result, ax, title, speak)
    frame = result.pooled()
    frame = frame[frame["at_risk"] >= check_count("least", least, 1)].reset_index(drop=True)
    last = max(int(frame["age"].max()), 1) if len(frame) else 1
    with house_style():
        axes = new_axes(ax, 3.0)
        points = _ages_by_group(axes, result, frame, speak) if result.by else _ages(axes, frame, speak)
        by_month = speak.period == "month"
        xlabel = speak.say("shop.revenue.axis" if by_month else "retention.axis.age")
        axes.set(xlim=(0, last), ylim=(0, None), xlabel=xlabel)
        age_ticks(axes, last)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        value_axis(axes, speak.money)
        title = speak.say("figure.purchases") if title is None else title
        return finish(axes, title, speak.say("shop.revenue.alt", points="; ".join(points)))


def _ages(axes: Axes, frame: pd.DataFrame, voice: Voice) -> list[str]:
    facts = [brought(frame, int(age)) for age in frame["age"]]
    x = frame["age"].to_numpy()
    axes.fill_between(x, frame["revenue_ci_lower"], frame["revenue_ci_upper"], color=PALE, linewidth=0)
    axes.plot(x, frame["revenue"], color=BLUE, linewidth=2)
    for fact, age in zip(facts[-1:], x[-1:], strict=True):
        axes.plot([age], [fact.value], "o", color=BLUE, markersize=5)
        axes.annotate(voice.tell(fact), (age, fact.value), xytext=(-4, 7), textcoords="offset points", color=BLUE,
                      ha="right")  # fmt: skip
    return [
        voice.say("shop.revenue.point", month=voice.number(int(x[i])), amount=voice.tell(facts[i]))
        for i in picked(len(x), TEXT_POINTS)
    ]


def _ages_by_group(axes: Axes, result: Purchases, frame: pd.DataFrame, voice: Voice) -> list[str]:
    parts = list(frame.groupby(list(frame.columns[: len(result.by)]), sort=False, dropna=False))
    ends, points = [], []
    for g, (name, (_, part)) in enumerate(zip(group_names([key for key, _ in parts]), parts, strict=True)):
        line = group_line(g)
        axes.plot(part["age"], part["revenue"], linewidth=1.8, **line)
        ends.append((float(part["revenue"].iloc[-1]), name, line["color"]))
        rows = [part.iloc[i] for i in picked(len(part), GROUP_POINTS)]
        amounts = [voice.say("shop.revenue.point", month=voice.number(row["age"]), amount=voice.money(row["revenue"]))
                   for row in rows]  # fmt: skip
        points.append(f"{name}: {', '.join(amounts)}")
    name_lines(axes, ends, 0.0, float(np.nanmax(frame["revenue"])) if len(frame) else 1.0)
    return points


def _cohorts(result: Purchases, ax: Axes | None, title: str | None, voice: Voice) -> Axes:
    """Ages not lived yet stay empty, cohorts of too few are hatched."""
    frame, calendar = result.cohorts(), result.calendar
    cohorts = [i for i in range(calendar.lived) if frame["cohort_size"].iloc[i * calendar.size] > 0] or [0]
    ages = max(1, calendar.lived - cohorts[0])
    amount = frame["revenue"].to_numpy(dtype=float).reshape(calendar.size, -1)[cohorts, :ages]
    sizes = [int(frame["cohort_size"].iloc[i * calendar.size]) for i in cohorts]
    few = np.array([voice.disclosure.hides(n) for n in sizes], dtype=bool)[:, np.newaxis]
    hidden = np.isfinite(amount) & few
    amount = np.where(hidden, np.nan, amount)
    names = [voice.period_name(calendar.starts[i], calendar.labels[i]) for i in cohorts]
    top = float(np.nanmax(amount)) if np.isfinite(amount).any() else 1.0
    cells = CohortMap(amount, hidden, names, list(map(voice.count, sizes)), 0, top or 1.0, voice.money, voice.number)
    axes = cells.draw(ax, voice)
    with house_style():
        title = voice.say("figure.purchases.cohorts") if title is None else title
        return finish(axes, title, cells.alternative(voice, "figure.purchases.alt"), width=46)


def plot_false_alarms(
    result: Lapse,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    curve: pd.DataFrame | None = None,
    mark: int | None = None,
) -> Axes:
    """Share of false alarms by the silence after which the rule speaks.

    Parameters
    ----------
    result : Lapse
        Of all customers together.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    curve : DataFrame, optional
        As `Lapse.curve` returns it; default that of the usual silences and of the rule's own.
    mark : int, optional
        Days of silence that the share is written at; default those of the rule.
    """
    one_group(result.by, "the picture of false alarms")
    speak = speaker(lang, voice, customer=result.data.card.customer, action="buy")
    frame = alarm_curve(result) if curve is None else check_kind("curve", curve, pd.DataFrame, "Lapse.curve(...)")
    mark = result.rule.floor if mark is None else check_count("mark", mark, 1)
    facts = [false_alarms(frame, int(floor)) for floor in frame["floor"]]
    with house_style():
        axes = new_axes(ax, 3.0)
        x = frame["floor"].to_numpy(dtype=float)
        low, high = (frame[f"false_alarm_rate_ci_{side}"] for side in ("lower", "upper"))
        axes.vlines(x, low, high, color=MIDBLUE, linewidth=1.2)
        axes.plot(x, frame["false_alarm_rate"], "o-", color=BLUE, linewidth=1.2, markersize=5)
        axes.axhline(BEARABLE, color=MUTE, linewidth=0.8, linestyle=":")
        for i in np.flatnonzero(x == mark):
            axes.annotate(speak.tell(facts[i]), (x[i], frame["false_alarm_rate"].iloc[i]), xytext=(6, 5),
                          textcoords="offset points", color=BLUE)  # fmt: skip
        axes.set(ylim=(0, 1.02), xlabel=speak.say("shop.lapse.axis"))
        axes.set_xticks(x)
        percent_axis(axes, speak)
        points = [
            speak.say("shop.lapse.point", floor=speak.number(x[i]), share=speak.tell(facts[i]))
            for i in picked(len(x), TEXT_POINTS)
        ]
        title = speak.say("figure.false_alarms") if title is None else title
        return finish(axes, title, speak.say("shop.lapse.alt", points="; ".join(points)))
