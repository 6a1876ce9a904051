"""Generated data for the benchmarks, one Parquet file each: events, customers and how long they stayed, contracts, use,
customers who left and what they are like.

The same file on every machine: every value is a hash of the row number.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

EVENTS_PER_CUSTOMER = 40
KINDS = ("login", "report", "export", "search", "upload", "comment", "share", "invite")
MONTHS_US = 1826 * 86_400 * 1_000_000  # 2020-01-01 to 2024-12-31


def generate(path: Path, events: int, ids: str) -> None:
    """Write a log of customer_id (int or str) and timestamp (world time); customers join over four years."""
    customers = max(1, events // EVENTS_PER_CUSTOMER)
    identifier = "c" if ids == "int" else "'customer-' || lpad(c::VARCHAR, 10, '0')"
    _write(
        path,
        f"""
        WITH rows AS (
            SELECT (hash(i) % {customers})::BIGINT AS c, hash(i + 7919) AS h FROM range({events}) AS t(i)
        ), timed AS (
            SELECT c, h, (hash(c + 104729) % {MONTHS_US * 4 // 5}::UBIGINT)::BIGINT AS joined FROM rows
        ), placed AS (
            SELECT c, joined + (h % ({MONTHS_US} - joined)::UBIGINT)::BIGINT AS us FROM timed
        )
        SELECT {identifier} AS customer_id, make_timestamptz(1577836800000000 + us) AS timestamp FROM placed
        """,
    )


def generate_customers(path: Path, customers: int) -> None:
    """Write customers with customer_id, tenure in whole months, whether they churned, and one of four segments.

    How long they stay is exponential with a mean of 30, 34, 38 or 42 months by segment; they are seen for up to 72.
    """
    _write(
        path,
        f"""
        WITH drawn AS (
            SELECT i, (hash(i) % 4)::INTEGER AS s, (hash(i + 7919) % 1000003)::DOUBLE / 1000003 AS u,
                (hash(i + 104729) % 73)::INTEGER AS seen
            FROM range({customers}) AS t(i)
        ), lived AS (
            SELECT i, s, seen, floor(-ln(1 - u) * (30 + 4 * s))::INTEGER AS stayed FROM drawn
        )
        SELECT i AS customer_id, least(stayed, seen) AS tenure, stayed <= seen AS churned,
            ['basic', 'family', 'premium', 'student'][s + 1] AS segment
        FROM lived
        """,
    )


def generate_lives(path: Path, customers: int) -> None:
    """Write customers with customer_id, tenure in whole months, whether they churned, and five covariates.

    Leaving has the log hazard 0.02 seats + 0.1 tickets - 0.01 price - 0.2 partner - 0.1 app; they are seen for up to 72
    months.
    """
    _write(
        path,
        f"""
        WITH drawn AS (
            SELECT i AS customer_id, (hash(i + 7919) % 1000003)::DOUBLE / 1000003 AS u,
                (hash(i + 104729) % 73)::INTEGER AS seen, (1 + hash(i + 1) % 20)::INTEGER AS seats,
                (hash(i + 2) % 5)::INTEGER AS tickets, (900 + hash(i + 3) % 4000)::DOUBLE / 100 AS price,
                hash(i + 4) % 2 = 0 AS partner, hash(i + 5) % 3 = 0 AS app
            FROM range({customers}) AS t(i)
        ), lived AS (
            SELECT *, floor(-ln(1 - u) * 50 / exp(0.02 * seats + 0.1 * tickets - 0.01 * price
                - 0.2 * partner::INTEGER - 0.1 * app::INTEGER))::INTEGER AS stayed
            FROM drawn
        )
        SELECT customer_id, least(stayed, seen) AS tenure, stayed <= seen AS churned,
            seats, tickets, price, partner, app
        FROM lived
        """,
    )


def generate_contracts(path: Path, contracts: int) -> None:
    """Write contracts with customer_id, start, end (null = running) and mrr, 2.5 a customer from 2021 to 2023.

    They start at any moment of the three years and run for one to 24 months; gaps, overlaps and changes of price come
    with it. Every twentieth runs on, every fiftieth is free, prices are whole cents from 9 to 409.
    """
    customers, years = max(1, contracts * 2 // 5), 1095 * 86_400 * 1_000_000
    _write(
        path,
        f"""
        WITH drawn AS (
            SELECT (hash(i) % {customers})::BIGINT AS customer_id, (hash(i + 7919) % {years}::UBIGINT)::BIGINT AS began,
                ((30 + hash(i + 104729) % 700) * 86400000000)::BIGINT AS length, hash(i + 15485863) AS h
            FROM range({contracts}) AS t(i)
        )
        SELECT customer_id, make_timestamp(1609459200000000 + began) AS start,
            CASE WHEN h % 20 > 0 THEN make_timestamp(1609459200000000 + began + length) END AS "end",
            CASE WHEN h % 50 = 7 THEN 0 ELSE (900 + (h // 1000) % 40000) / 100.0 END::DOUBLE AS mrr
        FROM drawn
        """,
    )


def generate_usage(path: Path, events: int) -> None:
    """Write a log of customer_id, timestamp (wall clock), one of eight kinds, and an amount."""
    customers = max(1, events // EVENTS_PER_CUSTOMER)
    _write(
        path,
        f"""
        SELECT (hash(i) % {customers})::BIGINT AS customer_id,
            make_timestamp(1577836800000000 + (hash(i + 7919) % {MONTHS_US // 1_000_000}::UBIGINT)::BIGINT * 1000000)
                AS timestamp,
            {list(KINDS)}[1 + (hash(i + 104729) % {len(KINDS)})::INTEGER] AS kind,
            (hash(i + 1299709) % 10000)::DOUBLE / 100 AS amount
        FROM range({events}) AS t(i)
        """,
    )


def generate_churned(path: Path, churned: int) -> None:
    """Write customers with nine attributes, and whether they churned: four of five did.

    There are four types of customers, 40, 30, 20 and 10 %. Each attribute is the one usual for the type in half of the
    cases and any other level else; the budget is lognormal around that of the type.
    """
    levels = {
        "industry": 5, "company_size": 4, "channel": 4, "region": 4, "device": 3, "language": 3, "goal": 5,
        "newsletter": 2,
    }  # fmt: skip
    columns = ", ".join(
        f"'{name} ' || CASE WHEN hash(i + {7919 * n}) % 2 = 0 THEN (t + {n}) % {k} "
        f"ELSE hash(i + {104729 * n}) % {k} END AS {name}"
        for n, (name, k) in enumerate(levels.items(), start=1)
    )
    uniforms = " + ".join(f"(hash(i + {1299709 * n}) % 1000003)::DOUBLE / 1000003" for n in range(1, 13))
    _write(
        path,
        f"""
        WITH typed AS (
            SELECT i, [0, 0, 0, 0, 1, 1, 1, 2, 2, 3][1 + (hash(i) % 10)::INTEGER] AS t
            FROM range({churned * 5 // 4}) AS rows(i)
        )
        SELECT i AS customer_id, i % 5 < 4 AS churned, {columns},
            round(exp(5 + t + 0.5 * ({uniforms} - 6)), 2) AS budget
        FROM typed
        """,
    )


def _write(path: Path, query: str) -> None:
    """What a statement returns, as a file that is there only when it is whole."""
    temporary = path.with_suffix(".part")
    duckdb.sql(f"COPY ({query}) TO '{temporary}' (FORMAT parquet)")
    temporary.replace(path)


if __name__ == "__main__":
    file, rows, kind = Path(sys.argv[1]), int(float(sys.argv[2])), sys.argv[3]
    if kind == "customers":
        generate_customers(file, rows)
    elif kind == "contracts":
        generate_contracts(file, rows)
    elif kind == "churned":
        generate_churned(file, rows)
    elif kind == "usage":
        generate_usage(file, rows)
    else:
        generate(file, rows, kind)
