from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from string import Formatter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.intervals import rate_of
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.messages import LANGUAGES, Catalogue, MessageError, load_catalogue
from kbind.text.names import named
from kbind.text.voice import DASH, Voice

PACKAGE = Path(kb.__file__).parent
SHARE = Fact("x", 0.8396, "share", "d", 0.8246, 0.8536, n=2463, count=2068)


def _strings(lang: str) -> dict[str, tuple[str, ...]]:
    catalogue = load_catalogue(lang)
    return {
        message.id if isinstance(message.id, str) else message.id[0]: (message.string,)
        if isinstance(message.string, str)
        else tuple(message.string)
        for message in catalogue
        if message.id
    }


def _places(text: str) -> set[str]:
    """Names to fill in, in whichever case, but not those that every sentence may use."""
    names = {name for _, name, _, _ in Formatter().parse(text) if name}
    return {
        n.removesuffix("_dative")
        for n in names
        if not n.startswith(("period_", "customers")) and n not in ("threshold", "base", "after", "after_upper")
    }


def test_languages_have_the_same_keys_and_places() -> None:
    german, english = (_strings(lang) for lang in LANGUAGES)
    assert set(german) == set(english)
    for key, texts in german.items():
        assert len(texts) == len(english[key]), key
        for text, other in zip(texts, english[key], strict=True):
            assert text.strip(), key
            assert other.strip(), key
            assert _places(text) == _places(other), key


def test_catalogues_hold_no_sentence_that_nobody_says() -> None:
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    source += "\n".join(path.read_text() for path in PACKAGE.rglob("*.html"))
    notebooks = "\n".join(path.read_text() for path in (PACKAGE.parent / "notebooks").glob("*.ipynb"))
    stems = set(re.findall(r'f?"([a-z_]+(?:\.[a-z_0-9{}().\']+)+)"', source + notebooks.replace('\\"', '"')))
    patterns = [re.compile("^" + re.sub(r"\\{[^}]*\\}", "[a-z_0-9]+", re.escape(stem)) + "$") for stem in stems]
    single = {"interval", "range", "hidden", "too_few"}
    for key in _strings("de"):
        plain = key.split("/")[0]
        assert plain in single or any(pattern.match(plain) for pattern in patterns), key


def test_german_has_no_english_left_and_english_no_german() -> None:
    german = " ".join(text for texts in _strings("de").values() for text in texts if "English" not in text)
    english = " ".join(text for texts in _strings("en").values() for text in texts if "Deutsche" not in text)
    assert not re.search(r"\b(the|of|and|customers|share|month|which|with)\b", re.sub(r"{[^}]*}", "", german))
    assert not re.search(r"[äöüßÄÖÜ]|\b(und|der|die|das|nicht|Kunden)\b", english)


@pytest.mark.parametrize(
    ("lang", "share", "interval", "number", "customers"),
    [
        ("de", "84,0\u00a0%", "zwischen 82 und 85\u00a0%", "1.234,5", "2.460 Haushalte"),
        ("en", "84.0%", "between 82 and 85%", "1,234.5", "2,460 households"),
    ],
)
def test_numbers_as_the_language_writes_them(lang: str, share: str, interval: str, number: str, customers: str) -> None:
    voice = Voice(lang, customer="household")
    assert voice.tell(SHARE) == share
    assert voice.tell(SHARE, "interval") == interval
    assert voice.number(1234.5, 1) == number
    assert voice.customers(2463) == customers
    assert voice.number(math.nan) == voice.percent(math.nan) == DASH
    assert voice.tell(Fact("y", math.nan, "share", "d")) == DASH


@pytest.mark.parametrize(
    ("lang", "of", "near"),
    [
        ("de", "zwischen 82 und 85 von 100", "zwischen 83,0 und 84,5\u00a0%"),
        ("en", "between 82 and 85 of 100", "between 83.0 and 84.5%"),
    ],
)
def test_an_interval_is_said_between_two_limits(lang: str, of: str, near: str) -> None:
    voice = Voice(lang)
    assert voice.tell(SHARE, "interval100") == of
    assert voice.tell(Fact("y", 0.84, "share", "d", 0.83, 0.845), "interval") == near


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_number_below_zero_has_a_minus_and_no_hyphen(lang: str) -> None:
    voice = Voice(lang, currency="EUR")
    written = [voice.number(-1234.5, 1), voice.percent(-0.125, 1), voice.money(-18.92), voice.range(-0.2, -0.1)]
    written.append(voice.tell(Fact("m", -50.0, "money", "d", -80.0, 20.0), "interval"))
    assert all("\u2212" in text and "-" not in text for text in written), written
    assert "\u2212" not in voice.number(-0.2) + voice.percent(-0.0001) + voice.money(-0.001)


def test_forms_of_a_fact() -> None:
    voice = Voice("en")
    assert [voice.tell(SHARE, form) for form in ("", "whole", "per100", "n")] == [
        "84.0%",
        "84%",
        "84",
        "2,460 customers",
    ]
    counted = Fact("z", 1876.5, "customers", "d")
    assert [voice.tell(counted), voice.tell(counted, "about")] == ["1,880", "1,880"]
    assert voice.tell(Fact("a", 64.4, "count", "d"), "about") == "64"


@pytest.mark.parametrize(
    ("lang", "currency", "large", "small", "interval"),
    [
        ("de", "EUR", "1.230\u00a0€", "\u22129,90\u00a0€", "zwischen 100\u00a0€ und 2.000\u00a0€"),
        ("en", "EUR", "€1,230", "\u2212€9.90", "between €100 and €2,000"),
        ("en", "CHF", "CHF\u00a01,230", "\u2212CHF\u00a09.90", "between CHF\u00a0100 and CHF\u00a02,000"),
        ("de", "", "1.230", "\u22129,90", "zwischen 100 und 2.000"),
    ],
)
def test_money_as_the_language_writes_it(lang: str, currency: str, large: str, small: str, interval: str) -> None:
    voice = Voice(lang, currency=currency)
    fact = Fact("m", 1234.4, "money", "d", 99.99, 2000.0)
    assert [voice.tell(fact), voice.money(-9.9), voice.tell(fact, "interval")] == [large, small, interval]
    assert voice.tell(fact, "about") == large.replace("1.230", "1.200").replace("1,230", "1,200")
    assert voice.tell(Fact("u", 5.0, "money", "d"), "range") == voice.money(math.nan) == DASH


@given(value=st.floats(-1e9, 1e9), below=st.floats(0, 1e7), above=st.floats(0, 1e7))
def test_an_amount_never_lies_outside_of_its_own_interval(value: float, below: float, above: float) -> None:
    fact = Fact("m", value, "money", "d", value - below, value + above)
    voice = Voice("de")
    written = [voice.tell(fact, "about"), *voice.tell(fact, "range").split(" bis ")]
    amount, low, high = (float(text.replace(".", "").replace(",", ".").replace("\u2212", "-")) for text in written)
    assert below + above < 10 or low <= amount <= high


def test_plurals_and_cases() -> None:
    german = Voice("de", customer="household")
    assert [german.customers(n) for n in (0, 5, 2)] == ["unter 5 Haushalte", "10 Haushalte", "unter 5 Haushalte"]
    every = Voice("de", customer="household", disclosure=Disclosure(1))
    assert [every.customers(n) for n in (1, 2)] == ["1 Haushalt", "2 Haushalte"]
    assert german.customers(395, dative=True) == "400 Haushalten"
    assert [german.after(n) for n in (1, 11)] == ["nach 1 Monat", "nach 11 Monaten"]


@pytest.mark.parametrize(
    ("period", "label", "german", "english"),
    [
        ("month", "2017-03", "März 2017", "March 2017"),
        ("week", "2017-W09", "KW 9/2017", "week 9, 2017"),
        ("quarter", "2017-Q1", "1. Quartal 2017", "Q1 2017"),
        ("year", "2017", "2017", "2017"),
        ("day", "2017-03-01", "1. März 2017", "Mar 1, 2017"),
    ],
)
def test_names_of_periods(period: str, label: str, german: str, english: str) -> None:
    start = date(2017, 3, 1)
    assert Voice("de", period=period).period_name(start, label) in (german, german.replace("März", "Mrz."))
    assert Voice("en", period=period).period_name(start, label) == english


def test_missing_words_are_errors() -> None:
    with pytest.raises(MessageError, match=r"no text 'nothing.here' in de.po"):
        Voice("de").say("nothing.here")
    with pytest.raises(MessageError, match="'interval' cannot be filled: KeyError"):
        Catalogue("en").text("interval", level="95%")
    with pytest.raises(kb.ArgumentError, match="lang='fr' is not known"):
        Voice("fr")
    with pytest.raises(kb.ArgumentError, match="customer='tenant' is not known"):
        Voice("de", customer="tenant")
    with pytest.raises(MessageError, match="needs a number"):
        Catalogue("de").text("period.month.counted_after", n="3")


# -- disclosure -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", [
    Fact("n", 0.5, "share", "d", n=4, count=2),
    Fact("count", 0.01, "share", "d", n=400, count=4),
    Fact("value", 3.0, "customers", "d"),
])  # fmt: skip
def test_small_counts_are_not_told(fact: Fact) -> None:
    voice = Voice("en")
    assert voice.tell(fact) == "under 5"
    assert voice.say("retention.tile.note", fact=fact) == "Too few customers to say anything about this."
    assert voice.told[fact.id].hidden
    record = voice.told[fact.id].as_dict()
    assert record["value"] is record["n"] is record["count"] is None


def test_threshold_and_zero() -> None:
    assert Disclosure(1).fact(Fact("a", 1.0, "customers", "d")).known
    assert not Disclosure(5).fact(Fact("a", 0.0, "share", "d", n=500, count=0)).known
    assert [Disclosure(5).fact(Fact("a", n, "rows", "d")).known for n in (0.0, 3.0, 6.0)] == [True, False, True]
    assert not Disclosure(11).fact(Fact("a", 0.5, "share", "d", n=20, count=10)).known
    for wrong in (0, -1, 2.5, True):
        with pytest.raises(kb.ArgumentError, match="threshold"):
            Disclosure(wrong)


def test_frames_lose_small_cells_only() -> None:
    frame = pd.DataFrame({"cohort_size": [100, 100, 4], "at_risk": [100, 100, 4], "active": [50.0, 3.0, 2.0],
                          "retention": [0.5, 0.03, 0.5], "retention_ci_lower": [0.4, 0.01, 0.2]})  # fmt: skip
    safe = Disclosure(5).frame(frame, "retention", n="at_risk", count="active", also=["cohort_size"])
    assert safe["hidden"].tolist() == [False, True, True]
    assert safe["retention"].isna().tolist() == [False, True, True]
    assert frame["active"].tolist() == [50.0, 3.0, 2.0]


def test_a_share_is_told_from_rounded_counts() -> None:
    rule = Disclosure(5)
    told = rule.fact(Fact.of("x", rate_of(2068, 2463, 0.95)))
    again = rate_of(2060, 2460, 0.95)  # of the 395 others, who are fewer, 400 are told
    assert (told.value, told.ci_lower, told.ci_upper, told.n, told.count) == (*again, 2460, 2060)
    assert rule.fact(told) == told
    assert Disclosure(1).fact(SHARE) is SHARE


def test_definitions_do_not_say_of_how_many() -> None:
    said = "Share / all. 1,204 of 3,001 customers left; left out: 3 customers of old; 777 rows. By month; pays 0.12345."
    fact = Fact("x", 0.5, "share", said, n=200, count=100)
    assert Disclosure(5).fact(fact).definition == "Share / all. By month;"
    assert Disclosure(5).fact(replace(fact, n=3)).as_dict()["definition"] == "Share / all. By month;"
    assert Disclosure(1).fact(fact).definition == said


def test_shares_of_few_are_hidden_and_of_all_but_few_hide_how_many() -> None:
    rule = Disclosure(5)
    told = [rule.fact(Fact.of("x", rate_of(*pair, 0.95))) for pair in ((0, 40), (4, 40), (36, 40), (40, 40), (5, 40))]
    assert [fact.hidden for fact in told] == [True, True, True, True, False]
    nearly = [rule.fact(Fact.of("x", rate_of(count, 400, 0.95))) for count in (396, 398, 400)]
    assert {(fact.count, fact.n, fact.value) for fact in nearly} == {(396, 400, 396 / 400)}


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (
            Fact("stay", 0.8396, "share", "d", 0.8246, 0.8536, n=2463),
            (0.84, 0.824, 0.854),
        ),  # 5 of 2,463 are 0.2 %, to the tenth
        (Fact("stay", 0.8396, "share", "d", 0.7246, 0.9036, n=98), (0.85, 0.7, 0.9)),  # 5 of 98 are 5 %
        (Fact("lost", 3_714_129.24, "money", "d", n=1288), (3_710_000.0, math.nan, math.nan)),
        (Fact("worth", 1234.4, "money", "d", 99.99, 2000.0), (1230.0, 100.0, 2000.0)),
        (Fact("mean", 38.35, "customers", "d"), (40.0, math.nan, math.nan)),
        (Fact("more", 1.5691, "ratio", "d", 1.2311, 2.0, n=400, count=80), (1.57, 1.23, 2.0)),
        (Fact("runs", 7, "count", "d"), (7, math.nan, math.nan)),
    ],
)
def test_what_is_no_counted_share_is_rounded_to_what_few_customers_make_up(fact: Fact, told: tuple[float, ...]) -> None:
    safe = Disclosure(5).fact(fact)
    np.testing.assert_allclose((safe.value, safe.ci_lower, safe.ci_upper), told)


@given(n=st.integers(0, 3000), part=st.floats(0, 1), threshold=st.integers(2, 12))
def test_what_is_told_follows_from_rounded_counts(n: int, part: float, threshold: int) -> None:
    """Whoever sees it cannot tell the count from any other that is rounded to the same."""
    rule, count = Disclosure(threshold), round(part * n)
    told = rule.fact(Fact.of("x", rate_of(count, n, 0.95)))
    size, smaller = (int(rule.rounded(number)) for number in (n, min(count, n - count)))
    share = smaller if 2 * count <= n else size - (smaller or threshold - 1)
    for other, others in ((n, count), (size, share)):
        if other > 0 and 0 <= others < other:
            assert rule.fact(Fact.of("x", rate_of(others, other, 0.95))).as_dict() == told.as_dict()
    if told.hidden:
        small = size < 20 * threshold
        assert count < threshold or share <= 0 or (small and (n - count < threshold or share >= size))
    else:
        assert told.n is not None
        assert told.count is not None
        assert abs(told.n - n) <= threshold
        assert abs(told.count - count) <= 2 * threshold
        assert 0 < told.count < told.n
        assert told.ci_lower <= told.value <= told.ci_upper


def test_small_numbers_of_customers_are_not_counted_out_loud() -> None:
    assert Voice("de").customers(3) == "unter 5 Kunden"
    assert Voice("en").tell(Fact("a", 0.5, "share", "d", n=2, count=1), "size") == "under 5"


def test_two_facts_of_one_name_are_an_error() -> None:
    voice = Voice("en")
    voice.tell(SHARE)
    voice.tell(SHARE, "interval")
    for unknown in (Fact("nan", float("nan"), "share", "d"), Fact("nan", float("nan"), "share", "d")):
        voice.tell(unknown)
    with pytest.raises(kb.ArgumentError, match="two facts are called 'x'"):
        voice.tell(Fact("x", 0.5, "share", "d"))
    with pytest.raises(kb.ArgumentError, match="unit='percent' is not known"):
        Fact("y", 0.5, "percent", "d")


def test_json_of_unknown_numbers() -> None:
    record = Fact("y", math.nan, "share", "d").as_dict()
    assert record["value"] is None
    assert record["ci_lower"] is None


# -- names from the data --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Laden & <b>Söhne</b>", "Laden & <b>Söhne</b>"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}evil\N{POP DIRECTIONAL FORMATTING}", "evil"),
        ("\N{FIRST STRONG ISOLATE}shop", "shop"),
        ("two\r\nlines\tand \x00more ", "two lines and more"),
        ("متجر", "\N{FIRST STRONG ISOLATE}متجر\N{POP DIRECTIONAL ISOLATE}"),
        ("\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}", "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}"),
        ("W" * 100, "W" * 100),
        ("W" * 101, "W" * 99 + "…"),
        ("", ""),
    ],
    ids=["plain", "override", "isolate", "lines", "right to left", "emoji", "long", "too long", "empty"],
)
def test_names_keep_to_themselves(name: str, told: str) -> None:
    assert named(name) == told


def test_limits_that_round_to_the_same_are_told_apart() -> None:
    voice = Voice("en")
    assert voice.range(0.9996, 1.0) == "99.96 to 100.00%"
    assert voice.range(0.8, 0.9) == "80.0 to 90.0%"
    assert Voice("de").range(0.0, 0.00004) == "0,000 bis 0,004\u00a0%"


@pytest.mark.parametrize(("lang", "text"), [("en", "range not known"), ("de", "Bereich nicht bekannt")])
def test_an_interval_that_is_not_known_is_said_to_be_so(lang: str, text: str) -> None:
    assert Voice(lang).tell(Fact("x", 0.9, "share", "d"), "interval") == text
    assert Voice(lang).tell(Fact("y", 9.0, "money", "d"), "interval") == text
