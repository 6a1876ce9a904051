"""Each way from a Parquet file of events to what was known of every customer at the start of twelve months.

Customers are those with an event in the 56 days before. Every way gives sums over them by date: how many there are,
and of the features it makes counts and amounts by window and kind, time since the last event, and the usual gap.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from generate import KINDS, generate_usage

DATES = [f"2024-{month:02d}-01" for month in range(1, 13)]
WINDOWS, LAPSE = (30, 90, 365), 56
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read the four columns and nothing else."""
    import duckdb

    columns = "sum(customer_id), sum(epoch_us(timestamp)), sum(strlen(kind)), sum(amount)"
    duckdb.connect().sql(f"SELECT {columns} FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API, checks, outcome and all other features included."""
    import kbind as kb

    data = kb.open_dataset(path, table="events", as_of="2025-01-01")
    found = kb.snapshots(data, as_of=DATES, lapse=f"{LAPSE}D")
    answer = {}
    for date in DATES:
        rows = found.as_of == np.datetime64(date)
        part = found.features[rows]
        answer[date] = {
            "customers": int(rows.sum()),
            **{f"count {w}": _whole(part[f"events_count_{w}"]) for w in WINDOWS},
            **{f"count {w} {kind}": _whole(part[f"events_count_{kind}_{w}"]) for w in WINDOWS for kind in KINDS},
            **{f"sum {w}": _whole(100 * part[f"events_amount_sum_{w}"]) for w in WINDOWS},
            "since": _whole(86_400 * part["events_days_since"]),
            **{f"since {kind}": _whole(86_400 * part[f"events_days_since_{kind}"]) for kind in KINDS},
            "gap": _whole(2 * part["events_gap"]),
        }
    return answer


def pandas(path: str) -> Answer:
    """A loop over dates; what does not depend on the date (the order of time, gaps between days) is made before it."""
    import pandas as pd

    events = pd.read_parquet(path).sort_values("timestamp", ignore_index=True)
    events["kind"] = events["kind"].astype("category")
    days = events.assign(day=events["timestamp"].dt.normalize())[["customer_id", "day"]].drop_duplicates()
    days = days.sort_values(["customer_id", "day"])
    days["gap"] = days.groupby("customer_id")["day"].diff() / pd.Timedelta(days=1)
    answer = {}
    for date in DATES:
        at = pd.Timestamp(date)
        past = events.iloc[: events["timestamp"].searchsorted(at)]
        last = past.groupby("customer_id")["timestamp"].max()
        there = last.index[last >= at - pd.Timedelta(days=LAPSE)]
        past = past[past["customer_id"].isin(there)]
        found = {"customers": len(there)}
        for window in WINDOWS:
            late = past.iloc[past["timestamp"].searchsorted(at - pd.Timedelta(days=window)) :]
            grouped = late.groupby(["customer_id", "kind"], observed=True).size().unstack()
            grouped = grouped.reindex(index=there, columns=list(KINDS)).fillna(0)
            found[f"count {window}"] = _whole(grouped.sum(axis=1))
            found |= {f"count {window} {kind}": _whole(grouped[kind]) for kind in KINDS}
            found[f"sum {window}"] = _whole(100 * late.groupby("customer_id")["amount"].sum().reindex(there).fillna(0))
        found["since"] = _whole((at - last[there]) / pd.Timedelta(seconds=1))
        by_kind = past.groupby(["customer_id", "kind"], observed=True)["timestamp"].max().unstack()
        by_kind = by_kind.reindex(columns=list(KINDS))
        found |= {f"since {kind}": _whole((at - by_kind[kind]) / pd.Timedelta(seconds=1)) for kind in KINDS}
        gaps = days[(days["day"] < at) & days["customer_id"].isin(there)]
        found["gap"] = _whole(2 * gaps.groupby("customer_id")["gap"].median())
        answer[date] = found
    return answer


def featuretools(path: str) -> Answer:
    """Deep feature synthesis with cut-off times, once for every window; counts and sums only."""
    import featuretools as ft
    import pandas as pd

    events = pd.read_parquet(path).reset_index(names="row")
    last = [events[events["timestamp"] < date].groupby("customer_id")["timestamp"].max() for date in DATES]
    cutoffs = pd.concat(
        pd.DataFrame({"customer_id": one.index[one >= pd.Timestamp(date) - pd.Timedelta(days=LAPSE)], "time": date})
        for date, one in zip(DATES, last, strict=True)
    ).astype({"time": "datetime64[ns]"})
    es = ft.EntitySet("shop")
    es.add_dataframe(
        dataframe_name="events", dataframe=events, index="row", time_index="timestamp",
        logical_types={"kind": "Categorical", "customer_id": "Integer"},
    )  # fmt: skip
    es.normalize_dataframe("events", "customers", index="customer_id")
    es.add_last_time_indexes()  # or training windows are taken for empty
    es.add_interesting_values(dataframe_name="events", values={"kind": list(KINDS)})
    answer: Answer = {date: {"customers": int((cutoffs["time"] == date).sum())} for date in DATES}
    for window in WINDOWS:
        frame, _ = ft.dfs(
            entityset=es, target_dataframe_name="customers", cutoff_time=cutoffs, cutoff_time_in_index=True,
            include_cutoff_time=False, training_window=ft.Timedelta(window, "d"), agg_primitives=["count", "sum"],
            where_primitives=["count"], trans_primitives=[], max_depth=2,
        )  # fmt: skip
        frame = frame.fillna(0)
        counts = {kind: f"COUNT(events WHERE kind = {kind})" for kind in KINDS}
        for date, part in frame.groupby(level="time"):
            found = answer[f"{date:%Y-%m-%d}"]
            found[f"count {window}"] = _whole(part["COUNT(events)"])
            found[f"sum {window}"] = _whole(100 * part["SUM(events.amount)"])
            found |= {f"count {window} {k}": _whole(part[name]) for k, name in counts.items()}
    return answer


def _whole(values: Any) -> int:
    """The sum of values that are whole numbers but for rounding."""
    known = np.asarray(values, dtype=float)
    return int(np.rint(known[np.isfinite(known)]).astype(np.int64).sum())


def small(path: Path) -> None:
    """A file to warm up on."""
    generate_usage(path, 2000)


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: all columns read, nothing else", floor),
    "kbind": ("kbind, public API, checks and outcome included", kbind),
    "pandas": ("pandas, loop over dates", pandas),
    "featuretools": ("featuretools (counts and sums only)", featuretools),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "kbind")
PACKAGES = ("kbind", "duckdb", "pandas", "pyarrow", "numpy", "featuretools")
