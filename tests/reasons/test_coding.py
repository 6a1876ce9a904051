from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

import kbind as kb
from kbind.reasons.themes import clauses
from simulations.company import simulate_saas

ROOT = Path(__file__).parents[2]
THEMES = kb.ThemeDictionary.load()

#: Written by hand for this test, and coded by hand: what the dictionary misses stays in.
SAMPLE: list[tuple[str, set[str]]] = [
    ("Euer Tarif ist uns inzwischen zu kostspielig.", {"price"}),
    ("Die Preiserhöhung im Januar war der Tropfen zu viel", {"price"}),
    ("Nicht der Preis, sondern der Kundendienst war der Grund.", {"service"}),
    ("Der Preis war nicht ausschlaggebend, die App stürzt ständig ab.", {"product"}),
    ("Konkurrenz bietet dasselbe für die Hälfte", {"competitor", "price"}),
    ("Brauche ich im Ruhestand nicht mehr, war immer zufrieden.", {"no_need"}),
    ("Seit drei Wochen keine Antwort auf mein Ticket!", {"service"}),
    ("Wir sind auf eine andere Lösung umgestiegen, da wichtige Schnittstellen fehlten.", {"competitor", "product"}),
    ("Die Mindestlaufzeit von zwei Jahren passt uns nicht.", {"terms"}),
    ("Mit dem Support waren wir immer zufrieden, aber das Budget reicht nicht.", {"price"}),
    ("Datenschutz ist uns hier zu unsicher.", {"trust"}),
    ("Firma wurde zum Jahresende aufgelöst", {"no_need"}),
    ("Alles Gute weiterhin!", set()),
    ("Persönliche Gründe", set()),
    ("It's just too pricey for a team of our size", {"price"}),
    ("Not a pricing issue, we simply never used it.", {"no_need"}),
    ("Cheaper alternative found", {"price", "competitor"}),
    ("The app crashes every time I open a report.", {"product"}),
    ("Nobody ever got back to me, terrible helpdesk.", {"service"}),
    ("Support was great, but we're switching to a competitor.", {"competitor"}),
    ("We don't need this anymore since the shop closed down.", {"no_need"}),
    ("I was charged twice and no one replied.", {"payment", "service"}),
    ("Auto-renewal without a word. Never again.", {"terms"}),
    ("Lost trust after the data breach", {"trust"}),
    ("Hard to use and confusing.", {"product"}),
    ("Your reporting isn't bad, it is the cost.", {"price"}),
    ("Moving abroad", {"no_need"}),
    ("no comment", set()),
]


def test_dictionary_agrees_with_a_hand_coded_sample() -> None:
    coded = kb.code_reasons([text for text, _ in SAMPLE])
    kappa = {
        theme: cohen_kappa_score([theme in themes for _, themes in SAMPLE], coded.codes[:, k])
        for k, theme in enumerate(THEMES.themes)
    }
    assert min(kappa.values()) >= 0.6
    assert min(kappa[theme] for theme in ("price", "service", "no_need")) >= 0.75


def test_dictionary_finds_the_simulated_reasons() -> None:
    """Stated in German and English by people who gave that very reason."""
    from simulations.company.texts import FAREWELLS

    for by_reason in FAREWELLS.values():
        for reason, texts in by_reason.items():
            assert all(reason in THEMES.code(text) for text in texts)


@pytest.mark.parametrize(
    ("text", "themes"),
    [
        ("zu teuer", ("price",)),
        ("ZU TEUER!!!", ("price",)),
        ("nicht zu teuer", ()),
        ("nicht nur zu teuer", ("price",)),
        ("not too expensive", ()),
        ("not only expensive", ("price",)),
        ("isn’t expensive", ()),
        ("Wir hatten nicht das Gefühl, dass es lohnt. Teuer", ("price",)),
        ("kein Budget", ("price",)),
        ("Der Preis war nicht der Grund", ()),
        ("The price was fine, the hotline was not", ("service",)),
        ("Preis und Support", ("price", "service")),
        ("Wir zahlen monatlich viel zu viel", ("price",)),
        ("zahlen wir seit Jahren und ohne jeden Grund auch immer noch zu viel", ()),
        ("gekuendigt, da ueberfluessig", ("no_need",)),
        ("gekündigt, da überflüssig", ("no_need",)),
        ("Preisvergleich", ("price",)),
        ("Sparkasse", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_code_of_one_text(text: str | None, themes: tuple[str, ...]) -> None:
    assert THEMES.code(text) == themes


def test_hits_say_why() -> None:
    (hit,) = THEMES.hits("Das ist nicht so teuer")
    assert (hit.theme, hit.pattern, hit.words, hit.negated) == ("price", "teuer*", "teuer", True)


def test_uncoded_and_empty_texts_are_counted_apart() -> None:
    coded = kb.code_reasons(["zu teuer", "tschüss", None, "  ", np.nan, pd.NA])
    assert (coded.uncoded.count, coded.uncoded.n) == (1, 2)
    frame = coded.to_frame()
    assert frame[["theme", "n", "share"]].iloc[0].tolist() == ["price", 1, 0.5]
    assert frame[["theme", "n", "share"]].iloc[-1].tolist() == ["(uncoded)", 1, 0.5]
    assert coded.coded()["price"].tolist() == [True, False, False, False, False, False]
    assert "2 texts of 6" in coded.definition


def test_code_reasons_of_a_data_set_reads_what_was_written() -> None:
    data = simulate_saas(500, 24)
    coded = kb.code_reasons(data)
    texts = data.table("cancellations")["reason_text"]
    assert len(coded.texts) == len(texts)
    assert coded.uncoded.n == texts.notna().sum()
    assert coded.uncoded.value == 0


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["teuer", "no budget", "Support", "data breach"]))
def test_any_text_is_coded_and_loud_ones_alike(text: str, words: str) -> None:
    known = THEMES.code(text)
    assert set(known) <= set(THEMES.themes)
    assert THEMES.code(f"{text}. {words}") == THEMES.code(f"{text}. {words.upper()}")
    assert set(THEMES.code(words)) <= set(THEMES.code(f"{text}. {words}"))
    assert all(part == part.strip() and "  " not in part for part in clauses(text))


def test_a_dictionary_can_be_saved_edited_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    THEMES.save(path)
    text = path.read_text()
    assert text.startswith("# Themes of what customers write")
    path.write_text(text + "\n  # a comment\n")
    assert kb.ThemeDictionary.load(path).themes == THEMES.themes
    path.write_text("themes:\n  parking:\n    de: ['parkplatz*', 'kein* ... frei']\n")
    mine = kb.ThemeDictionary.load(path)
    assert kb.code_reasons(["Keine Plätze frei", "Parkplätze"], mine).codes.tolist() == [[True], [False]]
    assert mine.labels["parking"] == {"de": "parking", "en": "parking"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no themes"),
        ("themes: [a]", "holds no themes"),
        ("themes: {a: {de: [x]}}\nnegation: {}", "unknown key 'negation'; did you mean 'negations'"),
        ("themes: {a: [x]}", "theme 'a' is no mapping"),
        ("themes: {a: {fr: [x]}}", "theme 'a' has an unknown key 'fr'"),
        ("themes: {a: {de: x}}", "theme 'a': de is 'x'; allowed: a list"),
        ("themes: {a: {en: [no]}}", "theme 'a': False is no pattern"),
        ("themes: {a: {en: ['...']}}", "'...' is no pattern"),
        ("themes: {a: {label: {de: b}}}", "theme 'a' has no patterns"),
        ("themes: {a: {label: b, de: [x]}}", "label of 'a' is 'b'"),
        ("themes: {a", "is not YAML"),
    ],
)
def test_load_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(kb.ArgumentError) as error:
        kb.ThemeDictionary.load(path)
    assert message in str(error.value)


def test_code_reasons_refuses_what_it_cannot_do(telco: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="texts='zu teuer' is no list; allowed: a list of texts"):
        kb.code_reasons("zu teuer")
    with pytest.raises(kb.ArgumentError, match="texts holds 3"):
        kb.code_reasons(["a", 3])
    with pytest.raises(kb.NotEnoughData, match="this needs a table 'cancellations'"):
        kb.code_reasons(telco)
    with pytest.raises(kb.ArgumentError, match="dictionary of type dict"):
        kb.code_reasons(["a"], {})
    with pytest.raises(kb.ArgumentError, match="cannot be read"):
        kb.ThemeDictionary.load("nowhere.yaml")


def test_the_dictionary_is_part_of_the_package() -> None:
    assert (ROOT / "kbind" / "reasons" / "themes.yaml").is_file()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["kbind"]  # all files in it, not only modules
    assert THEMES.text == (ROOT / "kbind" / "reasons" / "themes.yaml").read_text(encoding="utf-8")
