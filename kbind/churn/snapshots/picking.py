"""Some of the rows of snapshots, and whom rows are about as numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.typing import Ints, Objects


def customer_codes(customer: Objects) -> Ints:
    """Customers as whole numbers from 0 on, in the order of their names as text.

    >>> import numpy as np
    >>> customer_codes(np.array(["b", "a", "b", 10], dtype=object)).tolist()
    [2, 1, 2, 0]
    """
    codes, distinct = pd.factorize(customer)
    _, place = np.unique(np.asarray(distinct).astype(str), return_inverse=True)
    return np.asarray(place[codes], dtype=np.int64)


def picked(seen: Snapshots, rows: Ints) -> Snapshots:
    """Some rows of snapshots."""
    names = ("customer", "as_of", "target", "lost_in_lead", "value", "consent")
    chosen = {name: getattr(seen, name)[rows] for name in names}
    return replace(seen, features=seen.features.iloc[rows].reset_index(drop=True), **chosen)


def rows_of_some(customer: Ints, most: int) -> Ints:
    """All rows, or those of as many customers, drawn at random, as make about `most`."""
    if len(customer) <= most:
        return np.arange(len(customer))
    drawn = np.random.default_rng(0).random(int(customer.max()) + 1) < most / len(customer)
    return np.flatnonzero(drawn[customer])
