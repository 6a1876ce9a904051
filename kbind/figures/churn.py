"""How well one could tell who leaves, and what moves the predicted risk."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from kbind.errors import check_choice, check_count
from kbind.estimates.churn import Backtest, Drivers
from kbind.facts.churn import GROUPS, hidden_groups, lever, lever_name, lever_values, levers, risk_of
from kbind.figures.base import (
    BLUE,
    INK,
    LINE,
    MIDBLUE,
    MUTE,
    SAND,
    SAND_TEXT,
    finish,
    house_style,
    new_axes,
    percent_axis,
    speaker,
)
from kbind.wording import Fact, Voice

#: Height of a driver's row, and of everything around the rows, in inches.
_ROW, _AROUND = 0.5, 0.9


def plot_backtest(
    result: Backtest,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
    kind: str = "groups",
    model: str | None = None,
    groups: int = GROUPS,
) -> Axes:
    """Share who left by predicted risk, with intervals, against what had been predicted.

    Parameters
    ----------
    result : Backtest
        Of one model or more.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    kind : {"groups", "calibration"}
        Bars of groups of equal size by risk, with what had been predicted as dots; or what happened over what had been
        predicted, which would lie on the dashed line.
    model : str, optional
        None: the first one.
    groups : int
        Of equal size by predicted risk.
    """
    check_choice("kind", kind, ("groups", "calibration"))
    speak = speaker(lang, voice, action="stay")
    risks = result.by_risk(model, groups=check_count("groups", groups, 2, 1000))
    hidden = hidden_groups(risks, speak.disclosure)
    facts = [risk_of(result, risks, int(group), hidden) for group in risks["group"]]
    with house_style():
        axes = new_axes(ax, 3.1)
        (_bars if kind == "groups" else _calibration)(axes, risks, facts, speak)
        points = []
        for group, fact, chance in zip(risks["group"], facts, risks["predicted"], strict=True):
            shares = {"share": speak.tell(fact), "predicted": speak.percent(chance, 1)}
            points.append(speak.say("churn.risk.point", group=speak.number(int(group)), **shares))
        title = speak.say(f"figure.backtest.{kind}") if title is None else title
        return finish(axes, title, speak.say("churn.risk.alt", points="; ".join(points)))


def _bars(axes: Axes, risks: pd.DataFrame, facts: list[Fact], voice: Voice) -> None:
    shown = np.array([voice.disclosure.fact(fact).known for fact in facts], dtype=bool)
    x = risks["group"].to_numpy()
    high = np.where(shown, risks["share"], 0.0)
    axes.bar(x[:-1], high[:-1], color=MIDBLUE, width=0.72)
    axes.bar(x[-1:], high[-1:], color=BLUE, width=0.72)
    lower, upper = (risks[f"share_ci_{side}"].to_numpy(dtype=float) for side in ("lower", "upper"))
    axes.vlines(x[shown], lower[shown], upper[shown], color=INK, linewidth=0.8)
    predicted = risks["predicted"].to_numpy(dtype=float)
    axes.plot(x, predicted, "o", color=SAND, markersize=5)
    top = float(np.nanmax(np.concatenate([upper[shown], predicted])))
    axes.annotate(voice.say("churn.risk.predicted"), (x[-1], predicted[-1]), xytext=(-9, 0), ha="right",
                  va="center", textcoords="offset points", color=SAND_TEXT)  # fmt: skip
    if shown[-1]:
        axes.annotate(voice.tell(facts[-1]), (x[-1], upper[-1]), xytext=(0, 3), ha="center",
                      textcoords="offset points", color=BLUE)  # fmt: skip
    axes.set(xlim=(x[0] - 0.6, x[-1] + 0.6), ylim=(0, top * 1.14), xlabel=voice.say("churn.risk.axis"))
    axes.set_xticks([x[0], x[-1]], [voice.say("churn.risk.lowest"), voice.say("churn.risk.highest")])
    percent_axis(axes, voice)


def _calibration(axes: Axes, risks: pd.DataFrame, facts: list[Fact], voice: Voice) -> None:
    shown = np.array([voice.disclosure.fact(fact).known for fact in facts], dtype=bool)
    x = risks["predicted"].to_numpy(dtype=float)[shown]
    share, low, high = (risks[f"share{end}"].to_numpy(dtype=float)[shown] for end in ("", "_ci_lower", "_ci_upper"))
    top = 1.05 * float(np.nanmax(np.concatenate([x, high, [0.01]])))
    axes.plot([0, top], [0, top], color=MUTE, linewidth=1, linestyle="--")
    axes.vlines(x, low, high, color=MIDBLUE, linewidth=1.4)
    axes.plot(x, share, "o", color=BLUE, markersize=6)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel=voice.say("figure.calibration.x"))
    axes.set_ylabel(voice.say("figure.calibration.y"))
    percent_axis(axes, voice)
    axes.xaxis.set_major_formatter(axes.yaxis.get_major_formatter())


def plot_drivers(
    result: Drivers,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    title: str | None = None,
    voice: Voice | None = None,
) -> Axes:
    """By how much each group of like features moves the predicted risk, with intervals, the strongest on top.

    Parameters
    ----------
    result : Drivers
        The eight strongest are shown.
    ax : Axes, optional
        Where to draw; default a new figure.
    lang : {"de", "en"}
        Language of title and labels.
    title : str, optional
        Such as the finding; default what is drawn.
    voice : Voice, optional
        Of a page, with its threshold; default: `lang`, nothing hidden.
    """
    seen, rows = result.snapshots, levers(result)
    speak = speaker(lang, voice, customer=seen.provenance.customer, action="stay")
    facts = [lever(result, row) for _, row in rows.iterrows()]
    names, points = [], []
    with house_style():
        axes = new_axes(ax, _AROUND + _ROW * max(len(rows), 1))
        for y, ((_, row), fact) in enumerate(zip(rows.iterrows(), facts, strict=True)):
            axes.barh(y, fact.value, height=0.5, color=MIDBLUE)
            axes.hlines(y, fact.ci_lower, fact.ci_upper, color=INK, linewidth=0.9)
            name, values = lever_name(seen, speak, row["feature"], row["with"]), lever_values(seen, speak, row)
            axes.annotate(values, (fact.ci_upper, y), xytext=(5, 0), textcoords="offset points", va="center",
                          color=MUTE, fontsize=8.5, parse_math=False)  # fmt: skip
            names.append(fill(name, 34))
            words = {"feature": name, "effect": speak.number(100 * fact.value, 1), "values": values}
            points.append(speak.say("churn.driver.point" if values else "churn.driver.point.short", **words))
        axes.set_yticks(range(len(names)), names, parse_math=False)
        furthest = max((fact.ci_upper for fact in facts), default=0.1)
        # values stand to the right of the bars
        axes.set(ylim=(max(len(names), 1) - 0.4, -0.6), xlim=(0, furthest * 1.75))
        axes.set_xlabel(speak.say("churn.driver.axis"), loc="left")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: speak.number(100 * v, 0 if furthest > 0.05 else 1)))
        ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= furthest * 1.05]
        axes.set_xticks(ticks)
        axes.grid(axis="x", color=LINE)
        axes.spines["bottom"].set_visible(False)
        title = speak.say("figure.drivers") if title is None else title
        return finish(axes, title, speak.say("churn.drivers.alt", points="; ".join(points)))
