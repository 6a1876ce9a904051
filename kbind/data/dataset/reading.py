"""How one column is read: which convention its text follows, and which values break it.

Text is never guessed value by value. A survey counts how many values fit each convention; the column
then has one convention, or it is a problem that names the rows. So `1.5` can never become 15.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kbind.data.dataset.schema import Column, Kind
from kbind.data.engine import Expression, column, literal, parse

# -- numbers ---------------------------------------------------------------------------------------

_PLAIN = r"[-+]?\d+"
_POINT = r"[-+]?\d*\.\d+([eE][-+]?\d+)?"
_COMMA = r"[-+]?\d*,\d+"
_POINT_GROUPS = r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?"
_COMMA_GROUPS = r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"
# 1.234 and 1,234 say nothing about which sign is the decimal one.
_POINT_EITHER = r"[-+]?[1-9]\d{0,2}\.\d{3}"
_COMMA_EITHER = r"[-+]?[1-9]\d{0,2},\d{3}"
_LEADING_ZERO = r"[-+]?0\d+"

_NUMBER_ALLOWED = "allowed: 1234.5 or 1,234.5, or with decimal comma 1234,5 or 1.234,5; one way throughout the column"

# -- times -----------------------------------------------------------------------------------------

_CLOCK = r"(,?[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?)?"
_OFFSET = r"(Z|z| ?[+-]\d{2}(:?\d{2})?)"
_TIME_PATTERNS: Mapping[str, str] = {
    "2024-01-31": r"\d{4}-\d{1,2}-\d{1,2}" + _CLOCK,
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
_TIME_ALLOWED = "allowed: 2024-01-31, 2024-01-31T18:30:00+01:00, 31.01.2024 or 31.01.2024 18:30; one way throughout"

_YES = ("yes", "true", "1", "y", "t", "ja", "j", "wahr")
_NO = ("no", "false", "0", "n", "f", "nein", "falsch")

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL", "HUGEINT")


@dataclass(frozen=True)
class Breach:
    """A condition that no row may meet: where, and what to say of the rows that do."""

    where: Expression
    message: str
    allowed: str = ""
    column: str | None = None


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Parameters
    ----------
    name : str
        Column of the contract.
    source : str
        Column as the file calls it.
    expression : Expression
        The value, from the source column.
    converted : bool
        Whether the engine must compute the value (so that the table is worth storing).
    instant : bool or None
        For times: a moment in world time (has an offset) rather than a reading of a wall clock.
    breaches : tuple of Breach
        What must not occur in the column.
    """

    name: str
    source: str
    expression: Expression
    converted: bool = False
    instant: bool | None = None
    breaches: tuple[Breach, ...] = ()


@dataclass(frozen=True)
class Hints:
    """What is known beyond the values: the file's delimiter, what the user declared, what other columns show."""

    delimiter: str | None = None
    decimal: str | None = None
    date_order: str | None = None
    decimal_elsewhere: str | None = None


def is_text(physical: str) -> bool:
    """Whether the engine holds the column as text."""
    return physical.startswith(("VARCHAR", "ENUM"))


def survey(spec: Column | None, source: str, physical: str) -> dict[str, Expression]:
    """Counts to take over the raw column before it can be read; empty where its type says it all."""
    if not is_text(physical):
        return {}
    if spec is None or spec.kind is Kind.NUMBER:
        value = _number_text(source)
        patterns = {
            "plain": _fits(value, _PLAIN),
            "point": _both(_fits(value, _POINT), _not(_fits(value, _POINT_EITHER))),
            "point_groups": _both(_fits(value, _COMMA_GROUPS), _not(_fits(value, _COMMA_EITHER))),
            "comma": _both(_fits(value, _COMMA), _not(_fits(value, _COMMA_EITHER))),
            "comma_groups": _both(_fits(value, _POINT_GROUPS), _not(_fits(value, _POINT_EITHER))),
            "point_either": _fits(value, _POINT_EITHER),
            "comma_either": _fits(value, _COMMA_EITHER),
            "leading_zero": _fits(value, _LEADING_ZERO),
            "values": parse("_x <> ''", x=value),
        }
    elif spec.kind is Kind.TIME:
        value = _text(source)
        patterns = {label: _fits(value, pattern) for label, pattern in _TIME_PATTERNS.items()}
        patterns |= {"day_first": _fits(value, _DAY_FIRST), "month_first": _fits(value, _MONTH_FIRST)}
    else:
        return {}
    return {label: parse("count(*) FILTER (WHERE _p)", p=pattern) for label, pattern in patterns.items()}


def read_column(
    name: str, spec: Column | None, source: str, physical: str, counts: Mapping[str, int], hints: Hints
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
        Result of `survey`.
    hints : Hints
        Declared conventions.
    """
    raw = column(source)
    if spec is None:
        return _attribute(name, source, physical, counts, hints)
    reading = _read(spec.kind, name, source, physical, counts, hints)
    breaches = list(reading.breaches)
    if spec.required:
        empty = parse("_x IS NULL", x=raw) if not is_text(physical) else parse("_x IS NULL", x=_text(source))
        breaches.append(Breach(empty, "has no value", "allowed: a value in every row", source))
    if spec.levels:
        outside = parse("NOT list_contains(_levels, _x)", levels=literal(list(spec.levels)), x=reading.expression)
        options = ", ".join(repr(level) for level in spec.levels)
        breaches.append(Breach(outside, "is not a known level", f"allowed: {options}", source))
    return replace(reading, breaches=tuple(breaches))


def _read(kind: Kind, name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    match kind:
        case Kind.ID:
            return _read_id(name, source, physical)
        case Kind.TIME:
            return _read_time(name, source, physical, counts, hints)
        case Kind.NUMBER:
            return _read_number(name, source, physical, counts, hints)
        case Kind.FLAG:
            return _read_flag(name, source, physical)
        case Kind.TEXT:
            return _read_text(name, source, physical)
        case Kind.ANY:
            return Reading(name, source, column(source))


def _attribute(name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    """A column outside the contract: a number if all its text is one, and no code with leading zeros."""
    if not is_text(physical):
        return Reading(name, source, column(source))
    numeric = ("plain", "point", "point_groups", "comma", "comma_groups", "point_either", "comma_either")
    if counts["values"] and not counts["leading_zero"] and sum(counts[p] for p in numeric) == counts["values"]:
        reading = _read_number(name, source, physical, counts, hints)
        if not reading.breaches[1:]:
            return replace(reading, breaches=())
    return Reading(name, source, _text(source), converted=True)


def _read_id(name: str, source: str, physical: str) -> Reading:
    raw = column(source)
    if is_text(physical):
        return Reading(name, source, _text(source), converted=True)
    if physical.startswith(_INTEGERS):
        return Reading(name, source, raw)
    if physical.startswith(_FLOATS):
        # pandas makes floats of integers as soon as one is missing
        broken = parse("_x <> floor(_x)", x=raw)
        whole = parse("TRY_CAST(_x AS BIGINT)", x=raw)
        return Reading(
            name, source, whole, breaches=(Breach(broken, "is not an identifier", "allowed: whole numbers", source),)
        )
    return Reading(name, source, parse("CAST(_x AS VARCHAR)", x=raw), converted=True)


def _read_text(name: str, source: str, physical: str) -> Reading:
    if is_text(physical):
        return Reading(name, source, _text(source), converted=True)
    return Reading(name, source, parse("CAST(_x AS VARCHAR)", x=column(source)))


def _read_number(name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    raw = column(source)
    if physical.startswith(_FLOATS):
        number = parse("CAST(_x AS DOUBLE)", x=raw)
        return Reading(name, source, parse("CASE WHEN isnan(_x) THEN NULL ELSE _x END", x=number))
    if physical.startswith(_INTEGERS):
        return Reading(name, source, raw)
    if not is_text(physical):
        return Reading(name, source, raw, breaches=(_wrong_type(source, physical, "a number"),))
    value = _number_text(source)
    point, comma = _as_point(value), _as_comma(value)
    sure_point = counts["point"] + counts["point_groups"]
    sure_comma = counts["comma"] + counts["comma_groups"]
    extra: list[Breach] = []
    decimal = hints.decimal
    if decimal is None and sure_point and sure_comma:
        decimal = "." if sure_point >= sure_comma else ","
        other = comma if decimal == "." else point
        mine = point if decimal == "." else comma
        odd = parse("_mine IS NULL AND NOT _other IS NULL", mine=mine, other=other)
        extra.append(
            Breach(odd, f"is written differently from the rest (decimal {decimal!r})", _NUMBER_ALLOWED, source)
        )
    if decimal is None and (sure_point or sure_comma):
        decimal = "." if sure_point else ","
    if decimal is None:
        decimal, doubt = (hints.decimal_elsewhere, False) if hints.decimal_elsewhere else _undecided(counts, hints)
        if doubt:
            either = _fits(value, _POINT_EITHER if counts["point_either"] else _COMMA_EITHER)
            extra.append(
                Breach(
                    either,
                    "can be read as a decimal or as thousands",
                    "say which in kbind.yaml: decimal: '.' or decimal: ','",
                    source,
                )
            )
    number = point if decimal == "." else comma
    other = comma if decimal == "." else point
    # a value the other convention could read is already named by `extra`
    unread = parse("_x <> '' AND _number IS NULL", x=value, number=number)
    wrong = parse("_unread AND _other IS NULL", unread=unread, other=other) if extra else unread
    bad = Breach(wrong, "is not a number", _NUMBER_ALLOWED, source)
    return Reading(name, source, number, converted=True, breaches=(bad, *extra))


def _undecided(counts: Mapping[str, int], hints: Hints) -> tuple[str, bool]:
    """Decimal sign when no value settles it, and whether that would be a guess.

    A semicolon file comes from a machine whose decimal sign is the comma; a file separated by commas from
    one whose decimal sign is the point. `1.234` between semicolons stays a guess: too dear to be wrong.
    """
    if counts["point_either"] and counts["comma_either"]:
        return ".", True
    if counts["comma_either"]:
        return ",", hints.delimiter != ";"
    if counts["point_either"]:
        return ".", hints.delimiter == ";"
    return ".", False


def _read_time(name: str, source: str, physical: str, counts: Mapping[str, int], hints: Hints) -> Reading:
    raw = column(source)
    if physical == "TIMESTAMP WITH TIME ZONE":
        return Reading(name, source, raw, instant=True)
    if physical.startswith("TIMESTAMPTZ"):
        return Reading(name, source, parse("CAST(_x AS TIMESTAMPTZ)", x=raw), instant=True)
    if physical == "TIMESTAMP":
        return Reading(name, source, raw, instant=False)
    if physical.startswith("TIMESTAMP") or physical == "DATE":
        return Reading(name, source, parse("CAST(_x AS TIMESTAMP)", x=raw), instant=False)
    if physical in ('"NULL"', "NULL"):
        return Reading(name, source, parse("CAST(_x AS TIMESTAMP)", x=raw), instant=False)
    if not is_text(physical):
        return Reading(name, source, raw, instant=False, breaches=(_wrong_type(source, physical, "a date or time"),))
    value = _text(source)
    seen = {label: counts[label] for label in _TIME_PATTERNS if counts[label]}
    style = max(seen, key=lambda label: seen[label]) if seen else "2024-01-31"
    extra: list[Breach] = []
    if len(seen) > 1:
        odd = parse("_any AND NOT _mine", any=_any_time(value), mine=_fits(value, _TIME_PATTERNS[style]))
        extra.append(Breach(odd, f"is written differently from the rest (like {style})", _TIME_ALLOWED, source))
    instant = style == "2024-01-31T18:30:00+01:00"
    if style == "day/month/year":
        order, doubt = _date_order(counts, hints)
        if doubt:
            message = f"can be read as day/month or month/day{doubt}"
            remedy = "say which in kbind.yaml: date_order: dmy or date_order: mdy"
            extra.append(Breach(_fits(value, _TIME_PATTERNS[style]), message, remedy, source))
        time = _strptime(value, order)
    elif style in _DATE_PARTS:
        time = _strptime(value, style)
    elif style == "20240131":
        time = parse("TRY_STRPTIME(_x, '%Y%m%d')", x=value)
    else:
        time = parse(f"TRY_CAST(_x AS {'TIMESTAMPTZ' if instant else 'TIMESTAMP'})", x=value)
    own = _fits(value, _TIME_PATTERNS[style])
    fitting = parse("CASE WHEN _own THEN _time END", own=own, time=time)
    wrong = parse("_x <> '' AND _time IS NULL", x=value, time=fitting)
    if extra:  # a value in another style is already named by `extra`
        wrong = parse("_wrong AND (_own OR NOT _any)", wrong=wrong, own=own, any=_any_time(value))
    bad = Breach(wrong, "is not a date or time", _TIME_ALLOWED, source)
    return Reading(name, source, fitting, converted=True, instant=instant, breaches=(bad, *extra))


def _date_order(counts: Mapping[str, int], hints: Hints) -> tuple[str, str]:
    if hints.date_order:
        return hints.date_order, ""
    if counts["day_first"] and counts["month_first"]:
        return "dmy", ", and both occur"
    if counts["day_first"] or counts["month_first"]:
        return ("dmy" if counts["day_first"] else "mdy"), ""
    return "dmy", ", and no day above 12 settles it"


def _strptime(value: Expression, style: str) -> Expression:
    formats = [_DATE_PARTS[style] + clock for clock in _CLOCKS]
    tidy = parse("regexp_replace(_x, '(,| |T)+(\\d+:)', ' \\2')", x=value)
    return parse("TRY_STRPTIME(_x, _formats)", x=tidy, formats=literal(formats))


def _read_flag(name: str, source: str, physical: str) -> Reading:
    raw = column(source)
    if physical == "BOOLEAN":
        return Reading(name, source, raw)
    value = parse("lower(trim(CAST(_x AS VARCHAR)))", x=raw)
    flag = parse(
        "CASE WHEN list_contains(_yes, _x) THEN TRUE WHEN list_contains(_no, _x) THEN FALSE END",
        yes=literal(list(_YES)),
        no=literal(list(_NO)),
        x=value,
    )
    wrong = parse("_x <> '' AND _flag IS NULL", x=value, flag=flag)
    allowed = "allowed: yes, no, true, false, 1, 0, ja, nein"
    return Reading(
        name, source, flag, converted=True, breaches=(Breach(wrong, "is neither yes nor no", allowed, source),)
    )


def _wrong_type(source: str, physical: str, wanted: str) -> Breach:
    present = parse("NOT _x IS NULL", x=column(source))
    return Breach(present, f"has the type {physical}", f"allowed: {wanted}", source)


def _text(source: str) -> Expression:
    """The column as trimmed text; empty text is no value."""
    return parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=column(source))


def _number_text(source: str) -> Expression:
    """The column as text without spaces, currency sign and typographic minus."""
    return parse(
        "coalesce(replace(regexp_replace(CAST(_x AS VARCHAR), '[\\s\\x{00A0}\\x{202F}€]', '', 'g'), '−', '-'), '')",
        x=column(source),
    )


def _as_point(value: Expression) -> Expression:
    return parse(
        "CASE WHEN _ok THEN TRY_CAST(replace(_x, ',', '') AS DOUBLE) END",
        ok=_any(_fits(value, _PLAIN), _fits(value, _POINT), _fits(value, _COMMA_GROUPS)),
        x=value,
    )


def _as_comma(value: Expression) -> Expression:
    return parse(
        "CASE WHEN _ok THEN TRY_CAST(replace(replace(_x, '.', ''), ',', '.') AS DOUBLE) END",
        ok=_any(_fits(value, _PLAIN), _fits(value, _COMMA), _fits(value, _POINT_GROUPS)),
        x=value,
    )


def _any_time(value: Expression) -> Expression:
    return _any(*(_fits(value, pattern) for pattern in _TIME_PATTERNS.values()))


def _fits(value: Expression, pattern: str) -> Expression:
    return parse("regexp_full_match(_x, _pattern)", x=value, pattern=literal(pattern))


def _any(*conditions: Expression) -> Expression:
    result = conditions[0]
    for condition in conditions[1:]:
        result = parse("_a OR _b", a=result, b=condition)
    return result


def _both(a: Expression, b: Expression) -> Expression:
    return parse("_a AND _b", a=a, b=b)


def _not(a: Expression) -> Expression:
    return parse("NOT _a", a=a)
