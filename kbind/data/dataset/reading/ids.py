"""Identifiers in text: kept as they are, but for blanks around them and what a spreadsheet or pandas made of them."""

from __future__ import annotations

from collections.abc import Mapping

from kbind.data.dataset.reading.base import Breach, Reading, fits, maybe_untidy, text
from kbind.data.engine import Expression, column, literal, parse

#: pandas writes whole numbers so as soon as one is missing, and databases so from DECIMAL(12, 2).
_FLOAT = r"(0|[1-9]\d*)[.,]0+"
#: A spreadsheet shows long numbers so and saves what it shows: many customers become one.
_ROUNDED = r"\d([.,]\d+)?E\+\d+"
#: What programs write where there is nothing; taken at its word, it would be the most faithful customer of all.
_NOTHING = ("nan", "null", "none", "nil", "<na>", "nat", "\\n", "#n/a", "#nv", "#ref!", "#bezug!", "#value!", "#wert!")


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
        "nothing": _is_nothing(value),
    }


def read_text_id(name: str, source: str, physical: str, counts: Mapping[str, int], *, required: bool) -> Reading:
    """A column of identifiers held as text."""
    as_it_is = counts.get("untidy") == 0 and not physical.startswith("ENUM")
    value = column(source) if as_it_is else text(source)
    breaches = []
    if required and counts["nothing"]:
        allowed = "allowed: a value in every row"
        breaches.append(Breach(_is_nothing(value), "stands for a missing value", allowed, source))
    if counts["rounded"]:
        remedy = "export it again as text: different numbers may have become the same"
        breaches.append(Breach(_is_rounded(value), "was rounded by a spreadsheet", remedy, source))
    if counts["float"]:
        as_it_is = False
        value = parse(
            "CASE WHEN _float THEN regexp_replace(_x, '[.,]0+$', '') ELSE _x END", float=fits(value, _FLOAT), x=value
        )
    return Reading(name, source, value, converted=not as_it_is, breaches=tuple(breaches))


def _is_rounded(value: Expression) -> Expression:
    digit = _begins_with_digit(value)
    return parse(
        "CASE WHEN _d THEN CASE WHEN contains(_x, 'E+') THEN _rounded END END",
        d=digit,
        x=value,
        rounded=fits(value, _ROUNDED),
    )


def _is_nothing(value: Expression) -> Expression:
    longest = literal(max(map(len, _NOTHING)))
    listed = parse("list_contains(_words, lower(_x))", words=literal(list(_NOTHING)), x=value)
    return parse("CASE WHEN strlen(_x) <= _longest THEN _listed END", x=value, longest=longest, listed=listed)


def _begins_with_digit(value: Expression) -> Expression:
    return parse("_x >= '0' AND _x < ':'", x=value)
