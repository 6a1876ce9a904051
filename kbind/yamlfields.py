"""What may stand in a field of a file that people write; checked in one way, from a file or from Python."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from kbind.errors import MOST, ArgumentError, choices, shown
from kbind.yamlfile import level_of

LANGUAGES = ("de", "en")


class FieldError(ArgumentError):
    """A field of such a file holds what it must not.

    Parameters
    ----------
    key : str
        The field, as files call it.
    message : str
        What is wrong.
    allowed : str
        What would be right, with the near miss if there is one.
    """

    def __init__(self, key: str, message: str, allowed: str) -> None:
        self.key, self.message, self.allowed = key, message, allowed
        super().__init__(f"{key}: {message}; {allowed}")


def levels_of(key: str, value: object) -> tuple[str, ...]:
    """One level or more."""
    many = [value] if isinstance(value, (str, int, float)) else value
    if not isinstance(many, Iterable) or isinstance(many, Mapping):
        raise FieldError(key, f"{shown(value)} is no list of levels", "allowed: levels, such as [web, partner]")
    levels = tuple(many)
    if not levels or any(level is None or isinstance(level, (Mapping, list, tuple)) for level in levels):
        raise FieldError(key, f"{shown(value)} holds no level, or one that is empty", "allowed: such as [web, partner]")
    return tuple(dict.fromkeys(level_of(level) for level in levels))


def text_of(key: str, value: object, *, empty: bool = False) -> str:
    """Text that says something."""
    if not isinstance(value, str) or (not empty and not value.strip()):
        raise FieldError(key, f"{shown(value)} is no text", "allowed: text")
    return value


def number_of(
    key: str, value: object, *, above: float | None = None, least: float | None = None, most: float | None = None
) -> float:
    """A finite number, within limits."""
    limits = [f"{word} {limit:g}" for word, limit in (("above", above), ("from", least), ("up to", most))
              if limit is not None]  # fmt: skip
    wanted = f"allowed: a number {' '.join(limits)}".rstrip()
    given: Any = value
    try:
        number = math.nan if isinstance(value, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= MOST:
        raise FieldError(key, f"{shown(value)} is no number", wanted)
    low = above is not None and number <= above
    if low or (least is not None and number < least) or (most is not None and number > most):
        raise FieldError(key, f"{number:g} is out of range", wanted)
    return number


def range_of(key: str, value: object) -> tuple[float | None, float | None]:
    """From one number on and below another; None for no limit."""
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise FieldError(key, f"{shown(value)} is no range", "allowed: [from, below], such as [500, null]")
    low, high = (None if limit is None else number_of(key, limit) for limit in value)
    if (low is None and high is None) or (low is not None and high is not None and low >= high):
        problem = f"{shown(list(value))} holds nothing or everything"
        raise FieldError(key, problem, "allowed: [from, below], such as [500, null]")
    return low, high


def count_of(key: str, value: object, least: int = 1) -> int:
    """A whole number."""
    number = number_of(key, value, least=least)
    if number != int(number):
        raise FieldError(key, f"{number:g} is no whole number", f"allowed: {least}, {least + 1}, {least + 2}, ...")
    return int(number)


def day_of(key: str, value: object) -> date:
    """A day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise FieldError(key, f"{shown(value)} is no day", "allowed: a day such as 2026-01-31") from error


def flag_of(key: str, value: object) -> bool:
    """Yes or no."""
    word = level_of(value).casefold()
    if word not in ("yes", "no"):
        raise FieldError(key, f"{shown(value)} is neither yes nor no", "allowed: true, false")
    return word == "yes"


def choice_of(key: str, value: object, allowed: Sequence[str]) -> str:
    """One of some words."""
    if value in allowed:
        return str(value)
    raise FieldError(key, f"{shown(value)} is not known", choices(value, allowed, "allowed"))


def texts_of(key: str, value: object) -> dict[str, str]:
    """A text in every language; one text stands for all."""
    if isinstance(value, str):
        return dict.fromkeys(LANGUAGES, text_of(key, value))
    wanted = "allowed: text, or a text each for " + " and ".join(LANGUAGES)
    if not isinstance(value, Mapping):
        raise FieldError(key, f"{shown(value)} is no text", wanted)
    check_keys(value, LANGUAGES, key)
    for language in LANGUAGES:
        if language not in value:
            raise FieldError(key, f"no text for {language!r}", wanted)
    return {language: text_of(language, value[language]) for language in LANGUAGES}


def check_keys(given: Mapping[Any, Any], allowed: Sequence[str], where: str) -> None:
    """Refuse a key that nobody reads."""
    for key in given:
        if key not in allowed:
            raise FieldError(str(key), f"no such key in {where}", choices(key, allowed, "allowed"))
