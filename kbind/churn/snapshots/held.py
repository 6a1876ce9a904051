"""Who has a contract at an observation date, what it says, and when the customer decides to leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from kbind.churn.snapshots.cells import UNITS, Rows
from kbind.churn.snapshots.logs import Scope, check_largest
from kbind.churn.snapshots.moments import NEVER
from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import integers
from kbind.engine.engine import Expression, column, literal, parse
from kbind.engine.query import Query
from kbind.spells.contracts import parted, reached, waits
from kbind.typing import Bools, Ints

#: What the newest contract in force says, where the table has it.
_TERMS = ("plan", "term_end", "auto_renew", "discount")


@dataclass(frozen=True, eq=False)
class Held:
    """Customers at observation dates.

    Parameters
    ----------
    rows : Rows
        Who and when, in the order of dates and customers.
    decided : ndarray of int, shape (rows,)
        Microseconds, on the clock on the wall, of the decision to leave; that of `NEVER` for who stays.
    open : ndarray of int, shape (rows,)
        Microseconds of an end of which nobody knows whether another contract follows; that of `NEVER` elsewhere.
    since : ndarray of int, shape (rows,)
        Microseconds of the first contract or event.
    table : pyarrow.Table
        What the contracts say: n, mrr and seats in `UNITS`, plan, term_end, auto_renew, discount, x0, x1, ...
    excluded : ndarray of int
        Customers of snapshots left out, because they had already decided to leave.
    """

    rows: Rows
    decided: Ints
    open: Ints
    since: Ints
    table: pa.Table
    excluded: Ints

    def take(self, kept: Bools) -> Held:
        """Some of the snapshots."""
        rows = Rows(self.rows.who[kept], self.rows.when[kept])
        table = self.table.filter(pa.array(kept)) if self.table.num_columns else self.table
        return Held(rows, self.decided[kept], self.open[kept], self.since[kept], table, self.excluded)

    def part(self, first: int, size: int) -> Held:
        """The snapshots of some of the customers, counted from the first of them."""
        mine = self.take((self.rows.who >= first) & (self.rows.who < first + size))
        excluded = self.excluded[(self.excluded >= first) & (self.excluded < first + size)]
        return replace(mine, rows=Rows(mine.rows.who - first, mine.rows.when), excluded=excluded)


def held_contracts(scope: Scope, grace: int, attributes: Sequence[str]) -> Held:
    """Customers with a contract at the observation dates who have not yet said that they leave.

    In force at a date is what began before it and does not end before it: an end ahead of the date may have been
    entered afterwards, so nobody looks at it. A contract that ended within the grace period counts if no other is in
    force, because only the future shows whether one follows. An end within grace of the end of the data, which nobody
    has decided, is open.
    """
    data = scope.data
    _check_amounts(data)
    goodbyes = "cancellations" in data.tables
    said = [name for name in _TERMS if name in data.tables["subscriptions"].columns]
    said += [f"x{k}" for k in range(len(attributes))]
    steps = _spells(grace, said, goodbyes) | _state(grace, said, goodbyes)
    steps["judged"] = f"SELECT *, decision IS NULL AND {waits('until', '_data_end', grace)} AS waits FROM spells"
    chosen = "".join(f", newest.{name} AS {name}" for name in said)
    query = Query(data.engine, steps, _parts(data, attributes) | scope.range, {"log": "subscriptions", **scope.tables})
    query.part(moments=list(scope.moments.dates), dates=len(scope.moments.dates))
    found = query.select(
        f"SELECT a.who, a.k, a.n, a.mrr, a.seats, a.gone, epoch_us(CASE WHEN waits THEN _never "
        "ELSE coalesce(z.decision, z.until) END) AS decision, epoch_us(CASE WHEN waits THEN z.until ELSE _never END) "
        f"AS open, epoch_us(f.first) AS first{chosen} FROM known AS a JOIN firsts AS f ON f.who = a.who "
        f"JOIN judged AS z ON z.who = a.who AND z.s < a.d AND CAST(z.until AS DATE) + {grace} >= CAST(a.d AS DATE) "
        "ORDER BY a.k, a.who"
    )
    gone = np.asarray(found.column("gone").to_numpy(), dtype=bool)
    kept = found.filter(pa.array(~gone))
    rows = Rows(integers(kept, "who"), integers(kept, "k"))
    return Held(
        rows,
        integers(kept, "decision"),
        integers(kept, "open"),
        integers(kept, "first"),
        kept,
        integers(found, "who")[gone],
    )


def _spells(grace: int, said: Sequence[str], goodbyes: bool) -> dict[str, str]:
    """Steps up to `spells` (who, s, until, decision): contracts that follow each other, and when somebody said so.

    That is when the contracts that end last were given notice; failing that, when they were cancelled on purpose;
    failing that it is NULL.
    """
    ours = "p.code__people >= _low AND p.code__people < _high"
    steps = {
        "contracts": "SELECT p.code__people - _low AS who, _start AS s, coalesce(_end, _never) AS e, "
        f"_notice AS notice, _mrr AS mrr, _seats AS seats{''.join(f', _{name} AS {name}' for name in said)} FROM log "
        f"JOIN people AS p USING (customer_id) WHERE {ours}",
        "firsts": "SELECT who, min(s) AS first FROM contracts GROUP BY who",
        "reached": reached("contracts", "who", ", notice"),
        "numbered": f"SELECT who, s, e, notice, sum(CASE WHEN {parted(grace)} THEN 1 ELSE 0 END) "
        "OVER (PARTITION BY who ORDER BY s, e "
        "ROWS UNBOUNDED PRECEDING) AS spell FROM reached",
        "ended": "SELECT who, s, e, notice, spell, max(e) OVER (PARTITION BY who, spell) AS until FROM numbered",
        "finals": "SELECT who, spell, until, min(s) AS s, max(CASE WHEN e = until THEN s END) AS last, "
        "CASE WHEN bool_and(e < until OR NOT notice IS NULL) THEN max(CASE WHEN e = until THEN least(notice, e) END) "
        "END AS notice FROM ended GROUP BY who, spell, until",
    }
    if not goodbyes:
        return steps | {"spells": "SELECT who, s, until, notice AS decision FROM finals"}
    return steps | {
        "goodbyes": "SELECT p.code__people - _low AS who, _said AS said, coalesce(_voluntary, TRUE) AS voluntary "
        f"FROM cancellations JOIN people AS p USING (customer_id) WHERE {ours}",
        "spells": "SELECT f.who, f.s, f.until, coalesce(f.notice, CASE WHEN max(g.said) < f.until THEN max(g.said) "
        "WHEN count(g.said) > 0 THEN f.until END) AS decision FROM finals AS f "
        "LEFT JOIN goodbyes AS g ON g.who = f.who AND g.voluntary AND g.said >= f.last "
        f"AND CAST(g.said AS DATE) <= CAST(f.until AS DATE) + {grace} GROUP BY f.who, f.s, f.until, f.notice",
    }


def _state(grace: int, said: Sequence[str], goodbyes: bool) -> dict[str, str]:
    """Steps up to `known` (who, k, d, ...): what was known of contracts just before each date."""
    carried = "".join(f", {name} := {name}" for name in said)
    steps = {
        "dates": "SELECT unnest(_moments) AS d, unnest(range(_dates)) AS k",
        "near": "SELECT c.*, d, k, e >= d AS running, max(e) OVER (PARTITION BY who, k) AS reach FROM contracts AS c "
        f"JOIN dates ON s < d AND CAST(e AS DATE) + {grace} >= CAST(d AS DATE)",
        "state": "SELECT who, k, d, count(*) AS n, min(s) AS since, bool_and(coalesce(notice < d, FALSE)) AS noticed, "
        "CAST(sum(mrr) AS BIGINT) AS mrr, CAST(sum(seats) AS BIGINT) AS seats, "
        f"max(struct_pack(s := s, mrr := mrr{carried})) AS newest "
        "FROM near WHERE running OR (reach < d AND e = reach) GROUP BY who, k, d",
    }
    if not goodbyes:
        return steps | {"known": "SELECT *, noticed AS gone FROM state"}
    return steps | {
        "withdrawn": "SELECT DISTINCT s.who, k FROM state AS s JOIN goodbyes AS g ON g.who = s.who "
        "WHERE said < d AND said >= since",
        "known": "SELECT s.*, noticed OR NOT w.who IS NULL AS gone FROM state AS s "
        "LEFT JOIN withdrawn AS w ON w.who = s.who AND w.k = s.k",
    }


def _check_amounts(data: Dataset) -> None:
    names = [name for name in ("mrr", "seats") if name in data.tables["subscriptions"].columns]
    if names:
        most = {name: parse("max(abs(CAST(_x AS DOUBLE)))", x=column(name)) for name in names}
        check_largest(data, "subscriptions", data.engine.aggregate("subscriptions", most))


def _parts(data: Dataset, attributes: Sequence[str]) -> dict[str, Expression]:
    columns = data.tables["subscriptions"].columns

    def there(name: str) -> Expression:
        return column(name) if name in columns else literal(None)

    parts: dict[str, Expression] = {
        "start": data.wall_time("subscriptions", "start"),
        "end": data.wall_time("subscriptions", "end"),
        "notice": data.wall_time("subscriptions", "notice_at"),
        "term_end": data.wall_time("subscriptions", "term_end"),
        "never": literal(NEVER),
        "data_end": literal(data.as_of),
    }
    for name in ("mrr", "seats"):
        parts[name] = parse(f"CAST(round(CAST(_x AS DOUBLE) * {UNITS}) AS BIGINT)", x=there(name))
    parts |= {name: column(name) for name in ("plan", "auto_renew", "discount") if name in columns}
    parts |= {f"x{k}": column(name) for k, name in enumerate(attributes)}
    if "cancellations" in data.tables:
        has = "voluntary" in data.tables["cancellations"].columns
        parts["said"] = data.wall_time("cancellations", "timestamp")
        parts["voluntary"] = column("voluntary") if has else parse("CAST(NULL AS BOOLEAN)")
    return parts
