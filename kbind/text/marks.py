"""Marks that tie each number of a text to what it is: invisible, made while a page is told, gone before it is read.

Who writes down a page opens `writing`. From then on every number that a `Voice` writes stands between marks, which hold
a reference: the id of a fact and the form it is written in. Numbers that are no facts by name, such as a day or a count
of periods, become small facts of their own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from kbind.text.facts import Fact

F = TypeVar("F", bound=Callable[..., str])
T = TypeVar("T")

#: What stands before and behind a reference, and behind what was written; a reference is moved to where no text is.
_BEGIN, _MIDDLE, _END, _MOVED = "\ue000", "\ue001", "\ue002", 0xF0000
_SIGNS = re.compile("[\ue000-\ue002\U000f0000-\U000ff000]")
#: A number that is marked: its reference, and what was written.
MARKED = re.compile(f"{_BEGIN}([^{_MIDDLE}]*){_MIDDLE}([^{_END}]*){_END}")
#: Digits as a reader sees them as one number.
DIGITS = re.compile(r"\d(?:[\d.,:/\u2019-]*\d)?")

#: What a number is that is no fact by name, by its unit.
KINDS = {
    "number": "a number as the page writes it: a setting, an age, a count, a place on an axis",
    "percent": "a share of 1 as the page writes it",
    "amount": "an amount of money as the page writes it",
    "day": "a day",
    "days": "two days: from the first to the last",
    "months": "two days: from the month of the first to that of the last",
    "period": "a period: its first day and its label",
    "text": "digits of the wording, of a name or of a label",
}


@dataclass(frozen=True)
class Source:
    """What a written number is.

    Parameters
    ----------
    id : str
    form : str
        How it is written.
    unit : str
        One of `KINDS`, or empty for a fact.
    value : object
        As JSON holds it; of a fact all of it.
    """

    id: str
    form: str = ""
    unit: str = ""
    value: Any = None

    @property
    def reference(self) -> str:
        """Id and form in one word."""
        return f"{_quoted(self.id)}:{_quoted(self.form)}"


@dataclass
class Scribe:
    """Remembers what each number is that was written.

    Attributes
    ----------
    numbers : dict
        Numbers that are no estimates, by id.
    facts : dict
        Facts that were written, by id.
    drawn : dict
        References by what was written in figures, where no marks can stand.
    """

    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    drawn: dict[str, str] = field(default_factory=dict)
    busy: bool = False
    drawing: bool = False

    def bind(self, text: str, source: Source) -> str:
        """What was written, between marks."""
        if source.unit:
            self.numbers[source.id] = small_fact(source)
        else:
            self.facts[source.id] = source.value
        if self.drawing:
            self.drawn[text] = source.reference
            return text
        return mark(text, source.reference)


_SCRIBE: ContextVar[Scribe | None] = ContextVar("scribe", default=None)


@contextmanager
def writing() -> Iterator[Scribe]:
    """Mark every number that is written meanwhile."""
    scribe = Scribe()
    token = _SCRIBE.set(scribe)
    try:
        yield scribe
    finally:
        _SCRIBE.reset(token)


@contextmanager
def drawing() -> Iterator[None]:
    """Leave out marks while a figure is drawn, but remember what its numbers are."""
    scribe = _SCRIBE.get()
    if scribe is not None:
        scribe.drawing = True
    try:
        yield
    finally:
        if scribe is not None:
            scribe.drawing = False


def writes(source_of: Callable[..., Source]) -> Callable[[F], F]:
    """Mark what a method of `Voice` writes, unless another one asked it to; `source_of` takes the same arguments."""

    def decorate(method: F) -> F:
        @wraps(method)
        def write(*args: Any, **kwargs: Any) -> str:
            scribe = _SCRIBE.get()
            if scribe is None or scribe.busy:
                return str(method(*args, **kwargs))
            scribe.busy = True
            try:
                text = str(method(*args, **kwargs))
            finally:
                scribe.busy = False
            return scribe.bind(text, source_of(*args, **kwargs)) if DIGITS.search(text) else text

        return cast("F", write)

    return decorate


class _Speaker(Protocol):
    """What of a `Voice` is needed here."""

    currency: str
    period: str


# -- what a number is ----------------------------------------------------------------------------------------------


def small_fact(source: Source) -> dict[str, Any]:
    """A number that is no estimate, for JSON."""
    return {"id": source.id, "value": source.value, "unit": source.unit, "definition": KINDS[source.unit]}


def of_digits(digits: str) -> Source:
    """Digits that stand in a text as they are."""
    return Source(f"text.{digits}", unit="text", value=digits)


def of_fact(voice: _Speaker, fact: Fact, form: str = "") -> Source:
    """A fact."""
    return Source(fact.id, form, value=fact.as_dict())


def of_number(voice: _Speaker, value: float, decimals: int = 0) -> Source:
    """A number, as exact as it is written."""
    shown = f"{round(float(value), decimals) + 0.0:.{decimals}f}"
    return Source(f"number.{shown}", str(decimals), "number", float(shown))


def of_percent(voice: _Speaker, share: float, decimals: int = 0) -> Source:
    """A share in per cent."""
    shown = round(Decimal(str(float(share))), decimals + 2)
    return Source(f"percent.{shown:f}", str(decimals), "percent", float(shown))


def of_money(voice: _Speaker, value: float) -> Source:
    """An amount in the voice's currency."""
    shown = round(float(value), 0 if round(abs(value), 2) >= 100 else 2)
    return Source(f"amount.{shown:.2f}", voice.currency, "amount", shown)


def of_day(voice: _Speaker, day: date) -> Source:
    """A date."""
    return Source(f"day.{day:%Y-%m-%d}", unit="day", value=f"{day:%Y-%m-%d}")


def of_days(voice: _Speaker, first: date, last: date) -> Source:
    """From one day to another."""
    return _between("days", first, last)


def of_months(voice: _Speaker, first: date, last: date) -> Source:
    """From the month of one day to that of another."""
    return _between("months", first, last)


def of_period(voice: _Speaker, start: date, label: str, *, short: bool = False) -> Source:
    """A period."""
    form = f"{voice.period}.short" if short else voice.period
    return Source(f"period.{label}", form, "period", f"{start:%Y-%m-%d} {label}")


def _between(unit: str, first: date, last: date) -> Source:
    days = f"{first:%Y-%m-%d}/{last:%Y-%m-%d}"
    return Source(f"{unit}.{days}", unit=unit, value=days)


# -- marks ---------------------------------------------------------------------------------------------------------


def mark(text: str, reference: str) -> str:
    """A text between marks."""
    return f"{_BEGIN}{''.join(chr(_MOVED + ord(sign)) for sign in reference)}{_MIDDLE}{text}{_END}"


def reference_in(moved: str) -> str:
    """The reference as a mark holds it, moved back."""
    return "".join(chr(ord(sign) - _MOVED) for sign in moved)


def id_and_form(reference: str) -> tuple[str, str]:
    """What a reference says."""
    name, _, form = reference.rpartition(":")
    return _unquoted(name), _unquoted(form)


def _quoted(text: str) -> str:
    """A text as one word without colons, as in addresses: "a b" becomes "a%20b"."""
    return re.sub(r"[^A-Za-z0-9_.~/-]", lambda sign: "".join(f"%{byte:02X}" for byte in sign[0].encode()), text)


def _unquoted(text: str) -> str:
    return re.sub(rb"%([0-9A-F]{2})", lambda code: bytes([int(code[1], 16)]), text.encode()).decode(errors="replace")


def plain(text: str) -> str:
    """A text without marks."""
    return _SIGNS.sub("", text)


def plainly(value: T) -> T:
    """The same without marks, in all texts that a list, a mapping or a dataclass holds."""
    return cast("T", _mapped(value, plain))


def shown(value: T) -> T:
    """The same without marks, for a figure that remembers what its numbers are."""
    scribe = _SCRIBE.get()

    def remember(text: str) -> str:
        if scribe is not None:
            scribe.drawn |= {written: reference_in(moved) for moved, written in MARKED.findall(text)}
        return plain(text)

    return cast("T", _mapped(value, remember))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The value itself where no text in it has marks."""
    if isinstance(value, str):
        return change(value) if _BEGIN in value else value
    if type(value) in (list, tuple):
        parts = [_mapped(part, change) for part in value]
        return value if all(map(operator.is_, parts, value)) else type(value)(parts)
    if isinstance(value, dict):
        return {_mapped(key, change): _mapped(part, change) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: getattr(value, each.name) for each in fields(value)}
        changed = {name: part for name, old in held.items() if (part := _mapped(old, change)) is not old}
        return replace(value, **changed) if changed else value
    return value


def references(value: object) -> dict[str, list[list[str]]]:
    """Of all texts with marks: the same without, with the reference and what was written of each mark, in order."""
    found: dict[str, list[list[str]]] = {}

    def keep(text: str) -> str:
        found[plain(text)] = [[reference_in(moved), written] for moved, written in MARKED.findall(text)]
        return text

    _mapped(value, keep)
    return found


def marked_again(value: T, bound: Mapping[str, Sequence[Sequence[str]]], prefix: str) -> T:
    """Texts with their marks, from what `references` has found; `prefix` stands before each id."""

    def again(text: str) -> str:
        done, rest = "", text
        for reference, written in bound.get(text, ()):
            if found := re.search(rf"(?<!\d)(?<!\d[.,]){re.escape(written)}(?!\d)", rest):
                done, rest = done + rest[: found.start()] + mark(written, prefix + reference), rest[found.end() :]
        return done + rest

    return cast("T", _each(value, again))


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """JSON with every text changed, names of fields apart."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each(part, change) for part in value]
    return {key: _each(part, change) for key, part in value.items()} if isinstance(value, dict) else value
