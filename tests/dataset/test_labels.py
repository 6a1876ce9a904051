"""Words of `labels:` for columns, levels and personas."""

from pathlib import Path

import pytest

import kbind as kb
from kbind.facts.names import Names
from kbind.facts.rules import RuleWords
from kbind.report.chapters.base import voice_of

LABELS = """labels:
  columns:
    tarif: {de: Tarif, en: plan}
  levels:
    tarif:
      s: {de: Einsteiger, en: starter}
      10-49: {de: mittel, en: medium}
      no: {de: keiner, en: none}
  personas:
    keeper: {de: Bewahrer, en: steady customers}
    grower: Growers
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "customers.csv").write_text("customer_id,tarif,gone\n1,S,1\n2,L,0\n3,S,0\n4,L,1\n")
    return tmp_path


def test_words_of_the_file_are_what_pages_call_things(folder: Path) -> None:
    (folder / "kbind.yaml").write_text(LABELS)
    data = kb.open_dataset(folder)
    for lang, column, level in (("de", "Tarif", "Einsteiger"), ("en", "plan", "starter")):
        voice = voice_of(data, lang, 5)
        names, rules = Names(voice), RuleWords(voice)
        assert names.attribute("tarif") == column
        assert names.pair("tarif", "S") == f"{column[:1].upper()}{column[1:]}: {level}"
        assert names.level("tarif", "L") == "L"  # has no label
        assert rules.rule(kb.Rule("tarif", in_=("S",))) == f"{column[:1].upper()}{column[1:]}: {level}"
        assert voice.labels.level("tarif", "10-49", lang) == ("mittel" if lang == "de" else "medium")
        assert voice.labels.level("tarif", "no", lang) == ("keiner" if lang == "de" else "none")
        assert voice.labels.persona("grower", lang) == "Growers"  # one word stands for both
        assert voice.labels.persona("nobody", lang) == ""


def test_without_labels_names_are_those_of_the_data(folder: Path) -> None:
    names = Names(voice_of(kb.open_dataset(folder), "de", 5))
    assert names.pair("tarif", "S") == "tarif: S"


@pytest.mark.parametrize(("lang", "below", "between"), [("de", "unter 520 €", "von 520 € bis unter 1.600 €"),
                                                        ("en", "below €520", "€520 to below €1,600")])  # fmt: skip
def test_limits_of_money_carry_its_unit_in_example_data_only(lang: str, below: str, between: str) -> None:
    voice = voice_of(kb.datasets.load_saas(), lang, 5)
    names = Names(voice, "saas")
    told = [names.level("budget", level).replace("\xa0", " ") for level in ("< 520", "520 to < 1600")]
    assert told == [below, between]
    assert "€" not in names.level("age", "< 35")
    assert "€" not in Names(voice).level("budget", "< 520")  # of a user: who knows in which currency


def test_labels_are_given_as_an_argument_too(folder: Path) -> None:
    data = kb.open_dataset(folder, labels={"columns": {"tarif": {"de": "Tarif", "en": "plan"}}})
    assert Names(voice_of(data, "en", 5)).attribute("tarif") == "plan"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("labels: 3\n", "labels: 3; allowed: columns, levels, personas"),
        ("labels: {column: {a: b}}\n", "labels: unknown key 'column'; did you mean 'columns'?"),
        (
            "labels: {columns: {tarif: {de: Tarif}}}\n",
            "labels.columns.tarif: no word for 'en'; allowed: a word",
        ),
        ("labels: {columns: {tarif: {de: Tarif, fr: plan}}}\n", "labels.columns.tarif: unknown language 'fr'"),
        ("labels: {columns: {tarif: {de: Tarif, en: ' '}}}\n", "labels.columns.tarif: no word for 'en'"),
        ("labels: {levels: {tarif: {S: 3}}}\n", "labels.levels.tarif.S: 3; allowed: a word"),
        (
            "labels: {levels: {tarif: starter}}\n",
            "labels.levels.tarif: 'starter'; allowed: levels",
        ),
        ("labels: {personas: [keeper]}\n", "labels.personas: "),
    ],
)
def test_a_fault_names_key_and_what_is_allowed(folder: Path, text: str, said: str) -> None:
    (folder / "kbind.yaml").write_text(text)
    with pytest.raises(kb.DatasetError) as error:
        kb.open_dataset(folder)
    assert said in str(error.value)
    assert str(error.value).count("\n") <= 2
