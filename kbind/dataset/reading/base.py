"""What it means to read a column, and the small expressions that reading is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kbind.engine.engine import Expression, column, literal, parse

#: The engine's types of numbers: whole ones, such as a float cannot all hold, and floats.
_NUMBERS = {
    "whole": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
    "exact": ("DECIMAL", "HUGEINT", "UHUGEINT", "UBIGINT"),
    "float": ("FLOAT", "DOUBLE"),
}

#: What programs write where there is nothing; as an identifier it would be the most faithful customer of all.
NOTHING = ("nan", "null", "none", "nil", "<na>", "nat", "\\n", "#n/a", "#nv", "#ref!", "#bezug!", "#value!", "#wert!")
#: What also stands for a missing value among numbers, times, yes and no. In text it may be a word: the country NA.
NO_VALUE = (*NOTHING, "na", "n/a", "n.a.", "k.a.", "k. a.", "#na", "#div/0!", "-", "--", "–", "—", "?", ".")
#: Numbers without end, as a division by zero leaves them.
ENDLESS = tuple(sign + word for sign in ("", "+", "-") for word in ("inf", "infinity"))

#: What is blank at the ends of a text: spaces of all widths, tabs, line ends, and marks that nobody sees.
BLANKS = " \t\n\r\x0b\x0c\u00a0\u2007\u202f\u3000\u200b\ufeff"


@dataclass(frozen=True)
class Breach:
    """A condition that no row may meet: where, and what to say of the rows that do.

    `trace` is an aggregate of the whole column that is zero or NULL only if no row meets the condition. Made of
    counts and extremes it costs nothing where the file carries these, and the rows need not be looked at.
    `tolerated`: the rows are named in a note and count as missing. `absent`: they have no value at all.
    """

    where: Expression
    message: str
    allowed: str = ""
    trace: Expression | None = None
    tolerated: bool = False
    absent: bool = False


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
    parts : tuple of Reading
        The columns it is made of, whose own breaches count.
    """

    name: str
    source: str
    expression: Expression
    converted: bool = False
    instant: bool | None = None
    breaches: tuple[Breach, ...] = ()
    parts: tuple[Reading, ...] = ()


@dataclass(frozen=True)
class Hints:
    """What is known beyond the values: the file's delimiter, what the user declared, what other columns show.

    `times` says by column, or by "" for all, what numbers in a column of times count since 1970.
    """

    delimiter: str | None = None
    decimal: str | None = None
    date_order: str | None = None
    decimal_elsewhere: str | None = None
    times: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """A column as it stands in a source, before it is read.

    Parameters
    ----------
    name, source : str
        What the contract and what the file call it.
    physical : str
        Type the engine holds it in.
    counts : mapping of str to int
        How many values meet each condition of `survey`.
    hints : Hints
        Declared conventions.
    """

    name: str
    source: str
    physical: str
    counts: Mapping[str, int] = field(default_factory=dict)
    hints: Hints = Hints()

    @property
    def is_text(self) -> bool:
        """Whether the engine holds the column as text."""
        return is_text(self.physical)

    @property
    def numbers(self) -> str:
        """Which numbers the engine holds in the column; see `numbers_in`."""
        return numbers_in(self.physical)

    @property
    def text(self) -> Expression:
        """The column as text without blanks of any kind at its ends; empty text is no value."""
        raw = self.made("CAST(_x AS VARCHAR)")
        untidy, blanks = maybe_untidy(raw), literal(BLANKS)
        return parse(
            "nullif(CASE WHEN _untidy THEN trim(_x, _blanks) ELSE _x END, '')", untidy=untidy, x=raw, blanks=blanks
        )

    def made(self, sql: str, **fill: Expression) -> Expression:
        """What a fragment of a statement makes of the column, which is `_x` in it."""
        own = {"x": column(self.source)} if "_x" in sql else {}
        return parse(sql, **own, **fill)

    def read(
        self,
        how: Expression | str = "_x",
        *breaches: Breach,
        converted: bool = False,
        instant: bool | None = None,
    ) -> Reading:
        """How the column is read: as it is, unless said otherwise."""
        expression = self.made(how) if isinstance(how, str) else how
        return Reading(self.name, self.source, expression, converted, instant, breaches)

    def wrong_type(self, wanted: str) -> Breach:
        """Every value of a column whose type cannot hold what is wanted."""
        return Breach(self.made("NOT _x IS NULL"), f"has the type {self.physical}", f"allowed: {wanted}")

    def no_value(self, words: Sequence[str] = NO_VALUE) -> tuple[Breach, ...]:
        """Words for a missing value in a column that otherwise holds something else than words, if there are any."""
        said = is_word(self.made("CAST(_x AS VARCHAR)"), words)
        message = "stands for a missing value and counts as one"
        return (Breach(said, message, tolerated=True),) if self.counts.get("nothing") else ()


def is_text(physical: str) -> bool:
    """Whether the engine holds a column of this type as text."""
    return physical.startswith(("VARCHAR", "ENUM"))


def numbers_in(column_type: str) -> str:
    """Which numbers a column holds, by the engine's type: "whole", "exact" or "float"; empty if none."""
    return next((numbers for numbers, types in _NUMBERS.items() if column_type.startswith(types)), "")


def kind_of(column_type: str) -> str:
    """What a column holds, by the engine's type: "number", "flag", "text" or "other"."""
    if numbers_in(column_type):
        return "number"
    if column_type == "BOOLEAN":
        return "flag"
    return "text" if is_text(column_type) else "other"


def maybe_untidy(value: Expression) -> Expression:
    """Whether the ends of a text may be blank: cheap to tell, where trimming every value is dear."""
    return parse("_x < '!' OR array_extract(_x, -1) < '!' OR strlen(_x) <> length(_x)", x=value)


def is_word(value: Expression, words: Sequence[str]) -> Expression:
    """Whether a text is one of some short words, in capitals or not, with blanks around it or not."""
    longest = literal(max(map(len, words)) + 8)
    tidy = parse("lower(trim(_x, _blanks))", x=value, blanks=literal(BLANKS))
    listed = parse("list_contains(_words, _tidy)", words=literal(list(words)), tidy=tidy)
    return parse("CASE WHEN strlen(_x) <= _longest THEN _listed END", x=value, longest=longest, listed=listed)


def without(value: Expression, words: Sequence[str]) -> Expression:
    """A text that is NULL where it is one of some words."""
    return parse("CASE WHEN _word THEN NULL ELSE _x END", word=is_word(value, words), x=value)


def is_nested(physical: str) -> bool:
    """Whether a column holds several values a row, or bytes: nothing that a customer can be described by."""
    kinds = ("STRUCT", "MAP", "UNION", "BLOB", "BIT", "VARIANT", "GEOMETRY", "TABLE")
    return physical.endswith("]") or physical.startswith(kinds)


def fits(value: Expression, pattern: str) -> Expression:
    """Whether the whole text matches a pattern."""
    return parse("regexp_full_match(_x, _pattern)", x=value, pattern=literal(pattern))


def either(*conditions: Expression) -> Expression:
    """Whether any condition holds."""
    result = conditions[0]
    for condition in conditions[1:]:
        result = parse("_a OR _b", a=result, b=condition)
    return result
