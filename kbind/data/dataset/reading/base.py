"""What it means to read a column, and the small expressions that reading is made of."""

from __future__ import annotations

from dataclasses import dataclass

from kbind.data.engine import Expression, column, literal, parse

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
DECIMALS = ("DECIMAL", "HUGEINT", "UHUGEINT", "UBIGINT")
FLOATS = ("FLOAT", "DOUBLE")

#: What is blank at the ends of a text: spaces of all widths, tabs, line ends, and marks that nobody sees.
BLANKS = " \t\n\r\x0b\x0c\u00a0\u2007\u202f\u3000\u200b\ufeff"


@dataclass(frozen=True)
class Breach:
    """A condition that no row may meet: where, and what to say of the rows that do.

    `trace` is an aggregate of the whole column that is zero or NULL only if no row meets the condition. Made of
    counts and extremes it costs nothing where the file carries these, and the rows need not be looked at.
    """

    where: Expression
    message: str
    allowed: str = ""
    column: str | None = None
    trace: Expression | None = None


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


def wrong_type(source: str, physical: str, wanted: str) -> Breach:
    """Every value of a column whose type cannot hold what is wanted."""
    present = parse("NOT _x IS NULL", x=column(source))
    return Breach(present, f"has the type {physical}", f"allowed: {wanted}", source)


def text(source: str) -> Expression:
    """The column as text without blanks of any kind at its ends; empty text is no value."""
    raw = parse("CAST(_x AS VARCHAR)", x=column(source))
    return parse(
        "nullif(CASE WHEN _untidy THEN trim(_x, _blanks) ELSE _x END, '')",
        untidy=maybe_untidy(raw),
        x=raw,
        blanks=literal(BLANKS),
    )


def maybe_untidy(value: Expression) -> Expression:
    """Whether the ends of a text may be blank: cheap to tell, where trimming every value is dear."""
    return parse("_x < '!' OR array_extract(_x, -1) < '!' OR strlen(_x) <> length(_x)", x=value)


def fits(value: Expression, pattern: str) -> Expression:
    """Whether the whole text matches a pattern."""
    return parse("regexp_full_match(_x, _pattern)", x=value, pattern=literal(pattern))


def either(*conditions: Expression) -> Expression:
    """Whether any condition holds."""
    result = conditions[0]
    for condition in conditions[1:]:
        result = parse("_a OR _b", a=result, b=condition)
    return result
