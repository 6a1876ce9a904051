"""Which rows of a source count: those that name a customer, and those that `kbind.yaml` picks by their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kbind.dataset.config import Role, TableConfig
from kbind.dataset.reading.base import NO_VALUE, Reading, either, is_word
from kbind.dataset.sources import Source
from kbind.dataset.spellings import spellings, values_of
from kbind.engine.engine import Engine, Expression, column, literal, parse
from kbind.errors import Problem, choices, listed, shown

#: Values of a filter that a note names.
_NAMED = 4


def nameless(engine: Engine, source: Source, readings: Sequence[Reading]) -> tuple[Expression | None, int]:
    """The rows that name no customer, and how many they are; None where each does."""
    absent = [b for reading in readings if reading.name == "customer_id" for b in reading.breaches if b.absent]
    if not absent:
        return None, 0
    where = parse("coalesce(_where, FALSE)", where=either(*(breach.where for breach in absent)))
    n = engine.size(source.relation, where)
    # where no row would be left, that is the fault
    return (where, n) if 0 < n < engine.size(source.relation) else (None, 0)


def picked(
    engine: Engine, source: Source, declared: TableConfig, spelled: Mapping[str, str]
) -> tuple[Expression | None, list[str], list[Problem]]:
    """The rows that do not count by `only`, `without` and `filled`, a note for each, and what is wrong with these.

    Parameters
    ----------
    spelled : mapping of str to str
        Column as it is declared -> as the source has it.
    """
    conditions, told, problems = list[Expression](), list[tuple[str, Expression]](), list[Problem]()
    wanted = [*declared.only, *declared.without, *declared.filled]
    for missing in dict.fromkeys(name for name in wanted if name not in spelled):
        message = f"rows are picked by a column {missing!r} that is not there"
        problems.append(Problem(source.label, message, allowed=choices(missing, dict.fromkeys(spelled.values()))))
    if problems:
        return None, [], problems
    for keep, chosen in ((True, declared.only), (False, declared.without)):
        for name, values in chosen.items():
            meant, there = _meant(engine, source, spelled[name], values)
            if keep and not meant:
                faults = spellings(there, Role(name, values[0]))[1]
                problems.append(Problem(source.label, f"only: {faults}"))
            elif meant:
                text = parse("CAST(_x AS VARCHAR)", x=column(spelled[name]))
                inside = parse("coalesce(list_contains(_meant, _x), FALSE)", x=text, meant=literal(list(meant)))
                conditions.append(parse("NOT _x", x=inside) if keep else inside)
                says = listed([shown(value, 30) for value in values], _NAMED)
                told.append((f"{name!r} is {'not ' if keep else ''}{says}", conditions[-1]))
    for name in declared.filled:
        text = parse("CAST(_x AS VARCHAR)", x=column(spelled[name]))
        empty = parse(
            "_x IS NULL OR trim(_x) = '' OR coalesce(_nothing, FALSE)", x=text, nothing=is_word(text, NO_VALUE)
        )
        conditions.append(empty)
        told.append((f"{name!r} is empty", empty))
    if problems or not conditions:
        return None, [], problems
    whole = either(*conditions)
    counts = engine.aggregate(
        source.relation,
        {"all": parse("count(*)"), "out": parse("count(*) FILTER (WHERE _w)", w=whole)}
        | {f"{i}": parse("count(*) FILTER (WHERE _w)", w=where) for i, (_, where) in enumerate(told)},
    )
    if counts["out"] == counts["all"]:
        message = f"no row is left: {listed([reason for reason, _ in told])}"
        return None, [], [Problem(source.label, message, allowed="allowed: conditions that some rows meet")]
    rows = counts["all"]
    notes = [
        f"{source.label}: {counts[str(i)]:,} of {rows:,} rows do not count, because {reason} (kbind.yaml)"
        for i, (reason, _) in enumerate(told)
        if counts[str(i)]
    ]
    return (whole if counts["out"] else None), notes, []


def _meant(engine: Engine, source: Source, name: str, values: Sequence[object]) -> tuple[set[str], dict[str, int]]:
    """The spellings in a column that some values stand for, and all that are there."""
    there = values_of(engine, source.relation, name)
    return {spelling for value in values for spelling in spellings(there, Role(name, value))[0]}, there


def blind(readings: Sequence[Reading], rows: Expression) -> list[Reading]:
    """The readings blind to some rows: nothing that stands in them is read, or wrong."""
    result = []
    for reading in readings:
        breaches = [
            replace(breach, where=parse("_w AND NOT _dropped", w=breach.where, dropped=rows))
            for breach in reading.breaches
        ]
        seen = parse("CASE WHEN _dropped THEN NULL ELSE _x END", dropped=rows, x=reading.expression)
        parts = tuple(blind(reading.parts, rows))
        result.append(replace(reading, expression=seen, converted=True, breaches=tuple(breaches), parts=parts))
    return result
