"""The catalogue of measures: six families with their instruments, and twelve practices of key accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kbind.yamlfile import read_values

#: A text by language.
Words = Mapping[str, str]


@dataclass(frozen=True)
class Measure:
    """One entry of the catalogue.

    Attributes
    ----------
    key : str
        Its name for programs, unique in the catalogue.
    kind : {"family", "instrument", "practice"}
    family : str
        Key of the family; empty for practices.
    name, text : mapping of str to str
        By language: what it is called, and what is done, in a sentence.
    bonds : tuple of str
        That it is said to build, of `kbind.bonds.contexts.BONDS`.
    fit : tuple of str
        "b2b", "b2c" or both.
    needs : tuple of str
        Tables, columns as `table.column`, "customers.attributes", or abilities as "ability:name".
    risks : tuple of str
        Keys of `Measures.risks`.
    triggers : tuple of str
        Keys of the occasions that can start it, of `kbind.measures.occasions.OCCASIONS`.
    indicator : str
        What would show that it works: key of a practice, of a question about a bond, or of a figure of retention; empty
        for a family, which its instruments show.
    """

    key: str
    kind: str
    family: str
    name: Words
    text: Words
    bonds: tuple[str, ...]
    fit: tuple[str, ...] = ("b2b", "b2c")
    needs: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    indicator: str = ""


@dataclass(frozen=True, eq=False)
class Measures:
    """The catalogue. Made by `load_measures`.

    Attributes
    ----------
    measures : dict of str to Measure
        By key: families, instruments, practices, in the order of the file.
    risks, abilities : dict of str to (mapping of str to str)
        Sentences and names by language.
    """

    measures: dict[str, Measure]
    risks: Mapping[str, Words]
    abilities: Mapping[str, Words]

    def of_kind(self, kind: str) -> list[Measure]:
        """Families, instruments or practices, in order."""
        return [measure for measure in self.measures.values() if measure.kind == kind]


@cache
def load_measures() -> Measures:
    """The catalogue that comes with kbind.

    Examples
    --------
    >>> found = load_measures()
    >>> [len(found.of_kind(kind)) for kind in ("family", "instrument", "practice")]
    [6, 25, 12]
    >>> found.measures["points"].name["de"], found.measures["points"].risks
    ('Punkte sammeln', ('outbid', 'margin'))
    """
    content = read_values(Path(__file__).with_name("measures.yaml"))
    instruments = [_measure(entry, "instrument") for entry in content["instruments"]]
    families = [_family(entry, instruments) for entry in content["families"]]
    practices = [_measure(entry, "practice") for entry in content["practices"]]
    every = {measure.key: measure for measure in (*families, *instruments, *practices)}
    return Measures(every, content["risks"], content["abilities"])


def _measure(entry: Mapping[str, Any], kind: str) -> Measure:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return Measure(**{"kind": kind, "family": "", **values})


def _family(entry: Mapping[str, Any], instruments: list[Measure]) -> Measure:
    """A family, with what its instruments risk and what starts them."""
    own = [measure for measure in instruments if measure.family == entry["key"]]
    return Measure(
        key=entry["key"],
        kind="family",
        family=entry["key"],
        name=entry["name"],
        text=entry["text"],
        bonds=tuple(entry["bonds"]),
        risks=_together(own, "risks"),
        triggers=_together(own, "triggers"),
    )


def _together(measures: list[Measure], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for measure in measures for value in getattr(measure, name)))
