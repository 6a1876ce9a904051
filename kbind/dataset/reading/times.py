"""Times in text: one way of writing throughout a column, with or without an offset, day and month never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from kbind.dataset.reading.base import NO_VALUE, Breach, Hints, Raw, Reading, either, fits, is_word
from kbind.engine.engine import Expression, literal, parse

_CLOCK = r"(,?[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?)?"
_ISO_CLOCK = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"
_OFFSET = r" ?(Z|(UTC|GMT)?[+-](0\d|1[0-4])(:?\d{2})?|UTC|GMT)( \(.*\)|\[.*\])?"
#: Names of months by their first letters, in English and German, and the number of each.
_MONTHS = dict(zip(("jan", "feb", "mar", "mär", "mae", "mrz", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct",
                    "okt", "nov", "dec", "dez"), (1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 11, 12, 12),
                   strict=True))  # fmt: skip
_MONTH = f"(?:{'|'.join(_MONTHS)})[a-zäö]*"
_WEEKDAY = r"(?:[a-z]{2,10}\.?,? )?"
_NAMED_DAY = (
    rf"(?i){_WEEKDAY}(?:{_MONTH}\.?[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -]|\d{{1,2}}\.?[ /-]{_MONTH}\.?,?[ /-])\d{{4}}"
)
_NAMED_CLOCK = r",?[T :]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?"
_PATTERNS = {
    "2024-01-31": r"\d{4}-\d{1,2}-\d{1,2}" + _ISO_CLOCK,
    "2024-01-31T18:30:00+01:00": r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?" + _OFFSET,
    "31.01.2024": r"\d{1,2}\.\d{1,2}\.\d{4}" + _CLOCK,
    "day/month/year": r"\d{1,2}/\d{1,2}/\d{4}" + _CLOCK,
    "2024/01/31": r"\d{4}/\d{1,2}/\d{1,2}" + _CLOCK,
    "20240131": r"(19|20)\d{6}",
    "Jan 31, 2024": rf"{_NAMED_DAY}({_NAMED_CLOCK})?",
    "31 Jan 2024 18:30 +0100": rf"{_NAMED_DAY}{_NAMED_CLOCK}{_OFFSET}",
}
#: What a number in a column of times may count since 1970, and how many of it make a second.
EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
_NUMBER = r"-?\d{9,19}(\.\d+)?"
_DAY_FIRST = r"(1[3-9]|2\d|3[01])/\d{1,2}/\d{4}.*"
_MONTH_FIRST = r"\d{1,2}/(1[3-9]|2\d|3[01])/\d{4}.*"
_DATE_PARTS = {"31.01.2024": "%d.%m.%Y", "2024/01/31": "%Y/%m/%d", "dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_ALLOWED = "allowed: 2024-01-31, 2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout"
_DECLARE = "; numbers that count seconds or milliseconds since 1970: say so in kbind.yaml: times: epoch_s or epoch_ms"

_ISO, _ZONED, _SLASHES, _COMPACT = "2024-01-31", "2024-01-31T18:30:00+01:00", "day/month/year", "20240131"
_NAMED, _NAMED_ZONED = "Jan 31, 2024", "31 Jan 2024 18:30 +0100"


#: How a type of the engine becomes a time, and whether that is a moment in world time.
_TYPES = (
    ("TIMESTAMP WITH TIME ZONE", "_x", True),
    # cut, not rounded: the last nanosecond of a month is not the next month
    ("TIMESTAMPTZ_NS", "make_timestamptz(epoch_ns(_x) // 1000)", True),
    ("TIMESTAMP_NS", "make_timestamp(epoch_ns(_x) // 1000)", False),
    ("TIMESTAMP_", "CAST(_x AS TIMESTAMP)", False),
    ("TIMESTAMP", "_x", False),
    ("DATE", "CAST(_x AS TIMESTAMP)", False),
)


def survey_time(raw: Raw, *, required: bool) -> dict[str, Expression]:
    """Conditions to count over the column before its way of writing is chosen."""
    value = raw.text
    patterns = _PATTERNS | {"day_first": _DAY_FIRST, "month_first": _MONTH_FIRST, "numbers": _NUMBER}
    conditions = {label: fits(value, pattern) for label, pattern in patterns.items()}
    return conditions if required else conditions | {"nothing": _is_nothing(value)}


def _is_nothing(value: Expression) -> Expression:
    """Words for a missing value, and the day that databases write for none."""
    return parse("_word OR starts_with(_x, '0000-00-00')", word=is_word(value, NO_VALUE), x=value)


def read_time(raw: Raw) -> Reading:
    """A column of times."""
    for kind, sql, instant in _TYPES:
        if raw.physical.startswith(kind):
            return raw.read(sql, instant=instant)
    times, number = raw.hints.times, raw.numbers
    unit = times.get(raw.source, times.get(raw.name, times.get("")))
    if unit and number:
        return _read_epoch(raw, raw.made("CAST(_x AS DOUBLE)"), unit, filled=raw.made("NOT _x IS NULL"))
    if not raw.is_text:
        # a column without any value has no type of its own, and no clock either
        breach = raw.wrong_type("a date or time" + (_DECLARE if number else ""))
        return raw.read("CAST(NULL AS TIMESTAMP)", breach, converted=True)
    if unit and raw.counts["numbers"]:
        as_number = parse("TRY_CAST(_x AS DOUBLE)", x=raw.text)
        return _read_epoch(raw, as_number, unit, filled=parse("_x <> ''", x=raw.text))
    return _read_text(raw)


def _read_epoch(raw: Raw, number: Expression, unit: str, *, filled: Expression) -> Reading:
    """Numbers that count what was declared since 1970: moments in world time."""
    micro = parse("_x * _m", x=number, m=literal(1_000_000 / EPOCHS[unit]))
    # to the year 2255, and not in the first days of 1970, where numbers of a longer unit come to lie
    time = parse(
        "CASE WHEN abs(_micro) BETWEEN 5e12 AND 9e15 THEN make_timestamptz(CAST(round(_micro) AS BIGINT)) END",
        micro=micro,
    )
    wrong = parse("_filled AND _time IS NULL", filled=filled, time=time)
    allowed = "allowed: another unit in kbind.yaml: " + ", ".join(EPOCHS)
    return raw.read(time, Breach(wrong, f"is not a time in {unit}", allowed), converted=True, instant=True)


def _read_text(raw: Raw) -> Reading:
    value, counts = raw.text, raw.counts
    missing: tuple[Breach, ...] = ()
    seen = {label: counts[label] for label in _PATTERNS if counts[label]}
    if counts.get("nothing") and seen:
        missing = tuple(replace(breach, where=_is_nothing(value)) for breach in raw.no_value())
        value = parse("CASE WHEN _nothing THEN NULL ELSE _x END", nothing=_is_nothing(value), x=value)
    style = max(seen, key=lambda label: seen[label]) if seen else _ISO
    own, any_style = fits(value, _PATTERNS[style]), either(*(fits(value, pattern) for pattern in _PATTERNS.values()))
    doubt: list[Breach] = []
    if len(seen) > 1:
        odd = parse("_any AND NOT _own", any=any_style, own=own)
        doubt.append(Breach(odd, f"is written differently from the rest (like {style})", _ALLOWED))
    order, undecided = _date_order(counts, raw.hints) if style == _SLASHES else ("", "")
    if undecided:
        remedy = "say which in kbind.yaml: date_order: dmy or date_order: mdy"
        doubt.append(Breach(own, f"can be read as day/month or month/day{undecided}", remedy))
    time = parse("CASE WHEN _own THEN _time END", own=own, time=_parsed(value, style, order))
    wrong = parse("_x <> '' AND _time IS NULL", x=value, time=time)
    if undecided:  # what is written as a date is named there already
        wrong = parse("_wrong AND NOT _any", wrong=wrong, any=any_style)
    elif doubt:  # a value in another style is
        wrong = parse("_wrong AND (_own OR NOT _any)", wrong=wrong, own=own, any=any_style)
    bad = Breach(wrong, "is not a date or time", _ALLOWED + (_DECLARE if counts["numbers"] else ""))
    instant = (style in (_ZONED, _NAMED_ZONED)) if seen else None
    return raw.read(time, bad, *missing, *doubt, converted=True, instant=instant)


def _parsed(value: Expression, style: str, order: str) -> Expression:
    """The text as a time, given how it is written."""
    if style == _ISO:
        return parse("TRY_CAST(_x AS TIMESTAMP)", x=value)
    if style == _ZONED:
        return parse("TRY_CAST(_x AS TIMESTAMPTZ)", x=_plain_offset(value))
    if style in (_NAMED, _NAMED_ZONED):
        return _parsed_named(value, zoned=style == _NAMED_ZONED)
    if style == _COMPACT:
        return parse("TRY_STRPTIME(_x, '%Y%m%d')", x=value)
    formats = [_DATE_PARTS[order or style] + clock for clock in _CLOCKS]
    tidy = parse("regexp_replace(_x, '(,| |T)+(\\d+:)', ' \\2')", x=value)
    return parse("TRY_STRPTIME(_x, _formats)", x=tidy, formats=literal(formats))


def _plain_offset(value: Expression) -> Expression:
    """`06:13:16 UTC` and `06:13:16 GMT+0200 (...)` as the engine writes an offset: +00, +0200."""
    for pattern, by in (
        (r" ?(\(.*\)|\[.*\])$", ""),
        (r" ?(Z|UTC|GMT)$", "+00"),
        (r" ?(UTC|GMT)?([+-]\d[\d:]*)$", r"\2"),
    ):
        value = parse("regexp_replace(_x, _pattern, _by)", x=value, pattern=literal(pattern), by=literal(by))
    return value


def _parsed_named(value: Expression, *, zoned: bool) -> Expression:
    """A time with the name of its month: put together from its parts."""
    parts = {
        "month": rf"(?i)(?:^|[^a-zäö])({_MONTH})",
        "after": rf"(?i){_MONTH}\.?[ -](\d{{1,2}})(?:st|nd|rd|th)?,?[ -]\d{{4}}",
        "before": rf"(?i)(?:^|[^\d])(\d{{1,2}})\.?[ /-]{_MONTH}",
        "year": r"(?:^|[^\d])(\d{4})(?:[^\d]|$)",
        "clock": r"\d{4},?[T :](\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)",
    }
    found = {
        name: parse("regexp_extract(_x, _pattern, 1)", x=value, pattern=literal(pattern))
        for name, pattern in parts.items()
    }
    month = parse("_numbers[list_position(_names, left(lower(_m), 3))]", m=found["month"],
                  names=literal(list(_MONTHS)), numbers=literal(list(_MONTHS.values())))  # fmt: skip
    written = parse(
        "rtrim(concat(_year, '-', _month, '-', coalesce(nullif(_after, ''), _before), ' ', _clock))",
        year=found["year"], month=month, after=found["after"], before=found["before"], clock=found["clock"],
    )  # fmt: skip
    time = parse("TRY_STRPTIME(_x, _formats)", x=written, formats=literal(["%Y-%m-%d" + clock for clock in _CLOCKS]))
    if not zoned:
        return time
    offset = parse("regexp_extract(_x, '[+-]\\d\\d(:?\\d\\d)?$|$')", x=_plain_offset(value))
    return parse("TRY_CAST(concat(CAST(_t AS VARCHAR), _offset) AS TIMESTAMPTZ)", t=time, offset=offset)


def _date_order(counts: Mapping[str, int], hints: Hints) -> tuple[str, str]:
    if hints.date_order:
        return hints.date_order, ""
    if counts["day_first"] and counts["month_first"]:
        return "dmy", ", and both occur"
    if counts["day_first"] or counts["month_first"]:
        return ("dmy" if counts["day_first"] else "mdy"), ""
    return "dmy", ", and no day above 12 settles it"


def looks_like_time(text: str) -> bool:
    """Whether a text is written in one of the ways in which times are read; date, clock, offset or not.

    >>> looks_like_time("31.01.2024 18:30"), looks_like_time("20240131"), looks_like_time("31")
    (True, True, False)
    """
    return any(re.fullmatch(pattern, text.strip()) for pattern in _PATTERNS.values())
