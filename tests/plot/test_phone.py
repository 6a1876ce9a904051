"""Pictures on a phone: nothing is written over anything else."""

from collections.abc import Iterator
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes

import kbind as kb
from kbind.churn.risk_drivers import Drivers
from kbind.plot.base import WIDTH, house_style, narrow, row_axis
from kbind.report.chapters.periods import PeriodStory, period_story


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def moved() -> Drivers:
    """Three features of which each moves the risk."""
    rng = np.random.default_rng(0)
    moods = {name: rng.normal(size=400).round(3) for name in ("anger", "noise", "worry")}
    gone = rng.random(400) < 1 / (1 + np.exp(1 - 1.5 * sum(moods.values())))
    frame = pd.DataFrame({"customer_id": range(400), "gone": gone.astype(int), **moods})
    data = kb.open_dataset({"customers": frame}, roles={"churned": "gone"})
    return kb.drivers(kb.ChurnClassifier(), kb.snapshots(data), folds=2)


def collisions(axes: Axes, parts: list[Artist]) -> list[str]:
    """What lies over something else, on the canvas."""
    axes.figure.canvas.draw()
    boxes = [(part, part.get_window_extent()) for part in parts]
    return [
        f"{one} over {other}"
        for (one, first), (other, second) in combinations(boxes, 2)
        if first.width and second.width and first.overlaps(second)
    ]


@pytest.mark.parametrize("lines", [1, 3])
def test_names_bars_and_values_of_drivers_lie_apart(
    lines: int, monkeypatch: pytest.MonkeyPatch, moved: Drivers
) -> None:
    monkeypatch.setattr("kbind.plot.churn.lever_name", lambda *_: "Events in the last 30 days " * lines)
    monkeypatch.setattr("kbind.plot.churn.lever_values", lambda *_: "high risk: 20 days; low: 295 days " * lines)
    with narrow():
        axes = moved.plot()
    assert axes.figure.get_size_inches()[0] < WIDTH
    assert not collisions(axes, [*axes.texts, *axes.patches])


def counted(start: list[int], lost: list[int]) -> PeriodStory:
    """Counts by month of 2024."""
    firsts = pd.date_range("2024-01-01", periods=len(start), freq="MS")
    frame = pd.DataFrame({"customers_start": start, "lost": lost}).assign(
        gained=0, first_day=firsts, last_day=firsts + pd.offsets.MonthEnd(0)
    )
    return period_story(kb.open_dataset({"periods": frame}))


def test_values_of_periods_lie_apart_from_their_mean() -> None:
    """The last month is as the mean of those before it."""
    story = counted([500] * 8, [40] * 8)
    with narrow():
        axes = story.rates.plot(stands_out=2)
    assert [text.get_text() for text in axes.texts][:2] == ["92.0%", "92.0%"]
    assert not collisions(axes, [*axes.texts, *axes.xaxis.get_ticklabels()])


def test_values_of_periods_stay_above_the_axis_where_few_stay() -> None:
    story = counted([100, 90, 80], [60, 55, 50])
    with narrow():
        axes = story.rates.plot(**story.curve_figure())
    axes.figure.canvas.draw()
    bottom = axes.get_window_extent().y0
    written = [text for text in axes.texts if text.get_text().endswith("%")]
    assert written
    assert all(text.get_window_extent().y0 >= bottom for text in written)


@pytest.mark.parametrize(("most", "whole"), [(2, False), (3, True)])
def test_names_of_rows_are_cut_after_so_many_lines(most: int, whole: bool) -> None:
    with house_style(), narrow():
        _, axes = plt.subplots()
        row_axis(axes, ["Branche: Dienstleistung, Monatsbudget niedrig"], str, most=most)
    (label,) = axes.get_yticklabels()
    assert label.get_text().endswith("niedrig") == whole
    assert label.get_text().endswith("…") != whole
