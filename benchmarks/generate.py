"""Generated event logs for the benchmarks: about 40 events a customer over 60 months, in one Parquet file.

The same file on every machine: every value is a hash of the row number.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

EVENTS_PER_CUSTOMER = 40
MONTHS_US = 1826 * 86_400 * 1_000_000  # 2020-01-01 to 2024-12-31


def generate(path: Path, events: int, ids: str) -> None:
    """Write a log of customer_id (int or str) and timestamp (world time); customers join over four years."""
    customers = max(1, events // EVENTS_PER_CUSTOMER)
    identifier = "c" if ids == "int" else "'customer-' || lpad(c::VARCHAR, 10, '0')"
    temporary = path.with_suffix(".part")
    duckdb.sql(
        f"""
        COPY (
            WITH rows AS (
                SELECT (hash(i) % {customers})::BIGINT AS c, hash(i + 7919) AS h FROM range({events}) AS t(i)
            ), timed AS (
                SELECT c, h, (hash(c + 104729) % {MONTHS_US * 4 // 5}::UBIGINT)::BIGINT AS joined FROM rows
            ), placed AS (
                SELECT c, joined + (h % ({MONTHS_US} - joined)::UBIGINT)::BIGINT AS us FROM timed
            )
            SELECT {identifier} AS customer_id, make_timestamptz(1577836800000000 + us) AS timestamp FROM placed
        ) TO '{temporary}' (FORMAT parquet)
        """
    )
    temporary.replace(path)


if __name__ == "__main__":
    generate(Path(sys.argv[1]), int(float(sys.argv[2])), sys.argv[3])
