"""What customers under contract pay at the end of the data."""

from __future__ import annotations

from math import nan

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import column
from kbind.engine.query import Query


def mean_paid(data: Dataset) -> float:
    """Mean recurring revenue a month of the customers under contract; NaN where the data knows of none.

    A customer of whose contracts none says what it pays does not count, rather than as paying nothing.

    Parameters
    ----------
    data : Dataset
        With contracts.

    Returns
    -------
    float
        In the currency of the data, a month.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = {"customer_id": [1, 1, 2, 3, 4], "start": "2024-01-01", "mrr": [10, 20, None, 50, 90],
    ...              "end": [None, None, None, None, "2024-05-01"]}
    >>> mean_paid(kb.open_dataset({"subscriptions": pd.DataFrame(contracts)}, as_of="2024-07-01"))
    40.0
    """
    if not data.has("subscriptions.mrr"):
        return nan
    query = Query(data.engine).part(
        begun=data.wall_time("subscriptions", "start"), over=data.wall_time("subscriptions", "end"),
        mrr=column("mrr"), end=data.end_at(None),
    )  # fmt: skip
    query.step(
        "paying",
        "SELECT customer_id, sum(CAST(_mrr AS DOUBLE)) AS paid FROM subscriptions WHERE _begun < _end "
        "AND (_over IS NULL OR _over >= _end) GROUP BY customer_id",
    )
    found = query.select("SELECT avg(paid) AS mean FROM paying").column("mean")[0].as_py()
    return nan if found is None else float(found)
