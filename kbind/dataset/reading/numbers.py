"""Numbers in text: decimal point or decimal comma, never both in one column, never guessed."""

from __future__ import annotations

from collections.abc import Mapping

from kbind.dataset.reading.base import ENDLESS, NO_VALUE, Breach, Hints, Raw, Reading, either, fits, is_word
from kbind.dataset.reading.money import mark_of, without_mark
from kbind.engine.engine import Expression, column, parse

_PLAIN = r"[-+]?\d+"
_POINT = r"[-+]?\d*\.\d+"
_COMMA = r"[-+]?\d*,\d+"
_POINT_GROUPS = r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?"
_COMMA_GROUPS = r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"
# 1.234 and 1,234 say nothing about which sign is the decimal one.
_POINT_EITHER = r"[-+]?[1-9]\d{0,2}\.\d{3}"
_COMMA_EITHER = r"[-+]?[1-9]\d{0,2},\d{3}"
_LEADING_ZERO = r"[-+]?0\d+"
_LONG = r".*\d{16}.*"  # more digits than a float keeps: a code

_ALLOWED = "allowed: 1234.5 or 1,234.5, or with decimal comma 1234,5 or 1.234,5; one way throughout the column"


def survey_number(raw: Expression, value: Expression, *, attribute: bool = False) -> dict[str, Expression]:
    """Conditions to count over a column and its tidy form before its convention is chosen."""
    word = parse(f"kb_no_{'number' if attribute else 'value'}(_x)", x=raw)
    return {
        "plain": fits(value, _PLAIN),
        "point": parse("_a AND NOT _b", a=fits(value, _POINT), b=fits(value, _POINT_EITHER)),
        "point_groups": parse("_a AND NOT _b", a=fits(value, _COMMA_GROUPS), b=fits(value, _COMMA_EITHER)),
        "comma": parse("_a AND NOT _b", a=fits(value, _COMMA), b=fits(value, _COMMA_EITHER)),
        "comma_groups": parse("_a AND NOT _b", a=fits(value, _POINT_GROUPS), b=fits(value, _POINT_EITHER)),
        "point_either": fits(value, _POINT_EITHER),
        "comma_either": fits(value, _COMMA_EITHER),
        "leading_zero": fits(value, _LEADING_ZERO),
        "long": fits(value, _LONG),
        "values": parse("_x <> ''", x=value),
        "nothing": word,
        "marked": parse("_x <> '' AND _x <> _raw AND _mark <> ''", x=value, raw=raw, mark=parse("kb_mark(_x)", x=raw)),
        "filled": parse("trim(_raw) <> ''", raw=raw),
        "untidy": parse(
            "(_x <> _raw AND _word IS DISTINCT FROM TRUE) OR _raw = ''",
            x=value,
            raw=raw,
            word=word,
        ),
    }


def all_numbers(counts: Mapping[str, int]) -> bool:
    """Whether every value of an attribute is a number, and none a code with leading zeros."""
    codes = counts["leading_zero"] + counts["long"]
    return bool(counts["values"]) and not codes and _numbers(counts) == counts["values"]


def all_whole(counts: Mapping[str, int]) -> bool:
    """Whether every value of an attribute is a whole number that the engine reads as it stands."""
    return all_numbers(counts) and counts["plain"] == counts["values"] and not counts["untidy"]


def _proven(counts: Mapping[str, int], sign: str) -> bool:
    """Whether the survey has shown that every value is a number by the convention of the sign."""
    others = ("comma", "comma_groups") if sign == "." else ("point", "point_groups")
    return _numbers(counts) == counts["values"] and not any(counts[name] for name in others)


def _numbers(counts: Mapping[str, int]) -> int:
    numeric = ("plain", "point", "point_groups", "comma", "comma_groups", "point_either", "comma_either")
    return sum(counts[name] for name in numeric)


def decimal_shown(columns: list[Mapping[str, int]]) -> str | None:
    """The decimal sign that the columns of a file show together; None where none does or they differ."""
    commas = any(counts["comma"] + counts["comma_groups"] for counts in columns)
    points = any(counts["point"] + counts["point_groups"] for counts in columns)
    return None if commas == points else "," if commas else "."


def endless(raw: Raw, allowed: str, *, tolerated: bool = False) -> Breach:
    """Numbers without end in a column of floats, and the trace that they leave."""
    # bare extremes, which files carry; NaN is the largest number to the engine and could hide the endless one
    trace = raw.made("CAST(isinf(max(_x)) OR isnan(max(_x)) OR isinf(min(_x)) AS INTEGER)")
    message = "is endless and counts as missing" if tolerated else "is endless"
    return Breach(raw.made("isinf(_x)"), message, allowed, trace, tolerated)


def read_number(raw: Raw, *, attribute: bool = False) -> Reading:
    """A column of numbers; of an attribute, endless ones are missing."""
    if raw.numbers == "float":
        return raw.read("CASE WHEN isnan(_x) THEN NULL ELSE _x END", endless(raw, "allowed: a number with an end"))
    if raw.numbers == "exact":
        return raw.read("CAST(_x AS DOUBLE)")
    if raw.numbers == "whole":
        return raw.read()
    if not raw.is_text:
        return raw.read("_x", raw.wrong_type("a number"))
    counts, given = raw.counts, column(raw.source)
    sign, doubt = _sign(counts, raw.hints)
    value = tidy_number(given, attribute=attribute) if counts["untidy"] or counts["nothing"] else given
    if counts["nothing"] and not counts["values"]:  # words alone say nothing of numbers
        none = Breach(is_word(given, NO_VALUE), "is not a number", _ALLOWED)
        return raw.read("CAST(NULL AS DOUBLE)", none, converted=True)
    missing = raw.no_value((*NO_VALUE, *ENDLESS) if attribute else NO_VALUE)
    if not doubt and _proven(counts, sign):
        return raw.read(_number(value, sign), *missing, converted=True)
    mine, other = _checked(value, sign), _checked(value, "," if sign == "." else ".")
    unread = parse("_x <> '' AND _number IS NULL", x=value, number=mine)
    breaches = []
    if doubt:  # what the other sign can read is named by the next
        unread = parse("_unread AND _other IS NULL", unread=unread, other=other)
    if doubt == "mixed":
        odd = parse("_mine IS NULL AND NOT _other IS NULL", mine=mine, other=other)
        breaches.append(Breach(odd, f"is written differently from the rest (decimal {sign!r})", _ALLOWED))
    elif doubt == "guessed":
        either_way = fits(value, _POINT_EITHER if counts["point_either"] else _COMMA_EITHER)
        remedy = "say which in kbind.yaml: decimal: '.' or decimal: ','"
        breaches.append(Breach(either_way, "can be read as a decimal or as thousands", remedy))
    bad = Breach(unread, "is not a number", _ALLOWED)
    return raw.read(mine, bad, *breaches, *missing, converted=True)


def _sign(counts: Mapping[str, int], hints: Hints) -> tuple[str, str]:
    """The decimal sign of the column, and whether the column is "mixed" or the sign "guessed"."""
    points = counts["point"] + counts["point_groups"]
    commas = counts["comma"] + counts["comma_groups"]
    if hints.decimal is not None:
        return hints.decimal, ""
    if points and commas:
        return "." if points >= commas else ",", "mixed"
    if points or commas:
        return "." if points else ",", ""
    if hints.decimal_elsewhere is not None:
        return hints.decimal_elsewhere, ""
    return _undecided(counts, hints.delimiter)


def _undecided(counts: Mapping[str, int], delimiter: str | None) -> tuple[str, str]:
    """Decimal sign when no value settles it, and "guessed" if that would be a guess.

    A semicolon file comes from a machine whose decimal sign is the comma; a file separated by commas from
    one whose decimal sign is the point. `1.234` between semicolons or tabs stays a guess: too dear to be wrong.
    """
    if counts["point_either"] and counts["comma_either"]:
        return ".", "guessed"
    if counts["comma_either"]:
        return ",", "" if delimiter == ";" else "guessed"
    return ".", "guessed" if counts["point_either"] and delimiter in (";", "\t") else ""


def functions() -> dict[str, Expression]:
    """Long expressions by the short names that statements call them by; in the column x."""
    x = column("x")
    bare = parse("CAST(_x AS VARCHAR)", x=x)
    grouped = fits(x, r"[-+]?\d{1,3}([ \x{00A0}\x{202F}'’]\d{3})+([.,]\d+)?")
    tidy = "CASE WHEN _plain THEN x ELSE coalesce(kb_ungrouped(kb_bare(CASE WHEN _word THEN NULL ELSE x END)), '') END"
    # most numbers are written plainly, and looking twice at these is dear
    plain = fits(bare, r"-?\d[\d.,]*")
    return {
        "kb_bare": without_mark(bare),
        "kb_ungrouped": parse(
            "CASE WHEN _grouped THEN regexp_replace(x, '[\\s\\x{00A0}\\x{202F}''’]', '', 'g') ELSE x END",
            grouped=grouped,
        ),
        "kb_mark": mark_of(bare),
        "kb_no_value": is_word(bare, NO_VALUE),
        "kb_no_number": is_word(bare, (*NO_VALUE, *ENDLESS)),
        "kb_tidy": parse(tidy, plain=plain, word=parse("kb_no_value(x)")),
        "kb_tidy_attribute": parse(tidy, plain=plain, word=parse("kb_no_number(x)")),
    }


def tidy_number(raw: Expression, *, attribute: bool = False) -> Expression:
    """A column as text without blanks and marks of currencies around the number, groups by blanks, other minus signs.

    Words for a missing value become empty, and of an attribute those for endless numbers.
    """
    return parse(f"kb_tidy{'_attribute' if attribute else ''}(CAST(_x AS VARCHAR))", x=raw)


def _number(value: Expression, sign: str) -> Expression:
    """A tidy text as a number, however it is written."""
    if sign == ".":
        return parse("TRY_CAST(replace(_x, ',', '') AS DOUBLE)", x=value)
    return parse("TRY_CAST(replace(replace(_x, '.', ''), ',', '.') AS DOUBLE)", x=value)


def _checked(value: Expression, sign: str) -> Expression:
    """A tidy text as a number if it is written as the sign demands."""
    patterns = (_PLAIN, _POINT, _COMMA_GROUPS) if sign == "." else (_PLAIN, _COMMA, _POINT_GROUPS)
    ok = either(*(fits(value, pattern) for pattern in patterns))
    return parse("CASE WHEN _ok THEN _number END", ok=ok, number=_number(value, sign))
