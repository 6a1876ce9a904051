"""What goes with leaving: attributes that stand out, segments of the lost, and the reasons that are stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.contrasts.contrasts import Contrasts
from kbind.estimate.estimate import Estimate
from kbind.facts.contrasts import ContrastFacts
from kbind.facts.names import Names
from kbind.plot.base import (
    BLUE,
    HATCH,
    INK,
    LINE,
    MIDBLUE,
    MIDBLUE_TEXT,
    MUTE,
    SAND,
    SAND_TEXT,
    Canvas,
    finish,
    is_narrow,
    row_axis,
    write_beside,
)
from kbind.plot.rows import Row, draw_rows, points_of
from kbind.reasons.by_type import ReasonsByType
from kbind.segments.segmentation import Segmentation
from kbind.text.facts import Fact
from kbind.text.voice import Voice

#: Height of a row, of a bar, and of everything around them, in inches; signs up to which a label is written in full.
_ROW, _BAR, _AROUND, _LABEL = 0.34, 0.55, 0.95, 40
#: On a phone: height of a row and of a bar, in inches, and lines in which a group is named.
_ROW_NARROW, _BAR_NARROW, _LINES = 0.44, 0.84, 4


@dataclass(frozen=True)
class GroupBar:
    """One group in a picture of losses.

    Parameters
    ----------
    name : str
    share, customers : float
        Of the loss, and of the customers lost.
    said, said_customers : str
        The two in words.
    """

    name: str
    share: float
    customers: float
    said: str
    said_customers: str


def plot_contrasts(result: Contrasts, canvas: Canvas, *, names: Names | None = None) -> Axes:
    """How many customers with an attribute have left, and how many of all others: a dot each, a row an attribute.

    Parameters
    ----------
    result : Contrasts
        Of those that hold up the ten largest are shown; of all, where none does.
    canvas : Canvas
    names : Names, optional
        What columns and levels are called; default as in the data.
    """
    speak = canvas.speaker(customer=result.profiles.provenance.customer, action="stay")
    facts = ContrastFacts(result, speak.disclosure)
    names = names or Names(speak, flags=facts.flags)
    found = set(facts.findings["place"].astype(int))
    row = _ROW_NARROW if is_narrow() else _ROW
    axes, labels, points = canvas.axes(_AROUND + row * max(len(facts.places), 1)), [], []
    for y, place in enumerate(facts.places):
        here, rest = facts.left_of(place)
        labels.append(names.pair(*facts.level(place)))
        more = facts.effect(place).value > 1
        colour, ink = ((SAND, SAND_TEXT) if more else (BLUE, BLUE)) if place in found else (MUTE, MUTE)
        said = {"pair": labels[-1], "here": speak.tell(here, "whole"), "rest": speak.tell(rest, "whole")}
        points.append(speak.say("segments.contrast.point_shares", **said))
        at, other = (speak.disclosure.fact(fact) for fact in (here, rest))
        if at.known and other.known:
            axes.plot([other.value, at.value], [y, y], color=LINE, linewidth=3, zorder=1)
            axes.plot([other.value], [y], "o", color=MIDBLUE_TEXT if colour == MUTE else HATCH, markersize=6, zorder=2)
            axes.plot([at.value], [y], "o", color=colour, markersize=7, zorder=3, clip_on=False)
        beside = {"here": said["here"], "rest": said["rest"]}
        write_beside(axes, speak.say("segments.contrast.beside", **beside), y, color=ink, fontsize=8.5)
    row_axis(axes, [label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…" for label in labels], speak.percent)
    axes.set(xlim=(0, None), xlabel=speak.say("segments.contrast.axis"))
    text = speak.say("segments.contrast.alt", points="; ".join(points) or speak.say("segments.contrast.none"))
    return finish(axes, canvas.heading(f"figure.contrasts.{facts.kind}", speak), text, width=46)


def plot_segments(result: Segmentation, canvas: Canvas, *, bars: Sequence[GroupBar] = (), money: bool = False) -> Axes:
    """What each segment costs; without bars the share who left, of all customers who fall in each segment.

    Parameters
    ----------
    result : Segmentation
    canvas : Canvas
    bars : sequence of GroupBar
        The largest loss first; needs a voice that has told what they say.
    money : bool
        Whether the bars are of revenue, beside which the share of the customers is worth a mark.
    """
    if bars:
        return _plot_losses(canvas, bars, canvas.speaker(), money=money)
    speak = canvas.speaker(customer=result.roster.provenance.customer, action="stay")
    profile, everybody = result.profile(), float(result.roster.left.mean())
    rows, said = [], (profile.definition, profile.conf_level)
    for _, row in profile.to_frame().iterrows():
        churn = Estimate.in_row(row, "churn_rate", *said, n=int(row["n"]), count=int(row["n_churned"]))
        rows.append(_row(str(row["name"]), Fact.of(f"segment.{row['segment']}", churn), speak))
    axes = draw_rows(canvas, rows, speak.percent, line=everybody)
    axes.set_xlabel(speak.say("figure.segments.axis", share=speak.percent(everybody, 1)))
    text = speak.say("figure.segments.alt", points=points_of(rows, speak), share=speak.percent(everybody, 1))
    return finish(axes, canvas.heading("figure.segments", speak), text, width=40)


def _plot_losses(canvas: Canvas, bars: Sequence[GroupBar], speak: Voice, *, money: bool) -> Axes:
    """Bars of the loss by group, each with a mark where its share of the lost customers lies."""
    axes = canvas.axes(_AROUND + (_BAR_NARROW if is_narrow() else _BAR) * len(bars))
    for y, bar in enumerate(bars):
        axes.barh(y, bar.share, height=0.5, color=SAND if y == 0 else MIDBLUE)
        if money:
            axes.plot([bar.customers] * 2, [y - 0.38, y + 0.38], color=INK, linewidth=2)
        write_beside(axes, bar.said, y, color=SAND_TEXT if y == 0 else MIDBLUE_TEXT, fontsize=8.5)
    row_axis(axes, [fill(bar.name, _LABEL // 2 + 6) for bar in bars], speak.percent, most=_LINES)
    kind = "money" if money else "customers"
    axes.set(xlim=(0, None), xlabel=speak.say(f"segments.losses.axis_{kind}"))
    points = "; ".join(
        speak.say(f"segments.losses.point_{kind}", name=bar.name, said=bar.said, customers=bar.said_customers)
        for bar in bars
    )
    text = speak.say("segments.losses.alt", points=points)
    return finish(axes, canvas.heading("figure.segments", speak), text, width=52)


def plot_reasons(result: ReasonsByType, canvas: Canvas) -> Axes:
    """How closely the reasons stated go with each attribute: Cramér's V with its interval, 0 is not at all."""
    speak = canvas.speaker(customer=result.leavers.provenance.customer, action="stay")
    frame: pd.DataFrame = result.association()
    rows = []
    for _, row in frame.iterrows():
        value, lower, upper = (float(row[f"cramers_v{end}"]) for end in ("", "_ci_lower", "_ci_upper"))
        span = speak.catalogue.text("range", low=speak.number(lower, 2), high=speak.number(upper, 2))
        rows.append(Row(str(row["attribute"]), value, lower, upper, speak.number(value, 2), span))
    axes = draw_rows(canvas, rows, lambda x: speak.number(x, 2))
    axes.set(xlim=(-0.01, None), xlabel=speak.say("figure.reasons.axis"))
    text = speak.say("figure.reasons.alt", points=points_of(rows, speak))
    return finish(axes, canvas.heading("figure.reasons", speak), text, width=46)


def _row(label: str, fact: Fact, voice: Voice) -> Row:
    """A fact as a row, without a mark where it may not be told."""
    said, span = voice.tell(fact), voice.tell(fact, "range")
    shown = voice.disclosure.fact(fact)
    limits = (shown.value, shown.ci_lower, shown.ci_upper) if shown.known else (np.nan,) * 3
    return Row(label, *limits, said, span)
