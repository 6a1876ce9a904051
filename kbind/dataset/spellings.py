"""The values of a column, and which of them a declared value means, however it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kbind.dataset.config import Role
from kbind.dataset.reading.columns import NO, YES
from kbind.engine.engine import Engine, column
from kbind.errors import did_you_mean, shown
from kbind.yamlfile import level_of

#: Values that a message names.
_SHOWN = 8


def values_of(engine: Engine, relation: str, name: str) -> dict[str, int]:
    """The values of a column as text, without blank ones, and how many rows have each; the most frequent first."""
    found = engine.query(
        "SELECT value, count(*) AS n FROM (SELECT CAST(_x AS VARCHAR) AS value FROM t) AS read "
        "WHERE trim(value) <> '' GROUP BY value ORDER BY n DESC, value",
        tables={"t": relation},
        parts={"x": column(name)},
    )
    return dict(zip(found.column("value").to_pylist(), found.column("n").to_pylist(), strict=True))


def spellings(values: Mapping[str, int], role: Role) -> tuple[tuple[str, ...], str]:
    """The values of a column that a role declares, and what is wrong with that; empty if nothing is.

    The value itself goes first, in capitals or not, with blanks or not, 1 as 1.0; else words that say the same, so
    that yes is also ja, y, true and 1.

    >>> spellings({"Yes": 40, "No": 80}, Role("gone", True))
    (('Yes',), '')
    >>> spellings({"gone": 40, "here": 80}, Role("status", "gon"))[1]
    "column 'status': no row has the value 'gon'; did you mean 'gone'? values: 'gone' (40), 'here' (80)"
    """
    if role.value is None:
        odd = {value: n for value, n in values.items() if _word(value) is None}
        wanted = f"say which value means yes, such as {{column: {role.column}, value: {next(iter(odd), '')}}}"
        fault = f"column {role.column!r}: holds neither yes nor no in all rows: {_listed(odd)}; {wanted}" if odd else ""
        return tuple(value for value in values if _word(value)), fault
    declared = (
        list(role.value) if isinstance(role.value, Sequence) and not isinstance(role.value, str) else [role.value]
    )
    meant: list[str] = []
    for one in declared:
        same = [value for value in values if _level(value) == _level(one)]
        same = same or [value for value in values if _word(one) is not None and _word(value) is _word(one)]
        if not same:
            hint = did_you_mean(str(one), values)
            return (), f"column {role.column!r}: no row has the value {shown(one)}; {hint}values: {_listed(values)}"
        meant += same
    if set(meant) == set(values):
        every = f"every row with a value has {', '.join(map(shown, declared))}"
        return tuple(meant), f"column {role.column!r}: {every}, so that nobody is told apart; values: {_listed(values)}"
    return tuple(dict.fromkeys(meant)), ""


def _level(value: object) -> str:
    return level_of(value).casefold()


def _word(value: object) -> bool | None:
    """Whether a value is a word for yes or for no; None for any other."""
    level = _level(value)
    return True if level in YES else False if level in NO else None


def _listed(values: Mapping[str, int]) -> str:
    more = f" and {len(values) - _SHOWN:,} more" if len(values) > _SHOWN else ""
    return ", ".join(f"{shown(value, 30)} ({n:,})" for value, n in [*values.items()][:_SHOWN]) + more
