"""Identifiers in text: kept as they are, but for blanks around them and what a spreadsheet or pandas made of them."""

from __future__ import annotations

from kbind.dataset.reading.base import NOTHING, Breach, Raw, Reading, fits, is_word, maybe_untidy, without
from kbind.engine.engine import Expression, column, literal, parse

#: pandas writes whole numbers so as soon as one is missing, and databases so from DECIMAL(12, 2).
_FLOAT = r"(0|[1-9]\d*)[.,]0+"
#: A spreadsheet shows long numbers so and saves what it shows: many customers become one.
_ROUNDED = r"\d([.,]\d+)?[Ee]\+\d+"
#: From here on not every whole number has a float of its own, by the type of the float.
_EXACT = {"DOUBLE": 2**53, "FLOAT": 2**24}
_AGAIN = "export it again as text: different numbers may have become the same"


def survey_id(raw: Raw, *, from_text: bool) -> dict[str, Expression]:
    """Conditions to count over the column before it is read; each costs next to nothing where it does not apply."""
    value = raw.made("CAST(_x AS VARCHAR)")
    untidy = parse("CASE WHEN _d THEN _x IS DISTINCT FROM _tidy END", d=maybe_untidy(value), x=value, tidy=raw.text)
    conditions = {} if from_text else {"untidy": untidy}
    digit, fitting = _begins_with_digit(value), fits(value, _FLOAT)
    return conditions | {
        "float": parse("CASE WHEN _d AND ends_with(_x, '0') THEN _float END", d=digit, x=value, float=fitting),
        "rounded": _is_rounded(value),
        "nothing": is_word(value, NOTHING),
    }


def read_text_id(raw: Raw, *, required: bool) -> Reading:
    """A column of identifiers held as text."""
    counts = raw.counts
    as_it_is = counts.get("untidy") == 0 and not raw.physical.startswith("ENUM")
    value = column(raw.source) if as_it_is else raw.text
    breaches = []
    if required and counts["nothing"]:
        allowed = "allowed: a value in every row"
        breaches.append(Breach(is_word(value, NOTHING), "stands for a missing value", allowed, absent=True))
    elif counts["nothing"]:
        as_it_is, value = False, without(value, NOTHING)
    if counts["rounded"]:
        breaches.append(Breach(_is_rounded(value), "was rounded by a spreadsheet", _AGAIN))
    if counts["float"]:
        fitting, exact = fits(value, _FLOAT), literal(_EXACT["DOUBLE"])
        number = parse("TRY_CAST(replace(_x, ',', '.') AS DOUBLE)", x=value)
        long = parse("_float AND _number >= _exact", float=fitting, number=number, exact=exact)
        breaches.append(Breach(long, "was rounded to a float", _AGAIN))
        as_it_is = False
        value = parse("CASE WHEN _float THEN regexp_replace(_x, '[.,]0+$', '') ELSE _x END", float=fitting, x=value)
    return raw.read(value, *breaches, converted=not as_it_is)


def _is_rounded(value: Expression) -> Expression:
    sql = "CASE WHEN _d THEN CASE WHEN contains(_x, 'E+') OR contains(_x, 'e+') THEN _rounded END END"
    return parse(sql, d=_begins_with_digit(value), x=value, rounded=fits(value, _ROUNDED))


def _begins_with_digit(value: Expression) -> Expression:
    return parse("_x >= '0' AND _x < ':'", x=value)


def read_float_id(raw: Raw) -> Reading:
    """A column of identifiers held as floats: pandas makes floats of whole numbers as soon as one is missing."""
    exact = literal(_EXACT["FLOAT" if raw.physical.startswith("FLOAT") else "DOUBLE"])
    long = raw.made("NOT isnan(_x) AND NOT isinf(_x) AND abs(_x) >= _exact", exact=exact)
    trace = raw.made("CAST(max(_x) >= _exact OR min(_x) <= -_exact AS INTEGER)", exact=exact)
    return raw.read(
        "TRY_CAST(_x AS BIGINT)",
        Breach(raw.made("isnan(_x) OR isinf(_x) OR _x <> floor(_x)"), "is not an identifier", "allowed: whole numbers"),
        Breach(long, f"was rounded to a float ({raw.physical})", _AGAIN, trace),
    )
