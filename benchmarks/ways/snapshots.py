"""Each way from a Parquet file of events to what was known of every customer at the start of twelve months.

Customers are those with an event in the 56 days before. Every way gives sums over them by date, of every feature it
makes: kbind and pandas all of them and the outcome, featuretools those that it has.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from generate import KINDS, generate_usage

DATES = [f"2024-{month:02d}-01" for month in range(1, 13)]
END = "2025-01-01"
WINDOWS, LAPSE, LEAD, HORIZON = (30, 90, 365), 56, 30, 90
#: Shares are compared to so many parts of one.
FINE = 1_000_000
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read the four columns and nothing else."""
    import duckdb

    columns = "sum(customer_id), sum(epoch_us(timestamp)), sum(strlen(kind)), sum(amount)"
    duckdb.connect().sql(f"SELECT {columns} FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API, checks included."""
    import kbind as kb

    data = kb.open_dataset(path, table="events", as_of=END, lapse=f"{LAPSE}D")
    found = kb.snapshots(data, as_of=DATES, lead=f"{LEAD}D", horizon=f"{HORIZON}D")
    edges = np.searchsorted(found.as_of, np.array([*DATES, END], dtype=found.as_of.dtype))
    answer = {}
    for date, rows in zip(DATES, itertools.starmap(slice, itertools.pairwise(edges)), strict=True):
        part = found.features.iloc[rows]
        answer[date] = {
            "customers": len(part),
            **{f"count {w}": _whole(part[f"events_count_{w}"]) for w in WINDOWS},
            **{f"count {w} {kind}": _whole(part[f"events_count_{kind}_{w}"]) for w in WINDOWS for kind in KINDS},
            **{f"sum {w}": _whole(100 * part[f"events_amount_sum_{w}"]) for w in WINDOWS},
            "since": _whole(86_400 * part["events_days_since"]),
            **{f"since {kind}": _whole(86_400 * part[f"events_days_since_{kind}"]) for kind in KINDS},
            "gap": _whole(2 * part["events_gap"]),
            "rhythm": _whole(FINE * part["events_rhythm"]),
            "trend": _whole(FINE * part["events_trend_30"]),
            **{f"trend {kind}": _whole(FINE * part[f"events_trend_{kind}_30"]) for kind in KINDS},
            "change": _whole(part["events_change_90"]),
            "sum change": _whole(100 * part["events_amount_sum_change_90"]),
            "tenure": _whole(part["tenure"]),
            "target": _whole(found.target[rows]),
        }
    return answer


def pandas(path: str) -> Answer:
    """A loop over dates; what does not depend on the date (the order of time, gaps between days) is made before it."""
    import pandas as pd

    day = pd.Timedelta(days=1)
    events = pd.read_parquet(path).sort_values("timestamp", ignore_index=True)
    events["kind"] = events["kind"].astype("category")
    days = events.assign(day=events["timestamp"].dt.normalize())[["customer_id", "day"]].drop_duplicates()
    days = days.sort_values(["customer_id", "day"])
    of_customer = days.groupby("customer_id")["day"]
    days["gap"] = of_customer.diff() / day
    first = of_customer.min()
    silence = of_customer.shift(-1).fillna(pd.Timestamp(END)) - days["day"]
    leaves = days.loc[silence > LAPSE * day, ["customer_id", "day"]]
    leaves["day"] += (LAPSE + 1) * day
    answer = {}
    for date in DATES:
        at = pd.Timestamp(date)
        past = events.iloc[: events["timestamp"].searchsorted(at)]
        last = past.groupby("customer_id")["timestamp"].max()
        last = last[last >= at - LAPSE * day]
        there = last.index
        past = past[past["customer_id"].isin(there)]
        begins = {window: past["timestamp"].searchsorted(at - window * day) for window in (*WINDOWS, 180)}
        found, counts, sums = {"customers": len(there)}, {}, {}
        for window in WINDOWS:
            late = past.iloc[begins[window] :]
            grouped = late.groupby(["customer_id", "kind"], observed=True).size().unstack()
            grouped = grouped.reindex(index=there, columns=list(KINDS)).fillna(0)
            counts[window] = grouped.assign(all=grouped.sum(axis=1))
            sums[window] = late.groupby("customer_id")["amount"].sum().reindex(there).fillna(0)
            found[f"count {window}"] = _whole(counts[window]["all"])
            found |= {f"count {window} {kind}": _whole(grouped[kind]) for kind in KINDS}
            found[f"sum {window}"] = _whole(100 * sums[window])
        trend = counts[30] / (counts[90].where(counts[90] > 0) * (30 / 90))
        found |= {f"trend {kind}": _whole(FINE * trend[kind]) for kind in KINDS}
        found["trend"] = _whole(FINE * trend["all"])
        before = past.iloc[begins[180] : begins[90]].groupby("customer_id")["amount"].agg(["size", "sum"])
        before = before.reindex(there).fillna(0)
        found["change"] = _whole(counts[90]["all"] - before["size"])
        found["sum change"] = _whole(100 * (sums[90] - before["sum"]))
        found["since"] = _whole((at - last) / pd.Timedelta(seconds=1))
        by_kind = past.groupby(["customer_id", "kind"], observed=True)["timestamp"].max().unstack()
        by_kind = by_kind.reindex(columns=list(KINDS))
        found |= {f"since {kind}": _whole((at - by_kind[kind]) / pd.Timedelta(seconds=1)) for kind in KINDS}
        known = days[(days["day"] < at) & days["customer_id"].isin(there)]
        gap = known.groupby("customer_id")["gap"].median()
        found["gap"] = _whole(2 * gap)
        found["rhythm"] = _whole(FINE * ((at - last.dt.normalize()) / day / gap))
        found["tenure"] = _whole((at - first[there]) / day)
        left = leaves[leaves["day"] >= at].groupby("customer_id")["day"].min().reindex(there)
        target = (left >= at + LEAD * day) & (left < at + (LEAD + HORIZON) * day)
        found["target"] = _whole(target) if at + (LEAD + HORIZON) * day <= pd.Timestamp(END) else 0
        answer[date] = found
    return answer


def featuretools(path: str) -> Answer:
    """Deep feature synthesis with cut-off times, once for every window; counts and sums."""
    import featuretools as ft

    es, cutoffs = _entities(path)
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


def featuretools_since(path: str) -> Answer:
    """Counts and sums, and the time since the last event of each kind from all of the past."""
    import featuretools as ft

    answer = featuretools(path)
    es, cutoffs = _entities(path)
    frame, _ = ft.dfs(
        entityset=es, target_dataframe_name="customers", cutoff_time=cutoffs, cutoff_time_in_index=True,
        include_cutoff_time=False, agg_primitives=["time_since_last"], where_primitives=["time_since_last"],
        trans_primitives=[], max_depth=2,
    )  # fmt: skip
    name = "TIME_SINCE_LAST(events.timestamp"
    for date, part in frame.groupby(level="time"):
        found = answer[f"{date:%Y-%m-%d}"]
        found["since"] = _whole(part[f"{name})"])
        found |= {f"since {kind}": _whole(part[f"{name} WHERE kind = {kind})"]) for kind in KINDS}
    return answer


def _entities(path: str) -> tuple[Any, Any]:
    """Events and their customers as featuretools wants them, and who is looked at when."""
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
    return es, cutoffs


def _whole(values: Any) -> int:
    """The sum of values, each to the nearest whole number."""
    return int(np.nansum(np.rint(np.asarray(values, dtype=float))))


def small(path: Path) -> None:
    """A file to warm up on."""
    generate_usage(path, 2000)


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: all columns read, nothing else", floor),
    "kbind": ("kbind, public API, checks included", kbind),
    "pandas": ("pandas, loop over dates, the same features", pandas),
    "featuretools": ("featuretools, counts and sums only", featuretools),
    "featuretools_since": ("featuretools, time since the last event too", featuretools_since),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "kbind")
PACKAGES = ("kbind", "duckdb", "pandas", "pyarrow", "numpy", "featuretools")
