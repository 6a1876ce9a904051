"""Each way from a Parquet file of contracts to the movements of recurring revenue, month by month.

Every way gives the same small answer: customers and revenue at the start of every month, the five movements in cents.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from generate import generate_contracts

#: Complete up to here; three years of months are over then.
AS_OF = "2024-01-15"
#: Days within which a contract may follow another without the customer having left, as kbind has it by default.
GRACE = 1
NAMES = ("start_mrr", "new", "expansion", "contraction", "churn", "reactivation")
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read the four columns and nothing else."""
    import duckdb

    sums = 'sum(customer_id), max(start), max("end"), sum(mrr)'
    duckdb.connect().sql(f"SELECT {sums} FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API, checks and intervals included."""
    import kbind as kb

    data = kb.open_dataset(path, table="subscriptions", as_of=AS_OF)
    return _answer(kb.revenue_retention(data).to_frame())


def kbind_movements(path: str) -> Answer:
    """The same without intervals, which the other ways do not give."""
    import numpy as np
    import pandas as pd

    import kbind as kb
    from kbind.revenue.movements import movements

    record = movements(kb.open_dataset(path, table="subscriptions", as_of=AS_OF))
    sums = {"start_mrr": record.start()} | dict(record.amounts)
    frame = pd.DataFrame({name: values.sum(axis=0) / record.scale for name, values in sums.items()})
    labels = np.array(record.calendar.labels[: record.calendar.lived])
    return _answer(frame.assign(period=labels, n_start=record.n_start()[0]))


def pandas(path: str) -> Answer:
    """Whoever pays at a month's first: the contracts that cover it, added up by customer; then month against month."""
    import pandas as pd

    frame = _followed(pd.read_parquet(path))
    frame = frame[(frame["mrr"] > 0) & (frame["end"].isna() | (frame["end"] > frame["start"]))]
    frame["cents"] = (frame.pop("mrr") * 100).round().astype("int64")
    frame["end"] = frame["end"].fillna(pd.Timestamp.max.floor("us"))
    first = frame.groupby("customer_id")["start"].min()
    months = pd.date_range(frame["start"].min().to_period("M").to_timestamp(), AS_OF, freq="MS")
    rows = []
    before = _state(frame, months[0])
    for begin, end in pairwise(months):
        after = _state(frame, end)
        both = pd.concat({"a": before, "b": after}, axis=1).fillna(0).astype("int64")
        a, b = both["a"], both["b"]
        joined, change = (a == 0) & (b > 0), b - a
        known = first.reindex(both.index) <= begin
        rows.append(
            {
                "period": f"{begin:%Y-%m}",
                "n_start": len(before),
                "start_mrr": before.sum(),
                "new": b[joined & ~known].sum(),
                "expansion": change[(a > 0) & (change > 0)].sum(),
                "contraction": -change[(b > 0) & (change < 0)].sum(),
                "churn": a[(a > 0) & (b == 0)].sum(),
                "reactivation": b[joined & known].sum(),
            }
        )
        before = after
    found = pd.DataFrame(rows)
    found[list(NAMES)] /= 100
    return _answer(found)


def _followed(frame: Any) -> Any:
    """Contracts that another follows within a day after all had ended last until that one begins: nobody has left."""
    import pandas as pd

    frame = frame.sort_values(["customer_id", "start", "end"])
    ends = frame["end"].fillna(pd.Timestamp.max.floor("us"))
    reach = ends.groupby(frame["customer_id"]).cummax().groupby(frame["customer_id"]).shift()
    gap = (frame["start"] > reach) & (frame["start"].dt.normalize() - reach.dt.normalize() <= pd.Timedelta(days=GRACE))
    bridges = frame[gap].assign(end=reach[gap])[["customer_id", "end", "start"]]
    joined = frame.merge(bridges.rename(columns={"start": "until"}), on=["customer_id", "end"], how="left")
    return joined.assign(end=joined.pop("until").fillna(joined["end"]))


def _state(frame: Any, moment: Any) -> Any:
    """Revenue of every paying customer at an instant, in cents."""
    here = frame[(frame["start"] <= moment) & (moment < frame["end"])]
    return here.groupby("customer_id")["cents"].sum()


def _answer(frame: Any) -> Answer:
    """Months with customers and money, in whole cents."""
    rows = frame[["period", "n_start", *NAMES]].itertuples(index=False)
    return {"months": [[period, int(n), *(round(100 * x) for x in money)] for period, n, *money in rows]}


def small(path: Path) -> None:
    """A file to warm up on."""
    generate_contracts(path, 1000)


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: all columns read, nothing else", floor),
    "kbind": ("kbind, public API, checks and intervals included", kbind),
    "movements": ("kbind, checks included, without intervals", kbind_movements),
    "pandas": ("pandas, without checks and intervals", pandas),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "kbind", "movements")
PACKAGES = ("kbind", "duckdb", "pandas", "pyarrow", "numpy")
