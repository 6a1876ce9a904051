"""Statements that are put together in steps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa

from kbind.engine.engine import Engine, Expression, literal


@dataclass
class Query:
    """A statement put together in steps: subqueries with names, and what goes into their places.

    A part that has no place is left out, so several statements may share their parts. A table that is not named here
    is the relation of the same name.

    Parameters
    ----------
    engine : Engine
    steps : dict of str to str
        Name -> SELECT; a step reads those before it.
    parts : dict of str to Expression
        What goes into `_name`.
    tables : dict of str to str
        Table name in the statement -> relation of the engine.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.read_frame("numbers", pa.table({"a": [1, 2, 3]}))
    >>> query = Query(engine).step("large", "SELECT a FROM numbers WHERE a >= _least", least=2)
    >>> query.select("SELECT count(*) AS n FROM large").to_pylist()
    [{'n': 2}]
    """

    engine: Engine
    steps: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Expression] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Query:
        """Another statement that begins with these steps."""
        return Query(self.engine, dict(self.steps), dict(self.parts), dict(self.tables))

    def table(self, **relations: str) -> Query:
        """Name relations."""
        self.tables |= relations
        return self

    def part(self, **parts: object) -> Query:
        """Fill places with expressions or constants."""
        self.parts |= {name: part if isinstance(part, Expression) else literal(part) for name, part in parts.items()}
        return self

    def step(self, name: str, sql: str, /, **parts: object) -> Query:
        """One more subquery, perhaps with what goes into its places."""
        self.steps[name] = sql
        return self.part(**parts)

    def select(self, sql: str, *, slots: int = 0) -> pa.Table:
        """Run the statement that ends in this SELECT; see `Engine.query`."""
        whole, parts = self._whole(sql)
        return self.engine.query(whole, tables=self.tables, parts=parts, slots=slots)

    def create(self, name: str, sql: str) -> None:
        """Store what the statement returns as a table."""
        whole, parts = self._whole(sql)
        self.engine.create(name, whole, tables=self.tables, parts=parts)

    def _whole(self, sql: str) -> tuple[str, dict[str, Expression]]:
        steps = ", ".join(f"{name} AS ({step})" for name, step in self.steps.items())
        whole = f"WITH {steps} {sql}" if steps else sql
        places = set(re.findall(r"\b_(\w+)", whole))
        return whole, {name: part for name, part in self.parts.items() if name in places}
