from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

import kbind as kb
from kbind.personas.parts import Bonding, Mark, Revenue, Statement
from kbind.report.pages import Page

PERSONAS = Path(__file__).parents[2] / "data" / "personas"


def words(page: Page) -> str:
    body = re.sub(r"<style>.*?</style>", "", page.html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def company() -> kb.Dataset:
    starts = ["2023-01-10"] * 40
    people = pd.DataFrame(
        {"customer_id": [f"ID{k}" for k in range(40)], "goal": ["grow"] * 12 + ["rare"] * 3 + ["save"] * 25}
    )
    contracts = pd.DataFrame({
        "customer_id": people["customer_id"], "start": starts,
        "end": ["2023-05-01"] * 6 + [None] * 24 + ["2023-07-01"] * 10, "mrr": 100,
    })  # fmt: skip
    return kb.open_dataset({"customers": people, "subscriptions": contracts}, as_of="2024-07-01")


def persona(goal: str = "grow", **fields: object) -> kb.Persona:
    text = {"de": "Will wachsen", "en": "Wants to grow"}
    return kb.Persona(goal, 1, "Sales", "2026-01-01", text, (kb.Rule("goal", in_=(goal,), weight=1.5),), **fields)


def test_card_shows_what_is_measured_said_and_assumed_in_both_languages() -> None:
    who = persona(
        needs=(Statement({"de": "Berichte", "en": "Reports"}, Mark("said", 12, wording="show me")),),
        bonding=Bonding("value", "forced"),
        revenue=Revenue((200, None), "EUR", Mark("measured", 900, 310.25, 300, 320.5)),
    )
    found = kb.evaluate_personas(who, company())
    english, german = (words(who.card(found, lang=lang, threshold=1)) for lang in ("en", "de"))
    for part in (
        "Of 100 customers who fit, 50 stay for at least 12 months", "30.0% of the customers fit", "12 customers",
        "4 measured, 1 said, 2 assumed", "goal grow 1.5",
        "Reports In their words: “show me” Need said by 12 people asked",
        "mainly shared values, also lock-in Bond assumed", "€600",
        "from 200 EUR a month Revenue measured on 900 cases: 310.25 (300 to 320.5)",
    ):  # fmt: skip
        assert part in english
    for part in (
        "Von 100 Kunden, zu denen das passt, bleiben 50 mindestens 12 Monate", "30,0 % der Kunden passen",
        "4 gemessen, 1 gesagt, 2 angenommen", "goal grow 1,5", "Wortlaut: „show me“ Bedarf gesagt von 12 Befragten",
        "ab 200 EUR im Monat Umsatz gemessen an 900 Fällen: 310,25 (300 bis 320,5)",
    ):  # fmt: skip
        assert part in german.replace("\u00a0", " ")
    assert "ID1" not in english + german
    assert 'lang="en"' in who.card(found).html


def test_card_tells_nothing_of_few() -> None:
    who = persona("rare", evidence=(Statement("Paid 77", Mark("measured", 4, 77.7, 70, 80)),))
    found = kb.evaluate_personas(who, company())
    card = words(who.card(found, lang="en"))
    assert "Too few customers to say anything about this." in card
    assert "under 5" in card
    assert "measured, but on too few" in card
    assert not re.search(r"77\.7|on [1-4] cases|7\.5%|revenue a year that is kept", card)
    shown = words(who.card(found, lang="en", threshold=1))
    assert "7.5%" in shown
    assert "77.7" in shown


def test_card_without_data_says_that_nothing_was_measured() -> None:
    card = words(persona(negative=True).card(lang="en"))
    assert "Nothing on this page was measured." in card
    assert "Not for us: grow · version 1" in card
    assert "0 measured, 0 said, 1 assumed" in card


def test_card_says_that_example_data_is_made_up() -> None:
    who = kb.datasets.load_personas()[0]
    found = kb.evaluate_personas(who, kb.datasets.load_telco())
    english, german = (words(who.card(found, lang=lang)) for lang in ("en", "de"))
    assert "A telephone company (Example data: made up)" in english
    assert "IBM made this telephone company up" in english
    assert "(Beispieldaten, erfunden)" in german
    own = words(persona().card(kb.evaluate_personas(persona(), company())))
    assert "made up" not in own


def test_card_of_nobody() -> None:
    who = persona("none")
    card = words(who.card(kb.evaluate_personas(who, company())))
    assert "Nobody in the data fits this description." in card


def test_card_escapes_everything() -> None:
    bad = "<script>alert('1')</script>\u202eabc"
    who = kb.Persona(
        "x", 1, bad, "2026-01-01", {"de": bad, "en": bad}, (kb.Rule(bad, in_=(bad,)),),
        needs=(Statement(bad, Mark("said", 9, wording=bad)),), channels=(Statement(bad),),
        revenue=Revenue((1, 2), "<b>"),
    )  # fmt: skip
    for lang in ("de", "en"):
        html = who.card(lang=lang).html
        assert "<script" not in html
        assert "<b>" not in html
        assert "\u202e" not in html
        assert html.count("&lt;script&gt;") >= 7


def test_committed_personas_have_cards() -> None:
    for who in kb.Persona.load_all(PERSONAS / "telco"):
        for lang in ("de", "en"):
            assert who.description[lang] in words(who.card(lang=lang))


def test_card_refuses() -> None:
    found = kb.evaluate_personas(persona(), company())
    with pytest.raises(kb.ArgumentError, match="'grow' version 2 was not evaluated; these: grow version 1"):
        persona().changed(min_match=0.5).card(found)
    with pytest.raises(kb.ArgumentError, match="lang='fr'"):
        persona().card(lang="fr")
    with pytest.raises(kb.ArgumentError, match="evaluation of type str is not possible"):
        persona().card("grow")  # type: ignore[arg-type]


def test_card_shows_itself_in_a_notebook() -> None:
    card = persona().card()
    assert "Wants to grow" in card._repr_html_()
    assert str(card).startswith("Wants to grow")
