"""How many customers come back or stay: by cohort, by age, and by period of their life cycle."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.errors import ArgumentError, check_choice, check_count, check_flag, check_kind, check_number
from kbind.facts.retention import STATES
from kbind.plot.base import (
    BLUE,
    HATCH,
    MIDBLUE,
    MIDBLUE_TEXT,
    PALE,
    SAND,
    SAND_TEXT,
    Canvas,
    age_ticks,
    finish,
    groups_of,
    limits_of,
    name_lines,
    one_group,
    percent_axis,
    period_ticks,
    risk_rows,
    stacked_bars,
    value_axis,
)
from kbind.plot.heatmap import CohortMap
from kbind.retention.activity import Activity
from kbind.retention.cohorts import CohortRetention
from kbind.retention.event_retention import KINDS as RETURNS
from kbind.retention.event_retention import EventRetention
from kbind.retention.lifecycle import Lifecycle
from kbind.text.facts import Fact
from kbind.text.tables import picked
from kbind.text.voice import Voice

#: Numbers up to which a text alternative names every one.
TEXT_POINTS = 24
_SOLID_GROUP = 0.1  # share of a group that must have lived an age for it to be drawn
_KINDS = ("heatmap", "curves")
#: Colour of the bars of the life cycle, and of their names.
_LOOKS = {
    "retained": (PALE, MIDBLUE_TEXT),
    "resurrected": (BLUE, BLUE),
    "new": (MIDBLUE, MIDBLUE_TEXT),
    "churned": (SAND, SAND_TEXT),
}


def _speaker(canvas: Canvas, activity: Activity) -> Voice:
    return canvas.speaker(
        customer=activity.provenance.customer, action=activity.action, period=activity.calendar.period
    )


def _safe(frame: pd.DataFrame, voice: Voice) -> pd.DataFrame:
    """A retention frame as it is told: rounded, without the cells that rest on too few customers."""
    also = [name for name in ("cohort_size",) if name in frame]
    return voice.disclosure.frame(frame, "retention", n="at_risk", count="active", also=also)


def plot_cohorts(
    result: CohortRetention,
    canvas: Canvas,
    *,
    kind: str | None = None,
    on_or_after: CohortRetention | None = None,
    until: int | None = None,
    apart: bool = False,
) -> Axes:
    """Retention by cohort and age as a heat map, or by age over all cohorts as curves.

    Parameters
    ----------
    result : CohortRetention
        Of kind "on" or "on_or_after".
    canvas : Canvas
    kind : {"heatmap", "curves"}, optional
        Default curves where there are groups, of which a heat map has one only.
    on_or_after : CohortRetention, optional
        Of that kind, as a second curve.
    until : int, optional
        Last age of the curves; default the last that anybody has lived.
    apart : bool
        Instead of one curve, one of the first cohort and one of all later ones.

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
    speak = _speaker(canvas, result.activity)
    if kind == "heatmap":
        one_group(by, "a heat map")
        return _heatmap(result, canvas, speak)
    if by:
        if on_or_after is not None:
            raise ArgumentError("on_or_after is drawn for all customers together; leave it out when there are groups")
        return _curves_by_group(result, canvas, speak)
    if on_or_after is not None:
        check_kind("on_or_after", on_or_after, CohortRetention, "kb.cohort_retention(..., kind='on_or_after')")
        kinds = result.kind, on_or_after.kind
        if kinds != ("on", "on_or_after"):
            raise ArgumentError(f"the first curve is of kind 'on', the second of 'on_or_after', not {kinds!r}")
        if on_or_after.activity is not result.activity:
            raise ArgumentError("two curves need one activity; these results were made from different ones")
    last = _last_lived(result.pooled()) if until is None else int(check_number("until", until, 0))
    if check_flag("apart", apart):
        return _curves_apart(result, canvas, last, speak)
    return _curves(result, on_or_after, canvas, last, speak)


def _last_lived(pooled: pd.DataFrame) -> int:
    """The last age that anybody has lived."""
    return int(pooled.loc[pooled["at_risk"] > 0, "age"].max()) if (pooled["at_risk"] > 0).any() else 0


def _heatmap(result: CohortRetention, canvas: Canvas, voice: Voice) -> Axes:
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
    axes = cells.draw(canvas, voice)
    if cells.annotated:
        axes.set_xlabel(voice.say("figure.cohorts.axis", axis=axes.get_xlabel()))
    return finish(axes, canvas.heading("figure.cohorts", voice), cells.alternative(voice), width=46)


def _curves(result: CohortRetention, ever: CohortRetention | None, canvas: Canvas, last: int, voice: Voice) -> Axes:
    last = max(last, 1)
    frame = _safe(result.pooled(), voice)[: last + 1]
    upper = _safe(ever.pooled(), voice)[: last + 1] if ever is not None else None
    ages, (share, lower, top) = frame["age"].to_numpy(), limits_of(frame, "retention")
    low = _floor(float(np.nanmin([lower, top])) if np.isfinite([lower, top]).any() else 0.0)
    axes = canvas.axes(3.4)
    axes.fill_between(ages, lower, top, where=ages > 0, color=PALE, linewidth=0)
    axes.plot(ages, share, color=BLUE, linewidth=2)
    if upper is not None:
        axes.plot(ages, upper["retention"], color=SAND, linewidth=2)
    name = voice.say("retention.curve.on" if result.kind == "on" else "retention.curve.ever")
    _label_curves(axes, ages, frame, upper, low, name, voice)
    axes.set(ylim=(low, 1.02), xlim=(0, last), xlabel=voice.say("retention.axis.age"))
    age_ticks(axes, last)
    percent_axis(axes, voice)
    return finish(axes, canvas.heading("figure.curves", voice), _curve_alternative(frame, upper, voice))


def _curves_apart(result: CohortRetention, canvas: Canvas, last: int, voice: Voice) -> Axes:
    """The first cohort, who may have been there before, and all later ones."""
    labels, lines = result.activity.calendar.labels, []
    for which, left_out in (("first", labels[1:]), ("later", labels[:1])):
        frame = _safe(result.pooled(exclude=left_out), voice)
        lines.append((voice.say(f"retention.panel.{which}"), frame[(frame["age"] > 0) & (frame["age"] <= last)]))
    axes, ends = canvas.axes(3.4), []
    for (name, frame), (colour, band, ink) in zip(lines, ((MIDBLUE, PALE, MIDBLUE_TEXT), (SAND, HATCH, SAND_TEXT)),
                                                  strict=True):  # fmt: skip
        ages, (share, lower, top) = frame["age"].to_numpy(), limits_of(frame, "retention")
        axes.fill_between(ages, lower, top, color=band, linewidth=0, alpha=0.6)
        axes.plot(ages, share, color=colour, linewidth=2)
        known = np.flatnonzero(np.isfinite(share))
        if known.size:
            ends.append((float(share[known[-1]]), name, ink))
    known_low = np.concatenate([limits_of(frame, "retention")[1] for _, frame in lines])
    low = _floor(float(np.nanmin(known_low)) if np.isfinite(known_low).any() else 0.0)
    axes.set(ylim=(low, 1.02), xlim=(1, max(last, 2)), xlabel=voice.say("retention.axis.age"))
    name_lines(axes, ends, low, 1.02)
    age_ticks(axes, max(last, 2))
    axes.set_xlim(1, max(last, 2))
    percent_axis(axes, voice)
    shares = [frame.set_index("age")["retention"] for _, frame in lines]
    points = [
        voice.say(
            "retention.curve.point.apart",
            age=voice.number(age),
            first=voice.percent(float(shares[0].get(age, np.nan)), 1),
            later=voice.percent(float(shares[1].get(age, np.nan)), 1),
        )
        for age in [int(age) for age in shares[0].index][:TEXT_POINTS]
    ]
    alternative = voice.say("retention.curve.alt", points="; ".join(points))
    return finish(axes, canvas.heading("figure.curves", voice), alternative)


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


def _curves_by_group(on: CohortRetention, canvas: Canvas, voice: Voice) -> Axes:
    frame = _safe(on.pooled(), voice)
    last = max(_last_lived(on.pooled()), 1)
    low = _floor(float(frame["retention"].min()))
    ends: list[tuple[float, str, str]] = []
    following: list[Fact] = []
    axes = canvas.axes(3.4)
    for name, line, part in groups_of(frame, len(on.activity.by)):
        solid = part["at_risk"] >= max(_SOLID_GROUP * part["at_risk"].max(), 1)
        part = part.where(solid | part["at_risk"].isna()) if solid.any() else part
        known = part[part["retention"].notna()]
        if not len(known):
            continue
        axes.plot(part["age"], part["retention"], linewidth=1.8, **line)
        ends.append((float(known["retention"].iloc[-1]), name, line["color"]))
        for _, after in known[known["age"] == 1].iterrows():
            following.append(Fact.of(name, on.rate_in(after), "cohort_retention(...).pooled(), age 1"))
    axes.set(xlim=(0, last), ylim=(low, 1.02), xlabel=voice.say("retention.axis.age"))
    name_lines(axes, ends, low, 1.02)
    age_ticks(axes, last)
    percent_axis(axes, voice)
    points = "; ".join(voice.say("retention.curve.point", age=fact.id, on=voice.tell(fact)) for fact in following)
    title = _range_of(following, voice) if canvas.title is None else canvas.title
    return finish(axes, title, voice.say("retention.curve.alt", points=points or ", ".join(on.activity.by)))


def _range_of(following: list[Fact], voice: Voice) -> str:
    """The lowest and the highest share of the groups in the period after the first."""
    if not following:
        return voice.say("retention.curve.short")
    low, high = (pick(following, key=lambda fact: fact.value) for pick in (min, max))
    return voice.say("retention.curve.groups", low=low, high=high, lowest=low.id, highest=high.id)


def plot_returns(result: EventRetention, canvas: Canvas, *, kind: str = "on", until: int | None = None) -> Axes:
    """Share that came back by windows since the first start event, with those at risk below; one line a group.

    Parameters
    ----------
    result : EventRetention
    canvas : Canvas
    kind : {"on", "on_or_after"}
        Came back in that window, or in it or a later one.
    until : int, optional
        Last window; default the last that anybody has lived.

    Examples
    --------
    >>> import kbind as kb
    >>> result = kb.event_retention(kb.datasets.load_saas(), start="report", returns="report", window="28D")
    >>> result.plot(until=12).get_title(loc="left")
    'Share of customers that came back, by windows of 28 days'
    """
    share, count = RETURNS[check_choice("kind", kind, tuple(RETURNS))]
    frame, by = result.to_frame(), len(result.by)
    last = max(_last_lived(frame) if until is None else check_count("until", until, 0, 10**5), 1)
    period = result.window if result.hours is None else "month"
    voice = canvas.speaker(customer=result.provenance.customer, period=period)
    length = _length_of(result, voice)
    groups = groups_of(frame, by) if by else [("", {"color": BLUE}, frame)]
    axes = canvas.axes(3.7 + 0.18 * len(groups))
    age_ticks(axes, last)
    ticks = axes.get_xticks().astype(int)
    points, ends, rows, tops = [], [], [], [0.1]
    for name, line, whole in groups:
        # windows that nobody has lived are unknown and left out
        part = whole[(whole["age"] <= last) & (whole["at_risk"] > 0)]
        told = voice.disclosure.frame(part, share, n="at_risk", count=count)
        values, lower, upper = limits_of(told, share)
        if not by:
            axes.fill_between(part["age"], lower, upper, color=PALE, linewidth=0)
        axes.plot(part["age"], values, linewidth=2, **line)
        known = values[np.isfinite(values)]
        tops += [*known, *(upper[np.isfinite(upper)] if not by else [])]
        ends += [(float(known[-1]), name, line["color"])] if by and known.size else []
        rows.append(whole.set_index("age")["at_risk"].reindex(ticks, fill_value=0).to_numpy())
        said = "; ".join(
            voice.say(
                "returns.point",
                age=voice.number(part["age"].iloc[i]),
                share=voice.percent(values[i], 1),
                n=voice.count(part["at_risk"].iloc[i]),
            )
            for i in picked(len(part), max(2, TEXT_POINTS // len(groups)))
        )
        points.append(f"{name}: {said}" if by else said)
    top = min(1.02, float(np.ceil(max(tops) * 10)) / 10)
    axes.set(xlim=(0, last), ylim=(0, top), xlabel=voice.say("returns.axis", length=length))
    percent_axis(axes, voice)
    name_lines(axes, ends, 0.0, top)
    risk_rows(axes, [float(tick) for tick in ticks], rows, [name for name, _, _ in groups] if by else [], voice)
    title = canvas.heading("figure.returns" if kind == "on" else "figure.returns.ever", voice, length=length)
    return finish(axes, title, voice.say("returns.alt", length=length, points=". ".join(points)))


def _length_of(result: EventRetention, voice: Voice) -> str:
    """What the windows are: periods of the calendar, or so many hours or days."""
    if result.hours is None:
        return voice.say("returns.calendar")
    if result.hours > 24 and result.hours % 24 == 0:
        return voice.say("returns.days", n=voice.number(result.hours // 24))
    return voice.say("returns.hours", n=voice.number(result.hours))


def plot_lifecycle(result: Lifecycle, canvas: Canvas) -> Axes:
    """New, retained and resurrected customers as stacked bars, churned ones below the line; of all together."""
    one_group(result.activity.by, "the life cycle")
    speak, calendar, frame = _speaker(canvas, result.activity), result.activity.calendar, result.to_frame()
    frame = frame.assign(**{state: speak.disclosure.counts(frame[state]) for state in STATES})
    heights = {state: frame[state].fillna(0).to_numpy(dtype=float) for state in STATES}
    losses = {"churned": heights.pop("churned")}
    axes = canvas.axes(3.4)
    stacked_bars(axes, heights, losses, _LOOKS, {state: speak.say(f"retention.cycle.{state}") for state in STATES})
    early = result.activity.early  # the frame begins when leavers were recorded, the calendar with the first contract
    period_ticks(axes, speak, calendar.starts[early:][: len(frame)], calendar.labels[early:])
    value_axis(axes, lambda y: speak.number(abs(y)))
    return finish(axes, canvas.heading("figure.lifecycle", speak), _cycle_alternative(result, frame, speak))


def _cycle_alternative(result: Lifecycle, frame: pd.DataFrame, voice: Voice) -> str:
    calendar, points = result.activity.calendar, []
    for i in picked(len(frame), TEXT_POINTS):
        row = frame.iloc[i]
        cells = {s: voice.under_threshold() if pd.isna(row[s]) else voice.number(row[s]) for s in STATES}
        name = voice.period_name(calendar.starts[result.activity.early + i], row["period"])
        points.append(voice.say("retention.cycle.point", name=name, **cells))
    return voice.say("retention.cycle.alt", points="; ".join(points))
