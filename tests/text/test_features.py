from __future__ import annotations

import pandas as pd
import pytest

import kbind as kb
from kbind.churn.snapshots.snapshot_table import Feature
from kbind.facts.features import feature_name
from kbind.text.messages import LANGUAGES
from simulations.company import simulate_saas


def example(scenario: str) -> tuple[Feature, ...]:
    data = simulate_saas(200, scenario=scenario)
    return kb.snapshots(data, as_of="2024-06-01").meanings


@pytest.mark.parametrize("scenario", ["baseline", "b2c"])
def test_feature_name_tells_every_feature_apart_in_both_languages(scenario: str) -> None:
    meanings = example(scenario)
    for lang in LANGUAGES:
        names = [feature_name(one, lang) for one in meanings]
        assert len(set(names)) == len(names)
        assert all(name[0].isupper() and "{" not in name for name in names)


def test_feature_name_knows_the_attributes_of_telco(telco: kb.Dataset) -> None:
    meanings = kb.snapshots(telco).meanings
    german = [feature_name(one, "de") for one in meanings]
    assert len(set(german)) == len(german) == 19
    assert "Monate als Kunde" in german
    assert "Zahlungsart" in german


@pytest.mark.parametrize(
    ("feature", "german", "english"),
    [
        (
            Feature("x", "count", "events", level="login", window=30),
            "Anmeldungen in den letzten 30 Tagen",
            "Logins in the last 30 days",
        ),
        (Feature("x", "trend", "events", window=30), None, "Events: the last 30 days compared with the last 90"),
        (Feature("x", "days_since", "tickets"), "Tage seit dem letzten Support-Ticket", None),
        (Feature("x", "mean", "feedback", "score", "nps", 90), "Mittlerer Wert bei NPS in den letzten 90 Tagen", None),
        (Feature("x", "change", "subscriptions", "mrr", window=90), "Preis im Monat: Veränderung in 90 Tagen", None),
        (Feature("x", "left", "contacts", level="ours", window=90), None,
         "Contacts on our side who left in the last 90 days"),
        (Feature("x", "attribute", "customers", "favourite_colour"), "Favourite colour", "Favourite colour"),
    ],
)  # fmt: skip
def test_feature_name_in_words(feature: Feature, german: str | None, english: str | None) -> None:
    for lang, wanted in (("de", german), ("en", english)):
        if wanted is not None:
            assert feature_name(feature, lang) == wanted


def test_feature_name_keeps_the_words_of_the_data_harmless() -> None:
    events = pd.DataFrame(
        {
            "customer_id": [1, 1, 1],
            "timestamp": ["2024-01-01", "2024-01-02", "2024-01-09"],
            "kind": ["\u202e{days}\n", "{0}", "{0}"],
        }
    )
    found = kb.snapshots(kb.open_dataset({"events": events}), as_of="2024-01-05")
    names = [feature_name(one, "de") for one in found.meanings]
    assert "Ereignisse „{0}“ in den letzten 30 Tagen" in names
    assert "Ereignisse „{days}“ in den letzten 30 Tagen" in names
