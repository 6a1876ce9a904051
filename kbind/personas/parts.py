"""What a persona is made of: rules, statements with what they rest on, the bond, revenue."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Self, get_origin, get_type_hints

from kbind.bonds.contexts import BONDS
from kbind.errors import shown
from kbind.yamlfields import (
    LANGUAGES,
    FieldError,
    check_keys,
    choice_of,
    count_of,
    levels_of,
    number_of,
    range_of,
    text_of,
    texts_of,
)

#: What a statement rests on.
MARKS = ("assumed", "measured", "said")

Check = Callable[[str, Any], object]

#: Parts of a mark with their checks, and which of them go with each kind.
_PARTS: Mapping[str, Check] = {
    "n": count_of,
    **dict.fromkeys(("estimate", "ci_lower", "ci_upper"), number_of),
    "wording": text_of,
}
_MADE_OF = {"measured": ("n", "estimate", "ci_lower", "ci_upper"), "said": ("n", "wording"), "assumed": ()}


def plain(value: Any) -> Any:
    """A value as a file holds it: mappings, lists, text and numbers."""
    if isinstance(value, (Part, Mark)):
        return value.plain()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return int(value) if value == int(value) and abs(value) < 1e15 else value
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True)
class Part:
    """What is made from arguments or from what a file holds; how a field is checked stands with its type.

    What may be None is not checked then.
    """

    #: What messages call it.
    where: ClassVar[str]

    def __post_init__(self) -> None:
        defaults = self._defaults()
        own: Any = type(self)  # to mypy a class is not hashable
        for name, check in _checks_of(own).items():
            value = getattr(self, name)
            if not (value is None and defaults[name] is None):
                object.__setattr__(self, name, check(_key(name), value))

    @classmethod
    def _defaults(cls) -> dict[str, object]:
        return {each.name: each.default for each in fields(cls) if each.compare}

    @classmethod
    def of(cls, value: object) -> Self:
        """From what a file holds."""
        return value if isinstance(value, cls) else cls(**cls._arguments(value))

    @classmethod
    def _arguments(cls, value: object, **others: str) -> dict[str, Any]:
        """Arguments from the keys of a file; `others` stand there in the place of fields."""
        names = {_key(name): name for name in cls._defaults() if name not in others.values()}
        allowed = (*others, *names)
        if not isinstance(value, Mapping):
            raise FieldError(cls.where, f"{shown(value)} has no keys", f"allowed: {', '.join(allowed)}")
        check_keys(value, allowed, cls.where)
        needed = [key for key, name in names.items() if cls._defaults()[name] is MISSING]
        for key in needed:
            if key not in value:
                raise FieldError(key, f"is missing in {cls.where}", f"needed: {', '.join(needed)}")
        return {names.get(key) or key: part for key, part in value.items()}

    def plain(self) -> Any:
        """As a file holds it: what is not as it is by default."""
        names = sorted(self._defaults(), key=lambda name: name == "mark")  # what it rests on comes last
        values = {name: getattr(self, name) for name in names}
        return {_key(name): plain(value) for name, value in values.items() if value != self._defaults()[name]}


@cache
def _checks_of(part: type[Part]) -> dict[str, Check]:
    """How each field is checked."""
    types = get_type_hints(part, include_extras=True)
    return {name: kind.__metadata__[0] for name, kind in types.items() if get_origin(kind) is Annotated}


def _key(name: str) -> str:
    """A field as files call it: `in_` is `in`."""
    return name.rstrip("_")


def one(part: type[Part]) -> Check:
    """Checks one part."""
    return lambda key, value: _named(key, part.of, value)


def many(part: type[Part]) -> Check:
    """Checks a list of parts; a fault says which."""

    def check(key: str, values: object) -> object:
        if isinstance(values, (str, Mapping)) or not isinstance(values, Sequence):
            raise FieldError(key, f"{shown(values)} is no list", "allowed: a list, one item a line with - in front")
        return tuple(_named(f"{key}[{place}]", part.of, value) for place, value in enumerate(values))

    return check


def _named(key: str, read: Callable[[object], object], value: object) -> object:
    try:
        return read(value)
    except FieldError as error:
        raise FieldError(f"{key}.{error.key}", error.message, error.allowed) from error


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
        needed = _MADE_OF[choice_of("mark", self.kind, MARKS)]
        for name, check in _PARTS.items():
            value = getattr(self, name)
            if (value is None or (isinstance(value, str) and not value)) == (name in needed):
                problem = f"{name} is missing" if name in needed else f"{name} has no place"
                wanted = f"allowed with {self.kind}: {', '.join(needed) or 'nothing more'}"
                raise FieldError("mark", f"{problem} in what is {self.kind}", wanted)
            if name in needed:
                object.__setattr__(self, name, check(name, value))
        low, value, high = (getattr(self, name) for name in ("ci_lower", "estimate", "ci_upper"))
        if self.kind == "measured" and not low <= value <= high:
            raise FieldError("mark", f"{value:g} is not in [{low:g}, {high:g}]", "allowed: lower <= estimate <= upper")

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
        needed = _MADE_OF[choice_of("mark", kind, MARKS)]
        if not isinstance(parts, Mapping):
            raise FieldError("mark", f"{shown(parts)} is not what {kind} is made of", f"allowed: {', '.join(needed)}")
        check_keys(parts, needed, f"what is {kind}")
        return cls(kind, **parts)

    def plain(self) -> object:
        """As a file holds it."""
        needed = _MADE_OF[self.kind]
        return {self.kind: {name: plain(getattr(self, name)) for name in needed}} if needed else self.kind


ASSUMED = Mark()


def _mark_of(key: str, value: object) -> Mark:
    return Mark.of(value)


@dataclass(frozen=True)
class Rule(Part):
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

    where = "rules"
    attribute: Annotated[str, text_of]
    in_: Annotated[tuple[str, ...] | None, levels_of] = None
    range: Annotated[tuple[float | None, float | None] | None, range_of] = None
    weight: Annotated[float, partial(number_of, above=0)] = 1.0

    def __post_init__(self) -> None:
        if (self.in_ is None) == (self.range is None):
            allowed = "allowed: one of in: [...] and range: [...]"
            raise FieldError("in", "a rule needs either levels or a range", allowed)
        super().__post_init__()

    def __repr__(self) -> str:
        parts = {"in_": self.in_, "range": self.range, "weight": None if self.weight == 1 else self.weight}
        more = "".join(f", {name}={value!r}" for name, value in parts.items() if value is not None)
        return f"Rule(attribute={self.attribute!r}{more})"


@dataclass(frozen=True)
class Statement(Part):
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

    where = "statements"
    text: Annotated[dict[str, str], texts_of]
    mark: Annotated[Mark, _mark_of] = ASSUMED
    attribute: Annotated[str | None, text_of] = None
    shows_in: Annotated[dict[str, tuple[str, ...]] | None, _shows_in] = None

    @classmethod
    def of(cls, value: object) -> Statement:
        """A statement from what a file holds: a text, or texts by language with a mark."""
        if isinstance(value, Statement):
            return value
        if isinstance(value, str):
            return cls(texts_of("text", value))
        parts = cls._arguments(value, **dict.fromkeys(LANGUAGES, "text"))
        return cls({name: parts.pop(name) for name in LANGUAGES if name in parts}, **parts)

    def plain(self) -> Any:
        """As a file holds it."""
        found = super().plain()
        text = found.pop("text")
        return {**text, **found} if found or text["de"] != text["en"] else text["en"]


def _shows_in(key: str, value: object) -> dict[str, tuple[str, ...]]:
    wanted = "allowed: one column, such as {events.category: [books]}"
    if not isinstance(value, Mapping) or len(value) != 1:
        raise FieldError(key, f"{shown(value)} is no column with its levels", wanted)
    name, levels = next(iter(value.items()))
    if not re.fullmatch(r"events\.\S+", str(name)):
        raise FieldError(key, f"{shown(name)} is no column of events", wanted)
    return {str(name): levels_of(key, levels)}


@dataclass(frozen=True)
class Bonding(Part):
    """What binds those who fit.

    Parameters
    ----------
    primary, secondary : str or None
        Of forced, lethargic, economic, habitual, value, affective.
    mark : Mark
    """

    where = "bonding"
    primary: Annotated[str, partial(choice_of, allowed=BONDS)]
    secondary: str | None = None
    mark: Annotated[Mark, _mark_of] = ASSUMED

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.secondary is not None:
            choice_of("secondary", self.secondary, [bond for bond in BONDS if bond != self.primary])


@dataclass(frozen=True)
class Revenue(Part):
    """What those who fit bring, a month.

    Parameters
    ----------
    range : tuple of (float or None, float or None)
        Of revenue a customer and month.
    currency : str
    mark : Mark
    """

    where = "revenue"
    range: Annotated[tuple[float | None, float | None], range_of]
    currency: Annotated[str, text_of]
    mark: Annotated[Mark, _mark_of] = ASSUMED
