"""What goes with leaving: attributes that stand out, segments of the lost, and the reasons that are stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kbind.contrasts.contrasts import Contrasts
from kbind.estimate.estimate import Estimate
from kbind.facts.contrasts import ContrastFacts
from kbind.facts.names import Names
from kbind.plot.base import Canvas, finish
from kbind.plot.rows import Row, draw_rows, points_of, ratio_axis
from kbind.reasons.by_type import ReasonsByType
from kbind.segments.segmentation import Segmentation
from kbind.text.facts import Fact
from kbind.text.voice import Voice


def plot_contrasts(result: Contrasts, canvas: Canvas, *, names: Names | None = None) -> Axes:
    """How much more or less often customers with an attribute leave: points with their intervals, 1 is no difference.

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
    rows = []
    for place in facts.places:
        own, first = result.comparisons[place], facts.raw(place).value if facts.adjusted else np.nan
        rows.append(_row(names.pair(own.attribute, own.level), facts.effect(place), speak, first))
    axes = draw_rows(canvas, rows, speak.number, line=1)
    ratio_axis(axes, rows, speak)
    below = [speak.say(f"segments.contrast.axis_{facts.kind}")]
    below += [speak.say("figure.contrasts.ring")] if facts.adjusted else []
    axes.set_xlabel("\n".join(below))
    text = speak.say("segments.contrast.alt", points=points_of(rows, speak) or speak.say("segments.contrast.none"))
    return finish(axes, canvas.heading(f"figure.contrasts.{facts.kind}", speak), text, width=46)


def plot_segments(result: Segmentation, canvas: Canvas) -> Axes:
    """Share who left, of all customers who fall in each segment of the lost; the line is that of all customers."""
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


def _row(label: str, fact: Fact, voice: Voice, first: float = float("nan")) -> Row:
    """A fact as a row, without a mark where it may not be told."""
    said, span = voice.tell(fact), voice.tell(fact, "range")
    if not voice.disclosure.fact(fact).known:
        return Row(label, np.nan, np.nan, np.nan, said, span)
    return Row(label, fact.value, fact.ci_lower, fact.ci_upper, said, span, first)
