"""How long customers stay, in which months they leave, and what they are lost to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.errors import check_flag, check_number, check_numbers
from kbind.facts.survival import by_month, leaving, lost_to, staying
from kbind.plot.base import (
    BLUE,
    GROUPS,
    INK,
    MIDBLUE,
    MUTE,
    PALE,
    SAND,
    SAND_TEXT,
    Canvas,
    age_ticks,
    finish,
    group_names,
    groups_of,
    limits_of,
    name_lines,
    one_group,
    percent_axis,
    risk_rows,
    told_limits,
    write_at,
)
from kbind.plot.rows import Row, draw_rows, points_of, ratio_axis
from kbind.survival.at_risk import risk_table
from kbind.survival.curve import SurvivalCurve
from kbind.survival.hazard_curve import HazardCurve
from kbind.survival.hazard_model import HazardModel
from kbind.survival.incidence import CumulativeIncidence
from kbind.survival.projection import RetentionProjection
from kbind.text.tables import picked
from kbind.text.voice import Voice
from kbind.typing import Floats

#: Numbers up to which a text alternative names every one; of each group where there are several.
TEXT_POINTS, GROUP_POINTS = 24, 6


def plot_survival(
    result: SurvivalCurve,
    canvas: Canvas,
    *,
    at_risk: bool | None = None,
    until: float | None = None,
    marks: Collection[int] = (),
    truth: pd.DataFrame | None = None,
) -> Axes:
    """Share still there by age, with its interval as a band; one line a group.

    Parameters
    ----------
    result : SurvivalCurve
        Of all customers together, or by group.
    canvas : Canvas
    at_risk : bool, optional
        Whether a table below the axis says how many customers are under observation; default where there are groups.
    until : float, optional
        Last age; default the oldest observed.
    marks : collection of int
        Ages at which the share is written on the curve of all customers.
    truth : DataFrame, optional
        For simulated data: columns time, survival; drawn as a dashed line.

    Examples
    --------
    >>> import kbind as kb
    >>> ax = kb.survival_curve(kb.durations(kb.datasets.load_telco(), by="contract")).plot()
    >>> ax.get_title(loc="left")
    'Share of customers still there, by contract'
    """
    lives = result.durations
    speak = canvas.speaker(customer=lives.provenance.customer, action="stay")
    times = [float(curve.risk.times[-1]) for curve in result.curves if len(curve.risk.times)]
    last = max(times, default=1.0) if until is None else check_number("until", until, 0.0)
    table = bool(lives.by) if at_risk is None else check_flag("at_risk", at_risk)
    axes = canvas.axes(3.4 + (0.3 + 0.18 * len(result.curves) if table else 0))
    axes.set(ylim=(0, 1.02), xlim=(0, last), xlabel=speak.say("survival.axis"))
    age_ticks(axes, round(last))
    percent_axis(axes, speak)
    if lives.by:
        points = _curves_by_group(axes, result, last, speak)
    else:
        points = _curve(axes, result, last, marks, truth, speak)
    if table:
        _risk_rows(axes, result, last, speak)
    title = canvas.heading("figure.survival.by" if lives.by else "figure.survival", speak, by=", ".join(lives.by))
    text = speak.say("survival.curve.alt", points="; ".join(points))
    return finish(axes, title, text, width=46 if lives.by and table else 60)


def _steps(axes: Axes, steps: pd.DataFrame, band: dict[str, Any], line: dict[str, Any]) -> None:
    x = np.append(0.0, steps["time"])
    share, low, high = (np.append(1.0, values) for values in limits_of(steps, "survival"))
    axes.fill_between(x, low, high, step="post", linewidth=0, **band)
    axes.step(x, share, where="post", **line)


def _told(result: SurvivalCurve, last: float, voice: Voice) -> pd.DataFrame:
    """The steps of the curve up to an age; where small counts are not told, by month: each of its own shows one day."""
    frame = result.to_frame()
    if voice.disclosure.threshold == 1:
        return frame[frame["time"] <= last]
    return _at(result, np.arange(int(last) + 1, dtype=float), voice)


def _at(result: SurvivalCurve, ages: Floats, voice: Voice) -> pd.DataFrame:
    """The curve at some ages, as it is told."""
    at, names = result.at(ages.tolist()), list(result.durations.by)
    tables = [curve.risk for curve in result.curves]
    places = [np.maximum(np.searchsorted(table.times, ages, side="right") - 1, 0) for table in tables]
    at["at_risk"] = np.concatenate(
        [
            table.at_risk[place] if len(table.times) else np.zeros(len(ages))
            for table, place in zip(tables, places, strict=True)
        ]
    )
    told = voice.disclosure.frame(at, "survival", n="at_risk")
    return told[[*names, "time", "survival", "survival_ci_lower", "survival_ci_upper"]]


def _curve(
    axes: Axes, result: SurvivalCurve, last: float, marks: Collection[int], truth: pd.DataFrame | None, voice: Voice
) -> list[str]:
    frame = _told(result, last, voice)
    _steps(axes, frame, {"color": PALE}, {"color": BLUE, "linewidth": 2})
    if truth is not None:
        axes.plot(truth["time"], truth["survival"], color=SAND, linewidth=1.5, linestyle="--")
        place = truth[truth["time"] <= last].iloc[-1]
        at = float(place["time"]), float(place["survival"])
        write_at(axes, voice.say("survival.curve.truth"), at, (0, -14), ha="right", color=SAND_TEXT)
    _name_curve(axes, frame, last, voice)
    for month in check_numbers("marks", list(marks)) if marks else ():
        fact = staying(result, int(month))
        shown = voice.disclosure.fact(fact)
        if shown.known:
            axes.plot([month], [shown.value], "o", color=BLUE, markersize=5)
            write_at(axes, voice.tell(fact), (month, shown.value), (4, 7), color=BLUE)
    return [
        voice.say("survival.point", month=voice.number(month), share=voice.tell(staying(result, month)))
        for month in picked(int(last) + 1, TEXT_POINTS)
    ]


def _name_curve(axes: Axes, frame: pd.DataFrame, last: float, voice: Voice) -> None:
    """What the line shows, above it where it is nearly flat."""
    seen = frame[frame["time"] <= 0.8 * last]
    if len(seen):
        at = 0.8 * last, float(seen["survival_ci_upper"].fillna(seen["survival"]).iloc[-1])
        write_at(axes, voice.say("survival.curve.label"), at, (0, 5), ha="center", color=BLUE)


def _curves_by_group(axes: Axes, result: SurvivalCurve, last: float, voice: Voice) -> list[str]:
    ages = picked(int(last) + 1, GROUP_POINTS)
    at = _at(result, np.array(ages, dtype=float), voice)["survival"].to_numpy(dtype=float).reshape(-1, len(ages))
    ends, points = [], []
    groups = groups_of(_told(result, last, voice), len(result.durations.by))
    for (name, line, steps), told in zip(groups, at, strict=True):
        _steps(axes, steps, {"color": line["color"], "alpha": 0.13}, {"linewidth": 1.8, **line})
        ends.append((float(steps["survival"].iloc[-1]) if len(steps) else 1.0, name, line["color"]))
        shares = ", ".join(
            voice.say("survival.point", month=voice.number(age), share=voice.percent(share, 1))
            for age, share in zip(ages, told, strict=True)
            if np.isfinite(share)
        )
        points.append(f"{name}: {shares}")
    name_lines(axes, ends, 0.0, 1.02)
    return points


def _risk_rows(axes: Axes, result: SurvivalCurve, last: float, voice: Voice) -> None:
    lives, ticks = result.durations, [float(tick) for tick in axes.get_xticks() if tick <= np.ceil(last)]
    counts = [risk_table(lives, lives.group == g, np.array(ticks)).at_risk for g in range(len(lives.groups))]
    risk_rows(axes, ticks, counts, group_names(lives.groups) if lives.by else [], voice)


def plot_hazard(
    result: HazardCurve, canvas: Canvas, *, least: float = 0, marks: Collection[int] = (), early: int = 0
) -> Axes:
    """Share of those still there who leave in each month of age, with intervals; one line a group.

    Parameters
    ----------
    result : HazardCurve
        Of all customers together, or by group.
    canvas : Canvas
    least : float
        Months in which fewer customers were at risk are left out.
    marks : collection of int
        Months that stand out, such as dangerous ones; of all customers together.
    early : int
        So many months from the start on stand out as a block.
    """
    speak, by = canvas.speaker(customer=result.durations.provenance.customer, action="stay"), len(result.durations.by)
    months = by_month(result, check_number("least", least, 0))
    marked = np.isin(months["month"], check_numbers("marks", list(marks)) if marks else [])
    first_ones = (months["month"] <= check_number("early", early, 0)).to_numpy()
    axes = canvas.axes(3.0)
    colours = np.where(marked, SAND, np.where(first_ones, BLUE, MIDBLUE))
    points = _hazard_lines(axes, months, by, speak) if by else _hazard_bars(axes, result, months, colours, speak)
    first, last = (int(months["month"].min()), int(months["month"].max())) if len(months) else (1, 1)
    axes.set(xlim=(-0.8 if first == 0 else 0.2, last + 0.8), xlabel=speak.say("survival.axis.month"))
    step = 6 if last < 40 else 12
    axes.set_xticks([*([0] if first == 0 else []), 1, *range(step, last + 1, step)])
    percent_axis(axes, speak)
    write_at(axes, speak.say("survival.axis.leave"), (0, 1), (0, 4), xycoords="axes fraction", color=MUTE, fontsize=8.5)
    text = speak.say("survival.hazard.alt", points="; ".join(points))
    return finish(axes, canvas.heading("figure.hazard", speak), text)


def _hazard_bars(
    axes: Axes, result: HazardCurve, months: pd.DataFrame, colours: np.ndarray[Any, Any], voice: Voice
) -> list[str]:
    """Bars with their limits; a ring on the axis for a share that is not told, nothing where nobody left."""
    facts = [leaving(result, months, int(month)) for month in months["month"]]
    x, (hazard, lower, upper) = months["month"].to_numpy(), told_limits(facts, voice)
    told = np.isfinite(hazard)
    shown, marked = told & (hazard > 0), colours == SAND
    axes.bar(x[shown], hazard[shown], color=colours[shown].tolist(), width=0.72)
    axes.vlines(x[shown], lower[shown], upper[shown], color=INK, linewidth=0.8)
    small = ~told & (months["at_risk"] > 0).to_numpy()
    axes.plot(x[small], np.zeros(small.sum()), "o", markersize=4, color="white", markeredgecolor=MUTE, clip_on=False)
    for i in np.flatnonzero(marked & shown):
        write_at(axes, voice.tell(facts[i]), (x[i], upper[i]), (0, 3), ha="center", color=SAND_TEXT, fontsize=8.5)
    axes.set_ylim(0, float(np.nanmax(upper[shown])) * 1.12 if shown.any() else 1.0)
    named = {*picked(len(x), TEXT_POINTS), *np.flatnonzero(colours != MIDBLUE).tolist()}
    return [
        voice.say("survival.point", month=voice.number(int(x[i])), share=voice.tell(facts[i])) for i in sorted(named)
    ]


def _hazard_lines(axes: Axes, months: pd.DataFrame, by: int, voice: Voice) -> list[str]:
    ends, points = [], []
    for name, line, part in groups_of(voice.disclosure.frame(months, "hazard", n="at_risk", count="events"), by):
        axes.plot(part["month"], part["hazard"], linewidth=1.6, marker="o", markersize=3, **line)
        ends.append((float(part["hazard"].iloc[-1]), name, line["color"]))
        rows = [part.iloc[i] for i in picked(len(part), GROUP_POINTS)]
        shares = [f"{voice.number(int(row['month']))}: {voice.percent(row['hazard'], 1)}" for row in rows]
        points.append(f"{name}: {', '.join(shares)}")
    axes.set_ylim(bottom=0)
    name_lines(axes, ends, *axes.get_ylim())
    return points


def plot_incidence(
    result: CumulativeIncidence, canvas: Canvas, *, until: float | None = None, marks: Collection[int] = ()
) -> Axes:
    """Share lost to each cause by age, on top of each other.

    Parameters
    ----------
    result : CumulativeIncidence
        Of all customers together.
    canvas : Canvas
    until : int, optional
        Last age; default the oldest that somebody was observed at.
    marks : collection of int
        Ages that the text alternative names; default six of them.
    """
    lives = result.durations
    one_group(lives.by, "the picture of causes")
    speak = canvas.speaker(customer=lives.provenance.customer, action="stay")
    times = result.curves[0].table.times
    last = int(times.max(initial=1.0)) if until is None else int(check_number("until", until, 0.0))
    causes, months = list(lives.causes), list(range(last + 1))
    told = [told_limits([lost_to(result, cause, month) for month in months], speak)[0] for cause in causes]
    # who has left has left, also where rounding would have it otherwise or nothing is told
    wide = np.maximum.accumulate(np.nan_to_num(np.array(told)), axis=1)
    axes = canvas.axes(3.2)
    colours = [BLUE, SAND, MIDBLUE, MUTE, *GROUPS[2:]]
    axes.stackplot(months, wide, colors=colours[: len(causes)], step="post" if last <= 12 else None, alpha=0.85)
    tops = np.cumsum(wide[:, -1])
    total = float(tops[-1]) or 1.0
    inks = [BLUE, SAND_TEXT, *colours[2:]]
    middles = (tops - wide[:, -1] / 2).tolist()
    ends = [(y, cause_name(cause, speak), ink) for y, cause, ink in zip(middles, causes, inks, strict=False)]
    name_lines(axes, ends, 0.0, total, gap=0.08)
    axes.set(xlim=(0, last), ylim=(0, total * 1.1), xlabel=speak.say("survival.axis"))
    age_ticks(axes, last)
    percent_axis(axes, speak)
    named = check_numbers("marks", list(marks)) if marks else picked(last + 1, GROUP_POINTS)
    text = _causes_alternative(result, causes, speak, [int(month) for month in named])
    return finish(axes, canvas.heading("figure.causes", speak), text)


def cause_name(cause: str, voice: Voice) -> str:
    """What a reader calls a cause; one from the data is called as it stands there."""
    key = f"survival.cause.{cause}"
    return voice.say(key) if voice.catalogue.has(key) else cause


def _causes_alternative(result: CumulativeIncidence, causes: Sequence[str], voice: Voice, months: Sequence[int]) -> str:
    points = [
        f"{cause_name(cause, voice)}, {voice.after(month)}: {voice.tell(lost_to(result, cause, month))}"
        for month in months
        for cause in causes
    ]
    return voice.say("survival.causes.alt", points="; ".join(points))


def plot_projection(result: RetentionProjection, canvas: Canvas) -> Axes:
    """Share of a cohort still there by period: observed as points, the model as a line with its interval.

    Parameters
    ----------
    result : RetentionProjection
    canvas : Canvas
    """
    speak, frame, axes = canvas.speaker(), result.to_frame(), canvas.axes(3.2)
    share, low, high = limits_of(frame.fillna({"survival_ci_lower": 1.0, "survival_ci_upper": 1.0}), "survival")
    axes.fill_between(frame["period"], low, high, color=PALE, linewidth=0)
    axes.plot(frame["period"], share, color=BLUE, linewidth=2)
    axes.plot(frame["period"], frame["observed"], "o", color=INK, markersize=4)
    axes.set(ylim=(0, 1.02), xlim=(0, result.horizon), xlabel=speak.say("figure.projection.axis"))
    age_ticks(axes, result.horizon)
    percent_axis(axes, speak)
    periods = picked(len(frame), TEXT_POINTS)
    points = "; ".join(f"{speak.number(period)}: {speak.percent(share[period], 1)}" for period in periods)
    text = speak.say("figure.projection.alt", last=speak.number(len(result.survivors) - 1), points=points)
    return finish(axes, canvas.heading("figure.projection", speak), text)


def plot_ratios(result: HazardModel, canvas: Canvas) -> Axes:
    """Hazard ratios with their intervals, one row a covariate or level; 1 is no difference.

    Parameters
    ----------
    result : HazardModel
        A level stands beside the one that it is compared with.
    canvas : Canvas
    """
    speak = canvas.speaker(customer=result.lives.provenance.customer, action="stay")
    rows = []
    for _, row in result.to_frame().iterrows():
        if speak.disclosure.hides(row["n"]) or speak.disclosure.hides(row["events"]):
            continue
        name, level, reference = row["covariate"], row["level"], row["reference"]
        label = name if level is None else f"{name}: {level} / {reference}"
        ratio, low, high = (float(row[f"hazard_ratio{end}"]) for end in ("", "_ci_lower", "_ci_upper"))
        span = speak.catalogue.text("range", low=speak.number(low, 2), high=speak.number(high, 2))
        rows.append(Row(label, ratio, low, high, speak.number(ratio, 2), span))
    axes = draw_rows(canvas, rows, speak.number, line=1)
    ratio_axis(axes, rows, speak)
    axes.set_xlabel(speak.say("figure.ratios.axis"))
    text = speak.say("figure.ratios.alt", points=points_of(rows, speak))
    return finish(axes, canvas.heading("figure.ratios", speak), text, width=40)
