from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import kbind as kb
from kbind.plot.base import alt_text, house_style, spread
from kbind.report.chapters.retention import retention_story
from kbind.retention.activity import Activity


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def record(grocery: kb.Dataset) -> Activity:
    return kb.activity(grocery)


def _texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_titles_state_the_finding_in_both_languages(record: Activity) -> None:
    told = retention_story(record, lang="de")
    german = told.on.plot(**told.curve_figure())
    assert " ".join(german.get_title(loc="left").split()) == (
        "Neue kaufen seltener wieder ein: 62\u00a0% gegen 89\u00a0% im Folgemonat".replace("\u00a0", " ")
    )
    told = retention_story(record)
    english = told.cycle.plot(**told.cycle_figure())
    assert english.get_title(loc="left").startswith("Every month about 190 households stay away")
    assert {"new", "returned", "stayed", "stayed away"} <= set(_texts(english))


def test_text_alternatives_hold_the_numbers(record: Activity) -> None:
    on = kb.cohort_retention(record)
    curve = alt_text(on.plot(kind="curves"))
    assert "1: 84.0%" in curve
    heat = alt_text(on.plot(kind="heatmap"))
    assert "January 2017 (1,983): 89%, 90%" in heat
    cycle = alt_text(kb.lifecycle(record).plot())
    assert "February 2017: 1,763 stayed, 0 returned, 185 new, 220 stayed away" in cycle
    _, foreign = plt.subplots()
    with pytest.raises(kb.ArgumentError, match="not drawn by a kbind figure"):
        alt_text(foreign)


def test_life_cycle_names_its_bars_where_contracts_are_older_than_the_records() -> None:
    bars = kb.lifecycle(kb.datasets.load_saas()).plot()
    below = [tick.get_text() for tick in bars.get_xticklabels()]
    assert [text for text in below if "\n" in text] == ["Jan\n2022", "Jan\n2023", "Jan\n2024"]
    assert "customers per month. January 2022:" in alt_text(bars)


def test_curves_end_with_the_last_age_that_anybody_has_lived() -> None:
    data = kb.datasets.load_saas()
    for by in (None, "company_size"):
        curves = kb.cohort_retention(kb.activity(data, by=by)).plot(kind="curves")
        assert curves.get_xlim() == (0, 35)


def test_heat_map_leaves_unlived_cells_empty(toy: kb.Dataset) -> None:
    ax = kb.cohort_retention(kb.activity(toy)).plot()
    drawn = ax.collections[0].get_array()
    assert drawn is not None
    cells = np.ma.filled(drawn.astype(float), np.nan).reshape(2, 3)  # cohorts with a lived age: January, February
    np.testing.assert_allclose(cells, [[1 / 3, 2 / 3, 1 / 3], [0.5, 0.5, np.nan]])
    assert sorted(_texts(ax)) == ["33", "33", "50", "50", "67"]


def test_small_cells_are_a_dot_in_reports_only(toy: kb.Dataset) -> None:
    record = kb.activity(toy)
    safe = retention_story(record).voice
    ax = kb.cohort_retention(record).plot(voice=safe)
    assert not _texts(ax)
    assert len(ax.patches) == 5  # a hatched cell for every lived one
    assert "(under 5)" in ax.get_yticklabels()[0].get_text()
    assert not re.search(r"\d+%", alt_text(ax))
    bars = kb.lifecycle(record).plot(voice=safe)
    assert all(patch.get_height() == 0 for patch in bars.patches)
    assert "under 5 stayed" in alt_text(bars)
    curve = kb.cohort_retention(record).plot(kind="curves", voice=safe)
    assert not np.isfinite(curve.lines[0].get_ydata()[1:]).any()


def test_groups_are_lines_with_names(toy: kb.Dataset) -> None:
    on = kb.cohort_retention(kb.activity(toy, by="plan"))
    ax = on.plot(kind="curves")
    assert set(_texts(ax)) == {"l", "s", "–"}
    assert "(l)" in ax.get_title(loc="left")
    with pytest.raises(kb.ArgumentError, match="leave it out when there are groups"):
        on.plot(on_or_after=kb.cohort_retention(on.activity, kind="on_or_after"))
    for draw in (lambda: on.plot(kind="heatmap"), lambda: kb.lifecycle(on.activity).plot()):
        with pytest.raises(kb.ArgumentError, match="one group at a time"):
            draw()


def test_a_bracket_is_no_curve(toy: kb.Dataset) -> None:
    bracket = kb.cohort_retention(kb.activity(toy), bracket=(1, 2))
    for kind in ("curves", "heatmap"):
        with pytest.raises(kb.ArgumentError, match="bracket"):
            bracket.plot(kind=kind)


def test_two_curves_are_of_one_activity(record: Activity) -> None:
    on, ever = kb.cohort_retention(record), kb.cohort_retention(record, kind="on_or_after")
    with pytest.raises(kb.ArgumentError, match="the first curve is of kind 'on', the second of 'on_or_after'"):
        ever.plot(kind="curves", on_or_after=ever)
    other = kb.cohort_retention(kb.activity(kb.datasets.load_grocery(), period="quarter"), kind="on_or_after")
    with pytest.raises(kb.ArgumentError, match="made from different ones"):
        on.plot(kind="curves", on_or_after=other)
    with pytest.raises(kb.ArgumentError, match="on_or_after of type Activity is not possible"):
        on.plot(kind="curves", on_or_after=record)


def test_names_from_data_are_not_formulas(toy: kb.Dataset) -> None:
    customers = toy.table("customers").assign(plan="$\\frac{a$")
    data = kb.open_dataset({"events": toy.table("events"), "customers": customers})
    kb.cohort_retention(kb.activity(data, by="plan")).plot().figure.savefig(BytesIO())


def test_drawing_changes_no_settings_and_uses_the_given_axes(record: Activity) -> None:
    before = dict(mpl.rcParams)
    _, ax = plt.subplots()
    assert kb.cohort_retention(record).plot(ax) is ax
    assert dict(mpl.rcParams) == before


def test_what_a_backend_turns_on_while_the_first_figure_is_drawn_stays_on() -> None:
    """Inside a notebook the backend is loaded by the first figure, and says that figures are shown."""
    before = mpl.is_interactive()
    try:
        with house_style():
            mpl.interactive(not before)
        assert mpl.is_interactive() is not before
    finally:
        mpl.interactive(before)


def test_pictures_are_the_same_every_time(record: Activity) -> None:
    def picture() -> bytes:
        buffer = BytesIO()
        figure = kb.cohort_retention(record).plot().figure
        figure.savefig(buffer, metadata={"Software": None})
        return buffer.getvalue()

    assert picture() == picture()


@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("months", [1, 2, 30])
def test_every_period_and_length_can_be_drawn(period: str, months: int) -> None:
    rng = np.random.default_rng(0)
    days = rng.integers(0, 30 * months, 400)
    moments = pd.Timestamp("2022-01-01") + pd.to_timedelta(days, unit="D")
    frame = pd.DataFrame({"customer_id": rng.integers(0, 40, 400), "timestamp": moments})
    record = kb.activity(kb.open_dataset({"events": frame}), period=period)
    for lang in ("de", "en"):
        on, ever = kb.cohort_retention(record), kb.cohort_retention(record, kind="on_or_after")
        on.plot(kind="curves", on_or_after=ever, lang=lang)
        kb.lifecycle(record).plot(lang=lang)
        if record.calendar.size < 130:
            on.plot(lang=lang)
        plt.close("all")


def test_spread_keeps_order_gap_and_bounds() -> None:
    placed = spread([0.5, 0.5, 0.5, 0.1], 0.2, 0.0, 1.0)
    assert sorted(placed) == pytest.approx([0.1, 0.3, 0.5, 0.7])
    assert spread([0.95, 0.96], 0.1, 0.0, 1.0) == pytest.approx([0.9, 1.0])
    assert spread([], 1.0) == []
