"""Numbers between marks: what they are can be read from a text, and nothing of it is seen."""

from __future__ import annotations

from datetime import date

from kbind.text.facts import Fact
from kbind.text.marks import drawing, marked_again, plain, plainly, references, shown, writing
from kbind.text.messages import upper_first
from kbind.text.tables import Table
from kbind.text.voice import Voice

STAYED = Fact("kept at 12", 0.834, "share", "d", 0.81, 0.86, n=900)


def _said(voice: Voice) -> str:
    return f"{voice.tell(STAYED, 'per100')} of 100, {voice.number(3.25, 2)}, {voice.day(date(2024, 5, 31))}"


def test_without_a_scribe_nothing_is_marked() -> None:
    assert _said(Voice("en")) == "84 of 100, 3.25, May 31, 2024"


def test_every_number_says_what_it_is() -> None:
    with writing() as scribe:
        text = _said(Voice("en"))
    assert plain(text) == "84 of 100, 3.25, May 31, 2024"
    assert references(text) == {
        plain(text): [["kept%20at%2012:per100", "84"], ["number.3.25:2", "3.25"], ["day.2024-05-31:", "May 31, 2024"]]
    }
    assert [fact["value"] for fact in scribe.numbers.values()] == [3.25, "2024-05-31"]
    assert marked_again([plain(text)], references(text), "") == [text]


def test_a_number_inside_of_another_is_not_taken_for_it() -> None:
    with writing():
        text = f"Of 183 and 1.83, {Voice('en').number(83)}."
    assert marked_again(plain(text), references(text), "") == text


def test_a_sentence_begins_with_a_capital_behind_its_mark() -> None:
    with writing():
        text = upper_first(Voice("en").tell(STAYED, "interval"))
    assert plain(text) == "Between 81 and 86%"


def test_what_holds_no_number_has_no_mark() -> None:
    with writing():
        assert Voice("en").number(float("nan")) == "–"


def test_figures_remember_instead() -> None:
    voice = Voice("de")
    with writing() as scribe:
        label = shown([voice.number(7), "b"])
        with drawing():
            assert voice.tell(STAYED) == "84\u00a0%"
        assert "\ue000" in voice.number(8)
    assert label == ["7", "b"]
    assert scribe.drawn == {"7": "number.7:0", "84\u00a0%": "kept%20at%2012:"}


def test_blocks_without_marks_are_the_blocks_themselves() -> None:
    table = Table("t", ["a"], [["1"]])
    assert plainly(table) is table
    with writing():
        marked = Table("t", ["a"], [[Voice("en").number(1)]])
    assert plainly(marked) == table
