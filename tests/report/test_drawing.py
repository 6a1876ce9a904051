"""Figures as drawings in a page: text that can be read, colours of the page, ids of their own."""

from __future__ import annotations

import re
from importlib.resources import files

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from seaborn.utils import relative_luminance

import kbind as kb
from kbind.errors import ReportError
from kbind.plot.base import FONT, NARROW, finish, is_narrow, narrow
from kbind.report.blocks import Picture
from kbind.report.drawing import NAMES
from kbind.report.pictures import picture_of

CSS = files("kbind.report").joinpath("templates", "page.css").read_text(encoding="utf-8")
#: Names of colours that text has, and that marks have.
TEXT = ("ink", "mute", "blue", "sand-text", "midblue-text", "green", "violet", "rose", "accent", "made")
MARKS = ("blue", "midblue", "sand", "green", "violet", "rose")


@pytest.fixture(scope="module")
def curve() -> kb.SurvivalCurve:
    return kb.survival_curve(kb.durations(kb.datasets.load_saas()))


@pytest.fixture(scope="module")
def picture(curve: kb.SurvivalCurve) -> Picture:
    return picture_of(lambda: curve.plot(marks=[12], title="A finding"), "How to read it.")


def _colours(scheme: str) -> dict[str, str]:
    """Colours of the page by name, in a scheme."""
    light, dark = (block.partition("}")[0] for block in CSS.split(":root {")[1:3])
    text = light + (dark if scheme == "dark" else "")
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", text))


def _contrast(one: str, other: str) -> float:
    high, low = sorted((relative_luminance(to_rgb(colour)) + 0.05 for colour in (one, other)), reverse=True)
    return float(high / low)


def test_numbers_of_a_picture_are_text(picture: Picture, curve: kb.SurvivalCurve) -> None:
    share = f"{curve.at([12])['survival'].iloc[0]:.1%}"
    for drawing in picture.drawings:
        texts = [text.get_text() for text in BeautifulSoup(drawing, "html.parser").find_all("text")]
        assert {share, "0%", "100%", "12"} <= set(texts)
        assert "A finding" not in texts  # it is the heading
    assert (picture.heading, picture.caption) == ("A finding", "How to read it.")


def test_a_drawing_brings_nothing_but_itself(picture: Picture) -> None:
    for drawing, kind, width in zip(picture.drawings, ("wide", "slim"), (634, 350), strict=True):
        root = BeautifulSoup(drawing, "html.parser").svg
        assert (root["class"], int(root["width"])) == ([kind], width)
        assert not root.find_all(["style", "metadata", "image", "script", "title"])
        assert "://" not in drawing
        assert "font-family" not in drawing
        assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r"url\(#\w+\)|href=\"#\w+\"", "", drawing))


def test_ids_are_used_and_like_no_others(picture: Picture, curve: kb.SurvivalCurve) -> None:
    other = picture_of(lambda: curve.plot(marks=[24], title="Another"), "c")
    seen: list[str] = []
    for drawing in (*picture.drawings, *other.drawings):
        ids = re.findall(r' id="([^"]+)"', drawing)
        assert set(ids) == set(re.findall(r'(?:url\(|href=")#([^)"]+)', drawing))
        seen += ids
    assert len(seen) == len(set(seen)) > 0


def test_a_drawing_is_the_same_every_time(picture: Picture, curve: kb.SurvivalCurve) -> None:
    before = plt.get_fignums()
    assert picture == picture_of(lambda: curve.plot(marks=[12], title="A finding"), "How to read it.")
    assert plt.get_fignums() == before


def test_names_from_data_cannot_become_markup() -> None:
    def draw() -> Axes:
        ax = plt.figure().add_subplot()
        ax.text(0, 0, '</svg><script>alert("1")</script> #1f2a37', parse_math=False)
        return finish(ax, "t", "a")

    for drawing in picture_of(draw, "c").drawings:
        parsed = BeautifulSoup(drawing, "html.parser")
        assert not parsed.find_all("script")
        assert '</svg><script>alert("1")</script>#1f2a37' in re.sub(r"\s", "", parsed.get_text())


def test_hatching_keeps_its_colours() -> None:
    def draw() -> Axes:
        ax = plt.figure().add_subplot()
        ax.bar([0], [1], facecolor="white", edgecolor="#c3cad2", hatch="////")
        return finish(ax, "t", "a")

    pattern = BeautifulSoup(picture_of(draw, "c").drawings[0], "html.parser").pattern
    assert pattern.rect["fill"] == "var(--paper)"
    assert "var(--hatch)" in str(pattern.path)


@pytest.mark.parametrize("period", ["month", "quarter"])
def test_a_heat_map_is_drawn_in_shades_of_the_page(period: str) -> None:
    cohorts = kb.cohort_retention(kb.activity(kb.datasets.load_saas(), period=period))
    for drawing in picture_of(lambda: cohorts.plot(), "c").drawings:
        assert "<image" not in drawing
        shades = re.findall(r"color-mix\(in srgb,var\(--blue\) (\d+)%,var\(--shade\)\)", drawing)
        assert len(shades) > 60
        assert max(map(int, shades)) > 80


def test_a_figure_without_a_text_alternative_is_refused() -> None:
    with pytest.raises(ReportError, match="no text alternative"):
        picture_of(lambda: finish(plt.figure().add_subplot(), "t", " "), "c")
    plt.close("all")


def test_a_figure_for_a_phone_is_narrow_and_breaks_its_lines() -> None:
    data = kb.datasets.load_saas()
    with narrow():
        assert is_narrow()
        ax = kb.cohort_retention(kb.activity(data)).plot(kind="curves")
        figure = ax.get_figure(root=True)
        assert figure is not None
        assert figure.get_size_inches()[0] == NARROW
        assert all(len(line) <= 24 for text in ax.texts for line in text.get_text().split("\n"))
    assert not is_narrow()
    plt.close("all")


def test_figures_are_in_the_typeface_of_the_page(curve: kb.SurvivalCurve) -> None:
    ax = curve.plot()
    ax.get_figure(root=True).canvas.draw()  # type: ignore[union-attr]
    labels = [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.title]
    assert {label.get_fontfamily()[0] for label in labels} == {FONT[0]}
    assert '"Kbind Sans"' in CSS
    plt.close("all")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_from_the_ground(scheme: str) -> None:
    colours = _colours(scheme) | ({"paper": "#ffffff"} if scheme == "light" else {})
    assert set(NAMES.values()) <= set(colours)
    assert {name: _contrast(colours[name], colours["paper"]) for name in TEXT if
            _contrast(colours[name], colours["paper"]) < 4.5} == {}  # fmt: skip
    assert all(_contrast(colours[name], colours["paper"]) > 2.3 for name in MARKS)
    assert all(_contrast(colours["ink"], colours[ground]) > 4.5 for ground in ("wash", "pale", "shade"))


def test_light_colours_of_the_page_are_those_of_the_figures() -> None:
    colours = _colours("light")
    for code, name in NAMES.items():
        if name not in ("mute", "line", "paper"):  # the page's own are close
            assert colours[name] == code
