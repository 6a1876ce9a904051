"""How many customers come back or stay: by cohort, by age, and by period of their life cycle."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.errors import ArgumentError, check_choice, check_kind, check_number
from kbind.estimates.retention import CohortRetention, Lifecycle
from kbind.facts.retention import STATES
from kbind.figures.base import (
    BLUE,
    INK,
    MIDBLUE,
    MIDBLUE_TEXT,
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
    period_ticks,
    speaker,
    spread,
    value_axis,
)
from kbind.figures.heatmap import CohortMap
from kbind.statistics.activity import Activity
from kbind.wording import Fact, Voice, picked

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24
_SOLID_GROUP = 0.1  # share of a group that must have lived an age for it to be drawn
_KINDS = ("heatmap", "curves")


def _speaker(activity: Activity, lang: str, voice: Voice | None) -> Voice:
    words = {"customer": activity.provenance.customer, "action": activity.action, "period": activity.calendar.period}
    return speaker(lang, voice, **words)


def _safe(frame: pd.DataFrame, voice: Voice) -> pd.DataFrame:
    """A retention frame without the cells that rest on too few customers."""
    counts = [name for name in ("cohort_size", "at_risk", "active") if name in frame]
    hidden = ["active", "retention", "retention_ci_lower", "retention_ci_upper"]
    return voice.disclosure.frame(frame, counts=counts, told=hidden)


def plot_cohorts(
    result: CohortRetention,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    kind: str | None = None,
    on_or_after: CohortRetention | None = None,
    until: int | None = None,
) -> Axes:
    """Retention by cohort and age as a heat map, or by age over all cohorts as curves.

    Parameters
    ----------
    result : CohortRetention
        Of kind "on" or "on_or_after".
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    kind : {"heatmap", "curves"}, optional
        Default curves where there are groups, of which a heat map has one only.
    on_or_after : CohortRetention, optional
        Of that kind, as a second curve.
    until : int, optional
        Last age of the curves; default the last that anybody has lived.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        A bracket, which has one number a cohort; a heat map of groups; a second curve of other customers.

    Examples
    --------
    >>> import kbind as kb
    >>> result = kb.cohort_retention(kb.activity(kb.datasets.load_grocery()))
    >>> result.plot(kind="curves").get_title(loc="left")
    'Share of households active, by age in months'
    """
    if result.kind == "bracket":
        raise ArgumentError("a bracket has one number a cohort; a picture needs kind='on' or 'on_or_after'")
    by = result.activity.by
    kind = ("curves" if by else "heatmap") if kind is None else check_choice("kind", kind, _KINDS)
    speak = _speaker(result.activity, lang, voice)
    if kind == "heatmap":
        one_group(by, "a heat map")
        return _heatmap(result, ax, title, speak)
    if by:
        if on_or_after is not None:
            raise ArgumentError("on_or_after is drawn for all customers together; leave it out when there are groups")
        return _curves_by_group(result, ax, title, speak)
    if on_or_after is not None:
        check_kind("on_or_after", on_or_after, CohortRetention, "kb.cohort_retention(..., kind='on_or_after')")
        kinds = result.kind, on_or_after.kind
        if kinds != ("on", "on_or_after"):
            raise ArgumentError(f"the first curve is of kind 'on', the second of 'on_or_after', not {kinds!r}")
        if on_or_after.activity is not result.activity:
            raise ArgumentError("two curves need one activity; these results were made from different ones")
    last = result.ages[-1] if until is None else int(check_number("until", until, 0))
    return _curves(result, on_or_after, ax, last, title, speak)


def _heatmap(result: CohortRetention, ax: Axes | None, title: str | None, voice: Voice) -> Axes:
    """Cells not lived yet stay empty, hidden ones are hatched."""
    calendar = result.activity.calendar
    frame = _safe(result.to_frame(), voice)
    cohorts = [i for i in range(calendar.lived) if result.cohort_size[0][i] > 0 and i + 1 < calendar.lived] or [0]
    ages = max(2, calendar.lived - cohorts[0])
    share = frame["retention"].to_numpy(dtype=float).reshape(calendar.size, -1)[cohorts, 1:ages]
    hidden = frame["hidden"].to_numpy(dtype=bool).reshape(calendar.size, -1)[cohorts, 1:ages]
    hidden &= result.lived[cohorts, 1:ages]
    if not share.size:  # nobody can have lived a second period: one column, empty
        share, hidden = np.full((len(cohorts), 1), np.nan), np.zeros((len(cohorts), 1), dtype=bool)
    names = [voice.period_name(calendar.starts[i], calendar.labels[i]) for i in cohorts]
    sizes = [voice.count(int(result.cohort_size[0][i])) for i in cohorts]
    known = share[np.isfinite(share)]
    top = 1.0 if not known.size else min(1.0, max(0.1, float(np.ceil(known.max() * 10) / 10)))
    cells = CohortMap(share, hidden, names, sizes, 1, top, voice.percent, lambda x: voice.number(100 * x))
    axes = cells.draw(ax, voice)
    with house_style():
        title = voice.say("figure.cohorts") if title is None else title
        return finish(axes, title, cells.alternative(voice), width=46)


def _curves(
    result: CohortRetention, ever: CohortRetention | None, ax: Axes | None, last: int, title: str | None, voice: Voice
) -> Axes:
    last = max(last, 1)
    frames = [_pooled(one, last, voice) for one in (result, ever) if one is not None]
    frame, upper = frames[0], frames[1] if ever is not None else None
    ages = frame["age"].to_numpy()
    band = frame[["retention_ci_lower", "retention_ci_upper"]].to_numpy(dtype=float)
    low = _floor(float(np.nanmin(band)) if np.isfinite(band).any() else 0.0)
    with house_style():
        axes = new_axes(ax, 3.4)
        axes.fill_between(ages, band[:, 0], band[:, 1], where=ages > 0, color=PALE, linewidth=0)
        axes.plot(ages, frame["retention"], color=BLUE, linewidth=2)
        if upper is not None:
            axes.plot(ages, upper["retention"], color=SAND, linewidth=2)
        name = voice.say("retention.curve.on" if result.kind == "on" else "retention.curve.ever")
        _label_curves(axes, ages, frame, upper, low, name, voice)
        axes.set(ylim=(low, 1.02), xlim=(0, last), xlabel=voice.say("retention.axis.age"))
        age_ticks(axes, last)
        percent_axis(axes, voice)
        title = voice.say("figure.curves") if title is None else title
        return finish(axes, title, _curve_alternative(frame, upper, voice))


def _pooled(result: CohortRetention, last: int, voice: Voice) -> pd.DataFrame:
    frame = _safe(result.pooled(), voice)
    return frame[frame["age"] <= last]


def _label_curves(
    ax: Axes, ages: np.ndarray, on: pd.DataFrame, ever: pd.DataFrame | None, low: float, name: str, voice: Voice
) -> None:
    """Name the lines where they leave room: beside them if they run flat, else in the empty upper right."""
    label_ever = voice.say("retention.curve.ever")
    span = 1.02 - low
    at = len(ages) * 5 // 12
    shares = on["retention_ci_lower"].to_numpy(dtype=float)[max(1, at // 2) :]
    flat = len(shares) > 0 and np.isfinite(shares).all() and shares.min() > low + 0.25 * span
    if flat:
        ax.text(ages[at], np.nanmin(shares) - 0.02 * span, name, color=BLUE, va="top")
        if ever is not None:
            top = float(np.nanmax(ever["retention"].to_numpy(dtype=float)[max(1, at) :]))
            room = 1.0 - top > 0.06 * span
            ax.text(ages[at], top + (0.02 if room else -0.05) * span, label_ever, color=SAND_TEXT,
                    va="bottom" if room else "top")  # fmt: skip
    else:
        ax.text(0.99, 0.80, name, color=BLUE, ha="right", transform=ax.transAxes)
        if ever is not None:
            ax.text(0.99, 0.90, label_ever, color=SAND_TEXT, ha="right", transform=ax.transAxes)


def _curve_alternative(on: pd.DataFrame, ever: pd.DataFrame | None, voice: Voice) -> str:
    points = []
    for i in picked(len(on), TEXT_POINTS):
        row = on.iloc[i]
        values = {"age": voice.number(row["age"]), "on": voice.percent(row["retention"], 1)}
        if ever is None:
            points.append(voice.say("retention.curve.point", **values))
        else:
            values["ever"] = voice.percent(ever.iloc[i]["retention"], 1)
            points.append(voice.say("retention.curve.point.ever", **values))
    return voice.say("retention.curve.alt", points="; ".join(points))


def _floor(lowest: float) -> float:
    """Where the axis of shares begins: at zero, unless all lines run in the upper half."""
    return max(0.0, float(np.floor(lowest * 10 - 1)) / 10) if lowest > 0.5 else 0.0


def _curves_by_group(on: CohortRetention, ax: Axes | None, title: str | None, voice: Voice) -> Axes:
    frame = _safe(on.pooled(), voice)
    size = len(on.ages)
    last = max(size - 1, 1)
    low = _floor(float(frame["retention"].min()))
    ends: list[tuple[float, str, str]] = []
    following: list[Fact] = []
    with house_style():
        axes = new_axes(ax, 3.4)
        for g, name in enumerate(group_names(on.activity.groups)):
            part = frame.iloc[g * size : (g + 1) * size]
            solid = part["at_risk"] >= max(_SOLID_GROUP * part["at_risk"].max(), 1)
            part = part.where(solid | part["at_risk"].isna()) if solid.any() else part
            known = part[part["retention"].notna()]
            if not len(known):
                continue
            line = group_line(g)
            axes.plot(part["age"], part["retention"], linewidth=1.8, **line)
            ends.append((float(known["retention"].iloc[-1]), name, line["color"]))
            for _, after in known[known["age"] == 1].iterrows():
                following.append(Fact.of_rate(name, on.rate_in(after), "cohort_retention(...).pooled(), age 1"))
        axes.set(xlim=(0, last), ylim=(low, 1.02), xlabel=voice.say("retention.axis.age"))
        name_lines(axes, ends, low, 1.02)
        age_ticks(axes, last)
        percent_axis(axes, voice)
        points = "; ".join(voice.say("retention.curve.point", age=fact.id, on=voice.tell(fact)) for fact in following)
        title = _range_of(following, voice) if title is None else title
        return finish(axes, title, voice.say("retention.curve.alt", points=points or ", ".join(on.activity.by)))


def _range_of(following: list[Fact], voice: Voice) -> str:
    """The lowest and the highest share of the groups in the period after the first."""
    if not following:
        return voice.say("retention.curve.short")
    low, high = (pick(following, key=lambda fact: fact.value) for pick in (min, max))
    return voice.say("retention.curve.groups", low=low, high=high, lowest=low.id, highest=high.id)


def plot_lifecycle(
    result: Lifecycle,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
) -> Axes:
    """New, retained and resurrected customers as stacked bars, churned ones below the line.

    Parameters
    ----------
    result : Lifecycle
        Without groups.
    ax, lang, title, voice
        As for `plot_cohorts`.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Groups.
    """
    one_group(result.activity.by, "the life cycle")
    speak = _speaker(result.activity, lang, voice)
    calendar = result.activity.calendar
    states = list(STATES)
    frame = result.to_frame()
    frame = frame.assign(**{s: speak.disclosure.frame(frame, counts=[s], told=[s])[s] for s in states})
    colours = {"retained": PALE, "resurrected": BLUE, "new": MIDBLUE, "churned": SAND}
    inks = {"retained": MIDBLUE_TEXT, "resurrected": BLUE, "new": MIDBLUE_TEXT, "churned": SAND_TEXT}
    drawn = frame[states].fillna(0)
    with house_style():
        axes = new_axes(ax, 3.4)
        x = np.arange(len(frame))
        base = np.zeros(len(frame))
        middles = []
        for state in states[:3]:
            height = drawn[state].to_numpy(dtype=float)
            axes.bar(x, height, bottom=base, color=colours[state], width=0.72)
            middles.append(float(base[-1] + height[-1] / 2) if len(x) else 0.0)
            base = base + height
        below = -drawn["churned"].to_numpy(dtype=float)
        axes.bar(x, below, color=colours["churned"], width=0.72)
        middles.append(float(below[-1] / 2) if len(x) else 0.0)
        axes.axhline(0, color=INK, linewidth=0.8)
        extent = float(base.max(initial=0) - below.min(initial=0)) or 1.0
        for state, y in zip(states, spread(middles, 0.075 * extent, -extent, float(base.max(initial=0))), strict=True):
            axes.annotate(speak.say(f"retention.cycle.{state}"), (1.0, y), xycoords=("axes fraction", "data"),
                          xytext=(4, 0), textcoords="offset points", color=inks[state], va="center",
                          annotation_clip=False)  # fmt: skip
        period_ticks(axes, speak, calendar.starts[: len(frame)], calendar.labels)
        value_axis(axes, lambda y: speak.number(abs(y)))
        title = speak.say("figure.lifecycle") if title is None else title
        return finish(axes, title, _cycle_alternative(result, frame, speak))


def _cycle_alternative(result: Lifecycle, frame: pd.DataFrame, voice: Voice) -> str:
    calendar, points = result.activity.calendar, []
    for i in picked(len(frame), TEXT_POINTS):
        row = frame.iloc[i]
        cells = {s: voice.under_threshold() if pd.isna(row[s]) else voice.number(row[s]) for s in STATES}
        name = voice.period_name(calendar.starts[i], calendar.labels[i])
        points.append(voice.say("retention.cycle.point", name=name, **cells))
    return voice.say("retention.cycle.alt", points="; ".join(points))
