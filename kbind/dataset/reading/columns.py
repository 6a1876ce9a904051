"""How one column is read: which convention its text follows, and which values break it.

Text is never guessed value by value. A survey counts how many values fit each convention; the column
then has one convention, or it is a problem that names the rows. So `1.5` can never become 15.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from kbind.dataset.reading.base import ENDLESS, NO_VALUE, Breach, Raw, Reading, is_nested, is_word, without
from kbind.dataset.reading.ids import read_float_id, read_text_id, survey_id
from kbind.dataset.reading.numbers import all_numbers, all_whole, endless, read_number, survey_number, tidy_number
from kbind.dataset.reading.times import read_time, survey_time
from kbind.dataset.schema import Column, Kind
from kbind.engine.engine import Expression, column, literal, parse

_VALUE = "allowed: a value in every row"
YES = ("yes", "true", "1", "y", "t", "ja", "j", "wahr")
NO = ("no", "false", "0", "n", "f", "nein", "falsch")


def survey(raw: Raw, spec: Column, *, from_text: bool) -> dict[str, Expression]:
    """Conditions to count over a raw column of the contract before it can be read; empty where its type says it all.

    Parameters
    ----------
    raw : Raw
        The column.
    spec : Column
        The contract.
    from_text : bool
        Whether the whole source is text, so that identifiers are trimmed anyway.
    """
    if not raw.is_text:
        return {}
    match spec.kind:
        case Kind.NUMBER:
            return survey_number(column(raw.source), tidy_number(column(raw.source)))
        case Kind.TIME:
            return survey_time(raw, required=spec.required)
        case Kind.ID:
            return survey_id(raw, from_text=from_text)
        case Kind.FLAG:
            return {"nothing": is_word(column(raw.source), NO_VALUE)}
        case _:
            return {}


def survey_attribute(raw: Expression, value: Expression) -> dict[str, Expression]:
    """Conditions to count over a column of text outside the contract, and its form as a number (`tidy_number`)."""
    return survey_number(raw, value, attribute=True) | {"flags": parse("NOT _f IS NULL", f=yes_or_no(raw))}


def read_column(raw: Raw, spec: Column | None, role: Kind | None = None) -> Reading:
    """Choose how to read one column.

    Parameters
    ----------
    raw : Raw
        The column.
    spec : Column or None
        The contract; None for an attribute.
    role : Kind or None
        What an attribute has to hold to play its part.
    """
    if spec is None:
        return read_time(raw) if role is Kind.TIME else _attribute(raw, number=role is Kind.NUMBER)
    if is_nested(raw.physical) and not (spec.kind is Kind.ID and raw.physical == "BLOB"):  # bytes name a customer
        return raw.read("CAST(NULL AS VARCHAR)", raw.wrong_type(spec.kind.value))
    reading = _read(raw, spec)
    breaches = list(reading.breaches)
    if spec.required:
        blank = raw.is_text and (reading.converted or spec.kind is not Kind.ID)
        empty = parse("_x IS NULL", x=raw.text if blank else column(raw.source))
        trace = None if blank else raw.made("count(*) - count(_x)")
        breaches.append(Breach(empty, "has no value", _VALUE, trace, absent=True))
    if spec.happened:
        zone = UTC if reading.instant else None
        early, late = literal(datetime(1900, 1, 1, tzinfo=zone)), literal(datetime(2201, 1, 1, tzinfo=zone))
        time = {"t": reading.expression, "early": early, "late": late}
        far = parse("_t < _early OR _t >= _late", **time)
        trace = None if reading.converted else parse("CAST(min(_t) < _early OR max(_t) >= _late AS INTEGER)", **time)
        breaches.append(Breach(far, "lies far outside any business", "allowed: the years 1900 to 2200", trace))
    if spec.levels:
        outside = parse("NOT list_contains(_levels, _x)", levels=literal(list(spec.levels)), x=reading.expression)
        options = ", ".join(repr(level) for level in spec.levels)
        breaches.append(Breach(outside, "is not a known level", f"allowed: {options}"))
    return replace(reading, breaches=tuple(breaches))


def read_mark(raw: Raw) -> Reading:
    """The mark of the currency that stands with an amount, as a column of its own."""
    return raw.read("nullif(kb_mark(CAST(_x AS VARCHAR)), '')", converted=True)


def _read(raw: Raw, spec: Column) -> Reading:
    match spec.kind:
        case Kind.ID:
            return _read_id(raw, required=spec.required)
        case Kind.TIME:
            return read_time(raw)
        case Kind.NUMBER:
            return read_number(raw)
        case Kind.FLAG:
            return _read_flag(raw)
        case Kind.TEXT:
            if raw.hints.delimiter is not None:
                return raw.read(raw.text, converted=True)
            return raw.read("_x" if raw.is_text else "CAST(_x AS VARCHAR)")
        case Kind.ANY:
            return raw.read()


def _attribute(raw: Raw, *, number: bool) -> Reading:
    """A column outside the contract: from a text file a number if all its values are, else as it is.

    `number`: its role demands numbers. Text of another source is one of numbers if only words for nothing made it text.
    """
    counts = raw.counts
    if raw.numbers == "float":
        missing = "isnan(_x)" if number else "isnan(_x) OR isinf(_x)"
        ends = () if number else (endless(raw, "", tolerated=True),)
        return raw.read(f"CASE WHEN {missing} THEN NULL ELSE _x END", *ends)
    if number and not raw.is_text:
        return read_number(raw)
    if raw.physical == "UUID":
        return raw.read("CAST(_x AS VARCHAR)")
    if not raw.is_text or not counts or (raw.hints.delimiter is None and not counts["nothing"] and not number):
        return raw.read()
    words = raw.no_value((*NO_VALUE, *ENDLESS))
    if all_whole(counts):
        return raw.read("TRY_CAST(_x AS BIGINT)", *words, converted=True)
    if number or all_numbers(counts):
        reading = read_number(raw, attribute=not number)
        if number:
            return reading
        if not [breach for breach in reading.breaches if not breach.tolerated and breach.message != "is not a number"]:
            return replace(reading, breaches=words)  # "is not a number" no value is
    if words and counts["flags"] and counts["flags"] + counts["nothing"] == counts["filled"]:
        return raw.read(without(raw.text, NO_VALUE), *words, converted=True)
    if raw.hints.delimiter is None:
        return raw.read()
    return raw.read("nullif(trim(_x), '')" if counts["untidy"] else "_x", converted=True)


def _read_id(raw: Raw, *, required: bool) -> Reading:
    if raw.is_text:
        return read_text_id(raw, required=required)
    if raw.numbers == "whole":
        return raw.read()
    if raw.numbers == "float":
        return read_float_id(raw)
    if raw.physical.startswith("DECIMAL") and not raw.physical.endswith(",0)"):
        broken = Breach(raw.made("_x <> floor(_x)"), "is not an identifier", "allowed: whole numbers")
        return raw.read("CAST(CAST(_x AS HUGEINT) AS VARCHAR)", broken, converted=True)
    return raw.read("CAST(_x AS VARCHAR)", converted=True)


def yes_or_no(value: Expression) -> Expression:
    """What a word for yes or no says, in German or English; NULL for any other."""
    return parse(
        "CASE WHEN list_contains(_yes, _x) THEN TRUE WHEN list_contains(_no, _x) THEN FALSE END",
        yes=literal(list(YES)),
        no=literal(list(NO)),
        x=parse("regexp_replace(lower(trim(CAST(_x AS VARCHAR))), '^([01])[.,]0+$', '\\1')", x=value),
    )


def _read_flag(raw: Raw) -> Reading:
    if raw.physical == "BOOLEAN":
        return raw.read()
    flag, missing = yes_or_no(column(raw.source)), raw.no_value()
    filled = without(raw.text, NO_VALUE) if missing else raw.text
    wrong = parse("_x <> '' AND _flag IS NULL", x=filled, flag=flag)
    bad = Breach(wrong, "is neither yes nor no", "allowed: yes, no, true, false, 1, 0, ja, nein")
    return raw.read(flag, bad, *missing, converted=True)
