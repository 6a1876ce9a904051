"""How many of those stay who fit each persona."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from kbind.errors import NotEnoughData, check_choice, check_kind
from kbind.facts.personas import fit, held, in_order, persona_name, with_range
from kbind.personas.drift import PersonaDrift
from kbind.personas.evaluation import PersonaEvaluation
from kbind.personas.refinement.refinement import Refinement
from kbind.plot.base import (
    BLUE,
    INK,
    LINE,
    MUTE,
    SAND,
    SAND_TEXT,
    Canvas,
    finish,
    groups_of,
    limits_of,
    name_lines,
    percent_axis,
    period_ticks,
    row_axis,
    write_at,
    write_beside,
)
from kbind.text.facts import Fact
from kbind.text.tables import picked
from kbind.text.voice import Voice

#: Height of a persona's row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.42, 1.0

_Row = tuple[str, Fact, str, str]


def plot_personas(result: PersonaEvaluation, canvas: Canvas, *, refinement: Refinement | None = None) -> Axes:
    """Retention of those who fit, one row a persona with its interval; a changed persona old and new.

    Parameters
    ----------
    result : PersonaEvaluation
        Of one persona or more.
    canvas : Canvas
    refinement : Refinement, optional
        Of a persona, confirmed on customers that nothing was chosen on: its old and its new version are shown too.
    """
    speak = canvas.speaker(customer=result.members.lives.provenance.customer, action="stay")
    rows = [(persona_name(persona, speak), fit(result, persona.name), BLUE, BLUE) for persona in in_order(result)]
    snapshot, every = result.members.snapshot, fit(result)
    if refinement is not None:
        check_kind("refinement", refinement, Refinement, "kb.refine_persona(...)")
        rows += _versions(refinement, speak)
    axes = canvas.axes(_AROUND + _ROW * len(rows))
    level = speak.disclosure.fact(every)
    if level.known:
        axes.axvline(level.value, color=MUTE, linewidth=1, linestyle="--")
        label = speak.say("personas.figure.all", share=speak.tell(every))
        write_at(axes, label, (level.value, -0.75), (4, 0), color=MUTE, fontsize=8.5, va="center")
    points = _rows(axes, rows, speak, snapshot=snapshot)
    if refinement is not None:
        axes.axhline(len(rows) - 2.6, color=LINE, linewidth=1)
    title = canvas.heading("figure.personas", speak)
    return finish(axes, title, speak.say("personas.figure.alt", all=speak.tell(every), points=points))


def plot_refinement(result: Refinement, canvas: Canvas) -> Axes:
    """Retention of those who match the old and the new persona, on customers that nothing was chosen on.

    Raises
    ------
    NotEnoughData
        No edit was confirmed, so that there is no new version to compare with.
    """
    speak = canvas.speaker(customer=result.provenance.customer, action="stay")
    rows = _versions(result, speak)
    axes = canvas.axes(_AROUND + 2 * _ROW)
    points = _rows(axes, rows, speak, snapshot=not result.rate)
    title = canvas.heading("figure.refinement", speak, name=persona_name(result.persona, speak))
    return finish(axes, title, f"{title}. {points}.")


def plot_drift(result: PersonaDrift, canvas: Canvas, *, measure: str = "arrivals") -> Axes:
    """Share by period of those who fit, one line a persona; a dotted line where the level changed.

    Parameters
    ----------
    result : PersonaDrift
        Of one persona or more.
    canvas : Canvas
    measure : {"arrivals", "retention"}
        Of those who came in a period the share who fit; or of those who fit the share who stayed.
    """
    check_choice("measure", measure, ("arrivals", "retention"))
    periods = result.periods
    speak = canvas.speaker(customer=periods.provenance.customer, action="stay", period=periods.period)
    frame, changes = result.to_frame().query("measure == @measure"), result.changes().query("measure == @measure")
    axes = canvas.axes(3.2)
    ends, points = [], []
    for name, line, part in groups_of(frame, 1):
        x, (share, lower, upper) = np.arange(len(part)), limits_of(part, "share")
        axes.fill_between(x, lower, upper, alpha=0.13, linewidth=0, color=line["color"])
        axes.plot(x, share, linewidth=1.8, **line)
        for label in changes.loc[changes["persona"] == name, "period"]:
            axes.axvline(periods.labels.index(label), color=line["color"], linewidth=1, linestyle=":")
        ends.append((float(share[np.isfinite(share)][-1:].sum()), name, line["color"]))
        told = [f"{part['period'].iloc[i]} {speak.percent(share[i])}" for i in picked(len(part), 8)]
        points.append(f"{name}: {', '.join(told)}")
    axes.set_ylim(0, 1.02)
    period_ticks(axes, speak, periods.starts, periods.labels)
    percent_axis(axes, speak)
    name_lines(axes, ends, 0.0, 1.02)
    title = canvas.heading(f"figure.drift.{measure}", speak)
    return finish(axes, title, speak.say("personas.drift.alt", points="; ".join(points), n=speak.number(len(changes))))


def _versions(refinement: Refinement, voice: Voice) -> list[_Row]:
    """Rows of the old and the new version."""
    if refinement.held_out is None:
        raise NotEnoughData(f"there is no new version of {refinement.persona.name!r} to draw: {refinement.reason}")
    name = persona_name(refinement.persona, voice)
    return [
        (voice.say(f"personas.figure.{v}", name=name), held(refinement, v), SAND, SAND_TEXT) for v in ("old", "new")
    ]


def _rows(axes: Axes, rows: Sequence[_Row], voice: Voice, *, snapshot: bool) -> str:
    """Draw the rows; returns their numbers as text."""
    for y, (_, fact, colour, ink) in enumerate(rows):
        told = voice.tell(fact)
        shown = voice.disclosure.fact(fact)
        if not shown.known:
            write_beside(axes, told, y, color=MUTE, fontsize=8.5)
            continue
        axes.hlines(y, shown.ci_lower, shown.ci_upper, color=colour, linewidth=2)
        axes.plot([shown.value], [y], "o", color=colour, markersize=6)
        write_beside(axes, told, y, color=ink, fontsize=8.5)
    row_axis(axes, [label for label, _, _, _ in rows], voice.percent, top=-1.0)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlim=(0, 1.04), xlabel=voice.say(f"personas.figure.axis_{'snapshot' if snapshot else 'horizon'}"))
    return "; ".join(f"{label}: {with_range(fact, voice)}" for label, fact, _, _ in rows)
