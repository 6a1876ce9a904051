"""Contracts that follow each other within grace are one spell: the rule by which every reader of contracts goes.

Grace counts calendar days: a contract that ended on the 1st and one that begins on the 2nd, whatever the hour, are one
day apart. A spell whose last contract ended at most grace before the end of the data is open, for another contract
may still follow.
"""

from __future__ import annotations

from datetime import datetime

from kbind.dataset.dataset import Dataset
from kbind.engine.query import Query

#: The end of a contract that runs on.
NEVER = datetime(9999, 1, 1)


def reached(rows: str, who: str = "customer_id", carried: str = "") -> str:
    """SQL for the rows (who, s, e) with `reach`: the last end among the contracts that began before."""
    return (
        f"SELECT {who}, s, e{carried}, max(e) OVER (PARTITION BY {who} ORDER BY s, e "
        f"ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach FROM {rows}"
    )


def parted(grace: int) -> str:
    """Condition on such a row: it begins later than grace after all before it have ended, so a spell begins with it."""
    return f"CAST(s AS DATE) > CAST(reach AS DATE) + {grace}"


def over(end: str, as_of: str, grace: int) -> str:
    """Condition: an end lies so far back that no contract can follow within grace."""
    return f"CAST({end} AS DATE) + {grace} < CAST({as_of} AS DATE)"


def waits(end: str, as_of: str, grace: int) -> str:
    """Condition: the last contract has ended, and another may still follow within grace."""
    return f"{end} <= {as_of} AND NOT ({over(end, as_of, grace)})"


def add_bridges(
    query: Query,
    data: Dataset,
    as_of: datetime,
    grace: int,
    *,
    known: str = "_bridge_start < _bridge_as_of",
    near: str = "",
) -> Query:
    """Add steps up to `bridges` (customer_id, day, after, reach, until): ends of contracts that nobody has left with.

    There a customer's last contracts ended (at `reach`, on `day`; the last of them had begun at `after`), and the next
    begins within grace (`until`), or the data ends before grace is over (then `until` is `_bridge_never`).

    Parameters
    ----------
    query : Query
        Its `log` are the contracts.
    data : Dataset
    as_of : datetime
        The end of the data.
    grace : int
    known : str
        Condition on the contracts that there are: those begun before the end of the data.
    near : str
        A step with the only customers who are looked at; empty for all.
    """
    ours = f" AND customer_id IN (SELECT customer_id FROM {near})" if near else ""
    query.part(
        bridge_start=data.wall_time("subscriptions", "start"),
        bridge_end=data.wall_time("subscriptions", "end"),
        bridge_never=NEVER,
        bridge_as_of=as_of,
    )
    query.step(
        "held",
        "SELECT customer_id, _bridge_start AS s, coalesce(_bridge_end, _bridge_never) AS e FROM log "
        f"WHERE {known}{ours}",
    )
    query.step("held_after", reached("held", carried=", lag(s) OVER (PARTITION BY customer_id ORDER BY s, e) AS after"))
    query.step("held_last", "SELECT customer_id, max(s) AS after, max(e) AS reach FROM held GROUP BY customer_id")
    return query.step(
        "bridges",
        "SELECT customer_id, CAST(reach AS DATE) AS day, after, reach, s AS until FROM held_after "
        f"WHERE s > reach AND NOT ({parted(grace)}) UNION ALL "
        "SELECT customer_id, CAST(reach AS DATE) AS day, after, reach, _bridge_never AS until FROM held_last "
        f"WHERE {waits('reach', '_bridge_as_of', grace)}",
    )


def bridged(rows: str) -> str:
    """The join of contracts (customer_id, e: their end on the wall) with `bridges`, which it calls b.

    Of contracts that end on one day those are kept that none of the others has followed.
    """
    return (
        f"LEFT JOIN bridges AS b ON b.customer_id = {rows}.customer_id AND b.day = CAST({rows}.e AS DATE) "
        f"AND {rows}.e <= b.reach AND ({rows}.e = b.reach OR {rows}.e > b.after)"
    )
