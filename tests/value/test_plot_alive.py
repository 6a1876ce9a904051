"""Pictures of expected against actual purchases."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest

import kbind as kb
from kbind.plot.base import alt_text, narrow
from kbind.value.purchase_model import Alive


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_course_is_dashed_where_the_model_did_not_know(fits: dict[str, Alive]) -> None:
    ax = fits["bg_nbd"].plot()
    assert [line.get_linestyle() for line in ax.lines[:3]] == ["-", "-", "--"]
    assert "39: 2,494 expected, 2,457 actual" in alt_text(ax)
    assert "78: 4,161 expected, 4,339 actual" in alt_text(ax)
    assert " ".join(ax.get_title(loc="left").split()).startswith(
        "Repeat purchases so far, expected and actual, by weeks"
    )
    german = fits["bg_nbd"].plot(lang="de")
    assert "78: 4.161 erwartet, 4.339 eingetreten" in alt_text(german)
    with narrow():
        small = fits["bg_nbd"].plot(lang="de")
    small.figure.canvas.draw()


def test_course_without_a_hold_out_is_one_line(cdnow: kb.Dataset) -> None:
    ax = kb.alive(cdnow, unit="month").plot()
    assert [line.get_linestyle() for line in ax.lines] == ["-", "-"]
    assert "known to the model up to 18" in alt_text(ax)


def test_holdout_is_drawn_by_class(fits: dict[str, Alive], cdnow: kb.Dataset) -> None:
    ax = fits["pareto_nbd"].plot(kind="holdout")
    assert len(ax.patches) == 16
    assert "7+: 6.40 expected, 6.36 actual" in alt_text(ax)
    assert "erwartet" in alt_text(fits["pareto_nbd"].plot(kind="holdout", lang="de"))
    with pytest.raises(kb.ArgumentError, match="did you mean 'holdout'"):
        fits["pareto_nbd"].plot(kind="hold_out")
    with pytest.raises(kb.NotEnoughData, match="give calibration_end="):
        kb.alive(cdnow).plot(kind="holdout")
