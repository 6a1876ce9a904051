"""What readers call the columns, levels and reasons of the data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kbind.customers.levels import MISSING
from kbind.reasons.themes import ThemeDictionary
from kbind.text.facts import Fact
from kbind.text.names import named
from kbind.text.voice import Voice

#: How a range of numbers is written by the statistics.
_NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
_BELOW, _FROM = re.compile(rf"< ({_NUMBER})"), re.compile(rf">= ({_NUMBER})")
_BETWEEN = re.compile(rf"({_NUMBER}) to < ({_NUMBER})")
#: How tables write a range of whole numbers.
_SPAN = re.compile(r"(\d+) ?- ?(\d+)")
#: Columns that hold money.
MONEY = ("mrr", "amount", "goodwill", "budget", "monthly_charges", "total_charges")
#: Words for yes and no that a column of two levels may hold.
_WORDS = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}


@dataclass(frozen=True, eq=False)
class Names:
    """Names of the data as they may stand in our sentences.

    Parameters
    ----------
    voice : Voice
        Who speaks.
    example : str
        Key of example data, whose columns and levels have names in both languages; empty for data of a user, which
        is called what it is called there.
    flags : frozenset of str
        Columns that say yes or no.
    themes : ThemeDictionary
        To recognise stated reasons.
    """

    voice: Voice = field(repr=False)
    example: str = ""
    flags: frozenset[str] = frozenset()
    themes: ThemeDictionary = field(default_factory=ThemeDictionary.load, repr=False)

    def attribute(self, name: str, *, first: bool = False) -> str:
        """A column: "Branche"; with a capital where it comes first, unless the data calls it so."""
        own = self.own_attribute(name)
        if not own and self.example:
            own = self._own(f"feature.attribute.{name}")
        if not own:
            return named(name)
        return own[:1].upper() + own[1:] if first else own

    def own_attribute(self, name: str) -> str:
        """What the user, or else we, call a column of this very data; empty where nobody has named it."""
        return self.voice.labels.column(name, self.voice.lang) or self._own(f"attribute.{self.example}.{name}")

    def level(self, attribute: str, level: str) -> str:
        """One of its levels: "Handel", "unter 350", "ja", "unbekannt"."""
        text = self.voice.catalogue.text
        if level == MISSING:
            return text("segments.missing")
        slug = re.sub(r"\W+", "_", level).strip("_").casefold()
        own = self.voice.labels.level(attribute, level, self.voice.lang) or self._own(
            f"level.{self.example}.{attribute}.{slug}"
        )
        # a number of 1 is not yes
        if not own and self.example and (not slug.isdigit() or attribute in self.flags):
            own = self._own(f"personas.level.{attribute}.{slug}") or self._own(f"personas.level.{slug}")
        if own and slug not in _WORDS:
            return own
        span = _SPAN.fullmatch(level)
        if span:
            return text("segments.span", one=span[1], two=span[2])
        for key, pattern in (("below", _BELOW), ("from", _FROM), ("between", _BETWEEN)):
            match = pattern.fullmatch(level)
            if match:
                ends = (self._number(attribute, written) for written in match.groups())
                return text(f"segments.{key}", **dict(zip(("one", "two"), ends, strict=False)))
        if own:
            return own
        if attribute in self.flags and level.casefold() in _WORDS:
            return text(f"segments.{_WORDS[level.casefold()]}")
        return named(level)

    def pair(self, attribute: str, level: str) -> str:
        """Both, for tables and figures: "Branche: Handel"."""
        words = {"attribute": self.attribute(attribute, first=True), "level": self.level(attribute, level)}
        return self.voice.catalogue.text("segments.pair", **words)

    def amount(self, attribute: str, number: str) -> str:
        """A typical value of a column of numbers, with its unit where we know it: "4.000 €"."""
        return self._filled(f"amount.{self.example}.{attribute}", number) or number

    def those(self, attribute: str, level: str) -> str:
        """Both, as they follow the noun in a sentence: "aus der Branche Handel"."""
        key = f"type.{self.example}.{attribute}"
        words = {"attribute": self.attribute(attribute), "level": self.level(attribute, level)}
        known = level != MISSING and self.voice.catalogue.has(key)
        return self.voice.catalogue.text(key if known else "segments.type", **words)

    def reason(self, reason: str) -> str:
        """A stated reason: "Preis"."""
        if reason == MISSING:
            return self.voice.catalogue.text("segments.silent")
        return self._own(f"reason.{reason}") or named(reason)

    def planted(self, segment: str) -> str:
        """A planted segment of simulated data."""
        return self._own(f"planted.{segment}") or segment

    def theme(self, reason: str) -> str:
        """What a stated reason is about, as far as one theme is recognised; else empty."""
        if reason in self.themes.labels:
            return reason
        found = self.themes.code(reason.replace("_", " "))
        return found[0] if len(found) == 1 else ""

    def in_order(self, levels: Sequence[str]) -> list[str]:
        """Levels as a reader expects them: by the numbers they begin with, else as they come; the unknown last."""
        known = [level for level in levels if level != MISSING]
        numbers = {level: int(start[0]) for level in known if (start := re.match(r"\d+", level))}
        if len(numbers) == len(known):
            known.sort(key=lambda level: numbers[level])
        return [*known, *(level for level in levels if level == MISSING)]

    def _number(self, attribute: str, written: str) -> str:
        """A limit between levels of a number, of money with its unit where we know it."""
        limit = Fact(f"limit.{attribute}.{written}", float(written), "count", f"limit between levels of {attribute}")
        told = self.voice.tell(limit, "short")
        return self.amount(attribute, told) if attribute in MONEY else told

    def _filled(self, key: str, number: str) -> str:
        return self.voice.catalogue.text(key, number=number) if self.voice.catalogue.has(key) else ""

    def _own(self, key: str) -> str:
        """A name of our own, if there is one."""
        return self.voice.catalogue.text(key) if self.voice.catalogue.has(key) else ""
