"""Keys that occur more than once: found by a bit for each number where these lie close, else by grouping."""

from __future__ import annotations

from collections.abc import Sequence

from kbind.dataset.reading.base import Reading, numbers_in
from kbind.dataset.sources import Source
from kbind.engine.engine import Engine, literal, parse
from kbind.errors import Problem, shown

EXAMPLES = 3
#: Whole numbers that lie at most so many bits a row apart, and so many in all, are told apart by a bit each.
_BITS_A_ROW, _BITS = 32, 1 << 29


def repeated_keys(engine: Engine, source: Source, key: Sequence[Reading]) -> list[Problem]:
    """Values of a key that more than one row has."""
    if len(key) == 1 and _each_has_its_bit(engine, source, key[0]):
        return []
    names = ", ".join(f"k{i}" for i in range(len(key)))
    keys = ", ".join(f"_k{i} AS k{i}" for i in range(len(key)))
    filled = " AND ".join(f"NOT k{i} IS NULL" for i in range(len(key)))
    parts = {f"k{i}": reading.expression for i, reading in enumerate(key)}
    repeats = engine.row(
        f"SELECT count(*) AS n FROM (SELECT {names} FROM (SELECT {keys} FROM raw) AS read WHERE {filled} "
        f"GROUP BY {names} HAVING count(*) > 1) AS repeated",
        parts=parts,
        raw=source.relation,
    )
    if not repeats["n"]:
        return []
    found = engine.query(
        f"WITH numbered AS (SELECT row_number() OVER () AS row, {keys} FROM raw), "
        f"repeated AS (SELECT {names}, count(*) AS n, max(row) AS row FROM numbered WHERE {filled} "
        f"GROUP BY {names} HAVING count(*) > 1) "
        f"SELECT concat_ws(', ', {names}) AS id, row, sum(n - 1) OVER () AS extra FROM repeated "
        f"ORDER BY row LIMIT {EXAMPLES}",
        tables={"raw": source.relation},
        parts=parts,
    )
    numbers = source.rows_shown(found.column("row").to_pylist())
    rows = [(row, shown(value)) for row, value in zip(numbers, found.column("id").to_pylist(), strict=True)]
    extra = int(found.column("extra")[0].as_py())
    named = " + ".join(reading.source for reading in key)
    allowed = "allowed: one row a customer" if len(key) == 1 else "allowed: one row for each"
    return [Problem(source.label, "occurs more than once", named, rows, extra, allowed)]


def _each_has_its_bit(engine: Engine, source: Source, key: Reading) -> bool:
    """Whether a column of whole numbers close to each other has as many different ones as filled rows.

    A bit for every number from the smallest to the largest takes a tenth of the time and memory of hashing them.
    """
    if key.converted or numbers_in(engine.columns(source.relation)[key.source]) != "whole":
        return False
    value = key.expression
    extremes = {name: parse(f"{name}(_x)", x=value) for name in ("min", "max", "count")}
    found = engine.aggregate(source.relation, extremes)
    if not found["count"]:
        return True
    span = found["max"] - found["min"] + 1
    if span > min(_BITS_A_ROW * found["count"], _BITS):
        return False
    different = parse(
        "bit_count(bitstring_agg(_x, _low, _high))", x=value, low=literal(found["min"]), high=literal(found["max"])
    )
    return bool(engine.aggregate(source.relation, {"n": different})["n"] == found["count"])
