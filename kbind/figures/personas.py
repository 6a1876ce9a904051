"""How many of those stay who fit each persona."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from kbind.figures.base import BLUE, INK, LINE, MUTE, SAND, SAND_TEXT, finish, house_style, new_axes
from kbind.story.personas import PersonasStory
from kbind.wording import Fact, named

#: Height of a persona's row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.42, 1.0


def plot_personas(story: PersonasStory, *, ax: Axes | None = None) -> Axes:
    """Retention of those who fit, one row a persona with its interval; a changed persona old and new.

    Parameters
    ----------
    story : PersonasStory
        Of one persona or more.
    ax : Axes, optional
        Where to draw; default a new figure.
    """
    voice = story.voice
    rows = [(named(persona.name), story.fit(persona.name), BLUE, BLUE) for persona in story.personas]
    if story.chosen is not None:
        name = named(story.chosen.persona.name)
        rows += [
            (story.text(f"personas.figure.{v}", name=name), story.held(v), SAND, SAND_TEXT) for v in ("old", "new")
        ]
    every = story.fit()
    voice.note(every, *(fact for _, fact, _, _ in rows))
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * len(rows))
        if voice.disclosure.fact(every).known:
            axes.axvline(every.value, color=MUTE, linewidth=1, linestyle="--")
            label = story.text("personas.figure.all", share=voice.tell(every))
            axes.annotate(label, (every.value, -0.75), xytext=(4, 0), textcoords="offset points", color=MUTE,
                          fontsize=8.5, va="center")  # fmt: skip
        for y, (_, fact, colour, ink) in enumerate(rows):
            _row(axes, y, voice.disclosure.fact(fact), voice.tell(fact), colour, ink)
        if story.chosen is not None:
            axes.axhline(len(rows) - 2.6, color=LINE, linewidth=1)
        axes.set_yticks(range(len(rows)), [label for label, _, _, _ in rows])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set(ylim=(len(rows) - 0.5, -1.0), xlim=(0, 1.04), xlabel=story.text(f"personas.figure.axis_{story.how}"))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: voice.percent(x)))
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        points = "; ".join(f"{label}: {story.with_range(fact)}" for label, fact, _, _ in rows)
        text = story.text("personas.figure.alt", all=voice.tell(every), points=points)
        return finish(axes, story.figure_title(), text)


def _row(axes: Axes, y: int, fact: Fact, told: str, colour: str, ink: str) -> None:
    if not fact.known:
        axes.annotate(told, (0.02, y), va="center", color=MUTE, fontsize=8.5)
        return
    axes.hlines(y, fact.ci_lower, fact.ci_upper, color=colour, linewidth=2)
    axes.plot([fact.value], [y], "o", color=colour, markersize=6)
    axes.annotate(told, (fact.value, y), xytext=(0, 5), textcoords="offset points", ha="center", va="bottom",
                  color=ink, fontsize=8.5)  # fmt: skip
