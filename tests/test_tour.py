"""The tour in the documentation runs, names what there is, and stays short."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import kbind as kb

TOUR = Path(__file__).parent.parent / "docs" / "tour.md"


@pytest.mark.filterwarnings("ignore")
def test_the_tour_runs() -> None:
    failed, tried = doctest.testfile(str(TOUR), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 20
    assert failed == 0


def test_each_stop_takes_at_most_three_lines() -> None:
    _, *stops = re.split(r"^## ", TOUR.read_text(), flags=re.MULTILINE)
    lines = [len(re.findall(r"^(?:>>>|\.\.\.)", stop, re.MULTILINE)) for stop in stops[:10]]
    assert len(lines) == 10
    assert max(lines) <= 3


def test_every_public_name_stands_in_the_tour() -> None:
    named = set(re.findall(r"\bkb\.(\w+)", TOUR.read_text()))
    assert set(kb.__all__) - named == {"Dataset"}
