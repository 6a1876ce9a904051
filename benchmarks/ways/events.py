"""Each way from a Parquet file of events to a cohort table and a life cycle.

Every way gives the same small answer: cohort -> age -> active customers, and period -> active customers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from generate import generate

ZONE = "Europe/Berlin"
Answer = dict[str, Any]


def floor(path: str) -> Answer:
    """Read the two columns and nothing else."""
    import duckdb

    connection = duckdb.connect()
    text = connection.sql(f"SELECT typeof(customer_id) FROM '{path}' LIMIT 1").fetchall() == [("VARCHAR",)]
    column = "strlen(customer_id)" if text else "customer_id"
    connection.sql(f"SELECT sum({column}), sum(epoch_us(timestamp)) FROM '{path}'").fetchall()
    return {}


def kbind(path: str) -> Answer:
    """The public API, checks included."""
    import kbind as kb

    record = kb.activity(kb.open_dataset(path, table="events", timezone=ZONE))
    frame = kb.cohort_retention(record).to_frame()
    cycle = kb.lifecycle(record).to_frame()
    known = frame[frame["at_risk"] > 0]
    cells = zip(known["cohort"], known["age"], known["active"], strict=True)
    return _answer(((c, int(a), int(n)) for c, a, n in cells if n), zip(cycle["period"], cycle["active"], strict=True))


def duckdb(path: str) -> Answer:
    """The best statement by hand: bit masks by way of a table of hours, whole-number ids in slots, no checks."""
    import duckdb as engine

    connection = engine.connect()
    connection.execute(f"SET TimeZone = '{ZONE}'")
    connection.execute("SET perfect_ht_threshold = 24")
    connection.execute(
        """
        CREATE TABLE hours AS
        SELECT epoch_us(h) // 3600000000 AS hour, 1::BIGINT << date_diff('month', DATE '2020-01-01', h) AS bit
        FROM range(TIMESTAMPTZ '2020-01-01', TIMESTAMPTZ '2025-01-01', INTERVAL 1 HOUR) AS t(h)
        """
    )
    rows = connection.sql(
        f"""
        WITH masks AS (
            SELECT bit_or(bit) AS m FROM '{path}' JOIN hours ON hour = epoch_us(timestamp) // 3600000000
            GROUP BY customer_id
        ),
        counted AS (SELECT m, count(*) AS n FROM masks GROUP BY m),
        placed AS (SELECT m, n, log2(m & -m)::INTEGER AS c FROM counted)
        SELECT c, p - c AS age, sum(n) AS active FROM placed, range(60) AS periods(p)
        WHERE p >= c AND (m >> p) & 1 = 1 GROUP BY c, age
        """
    ).fetchall()
    return _from_cells([(int(c), int(a), int(n)) for c, a, n in rows])


def polars(path: str) -> Answer:
    """The streaming idiom: distinct customer and month, first month by window, count."""
    import polars as pl

    local = pl.col("timestamp").dt.convert_time_zone(ZONE)
    month = (local.dt.year().cast(pl.Int32) - 2020) * 12 + local.dt.month().cast(pl.Int32) - 1
    active = pl.scan_parquet(path).select("customer_id", month.alias("m")).unique()
    aged = active.with_columns(pl.col("m").min().over("customer_id").alias("c"))
    counted = aged.group_by("c", (pl.col("m") - pl.col("c")).alias("age")).len().collect(engine="streaming")
    return _from_cells([(int(c), int(a), int(n)) for c, a, n in counted.iter_rows()])


def pandas(path: str) -> Answer:
    """The idiom of most tutorials: periods, drop_duplicates, transform, groupby."""
    import pandas as pd

    frame = pd.read_parquet(path)
    local = frame.pop("timestamp").dt.tz_convert(ZONE).dt
    frame["m"] = (local.year - 2020) * 12 + local.month - 1
    active = frame.drop_duplicates()
    first = active.groupby("customer_id")["m"].transform("min")
    counted = active.groupby([first.rename("c"), (active["m"] - first).rename("age")]).size()
    return _from_cells([(int(c), int(a), int(n)) for (c, a), n in counted.items()])


def repeatradar(path: str) -> Answer:
    """Cohort counts as its documentation shows; its ages are not calendar months, and it knows no life cycle."""
    import pandas as pd
    from repeatradar import generate_cohort_data

    frame = pd.read_parquet(path)
    frame["timestamp"] = frame["timestamp"].dt.tz_convert(ZONE).dt.tz_localize(None)
    generate_cohort_data(
        frame, date_column="timestamp", user_column="customer_id", cohort_period="M", period_duration="M"
    )
    return {}


def _from_cells(cells: list[tuple[int, int, int]]) -> Answer:
    periods: dict[int, int] = {}
    for cohort, age, n in cells:
        periods[cohort + age] = periods.get(cohort + age, 0) + n
    return _answer(((_label(c), a, n) for c, a, n in cells), ((_label(p), n) for p, n in periods.items()))


def _answer(cells: Any, periods: Any) -> Answer:
    return {
        "cells": sorted([c, int(a), int(n)] for c, a, n in cells),
        "periods": sorted([p, int(n)] for p, n in periods),
    }


def _label(month: int) -> str:
    return f"{2020 + month // 12}-{month % 12 + 1:02d}"


def small(path: Path) -> None:
    """A file to warm up on."""
    generate(path, 1000, "int")


WAYS: dict[str, tuple[str, Callable[[str], Answer]]] = {
    "floor": ("the floor: both columns read, nothing else", floor),
    "kbind": ("kbind, public API, checks included", kbind),
    "duckdb": ("DuckDB, best statement by hand, no checks", duckdb),
    "polars": ("Polars, streaming", polars),
    "pandas": ("pandas", pandas),
    "repeatradar": ("repeatradar (cohorts only)", repeatradar),
}
#: No libraries, so that nothing is measured against them.
NO_PEERS = ("floor", "kbind", "duckdb")
PACKAGES = ("kbind", "duckdb", "polars", "pandas", "pyarrow", "numpy", "repeatradar")
