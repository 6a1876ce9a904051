"""How one column is read: which convention its text follows, and which values break it.

Text is never guessed value by value. A survey counts how many values fit each convention; the column
then has one convention, or it is a problem that names the rows. So `1.5` can never become 15.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from kbind.data.dataset.reading.base import (
    ENDLESS,
    FLOATS,
    INTEGERS,
    NO_VALUE,
    Breach,
    Hints,
    Reading,
    is_nested,
    is_text,
    is_word,
    text,
    without,
    wrong_type,
)
from kbind.data.dataset.reading.ids import read_float_id, read_text_id, survey_id
from kbind.data.dataset.reading.numbers import (
    all_numbers,
    all_whole,
    endless,
    no_value,
    read_number,
    survey_number,
    tidy_number,
)
from kbind.data.dataset.reading.times import read_time, survey_time
from kbind.data.dataset.schema import Column, Kind
from kbind.data.engine import Expression, column, literal, parse

_VALUE = "allowed: a value in every row"
YES = ("yes", "true", "1", "y", "t", "ja", "j", "wahr")
NO = ("no", "false", "0", "n", "f", "nein", "falsch")


def survey(spec: Column, source: str, physical: str, *, from_text: bool) -> dict[str, Expression]:
    """Conditions to count over a raw column of the contract before it can be read; empty where its type says it all.

    Parameters
    ----------
    spec : Column
        The contract.
    source, physical : str
        Name and type of the raw column.
    from_text : bool
        Whether the whole source is text, so that identifiers are trimmed anyway.
    """
    if not is_text(physical):
        return {}
    match spec.kind:
        case Kind.NUMBER:
            return survey_number(column(source), tidy_number(column(source)))
        case Kind.TIME:
            return survey_time(source, required=spec.required)
        case Kind.ID:
            return survey_id(source, from_text=from_text)
        case Kind.FLAG:
            return {"nothing": is_word(column(source), NO_VALUE)}
        case _:
            return {}


def survey_attribute(raw: Expression, value: Expression) -> dict[str, Expression]:
    """Conditions to count over a column of text outside the contract, and its form as a number (`tidy_attribute`)."""
    return survey_number(raw, value, attribute=True) | {"flags": parse("NOT _f IS NULL", f=yes_or_no(raw))}


def tidy_attribute(raw: Expression) -> Expression:
    """A column of text outside the contract as a number is read."""
    return tidy_number(raw, attribute=True)


def read_column(
    name: str,
    spec: Column | None,
    source: str,
    physical: str,
    counts: Mapping[str, int],
    hints: Hints,
    role: Kind | None = None,
) -> Reading:
    """Choose how to read one column.

    Parameters
    ----------
    name, source : str
        What the contract and what the file call it.
    spec : Column or None
        The contract; None for an attribute.
    physical : str
        Type the engine holds it in.
    counts : mapping of str to int
        How many values meet each condition of `survey`.
    hints : Hints
        Declared conventions.
    role : Kind or None
        What an attribute has to hold to play its part.
    """
    if spec is None and role is Kind.TIME:
        return read_time(name, source, physical, counts, hints)
    if spec is None:
        return _attribute(name, source, physical, counts, hints, number=role is Kind.NUMBER)
    if is_nested(physical) and not (spec.kind is Kind.ID and physical == "BLOB"):  # bytes name a customer like text
        breach = wrong_type(source, physical, spec.kind.value)
        return Reading(name, source, parse("CAST(NULL AS VARCHAR)"), breaches=(breach,))
    reading = _read(spec, name, source, physical, counts, hints)
    breaches = list(reading.breaches)
    if spec.required:
        blank = is_text(physical) and (reading.converted or spec.kind is not Kind.ID)
        empty = parse("_x IS NULL", x=text(source) if blank else column(source))
        trace = None if blank else parse("count(*) - count(_x)", x=column(source))
        breaches.append(Breach(empty, "has no value", _VALUE, source, trace, absent=True))
    if spec.happened:
        zone = UTC if reading.instant else None
        early, late = literal(datetime(1900, 1, 1, tzinfo=zone)), literal(datetime(2201, 1, 1, tzinfo=zone))
        time = {"t": reading.expression, "early": early, "late": late}
        far = parse("_t < _early OR _t >= _late", **time)
        trace = None if reading.converted else parse("CAST(min(_t) < _early OR max(_t) >= _late AS INTEGER)", **time)
        breaches.append(Breach(far, "lies far outside any business", "allowed: the years 1900 to 2200", source, trace))
    if spec.levels:
        outside = parse("NOT list_contains(_levels, _x)", levels=literal(list(spec.levels)), x=reading.expression)
        options = ", ".join(repr(level) for level in spec.levels)
        breaches.append(Breach(outside, "is not a known level", f"allowed: {options}", source))
    return replace(reading, breaches=tuple(breaches))


def read_mark(name: str, source: str) -> Reading:
    """The mark of the currency that stands with an amount, as a column of its own."""
    mark = parse("nullif(kb_mark(CAST(_x AS VARCHAR)), '')", x=column(source))
    return Reading(name, source, mark, converted=True)


def _read(spec: Column, name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    match spec.kind:
        case Kind.ID:
            return _read_id(name, source, physical, counts, required=spec.required)
        case Kind.TIME:
            return read_time(name, source, physical, counts, hints)
        case Kind.NUMBER:
            return read_number(name, source, physical, counts, hints)
        case Kind.FLAG:
            return _read_flag(name, source, physical, counts)
        case Kind.TEXT:
            return _read_text(name, source, physical, from_text=hints.delimiter is not None)
        case Kind.ANY:
            return Reading(name, source, column(source))


def _attribute(
    name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints, *, number: bool
) -> Reading:
    """A column outside the contract: from a text file a number if all its values are, else as it is.

    `number`: its role demands numbers. Text of another source is one of numbers if only words for nothing made it text.
    """
    raw = column(source)
    if physical.startswith(FLOATS):
        finite = parse("CASE WHEN isnan(_x) OR (_attribute AND isinf(_x)) THEN NULL ELSE _x END", x=raw,
                       attribute=literal(not number))  # fmt: skip
        return Reading(name, source, finite, breaches=() if number else (endless(source, "", tolerated=True),))
    if number and not is_text(physical):
        return read_number(name, source, physical, counts, hints)
    if physical == "UUID":
        return Reading(name, source, parse("CAST(_x AS VARCHAR)", x=raw))
    if not is_text(physical) or not counts or (hints.delimiter is None and not counts["nothing"] and not number):
        return Reading(name, source, raw)
    missing = (no_value(source, (*NO_VALUE, *ENDLESS)),) if counts["nothing"] else ()
    if all_whole(counts):
        return Reading(name, source, parse("TRY_CAST(_x AS BIGINT)", x=raw), converted=True, breaches=missing)
    if number or all_numbers(counts):
        reading = read_number(name, source, physical, counts, hints, attribute=not number)
        if number:
            return reading
        if not [breach for breach in reading.breaches if not breach.tolerated and breach.message != "is not a number"]:
            return replace(reading, breaches=missing)  # "is not a number" no value is
    if missing and counts["flags"] and counts["flags"] + counts["nothing"] == counts["filled"]:
        return Reading(name, source, without(text(source), NO_VALUE), converted=True, breaches=missing)
    if hints.delimiter is None:
        return Reading(name, source, raw)
    tidy = parse("nullif(trim(_x), '')", x=raw) if counts["untidy"] else raw
    return Reading(name, source, tidy, converted=True)


def _read_id(name: str, source: str, physical: str, counts: Mapping[str, int], *, required: bool) -> Reading:
    raw = column(source)
    if is_text(physical):
        return read_text_id(name, source, physical, counts, required=required)
    if physical.startswith(INTEGERS):
        return Reading(name, source, raw)
    if physical.startswith(FLOATS):
        return read_float_id(name, source, physical)
    if physical.startswith("DECIMAL") and not physical.endswith(",0)"):
        broken = parse("_x <> floor(_x)", x=raw)
        whole = parse("CAST(CAST(_x AS HUGEINT) AS VARCHAR)", x=raw)
        breach = Breach(broken, "is not an identifier", "allowed: whole numbers", source)
        return Reading(name, source, whole, converted=True, breaches=(breach,))
    return Reading(name, source, parse("CAST(_x AS VARCHAR)", x=raw), converted=True)


def _read_text(name: str, source: str, physical: str, *, from_text: bool) -> Reading:
    raw = column(source)
    if from_text:
        return Reading(name, source, text(source), converted=True)
    if is_text(physical):
        return Reading(name, source, raw)
    return Reading(name, source, parse("CAST(_x AS VARCHAR)", x=raw))


def yes_or_no(value: Expression) -> Expression:
    """What a word for yes or no says, in German or English; NULL for any other."""
    return parse(
        "CASE WHEN list_contains(_yes, _x) THEN TRUE WHEN list_contains(_no, _x) THEN FALSE END",
        yes=literal(list(YES)),
        no=literal(list(NO)),
        x=parse("regexp_replace(lower(trim(CAST(_x AS VARCHAR))), '^([01])[.,]0+$', '\\1')", x=value),
    )


def _read_flag(name: str, source: str, physical: str, counts: Mapping[str, int]) -> Reading:
    raw = column(source)
    if physical == "BOOLEAN":
        return Reading(name, source, raw)
    flag = yes_or_no(raw)
    filled = text(source)
    missing: tuple[Breach, ...] = ()
    if counts.get("nothing"):
        filled, missing = without(filled, NO_VALUE), (no_value(source),)
    wrong = parse("_x <> '' AND _flag IS NULL", x=filled, flag=flag)
    bad = Breach(wrong, "is neither yes nor no", "allowed: yes, no, true, false, 1, 0, ja, nein", source)
    return Reading(name, source, flag, converted=True, breaches=(bad, *missing))
