"""From a data set to snapshots: block after block of customers, table after table."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from kbind.churn.snapshots import families
from kbind.churn.snapshots.choice import Choice, choose
from kbind.churn.snapshots.columns import Columns, frame_of, numbers, values_of
from kbind.churn.snapshots.families import Part
from kbind.churn.snapshots.held import Held, held_contracts
from kbind.churn.snapshots.logs import Log, Scope, read_logs
from kbind.churn.snapshots.moments import DAY, Moments
from kbind.churn.snapshots.rhythm import MOST, Rhythm
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.dataset.provenance import Provenance
from kbind.engine.engine import column, parse
from kbind.errors import NotEnoughData, listed
from kbind.typing import Array, Objects

_PEOPLE = "kbind__people"
_FAMILIES = {
    "tickets": families.add_tickets,
    "feedback": families.add_feedback,
    "came": families.add_contacts,
}
#: Cells and rows of logs that are read together are bounded, so that memory is.
_CELLS, _ROWS = 20_000_000, 20_000_000
#: And those that are computed together, so that they fit into what a processor has at hand.
_NEAR_CELLS, _NEAR_ROWS = 500_000, 250_000


@dataclass(frozen=True, eq=False)
class Reading:
    """What the engine says of the customers of a scope: their logs, contracts, and rows of `customers`."""

    scope: Scope
    choice: Choice
    logs: dict[str, Log]
    held: Held | None
    known: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Block:
    """Snapshots of some customers, in the order of dates and customers.

    Parameters
    ----------
    excluded : int
        How many are left out.
    facts : dict of str to ndarray
        Who, when, and what became of them.
    columns : Columns
        Features.
    """

    excluded: int
    facts: dict[str, Array]
    columns: Columns


def observe(data: Dataset, moments: Moments, lapse: int, grace: int) -> Snapshots:
    """Snapshots of a data set with contracts or events."""
    log = data.require("subscriptions", "events")
    with _people(data, moments, log) as identifiers, ThreadPoolExecutor(data.engine.threads) as pool:
        choice = choose(data, moments, _PEOPLE)
        scopes = _scopes(data, moments, len(identifiers))
        blocks = [block for scope in scopes for block in _observed(scope, log, choice, lapse, grace, pool)]
    if not any(len(block.facts["when"]) for block in blocks):
        asked = listed(f"{date:%Y-%m-%d}" for date in moments.dates)
        raise NotEnoughData(f"{data.name!r} has nobody who was a customer at as_of={asked}")
    return _found(data, moments, choice, identifiers, _joined(blocks, len(moments.dates)), log, lapse)


@contextmanager
def _people(data: Dataset, moments: Moments, log: str) -> Iterator[Objects]:
    """Number everybody who began before the last date, as long as the numbers are needed."""
    time = "start" if log == "subscriptions" else "timestamp"
    data.engine.create(
        _PEOPLE,
        "SELECT customer_id, row_number() OVER (ORDER BY customer_id) - 1 AS code__people FROM "
        "(SELECT customer_id FROM log WHERE _t < _end GROUP BY customer_id) AS some",
        tables={"log": log},
        parts={"t": column(time), "end": data.constant(log, time, moments.cuts[-1])},
        slots=data.tables[log].rows,
    )
    try:
        found = data.engine.query("SELECT customer_id FROM p ORDER BY code__people", tables={"p": _PEOPLE})
        yield objects(found.column("customer_id"))
    finally:
        data.engine.drop(_PEOPLE)


def _scopes(data: Dataset, moments: Moments, customers: int) -> list[Scope]:
    cuts, logged = len(moments.cuts), sum(table.rows for table in data.tables.values())

    def parts(cells: int, rows: int) -> int:
        """How many hold so many cells and rows each."""
        return max(-(-customers * cuts // cells), -(-logged // rows), 1)

    edges = np.linspace(0, customers, parts(_CELLS, _ROWS) + 1).astype(int)
    step = max(1, min(MOST, customers // parts(_NEAR_CELLS, _NEAR_ROWS)))
    return [Scope(data, moments, _PEOPLE, int(a), int(b - a), step) for a, b in pairwise(edges) if b > a]


def _observed(scope: Scope, log: str, choice: Choice, lapse: int, grace: int, pool: Executor) -> list[Block]:
    """The customers of a scope: the engine reads for all of them at once, then every thread takes some of them."""
    held = held_contracts(scope, grace, choice.terms) if log == "subscriptions" else None
    read = Reading(scope, choice, read_logs(scope, choice, pool), held, _customers(scope, choice))
    return list(pool.map(partial(_described, read, lapse), range(len(scope.parts))))


def _described(read: Reading, lapse: int, k: int) -> Block:
    """One part of the customers of a scope, with all features."""
    scope, contracts = read.scope, read.held is not None
    first, size = scope.parts[k]
    part = Part(scope.data, scope.moments, read.choice, {name: log.part(k) for name, log in read.logs.items()})
    known = {name: values[first : first + size] for name, values in read.known.items()}
    rhythm = Rhythm.of(read.logs, k) if "events" in read.logs else None
    if read.held:
        held = read.held.part(first, size)
    else:
        assert rhythm is not None
        held = rhythm.held(lapse)
    # who is acquired later than the date is not there yet, whatever the log says
    held = held.take(~(known["acquired"][held.rows.who] >= scope.moments.later(0)[held.rows.when]))
    rows, columns = held.rows, Columns()
    origin = np.fmin(known["acquired"][rows.who], held.since)
    tenure = (scope.moments.later(0)[rows.when] - origin) / DAY
    columns.add(tenure, "tenure", "subscriptions" if contracts else "events")
    if contracts:
        families.add_contracts(part, held, columns)
    if rhythm is not None:
        families.add_usage(part, rows, rhythm, columns)
    for log, add in _FAMILIES.items():
        if log in part.logs:
            add(part, rows, columns)
    families.add_others(part, rows, columns)
    for name in read.choice.attributes:
        columns.add(known[f"attribute {name}"][rows.who], "attribute", "customers", name)
    if "referred" in known:
        columns.add(known["referred"][rows.who], "flag", "customers", "referred_by")
    priced = "subscriptions_mrr" in columns.values
    facts = {
        "customer": rows.who + scope.first + first,
        "when": rows.when,
        "decided": held.decided,
        "open": held.open,
        "value": columns.values["subscriptions_mrr"] if priced else families.revenue(columns),
        "consent": known["consent"][rows.who],
    }
    return Block(len(held.excluded), facts, columns)


def _joined(blocks: list[Block], dates: int) -> Block:
    """Blocks of one customer after the other as one, in the order of dates and customers; they are emptied."""
    edges = [np.searchsorted(block.facts["when"], np.arange(dates + 1)) for block in blocks]

    def joined(parts: list[dict[str, Array]]) -> dict[str, Array]:
        whole = {}
        for name in list(parts[0]):
            values = [part.pop(name) for part in parts]  # let go one by one, so that nothing is kept twice
            whole[name] = np.concatenate(
                [own[slice(*edge[k : k + 2])] for k in range(dates) for own, edge in zip(values, edges, strict=True)]
            )
        return whole

    facts = joined([block.facts for block in blocks])
    columns = Columns(joined([block.columns.values for block in blocks]), blocks[0].columns.meanings)
    return Block(sum(block.excluded for block in blocks), facts, columns)


def _customers(scope: Scope, choice: Choice) -> dict[str, Array]:
    """What `customers` says of everybody in the scope, in the order of their numbers."""
    nothing = np.full(scope.size, np.nan)
    known: dict[str, Array] = {"acquired": nothing, "consent": nothing}
    data = scope.data
    if "customers" not in data.tables:
        return known
    columns = data.tables["customers"].columns
    role = data.roles.get("acquired_at")
    acquired = role.column if role else "acquired_at"
    parts = {f"x{k}": column(name) for k, name in enumerate(choice.attributes)}
    if columns.get(acquired, "").startswith(("TIME", "DATE")):
        parts["acquired"] = parse("epoch_us(CAST(_t AS TIMESTAMP))", t=data.wall_time("customers", acquired))
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
    known |= {name: numbers(found, name) for name in ("acquired", "consent", "referred") if name in parts}
    for k, name in enumerate(choice.attributes):
        known[f"attribute {name}"] = values_of(found, f"x{k}", columns[name])
    return known


def _found(
    data: Dataset, moments: Moments, choice: Choice, identifiers: Objects, block: Block, log: str,
    lapse: int,
) -> Snapshots:  # fmt: skip
    assert data.as_of is not None
    when, decided = block.facts["when"], block.facts["decided"]
    begins = moments.later(moments.lead)[when]
    ends = moments.later(moments.lead + moments.horizon)[when]
    leaves = (decided >= begins) & (decided < ends)
    known = moments.lived(data.as_of)[when] & (block.facts["open"] >= ends)
    notes = list(choice.notes)
    if block.excluded:
        notes.append(f"left out: {block.excluded:,} snapshots of {data.card.customer}s who had already given notice")
    waiting = int((moments.lived(data.as_of)[when] & ~known).sum())
    if waiting:
        notes.append(
            f"target unknown: {waiting:,} snapshots of {data.card.customer}s whose contract ended within grace of the "
            "end of the data; another may follow"
        )
    if log == "events":
        notes.append(f"without contracts, a {data.card.customer} leaves when a silence is longer than {lapse} days")
    return Snapshots(
        customer=identifiers[block.facts["customer"]],
        as_of=np.array(moments.dates, dtype="datetime64[us]")[when],
        features=frame_of(block.columns.values),
        target=np.where(known, leaves.astype(float), np.nan),
        lost_in_lead=np.asarray(decided < begins),
        value=block.facts["value"],
        consent=block.facts["consent"],
        meanings=tuple(block.columns.meanings.values()),
        lead=moments.lead,
        horizon=moments.horizon,
        notes=tuple(notes),
        provenance=Provenance.of(data, data.as_of),
    )
