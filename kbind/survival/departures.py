"""Who left in a stretch of time: how many at which age, and the revenue they paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset
from kbind.engine.engine import column
from kbind.errors import NotEnoughData
from kbind.survival.durations import observed_lives
from kbind.survival.lifetimes import months_between
from kbind.typing import Floats, Ints


@dataclass(frozen=True, eq=False)
class Departures:
    """Customers who left in a stretch of time, by month of age. Made by `departures`.

    Attributes
    ----------
    start, end : datetime
        By the clock on the wall; who left at the very start is not counted, who left at the end is.
    month : ndarray of int, shape (m,)
        Month of age in which they left; 0 on the first day.
    n : ndarray of int, shape (m,)
        Customers.
    revenue, squares : ndarray of float, shape (m,)
        What they paid a month when they left, and the squares of it, each added up.
    """

    start: datetime
    end: datetime
    month: Ints = field(repr=False)
    n: Ints = field(repr=False)
    revenue: Floats = field(repr=False)
    squares: Floats = field(repr=False)

    @property
    def definition(self) -> str:
        """What is counted, in one sentence."""
        return (
            f"revenue a month of customers who left from {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}, at the end of "
            "their last contract, times 12"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a month of age.

        Returns
        -------
        DataFrame
            month, n, revenue (a month).
        """
        return pd.DataFrame({"month": self.month, "n": self.n, "revenue": self.revenue})


def departures(data: Dataset, start: datetime, end: datetime) -> Departures:
    """Count who left in a stretch of time by the month of age, with the revenue that went with them.

    Parameters
    ----------
    data : Dataset
        With `subscriptions` and their `mrr`, in one currency.
    start, end : datetime
        By the clock on the wall.

    Returns
    -------
    Departures
        Ages and leaving as in `durations`; who comes back after leaving has left all the same, and counts once.

    Raises
    ------
    NotEnoughData
        The contracts do not tell their revenue.

    Examples
    --------
    >>> import kbind as kb, pandas as pd
    >>> contracts = {"customer_id": [1, 2, 3], "start": ["2023-01-01", "2023-11-01", "2023-02-01"],
    ...              "end": ["2024-01-01", "2024-02-01", None], "mrr": [100, 20, 50]}
    >>> data = kb.open_dataset({"subscriptions": pd.DataFrame(contracts)}, as_of="2024-07-15")
    >>> departures(data, datetime(2023, 1, 1), datetime(2024, 7, 1)).to_frame()
       month  n  revenue
    0      3  1     20.0
    1     12  1    100.0
    """
    if not data.has("subscriptions.mrr"):
        raise NotEnoughData(f"subscriptions of {data.name!r} does not tell what customers pay in one currency")
    query = observed_lives(data, log="subscriptions").query
    query.part(
        began=start,
        ended=end,
        age=months_between("since", "gone"),
        mrr=column("mrr"),
        time=data.wall_time("subscriptions", "start"),
    )
    query.step(
        "left_then",
        "SELECT customer_id, gone, CAST(ceil(_age) AS BIGINT) AS month FROM dated "
        "WHERE gone > CAST(_began AS DATE) AND gone <= CAST(_ended AS DATE)",
    )
    query.step(
        "ending",
        "SELECT customer_id, CAST(_end AS DATE) AS gone, sum(CAST(_mrr AS DOUBLE)) AS revenue FROM log "
        "WHERE NOT _end IS NULL GROUP BY customer_id, CAST(_end AS DATE)",
        end=data.wall_time("subscriptions", "end"),
    )
    found = query.select(
        "SELECT month, count(*) AS n, coalesce(sum(revenue), 0) AS revenue, "
        "coalesce(sum(revenue * revenue), 0) AS squares FROM left_then "
        "LEFT JOIN ending USING (customer_id, gone) GROUP BY month ORDER BY month"
    ).to_pandas()
    month, n = (found[name].to_numpy(dtype=np.int64) for name in ("month", "n"))
    revenue, squares = (found[name].to_numpy(dtype=float) for name in ("revenue", "squares"))
    return Departures(start, end, month, n, revenue, squares)
