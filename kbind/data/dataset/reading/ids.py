"""Identifiers in text: kept as they are, but for blanks around them and what a spreadsheet or pandas made of them."""

from __future__ import annotations

from collections.abc import Mapping

from kbind.data.dataset.reading.base import NOTHING, Breach, Reading, fits, is_word, maybe_untidy, text, without
from kbind.data.engine import Expression, column, literal, parse

#: pandas writes whole numbers so as soon as one is missing, and databases so from DECIMAL(12, 2).
_FLOAT = r"(0|[1-9]\d*)[.,]0+"
#: A spreadsheet shows long numbers so and saves what it shows: many customers become one.
_ROUNDED = r"\d([.,]\d+)?[Ee]\+\d+"
#: From here on not every whole number has a float of its own, by the type of the float.
_EXACT = {"DOUBLE": 2**53, "FLOAT": 2**24}
_AGAIN = "export it again as text: different numbers may have become the same"


def survey_id(source: str, *, from_text: bool) -> dict[str, Expression]:
    """Conditions to count over the column before it is read; each costs next to nothing where it does not apply."""
    value = parse("CAST(_x AS VARCHAR)", x=column(source))
    untidy = parse("CASE WHEN _d THEN _x IS DISTINCT FROM _tidy END", d=maybe_untidy(value), x=value, tidy=text(source))
    conditions = {} if from_text else {"untidy": untidy}
    return conditions | {
        "float": parse(
            "CASE WHEN _d AND ends_with(_x, '0') THEN _float END",
            d=_begins_with_digit(value),
            x=value,
            float=fits(value, _FLOAT),
        ),
        "rounded": _is_rounded(value),
        "nothing": is_word(value, NOTHING),
    }


def read_text_id(name: str, source: str, physical: str, counts: Mapping[str, int], *, required: bool) -> Reading:
    """A column of identifiers held as text."""
    as_it_is = counts.get("untidy") == 0 and not physical.startswith("ENUM")
    value = column(source) if as_it_is else text(source)
    breaches = []
    if required and counts["nothing"]:
        allowed = "allowed: a value in every row"
        breaches.append(Breach(is_word(value, NOTHING), "stands for a missing value", allowed, source, absent=True))
    elif counts["nothing"]:
        as_it_is, value = False, without(value, NOTHING)
    if counts["rounded"]:
        breaches.append(Breach(_is_rounded(value), "was rounded by a spreadsheet", _AGAIN, source))
    if counts["float"]:
        long = parse("_float AND TRY_CAST(replace(_x, ',', '.') AS DOUBLE) >= _e", float=fits(value, _FLOAT), x=value,
                     e=literal(_EXACT["DOUBLE"]))  # fmt: skip
        breaches.append(Breach(long, "was rounded to a float", _AGAIN, source))
        as_it_is = False
        value = parse(
            "CASE WHEN _float THEN regexp_replace(_x, '[.,]0+$', '') ELSE _x END", float=fits(value, _FLOAT), x=value
        )
    return Reading(name, source, value, converted=not as_it_is, breaches=tuple(breaches))


def _is_rounded(value: Expression) -> Expression:
    digit = _begins_with_digit(value)
    return parse(
        "CASE WHEN _d THEN CASE WHEN contains(_x, 'E+') OR contains(_x, 'e+') THEN _rounded END END",
        d=digit,
        x=value,
        rounded=fits(value, _ROUNDED),
    )


def _begins_with_digit(value: Expression) -> Expression:
    return parse("_x >= '0' AND _x < ':'", x=value)


def read_float_id(name: str, source: str, physical: str) -> Reading:
    """A column of identifiers held as floats: pandas makes floats of whole numbers as soon as one is missing."""
    raw = column(source)
    exact = literal(_EXACT["FLOAT" if physical.startswith("FLOAT") else "DOUBLE"])
    broken = parse("isnan(_x) OR isinf(_x) OR _x <> floor(_x)", x=raw)
    long = parse("NOT isnan(_x) AND NOT isinf(_x) AND abs(_x) >= _exact", x=raw, exact=exact)
    trace = parse("CAST(max(_x) >= _exact OR min(_x) <= -_exact AS INTEGER)", x=raw, exact=exact)
    breaches = (
        Breach(broken, "is not an identifier", "allowed: whole numbers", source),
        Breach(long, f"was rounded to a float ({physical})", _AGAIN, source, trace),
    )
    return Reading(name, source, parse("TRY_CAST(_x AS BIGINT)", x=raw), breaches=breaches)
