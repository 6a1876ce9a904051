"""Names that come from the data, made fit to stand in our sentences."""

from __future__ import annotations

import unicodedata

_LONGEST = 100
_RIGHT_TO_LEFT = {"R", "AL", "AN"}
_DIRECTING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
#: Control signs, and those that no writing has (of icons, and of our marks).
_UNSEEN = {"Cc", "Co"}
_ISOLATE, _END = "\u2068", "\u2069"


def named(name: str, longest: int = _LONGEST) -> str:
    r"""A name as it may be told: on one line, not longer than a line, and without power over its neighbours.

    Signs that direct the flow of text would turn our numbers around (345 reads 543) and are left out. A name written
    from right to left is set apart, so that the words after it keep their order.

    >>> named("Feinkost Müller")
    'Feinkost Müller'
    >>> named("\u202eelpmis")
    'elpmis'
    >>> len(named("W" * 10_000))
    100
    """
    signs = (" " if sign.isspace() else sign for sign in name if unicodedata.bidirectional(sign) not in _DIRECTING)
    line = " ".join("".join(sign for sign in signs if unicodedata.category(sign) not in _UNSEEN).split())
    if len(line) > longest:
        line = line[: longest - 1].rstrip() + "…"
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in line):
        return f"{_ISOLATE}{line}{_END}"
    return line
