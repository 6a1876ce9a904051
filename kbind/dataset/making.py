"""Columns that the source does not have as such: made of others by a product, a share, a key, a choice, a constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kbind.dataset.reading.base import Breach, Hints, Raw, Reading
from kbind.dataset.reading.columns import survey
from kbind.dataset.reading.numbers import read_number
from kbind.dataset.schema import Column, Kind
from kbind.engine.engine import Engine, Expression, column, literal, parse
from kbind.errors import DatasetError, choices, listed, plain, real

#: Months of an interval between payments, by the word that says it.
MONTHS: Mapping[str, float] = {
    **dict.fromkeys(("month", "months", "monthly", "monat", "monatlich", "mtl", "mtl.", "1 month", "p1m"), 1),
    **dict.fromkeys(("quarter", "quarterly", "quartal", "vierteljährlich", "quartalsweise", "3 months", "p3m"), 3),
    **dict.fromkeys(("half-year", "half-yearly", "semiannual", "semi-annual", "halbjährlich", "6 months", "p6m"), 6),
    **dict.fromkeys(("year", "years", "yearly", "annual", "annually", "jahr", "jährlich", "12 months", "p1y"), 12),
    **dict.fromkeys(("week", "weeks", "weekly", "woche", "wöchentlich", "1 week", "p1w"), 12 / 52.1775),
    **dict.fromkeys(("day", "days", "daily", "tag", "täglich", "1 day", "p1d"), 12 / 365.2425),
}
_KEYS = ("product", "column", "divided_by", "per", "json", "key", "first_of", "value", "row")
_ALLOWED = (
    "allowed: the name of a column, {product: [Quantity, Price]}, {column: Amount, divided_by: 100}, "
    "{column: Amount, per: Interval}, {json: properties, key: plan}, {first_of: [user_id, device_id]}, {value: order}, "
    "{row: number}"
)


@dataclass(frozen=True)
class Making:
    """How a column of the contract is made of columns of the source.

    Parameters
    ----------
    how : {"product", "json", "first_of", "value", "row"}
        Numbers multiplied, one key of a column of JSON, the first of some columns that is filled, a constant, the
        number of the row (where each row is a customer without an id).
    of : tuple of str
        Columns of the source.
    key : str
        Of `json`: the key, with dots for keys within keys.
    value : object
        Of `value`: the constant.
    divided_by : float
        Of `product`: what it is divided by, such as 100 for cents.
    per : str
        Of `product`: column with the interval between payments, so that the amount becomes one a month.
    """

    how: str
    of: tuple[str, ...] = ()
    key: str = ""
    value: object = None
    divided_by: float = 1.0
    per: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Every column of the source that it takes."""
        return (*self.of, *([self.per] if self.per else []))

    @property
    def label(self) -> str:
        """What messages and overviews call the column."""
        if self.how == "row":
            return "number of the row"
        if self.how == "value":
            return f"always {plain(self.value)}"
        if self.how == "json":
            return f"{self.of[0]}.{self.key}"
        if self.how == "first_of":
            return f"first of {', '.join(self.of)}"
        shared = "" if self.divided_by == 1 else f" / {self.divided_by:g}"
        return " x ".join(self.of) + shared + (f" a month, by {self.per}" if self.per else "")


def read_making(entry: object, where: str, name: str) -> Making:
    """What an entry of `columns` that is no name says.

    >>> read_making({"product": ["Quantity", "Price"]}, "kbind.yaml", "events: amount").label
    'Quantity x Price'
    """
    wrong = DatasetError.of(where, f"{name}: {plain(repr(entry), 200)}", allowed=_ALLOWED)
    if not isinstance(entry, Mapping) or not entry or not set(entry) <= set(_KEYS):
        raise wrong
    given = dict(entry)
    scaled = {"divided_by", "per"}
    if "value" in given and len(given) == 1 and isinstance(given["value"], (str, int, float, bool)):
        return Making("value", value=given["value"])
    if given == {"row": "number"}:
        return Making("row")
    if set(given) == {"json", "key"} and all(isinstance(value, str) and value for value in given.values()):
        return Making("json", (given["json"],), key=given["key"])
    if set(given) == {"first_of"} and (names := _names(given["first_of"])):
        return Making("first_of", names)
    of = _names(given.get("product")) if "product" in given else _names([given.get("column")])
    if of and set(given) - scaled in ({"product"}, {"column"}):
        share, per = given.get("divided_by", 1), given.get("per", "")
        if real(share) > 0 and isinstance(per, str) and (len(of) > 1 or set(given) & scaled):
            return Making("product", of, divided_by=float(share), per=per)
    raise wrong


def _names(value: object) -> tuple[str, ...]:
    """Some names; empty where it is none."""
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(n, str) and n for n in value):
        return tuple(value)
    return ()


def lay_out(
    engine: Engine, relation: str, label: str, made: Mapping[str, Making]
) -> tuple[dict[str, str], dict[str, Making]]:
    """Put columns of text that are made of others beside those that are there.

    Returns
    -------
    tuple
        Contract name -> column that now stands in the relation, and the makings of numbers, which are read later.

    Raises
    ------
    DatasetError
        A column that something is to be made of is not there.
    """
    physical = engine.columns(relation)
    for name, making in made.items():
        for missing in (each for each in making.needs if each not in physical):
            message = f"the mapping makes {name!r} of a column {missing!r} that is not there"
            raise DatasetError.of(label, message, allowed=choices(missing, physical))
    texts = {name: making for name, making in made.items() if making.how != "product"}
    if texts:
        labels: dict[str, str] = {}
        for name, making in texts.items():
            labels[name] = _free(making.label, [*physical, *labels.values()])
        own = {label: _text(texts[name], physical) for name, label in labels.items()}
        numbered = any(making.how == "row" for making in texts.values())  # a view would number its rows at every look
        engine.rename(relation, found_as(relation))
        every = {name: column(name) for name in physical} | own
        engine.define(relation, found_as(relation), every, stored=numbered)
        return labels, {name: making for name, making in made.items() if name not in texts}
    return {}, dict(made)


def found_as(relation: str) -> str:
    """What a relation is called as it was found, where columns were put beside those that it has."""
    return f"{relation}__found"


def _free(label: str, taken: Sequence[str]) -> str:
    while label in taken:
        label += " "
    return label


def _text(making: Making, physical: Mapping[str, str]) -> Expression:
    if making.how == "row":
        return parse("row_number() OVER ()")
    if making.how == "value":
        return literal(str(making.value) if isinstance(making.value, bool) else making.value)
    raw = [parse("nullif(trim(CAST(_x AS VARCHAR)), '')", x=column(name)) for name in making.of]
    if making.how == "json":
        path = literal("$." + ".".join(f'"{part}"' for part in making.key.split(".")))
        text = parse("CASE WHEN json_valid(_x) THEN json_extract_string(_x, _path) END", x=raw[0], path=path)
        if physical[making.of[0]].startswith(("STRUCT", "MAP")):
            text = parse("json_extract_string(to_json(_x), _path)", x=column(making.of[0]), path=path)
        return text
    result = raw[-1]
    for each in reversed(raw[:-1]):
        result = parse("coalesce(_a, _b)", a=each, b=result)
    return result


def product(engine: Engine, relation: str, name: str, making: Making, hints: Hints) -> tuple[Reading, list[Raw]]:
    """A column of numbers made of others, and those of them that carry marks of currencies.

    Each of these is read by its own rules, and its faults are told as its own.
    """
    physical = engine.columns(relation)
    parts, marked = list[Reading](), list[Raw]()
    for of in making.of:
        raw = Raw(name, of, physical[of], hints=hints)
        conditions = survey(raw, Column(Kind.NUMBER), from_text=raw.is_text)
        counted = {label: parse("count(*) FILTER (WHERE _p)", p=condition) for label, condition in conditions.items()}
        raw = replace(raw, counts=engine.aggregate(relation, counted) if counted else {})
        parts.append(read_number(raw))
        marked += [raw] if raw.counts.get("marked") else []
    whole = parts[0].expression
    for part in parts[1:]:
        whole = parse("CAST(_a AS DOUBLE) * CAST(_b AS DOUBLE)", a=whole, b=part.expression)
    if making.divided_by != 1:
        whole = parse("_x / _by", x=whole, by=literal(making.divided_by))
    if making.per:
        per = _interval(Raw(name, making.per, physical[making.per]))
        whole = parse("_x / _months", x=whole, months=per.expression)
        parts.append(per)
    return Reading(name, making.label, whole, converted=True, parts=tuple(parts)), marked


def _interval(raw: Raw) -> Reading:
    """Months between two payments, from a word or from a number of months."""
    word = parse("lower(trim(CAST(_x AS VARCHAR)))", x=column(raw.source))
    number = parse("TRY_CAST(_word AS DOUBLE)", word=word)
    months = parse(
        "coalesce(_months[list_position(_words, _word)], CASE WHEN _n > 0 AND isfinite(_n) THEN _n END)",
        months=literal([float(each) for each in MONTHS.values()]), words=literal(list(MONTHS)), word=word, n=number,
    )  # fmt: skip
    unknown = parse("_word <> '' AND _months IS NULL", word=word, months=months)
    allowed = f"allowed: {listed(['month', 'quarter', 'year', 'week', 'day'])}, or a number of months"
    return raw.read(months, Breach(unknown, "is no interval between payments", allowed), converted=True)
