"""Where recording begins, and who was a customer before: one rule for every figure."""

from __future__ import annotations

from datetime import datetime, timedelta

from kbind.dataset.dataset import Dataset
from kbind.dataset.schema import TABLES
from kbind.engine.engine import Expression, literal
from kbind.engine.query import Query
from kbind.errors import ArgumentError

#: Longer than this, and than the data spans, after the last record or before the first one: a mistyped year.
_FAR = timedelta(days=5 * 366)


def recording_began(data: Dataset, log: str) -> datetime:
    """Since when a log is kept: `recorded_from`, else its first row."""
    span = data.tables[log].span
    assert span is not None
    return data.recorded_from or data.wall_clock(span[0])


def tells_before(data: Dataset, log: str) -> bool:
    """Whether anything says of somebody that he was a customer before recording began."""
    if data.tables[log].span is None:
        return False
    return data.has("customers.acquired_at") or _begins_earlier(data, log)


def known_before(data: Dataset, log: str, parts: dict[str, Expression], *, logged: bool = True) -> str:
    """SELECT of the customers who were there before recording began (`customer_id`, `known__before` = 1).

    `acquired_at` or a row of the log lies on a day before recording began: their first activity is not in the data, or
    they are in it only for not having left before. In the statement the log is called `log`, `customers` as it is.

    Parameters
    ----------
    data : Dataset
    log : {"events", "subscriptions"}
    parts : dict
        What goes into the places of the statement is added.
    logged : bool
        Whether a row before recording began counts. False: who has one is not among them, for the log tells of him.
    """
    nobody = "SELECT customer_id, 1 AS known__before FROM log WHERE FALSE"
    if not tells_before(data, log):
        return nobody
    parts["began"] = literal(recording_began(data, log).date())
    acquired, seen = "", ""
    if data.has("customers.acquired_at"):
        parts["acquired"] = data.wall_time("customers", "acquired_at")
        acquired = "SELECT customer_id FROM customers WHERE CAST(_acquired AS DATE) < _began"
    if _begins_earlier(data, log):
        parts["seen"] = data.wall_time(log, TABLES[log].time)
        seen = "SELECT customer_id FROM log WHERE CAST(_seen AS DATE) < _began"
    joined = " UNION ALL " if logged else " EXCEPT "
    sql = joined.join(one for one in (acquired, seen) if one)
    if not logged and not acquired:
        return nobody
    return f"SELECT DISTINCT customer_id, 1 AS known__before FROM ({sql}) AS b"


def _begins_earlier(data: Dataset, log: str) -> bool:
    """Whether the log has rows from days before recording began."""
    span = data.tables[log].span
    assert span is not None
    return data.wall_clock(span[0]).date() < recording_began(data, log).date()


def before_notes(data: Dataset) -> list[str]:
    """How many were customers before recording began, and what follows from it."""
    log = next((name for name in ("subscriptions", "events") if name in data.tables), None)
    if log is None or not tells_before(data, log):
        return []
    query = Query(data.engine).table(log=log)
    query.step("early", known_before(data, log, query.parts))
    found = query.select("SELECT count(*) AS n FROM early WHERE customer_id IN (SELECT customer_id FROM log)")
    n = found.column("n")[0].as_py()
    who = "1 customer was" if n == 1 else f"{n:,} customers were"
    since = f"{recording_began(data, log):%Y-%m-%d}"
    return [f"{who} there before {data.tables[log].label} begins ({since}): nobody counts them as new"] if n else []


def check_span(data: Dataset) -> None:
    """Refuse an `as_of` or `recorded_from` before the first record, or years away from all records."""
    spans = [table.span for table in data.tables.values() if table.span]
    if not spans:
        return
    first = min(data.wall_clock(start) for start, _ in spans)
    last = max(data.wall_clock(end) for _, end in spans)
    far = max(_FAR, last - first)
    allowed = f"allowed: as the data spans {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if data.as_of is not None and not first < data.as_of <= last + far:
        where = "not after the first record" if data.as_of <= first else "years after the last record"
        raise ArgumentError(f"as_of={data.as_of:%Y-%m-%d} lies {where}; {allowed}, or soon after")
    if "subscriptions" in data.tables and data.as_of is not None:
        last = max(last, data.as_of)  # the span is of beginnings: old contracts may end, and be recorded, until as_of
    if data.recorded_from is not None and not first - far <= data.recorded_from <= last:
        where = "after the last record" if data.recorded_from > last else "years before the first record"
        raise ArgumentError(f"recorded_from={data.recorded_from:%Y-%m-%d} lies {where}; {allowed}")
