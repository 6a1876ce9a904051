"""Whether a column of customers says what its role declares."""

from __future__ import annotations

from kbind.dataset.config import Role
from kbind.dataset.dataset import Dataset
from kbind.dataset.reading.columns import yes_or_no
from kbind.dataset.spellings import spellings, values_of
from kbind.engine.engine import Expression, column, literal, parse
from kbind.errors import ArgumentError


def says_yes(data: Dataset, role: Role, of: str = "") -> Expression:
    """Whether a column of customers says what its role declares: a value, or a word that means yes.

    Raises
    ------
    ArgumentError
        The declared value matches no customer, or every one.
    """
    value = column(role.column, of)
    if role.value is None:
        return value if data.tables["customers"].columns[role.column] == "BOOLEAN" else yes_or_no(value)
    meant, fault = spellings(values_of(data.engine, "customers", role.column), role)
    if fault:
        raise ArgumentError(f"customers of {data.name!r}: {fault}")
    text = parse("CAST(_x AS VARCHAR)", x=value)
    return parse("CASE WHEN trim(_x) <> '' THEN list_contains(_meant, _x) END", x=text, meant=literal(list(meant)))
