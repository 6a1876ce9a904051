"""The words of `labels:` in `kbind.yaml`: what columns, levels and personas are called in each language."""

from __future__ import annotations

from collections.abc import Mapping

from kbind.errors import DatasetError, choices, plain
from kbind.text.labels import Labels
from kbind.text.messages import LANGUAGES
from kbind.yamlfile import level_of

_KINDS = ("columns", "levels", "personas")
_WORD = "allowed: a word, or one each for " + " and ".join(LANGUAGES)


def read_labels(value: object, where: str) -> Labels:
    """Read and check the words.

    >>> read_labels({"columns": {"goal": {"de": "Ziel", "en": "goal"}}}, "kbind.yaml").column("goal", "de")
    'Ziel'

    Raises
    ------
    DatasetError
        A key that nobody reads, or a word that is missing in a language.
    """
    given = _mapping(value, "labels", where, "allowed: columns, levels, personas")
    for key in given:
        if key not in _KINDS:
            raise _wrong(where, f"labels: unknown key {key!r}", choices(key, _KINDS, "allowed"))
    columns, levels, personas = (
        _mapping(given.get(kind, {}), f"labels.{kind}", where, "allowed: names, each with its words") for kind in _KINDS
    )
    return Labels(
        columns=_named(columns, "labels.columns", where),
        levels={
            str(column): _named(
                _mapping(words, f"labels.levels.{column}", where, "allowed: levels, each with its words"),
                f"labels.levels.{column}",
                where,
            )
            for column, words in levels.items()
        },
        personas=_named(personas, "labels.personas", where),
    )


def _named(given: Mapping[object, object], key: str, where: str) -> dict[str, dict[str, str]]:
    return {level_of(name): _words(words, f"{key}.{name}", where) for name, words in given.items()}


def _words(value: object, key: str, where: str) -> dict[str, str]:
    """A word for each language; a single one stands for all."""
    if isinstance(value, str) and value.strip():
        return dict.fromkeys(LANGUAGES, value.strip())
    words = _mapping(value, key, where, _WORD)
    for lang in words:
        if lang not in LANGUAGES:
            raise _wrong(where, f"{key}: unknown language {lang!r}", choices(lang, LANGUAGES, "allowed"))
    for lang in LANGUAGES:
        word = words.get(lang)
        if not isinstance(word, str) or not word.strip():
            raise _wrong(where, f"{key}: no word for {lang!r}", _WORD)
    return {lang: str(words[lang]).strip() for lang in LANGUAGES}


def _mapping(value: object, key: str, where: str, allowed: str) -> Mapping[object, object]:
    if isinstance(value, Mapping):
        return value
    raise _wrong(where, f"{key}: {value!r}", allowed)


def _wrong(where: str, message: str, allowed: str) -> DatasetError:
    return DatasetError.of(where, plain(message, 200), allowed=allowed)
