"""A persona: whom a company means to sell to, as rules over what is known at the time of sale."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import yaml

from kbind.errors import ArgumentError, DatasetError, check_path, choices, shown, written
from kbind.personas.matching import reached, score
from kbind.personas.parts import Bonding, Part, Revenue, Rule, Statement, many, one
from kbind.personas.yaml_edits import edited
from kbind.typing import Bools
from kbind.yamlfields import FieldError, count_of, day_of, flag_of, number_of, text_of, texts_of
from kbind.yamlfile import compose, line_of, read_text, tree, value_of

if TYPE_CHECKING:
    from kbind.personas.evaluation import PersonaEvaluation
    from kbind.report.persona_card import Page

#: Of the keys of a file.
_ORDER = ("name", "label", "version", "owner", "valid_from", "description", "negative", "rules", "min_match", "needs",
          "channels", "bonding", "revenue", "qualifying_questions", "evidence")  # fmt: skip


@dataclass(frozen=True)
class Persona(Part):
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
    label : dict of str to str or None
        What readers call it, by language; None: its name.
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

    where = "a persona"
    name: Annotated[str, _name_of]
    version: Annotated[int, count_of]
    owner: Annotated[str, text_of]
    valid_from: Annotated[date, day_of]
    description: Annotated[dict[str, str], texts_of]
    rules: Annotated[tuple[Rule, ...], many(Rule)]
    min_match: Annotated[float, partial(number_of, above=0, most=1)] = 1.0
    needs: Annotated[tuple[Statement, ...], many(Statement)] = ()
    channels: Annotated[tuple[Statement, ...], many(Statement)] = ()
    bonding: Annotated[Bonding | None, one(Bonding)] = None
    revenue: Annotated[Revenue | None, one(Revenue)] = None
    qualifying_questions: Annotated[tuple[Statement, ...], many(Statement)] = ()
    evidence: Annotated[tuple[Statement, ...], many(Statement)] = ()
    negative: Annotated[bool, flag_of] = False
    label: Annotated[dict[str, str] | None, texts_of] = None
    source: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        text_of("source", self.source, empty=True)
        repeated = [name for name in self.attributes if self.attributes.count(name) > 1]
        if not self.rules or repeated:
            problem = f"two rules on {shown(repeated[0])}" if repeated else "no rule"
            raise FieldError("rules", problem, "allowed: one rule or more, each on another attribute")

    @property
    def attributes(self) -> tuple[str, ...]:
        """Columns of `customers` that the rules are about."""
        return tuple(rule.attribute for rule in self.rules)

    def matches(self, customers: Any) -> Bools:
        """Which customers fit: the weights of the rules that hold, among those whose attribute is known, suffice.

        Parameters
        ----------
        customers : data frame
            One row a customer, such as ``data.table("customers")``.

        Returns
        -------
        ndarray of bool, shape (rows,)
            Of whom no attribute is known does not fit.

        Raises
        ------
        ArgumentError
            A rule is about a column that is not there, or a range about one that is no number.

        Notes
        -----
        Text is compared without regard to case; 1, 1.0 and "1" are the same, so are true and yes, and "yes" also fits a
        column of 0 and 1.

        Examples
        --------
        >>> import kbind as kb
        >>> bargain, grower, keeper = kb.datasets.load_personas("accounts")
        >>> people = kb.datasets.load_saas().table("customers")
        >>> people[bargain.matches(people)].groupby(["goal", "channel"]).size().to_dict()
        {('save', 'discount'): 335}
        """
        return reached(score(self.rules, customers), self.min_match)

    def card(self, evaluation: PersonaEvaluation | None = None, *, lang: str = "en", threshold: int = 5) -> Page:
        """The persona on one page: who fits, what is said of them and what that rests on, and what was measured.

        Parameters
        ----------
        evaluation : PersonaEvaluation, optional
            From `evaluate_personas` with this persona. Without, the card says that nothing was measured.
        lang : {"de", "en"}
        threshold : int
            Smallest number of customers that is told.

        Returns
        -------
        Page
            Shows itself in a notebook; `html` is a page that needs no other file.

        Raises
        ------
        ArgumentError
            The evaluation is of other personas, or the language or threshold is not known.

        Examples
        --------
        >>> import kbind as kb
        >>> bargain, grower, keeper = kb.datasets.load_personas("accounts")
        >>> card = grower.card(kb.evaluate_personas(grower, kb.datasets.load_saas()))
        >>> "Wants to grow" in card.html
        True
        """
        from kbind.report.persona_card import persona_card

        return persona_card(self, evaluation, lang=lang, threshold=threshold)

    def changed(self, **changes: Any) -> Persona:
        """The next version, with some fields changed."""
        known = [one.name for one in fields(self)]
        for name in changes:
            if name not in known:
                raise ArgumentError(f"{name} is no field of a persona; {choices(name, known, 'fields')}")
        return replace(self, **{"version": self.version + 1, **changes})

    @classmethod
    def load(cls, path: str | Path) -> Persona:
        """Read a persona from a YAML file.

        Raises
        ------
        DatasetError
            The file cannot be read or a field holds what it must not: with file, line, key and what is allowed.
        """
        file = check_path("path", path)
        return cls._from_text(read_text(file), file)

    @classmethod
    def _from_text(cls, text: str, path: Path) -> Persona:
        """A persona from the text of a file."""
        node = tree(text, path)
        if not isinstance(node, yaml.MappingNode):
            raise _wrong(path, "holds no persona", "allowed: keys such as name, version and rules, one a line")
        try:
            return replace(cls.of(value_of(node)), source=text)
        except FieldError as error:
            line = f"line {line_of(node, error.key)}, {error.key}"
            raise _wrong(path, f"{line}: {error.message}", error.allowed) from error

    @classmethod
    def load_all(cls, folder: str | Path) -> tuple[Persona, ...]:
        """The newest version of every persona in the `.yaml` files of a folder, by name."""
        place = check_path("folder", folder)
        files = sorted(place.glob("*.yaml")) if place.is_dir() else []
        if not files:
            raise ArgumentError(f"folder={str(place)!r} holds no persona; allowed: a folder with .yaml files")
        seen: dict[tuple[str, int], tuple[Persona, Path]] = {}
        for file in files:
            persona = cls.load(file)
            _, other = seen.setdefault((persona.name, persona.version), (persona, file))
            if other != file:
                problem = f"version {persona.version} of {persona.name} stands in {other.name} too"
                raise _wrong(file, problem, "give the later one the next version")
        newest = {name: persona for (name, _), (persona, _) in sorted(seen.items(), key=lambda entry: entry[0])}
        return tuple(newest.values())

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
        file = check_path("path", path)
        if file.is_dir() or file.suffix not in (".yaml", ".yml"):
            raise ArgumentError(f"path={str(file)!r} is no file for a persona; allowed: a name that ends in .yaml")
        if file.exists():
            old = Persona.load(file)
            if old == self:
                return file
            self._check_follows(old, file.name)
            stem = re.sub(r"\.v\d+$", "", file.stem)
            return self.save(file.with_name(f"{stem}.v{self.version}{file.suffix}"))
        with written("path", file):
            file.write_text(self.to_text(), encoding="utf-8")
        return file

    def _check_follows(self, old: Persona, file: str) -> None:
        if old.name != self.name:
            raise ArgumentError(f"{file} holds the persona {old.name!r}; save {self.name!r} elsewhere")
        if old.version > self.version:
            raise ArgumentError(f"{file} holds version {old.version}, newer than {self.version}")
        if old.version == self.version:
            raise ArgumentError(
                f"{file} holds version {old.version} of {self.name!r} with other content; "
                "a change is a new version: persona.changed(...)"
            )

    def to_text(self) -> str:
        """The text of a persona's file, that of the file it came from as far as it says the same."""
        if not self.source:
            return edited("", None, None, self.plain())
        before = self._from_text(self.source, Path(f"{self.name}.yaml"))
        return edited(self.source, compose(self.source), before.plain(), self.plain())

    def plain(self) -> dict[str, object]:
        """As a file holds it: mappings, lists, text and numbers, with the rules behind whom they are about."""
        found = {"min_match": 1, **super().plain()}
        return {key: found[key] for key in _ORDER if key in found}


def _name_of(key: str, value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_\-]*", value):
        return value
    raise FieldError(key, f"{shown(value)} is no name", "allowed: letters, digits, - and _")


def _wrong(path: Path, message: str, allowed: str = "") -> DatasetError:
    return DatasetError.of(path.name, message, allowed=allowed)
