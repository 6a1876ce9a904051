"""Recurring revenue of a window that went with customers who left within it, customer by customer."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from kbind.dataset.dataset import Dataset
from kbind.dataset.groups import objects
from kbind.engine.engine import column
from kbind.engine.query import Query
from kbind.spells.contracts import NEVER, add_bridges, bridged
from kbind.typing import Floats, Objects


def lost_revenue(data: Dataset, start: datetime, end: datetime) -> tuple[Objects, Floats]:
    """Customers who paid at the start of a window and no longer at its end, with what they paid a month at its start.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` and their `mrr` in one currency.
    start, end : datetime
        Wall-clock times; not after the end of the data.

    Returns
    -------
    customer_id : ndarray, shape (customers,)
    revenue : ndarray of float, shape (customers,)

    Notes
    -----
    The amounts add up to the churn of `movements` for the same window: contracts that follow within grace are one, and
    of whom a contract lacks its amount is left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import kbind as kb
    >>> terms = pd.DataFrame({"customer_id": ["a", "b"], "start": "2023-06-01", "end": ["2024-05-01", None],
    ...                       "mrr": [30.0, 20.0]})
    >>> data = kb.open_dataset({"subscriptions": terms}, as_of="2025-01-01")
    >>> who, revenue = lost_revenue(data, datetime(2024, 1, 1), datetime(2025, 1, 1))
    >>> who.tolist(), revenue.tolist()
    (['a'], [30.0])
    """
    as_of = data.end_at(None)
    query = add_bridges(Query(data.engine).table(log="subscriptions"), data, as_of, data.grace)
    query.step(
        "terms",
        "SELECT customer_id, _from AS s, coalesce(_to, _never) AS e, CAST(_mrr AS DOUBLE) AS mrr FROM log "
        "WHERE _from < _as_of AND coalesce(_to, _never) > _from",
        **{"from": data.wall_time("subscriptions", "start"), "to": data.wall_time("subscriptions", "end")},
        never=NEVER,
        as_of=as_of,
        mrr=column("mrr"),
    )
    query.step(
        "paid",
        "SELECT terms.customer_id AS customer_id, terms.mrr AS mrr, terms.s AS s, coalesce(b.until, terms.e) AS e "
        f"FROM terms {bridged('terms')}",
    )
    found = query.part(first=start, last=end).select(
        "SELECT customer_id, sum(mrr) FILTER (WHERE s <= _first AND _first < e) AS revenue FROM paid "
        "GROUP BY customer_id HAVING count(*) = count(mrr) AND sum(mrr) FILTER (WHERE s <= _first AND _first < e) > 0 "
        "AND coalesce(sum(mrr) FILTER (WHERE s <= _last AND _last < e), 0) = 0 ORDER BY customer_id"
    )
    return objects(found.column("customer_id")), np.asarray(found.column("revenue").to_numpy(), dtype=np.float64)
