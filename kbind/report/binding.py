"""Tie every number of a finished page to its fact: marks become attributes, and nothing looks different.

`data-facts` lists what the numbers in an element's own text are, `data-label-facts` those in its labels, in the order
in which they stand there: id and form of a fact, "next.on:per100". Digits without a mark are constants of the wording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kbind.text.marks import DIGITS, MARKED, Source, id_and_form, of_digits, plain, reference_in, small_fact

#: Attributes that readers see or hear, in this order.
LABELS = ("aria-label", "alt", "title", "data-name")
#: Where the facts of an element's own text stand, and those of its labels.
TEXT_FACTS, LABEL_FACTS = "data-facts", "data-label-facts"
#: Elements without an end, and those whose text nobody reads.
VOID, UNREAD = ("meta", "br", "hr", "img", "link", "input", "!doctype"), ("style", "script")

_TAG = re.compile(r"(<[^>]*>)")  # in attributes of ours a ">" is escaped
_NAME = re.compile(r"</?([!\w-]+)")
_LABEL = re.compile(rf' ({"|".join(LABELS)})="([^"]*)"')
_PIECE = re.compile(rf"{MARKED.pattern}|&#?\w+;|{DIGITS.pattern}")


@dataclass
class Bound:
    """A page whose numbers are tied to facts.

    Attributes
    ----------
    html : str
    constants : dict of str to Source
        Digits that no mark was around, by id.
    references : set of str
        All facts that the page refers to, with their forms.
    """

    html: str = ""
    constants: dict[str, Source] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)

    def numbers_in(self, text: str, drawn: Mapping[str, str]) -> list[str]:
        """References of the numbers in a text, in order; `drawn` says what figures wrote."""
        found, done = [], 0
        for piece in _PIECE.finditer(text):
            if piece.start() < done or piece[0].startswith("&"):
                continue
            if piece[1] is not None:
                reference = reference_in(piece[1])
            else:
                reference, done = _drawn(text, piece, drawn)
            if not reference:
                source = of_digits(piece[0])
                self.constants[source.id] = source
                reference = source.reference
            found.append(reference)
        self.references.update(found)
        return found

    def small_facts(self, known: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The numbers of the page that are no estimates, of those that were written and of its own constants."""
        used = {id_and_form(reference)[0] for reference in self.references}
        constants = {name: small_fact(source) for name, source in self.constants.items()}
        return [fact for name, fact in sorted({**known, **constants}.items()) if name in used]


def bind(html: str, drawn: Mapping[str, str]) -> Bound:
    """Turn the marks of a page into attributes; `drawn` says what the numbers are that figures wrote."""
    bound, parts = Bound(), _TAG.split(html)
    facts: dict[int, list[str]] = {}
    labels: dict[int, list[str]] = {}
    stack: list[tuple[int, str]] = []
    for place, part in enumerate(parts):
        if place % 2 == 0:
            if stack and stack[-1][1] not in UNREAD and (numbers := bound.numbers_in(part, _figure(stack, drawn))):
                facts.setdefault(stack[-1][0], []).extend(numbers)
            continue
        found = _NAME.match(part)
        name = found[1].lower() if found else ""
        if part.startswith("</"):
            while stack and stack.pop()[1] != name:
                pass
        elif name != "main":  # it is called by a name that nobody reads
            words = sorted(_LABEL.findall(part), key=lambda pair: LABELS.index(pair[0]))
            image = drawn if 'role="img"' in part else {}
            if numbers := [ref for _, text in words for ref in bound.numbers_in(text, image)]:
                labels[place] = numbers
        if not part.startswith("</") and name not in VOID and not part.endswith("/>"):
            stack.append((place, name))
    for attribute, lists in ((TEXT_FACTS, facts), (LABEL_FACTS, labels)):
        for place, numbers in lists.items():
            end = 2 if parts[place].endswith("/>") else 1
            parts[place] = f'{parts[place][:-end]} {attribute}="{" ".join(numbers)}"{parts[place][-end:]}'
    bound.html = plain("".join(parts))
    return bound


def _figure(stack: Sequence[tuple[int, str]], drawn: Mapping[str, str]) -> Mapping[str, str]:
    """What figures wrote, for text that stands in one."""
    return drawn if any(name == "svg" for _, name in stack) else {}


def _drawn(text: str, digits: re.Match[str], drawn: Mapping[str, str]) -> tuple[str, int]:
    """The longest of what figures wrote that holds the digits: its reference, and where it ends in the text."""
    for written in sorted((key for key in drawn if digits[0] in key), key=len, reverse=True):
        at = text.find(written, max(digits.end() - len(written), 0))
        end = at + len(written)
        if 0 <= at <= digits.start() and end >= digits.end() and not text[end : end + 1].isdigit():
            return drawn[written], end
    return "", 0
