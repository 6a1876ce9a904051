"""When every customer began, decided to leave and left: what indicators of the practices are held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.dataset.recording import recording_began
from kbind.engine.query import Query
from kbind.errors import NotEnoughData
from kbind.spells.contracts import NEVER
from kbind.survival.durations import observed_lives


@dataclass(frozen=True, eq=False)
class Staying:
    """Steps of a statement that end in `stays`, and what has to be known of it.

    Attributes
    ----------
    query : Query
        Its last step is `stays` (customer_id, since, first, gone, decided): times on the clock on the wall; `gone` and
        `decided` are NULL for customers who are still there. `decided` is the notice where one was given, else `gone`.
    log : str
        Table that says who left.
    end : datetime
        End of the data.
    observed : datetime
        Up to when leaving is known: the end less the grace or the silence that it takes.
    began : datetime
        Since when the log is kept.
    meaning : str
        What counts as leaving.
    """

    query: Query = field(repr=False)
    log: str
    end: datetime
    observed: datetime
    began: datetime
    meaning: str
    provenance: Provenance


def staying(data: Dataset) -> Staying:
    """How to get one row a customer: when it began and left, of contracts or events.

    Raises
    ------
    NotEnoughData
        Nothing says when customers began and left.
    """
    check_dataset(data)
    log = data.require("subscriptions", "events")
    lives = observed_lives(data, log=log)
    end = data.end_at(None)
    query = lives.query.copy()
    if log == "subscriptions" and data.has("subscriptions.notice_at") and data.has("subscriptions.end"):
        query.step(
            "finals",
            "SELECT customer_id, max(coalesce(_end_at, _never)) AS last FROM log WHERE _begins < _data_end "
            "GROUP BY customer_id",
            end_at=data.wall_time("subscriptions", "end"),
            begins=data.wall_time("subscriptions", "start"),
            never=NEVER,
        )
        query.step(
            "notices",
            "SELECT l.customer_id, min(_notice) AS notice FROM log AS l JOIN finals AS f USING (customer_id) "
            "JOIN known AS k USING (customer_id) WHERE _notice < _data_end AND NOT _ended IS NULL "
            "AND CAST(_ended AS DATE) = coalesce(k.gone, CAST(f.last AS DATE)) GROUP BY l.customer_id",
            notice=data.wall_time("subscriptions", "notice_at", "l"),
            ended=data.wall_time("subscriptions", "end", "l"),
        )
        decided = "coalesce(least(notice, CAST(gone AS TIMESTAMP)), CAST(gone AS TIMESTAMP), notice)"
        join = " LEFT JOIN notices USING (customer_id)"
    else:
        decided, join = "CAST(gone AS TIMESTAMP)", ""
    query.step(
        "stays",
        "SELECT customer_id, CAST(since AS TIMESTAMP) AS since, CAST(first AS TIMESTAMP) AS first, "
        f"CAST(gone AS TIMESTAMP) AS gone, {decided} AS decided FROM dated{join}",
    )
    return Staying(
        query=query.part(data_end=end),
        log=log,
        end=end,
        observed=end - timedelta(days=lives.days),
        began=recording_began(data, log),
        meaning=lives.meaning,
        provenance=Provenance.of(data, end),
    )


def need_contracts(data: Dataset) -> None:
    """Refuse data in which leaving is the last event: whatever is asked about would end it, or come after it.

    Raises
    ------
    NotEnoughData
        There are no contracts.
    """
    check_dataset(data)
    if "subscriptions" not in data.tables:
        raise NotEnoughData(
            f"{data.name!r} has no contracts: leaving is the last event then, so that nothing can be seen to go before "
            "it; a table of subscriptions would tell"
        )


def need_columns(data: Dataset, *needs: str) -> None:
    """Refuse data without a table or column.

    Raises
    ------
    NotEnoughData
        Naming the first that is missing.
    """
    check_dataset(data)
    for need in needs:
        table, _, name = need.partition(".")
        data.require(table)
        if not data.has(need):
            raise NotEnoughData(f"{table} of {data.name!r} has no column {name}; name it by mapping= or in kbind.yaml")
