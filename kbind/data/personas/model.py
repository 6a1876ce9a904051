"""A persona: whom a company means to sell to, as rules over what is known at the time of sale."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from kbind.data.personas.fields import FieldError, count_of, day_of, flag_of, number_of, shortest, text_of, texts_of
from kbind.data.personas.parts import Bonding, Revenue, Rule, Statement, arguments, assign, many_of
from kbind.errors import ArgumentError, check_path, did_you_mean, listed, shown

_NAME = r"[A-Za-z0-9][A-Za-z0-9_\-]*"


@dataclass(frozen=True)
class Persona:
    """Whom a company means to sell to, or not to sell to: rules over what is known at the time of sale.

    Parameters
    ----------
    name : str
        Letters, digits, - and _; names the file too.
    version : int
        From 1 on.
    owner : str
        Who answers for it.
    valid_from : date
        Day from which on sales works with it.
    description : dict of str to str
        By language, de and en.
    rules : tuple of Rule
        At least one, each on another attribute.
    min_match : float
        Score from which on a customer fits, above 0 and up to 1.
    needs, channels : tuple of Statement
    bonding : Bonding or None
    revenue : Revenue or None
    qualifying_questions, evidence : tuple of Statement
    negative : bool
        Whom not to sell to.
    source : str
        Text of the file it was read from, so that comments and the order of keys survive.

    Raises
    ------
    ArgumentError
        A field holds what it must not.

    Examples
    --------
    >>> text = {"de": "Will Filme sehen", "en": "Wants to watch films"}
    >>> rules = (Rule("streaming_tv", in_=("Yes",)), Rule("partner", in_=(0,)))
    >>> streaming = Persona("streaming", 1, "Sales", "2026-01-01", text, rules, min_match=0.5)
    >>> streaming.changed(rules=rules[:1]).version
    2
    """

    name: str
    version: int
    owner: str
    valid_from: date
    description: dict[str, str]
    rules: tuple[Rule, ...]
    min_match: float = 1.0
    needs: tuple[Statement, ...] = ()
    channels: tuple[Statement, ...] = ()
    bonding: Bonding | None = None
    revenue: Revenue | None = None
    qualifying_questions: tuple[Statement, ...] = ()
    evidence: tuple[Statement, ...] = ()
    negative: bool = False
    source: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(_NAME, self.name):
            raise FieldError("name", f"{shown(self.name)} is no name", "allowed: letters, digits, - and _")
        if not isinstance(self.source, str):
            raise FieldError("source", f"{shown(self.source)} is no text", "allowed: the text of a file")
        rules = many_of("rules", self.rules, Rule.of)
        names = [rule.attribute for rule in rules]
        repeated = [name for name in names if names.count(name) > 1]
        if not rules or repeated:
            problem = f"two rules on {shown(repeated[0])}" if repeated else "no rule"
            raise FieldError("rules", problem, "allowed: one rule or more, each on another attribute")
        assign(
            self,
            version=count_of("version", self.version, 1),
            owner=text_of("owner", self.owner),
            valid_from=day_of("valid_from", self.valid_from),
            description=texts_of("description", self.description),
            rules=rules,
            min_match=number_of("min_match", self.min_match, above=0, most=1),
            bonding=None if self.bonding is None else Bonding.of(self.bonding),
            revenue=None if self.revenue is None else Revenue.of(self.revenue),
            negative=flag_of("negative", self.negative),
            **{key: many_of(key, getattr(self, key), Statement.of)
               for key in ("needs", "channels", "qualifying_questions", "evidence")},
        )  # fmt: skip

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns of `customers` that the rules are about."""
        return tuple(rule.attribute for rule in self.rules)

    def changed(self, **changes: Any) -> Persona:
        """The next version, with some fields changed."""
        known = [one.name for one in fields(self)]
        for name in changes:
            if name not in known:
                raise ArgumentError(
                    f"{name} is no field of a persona; {did_you_mean(name, known)}fields: {listed(known)}"
                )
        return replace(self, **{"version": self.version + 1, **changes})

    @classmethod
    def load(cls, path: str | Path) -> Persona:
        """Read a persona from a YAML file.

        Raises
        ------
        DatasetError
            The file cannot be read or a field holds what it must not: with file, line, key and what is allowed.
        """
        from kbind.data.personas.files import load

        return load(check_path("path", path))

    @classmethod
    def load_all(cls, folder: str | Path) -> tuple[Persona, ...]:
        """The newest version of every persona in the `.yaml` files of a folder, by name."""
        from kbind.data.personas.files import load_all

        return load_all(check_path("folder", folder))

    def save(self, path: str | Path) -> Path:
        """Write the persona; an older version stays, and this one gets a file of its own beside it.

        Comments and the order of keys stay as in the file that the persona was loaded from. What is dropped takes with
        it the comments inside and right above it.

        Parameters
        ----------
        path : str or Path
            Where it goes if nothing is there. If an older version is, `streaming.yaml` stays and
            `streaming.v2.yaml` is written.

        Returns
        -------
        Path
            The file written, or the one that says the same already.

        Raises
        ------
        ArgumentError
            The file holds another persona, or this version with other content, or a newer one.
        """
        from kbind.data.personas.files import save

        return save(self, check_path("path", path))

    def plain(self) -> dict[str, object]:
        """As a file holds it: mappings, lists, text and numbers, in the order of the fields."""
        found: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            "owner": self.owner,
            "valid_from": self.valid_from.isoformat(),
            "description": dict(self.description),
        }
        if self.negative:
            found["negative"] = True
        found |= {"rules": [rule.plain() for rule in self.rules], "min_match": shortest(self.min_match)}
        for key in ("needs", "channels", "bonding", "revenue", "qualifying_questions", "evidence"):
            value = getattr(self, key)
            if value:
                found[key] = [item.plain() for item in value] if isinstance(value, tuple) else value.plain()
        return found

    @classmethod
    def of(cls, value: Mapping[str, object], source: str = "") -> Persona:
        """A persona from what a file holds."""
        return cls(**arguments(value, "a persona", cls, without=("source",)), source=source)
