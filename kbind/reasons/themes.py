"""What customers write, coded into themes by a dictionary that everybody can read and edit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from kbind.errors import ArgumentError, check_list, check_path, did_you_mean, listed, told, written

#: Words before a pattern among which a negation is looked for, and words that "..." may stand for.
_REACH, _GAP = 3, 4

_KEYS = ("themes", "negations", "except", "dismissals")
_LANGUAGES = ("de", "en")
_OPEN = {"ä": "ae", "ö": "oe", "ü": "ue"}
#: Where one clause ends and another begins: a negation in one says nothing about the other.
_CLAUSES = re.compile(r"[.,;:!?()\[\]\n\r–—/]|\b(?:aber|sondern|jedoch|but|however|although|obwohl)\b")


@dataclass(frozen=True)
class Hit:
    """A pattern found in a text.

    Attributes
    ----------
    theme : str
    pattern : str
        As it stands in the dictionary.
    words : str
        What it was found as.
    negated : bool
        Whether a negation or dismissal takes it back, so that it does not count.
    """

    theme: str
    pattern: str
    words: str
    negated: bool


@dataclass(frozen=True, eq=False)
class ThemeDictionary:
    """Themes with the words that stand for them, in German and English. Made by `ThemeDictionary.load`.

    Attributes
    ----------
    labels : dict of str to dict of str to str
        Theme -> language -> what it is called.
    patterns : dict of str to tuple of str
        Theme -> patterns of both languages; texts in either are coded without being told which.
    negations, exceptions, dismissals : tuple of str
        Words that take back what follows, words after which they do not, patterns that take back a clause.
    text : str
        The file, comments included.

    Raises
    ------
    ArgumentError
        An attribute is of another type.

    Examples
    --------
    >>> themes = ThemeDictionary.load()
    >>> themes.code("Zu teuer, und der Support hat nie geantwortet.")
    ('price', 'service')
    >>> themes.code("The price was not the reason, we hardly used it.")
    ('no_need',)
    """

    labels: Mapping[str, Mapping[str, str]]
    patterns: Mapping[str, tuple[str, ...]] = field(repr=False)
    negations: tuple[str, ...] = field(repr=False)
    exceptions: tuple[str, ...] = field(repr=False)
    dismissals: tuple[str, ...] = field(repr=False)
    text: str = field(repr=False)

    @classmethod
    def load(cls, path: str | Path | None = None) -> ThemeDictionary:
        """Read a dictionary.

        Parameters
        ----------
        path : str or Path, optional
            A YAML file like the one that `save` writes. Default: the dictionary that comes with kbind.

        Raises
        ------
        ArgumentError
            The file is not there or not such a dictionary.
        """
        if path is None:
            text, where = (files("kbind.reasons") / "themes.yaml").read_text(encoding="utf-8"), "themes.yaml"
        else:
            where = str(check_path("path", path))
            try:
                text = Path(path).read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise ArgumentError(f"path={where!r} cannot be read as UTF-8 text: {error}") from error
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ArgumentError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
        return _dictionary(content, text, where)

    def save(self, path: str | Path) -> None:
        """Write the dictionary, comments included, so that it can be edited and loaded."""
        target = check_path("path", path)
        with written("path", target):
            target.write_text(self.text, encoding="utf-8")

    @property
    def themes(self) -> tuple[str, ...]:
        """Names of the themes, in the order of the file."""
        return tuple(self.patterns)

    def code(self, text: str | None) -> tuple[str, ...]:
        """Themes of one text, in the order of the file; none if nothing is written or known."""
        found = {hit.theme for hit in self.hits(text) if not hit.negated}
        return tuple(theme for theme in self.themes if theme in found)

    def hits(self, text: str | None) -> tuple[Hit, ...]:
        """Every pattern found in a text, those taken back included: why it was coded as it was."""
        if not (text is None or isinstance(text, str)):
            raise ArgumentError(f"text={told(text)} is no text; allowed: text, or None where nothing was written")
        result = []
        for clause in clauses(text or ""):
            dismissed = any(pattern.search(clause) for pattern in self._dismissed)
            for theme, pattern, compiled in self._compiled:
                for match in compiled.finditer(clause):
                    negated = dismissed or self._negated(clause[: match.start()].split())
                    result.append(Hit(theme, pattern, match[0], negated))
        return tuple(result)

    def _negated(self, before: Sequence[str]) -> bool:
        """Whether one of the last words is a negation that is not taken back at once."""
        near = [*before[-_REACH:], ""]
        return any(word in self.negations and after not in self.exceptions for word, after in pairwise(near))

    def __post_init__(self) -> None:
        for name, kind in {"labels": Mapping, "patterns": Mapping, "text": str}.items():
            if not isinstance(getattr(self, name), kind):
                raise ArgumentError(f"{name}={told(getattr(self, name))} is not possible; see ThemeDictionary.load")
        for name in ("negations", "exceptions", "dismissals"):
            if not all(isinstance(word, str) for word in check_list(name, getattr(self, name), "words")):
                raise ArgumentError(f"{name}={told(getattr(self, name))} is not possible; allowed: words")

    @cached_property
    def _compiled(self) -> list[tuple[str, str, re.Pattern[str]]]:
        return [(theme, pattern, _compile(pattern)) for theme, some in self.patterns.items() for pattern in some]

    @cached_property
    def _dismissed(self) -> list[re.Pattern[str]]:
        return [_compile(pattern) for pattern in self.dismissals]


def clauses(text: str) -> list[str]:
    """The clauses of a text as plain words with one blank between them.

    >>> clauses("Zu teuer! I don't need it, aber schön war's.")
    ['zu teuer', 'i do not need it', 'schoen war s']
    """
    plain = text.casefold().replace("’", "'").replace("cannot", "can not")
    plain = re.sub(r"n't\b", " not", plain)
    for letter, spelt in _OPEN.items():
        plain = plain.replace(letter, spelt)
    parts = (" ".join(re.findall(r"\w+", part)) for part in _CLAUSES.split(plain))
    return [part for part in parts if part]


def _compile(pattern: str) -> re.Pattern[str]:
    """A pattern of the dictionary as a regular expression over the words of a clause."""
    result = ""
    for word in pattern.split():
        if word == "...":
            result += rf"(?:\S+ ){{0,{_GAP}}}"
            continue
        plain = "*".join(" ".join(clauses(part)) for part in word.split("*"))
        result += plain.replace("*", r"\S*") + " "
    return re.compile(rf"(?<!\S){result.removesuffix(' ')}(?!\S)")


def _dictionary(content: Any, text: str, where: str) -> ThemeDictionary:
    """Check what a file says; see `ThemeDictionary.load`."""
    if not isinstance(content, dict) or not isinstance(content.get("themes"), dict) or not content["themes"]:
        raise ArgumentError(f"{where} holds no themes; allowed: 'themes:' and below it one entry a theme")
    for key in content:
        if key not in _KEYS:
            raise ArgumentError(f"{where}: unknown key {key!r}; {did_you_mean(str(key), _KEYS)}keys: {listed(_KEYS)}")
    labels: dict[str, dict[str, str]] = {}
    patterns: dict[str, tuple[str, ...]] = {}
    for theme, entry in content["themes"].items():
        if not isinstance(entry, dict):
            raise ArgumentError(f"{where}: theme {theme!r} is no mapping; allowed: label, de, en")
        for key in entry:
            if key not in ("label", *_LANGUAGES):
                raise ArgumentError(f"{where}: theme {theme!r} has an unknown key {key!r}; allowed: label, de, en")
        given = entry.get("label") or {}
        if not isinstance(given, dict):
            raise ArgumentError(f"{where}: label of {theme!r} is {given!r}; allowed: {{de: ..., en: ...}}")
        labels[str(theme)] = {language: str(given.get(language, theme)) for language in _LANGUAGES}
        patterns[str(theme)] = _words(entry, f"{where}: theme {theme!r}")
        if not patterns[str(theme)]:
            raise ArgumentError(f"{where}: theme {theme!r} has no patterns; allowed: lists under de and en")
    parts = {key: content.get(key) or {} for key in ("negations", "dismissals")}
    exceptions = content.get("except") or []
    return ThemeDictionary(
        labels=labels,
        patterns=patterns,
        negations=_words(parts["negations"], f"{where}: negations"),
        exceptions=_words({"de": exceptions}, f"{where}: except"),
        dismissals=_words(parts["dismissals"], f"{where}: dismissals"),
        text=text,
    )


def _words(entry: Any, where: str) -> tuple[str, ...]:
    """The patterns of both languages, each once, with at least one letter."""
    if not isinstance(entry, dict):
        raise ArgumentError(f"{where} is {entry!r}; allowed: lists under de and en")
    found: dict[str, None] = {}
    for language in _LANGUAGES:
        words = entry.get(language) or []
        if not isinstance(words, list):
            raise ArgumentError(f"{where}: {language} is {words!r}; allowed: a list of patterns")
        for word in words:
            # YAML reads a bare yes, no or number as such
            if not isinstance(word, str) or not re.search(r"[^\W\d_]", word):
                raise ArgumentError(f"{where}: {word!r} is no pattern; allowed: words, in quotes where YAML needs them")
            found[" ".join(word.split())] = None
    return tuple(found)
