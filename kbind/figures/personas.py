"""How many of those stay who fit each persona."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from kbind.errors import NotEnoughData, check_kind
from kbind.estimates.personas import PersonaEvaluation
from kbind.estimates.refinement import Refinement
from kbind.facts.personas import fit, held, in_order, with_range
from kbind.figures.base import BLUE, INK, LINE, MUTE, SAND, SAND_TEXT, finish, house_style, new_axes, speaker
from kbind.wording import Fact, Voice, named

#: Height of a persona's row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.42, 1.0

_Row = tuple[str, Fact, str, str]


def plot_personas(
    result: PersonaEvaluation,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    refinement: Refinement | None = None,
) -> Axes:
    """Retention of those who fit, one row a persona with its interval; a changed persona old and new.

    Parameters
    ----------
    result : PersonaEvaluation
        Of one persona or more.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    refinement : Refinement, optional
        Of a persona, confirmed on customers that nothing was chosen on: its old and its new version are shown too.
    """
    speak = speaker(lang, voice, customer=result.members.lives.provenance.customer, action="stay")
    rows = [(named(persona.name), fit(result, persona.name), BLUE, BLUE) for persona in in_order(result)]
    snapshot = result.members.snapshot
    if refinement is not None:
        check_kind("refinement", refinement, Refinement, "kb.refine_persona(...)")
        rows += _versions(refinement, speak, snapshot=snapshot)
    every = fit(result)
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * len(rows))
        if speak.disclosure.fact(every).known:
            axes.axvline(every.value, color=MUTE, linewidth=1, linestyle="--")
            label = speak.say("personas.figure.all", share=speak.tell(every))
            axes.annotate(label, (every.value, -0.75), xytext=(4, 0), textcoords="offset points", color=MUTE,
                          fontsize=8.5, va="center")  # fmt: skip
        points = _rows(axes, rows, speak, snapshot=snapshot)
        if refinement is not None:
            axes.axhline(len(rows) - 2.6, color=LINE, linewidth=1)
        title = speak.say("figure.personas") if title is None else title
        return finish(axes, title, speak.say("personas.figure.alt", all=speak.tell(every), points=points))


def plot_refinement(
    result: Refinement,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
) -> Axes:
    """Retention of those who match the old and the new persona, on customers that nothing was chosen on.

    Parameters
    ----------
    result : Refinement
        With edits that were confirmed.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.

    Raises
    ------
    NotEnoughData
        No edit was confirmed, so that there is no new version to compare with.
    """
    if result.held_out is None:
        raise NotEnoughData(f"there is no new version of {result.persona.name!r} to draw: {result.reason}")
    speak = speaker(lang, voice, customer=result.provenance.customer, action="stay")
    with house_style():
        axes = new_axes(ax, _AROUND + 2 * _ROW)
        points = _rows(axes, _versions(result, speak, snapshot=not result.rate), speak, snapshot=not result.rate)
        title = speak.say("figure.refinement", name=named(result.persona.name)) if title is None else title
        return finish(axes, title, f"{title}. {points}.")


def _versions(refinement: Refinement, voice: Voice, *, snapshot: bool) -> list[_Row]:
    """Rows of the old and the new version."""
    if refinement.held_out is None:
        raise NotEnoughData(f"there is no new version of {refinement.persona.name!r} to draw: {refinement.reason}")
    name = named(refinement.persona.name)
    return [
        (voice.say(f"personas.figure.{v}", name=name), held(refinement, v, snapshot=snapshot), SAND, SAND_TEXT)
        for v in ("old", "new")
    ]


def _rows(axes: Axes, rows: Sequence[_Row], voice: Voice, *, snapshot: bool) -> str:
    """Draw the rows; returns their numbers as text."""
    for y, (_, fact, colour, ink) in enumerate(rows):
        _row(axes, y, voice.disclosure.fact(fact), voice.tell(fact), colour, ink)
    axes.set_yticks(range(len(rows)), [label for label, _, _, _ in rows])
    axes.tick_params(axis="y", labelcolor=INK)
    xlabel = voice.say(f"personas.figure.axis_{'snapshot' if snapshot else 'horizon'}")
    axes.set(ylim=(len(rows) - 0.5, -1.0), xlim=(0, 1.04), xlabel=xlabel)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: voice.percent(x)))
    axes.grid(axis="x", color=LINE)
    axes.spines["bottom"].set_visible(False)
    return "; ".join(f"{label}: {with_range(fact, voice)}" for label, fact, _, _ in rows)


def _row(axes: Axes, y: int, fact: Fact, told: str, colour: str, ink: str) -> None:
    if not fact.known:
        axes.annotate(told, (0.02, y), va="center", color=MUTE, fontsize=8.5)
        return
    axes.hlines(y, fact.ci_lower, fact.ci_upper, color=colour, linewidth=2)
    axes.plot([fact.value], [y], "o", color=colour, markersize=6)
    axes.annotate(told, (fact.value, y), xytext=(0, 5), textcoords="offset points", ha="center", va="bottom",
                  color=ink, fontsize=8.5)  # fmt: skip
