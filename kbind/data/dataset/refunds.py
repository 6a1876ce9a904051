"""Goods that came back: what the notes of a data set say about refunds and cancelled orders."""

from __future__ import annotations

from kbind.data.dataset.model import Dataset

#: Order numbers of cancellations in many shop systems: that of the order, with a C in front.
_CANCELLED = r"C\d+"


def refund_notes(data: Dataset) -> list[str]:
    """How many rows are refunds or belong to cancelled orders; they count as activity, which must be known."""
    if "events" not in data.tables:
        return []
    notes = []
    columns = data.tables["events"].columns
    if "amount" in data.tables["events"].apart:
        found = data.engine.query("SELECT count(*) AS n FROM t WHERE amount < 0", tables={"t": "events"})
        n = found.column("n")[0].as_py()
        what = "refund (negative amount)" if n == 1 else "refunds (negative amounts)"
        notes += [f"events: {n:,} {what} in several currencies; kept, and counted as activity"] if n else []
    if "amount" in columns:
        found = data.engine.query(
            "SELECT count(*) AS n, sum(amount) AS total FROM t WHERE amount < 0", tables={"t": "events"}
        ).to_pylist()[0]
        if found["n"]:
            what = "refund (negative amount)" if found["n"] == 1 else "refunds (negative amounts)"
            note = f"events: {found['n']:,} {what}, {found['total']:,.2f} in all; kept, and counted as activity"
            only = _with_refunds_only(data)
            notes.append(note + (f"; {only:,} {_customers(only)} nothing else" if only else ""))
    if columns.get("order_id", "").startswith("VARCHAR"):
        found = data.engine.query(
            "SELECT count(*) FILTER (WHERE c) AS n, count(DISTINCT order_id) FILTER (WHERE c) AS orders, "
            "count(*) FILTER (WHERE NOT c) AS others, min(order_id) FILTER (WHERE c) AS example "
            "FROM (SELECT order_id, regexp_full_match(order_id, _pattern) AS c FROM t) AS marked",
            tables={"t": "events"},
            values={"pattern": _CANCELLED},
        ).to_pylist()[0]
        if 0 < found["n"] <= found["others"]:  # where most numbers have the C, it means something else
            rows = "1 row" if found["n"] == 1 else f"{found['n']:,} rows"
            orders = "1 order looks" if found["orders"] == 1 else f"{found['orders']:,} orders look"
            notes.append(f"events: {orders} cancelled (order_id like {found['example']}, {rows}); counted as activity")
    return notes


def _with_refunds_only(data: Dataset) -> int:
    """Customers all of whose rows are refunds; counting customers takes long, so nobody does it without need."""
    found = data.engine.query(
        "SELECT (SELECT count(DISTINCT customer_id) FROM t) - "
        "(SELECT count(DISTINCT customer_id) FROM t WHERE amount >= 0 OR amount IS NULL) AS n",
        tables={"t": "events"},
    )
    return int(found.column("n")[0].as_py())


def _customers(n: int) -> str:
    return "customer has" if n == 1 else "customers have"
