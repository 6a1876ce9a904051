"""Times in text: one way of writing throughout a column, with or without an offset, day and month never guessed."""

from __future__ import annotations

from collections.abc import Mapping

from kbind.data.dataset.reading.base import Breach, Hints, Reading, either, fits, is_text, text, wrong_type
from kbind.data.engine import Expression, column, literal, parse

_CLOCK = r"(,?[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?)?"
_ISO_CLOCK = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"
_OFFSET = r"(Z|[+-](0\d|1[0-4])(:?\d{2})?)"
_PATTERNS: Mapping[str, str] = {
    "2024-01-31": r"\d{4}-\d{1,2}-\d{1,2}" + _ISO_CLOCK,
    "2024-01-31T18:30:00+01:00": r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?" + _OFFSET,
    "31.01.2024": r"\d{1,2}\.\d{1,2}\.\d{4}" + _CLOCK,
    "day/month/year": r"\d{1,2}/\d{1,2}/\d{4}" + _CLOCK,
    "2024/01/31": r"\d{4}/\d{1,2}/\d{1,2}" + _CLOCK,
    "20240131": r"(19|20)\d{6}",
}
_DAY_FIRST = r"(1[3-9]|2\d|3[01])/\d{1,2}/\d{4}.*"
_MONTH_FIRST = r"\d{1,2}/(1[3-9]|2\d|3[01])/\d{4}.*"
_DATE_PARTS = {"31.01.2024": "%d.%m.%Y", "2024/01/31": "%Y/%m/%d", "dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_ALLOWED = "allowed: 2024-01-31, 2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout"


_ISO, _ZONED, _SLASHES, _COMPACT = "2024-01-31", "2024-01-31T18:30:00+01:00", "day/month/year", "20240131"


def survey_time(source: str) -> dict[str, Expression]:
    """Conditions to count over the column before its way of writing is chosen."""
    value = text(source)
    patterns = {label: fits(value, pattern) for label, pattern in _PATTERNS.items()}
    return patterns | {"day_first": fits(value, _DAY_FIRST), "month_first": fits(value, _MONTH_FIRST)}


def read_time(name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    """A column of times."""
    raw = column(source)
    if physical == "TIMESTAMP WITH TIME ZONE":
        return Reading(name, source, raw, instant=True)
    if physical == "TIMESTAMPTZ_NS":  # cut, not rounded: the last nanosecond of a month is not the next month
        return Reading(name, source, parse("make_timestamptz(epoch_ns(_x) // 1000)", x=raw), instant=True)
    if physical == "TIMESTAMP":
        return Reading(name, source, raw, instant=False)
    if physical == "TIMESTAMP_NS":
        return Reading(name, source, parse("make_timestamp(epoch_ns(_x) // 1000)", x=raw), instant=False)
    if physical.startswith(("TIMESTAMP", "DATE")):
        return Reading(name, source, parse("CAST(_x AS TIMESTAMP)", x=raw), instant=False)
    if not is_text(physical):
        # a column without any value has no type of its own, and no clock either
        breach = wrong_type(source, physical, "a date or time")
        return Reading(name, source, parse("CAST(NULL AS TIMESTAMP)"), converted=True, breaches=(breach,))
    return _read_text(name, source, counts, hints)


def _read_text(name: str, source: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    value = text(source)
    seen = {label: counts[label] for label in _PATTERNS if counts[label]}
    style = max(seen, key=lambda label: seen[label]) if seen else _ISO
    own = fits(value, _PATTERNS[style])
    doubt: list[Breach] = []
    if len(seen) > 1:
        odd = parse("_any AND NOT _own", any=_any_style(value), own=own)
        doubt.append(Breach(odd, f"is written differently from the rest (like {style})", _ALLOWED, source))
    order, undecided = _date_order(counts, hints) if style == _SLASHES else ("", "")
    if undecided:
        remedy = "say which in kbind.yaml: date_order: dmy or date_order: mdy"
        doubt.append(Breach(own, f"can be read as day/month or month/day{undecided}", remedy, source))
    time = parse("CASE WHEN _own THEN _time END", own=own, time=_parsed(value, style, order))
    wrong = parse("_x <> '' AND _time IS NULL", x=value, time=time)
    if undecided:  # what is written as a date is named there already
        wrong = parse("_wrong AND NOT _any", wrong=wrong, any=_any_style(value))
    elif doubt:  # a value in another style is
        wrong = parse("_wrong AND (_own OR NOT _any)", wrong=wrong, own=own, any=_any_style(value))
    bad = Breach(wrong, "is not a date or time", _ALLOWED, source)
    instant = (style == _ZONED) if seen else None
    return Reading(name, source, time, converted=True, instant=instant, breaches=(bad, *doubt))


def _parsed(value: Expression, style: str, order: str) -> Expression:
    """The text as a time, given how it is written."""
    if style == _ISO:
        return parse("TRY_CAST(_x AS TIMESTAMP)", x=value)
    if style == _ZONED:
        return parse("TRY_CAST(_x AS TIMESTAMPTZ)", x=value)
    if style == _COMPACT:
        return parse("TRY_STRPTIME(_x, '%Y%m%d')", x=value)
    formats = [_DATE_PARTS[order or style] + clock for clock in _CLOCKS]
    tidy = parse("regexp_replace(_x, '(,| |T)+(\\d+:)', ' \\2')", x=value)
    return parse("TRY_STRPTIME(_x, _formats)", x=tidy, formats=literal(formats))


def _date_order(counts: Mapping[str, int], hints: Hints) -> tuple[str, str]:
    if hints.date_order:
        return hints.date_order, ""
    if counts["day_first"] and counts["month_first"]:
        return "dmy", ", and both occur"
    if counts["day_first"] or counts["month_first"]:
        return ("dmy" if counts["day_first"] else "mdy"), ""
    return "dmy", ", and no day above 12 settles it"


def _any_style(value: Expression) -> Expression:
    return either(*(fits(value, pattern) for pattern in _PATTERNS.values()))
