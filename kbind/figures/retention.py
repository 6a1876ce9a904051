"""Figures of retention: curves by age, cohort heat map, life cycle by period."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from kbind.errors import ArgumentError
from kbind.estimates.retention import CohortRetention, Lifecycle, cohort_retention, lifecycle
from kbind.figures.base import (
    BLUE,
    GROUPS,
    HATCH,
    INK,
    LINE,
    MIDBLUE,
    MIDBLUE_TEXT,
    PALE,
    SAND,
    SAND_TEXT,
    age_ticks,
    finish,
    house_style,
    new_axes,
    percent_axis,
    spread,
)
from kbind.statistics.activity import Activity
from kbind.story.base import picked
from kbind.story.retention import (
    NUMBERED_COHORTS,
    STATES,
    RetentionStory,
    require_one_group,
    retention_story,
    tell,
    voice_for,
)
from kbind.wording import Disclosure, Fact, Voice
from kbind.wording.voice import DASH

_MOST_COHORTS = 130  # rows that a heat map can show
_SHADES = sns.light_palette(BLUE, as_cmap=True)
_SOLID_GROUP = 0.1  # share of a group that must have lived an age for it to be drawn
_TEXT_POINTS = 24  # numbers up to which a text alternative names every one


def plot_retention_curves(
    on: CohortRetention,
    on_or_after: CohortRetention | None = None,
    *,
    ax: Axes | None = None,
    lang: str = "en",
    voice: Voice | None = None,
) -> Axes:
    """Pooled retention by age, with its interval as a band.

    Parameters
    ----------
    on : CohortRetention
        Of kind "on"; with groups, one line a group.
    on_or_after : CohortRetention, optional
        Of kind "on_or_after", as a second line; not with groups.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    voice : Voice, optional
        Way of speaking and disclosure rule of a report; default: `lang`, nothing hidden.

    Returns
    -------
    Axes
        Its title states the finding; `kbind.alt_text` gives the text alternative.

    Raises
    ------
    ArgumentError
        A bracket, which has no curve, or groups together with `on_or_after`.

    Examples
    --------
    >>> import kbind as kb
    >>> record = kb.activity(kb.datasets.load_grocery())
    >>> ax = kb.plot_retention_curves(kb.cohort_retention(record))
    >>> ax.get_title(loc="left")
    'After the first drop the share stays between 84% and 89%'
    """
    _check(on, CohortRetention, "kb.cohort_retention(...)")
    if on.kind != "on":
        raise ArgumentError(f"the first curve is of kind 'on', not {on.kind!r}; a bracket has no curve")
    speak = _voice(on.activity, lang, voice)
    with house_style():
        if on.activity.by:
            if on_or_after is not None:
                raise ArgumentError(
                    "on_or_after is drawn for all customers together; leave it out when there are groups"
                )
            return _curves_by_group(on, new_axes(ax, 3.4), speak)
        return _curves(on, on_or_after, new_axes(ax, 3.4), speak)


def _curves(on: CohortRetention, ever: CohortRetention | None, ax: Axes, voice: Voice) -> Axes:
    later = ever or cohort_retention(on.activity, kind="on_or_after", conf_level=on.conf_level)
    story = tell(on, later, lifecycle(on.activity), voice)
    voice.note(*story.age_facts())
    frame = _safe(on.pooled(), voice)
    frame = frame[frame["age"] <= max(story.last_age, 1)]
    ages = frame["age"].to_numpy()
    band = frame[["retention_ci_lower", "retention_ci_upper"]].to_numpy(dtype=float)
    ax.fill_between(ages, band[:, 0], band[:, 1], where=ages > 0, color=PALE, linewidth=0)
    ax.plot(ages, frame["retention"], color=BLUE, linewidth=2)
    low = _floor(float(np.nanmin(band)) if np.isfinite(band).any() else 0.0)
    upper = None
    if ever is not None:
        upper = _safe(ever.pooled(), voice)
        upper = upper[upper["age"] <= max(story.last_age, 1)]
        ax.plot(ages, upper["retention"], color=SAND, linewidth=2)
    _label_curves(ax, ages, frame, upper, low, voice)
    ax.set(ylim=(low, 1.02), xlim=(0, max(story.last_age, 1)), xlabel=voice.say("retention.axis.age"))
    age_ticks(ax, max(story.last_age, 1))
    percent_axis(ax, voice)
    return finish(ax, story.curve_title(), _curve_alternative(frame, upper, voice))


def _label_curves(
    ax: Axes, ages: np.ndarray, on: pd.DataFrame, ever: pd.DataFrame | None, low: float, voice: Voice
) -> None:
    """Name the lines where they leave room: beside them if they run flat, else in the empty upper right."""
    label_on, label_ever = voice.say("retention.curve.on"), voice.say("retention.curve.ever")
    span = 1.02 - low
    at = len(ages) * 5 // 12
    shares = on["retention_ci_lower"].to_numpy(dtype=float)[max(1, at // 2) :]
    flat = len(shares) > 0 and np.isfinite(shares).all() and shares.min() > low + 0.25 * span
    if flat:
        ax.text(ages[at], np.nanmin(shares) - 0.02 * span, label_on, color=BLUE, va="top")
        if ever is not None:
            top = float(np.nanmax(ever["retention"].to_numpy(dtype=float)[max(1, at) :]))
            room = 1.0 - top > 0.06 * span
            ax.text(ages[at], top + (0.02 if room else -0.05) * span, label_ever, color=SAND_TEXT,
                    va="bottom" if room else "top")  # fmt: skip
    else:
        ax.text(0.99, 0.80, label_on, color=BLUE, ha="right", transform=ax.transAxes)
        if ever is not None:
            ax.text(0.99, 0.90, label_ever, color=SAND_TEXT, ha="right", transform=ax.transAxes)


def _curve_alternative(on: pd.DataFrame, ever: pd.DataFrame | None, voice: Voice) -> str:
    points = []
    for i in picked(len(on), _TEXT_POINTS):
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


def _curves_by_group(on: CohortRetention, ax: Axes, voice: Voice) -> Axes:
    by = list(on.activity.by)
    frame = _safe(on.pooled(), voice)
    names = [", ".join(DASH if v is None else str(v) for v in values) for values in on.activity.groups]
    size = len(on.ages)
    ends: list[tuple[float, str, str]] = []
    following: list[Fact] = []
    for g, name in enumerate(names):
        part = frame.iloc[g * size : (g + 1) * size]
        solid = part["at_risk"] >= max(_SOLID_GROUP * part["at_risk"].max(), 1)
        part = part.where(solid | part["at_risk"].isna()) if solid.any() else part
        known = part[part["retention"].notna()]
        if not len(known):
            continue
        colour = GROUPS[g % len(GROUPS)]
        ax.plot(
            part["age"],
            part["retention"],
            color=colour,
            linewidth=1.8,
            linestyle=("-", "--", ":")[g // len(GROUPS) % 3],
        )
        ends.append((float(known["retention"].iloc[-1]), name, colour))
        after = known[known["age"] == 1]
        if len(after):
            rate = on.rate_in(after.iloc[0])
            following.append(Fact.of_rate(name, rate, "cohort_retention(...).pooled(), age 1"))
    low = _floor(float(frame["retention"].min()))
    ax.set(xlim=(0, max(size - 1, 1)), ylim=(low, 1.02), xlabel=voice.say("retention.axis.age"))
    for (_, group, colour), y in zip(
        ends, spread([end[0] for end in ends], 0.065 * (1.02 - low), low, 1.0), strict=True
    ):
        ax.annotate(group, (1.0, y), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                    color=colour, va="center", annotation_clip=False, parse_math=False)  # fmt: skip
    age_ticks(ax, max(size - 1, 1))
    percent_axis(ax, voice)
    if not following:
        return finish(ax, voice.say("retention.curve.short"), voice.say("retention.curve.alt", points=", ".join(by)))
    low_fact, high_fact = (pick(following, key=lambda fact: fact.value) for pick in (min, max))
    title = voice.say("retention.curve.groups", low=low_fact, high=high_fact, lowest=low_fact.id, highest=high_fact.id)
    points = "; ".join(voice.say("retention.curve.point", age=fact.id, on=voice.tell(fact)) for fact in following)
    return finish(ax, title, voice.say("retention.curve.alt", points=points))


def plot_cohort_heatmap(
    result: CohortRetention, *, ax: Axes | None = None, lang: str = "en", voice: Voice | None = None
) -> Axes:
    """Retention by cohort and age; cells not lived yet stay empty, hidden ones carry a dot.

    Parameters
    ----------
    result : CohortRetention
        Of kind "on" or "on_or_after", without groups.
    ax, lang, voice
        As for `plot_retention_curves`.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        A bracket, or groups.
    """
    _check(result, CohortRetention, "kb.cohort_retention(...)")
    if result.kind == "bracket":
        raise ArgumentError("a bracket has one number a cohort; a heat map needs kind='on' or 'on_or_after'")
    require_one_group(result.activity)
    speak = _voice(result.activity, lang, voice)
    calendar = result.activity.calendar
    frame = _safe(result.to_frame(), speak)
    cohorts = [i for i in range(calendar.lived) if result.cohort_size[0][i] > 0 and i + 1 < calendar.lived] or [0]
    if len(cohorts) > _MOST_COHORTS:
        raise ArgumentError(
            f"{len(cohorts)} cohorts are too many for a picture; use a longer period than {calendar.period!r}"
        )
    ages = max(2, calendar.lived - cohorts[0])
    share = frame["retention"].to_numpy(dtype=float).reshape(calendar.size, -1)[cohorts, 1:ages]
    hidden = frame["hidden"].to_numpy(dtype=bool).reshape(calendar.size, -1)[cohorts, 1:ages]
    hidden &= result.lived[cohorts, 1:ages]
    if not share.size:  # nobody can have lived a second period: one column, empty
        share, hidden = np.full((len(cohorts), 1), np.nan), np.zeros((len(cohorts), 1), dtype=bool)
    sizes = [int(result.cohort_size[0][i]) for i in cohorts]
    names = [speak.period_name(calendar.starts[i], calendar.labels[i]) for i in cohorts]
    told = [speak.count(n) for n in sizes]
    with house_style():
        known = share[np.isfinite(share)]
        top = 1.0 if not known.size else min(1.0, max(0.1, float(np.ceil(known.max() * 10) / 10)))
        annotated = len(cohorts) <= NUMBERED_COHORTS
        axes = new_axes(ax, (0.29 if annotated else 0.12) * len(cohorts) + 1.1)
        sns.heatmap(
            share,
            ax=axes,
            cmap=_SHADES,
            vmin=0,
            vmax=top,
            linewidths=1.2 if annotated else 0,
            linecolor="white",
            cbar=not annotated,
            cbar_kws={"format": FuncFormatter(lambda y, _: speak.percent(y)), "shrink": 0.6},
        )
        for row, column in np.argwhere(hidden):
            axes.add_patch(
                Rectangle((column, row), 1, 1, facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0)
            )
        if annotated:
            _annotate(axes, share, top, speak)
        step = 1 if annotated else int(np.ceil(len(cohorts) / 20))
        rows = range(0, len(cohorts), step)
        axes.set_yticks([r + 0.5 for r in rows], [f"{names[r]}  ({told[r]})" for r in rows], rotation=0)
        jump = 1 if ages <= 20 else int(np.ceil(ages / 12))
        columns = range(0, ages - 1, jump)
        axes.set_xticks([c + 0.5 for c in columns], [speak.number(c + 1) for c in columns], rotation=0)
        axes.set(xlabel=speak.say("retention.axis.age"), ylabel="")
        story = _heatmap_story(result, speak)
        speak.note(*story.cohort_facts())
        title = story.cohort_title() if result.kind == "on" else story.ever_title()
        return finish(axes, title, _heatmap_alternative(names, told, share, hidden, speak), width=46)


def _heatmap_story(result: CohortRetention, voice: Voice) -> RetentionStory:
    other = cohort_retention(
        result.activity, kind="on_or_after" if result.kind == "on" else "on", conf_level=result.conf_level
    )
    on, ever = (result, other) if result.kind == "on" else (other, result)
    return tell(on, ever, lifecycle(result.activity), voice)


def _annotate(ax: Axes, share: np.ndarray, top: float, voice: Voice) -> None:
    """Each cell's percent in whichever of ink and white reads better on its shade."""
    for row, column in np.argwhere(np.isfinite(share)):
        x = share[row, column]
        ax.text(column + 0.5, row + 0.5, voice.number(100 * x), ha="center", va="center", color=_readable(x / top),
                fontsize=8.5)  # fmt: skip


def _readable(share: float) -> str:
    shade = _luminance(_SHADES(share)[:3])
    white, ink = 1.05 / (shade + 0.05), (shade + 0.05) / (_luminance(to_rgb(INK)) + 0.05)
    return "white" if white > ink else INK


def _luminance(rgb: tuple[float, ...]) -> float:
    """Relative luminance as the accessibility guidelines (WCAG 2) define it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def _heatmap_alternative(
    names: list[str], sizes: list[str], share: np.ndarray, hidden: np.ndarray, voice: Voice
) -> str:
    rows = []
    for i in picked(len(names), _TEXT_POINTS):
        cells = [
            "·" if h else voice.percent(x) for x, h in zip(share[i], hidden[i], strict=True) if h or np.isfinite(x)
        ]
        shares = ", ".join(cells[j] for j in picked(len(cells), 12))
        rows.append(voice.say("retention.cohort.row", name=names[i], n=sizes[i], shares=shares))
    return voice.say("retention.cohort.alt", rows="; ".join(rows))


def plot_lifecycle(result: Lifecycle, *, ax: Axes | None = None, lang: str = "en", voice: Voice | None = None) -> Axes:
    """New, retained and resurrected customers as stacked bars, churned ones below the line.

    Parameters
    ----------
    result : Lifecycle
        Without groups.
    ax, lang, voice
        As for `plot_retention_curves`.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Groups.
    """
    _check(result, Lifecycle, "kb.lifecycle(...)")
    require_one_group(result.activity)
    speak = _voice(result.activity, lang, voice)
    calendar = result.activity.calendar
    states = list(STATES)
    story = retention_story(result.activity, speak)
    speak.note(*story.cycle_facts())
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
        names = [speak.period_name(calendar.starts[i], calendar.labels[i]) for i in range(len(frame))]
        step = max(1, int(np.ceil(len(frame) / 12)))
        shown = range(0, len(frame), step)
        before = ["", *(calendar.labels[i] for i in shown)]
        ticks = [_tick(speak, calendar.starts[i], calendar.labels[i], before[k]) for k, i in enumerate(shown)]
        axes.set_xticks(list(shown), ticks)
        axes.set_xlim(-0.6, len(frame) - 0.4)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: speak.number(abs(y))))
        axes.grid(axis="y", color=LINE)
        axes.spines["bottom"].set_visible(False)
        return finish(axes, story.cycle_title(), _cycle_alternative(frame, names, speak))


def _tick(voice: Voice, start: date, label: str, before: str) -> str:
    """Short period names, with the year below where it begins."""
    short = voice.period_name(start, label, short=True)
    return short if voice.period in ("year", "day") or label[:4] == before[:4] else f"{short}\n{label[:4]}"


def _cycle_alternative(frame: pd.DataFrame, names: list[str], voice: Voice) -> str:
    points = []
    for i in picked(len(frame), _TEXT_POINTS):
        row = frame.iloc[i]
        cells = {s: voice.under_threshold() if pd.isna(row[s]) else voice.number(row[s]) for s in STATES}
        points.append(voice.say("retention.cycle.point", name=names[i], **cells))
    return voice.say("retention.cycle.alt", points="; ".join(points))


def _check(result: object, kind: type, made_by: str) -> None:
    if not isinstance(result, kind):
        raise ArgumentError(f"a {type(result).__name__} cannot be drawn here; give the result of {made_by}")


def _voice(activity: Activity, lang: str, voice: Voice | None) -> Voice:
    return voice or voice_for(activity, lang, Disclosure(1))


def _safe(frame: pd.DataFrame, voice: Voice) -> pd.DataFrame:
    """A retention frame without the cells that rest on too few customers."""
    counts = [name for name in ("cohort_size", "at_risk", "active") if name in frame]
    told = ["active", "retention", "retention_ci_lower", "retention_ci_upper"]
    return voice.disclosure.frame(frame, counts=counts, told=told)
