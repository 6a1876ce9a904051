"""How long customers stay, in which months they leave, and what they are lost to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.errors import check_flag, check_number, check_numbers
from kbind.estimates.survival import CumulativeIncidence, HazardCurve, SurvivalCurve
from kbind.facts.survival import by_month, leaving, lost_to, staying
from kbind.figures.base import (
    BLUE,
    GROUPS,
    INK,
    MIDBLUE,
    MUTE,
    PALE,
    SAND,
    SAND_TEXT,
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
    spread,
)
from kbind.statistics.durations.risk import risk_table
from kbind.wording import Voice, picked

#: Numbers up to which a text alternative names every one; of each group where there are several.
TEXT_POINTS, GROUP_POINTS = 24, 6
#: Height of a row of customers at risk, in points, and how far below the axis the first one stands.
_ROW, _BELOW = 13, 44


def plot_survival(
    result: SurvivalCurve,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
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
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    at_risk : bool, optional
        Whether a table below the axis says how many customers are under observation; default where there are groups.
    until : float, optional
        Last age; default the oldest observed.
    marks : collection of int
        Ages at which the share is written on the curve of all customers.
    truth : DataFrame, optional
        For simulated data: columns time, survival; drawn as a dashed line.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import kbind as kb
    >>> ax = kb.survival_curve(kb.durations(kb.datasets.load_telco(), by="contract")).plot()
    >>> ax.get_title(loc="left")
    'Share of customers still there, by contract'
    """
    lives = result.durations
    speak = speaker(lang, voice, customer=lives.provenance.customer, action="stay")
    times = [float(curve.risk.times[-1]) for curve in result.curves if len(curve.risk.times)]
    last = max(times, default=1.0) if until is None else check_number("until", until, 0.0)
    table = bool(lives.by) if at_risk is None else check_flag("at_risk", at_risk)
    with house_style():
        axes = new_axes(ax, 3.4 + (0.3 + 0.18 * len(result.curves) if table else 0))
        axes.set(ylim=(0, 1.02), xlim=(0, last), xlabel=speak.say("survival.axis"))
        age_ticks(axes, round(last))
        percent_axis(axes, speak)
        if lives.by:
            points = _curves_by_group(axes, result, last, speak)
        else:
            points = _curve(axes, result, last, marks, truth, speak)
        if table:
            _risk_rows(axes, result, last, speak)
        if title is None:
            title = (
                speak.say("figure.survival.by", by=", ".join(lives.by)) if lives.by else speak.say("figure.survival")
            )
        text = speak.say("survival.curve.alt", points="; ".join(points))
        return finish(axes, title, text, width=46 if lives.by and table else 60)


def _steps(axes: Axes, steps: pd.DataFrame, band: dict[str, Any], line: dict[str, Any]) -> None:
    x = np.concatenate([[0.0], steps["time"]])
    low, share, high = (np.concatenate([[1.0], steps[f"survival{end}"]]) for end in ("_ci_lower", "", "_ci_upper"))
    axes.fill_between(x, low, high, step="post", linewidth=0, **band)
    axes.step(x, share, where="post", **line)


def _curve(
    axes: Axes, result: SurvivalCurve, last: float, marks: Collection[int], truth: pd.DataFrame | None, voice: Voice
) -> list[str]:
    frame = result.to_frame()
    _steps(axes, frame[frame["time"] <= last], {"color": PALE}, {"color": BLUE, "linewidth": 2})
    if truth is not None:
        axes.plot(truth["time"], truth["survival"], color=SAND, linewidth=1.5, linestyle="--")
        axes.annotate(voice.say("survival.curve.truth"), (0.98, 0.93), xycoords="axes fraction", ha="right",
                      color=SAND_TEXT)  # fmt: skip
    for month in check_numbers("marks", list(marks)) if marks else ():
        fact = staying(result, int(month))
        if voice.disclosure.fact(fact).known:
            axes.plot([month], [fact.value], "o", color=BLUE, markersize=5)
            axes.annotate(voice.tell(fact), (month, fact.value), xytext=(4, 7), textcoords="offset points", color=BLUE)
    return [
        voice.say("survival.point", month=voice.number(month), share=voice.tell(staying(result, month)))
        for month in picked(int(last) + 1, TEXT_POINTS)
    ]


def _curves_by_group(axes: Axes, result: SurvivalCurve, last: float, voice: Voice) -> list[str]:
    frame, ages = result.to_frame(), picked(int(last) + 1, GROUP_POINTS)
    at = result.at(ages)["survival"].to_numpy(dtype=float).reshape(-1, len(ages))
    sizes = [len(curve.risk.times) for curve in result.curves]
    parts = np.split(np.arange(len(frame)), np.cumsum(sizes)[:-1])
    ends, points = [], []
    for g, (name, rows) in enumerate(zip(group_names(result.durations.groups), parts, strict=True)):
        steps = frame.iloc[rows]
        steps, line = steps[steps["time"] <= last], group_line(g)
        _steps(axes, steps, {"color": line["color"], "alpha": 0.13}, {"linewidth": 1.8, **line})
        ends.append((float(steps["survival"].iloc[-1]) if len(steps) else 1.0, name, line["color"]))
        shares = ", ".join(
            voice.say("survival.point", month=voice.number(age), share=voice.percent(share, 1))
            for age, share in zip(ages, at[g], strict=True)
            if np.isfinite(share)
        )
        points.append(f"{name}: {shares}")
    name_lines(axes, ends, 0.0, 1.02)
    return points


def _risk_rows(axes: Axes, result: SurvivalCurve, last: float, voice: Voice) -> None:
    """Customers under observation at the ages on the axis, one row a group, below it."""
    lives, ticks = result.durations, [float(tick) for tick in axes.get_xticks() if tick <= np.ceil(last)]
    place: Any = axes.get_xaxis_transform()  # ages across, shares of the axes up
    small: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "annotation_clip": False, "va": "center"}
    axes.annotate(voice.say("figure.at_risk"), (0, 0), xycoords=place, xytext=(-22, -_BELOW), ha="right", color=MUTE,
                  **small)  # fmt: skip
    names = group_names(lives.groups) if lives.by else [""]
    for g, name in enumerate(names):
        y = -_BELOW - _ROW * (g + bool(lives.by))
        counts = risk_table(lives, lives.group == g, np.array(ticks)).at_risk
        axes.annotate(name, (0, 0), xycoords=place, xytext=(-22, y), ha="right", color=group_line(g)["color"],
                      parse_math=False, **small)  # fmt: skip
        for tick, n in zip(ticks, counts, strict=True):
            axes.annotate(voice.count(int(n)), (tick, 0), xycoords=place, xytext=(0, y), ha="center", color=INK,
                          **small)  # fmt: skip


def plot_hazard(
    result: HazardCurve,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    least: float = 0,
    marks: Collection[int] = (),
) -> Axes:
    """Share of those still there who leave in each month of age, with intervals; one line a group.

    Parameters
    ----------
    result : HazardCurve
        Of all customers together, or by group.
    ax, lang, title, voice
        As for `plot_survival`.
    least : float
        Months in which fewer customers were at risk are left out.
    marks : collection of int
        Months that stand out, such as dangerous ones; of all customers together.
    """
    speak = speaker(lang, voice, customer=result.durations.provenance.customer, action="stay")
    months = by_month(result, check_number("least", least, 0))
    with house_style():
        axes = new_axes(ax, 3.0)
        draw = _hazard_lines if result.durations.by else _hazard_bars
        points = draw(axes, result, months, np.array(check_numbers("marks", list(marks)) if marks else []), speak)
        x = months["month"]
        first, last = (int(x.min()), int(x.max())) if len(x) else (1, 1)
        axes.set(xlim=(-0.8 if first == 0 else 0.2, last + 0.8), xlabel=speak.say("survival.axis.month"))
        step = 6 if last < 40 else 12
        axes.set_xticks([*([0] if first == 0 else []), 1, *range(step, last + 1, step)])
        percent_axis(axes, speak)
        title = speak.say("figure.hazard") if title is None else title
        return finish(axes, title, speak.say("survival.hazard.alt", points="; ".join(points)))


def _hazard_bars(
    axes: Axes, result: HazardCurve, months: pd.DataFrame, marks: np.ndarray[Any, Any], voice: Voice
) -> list[str]:
    facts = [leaving(result, months, int(month)) for month in months["month"]]
    shown = np.array([voice.disclosure.fact(fact).known for fact in facts], dtype=bool)
    x = months["month"].to_numpy()
    high = np.where(shown, months["hazard"], 0.0)
    marked = np.isin(x, marks)
    axes.bar(x[~marked], high[~marked], color=MIDBLUE, width=0.72)
    axes.bar(x[marked], high[marked], color=SAND, width=0.72)
    lower, upper = (months[f"hazard_ci_{side}"].to_numpy(dtype=float) for side in ("lower", "upper"))
    axes.vlines(x[shown], lower[shown], upper[shown], color=INK, linewidth=0.8)
    for i in np.flatnonzero(marked):
        axes.annotate(voice.tell(facts[i]), (x[i], upper[i]), xytext=(0, 3), ha="center",
                      textcoords="offset points", color=SAND_TEXT, fontsize=8.5)  # fmt: skip
    axes.set_ylim(0, float(np.nanmax(upper[shown])) * 1.12 if shown.any() else 1.0)
    return [
        voice.say("survival.point", month=voice.number(int(x[i])), share=voice.tell(facts[i]))
        for i in sorted({*picked(len(x), TEXT_POINTS), *np.flatnonzero(marked).tolist()})
    ]


def _hazard_lines(
    axes: Axes, result: HazardCurve, months: pd.DataFrame, marks: np.ndarray[Any, Any], voice: Voice
) -> list[str]:
    by = list(months.columns[: len(result.durations.by)])
    parts = list(months.groupby(by, sort=False, dropna=False))
    ends, points = [], []
    for g, (name, (_, part)) in enumerate(zip(group_names([key for key, _ in parts]), parts, strict=True)):
        line = group_line(g)
        axes.plot(part["month"], part["hazard"], linewidth=1.6, marker="o", markersize=3, **line)
        ends.append((float(part["hazard"].iloc[-1]), name, line["color"]))
        shares = [f"{voice.number(int(part['month'].iloc[i]))}: {voice.percent(part['hazard'].iloc[i], 1)}"
                  for i in picked(len(part), GROUP_POINTS)]  # fmt: skip
        points.append(f"{name}: {', '.join(shares)}")
    axes.set_ylim(bottom=0)
    name_lines(axes, ends, 0.0, axes.get_ylim()[1])
    return points


def plot_incidence(
    result: CumulativeIncidence,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    until: float | None = None,
    marks: Collection[int] = (),
) -> Axes:
    """Share lost to each cause by age, on top of each other.

    Parameters
    ----------
    result : CumulativeIncidence
        Of all customers together.
    ax, lang, title, voice
        As for `plot_survival`.
    until : int, optional
        Last age; default the oldest that somebody was observed at.
    marks : collection of int
        Ages that the text alternative names; default six of them.
    """
    lives = result.durations
    one_group(lives.by, "the picture of causes")
    speak = speaker(lang, voice, customer=lives.provenance.customer, action="stay")
    times = result.curves[0].table.times
    last = int(times.max(initial=1.0)) if until is None else int(check_number("until", until, 0.0))
    months = list(range(last + 1))
    frame = result.at(months)
    causes = list(lives.causes)
    wide = np.array([frame[frame["cause"] == cause]["incidence"].to_numpy(dtype=float) for cause in causes])
    with house_style():
        axes = new_axes(ax, 3.2)
        colours = [BLUE, SAND, MIDBLUE, MUTE, *GROUPS[2:]]
        axes.stackplot(months, wide, colors=colours[: len(causes)], step="post" if last <= 12 else None, alpha=0.85)
        tops = np.cumsum(wide[:, -1])
        middles = [float(t) for t in tops - wide[:, -1] / 2]
        total = float(tops[-1]) or 1.0
        inks = [BLUE, SAND_TEXT, *colours[2:]]
        for cause, y, ink in zip(causes, spread(middles, 0.08 * total, 0.0, total), inks, strict=False):
            axes.annotate(cause_name(cause, speak), (1.0, y), xycoords=("axes fraction", "data"), xytext=(6, 0),
                          textcoords="offset points", color=ink, va="center", annotation_clip=False)  # fmt: skip
        axes.set(xlim=(0, last), ylim=(0, total * 1.1), xlabel=speak.say("survival.axis"))
        age_ticks(axes, last)
        percent_axis(axes, speak)
        title = speak.say("figure.causes") if title is None else title
        named = check_numbers("marks", list(marks)) if marks else picked(last + 1, GROUP_POINTS)
        return finish(axes, title, _causes_alternative(result, causes, speak, [int(month) for month in named]))


def cause_name(cause: str, voice: Voice) -> str:
    """What a reader calls a cause; one from the data is called as it stands there."""
    key = f"survival.cause.{cause}"
    return voice.say(key) if voice.catalogue.has(key) else cause


def _causes_alternative(result: CumulativeIncidence, causes: Sequence[str], voice: Voice, months: Sequence[int]) -> str:
    points = []
    for month in months:
        for cause in causes:
            share = voice.tell(lost_to(result, cause, month))
            points.append(f"{cause_name(cause, voice)}, {voice.after(month)}: {share}")
    return voice.say("survival.causes.alt", points="; ".join(points))
