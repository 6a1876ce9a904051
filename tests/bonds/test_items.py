"""Items of a file or a mapping, and what their mistakes are answered with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kbind as kb
from kbind.bonds.contexts import BONDS
from kbind.bonds.items import ready_items
from kbind.shipped import shipped


@pytest.fixture
def data() -> kb.Dataset:
    rows = [(1, "q1", 2, "2024-01-01"), (2, "q1", 6, "2024-01-01"), (3, "q1", 4, "2024-01-01"),
            (1, "q2", 7, "2024-01-01"), (2, "q2", 1, "2024-01-01"), (3, "q2", 3, "2024-01-01")]  # fmt: skip
    feedback = pd.DataFrame(rows, columns=["customer_id", "instrument", "score", "timestamp"])
    contracts = pd.DataFrame({"customer_id": [1, 2, 3], "start": "2023-01-01"})
    return kb.open_dataset({"subscriptions": contracts, "feedback": feedback}, as_of="2024-06-01")


def test_the_ready_items_ask_three_times_about_each_bond_in_both_languages() -> None:
    ready = ready_items()
    assert ready.scale == (1, 7)
    assert [item.instrument for item in ready.items] == [f"bond_{bond}_{k}" for bond in BONDS for k in (1, 2, 3)]
    for item in ready.items:
        assert set(item.text) == {"de", "en"}
        assert item.text["de"] != item.text["en"]
    assert "not yet validated in the field" in shipped("items", "bonding_items.yaml").read_text(encoding="utf-8")
    assert len({text for item in ready.items for text in item.text.values()}) == 36


def test_a_reversed_item_is_turned_round(data: kb.Dataset) -> None:
    items = {"value": ["q1", {"instrument": "q2", "reversed": True}]}
    found = kb.bonding_scores(data, items={"bonds": items, "scale": [1, 7]})
    assert found.answers.scores.tolist() == [[2, 1], [6, 7], [4, 5]]
    assert found.company.set_index("bond").loc["value", "mean"] == pytest.approx(25 / 6)
    with_data = kb.bonding_scores(data, items=items)
    assert with_data.answers.scale == (1, 7)  # lowest and highest answer


def test_a_file_of_items(data: kb.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("scale: [1, 7]\nbonds:\n  value:\n  - q1\n  - {instrument: q2, reversed: true}\n", encoding="utf-8")
    found = kb.bonding_scores(data, items=path)
    assert found.items["instrument"].tolist() == ["q1", "q2"]
    pd.testing.assert_frame_equal(found.frame, kb.bonding_scores(data, items=str(path)).frame)


def test_the_last_answers_count_and_people_of_a_customer_alike() -> None:
    rows = [(1, 1, "2022-01-01"), (1, 3, "2024-03-01"), (1, 6, "2024-03-20"), (2, 2, "2024-03-01"),
            (2, 7, "2024-07-01")]  # fmt: skip
    feedback = pd.DataFrame(rows, columns=["customer_id", "score", "timestamp"]).assign(instrument="bond_value_1")
    contracts = pd.DataFrame({"customer_id": [1, 2], "start": "2022-01-01"})
    data = kb.open_dataset({"subscriptions": contracts, "feedback": feedback}, as_of="2024-06-01")
    assert kb.bonding_scores(data).answers.scores.ravel().tolist() == [4.5, 2.0]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({"love": ["q1"]}, "items: 'love' is no bond; allowed: forced, lethargic"),
        ({"value": ["q3"]}, "items: instrument 'q3' is not in feedback; instruments: q1, q2"),
        ({"value": "q1"}, "items: value='q1' is no list of instruments"),
        ({"value": ["q1"], "forced": ["q1"]}, "items: instrument 'q1' is named twice"),
        ({"value": [{"instrument": "q1", "revesed": True}]}, "is no item; allowed: a name, or instrument, reversed"),
        ({"bonds": {"value": ["q1"]}, "scale": [7, 1]}, r"items: scale=\[7, 1\] is no scale"),
        ({"bonds": {"value": ["q1"]}, "scale": [1, 5]}, "feedback: 6 is no answer to 'q1'; allowed: its scale, 1 to 5"),
        ({"bonds": {"value": ["q1"]}, "points": [1, 5]}, "items: 'points' is not known; allowed: bonds, scale"),
        (3, "items=3 names no items"),
    ],
)
def test_mistakes_are_named(data: kb.Dataset, items: Any, message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.bonding_scores(data, items=items)


def test_a_missing_file_is_named(data: kb.Dataset) -> None:
    with pytest.raises(kb.DatasetError, match="nowhere.yaml: cannot be read"):
        kb.bonding_scores(data, items="nowhere.yaml")
