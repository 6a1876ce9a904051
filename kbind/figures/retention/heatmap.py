"""The cohort heat map."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from kbind.errors import ArgumentError
from kbind.estimates.retention import CohortRetention, cohort_retention, lifecycle
from kbind.figures.base import (
    BLUE,
    HATCH,
    INK,
    finish,
    house_style,
    new_axes,
)
from kbind.figures.retention.common import TEXT_POINTS, check_result, safe_frame, voice_of
from kbind.story.base import picked
from kbind.story.retention import NUMBERED_COHORTS, RetentionStory, require_one_group, tell
from kbind.wording import Voice

_MOST_COHORTS = 130  # rows that a heat map can show
_SHADES = sns.light_palette(BLUE, as_cmap=True)


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
    check_result(result, CohortRetention, "kb.cohort_retention(...)")
    if result.kind == "bracket":
        raise ArgumentError("a bracket has one number a cohort; a heat map needs kind='on' or 'on_or_after'")
    require_one_group(result.activity)
    speak = voice_of(result.activity, lang, voice)
    calendar = result.activity.calendar
    frame = safe_frame(result.to_frame(), speak)
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
    for i in picked(len(names), TEXT_POINTS):
        cells = [
            "·" if h else voice.percent(x) for x, h in zip(share[i], hidden[i], strict=True) if h or np.isfinite(x)
        ]
        shares = ", ".join(cells[j] for j in picked(len(cells), 12))
        rows.append(voice.say("retention.cohort.row", name=names[i], n=sizes[i], shares=shares))
    return voice.say("retention.cohort.alt", rows="; ".join(rows))
