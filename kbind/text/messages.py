"""Sentences by key, from one catalogue a language. A missing key or a wrong placeholder is an error."""

from __future__ import annotations

from functools import cache
from gettext import c2py
from importlib.resources import files
from string import Formatter
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from kbind.errors import KbindError, check_choice
from kbind.text.marks import MARKED

LANGUAGES = ("de", "en")


class MessageError(KbindError, KeyError):
    """A sentence is missing, or does not fit the values it was given."""

    def __str__(self) -> str:
        return str(self.args[0])


@cache
def load_catalogue(lang: str) -> Catalog:
    """All catalogues of a language in one, as Babel reads them."""
    check_choice("lang", lang, LANGUAGES)
    whole = Catalog(locale=lang)
    folder = files("kbind.text").joinpath("locales", lang)
    for part in sorted(folder.iterdir(), key=lambda path: path.name):
        with part.open("rb") as file:
            for message in read_po(file, locale=lang):
                if message.id:
                    whole[message.id] = message
    return whole


class Catalogue:
    """Sentences of one language.

    Parameters
    ----------
    lang : {"de", "en"}
        Language.

    Examples
    --------
    >>> Catalogue("de").text("interval", low="82,5", high="85,4 %")
    'zwischen 82,5 und 85,4 %'
    """

    def __init__(self, lang: str) -> None:
        self.lang = check_choice("lang", lang, LANGUAGES)
        self._catalogue = load_catalogue(self.lang)
        self._plural = c2py(self._catalogue.plural_expr)

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in self._catalogue

    def template(self, key: str, number: int | None = None) -> str:
        """The sentence with its places still open; for a number, in the form the number asks for."""
        message = self._catalogue.get(key)
        if message is None or not message.string:
            raise MessageError(f"no text {key!r} in {self.lang}.po")
        if isinstance(message.string, str):
            return message.string
        if number is None:
            raise MessageError(f"text {key!r} in {self.lang}.po has a plural and needs a number")
        return str(message.string[self._plural(number)])

    def text(self, key: str, number: int | None = None, /, **values: str) -> str:
        """The sentence, filled in; a place without a value is an error."""
        return fill(self.template(key, number), key, values)


def fill(template: str, key: str, values: dict[str, Any], formatter: Formatter | None = None) -> str:
    """Fill a template; a place without a value is an error that names the key."""
    try:
        return (formatter or Formatter()).vformat(template, (), values)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise MessageError(f"text {key!r} cannot be filled: {error!r}; given: {', '.join(sorted(values))}") from error


def upper_first(text: str) -> str:
    """The text as the beginning of a sentence."""
    marked = MARKED.match(text)
    first = marked.start(2) if marked else 0
    return text[:first] + text[first : first + 1].upper() + text[first + 1 :]
