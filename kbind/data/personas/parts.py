"""What a persona is made of: rules, statements with what they rest on, the bond, revenue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from kbind.data.personas.fields import (
    LANGUAGES,
    FieldError,
    check_keys,
    choice_of,
    count_of,
    levels_of,
    number_of,
    shortest,
    text_of,
    texts_of,
)
from kbind.errors import shown

#: What a statement rests on.
MARKS = ("assumed", "measured", "said")

#: The six types of bond, from extrinsic to intrinsic.
BONDS = ("forced", "lethargic", "economic", "habitual", "value", "affective")

_MADE_OF = {"measured": ("n", "estimate", "ci_lower", "ci_upper"), "said": ("n", "wording"), "assumed": ()}


def assign(instance: object, **values: object) -> None:
    """Set fields of a frozen instance while it is made."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


@dataclass(frozen=True)
class Mark:
    """What a statement rests on: it was measured, somebody said so, or it is assumed.

    Parameters
    ----------
    kind : {"assumed", "measured", "said"}
    n : int or None
        Customers it was measured on, or people who were asked. Needed but for what is assumed.
    estimate, ci_lower, ci_upper : float or None
        What was measured, and its interval. Needed for what was measured.
    wording : str
        What was said, or asked. Needed for what was said.
    """

    kind: str = "assumed"
    n: int | None = None
    estimate: float | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None
    wording: str = ""

    def __post_init__(self) -> None:
        choice_of("mark", self.kind, MARKS)
        given = {"n": self.n, "estimate": self.estimate, "ci_lower": self.ci_lower, "ci_upper": self.ci_upper,
                 "wording": self.wording or None}  # fmt: skip
        needed = _MADE_OF[self.kind]
        for name, value in given.items():
            if (value is None) == (name in needed):
                problem = f"{name} is missing" if name in needed else f"{name} has no place"
                wanted = f"allowed with {self.kind}: {', '.join(needed) or 'nothing more'}"
                raise FieldError("mark", f"{problem} in what is {self.kind}", wanted)
        if self.n is not None:
            assign(self, n=count_of("n", self.n, 1))
        if self.kind == "measured":
            low, value, high = (number_of(name, given[name]) for name in ("ci_lower", "estimate", "ci_upper"))
            if not low <= value <= high:
                raise FieldError(
                    "mark", f"{value:g} is not in [{low:g}, {high:g}]", "allowed: lower <= estimate <= upper"
                )
            assign(self, estimate=value, ci_lower=low, ci_upper=high)
        if self.kind == "said":
            text_of("wording", self.wording)

    @classmethod
    def of(cls, value: object) -> Mark:
        """A mark from what a file holds: assumed, or {said: {n: 12, wording: ...}}."""
        if isinstance(value, Mark):
            return value
        if isinstance(value, str):
            return cls(choice_of("mark", value, MARKS))
        if not isinstance(value, Mapping) or len(value) != 1:
            raise FieldError("mark", f"{shown(value)} is no mark", "allowed: assumed, measured: {...} or said: {...}")
        kind, parts = next(iter(value.items()))
        choice_of("mark", kind, MARKS)
        if not isinstance(parts, Mapping):
            raise FieldError("mark", f"{shown(parts)} is not what {kind} is made of",
                             f"allowed: {', '.join(_MADE_OF[kind])}")  # fmt: skip
        check_keys(parts, _MADE_OF[kind], f"what is {kind}")
        return cls(kind, **parts)

    def plain(self) -> object:
        """As a file holds it."""
        if self.kind == "assumed":
            return self.kind
        parts = {name: getattr(self, name) for name in _MADE_OF[self.kind]}
        return {self.kind: {k: shortest(v) if isinstance(v, float) else v for k, v in parts.items()}}


ASSUMED = Mark()


@dataclass(frozen=True)
class Rule:
    """One thing that holds for those who fit a persona: an attribute is one of some levels, or lies in a range.

    Parameters
    ----------
    attribute : str
        Column of `customers`, known at the time of sale.
    in_ : tuple of str, optional
        Levels; numbers and yes/no are turned into text. In files the key is `in`.
    range : tuple of (float or None, float or None), optional
        From the first number on and below the second; None for no limit.
    weight : float
        What the rule counts, above 0.

    Examples
    --------
    >>> Rule("partner", in_=(1,)), Rule("budget", range=(500, None), weight=2)
    (Rule(attribute='partner', in_=('1',)), Rule(attribute='budget', range=(500.0, None), weight=2.0))
    """

    attribute: str
    in_: tuple[str, ...] | None = None
    range: tuple[float | None, float | None] | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        text_of("attribute", self.attribute)
        if (self.in_ is None) == (self.range is None):
            raise FieldError(
                "in", "a rule needs either levels or a range", "allowed: one of in: [...] and range: [...]"
            )
        if self.in_ is not None:
            assign(self, in_=levels_of("in", self.in_))
        if self.range is not None:
            assign(self, range=_range("range", self.range))
        assign(self, weight=number_of("weight", self.weight, above=0))

    def __repr__(self) -> str:
        parts = {"in_": self.in_, "range": self.range, "weight": None if self.weight == 1 else self.weight}
        more = "".join(f", {name}={value!r}" for name, value in parts.items() if value is not None)
        return f"Rule(attribute={self.attribute!r}{more})"

    @classmethod
    def of(cls, value: object) -> Rule:
        """A rule from what a file holds."""
        return value if isinstance(value, Rule) else cls(**arguments(value, "rules", cls, {"in": "in_"}))

    def plain(self) -> dict[str, object]:
        """As a file holds it."""
        found: dict[str, object] = {"attribute": self.attribute}
        if self.in_ is not None:
            found["in"] = list(self.in_)
        if self.range is not None:
            found["range"] = [None if limit is None else shortest(limit) for limit in self.range]
        return found | ({} if self.weight == 1 else {"weight": shortest(self.weight)})


@dataclass(frozen=True)
class Statement:
    """One thing that is said of a persona, in both languages, and what it rests on.

    Parameters
    ----------
    text : dict of str to str
        By language, de and en; one text stands for both.
    mark : Mark
    attribute : str or None
        For questions: the column of `customers` that holds the answer.
    shows_in : dict of str to tuple of str, optional
        For needs: the column of `events` that shows it, as `events.category`, and the levels that do.
    """

    text: dict[str, str]
    mark: Mark = ASSUMED
    attribute: str | None = None
    shows_in: dict[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        assign(self, text=texts_of("text", self.text), mark=Mark.of(self.mark))
        if self.attribute is not None:
            text_of("attribute", self.attribute)
        if self.shows_in is not None:
            wanted = "allowed: one column, such as {events.category: [books]}"
            if not isinstance(self.shows_in, Mapping) or len(self.shows_in) != 1:
                raise FieldError("shows_in", f"{shown(self.shows_in)} is no column with its levels", wanted)
            name, levels = next(iter(self.shows_in.items()))
            if not re.fullmatch(r"events\.\S+", str(name)):
                raise FieldError("shows_in", f"{shown(name)} is no column of events", wanted)
            assign(self, shows_in={str(name): levels_of("shows_in", levels)})

    @classmethod
    def of(cls, value: object) -> Statement:
        """A statement from what a file holds: a text, or texts by language with a mark."""
        if isinstance(value, Statement):
            return value
        if isinstance(value, str):
            return cls(texts_of("text", value))
        parts = arguments(value, "statements", cls, {name: name for name in LANGUAGES}, without=("text",))
        text: dict[str, str] = {name: parts.pop(name) for name in LANGUAGES if name in parts}
        return cls(text, **parts)

    def plain(self) -> object:
        """As a file holds it."""
        more: dict[str, object] = {}
        if self.attribute is not None:
            more["attribute"] = self.attribute
        if self.shows_in is not None:
            more["shows_in"] = {name: list(levels) for name, levels in self.shows_in.items()}
        if self.mark.kind != "assumed":
            more["mark"] = self.mark.plain()
        if not more and self.text["de"] == self.text["en"]:
            return self.text["en"]
        return {**self.text, **more}


@dataclass(frozen=True)
class Bonding:
    """What binds those who fit.

    Parameters
    ----------
    primary, secondary : str or None
        Of forced, lethargic, economic, habitual, value, affective.
    mark : Mark
    """

    primary: str
    secondary: str | None = None
    mark: Mark = ASSUMED

    def __post_init__(self) -> None:
        choice_of("primary", self.primary, BONDS)
        if self.secondary is not None:
            choice_of("secondary", self.secondary, [bond for bond in BONDS if bond != self.primary])
        assign(self, mark=Mark.of(self.mark))

    @classmethod
    def of(cls, value: object) -> Bonding:
        """A bond from what a file holds."""
        return value if isinstance(value, Bonding) else cls(**arguments(value, "bonding", cls))

    def plain(self) -> dict[str, object]:
        """As a file holds it."""
        secondary = {} if self.secondary is None else {"secondary": self.secondary}
        return {"primary": self.primary, **secondary, **_marked(self.mark)}


@dataclass(frozen=True)
class Revenue:
    """What those who fit bring, a month.

    Parameters
    ----------
    range : tuple of (float or None, float or None)
        Of revenue a customer and month.
    currency : str
    mark : Mark
    """

    range: tuple[float | None, float | None]
    currency: str
    mark: Mark = ASSUMED

    def __post_init__(self) -> None:
        assign(self, range=_range("range", self.range), mark=Mark.of(self.mark))
        text_of("currency", self.currency)

    @classmethod
    def of(cls, value: object) -> Revenue:
        """Revenue from what a file holds."""
        return value if isinstance(value, Revenue) else cls(**arguments(value, "revenue", cls))

    def plain(self) -> dict[str, object]:
        """As a file holds it."""
        limits = [None if limit is None else shortest(limit) for limit in self.range]
        return {"range": limits, "currency": self.currency, **_marked(self.mark)}


def _range(key: str, value: object) -> tuple[float | None, float | None]:
    wanted = "allowed: [from, below], such as [500, null]"
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise FieldError(key, f"{shown(value)} is no range", wanted)
    low, high = (None if limit is None else number_of(key, limit) for limit in value)
    if (low is None and high is None) or (low is not None and high is not None and low >= high):
        raise FieldError(key, f"{shown(list(value))} holds nothing or everything", wanted)
    return low, high


def many_of(key: str, values: object, read: Any) -> tuple[Any, ...]:
    """A list of parts; a fault says which."""
    if isinstance(values, (str, Mapping)) or not isinstance(values, Sequence):
        raise FieldError(key, f"{shown(values)} is no list", "allowed: a list, one item a line with - in front")
    found = []
    for position, value in enumerate(values):
        try:
            found.append(read(value))
        except FieldError as error:
            raise FieldError(f"{key}[{position}].{error.key}", error.message, error.allowed) from error
    return tuple(found)


def _marked(mark: Mark) -> dict[str, object]:
    return {} if mark.kind == "assumed" else {"mark": mark.plain()}


def arguments(
    value: object, where: str, cls: type, renamed: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> dict[str, Any]:
    """Arguments from the keys of a file."""
    renamed = renamed or {}
    fields_of = {each.name: each for each in fields(cls)}
    own = [name for name in fields_of if name not in (*without, *renamed.values())]
    if not isinstance(value, Mapping):
        raise FieldError(where, f"{shown(value)} has no keys", f"allowed: {', '.join((*own, *renamed))}")
    check_keys(value, (*renamed, *own), where)
    needed = [name for name in own if fields_of[name].default is MISSING]
    for key in needed:
        if key not in value:
            raise FieldError(key, f"is missing in {where}", f"needed: {', '.join(needed)}")
    return {renamed.get(key, key): part for key, part in value.items()}
