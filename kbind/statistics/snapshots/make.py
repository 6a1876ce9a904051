"""From a data set to snapshots: block after block of customers, table after table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbind.data.dataset import Dataset
from kbind.data.engine import column, parse
from kbind.errors import ArgumentError, listed
from kbind.statistics.durations.lives import wall_time
from kbind.statistics.groups import Ints
from kbind.statistics.result import Provenance
from kbind.statistics.snapshots import families
from kbind.statistics.snapshots.cells import Floats, Scope
from kbind.statistics.snapshots.choice import Choice, choose, is_number
from kbind.statistics.snapshots.columns import Columns, frame_of, texts
from kbind.statistics.snapshots.held import held_contracts
from kbind.statistics.snapshots.model import Snapshots
from kbind.statistics.snapshots.moments import DAY, Moments
from kbind.statistics.snapshots.rhythm import MOST, Rhythm

_PEOPLE = "kbind__people"
#: Customers and rows of a log that are looked at together are bounded, so that memory is.
_CELLS, _ROWS = 20_000_000, 20_000_000


@dataclass(frozen=True, eq=False)
class Block:
    """Snapshots of some customers."""

    customer: Ints
    when: Ints
    decided: Ints
    value: Floats
    consent: Floats
    columns: Columns
    excluded: int


def observe(data: Dataset, moments: Moments, lapse: int, grace: int) -> Snapshots:
    """Snapshots of a data set with contracts or events."""
    log = data.require("subscriptions", "events")
    with _people(data, moments, log) as identifiers:
        choice = choose(data, moments, _PEOPLE)
        blocks = [
            _observed(Scope(data, moments, _PEOPLE, first, size), log, choice, lapse, grace)
            for first, size in _blocks(data, moments, len(identifiers))
        ]
    rows = sum(len(block.when) for block in blocks)
    if not rows:
        asked = listed(f"{date:%Y-%m-%d}" for date in moments.dates)
        raise ArgumentError(f"{data.name!r} has nobody who was a customer at as_of={asked}")
    return _joined(data, moments, choice, identifiers, blocks, log, lapse)


@contextmanager
def _people(data: Dataset, moments: Moments, log: str) -> Iterator[NDArray[np.object_]]:
    """Number everybody who began before the last date, as long as the numbers are needed."""
    time = "start" if log == "subscriptions" else "timestamp"
    data.engine.create(
        _PEOPLE,
        "SELECT customer_id, row_number() OVER (ORDER BY customer_id) - 1 AS code__people FROM "
        "(SELECT customer_id FROM log WHERE _t < _end GROUP BY customer_id) AS some",
        tables={"log": log},
        parts={"t": column(time), "end": moments.constant(data, log, time, moments.cuts[-1])},
        slots=data.tables[log].rows,
    )
    try:
        found = data.engine.query("SELECT customer_id FROM p ORDER BY code__people", tables={"p": _PEOPLE})
        identifiers = np.empty(found.num_rows, dtype=object)
        identifiers[:] = found.column("customer_id").to_pylist()
        yield identifiers
    finally:
        data.engine.drop(_PEOPLE)


def _blocks(data: Dataset, moments: Moments, customers: int) -> list[tuple[int, int]]:
    most = max(1, min(MOST, _CELLS // len(moments.cuts)))
    longest = max(table.rows for table in data.tables.values())
    parts = max(-(-customers // most), -(-longest // _ROWS), 1)
    edges = np.linspace(0, customers, parts + 1).astype(int)
    return [(int(a), int(b - a)) for a, b in pairwise(edges) if b > a]


def _observed(scope: Scope, log: str, choice: Choice, lapse: int, grace: int) -> Block:
    """All features of the customers of a scope."""
    data = scope.data
    rhythm = Rhythm.of(scope) if "events" in data.tables else None
    if log == "subscriptions":
        held = held_contracts(scope, grace, choice.terms)
    else:
        assert rhythm is not None
        held = rhythm.held(lapse)
    known = _customers(scope, choice)
    acquired = known["acquired"]
    dates = scope.moments.later(0)
    # who is acquired later than the date is not there yet, whatever the log says
    there = ~(acquired[held.rows.who] >= dates[held.rows.when])
    held = held.take(there)
    rows, columns = held.rows, Columns()
    origin = np.fmin(acquired[rows.who], held.since)
    tenure = (dates[rows.when] - origin) / DAY
    columns.add(tenure, "tenure", log)
    if log == "subscriptions":
        families.add_contracts(scope, choice, held, columns)
    if rhythm is not None:
        families.add_usage(scope, choice, rows, rhythm, columns)
    if "tickets" in data.tables:
        families.add_tickets(scope, rows, columns)
    if "feedback" in data.tables:
        families.add_feedback(scope, choice, rows, columns)
    if "contacts" in data.tables:
        families.add_contacts(scope, rows, columns)
    families.add_others(scope, rows, columns)
    for name in choice.attributes:
        columns.add(known[f"attribute {name}"][rows.who], "attribute", "customers", name)
    if "referred" in known:
        columns.add(known["referred"][rows.who], "flag", "customers", "referred_by")
    priced = "subscriptions_mrr" in columns.values
    value = columns.values["subscriptions_mrr"] if priced else families.revenue(columns)
    return Block(
        rows.who + scope.first, rows.when, held.decided, value, known["consent"][rows.who], columns, held.excluded
    )


def _customers(scope: Scope, choice: Choice) -> dict[str, NDArray[Any]]:
    """What `customers` says of everybody in the scope, in the order of their numbers."""
    nothing = np.full(scope.size, np.nan)
    known: dict[str, NDArray[Any]] = {"acquired": nothing, "consent": nothing}
    data = scope.data
    if "customers" not in data.tables:
        return known
    columns = data.tables["customers"].columns
    role = data.roles.get("acquired_at")
    acquired = role.column if role else "acquired_at"
    parts = {f"x{k}": column(name) for k, name in enumerate(choice.attributes)}
    if columns.get(acquired, "").startswith(("TIME", "DATE")):
        parts["acquired"] = parse("epoch_us(CAST(_t AS TIMESTAMP))", t=wall_time(data, "customers", acquired))
    if "consent" in columns:
        parts["consent"] = column("consent")
    if "referred_by" in columns:
        parts["referred"] = parse("NOT _x IS NULL", x=column("referred_by"))
    chosen = "".join(f", _{name} AS {name}" for name in parts)
    found = data.engine.query(
        f"WITH said AS (SELECT customer_id{chosen} FROM customers) "
        f"SELECT p.code__people{''.join(f', {name}' for name in parts)} "
        "FROM people AS p LEFT JOIN said USING (customer_id) "
        "WHERE p.code__people >= _low AND p.code__people < _high ORDER BY p.code__people",
        tables={"customers": "customers", **scope.tables},
        parts={**parts, **scope.range},
    )
    for name in ("acquired", "consent", "referred"):
        if name in parts:
            known[name] = np.asarray(found.column(name).cast("double").to_numpy(), dtype=float)
    for k, name in enumerate(choice.attributes):
        number = is_number(columns[name]) or columns[name] == "BOOLEAN"
        known[f"attribute {name}"] = (
            np.asarray(found.column(f"x{k}").cast("double").to_numpy(), dtype=float)
            if number
            else texts(found.column(f"x{k}"))
        )
    return known


def _joined(
    data: Dataset, moments: Moments, choice: Choice, identifiers: NDArray[np.object_], blocks: list[Block], log: str,
    lapse: int,
) -> Snapshots:  # fmt: skip
    """Blocks in one, in the order of dates and customers."""
    assert data.as_of is not None
    # every block is in order already, so that pieces of blocks have only to be put behind each other
    edges = [np.searchsorted(block.when, np.arange(len(moments.dates) + 1)) for block in blocks]
    pieces = [(k, slice(*ends[at : at + 2])) for at in range(len(moments.dates)) for k, ends in enumerate(edges)]

    def joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
        return parts[0] if len(parts) == 1 else np.concatenate([parts[k][piece] for k, piece in pieces])

    def whole(name: str) -> NDArray[Any]:
        return joined([getattr(block, name) for block in blocks])

    meanings = tuple(blocks[0].columns.meanings.values())
    values = {one.name: joined([block.columns.values.pop(one.name) for block in blocks]) for one in meanings}
    when = whole("when")
    decided = whole("decided")
    begins = moments.later(moments.lead)[when]
    ends = moments.later(moments.lead + moments.horizon)[when]
    leaves = (decided >= begins) & (decided < ends)
    notes = list(choice.notes)
    excluded = sum(block.excluded for block in blocks)
    if excluded:
        notes.append(f"left out: {excluded:,} snapshots of {data.card.customer}s who had already given notice")
    if log == "events":
        notes.append(f"without contracts, a {data.card.customer} leaves when a silence is longer than {lapse} days")
    return Snapshots(
        customer=identifiers[whole("customer")],
        as_of=np.array(moments.dates, dtype="datetime64[us]")[when],
        features=frame_of(values),
        target=np.where(moments.lived(data.as_of)[when], leaves.astype(float), np.nan),
        lost_in_lead=np.asarray(decided < begins),
        value=whole("value"),
        consent=whole("consent"),
        meanings=meanings,
        lead=moments.lead,
        horizon=moments.horizon,
        notes=tuple(notes),
        provenance=Provenance(data.name, data.timezone, data.as_of),
        customer_word=data.card.customer,
    )
