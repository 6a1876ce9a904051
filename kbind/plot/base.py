"""What all figures share: the look, labels that do not collide, and the text alternative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import AutoLocator, FuncFormatter, MaxNLocator

from kbind.errors import ArgumentError, check_choice, plain
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.messages import LANGUAGES
from kbind.text.voice import DASH, Voice
from kbind.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

INK, MUTE, LINE, HATCH = "#1f2a37", "#5b6673", "#e3e7ec", "#c3cad2"
BLUE, MIDBLUE, PALE, SAND = "#0b5cad", "#7fa5d0", "#cfe0f2", "#c8762b"
SAND_TEXT, MIDBLUE_TEXT = "#a85f1c", "#476f9e"
#: For groups: told apart in grey and by the colour-blind (Okabe and Ito).
GROUPS = (BLUE, SAND, "#2f7f5f", "#7a5195", "#5b6673", "#b3446c")

#: What ticks may be off a whole per cent by, as they are computed.
_WHOLE = 1e-6

#: Width of a figure in inches: the page is 46 rem wide, so type keeps its size; and of the one for a phone.
WIDTH, NARROW = 6.6, 3.65
#: Typographic points below which nobody reads on a page, and on a phone: there 11 pixels.
_SMALLEST, _SMALLEST_NARROW = 9.5, 8.75
#: Signs in a line on a phone: of a name beside a line or row, of what is written in the figure, and below all of it.
_NAME, _NOTE, _AXIS = 20, 24, 50
#: Height of a row of customers at risk, in points, and how far below the axis the first one stands.
_ROW, _BELOW = 13, 44
#: The house's typeface, and what stands in for signs that it has not.
FONT = ("Kbind Sans", "DejaVu Sans")

_WIDTH: ContextVar[float] = ContextVar("width", default=WIDTH)

_STYLE: dict[Any, Any] = {
    "font.family": list(FONT),
    "font.size": 10.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTE,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTE,
    "ytick.color": MUTE,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "kbind",
}

#: What a figure says, and the same with its numbers as text.
_SAID: WeakKeyDictionary[Axes, tuple[str, str]] = WeakKeyDictionary()


class _Drawing(Figure):
    """A figure whose text alternative stands for it where no picture can."""

    def __repr__(self) -> str:
        said = [f"[Figure: {_SAID[ax][1]}]" for ax in self.axes if ax in _SAID]
        return "\n".join(said) or super().__repr__()


@contextmanager
def house_style() -> Iterator[None]:
    """The look of all figures, for as long as they are drawn; global settings stay as they were.

    Only these settings are put back: the first figure of a notebook turns on that figures are shown, which has to stay.
    """
    _register_font()
    before = {name: mpl.rcParams[name] for name in _STYLE}
    mpl.rcParams.update(_STYLE)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


@cache
def _register_font() -> None:
    """Let Matplotlib know the typeface, once."""
    for font in files("kbind.plot").joinpath("fonts").iterdir():
        if font.name.endswith(".ttf"):
            with as_file(font) as path:
                fontManager.addfont(str(path))


@contextmanager
def narrow() -> Iterator[None]:
    """Figures that are drawn meanwhile are for a phone."""
    token = _WIDTH.set(NARROW)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def is_narrow() -> bool:
    """Whether a figure for a phone is being drawn."""
    return _WIDTH.get() < WIDTH


def check_axes(ax: object) -> Axes:
    """Refuse what cannot be drawn on."""
    if isinstance(ax, Axes):
        return ax
    raise ArgumentError(f"ax of type {type(ax).__name__} is not possible; allowed: Axes of Matplotlib, or None")


def one_group(by: Sequence[str], what: str) -> None:
    """Refuse groups where a picture shows all customers together."""
    if by:
        raise ArgumentError(f"{what} shows one group at a time; this result is split by {', '.join(by)}")


@dataclass
class Canvas:
    """What a caller says of a picture: where it is drawn, in which language or by whom it is told, and its title.

    Parameters
    ----------
    ax : Axes or None
        None: a new figure of the page's width.
    lang : {"de", "en"}
        Language, where no voice is given.
    title : str or None
        Such as the finding; None: what is drawn.
    voice : Voice or None
        Of a page, with its threshold; None: one of the language that hides nothing.
    """

    ax: Axes | None
    lang: str
    title: str | None
    voice: Voice | None

    def speaker(self, **words: str) -> Voice:
        """Who speaks; `words` are what the result calls customers, periods and the like, as `Voice` takes them."""
        check_choice("lang", self.lang, LANGUAGES)
        if self.voice is None:
            self.voice = Voice(self.lang, disclosure=Disclosure(1), **words)
        if isinstance(self.voice, Voice):
            return self.voice
        raise ArgumentError(f"voice of type {type(self.voice).__name__} is not possible; allowed: a Voice, or None")

    def axes(self, height: float) -> Axes:
        """The given Axes, or a new figure so many inches high."""
        if self.ax is not None:
            return check_axes(self.ax)
        figure = plt.figure(figsize=(_WIDTH.get(), height), layout="constrained", FigureClass=_Drawing)
        return figure.add_subplot()

    def heading(self, key: str, voice: Voice, **values: Any) -> str:
        """The given title, or the sentence of that key."""
        return voice.say(key, **values) if self.title is None else self.title


def finish(ax: Axes, title: str, alternative: str, *, width: int = 60, note: int = _NOTE) -> Axes:
    """Give a figure its finding, or what it shows, and its text alternative.

    Parameters
    ----------
    ax : Axes
    title, alternative : str
    width, note : int
        Signs in a line of the title, and on a phone of what is written in the figure.
    """
    ax.set_title(fill(title, width), loc="left", pad=12, parse_math=False)
    ax.tick_params(labelfontfamily=list(FONT))  # labels are made when they are first needed
    for text in ax.texts:
        text.set_fontsize(max(text.get_fontsize(), _SMALLEST_NARROW if is_narrow() else _SMALLEST))
    if is_narrow():
        _fit_phone(ax, note)
    _SAID[ax] = (title, alternative)
    return ax


def _fit_phone(ax: Axes, note: int) -> None:
    """Break what is written in and below a narrow figure into lines, and have few ticks."""
    for text in ax.texts:
        if max(map(len, text.get_text().split("\n"))) > note:
            text.set_text(fill(text.get_text(), note, break_long_words=False))
    names = [line for label in ax.get_yticklabels() for line in label.get_text().split("\n")]
    ax.set_xlabel(fill(ax.get_xlabel(), _AXIS - max(map(len, names), default=0)))
    if type(ax.xaxis.get_major_locator()) in (AutoLocator, MaxNLocator):
        ax.xaxis.set_major_locator(MaxNLocator(3))
    below = [label.get_text() for label in ax.get_xticklabels()]
    room = _AXIS // max(len(below), 1)
    if any(len(line) > room for label in below for line in label.split("\n")):
        broken = [fill(label.replace("\n", " "), max(room, 5), break_long_words=False) for label in below]
        ax.set_xticks(ax.get_xticks(), broken, fontsize=_SMALLEST_NARROW)


def alt_text(ax: Axes) -> str:
    """The text alternative of a figure made by kbind, with its numbers.

    Parameters
    ----------
    ax : Axes
        As a `plot_...` function returned it.

    Returns
    -------
    str

    Raises
    ------
    ArgumentError
        The Axes was not drawn by kbind.
    """
    return _said(ax)[1]


def finding(ax: Axes) -> str:
    """The finding of a figure made by kbind: its title on one line."""
    return _said(ax)[0]


def _said(ax: Axes) -> tuple[str, str]:
    try:
        return _SAID[check_axes(ax)]
    except KeyError:
        raise ArgumentError("ax was not drawn by a kbind figure, so it has no text alternative") from None


def value_axis(ax: Axes, write: Callable[[float], str], axis: Literal["x", "y"] = "y") -> None:
    """Values on an axis, as the language writes them, with a grid across."""
    (ax.yaxis if axis == "y" else ax.xaxis).set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    ax.grid(axis=axis)
    ax.spines["bottom"].set_visible(False)


def percent_axis(ax: Axes, voice: Voice) -> None:
    """Shares on the vertical axis; with a decimal where a tick is no whole per cent."""
    value_axis(ax, lambda y: voice.percent(y, 0 if abs(100 * y - round(100 * y)) < _WHOLE else 1))


def row_axis(ax: Axes, labels: Sequence[str], write: Callable[[float], str], top: float = -0.6, most: int = 2) -> None:
    """Rows from the top down, named on the left, on a phone in so many lines at most; values below, with a grid."""
    ax.set_yticks(range(len(labels)), [_in_lines(label, most) for label in labels], parse_math=False)
    ax.set_ylim(max(len(labels), 1) - 0.4, top)
    value_axis(ax, write, "x")


def age_ticks(ax: Axes, last: int, first: int = 0) -> None:
    """Whole ages on the horizontal axis, the first and the last one among them."""
    step = next(s for s in (1, 2, 3, 6, 12, 24, 60, 120, 365, 1000, 10**6) if last <= 5 * s)
    ticks = [tick for tick in range(first, last, step) if last - tick >= 0.6 * step]
    ax.set_xticks([*ticks, last])
    ax.tick_params(axis="x", pad=7)


def period_ticks(ax: Axes, voice: Voice, starts: Sequence[date], labels: Sequence[str]) -> None:
    """Names of at most twelve periods, of five on a phone, on the horizontal axis, the year below where it begins."""
    shown = range(0, len(starts), max(1, math.ceil(len(starts) / (5 if is_narrow() else 12))))
    names, year = [], ""
    for i in shown:
        short = voice.period_name(starts[i], labels[i], short=True)
        names.append(short if voice.period in ("year", "day") or labels[i][:4] == year else f"{short}\n{labels[i][:4]}")
        year = labels[i][:4]
    ax.set_xticks(list(shown), names)
    ax.set_xlim(-0.6, len(starts) - 0.4)


def spread(positions: Sequence[float], gap: float, low: float = -math.inf, high: float = math.inf) -> list[float]:
    """The positions, pushed apart to at least `gap`, in the same order and if possible between `low` and `high`.

    >>> spread([0.0, 0.1, 5.0], 1.0)
    [-0.45, 0.55, 5.0]
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    blocks: list[list[float]] = []  # each: sum of wished starts, size
    for rank, i in enumerate(order):
        blocks.append([positions[i] - rank * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, size = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += size
    result = [0.0] * len(positions)
    rank = 0
    for total, size in blocks:
        for _ in range(int(size)):
            result[order[rank]] = round(total / size + rank * gap, 12)
            rank += 1
    if result and max(result) > high:
        result = [y - (max(result) - high) for y in result]
    if result and min(result) < low:
        result = [y + (low - min(result)) for y in result]
    return result


def group_names(groups: Sequence[tuple[Any, ...]]) -> list[str]:
    """What groups are called beside their lines: short, and no two alike."""
    names = [plain(", ".join(_value_name(value) for value in values), 40) for values in groups]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: i + 1].count(name)})" for i, name in enumerate(names)
    ]


def _value_name(value: object) -> str:
    """A whole number is written without a decimal: columns with missing values hold floats."""
    if value is None:
        return DASH
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def group_line(position: int) -> dict[str, Any]:
    """Colour and style of a group's line."""
    return {"color": GROUPS[position % len(GROUPS)], "linestyle": ("-", "--", ":")[position // len(GROUPS) % 3]}


def groups_of(frame: pd.DataFrame, by: int) -> list[tuple[str, dict[str, Any], pd.DataFrame]]:
    """Name, colour and style of line, and rows of each group; the first columns are those of the groups."""
    code = frame.groupby(list(frame.columns[:by]), sort=False, dropna=False).ngroup()
    parts = [frame[code == g] for g in code.unique()]
    names = group_names([tuple(None if value != value else value for value in part.iloc[0, :by]) for part in parts])
    return [(name, group_line(g), part) for g, (name, part) in enumerate(zip(names, parts, strict=True))]


def name_lines(
    ax: Axes, ends: Sequence[tuple[float, str, str]], low: float, high: float, *, gap: float = 0.065
) -> None:
    """Write names to the right of where lines end: height, name and colour of each."""
    lines = max((_in_lines(name).count("\n") + 1 for _, name, _ in ends), default=1)
    heights = spread([end[0] for end in ends], gap * (1 + 0.75 * (lines - 1)) * (high - low), low, high)
    for (_, name, colour), y in zip(ends, heights, strict=True):
        write_beside(ax, name, y, color=colour)


def stacked_bars(
    ax: Axes, gains: dict[str, Any], losses: dict[str, Any], looks: dict[str, tuple[str, str]], names: dict[str, str]
) -> None:
    """Heights by kind on top of each other, losses below the line; looks: colours of the bars and of their names."""
    ends = []
    for kinds, sign in ((gains, 1), (losses, -1)):
        base = np.zeros(len(next(iter(kinds.values()))))
        for kind, height in kinds.items():
            ax.bar(np.arange(len(base)), sign * height, bottom=base, color=looks[kind][0], width=0.72)
            middle = float(base[-1] + sign * height[-1] / 2) if len(base) else 0.0
            ends.append((middle, names[kind], looks[kind][1]))
            base = base + sign * height
    ax.axhline(0, color=INK, linewidth=0.8)
    name_lines(ax, ends, *ax.get_ylim(), gap=0.08)


def _in_lines(name: str, most: int = 2) -> str:
    """A name as it fits beside a line or a row: on a phone in so many lines at most."""
    if not is_narrow() or len(name) <= _NAME:
        return name
    lines = wrap(name, _NAME, break_long_words=False)
    return "\n".join(lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][: _NAME - 1] + "…"])


def write_at(ax: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **look: Any) -> None:
    """Write so many typographic points off a place; what comes from data is no formula."""
    ax.annotate(text, at, xytext=offset, textcoords="offset points", parse_math=False, **look)


def write_beside(ax: Axes, text: str, y: float, **look: Any) -> None:
    """Write to the right of the axes, at a height."""
    write_at(ax, _in_lines(text), (1.0, y), (6, 0), xycoords=("axes fraction", "data"), va="center", **look)


def risk_rows(
    ax: Axes, ticks: Sequence[float], counts: Sequence[Sequence[float] | Any], names: Sequence[str], voice: Voice
) -> None:
    """Customers under observation at ticks of the axis, one row a group below it; without names, one row of all."""
    # ages across, shares of the axes up
    small: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "fontsize": 8, "va": "center"}
    left = ax.get_xlim()[0]
    write_at(ax, voice.say("figure.at_risk"), (left, 0), (-22, -_BELOW), ha="right", color=MUTE, **small)
    for g, row in enumerate(counts):
        y = -_BELOW - _ROW * (g + bool(names))
        if names:
            write_at(ax, names[g], (left, 0), (-22, y), ha="right", color=group_line(g)["color"], **small)
        for tick, n in zip(ticks, row, strict=True):
            write_at(ax, voice.count(int(n)), (tick, 0), (0, y), ha="center", color=INK, **small)


def told_limits(facts: Sequence[Fact], voice: Voice) -> tuple[Floats, ...]:
    """Values of facts and their lower and upper limits, as the voice tells them; NaN where it does not."""
    told = [voice.disclosure.fact(fact) for fact in facts]
    rows = [(fact.value, fact.ci_lower, fact.ci_upper) if fact.known else (np.nan,) * 3 for fact in told]
    return tuple(np.array(rows, dtype=float).reshape(-1, 3).T)


def limits_of(frame: pd.DataFrame, name: str) -> tuple[Floats, ...]:
    """A column, and the lower and upper limits of its intervals."""
    return tuple(frame[f"{name}{end}"].to_numpy(dtype=float) for end in ("", "_ci_lower", "_ci_upper"))
