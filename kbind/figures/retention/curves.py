"""Retention curves by age, of all customers or by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.errors import ArgumentError, plain
from kbind.estimates.retention import CohortRetention, cohort_retention, lifecycle
from kbind.figures.base import (
    BLUE,
    GROUPS,
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
from kbind.figures.retention.common import TEXT_POINTS, check_result, safe_frame, voice_of
from kbind.story.base import picked
from kbind.story.retention import tell
from kbind.wording import DASH, Fact, Voice

_SOLID_GROUP = 0.1  # share of a group that must have lived an age for it to be drawn


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
    check_result(on, CohortRetention, "kb.cohort_retention(...)")
    if on.kind != "on":
        raise ArgumentError(f"the first curve is of kind 'on', not {on.kind!r}; a bracket has no curve")
    if on_or_after is not None:
        check_result(on_or_after, CohortRetention, "kb.cohort_retention(...)")
    speak = voice_of(on.activity, lang, voice)
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
    frame = safe_frame(on.pooled(), voice)
    frame = frame[frame["age"] <= max(story.last_age, 1)]
    ages = frame["age"].to_numpy()
    band = frame[["retention_ci_lower", "retention_ci_upper"]].to_numpy(dtype=float)
    ax.fill_between(ages, band[:, 0], band[:, 1], where=ages > 0, color=PALE, linewidth=0)
    ax.plot(ages, frame["retention"], color=BLUE, linewidth=2)
    low = _floor(float(np.nanmin(band)) if np.isfinite(band).any() else 0.0)
    upper = None
    if ever is not None:
        upper = safe_frame(ever.pooled(), voice)
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


def _group_names(groups: Sequence[tuple[Any, ...]]) -> list[str]:
    """What the groups are called beside their lines: short, and no two alike."""
    names = [plain(", ".join(DASH if v is None else str(v) for v in values), 40) for values in groups]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: i + 1].count(name)})" for i, name in enumerate(names)
    ]


def _curves_by_group(on: CohortRetention, ax: Axes, voice: Voice) -> Axes:
    by = list(on.activity.by)
    frame = safe_frame(on.pooled(), voice)
    names = _group_names(on.activity.groups)
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
