"""A wrong argument is raised by every chapter; only a lack of data becomes a sentence."""

from typing import Any

import pandas as pd
import pytest

import kbind as kb
from kbind.datasets import load_telco
from kbind.report.chapters.churn import churn_story
from kbind.report.chapters.segments import segment_story
from kbind.survival.contact_loss import contact_loss


@pytest.fixture(scope="module")
def telco() -> kb.Dataset:
    return load_telco()


@pytest.fixture(scope="module")
def nobody_left() -> kb.Dataset:
    people = pd.DataFrame({"customer_id": [1, 2, 3], "contract": ["a", "b", "b"], "gone": [False] * 3})
    return kb.open_dataset({"customers": people}, roles={"churned": "gone"})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"acceptance": 5}, "acceptance=5 is no share"),
    ({"acceptance": 0}, "acceptance=0 is no share"),
    ({"budget": -1}, "budget=-1 is no amount"),
    ({"cost": "cheap"}, "cost='cheap' is no amount"),
    ({"offer": float("nan")}, "offer=nan is no amount"),
    ({"value": -5}, "value=-5 is no amount"),
    ({"horizon": "3 months"}, "horizon='3 months' is no length"),
    ({"horizon": "0D"}, "horizon='0D' leaves no window"),
    ({"lead": "soon"}, "lead='soon' is no length"),
]


def forecast(data: kb.Dataset, arguments: dict[str, Any]) -> None:
    times = {name: value for name, value in arguments.items() if name in ("lead", "horizon")}
    money = {name: value for name, value in arguments.items() if name not in times}
    kb.forecast_churn(data, campaign=kb.Campaign(**money), **times)


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_the_forecast_raises_wrong_arguments(telco: kb.Dataset, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        forecast(telco, arguments)


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_so_it_does_where_data_is_short(nobody_left: kb.Dataset, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        forecast(nobody_left, arguments)


def test_contrasts_raise_names_that_are_not_there(telco: kb.Dataset, nobody_left: kb.Dataset) -> None:
    for data in (telco, nobody_left):
        with pytest.raises(kb.ArgumentError, match="adjust='contracts' is no column of customers; did you mean"):
            kb.contrast(data, adjust=["contracts"])


def test_lack_of_data_is_a_sentence(nobody_left: kb.Dataset) -> None:
    found = kb.forecast_churn(nobody_left)
    assert "need" in found.why or "leave" in found.why or "nobody" in found.why
    assert "too few customers" in churn_story(found).finding()
    with pytest.raises(kb.NotEnoughData, match="nobody of 3 customers"):
        kb.contrast(nobody_left)
    assert "cannot be said" in segment_story(nobody_left, None, None, None).finding().lower()


def test_contacts_without_any_of_ours_are_a_lack_of_data() -> None:
    contracts = pd.DataFrame(
        {"customer_id": [1, 2, 3], "start": ["2023-01-01"] * 3, "end": ["2023-06-01", None, None], "plan": "basic"}
    )
    theirs = pd.DataFrame({"customer_id": [1], "contact_id": [1], "side": ["theirs"], "end": ["2023-03-01"]})
    data = kb.open_dataset({"subscriptions": contracts, "contacts": theirs}, as_of="2024-01-01")
    with pytest.raises(kb.NotEnoughData, match="no row of contacts has side='ours' yet"):
        contact_loss(data)
    after = {"lost": kb.After("contacts", "end", where={"side": "ours"})}
    with pytest.raises(kb.NotEnoughData, match="no row of contacts has side='ours' yet"):
        kb.hazard_model(data, after=after)
    with pytest.raises(kb.ArgumentError, match="did you mean 'theirs'"):
        kb.hazard_model(data, after={"lost": kb.After("contacts", "end", where={"side": "their"})})


def test_not_enough_data_is_no_wrong_argument() -> None:
    assert issubclass(kb.NotEnoughData, kb.KbindError)
    assert not issubclass(kb.NotEnoughData, kb.ArgumentError)
