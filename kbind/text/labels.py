"""What readers call columns, their levels and personas, as whoever owns the data says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kbind.text.names import named

#: A word by language.
Words = Mapping[str, str]


@dataclass(frozen=True)
class Labels:
    """Words for what the data calls otherwise.

    Parameters
    ----------
    columns, personas : mapping of str to (mapping of str to str)
        By name: a word for each language.
    levels : mapping of str to (mapping of str to (mapping of str to str))
        By column and level.

    Examples
    --------
    >>> labels = Labels(levels={"goal": {"save": {"de": "sparen", "en": "save money"}}})
    >>> labels.level("goal", "Save", "de"), labels.column("goal", "de")
    ('sparen', '')
    """

    columns: Mapping[str, Words] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, Words]] = field(default_factory=dict)
    personas: Mapping[str, Words] = field(default_factory=dict)

    def column(self, name: str, lang: str) -> str:
        """What a column is called; empty if nobody says it."""
        return named(self.columns.get(name, {}).get(lang, ""))

    def level(self, column: str, level: str, lang: str) -> str:
        """What a level is called, capitals and blanks around it apart; empty if nobody says it."""
        wanted = level.strip().casefold()
        words = (words for name, words in self.levels.get(column, {}).items() if name.casefold() == wanted)
        return named(next(words, {}).get(lang, ""))

    def persona(self, name: str, lang: str) -> str:
        """What a persona is called; empty if nobody says it."""
        return named(self.personas.get(name, {}).get(lang, ""))
